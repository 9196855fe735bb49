//! Writing to a socket (RFC 9293 §3.9.1.2): `tcp_sendmsg`'s rules, in its order.

use super::Phase;
use super::open::connect_address;
use crate::file::FileId;
use crate::option::SendExtras;
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Control, Errno, Return, Sockaddr, abi};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Error, Instant, Observer, TcpState};
use limpid_stack::{FastOpenFlags, WriteFlags};

/// A write that may wait until all is taken.
#[derive(Debug)]
pub(crate) struct Send {
    file: FileId,
    bytes: Vec<u8>,
    sent: usize,
    flags: i32,
    extras: SendExtras,
    /// It has begun the connection, or waits for one that somebody else has begun.
    opening: Option<Opening>,
}

/// Whose open a write waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Opening {
    Its,
    Others,
}

impl<O: Observer> Process<O> {
    /// write, writev: to a socket, a pipe or a file.
    pub(crate) fn write(&mut self, now: Instant, fd: i32, bytes: Vec<u8>) -> Result<Progress, Errno> {
        let file = self.file(fd)?;
        if !self.files.get(file).can_write() {
            return Err(Errno::EBADF);
        }
        if self.files.socket(file).is_err() {
            return match self.pipe_end(file) {
                Some(_) => self.write_pipe(now, file, bytes),
                None => self.write_memory(file, None, &bytes).map(|len| Progress::Done(Return::ok(len as i64))),
            };
        }
        let extras = self.send_extras(file, &[], 0)?;
        self.send_on(now, file, (bytes, None), 0, extras)
    }

    /// send, sendto, sendmsg. Where to is looked at by Fast Open alone, as on Linux.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        fd: i32,
        bytes: Vec<u8>,
        to: Option<Sockaddr>,
        control: &[Control],
        flags: i32,
    ) -> Result<Progress, Errno> {
        let file = self.socket_file(fd)?;
        let extras = self.send_extras(file, control, flags)?;
        self.send_on(now, file, (bytes, to), flags, extras)
    }

    fn send_on(
        &mut self,
        now: Instant,
        file: FileId,
        (bytes, to): (Vec<u8>, Option<Sockaddr>),
        flags: i32,
        extras: SendExtras,
    ) -> Result<Progress, Errno> {
        let patience = Patience::of(now, self.files.socket(file)?.options.send_timeout);
        let nonblocking = self.files.get(file).is_nonblocking() || flags & abi::MSG_DONTWAIT != 0;
        let patience = patience.unless(nonblocking);
        let mut send = Send { file, bytes, sent: 0, flags, extras, opening: None };
        let id = self.files.socket(file)?.id;
        if flags & abi::MSG_FASTOPEN != 0 || self.stack.is_deferred(id) {
            self.open_fast(now, &mut send, to.as_ref())?;
            let rest = send.sent < send.bytes.len() || send.bytes.is_empty();
            self.stack.expect_write(id, rest && patience != Patience::Not);
        }
        self.begin(now, Work::Send(send), vec![file], patience)
    }

    /// A write that opens the connection, or lets the SYN go that waited for it (Linux's `tcp_sendmsg_fastopen`).
    fn open_fast(&mut self, now: Instant, send: &mut Send, to: Option<&Sockaddr>) -> Result<(), Errno> {
        let family = to.and_then(Sockaddr::family);
        let on = self.stack.config().fast_open.flags.contains(FastOpenFlags::CLIENT);
        if !on || family == Some(abi::AF_UNSPEC) {
            return Err(Errno::EOPNOTSUPP);
        }
        let socket = self.files.socket(send.file)?;
        let id = socket.id;
        if socket.fast_open_asked {
            return Err(Errno::EALREADY);
        }
        if self.stack.is_deferred(id) {
            send.sent = self.stack.write_with_syn(now, id, &send.bytes)?;
            send.opening = Some(Opening::Its);
            return Ok(());
        }
        match socket.phase {
            Phase::Disconnecting => return Err(Errno::EINVAL),
            Phase::Connected => return Err(Errno::EISCONN),
            Phase::Connecting => {
                send.opening = Some(Opening::Others);
                return Ok(());
            }
            Phase::Unconnected => {}
        }
        if self.tcp_state(id) != TcpState::Closed {
            return Err(Errno::EISCONN);
        }
        let remote = connect_address(socket, to.ok_or(Errno::EINVAL)?, family.ok_or(Errno::EINVAL)?)?;
        send.sent = self.stack.connect_with_data(now, id, remote, &send.bytes)?;
        send.opening = Some(Opening::Its);
        self.socket_connects(send.file)
    }

    /// The connection that a write has to wait for: `None` if it is not there yet; an error if it came to nothing, whatever
    /// left with the SYN.
    fn opened(&mut self, now: Instant, send: &mut Send) -> Option<Result<(), Errno>> {
        if send.opening.is_none() {
            return Some(Ok(()));
        }
        let ended = self.step_connect(now, send.file)?;
        send.opening = None;
        Some(ended.map(|_| ()))
    }

    pub(crate) fn step_send(&mut self, now: Instant, send: &mut Send) -> Option<Result<Return, Errno>> {
        if let Err(errno) = self.opened(now, send)? {
            return Some(Err(errno));
        }
        let id = match self.files.socket_mut(send.file) {
            Ok(socket) => match socket.error.take_if(|_| send.sent == 0) {
                Some(error) => return Some(Err(error)),
                None => socket.id,
            },
            Err(errno) => return Some(Err(errno)),
        };
        let flags = write_flags(send.flags);
        if send.sent > 0 && send.sent == send.bytes.len() {
            return Some(Ok(self.sent(now, send)));
        }
        loop {
            if send.sent > 0 && self.write_would_fail(id) {
                // What was taken counts; the reason is for the next call.
                return Some(Ok(self.sent(now, send)));
            }
            match self.stack.write_with(now, id, &send.bytes[send.sent..], flags) {
                Ok(taken) => send.sent += taken,
                Err(Error::WouldBlock) => return None,
                Err(_) if send.sent > 0 => return Some(Ok(self.sent(now, send))),
                // Neither connected nor connecting.
                Err(Error::NotConnected | Error::InvalidArgument) => return Some(Err(Errno::EPIPE)),
                Err(error) => return Some(Err(error.into())),
            }
            if send.sent == send.bytes.len() {
                return Some(Ok(self.sent(now, send)));
            }
        }
    }

    /// What was taken so far, or why nothing was.
    pub(crate) fn give_up_send(&mut self, now: Instant, send: &Send) -> Return {
        match send.opening {
            _ if send.sent > 0 => self.sent(now, send),
            Some(Opening::Its) => Return::error(Errno::EINPROGRESS),
            Some(Opening::Others) => Return::error(Errno::EALREADY),
            None => Return::error(Errno::EAGAIN),
        }
    }

    /// A write ends: all was taken, or no more can be.
    fn sent(&mut self, now: Instant, send: &Send) -> Return {
        self.note_sent(now, send.file, send.sent, &send.extras);
        Return::ok(send.sent as i64)
    }

    /// The connection has failed or is shut down, so that a write would take the error or EPIPE.
    fn write_would_fail(&self, id: limpid_stack::SocketId) -> bool {
        use limpid_event::TcpState::{CloseWait, Established, SynReceived, SynSent};
        !matches!(self.tcp_state(id), Established | CloseWait | SynSent | SynReceived)
    }
}

/// Linux's flags as the stack has them.
fn write_flags(flags: i32) -> WriteFlags {
    let mut out = WriteFlags::empty();
    out.set(WriteFlags::MORE, flags & abi::MSG_MORE != 0);
    out.set(WriteFlags::END_OF_RECORD, flags & abi::MSG_EOR != 0);
    out.set(WriteFlags::URGENT, flags & abi::MSG_OOB != 0);
    out
}
