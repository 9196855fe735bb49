use super::*;
use crate::checksum::verify;
use crate::tcp::Timestamps;
use crate::{SeqNum, TcpFlags};

/// `S 3841401858` of a real capture, TCP header only.
const SYN: [u8; 40] = [
    0xd9, 0x12, 0x18, 0xeb, 0xe4, 0xf7, 0x24, 0x02, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, 5, 0xb4, 4,
    2, 8, 10, 0x44, 0xd6, 0x00, 0x61, 0, 0, 0, 0, 1, 3, 3, 7,
];

#[test]
fn bytes_to_segment_and_back() {
    let mut frame = alloc::vec![0; 3];
    frame.extend_from_slice(&SYN);
    frame.extend_from_slice(b"hello");
    let frame = Chunk::from_vec(frame);
    let (src, dst, segment) = parse_segment(frame.clone(), 3..48, Ecn::Ect0).unwrap();
    assert_eq!((src, dst), (55570, 6379));
    assert_eq!(segment.seq, SeqNum(3841401858));
    assert_eq!(segment.flags, TcpFlags::SYN);
    assert_eq!(segment.window, 64240);
    assert_eq!((segment.ecn, segment.merged), (Ecn::Ect0, 1));
    assert_eq!(segment.options.timestamps, Some(Timestamps { val: 1154875489, ecr: 0 }));
    assert_eq!(segment.payload.iter().map(Chunk::as_slice).collect::<alloc::vec::Vec<_>>(), [b"hello"]);
    let mut out = [0xee; 60];
    let len = emit_header(&segment, (src, dst), &mut out);
    assert_eq!(len, header_len(&segment));
    assert_eq!(out[..len], SYN);
}

#[test]
fn the_checksum_covers_header_and_payload_in_odd_pieces() {
    let mut segment = Segment { flags: TcpFlags::ACK, ..Segment::default() };
    for piece in ["a", "bcd", "efghi"] {
        segment.payload.push(Chunk::from_vec(piece.into())).ok().unwrap();
    }
    let (src, dst) = (IpAddr::v4([10, 0, 0, 1]), IpAddr::v4([10, 0, 0, 2]));
    let mut packet = [0; 20 + 9];
    packet[20..].copy_from_slice(b"abcdefghi");
    emit_header(&segment, (1, 2), &mut packet);
    put_checksum(src, dst, &mut packet[..20], &segment.payload, false);
    assert!(verify(src, dst, IpProtocol::TCP, &packet));
    let full = packet;
    packet[16..18].fill(0);
    put_checksum(src, dst, &mut packet[..20], &segment.payload, true);
    assert!(!verify(src, dst, IpProtocol::TCP, &packet));
    crate::checksum::complete_partial(&mut packet, 0, 16).unwrap();
    assert_eq!(packet, full);
}

#[test]
fn bad_headers_are_refused() {
    let parse = |bytes: &[u8]| parse_segment(Chunk::from_vec(bytes.into()), 0..bytes.len(), Ecn::NotEct).err();
    assert_eq!(parse(&SYN[..19]), Some(ParseError::Truncated { what: "TCP", need: 20, have: 19 }));
    assert_eq!(parse(&SYN[..39]), Some(ParseError::Truncated { what: "TCP", need: 40, have: 39 }));
    let mut short = SYN;
    short[12] = 0x40;
    assert_eq!(parse(&short), Some(ParseError::BadField { what: "TCP", field: "header length", value: 16 }));
}
