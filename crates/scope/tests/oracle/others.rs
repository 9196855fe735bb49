//! UDP, ICMP, ICMPv6, ARP, link layers, the time column.

use super::packets::*;
use super::run::compare;
use limpid_scope::capture::LinkType;

const FLAGS: &[&str] = &["-n", "-n -v", "-n -vv", "-n -q", "-n -e"];
const PORTS: (u16, u16) = (40000, 40001);

#[test]
fn udp_datagrams() {
    let mut all = Vec::new();
    for ip in [Ip4::default(), Ip4 { fragment: 0x2000, ..Ip4::default() }] {
        for payload in [0, 1, 5, 40] {
            let payload = vec![7; payload];
            all.extend(cuts(&ip.udp(PORTS, &payload, None, None)));
            all.push(Packet::whole(ip.udp(PORTS, &payload, None, Some(0))));
            all.push(Packet::whole(ip.udp(PORTS, &payload, None, Some(0x1234))));
            all.extend((0..60).map(|length| Packet::whole(ip.udp(PORTS, &payload, Some(length), None))));
        }
    }
    for length in [None, Some(0), Some(8), Some(9), Some(100)] {
        all.extend(
            cuts(&Ip6 { next: 17, ..Ip6::default() }.bytes(&udp(PORTS, &[1, 2, 3], length))).into_iter().skip(39),
        );
    }
    all.extend(shorts(&Ip4::default().udp(PORTS, &[1, 2], None, None)));
    compare("udp", RAW, &all, FLAGS);
}

#[test]
fn icmp_messages() {
    let tcp = Ip4 { dst: [192, 0, 2, 9], ..Ip4::default() }.tcp(&Tcp { ports: (1234, 40080), ..Tcp::default() });
    let udp = Ip4::default().udp(PORTS, &[], None, None);
    let echo = Ip4::default().icmp(8, 0, &[0; 4]);
    let mut all = Vec::new();
    for (kind, code) in (0..=20u8).flat_map(|kind| (0..=18u8).map(move |code| (kind, code))) {
        for quoted in [&tcp, &udp, &echo] {
            let rest = [&[1, 2, 5, 220][..], &quoted[..28]].concat();
            all.push(Packet::whole(Ip4::default().icmp(kind, code, &rest)));
        }
        all.push(Packet::whole(Ip4::default().icmp(kind, code, &[0, 2, 0, 60])));
    }
    all.extend([21, 40, 255].map(|kind| Packet::whole(Ip4::default().icmp(kind, 0, &[0; 8]))));
    for (kind, code) in [(3, 3), (3, 1), (11, 0), (5, 1), (8, 0), (13, 0), (14, 0), (9, 0), (12, 0), (18, 0)] {
        let message = Ip4::default().icmp(kind, code, &[&[2, 2, 14, 16][..], &tcp].concat());
        all.extend(cuts(&message));
        all.extend(shorts(&message));
        let mut wrong = message;
        wrong[22] ^= 0x40;
        all.push(Packet::whole(wrong));
    }
    // What an error quotes may itself be odd.
    for quoted in [
        Ip4 { fragment: 9, ..Ip4::default() }.bytes(&[1; 20]),
        Ip4 { protocol: 200, ..Ip4::default() }.bytes(&[1; 20]),
        Ip4 { options: vec![1, 1, 1, 1], ..Ip4::default() }.tcp(&Tcp::default()),
        Ip4 { header_words: Some(15), ..Ip4::default() }.bytes(&[1; 8]),
        Ip4 { header_words: Some(2), ..Ip4::default() }.bytes(&[1; 8]),
        Ip6::default().tcp(&[], &Tcp::default()),
        Ip4::default().icmp(3, 3, &[&[0; 4], &tcp[..]].concat()),
        Ip4 { total: Some(0), ..Ip4::default() }.bytes(&[1; 8]),
        Ip4 { total: Some(1), ..Ip4::default() }.bytes(&[1; 8]),
        Ip4 { total: Some(19), ..Ip4::default() }.bytes(&[1; 8]),
        Ip4 { total: Some(24), ..Ip4::default() }.bytes(&[1; 8]),
        Ip4 { total: Some(65535), ..Ip4::default() }.bytes(&[1; 8]),
        Ip4 { version: 9, ..Ip4::default() }.bytes(&[1; 8]),
    ] {
        all.push(Packet::whole(Ip4::default().icmp(3, 3, &[&[0; 4], &quoted[..]].concat())));
        all.push(Packet::whole(Ip4::default().icmp(11, 0, &[&[0; 4], &quoted[..]].concat())));
    }
    all.push(Packet::whole(Ip4 { fragment: 0x2000, ..Ip4::default() }.icmp(8, 0, &[9; 40])));
    compare("icmp", RAW, &all, FLAGS);
}

/// `bytes` after four bytes of nothing.
fn reserved(bytes: &[&[u8]]) -> Vec<u8> {
    [&[0; 4][..], &bytes.concat()].concat()
}

#[test]
fn icmpv6_messages() {
    let ip = Ip6::default();
    let target = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    let source_link = [1, 1, 2, 0, 0, 0, 0, 1];
    let target_link = [2, 1, 2, 0, 0, 0, 0, 1];
    let tcp = ip.tcp(&[], &Tcp { ports: (1234, 40080), ..Tcp::default() });
    let udp = Ip6 { next: 17, ..ip.clone() }.bytes(&udp(PORTS, &[], None));
    let prefix = [&[3, 4, 64, 0xc0, 0, 0, 14, 16, 255, 255, 255, 255, 0, 0, 0, 0][..], &target].concat();
    let mut messages = vec![
        ip.icmp(128, 0, &[0x12, 0x34, 0, 5, 1, 2, 3]),
        ip.icmp(129, 0, &[0x12, 0x34, 0, 5]),
        ip.icmp(133, 0, &reserved(&[&source_link])),
        ip.icmp(133, 0, &reserved(&[])),
        ip.icmp(
            134,
            0,
            &[&[64, 0xc8, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2][..], &source_link, &[5, 1, 0, 0, 0, 0, 5, 220], &prefix]
                .concat(),
        ),
        ip.icmp(135, 0, &reserved(&[&target, &source_link])),
        ip.icmp(135, 0, &reserved(&[&target])),
        ip.icmp(137, 0, &reserved(&[&target, &ip.dst, &target_link])),
        ip.icmp(2, 0, &[&[0, 0, 5, 0][..], &tcp].concat()),
        ip.icmp(130, 0, &[&[0x27, 0x10, 0, 0][..], &target].concat()),
        ip.icmp(131, 0, &[&[0, 1, 0, 0][..], &target].concat()),
        ip.icmp(132, 0, &[&[0, 1, 0, 0][..], &target].concat()),
        ip.icmp(130, 0, &[&[0x97, 0x10, 0, 0][..], &target, &[10, 0xfd, 0, 1], &target].concat()),
        ip.icmp(130, 0, &[&[0x27, 0x10, 0, 0][..], &target, &[2, 125, 0, 0]].concat()),
        ip.icmp(143, 0, &[&[0, 0, 0, 2, 4, 0, 0, 0][..], &target, &[1, 1, 0, 1], &target, &target, &[0; 4]].concat()),
        ip.icmp(143, 0, &[&[0, 0, 0, 1, 9, 0, 0, 0][..], &target].concat()),
        ip.icmp(151, 0, &[1, 2, 3, 4]),
        ip.icmp(255, 0, &[1; 40]),
    ];
    messages.extend(
        [0xe0u8, 0x40, 0].map(|flags| ip.icmp(136, 0, &[&[flags, 0, 0, 0][..], &target, &target_link].concat())),
    );
    for (kind, code) in (1..=4u8).flat_map(|kind| (0..=8u8).map(move |code| (kind, code))) {
        for quoted in [&tcp, &udp] {
            messages.push(ip.icmp(kind, code, &[&[0, 0, 0, 40][..], quoted].concat()));
        }
    }
    let mut all: Vec<Packet> = messages.iter().flat_map(|message| cuts(message).into_iter().skip(39)).collect();
    for message in messages {
        let mut wrong = message.clone();
        wrong[43] ^= 1;
        all.extend([Packet::whole(message), Packet::whole(wrong)]);
    }
    compare("icmpv6", RAW, &all, FLAGS);
}

#[test]
fn arp_packets() {
    let ends = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let mut all = Vec::new();
    for operation in 0..=12 {
        for target in [[0; 6], [2, 0, 0, 0, 0, 9]] {
            let packet = arp(operation, target, ends);
            all.push(Packet::whole(ethernet(0x0806, &packet)));
            all.push(Packet::whole(ethernet(0x0806, &[&packet[..], &[0; 18]].concat())));
            all.push(Packet::whole(ethernet(0x8035, &packet)));
        }
    }
    all.extend(cuts(&ethernet(0x0806, &arp(1, [0; 6], ends))));
    for (at, values) in [(1, &[6, 7, 17, 24, 9][..]), (3, &[1, 0xdd]), (4, &[0, 5, 8]), (5, &[0, 3, 5, 6])] {
        for &value in values {
            for operation in 1..=4 {
                let mut packet = arp(operation, [2, 0, 0, 0, 0, 9], ends);
                packet[at] = value;
                packet.extend([0; 18]);
                all.push(Packet::whole(ethernet(0x0806, &packet)));
            }
        }
    }
    compare("arp", LinkType::ETHERNET, &all, &["-n", "-n -v", "-n -e", "-e", "-n -q"]);
}

const LINKS: &[&str] = &["-n", "-n -e", "-e", "-n -e -q", "-n -q", "-n -e -v"];

#[test]
fn ethernet_frames() {
    let four = Ip4 { src: [192, 0, 2, 1], ..Ip4::default() }.tcp(&Tcp { ports: (40000, 6379), ..Tcp::default() });
    let six = Ip6::default().tcp(&[], &Tcp::default());
    let tag =
        |control: u16, ethertype: u16, rest: &[u8]| [&control.to_be_bytes(), &ethertype.to_be_bytes(), rest].concat();
    let mut all = vec![
        ethernet(0x0800, &four),
        ethernet(0x86dd, &six),
        ethernet(0x0800, &[&four[..], &[0; 6]].concat()),
        ethernet(0x8100, &tag(0x2064, 0x0800, &four)),
        ethernet(0x8100, &tag(0xf064, 0x86dd, &six)),
        ethernet(0x88a8, &tag(0x1005, 0x8100, &tag(7, 0x0800, &four))),
        ethernet(0x9100, &tag(5, 0x0800, &four)),
        ethernet(0x9200, &tag(5, 0x0800, &four)),
        ethernet(0x8100, &tag(1, 0x1234, &four)),
        ethernet(0x1234, &four),
        ethernet(0x0600, &four),
        ethernet(0x6558, &four),
        ethernet(0x88b5, b"zz"),
        ethernet(0x0800, &[]),
        ethernet(0x0800, &six),
    ];
    for maker in [[0, 0, 0x0c], [0x5c, 0x16, 0xc7], [0xff; 3], [0, 1, 2]] {
        let mut frame = ethernet(0x0800, &four);
        frame[..3].copy_from_slice(&maker);
        frame[6..9].copy_from_slice(&maker);
        all.push(frame);
    }
    let mut packets: Vec<Packet> = cuts(&all[5]);
    packets.extend(cuts(&all[0]));
    let mut broadcast = all[0].clone();
    broadcast[..6].copy_from_slice(&[0xff; 6]);
    packets.push(Packet::whole(broadcast));
    packets.extend(whole(all));
    compare("ethernet", LinkType::ETHERNET, &packets, LINKS);
}

#[test]
fn other_links() {
    let four = Ip4::default().tcp(&Tcp::default());
    let six = Ip6::default().tcp(&[], &Tcp::default());
    let mut null = Vec::new();
    for family in [2u32, 24, 28, 30, 10, 99, 0x1002] {
        let packet = if matches!(family, 24 | 28 | 30) { &six } else { &four };
        null.extend([family.to_le_bytes(), family.to_be_bytes()].map(|f| [&f[..], packet].concat()));
    }
    let mut packets = whole(null.clone());
    packets.extend(cuts(&null[0]));
    compare("null", LinkType::NULL, &packets, LINKS);
    let packets: Vec<Packet> = whole(null.into_iter().skip(1).step_by(2));
    compare("loop", LinkType::LOOP, &packets, LINKS);
    for link_type in [LinkType::RAW, LinkType::IPV4, LinkType::IPV6, LinkType(12)] {
        compare("raw", link_type, &whole([four.clone(), six.clone()]), LINKS);
    }
    let vlan = [&[0x20, 9, 8, 0][..], &four].concat();
    let mut all: Vec<Vec<u8>> = (0..7).map(|kind| cooked(kind, 0x0800, 6, &four)).collect();
    all.extend([0, 5, 8, 9].map(|len| cooked(0, 0x86dd, len, &six)));
    all.extend([cooked(4, 0x8100, 6, &vlan), cooked(0, 0x1234, 6, b"zzz")]);
    let mut packets = cuts(&all[0]);
    packets.extend(whole(all));
    compare("sll", LinkType::LINUX_SLL, &packets, LINKS);
    let mut all: Vec<Vec<u8>> = (0..7).map(|kind| cooked2(kind, 0x0800, 1, &four)).collect();
    all.extend([cooked2(0, 0x86dd, 99999, &six), cooked2(4, 0x8100, 1, &vlan), cooked2(0, 0x1234, 1, b"zzz")]);
    let mut packets = cuts(&all[0]);
    packets.extend(whole(all));
    compare("sll2", LinkType::LINUX_SLL2, &packets, LINKS);
}

/// An MPLS stack entry.
fn label(label: u32, class: u32, bottom: bool) -> [u8; 4] {
    (label << 12 | class << 9 | u32::from(bottom) << 8 | 64).to_be_bytes()
}

#[test]
fn point_to_point_links() {
    let four = Ip4::default().tcp(&Tcp::default());
    let six = Ip6::default().tcp(&[], &Tcp::default());
    let framed = |header: &[u8], packet: &[u8]| [header, packet].concat();
    let all: Vec<Vec<u8>> = vec![
        framed(&[0xff, 3, 0, 0x21], &four),
        framed(&[0, 0x21], &four),
        framed(&[0x21], &four),
        framed(&[0xff, 3, 0x21], &four),
        framed(&[0xff, 3, 0, 0x57], &six),
        framed(&[0x57], &six),
        framed(&[0, 3, 0, 0x21], &four),
        framed(&[1, 3, 0, 0x57], &six),
        framed(&[0xff, 3, 0x02, 0x81], &framed(&label(16, 0, true), &four)),
        framed(&[0xff, 3, 0x12, 0x34], b"zz"),
        framed(&[0xff, 3, 0, 0x57], &four),
        framed(&[0xff, 3, 0, 0x21], &six),
        vec![0xff, 3],
        vec![0xff],
        vec![0x21],
    ];
    let mut packets = cuts(&all[0]);
    packets.extend(cuts(&all[2]));
    packets.extend(whole(all.clone()));
    compare("ppp", LinkType::PPP, &packets, LINKS);
    let mut all = all;
    all.extend([
        framed(&[0x0f, 0, 8, 0], &four),
        framed(&[0x8f, 0, 0x86, 0xdd], &six),
        framed(&[0x0f, 0, 0x88, 0x47], &framed(&label(16, 0, true), &four)),
        framed(&[0x0f, 0, 0x12, 0x34], b"zz"),
        framed(&[0x11, 0x22, 0x33, 0x44], b"zz"),
        framed(&[0x0f, 0, 8], &[]),
    ]);
    // 802.1Q and the like are beyond the table of names.
    let mut packets = cuts(&all[0]);
    packets.extend(cuts(&all[15]));
    packets.extend(whole(all));
    compare("ppp_hdlc", LinkType::PPP_HDLC, &packets, LINKS);
    let all = vec![
        framed(&[0x0f, 0, 8, 0], &four),
        framed(&[0x8f, 0, 0x86, 0xdd], &six),
        framed(&[0x11, 0, 8, 0], &four),
        framed(&[0x0f, 0, 0x12, 0x34], b"zz"),
    ];
    compare("c_hdlc", LinkType::C_HDLC, &whole(all), LINKS);
}

/// PPPoE's header with this length.
fn pppoe(first: u8, code: u8, session: u16, length: usize, payload: &[u8]) -> Vec<u8> {
    [&[first, code][..], &session.to_be_bytes(), &(length as u16).to_be_bytes(), payload].concat()
}

#[test]
fn sessions_and_labels() {
    let four = Ip4::default().tcp(&Tcp { payload: vec![1; 7], ..Tcp::default() });
    let six = Ip6::default().tcp(&[], &Tcp::default());
    let (ppp4, ppp6) = ([&[0, 0x21], &four[..]].concat(), [&[0, 0x57], &six[..]].concat());
    let mut sessions = vec![
        pppoe(0x11, 0, 5, ppp4.len(), &ppp4),
        pppoe(0x11, 0, 5, ppp6.len(), &ppp6),
        pppoe(0x11, 0, 0, ppp4.len(), &ppp4),
        pppoe(0x21, 0, 5, 255, &ppp4),
        pppoe(0x12, 0, 5, 2000, &ppp6),
        pppoe(0x11, 0, 5, 4, &[0x12, 0x34, 1, 2]),
    ];
    sessions.extend((0..ppp4.len()).map(|length| pppoe(0x11, 0, 5, length, &ppp4)));
    sessions.extend((0..ppp6.len()).map(|length| pppoe(0x11, 0, 5, length, &ppp6)));
    compare("pppoe", LinkType::PPP_ETHER, &whole(sessions.clone()), LINKS);
    let mut all: Vec<Vec<u8>> = sessions.iter().map(|session| ethernet(0x8864, session)).collect();
    all.push(ethernet(0x8100, &[&[0, 7, 0x88, 0x64][..], &sessions[0]].concat()));
    for stack in [
        label(100, 0, true).to_vec(),
        [label(100, 3, false), label(16, 0, true)].concat(),
        label(0, 0, true).to_vec(),
        label(1, 7, true).to_vec(),
        label(2, 0, true).to_vec(),
        label(3, 0, true).to_vec(),
        [label(0, 0, false), label(14, 0, true)].concat(),
        label(100, 0, false).to_vec(),
        label(100, 0, true)[..3].to_vec(),
    ] {
        for payload in [&four[..], &six, &[], &[0x91, 2, 3], &[0, 0, 0, 0, 1]] {
            all.push(ethernet(0x8847, &[&stack[..], payload].concat()));
        }
        all.push(ethernet(0x8848, &[&stack[..], &four].concat()));
    }
    let mut packets = cuts(&all[0]);
    packets.extend(cuts(&ethernet(0x8847, &[&label(9, 0, false)[..], &label(0, 0, true), &four].concat())));
    packets.extend(whole(all));
    compare("sessions and labels", LinkType::ETHERNET, &packets, LINKS);
}

#[test]
fn time_columns() {
    let packet = Ip4::default().tcp(&Tcp::default());
    const SECOND: i64 = 1_000_000_000;
    let times = [
        0,
        1,
        999,
        1000,
        SECOND - 1,
        86_400 * SECOND - 1,
        951_782_400 * SECOND,
        951_868_799 * SECOND + 999_999_999,
        1_700_000_000 * SECOND + 123_456_789,
        1_700_000_000 * SECOND + 123_456_788,
        1_699_999_999 * SECOND,
        1_709_164_800 * SECOND + 5000,
        // Later ones tcpdump 4.99.3 can't convert.
        2_147_483_647 * SECOND,
    ];
    let all: Vec<Packet> = times.iter().map(|&time| Packet { time, ..Packet::whole(packet.clone()) }).collect();
    let flags = ["-n", "-n -t", "-n -tt", "-n -ttt", "-n -tttt", "-n -ttttt"];
    compare("times", RAW, &all, &flags);
    let nano = flags.map(|flags| format!("{flags} --nano"));
    compare("nanoseconds", RAW, &all, &nano.each_ref().map(String::as_str));
}

#[test]
fn impossible_record_headers() {
    let packet = Ip4::default().tcp(&Tcp::default());
    let all = [
        Packet { original_len: 3, ..Packet::whole(packet.clone()) },
        Packet { original_len: 0, ..Packet::whole(packet.clone()) },
        Packet { original_len: 0, ..Packet::whole(Vec::new()) },
        Packet { original_len: 40, ..Packet::whole(Vec::new()) },
        Packet { original_len: 300_000, ..Packet::whole(packet.clone()) },
        Packet { original_len: u32::MAX, ..Packet::whole(packet) },
    ];
    compare("record headers", RAW, &all, &["-n"]);
}
