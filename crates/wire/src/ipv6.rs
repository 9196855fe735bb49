//! The IPv6 header (RFC 8200 §3) and the walk along its extension headers (§4): hop-by-hop options, routing,
//! fragment, destination options.

use core::net::Ipv6Addr;

use crate::bytes::{array, at_least, be16, be32, fixed, put16, put32};
use crate::ip::{Fragment, IpProtocol, Parsed};
use crate::{Ecn, ParseError};

/// Length of the fixed header, in bytes.
pub const HEADER_LEN: usize = 40;
/// Length of the fragment header, in bytes.
pub const FRAGMENT_HEADER_LEN: usize = 8;
/// The most extension headers one packet may carry; a packet with more is refused.
pub const MAX_EXTENSION_HEADERS: usize = 8;
/// The most options one hop-by-hop or destination options header may carry, padding not counted (RFC 8504 §5.3).
pub const MAX_EXTENSION_OPTIONS: usize = 8;

const WHAT: &str = "IPv6";

/// An IPv6 header: the fixed part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv6Header {
    /// Differentiated services code point: 6 bits.
    pub dscp: u8,
    /// The ECN bits.
    pub ecn: Ecn,
    /// Flow label: 20 bits.
    pub flow_label: u32,
    /// Length of all that follows the fixed header, as stated, in bytes.
    pub payload_len: u16,
    /// What follows: an extension header or the payload.
    pub next_header: IpProtocol,
    /// Hop limit.
    pub hop_limit: u8,
    /// The sender.
    pub src: Ipv6Addr,
    /// The receiver.
    pub dst: Ipv6Addr,
}

impl Ipv6Header {
    /// Parses a packet: the fixed header, and where what follows it lies in `bytes`, link padding left out.
    ///
    /// # Errors
    /// As [`parse_header`](Self::parse_header), and if fewer bytes are there than the header states. Jumbograms
    /// (RFC 2675) are not supported.
    pub fn parse(bytes: &[u8]) -> Parsed<Ipv6Header> {
        Ipv6Header::parse_head(bytes, bytes.len())
    }

    /// The same of a packet of which `len` bytes are there, the first of them in `head`.
    pub(crate) fn parse_head(head: &[u8], len: usize) -> Parsed<Ipv6Header> {
        let header = Ipv6Header::parse_header(head)?;
        let end = HEADER_LEN + usize::from(header.payload_len);
        if len < end {
            return Err(ParseError::Truncated { what: WHAT, need: end, have: len });
        }
        Ok((header, HEADER_LEN..end))
    }

    /// Parses the fixed header alone, as it stands in a truncated capture or quoted in an ICMP message: the payload
    /// length is not held against what is there.
    ///
    /// # Errors
    /// If the version is not 6 or the header is not all there.
    pub fn parse_header(bytes: &[u8]) -> Result<Ipv6Header, ParseError> {
        let h: &[u8; HEADER_LEN] = fixed(bytes, WHAT)?;
        let first = be32(h, 0);
        if first >> 28 != 6 {
            return Err(ParseError::BadField { what: WHAT, field: "version", value: first >> 28 });
        }
        Ok(Ipv6Header {
            dscp: (first >> 22) as u8 & 0x3f,
            ecn: Ecn::from_bits((first >> 20) as u8),
            flow_label: first & 0xf_ffff,
            payload_len: be16(h, 4),
            next_header: IpProtocol(h[6]),
            hop_limit: h[7],
            src: Ipv6Addr::from(array::<16>(h, 8)),
            dst: Ipv6Addr::from(array::<16>(h, 24)),
        })
    }

    /// Writes the header to the start of `out`, and returns its length.
    ///
    /// # Panics
    /// If `out` is shorter than [`HEADER_LEN`].
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let h = &mut out[..HEADER_LEN];
        let class = u32::from(self.dscp << 2 | self.ecn.bits());
        put32(h, 0, 6 << 28 | class << 20 | self.flow_label & 0xf_ffff);
        put16(h, 4, self.payload_len);
        h[6] = self.next_header.0;
        h[7] = self.hop_limit;
        h[8..24].copy_from_slice(&self.src.octets());
        h[24..40].copy_from_slice(&self.dst.octets());
        HEADER_LEN
    }
}

/// A fragment header (RFC 8200 §4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FragmentHeader {
    /// What the reassembled payload starts with.
    pub next_header: IpProtocol,
    /// Which part of which packet this is.
    pub fragment: Fragment,
}

impl FragmentHeader {
    /// Parses the header at the start of `bytes`; the payload is the rest.
    ///
    /// # Errors
    /// If it is not all there.
    pub fn parse(bytes: &[u8]) -> Parsed<FragmentHeader> {
        let h: &[u8; FRAGMENT_HEADER_LEN] = fixed(bytes, "IPv6 fragment header")?;
        let offset = be16(h, 2);
        let fragment = Fragment { id: be32(h, 4), offset: offset & !7, more: offset & 1 != 0 };
        Ok((FragmentHeader { next_header: IpProtocol(h[0]), fragment }, FRAGMENT_HEADER_LEN..bytes.len()))
    }

    /// Writes the header to the start of `out`, and returns its length.
    ///
    /// # Panics
    /// If `out` is shorter than [`FRAGMENT_HEADER_LEN`].
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let h = &mut out[..FRAGMENT_HEADER_LEN];
        h[0] = self.next_header.0;
        h[1] = 0;
        put16(h, 2, self.fragment.offset & !7 | u16::from(self.fragment.more));
        put32(h, 4, self.fragment.id);
        FRAGMENT_HEADER_LEN
    }
}

/// Where the walk along the extension headers ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extensions {
    /// What stands at `offset`: a payload, or a header that limpid does not know.
    pub protocol: IpProtocol,
    /// Offset of the payload from the start of the packet.
    pub offset: usize,
    /// Offset, from the start of the packet, of the field that named `protocol`: what an ICMPv6 "unrecognized next
    /// header" points at (RFC 4443 §3.4).
    pub protocol_at: usize,
    /// The part this is, if the packet has a fragment header and is not whole (an atomic fragment, RFC 6946, is). The
    /// walk then ends behind the fragment header.
    pub fragment: Option<Fragment>,
}

/// Walks along the extension headers of `packet`, which starts with its fixed header `header`, to the payload. `end` is
/// where the packet ends, as [`Ipv6Header::parse`] found it.
///
/// # Errors
/// * [`ParseError::Truncated`]: a header reaches past the end.
/// * [`ParseError::BadField`]: hop-by-hop options not first, a routing header with segments left (none is supported,
///   RFC 5095 §3), or more than [`MAX_EXTENSION_HEADERS`].
/// * [`ParseError::UnknownOption`]: an option that must not be skipped (RFC 8200 §4.2), with the place to point at.
pub fn walk_extensions(packet: &[u8], header: &Ipv6Header, end: usize) -> Result<Extensions, ParseError> {
    let packet = &packet[..end.min(packet.len())];
    let mut at = Extensions { protocol: header.next_header, offset: HEADER_LEN, protocol_at: 6, fragment: None };
    for count in 0.. {
        let (what, is_options) = match at.protocol {
            IpProtocol::HOP_BY_HOP if count > 0 => {
                let value = at.protocol_at as u32;
                return Err(ParseError::BadField { what: WHAT, field: "place of hop-by-hop options", value });
            }
            IpProtocol::HOP_BY_HOP => ("IPv6 hop-by-hop options", true),
            IpProtocol::DESTINATION_OPTIONS => ("IPv6 destination options", true),
            IpProtocol::ROUTING => ("IPv6 routing header", false),
            IpProtocol::FRAGMENT => ("IPv6 fragment header", false),
            _ => return Ok(at),
        };
        if count == MAX_EXTENSION_HEADERS {
            return Err(ParseError::BadField {
                what: WHAT,
                field: "number of extension headers",
                value: count as u32 + 1,
            });
        }
        let rest = packet.get(at.offset..).unwrap_or_default();
        at_least(rest, 8, what)?;
        let len = match at.protocol {
            IpProtocol::FRAGMENT => FRAGMENT_HEADER_LEN,
            _ => (usize::from(rest[1]) + 1) * 8,
        };
        at_least(rest, len, what)?;
        if is_options {
            check_options(&rest[..len], at.offset, what)?;
        } else if at.protocol == IpProtocol::FRAGMENT {
            let (fragment, _) = FragmentHeader::parse(rest)?;
            if !fragment.fragment.is_whole() {
                at.fragment = Some(fragment.fragment);
            }
        } else if rest[3] != 0 {
            return Err(ParseError::BadField { what, field: "segments left", value: u32::from(rest[3]) });
        }
        at = Extensions {
            protocol: IpProtocol(rest[0]),
            protocol_at: at.offset,
            offset: at.offset + len,
            fragment: at.fragment,
        };
        if at.fragment.is_some() {
            return Ok(at);
        }
    }
    Ok(at)
}

/// Checks the options of a hop-by-hop or destination options header (RFC 8200 §4.2). `offset` is the header's place in
/// the packet.
fn check_options(header: &[u8], offset: usize, what: &'static str) -> Result<(), ParseError> {
    const PAD1: u8 = 0;
    const PADN: u8 = 1;
    const ROUTER_ALERT: u8 = 5;
    let mut at = 2;
    let mut count = 0;
    while at < header.len() {
        let kind = header[at];
        if kind == PAD1 {
            at += 1;
            continue;
        }
        let end = header.get(at + 1).map_or(usize::MAX, |&len| at + 2 + usize::from(len));
        if end > header.len() {
            return Err(ParseError::Option { what, kind });
        }
        if kind != PADN {
            count += 1;
            // The two high bits say what a host does that does not know the option: 00 is "skip it".
            if kind != ROUTER_ALERT && kind >> 6 != 0 {
                return Err(ParseError::UnknownOption { what, kind, pointer: (offset + at) as u32 });
            }
        }
        if count > MAX_EXTENSION_OPTIONS {
            return Err(ParseError::BadField { what, field: "number of options", value: count as u32 });
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
