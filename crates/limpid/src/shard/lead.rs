//! A caller that has to wait drives its shard itself.
//!
//! It waits for the devices and timers as the driver's thread would, so that what it waits for is handled where it is wanted, without a
//! switch of threads. It leads only if no other caller waits in the shard: one that leaves has others wait for whoever drives next.
//!
//! The driver's thread rests meanwhile. Callers come and go quickly, and waking a thread costs more than what it would do: so the driver
//! looks every [`TICK`] whether anybody has led since, and drives again if nobody has. So long, at most, nobody looks at the devices.

use super::{Engine, Shard, Sleep, Sleeper, State, panicked};
use crate::error::io_error;
use limpid_event::{Error, Instant};
use limpid_stack::SocketId;
use std::io;
use std::sync::{Condvar, MutexGuard};
use std::time::Duration;

/// How often the driver's thread looks whether it is needed, while callers lead now and then.
const TICK: Duration = Duration::from_micros(250);

/// Who drives.
#[derive(Default)]
pub(super) struct Lead {
    leader: Option<Leader>,
    /// How often a caller began to lead,
    begun: u64,
    /// and how often it had when the driver looked last.
    seen: u64,
    /// Callers that wait for somebody else to drive.
    pub(super) followers: usize,
    driver: Driver,
}

struct Leader {
    socket: SocketId,
    asleep: bool,
}

/// What the driver's thread does.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Driver {
    /// It drives.
    #[default]
    Drives,
    /// It looks every now and then.
    Looks,
    /// It sleeps until it is called: a caller has led for long.
    Rests,
}

impl Lead {
    /// Whether a caller that has to wait may lead.
    pub(super) fn is_free(&self) -> bool {
        self.leader.is_none() && self.followers == 0
    }

    /// A caller leads from now on; true if the driver has to be told.
    pub(super) fn begin(&mut self, socket: SocketId) -> bool {
        self.leader = Some(Leader { socket, asleep: false });
        self.begun += 1;
        self.driver == Driver::Drives
    }

    /// It leads no longer; true if the driver has to be called.
    pub(super) fn cease(&mut self) -> bool {
        self.leader = None;
        self.driver == Driver::Rests || (self.followers > 0 && self.driver != Driver::Drives)
    }

    /// The leader goes to sleep, or is awake again.
    pub(super) fn set_asleep(&mut self, asleep: bool) {
        if let Some(leader) = &mut self.leader {
            leader.asleep = asleep;
        }
    }

    /// Whether the leader sleeps, and waits for this socket.
    pub(super) fn sleeps_for(&self, socket: SocketId) -> bool {
        self.leader.as_ref().is_some_and(|leader| leader.asleep && leader.socket == socket)
    }

    pub(super) fn is_led(&self) -> bool {
        self.leader.is_some()
    }
}

impl State {
    /// How the driver's thread rests, if a caller leads or did so of late; `None` if it has to drive.
    pub(super) fn rest(&mut self) -> Option<Sleep> {
        let lead = &mut self.lead;
        let news = std::mem::replace(&mut lead.seen, lead.begun) != lead.begun;
        let needed = self.broken.is_some() || self.stop_at.is_some() || (lead.leader.is_none() && lead.followers > 0);
        lead.driver = match (lead.is_led(), news) {
            _ if needed => Driver::Drives,
            (_, true) => Driver::Looks,
            (true, false) => Driver::Rests,
            (false, false) => Driver::Drives,
        };
        match lead.driver {
            Driver::Drives => None,
            Driver::Looks => Some(Sleep { timeout: Some(TICK), events: Vec::new(), who: Sleeper::Resting }),
            Driver::Rests => Some(Sleep { timeout: None, events: Vec::new(), who: Sleeper::Resting }),
        }
    }

    /// The driver's thread drives, as far as it knows.
    pub(super) fn is_driven_by_its_thread(&self) -> bool {
        self.lead.driver == Driver::Drives
    }
}

impl Shard {
    /// Repeats a command of `socket` until it is not `WouldBlock` any more, and drives the shard or sleeps in between; at `deadline`
    /// (never, if `None`) it stays `WouldBlock`.
    pub(crate) fn wait<T>(
        &self,
        socket: SocketId,
        ready: &Condvar,
        deadline: Option<Instant>,
        mut command: impl FnMut(&mut Engine, Instant) -> Result<T, Error>,
    ) -> io::Result<T> {
        let _alarm = self.alarm();
        let mut state = self.lock()?;
        let mut leads = false;
        let result = loop {
            if let Err(error) = state.check() {
                break Err(error);
            }
            let now = self.clock.now();
            (state.watched, state.told) = (Some(socket), false);
            let result = command(&mut state.stack, now);
            self.settle(&mut state, now);
            match result {
                Err(Error::WouldBlock) if deadline.is_none_or(|d| now < d) => {
                    if state.told {
                        continue;
                    }
                }
                other => break other.map_err(io_error),
            }
            if !leads && state.lead.is_free() {
                leads = true;
                state.glance.wait_begins(now);
                if state.lead.begin(socket) {
                    self.post.ring();
                }
            }
            state = if leads { self.lead(state, deadline)? } else { self.follow(state, ready, deadline)? };
        };
        if leads {
            state.asleep_until = Instant::ZERO;
            self.bell.stay_awake();
            if state.lead.cease() {
                self.post.ring();
            }
        }
        result
    }

    /// A round of a caller that drives: waits for devices and timers, until `deadline` at most, and sees to what there is.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> io::Result<MutexGuard<'a, State>> {
        if state.glance.is_due(self.clock.now()) {
            state.round(self.clock);
            self.between_looks(state);
            return self.lock();
        }
        let mut sleep = self.fall_asleep(&mut state, deadline.unwrap_or(Instant::MAX), Sleeper::Caller);
        if state.told {
            sleep.timeout = Some(Duration::ZERO);
        }
        state.lead.set_asleep(true);
        drop(state);
        let waited = self.rest(&sleep);
        let mut state = self.lock()?;
        state.lead.set_asleep(false);
        if let Err(error) = waited {
            state.fail(error.kind(), error.to_string());
        }
        self.bell.stay_awake();
        state.asleep_until = Instant::ZERO;
        state.round(self.clock);
        Ok(state)
    }

    /// Waits while somebody else drives, until `deadline` at most.
    fn follow<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        ready: &Condvar,
        deadline: Option<Instant>,
    ) -> io::Result<MutexGuard<'a, State>> {
        state.lead.followers += 1;
        let mut state = match deadline {
            None => ready.wait(state).map_err(panicked)?,
            Some(deadline) => ready.wait_timeout(state, self.clock.until(deadline)).map_err(panicked)?.0,
        };
        state.lead.followers -= 1;
        Ok(state)
    }
}
