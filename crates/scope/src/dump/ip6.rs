//! IPv6 and its extension headers (RFC 8200; RFC 8754, 6275 and 2711 for what they carry).

use super::bytes::{Bytes, Cut};
use super::line::{Line, Printed, put};
use super::protocols::printed_name;
use super::tcp::Carrier;
use limpid_wire::ip::IpProtocol;

const HEADER: usize = 40;

const HOP_BY_HOP: u8 = IpProtocol::HOP_BY_HOP.0;
const ROUTING: u8 = IpProtocol::ROUTING.0;
const FRAGMENT: u8 = IpProtocol::FRAGMENT.0;
const DESTINATION: u8 = IpProtocol::DESTINATION_OPTIONS.0;

impl Line<'_> {
    /// An IPv6 packet of `length` bytes on the link.
    pub(super) fn ip6(&mut self, packet: &[u8], length: usize) -> Printed {
        self.protocol = "ip6";
        packet.need(HEADER)?;
        if length < HEADER {
            put!(self, "truncated-ip6 {length}");
            return Ok(());
        }
        self.ip_name("IP6");
        let first = packet.u32(0)?;
        if first >> 28 != 6 {
            put!(self, "version error: {} != 6", first >> 28);
            return Ok(());
        }
        let payload = usize::from(packet.u16(4)?);
        let stated = payload + HEADER;
        if length < stated {
            put!(self, "truncated-ip6 - {} bytes missing!", stated - length);
        }
        let next = packet.u8(6)?;
        // With a length of 0 a jumbogram's true length would be among the hop-by-hop options; tcpdump looks on behind
        // any extension header.
        let jumbo = payload == 0 && matches!(next, HOP_BY_HOP | DESTINATION | FRAGMENT | ROUTING);
        let packet = if jumbo { packet } else { &packet[..stated.min(packet.len())] };
        if self.verbose() {
            self.ip6_header(first, packet, next, payload)?;
        }
        let (src, dst) = (packet.array::<16>(8)?, packet.array::<16>(24)?);
        let carrier = Carrier {
            src,
            dst,
            final_dst: dst,
            version: 6,
            with_addresses: matches!(IpProtocol(next), IpProtocol::TCP | IpProtocol::UDP),
            fragment: false,
        };
        if !carrier.with_addresses {
            self.host6(src);
            self.out.push_str(" > ");
            self.host6(dst);
            self.out.push_str(": ");
        }
        self.ip6_chain(packet, next, payload, carrier)
    }

    fn ip6_header(&mut self, first: u32, packet: &[u8], next: u8, payload: usize) -> Printed {
        self.out.push('(');
        let (class, flow) = (first >> 20 & 0xff, first & 0xfffff);
        if class != 0 {
            put!(self, "class 0x{class:02x}, ");
        }
        if flow != 0 {
            put!(self, "flowlabel 0x{flow:05x}, ");
        }
        let hops = packet.u8(7)?;
        put!(self, "hlim {hops}, next-header {} ({next}) payload length: {payload}) ", printed_name(next));
        Ok(())
    }

    /// The extension headers one after the other, then what they lead to.
    fn ip6_chain(&mut self, packet: &[u8], mut next: u8, payload: usize, mut carrier: Carrier) -> Printed {
        let stated = payload + HEADER;
        let (mut at, mut first, mut hop_by_hop, mut routed) = (HEADER, true, false, false);
        loop {
            let rest = packet.tail(at);
            let taken = match next {
                HOP_BY_HOP => {
                    if hop_by_hop || !first {
                        let why = if hop_by_hop {
                            "[The Hop-by-Hop Options header was already found]"
                        } else {
                            "[The Hop-by-Hop Options header don't follow the IPv6 header]"
                        };
                        self.out.push_str(why);
                        self.invalid();
                        return Ok(());
                    }
                    hop_by_hop = true;
                    let options = self.ip6_options("hbhopt", "HBH", rest, payload);
                    if payload == 0 && rest.len() >= 2 {
                        if options.is_err() {
                            self.truncated();
                        }
                        self.out.push_str("[No valid Jumbo Payload Hop-by-Hop option found]");
                        self.invalid();
                        return Ok(());
                    }
                    options?
                }
                DESTINATION => self.ip6_options("dstopt", "DSTOPT", rest, payload)?,
                FRAGMENT => match self.ip6_fragment(rest, (stated as u64).wrapping_sub(at as u64))? {
                    Some(taken) => {
                        carrier.fragment = true;
                        taken
                    }
                    None => return Ok(()),
                },
                ROUTING => {
                    let header_dst = carrier.final_dst;
                    let Some(taken) = self.ip6_routing(rest, &mut carrier)? else { return Ok(()) };
                    // Only the first one leads anywhere.
                    if routed {
                        carrier.final_dst = header_dst;
                    }
                    routed = true;
                    taken
                }
                _ if payload == 0 && at > HEADER => {
                    self.protocol = "ip6";
                    return Err(Cut);
                }
                _ => {
                    let length = stated.saturating_sub(at);
                    return self.transport(next, rest, length, &carrier);
                }
            };
            next = rest.u8(0)?;
            at += taken;
            first = false;
        }
    }

    /// A header of options; answers its length.
    fn ip6_options(&mut self, protocol: &'static str, name: &str, header: &[u8], payload: usize) -> Result<usize, Cut> {
        self.protocol = protocol;
        let length = (usize::from(header.u8(1)?) + 1) * 8;
        header.need(length)?;
        put!(self, "{name} ");
        if protocol == "dstopt" && !self.verbose() {
            return Ok(length);
        }
        let mut at = 2;
        while at < length {
            let left = length - at;
            let kind = header.u8(at)?;
            if kind == 0 {
                if self.verbose() {
                    self.out.push_str("(pad1)");
                }
                at += 1;
                continue;
            }
            if left < 2 {
                return Err(Cut);
            }
            let size = usize::from(header.u8(at + 1)?) + 2;
            if size > left {
                return Err(Cut);
            }
            self.ip6_option(kind, &header[at..at + size], left, payload)?;
            at += size;
        }
        if self.verbose() {
            self.out.push(' ');
        }
        Ok(length)
    }

    /// An option, of which and after which `left` bytes of the header are left: with `-v` what it says, and in any case
    /// what is wrong with it.
    fn ip6_option(&mut self, kind: u8, option: &[u8], left: usize, payload: usize) -> Printed {
        let length = option.len() - 2;
        let (name, needs, fits) = match kind {
            5 => ("rtalert", 2, length == 2),
            0xc2 => ("jumbo", 4, length == 4),
            0xc9 => ("homeaddr", 16, length >= 16),
            _ => ("", 0, true),
        };
        if left < needs + 2 {
            put!(self, "({name}: trunc)");
            return Err(Cut);
        }
        if !fits {
            put!(self, "({name}: invalid len {length})");
            return Err(Cut);
        }
        if self.verbose() { self.ip6_valid_option(kind, option, payload) } else { Ok(()) }
    }

    fn ip6_valid_option(&mut self, kind: u8, option: &[u8], payload: usize) -> Printed {
        match kind {
            1 => self.out.push_str("(padn)"),
            5 => put!(self, "(rtalert: 0x{:04x}) ", option.u16(2)?),
            0xc2 => {
                let jumbo = option.u32(2)?;
                if payload != 0 {
                    put!(self, "(jumbo: {jumbo} - payload len != 0) ");
                } else {
                    put!(self, "(jumbo: {jumbo}) ");
                }
            }
            0xc9 => {
                self.out.push_str("(homeaddr: ");
                self.host6(option.array(2)?);
                self.out.push(')');
            }
            _ => put!(self, "(opt_type 0x{kind:02x}: len={})", option.len() - 2),
        }
        Ok(())
    }

    /// A fragment header; answers its length if what follows can be looked at.
    fn ip6_fragment(&mut self, header: &[u8], length: u64) -> Result<Option<usize>, Cut> {
        self.protocol = "frag6";
        let offset = header.u16(2)? & 0xfff8;
        let size = length.wrapping_sub(8);
        if self.verbose() {
            put!(self, "frag (0x{:08x}:{offset}|{size})", header.u32(4)?);
        } else {
            put!(self, "frag ({offset}|{size})");
        }
        if offset != 0 {
            return Ok(None);
        }
        self.out.push(' ');
        Ok((header.len() > 8).then_some(8))
    }

    /// A routing header; answers its length if what follows can be looked at.
    fn ip6_routing(&mut self, header: &[u8], carrier: &mut Carrier) -> Result<Option<usize>, Cut> {
        self.protocol = "ip6";
        header.need(1)?;
        self.protocol = "rt6";
        self.out.push_str("RT6");
        let units = header.u8(1)?;
        let length = usize::from(units) * 8 + 8;
        put!(self, " (len={units}");
        let kind = header.u8(2)?;
        put!(self, ", type={kind}{}", if kind == 0 { " [Deprecated]" } else { "" });
        put!(self, ", segleft={}", header.u8(3)?);
        let first = 8;
        match kind {
            0 | 2 => {
                let reserved = header.u32(4)?;
                if reserved != 0 || self.verbose() {
                    put!(self, ", rsv=0x{reserved:x}");
                }
            }
            4 => {
                put!(self, ", last-entry={}", header.u8(4)?);
                let flags = header.u8(5)?;
                if flags != 0 || self.verbose() {
                    put!(self, ", flags=0x{flags:x}");
                }
                put!(self, ", tag={:x}", header.u16(6)?);
            }
            _ => {
                self.out.push_str(" (unknown type)");
                self.invalid();
                return Ok(None);
            }
        }
        if !units.is_multiple_of(2) {
            put!(self, " (invalid length {units})");
            self.invalid();
            return Ok(None);
        }
        for i in 0..usize::from(units / 2) {
            let address = header.array(first + i * 16)?;
            put!(self, ", [{i}]");
            self.host6(address);
            carrier.final_dst = address;
        }
        // The segments of RFC 8754 are in reverse order.
        if kind == 4
            && let Ok(last) = header.array(first)
        {
            carrier.final_dst = last;
        }
        self.out.push_str(") ");
        Ok(Some(length))
    }
}
