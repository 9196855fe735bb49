//! Packets whose bytes were changed at random.

use super::packets::*;
use super::run::compare;
use limpid_scope::capture::LinkType;

/// The protocols and next headers that are decoded: a changed byte takes one of these, for what others carry is ours
/// to print in short.
const PROTOCOLS: &[u8] = &[6, 6, 17, 1, 58, 4, 41, 59, 200];

fn seeds() -> Vec<Vec<u8>> {
    let tcp = Tcp {
        options: vec![2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0, 1, 3, 3, 7],
        payload: vec![1; 9],
        ..Tcp::default()
    };
    let sack = Tcp::with_options(&[1, 1, 5, 18, 0, 0, 3, 9, 0, 0, 4, 1, 0, 0, 9, 9, 0, 0, 10, 10, 254, 4, 0xf9, 0x89]);
    vec![
        Ip4::default().tcp(&tcp),
        Ip6::default().tcp(&[], &tcp),
        Ip4::default().tcp(&sack),
        Ip6::default().tcp(&[], &sack),
    ]
}

#[test]
fn changed_segments() {
    let mut random = Random::new(1 + 1000 * (rounds() - 1));
    let mut all = Vec::new();
    for _ in 0..3000 {
        let mut packet = random.one_of(&seeds()).clone();
        let header = if packet[0] >> 4 == 4 { 20 } else { 40 };
        for _ in 0..=random.below(4) {
            // From the sequence number on: ports decide what is decoded after the length.
            let at = header + 4 + random.below(packet.len() - header - 4);
            packet[at] = random.next() as u8;
        }
        let len = if random.below(3) == 0 { 1 + random.below(packet.len()) } else { packet.len() };
        all.push(cut(&packet, len));
    }
    compare("changed segments", RAW, &all, &["-n", "-n -S -v", "-n -q"]);
}

#[test]
fn changed_ip_headers() {
    let mut random = Random::new(2 + 1000 * (rounds() - 1));
    let mut all = Vec::new();
    for _ in 0..3000 {
        let mut packet = random.one_of(&seeds()).clone();
        let (header, protocol) = if packet[0] >> 4 == 4 { (20, 9) } else { (40, 6) };
        for _ in 0..=random.below(4) {
            let at = random.below(header);
            packet[at] = random.next() as u8;
            if at == protocol {
                packet[at] = *random.one_of(PROTOCOLS);
            }
        }
        if packet[0] >> 4 != 4 && packet[0] >> 4 != 6 {
            packet[0] = 0x40 | packet[0] & 0xf;
        }
        let len = if random.below(3) == 0 { 1 + random.below(packet.len()) } else { packet.len() };
        all.push(cut(&packet, len));
    }
    compare("changed IP headers", RAW, &all, &["-n", "-n -v", "-n -e -q"]);
}

#[test]
fn random_options() {
    let mut random = Random::new(3 + 1000 * (rounds() - 1));
    let mut all = Vec::new();
    for _ in 0..3000 {
        let count = random.below(41);
        let mut options = random.bytes(count);
        if random.below(2) == 0 {
            for byte in &mut options {
                *byte %= 12;
            }
        }
        let flags = *random.one_of(&[0x02, 0x10, 0x12, 0x18]);
        let tcp = Tcp { options, flags, payload: vec![9; random.below(4)], ..Tcp::default() };
        let packet = Ip4::default().tcp(&tcp);
        let len = packet.len() - if random.below(4) == 0 { random.below(20) } else { 0 };
        all.push(cut(&packet, len));
    }
    compare("random options", RAW, &all, &["-n", "-n -S"]);
}

#[test]
fn frames_cut_and_changed() {
    let mut random = Random::new(4);
    let mut all = Vec::new();
    for seed in seeds() {
        let ethertype = if seed[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
        let frame = ethernet(ethertype, &seed);
        all.extend((0..20).map(|_| cut(&frame, 1 + random.below(frame.len()))));
    }
    compare("frames", LinkType::ETHERNET, &all, &["-n", "-n -e", "-e", "-n -e -v"]);
}

/// Messages and frames of the other protocols.
fn other_seeds() -> Vec<Vec<u8>> {
    let tcp = Ip4::default().tcp(&Tcp { ports: (41000, 41001), ..Tcp::default() });
    let six = Ip6::default().tcp(&[], &Tcp { ports: (41000, 41001), ..Tcp::default() });
    let udp = Ip4::default().udp((42000, 42001), &[1, 2, 3, 4], None, None);
    let target = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    let solicitation = [&[0; 4][..], &target, &[1, 1, 2, 0, 0, 0, 0, 1]].concat();
    let advertisement = [&[64, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2][..], &[5, 1, 0, 0, 0, 0, 5, 220]].concat();
    let chain = [60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 5, 2, 0, 0, 1, 0, 6, 0, 0, 1, 0, 0, 0, 9];
    let four = |packet: &[u8]| ethernet(0x0800, packet);
    let six_frame = |packet: &[u8]| ethernet(0x86dd, packet);
    vec![
        four(&udp),
        four(&Ip4::default().icmp(3, 3, &[&[0; 4], &udp[..]].concat())),
        four(&Ip4::default().icmp(5, 1, &[&[1, 2, 3, 4], &tcp[..]].concat())),
        four(&Ip4::default().icmp(8, 0, &[1, 2, 3, 4, 5])),
        four(&Ip4 { protocol: 4, ..Ip4::default() }.bytes(&tcp)),
        six_frame(&Ip6 { next: 41, ..Ip6::default() }.bytes(&six)),
        six_frame(&Ip6::default().icmp(1, 4, &[&[0; 4], &six[..]].concat())),
        six_frame(&Ip6::default().icmp(135, 0, &solicitation)),
        six_frame(&Ip6::default().icmp(134, 0, &advertisement)),
        six_frame(&Ip6 { next: 0, ..Ip6::default() }.tcp(&chain, &Tcp { ports: (41000, 41001), ..Tcp::default() })),
        ethernet(0x8100, &[&[0x20, 9, 8, 0][..], &tcp].concat()),
        ethernet(0x0806, &arp(1, [0; 6], ([10, 0, 0, 1], [10, 0, 0, 2]))),
    ]
}

/// How many rounds to go: one, or as many as `LIMPID_ORACLE_ROUNDS` says.
fn rounds() -> u64 {
    std::env::var("LIMPID_ORACLE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

#[test]
fn changed_others() {
    for round in 0..rounds() {
        let mut random = Random::new(100 + round);
        let mut all = Vec::new();
        for _ in 0..2000 {
            let mut frame = random.one_of(&other_seeds()).clone();
            for _ in 0..=random.below(3) {
                // Not the EtherType, the protocol, ports and types: they choose what is decoded.
                let at = 14 + random.below(frame.len() - 14);
                let chooses = match (frame[12], frame[13]) {
                    (8, 0) => matches!(at, 23 | 34..38 | 43 | 51),
                    (0x86, 0xdd) => matches!(at, 20 | 54 | 60 | 62 | 68 | 70 | 78..82 | 94..98 | 102..106),
                    (0x81, 0) => at < 18 || at == 27,
                    _ => at < 18,
                };
                if !chooses {
                    frame[at] = random.next() as u8;
                }
            }
            let len = if random.below(3) == 0 { 1 + random.below(frame.len()) } else { frame.len() };
            all.push(cut(&frame, len));
        }
        compare("changed others", LinkType::ETHERNET, &all, &["-n", "-n -v", "-n -e -vv"]);
    }
}
