//! Where the rows, arrows and words of a ladder go on the grid.

use super::canvas::{width, wrap};
use super::glyphs::Glyphs;
use crate::ladder::layout::*;
use crate::ladder::traffic;
use std::time::Duration;

/// Columns for a state's name: SYN-RECEIVED has twelve letters.
pub(super) const STATE_WIDTH: usize = 12;
/// From this width on, the time since the row above has a column of its own.
const DELTA_FROM: usize = 96;
/// Columns of that column.
const DELTA_WIDTH: usize = 9;
/// How far from the receiver an arrow slopes, where nothing is in its way.
const SLOPE_BEFORE_END: usize = 6;
/// The most columns by which crossing arrows slope around the middle.
const CROSSING_SLOPE: usize = 4;
/// So many arrows under way at once would make a tangle: they are cut.
const TANGLE: usize = 3;
/// An arrow that passes more rows than this is cut.
const LONG: usize = 8;
/// Stands before what was folded.
pub(super) const FOLD_SIGN: &str = "⋯ ";
/// The length of the end of an arrow that was cut.
pub(super) const STUB: usize = 8;

/// Columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub(super) width: usize,
    pub(super) time: usize,
    /// Where the column of deltas ends, if there is one.
    pub(super) delta_end: Option<usize>,
    /// Of the two lifelines.
    pub(super) lifelines: [usize; 2],
    /// Six digits after the point instead of three.
    pub(super) micros: bool,
}

impl Columns {
    pub(super) fn of(ladder: &Ladder, width: usize, glyphs: &Glyphs) -> Columns {
        let micros = needs_micros(ladder);
        let wide = width >= DELTA_FROM;
        let labels = ladder.rows.iter().map(|row| {
            let absolute = time_text(row, micros).len();
            let gap = match row.gap {
                Gap::Break(span) if !wide => super::canvas::width(&gap_text(span, glyphs)),
                _ => 0,
            };
            absolute.max(gap)
        });
        let time = labels.max().unwrap_or(0).clamp(8, 13);
        let delta = if wide { DELTA_WIDTH + 1 } else { 0 };
        let brackets = |side| 1 + usize::from(ladder.brackets.iter().any(|b| b.side == side));
        let left = time + delta + 1 + STATE_WIDTH + brackets(Side::Left);
        let right = width - 1 - STATE_WIDTH - brackets(Side::Right);
        Columns { width, time, delta_end: wide.then_some(time + delta), lifelines: [left, right], micros }
    }

    /// Columns between the lifelines.
    pub(super) fn room(&self) -> usize {
        self.lifelines[1] - self.lifelines[0] - 1
    }

    fn middle(&self) -> usize {
        (self.lifelines[0] + self.lifelines[1]) / 2
    }

    /// `distance` columns away from the lifeline of `side`, towards the other.
    pub(super) fn from(&self, side: Side, distance: usize) -> usize {
        match side {
            Side::Left => self.lifelines[0] + distance,
            Side::Right => self.lifelines[1].saturating_sub(distance),
        }
    }
}

/// Milliseconds do where no two packets leave within the same one.
pub(in crate::ladder) fn needs_micros(ladder: &Ladder) -> bool {
    let departures: Vec<Duration> = ladder.rows.iter().filter(|r| !r.is_arrival).map(|r| r.at).collect();
    departures.windows(2).any(|w| w[0] != w[1] && w[0].as_millis() == w[1].as_millis())
}

/// The time of a row, in seconds.
pub(in crate::ladder) fn time_text(row: &Row, micros: bool) -> String {
    let about = if row.estimated { "~" } else { "" };
    let at = row.at + Duration::from_nanos(if micros { 500 } else { 500_000 });
    match micros {
        true => format!("{about}{}.{:06}", at.as_secs(), at.subsec_micros()),
        false => format!("{about}{}.{:03}", at.as_secs(), at.subsec_millis()),
    }
}

pub(super) fn gap_text(span: Duration, glyphs: &Glyphs) -> String {
    format!("{} {}", glyphs.gap, glyphs.translate(&crate::words::duration(span)))
}

/// How an arrow gets on with those that are under way at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Traffic {
    /// Nothing is in its way.
    Free,
    /// It meets one that runs the other way: both slope in the middle.
    Crossing,
    /// There is too much: only its beginning and its end are drawn.
    Cut,
}

/// Where an arrow runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// Lines where it leaves and arrives.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) is_cut: bool,
    /// How far from its sender it begins to slope, in columns.
    bend: usize,
    /// How far from its sender its slope may reach.
    reach: usize,
}

impl Path {
    pub(super) fn is_level(&self) -> bool {
        self.from == self.to
    }

    /// How far from the sender the slope is at `line`.
    pub(super) fn slope_at(&self, line: usize) -> usize {
        let (down, height) = (line.saturating_sub(self.from), (self.to - self.from).max(1));
        let across = self.reach.saturating_sub(self.bend).min(height);
        self.bend + down * across / height
    }
}

/// The words of an arrow, broken to their room.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    /// On the arrow.
    pub(super) label: String,
    /// Below it.
    pub(super) below: Vec<String>,
}

/// Lines and paths of all rows and arrows.
pub(super) struct Plan {
    /// The line of each row.
    pub(super) row_line: Vec<usize>,
    /// The line of the gap above each row, if there is one.
    pub(super) gap_line: Vec<Option<usize>>,
    pub(super) paths: Vec<Path>,
    pub(super) words: Vec<Words>,
    pub(super) remarks: Vec<Vec<String>>,
    pub(super) lines: usize,
}

impl Plan {
    /// `first` is the first line that is free.
    pub(super) fn of(ladder: &Ladder, columns: &Columns, glyphs: &Glyphs, first: usize) -> Plan {
        let traffic: Vec<(Traffic, bool)> = traffic(ladder).into_iter().zip(sharing(ladder)).collect();
        let words: Vec<Words> = (ladder.arrows.iter().zip(&traffic))
            .map(|(arrow, traffic)| fit(arrow, *traffic, columns, glyphs))
            .collect();
        let remarks: Vec<Vec<String>> =
            ladder.remarks.iter().map(|r| remark_lines(r, columns.room(), glyphs)).collect();
        let mut extra = vec![0; ladder.rows.len()];
        for (arrow, words) in ladder.arrows.iter().zip(&words) {
            extra[arrow.departs] = words.below.len().max(extra[arrow.departs]);
            if let Ending::Dropped(_) = arrow.end {
                extra[arrow.arrives] = extra[arrow.arrives].max(1);
            }
        }
        for (remark, lines) in ladder.remarks.iter().zip(&remarks) {
            extra[remark.row] = extra[remark.row].max(lines.len() - 1);
        }
        let (mut row_line, mut gap_line, mut line) = (Vec::new(), Vec::new(), first);
        for (row, extra) in ladder.rows.iter().zip(&extra) {
            let has_gap = row.gap != Gap::None;
            gap_line.push(has_gap.then_some(line));
            line += usize::from(has_gap);
            row_line.push(line);
            line += 1 + extra;
        }
        let paths = (ladder.arrows.iter().zip(&traffic))
            .map(|(arrow, traffic)| path(arrow, *traffic, columns, &row_line))
            .collect();
        Plan { row_line, gap_line, paths, words, remarks, lines: line }
    }
}

/// Which arrows leave at the same row as one that runs the other way.
fn sharing(ladder: &Ladder) -> Vec<bool> {
    let mut leaving = vec![[false; 2]; ladder.rows.len()];
    for arrow in &ladder.arrows {
        leaving[arrow.departs][arrow.from.index()] = true;
    }
    ladder.arrows.iter().map(|arrow| leaving[arrow.departs] == [true; 2]).collect()
}

/// A remark, broken to its room. What a fold says of each direction stays together.
fn remark_lines(remark: &Remark, room: usize, glyphs: &Glyphs) -> Vec<String> {
    let text = glyphs.translate(&remark.text);
    match remark.side {
        Some(_) => wrap(&text, room - 3),
        None => {
            let room = room - 4 - width(&glyphs.translate(FOLD_SIGN));
            let whole = width(&text) <= room;
            let parts = if whole { vec![&*text] } else { text.split("; ").collect() };
            parts.into_iter().flat_map(|part| wrap(part, room)).collect()
        }
    }
}

/// How each arrow gets on with the others.
fn traffic(ladder: &Ladder) -> Vec<Traffic> {
    let arrows = &ladder.arrows;
    let mut traffic = vec![Traffic::Free; arrows.len()];
    let mut sloped: Vec<usize> = (0..arrows.len()).filter(|&i| arrows[i].departs < arrows[i].arrives).collect();
    sloped.sort_by_key(|&i| arrows[i].departs);
    let mut under_way: Vec<usize> = Vec::new();
    for &new in &sloped {
        under_way.retain(|&old| arrows[old].arrives >= arrows[new].departs);
        under_way.push(new);
        if under_way.len() >= TANGLE {
            under_way.iter().for_each(|&i| traffic[i] = Traffic::Cut);
        }
        if arrows[new].arrives - arrows[new].departs > LONG {
            traffic[new] = Traffic::Cut;
        }
    }
    let meeting = traffic::meeting(arrows, |index| traffic[index] != Traffic::Cut, |until, from| until >= from);
    for (traffic, _) in traffic.iter_mut().zip(meeting).filter(|(_, meets)| *meets) {
        *traffic = Traffic::Crossing;
    }
    traffic
}

fn path(arrow: &Arrow, (traffic, shares_row): (Traffic, bool), columns: &Columns, row_line: &[usize]) -> Path {
    let (from, to) = (row_line[arrow.departs], row_line[arrow.arrives]);
    let room = columns.room();
    let height = to - from;
    let slope = height.min(CROSSING_SLOPE);
    // The middle is not the same distance from both sides where the room is even.
    let left_bend = columns.middle() - slope / 2;
    let bend = match (traffic, arrow.from) {
        (Traffic::Crossing, Side::Left) => left_bend - columns.lifelines[0],
        (Traffic::Crossing, Side::Right) => columns.lifelines[1] - (left_bend + slope),
        (Traffic::Free, _) => (room - SLOPE_BEFORE_END).min(room.saturating_sub(height + 2)).max(room / 2),
        (Traffic::Cut, _) if shares_row => room / 2 - 2,
        (Traffic::Cut, _) => room - STUB,
    };
    let reach = match traffic {
        Traffic::Free => room - 2,
        Traffic::Crossing => (bend + CROSSING_SLOPE).min(room - 2),
        Traffic::Cut => bend,
    };
    Path { from, to, is_cut: traffic == Traffic::Cut, bend, reach }
}

/// Breaks an arrow's words: what does not fit on it stands below.
fn fit(arrow: &Arrow, (traffic, shares_row): (Traffic, bool), columns: &Columns, glyphs: &Glyphs) -> Words {
    let room = columns.room();
    let sloped = arrow.departs < arrow.arrives;
    let limit = match (&arrow.end, sloped, traffic) {
        (Ending::Lost(why), ..) => room.saturating_sub(width(why) + 8),
        (Ending::Unknown, ..) => room - 7,
        (_, true, Traffic::Crossing) => room / 2 - CROSSING_SLOPE / 2 - 3,
        (_, true, Traffic::Free) => room - SLOPE_BEFORE_END - 4,
        (_, true, Traffic::Cut) if shares_row => room / 2 - 6,
        (_, true, Traffic::Cut) => room - STUB - 4,
        (_, false, _) => room - 6 - arrow.origin.as_ref().map_or(0, |o| width(o) + 2),
    };
    let below_limit = if sloped { limit } else { room - 6 };
    let number = arrow.label.numbers().map(|n| format!("{} ", glyphs.translate(&n))).unwrap_or_default();
    let head = format!("{number}{}", glyphs.translate(&arrow.label.name));
    let mut lines = wrap(&head, limit);
    for field in &arrow.label.fields {
        append(&mut lines, field, " ", if sloped { limit } else { below_limit.min(limit) }, 1);
    }
    for detail in &arrow.label.details {
        append(&mut lines, &glyphs.translate(detail), "; ", below_limit, 2);
    }
    let label = lines.remove(0);
    Words { label, below: lines }
}

/// Adds `text` to the last line if it has room, else below; line `from` (counted from 1) is the first that may be added to.
fn append(lines: &mut Vec<String>, text: &str, separator: &str, room: usize, from: usize) {
    let joins = lines.len() >= from;
    match lines.last_mut() {
        Some(last) if joins && width(last) + separator.len() + width(text) <= room => {
            last.push_str(separator);
            last.push_str(text);
        }
        _ => lines.extend(wrap(text, room)),
    }
}
