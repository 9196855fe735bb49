//! Reno: slow start, congestion avoidance and multiplicative decrease (RFC 5681), counting bytes (RFC 3465).
//!
//! As on Linux, an ACK of many segments opens the window for all of them (no limit L), the window does not grow while
//! the application leaves it unused ([`CwndUsage`](super::CwndUsage)), and a loss halves the window itself, not
//! FlightSize: validation keeps the two alike.

#[cfg(test)]
mod tests;

use super::{AckSample, Controller, IdleSample, LossSample, SSTHRESH_UNKNOWN, initial_window};
use core::time::Duration;

/// See the module.
#[derive(Clone, Debug)]
pub struct Reno {
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged in congestion avoidance that have not opened the window yet.
    acked: u32,
    mss: u32,
    /// Window and threshold before the last reduction.
    prior: Option<(u32, u32)>,
    srtt: Option<Duration>,
}

/// The largest window: that of TCP's own, 65,535 << 14 (RFC 7323 §2.3).
const MAX_WINDOW: u32 = 65_535 << 14;

impl Reno {
    /// At the beginning of a connection (RFC 6928).
    pub fn new(mss: u32) -> Reno {
        let mss = mss.max(1);
        Reno { cwnd: initial_window(mss), ssthresh: SSTHRESH_UNKNOWN, acked: 0, mss, prior: None, srtt: None }
    }

    /// The same with another initial window, in bytes: one segment after the SYN was lost (RFC 5681 §3.1).
    pub fn with_window(mss: u32, window: u32) -> Reno {
        Reno { cwnd: window.max(mss), ..Reno::new(mss) }
    }

    /// With a threshold, in bytes, that was learned already.
    #[must_use]
    pub fn with_ssthresh(self, ssthresh: u32) -> Reno {
        Reno { ssthresh: ssthresh.max(2 * self.mss), ..self }
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

    /// One segment more for each window acknowledged.
    fn avoid(&mut self, acked: u32) {
        self.acked = self.acked.saturating_add(acked);
        let windows = self.acked / self.cwnd;
        if windows > 0 {
            self.acked -= windows * self.cwnd;
            self.cwnd = self.cwnd.saturating_add(windows.saturating_mul(self.mss)).min(MAX_WINDOW);
        }
    }

    /// Half the window, two segments at least (RFC 5681 §3.1 equation 4).
    fn reduce(&mut self, mss: u32) {
        self.mss = mss.max(1);
        self.prior = Some((self.cwnd, self.ssthresh));
        self.ssthresh = (self.cwnd / 2).max(2 * self.mss);
        self.acked = 0;
    }
}

impl Controller for Reno {
    fn on_ack(&mut self, sample: &AckSample) {
        self.mss = sample.mss.max(1);
        self.srtt = sample.srtt.or(self.srtt);
        if sample.in_recovery || !sample.cwnd_limited {
            return;
        }
        let mut acked = sample.acked;
        if self.in_slow_start() {
            acked = self.slow_start(acked);
        }
        if acked > 0 {
            self.avoid(acked);
        }
    }

    fn on_loss(&mut self, sample: &LossSample) {
        self.reduce(sample.mss);
        self.cwnd = self.ssthresh;
    }

    fn on_rto(&mut self, sample: &LossSample, again: bool) {
        if !again {
            self.reduce(sample.mss);
        }
        self.cwnd = self.mss;
        self.acked = 0;
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
        self.acked = 0;
    }

    /// Half for each timeout that passed, but not below what a new connection has; the threshold remembers three
    /// quarters of the window (RFC 2861, as Linux).
    fn on_idle(&mut self, sample: &IdleSample) {
        let restart = initial_window(sample.mss).min(self.cwnd);
        self.ssthresh = self.ssthresh.max(self.cwnd / 4 * 3);
        let rto = sample.rto.max(Duration::from_millis(1));
        let mut idle = sample.idle;
        while idle > rto && self.cwnd > restart {
            self.cwnd /= 2;
            idle -= rto;
        }
        self.cwnd = self.cwnd.max(restart);
        self.acked = 0;
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// Window / SRTT, with room to grow: twice that in slow start, 1.2 times afterwards, as Linux.
    fn pacing_rate(&self) -> Option<u64> {
        let micros = self.srtt?.as_micros().max(1) as u64;
        let percent = if self.cwnd < self.ssthresh / 2 { 200 } else { 120 };
        Some(u64::from(self.cwnd) * percent * 10_000 / micros)
    }

    fn name(&self) -> &'static str {
        "reno"
    }
}
