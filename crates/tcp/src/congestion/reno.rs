//! Reno: slow start, congestion avoidance and multiplicative decrease (RFC 5681), counting segments, as Linux does.
//!
//! An ACK of many segments opens the window for all of them (no limit L of RFC 3465), the window does not grow while the
//! application leaves it unused ([`CwndUsage`](super::CwndUsage)), and a loss halves the window itself, not FlightSize:
//! validation keeps the two alike.

#[cfg(test)]
mod tests;

use super::{AckSample, Controller, IdleSample, LossSample, SSTHRESH_UNKNOWN};
use core::time::Duration;

/// See the module.
#[derive(Clone, Debug)]
pub struct Reno {
    cwnd: u32,
    ssthresh: u32,
    /// Segments acknowledged in congestion avoidance that have not opened the window yet (Linux's `snd_cwnd_cnt`).
    count: u32,
    /// What the window begins with, and where idleness stops to shrink it.
    initial: u32,
    /// Window and threshold before the last reduction.
    prior: Option<(u32, u32)>,
}

/// The largest window: of segments of a byte, TCP's own 65,535 << 14 (RFC 7323 §2.3).
const MAX_WINDOW: u32 = 65_535 << 14;

impl Reno {
    /// A connection's, which begins with `initial` segments (RFC 6928: 10; the bound of 14,600 bytes on large ones is not
    /// Linux's).
    pub fn new(initial: u32) -> Reno {
        let initial = initial.clamp(1, MAX_WINDOW);
        Reno { cwnd: initial, ssthresh: SSTHRESH_UNKNOWN, count: 0, initial, prior: None }
    }

    /// The same with another window now.
    #[must_use]
    pub fn with_window(self, window: u32) -> Reno {
        Reno { cwnd: window.clamp(1, MAX_WINDOW), ..self }
    }

    /// The same with a threshold that was learned already.
    #[must_use]
    pub fn with_ssthresh(self, ssthresh: u32) -> Reno {
        Reno { ssthresh: ssthresh.max(2), ..self }
    }

    fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// Opens the window by what was acknowledged, up to the threshold; returns what is left over.
    fn slow_start(&mut self, acked: u32) -> u32 {
        let opened = acked.min(self.ssthresh - self.cwnd).min(MAX_WINDOW - self.cwnd);
        self.cwnd += opened;
        acked - opened
    }

    /// One segment more for each window acknowledged (Linux's `tcp_cong_avoid_ai`).
    fn avoid(&mut self, acked: u32) {
        let window = self.cwnd;
        // There was more credit than the window, which is smaller now.
        if self.count >= window {
            self.count = 0;
            self.cwnd += 1;
        }
        self.count = self.count.saturating_add(acked);
        let windows = self.count / window;
        self.count -= windows * window;
        self.cwnd = self.cwnd.saturating_add(windows).min(MAX_WINDOW);
    }

    /// Half the window, two segments at least (RFC 5681 §3.1 equation 4).
    fn reduce(&mut self) {
        self.prior = Some((self.cwnd, self.ssthresh));
        self.ssthresh = (self.cwnd / 2).max(2);
    }

    /// The threshold remembers three quarters of a window that shrinks without a loss.
    fn remember(&mut self) {
        self.ssthresh = self.ssthresh.max(self.cwnd / 2 + self.cwnd / 4);
    }
}

impl Controller for Reno {
    fn on_ack(&mut self, sample: &AckSample) {
        if sample.in_recovery || !sample.cwnd_limited || sample.acked == 0 {
            return;
        }
        let mut delivered = sample.delivered;
        if self.in_slow_start() {
            delivered = self.slow_start(delivered);
        }
        if delivered > 0 {
            self.avoid(delivered);
        }
    }

    fn on_loss(&mut self, _sample: &LossSample) {
        self.reduce();
        self.count = 0;
        self.cwnd = self.ssthresh;
    }

    fn on_rto(&mut self, _sample: &LossSample, again: bool) {
        if !again {
            self.reduce();
        }
        self.cwnd = 1;
        self.count = 0;
    }

    fn on_undo(&mut self) {
        if let Some((cwnd, ssthresh)) = self.prior.take() {
            self.cwnd = self.cwnd.max(cwnd);
            self.ssthresh = self.ssthresh.max(ssthresh);
        }
    }

    fn on_recovered(&mut self, _sample: &LossSample) {
        // RFC 6582 §3.2 step 3: the window is the threshold again, whatever inflated it.
        self.cwnd = self.ssthresh.min(MAX_WINDOW);
        self.count = 0;
    }

    /// Half for each timeout that passed, but not below what a new connection has (RFC 2861, as Linux).
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
    }

    /// Half way from the window to what was used of it (RFC 2861 §3.2; Linux's `tcp_cwnd_application_limited`).
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
        "reno"
    }
}
