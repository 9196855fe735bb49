//! A connection that Fast Open began (RFC 7413 §4.2, §5.1, §6): on the passive side it is there before the last ACK of the
//! handshake, takes data and sends some; on the active side the SYN may have carried data.
//!
//! What Linux does where the RFC leaves room: our SYN-ACK is no part of what is sent and acknowledged; its timer takes the
//! place of the retransmission timer until the handshake is complete, and nothing else is sent again before.

use super::{Birth, Connection, Due, Reset};
use crate::connection::halves::Halves;
use crate::connection::stats::{Busy, Stats};
use crate::fast_open::{FastOpen, FastOpenAnswer, FastOpenFailure, FastOpenNews, RequestForm};
use crate::recovery::Rto;
use crate::send::{Append, Shape, WriteFlags};
use crate::syn_received::{RequestCheck, SynReceived};
use crate::{Cx, Readiness};
use alloc::boxed::Box;
use core::ops::ControlFlow::{self, Break, Continue};
use limpid_event::{Counter, DropReason, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::tcp::FastOpenCookie;
use limpid_wire::{Segment, SeqNum};

/// What Fast Open adds to a connection that has to do with it.
#[derive(Debug, Default)]
pub(super) struct FastOpenState {
    /// Passive: the handshake that is not complete, without which our SYN-ACK can't be repeated.
    request: Option<SynReceived>,
    /// Passive: the application has shut down writing; the FIN waits for the handshake (as Linux).
    shut: bool,
    /// A cookie for the first SYN-ACK.
    cookie: Option<FastOpenCookie>,
    /// Passive: an application has it.
    accepted: bool,
    /// Passive: it was there before the handshake's end (`TCPI_OPT_TFO_CHILD`).
    child: bool,
    /// Active: the SYN carried the option,
    asked: bool,
    /// and data.
    sent_data: bool,
    /// The SYN's data, whoever sent it, was taken (`TCPI_OPT_SYN_DATA`).
    data_acked: bool,
    /// Active: Fast Open paused before, and what becomes of this connection shows whether it works again.
    checks_path: bool,
    failure: FastOpenFailure,
    /// The end of the data that went with the SYN.
    data_end: SeqNum,
    /// What the SYN-ACK told, until somebody remembers it.
    answer: Option<FastOpenAnswer>,
    news: Option<FastOpenNews>,
}

impl Connection {
    /// A SYN with a good cookie, or one that needs none: the application may have it now, with the SYN's data, and send
    /// (RFC 7413 §4.2.2). A SYN-ACK is due, which carries `cookie` if there is one.
    pub(crate) fn fast_opened<O: Observer>(
        cx: &mut Cx<'_, O>,
        birth: Birth,
        mut request: SynReceived,
        syn: Segment,
        cookie: Option<FastOpenCookie>,
    ) -> Connection {
        let options = if birth.negotiated.timestamps { crate::negotiate::TIMESTAMPS_LEN } else { 0 };
        let mut connection = Connection::new(cx.now, birth, Halves::new(true));
        connection.halves = Halves::new(false);
        connection.stats = Stats::of_fast_open(cx.now);
        connection.snd.rtt.on_syn_loss();
        connection.snd.heed_known(&connection.params);
        connection.snd.delivery.before_handshake();
        connection.due.syn_ack = Some(TxReason::SynAck);
        let len = syn.payload.len() as u32;
        if len > 0 {
            let (seq, end) = (syn.seq + 1, syn.seq + 1 + len);
            connection.stats.on_syn_data();
            let capacity = connection.rcv.buffer() as usize;
            // There is nothing yet that could be in its way.
            let _ = connection.rcv.queue.insert(cx.pool, seq, syn.payload, false, end, capacity);
            connection.rcv.charge(options.into(), len, true);
            connection.rcv.bytes = u64::from(len);
        }
        connection.rcv.window.move_to(connection.rcv_nxt());
        request.take_syn_data(len);
        connection.fast_open = Some(Box::new(FastOpenState {
            request: Some(request),
            cookie,
            child: true,
            data_acked: len > 0,
            ..FastOpenState::default()
        }));
        connection.timers.start(cx, Timer::Rto, Rto::INITIAL.duration());
        connection.begin_mtu_search(cx, false);
        connection.expand_send_buffer();
        connection
    }

    /// The first segment after a Fast Open SYN has not come: our SYN-ACK is not acknowledged.
    pub(super) fn request(&self) -> Option<&SynReceived> {
        self.fast_open.as_ref()?.request.as_ref()
    }

    fn request_mut(&mut self) -> Option<&mut SynReceived> {
        self.fast_open.as_mut()?.request.as_mut()
    }

    /// Whether data may flow: the handshake is complete, or Fast Open does not wait for that.
    pub(super) fn may_send(&self) -> bool {
        self.halves.syn_acked() || self.request().is_some()
    }

    /// The handshake has not ended, and whoever has the connection waits for that: an ICMP error ends it. One that Fast Open
    /// began and an application has is as good as established (as Linux).
    pub fn is_opening(&self) -> bool {
        self.state() == TcpState::SynReceived && self.fast_open.as_ref().is_none_or(|open| !open.accepted)
    }

    /// Fast Open began it, and the handshake's last ACK has not come, or its end was not told of.
    pub fn is_fast_opening(&self) -> bool {
        self.request().is_some()
    }

    /// The application has shut down writing. True if the FIN has to wait for the handshake.
    pub(super) fn shut_before_handshake(&mut self) -> bool {
        match &mut self.fast_open {
            Some(open) if open.request.is_some() => {
                open.shut = true;
                true
            }
            _ => false,
        }
    }

    /// A FIN waits for the handshake.
    pub(super) fn awaits_fin(&self) -> bool {
        self.fast_open.as_ref().is_some_and(|open| open.shut)
    }

    /// An application has it.
    pub fn accepted(&mut self) {
        if let Some(open) = &mut self.fast_open {
            open.accepted = true;
        }
    }

    /// The lowest number that an ICMP error may quote.
    pub(super) fn oldest_quoted(&self) -> SeqNum {
        self.request().map_or(self.snd.una(), SynReceived::isn)
    }

    /// What a segment that comes before the handshake's last ACK is checked for first (Linux's `tcp_check_req`).
    pub(super) fn check_request<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> ControlFlow<()> {
        let config = &self.config;
        let request = self.fast_open.as_mut().and_then(|open| open.request.as_mut());
        let Some(request) = request else { return Continue(()) };
        match request.check(cx, config, segment) {
            RequestCheck::Pass => Continue(()),
            RequestCheck::Drop => Break(()),
            RequestCheck::Repeat => {
                self.due.syn_ack.get_or_insert(TxReason::SynAckRetransmit);
                Break(())
            }
            RequestCheck::Answer(why) => {
                self.due.ack_now(why);
                Break(())
            }
            RequestCheck::Refuse => {
                if segment.flags.contains(limpid_wire::TcpFlags::ACK) {
                    self.due.reset = Some(Reset { seq: segment.ack, with_ack: false, why: TxReason::ResetBadAck });
                }
                Break(())
            }
            RequestCheck::Reset => {
                self.reset_by_peer(cx);
                Break(())
            }
        }
    }

    /// The SYN-ACK of a Fast Open: the first, or again.
    pub(super) fn send_request_syn_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<crate::Transmit> {
        let config = self.config.clone();
        let open = self.fast_open.as_mut()?;
        let request = open.request.as_mut()?;
        let Due { syn_ack, .. } = &mut self.due;
        let why = syn_ack.take()?;
        let transmit = request.syn_ack_with(cx, &config, open.cookie.take());
        // As on Linux it is not the connection that sends it.
        self.stats.not_ours(1);
        if why == TxReason::SynAckRetransmit {
            self.snd.total_retrans = self.snd.total_retrans.saturating_add(1);
        }
        Some(transmit)
    }

    /// The handshake's last ACK comes when the connection has long been used (RFC 7413 §4.2.2).
    pub(super) fn complete_fast_open<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> ControlFlow<()> {
        self.change(cx, |halves| halves.ack_syn());
        self.just_established = true;
        self.woke |= Readiness::WRITABLE;
        self.ecn_fast_opened(cx, segment);
        self.process_ack(cx, segment);
        self.ecn_agreed(cx);
        self.request_is_complete(cx, segment);
        self.start_keepalive(cx);
        if self.halves.over() { Break(()) } else { Continue(()) }
    }

    /// The SYN-ACK needs not be repeated any more: its timer is what it always is, and a FIN that waited may go.
    fn request_is_complete<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ack: &Segment) {
        let Some(open) = &mut self.fast_open else { return };
        let Some(request) = open.request.take() else { return };
        let shut = core::mem::take(&mut open.shut);
        if self.snd.rtt.srtt().is_none()
            && let Some(rtt) = request.round_trip(cx.now, ack)
        {
            self.take_rtt_sample(cx, rtt);
        }
        self.snd.retransmits = 0;
        self.snd.backoff = 0;
        self.snd.last_sent = cx.now;
        self.snd.delivery.after_handshake();
        self.due.syn_ack = None;
        self.timers.stop(Timer::Rto);
        if !self.snd.records.is_empty() {
            self.timers.start(cx, Timer::Rto, self.snd.backed_off_rto());
        }
        if shut && !self.halves.over() {
            self.queue_fin(cx);
        }
    }

    /// The SYN-ACK's timer ran out: it goes once more than one without Fast Open does (Linux's `tcp_fastopen_synack_timer`).
    pub(super) fn request_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.count(Counter::TcpExtTCPTimeouts);
        let most = self.config.syn_ack_retries.saturating_add(1);
        let Some(timeouts) = self.request_mut().map(|request| request.timed_out()) else { return };
        if timeouts > most {
            return self.give_up(cx);
        }
        if self.snd.retransmits == 1 {
            self.on_rto(cx, false);
        }
        self.due.syn_ack = Some(TxReason::SynAckRetransmit);
        self.snd.retransmits = self.snd.retransmits.saturating_add(1);
        self.stats.on_rto(cx.now, timeouts == 1);
        self.timers.start(cx, Timer::Rto, Rto::INITIAL.backed_off(timeouts.into(), Rto::MAX));
    }

    // ---- the active side

    /// Our SYN tried Fast Open, and the SYN-ACK, or a SYN that crossed it, is here: the data that went with the SYN is
    /// outstanding since then.
    pub(crate) fn syn_carried<O: Observer>(&mut self, cx: &mut Cx<'_, O>, open: &FastOpen, sent_at: Instant) {
        let len = open.len();
        if let Some(mut data) = open.data.clone().filter(|_| len > 0) {
            let append = Append { goal: len, ..self.append(WriteFlags::empty()) };
            self.snd.queue.write_chunk(cx.pool, &mut data, &append);
            self.snd.queue.end_write(true, &append);
            self.snd.queue.pieces.take(len);
            let end = self.snd.nxt() + len;
            // As on Linux it is no small segment to Nagle's algorithm, however small.
            let shape = Shape { push: true, ..Shape::SINGLE };
            let snapshot = self.snd.delivery.on_sent(sent_at, true, 1, 0);
            self.snd.records.on_sent(end, sent_at, snapshot, shape);
            self.stats.on_syn_data_sent(len);
            self.chrono_start(sent_at, Busy::Sending);
        }
        self.fast_open = Some(Box::new(FastOpenState {
            asked: open.option.is_some(),
            sent_data: len > 0,
            checks_path: open.checks_path,
            failure: if open.cookie_unavailable { FastOpenFailure::CookieUnavailable } else { FastOpenFailure::None },
            data_end: self.snd.nxt(),
            ..FastOpenState::default()
        }));
    }

    /// The SYN-ACK that answers a Fast Open (RFC 7413 §4.2.1; Linux's `tcp_rcv_fastopen_synack`): data that it does not
    /// acknowledge goes again at once, which says nothing of congestion; else the data that it brings itself is taken.
    pub(crate) fn fast_open_answered<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        open: &FastOpen,
        syn_retransmissions: u8,
        syn_ack: &mut Segment,
    ) {
        self.acknowledge_syn_data(cx, syn_ack.ack);
        let unacked = !self.snd.records.is_empty();
        let cookie = syn_ack.options.fast_open.filter(|cookie| open.option.is_some() && !cookie.as_slice().is_empty());
        let retransmitted = syn_retransmissions > 0;
        let Some(state) = &mut self.fast_open else { return };
        if open.option.is_none() && open.data.is_none() {
            return;
        }
        let ignored = state.asked && !retransmitted && cookie.is_none() && !state.sent_data;
        let experimental = open.option.is_some_and(|option| option.experimental);
        state.answer = Some(FastOpenAnswer {
            mss: syn_ack.options.mss.unwrap_or(0),
            cookie,
            syn_lost: state.asked && retransmitted && cookie.is_none() && unacked,
            unanswered: ignored.then_some(match experimental {
                true => RequestForm::Experimental,
                false => RequestForm::Standard,
            }),
        });
        if unacked {
            state.failure = match retransmitted {
                true => FastOpenFailure::SynRetransmitted,
                false => FastOpenFailure::DataNotAcked,
            };
            cx.count(Counter::TcpExtTCPFastOpenActiveFail);
            self.snd.recovery.on_smaller_path(&mut self.snd.records, 0);
            // The data acknowledges the SYN-ACK, too.
            self.due.ack = None;
            return self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
        }
        state.data_acked = state.sent_data;
        if state.data_acked {
            cx.count(Counter::TcpExtTCPFastOpenActive);
        }
        self.take_syn_ack_data(cx, syn_ack);
    }

    fn acknowledge_syn_data<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ack: SeqNum) {
        if self.snd.records.is_empty() {
            return;
        }
        self.snd.records.on_ack(ack, &[], cx.now);
        let freed = self.snd.queue.ack_to(cx.pool, self.snd.una());
        self.snd.bytes_acked += freed as u64;
        if self.snd.records.is_empty() {
            self.chrono_stop(cx.now, Busy::Sending);
        }
    }

    /// A server may answer at once, in its SYN-ACK.
    fn take_syn_ack_data<O: Observer>(&mut self, cx: &mut Cx<'_, O>, syn_ack: &mut Segment) {
        let fin = syn_ack.flags.contains(limpid_wire::TcpFlags::FIN);
        if syn_ack.payload.is_empty() && !fin {
            return;
        }
        let mut text = core::mem::take(syn_ack);
        text.seq += 1;
        text.flags -= limpid_wire::TcpFlags::SYN;
        // Both halves are open: nothing ends.
        let _ = self.process_text(cx, &mut text);
        self.due.ack_now(TxReason::HandshakeAck);
    }

    /// What the SYN-ACK told of Fast Open, once.
    pub fn take_fast_open_answer(&mut self) -> Option<FastOpenAnswer> {
        self.fast_open.as_mut()?.answer.take()
    }

    /// What this connection shows of Fast Open on its path, once.
    #[inline]
    pub fn take_fast_open_news(&mut self) -> Option<FastOpenNews> {
        self.fast_open.as_mut()?.news.take()
    }

    /// Why the data at `start` is sent again.
    pub(super) fn why_again(&self, start: SeqNum, why: TxReason) -> TxReason {
        match &self.fast_open {
            Some(open) if why == TxReason::PathMtuRetransmit && open.sent_data && start.before(open.data_end) => {
                TxReason::SynDataRetransmit
            }
            _ => why,
        }
    }

    /// A timeout: the third in a row, or the last, of a connection that began by Fast Open may be a black hole's work (Linux's
    /// `tcp_fastopen_active_detect_blackhole`).
    pub(super) fn suspect_black_hole<O: Observer>(&mut self, cx: &mut Cx<'_, O>, last: bool) {
        let timeouts = self.snd.retransmits;
        let Some(open) = &mut self.fast_open else { return };
        if (open.asked || open.sent_data || open.data_acked) && (timeouts == 2 || (timeouts < 2 && last)) {
            open.news = Some(FastOpenNews::BlackHole);
            cx.count(Counter::TcpExtTCPFastOpenActiveFail);
        }
    }

    /// A reset that is not where it must be, and nothing has come yet: something on the way wants the connection gone.
    pub(super) fn suspect_reset(&mut self) {
        let established = self.state() == TcpState::Established;
        let nothing_came = self.stats.data_segs_in() == 0;
        if let Some(open) = &mut self.fast_open
            && open.asked
            && established
            && nothing_came
        {
            open.news = Some(FastOpenNews::BlackHole);
        }
    }

    /// The same at the connection's end: a FIN that came alone and too early is a black hole's; data that came shows that there
    /// is none (Linux's `tcp_fastopen_active_disable_ofo_check`).
    pub fn last_fast_open_news(&mut self) -> Option<FastOpenNews> {
        let data_came = self.stats.data_segs_in() > 0;
        let fin_ahead = self.rcv.queue.is_only_fin_ahead();
        let open = self.fast_open.as_mut()?;
        let judged = match (open.asked, data_came) {
            (true, false) if fin_ahead => Some(FastOpenNews::BlackHole),
            (true, true) if open.checks_path => Some(FastOpenNews::Works),
            _ => None,
        };
        judged.or(open.news.take())
    }

    /// `tcpi_options` and `tcpi_fastopen_client_fail`: the SYN's data was taken; it is a child of Fast Open; why not.
    pub(super) fn fast_open_info(&self) -> (bool, bool, FastOpenFailure) {
        match &self.fast_open {
            Some(open) => (open.data_acked, open.child, open.failure),
            None => (false, false, FastOpenFailure::None),
        }
    }

    /// What the MSS that was stated is yet to be diminished by: as on Linux that happens at the handshake's end.
    pub(super) fn options_not_agreed(&self) -> u32 {
        let early = self.request().is_some() && self.negotiated.timestamps;
        if early { crate::negotiate::TIMESTAMPS_LEN.into() } else { 0 }
    }

    /// An ACK that acknowledges nothing of what was sent, before the handshake is complete: a reset, and no more.
    pub(super) fn refuse_opening_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ack: SeqNum) -> ControlFlow<()> {
        self.due.reset = Some(Reset { seq: ack, with_ack: false, why: TxReason::ResetBadAck });
        self.drop(cx, DropReason::AckTooHigh)
    }
}
