//! smoltcp as a host of the lab: the same applications, links and losses as our own stack meets.

use limpid_event::{Error, FlowId, Instant};
use limpid_lab::host::{Interest, Machine, Options, SocketKey};
use limpid_lab::link::Outgoing;
use limpid_stack::Shutdown;
use limpid_wire::{Cidr, Endpoint, IpAddr};
use rustix::event::PollFd;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::Instant as Micros;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Address};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::task::Waker;

/// A host with one interface.
pub(crate) struct SmoltcpHost {
    iface: Interface,
    sockets: SocketSet<'static>,
    wire: Wire,
    /// Send and receive buffer of each socket, bytes.
    buffer: usize,
    open: BTreeMap<SocketKey, Role>,
    next_key: u64,
    next_port: u16,
    waiting: Vec<(SocketKey, Interest, Waker)>,
    /// When it wants to be polled; looked up once after each poll.
    due: Option<Instant>,
    dirty: bool,
}

/// What a key names.
enum Role {
    Connection(SocketHandle),
    /// smoltcp has no backlog: as many sockets listen as connections are expected.
    Listener(Vec<SocketHandle>),
}

/// Frames that came in, and frames that go out.
#[derive(Default)]
struct Wire {
    mtu: usize,
    inn: VecDeque<Vec<u8>>,
    out: Vec<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sending<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Micros) -> Option<(Received, Sending<'_>)> {
        let frame = self.inn.pop_front()?;
        Some((Received(frame), Sending(&mut self.out)))
    }

    fn transmit(&mut self, _: Micros) -> Option<Sending<'_>> {
        Some(Sending(&mut self.out))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        caps.max_transmission_unit = self.mtu;
        // As our own stack in the same worlds.
        caps.checksum = ChecksumCapabilities::ignored();
        caps
    }
}

impl SmoltcpHost {
    /// A host with this address (IPv4) and buffers.
    pub(crate) fn new(address: Cidr, mtu: u16, buffer: usize, seed: u64) -> SmoltcpHost {
        let mut wire = Wire { mtu: usize::from(mtu), ..Wire::default() };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut iface = Interface::new(config, &mut wire, Micros::ZERO);
        let ip = ip_of(address.addr);
        iface.update_ip_addrs(|list| list.push(IpCidr::new(ip, address.prefix)).expect("room for one address"));
        SmoltcpHost {
            iface,
            sockets: SocketSet::new(Vec::new()),
            wire,
            buffer,
            open: BTreeMap::new(),
            next_key: 0,
            next_port: 49_152,
            waiting: Vec::new(),
            due: None,
            dirty: false,
        }
    }

    fn key_for(&mut self, role: Role) -> SocketKey {
        let key = SocketKey::new(self.next_key);
        self.next_key += 1;
        self.open.insert(key, role);
        key
    }

    fn add_socket(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; self.buffer]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_congestion_control(CongestionControl::Cubic);
        self.sockets.add(socket)
    }

    fn socket(&mut self, key: SocketKey) -> Result<&mut Socket<'static>, Error> {
        match self.open.get(&key) {
            Some(Role::Connection(handle)) => Ok(self.sockets.get_mut(*handle)),
            _ => Err(Error::NoSuchSocket),
        }
    }

    fn poll(&mut self, now: Instant) {
        let micros = micros(now);
        self.iface.poll(micros, &mut self.wire, &mut self.sockets);
        self.dirty = false;
        // It may want to be polled at once; but it just was. A microsecond is its resolution.
        let due = self
            .iface
            .poll_at(micros, &self.sockets)
            .map(|at| at.max(micros + smoltcp::time::Duration::from_micros(1)));
        self.due = due.map(|at| Instant::from_nanos(u64::try_from(at.total_micros()).unwrap_or(0) * 1_000));
    }
}

fn micros(now: Instant) -> Micros {
    Micros::from_micros((now.as_nanos() / 1_000) as i64)
}

fn ip_of(address: IpAddr) -> IpAddress {
    let octets = address.as_v4().expect("the grid is played over IPv4");
    IpAddress::Ipv4(Ipv4Address::from(octets))
}

impl Machine for SmoltcpHost {
    fn deliver(&mut self, now: Instant, frame: Vec<u8>) -> io::Result<()> {
        self.wire.inn.push_back(frame);
        // What answers this frame leaves before the next is looked at, as with our own stack.
        self.poll(now);
        Ok(())
    }

    fn transmit(&mut self, now: Instant, out: &mut Vec<Outgoing>) -> io::Result<()> {
        if self.dirty {
            self.poll(now);
        }
        out.extend(self.wire.out.drain(..).map(|bytes| Outgoing { bytes, flow: FlowId::NONE, why: None }));
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.poll(now);
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        self.due
    }

    fn wake_ready(&mut self) -> bool {
        let (open, sockets) = (&self.open, &mut self.sockets);
        let before = self.waiting.len();
        self.waiting.retain(|(key, interest, waker)| {
            let ready = match open.get(key) {
                Some(Role::Connection(handle)) => {
                    let socket = sockets.get_mut::<Socket<'_>>(*handle);
                    match interest {
                        Interest::Read => socket.can_recv() || !socket.may_recv(),
                        Interest::Write => socket.can_send() || socket.state() == State::Closed,
                    }
                }
                Some(Role::Listener(handles)) => {
                    handles.iter().any(|handle| sockets.get_mut::<Socket<'_>>(*handle).may_send())
                }
                None => true,
            };
            if ready {
                waker.wake_by_ref();
            }
            !ready
        });
        self.waiting.len() < before
    }

    fn poll_fds<'a>(&'a self, _fds: &mut Vec<PollFd<'a>>) {}

    fn connect(
        &mut self,
        now: Instant,
        _local: Option<Endpoint>,
        remote: Endpoint,
        _options: &Options,
    ) -> Result<SocketKey, Error> {
        let handle = self.add_socket();
        let port = self.next_port;
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        let to = IpEndpoint::new(ip_of(remote.addr), remote.port);
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        socket.connect(self.iface.context(), to, port).map_err(|_| Error::InvalidArgument)?;
        self.poll(now);
        Ok(self.key_for(Role::Connection(handle)))
    }

    fn connected(&mut self, _now: Instant, socket: SocketKey) -> Result<(), Error> {
        let socket = self.socket(socket)?;
        match socket.state() {
            State::SynSent | State::SynReceived => Err(Error::WouldBlock),
            State::Closed => Err(Error::ConnectionRefused),
            _ => Ok(()),
        }
    }

    fn keeps_connect_deadline(&self) -> bool {
        false
    }

    fn listen(
        &mut self,
        _now: Instant,
        local: Endpoint,
        backlog: usize,
        _options: &Options,
    ) -> Result<SocketKey, Error> {
        let mut handles = Vec::new();
        for _ in 0..backlog.max(1) {
            let handle = self.add_socket();
            let socket = self.sockets.get_mut::<Socket<'_>>(handle);
            socket.listen(local.port).map_err(|_| Error::InvalidArgument)?;
            handles.push(handle);
        }
        Ok(self.key_for(Role::Listener(handles)))
    }

    fn accept(&mut self, _now: Instant, listener: SocketKey) -> Result<(SocketKey, Endpoint), Error> {
        let Some(Role::Listener(handles)) = self.open.get_mut(&listener) else { return Err(Error::NoSuchSocket) };
        let ready = |handle: &SocketHandle| self.sockets.get::<Socket<'_>>(*handle).may_send();
        let at = handles.iter().position(ready).ok_or(Error::WouldBlock)?;
        let handle = handles.remove(at);
        let remote = self.sockets.get::<Socket<'_>>(handle).remote_endpoint().ok_or(Error::WouldBlock)?;
        let IpAddress::Ipv4(addr) = remote.addr else { return Err(Error::InvalidArgument) };
        let peer = Endpoint::new(IpAddr::v4(addr.octets()), remote.port);
        Ok((self.key_for(Role::Connection(handle)), peer))
    }

    fn read(&mut self, _now: Instant, socket: SocketKey, buf: &mut [u8]) -> Result<usize, Error> {
        let socket = self.socket(socket)?;
        if !socket.can_recv() {
            return if socket.may_recv() { Err(Error::WouldBlock) } else { Ok(0) };
        }
        let n = socket.recv_slice(buf).map_err(|_| Error::ConnectionReset)?;
        // A window update may be due.
        self.dirty = true;
        Ok(n)
    }

    fn write(&mut self, now: Instant, socket: SocketKey, bytes: &[u8]) -> Result<usize, Error> {
        let socket = self.socket(socket)?;
        if !socket.can_send() {
            return if socket.may_send() { Err(Error::WouldBlock) } else { Err(Error::BrokenPipe) };
        }
        let n = socket.send_slice(bytes).map_err(|_| Error::BrokenPipe)?;
        self.poll(now);
        Ok(n)
    }

    fn shutdown(&mut self, now: Instant, socket: SocketKey, _how: Shutdown) -> Result<(), Error> {
        self.socket(socket)?.close();
        self.poll(now);
        Ok(())
    }

    fn close(&mut self, now: Instant, socket: SocketKey) {
        if let Ok(socket) = self.socket(socket) {
            socket.close();
        }
        self.open.remove(&socket);
        self.poll(now);
    }

    fn abort(&mut self, now: Instant, socket: SocketKey) {
        if let Ok(socket) = self.socket(socket) {
            socket.abort();
        }
        self.open.remove(&socket);
        self.poll(now);
    }

    fn take_error(&mut self, _socket: SocketKey) -> Option<Error> {
        None
    }

    fn local_endpoint(&self, _socket: SocketKey) -> Result<Endpoint, Error> {
        Err(Error::InvalidArgument)
    }

    fn register(&mut self, socket: SocketKey, interest: Interest, waker: &Waker) {
        let same = |(key, wanted, w): &(SocketKey, Interest, Waker)| {
            *key == socket && *wanted == interest && w.will_wake(waker)
        };
        if !self.waiting.iter().any(same) {
            self.waiting.push((socket, interest, waker.clone()));
        }
    }
}
