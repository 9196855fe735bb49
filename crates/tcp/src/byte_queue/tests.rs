use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Write(usize),
    Push { len: usize, frame: usize },
    Parts { len: usize, part: usize },
    Slice { at: usize, len: usize },
    Sequential(usize),
    Copy { at: usize, len: usize },
    Trim(usize),
    Pop(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let len = || prop_oneof![4 => 0..40usize, 2 => 0..1500usize, 1 => 0..40_000usize];
    prop_oneof![
        4 => len().prop_map(Op::Write),
        3 => (len(), 0..4096usize).prop_map(|(len, more)| Op::Push { len, frame: len + more }),
        2 => (len(), 1..4096usize).prop_map(|(len, part)| Op::Parts { len, part }),
        2 => (len(), len()).prop_map(|(at, len)| Op::Slice { at, len }),
        4 => len().prop_map(Op::Sequential),
        2 => (len(), len()).prop_map(|(at, len)| Op::Copy { at, len }),
        3 => len().prop_map(Op::Trim),
        1 => (1..3000usize).prop_map(Op::Pop),
    ]
}

/// The queue beside a plain vector.
struct Pair {
    queue: ByteQueue,
    model: Vec<u8>,
    next: u8,
    cursor: SeqNum,
}

impl Pair {
    fn fresh(&mut self, len: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (0..len).map(|i| self.next.wrapping_add(i as u8)).collect();
        self.next = self.next.wrapping_mul(31).wrapping_add(17);
        bytes
    }

    fn step(&mut self, pool: &mut FramePool, op: Op) {
        let start = self.queue.start();
        match op {
            Op::Write(len) => {
                let bytes = self.fresh(len);
                self.queue.write(pool, &bytes);
                self.model.extend(bytes);
            }
            Op::Push { len, frame } => {
                let bytes = self.fresh(frame);
                let chunk = pool.copy(&bytes).slice(0..len);
                self.queue.push(pool, chunk);
                self.model.extend(&bytes[..len]);
            }
            Op::Parts { len, part } => {
                let bytes = self.fresh(len);
                let mut chunk = Chunk::from_owner(bytes.clone());
                while !chunk.is_empty() {
                    let n = chunk.len().min(part);
                    self.queue.push_part(pool, &mut chunk, n);
                }
                self.model.extend(bytes);
            }
            Op::Slice { at, len } => self.check_slice(pool, start + at as u32, len),
            Op::Sequential(len) => self.check_slice(pool, self.cursor.later(start), len),
            Op::Copy { at, len } => {
                let mut buf = vec![0xaa; len];
                let n = self.queue.copy_to(start + at as u32, &mut buf);
                let expected = self.model.get(at..).unwrap_or(&[]);
                let expected = &expected[..len.min(expected.len())];
                assert_eq!(&buf[..n], expected);
            }
            Op::Trim(n) => {
                self.queue.trim_front(pool, n);
                self.model.drain(..n.min(self.model.len()));
            }
            Op::Pop(max) => {
                let chunk = self.queue.pop(pool, max);
                assert_eq!(chunk.is_none(), self.model.is_empty());
                let taken: Vec<u8> = self.model.drain(..chunk.as_ref().map_or(0, |c| c.len())).collect();
                assert!(chunk.is_none_or(|c| c.len() <= max && c[..] == taken));
            }
        }
    }

    /// The bytes are right, and short only where the list of chunks is full or the queue ends.
    fn check_slice(&mut self, pool: &mut FramePool, seq: SeqNum, len: usize) {
        let slice = self.queue.slice(pool, seq, len);
        let at = (seq - self.queue.start()) as usize;
        let expected = self.model.get(at..).unwrap_or(&[]);
        let expected = &expected[..len.min(expected.len())];
        assert_eq!(slice.to_vec(), &expected[..slice.len()]);
        assert!(slice.len() == expected.len() || slice.is_full());
        self.cursor = seq + slice.len() as u32;
    }

    fn check(&self) {
        assert_eq!(self.queue.len(), self.model.len());
        assert_eq!(self.queue.end() - self.queue.start(), self.model.len() as u32);
        assert_eq!(self.queue.is_empty(), self.model.is_empty());
        let held: usize = self.queue.entries.iter().map(|e| e.chunk.pinned()).sum();
        let tail = self.queue.tail.as_ref().map_or(0, |t| t.capacity());
        assert_eq!(self.queue.pinned(), held + tail, "pinned memory is counted exactly");
        assert!(!self.queue.is_empty() || self.queue.pinned() == 0, "an empty queue holds no frame");
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_vector(
        start in prop_oneof![any::<u32>(), (u32::MAX - 5000)..=u32::MAX],
        ops in proptest::collection::vec(op(), 1..60),
    ) {
        let mut pool = FramePool::new();
        let start = SeqNum(start);
        let mut pair = Pair { queue: ByteQueue::new(start), model: Vec::new(), next: 0, cursor: start };
        for op in ops {
            pair.step(&mut pool, op);
            pair.check();
        }
    }
}

#[test]
fn a_byte_does_not_pin_a_large_frame() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    queue.write(&mut pool, b"x");
    assert_eq!(queue.pinned(), 256);
    let large = pool.copy(&[0; 16_000]);
    queue.push(&mut pool, large.slice(0..1));
    assert_eq!((queue.pinned(), queue.len()), (256, 2));
}

#[test]
fn parts_of_a_chunk_are_held_as_one() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    let mut chunk = Chunk::from_owner(vec![7; 60_000]);
    let address = chunk.as_ptr();
    while !chunk.is_empty() {
        let n = chunk.len().min(1448);
        queue.push_part(&mut pool, &mut chunk, n);
    }
    assert_eq!((queue.entries.len(), queue.pinned(), queue.len()), (1, 60_000, 60_000));
    queue.trim_front(&mut pool, 59_999);
    assert_eq!(queue.pinned(), 60_000, "one byte keeps all of it");
    let last = queue.slice(&mut pool, SeqNum(59_999), 1);
    assert_eq!(last.iter().next().unwrap().as_ptr(), address.wrapping_add(59_999));
    queue.trim_front(&mut pool, 1);
    assert_eq!(queue.pinned(), 0);
}

#[test]
fn a_small_part_of_a_large_chunk_is_copied() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    let mut chunk = Chunk::from_owner(vec![7; 60_000]).slice(0..2_000);
    queue.push_part(&mut pool, &mut chunk, 2_000);
    assert!(queue.pinned() <= 2_048, "{}", queue.pinned());
}

#[test]
fn a_trickle_that_waits_ends_in_large_frames() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    for _ in 0..60_000 {
        queue.write(&mut pool, b"x");
    }
    assert!(queue.entries.len() < 8, "{} frames", queue.entries.len());
    assert!(queue.pinned() < 2 * 60_000);
}

#[test]
fn a_trickle_that_is_sent_at_once_stays_in_small_frames() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    for i in 0..100 {
        queue.write(&mut pool, &[7; 30]);
        let sent = queue.slice(&mut pool, SeqNum(i * 30), 30);
        assert_eq!(sent.len(), 30);
        assert!(sent.pinned() <= 256);
    }
    assert_eq!(queue.pinned(), 100 * 256);
}

#[test]
fn sequential_slices_do_not_search() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(u32::MAX - 100_000));
    for _ in 0..100 {
        queue.push(&mut pool, Chunk::from_vec(vec![1; 4000]));
    }
    let mut seq = queue.start();
    while seq.before(queue.end()) {
        seq += queue.slice(&mut pool, seq, 1448).len() as u32;
        let at = queue.hint as usize;
        assert!(seq == queue.end() || seq.within(queue.entries[at].start, queue.entries[at].end()));
    }
}

#[test]
fn a_slice_without_length_is_empty_wherever_it_is() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    queue.write(&mut pool, b"abc");
    assert_eq!(queue.slice(&mut pool, SeqNum(0), 3).len(), 3);
    queue.write(&mut pool, b"def");
    for seq in [0, 3, 4, 6, 7] {
        assert!(queue.slice(&mut pool, SeqNum(seq), 0).is_empty());
    }
}

#[test]
fn an_idle_queue_holds_no_memory() {
    let mut pool = FramePool::new();
    let mut queue = ByteQueue::new(SeqNum(0));
    for _ in 0..1000 {
        queue.push(&mut pool, Chunk::from_vec(vec![1; 100]));
    }
    queue.write(&mut pool, b"tail");
    queue.trim_front(&mut pool, usize::MAX);
    assert_eq!((queue.pinned(), queue.entries.capacity()), (0, 0));
    assert!(queue.tail.is_none());
}
