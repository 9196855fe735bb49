//! A connection whose peer is known: two one-way streams that close apart (RFC 9293 §3.3, §3.10).
//!
//! | file | what | RFC |
//! |---|---|---|
//! | `halves` | the two halves, and the state's name that follows | 9293 §3.3.2 |
//! | `input` | a segment arrives: the order of checks | 9293 §3.10.7.4, 5961, 7323 |
//! | `fast_path` | the two commonest segments, without that order | |
//! | `ack` | the acknowledgement field: window, samples, recovery | 9293 §3.10.7.4 (fifth), 5681, 6582 |
//! | `recover` | what recovery finds out, for the controller, counters, and those who watch | 5681, 6582, 9937, 4015 |
//! | `detect` | loss detection's timers and probes | 8985 |
//! | `text` | data and FIN, and when to acknowledge them | 9293 §3.10.7.4 (seventh, eighth) |
//! | `output` | `poll_transmit`: what leaves next | 9293 §3.8.6, 6298 |
//! | `segmentation` | how what is new is cut, and whether it may leave now | 9293 §3.8.6, 5681 |
//! | `path_mtu` | what the path takes, as it becomes known | 1191, 8201, 4821, 5927 |
//! | `timeout` | what each timer does | 9293 §3.8, §3.10.8, 6298, 5482 |
//! | `fast_open` | data with the SYN, both sides | 7413 |
//! | `close` | close, shutdown, abort, and the end | 9293 §3.6, §3.10.4, §3.10.5 |
//! | `rest` | idle connections, packed | |
//! | `layout` | what lies side by side in memory | |
//! | `stats`, `info` | what is counted, and `tcp_info` | 4898 |
//! | `ecn` | marks that arrive, and that the peer tells of | 3168, 9768 |
//! | `app` | write, read, readiness | 9293 §3.10.2, §3.10.3 |
//! | `watch` | when writes left and were acknowledged | |

mod ack;
mod app;
mod close;
mod detect;
mod ecn;
mod fast_open;
mod fast_path;
mod halves;
mod info;
mod input;
mod layout;
mod lesson;
mod output;
mod path_mtu;
mod rcv;
mod recover;
mod rest;
mod segmentation;
mod snd;
mod stats;
#[cfg(test)]
mod tests;
mod text;
mod timeout;
mod watch;

pub(crate) use segmentation::GSO_MAX;
pub(crate) use timeout::time_of_data_retries;

pub use app::{RecvBounds, Remnant, StreamPosition};
pub use lesson::PathLesson;
pub use rest::Resting;
pub use watch::{MAX_MARKS, MAX_NOTICES, Notice, Stamps};

use crate::clock::{AnswerLimit, TsClock, TsRecent};
use crate::congestion::{CongestionControl, Controller, Start};
use crate::ecn::{EcnHandshake, EcnState};
use crate::negotiate::{InitialWindow, Negotiated};
use crate::syn_sent::OpenParams;
use crate::timer::Timers;
use crate::user_timeout;
use crate::{Config, Cx, Next, Outcome, Readiness, Signature};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use fast_open::FastOpenState;
use halves::{Halves, SendHalf};
use limpid_event::{Error, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::tcp::UserTimeout;
use limpid_wire::{Segment, SeqNum};
use rcv::Rcv;
use snd::Snd;
use stats::Stats;

/// A TCP connection.
///
/// The order is that of the memory, so that what each segment touches lies side by side (`layout`).
#[repr(C)]
pub struct Connection {
    rcv: Rcv,
    timers: Timers,
    config: Arc<Config>,
    /// When an acceptable segment came last.
    last_heard: Instant,
    negotiated: Negotiated,
    halves: Halves,
    /// What newly happened for the application since the last [`Outcome`].
    woke: Readiness,
    /// Zero-window probes or keepalives since the peer was last heard of.
    probes_out: u8,
    /// The open that was in progress has just succeeded.
    just_established: bool,
    app: App,
    due: Due,
    ecn: EcnState,
    stats: Stats,
    snd: Snd,
    /// One answer an interval to segments that are not acceptable.
    limit: AnswerLimit,
    /// What the peer advised for our user timeout last (RFC 5482).
    peer_user_timeout: Option<UserTimeout>,
    params: OpenParams,
    /// What Fast Open has to do with it, if anything.
    fast_open: Option<Box<FastOpenState>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("Connection");
        s.field("state", &self.state()).field("unacknowledged", &self.unacknowledged());
        s.field("readable", &self.readable_len()).finish_non_exhaustive()
    }
}

/// What concerns the application.
#[derive(Clone, Copy, Debug, Default)]
struct App {
    /// It has closed its socket; this is an orphan.
    gone: bool,
    /// It has shut down reading.
    read_shut: bool,
    /// A write found too little room, so that it is to be told of more.
    wants_room: bool,
    /// Waits to be taken (SO_ERROR).
    error: Option<Error>,
    /// Trouble on the path that did not end the connection; the reason given if it times out.
    soft_error: Option<Error>,
}

/// What is to be sent besides data.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    reset: Option<Reset>,
    /// The SYN-ACK of crossed SYNs.
    syn_ack: Option<TxReason>,
    ack: Option<TxReason>,
    /// Duplicate ACKs: the peer counts them (RFC 5681 §3.2), so each is sent.
    duplicate_acks: u8,
    /// A zero-window probe or keepalive.
    probe: Option<TxReason>,
    /// Its first half has left, which tells of urgent data.
    urgent_told: bool,
    /// The ACK that is due answers a SYN or SYN-ACK: with accurate ECN it tells how that arrived.
    reflect: bool,
    /// The next segment tells our user timeout (RFC 5482).
    user_timeout: bool,
}

/// A reset to send.
#[derive(Clone, Copy, Debug)]
struct Reset {
    seq: SeqNum,
    /// With ACK, window and options: our own; without: the answer to a segment with ACK (RFC 9293 §3.5.2).
    with_ack: bool,
    why: TxReason,
}

impl Due {
    /// An ACK should leave without delay.
    fn ack_now(&mut self, why: TxReason) {
        if why == TxReason::DuplicateAck {
            self.duplicate_acks = self.duplicate_acks.saturating_add(1);
        } else {
            self.ack = Some(why);
        }
    }

    fn take_ack(&mut self) -> Option<TxReason> {
        if self.duplicate_acks == 0 {
            return self.ack.take();
        }
        self.duplicate_acks -= 1;
        self.ack = None;
        Some(TxReason::DuplicateAck)
    }

    /// A segment with an ACK left for another reason; it stands for one that was due.
    fn ack_rode_along(&mut self) {
        self.ack = None;
        self.reflect = false;
        self.duplicate_acks = self.duplicate_acks.saturating_sub(1);
    }

    fn only_reset(&mut self) {
        *self = Due { reset: self.reset, ..Due::default() };
    }
}

/// All that an opening hands over.
pub(crate) struct Birth {
    pub(crate) config: Arc<Config>,
    pub(crate) params: OpenParams,
    pub(crate) irs: SeqNum,
    pub(crate) negotiated: Negotiated,
    /// The window we offered in our SYN.
    pub(crate) window: InitialWindow,
    /// The window the peer offered in its SYN, bytes.
    pub(crate) snd_wnd: u32,
    pub(crate) ts_recent: Option<TsRecent>,
    /// When our SYN or SYN-ACK left first.
    pub(crate) syn_sent_at: Instant,
    /// How often our SYN or SYN-ACK had to be repeated.
    pub(crate) syn_retransmissions: u8,
    /// The round trip of the handshake, if it could be measured.
    pub(crate) rtt: Option<Duration>,
    /// What was agreed on about ECN.
    pub(crate) ecn: EcnHandshake,
    /// [`Instant::MAX`] if there is none.
    pub(crate) connect_deadline: Instant,
    /// What the peer's SYN said of its user timeout, if that is heeded.
    pub(crate) peer_user_timeout: Option<UserTimeout>,
}

impl Connection {
    /// Our SYN was answered with a SYN-ACK: an ACK is due.
    pub(crate) fn active<O: Observer>(
        cx: &mut Cx<'_, O>,
        birth: Birth,
        syn_ack: &Segment,
        write_pending: bool,
    ) -> Connection {
        let syns = birth.syn_retransmissions.saturating_add(1);
        let mut connection = Connection::established(cx, birth);
        connection.stats = Stats::new(cx.now, true, syns);
        connection.begin_mtu_search(cx, true);
        cx.state(TcpState::SynSent, TcpState::Established);
        connection.ecn_connected(cx, syn_ack);
        if connection.config.quick_ack && connection.config.defer_accept == 0 && !write_pending {
            connection.due.ack_now(TxReason::HandshakeAck);
        } else {
            connection.defer_handshake_ack(cx);
        }
        connection
    }

    /// The last ACK of the handshake waits for data to ride on (Linux: TCP_QUICKACK off, or TCP_DEFER_ACCEPT on who connects).
    fn defer_handshake_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let due = self.rcv.ack.defer_handshake(cx.now, self.rcv.window.offered());
        self.timers.start(cx, Timer::DelayedAck, due.since(cx.now));
    }

    /// The peer's ACK completed the handshake that it began; what came with the ACK is taken, too.
    pub(crate) fn passive<O: Observer>(cx: &mut Cx<'_, O>, mut birth: Birth, mut ack: Segment) -> Connection {
        birth.ecn.look_at(ack.options.acc_ecn.as_ref());
        let delivered_ce = birth.ecn.on_third_ack(birth.config.ecn_fallback, &ack);
        let mut connection = Connection::established(cx, birth);
        connection.begin_mtu_search(cx, false);
        cx.state(TcpState::SynReceived, TcpState::Established);
        connection.stats.on_received(&ack);
        connection.ecn_accepted(cx, delivered_ce, &ack);
        connection.segment_arrives(cx, &mut ack);
        connection.ecn_agreed(cx);
        // The connection is new to its owner, who asks for its readiness as a whole.
        let _ = connection.outcome();
        connection
    }

    /// A SYN crossed ours: SYN-RECEIVED, and a SYN-ACK is due.
    pub(crate) fn crossed<O: Observer>(cx: &mut Cx<'_, O>, birth: Birth) -> Connection {
        let deadline = birth.connect_deadline;
        let syns = birth.syn_retransmissions.saturating_add(1);
        let mut connection = Connection::new(cx.now, birth, Halves::new(false));
        connection.stats = Stats::new(cx.now, true, syns);
        cx.state(TcpState::SynSent, TcpState::SynReceived);
        if deadline < Instant::MAX {
            connection.timers.postpone(Timer::ConnectDeadline, deadline);
        }
        connection.due.syn_ack = Some(TxReason::SynAck);
        connection
    }

    fn established<O: Observer>(cx: &mut Cx<'_, O>, birth: Birth) -> Connection {
        let rtt = birth.rtt;
        let mut connection = Connection::new(cx.now, birth, Halves::new(true));
        match rtt {
            Some(rtt) => connection.take_rtt_sample(cx, rtt),
            None => connection.snd.rtt.on_syn_loss(),
        }
        connection.snd.heed_known(&connection.params);
        connection.snd.last_sent = cx.now;
        connection.expand_send_buffer();
        connection.snd.congestion.on_established(rtt);
        connection.update_pacing_rate();
        connection.start_keepalive(cx);
        connection
    }

    fn new(now: Instant, birth: Birth, halves: Halves) -> Connection {
        let mut rcv = Rcv::new(now, &birth);
        rcv.heed_config(&birth.config);
        Connection {
            snd: Snd::new(&birth, halves.syn_acked()),
            rcv,
            ecn: EcnState::new(birth.ecn),
            params: birth.params,
            negotiated: birth.negotiated,
            halves,
            app: App::default(),
            due: Due { user_timeout: birth.config.user_timeout_option, ..Due::default() },
            peer_user_timeout: birth.peer_user_timeout,
            timers: Timers::new(),
            limit: AnswerLimit::default(),
            probes_out: 0,
            last_heard: now,
            woke: Readiness::empty(),
            just_established: false,
            stats: Stats::new(now, false, 0),
            fast_open: None,
            config: birth.config,
        }
    }

    /// RFC 9293's name of the state, derived from the two halves.
    pub fn state(&self) -> TcpState {
        self.halves.state()
    }

    /// Changes the halves and tells if the state has another name now.
    fn change<O: Observer>(&mut self, cx: &mut Cx<'_, O>, change: impl FnOnce(&mut Halves)) {
        let from = self.state();
        change(&mut self.halves);
        cx.state(from, self.state());
    }

    /// What has come of an input, and what the owner has to do. [`Next::TimeWait`] and [`Next::Ended`] are said again by each
    /// later outcome.
    fn outcome(&mut self) -> Outcome {
        let orphan = self.app.gone;
        let next = match self.state() {
            TcpState::Closed => Next::Ended(self.app.error),
            TcpState::TimeWait => Next::TimeWait,
            TcpState::FinWait2 if orphan => Next::TimeWait,
            _ if core::mem::take(&mut self.just_established) => Next::Established,
            _ => Next::Continue,
        };
        Outcome { next, woke: core::mem::take(&mut self.woke) }
    }

    /// An ICMP unreachable or time-exceeded quoted a segment in flight (checked by the caller with
    /// [`in_flight`](Self::in_flight)): a soft error here, which becomes the reason if the connection times out
    /// (RFC 5927 §5.2, RFC 5461 §4). While the opening is still in progress it ends it, as on Linux. With
    /// [`recv_err`](Config::recv_err) it is also a pending error at once, and the connection goes on.
    pub fn handle_icmp<O: Observer>(&mut self, cx: &mut Cx<'_, O>, error: Error) -> Outcome {
        if self.halves.over() {
            return self.outcome();
        }
        if self.is_opening() {
            self.end(cx, Some(error));
        } else {
            self.note_soft_error(error);
            cx.emit(|| Event::SoftError { error });
        }
        self.outcome()
    }

    /// An ICMP error that does not end the connection: the application hears of it now if it wants to (IP_RECVERR), else only if
    /// the connection times out (RFC 1122 §4.2.3.9).
    fn note_soft_error(&mut self, error: Error) {
        if self.config.recv_err {
            self.app.error = Some(error);
            self.woke |= Readiness::ERROR;
        } else {
            self.app.soft_error = Some(error);
        }
    }

    /// Segments are signed from now on, or not any more, or otherwise.
    pub fn set_signature(&mut self, signature: Signature) {
        self.params.signature = signature;
    }

    /// Other settings, from setsockopt. Those that only an opening looks at have no effect any more.
    pub fn configure<O: Observer>(&mut self, cx: &mut Cx<'_, O>, config: Arc<Config>) -> Outcome {
        if config.congestion != self.config.congestion {
            // It goes on from the window and threshold of the one before, as on Linux.
            let (window, ssthresh) = (self.snd.congestion.window(), self.snd.congestion.ssthresh());
            let initial = u32::from(config.initial_cwnd);
            let (mss, seed) = (self.snd.mss.into(), self.params.isn.0);
            let start = Start { now: cx.now, window, ssthresh, initial, mss, srtt: self.snd.rtt.srtt(), seed };
            self.snd.congestion = CongestionControl::new(&config, &start);
        }
        let before = core::mem::replace(&mut self.config, config);
        if !self.halves.over() {
            self.snd.rtt.set_bounds(self.config.rto_min, self.config.rto_max);
            self.keepalive_changed(cx, before.keepalive);
            self.tell_of_room();
        }
        self.configure_receiving(&before);
        self.due.user_timeout |= user_timeout::advertised(&self.config) != user_timeout::advertised(&before);
        if self.config.send_buffer_fixed {
            self.snd.buffer = self.config.send_buffer;
        }
        // As Linux: Nagle's algorithm switched off lets go what waits, and so does pulling the cork without it.
        let (flushed, uncorked) = (!before.no_delay && self.config.no_delay, before.cork && !self.config.cork);
        self.snd.push_small |= flushed || (uncorked && self.config.no_delay);
        self.snd.push_due |= flushed || uncorked;
        self.outcome()
    }

    /// TCP_QUICKACK: whether ACKs may wait for an answer to ride on. Switched on, one that is owed leaves now if nothing waits
    /// to be read; true if one was.
    pub fn set_quick_ack(&mut self, quick: bool) -> bool {
        if !quick {
            self.rcv.ack.enter_pingpong();
            return false;
        }
        let owed = self.rcv.ack.leave_pingpong();
        let owed = owed && matches!(self.state(), TcpState::Established | TcpState::CloseWait);
        if owed {
            self.acknowledge_reading(1);
        }
        owed
    }

    /// TCP_QUICKACK as it is now.
    pub fn quick_ack(&self) -> bool {
        !self.rcv.ack.is_pingpong()
    }

    /// The settings in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// True if `seq` is sent and not yet acknowledged: what an ICMP quote must name (RFC 5927 §4.1). As Linux it may also be
    /// the number that comes next, which bare ACKs have.
    pub fn in_flight(&self, seq: SeqNum) -> bool {
        seq.within(self.oldest_quoted(), self.snd.nxt() + 1)
    }

    /// The next sequence number we would send: a later connection of the same pair starts above it.
    pub fn snd_nxt(&self) -> SeqNum {
        self.snd.nxt()
    }

    /// Bytes written, and our FIN if there is one, that the peer has not acknowledged: what a lingering close waits for.
    pub fn unacknowledged(&self) -> u32 {
        if self.halves.over() || self.halves.send() == SendHalf::FinAcked {
            return 0;
        }
        let fin = u32::from(self.halves.send() != SendHalf::Open);
        (self.snd.queue.end() - self.snd.queue.start()) + fin
    }

    fn clock(&self) -> TsClock {
        TsClock::new(self.params.ts_offset)
    }

    /// RCV.NXT: after the peer's SYN, its data in order, and its FIN.
    fn rcv_nxt(&self) -> SeqNum {
        self.rcv.queue.rcv_nxt()
    }
}
