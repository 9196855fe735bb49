//! PPP (RFC 1661), alone, in HDLC frames (RFC 1662), in Cisco's, and over Ethernet (RFC 2516).

use super::bytes::{Bytes, Cut};
use super::line::{Line, Printed, put};
use super::protocols::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, ethertype_name, is_mpls};
use crate::frame::ppp_protocol;

/// HDLC's address of all stations, and the control field of unnumbered information.
const ADDRESS: u8 = 0xff;
const CONTROL: u8 = 3;
/// Cisco HDLC's addresses: unicast and broadcast.
const CISCO: [u8; 2] = [0x0f, 0x8f];
/// PPPoE's header.
const PPPOE: usize = 6;

impl Line<'_> {
    /// A PPP packet with nothing before it.
    pub(super) fn ppp_link(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "ppp";
        // As many bytes as with address and control field, whether they are there or not.
        packet.need(4)?;
        self.ppp(packet, length)
    }

    /// A PPP packet of `length` bytes on the link; address and control field may be there.
    pub(super) fn ppp(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "ppp";
        packet.need(2)?;
        if length < 2 {
            return Err(Cut);
        }
        let start = match [packet.u8(0)?, packet.u8(1)?] {
            [ADDRESS, CONTROL] => 2,
            [direction @ (0 | 1), CONTROL] => {
                if self.options.link {
                    self.out.push_str(["In  ", "Out "][usize::from(direction)]);
                }
                2
            }
            _ => 0,
        };
        let (protocol, at) = ppp_protocol(packet.tail(start)).ok_or(Cut)?;
        // A protocol number of one byte needs another after it.
        packet.need(start + 2)?;
        if self.options.link {
            put!(self, "{} (0x{protocol:04x}), length {length}", protocol_name(protocol).unwrap_or("unknown"));
            if protocol_name(protocol).is_none() {
                return Ok(());
            }
            self.out.push_str(": ");
        }
        self.ppp_payload(protocol, packet.tail(start + at), length.saturating_sub(start + at))
    }

    fn ppp_payload(&mut self, protocol: u16, payload: &[u8], length: usize) -> Printed {
        match protocol {
            0x0021 => self.ip4(payload, length),
            0x0057 => self.ip6(payload, length),
            0x0281 | 0x0283 => self.mpls(payload, length),
            _ => {
                match protocol_name(protocol) {
                    // What negotiates is not decoded.
                    Some(name) => put!(self, "{name}, length {length}"),
                    None => {
                        put!(self, "unknown PPP protocol (0x{protocol:04x}) ");
                        self.hex_rows(payload, "\n\t");
                    }
                }
                Ok(())
            }
        }
    }

    /// PPP or Cisco's protocol in HDLC frames.
    pub(super) fn ppp_hdlc(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "ppp_hdlc";
        packet.need(2)?;
        let [address, control] = packet.array(0)?;
        if CISCO.contains(&address) {
            return self.cisco_hdlc(packet, length);
        }
        packet.need(4)?;
        if self.options.link {
            put!(self, "{address:02x} {control:02x} {length} ");
        }
        let next = packet.u16(2)?;
        if address != ADDRESS {
            put!(self, "unknown addr {:02x}; ctrl {:02x}", next >> 8, next & 0xff);
            return Ok(());
        }
        match protocol_name(next) {
            Some(name) => put!(self, "{name}: "),
            None => put!(self, "unknown PPP protocol (0x{next:04x}): "),
        }
        self.ppp_payload(next, packet.tail(4), length.saturating_sub(4))
    }

    /// Cisco's HDLC.
    pub(super) fn cisco_hdlc(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "chdlc";
        packet.need(4)?;
        if length < 4 {
            return Err(Cut);
        }
        let (address, protocol) = (packet.u8(0)?, packet.u16(2)?);
        if self.options.link {
            match address {
                0x0f => self.out.push_str("unicast"),
                0x8f => self.out.push_str("bcast"),
                _ => put!(self, "0x{address:02x}"),
            }
            let name = ethertype_name(protocol).unwrap_or("Unknown");
            put!(self, ", ethertype {name} (0x{protocol:04x}), length {length}: ");
        }
        let (payload, left) = (packet.tail(4), length - 4);
        match protocol {
            ETHERTYPE_IPV4 => self.ip4(payload, left),
            ETHERTYPE_IPV6 => self.ip6(payload, left),
            _ if is_mpls(protocol) => self.mpls(payload, left),
            _ => {
                if !self.options.link {
                    put!(self, "unknown CHDLC protocol (0x{protocol:04x})");
                }
                Ok(())
            }
        }
    }

    /// PPP over Ethernet; what finds a server is told by its kind alone.
    pub(super) fn pppoe(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "pppoe";
        if length < PPPOE {
            put!(self, " (length {length} < {PPPOE})");
            self.invalid();
            return Ok(());
        }
        packet.need(PPPOE)?;
        let first = packet.u8(0)?;
        for (name, value) in [("ver", first >> 4), ("type", first & 15)] {
            if value != 1 {
                put!(self, " [{name} {value}]");
            }
        }
        let (code, session, stated) = (packet.u8(1)?, packet.u16(2)?, usize::from(packet.u16(4)?));
        self.out.push_str("PPPoE ");
        match code {
            0 => {}
            0x09 => self.out.push_str("PADI"),
            0x07 => self.out.push_str("PADO"),
            0x19 => self.out.push_str("PADR"),
            0x65 => self.out.push_str("PADS"),
            0xa7 => self.out.push_str("PADT"),
            _ => put!(self, "PAD-{code:X}"),
        }
        let left = length - PPPOE;
        if stated > left {
            put!(self, " [len {stated} > {left}!]");
        }
        if session != 0 {
            put!(self, " [ses 0x{session:x}]");
        }
        if code != 0 {
            return Ok(());
        }
        self.out.push(' ');
        self.ppp(packet.tail(PPPOE), stated.min(left))
    }
}

/// What tcpdump calls a PPP protocol.
fn protocol_name(protocol: u16) -> Option<&'static str> {
    Some(match protocol {
        0x0021 => "IP",
        0x0023 => "OSI",
        0x0025 => "NS",
        0x0027 => "DECNET",
        0x0029 => "APPLE",
        0x002b => "IPX",
        0x002d => "VJC",
        0x002f => "VJNC",
        0x0031 => "BRPDU",
        0x0033 => "STII",
        0x0035 => "VINES",
        0x003d => "MLPPP",
        0x0057 => "IP6",
        0x00fd => "COMP",
        0x0281 | 0x0283 => "MPLS",
        0x8021 => "IPCP",
        0x8057 => "IP6CP",
        0x80fd => "CCP",
        0x8281 => "MPLSCP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc025 => "LQM",
        0xc223 => "CHAP",
        _ => return None,
    })
}
