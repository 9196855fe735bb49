//! Drain: the queue that startup has made is taken back (draft-ietf-ccwg-bbr §5.3.2).

use super::{Ack, Bbr, State, UNIT};

/// It lasts so many round trips at the most.
const MAX_ROUNDS: u32 = 3;

impl Bbr {
    pub(super) fn enter_drain(&mut self) {
        self.state = State::Drain;
        self.probing.drain_round = self.rounds.count;
        // What is told as slow-start threshold: a pipe's worth (Linux).
        self.ssthresh = self.inflight(UNIT);
    }

    pub(super) fn check_drain_done(&mut self, ack: &Ack) {
        let rounds = self.rounds.count.wrapping_sub(self.probing.drain_round);
        if self.state == State::Drain && (ack.in_flight <= self.inflight(UNIT) || rounds > MAX_ROUNDS) {
            self.start_down(ack.now);
        }
    }
}
