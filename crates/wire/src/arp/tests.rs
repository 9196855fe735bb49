use proptest::prelude::*;

use super::*;

const REQUEST: [u8; 28] = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];

#[test]
fn a_request() {
    let packet = ArpPacket {
        operation: ArpOperation::Request,
        sender_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        sender: Ipv4Addr::new(10, 0, 0, 1),
        target_mac: MacAddr::default(),
        target: Ipv4Addr::new(10, 0, 0, 2),
    };
    assert_eq!(ArpPacket::parse(&REQUEST), Ok(packet));
    let mut out = [0xee; 28];
    assert_eq!(packet.emit(&mut out), 28);
    assert_eq!(out, REQUEST);
}

#[test]
fn each_wrong_field_is_named() {
    for (at, field) in [(0, "hardware type"), (2, "protocol type"), (4, "address lengths"), (6, "operation")] {
        let mut bytes = REQUEST;
        bytes[at] = 0xff;
        let value = u32::from(be16(&bytes, at));
        assert_eq!(ArpPacket::parse(&bytes), Err(ParseError::BadField { what: "ARP", field, value }));
    }
    assert!(ArpPacket::parse(&REQUEST[..27]).is_err());
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_or_written_back(at in 0..28usize, byte: u8) {
        let mut bytes = REQUEST;
        bytes[at] = byte;
        if let Ok(packet) = ArpPacket::parse(&bytes) {
            let mut out = [0; 28];
            packet.emit(&mut out);
            prop_assert_eq!(out, bytes);
        }
    }
}
