//! This machine's Linux as a target: its own TCP in a private network, in real time.
//!
//! Packets cross a TUN device without offloads, so that they are what a wire would carry. System calls are made on a thread of
//! their own, so that one that waits does not hold up packets. The clock is the machine's; where the rights are there, the
//! target runs at real-time priority.
//!
//! A target has a network namespace of its own: no metrics, sockets or settings of an earlier script are in it, and when it is
//! dropped nothing is left.

mod counters;
mod link;
mod settings;

use super::{Applied, CallId, Happening, Network, Sent, Setting, Started, Target, TargetError};
use limpid_device::namespace::{KernelRoute, Namespace, NamespaceError, RouteMetrics};
use limpid_device::{Device, Tun, TunConfig};
use limpid_event::Instant;
use limpid_kernel::realtime::{RealTime, Resident};
use limpid_kernel::{Caller, Ended, Process, State, Ticket};
use limpid_posix::Call;
use limpid_wire::Cidr;
use link::Link;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The device's name on Linux's side, as packetdrill has it.
const DEVICE: &str = "tun0";
/// How long before a moment the target stops sleeping and looks at the clock again and again.
const SPIN: Duration = Duration::from_micros(100);
/// How often to look whether a call that was just made waits.
const LOOK: Duration = Duration::from_micros(50);
/// In how many looks, one after the other, a call must be seen asleep before it is said to wait.
const LOOKS_ASLEEP: u32 = 2;

/// Linux as a target. The thread that makes one is in its private network until it is dropped.
#[derive(Debug)]
pub struct KernelTarget {
    /// Dropped first: the threads, then the sockets, then the device, then the namespace that holds them.
    caller: Caller,
    process: Arc<Process>,
    link: Link,
    clock: Clock,
    /// How long it may be used.
    time_limit: Option<Duration>,
    /// Calls that have ended and were not told yet.
    ended: VecDeque<Ended>,
    route: KernelRoute,
    /// No call was made yet: nothing is remembered of a peer.
    fresh: bool,
    _real_time: Option<RealTime>,
    _resident: Option<Resident>,
    namespace: Namespace,
}

/// Time since the target was made.
#[derive(Clone, Copy, Debug)]
struct Clock {
    epoch: std::time::Instant,
}

impl Clock {
    fn now(self) -> Instant {
        self.at(std::time::Instant::now())
    }

    fn at(self, moment: std::time::Instant) -> Instant {
        Instant::ZERO + moment.saturating_duration_since(self.epoch)
    }
}

impl KernelTarget {
    /// Makes a private network and enters it.
    ///
    /// # Errors
    /// [`NamespaceError`] says which right is missing, and its [`hint`](NamespaceError::hint) what to do.
    pub fn new(network: &Network) -> Result<KernelTarget, NamespaceError> {
        let Network { local, prefix, gateway, remote, mtu } = *network;
        let namespace = Namespace::enter()?;
        let address = Cidr { addr: local, prefix };
        let config = TunConfig { name: DEVICE.to_owned(), mtu, kernel_addresses: vec![address], offload: false };
        let tun = namespace.tun(&config)?;
        let route = KernelRoute {
            destination: Cidr { addr: remote, prefix: remote.bits() },
            gateway: (gateway != remote).then_some(gateway),
            link: tun.name().to_owned(),
            metrics: RouteMetrics::default(),
        };
        namespace.add_route(&route)?;
        let process = Arc::new(Process::new());
        // Before the threads, which inherit it. Without the rights a run is less exact, and no less true.
        let real_time = RealTime::enter().ok();
        let resident = real_time.as_ref().and_then(|_| Resident::enter().ok());
        let caller = Caller::new(Arc::clone(&process)).map_err(|error| step("threads for system calls", error))?;
        let mut target = KernelTarget {
            caller,
            process,
            link: Link::new(tun),
            clock: Clock { epoch: std::time::Instant::now() },
            time_limit: None,
            ended: VecDeque::new(),
            route,
            fresh: true,
            _real_time: real_time,
            _resident: resident,
            namespace,
        };
        target.set_stock();
        Ok(target)
    }

    /// The same, but waiting and calls fail with [`TargetError::TooLong`] when it is older than that.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Option<Duration>) -> KernelTarget {
        self.time_limit = limit;
        self
    }

    /// When it is too old.
    fn end_of_time(&self) -> Option<(Instant, Duration)> {
        let limit = self.time_limit?;
        Some((Instant::ZERO + limit, limit))
    }

    fn check_time(&self, now: Instant) -> Result<(), TargetError> {
        match self.end_of_time() {
            Some((end, limit)) if now >= end => Err(TargetError::TooLong(limit)),
            _ => Ok(()),
        }
    }

    /// The descriptors that are open.
    pub fn descriptors(&self) -> Vec<i32> {
        self.process.descriptors()
    }

    /// Takes what came in since the last look.
    fn collect(&mut self) -> Result<(), TargetError> {
        self.link.collect(self.clock).map_err(|error| broken("device", &error))?;
        while let Some(ended) = self.caller.poll_ended() {
            self.ended.push_back(ended);
        }
        Ok(())
    }

    /// What happened first of all that was collected, if it was not after `until`.
    fn earliest(&mut self, until: Instant) -> Option<Result<Happening, TargetError>> {
        let sent = self.link.first().filter(|at| *at <= until);
        let ended = self.ended.front().map(|ended| self.clock.at(ended.at)).filter(|at| *at <= until);
        match (sent, ended) {
            (None, None) => None,
            (Some(sent), ended) if ended.is_none_or(|ended| sent <= ended) => {
                self.link.take().map(|sent| Ok(Happening::Sent(sent)))
            }
            _ => {
                let Ended { ticket, at, result } = self.ended.pop_front()?;
                let at = self.clock.at(at);
                Some(match result {
                    Ok(result) => Ok(Happening::Ended(CallId(ticket.number()), at, result)),
                    Err(unsupported) => Err(TargetError::Unsupported(unsupported.to_string())),
                })
            }
        }
    }

    /// Sleeps until something comes in, at most so long.
    fn sleep(&self, longest: Duration) -> Result<(), TargetError> {
        let mut fds = [PollFd::new(&self.caller, PollFlags::IN), PollFd::new(&self.link, PollFlags::IN)];
        let timeout = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 });
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(broken("poll", &error.into())),
        }
    }

    /// Waits until a call has ended or is seen to wait.
    fn settle(&mut self, ticket: Ticket) -> Result<State, TargetError> {
        let mut asleep = 0;
        loop {
            let state = self.caller.state(ticket);
            asleep = if state == State::Waiting { asleep + 1 } else { 0 };
            // Looked at again after each step, so that packets get the time at which they came.
            self.collect()?;
            if state == State::Ended || asleep == LOOKS_ASLEEP {
                return Ok(state);
            }
            self.check_time(self.clock.now())?;
            self.sleep(LOOK)?;
        }
    }
}

impl Target for KernelTarget {
    fn name(&self) -> &'static str {
        "Linux"
    }

    fn now(&mut self) -> Instant {
        self.clock.now()
    }

    fn wall_clock(&mut self, at: Instant) -> Duration {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (unix + at.since(Instant::ZERO)).saturating_sub(self.clock.now().since(Instant::ZERO))
    }

    fn wait(&mut self, until: Instant) -> Result<Happening, TargetError> {
        loop {
            // Before the look, so that what is there at `until` is seen.
            let now = self.clock.now();
            self.collect()?;
            if let Some(happening) = self.earliest(until) {
                return happening;
            }
            if now >= until {
                return Ok(Happening::Reached);
            }
            self.check_time(now)?;
            let until = self.end_of_time().map_or(until, |(end, _)| until.min(end));
            match until.since(now).checked_sub(SPIN) {
                Some(sleep) if !sleep.is_zero() => self.sleep(sleep)?,
                _ => std::hint::spin_loop(),
            }
        }
    }

    fn inject(&mut self, packet: &[u8], gso_size: u16) -> Result<(), TargetError> {
        // What waits there was sent before.
        self.collect()?;
        self.link.send(packet, gso_size).map_err(|error| broken("device", &error))?;
        self.collect()
    }

    fn call(&mut self, call: Call) -> Result<Started, TargetError> {
        self.fresh = false;
        self.collect()?;
        let ticket = self.caller.start(call).map_err(|error| broken("system call", &error))?;
        if self.settle(ticket)? == State::Waiting {
            return Ok(Started::Waits(CallId(ticket.number())));
        }
        let place = self.ended.iter().position(|ended| ended.ticket == ticket);
        match place.and_then(|place| self.ended.remove(place)) {
            Some(Ended { result: Ok(result), .. }) => Ok(Started::Done(result)),
            Some(Ended { result: Err(unsupported), .. }) => Err(TargetError::Unsupported(unsupported.to_string())),
            None => Err(TargetError::Broken("a system call ended and left nothing".to_owned())),
        }
    }

    fn set(&mut self, setting: &Setting) -> Result<Applied, TargetError> {
        self.apply(setting)
    }

    fn counters(&mut self) -> Result<Vec<(String, u64)>, TargetError> {
        counters::all().map_err(|error| broken("counters", &error))
    }

    fn proc_file(&mut self, path: &str) -> Result<String, TargetError> {
        self.read_proc(path)
    }
}

fn step(what: &str, error: io::Error) -> NamespaceError {
    NamespaceError::Step { what: what.to_owned(), error }
}

fn broken(what: &str, error: &io::Error) -> TargetError {
    TargetError::Broken(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests;
