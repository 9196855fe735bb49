//! Ethernet II frames (RFC 894, RFC 2464 §3) and the VLAN tags in them (IEEE 802.1Q §9).

use core::fmt;

use crate::bytes::{array, at_least, be16, put16};
use crate::ip::Parsed;
use crate::{MacAddr, ParseError};

/// Length of the header without a VLAN tag, in bytes.
pub const HEADER_LEN: usize = 14;
/// Length of a VLAN tag, in bytes.
pub const VLAN_TAG_LEN: usize = 4;
/// The most VLAN tags that are stepped over: a service tag and a customer tag.
pub const MAX_VLAN_TAGS: usize = 2;

const WHAT: &str = "Ethernet";

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: EtherType = EtherType(0x0800);
    /// ARP.
    pub const ARP: EtherType = EtherType(0x0806);
    /// A customer VLAN tag (802.1Q).
    pub const VLAN: EtherType = EtherType(0x8100);
    /// IPv6.
    pub const IPV6: EtherType = EtherType(0x86dd);
    /// A service VLAN tag (802.1ad).
    pub const SERVICE_VLAN: EtherType = EtherType(0x88a8);
    /// What tcpdump's filter language means by `vlan`: the two tags and a number from before 802.1ad.
    pub const FILTER_TAGS: [EtherType; 3] = [EtherType::VLAN, EtherType::SERVICE_VLAN, EtherType(0x9100)];

    /// True of VLAN tags and of the two numbers that stood for service tags before 802.1ad: what who reads a capture steps over.
    pub const fn is_tag(self) -> bool {
        matches!(self.0, 0x8100 | 0x88a8 | 0x9100 | 0x9200)
    }

    fn is_vlan(self) -> bool {
        self == EtherType::VLAN || self == EtherType::SERVICE_VLAN
    }
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// The control information of a VLAN tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct VlanTag(pub u16);

impl VlanTag {
    /// The VLAN: 0 (none, priority only) to 4095.
    pub fn id(self) -> u16 {
        self.0 & 0xfff
    }

    /// Priority: 0 to 7.
    pub fn priority(self) -> u8 {
        (self.0 >> 13) as u8
    }
}

/// An Ethernet II header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EthernetHeader {
    /// The receiver.
    pub dst: MacAddr,
    /// The sender.
    pub src: MacAddr,
    /// The outermost VLAN tag; a second one is stepped over.
    pub vlan: Option<VlanTag>,
    /// What the payload is.
    pub ether_type: EtherType,
}

impl EthernetHeader {
    /// Parses a frame: the header, and where the payload (with any padding) lies in `bytes`.
    ///
    /// # Errors
    /// If the header is not all there, if it has more than [`MAX_VLAN_TAGS`], or if it is an 802.3 length instead of a
    /// type.
    pub fn parse(bytes: &[u8]) -> Parsed<EthernetHeader> {
        at_least(bytes, HEADER_LEN, WHAT)?;
        let mut ether_type = EtherType(be16(bytes, 12));
        let mut payload = HEADER_LEN;
        let mut vlan = None;
        while ether_type.is_vlan() {
            if payload == HEADER_LEN + MAX_VLAN_TAGS * VLAN_TAG_LEN {
                return Err(ParseError::BadField { what: WHAT, field: "number of VLAN tags", value: 3 });
            }
            at_least(bytes, payload + VLAN_TAG_LEN, WHAT)?;
            vlan = vlan.or(Some(VlanTag(be16(bytes, payload))));
            ether_type = EtherType(be16(bytes, payload + 2));
            payload += VLAN_TAG_LEN;
        }
        if ether_type.0 < 0x600 {
            return Err(ParseError::BadField { what: WHAT, field: "type", value: u32::from(ether_type.0) });
        }
        let (dst, src) = (MacAddr(array(bytes, 0)), MacAddr(array(bytes, 6)));
        Ok((EthernetHeader { dst, src, vlan, ether_type }, payload..bytes.len()))
    }

    /// Length of the header: 14 bytes, 18 with a VLAN tag.
    pub fn header_len(&self) -> usize {
        HEADER_LEN + if self.vlan.is_some() { VLAN_TAG_LEN } else { 0 }
    }

    /// Writes the header to the start of `out`, and returns its length.
    ///
    /// # Panics
    /// If `out` is shorter than [`header_len`](Self::header_len).
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let h = &mut out[..self.header_len()];
        h[..6].copy_from_slice(&self.dst.0);
        h[6..12].copy_from_slice(&self.src.0);
        if let Some(tag) = self.vlan {
            put16(h, 12, EtherType::VLAN.0);
            put16(h, 14, tag.0);
        }
        let type_at = h.len() - 2;
        put16(h, type_at, self.ether_type.0);
        h.len()
    }
}

#[cfg(test)]
mod tests;
