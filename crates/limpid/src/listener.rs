//! A listening socket shaped like [`std::net::TcpListener`].

use crate::error::invalid;
use crate::socket::{Direction, Socket};
use crate::{Host, TcpStream};
use limpid_stack::ListenConfig;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

/// The backlog that std asks for.
const BACKLOG: usize = 128;

/// A TCP socket that listens, shaped like [`std::net::TcpListener`].
pub struct TcpListener {
    socket: Arc<Socket>,
}

impl TcpListener {
    /// Listens at the first of the addresses that can be had; port 0 picks one. SO_REUSEADDR is set, and `[::]` takes IPv4
    /// too, as with std on Linux. The accept queue holds 129.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`], [`io::ErrorKind::AddrNotAvailable`].
    pub fn bind(host: &Host, address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let mut last = None;
        for address in address.to_socket_addrs()? {
            let config = ListenConfig::new(address.into(), BACKLOG);
            match TcpListener::bind_with(host, config) {
                Err(error) => last = Some(error),
                bound => return bound,
            }
        }
        Err(last.unwrap_or_else(|| invalid("could not resolve to any addresses")))
    }

    /// Listens as `config` says.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_with(host: &Host, config: ListenConfig) -> io::Result<TcpListener> {
        let id = host.inner.shard.call(|stack, now| stack.listen(now, config))?;
        Ok(TcpListener { socket: Arc::new(Socket::new(&host.inner, id)?) })
    }

    /// Waits for a connection, and takes it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the listener is nonblocking and there is none.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (id, peer) = self.socket.wait(Direction::Read, |stack, id, now| stack.accept(now, id))?;
        let stream = TcpStream::from_socket(Socket::new(&self.socket.host, id)?);
        Ok((stream, peer.into()))
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// The connections that come, for ever.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The host has gone down.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener { socket: self.socket.clone() })
    }

    /// Whether `accept` fails with [`io::ErrorKind::WouldBlock`] instead of waiting.
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
}

impl std::fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut s = f.debug_struct("TcpListener");
        if let Ok(addr) = self.local_addr() {
            s.field("addr", &addr);
        }
        s.finish()
    }
}

/// The connections that come to a listener; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    /// Waits for the next; never `None`.
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::iter::FusedIterator for Incoming<'_> {}
