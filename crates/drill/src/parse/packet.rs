//! Packets: TCP segments and ICMP messages; other protocols as text.

use super::Result;
use super::cursor::Cursor;
use super::event::single_spaced;
use super::source::word;
use crate::script::{Direction, Icmp, Packet, PacketBody, Quoted};
use limpid_wire::notation::{EcnText, IpInfo, NotationError, OptionsText, SegmentText};

/// What [`PacketBody::Other`] says of a TCP segment in a notation beyond packetdrill's own, such as `0:0(0)!` or `...(0)`.
const TCP_EXTENSION: &str = "tcp";

/// What may stand first in the brackets of what IP says, and is not in the notation.
const OTHER_IP_WORDS: [&str; 4] = ["dscp", "class", "ecn", "hlim"];

/// What may stand where a segment's flags would, and is no TCP.
const OTHER_PROTOCOLS: [&str; 9] = ["udp", "udplite", "sctp", "ipv4", "ipv6", "gre", "GREv0", "mpls", "psp"];

impl<'a> Cursor<'a> {
    /// What stands behind `<` or `>`.
    pub(super) fn packet(&mut self, direction: Direction) -> Result<Packet> {
        self.skip_space();
        let start = self.at;
        if let Some(protocol) = self.other_protocol() {
            return Ok(Packet { direction, body: self.other(protocol) });
        }
        let ip = self.notation(IpInfo::parse_prefix)?;
        if direction == Direction::Inbound && ip.ecn == Some(EcnText::AnyEct) {
            return self.error_at(start, "expected exact ECN bits: ect01 is for outbound packets only");
        }
        let body = if self.take_word("icmp") {
            PacketBody::Icmp(self.icmp(ip)?)
        } else {
            self.at = start;
            self.tcp(direction)?
        };
        Ok(Packet { direction, body })
    }

    fn tcp(&mut self, direction: Direction) -> Result<PacketBody> {
        let start = self.at;
        let (segment, rest) = match SegmentText::parse_prefix(self.rest()) {
            Ok(parsed) => parsed,
            Err(error) => {
                let at = self.notation_error_at(start, &error);
                let is_extension = error.is_unknown_option() || self.text_from(at).starts_with("...");
                let protocol = if error.is_unknown_option() { &error.found } else { TCP_EXTENSION };
                return if is_extension { Ok(self.other(protocol)) } else { Err(self.notation_error(start, &error)) };
            }
        };
        if rest.trim_start().starts_with(['!', '/']) {
            return Ok(self.other(TCP_EXTENSION));
        }
        if direction == Direction::Inbound && segment.window.is_none() {
            return self.error_at(start, "expected 'win' and the window, which an inbound packet must have");
        }
        if direction == Direction::Inbound && segment.options == OptionsText::Any {
            return self.error_at(start, "expected the options by name: <...> is for outbound packets only");
        }
        self.take_to(rest);
        Ok(PacketBody::Tcp(segment))
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
        let Some(kind) = self.name() else { return self.expected("a type of ICMP, such as unreachable or type_3") };
        let kind = kind.to_owned();
        let code = match self.peek_word() {
            "mtu" | "id" => None,
            _ => self.name().map(str::to_owned),
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

    /// The word that makes the packet that is next one of another protocol, or asks of IP what TCP's scripts don't.
    fn other_protocol(&mut self) -> Option<&'a str> {
        let text = self.rest();
        let bracket = text.strip_prefix(['[', '(']);
        let first = word(bracket.unwrap_or(text).trim_start());
        if bracket.is_some() && OTHER_IP_WORDS.contains(&first) {
            return Some(first);
        }
        if text.starts_with("...") {
            return Some(TCP_EXTENSION);
        }
        let inside = bracket.and_then(|inside| inside.find([']', ')']).map(|end| &inside[end + 1..]));
        let behind = inside.unwrap_or(text).trim_start();
        let ports = behind.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || c == '>');
        let protocol = word(ports);
        OTHER_PROTOCOLS.contains(&protocol).then_some(protocol)
    }

    /// A packet that no TCP script needs, as text: up to the line that starts with a time or a command while no bracket is
    /// open.
    fn other(&mut self, protocol: &str) -> PacketBody {
        let text = self.rest();
        let mut open = 0u32;
        let mut last = ' ';
        let mut line_end = None;
        let mut end = text.len();
        for (at, c) in text.char_indices() {
            if c == '\n' {
                line_end = line_end.or(Some(at));
            }
            if c.is_whitespace() {
                continue;
            }
            let is_between = open == 0 && !matches!(last, ':' | ',');
            let starts_event = c.is_ascii_digit() || matches!(c, '+' | '*' | '.' | '`');
            match line_end.take() {
                Some(line_end) if is_between && starts_event => {
                    end = line_end;
                    break;
                }
                _ => {}
            }
            match c {
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' => open = open.saturating_sub(1),
                _ => {}
            }
            last = c;
        }
        let len = text[..end].trim_end().len();
        PacketBody::Other { protocol: protocol.to_owned(), text: single_spaced(self.take_len(len)) }
    }
}
