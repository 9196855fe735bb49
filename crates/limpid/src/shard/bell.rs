//! What wakes a driver's thread, and who waits for connections to accept.

use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};

/// Wakes a driver: a descriptor that is readable once it was rung, until it is silenced.
pub(crate) struct Bell {
    fd: OwnedFd,
    /// Its driver sleeps, or is about to: whoever puts something in its way has to ring.
    asleep: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Bell> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Bell { fd, asleep: AtomicBool::new(false) })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Wakes the driver, or keeps it from falling asleep.
    pub(crate) fn ring(&self) {
        // It fails only if the counter is at its end: then it rings already.
        let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
    }

    /// The same after something was put where the driver looks before it sleeps: it costs nothing while the driver is awake.
    pub(crate) fn ring_if_asleep(&self) {
        // Pairs with the fence in `fall_asleep`: either the driver sees what was put there, or we see that it sleeps.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.ring();
        }
    }

    /// The driver is about to sleep, and looks once more for what others have put in its way.
    pub(crate) fn fall_asleep(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The driver is awake.
    pub(crate) fn stay_awake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    pub(crate) fn silence(&self) {
        // It fails only if it does not ring.
        let _ = rustix::io::read(&self.fd, &mut [0_u8; 8]);
    }
}

/// Where those wait who want to accept a connection, from whichever shard it comes.
#[derive(Default)]
pub(crate) struct Door {
    knocks: Mutex<u64>,
    knocked: Condvar,
}

impl Door {
    /// How often there was a knock.
    pub(crate) fn knocks(&self) -> u64 {
        *self.knocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened to the listener in one of its shards.
    pub(crate) fn knock(&self) {
        let mut knocks = self.knocks.lock().unwrap_or_else(PoisonError::into_inner);
        *knocks += 1;
        self.knocked.notify_all();
    }

    /// Waits for a knock after so many.
    pub(crate) fn wait(&self, heard: u64) {
        let knocks = self.knocks.lock().unwrap_or_else(PoisonError::into_inner);
        // Poisoned or not: the count is whole.
        drop(self.knocked.wait_while(knocks, |knocks| *knocks == heard));
    }
}
