//! A TCP segment as the engine sees it: checked, addresses and ports taken off.

use core::fmt;

use crate::notation::SegmentText;
use crate::{Chunks, SeqNum, TcpFlags, TcpOptions};

/// The two ECN bits of the IP header (RFC 3168 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ecn {
    /// 00: not ECN-capable.
    #[default]
    NotEct,
    /// 01.
    Ect1,
    /// 10.
    Ect0,
    /// 11: congestion experienced.
    Ce,
}

impl Ecn {
    /// From the two low bits of an IPv4 TOS or IPv6 traffic class byte; the others are ignored.
    pub const fn from_bits(bits: u8) -> Ecn {
        match bits & 3 {
            0 => Ecn::NotEct,
            1 => Ecn::Ect1,
            2 => Ecn::Ect0,
            _ => Ecn::Ce,
        }
    }

    /// The two bits, low in the byte.
    pub const fn bits(self) -> u8 {
        match self {
            Ecn::NotEct => 0,
            Ecn::Ect1 => 1,
            Ecn::Ect0 => 2,
            Ecn::Ce => 3,
        }
    }
}

/// A checked segment, in either direction. It may be a super-segment: several wire segments merged on receipt, or one
/// that the device cuts on transmit.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Segment {
    /// Sequence number of the first byte (or of SYN).
    pub seq: SeqNum,
    /// Acknowledgement number; meaningful only with [`TcpFlags::ACK`].
    pub ack: SeqNum,
    /// Control bits.
    pub flags: TcpFlags,
    /// The window field as on the wire, unscaled.
    pub window: u16,
    /// The urgent pointer; meaningful only with [`TcpFlags::URG`].
    pub urgent: u16,
    /// The options that TCP acts on.
    pub options: TcpOptions,
    /// ECN bits of the packet (the strongest, where several were merged).
    pub ecn: Ecn,
    /// How many wire segments were merged into this one: at least 1 for a received segment.
    pub merged: u16,
    /// The data.
    pub payload: Chunks,
}

impl Segment {
    /// Sequence space taken: data, plus one for SYN and one for FIN (RFC 9293 §3.4).
    pub fn seq_len(&self) -> u32 {
        self.payload.len() as u32
            + u32::from(self.flags.contains(TcpFlags::SYN))
            + u32::from(self.flags.contains(TcpFlags::FIN))
    }

    /// The sequence number after the last one this segment takes.
    pub fn seq_end(&self) -> SeqNum {
        self.seq + self.seq_len()
    }
}

/// Prints the segment in the [notation](crate::notation).
impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SegmentText::from_segment(self), f)
    }
}
