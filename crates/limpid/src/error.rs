//! The engine's errors as std's sockets report them: with the errno that Linux has for the same event, so that
//! [`io::Error::kind`] and `raw_os_error` are the same.

use limpid_event::Error;
use rustix::io::Errno;
use std::io;

/// `error` as an [`io::Error`].
pub(crate) fn io_error(error: Error) -> io::Error {
    let errno = match error {
        Error::WouldBlock => Errno::AGAIN,
        Error::ConnectionRefused => Errno::CONNREFUSED,
        Error::ConnectionReset => Errno::CONNRESET,
        Error::ConnectionAborted => Errno::CONNABORTED,
        Error::TimedOut => Errno::TIMEDOUT,
        Error::HostUnreachable => Errno::HOSTUNREACH,
        Error::NetworkUnreachable => Errno::NETUNREACH,
        Error::ProtocolUnreachable => Errno::NOPROTOOPT,
        Error::Prohibited => Errno::ACCESS,
        Error::BrokenPipe => Errno::PIPE,
        Error::NotConnected => Errno::NOTCONN,
        Error::AlreadyConnected => Errno::ISCONN,
        Error::AddressInUse => Errno::ADDRINUSE,
        Error::AddressNotAvailable => Errno::ADDRNOTAVAIL,
        Error::InvalidArgument => Errno::INVAL,
        Error::NoSuchSocket => Errno::BADF,
        Error::NoBuffers => Errno::NOBUFS,
        Error::NotSupported => Errno::OPNOTSUPP,
        // The engine's list may grow.
        other => return io::Error::other(other),
    };
    errno.into()
}

/// A bad argument, in words.
pub(crate) fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
