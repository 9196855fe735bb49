//! What follows from the model: how fast to send and how much may be in flight (draft-ietf-ccwg-bbr §5.6).

use super::super::cwnd::MAX_WINDOW;
use super::super::in_micros;
use super::{Ack, Bbr, LEAST_WINDOW, NO_BOUND, State, UNIT};
use core::time::Duration;

/// 4 ln 2 ≈ 2.77: what doubles the rate each round trip.
const STARTUP_PACING_GAIN: u32 = UNIT * 277 / 100 + 1;

impl Bbr {
    pub(super) fn pacing_gain(&self) -> u32 {
        match self.state {
            State::Startup => STARTUP_PACING_GAIN,
            State::Drain => UNIT / 2,
            State::Down => UNIT * 9 / 10,
            State::Cruise | State::Refill | State::ProbeRtt => UNIT,
            State::Up => UNIT * 5 / 4,
        }
    }

    pub(super) fn cwnd_gain(&self) -> u32 {
        match self.state {
            State::Up => UNIT * 9 / 4,
            State::ProbeRtt => UNIT / 2,
            _ => UNIT * 2,
        }
    }

    /// Nothing is known of the path but a round trip: the initial window in it.
    pub(super) fn init_pacing_rate(&mut self, srtt: Duration) {
        let micros = u64::from(in_micros(srtt).max(1));
        let nominal = u64::from(self.initial) * u64::from(self.mss) * 1_000_000 / micros;
        self.pacing_rate = scale(nominal, STARTUP_PACING_GAIN).max(1);
    }

    /// A hundredth below the bandwidth, so that queues empty. Before the pipe was full once, only upwards.
    ///
    /// Where losses bound the rate already there is no queue to empty, and the hundredth is left out: round after round it would
    /// add up, and the rate would fall twice as fast as the share of losses that §5.3.3.5.3 reckons with.
    pub(super) fn set_pacing_rate(&mut self, gain: u32) {
        let bounded = self.bw < self.max_bw.get();
        let margin = if bounded { 0 } else { scale(self.bw, gain) / 100 };
        let rate = scale(self.bw, gain) - margin;
        if self.full.reached || rate > self.pacing_rate {
            self.pacing_rate = rate.max(1);
        }
    }

    /// What the path holds, times `gain`, segments.
    pub(super) fn bdp(&self, gain: u32) -> u32 {
        self.bdp_at(self.bw, gain)
    }

    pub(super) fn bdp_at(&self, bw: u64, gain: u32) -> u32 {
        let Some(micros) = self.min_rtt.micros() else { return self.initial };
        let bytes = u128::from(bw) * u128::from(micros) * u128::from(gain) / (1_000_000 * u128::from(UNIT));
        u32::try_from(bytes.div_ceil(self.mss.into())).unwrap_or(u32::MAX).min(MAX_WINDOW)
    }

    /// The same with what super-segments on both sides take.
    pub(super) fn inflight(&self, gain: u32) -> u32 {
        self.with_budget(self.bdp(gain))
    }

    pub(super) fn with_budget(&self, inflight: u32) -> u32 {
        let least = self.burst.saturating_mul(3).max(LEAST_WINDOW);
        let up = if self.state == State::Up { 2 } else { 0 };
        inflight.max(least).saturating_add(up)
    }

    /// §5.6.4.6.
    pub(super) fn set_cwnd(&mut self, ack: &Ack) {
        let max_inflight = self.with_budget(self.bdp(self.cwnd_gain()).saturating_add(self.extra_acked.get()));
        let grown = self.cwnd.saturating_add(ack.newly_acked);
        if self.full.reached {
            self.cwnd = grown.min(max_inflight);
        } else if self.cwnd < max_inflight || self.delivered < self.initial {
            self.cwnd = grown;
        }
        self.cwnd = self.cwnd.clamp(LEAST_WINDOW, MAX_WINDOW);
        if self.state == State::ProbeRtt {
            self.cwnd = self.cwnd.min(self.probe_rtt.cwnd);
        }
        self.bound_cwnd_for_model();
    }

    /// §5.6.4.7.
    fn bound_cwnd_for_model(&mut self) {
        let longterm = match self.state {
            State::Down | State::Refill | State::Up => self.inflight_longterm,
            State::ProbeRtt | State::Cruise => self.inflight_with_headroom(),
            State::Startup | State::Drain => NO_BOUND,
        };
        let bound = longterm.min(self.inflight_shortterm).max(LEAST_WINDOW);
        self.cwnd = self.cwnd.min(bound);
    }

    pub(super) fn save_cwnd(&mut self) {
        let modulated = self.recovering || self.state == State::ProbeRtt;
        self.prior_cwnd = if modulated { self.prior_cwnd.max(self.cwnd) } else { self.cwnd };
    }

    pub(super) fn restore_cwnd(&mut self) {
        self.cwnd = self.cwnd.max(self.prior_cwnd);
    }
}

/// `of` times `gain`.
fn scale(of: u64, gain: u32) -> u64 {
    u64::try_from(u128::from(of) * u128::from(gain) / u128::from(UNIT)).unwrap_or(u64::MAX)
}
