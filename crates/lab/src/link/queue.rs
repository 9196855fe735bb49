//! The queue before a bottleneck: drop-tail, bounded in packets and, if wanted, in bytes.

use super::Conditions;
use limpid_event::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// Packets that wait for the rate, and the one that is leaving.
#[derive(Default)]
pub(super) struct Queue {
    /// When each will have left, and its length.
    departures: VecDeque<(Instant, u32)>,
    /// Bytes of them all.
    bytes: u64,
}

impl Queue {
    /// When a packet of `len` bytes that comes now has left; `None` if there is no room for it. Without a rate nothing
    /// waits.
    pub(super) fn enter(&mut self, now: Instant, len: usize, conditions: &Conditions) -> Option<Instant> {
        let Some(rate) = conditions.rate else { return Some(now) };
        while let Some((_, left)) = self.departures.front().filter(|(at, _)| *at <= now) {
            self.bytes -= u64::from(*left);
            self.departures.pop_front();
        }
        let leaving = self.departures.front().map_or(0, |(_, len)| u64::from(*len));
        let waiting = self.bytes - leaving + len as u64;
        let full = self.departures.len() > conditions.queue
            || (!self.departures.is_empty() && conditions.queue_bytes.is_some_and(|most| waiting > most));
        if full {
            return None;
        }
        let start = self.departures.back().map_or(now, |(at, _)| *at);
        let nanos = len as u128 * 8 * 1_000_000_000 / u128::from(rate.max(1));
        let done = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.departures.push_back((done, len as u32));
        self.bytes += len as u64;
        Some(done)
    }
}
