//! Which shard a frame is for: the same however its bytes lie, whichever way a segment goes, for the errors that quote it, and for all
//! fragments from one address to another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_event::Silent;
use limpid_stack::{Medium, Place, RxFrame, Secrets, Stack, StackConfig, Steering};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::tcp::parse_segment;
use limpid_wire::{Checksum, Chunk, Endpoint, IpAddr, IpHeader, IpPacket, IpProtocol, MacAddr};
use std::sync::OnceLock;

const SHARDS: u16 = 5;
/// Where frames came.
const ARRIVED: u16 = 3;

fn steering() -> &'static Steering {
    static STEERING: OnceLock<Steering> = OnceLock::new();
    STEERING.get_or_init(|| {
        let config = StackConfig { shards: SHARDS, ..StackConfig::default() };
        Stack::new(config, Secrets { seed: [5; 32] }, Silent).steering()
    })
}

fn place(medium: Medium, bytes: &[u8]) -> Place {
    steering().place(medium, &RxFrame::new(Chunk::from_vec(bytes.to_vec())), ARRIVED)
}

fn packet(src: IpAddr, dst: IpAddr, protocol: IpProtocol, payload: &[u8]) -> Vec<u8> {
    let header = IpHeader::new(src, dst, protocol);
    let mut packet = vec![0; header.header_len()];
    header.emit(payload.len(), &mut packet);
    packet.extend_from_slice(payload);
    packet
}

/// An error about a packet from `src`, as a router makes it.
fn error(about: &[u8], src: IpAddr, dst: IpAddr) -> Vec<u8> {
    if src.is_v4() {
        let quote = &about[..about.len().min(548)];
        let mut message = vec![0; 8 + quote.len()];
        Icmpv4Message::Unreachable(Unreachable::Port).emit(quote, &mut message);
        packet(dst, src, IpProtocol::ICMP, &message)
    } else {
        let quote = &about[..about.len().min(1232)];
        let mut message = vec![0; 8 + quote.len()];
        Icmpv6Message::PacketTooBig { mtu: 1280 }.emit(quote, dst, src, &mut message);
        packet(dst, src, IpProtocol::ICMPV6, &message)
    }
}

/// Gives IPv4's header the checksum that it should have: what has another is of no more interest.
fn mend(packet: &mut [u8]) {
    let Some(first) = packet.first().filter(|first| **first >> 4 == 4) else { return };
    let length = usize::from(first & 15) * 4;
    if length >= 20 && packet.len() >= length {
        packet[10..12].fill(0);
        let sum = Checksum::of(&packet[..length]).finish();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

fuzz_target!(|input: &[u8]| {
    let [ethernet, cut, frame @ ..] = input else { return };
    let mut frame = frame.to_vec();
    let (medium, at) = match ethernet & 1 {
        0 => (Medium::Ip, 0),
        _ => (Medium::Ethernet(MacAddr([2, 0, 0, 0, 0, 1])), 14),
    };
    if let Some(packet) = frame.get_mut(at..) {
        mend(packet);
    }
    let whole = place(medium, &frame);
    assert!(!matches!(whole, Place::Shard(SHARDS..)));
    let (head, rest) = frame.split_at(frame.len().min(usize::from(*cut)));
    let pieces = RxFrame { payload: rest.into(), ..RxFrame::new(Chunk::from_vec(head.to_vec())) };
    assert_eq!(steering().place(medium, &pieces, ARRIVED), whole);

    let Some(Ok(ip)) = frame.get(at..).map(IpPacket::parse) else { return };
    if at > 0 && frame[12..14] != [0x08, 0x00] && frame[12..14] != [0x86, 0xdd] {
        return;
    }
    if ip.fragment.is_some() {
        // Another fragment between the same addresses.
        let other = frame[at..].to_vec();
        let position = if ip.src.is_v4() { 4 } else { return };
        let mut other = other;
        other[position] ^= 0x55;
        mend(&mut other);
        assert_eq!(place(Medium::Ip, &other), whole);
        return;
    }
    let payload = at + ip.payload.start..at + ip.payload.end;
    if ip.protocol != IpProtocol::TCP || payload.len() < 4 {
        return;
    }
    // Segments of this connection, whatever the rest of this one is.
    let port = |at: usize| u16::from_be_bytes([frame[payload.start + at], frame[payload.start + at + 1]]);
    let (one, other) = (Endpoint::new(ip.src, port(0)), Endpoint::new(ip.dst, port(2)));
    assert_eq!(whole, Place::Shard(steering().owner(one, other)));
    let mut tcp = frame[payload].to_vec();
    let there = packet(one.addr, other.addr, IpProtocol::TCP, &tcp);
    tcp[..2].copy_from_slice(&other.port.to_be_bytes());
    tcp[2..4].copy_from_slice(&one.port.to_be_bytes());
    let back = packet(other.addr, one.addr, IpProtocol::TCP, &tcp);
    assert_eq!(place(Medium::Ip, &there), whole);
    assert_eq!(place(Medium::Ip, &back), whole);
    // An error about it finds its shard; what quotes less than ports, or an address that nobody has, is for nobody.
    let range = at + ip.payload.start..at + ip.payload.end;
    if tcp.len() >= 20 && parse_segment(Chunk::from_vec(frame), range, ip.ecn).is_ok() {
        assert_eq!(place(Medium::Ip, &error(&there, one.addr, other.addr)), whole);
        assert_eq!(place(Medium::Ip, &error(&back, other.addr, one.addr)), whole);
    }
});
