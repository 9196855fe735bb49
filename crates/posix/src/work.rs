//! Calls that may have to wait: tried at once, and again whenever what they wait for may have come.

use crate::epoll::EpollWait;
use crate::file::FileId;
use crate::pipe::{PipeRead, PipeWrite};
use crate::poll::{PollCall, SelectCall};
use crate::process::{Process, Progress};
use crate::socket::{Accept, Receive, Send};
use crate::splice::{SendFile, Splice};
use crate::{Errno, Return};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Instant, Observer};
use limpid_stack::SocketId;

/// A call that may wait, and how far it came.
#[derive(Debug)]
pub(crate) enum Work {
    Accept(Accept),
    Connect {
        file: FileId,
        /// An open that another call had begun.
        again: bool,
    },
    Receive(Receive),
    Send(Send),
    /// A close that lingers (SO_LINGER) on a socket without descriptor.
    Linger(SocketId),
    PipeRead(PipeRead),
    PipeWrite(PipeWrite),
    Poll(PollCall),
    Select(SelectCall),
    EpollWait(EpollWait),
    SendFile(SendFile),
    Splice(Splice),
}

/// How long a call waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    Not,
    Until(Instant),
    Forever,
}

impl Patience {
    /// So long from now; for ever if there is no time.
    pub(crate) fn of(now: Instant, time: Option<Duration>) -> Patience {
        match time {
            None => Patience::Forever,
            Some(Duration::ZERO) => Patience::Not,
            Some(time) => Patience::Until(now + time),
        }
    }

    /// Not at all if `nonblocking`.
    pub(crate) fn unless(self, nonblocking: bool) -> Patience {
        if nonblocking { Patience::Not } else { self }
    }
}

impl<O: Observer> Process<O> {
    /// Tries a call. If it has to wait, it becomes a task that holds `files` and is tried again when something happens to one
    /// of them.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        mut work: Work,
        files: Vec<FileId>,
        patience: Patience,
    ) -> Result<Progress, Errno> {
        if let Some(ended) = self.step(now, &mut work) {
            return Ok(Progress::Done(ended));
        }
        let deadline = match patience {
            Patience::Not => return Ok(Progress::Done(self.give_up(now, work))),
            Patience::Until(at) => Some(at),
            Patience::Forever => None,
        };
        if self.tasks.is_full() {
            return Err(Errno::ENOMEM);
        }
        let lingering = if let Work::Linger(socket) = work { Some(socket) } else { None };
        files.iter().for_each(|&file| self.files.hold(file));
        let task = self.tasks.insert(work, files.clone(), deadline);
        for file in files {
            self.files.get_mut(file).waiters.push(task);
        }
        if let Some(socket) = lingering {
            self.lingering.insert(socket, task);
        }
        Ok(Progress::Waits(task))
    }

    /// Tries a call: `None` if it has to wait.
    fn step(&mut self, now: Instant, work: &mut Work) -> Option<Return> {
        let ended = match work {
            Work::Accept(accept) => self.step_accept(now, accept),
            Work::Connect { file, .. } => self.step_connect(now, *file),
            Work::Receive(receive) => self.step_receive(now, receive),
            Work::Send(send) => self.step_send(now, send),
            Work::Linger(socket) => self.step_linger(now, *socket),
            Work::PipeRead(read) => self.step_pipe_read(read),
            Work::PipeWrite(write) => self.step_pipe_write(write),
            Work::Poll(poll) => self.step_poll(poll),
            Work::Select(select) => self.step_select(select),
            Work::EpollWait(wait) => self.step_epoll_wait(wait),
            Work::SendFile(sending) => self.step_send_file(now, sending),
            Work::Splice(splice) => self.step_splice(now, splice),
        };
        ended.map(|result| result.unwrap_or_else(Return::error))
    }

    /// The time is up, or the call does not wait: it ends with what it has.
    fn give_up(&mut self, now: Instant, work: Work) -> Return {
        match work {
            Work::Accept(_) => Return::error(Errno::EAGAIN),
            Work::Connect { again, .. } => Self::give_up_connect(again),
            Work::Receive(receive) => self.give_up_receive(receive),
            Work::Send(send) => self.give_up_send(now, &send),
            Work::Linger(socket) => self.end_linger(now, socket),
            Work::PipeRead(_) => Return::error(Errno::EAGAIN),
            Work::PipeWrite(write) => write.give_up(),
            Work::Poll(poll) => poll.give_up(),
            Work::Select(select) => select.give_up(),
            Work::EpollWait(wait) => wait.give_up(),
            Work::SendFile(sending) => sending.give_up(),
            Work::Splice(splice) => splice.give_up(),
        }
    }

    /// Lets the calls go on that can, until none can.
    pub(crate) fn run(&mut self, now: Instant) {
        self.tasks.wake_overdue(now);
        loop {
            self.carry_loopback(now);
            self.spread_news();
            let Some(id) = self.tasks.next_runnable() else { return };
            let Some(mut task) = self.tasks.take(id) else { continue };
            let ended = match self.step(now, &mut task.work) {
                Some(ended) => ended,
                None if task.deadline.is_some_and(|at| at <= now) => self.give_up(now, task.work),
                None => {
                    self.tasks.put_back(id, task);
                    continue;
                }
            };
            for file in task.files {
                self.files.get_mut(file).waiters.retain(|waiter| *waiter != id);
                self.release(now, file, false);
            }
            self.done.push_back((id, ended));
        }
    }
}
