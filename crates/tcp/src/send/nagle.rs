//! Nagle's algorithm (RFC 9293 §3.7.4) with Minshall's change, as Linux has it: a small segment waits only while an
//! earlier *small* segment is unacknowledged, not while any data is.

#[cfg(test)]
mod tests;

use limpid_wire::SeqNum;

/// How small segments are held back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NagleMode {
    /// One small segment in flight at most.
    #[default]
    On,
    /// Small segments go at once (TCP_NODELAY).
    Off,
    /// Only full segments go, until the cork is pulled or its timer runs out (TCP_CORK).
    Cork,
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

    /// How many of `len` bytes not sent yet may go now: all, or only whole segments of `mss` bytes. `last` says that
    /// FIN follows them: nothing can be added any more, so waiting would be in vain.
    pub fn allowed(&self, mode: NagleMode, len: u32, mss: u32, last: bool, snd_una: SeqNum, snd_nxt: SeqNum) -> u32 {
        let hold = match mode {
            NagleMode::Off => false,
            NagleMode::Cork => true,
            NagleMode::On => self.small_in_flight(snd_una, snd_nxt),
        };
        if hold && !last { len - len % mss.max(1) } else { len }
    }

    /// A segment with `len` bytes up to `end` was sent, for the first time.
    pub fn on_sent(&mut self, len: u32, mss: u32, end: SeqNum) {
        // A super-segment whose last wire segment is not full counts as small, too.
        if len > 0 && !len.is_multiple_of(mss.max(1)) {
            self.snd_sml = end;
        }
    }

    fn small_in_flight(&self, snd_una: SeqNum, snd_nxt: SeqNum) -> bool {
        self.snd_sml.after(snd_una) && self.snd_sml.before_eq(snd_nxt)
    }
}
