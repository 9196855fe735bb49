//! Clocks that a connection derives from the time it is given: the timestamp clock (RFC 7323 §5.4), and the limit on
//! answers to segments outside the window (RFC 5961 §7).

use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;

/// The timestamp clock: ticks of 1 ms, shifted by an offset that is keyed by the address pair, so that it tells nothing
/// of our uptime and yet never runs backwards for one pair (RFC 7323 §5.4, §7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TsClock {
    offset: u32,
}

impl TsClock {
    pub(crate) const fn new(offset: u32) -> TsClock {
        TsClock { offset }
    }

    /// TSval at `now`.
    pub(crate) const fn val(self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.offset)
    }

    /// How long ago we sent the TSval that came back as `ecr`; `None` if it lies in the future, as only a forged or
    /// broken one does, or is zero, which means "none" (RFC 7323 §3.2).
    pub(crate) fn elapsed(self, now: Instant, ecr: u32) -> Option<Duration> {
        let ticks = self.val(now).wrapping_sub(ecr) as i32;
        (ecr != 0 && ticks >= 0).then(|| Duration::from_millis(ticks as u64))
    }
}

/// The peer's timestamp that we echo, and when it came (RFC 7323 §4.3, §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TsRecent {
    val: u32,
    at_secs: u32,
}

impl TsRecent {
    /// After this long without a newer one, the peer's clock may have wrapped and says nothing (RFC 7323 §5.5).
    const OUTDATED_SECS: u32 = 24 * 24 * 60 * 60;

    pub(crate) const fn new(val: u32, now: Instant) -> TsRecent {
        TsRecent { val, at_secs: secs(now) }
    }

    /// What we echo.
    pub(crate) const fn val(self) -> u32 {
        self.val
    }

    /// PAWS: whether a segment with this TSval is too old to be taken (RFC 7323 §5.3 R1).
    pub(crate) const fn rejects(self, tsval: u32, now: Instant) -> bool {
        self.rejects_beyond(0, tsval, now)
    }

    /// The same, where one tick too old is still good, as on Linux once established: two processors of the peer may have
    /// stamped their segments in the wrong order.
    pub(crate) const fn rejects_in_connection(self, tsval: u32, now: Instant) -> bool {
        self.rejects_beyond(1, tsval, now)
    }

    const fn rejects_beyond(self, ticks: i32, tsval: u32, now: Instant) -> bool {
        let behind = self.val.wrapping_sub(tsval) as i32;
        behind > ticks && self.val != 0 && secs(now).wrapping_sub(self.at_secs) < TsRecent::OUTDATED_SECS
    }
}

const fn secs(now: Instant) -> u32 {
    (now.as_nanos() / 1_000_000_000) as u32
}

/// Lets one answer to a bad segment through in each interval, for one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct AnswerLimit {
    /// Milliseconds, plus one; 0 is never.
    last: u32,
}

impl AnswerLimit {
    /// Whether an answer may be sent now; it then counts as sent.
    pub(crate) fn allow(&mut self, now: Instant, interval: Duration) -> bool {
        let now = (now.as_millis() as u32).wrapping_add(1).max(1);
        if self.last != 0 && u128::from(now.wrapping_sub(self.last)) < interval.as_millis() {
            return false;
        }
        self.last = now;
        true
    }
}

packed!(struct TsRecent { val, at_secs });
packed!(struct AnswerLimit { last });

#[cfg(test)]
mod tests;
