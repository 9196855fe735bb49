//! What an expression means, before it is known what packets begin with.

use limpid_wire::MacAddr;
use limpid_wire::bpf::{Alu, Condition, Size};
use std::net::Ipv6Addr;
use std::ops::Range;

/// A filter's meaning. `And` and `Or` hold two parts or more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Is(Primitive, Range<usize>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Primitive {
    /// A protocol's name alone.
    Protocol(Protocol),
    /// An address: of any of the networks.
    Net {
        protocol: Option<Protocol>,
        direction: Direction,
        nets: Vec<Net>,
    },
    EtherHost {
        direction: Direction,
        address: MacAddr,
    },
    /// A port; of TCP, UDP and SCTP if no protocol is named.
    Ports {
        protocol: Option<Protocol>,
        direction: Direction,
        low: u16,
        high: u16,
    },
    /// What IPv4 or IPv6 (or either) carries.
    IpProtocol {
        family: Option<Protocol>,
        number: u32,
    },
    EtherType(u32),
    Vlan(Option<u32>),
    Broadcast,
    EtherMulticast,
    IpMulticast,
    Ip6Multicast,
    Outgoing(bool),
    Interface(u32),
    Relation {
        left: Arith,
        condition: Condition,
        right: Arith,
        negated: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    Link,
    Ip,
    Ip6,
    Arp,
    Rarp,
    Tcp,
    Udp,
    Sctp,
    Icmp,
    Icmp6,
    Igmp,
    Igrp,
    Pim,
    Vrrp,
    Ah,
    Esp,
    Stp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    Source,
    Destination,
    Either,
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Net {
    Ip4 { address: u32, mask: u32 },
    Ip6 { address: Ipv6Addr, prefix: u32 },
}

/// A calculation on a packet's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Arith {
    Constant(u32),
    Length,
    Load { protocol: Protocol, index: Box<Arith>, size: Size },
    Negate(Box<Arith>),
    Calculate(Alu, Box<Arith>, Box<Arith>),
}

impl Protocol {
    pub(super) fn of_keyword(word: &str) -> Option<Protocol> {
        Some(match word {
            "ether" | "link" | "ppp" | "slip" => Protocol::Link,
            "ip" => Protocol::Ip,
            "ip6" => Protocol::Ip6,
            "arp" => Protocol::Arp,
            "rarp" => Protocol::Rarp,
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "sctp" => Protocol::Sctp,
            "icmp" => Protocol::Icmp,
            "icmp6" => Protocol::Icmp6,
            "igmp" => Protocol::Igmp,
            "igrp" => Protocol::Igrp,
            "pim" => Protocol::Pim,
            "vrrp" | "carp" => Protocol::Vrrp,
            "ah" => Protocol::Ah,
            "esp" => Protocol::Esp,
            "stp" => Protocol::Stp,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Protocol::Link => "ether",
            Protocol::Ip => "ip",
            Protocol::Ip6 => "ip6",
            Protocol::Arp => "arp",
            Protocol::Rarp => "rarp",
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
            Protocol::Icmp => "icmp",
            Protocol::Icmp6 => "icmp6",
            Protocol::Igmp => "igmp",
            Protocol::Igrp => "igrp",
            Protocol::Pim => "pim",
            Protocol::Vrrp => "vrrp",
            Protocol::Ah => "ah",
            Protocol::Esp => "esp",
            Protocol::Stp => "stp",
        }
    }

    /// What an IP header calls it.
    pub(super) fn number(self) -> Option<u32> {
        Some(match self {
            Protocol::Icmp => 1,
            Protocol::Igmp => 2,
            Protocol::Tcp => 6,
            Protocol::Igrp => 9,
            Protocol::Udp => 17,
            Protocol::Esp => 50,
            Protocol::Ah => 51,
            Protocol::Icmp6 => 58,
            Protocol::Pim => 103,
            Protocol::Vrrp => 112,
            Protocol::Sctp => 132,
            _ => return None,
        })
    }

    /// It is meant over IPv4, and over IPv6, when its name stands alone.
    pub(super) fn families(self) -> (bool, bool) {
        match self {
            Protocol::Icmp | Protocol::Igmp | Protocol::Igrp | Protocol::Vrrp => (true, false),
            Protocol::Icmp6 => (false, true),
            _ => (true, true),
        }
    }
}
