//! Packets made by hand, handed to a survey one by one.

use super::super::{Flow, FlowNumber, Flows, FlowsOptions, Sighting};
use crate::capture::{LinkType, PacketRef};
use limpid_wire::TcpFlags;
use std::borrow::Cow;

/// When the first packet comes: nanoseconds since 1970.
pub(super) const START: i64 = 1_700_000_000_000_000_000;

/// A segment to be.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) from_server: bool,
    pub(super) flags: TcpFlags,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) len: usize,
    pub(super) options: Vec<u8>,
    pub(super) ip_id: u16,
    pub(super) ttl: u8,
    pub(super) ports: (u16, u16),
}

/// From the client, in packetdrill's order of things: flags, sequence number, length, acknowledgement.
pub(super) fn client(flags: &str, seq: u32, len: usize, ack: u32) -> Segment {
    let all = flags.chars().map(|c| match c {
        'S' => TcpFlags::SYN,
        'F' => TcpFlags::FIN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        '.' => TcpFlags::ACK,
        'E' => TcpFlags::ECE,
        'W' => TcpFlags::CWR,
        other => panic!("no such flag: {other}"),
    });
    Segment {
        from_server: false,
        flags: all.collect(),
        seq,
        ack,
        window: 1000,
        len,
        options: Vec::new(),
        ip_id: 0,
        ttl: 64,
        ports: (40_000, 80),
    }
}

/// From the server.
pub(super) fn server(flags: &str, seq: u32, len: usize, ack: u32) -> Segment {
    Segment { from_server: true, ttl: 60, ..client(flags, seq, len, ack) }
}

impl Segment {
    pub(super) fn window(self, window: u16) -> Segment {
        Segment { window, ..self }
    }

    pub(super) fn id(self, ip_id: u16) -> Segment {
        Segment { ip_id, ..self }
    }

    pub(super) fn ttl(self, ttl: u8) -> Segment {
        Segment { ttl, ..self }
    }

    pub(super) fn port(self, port: u16) -> Segment {
        Segment { ports: (port, self.ports.1), ..self }
    }

    /// What a SYN of today's hosts offers.
    pub(super) fn offers(mut self) -> Segment {
        self.options.extend([2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
        self
    }

    pub(super) fn stamps(mut self, val: u32, ecr: u32) -> Segment {
        self.options.extend([1, 1, 8, 10]);
        self.options.extend(val.to_be_bytes());
        self.options.extend(ecr.to_be_bytes());
        self
    }

    pub(super) fn sack(mut self, blocks: &[(u32, u32)]) -> Segment {
        self.options.extend([1, 1, 5, 2 + 8 * blocks.len() as u8]);
        for (left, right) in blocks {
            self.options.extend(left.to_be_bytes());
            self.options.extend(right.to_be_bytes());
        }
        self
    }

    /// As an IPv4 packet.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let header = 20 + self.options.len();
        let (mut src, mut dst) = (([10, 0, 0, 1], self.ports.0), ([10, 0, 0, 2], self.ports.1));
        if self.from_server {
            (src, dst) = (dst, src);
        }
        let mut p = vec![0x45, 0];
        p.extend(((20 + header + self.len) as u16).to_be_bytes());
        p.extend(self.ip_id.to_be_bytes());
        p.extend([0x40, 0, self.ttl, 6, 0, 0]);
        p.extend(src.0);
        p.extend(dst.0);
        p.extend(src.1.to_be_bytes());
        p.extend(dst.1.to_be_bytes());
        p.extend(self.seq.to_be_bytes());
        p.extend(self.ack.to_be_bytes());
        p.extend(((header as u16 / 4) << 12 | self.flags.bits()).to_be_bytes());
        p.extend(self.window.to_be_bytes());
        p.extend([0; 4]);
        p.extend(&self.options);
        p.resize(p.len() + self.len, b'x');
        p
    }
}

/// A router's or the other host's word that a segment did not arrive (RFC 792): an IPv4 packet.
pub(super) fn icmp(about: &Segment, kind: u8, code: u8, mtu: u16) -> Vec<u8> {
    let quoted = about.bytes();
    let quoted = &quoted[..28];
    let mut p = vec![0x45, 0];
    p.extend((20 + 8 + quoted.len() as u16).to_be_bytes());
    p.extend([0, 0, 0x40, 0, 60, 1, 0, 0, 10, 0, 0, 9]);
    p.extend(&quoted[12..16]);
    p.extend([kind, code, 0, 0, 0, 0]);
    p.extend(mtu.to_be_bytes());
    p.extend(quoted);
    p
}

/// A survey, and the time.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) flows: Flows,
    now: i64,
    number: u64,
}

impl Wire {
    pub(super) fn new() -> Wire {
        Wire::with(FlowsOptions::default())
    }

    pub(super) fn with(options: FlowsOptions) -> Wire {
        Wire { flows: Flows::new(options), now: START, number: 0 }
    }

    /// One that has seen a handshake, the server 10 ms away: packets 1 to 3, numbers from 0, client at 1, server at 1.
    pub(super) fn open() -> Wire {
        let mut wire = Wire::new();
        wire.at(0, client("S", 0, 0, 0).offers());
        wire.after(10_000, server("S.", 0, 0, 1).offers());
        wire.after(100, client(".", 1, 0, 1));
        wire
    }

    /// A segment `micros` after the one before.
    pub(super) fn after(&mut self, micros: i64, segment: Segment) -> Sighting {
        self.now += micros * 1_000;
        self.bytes(&segment.bytes()).expect("it is TCP")
    }

    /// A segment `micros` after the start.
    pub(super) fn at(&mut self, micros: i64, segment: Segment) -> Sighting {
        self.now = START + micros * 1_000;
        self.bytes(&segment.bytes()).expect("it is TCP")
    }

    /// An IP packet at that time, which may be before the one before: nanoseconds since 1970.
    pub(super) fn bytes_at(&mut self, now: i64, data: &[u8]) -> Option<Sighting> {
        self.now = now;
        self.bytes(data)
    }

    /// An IP packet now.
    pub(super) fn bytes(&mut self, data: &[u8]) -> Option<Sighting> {
        self.number += 1;
        self.flows.handle_packet(&PacketRef {
            number: self.number,
            time: self.now,
            link_type: LinkType::RAW,
            original_len: data.len() as u32,
            data,
            comment: None,
            interface: 0,
        })
    }

    /// The first connection, while it is open.
    pub(super) fn flow(&self) -> Cow<'_, Flow> {
        self.flows.flow(FlowNumber(1)).expect("it is followed")
    }

    /// The first connection, at the end.
    pub(super) fn end(self) -> Flow {
        self.flows.finish().next().expect("there is one")
    }
}
