//! What a socket command reports when it fails, under Linux's names.

use core::fmt;

/// Why a socket command failed, or why a connection ended. Each has the errno that Linux gives for the same event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to read, no room to write, nobody to accept: try again later (EAGAIN).
    WouldBlock,
    /// A reset, or an ICMP port unreachable, answered our SYN (ECONNREFUSED).
    ConnectionRefused,
    /// The peer reset the connection (ECONNRESET).
    ConnectionReset,
    /// We gave the connection up on our own side (ECONNABORTED).
    ConnectionAborted,
    /// Nobody answered in time (ETIMEDOUT).
    TimedOut,
    /// No route to the host, or an ICMP host unreachable (EHOSTUNREACH).
    HostUnreachable,
    /// No route to the network, or an ICMP network unreachable (ENETUNREACH).
    NetworkUnreachable,
    /// An ICMP error says the protocol is not there (ENOPROTOOPT, as Linux maps it).
    ProtocolUnreachable,
    /// An ICMP error says that a policy forbids the traffic (EACCES / EHOSTUNREACH by code, as Linux maps it).
    Prohibited,
    /// A write after our own shutdown, or on a connection that is gone (EPIPE).
    BrokenPipe,
    /// The socket is not connected (ENOTCONN).
    NotConnected,
    /// The socket is connected, or connecting, already (EISCONN / EALREADY).
    AlreadyConnected,
    /// The address and port are taken (EADDRINUSE).
    AddressInUse,
    /// The address is none of ours, or no port is free (EADDRNOTAVAIL).
    AddressNotAvailable,
    /// An argument makes no sense for this socket (EINVAL).
    InvalidArgument,
    /// The socket id is not, or no longer, a socket (EBADF).
    NoSuchSocket,
    /// A bound on memory or on the number of sockets is reached (ENOBUFS).
    NoBuffers,
    /// It is switched off (EOPNOTSUPP).
    NotSupported,
}

impl Error {
    /// The errno's name: `ETIMEDOUT`.
    pub const fn errno(self) -> &'static str {
        match self {
            Error::WouldBlock => "EAGAIN",
            Error::ConnectionRefused => "ECONNREFUSED",
            Error::ConnectionReset => "ECONNRESET",
            Error::ConnectionAborted => "ECONNABORTED",
            Error::TimedOut => "ETIMEDOUT",
            Error::HostUnreachable => "EHOSTUNREACH",
            Error::NetworkUnreachable => "ENETUNREACH",
            Error::ProtocolUnreachable => "ENOPROTOOPT",
            Error::Prohibited => "EACCES",
            Error::BrokenPipe => "EPIPE",
            Error::NotConnected => "ENOTCONN",
            Error::AlreadyConnected => "EISCONN",
            Error::AddressInUse => "EADDRINUSE",
            Error::AddressNotAvailable => "EADDRNOTAVAIL",
            Error::InvalidArgument => "EINVAL",
            Error::NoSuchSocket => "EBADF",
            Error::NoBuffers => "ENOBUFS",
            Error::NotSupported => "EOPNOTSUPP",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::WouldBlock => "resource temporarily unavailable",
            Error::ConnectionRefused => "connection refused",
            Error::ConnectionReset => "connection reset by peer",
            Error::ConnectionAborted => "connection aborted",
            Error::TimedOut => "connection timed out",
            Error::HostUnreachable => "no route to host",
            Error::NetworkUnreachable => "network is unreachable",
            Error::ProtocolUnreachable => "protocol not available",
            Error::Prohibited => "administratively prohibited",
            Error::BrokenPipe => "broken pipe",
            Error::NotConnected => "socket is not connected",
            Error::AlreadyConnected => "socket is already connected",
            Error::AddressInUse => "address already in use",
            Error::AddressNotAvailable => "address not available",
            Error::InvalidArgument => "invalid argument",
            Error::NoSuchSocket => "no such socket",
            Error::NoBuffers => "no buffer space available",
            Error::NotSupported => "operation not supported",
        })
    }
}

impl core::error::Error for Error {}
