//! Values: addresses, networks, ports and protocols, and what they mean after the words before them.

use super::super::FilterError;
use super::super::ast::{Direction, Expr, Net, Primitive, Protocol};
use super::super::lexer::Token;
use super::{Kind, Parser, Qualifiers, words};
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

/// EtherTypes with names.
const ETHERTYPES: [(&str, u32); 8] = [
    ("ip", 0x0800),
    ("arp", 0x0806),
    ("rarp", 0x8035),
    ("ip6", 0x86dd),
    ("vlan", 0x8100),
    ("mpls", 0x8847),
    ("pppoed", 0x8863),
    ("pppoes", 0x8864),
];

impl Parser<'_> {
    /// One value, `not` one, or several in parentheses.
    pub(super) fn value(&mut self, qualifiers: &Qualifiers) -> Result<Expr, FilterError> {
        self.nested(|parser| match parser.peek() {
            Some(Token::Sign("!")) => parser.not_value(qualifiers),
            Some(Token::Word(word)) if word == "not" => parser.not_value(qualifiers),
            Some(Token::Sign("(")) => {
                let expr = parser.parenthesized()?;
                parser.qualifiers = Some(qualifiers.clone());
                Ok(expr)
            }
            _ => {
                let start = parser.at;
                let primitive = parser.meaning(qualifiers)?;
                Ok(Expr::Is(primitive, parser.span_from(start)))
            }
        })
    }

    fn not_value(&mut self, qualifiers: &Qualifiers) -> Result<Expr, FilterError> {
        self.at += 1;
        Ok(Expr::Not(Box::new(self.value(qualifiers)?)))
    }

    fn meaning(&mut self, qualifiers: &Qualifiers) -> Result<Primitive, FilterError> {
        let span = self.span();
        let protocol_by_keyword = qualifiers.kind == Some(Kind::Proto) && self.keyword().is_some();
        if !self.is_value() && !matches!(self.peek(), Some(Token::Number(_))) && !protocol_by_keyword {
            return Err(self.value_missing(qualifiers));
        }
        let Some(token) = self.peek().cloned() else { return Err(self.value_missing(qualifiers)) };
        self.at += 1;
        match qualifiers.kind {
            None | Some(Kind::Host) => self.host(qualifiers, &token, span),
            Some(Kind::Net) => self.net(qualifiers, &token, span),
            Some(Kind::Port) => self.port(qualifiers, &token, span),
            Some(Kind::PortRange) => self.port_range(qualifiers, &token, span),
            Some(Kind::Proto) => self.proto(qualifiers, &token, span),
        }
    }

    fn value_missing(&self, qualifiers: &Qualifiers) -> FilterError {
        let (what, hint) = match qualifiers.kind {
            None | Some(Kind::Host) => ("an address or a host's name", "write it so: 'host 192.0.2.1'"),
            Some(Kind::Net) => ("a network", "write it so: 'net 192.0.2.0/24'"),
            Some(Kind::Port) => ("a port", "write it so: 'port 80'"),
            Some(Kind::PortRange) => ("a range of ports", "write it so: 'portrange 8000-8080'"),
            Some(Kind::Proto) => ("a protocol's number or name", "write it so: 'ip proto 6'"),
        };
        match self.peek() {
            None => self.here(format!("{what} is missing at the end"), hint),
            Some(_) => {
                let word = self.word_here();
                let hint = match self.peek() {
                    Some(Token::Word(word)) if words::is_keyword(word) => {
                        format!("{hint}; a name spelled as a keyword is written '\\{word}'")
                    }
                    _ => hint.to_owned(),
                };
                self.here(format!("'{word}' stands where {what} is due"), hint)
            }
        }
    }

    fn host(&self, qualifiers: &Qualifiers, token: &Token, span: Range<usize>) -> Result<Primitive, FilterError> {
        if self.peek() == Some(&Token::Sign("/")) {
            return Err(FilterError::new(span, "a host has no prefix length", "write 'net' instead of 'host'"));
        }
        let direction = qualifiers.direction.unwrap_or(Direction::Either);
        if qualifiers.protocol == Some(Protocol::Link) {
            return match token {
                Token::Mac(address) => Ok(Primitive::EtherHost { direction, address: *address }),
                _ => Err(FilterError::new(span, "no Ethernet address", "write it so: 'ether host 02:00:00:00:00:01'")),
            };
        }
        let nets = match token {
            Token::Ip4(address, bits) => vec![ip4_net(*address, *bits)],
            Token::Number(address) => vec![Net::Ip4 { address: *address, mask: u32::MAX }],
            Token::Ip6(address) => vec![Net::Ip6 { address: *address, prefix: 128 }],
            Token::Mac(_) => {
                let hint = "write 'ether host' before it";
                return Err(FilterError::new(span, "an Ethernet address where an IP address is due", hint));
            }
            Token::Word(name) | Token::Name(name) => self.addresses(name, qualifiers.protocol, &span)?,
            Token::Sign(_) => return Err(FilterError::new(span, "no address", "write it so: 'host 192.0.2.1'")),
        };
        addressed(qualifiers, nets, span)
    }

    fn addresses(&self, name: &str, protocol: Option<Protocol>, span: &Range<usize>) -> Result<Vec<Net>, FilterError> {
        let all = self.names.host(name);
        if all.is_empty() {
            let hint = match words::closest(name) {
                Some(keyword) => format!("give an address; or did you mean '{keyword}'?"),
                None => "give an address, or add the name to /etc/hosts".to_owned(),
            };
            return Err(FilterError::new(span.clone(), format!("'{name}' is not in /etc/hosts"), hint));
        }
        let nets: Vec<Net> = all
            .iter()
            .filter_map(|address| match (address, protocol) {
                (IpAddr::V4(_), Some(Protocol::Ip6)) => None,
                (IpAddr::V6(_), Some(Protocol::Ip | Protocol::Arp | Protocol::Rarp)) => None,
                (IpAddr::V4(address), _) => Some(Net::Ip4 { address: (*address).into(), mask: u32::MAX }),
                (IpAddr::V6(address), _) => Some(Net::Ip6 { address: *address, prefix: 128 }),
            })
            .collect();
        if nets.is_empty() {
            let message = format!("'{name}' has no address of that protocol in /etc/hosts");
            return Err(FilterError::new(span.clone(), message, "give an address"));
        }
        Ok(nets)
    }

    /// A network: `10.0.0.0/8`, `10.0.0.0 mask 255.0.0.0`, `10.1`, `10`, `2001:db8::/32`.
    fn net(&mut self, qualifiers: &Qualifiers, token: &Token, span: Range<usize>) -> Result<Primitive, FilterError> {
        let start = self.at - 1;
        let slash = self.peek() == Some(&Token::Sign("/"));
        let prefix = if slash {
            self.at += 1;
            Some(self.number("the prefix length")?)
        } else {
            None
        };
        let mask = if prefix.is_none() && self.accept("mask") { Some(self.mask()?) } else { None };
        let all = self.span_from(start);
        let net = match token {
            Token::Ip6(address) => {
                if mask.is_some() {
                    return Err(FilterError::new(
                        all,
                        "IPv6 networks have no mask",
                        "write it so: 'net 2001:db8::/32'",
                    ));
                }
                ip6_net(*address, prefix.unwrap_or(128), &all)?
            }
            Token::Ip4(..) | Token::Number(_) => {
                let (address, bits) = match token {
                    Token::Ip4(address, bits) => (*address, *bits),
                    Token::Number(number) => promoted(*number),
                    _ => (0, 32),
                };
                let mask = match (prefix, mask) {
                    (Some(prefix @ 0..=32), _) => mask_of(prefix),
                    (Some(prefix), _) => {
                        let message = format!("a prefix of {prefix} bits");
                        return Err(FilterError::new(all, message, "IPv4 addresses have 32 bits"));
                    }
                    (None, Some(mask)) => mask,
                    // As in libpcap, leading zero bytes of a written network are not there.
                    (None, None) => mask_of(if address == 0 { 32 } else { bits }),
                };
                if address & !mask != 0 {
                    let whole = std::net::Ipv4Addr::from(address & mask);
                    let message = format!("'{}' has bits set outside its network", &self.text[all.clone()]);
                    return Err(FilterError::new(
                        all,
                        message,
                        format!("the network is {whole}/{}", mask.leading_ones()),
                    ));
                }
                Net::Ip4 { address, mask }
            }
            Token::Word(name) | Token::Name(name) => {
                let message = format!("networks' names are not looked up ('{name}')");
                return Err(FilterError::new(span, message, "write it so: 'net 192.0.2.0/24'"));
            }
            Token::Mac(_) | Token::Sign(_) => {
                return Err(FilterError::new(span, "no network", "write it so: 'net 192.0.2.0/24'"));
            }
        };
        addressed(qualifiers, vec![net], all)
    }

    fn mask(&mut self) -> Result<u32, FilterError> {
        match self.peek() {
            Some(Token::Ip4(mask, _)) => {
                let mask = *mask;
                self.at += 1;
                Ok(mask)
            }
            _ => Err(self.here("a mask is due", "write it so: 'net 10.0.0.0 mask 255.0.0.0'")),
        }
    }

    fn port(&self, qualifiers: &Qualifiers, token: &Token, span: Range<usize>) -> Result<Primitive, FilterError> {
        let protocol = port_protocol(qualifiers, &span)?;
        let (port, protocol) = match token {
            Token::Number(port) => (port16(*port, &span)?, protocol),
            Token::Word(name) | Token::Name(name) => self.service(name, protocol, &span)?,
            _ => return Err(FilterError::new(span, "no port", "write it so: 'port 80'")),
        };
        let direction = qualifiers.direction.unwrap_or(Direction::Either);
        Ok(Primitive::Ports { protocol, direction, low: port, high: port })
    }

    /// The port that a service's name means, and of which protocol if it is of one only.
    fn service(
        &self,
        name: &str,
        protocol: Option<Protocol>,
        span: &Range<usize>,
    ) -> Result<(u16, Option<Protocol>), FilterError> {
        let of = |protocol: Protocol| self.names.service(name, protocol.name());
        let (tcp, udp) = (of(Protocol::Tcp), of(Protocol::Udp));
        let wrong = |is: &str| {
            let message = format!("'{name}' is a port of {is} only");
            FilterError::new(span.clone(), message, format!("write '{} port {name}'", is.to_ascii_lowercase()))
        };
        match (protocol, tcp, udp) {
            (None, Some(tcp), Some(udp)) if tcp == udp => Ok((tcp, None)),
            (None | Some(Protocol::Tcp), Some(tcp), _) => Ok((tcp, Some(Protocol::Tcp))),
            (None | Some(Protocol::Udp), _, Some(udp)) => Ok((udp, Some(Protocol::Udp))),
            (Some(Protocol::Udp), Some(_), None) => Err(wrong("TCP")),
            (Some(Protocol::Tcp), None, Some(_)) => Err(wrong("UDP")),
            (Some(Protocol::Sctp), ..) if of(Protocol::Sctp).is_some() => {
                Ok((of(Protocol::Sctp).unwrap_or_default(), protocol))
            }
            _ => {
                let ends =
                    |part: Option<&str>| part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
                let mut parts = name.split('-');
                let hint = if ends(parts.next()) && ends(parts.next()) {
                    format!("write 'portrange {name}'")
                } else {
                    "give its number".to_owned()
                };
                Err(FilterError::new(span.clone(), format!("'{name}' is not in /etc/services"), hint))
            }
        }
    }

    fn port_range(&self, qualifiers: &Qualifiers, token: &Token, span: Range<usize>) -> Result<Primitive, FilterError> {
        let protocol = port_protocol(qualifiers, &span)?;
        let direction = qualifiers.direction.unwrap_or(Direction::Either);
        let (low, high) = match token {
            Token::Number(port) => (port16(*port, &span)?, port16(*port, &span)?),
            Token::Word(range) | Token::Name(range) => {
                let Some((low, high)) = range.split_once('-') else {
                    return Err(FilterError::new(span, "no range of ports", "write it so: 'portrange 8000-8080'"));
                };
                let end = |text: &str| match text.parse::<u32>() {
                    Ok(number) => port16(number, &span),
                    Err(_) => self.service(text, protocol, &span).map(|(port, _)| port),
                };
                (end(low)?, end(high)?)
            }
            _ => return Err(FilterError::new(span, "no range of ports", "write it so: 'portrange 8000-8080'")),
        };
        Ok(Primitive::Ports { protocol, direction, low: low.min(high), high: low.max(high) })
    }

    fn proto(&self, qualifiers: &Qualifiers, token: &Token, span: Range<usize>) -> Result<Primitive, FilterError> {
        if qualifiers.direction.is_some() {
            return Err(FilterError::new(span, "a protocol has no direction", "leave 'src' and 'dst' out"));
        }
        let family = match qualifiers.protocol {
            None => None,
            Some(family @ (Protocol::Ip | Protocol::Ip6)) => Some(family),
            Some(Protocol::Link) => return self.ethertype(token, span),
            Some(other) => {
                let message = format!("what {} carries has no number", other.name());
                return Err(FilterError::new(span, message, "write 'ip proto', 'ip6 proto' or 'ether proto'"));
            }
        };
        let number = match token {
            Token::Number(number) => Some(*number),
            Token::Word(name) | Token::Name(name) => {
                Protocol::of_keyword(name).and_then(Protocol::number).or_else(|| self.names.protocol(name))
            }
            _ => None,
        };
        match number {
            Some(number @ 0..=255) => Ok(Primitive::IpProtocol { family, number }),
            Some(_) => Err(FilterError::new(span, "protocols' numbers end at 255", "write it so: 'ip proto 6'")),
            None => Err(FilterError::new(span, "no protocol that is known", "give its number, as in 'ip proto 6'")),
        }
    }

    fn ethertype(&self, token: &Token, span: Range<usize>) -> Result<Primitive, FilterError> {
        let number = match token {
            Token::Number(number) => Some(*number),
            Token::Word(name) | Token::Name(name) => {
                ETHERTYPES.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
            }
            _ => None,
        };
        match number {
            Some(number @ 0..=0xffff) => Ok(Primitive::EtherType(number)),
            Some(_) => Err(FilterError::new(span, "EtherTypes end at 0xffff", "write it so: 'ether proto 0x800'")),
            None => Err(FilterError::new(span, "no EtherType that is known", "write it so: 'ether proto 0x800'")),
        }
    }
}

/// Networks with the words before them, if these go together.
fn addressed(qualifiers: &Qualifiers, nets: Vec<Net>, span: Range<usize>) -> Result<Primitive, FilterError> {
    let protocol = qualifiers.protocol;
    let six = nets.iter().all(|net| matches!(net, Net::Ip6 { .. }));
    let four = nets.iter().all(|net| matches!(net, Net::Ip4 { .. }));
    match protocol {
        None => {}
        Some(Protocol::Ip6) if six => {}
        Some(Protocol::Ip | Protocol::Arp | Protocol::Rarp) if four => {}
        Some(Protocol::Ip | Protocol::Arp | Protocol::Rarp | Protocol::Ip6) => {
            let message = format!("an address that {} does not have", protocol.map_or("", Protocol::name));
            return Err(FilterError::new(span, message, "leave the protocol out, or take the other one"));
        }
        Some(other) => {
            let name = other.name();
            let hint = match other {
                Protocol::Tcp | Protocol::Udp | Protocol::Sctp => {
                    format!("write '{name} and host …'; for ports, '{name} port …'")
                }
                _ => format!("write '{name} and host …'"),
            };
            return Err(FilterError::new(span, format!("{name} has no hosts and networks"), hint));
        }
    }
    let direction = qualifiers.direction.unwrap_or(Direction::Either);
    Ok(Primitive::Net { protocol, direction, nets })
}

fn port_protocol(qualifiers: &Qualifiers, span: &Range<usize>) -> Result<Option<Protocol>, FilterError> {
    match qualifiers.protocol {
        None | Some(Protocol::Tcp | Protocol::Udp | Protocol::Sctp) => Ok(qualifiers.protocol),
        Some(other) => {
            let hint = match other {
                Protocol::Ip | Protocol::Ip6 => format!("write '{} and port …'", other.name()),
                _ => "write 'port …', 'tcp port …' or 'udp port …'".to_owned(),
            };
            Err(FilterError::new(span.clone(), format!("{} has no ports", other.name()), hint))
        }
    }
}

fn port16(number: u32, span: &Range<usize>) -> Result<u16, FilterError> {
    u16::try_from(number)
        .map_err(|_| FilterError::new(span.clone(), format!("there is no port {number}"), "ports end at 65535"))
}

fn ip4_net(address: u32, bits: u32) -> Net {
    Net::Ip4 { address, mask: mask_of(bits) }
}

fn ip6_net(address: Ipv6Addr, prefix: u32, span: &Range<usize>) -> Result<Net, FilterError> {
    if prefix > 128 {
        return Err(FilterError::new(
            span.clone(),
            format!("a prefix of {prefix} bits"),
            "IPv6 addresses have 128 bits",
        ));
    }
    let bits = u128::from(address);
    let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
    if bits & !mask != 0 {
        let hint = format!("the network is {}/{prefix}", Ipv6Addr::from(bits & mask));
        return Err(FilterError::new(span.clone(), "bits are set outside the network", hint));
    }
    Ok(Net::Ip6 { address, prefix })
}

/// A number that is the beginning of a network's address: it moves up until its first byte is not zero.
fn promoted(number: u32) -> (u32, u32) {
    let bytes = if number == 0 { 0 } else { number.leading_zeros() / 8 };
    (number << (8 * bytes), 32 - 8 * bytes)
}

fn mask_of(bits: u32) -> u32 {
    u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0)
}
