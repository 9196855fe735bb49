//! IPv4 and IPv6 as one: what the stack asks of a packet, whichever version it is.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use arrayvec::ArrayVec;

use crate::ipv4::Ipv4Header;
use crate::ipv6::{self, Ipv6Header};
use crate::{Ecn, IpAddr, ParseError, ipv4};

/// A parsed header, and where its payload lies in the bytes that were parsed.
pub type Parsed<T> = Result<(T, Range<usize>), ParseError>;

/// The longest header that [`IpHeader::emit`] writes, in bytes.
pub const MAX_EMITTED_HEADER_LEN: usize = ipv6::HEADER_LEN;

/// What an IP packet carries: IPv4's protocol, IPv6's next header. The numbers are one registry (IANA).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: IpProtocol = IpProtocol(0);
    /// ICMP for IPv4.
    pub const ICMP: IpProtocol = IpProtocol(1);
    /// TCP.
    pub const TCP: IpProtocol = IpProtocol(6);
    /// UDP.
    pub const UDP: IpProtocol = IpProtocol(17);
    /// IPv6 routing header.
    pub const ROUTING: IpProtocol = IpProtocol(43);
    /// IPv6 fragment header.
    pub const FRAGMENT: IpProtocol = IpProtocol(44);
    /// ICMP for IPv6.
    pub const ICMPV6: IpProtocol = IpProtocol(58);
    /// Nothing follows (RFC 8200 §4.7).
    pub const NO_NEXT_HEADER: IpProtocol = IpProtocol(59);
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: IpProtocol = IpProtocol(60);
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            IpProtocol::ICMP => "ICMP",
            IpProtocol::TCP => "TCP",
            IpProtocol::UDP => "UDP",
            IpProtocol::ICMPV6 => "ICMPv6",
            IpProtocol(n) => return write!(f, "protocol {n}"),
        };
        f.pad(name)
    }
}

impl fmt::Debug for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which part of a packet a fragment is (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fragment {
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Where its payload belongs, in bytes: a multiple of 8.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
}

impl Fragment {
    /// True if this "fragment" is all of its packet (RFC 6946).
    pub fn is_whole(&self) -> bool {
        self.offset == 0 && !self.more
    }
}

/// An IP packet of either version, checked, its payload still in place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IpPacket {
    /// The sender.
    pub src: IpAddr,
    /// The receiver.
    pub dst: IpAddr,
    /// What the payload is; for IPv6, after the extension headers.
    pub protocol: IpProtocol,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The ECN bits.
    pub ecn: Ecn,
    /// Differentiated services code point: 6 bits.
    pub dscp: u8,
    /// IPv6's flow label; 0 for IPv4.
    pub flow_label: u32,
    /// DF; always true for IPv6, where routers never fragment.
    pub dont_fragment: bool,
    /// An IPv4 source-route option is there: hosts drop such packets (RFC 7126 §4.3).
    pub source_route: bool,
    /// The part this is, if it is not a whole packet.
    pub fragment: Option<Fragment>,
    /// Offset of the field that named `protocol`, for ICMP parameter problems.
    pub protocol_at: usize,
    /// Where the payload lies in the bytes that were parsed.
    pub payload: Range<usize>,
}

impl IpPacket {
    /// Parses the packet that starts `bytes`; what follows its stated length is link padding. The checksum of an IPv4
    /// header is not looked at: see [`ipv4::checksum_is_valid`].
    ///
    /// # Errors
    /// As [`Ipv4Header::parse`], [`Ipv6Header::parse`] and [`ipv6::walk_extensions`]; if the version is neither; if an
    /// IPv6 address is v4-mapped, which never may stand on the wire.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<IpPacket, ParseError> {
        IpPacket::parse_head(bytes, bytes.len())
    }

    /// The same of a packet whose end lies elsewhere: `head` is its first bytes, with all headers, and `len` counts the
    /// bytes that are there in all. [`payload`](Self::payload) then may reach past the end of `head`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); a header that is not whole in `head` is [`ParseError::Truncated`].
    #[inline]
    pub fn parse_head(head: &[u8], len: usize) -> Result<IpPacket, ParseError> {
        match head.first().map(|b| b >> 4) {
            None => Err(ParseError::Truncated { what: "IP", need: 1, have: 0 }),
            Some(4) => IpPacket::parse_v4(head, len),
            Some(6) => IpPacket::parse_v6(head, len),
            Some(other) => Err(ParseError::BadField { what: "IP", field: "version", value: u32::from(other) }),
        }
    }

    #[inline]
    fn parse_v4(head: &[u8], len: usize) -> Result<IpPacket, ParseError> {
        let (h, payload) = Ipv4Header::parse_head(head, len)?;
        Ok(IpPacket {
            src: h.src.into(),
            dst: h.dst.into(),
            protocol: h.protocol,
            ttl: h.ttl,
            ecn: h.ecn,
            dscp: h.dscp,
            flow_label: 0,
            dont_fragment: h.dont_fragment,
            source_route: h.has_source_route(),
            fragment: h.fragment(),
            protocol_at: 9,
            payload,
        })
    }

    fn parse_v6(head: &[u8], len: usize) -> Result<IpPacket, ParseError> {
        let (h, payload) = Ipv6Header::parse_head(head, len)?;
        let (src, dst) = (IpAddr::from(h.src), IpAddr::from(h.dst));
        for (addr, field) in [(src, "source"), (dst, "destination")] {
            if addr.is_v4() {
                return Err(ParseError::MappedAddress { field });
            }
        }
        let extensions = ipv6::walk_extensions(head, &h, payload.end)?;
        Ok(IpPacket {
            src,
            dst,
            protocol: extensions.protocol,
            ttl: h.hop_limit,
            ecn: h.ecn,
            dscp: h.dscp,
            flow_label: h.flow_label,
            dont_fragment: true,
            source_route: false,
            fragment: extensions.fragment,
            protocol_at: extensions.protocol_at,
            payload: extensions.offset..payload.end,
        })
    }
}

/// What goes into the header of a packet to send; the addresses decide the version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpHeader {
    /// The sender.
    pub src: IpAddr,
    /// The receiver: of the same version.
    pub dst: IpAddr,
    /// What the payload is.
    pub protocol: IpProtocol,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The ECN bits.
    pub ecn: Ecn,
    /// Differentiated services code point: 6 bits.
    pub dscp: u8,
    /// IPv4's identification; unused for IPv6.
    pub id: u16,
    /// IPv4's DF; unused for IPv6.
    pub dont_fragment: bool,
    /// IPv6's flow label; unused for IPv4.
    pub flow_label: u32,
}

impl IpHeader {
    /// A header with TTL 64, DF, and the rest zero.
    #[inline]
    pub fn new(src: IpAddr, dst: IpAddr, protocol: IpProtocol) -> IpHeader {
        IpHeader { src, dst, protocol, ttl: 64, ecn: Ecn::NotEct, dscp: 0, id: 0, dont_fragment: true, flow_label: 0 }
    }

    /// Length of the header: 20 or 40 bytes.
    pub fn header_len(&self) -> usize {
        if self.is_v4() { ipv4::MIN_HEADER_LEN } else { ipv6::HEADER_LEN }
    }

    fn is_v4(&self) -> bool {
        self.src.is_v4() && self.dst.is_v4()
    }

    /// Writes the header of a packet with `payload_len` bytes of payload to the start of `out`, and returns its length.
    /// A super-segment's length that the field can't hold is written as 0; the device cuts it up and knows better.
    ///
    /// # Panics
    /// If `out` is shorter than [`header_len`](Self::header_len).
    #[inline]
    pub fn emit(&self, payload_len: usize, out: &mut [u8]) -> usize {
        match (self.src.as_v4(), self.dst.as_v4()) {
            (Some(src), Some(dst)) => {
                let total_len = u16::try_from(ipv4::MIN_HEADER_LEN + payload_len).unwrap_or(0);
                let header = Ipv4Header {
                    dscp: self.dscp,
                    ecn: self.ecn,
                    total_len,
                    id: self.id,
                    dont_fragment: self.dont_fragment,
                    more_fragments: false,
                    fragment_offset: 0,
                    ttl: self.ttl,
                    protocol: self.protocol,
                    checksum: 0,
                    src: Ipv4Addr::from(src),
                    dst: Ipv4Addr::from(dst),
                    options: ArrayVec::new(),
                };
                header.emit(out)
            }
            _ => {
                debug_assert!(!self.src.is_v4() && !self.dst.is_v4(), "addresses of two versions");
                let header = Ipv6Header {
                    dscp: self.dscp,
                    ecn: self.ecn,
                    flow_label: self.flow_label,
                    payload_len: u16::try_from(payload_len).unwrap_or(0),
                    next_header: self.protocol,
                    hop_limit: self.ttl,
                    src: Ipv6Addr::from(self.src.octets()),
                    dst: Ipv6Addr::from(self.dst.octets()),
                };
                header.emit(out)
            }
        }
    }
}

#[cfg(test)]
mod tests;
