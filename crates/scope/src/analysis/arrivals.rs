//! When segments arrived at an end that was not seen, mended by what that end said afterwards.

use super::connection::{Connection, Segment};
use crate::trace::Arrival;
use limpid_event::Instant;
use limpid_wire::TcpFlags;
use std::collections::HashSet;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Estimates take a packet to be under way as long as the quickest; some are known to be too early, and some fates that seem
/// unknown are known.
pub(super) fn mend(connection: &mut Connection) {
    for end in 0..2 {
        repeated_for_nothing(connection, end);
        fin_not_heard_yet(connection, end);
    }
}

/// What `end` sent again although it need not have been had arrived.
fn repeated_for_nothing(connection: &mut Connection, end: usize) {
    let needless = connection.sent_by(end).filter(|s| s.facts.needless);
    let arrived: HashSet<u64> = needless.filter_map(|s| s.facts.again?.original).collect();
    if arrived.is_empty() {
        return;
    }
    let under_way = |s: &Segment| match s.arrival {
        Arrival::Estimated(at) => Some(at.since(s.sent_at)),
        _ => None,
    };
    let Some(quickest) = connection.sent_by(end).filter_map(under_way).min() else { return };
    let unknown = |s: &&mut Segment| s.from == end && s.arrival == Arrival::Unknown && arrived.contains(&s.number);
    for segment in connection.segments.iter_mut().filter(unknown) {
        segment.arrival = Arrival::Estimated(segment.sent_at + quickest);
    }
}

/// The FIN of `end` came after whatever the other end sent without having heard it.
fn fin_not_heard_yet(connection: &mut Connection, end: usize) {
    let Some(fin) = connection.ends[end].fin else { return };
    let is_deaf = |s: &&Segment| s.is(TcpFlags::ACK) && !s.is(TcpFlags::RST) && !s.copy && s.facts.ack <= fin;
    let deaf_until = connection.sent_by(Connection::peer(end)).filter(is_deaf).map(|s| s.sent_at).max();
    let Some(earliest) = deaf_until.map(|at| at + Duration::from_nanos(1)) else { return };
    let too_early = |at: Instant| at < earliest;
    for segment in connection.segments.iter_mut().filter(|s| s.from == end && s.is(TcpFlags::FIN)) {
        if matches!(segment.arrival, Arrival::Estimated(at) if too_early(at)) {
            segment.arrival = Arrival::Estimated(earliest);
        }
    }
}
