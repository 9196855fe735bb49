//! Reno: slow start, congestion avoidance and multiplicative decrease (RFC 5681), counting segments, as Linux does.
//!
//! An ACK of many segments opens the window for all of them (no limit L of RFC 3465), the window does not grow while the
//! application leaves it unused ([`CwndUsage`](super::CwndUsage)), and a loss halves the window itself, not FlightSize:
//! validation keeps the two alike.

#[cfg(test)]
mod tests;

use super::cwnd::{Cwnd, as_its_cwnd, with_cwnd};
use super::{AckSample, Controller, LossSample, Start};
use crate::Config;
use crate::pack::packed;

/// What a mark takes, where that is less than a loss does (RFC 8511 §3.1): a fifth, which leaves 0.8.
const BETA_ECN: u32 = 5;

/// See the module.
#[derive(Clone, Debug)]
pub struct Reno {
    cwnd: Cwnd,
    /// A mark cuts less than a loss (RFC 8511).
    abe: bool,
}

impl Reno {
    /// A connection's, which begins with `initial` segments.
    pub fn new(initial: u32) -> Reno {
        Reno { cwnd: Cwnd::new(initial), abe: false }
    }

    /// A connection's with these settings.
    pub(super) fn starting(config: &Config, start: &Start) -> Reno {
        Reno { cwnd: Cwnd::starting(start), abe: config.abe }
    }

    /// Half the window (RFC 5681 §3.1 equation 4).
    fn reduce(&mut self, sample: &LossSample) {
        let window = self.cwnd.segments();
        let left = if sample.ecn && self.abe { window - window.div_ceil(BETA_ECN) } else { window / 2 };
        self.cwnd.reduce_to(left);
    }
}

with_cwnd!(Reno);

impl Controller for Reno {
    as_its_cwnd!();

    fn on_ack(&mut self, sample: &AckSample) {
        if !sample.opens_window() {
            return;
        }
        let left = self.cwnd.slow_start(sample.delivered);
        if left > 0 {
            // One segment more for each window acknowledged.
            self.cwnd.avoid(left, self.cwnd.segments());
        }
    }

    fn on_rto(&mut self, sample: &LossSample, again: bool) {
        if !again {
            self.reduce(sample);
        }
        self.cwnd.collapse(sample.left);
    }

    fn name(&self) -> &'static str {
        "reno"
    }
}

packed!(struct Reno { cwnd, abe });
