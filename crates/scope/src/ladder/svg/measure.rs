//! What is measured of a ladder before anything is in its place: where things happen, and how fast time runs down.

use super::place::FLIGHT;
use crate::ladder::layout::*;
use crate::picture::geometry::Point;
use std::time::Duration;

/// At which lifeline an arrow's row moves it.
pub(super) fn sounds_at(arrow: &Arrow) -> Side {
    if arrow.origin.is_some() { arrow.from.other() } else { arrow.from }
}

/// At which lifelines something happens in each row; at none for what lies between them.
pub(super) fn busy(ladder: &Ladder) -> Vec<[bool; 2]> {
    let mut busy = vec![[false; 2]; ladder.rows.len()];
    for arrow in &ladder.arrows {
        busy[arrow.departs][sounds_at(arrow).index()] = true;
        if arrow.departs < arrow.arrives {
            busy[arrow.arrives][arrow.from.other().index()] = true;
        }
    }
    for (row, side) in ladder.remarks.iter().filter_map(|remark| Some((remark.row, remark.side?))) {
        busy[row][side.index()] = true;
    }
    ladder.states.iter().for_each(|mark| busy[mark.row][mark.side.index()] = true);
    busy
}

/// How many degrees words on the line between two points are turned, so that they read from left to right.
pub(super) fn angle(from: Point, to: Point) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    if dx >= 0.0 { dy.atan2(dx).to_degrees() } else { (-dy).atan2(-dx).to_degrees() }
}

/// Pixels a second: so that a usual packet's arrow goes down by [`FLIGHT`].
pub(super) fn scale(ladder: &Ladder) -> f64 {
    let at = |row: usize| ladder.rows[row].at;
    let mut flights: Vec<Duration> = (ladder.arrows.iter())
        .filter(|arrow| arrow.line != Line::Ghost && arrow.departs < arrow.arrives)
        .map(|arrow| at(arrow.arrives).saturating_sub(at(arrow.departs)))
        .filter(|flight| !flight.is_zero())
        .collect();
    flights.sort_unstable();
    let flight = flights.get(flights.len() / 2).copied().unwrap_or(Duration::from_millis(4));
    FLIGHT / flight.as_secs_f64()
}
