//! ICMPv6 (RFC 4443), neighbour discovery (RFC 4861) in short.

use super::bytes::{Bytes, Cut, should_be};
use super::line::{Line, Printed, put};
use super::tcp::Carrier;
use limpid_wire::ip::IpProtocol;

const UNREACHABLE: u8 = 1;
const TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO: u8 = 128;
const ECHO_REPLY: u8 = 129;
const LISTENER_QUERY: u8 = 130;
const LISTENER_REPORT: u8 = 131;
const LISTENER_DONE: u8 = 132;
const LISTENER_REPORT_V2: u8 = 143;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// The flags of a router advertisement (RFC 4861 §4.2, RFC 6275 §7.1; the last an expired draft's).
const ROUTER_FLAGS: [(u32, &str); 4] =
    [(0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x02, "ipv6 only")];

/// Where the packet begins that an error quotes.
const QUOTED: usize = 8;

impl Line<'_> {
    /// An ICMPv6 message of `length` bytes on the link.
    pub(super) fn icmp6(&mut self, message: &[u8], length: usize, carrier: &Carrier) -> Printed {
        self.protocol = "icmp6";
        if length == 0 {
            self.out.push_str("ICMP6, length 0");
            self.invalid();
            return Ok(());
        }
        if self.verbose()
            && !carrier.fragment
            && let Some(whole) = message.get(..length)
        {
            let field = message.u16(2)?;
            match should_be(field, carrier.sum(IpProtocol::ICMPV6, whole)) {
                None => self.out.push_str("[icmp6 sum ok] "),
                Some(right) => put!(self, "[bad icmp6 cksum 0x{field:04x} -> 0x{right:04x}!] "),
            }
        }
        let kind = message.u8(0)?;
        self.out.push_str("ICMP6, ");
        match type_name(kind) {
            Some(name) => self.out.push_str(name),
            None => put!(self, "unknown icmp6 type ({kind})"),
        }
        if let ROUTER_SOLICITATION..=REDIRECT = kind {
            return self.icmp6_neighbors(kind, message, length);
        }
        let code = message.u8(1)?;
        if !self.icmp6_message(kind, code, message, length)? {
            if self.options.verbose <= 1 {
                self.hex_rows(message, "\n\t");
            }
        } else if !self.verbose() {
            put!(self, ", length {length}");
        }
        Ok(())
    }

    /// What a message says after its name; false if that is not known.
    fn icmp6_message(&mut self, kind: u8, code: u8, message: &[u8], length: usize) -> Result<bool, Cut> {
        match kind {
            UNREACHABLE => return self.icmp6_unreachable(code, message),
            TOO_BIG => put!(self, ", mtu {}", message.u32(4)?),
            TIME_EXCEEDED => match code {
                0 => {
                    let dst = message.array(QUOTED + 24)?;
                    self.out.push_str(" for ");
                    self.host6(dst);
                }
                1 => self.out.push_str(" (reassembly)"),
                _ => put!(self, ", unknown code ({code})"),
            },
            PARAMETER_PROBLEM => {
                message.need(QUOTED + 40)?;
                match code {
                    0 => self.out.push_str(", erroneous"),
                    1 => self.out.push_str(", next header"),
                    2 => self.out.push_str(", option"),
                    3 => self.out.push_str(", incomplete header chain"),
                    _ => {
                        put!(self, ", code-#{code}");
                        return Ok(true);
                    }
                }
                put!(self, " - octet {}", message.u32(4)?);
            }
            ECHO | ECHO_REPLY => put!(self, ", id {}, seq {}", message.u16(4)?, message.u16(6)?),
            LISTENER_QUERY => self.mld_query(message, length)?,
            LISTENER_REPORT | LISTENER_DONE => self.mld_version1(message)?,
            LISTENER_REPORT_V2 => self.mld_report2(message, length)?,
            _ => {
                put!(self, ", length {length}");
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn icmp6_unreachable(&mut self, code: u8, message: &[u8]) -> Result<bool, Cut> {
        let what = match code {
            0 => ", unreachable route ",
            1 => ",  unreachable prohibited ",
            2 => ", beyond scope ",
            3 => ", unreachable address ",
            4 => ", unreachable port",
            _ => {
                put!(self, ", unknown unreach code ({code})");
                return Ok(false);
            }
        };
        let quoted = message.tail(QUOTED);
        self.out.push_str(what.trim_end());
        let dst = quoted.array(24)?;
        if code != 4 {
            self.out.push(' ');
            self.host6(dst);
            if code == 2 {
                self.out.push_str(", source address ");
                self.host6(quoted.array(8)?);
            }
            return Ok(true);
        }
        let (port, protocol) = quoted_port(quoted)?;
        self.out.push_str(", ");
        self.host6(dst);
        match protocol {
            6 => {
                self.out.push_str(" tcp port ");
                self.tcp_port(port);
            }
            17 => {
                self.out.push_str(" udp port ");
                self.udp_port(port);
            }
            _ => put!(self, " protocol {protocol} port {port} unreachable"),
        }
        Ok(true)
    }

    /// Neighbour discovery: with `-v` the length comes before what it says, and the options after.
    fn icmp6_neighbors(&mut self, kind: u8, message: &[u8], length: usize) -> Printed {
        let options = match kind {
            ROUTER_SOLICITATION => 8,
            ROUTER_ADVERTISEMENT => 16,
            NEIGHBOR_SOLICITATION | NEIGHBOR_ADVERTISEMENT => 24,
            _ => 40,
        };
        if self.verbose() && length > 0 {
            put!(self, ", length {length}");
        }
        match kind {
            ROUTER_ADVERTISEMENT if self.verbose() => message.need(options)?,
            ROUTER_SOLICITATION | ROUTER_ADVERTISEMENT => message.need(2)?,
            _ => message.need(options)?,
        }
        match kind {
            NEIGHBOR_SOLICITATION => {
                self.out.push_str(", who has ");
                self.host6(message.array(8)?);
            }
            NEIGHBOR_ADVERTISEMENT => {
                self.out.push_str(", tgt is ");
                self.host6(message.array(8)?);
            }
            REDIRECT => {
                self.out.push_str(", ");
                self.host6(message.array(24)?);
                self.out.push_str(" to ");
                self.host6(message.array(8)?);
            }
            _ => {}
        }
        if !self.verbose() {
            put!(self, ", length {length}");
            return Ok(());
        }
        match kind {
            ROUTER_ADVERTISEMENT => self.icmp6_router(message)?,
            NEIGHBOR_ADVERTISEMENT => {
                self.out.push_str(", Flags [");
                let flags = [(0x8000_0000, "router"), (0x4000_0000, "solicited"), (0x2000_0000, "override")];
                self.bits(message.u32(4)?, &flags, ", ");
                self.out.push(']');
            }
            _ => {}
        }
        self.icmp6_options(message.tail(options))
    }

    fn icmp6_router(&mut self, message: &[u8]) -> Printed {
        put!(self, "\n\thop limit {}, Flags [", message.u8(4)?);
        let flags = message.u8(5)?;
        self.bits(u32::from(flags), &ROUTER_FLAGS, ", ");
        let preference = ["medium", "high", "rsv", "low"][usize::from(flags >> 3 & 3)];
        put!(self, "], pref {preference}, router lifetime {}s", message.u16(6)?);
        put!(self, ", reachable time {}ms, retrans timer {}ms", message.u32(8)?, message.u32(12)?);
        Ok(())
    }

    /// The options of neighbour discovery (RFC 4861 §4.6).
    fn icmp6_options(&mut self, mut options: &[u8]) -> Printed {
        while !options.is_empty() {
            let (kind, units) = (options.u8(0)?, options.u8(1)?);
            let length = usize::from(units) * 8;
            let option = options.get(..length).filter(|option| !option.is_empty()).ok_or(Cut)?;
            let name = match kind {
                1 => "source link-address",
                2 => "destination link-address",
                3 => "prefix info",
                4 => "redirected header",
                5 => "mtu",
                _ => "unknown",
            };
            put!(self, "\n\t  {name} option ({kind}), length {length} ({units}): ");
            match kind {
                1 | 2 => self.icmp6_link_address(&option[2..]),
                3 => self.icmp6_prefix(option)?,
                5 => put!(self, " {}", option.u32(4)?),
                _ => {}
            }
            if self.options.verbose > 1 {
                self.hex_rows(&option[2..], "\n\t    ");
            }
            options = &options[length..];
        }
        Ok(())
    }

    fn icmp6_link_address(&mut self, address: &[u8]) {
        for (i, byte) in address.iter().enumerate() {
            put!(self, "{}{byte:02x}", if i > 0 { ":" } else { "" });
        }
    }

    fn icmp6_prefix(&mut self, option: &[u8]) -> Printed {
        let prefix = option.array(16)?;
        self.host6(prefix);
        put!(self, "/{}, Flags [", option.u8(2)?);
        self.bits(u32::from(option.u8(3)?), &[(0x80, "onlink"), (0x40, "auto"), (0x20, "router")], ", ");
        self.out.push(']');
        for (label, at) in [("valid", 4), ("pref.", 8)] {
            match option.u32(at)? {
                u32::MAX => put!(self, ", {label} time infinity"),
                seconds => put!(self, ", {label} time {seconds}s"),
            }
        }
        Ok(())
    }
}

/// The name of a type; of those alone that are decoded.
fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        UNREACHABLE => "destination unreachable",
        TOO_BIG => "packet too big",
        TIME_EXCEEDED => "time exceeded in-transit",
        PARAMETER_PROBLEM => "parameter problem",
        ECHO => "echo request",
        ECHO_REPLY => "echo reply",
        LISTENER_QUERY => "multicast listener query",
        LISTENER_REPORT => "multicast listener report",
        LISTENER_DONE => "multicast listener done",
        ROUTER_SOLICITATION => "router solicitation",
        ROUTER_ADVERTISEMENT => "router advertisement",
        NEIGHBOR_SOLICITATION => "neighbor solicitation",
        NEIGHBOR_ADVERTISEMENT => "neighbor advertisement",
        REDIRECT => "redirect",
        LISTENER_REPORT_V2 => "multicast listener report v2",
        _ => return None,
    })
}

/// The destination port of a quoted packet, and whose it is.
fn quoted_port(quoted: &[u8]) -> Result<(u16, u8), Cut> {
    let mut next = quoted.u8(6)?;
    let mut at = 40;
    // Extension headers before the transport's.
    while matches!(next, 0 | 43 | 60) {
        next = quoted.u8(at)?;
        at += (usize::from(quoted.u8(at + 1)?) + 1) * 8;
    }
    Ok((quoted.u16(at + 2)?, next))
}
