//! Dynamic right-sizing of the receive buffer (Fisk and Feng 2001; Linux's `tcp_rcv_space_adjust`): what the application reads
//! in a round trip is what the peer could send in one, so twice that is offered.
//!
//! It is always one round trip late, so a sender in slow start is given the room to double once more. Only what was really
//! taken counts: bytes that lie unread are subtracted. But those that no reader could have read yet, because they lie behind a hole, count
//! when they come, and not, as on Linux, when the hole is filled: behind a hole that takes several round trips to be filled, as it does where
//! the path reorders and the peer waits before it sends again, the window would stand still, or tell of a rate of long ago.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// What was read in a round trip, and since when the next is measured.
#[derive(Clone, Copy, Debug)]
pub struct RightSizing {
    /// Read in a round trip at most so far, bytes (`tcpi_rcv_space`).
    space: u32,
    /// The first number that was not read when this round trip began.
    from: SeqNum,
    since: Instant,
}

/// More was read in a round trip than ever before.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Growth {
    before: u32,
    now: u32,
}

impl RightSizing {
    /// Nothing was read; the peer may send `initial` bytes at first.
    pub fn new(now: Instant, start: SeqNum, initial: u32) -> RightSizing {
        RightSizing { space: initial, from: start, since: now }
    }

    /// The most that was read in a round trip, bytes.
    pub fn space(&self) -> u32 {
        self.space
    }

    /// The window was bounded to `clamp`: no more than that can have been read in a round trip.
    pub fn bound(&mut self, clamp: u32) {
        self.space = self.space.min(clamp);
    }

    /// The application has read, or what it can't read yet has come: `read_to` is where it reads next, moved on by as many bytes as are
    /// held out of order, and `unread` bytes lie there still. `rtt` is the receiver's estimate; while there
    /// is none nothing is measured.
    pub fn on_read(&mut self, now: Instant, read_to: SeqNum, unread: u32, rtt: Duration) -> Option<Growth> {
        // Linux keeps eight times the estimate: this is a whole round trip.
        if rtt.is_zero() || now.since(self.since) < rtt {
            return None;
        }
        let read = read_to.offset_from(self.from).saturating_sub_unsigned(unread);
        self.since = now;
        // What was counted when it came ahead, and is read later, does not count twice.
        if read_to.after(self.from) {
            self.from = read_to;
        }
        let read = u32::try_from(read).ok().filter(|&read| read > self.space)?;
        let before = core::mem::replace(&mut self.space, read);
        Some(Growth { before, now: read })
    }

    /// As [`on_read`](Self::on_read) would tell if as much was read as ever: for when something else makes the buffer too small.
    pub fn unchanged(&self) -> Growth {
        Growth { before: self.space, now: self.space }
    }
}

impl Growth {
    /// The window that lets the peer go on growing, bytes: twice what was read, as much more again as that grew in a round trip
    /// (twice), and what lies before the end of what is held out of order, `ahead` bytes from RCV.NXT on. The `held` ones of them take
    /// their room from the buffer besides, which Linux does not reckon with.
    pub fn window(self, ahead: u32, held: u32) -> u32 {
        let twice = u64::from(self.now) * 2;
        let grown = twice * u64::from(self.now - self.before) / u64::from(self.before.max(1));
        u32::try_from(twice + 2 * grown + u64::from(ahead) + u64::from(held)).unwrap_or(u32::MAX)
    }
}

packed!(struct RightSizing { space, from, since });
