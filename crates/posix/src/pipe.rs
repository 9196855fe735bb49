//! Pipes: a bounded queue of bytes with an end to write and an end to read.
//!
//! A pipe holds as many bytes as its capacity says, where Linux counts pages. As there it can be written when a whole
//! PIPE_BUF fits, and as many bytes are never torn apart.

use crate::epoll::Key;
use crate::file::{FileId, Object};
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Errno, Output, Return, abi};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Instant, Observer};
use slab::Slab;

/// As many bytes are written whole or not at all.
const PIPE_BUF: usize = 4096;

/// The capacity of a new pipe, bytes.
const DEFAULT_CAPACITY: usize = 65_536;

/// The largest capacity, bytes (`fs.pipe-max-size`).
const MAX_CAPACITY: usize = 1 << 20;

/// One end of a pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PipeEnd {
    pub(crate) pipe: usize,
    pub(crate) writes: bool,
}

#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// The open file of the end to read, while it is there,
    reader: Option<FileId>,
    /// and that of the end to write.
    writer: Option<FileId>,
}

/// All pipes.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    slab: Slab<Pipe>,
}

/// A read that may wait.
#[derive(Debug)]
pub(crate) struct PipeRead {
    file: FileId,
    len: usize,
}

/// A write that may wait.
#[derive(Debug)]
pub(crate) struct PipeWrite {
    file: FileId,
    bytes: Vec<u8>,
    written: usize,
}

impl PipeWrite {
    /// What was taken so far, or why nothing was.
    pub(crate) fn give_up(self) -> Return {
        if self.written > 0 { Return::ok(self.written as i64) } else { Return::error(Errno::EAGAIN) }
    }
}

impl<O: Observer> Process<O> {
    /// pipe2
    pub(crate) fn make_pipe(&mut self, flags: i32) -> Result<Return, Errno> {
        if flags & !(abi::O_NONBLOCK | abi::O_CLOEXEC) != 0 {
            return Err(Errno::EINVAL);
        }
        let pipe = Pipe { bytes: VecDeque::new(), capacity: DEFAULT_CAPACITY, reader: None, writer: None };
        let pipe = self.pipes.slab.insert(pipe);
        let mut fds = [0; 2];
        for (fd, writes) in fds.iter_mut().zip([false, true]) {
            let access = if writes { abi::O_WRONLY } else { abi::O_RDONLY };
            let opened = self.open_file(Object::Pipe(PipeEnd { pipe, writes }), access | flags);
            *fd = match opened {
                Ok(fd) => fd,
                Err(errno) => {
                    self.unmake_pipe(pipe, fds[0], writes);
                    return Err(errno);
                }
            };
            let file = self.file(*fd)?;
            let pipe = &mut self.pipes.slab[pipe];
            *(if writes { &mut pipe.writer } else { &mut pipe.reader }) = Some(file);
        }
        Ok(Return { value: Ok(0), output: Output::Pair(fds) })
    }

    /// The second descriptor could not be had: takes the first back.
    fn unmake_pipe(&mut self, pipe: usize, first: i32, had_first: bool) {
        if !had_first {
            self.pipes.slab.remove(pipe);
        } else if let Ok(descriptor) = self.descriptors.remove(first) {
            let _ = self.release(Instant::ZERO, descriptor.file, false);
        }
    }

    /// The last reference to an end is gone.
    pub(crate) fn close_pipe(&mut self, end: PipeEnd) {
        let pipe = &mut self.pipes.slab[end.pipe];
        *(if end.writes { &mut pipe.writer } else { &mut pipe.reader }) = None;
        match pipe.reader.or(pipe.writer) {
            Some(other) => self.notify(other, Key::ALL),
            None => {
                self.pipes.slab.remove(end.pipe);
            }
        }
    }

    pub(crate) fn pipe_end(&self, file: FileId) -> Option<PipeEnd> {
        match self.files.get(file).object {
            Object::Pipe(end) => Some(end),
            _ => None,
        }
    }

    /// What `poll` says of an end.
    pub(crate) fn pipe_level(&self, end: PipeEnd) -> u32 {
        let pipe = &self.pipes.slab[end.pipe];
        let mut level = 0;
        if end.writes {
            if pipe.capacity - pipe.bytes.len() >= PIPE_BUF {
                level |= abi::EPOLLOUT | abi::EPOLLWRNORM;
            }
            if pipe.reader.is_none() {
                level |= abi::EPOLLERR;
            }
        } else {
            if !pipe.bytes.is_empty() {
                level |= abi::EPOLLIN | abi::EPOLLRDNORM;
            }
            if pipe.writer.is_none() {
                level |= abi::EPOLLHUP;
            }
        }
        level
    }

    /// Bytes in a pipe.
    pub(crate) fn pipe_len(&self, end: PipeEnd) -> usize {
        self.pipes.slab[end.pipe].bytes.len()
    }

    /// How many bytes there is room for.
    pub(crate) fn pipe_room(&self, end: PipeEnd) -> usize {
        let pipe = &self.pipes.slab[end.pipe];
        pipe.capacity - pipe.bytes.len()
    }

    /// Whether the other end is open.
    pub(crate) fn pipe_has_other(&self, end: PipeEnd) -> bool {
        let pipe = &self.pipes.slab[end.pipe];
        if end.writes { pipe.reader.is_some() } else { pipe.writer.is_some() }
    }

    /// The first bytes of a pipe, which stay in it.
    pub(crate) fn pipe_peek(&self, end: PipeEnd, len: usize) -> Vec<u8> {
        self.pipes.slab[end.pipe].bytes.iter().take(len).copied().collect()
    }

    /// Takes bytes out of a pipe.
    pub(crate) fn pipe_consume(&mut self, end: PipeEnd, len: usize) {
        let pipe = &mut self.pipes.slab[end.pipe];
        pipe.bytes.drain(..len);
        if let Some(writer) = pipe.writer.filter(|_| len > 0) {
            self.notify(writer, Key::WRITE);
        }
    }

    /// Puts bytes into a pipe that has room for them.
    pub(crate) fn pipe_fill(&mut self, end: PipeEnd, bytes: &[u8]) {
        let pipe = &mut self.pipes.slab[end.pipe];
        pipe.bytes.extend(bytes);
        if let Some(reader) = pipe.reader.filter(|_| !bytes.is_empty()) {
            self.notify(reader, Key::READ);
        }
    }

    pub(crate) fn read_pipe(&mut self, now: Instant, file: FileId, len: usize) -> Result<Progress, Errno> {
        let patience = Patience::of(now, None).unless(self.files.get(file).is_nonblocking());
        self.begin(now, Work::PipeRead(PipeRead { file, len }), vec![file], patience)
    }

    pub(crate) fn step_pipe_read(&mut self, read: &PipeRead) -> Option<Result<Return, Errno>> {
        let Some(end) = self.pipe_end(read.file) else { return Some(Err(Errno::EBADF)) };
        if read.len > 0 && self.pipe_len(end) == 0 && self.pipe_has_other(end) {
            return None;
        }
        let bytes = self.pipe_peek(end, read.len);
        self.pipe_consume(end, bytes.len());
        Some(Ok(Return { value: Ok(bytes.len() as i64), output: Output::Bytes(bytes) }))
    }

    pub(crate) fn write_pipe(&mut self, now: Instant, file: FileId, bytes: Vec<u8>) -> Result<Progress, Errno> {
        let patience = Patience::of(now, None).unless(self.files.get(file).is_nonblocking());
        self.begin(now, Work::PipeWrite(PipeWrite { file, bytes, written: 0 }), vec![file], patience)
    }

    pub(crate) fn step_pipe_write(&mut self, write: &mut PipeWrite) -> Option<Result<Return, Errno>> {
        let Some(end) = self.pipe_end(write.file) else { return Some(Err(Errno::EBADF)) };
        if write.bytes.is_empty() {
            return Some(Ok(Return::ok(0)));
        }
        if !self.pipe_has_other(end) {
            let failed = if write.written > 0 { Ok(Return::ok(write.written as i64)) } else { Err(Errno::EPIPE) };
            return Some(failed);
        }
        let left = &write.bytes[write.written..];
        let room = self.pipe_room(end);
        if room < left.len().min(PIPE_BUF) {
            return None;
        }
        let taken = room.min(left.len());
        self.pipe_fill(end, &left[..taken]);
        write.written += taken;
        (write.written == write.bytes.len()).then(|| Ok(Return::ok(write.written as i64)))
    }

    /// F_GETPIPE_SZ
    pub(crate) fn pipe_capacity(&self, file: FileId) -> Result<i64, Errno> {
        let end = self.pipe_end(file).ok_or(Errno::EBADF)?;
        Ok(self.pipes.slab[end.pipe].capacity as i64)
    }

    /// F_SETPIPE_SZ: rounded up to a power of two of pages, and not below what is in the pipe.
    pub(crate) fn set_pipe_capacity(&mut self, file: FileId, wanted: i64) -> Result<i64, Errno> {
        let end = self.pipe_end(file).ok_or(Errno::EBADF)?;
        let wanted = usize::try_from(wanted).map_err(|_| Errno::EINVAL)?.max(PIPE_BUF);
        if wanted > MAX_CAPACITY {
            return Err(Errno::EPERM);
        }
        let capacity = wanted.next_power_of_two();
        let pipe = &mut self.pipes.slab[end.pipe];
        if pipe.bytes.len() > capacity {
            return Err(Errno::EBUSY);
        }
        pipe.capacity = capacity;
        Ok(capacity as i64)
    }
}
