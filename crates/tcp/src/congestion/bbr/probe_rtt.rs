//! Probing for the round-trip time: every five seconds, for 200 ms and a round trip, only half of what the path holds is in flight, so
//! that the queue empties and the path's own delay shows (draft-ietf-ccwg-bbr §5.3.4).

use super::{Ack, Bbr, LEAST_WINDOW, State, UNIT};
use core::time::Duration;
use limpid_event::Instant;

/// At least so long (ProbeRTTDuration).
const DURATION: Duration = Duration::from_millis(200);

/// A probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeRtt {
    /// When it may be over; `None` before little enough is in flight.
    done_at: Option<Instant>,
    /// A round trip has passed since.
    round_done: bool,
    /// The window for it, segments.
    pub(super) cwnd: u32,
}

impl ProbeRtt {
    pub(super) fn new(cwnd: u32) -> ProbeRtt {
        ProbeRtt { done_at: None, round_done: false, cwnd }
    }
}

impl Bbr {
    pub(super) fn save_probe_rtt_cwnd(&mut self) {
        self.probe_rtt.cwnd = self.bdp(UNIT / 2).max(LEAST_WINDOW);
    }

    pub(super) fn check_probe_rtt(&mut self, ack: &Ack) {
        // A pause has emptied the queue as well.
        if self.state != State::ProbeRtt && self.min_rtt.expired && !self.idle_restart {
            self.save_cwnd();
            self.state = State::ProbeRtt;
            self.probe_rtt.done_at = None;
            self.probing.stop_feedback();
            self.start_round();
        }
        if self.state == State::ProbeRtt {
            self.handle_probe_rtt(ack);
        }
        if ack.delivered > 0 {
            self.idle_restart = false;
        }
    }

    fn handle_probe_rtt(&mut self, ack: &Ack) {
        if self.probe_rtt.done_at.is_none() {
            if ack.in_flight <= self.probe_rtt.cwnd {
                self.probe_rtt.done_at = Some(ack.now + DURATION);
                self.probe_rtt.round_done = false;
                self.start_round();
            }
            return;
        }
        self.probe_rtt.round_done |= self.rounds.start;
        if self.probe_rtt.round_done {
            self.check_probe_rtt_done(ack.now);
        }
    }

    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        if self.probe_rtt.done_at.is_some_and(|done| now > done) {
            self.min_rtt.renew(now);
            self.restore_cwnd();
            self.exit_probe_rtt(now);
        }
    }

    /// §5.3.4.4: with little in flight, the next probe for bandwidth waits its time.
    fn exit_probe_rtt(&mut self, now: Instant) {
        self.reset_shortterm();
        if self.full.reached {
            self.start_down(now);
            self.state = State::Cruise;
        } else {
            self.enter_startup();
        }
    }
}
