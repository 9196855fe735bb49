//! The clock of the measurements: the thread's own processor time, so that what else the machine does hardly matters.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time of this thread since it was started.
pub(crate) struct Stopwatch(Duration);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(thread_time())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        thread_time() - self.0
    }
}

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
