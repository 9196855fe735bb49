//! One of the two captures: its connections, each with its packets.

use crate::analysis::packet::{Content, Tcp, dissect, ttl};
use crate::capture::{CaptureError, CapturedPacket, PacketRef};
use crate::flows::Hidden;
use crate::trace::ip_packet;
use limpid_wire::{Endpoint, SeqNum, TcpFlags};
use std::collections::HashMap;

/// The most packets that are taken of one capture.
pub const MAX_PACKETS: usize = 1_000_000;
/// The most bytes that are kept of a packet: enough for its headers.
const KEPT: usize = 160;
/// Ports from here on are clients' where nothing else tells (RFC 6335).
const EPHEMERAL: u16 = 32_768;

/// A capture, read: what [`super::compare`] takes two of.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub(super) connections: Vec<Call>,
    /// Packets beyond [`MAX_PACKETS`], which are left out.
    pub left_out: u64,
    /// Of which connections a filter hid packets: from absence nothing is concluded.
    pub hidden: Hidden,
    current: HashMap<(Endpoint, Endpoint), usize>,
    taken: usize,
    pub(super) first: Option<i64>,
    pub(super) last: i64,
}

/// A connection of a capture.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Client and server.
    pub(super) ends: [Endpoint; 2],
    /// Their initial sequence numbers, where the SYNs are there.
    pub(super) isn: [Option<SeqNum>; 2],
    pub(super) packets: Vec<Seen>,
}

/// A TCP segment as one vantage point saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// As `tcpdump -#` counts.
    pub(super) number: u64,
    /// Nanoseconds since 1970, by this capture's clock.
    pub(super) time: i64,
    /// 0: the client sent it, 1: the server.
    pub(super) from: usize,
    pub(super) tcp: Tcp,
    pub(super) ttl: u8,
    /// IPv4's identification, where it is one.
    pub(super) id: Option<u16>,
    /// The IP packet's first bytes.
    pub(super) bytes: Vec<u8>,
}

impl Side {
    /// True if both hold the same packets at the same times.
    pub fn is_same(&self, other: &Side) -> bool {
        let same = |(a, b): (&Seen, &Seen)| a.time == b.time && a.from == b.from && a.bytes == b.bytes;
        let calls = self.connections.iter().zip(&other.connections);
        self.connections.len() == other.connections.len()
            && (self.taken, self.left_out) == (other.taken, other.left_out)
            && calls
                .into_iter()
                .all(|(a, b)| a.packets.len() == b.packets.len() && a.packets.iter().zip(&b.packets).all(same))
    }

    /// Reads a capture to its end, or to where it is damaged: what stands before is kept, and the error answered too.
    pub fn read(
        packets: impl IntoIterator<Item = Result<CapturedPacket, CaptureError>>,
    ) -> (Side, Option<CaptureError>) {
        let mut side = Side::default();
        for packet in packets {
            match packet {
                Ok(packet) => side.take(&packet.lend()),
                Err(error) => return (side, Some(error)),
            }
        }
        (side, None)
    }

    /// Takes the next packet.
    pub fn take(&mut self, packet: &PacketRef<'_>) {
        if self.taken >= MAX_PACKETS {
            self.left_out += 1;
            return;
        }
        // Whatever it is, the capture was running.
        self.first = Some(self.first.map_or(packet.time, |first| first.min(packet.time)));
        self.last = self.last.max(packet.time);
        let Some(bytes) = ip_packet(packet.link_type, packet.data) else { return };
        let Content::Tcp(tcp) = dissect(bytes) else { return };
        self.taken += 1;
        let at = self.connection_of(&tcp);
        let call = &mut self.connections[at];
        let from = usize::from(call.ends[0] != tcp.src);
        if tcp.is(TcpFlags::SYN) {
            call.isn[from].get_or_insert(tcp.seq);
        }
        let id = (bytes[0] >> 4 == 4).then(|| bytes.get(4..6)).flatten().map(|b| u16::from_be_bytes([b[0], b[1]]));
        call.packets.push(Seen {
            number: packet.number,
            time: packet.time,
            from,
            ttl: ttl(bytes).unwrap_or(0),
            id: id.filter(|id| *id != 0),
            bytes: bytes[..bytes.len().min(KEPT)].to_vec(),
            tcp,
        });
    }

    fn connection_of(&mut self, tcp: &Tcp) -> usize {
        let key = if tcp.src <= tcp.dst { (tcp.src, tcp.dst) } else { (tcp.dst, tcp.src) };
        let opens = tcp.is(TcpFlags::SYN) && !tcp.is(TcpFlags::ACK);
        if let Some(&at) = self.current.get(&key) {
            let known = &self.connections[at];
            let anew = opens && known.ends[0] == tcp.src && known.isn[0].is_some_and(|isn| isn != tcp.seq);
            if !anew {
                return at;
            }
        }
        let syn = tcp.is(TcpFlags::SYN);
        let called = syn && !opens || !syn && tcp.src.port < EPHEMERAL && tcp.dst.port >= EPHEMERAL;
        let ends = if called { [tcp.dst, tcp.src] } else { [tcp.src, tcp.dst] };
        self.connections.push(Call { ends, isn: [None; 2], packets: Vec::new() });
        self.current.insert(key, self.connections.len() - 1);
        self.connections.len() - 1
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }
}

impl Call {
    /// The first packet of `from` that `test` accepts.
    pub(super) fn find(&self, from: usize, test: impl Fn(&Seen) -> bool) -> Option<&Seen> {
        self.packets.iter().find(|seen| seen.from == from && test(seen))
    }

    /// The client's SYN and the server's.
    pub(super) fn syns(&self) -> [Option<&Seen>; 2] {
        [0, 1].map(|from| self.find(from, |seen| seen.tcp.is(TcpFlags::SYN)))
    }

    /// What relative numbers of `end` count from: its ISN, else the first number seen.
    pub(super) fn base(&self, end: usize) -> Option<SeqNum> {
        self.isn[end].or_else(|| self.find(end, |_| true).map(|seen| seen.tcp.seq))
    }
}
