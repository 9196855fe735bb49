//! Two limpid stacks joined in memory.

use crate::stopwatch::Stopwatch;
use limpid_device::gro::Gro;
use limpid_device::gso::{GSO_MAX, cut};
use limpid_event::{Instant, Observer, Silent};
use limpid_stack::{
    Config, IfaceId, InterfaceConfig, ListenConfig, Medium, Readiness, Route, RxChecksum, RxFrame, Secrets, Shutdown,
    SocketId, Stack, StackConfig, TxBatch,
};
use limpid_wire::{Chunk, Cidr, Endpoint, IpAddr};
use std::sync::Arc;
use std::time::Duration;

const SERVER_PORT: u16 = 7;
/// Frames moved from host to host at a time.
pub(crate) const BATCH: usize = 64;
/// Super-segments moved at a time: as many wire segments, about.
pub(crate) const SUPER_BATCH: usize = 2;
/// The client's addresses: enough 4-tuples that none comes back while it is in TIME-WAIT.
const CLIENT_ADDRESSES: u8 = 100;

/// What the wire between both is like. Payload crosses it by reference, as smoltcp's frames do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Wire {
    /// Segments of 1500 bytes, each made, summed and read by the engine.
    Plain,
    /// The same segments; the engine's super-segments are cut and summed, checked and merged at the wire's ends.
    Software,
    /// Super-segments of 64 KiB, whose checksums nobody needs.
    Offloaded,
}

pub(crate) struct Host<O: Observer = Silent> {
    pub(crate) stack: Stack<O>,
    pub(crate) iface: IfaceId,
    pub(crate) batch: TxBatch,
    wire: Wire,
    gro: Gro,
    /// Frames that arrive; empty between uses.
    frames: Vec<RxFrame>,
}

/// Where the pair's time comes from.
enum Clock {
    Real(std::time::Instant),
    /// So many nanoseconds; each round takes [`ROUND`]. The same run counts the same instructions each time.
    Stepped(u64),
}

/// How long a round takes by the stepped clock, in nanoseconds.
const ROUND: u64 = 20_000;

/// The pair.
pub(crate) struct Pair<O: Observer = Silent> {
    pub(crate) client: Host<O>,
    pub(crate) server: Host<O>,
    clock: Clock,
    connects: u32,
    listener: SocketId,
    idle: Vec<SocketId>,
}

fn client_address(n: u8) -> IpAddr {
    IpAddr::v4([10, 0, 1, 1 + n])
}

pub(crate) const SERVER: Endpoint = Endpoint::new(IpAddr::v4([10, 0, 0, 1]), SERVER_PORT);

impl Host {
    /// A host with an interface that has these addresses.
    pub(crate) fn new(tcp: Config, seed: u8, addresses: impl Iterator<Item = IpAddr>) -> Host {
        Host::observed(tcp, seed, addresses, Silent, Wire::Plain)
    }
}

impl<O: Observer> Host<O> {
    fn observed(tcp: Config, seed: u8, addresses: impl Iterator<Item = IpAddr>, observer: O, wire: Wire) -> Host<O> {
        let config = StackConfig { tcp: Arc::new(tcp), ..StackConfig::default() };
        let mut stack = Stack::new(config, Secrets { seed: [seed; 32] }, observer);
        let iface = stack
            .add_interface(InterfaceConfig {
                name: "mem0".to_owned(),
                medium: Medium::Ip,
                mtu: 1500,
                gso_max: if wire == Wire::Plain { 0 } else { GSO_MAX },
                tx_checksum_offload: wire != Wire::Plain,
            })
            .expect("an interface is added");
        for addr in addresses {
            stack.add_address(iface, Cidr { addr, prefix: 16 }).expect("an address is added");
        }
        let batch = TxBatch::with_capacity(if wire == Wire::Plain { BATCH } else { SUPER_BATCH });
        Host { stack, iface, batch, wire, gro: Gro::new(Medium::Ip), frames: Vec::new() }
    }

    /// All of the internet is behind its interface.
    pub(crate) fn route_everything(&mut self) {
        let destination = Cidr { addr: IpAddr::UNSPECIFIED_V4, prefix: 0 };
        let route = Route { destination, gateway: None, iface: self.iface, metric: 0 };
        self.stack.add_route(route).expect("a route is added");
    }

    /// A packet arrives: one copy, as a device makes.
    pub(crate) fn receive(&mut self, now: Instant, packet: &[u8]) {
        let bytes = self.stack.pool().copy(packet);
        self.stack.handle_frame(now, self.iface, RxFrame::new(bytes));
    }

    /// Moves what is due to the other host. True if anything moved. What is for nobody there is lost on the wire.
    fn send_to(&mut self, now: Instant, other: &mut Host<O>) -> bool {
        self.stack.poll_transmit(now, self.iface, &mut self.batch);
        let count = self.batch.frames().len();
        let pool = other.stack.pool();
        for frame in self.batch.frames().iter().filter(|frame| frame.head[16] == 10) {
            let checksum = if self.wire == Wire::Offloaded { RxChecksum::Verified } else { RxChecksum::Unverified };
            if self.wire == Wire::Software {
                let mut pieces = cut(frame, Medium::Ip);
                while let Some(piece) = pieces.next_piece() {
                    other.gro.arrive_in_parts(piece.head, piece.payload, &mut other.frames, pool);
                }
            } else {
                let (bytes, payload) = (pool.copy(&frame.head), frame.payload.clone());
                other.frames.push(RxFrame { bytes, payload, checksum, gso_size: frame.gso_size });
            }
        }
        other.gro.finish(&mut other.frames, pool);
        self.batch.sent(count);
        other.stack.handle_frames(now, other.iface, other.frames.drain(..));
        count > 0
    }
}

impl Pair {
    pub(crate) fn new(buffer: usize) -> Pair {
        Pair::observed(buffer, Wire::Plain, || Silent)
    }

    /// A pair with this wire between.
    pub(crate) fn over(wire: Wire, buffer: usize) -> Pair {
        Pair::observed(buffer, wire, || Silent)
    }

    /// The same with a clock of its own, which goes on with each round.
    pub(crate) fn stepped(wire: Wire, buffer: usize) -> Pair {
        Pair { clock: Clock::Stepped(0), ..Pair::over(wire, buffer) }
    }
}

impl<O: Observer> Pair<O> {
    /// A pair each of whose hosts is looked at.
    pub(crate) fn observed(buffer: usize, wire: Wire, observer: impl Fn() -> O) -> Pair<O> {
        // Buffers that size themselves would grow for ever where a round trip takes no time, and leave the cache.
        let fixed = Config { recv_buffer_fixed: true, send_buffer_fixed: true, ..Config::default() };
        let tcp = || Config { recv_buffer: buffer, send_buffer: buffer, ..fixed.clone() };
        let client = Host::observed(tcp(), 1, (0..CLIENT_ADDRESSES).map(client_address), observer(), wire);
        let mut server = Host::observed(tcp(), 2, [SERVER.addr].into_iter(), observer(), wire);
        let listener = server.stack.listen(Instant::ZERO, ListenConfig::new(SERVER, 128)).expect("listens");
        let clock = Clock::Real(std::time::Instant::now());
        Pair { client, server, clock, connects: 0, listener, idle: Vec::new() }
    }

    fn now(&self) -> Instant {
        match self.clock {
            Clock::Real(started) => Instant::from_nanos(started.elapsed().as_nanos() as u64),
            Clock::Stepped(now) => Instant::from_nanos(now),
        }
    }

    /// Moves frames both ways, and time.
    fn poll(&mut self) {
        if let Clock::Stepped(now) = &mut self.clock {
            *now += ROUND;
        }
        let now = self.now();
        self.client.send_to(now, &mut self.server);
        self.server.send_to(now, &mut self.client);
        for host in [&mut self.client, &mut self.server] {
            if host.stack.poll_timeout().is_some_and(|due| due <= now) {
                host.stack.handle_timeout(now);
            }
            while host.stack.poll_ready().is_some() {}
        }
    }

    /// Opens one connection; both ends.
    fn open(&mut self) -> (SocketId, SocketId) {
        let n = self.connects;
        self.connects += 1;
        let local = Endpoint::new(client_address((n / 50_000) as u8 % CLIENT_ADDRESSES), 10_000 + (n % 50_000) as u16);
        let now = self.now();
        let client = self.client.stack.connect(now, Some(local), SERVER, None).expect("connects");
        loop {
            self.poll();
            let now = self.now();
            if let Ok((server, _)) = self.server.stack.accept(now, self.listener) {
                return (client, server);
            }
        }
    }

    /// Sends `bytes` and returns how long it took.
    pub(crate) fn bulk(&mut self, bytes: u64) -> Duration {
        let ends = self.open();
        let start = Stopwatch::start();
        self.transfer(ends, bytes, |_, _| {});
        start.elapsed()
    }

    /// The same with chunks: written by reference, and read as they came.
    pub(crate) fn bulk_of_chunks(&mut self, bytes: u64) -> Duration {
        let ends = self.open();
        let start = Stopwatch::start();
        self.transfer_chunks(ends, bytes);
        start.elapsed()
    }

    /// Opens a connection and sends `bytes`.
    pub(crate) fn send(&mut self, bytes: u64) {
        self.send_beside(bytes, |_, _| {});
    }

    /// The same while something else happens in each round.
    pub(crate) fn send_beside(&mut self, bytes: u64, beside: impl FnMut(&mut Pair<O>, Instant)) {
        let ends = self.open();
        self.transfer(ends, bytes, beside);
    }

    fn transfer(
        &mut self,
        (client, server): (SocketId, SocketId),
        bytes: u64,
        mut beside: impl FnMut(&mut Pair<O>, Instant),
    ) {
        let source = vec![7u8; 64 * 1024];
        let mut sink = vec![0u8; 64 * 1024];
        let (mut sent, mut received) = (0u64, 0u64);
        while received < bytes {
            let now = self.now();
            while sent < bytes {
                let want = source.len().min((bytes - sent) as usize);
                match self.client.stack.write(now, client, &source[..want]) {
                    Ok(n) => sent += n as u64,
                    Err(_) => break,
                }
            }
            beside(self, now);
            self.poll();
            while let Ok(n) = self.server.stack.read(now, server, &mut sink) {
                received += n as u64;
            }
        }
    }

    fn transfer_chunks(&mut self, (client, server): (SocketId, SocketId), bytes: u64) {
        let page = Chunk::from_vec(vec![7u8; 64 * 1024]);
        let (mut sent, mut received) = (0u64, 0u64);
        while received < bytes {
            let now = self.now();
            while sent < bytes {
                // A share of its own for each, as each page of an application has.
                let want = page.len().min((bytes - sent) as usize);
                let mut offered = [Chunk::from_owner(page.slice(0..want))];
                match self.client.stack.write_chunks(now, client, &mut offered) {
                    Ok(n) => sent += n as u64,
                    Err(_) => break,
                }
            }
            self.poll();
            while let Ok(Some(chunk)) = self.server.stack.read_chunk(now, server, usize::MAX) {
                received += chunk.len() as u64;
            }
        }
    }

    /// Opens connections that stay idle.
    pub(crate) fn open_idle(&mut self, count: usize) {
        self.idle.reserve(2 * count);
        for _ in 0..count {
            let (client, server) = self.open();
            self.idle.extend([client, server]);
        }
    }

    /// The same, and waits until all of them rest: those opened last would else be packed while something is measured.
    pub(crate) fn open_resting(&mut self, count: usize) {
        self.open_idle(count);
        let rest = |host: &Host<O>| host.stack.resting_connections() >= count;
        while !(rest(&self.client) && rest(&self.server)) {
            self.poll();
            let now = self.now();
            for _ in 0..count {
                self.client.stack.handle_timeout(now);
                self.server.stack.handle_timeout(now);
            }
        }
    }

    /// Connects, exchanges a byte each way and closes, one after the other, for `time`; connections per second. The client closes
    /// first: TIME-WAIT stays behind each, for a minute, of 131,072 at most (both Linux's and our defaults).
    pub(crate) fn connects(&mut self, time: Duration) -> f64 {
        let start = Stopwatch::start();
        let mut count = 0u64;
        while !count.is_multiple_of(64) || start.elapsed() < time {
            self.connect_and_close();
            count += 1;
        }
        count as f64 / start.elapsed().as_secs_f64()
    }

    /// Opens a connection, sends a byte each way, and closes it from the client's side.
    pub(crate) fn connect_and_close(&mut self) {
        let (client, server) = self.open();
        let mut byte = [7];
        let now = self.now();
        self.client.stack.write(now, client, &byte).expect("room");
        self.poll();
        let now = self.now();
        self.server.stack.read(now, server, &mut byte).expect("a byte");
        self.server.stack.write(now, server, &byte).expect("room");
        self.poll();
        let now = self.now();
        self.client.stack.read(now, client, &mut byte).expect("a byte");
        self.client.stack.shutdown(now, client, Shutdown::Write).expect("open");
        while !self.readiness(server).contains(Readiness::READ_CLOSED) {
            self.poll();
        }
        let now = self.now();
        self.server.stack.close(now, server).expect("open");
        while !self.client_readiness(client).contains(Readiness::CLOSED) {
            self.poll();
        }
        let now = self.now();
        self.client.stack.close(now, client).expect("open");
    }

    /// On each idle connection in turn, [`BATCH`] at a time, the client asks with a byte and is answered with one, for `time`;
    /// exchanges per second.
    pub(crate) fn turns(&mut self, time: Duration) -> f64 {
        let start = Stopwatch::start();
        let mut count = 0u64;
        while start.elapsed() < time {
            self.turn(count as usize);
            count += BATCH as u64;
        }
        count as f64 / start.elapsed().as_secs_f64()
    }

    /// The same on [`BATCH`] connections, those behind the `first`.
    pub(crate) fn turn(&mut self, first: usize) {
        let connections = self.idle.len() / 2;
        let ends = |n: usize| 2 * ((first + n) % connections);
        let mut byte = [7];
        let now = self.now();
        for n in 0..BATCH {
            self.client.stack.write(now, self.idle[ends(n)], &byte).expect("room");
        }
        self.poll();
        for n in 0..BATCH {
            let server = self.idle[ends(n) + 1];
            // Acknowledgements that were due have taken the place of some in the batch.
            while self.server.stack.read(self.now(), server, &mut byte).is_err() {
                self.poll();
            }
            self.server.stack.write(self.now(), server, &byte).expect("room");
        }
        self.poll();
        for n in 0..BATCH {
            while self.client.stack.read(self.now(), self.idle[ends(n)], &mut byte).is_err() {
                self.poll();
            }
        }
    }

    fn readiness(&self, socket: SocketId) -> Readiness {
        self.server.stack.readiness(socket).expect("open")
    }

    fn client_readiness(&self, socket: SocketId) -> Readiness {
        self.client.stack.readiness(socket).expect("open")
    }
}
