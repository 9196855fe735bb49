//! Probing for bandwidth: slower than the path (down), as fast (cruise), as fast with a full pipe (refill), and faster (up), over
//! and over (draft-ietf-ccwg-bbr §5.3.3).

use super::{Ack, Bbr, LEAST_WINDOW, NO_BOUND, State, UNIT};
use core::time::Duration;
use limpid_event::Instant;

/// After so many round trips it probes at the latest, so that small windows are fair to Reno.
const MAX_RENO_ROUNDS: u32 = 63;

/// What the ACKs that come tell of (§2.14).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AckPhase {
    Init,
    Refilling,
    ProbeStarting,
    ProbeFeedback,
    ProbeStopping,
}

/// The cycle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probing {
    ack_phase: AckPhase,
    /// The cycle began then,
    cycle_start: Instant,
    /// and lasts so long at the most.
    wait: Duration,
    pub(super) rounds_since_up: u32,
    /// Samples are of what left while probing.
    pub(super) is_sample: bool,
    /// The probe before lost too much;
    pub(super) too_high: bool,
    /// this one ended early for that reason.
    precautionary: bool,
    /// Round trips of growth of the long-term bound,
    up_rounds: u32,
    /// segments acknowledged since it grew last,
    up_acked: u32,
    /// and so many let it grow by one.
    acked_per_segment: u32,
    /// When drain began, in round trips.
    pub(super) drain_round: u32,
}

impl Probing {
    pub(super) fn new(now: Instant) -> Probing {
        Probing {
            ack_phase: AckPhase::Init,
            cycle_start: now,
            wait: Duration::ZERO,
            rounds_since_up: 0,
            is_sample: false,
            too_high: false,
            precautionary: false,
            up_rounds: 0,
            up_acked: 0,
            acked_per_segment: u32::MAX,
            drain_round: 0,
        }
    }

    /// What comes now is feedback of what was sent before.
    pub(super) fn stop_feedback(&mut self) {
        self.ack_phase = AckPhase::ProbeStopping;
    }
}

impl Bbr {
    pub(super) fn is_in_probe_bw(&self) -> bool {
        matches!(self.state, State::Down | State::Cruise | State::Refill | State::Up)
    }

    /// It accelerates: losses are looked at one by one.
    pub(super) fn is_probing_bw(&self) -> bool {
        matches!(self.state, State::Startup | State::Refill | State::Up)
    }

    pub(super) fn start_down(&mut self, now: Instant) {
        self.reset_congestion_signals();
        self.probing.acked_per_segment = u32::MAX;
        self.probing.rounds_since_up = self.random(2);
        self.probing.wait = Duration::from_secs(2) + Duration::from_millis(self.random(1000).into());
        self.probing.cycle_start = now;
        self.probing.stop_feedback();
        self.start_round();
        self.state = State::Down;
    }

    pub(super) fn start_refill(&mut self) {
        self.reset_shortterm();
        self.probing.up_rounds = 0;
        self.probing.up_acked = 0;
        self.probing.precautionary = false;
        self.probing.ack_phase = AckPhase::Refilling;
        self.start_round();
        self.state = State::Refill;
    }

    fn start_up(&mut self, ack: &Ack) {
        self.probing.is_sample = true;
        self.probing.ack_phase = AckPhase::ProbeStarting;
        self.start_round();
        self.reset_full_pipe(ack.rate);
        self.state = State::Up;
        self.raise_longterm_slope();
    }

    pub(super) fn update_probe_bw(&mut self, ack: &Ack) {
        if !self.full.reached || self.adapt_longterm_model(ack) {
            return;
        }
        match self.state {
            State::Down | State::Cruise if self.is_time_to_probe(ack.now) => self.start_refill(),
            State::Down if self.is_time_to_cruise(ack) => self.state = State::Cruise,
            // The pipe is full by now.
            State::Refill if self.rounds.start => self.start_up(ack),
            State::Up => self.check_up_done(ack),
            _ => {}
        }
    }

    fn check_up_done(&mut self, ack: &Ack) {
        if self.is_time_to_go_down(ack) {
            self.probing.too_high = false;
            self.start_down(ack.now);
        }
    }

    /// §5.3.3.5.4: after two to three seconds, or as many round trips as Reno takes to fill the same window.
    fn is_time_to_probe(&self, now: Instant) -> bool {
        let waited = now.since(self.probing.cycle_start) > self.probing.wait;
        waited || self.probing.rounds_since_up >= self.target_inflight().min(MAX_RENO_ROUNDS)
    }

    /// What should be in flight: what the path holds, unless losses have cut the window below.
    pub(super) fn target_inflight(&self) -> u32 {
        self.bdp(UNIT).min(self.cwnd)
    }

    fn is_time_to_cruise(&self, ack: &Ack) -> bool {
        let pipe = self.with_budget(self.bdp_at(self.max_bw.get(), UNIT));
        ack.in_flight <= self.inflight_with_headroom().min(pipe)
    }

    /// §5.3.3.4.3. As in the draft what is in flight after the ACK, so that a careful probe is rare: the window is bounded, too. Google's
    /// version 3 looks at what was in flight before, which costs 2 to 5 % of a small link at 1 % random loss.
    fn is_time_to_go_down(&mut self, ack: &Ack) -> bool {
        if self.probing.too_high && ack.in_flight >= self.inflight_longterm {
            self.probing.precautionary = true;
            return true;
        }
        if ack.cwnd_full && self.cwnd >= self.inflight_longterm {
            // It is the bound that keeps the rate from growing.
            self.reset_full_pipe(ack.rate);
            return false;
        }
        self.full.now
    }

    /// The long-term bound less 15 %, room for others.
    pub(super) fn inflight_with_headroom(&self) -> u32 {
        if self.inflight_longterm == NO_BOUND {
            return NO_BOUND;
        }
        let headroom = (u64::from(self.inflight_longterm) * 15 / 100).max(1) as u32;
        self.inflight_longterm.saturating_sub(headroom).max(LEAST_WINDOW)
    }

    fn raise_longterm_slope(&mut self) {
        let growth = 1 << self.probing.up_rounds.min(30);
        self.probing.up_rounds = (self.probing.up_rounds + 1).min(30);
        self.probing.acked_per_segment = (self.cwnd / growth).max(1);
    }

    /// By 1, 2, 4, 8 … segments a round trip.
    fn probe_longterm_upward(&mut self, ack: &Ack) {
        if !ack.cwnd_full || self.cwnd < self.inflight_longterm {
            return;
        }
        let probing = &mut self.probing;
        probing.up_acked = probing.up_acked.saturating_add(ack.newly_acked);
        let grown = probing.up_acked / probing.acked_per_segment;
        probing.up_acked -= grown * probing.acked_per_segment;
        self.inflight_longterm = self.inflight_longterm.saturating_add(grown).min(NO_BOUND - 1);
        if self.rounds.start {
            self.raise_longterm_slope();
        }
    }

    /// True if it has decided on another phase.
    fn adapt_longterm_model(&mut self, ack: &Ack) -> bool {
        if self.probing.ack_phase == AckPhase::ProbeStarting && self.rounds.start {
            self.probing.ack_phase = AckPhase::ProbeFeedback;
        }
        if self.probing.ack_phase == AckPhase::ProbeStopping && self.rounds.start {
            self.probing.is_sample = false;
            self.probing.ack_phase = AckPhase::Init;
            if self.is_in_probe_bw() && !ack.app_limited {
                self.max_bw.advance();
            }
            // The careful probe was safe: now a whole one.
            if self.is_in_probe_bw() && self.probing.precautionary && !self.probing.too_high {
                self.start_refill();
                return true;
            }
        }
        if self.is_inflight_too_high(ack) {
            // Losses were looked at as they were found; marks tell of too much here (Google's version 3).
            let state = self.state;
            if self.probing.is_sample {
                self.handle_inflight_too_high(ack.now, ack.tx_in_flight, ack.app_limited);
            }
            return self.state != state;
        }
        if self.inflight_longterm != NO_BOUND {
            self.inflight_longterm = self.inflight_longterm.max(ack.tx_in_flight);
            if self.state == State::Up {
                self.probe_longterm_upward(ack);
            }
        }
        false
    }
}
