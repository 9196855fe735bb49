//! UDP datagrams (RFC 768), without what they carry.

use super::bytes::{Bytes, should_be};
use super::line::{Line, Printed, put};
use super::tcp::Carrier;
use limpid_wire::ip::IpProtocol;

const HEADER: usize = 8;

impl Line<'_> {
    /// A UDP datagram of `length` bytes on the link.
    pub(super) fn udp(&mut self, datagram: &[u8], length: usize, carrier: &Carrier) -> Printed {
        self.protocol = "udp";
        let Ok(ports) = datagram.u16(0).and_then(|src| Ok((src, datagram.u16(2)?))) else {
            self.ends(carrier, None, Line::udp_port);
            self.out.push_str(": ");
            self.truncated();
            return Ok(());
        };
        self.ends(carrier, Some(ports), Line::udp_port);
        self.out.push_str(": ");
        if length < HEADER {
            put!(self, "truncated-udp {length}");
            return Ok(());
        }
        let Ok(stated) = datagram.u16(4).map(usize::from) else {
            self.truncated();
            return Ok(());
        };
        if stated < HEADER {
            put!(self, "truncated-udplength {stated}");
            return Ok(());
        }
        if datagram.len() < HEADER {
            self.truncated();
            return Ok(());
        }
        let (payload, room) = (stated - HEADER, length - HEADER);
        self.udp_checksum(datagram, length.min(stated), carrier);
        self.out.push_str("UDP, ");
        if payload > room && !carrier.fragment {
            put!(self, "bad length {payload} > {room}");
        } else {
            put!(self, "length {payload}");
        }
        Ok(())
    }

    /// The checksum's verdict, with `-vv` (over IPv6, where it is obligatory, with `-v`).
    fn udp_checksum(&mut self, datagram: &[u8], length: usize, carrier: &Carrier) {
        let wanted = if carrier.version == 4 { 1 } else { 0 };
        if self.options.verbose <= wanted || self.options.no_checksums || carrier.fragment {
            return;
        }
        let field = datagram.u16(6).unwrap_or_default();
        if carrier.version == 4 && field == 0 {
            self.out.push_str("[no cksum] ");
        } else if let Some(whole) = datagram.get(..length) {
            match should_be(field, carrier.sum(IpProtocol::UDP, whole)) {
                None => self.out.push_str("[udp sum ok] "),
                Some(right) => put!(self, "[bad udp cksum 0x{field:04x} -> 0x{right:04x}!] "),
            }
        }
    }
}
