//! MPLS label stacks (RFC 3032), and what can be known of what they carry.

use super::bytes::{Bytes, Cut};
use super::line::{Line, Printed, put};

impl Line<'_> {
    /// Labels up to the bottom of the stack, then an IP packet, by the last label or by its first byte.
    pub(super) fn mpls(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "mpls";
        self.out.push_str("MPLS");
        let (mut at, mut label, mut bottom) = (0, 0, false);
        while !bottom {
            if length < at + 4 {
                self.invalid();
                return Ok(());
            }
            let entry = packet.u32(at)?;
            label = entry >> 12;
            bottom = entry >> 8 & 1 == 1;
            self.mpls_label(entry, at == 0);
            at += 4;
        }
        let (payload, left) = (packet.tail(at), length - at);
        let version = match (label, payload.first()) {
            (0 | 3, _) => 4,
            (2, _) => 6,
            (_, Some(0x45..=0x4f)) => 4,
            (_, Some(0x60..=0x6f)) => 6,
            (_, None) if left > 0 => return Err(Cut),
            (_, None) => return Ok(()),
            (_, Some(_)) => {
                self.payload(payload);
                return if payload.len() < left { Err(Cut) } else { Ok(()) };
            }
        };
        self.out.push_str(if self.verbose() { "\n\t" } else { " " });
        if version == 4 { self.ip4(payload, left) } else { self.ip6(payload, left) }
    }

    fn mpls_label(&mut self, entry: u32, first: bool) {
        let label = entry >> 12;
        self.out.push_str(if self.verbose() && !first { "\n\t" } else { " " });
        put!(self, "(label {label}");
        let meaning = match label {
            0 => Some("IPv4 explicit NULL"),
            1 => Some("router alert"),
            2 => Some("IPv6 explicit NULL"),
            3 => Some("implicit NULL"),
            4..=15 => Some("rsvd"),
            _ => None,
        };
        if let (true, Some(meaning)) = (self.verbose(), meaning) {
            put!(self, " ({meaning})");
        }
        put!(self, ", tc {}", entry >> 9 & 7);
        if entry >> 8 & 1 == 1 {
            self.out.push_str(", [S]");
        }
        put!(self, ", ttl {})", entry & 0xff);
    }
}
