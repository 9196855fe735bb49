//! `poll_transmit`: the one place that cuts segments (RFC 9293 §3.8.6, §3.10.2; RFC 6298 §5.1).
//!
//! Inputs only change state; what follows from it is decided here, when there is room to send. The order: a reset; ACKs
//! that the peer counts; what is lost; new data, with the FIN behind it; a probe; an ACK for its own sake.

use super::halves::SendHalf;
use super::{Connection, Reset};
use crate::congestion::{Controller, IdleSample, SentSample};
use crate::negotiate::{InitialWindow, advertised_mss, syn_options};
use crate::recovery::Phase;
use crate::reply::control;
use crate::send::sws;
use crate::{Cx, Transmit};
use arrayvec::ArrayVec;
use limpid_event::{Counter, Instant, Observer, Timer, TxReason};
use limpid_wire::tcp::{SackBlock, Timestamps};
use limpid_wire::{Chunks, Segment, SeqNum, TcpFlags, TcpOptions};

/// SACK blocks that fit beside timestamps: 40 bytes of options less 12, in blocks of 8 with a header of 4.
const SACK_BLOCKS_WITH_TIMESTAMPS: usize = 3;

/// A piece of the send queue about to leave.
struct Cut {
    seq: SeqNum,
    payload: Chunks,
    fin: bool,
    mss: u32,
    why: TxReason,
}

impl Connection {
    /// The next segment to send, if one is due; call until `None`.
    pub fn poll_transmit<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        if let Some(reset) = self.due.reset.take() {
            return Some(self.send_reset(cx, reset));
        }
        if self.halves.over() {
            return None;
        }
        if !self.halves.syn_acked() {
            return self.send_syn_ack(cx).or_else(|| self.send_ack(cx));
        }
        if self.due.duplicate_acks > 0 {
            return self.send_ack(cx);
        }
        if self.snd.records.lost() > 0
            && let Some(transmit) = self.retransmit(cx)
        {
            return Some(transmit);
        }
        if self.has_unsent()
            && let Some(transmit) = self.send_new(cx)
        {
            return Some(transmit);
        }
        self.send_probe(cx).or_else(|| self.send_ack(cx))
    }

    fn send_reset<O: Observer>(&mut self, cx: &mut Cx<'_, O>, reset: Reset) -> Transmit {
        let segment = if reset.with_ack {
            self.segment(cx, reset.seq, TcpFlags::RST | TcpFlags::ACK)
        } else {
            Segment { seq: reset.seq, flags: TcpFlags::RST, ..Segment::default() }
        };
        let transmit = control(segment, reset.why);
        cx.sent(&transmit, 0);
        transmit
    }

    /// After crossed SYNs: our SYN again, now with the ACK of the peer's (RFC 9293 §3.10.7.3, fourth check).
    fn send_syn_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let why = self.due.syn_ack.take()?;
        let mut segment = self.segment(cx, self.params.isn, TcpFlags::SYN | TcpFlags::ACK);
        segment.window = self.rcv.syn_window;
        // It offers all that the SYN did, whatever the peer's SYN has said.
        let offer =
            InitialWindow::select(&self.config, self.config.window_scaling, advertised_mss(&self.config, &self.params));
        segment.options = syn_options(&self.config, &self.params, offer, cx.now);
        if let (Some(timestamps), Some(recent)) = (&mut segment.options.timestamps, self.rcv.ts_recent) {
            timestamps.ecr = recent.val();
        }
        let transmit = control(segment, why);
        // Even the first SYN-ACK is the SYN once more, and Karn's rule holds for it.
        let nth = self.snd.on_retransmit(self.params.isn, self.params.isn + 1, cx.now);
        cx.sent(&transmit, nth);
        cx.count(Counter::TcpExtTCPSynRetrans);
        self.due.ack_rode_along();
        self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
        Some(transmit)
    }

    /// What is lost, of which there is some, as far as recovery lets it go (RFC 5681 §3.2, RFC 6298 §5.4, RFC 6582).
    fn retransmit<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let mss = self.snd.cut_mss(self.sack_option_len());
        let (cwnd, sack) = (self.snd.cwnd(), self.negotiated.sack);
        let next = self.snd.recovery.next(&mut self.snd.records, cwnd, sack, mss, mss)?;
        // Beyond a window that shrank nothing goes, but the first segment, which asks whether it still is (RFC 9293 §3.8.6).
        if next.start.after_eq(self.snd.right_edge()) && next.start != self.snd.una() {
            return None;
        }
        let len = self.snd.queue.end().earlier(next.end).offset_from(next.start).max(0);
        let payload = self.snd.queue.slice(cx.pool, next.start, len as usize);
        let end = next.start + payload.len() as u32;
        let fin = end == self.snd.queue.end() && next.end.after(end);
        if payload.is_empty() && !fin {
            debug_assert!(false, "a record without bytes behind it");
            return None;
        }
        let sent_end = end + u32::from(fin);
        let nth = self.snd.on_retransmit(next.start, sent_end, cx.now);
        // Without a recovery something counts as lost only because the path became too narrow for it.
        let why = match self.snd.recovery.phase() {
            Phase::Open | Phase::Disorder => TxReason::PathMtuRetransmit,
            Phase::Recovery | Phase::Loss => next.why,
        };
        if self.snd.recovery.in_recovery() {
            cx.count(Counter::TcpExtTCPFastRetrans);
        }
        if next.start == self.snd.una() {
            self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
        }
        Some(self.transmit_data(cx, Cut { seq: next.start, payload, fin, mss, why }, nth))
    }

    /// New data, or the FIN, one of which there is: as much as the peer's window, the congestion window, Nagle and the device allow, and the FIN if it is next.
    fn send_new<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let mss = self.snd.cut_mss(self.sack_option_len());
        self.restart_after_idle(cx.now, mss);
        let unsent = self.snd.queue.end() - self.snd.nxt();
        let usable = self.snd.usable_window();
        let fin_queued = self.halves.send() == SendHalf::FinQueued;
        let by_window = sws::sendable(unsent, usable, mss, self.snd.max_wnd);
        let by_cwnd = self.allowed_by_cwnd(by_window, mss);
        let len = self.allowed_at_once(by_cwnd, unsent, mss, fin_queued);
        let fin = fin_queued && len == unsent && usable > len;
        if len == 0 && !fin {
            self.blocked(cx, by_window > 0 && by_cwnd == 0);
            return None;
        }
        let payload = self.snd.queue.slice(cx.pool, self.snd.nxt(), len as usize);
        let payload = whole_segments(payload, len, mss);
        let fin = fin && payload.len() as u32 == unsent;
        let why = match (fin, self.snd.beyond_cwnd()) {
            (true, _) => TxReason::Fin,
            (false, true) => TxReason::LimitedTransmit,
            (false, false) => TxReason::NewData,
        };
        let cut = Cut { seq: self.snd.nxt(), payload, fin, mss, why };
        Some(self.send_cut(cx, cut))
    }

    /// What the congestion window still lets go: whole segments, or the rest if it fits. One segment may always go when
    /// nothing is in flight.
    fn allowed_by_cwnd(&self, len: u32, mss: u32) -> u32 {
        let in_flight = self.snd.in_flight();
        let room = self.snd.cwnd().saturating_sub(in_flight);
        if len <= room {
            return len;
        }
        let room = if in_flight == 0 { room.max(mss) } else { room };
        (room - room % mss).min(len)
    }

    /// What may leave in one piece: Nagle's rule for the last small segment, and the device's bound on super-segments.
    fn allowed_at_once(&self, len: u32, unsent: u32, mss: u32, fin_queued: bool) -> u32 {
        let last = fin_queued && len == unsent;
        let whole_burst = (self.params.max_burst - self.params.max_burst % mss).max(mss);
        if len > whole_burst {
            return whole_burst;
        }
        // A segment that the window cut short is not one that Nagle would wait with.
        if len < unsent {
            return len;
        }
        let mode = self.nagle_mode();
        self.snd.nagle.allowed(mode, len, mss, last, self.snd.una(), self.snd.nxt())
    }

    /// Nothing more may leave now. If nothing is in flight whose ACK would open the way, the window is what is closed, and
    /// the persist timer must ask (RFC 9293 §3.8.6.1).
    fn blocked<O: Observer>(&mut self, cx: &mut Cx<'_, O>, by_cwnd: bool) {
        self.snd.usage.on_sent(by_cwnd, self.snd.una(), self.snd.nxt());
        if self.snd.records.is_empty() && !self.timers.runs(Timer::Persist) {
            self.timers.start(cx, Timer::Persist, self.snd.probe_interval());
        }
    }

    /// Whether the peer's window alone would let something go now.
    pub(super) fn window_lets_go(&self) -> bool {
        let unsent = self.snd.queue.end().offset_from(self.snd.nxt()).max(0) as u32;
        let usable = self.snd.usable_window();
        let mss = self.snd.cut_mss(self.sack_option_len());
        match unsent {
            0 => usable > 0,
            _ => sws::sendable(unsent, usable, mss, self.snd.max_wnd) > 0,
        }
    }

    /// RFC 5681 §4.1: after a timeout's worth of silence the old window says nothing any more.
    fn restart_after_idle(&mut self, now: Instant, mss: u32) {
        if !self.snd.records.is_empty() || self.snd.bytes_acked == 0 {
            return;
        }
        let idle = now.since(self.snd.last_sent);
        let rto = self.snd.rto();
        if idle > rto {
            self.snd.congestion.on_idle(&IdleSample::new(now, idle, rto, mss));
            // Once is enough, even if nothing can leave yet.
            self.snd.last_sent = now;
        }
    }

    /// Sends a cut piece of the queue for the first time.
    #[inline]
    fn send_cut<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cut: Cut) -> Transmit {
        let len = cut.payload.len() as u32;
        let end = cut.seq + len;
        self.snd.nagle.on_sent(len, cut.mss, end);
        let transmit = self.transmit_data(cx, cut, 0);
        let fin = transmit.segment.flags.contains(TcpFlags::FIN);
        let sent_end = end + u32::from(fin);
        if fin {
            self.change(cx, |halves| halves.fin_sent());
        }
        self.snd.on_first_sent(sent_end, cx.now);
        let in_flight = self.snd.in_flight();
        let mss = u32::from(self.snd.mss);
        self.snd.congestion.on_sent(&SentSample::new(cx.now, len, in_flight, mss));
        self.snd.usage.on_sent(in_flight >= self.snd.cwnd(), self.snd.una(), self.snd.nxt());
        self.timers.stop(Timer::Persist);
        self.snd.probe_backoff = 0;
        if !self.timers.runs(Timer::Rto) {
            self.timers.start(cx, Timer::Rto, self.snd.backed_off_rto());
        }
        transmit
    }

    /// Puts header and payload together, counts, tells. What it acknowledges needs no ACK of its own.
    #[inline]
    fn transmit_data<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cut: Cut, retransmission: u32) -> Transmit {
        let end = cut.seq + cut.payload.len() as u32;
        self.watch_sent(cx, cut.seq, end);
        let mut flags = TcpFlags::ACK;
        let pushed = end == self.snd.queue.end() || self.snd.queue.pushes(cut.seq, end);
        if !cut.payload.is_empty() && (pushed || cut.why == TxReason::ZeroWindowProbe) {
            flags |= TcpFlags::PSH;
        }
        if cut.fin {
            flags |= TcpFlags::FIN;
        }
        let mut segment = self.segment(cx, cut.seq, flags);
        let gso_size = if cut.payload.len() as u32 > cut.mss { cut.mss as u16 } else { 0 };
        if !cut.payload.is_empty() {
            self.rcv.ack.on_data_sent(cx.now);
        }
        segment.payload = cut.payload;
        segment.merged = 1;
        self.due.ack_rode_along();
        let transmit = Transmit { segment, gso_size, why: cut.why };
        cx.sent(&transmit, retransmission);
        transmit
    }

    /// Is the window still closed, or the peer still there? An empty segment just below the window, which a peer answers
    /// with an ACK (as Linux; RFC 9293 §3.8.4 allows it for keepalives, and for windows it saves the peer the byte). A
    /// window that is merely small takes what fits in.
    fn send_probe<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let why = self.due.probe.take()?;
        cx.count(match why {
            TxReason::KeepAlive => Counter::TcpExtTCPKeepAlive,
            _ => Counter::TcpExtTCPWinProbe,
        });
        let usable = self.snd.usable_window();
        if why == TxReason::ZeroWindowProbe && usable > 0 && self.has_unsent() {
            return Some(self.send_what_fits(cx, usable));
        }
        let segment = self.segment(cx, self.snd.una() - 1, TcpFlags::ACK);
        let transmit = control(segment, why);
        cx.sent(&transmit, 0);
        Some(transmit)
    }

    /// RFC 9293 §3.8.6.2.1's override timeout: a small window is used after all.
    fn send_what_fits<O: Observer>(&mut self, cx: &mut Cx<'_, O>, usable: u32) -> Transmit {
        let mss = self.snd.cut_mss(self.sack_option_len());
        let payload = self.snd.queue.slice(cx.pool, self.snd.nxt(), usable.min(mss) as usize);
        let all = self.snd.nxt() + payload.len() as u32 == self.snd.queue.end();
        let fin = all && self.halves.send() == SendHalf::FinQueued && usable > payload.len() as u32;
        let cut = Cut { seq: self.snd.nxt(), payload, fin, mss, why: TxReason::ZeroWindowProbe };
        self.send_cut(cx, cut)
    }

    fn send_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let why = self.due.take_ack()?;
        let segment = self.segment(cx, self.acceptable_seq(), TcpFlags::ACK);
        let transmit = control(segment, why);
        cx.sent(&transmit, 0);
        Some(transmit)
    }

    /// A number that the peer accepts even if it has shrunk its window.
    pub(super) fn acceptable_seq(&self) -> SeqNum {
        let right_edge = self.snd.una() + self.snd.wnd;
        let unit = 1 << self.rcv.window.scale().shift();
        let beyond = self.snd.nxt().after(right_edge) && self.snd.nxt() - right_edge >= unit;
        if beyond { right_edge } else { self.snd.nxt() }
    }

    /// A segment without data as every one is that leaves in a synchronized state: with ACK, window, timestamps, SACK.
    /// What it acknowledges counts as acknowledged.
    fn segment<O: Observer>(&mut self, cx: &mut Cx<'_, O>, seq: SeqNum, flags: TcpFlags) -> Segment {
        let (now, ack) = (cx.now, self.rcv_nxt());
        let space = self.rcv.space();
        let before = self.rcv.window.offered();
        let window = match core::mem::take(&mut self.rcv.no_memory) {
            true => self.rcv.window.advertise_none(ack).0,
            false => self.rcv.window.advertise(ack, space).0,
        };
        if self.rcv.window.is_short(space) {
            self.rcv.ack.no_hurry();
        }
        match (before, window) {
            (1.., 0) => cx.count(Counter::TcpExtTCPToZeroWindowAdv),
            (0, 1..) => cx.count(Counter::TcpExtTCPFromZeroWindowAdv),
            _ => {}
        }
        let timestamps = self.rcv.ts_recent.map(|recent| Timestamps { val: self.clock().val(now), ecr: recent.val() });
        let options = TcpOptions { timestamps, sack: self.sack_blocks(), ..TcpOptions::default() };
        self.rcv.queue.take_duplicate();
        self.rcv.ack.on_ack_sent();
        self.timers.stop(Timer::DelayedAck);
        Segment { seq, ack, flags: flags | TcpFlags::ACK, window, options, ..Segment::default() }
    }

    /// The window field of the last segment, for TIME-WAIT.
    pub(super) fn window_field(&self) -> u16 {
        self.rcv.window.current(self.rcv_nxt()).scale(self.rcv.window.scale()).0
    }

    /// What came twice, if anything did (RFC 2883 §4), and what came out of order (RFC 2018 §3).
    fn sack_blocks(&self) -> ArrayVec<SackBlock, 4> {
        let mut blocks = ArrayVec::new();
        if !self.negotiated.sack {
            return blocks;
        }
        let max = if self.negotiated.timestamps { SACK_BLOCKS_WITH_TIMESTAMPS } else { blocks.capacity() };
        let duplicate = self.rcv.queue.duplicate().filter(|_| self.config.dsack);
        blocks.extend(duplicate);
        if self.rcv.queue.has_holes() {
            blocks.extend(self.rcv.queue.sack_blocks(max - blocks.len()));
        }
        blocks
    }

    /// What SACK takes from a data segment.
    fn sack_option_len(&self) -> u32 {
        match self.sack_blocks().len() {
            0 => 0,
            blocks => 4 + 8 * blocks as u32,
        }
    }

    fn nagle_mode(&self) -> crate::send::NagleMode {
        if self.config.no_delay { crate::send::NagleMode::Off } else { crate::send::NagleMode::On }
    }
}

/// A list of chunks may be full before it has `wanted` bytes: then it ends with a whole segment, if it has one.
fn whole_segments(mut payload: Chunks, wanted: u32, mss: u32) -> Chunks {
    let len = payload.len() as u32;
    if len < wanted && len > mss {
        payload.truncate((len - len % mss) as usize);
    }
    payload
}
