//! A listener's side (RFC 7413 §4.2.2, §5.1): which SYNs begin a connection at once, and how many may.

use super::FastOpenFlags;
use crate::demux::FlowKey;
use crate::flow::{NewFlow, Owner, Phase};
use crate::iface::Path;
use crate::stack::Stack;
use crate::{Readiness, SocketId};
use alloc::collections::VecDeque;
use core::time::Duration;
use limpid_event::{Counter, Error, FlowId, Instant, Observer};
use limpid_tcp::SynReceived;
use limpid_wire::Segment;
use limpid_wire::tcp::FastOpenCookie;

/// How long one that was reset still counts as pending: whoever sends SYNs with other people's addresses makes these reset what
/// they did not open (RFC 7413 §5.1; Linux).
const RESET_COUNTS: Duration = Duration::from_secs(60);

/// What a listener has pending, at most as much as its queue takes.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Connections whose handshake is not complete, and those that were reset lately.
    len: u32,
    /// Until when the latter count.
    resets: VecDeque<Instant>,
}

impl Pending {
    /// One more may begin; one that was reset long enough ago makes room.
    fn has_room(&mut self, now: Instant, most: u32) -> bool {
        if self.len < most {
            return true;
        }
        if self.resets.front().is_none_or(|until| *until > now) {
            return false;
        }
        self.resets.pop_front();
        self.len -= 1;
        true
    }

    fn begun(&mut self) {
        self.len += 1;
    }

    fn ended(&mut self, now: Instant, reset: bool) {
        if reset {
            self.resets.push_back(now + RESET_COUNTS);
        } else {
            self.len = self.len.saturating_sub(1);
        }
    }
}

/// What becomes of a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// An ordinary handshake, whose SYN-ACK may carry a cookie.
    Handshake(Option<FastOpenCookie>),
    /// The connection is there at once; a client with the old key's cookie gets the new one's.
    Open(Option<FastOpenCookie>),
}

impl<O: Observer> Stack<O> {
    /// Whether a SYN opens fast (Linux's `tcp_try_fastopen`).
    pub(crate) fn try_fast_open(
        &mut self,
        now: Instant,
        listener: SocketId,
        key: &FlowKey,
        syn: &Segment,
        path: &Path,
    ) -> Verdict {
        let offered = syn.options.fast_open;
        let request = offered.is_some_and(|cookie| cookie.as_slice().is_empty());
        if request {
            self.env.counters.bump(Counter::TcpExtTCPFastOpenCookieReqd);
        }
        let on = self.config.fast_open.flags.contains(FastOpenFlags::SERVER);
        if !on || (syn.payload.is_empty() && offered.is_none()) || !self.may_pend(now, listener) {
            return Verdict::Handshake(None);
        }
        let by_route = path.metrics.fast_open_no_cookie;
        if self.needs_no_cookie(listener, FastOpenFlags::SERVER_COOKIE_NOT_REQUIRED, by_route) {
            return Verdict::Open(None);
        }
        let Some(offered) = offered else { return Verdict::Handshake(None) };
        let keys = self.fast_open_keys(listener);
        let (client, server) = (key.remote.addr, key.local.addr);
        let fresh = keys.primary.cookie(client, server).in_form(offered.experimental);
        if request {
            return Verdict::Handshake(Some(fresh));
        }
        if offered.as_slice() == fresh.as_slice() {
            return Verdict::Open(None);
        }
        if keys.backup.is_some_and(|backup| backup.cookie(client, server).as_slice() == offered.as_slice()) {
            self.env.counters.bump(Counter::TcpExtTCPFastOpenPassiveAltKey);
            return Verdict::Open(Some(fresh));
        }
        self.env.counters.bump(Counter::TcpExtTCPFastOpenPassiveFail);
        Verdict::Handshake(Some(fresh))
    }

    /// The listener takes part, and has not too many pending.
    fn may_pend(&mut self, now: Instant, listener: SocketId) -> bool {
        let most = self.sockets.fast_open(listener).map_or(0, |said| said.queue);
        let Some(l) = self.sockets.listener_mut(listener) else { return false };
        if most == 0 {
            return false;
        }
        let room = l.fast_open.get_or_insert_default().has_room(now, most);
        if !room {
            self.env.counters.bump(Counter::TcpExtTCPFastOpenListenOverflow);
        }
        room
    }

    /// The connection is there, with the SYN's data, and can be accepted; its SYN-ACK is due.
    pub(crate) fn open_fast(
        &mut self,
        now: Instant,
        listener: SocketId,
        (key, id): (FlowKey, FlowId),
        (request, syn, cookie): (SynReceived, &Segment, Option<FastOpenCookie>),
        path: Path,
    ) {
        let Some(l) = self.sockets.listener_mut(listener) else { return };
        let config = crate::listen::by_route(l.tcp.clone(), &path);
        l.fast_open.get_or_insert_default().begun();
        self.env.counters.bump(Counter::TcpExtTCPFastOpenPassive);
        let connection = request.fast_open(&mut self.env.cx(now, id), config, syn.clone(), cookie);
        let ip = *self.sockets.ip(listener);
        let hold = self.hold_of(&key, listener);
        let phase = Phase::Connection(connection);
        let index =
            self.insert_flow(now, NewFlow { phase, key, id, owner: Owner::AcceptQueue, hold, path, ip, auth: None });
        let saved_syn = self.saved_syn(listener);
        self.keep_syn(index, saved_syn);
        self.fast_openings.insert(index, listener);
        if let Some(l) = self.sockets.listener_mut(listener) {
            l.accept_queue.push_back(index);
        }
        self.sockets.wake(listener.index, Readiness::READABLE);
        self.schedule(index);
    }

    /// The handshake of a connection that Fast Open began is complete, or will never be.
    pub(crate) fn fast_opening_ended(&mut self, now: Instant, index: u32, error: Option<Error>) {
        let Some(listener) = self.fast_openings.remove(&index) else { return };
        let accepted = self.flows[index].owner != Owner::AcceptQueue;
        let reset = accepted && error == Some(Error::ConnectionReset);
        if let Some(pending) = self.sockets.listener_mut(listener).and_then(|l| l.fast_open.as_mut()) {
            pending.ended(now, reset);
        }
    }
}
