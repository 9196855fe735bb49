//! A frame through every layer that its bytes lead to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_wire::arp::ArpPacket;
use limpid_wire::ethernet::{EtherType, EthernetHeader};
use limpid_wire::icmpv4::Icmpv4Message;
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::quote::QuotedPacket;
use limpid_wire::tcp::{emit_header, header_len, parse_segment};
use limpid_wire::{Chunk, IpPacket, IpProtocol};

fuzz_target!(|frame: &[u8]| {
    let Ok((ethernet, payload)) = EthernetHeader::parse(frame) else { return };
    if ethernet.ether_type == EtherType::ARP {
        let _ = ArpPacket::parse(&frame[payload]);
        return;
    }
    let packet = &frame[payload.clone()];
    let Ok(ip) = IpPacket::parse(packet) else { return };
    let transport = &packet[ip.payload.clone()];
    match ip.protocol {
        IpProtocol::TCP => {
            let range = payload.start + ip.payload.start..payload.start + ip.payload.end;
            if let Ok((src, dst, segment)) = parse_segment(Chunk::from_vec(frame.to_vec()), range, ip.ecn) {
                let mut header = [0; 60];
                assert_eq!(emit_header(&segment, (src, dst), &mut header), header_len(&segment));
            }
        }
        IpProtocol::ICMP => {
            if let Ok((message, body)) = Icmpv4Message::parse(transport) {
                let _ = QuotedPacket::parse(&transport[body.clone()]);
                message.emit(&transport[body.clone()], &mut vec![0; 8 + body.len()]);
            }
        }
        IpProtocol::ICMPV6 => {
            if let Ok((message, body)) = Icmpv6Message::parse(transport) {
                let _ = QuotedPacket::parse(&transport[body.clone()]);
                let mut out = vec![0; message.emitted_len(body.len())];
                message.emit(&transport[body], ip.src, ip.dst, &mut out);
            }
        }
        _ => {}
    }
});
