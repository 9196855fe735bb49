//! Writing to a socket (RFC 9293 §3.9.1.2): `tcp_sendmsg`'s rules, in its order.

use crate::file::FileId;
use crate::option::SendExtras;
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Control, Errno, Return, abi};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Error, Instant, Observer};
use limpid_stack::WriteFlags;

/// A write that may wait until all is taken.
#[derive(Debug)]
pub(crate) struct Send {
    file: FileId,
    bytes: Vec<u8>,
    sent: usize,
    flags: i32,
    extras: SendExtras,
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
        self.send_on(now, file, bytes, 0, extras)
    }

    /// send, sendto, sendmsg. Where to is not looked at, as on a connected socket of Linux.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        fd: i32,
        bytes: Vec<u8>,
        control: &[Control],
        flags: i32,
    ) -> Result<Progress, Errno> {
        let file = self.socket_file(fd)?;
        if flags & abi::MSG_FASTOPEN != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let extras = self.send_extras(file, control, flags)?;
        self.send_on(now, file, bytes, flags, extras)
    }

    fn send_on(
        &mut self,
        now: Instant,
        file: FileId,
        bytes: Vec<u8>,
        flags: i32,
        extras: SendExtras,
    ) -> Result<Progress, Errno> {
        let patience = Patience::of(now, self.files.socket(file)?.options.send_timeout);
        let nonblocking = self.files.get(file).is_nonblocking() || flags & abi::MSG_DONTWAIT != 0;
        let send = Send { file, bytes, sent: 0, flags, extras };
        self.begin(now, Work::Send(send), vec![file], patience.unless(nonblocking))
    }

    pub(crate) fn step_send(&mut self, now: Instant, send: &mut Send) -> Option<Result<Return, Errno>> {
        let id = match self.files.socket_mut(send.file) {
            Ok(socket) => match socket.error.take_if(|_| send.sent == 0) {
                Some(error) => return Some(Err(error)),
                None => socket.id,
            },
            Err(errno) => return Some(Err(errno)),
        };
        let flags = write_flags(send.flags);
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
        if send.sent > 0 { self.sent(now, send) } else { Return::error(Errno::EAGAIN) }
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
