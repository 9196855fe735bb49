//! What one packet says, as far as its bytes reach: a capture may have cut it short, and nobody vouches for its checksums.

use limpid_wire::ip::IpProtocol;
use limpid_wire::ipv4::Ipv4Header;
use limpid_wire::ipv6::{self, Ipv6Header, walk_extensions};
use limpid_wire::tcp::TcpHeader;
use limpid_wire::tcp::header::MIN_HEADER_LEN;
use limpid_wire::{Endpoint, IpAddr, SeqNum, TcpFlags, TcpOptions};
use std::ops::Range;

/// A TCP segment with its addresses and ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tcp {
    pub(crate) src: Endpoint,
    pub(crate) dst: Endpoint,
    pub(crate) seq: SeqNum,
    pub(crate) ack: SeqNum,
    pub(crate) flags: TcpFlags,
    pub(crate) window: u16,
    pub(crate) options: TcpOptions,
    /// Payload bytes on the wire; more than `data` holds if the capture cut the packet.
    pub(crate) len: u32,
    /// Where the payload lies in the packet's bytes.
    pub(crate) data: Range<usize>,
}

impl Tcp {
    pub(crate) fn is(&self, flags: TcpFlags) -> bool {
        self.flags.contains(flags)
    }

    /// Sequence space taken (RFC 9293 §3.4).
    pub(crate) fn seq_len(&self) -> u32 {
        self.len.wrapping_add(u32::from(self.is(TcpFlags::SYN))).wrapping_add(u32::from(self.is(TcpFlags::FIN)))
    }

    /// True for a segment that does nothing but acknowledge.
    pub(crate) fn is_pure_ack(&self) -> bool {
        self.len == 0 && self.is(TcpFlags::ACK) && !self.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST)
    }
}

/// What kind of trouble an ICMP error tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    NetUnreachable,
    HostUnreachable,
    PortUnreachable,
    ProtocolUnreachable,
    Prohibited,
    TooBig,
    TimeExceeded,
    Other,
}

impl Trouble {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Trouble::NetUnreachable => "network unreachable",
            Trouble::HostUnreachable => "host unreachable",
            Trouble::PortUnreachable => "port unreachable",
            Trouble::ProtocolUnreachable => "protocol unreachable",
            Trouble::Prohibited => "prohibited",
            Trouble::TooBig => "packet too big",
            Trouble::TimeExceeded => "time exceeded",
            Trouble::Other => "error",
        }
    }

    /// True if the packet could not be delivered at all (RFC 792, RFC 4443 §3.1).
    pub(crate) const fn is_unreachable(self) -> bool {
        !matches!(self, Trouble::TooBig | Trouble::TimeExceeded | Trouble::Other)
    }
}

/// An ICMP error about a TCP segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct IcmpError {
    /// Who sent the error.
    pub(crate) reporter: IpAddr,
    pub(crate) trouble: Trouble,
    /// Source and destination of the segment quoted.
    pub(crate) about: (Endpoint, Endpoint),
}

/// What a packet is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    Tcp(Tcp),
    Icmp(IcmpError),
    /// Anything else, or too little of it.
    Other,
}

/// An IP header, and where its payload lies.
struct Ip {
    src: IpAddr,
    dst: IpAddr,
    protocol: IpProtocol,
    /// Start of the payload, and its end as stated: it may reach past what was captured.
    payload: Range<usize>,
}

impl Ip {
    fn parse(bytes: &[u8]) -> Option<Ip> {
        match bytes.first()? >> 4 {
            4 => {
                let h = Ipv4Header::parse_header(bytes).ok()?;
                if h.fragment_offset != 0 {
                    return None;
                }
                // Linux leaves the length at 0 in a super-segment too large for the field.
                let end = if h.total_len == 0 { bytes.len() } else { usize::from(h.total_len) };
                let payload = h.header_len()..end;
                Some(Ip { src: h.src.into(), dst: h.dst.into(), protocol: h.protocol, payload })
            }
            6 => {
                let h = Ipv6Header::parse_header(bytes).ok()?;
                let end = match h.payload_len {
                    0 => bytes.len(),
                    len => ipv6::HEADER_LEN + usize::from(len),
                };
                let at = walk_extensions(bytes, &h, end).ok()?;
                let payload = at.offset..end;
                let first = at.fragment.is_none_or(|fragment| fragment.offset == 0);
                first.then(|| Ip { src: v6(h.src), dst: v6(h.dst), protocol: at.protocol, payload })
            }
            _ => None,
        }
    }
}

fn v6(address: core::net::Ipv6Addr) -> IpAddr {
    IpAddr::v6(address.octets())
}

/// The sender and receiver of an IP packet, if there is a header to read.
pub(crate) fn addresses(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    Ip::parse(bytes).map(|ip| (ip.src, ip.dst))
}

/// The time to live, or hop limit, of an IP packet.
pub(crate) fn ttl(bytes: &[u8]) -> Option<u8> {
    let at = if bytes.first()? >> 4 == 4 { 8 } else { 7 };
    bytes.get(at).copied()
}

/// Reads a packet from its IP header on.
pub(crate) fn dissect(bytes: &[u8]) -> Content {
    content(bytes).unwrap_or(Content::Other)
}

fn content(bytes: &[u8]) -> Option<Content> {
    let ip = Ip::parse(bytes)?;
    let rest = bytes.get(ip.payload.start..)?;
    match ip.protocol {
        IpProtocol::TCP => tcp(&ip, rest).map(Content::Tcp),
        IpProtocol::ICMP => icmp(&ip, rest, trouble_v4).map(Content::Icmp),
        IpProtocol::ICMPV6 => icmp(&ip, rest, trouble_v6).map(Content::Icmp),
        _ => None,
    }
}

fn tcp(ip: &Ip, rest: &[u8]) -> Option<Tcp> {
    let header = TcpHeader::parse_fixed(rest).ok()?;
    let header_len = usize::from(header.header_len).max(MIN_HEADER_LEN);
    let options = &rest[MIN_HEADER_LEN..header_len.min(rest.len())];
    let data = ip.payload.start + header_len;
    Some(Tcp {
        src: Endpoint::new(ip.src, header.src_port),
        dst: Endpoint::new(ip.dst, header.dst_port),
        seq: header.seq,
        ack: header.ack,
        flags: header.flags,
        window: header.window,
        options: TcpOptions::parse(options),
        len: u32::try_from(ip.payload.end.saturating_sub(data)).unwrap_or(u32::MAX),
        data: data..ip.payload.end.min(ip.payload.start + rest.len()).max(data),
    })
}

fn icmp(ip: &Ip, rest: &[u8], trouble: fn(u8, u8) -> Option<Trouble>) -> Option<IcmpError> {
    let trouble = trouble(*rest.first()?, *rest.get(1)?)?;
    let quoted = rest.get(8..)?;
    let inner = Ip::parse(quoted)?;
    let ports = quoted.get(inner.payload.start..)?.get(..4)?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    (inner.protocol == IpProtocol::TCP).then(|| IcmpError {
        reporter: ip.src,
        trouble,
        about: (Endpoint::new(inner.src, port(0)), Endpoint::new(inner.dst, port(2))),
    })
}

/// RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1.
fn trouble_v4(kind: u8, code: u8) -> Option<Trouble> {
    Some(match (kind, code) {
        (3, 0 | 6 | 8 | 11) => Trouble::NetUnreachable,
        (3, 1 | 5 | 7 | 12) => Trouble::HostUnreachable,
        (3, 2) => Trouble::ProtocolUnreachable,
        (3, 3) => Trouble::PortUnreachable,
        (3, 4) => Trouble::TooBig,
        (3, 9 | 10 | 13) => Trouble::Prohibited,
        (11, _) => Trouble::TimeExceeded,
        (3 | 4 | 12, _) => Trouble::Other,
        _ => return None,
    })
}

/// RFC 4443 §3.
fn trouble_v6(kind: u8, code: u8) -> Option<Trouble> {
    Some(match (kind, code) {
        (1, 0) => Trouble::NetUnreachable,
        (1, 1 | 5 | 6) => Trouble::Prohibited,
        (1, 3) => Trouble::HostUnreachable,
        (1, 4) => Trouble::PortUnreachable,
        (2, _) => Trouble::TooBig,
        (3, _) => Trouble::TimeExceeded,
        (1 | 4, _) => Trouble::Other,
        _ => return None,
    })
}
