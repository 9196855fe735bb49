//! One stack with its devices behind one mutex, shared by the driver's thread and every caller.
//!
//! Whoever holds the mutex leaves the stack drained: what became due is sent and whoever waits for a socket is woken, by
//! the caller itself and without a switch to the driver's thread. The driver is only woken if it would sleep too long.
//!
//! A host may have several ([`Builder::shards`](crate::Builder::shards)), each with a driver of its own. They share no lock: what a
//! device gives to the wrong one goes through the queues of [`hand`].

mod bell;
mod glance;
mod hand;
mod lead;
mod link;
mod shared;
mod sleep;

pub(crate) use bell::{Bell, Door};
pub use hand::Handovers;
pub(crate) use hand::{Hands, Relay, Relayed};
pub(crate) use link::Link;
pub(crate) use shared::{observers, taps};

use crate::Clock;
use crate::error::io_error;
use glance::Glance;
use hand::{DEPARTURES, Handed};
use lead::Lead;
use limpid_event::{Error, Instant, Observer};
use limpid_stack::{Place, RxFrame, SocketId, Stack, Steering};
pub(crate) use sleep::Sleep;
use sleep::Sleeper;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// Frames that are taken from a device, or offered to it, at a time.
const BATCH: usize = 64;

/// Frames that are taken at a time from what other shards have handed over.
const ARRIVALS: usize = 4 * BATCH;

/// How often a shard that has nothing left to do looks whether the others have, when the host goes down.
const CLOSING: Duration = Duration::from_millis(5);

/// The engine as this library uses it: with an observer that can be switched on and off.
pub(crate) type Engine = Stack<Option<Box<dyn Observer + Send>>>;

/// A stack, its devices, and who waits for its sockets.
pub(crate) struct Shard {
    state: Mutex<State>,
    /// Wakes whoever drives,
    bell: Arc<Bell>,
    /// and the driver's thread while a caller does.
    post: Bell,
    /// A descriptor for each device that has one, to wait on without holding the mutex.
    devices: Vec<OwnedFd>,
    clock: Clock,
}

/// What a shard is made of.
pub(crate) struct Parts {
    pub(crate) stack: Engine,
    pub(crate) links: Vec<Link>,
    pub(crate) hands: Hands,
    pub(crate) bell: Arc<Bell>,
    /// Which of the host's shards have nothing left to do: this one's is that of its number.
    pub(crate) quiet: Arc<[AtomicBool]>,
    /// How long to look for more before it sleeps.
    pub(crate) busy_poll: Duration,
}

struct State {
    stack: Engine,
    links: Vec<Link>,
    hands: Hands,
    steering: Steering,
    quiet: Arc<[AtomicBool]>,
    bell: Arc<Bell>,
    lead: Lead,
    glance: Glance,
    waiters: HashMap<SocketId, Waiter>,
    /// The socket of the caller that holds the mutex and may go to sleep,
    watched: Option<SocketId>,
    /// and whether there was news of it since its last command: nobody hears a wakeup before he sleeps.
    told: bool,
    /// Room for received frames, empty between uses.
    received: Vec<RxFrame>,
    /// Room for those of them that are this shard's, empty likewise.
    steered: Vec<RxFrame>,
    /// The driver sleeps until then unless it is woken; [`Instant::ZERO`] while it is awake.
    asleep_until: Instant,
    /// A device broke: everything fails with this from here on.
    broken: Option<Failure>,
    /// Nobody holds the host any more: the driver ends at this time, or when nothing is open.
    stop_at: Option<Instant>,
}

/// Who waits for a socket.
#[derive(Clone)]
pub(crate) enum Waiter {
    /// Callers of a stream: they wait with the shard's mutex.
    Stream(Arc<Condvar>),
    /// Callers of a listener, which has a socket in every shard.
    Listener(Arc<Door>),
}

impl Waiter {
    fn wake(&self) {
        match self {
            Waiter::Stream(ready) => ready.notify_all(),
            Waiter::Listener(door) => door.knock(),
        }
    }
}

/// Why a host does not work any more.
#[derive(Clone, Debug)]
struct Failure {
    kind: io::ErrorKind,
    text: String,
}

impl Shard {
    pub(crate) fn new(parts: Parts, clock: Clock) -> io::Result<Shard> {
        let Parts { stack, links, hands, bell, quiet, busy_poll } = parts;
        let fds = links.iter().filter_map(Link::poll_fd).map(|fd| fd.try_clone_to_owned());
        let devices = fds.collect::<io::Result<_>>()?;
        let state = State {
            steering: stack.steering(),
            stack,
            links,
            hands,
            quiet,
            bell: bell.clone(),
            lead: Lead::default(),
            glance: Glance::new(busy_poll),
            waiters: HashMap::new(),
            watched: None,
            told: false,
            received: Vec::with_capacity(BATCH),
            steered: Vec::new(),
            asleep_until: Instant::ZERO,
            broken: None,
            stop_at: None,
        };
        Ok(Shard { state: Mutex::new(state), bell, post: Bell::new()?, devices, clock })
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// What came to this shard and was handed to others.
    pub(crate) fn handovers(&self) -> io::Result<Handovers> {
        Ok(self.lock()?.hands.count)
    }

    /// Gives the stack a command and does what follows from it.
    pub(crate) fn call<T>(&self, command: impl FnOnce(&mut Engine, Instant) -> Result<T, Error>) -> io::Result<T> {
        let _alarm = self.alarm();
        let mut state = self.lock()?;
        state.check()?;
        let now = self.clock.now();
        let result = command(&mut state.stack, now);
        self.settle(&mut state, now);
        result.map_err(io_error)
    }

    /// Registers who waits for `socket`, for as long as it exists.
    pub(crate) fn register(&self, socket: SocketId, waiter: Waiter) -> io::Result<()> {
        self.lock()?.waiters.insert(socket, waiter);
        Ok(())
    }

    /// Forgets who waits for `socket`, and gives the stack a last command for it.
    pub(crate) fn unregister(&self, socket: SocketId, command: impl FnOnce(&mut Engine, Instant)) {
        let _alarm = self.alarm();
        // If the engine has panicked there is nothing left to close.
        let Ok(mut state) = self.lock() else { return };
        state.waiters.remove(&socket);
        let now = self.clock.now();
        command(&mut state.stack, now);
        self.settle(&mut state, now);
    }

    /// Asks the driver to end once nothing is open, or `linger` has passed.
    pub(crate) fn stop(&self, linger: Duration) {
        if let Ok(mut state) = self.lock() {
            state.stop_at = Some(self.clock.now() + linger);
        }
        self.wake();
        self.post.ring();
    }

    /// Ends everything: the driver's thread is gone.
    pub(crate) fn fail(&self, kind: io::ErrorKind, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.fail(kind, text.to_owned());
        self.wake();
        self.post.ring();
    }

    /// Why it does not work any more.
    pub(crate) fn failure(&self) -> Option<(io::ErrorKind, String)> {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.broken.as_ref().map(|failure| (failure.kind, failure.text.clone()))
    }

    /// One round of the driver: takes what arrived and what is due. `None` means that it should end.
    pub(crate) fn drive(&self) -> io::Result<Option<Sleep>> {
        let mut state = self.lock()?;
        let drove = state.is_driven_by_its_thread();
        if let Some(sleep) = state.rest() {
            if drove {
                // What rang may have been meant for the caller that drives now.
                self.wake();
            }
            return Ok(Some(sleep));
        }
        self.bell.stay_awake();
        state.asleep_until = Instant::ZERO;
        let now = state.round(self.clock);
        let stop_at = state.stop_at.unwrap_or(Instant::MAX);
        if state.broken.is_some() || now >= stop_at || (state.stop_at.is_some() && state.are_all_quiet(now)) {
            return Ok(None);
        }
        if state.glance.is_due(now) {
            self.between_looks(state);
            return Ok(Some(Sleep::none()));
        }
        let closing = state.stop_at.is_some() && state.is_one_of_several();
        let until = if closing { stop_at.min(now + CLOSING) } else { stop_at };
        Ok(Some(self.fall_asleep(&mut state, until, Sleeper::Driver)))
    }

    /// Others have their turn between looks at the devices: who looks on and on would else take the lock again before they do.
    fn between_looks(&self, state: MutexGuard<'_, State>) {
        let spins = state.glance.spins();
        drop(state);
        if spins {
            std::thread::yield_now();
        }
    }

    /// After a command: sends and wakes, and has the driver look again if it would oversleep.
    fn settle(&self, state: &mut State, now: Instant) {
        let was_blocked = state.is_blocked();
        state.drain(now);
        let due = state.stack.poll_timeout().unwrap_or(Instant::MAX);
        let oversleeps = due < state.asleep_until || state.has_more();
        if oversleeps || state.is_blocked() != was_blocked || state.broken.is_some() {
            state.asleep_until = Instant::ZERO;
            self.wake();
        }
    }

    /// Has whoever drives notice if a caller panics while it holds the mutex: to be made before that is locked.
    fn alarm(&self) -> Alarm<'_> {
        Alarm(self)
    }

    fn wake(&self) {
        self.bell.ring();
    }

    fn lock(&self) -> io::Result<MutexGuard<'_, State>> {
        self.state.lock().map_err(panicked)
    }
}

/// See [`Shard::alarm`].
struct Alarm<'a>(&'a Shard);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if self.0.state.is_poisoned() {
            self.0.wake();
            self.0.post.ring();
        }
    }
}

impl State {
    /// Takes what came, does what is due and sends; returns the time.
    fn round(&mut self, clock: Clock) -> Instant {
        let mut came = self.receive(clock);
        let now = clock.now();
        if self.is_one_of_several() {
            came += self.take_arrivals(now);
        }
        self.glance.came(now, came);
        self.drain(now);
        now
    }

    /// Hands the stack what the devices have received, a batch from each, and other shards what is theirs of it; returns how much came.
    fn receive(&mut self, clock: Clock) -> usize {
        let mut came = 0;
        for at in 0..self.links.len() {
            let link = &mut self.links[at];
            let result = link.receive(self.stack.pool(), &mut self.received);
            let iface = link.iface;
            came += self.received.len();
            if self.is_one_of_several() {
                self.steer(at);
            }
            // The time is asked for after the device: a tap on it has seen the frames before the stack does.
            self.stack.handle_frames(clock.now(), iface, self.received.drain(..));
            if let Err(error) = result {
                self.fail(error.kind(), error.to_string());
            }
        }
        self.hands.ring();
        came
    }

    /// Keeps of what link `at` has received what is this shard's.
    fn steer(&mut self, at: usize) {
        let (link, here) = (&self.links[at], self.stack.config().shard);
        for frame in self.received.drain(..) {
            match self.steering.place(link.medium, &frame, here) {
                Place::Shard(shard) if shard == here => self.steered.push(frame),
                Place::Shard(other) => self.hands.over(other, Handed::Frame(link.iface, frame)),
                Place::Every => {
                    self.hands.over_to_all(link.iface, &frame);
                    self.steered.push(frame);
                }
            }
        }
        std::mem::swap(&mut self.received, &mut self.steered);
    }

    /// Hands the stack what other shards have handed over; returns how much that was.
    fn take_arrivals(&mut self, now: Instant) -> usize {
        let mut count = 0;
        while count < ARRIVALS
            && let Some(handed) = self.hands.take()
        {
            count += 1;
            match handed {
                Handed::Frame(iface, frame) => self.stack.handle_frame(now, iface, frame),
                Handed::Packet(parcel) => self.stack.handle_parcel(now, *parcel),
            }
        }
        count
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
        while let Some((shard, parcel)) = self.stack.poll_handover() {
            self.hands.over(shard, Handed::Packet(Box::new(parcel)));
        }
        self.hands.ring();
        while let Some((socket, _)) = self.stack.poll_ready() {
            self.told |= self.watched == Some(socket);
            if let Some(waiter) = self.waiters.get(&socket) {
                waiter.wake();
            }
            if self.lead.sleeps_for(socket) {
                self.bell.ring();
            }
        }
    }

    fn is_one_of_several(&self) -> bool {
        self.steering.shards() > 1
    }

    fn is_blocked(&self) -> bool {
        self.links.iter().any(Link::is_blocked)
    }

    /// A link stopped sending before it was done.
    fn has_more(&self) -> bool {
        self.links.iter().any(Link::has_more)
    }

    /// Nothing is left to do here or in any other shard of the host, whose frames we may have to carry.
    fn are_all_quiet(&mut self, now: Instant) -> bool {
        let quiet = self.is_quiet();
        self.quiet[usize::from(self.stack.config().shard)].store(quiet, Ordering::Release);
        if !quiet || !self.quiet.iter().all(|quiet| quiet.load(Ordering::Acquire)) {
            return false;
        }
        // What others have left to be sent before they said that they are quiet.
        self.drain(now);
        self.is_quiet()
    }

    /// Nothing is open and nothing waits to be sent.
    fn is_quiet(&self) -> bool {
        self.stack.open_connections() == 0 && self.links.iter().all(Link::is_empty)
    }

    fn fail(&mut self, kind: io::ErrorKind, text: String) {
        self.broken.get_or_insert(Failure { kind, text });
        self.waiters.values().for_each(Waiter::wake);
    }

    fn check(&self) -> io::Result<()> {
        match &self.broken {
            None => Ok(()),
            Some(Failure { kind, text }) => Err(io::Error::new(*kind, text.clone())),
        }
    }
}

/// The engine panicked while somebody held the mutex: its state can't be trusted.
fn panicked<G>(_: std::sync::PoisonError<G>) -> io::Error {
    io::Error::other("the host's engine has panicked")
}
