//! The queue before a bottleneck: drop-tail, bounded in packets and, if wanted, in bytes; or managed ([`Aqm`](super::Aqm)).

use super::Conditions;
use super::aqm::{Manager, Waiting};
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
    manager: Manager,
}

/// What comes of a packet at the queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Passage {
    /// It has left at this time.
    Leaves(Instant),
    /// The same, and it was told that the queue fills.
    Marked(Instant),
    /// There was no room.
    Full,
    /// It had to be told that the queue fills, and understands nothing else.
    Early,
}

/// Bytes of one packet.
const MTU: u64 = 1500;

impl Queue {
    /// What comes of a packet of `len` bytes that comes now, and is ECN-capable or not. Without a rate nothing waits.
    pub(super) fn enter(&mut self, now: Instant, len: usize, capable: bool, conditions: &Conditions) -> Passage {
        let Some(rate) = conditions.rate else { return Passage::Leaves(now) };
        while let Some((_, left)) = self.departures.front().filter(|(at, _)| *at <= now) {
            self.bytes -= u64::from(*left);
            self.departures.pop_front();
        }
        let leaving = self.departures.front().map_or(0, |(_, len)| u64::from(*len));
        let waiting = self.bytes - leaving + len as u64;
        let full = self.departures.len() > conditions.queue
            || (!self.departures.is_empty() && conditions.queue_bytes.is_some_and(|most| waiting > most));
        if full {
            return Passage::Full;
        }
        let start = self.departures.back().map_or(now, |(at, _)| *at);
        let packet = Waiting {
            leaves: start,
            sojourn: start.since(now),
            packets: self.departures.len().saturating_sub(1),
            nearly_empty: waiting <= MTU,
        };
        let told = conditions.aqm.is_some_and(|aqm| self.manager.speaks(aqm, &packet));
        if told && !capable {
            return Passage::Early;
        }
        let nanos = len as u128 * 8 * 1_000_000_000 / u128::from(rate.max(1));
        let done = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.departures.push_back((done, len as u32));
        self.bytes += len as u64;
        if told { Passage::Marked(done) } else { Passage::Leaves(done) }
    }
}
