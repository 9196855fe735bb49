//! Round trips, counted by packets: one is over when something is acknowledged that left after it began
//! (draft-ietf-ccwg-bbr §5.5.1).

use super::Bbr;
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
    pub(super) fn update_round(&mut self, prior_delivered: u32) {
        self.rounds.start = !before(prior_delivered, self.rounds.next_delivered);
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
