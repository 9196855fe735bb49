//! Real-time scheduling, so that whatever else the machine does makes neither the relay nor an end late.

use std::io;

/// The least priority of those that run before all ordinary threads.
const PRIORITY: i32 = 1;

/// The calling thread, and all that it starts, run before ordinary ones, in turns with each other.
///
/// # Errors
/// It takes root (CAP_SYS_NICE).
pub(super) fn before_all_others() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: PRIORITY };
    // SAFETY: the structure is complete and outlives the call; 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &parameters) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
