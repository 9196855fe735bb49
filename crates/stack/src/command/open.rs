//! OPEN, active and passive (RFC 9293 §3.10.1), and accept.

use crate::demux::{Bind, FlowKey};
use crate::flow::{Hold, NewFlow, Owner, Phase};
use crate::iface::Path;
use crate::listen::{Listener, opened};
use crate::ports::Purpose;
use crate::socket::Kind;
use crate::stack::Stack;
use crate::{Config, IfaceId, ListenConfig, Readiness, SocketId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use limpid_event::{Call, Error, Event, Instant, Observer, Opening};
use limpid_tcp::SynSent;
use limpid_wire::{Endpoint, IpAddr};

impl<O: Observer> Stack<O> {
    /// Starts an active open. `local` may leave address or port open (unspecified, 0). Progress shows as readiness:
    /// WRITABLE once established, ERROR if it failed.
    ///
    /// A port that is left open is chosen as RFC 6056 says, and so that the 4-tuple is not in use, TIME-WAIT included. To
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
        let remote = Endpoint { addr: this_host_if_unspecified(remote.addr), ..remote };
        let path = self.path_to(now, remote, local)?;
        let local =
            self.choose_local(local.unwrap_or(Endpoint::new(unspecified_like(remote.addr), 0)), remote, &path)?;
        let key = FlowKey::new(local, remote, self.scope_of(&path, local));
        let id = self.next_flow_id();
        let params = self.open_params(now, &key, &path);
        let config = config.unwrap_or_else(|| self.config.tcp.clone());
        let mut cx = self.env.cx(now, id);
        cx.emit(|| opened(&key, Opening::Active));
        let phase = Phase::SynSent(SynSent::new(&mut cx, config, params));
        let socket = self.sockets.reserve();
        let owner = Owner::Socket(socket.index);
        let index = self.insert_flow(NewFlow { phase, key, id, owner, hold: Hold::Firm, path });
        self.sockets.fill(socket, Kind::Stream(index));
        self.schedule(index);
        Ok(socket)
    }

    fn path_to(&self, now: Instant, remote: Endpoint, local: Option<Endpoint>) -> Result<Path, Error> {
        let mixed = local.is_some_and(|l| l.addr != IpAddr::UNSPECIFIED && l.addr.is_v4() != remote.addr.is_v4());
        if remote.port == 0 || mixed {
            return Err(Error::InvalidArgument);
        }
        if self.net.addresses.is_impossible_source(remote.addr) {
            return Err(Error::NetworkUnreachable);
        }
        // A link-local peer is on the link of the address that we speak from, or on the one that there is a route for.
        let link_local = !remote.addr.is_v4() && remote.addr.is_link_local();
        let scope = local.filter(|_| link_local).and_then(|l| self.net.addresses.interface_of(l.addr));
        self.net.path(now, remote.addr, scope).ok_or(Error::NetworkUnreachable)
    }

    /// The interface that gives link-local addresses their meaning.
    fn scope_of(&self, path: &Path, local: Endpoint) -> IfaceId {
        if path.iface != IfaceId::LOOPBACK {
            return path.iface;
        }
        self.net.addresses.interface_of(local.addr).unwrap_or(path.iface)
    }

    fn choose_local(&mut self, wanted: Endpoint, remote: Endpoint, path: &Path) -> Result<Endpoint, Error> {
        let addr = if wanted.addr.is_unspecified() {
            self.net.addresses.source(path.iface, remote.addr, path.next_hop).ok_or(Error::AddressNotAvailable)?
        } else if self.net.addresses.is_ours(wanted.addr) {
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
        let unused = |port| self.table.find(&FlowKey::new(at(port), remote, scope)).is_none();
        if wanted.port != 0 {
            return match (self.binds.may_connect(at(wanted.port)), unused(wanted.port)) {
                (false, _) => Err(Error::AddressInUse),
                (true, false) => Err(Error::AddressNotAvailable),
                (true, true) => Ok(at(wanted.port)),
            };
        }
        let is_free = |port| self.binds.may_connect(at(port)) && unused(port);
        let port = self.ports.choose(&self.keys, Purpose::Connect, addr, remote, is_free);
        port.map(at).ok_or(Error::AddressNotAvailable)
    }

    /// Starts listening.
    ///
    /// # Errors
    /// * [`Error::AddressInUse`]: another listener, or connections without SO_REUSEADDR, have the address and port, or no
    ///   port is free.
    /// * [`Error::AddressNotAvailable`]: the address is none of ours, and the listener is not transparent.
    pub fn listen(&mut self, now: Instant, config: ListenConfig) -> Result<SocketId, Error> {
        let _ = now;
        let addr = config.local.addr;
        if !config.transparent && !addr.is_unspecified() && !self.net.addresses.is_ours(addr) {
            return Err(Error::AddressNotAvailable);
        }
        let bind = |port| Bind {
            local: Endpoint::new(addr, port),
            v6_only: config.v6_only && !addr.is_v4(),
            reuse: config.reuse_addr,
        };
        let wanted = if config.local.port == 0 && !config.transparent {
            let anybody = Endpoint::new(unspecified_like(addr), 0);
            let is_free = |port| self.binds.may_listen(&bind(port));
            let port = self.ports.choose(&self.keys, Purpose::Listen, addr, anybody, is_free);
            bind(port.ok_or(Error::AddressInUse)?)
        } else {
            bind(config.local.port)
        };
        if !config.transparent && !self.binds.may_listen(&wanted) {
            return Err(Error::AddressInUse);
        }
        let transparent = config.transparent;
        let listener = Listener {
            tcp: config.tcp.clone().unwrap_or_else(|| self.config.tcp.clone()),
            config,
            bind: wanted,
            syn_queue: 0,
            accept_queue: VecDeque::new(),
            last_cookie: None,
        };
        let id = self.sockets.insert(Kind::Listener(Box::new(listener)));
        if transparent {
            if !self.binds.listen_transparently(wanted, id.index) {
                self.sockets.remove(id)?;
                return Err(Error::AddressInUse);
            }
            self.takes_foreign = true;
        } else {
            self.binds.listen(wanted, id.index);
        }
        Ok(id)
    }

    /// Takes a connection from the accept queue, with the peer's end; `local_endpoint` tells where it was meant to go.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] if there is none; [`Error::InvalidArgument`] if the socket is no listener.
    pub fn accept(&mut self, now: Instant, listener: SocketId) -> Result<(SocketId, Endpoint), Error> {
        self.sockets.kind(listener)?;
        let l = self.sockets.listener_mut(listener).ok_or(Error::InvalidArgument)?;
        let index = l.accept_queue.pop_front().ok_or(Error::WouldBlock)?;
        let socket = self.sockets.insert(Kind::Stream(index));
        let flow = &mut self.flows[index as usize];
        flow.owner = Owner::Socket(socket.index);
        let (id, remote) = (flow.id, flow.key.remote);
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

fn unspecified_like(addr: IpAddr) -> IpAddr {
    if addr.is_v4() { IpAddr::UNSPECIFIED_V4 } else { IpAddr::UNSPECIFIED }
}
