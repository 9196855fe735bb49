use super::*;
use crate::testing::frame;

fn with(first: u8, payload: usize, gso_size: u16, checksum: TxChecksum) -> TxFrame {
    let mut head = [0; 40];
    head[0] = first;
    TxFrame { payload: vec![7; payload].into(), gso_size, checksum, ..frame(&head) }
}

#[test]
fn a_complete_frame_has_a_zero_header() {
    let header = VnetHeader::for_frame(&with(0x45, 100, 0, TxChecksum::Complete), Medium::Ip);
    assert_eq!(header.to_bytes(), [0; VNET_HDR_LEN]);
}

#[test]
fn a_super_segment_says_where_to_cut_and_to_sum() {
    let partial = TxChecksum::Partial { start: 20, offset: 16 };
    let header = VnetHeader::for_frame(&with(0x45, 3000, 1460, partial), Medium::Ip);
    let bytes = header.to_bytes();
    assert_eq!(bytes[..2], [F_NEEDS_CSUM, GSO_TCPV4]);
    let fields: Vec<u16> = bytes[2..].chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect();
    assert_eq!(fields, [40, 1460, 20, 16]);
    assert_eq!(VnetHeader::parse(&bytes), Some(header));
    assert_eq!((header.rx_checksum(), header.rx_gso_size()), (RxChecksum::Verified, 1460));

    let v6 = VnetHeader::for_frame(&with(0x60, 3000, 1440, partial), Medium::Ip);
    assert_eq!(v6.to_bytes()[1], GSO_TCPV6);
}

/// RFC 3168 §6.1.2: whoever cuts must know that CWR is not to be copied.
#[test]
fn a_super_segment_with_cwr_says_so() {
    let partial = TxChecksum::Partial { start: 20, offset: 16 };
    let mut frame = with(0x45, 3000, 1460, partial);
    assert_eq!(VnetHeader::for_frame(&frame, Medium::Ip).to_bytes()[1], GSO_TCPV4);
    frame.head[20 + 13] = 0x80;
    let header = VnetHeader::for_frame(&frame, Medium::Ip);
    assert_eq!((header.to_bytes()[1], header.rx_gso_size()), (GSO_TCPV4 | GSO_ECN, 1460));
}

#[test]
fn one_segment_is_not_cut() {
    let header = VnetHeader::for_frame(&with(0x45, 1460, 1460, TxChecksum::Complete), Medium::Ip);
    assert_eq!(header.rx_gso_size(), 0);
    assert_eq!(header.to_bytes()[1], GSO_NONE);
}

#[test]
fn short_or_unknown_headers() {
    assert_eq!(VnetHeader::parse(&[0; VNET_HDR_LEN - 1]), None);
    let mut bytes = [0; VNET_HDR_LEN];
    bytes[0] = F_DATA_VALID;
    bytes[1] = 5; // UDP segmentation: nothing for TCP
    bytes[4..6].copy_from_slice(&1400_u16.to_ne_bytes());
    let header = VnetHeader::parse(&bytes).unwrap();
    assert_eq!((header.rx_checksum(), header.rx_gso_size()), (RxChecksum::Verified, 0));
}
