//! Two hosts and a link between them, in virtual time.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod packets;

use limpid_event::{Error, Event, FlowId, Instant, Observer, TcpState};
use limpid_stack::{
    IfaceId, InterfaceConfig, ListenConfig, Medium, Readiness, RxChecksum, RxFrame, Secrets, SocketId, Stack,
    StackConfig, TxBatch, TxChecksum,
};
use limpid_wire::tcp::{emit_header, header_len, put_checksum};
use limpid_wire::{Chunk, Cidr, Endpoint, IpAddr, IpHeader, IpProtocol, MacAddr, Segment, SeqNum, TcpFlags};
use std::collections::BTreeMap;
use std::time::Duration;

/// Remembers every event.
#[derive(Default)]
pub struct Log {
    pub events: Vec<(Instant, FlowId, Event)>,
    pub off: bool,
}

impl Observer for Log {
    fn enabled(&self) -> bool {
        !self.off
    }

    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        self.events.push((at, flow, event.clone()));
    }
}

/// A small generator of random numbers (xorshift64*): the same seed, the same run.
#[derive(Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n.max(1)
    }

    /// True `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// What a link does to frames, in parts per thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Impairments {
    pub loss: u64,
    pub duplication: u64,
    pub corruption: u64,
    /// Frames delayed by up to eight times the link's delay.
    pub reordering: u64,
}

/// Decides by sender and bytes.
pub type Drop = Box<dyn FnMut(usize, &[u8]) -> bool>;

/// Two hosts and a link.
pub struct World {
    pub hosts: [Stack<Log>; 2],
    pub iface: IfaceId,
    pub now: Instant,
    pub delay: Duration,
    pub impairments: Impairments,
    pub rng: Rng,
    /// Where received frames are cut: apart from `rng`, so that it changes nothing else.
    cuts: Rng,
    /// Received frames are cut: what is held pins less than a device's frames would.
    pub cut_frames: bool,
    in_flight: BTreeMap<(Instant, u64), (usize, RxFrame)>,
    sent: u64,
    /// Frames that the link has carried, by sender, as bytes.
    pub carried: Vec<(usize, Vec<u8>)>,
    /// Frames for which this is true are lost.
    pub drop_if: Option<Drop>,
    pub keep_carried: bool,
    /// When the applications want to look again though nothing happened.
    pub alarm: Option<Instant>,
    /// Bytes of the largest packet on the wire, with every super-segment cut.
    pub largest_packet: usize,
    /// Frames that the device would have to cut.
    pub super_segments: usize,
}

pub const A: usize = 0;
pub const B: usize = 1;

pub fn ip(s: &str) -> IpAddr {
    s.parse().unwrap()
}

pub fn end(s: &str) -> Endpoint {
    s.parse().unwrap()
}

pub fn mac(host: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, host as u8 + 1])
}

impl World {
    /// Hosts on an IP link, 10.0.0.1 and 10.0.0.2, 2001:db8::1 and 2001:db8::2.
    pub fn new() -> World {
        World::with(StackConfig::default(), |_| Medium::Ip, 1500, 0)
    }

    /// The same on Ethernet.
    pub fn ethernet() -> World {
        World::with(StackConfig::default(), |host| Medium::Ethernet(mac(host)), 1500, 0)
    }

    /// With IPv6 where the MTU allows it.
    pub fn with(config: StackConfig, medium: impl Fn(usize) -> Medium, mtu: u16, gso_max: u32) -> World {
        let mut iface = IfaceId::LOOPBACK;
        let hosts = [A, B].map(|host| {
            let mut stack = Stack::new(config.clone(), Secrets { seed: [host as u8 + 1; 32] }, Log::default());
            iface = stack
                .add_interface(InterfaceConfig {
                    name: "link".into(),
                    medium: medium(host),
                    mtu,
                    gso_max,
                    tx_checksum_offload: false,
                })
                .unwrap();
            let addresses = [format!("10.0.0.{}/24", host + 1), format!("2001:db8::{}/64", host + 1)];
            for address in &addresses[..if mtu < 1280 { 1 } else { 2 }] {
                stack.add_address(iface, address.parse::<Cidr>().unwrap()).unwrap();
            }
            stack
        });
        World {
            hosts,
            iface,
            now: Instant::from_millis(1000),
            delay: Duration::from_millis(10),
            impairments: Impairments::default(),
            rng: Rng::new(1),
            cuts: Rng::new(2),
            cut_frames: true,
            in_flight: BTreeMap::new(),
            sent: 0,
            carried: Vec::new(),
            drop_if: None,
            keep_carried: true,
            alarm: None,
            largest_packet: 0,
            super_segments: 0,
        }
    }

    /// Puts a frame on the link towards `to`.
    pub fn inject(&mut self, to: usize, bytes: Vec<u8>) {
        let frame = self.in_pieces(bytes);
        self.hosts[to].handle_frame(self.now, self.iface, frame);
    }

    /// A frame as a device may give it: in one piece, or in several, cut anywhere. No test may see a difference.
    fn in_pieces(&mut self, mut bytes: Vec<u8>) -> RxFrame {
        let mut tail = Vec::new();
        for _ in 0..if self.cut_frames { self.cuts.below(4) } else { 0 } {
            let at = self.cuts.below(bytes.len() as u64 + 1) as usize;
            tail.push(Chunk::from_vec(bytes.split_off(at)));
        }
        let mut frame = RxFrame::new(Chunk::from_vec(bytes));
        for chunk in tail.into_iter().rev() {
            frame.payload.push(chunk).expect("three chunks fit");
        }
        frame
    }

    fn send(&mut self, from: usize, bytes: Vec<u8>, gso_size: u16, verified: bool) {
        if self.keep_carried {
            self.carried.push((from, bytes.clone()));
        }
        // Three lost questions are an unreachable host, and rightly so: the link is kind to those.
        let Impairments { loss, duplication, corruption, reordering } =
            if is_neighbour_discovery(&bytes) { Impairments::default() } else { self.impairments };
        if self.drop_if.as_mut().is_some_and(|drop| drop(from, &bytes)) || self.rng.chance(loss) {
            return;
        }
        let copies = if self.rng.chance(duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let mut bytes = bytes.clone();
            let corrupt = self.rng.chance(corruption);
            if corrupt {
                let at = self.rng.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.rng.below(8);
            }
            let mut at = self.now + self.delay;
            if self.rng.chance(reordering) {
                at += self.delay * self.rng.below(8) as u32;
            }
            let checksum = if verified { RxChecksum::Verified } else { RxChecksum::Unverified };
            self.sent += 1;
            let frame = RxFrame { checksum, gso_size, ..self.in_pieces(bytes) };
            self.in_flight.insert((at, self.sent), (1 - from, frame));
        }
    }

    /// Lets both hosts do what is due and send what they have.
    pub fn drain(&mut self) {
        loop {
            let mut idle = true;
            for host in [A, B] {
                if self.hosts[host].poll_timeout().is_some_and(|at| at <= self.now) {
                    self.hosts[host].handle_timeout(self.now);
                    idle = false;
                }
                let mut batch = TxBatch::with_capacity(64);
                self.hosts[host].poll_transmit(self.now, self.iface, &mut batch);
                let count = batch.frames().len();
                idle &= count == 0;
                for frame in batch.frames() {
                    let cut = usize::from(frame.gso_size).min(frame.payload.len());
                    let payload = if cut == 0 { frame.payload.len() } else { cut };
                    self.largest_packet = self.largest_packet.max(frame.head.len() + payload);
                    self.super_segments += usize::from(payload < frame.payload.len());
                    let verified = frame.checksum != TxChecksum::Complete;
                    self.send(host, frame.to_vec(), frame.gso_size, verified);
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Goes on to the next thing that happens, if it happens before `end`. False if nothing does.
    pub fn step(&mut self, end: Instant) -> bool {
        self.drain();
        let arrival = self.in_flight.keys().next().map(|k| k.0);
        let due = [A, B].into_iter().filter_map(|h| self.hosts[h].poll_timeout()).min();
        self.alarm.take_if(|at| *at <= self.now);
        let next = arrival.into_iter().chain(due).chain(self.alarm).min().filter(|&at| at <= end);
        let Some(next) = next else {
            self.now = self.now.max(end);
            return false;
        };
        self.now = self.now.max(next);
        while let Some(entry) = self.in_flight.first_entry().filter(|e| e.key().0 <= self.now) {
            let (to, frame) = entry.remove();
            self.hosts[to].handle_frame(self.now, self.iface, frame);
        }
        true
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.drain();
    }

    /// Lets time pass until `done`, at most `limit`. False if the time ran out.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&mut World) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.drain();
            if done(self) {
                return true;
            }
            if !self.step(end) {
                return done(self);
            }
        }
    }

    /// Fails the test; what was watched is printed first.
    pub fn fail(&mut self, why: &str) -> ! {
        print(self);
        panic!("{why}, at {}", self.now)
    }

    pub fn listen(&mut self, host: usize, local: &str, backlog: usize) -> SocketId {
        self.hosts[host].listen(self.now, ListenConfig::new(end(local), backlog)).unwrap()
    }

    pub fn connect(&mut self, host: usize, remote: &str) -> SocketId {
        self.hosts[host].connect(self.now, None, end(remote), None).unwrap()
    }

    /// A connection from A to a listener on B: both sockets.
    pub fn connected(&mut self, remote: &str) -> (SocketId, SocketId) {
        let listener = self.listen(B, remote, 8);
        let client = self.connect(A, remote);
        self.run(Duration::from_millis(100));
        let (server, _) = self.hosts[B].accept(self.now, listener).unwrap();
        self.hosts[B].close(self.now, listener).unwrap();
        assert_eq!(self.state(A, client), TcpState::Established);
        assert_eq!(self.state(B, server), TcpState::Established);
        (client, server)
    }

    pub fn state(&self, host: usize, socket: SocketId) -> TcpState {
        self.hosts[host].state(socket).unwrap()
    }

    pub fn write(&mut self, host: usize, socket: SocketId, bytes: &[u8]) -> Result<usize, Error> {
        self.hosts[host].write(self.now, socket, bytes)
    }

    /// Reads what is there: the bytes, and whether the stream has ended.
    pub fn read(&mut self, host: usize, socket: SocketId) -> Result<(Vec<u8>, bool), Error> {
        let mut all = Vec::new();
        let mut buf = [0; 4096];
        loop {
            match self.hosts[host].read(self.now, socket, &mut buf) {
                Ok(0) => return Ok((all, true)),
                Ok(n) => all.extend_from_slice(&buf[..n]),
                Err(Error::WouldBlock) => return Ok((all, false)),
                Err(error) => return Err(error),
            }
        }
    }

    pub fn counter(&self, host: usize, name: &str) -> u64 {
        let mut all = self.hosts[host].counters().iter();
        all.find(|(c, _)| c.name() == name).map(|(_, v)| v).unwrap_or_else(|| panic!("no counter {name}"))
    }

    pub fn ready(&self, host: usize, socket: SocketId) -> Readiness {
        self.hosts[host].readiness(socket).unwrap()
    }
}

/// ARP, or ICMPv6 over Ethernet.
fn is_neighbour_discovery(frame: &[u8]) -> bool {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => true,
        Some([0x86, 0xdd]) => frame.get(20) == Some(&58),
        _ => false,
    }
}

/// Prints the events of both hosts in the order of time.
pub fn print(world: &mut World) {
    let mut all: Vec<_> = [A, B]
        .into_iter()
        .flat_map(|h| world.hosts[h].observer().events.iter().map(move |e| (e.0, h, e.clone())).collect::<Vec<_>>())
        .collect();
    all.sort_by_key(|e| e.0);
    for (at, host, (_, flow, event)) in all {
        let host = ["A", "B"][host];
        match event {
            Event::Sent { segment, why, .. } => println!("{at} {host} #{} > {} {why}", flow.0, line(&segment)),
            Event::Received { segment } => println!("{at} {host} #{} < {}", flow.0, line(&segment)),
            other => println!("{at} {host} #{} {other:?}", flow.0),
        }
    }
}

fn line(s: &limpid_event::SegmentView) -> String {
    let end = s.seq + s.len;
    format!("{:?} {}:{}({}) ack {} win {} sack {:?}", s.flags, s.seq, end, s.len, s.ack, s.window, s.options.sack())
}

/// A TCP packet to `to`, from the other host's address, without options or data.
pub fn tcp(to: Endpoint, from_port: u16, seq: u32, ack: u32, flags: u16) -> Vec<u8> {
    let from = if to.addr.is_v4() { ip("10.0.0.1") } else { ip("2001:db8::1") };
    let segment = Segment {
        seq: SeqNum(seq),
        ack: SeqNum(ack),
        flags: TcpFlags::from_bits_truncate(flags),
        window: 1000,
        ..Segment::default()
    };
    tcp_packet(Endpoint::new(from, from_port), to, &segment)
}

/// A segment as an IP packet.
pub fn tcp_packet(from: Endpoint, to: Endpoint, segment: &Segment) -> Vec<u8> {
    let len = header_len(segment);
    let mut header = vec![0; len];
    emit_header(segment, (from.port, to.port), &mut header);
    put_checksum(from.addr, to.addr, &mut header, &segment.payload, false);
    header.extend(segment.payload.to_vec());
    ip_packet(from.addr, to.addr, IpProtocol::TCP, &header)
}

/// An IP packet with this payload.
pub fn ip_packet(src: IpAddr, dst: IpAddr, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let header = IpHeader::new(src, dst, protocol);
    let mut packet = vec![0; header.header_len()];
    header.emit(payload.len(), &mut packet);
    packet.extend_from_slice(payload);
    packet
}
