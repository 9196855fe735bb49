//! BBR version 3 (draft-ietf-ccwg-bbr): instead of waiting for losses it models the path, by the largest recent delivery rate
//! and the smallest recent round-trip time, and sends at that rate with about their product in flight. It probes for more from
//! time to time, gives way where that loses more than 2 %, and empties the queue every five seconds to see the path's own delay.
//!
//! | file | what | section |
//! |---|---|---|
//! | `startup` | doubling until the pipe is full | 5.3.1 |
//! | `drain` | taking back the queue that made | 5.3.2 |
//! | `probe_bw` | the cycle of down, cruise, refill, up | 5.3.3 |
//! | `probe_rtt`, `min_rtt` | the path's own delay | 5.3.4, 5.5.7 |
//! | `round` | counting round trips by packets | 5.5.1 |
//! | `max_bw` | the largest rate of two cycles | 5.5.2–5.5.6 |
//! | `extra_acked` | how much ACKs come bunched | 5.5.9 |
//! | `loss` | what losses and marks change of the model | 5.5.10, 5.5.11 |
//! | `control` | rate and window from the model | 5.6 |
//!
//! Windows are in segments, rates in bytes a second, gains in 1/256. The draft has no response to ECN; that of Google's
//! version 3, for paths of 5 ms at most whose marks are counted (RFC 9768), is in `loss`. The window is BBR's own also while
//! losses are recovered from: no proportional rate reduction.

mod control;
mod drain;
mod extra_acked;
mod loss;
mod max_bw;
mod min_rtt;
mod probe_bw;
mod probe_rtt;
mod round;
mod startup;
#[cfg(test)]
mod tests;

use super::{AckSample, Controller, ControllerInfo, LossSample, SSTHRESH_UNKNOWN, SentSample, Start};
use crate::recovery::Phase as Recovery;
use core::time::Duration;
use extra_acked::ExtraAcked;
use limpid_event::Instant;
use loss::{Ecn, Latest, Undo};
use max_bw::MaxBw;
use min_rtt::MinRtt;
use probe_bw::Probing;
use probe_rtt::ProbeRtt;
use round::Rounds;
use startup::FullPipe;

/// Gains are multiples of this.
const UNIT: u32 = 256;
/// No bound on what may be in flight.
const NO_BOUND: u32 = u32::MAX;
/// No bound on the rate.
const NO_RATE_BOUND: u64 = u64::MAX;
/// So much in flight lets a peer that acknowledges every other segment keep up (MinPipeCwnd).
const LEAST_WINDOW: u32 = 4;
/// Losses above one in so many are too much (LossThresh, 2 %).
const LOSS_THRESHOLD: u32 = 50;

/// Where it stands (§5.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Startup,
    Drain,
    Down,
    Cruise,
    Refill,
    Up,
    ProbeRtt,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Bbr {
    state: State,
    /// Segments.
    cwnd: u32,
    /// What the window was before a recovery or the probe for the round-trip time.
    prior_cwnd: u32,
    initial: u32,
    ssthresh: u32,
    /// Bytes a second.
    pacing_rate: u64,
    /// It follows from a round trip that was measured.
    rate_is_measured: bool,
    /// bytes
    mss: u32,
    /// What leaves at once, segments.
    burst: u32,
    /// Segments delivered in all; wraps.
    delivered: u32,
    rounds: Rounds,
    max_bw: MaxBw,
    min_rtt: MinRtt,
    extra_acked: ExtraAcked,
    /// Bytes a second: the largest rate, or less after losses.
    bw: u64,
    /// Bounds that losses set for this cycle, and for longer.
    bw_shortterm: u64,
    inflight_shortterm: u32,
    inflight_longterm: u32,
    latest: Latest,
    full: FullPipe,
    probing: Probing,
    probe_rtt: ProbeRtt,
    ecn: Ecn,
    undo: Undo,
    /// Recovery from losses goes on.
    recovering: bool,
    /// Sending has begun again after a pause.
    idle_restart: bool,
    chance: u32,
}

/// An ACK with a sample of the delivery rate, as the parts see it.
#[derive(Clone, Copy, Debug)]
struct Ack {
    now: Instant,
    /// Bytes a second; 0 if unknown.
    rate: u64,
    app_limited: bool,
    /// Segments newly delivered,
    newly_acked: u32,
    /// with marks,
    newly_marked: u32,
    /// delivered since the segment left that it acknowledges,
    delivered: u32,
    /// of them those with marks,
    delivered_ce: u32,
    /// lost since then,
    lost: u32,
    /// and in flight when it left.
    tx_in_flight: u32,
    prior_delivered: u32,
    /// Segments in flight now.
    in_flight: u32,
    /// The window was full in this round trip.
    cwnd_full: bool,
    rtt: Option<Duration>,
    selective: bool,
    fast_recovery: bool,
}

impl Bbr {
    /// A connection's (§5.2.1).
    pub fn new(start: &Start) -> Bbr {
        let initial = start.initial.max(1);
        let mut bbr = Bbr {
            state: State::Startup,
            cwnd: start.window.max(1),
            prior_cwnd: 0,
            initial,
            ssthresh: SSTHRESH_UNKNOWN,
            pacing_rate: 0,
            rate_is_measured: false,
            mss: start.mss.max(1),
            burst: 1,
            delivered: 0,
            rounds: Rounds::default(),
            max_bw: MaxBw::default(),
            min_rtt: MinRtt::new(start.now),
            extra_acked: ExtraAcked::new(start.now),
            bw: 0,
            bw_shortterm: NO_RATE_BOUND,
            inflight_shortterm: NO_BOUND,
            inflight_longterm: NO_BOUND,
            latest: Latest::default(),
            full: FullPipe::default(),
            probing: Probing::new(start.now),
            probe_rtt: ProbeRtt::new(initial),
            ecn: Ecn::default(),
            undo: Undo::default(),
            recovering: false,
            idle_restart: false,
            chance: start.seed | 1,
        };
        bbr.init_pacing_rate(Duration::from_millis(1));
        bbr.measure_rate(start.srtt);
        bbr
    }

    /// §5.2.3.
    fn update_model_and_state(&mut self, ack: &Ack) {
        self.update_latest_delivery_signals(ack);
        self.update_congestion_signals(ack);
        self.update_ack_aggregation(ack);
        self.check_full_pipe(ack);
        self.check_startup_done(ack);
        self.check_drain_done(ack);
        self.update_probe_bw(ack);
        self.update_min_rtt(ack);
        self.check_probe_rtt(ack);
        self.advance_latest_delivery_signals(ack);
        self.bw = self.max_bw.get().min(self.bw_shortterm);
    }

    /// The first round trip that is measured gives the first rate.
    fn measure_rate(&mut self, srtt: Option<Duration>) {
        if let Some(srtt) = srtt.filter(|_| !self.rate_is_measured) {
            self.rate_is_measured = true;
            self.init_pacing_rate(srtt);
        }
    }

    /// The next pseudo-random number, below `bound` (xorshift).
    fn random(&mut self, bound: u32) -> u32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        self.chance % bound.max(1)
    }

    /// Recovery begins or ends (§5.6.4.4).
    fn follow_recovery(&mut self, recovering: bool) {
        if self.recovering && !recovering {
            self.restore_cwnd();
        }
        self.recovering = recovering;
    }
}

impl Controller for Bbr {
    fn on_established(&mut self, rtt: Option<Duration>) {
        self.measure_rate(rtt);
    }

    /// §5.4.1.
    fn on_sent(&mut self, sample: &SentSample) {
        self.mss = sample.mss.max(1);
        self.measure_rate(sample.srtt);
        if sample.idle.is_none() || !sample.app_limited {
            return;
        }
        self.idle_restart = true;
        self.extra_acked.restart(sample.now);
        if self.is_in_probe_bw() {
            self.set_pacing_rate(UNIT);
        } else if self.state == State::ProbeRtt {
            self.check_probe_rtt_done(sample.now);
        }
    }

    fn on_ack(&mut self, sample: &AckSample) {
        self.mss = sample.mss.max(1);
        self.burst = sample.burst.max(1);
        if let Some(rate) = sample.rate {
            self.delivered = rate.total_delivered;
        }
        self.handle_losses(sample);
        self.follow_recovery(matches!(sample.recovery, Recovery::Recovery | Recovery::Loss));
        let Some(rate) = sample.rate else { return };
        let ack = Ack {
            now: sample.now,
            rate: rate.rate(sample.mss),
            app_limited: rate.app_limited,
            newly_acked: sample.delivered,
            newly_marked: sample.ce,
            delivered: rate.delivered,
            delivered_ce: rate.delivered_ce,
            lost: rate.lost,
            tx_in_flight: rate.in_flight,
            prior_delivered: rate.prior_delivered,
            in_flight: sample.in_flight,
            cwnd_full: sample.cwnd_full,
            rtt: sample.rtt,
            selective: sample.selective,
            fast_recovery: sample.recovery == Recovery::Recovery,
        };
        self.update_model_and_state(&ack);
        self.set_pacing_rate(self.pacing_gain());
        self.set_cwnd(&ack);
    }

    /// What a loss changes follows from the samples; here the window and bounds are kept, should it be none. A mark of ECN alone
    /// (RFC 3168) changes nothing, as in Linux.
    fn on_loss(&mut self, sample: &LossSample) {
        if !sample.ecn {
            self.save_cwnd();
            self.save_state_upon_loss();
            self.recovering = true;
        }
    }

    fn on_rto(&mut self, _sample: &LossSample, _again: bool) {
        self.save_cwnd();
        self.save_state_upon_loss();
        self.recovering = true;
        self.cwnd = 1;
    }

    fn on_undo(&mut self) {
        self.handle_spurious_loss();
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.pacing_rate)
    }

    /// Probing for the round-trip time must not empty the buffer (Linux).
    fn buffered_windows(&self) -> u32 {
        3
    }

    fn paces(&self) -> bool {
        true
    }

    /// Slow senders have no good of two at once (Linux: below 1.2 Mb/s).
    fn least_burst(&self) -> Option<u32> {
        Some(if self.pacing_rate < 150_000 { 1 } else { 2 })
    }

    fn is_reduced_by_recovery(&self) -> bool {
        false
    }

    fn goes_by_rate(&self) -> bool {
        true
    }

    fn sends_less(&self) -> bool {
        self.state == State::ProbeRtt
    }

    fn phase(&self) -> Option<&'static str> {
        Some(match self.state {
            State::Startup => "startup",
            State::Drain => "drain",
            State::Down => "probe bandwidth: down",
            State::Cruise => "probe bandwidth: cruise",
            State::Refill => "probe bandwidth: refill",
            State::Up => "probe bandwidth: up",
            State::ProbeRtt => "probe round trip",
        })
    }

    fn info(&self) -> Option<ControllerInfo> {
        let (pacing_gain, cwnd_gain) = (self.pacing_gain(), self.cwnd_gain());
        Some(ControllerInfo::Bbr { bw: self.bw, min_rtt: self.min_rtt.get(), pacing_gain, cwnd_gain })
    }

    fn name(&self) -> &'static str {
        "bbr"
    }
}
