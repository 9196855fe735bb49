use proptest::prelude::*;

use super::*;

fn header(src: &str, dst: &str) -> IpHeader {
    let mut header = IpHeader::new(src.parse().unwrap(), dst.parse().unwrap(), IpProtocol::TCP);
    (header.ecn, header.dscp, header.ttl) = (Ecn::Ect0, 10, 33);
    header
}

#[test]
fn either_version_is_written_and_read() {
    for (header, version) in [(header("10.0.0.1", "10.0.0.2"), 4), (header("fe80::1", "fe80::2"), 6)] {
        let mut packet = [0xee; 100];
        let len = header.emit(13, &mut packet);
        assert_eq!(len, header.header_len());
        assert_eq!(packet[0] >> 4, version);
        let parsed = IpPacket::parse(&packet).unwrap();
        assert_eq!((parsed.src, parsed.dst, parsed.protocol), (header.src, header.dst, IpProtocol::TCP));
        assert_eq!((parsed.ttl, parsed.ecn, parsed.dscp), (33, Ecn::Ect0, 10));
        assert_eq!(parsed.payload, len..len + 13);
        assert!(parsed.dont_fragment && !parsed.source_route && parsed.fragment.is_none());
        assert_eq!(packet[parsed.protocol_at], 6);
    }
}

#[test]
fn v4_mapped_addresses_do_not_stand_on_the_wire() {
    let mut packet = [0; 40];
    header("fe80::1", "fe80::2").emit(0, &mut packet);
    for (at, field) in [(8, "source"), (24, "destination")] {
        let mut packet = packet;
        packet[at..at + 16].copy_from_slice(&IpAddr::v4([10, 0, 0, 1]).octets());
        assert_eq!(IpPacket::parse(&packet), Err(ParseError::MappedAddress { field }));
    }
}

#[test]
fn neither_version() {
    assert_eq!(IpPacket::parse(&[]), Err(ParseError::Truncated { what: "IP", need: 1, have: 0 }));
    assert_eq!(IpPacket::parse(&[0x50; 60]), Err(ParseError::BadField { what: "IP", field: "version", value: 5 }));
}

#[test]
fn a_super_segments_length_is_left_open() {
    let mut packet = [0; 40];
    header("10.0.0.1", "10.0.0.2").emit(70_000, &mut packet);
    assert_eq!(packet[2..4], [0, 0]);
    header("fe80::1", "fe80::2").emit(65_536, &mut packet);
    assert_eq!(packet[4..6], [0, 0]);
}

proptest! {
    #[test]
    fn hostile_bytes(mut bytes in prop::collection::vec(any::<u8>(), 1..120), first in prop::sample::select(&[0x45u8, 0x46, 0x4f, 0x60][..])) {
        bytes[0] = first;
        if bytes.len() > 6 {
            let len = bytes.len() as u8;
            bytes[2..6].copy_from_slice(&[0, len, 0, len.saturating_sub(40)]);
            bytes[6] %= 61;
        }
        if let Ok(packet) = IpPacket::parse(&bytes) {
            prop_assert!(packet.payload.start <= packet.payload.end && packet.payload.end <= bytes.len());
            prop_assert!(packet.src.is_v4() == (first < 0x50));
        }
    }
}
