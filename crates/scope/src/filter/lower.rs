//! From meaning to tests of a packet's bytes, for one link type.
//!
//! What is asked, and where, is what libpcap's programs ask, so that both choose the same packets.

mod arith;

use super::ast::{Direction, Expr, Net, Primitive, Protocol};
use super::link::{ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IP6, ETHERTYPE_RARP, LLC_STP, Link};
use super::{FilterError, FilterErrorKind};
use limpid_wire::MacAddr;
use limpid_wire::bpf::{self, Alu, Instruction, Operand, Size};
use std::net::Ipv6Addr;
use std::ops::Range;

const IP_FRAGMENT: u32 = 6;
const IP_PROTOCOL: u32 = 9;
const IP6_NEXT_HEADER: u32 = 6;
const IP6_HEADER: u32 = 40;
/// The next header that says a fragment follows.
const IP6_FRAGMENT: u32 = 44;
const TRANSPORTS: [u32; 3] = [6, 17, 132];

/// What must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Condition {
    Always,
    Never,
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Test(Test),
}

/// Code without jumps that leaves a value in A, and what is asked of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Test {
    pub(super) code: Vec<Instruction>,
    pub(super) condition: bpf::Condition,
    pub(super) operand: Operand,
}

impl Test {
    pub(super) fn load(size: Size, at: u32) -> Test {
        let code = vec![Instruction::Load(size, at)];
        Test { code, condition: bpf::Condition::Equal, operand: Operand::K(0) }
    }

    pub(super) fn asks(mut self, condition: bpf::Condition, k: u32) -> Test {
        (self.condition, self.operand) = (condition, Operand::K(k));
        self
    }
}

impl Condition {
    pub(super) fn constant(holds: bool) -> Condition {
        if holds { Condition::Always } else { Condition::Never }
    }

    pub(super) fn equal(size: Size, at: u32, value: u32) -> Condition {
        Condition::Test(Test::load(size, at).asks(bpf::Condition::Equal, value))
    }

    /// The bits of `mask` are those of `value`.
    pub(super) fn masked(size: Size, at: u32, mask: u32, value: u32) -> Condition {
        let mut test = Test::load(size, at).asks(bpf::Condition::Equal, value);
        test.code.push(Instruction::Calculate(Alu::And, Operand::K(mask)));
        Condition::Test(test)
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Condition>) -> Condition {
        let mut parts: Vec<Condition> = parts.into_iter().filter(|part| *part != Condition::Always).collect();
        match parts.len() {
            0 => Condition::Always,
            1 => parts.remove(0),
            _ => Condition::All(parts),
        }
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Condition>) -> Condition {
        let mut parts: Vec<Condition> = parts.into_iter().filter(|part| *part != Condition::Never).collect();
        match parts.len() {
            0 => Condition::Never,
            1 => parts.remove(0),
            _ => Condition::Any(parts),
        }
    }

    pub(super) fn negated(self) -> Condition {
        match self {
            Condition::Always => Condition::Never,
            Condition::Never => Condition::Always,
            Condition::Not(inner) => *inner,
            other => Condition::Not(Box::new(other)),
        }
    }
}

/// The tests of an expression. Parts are visited as they stand in the text: a `vlan` counts for all that follows it.
pub(super) fn lower(expr: &Expr, link: &mut Link) -> Result<Condition, FilterError> {
    let several = |parts: &[Expr], link: &mut Link| -> Result<Vec<Condition>, FilterError> {
        parts.iter().map(|part| lower(part, link)).collect()
    };
    match expr {
        Expr::And(parts) => Ok(Condition::all(several(parts, link)?)),
        Expr::Or(parts) => Ok(Condition::any(several(parts, link)?)),
        Expr::Not(inner) => Ok(lower(inner, link)?.negated()),
        Expr::Is(primitive, span) => self::primitive(primitive, span, link),
    }
}

fn primitive(primitive: &Primitive, span: &Range<usize>, link: &mut Link) -> Result<Condition, FilterError> {
    let refuse = |message: &str, hint: &str| {
        Err(FilterError::new(span.clone(), message, hint).of_kind(FilterErrorKind::LinkType))
    };
    match *primitive {
        Primitive::Protocol(protocol) => Ok(self::protocol(link, protocol)),
        Primitive::Net { protocol, direction, ref nets } => {
            Ok(Condition::any(nets.iter().map(|net| self::net(link, protocol, direction, *net))))
        }
        Primitive::Ports { protocol, direction, low, high } => Ok(ports(link, protocol, direction, low, high)),
        Primitive::IpProtocol { family, number } => Ok(ip_protocol(link, family, number)),
        Primitive::EtherType(number) => Ok(link.carries(number)),
        Primitive::IpMulticast => {
            let group = Test::load(Size::Byte, link.payload + 16).asks(bpf::Condition::GreaterOrEqual, 224);
            Ok(Condition::all([link.carries(ETHERTYPE_IP), Condition::Test(group)]))
        }
        Primitive::Ip6Multicast => {
            Ok(Condition::all([link.carries(ETHERTYPE_IP6), Condition::equal(Size::Byte, link.payload + 24, 0xff)]))
        }
        Primitive::Relation { ref left, condition, ref right, negated } => {
            arith::relation(link, left, condition, right, negated)
                .map_err(|message| FilterError::new(span.clone(), message, "calculate in fewer steps"))
        }
        Primitive::Vlan(id) => match link.enter_vlan(id) {
            Some(condition) => Ok(condition),
            None => refuse("packets of this link type have no VLAN tags", "leave 'vlan' out"),
        },
        Primitive::Outgoing(outgoing) => match link.outgoing() {
            Some(condition) => Ok(if outgoing { condition } else { condition.negated() }),
            None => refuse("packets of this link type don't tell their direction", "capture with '-i any'"),
        },
        Primitive::Interface(index) => match link.interface(index) {
            Some(condition) => Ok(condition),
            None => refuse("packets of this link type don't tell their interface", "capture with '-i any'"),
        },
        Primitive::EtherHost { .. } | Primitive::Broadcast | Primitive::EtherMulticast if !link.is_ethernet() => {
            refuse("packets of this link type have no Ethernet addresses", "ask for IP addresses")
        }
        Primitive::EtherHost { direction, address } => Ok(directed(direction, || mac(6, address), || mac(0, address))),
        Primitive::Broadcast => Ok(mac(0, MacAddr::BROADCAST)),
        Primitive::EtherMulticast => Ok(Condition::Test(Test::load(Size::Byte, 0).asks(bpf::Condition::AnyBit, 1))),
    }
}

fn mac(at: u32, MacAddr([a, b, c, d, e, f]): MacAddr) -> Condition {
    let low = Condition::equal(Size::Word, at + 2, u32::from_be_bytes([c, d, e, f]));
    Condition::all([low, Condition::equal(Size::Half, at, u32::from_be_bytes([0, 0, a, b]))])
}

fn directed(direction: Direction, source: impl Fn() -> Condition, destination: impl Fn() -> Condition) -> Condition {
    match direction {
        Direction::Source => source(),
        Direction::Destination => destination(),
        Direction::Either => Condition::any([source(), destination()]),
        Direction::Both => Condition::all([source(), destination()]),
    }
}

/// A protocol's name alone.
pub(super) fn protocol(link: &Link, protocol: Protocol) -> Condition {
    match protocol {
        Protocol::Link => Condition::Always,
        Protocol::Ip => link.carries(ETHERTYPE_IP),
        Protocol::Ip6 => link.carries(ETHERTYPE_IP6),
        Protocol::Arp => link.carries(ETHERTYPE_ARP),
        Protocol::Rarp => link.carries(ETHERTYPE_RARP),
        Protocol::Stp => link.carries(LLC_STP),
        transport => {
            let number = transport.number().unwrap_or_default();
            let (four, six) = transport.families();
            let four = four.then(|| ip_protocol(link, Some(Protocol::Ip), number));
            let six = six.then(|| ip_protocol(link, Some(Protocol::Ip6), number));
            Condition::any(four.into_iter().chain(six))
        }
    }
}

/// What IPv4 or IPv6 carries; behind a fragment header too.
fn ip_protocol(link: &Link, family: Option<Protocol>, number: u32) -> Condition {
    let four = || {
        let is = Condition::equal(Size::Byte, link.payload + IP_PROTOCOL, number);
        Condition::all([link.carries(ETHERTYPE_IP), is])
    };
    let six = || {
        let next = link.payload + IP6_NEXT_HEADER;
        let fragment = Condition::equal(Size::Byte, next, IP6_FRAGMENT);
        let within = Condition::equal(Size::Byte, link.payload + IP6_HEADER, number);
        let is = Condition::any([Condition::equal(Size::Byte, next, number), Condition::all([fragment, within])]);
        Condition::all([link.carries(ETHERTYPE_IP6), is])
    };
    match family {
        Some(Protocol::Ip6) => six(),
        Some(_) => four(),
        None => Condition::any([four(), six()]),
    }
}

fn net(link: &Link, protocol: Option<Protocol>, direction: Direction, net: Net) -> Condition {
    match net {
        Net::Ip4 { address, mask } => {
            let within = |ethertype, source, destination| {
                let is = |at| masked_word(link.payload + at, mask, address);
                Condition::all([link.carries(ethertype), directed(direction, || is(source), || is(destination))])
            };
            let ip = || within(ETHERTYPE_IP, 12, 16);
            let arp = || within(ETHERTYPE_ARP, 14, 24);
            let rarp = || within(ETHERTYPE_RARP, 14, 24);
            match protocol {
                Some(Protocol::Ip) => ip(),
                Some(Protocol::Arp) => arp(),
                Some(Protocol::Rarp) => rarp(),
                _ => Condition::any([ip(), arp(), rarp()]),
            }
        }
        Net::Ip6 { address, prefix } => {
            let is = |at| ip6_address(link.payload + at, address, prefix);
            Condition::all([link.carries(ETHERTYPE_IP6), directed(direction, || is(8), || is(24))])
        }
    }
}

fn masked_word(at: u32, mask: u32, value: u32) -> Condition {
    match mask {
        u32::MAX => Condition::equal(Size::Word, at, value),
        0 => Condition::Always,
        _ => Condition::masked(Size::Word, at, mask, value),
    }
}

fn ip6_address(at: u32, address: Ipv6Addr, prefix: u32) -> Condition {
    let (address, mask) = (u128::from(address), u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0));
    let word = |value: u128, i: u32| (value >> (96 - 32 * i)) as u32;
    Condition::all((0..4).map(|i| masked_word(at + 4 * i, word(mask, i), word(address, i))))
}

/// Ports; of all transports if none is named. Fragments of IPv4 but the first have none.
fn ports(link: &Link, protocol: Option<Protocol>, direction: Direction, low: u16, high: u16) -> Condition {
    let transports = match protocol.and_then(Protocol::number) {
        Some(one) => vec![one],
        None => TRANSPORTS.to_vec(),
    };
    let carries =
        |at: u32| Condition::any(transports.iter().map(|t| Condition::equal(Size::Byte, link.payload + at, *t)));
    let six = Condition::all([
        link.carries(ETHERTYPE_IP6),
        carries(IP6_NEXT_HEADER),
        directed(
            direction,
            || in_range(&[Instruction::Load(Size::Half, link.payload + IP6_HEADER)], low, high),
            || in_range(&[Instruction::Load(Size::Half, link.payload + IP6_HEADER + 2)], low, high),
        ),
    ]);
    let header = Instruction::LoadXHeaderLength(link.payload);
    let four = Condition::all([
        link.carries(ETHERTYPE_IP),
        carries(IP_PROTOCOL),
        first_fragment(link),
        directed(
            direction,
            || in_range(&[header, Instruction::LoadIndexed(Size::Half, link.payload)], low, high),
            || in_range(&[header, Instruction::LoadIndexed(Size::Half, link.payload + 2)], low, high),
        ),
    ]);
    Condition::any([six, four])
}

/// An IPv4 packet whole, or its first fragment.
pub(super) fn first_fragment(link: &Link) -> Condition {
    let offset = Test::load(Size::Half, link.payload + IP_FRAGMENT).asks(bpf::Condition::AnyBit, 0x1fff);
    Condition::Test(offset).negated()
}

fn in_range(code: &[Instruction], low: u16, high: u16) -> Condition {
    let ask =
        |condition, k: u16| Condition::Test(Test { code: code.to_vec(), condition, operand: Operand::K(k.into()) });
    if low == high {
        return ask(bpf::Condition::Equal, low);
    }
    Condition::all([ask(bpf::Condition::GreaterOrEqual, low), ask(bpf::Condition::Greater, high).negated()])
}
