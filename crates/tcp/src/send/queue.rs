//! The send queue: bytes from SND.UNA to the end of what the application wrote (RFC 9293 §3.8, §3.9.1.2).
//!
//! Bytes stay until they are acknowledged; a segment is a slice of them. Marks ride along: where the application
//! pushed, where a record ends (MSG_EOR), and which write is complete when all before it is acknowledged
//! (MSG_ZEROCOPY). Sequence numbers are the connection's, of data alone: SYN and FIN lie outside.

#[cfg(test)]
mod tests;

use crate::byte_queue::ByteQueue;
use alloc::collections::VecDeque;
use limpid_wire::{Chunk, Chunks, FramePool, SeqNum};

/// The most marks that are kept apart. At the bound a plain push mark is moved to the newest write; a write that needs
/// a mark of its own has to wait.
pub const MAX_MARKS: usize = 128;

/// Push marks nearer than this to each other, of data not sent yet, become one: they would end in one segment.
const PUSH_SPACING: u32 = 512;

/// What an end of a write means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The receiver should hand over what it has: the segment that ends here, or goes beyond, says PSH.
    Push,
    /// A record ends here: no segment goes across (MSG_EOR).
    Record,
    /// The write with this number is complete when all before it is acknowledged. Numbers ascend.
    Completion(u32),
}

/// See the module.
#[derive(Debug)]
pub struct SendQueue {
    bytes: ByteQueue,
    marks: VecDeque<(SeqNum, Mark)>,
    /// How many of the marks are ends of records: at most [`MAX_MARKS`].
    records: u8,
    /// The end of all that was ever sliced.
    sliced: SeqNum,
    completed: Option<u32>,
}

impl SendQueue {
    /// An empty queue; the first byte written will have number `start` (ISS + 1).
    pub fn new(start: SeqNum) -> SendQueue {
        SendQueue { bytes: ByteQueue::new(start), marks: VecDeque::new(), records: 0, sliced: start, completed: None }
    }

    /// Number of the first byte held.
    pub fn start(&self) -> SeqNum {
        self.bytes.start()
    }

    /// The number after the last byte written: where a FIN goes.
    pub fn end(&self) -> SeqNum {
        self.bytes.end()
    }

    /// Bytes held, sent or not.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of memory kept alive, for the bound of the whole stack.
    pub fn pinned(&self) -> usize {
        self.bytes.pinned()
    }

    /// How many bytes can be written when the send buffer is `capacity` bytes. As on Linux, memory may reach twice the
    /// capacity, for frames that are not full; beyond that nothing fits until something is acknowledged.
    pub fn room(&self, capacity: usize) -> usize {
        if self.pinned() >= capacity.saturating_mul(2) && !self.is_empty() {
            return 0;
        }
        capacity.saturating_sub(self.len())
    }

    /// Copies as many of `bytes` as there is room for and marks their end with [`Mark::Push`]; returns how many.
    pub fn write(&mut self, pool: &mut FramePool, bytes: &[u8], capacity: usize) -> usize {
        let n = bytes.len().min(self.room(capacity));
        if n > 0 {
            self.bytes.write(pool, &bytes[..n]);
            self.mark_push();
        }
        n
    }

    /// Takes a chunk without copying it (unless it is small or wasteful); gives back what there is no room for.
    pub fn write_chunk(&mut self, pool: &mut FramePool, mut chunk: Chunk, capacity: usize) -> Option<Chunk> {
        let n = chunk.len().min(self.room(capacity));
        if n > 0 {
            self.bytes.push(pool, chunk.split_to(n));
            self.mark_push();
        }
        (!chunk.is_empty()).then_some(chunk)
    }

    /// Marks the end of what was written so far. False if there is no room for a mark of its own.
    #[must_use = "at the bound the mark is not set"]
    pub fn mark(&mut self, mark: Mark) -> bool {
        if self.marks.len() >= MAX_MARKS {
            return false;
        }
        self.marks.push_back((self.end(), mark));
        self.records += u8::from(mark == Mark::Record);
        true
    }

    /// The bytes from `seq` on, at most `len`, and not beyond the end of a record. Fewer if there are no more, or if
    /// they lie in too many chunks. Constant time for one segment after the other.
    pub fn slice(&mut self, pool: &mut FramePool, seq: SeqNum, len: usize) -> Chunks {
        let len = match self.record_end(seq) {
            Some(end) => len.min((end - seq) as usize),
            None => len,
        };
        let chunks = self.bytes.slice(pool, seq, len);
        self.sliced = self.sliced.later(seq + chunks.len() as u32);
        chunks
    }

    /// True if a write ended in `from..=to` (but not at `from`): the segment should say PSH.
    pub fn pushes(&self, from: SeqNum, to: SeqNum) -> bool {
        let first = self.marks.partition_point(|(at, _)| at.before_eq(from));
        self.marks.range(first..).next().is_some_and(|(at, _)| at.before_eq(to))
    }

    /// Frees all bytes before `una`; returns how many that were. What lies outside the queue (SYN, FIN) is ignored.
    pub fn ack_to(&mut self, pool: &mut FramePool, una: SeqNum) -> usize {
        if !una.after(self.start()) {
            return 0;
        }
        let n = (una.earlier(self.end()) - self.start()) as usize;
        self.bytes.trim_front(pool, n);
        self.sliced = self.sliced.later(self.start());
        while let Some(&(at, mark)) = self.marks.front() {
            if at.after(self.start()) {
                break;
            }
            if let Mark::Completion(id) = mark {
                self.completed = Some(id);
            }
            self.records -= u8::from(mark == Mark::Record);
            self.marks.pop_front();
        }
        n
    }

    /// The newest completed write since the last call, with all before it.
    pub fn take_completed(&mut self) -> Option<u32> {
        self.completed.take()
    }

    fn mark_push(&mut self) {
        let end = self.end();
        let full = self.marks.len() >= MAX_MARKS;
        if let Some((at, Mark::Push)) = self.marks.back_mut() {
            let joins = at.after(self.sliced) && end - *at < PUSH_SPACING;
            if joins || full {
                *at = end;
                return;
            }
        }
        if !full {
            self.marks.push_back((end, Mark::Push));
        }
    }

    /// Where the record that holds `seq` ends.
    fn record_end(&self, seq: SeqNum) -> Option<SeqNum> {
        if self.records == 0 {
            return None;
        }
        let first = self.marks.partition_point(|(at, _)| at.before_eq(seq));
        self.marks.range(first..).find(|(_, mark)| *mark == Mark::Record).map(|(at, _)| *at)
    }
}
