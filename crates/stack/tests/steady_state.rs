//! Two whole hosts, joined by copying frames as a device does: a transfer both ways asks the allocator for nothing once it
//! is under way, neither for segments nor for super-segments, on an IP link and on Ethernet; and what opening and closing asks for
//! is bounded.

use allocation_counter::measure;
use limpid_event::{Instant, Silent};
use limpid_stack::{
    Config, IfaceId, InterfaceConfig, ListenConfig, Medium, RxChecksum, RxFrame, Secrets, SocketId, Stack, StackConfig,
    TxBatch,
};
use limpid_wire::{Cidr, Endpoint, IpAddr, MacAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long a round takes.
const ROUND: Duration = Duration::from_micros(50);
const PORT: u16 = 7;

struct Host {
    stack: Stack<Silent>,
    iface: IfaceId,
    batch: TxBatch,
    frames: Vec<RxFrame>,
}

fn address(host: u8) -> IpAddr {
    IpAddr::v4([10, 0, 0, host])
}

impl Host {
    fn new(host: u8, ethernet: bool, gso_max: u32) -> Host {
        // Over a path without end or delay buffers that grow never stop.
        let (recv_buffer, send_buffer) = (131_072, 131_072);
        let fixed = Config { recv_buffer_fixed: true, send_buffer_fixed: true, ..Config::default() };
        let tcp = Arc::new(Config { recv_buffer, send_buffer, ..fixed });
        let mut stack = Stack::new(StackConfig { tcp, ..StackConfig::default() }, Secrets { seed: [host; 32] }, Silent);
        let medium = if ethernet { Medium::Ethernet(MacAddr([2, 0, 0, 0, 0, host])) } else { Medium::Ip };
        let name = "link".to_owned();
        let config = InterfaceConfig { name, medium, mtu: 1500, gso_max, tx_checksum_offload: gso_max > 0 };
        let iface = stack.add_interface(config).unwrap();
        stack.add_address(iface, Cidr { addr: address(host), prefix: 24 }).unwrap();
        Host { stack, iface, batch: TxBatch::with_capacity(64), frames: Vec::with_capacity(64) }
    }

    /// Sends what is due to the other host; how many frames that was.
    fn send_to(&mut self, now: Instant, other: &mut Host) -> usize {
        self.stack.poll_transmit(now, self.iface, &mut self.batch);
        let count = self.batch.frames().len();
        for frame in self.batch.frames() {
            let mut bytes = other.stack.pool().alloc(frame.len());
            let len = frame.copy_to(bytes.spare());
            bytes.advance(len);
            let checksum = if frame.gso_size > 0 || frame.checksum != Default::default() {
                RxChecksum::Verified
            } else {
                RxChecksum::Unverified
            };
            let bytes = bytes.freeze(other.stack.pool());
            other.frames.push(RxFrame { checksum, gso_size: frame.gso_size, ..RxFrame::new(bytes) });
        }
        self.batch.sent(count);
        other.stack.handle_frames(now, other.iface, other.frames.drain(..));
        count
    }
}

struct Pair {
    hosts: [Host; 2],
    now: Instant,
    listener: SocketId,
    ends: [SocketId; 2],
}

impl Pair {
    fn open(ethernet: bool, gso_max: u32) -> Pair {
        let mut hosts = [Host::new(1, ethernet, gso_max), Host::new(2, ethernet, gso_max)];
        let now = Instant::from_millis(1);
        let server = Endpoint::new(address(2), PORT);
        let listener = hosts[1].stack.listen(now, ListenConfig::new(server, 1)).unwrap();
        let client = hosts[0].stack.connect(now, None, server, None).unwrap();
        let mut pair = Pair { hosts, now, listener, ends: [client, client] };
        for _ in 0..10 {
            pair.round();
        }
        (pair.ends[1], _) = pair.hosts[1].stack.accept(pair.now, listener).unwrap();
        pair
    }

    /// Moves frames both ways until both are silent, and time; how many frames that was.
    fn round(&mut self) -> usize {
        self.now += ROUND;
        let [a, b] = &mut self.hosts;
        let mut frames = 0;
        loop {
            let moved = a.send_to(self.now, b) + b.send_to(self.now, a);
            if moved == 0 {
                break;
            }
            frames += moved;
        }
        for host in [a, b] {
            if host.stack.poll_timeout().is_some_and(|due| due <= self.now) {
                host.stack.handle_timeout(self.now);
            }
            while host.stack.poll_ready().is_some() {}
        }
        frames
    }

    /// Both applications write all they can and read all there is, for so many rounds: frames carried, and bytes read.
    fn transfer(&mut self, rounds: usize, write: &[u8], buf: &mut [u8]) -> (usize, [usize; 2]) {
        let (mut frames, mut read) = (0, [0; 2]);
        for _ in 0..rounds {
            for (host, end) in self.hosts.iter_mut().zip(self.ends) {
                while host.stack.write(self.now, end, write).is_ok() {}
            }
            frames += self.round();
            for ((host, end), read) in self.hosts.iter_mut().zip(self.ends).zip(&mut read) {
                while let Ok(n) = host.stack.read(self.now, end, buf) {
                    *read += n;
                }
            }
        }
        (frames, read)
    }
}

#[test]
fn a_transfer_both_ways_allocates_nothing() {
    let (write, mut buf) = (vec![7; 16 * 1024], vec![0; 64 * 1024]);
    for ethernet in [false, true] {
        for gso_max in [0, 64 * 1024] {
            let mut pair = Pair::open(ethernet, gso_max);
            pair.transfer(500, &write, &mut buf);
            let (mut frames, mut read) = Default::default();
            let allocated = measure(|| (frames, read) = pair.transfer(500, &write, &mut buf));
            let what = format!("Ethernet: {ethernet}, super-segments up to {gso_max}: {frames} frames, {read:?} bytes");
            assert!(frames > 500 && read.iter().all(|&n| n > 10_000_000), "{what}");
            assert_eq!(allocated.count_total, 0, "{what}");
        }
    }
}

/// Opens a connection and closes it, the client first.
fn open_and_close(pair: &mut Pair) {
    let client = pair.hosts[0].stack.connect(pair.now, None, Endpoint::new(address(2), PORT), None).unwrap();
    pair.round();
    let (server, _) = pair.hosts[1].stack.accept(pair.now, pair.listener).unwrap();
    pair.hosts[0].stack.close(pair.now, client).unwrap();
    pair.round();
    pair.hosts[1].stack.close(pair.now, server).unwrap();
    pair.round();
}

/// What both ends of a connection take from the allocator together: their states, the embryo's, the queue of who may be accepted, timers.
#[test]
fn opening_and_closing_allocate_little() {
    const CONNECTIONS: u64 = 256;
    /// Of each connection, both ends together.
    const MOST: u64 = 10;
    let mut pair = Pair::open(false, 0);
    (0..CONNECTIONS).for_each(|_| open_and_close(&mut pair));
    let allocated = measure(|| (0..CONNECTIONS).for_each(|_| open_and_close(&mut pair)));
    let each = allocated.count_total as f64 / CONNECTIONS as f64;
    println!("{each:.2} allocations and {} bytes a connection", allocated.bytes_total / CONNECTIONS);
    assert!(allocated.count_total <= MOST * CONNECTIONS, "{each:.2} allocations a connection");
}
