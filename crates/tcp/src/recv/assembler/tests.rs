use super::*;
use alloc::vec;
use proptest::prelude::*;

fn chunk(bytes: &[u8]) -> Chunk {
    Chunk::from_vec(bytes.to_vec())
}

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock::new(SeqNum(left), SeqNum(right)).unwrap()
}

#[test]
fn the_range_that_changed_last_comes_first() {
    // RFC 2018 §4, and the example of its §7: segments of 500 bytes, every second one lost.
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    for left in [5500, 6500, 7500] {
        a.insert(&mut pool, SeqNum(left), chunk(&[0; 500]));
    }
    let all = [block(7500, 8000), block(6500, 7000), block(5500, 6000)];
    assert_eq!(a.sack_blocks(4)[..], all);
    assert_eq!(a.sack_blocks(2)[..], all[..2]);
    // A retransmission joins two of them.
    a.insert(&mut pool, SeqNum(6000), chunk(&[0; 500]));
    assert_eq!(a.sack_blocks(4)[..], [block(5500, 7000), block(7500, 8000)]);
    // Something old comes again: its range is the newest.
    a.insert(&mut pool, SeqNum(7500), chunk(&[0; 500]));
    assert_eq!(a.sack_blocks(4)[..], [block(7500, 8000), block(5500, 7000)]);
}

#[test]
fn only_four_ranges_are_told_but_all_are_held() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    for i in 0..10 {
        a.insert(&mut pool, SeqNum(100 + 20 * i), chunk(&[0; 10]));
    }
    let told: Vec<u32> = a.sack_blocks(4).iter().map(|b| b.left().0).collect();
    assert_eq!(told, [280, 260, 240, 220]);
    assert_eq!((a.ranges().len(), a.len()), (10, 100));
}

#[test]
fn what_came_first_stays() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    a.insert(&mut pool, SeqNum(2), chunk(b"cd"));
    a.insert(&mut pool, SeqNum(6), chunk(b"gh"));
    assert_eq!(a.insert(&mut pool, SeqNum(1), chunk(b"XXXXXXXX")), 4, "b, ef and i");
    let mut bytes = vec![];
    while let Some(piece) = a.take(SeqNum(1 + bytes.len() as u32)) {
        bytes.extend_from_slice(&piece);
    }
    assert_eq!(bytes, b"XcdXXghX");
    assert!(a.is_empty() && a.pinned() == 0 && a.ranges().is_empty() && a.sack_blocks(4).is_empty());
}

#[test]
fn nothing_is_taken_across_a_hole() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    a.insert(&mut pool, SeqNum(10), chunk(b"later"));
    assert!(a.take(SeqNum(9)).is_none());
    assert_eq!(&a.take(SeqNum(12)).unwrap()[..], b"ter", "what lies before is cut off");
    assert!(a.take(SeqNum(15)).is_none());
}

#[test]
fn small_segments_do_not_pin_large_frames() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    let frame = pool.copy(&[7; 60_000]);
    for i in 0..1000u32 {
        a.insert(&mut pool, SeqNum(100 + i), frame.slice(i as usize..i as usize + 1));
    }
    assert!(a.runs[0].len() <= 2 && a.pinned() <= 4096, "{} chunks pin {}", a.runs[0].len(), a.pinned());
    for i in 0..100u32 {
        a.insert(&mut pool, SeqNum(10_000 + 2 * i), frame.slice(0..1));
    }
    assert!(a.pinned() <= 4096 + 100 * 256, "a hole between each, and still only the smallest frames");
}

#[test]
fn at_the_bound_what_is_farthest_goes() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    for i in 0..10 {
        a.insert(&mut pool, SeqNum(100 + 3000 * i), chunk(&[i as u8; 2000]));
    }
    assert_eq!(a.prune(9_000), 12_000);
    assert_eq!(a.ranges(), [100, 3100, 6100, 9100].map(|left| block(left, left + 2000)));
    assert!(a.sack_blocks(4).iter().all(|b| b.right().before_eq(SeqNum(11_100))), "what is gone is not told");
    assert_eq!(a.prune(0), 8000);
    assert!(a.is_empty());
}

#[test]
fn the_number_of_ranges_is_bounded() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    for i in 0..3 * MAX_RANGES as u32 {
        // From the far end down, with holes.
        a.insert(&mut pool, SeqNum(1_000_000 - 2 * i), chunk(b"x"));
        a.prune(usize::MAX);
        assert!(a.ranges().len() <= MAX_RANGES);
    }
    assert_eq!(a.ranges().len(), MAX_RANGES);
}

#[test]
fn truncation_cuts_through_a_piece() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    a.insert(&mut pool, SeqNum(10), chunk(b"0123456789"));
    a.insert(&mut pool, SeqNum(30), chunk(b"0123456789"));
    a.truncate(SeqNum(15));
    assert_eq!((a.len(), a.ranges()), (5, &[block(10, 15)][..]));
    assert_eq!(a.sack_blocks(4)[..], [block(10, 15)]);
    a.truncate(SeqNum(10));
    assert!(a.is_empty() && a.pinned() == 0);
}

#[derive(Clone, Debug)]
enum Op {
    Insert { at: u32, len: usize },
    Take,
    Prune(usize),
    Truncate(u32),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (0..3000u32, prop_oneof![1..20usize, 1..1500usize]).prop_map(|(at, len)| Op::Insert { at, len }),
        3 => Just(Op::Take),
        1 => (0..20_000usize).prop_map(Op::Prune),
        1 => (0..5000u32).prop_map(Op::Truncate),
    ]
}

/// Ranges that the bytes of a map make.
fn ranges_of(map: &[Option<u8>], start: SeqNum) -> Vec<SackBlock> {
    let mut ranges = vec![];
    let mut at = 0;
    for run in map.chunk_by(|a, b| a.is_some() == b.is_some()) {
        if run[0].is_some() {
            ranges.push(SackBlock::new(start + at, start + at + run.len() as u32).unwrap());
        }
        at += run.len() as u32;
    }
    ranges
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn it_behaves_as_a_map_of_bytes(
        start in prop_oneof![any::<u32>(), (u32::MAX - 4000)..=u32::MAX],
        ops in proptest::collection::vec(op(), 1..60),
    ) {
        let (mut pool, mut a) = (FramePool::new(), Assembler::new());
        let start = SeqNum(start);
        let mut map: Vec<Option<u8>> = vec![None; 6000];
        let mut low = 0u32; // what lies before was taken
        for (i, op) in ops.into_iter().enumerate() {
            match op {
                Op::Insert { at, len } => {
                    let at = at.max(low + 1);
                    let len = len.min((map.len() - 1).saturating_sub(at as usize));
                    if len == 0 {
                        continue;
                    }
                    let bytes: Vec<u8> = (0..len).map(|n| (n * 7 + i) as u8).collect();
                    let added = a.insert(&mut pool, start + at, chunk(&bytes));
                    let mut expected = 0;
                    for (slot, byte) in map[at as usize..].iter_mut().zip(bytes) {
                        expected += u32::from(slot.is_none());
                        slot.get_or_insert(byte);
                    }
                    prop_assert_eq!(added, expected);
                    let newest = a.sack_blocks(4)[0];
                    prop_assert!(newest.left().before_eq(start + at) && newest.right().after_eq(start + at + len as u32));
                }
                Op::Take => {
                    // As if the hole were filled.
                    let hole = map.iter().skip(low as usize).position(Option::is_some);
                    low += hole.unwrap_or(0) as u32;
                    while let Some(piece) = a.take(start + low) {
                        let here = &mut map[low as usize..low as usize + piece.len()];
                        prop_assert!(here.iter().zip(&piece[..]).all(|(slot, byte)| *slot == Some(*byte)));
                        here.fill(None);
                        low += piece.len() as u32;
                    }
                    prop_assert!(map[low as usize].is_none());
                }
                Op::Prune(pinned) => {
                    let dropped = a.prune(pinned);
                    prop_assert!(a.pinned() <= pinned);
                    let keep = map.iter().flatten().count() - dropped as usize;
                    let mut seen = 0;
                    for slot in map.iter_mut().filter(|s| s.is_some()) {
                        seen += 1;
                        if seen > keep {
                            *slot = None;
                        }
                    }
                }
                Op::Truncate(at) => {
                    a.truncate(start + at);
                    map[at as usize..].fill(None);
                }
            }
            let expected = ranges_of(&map, start);
            prop_assert_eq!(a.ranges(), &expected[..]);
            prop_assert_eq!(a.len() as usize, map.iter().flatten().count());
            prop_assert_eq!(a.pinned(), a.runs.iter().flatten().map(Chunk::pinned).sum::<usize>());
            let blocks = a.sack_blocks(4);
            prop_assert!(blocks.iter().all(|b| expected.contains(b)));
            prop_assert!((1..blocks.len()).all(|i| !blocks[..i].contains(&blocks[i])), "each once");
        }
    }
}

/// 1 Gb/s and 300 ms: RFC 2018 §8 allows to drop what was told of, but each that is dropped is sent again for nothing.
#[test]
fn a_window_behind_one_lost_segment_is_held() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    let segment = chunk(&[0; 1448]);
    let dropped: u32 =
        (1..60_000).map(|i| (a.insert(&mut pool, SeqNum(1448 * i), segment.clone()), a.prune(usize::MAX)).1).sum();
    assert_eq!((dropped, a.ranges().len()), (0, 1));
}

/// Who sends every second segment first and then fills the holes in an order that joins long runs again and again costs no more than
/// moving each chunk a few times.
#[test]
fn filling_holes_moves_chunks_a_few_times_at_most() {
    let (mut pool, mut a) = (FramePool::new(), Assembler::new());
    let segment = chunk(&[0; 1100]);
    let count = MAX_RANGES as u32;
    for i in 0..count {
        a.insert(&mut pool, SeqNum(2 * i * 1100), segment.clone());
    }
    let mut moved = 0;
    // From the front on: the long run stays where it is.
    for i in 0..count - 1 {
        moved += a.runs[0].len().min(a.runs[1].len());
        a.insert(&mut pool, SeqNum((2 * i + 1) * 1100), segment.clone());
    }
    assert_eq!((a.ranges().len(), a.runs[0].len()), (1, 2 * count as usize - 1));
    assert!(moved < 2 * count as usize, "{moved}");
}
