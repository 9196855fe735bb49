//! How whoever drives a shard sleeps, and what wakes it.

use super::{Bell, Link, Shard, State};
use limpid_event::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// What the driver waits for.
pub(crate) struct Sleep {
    /// At most so long; for ever if `None`.
    pub(super) timeout: Option<Duration>,
    /// The events of each device, in their order.
    pub(super) events: Vec<PollFlags>,
    /// Who sleeps.
    pub(super) who: Sleeper,
}

impl Sleep {
    /// No sleep: whoever drives looks for more at once.
    pub(super) fn none() -> Sleep {
        Sleep { timeout: Some(Duration::ZERO), events: Vec::new(), who: Sleeper::Nobody }
    }
}

/// Who sleeps, and what wakes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sleeper {
    /// The driver's thread, which drives: the devices, the bell, and a caller that wants to drive instead.
    Driver,
    /// The same while a caller does: that one.
    Resting,
    /// A caller that drives: the devices and the bell.
    Caller,
    /// Nobody.
    Nobody,
}

impl Shard {
    /// Whoever drives is about to sleep, until `until` at most.
    pub(super) fn fall_asleep(&self, state: &mut State, until: Instant, who: Sleeper) -> Sleep {
        let mut wake_at = until;
        if state.is_one_of_several() {
            self.bell.fall_asleep();
            let now = self.clock.now();
            // What others hand over from here on rings the bell; what they have handed over before is taken now.
            if state.take_arrivals(now) > 0 {
                wake_at = Instant::ZERO;
            }
            state.drain(now);
            if state.has_more() {
                wake_at = Instant::ZERO;
            }
        }
        wake_at = wake_at.min(state.stack.poll_timeout().unwrap_or(Instant::MAX));
        state.asleep_until = wake_at;
        Sleep {
            timeout: (wake_at < Instant::MAX).then(|| self.clock.until(wake_at)),
            events: state.links.iter().filter(|link| link.poll_fd().is_some()).map(Link::poll_events).collect(),
            who,
        }
    }

    /// Sleeps as [`drive`](Self::drive) says.
    pub(crate) fn rest(&self, sleep: &Sleep) -> io::Result<()> {
        let bells: &[&Bell] = match sleep.who {
            Sleeper::Driver => &[&self.bell, &self.post],
            Sleeper::Resting => &[&self.post],
            Sleeper::Caller => &[&self.bell],
            Sleeper::Nobody => return Ok(()),
        };
        let wanted = bells.iter().map(|bell| (bell.fd(), PollFlags::IN));
        let devices = self.devices.iter().zip(&sleep.events).map(|(fd, events)| (fd.as_fd(), *events));
        let mut fds: Vec<_> = wanted.chain(devices).map(|(fd, events)| PollFd::from_borrowed_fd(fd, events)).collect();
        let timeout = sleep.timeout.map(|t| Timespec::try_from(t).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for (bell, fd) in bells.iter().zip(&fds) {
            if !fd.revents().is_empty() {
                bell.silence();
            }
        }
        Ok(())
    }
}
