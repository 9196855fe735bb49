//! Signals that ask the program for something: seen in an event loop, so that it can answer in good order.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// From its making on, certain signals no longer do what they do by default: they make [`fd`](Self::fd) readable.
pub(crate) struct Signals {
    reader: UnixStream,
}

impl Signals {
    /// Takes over what asks the program to end: Ctrl+C, a hangup and their kin.
    pub(crate) fn take() -> io::Result<Signals> {
        Signals::of(&[SIGINT, SIGTERM, SIGHUP, SIGQUIT])
    }

    /// Takes over what asks it to stop for a while: Ctrl+Z.
    pub(crate) fn stop() -> io::Result<Signals> {
        Signals::of(&[SIGTSTP])
    }

    /// Tells when the terminal has another size.
    pub(crate) fn resize() -> io::Result<Signals> {
        Signals::of(&[SIGWINCH])
    }

    fn of(signals: &[i32]) -> io::Result<Signals> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        for signal in signals {
            signal_hook::low_level::pipe::register(*signal, writer.try_clone()?)?;
        }
        Ok(Signals { reader })
    }

    /// Readable, and stays so, once a signal came.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// Makes [`fd`](Self::fd) unreadable until the next signal.
    pub(crate) fn clear(&mut self) {
        let mut bytes = [0; 64];
        while self.reader.read(&mut bytes).is_ok_and(|n| n > 0) {}
    }
}
