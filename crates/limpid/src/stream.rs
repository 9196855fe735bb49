//! A connection shaped like [`std::net::TcpStream`].

use crate::Host;
use crate::error::invalid;
use crate::shard::Engine;
use crate::socket::{Direction, Socket};
use limpid_event::{Error, Instant, TcpState};
use limpid_stack::{Readiness, SocketId};
use limpid_tcp::{Config, TcpInfo};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// A TCP connection, shaped like [`std::net::TcpStream`]: it reads and writes, also through a shared reference, and fails
/// with the same [`io::ErrorKind`]s for the same events.
///
/// Dropping the last clone closes it: what was written is still sent, in the background.
pub struct TcpStream {
    socket: Arc<Shared>,
}

/// What clones of a stream share. The one that goes last closes the connection, with the linger that is set.
struct Shared(Socket);

impl Deref for Shared {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.linger_on_close();
    }
}

impl TcpStream {
    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`], [`io::ErrorKind::TimedOut`], [`io::ErrorKind::HostUnreachable`],
    /// [`io::ErrorKind::NetworkUnreachable`], and the others that Linux has for `connect`.
    pub fn connect(host: &Host, address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        first_of(address, |remote| TcpStream::connect_with(host, None, remote, None))
    }

    /// Connects within `timeout`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); [`io::ErrorKind::TimedOut`] after `timeout`; [`io::ErrorKind::InvalidInput`] if that
    /// is zero.
    pub fn connect_timeout(host: &Host, address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(invalid("cannot set a 0 duration timeout"));
        }
        let config = Config { connect_deadline: Some(timeout), ..(*host.inner.config).clone() };
        TcpStream::connect_with(host, None, *address, Some(config))
    }

    /// Connects from `local` (address or port may be left open), with settings of its own.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and [`io::ErrorKind::AddrInUse`] or [`io::ErrorKind::AddrNotAvailable`] for `local`.
    pub fn connect_with(
        host: &Host,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        config: Option<Config>,
    ) -> io::Result<TcpStream> {
        let (local, config) = (local.map(Into::into), config.map(Arc::new));
        let shard = host.inner.shard_for(local, remote.into())?;
        let id = shard.call(|stack, now| stack.connect(now, local, remote.into(), config))?;
        let socket = Socket::new(&host.inner, id)?;
        socket.wait_until(None, |stack, _| connected(stack, id))?;
        Ok(TcpStream::from_socket(socket))
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn from_socket(socket: Socket) -> TcpStream {
        TcpStream { socket: Arc::new(Shared(socket)) }
    }

    /// The other end.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if the connection is over.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.call(|stack, id, _| stack.peer_endpoint(id)).map(SocketAddr::from)
    }

    /// Our end.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Closes one half or both: reading then gives the end of the stream, writing [`io::ErrorKind::BrokenPipe`].
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if the connection is over.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => limpid_stack::Shutdown::Read,
            Shutdown::Write => limpid_stack::Shutdown::Write,
            Shutdown::Both => limpid_stack::Shutdown::Both,
        };
        self.socket.call(|stack, id, now| stack.shutdown(now, id, how))
    }

    /// Resets the connection at once, as closing it with a linger of zero does.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn abort(&self) -> io::Result<()> {
        self.socket.call(|stack, id, now| stack.abort(now, id))
    }

    /// Another handle of the same connection.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream { socket: self.socket.clone() })
    }

    /// How long a read may wait; `None` is for ever.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Direction::Read, timeout)
    }

    /// How long a write may wait; `None` is for ever.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.set_timeout(Direction::Write, timeout)
    }

    /// How long a read may wait. After that it fails with [`io::ErrorKind::WouldBlock`], as std's does on Linux.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.timeout(Direction::Read))
    }

    /// How long a write may wait. After that it fails with [`io::ErrorKind::WouldBlock`], as std's does on Linux.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.timeout(Direction::Write))
    }

    /// Reads without taking: waits for the first byte as `read` does.
    ///
    /// # Errors
    /// As `read`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.wait(Direction::Read, |stack, id, _| stack.peek(id, buf))
    }

    /// Switches Nagle's algorithm off (TCP_NODELAY).
    ///
    /// # Errors
    /// The host has gone down.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.configure(|config| config.no_delay = nodelay)
    }

    /// Whether Nagle's algorithm is off.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.setting(|config| config.no_delay)
    }

    /// SO_LINGER. With zero, dropping the stream resets the connection; with more, the drop waits so long for the peer to
    /// acknowledge everything; `None` is the ordinary close in the background.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket.configure(|config| config.linger = linger)
    }

    /// SO_LINGER.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.setting(|config| config.linger)
    }

    /// Whether reads and writes fail with [`io::ErrorKind::WouldBlock`] instead of waiting.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// The host has gone down.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Linux's `tcp_info`.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn info(&self) -> io::Result<TcpInfo> {
        self.socket.call(|stack, id, now| stack.info(now, id))
    }

    /// The connection's state.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn state(&self) -> io::Result<TcpState> {
        self.socket.call(|stack, id, _| stack.state(id))
    }

    /// Changes any of the connection's settings. `change` is called while nobody else can use this part of the host, and must not use
    /// the host or its sockets: it would wait for itself.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) -> io::Result<()> {
        self.socket.configure(change)
    }
}

impl Shared {
    /// Closing with a linger time above zero: waits until the peer has acknowledged our FIN, as Linux's `close` does.
    fn linger_on_close(&self) {
        let id = self.id;
        let Ok(Some(linger)) = self.setting(|config| config.linger) else { return };
        if linger.is_zero() || self.call(|stack, _, _| has_unread(stack, id)).unwrap_or(true) {
            // Closing resets: there is nothing to wait for.
            return;
        }
        if self.call(|stack, _, now| stack.shutdown(now, id, limpid_stack::Shutdown::Write)).is_ok() {
            let deadline = self.shard().clock().now() + linger;
            // Whether it was in time or not: the close goes on in the background.
            let _ = self.wait_until(Some(deadline), |stack, _| match stack.state(id)? {
                TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck => Err(Error::WouldBlock),
                _ => Ok(()),
            });
        }
    }
}

/// What `connect` gives for the first of the addresses that it succeeds with.
pub(crate) fn first_of<T>(
    address: impl ToSocketAddrs,
    mut connect: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for address in address.to_socket_addrs()? {
        match connect(address) {
            Err(error) => last = Some(error),
            connected => return connected,
        }
    }
    Err(last.unwrap_or_else(|| invalid("could not resolve to any addresses")))
}

/// Is an active open done?
pub(crate) fn connected(stack: &mut Engine, id: SocketId) -> Result<(), Error> {
    let readiness = stack.readiness(id)?;
    if readiness.intersects(Readiness::ERROR | Readiness::CLOSED) {
        return Err(stack.take_error(id)?.unwrap_or(Error::ConnectionAborted));
    }
    if readiness.contains(Readiness::WRITABLE) { Ok(()) } else { Err(Error::WouldBlock) }
}

fn has_unread(stack: &Engine, id: SocketId) -> Result<bool, Error> {
    match stack.peek(id, &mut [0]) {
        Ok(n) => Ok(n > 0),
        Err(Error::WouldBlock) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads into one buffer after the other, as long as there is something.
fn read_vectored(stack: &mut Engine, id: SocketId, now: Instant, bufs: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
    let mut bufs = bufs.iter_mut().filter(|buf| !buf.is_empty());
    let mut read = stack.read(now, id, bufs.next().map_or(&mut [], |buf| &mut **buf))?;
    for buf in bufs {
        if stack.readable_len(id)? == 0 {
            break;
        }
        read += stack.read(now, id, buf)?;
    }
    Ok(read)
}

impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.wait(Direction::Read, |stack, id, now| stack.read(now, id, buf))
    }

    /// Fills the buffers one after the other with what there is, at once: as one `read` into all of them.
    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.wait(Direction::Read, |stack, id, now| read_vectored(stack, id, now, bufs))
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.wait(Direction::Write, |stack, id, now| stack.write(now, id, buf))
    }

    /// Takes what the buffers hold, one after the other, as far as there is room: as one `write` of all of them.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.wait(Direction::Write, |stack, id, now| stack.write_vectored(now, id, bufs))
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl std::fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut s = f.debug_struct("TcpStream");
        if let Ok(addr) = self.local_addr() {
            s.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            s.field("peer", &peer);
        }
        s.finish()
    }
}
