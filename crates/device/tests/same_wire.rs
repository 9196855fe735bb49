//! From the same state of the engine, its own segments and its super-segments that are cut at the device's edge are the same bytes on the
//! wire, whatever is written, lost, marked, and whenever.

use limpid_device::gso::{GSO_MAX, cut};
use limpid_event::{Instant, Silent};
use limpid_stack::{
    Config, EcnLevel, EcnPolicy, IfaceId, InterfaceConfig, ListenConfig, Medium, RxFrame, Secrets, Shutdown, SocketId,
    Stack, StackConfig, TxBatch,
};
use limpid_wire::{Chunk, Cidr, Endpoint, IpAddr};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

struct Host {
    stack: Stack<Silent>,
    iface: IfaceId,
    batch: TxBatch,
    pieces_cut: usize,
}

/// Which way the senders differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segments {
    /// The engine makes each, and its checksum.
    Own,
    /// The engine makes super-segments, which are cut and summed outside.
    Cut,
}

impl Host {
    fn new(address: IpAddr, tcp: Config, segments: Segments) -> Host {
        let config = StackConfig { tcp: Arc::new(tcp), ..StackConfig::default() };
        let seed = address.octets()[address.octets().len() - 1];
        let mut stack = Stack::new(config, Secrets { seed: [seed; 32] }, Silent);
        let offloads = segments == Segments::Cut;
        let iface = stack
            .add_interface(InterfaceConfig {
                name: "mem0".to_owned(),
                medium: Medium::Ip,
                mtu: 1500,
                gso_max: if offloads { GSO_MAX } else { 0 },
                tx_checksum_offload: offloads,
            })
            .unwrap();
        let prefix = if address.is_v4() { 24 } else { 64 };
        stack.add_address(iface, Cidr { addr: address, prefix }).unwrap();
        Host { stack, iface, batch: TxBatch::with_capacity(16), pieces_cut: 0 }
    }

    /// All that it has to send, as it stands on the wire.
    fn wire(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        loop {
            self.stack.poll_transmit(now, self.iface, &mut self.batch);
            let frames = self.batch.frames();
            if frames.is_empty() {
                return packets;
            }
            for frame in frames {
                let before = packets.len();
                packets.extend(cut(frame, Medium::Ip).map(|piece| piece.to_vec()));
                self.pieces_cut += packets.len() - before - 1;
            }
            let count = frames.len();
            self.batch.sent(count);
        }
    }

    fn receive(&mut self, now: Instant, packet: &[u8]) {
        self.stack.handle_frame(now, self.iface, RxFrame::new(Chunk::from_vec(packet.to_vec())));
    }

    fn tick(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|due| due <= now) {
            self.stack.handle_timeout(now);
        }
        while self.stack.poll_ready().is_some() {}
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// The application writes so many bytes.
    Write(usize),
    /// So many of the sender's packets under way arrive; of 16 in turn those with a bit here are lost, those with a bit there are marked CE.
    Deliver { count: usize, lost: u16, marked: u16 },
    /// So many ACKs under way arrive, or are lost.
    Acknowledge { count: usize, lost: bool },
    /// The receiver's application reads so many bytes.
    Read(usize),
    /// So many microseconds pass.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bits = prop_oneof![4 => Just(0u16), 1 => any::<u16>().prop_map(|bits| bits & 0x1111), 1 => any::<u16>()];
    let step = prop_oneof![
        3 => prop_oneof![1..3000usize, 20_000..200_000usize].prop_map(Step::Write),
        4 => (1..60usize, bits.clone(), prop_oneof![3 => Just(0u16), 1 => bits])
            .prop_map(|(count, lost, marked)| Step::Deliver { count, lost, marked }),
        4 => (1..40usize, prop::bool::weighted(0.1)).prop_map(|(count, lost)| Step::Acknowledge { count, lost }),
        2 => prop_oneof![1..5000usize, Just(1 << 20)].prop_map(Step::Read),
        2 => prop_oneof![0..2000u64, 200_000..1_500_000u64].prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

/// Two senders in the same state, one receiver.
struct World {
    senders: [Host; 2],
    receiver: Host,
    sockets: [SocketId; 2],
    accepted: Option<SocketId>,
    now: Instant,
    data: Vec<Vec<u8>>,
    acks: Vec<Vec<u8>>,
    compared: usize,
}

impl World {
    /// Opens the connection: both senders begin it at the same time.
    fn open(from: IpAddr, to: IpAddr, tcp: &Config) -> World {
        let now = Instant::from_millis(1);
        let mut senders = [Segments::Own, Segments::Cut].map(|segments| Host::new(from, tcp.clone(), segments));
        let mut receiver = Host::new(to, tcp.clone(), Segments::Own);
        let server = Endpoint::new(to, 7);
        let listener = receiver.stack.listen(now, ListenConfig::new(server, 4)).unwrap();
        let open = |host: &mut Host| host.stack.connect(now, Some(Endpoint::new(from, 4000)), server, None).unwrap();
        let sockets = senders.each_mut().map(open);
        let mut world =
            World { senders, receiver, sockets, accepted: None, now, data: Vec::new(), acks: Vec::new(), compared: 0 };
        for _ in 0..3 {
            world.step(&Step::Deliver { count: 9, lost: 0, marked: 0 });
            world.step(&Step::Acknowledge { count: 9, lost: false });
        }
        world.accepted = world.receiver.stack.accept(now, listener).ok().map(|(socket, _)| socket);
        world
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Write(len) => {
                let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
                let [own, cut] = [0, 1]
                    .map(|n| self.senders[n].stack.write(now, self.sockets[n], &bytes).map_err(|e| e.to_string()));
                assert_eq!(own, cut);
            }
            Step::Deliver { count, lost, marked } => {
                let count = count.min(self.data.len());
                for (n, mut packet) in self.data.drain(..count).enumerate() {
                    let bit = 1 << (n % 16);
                    if marked & bit != 0 {
                        mark(&mut packet);
                    }
                    if lost & bit == 0 {
                        self.receiver.receive(now, &packet);
                    }
                }
            }
            Step::Acknowledge { count, lost } => {
                let count = count.min(self.acks.len());
                for packet in self.acks.drain(..count).filter(|_| !lost) {
                    self.senders.iter_mut().for_each(|host| host.receive(now, &packet));
                }
            }
            Step::Read(len) => {
                let socket = self.accepted.expect("the handshake is over");
                // Nothing there is no error here.
                let _ = self.receiver.stack.read(now, socket, &mut vec![0; len]);
            }
            Step::Wait(micros) => {
                let until = now + Duration::from_micros(micros);
                // Each timer at its time, and what it sends.
                while let Some(due) = self.next_timeout().filter(|due| *due <= until) {
                    self.now = self.now.max(due);
                    self.settle();
                }
                self.now = until;
            }
        }
        self.settle();
    }

    fn next_timeout(&mut self) -> Option<Instant> {
        let [own, cut] = self.senders.each_mut().map(|host| host.stack.poll_timeout());
        assert_eq!(own, cut, "both wait for the same");
        [own, self.receiver.stack.poll_timeout()].into_iter().flatten().min()
    }

    fn settle(&mut self) {
        let now = self.now;
        self.senders.iter_mut().for_each(|host| host.tick(now));
        self.receiver.tick(now);
        let [own, cut] = self.senders.each_mut().map(|host| host.wire(now));
        for (n, (own, cut)) in own.iter().zip(&cut).enumerate() {
            assert_eq!(own, cut, "packet {n} at {now:?}");
        }
        assert_eq!(own.len(), cut.len(), "at {now:?}");
        self.compared += own.len();
        self.data.extend(own);
        self.acks.extend(self.receiver.wire(now));
    }
}

/// Congestion experienced (RFC 3168 §5), if its sender understands that.
fn mark(packet: &mut [u8]) {
    if packet[0] >> 4 == 6 {
        if packet[1] & 0x30 != 0 {
            packet[1] |= 0x30;
        }
    } else if packet[1] & 3 != 0 {
        packet[1] |= 3;
        packet[10..12].fill(0);
        let sum = limpid_wire::Checksum::of(&packet[..20]).finish();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

fn addresses(v4: bool) -> (IpAddr, IpAddr) {
    if v4 {
        (IpAddr::v4([10, 0, 0, 1]), IpAddr::v4([10, 0, 0, 2]))
    } else {
        ("fd00::1".parse().unwrap(), "fd00::2".parse().unwrap())
    }
}

/// Without losses much is sent in super-segments, so that the comparison is one.
#[test]
fn a_plain_transfer_is_the_same() {
    let (from, to) = addresses(true);
    let mut world = World::open(from, to, &Config::default());
    for _ in 0..200 {
        world.step(&Step::Write(100_000));
        world.step(&Step::Deliver { count: 1000, lost: 0, marked: 0 });
        world.step(&Step::Read(1 << 20));
        world.step(&Step::Acknowledge { count: 1000, lost: false });
        world.step(&Step::Wait(100));
    }
    for n in 0..2 {
        world.senders[n].stack.shutdown(world.now, world.sockets[n], Shutdown::Write).unwrap();
    }
    world.settle();
    let [own, cut] = &world.senders;
    assert_eq!(own.pieces_cut, 0);
    assert!(world.compared > 1000 && cut.pieces_cut > world.compared / 2, "{} of {}", cut.pieces_cut, world.compared);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn so_is_whatever_happens(
        steps in steps(),
        v4: bool,
        timestamps: bool,
        sack: bool,
        ecn in prop::bool::weighted(0.7),
        no_delay: bool,
        small in prop::bool::weighted(0.2),
        close: bool,
    ) {
        let mut tcp = Config { timestamps, sack, no_delay, ..Config::default() };
        if ecn {
            tcp.ecn = EcnPolicy { accept: EcnLevel::Accurate, offer: EcnLevel::Accurate };
        }
        if small {
            (tcp.recv_buffer, tcp.recv_buffer_fixed) = (6000, true);
        }
        let (from, to) = addresses(v4);
        let mut world = World::open(from, to, &tcp);
        for step in &steps {
            world.step(step);
        }
        if close {
            for n in 0..2 {
                world.senders[n].stack.shutdown(world.now, world.sockets[n], Shutdown::Write).unwrap();
            }
            world.settle();
        }
        for _ in 0..8 {
            world.step(&Step::Deliver { count: 1000, lost: 0, marked: 0 });
            world.step(&Step::Read(1 << 20));
            world.step(&Step::Acknowledge { count: 1000, lost: false });
            world.step(&Step::Wait(1_000_000));
        }
    }
}
