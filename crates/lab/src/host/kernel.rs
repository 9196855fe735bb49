//! This machine's Linux as a host: its own TCP in a private network namespace, reached through a TUN device.
//!
//! The same applications run on it through nonblocking sockets; what they wait for is polled in real time.

use super::{Interest, Machine, Options, SocketKey};
use crate::link::Outgoing;
use crate::recorder::is_tcp_or_icmp;
use limpid_device::namespace::{KernelRoute, Namespace, NamespaceError, RouteMetrics};
use limpid_device::{Device, Tun, TunConfig};
use limpid_event::{Error, FlowId, Instant};
use limpid_stack::{RxFrame, Shutdown, TxFrame};
use limpid_tcp::KeepAlive;
use limpid_tcp::SynSchedule;
use limpid_wire::{Chunk, Chunks, Cidr, Endpoint, FramePool};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::task::Waker;
use std::time::Duration;

/// Frames taken from the device at a time.
const BATCH: usize = 64;
/// Frames that wait for room in the device at most; more are dropped, as by a full network card's queue.
pub const MAX_BACKLOG: usize = 1000;

/// Linux as a host.
pub struct KernelHost {
    /// Dropped first: sockets, then the device, then the namespace that holds them.
    sockets: BTreeMap<SocketKey, OwnedFd>,
    next_key: u64,
    waiting: Vec<Waiting>,
    tun: Tun,
    pool: FramePool,
    received: Vec<RxFrame>,
    unsent: VecDeque<TxFrame>,
    namespace: Namespace,
}

/// A task that waits for a socket.
struct Waiting {
    socket: SocketKey,
    interest: Interest,
    waker: Waker,
}

impl KernelHost {
    /// Makes a private namespace, enters it, and gives the kernel `addresses` there; the networks of `peers` are reached
    /// through the device.
    ///
    /// # Errors
    /// [`NamespaceError`] says which right is missing and what to do.
    pub fn new(addresses: &[Cidr], peers: &[Cidr], mtu: u16) -> Result<KernelHost, NamespaceError> {
        let namespace = Namespace::enter()?;
        let config = TunConfig { mtu, kernel_addresses: addresses.to_vec(), ..TunConfig::default() };
        let tun = namespace.tun(&config)?;
        for peer in peers {
            let link = tun.name().to_owned();
            namespace.add_route(&KernelRoute {
                destination: *peer,
                gateway: None,
                link,
                metrics: RouteMetrics::default(),
            })?;
        }
        Ok(KernelHost {
            sockets: BTreeMap::new(),
            next_key: 0,
            waiting: Vec::new(),
            tun,
            pool: FramePool::default(),
            received: Vec::new(),
            unsent: VecDeque::new(),
            namespace,
        })
    }

    /// The namespace, to set what sockets can't.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn adopt(&mut self, fd: OwnedFd) -> SocketKey {
        let key = SocketKey(self.next_key);
        self.next_key += 1;
        self.sockets.insert(key, fd);
        key
    }

    fn fd(&self, key: SocketKey) -> Result<&OwnedFd, Error> {
        self.sockets.get(&key).ok_or(Error::NoSuchSocket)
    }

    /// A nonblocking socket, bound to `local` if that is given.
    fn socket(&self, local: Option<Endpoint>, family_of: Endpoint, options: &Options) -> Result<OwnedFd, Error> {
        let family = if family_of.addr.is_v4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = net::socket_with(family, SocketType::STREAM, flags, None).map_err(error_of)?;
        sockopt::set_socket_reuseaddr(&fd, true).map_err(error_of)?;
        apply(&fd, options).map_err(error_of)?;
        if let Some(local) = local {
            net::bind(&fd, &SocketAddr::from(local)).map_err(error_of)?;
        }
        Ok(fd)
    }

    /// Linux has the schedule of SYNs for a whole namespace, not for a socket.
    fn set_syn_schedule(&self, options: &Options) -> Result<(), Error> {
        let set = |name, value: u8| {
            let set = self.namespace.set_sysctl(name, &value.to_string());
            set.map_err(|_| Error::InvalidArgument)
        };
        if let Some(retries) = options.syn_retries {
            set("net.ipv4.tcp_syn_retries", retries)?;
        }
        match options.syn_schedule {
            Some(SynSchedule::LinearThenExponential { linear }) => set("net.ipv4.tcp_syn_linear_timeouts", linear),
            // Kernels before 6.5 know no other schedule and have no such switch.
            Some(SynSchedule::Exponential) => {
                let known = self.namespace.sysctl("net.ipv4.tcp_syn_linear_timeouts").is_ok();
                if known { set("net.ipv4.tcp_syn_linear_timeouts", 0) } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    /// Hands as many frames to the device as it takes.
    fn flush(&mut self) -> io::Result<()> {
        let taken = self.tun.send_batch(self.unsent.make_contiguous())?;
        self.unsent.drain(..taken);
        Ok(())
    }
}

/// A frame of bytes that are complete.
pub(crate) fn frame(bytes: Vec<u8>) -> TxFrame {
    let mut payload = Chunks::new();
    // An empty list has room for one chunk.
    let _ = payload.push(Chunk::from_vec(bytes));
    let (flow, why) = (FlowId::NONE, None);
    TxFrame {
        head: Default::default(),
        payload,
        checksum: Default::default(),
        gso_size: 0,
        flow,
        why,
        mark: 0,
        priority: 0,
    }
}

/// Sets what a socket can be told directly.
fn apply(fd: &OwnedFd, options: &Options) -> Result<(), Errno> {
    let Options {
        // For the whole namespace: `set_syn_schedule`.
        syn_retries: _,
        syn_schedule: _,
        // The application's own business: `keeps_connect_deadline` is false.
        connect_deadline: _,
        no_delay,
        recv_buffer,
        send_buffer,
        keepalive,
        linger,
        user_timeout,
        congestion,
        fast_open: _,
    } = *options;
    if no_delay {
        sockopt::set_tcp_nodelay(fd, true)?;
    }
    if let Some(bytes) = recv_buffer {
        sockopt::set_socket_recv_buffer_size(fd, bytes)?;
    }
    if let Some(bytes) = send_buffer {
        sockopt::set_socket_send_buffer_size(fd, bytes)?;
    }
    if let Some(KeepAlive { idle, interval, count }) = keepalive {
        sockopt::set_socket_keepalive(fd, true)?;
        sockopt::set_tcp_keepidle(fd, idle)?;
        sockopt::set_tcp_keepintvl(fd, interval)?;
        sockopt::set_tcp_keepcnt(fd, count.into())?;
    }
    if linger.is_some() {
        sockopt::set_socket_linger(fd, linger)?;
    }
    if let Some(algorithm) = congestion {
        sockopt::set_tcp_congestion(fd, algorithm.name())?;
    }
    if let Some(limit) = user_timeout {
        sockopt::set_tcp_user_timeout(fd, u32::try_from(limit.as_millis()).unwrap_or(u32::MAX))?;
    }
    Ok(())
}

/// Our name for an errno.
fn error_of(errno: Errno) -> Error {
    match errno {
        Errno::AGAIN | Errno::INPROGRESS | Errno::INTR => Error::WouldBlock,
        Errno::CONNREFUSED => Error::ConnectionRefused,
        Errno::CONNRESET => Error::ConnectionReset,
        Errno::CONNABORTED => Error::ConnectionAborted,
        Errno::TIMEDOUT => Error::TimedOut,
        Errno::HOSTUNREACH => Error::HostUnreachable,
        Errno::NETUNREACH => Error::NetworkUnreachable,
        Errno::NOPROTOOPT => Error::ProtocolUnreachable,
        Errno::ACCESS | Errno::PERM => Error::Prohibited,
        Errno::PIPE => Error::BrokenPipe,
        Errno::NOTCONN => Error::NotConnected,
        Errno::ISCONN | Errno::ALREADY => Error::AlreadyConnected,
        Errno::ADDRINUSE => Error::AddressInUse,
        Errno::ADDRNOTAVAIL => Error::AddressNotAvailable,
        Errno::BADF => Error::NoSuchSocket,
        Errno::NOBUFS | Errno::NOMEM | Errno::MFILE | Errno::NFILE => Error::NoBuffers,
        Errno::OPNOTSUPP => Error::NotSupported,
        _ => Error::InvalidArgument,
    }
}

/// True if `flags` (or an error) hold for `fd` at this moment.
fn is_ready(fd: &OwnedFd, flags: PollFlags) -> bool {
    let mut fds = [PollFd::new(fd, flags)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok_and(|n| n > 0)
}

const fn flags_of(interest: Interest) -> PollFlags {
    match interest {
        Interest::Read => PollFlags::IN.union(PollFlags::RDHUP),
        Interest::Write => PollFlags::OUT,
    }
}

impl Machine for KernelHost {
    fn deliver(&mut self, _now: Instant, bytes: Vec<u8>) -> io::Result<()> {
        if self.unsent.len() < MAX_BACKLOG {
            self.unsent.push_back(frame(bytes));
        }
        self.flush()
    }

    fn transmit(&mut self, _now: Instant, out: &mut Vec<Outgoing>) -> io::Result<()> {
        self.flush()?;
        loop {
            let n = self.tun.recv_batch(&mut self.pool, &mut self.received, BATCH)?;
            for frame in self.received.drain(..) {
                let bytes = &*frame.contiguous();
                if is_tcp_or_icmp(bytes) {
                    out.push(Outgoing { bytes: bytes.to_vec(), flow: FlowId::NONE, why: None });
                }
            }
            if n == 0 {
                return Ok(());
            }
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn next_timeout(&mut self) -> Option<Instant> {
        None
    }

    fn wake_ready(&mut self) -> bool {
        let sockets = &self.sockets;
        let before = self.waiting.len();
        self.waiting.retain(|w| {
            // A socket that is gone wakes its waiters, who then learn it.
            let ready = sockets.get(&w.socket).is_none_or(|fd| is_ready(fd, flags_of(w.interest)));
            if ready {
                w.waker.wake_by_ref();
            }
            !ready
        });
        self.waiting.len() < before
    }

    fn poll_fds<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        let device = if self.unsent.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        fds.extend(self.tun.poll_fd().map(|fd| PollFd::from_borrowed_fd(fd, device)));
        for w in &self.waiting {
            if let Some(fd) = self.sockets.get(&w.socket) {
                fds.push(PollFd::from_borrowed_fd(fd.as_fd(), flags_of(w.interest)));
            }
        }
    }

    fn connect(
        &mut self,
        _now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
        options: &Options,
    ) -> Result<SocketKey, Error> {
        self.set_syn_schedule(options)?;
        let fd = self.socket(local, remote, options)?;
        match net::connect(&fd, &SocketAddr::from(remote)) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(self.adopt(fd)),
            Err(errno) => Err(error_of(errno)),
        }
    }

    fn connected(&mut self, _now: Instant, socket: SocketKey) -> Result<(), Error> {
        let fd = self.fd(socket)?;
        if !is_ready(fd, PollFlags::OUT) {
            return Err(Error::WouldBlock);
        }
        sockopt::socket_error(fd).map_err(error_of)?.map_err(error_of)
    }

    fn keeps_connect_deadline(&self) -> bool {
        false
    }

    fn listen(
        &mut self,
        _now: Instant,
        local: Endpoint,
        backlog: usize,
        options: &Options,
    ) -> Result<SocketKey, Error> {
        let fd = self.socket(Some(local), local, options)?;
        net::listen(&fd, i32::try_from(backlog).unwrap_or(i32::MAX)).map_err(error_of)?;
        Ok(self.adopt(fd))
    }

    fn accept(&mut self, _now: Instant, listener: SocketKey) -> Result<(SocketKey, Endpoint), Error> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (fd, peer) = net::acceptfrom_with(self.fd(listener)?, flags).map_err(error_of)?;
        let peer = peer.and_then(|p| SocketAddr::try_from(p).ok()).ok_or(Error::InvalidArgument)?;
        Ok((self.adopt(fd), peer.into()))
    }

    fn read(&mut self, _now: Instant, socket: SocketKey, buf: &mut [u8]) -> Result<usize, Error> {
        let (n, _) = net::recv(self.fd(socket)?, buf, RecvFlags::empty()).map_err(error_of)?;
        Ok(n)
    }

    fn write(&mut self, _now: Instant, socket: SocketKey, bytes: &[u8]) -> Result<usize, Error> {
        net::send(self.fd(socket)?, bytes, SendFlags::NOSIGNAL).map_err(error_of)
    }

    fn shutdown(&mut self, _now: Instant, socket: SocketKey, how: Shutdown) -> Result<(), Error> {
        let how = match how {
            Shutdown::Read => net::Shutdown::Read,
            Shutdown::Write => net::Shutdown::Write,
            Shutdown::Both => net::Shutdown::Both,
        };
        net::shutdown(self.fd(socket)?, how).map_err(error_of)
    }

    fn close(&mut self, _now: Instant, socket: SocketKey) {
        self.sockets.remove(&socket);
    }

    fn abort(&mut self, _now: Instant, socket: SocketKey) {
        if let Some(fd) = self.sockets.remove(&socket) {
            // Linux resets what is closed with a linger time of zero. If it can't be set the close is an orderly one.
            let _ = sockopt::set_socket_linger(&fd, Some(Duration::ZERO));
        }
    }

    fn take_error(&mut self, socket: SocketKey) -> Option<Error> {
        sockopt::socket_error(self.fd(socket).ok()?).ok()?.err().map(error_of)
    }

    fn local_endpoint(&self, socket: SocketKey) -> Result<Endpoint, Error> {
        let address = net::getsockname(self.fd(socket)?).map_err(error_of)?;
        SocketAddr::try_from(address).map(Endpoint::from).map_err(|_| Error::InvalidArgument)
    }

    fn register(&mut self, socket: SocketKey, interest: Interest, waker: &Waker) {
        let known = |w: &Waiting| w.socket == socket && w.interest == interest && w.waker.will_wake(waker);
        if !self.waiting.iter().any(known) {
            self.waiting.push(Waiting { socket, interest, waker: waker.clone() });
        }
    }
}
