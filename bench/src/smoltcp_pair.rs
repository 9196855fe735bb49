//! Two smoltcp hosts joined in memory.

use crate::stopwatch::Stopwatch;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use std::collections::VecDeque;
use std::time::Duration;

const SERVER_PORT: u16 = 7;
/// Buffers of the connections whose memory is measured, and of the idle listeners: as small as they are useful.
const IDLE_BUFFER: usize = 4096;

/// One direction of the wire: frames under way, and empty ones for use again.
#[derive(Default)]
struct Wire {
    queue: VecDeque<Vec<u8>>,
    free: Vec<Vec<u8>>,
}

/// A host's end: it sends into one wire and receives from the other, which the pair swaps in.
struct End<'a> {
    out: &'a mut Wire,
    inn: &'a mut Wire,
    link: Link,
}

/// What the wire carries.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Largest IP packet, bytes.
    pub(crate) mtu: usize,
    /// Checksums are computed and checked.
    pub(crate) checksums: bool,
}

impl Link {
    /// As Ethernet's.
    pub(crate) const PLAIN: Link = Link { mtu: 1500, checksums: true };
    /// As large as packets can be, without TCP checksums.
    pub(crate) const SUPER: Link = Link { mtu: 65_535, checksums: false };
}

struct Received<'a>(Vec<u8>, &'a mut Vec<Vec<u8>>);
struct Sending<'a>(&'a mut Wire);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.0);
        self.1.push(self.0);
        result
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.0.free.pop().unwrap_or_default();
        frame.resize(len, 0);
        let result = f(&mut frame);
        self.0.queue.push_back(frame);
        result
    }
}

impl Device for End<'_> {
    type RxToken<'a>
        = Received<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let frame = self.inn.queue.pop_front()?;
        Some((Received(frame, &mut self.inn.free), Sending(self.out)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        // As many frames in flight as limpid's pair allows.
        let most = if self.link.mtu > 1500 { crate::limpid_pair::SUPER_BATCH } else { crate::limpid_pair::BATCH };
        (self.out.queue.len() < most).then_some(Sending(self.out))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        caps.max_transmission_unit = self.link.mtu;
        if !self.link.checksums {
            caps.checksum.tcp = Checksum::None;
        }
        caps
    }
}

struct Host {
    iface: Interface,
    sockets: SocketSet<'static>,
}

/// The pair.
pub(crate) struct Pair {
    client: Host,
    server: Host,
    to_server: Wire,
    to_client: Wire,
    link: Link,
    started: std::time::Instant,
    next_port: u16,
}

impl Pair {
    pub(crate) fn new() -> Pair {
        Pair::over(Link::PLAIN)
    }

    /// A pair with this wire between.
    pub(crate) fn over(link: Link) -> Pair {
        let (mut a, mut b) = (Wire::default(), Wire::default());
        let mut host = |address: IpAddress| {
            let mut end = End { out: &mut a, inn: &mut b, link };
            let mut iface = Interface::new(Config::new(HardwareAddress::Ip), &mut end, Instant::ZERO);
            iface.update_ip_addrs(|list| list.push(IpCidr::new(address, 24)).expect("room for one address"));
            Host { iface, sockets: SocketSet::new(Vec::new()) }
        };
        Pair {
            client: host(IpAddress::v4(10, 0, 0, 1)),
            server: host(IpAddress::v4(10, 0, 0, 2)),
            to_server: a,
            to_client: b,
            link,
            started: std::time::Instant::now(),
            next_port: 10_000,
        }
    }

    fn poll(&mut self) {
        let now = Instant::from_micros(self.started.elapsed().as_micros() as i64);
        let mut end = End { out: &mut self.to_server, inn: &mut self.to_client, link: self.link };
        self.client.iface.poll(now, &mut end, &mut self.client.sockets);
        let mut end = End { out: &mut self.to_client, inn: &mut self.to_server, link: self.link };
        self.server.iface.poll(now, &mut end, &mut self.server.sockets);
    }

    fn listen(&mut self, port: u16, buffer: usize) -> SocketHandle {
        let mut socket = new_socket(buffer);
        socket.listen(port).expect("a fresh socket listens");
        self.server.sockets.add(socket)
    }

    fn connect(&mut self, buffer: usize) -> SocketHandle {
        let handle = self.client.sockets.add(new_socket(buffer));
        self.reconnect(handle);
        handle
    }

    fn reconnect(&mut self, handle: SocketHandle) {
        self.next_port = if self.next_port == u16::MAX { 10_000 } else { self.next_port + 1 };
        let remote = IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), SERVER_PORT);
        self.client
            .sockets
            .get_mut::<Socket<'_>>(handle)
            .connect(self.client.iface.context(), remote, self.next_port)
            .expect("a fresh socket connects");
    }

    /// Sends `bytes` with buffers of `buffer` bytes, and returns how long it took.
    pub(crate) fn bulk(&mut self, bytes: u64, buffer: usize) -> Duration {
        let server = self.listen(SERVER_PORT, buffer);
        let client = self.connect(buffer);
        while self.client.sockets.get::<Socket<'_>>(client).state() != State::Established {
            self.poll();
        }
        let source = vec![7u8; 64 * 1024];
        let mut sink = vec![0u8; 64 * 1024];
        let (mut sent, mut received) = (0u64, 0u64);
        let start = Stopwatch::start();
        while received < bytes {
            let socket = self.client.sockets.get_mut::<Socket<'_>>(client);
            while sent < bytes && socket.can_send() {
                let want = source.len().min((bytes - sent) as usize);
                sent += socket.send_slice(&source[..want]).expect("established") as u64;
            }
            self.poll();
            let socket = self.server.sockets.get_mut::<Socket<'_>>(server);
            while socket.can_recv() {
                received += socket.recv_slice(&mut sink).expect("established") as u64;
            }
        }
        start.elapsed()
    }

    /// Adds listeners on other ports. (Opening so many connections would take smoltcp minutes; limpid's other sockets are
    /// open connections.)
    pub(crate) fn listen_idle(&mut self, count: usize) {
        for i in 0..count {
            self.listen(1_000 + i as u16, 16);
        }
    }

    /// Opens connections that stay idle.
    pub(crate) fn open_idle(&mut self, count: usize) {
        for _ in 0..count {
            self.listen(SERVER_PORT, IDLE_BUFFER);
            let client = self.connect(IDLE_BUFFER);
            while self.client.sockets.get::<Socket<'_>>(client).state() != State::Established {
                self.poll();
            }
        }
    }

    /// Connects, exchanges a byte each way and closes, one after the other, for `time`; connections per second.
    pub(crate) fn connects(&mut self, time: Duration) -> f64 {
        let server = self.listen(SERVER_PORT, IDLE_BUFFER);
        let client = self.client.sockets.add(new_socket(IDLE_BUFFER));
        let start = Stopwatch::start();
        let mut count = 0u64;
        while !count.is_multiple_of(64) || start.elapsed() < time {
            self.reconnect(client);
            self.exchange(client, server);
            self.run_to_close(client, server);
            // smoltcp keeps TIME-WAIT in the socket; its user takes the socket for the next connection.
            self.client.sockets.get_mut::<Socket<'_>>(client).abort();
            let socket = self.server.sockets.get_mut::<Socket<'_>>(server);
            socket.listen(SERVER_PORT).expect("a closed socket listens again");
            count += 1;
        }
        let rate = count as f64 / start.elapsed().as_secs_f64();
        self.server.sockets.remove(server);
        self.client.sockets.remove(client);
        rate
    }

    fn exchange(&mut self, client: SocketHandle, server: SocketHandle) {
        let mut byte = [7];
        let mut asked = false;
        loop {
            self.poll();
            let socket = self.client.sockets.get_mut::<Socket<'_>>(client);
            if !asked && socket.can_send() {
                socket.send_slice(&byte).expect("established");
                asked = true;
            }
            if socket.can_recv() {
                socket.recv_slice(&mut byte).expect("established");
                return;
            }
            let socket = self.server.sockets.get_mut::<Socket<'_>>(server);
            if socket.can_recv() {
                socket.recv_slice(&mut byte).expect("established");
                socket.send_slice(&byte).expect("established");
            }
        }
    }

    fn run_to_close(&mut self, client: SocketHandle, server: SocketHandle) {
        loop {
            self.poll();
            let socket = self.client.sockets.get_mut::<Socket<'_>>(client);
            match socket.state() {
                State::Established => socket.close(),
                State::TimeWait => {}
                _ => {}
            }
            let done = matches!(socket.state(), State::TimeWait | State::Closed);
            let socket = self.server.sockets.get_mut::<Socket<'_>>(server);
            if socket.state() == State::CloseWait {
                socket.close();
            }
            if done && socket.state() == State::Closed {
                return;
            }
        }
    }
}

fn new_socket(buffer: usize) -> Socket<'static> {
    let mut socket = Socket::new(SocketBuffer::new(vec![0; buffer]), SocketBuffer::new(vec![0; buffer]));
    socket.set_nagle_enabled(true);
    socket
}
