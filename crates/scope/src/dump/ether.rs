//! Ethernet II and IEEE 802.3 frames with VLAN tags, and what an EtherType leads to.

use super::bytes::Bytes;
use super::line::{Line, Printed, mac_at, put};
use super::protocols::{
    ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_PPPOE_DISCOVERY, ETHERTYPE_PPPOE_SESSION,
    ETHERTYPE_REVERSE_ARP, ethertype_name, is_mpls,
};
use limpid_wire::MacAddr;
use limpid_wire::ethernet::EtherType;

const HEADER: usize = 14;
/// Smaller values of the type field are 802.3 lengths.
const MAX_802_3_LENGTH: u16 = 1500;

impl Line<'_> {
    /// An Ethernet frame of `length` bytes on the link.
    pub(super) fn ethernet(&mut self, frame: &[u8], length: usize) -> Printed {
        self.protocol = "ether";
        frame.need(HEADER)?;
        if length < HEADER {
            return Err(super::bytes::Cut);
        }
        if self.options.link {
            self.ethernet_addresses(frame)?;
            self.out.push_str(", ");
        }
        let mut tagged = false;
        let mut at = HEADER - 2;
        loop {
            let ethertype = frame.u16(at)?;
            at += 2;
            let (rest, left) = (frame.tail(at), length.saturating_sub(at));
            if EtherType(ethertype).is_tag() {
                self.protocol = "vlan";
                rest.need(4)?;
                if left < 4 {
                    return Err(super::bytes::Cut);
                }
                if self.options.link {
                    self.ethernet_type(ethertype, length, tagged);
                    self.vlan(rest.u16(0)?);
                }
                tagged = true;
                at += 2;
                continue;
            }
            if ethertype <= MAX_802_3_LENGTH {
                return self.ieee_802_3(frame, ethertype, at, length, tagged);
            }
            if self.options.link {
                self.ethernet_type(ethertype, length, tagged);
            }
            if self.ethertype(ethertype, rest, left)? {
                return Ok(());
            }
            if !self.options.link {
                self.ethernet_addresses(frame)?;
                self.out.push_str(", ");
                self.ethernet_type(ethertype, length, false);
            }
            self.payload(rest);
            return Ok(());
        }
    }

    fn ethernet_addresses(&mut self, frame: &[u8]) -> Printed {
        self.mac(mac_at(frame, 6)?);
        self.out.push_str(" > ");
        self.mac(mac_at(frame, 0)?);
        Ok(())
    }

    /// The type of a frame with its length, or of what a VLAN tag carries.
    fn ethernet_type(&mut self, ethertype: u16, length: usize, tagged: bool) {
        match (self.options.quiet, ethertype_name(ethertype)) {
            (true, Some(name)) => self.out.push_str(name),
            (true, None) => put!(self, "Unknown Ethertype (0x{ethertype:04x})"),
            (false, name) => put!(self, "ethertype {} (0x{ethertype:04x})", name.unwrap_or("Unknown")),
        }
        if tagged {
            self.out.push_str(", ");
        } else {
            put!(self, ", length {length}: ");
        }
    }

    /// `vlan 100, p 1, DEI, `: a VLAN tag's control information (IEEE 802.1Q).
    pub(super) fn vlan(&mut self, control: u16) {
        put!(self, "vlan {}, p {}", control & 0xfff, control >> 13);
        if control & 0x1000 != 0 {
            self.out.push_str(", DEI");
        }
        self.out.push_str(", ");
    }

    /// A frame whose type field is a length: not decoded further.
    fn ieee_802_3(&mut self, frame: &[u8], payload: u16, at: usize, length: usize, tagged: bool) -> Printed {
        if !self.options.link {
            self.ethernet_addresses(frame)?;
            self.out.push_str(", ");
        }
        self.out.push_str("802.3");
        if !tagged {
            put!(self, ", length {payload}");
        }
        put!(self, ": LLC, length {}", length.saturating_sub(at).min(usize::from(payload)));
        Ok(())
    }

    /// What an EtherType leads to; false if it is not decoded.
    pub(super) fn ethertype(
        &mut self,
        ethertype: u16,
        payload: &[u8],
        length: usize,
    ) -> Result<bool, super::bytes::Cut> {
        match ethertype {
            ETHERTYPE_IPV4 => self.ip4(payload, length)?,
            ETHERTYPE_IPV6 => self.ip6(payload, length)?,
            ETHERTYPE_ARP | ETHERTYPE_REVERSE_ARP => self.arp(payload, length)?,
            ETHERTYPE_PPPOE_DISCOVERY | ETHERTYPE_PPPOE_SESSION => self.pppoe(payload, length)?,
            _ if is_mpls(ethertype) => self.mpls(payload, length)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Who made a network card, by the first half of its address, as far as tcpdump knows.
pub(super) fn maker(address: MacAddr) -> &'static str {
    let [a, b, c, ..] = address.0;
    match u32::from_be_bytes([0, a, b, c]) {
        0x00_0000 => "Ethernet",
        0x00_000c => "Cisco",
        0x00_005e => "IANA",
        0x00_0081 => "Nortel Networks SONMP",
        0x00_00f8 => "Cisco bridged",
        0x00_049f => "Freescale",
        0x00_04ea => "HP-Labs",
        0x00_1018 => "Broadcom",
        0x00_120f => "IEEE 802.3 Private",
        0x00_12bb => "ANSI/TIA",
        0x00_15ad => "Netronome",
        0x00_1b21 => "DCBX",
        0x00_2320 => "Nicira Networks",
        0x00_2481 => "HP",
        0x00_80c2 => "Ethernet bridged",
        0x00_9069 => "Juniper",
        0x00_a03e => "ATM Forum",
        0x00_e004 => "PMC-Sierra",
        0x00_e02f => "DOCSIS Spanning Tree",
        0x08_0007 => "Appletalk",
        0x08_0009 => "Hewlett-Packard",
        0x5c_16c7 => "Big Switch Networks",
        0x74_8771 => "Infoblox Inc",
        0xa4_2305 => "Open Networking Lab",
        0xb0_d2f5 => "Vello Systems",
        0xd0_f0db => "Ericsson",
        _ => "Unknown",
    }
}
