//! Seventh and eighth check: the segment text and FIN (RFC 9293 §3.10.7.4), and when to acknowledge them (§3.8.6.3,
//! RFC 5681 §4.2).

use super::halves::{RecvHalf, SendHalf};
use super::rcv::Room;
use super::{Connection, Reset};
use crate::negotiate::TIMESTAMPS_LEN;
use crate::recv::delayed_ack::{Compression, MAX_QUICK_ACKS};
use crate::recv::{AckDue, Inserted, ReceivedData};
use crate::{Cx, Readiness};
use core::ops::ControlFlow::{self, Break, Continue};
use limpid_event::{Counter, DropReason, Observer, TcpState, Timer, TxReason};
use limpid_wire::{Ecn, Segment, SeqNum, TcpFlags};

/// SACK blocks that an ACK has room for together with others (Linux's TCP_SACK_BLOCKS_EXPECTED).
const SACK_BLOCKS_EXPECTED: usize = 2;

impl Connection {
    /// Takes data and FIN of a segment whose ACK is processed.
    pub(super) fn process_text<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &mut Segment) -> ControlFlow<()> {
        let fin = segment.flags.contains(TcpFlags::FIN);
        if segment.payload.is_empty() && !fin {
            return Continue(());
        }
        if self.halves.recv() == RecvHalf::FinReceived {
            return self.text_after_fin(cx, segment);
        }
        if self.has_no_reader() && (segment.seq + segment.payload.len() as u32).after(self.rcv_nxt()) {
            return self.refuse_text(cx, segment);
        }
        self.measure_by_echo(cx, segment);
        if self.is_unwanted(cx, segment) || !self.has_memory_for(cx, segment) {
            return Continue(());
        }
        let data = self.received_data(cx, segment);
        let total = segment.payload.len() as u32;
        let (seq, end) = (segment.seq, segment.seq_end());
        let in_order = seq.before_eq(self.rcv_nxt());
        let had_holes = self.rcv.queue.has_holes();
        let payload = core::mem::take(&mut segment.payload);
        let capacity = self.rcv.buffer() as usize;
        // What begins inside the window was let through as a whole.
        let inserted = self.rcv.queue.insert(cx.pool, seq, payload, fin, end, capacity);
        if inserted.ahead > 0 {
            self.stats.on_out_of_order(segment.merged);
        }
        if inserted.ready > 0 || inserted.ahead > 0 {
            self.rcv.charge(self.option_bytes(), total, in_order);
        }
        if inserted.dropped > 0 {
            cx.count(Counter::TcpExtTCPOFODrop);
            self.rcv.discharge(inserted.dropped);
        }
        if in_order {
            self.text_in_order(cx, inserted, data, total, segment.ecn)
        } else {
            self.ecn_text_arrived(cx, segment.ecn);
            self.text_ahead(cx, inserted, data, total)
        }
        if inserted.fin {
            self.fin_arrived(cx, had_holes);
        } else if in_order {
            self.acknowledge_in_order(cx, had_holes);
        }
        Continue(())
    }

    /// What was received before, or has no room in the window, is not taken; the ACK tells where we are.
    fn is_unwanted<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> bool {
        let (seq, end, rcv_nxt) = (segment.seq, segment.seq_end(), self.rcv_nxt());
        let window = self.rcv.window.current(rcv_nxt).bytes();
        if !end.after(rcv_nxt) {
            self.ecn_old_text(seq);
            self.note_duplicate(cx, seq, end);
            self.acknowledge_old(cx);
            cx.dropped(DropReason::Duplicate);
            return true;
        }
        let begins = seq.before_eq(rcv_nxt);
        // Some peers send a bare FIN again and again into a closed window: it costs nothing to take it.
        let bare_fin = seq == rcv_nxt && segment.payload.is_empty();
        if begins && (window > 0 || bare_fin) || !begins && seq.before(rcv_nxt + window) {
            return false;
        }
        if begins {
            cx.count(Counter::TcpExtTCPZeroWindowDrop);
        } else {
            cx.count(Counter::TcpExtBeyondWindow);
        }
        if seq.before(rcv_nxt) {
            self.note_duplicate(cx, seq, rcv_nxt);
        }
        self.enter_quick_ack();
        self.due.ack_now(if window == 0 { TxReason::ProbeAnswer } else { TxReason::DuplicateAck });
        cx.dropped(DropReason::BufferFull);
        true
    }

    /// A peer that fills buffers with next to nothing in them may run us out of memory inside its window. What comes next is
    /// taken if nothing at all waits to be read; else it is dropped, and a window of zero says why.
    fn has_memory_for<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> bool {
        let text = (segment.seq, segment.payload.len() as u32);
        let room = self.rcv.make_room(cx, &self.config, text, self.snd.memory());
        if room == Room::There {
            return true;
        }
        let in_order = segment.seq.before_eq(self.rcv_nxt());
        if in_order {
            self.rcv.no_memory = true;
            self.due.ack_now(TxReason::Ack);
            if self.rcv.queue.is_empty() || segment.payload.is_empty() {
                return true;
            }
            cx.count(Counter::TcpExtTCPRcvQDrop);
        } else {
            cx.count(Counter::TcpExtTCPOFODrop);
        }
        self.woke |= Readiness::READABLE;
        cx.dropped(if in_order { DropReason::BufferFull } else { DropReason::OutOfOrderFull });
        false
    }

    /// The echo on a full segment tells the round trip, although we may have nothing to send.
    fn measure_by_echo<O: Observer>(&mut self, cx: &Cx<'_, O>, segment: &Segment) {
        if let (true, Some(echo)) = (self.negotiated.timestamps, segment.options.timestamps) {
            let full = segment.seq_len() >= self.rcv.ack.rcv_mss();
            let elapsed = self.clock().elapsed(cx.now, echo.ecr).filter(|_| full);
            self.rcv.rtt.on_echo(echo.ecr, elapsed, self.rcv.queue.is_empty());
        }
    }

    /// Bytes of the options that each segment of the peer has.
    fn option_bytes(&self) -> u32 {
        if self.negotiated.timestamps { u32::from(TIMESTAMPS_LEN) } else { 0 }
    }

    /// The peer has closed: nothing new can come. What repeats itself did not get our ACK; what does and has more than there
    /// was is refused (as Linux).
    fn text_after_fin<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> ControlFlow<()> {
        if segment.seq.before(self.rcv_nxt()) {
            if (segment.seq + segment.payload.len() as u32).after(self.rcv_nxt()) {
                return self.refuse_text(cx, segment);
            }
            self.note_duplicate(cx, segment.seq, segment.seq_end().earlier(self.rcv_nxt()));
            self.acknowledge_old(cx);
            return self.drop(cx, DropReason::Duplicate);
        }
        self.drop(cx, DropReason::OutsideWindow)
    }

    /// Both directions are closed for the application: nobody will ever read.
    fn has_no_reader(&self) -> bool {
        (self.app.gone || self.app.read_shut) && self.halves.send() != SendHalf::Open
    }

    /// Data for nobody is answered with a reset (RFC 9293 §3.6.1).
    fn refuse_text<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> ControlFlow<()> {
        cx.count(Counter::TcpExtTCPAbortOnData);
        cx.dropped(DropReason::NoReader);
        self.due.reset = Some(Reset { seq: segment.ack, with_ack: false, why: TxReason::ResetDataAfterClose });
        self.reset_by_peer(cx);
        Break(())
    }

    fn received_data<O: Observer>(&self, cx: &Cx<'_, O>, segment: &Segment) -> ReceivedData {
        ReceivedData {
            now: cx.now,
            len: (segment.payload.len() as u32).div_ceil(u32::from(segment.merged.max(1))),
            push: segment.flags.contains(TcpFlags::PSH),
            rto: self.snd.rto(),
            window: self.rcv.window.offered(),
        }
    }

    /// The segment's data begins at RCV.NXT (or before).
    fn text_in_order<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        inserted: Inserted,
        data: ReceivedData,
        total: u32,
        field: Ecn,
    ) {
        if inserted.duplicate {
            self.count_d_sack(cx, Counter::TcpExtTCPDSACKOldSent);
        }
        if inserted.ready == 0 {
            return;
        }
        self.rcv.rtt.on_data(cx.now, self.rcv_nxt(), self.rcv.window.offered());
        self.rcv.bytes += u64::from(inserted.ready);
        self.rcv.last_data = cx.now;
        let larger = self.rcv.ack.on_data(data);
        self.ecn_text_arrived(cx, field);
        self.rcv.on_taken(&self.config, cx.memory, self.option_bytes(), total, larger);
        if self.is_worth_reading() {
            self.woke |= Readiness::READABLE;
        }
    }

    /// There is something before it that has not come.
    fn text_ahead<O: Observer>(&mut self, cx: &mut Cx<'_, O>, inserted: Inserted, data: ReceivedData, total: u32) {
        if inserted.duplicate {
            self.count_d_sack(cx, Counter::TcpExtTCPDSACKOfoSent);
        }
        if inserted.ahead == 0 && inserted.dropped > 0 {
            return cx.dropped(DropReason::OutOfOrderFull);
        }
        cx.count(Counter::TcpExtTCPOFOQueue);
        let larger = self.rcv.ack.on_data_ahead(data);
        // Without SACK the window stays as it is: the peer counts only ACKs that change nothing.
        if self.negotiated.sack {
            self.rcv.on_taken(&self.config, cx.memory, self.option_bytes(), total, larger);
        }
        if inserted.ahead == 0 && inserted.duplicate {
            cx.dropped(DropReason::Duplicate);
        }
        if !self.app.gone {
            self.rcv.on_ahead(cx.now, &self.config);
        }
        let unacked = self.rcv_nxt() - self.rcv.last_ack();
        if unacked > self.rcv.ack.rcv_mss() && self.keeps_up() {
            return self.due.ack_now(TxReason::DuplicateAck);
        }
        let due = self.rcv.ack.decide_ahead(cx.now, self.rcv_nxt(), self.compression());
        self.acknowledge(cx, due);
    }

    /// How far ACKs of what is out of order may be compressed: not without SACK, and not where an ACK that is lost would leave
    /// the peer without blocks that no later one repeats.
    fn compression(&self) -> Compression {
        let many = self.rcv.queue.sack_blocks(SACK_BLOCKS_EXPECTED + 1).len() > SACK_BLOCKS_EXPECTED;
        let most = if self.negotiated.sack && !many { self.config.comp_sack_nr } else { 0 };
        let rtt = self.snd.rtt.srtt().unwrap_or_default().min(self.rcv.rtt.estimate());
        Compression { most, delay: self.config.comp_sack_delay, rtt }
    }

    /// `start..end` came again (RFC 2883).
    fn note_duplicate<O: Observer>(&mut self, cx: &mut Cx<'_, O>, start: SeqNum, end: SeqNum) {
        self.rcv.queue.note_duplicate(start, end);
        self.count_d_sack(cx, Counter::TcpExtTCPDSACKOldSent);
    }

    fn count_d_sack<O: Observer>(&self, cx: &mut Cx<'_, O>, counter: Counter) {
        if self.negotiated.sack && self.config.dsack {
            cx.count(counter);
        }
    }

    /// As much as the reader asked for has come, or no more will before it reads.
    pub(super) fn is_worth_reading(&self) -> bool {
        let len = self.rcv.queue.len() as u32;
        let window = self.rcv.window.current(self.rcv_nxt()).bytes();
        len >= self.config.recv_lowat.max(1) || (len > 0 && window <= self.rcv.ack.rcv_mss())
    }

    /// Something came again: our ACK was lost, or the peer is in a hurry. No delay now.
    fn acknowledge_old<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.count(Counter::TcpExtDelayedACKLost);
        self.enter_quick_ack();
        self.due.ack_now(TxReason::DuplicateAck);
    }

    pub(super) fn enter_quick_ack(&mut self) {
        self.rcv.ack.enter_quick(self.rcv.window.offered(), MAX_QUICK_ACKS);
    }

    /// Data in order. At once if that closes the last gap (RFC 5681 §4.2), or while there is another.
    fn acknowledge_in_order<O: Observer>(&mut self, cx: &mut Cx<'_, O>, had_holes: bool) {
        if !had_holes {
            return self.acknowledge_data(cx);
        }
        if self.rcv.queue.has_holes() {
            let rcv_nxt = self.rcv_nxt();
            let due = self.rcv.ack.decide_ahead(cx.now, rcv_nxt, self.compression());
            if let AckDue::At(_) = due {
                return self.acknowledge(cx, due);
            }
        }
        self.due.ack_now(TxReason::Ack);
    }

    /// Data in order and no gaps: every second segment, in quick mode each, else after a delay.
    fn acknowledge_data<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let unacked = self.rcv_nxt() - self.rcv.last_ack();
        let keeps_up = unacked > self.rcv.ack.rcv_mss() && self.keeps_up();
        let due = self.rcv.ack.decide(cx.now, unacked, keeps_up, self.snd.rtt.srtt());
        self.acknowledge(cx, due);
    }

    /// The window could be as large as it was, or the reader waits for more than there is.
    fn keeps_up(&mut self) -> bool {
        if (self.rcv.queue.len() as u32) < self.config.recv_lowat {
            return true;
        }
        let space = self.rcv.space();
        if self.rcv.window.is_short(space) {
            self.rcv.ack.no_hurry();
        }
        self.rcv.window.keeps_up(space)
    }

    fn acknowledge<O: Observer>(&mut self, cx: &mut Cx<'_, O>, due: AckDue) {
        match due {
            AckDue::Now(why) => self.due.ack_now(why),
            AckDue::At(at) if self.timers.runs(Timer::DelayedAck) => self.timers.postpone(Timer::DelayedAck, at),
            AckDue::At(at) => self.timers.start(cx, Timer::DelayedAck, at.since(cx.now)),
        }
    }

    /// Eighth check: the peer's FIN, and all before it has come. While our own half is open the ACK is delayed, so that
    /// it may ride on our FIN; afterwards there is nothing to wait for.
    fn fin_arrived<O: Observer>(&mut self, cx: &mut Cx<'_, O>, had_holes: bool) {
        let was = self.state();
        self.change(cx, |halves| halves.fin_received());
        self.woke |= Readiness::READABLE | Readiness::READ_CLOSED;
        if self.halves.send() != SendHalf::Open {
            self.woke |= Readiness::CLOSED;
        }
        if matches!(was, TcpState::Established | TcpState::SynReceived) {
            self.rcv.ack.on_fin();
            self.acknowledge_in_order(cx, had_holes);
        } else {
            self.due.ack_now(TxReason::FinAck);
        }
    }
}
