//! ICMP (RFC 792, 1256, 950; RFC 1812 for the newer codes).

use super::bytes::{Bytes, Cut, should_be};
use super::line::{Line, MAX_NESTING, Printed, put};
use super::tcp::Carrier;
use limpid_wire::IpAddr;
use limpid_wire::checksum::Checksum;

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const SOURCE_QUENCH: u8 = 4;
const REDIRECT: u8 = 5;
const ECHO: u8 = 8;
const ROUTER_ADVERTISEMENT: u8 = 9;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const TIMESTAMP: u8 = 13;
const TIMESTAMP_REPLY: u8 = 14;
const MASK_REPLY: u8 = 18;

/// Where the packet begins that an error quotes.
const QUOTED: usize = 8;
/// Where an extension of an error begins (RFC 4884 §5.1): after 128 bytes of the quoted packet.
const EXTENSION: usize = QUOTED + 128;

impl Line<'_> {
    /// An ICMP message of `length` bytes on the link.
    pub(super) fn icmp(&mut self, message: &[u8], length: usize, carrier: &Carrier) -> Printed {
        self.protocol = "icmp";
        let start = self.out.len();
        self.out.push_str("ICMP ");
        let kind = match self.icmp_message(message) {
            Ok(kind) => kind,
            Err(Cut) => {
                self.out.truncate(start);
                return Err(Cut);
            }
        };
        put!(self, ", length {length}");
        if !self.verbose() {
            return Ok(());
        }
        if !carrier.fragment
            && let Some(whole) = message.get(..length)
        {
            let field = message.u16(2)?;
            if let Some(right) = should_be(field, Checksum::of(whole)) {
                put!(self, " (wrong icmp cksum {field:x} (->{right:x})!)");
            }
        }
        let quotes = matches!(kind, UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM);
        if quotes && self.nesting < MAX_NESTING {
            self.out.push_str("\n\t");
            let quoted = message.tail(QUOTED);
            // It was cut by whoever quoted it, so its own word counts for its length.
            let stated = usize::from(quoted.u16(2)?);
            let quoted = quoted.get(..stated).unwrap_or(quoted);
            quoted.need(4)?;
            self.nested(|line| line.ip4(quoted, stated))?;
            // Where an extension (RFC 4884) could stand its header is looked at; it is not printed.
            if matches!(kind, UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM) && length > EXTENSION {
                self.protocol = "icmp";
                message.need(EXTENSION + 4)?;
            }
        }
        Ok(())
    }

    /// What a message says; answers its type.
    fn icmp_message(&mut self, message: &[u8]) -> Result<u8, Cut> {
        let (kind, code) = (message.u8(0)?, message.u8(1)?);
        match kind {
            ECHO | ECHO_REPLY => {
                let name = if kind == ECHO { "request" } else { "reply" };
                put!(self, "echo {name}, id {}, seq {}", message.u16(4)?, message.u16(6)?);
            }
            UNREACHABLE => self.icmp_unreachable(code, message)?,
            SOURCE_QUENCH => self.out.push_str("source quench"),
            REDIRECT => self.icmp_redirect(code, message)?,
            ROUTER_ADVERTISEMENT => self.icmp_router(message)?,
            10 => self.out.push_str("router solicitation"),
            TIME_EXCEEDED => {
                message.need(QUOTED + 20)?;
                match code {
                    0 => self.out.push_str("time exceeded in-transit"),
                    1 => self.out.push_str("ip reassembly time exceeded"),
                    _ => put!(self, "time exceeded-#{code}"),
                }
            }
            PARAMETER_PROBLEM if code != 0 => put!(self, "parameter problem - code {code}"),
            PARAMETER_PROBLEM => put!(self, "parameter problem - octet {}", message.u8(4)?),
            TIMESTAMP => put!(self, "time stamp query id {} seq {}", message.u16(4)?, message.u16(6)?),
            TIMESTAMP_REPLY => {
                put!(self, "time stamp reply id {} seq {}: org ", message.u16(4)?, message.u16(6)?);
                self.icmp_time(message.u32(8)?);
                self.out.push_str(", recv ");
                self.icmp_time(message.u32(12)?);
                self.out.push_str(", xmit ");
                self.icmp_time(message.u32(16)?);
            }
            15 => self.out.push_str("information request"),
            16 => self.out.push_str("information reply"),
            17 => self.out.push_str("address mask request"),
            MASK_REPLY => put!(self, "address mask is 0x{:08x}", message.u32(8)?),
            _ => put!(self, "type-#{kind}"),
        }
        Ok(kind)
    }

    fn icmp_unreachable(&mut self, code: u8, message: &[u8]) -> Result<(), Cut> {
        let quoted = message.tail(QUOTED);
        let dst = IpAddr::v4(quoted.array(16)?);
        let (before, after) = match code {
            0 => ("net ", ""),
            1 => ("host ", ""),
            2 | 3 => ("", ""),
            4 => ("", " - need to frag"),
            5 => ("", " - source route failed"),
            6 => ("net ", " - unknown"),
            7 => ("host ", " - unknown"),
            8 => ("", " - source host isolated"),
            9 => ("net ", " - admin prohibited"),
            10 => ("host ", " - admin prohibited"),
            11 => ("net ", " - tos prohibited"),
            12 => ("host ", " - tos prohibited"),
            13 => ("host ", " - admin prohibited filter"),
            14 => ("host ", " - host precedence violation"),
            15 => ("host ", " - precedence cutoff"),
            _ => ("", ""),
        };
        self.out.push_str(before);
        self.host(dst);
        let protocol = quoted.u8(9)?;
        match code {
            2 => put!(self, " protocol {protocol}"),
            3 => {
                let header = usize::from(quoted.u8(0)? & 0xf) * 4;
                let port = quoted.u16(header + 2)?;
                match protocol {
                    6 => {
                        self.out.push_str(" tcp port ");
                        self.tcp_port(port);
                    }
                    17 => {
                        self.out.push_str(" udp port ");
                        self.udp_port(port);
                    }
                    _ => put!(self, " protocol {protocol} port {port}"),
                }
            }
            _ => {}
        }
        put!(self, " unreachable{after}");
        match (code, message.u16(6)?) {
            (4, mtu @ 1..) => put!(self, " (mtu {mtu})"),
            (16.., _) => put!(self, " - #{code}"),
            _ => {}
        }
        Ok(())
    }

    fn icmp_redirect(&mut self, code: u8, message: &[u8]) -> Result<(), Cut> {
        let dst = IpAddr::v4(message.array(QUOTED + 16)?);
        let gateway = IpAddr::v4(message.array(4)?);
        let to = match code {
            0 | 2 => " to net ",
            1 | 3 => " to host ",
            _ => " to ",
        };
        match code {
            0 | 1 => self.out.push_str("redirect "),
            2 | 3 => self.out.push_str("redirect-tos "),
            _ => put!(self, "redirect-#{code} "),
        }
        self.host(dst);
        self.out.push_str(to);
        self.host(gateway);
        Ok(())
    }

    /// A router advertisement (RFC 1256 §3).
    fn icmp_router(&mut self, message: &[u8]) -> Result<(), Cut> {
        let (count, size) = (message.u8(4)?, message.u8(5)?);
        let lifetime = message.u16(6)?;
        self.out.push_str("router advertisement lifetime ");
        let (hours, minutes, seconds) = (lifetime / 3600, lifetime / 60 % 60, lifetime % 60);
        match lifetime {
            0..60 => put!(self, "{seconds}"),
            60..3600 => put!(self, "{minutes}:{seconds:02}"),
            _ => put!(self, "{hours}:{minutes:02}:{seconds:02}"),
        }
        put!(self, " {count}:");
        if size != 2 {
            put!(self, " [size {size}]");
            return Ok(());
        }
        for at in (8..).step_by(8).take(usize::from(count)) {
            self.out.push_str(" {");
            self.host(IpAddr::v4(message.array(at)?));
            put!(self, " {}}}", message.u32(at + 4)?);
        }
        Ok(())
    }

    /// Milliseconds since midnight.
    fn icmp_time(&mut self, time: u32) {
        let seconds = time / 1000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        put!(self, "{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, time % 1000);
    }
}
