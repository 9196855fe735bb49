//! Packets: TCP segments and ICMP messages; other protocols as text.

use super::Result;
use super::cursor::Cursor;
use super::event::single_spaced;
use crate::script::{Direction, Icmp, Packet, PacketBody, Quoted};
use limpid_wire::notation::{EcnText, IpInfo, NotationError, OptionsText, SegmentText};

/// What may stand where a segment's flags would, and is no TCP.
const OTHER_PROTOCOLS: [&str; 9] = ["udp", "udplite", "sctp", "ipv4", "ipv6", "gre", "GREv0", "mpls", "psp"];

impl<'a> Cursor<'a> {
    /// What stands behind `<` or `>`.
    pub(super) fn packet(&mut self, direction: Direction) -> Result<Packet> {
        self.skip_space();
        let start = self.at;
        let ip = self.notation(IpInfo::parse_prefix)?;
        let word = self.peek_word();
        let body = if word == "icmp" {
            self.take_word("icmp");
            PacketBody::Icmp(self.icmp(ip)?)
        } else if OTHER_PROTOCOLS.contains(&word) {
            self.at = start;
            self.other(word)?
        } else {
            self.at = start;
            PacketBody::Tcp(self.segment(direction)?)
        };
        let ip = match &body {
            PacketBody::Tcp(segment) => segment.ip,
            _ => ip,
        };
        if direction == Direction::Inbound && ip.ecn == Some(EcnText::AnyEct) {
            return self.error_at(start, "expected exact ECN bits: ect01 is for outbound packets only");
        }
        Ok(Packet { direction, body })
    }

    fn segment(&mut self, direction: Direction) -> Result<SegmentText> {
        let start = self.at;
        let segment = self.notation(SegmentText::parse_prefix)?;
        if direction == Direction::Inbound && segment.window.is_none() {
            return self.error_at(start, "expected 'win' and the window, which an inbound packet must have");
        }
        if direction == Direction::Inbound && segment.options == OptionsText::Any {
            return self.error_at(start, "expected the options by name: <...> is for outbound packets only");
        }
        Ok(segment)
    }

    /// What a parser of the notation makes of what is next.
    fn notation<T>(
        &mut self,
        parse: impl Fn(&'a str) -> std::result::Result<(T, &'a str), NotationError>,
    ) -> Result<T> {
        self.skip_space();
        let (value, rest) = parse(self.rest()).map_err(|error| self.notation_error(self.at, &error))?;
        self.take_to(rest);
        Ok(value)
    }

    /// What stands behind `icmp`.
    fn icmp(&mut self, ip: IpInfo) -> Result<Icmp> {
        let Some(kind) = self.word() else { return self.expected("a type of ICMP, such as unreachable or type_3") };
        let kind = kind.to_owned();
        let code = match self.peek_word() {
            "" | "mtu" | "id" => None,
            _ => self.word().map(str::to_owned),
        };
        let mtu = if self.take_word("mtu") { Some(self.number("an MTU up to 4294967295")?) } else { None };
        let echo_id = if self.take_word("id") { Some(self.number("an identifier up to 65535")?) } else { None };
        let quoted = if self.take("[") { Some(self.quoted()?) } else { None };
        Ok(Icmp { ip, kind, code, mtu, echo_id, quoted })
    }

    /// What stands behind `[`.
    fn quoted(&mut self) -> Result<Quoted> {
        let quoted = match self.peek_word() {
            "udp" => Quoted::Udp(self.quoted_len()?),
            "raw" => Quoted::Raw(self.quoted_len()?),
            _ => {
                let (seq, len) = self.notation(SegmentText::parse_range_prefix)?;
                Quoted::Tcp { seq: seq.0, len }
            }
        };
        self.expect("]")?;
        Ok(quoted)
    }

    /// A protocol's name and `(len)`.
    fn quoted_len(&mut self) -> Result<u16> {
        self.word();
        self.expect("(")?;
        let len = self.number("a length up to 65535")?;
        self.expect(")")?;
        Ok(len)
    }

    /// A packet of another protocol: to the end of the line on which no bracket is open and that does not end in `:` or `,`.
    fn other(&mut self, protocol: &str) -> Result<PacketBody> {
        let mut open = 0u32;
        let mut last = ' ';
        let end = self.rest().char_indices().find(|&(_, c)| {
            match c {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            let ends = c == '\n' && open == 0 && !matches!(last, ':' | ',');
            last = if c.is_whitespace() { last } else { c };
            ends
        });
        let len = end.map_or(self.rest().len(), |(at, _)| at);
        let len = self.rest()[..len].trim_end().len();
        let text = single_spaced(self.take_len(len));
        Ok(PacketBody::Other { protocol: protocol.to_owned(), text })
    }
}
