//! Seventh and eighth check: the segment text and FIN (RFC 9293 §3.10.7.4), and when to acknowledge them (§3.8.6.3,
//! RFC 5681 §4.2).

use super::halves::{RecvHalf, SendHalf};
use super::{Connection, Reset};
use crate::recv::delayed_ack::MAX_QUICK_ACKS;
use crate::recv::{AckDue, Inserted, ReceivedData};
use crate::{Cx, Readiness};
use core::ops::ControlFlow::{self, Break, Continue};
use limpid_event::{Counter, DropReason, Error, Observer, TcpState, Timer, TxReason};
use limpid_wire::{Segment, TcpFlags};

/// What a segment with text told beside it.
#[derive(Clone, Copy)]
struct Told {
    /// It reaches beyond the window.
    beyond_window: bool,
    /// Its FIN comes after a gap.
    fin_ahead: bool,
    data: ReceivedData,
}

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
        let data = self.received_data(cx, segment);
        let end = segment.seq_end();
        let (right_edge, capacity) = (self.rcv.right_edge(), self.config.recv_buffer);
        let payload = core::mem::take(&mut segment.payload);
        let inserted = self.rcv.queue.insert(cx.pool, segment.seq, payload, fin, right_edge, capacity);
        let beyond_window = end.after(right_edge + u32::from(fin));
        let fin_ahead = fin && !beyond_window && (end - 1).after(self.rcv_nxt());
        self.text_taken(cx, inserted, Told { beyond_window, fin_ahead, data });
        Continue(())
    }

    /// The peer has closed: nothing new can come. What repeats itself did not get our ACK.
    fn text_after_fin<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> ControlFlow<()> {
        if segment.seq.before(self.rcv_nxt()) {
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
        self.end(cx, Some(Error::ConnectionReset));
        Break(())
    }

    fn received_data<O: Observer>(&self, cx: &Cx<'_, O>, segment: &Segment) -> ReceivedData {
        ReceivedData {
            now: cx.now,
            len: (segment.payload.len() as u32).div_ceil(u32::from(segment.merged.max(1))),
            push: segment.flags.contains(TcpFlags::PSH),
            rto: self.snd.rto(),
            window: self.rcv.window.current(self.rcv_nxt()).bytes(),
        }
    }

    /// What the queue did with the segment decides what the application is told, and when the peer gets its ACK.
    fn text_taken<O: Observer>(&mut self, cx: &mut Cx<'_, O>, inserted: Inserted, told: Told) {
        let Told { beyond_window, fin_ahead, data } = told;
        if inserted.ready > 0 {
            self.rcv.bytes += u64::from(inserted.ready);
            self.rcv.last_data = cx.now;
            self.rcv.ack.on_data(data);
            self.woke |= Readiness::READABLE;
        }
        if inserted.fin {
            return self.fin_arrived(cx);
        }
        if inserted.duplicate && self.negotiated.sack && self.config.dsack {
            cx.count(Counter::TcpExtTCPDSACKOldSent);
        }
        if inserted.dropped > 0 {
            cx.count(Counter::TcpExtTCPOFODrop);
        }
        if inserted.ahead > 0 {
            cx.count(Counter::TcpExtTCPOFOQueue);
        }
        if inserted.ready == 0 && inserted.ahead == 0 && !fin_ahead {
            self.nothing_taken(cx, inserted, beyond_window, data.window);
        } else if inserted.ready == 0 {
            self.due.ack_now(TxReason::DuplicateAck);
        } else if inserted.filled || inserted.duplicate {
            self.due.ack_now(TxReason::Ack);
        } else {
            self.acknowledge_data(cx);
        }
    }

    /// Nothing of it was new, or nothing fits. The ACK tells where we are.
    fn nothing_taken<O: Observer>(&mut self, cx: &mut Cx<'_, O>, inserted: Inserted, beyond_window: bool, window: u32) {
        if inserted.duplicate || !beyond_window {
            self.acknowledge_old(cx);
            return cx.dropped(if inserted.dropped > 0 { DropReason::OutOfOrderFull } else { DropReason::Duplicate });
        }
        if window == 0 {
            cx.count(Counter::TcpExtTCPZeroWindowDrop);
        }
        self.enter_quick_ack();
        self.due.ack_now(if window == 0 { TxReason::ProbeAnswer } else { TxReason::DuplicateAck });
        cx.dropped(DropReason::BufferFull);
    }

    /// Something came again: our ACK was lost, or the peer is in a hurry. No delay now.
    fn acknowledge_old<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.count(Counter::TcpExtDelayedACKLost);
        self.enter_quick_ack();
        self.due.ack_now(TxReason::DuplicateAck);
    }

    pub(super) fn enter_quick_ack(&mut self) {
        let window = self.rcv.window.current(self.rcv_nxt()).bytes();
        self.rcv.ack.enter_quick(window, MAX_QUICK_ACKS);
    }

    /// Data in order: every second segment, in quick mode each, else after a delay.
    fn acknowledge_data<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let unacked = self.rcv_nxt() - self.rcv.last_ack();
        let keeps_up = self.rcv.window.keeps_up(self.rcv.space(&self.config));
        match self.rcv.ack.decide(cx.now, unacked, keeps_up, self.snd.rtt.srtt()) {
            AckDue::Now(why) => self.due.ack_now(why),
            AckDue::At(at) if self.timers.runs(Timer::DelayedAck) => self.timers.postpone(Timer::DelayedAck, at),
            AckDue::At(at) => self.timers.start(cx, Timer::DelayedAck, at.since(cx.now)),
        }
    }

    /// Eighth check: the peer's FIN, and all before it has come. While our own half is open the ACK is delayed, so that
    /// it may ride on our FIN; afterwards there is nothing to wait for.
    fn fin_arrived<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let was = self.state();
        self.change(cx, |halves| halves.fin_received());
        self.woke |= Readiness::READABLE | Readiness::READ_CLOSED;
        if self.halves.send() != SendHalf::Open {
            self.woke |= Readiness::CLOSED;
        }
        if matches!(was, TcpState::Established | TcpState::SynReceived) {
            self.rcv.ack.on_fin();
            self.acknowledge_data(cx);
        } else {
            self.due.ack_now(TxReason::FinAck);
        }
    }
}
