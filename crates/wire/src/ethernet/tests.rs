use proptest::prelude::*;

use super::*;

const PLAIN: [u8; 14] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];

#[test]
fn a_plain_frame() {
    let (header, payload) = EthernetHeader::parse(&PLAIN).unwrap();
    assert_eq!(header.dst, MacAddr([2, 0, 0, 0, 0, 1]));
    assert_eq!(header.src, MacAddr([2, 0, 0, 0, 0, 2]));
    assert_eq!((header.vlan, header.ether_type), (None, EtherType::IPV4));
    assert_eq!(payload, 14..14);
}

#[test]
fn vlan_tags_are_stepped_over() {
    let tagged = |tags: &[[u8; 4]]| [&PLAIN[..12], tags.as_flattened(), &[0x86, 0xdd, 0xaa]].concat();
    let (header, payload) = EthernetHeader::parse(&tagged(&[[0x81, 0, 0xa0, 7]])).unwrap();
    assert_eq!(header.vlan.map(|v| (v.id(), v.priority())), Some((7, 5)));
    assert_eq!((header.ether_type, payload), (EtherType::IPV6, 18..19));
    let (header, payload) = EthernetHeader::parse(&tagged(&[[0x88, 0xa8, 0, 1], [0x81, 0, 0, 2]])).unwrap();
    assert_eq!((header.vlan, header.ether_type), (Some(VlanTag(1)), EtherType::IPV6));
    assert_eq!(payload, 22..23);
    let three = tagged(&[[0x81, 0, 0, 1]; 3]);
    assert_eq!(
        EthernetHeader::parse(&three),
        Err(ParseError::BadField { what: "Ethernet", field: "number of VLAN tags", value: 3 })
    );
}

#[test]
fn what_is_cut_off_or_no_ethernet_ii() {
    assert_eq!(
        EthernetHeader::parse(&PLAIN[..13]),
        Err(ParseError::Truncated { what: "Ethernet", need: 14, have: 13 })
    );
    let mut tagged = [0; 17];
    tagged[12..14].copy_from_slice(&[0x81, 0]);
    assert_eq!(EthernetHeader::parse(&tagged), Err(ParseError::Truncated { what: "Ethernet", need: 18, have: 17 }));
    let mut length = PLAIN;
    length[12..14].copy_from_slice(&[0x05, 0xdc]);
    assert_eq!(
        EthernetHeader::parse(&length),
        Err(ParseError::BadField { what: "Ethernet", field: "type", value: 1500 })
    );
}

proptest! {
    #[test]
    fn what_was_written_is_read(dst: [u8; 6], src: [u8; 6], vlan: Option<u16>, ether_type in 0x600..0x8100u16) {
        let vlan = vlan.map(VlanTag);
        let header = EthernetHeader { dst: MacAddr(dst), src: MacAddr(src), vlan, ether_type: EtherType(ether_type) };
        let mut out = [0xee; 18];
        let len = header.emit(&mut out);
        prop_assert_eq!(EthernetHeader::parse(&out[..len]), Ok((header, len..len)));
    }

    #[test]
    fn hostile_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok((_, payload)) = EthernetHeader::parse(&bytes) {
            prop_assert!(payload.start >= HEADER_LEN && payload.end == bytes.len());
        }
    }
}
