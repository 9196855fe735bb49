//! The IPv4 header and its options (RFC 791 §3.1; DSCP and ECN: RFC 2474 §3, RFC 3168 §5; options: RFC 791, RFC 2113,
//! RFC 7126).

use core::net::Ipv4Addr;

use arrayvec::ArrayVec;

use crate::bytes::{array, at_least, be16, fixed, put16};
use crate::checksum::Checksum;
use crate::ip::{Fragment, IpProtocol, Parsed};
use crate::{Ecn, ParseError};

/// Length of the header without options, in bytes.
pub const MIN_HEADER_LEN: usize = 20;
/// The longest header, options included, in bytes.
pub const MAX_HEADER_LEN: usize = 60;

const WHAT: &str = "IPv4";
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// An IPv4 header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ipv4Header {
    /// Differentiated services code point: 6 bits.
    pub dscp: u8,
    /// The ECN bits.
    pub ecn: Ecn,
    /// Length of header and payload as stated, in bytes.
    pub total_len: u16,
    /// Identification, the same in all fragments of a packet.
    pub id: u16,
    /// DF: routers must not fragment.
    pub dont_fragment: bool,
    /// MF: more fragments follow this one.
    pub more_fragments: bool,
    /// Where this fragment's payload belongs in the packet's, in bytes: a multiple of 8, at most 65,528.
    pub fragment_offset: u16,
    /// Time to live, in hops.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: IpProtocol,
    /// The header checksum as received. [`emit`](Self::emit) computes its own.
    pub checksum: u16,
    /// The sender.
    pub src: Ipv4Addr,
    /// The receiver.
    pub dst: Ipv4Addr,
    /// The options as raw bytes; [`emit`](Self::emit) pads them to a multiple of four.
    pub options: ArrayVec<u8, 40>,
}

impl Ipv4Header {
    /// Parses a packet: the header, and where its payload lies in `bytes`. Bytes after the stated total length (link
    /// padding) are left out. The header checksum is not looked at: see [`checksum_is_valid`].
    ///
    /// # Errors
    /// As [`parse_header`](Self::parse_header); if the total length is below the header's, or more than is there.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Parsed<Ipv4Header> {
        Ipv4Header::parse_head(bytes, bytes.len())
    }

    /// The same of a packet of which `len` bytes are there, the first of them in `head`.
    #[inline]
    pub(crate) fn parse_head(head: &[u8], len: usize) -> Parsed<Ipv4Header> {
        let header = Ipv4Header::parse_header(head)?;
        let total = usize::from(header.total_len);
        if total < header.header_len() {
            return Err(ParseError::BadField { what: WHAT, field: "total length", value: total as u32 });
        }
        if len < total {
            return Err(ParseError::Truncated { what: WHAT, need: total, have: len });
        }
        let payload = header.header_len()..total;
        Ok((header, payload))
    }

    /// Parses the header alone, as it stands in a truncated capture or quoted in an ICMP message: the total length is
    /// not held against what is there.
    ///
    /// # Errors
    /// If the version is not 4, the header length is below 20, or the header is not all there.
    #[inline]
    pub fn parse_header(bytes: &[u8]) -> Result<Ipv4Header, ParseError> {
        let h: &[u8; MIN_HEADER_LEN] = fixed(bytes, WHAT)?;
        if h[0] >> 4 != 4 {
            return Err(ParseError::BadField { what: WHAT, field: "version", value: u32::from(h[0] >> 4) });
        }
        let header_len = usize::from(h[0] & 0xf) * 4;
        if header_len < MIN_HEADER_LEN {
            return Err(ParseError::BadField { what: WHAT, field: "header length", value: header_len as u32 });
        }
        at_least(bytes, header_len, WHAT)?;
        let mut options = ArrayVec::new();
        // At most 15 * 4 - 20 bytes, which is the capacity.
        options.try_extend_from_slice(&bytes[MIN_HEADER_LEN..header_len]).unwrap_or_default();
        let fragment = be16(h, 6);
        Ok(Ipv4Header {
            dscp: h[1] >> 2,
            ecn: Ecn::from_bits(h[1]),
            total_len: be16(h, 2),
            id: be16(h, 4),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            more_fragments: fragment & MORE_FRAGMENTS != 0,
            fragment_offset: (fragment & 0x1fff) * 8,
            ttl: h[8],
            protocol: IpProtocol(h[9]),
            checksum: be16(h, 10),
            src: Ipv4Addr::from(array::<4>(h, 12)),
            dst: Ipv4Addr::from(array::<4>(h, 16)),
            options,
        })
    }

    /// Length of the header with its options, padded, in bytes: 20 to 60.
    #[inline]
    pub fn header_len(&self) -> usize {
        MIN_HEADER_LEN + self.options.len().next_multiple_of(4)
    }

    /// Length of the payload as stated, in bytes; 0 if the total length is too small for the header.
    pub fn payload_len(&self) -> usize {
        usize::from(self.total_len).saturating_sub(self.header_len())
    }

    /// Which part of a packet this is, if it is not a whole one.
    #[inline]
    pub fn fragment(&self) -> Option<Fragment> {
        (self.more_fragments || self.fragment_offset != 0).then(|| Fragment {
            id: u32::from(self.id),
            offset: self.fragment_offset,
            more: self.more_fragments,
        })
    }

    /// The options, one by one.
    pub fn options(&self) -> Ipv4Options<'_> {
        Ipv4Options { rest: &self.options }
    }

    /// True if a source-route option, loose or strict, is there. Hosts drop such packets (RFC 7126 §4.3, §4.4).
    #[inline]
    pub fn has_source_route(&self) -> bool {
        self.options().any(|o| o.is_ok_and(|o| o.kind.is_source_route()))
    }

    /// Writes the header, its checksum computed, to the start of `out`, and returns its length.
    ///
    /// # Panics
    /// If `out` is shorter than [`header_len`](Self::header_len).
    #[inline]
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let len = self.header_len();
        let h = &mut out[..len];
        h[0] = 0x40 | (len / 4) as u8;
        h[1] = self.dscp << 2 | self.ecn.bits();
        put16(h, 2, self.total_len);
        put16(h, 4, self.id);
        let flags =
            if self.dont_fragment { DONT_FRAGMENT } else { 0 } | if self.more_fragments { MORE_FRAGMENTS } else { 0 };
        put16(h, 6, flags | (self.fragment_offset / 8));
        h[8] = self.ttl;
        h[9] = self.protocol.0;
        put16(h, 10, 0);
        h[12..16].copy_from_slice(&self.src.octets());
        h[16..20].copy_from_slice(&self.dst.octets());
        let options_end = MIN_HEADER_LEN + self.options.len();
        h[MIN_HEADER_LEN..options_end].copy_from_slice(&self.options);
        h[options_end..].fill(0);
        let checksum = Checksum::of(h).finish();
        put16(h, 10, checksum);
        len
    }
}

/// True if the checksum of the header at the start of `packet` is right. False if the header is not all there.
#[inline]
pub fn checksum_is_valid(packet: &[u8]) -> bool {
    let header_len = packet.first().map_or(0, |b| usize::from(b & 0xf) * 4);
    packet.get(..header_len.max(MIN_HEADER_LEN)).is_some_and(|h| Checksum::of(h).is_valid())
}

/// An IPv4 option's kind: its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ipv4OptionKind(pub u8);

impl Ipv4OptionKind {
    /// End of the option list.
    pub const END_OF_LIST: Ipv4OptionKind = Ipv4OptionKind(0);
    /// No operation: padding.
    pub const NOP: Ipv4OptionKind = Ipv4OptionKind(1);
    /// Record route.
    pub const RECORD_ROUTE: Ipv4OptionKind = Ipv4OptionKind(7);
    /// Internet timestamp.
    pub const TIMESTAMP: Ipv4OptionKind = Ipv4OptionKind(68);
    /// Security (RFC 1108).
    pub const SECURITY: Ipv4OptionKind = Ipv4OptionKind(130);
    /// Loose source and record route.
    pub const LOOSE_SOURCE_ROUTE: Ipv4OptionKind = Ipv4OptionKind(131);
    /// Stream identifier, obsolete.
    pub const STREAM_ID: Ipv4OptionKind = Ipv4OptionKind(136);
    /// Strict source and record route.
    pub const STRICT_SOURCE_ROUTE: Ipv4OptionKind = Ipv4OptionKind(137);
    /// Router alert (RFC 2113).
    pub const ROUTER_ALERT: Ipv4OptionKind = Ipv4OptionKind(148);

    /// True for the two source-route options.
    pub fn is_source_route(self) -> bool {
        matches!(self, Ipv4OptionKind::LOOSE_SOURCE_ROUTE | Ipv4OptionKind::STRICT_SOURCE_ROUTE)
    }

    /// True if routers copy the option into every fragment (RFC 791 §3.1).
    pub fn is_copied(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// One IPv4 option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ipv4Option<'a> {
    /// What it is.
    pub kind: Ipv4OptionKind,
    /// Its bytes after kind and length; empty for the two options of one byte.
    pub data: &'a [u8],
}

/// The options of a header, one by one, through the end of the list. A malformed one is yielded as an error and ends it.
#[derive(Clone, Debug)]
pub struct Ipv4Options<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Ipv4Options<'a> {
    type Item = Result<Ipv4Option<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, after) = self.rest.split_first()?;
        let kind = Ipv4OptionKind(kind);
        if kind == Ipv4OptionKind::END_OF_LIST || kind == Ipv4OptionKind::NOP {
            self.rest = if kind == Ipv4OptionKind::NOP { after } else { &[] };
            return Some(Ok(Ipv4Option { kind, data: &[] }));
        }
        let len = after.first().map_or(0, |&len| usize::from(len));
        let Some(data) = self.rest.get(2..len) else {
            self.rest = &[];
            return Some(Err(ParseError::Option { what: WHAT, kind: kind.0 }));
        };
        self.rest = &self.rest[len..];
        Some(Ok(Ipv4Option { kind, data }))
    }
}

#[cfg(test)]
mod tests;
