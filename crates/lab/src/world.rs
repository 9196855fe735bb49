//! A world: hosts, links between them, applications, and one clock.
//!
//! Each step happens at one instant: ready tasks run, stacks are drained, links carry, timers fire, until nothing more
//! happens; then the clock goes on to the next thing that is due. In virtual time it jumps there, and the same seed gives
//! the same run, bit for bit. In real time, which a kernel among the hosts forces, it waits there for devices and sockets.
//!
//! A world ends; if its applications do not, it says who waits for what ([`Stuck`]).

use crate::clock::Clock;
use crate::error::{LabError, Stuck, Why};
use crate::executor::{Executor, JoinHandle};
use crate::host::app::Inner;
use crate::host::{App, KernelHost, Machine, OurHost};
use crate::link::{Conditions, End, Link, Outgoing};
use crate::recorder::{Recorder, link_header_len};
use crate::rng::Rng;
use limpid_device::gso;
use limpid_event::Instant;
use limpid_scope::trace::{Trace, View};
use limpid_stack::{InterfaceConfig, Medium, Secrets, StackConfig};
use limpid_wire::Cidr;
use rustix::event::{PollFd, Timespec, poll};
use std::cell::{Cell, Ref, RefCell, RefMut};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Rounds at one instant after which a world counts as stuck: no sane exchange over a link without delay takes as many.
const MAX_ROUNDS: usize = 100_000;

/// Bounds on a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Steps at most.
    pub events: u64,
    /// Time at most.
    pub time: Duration,
}

impl Default for Limits {
    /// Ten million steps, and a week: two hours of keepalive's idle time are nothing in virtual time.
    fn default() -> Limits {
        Limits { events: 10_000_000, time: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// When a world ends, once its applications have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Aftermath {
    /// When no packet was sent or arrived for so long.
    Quiet(Duration),
    /// When nothing is due any more, TIME-WAIT included. (For virtual time: a kernel tells nobody what it has in mind.)
    Everything,
}

/// A host of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostId(usize);

/// A link of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkId(usize);

/// Hosts, links, applications, a clock.
pub struct World {
    clock: Clock,
    executor: Executor,
    recorder: Recorder,
    recording: bool,
    checksums: bool,
    offloads: bool,
    rng: Rng,
    limits: Limits,
    hosts: Vec<Host>,
    wires: Vec<Wire>,
    apps: Vec<AppEntry>,
    last_packet: Instant,
    events: u64,
}

/// An application, for the report of a world that is stuck.
struct AppEntry {
    name: String,
    waits_for: Rc<Cell<&'static str>>,
    ended: Rc<Cell<bool>>,
}

struct Host {
    machine: Rc<RefCell<dyn Machine>>,
    /// The same, if its stack is ours.
    ours: Option<Rc<RefCell<OurHost>>>,
    /// As the recorder counts it.
    index: usize,
    /// The link it is on, and at which end.
    wire: Option<(usize, End)>,
}

struct Wire {
    link: RefCell<Link>,
    ends: [usize; 2],
}

/// What a host is made with.
#[derive(Clone, Debug)]
pub struct HostPlan<'a> {
    /// Its name for people.
    pub name: &'a str,
    /// Its addresses, each with its network.
    pub addresses: &'a [Cidr],
    /// Largest IP packet, bytes.
    pub mtu: u16,
    /// Ethernet, or bare IP packets.
    pub medium: Medium,
    /// Its stack's settings.
    pub config: StackConfig,
}

impl World {
    /// A world in virtual time. `epoch` is what its record shows as the time of its beginning, in nanoseconds since the
    /// Unix epoch.
    pub fn new(seed: u64, epoch: u64) -> World {
        World::build(seed, epoch, Clock::virtual_time())
    }

    /// A world in real time.
    pub fn real_time(seed: u64) -> World {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        World::build(seed, u64::try_from(since.as_nanos()).unwrap_or(0), Clock::real_time())
    }

    fn build(seed: u64, epoch: u64, clock: Clock) -> World {
        World {
            clock,
            executor: Executor::fifo(),
            recorder: Recorder::new(epoch),
            recording: true,
            checksums: true,
            offloads: false,
            rng: Rng::new(seed),
            limits: Limits::default(),
            hosts: Vec::new(),
            wires: Vec::new(),
            apps: Vec::new(),
            last_packet: Instant::ZERO,
            events: 0,
        }
    }

    /// Sets the bounds.
    pub fn limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Lets the seed choose which of several ready tasks runs first.
    ///
    /// # Panics
    /// If an application was started before.
    pub fn shuffle_tasks(&mut self) {
        assert!(self.executor.unfinished().is_empty(), "tasks are shuffled from the first on, or not at all");
        self.executor = Executor::shuffled(self.rng.fork());
    }

    /// Records nothing from here on: for runs by the thousand. Hosts added later have no observer.
    pub fn without_record(&mut self) {
        self.recorder.pause(true);
        self.recording = false;
    }

    /// Hosts added later neither compute checksums nor verify them, as behind a device that does: for runs by the thousand
    /// over links that corrupt nothing.
    pub fn without_checksums(&mut self) {
        self.checksums = false;
    }

    /// Hosts added later have network cards with offloads: these cut super-segments, make and check sums, and merge what arrives together.
    pub fn with_offloads(&mut self) {
        self.offloads = true;
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The recorder.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Adds a host with our stack.
    ///
    /// # Errors
    /// If the stack refuses an address.
    pub fn add_host(&mut self, plan: HostPlan<'_>) -> Result<HostId, LabError> {
        let addresses = plan.addresses.iter().map(|a| a.addr).collect();
        let index = self.recorder.add_host(plan.name, addresses, View::Inside);
        let observer = self.recording.then(|| self.recorder.observer(index));
        let mut secrets = Secrets { seed: [0; 32] };
        self.rng.fill(&mut secrets.seed);
        let interface = InterfaceConfig {
            name: "lab0".into(),
            medium: plan.medium,
            mtu: plan.mtu,
            gso_max: if self.offloads { gso::GSO_MAX } else { 0 },
            tx_checksum_offload: self.offloads || !self.checksums,
        };
        let mut host = OurHost::new(plan.config, secrets, observer, interface, plan.addresses)?;
        if !self.checksums {
            host.trust_checksums();
        }
        let host = Rc::new(RefCell::new(host));
        let id = self.adopt(host.clone(), index);
        self.hosts[id.0].ours = Some(host);
        Ok(id)
    }

    /// A host whose stack is ours, to look at its sockets and counters; `None` for any other.
    pub fn our_host(&self, host: HostId) -> Option<RefMut<'_, OurHost>> {
        Some(self.hosts[host.0].ours.as_ref()?.borrow_mut())
    }

    /// Adds this machine's Linux as a host, in a private namespace. The world must be in real time.
    ///
    /// # Errors
    /// If rights are missing: the error says which.
    pub fn add_kernel(&mut self, name: &str, addresses: &[Cidr], mtu: u16) -> Result<HostId, LabError> {
        debug_assert!(self.clock.is_real(), "a kernel in virtual time");
        let kernel = KernelHost::new(addresses, &[], mtu)?;
        let index = self.recorder.add_host(name, addresses.iter().map(|a| a.addr).collect(), View::Observed);
        Ok(self.adopt(Rc::new(RefCell::new(kernel)), index))
    }

    /// Adds a host of any other kind, whose index at the recorder is `index`.
    pub fn adopt(&mut self, machine: Rc<RefCell<dyn Machine>>, index: usize) -> HostId {
        self.hosts.push(Host { machine, ours: None, index, wire: None });
        HostId(self.hosts.len() - 1)
    }

    /// Joins two hosts.
    ///
    /// # Panics
    /// If one of them is on a link already: these hosts have one interface.
    pub fn connect(&mut self, a: HostId, b: HostId, medium: Medium, conditions: Conditions) -> LinkId {
        let indexes = (self.hosts[a.0].index, self.hosts[b.0].index);
        let mut link = Link::new(&mut self.rng, &self.recorder, indexes, link_header_len(medium));
        link.conditions(conditions);
        let id = self.wires.len();
        for (host, end) in [(a, End::A), (b, End::B)] {
            let before = self.hosts[host.0].wire.replace((id, end));
            assert!(before.is_none(), "a host with two links");
        }
        self.wires.push(Wire { link: RefCell::new(link), ends: [a.0, b.0] });
        LinkId(id)
    }

    /// A link, to set its conditions and plans.
    pub fn link(&self, link: LinkId) -> RefMut<'_, Link> {
        self.wires[link.0].link.borrow_mut()
    }

    /// Starts an application on a host.
    pub fn spawn<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        host: HostId,
        name: &str,
        app: impl FnOnce(App) -> F,
    ) -> JoinHandle<T> {
        let (waits_for, ended) = (Rc::new(Cell::new("")), Rc::new(Cell::new(false)));
        self.apps.push(AppEntry { name: name.into(), waits_for: waits_for.clone(), ended: ended.clone() });
        let main = app(self.app(host, waits_for));
        self.executor.spawn(name, async move {
            let output = main.await;
            ended.set(true);
            output
        })
    }

    /// Starts an application that need not end for the world to end.
    pub fn spawn_daemon<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        host: HostId,
        name: &str,
        app: impl FnOnce(App) -> F,
    ) -> JoinHandle<T> {
        self.executor.spawn_daemon(name, app(self.app(host, Rc::default())))
    }

    fn app(&self, host: HostId, waits_for: Rc<Cell<&'static str>>) -> App {
        let Host { machine, index, .. } = &self.hosts[host.0];
        App::new(Inner {
            machine: machine.clone(),
            host: *index,
            clock: self.clock.clone(),
            spawner: self.executor.spawner(),
            recorder: self.recorder.clone(),
            waits_for,
        })
    }

    /// Runs until the applications have ended and the aftermath is over.
    ///
    /// # Errors
    /// [`LabError::Stuck`] if that does not come about within the limits; [`LabError::Device`] if a device fails.
    pub fn run(&mut self, aftermath: Aftermath) -> Result<(), LabError> {
        let deadline = Instant::ZERO + self.limits.time;
        self.clock.step_to(self.clock.now());
        loop {
            self.settle()?;
            let mut next = self.next_event();
            if self.executor.is_finished() {
                match aftermath {
                    Aftermath::Quiet(quiet) => {
                        let until = self.last_packet + quiet;
                        let idle = self.wires.iter().all(|w| w.link.borrow().is_idle());
                        if idle && self.clock.now() >= until {
                            return Ok(());
                        }
                        if idle {
                            next = Some(next.map_or(until, |next| next.min(until)));
                        }
                    }
                    Aftermath::Everything if next.is_none() => return Ok(()),
                    Aftermath::Everything => {}
                }
            }
            let next = match next {
                Some(next) if next > deadline => return Err(self.stuck(Why::TooLong).into()),
                Some(next) => next,
                None if self.clock.is_real() && self.clock.now() < deadline => deadline,
                None if self.clock.is_real() => return Err(self.stuck(Why::TooLong).into()),
                None => return Err(self.stuck(Why::Deadlock).into()),
            };
            self.go_on(next)?;
        }
    }

    /// Runs up to `end`, whatever the applications do until then: for those that never end.
    ///
    /// # Errors
    /// As [`run`](Self::run), but for the limit of time.
    pub fn run_until(&mut self, end: Instant) -> Result<(), LabError> {
        self.clock.step_to(self.clock.now());
        loop {
            self.settle()?;
            match self.next_event() {
                _ if self.clock.now() >= end => return Ok(()),
                Some(next) => self.go_on(next.min(end))?,
                None if self.clock.is_real() => self.go_on(end)?,
                None => return Err(self.stuck(Why::Deadlock).into()),
            }
        }
    }

    /// The record so far.
    pub fn trace(&self) -> Trace {
        self.recorder.trace(self.clock.now())
    }

    /// Lets everything happen that happens at this instant.
    fn settle(&mut self) -> Result<(), LabError> {
        for _ in 0..MAX_ROUNDS {
            let ran = self.executor.run_ready().map_err(|e| self.stuck(Why::Restless(e.task)))?;
            let moved = self.carry()?;
            if ran == 0 && !moved {
                return Ok(());
            }
            self.events += 1;
            if self.events > self.limits.events {
                return Err(self.stuck(Why::TooManyEvents(self.limits.events)).into());
            }
        }
        Err(self.stuck(Why::NoProgress).into())
    }

    /// Stacks are drained, links carry, stacks' timers fire. True if anything happened.
    fn carry(&mut self) -> io::Result<bool> {
        let now = self.clock.now();
        let mut happened = false;
        let mut packets = false;
        let mut out: Vec<Outgoing> = Vec::new();
        for host in &self.hosts {
            let mut machine = host.machine.borrow_mut();
            if machine.next_timeout().is_some_and(|at| at <= now) {
                machine.handle_timeout(now);
                happened = true;
            }
            machine.transmit(now, &mut out)?;
            happened |= machine.wake_ready();
            packets |= !out.is_empty();
            for packet in out.drain(..) {
                // Without a link there is nowhere to go.
                if let Some((wire, end)) = host.wire {
                    self.wires[wire].link.borrow_mut().send(now, end, packet);
                }
            }
        }
        for wire in &self.wires {
            for (end, host) in [End::A, End::B].into_iter().zip(wire.ends) {
                while let Some(frame) = wire.link.borrow_mut().arrive(now, end) {
                    self.hosts[host].machine.borrow_mut().deliver(now, frame)?;
                    packets = true;
                }
            }
        }
        if packets {
            self.last_packet = now;
        }
        Ok(happened || packets)
    }

    /// When the next thing is due.
    fn next_event(&self) -> Option<Instant> {
        let hosts = self.hosts.iter().filter_map(|h| h.machine.borrow_mut().next_timeout());
        let links = self.wires.iter().filter_map(|w| w.link.borrow().next_arrival());
        hosts.chain(links).chain(self.clock.next_timer()).min()
    }

    /// Goes on to `next`; in real time a device or a socket may end the wait before.
    fn go_on(&self, next: Instant) -> io::Result<()> {
        if self.clock.is_real() {
            // What the clock shows is the beginning of this step, which took time itself.
            self.clock.step_to(next);
            let wait = next.since(self.clock.now());
            if !wait.is_zero() {
                let machines: Vec<Ref<'_, dyn Machine>> = self.hosts.iter().map(|h| h.machine.borrow()).collect();
                let mut fds: Vec<PollFd<'_>> = Vec::new();
                machines.iter().for_each(|machine| machine.poll_fds(&mut fds));
                let timeout = Timespec {
                    tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
                    tv_nsec: wait.subsec_nanos().into(),
                };
                match poll(&mut fds, Some(&timeout)) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
        self.clock.step_to(next);
        self.clock.fire_timers();
        Ok(())
    }

    fn stuck(&self, why: Why) -> Stuck {
        let unfinished = self.apps.iter().filter(|app| !app.ended.get());
        let waiting = unfinished.map(|app| match app.waits_for.get() {
            "" => app.name.clone(),
            what => format!("{} ({what})", app.name),
        });
        Stuck { why, at: self.clock.now(), waiting: waiting.collect() }
    }
}

#[cfg(test)]
mod tests;
