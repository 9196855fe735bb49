use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// A packet to `::2` whose `parts` follow the fixed header, the first of type `first`.
fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let payload = parts.concat();
    let header = Ipv6Header {
        dscp: 0,
        ecn: Ecn::NotEct,
        flow_label: 0x12345,
        payload_len: payload.len() as u16,
        next_header: IpProtocol(first),
        hop_limit: 64,
        src: Ipv6Addr::LOCALHOST,
        dst: Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 2),
    };
    let mut out = alloc::vec![0; HEADER_LEN];
    header.emit(&mut out);
    out.extend_from_slice(&payload);
    out
}

fn walk(packet: &[u8]) -> Result<Extensions, ParseError> {
    let (header, payload) = Ipv6Header::parse(packet)?;
    walk_extensions(packet, &header, payload.end)
}

#[test]
fn without_extension_headers() {
    let at = walk(&packet(6, &[&[0; 20]])).unwrap();
    assert_eq!(at, Extensions { protocol: IpProtocol::TCP, offset: 40, protocol_at: 6, fragment: None });
}

#[test]
fn through_all_kinds_of_headers() {
    let hop_by_hop = [60, 0, 5, 2, 0, 0, 1, 0];
    let destination = [43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let routing = [44, 0, 4, 0, 0, 0, 0, 0];
    let atomic = [6, 0, 0, 0, 0, 0, 0, 9];
    let at = walk(&packet(0, &[&hop_by_hop, &destination, &routing, &atomic, b"data"])).unwrap();
    assert_eq!(at, Extensions { protocol: IpProtocol::TCP, offset: 80, protocol_at: 72, fragment: None });
}

#[test]
fn a_fragment_ends_the_walk() {
    let fragment = [60, 0, 0x01, 0x01, 0, 0, 0, 9];
    let at = walk(&packet(44, &[&fragment, b"anything"])).unwrap();
    let expected = Fragment { id: 9, offset: 256, more: true };
    assert_eq!(at.fragment, Some(expected));
    assert_eq!((at.protocol, at.offset), (IpProtocol::DESTINATION_OPTIONS, 48));
}

#[test]
fn an_unknown_option_is_skipped_or_not_as_its_bits_say() {
    for (kind, skipped) in [(0x1e, true), (0x5e, false), (0x9e, false), (0xde, false)] {
        let result = walk(&packet(60, &[&[6, 0, 1, 0, kind, 2, 0, 0], b"data"]));
        match skipped {
            true => assert_eq!(result.unwrap().protocol, IpProtocol::TCP),
            false => assert_eq!(
                result,
                Err(ParseError::UnknownOption { what: "IPv6 destination options", kind, pointer: 44 })
            ),
        }
    }
}

#[test]
fn what_is_refused() {
    let what = "IPv6 routing header";
    let routing = walk(&packet(43, &[&[6, 0, 0, 1, 0, 0, 0, 0]]));
    assert_eq!(routing, Err(ParseError::BadField { what, field: "segments left", value: 1 }));
    let late = walk(&packet(60, &[&[0, 0, 1, 4, 0, 0, 0, 0], &[6, 0, 1, 4, 0, 0, 0, 0]]));
    assert!(matches!(late, Err(ParseError::BadField { field: "place of hop-by-hop options", value: 40, .. })));
    let too_long = walk(&packet(60, &[&[6, 1, 1, 4, 0, 0, 0, 0]]));
    assert_eq!(too_long, Err(ParseError::Truncated { what: "IPv6 destination options", need: 16, have: 8 }));
    let beyond = walk(&packet(60, &[&[6, 0, 30, 5, 0, 0, 0, 0]]));
    assert_eq!(beyond, Err(ParseError::Option { what: "IPv6 destination options", kind: 30 }));
    let lone_kind = walk(&packet(60, &[&[6, 0, 0, 0, 0, 0, 0, 30]]));
    assert_eq!(lone_kind, Err(ParseError::Option { what: "IPv6 destination options", kind: 30 }));
}

#[test]
fn headers_and_options_are_bounded() {
    let chain = |n: usize| {
        let mut headers = alloc::vec![[60, 0, 1, 4, 0, 0, 0, 0]; n];
        headers[n - 1][0] = 6;
        walk(&packet(60, &[headers.as_flattened()]))
    };
    assert_eq!(chain(MAX_EXTENSION_HEADERS).unwrap().offset, 40 + 64);
    assert!(matches!(chain(MAX_EXTENSION_HEADERS + 1), Err(ParseError::BadField { value: 9, .. })));
    let options = |n: usize| {
        let mut header = alloc::vec![6, 2];
        header.extend([30, 0].repeat(n));
        header.resize(24, 0);
        walk(&packet(60, &[&header]))
    };
    assert!(options(MAX_EXTENSION_OPTIONS).is_ok());
    assert!(matches!(options(MAX_EXTENSION_OPTIONS + 1), Err(ParseError::BadField { field: "number of options", .. })));
}

#[test]
fn truncated_or_of_another_version() {
    let packet = packet(6, &[&[0; 4]]);
    assert_eq!(Ipv6Header::parse(&packet[..39]), Err(ParseError::Truncated { what: "IPv6", need: 40, have: 39 }));
    assert_eq!(Ipv6Header::parse(&packet[..43]), Err(ParseError::Truncated { what: "IPv6", need: 44, have: 43 }));
    let v4 = [&[0x45], &packet[1..]].concat();
    assert_eq!(Ipv6Header::parse(&v4), Err(ParseError::BadField { what: "IPv6", field: "version", value: 4 }));
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        dscp in 0..64u8, ecn in 0..4u8, flow_label in 0..1u32 << 20, payload_len: u16, next: u8, hop_limit: u8, src: u128, dst: u128
    ) {
        let header = Ipv6Header {
            dscp, ecn: Ecn::from_bits(ecn), flow_label, payload_len, next_header: IpProtocol(next), hop_limit,
            src: Ipv6Addr::from(src), dst: Ipv6Addr::from(dst),
        };
        let mut out = [0xee; HEADER_LEN];
        header.emit(&mut out);
        prop_assert_eq!(Ipv6Header::parse_header(&out), Ok(header));
    }

    #[test]
    fn fragment_headers_are_read_as_written(next: u8, id: u32, offset in 0..0x2000u16, more: bool) {
        let header = FragmentHeader { next_header: IpProtocol(next), fragment: Fragment { id, offset: offset * 8, more } };
        let mut out = [0xee; FRAGMENT_HEADER_LEN];
        header.emit(&mut out);
        prop_assert_eq!(FragmentHeader::parse(&out), Ok((header, 8..8)));
    }

    #[test]
    fn hostile_chains(
        first in prop::sample::select(&[0u8, 43, 44, 60, 6][..]),
        mut chain in prop::collection::vec((prop::sample::select(&[0u8, 43, 44, 60, 6, 17][..]), 0..3u8, any::<[u8; 6]>()), 0..14),
    ) {
        let bytes: Vec<u8> = chain.drain(..).flat_map(|(next, len, rest)| [&[next, len][..], &rest].concat()).collect();
        let packet = packet(first, &[&bytes]);
        if let Ok(at) = walk(&packet) {
            prop_assert!(at.offset <= packet.len());
            prop_assert_eq!(IpProtocol(packet[at.protocol_at]), at.protocol);
        }
    }
}
