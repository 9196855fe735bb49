use super::*;
use crate::run::Settings;
use crate::script::{EventKind, Packet, PacketBody, Script};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::quote::QuotedPacket;
use limpid_wire::{IpPacket, SeqNum, checksum, icmpv4};

const SEGMENT: QuotedSegment = QuotedSegment { ports: (8080, 50_000), seq: 5001 };

fn build_text(version: &str, text: &str) -> Result<(Vec<u8>, Network), Stop> {
    let text = format!("--ip_version={version}\n0 < {text}");
    let script: Script = crate::parse::parse(&text, &Default::default()).unwrap_or_else(|e| panic!("{text}: {e}"));
    let EventKind::Packet(Packet { body: PacketBody::Icmp(icmp), .. }) = &script.events[0].kind else {
        panic!("{text}")
    };
    let network = Network::of(&script, &Settings::default()).unwrap();
    Ok((build(icmp, SEGMENT, &network, Pos::default())?, network))
}

#[test]
fn an_ipv4_error_quotes_what_we_sent() {
    let (bytes, network) = build_text("ipv4", "icmp unreachable frag_needed mtu 1200 [1:1461(1460)]").unwrap();
    let ip = IpPacket::parse(&bytes).unwrap();
    assert!(icmpv4::checksum_is_valid(&bytes[ip.payload.clone()]));
    let (message, quote) = Icmpv4Message::parse(&bytes[ip.payload.clone()]).unwrap();
    assert_eq!(message, Icmpv4Message::Unreachable(Unreachable::FragmentationNeeded { mtu: 1200 }));
    let quote = QuotedPacket::parse(&bytes[ip.payload][quote]).unwrap();
    assert_eq!((quote.src, quote.dst), (network.local, network.remote));
    assert_eq!((quote.ports, quote.seq), (Some((8080, 50_000)), Some(SeqNum(5001))));
}

#[test]
fn an_ipv6_error_quotes_what_we_sent() {
    let (bytes, network) = build_text("ipv6", "icmp packet_too_big mtu 1300 [1:1001(1000)]").unwrap();
    let ip = IpPacket::parse(&bytes).unwrap();
    assert!(checksum::verify(ip.src, ip.dst, IpProtocol::ICMPV6, &bytes[ip.payload.clone()]));
    let (message, quote) = Icmpv6Message::parse(&bytes[ip.payload.clone()]).unwrap();
    assert_eq!(message, Icmpv6Message::PacketTooBig { mtu: 1300 });
    let quote = QuotedPacket::parse(&bytes[ip.payload][quote]).unwrap();
    assert_eq!((quote.src, quote.seq), (network.local, Some(SeqNum(5001))));
}

#[test]
fn every_name_is_known_and_none_else() {
    for (version, kinds) in [("ipv4", V4), ("ipv6", V6)] {
        for (number, name, codes) in kinds {
            for (code, code_name) in codes.iter().copied().chain([(7, "code_7")]) {
                let (bytes, _) = build_text(version, &format!("icmp {name} {code_name} [1:2(1)]")).unwrap();
                let at = IpPacket::parse(&bytes).unwrap().payload.start;
                assert_eq!(bytes[at..at + 2], [*number, code], "{name} {code_name}");
            }
        }
    }
    let (bytes, _) = build_text("ipv4", "icmp type_77 code_3 [1:2(1)]").unwrap();
    assert_eq!(bytes[20..22], [77, 3]);
    for text in
        ["icmp frobnicated [1:2(1)]", "icmp unreachable no_route [1:2(1)]", "icmp packet_too_big mtu 5 [1:2(1)]"]
    {
        assert!(matches!(build_text("ipv4", text), Err(Stop::Unsupported { .. })), "{text}");
    }
    for text in ["icmp unreachable host_unreachable mtu 5 [1:2(1)]", "icmp unreachable frag_needed mtu 70000 [1:2(1)]"]
    {
        assert!(matches!(build_text("ipv4", text), Err(Stop::Invalid { .. })), "{text}");
    }
}
