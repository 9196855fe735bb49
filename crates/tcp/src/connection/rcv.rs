//! What receiving remembers: the receive sequence variables (RFC 9293 §3.3.1), the queue, the window, and the ACKs due.

use super::Birth;
use crate::clock::TsRecent;
use crate::negotiate::{InitialWindow, TIMESTAMPS_LEN, advertised_mss};
use crate::pack::{Pack, Packer, Unpacker};
use crate::recv::autotune::Growth;
use crate::recv::memory::truesize;
use crate::recv::{Charge, DelayedAck, RecvQueue, RecvRtt, RecvWindow, RightSizing, Space, Taken};
use crate::send::sws;
use crate::{Config, Cx, MemoryLevel, SharedMemory};
use limpid_event::{Counter, Instant, Observer};
use limpid_wire::SeqNum;

/// See the module.
pub(super) struct Rcv {
    /// RCV.NXT, what is unread, and what came out of order.
    pub(super) queue: RecvQueue,
    /// What that costs.
    charge: Charge,
    /// The buffer's size: `Config::recv_buffer`, until it had to grow.
    buffer: u32,
    /// RCV.WND and the window scale.
    pub(super) window: RecvWindow,
    /// When to acknowledge.
    pub(super) ack: DelayedAck,
    /// The round trip as receiving shows it.
    pub(super) rtt: RecvRtt,
    /// What is read in one.
    pub(super) sizing: RightSizing,
    /// There was no memory for what came: the next ACK says that there is no window.
    pub(super) no_memory: bool,
    /// TS.Recent; `None` if timestamps were not negotiated.
    pub(super) ts_recent: Option<TsRecent>,
    /// What it was before the oldest hole that is still there began to be filled.
    pub(super) ts_before_hole: Option<u32>,
    /// The end of the newest urgent data.
    pub(super) urgent_end: Option<SeqNum>,
    /// The window field of our SYN.
    pub(super) syn_window: u16,
    /// Data bytes received in order in all (`tcpi_bytes_received`).
    pub(super) bytes: u64,
    /// When data came last.
    pub(super) last_data: Instant,
}

impl Rcv {
    pub(super) fn new(now: Instant, birth: &Birth) -> Rcv {
        let rcv_nxt = birth.irs + 1;
        let InitialWindow { window: offered, scale } = birth.window;
        let options = if birth.negotiated.timestamps { TIMESTAMPS_LEN } else { 0 };
        let adv_mss = advertised_mss(&birth.config, &birth.params).saturating_sub(options);
        let header = 20 + u32::from(options);
        let peer_mss = u32::from(birth.negotiated.send_mss(&birth.config, &birth.params));
        let peer_mss = sws::bound_to_half_window(peer_mss, birth.snd_wnd, header) as u16;
        let ack = DelayedAck::new(adv_mss, peer_mss, offered).with_ack_at_once(birth.config.ack_at_once);
        let buffer = bytes(birth.config.recv_buffer);
        let space = Space { buffer, used: 0, mss: ack.rcv_mss() };
        let clamp = InitialWindow::clamp(&birth.config, scale);
        let window = RecvWindow::new(rcv_nxt, offered, scale, clamp, adv_mss, space);
        let initial = window.threshold().min(window.offered()).min(u32::from(INITIAL_SEGMENTS) * u32::from(adv_mss));
        Rcv {
            queue: RecvQueue::new(rcv_nxt),
            charge: Charge::default(),
            buffer,
            window,
            ack,
            rtt: RecvRtt::new(),
            sizing: RightSizing::new(now, rcv_nxt, initial),
            no_memory: false,
            ts_recent: birth.ts_recent,
            ts_before_hole: None,
            urgent_end: None,
            syn_window: birth.window.syn_field(),
            bytes: 0,
            last_data: birth.syn_sent_at,
        }
    }

    /// RCV.NXT when we acknowledged last (RFC 7323's Last.ACK.sent).
    pub(super) fn last_ack(&self) -> SeqNum {
        self.window.rcv_wup()
    }

    /// The first number outside the window that we offered.
    pub(super) fn right_edge(&self) -> SeqNum {
        self.window.right_edge()
    }

    /// The buffer and what is used of it.
    pub(super) fn space(&self) -> Space {
        Space { buffer: self.buffer, used: self.charge.bytes(), mss: self.ack.rcv_mss() }
    }

    /// The buffer's size, bytes.
    pub(super) fn buffer(&self) -> u32 {
        self.buffer
    }

    /// What of the settings is looked up each time.
    pub(super) fn heed_config(&mut self, config: &Config) {
        self.window.set_shrinking(config.shrink_window);
        self.ack.set_longest(config.delack_max, config.rto_min);
    }

    /// SO_RCVBUF was set.
    pub(super) fn set_buffer(&mut self, size: usize) {
        self.buffer = bytes(size);
    }

    /// The reader waits for so much that the buffer has to hold it (SO_RCVLOWAT).
    pub(super) fn make_room_for_reader(&mut self, config: &Config) {
        if config.recv_buffer_fixed {
            return;
        }
        let needed = self.window.memory_for(config.recv_lowat).min(bytes(config.recv_buffer_max));
        if needed > self.buffer {
            self.buffer = needed;
            self.window.set_clamp(config.recv_lowat);
        }
    }

    /// Bytes held, in order and out of order.
    fn held(&self) -> u32 {
        self.queue.len() as u32 + self.queue.ahead()
    }

    /// A segment's data was put into the queue, in order or ahead; `options` are the bytes of its options.
    pub(super) fn charge(&mut self, options: u32, len: u32, in_order: bool) {
        if in_order {
            self.charge.append(options, len);
        } else {
            self.charge.add(options, len);
        }
    }

    /// So much of what was held is gone: read, or dropped.
    pub(super) fn discharge(&mut self, gone: u32) {
        self.charge.remove(gone, self.held() + gone);
    }

    /// The window's growth, after a segment was taken. `larger` says that segments are larger than was thought.
    pub(super) fn on_taken(&mut self, config: &Config, memory: SharedMemory, options: u32, len: u32, larger: bool) {
        let taken = Taken { len, truesize: truesize(options, len) };
        if larger {
            self.window.on_segment_size(taken, self.space());
            self.sizing.bound(self.window.clamp());
        }
        let largest = bytes(config.recv_buffer_max);
        if len >= GROWS_FROM
            && !memory.is_pressed()
            && self.window.grow(taken, self.ack.adv_mss(), largest, self.space())
        {
            self.ack.hurry();
        }
    }

    /// The application took the bytes up to `read_to`; what is behind is yet to be taken.
    pub(super) fn on_read(&mut self, now: Instant, config: &Config, read_to: SeqNum) {
        if let Some(growth) = self.measure(now, read_to) {
            self.grow_buffer(config, growth);
        }
    }

    /// Something came out of order.
    pub(super) fn on_ahead(&mut self, now: Instant, config: &Config) {
        let read_to = self.queue.rcv_nxt() - self.queue.len() as u32;
        let growth = self.measure(now, read_to).unwrap_or(self.sizing.unchanged());
        self.grow_buffer(config, growth);
    }

    fn measure(&mut self, now: Instant, read_to: SeqNum) -> Option<Growth> {
        let unread = self.queue.rcv_nxt() - read_to;
        self.sizing.on_read(now, read_to + self.queue.ahead(), unread, self.rtt.estimate())
    }

    /// The buffer grows so that it holds the window that is worth offering (Linux's `tcp_rcvbuf_grow`).
    fn grow_buffer(&mut self, config: &Config, growth: Growth) {
        if config.recv_buffer_fixed || !config.recv_buffer_auto {
            return;
        }
        let ahead = self.queue.highest_end().map_or(0, |end| end - self.queue.rcv_nxt());
        let memory =
            self.window.memory_for(growth.window(ahead, self.queue.ahead())).min(bytes(config.recv_buffer_max));
        if memory > self.buffer {
            self.buffer = memory;
            self.window.follow_buffer(self.space());
        }
    }

    /// What is held costs so much, as Linux accounts for it or as it really is, whichever is more.
    pub(super) fn memory(&self) -> usize {
        self.queue.pinned().max(self.charge.bytes() as usize)
    }

    fn is_too_full(&self) -> bool {
        self.charge.bytes() > self.buffer
    }

    /// The window stays small while memory is short.
    pub(super) fn heed(&mut self, memory: SharedMemory) {
        if memory.is_pressed() && self.window.is_short(self.space()) {
            self.window.on_pressure(self.ack.adv_mss());
        }
    }

    /// Makes room for a segment's data if more is used than there is, as Linux does (`tcp_prune_queue`): the buffer grows, where
    /// nobody has fixed its size and memory is plenty; what is held is put together in fewer, fuller buffers; what is out of order
    /// behind the segment is dropped, the last first. `sending` is what the other direction holds.
    pub(super) fn make_room<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        (seq, len): (SeqNum, u32),
        sending: usize,
    ) -> Room {
        let refused = cx.memory.refuses(sending + self.memory(), self.memory(), config.recv_buffer_min);
        if !self.is_too_full() && !refused {
            return Room::There;
        }
        if self.charge.bytes() == 0 {
            return Room::None;
        }
        cx.count(Counter::TcpExtPruneCalled);
        if self.charge.bytes() >= self.buffer {
            self.ack.no_hurry();
            if !config.recv_buffer_fixed && cx.memory.level == MemoryLevel::Plenty {
                self.buffer = self.buffer.max(self.charge.bytes().min(bytes(config.recv_buffer_max)));
            }
            if self.charge.bytes() > self.buffer {
                self.window.on_overcommit(self.ack.adv_mss());
            }
        } else if cx.memory.is_pressed() {
            self.window.on_pressure(self.ack.adv_mss());
        }
        if !self.is_too_full() && !refused {
            return Room::There;
        }
        let before = self.charge.bytes();
        self.charge.collapse(self.held());
        if self.charge.bytes() < before {
            cx.count(Counter::TcpExtTCPRcvCollapsed);
        }
        if (self.is_too_full() || refused) && self.prune(seq, cx.memory.is_pressed()) {
            cx.count(Counter::TcpExtOfoPruned);
        }
        // What was freed the stack learns only when this call is over.
        let freed = before - self.charge.bytes();
        if !self.is_too_full() && (!refused || freed >= truesize(0, len)) {
            return Room::There;
        }
        cx.count(Counter::TcpExtRcvPruned);
        Room::None
    }

    /// Drops what is out of order behind `seq`, an eighth of the buffer at a time, until the rest fits; all of it
    /// while memory is short. True if anything went.
    fn prune(&mut self, seq: SeqNum, pressed: bool) -> bool {
        let step = self.window.data_in(self.buffer / 8).max(1);
        let mut any = false;
        loop {
            let dropped = self.queue.prune_ahead(seq, step);
            if dropped == 0 {
                return any;
            }
            self.discharge(dropped);
            any = true;
            if !self.is_too_full() && !pressed {
                return any;
            }
        }
    }
}

/// Whether there is memory for a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    There,
    None,
}

/// So much is read in the first round trip (RFC 6928).
const INITIAL_SEGMENTS: u8 = 10;

/// Segments of so many bytes and more let the window grow.
const GROWS_FROM: u32 = 128;

fn bytes(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// Of a connection at rest: nothing is there to be read.
impl Pack for Rcv {
    fn pack(&self, to: &mut Packer) {
        let Rcv {
            queue,
            charge,
            buffer,
            window,
            ack,
            rtt,
            sizing,
            no_memory,
            ts_recent,
            ts_before_hole,
            urgent_end,
            syn_window,
            bytes,
            last_data,
        } = self;
        queue.rcv_nxt().pack(to);
        charge.pack(to);
        buffer.pack(to);
        window.pack(to);
        ack.pack(to);
        rtt.pack(to);
        sizing.pack(to);
        no_memory.pack(to);
        ts_recent.pack(to);
        ts_before_hole.pack(to);
        urgent_end.pack(to);
        syn_window.pack(to);
        bytes.pack(to);
        last_data.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Rcv {
        let queue = RecvQueue::new(Pack::unpack(from));
        let charge = Pack::unpack(from);
        let buffer = Pack::unpack(from);
        let window = Pack::unpack(from);
        let ack = Pack::unpack(from);
        let rtt = Pack::unpack(from);
        let sizing = Pack::unpack(from);
        let no_memory = Pack::unpack(from);
        let ts_recent = Pack::unpack(from);
        let ts_before_hole = Pack::unpack(from);
        let urgent_end = Pack::unpack(from);
        let syn_window = Pack::unpack(from);
        let bytes = Pack::unpack(from);
        let last_data = Pack::unpack(from);
        Rcv {
            queue,
            charge,
            buffer,
            window,
            ack,
            rtt,
            sizing,
            no_memory,
            ts_recent,
            ts_before_hole,
            urgent_end,
            syn_window,
            bytes,
            last_data,
        }
    }
}

impl Rcv {
    /// Nothing is there to be read, in order or not, or to be told.
    pub(super) fn is_at_rest(&self) -> bool {
        self.queue.is_at_rest() && self.charge.bytes() == 0
    }
}
