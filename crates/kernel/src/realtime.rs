//! To be on time: real-time priority, and memory that is not swapped out. Neither is granted everywhere, and what is not
//! granted is done without.

use rustix::mm::{MlockAllFlags, mlockall, munlockall};
use std::io;
use std::marker::PhantomData;

/// Real-time priority (SCHED_FIFO, the lowest of its priorities) for this thread and the threads that it starts, as long as
/// this value lives.
#[derive(Debug)]
pub struct RealTime {
    before: (i32, libc::sched_param),
    /// What it undoes is true of one thread.
    thread: PhantomData<*const ()>,
}

impl RealTime {
    /// Asks for it.
    ///
    /// # Errors
    /// If this program has no right to it (CAP_SYS_NICE or RLIMIT_RTPRIO, and a control group with real-time bandwidth).
    pub fn enter() -> io::Result<RealTime> {
        let mut param = libc::sched_param { sched_priority: 0 };
        // SAFETY: 0 is the calling thread; the query fills `param`.
        let policy = unsafe { libc::sched_getscheduler(0) };
        // SAFETY: as above.
        if policy < 0 || unsafe { libc::sched_getparam(0, &mut param) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let before = (policy, param);
        schedule(libc::SCHED_FIFO, libc::sched_param { sched_priority: 1 })?;
        Ok(RealTime { before, thread: PhantomData })
    }
}

impl Drop for RealTime {
    fn drop(&mut self) {
        let (policy, param) = self.before;
        // To go back to less is always allowed.
        let _ = schedule(policy, param);
    }
}

fn schedule(policy: i32, param: libc::sched_param) -> io::Result<()> {
    // SAFETY: 0 is the calling thread, and Linux reads one `sched_param`.
    if unsafe { libc::sched_setscheduler(0, policy, &param) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The memory that the program has now stays in memory, as long as this value lives.
#[derive(Debug)]
pub struct Resident(());

impl Resident {
    /// Asks for it.
    ///
    /// # Errors
    /// If it is more than this program may lock (CAP_IPC_LOCK or RLIMIT_MEMLOCK).
    pub fn enter() -> io::Result<Resident> {
        // Not what comes later: that would make allocations fail at the limit.
        mlockall(MlockAllFlags::CURRENT)?;
        Ok(Resident(()))
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // Nothing can be done if it fails.
        let _ = munlockall();
    }
}

#[cfg(test)]
mod tests;
