//! ICMP messages and fragments as IP packets, and what was sent and dropped.

use super::{World, ip, ip_packet};
use limpid_event::{DropReason, Event};
use limpid_wire::icmpv4::Icmpv4Message;
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::ipv4::Ipv4Header;
use limpid_wire::{IpPacket, IpProtocol};

pub fn icmpv4(src: &str, dst: &str, message: Icmpv4Message, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 8 + body.len()];
    message.emit(body, &mut bytes);
    ip_packet(ip(src), ip(dst), IpProtocol::ICMP, &bytes)
}

pub fn icmpv6(src: &str, dst: &str, message: &Icmpv6Message, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; message.emitted_len(body.len())];
    message.emit(body, ip(src), ip(dst), &mut bytes);
    ip_packet(ip(src), ip(dst), IpProtocol::ICMPV6, &bytes)
}

/// Cuts an IPv4 packet into fragments of `size` bytes of payload.
pub fn fragments(packet: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (header, payload) = Ipv4Header::parse(packet).unwrap();
    let payload = &packet[payload];
    (0..payload.len())
        .step_by(size)
        .map(|at| {
            let end = (at + size).min(payload.len());
            let part = Ipv4Header {
                dont_fragment: false,
                more_fragments: end < payload.len(),
                fragment_offset: at as u16,
                total_len: (20 + end - at) as u16,
                id: 99,
                ..header.clone()
            };
            let mut bytes = vec![0; 20];
            part.emit(&mut bytes);
            bytes.extend_from_slice(&payload[at..end]);
            bytes
        })
        .collect()
}

/// The packets that a host has sent, on an IP link.
pub fn sent(w: &World, host: usize) -> Vec<IpPacket> {
    w.carried.iter().filter(|(from, _)| *from == host).map(|(_, b)| IpPacket::parse(b).unwrap()).collect()
}

/// The last packet on the link.
pub fn last(w: &World) -> &[u8] {
    &w.carried.last().expect("something was sent").1
}

/// How many packets a host has dropped for this reason.
pub fn drops(w: &mut World, host: usize, why: DropReason) -> usize {
    let events = &w.hosts[host].observer().events;
    events.iter().filter(|(_, _, e)| *e == Event::Dropped { why }).count()
}
