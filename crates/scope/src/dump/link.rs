//! What a captured packet begins with: the link layers but Ethernet.

use super::bytes::{Bytes, Cut};
use super::line::{Line, MAX_NESTING, Printed, put};
use super::protocols::ethertype_name;
use crate::capture::{LinkType, MAX_PACKET, PacketRef};
use limpid_wire::MacAddr;
use limpid_wire::ethernet::EtherType;

/// The address families of BSD loopback headers: IPv4's, and IPv6's on BSD/OS and NetBSD, FreeBSD, and macOS.
const AF_INET: u32 = 2;
const AF_INET6: [u32; 3] = [24, 28, 30];

/// The Linux hardware types whose frames have no link-layer address type of their own.
const LINUX_SLL: usize = 16;
const LINUX_SLL2: usize = 20;

impl Line<'_> {
    /// A whole packet, from its link layer on.
    pub(super) fn packet(&mut self, packet: &PacketRef<'_>) {
        let (data, length) = (packet.data, packet.original_len as usize);
        let printed = match packet.link_type {
            LinkType::ETHERNET => self.ethernet(data, length),
            LinkType::NULL => self.null(data, length, false),
            LinkType::LOOP => self.null(data, length, true),
            LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType::RAW_BSD => self.raw(data, length),
            LinkType::LINUX_SLL => self.cooked(data, length),
            LinkType::LINUX_SLL2 => self.cooked2(data, length),
            LinkType::PPP => self.ppp_link(data, length),
            LinkType::PPP_HDLC => self.ppp_hdlc(data, length),
            LinkType::C_HDLC => self.cisco_hdlc(data, length),
            LinkType::PPP_ETHER => self.pppoe(data, length),
            LinkType(other) => {
                put!(self, "[link type {other} is not decoded], length {length}");
                Ok(())
            }
        };
        if let Err(Cut) = printed {
            self.truncated();
        }
        debug_assert!(self.nesting <= MAX_NESTING);
    }

    /// Says what is wrong with a record's header that can't be; then there is no more to print. False if it can be.
    pub(super) fn impossible(&mut self, packet: &PacketRef<'_>) -> bool {
        let (captured, length) = (packet.data.len(), packet.original_len as usize);
        let most = MAX_PACKET as usize;
        if captured > 0 && (captured..=most).contains(&length) {
            return false;
        }
        let mut wrongs = Vec::new();
        if captured == 0 {
            wrongs.push("caplen==0".to_owned());
        }
        if length == 0 {
            wrongs.push("len==0".to_owned());
        } else if length < captured {
            wrongs.push(format!("len({length}) < caplen({captured})"));
        }
        if captured > most {
            wrongs.push(format!("caplen({captured}) > {most}"));
        }
        if length > most {
            wrongs.push(format!("len({length}) > {most}"));
        }
        if !wrongs.is_empty() {
            put!(self, "[Invalid header: {}]", wrongs.join(", "));
        }
        !wrongs.is_empty()
    }

    fn raw(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "raw";
        if self.options.link {
            self.out.push_str("ip: ");
        }
        self.ip_any(packet, length)
    }

    /// BSD loopback: an address family, in the capturing host's byte order or (`network_order`) in network byte order.
    fn null(&mut self, packet: &[u8], length: usize, network_order: bool) -> Printed {
        self.protocol = "null";
        let mut family = packet.u32(0)?;
        // The other byte order shows by its size.
        if family & 0xffff_0000 != 0 || (!network_order && family > 0xffff) {
            family = family.swap_bytes();
        }
        let (rest, left) = (packet.tail(4), length.saturating_sub(4));
        let name = match family {
            AF_INET => Some("IPv4"),
            7 => Some("ISO"),
            16 => Some("AppleTalk"),
            23 => Some("IPX"),
            f if AF_INET6.contains(&f) => Some("IPv6"),
            _ => None,
        };
        let known = family == AF_INET || AF_INET6.contains(&family);
        if self.options.link || !known {
            match (self.options.quiet, name) {
                (true, Some(name)) => self.out.push_str(name),
                (true, None) => put!(self, "Unknown AF {family}"),
                (false, name) => put!(self, "AF {} ({family})", name.unwrap_or("Unknown")),
            }
            put!(self, ", length {length}: ");
        }
        if family == AF_INET {
            self.ip4(rest, left)
        } else if known {
            self.ip6(rest, left)
        } else {
            self.payload(rest);
            Ok(())
        }
    }

    /// Linux cooked capture, version 1.
    fn cooked(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "sll";
        packet.need(LINUX_SLL)?;
        let kind = packet.u16(0)?;
        let address = (packet.u16(4)?, packet.array::<6>(6)?);
        let protocol = packet.u16(14)?;
        if self.options.link {
            self.cooked_header(kind, address, protocol, length);
        }
        let payload = packet.tail(LINUX_SLL);
        let left = length.saturating_sub(LINUX_SLL);
        self.cooked_payload(protocol, payload, left, |line| line.cooked_header(kind, address, protocol, length))
    }

    fn cooked_header(&mut self, kind: u16, address: (u16, [u8; 6]), protocol: u16, length: usize) {
        put!(self, "{:>3} ", packet_kind(kind));
        self.cooked_address(address, protocol, length);
    }

    /// Linux cooked capture, version 2: as from the pseudo device "any".
    fn cooked2(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "sll2";
        packet.need(LINUX_SLL2)?;
        let protocol = packet.u16(0)?;
        let interface = packet.u32(4)?;
        let kind = u16::from(packet.u8(10)?);
        let address = (u16::from(packet.u8(11)?), packet.array::<6>(12)?);
        let name = self.options.names.interface(interface).unwrap_or("?");
        put!(self, "{name:<5} {:<3} ", packet_kind(kind));
        let header = |line: &mut Self| {
            put!(line, "ifindex {interface} ");
            line.cooked_address(address, protocol, length);
        };
        if self.options.link {
            header(self);
        }
        self.cooked_payload(protocol, packet.tail(LINUX_SLL2), length.saturating_sub(LINUX_SLL2), header)
    }

    /// The sender's address if it is a MAC address, and the type.
    fn cooked_address(&mut self, (size, address): (u16, [u8; 6]), protocol: u16, length: usize) {
        if size == 6 {
            self.mac(MacAddr(address));
            self.out.push(' ');
        }
        if self.options.quiet {
            return;
        }
        match protocol {
            1 => self.out.push_str("802.3"),
            4 => self.out.push_str("802.2"),
            _ => put!(self, "ethertype {} (0x{protocol:04x})", ethertype_name(protocol).unwrap_or("Unknown")),
        }
        put!(self, ", length {length}: ");
    }

    /// What a cooked header leads to, VLAN tags too; `header` prints the header where nothing is known of the payload.
    fn cooked_payload(
        &mut self,
        mut protocol: u16,
        mut payload: &[u8],
        mut left: usize,
        header: impl Fn(&mut Self),
    ) -> Printed {
        while EtherType(protocol).is_tag() {
            self.protocol = "vlan";
            payload.need(4)?;
            if self.options.link {
                self.vlan(payload.u16(0)?);
            }
            protocol = payload.u16(2)?;
            if !self.options.quiet {
                put!(self, "ethertype {}, ", ethertype_name(protocol).unwrap_or("Unknown"));
            }
            payload = payload.tail(4);
            left = left.saturating_sub(4);
        }
        if !self.ethertype(protocol, payload, left)? {
            if !self.options.link {
                header(self);
            }
            self.payload(payload);
        }
        Ok(())
    }
}

/// Who a cooked packet was for.
fn packet_kind(kind: u16) -> &'static str {
    match kind {
        0 => "In",
        1 => "B",
        2 => "M",
        3 => "P",
        4 => "Out",
        _ => "?",
    }
}
