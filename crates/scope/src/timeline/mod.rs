//! The states of both ends over time: two bars, from left to right, and between them the segments that changed a state.
//!
//! It is made of a [`Ladder`], which knows rows, states and arrows already; [`Timeline::of`] keeps what changes a state and
//! [`draw`] and [`text`] show it.

mod arrows;
mod draw;
mod names;
mod text;

#[cfg(test)]
mod tests;

pub use draw::{draw, draw_all};
pub use text::text;

use crate::ladder::Ladder;
use crate::ladder::layout::{Ending, Line, Side, Tone};
use crate::trace::View;
use limpid_event::TcpState;
use std::time::Duration;

/// The layout of a state timeline, without a medium.
#[derive(Clone, PartialEq, Debug)]
pub struct Timeline {
    /// Name, endpoint and how it is known, of both ends.
    pub heads: [(String, String, View); 2],
    /// The states of both ends, in order.
    pub spans: [Vec<Span>; 2],
    /// What changed them.
    pub causes: Vec<Cause>,
    /// When something happened, in order, from 0: the moments that axes show.
    pub moments: Vec<Duration>,
}

/// A state and how long it lasted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Which.
    pub state: TcpState,
    /// From when.
    pub from: Duration,
    /// To when.
    pub to: Duration,
    /// Told from inside; otherwise inferred.
    pub told: bool,
}

/// A segment that changed a state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// Its number.
    pub number: u64,
    /// What it is: `SYN-ACK`.
    pub name: String,
    /// Who sent it.
    pub from: Side,
    /// When it left, and when it arrived or was lost.
    pub span: (Duration, Duration),
    /// What became of it.
    pub end: Ending,
    /// For its colour.
    pub tone: Tone,
    /// It was sent before.
    pub again: bool,
}

impl Timeline {
    /// The timeline of a ladder.
    pub fn of(ladder: &Ladder) -> Timeline {
        let at = |row: usize| ladder.rows.get(row).map(|row| row.at).unwrap_or_default();
        let end = ladder.rows.last().map(|row| row.at).unwrap_or_default();
        let spans = [Side::Left, Side::Right].map(|side| {
            let marks: Vec<_> = ladder.states.iter().filter(|mark| mark.side == side).collect();
            let span = |(index, mark): (usize, &&crate::ladder::layout::StateMark)| Span {
                state: mark.state,
                from: at(mark.row),
                to: marks.get(index + 1).map_or(end, |next| at(next.row)),
                told: mark.told,
            };
            marks.iter().enumerate().map(span).collect::<Vec<Span>>()
        });
        let changes = |row: usize, side: Side| ladder.states.iter().any(|mark| mark.row == row && mark.side == side);
        let causes = ladder.arrows.iter().filter(|arrow| arrow.line != Line::Ghost).filter_map(|arrow| {
            let counts = changes(arrow.departs, arrow.from)
                || arrow.departs <= arrow.arrives && changes(arrow.arrives, arrow.from.other())
                // Nor did a SYN that was sent again; without it a connect that nobody answered would look like one try.
                || arrow.again.is_some() && arrow.label.name.starts_with("SYN");
            Some(Cause {
                number: arrow.label.number.filter(|_| counts)?,
                name: arrow.label.name.clone(),
                from: arrow.from,
                span: (at(arrow.departs), at(arrow.arrives)),
                end: arrow.end.clone(),
                tone: arrow.tone,
                again: arrow.again.is_some(),
            })
        });
        let causes: Vec<Cause> = causes.collect();
        let changed = spans.iter().flatten().flat_map(|span| [span.from, span.to]);
        let mut moments: Vec<Duration> = changed.chain(causes.iter().flat_map(|c| [c.span.0, c.span.1])).collect();
        moments.sort_unstable();
        moments.dedup();
        let heads = ladder.heads.clone().map(|head| (head.name, head.endpoint, head.view));
        Timeline { heads, spans, causes, moments }
    }
}
