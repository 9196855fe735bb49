//! A listening socket shaped like [`std::net::TcpListener`].

use crate::error::{invalid, io_error};
use crate::shard::Door;
use crate::socket::Socket;
use crate::{Host, TcpStream};
use limpid_event::Error;
use limpid_stack::ListenConfig;
use limpid_wire::Endpoint;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The backlog that std asks for.
const BACKLOG: usize = 128;

/// A port that was picked may be taken in another shard: so many are tried.
const TRIES: usize = 16;

/// A TCP socket that listens, shaped like [`std::net::TcpListener`].
///
/// It listens in each shard of its host ([`Builder::shards`](crate::Builder::shards)), and takes connections from all of them; each has an
/// accept queue of its own.
pub struct TcpListener {
    inner: Arc<Inner>,
}

/// What clones of a listener share.
struct Inner {
    /// One for each shard of the host.
    sockets: Vec<Socket>,
    /// Where it is waited for connections.
    door: Arc<Door>,
    /// Whose turn it is to be asked first.
    next: AtomicUsize,
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
        let picks = config.local.port == 0;
        let mut tries = 0;
        loop {
            tries += 1;
            match TcpListener::listen_in_all(host, &config) {
                Err(error) if picks && error.kind() == ErrorKind::AddrInUse && tries < TRIES => {}
                result => return result,
            }
        }
    }

    fn listen_in_all(host: &Host, config: &ListenConfig) -> io::Result<TcpListener> {
        let door = Arc::new(Door::default());
        let mut config = config.clone();
        let mut sockets = Vec::new();
        for shard in host.inner.shards() {
            let id = shard.call(|stack, now| stack.listen(now, config.clone()))?;
            let socket = Socket::listening(&host.inner, id, &door)?;
            config.local = Endpoint::from(socket.local_addr()?);
            sockets.push(socket);
        }
        Ok(TcpListener { inner: Arc::new(Inner { sockets, door, next: AtomicUsize::new(0) }) })
    }

    /// Waits for a connection, and takes it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the listener is nonblocking and there is none.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let heard = self.inner.door.knocks();
            match self.inner.take() {
                Err(error) if error.kind() == ErrorKind::WouldBlock && !self.first().is_nonblocking() => {
                    self.inner.door.wait(heard);
                }
                result => return result,
            }
        }
    }

    /// Its socket in the first shard: what is the same in all, it tells.
    pub(crate) fn first(&self) -> &Socket {
        &self.inner.sockets[0]
    }

    /// Does something to its socket in each shard.
    pub(crate) fn each(&self, act: impl FnMut(&Socket) -> io::Result<()>) -> io::Result<()> {
        self.inner.sockets.iter().try_for_each(act)
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
        self.first().local_addr()
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener { inner: self.inner.clone() })
    }

    /// Whether `accept` fails with [`io::ErrorKind::WouldBlock`] instead of waiting.
    ///
    /// # Errors
    /// None; it is a `Result` as std's is.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.first().set_nonblocking(nonblocking);
        Ok(())
    }

    /// Takes the pending error (SO_ERROR).
    ///
    /// # Errors
    /// The host has gone down.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.first().take_error()
    }
}

impl Inner {
    /// A connection from whichever shard has one.
    fn take(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let count = self.sockets.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for n in 0..count {
            let socket = &self.sockets[first.wrapping_add(n) % count];
            match socket.call(|stack, id, now| stack.accept(now, id)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
                Ok((id, peer)) => {
                    return Ok((TcpStream::from_socket(Socket::new(&socket.host, id)?), peer.into()));
                }
            }
        }
        Err(io_error(Error::WouldBlock))
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
