//! What a plan sees of a packet.

use limpid_event::Instant;
use limpid_wire::tcp::TcpHeader;
use limpid_wire::{IpPacket, IpProtocol, SeqNum, TcpFlags};

/// A packet as it is handed to a link, for a plan to judge.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'a> {
    /// When it was sent.
    pub at: Instant,
    /// From the IP header on.
    pub bytes: &'a [u8],
    /// If it is an intact TCP segment.
    pub tcp: Option<TcpGlimpse>,
}

/// The parts of a TCP segment by which plans choose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpGlimpse {
    /// Ports: the sender's, the receiver's.
    pub ports: (u16, u16),
    /// Sequence number.
    pub seq: SeqNum,
    /// Control bits.
    pub flags: TcpFlags,
    /// Payload bytes.
    pub len: usize,
}

impl<'a> Glimpse<'a> {
    pub(super) fn new(at: Instant, bytes: &'a [u8]) -> Glimpse<'a> {
        Glimpse { at, bytes, tcp: TcpGlimpse::new(bytes) }
    }

    /// True for a TCP segment with data.
    pub fn has_data(&self) -> bool {
        self.tcp.is_some_and(|tcp| tcp.len > 0)
    }

    /// True for a TCP segment with one of `flags`.
    pub fn has_any(&self, flags: TcpFlags) -> bool {
        self.tcp.is_some_and(|tcp| tcp.flags.intersects(flags))
    }
}

impl TcpGlimpse {
    pub(super) fn new(bytes: &[u8]) -> Option<TcpGlimpse> {
        let packet = IpPacket::parse(bytes).ok()?;
        if packet.protocol != IpProtocol::TCP || packet.fragment.is_some() {
            return None;
        }
        let (header, data) = TcpHeader::parse(&bytes[packet.payload]).ok()?;
        Some(TcpGlimpse {
            ports: (header.src_port, header.dst_port),
            seq: header.seq,
            flags: header.flags,
            len: data.len(),
        })
    }
}
