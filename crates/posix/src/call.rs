//! System calls as values: what is asked, and what comes back.

use crate::{Errno, Sockaddr};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A system call with its arguments. Flags, levels, names and requests are Linux's numbers ([`abi`](crate::abi)); memory that a
/// call reads comes as bytes, memory that it fills as a length, and is given back in [`Return::output`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the fields are the arguments of the call, under the names of its manual page")]
pub enum Call {
    Socket {
        domain: i32,
        kind: i32,
        protocol: i32,
    },
    Bind {
        fd: i32,
        address: Sockaddr,
    },
    Listen {
        fd: i32,
        backlog: i32,
    },
    /// `accept` is this with `flags` 0. Gives [`Output::Address`].
    Accept4 {
        fd: i32,
        flags: i32,
    },
    Connect {
        fd: i32,
        address: Sockaddr,
    },
    Close {
        fd: i32,
    },
    Shutdown {
        fd: i32,
        how: i32,
    },
    /// Gives [`Output::Address`].
    GetSockName {
        fd: i32,
    },
    /// Gives [`Output::Address`].
    GetPeerName {
        fd: i32,
    },
    /// Gives [`Output::Bytes`].
    Read {
        fd: i32,
        len: usize,
    },
    /// Gives [`Output::Bytes`], all parts in one.
    Readv {
        fd: i32,
        lens: Vec<usize>,
    },
    /// Gives [`Output::Bytes`].
    Recv {
        fd: i32,
        len: usize,
        flags: i32,
    },
    /// Gives [`Output::Message`] without control messages.
    RecvFrom {
        fd: i32,
        len: usize,
        flags: i32,
    },
    /// Gives [`Output::Message`].
    RecvMsg {
        fd: i32,
        lens: Vec<usize>,
        control_len: usize,
        flags: i32,
    },
    Write {
        fd: i32,
        bytes: Vec<u8>,
    },
    Writev {
        fd: i32,
        parts: Vec<Vec<u8>>,
    },
    Send {
        fd: i32,
        bytes: Vec<u8>,
        flags: i32,
    },
    SendTo {
        fd: i32,
        bytes: Vec<u8>,
        flags: i32,
        to: Option<Sockaddr>,
    },
    SendMsg {
        fd: i32,
        to: Option<Sockaddr>,
        parts: Vec<Vec<u8>>,
        control: Vec<Control>,
        flags: i32,
    },
    /// Gives [`Output::Bytes`]: the value, at most `len` bytes of it.
    GetSockOpt {
        fd: i32,
        level: i32,
        name: i32,
        len: usize,
    },
    SetSockOpt {
        fd: i32,
        level: i32,
        name: i32,
        value: Vec<u8>,
    },
    Fcntl {
        fd: i32,
        command: i32,
        argument: i64,
    },
    /// Gives [`Output::Integer`] where the request fills an `int`; `argument` is what that `int` held before.
    Ioctl {
        fd: i32,
        request: u64,
        argument: i64,
    },
    /// Gives [`Output::Polled`]. A negative timeout, in ms, means for ever.
    Poll {
        fds: Vec<PollFd>,
        timeout: i32,
    },
    /// Gives [`Output::Selected`]. No timeout means for ever.
    Select {
        nfds: i32,
        sets: Selected,
        timeout: Option<Duration>,
    },
    EpollCreate1 {
        flags: i32,
    },
    EpollCtl {
        epfd: i32,
        operation: i32,
        fd: i32,
        event: Option<EpollEvent>,
    },
    /// Gives [`Output::Events`].
    EpollWait {
        epfd: i32,
        max: i32,
        timeout: i32,
    },
    /// Gives [`Output::Pair`].
    Pipe2 {
        flags: i32,
    },
    Open {
        path: String,
        flags: i32,
        mode: u32,
    },
    /// Gives [`Output::Integer`], the new offset, if one is given.
    SendFile {
        out_fd: i32,
        in_fd: i32,
        offset: Option<i64>,
        count: usize,
    },
    Splice {
        fd_in: i32,
        off_in: Option<i64>,
        fd_out: i32,
        off_out: Option<i64>,
        len: usize,
        flags: i32,
    },
}

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Return {
    /// What the call returned: not negative, or why it failed.
    pub value: Result<i64, Errno>,
    /// What it filled in.
    pub output: Output,
}

/// What a call filled in, beside what it returned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Output {
    /// Nothing.
    #[default]
    Nothing,
    /// Data, or an option's value.
    Bytes(Vec<u8>),
    /// A peer's, or the socket's own, address.
    Address(Sockaddr),
    /// What `recvmsg` fills.
    Message(Message),
    /// An `int` or an offset.
    Integer(i64),
    /// `poll`'s array, with `revents`.
    Polled(Vec<PollFd>),
    /// `select`'s sets: those that are ready.
    Selected(Selected),
    /// `epoll_wait`'s array.
    Events(Vec<EpollEvent>),
    /// A pipe's two ends: to read, to write.
    Pair([i32; 2]),
}

/// What `recvmsg` fills.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message {
    /// Who sent it; none on TCP, but an error queue has one.
    pub name: Option<Sockaddr>,
    /// The data, all parts in one.
    pub bytes: Vec<u8>,
    /// Control messages.
    pub control: Vec<Control>,
    /// `msg_flags`.
    pub flags: i32,
}

/// A control message (`cmsg`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Control {
    /// `cmsg_level`.
    pub level: i32,
    /// `cmsg_type`.
    pub kind: i32,
    /// `cmsg_data`, without padding.
    pub data: Vec<u8>,
}

/// An entry of `poll`'s array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollFd {
    /// The descriptor; a negative one is passed over.
    pub fd: i32,
    /// What is asked for.
    pub events: i16,
    /// What is.
    pub revents: i16,
}

/// `select`'s three sets; `None` for one that is NULL.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selected {
    /// To read.
    pub read: Option<Vec<i32>>,
    /// To write.
    pub write: Option<Vec<i32>>,
    /// Exceptional conditions: urgent data.
    pub except: Option<Vec<i32>>,
}

/// `epoll_event`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpollEvent {
    /// EPOLLIN and the others.
    pub events: u32,
    /// The caller's own word: fd, u32, u64 or pointer.
    pub data: u64,
}

impl Return {
    /// It went well, and filled nothing in.
    pub fn ok(value: i64) -> Return {
        Return { value: Ok(value), output: Output::Nothing }
    }

    /// It failed.
    pub fn error(errno: Errno) -> Return {
        Return { value: Err(errno), output: Output::Nothing }
    }

    /// What libc's wrapper returns: -1 for a failure.
    pub fn raw(&self) -> i64 {
        self.value.unwrap_or(-1)
    }
}
