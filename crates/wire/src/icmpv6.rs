//! ICMP for IPv6 (RFC 4443; source-route and header-chain codes: RFC 6554 §4.2, RFC 8883 §3; length attribute:
//! RFC 4884 §4). Neighbour discovery is in [`ndp`](crate::ndp).

use crate::bytes::{array, be16, be32, fixed, put16};
use crate::checksum::Checksum;
use crate::ip::{IpProtocol, Parsed};
use crate::ndp::NdpMessage;
use crate::quote::quote_range;
use crate::{IpAddr, checksum};

/// Length of the header that every message starts with, in bytes.
pub const HEADER_LEN: usize = 8;
/// How long a whole error packet may get, IPv6 header included: the quote is cut to that (RFC 4443 §2.4 (c)).
pub const MAX_ERROR_LEN: usize = 1280;

/// Why a destination can't be reached: the code of a destination unreachable message (RFC 4443 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the RFCs'")]
pub enum Unreachable {
    NoRoute,
    Prohibited,
    BeyondScope,
    Address,
    Port,
    SourcePolicy,
    RejectRoute,
    SourceRoutingHeader,
    HeadersTooLong,
    /// A code that no RFC has given a meaning.
    Other(u8),
}

impl Unreachable {
    fn new(code: u8) -> Unreachable {
        match code {
            0 => Unreachable::NoRoute,
            1 => Unreachable::Prohibited,
            2 => Unreachable::BeyondScope,
            3 => Unreachable::Address,
            4 => Unreachable::Port,
            5 => Unreachable::SourcePolicy,
            6 => Unreachable::RejectRoute,
            7 => Unreachable::SourceRoutingHeader,
            8 => Unreachable::HeadersTooLong,
            other => Unreachable::Other(other),
        }
    }

    /// The code on the wire.
    pub fn code(self) -> u8 {
        match self {
            Unreachable::NoRoute => 0,
            Unreachable::Prohibited => 1,
            Unreachable::BeyondScope => 2,
            Unreachable::Address => 3,
            Unreachable::Port => 4,
            Unreachable::SourcePolicy => 5,
            Unreachable::RejectRoute => 6,
            Unreachable::SourceRoutingHeader => 7,
            Unreachable::HeadersTooLong => 8,
            Unreachable::Other(code) => code,
        }
    }
}

/// An ICMPv6 message, without what follows its header: an echo's data, an error's quote (see
/// [`QuotedPacket`](crate::quote::QuotedPacket)).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Icmpv6Message {
    /// The quoted packet could not be delivered.
    Unreachable(Unreachable),
    /// The quoted packet does not fit the next link.
    PacketTooBig {
        /// What fits, in bytes.
        mtu: u32,
    },
    /// The quoted packet died of age.
    TimeExceeded {
        /// In reassembly, not on the way.
        in_reassembly: bool,
    },
    /// Something in the quoted packet can't be processed.
    ParameterProblem {
        /// 0 bad field, 1 unknown next header, 2 unknown option, 3 incomplete first fragment (RFC 7112 §5).
        code: u8,
        /// Offset of the bad field in the quote, or behind it.
        pointer: u32,
    },
    /// Please answer.
    EchoRequest {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Answer to an echo request.
    EchoReply {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Neighbour discovery. Its options belong to it: no data follows.
    Ndp(NdpMessage),
    /// Anything else, undecoded.
    Other {
        /// Type; below 128 it is an error.
        kind: u8,
        /// Code.
        code: u8,
        /// The second half of the header.
        rest: [u8; 4],
    },
}

impl Icmpv6Message {
    /// Parses a message that takes all of `bytes`: its header, and where the rest (an echo's data, an error's quote)
    /// lies. The checksum is not looked at: see [`checksum_is_valid`].
    ///
    /// # Errors
    /// If there are fewer than 8 bytes, or as [`NdpMessage::parse`].
    pub fn parse(bytes: &[u8]) -> Parsed<Icmpv6Message> {
        let h: &[u8; HEADER_LEN] = fixed(bytes, "ICMPv6")?;
        let quote = quote_range(usize::from(h[4]) * 8, bytes.len());
        let whole = HEADER_LEN..bytes.len();
        let (code, id, seq) = (h[1], be16(h, 4), be16(h, 6));
        Ok(match (h[0], code) {
            (1, code) => (Icmpv6Message::Unreachable(Unreachable::new(code)), quote),
            (2, _) => (Icmpv6Message::PacketTooBig { mtu: be32(h, 4) }, whole),
            (3, 0 | 1) => (Icmpv6Message::TimeExceeded { in_reassembly: code == 1 }, quote),
            (4, code) => (Icmpv6Message::ParameterProblem { code, pointer: be32(h, 4) }, whole),
            (128, 0) => (Icmpv6Message::EchoRequest { id, seq }, whole),
            (129, 0) => (Icmpv6Message::EchoReply { id, seq }, whole),
            (133..=137, _) => (Icmpv6Message::Ndp(NdpMessage::parse(bytes)?), bytes.len()..bytes.len()),
            (kind, code) => (Icmpv6Message::Other { kind, code, rest: array(h, 4) }, whole),
        })
    }

    /// True for an error, which quotes a packet and must never be answered with another error (RFC 4443 §2.4 (e)).
    pub fn is_error(&self) -> bool {
        match *self {
            Icmpv6Message::Unreachable(_)
            | Icmpv6Message::PacketTooBig { .. }
            | Icmpv6Message::TimeExceeded { .. }
            | Icmpv6Message::ParameterProblem { .. } => true,
            Icmpv6Message::EchoRequest { .. } | Icmpv6Message::EchoReply { .. } | Icmpv6Message::Ndp(_) => false,
            Icmpv6Message::Other { kind, .. } => kind < 128,
        }
    }

    /// Length of the message with a body of `body_len` bytes.
    pub fn emitted_len(&self, body_len: usize) -> usize {
        match self {
            Icmpv6Message::Ndp(message) => message.emitted_len(),
            _ => HEADER_LEN + body_len,
        }
    }

    /// Writes the message with `body` (an echo's data, an error's quote; none for neighbour discovery) and its checksum
    /// to the start of `out`, and returns its length. `src` and `dst` are the packet's, for the pseudo header.
    ///
    /// # Panics
    /// If `out` is shorter than [`emitted_len`](Self::emitted_len).
    pub fn emit(&self, body: &[u8], src: IpAddr, dst: IpAddr, out: &mut [u8]) -> usize {
        let out = &mut out[..self.emitted_len(body.len())];
        if let Icmpv6Message::Ndp(message) = self {
            message.emit(out);
        } else {
            let (kind, code, rest) = self.fields();
            out[..4].copy_from_slice(&[kind, code, 0, 0]);
            out[4..8].copy_from_slice(&rest);
            out[8..].copy_from_slice(body);
        }
        let mut sum = Checksum::pseudo_header(src, dst, IpProtocol::ICMPV6, out.len());
        sum.add(out);
        put16(out, 2, sum.finish());
        out.len()
    }

    /// Type, code and the second half of the header.
    fn fields(&self) -> (u8, u8, [u8; 4]) {
        let echo = |id: u16, seq: u16| (u32::from(id) << 16 | u32::from(seq)).to_be_bytes();
        match *self {
            Icmpv6Message::Unreachable(why) => (1, why.code(), [0; 4]),
            Icmpv6Message::PacketTooBig { mtu } => (2, 0, mtu.to_be_bytes()),
            Icmpv6Message::TimeExceeded { in_reassembly } => (3, u8::from(in_reassembly), [0; 4]),
            Icmpv6Message::ParameterProblem { code, pointer } => (4, code, pointer.to_be_bytes()),
            Icmpv6Message::EchoRequest { id, seq } => (128, 0, echo(id, seq)),
            Icmpv6Message::EchoReply { id, seq } => (129, 0, echo(id, seq)),
            Icmpv6Message::Ndp(ref message) => (message.kind(), 0, [0; 4]),
            Icmpv6Message::Other { kind, code, rest } => (kind, code, rest),
        }
    }
}

/// True if the checksum of the message that takes all of `bytes` is right for a packet from `src` to `dst`.
pub fn checksum_is_valid(src: IpAddr, dst: IpAddr, bytes: &[u8]) -> bool {
    checksum::verify(src, dst, IpProtocol::ICMPV6, bytes)
}

#[cfg(test)]
mod tests;
