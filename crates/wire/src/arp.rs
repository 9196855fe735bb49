//! ARP for IPv4 over Ethernet (RFC 826).

use core::net::Ipv4Addr;

use crate::bytes::{array, be16, fixed, put16};
use crate::{MacAddr, ParseError};

/// Length of a packet, in bytes.
pub const PACKET_LEN: usize = 28;

const WHAT: &str = "ARP";
const ETHERNET: u16 = 1;
const IPV4: u16 = 0x0800;

/// What an ARP packet is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArpOperation {
    /// Who has the target address?
    Request,
    /// The sender has the sender address.
    Reply,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArpPacket {
    /// Question or answer.
    pub operation: ArpOperation,
    /// The sender's MAC address.
    pub sender_mac: MacAddr,
    /// The sender's address; `0.0.0.0` in a probe (RFC 5227 §2.1).
    pub sender: Ipv4Addr,
    /// The target's MAC address; without meaning in a request.
    pub target_mac: MacAddr,
    /// The target's address.
    pub target: Ipv4Addr,
}

impl ArpPacket {
    /// Parses the packet at the start of `bytes`; what follows is padding.
    ///
    /// # Errors
    /// If it is not all there, not for IPv4 over Ethernet, or neither request nor reply.
    pub fn parse(bytes: &[u8]) -> Result<ArpPacket, ParseError> {
        let p: &[u8; PACKET_LEN] = fixed(bytes, WHAT)?;
        let bad = |field, value: u16| Err(ParseError::BadField { what: WHAT, field, value: u32::from(value) });
        match (be16(p, 0), be16(p, 2), be16(p, 4)) {
            (ETHERNET, IPV4, 0x0604) => {}
            (ETHERNET, IPV4, lengths) => return bad("address lengths", lengths),
            (ETHERNET, protocol, _) => return bad("protocol type", protocol),
            (hardware, _, _) => return bad("hardware type", hardware),
        }
        let operation = match be16(p, 6) {
            1 => ArpOperation::Request,
            2 => ArpOperation::Reply,
            other => return bad("operation", other),
        };
        Ok(ArpPacket {
            operation,
            sender_mac: MacAddr(array(p, 8)),
            sender: Ipv4Addr::from(array::<4>(p, 14)),
            target_mac: MacAddr(array(p, 18)),
            target: Ipv4Addr::from(array::<4>(p, 24)),
        })
    }

    /// Writes the packet to the start of `out`, and returns its length.
    ///
    /// # Panics
    /// If `out` is shorter than [`PACKET_LEN`].
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let p = &mut out[..PACKET_LEN];
        put16(p, 0, ETHERNET);
        put16(p, 2, IPV4);
        put16(p, 4, 0x0604);
        put16(
            p,
            6,
            match self.operation {
                ArpOperation::Request => 1,
                ArpOperation::Reply => 2,
            },
        );
        p[8..14].copy_from_slice(&self.sender_mac.0);
        p[14..18].copy_from_slice(&self.sender.octets());
        p[18..24].copy_from_slice(&self.target_mac.0);
        p[24..28].copy_from_slice(&self.target.octets());
        PACKET_LEN
    }
}

#[cfg(test)]
mod tests;
