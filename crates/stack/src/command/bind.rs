//! A socket's local end: bound, listening, and taken apart again (OPEN, passive: RFC 9293 §3.10.1).
//!
//! [`Stack::listen`] and [`Stack::connect`] make a socket and use it at once. Whoever needs the steps apart makes one with
//! [`Stack::socket`], binds it, and then calls [`Stack::listen_on`] or [`Stack::connect_on`]; [`Stack::disconnect`] leads back.

use super::open::unspecified_like;
use crate::demux::{Bind, Reuse};
use crate::flow::{Hold, Phase};
use crate::listen::Listener;
use crate::ports::Purpose;
use crate::socket::Kind;
use crate::stack::Stack;
use crate::{BindConfig, ListenConfig, SocketFastOpen, SocketId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use limpid_event::{Error, Instant, Observer};
use limpid_wire::Endpoint;

impl<O: Observer> Stack<O> {
    /// A socket that is neither bound nor connected. What [`configure`](Self::configure) sets, its connection will have.
    pub fn socket(&mut self) -> SocketId {
        let socket = self.sockets.insert(Kind::Closed, self.config.tcp.clone());
        self.sockets.set_ip(socket, self.config.ip());
        socket
    }

    /// Binds a socket to an address and port, until it is closed. Port 0 picks one that nobody has.
    ///
    /// # Errors
    /// * [`Error::InvalidArgument`]: the socket is bound already, or does more than that.
    /// * [`Error::AddressNotAvailable`]: the address is none of ours.
    /// * [`Error::AddressInUse`]: others have the address and port, and not all of them and this one have SO_REUSEADDR, or one
    ///   of them listens, and not all have SO_REUSEPORT; or no port is free.
    pub fn bind(&mut self, socket: SocketId, config: BindConfig) -> Result<(), Error> {
        let BindConfig { local, v6_only, foreign } = config;
        let closed = matches!(self.sockets.kind(socket)?, Kind::Closed);
        if !foreign && !local.addr.is_unspecified() && !self.net.addresses.is_ours(local.addr) {
            return Err(Error::AddressNotAvailable);
        }
        if !closed || self.sockets.bound(socket).is_some() {
            return Err(Error::InvalidArgument);
        }
        let reuse = self.sockets.reuse(socket);
        let bind = self.choose_bind(Bind { local, v6_only: v6_only && !local.addr.is_v4(), reuse })?;
        self.binds.bind(bind, socket.index);
        self.sockets.set_bound(socket, Some(bind));
        Ok(())
    }

    /// What is wanted, if it may be had; port 0 picks one that nobody else uses at all.
    fn choose_bind(&mut self, wanted: Bind) -> Result<Bind, Error> {
        let addr = wanted.local.addr;
        if wanted.local.port != 0 {
            return if self.binds.may_bind(&wanted, None) { Ok(wanted) } else { Err(Error::AddressInUse) };
        }
        let at = |port| Bind { local: Endpoint::new(addr, port), ..wanted };
        let anybody = Endpoint::new(unspecified_like(addr), 0);
        let is_free = |port| self.binds.may_bind(&Bind { reuse: Reuse::empty(), ..at(port) }, None);
        let port = self.ports.choose(&self.keys, Purpose::Listen, addr, anybody, is_free);
        port.map(at).ok_or(Error::AddressInUse)
    }

    /// Sets SO_REUSEADDR of a socket: others with the same may be bound to its address and port beside it, as long as none of
    /// them listens.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn set_reuse_addr(&mut self, socket: SocketId, reuse: bool) -> Result<(), Error> {
        self.set_reuse(socket, Reuse::ADDR, reuse)
    }

    /// Sets SO_REUSEPORT of a socket: others with the same may be bound to its address and port beside it, and listen there. What
    /// arrives for several listeners is spread over them by a hash of the 4-tuple.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn set_reuse_port(&mut self, socket: SocketId, reuse: bool) -> Result<(), Error> {
        self.set_reuse(socket, Reuse::PORT, reuse)
    }

    fn set_reuse(&mut self, socket: SocketId, which: Reuse, on: bool) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        let mut reuse = self.sockets.reuse(socket);
        reuse.set(which, on);
        self.sockets.set_reuse(socket, reuse);
        let bound = self.sockets.bound(socket).map(|bind| Bind { reuse, ..bind });
        self.sockets.set_bound(socket, bound);
        if let Some(listener) = self.sockets.listener_mut(socket) {
            listener.bind.reuse = reuse;
            let bind = listener.bind;
            self.binds.rebind(bind, socket.index);
            return Ok(());
        }
        let entered = match (bound, self.sockets.stream(socket)) {
            (Some(bind), Ok(index)) => Some(Bind { local: self.flows[index].key.local, ..bind }),
            (bound, _) => bound,
        };
        if let Some(bind) = entered {
            self.binds.rebind(bind, socket.index);
        }
        if let Ok(index) = self.sockets.stream(socket) {
            self.hold_again(index, reuse);
        }
        Ok(())
    }

    /// A connection holds its port beside others from now on.
    fn hold_again(&mut self, index: u32, reuse: Reuse) {
        let flow = &mut self.flows[index];
        let Hold::Beside(before) = flow.hold else { return };
        if matches!(flow.phase, Phase::Over(_)) {
            return;
        }
        flow.hold = Hold::Beside(reuse);
        self.binds.release(flow.key.local, before);
        self.binds.hold(flow.key.local, reuse);
    }

    /// Starts listening on a new socket.
    ///
    /// # Errors
    /// * [`Error::AddressInUse`]: another listener, or sockets without SO_REUSEADDR, have the address and port, and not all have
    ///   SO_REUSEPORT; or no port is free.
    /// * [`Error::AddressNotAvailable`]: the address is none of ours, and the listener is not transparent.
    pub fn listen(&mut self, now: Instant, config: ListenConfig) -> Result<SocketId, Error> {
        let addr = config.local.addr;
        if !config.transparent && !addr.is_unspecified() && !self.net.addresses.is_ours(addr) {
            return Err(Error::AddressNotAvailable);
        }
        let socket = self.socket();
        let mut reuse = Reuse::empty();
        reuse.set(Reuse::ADDR, config.reuse_addr);
        reuse.set(Reuse::PORT, config.reuse_port);
        self.sockets.set_reuse(socket, reuse);
        if let Some(tcp) = &config.tcp {
            self.sockets.tcp_mut(socket).clone_from(tcp);
        }
        match self.listen_on(now, socket, config) {
            Ok(()) => Ok(socket),
            Err(error) => {
                self.sockets.remove(socket)?;
                Err(error)
            }
        }
    }

    /// Starts listening on a socket that was made before. Where it is bound to, its SO_REUSEADDR, SO_REUSEPORT and settings count, not
    /// what `config` says of them; the port of a socket that is not bound is given back when it no longer listens.
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and [`Error::InvalidArgument`] if the socket listens or has a connection.
    pub fn listen_on(&mut self, now: Instant, socket: SocketId, config: ListenConfig) -> Result<(), Error> {
        let _ = now;
        let Kind::Closed = self.sockets.kind(socket)? else { return Err(Error::InvalidArgument) };
        let (local, reuse) = (config.local, self.sockets.reuse(socket));
        let wanted = Bind { local, v6_only: config.v6_only && !local.addr.is_v4(), reuse };
        let transparent = config.transparent;
        let bind = match self.sockets.bound(socket) {
            Some(bound) if self.binds.may_bind(&bound, Some(socket.index)) => bound,
            Some(_) => return Err(Error::AddressInUse),
            None if transparent => wanted,
            None => self.choose_bind(wanted)?,
        };
        if transparent {
            if !self.binds.listen_transparently(bind, socket.index) {
                return Err(Error::AddressInUse);
            }
            self.takes_foreign = true;
        } else {
            self.binds.unbind(bind.local.port, socket.index);
            self.binds.listen(bind, socket.index);
        }
        let listener = Listener {
            tcp: self.sockets.tcp(socket).clone(),
            config: ListenConfig { local: bind.local, v6_only: bind.v6_only, ..config },
            bind,
            syn_queue: 0,
            accept_queue: VecDeque::new(),
            last_cookie: None,
            fast_open: None,
        };
        let backlog = u32::try_from(listener.config.backlog).unwrap_or(u32::MAX);
        self.sockets.fill(socket, Kind::Listener(Box::new(listener)));
        let said = self.fast_open(socket)?;
        if self.config.opens_every_listener() && said.queue == 0 {
            self.set_fast_open(socket, SocketFastOpen { queue: backlog, ..said })?;
        }
        Ok(())
    }

    /// Changes a listener's backlog. Connections that wait in the accept queue stay there, even if they are more.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the socket is no listener.
    pub fn set_backlog(&mut self, socket: SocketId, backlog: usize) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        let listener = self.sockets.listener_mut(socket).ok_or(Error::InvalidArgument)?;
        listener.config.backlog = backlog;
        Ok(())
    }

    /// Takes a socket apart: a connection is reset, a connect given up, a listener listens no longer and resets what nobody
    /// accepted. The socket can be used anew, and is bound to what its application has bound it to.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn disconnect(&mut self, now: Instant, socket: SocketId) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        let bound = self.sockets.bound(socket);
        match self.sockets.fill(socket, Kind::Closed) {
            Some(Kind::Listener(listener)) => {
                self.stop_listening(now, socket, *listener);
                self.forget_opening(socket);
                if let Some(bind) = bound {
                    self.binds.bind(bind, socket.index);
                }
            }
            Some(Kind::Stream(index)) => {
                self.orphan(index);
                self.abort_flow(now, index);
                if let Some(bind) = bound {
                    self.binds.rebind(bind, socket.index);
                }
            }
            Some(Kind::Closed) | None => {}
        }
        Ok(())
    }

    /// Takes a listener out of the tables and resets what nobody accepted.
    pub(super) fn stop_listening(&mut self, now: Instant, socket: SocketId, listener: Listener) {
        self.binds.unlisten(&listener.bind, socket.index);
        for index in listener.accept_queue {
            self.orphan(index);
            self.abort_flow(now, index);
        }
    }

    /// Forgets what a listener had begun, so that the next one on the same socket does not take it for its own.
    fn forget_opening(&mut self, socket: SocketId) {
        let embryos: Vec<u32> =
            self.embryos.iter().filter(|(_, e)| e.listener == socket).map(|(index, _)| index).collect();
        for index in embryos {
            self.remove_embryo(index);
        }
        let held: Vec<u32> = self.held.iter().filter(|(_, h)| h.listener == socket).map(|(i, _)| i).collect();
        for index in held {
            self.remove_held(index);
        }
    }
}
