//! A process's descriptors, and which call is carried out where.

use crate::{data, file, message, option, ready, socket};
use limpid_posix::{Call, Errno, Return};
use rustix::net::sockopt;
use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

/// The most bytes that one call may hand over or ask for, 64 MiB; more is [`Unsupported`].
pub const MAX_LEN: usize = 64 << 20;

/// A number that no descriptor can have: Linux's limit (`fs.nr_open`) is always below. It stands for every number that is
/// not the process's own, so that Linux itself says what becomes of it.
pub(crate) const NO_FILE: RawFd = RawFd::MAX;

/// A call that is not made: its memory could not be described, or this is no x86-64.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// Descriptors of the real kernel, and calls on them.
///
/// Numbers are those that Linux allots. Only descriptors that calls of this process made can be used by it: others of the
/// program are as if they were closed. A descriptor is closed with the process, if not before; one that is in use by a
/// blocked call of another thread stays open until that call ends, as on Linux.
#[derive(Default)]
pub struct Process {
    files: Mutex<BTreeMap<RawFd, Arc<OwnedFd>>>,
    /// What was sent with MSG_ZEROCOPY: Linux may read it for as long as the socket exists. Dropped after the files.
    pub(crate) lent: Mutex<Vec<Vec<u8>>>,
}

impl Process {
    /// A process without descriptors.
    pub fn new() -> Process {
        Process::default()
    }

    /// Makes a call on this thread, and waits for as long as it takes. A signal ends it with EINTR.
    ///
    /// # Errors
    /// If the call is none that can be made: see [`Unsupported`].
    pub fn call(&self, call: Call) -> Result<Return, Unsupported> {
        if !cfg!(target_arch = "x86_64") {
            return Err(Unsupported("system calls are known for x86-64 alone".to_owned()));
        }
        match call {
            Call::Socket { .. }
            | Call::Bind { .. }
            | Call::Listen { .. }
            | Call::Accept4 { .. }
            | Call::Connect { .. }
            | Call::Shutdown { .. }
            | Call::GetSockName { .. }
            | Call::GetPeerName { .. } => Ok(socket::call(self, call)),
            Call::GetSockOpt { .. } | Call::SetSockOpt { .. } => option::call(self, call),
            Call::Read { .. }
            | Call::Readv { .. }
            | Call::Recv { .. }
            | Call::RecvFrom { .. }
            | Call::Write { .. }
            | Call::Writev { .. }
            | Call::Send { .. }
            | Call::SendTo { .. } => data::call(self, call),
            Call::RecvMsg { .. } | Call::SendMsg { .. } => message::call(self, call),
            Call::Poll { .. }
            | Call::Select { .. }
            | Call::EpollCreate1 { .. }
            | Call::EpollCtl { .. }
            | Call::EpollWait { .. } => ready::call(self, call),
            Call::Close { fd } => Ok(self.close(fd)),
            other => file::call(self, other),
        }
    }

    /// The numbers of the descriptors that are open.
    pub fn descriptors(&self) -> Vec<RawFd> {
        lock(&self.files).keys().copied().collect()
    }

    /// The file behind a number.
    pub(crate) fn file(&self, fd: i32) -> Result<Arc<OwnedFd>, Return> {
        lock(&self.files).get(&fd).cloned().ok_or_else(|| Return::error(Errno::EBADF))
    }

    /// A number as Linux may see it: [`NO_FILE`] if it is none of the process's own. Negative ones stay as they are.
    pub(crate) fn visible(&self, fd: i32) -> RawFd {
        if fd < 0 || lock(&self.files).contains_key(&fd) { fd } else { NO_FILE }
    }

    /// Takes a new descriptor over, and gives its number back.
    pub(crate) fn adopt(&self, file: OwnedFd) -> RawFd {
        let fd = file.as_raw_fd();
        lock(&self.files).insert(fd, Arc::new(file));
        fd
    }

    /// As [`adopt`](Self::adopt), for what a call gave: -1 is an error.
    pub(crate) fn adopt_raw(&self, returned: i32) -> Return {
        if returned < 0 {
            return last_error();
        }
        // SAFETY: only called with the result of a call that makes a descriptor (socket, accept4, fcntl(F_DUPFD), open,
        // epoll_create1): it is new and nobody else's.
        let file = unsafe { OwnedFd::from_raw_fd(returned) };
        Return::ok(self.adopt(file).into())
    }

    /// Keeps bytes for as long as Linux might read them.
    pub(crate) fn lend(&self, bytes: Vec<u8>) {
        lock(&self.lent).push(bytes);
    }

    fn close(&self, fd: i32) -> Return {
        let Some(file) = lock(&self.files).remove(&fd) else { return Return::error(Errno::EBADF) };
        match Arc::try_unwrap(file) {
            // SAFETY: the descriptor was owned here, and is given up.
            Ok(file) => returned(unsafe { libc::close(file.into_raw_fd()) }.into()),
            // A blocked call holds it: it is closed when that ends.
            Err(_) => Return::ok(0),
        }
    }
}

impl Drop for Process {
    /// Nobody is there to wait for what lingers (SO_LINGER): Linux goes on closing by itself.
    fn drop(&mut self) {
        for file in lock(&self.files).values() {
            // A file that is no socket has no such option.
            if let Ok(Some(time)) = sockopt::socket_linger(file)
                && !time.is_zero()
            {
                let _ = sockopt::set_socket_linger(file, None);
            }
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("descriptors", &self.descriptors()).finish_non_exhaustive()
    }
}

/// What is behind a lock. None is held where something could panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a wrapper of libc returned: -1 says to look at `errno`.
pub(crate) fn returned(value: i64) -> Return {
    if value < 0 { last_error() } else { Return::ok(value) }
}

/// The error of the call that this thread made last.
pub(crate) fn last_error() -> Return {
    let errno = std::io::Error::last_os_error().raw_os_error();
    Return::error(Errno(errno.unwrap_or(Errno::EIO.0)))
}

/// A result of rustix's.
pub(crate) fn result(result: rustix::io::Result<usize>) -> Return {
    match result {
        Ok(count) => Return::ok(count.try_into().unwrap_or(i64::MAX)),
        Err(errno) => Return::error(Errno(errno.raw_os_error())),
    }
}

/// Room for what a call fills.
pub(crate) fn room(len: usize) -> Result<Vec<u8>, Unsupported> {
    if len > MAX_LEN {
        return Err(Unsupported(format!("{len} bytes in one call: more than {MAX_LEN}")));
    }
    Ok(vec![0; len])
}

#[cfg(test)]
mod tests;
