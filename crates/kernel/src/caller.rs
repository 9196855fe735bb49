//! Threads that make calls, so that whoever asks for one can go on when it waits.

use crate::interrupt;
use crate::process::{Process, Unsupported, lock};
use limpid_posix::{Call, Return};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::thread::Pid;
use std::collections::VecDeque;
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most calls that may wait at the same time.
pub const MAX_WAITING: usize = 64;
/// How long a call may go on without its thread being seen at work or asleep before it counts as waiting.
const UNKNOWN_PATIENCE: Duration = Duration::from_millis(20);
/// How often to look whether a call that was just started waits.
const LOOK: Duration = Duration::from_micros(50);
/// How long all threads together may take to leave calls that are interrupted. No signal ends some sleeps in the kernel: a thread in one of
/// them is left to itself, with its share in the process.
const PATIENCE: Duration = Duration::from_secs(5);
/// Stack of a thread that makes calls, bytes: it does nothing else.
const STACK: usize = 256 << 10;

/// Makes calls of a [`Process`] on threads of its own: one, and another for each call that waits.
///
/// The threads are in the network namespace, and have the priority, of the thread that made it. Dropping it interrupts the calls
/// that wait and ends the threads, within seconds.
pub struct Caller {
    process: Arc<Process>,
    workers: Vec<Worker>,
    shared: Arc<Shared>,
    next: u64,
}

/// A call that was started; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(u64);

impl Ticket {
    /// Its number, from 1 on.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// How far a call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Its thread is at work.
    Running,
    /// Its thread sleeps in the call until something happens.
    Waiting,
    /// It has ended; [`Caller::poll_ended`] gives or gave the result.
    Ended,
}

/// A call that has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Which.
    pub ticket: Ticket,
    /// When it came back.
    pub at: Instant,
    /// What it returned.
    pub result: Result<Return, Unsupported>,
}

/// What the threads tell.
struct Shared {
    ended: Mutex<VecDeque<Ended>>,
    /// Readable while there is something in `ended`.
    bell: OwnedFd,
    stopping: AtomicBool,
}

/// Where a thread is, by a call's ticket; 0 for none.
#[derive(Default)]
struct Progress {
    /// The call that it was given and has not told the end of.
    given: AtomicU64,
    /// The call that it is in.
    inside: AtomicU64,
}

struct Worker {
    jobs: Option<Sender<(Ticket, Call)>>,
    progress: Arc<Progress>,
    started: Instant,
    id: Pid,
    thread: Option<JoinHandle<()>>,
}

impl Caller {
    /// Makes calls of this process.
    ///
    /// # Errors
    /// If there is no room for a thread or a descriptor, or every signal is in use.
    pub fn new(process: Arc<Process>) -> io::Result<Caller> {
        interrupt::prepare()?;
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { ended: Mutex::default(), bell, stopping: AtomicBool::new(false) });
        let mut caller = Caller { process, workers: Vec::new(), shared, next: 1 };
        caller.workers.push(caller.worker()?);
        Ok(caller)
    }

    /// Starts a call.
    ///
    /// # Errors
    /// If [`MAX_WAITING`] calls wait already, or there is no room for another thread.
    pub fn start(&mut self, call: Call) -> io::Result<Ticket> {
        let free = self.workers.iter().position(|worker| worker.progress.given.load(Ordering::Acquire) == 0);
        let index = match free {
            Some(index) => index,
            None if self.workers.len() < MAX_WAITING => {
                self.workers.push(self.worker()?);
                self.workers.len() - 1
            }
            None => return Err(io::Error::other(format!("{MAX_WAITING} calls wait already"))),
        };
        let ticket = Ticket(self.next);
        self.next += 1;
        let worker = &mut self.workers[index];
        worker.progress.given.store(ticket.0, Ordering::Release);
        worker.started = Instant::now();
        let sent = worker.jobs.as_ref().map(|jobs| jobs.send((ticket, call)));
        match sent {
            Some(Ok(())) => Ok(ticket),
            _ => Err(io::Error::other("the thread for system calls is gone")),
        }
    }

    /// How far a call is.
    pub fn state(&self, ticket: Ticket) -> State {
        let is_given = |worker: &&Worker| worker.progress.given.load(Ordering::Acquire) == ticket.0;
        let is_inside = |worker: &Worker| worker.progress.inside.load(Ordering::Acquire) == ticket.0;
        let Some(worker) = self.workers.iter().find(is_given) else { return State::Ended };
        let was_inside = is_inside(worker);
        let asleep = is_asleep(worker.id).unwrap_or_else(|| worker.started.elapsed() > UNKNOWN_PATIENCE);
        // A thread that has nothing to do sleeps, too: it counts only if it was in the call before and after.
        let waits = was_inside && asleep && is_inside(worker);
        match (waits, is_given(&worker)) {
            (true, _) => State::Waiting,
            (false, true) => State::Running,
            (false, false) => State::Ended,
        }
    }

    /// A call that has ended, the oldest first.
    pub fn poll_ended(&mut self) -> Option<Ended> {
        let mut ended = lock(&self.shared.ended);
        let oldest = ended.pop_front();
        if ended.is_empty() {
            // It was not rung if this fails.
            let _ = rustix::io::read(&self.shared.bell, &mut [0_u8; 8]);
        }
        oldest
    }

    /// Waits until a call ends or its thread falls asleep in it.
    pub fn settle(&self, ticket: Ticket) -> State {
        loop {
            match self.state(ticket) {
                State::Running => {}
                settled => return settled,
            }
            if lock(&self.shared.ended).is_empty() {
                let mut fds = [PollFd::new(&self.shared.bell, PollFlags::IN)];
                // If it fails there is the next look.
                let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: LOOK.as_nanos() as i64 }));
            } else {
                // The bell rings for another call.
                std::thread::sleep(LOOK);
            }
        }
    }

    fn worker(&self) -> io::Result<Worker> {
        let (jobs, queue) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let progress = Arc::new(Progress::default());
        let (process, shared, mine) = (Arc::clone(&self.process), Arc::clone(&self.shared), Arc::clone(&progress));
        let body = move || {
            interrupt::block_sigpipe();
            // The maker waits for it.
            let _ = tell.send(rustix::thread::gettid());
            work(&process, &shared, &mine, &queue);
        };
        let thread = std::thread::Builder::new().name("limpid-calls".to_owned()).stack_size(STACK).spawn(body)?;
        let id = told.recv().map_err(io::Error::other)?;
        Ok(Worker { jobs: Some(jobs), progress, started: Instant::now(), id, thread: Some(thread) })
    }
}

impl AsFd for Caller {
    /// Readable while a call has ended that [`poll_ended`](Caller::poll_ended) has not given.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.bell.as_fd()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.workers.iter_mut().for_each(|worker| worker.jobs = None);
        let began = Instant::now();
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            // A signal that comes before its call has begun is lost, so there may have to be another.
            while !thread.is_finished() && began.elapsed() < PATIENCE {
                interrupt::interrupt(&thread);
                std::thread::sleep(Duration::from_micros(200));
            }
            if thread.is_finished() {
                // How, nobody needs to know.
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("process", &self.process)
            .field("threads", &self.workers.len())
            .finish_non_exhaustive()
    }
}

/// A thread's life.
fn work(process: &Process, shared: &Shared, progress: &Progress, queue: &Receiver<(Ticket, Call)>) {
    while let Ok((ticket, call)) = queue.recv() {
        if shared.stopping.load(Ordering::Acquire) {
            return;
        }
        progress.inside.store(ticket.0, Ordering::Release);
        let result = process.call(call);
        let at = Instant::now();
        progress.inside.store(0, Ordering::Release);
        let mut ended = lock(&shared.ended);
        ended.push_back(Ended { ticket, at, result });
        // A bell that can't ring more is ringing.
        let _ = rustix::io::write(&shared.bell, &1_u64.to_ne_bytes());
        progress.given.store(0, Ordering::Release);
    }
}

/// True if a thread of this process sleeps until something wakes it (state S), false if it is at work or in a sleep that is soon
/// over (state D: a lock, a page); `None` if that can't be read.
fn is_asleep(thread: Pid) -> Option<bool> {
    let stat = fs::read(format!("/proc/self/task/{thread}/stat")).ok()?;
    // After the name, which is in parentheses and may hold anything.
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    Some(stat.get(name_ends + 2) == Some(&b'S'))
}

#[cfg(test)]
mod tests;
