//! What a listener does with a segment (RFC 9293 §3.10.7.2), with SYN cookies (RFC 4987 §3.6).

use crate::auth::FlowAuth;
use crate::demux::{FlowKey, Handle};
use crate::fast_open::Verdict;
use crate::flow::{Embryo, Hold, NewFlow, Owner, Phase};
use crate::iface::{Header, Path};
use crate::isn;
use crate::stack::{Stack, Wake};
use crate::{Readiness, RouteMetrics, SocketId, SynCookies};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use limpid_event::{Counter, DropReason, Event, FlowId, Instant, Observer, Opening, TcpState, TxReason};
use limpid_tcp::{Config, EcnLevel, OpenParams, SynReceived, cookie};
use limpid_wire::{Segment, SeqNum, TcpFlags};

/// How long after the last cookie an ACK may bring one back: as long as one is good.
const COOKIE_LIFE: Duration = Duration::from_secs(120);

impl<O: Observer> Stack<O> {
    /// A segment for no connection, but for a listener. A SYN that reopens what was in TIME-WAIT needs an initial sequence
    /// number after `isn_above`.
    pub(crate) fn handle_at_listener(
        &mut self,
        now: Instant,
        listener: SocketId,
        key: FlowKey,
        segment: Segment,
        header: Header,
        isn_above: Option<SeqNum>,
    ) {
        let flags = segment.flags;
        if flags.contains(TcpFlags::RST) {
            return self.drop_segment(now, FlowId::NONE, &segment, DropReason::NoConnection);
        }
        if flags.contains(TcpFlags::ACK) {
            return self.handle_cookie(now, listener, key, segment, header);
        }
        // SYN and FIN together are nobody's opening (Linux drops them, too).
        if !flags.contains(TcpFlags::SYN) || flags.contains(TcpFlags::FIN) {
            return self.drop_segment(now, FlowId::NONE, &segment, DropReason::NoAck);
        }
        let max_syn_backlog = self.config.max_syn_backlog;
        let Some(l) = self.sockets.listener_mut(listener) else { return };
        if l.is_full() {
            self.env.counters.bump(Counter::TcpExtListenOverflows);
            self.env.counters.bump(Counter::TcpExtListenDrops);
            return self.drop_segment(now, FlowId::NONE, &segment, DropReason::AcceptQueueFull);
        }
        // A SYN that takes a TIME-WAIT's place has to have a number above it, which a cookie is not.
        let always = self.config.syn_cookies == SynCookies::Always && isn_above.is_none();
        if always || l.syn_queue >= l.syn_bound(max_syn_backlog) {
            return self.overflow(now, listener, key, &segment);
        }
        if l.config.defer_syn_ack {
            return self.hold_syn(now, listener, (key, header), segment, isn_above);
        }
        let id = self.next_flow_id();
        self.env.cx(now, id).emit(|| opened(&key, Opening::Passive));
        self.answer_syn(now, listener, (key, id), &segment, isn_above);
    }

    /// The SYN queue is full, or counts as full: a cookie keeps no state.
    fn overflow(&mut self, now: Instant, listener: SocketId, key: FlowKey, syn: &Segment) {
        if self.config.syn_cookies == SynCookies::Never {
            self.env.counters.bump(Counter::TcpExtTCPReqQFullDrop);
            self.env.counters.bump(Counter::TcpExtListenDrops);
            return self.drop_segment(now, FlowId::NONE, syn, DropReason::SynQueueFull);
        }
        self.env.counters.bump(Counter::TcpExtTCPReqQFullDoCookies);
        let Some(path) = self.path_of(now, &key, self.sockets.ip(listener)) else {
            return self.drop_segment(now, FlowId::NONE, syn, DropReason::NoRoute);
        };
        let Some(l) = self.sockets.listener_mut(listener) else { return };
        l.last_cookie = Some(now);
        let config = by_route(l.tcp.clone(), &path);
        let mut auth = self.auth_for(listener, key.remote.addr);
        let params = self.open_params(now, &key, &path, auth.as_deref());
        let mac = self.cookie_mac(&key);
        let mut transmit = cookie::answer(&mut self.env.cx(now, FlowId::NONE), &config, params, syn, mac);
        if let Some(auth) = &mut auth {
            auth.sign(&key, &mut transmit.segment);
        }
        self.send_for_listener(now, listener, (&key, FlowId::NONE), transmit);
    }

    /// An ACK for no connection: it may bring back a cookie; else it is answered with a reset.
    fn handle_cookie(&mut self, now: Instant, listener: SocketId, key: FlowKey, ack: Segment, header: Header) {
        let Some(l) = self.sockets.listener(listener) else { return };
        let recent = l.last_cookie.is_some_and(|at| now.since(at) < COOKIE_LIFE);
        let plain = !ack.flags.contains(TcpFlags::SYN);
        let (config, full) = (l.tcp.clone(), l.is_full());
        let path = self.path_of(now, &key, self.sockets.ip(listener));
        let (true, Some(path)) = (recent && plain, path) else {
            self.drop_segment(now, FlowId::NONE, &ack, DropReason::NoConnection);
            return self.reset_stranger(now, &key, &ack, header, TxReason::ResetNoConnection);
        };
        let config = by_route(config, &path);
        let mut auth = self.auth_for(listener, key.remote.addr);
        let params = self.open_params(now, &key, &path, auth.as_deref());
        let mac = self.cookie_mac(&key);
        let id = self.next_flow_id();
        let mut cx = self.env.cx(now, id);
        let Some(syn) = cookie::accept(&mut cx, &config, params, &ack, mac) else {
            return self.reset_stranger(now, &key, &ack, header, TxReason::ResetNoConnection);
        };
        if full {
            return self.refuse_final_ack(now, id);
        }
        cx.emit(|| opened(&key, Opening::Cookie));
        if let Some(auth) = &mut auth {
            auth.answer(
                &key,
                &Segment { seq: ack.seq - 1, options: ack.options.clone(), ..Segment::default() },
                syn.isn(),
            );
        }
        self.establish(now, listener, (key, id), (syn, config, ack), (None, auth));
    }

    /// Answers a SYN: an embryonic connection is there from now on.
    pub(super) fn answer_syn(
        &mut self,
        now: Instant,
        listener: SocketId,
        (key, id): (FlowKey, FlowId),
        segment: &Segment,
        isn_above: Option<SeqNum>,
    ) {
        let path = self.path_of(now, &key, self.sockets.ip(listener));
        let (Some(path), Some(l)) = (path, self.sockets.listener_mut(listener)) else {
            self.env.counters.bump(Counter::IpOutNoRoutes);
            return self.drop_segment(now, id, segment, DropReason::NoRoute);
        };
        let config = by_route(l.tcp.clone(), &path);
        let mut auth = self.auth_for(listener, key.remote.addr);
        let mut params = self.open_params(now, &key, &path, auth.as_deref());
        if let Some(above) = isn_above.filter(|above| !params.isn.after(*above)) {
            params.isn = above + 1;
        }
        if let Some(auth) = &mut auth {
            auth.answer(&key, segment, params.isn);
        }
        let mut cx = self.env.cx(now, id);
        let mut syn = SynReceived::new(&mut cx, &config, params, segment);
        // A peer that is authenticated has proved nothing before its first ACK.
        let fast = match auth.is_some() {
            true => Verdict::Handshake(None),
            false => self.try_fast_open(now, listener, &key, segment, &path),
        };
        let cookie = match fast {
            Verdict::Open(cookie) => return self.open_fast(now, listener, (key, id), (syn, segment, cookie), path),
            Verdict::Handshake(cookie) => cookie,
        };
        let saved_syn = self.saved_syn(listener);
        let Some(l) = self.sockets.listener_mut(listener) else { return };
        l.syn_queue += 1;
        let mut cx = self.env.cx(now, id);
        let mut transmit = syn.syn_ack_with(&mut cx, &config, cookie);
        if let Some(auth) = &mut auth {
            auth.sign(&key, &mut transmit.segment);
        }
        let deadline = syn.poll_timeout().map(|(at, _)| at);
        let index = self.embryos.next_index();
        let timer = self.wheel.insert(Wake::Embryo(index));
        self.wheel.set(timer, deadline);
        self.embryos.insert(Embryo { syn, key, id, listener, timer, saved_syn, auth });
        self.table.insert(&key, Handle::Embryo(index));
        self.send_for_listener(now, listener, (&key, id), transmit);
    }

    /// The headers of the SYN that is being handled, if the listener keeps them.
    pub(crate) fn saved_syn(&mut self, listener: SocketId) -> Option<Box<[u8]>> {
        let wanted = self.sockets.save_syn(listener);
        if wanted == 0 {
            return None;
        }
        let headers = self.arrived_syn.take()?;
        match self.arrived_link {
            Some(link) if wanted == 2 => Some([&link, headers.as_slice()].concat().into_boxed_slice()),
            _ => Some(headers.into_boxed_slice()),
        }
    }

    /// A connection has the headers of its SYN until somebody asks for them.
    pub(crate) fn keep_syn(&mut self, index: u32, saved_syn: Option<Box<[u8]>>) {
        if saved_syn.is_some() {
            self.flows[index].rare.get_or_insert_default().saved_syn = saved_syn;
        }
    }

    /// The handshake is complete: a connection waits in the accept queue, where there is room.
    pub(crate) fn establish(
        &mut self,
        now: Instant,
        listener: SocketId,
        (key, id): (FlowKey, FlowId),
        (syn, config, ack): (SynReceived, Arc<Config>, Segment),
        (saved_syn, auth): (Option<Box<[u8]>>, Option<Box<FlowAuth>>),
    ) {
        let ip = *self.sockets.ip(listener);
        let Some(path) = self.path_of(now, &key, &ip) else {
            return self.env.counters.bump(Counter::IpOutNoRoutes);
        };
        let config = by_route(config, &path);
        let mut connection = syn.establish(&mut self.env.cx(now, id), config, ack);
        // The path may have become another since the SYN.
        let (mss, max_burst) = (mss_of(path.mtu, key.remote.addr.is_v4()), self.net.max_burst(&path, auth.is_some()));
        connection.handle_path(&mut self.env.cx(now, id), mss, max_burst);
        let over = connection.state() == TcpState::Closed;
        let hold = self.hold_of(&key, listener);
        let phase = Phase::Connection(connection);
        let flow = NewFlow { phase, key, id, owner: Owner::AcceptQueue, hold, path, ip, auth };
        let index = self.insert_flow(now, flow);
        self.keep_syn(index, saved_syn);
        if let Some(l) = self.sockets.listener_mut(listener) {
            l.accept_queue.push_back(index);
        }
        self.sockets.wake(listener.index, Readiness::READABLE);
        if over {
            self.end_connection(now, index, Readiness::empty());
        } else {
            self.schedule(index);
        }
    }

    /// How an accepted connection holds its local port: as its listener does.
    pub(crate) fn hold_of(&self, key: &FlowKey, listener: SocketId) -> Hold {
        if !self.net.addresses.is_ours(key.local.addr) {
            return Hold::No;
        }
        Hold::Beside(self.sockets.reuse(listener))
    }

    /// The final ACK found the accept queue full.
    pub(crate) fn refuse_final_ack(&mut self, now: Instant, id: FlowId) {
        self.env.counters.bump(Counter::TcpExtListenOverflows);
        self.env.counters.bump(Counter::TcpExtListenDrops);
        self.env.cx(now, id).emit(|| Event::Dropped { why: DropReason::AcceptQueueFull });
    }

    /// What the stack chooses for a new connection.
    pub(crate) fn open_params(&self, now: Instant, key: &FlowKey, path: &Path, auth: Option<&FlowAuth>) -> OpenParams {
        let (local, remote) = (key.local.addr, key.remote.addr);
        let mss = mss_of(path.mtu, remote.is_v4());
        let known = self.metrics.known(local, remote);
        OpenParams {
            isn: isn::initial_sequence_number(&self.keys, now, key),
            ts_offset: match self.config.timestamp_offsets {
                true => isn::timestamp_offset(&self.keys, local, remote),
                false => 0,
            },
            mss,
            // As Linux: the peer is not asked for less just because our link is narrow.
            adv_mss: Some(path.metrics.adv_mss.unwrap_or(mss.max(self.config.min_adv_mss))),
            known_rtt_micros: known.rtt_micros,
            known_ssthresh: if self.config.save_ssthresh { known.ssthresh } else { 0 },
            known_reordering: known.reordering,
            ip_header_len: if remote.is_v4() { 20 } else { 40 },
            signature: Self::signature_of(auth),
            max_burst: self.net.max_burst(path, auth.is_some()),
        }
    }

    /// The MAC of this 4-tuple's cookies.
    fn cookie_mac(&self, key: &FlowKey) -> impl Fn(u8, u32) -> u32 + use<O> {
        let sip = self.keys.cookie;
        let mut bytes = [0; 43];
        bytes[..38].copy_from_slice(&key.bytes());
        move |round, minute| {
            let mut bytes = bytes;
            bytes[38] = round;
            bytes[39..].copy_from_slice(&minute.to_be_bytes());
            sip.hash24(&bytes) as u32
        }
    }
}

/// The settings of a connection on this path: its route may say otherwise in some.
pub(crate) fn by_route(mut config: Arc<Config>, path: &Path) -> Arc<Config> {
    if path.metrics.configures() {
        let RouteMetrics { initial_cwnd, initial_rwnd, rto_min, ack_at_once, congestion, ecn, .. } = path.metrics;
        let config = Arc::make_mut(&mut config);
        config.initial_cwnd = initial_cwnd.unwrap_or(config.initial_cwnd);
        config.initial_rwnd = initial_rwnd.unwrap_or(config.initial_rwnd);
        config.rto_min = rto_min.unwrap_or(config.rto_min);
        config.ack_at_once = ack_at_once.unwrap_or(config.ack_at_once);
        config.congestion = congestion.unwrap_or(config.congestion);
        if ecn {
            config.ecn.accept = config.ecn.accept.max(EcnLevel::Classic);
            config.ecn.offer = config.ecn.offer.max(EcnLevel::Classic);
        }
    }
    config
}

/// The largest MSS that fits an MTU (RFC 9293 §3.7.1): without IP and TCP options.
pub(crate) fn mss_of(mtu: u16, v4: bool) -> u16 {
    mtu.saturating_sub(if v4 { 40 } else { 60 })
}

/// The beginning of a connection's story.
pub(crate) fn opened(key: &FlowKey, opening: Opening) -> Event {
    Event::Opened { local: key.local, remote: key.remote, opening }
}

#[cfg(test)]
mod tests;
