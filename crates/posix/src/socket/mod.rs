//! TCP sockets as Linux has them: what a program may do in which state, and the errno it gets otherwise.
//!
//! | file | calls |
//! |---|---|
//! | `open` | socket, bind, listen, accept, connect, getsockname, getpeername |
//! | `receive` | read, readv, recv, recvfrom, recvmsg |
//! | `send` | write, writev, send, sendto, sendmsg |
//! | `urgent` | recv with MSG_OOB, and what is readable beside it |
//! | `close` | shutdown, and the close of the last descriptor |
//!
//! The states of the connection are the stack's; a [`Socket`] adds what Linux keeps in its `struct socket` beside them.

mod close;
mod open;
mod receive;
mod send;
mod urgent;

pub(crate) use open::Accept;
pub(crate) use receive::{Form, Receive};
pub(crate) use send::Send;
use urgent::Urgent;

use crate::file::FileId;
use crate::option::Options;
use crate::process::Process;
use crate::{Errno, Sockaddr};
use alloc::vec::Vec;
use limpid_event::{Observer, TcpState};
use limpid_stack::SocketId;
use limpid_wire::{Endpoint, IpAddr};

/// A socket.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    /// The stack's socket, the same from beginning to end.
    pub(crate) id: SocketId,
    /// It is AF_INET6.
    pub(crate) v6: bool,
    pub(crate) phase: Phase,
    /// What was shut down while there was no connection.
    pub(crate) shut: Shut,
    /// An error that waits to be taken and that the stack does not hold.
    pub(crate) error: Option<Errno>,
    /// What was read, and which urgent byte.
    pub(crate) urgent: Urgent,
    pub(crate) options: Options,
    /// Its open asked for a cookie although TCP_FASTOPEN_CONNECT wanted data to go along.
    pub(crate) fast_open_asked: bool,
}

/// How far a socket came, as its application knows (Linux's `socket_state`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// No `connect`, or one whose failure was told.
    Unconnected,
    /// `connect` has begun, and nobody was told how it ended.
    Connecting,
    /// It is, or was, connected.
    Connected,
    /// It was shut down while it connected.
    Disconnecting,
}

bitflags::bitflags! {
    /// Halves that are shut down.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct Shut: u8 {
        const READ = 1;
        const WRITE = 2;
    }
}

impl Socket {
    /// A socket that nothing has happened to yet.
    pub(crate) fn new(id: SocketId, v6: bool) -> Socket {
        Socket {
            id,
            v6,
            phase: Phase::Unconnected,
            shut: Shut::empty(),
            error: None,
            urgent: Urgent::default(),
            options: Options::default(),
            fast_open_asked: false,
        }
    }

    /// An endpoint in this socket's family.
    pub(crate) fn sockaddr(&self, endpoint: Endpoint) -> Sockaddr {
        match (self.v6, endpoint.addr.is_unspecified()) {
            (true, true) => Sockaddr::v6(Endpoint::new(IpAddr::UNSPECIFIED, endpoint.port)),
            (true, false) => Sockaddr::v6(endpoint),
            (false, _) => Sockaddr::of(endpoint),
        }
    }
}

/// Which file is which socket of the stack.
#[derive(Debug, Default)]
pub(crate) struct SocketFiles {
    by_index: Vec<Option<(SocketId, FileId)>>,
}

impl SocketFiles {
    pub(crate) fn enter(&mut self, socket: SocketId, file: FileId) {
        let at = socket.index as usize;
        if self.by_index.len() <= at {
            self.by_index.resize(at + 1, None);
        }
        self.by_index[at] = Some((socket, file));
    }

    pub(crate) fn leave(&mut self, socket: SocketId) {
        self.by_index[socket.index as usize] = None;
    }

    pub(crate) fn file(&self, socket: SocketId) -> Option<FileId> {
        let entry = self.by_index.get(socket.index as usize)?.as_ref()?;
        (entry.0 == socket).then_some(entry.1)
    }
}

impl<O: Observer> Process<O> {
    /// The state of a socket's connection. TIME-WAIT is nothing that a program sees: its socket is closed.
    pub(crate) fn tcp_state(&self, socket: SocketId) -> TcpState {
        match self.stack.state(socket) {
            Ok(TcpState::TimeWait) | Err(_) => TcpState::Closed,
            Ok(state) => state,
        }
    }

    /// Takes the error that waits, without those that ended nothing.
    pub(crate) fn take_hard_error(&mut self, file: FileId) -> Option<Errno> {
        let socket = self.files.socket_mut(file).ok()?;
        if let Some(error) = socket.error.take() {
            return Some(error);
        }
        let id = socket.id;
        let failed = self.stack.readiness(id).is_ok_and(|r| r.contains(limpid_stack::Readiness::ERROR));
        if failed { self.take_error(file) } else { None }
    }

    /// Takes the error that waits (SO_ERROR).
    pub(crate) fn take_error(&mut self, file: FileId) -> Option<Errno> {
        let socket = self.files.socket_mut(file).ok()?;
        let id = socket.id;
        socket.error.take().or_else(|| self.stack.take_error(id).ok().flatten().map(Errno::from))
    }
}
