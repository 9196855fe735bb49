//! IPv4 and IPv6 headers, options, extension headers, fragments, nesting.

use super::packets::*;
use super::run::compare;

const FLAGS: &[&str] = &["-n", "-n -v", "-n -e", "-n -q", "-n -vv -K"];

#[test]
fn versions_and_lengths() {
    let tcp = Tcp { payload: vec![1; 5], ..Tcp::default() };
    let mut all = Vec::new();
    for version in 0..16 {
        let packet = Ip4 { version, ..Ip4::default() }.tcp(&tcp);
        all.push(packet.clone());
        all.push(Ip4 { protocol: 4, ..Ip4::default() }.bytes(&packet));
        all.push(Ip4 { protocol: 41, ..Ip4::default() }.bytes(&packet));
    }
    all.extend((0..16).map(|words| Ip4 { header_words: Some(words), ..Ip4::default() }.tcp(&tcp)));
    all.extend((0..60).map(|total| Ip4 { total: Some(total), ..Ip4::default() }.tcp(&tcp)));
    all.extend((0..40).map(|payload| Ip6 { payload: Some(payload), ..Ip6::default() }.tcp(&[], &tcp)));
    all.extend([1500, 65535].map(|total| Ip4 { total: Some(total), ..Ip4::default() }.tcp(&tcp)));
    compare("versions", RAW, &whole(all), FLAGS);
}

#[test]
fn ipv4_fields() {
    let tcp = Tcp { payload: vec![1; 30], ..Tcp::default() };
    let mut all = Vec::new();
    for i in 0..=255u8 {
        all.push(Ip4 { tos: i, ttl: i, id: u16::from(i) * 257, bad_checksum: i % 3 == 0, ..Ip4::default() }.tcp(&tcp));
    }
    for fragment in [0, 1, 5, 0x1fff, 0x2000, 0x2005, 0x4000, 0x4005, 0x8000, 0xa001, 0xe000, 0xffff] {
        for protocol in [1, 6, 17, 41, 200] {
            all.push(Ip4 { fragment, protocol, ..Ip4::default() }.bytes(&tcp.bytes()));
        }
    }
    compare("fields", RAW, &whole(all), FLAGS);
}

#[test]
fn fragments_have_protocol_names() {
    let fragment = |protocol| Ip4 { fragment: 7, protocol, src: [192, 0, 2, 1], ..Ip4::default() }.bytes(&[0xff; 40]);
    compare("protocol names", RAW, &whole((0..=255).map(fragment)), &["-n", "-n -v", ""]);
}

#[test]
fn ipv4_options() {
    let mut all = Vec::new();
    for kind in [0, 1, 7, 68, 82, 99, 130, 131, 134, 136, 137, 148, 205] {
        for length in (0..=12u8).chain([15, 19, 28, 39, 40]) {
            for pointer in [0, 3, 4, 5, 8, 9, 13, 40] {
                let mut options = vec![1, kind, length, pointer];
                options.extend((0..length.saturating_sub(3)).map(|i| i.wrapping_mul(17)));
                options.truncate(40);
                all.push(Packet::whole(Ip4 { options, ..Ip4::default() }.tcp(&Tcp::default())));
            }
        }
    }
    for flags in [0, 1, 2, 3, 0x50, 0xf1, 0x13] {
        for (length, pointer) in [(4u8, 5), (8, 5), (8, 9), (12, 5), (12, 9), (12, 13), (20, 13), (36, 37), (36, 21)] {
            let mut options = vec![68, length, pointer, flags];
            options.extend((4..length).map(|i| i.wrapping_mul(11)));
            all.push(Packet::whole(Ip4 { options, ..Ip4::default() }.tcp(&Tcp::default())));
        }
    }
    let options = vec![7, 11, 8, 10, 9, 8, 7, 6, 5, 4, 3, 131, 7, 8, 9, 9, 9, 9, 68, 8, 9, 0, 0, 0, 1, 1, 0];
    all.extend(cuts(&Ip4 { options, ..Ip4::default() }.tcp(&Tcp::default())));
    compare("IPv4 options", RAW, &all, FLAGS);
}

#[test]
fn random_ipv4_options() {
    let mut random = Random::new(11);
    let mut all = Vec::new();
    for _ in 0..2000 {
        let count = random.below(41);
        let mut options = random.bytes(count);
        for byte in &mut options {
            if random.below(2) == 0 {
                *byte = *random.one_of(&[0, 1, 3, 4, 7, 8, 11, 12, 68, 131, 137, 148]);
            }
        }
        let packet = Ip4 { options, ..Ip4::default() }.tcp(&Tcp::default());
        let len = if random.below(3) == 0 { 1 + random.below(packet.len()) } else { packet.len() };
        all.push(cut(&packet, len));
    }
    compare("random IPv4 options", RAW, &all, &["-n", "-n -v"]);
}

#[test]
fn ipv6_fields() {
    let tcp = Tcp { payload: vec![1; 3], ..Tcp::default() };
    let mut all = Vec::new();
    for i in 0..=255u8 {
        all.push(Ip6 { class: i, flow: u32::from(i) * 4000, hops: i, ..Ip6::default() }.tcp(&[], &tcp));
    }
    let mut random = Random::new(21);
    for _ in 0..300 {
        // Addresses with runs of zeros at many places, v4-mapped and v4-compatible ones among them.
        let mut address = [0; 16];
        for _ in 0..random.below(5) {
            address[random.below(16)] = random.next() as u8;
        }
        if random.below(4) == 0 {
            address[10..12].copy_from_slice(&[0xff, 0xff]);
        }
        all.push(Ip6 { src: address, ..Ip6::default() }.tcp(&[], &tcp));
    }
    all.extend([59, 200].map(|next| Ip6 { next, ..Ip6::default() }.bytes(&[])));
    compare("IPv6", RAW, &whole(all), FLAGS);
}

/// Chains of extension headers: the first header's number, and the headers.
fn chains() -> Vec<(u8, Vec<u8>)> {
    let options = |next, options: [u8; 6]| [&[next, 0][..], &options].concat();
    let pad = [1, 4, 0, 0, 0, 0];
    let routing = |kind, left, units: u8| {
        let mut header = vec![6, units, kind, left, 0, 0, 0, 0];
        header.extend((0..units * 8).map(|i| if i % 16 == 15 { 9 + i } else { 0 }));
        header
    };
    let mut all = vec![
        (0, options(6, pad)),
        (60, options(6, pad)),
        (0, options(6, [5, 2, 0, 0, 1, 0])),
        (0, options(6, [5, 3, 0, 0, 0, 0])),
        (0, options(6, [0; 6])),
        (0, options(6, [0xc2, 4, 0, 1, 0, 0])),
        (0, options(6, [99, 4, 1, 2, 3, 4])),
        (0, options(6, [99, 40, 1, 2, 3, 4])),
        (0, options(6, [1, 3, 0, 0, 0, 1])),
        (0, [options(60, pad), options(6, pad)].concat()),
        (0, [options(0, pad), options(6, pad)].concat()),
        (60, [options(0, pad), options(6, pad)].concat()),
        (60, vec![6, 9, 1, 4]),
        (60, [&[6, 2, 201, 16, 0xfe, 0x80][..], &[0; 13], &[7, 1, 2, 0, 0]].concat()),
        (44, vec![6, 0, 0, 0, 0, 0, 0, 9]),
        (44, vec![6, 0, 0, 1, 0, 0, 1, 9]),
        (44, vec![6, 0, 0, 9, 0, 0, 0, 9]),
        (44, vec![6, 0, 1, 0, 0, 0, 0, 9]),
        (0, [options(44, pad), vec![6, 0, 0, 1, 0, 0, 0, 9]].concat()),
        (59, vec![]),
        (200, vec![1, 2, 3]),
    ];
    for kind in [0, 2, 3, 4, 7] {
        for (left, units) in [(1, 2), (0, 4), (2, 1), (1, 0)] {
            all.push((43, routing(kind, left, units)));
        }
    }
    all
}

#[test]
fn extension_headers() {
    let mut all = Vec::new();
    for (next, headers) in chains() {
        let packet = Ip6 { next, ..Ip6::default() }.tcp(&headers, &Tcp { payload: vec![1, 2], ..Tcp::default() });
        all.extend(cuts(&packet).into_iter().skip(38));
    }
    all.push(Packet::whole(
        Ip6 { next: 0, payload: Some(0), ..Ip6::default() }.tcp(&[6, 0, 1, 4, 0, 0, 0, 0], &Tcp::default()),
    ));
    compare("extension headers", RAW, &all, FLAGS);
}

#[test]
fn nested_packets() {
    let tcp = Ip4::default().tcp(&Tcp::default());
    let six = Ip6::default().tcp(&[], &Tcp::default());
    let all = [
        Ip4 { protocol: 4, ..Ip4::default() }.bytes(&tcp),
        Ip4 { protocol: 41, ..Ip4::default() }.bytes(&six),
        Ip6 { next: 4, ..Ip6::default() }.bytes(&tcp),
        Ip6 { next: 41, ..Ip6::default() }.bytes(&six),
        Ip6 { next: 1, ..Ip6::default() }.bytes(&[8, 0, 0, 0, 0, 0, 0, 0]),
        Ip4 { protocol: 58, ..Ip4::default() }.bytes(&[128, 0, 0, 0, 0, 0, 0, 0]),
    ];
    let packets: Vec<Packet> = all.iter().flat_map(|packet| cuts(packet)).collect();
    compare("nested", RAW, &packets, FLAGS);
}
