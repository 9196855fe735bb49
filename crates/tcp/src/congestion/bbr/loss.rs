//! What losses and marks change of the model (draft-ietf-ccwg-bbr §5.5.10), and what comes back if there were none (§5.5.11).
//!
//! While probing, losses of more than 2 % bound what may be in flight for long. Otherwise the bounds of this cycle follow what
//! is delivered, but by no more than 30 % a round trip.

use super::{Ack, AckSample, Bbr, LOSS_THRESHOLD, NO_BOUND, NO_RATE_BOUND, State, UNIT};
use crate::delivery::before;
use crate::send::passed;
use core::time::Duration;
use limpid_event::Instant;

/// β, the deepest cut in a round trip: seven tenths.
const BETA: (u32, u32) = (7, 10);
/// Marks count on paths this short at the most (Google's version 3).
const ECN_MAX_RTT: Duration = Duration::from_millis(5);
/// Weight of a round trip in the share of marked segments.
const ECN_ALPHA_GAIN: u32 = 16;
/// Of that share, so much is cut: a third.
const ECN_FACTOR: u32 = 3;
/// Round trips with half of the segments marked that tell of a full pipe.
const ECN_FULL_ROUNDS: u8 = 2;

/// What was delivered in the latest round trip.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latest {
    /// Bytes a second.
    pub(super) bw: u64,
    /// Segments.
    pub(super) inflight: u32,
    /// There was a loss.
    pub(super) loss: bool,
    /// There was a mark.
    mark: bool,
    /// This ACK ends a round trip of losses.
    pub(super) loss_round_start: bool,
    loss_round_delivered: u32,
}

/// The share of marked segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ecn {
    /// In 1/256, smoothed.
    alpha: u32,
    /// Segments delivered, and marked ones, in this round trip.
    delivered: u32,
    ce: u32,
    /// Round trips in a row with half of them marked.
    full_rounds: u8,
}

impl Default for Ecn {
    /// Careful at first: all are marked.
    fn default() -> Ecn {
        Ecn { alpha: UNIT, delivered: 0, ce: 0, full_rounds: 0 }
    }
}

/// What there was before the losses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Undo {
    /// The phase that the losses ended.
    pub(super) state: Option<State>,
    bw_shortterm: u64,
    inflight_shortterm: u32,
    inflight_longterm: u32,
}

impl Bbr {
    /// What newly counts as lost.
    pub(super) fn handle_losses(&mut self, sample: &AckSample) {
        let Some(worst) = sample.losses.worst else { return };
        self.full.ranges_lost = self.full.ranges_lost.saturating_add(sample.losses.ranges);
        if !self.latest.loss {
            self.latest.loss_round_delivered = self.delivered;
            self.save_state_upon_loss();
        }
        self.latest.loss = true;
        let passed = worst.passed();
        if !self.probing.is_sample || (sample.selective && !is_too_much(worst.lost, passed)) {
            return;
        }
        let lost = (u64::from(worst.lost) * u64::from(worst.in_flight) / passed.max(1)) as u32;
        let at_loss = inflight_at_loss(worst.in_flight, lost, worst.segments);
        self.handle_inflight_too_high(sample.now, at_loss, worst.app_limited);
    }

    pub(super) fn handle_inflight_too_high(&mut self, now: Instant, in_flight: u32, app_limited: bool) {
        self.probing.too_high = true;
        // One reaction a probe.
        self.probing.is_sample = false;
        if !app_limited {
            self.inflight_longterm = in_flight.max(beta(self.target_inflight()));
        }
        if self.state == State::Up {
            self.undo.state = Some(State::Up);
            self.start_down(now);
        }
    }

    /// Whether what was in flight was too much, by what was lost or marked of it.
    pub(super) fn is_inflight_too_high(&self, ack: &Ack) -> bool {
        let lost = is_too_much(ack.lost, passed(ack.tx_in_flight, ack.lost, ack.delivered));
        let marked = self.heeds_marks() && ack.delivered_ce > 0 && ack.delivered_ce > ack.delivered / 2;
        lost || marked || (ack.lost > 0 && !ack.selective)
    }

    pub(super) fn update_latest_delivery_signals(&mut self, ack: &Ack) {
        let latest = &mut self.latest;
        latest.loss_round_start = false;
        if ack.rate == 0 {
            return;
        }
        latest.bw = latest.bw.max(ack.rate);
        latest.inflight = latest.inflight.max(ack.delivered);
        latest.loss_round_start = !before(ack.prior_delivered, latest.loss_round_delivered);
        if latest.loss_round_start {
            latest.loss_round_delivered = self.delivered;
        }
    }

    pub(super) fn advance_latest_delivery_signals(&mut self, ack: &Ack) {
        if self.latest.loss_round_start {
            self.latest.bw = ack.rate;
            self.latest.inflight = ack.delivered;
        }
    }

    pub(super) fn reset_congestion_signals(&mut self) {
        self.latest = Latest { loss: false, mark: false, bw: 0, inflight: 0, ..self.latest };
    }

    pub(super) fn update_congestion_signals(&mut self, ack: &Ack) {
        self.update_max_bw(ack);
        self.update_ecn(ack);
        if !self.latest.loss_round_start {
            return;
        }
        self.adapt_lower_bounds();
        self.latest.loss = false;
        self.latest.mark = false;
    }

    /// Once a round trip.
    fn adapt_lower_bounds(&mut self) {
        if self.is_probing_bw() || !(self.latest.loss || self.latest.mark) {
            return;
        }
        if self.inflight_shortterm == NO_BOUND {
            self.inflight_shortterm = self.cwnd;
        }
        let cut = u64::from(self.inflight_shortterm) * u64::from(self.ecn.alpha) / u64::from(UNIT * ECN_FACTOR);
        let marked = self.inflight_shortterm.saturating_sub(cut as u32);
        if self.latest.loss {
            if self.bw_shortterm == NO_RATE_BOUND {
                self.bw_shortterm = self.max_bw.get();
            }
            let (seven, ten) = (u64::from(BETA.0), u64::from(BETA.1));
            self.bw_shortterm = self.latest.bw.max(self.bw_shortterm / ten * seven);
            self.inflight_shortterm = self.latest.inflight.max(beta(self.inflight_shortterm));
        }
        if self.latest.mark {
            self.inflight_shortterm = self.inflight_shortterm.min(marked);
        }
    }

    pub(super) fn reset_shortterm(&mut self) {
        self.bw_shortterm = NO_RATE_BOUND;
        self.inflight_shortterm = NO_BOUND;
    }

    fn heeds_marks(&self) -> bool {
        self.min_rtt.get() <= ECN_MAX_RTT
    }

    /// The share of marked segments, once a round trip.
    fn update_ecn(&mut self, ack: &Ack) {
        self.ecn.delivered = self.ecn.delivered.saturating_add(ack.newly_acked);
        self.ecn.ce = self.ecn.ce.saturating_add(ack.newly_marked);
        self.latest.mark |= ack.newly_marked > 0 && self.heeds_marks();
        if !self.rounds.start || self.ecn.delivered == 0 {
            return;
        }
        let ratio =
            (u64::from(self.ecn.ce.min(self.ecn.delivered)) * u64::from(UNIT) / u64::from(self.ecn.delivered)) as u32;
        let full = self.heeds_marks() && ratio >= UNIT / 2;
        self.ecn = Ecn {
            alpha: (self.ecn.alpha * (ECN_ALPHA_GAIN - 1) + ratio) / ECN_ALPHA_GAIN,
            delivered: 0,
            ce: 0,
            full_rounds: if full { self.ecn.full_rounds.saturating_add(1) } else { 0 },
        };
    }

    pub(super) fn marks_fill_the_pipe(&self) -> bool {
        self.ecn.full_rounds >= ECN_FULL_ROUNDS
    }

    /// Should the losses be none.
    pub(super) fn save_state_upon_loss(&mut self) {
        self.undo = Undo {
            state: None,
            bw_shortterm: self.bw_shortterm,
            inflight_shortterm: self.inflight_shortterm,
            inflight_longterm: self.inflight_longterm,
        };
    }

    /// §5.5.11.2.
    pub(super) fn handle_spurious_loss(&mut self) {
        self.restore_cwnd();
        self.recovering = false;
        self.latest.loss = false;
        self.reset_full_pipe(0);
        self.bw_shortterm = self.bw_shortterm.max(self.undo.bw_shortterm);
        self.inflight_shortterm = self.inflight_shortterm.max(self.undo.inflight_shortterm);
        self.inflight_longterm = self.inflight_longterm.max(self.undo.inflight_longterm);
        match self.undo.state.take() {
            Some(State::Startup) if self.state != State::Startup => {
                self.full.reached = false;
                if self.state != State::ProbeRtt {
                    self.enter_startup();
                }
            }
            Some(State::Up) if !matches!(self.state, State::Up | State::ProbeRtt) => self.start_refill(),
            _ => {}
        }
    }
}

/// Above the threshold.
fn is_too_much(lost: u32, of: u64) -> bool {
    u64::from(lost) * u64::from(LOSS_THRESHOLD) > of
}

/// Where in a piece of `segments` the losses have passed the threshold (§5.5.10.2, InflightAtLoss).
fn inflight_at_loss(in_flight: u32, lost: u32, segments: u32) -> u32 {
    let before = in_flight.saturating_sub(segments);
    let lost_before = lost.saturating_sub(segments);
    let budget = u64::from((before / LOSS_THRESHOLD).saturating_sub(lost_before));
    let prefix = budget * u64::from(LOSS_THRESHOLD) / u64::from(LOSS_THRESHOLD - 1);
    before.saturating_add(prefix as u32)
}

fn beta(segments: u32) -> u32 {
    (u64::from(segments) * u64::from(BETA.0) / u64::from(BETA.1)) as u32
}
