//! Hostile frames: noise, sound packets with flipped bits, sound headers around noise. Nothing panics, and who behaves is served.

mod common;

use common::packets::{fragments, icmpv4, icmpv6};
use common::{A, B, Log, Rng, World, end, ip, ip_packet, mac, tcp};
use limpid_event::TcpState;
use limpid_stack::{Medium, Readiness, StackConfig};
use limpid_wire::ethernet::{EtherType, EthernetHeader};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::{IpPacket, IpProtocol, checksum};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Frames made of noise, of sound packets with flipped bits, and of sound headers around noise.
#[test]
fn hostile_frames_never_panic() {
    let mut rng = Rng::new(77);
    for ethernet in [false, true] {
        let medium = |host| if ethernet { Medium::Ethernet(mac(host)) } else { Medium::Ip };
        let mut w = World::with(StackConfig::default(), medium, 1500, 0);
        w.hosts.iter_mut().for_each(|h| *h.observer() = Log { off: true, ..Log::default() });
        w.listen(B, "[::]:80", 5);
        let (client, server) = {
            let listener = w.listen(B, "[::]:81", 5);
            let client = w.connect(A, "10.0.0.2:81");
            w.run(100 * MS);
            (client, w.hosts[B].accept(w.now, listener).unwrap().0)
        };
        w.write(A, client, &[1; 3000]).unwrap();
        w.run(100 * MS);
        let samples: Vec<_> = w.carried.iter().map(|(_, b)| b.clone()).chain(corpus(ethernet)).collect();
        w.keep_carried = false;
        for round in 0..60_000 {
            let mut bytes = if rng.chance(100) {
                (0..rng.below(120)).map(|_| rng.next() as u8).collect()
            } else {
                samples[rng.below(samples.len() as u64) as usize].clone()
            };
            for _ in 0..rng.below(4) {
                if !bytes.is_empty() {
                    let at = rng.below(bytes.len() as u64) as usize;
                    bytes[at] = rng.next() as u8;
                }
            }
            if rng.chance(200) {
                bytes.truncate(rng.below(bytes.len() as u64 + 1) as usize);
            }
            if rng.chance(700) {
                repair(&mut bytes, ethernet);
            }
            w.inject(B, bytes);
            if round % 64 == 0 {
                w.run(50 * MS);
            }
        }
        w.run(300 * SECOND);
        // The one good connection is unharmed unless the noise was a good reset.
        let _ = w.read(B, server);
        assert!(w.ready(B, server) != Readiness::empty());
        // And somebody else still gets in.
        let fresh = w.connect(A, "[2001:db8::2]:80");
        w.run(SECOND);
        assert!(matches!(w.state(A, fresh), TcpState::Established | TcpState::SynSent));
    }
}

fn corpus(ethernet: bool) -> Vec<Vec<u8>> {
    let packets = [
        icmpv4("10.0.0.1", "10.0.0.2", Icmpv4Message::EchoRequest { id: 7, seq: 9 }, &[1; 60]),
        icmpv4(
            "10.0.0.1",
            "10.0.0.2",
            Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu: 900 }),
            &[0x45; 40],
        ),
        icmpv6("2001:db8::1", "2001:db8::2", &Icmpv6Message::EchoRequest { id: 7, seq: 9 }, &[1; 60]),
        icmpv6("2001:db8::1", "2001:db8::2", &Icmpv6Message::PacketTooBig { mtu: 1300 }, &[0x60; 60]),
        ip_packet(ip("10.0.0.1"), ip("10.0.0.2"), IpProtocol::UDP, &[9; 40]),
        ip_packet(
            ip("2001:db8::1"),
            ip("2001:db8::2"),
            IpProtocol::FRAGMENT,
            &[6, 0, 0, 1, 0, 0, 0, 1, 3, 3, 3, 3, 3, 3, 3, 3],
        ),
        ip_packet(
            ip("2001:db8::1"),
            ip("2001:db8::2"),
            IpProtocol::HOP_BY_HOP,
            &[6, 0, 0xc5, 4, 0, 0, 0, 0, 3, 3, 3, 3],
        ),
        tcp(end("10.0.0.2:80"), 99, 1, 0, 2),
        tcp(end("[2001:db8::2]:80"), 99, 1, 0, 2),
        tcp(end("10.0.0.2:80"), 99, 2, 1, 0x10),
    ];
    let mut all: Vec<Vec<u8>> = packets.to_vec();
    all.extend(fragments(&packets[0], 32));
    if !ethernet {
        return all;
    }
    all.into_iter()
        .map(|packet| {
            let ether_type = if packet[0] >> 4 == 4 { EtherType::IPV4 } else { EtherType::IPV6 };
            let mut bytes = vec![0; 14];
            EthernetHeader { dst: mac(B), src: mac(A), vlan: None, ether_type }.emit(&mut bytes);
            bytes.extend(packet);
            bytes
        })
        .collect()
}

/// Makes the checksums right again, so that the noise gets further in.
fn repair(frame: &mut [u8], ethernet: bool) {
    let Some(packet) = frame.get_mut(if ethernet { 14 } else { 0 }..) else { return };
    if packet.len() < 20 {
        return;
    }
    if packet[0] >> 4 == 4 {
        let len = (usize::from(packet[0] & 15) * 4).clamp(20, packet.len());
        packet[10..12].fill(0);
        let sum = checksum::Checksum::of(&packet[..len]).finish();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let Ok(ip) = IpPacket::parse(packet) else { return };
    let body = &mut packet[ip.payload];
    let (at, pseudo) = match ip.protocol {
        IpProtocol::TCP => (16, true),
        IpProtocol::ICMP => (2, false),
        IpProtocol::ICMPV6 => (2, true),
        _ => return,
    };
    if body.len() < at + 2 {
        return;
    }
    body[at..at + 2].fill(0);
    let mut sum = match pseudo {
        true => checksum::Checksum::pseudo_header(ip.src, ip.dst, ip.protocol, body.len()),
        false => checksum::Checksum::new(),
    };
    sum.add(body);
    body[at..at + 2].copy_from_slice(&sum.finish().to_be_bytes());
}
