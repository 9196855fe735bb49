//! Whether the congestion window is what limits sending (RFC 7661's concern, in Linux's way): a window that is not used
//! must not grow, since nothing shows that the path would carry it (RFC 2861 §1).

#[cfg(test)]
mod tests;

use limpid_wire::SeqNum;

/// The strongest sign, in the current window of data, of how full the congestion window was.
#[derive(Clone, Copy, Debug)]
pub struct CwndUsage {
    /// The window was full at some time.
    limited: bool,
    /// The most that was outstanding, bytes.
    max_outstanding: u32,
    /// The window of data ends here.
    until: SeqNum,
}

impl CwndUsage {
    /// Nothing was sent yet.
    pub fn new(snd_una: SeqNum) -> CwndUsage {
        CwndUsage { limited: false, max_outstanding: 0, until: snd_una }
    }

    /// Sending has just stopped, for now; `limited` says that it was the congestion window that stopped it.
    pub fn on_sent(&mut self, limited: bool, snd_una: SeqNum, snd_nxt: SeqNum) {
        let outstanding = snd_nxt - snd_una;
        if snd_una.after_eq(self.until) || limited || (!self.limited && outstanding > self.max_outstanding) {
            *self = CwndUsage { limited, max_outstanding: outstanding, until: snd_nxt };
        }
    }

    /// True if the window may grow. In slow start it is enough that half of it was used: it doubles each round trip.
    pub fn is_limited(&self, cwnd: u32, ssthresh: u32) -> bool {
        self.limited || (cwnd < ssthresh && u64::from(cwnd) < 2 * u64::from(self.max_outstanding))
    }
}
