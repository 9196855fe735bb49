//! TCP segments (RFC 9293 §3.1), and the rule of relative sequence numbers.

use super::bytes::{Bytes, Cut, should_be};
use super::line::{Line, Printed, put};
use super::relative::Relative;
use super::tcp_options::Context;
use limpid_wire::checksum::Checksum;
use limpid_wire::ip::IpProtocol;
use limpid_wire::{Endpoint, IpAddr, TcpFlags};

/// The header without options.
const HEADER: usize = 20;

/// The letters of the flags, in the order of their bits. AE has none in 4.99.
const FLAGS: [(TcpFlags, char); 8] = [
    (TcpFlags::FIN, 'F'),
    (TcpFlags::SYN, 'S'),
    (TcpFlags::RST, 'R'),
    (TcpFlags::PSH, 'P'),
    (TcpFlags::ACK, '.'),
    (TcpFlags::URG, 'U'),
    (TcpFlags::ECE, 'E'),
    (TcpFlags::CWR, 'W'),
];

/// Where a TCP segment or UDP datagram came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    /// The source address.
    pub(super) src: [u8; 16],
    /// The destination address in the header, which is printed.
    pub(super) dst: [u8; 16],
    /// The final destination (of a source route), which the checksum covers.
    pub(super) final_dst: [u8; 16],
    /// The IP version.
    pub(super) version: u8,
    /// Whether the IP header's protocol field itself names the transport: then addresses are printed with the ports.
    pub(super) with_addresses: bool,
    /// Whether this is a fragment.
    pub(super) fragment: bool,
}

impl Carrier {
    /// The pseudo header's sum and the payload's (RFC 9293 §3.1, RFC 8200 §8.1).
    pub(super) fn sum(&self, protocol: IpProtocol, payload: &[u8]) -> Checksum {
        let (src, dst) = (IpAddr::v6(self.src), IpAddr::v6(self.final_dst));
        let mut sum = Checksum::pseudo_header(src, dst, protocol, payload.len());
        sum.add(payload);
        sum
    }
}

impl Line<'_> {
    /// A source or destination address of a carrier.
    pub(super) fn carrier_host(&mut self, version: u8, address: [u8; 16]) {
        match version {
            4 => self.host(IpAddr::v6(address)),
            _ => self.host6(address),
        }
    }

    /// `SRC > DST`, with ports where the transport knows them.
    pub(super) fn ends(&mut self, carrier: &Carrier, ports: Option<(u16, u16)>, port: fn(&mut Self, u16)) {
        for (i, address) in [carrier.src, carrier.dst].into_iter().enumerate() {
            if i == 1 {
                self.out.push_str(" > ");
            }
            if carrier.with_addresses || ports.is_none() {
                self.carrier_host(carrier.version, address);
            }
            if let Some((src, dst)) = ports {
                if carrier.with_addresses {
                    self.out.push('.');
                }
                port(self, if i == 0 { src } else { dst });
            }
        }
    }

    /// A TCP segment of `length` bytes on the link.
    pub(super) fn tcp(&mut self, segment: &[u8], length: usize, carrier: &Carrier) -> Printed {
        self.protocol = "tcp";
        let Ok(ports) = segment.u16(0).and_then(|src| Ok((src, segment.u16(2)?))) else {
            self.ends(carrier, None, Line::tcp_port);
            self.out.push_str(": [|tcp]");
            return Ok(());
        };
        self.ends(carrier, Some(ports), Line::tcp_port);
        self.out.push_str(": ");
        segment.need(HEADER)?;
        let header = usize::from(segment.u8(12)? >> 4) * 4;
        if header < HEADER {
            let rest = length.wrapping_sub(header) as u32;
            put!(self, " tcp {rest} [bad hdr length {header} - too short, < {HEADER}]");
            return Ok(());
        }
        if self.options.quiet {
            put!(self, "tcp {}", length.wrapping_sub(header) as u32);
            if header > length {
                put!(self, " [bad hdr length {header} - too long, > {length}]");
            }
            return Ok(());
        }
        let flags = TcpFlags::from_bits_retain(segment.u16(12)? & 0xff);
        self.tcp_flags(flags);
        let relative = self.tcp_relative(segment, flags, ports, carrier)?;
        if header > length {
            put!(self, " [bad hdr length {header} - too long, > {length}]");
            return Ok(());
        }
        self.tcp_header(segment, length, header, carrier, Context { flags, relative, whole: segment.len() >= length })
    }

    fn tcp_flags(&mut self, flags: TcpFlags) {
        self.out.push_str("Flags [");
        if flags.is_empty() {
            self.out.push_str("none");
        }
        for (flag, letter) in FLAGS {
            if flags.contains(flag) {
                self.out.push(letter);
            }
        }
        self.out.push(']');
    }

    /// What the numbers of a segment are relative to; of a connection not seen before that is noted.
    fn tcp_relative(
        &mut self,
        segment: &[u8],
        flags: TcpFlags,
        (src, dst): (u16, u16),
        carrier: &Carrier,
    ) -> Result<Relative, Cut> {
        if self.options.absolute_seq || !flags.contains(TcpFlags::ACK) {
            return Ok(Relative::default());
        }
        let from = Endpoint::new(IpAddr::v6(carrier.src), src);
        let to = Endpoint::new(IpAddr::v6(carrier.dst), dst);
        let syn = flags.contains(TcpFlags::SYN);
        Ok(self.conversations.relative(from, to, segment.u32(4)?, segment.u32(8)?, syn))
    }

    /// From the checksum on, for a header whose length may be right.
    fn tcp_header(
        &mut self,
        segment: &[u8],
        length: usize,
        header: usize,
        carrier: &Carrier,
        context: Context,
    ) -> Printed {
        let (seq, ack) = (segment.u32(4)?, segment.u32(8)?);
        let payload = (length - header) as u32;
        let Context { flags, relative, .. } = context;
        if self.verbose()
            && !self.options.no_checksums
            && !carrier.fragment
            && let Some(whole) = segment.get(..length)
        {
            self.tcp_checksum(whole, carrier);
        }
        let counts = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST;
        if self.options.verbose > 1 || payload > 0 || flags.intersects(counts) {
            let seq = seq.wrapping_sub(relative.seq);
            self.labelled(", seq ", seq);
            if payload > 0 {
                self.labelled(":", seq.wrapping_add(payload));
            }
        }
        if flags.contains(TcpFlags::ACK) {
            self.labelled(", ack ", ack.wrapping_sub(relative.ack));
        }
        self.labelled(", win ", segment.u16(14)?.into());
        if flags.contains(TcpFlags::URG) {
            put!(self, ", urg {}", segment.u16(18)?);
        }
        if header > HEADER {
            self.out.push_str(", options [");
            if !self.tcp_options(segment.tail(HEADER), header - HEADER, context)? {
                return Ok(());
            }
            self.out.push(']');
        }
        self.labelled(", length ", payload);
        Ok(())
    }

    /// A label and a number.
    pub(super) fn labelled(&mut self, label: &str, number: u32) {
        self.out.push_str(label);
        self.out.decimal(number);
    }

    fn tcp_checksum(&mut self, segment: &[u8], carrier: &Carrier) {
        let field = segment.u16(16).unwrap_or_default();
        put!(self, ", cksum 0x{field:04x}");
        match should_be(field, carrier.sum(IpProtocol::TCP, segment)) {
            None => self.out.push_str(" (correct)"),
            Some(right) => put!(self, " (incorrect -> 0x{right:04x})"),
        }
    }
}
