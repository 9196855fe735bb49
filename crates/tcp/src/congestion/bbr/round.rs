//! Round trips, counted by packets: one is over when something is acknowledged that left after it began
//! (draft-ietf-ccwg-bbr §5.5.1).

use super::{Ack, Bbr};
use crate::delivery::before;

/// The count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rounds {
    pub(super) count: u32,
    /// This ACK began a round trip.
    pub(super) start: bool,
    /// When a segment is acknowledged that left after so much was delivered, the round trip is over.
    next_delivered: u32,
}

impl Bbr {
    /// An ACK that gives no rate ends none: it is perhaps of an original, and not of what was sent again after it (as Google's
    /// version 3).
    pub(super) fn update_round(&mut self, ack: &Ack) {
        self.rounds.start = ack.rate > 0 && !before(ack.prior_delivered, self.rounds.next_delivered);
        if self.rounds.start {
            self.start_round();
            self.rounds.count = self.rounds.count.wrapping_add(1);
            self.probing.rounds_since_up = self.probing.rounds_since_up.saturating_add(1);
        }
    }

    /// A round trip begins now.
    pub(super) fn start_round(&mut self) {
        self.rounds.next_delivered = self.delivered;
    }
}
