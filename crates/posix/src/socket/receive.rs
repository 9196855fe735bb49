//! Reading from a socket (RFC 9293 §3.9.1.3): `tcp_recvmsg`'s rules, in its order.

use super::{Phase, Shut};
use crate::file::FileId;
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Errno, Message, Output, Return, abi};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Error, Instant, Observer, TcpState};
use limpid_stack::Readiness;

/// Flags of `recv` that have a meaning here. Others Linux ignores, and so do we.
const MSG_OOB: i32 = abi::MSG_OOB;

/// What a call to read fills in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Bytes alone.
    Bytes,
    /// A message, with room for so many bytes of control messages.
    Message { control_len: usize },
}

/// A read that may wait.
#[derive(Debug)]
pub(crate) struct Receive {
    file: FileId,
    len: usize,
    flags: i32,
    form: Form,
    /// What was taken so far, or seen.
    got: Vec<u8>,
    /// How much that was: more than in `got` where bytes are thrown away (MSG_TRUNC).
    copied: usize,
}

impl Receive {
    pub(crate) fn new(file: FileId, len: usize, flags: i32, form: Form) -> Receive {
        Receive { file, len, flags, form, got: Vec::new(), copied: 0 }
    }

    fn has(&self, flag: i32) -> bool {
        self.flags & flag != 0
    }

    fn ended(self) -> Return {
        let value = Ok(self.copied as i64);
        let output = match self.form {
            Form::Bytes => Output::Bytes(self.got),
            Form::Message { .. } => Output::Message(Message { bytes: self.got, ..Message::default() }),
        };
        Return { value, output }
    }
}

impl<O: Observer> Process<O> {
    /// read, readv: on a socket, a pipe or a file.
    pub(crate) fn read(&mut self, now: Instant, fd: i32, len: usize) -> Result<Progress, Errno> {
        let file = self.file(fd)?;
        if !self.files.get(file).can_read() {
            return Err(Errno::EBADF);
        }
        if self.files.socket(file).is_err() {
            return match self.pipe_end(file) {
                Some(_) => self.read_pipe(now, file, len),
                None => self.read_memory(file, len),
            };
        }
        // Linux follows System V here: nothing is read into nothing, whatever the socket's state.
        if len == 0 {
            return Ok(Progress::Done(Return { value: Ok(0), output: Output::Bytes(Vec::new()) }));
        }
        self.receive(now, file, Receive::new(file, len, 0, Form::Bytes))
    }

    /// recv, recvfrom, recvmsg.
    pub(crate) fn recv(
        &mut self,
        now: Instant,
        fd: i32,
        len: usize,
        flags: i32,
        form: Form,
    ) -> Result<Progress, Errno> {
        let file = self.socket_file(fd)?;
        if flags & abi::MSG_ERRQUEUE != 0 {
            return self.receive_error(file, len, form).map(Progress::Done);
        }
        if flags & MSG_OOB != 0 {
            if self.tcp_state(self.files.socket(file)?.id) == TcpState::Listen {
                return Err(Errno::ENOTCONN);
            }
            let got = self.receive_urgent(file, len, flags)?;
            let told = if got.is_empty() { 0 } else { MSG_OOB };
            let copied = got.len();
            let ended = Receive { got, copied, ..Receive::new(file, len, flags, form) }.ended();
            return Ok(Progress::Done(with_control(ended, (Vec::new(), told))));
        }
        self.receive(now, file, Receive::new(file, len, flags, form))
    }

    fn receive(&mut self, now: Instant, file: FileId, receive: Receive) -> Result<Progress, Errno> {
        let patience = Patience::of(now, self.files.socket(file)?.options.recv_timeout);
        let nonblocking = self.files.get(file).is_nonblocking() || receive.has(abi::MSG_DONTWAIT);
        self.begin(now, Work::Receive(receive), vec![file], patience.unless(nonblocking))
    }

    pub(crate) fn step_receive(&mut self, now: Instant, receive: &mut Receive) -> Option<Result<Return, Errno>> {
        let socket = match self.files.socket(receive.file) {
            Ok(socket) => socket,
            Err(errno) => return Some(Err(errno)),
        };
        let (id, low_water) = (socket.id, socket.options.recv_low_water);
        if self.tcp_state(id) == TcpState::Listen {
            return Some(Err(Errno::ENOTCONN));
        }
        let whole = receive.has(abi::MSG_WAITALL);
        let target = if whole { receive.len } else { low_water.min(receive.len) }.max(1);
        let (off, there) = (self.peek_off(receive), self.stack.readable_len(id).unwrap_or(0));
        let readable = there.saturating_sub(off);
        let at_mark = readable > 0 && self.take(now, receive, readable);
        let full = receive.copied >= target || receive.copied == receive.len;
        let ended = if readable > 0 && full {
            Some(Ok(()))
        } else if receive.copied > 0 || there > 0 && readable == 0 {
            (at_mark || self.nothing_more_comes(id)).then_some(Ok(()))
        } else {
            self.end_of_stream(now, receive.file)
        };
        Some(match ended? {
            Ok(()) => {
                let done = Receive { got: core::mem::take(&mut receive.got), ..*receive };
                Ok(self.received(done))
            }
            Err(errno) => Err(errno),
        })
    }

    /// What was received so far, or why nothing will be.
    pub(crate) fn give_up_receive(&mut self, receive: Receive) -> Return {
        if receive.copied > 0 { self.received(receive) } else { Return::error(Errno::EAGAIN) }
    }

    /// A read ends: its bytes, and the control messages that go with them.
    fn received(&mut self, receive: Receive) -> Return {
        self.move_peek_off(&receive);
        let control = self.control_after(receive.file, receive.copied, receive.form);
        with_control(receive.ended(), control)
    }

    /// How far behind what was read a look at data begins (SO_PEEK_OFF).
    fn peek_off(&self, receive: &Receive) -> usize {
        let peeks = receive.has(abi::MSG_PEEK);
        let socket = self.files.socket(receive.file).ok().filter(|_| peeks);
        socket.and_then(|socket| usize::try_from(socket.options.peek_off).ok()).unwrap_or(0)
    }

    /// The next look begins behind what was looked at; what was read is no longer there (as Linux).
    fn move_peek_off(&mut self, receive: &Receive) {
        let Ok(socket) = self.files.socket_mut(receive.file) else { return };
        if socket.options.peek_off < 0 {
            return;
        }
        let by = i32::try_from(receive.copied).unwrap_or(i32::MAX);
        let off = socket.options.peek_off;
        socket.options.peek_off =
            if receive.has(abi::MSG_PEEK) { off.saturating_add(by) } else { off.saturating_sub(by).max(0) };
    }

    /// Takes, looks at, or throws away what there is from where it begins, `readable` bytes, up to the urgent byte; true if that is next.
    fn take(&mut self, now: Instant, receive: &mut Receive, readable: usize) -> bool {
        let Ok(socket) = self.files.socket(receive.file) else { return false };
        let (id, in_line) = (socket.id, socket.options.oob_inline);
        let off = self.peek_off(receive);
        let before = self.bytes_to_mark(receive.file).and_then(|before| before.checked_sub(off));
        let before = before.filter(|before| *before < readable);
        if before == Some(0) && receive.copied > 0 && !receive.has(abi::MSG_PEEK) {
            return true;
        }
        // An urgent byte that stands apart is passed over.
        let skip = usize::from(before == Some(0) && !in_line);
        let there = before.filter(|before| *before > 0).unwrap_or(readable - skip);
        if receive.has(abi::MSG_PEEK) {
            receive.copied = there.min(receive.len);
            receive.got = Vec::new();
            if !receive.has(abi::MSG_TRUNC) {
                receive.got.resize(off + skip + receive.copied, 0);
                let _ = self.stack.peek(id, &mut receive.got);
                receive.got.drain(..off + skip);
            }
            return before == Some(there) && receive.copied == there;
        }
        let wanted = there.min(receive.len - receive.copied);
        let skipped = self.stack.discard(now, id, skip).unwrap_or(0);
        let taken = if receive.has(abi::MSG_TRUNC) {
            self.stack.discard(now, id, wanted).unwrap_or(0)
        } else {
            let from = receive.got.len();
            receive.got.resize(from + wanted, 0);
            let read = self.stack.read(now, id, &mut receive.got[from..]).unwrap_or(0);
            receive.got.truncate(from + read);
            read
        };
        receive.copied += taken;
        if let Ok(socket) = self.files.socket_mut(receive.file) {
            socket.urgent.taken += (skipped + taken) as u64;
        }
        before == Some(taken) && taken > 0
    }

    /// Takes what there is now, `len` bytes at most: none at the end of the stream, `None` if nothing has come.
    pub(crate) fn read_some(&mut self, now: Instant, file: FileId, len: usize) -> Option<Result<Vec<u8>, Errno>> {
        let mut receive = Receive::new(file, len, 0, Form::Bytes);
        match self.step_receive(now, &mut receive) {
            Some(Ok(Return { output: Output::Bytes(bytes), .. })) => Some(Ok(bytes)),
            Some(Ok(_)) => Some(Ok(Vec::new())),
            Some(Err(errno)) => Some(Err(errno)),
            None => (receive.copied > 0).then_some(Ok(receive.got)),
        }
    }

    /// There was something: whether to stop with that.
    fn nothing_more_comes(&self, id: limpid_stack::SocketId) -> bool {
        let end = Readiness::READ_CLOSED | Readiness::CLOSED | Readiness::ERROR;
        self.stack.readiness(id).is_ok_and(|ready| ready.intersects(end))
    }

    /// There is nothing to read: the end of the stream, an error, or `None` where something may come.
    fn end_of_stream(&mut self, now: Instant, file: FileId) -> Option<Result<(), Errno>> {
        let socket = match self.files.socket_mut(file) {
            Ok(socket) => socket,
            Err(errno) => return Some(Err(errno)),
        };
        if let Some(error) = socket.error.take() {
            return Some(Err(error));
        }
        let (id, phase, shut) = (socket.id, socket.phase, socket.shut.contains(Shut::READ));
        match self.stack.read(now, id, &mut [0]) {
            Ok(_) => Some(Ok(())),
            Err(Error::WouldBlock) => None,
            // A connect that failed has closed both halves; what never was connected is another thing.
            Err(Error::NotConnected) if shut || phase != Phase::Unconnected => Some(Ok(())),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// Puts control messages into what a call returns.
fn with_control(ended: Return, (control, flags): (Vec<crate::Control>, i32)) -> Return {
    let output = match ended.output {
        Output::Message(message) => Output::Message(Message { control, flags, ..message }),
        other => other,
    };
    Return { output, ..ended }
}
