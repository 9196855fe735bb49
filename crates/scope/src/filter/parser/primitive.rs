//! Primitives: the words before a value, and those that need none.

use super::super::ast::{Arith, Direction, Expr, Primitive, Protocol};
use super::super::lexer::Token;
use super::super::{FilterError, FilterErrorKind};
use super::{Kind, Parser, Qualifiers, words};
use limpid_wire::bpf::Condition;

/// The VLAN IDs that there are.
const MAX_VLAN: u32 = 4095;

impl Parser<'_> {
    pub(super) fn primitive(&mut self) -> Result<Expr, FilterError> {
        if self.is_calculation() {
            return self.relation();
        }
        let start = self.at;
        let Some(word) = self.keyword().map(str::to_owned) else {
            return Err(match self.peek() {
                None => self.here("the expression ends where a primitive is due", "add one, as 'tcp port 80'"),
                Some(_) => {
                    let message = format!("'{}' can't stand here", self.word_here());
                    self.here(message, "a primitive is due, as 'tcp port 80'")
                }
            });
        };
        if words::is_unsupported(&word) {
            return Err(self.unsupported(&word));
        }
        let simple = match word.as_str() {
            "less" | "greater" => Some(self.length(&word)?),
            "broadcast" => Some(self.single_word(Primitive::Broadcast)),
            "multicast" => Some(self.single_word(Primitive::EtherMulticast)),
            "inbound" => Some(self.single_word(Primitive::Outgoing(false))),
            "outbound" => Some(self.single_word(Primitive::Outgoing(true))),
            "ifindex" => {
                self.at += 1;
                Some(Primitive::Interface(self.number("an interface's index")?))
            }
            "vlan" => Some(self.vlan()?),
            _ => None,
        };
        if let Some(primitive) = simple {
            self.qualifiers = None;
            return Ok(Expr::Is(primitive, self.span_from(start)));
        }
        self.qualified(start)
    }

    fn single_word(&mut self, primitive: Primitive) -> Primitive {
        self.at += 1;
        primitive
    }

    /// A number, a length or bytes stand here.
    fn is_calculation(&self) -> bool {
        match self.peek() {
            Some(Token::Number(_)) => true,
            Some(Token::Sign(sign)) => matches!(*sign, "-" | "("),
            Some(Token::Word(word)) => {
                word == "len"
                    || word == "length"
                    || words::constant(word).is_some()
                    || Protocol::of_keyword(word).is_some() && self.peek_second() == Some(&Token::Sign("["))
            }
            _ => false,
        }
    }

    pub(super) fn unsupported(&self, word: &str) -> FilterError {
        let hint = "docs/filters.md lists what there is";
        self.here(format!("'{word}' is not supported"), hint).of_kind(FilterErrorKind::Unsupported)
    }

    /// `less N`: at most N bytes; `greater N`: at least.
    fn length(&mut self, word: &str) -> Result<Primitive, FilterError> {
        self.at += 1;
        let right = Arith::Constant(self.number("a length in bytes")?);
        let (condition, negated) =
            if word == "less" { (Condition::Greater, true) } else { (Condition::GreaterOrEqual, false) };
        Ok(Primitive::Relation { left: Arith::Length, condition, right, negated })
    }

    fn vlan(&mut self) -> Result<Primitive, FilterError> {
        self.at += 1;
        // A number that something is calculated with belongs to what comes next.
        match self.peek() {
            Some(Token::Number(id)) if *id > MAX_VLAN => {
                Err(self.here(format!("there is no VLAN {id}"), format!("they go up to {MAX_VLAN}")))
            }
            Some(Token::Number(id)) => {
                let id = *id;
                self.at += 1;
                Ok(Primitive::Vlan(Some(id)))
            }
            _ => Ok(Primitive::Vlan(None)),
        }
    }

    pub(super) fn number(&mut self, what: &str) -> Result<u32, FilterError> {
        match self.peek() {
            Some(Token::Number(number)) => {
                let number = *number;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.here(format!("{what} is missing"), "write a number")),
        }
    }

    /// `[protocol] [direction] [kind] value`, or a protocol alone.
    fn qualified(&mut self, start: usize) -> Result<Expr, FilterError> {
        let mut qualifiers = Qualifiers::default();
        if let Some(protocol) = self.keyword().and_then(Protocol::of_keyword) {
            self.at += 1;
            qualifiers.protocol = Some(protocol);
            if let Some(expr) = self.cast(protocol, start)? {
                return Ok(expr);
            }
        }
        qualifiers.direction = self.direction();
        qualifiers.kind = self.kind()?;
        if let (Some(protocol), None, None) = (qualifiers.protocol, qualifiers.direction, qualifiers.kind) {
            return self.protocol_alone(protocol, start);
        }
        if self.at == start {
            let message = format!("'{}' can't begin a primitive", self.word_here());
            return Err(self.here(message, "begin with a protocol, 'src', 'dst', 'host', 'net', 'port' or 'not'"));
        }
        self.qualifiers = Some(qualifiers.clone());
        self.value(&qualifiers)
    }

    fn protocol_alone(&mut self, protocol: Protocol, start: usize) -> Result<Expr, FilterError> {
        if self.is_value() || matches!(self.peek(), Some(Token::Number(_))) {
            let (name, word) = (protocol.name(), self.word_here());
            let hint = match protocol {
                Protocol::Tcp | Protocol::Udp | Protocol::Sctp => format!("write '{name} port {word}'"),
                _ => format!("write '{name} host {word}'"),
            };
            return Err(self.here(format!("what '{word}' is has to be said"), hint));
        }
        self.qualifiers = None;
        let span = self.span_from(start);
        if protocol == Protocol::Link {
            let hint = "write 'ether host', 'ether proto' or 'ether[…]'";
            return Err(FilterError::new(span, "'ether' alone says nothing", hint));
        }
        Ok(Expr::Is(Primitive::Protocol(protocol), span))
    }

    /// `broadcast` or `multicast` after a protocol.
    fn cast(&mut self, protocol: Protocol, start: usize) -> Result<Option<Expr>, FilterError> {
        let primitive = match (self.keyword(), protocol) {
            (Some("broadcast"), Protocol::Link) => Primitive::Broadcast,
            (Some("multicast"), Protocol::Link) => Primitive::EtherMulticast,
            (Some("multicast"), Protocol::Ip) => Primitive::IpMulticast,
            (Some("multicast"), Protocol::Ip6) => Primitive::Ip6Multicast,
            (Some("broadcast"), Protocol::Ip) => {
                let hint = "write 'ether broadcast', or 'dst host 255.255.255.255'";
                let error = self.here("'ip broadcast' needs a netmask, which captures don't have", hint);
                return Err(error);
            }
            (Some(word @ ("broadcast" | "multicast")), _) => {
                let message = format!("{} has no {word}", protocol.name());
                return Err(self.here(message, format!("write 'ether {word}' or 'ip {word}'")));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        self.qualifiers = None;
        Ok(Some(Expr::Is(primitive, self.span_from(start))))
    }

    /// `src`, `dst`, `src or dst`, `src and dst`.
    fn direction(&mut self) -> Option<Direction> {
        let (first, other) = match self.keyword()? {
            "src" => (Direction::Source, "dst"),
            "dst" => (Direction::Destination, "src"),
            _ => return None,
        };
        let joined = match self.peek_second() {
            Some(Token::Word(word)) if word == "or" => Some(Direction::Either),
            Some(Token::Word(word)) if word == "and" => Some(Direction::Both),
            Some(Token::Sign("||")) => Some(Direction::Either),
            Some(Token::Sign("&&")) => Some(Direction::Both),
            _ => None,
        };
        let third = self.tokens.get(self.at + 2).map(|token| &token.token);
        match (joined, third) {
            (Some(direction), Some(Token::Word(word))) if word == other => {
                self.at += 3;
                Some(direction)
            }
            _ => {
                self.at += 1;
                Some(first)
            }
        }
    }

    fn kind(&mut self) -> Result<Option<Kind>, FilterError> {
        let kinds = [
            ("host", Kind::Host),
            ("net", Kind::Net),
            ("port", Kind::Port),
            ("portrange", Kind::PortRange),
            ("proto", Kind::Proto),
        ];
        if let Some(word) = self.keyword().filter(|word| words::is_unsupported(word)) {
            return Err(self.unsupported(word));
        }
        Ok(kinds.into_iter().find_map(|(word, kind)| self.accept(word).then_some(kind)))
    }
}
