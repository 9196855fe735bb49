use super::*;
use alloc::vec;

const CAPACITY: usize = 100_000;

fn queue(start: u32) -> (FramePool, SendQueue) {
    (FramePool::new(), SendQueue::new(SeqNum(start)))
}

#[test]
fn bytes_stay_until_they_are_acknowledged() {
    let (mut pool, mut q) = queue(u32::MAX - 2);
    assert_eq!(q.write(&mut pool, b"hello world", CAPACITY), 11);
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
    assert_eq!(q.write(&mut pool, b"data", CAPACITY), 4);
    assert_eq!(q.ack_to(&mut pool, SeqNum(1001)), 0, "the SYN");
    assert_eq!(q.ack_to(&mut pool, SeqNum(1006)), 4, "with the FIN");
    assert_eq!((q.start(), q.end(), q.pinned()), (SeqNum(1005), SeqNum(1005), 0));
}

#[test]
fn the_buffer_takes_its_capacity_and_no_more() {
    let (mut pool, mut q) = queue(0);
    assert_eq!(q.write(&mut pool, &[1; 200_000], CAPACITY), CAPACITY);
    assert_eq!(q.write(&mut pool, b"x", CAPACITY), 0);
    let rest = q.write_chunk(&mut pool, Chunk::from_vec(vec![2; 10]), CAPACITY);
    assert_eq!(rest.map(|c| c.len()), Some(10));
    assert_eq!(q.ack_to(&mut pool, SeqNum(4)), 4);
    let rest = q.write_chunk(&mut pool, Chunk::from_vec(vec![2; 10]), CAPACITY).unwrap();
    assert_eq!(rest.len(), 6);
    assert_eq!(q.len(), CAPACITY);
}

#[test]
fn tiny_segments_can_not_take_much_more_memory_than_the_capacity() {
    let (mut pool, mut q) = queue(0);
    let mut written = 0;
    while q.write(&mut pool, b"x", 4096) > 0 {
        // Each byte is sent at once, so that each has a frame of its own.
        assert_eq!(q.slice(&mut pool, SeqNum(written), 1).len(), 1);
        written += 1;
    }
    assert_eq!(written, 32);
    assert!(q.pinned() <= 2 * 4096);
    q.ack_to(&mut pool, SeqNum(1));
    assert_eq!(q.room(4096), 4096 - 31, "an ACK makes room");
}

#[test]
fn an_empty_queue_always_has_room() {
    let (mut pool, mut q) = queue(0);
    assert_eq!(q.write(&mut pool, &[1; 100], 1), 1);
    assert_eq!(q.room(1), 0);
    q.ack_to(&mut pool, q.end());
    assert_eq!(q.room(1), 1);
}

#[test]
fn a_segment_pushes_if_a_write_ended_in_it() {
    let (mut pool, mut q) = queue(0);
    q.write(&mut pool, &[1; 3000], CAPACITY);
    assert!(!q.pushes(SeqNum(0), SeqNum(1448)));
    assert!(!q.pushes(SeqNum(1448), SeqNum(2896)));
    assert!(q.pushes(SeqNum(2896), SeqNum(3000)));
    q.slice(&mut pool, SeqNum(0), 3000);
    q.write(&mut pool, &[2; 10], CAPACITY);
    assert!(q.pushes(SeqNum(2896), SeqNum(3000)), "still, when it is sent again");
    assert!(q.pushes(SeqNum(3000), SeqNum(3010)));
    q.ack_to(&mut pool, SeqNum(3000));
    assert!(!q.pushes(SeqNum(2896), SeqNum(3000)) && q.pushes(SeqNum(3000), SeqNum(3010)));
}

#[test]
fn writes_that_join_push_once() {
    let (mut pool, mut q) = queue(0);
    for _ in 0..10 {
        q.write(&mut pool, b"0123456789", CAPACITY);
    }
    assert_eq!(q.marks.len(), 1);
    assert!(!q.pushes(SeqNum(0), SeqNum(99)) && q.pushes(SeqNum(0), SeqNum(100)));
}

#[test]
fn marks_are_bounded_and_the_end_still_pushes() {
    let (mut pool, mut q) = queue(0);
    for i in 0..1000 {
        assert_eq!(q.write(&mut pool, &[0; 20], 10 * CAPACITY), 20);
        q.slice(&mut pool, SeqNum(i * 20), 20);
    }
    assert_eq!(q.marks.len(), MAX_MARKS);
    assert!(q.pushes(SeqNum(19_980), SeqNum(20_000)));
    assert!(!q.mark(Mark::Record), "no room for a mark of its own");
    q.ack_to(&mut pool, SeqNum(20_000));
    assert!(q.mark(Mark::Completion(1)));
}

#[test]
fn a_segment_does_not_go_across_the_end_of_a_record() {
    let (mut pool, mut q) = queue(0);
    q.write(&mut pool, b"first", CAPACITY);
    assert!(q.mark(Mark::Record));
    q.write(&mut pool, b"second", CAPACITY);
    assert_eq!(q.slice(&mut pool, SeqNum(0), 100).to_vec(), b"first");
    assert_eq!(q.slice(&mut pool, SeqNum(5), 100).to_vec(), b"second");
    assert_eq!(q.slice(&mut pool, SeqNum(2), 2).to_vec(), b"rs");
}

#[test]
fn a_write_completes_when_all_of_it_is_acknowledged() {
    let (mut pool, mut q) = queue(0);
    for id in 1..=3 {
        assert!(q.write_chunk(&mut pool, Chunk::from_vec(vec![0; 1000]), CAPACITY).is_none());
        assert!(q.mark(Mark::Completion(id)));
    }
    q.ack_to(&mut pool, SeqNum(999));
    assert_eq!(q.take_completed(), None);
    q.ack_to(&mut pool, SeqNum(2000));
    assert_eq!(q.take_completed(), Some(2));
    assert_eq!(q.take_completed(), None);
}

#[test]
fn a_large_chunk_is_not_copied() {
    let (mut pool, mut q) = queue(0);
    let chunk = Chunk::from_vec(vec![9; 5000]);
    let address = chunk.as_ptr();
    q.write(&mut pool, b"before", CAPACITY);
    assert!(q.write_chunk(&mut pool, chunk, CAPACITY).is_none());
    let slice = q.slice(&mut pool, SeqNum(6), 1448);
    assert_eq!(slice.iter().next().unwrap().as_ptr(), address);
}

#[test]
fn it_is_small_while_idle() {
    assert!(size_of::<SendQueue>() <= 144, "{}", size_of::<SendQueue>());
}
