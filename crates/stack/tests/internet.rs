//! What lies beneath TCP: ICMP both ways, ARP and NDP, path MTU, fragments, resets to nobody.

mod common;

use common::packets::{fragments, icmpv4, icmpv6};
use common::{A, B, World, end, ip, ip_packet, mac, tcp, tcp_packet};
use limpid_event::{DropReason, Error, Event, TcpState};
use limpid_stack::Route;
use limpid_wire::ethernet::{EtherType, EthernetHeader};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::{self, Icmpv6Message};
use limpid_wire::ipv4::Ipv4Header;
use limpid_wire::tcp::parse_segment;
use limpid_wire::{Endpoint, IpPacket, IpProtocol, MacAddr, Segment, TcpFlags, checksum};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// The packets that a host has sent, on an IP link.
fn sent(w: &World, host: usize) -> Vec<IpPacket> {
    w.carried.iter().filter(|(from, _)| *from == host).map(|(_, b)| IpPacket::parse(b).unwrap()).collect()
}

fn last(w: &World) -> &[u8] {
    &w.carried.last().expect("something was sent").1
}

fn drops(w: &mut World, host: usize, why: DropReason) -> usize {
    let events = &w.hosts[host].observer().events;
    events.iter().filter(|(_, _, e)| *e == Event::Dropped { why }).count()
}

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

/// A connect whose SYN a router answers.
fn syn_answered(remote: &str, error: impl Fn(&[u8]) -> Vec<u8>) -> (World, limpid_stack::SocketId) {
    let mut w = World::new();
    w.drop_if = Some(Box::new(|_, _| true));
    let client = w.connect(A, remote);
    w.drain();
    let answer = error(last(&w));
    w.inject(A, answer);
    w.drain();
    (w, client)
}

#[test]
fn any_unreachable_ends_a_connect() {
    for (code, expected) in [
        (Unreachable::Net, Error::NetworkUnreachable),
        (Unreachable::Host, Error::HostUnreachable),
        (Unreachable::Protocol, Error::ProtocolUnreachable),
        (Unreachable::Port, Error::ConnectionRefused),
        (Unreachable::CommunicationProhibited, Error::HostUnreachable),
        (Unreachable::NetProhibited, Error::NetworkUnreachable),
    ] {
        let message = Icmpv4Message::Unreachable(code);
        let (mut w, client) = syn_answered("10.0.0.2:80", |syn| icmpv4("10.0.0.254", "10.0.0.1", message, &syn[..28]));
        assert_eq!(w.hosts[A].take_error(client), Ok(Some(expected)), "{code:?}");
        assert_eq!(w.state(A, client), TcpState::Closed);
    }
    for (code, expected) in [
        (icmpv6::Unreachable::NoRoute, Error::NetworkUnreachable),
        (icmpv6::Unreachable::Address, Error::HostUnreachable),
        (icmpv6::Unreachable::Port, Error::ConnectionRefused),
        (icmpv6::Unreachable::Prohibited, Error::Prohibited),
    ] {
        let message = Icmpv6Message::Unreachable(code);
        let (mut w, client) =
            syn_answered("[2001:db8::2]:80", |syn| icmpv6("2001:db8::99", "2001:db8::1", &message, &syn[..48]));
        assert_eq!(w.hosts[A].take_error(client), Ok(Some(expected)), "{code:?}");
    }
}

#[test]
fn an_error_that_does_not_quote_our_syn_is_not_believed() {
    let message = Icmpv4Message::Unreachable(Unreachable::Host);
    for spoil in [21usize, 23, 27, 15, 9] {
        let (mut w, client) = syn_answered("10.0.0.2:80", |syn| {
            let mut quote = syn[..28].to_vec();
            quote[spoil] ^= 1;
            icmpv4("10.0.0.254", "10.0.0.1", message, &quote)
        });
        assert_eq!(w.state(A, client), TcpState::SynSent, "byte {spoil}");
        assert_eq!(drops(&mut w, A, DropReason::IcmpNotOurs), 1);
        let counted = w.counter(A, "TcpExtOutOfWindowIcmps");
        assert_eq!(counted, u64::from(spoil != 9), "no TCP, no count");
    }
}

#[test]
fn an_established_connection_only_remembers_an_error() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.write(A, client, b"data").unwrap();
    w.drain();
    let quote = last(&w)[..28].to_vec();
    w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", Icmpv4Message::Unreachable(Unreachable::Host), &quote));
    assert_eq!(w.state(A, client), TcpState::Established);
    let soft = Event::SoftError { error: Error::HostUnreachable };
    assert_eq!(w.hosts[A].observer().events.iter().filter(|(_, _, e)| *e == soft).count(), 1);
    // What was acknowledged long ago is not in flight.
    w.run(SECOND);
    w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", Icmpv4Message::Unreachable(Unreachable::Host), &quote));
    assert_eq!(w.counter(A, "TcpExtOutOfWindowIcmps"), 1);
}

/// Source quench says nothing any more (RFC 6633); an error that will pass ends nothing.
#[test]
fn no_error_ends_an_established_connection() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.write(A, client, b"data").unwrap();
    w.drain();
    let quote = last(&w)[..28].to_vec();
    let unreachables = [
        Unreachable::Net,
        Unreachable::Host,
        Unreachable::Protocol,
        Unreachable::Port,
        Unreachable::SourceRouteFailed,
        Unreachable::HostProhibited,
        Unreachable::CommunicationProhibited,
    ];
    let others = [
        Icmpv4Message::SourceQuench,
        Icmpv4Message::TimeExceeded { in_reassembly: false },
        Icmpv4Message::ParameterProblem { code: 0, pointer: 20 },
    ];
    for message in unreachables.map(Icmpv4Message::Unreachable).into_iter().chain(others) {
        w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", message, &quote));
        assert_eq!(w.state(A, client), TcpState::Established, "{message:?}");
    }
    let info = w.hosts[A].info(w.now, client).unwrap();
    assert_eq!(info.snd_cwnd, 10);
    w.run(SECOND);
    assert_eq!(w.hosts[A].take_error(client), Ok(None), "what has healed is forgotten");
}

/// RFC 6069, told by the ICMP errors that Linux goes by.
#[test]
fn only_who_has_no_way_takes_a_doubling_of_the_timeout_back() {
    for (why, reverts) in [
        (Unreachable::Net, true),
        (Unreachable::Host, true),
        (Unreachable::Port, false),
        (Unreachable::HostProhibited, false),
    ] {
        let mut w = World::new();
        let (client, _) = w.connected("10.0.0.2:80");
        w.drop_if = Some(Box::new(|_, _| true));
        w.write(A, client, b"data").unwrap();
        w.drain();
        let quote = last(&w)[..28].to_vec();
        w.run(2 * SECOND);
        let backoff = |w: &World| w.hosts[A].info(w.now, client).unwrap().backoff;
        let before = backoff(&w);
        assert!(before > 0);
        w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", Icmpv4Message::Unreachable(why), &quote));
        assert_eq!(backoff(&w) < before, reverts, "{why:?}");
    }
}

#[test]
fn host_unreachable_ends_an_embryonic_connection() {
    let mut w = World::new();
    w.listen(B, "10.0.0.2:80", 5);
    w.drop_if = Some(Box::new(|from, _| from == B));
    w.connect(A, "10.0.0.2:80");
    w.run(15 * MS);
    let (from, syn_ack) = w.carried.last().cloned().unwrap();
    assert_eq!(from, B);
    for (message, left) in
        [(Unreachable::Port, true), (Unreachable::Host, false)].map(|(u, l)| (Icmpv4Message::Unreachable(u), l))
    {
        w.inject(B, icmpv4("10.0.0.254", "10.0.0.2", message, &syn_ack[..28]));
        assert_eq!(w.hosts[B].poll_timeout().is_some(), left);
    }
}

/// What a path takes may become known while a handshake is in progress, at either end.
#[test]
fn a_path_mtu_learned_during_the_handshake_counts() {
    let too_big = |to: &str, quote: &[u8]| {
        let message = Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu: 1000 });
        icmpv4("10.0.0.254", to, message, &quote[..28])
    };
    let mut w = World::new();
    let listener = w.listen(B, "10.0.0.2:80", 5);
    let first = w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    let second = w.connect(A, "10.0.0.2:80");
    w.drain();
    // The SYN is on its way: the client learns.
    let syn = w.carried.last().unwrap().1.clone();
    w.inject(A, too_big("10.0.0.1", &syn));
    w.run_until(SECOND, |w| w.carried.last().is_some_and(|(from, _)| *from == B));
    // And the SYN-ACK: the server learns, from what the first connection has in flight.
    w.write(B, server, b"x").unwrap();
    w.drain();
    let data = w.carried.last().unwrap().1.clone();
    w.inject(B, too_big("10.0.0.2", &data));
    w.run(100 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    w.largest_packet = 0;
    for (host, socket) in [(A, second), (B, server)] {
        assert_eq!(w.write(host, socket, &[7; 5000]), Ok(5000));
    }
    w.run(SECOND);
    for (host, socket) in [(A, second), (B, server)] {
        assert_eq!(w.read(host, socket).unwrap().0.len(), 5000, "host {host}");
    }
    assert!(w.largest_packet <= 1000, "{}", w.largest_packet);
    let _ = first;
}

#[test]
fn a_packet_too_big_lowers_the_path_mtu_and_the_data_gets_through() {
    for (remote, narrow) in [("10.0.0.2:80", 1000), ("[2001:db8::2]:80", 1300)] {
        let mut w = World::new();
        let (client, server) = w.connected(remote);
        let mut sent_at = w.carried.len();
        let mut bytes: Vec<u8> = (0..50_000u32).map(|i| i as u8).collect();
        bytes.truncate(w.write(A, client, &bytes).unwrap());
        w.drop_if = Some(Box::new(move |from, b| from == A && b.len() > narrow));
        // The link in the middle tells what fits, once for each packet that does not.
        let mut received = Vec::new();
        let done = w.run_until(20 * SECOND, |w| {
            let big =
                w.carried[sent_at..].iter().find(|(from, b)| *from == A && b.len() > narrow).map(|(_, b)| b.clone());
            sent_at = w.carried.len();
            if let Some(packet) = big {
                let error = if packet[0] >> 4 == 4 {
                    let mtu = narrow as u16;
                    icmpv4(
                        "10.0.0.254",
                        "10.0.0.1",
                        Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu }),
                        &packet[..28],
                    )
                } else {
                    let message = Icmpv6Message::PacketTooBig { mtu: narrow as u32 };
                    icmpv6("2001:db8::99", "2001:db8::1", &message, &packet[..60])
                };
                w.inject(A, error);
            }
            received.extend(w.read(B, server).unwrap().0);
            received.len() == bytes.len()
        });
        assert!(done, "{} of {}", received.len(), bytes.len());
        assert_eq!(received, bytes);
        // A new connection knows already.
        let carried = w.carried.len();
        let again = w.connect(A, remote);
        w.drain();
        let syn = &w.carried[carried].1;
        let mss = if syn[0] >> 4 == 4 { narrow as u16 - 40 } else { narrow as u16 - 60 };
        let at = if syn[0] >> 4 == 4 { 40 } else { 60 };
        assert_eq!(syn[at..at + 4], [[2, 4], mss.to_be_bytes()].concat());
        let _ = again;
    }
}

#[test]
fn senseless_path_mtus_are_not_believed() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.drop_if = Some(Box::new(|_, _| true));
    w.write(A, client, &[0; 5000]).unwrap();
    w.drain();
    let quote = last(&w)[..28].to_vec();
    let mss = |w: &World| w.hosts[A].info(w.now, client).unwrap().snd_mss;
    let before = mss(&w);
    for (mtu, expected) in [(1500, before), (9000, before), (68, 552 - 40 - 12), (0, 552 - 40 - 12)] {
        let message = Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu });
        w.inject(A, icmpv4("10.0.0.254", "10.0.0.1", message, &quote));
        assert_eq!(mss(&w), expected, "{mtu}");
    }
}

#[test]
fn fragments_are_put_together() {
    let mut w = World::new();
    let ping = icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 1, seq: 1 }, &[5; 1000]);
    for part in fragments(&ping, 256).into_iter().rev() {
        w.inject(B, part);
    }
    w.drain();
    assert_eq!(w.carried.len(), 1);
    assert_eq!(last(&w)[28..], [5; 1000]);
    assert_eq!(w.counter(B, "IpReasmOKs"), 1);
    // TCP too, its checksum verified whatever the device says.
    let (client, server) = w.connected("10.0.0.2:80");
    w.drop_if = Some(Box::new(|from, b| from == A && b.len() > 500));
    w.write(A, client, &[6; 1200]).unwrap();
    w.drain();
    for part in fragments(&w.carried.last().unwrap().1.clone(), 400) {
        w.inject(B, part);
    }
    assert_eq!(w.read(B, server), Ok((vec![6; 1200], false)));
}

#[test]
fn fragments_that_never_become_whole_are_reported_and_forgotten() {
    let mut w = World::new();
    let ping = icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 1, seq: 1 }, &[5; 1000]);
    w.inject(B, fragments(&ping, 256).remove(0));
    w.run(29 * SECOND);
    assert!(w.carried.is_empty());
    w.run(2 * SECOND);
    let (message, _) = Icmpv4Message::parse(&last(&w)[20..]).unwrap();
    assert_eq!(message, Icmpv4Message::TimeExceeded { in_reassembly: true });
    assert_eq!(w.counter(B, "IpReasmTimeout"), 1);
    assert_eq!(w.hosts[B].poll_timeout(), None);
}

#[test]
fn nobody_on_the_link_answers() {
    for (remote, time) in [("10.0.0.77:80", 3), ("[2001:db8::77]:80", 3)] {
        let mut w = World::ethernet();
        let client = w.connect(A, remote);
        w.run(2900 * MS);
        assert_eq!(w.state(A, client), TcpState::SynSent);
        assert_eq!(w.carried.len(), time, "three questions, and nothing else");
        w.run(200 * MS);
        assert_eq!(w.hosts[A].take_error(client), Ok(Some(Error::HostUnreachable)));
        assert_eq!(drops(&mut w, A, DropReason::NeighbourUnreachable), 3, "the SYN and its repetitions");
    }
}

#[test]
fn packets_wait_for_the_neighbour() {
    for remote in ["10.0.0.2:80", "[2001:db8::2]:80"] {
        let mut w = World::ethernet();
        w.listen(B, remote, 5);
        let client = w.connect(A, remote);
        w.run(100 * MS);
        assert_eq!(w.state(A, client), TcpState::Established, "without a retransmission");
        assert_eq!(w.counter(A, "TcpExtTCPSynRetrans"), 0);
        let kinds: Vec<_> =
            w.carried.iter().map(|(from, b)| (*from, EthernetHeader::parse(b).unwrap().0.ether_type)).collect();
        if remote.starts_with('1') {
            assert_eq!(kinds[..2], [(A, EtherType::ARP), (B, EtherType::ARP)]);
            assert!(kinds[2..].iter().all(|k| k.1 == EtherType::IPV4), "the question told B where A is");
        }
    }
}

#[test]
fn frames_to_others_and_false_claims_are_ignored() {
    let mut w = World::ethernet();
    let ping = icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 7, seq: 9 }, b"");
    let frame = |dst: MacAddr, ether_type, payload: &[u8]| {
        let mut bytes = vec![0; 14];
        EthernetHeader { dst, src: mac(A), vlan: None, ether_type }.emit(&mut bytes);
        bytes.extend_from_slice(payload);
        bytes
    };
    w.inject(B, frame(MacAddr([2, 9, 9, 9, 9, 9]), EtherType::IPV4, &ping));
    w.inject(B, frame(MacAddr::BROADCAST, EtherType::IPV4, &ping));
    w.inject(B, frame(mac(B), EtherType::IPV6, &ping));
    let syn = tcp(end("10.0.0.2:80"), 5, 1, 0, 2);
    w.inject(B, frame(MacAddr::BROADCAST, EtherType::IPV4, &syn));
    // Of another network, though a priority tag may stand before its tag.
    for tags in [&[5_u8][..], &[0, 5]] {
        let mut bytes = frame(mac(B), EtherType::IPV4, &ping);
        let inserted = tags.iter().flat_map(|id| [0x81, 0x00, 0x00, *id]);
        bytes.splice(12..12, inserted);
        w.inject(B, bytes);
    }
    w.drain();
    assert!(w.carried.is_empty());
    // Somebody says that he is us.
    let mut claim = vec![0; 28];
    limpid_wire::arp::ArpPacket {
        operation: limpid_wire::arp::ArpOperation::Request,
        sender_mac: mac(A),
        sender: "10.0.0.2".parse().unwrap(),
        target_mac: MacAddr::default(),
        target: "10.0.0.2".parse().unwrap(),
    }
    .emit(&mut claim);
    w.inject(B, frame(MacAddr::BROADCAST, EtherType::ARP, &claim));
    w.drain();
    assert!(w.carried.is_empty());
}

#[test]
fn a_gateway_is_asked_for_and_used() {
    let mut w = World::ethernet();
    let gateway = Some(ip("10.0.0.2"));
    let route = Route { destination: "0.0.0.0/0".parse().unwrap(), gateway, iface: w.iface, metric: 0 };
    w.hosts[A].add_route(route).unwrap();
    assert_eq!(w.hosts[A].add_route(route), Err(Error::AddressInUse));
    let off_link = Route { gateway: Some(ip("172.16.0.1")), ..route };
    assert_eq!(w.hosts[A].add_route(off_link), Err(Error::NetworkUnreachable));
    let client = w.hosts[A].connect(w.now, None, end("192.0.2.1:80"), None).unwrap();
    w.run(100 * MS);
    let syn = &w.carried[2].1;
    assert_eq!(EthernetHeader::parse(syn).unwrap().0.dst, mac(B));
    assert_eq!(IpPacket::parse(&syn[14..]).unwrap().dst, ip("192.0.2.1"));
    assert_eq!(w.hosts[A].local_endpoint(client).unwrap().addr, ip("10.0.0.1"));
    w.hosts[A].remove_route(&route).unwrap();
    assert_eq!(w.hosts[A].connect(w.now, None, end("192.0.2.1:81"), None), Err(Error::NetworkUnreachable));
}

#[test]
fn link_local_addresses_belong_to_their_link() {
    let mut w = World::ethernet();
    let b = w.hosts[B].addresses(w.iface).find(|a| !a.addr.is_v4() && a.addr.is_link_local()).unwrap().addr;
    let remote = Endpoint::new(b, 80);
    w.listen(B, "[::]:80", 5);
    let client = w.hosts[A].connect(w.now, None, remote, None).unwrap();
    w.run(100 * MS);
    assert_eq!(w.state(A, client), TcpState::Established);
    assert!(w.hosts[A].local_endpoint(client).unwrap().addr.is_link_local());
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
