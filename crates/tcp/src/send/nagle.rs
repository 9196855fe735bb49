//! Nagle's algorithm (RFC 9293 §3.7.4) with Minshall's change, as Linux has it: a small segment waits only while an
//! earlier *small* segment is unacknowledged, not while any data is.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use limpid_wire::SeqNum;

bitflags::bitflags! {
    /// How small segments are held back (Linux's `nonagle`); none of them is Nagle's algorithm.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct NagleMode: u8 {
        /// Small segments go at once (TCP_NODELAY).
        const OFF = 1;
        /// Only full segments go, until the cork is pulled or its timer runs out (TCP_CORK, MSG_MORE).
        const CORK = 2;
        /// What is queued goes, whatever else holds.
        const PUSH = 4;
    }
}

/// What Nagle's algorithm remembers.
#[derive(Clone, Copy, Debug)]
pub struct Nagle {
    /// The end of the last small segment sent (Linux's snd_sml).
    snd_sml: SeqNum,
}

impl Nagle {
    /// Nothing small was sent yet.
    pub fn new(snd_una: SeqNum) -> Nagle {
        Nagle { snd_sml: snd_una }
    }

    /// Whether a segment that is not full waits (Linux's `tcp_nagle_check`).
    pub fn holds(&self, mode: NagleMode, snd_una: SeqNum, snd_nxt: SeqNum) -> bool {
        mode.contains(NagleMode::CORK) || (mode.is_empty() && self.small_in_flight(snd_una, snd_nxt))
    }

    /// `len` bytes up to `end` were sent, for the first time, in segments of `mss`.
    pub fn on_sent(&mut self, len: u32, mss: u32, end: SeqNum) {
        // A super-segment whose last wire segment is not full counts as small, too.
        if len == 0 || !len.is_multiple_of(mss.max(1)) {
            self.snd_sml = end;
        }
    }

    fn small_in_flight(&self, snd_una: SeqNum, snd_nxt: SeqNum) -> bool {
        self.snd_sml.after(snd_una) && self.snd_sml.before_eq(snd_nxt)
    }
}

packed!(struct Nagle { snd_sml });
