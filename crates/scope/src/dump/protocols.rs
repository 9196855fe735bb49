//! Names of IP protocols and EtherTypes, as tcpdump has them.

use limpid_wire::ethernet::EtherType;

/// What `-v` calls the protocol of an IP header (the next header of IPv6).
pub(super) fn printed_name(protocol: u8) -> &'static str {
    match protocol {
        0 => "Options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        8 => "EGP",
        9 => "IGRP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IPv6",
        43 => "Routing",
        44 => "Fragment",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        55 => "Mobile IP",
        58 => "ICMPv6",
        62 => "Mobile IP (old)",
        88 => "EIGRP",
        89 => "OSPF",
        103 => "PIM",
        108 => "Compressed IP",
        112 => "VRRP",
        113 => "PGM",
        132 => "SCTP",
        135 => "Mobility",
        143 => "Ethernet",
        _ => "unknown",
    }
}

/// The name of a protocol in the IANA's registry, printed without `-n`; `None` where it has none.
pub(super) fn registered_name(protocol: u8) -> Option<&'static str> {
    let names: &[&str] = match protocol {
        0..=60 => &NAMES_0_TO_60,
        _ => return NAMES_FROM_62.iter().find(|(p, _)| *p == protocol).map(|(_, name)| *name),
    };
    names.get(usize::from(protocol)).copied()
}

#[rustfmt::skip]
const NAMES_0_TO_60: [&str; 61] = [
    "hopopt", "icmp", "igmp", "ggp", "ipencap", "st", "tcp", "cbt", "egp", "igp", "bbn-rcc-mon", "nvp-ii", "pup",
    "argus", "emcon", "xnet", "chaos", "udp", "mux", "dcn-meas", "hmp", "prm", "xns-idp", "trunk-1", "trunk-2",
    "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4", "netblt", "mfe-nsp", "merit-inp", "dccp", "3pc", "idpr", "xtp",
    "ddp", "idpr-cmtp", "tp++", "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre", "dsr", "bna",
    "esp", "ah", "i-nlsp", "swipe", "narp", "mobile", "tlsp", "skip", "ipv6-icmp", "ipv6-nonxt", "ipv6-opts",
];

#[rustfmt::skip]
const NAMES_FROM_62: [(u8, &str); 80] = [
    (62, "cftp"), (64, "sat-expak"), (65, "kryptolan"), (66, "rvd"), (67, "ippc"), (69, "sat-mon"), (70, "visa"),
    (71, "ipcv"), (72, "cpnx"), (73, "rspf"), (74, "wsn"), (75, "pvp"), (76, "br-sat-mon"), (77, "sun-nd"),
    (78, "wb-mon"), (79, "wb-expak"), (80, "iso-ip"), (81, "vmtp"), (82, "secure-vmtp"), (83, "vines"), (84, "ttp"),
    (85, "nsfnet-igp"), (86, "dgp"), (87, "tcf"), (88, "eigrp"), (89, "ospf"), (90, "sprite-rpc"), (91, "larp"),
    (92, "mtp"), (93, "ax.25"), (94, "ipip"), (95, "micp"), (96, "scc-sp"), (97, "etherip"), (98, "encap"),
    (100, "gmtp"), (101, "ifmp"), (102, "pnni"), (103, "pim"), (104, "aris"), (105, "scps"), (106, "qnx"),
    (107, "a/n"), (108, "ipcomp"), (109, "snp"), (110, "compaq-peer"), (111, "ipx-in-ip"), (112, "vrrp"),
    (113, "pgm"), (115, "l2tp"), (116, "ddx"), (117, "iatp"), (118, "stp"), (119, "srp"), (120, "uti"), (121, "smp"),
    (122, "sm"), (123, "ptp"), (124, "isis"), (125, "fire"), (126, "crtp"), (127, "crudp"), (128, "sscopmce"),
    (129, "iplt"), (130, "sps"), (131, "pipe"), (132, "sctp"), (133, "fc"), (134, "rsvp-e2e-ignore"),
    (135, "mobility-header"), (136, "udplite"), (137, "mpls-in-ip"), (138, "manet"), (139, "hip"), (140, "shim6"),
    (141, "wesp"), (142, "rohc"), (253, "exptest-253"), (254, "exptest-254"), (255, "reserved"),
];

/// IPv4's EtherType.
pub(super) const ETHERTYPE_IPV4: u16 = EtherType::IPV4.0;
/// ARP's EtherType.
pub(super) const ETHERTYPE_ARP: u16 = EtherType::ARP.0;
/// Reverse ARP's EtherType.
pub(super) const ETHERTYPE_REVERSE_ARP: u16 = 0x8035;
/// IPv6's EtherType.
pub(super) const ETHERTYPE_IPV6: u16 = EtherType::IPV6.0;

/// PPPoE's EtherTypes.
pub(super) const ETHERTYPE_PPPOE_DISCOVERY: u16 = 0x8863;
pub(super) const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;

/// The EtherTypes of MPLS.
pub(super) fn is_mpls(ethertype: u16) -> bool {
    matches!(ethertype, 0x8847 | 0x8848)
}

/// The name of an EtherType.
pub(super) fn ethertype_name(ethertype: u16) -> Option<&'static str> {
    Some(match ethertype {
        0x0600 => "NS",
        ETHERTYPE_IPV4 => "IPv4",
        ETHERTYPE_ARP => "ARP",
        0x6558 => "TEB",
        ETHERTYPE_REVERSE_ARP => "Reverse ARP",
        0x809b => "Appletalk",
        0x80f3 => "Appletalk ARP",
        0x8100 => "802.1Q",
        0x8137 => "IPX",
        ETHERTYPE_IPV6 => "IPv6",
        0x8808 => "MPCP",
        0x8809 => "Slow Protocols",
        0x880b => "PPP",
        0x8847 => "MPLS unicast",
        0x8848 => "MPLS multicast",
        0x8863 => "PPPoE D",
        0x8864 => "PPPoE S",
        0x888e => "EAPOL",
        0x88a2 => "AoE",
        0x88a8 => "802.1Q-QinQ",
        0x88ca => "TIPC",
        0x88cc => "LLDP",
        0x88e5 => "802.1AE MACsec",
        0x88f7 => "PTP",
        0x8902 => "CFM",
        0x9100 => "802.1Q-9100",
        0x9200 => "802.1Q-9200",
        _ => return None,
    })
}
