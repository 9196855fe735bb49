//! Fragments in every order, twice, overlapping, too many, too late.

use super::*;
use alloc::vec;
use limpid_wire::IpHeader;
use proptest::prelude::*;

const NOW: Instant = Instant::from_millis(1);

fn source(n: u8) -> IpAddr {
    IpAddr::v4([10, 0, 0, n])
}

/// A fragment as bytes and as parsed headers, made by hand so that bad ones can be made too.
fn fragment(src: IpAddr, id: u32, offset: u16, more: bool, data: &[u8]) -> (IpPacket, Fragment, Chunk) {
    let mut bytes = [0; 20].to_vec();
    IpHeader::new(src, source(200), IpProtocol::UDP).emit(data.len(), &mut bytes);
    bytes.extend_from_slice(data);
    let ip = IpPacket::parse(&bytes).unwrap();
    (ip, Fragment { id, offset, more }, Chunk::from_vec(bytes))
}

struct Bench {
    pool: FramePool,
    reassembler: Reassembler,
}

impl Bench {
    fn new() -> Bench {
        Bench { pool: FramePool::new(), reassembler: Reassembler::default() }
    }

    fn insert(&mut self, src: IpAddr, id: u32, offset: u16, more: bool, data: &[u8]) -> Reassembly {
        let (ip, fragment, packet) = fragment(src, id, offset, more, data);
        self.reassembler.insert(NOW, &mut self.pool, &ip, fragment, &packet)
    }

    fn empty(&self) -> bool {
        self.reassembler.packets.is_empty() && self.reassembler.bytes == 0
    }
}

proptest! {
    #[test]
    fn any_order_and_repetition_gives_the_packet(
        len in 1usize..5000,
        sizes in proptest::collection::vec(1usize..60, 1..20),
        order in proptest::collection::vec(any::<u16>(), 40),
    ) {
        let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let mut pieces = Vec::new();
        let mut at = 0;
        for i in 0.. {
            let size = (sizes[i % sizes.len()] * 8).min(len - at);
            pieces.push((at, size));
            at += size;
            if at == len {
                break;
            }
        }
        prop_assume!(pieces.len() <= MAX_PIECES);
        let mut order: Vec<usize> = order.iter().map(|o| usize::from(*o) % pieces.len()).collect();
        order.extend(0..pieces.len());
        let mut b = Bench::new();
        let mut seen = vec![false; pieces.len()];
        let mut whole = None;
        for i in order {
            let (at, size) = pieces[i];
            seen[i] = true;
            match b.insert(source(1), 7, at as u16, at + size < len, &data[at..at + size]) {
                Reassembly::Whole(ip, bytes) => {
                    whole = Some(bytes[ip.payload].to_vec());
                    break;
                }
                Reassembly::Waiting => prop_assert!(!seen.iter().all(|s| *s)),
                Reassembly::Dropped => prop_assert!(false, "nothing wrong with it"),
            }
        }
        prop_assert_eq!(whole, Some(data));
        prop_assert!(b.empty());
    }

    #[test]
    fn hostile_fragments_stay_within_the_bounds(
        fragments in proptest::collection::vec((0u8..40, 0u32..30, 0u16..100, any::<bool>(), 0usize..2000), 0..400),
    ) {
        let mut b = Bench::new();
        for (src, id, offset, more, len) in fragments {
            let _ = b.insert(source(src), id, offset * 8, more, &vec![1; len]);
            let r = &b.reassembler;
            prop_assert!(r.packets.len() <= MAX_PACKETS);
            prop_assert!(r.bytes <= MAX_BYTES);
            prop_assert_eq!(r.bytes, r.packets.iter().flat_map(|p| &p.pieces).map(|p| p.data.pinned()).sum::<usize>());
        }
    }
}

#[test]
fn overlaps_spoil_the_packet() {
    for (offset, len, more) in [(8, 16, true), (0, 24, true), (0, 8, true), (8, 8, true), (8, 100, false)] {
        let mut b = Bench::new();
        assert!(matches!(b.insert(source(1), 1, 0, true, &[0; 16]), Reassembly::Waiting));
        assert!(matches!(b.insert(source(1), 1, offset, more, &vec![1; len]), Reassembly::Dropped), "{offset} {len}");
        assert!(b.empty());
    }
}

#[test]
fn two_ends_and_bytes_beyond_the_end_spoil_the_packet() {
    for (offset, len, more) in [(24, 8, false), (40, 8, true), (16, 8, false)] {
        let mut b = Bench::new();
        assert!(matches!(b.insert(source(1), 1, 32, false, &[0; 8]), Reassembly::Waiting));
        assert!(matches!(b.insert(source(1), 1, offset, more, &vec![1; len]), Reassembly::Dropped), "{offset} {len}");
        assert!(b.empty());
    }
}

#[test]
fn senseless_fragments_are_dropped() {
    let mut b = Bench::new();
    assert!(matches!(b.insert(source(1), 1, 0, true, &[0; 7]), Reassembly::Dropped));
    assert!(matches!(b.insert(source(1), 1, 0, true, &[]), Reassembly::Dropped));
    assert!(matches!(b.insert(source(1), 1, 65_528, false, &[0; 8]), Reassembly::Dropped));
    assert!(b.empty());
}

#[test]
fn one_source_does_not_crowd_out_another() {
    let mut b = Bench::new();
    b.insert(source(1), 1, 0, true, &[0; 8]);
    for id in 0..1000 {
        b.insert(source(2), id, 0, true, &[0; 8]);
    }
    assert_eq!(b.reassembler.packets.len(), 1 + MAX_PACKETS_PER_SOURCE);
    assert!(matches!(b.insert(source(1), 1, 8, false, &[0; 8]), Reassembly::Whole(..)));
}

#[test]
fn time_runs_out() {
    let mut b = Bench::new();
    b.insert(source(1), 1, 0, true, &[0; 8]);
    b.insert(source(1), 2, 8, true, &[0; 8]);
    assert_eq!(b.reassembler.next_timeout(), Some(NOW + TIMEOUT_V4));
    assert!(b.reassembler.expire(NOW).is_none());
    let late = NOW + TIMEOUT_V4;
    assert!(matches!(b.reassembler.expire(late), Some(Some(_))), "the first fragment is there to be quoted");
    assert!(matches!(b.reassembler.expire(late), Some(None)));
    assert!(b.reassembler.expire(late).is_none());
    assert!(b.empty());
}

#[test]
fn congestion_marks_survive() {
    use Ecn::{Ce, Ect0, Ect1, NotEct};
    for (a, b, joined) in
        [(Ect0, Ce, Some(Ce)), (Ce, NotEct, None), (NotEct, NotEct, Some(NotEct)), (Ect1, Ect0, Some(Ect1))]
    {
        assert_eq!(join_ecn(a, b), joined);
    }
}
