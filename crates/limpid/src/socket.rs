//! What streams and listeners have in common: a socket of a stack, and how to wait for it.

use crate::error::invalid;
use crate::host::Inner;
use crate::shard::{Door, Engine, Shard, Waiter};
use limpid_event::{Error, Instant};
use limpid_stack::{SocketId, Stack};
use limpid_tcp::Config;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A socket. Clones of a stream share one, as duplicates of a descriptor do.
pub(crate) struct Socket {
    pub(crate) host: Arc<Inner>,
    pub(crate) id: SocketId,
    ready: Arc<Condvar>,
    nonblocking: AtomicBool,
    timeouts: Mutex<Timeouts>,
}

/// SO_RCVTIMEO and SO_SNDTIMEO.
#[derive(Clone, Copy, Default)]
struct Timeouts {
    read: Option<Duration>,
    write: Option<Duration>,
}

/// Which of the two timeouts counts.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Socket {
    /// Takes a new socket over: it is closed when this value is dropped.
    pub(crate) fn new(host: &Arc<Inner>, id: SocketId) -> io::Result<Socket> {
        let ready = Arc::new(Condvar::new());
        Socket::with(host, id, Waiter::Stream(ready.clone()), ready)
    }

    /// The same of a listener's socket in one shard, where all who wait for its connections wait at `door`.
    pub(crate) fn listening(host: &Arc<Inner>, id: SocketId, door: &Arc<Door>) -> io::Result<Socket> {
        Socket::with(host, id, Waiter::Listener(door.clone()), Arc::default())
    }

    fn with(host: &Arc<Inner>, id: SocketId, waiter: Waiter, ready: Arc<Condvar>) -> io::Result<Socket> {
        host.shard_of(id).register(id, waiter)?;
        let (nonblocking, timeouts) = (AtomicBool::new(false), Mutex::default());
        Ok(Socket { host: host.clone(), id, ready, nonblocking, timeouts })
    }

    pub(crate) fn shard(&self) -> &Shard {
        self.host.shard_of(self.id)
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    /// Gives the stack a command that never waits.
    pub(crate) fn call<T>(
        &self,
        command: impl FnOnce(&mut Engine, SocketId, Instant) -> Result<T, Error>,
    ) -> io::Result<T> {
        self.shard().call(|stack, now| command(stack, self.id, now))
    }

    /// Gives the stack a command, and waits while it would block: not at all if the socket is nonblocking, no longer
    /// than the direction's timeout.
    pub(crate) fn wait<T>(
        &self,
        direction: Direction,
        mut command: impl FnMut(&mut Engine, SocketId, Instant) -> Result<T, Error>,
    ) -> io::Result<T> {
        if self.is_nonblocking() {
            return self.call(command);
        }
        let timeout = self.timeout(direction);
        let deadline = timeout.map(|t| self.shard().clock().now() + t);
        self.wait_until(deadline, |stack, now| command(stack, self.id, now))
    }

    /// Repeats a command while it would block, until `deadline`.
    pub(crate) fn wait_until<T>(
        &self,
        deadline: Option<Instant>,
        command: impl FnMut(&mut Engine, Instant) -> Result<T, Error>,
    ) -> io::Result<T> {
        self.shard().wait(self.id, &self.ready, deadline, command)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
        // Whoever is waiting goes on waiting, as on Linux.
    }

    pub(crate) fn timeout(&self, direction: Direction) -> Option<Duration> {
        let timeouts = *self.timeouts();
        match direction {
            Direction::Read => timeouts.read,
            Direction::Write => timeouts.write,
        }
    }

    pub(crate) fn set_timeout(&self, direction: Direction, timeout: Option<Duration>) -> io::Result<()> {
        if timeout == Some(Duration::ZERO) {
            return Err(invalid("cannot set a 0 duration timeout"));
        }
        let mut timeouts = self.timeouts();
        match direction {
            Direction::Read => timeouts.read = timeout,
            Direction::Write => timeouts.write = timeout,
        }
        Ok(())
    }

    /// Changes the socket's settings.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Config)) -> io::Result<()> {
        self.call(|stack, id, now| stack.configure(now, id, change))
    }

    /// Looks a setting up.
    pub(crate) fn setting<T>(&self, look: impl FnOnce(&Config) -> T) -> io::Result<T> {
        let mut found = None;
        self.configure(|config| found = Some(look(config)))?;
        found.ok_or_else(|| io::Error::other("the stack did not show a socket's settings"))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.call(|stack, id, _| stack.local_endpoint(id)).map(SocketAddr::from)
    }

    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        let error = self.call(|stack, id, _| Stack::take_error(stack, id))?;
        Ok(error.map(crate::error::io_error))
    }

    fn timeouts(&self) -> MutexGuard<'_, Timeouts> {
        self.timeouts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let id = self.id;
        // It fails only if the socket is gone already.
        self.shard().unregister(id, |stack, now| {
            let _ = stack.close(now, id);
        });
    }
}
