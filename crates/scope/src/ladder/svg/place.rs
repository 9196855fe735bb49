//! Where everything of a ladder stands.
//!
//! Columns first, then the rows: time decides how far they are apart, or evenness; then words are laid on their arrows, and
//! where two of them overlap, the row of the later one moves down until none do.

use super::fit::{SIZE, SMALL, Words, fit};
use super::measure::{angle, busy, scale};
use super::{MARGIN, Spacing};
use crate::ladder::layout::*;
use crate::ladder::traffic;
use crate::picture::geometry::Point;
use crate::picture::{Anchor, Ink, Run, Text, font};
use std::time::Duration;

/// How far a usual packet's arrow goes down while it is under way, in pixels.
pub(super) const FLIGHT: f64 = 46.0;
/// The height of a break.
pub(super) const BREAK: f64 = 42.0;
/// The least height of a band of several segments.
const BAND: f64 = 7.0;
/// How often rows are moved apart, at most.
const PASSES: usize = 120;
/// Steeper than this, in pixels down for each across, and only the ends of an arrow are drawn.
const STEEP: f64 = 0.8;
/// How far words stand off their arrow.
const ABOVE: f64 = 4.5;
/// Lines below an arrow are so far apart.
const SMALL_LINE: f64 = 12.5;
/// Where a lost packet's arrow ends.
const LOST_AT: f64 = 0.62;
/// Columns of lines beside a lifeline, at most.
pub(super) const MAX_LANES: usize = 6;
/// How wide such a column is.
pub(super) const LANE: f64 = 7.0;
/// How far from the lifelines' bars a fold's band begins: heads of arrows, and what is thrown away there, are seen beside it.
pub(super) const FOLD_OFF: f64 = 30.0;
/// The half width of a lifeline's bar.
pub(super) const BAR: f64 = 4.5;

/// From left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Where the axes of time are.
    pub(super) axes: [f64; 2],
    /// The middles of the lifelines.
    pub(super) lifelines: [f64; 2],
    /// Where the words beside each lifeline begin (right) or end (left).
    pub(super) notes: [f64; 2],
    /// How much room these words have.
    pub(super) room: [f64; 2],
}

impl Columns {
    pub(super) fn of(ladder: &Ladder, width: f64, lanes: [usize; 2]) -> Columns {
        const AXIS: f64 = 66.0;
        /// As wide as SYN-RECEIVED.
        const STATES: f64 = 88.0;
        let speaks = |side| ladder.remarks.iter().any(|r| r.side == Some(side));
        let gutter = lanes.map(|lanes| BAR + 10.0 + LANE * lanes as f64);
        let inner = width - 2.0 * MARGIN - 2.0 * AXIS - gutter[0] - gutter[1];
        let room = [Side::Left, Side::Right].map(|side| if speaks(side) { (inner * 0.21).max(STATES) } else { STATES });
        let notes = [MARGIN + AXIS + room[0], width - MARGIN - AXIS - room[1]];
        let lifelines = [notes[0] + gutter[0], notes[1] - gutter[1]];
        Columns { axes: [MARGIN + AXIS - 12.0, width - MARGIN - AXIS + 12.0], lifelines, notes, room }
    }

    /// Between the lifelines' bars.
    pub(super) fn span(&self) -> f64 {
        self.lifelines[1] - self.lifelines[0] - 2.0 * BAR
    }

    /// Where arrows of `side` begin.
    pub(super) fn edge(&self, side: Side) -> f64 {
        match side {
            Side::Left => self.lifelines[0] + BAR,
            Side::Right => self.lifelines[1] - BAR,
        }
    }

    pub(super) fn middle(&self) -> f64 {
        (self.lifelines[0] + self.lifelines[1]) / 2.0
    }
}

/// An arrow in its place.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Where it begins and where it would end.
    pub(super) from: Point,
    pub(super) to: Point,
    /// Where it does end: the same, but for what was lost.
    pub(super) end: Point,
    /// Only its ends are drawn.
    pub(super) is_cut: bool,
    pub(super) words: Vec<Text<'static>>,
}

/// Everything in its place.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// How far down each row is, at each lifeline.
    pub(super) rows: Vec<[f64; 2]>,
    pub(super) paths: Vec<Path>,
    /// The folds' words, in the order of the remarks between both sides.
    pub(super) folds: Vec<Vec<Text<'static>>>,
    pub(super) bottom: f64,
}

pub(super) fn place(ladder: &Ladder, columns: &Columns, spacing: Spacing, top: f64) -> Places {
    let crossing = traffic::meeting(&ladder.arrows, |_| true, |until, from| until > from);
    let words: Vec<Words> = (ladder.arrows.iter().zip(&crossing))
        .map(|(arrow, crosses)| fit(arrow, room(arrow, *crosses, columns), *crosses || !is_lost(arrow)))
        .collect();
    let extra = vec![[0.0; 2]; ladder.rows.len()];
    let mut placer = Placer { ladder, columns, spacing, beside: crossing.clone(), crossing, words, top, extra };
    let mut places = placer.places();
    for _ in 0..PASSES {
        if !placer.move_apart(&places) {
            break;
        }
        places = placer.places();
    }
    places
}

fn is_lost(arrow: &Arrow) -> bool {
    matches!(arrow.end, Ending::Lost(_))
}

/// How long an arrow's words may be.
pub(super) fn room(arrow: &Arrow, crosses: bool, columns: &Columns) -> f64 {
    let span = columns.span();
    match () {
        () if crosses => span / 2.0 - 34.0,
        () if arrow.origin.is_some() => span / 2.0 - 40.0,
        () if is_lost(arrow) => span * LOST_AT - 34.0,
        () => span - 76.0,
    }
}

pub(super) struct Placer<'a> {
    pub(super) ladder: &'a Ladder,
    pub(super) columns: &'a Columns,
    spacing: Spacing,
    /// Which arrows share their room with those that come the other way.
    pub(super) crossing: Vec<bool>,
    /// Which arrows have their words where they begin, not in their middle.
    pub(super) beside: Vec<bool>,
    pub(super) words: Vec<Words>,
    top: f64,
    /// By how much each row is further down than time says, at each lifeline.
    pub(super) extra: Vec<[f64; 2]>,
}

impl Placer<'_> {
    fn places(&self) -> Places {
        let rows = self.rows();
        let paths: Vec<Path> = (0..self.ladder.arrows.len()).map(|index| self.path(index, &rows)).collect();
        let folds = self.folds(&rows);
        let lowest = paths.iter().flat_map(|p| &p.words).map(|text| text.quad().vertical().1);
        let ends = paths.iter().map(|p| p.end.1);
        let bottom = lowest.chain(ends).chain(rows.last().map(|ys| ys[0].max(ys[1]))).fold(self.top, f64::max) + 14.0;
        Places { rows, paths, folds, bottom }
    }

    /// How far down each row is at each lifeline.
    ///
    /// Time decides; where words need more room, the lifeline runs late from there on, and whoever gets a packet of it runs
    /// at least as late. So slopes tell how long packets are under way even where rows are set apart, and nothing arrives
    /// before it left.
    fn rows(&self) -> Vec<[f64; 2]> {
        let ladder = self.ladder;
        let scale = scale(ladder);
        let busy = busy(ladder);
        let needs = self.needs();
        let mut carried = vec![0.0f64; ladder.arrows.len()];
        let mut events: Vec<(Vec<usize>, Vec<usize>)> = vec![Default::default(); ladder.rows.len()];
        for (index, arrow) in ladder.arrows.iter().enumerate() {
            events[arrow.departs].0.push(index);
            if arrow.departs < arrow.arrives {
                events[arrow.arrives].1.push(index);
            }
        }
        let (mut at, mut down) = (Duration::ZERO, 0.0);
        let (mut late, mut last, mut below) = ([0.0f64; 2], [f64::NEG_INFINITY; 2], [0.0f64; 2]);
        let mut rows = Vec::with_capacity(ladder.rows.len());
        for (index, row) in ladder.rows.iter().enumerate() {
            let (departing, arriving) = &events[index];
            let mut by_time =
                self.by_time(index, row.at.saturating_sub(at).as_secs_f64() * scale, !departing.is_empty());
            if index > 0 && busy[index - 1] == [false; 2] {
                // What a fold stands for took that time: its band has room enough.
                by_time = by_time.min(FLIGHT);
            }
            at = row.at;
            down += by_time;
            if matches!(row.gap, Gap::Break(_)) || busy[index] == [false; 2] || by_time > 2.0 * FLIGHT {
                late = [late[0].max(late[1]); 2];
            }
            for &arrow in arriving {
                let to = ladder.arrows[arrow].from.other().index();
                late[to] = late[to].max(carried[arrow]);
            }
            let mut ys = [0.0; 2];
            for side in 0..2 {
                let mut y = self.top + down + late[side];
                if busy[index][side] || busy[index] == [false; 2] {
                    y = y.max(last[side] + below[side] + needs[index][side]) + self.extra[index][side];
                    late[side] = y - self.top - down;
                    (last[side], below[side]) = (y, needs[index][side]);
                }
                ys[side] = y;
            }
            if busy[index] == [false; 2] {
                // A fold lies across.
                let y = ys[0].max(ys[1]);
                (ys, last, late) = ([y; 2], [y; 2], [y - self.top - down; 2]);
            }
            departing.iter().for_each(|&arrow| carried[arrow] = late[ladder.arrows[arrow].from.index()]);
            rows.push(ys);
        }
        rows
    }

    /// How far the row is below the one above it, if nothing needs more.
    fn by_time(&self, index: usize, pixels: f64, departs: bool) -> f64 {
        match (self.spacing, self.ladder.rows[index].gap) {
            _ if index == 0 => 0.0,
            (_, Gap::Break(_)) => BREAK,
            // Within what a fold stands for more time may pass than looks like it: the fold says how long it lasted.
            (Spacing::True, Gap::None) => pixels.min(1.5 * FLIGHT),
            (Spacing::True, _) => pixels.min(4.5 * FLIGHT),
            (Spacing::Even, _) => {
                if departs {
                    22.0
                } else {
                    13.0
                }
            }
        }
    }

    /// Half of what each row needs at each lifeline for what is said there.
    fn needs(&self) -> Vec<[f64; 2]> {
        let mut needs = vec![[0.0f64; 2]; self.ladder.rows.len()];
        for remark in &self.ladder.remarks {
            match remark.side.map(Side::index) {
                Some(side) => {
                    let lines = font::wrap(&remark.text, self.columns.room[side] - 14.0, 11.0, false).len();
                    needs[remark.row][side] = needs[remark.row][side].max(lines as f64 * 6.7);
                }
                None => needs[remark.row] = [13.0; 2],
            }
        }
        // A band is seen even where all of it leaves at once.
        for (arrow, last) in self.ladder.arrows.iter().filter_map(|arrow| Some((arrow, arrow.bundle?))) {
            let need = &mut needs[self.ladder.arrows[last].departs][arrow.from.index()];
            *need = need.max(BAND);
        }
        needs
    }

    fn path(&self, index: usize, rows: &[[f64; 2]]) -> Path {
        let arrow = &self.ladder.arrows[index];
        let (a, b) = (self.columns.edge(arrow.from), self.columns.edge(arrow.from.other()));
        let ghost = arrow.line == Line::Ghost;
        let instant = match self.spacing {
            Spacing::True => FLIGHT,
            Spacing::Even => 13.0,
        };
        let [from_index, to_index] = [arrow.from.index(), arrow.from.other().index()];
        let start = rows[arrow.departs][from_index];
        let (from, to) = match (&arrow.origin, &arrow.end) {
            (Some(_), _) => {
                ((self.columns.middle(), rows[arrow.arrives][to_index]), (b, rows[arrow.arrives][to_index]))
            }
            (None, Ending::Lost(_) | Ending::Unknown) if !ghost && arrow.departs == arrow.arrives => {
                ((a, start), (b, start + instant))
            }
            _ if arrow.departs == arrow.arrives => ((a, start), (b, start)),
            _ => ((a, start), (b, rows[arrow.arrives][to_index].max(start))),
        };
        let along = |part: f64| (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
        let crosses = self.crossing[index];
        let end = if is_lost(arrow) { along(if crosses { 0.5 } else { LOST_AT }) } else { to };
        let is_cut = (to.1 - from.1) > STEEP * (to.0 - from.0).abs();
        let mut path = Path { from, to, end, is_cut, words: Vec::new() };
        path.words = self.words_of(index, &path);
        if is_lost(arrow)
            && !crosses
            && let Ending::Lost(why) = &arrow.end
        {
            let angle = angle(from, to);
            let (sin, cos) = angle.to_radians().sin_cos();
            let away = if to.0 > from.0 { 12.0 } else { -12.0 };
            let at = (end.0 + away * cos - 4.0 * sin, end.1 + away * sin + 4.0 * cos);
            let anchor = if to.0 > from.0 { Anchor::Start } else { Anchor::End };
            path.words.push(Text::new(at, why.clone(), Ink::Trouble).size(11.0).angle(angle).anchor(anchor).halo());
        }
        path
    }

    /// The words of an arrow, on it and below it.
    fn words_of(&self, index: usize, path: &Path) -> Vec<Text<'static>> {
        let words = &self.words[index];
        let flat = path.is_cut;
        let (from, end) = (path.from, path.end);
        let angle = if flat { 0.0 } else { angle(from, path.to) };
        let (sin, cos) = angle.to_radians().sin_cos();
        let rightwards = end.0 > from.0;
        let beside = self.beside[index] || flat;
        let (at, anchor) = if beside {
            // Turned, the lowest line reaches back.
            let off = 18.0 + SMALL_LINE * words.below.len() as f64 * sin.abs();
            let off = if rightwards { off } else { -off };
            ((from.0 + off * cos, from.1 + off * sin), if rightwards { Anchor::Start } else { Anchor::End })
        } else {
            (((from.0 + end.0) / 2.0, (from.1 + end.1) / 2.0), Anchor::Middle)
        };
        let off = |by: f64| (at.0 + by * sin, at.1 - by * cos);
        let mut texts = Vec::new();
        if !words.above.is_empty() {
            let runs: Vec<Run<'static>> = words.above.clone();
            let text = Text::of(off(ABOVE), runs).size(SIZE).anchor(anchor).angle(angle).halo();
            texts.push(if self.ladder.arrows[index].line == Line::Ghost { text.italic() } else { text });
        }
        for (line, (text, ink)) in words.below.iter().enumerate() {
            let by = 3.0 + font::ASCENT * SMALL + 0.5 + SMALL_LINE * line as f64;
            let text = Text::new(off(-by), text.clone(), *ink).size(SMALL).anchor(anchor).angle(angle).halo();
            texts.push(text);
        }
        texts
    }

    fn folds(&self, rows: &[[f64; 2]]) -> Vec<Vec<Text<'static>>> {
        let room = self.columns.span() - 2.0 * FOLD_OFF - 16.0;
        let between = self.ladder.remarks.iter().filter(|remark| remark.side.is_none());
        between
            .map(|remark| {
                let lines = clauses(&remark.text, room);
                let half = (lines.len() as f64 - 1.0) / 2.0;
                let y = |line: usize| rows[remark.row][0] + (line as f64 - half) * 15.0 + 4.0;
                let at = |line| (self.columns.middle(), y(line));
                let text = |(line, text): (usize, String)| {
                    Text::new(at(line), text, Ink::Text).size(SIZE).anchor(Anchor::Middle).halo()
                };
                lines.into_iter().enumerate().map(text).collect()
            })
            .collect()
    }
}

/// Breaks what a fold says to lines of at most `room` pixels, between its clauses where they fit, else between their parts.
fn clauses(text: &str, room: f64) -> Vec<String> {
    let fits = |text: &str| font::width(text.trim_end(), SIZE, false) <= room;
    let clauses = text.split_inclusive("; ").flat_map(|clause| match fits(clause) {
        true => vec![clause],
        false => clause.split_inclusive(": ").flat_map(|part| part.split_inclusive(", ")).collect(),
    });
    let mut lines: Vec<String> = Vec::new();
    for clause in clauses {
        match lines.last_mut() {
            Some(line) if fits(&format!("{line}{clause}")) => line.push_str(clause),
            _ => lines.push(clause.to_owned()),
        }
    }
    lines.iter().flat_map(|line| font::wrap(line.trim_end(), room, SIZE, false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_fold_says_breaks_between_its_parts() {
        let said = "18–40 in 140 ms: → 15 segments, 21,720 B; ← 8 ACKs, 2 duplicate ACKs";
        assert_eq!(clauses(said, 1000.0), [said]);
        assert_eq!(clauses(said, 260.0), ["18–40 in 140 ms: → 15 segments, 21,720 B;", "← 8 ACKs, 2 duplicate ACKs"]);
        let narrow = clauses(said, 200.0);
        assert_eq!(narrow[0], "18–40 in 140 ms: → 15 segments,");
        assert!(
            narrow.iter().all(|line| font::width(line, SIZE, false) <= 200.0 && !line.starts_with("B")),
            "{narrow:?}"
        );
    }
}
