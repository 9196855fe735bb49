//! How a call that would wait for ever is ended: by a signal to its thread, which does nothing but make the call end with
//! EINTR.

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::thread::JoinHandleExt;
use std::sync::OnceLock;
use std::thread::JoinHandle;

/// The signal, and why there is none.
static SIGNAL: OnceLock<Result<i32, i32>> = OnceLock::new();

/// Chooses a real-time signal that the program has no use for, once, and gives it a handler that does nothing.
pub(crate) fn prepare() -> io::Result<()> {
    signal().map(drop)
}

/// Interrupts the call that a thread is in, if it is in one.
pub(crate) fn interrupt<T>(thread: &JoinHandle<T>) {
    if let Ok(signal) = signal() {
        // SAFETY: a thread that is not joined yet has a valid identifier, and the signal has a handler.
        unsafe { libc::pthread_kill(thread.as_pthread_t(), signal) };
    }
}

fn signal() -> io::Result<i32> {
    (*SIGNAL.get_or_init(|| choose().map_err(|e| e.raw_os_error().unwrap_or(libc::EINVAL))))
        .map_err(io::Error::from_raw_os_error)
}

fn choose() -> io::Result<i32> {
    for signal in (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev() {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a query that fills `action`.
        if unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: all zeros is a valid `sigaction`, and Linux has filled it.
        let mut action = unsafe { action.assume_init() };
        if action.sa_sigaction != libc::SIG_DFL {
            continue;
        }
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        // Without SA_RESTART, or the call would go on.
        action.sa_flags = 0;
        // SAFETY: the handler does nothing, so it is safe at any time; nobody else had one.
        if unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        return Ok(signal);
    }
    Err(io::Error::from_raw_os_error(libc::EBUSY))
}

extern "C" fn nothing(_signal: i32) {}

/// Keeps SIGPIPE from this thread: a write to a closed connection fails with EPIPE, and that is all, whatever the program
/// does with the signal.
pub(crate) fn block_sigpipe() {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is initialised before it is used, and the mask is this thread's own.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
