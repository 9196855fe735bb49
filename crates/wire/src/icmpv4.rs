//! ICMP for IPv4 (RFC 792; unreachable codes: RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1; next-hop MTU: RFC 1191 §4;
//! length attribute: RFC 4884 §4).

use core::net::Ipv4Addr;

use crate::bytes::{array, be16, fixed, put16};
use crate::checksum::Checksum;
use crate::ip::Parsed;
use crate::quote::quote_range;

/// Length of the header that every message starts with, in bytes.
pub const HEADER_LEN: usize = 8;
/// How long a whole error packet may get, IP header included: the quote is cut to that (RFC 1812 §4.3.2.3).
pub const MAX_ERROR_LEN: usize = 576;

/// Why a destination can't be reached: the code of a destination unreachable message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the RFCs'")]
pub enum Unreachable {
    Net,
    Host,
    Protocol,
    Port,
    /// The packet is too big for the next link and has DF set.
    FragmentationNeeded {
        /// What fits, in bytes; 0 from a router older than RFC 1191.
        mtu: u16,
    },
    SourceRouteFailed,
    NetUnknown,
    HostUnknown,
    SourceHostIsolated,
    NetProhibited,
    HostProhibited,
    NetForTos,
    HostForTos,
    CommunicationProhibited,
    HostPrecedenceViolation,
    PrecedenceCutoff,
    /// A code that no RFC has given a meaning.
    Other(u8),
}

impl Unreachable {
    fn new(code: u8, mtu: u16) -> Unreachable {
        match code {
            0 => Unreachable::Net,
            1 => Unreachable::Host,
            2 => Unreachable::Protocol,
            3 => Unreachable::Port,
            4 => Unreachable::FragmentationNeeded { mtu },
            5 => Unreachable::SourceRouteFailed,
            6 => Unreachable::NetUnknown,
            7 => Unreachable::HostUnknown,
            8 => Unreachable::SourceHostIsolated,
            9 => Unreachable::NetProhibited,
            10 => Unreachable::HostProhibited,
            11 => Unreachable::NetForTos,
            12 => Unreachable::HostForTos,
            13 => Unreachable::CommunicationProhibited,
            14 => Unreachable::HostPrecedenceViolation,
            15 => Unreachable::PrecedenceCutoff,
            other => Unreachable::Other(other),
        }
    }

    /// The code on the wire.
    pub fn code(self) -> u8 {
        match self {
            Unreachable::Net => 0,
            Unreachable::Host => 1,
            Unreachable::Protocol => 2,
            Unreachable::Port => 3,
            Unreachable::FragmentationNeeded { .. } => 4,
            Unreachable::SourceRouteFailed => 5,
            Unreachable::NetUnknown => 6,
            Unreachable::HostUnknown => 7,
            Unreachable::SourceHostIsolated => 8,
            Unreachable::NetProhibited => 9,
            Unreachable::HostProhibited => 10,
            Unreachable::NetForTos => 11,
            Unreachable::HostForTos => 12,
            Unreachable::CommunicationProhibited => 13,
            Unreachable::HostPrecedenceViolation => 14,
            Unreachable::PrecedenceCutoff => 15,
            Unreachable::Other(code) => code,
        }
    }
}

/// An ICMPv4 message, without what follows its header: an echo's data, an error's quote (see
/// [`QuotedPacket`](crate::quote::QuotedPacket)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Icmpv4Message {
    /// Answer to an echo request.
    EchoReply {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// The quoted packet could not be delivered.
    Unreachable(Unreachable),
    /// Slow down: obsolete, and to be ignored (RFC 6633).
    SourceQuench,
    /// A better first hop is known.
    Redirect {
        /// For what: 0 network, 1 host, 2 and 3 the same for a type of service.
        code: u8,
        /// The better first hop.
        gateway: Ipv4Addr,
    },
    /// Please answer.
    EchoRequest {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// The quoted packet died of age.
    TimeExceeded {
        /// In reassembly, not on the way.
        in_reassembly: bool,
    },
    /// The quoted packet's header is bad.
    ParameterProblem {
        /// 0: the pointer says where; 1: an option is missing; 2: bad length.
        code: u8,
        /// Offset of the bad byte in the quote.
        pointer: u8,
    },
    /// Anything else, undecoded.
    Other {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
        /// The second half of the header.
        rest: [u8; 4],
    },
}

impl Icmpv4Message {
    /// Parses a message that takes all of `bytes`: its header, and where the rest (an echo's data, an error's quote)
    /// lies. The checksum is not looked at: see [`checksum_is_valid`].
    ///
    /// # Errors
    /// If there are fewer than 8 bytes.
    pub fn parse(bytes: &[u8]) -> Parsed<Icmpv4Message> {
        let h: &[u8; HEADER_LEN] = fixed(bytes, "ICMP")?;
        let quote = quote_range(usize::from(h[5]) * 4, bytes.len());
        let whole = HEADER_LEN..bytes.len();
        let (code, id, seq) = (h[1], be16(h, 4), be16(h, 6));
        Ok(match (h[0], code) {
            (0, 0) => (Icmpv4Message::EchoReply { id, seq }, whole),
            (3, code) => (Icmpv4Message::Unreachable(Unreachable::new(code, seq)), quote),
            (4, 0) => (Icmpv4Message::SourceQuench, whole),
            (5, code) => (Icmpv4Message::Redirect { code, gateway: Ipv4Addr::from(array::<4>(h, 4)) }, whole),
            (8, 0) => (Icmpv4Message::EchoRequest { id, seq }, whole),
            (11, 0 | 1) => (Icmpv4Message::TimeExceeded { in_reassembly: code == 1 }, quote),
            (12, code) => (Icmpv4Message::ParameterProblem { code, pointer: h[4] }, quote),
            (kind, code) => (Icmpv4Message::Other { kind, code, rest: array(h, 4) }, whole),
        })
    }

    /// True for an error, which quotes a packet and must never be answered with another error (RFC 1122 §3.2.2).
    pub fn is_error(&self) -> bool {
        match self {
            Icmpv4Message::Unreachable(_)
            | Icmpv4Message::SourceQuench
            | Icmpv4Message::Redirect { .. }
            | Icmpv4Message::TimeExceeded { .. }
            | Icmpv4Message::ParameterProblem { .. } => true,
            Icmpv4Message::EchoReply { .. } | Icmpv4Message::EchoRequest { .. } | Icmpv4Message::Other { .. } => false,
        }
    }

    /// Writes the message with `body` (an echo's data, an error's quote) and its checksum to the start of `out`, and
    /// returns its length.
    ///
    /// # Panics
    /// If `out` is shorter than [`HEADER_LEN`] and `body`.
    pub fn emit(&self, body: &[u8], out: &mut [u8]) -> usize {
        let (kind, code, rest) = self.fields();
        let out = &mut out[..HEADER_LEN + body.len()];
        out[..4].copy_from_slice(&[kind, code, 0, 0]);
        out[4..8].copy_from_slice(&rest);
        out[8..].copy_from_slice(body);
        let checksum = Checksum::of(out).finish();
        put16(out, 2, checksum);
        out.len()
    }

    /// Type, code and the second half of the header.
    fn fields(&self) -> (u8, u8, [u8; 4]) {
        let echo = |id: u16, seq: u16| {
            let ([a, b], [c, d]) = (id.to_be_bytes(), seq.to_be_bytes());
            [a, b, c, d]
        };
        match *self {
            Icmpv4Message::EchoReply { id, seq } => (0, 0, echo(id, seq)),
            Icmpv4Message::Unreachable(why @ Unreachable::FragmentationNeeded { mtu }) => (3, why.code(), echo(0, mtu)),
            Icmpv4Message::Unreachable(why) => (3, why.code(), [0; 4]),
            Icmpv4Message::SourceQuench => (4, 0, [0; 4]),
            Icmpv4Message::Redirect { code, gateway } => (5, code, gateway.octets()),
            Icmpv4Message::EchoRequest { id, seq } => (8, 0, echo(id, seq)),
            Icmpv4Message::TimeExceeded { in_reassembly } => (11, u8::from(in_reassembly), [0; 4]),
            Icmpv4Message::ParameterProblem { code, pointer } => (12, code, [pointer, 0, 0, 0]),
            Icmpv4Message::Other { kind, code, rest } => (kind, code, rest),
        }
    }
}

/// True if the checksum of the message that takes all of `bytes` is right.
pub fn checksum_is_valid(bytes: &[u8]) -> bool {
    Checksum::of(bytes).is_valid()
}

#[cfg(test)]
mod tests;
