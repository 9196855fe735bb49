//! OPEN, active (RFC 9293 §3.10.1), and accept.

use crate::demux::{Bind, FlowKey, Handle};
use crate::flow::{Hold, NewFlow, Owner, Phase, Places, Quiet};
use crate::iface::Path;
use crate::listen::{by_route, opened};
use crate::ports::Purpose;
use crate::socket::Kind;
use crate::stack::Stack;
use crate::{Config, FastOpenFlags, IfaceId, Readiness, SocketId, TimeWaitReuse};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use limpid_event::{Call, Error, Event, Instant, Observer, Opening};
use limpid_tcp::{SynSent, Takeover};
use limpid_wire::{Endpoint, IpAddr};

/// When the SYN of an open leaves.
#[derive(Clone, Copy)]
enum Start<'a> {
    AtOnce,
    /// With this, if it may.
    With(&'a [u8]),
    /// With what is written first, if it may.
    WhenWritten,
}

/// How an open began.
struct Started {
    /// So many bytes left with the SYN.
    carried: usize,
    /// The SYN waits.
    deferred: bool,
}

impl<O: Observer> Stack<O> {
    /// Starts an active open. `local` may leave address or port open (unspecified, 0). Progress shows as readiness:
    /// WRITABLE once established, ERROR if it failed.
    ///
    /// A port that is left open is chosen as RFC 6056 says, and so that the 4-tuple is not in use, TIME-WAIT included unless
    /// [`StackConfig::time_wait_reuse`](crate::StackConfig::time_wait_reuse) says otherwise. To
    /// an unspecified `remote` address means to this host, as on Linux.
    ///
    /// # Errors
    /// * [`Error::InvalidArgument`]: the ends are of two IP versions, the remote port is 0, or `local` is a loopback address
    ///   and `remote` is not on this host.
    /// * [`Error::NetworkUnreachable`]: there is no route, or the address is a group's.
    /// * [`Error::AddressNotAvailable`]: `local` is none of our addresses, the 4-tuple is in use, or no port is free.
    /// * [`Error::AddressInUse`]: somebody listens on `local`.
    pub fn connect(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
        config: Option<Arc<Config>>,
    ) -> Result<SocketId, Error> {
        let socket = self.socket();
        if let Some(config) = config {
            *self.sockets.tcp_mut(socket) = config;
        }
        let local = local.unwrap_or(Endpoint::new(unspecified_like(remote.addr), 0));
        match self.open(now, socket, local, remote, Start::AtOnce) {
            Ok(_) => Ok(socket),
            Err(error) => {
                self.sockets.remove(socket)?;
                Err(error)
            }
        }
    }

    /// Starts an active open on a socket that was made before, from where it is [bound](Self::bind) to.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and [`Error::AlreadyConnected`] if the socket listens or has a connection:
    /// [`disconnect`](Self::disconnect) comes first.
    pub fn connect_on(&mut self, now: Instant, socket: SocketId, remote: Endpoint) -> Result<(), Error> {
        self.connect_by(now, socket, remote, Start::AtOnce).map(|_| ())
    }

    /// The same with Fast Open (RFC 7413 §4.2.1): the SYN takes as much of `bytes` along as one segment carries, if there is a
    /// cookie of the peer or none is needed; else it asks for one. Returns how many bytes left; the others are the caller's to
    /// [write](Self::write) once the connection is established.
    ///
    /// # Errors
    /// As [`connect_on`](Self::connect_on), and [`Error::NotSupported`] if [`FastOpenFlags::CLIENT`](crate::FastOpenFlags) is
    /// off.
    pub fn connect_with_data(
        &mut self,
        now: Instant,
        socket: SocketId,
        remote: Endpoint,
        bytes: &[u8],
    ) -> Result<usize, Error> {
        if !self.config.fast_open.flags.contains(FastOpenFlags::CLIENT) {
            return Err(Error::NotSupported);
        }
        self.connect_by(now, socket, remote, Start::With(bytes)).map(|started| started.carried)
    }

    /// The same where data is only to come: if it may go with the SYN, the SYN [waits](Self::is_deferred) for the first
    /// [write](Self::write), and true is returned. If not, the SYN asks for a cookie, and leaves at once.
    ///
    /// # Errors
    /// As [`connect_on`](Self::connect_on).
    pub fn connect_deferred(&mut self, now: Instant, socket: SocketId, remote: Endpoint) -> Result<bool, Error> {
        self.connect_by(now, socket, remote, Start::WhenWritten).map(|started| started.deferred)
    }

    fn connect_by(
        &mut self,
        now: Instant,
        socket: SocketId,
        remote: Endpoint,
        start: Start<'_>,
    ) -> Result<Started, Error> {
        let Kind::Closed = self.sockets.kind(socket)? else { return Err(Error::AlreadyConnected) };
        let bound = self.sockets.bound(socket).map(|bind| bind.local);
        let local = bound.unwrap_or(Endpoint::new(unspecified_like(remote.addr), 0));
        self.open(now, socket, local, remote, start)
    }

    fn open(
        &mut self,
        now: Instant,
        socket: SocketId,
        local: Endpoint,
        remote: Endpoint,
        start: Start<'_>,
    ) -> Result<Started, Error> {
        let remote = Endpoint { addr: this_host_if_unspecified(remote.addr), ..remote };
        let ip = *self.sockets.ip(socket);
        let path = self.path_to(now, remote, local, ip.iface)?;
        let bound = self.sockets.bound(socket);
        let local = self.choose_local(now, local, remote, &path, bound.is_some())?;
        let key = FlowKey::new(local, remote, self.scope_of(&path, local));
        let path = self.path_of(now, &key, &ip).unwrap_or(path);
        let id = self.next_flow_id();
        let auth = self.auth_for(socket, remote.addr);
        let mut params = self.open_params(now, &key, &path, auth.as_deref());
        let before = self.take_over(now, &key);
        params.isn = before.map_or(params.isn, |before| before.isn);
        let config = by_route(self.sockets.tcp(socket).clone(), &path);
        let mut cx = self.env.cx(now, id);
        cx.emit(|| opened(&key, Opening::Active));
        let syn_sent = SynSent::deferred(&mut cx, config, params).echoing(before.map_or(0, |before| before.echo));
        let phase = Phase::SynSent(Box::new(syn_sent));
        let owner = Owner::Socket(socket.index);
        let hold = Hold::Beside(self.sockets.reuse(socket));
        let index = self.insert_flow(now, NewFlow { phase, key, id, owner, hold, path, ip, auth });
        if let Some(bind) = bound {
            // From here on it is in the way of this address alone.
            self.binds.rebind(Bind { local, ..bind }, socket.index);
        }
        self.sockets.fill(socket, Kind::Stream(index));
        let mut started = Started { carried: 0, deferred: false };
        match start {
            Start::AtOnce => {
                if let Phase::SynSent(syn_sent) = &mut self.flows[index].phase {
                    syn_sent.start(&mut self.env.cx(now, id), None);
                }
            }
            Start::With(bytes) => started.carried = self.start_fast_open(now, socket, index, bytes),
            Start::WhenWritten => {
                let pair = (key.local.addr, key.remote.addr);
                started.deferred = self.fast_open_prospect(now, socket, pair, &path).allowed;
                if started.deferred {
                    self.wake_owner(index, Readiness::WRITABLE);
                } else {
                    self.start_fast_open(now, socket, index, &[]);
                }
            }
        }
        self.schedule(index);
        Ok(started)
    }

    /// A connection in TIME-WAIT makes room for a new one, which goes on where it ended.
    fn take_over(&mut self, now: Instant, key: &FlowKey) -> Option<Takeover> {
        let Some(Handle::TimeWait(index)) = self.find(key) else { return None };
        let quiet = &self.quiet[index];
        let takeover = quiet.time_wait.takeover(now, &quiet.config, Duration::ZERO);
        quiet.time_wait.taken_over(&mut self.env.cx(now, quiet.id));
        self.remove_quiet(index);
        takeover
    }

    fn path_to(&self, now: Instant, remote: Endpoint, local: Endpoint, iface: Option<IfaceId>) -> Result<Path, Error> {
        let mixed = local.addr != IpAddr::UNSPECIFIED && local.addr.is_v4() != remote.addr.is_v4();
        if remote.port == 0 || mixed {
            return Err(Error::InvalidArgument);
        }
        if self.net.addresses.is_impossible_source(remote.addr) {
            return Err(Error::NetworkUnreachable);
        }
        // A link-local peer is on the link of the address that we speak from, or on the one that there is a route for.
        let link_local = !remote.addr.is_v4() && remote.addr.is_link_local();
        let scope = Some(local.addr).filter(|_| link_local).and_then(|l| self.net.addresses.interface_of(l));
        self.net.path(now, remote.addr, iface.or(scope)).ok_or(Error::NetworkUnreachable)
    }

    /// The interface that gives link-local addresses their meaning.
    fn scope_of(&self, path: &Path, local: Endpoint) -> IfaceId {
        if path.iface != IfaceId::LOOPBACK {
            return path.iface;
        }
        self.net.addresses.interface_of(local.addr).unwrap_or(path.iface)
    }

    /// Our end: what of `wanted` is open is chosen. A socket that is bound there already has been let have it.
    fn choose_local(
        &mut self,
        now: Instant,
        wanted: Endpoint,
        remote: Endpoint,
        path: &Path,
        bound: bool,
    ) -> Result<Endpoint, Error> {
        let addr = if wanted.addr.is_unspecified() {
            self.source_to(remote, path)?
        } else if bound || self.net.addresses.is_ours(wanted.addr) {
            wanted.addr
        } else {
            return Err(Error::AddressNotAvailable);
        };
        // A loopback address never leaves this host.
        if addr.is_loopback() && path.iface != IfaceId::LOOPBACK {
            return Err(Error::InvalidArgument);
        }
        let at = |port| Endpoint::new(addr, port);
        let scope = self.scope_of(path, at(0));
        let (steering, here) = (self.steering(), self.config.shard);
        let is_mine = |port| steering.shards() == 1 || steering.owner(at(port), remote) == here;
        let Stack { table, flows, embryos, held, quiet, binds, ports, .. } = self;
        let places = Places { table, flows, embryos, held, quiet };
        // Who is bound there was let have it beside what waits (as Linux).
        let quiet_for = match self.config.time_wait_reuse {
            _ if wanted.port != 0 => bound.then_some(Duration::ZERO),
            TimeWaitReuse::Loopback if !addr.is_loopback() && !remote.addr.is_loopback() => None,
            TimeWaitReuse::Never => None,
            TimeWaitReuse::Always | TimeWaitReuse::Loopback => Some(self.config.time_wait_reuse_delay),
        };
        let unused = |port| match places.find(&FlowKey::new(at(port), remote, scope)) {
            None => true,
            Some(Handle::TimeWait(index)) => {
                let Quiet { time_wait, config, .. } = &quiet[index];
                quiet_for.is_some_and(|quiet_for| time_wait.takeover(now, config.as_ref(), quiet_for).is_some())
            }
            Some(_) => false,
        };
        if wanted.port != 0 {
            // What another shard owns would never be heard of here.
            let unused = is_mine(wanted.port) && unused(wanted.port);
            return match (bound || binds.may_connect(at(wanted.port)), unused) {
                (false, _) => Err(Error::AddressInUse),
                (true, false) => Err(Error::AddressNotAvailable),
                (true, true) => Ok(at(wanted.port)),
            };
        }
        let is_free = |port| is_mine(port) && binds.is_unasked(port) && unused(port);
        let port = ports.choose(&self.keys, Purpose::Connect, addr, remote, is_free);
        port.map(at).ok_or(Error::AddressNotAvailable)
    }

    /// The address that a connection to `remote` has at our end if nobody says otherwise.
    fn source_to(&self, remote: Endpoint, path: &Path) -> Result<IpAddr, Error> {
        self.net.addresses.source(path.iface, remote.addr, path.next_hop).ok_or(Error::AddressNotAvailable)
    }

    /// Our address and the other end, as a connection between these would have them.
    pub(crate) fn ends_of(&self, now: Instant, local: Endpoint, remote: Endpoint) -> Result<(IpAddr, Endpoint), Error> {
        let remote = Endpoint { addr: this_host_if_unspecified(remote.addr), ..remote };
        let path = self.path_to(now, remote, local, None)?;
        let addr = if local.addr.is_unspecified() { self.source_to(remote, &path)? } else { local.addr };
        Ok((addr, remote))
    }

    /// Takes a connection from the accept queue, with the peer's end; `local_endpoint` tells where it was meant to go.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if there is none; [`Error::InvalidArgument`] if the socket is no listener.
    pub fn accept(&mut self, now: Instant, listener: SocketId) -> Result<(SocketId, Endpoint), Error> {
        self.sockets.kind(listener)?;
        let l = self.sockets.listener_mut(listener).ok_or(Error::InvalidArgument)?;
        let index = l.accept_queue.pop_front().ok_or(Error::WouldBlock)?;
        let config = l.tcp.clone();
        let socket = self.sockets.insert(Kind::Stream(index), config);
        self.sockets.set_reuse(socket, self.sockets.reuse(listener));
        self.sockets.inherit_fast_open(listener, socket);
        let flow = &mut self.flows[index];
        flow.owner = Owner::Socket(socket.index);
        if let Phase::Connection(connection) = &mut flow.phase {
            connection.accepted();
        }
        let (id, remote, ip) = (flow.id, flow.key.remote, *flow.ip);
        self.sockets.set_ip(socket, ip);
        let keys = self.sockets.keys(listener).map(|keys| keys.for_peer(remote.addr));
        if let Some(keys) = keys.filter(|keys| !keys.is_empty()) {
            *self.sockets.keys_mut(socket) = Some(Box::new(keys));
        }
        self.env.cx(now, id).emit(|| Event::Call(Call::Accept));
        // What came while it waited is news to the application.
        let ready = self.readiness(socket)? - Readiness::WRITABLE;
        self.sockets.wake(socket.index, ready);
        Ok((socket, remote))
    }
}

/// To nobody in particular is to this host (as Linux).
fn this_host_if_unspecified(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::UNSPECIFIED => IpAddr::LOCALHOST_V6,
        IpAddr::UNSPECIFIED_V4 => IpAddr::LOCALHOST_V4,
        other => other,
    }
}

pub(super) fn unspecified_like(addr: IpAddr) -> IpAddr {
    if addr.is_v4() { IpAddr::UNSPECIFIED_V4 } else { IpAddr::UNSPECIFIED }
}
