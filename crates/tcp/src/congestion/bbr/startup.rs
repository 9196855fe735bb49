//! Startup: the rate doubles each round trip until the pipe is full (draft-ietf-ccwg-bbr §5.3.1). That shows in a rate that does
//! not grow any more, or in losses.

use super::{Ack, Bbr, State};

/// Round trips without growth after which the pipe is full.
const PLATEAU_ROUNDS: u8 = 3;
/// Ranges lost in a round trip that tell of a full pipe (StartupFullLossCnt).
const FULL_LOSS_RANGES: u32 = 6;

/// Whether the path gives more when more is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FullPipe {
    /// It was full once.
    pub(super) reached: bool,
    /// It is full in this attempt.
    pub(super) now: bool,
    /// The rate to be exceeded by a quarter, bytes a second.
    pub(super) bw: u64,
    pub(super) count: u8,
    /// Ranges lost in this round trip.
    pub(super) ranges_lost: u32,
}

impl Bbr {
    /// Begins to look anew, from `bw` bytes a second.
    pub(super) fn reset_full_pipe(&mut self, bw: u64) {
        self.full = FullPipe { now: false, bw, count: 0, ..self.full };
    }

    /// Growth counts whenever it shows, as in Google's version 3: the draft looks at the one ACK that begins a round trip, and
    /// where segments are lost or overtaken that one is often of a slow sample.
    pub(super) fn check_full_pipe(&mut self, ack: &Ack) {
        if self.full.now || ack.app_limited {
            return;
        }
        if ack.rate.saturating_mul(4) >= self.full.bw.saturating_mul(5) {
            return self.reset_full_pipe(ack.rate);
        }
        if !self.rounds.start {
            return;
        }
        self.full.count += 1;
        self.full.now = self.full.count >= PLATEAU_ROUNDS;
        self.full.reached |= self.full.now;
    }

    pub(super) fn enter_startup(&mut self) {
        self.state = State::Startup;
    }

    pub(super) fn check_startup_done(&mut self, ack: &Ack) {
        self.check_startup_high_loss(ack);
        if self.state == State::Startup && self.full.reached {
            self.enter_drain();
        }
    }

    /// §5.3.1.3: looked at when a round trip of recovery ends, so that the loss of a burst is not taken for a full pipe.
    fn check_startup_high_loss(&mut self, ack: &Ack) {
        if self.full.reached {
            return;
        }
        let many = self.full.ranges_lost >= FULL_LOSS_RANGES;
        let high = match ack.selective {
            true => self.latest.loss_round_start && many && self.is_inflight_too_high(ack),
            false => self.full.ranges_lost > 0,
        };
        if ack.fast_recovery && high || self.marks_fill_the_pipe() {
            self.queue_is_too_long();
        } else if self.latest.loss_round_start {
            self.full.ranges_lost = 0;
        }
    }

    fn queue_is_too_long(&mut self) {
        self.undo.state = Some(State::Startup);
        self.full.reached = true;
        self.inflight_longterm = self.bdp(super::UNIT).max(self.latest.inflight);
    }
}
