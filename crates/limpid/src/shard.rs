//! One stack with its devices behind one mutex, shared by the driver's thread and every caller.
//!
//! Whoever holds the mutex leaves the stack drained: what became due is sent and whoever waits for a socket is woken, by
//! the caller itself and without a switch to the driver's thread. The driver is only woken if it would sleep too long.

use crate::Clock;
use crate::error::io_error;
use limpid_device::Device;
use limpid_event::{Error, Instant, Observer};
use limpid_stack::{IfaceId, RxFrame, SocketId, Stack, TxBatch};
use rustix::event::{EventfdFlags, PollFlags, eventfd};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Frames that are taken from a device, or offered to it, at a time.
const BATCH: usize = 64;

/// The engine as this library uses it: with an observer that can be switched on and off.
pub(crate) type Engine = Stack<Option<Box<dyn Observer + Send>>>;

/// A stack, its devices, and who waits for its sockets.
pub(crate) struct Shard {
    state: Mutex<State>,
    waker: OwnedFd,
    clock: Clock,
}

struct State {
    stack: Engine,
    links: Vec<Link>,
    waiters: HashMap<SocketId, Arc<Condvar>>,
    /// Room for received frames, empty between uses.
    received: Vec<RxFrame>,
    /// The driver sleeps until then unless it is woken; [`Instant::ZERO`] while it is awake.
    asleep_until: Instant,
    /// A device broke: everything fails with this from here on.
    broken: Option<Failure>,
    /// Nobody holds the host any more: the driver ends at this time, or when nothing is open.
    stop_at: Option<Instant>,
}

/// A device and what it has not taken yet.
struct Link {
    iface: IfaceId,
    device: Box<dyn Device>,
    unsent: TxBatch,
    blocked: bool,
}

/// Why a host does not work any more.
#[derive(Clone, Debug)]
struct Failure {
    kind: io::ErrorKind,
    text: String,
}

/// What the driver waits for.
pub(crate) struct Sleep {
    /// At most so long; for ever if `None`.
    pub(crate) timeout: Option<Duration>,
    /// The events of each device, in their order.
    pub(crate) events: Vec<PollFlags>,
}

impl Shard {
    pub(crate) fn new(stack: Engine, devices: Vec<(IfaceId, Box<dyn Device>)>, clock: Clock) -> io::Result<Shard> {
        let link = |(iface, device)| Link { iface, device, unsent: TxBatch::with_capacity(BATCH), blocked: false };
        let state = State {
            stack,
            links: devices.into_iter().map(link).collect(),
            waiters: HashMap::new(),
            received: Vec::with_capacity(BATCH),
            asleep_until: Instant::ZERO,
            broken: None,
            stop_at: None,
        };
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Shard { state: Mutex::new(state), waker, clock })
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Readable when the driver should look again.
    pub(crate) fn waker(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }

    /// A descriptor for each device, to wait on without holding the mutex.
    pub(crate) fn device_fds(&self) -> io::Result<Vec<OwnedFd>> {
        let state = self.lock()?;
        let dup = |link: &Link| match link.device.poll_fd() {
            Some(fd) => fd.try_clone_to_owned(),
            None => Err(crate::error::invalid("a device without a descriptor to wait on")),
        };
        state.links.iter().map(dup).collect()
    }

    /// Gives the stack a command and does what follows from it.
    pub(crate) fn call<T>(&self, command: impl FnOnce(&mut Engine, Instant) -> Result<T, Error>) -> io::Result<T> {
        let mut state = self.lock()?;
        state.check()?;
        let now = self.clock.now();
        let result = command(&mut state.stack, now);
        self.settle(&mut state, now);
        result.map_err(io_error)
    }

    /// Registers who waits for `socket`, for as long as it exists.
    pub(crate) fn register(&self, socket: SocketId) -> io::Result<Arc<Condvar>> {
        let condvar = Arc::new(Condvar::new());
        self.lock()?.waiters.insert(socket, condvar.clone());
        Ok(condvar)
    }

    /// Forgets who waits for `socket`, and gives the stack a last command for it.
    pub(crate) fn unregister(&self, socket: SocketId, command: impl FnOnce(&mut Engine, Instant)) {
        // If the engine has panicked there is nothing left to close.
        let Ok(mut state) = self.lock() else { return };
        state.waiters.remove(&socket);
        let now = self.clock.now();
        command(&mut state.stack, now);
        self.settle(&mut state, now);
    }

    /// Repeats a command until it is not `WouldBlock` any more, sleeping in between; at `deadline` (never, if `None`) it
    /// stays `WouldBlock`.
    pub(crate) fn wait<T>(
        &self,
        ready: &Condvar,
        deadline: Option<Instant>,
        mut command: impl FnMut(&mut Engine, Instant) -> Result<T, Error>,
    ) -> io::Result<T> {
        let mut state = self.lock()?;
        loop {
            state.check()?;
            let now = self.clock.now();
            let result = command(&mut state.stack, now);
            self.settle(&mut state, now);
            match result {
                Err(Error::WouldBlock) if deadline.is_none_or(|d| now < d) => {}
                other => return other.map_err(io_error),
            }
            state = match deadline {
                None => ready.wait(state).map_err(panicked)?,
                Some(deadline) => ready.wait_timeout(state, self.clock.until(deadline)).map_err(panicked)?.0,
            };
        }
    }

    /// Asks the driver to end once nothing is open, or `linger` has passed.
    pub(crate) fn stop(&self, linger: Duration) {
        if let Ok(mut state) = self.lock() {
            state.stop_at = Some(self.clock.now() + linger);
        }
        self.wake();
    }

    /// Ends everything: the driver's thread is gone.
    pub(crate) fn fail(&self, kind: io::ErrorKind, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.fail(kind, text.to_owned());
    }

    /// One round of the driver: takes what arrived and what is due. `None` means that it should end.
    pub(crate) fn drive(&self) -> io::Result<Option<Sleep>> {
        let mut state = self.lock()?;
        state.asleep_until = Instant::ZERO;
        state.receive(self.clock);
        let now = self.clock.now();
        state.drain(now);
        let stop_at = state.stop_at.unwrap_or(Instant::MAX);
        if state.broken.is_some() || now >= stop_at || (state.stop_at.is_some() && state.is_quiet()) {
            return Ok(None);
        }
        let wake_at = state.stack.poll_timeout().unwrap_or(Instant::MAX).min(stop_at);
        state.asleep_until = wake_at;
        Ok(Some(Sleep {
            timeout: (wake_at < Instant::MAX).then(|| self.clock.until(wake_at)),
            events: state.links.iter().map(|l| l.device.poll_events(l.blocked)).collect(),
        }))
    }

    /// After a command: sends and wakes, and has the driver look again if it would oversleep.
    fn settle(&self, state: &mut State, now: Instant) {
        let was_blocked = state.is_blocked();
        state.drain(now);
        let due = state.stack.poll_timeout().unwrap_or(Instant::MAX);
        if due < state.asleep_until || state.is_blocked() != was_blocked || state.broken.is_some() {
            state.asleep_until = Instant::ZERO;
            self.wake();
        }
    }

    fn wake(&self) {
        // It fails only if the counter is at its end: then the driver is woken already.
        let _ = rustix::io::write(&self.waker, &1_u64.to_ne_bytes());
    }

    fn lock(&self) -> io::Result<MutexGuard<'_, State>> {
        self.state.lock().map_err(panicked)
    }
}

impl State {
    /// Hands the stack what the devices have received, a batch from each.
    fn receive(&mut self, clock: Clock) {
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            let result = link.device.recv_batch(self.stack.pool(), &mut self.received, BATCH);
            // The time is asked for after the device: a tap on it has seen the frames before the stack does.
            self.stack.handle_frames(clock.now(), link.iface, self.received.drain(..));
            if let Err(error) = result {
                self.fail(error.kind(), error.to_string());
            }
        }
    }

    /// Does what is due, sends what became due, and wakes who waits for it.
    fn drain(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|due| due <= now) {
            self.stack.handle_timeout(now);
        }
        for at in 0..self.links.len() {
            if let Err(error) = self.links[at].send(&mut self.stack, now) {
                self.fail(error.kind(), error.to_string());
            }
        }
        while let Some((socket, _)) = self.stack.poll_ready() {
            if let Some(waiter) = self.waiters.get(&socket) {
                waiter.notify_all();
            }
        }
    }

    fn is_blocked(&self) -> bool {
        self.links.iter().any(|link| link.blocked)
    }

    /// Nothing is open and nothing waits to be sent.
    fn is_quiet(&self) -> bool {
        self.stack.open_connections() == 0 && self.links.iter().all(|link| link.unsent.frames().is_empty())
    }

    fn fail(&mut self, kind: io::ErrorKind, text: String) {
        self.broken.get_or_insert(Failure { kind, text });
        self.waiters.values().for_each(|waiter| waiter.notify_all());
    }

    fn check(&self) -> io::Result<()> {
        match &self.broken {
            None => Ok(()),
            Some(Failure { kind, text }) => Err(io::Error::new(*kind, text.clone())),
        }
    }
}

impl Link {
    /// Sends until the stack has no more or the device takes no more.
    fn send(&mut self, stack: &mut Engine, now: Instant) -> io::Result<()> {
        loop {
            stack.poll_transmit(now, self.iface, &mut self.unsent);
            let offered = self.unsent.frames().len();
            if offered == 0 {
                self.blocked = false;
                return Ok(());
            }
            let taken = self.device.send_batch(self.unsent.frames())?;
            self.unsent.sent(taken);
            self.blocked = taken < offered;
            if self.blocked {
                return Ok(());
            }
        }
    }
}

/// The engine panicked while somebody held the mutex: its state can't be trusted.
fn panicked<G>(_: std::sync::PoisonError<G>) -> io::Error {
    io::Error::other("the host's engine has panicked")
}
