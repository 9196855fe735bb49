//! Hosts: our stack or this machine's kernel, behind one set of asynchronous sockets.
//!
//! An application is an `async fn` that is given an [`App`]. Which TCP it runs on it can't tell: [`Machine`] is what a
//! host must do for it, [`ours`] and [`kernel`] do it.

use crate::link::Outgoing;
use limpid_event::{Counter, Error, Instant};
use limpid_stack::Shutdown;
use limpid_tcp::SynSchedule;
use limpid_tcp::{Algorithm, KeepAlive};
use limpid_wire::Endpoint;
use rustix::event::PollFd;
use std::io;
use std::task::Waker;
use std::time::Duration;

pub mod app;
pub mod kernel;
pub mod ours;

pub use app::{App, Listener, Socket};
pub use kernel::KernelHost;
pub use ours::OurHost;

/// A socket of one machine, by number; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketKey(u64);

impl SocketKey {
    /// The key of a machine's `n`-th socket: for those who make a [`Machine`] of their own.
    pub const fn new(n: u64) -> SocketKey {
        SocketKey(n)
    }
}

/// What a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Something to read or to accept.
    Read,
    /// Room to write, or the end of connecting.
    Write,
}

/// What an application asks of a socket beyond the host's defaults; `None` and `false` leave those.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Options {
    /// SYN retransmissions (`tcp_syn_retries`).
    pub syn_retries: Option<u8>,
    /// How SYNs are spaced (`tcp_syn_linear_timeouts`).
    pub syn_schedule: Option<SynSchedule>,
    /// The application gives connecting up after so long.
    pub connect_deadline: Option<Duration>,
    /// TCP_NODELAY.
    pub no_delay: bool,
    /// SO_RCVBUF, bytes: the buffer has twice as much memory, about half of which is its own overhead.
    pub recv_buffer: Option<usize>,
    /// SO_SNDBUF, bytes.
    pub send_buffer: Option<usize>,
    /// SO_KEEPALIVE with its figures.
    pub keepalive: Option<KeepAlive>,
    /// SO_LINGER.
    pub linger: Option<Duration>,
    /// TCP_USER_TIMEOUT.
    pub user_timeout: Option<Duration>,
    /// TCP_CONGESTION.
    pub congestion: Option<Algorithm>,
    /// Fast Open (RFC 7413): connecting waits for the first write, which goes with the SYN if there is a cookie; a listener takes
    /// data with SYNs. A kernel opens as ever.
    pub fast_open: bool,
}

/// What a world and its applications need of a host. No call waits.
pub trait Machine {
    /// A frame arrived.
    fn deliver(&mut self, now: Instant, frame: Vec<u8>) -> io::Result<()>;

    /// Adds every frame that is due to `out`.
    fn transmit(&mut self, now: Instant, out: &mut Vec<Outgoing>) -> io::Result<()>;

    /// The time of [`next_timeout`](Self::next_timeout) has come.
    fn handle_timeout(&mut self, now: Instant);

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    fn next_timeout(&mut self) -> Option<Instant>;

    /// Wakes the tasks for whose sockets something happened; true if there was any.
    fn wake_ready(&mut self) -> bool;

    /// Adds what a world in real time must watch on this machine's behalf.
    fn poll_fds<'a>(&'a self, fds: &mut Vec<PollFd<'a>>);

    /// Starts an active open.
    fn connect(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
        options: &Options,
    ) -> Result<SocketKey, Error>;

    /// How connecting ended; `WouldBlock` while it goes on.
    fn connected(&mut self, now: Instant, socket: SocketKey) -> Result<(), Error>;

    /// True if [`Options::connect_deadline`] is kept by this machine's TCP, false if the application has to.
    fn keeps_connect_deadline(&self) -> bool;

    /// Starts listening.
    fn listen(&mut self, now: Instant, local: Endpoint, backlog: usize, options: &Options) -> Result<SocketKey, Error>;

    /// Takes a connection; `WouldBlock` if there is none.
    fn accept(&mut self, now: Instant, listener: SocketKey) -> Result<(SocketKey, Endpoint), Error>;

    /// Reads; 0 is the end of the stream, `WouldBlock` nothing yet.
    fn read(&mut self, now: Instant, socket: SocketKey, buf: &mut [u8]) -> Result<usize, Error>;

    /// Writes; `WouldBlock` if there is no room.
    fn write(&mut self, now: Instant, socket: SocketKey, bytes: &[u8]) -> Result<usize, Error>;

    /// Closes one half or both.
    fn shutdown(&mut self, now: Instant, socket: SocketKey, how: Shutdown) -> Result<(), Error>;

    /// Gives the socket up; what is left of the connection goes on in the background.
    fn close(&mut self, now: Instant, socket: SocketKey);

    /// Resets the connection and gives the socket up.
    fn abort(&mut self, now: Instant, socket: SocketKey);

    /// Takes the socket's pending error (SO_ERROR).
    fn take_error(&mut self, socket: SocketKey) -> Option<Error>;

    /// The socket's own end.
    fn local_endpoint(&self, socket: SocketKey) -> Result<Endpoint, Error>;

    /// One of Linux's counters, where this machine tells of them; else 0.
    fn counter(&self, _counter: Counter) -> u64 {
        0
    }

    /// Wakes `waker` once, when something happens that may let `interest` go on.
    fn register(&mut self, socket: SocketKey, interest: Interest, waker: &Waker);
}
