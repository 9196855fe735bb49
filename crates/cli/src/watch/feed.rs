//! The thread that reads packets, and the bounded queue between it and the one that shows them.
//!
//! A file waits when the queue is full. A live source does not: what finds no room is dropped and counted, apart from
//! what the kernel dropped before it got here.

use super::batch::Batch;
use crate::error::CliError;
use rustix::event::{EventfdFlags, eventfd};
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, iter};

/// The most batches that wait to be shown.
const MAX_BATCHES: usize = 4096;
/// The most bytes that wait to be shown.
const MAX_WAITING: usize = 32 * 1024 * 1024;
/// How long a source that waits for room, or for the time of its next packet, goes without asking whether to stop.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// Where packets come from.
pub(crate) trait Source: Send {
    /// Adds the packets that are there, as many as the batch takes. Returns after [`PATIENCE`] at most if none come.
    /// False at the end.
    ///
    /// # Errors
    /// If there can be no more because of a failure; what was added before counts.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, CliError>;

    /// What time it is at this source, nanoseconds since 1970; `None` where only its packets tell.
    fn now(&self) -> Option<i64>;

    /// Packets that the kernel dropped since the beginning, for want of room.
    fn dropped_by_kernel(&mut self) -> u64;

    /// Whether packets are dropped where there is no room for them. Else the source waits.
    fn is_live(&self) -> bool;
}

/// What comes out of the queue.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// Packets.
    Packets(Batch),
    /// There are no more; why, if something failed.
    Ended(Option<CliError>),
}

/// What both threads know.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    waiting: AtomicUsize,
    dropped_here: AtomicU64,
    dropped_by_kernel: AtomicU64,
    /// The source's clock when it was last asked; `i64::MIN` for none.
    clock: AtomicI64,
}

/// The receiving end. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Feed {
    receiver: Option<Receiver<Delivery>>,
    wake: Arc<OwnedFd>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// [`Delivery::Ended`] was taken, or it is asked for no more.
    ended: Cell<bool>,
}

impl Feed {
    /// Starts reading.
    pub(crate) fn start(source: impl Source + 'static) -> io::Result<Feed> {
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let shared = Arc::new(Shared { clock: AtomicI64::new(i64::MIN), ..Shared::default() });
        let (sender, receiver) = sync_channel(MAX_BATCHES);
        let pump = Pump { source, sender, wake: wake.clone(), shared: shared.clone() };
        let bell = Bell(wake.clone());
        let thread = std::thread::Builder::new().name("packets".into()).spawn(move || {
            // Rung last, whatever becomes of the thread: whoever waits learns of it.
            let _bell = bell;
            let mut pump = pump;
            pump.run();
        })?;
        Ok(Feed { receiver: Some(receiver), wake, shared, thread: Some(thread), ended: Cell::new(false) })
    }

    /// Readable when something may be there to [`take`](Self::take).
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// What is there. [`fd`](Self::fd) is readable again only after the next delivery: take until `None`.
    pub(crate) fn take(&self) -> Option<Delivery> {
        match self.receiver.as_ref()?.try_recv() {
            Ok(delivery) => Some(self.taken(delivery)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) if self.ended.replace(true) => None,
            Err(TryRecvError::Disconnected) => {
                let why = "the thread that reads packets has stopped without a word";
                Some(Delivery::Ended(Some(CliError::run("reading packets", why))))
            }
        }
    }

    /// Asks the source to end, and answers the packets that are still on their way. A source that does not come to its
    /// end soon, as a pipe that says nothing, is not waited for.
    pub(crate) fn stop(&self) -> impl Iterator<Item = Batch> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.ended.set(true);
        let until = Instant::now() + 3 * PATIENCE;
        iter::from_fn(move || {
            let left = until.saturating_duration_since(Instant::now());
            match self.taken(self.receiver.as_ref()?.recv_timeout(left).ok()?) {
                Delivery::Packets(batch) => Some(batch),
                Delivery::Ended(_) => None,
            }
        })
    }

    fn taken(&self, delivery: Delivery) -> Delivery {
        match &delivery {
            Delivery::Packets(batch) => _ = self.shared.waiting.fetch_sub(batch.size(), Ordering::Relaxed),
            Delivery::Ended(_) => self.ended.set(true),
        }
        delivery
    }

    /// Makes [`fd`](Self::fd) unreadable until the next delivery. To be called before the queue is emptied.
    pub(crate) fn acknowledge(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.wake, &mut count);
    }

    /// Makes [`fd`](Self::fd) readable: not everything was taken.
    pub(crate) fn remind(&self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// What time it is where the packets come from, if that is known apart from them.
    pub(crate) fn now(&self) -> Option<i64> {
        Some(self.shared.clock.load(Ordering::Relaxed)).filter(|now| *now != i64::MIN)
    }

    /// Packets that the kernel dropped, and packets that found no room here.
    pub(crate) fn dropped(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.shared.dropped_by_kernel), load(&self.shared.dropped_here))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A thread that waits for room finds that nobody listens.
        self.receiver = None;
        // One that reads from a pipe may wait for its writer for ever: it ends with the process.
        if let Some(thread) = self.thread.take().filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}

/// Wakes whoever takes when it is dropped.
struct Bell(Arc<OwnedFd>);

impl Drop for Bell {
    fn drop(&mut self) {
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// The sending end, with its thread.
struct Pump<S> {
    source: S,
    sender: SyncSender<Delivery>,
    wake: Arc<OwnedFd>,
    shared: Arc<Shared>,
}

impl<S: Source> Pump<S> {
    fn run(&mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let mut batch = Batch::default();
            let filled = self.source.fill(&mut batch);
            self.shared.clock.store(self.source.now().unwrap_or(i64::MIN), Ordering::Relaxed);
            self.shared.dropped_by_kernel.store(self.source.dropped_by_kernel(), Ordering::Relaxed);
            if !batch.is_empty() && !self.send(batch) {
                return;
            }
            let end = match filled {
                Ok(true) => continue,
                Ok(false) => None,
                Err(error) => Some(error),
            };
            let _ = self.sender.send(Delivery::Ended(end));
            return self.ring();
        }
    }

    /// Sends a batch, or drops it. False if nobody listens any more.
    fn send(&mut self, batch: Batch) -> bool {
        let (size, packets) = (batch.size(), batch.len() as u64);
        while self.shared.waiting.load(Ordering::Relaxed) + size > MAX_WAITING {
            if self.source.is_live() {
                self.shared.dropped_here.fetch_add(packets, Ordering::Relaxed);
                return true;
            }
            if self.shared.stop.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.shared.waiting.fetch_add(size, Ordering::Relaxed);
        let sent = if self.source.is_live() {
            match self.sender.try_send(Delivery::Packets(batch)) {
                Err(TrySendError::Full(_)) => {
                    self.shared.waiting.fetch_sub(size, Ordering::Relaxed);
                    self.shared.dropped_here.fetch_add(packets, Ordering::Relaxed);
                    true
                }
                other => other.is_ok(),
            }
        } else {
            self.sender.send(Delivery::Packets(batch)).is_ok()
        };
        self.ring();
        sent
    }

    /// Wakes whoever takes.
    fn ring(&self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limpid_scope::capture::{CapturedPacket, LinkType};

    /// One packet at a time; at the hundredth it falls over if it is to.
    struct Counting {
        number: u64,
        falls: bool,
    }

    impl Source for Counting {
        fn fill(&mut self, batch: &mut Batch) -> Result<bool, CliError> {
            self.number += 1;
            // A panic's message would be printed: unwinding without one is the same to those who wait.
            if self.falls && self.number == 100 {
                std::panic::resume_unwind(Box::new(()));
            }
            batch.push(&CapturedPacket::whole(self.number, 0, LinkType::RAW, vec![0; 1000]).lend(), 1000);
            Ok(true)
        }

        fn now(&self) -> Option<i64> {
            None
        }

        fn dropped_by_kernel(&mut self) -> u64 {
            0
        }

        fn is_live(&self) -> bool {
            false
        }
    }

    fn wait(feed: &Feed) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let timeout = Timespec { tv_sec: 10, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&feed.fd(), PollFlags::IN)], Some(&timeout));
        assert_eq!(ready, Ok(1), "the feed wakes who waits");
        feed.acknowledge();
    }

    #[test]
    fn a_source_that_falls_over_is_an_end_with_an_error() {
        let feed = Feed::start(Counting { number: 0, falls: true }).expect("it starts");
        let mut packets = 0;
        let error = loop {
            wait(&feed);
            let mut end = None;
            while let Some(delivery) = feed.take() {
                match delivery {
                    Delivery::Packets(batch) => packets += batch.len(),
                    Delivery::Ended(why) => end = Some(why),
                }
            }
            if let Some(why) = end {
                break why;
            }
        };
        assert_eq!((packets, feed.take().is_none()), (99, true));
        assert!(error.is_some_and(|error| error.why().contains("without a word")));
    }

    /// What was on its way is handed over, in order and without a gap, and then there is no more.
    #[test]
    fn stopping_hands_over_what_is_on_its_way() {
        let feed = Feed::start(Counting { number: 0, falls: false }).expect("it starts");
        wait(&feed);
        let numbers: Vec<u64> = feed.stop().flat_map(|b| b.iter().map(|p| p.number).collect::<Vec<_>>()).collect();
        assert!(!numbers.is_empty() && numbers.iter().copied().eq(1..=numbers.len() as u64));
        assert!(feed.take().is_none());
    }
}
