//! Pacing: what a rate of sending means for when segments leave (Linux's internal pacing, `tcp_update_skb_after_send`).
//!
//! The rate is always known and sizes super-segments; where segments are held back to it, each one postpones the next by as long
//! as its bytes take. The first ten leave at once: they fit the initial window. A clock that wakes late is made up for, by half
//! of a segment's time at the most, so that the rate is kept without bursts.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;

/// So many segments of a connection are never held back.
const FREE_SEGMENTS: u32 = 10;

/// A connection's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacing {
    /// Bytes a second, as window and round trip had it at the last ACK; [`u64::MAX`] before there was one.
    pub(crate) rate: u64,
    /// The earliest time for what comes next (Linux's `tcp_wstamp_ns`).
    next: Instant,
    /// Segments that were sent, up to [`FREE_SEGMENTS`].
    sent: u32,
}

impl Pacing {
    pub(crate) fn new() -> Pacing {
        Pacing { rate: u64::MAX, next: Instant::ZERO, sent: 0 }
    }

    /// How long what comes next has to wait.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        (self.next > now).then(|| self.next.since(now))
    }

    /// `bytes` in so many segments leave, at `rate` bytes a second if that is to be kept.
    pub(crate) fn on_sent(&mut self, now: Instant, bytes: u32, segments: u32, rate: Option<u64>) {
        self.sent = self.sent.saturating_add(segments).min(FREE_SEGMENTS);
        let late = now.since(self.next);
        self.next = self.next.max(now);
        let Some(rate) = rate.filter(|&rate| rate > 0 && rate < u64::MAX && self.sent >= FREE_SEGMENTS) else { return };
        let takes = Duration::from_nanos(u64::from(bytes) * 1_000_000_000 / rate);
        self.next += takes - late.min(takes / 2);
    }
}

/// Window over round trip, and a few per cent more for room to grow: bytes a second (Linux's `tcp_update_pacing_rate`). Without a
/// round trip, as Linux, of an eighth of a microsecond.
pub(crate) fn rate(mss: u32, window: u32, percent: u16, srtt_eighths: u32) -> u64 {
    let rate = (u64::from(mss) * 80_000).saturating_mul(percent.into()).saturating_mul(window.into());
    rate / u64::from(srtt_eighths.max(1))
}

packed!(struct Pacing { rate, next, sent });
