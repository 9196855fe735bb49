//! SYN-SENT: an active open whose peer has not yet answered (RFC 9293 §3.10.7.3, §3.8.3; RFC 6298 §5).
//!
//! The SYN is repeated by [`SynSchedule`](crate::SynSchedule) until an answer comes, the retries are used up, or the
//! application's own deadline has passed. A SYN that crosses ours makes a simultaneous open (RFC 9293 §3.5, figure 7).

use crate::clock::TsClock;
use crate::congestion::Algorithm;
use crate::connection::Birth;
use crate::ecn::{EcnHandshake, EcnLevel};
use crate::fast_open::{FastOpen, FastOpenFailure, room};
use crate::negotiate::{self, InitialWindow, Negotiated};
use crate::pack::packed;
use crate::reply::{control, reset_for};
use crate::user_timeout;
use crate::{Config, Connection, Cx, SynSchedule, TcpInfo, Transmit};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use limpid_event::{Call, Counter, DropReason, Error, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::{Chunks, Segment, SeqNum, TcpFlags};

/// How soon a SYN goes again that was answered by an ACK of something else (Linux's TCP_TIMEOUT_MIN, two ticks of 1 ms).
const AFTER_BAD_ACK: Duration = Duration::from_millis(2);

/// The segment size that is assumed of a peer while nothing is known of it (RFC 9293 §3.7.1),
const DEFAULT_MSS: u16 = 536;

/// and the size of what it sends (Linux's TCP_MIN_MSS).
const MIN_RCV_MSS: u32 = 88;

/// The least MSS that is stated because of the path (Linux's `min_adv_mss`).
const MIN_ADV_MSS: u16 = 256;

/// Linux's number of the state of loss (TCP_CA_Loss).
const LOSS: u8 = 4;

/// What the stack chooses for a new connection: all that depends on addresses, secrets and routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenParams {
    /// Initial sequence number (RFC 6528).
    pub isn: SeqNum,
    /// Offset of the timestamp clock, keyed by the address pair (RFC 7323 §5.4).
    pub ts_offset: u32,
    /// The largest MSS the route allows in either direction: MTU less headers without options.
    pub mss: u16,
    /// The MSS to state (a route's `advmss`); `None` states `mss`.
    pub adv_mss: Option<u16>,
    /// Length of an IP header without options: 20 or 40 bytes.
    pub ip_header_len: u8,
    /// The round-trip time of earlier connections to this peer, µs; 0 if none is known. It bounds the first timeout from below.
    pub known_rtt_micros: u32,
    /// The slow-start threshold that they left, segments; 0 if none is known.
    pub known_ssthresh: u32,
    /// How many segments overtook one that was not lost; 0 if none is known.
    pub known_reordering: u16,
    /// What a signature takes of each segment.
    pub signature: Signature,
    /// Super-segments up to so many payload bytes may be given to the device; at most one MSS means none.
    pub max_burst: u32,
}

impl Default for OpenParams {
    /// Ethernet and IPv4, no super-segments, numbers from zero.
    fn default() -> OpenParams {
        OpenParams {
            isn: SeqNum(0),
            ts_offset: 0,
            mss: 1460,
            adv_mss: None,
            ip_header_len: 20,
            known_rtt_micros: 0,
            known_ssthresh: 0,
            known_reordering: 0,
            signature: Signature::NONE,
            max_burst: 0,
        }
    }
}

/// What a signature takes of the options of each segment: TCP-MD5's (RFC 2385) or TCP-AO's (RFC 5925). Segments are signed by
/// whoever knows keys and addresses; here they only leave room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature(u8);

impl Signature {
    /// None.
    pub const NONE: Signature = Signature(0);
    /// TCP-MD5's: 20 bytes with padding. There are no timestamps beside it where SACK is, as on Linux.
    pub const MD5: Signature = Signature(u8::MAX);

    /// TCP-AO's: so many bytes, with padding.
    pub const fn ao(len: u8) -> Signature {
        Signature(len)
    }

    /// Bytes, with padding.
    pub const fn len(self) -> u8 {
        if self.is_md5() { 20 } else { self.0 }
    }

    /// True if there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn is_md5(self) -> bool {
        self.0 == u8::MAX
    }

    /// A SYN with it has no timestamps.
    pub(crate) const fn replaces_timestamps(self) -> bool {
        self.is_md5()
    }
}

impl OpenParams {
    /// The MSS of a peer that states none (RFC 9293 §3.7.1).
    pub(crate) fn default_peer_mss(&self) -> u16 {
        if self.ip_header_len > 20 { 1220 } else { 536 }
    }

    /// Bytes of the IP and TCP headers without options.
    pub(crate) fn headers_len(&self) -> u16 {
        u16::from(self.ip_header_len) + 20
    }
}

/// A connection in SYN-SENT.
#[derive(Debug)]
pub struct SynSent {
    config: Arc<Config>,
    params: OpenParams,
    window: InitialWindow,
    /// What the first SYN asks for, and the later ones as long as there is hope.
    ecn: EcnLevel,
    /// Why a SYN is to be sent, if one is.
    due: Option<TxReason>,
    retransmissions: u8,
    first_sent: Instant,
    /// When the SYN is repeated; [`Instant::MAX`] while none has left.
    retry_at: Instant,
    /// The application's deadline; [`Instant::MAX`] if it has none.
    deadline: Instant,
    /// No SYN has left: it waits for data to take along (RFC 7413; TCP_FASTOPEN_CONNECT).
    deferred: bool,
    /// Somebody waits to write: the handshake's last ACK can ride on that.
    write_pending: bool,
    /// The SYN went again because the path takes smaller packets.
    resent: bool,
    /// The timestamp of the peer's that it echoes; 0 if none is known.
    echo: u32,
    /// What the first SYN carries besides.
    fast_open: Option<Box<FastOpen>>,
}

/// What came of an input in SYN-SENT.
#[must_use]
#[derive(Debug)]
pub enum SynSentOutcome {
    /// Nothing changed; still waiting (the reason of a drop was told to the observer).
    Waiting(SynSent),
    /// The SYN-ACK came (ESTABLISHED), or a SYN crossed ours (SYN-RECEIVED); the ACK is in its `poll_transmit`.
    Connection(Box<Connection>),
    /// The open failed.
    Failed(Error),
}

impl SynSent {
    /// Starts an active open. The SYN is in `poll_transmit`.
    pub fn new<O: Observer>(cx: &mut Cx<'_, O>, config: Arc<Config>, params: OpenParams) -> SynSent {
        let mut syn_sent = SynSent::deferred(cx, config, params);
        syn_sent.start(cx, None);
        syn_sent
    }

    /// Begins an active open whose SYN waits for data: [`start`](Self::start) lets it go.
    pub fn deferred<O: Observer>(cx: &mut Cx<'_, O>, config: Arc<Config>, params: OpenParams) -> SynSent {
        cx.emit(|| Event::Call(Call::Connect));
        cx.state(TcpState::Closed, TcpState::SynSent);
        let window = InitialWindow::select(&config, config.window_scaling, negotiate::advertised_mss(&config, &params));
        let deadline = config.connect_deadline.map_or(Instant::MAX, |wait| cx.now + wait);
        if let Some(after) = config.connect_deadline {
            cx.emit(|| Event::TimerSet { timer: Timer::ConnectDeadline, after });
        }
        SynSent {
            ecn: config.ecn.offer,
            config,
            params,
            window,
            due: None,
            retransmissions: 0,
            first_sent: cx.now,
            retry_at: Instant::MAX,
            deadline,
            deferred: true,
            write_pending: false,
            resent: false,
            echo: 0,
            fast_open: None,
        }
    }

    /// The 4-tuple was another connection's, and this timestamp its peer's newest: the SYN echoes it.
    #[must_use]
    pub fn echoing(self, timestamp: u32) -> SynSent {
        SynSent { echo: timestamp, ..self }
    }

    /// The SYN is due, with what Fast Open adds to it. Does nothing if it was before.
    pub fn start<O: Observer>(&mut self, cx: &mut Cx<'_, O>, fast_open: Option<FastOpen>) {
        if !core::mem::take(&mut self.deferred) {
            return;
        }
        cx.count(Counter::TcpActiveOpens);
        let with_data = fast_open.as_ref().is_some_and(|open| open.len() > 0);
        self.fast_open = fast_open.map(Box::new);
        self.due = Some(if with_data { TxReason::SynData } else { TxReason::Syn });
        self.first_sent = cx.now;
    }

    /// The SYN waits for data.
    pub fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Somebody waits to write as soon as the open is complete, or not any more: the last ACK of the handshake waits for that.
    pub fn set_write_pending(&mut self, pending: bool) {
        self.write_pending = pending;
    }

    /// How many bytes of data a SYN may carry to a peer that stated `peer_mss` last time (RFC 7413 §4.2.1): so that with all
    /// options there may be it is one segment.
    pub fn fast_open_room(&self, peer_mss: Option<u16>) -> usize {
        let stated = negotiate::advertised_mss(&self.config, &self.params);
        let clamp = peer_mss.unwrap_or(stated).min(self.config.max_seg.unwrap_or(u16::MAX));
        room(self.params.mss.min(clamp).max(self.config.min_snd_mss))
    }

    /// The timeout that is due may be a black hole's work: the third in a row, or the last, of a SYN that tried Fast Open.
    pub fn suspects_black_hole(&self, now: Instant) -> bool {
        let tried = self.fast_open.as_ref().is_some_and(|open| open.option.is_some() || open.len() > 0);
        tried
            && self.retry_at <= now
            && (self.retransmissions == 2 || (self.retransmissions < 2 && self.is_in_vain(now)))
    }

    /// A segment arrived. A reset to answer with, if any, is returned beside the outcome.
    pub fn handle_segment<O: Observer>(
        mut self,
        cx: &mut Cx<'_, O>,
        segment: Segment,
    ) -> (SynSentOutcome, Option<Transmit>) {
        cx.received(&segment);
        let flags = segment.flags;
        if flags.contains(TcpFlags::ACK)
            && let Err(why) = self.check_ack(cx.now, &segment)
        {
            cx.dropped(why);
            let reset = reset_for(&segment, TxReason::ResetBadAck);
            if let Some(reset) = &reset {
                cx.sent(reset, 0);
            }
            match why {
                DropReason::Paws => cx.count(Counter::TcpExtPAWSActive),
                _ => self.ask_again_soon(cx),
            }
            return (SynSentOutcome::Waiting(self), reset);
        }
        let outcome = match (flags.contains(TcpFlags::RST), flags.contains(TcpFlags::ACK)) {
            (true, true) => self.fail(cx, Error::ConnectionRefused),
            (true, false) => self.ignore(cx, DropReason::NoAck),
            (false, _) if !flags.contains(TcpFlags::SYN) => self.ignore(cx, DropReason::NoSyn),
            (false, true) => self.establish(cx, segment),
            (false, false) => self.cross(cx, &segment),
        };
        (outcome, None)
    }

    /// The peer still has a connection that we know nothing of; our reset ends it there, and then a SYN is welcome. As
    /// Linux, the first repetition does not wait for its timeout.
    fn ask_again_soon<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if self.retransmissions == 0 && self.due.is_none() {
            self.retry_at = self.retry_at.min(cx.now + AFTER_BAD_ACK);
            cx.emit(|| Event::TimerSet { timer: Timer::Syn, after: AFTER_BAD_ACK });
        }
    }

    /// First check: the ACK must be of our SYN, and the echoed timestamp of one of our SYNs (RFC 9293 §3.10.7.3).
    fn check_ack(&self, now: Instant, segment: &Segment) -> Result<(), DropReason> {
        let most = self.fast_open.as_ref().map_or(0, |open| open.len());
        if segment.ack != self.params.isn + 1 && !segment.ack.within(self.params.isn + 1, self.params.isn + 2 + most) {
            return Err(DropReason::AckTooHigh);
        }
        let Some(timestamps) = segment.options.timestamps.filter(|ts| self.config.timestamps && ts.ecr != 0) else {
            return Ok(());
        };
        let clock = TsClock::new(self.params.ts_offset);
        let since_first = now.as_millis().saturating_sub(self.first_sent.as_millis());
        match clock.elapsed(now, timestamps.ecr) {
            Some(ago) if ago.as_millis() <= u128::from(since_first) => Ok(()),
            _ => Err(DropReason::Paws),
        }
    }

    fn ignore<O: Observer>(self, cx: &mut Cx<'_, O>, why: DropReason) -> SynSentOutcome {
        cx.dropped(why);
        SynSentOutcome::Waiting(self)
    }

    /// The SYN-ACK came: our SYN is acknowledged, and an ACK completes the handshake.
    fn establish<O: Observer>(mut self, cx: &mut Cx<'_, O>, mut syn_ack: Segment) -> SynSentOutcome {
        let rtt = self.round_trip(cx.now, &syn_ack);
        let (fast_open, sent_at) = (self.fast_open.take(), self.first_sent);
        let again = self.syns_again();
        let write_pending = self.write_pending;
        let ecn = EcnHandshake::of_syn_ack(self.ecn, &syn_ack);
        let birth = Birth { rtt, ecn, ..self.birth(cx.now, &syn_ack) };
        let mut connection = Box::new(Connection::active(cx, birth, &syn_ack, write_pending));
        if let Some(open) = fast_open {
            connection.syn_carried(cx, &open, sent_at);
            connection.fast_open_answered(cx, &open, again, &mut syn_ack);
        }
        SynSentOutcome::Connection(connection)
    }

    /// A SYN without ACK crossed ours: both are in SYN-RECEIVED now, and each answers with a SYN-ACK.
    fn cross<O: Observer>(mut self, cx: &mut Cx<'_, O>, syn: &Segment) -> SynSentOutcome {
        let (fast_open, sent_at) = (self.fast_open.take(), self.first_sent);
        // What the peer answers is our SYN-ACK, which leaves now.
        let ecn = EcnHandshake::of_crossed_syn(self.ecn, syn);
        let birth = Birth { syn_sent_at: cx.now, ecn, ..self.birth(cx.now, syn) };
        let mut connection = Box::new(Connection::crossed(cx, birth));
        if let Some(open) = fast_open {
            connection.syn_carried(cx, &open, sent_at);
        }
        SynSentOutcome::Connection(connection)
    }

    fn birth(self, now: Instant, syn: &Segment) -> Birth {
        let syn_retransmissions = self.syns_again();
        let negotiated = Negotiated::from_syn(&self.config, &self.params, &syn.options);
        let window = if negotiated.scaling {
            self.window
        } else {
            InitialWindow::select(&self.config, false, negotiate::advertised_mss(&self.config, &self.params))
        };
        let peer_user_timeout = user_timeout::heeded(&self.config, syn.options.user_timeout);
        Birth {
            ts_recent: negotiate::ts_recent(&negotiated, syn, now),
            config: self.config,
            params: self.params,
            irs: syn.seq,
            negotiated,
            window,
            snd_wnd: u32::from(syn.window),
            syn_sent_at: self.first_sent,
            syn_retransmissions,
            rtt: None,
            ecn: EcnHandshake::default(),
            connect_deadline: self.deadline,
            peer_user_timeout,
        }
    }

    /// The ECN bits of the SYN that leaves now. A SYN that gets no answer may have met somebody who drops those with ECN; one
    /// who asks for accurate ECN does it once more (RFC 3168 §6.1.1.1, RFC 9768 §3.1.4.1).
    fn ecn_flags(&self) -> TcpFlags {
        let hopeful = if self.ecn == EcnLevel::Accurate { 1 } else { 0 };
        match self.config.ecn_fallback && self.retransmissions > hopeful {
            true => TcpFlags::empty(),
            false => EcnHandshake::asking(self.ecn),
        }
    }

    /// Karn's rule: a SYN that was repeated tells the round trip only through its timestamp (RFC 6298 §3, RFC 7323 §4).
    fn round_trip(&self, now: Instant, syn_ack: &Segment) -> Option<Duration> {
        if self.syns_again() == 0 {
            return Some(now.since(self.first_sent));
        }
        let timestamps = syn_ack.options.timestamps.filter(|_| self.config.timestamps)?;
        TsClock::new(self.params.ts_offset).elapsed(now, timestamps.ecr)
    }

    /// A timer ran out. Does nothing before its time.
    pub fn handle_timeout<O: Observer>(mut self, cx: &mut Cx<'_, O>) -> SynSentOutcome {
        if self.deadline <= cx.now {
            cx.emit(|| Event::TimerFired { timer: Timer::ConnectDeadline, nth: 1 });
            return self.fail(cx, Error::TimedOut);
        }
        if self.retry_at > cx.now {
            return SynSentOutcome::Waiting(self);
        }
        let nth = u32::from(self.retransmissions) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::Syn, nth });
        if self.is_in_vain(cx.now) {
            cx.count(Counter::TcpExtTCPAbortOnTimeout);
            return self.fail(cx, Error::TimedOut);
        }
        cx.count(Counter::TcpExtTCPTimeouts);
        self.retransmissions += 1;
        self.retry_at = Instant::MAX;
        self.due = Some(TxReason::SynRetransmit);
        SynSentOutcome::Waiting(self)
    }

    /// True if there were as many retries as there may be, or as much time as they, or the user timeout, may take.
    fn is_in_vain(&self, now: Instant) -> bool {
        let retries = self.config.syn_retries;
        let too_many = self.retransmissions >= self.config.syn_schedule.retransmissions(retries);
        let patience = self.config.user_timeout.unwrap_or_else(|| SynSchedule::patience(retries));
        let too_long = now.since(self.first_sent) >= patience;
        too_many || (self.retransmissions > 0 && too_long)
    }

    /// An ICMP error quoted our SYN (its sequence number was checked by the caller). Any unreachable ends the connect
    /// (RFC 5461 §4; what Linux does).
    pub fn handle_icmp<O: Observer>(self, cx: &mut Cx<'_, O>, error: Error) -> SynSentOutcome {
        self.fail(cx, error)
    }

    /// The application gives the open up. Nothing is sent (RFC 9293 §3.10.4, §3.10.5).
    pub fn abort<O: Observer>(self, cx: &mut Cx<'_, O>) {
        cx.emit(|| Event::Call(Call::Abort));
        cx.state(TcpState::SynSent, TcpState::Closed);
        cx.emit(|| Event::Ended { error: None });
    }

    fn fail<O: Observer>(self, cx: &mut Cx<'_, O>, error: Error) -> SynSentOutcome {
        cx.count(Counter::TcpAttemptFails);
        cx.state(TcpState::SynSent, TcpState::Closed);
        cx.emit(|| Event::Ended { error: Some(error) });
        SynSentOutcome::Failed(error)
    }

    /// The SYN to send, if one is due.
    pub fn poll_transmit<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let why = self.due.take()?;
        let first = matches!(why, TxReason::Syn | TxReason::SynData);
        let mut segment = Segment {
            seq: self.params.isn,
            flags: TcpFlags::SYN | self.ecn_flags(),
            window: self.window.syn_field(),
            options: negotiate::syn_options(&self.config, &self.params, self.window, cx.now),
            ..Segment::default()
        };
        if let Some(timestamps) = &mut segment.options.timestamps {
            timestamps.ecr = self.echo;
        }
        // What repeats it carries neither (RFC 7413 §4.2.1).
        if let Some(open) = self.fast_open.as_ref().filter(|_| first) {
            segment.options.fast_open = open.option;
            segment.payload = open.data.clone().map(Chunks::from).unwrap_or_default();
        }
        let transmit = control(segment, why);
        if first {
            self.first_sent = cx.now;
        } else {
            cx.count(Counter::TcpExtTCPSynRetrans);
        }
        cx.sent(&transmit, u32::from(self.retransmissions));
        let mut after = self.config.syn_schedule.wait(self.retransmissions);
        if let Some(limit) = self.config.user_timeout.filter(|_| self.retransmissions > 0) {
            // As Linux: the user timeout is met exactly.
            after = after.min(limit.saturating_sub(cx.now.since(self.first_sent))).max(Duration::from_millis(1));
        }
        self.retry_at = cx.now + after;
        cx.emit(|| Event::TimerSet { timer: Timer::Syn, after });
        Some(transmit)
    }

    /// When to call `handle_timeout`, and for which timer. Where both are due at once it is the deadline.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let earliest = self.retry_at.min(self.deadline);
        let timer = if self.deadline == earliest { Timer::ConnectDeadline } else { Timer::Syn };
        (earliest < Instant::MAX).then_some((earliest, timer))
    }

    /// The settings in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Other settings, from setsockopt. What the SYN has offered stays as it is.
    pub fn configure(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// The path is another now: what is stated and sent from here on fits it.
    /// A SYN with data that was too large goes again at once, without (as Linux).
    pub fn handle_path(&mut self, mss: u16, max_burst: u32) {
        let carried = self.fast_open.as_ref().is_some_and(|open| open.len() > 0);
        if carried && mss < self.params.mss && self.retry_at < Instant::MAX && !self.resent {
            self.resent = true;
            self.due = Some(TxReason::SynRetransmit);
        }
        // As Linux: what fits the path is what is stated.
        self.params.adv_mss = self.params.adv_mss.map(|stated| stated.min(mss.max(MIN_ADV_MSS)));
        self.params.mss = mss;
        self.params.max_burst = max_burst;
    }

    /// Our initial sequence number, to check ICMP quotes.
    pub fn isn(&self) -> SeqNum {
        self.params.isn
    }

    /// Linux's `tcp_info`: there is a SYN in flight, or due.
    pub fn info(&self) -> TcpInfo {
        let (schedule, again) = (self.config.syn_schedule, self.retransmissions);
        let linear = match schedule {
            SynSchedule::Exponential => 0,
            SynSchedule::LinearThenExponential { linear } => linear,
        };
        let advertised = negotiate::advertised_mss(&self.config, &self.params);
        let options = if self.config.timestamps { negotiate::TIMESTAMPS_LEN } else { 0 };
        let unconnected = TcpInfo::unconnected(&self.config);
        let open = self.fast_open.as_ref();
        let data = open.map_or(0, |open| open.len());
        let carries = open.is_some_and(|open| !open.cookie_unavailable);
        let outstanding = u32::from(!self.deferred) + u32::from(carries);
        let assumed = match open.filter(|_| carries) {
            Some(open) => self.params.mss.min(open.peer_mss.unwrap_or(advertised)),
            None => advertised.min(DEFAULT_MSS),
        };
        TcpInfo {
            state: TcpState::SynSent,
            // Nothing is known of the peer.
            snd_mss: u32::from(assumed.saturating_sub(options)),
            rcv_mss: if self.deferred { 0 } else { MIN_RCV_MSS },
            advmss: if self.deferred { 0 } else { advertised.into() },
            ca_state: if again > 0 { LOSS } else { 0 },
            lost: if again > 0 { outstanding } else { 0 },
            snd_ssthresh: if again > 0 { self.threshold_after_loss() } else { unconnected.snd_ssthresh },
            rcv_wnd: self.window.window,
            rcv_ssthresh: self.window.window,
            retrans: u32::from(again > 0),
            snd_cwnd: if again > 0 { 1 } else { unconnected.snd_cwnd },
            retransmits: again,
            backoff: again.saturating_sub(linear),
            rto: u32::try_from(schedule.wait(again).as_micros()).unwrap_or(u32::MAX),
            unacked: outstanding,
            data_segs_out: u32::from(data > 0),
            bytes_sent: data.into(),
            fast_open_failure: if open.is_some_and(|open| open.cookie_unavailable) {
                FastOpenFailure::CookieUnavailable
            } else {
                FastOpenFailure::None
            },
            total_retrans: self.syns_again().into(),
            segs_out: u32::from(again) + u32::from(!self.deferred),
            total_rto: again.into(),
            total_rto_recoveries: u16::from(again > 0),
            ..unconnected
        }
    }

    /// As if a whole initial window were lost, which is what Linux tells.
    fn threshold_after_loss(&self) -> u32 {
        let window = u32::from(self.config.initial_cwnd);
        let left = if self.config.congestion == Algorithm::Cubic { window * 717 / 1024 } else { window / 2 };
        left.max(2)
    }

    /// SYNs sent again so far because nobody answered.
    pub fn retransmissions(&self) -> u8 {
        self.retransmissions
    }

    /// SYNs sent again so far, for whatever reason.
    fn syns_again(&self) -> u8 {
        self.retransmissions.saturating_add(u8::from(self.resent))
    }
}

packed!(struct OpenParams {
    isn, ts_offset, mss, adv_mss, ip_header_len, known_rtt_micros, known_ssthresh, known_reordering, signature, max_burst
});
packed!(struct Signature(_));
