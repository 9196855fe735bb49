//! A router's answer to a packet that it will not carry on: ICMP destination unreachable (RFC 792, RFC 1812 §5.2.7.1;
//! RFC 4443 §3.1).

use limpid_wire::checksum::Checksum;
use limpid_wire::{IpAddr, IpHeader, IpPacket, IpProtocol};

/// Why a router rejects a packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unreachable {
    /// It knows no way to the network.
    Network,
    /// The host does not answer on its link.
    Host,
    /// A filter forbids the traffic.
    Prohibited,
}

impl Unreachable {
    /// Type and code of ICMPv4.
    const fn v4(self) -> (u8, u8) {
        match self {
            Unreachable::Network => (3, 0),
            Unreachable::Host => (3, 1),
            Unreachable::Prohibited => (3, 13),
        }
    }

    /// Type and code of ICMPv6.
    const fn v6(self) -> (u8, u8) {
        match self {
            Unreachable::Network => (1, 0),
            Unreachable::Host => (1, 3),
            Unreachable::Prohibited => (1, 1),
        }
    }
}

/// Bytes of the rejected packet that an ICMPv4 error quotes at most, so that it stays within 576 (RFC 1812 §4.3.2.3).
const QUOTE_V4: usize = 576 - 20 - 8;
/// The same for ICMPv6, whose errors stay within the minimum MTU (RFC 4443 §3.1).
const QUOTE_V6: usize = 1280 - 40 - 8;

/// The error packet that `router` sends to the source of `rejected`; `None` if that is no IP packet, of another version
/// than the router's address, or itself an ICMP packet.
pub(super) fn icmp_error(kind: Unreachable, router: IpAddr, rejected: &[u8]) -> Option<Vec<u8>> {
    let packet = IpPacket::parse(rejected).ok()?;
    if packet.src.is_v4() != router.is_v4() || matches!(packet.protocol, IpProtocol::ICMP | IpProtocol::ICMPV6) {
        return None;
    }
    let ((kind, code), protocol, most) = if router.is_v4() {
        (kind.v4(), IpProtocol::ICMP, QUOTE_V4)
    } else {
        (kind.v6(), IpProtocol::ICMPV6, QUOTE_V6)
    };
    let quote = &rejected[..rejected.len().min(most)];
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(quote);
    let mut sum = match protocol {
        IpProtocol::ICMPV6 => Checksum::pseudo_header(router, packet.src, protocol, message.len()),
        _ => Checksum::new(),
    };
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    let header = IpHeader::new(router, packet.src, protocol);
    let mut bytes = vec![0; header.header_len()];
    header.emit(message.len(), &mut bytes);
    bytes.extend_from_slice(&message);
    Some(bytes)
}
