//! Fragments become packets again (RFC 791 §3.2, RFC 8200 §4.5), within bounds, and never by overlapping (RFC 5722; Linux
//! has the same rule for IPv4).
//!
//! A packet whose fragments overlap is dropped whole; a fragment that merely comes twice is ignored. When a bound is
//! reached the packet that has waited longest goes. Nothing we send is ever a fragment.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::ip::Fragment;
use limpid_wire::{Chunk, Ecn, FramePool, IpAddr, IpPacket, IpProtocol};

/// The bound on packets in pieces.
pub(crate) const MAX_PACKETS: usize = 64;
/// The bound on packets in pieces from one source.
pub(crate) const MAX_PACKETS_PER_SOURCE: usize = 16;
/// The bound on memory that their pieces hold.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The bound on pieces of one packet.
pub(crate) const MAX_PIECES: usize = 128;
/// How long pieces wait for the rest (Linux's `ipfrag_time`; RFC 1122 §3.3.2 asks for 60 s to 120 s).
pub(crate) const TIMEOUT_V4: Duration = Duration::from_secs(30);
/// The same for IPv6 (RFC 8200 §4.5).
pub(crate) const TIMEOUT_V6: Duration = Duration::from_secs(60);

/// Which packet a fragment is of. IPv6 leaves the protocol out: it may differ from fragment to fragment.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: Option<IpProtocol>,
}

struct Piece {
    start: u32,
    data: Chunk,
}

impl Piece {
    fn end(&self) -> u32 {
        self.start + self.data.len() as u32
    }
}

struct Partial {
    key: Key,
    deadline: Instant,
    /// In order, without overlap.
    pieces: Vec<Piece>,
    /// The length of the whole, once the last fragment is here.
    total: Option<u32>,
    /// The first fragment: its packet, and the headers before its payload.
    first: Option<First>,
    ecn: Ecn,
}

struct First {
    packet: Chunk,
    ip: IpPacket,
}

/// What became of a fragment.
pub(crate) enum Reassembly {
    /// It waits for others.
    Waiting,
    /// The packet is whole: the headers of its first fragment, and the bytes they stand before. `IpPacket::payload` says
    /// where these are.
    Whole(IpPacket, Chunk),
    /// The fragment was dropped, and the packet too if it was the reason.
    Dropped,
}

/// Packets in pieces.
#[derive(Default)]
pub(crate) struct Reassembler {
    /// The oldest first.
    packets: VecDeque<Partial>,
    bytes: usize,
}

impl Reassembler {
    /// A fragment arrived: `packet` is all of it, `ip` its headers.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        pool: &mut FramePool,
        ip: &IpPacket,
        fragment: Fragment,
        packet: &Chunk,
    ) -> Reassembly {
        let (start, len) = (u32::from(fragment.offset), ip.payload.len() as u32);
        if len == 0 || start + len > u32::from(u16::MAX) || (fragment.more && len % 8 != 0) {
            return Reassembly::Dropped;
        }
        let v4 = ip.src.is_v4();
        let key = Key { src: ip.src, dst: ip.dst, id: fragment.id, protocol: v4.then_some(ip.protocol) };
        let at = match self.packets.iter().position(|p| p.key == key) {
            Some(at) => at,
            None => {
                self.make_room(ip.src);
                let deadline = now + if v4 { TIMEOUT_V4 } else { TIMEOUT_V6 };
                let partial = Partial { key, deadline, pieces: Vec::new(), total: None, first: None, ecn: ip.ecn };
                self.packets.push_back(partial);
                self.packets.len() - 1
            }
        };
        let data = pool.compact(packet.slice(ip.payload.clone()));
        let partial = &mut self.packets[at];
        let piece = Piece { start, data };
        let held = piece.data.pinned();
        match partial.add(piece, fragment.more, ip.ecn) {
            Ok(true) => self.bytes += held,
            Ok(false) => return Reassembly::Waiting,
            Err(()) => {
                self.remove(at);
                return Reassembly::Dropped;
            }
        }
        if start == 0 {
            let packet = packet.slice(0..ip.payload.end);
            partial.first = Some(First { packet, ip: ip.clone() });
        }
        if partial.is_whole() {
            let whole = self.remove(at).and_then(Partial::join);
            return whole.map_or(Reassembly::Dropped, |(ip, bytes)| Reassembly::Whole(ip, bytes));
        }
        while self.bytes > MAX_BYTES {
            self.remove(0);
        }
        Reassembly::Waiting
    }

    fn make_room(&mut self, src: IpAddr) {
        let from_src = |p: &Partial| p.key.src == src;
        if self.packets.iter().filter(|p| from_src(p)).count() >= MAX_PACKETS_PER_SOURCE
            && let Some(oldest) = self.packets.iter().position(from_src)
        {
            self.remove(oldest);
        }
        if self.packets.len() >= MAX_PACKETS {
            self.remove(0);
        }
    }

    fn remove(&mut self, at: usize) -> Option<Partial> {
        let partial = self.packets.remove(at)?;
        self.bytes -= partial.pieces.iter().map(|p| p.data.pinned()).sum::<usize>();
        Some(partial)
    }

    /// When the next packet runs out of time.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.packets.iter().map(|p| p.deadline).min()
    }

    /// Drops a packet that ran out of time. Returns its first fragment, if that one came: the sender then hears of it.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Option<(IpPacket, Chunk)>> {
        let at = self.packets.iter().position(|p| p.deadline <= now)?;
        let partial = self.remove(at)?;
        Some(partial.first.map(|f| (f.ip, f.packet)))
    }
}

impl Partial {
    /// Adds a piece: `Ok(false)` if it came twice, an error if it spoils the packet.
    fn add(&mut self, piece: Piece, more: bool, ecn: Ecn) -> Result<bool, ()> {
        let end = piece.end();
        let at = self.pieces.partition_point(|p| p.start < piece.start);
        if self.pieces.get(at).is_some_and(|p| p.start == piece.start && p.end() == end) {
            return Ok(false);
        }
        let overlaps = at.checked_sub(1).is_some_and(|before| self.pieces[before].end() > piece.start)
            || self.pieces.get(at).is_some_and(|after| after.start < end);
        let beyond = self.total.is_some_and(|total| end > total || !more);
        let cut_short = !more && self.pieces.last().is_some_and(|last| last.end() > end);
        if overlaps || beyond || cut_short || self.pieces.len() == MAX_PIECES {
            return Err(());
        }
        self.ecn = join_ecn(self.ecn, ecn).ok_or(())?;
        if !more {
            self.total = Some(end);
        }
        self.pieces.insert(at, piece);
        Ok(true)
    }

    fn is_whole(&self) -> bool {
        // Pieces don't overlap, so they fill the packet if their lengths do.
        self.total.is_some_and(|total| self.pieces.iter().map(|p| p.data.len() as u32).sum::<u32>() == total)
    }

    fn join(self) -> Option<(IpPacket, Chunk)> {
        let First { packet, mut ip } = self.first?;
        let mut bytes = packet[..ip.payload.start].to_vec();
        self.pieces.iter().for_each(|p| bytes.extend_from_slice(&p.data));
        ip.payload.end = bytes.len();
        ip.fragment = None;
        ip.ecn = self.ecn;
        Some((ip, Chunk::from_vec(bytes)))
    }
}

/// The ECN bits of a packet, from two of its fragments (RFC 3168 §5.3): a mark is kept, and does not go with fragments
/// that were not ECN-capable.
fn join_ecn(a: Ecn, b: Ecn) -> Option<Ecn> {
    match (a, b) {
        (Ecn::Ce, Ecn::NotEct) | (Ecn::NotEct, Ecn::Ce) => None,
        (Ecn::Ce, _) | (_, Ecn::Ce) => Some(Ecn::Ce),
        _ => Some(a),
    }
}

#[cfg(test)]
mod tests;
