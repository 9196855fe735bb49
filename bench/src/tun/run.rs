//! One run: what was received, until it is told to stop.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Windows and buffers grow first.
const WARM_UP: Duration = Duration::from_millis(400);
/// How long a device is waited for before a thread looks whether it should end.
const LOOK: Duration = Duration::from_millis(20);

/// What the threads of a run share.
#[derive(Clone, Default)]
pub(crate) struct Run(Arc<Shared>);

#[derive(Default)]
struct Shared {
    received: AtomicU64,
    over: AtomicBool,
}

/// What bulk transfer came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bulk {
    /// Goodput, bits a second.
    pub(crate) by_clock: f64,
    /// Bits for each second of processor time, of both ends and all between them.
    pub(crate) by_processor: f64,
}

impl Run {
    /// The receiving application has so many more bytes.
    pub(crate) fn count(&self, bytes: usize) {
        self.0.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }

    /// Lets it run, and says what was received meanwhile.
    pub(crate) fn measure(&self, span: Duration) -> io::Result<Bulk> {
        std::thread::sleep(WARM_UP);
        let look = || (self.0.received.load(Ordering::Relaxed), Instant::now(), processor_time());
        let before = look();
        std::thread::sleep(span);
        let after = look();
        let bits = (after.0 - before.0) as f64 * 8.0;
        if bits == 0.0 {
            return Err(io::Error::other("nothing was received"));
        }
        let by_clock = bits / (after.1 - before.1).as_secs_f64();
        Ok(Bulk { by_clock, by_processor: bits / (after.2 - before.2).as_secs_f64().max(1e-9) })
    }

    /// Starts a thread that works until the run is over.
    pub(crate) fn spawn(&self, work: impl FnOnce(&Run) -> io::Result<()> + Send + 'static) -> Worker {
        let run = self.clone();
        Worker { run: self.clone(), thread: Some(std::thread::spawn(move || work(&run))) }
    }
}

/// A thread of a run. Dropping it ends the run.
pub(crate) struct Worker {
    run: Run,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.run.0.over.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => eprintln!("a driver ended: {error}"),
            Some(Err(_)) => eprintln!("a driver panicked"),
            _ => {}
        }
    }
}

/// Processor time of all threads, in the kernel too.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Waits for one of the descriptors, or for `timeout`, but not for long.
pub(crate) fn wait<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    events: PollFlags,
    timeout: Option<Duration>,
) -> io::Result<()> {
    let mut fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, events));
    let timeout = timeout.unwrap_or(LOOK).min(LOOK);
    let timeout = Timespec { tv_sec: 0, tv_nsec: timeout.as_nanos() as i64 };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
