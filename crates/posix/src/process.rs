//! A process: its descriptors, the calls that wait, and what drives them.

use crate::descriptor::{Allot, Descriptor, Descriptors};
use crate::epoll::Key;
use crate::file::{FileId, Object, OpenFiles};
use crate::memory::Contents;
use crate::pipe::Pipes;
use crate::socket::SocketFiles;
use crate::task::{TaskId, Tasks};
use crate::{Call, Errno, Return, abi};
use alloc::collections::{BTreeMap, VecDeque};
use core::fmt;
use core::time::Duration;
use limpid_event::{Instant, Observer, Silent};
use limpid_stack::{IfaceId, RxFrame, SocketId, Stack, TxBatch};

/// A program's view of a [`Stack`]: descriptors and system calls.
pub struct Process<O: Observer = Silent> {
    pub(crate) stack: Stack<O>,
    pub(crate) descriptors: Descriptors,
    pub(crate) files: OpenFiles,
    /// Which file is a socket of the stack.
    pub(crate) sockets: SocketFiles,
    pub(crate) pipes: Pipes,
    pub(crate) contents: Contents,
    pub(crate) tasks: Tasks,
    /// Closes that linger, by their sockets.
    pub(crate) lingering: BTreeMap<SocketId, TaskId>,
    pub(crate) done: VecDeque<(TaskId, Return)>,
}

/// How far a call came.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Progress {
    /// It ended.
    Done(Return),
    /// It waits; [`Process::poll_done`] tells when it ends.
    Waits(TaskId),
}

impl<O: Observer> Process<O> {
    /// A process without descriptors on a stack. Numbers start at 3, the lowest that is free is taken.
    pub fn new(stack: Stack<O>) -> Process<O> {
        Process {
            stack,
            descriptors: Descriptors::new(),
            files: OpenFiles::default(),
            sockets: SocketFiles::default(),
            pipes: Pipes::default(),
            contents: Contents::default(),
            tasks: Tasks::default(),
            lingering: BTreeMap::new(),
            done: VecDeque::new(),
        }
    }

    /// The stack, to set it up or to look at it.
    pub fn stack(&mut self) -> &mut Stack<O> {
        &mut self.stack
    }

    /// Lets the host program give the numbers of descriptors; a number that it gives although it is in use, or beyond the
    /// bound, counts as none (EMFILE). `None` takes the lowest that is free again.
    pub fn set_allot(&mut self, allot: Option<Allot>) {
        self.descriptors.set_allot(allot);
    }

    /// The bound on descriptors (RLIMIT_NOFILE). What is beyond it already stays.
    pub fn set_max_descriptors(&mut self, max: usize) {
        self.descriptors.set_max(max);
    }

    /// The stack's socket behind a descriptor, to look at it.
    ///
    /// # Errors
    /// EBADF if there is no such descriptor, ENOTSOCK if it is no socket.
    pub fn socket_id(&self, fd: i32) -> Result<SocketId, Errno> {
        Ok(self.files.socket(self.file(fd)?)?.id)
    }

    /// Makes a system call.
    pub fn call(&mut self, now: Instant, call: Call) -> Progress {
        let progress = self.dispatch(now, call).unwrap_or_else(|errno| Progress::Done(Return::error(errno)));
        self.run(now);
        let Progress::Waits(task) = progress else { return progress };
        // What it waited for may have come over the loopback interface already.
        match self.done.iter().position(|(ended, _)| *ended == task).and_then(|at| self.done.remove(at)) {
            Some((_, ended)) => Progress::Done(ended),
            None => progress,
        }
    }

    /// A call that waited and has ended, if there is one: in the order in which they ended.
    pub fn poll_done(&mut self, now: Instant) -> Option<(TaskId, Return)> {
        if self.done.is_empty() {
            self.run(now);
        }
        self.done.pop_front()
    }

    /// A frame arrived.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn handle_frame(&mut self, now: Instant, iface: IfaceId, frame: RxFrame) {
        self.stack.handle_frame(now, iface, frame);
        self.run(now);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.stack.handle_timeout(now);
        self.run(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due next: the stack's timers, and the timeouts of calls that wait.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.stack.poll_timeout().into_iter().chain(self.tasks.next_deadline()).min()
    }

    /// Takes what is to be sent on an interface. After each call and each frame, before the next: then segments are cut
    /// where a kernel cuts them.
    pub fn poll_transmit(&mut self, now: Instant, iface: IfaceId, batch: &mut TxBatch) {
        self.stack.poll_transmit(now, iface, batch);
    }

    /// As on Linux, what goes to this host itself is there when the call returns.
    pub(crate) fn carry_loopback(&mut self, now: Instant) {
        if self.stack.poll_timeout() == Some(Instant::ZERO) {
            self.stack.handle_timeout(now);
        }
    }

    /// Tells those who wait for sockets what newly happened to them.
    pub(crate) fn spread_news(&mut self) {
        self.spread_news_except(None);
    }

    /// The same, without one socket.
    pub(crate) fn spread_news_except(&mut self, except: Option<SocketId>) {
        while let Some((socket, woke)) = self.stack.poll_ready() {
            if Some(socket) == except {
                continue;
            }
            match (self.sockets.file(socket), self.lingering.get(&socket)) {
                (Some(file), _) => self.notify(file, Key::of(woke)),
                (None, Some(&task)) => self.tasks.wake(task),
                (None, None) => {}
            }
        }
    }

    /// Something happened to a file: calls that wait for it are tried again, and epoll instances note it.
    pub(crate) fn notify(&mut self, file: FileId, key: Key) {
        let open = self.files.get(file);
        for &task in &open.waiters {
            self.tasks.wake(task);
        }
        if !open.watchers.is_empty() {
            self.notify_watchers(file, key);
        }
    }

    /// The open file of a descriptor.
    pub(crate) fn file(&self, fd: i32) -> Result<FileId, Errno> {
        Ok(self.descriptors.get(fd)?.file)
    }

    /// The open file of a descriptor, if it is a socket.
    pub(crate) fn socket_file(&self, fd: i32) -> Result<FileId, Errno> {
        let file = self.file(fd)?;
        self.files.socket(file)?;
        Ok(file)
    }

    /// Opens a file under a new number. `flags` may have O_NONBLOCK and O_CLOEXEC, and say how it is accessed.
    pub(crate) fn open_file(&mut self, object: Object, flags: i32) -> Result<i32, Errno> {
        let fd = self.descriptors.reserve(0)?;
        self.open_file_at(fd, object, flags);
        Ok(fd)
    }

    /// The same under a number that is reserved.
    pub(crate) fn open_file_at(&mut self, fd: i32, object: Object, flags: i32) {
        let file = self.files.insert(object, flags & !abi::O_CLOEXEC);
        if let Object::Socket(socket) = &self.files.get(file).object {
            self.sockets.enter(socket.id, file);
        }
        self.descriptors.insert(fd, Descriptor { file, close_on_exec: flags & abi::O_CLOEXEC != 0 });
    }

    /// Lets go of a reference to a file. With the last the file is closed; that close may have to be waited for, if somebody
    /// can.
    pub(crate) fn release(&mut self, now: Instant, file: FileId, may_linger: bool) -> Option<(SocketId, Duration)> {
        let closed = self.files.release(file)?;
        for watcher in closed.watchers {
            self.forget_watched(watcher, file);
        }
        match closed.object {
            Object::Socket(socket) => {
                self.sockets.leave(socket.id);
                return self.close_socket(now, &socket, may_linger);
            }
            Object::Pipe(end) => self.close_pipe(end),
            Object::Epoll(epoll) => self.close_epoll(file, epoll),
            Object::Memory(_) => {}
        }
        None
    }
}

impl<O: Observer> fmt::Debug for Process<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("descriptors", &self.descriptors)
            .field("waiting", &self.tasks.len())
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}
