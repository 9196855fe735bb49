//! How a socket comes to a connection: made, bound, listening, accepting, connecting (RFC 9293 §3.9.1.1), and its names.

use super::{Phase, Shut, Socket};
use crate::epoll::Key;
use crate::file::{FileId, Object};
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Errno, Output, Return, Sockaddr, abi};
use alloc::boxed::Box;
use alloc::vec;
use limpid_event::{Instant, Observer, TcpState};
use limpid_stack::{BindConfig, ListenConfig, SocketId};
use limpid_wire::{Endpoint, IpAddr};

/// The largest backlog (`net.core.somaxconn`); more, and what is negative, counts as this.
const SOMAXCONN: usize = abi::SOMAXCONN as usize;

/// The shortest `sockaddr_in6` that Linux takes: that of RFC 2133, without a scope.
const SIN6_LEN_RFC2133: usize = 24;

/// The bits of a socket's type that say which type it is.
const SOCK_TYPE_MASK: i32 = 0xf;

/// An accept that may wait.
#[derive(Debug)]
pub(crate) struct Accept {
    file: FileId,
    flags: i32,
}

impl<O: Observer> Process<O> {
    /// socket
    pub(crate) fn socket(&mut self, domain: i32, kind: i32, protocol: i32) -> Result<Return, Errno> {
        let flags = kind & !SOCK_TYPE_MASK;
        if flags & !(abi::SOCK_NONBLOCK | abi::SOCK_CLOEXEC) != 0 {
            return Err(Errno::EINVAL);
        }
        check_kind(domain, kind & SOCK_TYPE_MASK, protocol)?;
        let id = self.stack.socket();
        let socket = Socket::new(id, domain == abi::AF_INET6);
        let opened = self.open_file(Object::Socket(Box::new(socket)), abi::O_RDWR | flags);
        if opened.is_err() {
            // Its name is not known to anybody.
            let _ = self.stack.close(Instant::ZERO, id);
        }
        opened.map(|fd| Return::ok(fd.into()))
    }

    /// bind
    pub(crate) fn bind(&mut self, fd: i32, address: &Sockaddr) -> Result<Return, Errno> {
        let file = self.socket_file(fd)?;
        let socket = self.files.socket(file)?;
        let (local, v6_only) = bind_address(socket, address)?;
        let foreign = socket.options.freebind;
        let id = socket.id;
        if self.tcp_state(id) != TcpState::Closed || self.stack.state(id) == Ok(TcpState::TimeWait) {
            return Err(Errno::EINVAL);
        }
        self.stack.bind(id, BindConfig { local, v6_only, foreign })?;
        let socket = self.files.socket_mut(file)?;
        // One IPv6 address alone has no IPv4 (Linux's `__inet6_bind`).
        socket.options.v6_only |= socket.v6 && !local.addr.is_v4() && !local.addr.is_unspecified();
        Ok(Return::ok(0))
    }

    /// listen
    pub(crate) fn listen(&mut self, now: Instant, fd: i32, backlog: i32) -> Result<Return, Errno> {
        let file = self.socket_file(fd)?;
        let socket = self.files.socket(file)?;
        let (id, state) = (socket.id, self.tcp_state(socket.id));
        if socket.phase != Phase::Unconnected || !matches!(state, TcpState::Closed | TcpState::Listen) {
            return Err(Errno::EINVAL);
        }
        let backlog = usize::try_from(backlog).unwrap_or(SOMAXCONN).min(SOMAXCONN);
        if state == TcpState::Listen {
            self.stack.set_backlog(id, backlog)?;
        } else {
            let addr = if socket.v6 { IpAddr::UNSPECIFIED } else { IpAddr::UNSPECIFIED_V4 };
            let v6_only = socket.options.v6_only;
            let config = ListenConfig { v6_only, ..ListenConfig::new(Endpoint::new(addr, 0), backlog) };
            self.stack.listen_on(now, id, config)?;
        }
        Ok(Return::ok(0))
    }

    /// accept4
    pub(crate) fn accept(&mut self, now: Instant, fd: i32, flags: i32) -> Result<Progress, Errno> {
        let file = self.file(fd)?;
        if flags & !(abi::SOCK_NONBLOCK | abi::SOCK_CLOEXEC) != 0 {
            return Err(Errno::EINVAL);
        }
        self.descriptors.check_room()?;
        let socket = self.files.socket(file)?;
        let patience = Patience::of(now, socket.options.recv_timeout);
        let patience = patience.unless(self.files.get(file).is_nonblocking());
        self.begin(now, Work::Accept(Accept { file, flags }), vec![file], patience)
    }

    pub(crate) fn step_accept(&mut self, now: Instant, accept: &Accept) -> Option<Result<Return, Errno>> {
        let listener = match self.files.socket(accept.file) {
            Ok(socket) => socket.id,
            Err(errno) => return Some(Err(errno)),
        };
        if self.tcp_state(listener) != TcpState::Listen {
            return Some(Err(Errno::EINVAL));
        }
        let waits = self.stack.readiness(listener).is_ok_and(|ready| ready.is_empty());
        (!waits).then(|| self.accept_one(now, accept, listener))
    }

    /// Takes a connection from the queue, if there is a number for it: it gets a descriptor, and the listener's options.
    fn accept_one(&mut self, now: Instant, accept: &Accept, listener: SocketId) -> Result<Return, Errno> {
        let fd = self.descriptors.reserve(0)?;
        let (id, peer) = self.stack.accept(now, listener)?;
        let socket = Socket {
            id,
            phase: Phase::Connected,
            shut: Shut::empty(),
            error: None,
            urgent: Default::default(),
            fast_open_asked: false,
            ..self.files.socket(accept.file)?.clone()
        };
        let address = socket.sockaddr(peer);
        self.open_file_at(fd, Object::Socket(Box::new(socket)), abi::O_RDWR | accept.flags);
        Ok(Return { value: Ok(fd.into()), output: Output::Address(address) })
    }

    /// connect
    pub(crate) fn connect(&mut self, now: Instant, fd: i32, address: &Sockaddr) -> Result<Progress, Errno> {
        let file = self.socket_file(fd)?;
        let socket = self.files.socket(file)?;
        let (id, phase) = (socket.id, socket.phase);
        let family = address.family().ok_or(Errno::EINVAL)?;
        if family == abi::AF_UNSPEC {
            return self.disconnect(now, file);
        }
        match phase {
            Phase::Disconnecting => return Err(Errno::EINVAL),
            Phase::Connected => return Err(Errno::EISCONN),
            Phase::Connecting if self.stack.is_deferred(id) => return Err(Errno::EISCONN),
            Phase::Connecting => {}
            Phase::Unconnected if self.tcp_state(id) != TcpState::Closed => return Err(Errno::EISCONN),
            Phase::Unconnected => {
                let remote = connect_address(socket, address, family)?;
                if self.stack.fast_open(id)?.on_connect {
                    let waits = self.stack.connect_deferred(now, id, remote)?;
                    self.files.socket_mut(file)?.fast_open_asked = !waits;
                } else {
                    self.stack.connect_on(now, id, remote)?;
                }
                self.socket_connects(file)?;
                if self.stack.is_deferred(id) {
                    return Ok(Progress::Done(Return::ok(0)));
                }
            }
        }
        let patience = Patience::of(now, self.files.socket(file)?.options.send_timeout);
        let patience = patience.unless(self.files.get(file).is_nonblocking());
        if phase == Phase::Connecting && patience == Patience::Not && self.is_opening(id) {
            return Err(Errno::EALREADY);
        }
        let work = Work::Connect { file, again: phase == Phase::Connecting };
        self.begin(now, work, vec![file], patience)
    }

    /// An open has begun.
    pub(super) fn socket_connects(&mut self, file: FileId) -> Result<(), Errno> {
        let socket = self.files.socket_mut(file)?;
        socket.phase = Phase::Connecting;
        socket.shut = Shut::empty();
        Ok(())
    }

    /// connect to AF_UNSPEC: the connection is reset, and the socket can be used anew.
    fn disconnect(&mut self, now: Instant, file: FileId) -> Result<Progress, Errno> {
        self.take_apart(now, file)?;
        let socket = self.files.socket_mut(file)?;
        socket.phase = Phase::Unconnected;
        self.notify(file, Key::ALL);
        Ok(Progress::Done(Return::ok(0)))
    }

    /// Linux's `tcp_disconnect`: whoever was connected, or about to be, finds ECONNRESET.
    pub(super) fn take_apart(&mut self, now: Instant, file: FileId) -> Result<(), Errno> {
        let id = self.files.socket(file)?.id;
        let reset = matches!(
            self.tcp_state(id),
            TcpState::SynSent
                | TcpState::SynReceived
                | TcpState::Established
                | TcpState::CloseWait
                | TcpState::FinWait1
                | TcpState::FinWait2
        );
        let before = self.take_hard_error(file);
        self.stack.disconnect(now, id)?;
        let socket = self.files.socket_mut(file)?;
        socket.shut = Shut::empty();
        socket.fast_open_asked = false;
        socket.error = if reset { Some(Errno::ECONNRESET) } else { before };
        Ok(())
    }

    fn is_opening(&self, socket: SocketId) -> bool {
        self.stack.is_opening(socket)
    }

    pub(crate) fn step_connect(&mut self, now: Instant, file: FileId) -> Option<Result<Return, Errno>> {
        let id = match self.files.socket(file) {
            Ok(socket) => socket.id,
            Err(errno) => return Some(Err(errno)),
        };
        if self.is_opening(id) {
            return None;
        }
        let failed = self.tcp_state(id) == TcpState::Closed;
        let error = if failed { self.take_hard_error(file).or(Some(Errno::ECONNABORTED)) } else { None };
        Some(self.connected(now, file, error))
    }

    /// An open has ended, and its caller is told how.
    fn connected(&mut self, now: Instant, file: FileId, error: Option<Errno>) -> Result<Return, Errno> {
        let socket = self.files.socket_mut(file)?;
        let Some(error) = error else {
            socket.phase = Phase::Connected;
            return Ok(Return::ok(0));
        };
        socket.phase = Phase::Unconnected;
        socket.shut = Shut::empty();
        socket.fast_open_asked = false;
        self.stack.disconnect(now, socket.id)?;
        Err(error)
    }

    /// SO_SNDTIMEO is over, and the open goes on. Whoever only waited for an open that was under way is told just that.
    pub(crate) fn give_up_connect(again: bool) -> Return {
        Return::error(if again { Errno::EALREADY } else { Errno::EINPROGRESS })
    }

    /// getsockname
    pub(crate) fn own_name(&self, fd: i32) -> Result<Return, Errno> {
        let socket = self.files.socket(self.socket_file(fd)?)?;
        let local = self.stack.local_endpoint(socket.id)?;
        Ok(Return { value: Ok(0), output: Output::Address(socket.sockaddr(local)) })
    }

    /// getpeername
    pub(crate) fn peer_name(&self, fd: i32) -> Result<Return, Errno> {
        let socket = self.files.socket(self.socket_file(fd)?)?;
        let peer = self.stack.peer_endpoint(socket.id)?;
        Ok(Return { value: Ok(0), output: Output::Address(socket.sockaddr(peer)) })
    }
}

/// Whether domain, type and protocol are those of TCP; else what Linux says of what it has not got.
fn check_kind(domain: i32, kind: i32, protocol: i32) -> Result<(), Errno> {
    if !matches!(domain, abi::AF_INET | abi::AF_INET6) {
        return Err(Errno::EAFNOSUPPORT);
    }
    if !(0..=abi::IPPROTO_MPTCP).contains(&protocol) {
        return Err(Errno::EINVAL);
    }
    match (kind, protocol) {
        (abi::SOCK_STREAM, 0 | abi::IPPROTO_TCP) => Ok(()),
        (abi::SOCK_STREAM | abi::SOCK_DGRAM | abi::SOCK_RAW, _) => Err(Errno::EPROTONOSUPPORT),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}

/// What `bind` makes of an address: where, and whether without IPv4.
fn bind_address(socket: &Socket, address: &Sockaddr) -> Result<(Endpoint, bool), Errno> {
    let family = address.family().ok_or(Errno::EINVAL)?;
    if !socket.v6 {
        return Ok((bind_address_v4(address, family)?, false));
    }
    if address.0.len() < SIN6_LEN_RFC2133 {
        return Err(Errno::EINVAL);
    }
    if family != abi::AF_INET6 {
        return Err(Errno::EAFNOSUPPORT);
    }
    let local = address.endpoint().ok_or(Errno::EINVAL)?;
    let v6_only = socket.options.v6_only;
    if local.addr.is_multicast() && !local.addr.is_v4() || local.addr.is_v4() && v6_only {
        return Err(Errno::EINVAL);
    }
    Ok((local, v6_only))
}

fn bind_address_v4(address: &Sockaddr, family: i32) -> Result<Endpoint, Errno> {
    if address.0.len() < 16 {
        return Err(Errno::EINVAL);
    }
    if family == abi::AF_INET {
        return address.endpoint().ok_or(Errno::EINVAL);
    }
    // As on Linux AF_UNSPEC passes for AF_INET where it says nothing.
    let mut bytes = address.0.clone();
    bytes[..2].copy_from_slice(&(abi::AF_INET as u16).to_ne_bytes());
    let local = Sockaddr(bytes).endpoint().filter(|local| family == abi::AF_UNSPEC && local.addr.is_unspecified());
    local.ok_or(Errno::EAFNOSUPPORT)
}

/// What `connect` makes of an address.
pub(super) fn connect_address(socket: &Socket, address: &Sockaddr, family: i32) -> Result<Endpoint, Errno> {
    let (least, wanted) = if socket.v6 { (SIN6_LEN_RFC2133, abi::AF_INET6) } else { (16, abi::AF_INET) };
    if address.0.len() < least {
        return Err(Errno::EINVAL);
    }
    if family != wanted {
        return Err(Errno::EAFNOSUPPORT);
    }
    let remote = address.endpoint().ok_or(Errno::EINVAL)?;
    if remote.addr.is_v4() && socket.v6 && socket.options.v6_only {
        return Err(Errno::ENETUNREACH);
    }
    Ok(remote)
}
