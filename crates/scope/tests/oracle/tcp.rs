//! TCP: flags, options, lengths, cuts, relative numbers, checksums.

use super::packets::*;
use super::run::compare;

const FLAGS: &[&str] = &["-n", "-n -S", "-n -v", "-n -vv -S", "-n -q", "-n -K -v"];

#[test]
fn flags_and_urgent() {
    let all = (0..=255).map(|flags| Ip4::default().tcp(&Tcp { flags, urgent: 7, ..Tcp::default() }));
    compare("flags", RAW, &whole(all), FLAGS);
}

#[test]
fn every_option_kind_at_every_length() {
    let mut all = Vec::new();
    for kind in 2..=255u8 {
        for length in (0..=12u8).chain([16, 18, 20, 26, 34, 38]) {
            let mut options = vec![kind, length];
            options.extend((0..length.saturating_sub(2)).map(|i| i.wrapping_mul(37).wrapping_add(kind)));
            options.resize(options.len().next_multiple_of(4), 1);
            all.push(Ip4::default().tcp(&Tcp::with_options(&options)));
            options.splice(0..0, [2, 4, 5, 180]);
            options.truncate(40);
            all.push(Ip4::default().tcp(&Tcp { flags: 2, ..Tcp::with_options(&options) }));
        }
    }
    compare("options", RAW, &whole(all), &["-n", "-n -S -v"]);
}

#[test]
fn multipath_options() {
    let mut all = Vec::new();
    for (subtype, length) in (0..16u8).flat_map(|s| (2..=38u8).map(move |l| (s, l))) {
        for (low, flags) in [(0, 0x10), (1, 0x02), (4, 0x12), (6, 0x18), (1, 0x01)] {
            let mut options = vec![30, length, subtype << 4 | low];
            options.extend((0..length).map(|i| i.wrapping_mul(29).wrapping_add(subtype)));
            options.truncate(usize::from(length));
            all.push(Ip4::default().tcp(&Tcp { flags, ..Tcp::with_options(&options) }));
        }
    }
    for flags in 0..=63 {
        for length in 4..=32usize {
            let mut options = vec![30, length as u8, 0x20, flags];
            options.extend((4..length as u8).map(|i| i * 3));
            all.push(Ip4::default().tcp(&Tcp::with_options(&options)));
        }
    }
    compare("mptcp", RAW, &whole(all), &["-n"]);
}

#[test]
fn every_header_length() {
    let mut all = Vec::new();
    for payload in [0, 1, 3, 10, 44] {
        for offset in 0..=15 {
            let tcp = Tcp { offset: Some(offset), payload: vec![1; payload], ..Tcp::default() };
            all.push(Ip4::default().tcp(&tcp));
            all.push(Ip6::default().tcp(&[], &tcp));
        }
    }
    compare("offsets", RAW, &whole(all), FLAGS);
}

/// A segment with all usual options, SACK blocks, a Fast Open cookie and a payload.
fn rich() -> Tcp {
    let mut options = vec![2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0, 3, 3, 7];
    options.extend([5, 10, 0, 0, 19, 136, 0, 0, 39, 16]);
    options.extend([254, 8, 0xf9, 0x89, 1, 2, 3, 4, 1, 1, 0]);
    Tcp { payload: b"hello".to_vec(), ..Tcp::with_options(&options) }
}

#[test]
fn cut_at_every_byte() {
    let mut all = cuts(&Ip4::default().tcp(&rich()));
    all.extend(cuts(&Ip6::default().tcp(&[], &rich())));
    all.extend(shorts(&Ip4::default().tcp(&rich())));
    all.extend(shorts(&Ip6::default().tcp(&[], &rich())));
    for options in [&[29, 8, 1, 2, 3, 4, 5, 6, 28, 4, 1, 2, 34, 6, 1, 2, 3, 4, 100, 4, 9, 9][..], &[19, 18], &[30, 12]]
    {
        let mut options = options.to_vec();
        options.resize(20, 1);
        all.extend(cuts(&Ip4::default().tcp(&Tcp::with_options(&options))));
        options.insert(0, 1);
        all.extend(cuts(&Ip4::default().tcp(&Tcp::with_options(&options))));
    }
    compare("cuts", RAW, &all, FLAGS);
}

#[test]
fn sack_blocks() {
    let mut all = Vec::new();
    for length in 2..=34u8 {
        let mut options = vec![1, 1, 5, length];
        options.extend((0..length - 2).map(|i| i.wrapping_mul(91)));
        let tcp = Tcp::with_options(&options);
        all.push(Ip4::default().tcp(&tcp));
        all.push(Ip4 { src: [10, 0, 0, 2], dst: [10, 0, 0, 1], ..Ip4::default() }.tcp(&tcp.back()));
    }
    compare("sack", RAW, &whole(all), &["-n", "-n -S"]);
}

#[test]
fn relative_numbers() {
    let there = Ip4::default();
    let back = Ip4 { src: there.dst, dst: there.src, ..there.clone() };
    let syn = Tcp { flags: 2, seq: 100, ack: 0, ..Tcp::default() };
    let syn_ack = Tcp { flags: 0x12, seq: 900, ack: 101, ..syn.back() };
    let ack = Tcp { flags: 0x10, seq: 101, ack: 901, ..syn.clone() };
    let data = Tcp { flags: 0x18, payload: vec![7; 10], ..ack.clone() };
    let mut all = vec![
        there.tcp(&syn),
        back.tcp(&syn_ack),
        there.tcp(&ack),
        there.tcp(&data),
        back.tcp(&Tcp { seq: 901, ack: 111, ..data.back() }),
        // A bare SYN and an RST without ACK stay absolute.
        there.tcp(&syn),
        there.tcp(&Tcp { flags: 4, ..ack.clone() }),
        // The ports come again, with the SYN-ACK missing.
        there.tcp(&Tcp { seq: 0x9000_0000, ..syn.clone() }),
        there.tcp(&Tcp { seq: 0x9000_0001, ack: 5, ..data.clone() }),
        // And with it.
        back.tcp(&Tcp { seq: 70, ack: 0x9000_0001, ..syn_ack.clone() }),
        there.tcp(&Tcp { seq: 0x9000_0001, ack: 71, ..data.clone() }),
        // Numbers wrap.
        back.tcp(&Tcp { seq: 69, ack: 0x9000_0001, payload: vec![1; 4], ..syn_ack.clone() }),
        back.tcp(&Tcp { seq: 60, ack: 0x8fff_ff00, payload: vec![1; 300], flags: 0x11, ..syn_ack }),
    ];
    // Seen from the middle on; equal ports; a host talking to itself; the same ports over IPv6.
    let middle = Tcp { ports: (50000, 50001), ..data.clone() };
    all.extend([there.tcp(&middle), there.tcp(&middle), back.tcp(&middle.back())]);
    let equal = Tcp { ports: (50000, 50000), ..data.clone() };
    all.extend([back.tcp(&equal), back.tcp(&equal), there.tcp(&equal.back()), there.tcp(&equal.back())]);
    let itself = Ip4 { dst: there.src, ..there.clone() };
    all.extend([itself.tcp(&equal), itself.tcp(&equal), itself.tcp(&equal.back())]);
    all.extend([itself.tcp(&middle), itself.tcp(&middle), itself.tcp(&middle.back())]);
    let six = Ip6::default();
    let six_back = Ip6 { src: six.dst, dst: six.src, ..six.clone() };
    all.extend([six.tcp(&[], &data), six.tcp(&[], &data), six_back.tcp(&[], &data.back())]);
    // A header said to be too long says nothing of the connection.
    let fresh = Tcp { ports: (60000, 60001), ..data };
    all.push(there.tcp(&Tcp { offset: Some(15), ..fresh.clone() }));
    all.extend([there.tcp(&fresh), there.tcp(&fresh)]);
    compare("relative", RAW, &whole(all), FLAGS);
}

#[test]
fn checksums() {
    let mut all = Vec::new();
    for payload in 0..6 {
        let tcp = Tcp { payload: vec![0xab; payload], ..rich() };
        for packet in [Ip4::default().tcp(&tcp), Ip6::default().tcp(&[], &tcp)] {
            let mut wrong = packet.clone();
            let last = wrong.len() - 1;
            wrong[last] ^= 1;
            all.extend([packet, wrong]);
        }
        // What an offloading sender's capture holds: the pseudo header's sum alone.
        let mut partial = Ip4::default().bytes(&tcp.bytes());
        let length = (tcp.bytes().len() as u16).to_be_bytes();
        let sum = !checksum(&[&partial[12..20], &[0, 6], &length]);
        partial[36..38].copy_from_slice(&sum.to_be_bytes());
        all.push(partial);
    }
    compare("checksums", RAW, &whole(all), &["-n -v", "-n -vv", "-n -v -K"]);
}

#[test]
fn ports_with_decoders_and_names() {
    let mut all = Vec::new();
    for port in [21, 22, 23, 25, 53, 80, 179, 443, 445, 1723, 2049, 6379, 8080, 65535] {
        for payload in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfd\x03\xff\xfb\x01", b"+PONG\r\n", &[0; 40]] {
            for flags in [0x18, 0x14] {
                let tcp = Tcp { ports: (50123, port), payload: payload.to_vec(), flags, ..Tcp::default() };
                all.push(Ip4 { dst: [127, 0, 0, 1], ..Ip4::default() }.tcp(&tcp));
            }
        }
    }
    compare("decoders", RAW, &whole(all), &["-n", "-n -v", "-n -q"]);
}
