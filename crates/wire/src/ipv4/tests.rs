use proptest::prelude::*;

use super::*;

/// From a real capture: 10.0.0.103 > 10.0.0.199, DF, TCP.
const HEADER: [u8; 20] = [0x45, 0, 0, 0x3c, 0, 1, 0x40, 0, 0x40, 6, 0x25, 0x8e, 10, 0, 0, 0x67, 10, 0, 0, 0xc7];

fn with_options(options: &[u8]) -> Ipv4Header {
    let mut header = Ipv4Header::parse_header(&HEADER).unwrap();
    header.options.try_extend_from_slice(options).unwrap();
    header
}

#[test]
fn a_real_header() {
    let mut packet = [0; 64];
    packet[..20].copy_from_slice(&HEADER);
    let (header, payload) = Ipv4Header::parse(&packet).unwrap();
    assert_eq!(payload, 20..60, "link padding is left out");
    assert_eq!((header.src, header.dst), (Ipv4Addr::new(10, 0, 0, 103), Ipv4Addr::new(10, 0, 0, 199)));
    assert_eq!((header.ttl, header.protocol, header.id), (64, IpProtocol::TCP, 1));
    assert!(header.dont_fragment && header.fragment().is_none());
    assert!(checksum_is_valid(&packet));
    let mut out = [0xee; 20];
    assert_eq!(header.emit(&mut out), 20);
    assert_eq!(out, HEADER);
}

#[test]
fn bad_headers_say_what_is_bad() {
    let changed = |at: usize, byte: u8| {
        let mut packet = [0; 60];
        packet[..20].copy_from_slice(&HEADER);
        packet[at] = byte;
        Ipv4Header::parse(&packet).unwrap_err()
    };
    assert_eq!(changed(0, 0x55), ParseError::BadField { what: "IPv4", field: "version", value: 5 });
    assert_eq!(changed(0, 0x44), ParseError::BadField { what: "IPv4", field: "header length", value: 16 });
    assert_eq!(changed(3, 19), ParseError::BadField { what: "IPv4", field: "total length", value: 19 });
    assert_eq!(changed(3, 61), ParseError::Truncated { what: "IPv4", need: 61, have: 60 });
    assert_eq!(Ipv4Header::parse(&HEADER[..19]), Err(ParseError::Truncated { what: "IPv4", need: 20, have: 19 }));
    assert!(Ipv4Header::parse_header(&HEADER).is_ok());
    let mut options = HEADER;
    options[0] = 0x4f;
    assert_eq!(Ipv4Header::parse(&options), Err(ParseError::Truncated { what: "IPv4", need: 60, have: 20 }));
}

#[test]
fn fragments() {
    let mut bytes = HEADER;
    bytes[6..8].copy_from_slice(&[0x20, 0]);
    let first = Ipv4Header::parse_header(&bytes).unwrap().fragment();
    assert_eq!(first, Some(Fragment { id: 1, offset: 0, more: true }));
    bytes[6..8].copy_from_slice(&[0x1f, 0xff]);
    let last = Ipv4Header::parse_header(&bytes).unwrap().fragment();
    assert_eq!(last, Some(Fragment { id: 1, offset: 65528, more: false }));
}

#[test]
fn options_are_listed_and_source_routes_seen() {
    let header = with_options(&[1, 148, 4, 0, 0, 131, 3, 4, 0, 9, 9]);
    let kinds: alloc::vec::Vec<_> = header.options().map(|o| o.unwrap().kind.0).collect();
    assert_eq!(kinds, [1, 148, 131, 0]);
    assert!(header.has_source_route());
    assert!(with_options(&[137, 3, 4]).has_source_route());
    assert!(!with_options(&[148, 4, 0, 0]).has_source_route());
    assert!(!with_options(&[0, 137, 3, 4]).has_source_route());
    assert!(!with_options(&[]).has_source_route());
}

#[test]
fn a_malformed_option_ends_the_list() {
    for bad in [&[7][..], &[7, 0, 1], &[7, 1, 1], &[7, 4, 1]] {
        let header = with_options(bad);
        let all: alloc::vec::Vec<_> = header.options().collect();
        assert_eq!(all, [Err(ParseError::Option { what: "IPv4", kind: 7 })], "{bad:?}");
    }
}

prop_compose! {
    fn any_header()(
        (dscp, ecn, total_len, id) in (0..64u8, 0..4u8, any::<u16>(), any::<u16>()),
        (dont_fragment, more_fragments, offset) in (any::<bool>(), any::<bool>(), 0..0x2000u16),
        (ttl, protocol) in any::<(u8, u8)>(),
        (src, dst) in any::<(u32, u32)>(),
        options in prop::collection::vec(any::<[u8; 4]>(), 0..=10),
    ) -> Ipv4Header {
        Ipv4Header {
            dscp,
            ecn: Ecn::from_bits(ecn),
            total_len,
            id,
            dont_fragment,
            more_fragments,
            fragment_offset: offset * 8,
            ttl,
            protocol: IpProtocol(protocol),
            checksum: 0,
            src: Ipv4Addr::from(src),
            dst: Ipv4Addr::from(dst),
            options: options.into_iter().flatten().collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(header in any_header()) {
        let mut out = [0xee; 60];
        let len = header.emit(&mut out);
        prop_assert!(checksum_is_valid(&out[..len]));
        let parsed = Ipv4Header::parse_header(&out[..len]).unwrap();
        prop_assert_eq!(Ipv4Header { checksum: 0, ..parsed }, header);
    }

    #[test]
    fn hostile_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..100), version in prop::option::of(0x40..0x50u8)) {
        if let (Some(version), Some(first)) = (version, bytes.first_mut()) {
            *first = version;
        }
        checksum_is_valid(&bytes);
        if let Ok((header, payload)) = Ipv4Header::parse(&bytes) {
            prop_assert_eq!(&payload, &(header.header_len()..usize::from(header.total_len)));
            prop_assert!(payload.end <= bytes.len());
            prop_assert!(header.options().count() <= 40);
        }
    }
}
