//! Socket options (`getsockopt`, `setsockopt`), control messages, and the error queue.
//!
//! | file | what |
//! |---|---|
//! | `table` | what an option is: its level and name, how it is read, how it is set |
//! | `socket`, `socket_time` | SOL_SOCKET (`man 7 socket`) |
//! | `tcp` | IPPROTO_TCP (`man 7 tcp`) |
//! | `auth` | TCP_MD5SIG and TCP_AO_* (`<linux/tcp.h>`) |
//! | `info` | `struct tcp_info` as bytes |
//! | `ip`, `ipv6` | IPPROTO_IP and IPPROTO_IPV6 (`man 7 ip`, `man 7 ipv6`) |
//! | `subject` | the socket, as an option sees it |
//! | `message` | control messages beside what is sent and received |
//! | `error_queue` | recvmsg with MSG_ERRQUEUE |
//!
//! Values, clamps, lengths and errnos are those of Linux 6.18, which a test asks (`tests/options_of_linux.rs`). The program
//! counts as privileged (CAP_NET_ADMIN). An option that is not built is ENOPROTOOPT to set, and tells Linux's default
//! where one can be told; it is never accepted and ignored. Some that Linux keeps but never acts on for a TCP socket are
//! kept here, too, and the table says so.

mod auth;
mod error_queue;
mod info;
mod ip;
mod ipv6;
mod message;
mod socket;
mod socket_time;
mod subject;
mod table;
mod tcp;

pub(crate) use message::SendExtras;

use crate::process::Process;
use crate::{Errno, Output, Return};
use core::time::Duration;
use limpid_event::{Instant, Observer};
use limpid_tcp::KeepAlive;
use subject::SocketOf;

bitflags::bitflags! {
    /// Options that are on or off, and that only the program's side looks at, or nobody.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct Flags: u32 {
        const DEBUG = 1;
        const BROADCAST = 1 << 1;
        const NO_CHECK = 1 << 2;
        const RXQ_OVFL = 1 << 3;
        /// SO_TIMESTAMP or SO_TIMESTAMPNS,
        const TIMESTAMP = 1 << 4;
        /// and that it is the latter.
        const TIMESTAMP_NS = 1 << 5;
        const ZEROCOPY = 1 << 6;
        const INQ = 1 << 7;
        const RECV_OPTS = 1 << 9;
        const PKT_INFO = 1 << 10;
        const RECV_TTL = 1 << 11;
        const RECV_TOS = 1 << 12;
        const RECV_ERR = 1 << 13;
        const RECV_ERR_V6 = 1 << 14;
        const RECV_TCLASS = 1 << 15;
        const FLOW_INFO_SEND = 1 << 16;
    }
}

/// The figures of SO_KEEPALIVE that a socket has set.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    idle: Option<Duration>,
    interval: Option<Duration>,
    count: Option<u8>,
}

impl Figures {
    /// With the stack's where there are none.
    fn or(self, stack: KeepAlive) -> KeepAlive {
        KeepAlive {
            idle: self.idle.unwrap_or(stack.idle),
            interval: self.interval.unwrap_or(stack.interval),
            count: self.count.unwrap_or(stack.count),
        }
    }
}

/// A socket's options that the stack does not know of, or not in Linux's words. An accepted connection has those of its
/// listener.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// IPV6_V6ONLY.
    pub(crate) v6_only: bool,
    /// IP_FREEBIND.
    pub(crate) freebind: bool,
    /// SO_RCVTIMEO; `None` waits for ever.
    pub(crate) recv_timeout: Option<Duration>,
    /// SO_SNDTIMEO; `None` waits for ever.
    pub(crate) send_timeout: Option<Duration>,
    /// SO_RCVLOWAT, bytes: at least 1.
    pub(crate) recv_low_water: usize,
    /// SO_PEEK_OFF: where MSG_PEEK begins, bytes after what was read; negative: it always begins there, and does not move on.
    pub(crate) peek_off: i32,
    /// SO_OOBINLINE.
    pub(crate) oob_inline: bool,
    flags: Flags,
    /// SO_LINGER's time, s; it is kept where lingering is off.
    linger_seconds: i32,
    /// The figures of SO_KEEPALIVE, be it on or off, where they are not the stack's.
    keepalive: Figures,
    /// TCP_LINGER2, s; 0 is the stack's, -1 none at all.
    linger2: i32,
    /// TCP_NOTSENT_LOWAT; 0 is the stack's.
    notsent_lowat: u32,
    /// SO_TIMESTAMPING.
    timestamping: u32,
    /// SOF_TIMESTAMPING_OPT_ID: what offsets in the stream count from, as what was written before.
    timestamping_from: u64,
}

impl Default for Options {
    /// Linux's defaults.
    fn default() -> Options {
        Options {
            v6_only: false,
            freebind: false,
            recv_timeout: None,
            send_timeout: None,
            recv_low_water: 1,
            peek_off: -1,
            oob_inline: false,
            flags: Flags::empty(),
            linger_seconds: 0,
            keepalive: Figures::default(),
            linger2: 0,
            notsent_lowat: 0,
            timestamping: 0,
            timestamping_from: 0,
        }
    }
}

impl<O: Observer> Process<O> {
    /// setsockopt
    pub(crate) fn set_option(
        &mut self,
        now: Instant,
        fd: i32,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> Result<Return, Errno> {
        let file = self.socket_file(fd)?;
        let socket = self.files.socket_mut(file)?;
        table::set(&mut SocketOf { stack: &mut self.stack, socket, now }, level, name, value)?;
        Ok(Return::ok(0))
    }

    /// getsockopt
    pub(crate) fn option(&mut self, now: Instant, fd: i32, level: i32, name: i32, len: usize) -> Result<Return, Errno> {
        let file = self.socket_file(fd)?;
        let socket = self.files.socket_mut(file)?;
        let value = table::get(&mut SocketOf { stack: &mut self.stack, socket, now }, level, name, len)?;
        Ok(Return { value: Ok(0), output: Output::Bytes(value) })
    }
}
