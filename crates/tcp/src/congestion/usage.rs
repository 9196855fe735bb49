//! Whether the congestion window is what limits sending (RFC 7661's concern, in Linux's way): a window that is not used
//! must not grow, since nothing shows that the path would carry it (RFC 2861 §1), and shrinks after a while.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// The strongest sign, in the current window of data, of how full the congestion window was.
#[derive(Clone, Copy, Debug)]
pub struct CwndUsage {
    /// The window was full at some time.
    limited: bool,
    /// The most that was outstanding, segments.
    max_out: u32,
    /// The window of data ends here.
    until: SeqNum,
    /// The most that was outstanding since the window was full last.
    used: u32,
    /// When the window was full last, or was made to fit.
    full_at: Instant,
}

/// Where sending has stopped, for now.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// Now.
    pub now: Instant,
    /// It was the congestion window that stopped it.
    pub limited: bool,
    /// SND.UNA.
    pub snd_una: SeqNum,
    /// SND.NXT.
    pub snd_nxt: SeqNum,
    /// Segments outstanding.
    pub out: u32,
    /// The congestion window,
    pub cwnd: u32,
    /// and its threshold, segments.
    pub ssthresh: u32,
}

impl CwndUsage {
    /// Nothing was sent yet.
    pub fn new(snd_una: SeqNum, now: Instant) -> CwndUsage {
        CwndUsage { limited: false, max_out: 0, until: snd_una, used: 0, full_at: now }
    }

    /// Sending has just stopped, for now (Linux's `tcp_cwnd_validate`).
    pub fn on_stopped(&mut self, at: Stopped) {
        let Stopped { now, limited, snd_una, snd_nxt, out, cwnd, ssthresh } = at;
        if snd_una.after_eq(self.until) || limited || (!self.limited && out > self.max_out) {
            self.limited = limited;
            self.max_out = out;
            self.until = snd_nxt;
        }
        if self.is_limited(cwnd, ssthresh) {
            self.on_fitted(now);
        } else {
            self.used = self.used.max(out);
        }
    }

    /// How many segments of the window were used, if it has not been full since so long ago.
    pub fn unused_since(&self, now: Instant, rto: core::time::Duration) -> Option<u32> {
        (self.used > 0 && now.since(self.full_at) >= rto).then_some(self.used)
    }

    /// The window was full, or was made to fit.
    pub fn on_fitted(&mut self, now: Instant) {
        self.used = 0;
        self.full_at = now;
    }

    /// The window was looked at for another reason: an ACK that could have opened it, or a loss (Linux's `snd_cwnd_stamp`).
    pub fn on_considered(&mut self, now: Instant) {
        self.full_at = now;
    }

    /// The window was full at some time in the current window of data.
    pub fn was_full(&self) -> bool {
        self.limited
    }

    /// True if the window may grow. In slow start it is enough that half of it was used: it doubles each round trip.
    pub fn is_limited(&self, cwnd: u32, ssthresh: u32) -> bool {
        self.limited || (cwnd < ssthresh && u64::from(cwnd) < 2 * u64::from(self.max_out))
    }
}

packed!(struct CwndUsage { limited, max_out, until, used, full_at });
