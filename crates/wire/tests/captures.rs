//! Every layer over real captures: each packet is understood, its checksums are right, and it is written back byte for
//! byte. The same packets with bytes changed or cut off never panic.

use limpid_wire::checksum::verify;
use limpid_wire::ethernet::{EtherType, EthernetHeader};
use limpid_wire::ipv4::{self, Ipv4Header};
use limpid_wire::notation::SegmentText;
use limpid_wire::tcp::{emit_header, parse_segment, put_checksum};
use limpid_wire::{Chunk, IpPacket, IpProtocol};
use proptest::prelude::*;

const CLOSE: &[u8] = include_bytes!("captures/article-close.pcap");
const SYN_TIMEOUT: &[u8] = include_bytes!("captures/article-syn-timeout.pcap");

/// The frames of a little-endian pcap file.
fn frames(mut pcap: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    pcap = &pcap[24..];
    while let [_, _, _, _, _, _, _, _, a, b, c, d, _, _, _, _, rest @ ..] = pcap {
        let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        frames.push(rest[..len].to_vec());
        pcap = &rest[len..];
    }
    frames
}

fn all_frames() -> Vec<Vec<u8>> {
    [frames(CLOSE), frames(SYN_TIMEOUT)].concat()
}

/// All layers of a frame, as deep as they can be understood, as text.
fn understand(frame: &[u8]) -> Option<String> {
    let (ethernet, payload) = EthernetHeader::parse(frame).ok()?;
    let packet = &frame[payload.clone()];
    let ip = IpPacket::parse(packet).ok()?;
    let chunk = Chunk::from_vec(frame.to_vec());
    let range = payload.start + ip.payload.start..payload.start + ip.payload.end;
    let (src, dst, segment) = parse_segment(chunk, range, ip.ecn).ok()?;
    let _ = SegmentText::from_packet(&packet[ip.payload]).ok()?;
    Some(format!("{} > {} {}.{src} > {}.{dst} {segment:?}", ethernet.src, ethernet.dst, ip.src, ip.dst))
}

#[test]
fn as_text() {
    let lines: Vec<String> = all_frames().iter().map(|frame| understand(frame).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn written_back_byte_for_byte() {
    for frame in all_frames() {
        let mut out = vec![0xee; frame.len()];
        let (ethernet, payload) = EthernetHeader::parse(&frame).unwrap();
        assert_eq!(ethernet.ether_type, EtherType::IPV4);
        ethernet.emit(&mut out);

        let packet = &frame[payload.clone()];
        assert!(ipv4::checksum_is_valid(packet));
        let (ip, tcp) = Ipv4Header::parse(packet).unwrap();
        ip.emit(&mut out[payload.start..]);

        let (src, dst) = (ip.src.into(), ip.dst.into());
        assert!(verify(src, dst, IpProtocol::TCP, &packet[tcp.clone()]));
        let tcp_at = payload.start + tcp.start;
        let range = tcp_at..payload.start + tcp.end;
        let (src_port, dst_port, segment) = parse_segment(Chunk::from_vec(frame.clone()), range, ip.ecn).unwrap();
        let len = emit_header(&segment, (src_port, dst_port), &mut out[tcp_at..]);
        put_checksum(src, dst, &mut out[tcp_at..tcp_at + len], &segment.payload, false);
        assert_eq!(out, frame);
    }
}

proptest! {
    #[test]
    fn changed_and_cut_off(
        which in 0..11usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        len in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut frame = all_frames().swap_remove(which);
        for (at, byte) in changes {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if cut {
            frame.truncate(len.index(frame.len()));
        }
        understand(&frame);
    }
}
