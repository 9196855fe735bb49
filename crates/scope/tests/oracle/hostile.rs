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
    let mut random = Random::new(1);
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
    let mut random = Random::new(2);
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
    let mut random = Random::new(3);
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
