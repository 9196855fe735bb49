//! Lines beside the lifelines: timers, and what ties a segment to those that repeat it.

use super::paint::Painter;
use super::place::{BAR, LANE, MAX_LANES};
use crate::ladder::layout::{Ladder, Side};
use crate::picture::{Ink, Path};

/// A line beside a lifeline: from one row to others.
pub(super) struct Lane {
    side: Side,
    rows: Vec<usize>,
    /// A timer's bracket; otherwise what connects an original with those sent again.
    is_timer: bool,
    lane: usize,
}

/// What stands beside the lifelines, each in a column of lines where it is alone; and how many columns each side has.
pub(super) fn lanes(ladder: &Ladder) -> (Vec<Lane>, [usize; 2]) {
    let mut wanted: Vec<Lane> = Vec::new();
    let departed = |number: u64| ladder.arrows.iter().find(|a| a.label.number == Some(number)).map(|a| a.departs);
    for arrow in &ladder.arrows {
        let Some(original) = arrow.again.and_then(departed) else { continue };
        let side = arrow.from;
        match wanted.iter_mut().find(|lane| lane.side == side && lane.rows[0] == original) {
            Some(lane) => lane.rows.push(arrow.departs),
            None => wanted.push(Lane { side, rows: vec![original, arrow.departs], is_timer: false, lane: 0 }),
        }
    }
    for bracket in &ladder.brackets {
        let rows = vec![bracket.from, bracket.to];
        wanted.push(Lane { side: bracket.side, rows, is_timer: true, lane: 0 });
    }
    // Links near the lifeline, timers outside of them.
    wanted.sort_by_key(|lane| (lane.is_timer, lane.rows[0]));
    let mut counts = [0, 0];
    for timers in [false, true] {
        let mut until: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
        let first = counts;
        for lane in wanted.iter_mut().filter(|lane| lane.is_timer == timers) {
            let side = lane.side.index();
            let (from, to) = (lane.rows[0], lane.rows.iter().copied().max().unwrap_or(0));
            let free = until[side].iter().position(|end| *end <= from);
            let at = free.unwrap_or(until[side].len()).min(MAX_LANES / 2 - 1);
            if at == until[side].len() {
                until[side].push(to);
            }
            until[side][at] = until[side][at].max(to);
            lane.lane = first[side] + at;
            counts[side] = counts[side].max(lane.lane + 1);
        }
    }
    (wanted, counts)
}

impl Painter<'_> {
    /// Timers and links to originals.
    pub(super) fn lanes(&mut self, lanes: &[Lane]) {
        for lane in lanes {
            let x = self.beside(lane.side, BAR + 5.0 + LANE * lane.lane as f64);
            let near = self.beside(lane.side, BAR + 1.5);
            let y = |row: usize| self.places.rows[row][lane.side.index()];
            let (first, last) = (y(lane.rows[0]), y(lane.rows.iter().copied().max().unwrap_or(0)));
            if lane.is_timer {
                let (first, last) = (first + 1.5, last - 1.5);
                let inwards = if lane.side == Side::Left { 3.5 } else { -3.5 };
                let bracket = Path::from((x + inwards, first)).to((x, first)).to((x, last)).to((x + inwards, last));
                self.svg.path(&bracket).stroke(Ink::Timer, 1.3).done();
            } else {
                let mut link = Path::from((near, first + 2.0)).to((x, first + 2.0)).to((x, last));
                for &row in &lane.rows[1..] {
                    link = link.jump((x, y(row))).to((near, y(row)));
                }
                let class = format!("{} guess link", Ink::Again.stroke());
                self.svg.path(&link).class(class).num("stroke-width", 1.0).done();
                self.svg.circle((near, first + 2.0), 1.8).fill(Ink::Again).done();
            }
        }
    }
}
