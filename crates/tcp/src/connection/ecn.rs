//! ECN in a connection (RFC 3168 §6.1, RFC 9768 §3): what the IP field of what arrives does, what an ACK tells of our own
//! packets, and what segments that leave say. The state is [`EcnState`](crate::ecn::EcnState).

use super::Connection;
use crate::Cx;
use crate::ecn::accurate::Delivery;
use crate::ecn::handshake::reflecting;
use crate::ecn::{AccEcnFailure, AccEcnOptions, Accurate, EcnHandshake};
use crate::recovery::Phase;
use crate::send::Acked;
use limpid_event::{Counter, EcnEvent, Event, Instant, Observer, TcpState, TxReason};
use limpid_wire::tcp::{Timestamps, UserTimeout};
use limpid_wire::{Ecn, Segment, SeqNum, TcpFlags, TcpOptions};

/// A mark, or what looks like a retransmission, is acknowledged at once, and so is what follows it.
const QUICK_ACKS: u8 = 2;

/// SYN-ACKs of crossed SYNs have the AccECN option if the SYN was repeated less often than this.
const OPTION_ON_SYN_ACKS: u8 = 2;

impl Connection {
    /// Our SYN was answered.
    pub(super) fn ecn_connected<O: Observer>(&mut self, cx: &mut Cx<'_, O>, syn_ack: &Segment) {
        let fallback = self.config.ecn_fallback;
        if self.snd.total_retrans > 0 {
            // As Linux: what a timeout does to the window is told, even if that was of the SYN.
            self.ecn.on_reduced();
        }
        if self.ecn.is_accurate() {
            self.ecn.counters().on_connected(fallback, syn_ack);
            self.due.reflect = true;
        }
        self.ecn_agreed(cx);
    }

    /// The ACK of our SYN-ACK came, which told that so many packets of ours met congestion. [`ecn_agreed`](Self::ecn_agreed)
    /// follows.
    pub(super) fn ecn_accepted<O: Observer>(&mut self, cx: &mut Cx<'_, O>, delivered_ce: u32, ack: &Segment) {
        if self.ecn.is_accurate() {
            self.ecn.delivered_ce = delivered_ce;
            self.ecn.counters().on_accepted();
            self.count_field(cx, ack);
        }
    }

    /// The same where Fast Open has made the connection before.
    pub(super) fn ecn_fast_opened<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ack: &Segment) {
        let Some(request) = self.request() else { return };
        let mut handshake = request.ecn();
        handshake.look_at(ack.options.acc_ecn.as_ref());
        let delivered_ce = handshake.on_third_ack(self.config.ecn_fallback, ack);
        if self.ecn.is_accurate() {
            self.ecn.counters().on_fast_opened(&handshake);
            self.ecn_accepted(cx, delivered_ce, ack);
        }
    }

    /// Crossed SYNs: our own is acknowledged now.
    pub(super) fn ecn_crossed<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ack: &Segment) {
        let mut handshake = EcnHandshake::default();
        let delivered_ce = handshake.on_third_ack(self.config.ecn_fallback, ack);
        if self.ecn.is_accurate() {
            self.ecn.delivered_ce = delivered_ce;
            self.ecn.counters().failure |= handshake.failure;
        }
        self.ecn_agreed(cx);
    }

    /// The handshake is over: from here on all is counted.
    pub(super) fn ecn_agreed<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        self.ecn.begin_counting();
        if !self.ecn.is_off() {
            let accurate = self.ecn.is_accurate();
            cx.emit(|| Event::Ecn(EcnEvent::Agreed { accurate }));
        }
    }

    /// A segment that passed the checks: its IP field, before anything else of it is taken.
    #[inline]
    pub(super) fn ecn_arrived<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        if segment.ecn == Ecn::NotEct && !self.ecn.is_accurate() {
            return;
        }
        let advances = self.advances_clock(cx.now, segment);
        self.ecn.set_clock_advances(advances);
        if self.ecn.is_counting() && self.state() == TcpState::Established {
            self.count_field(cx, segment);
        }
    }

    fn count_field<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        let field = segment.ecn;
        if field != Ecn::NotEct && !self.ecn.is_classic() {
            self.ecn.seen();
        }
        let (packets, len) = (segment.merged.max(1), segment.payload.len() as u32);
        let changed = self.ecn.counters().on_received(field, packets.into(), len);
        if changed && self.ecn.is_accurate() {
            self.rcv.ack.demand();
        }
        if field == Ecn::Ce {
            cx.emit(|| Event::Ecn(EcnEvent::MarkReceived { packets }));
        }
    }

    /// Whether a segment is newer than all before by its timestamp, so that nothing has overtaken it.
    fn advances_clock(&self, now: Instant, segment: &Segment) -> bool {
        let (Some(recent), Some(timestamps)) = (self.rcv.ts_recent, segment.options.timestamps) else { return false };
        segment.seq.before_eq(self.rcv.last_ack())
            && timestamps.val.wrapping_sub(recent.val()) as i32 > 0
            && !recent.rejects(timestamps.val, now)
    }

    /// Data with this IP field was taken. Better not to delay the ACK of a mark, because the peer's window may be tiny; and
    /// what is not ECT where other data was is probably sent again (Linux).
    pub(super) fn ecn_text_arrived<O: Observer>(&mut self, cx: &mut Cx<'_, O>, field: Ecn) {
        if self.ecn.is_off() {
            return;
        }
        let quick = match field {
            Ecn::NotEct => self.ecn.has_seen(),
            Ecn::Ce => self.ecn.is_classic() && self.ecn.begin_echo(),
            Ecn::Ect0 | Ecn::Ect1 => false,
        };
        if quick {
            self.rcv.ack.enter_quick(self.rcv.window.offered(), QUICK_ACKS);
        }
        if quick && field == Ecn::Ce {
            cx.emit(|| Event::Ecn(EcnEvent::EchoBegins));
        }
        if self.ecn.is_classic() && field != Ecn::NotEct {
            self.ecn.seen();
        }
    }

    /// An ACK that is owed, and was to wait, leaves now if ECN has something to tell: a bare ACK may have brought that.
    pub(super) fn ecn_acknowledge(&mut self) {
        let owed = self.rcv.ack.is_demanded() && self.rcv.ack.is_scheduled();
        if owed && self.due.ack.is_none() && self.due.duplicate_acks == 0 {
            self.due.ack_now(TxReason::EcnFeedback);
        }
    }

    /// The peer says that it has reduced its window: the echo ends. Where the segment brings something it is acknowledged at
    /// once, because that window may be tiny now (Linux, which takes CWR on bare ACKs, too).
    pub(super) fn ecn_accept_cwr<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        if !self.ecn.is_classic() || !segment.flags.contains(TcpFlags::CWR) {
            return;
        }
        if self.ecn.end_echo() {
            cx.emit(|| Event::Ecn(EcnEvent::EchoEnds));
        }
        if segment.seq_len() > 0 {
            self.rcv.ack.demand();
        }
    }

    /// Whether an ACK says that our packets met congestion, and how many segments, as far as that is known by now: classic ECN
    /// means [all that it delivered](Self::ecn_count_echo). `idle` is whether nothing was outstanding before it.
    pub(super) fn ecn_feedback<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        segment: &Segment,
        acked: &Acked,
        idle: bool,
    ) -> Option<u32> {
        if self.ecn.is_accurate() {
            let segments = self.accurate_feedback(segment, acked)?;
            self.count_reported(cx, segments);
            return Some(segments).filter(|_| !idle);
        }
        let echoed = segment.flags & (TcpFlags::ECE | TcpFlags::SYN) == TcpFlags::ECE;
        (echoed && self.ecn.is_classic() && !idle).then_some(0)
    }

    /// A classic echo is about all that the ACK delivered.
    pub(super) fn ecn_count_echo<O: Observer>(&mut self, cx: &mut Cx<'_, O>, echo: &mut Option<u32>, delivered: u32) {
        if let Some(segments) = echo
            && self.ecn.is_classic()
        {
            *segments = delivered;
            self.count_reported(cx, delivered);
        }
    }

    fn count_reported<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segments: u32) {
        self.ecn.delivered_ce = self.ecn.delivered_ce.wrapping_add(segments);
        cx.counters.add(Counter::TcpExtTCPDeliveredCE, segments.into());
        cx.emit(|| Event::Ecn(EcnEvent::Reported { segments }));
    }

    fn accurate_feedback(&mut self, segment: &Segment, acked: &Acked) -> Option<u32> {
        if !self.ecn.is_counting() {
            return None;
        }
        let delivery = Delivery {
            segments: acked.delivered_segments,
            bytes: acked.delivered,
            is_news: acked.acked_segments > 0 || acked.sacked > 0 || self.ecn.clock_advances(),
            syn: false,
            exact: self.negotiated.sack || matches!(self.snd.recovery.phase(), Phase::Open | Phase::Cwr),
            mss: self.snd.mss.into(),
            bytes_sent: self.stats.bytes_sent(),
            delivered_ce: self.ecn.delivered_ce,
        };
        let counters = self.ecn.counters();
        let more = counters.on_ack(segment.flags.ace(), segment.options.acc_ecn.as_ref(), delivery);
        if delivery.is_news && counters.must_tell() {
            self.rcv.ack.demand();
        }
        (more > 0).then_some(more)
    }

    /// A SYN came in the connection: the latest one's field is told, in the answer (RFC 9768 §3.1.5).
    pub(super) fn ecn_syn_again(&mut self, syn: &Segment) {
        if self.ecn.is_accurate() {
            self.ecn.counters().on_syn_again(syn);
            self.due.reflect = true;
        }
    }

    /// Data from `seq` on came again that was received before.
    pub(super) fn ecn_old_text(&mut self, seq: SeqNum) {
        if let Some(accurate) = &mut self.ecn.accurate {
            accurate.on_old_text(seq);
        }
    }

    /// Makes a segment that leaves tell what arrived: ECE, or the ACE field and the option. The packet of an accurate connection
    /// is ECT(0), of a classic one only [new data](Self::ecn_mark_new_data).
    pub(super) fn ecn_mark(&mut self, now: Instant, segment: &mut Segment) {
        if self.ecn.is_off() || segment.flags.contains(TcpFlags::SYN) {
            return;
        }
        if self.ecn.is_classic() {
            segment.flags.set(TcpFlags::ECE, self.ecn.echoes());
            return;
        }
        let sends_option = self.sends_ecn_option();
        let dsack = self.rcv.queue.duplicate().map(|block| block.left());
        let counters = self.ecn.counters();
        segment.flags |= counters.tell();
        if counters.is_sound() {
            segment.ecn = Ecn::Ect0;
        }
        let (option, needed) = counters.option();
        let sent = sends_option && segment.options.fit_acc_ecn(option, needed);
        counters.on_sent(now, sent, dsack);
    }

    /// The ACK that answers a SYN or SYN-ACK tells how that arrived instead (RFC 9768 §3.2.2.1).
    pub(super) fn ecn_reflect(&mut self, segment: &mut Segment) {
        if let Some(accurate) = self.ecn.accurate.as_ref().filter(|_| self.ecn.is_accurate()) {
            segment.flags = (segment.flags - TcpFlags::ACE) | reflecting(accurate.syn_field);
        }
    }

    /// Data leaves for the first time: ECT(0), and CWR if the window was reduced since the last (RFC 3168 §6.1.2).
    pub(super) fn ecn_mark_new_data<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &mut Segment) {
        if !self.ecn.is_classic() {
            return;
        }
        segment.ecn = Ecn::Ect0;
        if self.ecn.take_cwr() {
            segment.flags |= TcpFlags::CWR;
            cx.emit(|| Event::Ecn(EcnEvent::Answered));
        }
    }

    /// Makes a SYN-ACK of crossed SYNs grant what was agreed on.
    pub(super) fn ecn_grant(&self, segment: &mut Segment) {
        if self.ecn.is_classic() {
            segment.flags |= TcpFlags::ECE;
        }
        let Some(accurate) = self.ecn.accurate.as_ref().filter(|_| self.ecn.is_accurate()) else { return };
        segment.flags |= reflecting(accurate.syn_field);
        let again = self.snd.total_retrans >= OPTION_ON_SYN_ACKS.into();
        if self.config.accecn_option != AccEcnOptions::Never && !again {
            segment.options.fit_acc_ecn(Accurate::first_option(), 0);
        }
    }

    /// Whoever cuts super-segments leaves CWR on the first segment alone (RFC 3168 §6.1.2), where accurate ECN means the same bit on
    /// each: while its counter has it, segments leave one by one.
    pub(super) fn ecn_forbids_bursts(&self) -> bool {
        let accurate = self.ecn.accurate.as_ref().filter(|_| self.ecn.is_accurate());
        accurate.is_some_and(|accurate| accurate.ace().contains(TcpFlags::CWR))
    }

    /// Looks whether an option is due because none was sent for a part of a round trip.
    pub(super) fn ecn_refresh(&mut self, now: Instant) {
        let Some(accurate) = self.ecn.accurate.as_ref().filter(|_| self.ecn.is_accurate()) else { return };
        let beacon = u32::from(self.config.accecn_beacon);
        let since = now.since(accurate.option_at());
        let due = beacon > 0 && since * beacon >= self.snd.rtt.srtt().unwrap_or_default();
        self.ecn.set_beacon(due);
    }

    /// Whether segments that leave now carry the option (Linux).
    fn sends_ecn_option(&self) -> bool {
        let Some(accurate) = self.ecn.accurate.as_ref().filter(|_| self.ecn.is_accurate()) else { return false };
        // Beside a signature there is no room to speak of.
        if !self.params.signature.is_empty() {
            return false;
        }
        let policy = self.config.accecn_option;
        policy != AccEcnOptions::Never
            && accurate.seen > crate::ecn::AccEcnSeen::Nothing
            && (policy == AccEcnOptions::Persistent || !accurate.failure.contains(AccEcnFailure::OPTION_SEND))
            && (policy >= AccEcnOptions::Always || accurate.is_demanded() || self.ecn.beacon_is_due())
    }

    /// What SACK and AccECN take from a data segment.
    pub(super) fn changing_options_len(&self) -> u32 {
        if !self.sends_ecn_option() {
            return self.sack_option_len();
        }
        let Some(accurate) = &self.ecn.accurate else { return self.sack_option_len() };
        let timestamps = self.negotiated.timestamps.then_some(Timestamps { val: 0, ecr: 0 });
        let user_timeout = self.due.user_timeout.then_some(UserTimeout(0));
        let mut options = TcpOptions { timestamps, sack: self.sack_blocks(), user_timeout, ..TcpOptions::default() };
        let (option, needed) = accurate.option();
        options.fit_acc_ecn(option, needed);
        options.encoded_len() as u32 - if timestamps.is_some() { 12 } else { 0 }
    }
}
