//! How much more is acknowledged at times than the rate explains: links and receivers that bunch ACKs leave gaps between them,
//! which the window must span (draft-ietf-ccwg-bbr §5.5.9).

use super::{Ack, Bbr};
use limpid_event::Instant;

/// Round trips that one half of the filter covers.
const HALF_WINDOW: u32 = 5;

/// The estimator and its filter: the maximum of this half of the window and the one before, as Linux has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExtraAcked {
    start: Instant,
    /// Segments since.
    delivered: u32,
    pub(super) max: [u32; 2],
    rounds: u32,
}

impl ExtraAcked {
    pub(super) fn new(now: Instant) -> ExtraAcked {
        ExtraAcked { start: now, delivered: 0, max: [0; 2], rounds: 0 }
    }

    /// Sending begins again after a pause: what came before it is counted no more (as Google's version 3; the draft begins the interval
    /// anew and keeps the count, which then is all surplus).
    pub(super) fn restart(&mut self, now: Instant) {
        (self.start, self.delivered) = (now, 0);
    }

    /// Segments.
    pub(super) fn get(self) -> u32 {
        self.max[0].max(self.max[1])
    }
}

impl Bbr {
    pub(super) fn update_ack_aggregation(&mut self, ack: &Ack) {
        let half = if self.full.reached { HALF_WINDOW } else { 1 };
        let extra = &mut self.extra_acked;
        if self.rounds.start {
            extra.rounds += 1;
            if extra.rounds >= half {
                extra.rounds = 0;
                extra.max = [0, extra.max[0]];
            }
        }
        let micros = u64::from(super::super::in_micros(ack.now.since(extra.start)));
        let bytes = u128::from(self.bw) * u128::from(micros) / 1_000_000;
        let mut expected = u32::try_from(bytes / u128::from(self.mss)).unwrap_or(u32::MAX);
        if extra.delivered <= expected {
            extra.delivered = 0;
            extra.start = ack.now;
            expected = 0;
        }
        extra.delivered = extra.delivered.saturating_add(ack.newly_acked);
        let surplus = (extra.delivered - expected.min(extra.delivered)).min(self.cwnd);
        extra.max[0] = extra.max[0].max(surplus);
    }
}
