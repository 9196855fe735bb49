//! The largest delivery rate of this cycle of probing and the one before (draft-ietf-ccwg-bbr §5.5.2–5.5.6).

use super::{Ack, Bbr};

/// Bytes a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MaxBw {
    previous: u64,
    current: u64,
}

impl MaxBw {
    pub(super) fn get(self) -> u64 {
        self.previous.max(self.current)
    }

    /// A cycle is over.
    pub(super) fn advance(&mut self) {
        if self.current > 0 {
            *self = MaxBw { previous: self.current, current: 0 };
        }
    }
}

impl Bbr {
    pub(super) fn update_max_bw(&mut self, ack: &Ack) {
        self.update_round(ack);
        // What the application limited tells of the path only if it is more than was known.
        if ack.rate > 0 && (ack.rate >= self.max_bw.get() || !ack.app_limited) {
            self.max_bw.current = self.max_bw.current.max(ack.rate);
        }
    }
}
