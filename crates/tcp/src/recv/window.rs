//! The receive window: what to advertise, and its arithmetic (RFC 9293 §3.8.6, RFC 7323 §2).
//!
//! The right edge never moves left (RFC 9293 §3.8.6, SHLD-14). Silly windows are avoided by offering whole segments, or
//! none (§3.8.6.2.2). All arithmetic is Linux's, so that a Linux peer sees what it is used to: the part of a buffer's memory
//! that is offered follows the segments that come (their size against what they cost), and a threshold opens the window
//! step by step.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use limpid_wire::SeqNum;

/// The smallest bound on a window that can be set (half of Linux's SOCK_MIN_RCVBUF).
const MIN_CLAMP: u32 = 1152;

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

/// What memory there is for received data, and what is used of it, both as Linux accounts for it
/// ([`truesize`](super::memory::truesize)): buffers cost more than the data in them.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// The buffer's size (SO_RCVBUF).
    pub buffer: u32,
    /// What is held costs so much of it.
    pub used: u32,
    /// The peer's segment size, as estimated ([`DelayedAck::rcv_mss`](super::DelayedAck::rcv_mss)).
    pub mss: u32,
}

/// A segment with data that was taken, for the window's growth.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Payload bytes, of all wire segments that were merged in it.
    pub len: u32,
    /// What it costs in memory.
    pub truesize: u32,
}

/// The part of a buffer's memory that is taken for data at first, of 256 (Linux's TCP_DEFAULT_SCALING_RATIO).
const DEFAULT_RATIO: u8 = 128;

/// The window that was advertised last, and how far it may open.
#[derive(Clone, Copy, Debug)]
pub struct RecvWindow {
    /// The number after the last one that would be offered if the field could tell of it: where there is no scaling, or too
    /// little, the peer knows of less.
    right_edge: SeqNum,
    /// What was offered, counted from RCV.NXT then.
    wnd: u32,
    /// RCV.NXT when it was offered (Linux's rcv_wup).
    wup: SeqNum,
    /// Never offer more than this (Linux's window_clamp).
    clamp: u32,
    /// Do not offer more than this yet: it grows while segments are worth their memory (Linux's rcv_ssthresh).
    threshold: u32,
    scale: WindowScale,
    shrinks: bool,
    /// How much of a buffer's memory is data, of 256 (Linux's scaling_ratio).
    ratio: u8,
}

impl RecvWindow {
    /// The window of our SYN: `initial` bytes from `rcv_nxt` on. `clamp` is the most that may ever be offered, as far as it
    /// was chosen before; the buffer bounds it further, and a segment's worth of it is kept back.
    pub fn new(
        rcv_nxt: SeqNum,
        initial: u32,
        scale: WindowScale,
        clamp: u32,
        adv_mss: u16,
        space: Space,
    ) -> RecvWindow {
        let mut window = RecvWindow {
            right_edge: rcv_nxt + initial,
            wnd: initial,
            wup: rcv_nxt,
            clamp: clamp.min(scale.max_window().bytes()),
            threshold: initial,
            scale,
            shrinks: false,
            ratio: DEFAULT_RATIO,
        };
        let (full, mss) = (window.full(space), u32::from(adv_mss));
        window.clamp = window.clamp.min(full);
        if window.clamp > 2 * mss && window.clamp.saturating_add(mss) > full {
            window.clamp = full.saturating_sub(mss).max(2 * mss);
        }
        window.threshold = window.threshold.min(window.clamp);
        window
    }

    /// The same window, counted from `rcv_nxt` on: data came with the peer's SYN, before anything was offered.
    pub fn move_to(&mut self, rcv_nxt: SeqNum) {
        self.wup = rcv_nxt;
        self.right_edge = rcv_nxt + self.wnd;
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

    /// The most that is offered so far, bytes (`tcpi_rcv_ssthresh`).
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// The most that may be offered, bytes (TCP_WINDOW_CLAMP).
    pub fn clamp(&self) -> u32 {
        self.clamp
    }

    /// What the last segment offered, bytes (Linux's rcv_wnd).
    pub fn offered(&self) -> u32 {
        self.wnd
    }

    /// What is left of the offer: RCV.WND.
    pub fn current(&self, rcv_nxt: SeqNum) -> UnscaledWindow {
        UnscaledWindow(self.right_edge.offset_from(rcv_nxt).max(0) as u32)
    }

    /// The data that so much memory holds (Linux's `tcp_win_from_space`).
    pub fn data_in(&self, memory: u32) -> u32 {
        ((u64::from(memory) * u64::from(self.ratio)) >> 8) as u32
    }

    /// The memory that so much data takes.
    pub fn memory_for(&self, data: u32) -> u32 {
        u32::try_from((u64::from(data) << 8) / u64::from(self.ratio)).unwrap_or(u32::MAX)
    }

    /// Bytes of data that could be taken if nothing was held.
    fn full(&self, space: Space) -> u32 {
        self.data_in(space.buffer)
    }

    /// Bytes of data that could be taken now.
    pub fn free(&self, space: Space) -> u32 {
        self.data_in(space.buffer.saturating_sub(space.used))
    }

    /// Segments have another size than thought: so have the buffers that they come in.
    pub fn on_segment_size(&mut self, taken: Taken, space: Space) {
        let ratio = (u64::from(taken.len) << 8) / u64::from(taken.truesize.max(1));
        let ratio = ratio.clamp(1, u64::from(u8::MAX)) as u8;
        if ratio != self.ratio {
            self.ratio = ratio;
            self.set_clamp(self.full(space));
        }
    }

    /// Bounds the window from now on (TCP_WINDOW_CLAMP). What was offered is not taken back.
    pub fn set_clamp(&mut self, clamp: u32) {
        let clamp = clamp.max(MIN_CLAMP);
        let before = core::mem::replace(&mut self.clamp, clamp);
        if clamp < before {
            self.threshold = self.threshold.min(clamp);
        } else if clamp > before {
            self.threshold = self.threshold.max(self.wnd.min(clamp));
        }
    }

    /// The buffer has another size: the bound follows.
    pub fn follow_buffer(&mut self, space: Space) {
        self.clamp = self.full(space);
    }

    /// Data was taken: the window may open further, if segments like this one are worth the memory they cost. `largest` is
    /// the most the buffer may ever grow to. True if it does (Linux's `tcp_grow_window`).
    pub fn grow(&mut self, taken: Taken, adv_mss: u16, largest: u32, space: Space) -> bool {
        let room = self.clamp.min(self.free(space)).saturating_sub(self.threshold);
        if room == 0 {
            return false;
        }
        let by = if self.data_in(taken.truesize) <= taken.len {
            2 * u32::from(adv_mss)
        } else if self.is_affordable(taken, largest) {
            2 * space.mss
        } else {
            return false;
        };
        self.threshold += by.max(2 * taken.len).min(room);
        true
    }

    /// The larger the window is already, the less waste is tolerated.
    fn is_affordable(&self, taken: Taken, largest: u32) -> bool {
        let mut cost = self.data_in(taken.truesize) / 2;
        let mut window = self.data_in(largest) / 2;
        while self.threshold <= window {
            if cost <= taken.len {
                return true;
            }
            cost /= 2;
            window /= 2;
        }
        false
    }

    /// Memory is short: offer little until that is over (Linux's `tcp_adjust_rcv_ssthresh`).
    pub fn on_pressure(&mut self, adv_mss: u16) {
        self.threshold = self.threshold.min(4 * u32::from(adv_mss));
    }

    /// More memory is used than the buffer has: offer little until that is over (Linux's `tcp_clamp_window`).
    pub fn on_overcommit(&mut self, adv_mss: u16) {
        self.threshold = self.clamp.min(2 * u32::from(adv_mss));
    }

    /// The window to put into the segment that leaves now.
    pub fn advertise(&mut self, rcv_nxt: SeqNum, space: Space) -> Window {
        let current = self.current(rcv_nxt).bytes();
        let mut wnd = self.select(space);
        let shrinks = self.may_shrink();
        if wnd < current && !shrinks {
            // Never take back what was offered.
            wnd = self.scale.round_up(current);
        }
        let field = UnscaledWindow::new(wnd).scale(self.scale);
        self.wnd = wnd;
        self.wup = rcv_nxt;
        let edge = rcv_nxt + wnd;
        self.right_edge = if shrinks { edge } else { edge.later(self.right_edge) };
        field
    }

    /// The window of a segment that says that there was no memory for what came: none (RFC 9293 allows it no peer to believe
    /// that what was offered before is taken back; it only waits).
    pub fn advertise_none(&mut self, rcv_nxt: SeqNum) -> Window {
        self.wnd = 0;
        self.wup = rcv_nxt;
        self.right_edge = rcv_nxt;
        Window(0)
    }

    /// True if the window could be offered at least as large as it was when the last ACK left: a reader keeps up.
    pub fn keeps_up(&self, space: Space) -> bool {
        self.select(space) >= self.wnd
    }

    /// True if less than half of the buffer is free: the peer is no longer hurried (Linux leaves its quick ACK mode).
    pub fn is_short(&self, space: Space) -> bool {
        self.free(space) < self.full(space).min(self.clamp) / 2
    }

    /// True if reading has made so much room that the peer should be told at once: the window would be at least twice
    /// what is left of it (which is small).
    pub fn update_due(&self, rcv_nxt: SeqNum, space: Space) -> bool {
        let current = self.current(rcv_nxt).bytes();
        if u64::from(current) * 2 > u64::from(self.clamp) {
            return false;
        }
        let wnd = self.select(space);
        wnd > 0 && u64::from(wnd) >= 2 * u64::from(current)
    }

    /// The right edge may move left (`tcp_shrink_window`): only where windows are scaled, as on Linux.
    pub fn set_shrinking(&mut self, shrinks: bool) {
        self.shrinks = shrinks;
    }

    fn may_shrink(&self) -> bool {
        self.shrinks && self.scale != WindowScale::NONE
    }

    /// The window that does not tell of more than there is.
    fn select_exactly(&self, free: u32, full: u32, allowed: u32, mss: u32) -> u32 {
        let free = self.scale.round_down(free);
        if free < full / 2 && (free < allowed / 16 || free < mss || free == 0) {
            return 0;
        }
        if free > self.threshold { self.scale.round_up(self.threshold) } else { free }
    }

    /// The largest window worth offering.
    fn select(&self, space: Space) -> u32 {
        let allowed = self.full(space);
        let full = allowed.min(self.clamp);
        let mss = space.mss.min(full);
        if mss == 0 {
            return 0;
        }
        let mut free = self.free(space);
        if self.may_shrink() {
            return self.select_exactly(free, full, allowed, mss);
        }
        if free < full / 2 {
            free = self.scale.round_down(free);
            // Less than a segment, or than a sixteenth of the buffer: wait until there is more.
            if free < allowed / 16 || free < mss {
                return 0;
            }
        }
        let free = free.min(self.threshold);
        if self.scale != WindowScale::NONE {
            // Tell a little too much rather than too little: a window below one unit would be told as zero.
            return self.scale.round_up(free);
        }
        if self.wnd > free || u64::from(self.wnd) + u64::from(mss) <= u64::from(free) {
            free - free % mss
        } else if mss == full && u64::from(free) > u64::from(self.wnd) + u64::from(full / 2) {
            free
        } else if self.wnd == 0 && space.used == 0 {
            // Nothing will be read that could make more room: where buffers are tiny the peer would wait for ever.
            free
        } else {
            self.wnd
        }
    }
}

packed!(struct RecvWindow { right_edge, wnd, wup, clamp, threshold, scale, shrinks, ratio });
packed!(struct WindowScale(_));
