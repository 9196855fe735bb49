//! `poll_transmit`: the one place that cuts segments (RFC 9293 §3.8.6, §3.10.2; RFC 6298 §5.1).
//!
//! Inputs only change state; what follows from it is decided here, when there is room to send. The order: a reset; a probe;
//! what is lost; new data, with the FIN behind it; ACKs for their own sake, if no data took them along.

use super::halves::SendHalf;
use super::segmentation::Burst;
use super::{Connection, Reset};
use crate::negotiate::{InitialWindow, advertised_mss, syn_options};
use crate::recovery::{Phase, Window};
use crate::reply::control;
use crate::send::NagleMode;
use crate::user_timeout;
use crate::{Cx, Transmit};
use arrayvec::ArrayVec;
use limpid_event::{Counter, Instant, Observer, Timer, TxReason};
use limpid_wire::tcp::{MAX_OPTIONS_LEN, SackBlock, Timestamps};
use limpid_wire::{Segment, SeqNum, TcpFlags, TcpOptions};

/// SACK blocks that fit beside timestamps: 40 bytes of options less 12, in blocks of 8 with a header of 4.
const SACK_BLOCKS_WITH_TIMESTAMPS: usize = 3;

impl Connection {
    /// What is due: see [`poll_transmit`](Self::poll_transmit).
    pub(super) fn next_transmit<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        if let Some(reset) = self.due.reset.take() {
            return Some(self.send_reset(cx, reset));
        }
        if self.halves.over() {
            return None;
        }
        self.ecn_refresh(cx.now);
        if self.due.syn_ack.is_some() && self.request().is_some() {
            return self.send_request_syn_ack(cx);
        }
        if !self.may_send() {
            return self.send_syn_ack(cx).or_else(|| self.send_ack(cx));
        }
        if let Some(probe) = self.send_probe(cx) {
            return Some(probe);
        }
        match self.next_burst(cx) {
            Some(burst) => Some(self.emit(cx, burst)),
            None => self.send_ack(cx),
        }
    }

    /// True if it is clear at a glance that [`poll_transmit`](Self::poll_transmit) would give nothing: then nobody has to ask before something happens, and what
    /// asking would change is changed.
    #[inline]
    pub fn finish_sending(&mut self, now: Instant) -> bool {
        let (due, snd) = (&self.due, &self.snd);
        let owes = due.ack.is_some() || due.duplicate_acks > 0 || due.probe.is_some();
        let owes = owes || due.reset.is_some() || due.syn_ack.is_some();
        let unsent =
            !snd.queue.pieces.is_empty() || !snd.bursts.is_empty() || self.halves.send() == SendHalf::FinQueued;
        let recovers = snd.records.lost() > 0 || snd.recovery.sends_new_first();
        // A probe of the path's MTU is a matter of sending.
        if owes || unsent || recovers || snd.path.is_some() || !self.halves.syn_acked() || self.halves.over() {
            return false;
        }
        if snd.push_due {
            self.ran_empty(now);
        }
        true
    }

    /// What goes on, is lost, or is new.
    fn next_burst<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Burst> {
        if let Some(burst) = self.snd.bursts.pop_front() {
            return Some(burst);
        }
        if self.snd.recovery.sends_new_first()
            && let Some(burst) = self.cut_new_first(cx)
        {
            return Some(burst);
        }
        if self.snd.records.lost() > 0
            && self.request().is_none()
            && let Some(burst) = self.cut_again(cx)
        {
            return Some(burst);
        }
        if self.snd.push_due { self.cut_new(cx) } else { None }
    }

    /// After a timeout that may have been needless: new data, as much as the window lets go, small segments too; only if there is
    /// none to go, what is lost (RFC 5682 §3.1 step 2.b).
    fn cut_new_first<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Burst> {
        self.snd.write_mode = Some(NagleMode::OFF);
        let burst = self.cut_new(cx);
        if burst.is_none() {
            self.snd.recovery.new_was_sent(self.snd.nxt());
        }
        burst
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
        // It is for the first segment after the SYN to tell it again (RFC 5482 §3).
        self.due.user_timeout = self.config.user_timeout_option;
        self.ecn_grant(&mut segment);
        let transmit = control(segment, why);
        // The first SYN-ACK takes the SYN's place, and the round trip is its own; but what was sent again stays so.
        let first = why == TxReason::SynAck;
        let nth = if first && self.snd.total_retrans == 0 {
            0
        } else {
            self.snd.on_retransmit(self.params.isn, self.params.isn + 1, cx.now, self.snd.mss)
        };
        cx.sent(&transmit, nth);
        match first {
            true => self.snd.total_retrans -= nth.min(1),
            false => cx.count(Counter::TcpExtTCPSynRetrans),
        }
        self.due.ack_rode_along();
        self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
        Some(transmit)
    }

    /// What is lost, of which there is some, as far as recovery lets it go (RFC 5681 §3.2, RFC 6298 §5.4, RFC 6582; Linux's
    /// `tcp_retransmit_skb`).
    fn cut_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Burst> {
        let mss = self.current_mss();
        let window = Window {
            cwnd: self.snd.cwnd(),
            sack: self.negotiated.sack,
            rack: self.config.rack,
            mss,
            max: self.burst_segments(mss),
        };
        let at_timeout = self.snd.recovery.at_timeout();
        if !at_timeout && self.is_held_by_pace(cx.now) {
            return None;
        }
        let next = self.snd.recovery.next(&mut self.snd.records, window)?;
        let start = next.start;
        // Beyond a window that shrank nothing goes, but the first segment, which asks whether it still is (RFC 9293 §3.8.6).
        let room = match u32::try_from(self.snd.right_edge().offset_from(start)) {
            Ok(room @ 1..) => room,
            _ if start == self.snd.una() => mss,
            _ => return None,
        };
        let end = self.end_again(start, next.end, room, mss);
        let retransmission = self.snd.on_retransmit(start, end, cx.now, mss as u16).min(u32::from(u8::MAX)) as u8;
        self.paced(cx.now, end - start, (end - start).div_ceil(mss));
        let segments = self.snd.records.get(start).map_or(1, |record| record.segments());
        match self.snd.recovery.phase() {
            _ if at_timeout => {}
            Phase::Loss => cx.counters.add(Counter::TcpExtTCPSlowStartRetrans, u64::from(segments)),
            _ => cx.counters.add(Counter::TcpExtTCPFastRetrans, u64::from(segments)),
        }
        if start == self.snd.una() && !at_timeout && !self.timers.runs(Timer::Reorder) {
            self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
        }
        let record = self.snd.records.get(start)?;
        let (fin, end) = (record.has_fin(), start + record.data_len());
        let push = record.pushes() || record.segments() > 1;
        Some(Burst {
            seq: start,
            end,
            mss: mss as u16,
            push,
            fin,
            why: self.why_again(start, next.why),
            retransmission,
        })
    }

    /// Where what is sent again from `start` on ends: with whole segments before the end of the window, or with what can be
    /// joined to a small one.
    pub(super) fn end_again(&mut self, start: SeqNum, end: SeqNum, room: u32, mss: u32) -> SeqNum {
        let records = &mut self.snd.records;
        let Some(record) = records.get(start).copied() else { return end };
        let whole = end == record.end();
        let len = if whole { record.data_len() } else { end - start };
        if len > room {
            let full = room - room % mss;
            return start + if full > 0 { full } else { room };
        }
        let space = room.min(mss);
        if whole && len < space && self.config.retrans_collapse {
            records.collapse(start, space, start + room);
            return records.get(start).map_or(end, |joined| joined.end());
        }
        end
    }

    /// Hands over as much of a burst as the device takes at once: all of it if it cuts segments itself.
    fn emit<O: Observer>(&mut self, cx: &mut Cx<'_, O>, mut burst: Burst) -> Transmit {
        let probe = burst.why == TxReason::MtuProbe;
        let mss = u32::from(burst.mss).min(if probe { self.path_mss() } else { self.current_mss() });
        // An ACK may have come between two steps.
        burst.seq = burst.seq.later(self.snd.queue.start()).earlier(burst.end);
        let left = burst.end - burst.seq;
        let max_burst = if self.ecn_forbids_bursts() { 0 } else { self.params.max_burst };
        let whole_segments = (max_burst - max_burst % mss).max(mss);
        let wanted = left.min(whole_segments);
        let mut payload = self.snd.queue.slice(cx.pool, burst.seq, wanted as usize);
        let len = payload.len() as u32;
        if len < wanted.min(mss) {
            // Many small writes, joined to one segment.
            payload = self.snd.queue.gather(cx.pool, burst.seq, wanted.min(mss) as usize);
        } else if len < wanted && len > mss {
            // The list of chunks is full: it ends with a whole segment.
            payload.truncate((len - len % mss) as usize);
        }
        let len = payload.len() as u32;
        let done = len == left || payload.is_empty();
        self.watch_sent(cx, burst.seq, burst.seq + len);
        let mut flags = TcpFlags::ACK;
        flags.set(TcpFlags::PSH, burst.push && done);
        flags.set(TcpFlags::FIN, burst.fin && done);
        let mut segment = self.segment(cx, burst.seq, flags);
        if len > 0 && burst.retransmission == 0 {
            self.ecn_mark_new_data(cx, &mut segment);
        }
        if len > 0 {
            self.rcv.ack.on_data_sent(cx.now);
        }
        segment.payload = payload;
        segment.merged = 1;
        self.due.ack_rode_along();
        let gso_size = if len > mss { mss as u16 } else { 0 };
        let transmit = Transmit { segment, gso_size, why: burst.why };
        cx.sent(&transmit, u32::from(burst.retransmission));
        self.stats.on_data_sent(&transmit, burst.retransmission > 0);
        if !done {
            burst.seq += len;
            self.snd.bursts.push_front(burst);
        }
        transmit
    }

    /// Is the window still closed, or the peer still there? An empty segment just below the window, which a peer answers
    /// with an ACK (as Linux; RFC 9293 §3.8.4 allows it for keepalives, and for windows it saves the peer the byte). A
    /// window that is merely small takes what fits in.
    fn send_probe<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let why = self.due.probe.take()?;
        if self.has_unsent() && self.snd.nxt().before(self.snd.right_edge()) {
            let burst = self.cut_probe(cx, why);
            return Some(self.emit(cx, burst));
        }
        cx.count(match why {
            TxReason::KeepAlive => Counter::TcpExtTCPKeepAlive,
            _ => Counter::TcpExtTCPWinProbe,
        });
        // Urgent data is told of first, by an empty segment of its own.
        let urgent = !self.due.urgent_told && self.snd.up.within(self.snd.una() + 1, self.snd.una() + 0x1_0000);
        self.due.urgent_told = urgent;
        self.due.probe = urgent.then_some(why);
        let segment = self.segment(cx, self.snd.una() - u32::from(!urgent), TcpFlags::ACK);
        let transmit = control(segment, why);
        cx.sent(&transmit, 0);
        Some(transmit)
    }

    /// RFC 9293 §3.8.6.2.1's override timeout: what is small, or a small window, goes after all.
    fn cut_probe<O: Observer>(&mut self, cx: &mut Cx<'_, O>, why: TxReason) -> Burst {
        let mss = self.current_mss();
        let first = self.snd.queue.pieces.first_len().unwrap_or(0);
        let queue = &mut self.snd.queue;
        queue.pushed_to = queue.pushed_to.later(queue.end() - queue.pieces.len() + first);
        let len = first.min(mss).min(self.snd.usable_window());
        let burst = self.send_new(cx, mss, len, Some(why));
        // As Linux: what did not fit is pushed, too, even if that is but the FIN.
        let fin_is_left = self.halves.send() == SendHalf::FinQueued;
        let pieces = &mut self.snd.queue.pieces;
        if pieces.is_empty() && fin_is_left {
            pieces.open();
        }
        if len < first || fin_is_left {
            pieces.push_first();
        }
        burst
    }

    fn send_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let why = self.due.take_ack()?;
        let mut segment = self.segment(cx, self.acceptable_seq(), TcpFlags::ACK);
        if core::mem::take(&mut self.due.reflect) {
            self.ecn_reflect(&mut segment);
        }
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
        self.rcv.heed(cx.memory);
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
        let told = core::mem::take(&mut self.due.user_timeout);
        let user_timeout = told.then(|| user_timeout::advertised(&self.config)).flatten();
        let options = TcpOptions { timestamps, sack: self.sack_blocks(), user_timeout, ..TcpOptions::default() };
        let mut segment = Segment { seq, ack, flags: flags | TcpFlags::ACK, window, options, ..Segment::default() };
        self.ecn_mark(now, &mut segment);
        self.rcv.queue.take_duplicate();
        self.rcv.ack.on_ack_sent();
        self.timers.stop(Timer::DelayedAck);
        self.snd.last_tx = now;
        if self.snd.is_urgent() && seq.before(self.snd.up) {
            self.mark_urgent(&mut segment);
        }
        segment
    }

    /// The urgent pointer names the byte after the last urgent one (RFC 6093 §4). One that is too far ahead is told of by the
    /// largest pointer, as soon as that lies beyond what was sent (RFC 6093 §3.2, Linux).
    fn mark_urgent(&self, segment: &mut Segment) {
        match u16::try_from(self.snd.up - segment.seq) {
            Ok(pointer) => segment.urgent = pointer,
            Err(_) if (segment.seq + 0xffff).after(self.snd.nxt()) => segment.urgent = u16::MAX,
            Err(_) => return,
        }
        segment.flags |= TcpFlags::URG;
    }

    /// The window field of the last segment, for TIME-WAIT.
    pub(super) fn window_field(&self) -> u16 {
        self.rcv.window.current(self.rcv_nxt()).scale(self.rcv.window.scale()).0
    }

    /// What came twice, if anything did (RFC 2883 §4), and what came out of order (RFC 2018 §3).
    pub(super) fn sack_blocks(&self) -> ArrayVec<SackBlock, 4> {
        let mut blocks = ArrayVec::new();
        if !self.negotiated.sack || !self.rcv.queue.tells_selectively() {
            return blocks;
        }
        let max = match self.params.signature.len() {
            0 if self.negotiated.timestamps => SACK_BLOCKS_WITH_TIMESTAMPS,
            0 => blocks.capacity(),
            signature => {
                let taken = usize::from(signature) + if self.negotiated.timestamps { 12 } else { 0 } + 4;
                MAX_OPTIONS_LEN.saturating_sub(taken) / 8
            }
        };
        let duplicate = self.rcv.queue.duplicate().filter(|_| self.config.dsack);
        blocks.extend(duplicate.filter(|_| max > 0));
        if self.rcv.queue.has_holes() && max > blocks.len() {
            blocks.extend(self.rcv.queue.sack_blocks(max - blocks.len()));
        }
        blocks
    }

    /// What SACK takes from a data segment.
    pub(super) fn sack_option_len(&self) -> u32 {
        // With what a signature takes that the MSS does not leave out.
        let signature = u32::from(self.params.signature.len().saturating_sub(self.negotiated.signed));
        let rare = signature + if self.due.user_timeout { 4 } else { 0 };
        if !self.rcv.queue.tells_selectively() {
            return rare;
        }
        match self.sack_blocks().len() {
            0 => rare,
            blocks => rare + 4 + 8 * blocks as u32,
        }
    }
}
