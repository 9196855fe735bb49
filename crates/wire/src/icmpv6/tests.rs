use proptest::prelude::*;

use super::*;

const SRC: IpAddr = IpAddr::LOCALHOST_V6;

#[test]
fn packet_too_big_carries_its_mtu() {
    let bytes = [2, 0, 0, 0, 0, 0, 0x05, 0x00, 0x60, 1, 2];
    let (message, quote) = Icmpv6Message::parse(&bytes).unwrap();
    assert_eq!((&message, quote), (&Icmpv6Message::PacketTooBig { mtu: 1280 }, 8..11));
    let mut out = [0; 11];
    message.emit(&bytes[8..], SRC, SRC, &mut out);
    assert!(checksum_is_valid(SRC, SRC, &out));
    assert!(!checksum_is_valid(SRC, IpAddr::UNSPECIFIED, &out));
}

#[test]
fn every_unreachable_code() {
    for code in 0..=255 {
        let (message, _) = Icmpv6Message::parse(&[1, code, 0, 0, 0, 0, 0, 0]).unwrap();
        let Icmpv6Message::Unreachable(why) = message else { panic!("{message:?}") };
        assert_eq!(why.code(), code);
        assert_eq!(matches!(why, Unreachable::Other(_)), code > 8);
    }
}

#[test]
fn neighbour_discovery_comes_through() {
    let message = Icmpv6Message::Ndp(NdpMessage::RouterSolicit { source_link: None });
    let mut out = [0xee; 8];
    assert_eq!(message.emit(&[], SRC, SRC, &mut out), 8);
    assert!(checksum_is_valid(SRC, SRC, &out));
    assert_eq!(Icmpv6Message::parse(&out), Ok((message, 8..8)));
    assert!(Icmpv6Message::parse(&[135, 0, 0, 0, 0, 0, 0, 0]).is_err());
}

proptest! {
    #[test]
    fn whatever_it_is_it_can_be_written_back(bytes in prop::collection::vec(any::<u8>(), 8..80), kind in prop::sample::select(&[1u8, 2, 3, 4, 128, 129, 133, 135, 136][..])) {
        for kind in [bytes[0], kind] {
            let mut bytes = bytes.clone();
            bytes[0] = kind;
            let Ok((message, body)) = Icmpv6Message::parse(&bytes) else { continue };
            let mut out = [0; 200];
            let len = message.emit(&bytes[body.clone()], SRC, SRC, &mut out);
            prop_assert_eq!(len, message.emitted_len(body.len()));
            prop_assert!(checksum_is_valid(SRC, SRC, &out[..len]));
            let (again, range) = Icmpv6Message::parse(&out[..len]).unwrap();
            let is_error = message.is_error();
            prop_assert_eq!((again, &out[range]), (message, &bytes[body]));
            prop_assert!(!is_error || kind < 128);
        }
    }
}
