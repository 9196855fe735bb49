//! sendfile and splice: bytes from one descriptor to another, which the program never sees.

use crate::file::FileId;
use crate::pipe::PipeEnd;
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Errno, Output, Return, abi};
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Error, Instant, Observer};
use limpid_stack::WriteFlags;

/// So many bytes are moved at a time: what a pipe holds.
const CHUNK: usize = 65_536;

/// The most that one `sendfile` moves, bytes (Linux's MAX_RW_COUNT).
const MAX_SEND_FILE: usize = 0x7fff_f000;

/// The flags of `splice`.
const SPLICE_ALL: i32 = abi::SPLICE_F_MOVE | abi::SPLICE_F_NONBLOCK | abi::SPLICE_F_MORE | abi::SPLICE_F_GIFT;

/// A `sendfile` that may wait.
#[derive(Debug)]
pub(crate) struct SendFile {
    out: FileId,
    input: FileId,
    /// Where to read, if the caller says; else where the file is read next.
    offset: Option<usize>,
    left: usize,
    moved: usize,
}

impl SendFile {
    /// What was sent so far, or why nothing was.
    pub(crate) fn give_up(self) -> Return {
        if self.moved > 0 { self.ended() } else { Return::error(Errno::EAGAIN) }
    }

    fn ended(&self) -> Return {
        let output = self.offset.map_or(Output::Nothing, |offset| Output::Integer(offset as i64));
        Return { value: Ok(self.moved as i64), output }
    }
}

/// A `splice` that may wait.
#[derive(Debug)]
pub(crate) struct Splice {
    input: FileId,
    out: FileId,
    /// Where to read or to write in a file, if the caller says.
    offset: Option<usize>,
    len: usize,
    flags: i32,
    moved: usize,
}

impl Splice {
    /// What was moved so far, or why nothing was.
    pub(crate) fn give_up(self) -> Return {
        if self.moved > 0 { self.ended() } else { Return::error(Errno::EAGAIN) }
    }

    fn ended(&self) -> Return {
        let output = self.offset.map_or(Output::Nothing, |offset| Output::Integer(offset as i64));
        Return { value: Ok(self.moved as i64), output }
    }

    /// It is over: with what was moved, or with an error if that is nothing.
    fn stop(&self, reason: Result<(), Errno>) -> Option<Result<Return, Errno>> {
        Some(match reason {
            Err(errno) if self.moved == 0 => Err(errno),
            _ => Ok(self.ended()),
        })
    }

    fn advance(&mut self, moved: usize) {
        self.moved += moved;
        self.offset = self.offset.map(|offset| offset.saturating_add(moved));
    }
}

impl<O: Observer> Process<O> {
    /// Writes what can be written now: `None` if that is nothing.
    fn write_some(&mut self, now: Instant, file: FileId, bytes: &[u8], more: bool) -> Result<Option<usize>, Errno> {
        if let Some(end) = self.pipe_end(file) {
            if !self.pipe_has_other(end) {
                return Err(Errno::EPIPE);
            }
            let taken = self.pipe_room(end).min(bytes.len());
            self.pipe_fill(end, &bytes[..taken]);
            return Ok((taken > 0).then_some(taken));
        }
        let Ok(socket) = self.files.socket_mut(file) else {
            return self.write_memory(file, None, bytes).map(Some);
        };
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        let id = socket.id;
        let extras = self.send_extras(file, &[], 0)?;
        let flags = if more { WriteFlags::MORE } else { WriteFlags::empty() };
        match self.stack.write_with(now, id, bytes, flags) {
            Ok(taken) => {
                self.note_sent(now, file, taken, &extras);
                Ok(Some(taken))
            }
            Err(Error::WouldBlock) => Ok(None),
            Err(Error::NotConnected | Error::InvalidArgument) => Err(Errno::EPIPE),
            Err(error) => Err(error.into()),
        }
    }

    /// sendfile
    pub(crate) fn send_file(
        &mut self,
        now: Instant,
        (out_fd, in_fd): (i32, i32),
        offset: Option<i64>,
        count: usize,
    ) -> Result<Progress, Errno> {
        let (input, out) = (self.file(in_fd)?, self.file(out_fd)?);
        if !self.files.get(input).can_read() || !self.files.get(out).can_write() {
            return Err(Errno::EBADF);
        }
        let offset = offset.map(usize::try_from).transpose().map_err(|_| Errno::EINVAL)?;
        if self.peek_file(input, offset, 0).is_none() {
            // As on Linux only a file has what is sent again if need be.
            let is_pipe = self.pipe_end(input).is_some();
            return Err(if is_pipe && offset.is_some() { Errno::ESPIPE } else { Errno::EINVAL });
        }
        if isize::try_from(count).is_err() {
            return Err(Errno::EINVAL);
        }
        let timeout = self.files.socket(out).ok().and_then(|socket| socket.options.send_timeout);
        let patience = Patience::of(now, timeout).unless(self.files.get(out).is_nonblocking());
        let sending = SendFile { out, input, offset, left: count.min(MAX_SEND_FILE), moved: 0 };
        self.begin(now, Work::SendFile(sending), vec![out, input], patience)
    }

    pub(crate) fn step_send_file(&mut self, now: Instant, sending: &mut SendFile) -> Option<Result<Return, Errno>> {
        while sending.left > 0 {
            let bytes = self.peek_file(sending.input, sending.offset, sending.left.min(CHUNK)).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            let more = sending.left > bytes.len();
            match self.write_some(now, sending.out, &bytes, more) {
                Ok(Some(taken)) => {
                    sending.moved += taken;
                    sending.left -= taken;
                    match &mut sending.offset {
                        Some(offset) => *offset += taken,
                        None => self.advance_file(sending.input, taken),
                    }
                }
                Ok(None) => return None,
                Err(errno) if sending.moved == 0 => return Some(Err(errno)),
                Err(_) => break,
            }
        }
        Some(Ok(sending.ended()))
    }

    /// splice
    pub(crate) fn splice(
        &mut self,
        now: Instant,
        (in_fd, in_offset): (i32, Option<i64>),
        (out_fd, out_offset): (i32, Option<i64>),
        len: usize,
        flags: i32,
    ) -> Result<Progress, Errno> {
        if flags & !SPLICE_ALL != 0 {
            return Err(Errno::EINVAL);
        }
        if len == 0 {
            return Ok(Progress::Done(Return::ok(0)));
        }
        let (input, out) = (self.file(in_fd)?, self.file(out_fd)?);
        if !self.files.get(input).can_read() || !self.files.get(out).can_write() {
            return Err(Errno::EBADF);
        }
        let offset = self.splice_offset((input, in_offset), (out, out_offset))?;
        let timeout = match (self.files.socket(input), self.files.socket(out)) {
            (Ok(socket), _) => socket.options.recv_timeout,
            (_, Ok(socket)) => socket.options.send_timeout,
            _ => None,
        };
        let splice = Splice { input, out, offset, len, flags, moved: 0 };
        self.begin(now, Work::Splice(splice), vec![input, out], Patience::of(now, timeout))
    }

    /// The place in a file, if one is given: one side must be a pipe, and only files have places.
    fn splice_offset(
        &self,
        (input, in_offset): (FileId, Option<i64>),
        (out, out_offset): (FileId, Option<i64>),
    ) -> Result<Option<usize>, Errno> {
        let (from, to) = (self.pipe_end(input), self.pipe_end(out));
        let (offset, file) = match (from, to) {
            (None, None) => return Err(Errno::EINVAL),
            (Some(from), Some(to)) if from.pipe == to.pipe => return Err(Errno::EINVAL),
            (Some(_), Some(_)) if in_offset.or(out_offset).is_some() => return Err(Errno::ESPIPE),
            (Some(_), _) if in_offset.is_some() => return Err(Errno::ESPIPE),
            (_, Some(_)) if out_offset.is_some() => return Err(Errno::ESPIPE),
            (Some(_), _) => (out_offset, out),
            (None, Some(_)) => (in_offset, input),
        };
        let Some(offset) = offset else { return Ok(None) };
        if self.peek_file(file, None, 0).is_none() {
            return Err(Errno::EINVAL);
        }
        usize::try_from(offset).map(Some).map_err(|_| Errno::EINVAL)
    }

    pub(crate) fn step_splice(&mut self, now: Instant, splice: &mut Splice) -> Option<Result<Return, Errno>> {
        match (self.pipe_end(splice.input), self.pipe_end(splice.out)) {
            (Some(from), _) => self.splice_from_pipe(now, splice, from),
            (None, Some(to)) => self.splice_to_pipe(now, splice, to),
            (None, None) => Some(Err(Errno::EINVAL)),
        }
    }

    /// What is in the pipe goes on, until all of it has.
    fn splice_from_pipe(&mut self, now: Instant, splice: &mut Splice, from: PipeEnd) -> Option<Result<Return, Errno>> {
        loop {
            let bytes = self.pipe_peek(from, splice.len - splice.moved);
            if bytes.is_empty() {
                let waits = splice.moved == 0 && self.pipe_has_other(from);
                return match waits {
                    true if self.pipe_waits(splice, splice.input) => None,
                    true => Some(Err(Errno::EAGAIN)),
                    false => splice.stop(Ok(())),
                };
            }
            let more = splice.flags & abi::SPLICE_F_MORE != 0;
            let written = match splice.offset {
                Some(at) => self.write_memory(splice.out, Some(at), &bytes).map(Some),
                None => self.write_some(now, splice.out, &bytes, more),
            };
            match written {
                Ok(Some(taken)) => {
                    self.pipe_consume(from, taken);
                    splice.advance(taken);
                }
                Ok(None) if self.out_waits(splice) => return None,
                Ok(None) => return splice.stop(Err(Errno::EAGAIN)),
                Err(errno) => return splice.stop(Err(errno)),
            }
        }
    }

    /// What is there now goes into the pipe, as far as it has room.
    fn splice_to_pipe(&mut self, now: Instant, splice: &mut Splice, to: PipeEnd) -> Option<Result<Return, Errno>> {
        if !self.pipe_has_other(to) {
            return splice.stop(Err(Errno::EPIPE));
        }
        let room = self.pipe_room(to).min(splice.len);
        if room == 0 {
            return if self.pipe_waits(splice, splice.out) { None } else { Some(Err(Errno::EAGAIN)) };
        }
        let bytes = match self.splice_source(now, splice, room)? {
            Ok(bytes) => bytes,
            Err(errno) => return Some(Err(errno)),
        };
        self.pipe_fill(to, &bytes);
        splice.advance(bytes.len());
        Some(Ok(splice.ended()))
    }

    /// What a file or a socket has now, and the end of it as no bytes.
    fn splice_source(&mut self, now: Instant, splice: &Splice, room: usize) -> Option<Result<Vec<u8>, Errno>> {
        if let Some(bytes) = self.peek_file(splice.input, splice.offset, room) {
            if splice.offset.is_none() {
                self.advance_file(splice.input, bytes.len());
            }
            return Some(Ok(bytes));
        }
        match self.read_some(now, splice.input, room) {
            Some(ended) => Some(ended),
            None if self.files.get(splice.input).is_nonblocking() => Some(Err(Errno::EAGAIN)),
            None => None,
        }
    }

    /// Whether the caller waits for a pipe.
    fn pipe_waits(&self, splice: &Splice, pipe: FileId) -> bool {
        splice.flags & abi::SPLICE_F_NONBLOCK == 0 && !self.files.get(pipe).is_nonblocking()
    }

    /// Whether the caller waits for room where it writes to.
    fn out_waits(&self, splice: &Splice) -> bool {
        if self.pipe_end(splice.out).is_some() {
            return self.pipe_waits(splice, splice.out);
        }
        !self.files.get(splice.out).is_nonblocking()
    }
}
