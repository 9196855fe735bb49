//! What stands beside a lifeline: states, what the host and its application said, timers; one below the other, each as near
//! to its moment as the others let it be.

use super::place::Columns;
use super::words::note;
use crate::ladder::layout::*;
use crate::picture::{Anchor, Ink, Text, font};

/// From line to line.
const LINE: f64 = 13.2;
/// The size of what is said.
const SIZE: f64 = 11.0;
/// A sign stands before what is said.
const SIGN: f64 = 13.0;

/// What one entry of a margin is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Entry {
    State(StateMark),
    Said(Voice),
    Timer,
}

/// An entry in its place.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) entry: Entry,
    /// Where it belongs.
    pub(super) wants: f64,
    /// The middle of its first line.
    pub(super) y: f64,
    pub(super) texts: Vec<Text<'static>>,
}

/// The margin of one side, from top to bottom, and where it ends. A timer's place is the middle of its bracket.
pub(super) fn notes(ladder: &Ladder, side: Side, columns: &Columns, rows: &[[f64; 2]]) -> (Vec<Note>, f64) {
    let y = |row: usize| rows[row][side.index()];
    let mut wanted: Vec<(f64, u8, Entry, String)> = Vec::new();
    for mark in ladder.states.iter().filter(|mark| mark.side == side) {
        wanted.push((y(mark.row), 0, Entry::State(*mark), mark.state.name().to_owned()));
    }
    for remark in ladder.remarks.iter().filter(|remark| remark.side == Some(side)) {
        wanted.push((y(remark.row), 1, Entry::Said(remark.voice), remark.text.clone()));
    }
    wanted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let mut notes = Vec::new();
    let mut free = f64::NEG_INFINITY;
    for (wants, _, entry, text) in wanted {
        let lines = lines(&text, entry, columns.room[side.index()]);
        let y = wants.max(free + LINE / 2.0);
        let bottom = y + LINE * (lines.len() as f64 - 0.5);
        taken.push((y - LINE / 2.0, bottom));
        free = bottom + 1.5;
        notes.push(Note { entry, wants, y, texts: texts(lines, entry, side, columns, y) });
    }
    for bracket in ladder.brackets.iter().filter(|bracket| bracket.side == side) {
        let (top, bottom) = (y(bracket.from), y(bracket.to));
        let wants = (top + bottom) / 2.0;
        let y = room_near(&taken, wants, (top, bottom));
        taken.push((y - LINE / 2.0, y + LINE / 2.0));
        let lines = lines(&bracket.text, Entry::Timer, columns.room[side.index()]);
        notes.push(Note { entry: Entry::Timer, wants, y, texts: texts(lines, Entry::Timer, side, columns, y) });
    }
    let bottom = taken.iter().map(|(_, bottom)| *bottom).fold(f64::NEG_INFINITY, f64::max);
    (notes, bottom)
}

fn lines(text: &str, entry: Entry, room: f64) -> Vec<String> {
    match entry {
        Entry::State(_) => vec![text.to_owned()],
        Entry::Said(_) => font::wrap(text, room - SIGN, SIZE, false),
        Entry::Timer => vec![font::ellipsis(text, room, SIZE, false)],
    }
}

fn texts(lines: Vec<String>, entry: Entry, side: Side, columns: &Columns, y: f64) -> Vec<Text<'static>> {
    let ink = match entry {
        Entry::State(mark) if mark.state == limpid_event::TcpState::Closed => Ink::Muted,
        Entry::State(mark) => Ink::from(mark.state),
        Entry::Said(Voice::Application) => Ink::App,
        Entry::Said(Voice::Judge) => Ink::Trouble,
        Entry::Said(_) => Ink::Text,
        Entry::Timer => Ink::Timer,
    };
    let indent = if matches!(entry, Entry::Said(_)) { SIGN } else { 0.0 };
    let (x, anchor) = match side {
        Side::Left => (columns.notes[0] - indent, Anchor::End),
        Side::Right => (columns.notes[1] + indent, Anchor::Start),
    };
    let text = |(line, text): (usize, String)| {
        let text = note((x, y + LINE * line as f64 + 3.8), text, ink, anchor);
        match entry {
            Entry::State(mark) if mark.told => text.bold().size(10.0),
            Entry::State(_) => text.italic().size(10.5),
            _ => text,
        }
    };
    lines.into_iter().enumerate().map(text).collect()
}

/// The place nearest to `wants` where a line fits: within `bounds` if there is one, else anywhere.
fn room_near(taken: &[(f64, f64)], wants: f64, bounds: (f64, f64)) -> f64 {
    let fits = |y: f64| taken.iter().all(|(top, bottom)| y + LINE / 2.0 <= *top || y - LINE / 2.0 >= *bottom);
    let steps = (0..2_000).flat_map(|step| [f64::from(step) * 2.0, f64::from(step) * -2.0]).map(|by| wants + by);
    let inside = |y: &f64| *y >= bounds.0 && *y <= bounds.1;
    let mut near = steps.clone().take(1 + (bounds.1 - bounds.0).max(0.0) as usize).filter(inside);
    let mut far = steps.filter(|y| *y >= bounds.0);
    near.find(|y| fits(*y)).or_else(|| far.find(|y| fits(*y))).unwrap_or(wants)
}
