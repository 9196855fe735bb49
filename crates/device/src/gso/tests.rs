use super::*;
use crate::testing::{frame, super_segment};
use limpid_wire::tcp::TcpHeader;
use limpid_wire::{IpPacket, SeqNum, TcpFlags, checksum};

/// Parses and checks every piece; answers with IPv4 id, sequence number, flags and payload of each.
fn checked(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<(u16, SeqNum, TcpFlags, Vec<u8>)> {
    let check = |bytes: Vec<u8>| {
        let packet = IpPacket::parse(&bytes).expect("lengths and the IPv4 checksum are right");
        let segment = &bytes[packet.payload.clone()];
        assert_eq!(packet.payload.end, bytes.len(), "the length field counts all of it");
        assert!(checksum::verify(packet.src, packet.dst, IpProtocol::TCP, segment), "the TCP checksum is right");
        let (tcp, data) = TcpHeader::parse(segment).unwrap();
        let id = if bytes[0] >> 4 == 4 { u16::from_be_bytes([bytes[4], bytes[5]]) } else { 0 };
        (id, tcp.seq, tcp.flags, segment[data].to_vec())
    };
    pieces.into_iter().map(check).collect()
}

#[test]
fn a_super_segment_is_cut_into_wire_segments() {
    let flags = TcpFlags::ACK | TcpFlags::PSH | TcpFlags::FIN | TcpFlags::CWR;
    let whole = super_segment("10.0.0.1", "10.0.0.2", flags, 2500);
    let pieces: Vec<TxFrame> = cut(&whole, Medium::Ip).collect();
    assert!(pieces.iter().all(|p| p.flow == whole.flow && p.gso_size == 0 && p.checksum == TxChecksum::Complete));

    let pieces = checked(pieces.iter().map(TxFrame::to_vec));
    let heads: Vec<_> = pieces.iter().map(|(id, seq, flags, data)| (*id, seq.0, *flags, data.len())).collect();
    assert_eq!(
        heads,
        [
            (0xffff, u32::MAX - 499, TcpFlags::ACK | TcpFlags::CWR, 1000),
            (0, 500, TcpFlags::ACK, 1000),
            (1, 1500, TcpFlags::ACK | TcpFlags::PSH | TcpFlags::FIN, 500),
        ]
    );
    let data: Vec<u8> = pieces.into_iter().flat_map(|p| p.3).collect();
    assert_eq!(data, whole.payload.to_vec());
}

#[test]
fn ipv6_has_its_own_length() {
    let whole = super_segment("fd00::1", "fd00::2", TcpFlags::ACK, 2001);
    let pieces = checked(cut(&whole, Medium::Ip).map(|p| p.to_vec()));
    assert_eq!(pieces.iter().map(|p| p.3.len()).collect::<Vec<_>>(), [1000, 1000, 1]);
}

#[test]
fn one_segment_only_gets_its_checksum() {
    for len in [0, 1, 1000] {
        let segment = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK | TcpFlags::FIN, len);
        let pieces = checked(cut(&segment, Medium::Ip).map(|p| p.to_vec()));
        assert_eq!(pieces.len(), 1);
        assert_eq!((pieces[0].0, pieces[0].2), (0xffff, TcpFlags::ACK | TcpFlags::FIN));
    }
}

#[test]
fn ethernet_frames_keep_their_link_header() {
    let mut whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 1800);
    let packet = core::mem::take(&mut whole.head);
    whole.head.try_extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]).unwrap();
    whole.head.try_extend_from_slice(&packet).unwrap();
    whole.checksum = TxChecksum::Partial { start: 34, offset: 16 };
    let pieces: Vec<Vec<u8>> =
        cut(&whole, Medium::Ethernet(limpid_wire::MacAddr([2, 0, 0, 0, 0, 2]))).map(|p| p.to_vec()).collect();
    assert!(pieces.iter().all(|p| p[..14] == whole.head[..14]));
    assert_eq!(checked(pieces.into_iter().map(|p| p[14..].to_vec())).len(), 2);
}

#[test]
fn what_is_not_tcp_is_left_alone() {
    for bytes in [&[][..], &[0x45], &[0xff; 40], &[0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]] {
        let odd = TxFrame { payload: vec![9; 3000].into(), gso_size: 1000, ..frame(bytes) };
        let pieces: Vec<_> = cut(&odd, Medium::Ip).map(|p| p.to_vec()).collect();
        assert_eq!(pieces, [odd.to_vec()]);
    }
}
