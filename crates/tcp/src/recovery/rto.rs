//! The retransmission timeout as a type: always within its bounds (RFC 6298 §2.4, §2.5).

#[cfg(test)]
mod tests;

use crate::pack::packed;
use core::fmt;
use core::time::Duration;

/// No timer waits less: one that waited for nothing would run out for ever.
const LEAST: Duration = Duration::from_millis(1);

/// A retransmission timeout, usually between [`Rto::MIN`] and [`Rto::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rto(Duration);

impl Rto {
    /// Linux's TCP_RTO_MIN, 200 ms. (RFC 6298 §2.4 says 1 s SHOULD be the minimum; every common system has less.)
    pub const MIN: Duration = Duration::from_millis(200);
    /// Linux's TCP_RTO_MAX, 120 s.
    pub const MAX: Duration = Duration::from_secs(120);
    /// Before any measurement: 1 s (RFC 6298 §2.1).
    pub const INITIAL: Rto = Rto(Duration::from_secs(1));
    /// When the handshake itself had to be retransmitted and nothing was measured: 3 s (RFC 6298 §5.7).
    pub const AFTER_SYN_LOSS: Rto = Rto(Duration::from_secs(3));

    /// `timeout`, or the nearest bound.
    pub fn new(timeout: Duration) -> Rto {
        Rto(timeout.clamp(Rto::MIN, Rto::MAX))
    }

    /// `timeout` in whole milliseconds, rounded up as Linux's jiffies are, or `max`.
    pub fn bounded(timeout: Duration, max: Duration) -> Rto {
        let micros = timeout.min(max).as_micros() as u64;
        Rto(Duration::from_millis(micros.div_ceil(1000).max(1)))
    }

    /// The timeout of the first transmission.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The timeout after `times` timeouts in a row: doubled each time, `max` at most (RFC 6298 §5.5).
    pub fn backed_off(self, times: u32, max: Duration) -> Duration {
        let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
        self.0.saturating_mul(factor).min(max.max(LEAST))
    }
}

impl Default for Rto {
    fn default() -> Rto {
        Rto::INITIAL
    }
}

impl fmt::Display for Rto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

packed!(struct Rto(_));
