//! What a host says to packets, by the book: pings, groups, strangers, resets, marks (RFC 1122 §3.2, RFC 9293 §3.5.2).

mod common;

use common::packets::{icmpv4, icmpv6, last, sent};
use common::{A, B, World, end, ip, ip_packet, tcp, tcp_packet};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::ipv4::Ipv4Header;
use limpid_wire::tcp::parse_segment;
use limpid_wire::{Endpoint, IpPacket, IpProtocol, Segment, TcpFlags, checksum};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn pings_are_answered() {
    let mut w = World::new();
    w.inject(B, icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 7, seq: 9 }, b"payload"));
    w.drain();
    let reply = IpPacket::parse(last(&w)).unwrap();
    assert_eq!((reply.src, reply.dst), (ip("10.0.0.2"), ip("10.0.0.1")));
    let (message, body) = Icmpv4Message::parse(&last(&w)[20..]).unwrap();
    assert_eq!(message, Icmpv4Message::EchoReply { id: 7, seq: 9 });
    assert_eq!(&last(&w)[20..][body], b"payload");
    let request = Icmpv6Message::EchoRequest { id: 1, seq: 2 };
    w.inject(B, icmpv6("2001:db8::1", "2001:db8::2", &request, b"six"));
    w.drain();
    let (message, _) = Icmpv6Message::parse(&last(&w)[40..]).unwrap();
    assert_eq!(message, Icmpv6Message::EchoReply { id: 1, seq: 2 });
    assert!(checksum::verify(ip("2001:db8::2"), ip("2001:db8::1"), IpProtocol::ICMPV6, &last(&w)[40..]));
    assert_eq!(w.counter(B, "IcmpInEchos"), 2);
    assert_eq!(w.counter(B, "IcmpOutEchoReps"), 2);
}

#[test]
fn groups_and_impossible_senders_get_no_answer() {
    let mut w = World::new();
    for (src, dst) in [
        ("10.0.0.1", "10.0.0.255"),
        ("10.0.0.1", "255.255.255.255"),
        ("10.0.0.1", "224.0.0.1"),
        ("10.0.0.255", "10.0.0.2"),
        ("127.0.0.1", "10.0.0.2"),
        ("0.0.0.0", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.9"),
        ("10.0.0.1", "127.0.0.1"),
        ("240.1.1.1", "10.0.0.2"),
    ] {
        let echo = icmpv4(src, dst, Icmpv4Message::EchoRequest { id: 7, seq: 9 }, b"");
        let udp = ip_packet(ip(src), ip(dst), IpProtocol::UDP, &[0; 20]);
        let syn = tcp_packet(
            Endpoint::new(ip(src), 5),
            Endpoint::new(ip(dst), 6),
            &Segment { flags: TcpFlags::SYN, ..Segment::default() },
        );
        for packet in [echo, udp, syn] {
            w.inject(B, packet);
        }
        w.drain();
        assert!(w.carried.is_empty(), "{src} > {dst}");
    }
}

#[test]
fn what_is_not_spoken_is_refused_within_the_limit() {
    let mut w = World::new();
    for (protocol, code) in [(IpProtocol::UDP, Unreachable::Port), (IpProtocol(132), Unreachable::Protocol)] {
        let packet = ip_packet(ip("10.0.0.1"), ip("10.0.0.2"), protocol, &[3; 30]);
        w.inject(B, packet.clone());
        w.drain();
        let (message, body) = Icmpv4Message::parse(&last(&w)[20..]).unwrap();
        assert_eq!(message, Icmpv4Message::Unreachable(code));
        assert_eq!(&last(&w)[20..][body], packet);
    }
    let packet = ip_packet(ip("2001:db8::1"), ip("2001:db8::2"), IpProtocol(132), &[3; 30]);
    w.inject(B, packet);
    w.drain();
    let (message, _) = Icmpv6Message::parse(&last(&w)[40..]).unwrap();
    assert_eq!(message, Icmpv6Message::ParameterProblem { code: 1, pointer: 6 });
    let before = w.carried.len();
    for _ in 0..100 {
        w.inject(B, ip_packet(ip("10.0.0.1"), ip("10.0.0.2"), IpProtocol::UDP, &[3; 30]));
    }
    w.drain();
    assert_eq!(w.carried.len() - before, 4, "six at once to one host, two of them above");
    // An error is not answered with an error.
    w.run(100 * SECOND);
    let before = w.carried.len();
    w.inject(B, icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::Unreachable(Unreachable::Port), &[0; 40]));
    w.drain();
    assert_eq!(w.carried.len(), before);
}

#[test]
fn resets_to_nobody_are_made_by_the_book() {
    let mut w = World::new();
    // With ACK: <SEQ=SEG.ACK><CTL=RST>.
    w.inject(B, tcp(end("10.0.0.2:9"), 77, 1000, 5000, 0x10));
    // Without: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
    w.inject(B, tcp(end("10.0.0.2:9"), 77, 1000, 0, 0x03));
    // A reset is not answered.
    w.inject(B, tcp(end("10.0.0.2:9"), 77, 1000, 0, 0x04));
    w.drain();
    let resets: Vec<_> = w
        .carried
        .iter()
        .map(|(_, bytes)| {
            let packet = IpPacket::parse(bytes).unwrap();
            let chunk = limpid_wire::Chunk::from_vec(bytes.clone());
            let (from, to, s) = parse_segment(chunk, packet.payload, packet.ecn).unwrap();
            (from, to, s.seq.0, s.ack.0, s.flags.bits())
        })
        .collect();
    assert_eq!(resets, [(9, 77, 5000, 0, 0x04), (9, 77, 0, 1002, 0x14)]);
    // A bad checksum is nobody's business.
    let mut packet = tcp(end("10.0.0.2:9"), 77, 1000, 5000, 0x10);
    packet[36] ^= 1;
    w.inject(B, packet);
    w.drain();
    assert_eq!(w.carried.len(), 2);
    assert_eq!(w.counter(B, "TcpInCsumErrors"), 1);
}

#[test]
fn answers_are_bounded() {
    let mut w = World::new();
    for i in 0..5000u32 {
        w.inject(B, tcp(end("10.0.0.2:9"), i as u16, 1000, 5000, 0x10));
    }
    w.drain();
    assert_eq!(w.carried.len(), 1024);
    assert_eq!(w.counter(B, "IpOutDiscards"), 5000 - 1024);
}

#[test]
fn headers_are_marked_as_linux_marks_them() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    for _ in 0..3 {
        w.write(A, client, b"x").unwrap();
        w.run(SECOND);
    }
    let ids = |w: &World, host| -> Vec<u16> {
        let own = w.carried.iter().filter(|(from, _)| *from == host);
        own.map(|(_, b)| Ipv4Header::parse(b).unwrap().0.id).collect()
    };
    assert!(ids(&w, A).windows(2).all(|p| p[1] == p[0].wrapping_add(1)), "{:?}", ids(&w, A));
    assert_eq!(ids(&w, B)[0], 0, "a SYN-ACK has none");
    assert!(sent(&w, A).iter().all(|p| p.ttl == 64 && p.dont_fragment && p.dscp == 0));
    let mut w = World::new();
    w.connected("[2001:db8::2]:80");
    let labels: Vec<_> = sent(&w, A).iter().map(|p| p.flow_label).collect();
    assert!(labels.iter().all(|&l| l == labels[0] && l != 0), "{labels:?}");
}
