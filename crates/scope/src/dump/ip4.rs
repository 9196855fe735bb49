//! IPv4 (RFC 791), and the choice of what an IP header carries.

use super::bytes::{Bytes, Cut, should_be};
use super::line::{Line, MAX_NESTING, Printed, put};
use super::protocols::{printed_name, registered_name};
use super::tcp::Carrier;
use limpid_wire::IpAddr;
use limpid_wire::checksum::Checksum;
use limpid_wire::ip::IpProtocol;

const HEADER: usize = 20;

const PROTO_ICMP: u8 = IpProtocol::ICMP.0;
const PROTO_IPV4: u8 = 4;
const PROTO_TCP: u8 = IpProtocol::TCP.0;
const PROTO_UDP: u8 = IpProtocol::UDP.0;
const PROTO_IPV6: u8 = 41;
const PROTO_ICMPV6: u8 = IpProtocol::ICMPV6.0;
const PROTO_NONE: u8 = IpProtocol::NO_NEXT_HEADER.0;

/// The more-fragments bit of the fragment field; don't-fragment is the one above, the reserved one the highest.
const MORE_FRAGMENTS: u16 = 0x2000;
const FLAGS: [(u32, &str); 3] = [(0x2000, "+"), (0x4000, "DF"), (0x8000, "rsvd")];

impl Line<'_> {
    /// A packet that says its own version, with `IP ` or `IP6 ` before it.
    pub(super) fn ip_any(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "ip";
        match packet.u8(0)? >> 4 {
            4 => self.ip4(packet, length),
            6 => self.ip6(packet, length),
            version => {
                put!(self, "unknown ip {version}");
                Ok(())
            }
        }
    }

    /// `IP ` or `IP6 `; with `-e` the link layer has said so already.
    pub(super) fn ip_name(&mut self, name: &str) {
        if !self.options.link {
            self.out.push_str(name);
            self.out.push(' ');
        }
    }

    /// An IPv4 packet of `length` bytes on the link.
    pub(super) fn ip4(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "ip";
        let first = packet.u8(0)?;
        match first >> 4 {
            4 => self.ip_name("IP"),
            version => {
                put!(self, "IP{version}");
                if version == 6 {
                    self.out.push_str(", wrong link-layer encapsulation");
                }
                self.invalid();
                return Ok(());
            }
        }
        if packet.len() < HEADER {
            self.truncated();
            return Ok(());
        }
        if length < HEADER {
            put!(self, "truncated-ip {length}");
            return Ok(());
        }
        let header = usize::from(first & 0xf) * 4;
        if header < HEADER {
            put!(self, "bad-hlen {header}");
            return Ok(());
        }
        let stated = usize::from(packet.u16(2)?);
        if length < stated {
            put!(self, "truncated-ip - {} bytes missing! ", stated - length);
        }
        if stated < header {
            put!(self, "bad-len {stated}");
            return Ok(());
        }
        // What the header does not count, as Ethernet's padding, is not looked at.
        let packet = &packet[..stated.min(packet.len())];
        self.ip4_packet(packet, stated, header)
    }

    /// After the header's lengths have been found possible.
    fn ip4_packet(&mut self, packet: &[u8], stated: usize, header: usize) -> Printed {
        let whole_options = !self.verbose() || self.ip4_header(packet, stated, header)?;
        let protocol = packet.u8(9)?;
        let fragment = packet.u16(6)?;
        let [src, dst] = [12, 16].map(|at| packet.array::<4>(at));
        let (src, dst) = (IpAddr::v4(src?), IpAddr::v4(dst?));
        if !whole_options {
            self.hosts(src, dst);
            return Err(Cut);
        }
        let options = packet.get(HEADER..header);
        let final_dst = options.and_then(|options| self.ip4_final_destination(options)).map_or(dst, IpAddr::v4);
        let carrier = Carrier {
            src: src.octets(),
            dst: dst.octets(),
            final_dst: final_dst.octets(),
            version: 4,
            with_addresses: true,
            fragment: fragment & (MORE_FRAGMENTS | 0x1fff) != 0,
        };
        if !matches!(protocol, PROTO_TCP | PROTO_UDP) || fragment & 0x1fff != 0 {
            self.hosts(src, dst);
        }
        if fragment & 0x1fff != 0 {
            self.protocol_name(protocol);
            return Ok(());
        }
        if packet.len() < header {
            put!(self, " [remaining caplen({}) < header length({header})]", packet.len());
            return Err(Cut);
        }
        self.transport(protocol, &packet[header..], stated - header, &carrier)
    }

    /// `SRC > DST: `.
    fn hosts(&mut self, src: IpAddr, dst: IpAddr) {
        self.host(src);
        self.out.push_str(" > ");
        self.host(dst);
        self.out.push_str(": ");
    }

    /// What `-v` says of the header: a line of its own. False if the captured bytes end within an option.
    fn ip4_header(&mut self, packet: &[u8], stated: usize, header: usize) -> Result<bool, Cut> {
        let mut whole_options = true;
        let tos = packet.u8(1)?;
        put!(self, "(tos 0x{tos:x}");
        self.out.push_str(["", ",ECT(1)", ",ECT(0)", ",CE"][usize::from(tos & 3)]);
        let ttl = packet.u8(8)?;
        if ttl >= 1 {
            put!(self, ", ttl {ttl}");
        }
        let fragment = packet.u16(6)?;
        put!(self, ", id {}, offset {}, flags [", packet.u16(4)?, u32::from(fragment & 0x1fff) * 8);
        self.bits(u32::from(fragment), &FLAGS, ", ");
        let protocol = packet.u8(9)?;
        put!(self, "], proto {} ({protocol}), length {stated}", printed_name(protocol));
        if header > HEADER {
            self.out.push_str(", options (");
            whole_options = self.ip4_options(packet.tail(HEADER), header - HEADER)?;
            self.out.push(')');
        }
        if !self.options.no_checksums
            && let Some(bytes) = packet.get(..header)
        {
            let field = packet.u16(10)?;
            if let Some(right) = should_be(field, Checksum::of(bytes)) {
                put!(self, ", bad cksum {field:x} (->{right:x})!");
            }
        }
        self.out.push_str(")\n    ");
        Ok(whole_options)
    }

    /// A protocol by name, or with `-n` by number.
    pub(super) fn protocol_name(&mut self, protocol: u8) {
        match registered_name(protocol) {
            Some(name) if !self.options.numeric => self.out.push_str(name),
            _ => put!(self, "ip-proto-{protocol}"),
        }
    }

    /// What an IP header carries: `length` bytes on the link.
    pub(super) fn transport(&mut self, protocol: u8, payload: &[u8], length: usize, carrier: &Carrier) -> Printed {
        match protocol {
            PROTO_TCP => self.tcp(payload, length, carrier),
            PROTO_UDP => self.udp(payload, length, carrier),
            PROTO_ICMP if carrier.version == 4 => self.icmp(payload, length, carrier),
            PROTO_ICMP => {
                self.out.push_str("[ICMP requires IPv4]");
                self.invalid();
                Ok(())
            }
            PROTO_ICMPV6 if carrier.version == 6 => self.icmp6(payload, length, carrier),
            PROTO_ICMPV6 => {
                self.out.push_str("[ICMPv6 requires IPv6]");
                self.invalid();
                Ok(())
            }
            PROTO_IPV4 | PROTO_IPV6 if self.nesting >= MAX_NESTING => {
                self.out.push_str("[nested too deep]");
                Ok(())
            }
            PROTO_IPV4 => self.nested(|line| line.ip4(payload, length)),
            PROTO_IPV6 => self.nested(|line| line.ip6(payload, length)),
            PROTO_NONE => {
                self.out.push_str("no next header");
                Ok(())
            }
            _ => self.other(protocol, length),
        }
    }

    /// An IP header within what an IP header carries.
    pub(super) fn nested(&mut self, print: impl FnOnce(&mut Self) -> Printed) -> Printed {
        self.nesting += 1;
        let printed = print(self);
        self.nesting -= 1;
        printed
    }

    /// A protocol that is not decoded.
    fn other(&mut self, protocol: u8, length: usize) -> Printed {
        self.out.push(' ');
        self.protocol_name(protocol);
        put!(self, " {length}");
        Ok(())
    }
}
