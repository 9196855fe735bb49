//! Fast Open, what a host has to do with it (RFC 7413 §4.1, §5.1): cookies bound to addresses, who may open fast and who not, as
//! on Linux.
//!
//! | file | |
//! |---|---|
//! | `server` | a SYN with a cookie at a listener, and how many such may be pending |
//! | `client` | what a connect's SYN carries, and what the answer teaches |
//! | `black_hole` | Fast Open pauses where something swallows it |

mod black_hole;
mod client;
mod server;

pub(crate) use black_hole::BlackHole;
pub(crate) use server::{Pending, Verdict};

use crate::keys;
use crate::stack::Stack;
use crate::{SocketId, StackConfig};
use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;
use limpid_event::{Error, Observer};
use limpid_wire::IpAddr;
use limpid_wire::tcp::FastOpenCookie;

bitflags::bitflags! {
    /// What of Fast Open is on (`net.ipv4.tcp_fastopen`, same bits). Others are kept and mean nothing.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct FastOpenFlags: u32 {
        /// Connects may carry data.
        const CLIENT = 0x1;
        /// Listeners may take data with a SYN.
        const SERVER = 0x2;
        /// Connects carry data without a cookie.
        const CLIENT_NO_COOKIE = 0x4;
        /// Listeners take data without a cookie.
        const SERVER_COOKIE_NOT_REQUIRED = 0x200;
        /// Every listener does, without being asked to.
        const SERVER_WITHOUT_OPTION = 0x400;
        const _ = !0;
    }
}

/// A key of cookies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FastOpenKey(pub [u8; 16]);

/// Shows nothing of it.
impl fmt::Debug for FastOpenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastOpenKey").finish_non_exhaustive()
    }
}

impl FastOpenKey {
    /// The cookie of a client at `client` for a server at `server`: SipHash-2-4 of the addresses, as Linux makes it, so that
    /// hosts that share a key share cookies.
    pub fn cookie(&self, client: IpAddr, server: IpAddr) -> FastOpenCookie {
        let mut addresses = [0; 32];
        let [from, to] = [client.octets(), server.octets()];
        let used = if client.is_v4() {
            addresses[..4].copy_from_slice(&from[12..]);
            addresses[4..8].copy_from_slice(&to[12..]);
            &addresses[..8]
        } else {
            addresses[..16].copy_from_slice(&from);
            addresses[16..].copy_from_slice(&to);
            &addresses[..]
        };
        let mac = keys::siphash24(&self.0, used).to_le_bytes();
        // Eight bytes are a length that cookies may have.
        FastOpenCookie::new(&mac).unwrap_or(FastOpenCookie::REQUEST)
    }
}

/// The keys of a server's cookies: those of the first are given away, those of the second are still good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FastOpenKeys {
    /// The one in use.
    pub primary: FastOpenKey,
    /// The one before, or the next.
    pub backup: Option<FastOpenKey>,
}

/// Fast Open's settings of a stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FastOpenConfig {
    /// What is on.
    pub flags: FastOpenFlags,
    /// The keys of all listeners that have none of their own (`net.ipv4.tcp_fastopen_key`); `None` derives one from
    /// [`Secrets`](crate::Secrets).
    pub keys: Option<FastOpenKeys>,
    /// How long Fast Open pauses when something seems to swallow it (`net.ipv4.tcp_fastopen_blackhole_timeout_sec`): twice as
    /// long each time, up to 64 times. Zero never pauses.
    pub black_hole_timeout: Duration,
    /// The most that a listener may have pending (`net.core.somaxconn`).
    pub max_queue: u32,
}

impl Default for FastOpenConfig {
    /// Linux's: connects that ask for it may.
    fn default() -> FastOpenConfig {
        FastOpenConfig { flags: FastOpenFlags::CLIENT, keys: None, black_hole_timeout: Duration::ZERO, max_queue: 4096 }
    }
}

/// What a socket says of Fast Open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketFastOpen {
    /// How many connections of a listener may be pending that Fast Open began (TCP_FASTOPEN); 0 is off.
    pub queue: u32,
    /// A connect waits for data to take along, if there is a cookie (TCP_FASTOPEN_CONNECT).
    pub on_connect: bool,
    /// Cookies are neither asked for nor needed (TCP_FASTOPEN_NO_COOKIE).
    pub no_cookie: bool,
    /// A listener's own keys (TCP_FASTOPEN_KEY).
    pub keys: Option<FastOpenKeys>,
}

impl<O: Observer> Stack<O> {
    /// What a socket says of Fast Open.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn fast_open(&self, socket: SocketId) -> Result<SocketFastOpen, Error> {
        self.sockets.kind(socket)?;
        Ok(self.sockets.fast_open(socket).copied().unwrap_or_default())
    }

    /// Changes what a socket says of Fast Open.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn set_fast_open(&mut self, socket: SocketId, config: SocketFastOpen) -> Result<(), Error> {
        self.sockets.kind(socket)?;
        let config = SocketFastOpen { queue: config.queue.min(self.config.fast_open.max_queue), ..config };
        let said = (config != SocketFastOpen::default()).then(|| Box::new(config));
        self.sockets.set_fast_open(socket, said);
        Ok(())
    }

    /// The keys of a listener's cookies.
    pub(crate) fn fast_open_keys(&self, listener: SocketId) -> FastOpenKeys {
        let own = self.sockets.fast_open(listener).and_then(|said| said.keys);
        own.or(self.config.fast_open.keys).unwrap_or(FastOpenKeys { primary: self.keys.fast_open_key(), backup: None })
    }

    /// Whether no cookie is needed, on this side (`flag`) and for this path.
    pub(crate) fn needs_no_cookie(&self, socket: SocketId, flag: FastOpenFlags, by_route: bool) -> bool {
        let said = self.sockets.fast_open(socket).is_some_and(|said| said.no_cookie);
        self.config.fast_open.flags.contains(flag) || said || by_route
    }
}

impl StackConfig {
    /// Whether every listener takes data with SYNs.
    pub(crate) fn opens_every_listener(&self) -> bool {
        let both = FastOpenFlags::SERVER | FastOpenFlags::SERVER_WITHOUT_OPTION;
        self.fast_open.flags.contains(both)
    }
}

#[cfg(test)]
mod tests;
