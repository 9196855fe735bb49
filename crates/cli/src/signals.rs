//! Signals that ask the program to end: seen in an event loop, so that it can end in good order.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// From its making on, Ctrl+C, a hangup and their kin no longer kill the program: they make [`fd`](Self::fd) readable.
pub(crate) struct Signals {
    reader: UnixStream,
}

impl Signals {
    /// Takes the signals over.
    pub(crate) fn take() -> io::Result<Signals> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(Signals { reader })
    }

    /// Readable, and stays so, once a signal came.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
