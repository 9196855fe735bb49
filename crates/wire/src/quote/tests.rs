use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::IpHeader;

fn quote(src: &str, dst: &str, protocol: IpProtocol, transport: &[u8]) -> Vec<u8> {
    let mut out = alloc::vec![0; 40];
    let header = IpHeader::new(src.parse().unwrap(), dst.parse().unwrap(), protocol);
    // What was quoted is shorter than what the header states.
    let len = header.emit(1000, &mut out);
    out.truncate(len);
    out.extend_from_slice(transport);
    out
}

#[test]
fn eight_bytes_of_tcp_are_enough() {
    let tcp = [0x1f, 0x90, 0, 80, 1, 2, 3, 4];
    for (src, dst) in [("10.0.0.1", "10.0.0.2"), ("fe80::1", "fe80::2")] {
        let bytes = quote(src, dst, IpProtocol::TCP, &tcp);
        let quoted = QuotedPacket::parse(&bytes).unwrap();
        assert_eq!((quoted.src, quoted.dst), (src.parse().unwrap(), dst.parse().unwrap()));
        assert_eq!((quoted.protocol, quoted.ports), (IpProtocol::TCP, Some((8080, 80))));
        assert_eq!(quoted.seq, Some(SeqNum(0x01020304)));
        let shorter = QuotedPacket::parse(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!((shorter.ports, shorter.seq), (Some((8080, 80)), None));
        let none = QuotedPacket::parse(&bytes[..bytes.len() - 5]).unwrap();
        assert_eq!((none.ports, none.seq), (None, None));
        assert!(QuotedPacket::parse(&bytes[..bytes.len() - 9]).is_err());
    }
}

#[test]
fn behind_options_and_extension_headers() {
    let mut v4 = quote("10.0.0.1", "10.0.0.2", IpProtocol::UDP, &[1, 1, 1, 1, 0, 7, 0, 9]);
    v4[0] = 0x46;
    assert_eq!(QuotedPacket::parse(&v4).unwrap().ports, Some((7, 9)));
    let extended = [6, 0, 1, 4, 0, 0, 0, 0, 0, 7, 0, 9, 0, 0, 0, 5];
    let v6 = quote("fe80::1", "fe80::2", IpProtocol::DESTINATION_OPTIONS, &extended);
    let quoted = QuotedPacket::parse(&v6).unwrap();
    assert_eq!((quoted.protocol, quoted.ports, quoted.seq), (IpProtocol::TCP, Some((7, 9)), Some(SeqNum(5))));
}

#[test]
fn a_later_fragment_has_no_ports() {
    let mut v4 = quote("10.0.0.1", "10.0.0.2", IpProtocol::TCP, &[0; 8]);
    v4[7] = 1;
    assert_eq!(QuotedPacket::parse(&v4).unwrap().ports, None);
    let v6 = quote("fe80::1", "fe80::2", IpProtocol::FRAGMENT, &[6, 0, 0, 8, 0, 0, 0, 1, 0, 7, 0, 9]);
    let quoted = QuotedPacket::parse(&v6).unwrap();
    assert_eq!((quoted.protocol, quoted.ports), (IpProtocol::TCP, None));
}

#[test]
fn the_length_attribute_bounds_the_quote() {
    assert_eq!(quote_range(0, 100), 8..100);
    assert_eq!(quote_range(64, 100), 8..72);
    assert_eq!(quote_range(128, 100), 8..100);
}

proptest! {
    #[test]
    fn hostile_bytes(mut bytes in prop::collection::vec(any::<u8>(), 0..100), first in prop::sample::select(&[0x45u8, 0x4f, 0x60][..])) {
        if let Some(b) = bytes.first_mut() {
            *b = first;
        }
        if let Ok(quoted) = QuotedPacket::parse(&bytes) {
            prop_assert!(quoted.seq.is_none() || quoted.ports.is_some());
        }
    }
}
