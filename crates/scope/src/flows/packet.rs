//! What a packet says, read in place: nothing is copied or allocated. A capture may have cut it short, and nobody vouches
//! for its checksums.

use super::key::FlowKey;
use crate::capture::LinkType;
use crate::frame::ip_packet;
use limpid_wire::TcpFlags;
use limpid_wire::ip::IpProtocol;
use limpid_wire::ipv6::{Ipv6Header, walk_extensions};

const MIN_HEADER_LEN: usize = 20;
const V6_HEADER_LEN: usize = 40;

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(super) key: FlowKey,
    /// The key's higher endpoint sent it.
    pub(super) from_high: bool,
    pub(super) flags: TcpFlags,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    /// Payload bytes on the wire.
    pub(super) len: u32,
    /// The options, as far as they were captured.
    pub(super) options: &'a [u8],
    /// IPv4's identification; `None` for IPv6 and for 0, which Linux sends where it means nothing.
    pub(super) ip_id: Option<u16>,
    pub(super) ttl: u8,
    /// The ECN bits of the IP header.
    pub(super) ecn: u8,
    /// Some of the header was not captured.
    pub(super) cut: bool,
}

impl Segment<'_> {
    /// Nobody's.
    pub(super) const BLANK: Segment<'static> = Segment {
        key: FlowKey::NONE,
        from_high: false,
        flags: TcpFlags::empty(),
        seq: 0,
        ack: 0,
        window: 0,
        len: 0,
        options: &[],
        ip_id: None,
        ttl: 0,
        ecn: 0,
        cut: false,
    };
}

/// An ICMP error that quotes a TCP segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Icmp {
    pub(super) key: FlowKey,
    /// The key's higher endpoint sent the segment that is quoted.
    pub(super) from_high: bool,
    /// Sequence number of the segment quoted.
    pub(super) seq: u32,
    pub(super) v6: bool,
    pub(super) kind: u8,
    pub(super) code: u8,
    /// The link's MTU, where it tells of one; 0 from old routers.
    pub(super) mtu: u32,
}

/// What a packet is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Tcp(Segment<'a>),
    Icmp(Icmp),
}

impl Content<'_> {
    /// The connection that it belongs to, or is about.
    #[inline]
    pub(crate) fn key(&self) -> &FlowKey {
        match self {
            Content::Tcp(tcp) => &tcp.key,
            Content::Icmp(icmp) => &icmp.key,
        }
    }
}

/// Whose packet it is, and for whom.
#[derive(Clone, Copy)]
enum Addresses {
    V4(u32, u32),
    V6(u128, u128),
}

impl Addresses {
    /// The connection's key, and whether the sender is the higher endpoint.
    #[inline(always)]
    fn key(self, src_port: u16, dst_port: u16) -> (FlowKey, bool) {
        match self {
            Addresses::V4(src, dst) => FlowKey::of_v4(src, src_port, dst, dst_port),
            Addresses::V6(src, dst) => FlowKey::of(src, src_port, dst, dst_port),
        }
    }
}

struct Ip {
    addresses: Addresses,
    protocol: IpProtocol,
    /// Where the payload starts, and where it ends as stated: perhaps past what was captured.
    start: usize,
    end: usize,
    ip_id: Option<u16>,
    ttl: u8,
    ecn: u8,
}

#[inline]
fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}

#[inline]
fn be32(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

/// Reads a frame; `None` if it is neither TCP nor an ICMP error about it, or too little of it is there.
#[inline(always)]
pub(crate) fn read(link_type: LinkType, frame: &[u8], original_len: u32) -> Option<Content<'_>> {
    let (bytes, on_wire) = ip_part(link_type, frame, original_len)?;
    let ip = ip_header(bytes, on_wire)?;
    let rest = bytes.get(ip.start..)?;
    match ip.protocol {
        IpProtocol::TCP => tcp(&ip, rest).map(Content::Tcp),
        IpProtocol::ICMP => icmp(rest, false).map(Content::Icmp),
        IpProtocol::ICMPV6 => icmp(rest, true).map(Content::Icmp),
        _ => None,
    }
}

/// The connection that a frame belongs to or is about; `None` where [`read`] has none. It costs half of that.
#[inline]
pub(crate) fn key(link_type: LinkType, frame: &[u8], original_len: u32) -> Option<FlowKey> {
    let (bytes, _) = ip_part(link_type, frame, original_len)?;
    // What nearly all packets are: TCP in IPv4, in one piece.
    if let Some(head) = bytes.first_chunk::<MIN_HEADER_LEN>()
        && head[0] >> 4 == 4
        && IpProtocol(head[9]) == IpProtocol::TCP
    {
        let start = usize::from(head[0] & 0xf) * 4;
        if start < MIN_HEADER_LEN || be16(head, 6) & 0x1fff != 0 {
            return None;
        }
        let tcp = bytes.get(start..)?.first_chunk::<MIN_HEADER_LEN>()?;
        return Some(FlowKey::of_v4(be32(head, 12), be16(tcp, 0), be32(head, 16), be16(tcp, 2)).0);
    }
    read(link_type, frame, original_len).map(|content| *content.key())
}

/// The IP packet of a frame, and how long that was on the wire.
#[inline(always)]
fn ip_part(link_type: LinkType, frame: &[u8], original_len: u32) -> Option<(&[u8], usize)> {
    let bytes = ip_packet(link_type, frame)?;
    let before = frame.len() - bytes.len();
    Some((bytes, (original_len as usize).max(frame.len()) - before))
}

#[inline(always)]
fn ip_header(bytes: &[u8], on_wire: usize) -> Option<Ip> {
    match bytes.first_chunk::<MIN_HEADER_LEN>() {
        Some(head) if head[0] >> 4 == 4 => {
            let start = usize::from(head[0] & 0xf) * 4;
            // Later fragments have no TCP header.
            if start < MIN_HEADER_LEN || be16(head, 6) & 0x1fff != 0 {
                return None;
            }
            // Linux leaves the length at 0 in a super-segment too large for the field.
            let end = match be16(head, 2) {
                0 => on_wire,
                stated => usize::from(stated),
            };
            Some(Ip {
                addresses: Addresses::V4(be32(head, 12), be32(head, 16)),
                protocol: IpProtocol(head[9]),
                start,
                end,
                ip_id: Some(be16(head, 4)).filter(|id| *id != 0),
                ttl: head[8],
                ecn: head[1] & 3,
            })
        }
        Some(head) if head[0] >> 4 == 6 => v6_header(bytes, on_wire),
        _ => None,
    }
}

#[inline(never)]
fn v6_header(bytes: &[u8], on_wire: usize) -> Option<Ip> {
    let address = |at: usize| {
        let octets: Option<[u8; 16]> = bytes.get(at..at + 16)?.try_into().ok();
        octets.map(u128::from_be_bytes)
    };
    let (src, dst) = (address(8)?, address(24)?);
    let end = match be16(bytes, 4) {
        0 => on_wire,
        stated => V6_HEADER_LEN + usize::from(stated),
    };
    let (protocol, start) = match IpProtocol(bytes[6]) {
        IpProtocol::TCP => (IpProtocol::TCP, V6_HEADER_LEN),
        _ => {
            let header = Ipv6Header::parse_header(bytes).ok()?;
            let walked = walk_extensions(bytes, &header, end).ok()?;
            if walked.fragment.is_some_and(|fragment| fragment.offset != 0) {
                return None;
            }
            (walked.protocol, walked.offset)
        }
    };
    let ecn = (bytes[1] >> 4) & 3;
    Some(Ip { addresses: Addresses::V6(src, dst), protocol, start, end, ip_id: None, ttl: bytes[7], ecn })
}

#[inline(always)]
fn tcp<'a>(ip: &Ip, rest: &'a [u8]) -> Option<Segment<'a>> {
    let head = rest.first_chunk::<MIN_HEADER_LEN>()?;
    let header_len = (usize::from(head[12] >> 4) * 4).max(MIN_HEADER_LEN);
    // The packet's end bounds the options, too: what is behind it is padding of the link.
    let known = rest.len().min(ip.end.saturating_sub(ip.start)).max(MIN_HEADER_LEN);
    let (key, from_high) = ip.addresses.key(be16(head, 0), be16(head, 2));
    Some(Segment {
        key,
        from_high,
        flags: TcpFlags::from_bits_truncate(be16(head, 12) & 0x1ff),
        seq: be32(head, 4),
        ack: be32(head, 8),
        window: be16(head, 14),
        len: u32::try_from(ip.end.saturating_sub(ip.start + header_len)).unwrap_or(u32::MAX),
        options: rest.get(MIN_HEADER_LEN..header_len.min(known)).unwrap_or_default(),
        ip_id: ip.ip_id,
        ttl: ip.ttl,
        ecn: ip.ecn,
        cut: header_len > known,
    })
}

#[cold]
fn icmp(rest: &[u8], v6: bool) -> Option<Icmp> {
    let (kind, code) = (*rest.first()?, *rest.get(1)?);
    let is_error = if v6 { (1..=4).contains(&kind) } else { matches!(kind, 3 | 4 | 11 | 12) };
    let quoted = rest.get(8..).filter(|_| is_error)?;
    let inner = ip_header(quoted, quoted.len())?;
    let ports = quoted.get(inner.start..)?.get(..8)?;
    if inner.protocol != IpProtocol::TCP {
        return None;
    }
    let (key, from_high) = inner.addresses.key(be16(ports, 0), be16(ports, 2));
    let mtu = if v6 { be32(rest, 4) } else { u32::from(be16(rest, 6)) };
    Some(Icmp { key, from_high, seq: be32(ports, 4), v6, kind, code, mtu })
}

/// The most blocks that a SACK option has room for (RFC 2018 §3).
pub(super) const MAX_SACKS: usize = 4;

/// The options that matter after the handshake (RFC 7323 §3, RFC 2018 §3).
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Options<'a> {
    /// The timestamp, and the one it echoes.
    pub(super) timestamps: Option<(u32, u32)>,
    /// The blocks of a SACK option.
    blocks: &'a [u8],
}

impl<'a> Options<'a> {
    #[inline]
    pub(super) fn read(bytes: &'a [u8]) -> Options<'a> {
        // What nearly all segments carry: two NOPs and timestamps.
        if let [1, 1, 8, 10, v0, v1, v2, v3, e0, e1, e2, e3] = *bytes {
            let stamps = (u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3]));
            return Options { timestamps: Some(stamps), blocks: &[] };
        }
        Options::read_all(bytes)
    }

    fn read_all(mut bytes: &'a [u8]) -> Options<'a> {
        let mut options = Options::default();
        loop {
            match *bytes {
                [] | [0, ..] => return options,
                [1, ..] => bytes = &bytes[1..],
                [kind, len, ..] if len >= 2 && bytes.len() >= usize::from(len) => {
                    options.take(kind, &bytes[2..usize::from(len)]);
                    bytes = &bytes[usize::from(len)..];
                }
                _ => return options,
            }
        }
    }

    fn take(&mut self, kind: u8, body: &'a [u8]) {
        match kind {
            8 if body.len() == 8 => self.timestamps = Some((be32(body, 0), be32(body, 4))),
            5 => self.blocks = body,
            _ => {}
        }
    }

    /// True if it has SACK blocks.
    #[inline]
    pub(super) fn has_sack(&self) -> bool {
        self.blocks.len() >= 8
    }

    /// SACK blocks, as on the wire: at most [`MAX_SACKS`].
    pub(super) fn sack(&self) -> impl Iterator<Item = (u32, u32)> {
        self.blocks.chunks_exact(8).take(MAX_SACKS).map(|block| (be32(block, 0), be32(block, 4)))
    }
}
