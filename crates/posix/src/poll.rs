//! What can be done without waiting (`tcp_poll`), and those who ask: poll and select.

use crate::file::{FileId, Object};
use crate::process::{Process, Progress};
use crate::work::{Patience, Work};
use crate::{Errno, Output, PollFd, Return, Selected, abi};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Instant, Observer, TcpState};
use limpid_stack::Readiness;

/// Bits that make a descriptor readable for `select`,
const SELECT_READ: u32 = abi::EPOLLRDNORM | abi::EPOLLRDBAND | abi::EPOLLIN | abi::EPOLLHUP | abi::EPOLLERR;
/// writable,
const SELECT_WRITE: u32 = abi::EPOLLWRBAND | abi::EPOLLWRNORM | abi::EPOLLOUT | abi::EPOLLERR;
/// and exceptional.
const SELECT_EXCEPT: u32 = abi::EPOLLPRI;

/// A `poll` that may wait.
#[derive(Debug)]
pub(crate) struct PollCall {
    fds: Vec<PollFd>,
}

impl PollCall {
    /// The time is up.
    pub(crate) fn give_up(self) -> Return {
        Return { value: Ok(0), output: Output::Polled(self.fds) }
    }
}

/// A `select` that may wait.
#[derive(Debug)]
pub(crate) struct SelectCall {
    sets: Selected,
}

impl SelectCall {
    /// The time is up: no descriptor is ready.
    pub(crate) fn give_up(self) -> Return {
        let none = |set: Option<Vec<i32>>| set.map(|_| Vec::new());
        let Selected { read, write, except } = self.sets;
        let sets = Selected { read: none(read), write: none(write), except: none(except) };
        Return { value: Ok(0), output: Output::Selected(sets) }
    }
}

impl<O: Observer> Process<O> {
    /// What can be done with a file now, as epoll's bits. Whoever finds no room to write is told of it later.
    pub(crate) fn level(&mut self, file: FileId) -> u32 {
        match &self.files.get(file).object {
            Object::Socket(_) => self.socket_level(file),
            Object::Pipe(end) => self.pipe_level(*end),
            Object::Memory(_) => abi::EPOLLIN | abi::EPOLLRDNORM | abi::EPOLLOUT | abi::EPOLLWRNORM,
            Object::Epoll(epoll) if epoll.is_ready() => abi::EPOLLIN | abi::EPOLLRDNORM,
            Object::Epoll(_) => 0,
        }
    }

    /// Linux's `tcp_poll`.
    fn socket_level(&mut self, file: FileId) -> u32 {
        let Ok(socket) = self.files.socket(file) else { return abi::EPOLLNVAL };
        let id = socket.id;
        let Ok(ready) = self.stack.readiness(id) else { return abi::EPOLLNVAL };
        let state = self.tcp_state(id);
        if state == TcpState::Listen {
            let acceptable = ready.contains(Readiness::READABLE);
            return if acceptable { abi::EPOLLIN | abi::EPOLLRDNORM } else { 0 };
        }
        let opening = self.stack.is_opening(id);
        let read_shut = ready.contains(Readiness::READ_CLOSED) && state != TcpState::SynSent
            || socket.shut.contains(crate::socket::Shut::READ);
        let mut level = 0;
        if ready.contains(Readiness::CLOSED) || state == TcpState::Closed {
            level |= abi::EPOLLHUP;
        }
        if read_shut {
            level |= abi::EPOLLIN | abi::EPOLLRDNORM | abi::EPOLLRDHUP;
        }
        if !opening {
            if self.is_readable(file) {
                level |= abi::EPOLLIN | abi::EPOLLRDNORM;
            }
            if ready.contains(Readiness::WRITABLE) {
                level |= abi::EPOLLOUT | abi::EPOLLWRNORM;
            } else {
                // It is connected: it has no room.
                let _ = self.stack.await_room(id);
            }
            if self.has_urgent(file) {
                level |= abi::EPOLLPRI;
            }
        }
        if opening && ready.contains(Readiness::WRITABLE) && state == TcpState::SynSent {
            // The SYN waits for what is written.
            level |= abi::EPOLLOUT | abi::EPOLLWRNORM;
        }
        if ready.contains(Readiness::ERROR) || self.has_error(file) {
            level |= abi::EPOLLERR;
        }
        level
    }

    fn has_error(&self, file: FileId) -> bool {
        self.files.socket(file).is_ok_and(|socket| socket.error.is_some()) || self.has_queued_error(file)
    }

    /// poll
    pub(crate) fn poll(&mut self, now: Instant, fds: Vec<PollFd>, timeout: i32) -> Result<Progress, Errno> {
        if fds.len() > self.descriptors.max() {
            return Err(Errno::EINVAL);
        }
        let files = self.files_of(fds.iter().map(|poll| poll.fd));
        self.begin(now, Work::Poll(PollCall { fds }), files, Patience::of(now, milliseconds(timeout)))
    }

    /// The open files of some descriptors, each once.
    fn files_of(&self, fds: impl Iterator<Item = i32>) -> Vec<FileId> {
        let mut files: Vec<FileId> = fds.filter_map(|fd| self.file(fd).ok()).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    pub(crate) fn step_poll(&mut self, poll: &mut PollCall) -> Option<Result<Return, Errno>> {
        let mut count = 0;
        for entry in &mut poll.fds {
            entry.revents = match self.file(entry.fd) {
                _ if entry.fd < 0 => 0,
                Err(_) => abi::POLLNVAL,
                // The bits are the same, as far as they go.
                Ok(file) => self.level(file) as i16 & (entry.events | abi::POLLERR | abi::POLLHUP),
            };
            count += i64::from(entry.revents != 0);
        }
        if count == 0 {
            return None;
        }
        let fds = core::mem::take(&mut poll.fds);
        Some(Ok(Return { value: Ok(count), output: Output::Polled(fds) }))
    }

    /// select
    pub(crate) fn select(
        &mut self,
        now: Instant,
        nfds: i32,
        sets: Selected,
        timeout: Option<Duration>,
    ) -> Result<Progress, Errno> {
        if nfds < 0 {
            return Err(Errno::EINVAL);
        }
        let within = |set: Option<Vec<i32>>| {
            set.map(|fds| {
                let mut fds: Vec<i32> = fds.into_iter().filter(|fd| (0..nfds).contains(fd)).collect();
                fds.sort_unstable();
                fds.dedup();
                fds
            })
        };
        let Selected { read, write, except } = sets;
        let sets = Selected { read: within(read), write: within(write), except: within(except) };
        let fds: Vec<i32> = [&sets.read, &sets.write, &sets.except].into_iter().flatten().flatten().copied().collect();
        fds.iter().try_for_each(|&fd| self.file(fd).map(|_| ()))?;
        let files = self.files_of(fds.into_iter());
        self.begin(now, Work::Select(SelectCall { sets }), files, Patience::of(now, timeout))
    }

    pub(crate) fn step_select(&mut self, select: &SelectCall) -> Option<Result<Return, Errno>> {
        let Selected { read, write, except } = &select.sets;
        let sets = Selected {
            read: self.selected(read.as_deref(), SELECT_READ),
            write: self.selected(write.as_deref(), SELECT_WRITE),
            except: self.selected(except.as_deref(), SELECT_EXCEPT),
        };
        let count: usize = [&sets.read, &sets.write, &sets.except].into_iter().flatten().map(Vec::len).sum();
        (count > 0).then_some(Ok(Return { value: Ok(count as i64), output: Output::Selected(sets) }))
    }

    fn selected(&mut self, fds: Option<&[i32]>, bits: u32) -> Option<Vec<i32>> {
        let ready = |fd: &i32| self.file(*fd).is_ok_and(|file| self.level(file) & bits != 0);
        fds.map(|fds| fds.iter().copied().filter(ready).collect())
    }
}

/// A timeout in ms, where what is negative means for ever.
pub(crate) fn milliseconds(timeout: i32) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}
