//! SYN-RECEIVED of a passive open: embryonic, without a socket, at most 128 bytes (RFC 9293 §3.10.7.2, §3.10.7.4).
//!
//! The order of the checks is RFC 9293's, with Linux's leniency where they differ: a repeated SYN brings the SYN-ACK
//! again at once, and PAWS and the echoed timestamp are checked before anything else is believed (RFC 7323 §5.3).

use crate::clock::{AnswerLimit, TsClock, TsRecent};
use crate::connection::Birth;
use crate::ecn::{AccEcnFailure, AccEcnOptions, Accurate, EcnHandshake, EcnLevel};
use crate::negotiate::{self, InitialWindow, Negotiated, TIMESTAMPS_LEN};
use crate::recovery::Rto;
use crate::reply::{ack, control, reset_for};
use crate::syn_sent::OpenParams;
use crate::user_timeout;
use crate::{Config, Connection, Cx, Transmit};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use limpid_event::{Counter, DropReason, Error, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::tcp::{FastOpenCookie, Timestamps, UserTimeout};
use limpid_wire::{Segment, SeqNum, TcpFlags, TcpOptions};

/// An embryonic connection.
#[derive(Clone, Debug)]
pub struct SynReceived {
    params: OpenParams,
    irs: SeqNum,
    negotiated: Negotiated,
    ecn: EcnHandshake,
    window: InitialWindow,
    /// How many SYN-ACKs have left, for whatever reason; 0 also after a SYN cookie.
    copies: u8,
    /// How often the timer ran out.
    timeouts: u8,
    /// How many of the copies left because it did.
    retransmissions: u8,
    /// A last ACK came, without data, where the listener waits for some.
    acked: bool,
    /// Bytes of data that came with the SYN and were taken (RFC 7413).
    syn_data: u16,
    limit: AnswerLimit,
    ts_recent: Option<TsRecent>,
    /// What the SYN said of the peer's user timeout, if that is heeded (RFC 5482).
    peer_user_timeout: Option<UserTimeout>,
    /// TSval of our first SYN-ACK: no echo may be older.
    first_tsval: u32,
    /// TSval of our last SYN-ACK: no echo may be newer.
    last_tsval: u32,
    first_sent: Instant,
    retry_at: Instant,
}

/// What came of a segment to an embryonic connection.
#[must_use]
#[derive(Debug)]
pub enum SynReceivedOutcome {
    /// Nothing more; an answer may be sent (SYN-ACK again, challenge ACK, reset).
    Stay(Option<Transmit>),
    /// The final ACK is good: if there is room in the accept queue call [`SynReceived::establish`] with the same
    /// segment, else drop it (the SYN-ACK's timer lives on, as on Linux).
    Complete,
    /// It is over, because a good reset or a new SYN came; a reset may be sent.
    Reset(Option<Transmit>),
}

/// What a segment is to a connection whose handshake is not complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RequestCheck {
    /// Nothing speaks against it.
    Pass,
    Drop,
    /// The SYN came again: the SYN-ACK goes again.
    Repeat,
    /// An ACK tells where we are.
    Answer(TxReason),
    /// A reset goes to its sender, and nothing else happens.
    Refuse,
    /// It ends the connection.
    Reset,
}

/// What came of an embryonic connection's timer.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SynReceivedTimeout {
    /// The SYN-ACK is to be sent again: [`SynReceived::syn_ack`].
    Send,
    /// It waits on.
    Wait,
    /// Give up, and drop it.
    GiveUp,
}

impl SynReceived {
    /// Answers a SYN. The caller sends what [`syn_ack`](Self::syn_ack) gives.
    ///
    /// Data and FIN in the SYN are not taken; the peer sends them again (as on Linux, without Fast Open).
    pub fn new<O: Observer>(cx: &mut Cx<'_, O>, config: &Config, params: OpenParams, syn: &Segment) -> SynReceived {
        cx.received(syn);
        cx.state(TcpState::Listen, TcpState::SynReceived);
        let negotiated = Negotiated::from_syn(config, &params, &syn.options).signed(&params);
        let ts_recent = negotiate::ts_recent(&negotiated, syn, cx.now);
        let mut embryo = SynReceived::answering(config, params, syn.seq, negotiated, ts_recent, cx.now);
        embryo.peer_user_timeout = user_timeout::heeded(config, syn.options.user_timeout);
        embryo.with_ecn(EcnHandshake::of_syn(config, syn))
    }

    /// The same with what was agreed on about ECN.
    pub(crate) fn with_ecn(self, ecn: EcnHandshake) -> SynReceived {
        SynReceived { ecn, ..self }
    }

    /// The same, from what a SYN cookie brought back.
    pub(crate) fn answering(
        config: &Config,
        params: OpenParams,
        irs: SeqNum,
        negotiated: Negotiated,
        ts_recent: Option<TsRecent>,
        now: Instant,
    ) -> SynReceived {
        let mss = negotiate::advertised_mss(config, &params);
        let options = if negotiated.timestamps { TIMESTAMPS_LEN } else { 0 };
        let tsval = TsClock::new(params.ts_offset).val(now);
        SynReceived {
            params,
            irs,
            negotiated,
            ecn: EcnHandshake::default(),
            window: InitialWindow::select(config, negotiated.scaling, mss.saturating_sub(options)),
            copies: 0,
            timeouts: 0,
            retransmissions: 0,
            acked: false,
            syn_data: 0,
            limit: AnswerLimit::default(),
            ts_recent,
            peer_user_timeout: None,
            first_tsval: tsval,
            last_tsval: tsval,
            first_sent: now,
            retry_at: Instant::MAX,
        }
    }

    /// The window is in whole segments of `mss` from now on.
    pub(crate) fn offer_anew(&mut self, config: &Config, mss: u16) {
        self.window = InitialWindow::select(config, self.negotiated.scaling, mss);
    }

    /// The SYN-ACK, to be sent now.
    pub fn syn_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, config: &Config) -> Transmit {
        self.syn_ack_with(cx, config, None)
    }

    /// The same, with a Fast Open cookie (RFC 7413 §4.1.2).
    pub fn syn_ack_with<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        cookie: Option<FastOpenCookie>,
    ) -> Transmit {
        let why = if self.copies == 0 { TxReason::SynAck } else { TxReason::SynAckRetransmit };
        let mut transmit = self.build_syn_ack(cx.now, config, why);
        transmit.segment.options.fast_open = cookie;
        self.last_tsval = TsClock::new(self.params.ts_offset).val(cx.now);
        if self.copies == 0 {
            (self.first_sent, self.first_tsval) = (cx.now, self.last_tsval);
        } else {
            cx.count(Counter::TcpExtTCPSynRetrans);
        }
        cx.sent(&transmit, u32::from(self.copies));
        self.copies = self.copies.saturating_add(1);
        self.restart_timer(cx);
        transmit
    }

    fn restart_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let after = Rto::INITIAL.backed_off(u32::from(self.timeouts), Rto::MAX);
        self.retry_at = cx.now + after;
        cx.emit(|| Event::TimerSet { timer: Timer::SynAck, after });
    }

    pub(crate) fn build_syn_ack(&self, now: Instant, config: &Config, why: TxReason) -> Transmit {
        let mut options = TcpOptions {
            mss: Some(negotiate::advertised_mss(config, &self.params)),
            window_scale: self.negotiated.scaling.then(|| self.window.scale.shift()),
            sack_permitted: self.negotiated.sack,
            timestamps: self.timestamps(now),
            user_timeout: user_timeout::advertised(config),
            ..TcpOptions::default()
        };
        if self.ecn.level == EcnLevel::Accurate && self.copies == 0 && config.accecn_option != AccEcnOptions::Never {
            options.fit_acc_ecn(Accurate::first_option(), 0);
        }
        let segment = Segment {
            seq: self.params.isn,
            ack: self.rcv_nxt(),
            flags: TcpFlags::SYN | TcpFlags::ACK | self.ecn_flags(),
            window: self.window.syn_field(),
            options,
            ..Segment::default()
        };
        control(segment, why)
    }

    /// What the SYN-ACK grants. One that had to be repeated twice goes without: perhaps somebody drops what he does not know
    /// (RFC 9768 §3.1.4.2).
    fn ecn_flags(&self) -> TcpFlags {
        if self.ecn_gives_up() { TcpFlags::empty() } else { self.ecn.granting() }
    }

    /// What was agreed on, and what the SYN-ACKs have shown.
    pub(crate) fn ecn(&self) -> EcnHandshake {
        let mut ecn = self.ecn;
        ecn.failure.set(AccEcnFailure::ACE_SEND, ecn.failure.contains(AccEcnFailure::ACE_SEND) || self.ecn_gives_up());
        ecn
    }

    fn ecn_gives_up(&self) -> bool {
        self.ecn.level == EcnLevel::Accurate && self.timeouts > 1
    }

    fn timestamps(&self, now: Instant) -> Option<Timestamps> {
        let recent = self.ts_recent?;
        Some(Timestamps { val: TsClock::new(self.params.ts_offset).val(now), ecr: recent.val() })
    }

    /// The sequence number after the peer's SYN.
    fn rcv_nxt(&self) -> SeqNum {
        self.irs + 1 + u32::from(self.syn_data)
    }

    /// So many bytes of the SYN's data were taken: the SYN-ACK acknowledges them.
    pub(crate) fn take_syn_data(&mut self, len: u32) {
        self.syn_data = u16::try_from(len).unwrap_or(u16::MAX);
    }

    /// The connection is there at once, with the SYN's data (RFC 7413 §4.2.2): its first `poll_transmit` is the SYN-ACK, with
    /// `cookie` if there is one.
    pub fn fast_open<O: Observer>(
        self,
        cx: &mut Cx<'_, O>,
        config: Arc<Config>,
        syn: Segment,
        cookie: Option<FastOpenCookie>,
    ) -> Box<Connection> {
        cx.count(Counter::TcpPassiveOpens);
        // A SYN's window is never scaled.
        let birth = self.birth(config, syn.window.into(), None);
        Box::new(Connection::fast_opened(cx, birth, self, syn, cookie))
    }

    /// A segment arrived (RFC 9293 §3.10.7.4).
    pub fn handle_segment<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
    ) -> SynReceivedOutcome {
        cx.received(segment);
        let flags = segment.flags;
        let paws = self.paws_rejects(cx.now, segment);
        let syn_again = segment.seq == self.irs && flags & KIND == TcpFlags::SYN && !paws;
        if syn_again {
            self.ecn_syn_again(segment);
            return SynReceivedOutcome::Stay(self.answer_repeated_syn(cx, config, segment));
        }
        // Not our handshake: what a listener answers with a reset (RFC 9293 §3.10.7.2, second check). A reset is judged by its
        // sequence number alone.
        if flags & (TcpFlags::ACK | TcpFlags::RST) == TcpFlags::ACK && segment.ack != self.params.isn + 1 {
            return self.refuse_ack(cx, segment);
        }
        let forged = paws || self.echo_is_forged(segment);
        if forged || !self.in_window(segment) {
            return SynReceivedOutcome::Stay(self.answer_out_of_window(cx, config, segment, (forged, paws)));
        }
        // A SYN-ACK that only repeats the SYN lies before the window: its SYN is cut off.
        let new_syn = flags.contains(TcpFlags::SYN) && segment.seq != self.irs;
        if flags.contains(TcpFlags::RST) && segment.seq != self.rcv_nxt() {
            return SynReceivedOutcome::Stay(self.challenge(cx, config, segment));
        }
        if new_syn || flags.contains(TcpFlags::RST) {
            return self.reset(cx, segment);
        }
        if !flags.contains(TcpFlags::ACK) {
            cx.dropped(DropReason::NoAck);
            return SynReceivedOutcome::Stay(None);
        }
        if self.waits_for_data(config) && segment.seq_end() == self.rcv_nxt() {
            self.acked = true;
            cx.count(Counter::TcpExtTCPDeferAcceptDrop);
            cx.dropped(DropReason::AcceptDeferred);
            return SynReceivedOutcome::Stay(None);
        }
        SynReceivedOutcome::Complete
    }

    /// The newest SYN is the one to tell of. One that does not ask any more has met with trouble (RFC 9768 §3.1.5).
    fn ecn_syn_again(&mut self, syn: &Segment) {
        if self.ecn.level == EcnLevel::Accurate {
            self.ecn.syn_field = syn.ecn;
            self.ecn.failure.set(
                AccEcnFailure::ACE_RECEIVE,
                self.ecn.failure.contains(AccEcnFailure::ACE_RECEIVE) || syn.flags.ace() == 0,
            );
        }
    }

    /// TCP_DEFER_ACCEPT, and its time is not over.
    fn waits_for_data(&self, config: &Config) -> bool {
        self.timeouts < config.defer_accept
    }

    fn paws_rejects(&self, now: Instant, segment: &Segment) -> bool {
        match (self.ts_recent, segment.options.timestamps) {
            (Some(recent), Some(timestamps)) => recent.rejects(timestamps.val, now),
            _ => false,
        }
    }

    /// An echo must be of a TSval that one of our SYN-ACKs carried.
    fn echo_is_forged(&self, segment: &Segment) -> bool {
        match segment.options.timestamps {
            Some(Timestamps { ecr, .. }) if self.ts_recent.is_some() && ecr != 0 => {
                ecr.wrapping_sub(self.first_tsval) > self.last_tsval.wrapping_sub(self.first_tsval)
            }
            _ => false,
        }
    }

    /// First check, as Linux has it (`tcp_in_window`): any part of the segment in the window.
    fn in_window(&self, segment: &Segment) -> bool {
        let (low, high) = (self.rcv_nxt(), self.rcv_nxt() + self.window.window);
        let (seq, end) = (segment.seq, segment.seq_end());
        seq == low || (end.after(low) && high.after(seq)) || (seq == high && seq == end)
    }

    fn answer_repeated_syn<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
    ) -> Option<Transmit> {
        cx.dropped(DropReason::Duplicate);
        let held_back = Counter::TcpExtTCPACKSkippedSynRecv;
        cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back).then(|| self.syn_ack(cx, config))
    }

    fn refuse_ack<O: Observer>(&self, cx: &mut Cx<'_, O>, segment: &Segment) -> SynReceivedOutcome {
        cx.dropped(DropReason::AckTooHigh);
        let reset = reset_for(segment, TxReason::ResetBadAck);
        if let Some(reset) = &reset {
            cx.sent(reset, 0);
        }
        SynReceivedOutcome::Stay(reset)
    }

    fn answer_out_of_window<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
        (forged, paws): (bool, bool),
    ) -> Option<Transmit> {
        cx.dropped(if forged { DropReason::Paws } else { DropReason::OutsideWindow });
        if paws {
            cx.count(Counter::TcpExtPAWSEstab);
        }
        let held_back = Counter::TcpExtTCPACKSkippedSynRecv;
        let answer = !segment.flags.contains(TcpFlags::RST)
            && cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back);
        answer.then(|| self.plain_ack(cx, TxReason::DuplicateAck))
    }

    /// A reset in the window, but not exactly where it must be: is it the peer's (RFC 5961 §3.2)?
    fn challenge<O: Observer>(&mut self, cx: &mut Cx<'_, O>, config: &Config, segment: &Segment) -> Option<Transmit> {
        cx.dropped(DropReason::BlindReset);
        let held_back = Counter::TcpExtTCPACKSkippedChallenge;
        cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back).then(|| {
            cx.count(Counter::TcpExtTCPChallengeACK);
            self.plain_ack(cx, TxReason::ChallengeAck)
        })
    }

    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>` (RFC 9293 §3.10.7.4, first check).
    fn plain_ack<O: Observer>(&self, cx: &mut Cx<'_, O>, why: TxReason) -> Transmit {
        let options = TcpOptions { timestamps: self.timestamps(cx.now), ..TcpOptions::default() };
        let field = self.window.later_field();
        let transmit = ack(self.params.isn + 1, self.rcv_nxt(), field, options, why);
        cx.sent(&transmit, 0);
        transmit
    }

    /// Second and fourth check: a reset, or a new SYN, ends it; a SYN is answered with a reset.
    fn reset<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> SynReceivedOutcome {
        cx.count(Counter::TcpAttemptFails);
        cx.count(Counter::TcpExtEmbryonicRsts);
        let reset = reset_for(segment, TxReason::ResetBadAck);
        if let Some(reset) = &reset {
            cx.sent(reset, 0);
        }
        self.end(cx, Error::ConnectionReset);
        SynReceivedOutcome::Reset(reset)
    }

    fn end<O: Observer>(&self, cx: &mut Cx<'_, O>, error: Error) {
        cx.state(TcpState::SynReceived, TcpState::Closed);
        cx.emit(|| Event::Ended { error: Some(error) });
    }

    /// The SYN-ACK's timer ran out. While a listener waits for data behind the last ACK nothing is sent, but for one SYN-ACK at
    /// the end of its patience: the answer to that may be an ACK that is good enough.
    ///
    /// Called before its time it only repeats the SYN-ACK early; a stack calls it at `poll_timeout`'s deadline.
    pub fn handle_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>, config: &Config) -> SynReceivedTimeout {
        let nth = u32::from(self.timeouts) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::SynAck, nth });
        if self.timeouts >= config.syn_ack_retries && !(self.acked && self.waits_for_data(config)) {
            cx.count(Counter::TcpAttemptFails);
            self.end(cx, Error::TimedOut);
            return SynReceivedTimeout::GiveUp;
        }
        let last_chance = self.timeouts >= config.defer_accept.saturating_sub(1);
        self.timeouts = self.timeouts.saturating_add(1);
        if self.acked && !last_chance {
            self.restart_timer(cx);
            return SynReceivedTimeout::Wait;
        }
        cx.count(Counter::TcpExtTCPTimeouts);
        self.retransmissions = self.retransmissions.saturating_add(1);
        SynReceivedTimeout::Send
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        (self.retry_at < Instant::MAX).then_some((self.retry_at, Timer::SynAck))
    }

    /// The connection, with the segment that completed the handshake already handled (data and FIN in it count).
    pub fn establish<O: Observer>(mut self, cx: &mut Cx<'_, O>, config: Arc<Config>, ack: Segment) -> Box<Connection> {
        cx.count(Counter::TcpPassiveOpens);
        self.ecn = self.ecn();
        let rtt = self.round_trip(cx.now, &ack);
        // Whatever number the ACK has, its window is the peer's newest.
        let snd_wnd = u32::from(ack.window) << self.negotiated.snd_scale.shift();
        let birth = self.birth(config, snd_wnd, rtt);
        Box::new(Connection::passive(cx, birth, ack))
    }

    fn birth(&self, config: Arc<Config>, snd_wnd: u32, rtt: Option<Duration>) -> Birth {
        Birth {
            config,
            params: self.params,
            irs: self.irs,
            negotiated: self.negotiated,
            window: self.window,
            snd_wnd,
            ts_recent: self.ts_recent,
            syn_sent_at: self.first_sent,
            syn_retransmissions: self.copies.saturating_sub(1),
            rtt,
            ecn: self.ecn,
            connect_deadline: Instant::MAX,
            peer_user_timeout: self.peer_user_timeout,
        }
    }

    /// A segment for a connection that Fast Open began, before the handshake is complete: what of [`handle_segment`]'s checks
    /// there is no other place for (Linux's `tcp_check_req`). Its ACK is not looked at: the connection knows what it sent.
    ///
    /// [`handle_segment`]: Self::handle_segment
    pub(crate) fn check<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
    ) -> RequestCheck {
        let flags = segment.flags;
        let paws = self.paws_rejects(cx.now, segment);
        let held_back = Counter::TcpExtTCPACKSkippedSynRecv;
        if segment.seq == self.irs && flags & KIND == TcpFlags::SYN && !paws {
            cx.dropped(DropReason::Duplicate);
            self.ecn_syn_again(segment);
            let answer = cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back);
            return if answer { RequestCheck::Repeat } else { RequestCheck::Drop };
        }
        if paws || !self.in_window(segment) {
            cx.dropped(if paws { DropReason::Paws } else { DropReason::OutsideWindow });
            if paws {
                cx.count(Counter::TcpExtPAWSEstab);
            }
            let answer = !flags.contains(TcpFlags::RST)
                && cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back);
            return if answer { RequestCheck::Answer(TxReason::DuplicateAck) } else { RequestCheck::Drop };
        }
        let new_syn = flags.contains(TcpFlags::SYN) && segment.seq != self.irs;
        if flags.contains(TcpFlags::RST) && segment.seq != self.rcv_nxt() {
            cx.dropped(DropReason::BlindReset);
            let held_back = Counter::TcpExtTCPACKSkippedChallenge;
            if !cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back) {
                return RequestCheck::Drop;
            }
            cx.count(Counter::TcpExtTCPChallengeACK);
            return RequestCheck::Answer(TxReason::ChallengeAck);
        }
        if new_syn || flags.contains(TcpFlags::RST) {
            cx.count(Counter::TcpAttemptFails);
            return if flags.contains(TcpFlags::RST) { RequestCheck::Reset } else { RequestCheck::Refuse };
        }
        if !flags.contains(TcpFlags::ACK) {
            cx.dropped(DropReason::NoAck);
            return RequestCheck::Drop;
        }
        RequestCheck::Pass
    }

    /// The timer of a connection that Fast Open began ran out: how often it has by now.
    pub(crate) fn timed_out(&mut self) -> u8 {
        self.timeouts = self.timeouts.saturating_add(1);
        self.timeouts
    }

    /// Karn's rule: a SYN-ACK that was repeated, or sent as a cookie, tells the round trip only through its timestamp.
    pub(crate) fn round_trip(&self, now: Instant, ack: &Segment) -> Option<Duration> {
        if self.copies == 1 {
            return Some(now.since(self.first_sent));
        }
        let timestamps = ack.options.timestamps.filter(|_| self.negotiated.timestamps)?;
        TsClock::new(self.params.ts_offset).elapsed(now, timestamps.ecr)
    }

    #[cfg(test)]
    pub(crate) fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// Our initial sequence number, to check ICMP quotes.
    pub fn isn(&self) -> SeqNum {
        self.params.isn
    }

    /// SYN-ACKs sent again by the timer so far.
    pub fn retransmissions(&self) -> u8 {
        self.retransmissions
    }
}

/// The bits that tell what a segment is for. A FIN on a repeated SYN counts as little as data on it.
const KIND: TcpFlags = TcpFlags::SYN.union(TcpFlags::ACK).union(TcpFlags::RST);

const _: () = assert!(core::mem::size_of::<SynReceived>() <= 128);
