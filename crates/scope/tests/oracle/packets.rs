//! Packets made by hand, right and wrong.

use limpid_scope::capture::LinkType;

/// A packet to be printed.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) data: Vec<u8>,
    pub(crate) original_len: u32,
    pub(crate) time: i64,
}

impl Packet {
    /// Captured whole.
    pub(crate) fn whole(data: Vec<u8>) -> Packet {
        Packet { original_len: data.len() as u32, data, time: 1_700_000_000_123_456_000 }
    }
}

/// Cut to `len` captured bytes.
pub(crate) fn cut(data: &[u8], len: usize) -> Packet {
    Packet { data: data[..len].to_vec(), ..Packet::whole(data.to_vec()) }
}

/// Cut at every place, from one byte on.
pub(crate) fn cuts(data: &[u8]) -> Vec<Packet> {
    (1..=data.len()).map(|len| cut(data, len)).collect()
}

/// Packets that were themselves short at every place, from one byte on.
pub(crate) fn shorts(data: &[u8]) -> Vec<Packet> {
    (1..=data.len()).map(|len| Packet::whole(data[..len].to_vec())).collect()
}

pub(crate) fn whole(all: impl IntoIterator<Item = Vec<u8>>) -> Vec<Packet> {
    all.into_iter().map(Packet::whole).collect()
}

pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let mut sum: u32 = bytes.chunks(2).map(|c| u32::from(u16::from_be_bytes([c[0], *c.get(1).unwrap_or(&0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn put16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// A TCP segment. Its checksum stays 0 until it is put in a packet by [`Ip4::tcp`] or [`Ip6::tcp`].
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    /// The data offset; else what the options need.
    pub(crate) offset: Option<u8>,
}

impl Default for Tcp {
    fn default() -> Tcp {
        Tcp {
            ports: (40000, 40001),
            seq: 1000,
            ack: 5000,
            flags: 0x10,
            window: 512,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
            offset: None,
        }
    }
}

impl Tcp {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 1);
        let offset = self.offset.unwrap_or(5 + options.len() as u8 / 4);
        let mut b = Vec::new();
        b.extend(self.ports.0.to_be_bytes());
        b.extend(self.ports.1.to_be_bytes());
        b.extend(self.seq.to_be_bytes());
        b.extend(self.ack.to_be_bytes());
        b.extend([offset << 4, self.flags]);
        b.extend(self.window.to_be_bytes());
        b.extend([0, 0]);
        b.extend(self.urgent.to_be_bytes());
        b.extend(options);
        b.extend(&self.payload);
        b
    }

    /// Sent the other way.
    pub(crate) fn back(&self) -> Tcp {
        Tcp { ports: (self.ports.1, self.ports.0), seq: self.ack, ack: self.seq, ..self.clone() }
    }

    pub(crate) fn with_options(options: &[u8]) -> Tcp {
        Tcp { options: options.to_vec(), ..Tcp::default() }
    }
}

/// An IPv4 header.
#[derive(Clone, Debug)]
pub(crate) struct Ip4 {
    pub(crate) src: [u8; 4],
    pub(crate) dst: [u8; 4],
    pub(crate) protocol: u8,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    pub(crate) id: u16,
    pub(crate) fragment: u16,
    pub(crate) options: Vec<u8>,
    pub(crate) total: Option<u16>,
    pub(crate) header_words: Option<u8>,
    pub(crate) version: u8,
    pub(crate) bad_checksum: bool,
}

impl Default for Ip4 {
    fn default() -> Ip4 {
        Ip4 {
            src: [10, 0, 0, 1],
            dst: [10, 0, 0, 2],
            protocol: 6,
            tos: 0,
            ttl: 64,
            id: 1,
            fragment: 0x4000,
            options: Vec::new(),
            total: None,
            header_words: None,
            version: 4,
            bad_checksum: false,
        }
    }
}

impl Ip4 {
    pub(crate) fn bytes(&self, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = self.header_words.unwrap_or(5 + options.len() as u8 / 4);
        let total = self.total.unwrap_or((20 + options.len() + payload.len()) as u16);
        let mut b = vec![self.version << 4 | words, self.tos];
        b.extend(total.to_be_bytes());
        b.extend(self.id.to_be_bytes());
        b.extend(self.fragment.to_be_bytes());
        b.extend([self.ttl, self.protocol, 0, 0]);
        b.extend(self.src);
        b.extend(self.dst);
        b.extend(options);
        let sum = checksum(&[&b]) ^ if self.bad_checksum { 0x55 } else { 0 };
        put16(&mut b, 10, sum);
        b.extend(payload);
        b
    }

    /// A TCP segment with a right checksum.
    pub(crate) fn tcp(&self, tcp: &Tcp) -> Vec<u8> {
        let mut segment = tcp.bytes();
        let length = (segment.len() as u16).to_be_bytes();
        let sum = checksum(&[&self.src, &self.dst, &[0, 6], &length, &segment]);
        put16(&mut segment, 16, sum);
        self.bytes(&segment)
    }

    /// An ICMP message with a right checksum.
    pub(crate) fn icmp(&self, kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
        let mut b = vec![kind, code, 0, 0];
        b.extend(rest);
        let sum = checksum(&[&b]);
        put16(&mut b, 2, sum);
        Ip4 { protocol: 1, ..self.clone() }.bytes(&b)
    }

    /// A UDP datagram; the checksum is right where `sum` is `None`.
    pub(crate) fn udp(&self, ports: (u16, u16), payload: &[u8], length: Option<u16>, sum: Option<u16>) -> Vec<u8> {
        let udp = udp(ports, payload, length);
        let mut b = udp.clone();
        let total = (udp.len() as u16).to_be_bytes();
        put16(&mut b, 6, sum.unwrap_or_else(|| checksum(&[&self.src, &self.dst, &[0, 17], &total, &udp])));
        Ip4 { protocol: 17, ..self.clone() }.bytes(&b)
    }
}

/// A UDP datagram without a checksum.
pub(crate) fn udp(ports: (u16, u16), payload: &[u8], length: Option<u16>) -> Vec<u8> {
    let mut b = Vec::new();
    b.extend(ports.0.to_be_bytes());
    b.extend(ports.1.to_be_bytes());
    b.extend(length.unwrap_or(8 + payload.len() as u16).to_be_bytes());
    b.extend([0, 0]);
    b.extend(payload);
    b
}

/// An IPv6 header.
#[derive(Clone, Debug)]
pub(crate) struct Ip6 {
    pub(crate) src: [u8; 16],
    pub(crate) dst: [u8; 16],
    pub(crate) next: u8,
    pub(crate) class: u8,
    pub(crate) flow: u32,
    pub(crate) hops: u8,
    pub(crate) payload: Option<u16>,
}

impl Default for Ip6 {
    fn default() -> Ip6 {
        let address = |last| [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        Ip6 { src: address(1), dst: address(2), next: 6, class: 0, flow: 0, hops: 64, payload: None }
    }
}

impl Ip6 {
    pub(crate) fn bytes(&self, payload: &[u8]) -> Vec<u8> {
        let mut b = (6 << 28 | u32::from(self.class) << 20 | self.flow).to_be_bytes().to_vec();
        b.extend(self.payload.unwrap_or(payload.len() as u16).to_be_bytes());
        b.extend([self.next, self.hops]);
        b.extend(self.src);
        b.extend(self.dst);
        b.extend(payload);
        b
    }

    fn sum(&self, protocol: u8, payload: &[u8]) -> u16 {
        let length = (payload.len() as u32).to_be_bytes();
        checksum(&[&self.src, &self.dst, &length, &[0, 0, 0, protocol], payload])
    }

    /// A TCP segment with a right checksum, after `extensions` (which begin with the header that `next` names).
    pub(crate) fn tcp(&self, extensions: &[u8], tcp: &Tcp) -> Vec<u8> {
        let mut segment = tcp.bytes();
        let sum = self.sum(6, &segment);
        put16(&mut segment, 16, sum);
        self.bytes(&[extensions, &segment].concat())
    }

    /// An ICMPv6 message with a right checksum.
    pub(crate) fn icmp(&self, kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
        let mut b = vec![kind, code, 0, 0];
        b.extend(rest);
        let sum = self.sum(58, &b);
        put16(&mut b, 2, sum);
        Ip6 { next: 58, hops: 255, ..self.clone() }.bytes(&b)
    }
}

/// An Ethernet frame.
pub(crate) fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut b = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    b.extend(ethertype.to_be_bytes());
    b.extend(payload);
    b
}

/// An ARP packet for Ethernet and IPv4.
pub(crate) fn arp(operation: u16, target: [u8; 6], ends: ([u8; 4], [u8; 4])) -> Vec<u8> {
    let mut b = vec![0, 1, 8, 0, 6, 4];
    b.extend(operation.to_be_bytes());
    b.extend([2, 0, 0, 0, 0, 1]);
    b.extend(ends.0);
    b.extend(target);
    b.extend(ends.1);
    b
}

/// A Linux cooked header, version 1.
pub(crate) fn cooked(kind: u16, protocol: u16, address_len: u16, payload: &[u8]) -> Vec<u8> {
    let mut b = Vec::new();
    b.extend(kind.to_be_bytes());
    b.extend([0, 1]);
    b.extend(address_len.to_be_bytes());
    b.extend([2, 0, 0, 0, 0, 1, 0, 0]);
    b.extend(protocol.to_be_bytes());
    b.extend(payload);
    b
}

/// A Linux cooked header, version 2.
pub(crate) fn cooked2(kind: u8, protocol: u16, interface: u32, payload: &[u8]) -> Vec<u8> {
    let mut b = protocol.to_be_bytes().to_vec();
    b.extend([0, 0]);
    b.extend(interface.to_be_bytes());
    b.extend([0, 1, kind, 6]);
    b.extend([2, 0, 0, 0, 0, 1, 0, 0]);
    b.extend(payload);
    b
}

/// Numbers that are the same in every run (xorshift64*).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// The link types that a list of packets is printed as.
pub(crate) const RAW: LinkType = LinkType::RAW;
