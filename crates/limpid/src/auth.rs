//! Peers that prove who they are by signing each segment: TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925), as BGP speakers do.

use crate::shard::Engine;
use crate::socket::Socket;
use crate::stream::connected;
use crate::{Host, TcpListener, TcpStream};
pub use limpid_stack::{AoAlgorithm, AoKey, AoKeyState, Secret};
use limpid_stack::{KeyError, SocketId};
use limpid_wire::Cidr;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// A key, and the peers that it is for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AuthKey {
    /// TCP-MD5's. Of several for a peer the one of the longest prefix counts.
    Md5 {
        /// Which peers.
        peer: Cidr,
        /// The key.
        secret: Secret,
    },
    /// TCP-AO's.
    Ao(AoKey),
}

impl AuthKey {
    /// A TCP-MD5 key for the peers in `peer` (`192.0.2.1/32`, `2001:db8::/64`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if `peer` is no network, or the key is empty or longer than 80 bytes.
    pub fn md5(peer: &str, key: &[u8]) -> io::Result<AuthKey> {
        let peer = peer.parse().map_err(|error| io::Error::new(ErrorKind::InvalidInput, format!("{peer}: {error}")))?;
        let secret =
            Secret::new(key).ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a key has 1 to 80 bytes"))?;
        Ok(AuthKey::Md5 { peer, secret })
    }
}

fn key_error(error: KeyError) -> io::Error {
    let kind = match error {
        KeyError::Exists => ErrorKind::AlreadyExists,
        KeyError::NotFound => ErrorKind::NotFound,
        KeyError::Busy => ErrorKind::ResourceBusy,
        _ => ErrorKind::InvalidInput,
    };
    io::Error::new(kind, error)
}

fn add(stack: &mut Engine, id: SocketId, key: AuthKey) -> Result<(), KeyError> {
    match key {
        AuthKey::Md5 { peer, secret } => stack.set_md5_key(id, peer, secret),
        AuthKey::Ao(key) => stack.add_ao_key(id, key),
    }
}

fn remove(stack: &mut Engine, id: SocketId, key: &AuthKey) -> Result<(), KeyError> {
    match key {
        AuthKey::Md5 { peer, .. } => stack.remove_md5_key(id, *peer),
        AuthKey::Ao(key) => stack.remove_ao_key(id, key.peer, (key.send_id, key.recv_id)),
    }
}

/// Does something with the keys of a socket.
fn with_keys<T>(socket: &Socket, act: impl FnOnce(&mut Engine, SocketId) -> Result<T, KeyError>) -> io::Result<T> {
    let mut result = None;
    socket.call(|stack, id, _| {
        result = Some(act(stack, id));
        Ok(())
    })?;
    result.unwrap_or(Err(KeyError::NoSuchSocket)).map_err(key_error)
}

impl TcpListener {
    /// Connections from the key's peers are signed from now on, and those that are not are not heard.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if a TCP-AO key's numbers are in use; [`ErrorKind::InvalidInput`] if its peers have a key of
    /// the other kind.
    pub fn add_key(&self, key: AuthKey) -> io::Result<()> {
        self.each(|socket| with_keys(socket, |stack, id| add(stack, id, key.clone())))
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it is not there.
    pub fn remove_key(&self, key: &AuthKey) -> io::Result<()> {
        self.each(|socket| with_keys(socket, |stack, id| remove(stack, id, key)))
    }
}

impl TcpStream {
    /// Connects to a peer that signs its segments with these keys.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and as [`TcpListener::add_key`]. A peer with another key does not answer, so that it is
    /// [`ErrorKind::TimedOut`] in the end.
    pub fn connect_authenticated(host: &Host, remote: SocketAddr, keys: &[AuthKey]) -> io::Result<TcpStream> {
        let mut armed = Ok(());
        let id = host.inner.any_shard().call(|stack, now| {
            let id = stack.socket();
            armed = keys.iter().try_for_each(|key| add(stack, id, key.clone()));
            if armed.is_ok() {
                stack.connect_on(now, id, remote.into())?;
            }
            Ok(id)
        })?;
        let socket = Socket::new(&host.inner, id)?;
        armed.map_err(key_error)?;
        socket.wait_until(None, |stack, _| connected(stack, id))?;
        Ok(TcpStream::from_socket(socket))
    }

    /// Adds a key, or puts it in the place of another.
    ///
    /// # Errors
    /// As [`TcpListener::add_key`].
    pub fn add_key(&self, key: AuthKey) -> io::Result<()> {
        with_keys(self.socket(), |stack, id| add(stack, id, key))
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it is not there; [`ErrorKind::ResourceBusy`] if TCP-AO signs with it, or asks for it.
    pub fn remove_key(&self, key: &AuthKey) -> io::Result<()> {
        with_keys(self.socket(), |stack, id| remove(stack, id, key))
    }

    /// Goes over to other TCP-AO keys: the one to sign with, by its SendID, and the one that the peer is asked to use, by its
    /// RecvID (RFC 5925 §6.1).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such key.
    pub fn choose_ao_keys(&self, send_id: Option<u8>, next_recv_id: Option<u8>) -> io::Result<()> {
        with_keys(self.socket(), |stack, id| stack.choose_ao_keys(id, send_id, next_recv_id))
    }

    /// The state of TCP-AO; `None` without.
    ///
    /// # Errors
    /// If the host is gone.
    pub fn ao_state(&self) -> io::Result<Option<AoKeyState>> {
        with_keys(self.socket(), |stack, id| stack.ao_state(id))
    }
}
