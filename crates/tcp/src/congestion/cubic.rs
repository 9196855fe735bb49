//! CUBIC (RFC 9438): after a loss the window grows along a cubic function of time, fast towards where the loss was, slowly
//! around it, and fast again beyond it; where Reno would be faster, as Reno (§4.3). Slow start ends by
//! HyStart (`hystart`).
//!
//! The arithmetic is Linux's, so that windows agree with it to the segment: segments and milliseconds, C = 0.4 (§4.1) as
//! 410 / 2^10, β = 717 / 1024 where RFC 9438 §4.6 has 0.7, one update of the cubic part a millisecond.

#[cfg(test)]
mod tests;

use super::hystart::HyStart;
use super::{AckSample, Controller, IdleSample, LossSample, SSTHRESH_UNKNOWN, in_micros};
use core::time::Duration;
use limpid_event::Instant;

/// The largest window in segments that is worth counting: above every window that TCP can state (RFC 7323 §2.3).
const MAX_SEGMENTS: u32 = 1 << 24;
/// β in units of 1 / 1024: what is left of the window after a loss.
const BETA: u64 = 717;
/// C in units of 1 / 1024 segment a second cubed, times ten: `C · 1024 = 410`.
const C_SCALED: u64 = 410;
/// The window does not follow the cubic function oftener than this while it stays the same.
const UPDATE_INTERVAL_MS: u32 = 31;
/// Where Reno's window would be: it grows by one for this many acknowledged, as eighths of the window
/// (RFC 9438 §4.3, α = 3 (1 − β) / (1 + β)).
const RENO_EIGHTHS: u32 = (8 * (1024 + BETA) / 3 / (1024 - BETA)) as u32;

/// See the module.
#[derive(Clone, Debug)]
pub struct Cubic {
    /// Segments.
    cwnd: u32,
    /// Segments, or [`SSTHRESH_UNKNOWN`].
    ssthresh: u32,
    /// What the window begins with, and where idleness stops to shrink it.
    initial: u32,
    /// Segments acknowledged in congestion avoidance that have not opened the window yet.
    credit: u32,
    /// The window before the last reduction, with fast convergence (W_max, §4.7).
    w_max: u32,
    /// How this period of congestion avoidance goes; none before its first ACK.
    epoch: Option<Epoch>,
    hystart: HyStart,
    /// Window and threshold before the last reduction.
    prior: Option<(u32, u32)>,
    /// In µs; 0 where unknown.
    min_rtt: u32,
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
        let initial = initial.clamp(1, MAX_SEGMENTS);
        Cubic {
            cwnd: initial,
            ssthresh: SSTHRESH_UNKNOWN,
            initial,
            credit: 0,
            w_max: 0,
            epoch: None,
            hystart: HyStart::default(),
            prior: None,
            min_rtt: 0,
        }
    }

    /// The same with another window now.
    #[must_use]
    pub fn with_window(self, window: u32) -> Cubic {
        Cubic { cwnd: window.clamp(1, MAX_SEGMENTS), ..self }
    }

    /// The same with a threshold that was learned already.
    #[must_use]
    pub fn with_ssthresh(self, ssthresh: u32) -> Cubic {
        Cubic { ssthresh: ssthresh.max(2), ..self }
    }

    fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    fn avoid(&mut self, now: Instant, acked: u32) {
        let per_segment = self.update(now, acked);
        if self.credit >= per_segment {
            self.credit = 0;
            self.cwnd += 1;
        }
        self.credit += acked;
        if self.credit >= per_segment {
            let opened = self.credit / per_segment;
            self.credit -= opened * per_segment;
            self.cwnd += opened;
        }
        self.cwnd = self.cwnd.min(MAX_SEGMENTS);
    }

    /// How many segments must be acknowledged for one more in the window.
    fn update(&mut self, now: Instant, acked: u32) -> u32 {
        let (cwnd, w_max, min_rtt_ms) = (self.cwnd, self.w_max, self.min_rtt / 1000);
        let epoch = match &mut self.epoch {
            Some(epoch) => {
                epoch.reno_credit = epoch.reno_credit.saturating_add(acked);
                let age = epoch.age(now);
                let since_update = age.saturating_sub(epoch.last_update);
                if epoch.last_cwnd == cwnd && since_update <= UPDATE_INTERVAL_MS {
                    return epoch.per_segment;
                }
                if since_update > 0 {
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
        epoch.follow_reno(cwnd);
        epoch.per_segment = epoch.per_segment.max(2);
        epoch.per_segment
    }

    /// After a loss: β of the window, two segments at least (§4.6), and fast convergence (§4.7).
    fn reduce(&mut self) {
        self.epoch = None;
        self.prior = Some((self.cwnd, self.ssthresh));
        let cwnd = u64::from(self.cwnd);
        self.w_max = if self.cwnd < self.w_max { (cwnd * (1024 + BETA) / 2048) as u32 } else { self.cwnd };
        self.ssthresh = ((cwnd * BETA / 1024) as u32).max(2);
        self.credit = 0;
    }

    /// The threshold remembers three quarters of a window that shrinks without a loss.
    fn remember(&mut self) {
        self.ssthresh = self.ssthresh.max(self.cwnd / 2 + self.cwnd / 4);
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
        let delta = ((C_SCALED * offset * offset * offset) >> 40).min(u64::from(MAX_SEGMENTS)) as u32;
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

    /// Reno's window, if it is the larger one (§4.3).
    fn follow_reno(&mut self, cwnd: u32) {
        let each = (cwnd.saturating_mul(RENO_EIGHTHS) >> 3).max(1);
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

impl Controller for Cubic {
    fn on_ack(&mut self, sample: &AckSample) {
        if let Some(rtt) = sample.rtt {
            let micros = in_micros(rtt).max(1);
            self.min_rtt = if self.min_rtt == 0 { micros } else { self.min_rtt.min(micros) };
            let min_rtt = Duration::from_micros(self.min_rtt.into());
            if self.in_slow_start() && self.hystart.on_ack(sample, rtt, min_rtt, self.cwnd) {
                self.ssthresh = self.cwnd;
            }
        }
        if sample.in_recovery || !sample.cwnd_limited || sample.acked == 0 {
            return;
        }
        let mut acked = sample.delivered;
        if self.in_slow_start() {
            let opened = acked.min(self.ssthresh - self.cwnd).min(MAX_SEGMENTS - self.cwnd);
            self.cwnd += opened;
            acked -= opened;
        }
        if acked > 0 {
            self.avoid(sample.now, acked);
        }
    }

    fn on_loss(&mut self, _sample: &LossSample) {
        self.reduce();
        self.cwnd = self.ssthresh;
    }

    fn on_rto(&mut self, _sample: &LossSample, again: bool) {
        if !again {
            self.reduce();
        }
        self.cwnd = 1;
        self.credit = 0;
        // What was learned of the path is void; the threshold remembers.
        self.w_max = 0;
        self.epoch = None;
        self.min_rtt = 0;
        self.hystart = HyStart::default();
    }

    fn on_undo(&mut self) {
        if let Some((cwnd, ssthresh)) = self.prior.take() {
            self.cwnd = self.cwnd.max(cwnd);
            self.ssthresh = self.ssthresh.max(ssthresh);
        }
    }

    fn on_recovered(&mut self, _sample: &LossSample) {
        self.cwnd = self.ssthresh.min(MAX_SEGMENTS);
        self.credit = 0;
    }

    /// As Reno's; and the time of silence does not count for the cubic function (§4.2 of RFC 9438 counts from the
    /// beginning of congestion avoidance, and an application's pause is none).
    fn on_idle(&mut self, sample: &IdleSample) {
        let restart = self.initial.min(self.cwnd);
        self.remember();
        let rto = sample.rto.max(Duration::from_millis(1));
        let mut idle = sample.idle;
        while idle > rto && self.cwnd > restart {
            self.cwnd /= 2;
            idle -= rto;
        }
        self.cwnd = self.cwnd.max(restart);
        self.credit = 0;
        if let Some(epoch) = &mut self.epoch {
            epoch.start = (epoch.start + sample.idle).min(sample.now);
        }
    }

    /// As Reno's.
    fn on_unused(&mut self, used: u32) {
        let used = used.max(self.initial);
        if used < self.cwnd {
            self.remember();
            self.cwnd = (self.cwnd + used) / 2;
        }
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
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
