//! The words of the language.

/// Words with a meaning here.
const KEYWORDS: [&str; 28] = [
    "and",
    "or",
    "not",
    "src",
    "dst",
    "host",
    "net",
    "mask",
    "port",
    "portrange",
    "proto",
    "less",
    "greater",
    "len",
    "length",
    "broadcast",
    "multicast",
    "vlan",
    "inbound",
    "outbound",
    "ifindex",
    "ether",
    "link",
    "ppp",
    "slip",
    "ip",
    "ip6",
    "arp",
];

/// The other protocols.
const PROTOCOLS: [&str; 14] =
    ["rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "igrp", "pim", "vrrp", "carp", "ah", "esp", "stp"];

/// Words that libpcap knows and we do not.
const UNSUPPORTED: [&str; 51] = [
    "gateway",
    "protochain",
    "byte",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "on",
    "ifname",
    "rnr",
    "rulenum",
    "reason",
    "rset",
    "ruleset",
    "srnr",
    "subrulenum",
    "action",
    "llc",
    "radio",
    "wlan",
    "fddi",
    "tr",
    "type",
    "subtype",
    "direction",
    "dir",
    "addr1",
    "addr2",
    "addr3",
    "addr4",
    "ra",
    "ta",
    "aarp",
    "atalk",
    "decnet",
    "lat",
    "sca",
    "moprc",
    "mopdl",
    "iso",
    "clnp",
    "esis",
    "isis",
    "csnp",
    "psnp",
    "lane",
    "oam",
    "vpi",
    "vci",
    "ipx",
    "netbeui",
];

/// Numbers with names (pcap-filter(7); the ICMP types are IANA's).
const CONSTANTS: [(&str, u32); 48] = [
    ("icmptype", 0),
    ("icmpcode", 1),
    ("icmp6type", 0),
    ("icmp6code", 1),
    ("icmp-echoreply", 0),
    ("icmp-unreach", 3),
    ("icmp-sourcequench", 4),
    ("icmp-redirect", 5),
    ("icmp-echo", 8),
    ("icmp-routeradvert", 9),
    ("icmp-routersolicit", 10),
    ("icmp-timxceed", 11),
    ("icmp-paramprob", 12),
    ("icmp-tstamp", 13),
    ("icmp-tstampreply", 14),
    ("icmp-ireq", 15),
    ("icmp-ireqreply", 16),
    ("icmp-maskreq", 17),
    ("icmp-maskreply", 18),
    ("icmp6-destinationrunreach", 1),
    ("icmp6-packettoobig", 2),
    ("icmp6-timeexceeded", 3),
    ("icmp6-parameterproblem", 4),
    ("icmp6-echo", 128),
    ("icmp6-echoreply", 129),
    ("icmp6-multicastlistenerquery", 130),
    ("icmp6-multicastlistenerreportv1", 131),
    ("icmp6-multicastlistenerdone", 132),
    ("icmp6-routersolicit", 133),
    ("icmp6-routeradvert", 134),
    ("icmp6-neighborsolicit", 135),
    ("icmp6-neighboradvert", 136),
    ("icmp6-redirect", 137),
    ("icmp6-routerrenum", 138),
    ("icmp6-nodeinformationquery", 139),
    ("icmp6-nodeinformationresponse", 140),
    ("icmp6-ineighbordiscoverysolicit", 141),
    ("icmp6-ineighbordiscoveryadvert", 142),
    ("icmp6-multicastlistenerreportv2", 143),
    ("tcpflags", 13),
    ("tcp-fin", 0x01),
    ("tcp-syn", 0x02),
    ("tcp-rst", 0x04),
    ("tcp-push", 0x08),
    ("tcp-ack", 0x10),
    ("tcp-urg", 0x20),
    ("tcp-ece", 0x40),
    ("tcp-cwr", 0x80),
];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || PROTOCOLS.contains(&word) || is_unsupported(word) || constant(word).is_some()
}

pub(super) fn is_unsupported(word: &str) -> bool {
    UNSUPPORTED.contains(&word)
}

pub(super) fn constant(word: &str) -> Option<u32> {
    CONSTANTS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// The keyword that was probably meant.
pub(super) fn closest(word: &str) -> Option<&'static str> {
    let word: Vec<u8> = word.bytes().take(32).map(|b| b.to_ascii_lowercase()).collect();
    let all = KEYWORDS.iter().chain(&PROTOCOLS).copied();
    all.map(|keyword| (distance(&word, keyword.as_bytes()), keyword))
        .filter(|(distance, keyword)| *distance <= keyword.len() / 3 + usize::from(keyword.len() == 2))
        .min()
        .map(|(_, keyword)| keyword)
}

/// Letters to put in, take out, change or swap with their neighbours.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let mut least = (last[j] + usize::from(a[i] != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
