//! The IP packet in a captured frame, for all who look no further down: through VLAN tags, PPPoE sessions, MPLS labels.

use crate::capture::LinkType;
use limpid_wire::ethernet::EtherType;

/// The most tags and labels that are passed over.
const MAX_LAYERS: usize = 8;

const PPPOE_SESSION: u16 = 0x8864;
const MPLS: [u16; 2] = [0x8847, 0x8848];
/// BSD loopback's address families of IPv4 and (BSD/OS and NetBSD, FreeBSD, macOS) IPv6.
const FAMILIES: [u32; 4] = [2, 24, 28, 30];

/// The IP packet in a frame, as far as it is captured and with what may follow it; `None` if there is none.
#[inline]
pub fn ip_packet(link_type: LinkType, frame: &[u8]) -> Option<&[u8]> {
    let packet = match link_type {
        LinkType::ETHERNET if frame.get(12..14) == Some(&[8, 0]) => frame.get(14..),
        LinkType::ETHERNET => by_ethertype(frame, 12, 14),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::IPV4 | LinkType::IPV6 => Some(frame),
        LinkType::LINUX_SLL => by_ethertype(frame, 14, 16),
        LinkType::LINUX_SLL2 => by_ethertype(frame, 0, 20),
        LinkType::NULL | LinkType::LOOP => loopback(frame),
        LinkType::PPP => ppp(frame),
        LinkType::PPP_HDLC if frame.first() == Some(&0xff) => ppp(frame),
        LinkType::PPP_HDLC | LinkType::C_HDLC => by_ethertype(frame, 2, 4),
        LinkType::PPP_ETHER => pppoe(frame),
        _ => None,
    }?;
    matches!(packet.first()? >> 4, 4 | 6).then_some(packet)
}

/// By a type at `at`, of what begins at `payload`.
fn by_ethertype(frame: &[u8], at: usize, payload: usize) -> Option<&[u8]> {
    let mut ethertype = u16::from_be_bytes(*frame.get(at..)?.first_chunk()?);
    let mut rest = frame.get(payload..)?;
    for _ in 0..MAX_LAYERS {
        if ethertype == EtherType::IPV4.0 || ethertype == EtherType::IPV6.0 {
            return Some(rest);
        } else if EtherType(ethertype).is_tag() {
            ethertype = u16::from_be_bytes(*rest.get(2..)?.first_chunk()?);
            rest = rest.get(4..)?;
        } else if ethertype == PPPOE_SESSION {
            return pppoe(rest);
        } else if MPLS.contains(&ethertype) {
            return mpls(rest);
        } else {
            return None;
        }
    }
    None
}

fn loopback(frame: &[u8]) -> Option<&[u8]> {
    let (family, packet) = frame.split_first_chunk()?;
    let family = u32::from_le_bytes(*family);
    // The other byte order shows by its size.
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    FAMILIES.contains(&family).then_some(packet)
}

/// PPP, with or without HDLC's address and control field (or pppd's direction in place of the address).
fn ppp(packet: &[u8]) -> Option<&[u8]> {
    let packet = match packet {
        [0xff | 0 | 1, 3, rest @ ..] => rest,
        _ => packet,
    };
    let (protocol, at) = ppp_protocol(packet)?;
    let rest = packet.get(at..)?;
    match protocol {
        0x0021 | 0x0057 => Some(rest),
        0x0281 | 0x0283 => mpls(rest),
        _ => None,
    }
}

/// PPP's protocol number, of one or two bytes, and how many (RFC 1661 §2).
pub(crate) fn ppp_protocol(packet: &[u8]) -> Option<(u16, usize)> {
    match *packet {
        [odd, ..] if odd & 1 == 1 => Some((odd.into(), 1)),
        [high, low, ..] => Some((u16::from_be_bytes([high, low]), 2)),
        _ => None,
    }
}

/// A PPPoE session's packet (RFC 2516 §4).
fn pppoe(packet: &[u8]) -> Option<&[u8]> {
    match packet {
        [_, 0, _, _, _, _, rest @ ..] => ppp(rest),
        _ => None,
    }
}

/// After the label at the bottom of the stack (RFC 3032 §2.1).
fn mpls(mut packet: &[u8]) -> Option<&[u8]> {
    for _ in 0..MAX_LAYERS {
        let (label, rest) = packet.split_first_chunk::<4>()?;
        if label[2] & 1 == 1 {
            return Some(rest);
        }
        packet = rest;
    }
    None
}

#[cfg(test)]
mod tests;
