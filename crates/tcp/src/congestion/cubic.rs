//! CUBIC (RFC 9438): after a loss the window grows along a cubic function of time, fast towards where the loss was, slowly
//! around it, and fast again beyond it; where Reno would be faster, as Reno (§4.3). Slow start ends by
//! HyStart (`hystart`).
//!
//! The arithmetic is Linux's, so that windows agree with it to the segment: segments and milliseconds, C = 0.4 (§4.1) as
//! 410 / 2^10, β = 717 / 1024 where RFC 9438 §4.6 has 0.7, one update of the cubic part a millisecond.

#[cfg(test)]
mod tests;

use super::cwnd::{Cwnd, MAX_WINDOW, as_its_cwnd, with_cwnd};
use super::hystart::{Detector, HyStart};
use super::{AckSample, Controller, LossSample, SentSample, Start, in_micros};
use crate::Config;
use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;

/// β in units of 1 / 1024: what is left of the window after a loss.
const BETA: u64 = 717;
/// The same after a mark, where that is less than after a loss (RFC 8511 §3.1): 0.85.
const BETA_ECN: u64 = 870;
/// So soon after a reduction the queue is not empty yet: no round-trip time is believed.
const RTT_SETTLES: Duration = Duration::from_secs(1);
/// C in units of 1 / 1024 segment a second cubed, times ten: `C · 1024 = 410`.
const C_SCALED: u64 = 410;
/// The window does not follow the cubic function oftener than this while it stays the same.
const UPDATE_INTERVAL_MS: u32 = 31;
/// Where Reno's window would be: it grows by one for this many acknowledged, as eighths of the window
/// (RFC 9438 §4.3, α = 3 (1 − β) / (1 + β)).
const RENO_EIGHTHS: u64 = 8 * (1024 + BETA) / 3 / (1024 - BETA);

/// See the module.
#[derive(Clone, Debug)]
pub struct Cubic {
    cwnd: Cwnd,
    /// The window before the last reduction, with fast convergence (W_max, §4.7).
    w_max: u32,
    /// How this period of congestion avoidance goes; none before its first ACK.
    epoch: Option<Epoch>,
    hystart: Detector,
    /// A mark cuts less than a loss (RFC 8511).
    abe: bool,
    /// In µs; 0 where unknown.
    min_rtt: u32,
    /// The window when the threshold was set last (cwnd_prior, §4.3); 0 before the first loss.
    prior: u32,
}

/// A period of congestion avoidance (§4.2).
#[derive(Clone, Debug)]
struct Epoch {
    start: Instant,
    /// Where the function's plateau is, segments.
    origin: u32,
    /// When the window gets there, in 1/1024 s after `start` (K).
    k: u32,
    /// Reno's estimate, segments (W_est, §4.3).
    reno: u32,
    /// Segments acknowledged that Reno's estimate has not counted.
    reno_credit: u32,
    /// Segments to be acknowledged for one more in the window.
    per_segment: u32,
    last_cwnd: u32,
    /// In ms after `start`.
    last_update: u32,
}

impl Cubic {
    /// A connection's, which begins with `initial` segments.
    pub fn new(initial: u32) -> Cubic {
        Cubic {
            cwnd: Cwnd::new(initial),
            w_max: 0,
            epoch: None,
            hystart: Detector::new(HyStart::default()),
            abe: false,
            min_rtt: 0,
            prior: 0,
        }
    }

    /// A connection's with these settings.
    pub(super) fn starting(config: &Config, start: &Start) -> Cubic {
        let hystart = Detector::new(config.hystart);
        Cubic { cwnd: Cwnd::starting(start), hystart, abe: config.abe, ..Cubic::new(start.initial) }
    }

    /// How many segments must be acknowledged for one more in the window.
    fn update(&mut self, now: Instant, acked: u32) -> u32 {
        let (cwnd, w_max, min_rtt_ms) = (self.cwnd.segments(), self.w_max, self.min_rtt / 1000);
        let epoch = match &mut self.epoch {
            Some(epoch) => {
                epoch.reno_credit = epoch.reno_credit.saturating_add(acked);
                let age = epoch.age(now);
                let since_update = age.saturating_sub(epoch.last_update);
                let unchanged = epoch.last_cwnd == cwnd && since_update <= UPDATE_INTERVAL_MS;
                if !unchanged && since_update > 0 {
                    epoch.follow(age, cwnd, w_max, min_rtt_ms);
                }
                epoch
            }
            none => {
                let epoch = none.insert(Epoch::new(now, cwnd, w_max, acked));
                epoch.follow(0, cwnd, w_max, min_rtt_ms);
                epoch
            }
        };
        epoch.follow_reno(cwnd, self.prior);
        epoch.per_segment = epoch.per_segment.max(2);
        epoch.per_segment
    }

    /// The smallest round-trip time, and what it says of slow start.
    fn measure(&mut self, sample: &AckSample, rtt: Duration) {
        if self.epoch.as_ref().is_some_and(|epoch| sample.now.since(epoch.start) < RTT_SETTLES) {
            return;
        }
        let micros = in_micros(rtt).max(1);
        self.min_rtt = if self.min_rtt == 0 { micros } else { self.min_rtt.min(micros) };
        if self.cwnd.in_slow_start() && self.hystart.on_ack(sample, rtt, self.min_rtt, self.cwnd.segments()) {
            self.cwnd.leave_slow_start();
        }
    }

    /// After a loss: β of the window (§4.6), and fast convergence (§4.7).
    fn reduce(&mut self, sample: &LossSample) {
        self.epoch = None;
        let window = u64::from(self.cwnd.segments());
        let converges = self.cwnd.segments() < self.w_max;
        self.prior = self.cwnd.segments();
        self.w_max = if converges { (window * (1024 + BETA) / 2048) as u32 } else { self.cwnd.segments() };
        let beta = if sample.ecn && self.abe { BETA_ECN } else { BETA };
        self.cwnd.reduce_to((window * beta / 1024) as u32);
    }
}

impl Epoch {
    fn new(now: Instant, cwnd: u32, w_max: u32, acked: u32) -> Epoch {
        let (k, origin) = if w_max <= cwnd {
            (0, cwnd)
        } else {
            // K = cbrt((W_max − cwnd) / C), in 1/1024 s.
            (cube_root((1 << 40) / C_SCALED * u64::from(w_max - cwnd)) as u32, w_max)
        };
        Epoch { start: now, origin, k, reno: cwnd, reno_credit: acked, per_segment: 1, last_cwnd: cwnd, last_update: 0 }
    }

    /// How long it has gone on, ms.
    fn age(&self, now: Instant) -> u32 {
        in_micros(now.since(self.start)) / 1000
    }

    /// The cubic function one RTT from now (§4.2, §4.4, §4.5).
    fn follow(&mut self, age_ms: u32, cwnd: u32, w_max: u32, min_rtt_ms: u32) {
        self.last_cwnd = cwnd;
        self.last_update = age_ms;
        let t = (u64::from(age_ms) + u64::from(min_rtt_ms)) * 1024 / 1000;
        let k = u64::from(self.k);
        // After two minutes the window has long reached its bound.
        let offset = t.abs_diff(k).min(1 << 17);
        let delta = ((C_SCALED * offset * offset * offset) >> 40).min(u64::from(MAX_WINDOW)) as u32;
        let target = if t < k { self.origin.saturating_sub(delta) } else { self.origin.saturating_add(delta) };
        self.per_segment = match target.checked_sub(cwnd) {
            Some(ahead @ 1..) => cwnd / ahead,
            _ => cwnd.saturating_mul(100),
        };
        // Before the first loss nothing is known of the path: grow by 5 % a round trip at least.
        if w_max == 0 {
            self.per_segment = self.per_segment.min(20);
        }
    }

    /// Reno's window, if it is the larger one (§4.3). Linux looks at it only as often as at the cubic function: where losses come
    /// oftener, on paths of a millisecond, its window hardly grows at all.
    fn follow_reno(&mut self, cwnd: u32, prior: u32) {
        // Slower than Reno, for it fell less; from where both would be again as fast as Reno. At most 15/8 of the largest window.
        let eighths = if prior > 0 && self.reno >= prior { 8 } else { RENO_EIGHTHS };
        let each = ((u64::from(cwnd) * eighths) >> 3).max(1) as u32;
        if self.reno_credit > each {
            let grown = (self.reno_credit - 1) / each;
            self.reno_credit -= grown * each;
            self.reno = self.reno.saturating_add(grown);
        }
        if let Some(ahead @ 1..) = self.reno.checked_sub(cwnd) {
            self.per_segment = self.per_segment.min(cwnd / ahead);
        }
    }
}

with_cwnd!(Cubic);

impl Controller for Cubic {
    as_its_cwnd!();

    /// Time in which nothing is in flight does not count for the cubic function (as Linux; §4.2 of RFC 9438 counts from the
    /// beginning of congestion avoidance, and an application's pause is none).
    fn on_sent(&mut self, sample: &SentSample) {
        if let (Some(idle), Some(epoch)) = (sample.idle, &mut self.epoch) {
            epoch.start = (epoch.start + idle).min(sample.now);
        }
    }

    fn on_ack(&mut self, sample: &AckSample) {
        if let Some(rtt) = sample.rtt {
            self.measure(sample, rtt);
        }
        if !sample.opens_window() {
            return;
        }
        let mut left = sample.delivered;
        if self.cwnd.in_slow_start() {
            left = self.cwnd.slow_start(self.hystart.opens(left, sample.paced));
        }
        if left > 0 {
            let per_segment = self.update(sample.now, left);
            self.cwnd.avoid(left, per_segment);
        }
    }

    fn on_rto(&mut self, sample: &LossSample, again: bool) {
        if !again {
            self.reduce(sample);
        }
        self.cwnd.collapse(sample.left);
        // What was learned of the path is void; the threshold remembers.
        self.w_max = 0;
        self.epoch = None;
        self.min_rtt = 0;
        self.hystart.reset();
    }

    fn name(&self) -> &'static str {
        "cubic"
    }
}

/// The integer part of the cube root, by Newton's method from above.
fn cube_root(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let mut x = 1 << (n.ilog2() / 3 + 1);
    loop {
        let next = (2 * x + n / (x * x)) / 3;
        if next >= x {
            return x;
        }
        x = next;
    }
}

packed!(struct Cubic { cwnd, w_max, epoch, hystart, abe, min_rtt, prior });
packed!(struct Epoch { start, origin, k, reno, reno_credit, per_segment, last_cwnd, last_update });
