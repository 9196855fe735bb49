//! Two processes on two hosts and a link between them, in virtual time.
#![allow(unreachable_pub, reason = "a module of a test")]

use limpid_event::{Instant, Silent};
use limpid_posix::{Call, Errno, Output, PollFd, Process, Progress, Return, Sockaddr, abi};
use limpid_stack::{IfaceId, InterfaceConfig, Medium, RxFrame, Secrets, Stack, StackConfig, TxBatch};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::tcp::parse_segment;
use limpid_wire::{Chunk, IpAddr, IpHeader, IpPacket, IpProtocol, Segment};
use std::time::Duration;

pub const A: usize = 0;
pub const B: usize = 1;

/// What the link takes.
const DELAY: Duration = Duration::from_millis(10);

/// A packet that was on the link.
pub struct Packet {
    pub ip: IpPacket,
    pub segment: Segment,
}

pub struct World {
    hosts: [Process<Silent>; 2],
    iface: IfaceId,
    now: Instant,
    in_flight: Vec<(Instant, usize, Vec<u8>)>,
    carried: Vec<(usize, Vec<u8>)>,
    /// So many frames are lost, from now on.
    pub lose: usize,
}

/// An `int` from its bytes.
pub fn int(bytes: &[u8]) -> i32 {
    i32::from_ne_bytes(bytes.try_into().expect("four bytes"))
}

impl World {
    /// 10.0.0.1 and 10.0.0.2, fd00::1 and fd00::2.
    pub fn new() -> World {
        let mut iface = IfaceId::LOOPBACK;
        let hosts = [A, B].map(|host| {
            let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [host as u8 + 1; 32] }, Silent);
            let config = InterfaceConfig {
                name: "tun0".into(),
                medium: Medium::Ip,
                mtu: 1500,
                gso_max: 0,
                tx_checksum_offload: false,
            };
            iface = stack.add_interface(config).unwrap();
            for address in [format!("10.0.0.{}/24", host + 1), format!("fd00::{}/64", host + 1)] {
                stack.add_address(iface, address.parse().unwrap()).unwrap();
            }
            Process::new(stack)
        });
        World { hosts, iface, now: Instant::from_millis(5000), in_flight: Vec::new(), carried: Vec::new(), lose: 0 }
    }

    pub fn now_ms(&self) -> u64 {
        self.now.as_millis()
    }

    /// Makes a call that does not wait.
    pub fn call(&mut self, host: usize, call: Call) -> Return {
        let ended = match self.hosts[host].call(self.now, call) {
            Progress::Done(ended) => ended,
            Progress::Waits(_) => panic!("the call waits"),
        };
        self.drain();
        ended
    }

    /// Lets both hosts send what is due.
    pub fn drain(&mut self) {
        for host in [A, B] {
            loop {
                let mut batch = TxBatch::with_capacity(16);
                self.hosts[host].poll_transmit(self.now, self.iface, &mut batch);
                if batch.frames().is_empty() {
                    break;
                }
                for frame in batch.frames() {
                    self.carried.push((host, frame.to_vec()));
                    if self.lose > 0 {
                        self.lose -= 1;
                    } else {
                        self.in_flight.push((self.now + DELAY, 1 - host, frame.to_vec()));
                    }
                }
            }
        }
    }

    pub fn run_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            self.drain();
            let timeouts = [A, B].into_iter().filter_map(|host| self.hosts[host].poll_timeout());
            let next = timeouts.chain(self.in_flight.iter().map(|frame| frame.0)).min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            while let Some(at) = self.in_flight.iter().position(|frame| frame.0 <= self.now) {
                let (_, to, bytes) = self.in_flight.remove(at);
                self.deliver(to, bytes);
            }
            for host in [A, B] {
                self.hosts[host].handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, to: usize, bytes: Vec<u8>) {
        let frame = RxFrame::new(Chunk::from_vec(bytes));
        self.hosts[to].handle_frame(self.now, self.iface, frame);
    }

    /// An ICMP destination unreachable from `router` about the last packet that a host has sent; it quotes 8 bytes of TCP.
    pub fn answer_with_icmp(&mut self, host: usize, router: &str, kind: u8, code: u8) {
        assert_eq!((kind, code), (3, 1), "host unreachable");
        let (_, packet) = self.carried.iter().rev().find(|(from, _)| *from == host).expect("a packet");
        let quote = packet[..28].to_vec();
        let to = IpPacket::parse(packet).unwrap().src;
        let mut message = vec![0; 8 + quote.len()];
        Icmpv4Message::Unreachable(Unreachable::Host).emit(&quote, &mut message);
        let header = IpHeader::new(router.parse::<IpAddr>().unwrap(), to, IpProtocol::ICMP);
        let mut bytes = vec![0; 20];
        header.emit(message.len(), &mut bytes);
        bytes.extend(message);
        self.deliver(host, bytes);
        self.drain();
    }

    /// The TCP packets that a host has sent.
    pub fn sent_by(&self, host: usize) -> Vec<Packet> {
        let of_host = self.carried.iter().filter(|(from, _)| *from == host);
        let parse = |(_, bytes): &(usize, Vec<u8>)| {
            let ip = IpPacket::parse(bytes).unwrap();
            let (_, _, segment) = parse_segment(Chunk::from_vec(bytes.clone()), ip.payload.clone(), ip.ecn).unwrap();
            Packet { ip, segment }
        };
        of_host.map(parse).collect()
    }

    /// A socket that does not block.
    pub fn socket(&mut self, host: usize, domain: i32) -> i32 {
        let kind = abi::SOCK_STREAM | abi::SOCK_NONBLOCK;
        self.call(host, Call::Socket { domain, kind, protocol: 0 }).value.unwrap() as i32
    }

    /// A listener on port 8080 of a host.
    pub fn listener(&mut self, host: usize, domain: i32) -> i32 {
        let fd = self.socket(host, domain);
        let address = Sockaddr::of(local(host, domain).parse().unwrap());
        assert_eq!(self.call(host, Call::Bind { fd, address }).value, Ok(0));
        assert_eq!(self.call(host, Call::Listen { fd, backlog: 8 }).value, Ok(0));
        fd
    }

    pub fn connect(&mut self, host: usize, fd: i32, to: &str) -> Result<i64, Errno> {
        self.call(host, Call::Connect { fd, address: Sockaddr::of(to.parse().unwrap()) }).value
    }

    pub fn connect_to_listener(&mut self, host: usize, domain: i32) -> i32 {
        let fd = self.socket(host, domain);
        assert_eq!(self.connect(host, fd, &local(1 - host, domain)), Err(Errno::EINPROGRESS));
        fd
    }

    pub fn accept(&mut self, host: usize, listener: i32) -> i32 {
        self.call(host, Call::Accept4 { fd: listener, flags: abi::SOCK_NONBLOCK }).value.unwrap() as i32
    }

    /// A connection from A to B: both descriptors.
    pub fn connected(&mut self, domain: i32) -> (i32, i32) {
        let listener = self.listener(B, domain);
        let client = self.connect_to_listener(A, domain);
        self.run_ms(100);
        (client, self.accept(B, listener))
    }

    pub fn send(&mut self, host: usize, fd: i32, bytes: &[u8], flags: i32) -> Result<i64, Errno> {
        self.call(host, Call::Send { fd, bytes: bytes.to_vec(), flags }).value
    }

    /// What `poll` tells of a descriptor.
    pub fn poll(&mut self, host: usize, fd: i32) -> i16 {
        let fds = vec![PollFd { fd, events: 0x7fff, revents: 0 }];
        match self.call(host, Call::Poll { fds, timeout: 0 }).output {
            Output::Polled(fds) => fds[0].revents,
            other => panic!("poll gives an array, not {other:?}"),
        }
    }

    pub fn set(&mut self, host: usize, fd: i32, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        self.set_bytes(host, fd, level, name, &value.to_ne_bytes())
    }

    pub fn set_bytes(&mut self, host: usize, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        self.call(host, Call::SetSockOpt { fd, level, name, value: value.to_vec() }).value.map(|_| ())
    }

    pub fn get(&mut self, host: usize, fd: i32, level: i32, name: i32) -> Result<i32, Errno> {
        self.get_bytes(host, fd, level, name, 4).map(|bytes| int(&bytes))
    }

    pub fn get_bytes(&mut self, host: usize, fd: i32, level: i32, name: i32, len: usize) -> Result<Vec<u8>, Errno> {
        let ended = self.call(host, Call::GetSockOpt { fd, level, name, len });
        ended.value?;
        match ended.output {
            Output::Bytes(bytes) => Ok(bytes),
            other => panic!("an option's value is bytes, not {other:?}"),
        }
    }
}

fn local(host: usize, domain: i32) -> String {
    if domain == abi::AF_INET { format!("10.0.0.{}:8080", host + 1) } else { format!("[fd00::{}]:8080", host + 1) }
}
