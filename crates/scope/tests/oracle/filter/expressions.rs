//! Expressions: some that people use, and any that the grammar allows.

use super::traffic::PORTS;
use crate::packets::Random;
use limpid_scope::capture::LinkType;

pub(crate) const WELL_KNOWN: &[&str] = &[
    "tcp",
    "udp",
    "icmp",
    "icmp6",
    "ip",
    "ip6",
    "arp",
    "rarp",
    "stp",
    "sctp",
    "not arp and not icmp6",
    "port 80",
    "port 80 or 443",
    "tcp port 80 or 443 or 8080",
    "not port 22",
    "tcp port http",
    "port domain",
    "udp port 53",
    "sctp port 80",
    "src port 80",
    "dst port 80 and src port 40000",
    "src and dst port 80",
    "src or dst port 80",
    "portrange 80-443",
    "tcp src portrange 100-6379",
    "portrange 443-80",
    "host 10.0.0.1",
    "host 10.0.0.1 or 10.0.0.2",
    "host 10.0.0.1 and (port 80 or port 443)",
    "src host 10.0.0.1 and dst host 10.0.0.2",
    "src 10.0.0.1",
    "ip host 10.0.0.1",
    "arp host 10.0.0.1",
    "host 2001:db8::1 or fe80::1",
    "ip6 host fe80::2",
    "net 10.0.0.0/8",
    "net 10",
    "net 192.168",
    "src net 10.1.0.0/16 and not dst net 10.0.0.0 mask 255.255.255.0",
    "net 2001:db8::/32",
    "dst net fe80::/10",
    "net 0.0.0.0/0",
    "host 10.1",
    "ip proto 6",
    "ip proto \\udp",
    "ip6 proto 6",
    "proto 17",
    "ether proto 0x800",
    "ether proto \\arp",
    "ether proto 0x42",
    "ip multicast",
    "ip6 multicast",
    "ether host 02:00:00:00:00:01",
    "ether src 02-00-00-00-00-01 or ether dst 0200.0000.0001",
    "ether broadcast",
    "broadcast or multicast",
    "vlan",
    "vlan 5 and tcp port 80",
    "vlan and host 10.0.0.1",
    "vlan 5 and vlan 6",
    "vlan 100 or ip",
    "not vlan and ip",
    "less 80",
    "greater 60",
    "len > 70 and len <= 100",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "tcp[tcpflags] & tcp-syn != 0 and tcp[tcpflags] & tcp-ack == 0",
    "tcp[tcpflags] == tcp-syn|tcp-ack",
    "tcp[13] = 2",
    "tcp[13] & 4 != 0 or icmp[icmptype] = icmp-unreach",
    "tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420",
    "ip[2:2] > 60",
    "ip[6:2] & 0x1fff != 0",
    "ip[8] < 65",
    "ip6[6] = 6 and ip6[40:2] = 80",
    "icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply",
    "icmp6 and icmp6[0] = icmp6-echo",
    "udp[4:2] >= 11",
    "ether[0] & 1 = 0 and ip[16] >= 224",
    "ether[12:2] = 0x86dd",
    "ip[ip[0] & 0xf] = 0",
    "ip[0] - -1 = 70",
    "ip[-1] = 0",
    "-ip[9] + 6 = 0",
    "ip[9] * 2 = 12 and ip[8] / 2 = 32",
    "ip[9] % 4 + 1 = 2",
    "ip[9] ^ 3 & 1 = 7",
    "ip[0] & 3 ^ 1 = 2",
    "ip[2:2] / ip[9] > 2",
    "1 << 3 = ip[8] >> 3",
    "10 > ip[9]",
    "4 = 4",
    "4 = 5 or tcp",
    "!tcp && !udp || icmp",
    "inbound",
    "outbound and tcp",
    "ifindex 1",
    "port (80 or 443)",
    "port not 80",
    "host 10.0.0.1 and not 10.0.0.2",
    "port 80 or (443 or 22) and 40000",
    "not port 80 and 443",
    "(tcp or udp) and port 53",
    "ip or ip6 and tcp",
    "pim or vrrp or igrp or ah or esp or igmp or carp",
    // What neither understands.
    "10.0.0.1",
    "tcp 80",
    "tcp and 10.0.0.1",
    "(port 80) or 443",
    "host",
    "port 70000",
    "port 080",
    "tcp host 10.0.0.1",
    "ip port 80",
    "net 10.0.0.1/8",
    "host 10.0.0.0/8",
    "host 256.1.1.1",
    "vlan 4096",
    "tcp[0:3] = 1",
    "ip[0] / 0 = 1",
    "ip[0] << 32 = 1",
    "host 1:2:3:4:5:6",
    "ether host 10.0.0.1",
    "ip6 host 10.0.0.1",
    "udp port http",
    "port 80 443",
    "and tcp",
    "tcp and",
    "(tcp",
    "tcp)",
    "tcp[0",
    "port 100-200",
];

/// An expression; some are about what the link type does not have.
pub(crate) fn random(random: &mut Random, link_type: LinkType) -> String {
    let depth = random.below(4);
    expression(random, link_type, depth)
}

fn expression(random: &mut Random, link_type: LinkType, depth: usize) -> String {
    if depth == 0 {
        return primitive(random, link_type);
    }
    let mut text = operand(random, link_type, depth);
    for _ in 0..random.below(3) {
        let join = *random.one_of(&["and", "or", "&&", "||"]);
        text = format!("{text} {join} {}", operand(random, link_type, depth));
    }
    text
}

fn operand(random: &mut Random, link_type: LinkType, depth: usize) -> String {
    match random.below(5) {
        0 => format!("not {}", operand(random, link_type, depth.saturating_sub(1))),
        1 | 2 => format!("({})", expression(random, link_type, depth.saturating_sub(1))),
        _ => expression(random, link_type, 0),
    }
}

fn primitive(random: &mut Random, link_type: LinkType) -> String {
    let protocols =
        ["tcp", "udp", "icmp", "icmp6", "ip", "ip6", "arp", "rarp", "sctp", "igmp", "esp", "ah", "pim", "vrrp"];
    let direction = *random.one_of(&["", "", "src ", "dst ", "src or dst ", "src and dst "]);
    match random.below(14) {
        0 | 1 => (*random.one_of(&protocols)).to_owned(),
        2 => format!("{direction}host {}", address(random)),
        3 => format!("{direction}net {}", network(random)),
        4 => {
            let protocol = *random.one_of(&["", "tcp ", "udp ", "sctp "]);
            format!("{protocol}{direction}port {}", random.one_of(&PORTS))
        }
        5 => {
            let protocol = *random.one_of(&["", "tcp ", "udp "]);
            format!("{protocol}{direction}portrange {}-{}", random.one_of(&PORTS), random.one_of(&PORTS))
        }
        6 => {
            let family = *random.one_of(&["ip ", "ip6 ", ""]);
            format!("{family}proto {}", random.one_of(&[6, 17, 1, 58, 44, 132]))
        }
        7 => format!("ether proto {:#x}", random.one_of(&[0x800, 0x86dd, 0x806, 0x8100, 0x42, 0x8847])),
        8 if link_type == LinkType::ETHERNET => match random.below(4) {
            0 => format!("ether {direction}host 02:00:00:00:00:0{}", random.below(3)),
            1 => "vlan".to_owned(),
            2 => format!("vlan {}", random.one_of(&[5, 6, 100])),
            _ => (*random.one_of(&["broadcast", "multicast", "ip multicast", "ip6 multicast"])).to_owned(),
        },
        8 if link_type == LinkType::LINUX_SLL || link_type == LinkType::LINUX_SLL2 => {
            (*random.one_of(&["inbound", "outbound"])).to_owned()
        }
        8 | 9 => format!("{} {}", random.one_of(&["less", "greater"]), 40 + random.below(80)),
        _ => {
            let sign = *random.one_of(&["=", "!=", "<", "<=", ">", ">=", "=="]);
            let protocol = *random.one_of(&["ip", "ip", "tcp", "tcp", "ip6", "udp", "icmp", "arp", "icmp6", "sctp"]);
            let left = match random.below(8) {
                0 => "len".to_owned(),
                1 => random.below(300).to_string(),
                _ => arith(random, 2, protocol),
            };
            let right = match random.below(4) {
                0 => arith(random, 1, protocol),
                1 => "len".to_owned(),
                _ => random.below(300).to_string(),
            };
            format!("{left} {sign} {right}")
        }
    }
}

fn address(random: &mut Random) -> String {
    let all = ["10.0.0.1", "10.0.0.2", "192.168.1.9", "127.0.0.1", "10.1", "2001:db8::1", "fe80::2", "::1", "ff02::1"];
    (*random.one_of(&all)).to_owned()
}

fn network(random: &mut Random) -> String {
    let all = ["10", "10.0.0", "192.168", "10.0.0.0/8", "10.0.0.0/31", "0.0.0.0/0", "127.0.0.0 mask 255.0.0.0"];
    let six = ["2001:db8::/32", "fe80::/10", "ff00::/8", "::/0", "::1", "fe80::/63"];
    let list = if random.below(2) == 0 { &all[..] } else { &six[..] };
    (*random.one_of(list)).to_owned()
}

/// A calculation on one protocol's bytes, beginning with one of them: libpcap forgets to ask for the protocols of what
/// stands to the right of a sign. Without shifts by a variable, which no two machines agree on.
fn arith(random: &mut Random, depth: usize, protocol: &str) -> String {
    if depth == 0 || random.below(4) == 0 {
        return load(random, depth, protocol);
    }
    let left = arith(random, depth - 1, protocol);
    let right = match random.below(4) {
        0 => "len".to_owned(),
        1 => random.below(300).to_string(),
        _ => load(random, depth - 1, protocol),
    };
    match random.below(8) {
        0 => format!("({left} + {right})"),
        1 => format!("{left} - {right}"),
        2 => format!("{left} & {:#x}", random.below(256)),
        3 => format!("({left} | {right})"),
        4 => format!("({left} {} {})", random.one_of(&["<<", ">>"]), random.below(32)),
        5 => format!("{left} {} {}", random.one_of(&["/", "%", "^", "*"]), 1 + random.below(9)),
        6 => format!("{left} ^ {right}"),
        _ => format!("-{left}"),
    }
}

fn load(random: &mut Random, depth: usize, protocol: &str) -> String {
    let index = match random.below(6) {
        0 if depth > 0 => arith(random, depth - 1, protocol),
        _ => random.below(24).to_string(),
    };
    match random.below(3) {
        0 => format!("{protocol}[{index}:{}]", random.one_of(&[1, 2, 4])),
        _ => format!("{protocol}[{index}]"),
    }
}
