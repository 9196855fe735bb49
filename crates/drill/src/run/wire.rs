//! Between packets on the wire and what the script says of them: what is injected is built here, what was sent is read here.

use super::compare::fill_signatures;
use crate::target::{Network, Sent};
use limpid_event::Instant;
use limpid_wire::checksum;
use limpid_wire::ip::{IpHeader, IpPacket, IpProtocol, MAX_EMITTED_HEADER_LEN};
use limpid_wire::notation::{EcnText, IpInfo, OptionsText, SegmentText};
use limpid_wire::tcp::header::{MAX_HEADER_LEN, MIN_HEADER_LEN};
use limpid_wire::tcp::{TcpHeader, put_checksum};
use limpid_wire::{Chunk, Chunks, Ecn, IpAddr, ipv4};

/// TTL and hop limit of what the script sends, if it does not say.
const TTL: u8 = 255;

/// A packet that the target sent, read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    /// From the IP header on.
    pub(crate) bytes: Vec<u8>,
    pub(crate) ip: Ip,
    pub(crate) body: Body,
}

/// What a script can ask of an IP header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ip {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) ttl: u8,
    /// TOS or traffic class.
    pub(crate) tos: u8,
    pub(crate) flow_label: u32,
    /// Of IPv4, with its checksum.
    pub(crate) v4: Option<V4>,
}

/// What only IPv4 has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct V4 {
    pub(crate) header_len: usize,
    pub(crate) checksum_is_valid: bool,
}

/// What an IP packet carries.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Tcp(Tcp),
    /// Type and code.
    Icmp(u8, u8),
    Other,
}

/// A segment.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    /// Ours and the peer's.
    pub(crate) ports: (u16, u16),
    /// Numbers of the wire.
    pub(crate) text: SegmentText,
    /// The urgent pointer, which the text leaves out if it is 0.
    pub(crate) urgent: u16,
    /// The three bits without a meaning.
    pub(crate) reserved: u8,
    /// Header with options, bytes.
    pub(crate) header_len: usize,
    pub(crate) checksum_is_valid: bool,
    /// The payload is all zeros, as what scripts write.
    pub(crate) zeros: bool,
}

impl Seen {
    /// Reads a packet; `None` if it is no IP packet.
    pub(crate) fn read(sent: Sent) -> Option<Seen> {
        let Sent { at, packet: bytes, .. } = sent;
        let packet = IpPacket::parse(&bytes).ok()?;
        let is_v4 = packet.src.is_v4();
        let v4 = is_v4.then(|| {
            let header_len = usize::from(bytes[0] & 0xf) * 4;
            V4 { header_len, checksum_is_valid: ipv4::checksum_is_valid(bytes.get(..header_len).unwrap_or_default()) }
        });
        let ip = Ip {
            src: packet.src,
            dst: packet.dst,
            ttl: packet.ttl,
            tos: packet.dscp << 2 | packet.ecn.bits(),
            flow_label: packet.flow_label,
            v4,
        };
        let payload = &bytes[packet.payload.clone()];
        let body = match packet.protocol {
            _ if packet.fragment.is_some_and(|fragment| !fragment.is_whole()) => Body::Other,
            IpProtocol::TCP => Tcp::read(&packet, payload).map_or(Body::Other, Body::Tcp),
            IpProtocol::ICMP | IpProtocol::ICMPV6 => match payload {
                [kind, code, ..] => Body::Icmp(*kind, *code),
                _ => Body::Other,
            },
            _ => Body::Other,
        };
        Some(Seen { at, ip, body, bytes })
    }
}

impl Seen {
    /// True for what a story about TCP needs. A kernel's own chatter (neighbour discovery, multicast) is none of it.
    pub(crate) fn matters(&self) -> bool {
        /// ICMPv6 types below 128 are errors, 128 and 129 echo (RFC 4443 §2.1).
        const LAST_ECHO: u8 = 129;
        match self.body {
            Body::Tcp(_) => true,
            Body::Icmp(kind, _) => self.ip.v4.is_some() || kind <= LAST_ECHO,
            Body::Other => false,
        }
    }
}

impl Tcp {
    fn read(ip: &IpPacket, bytes: &[u8]) -> Option<Tcp> {
        let (header, data) = TcpHeader::parse(bytes).ok()?;
        let text = SegmentText::from_packet(bytes).ok()?;
        let payload = &bytes[data];
        Some(Tcp {
            ports: (header.src_port, header.dst_port),
            text: SegmentText { ack: Some(header.ack), ..text },
            urgent: header.urgent,
            reserved: bytes[12] & 0x0e,
            header_len: usize::from(header.header_len),
            checksum_is_valid: checksum::verify(ip.src, ip.dst, IpProtocol::TCP, bytes),
            zeros: payload.iter().all(|byte| *byte == 0),
        })
    }
}

/// Why a packet of the script can't be built.
pub(crate) type Unbuildable = String;

/// A segment from the script's end, with the numbers of the wire; ports are the peer's and ours.
pub(crate) fn segment(text: &SegmentText, (src, dst): (u16, u16), network: &Network) -> Result<Vec<u8>, Unbuildable> {
    let options = options(text)?;
    let header_len = MIN_HEADER_LEN + options.len();
    let header = TcpHeader {
        src_port: src,
        dst_port: dst,
        seq: text.seq,
        ack: text.ack.unwrap_or_default(),
        header_len: header_len as u8,
        flags: text.flags,
        window: text.window.unwrap_or_default(),
        checksum: 0,
        urgent: text.urgent.unwrap_or_default(),
    };
    let mut bytes = [0; MAX_HEADER_LEN];
    header.emit(&mut bytes);
    bytes[MIN_HEADER_LEN..header_len].copy_from_slice(&options);
    let mut payload = Chunks::new();
    if text.len > 0 {
        // The list is empty, so there is room.
        let _ = payload.push(Chunk::from_vec(vec![0; text.len as usize]));
    }
    put_checksum(network.remote, network.local, &mut bytes[..header_len], &payload, false);
    let mut transport = bytes[..header_len].to_vec();
    transport.resize(header_len + text.len as usize, 0);
    packet(&text.ip, IpProtocol::TCP, &transport, network)
}

/// The options as they stand in the header.
pub(crate) fn options(text: &SegmentText) -> Result<Vec<u8>, Unbuildable> {
    match &text.options {
        OptionsText::Any => Ok(Vec::new()),
        OptionsText::List(list) => {
            let list = fill_signatures(list, None);
            if list.as_bytes().len().is_multiple_of(4) {
                return Ok(list.as_bytes().to_vec());
            }
            let excess = list.as_bytes().len() % 4;
            Err(format!(
                "TCP options are not padded correctly to ensure TCP header is a multiple of 4 bytes: {excess} excess bytes"
            ))
        }
    }
}

/// An IP packet from the script's end.
pub(crate) fn packet(
    ip: &IpInfo,
    protocol: IpProtocol,
    transport: &[u8],
    network: &Network,
) -> Result<Vec<u8>, Unbuildable> {
    let tos = ip.tos.unwrap_or_default();
    let ecn = match ip.ecn {
        Some(EcnText::Exactly(ecn)) => ecn,
        Some(EcnText::AnyEct) => return Err("ect01 says nothing of an inbound packet".to_owned()),
        None => Ecn::from_bits(tos),
    };
    let header = IpHeader {
        ttl: ip.ttl.unwrap_or(TTL),
        ecn,
        dscp: tos >> 2,
        flow_label: ip.flow_label.unwrap_or_default(),
        ..IpHeader::new(network.remote, network.local, protocol)
    };
    if header.header_len() + transport.len() > usize::from(u16::MAX) {
        return Err("the packet is longer than an IP packet can be".to_owned());
    }
    let mut bytes = vec![0; MAX_EMITTED_HEADER_LEN + transport.len()];
    let header_len = header.emit(transport.len(), &mut bytes);
    bytes[header_len..header_len + transport.len()].copy_from_slice(transport);
    bytes.truncate(header_len + transport.len());
    Ok(bytes)
}
