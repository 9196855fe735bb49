//! The hot paths, each in a function of its own, for `cargo xtask count` to count their instructions by callgrind: two hosts
//! joined in memory, by a clock of its own, so that every run does exactly the same.
//!
//! Each names itself to [`black_box`]: functions that are the same but for their name would be made one.
//!
//! The arguments say how many segments of data are sent, and how many connections are opened and closed.

use limpid_event::{Instant, Silent};
use limpid_stack::{
    Config, IfaceId, InterfaceConfig, ListenConfig, Medium, Readiness, RxFrame, Secrets, Shutdown, SocketId, Stack,
    StackConfig, TxBatch,
};
use limpid_wire::{Cidr, Endpoint, IpAddr};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Payload of a segment.
const MSS: usize = 1448;
/// Segments that are written, sent, received and acknowledged at a time: an even number, for every second one is acknowledged.
const ROUND: usize = 8;
const SERVER: Endpoint = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), 7);

struct Host {
    stack: Stack<Silent>,
    iface: IfaceId,
    batch: TxBatch,
    frames: Vec<RxFrame>,
}

impl Host {
    fn new(number: u8) -> Host {
        let tcp = Config { recv_buffer_fixed: true, send_buffer_fixed: true, ..Config::default() };
        let config = StackConfig { tcp: Arc::new(tcp), ..StackConfig::default() };
        let mut stack = Stack::new(config, Secrets { seed: [number; 32] }, Silent);
        let config = InterfaceConfig {
            name: "mem0".to_owned(),
            medium: Medium::Ip,
            mtu: 1500,
            gso_max: 0,
            tx_checksum_offload: false,
        };
        let iface = stack.add_interface(config).expect("an interface is added");
        let address = Cidr { addr: IpAddr::v4([10, 0, 0, number]), prefix: 24 };
        stack.add_address(iface, address).expect("an address is added");
        Host { stack, iface, batch: TxBatch::with_capacity(64), frames: Vec::with_capacity(64) }
    }

    fn poll_transmit(&mut self, now: Instant) {
        self.stack.poll_transmit(now, self.iface, &mut self.batch);
    }

    fn handle_frames(&mut self, now: Instant) {
        self.stack.handle_frames(now, self.iface, self.frames.drain(..));
    }

    /// What it has to send goes to the other, by reference.
    fn hand_over(&mut self, other: &mut Host) -> bool {
        let frames = self.batch.frames();
        for frame in frames {
            let bytes = other.stack.pool().copy(&frame.head);
            other.frames.push(RxFrame { payload: frame.payload.clone(), ..RxFrame::new(bytes) });
        }
        let count = frames.len();
        self.batch.sent(count);
        count > 0
    }

    fn tick(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|due| due <= now) {
            self.stack.handle_timeout(now);
        }
        while self.stack.poll_ready().is_some() {}
    }
}

#[inline(never)]
fn write(client: &mut Host, now: Instant, socket: SocketId, bytes: &[u8]) {
    black_box("write");
    let written = client.stack.write(now, socket, bytes).expect("there is room");
    assert_eq!(written, bytes.len());
}

#[inline(never)]
fn send(client: &mut Host, now: Instant) {
    black_box("send");
    client.poll_transmit(now);
}

#[inline(never)]
fn receive(server: &mut Host, now: Instant) {
    black_box("receive");
    server.handle_frames(now);
}

#[inline(never)]
fn read(server: &mut Host, now: Instant, socket: SocketId, buf: &mut [u8]) -> usize {
    black_box("read");
    server.stack.read(now, socket, buf).expect("data is there")
}

#[inline(never)]
fn send_ack(server: &mut Host, now: Instant) {
    black_box("send_ack");
    server.poll_transmit(now);
}

#[inline(never)]
fn receive_ack(client: &mut Host, now: Instant) {
    black_box("receive_ack");
    client.handle_frames(now);
}

#[inline(never)]
fn connect_and_close(world: &mut World) {
    let (client, server) = world.open();
    world.client.stack.shutdown(world.now, client, Shutdown::Write).expect("open");
    world.settle();
    assert!(world.server.stack.readiness(server).expect("open").contains(Readiness::READ_CLOSED));
    world.server.stack.close(world.now, server).expect("open");
    world.settle();
    world.client.stack.close(world.now, client).expect("open");
}

struct World {
    client: Host,
    server: Host,
    now: Instant,
    listener: SocketId,
    port: u16,
}

impl World {
    fn new() -> World {
        let (client, mut server) = (Host::new(1), Host::new(2));
        let now = Instant::from_millis(1);
        let listener = server.stack.listen(now, ListenConfig::new(SERVER, 16)).expect("listens");
        World { client, server, now, listener, port: 10_000 }
    }

    /// Moves frames both ways until both are silent, and time.
    fn settle(&mut self) {
        loop {
            self.client.poll_transmit(self.now);
            self.server.poll_transmit(self.now);
            let moved = self.client.hand_over(&mut self.server) | self.server.hand_over(&mut self.client);
            self.server.handle_frames(self.now);
            self.client.handle_frames(self.now);
            if !moved {
                break;
            }
        }
        self.now += Duration::from_micros(20);
        self.client.tick(self.now);
        self.server.tick(self.now);
    }

    fn open(&mut self) -> (SocketId, SocketId) {
        self.port += 1;
        let local = Endpoint::new(IpAddr::v4([10, 0, 0, 1]), self.port);
        let client = self.client.stack.connect(self.now, Some(local), SERVER, None).expect("connects");
        self.settle();
        let (server, _) = self.server.stack.accept(self.now, self.listener).expect("it is established");
        (client, server)
    }

    /// One round of a transfer that nothing disturbs.
    fn transfer(&mut self, (client, server): (SocketId, SocketId), bytes: &[u8], buf: &mut [u8]) {
        write(&mut self.client, self.now, client, bytes);
        send(&mut self.client, self.now);
        self.client.hand_over(&mut self.server);
        receive(&mut self.server, self.now);
        let got = read(&mut self.server, self.now, server, buf);
        assert_eq!(got, bytes.len(), "all of it in order");
        send_ack(&mut self.server, self.now);
        self.server.hand_over(&mut self.client);
        receive_ack(&mut self.client, self.now);
        self.now += Duration::from_micros(20);
        self.client.tick(self.now);
        self.server.tick(self.now);
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (segments, connections) = (arguments.next().unwrap_or(8), arguments.next().unwrap_or(1));
    let mut world = World::new();
    let ends = world.open();
    let bytes = vec![7; ROUND * MSS];
    let mut buf = vec![0; ROUND * MSS];
    for _ in 0..segments / ROUND {
        world.transfer(ends, &bytes, &mut buf);
    }
    black_box(&buf);
    for _ in 0..connections {
        connect_and_close(&mut world);
    }
}
