use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

const CAPACITY: usize = 65_536;

struct Rig {
    pool: FramePool,
    queue: RecvQueue,
    right_edge: SeqNum,
}

fn rig(start: u32) -> Rig {
    let start = SeqNum(start);
    Rig { pool: FramePool::new(), queue: RecvQueue::new(start), right_edge: start + 60_000 }
}

impl Rig {
    fn insert(&mut self, seq: u32, bytes: &[u8], fin: bool) -> Inserted {
        self.queue.insert(&mut self.pool, SeqNum(seq), Chunks::from(bytes), fin, self.right_edge, CAPACITY)
    }

    fn read(&mut self) -> Vec<u8> {
        let mut buf = vec![0; 100_000];
        let n = self.queue.read(&mut self.pool, &mut buf);
        buf.truncate(n);
        buf
    }
}

#[test]
fn data_in_order_can_be_read() {
    let mut r = rig(u32::MAX);
    let got = r.insert(u32::MAX, b"hello", false);
    assert_eq!(got, Inserted { ready: 5, ..Inserted::default() });
    assert_eq!((r.queue.rcv_nxt(), r.queue.len()), (SeqNum(4), 5));
    let mut two = [0; 2];
    assert_eq!((r.queue.peek(&mut two), &two), (2, b"he"));
    assert_eq!(r.read(), b"hello");
    assert_eq!((r.queue.read_seq(), r.queue.pinned()), (SeqNum(4), 0));
    assert_eq!(r.read(), b"");
}

#[test]
fn a_hole_is_filled() {
    let mut r = rig(100);
    let got = r.insert(103, b"def", false);
    assert_eq!(got, Inserted { ahead: 3, ..Inserted::default() });
    assert_eq!((r.queue.len(), r.queue.rcv_nxt(), r.queue.ahead()), (0, SeqNum(100), 3));
    assert!(r.queue.has_holes());
    let got = r.insert(100, b"abc", false);
    assert_eq!(got, Inserted { ready: 6, filled: true, ..Inserted::default() });
    assert!(!r.queue.has_holes() && r.queue.sack_blocks(4).is_empty());
    assert_eq!(r.read(), b"abcdef");
}

#[test]
fn what_was_received_before_is_cut_off_and_remembered_for_d_sack() {
    let mut r = rig(100);
    let _ = r.insert(100, b"abcdef", false);
    let got = r.insert(102, b"cdefgh", false);
    assert_eq!(got, Inserted { ready: 2, duplicate: true, ..Inserted::default() });
    assert_eq!(r.queue.take_duplicate(), SackBlock::new(SeqNum(102), SeqNum(106)));
    assert_eq!(r.queue.take_duplicate(), None);
    let got = r.insert(90, b"0123456789abc", false);
    assert_eq!((got.ready, got.duplicate), (0, true));
    assert_eq!(r.read(), b"abcdefgh");
}

/// As Linux: a FIN takes a number in SACK blocks, too.
#[test]
fn a_fin_ahead_is_told_of() {
    let mut r = rig(1);
    let block = |left, right| SackBlock::new(SeqNum(left), SeqNum(right)).unwrap();
    let _ = r.insert(11, &[0; 10], true);
    assert_eq!(r.queue.sack_blocks(3)[..], [block(11, 22)]);
    assert_eq!(r.queue.highest_end(), Some(SeqNum(22)));
    assert!(r.insert(21, &[], true).duplicate);
    assert_eq!(r.queue.take_duplicate(), Some(block(21, 22)));
    assert!(r.insert(11, &[0; 10], true).duplicate);
    assert_eq!(r.queue.take_duplicate(), Some(block(11, 22)));
    let mut r = rig(1);
    let _ = r.insert(5, &[0; 5], false);
    let _ = r.insert(21, &[], true);
    assert!(r.queue.has_holes());
    assert_eq!(r.queue.sack_blocks(3)[..], [block(21, 22), block(5, 10)]);
    assert!(r.insert(1, &[0; 20], false).fin);
    assert!(!r.queue.has_holes() && r.queue.sack_blocks(3).is_empty());
}

#[test]
fn d_sack_out_of_order() {
    let mut r = rig(100);
    let _ = r.insert(110, b"0123456789", false);
    let got = r.insert(112, b"2345", false);
    assert_eq!((got.ahead, got.duplicate), (0, true));
    assert_eq!(r.queue.take_duplicate(), SackBlock::new(SeqNum(112), SeqNum(116)));
    // Data in order that overlaps what was held.
    let got = r.insert(100, b"abcdefghijKLM", false);
    assert_eq!((got.ready, got.duplicate), (20, true));
    assert_eq!(r.queue.take_duplicate(), SackBlock::new(SeqNum(110), SeqNum(113)));
}

#[test]
fn what_is_outside_the_window_is_dropped() {
    let mut r = rig(0);
    r.right_edge = SeqNum(10);
    assert_eq!(r.insert(0, b"0123456789abc", true), Inserted { ready: 10, ..Inserted::default() });
    assert!(!r.queue.is_finished(), "the FIN is outside, too");
    assert_eq!(r.insert(20, b"x", true), Inserted::default());
    assert_eq!(r.read(), b"0123456789");
}

#[test]
fn the_fin_is_reached_when_all_before_it_is_there() {
    let mut r = rig(100);
    let got = r.insert(105, b"world", true);
    assert_eq!((got.fin, r.queue.rcv_nxt()), (false, SeqNum(100)));
    let got = r.insert(100, b"hello", false);
    assert_eq!((got.fin, got.ready), (true, 10));
    assert_eq!((r.queue.rcv_nxt(), r.queue.is_finished()), (SeqNum(111), true));
    assert!(!r.insert(105, b"world", true).fin, "once");
    assert_eq!(r.read(), b"helloworld");
    assert_eq!(r.queue.rcv_nxt(), SeqNum(111));
}

#[test]
fn a_bare_fin_counts_in_and_out_of_order() {
    let mut r = rig(100);
    assert!(!r.insert(103, b"", true).fin);
    assert!(r.insert(100, b"abc", false).fin);
    let mut r = rig(100);
    assert!(r.insert(100, b"", true).fin);
    assert_eq!(r.queue.rcv_nxt(), SeqNum(101));
}

#[test]
fn nothing_comes_after_the_fin() {
    let mut r = rig(100);
    // Held before the FIN was known.
    let _ = r.insert(104, b"efgh", false);
    let _ = r.insert(102, b"c", true);
    assert_eq!(r.queue.ahead(), 1);
    // Sent beyond it afterwards, and a second FIN elsewhere.
    let _ = r.insert(100, b"abcdefgh", false);
    let _ = r.insert(100, b"abcdefgh", true);
    assert!(r.queue.is_finished());
    assert_eq!((r.queue.rcv_nxt(), r.read()), (SeqNum(104), b"abc".to_vec()));
    let _ = r.insert(104, b"more", false);
    assert_eq!((r.queue.rcv_nxt(), r.queue.len()), (SeqNum(104), 0));
}

#[test]
fn a_fin_before_what_was_received_is_no_fin() {
    let mut r = rig(100);
    let _ = r.insert(100, b"abcdef", false);
    assert!(!r.insert(100, b"abc", true).fin);
    assert!(!r.queue.is_finished());
    assert!(r.insert(106, b"", true).fin);
}

#[test]
fn data_out_of_order_gives_way_and_data_in_order_never_does() {
    let mut r = rig(0);
    r.right_edge = SeqNum(1 << 20);
    // Segments with holes between fill the buffer; more of them are dropped.
    let mut dropped = 0;
    for i in 0..200 {
        dropped += r.insert(10_000 + 4000 * i, &[1; 1448], false).dropped;
    }
    assert!(dropped > 0);
    assert!(r.queue.pinned() <= 2 * CAPACITY);
    // All that is in order is taken as long as the window lets it, and the rest is dropped for it.
    for i in 0..6 {
        assert!(r.insert(1448 * i, &[2; 1448], false).ready >= 1448);
    }
    for i in 6..600 {
        let _ = r.insert(1448 * i, &[2; 1448], false);
    }
    assert!(r.queue.len() >= 600 * 1448);
    assert_eq!(r.queue.ahead(), 0, "no room is left for it");
}

#[test]
fn a_trickle_does_not_pin_a_frame_for_each_byte() {
    let mut r = rig(0);
    for i in 0..10_000 {
        let mut frame = r.pool.alloc(2048);
        frame.advance(1500);
        let byte = frame.freeze(&mut r.pool).slice(54..55);
        let _ = r.queue.insert(&mut r.pool, SeqNum(i), byte.into(), false, r.right_edge, CAPACITY);
    }
    assert!(r.queue.pinned() <= 2 * 10_000 + 16_384, "{}", r.queue.pinned());
}

#[test]
fn reading_chunks_does_not_copy() {
    let mut r = rig(0);
    let chunk = Chunk::from_vec(vec![5; 3000]);
    let address = chunk.as_ptr();
    let _ = r.queue.insert(&mut r.pool, SeqNum(0), chunk.into(), false, r.right_edge, CAPACITY);
    let _ = r.insert(3000, b"small", false);
    let first = r.queue.read_chunk(&mut r.pool, 1000).unwrap();
    assert_eq!((first.as_ptr(), first.len()), (address, 1000));
    assert_eq!(r.queue.read_chunk(&mut r.pool, 9000).unwrap().len(), 2000);
    assert!(r.queue.read_chunk(&mut r.pool, 0).is_none());
    assert_eq!(&r.queue.read_chunk(&mut r.pool, 9000).unwrap()[..], b"small");
    assert!(r.queue.read_chunk(&mut r.pool, 9000).is_none());
}

#[test]
fn it_is_small_while_idle() {
    assert!(size_of::<RecvQueue>() <= 136, "{}", size_of::<RecvQueue>());
}

/// A stream of bytes where each tells its place.
fn byte_at(i: u32) -> u8 {
    (i * 31 + i / 256 * 7) as u8
}

#[derive(Clone, Debug)]
struct Arrival {
    at: u32,
    len: u32,
    cuts: usize,
    read: usize,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let len = prop_oneof![0..30u32, 0..1500u32];
    (0..5000u32, len, 1..5usize, 0..900usize).prop_map(|(at, len, cuts, read)| Arrival { at, len, cuts, read })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    /// Segments of one stream come in any order, overlapping, again and again: what is read is the stream.
    #[test]
    fn what_is_read_is_what_was_sent(
        start in prop_oneof![any::<u32>(), (u32::MAX - 6000)..=u32::MAX],
        total in 1..5000u32,
        mut arrivals in proptest::collection::vec(arrival(), 0..60),
    ) {
        let mut pool = FramePool::new();
        let start = SeqNum(start);
        let mut queue = RecvQueue::new(start);
        let edge = start + total;
        let mut held = vec![false; total as usize];
        let mut finished = false;
        let mut fin_known = false;
        let mut read = Vec::new();
        // At last, all of it comes.
        arrivals.push(Arrival { at: 0, len: total, cuts: 3, read: usize::MAX });
        for a in arrivals {
            let at = a.at.min(total);
            let end = (at + a.len).min(total);
            let bytes: Vec<u8> = (at..end).map(byte_at).collect();
            let mut payload = Chunks::new();
            for part in bytes.chunks((bytes.len() / a.cuts).max(1)).take(limpid_wire::chunk::MAX_CHUNKS) {
                payload.push(Chunk::from_vec(part.to_vec())).unwrap();
            }
            let len = payload.len() as u32;
            let fin = at + len == total;
            let before = queue.rcv_nxt();
            let result = queue.insert(&mut pool, start + at, payload, fin, edge, 1 << 20);
            let overlap = held[at as usize..(at + len) as usize].iter().any(|h| *h);
            let news = held[at as usize..(at + len) as usize].iter().any(|h| !*h);
            let fin_again = fin && fin_known && !finished && !news;
            held[at as usize..(at + len) as usize].fill(true);
            fin_known |= fin;

            let nxt = held.iter().position(|h| !h).map_or(total, |i| i as u32);
            finished = fin_known && nxt == total;
            prop_assert_eq!(queue.rcv_nxt(), start + nxt + u32::from(finished));
            prop_assert_eq!(queue.is_finished(), finished);
            prop_assert_eq!(result.fin, finished && before != queue.rcv_nxt());
            prop_assert_eq!(result.duplicate, overlap || fin_again);
            prop_assert_eq!(result.dropped, 0);
            let ahead = held[nxt as usize..].iter().filter(|h| **h).count() as u32;
            prop_assert_eq!(queue.ahead(), ahead);
            if let Some(block) = queue.take_duplicate() {
                // The FIN has the number after the last byte.
                let (left, right) = (block.left() - start, (block.right() - start).min(total));
                prop_assert!(held[left as usize..right as usize].iter().all(|h| *h));
            }
            let mut buf = vec![0; a.read.min(total as usize)];
            let n = queue.read(&mut pool, &mut buf);
            read.extend_from_slice(&buf[..n]);
            prop_assert_eq!(queue.len(), nxt as usize - read.len());
        }
        prop_assert!(queue.is_finished());
        prop_assert_eq!(read, (0..total).map(byte_at).collect::<Vec<_>>());
        prop_assert_eq!(queue.pinned(), 0);
    }
}
