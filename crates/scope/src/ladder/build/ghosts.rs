//! What did not happen: the ACK that rode on a FIN, the SYN-ACK that never came.

use super::rows::Item;
use super::{Builder, ending};
use crate::analysis::Connection;
use crate::ladder::layout::*;
use crate::trace::Arrival;
use limpid_event::Instant;

impl Builder<'_> {
    pub(super) fn ghosts(&mut self) {
        if self.analysis.trace.partial {
            return;
        }
        for (index, connection) in self.connections.iter().enumerate() {
            let later = self.connections.get(index + 1).map(|c| c.began);
            self.merged_ack((index, connection));
            self.unanswered(connection, later);
        }
    }

    /// The ACK of a FIN that rode on the other FIN.
    fn merged_ack(&mut self, (index, connection): (usize, &Connection)) {
        let Some((fin, rider)) = crate::analysis::closing::merged_ack(connection) else { return };
        let rider_segment = &connection.segments[rider];
        if self.drawn.contains_key(&(index, rider)) {
            let fin = connection.segments[fin].number;
            let name = format!("no ACK of {fin} alone: it rides on {}", rider_segment.number);
            let side = Side::of(rider_segment.from);
            let at = Item::needless(rider_segment.sent_at, rider_segment.number, self.arrows.len(), side);
            self.ghost(side, name, at);
        }
    }

    /// The answer to a SYN that never came.
    fn unanswered(&mut self, connection: &Connection, later: Option<Instant>) {
        if !crate::analysis::opening::is_unanswered(connection) {
            return;
        }
        let side = Side::of(connection.opener).other();
        let last = connection.segments.iter().map(|s| s.sent_at).max().unwrap_or_default();
        let opener = connection.opener;
        let gave_up = connection.told(self.analysis.trace, opener).map(|(at, _)| at).max();
        let end = later.unwrap_or(self.analysis.trace.end).max(last);
        let at = gave_up.filter(|at| *at > last).map_or(end, |at| at.min(end));
        let item = match at > last {
            true => Item::absent(at, self.arrows.len(), side),
            false => Item::after_all(at, self.arrows.len(), side),
        };
        self.ghost(side, "no SYN-ACK ever came".into(), item);
    }

    fn ghost(&mut self, from: Side, name: String, item: Item) {
        self.items.push(item);
        self.arrows.push(Arrow {
            from,
            origin: None,
            departs: 0,
            arrives: 0,
            end: ending(Arrival::At(Instant::ZERO)),
            line: Line::Ghost,
            tone: Tone::Ghost,
            label: Label { name, ..Label::default() },
            again: None,
            bundle: None,
        });
    }
}
