//! The receive window: what to advertise, and its arithmetic (RFC 9293 §3.8.6, RFC 7323 §2).
//!
//! The right edge never moves left (RFC 9293 §3.8.6, SHLD-14). Silly windows are avoided by offering whole segments, or
//! none (§3.8.6.2.2). Rounding is Linux's, so that a Linux peer sees what it is used to.

#[cfg(test)]
mod tests;

use limpid_wire::SeqNum;

/// The window field as on the wire. It has no meaning without the scale that goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Window(pub u16);

/// A window in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct UnscaledWindow(u32);

/// The shift of the window scale option: 0 to 14 (RFC 7323 §2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WindowScale(u8);

impl WindowScale {
    /// No scaling.
    pub const NONE: WindowScale = WindowScale(0);
    /// The largest shift.
    pub const MAX: WindowScale = WindowScale(14);

    /// A shift as stated; above 14 counts as 14 (RFC 7323 §2.3).
    pub const fn new(shift: u8) -> WindowScale {
        WindowScale(if shift > 14 { 14 } else { shift })
    }

    /// The shift for a buffer that may grow to `bytes`, as Linux chooses it: the window may fall short by one unit.
    pub const fn for_buffer(bytes: usize) -> WindowScale {
        let bits = usize::BITS - bytes.leading_zeros();
        WindowScale::new(if bits > 16 { (bits - 16) as u8 } else { 0 })
    }

    /// The shift.
    pub const fn shift(self) -> u8 {
        self.0
    }

    /// The largest window that can be told.
    pub const fn max_window(self) -> UnscaledWindow {
        UnscaledWindow(65_535 << self.0)
    }

    /// `bytes` rounded up to what can be told exactly.
    const fn round_up(self, bytes: u32) -> u32 {
        let mask = (1 << self.0) - 1;
        bytes.saturating_add(mask) & !mask
    }

    /// `bytes` rounded down to what can be told exactly.
    const fn round_down(self, bytes: u32) -> u32 {
        bytes >> self.0 << self.0
    }
}

impl Window {
    /// In bytes. In a segment with SYN the field is never scaled (RFC 7323 §2.2): use [`WindowScale::NONE`].
    pub const fn unscale(self, scale: WindowScale) -> UnscaledWindow {
        UnscaledWindow((self.0 as u32) << scale.0)
    }
}

impl UnscaledWindow {
    /// No room.
    pub const ZERO: UnscaledWindow = UnscaledWindow(0);

    /// A window of so many bytes; 2³⁰ is the most that TCP can tell.
    pub const fn new(bytes: u32) -> UnscaledWindow {
        let max = WindowScale::MAX.max_window().0;
        UnscaledWindow(if bytes > max { max } else { bytes })
    }

    /// In bytes.
    pub const fn bytes(self) -> u32 {
        self.0
    }

    /// The field that tells it: rounded down, and the largest if it is too large.
    pub const fn scale(self, scale: WindowScale) -> Window {
        let field = self.0 >> scale.0;
        Window(if field > 65_535 { 65_535 } else { field as u16 })
    }
}

/// How much room there is for received data.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// Bytes that could be taken now.
    pub free: u32,
    /// Bytes that could be taken if nothing was held.
    pub full: u32,
    /// The peer's segment size, as estimated ([`DelayedAck::rcv_mss`](super::DelayedAck::rcv_mss)).
    pub mss: u32,
}

/// The window that was advertised last.
#[derive(Clone, Copy, Debug)]
pub struct RecvWindow {
    /// The number after the last one offered.
    right_edge: SeqNum,
    /// What was offered, counted from RCV.NXT then.
    wnd: u32,
    /// RCV.NXT when it was offered (Linux's rcv_wup).
    wup: SeqNum,
    /// Never offer more than this.
    clamp: u32,
    scale: WindowScale,
}

impl RecvWindow {
    /// The window of our SYN: `initial` bytes from `rcv_nxt` on. The field of a SYN is not scaled, so it tells 65,535
    /// at most, and no more is promised.
    pub fn new(rcv_nxt: SeqNum, initial: u32, scale: WindowScale, clamp: u32) -> RecvWindow {
        let wnd = initial.min(65_535);
        RecvWindow { right_edge: rcv_nxt + wnd, wnd, wup: rcv_nxt, clamp: clamp.min(scale.max_window().bytes()), scale }
    }

    /// The window to put into a SYN when `space` bytes of buffer are there: whole segments, as Linux (64,240 for
    /// 1,460).
    pub const fn initial(space: u32, mss: u32) -> u32 {
        let space = if space > 65_535 { 65_535 } else { space };
        if mss > 0 && space > mss { space - space % mss } else { space }
    }

    /// The number after the last one offered: data from here on is outside the window.
    pub fn right_edge(&self) -> SeqNum {
        self.right_edge
    }

    /// RCV.NXT when an ACK left last.
    pub fn rcv_wup(&self) -> SeqNum {
        self.wup
    }

    /// Our shift.
    pub fn scale(&self) -> WindowScale {
        self.scale
    }

    /// What is left of the offer: RCV.WND.
    pub fn current(&self, rcv_nxt: SeqNum) -> UnscaledWindow {
        UnscaledWindow(self.right_edge.offset_from(rcv_nxt).max(0) as u32)
    }

    /// The window to put into the segment that leaves now.
    pub fn advertise(&mut self, rcv_nxt: SeqNum, space: Space) -> Window {
        let current = self.current(rcv_nxt).bytes();
        let mut wnd = self.select(space);
        if wnd < current {
            // Never take back what was offered.
            wnd = self.scale.round_up(current);
        }
        let field = UnscaledWindow::new(wnd).scale(self.scale);
        self.wnd = wnd;
        self.wup = rcv_nxt;
        self.right_edge = (rcv_nxt + field.unscale(self.scale).bytes()).later(self.right_edge);
        field
    }

    /// True if the window could be offered at least as large as it was when the last ACK left: a reader keeps up.
    pub fn keeps_up(&self, space: Space) -> bool {
        self.select(space) >= self.wnd
    }

    /// True if reading has made so much room that the peer should be told at once: the window would be at least twice
    /// what is left of it (which is small).
    pub fn update_due(&self, rcv_nxt: SeqNum, space: Space) -> bool {
        let current = self.current(rcv_nxt).bytes();
        if u64::from(current) * 2 > u64::from(self.clamp.min(space.full)) {
            return false;
        }
        let wnd = self.select(space);
        wnd > 0 && u64::from(wnd) >= 2 * u64::from(current)
    }

    /// The largest window worth offering.
    fn select(&self, space: Space) -> u32 {
        let full = space.full.min(self.clamp);
        let mss = space.mss.min(full);
        if mss == 0 {
            return 0;
        }
        let mut free = space.free;
        if free < full / 2 {
            free = self.scale.round_down(free);
            // Less than a segment, or than a sixteenth of the buffer: wait until there is more.
            if free < space.full / 16 || free < mss {
                return 0;
            }
        }
        let free = free.min(self.clamp);
        if self.scale != WindowScale::NONE {
            // Tell a little too much rather than too little: a window below one unit would be told as zero.
            return self.scale.round_up(free);
        }
        if self.wnd > free || u64::from(self.wnd) + u64::from(mss) <= u64::from(free) {
            free - free % mss
        } else if mss == full && u64::from(free) > u64::from(self.wnd) + u64::from(full / 2) {
            free
        } else {
            self.wnd
        }
    }
}
