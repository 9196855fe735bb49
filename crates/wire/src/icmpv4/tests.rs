use proptest::prelude::*;

use super::*;

#[test]
fn an_echo_request_from_ping() {
    let bytes = [8, 0, 0xe5, 0xca, 0x12, 0x34, 0, 1, b'a', b'b', b'c'];
    let (message, data) = Icmpv4Message::parse(&bytes).unwrap();
    assert_eq!(message, Icmpv4Message::EchoRequest { id: 0x1234, seq: 1 });
    assert_eq!(data, 8..11);
    let mut out = [0; 11];
    assert_eq!(message.emit(b"abc", &mut out), 11);
    assert!(checksum_is_valid(&out));
    assert_eq!(out[4..], bytes[4..]);
}

#[test]
fn every_unreachable_code() {
    for code in 0..=255 {
        let bytes = [3, code, 0, 0, 0, 0, 5, 0xdc, 0x45];
        let (message, quote) = Icmpv4Message::parse(&bytes).unwrap();
        let Icmpv4Message::Unreachable(why) = message else { panic!("{message:?}") };
        assert_eq!((why.code(), quote), (code, 8..9));
        assert_eq!(why == Unreachable::FragmentationNeeded { mtu: 1500 }, code == 4);
        assert_eq!(matches!(why, Unreachable::Other(_)), code > 15);
        assert!(message.is_error());
    }
}

#[test]
fn extensions_behind_the_quote_are_left_out() {
    let mut bytes = [0; 8 + 128 + 20];
    bytes[0] = 11;
    bytes[5] = 32;
    assert_eq!(Icmpv4Message::parse(&bytes).unwrap().1, 8..136);
    bytes[5] = 255;
    assert_eq!(Icmpv4Message::parse(&bytes).unwrap().1, 8..156);
}

#[test]
fn too_short() {
    assert!(Icmpv4Message::parse(&[8, 0, 0, 0, 0, 0, 0]).is_err());
}

proptest! {
    #[test]
    fn whatever_it_is_it_can_be_written_back(bytes in prop::collection::vec(any::<u8>(), 8..60), kind in 0..13u8) {
        for kind in [bytes[0], kind] {
            let mut bytes = bytes.clone();
            bytes[0] = kind;
            let (message, body) = Icmpv4Message::parse(&bytes).unwrap();
            let mut out = [0; 60];
            let len = message.emit(&bytes[body.clone()], &mut out);
            prop_assert!(checksum_is_valid(&out[..len]));
            let (again, range) = Icmpv4Message::parse(&out[..len]).unwrap();
            prop_assert_eq!((again, &out[range]), (message, &bytes[body]));
        }
    }
}
