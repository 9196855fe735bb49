//! The packet that an ICMP error quotes, as far as it was quoted (RFC 792; RFC 4443 §2.4 (c)): enough to find the
//! connection it belonged to and to judge whether the error can be genuine (RFC 5927 §4.1).

use core::ops::Range;

use crate::bytes::{be16, be32};
use crate::ip::IpProtocol;
use crate::ipv4::Ipv4Header;
use crate::ipv6::{Ipv6Header, walk_extensions};
use crate::{IpAddr, ParseError, SeqNum};

/// What can be read of a quoted packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QuotedPacket {
    /// Its sender: who the error is for.
    pub src: IpAddr,
    /// Its receiver.
    pub dst: IpAddr,
    /// What it carried, as far as that can be told.
    pub protocol: IpProtocol,
    /// Source and destination port, if it was TCP or UDP and the quote reaches that far.
    pub ports: Option<(u16, u16)>,
    /// The sequence number, if it was TCP and the quote reaches that far.
    pub seq: Option<SeqNum>,
    /// Where its payload begins in the quote; at its end, if that can't be told.
    pub transport_at: usize,
}

impl QuotedPacket {
    /// Reads the quote in `bytes`, which usually ends in the middle of the packet.
    ///
    /// # Errors
    /// If not even the IP header is whole and sound, or an IPv6 address is v4-mapped.
    pub fn parse(bytes: &[u8]) -> Result<QuotedPacket, ParseError> {
        if bytes.first().is_some_and(|b| b >> 4 == 6) {
            return QuotedPacket::parse_v6(bytes);
        }
        let h = Ipv4Header::parse_header(bytes)?;
        let transport = if h.fragment_offset == 0 { &bytes[h.header_len()..] } else { &[] };
        Ok(QuotedPacket::new(h.src.into(), h.dst.into(), h.protocol, (bytes, transport)))
    }

    fn parse_v6(bytes: &[u8]) -> Result<QuotedPacket, ParseError> {
        let h = Ipv6Header::parse_header(bytes)?;
        let (src, dst) = (IpAddr::from(h.src), IpAddr::from(h.dst));
        for (addr, field) in [(src, "quoted source"), (dst, "quoted destination")] {
            if addr.is_v4() {
                return Err(ParseError::MappedAddress { field });
            }
        }
        Ok(match walk_extensions(bytes, &h, bytes.len()) {
            Ok(at) if at.fragment.is_none_or(|f| f.offset == 0) => {
                let transport = bytes.get(at.offset..).unwrap_or_default();
                QuotedPacket::new(src, dst, at.protocol, (bytes, transport))
            }
            Ok(at) => QuotedPacket::new(src, dst, at.protocol, (bytes, &[])),
            Err(_) => QuotedPacket::new(src, dst, h.next_header, (bytes, &[])),
        })
    }

    fn new(src: IpAddr, dst: IpAddr, protocol: IpProtocol, (bytes, transport): (&[u8], &[u8])) -> QuotedPacket {
        let is_tcp = protocol == IpProtocol::TCP;
        let has_ports = (is_tcp || protocol == IpProtocol::UDP) && transport.len() >= 4;
        QuotedPacket {
            src,
            dst,
            protocol,
            ports: has_ports.then(|| (be16(transport, 0), be16(transport, 2))),
            seq: (is_tcp && transport.len() >= 8).then(|| SeqNum(be32(transport, 4))),
            transport_at: bytes.len() - transport.len(),
        }
    }
}

/// Where the quote lies in an ICMP error of `len` bytes: after the 8 bytes of header, up to the length attribute of
/// RFC 4884 §4 (`stated`, in bytes) if it has one that fits, else to the end.
pub(crate) fn quote_range(stated: usize, len: usize) -> Range<usize> {
    let end = 8 + stated;
    8..if stated == 0 || end > len { len } else { end }
}

#[cfg(test)]
mod tests;
