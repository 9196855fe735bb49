use super::*;
use alloc::vec;
use alloc::vec::Vec;

const APPEND: Append = Append {
    goal: 1000,
    capacity: 100_000,
    sent: 0,
    notsent_lowat: u32::MAX,
    max_window: 60_000,
    flags: WriteFlags::empty(),
    goes_on: false,
};

fn queue(start: u32) -> (FramePool, SendQueue) {
    (FramePool::new(), SendQueue::new(SeqNum(start)))
}

fn flags(flags: WriteFlags) -> Append {
    Append { flags, ..APPEND }
}

/// A whole write, of which nothing leaves.
fn write(q: &mut SendQueue, pool: &mut FramePool, bytes: &[u8], append: &Append) -> usize {
    let (mut append, mut done) = (*append, 0);
    while done < bytes.len() {
        let taken = q.write(pool, &bytes[done..], &append);
        if taken.bytes == 0 {
            break;
        }
        done += taken.bytes;
        append.goes_on = true;
        if taken.full && q.is_push_forced(&append) {
            q.push();
        }
    }
    if done > 0 {
        q.end_write(done == bytes.len(), &append);
    }
    done
}

/// The pieces: length, whether it is pushed, whether a record ends.
fn pieces(q: &mut SendQueue) -> Vec<(u32, bool, bool)> {
    let mut all = Vec::new();
    while let Some(len) = q.pieces.first_len() {
        let piece = q.pieces.take(len);
        all.push((len, piece.push, piece.record_end));
    }
    all
}

#[test]
fn bytes_stay_until_they_are_acknowledged() {
    let (mut pool, mut q) = queue(u32::MAX - 2);
    assert_eq!(write(&mut q, &mut pool, b"hello world", &APPEND), 11);
    assert_eq!(q.end(), SeqNum(8));
    assert_eq!(q.slice(&mut pool, q.start(), 5).to_vec(), b"hello");
    assert_eq!(q.slice(&mut pool, q.start(), 5).to_vec(), b"hello", "again");
    assert_eq!(q.ack_to(&mut pool, SeqNum(2)), 5);
    assert_eq!(q.slice(&mut pool, SeqNum(2), 100).to_vec(), b" world");
    assert_eq!(q.ack_to(&mut pool, SeqNum(2)), 0, "the same again");
    assert_eq!(q.ack_to(&mut pool, SeqNum(u32::MAX)), 0, "an old one");
}

#[test]
fn syn_and_fin_lie_outside() {
    let (mut pool, mut q) = queue(1001);
    assert_eq!(write(&mut q, &mut pool, b"data", &APPEND), 4);
    assert_eq!(q.ack_to(&mut pool, SeqNum(1001)), 0, "the SYN");
    assert_eq!(q.ack_to(&mut pool, SeqNum(1006)), 4, "with the FIN");
    assert_eq!((q.start(), q.end(), q.pinned()), (SeqNum(1005), SeqNum(1005), 0));
}

/// Linux 6.18: a send buffer of 20,000 bytes takes 32,120, and holds 32,952, where segments are 1460 bytes and the largest
/// window 65,535.
#[test]
fn whoever_has_any_room_fills_a_piece() {
    let (mut pool, mut q) = queue(0);
    let append = Append { goal: 22 * 1460, capacity: 20_000, ..APPEND };
    assert_eq!(write(&mut q, &mut pool, &[1; 1_000_000], &append), 32_120);
    assert_eq!((q.memory(0), write(&mut q, &mut pool, b"x", &append)), (32_952, 0));
    let append = Append { capacity: 262_144, ..append };
    let (mut pool, mut q) = queue(0);
    let mut writes = 0;
    while write(&mut q, &mut pool, &[1; 1000], &append) == 1000 {
        writes += 1;
    }
    assert_eq!((writes, q.len(), q.memory(0)), (256, 256_960, 263_616));
}

#[test]
fn what_was_sent_counts_until_it_is_acknowledged() {
    let (mut pool, mut q) = queue(0);
    let append = |sent| Append { capacity: 4000, sent, ..APPEND };
    assert_eq!(write(&mut q, &mut pool, &[1; 5000], &append(0)), 3000, "the third piece begins at 3664");
    assert_eq!(q.memory(2), 3000 + 5 * OVERHEAD);
    q.pieces.take(1000);
    assert_eq!(write(&mut q, &mut pool, b"x", &append(1)), 0);
    q.ack_to(&mut pool, SeqNum(1000));
    assert_eq!(write(&mut q, &mut pool, &[1; 5000], &append(0)), 1000);
}

#[test]
fn an_empty_queue_always_has_room() {
    let (mut pool, mut q) = queue(0);
    let append = Append { capacity: 0, ..APPEND };
    assert_eq!(write(&mut q, &mut pool, &[1; 5000], &append), 1000);
    assert_eq!(write(&mut q, &mut pool, b"x", &append), 0);
    q.pieces.clear();
    q.ack_to(&mut pool, q.end());
    assert_eq!(write(&mut q, &mut pool, b"x", &append), 1);
}

/// Linux's TCP_NOTSENT_LOWAT.
#[test]
fn no_piece_is_begun_while_too_much_is_unsent() {
    let (mut pool, mut q) = queue(0);
    let append = Append { notsent_lowat: 1500, ..APPEND };
    assert_eq!(write(&mut q, &mut pool, &[1; 5000], &append), 2000);
    q.pieces.take(1000);
    assert_eq!(write(&mut q, &mut pool, &[1; 5000], &append), 1000);
}

#[test]
fn tiny_segments_do_not_take_much_more_memory_than_the_capacity() {
    let (mut pool, mut q) = queue(0);
    let mut written = 0;
    while write(&mut q, &mut pool, b"x", &Append { capacity: 8192, sent: written as usize, ..APPEND }) > 0 {
        // Each byte is sent at once, so that each has a frame of its own.
        assert_eq!(q.slice(&mut pool, SeqNum(written), 1).len(), 1);
        q.pieces.take(1);
        written += 1;
    }
    assert_eq!(written, 10);
    assert!(q.pinned() <= 8192, "{}", q.pinned());
}

#[test]
fn the_end_of_a_write_is_pushed_unless_more_follows_in_its_piece() {
    let (mut pool, mut q) = queue(0);
    write(&mut q, &mut pool, &[1; 2500], &APPEND);
    write(&mut q, &mut pool, &[2; 100], &flags(WriteFlags::MORE));
    write(&mut q, &mut pool, &[2; 1000], &APPEND);
    assert_eq!(pieces(&mut q), [(1000, false, false), (1000, false, false), (1000, false, false), (600, true, false)]);
    write(&mut q, &mut pool, &[2; 10], &APPEND);
    write(&mut q, &mut pool, &[2; 10], &flags(WriteFlags::MORE));
    assert_eq!(pieces(&mut q), [(20, false, false)], "it is not the end any more");
}

#[test]
fn each_half_window_is_pushed() {
    let (mut pool, mut q) = queue(0);
    let append = Append { max_window: 5000, flags: WriteFlags::MORE, ..APPEND };
    write(&mut q, &mut pool, &[1; 6500], &append);
    let pushed: Vec<bool> = pieces(&mut q).iter().map(|p| p.1).collect();
    assert_eq!(pushed, [false, false, true, false, false, true, false]);
}

#[test]
fn nothing_is_added_behind_the_end_of_a_record() {
    let (mut pool, mut q) = queue(0);
    write(&mut q, &mut pool, b"first", &flags(WriteFlags::END_OF_RECORD));
    write(&mut q, &mut pool, b"second", &APPEND);
    write(&mut q, &mut pool, b"third", &flags(WriteFlags::END_OF_RECORD));
    assert_eq!(pieces(&mut q), [(5, true, true), (11, true, true)]);
}

#[test]
fn a_large_chunk_is_not_copied() {
    let (mut pool, mut q) = queue(0);
    let chunk = Chunk::from_vec(vec![9; 5000]);
    let address = chunk.as_ptr();
    write(&mut q, &mut pool, b"before", &APPEND);
    q.end_write(true, &flags(WriteFlags::END_OF_RECORD));
    let mut chunk = chunk;
    assert_eq!(
        q.write_chunk(&mut pool, &mut chunk, &Append { goal: 4000, ..APPEND }),
        Taken { bytes: 4000, opened: true, full: true }
    );
    assert_eq!(chunk.len(), 1000);
    let slice = q.slice(&mut pool, SeqNum(6), 1448);
    assert_eq!(slice.iter().next().unwrap().as_ptr(), address);
}

#[test]
fn it_is_small_while_idle() {
    assert!(size_of::<SendQueue>() <= 144, "{}", size_of::<SendQueue>());
}
