use super::*;
use crate::gso::cut;
use crate::testing::super_segment;
use limpid_stack::TxFrame;
use limpid_wire::{Checksum, MacAddr, TcpFlags};
use proptest::prelude::*;

const TCP: usize = 20;

/// The wire segments of a super-segment as they arrive, in one piece each.
fn arrivals(frame: &TxFrame) -> Vec<RxFrame> {
    cut(frame, Medium::Ip).map(|piece| RxFrame::new(Chunk::from_vec(piece.to_vec()))).collect()
}

fn merged(mut frames: Vec<RxFrame>, medium: Medium) -> Vec<RxFrame> {
    Gro::new(medium).merge(&mut frames, 0, &mut FramePool::new());
    frames
}

fn lengths(frames: &[RxFrame]) -> Vec<usize> {
    frames.iter().map(RxFrame::len).collect()
}

/// The frame with its header changed, its checksums right again.
fn changed(frame: &RxFrame, change: impl FnOnce(&mut [u8])) -> RxFrame {
    let mut bytes = frame.contiguous().into_owned();
    change(&mut bytes);
    put16(&mut bytes, 10, 0);
    let sum = Checksum::of(&bytes[..20]).finish();
    put16(&mut bytes, 10, sum);
    put16(&mut bytes, TCP + 16, 0);
    let mut sum = pseudo_header(&bytes, bytes.len() - TCP);
    sum.add(&bytes[TCP..]);
    put16(&mut bytes, TCP + 16, sum.finish());
    RxFrame::new(Chunk::from_vec(bytes))
}

/// What cutting gave is merged again to what was cut, whether its payload is shared or has to be copied.
#[test]
fn merging_undoes_cutting() {
    for (src, dst) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
        for len in [1001, 2000, 4999, 30_500, 64_000] {
            let whole = super_segment(src, dst, TcpFlags::ACK | TcpFlags::PSH, len);
            let frames = merged(arrivals(&whole), Medium::Ip);
            let [frame] = &frames[..] else { panic!("{:?} of {len}", lengths(&frames)) };
            assert_eq!((frame.gso_size, frame.checksum), (1000, RxChecksum::Verified));
            // All but the TCP checksum, which is left out.
            let (mut got, mut want) = (frame.contiguous().into_owned(), whole.to_vec());
            let tcp = if src.contains(':') { 40 } else { 20 };
            for bytes in [&mut got, &mut want] {
                put16(bytes, tcp + 16, 0);
            }
            assert!(got == want, "{len} bytes from {src}");
        }
    }
}

#[test]
fn what_is_not_alike_stays_apart() {
    let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 3000);
    let frames = arrivals(&whole);
    assert_eq!(lengths(&merged(frames.clone(), Medium::Ip)), [3040]);
    type Change = fn(&mut [u8]);
    let different: [(&str, Change); 12] = [
        ("the class or ECN", |b| b[1] = 1),
        ("the TTL", |b| b[8] = 63),
        ("DF", |b| b[6] ^= 0x40),
        ("the acknowledgement", |b| b[TCP + 11] ^= 1),
        ("the window", |b| b[TCP + 15] ^= 1),
        ("the urgent pointer", |b| b[TCP + 19] ^= 1),
        ("SYN", |b| b[TCP + 13] |= 0x02),
        ("RST", |b| b[TCP + 13] |= 0x04),
        ("ECE", |b| b[TCP + 13] |= 0x40),
        ("CWR", |b| b[TCP + 13] |= 0x80),
        ("the sequence number", |b| b[TCP + 7] ^= 1),
        ("no ACK", |b| b[TCP + 13] = 0),
    ];
    for (what, change) in different {
        let mut frames = frames.clone();
        frames[1] = changed(&frames[1], change);
        let first = merged(frames, Medium::Ip);
        assert_eq!(first[0].len(), 1040, "{what}");
        assert_eq!(first[0].gso_size, 0, "{what}");
    }
    // A fragment, options of IP, and what is of another connection.
    let others: [Change; 3] = [|b| b[7] = 1, |b| b[0] = 0x46, |b| b[TCP + 1] ^= 1];
    for change in others {
        let mut frames = frames.clone();
        frames[1] = changed(&frames[1], change);
        assert_eq!(lengths(&merged(frames, Medium::Ip)), [1040, 1040, 1040]);
    }
}

#[test]
fn a_short_one_or_psh_or_fin_ends_a_run() {
    let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 4000);
    let frames = arrivals(&whole);
    for flag in [0x01, 0x08] {
        let mut frames = frames.clone();
        frames[1] = changed(&frames[1], |b| b[TCP + 13] |= flag);
        let frames = merged(frames, Medium::Ip);
        assert_eq!(lengths(&frames), [2040, 2040]);
        assert_eq!(frames[0].bytes[TCP + 13] & LAST, flag);
        assert_eq!(frames[1].bytes[TCP + 13] & LAST, 0);
    }
    let mut short = arrivals(&super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 1500));
    let next = changed(&frames[0], |b| b[TCP + 4..TCP + 8].copy_from_slice(&1000_u32.to_be_bytes()));
    short.push(next);
    assert_eq!(lengths(&merged(short, Medium::Ip)), [1540, 1040]);
}

/// A segment whose checksum is wrong is left to the stack to drop, and what stands around it is not joined over it.
#[test]
fn what_is_damaged_is_not_merged() {
    let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 4000);
    let mut frames = arrivals(&whole);
    let mut bytes = frames[1].contiguous().into_owned();
    bytes[600] ^= 4;
    frames[1] = RxFrame::new(Chunk::from_vec(bytes));
    let frames = merged(frames, Medium::Ip);
    assert_eq!(lengths(&frames), [1040, 1040, 2040]);
    let marks: Vec<_> = frames.iter().map(|f| f.checksum).collect();
    assert_eq!(marks, [RxChecksum::Verified, RxChecksum::Unverified, RxChecksum::Verified]);
}

/// A header that is damaged is left to the stack, and so is what a checksum over the payload can't tell of.
#[test]
fn a_damaged_ip_header_is_not_made_good() {
    let mut frames = arrivals(&super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 3000));
    let mut bytes = frames[1].contiguous().into_owned();
    bytes[8] ^= 1;
    frames[1] = RxFrame::new(Chunk::from_vec(bytes.clone()));
    let frames = merged(frames, Medium::Ip);
    assert_eq!(lengths(&frames), [1040, 1040, 1040]);
    assert_eq!(frames[1].contiguous()[..], bytes);
}

/// An ACK between data stays between it, though a link has filled it up to the least length of a frame, or nothing of it can be
/// merged.
#[test]
fn what_comes_between_stays_between() {
    let frames = arrivals(&super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 4000));
    let mut padded = changed(&RxFrame::new(Chunk::from_vec(frames[0].bytes[..40].to_vec())), |b| put16(b, 2, 40))
        .contiguous()
        .into_owned();
    padded.extend([0; 6]);
    let options = changed(&frames[1], |b| b[0] = 0x46);
    for (between, length) in [(RxFrame::new(Chunk::from_vec(padded)), 40), (options, 1040)] {
        let got = merged([&frames[..2], &[between], &frames[2..]].concat(), Medium::Ip);
        assert_eq!(lengths(&got), [2040, length, 2040]);
    }
}

/// What AccECN counts in the flags is not lost (RFC 9768 §3.2.2).
#[test]
fn a_counter_in_the_flags_parts_runs_and_does_not_prevent_them() {
    let frames = arrivals(&super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 4000));
    let with_cwr = |frame: &RxFrame| changed(frame, |b| b[TCP + 13] |= 0x80);
    let got =
        merged([with_cwr(&frames[0]), with_cwr(&frames[1]), frames[2].clone(), frames[3].clone()].into(), Medium::Ip);
    assert_eq!(lengths(&got), [2040, 2040]);
    assert_eq!(got.iter().map(|f| f.bytes[TCP + 13] & 0x80).collect::<Vec<_>>(), [0x80, 0]);
}

/// Connections that come interleaved, more of them than are followed: each keeps its order and all of its bytes.
#[test]
fn interleaved_connections_are_merged_each_for_itself() {
    let flows: Vec<Vec<RxFrame>> =
        (0..12).map(|n| arrivals(&super_segment(&format!("10.0.1.{n}"), "10.0.0.2", TcpFlags::ACK, 5000))).collect();
    let frames: Vec<RxFrame> = (0..5).flat_map(|at| flows.iter().map(move |flow| flow[at].clone())).collect();
    let frames = merged(frames, Medium::Ip);
    assert!(frames.iter().filter(|frame| frame.len() == 5040).count() >= RUNS - 1, "{:?}", lengths(&frames));
    for n in 0..12 {
        let of_flow = frames.iter().filter(|frame| frame.bytes[15] == n);
        let bytes: Vec<u8> = of_flow.flat_map(|frame| frame.contiguous()[40..].to_vec()).collect();
        assert_eq!(bytes, (0..5000).map(|i| i as u8).collect::<Vec<_>>());
    }
}

#[test]
fn ethernet_frames_keep_their_link_header_and_tags_stay_out() {
    let link = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let medium = Medium::Ethernet(MacAddr([2, 0, 0, 0, 0, 1]));
    let tagged = |frames: &[RxFrame], ether_type: u8| -> Vec<RxFrame> {
        let with_link = |frame: &RxFrame| {
            let mut bytes = link.to_vec();
            bytes[12] = ether_type;
            bytes.extend_from_slice(&frame.contiguous());
            RxFrame::new(Chunk::from_vec(bytes))
        };
        frames.iter().map(with_link).collect()
    };
    let frames = arrivals(&super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 3000));
    let whole = merged(tagged(&frames, 8), medium);
    assert_eq!(lengths(&whole), [3054]);
    assert_eq!(whole[0].bytes[..14], link);
    assert_eq!(lengths(&merged(tagged(&frames, 0x81), medium)), [1054, 1054, 1054]);
    let mut strange = tagged(&frames, 8);
    let mut bytes = strange[1].contiguous().into_owned();
    bytes[5] ^= 1;
    strange[1] = RxFrame::new(Chunk::from_vec(bytes));
    assert_eq!(lengths(&merged(strange, medium)), [1054, 1054, 1054], "to another address");
}

/// Lent parts are merged to what the same packets in frames are; at the end of a batch several connections have begun.
#[test]
fn lent_parts_are_merged_like_frames() {
    let (mut pool, mut gro) = (FramePool::new(), Gro::new(Medium::Ip));
    let whole = |n: u8, len| super_segment(&format!("10.0.1.{n}"), "10.0.0.2", TcpFlags::ACK | TcpFlags::PSH, len);
    for (connections, len) in [(1, 30_500), (3, 7_500), (12, 5_000), (2, 700)] {
        let cuts: Vec<TxFrame> = (0..connections).map(|n| whole(n, len)).collect();
        let mut lent = Vec::new();
        let mut pieces: Vec<_> = cuts.iter().map(|frame| cut(frame, Medium::Ip)).collect();
        loop {
            let mut arrived = 0;
            for (n, cut) in pieces.iter_mut().enumerate() {
                let Some(piece) = cut.next_piece() else { continue };
                // The first connection's payload lies in a frame for each segment: more of them than a list takes.
                let own: Chunks = piece.payload.clone().flat_map(Part::as_slice).copied().collect::<Vec<u8>>().into();
                let payload = if n == 0 { own.parts(0..own.len()) } else { piece.payload };
                gro.arrive_in_parts(piece.head, payload, &mut lent, &mut pool);
                arrived += 1;
            }
            if arrived == 0 {
                break;
            }
        }
        gro.finish(&mut lent, &mut pool);
        let frames: Vec<Vec<RxFrame>> = cuts.iter().map(arrivals).collect();
        let most = frames.iter().map(Vec::len).max().unwrap_or(0);
        let frames = (0..most).flat_map(|at| frames.iter().filter_map(move |flow| flow.get(at).cloned()));
        let owned = merged(frames.collect(), Medium::Ip);
        let told = |frames: &[RxFrame]| -> Vec<_> {
            frames.iter().map(|f| (f.contiguous().into_owned(), f.gso_size, f.checksum)).collect()
        };
        assert!(told(&lent) == told(&owned), "{:?} and {:?}", lengths(&lent), lengths(&owned));
    }
}

/// A packet of which a part is damaged, or lies where it should not, comes out as it is.
#[test]
fn lent_parts_that_are_odd_are_left_to_the_stack() {
    let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 3000);
    let pieces: Vec<TxFrame> = cut(&whole, Medium::Ip).collect();
    let (mut pool, mut gro, mut frames) = (FramePool::new(), Gro::new(Medium::Ip), Vec::new());
    for (n, piece) in pieces.iter().enumerate() {
        let mut head = piece.head.clone();
        if n == 1 {
            head[TCP + 4] ^= 1;
        }
        gro.arrive_in_parts(&head, piece.payload.parts(0..piece.payload.len()), &mut frames, &mut pool);
    }
    // All of it before the payload.
    gro.arrive_in_parts(&pieces[0].to_vec(), Chunks::new().parts(0..0), &mut frames, &mut pool);
    gro.finish(&mut frames, &mut pool);
    assert_eq!(lengths(&frames), [1040; 4]);
    let marks: Vec<_> = frames.iter().map(|f| f.checksum).collect();
    use RxChecksum::{Unverified, Verified};
    assert_eq!(marks, [Verified, Unverified, Verified, Verified]);
}

proptest! {
    /// Whatever arrives, nothing is lost and nothing invented: what is merged says the same bytes of the same connection.
    #[test]
    fn garbage_passes(frames in proptest::collection::vec((0..4_usize, 0..60_usize, any::<u8>(), any::<bool>()), 0..20)) {
        let whole = super_segment("10.0.0.1", "10.0.0.2", TcpFlags::ACK, 4000);
        let pieces = arrivals(&whole);
        let frames: Vec<RxFrame> = frames
            .into_iter()
            .map(|(at, byte, value, cut_short)| {
                let mut bytes = pieces[at].contiguous().into_owned();
                bytes[byte] = value;
                if cut_short {
                    bytes.truncate(byte);
                }
                RxFrame::new(Chunk::from_vec(bytes))
            })
            .collect();
        let unmerged = frames.iter().filter(|frame| frame.len() < 1040).count();
        let after = merged(frames.clone(), Medium::Ip);
        prop_assert!(after.len() <= frames.len());
        prop_assert_eq!(after.iter().filter(|frame| frame.len() < 1040).count(), unmerged);
        let data = |frames: &[RxFrame]| frames.iter().map(|f| f.len().saturating_sub(40)).sum::<usize>();
        prop_assert_eq!(data(&after), data(&frames));
    }
}
