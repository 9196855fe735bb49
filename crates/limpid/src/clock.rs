//! The real clock: the only one in limpid.

use limpid_event::Instant;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the engine's time. Copies of a clock agree, so hosts that share one have a common time line.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: std::time::Instant,
    epoch: u64,
}

impl Clock {
    /// A clock that begins now, at [`Instant::ZERO`].
    pub fn start() -> Clock {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { start: std::time::Instant::now(), epoch: u64::try_from(epoch.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// Now.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    /// The wall-clock time of [`Instant::ZERO`], nanoseconds since the Unix epoch.
    pub fn epoch_nanos(&self) -> u64 {
        self.epoch
    }

    /// How long from now until `at`; zero if that has passed.
    pub(crate) fn until(&self, at: Instant) -> Duration {
        at.since(self.now())
    }
}
