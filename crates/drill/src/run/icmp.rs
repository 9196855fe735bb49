//! ICMP messages from the script's end (RFC 792, RFC 4443), with the packet that they quote.

use super::Stop;
use super::wire;
use crate::script::{Icmp, Pos, Quoted};
use crate::target::Network;
use limpid_wire::checksum::Checksum;
use limpid_wire::ip::{IpHeader, IpProtocol, MAX_EMITTED_HEADER_LEN};

/// Numbers and names of a version's messages, and of their codes.
type Kinds = &'static [(u8, &'static str, &'static [(u8, &'static str)])];

const V4: Kinds = &[
    (0, "echo_reply", &[]),
    (
        3,
        "unreachable",
        &[
            (0, "net_unreachable"),
            (1, "host_unreachable"),
            (2, "protocol_unreachable"),
            (3, "port_unreachable"),
            (FRAG_NEEDED, "frag_needed"),
            (5, "source_route_failed"),
            (6, "net_unknown"),
            (7, "host_unknown"),
            (8, "source_host_isolated"),
            (9, "net_prohibited"),
            (10, "host_prohibited"),
            (11, "net_unreachable_for_tos"),
            (12, "host_unreachable_for_tos"),
            (13, "packet_filtered"),
            (14, "precedence_violation"),
            (15, "precedence_cutoff"),
        ],
    ),
    (4, "source_quench", &[]),
    (5, "redirect", &[]),
    (8, "echo_request", &[]),
    (11, "time_exceeded", &[(0, "exceeded_hop_limit"), (1, "exceeded_frag_time")]),
    (12, "parameter_problem", &[]),
    (13, "timestamp_request", &[]),
    (14, "timestamp_reply", &[]),
    (15, "information_request", &[]),
    (16, "information_reply", &[]),
    (17, "address_mask_request", &[]),
    (18, "address_mask_reply", &[]),
];

const V6: Kinds = &[
    (
        1,
        "unreachable",
        &[
            (0, "net_unreachable"),
            (0, "no_route"),
            (1, "admin_prohibited"),
            (2, "not_neighbour"),
            (3, "address_unreachable"),
            (4, "port_unreachable"),
        ],
    ),
    (PACKET_TOO_BIG, "packet_too_big", &[]),
    (3, "time_exceeded", &[(0, "exceeded_hop_limit"), (1, "exceeded_frag_time")]),
    (4, "parameter_problem", &[(0, "header_field"), (1, "unknown_next_header"), (2, "unknown_option")]),
    (128, "echo_request", &[]),
    (129, "echo_reply", &[]),
];

const UNREACHABLE_V4: u8 = 3;
const FRAG_NEEDED: u8 = 4;
const PACKET_TOO_BIG: u8 = 2;

/// Length of the header that every message starts with, bytes.
const HEADER_LEN: usize = 8;

/// What is quoted of a TCP header: ports and sequence number (RFC 792), bytes.
const QUOTED_TRANSPORT_LEN: usize = 8;

/// Type and code by their names in the script.
pub(crate) fn kind_and_code(icmp: &Icmp, v4: bool, at: Pos) -> Result<(u8, u8), Stop> {
    let numbered = |text: &str, prefix: &str| text.strip_prefix(prefix)?.parse::<u8>().ok();
    let kinds = if v4 { V4 } else { V6 };
    let known = kinds.iter().find(|(_, name, _)| *name == icmp.kind);
    let kind = known.map(|(number, ..)| *number).or_else(|| numbered(&icmp.kind, "type_"));
    let kind = kind.ok_or_else(|| Stop::unsupported(at, format!("bad ICMP type {}", icmp.kind)))?;
    let Some(code) = &icmp.code else { return Ok((kind, 0)) };
    let named = known.and_then(|(.., codes)| codes.iter().find(|(_, name)| name == code));
    let number = named.map(|(number, _)| *number).or_else(|| numbered(code, "code_"));
    let number = number.ok_or_else(|| Stop::unsupported(at, format!("bad ICMP code {code}")))?;
    Ok((kind, number))
}

/// The quoted segment's end on the wire: ports (ours, the peer's) and sequence number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuotedSegment {
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
}

/// A message from the script's end, as a packet.
pub(crate) fn build(icmp: &Icmp, quoted: QuotedSegment, network: &Network, at: Pos) -> Result<Vec<u8>, Stop> {
    let v4 = network.local.is_v4();
    let (kind, code) = kind_and_code(icmp, v4, at)?;
    let mut message = vec![kind, code, 0, 0];
    message.extend(second_word(icmp, (kind, code), v4, at)?);
    match icmp.quoted {
        None => {}
        Some(Quoted::Tcp { len, .. }) => message.extend(quote(IpProtocol::TCP, quoted, len as usize, network)),
        Some(Quoted::Udp(len)) => message.extend(quote(IpProtocol::UDP, quoted, len.into(), network)),
        Some(Quoted::Raw(len)) => message.resize(HEADER_LEN.max(len.into()), 0),
    }
    let (protocol, mut sum) = if v4 {
        (IpProtocol::ICMP, Checksum::default())
    } else {
        let sum = Checksum::pseudo_header(network.remote, network.local, IpProtocol::ICMPV6, message.len());
        (IpProtocol::ICMPV6, sum)
    };
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    wire::packet(&icmp.ip, protocol, &message, network).map_err(|why| Stop::invalid(at, why))
}

/// The second half of the header: an MTU, an echo's identifier, or nothing.
fn second_word(icmp: &Icmp, (kind, code): (u8, u8), v4: bool, at: Pos) -> Result<[u8; 4], Stop> {
    match (icmp.mtu, icmp.echo_id) {
        (None, None) => Ok([0; 4]),
        (None, Some(id)) => {
            let [a, b] = id.to_be_bytes();
            Ok([a, b, 0, 0])
        }
        (Some(mtu), _) if v4 && (kind, code) == (UNREACHABLE_V4, FRAG_NEEDED) => {
            let mtu = u16::try_from(mtu).map_err(|_| Stop::invalid(at, "ICMPv4 MTU out of 16-bit range"))?;
            let [a, b] = mtu.to_be_bytes();
            Ok([0, 0, a, b])
        }
        (Some(mtu), _) if !v4 && (kind, code) == (PACKET_TOO_BIG, 0) => Ok(mtu.to_be_bytes()),
        (Some(_), _) if v4 => Err(Stop::invalid(at, "ICMPv4 MTU is only valid for unreachable-frag_needed")),
        (Some(_), _) => Err(Stop::invalid(at, "ICMPv6 MTU is only valid for packet_too_big-0")),
    }
}

/// The beginning of a packet of ours.
fn quote(protocol: IpProtocol, segment: QuotedSegment, payload_len: usize, network: &Network) -> Vec<u8> {
    let header = IpHeader::new(network.local, network.remote, protocol);
    let (transport_len, second_word) = if protocol == IpProtocol::TCP {
        (20 + payload_len, segment.seq.to_be_bytes())
    } else {
        let len = (8 + payload_len) as u16;
        let [a, b] = len.to_be_bytes();
        (8 + payload_len, [a, b, 0, 0])
    };
    let mut bytes = vec![0; MAX_EMITTED_HEADER_LEN];
    let header_len = header.emit(transport_len, &mut bytes);
    bytes.truncate(header_len);
    bytes.extend(segment.ports.0.to_be_bytes());
    bytes.extend(segment.ports.1.to_be_bytes());
    bytes.extend(second_word);
    bytes.resize(header_len + QUOTED_TRANSPORT_LEN + payload_len, 0);
    bytes
}

#[cfg(test)]
mod tests;
