//! Who is on the link: ARP and neighbour discovery, gateways, link-local addresses (RFC 826, 4861, 4291 §2.5.6).

mod common;

use common::packets::{drops, icmpv4};
use common::{A, B, World, end, ip, mac, tcp};
use limpid_event::{DropReason, Error, TcpState};
use limpid_stack::Route;
use limpid_wire::ethernet::{EtherType, EthernetHeader};
use limpid_wire::icmpv4::Icmpv4Message;
use limpid_wire::{Endpoint, IpPacket, MacAddr};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

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
