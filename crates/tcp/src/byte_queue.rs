//! A queue of bytes in chunks, addressed by sequence number: what lies under both the send queue and the receive queue.
//!
//! Large chunks are held as they are; small ones are copied together into an open tail frame, so that one byte never
//! pins a frame. Nothing is allocated before the first byte, and an empty queue holds no frame.

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use limpid_wire::{Chunk, Chunks, FrameMut, FramePool, SeqNum};

/// The largest frame that bytes are copied into which are written little by little.
const MAX_TAIL: usize = 16 * 1024;

/// So many that are written at once, a super-segment's, get a frame for themselves.
const WHOLE_FROM: usize = 3 * MAX_TAIL;

/// Chunks of at most so many bytes are copied into the tail rather than held.
const SMALL: usize = 64;

/// Written chunks shorter than this are copied: that costs less than sharing them, and many of them make few entries.
const SHARED_FROM: usize = 512;

/// Room for so many chunks is kept when the queue runs empty: a default window of segments.
const KEEP: usize = 64;

/// Bytes with sequence numbers from [`start`](Self::start) to [`end`](Self::end).
#[derive(Debug)]
pub(crate) struct ByteQueue {
    entries: VecDeque<Entry>,
    /// Bytes after the last entry, still open for more.
    tail: Option<FrameMut>,
    /// How many bytes of the tail were taken from its front already (there are no entries then).
    tail_taken: u32,
    start: SeqNum,
    end: SeqNum,
    /// Size of the last tail that filled up without being shared; the next one is larger.
    grown: u32,
    /// The entry that the next sequential `slice` begins in.
    hint: u32,
    pinned: usize,
}

#[derive(Debug)]
struct Entry {
    start: SeqNum,
    chunk: Chunk,
}

impl Entry {
    fn end(&self) -> SeqNum {
        self.start + self.chunk.len() as u32
    }
}

impl ByteQueue {
    /// An empty queue whose first byte will have number `start`.
    pub(crate) fn new(start: SeqNum) -> ByteQueue {
        ByteQueue {
            entries: VecDeque::new(),
            tail: None,
            tail_taken: 0,
            start,
            end: start,
            grown: 0,
            hint: 0,
            pinned: 0,
        }
    }

    /// Number of the first byte.
    pub(crate) fn start(&self) -> SeqNum {
        self.start
    }

    /// The number after the last byte.
    pub(crate) fn end(&self) -> SeqNum {
        self.end
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// True if there is no byte.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes of memory kept alive.
    pub(crate) fn pinned(&self) -> usize {
        self.pinned
    }

    /// Copies `bytes` to the end.
    pub(crate) fn write(&mut self, pool: &mut FramePool, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            if self.tail.as_ref().is_none_or(|tail| tail.remaining() == 0) {
                self.open_tail(pool, left.len());
            }
            let tail = self.tail.as_mut().expect("the tail was opened");
            let n = tail.extend_from_slice(left);
            left = &left[n..];
            self.end += n as u32;
        }
    }

    /// Puts a chunk at the end: holds it, or copies it if it is small.
    pub(crate) fn push(&mut self, pool: &mut FramePool, chunk: Chunk) {
        if chunk.len() <= SMALL || chunk.is_wasteful() {
            self.write(pool, &chunk);
        } else {
            self.append(pool, chunk);
        }
    }

    /// Holds a chunk at the end.
    fn append(&mut self, pool: &mut FramePool, chunk: Chunk) {
        self.close_tail(pool);
        self.grown = 0;
        let start = self.end;
        self.end += chunk.len() as u32;
        self.hold(start, chunk);
    }

    /// Moves the first `n` bytes of a written chunk to the end: holds them, or copies them if the chunk is short or would
    /// waste memory. Parts of a chunk that come one after the other are held as one, however small they are.
    pub(crate) fn push_part(&mut self, pool: &mut FramePool, chunk: &mut Chunk, n: usize) {
        let copy = chunk.len() < SHARED_FROM || chunk.is_wasteful();
        let part = chunk.split_to(n);
        if self.tail.is_none() && self.entries.back_mut().is_some_and(|last| last.chunk.join(&part)) {
            self.end += n as u32;
        } else if copy {
            self.write(pool, &part);
        } else {
            self.append(pool, part);
        }
    }

    /// The bytes from `seq` on, at most `len`: fewer if there are no more, or if they lie in more chunks than a list
    /// takes. Constant time if `seq` is where the last slice ended, logarithmic otherwise.
    pub(crate) fn slice(&mut self, pool: &mut FramePool, seq: SeqNum, len: usize) -> Chunks {
        let mut chunks = Chunks::new();
        if len == 0 || !seq.within(self.start, self.end) {
            return chunks;
        }
        let len = len.min((self.end - seq) as usize);
        if self.entries.back().is_none_or(|last| last.end().before(seq + len as u32)) {
            self.close_tail(pool);
        }
        let mut at = self.find(seq);
        let mut skip = (seq - self.entries[at].start) as usize;
        while chunks.len() < len {
            let chunk = &self.entries[at].chunk;
            let n = (chunk.len() - skip).min(len - chunks.len());
            if chunks.push(chunk.slice(skip..skip + n)).is_err() {
                break;
            }
            let whole = skip + n == chunk.len();
            skip = 0;
            if whole {
                at += 1;
            }
        }
        self.hint = at as u32;
        chunks
    }

    /// The same bytes as [`slice`](Self::slice) would give if a list took any number of chunks, copied into one.
    pub(crate) fn gather(&mut self, pool: &mut FramePool, seq: SeqNum, len: usize) -> Chunks {
        let mut frame = pool.alloc(len);
        loop {
            let wanted = (len - frame.len()).min(frame.remaining());
            let part = self.slice(pool, seq + frame.len() as u32, wanted);
            if part.is_empty() {
                break;
            }
            let copied: usize = part.iter().map(|chunk| frame.extend_from_slice(chunk)).sum();
            debug_assert_eq!(copied, part.len());
        }
        let mut chunks = Chunks::new();
        // An empty list has room.
        let _ = chunks.push(frame.freeze(pool));
        chunks
    }

    /// Copies bytes from `seq` on to `buf`; returns how many.
    pub(crate) fn copy_to(&self, seq: SeqNum, buf: &mut [u8]) -> usize {
        if !seq.within(self.start, self.end) {
            return 0;
        }
        let len = buf.len().min((self.end - seq) as usize);
        let mut copied = 0;
        if let Some(first) = self.position(seq) {
            let mut skip = (seq - self.entries[first].start) as usize;
            for entry in self.entries.range(first..) {
                let n = (entry.chunk.len() - skip).min(len - copied);
                buf[copied..copied + n].copy_from_slice(&entry.chunk[skip..skip + n]);
                copied += n;
                skip = 0;
                if copied == len {
                    return len;
                }
            }
        }
        let tail = self.tail.as_ref().expect("bytes after the last entry lie in the tail");
        let from = tail.len() - (self.end - (seq + copied as u32)) as usize;
        buf[copied..len].copy_from_slice(&tail.as_slice()[from..from + len - copied]);
        len
    }

    /// The length of the first chunk.
    pub(crate) fn first_len(&self) -> usize {
        self.entries.front().map_or(0, |first| first.chunk.len())
    }

    /// Takes the first chunk, up to `max` bytes of it, without copying.
    pub(crate) fn pop(&mut self, pool: &mut FramePool, max: usize) -> Option<Chunk> {
        if self.entries.is_empty() {
            self.close_tail(pool);
        }
        let first = self.entries.front()?;
        let n = first.chunk.len().min(max);
        let chunk = first.chunk.slice(0..n);
        self.trim_front(pool, n);
        Some(chunk)
    }

    /// Forgets the first `n` bytes (all of them, if there are no more).
    pub(crate) fn trim_front(&mut self, pool: &mut FramePool, n: usize) {
        self.start += n.min(self.len()) as u32;
        let start = self.start;
        while let Some(first) = self.entries.front_mut() {
            if first.start.before(start) && start.before(first.end()) {
                let cut = (start - first.start) as usize;
                first.chunk.trim_front(cut);
                first.start = start;
            }
            if first.start.after_eq(start) {
                return;
            }
            self.pinned -= first.chunk.pinned();
            self.entries.pop_front();
            self.hint = self.hint.saturating_sub(1);
        }
        if self.is_empty() {
            self.release(pool);
        } else if let Some(tail) = &self.tail {
            self.tail_taken = tail.len() as u32 - (self.end - start);
        }
    }

    /// Runs empty: gives the tail back, and room that a busy time left behind.
    fn release(&mut self, pool: &mut FramePool) {
        if let Some(tail) = self.tail.take() {
            self.pinned -= tail.capacity();
            pool.recycle(tail);
        }
        self.tail_taken = 0;
        self.grown = 0;
        if self.entries.capacity() > KEEP {
            self.entries = VecDeque::new();
        }
    }

    fn open_tail(&mut self, pool: &mut FramePool, wanted: usize) {
        self.close_tail(pool);
        let most = if wanted < WHOLE_FROM { MAX_TAIL } else { FramePool::MAX_FRAME };
        // A tail that filled up is followed by a larger one: a steady trickle ends in large frames.
        let tail = pool.alloc(wanted.max(self.grown as usize * 2).min(most));
        self.grown = tail.capacity().min(MAX_TAIL / 2) as u32;
        self.pinned += tail.capacity();
        self.tail = Some(tail);
    }

    /// Makes an entry of the tail, so that it can be shared.
    fn close_tail(&mut self, pool: &mut FramePool) {
        let Some(tail) = self.tail.take() else { return };
        self.pinned -= tail.capacity();
        if tail.remaining() > 0 {
            self.grown = 0;
        }
        let mut chunk = tail.freeze(pool);
        chunk.trim_front(core::mem::take(&mut self.tail_taken) as usize);
        if !chunk.is_empty() {
            let start = self.end - chunk.len() as u32;
            self.hold(start, chunk);
        }
    }

    fn hold(&mut self, start: SeqNum, chunk: Chunk) {
        self.pinned += chunk.pinned();
        self.entries.push_back(Entry { start, chunk });
    }

    /// The entry that holds `seq`, which must be one's.
    fn find(&self, seq: SeqNum) -> usize {
        let hint = self.hint as usize;
        if self.entries.get(hint).is_some_and(|e| seq.within(e.start, e.end())) {
            return hint;
        }
        self.position(seq).expect("the sequence number is in the queue")
    }

    fn position(&self, seq: SeqNum) -> Option<usize> {
        let after = self.entries.partition_point(|e| e.start.before_eq(seq));
        let at = after.checked_sub(1)?;
        seq.before(self.entries[at].end()).then_some(at)
    }
}
