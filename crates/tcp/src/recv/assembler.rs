//! Data out of order: held until the hole before it is filled, and told to the peer by SACK blocks (RFC 9293 §3.10.7.4,
//! RFC 2018 §4).
//!
//! What came first stays; later copies are trimmed. Both the number of pieces and the memory they pin are bounded:
//! small neighbours are copied together, and at the bound what lies farthest ahead is dropped (the lesson of
//! "SegmentSmack", CVE-2018-5390). Dropping what a SACK block has told of is allowed (RFC 2018 §8): the peer has to
//! keep it until it is acknowledged.

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use limpid_wire::tcp::SackBlock;
use limpid_wire::{Chunk, FramePool, SeqNum};

/// The most pieces that are held: as many as a sender has records (`MAX_RECORDS`), so that behind one
/// lost segment a whole window of a long, fast path has its place. Who sends as many pieces with holes between first needs a reader
/// that lets the buffer grow so large.
pub const MAX_PIECES: usize = 1 << 15;

/// Neighbours up to this length together are copied into one.
const SMALL: usize = 1024;

/// The most recently changed ranges that are remembered for SACK blocks.
const RECENT: usize = 4;

/// See the module.
#[derive(Debug)]
pub struct Assembler {
    /// In order, without overlap.
    pieces: VecDeque<Piece>,
    /// What they cover: in order, with holes between.
    ranges: Vec<SackBlock>,
    /// A number in each of the ranges that changed last, the newest first.
    recent: ArrayVec<SeqNum, RECENT>,
    pinned: usize,
    bytes: u32,
}

#[derive(Debug)]
struct Piece {
    start: SeqNum,
    chunk: Chunk,
}

impl Piece {
    fn end(&self) -> SeqNum {
        self.start + self.chunk.len() as u32
    }
}

impl Assembler {
    /// Nothing is held.
    pub fn new() -> Assembler {
        Assembler { pieces: VecDeque::new(), ranges: Vec::new(), recent: ArrayVec::new(), pinned: 0, bytes: 0 }
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes held.
    pub fn len(&self) -> u32 {
        self.bytes
    }

    /// Bytes of memory kept alive.
    pub fn pinned(&self) -> usize {
        self.pinned
    }

    /// Number of pieces: [`MAX_PIECES`] at most.
    pub fn count(&self) -> usize {
        self.pieces.len()
    }

    /// What is held, in order of sequence numbers.
    pub fn ranges(&self) -> &[SackBlock] {
        &self.ranges
    }

    /// Up to `max` blocks for the SACK option: first the one that holds what came last, then the ones that changed
    /// before it (RFC 2018 §4).
    pub fn sack_blocks(&self, max: usize) -> ArrayVec<SackBlock, 4> {
        let blocks = self.recent.iter().filter_map(|&seq| self.ranges.get(self.range_of(seq)?));
        blocks.copied().take(max).collect()
    }

    /// The first part of `start..end` that is held already.
    pub fn overlap(&self, start: SeqNum, end: SeqNum) -> Option<SackBlock> {
        let first = self.ranges.partition_point(|r| r.right().before_eq(start));
        let range = self.ranges.get(first).filter(|r| r.left().before(end))?;
        SackBlock::new(range.left().later(start), range.right().earlier(end))
    }

    /// Holds what is new in `chunk`; returns how many bytes that were.
    pub fn insert(&mut self, pool: &mut FramePool, start: SeqNum, chunk: Chunk) -> u32 {
        let end = start + chunk.len() as u32;
        let mut added = 0;
        let mut at = start;
        let mut place = self.pieces.partition_point(|p| p.end().before_eq(start));
        while at.before(end) {
            let (gap_end, next) = match self.pieces.get(place) {
                Some(piece) => (piece.start.earlier(end), piece.end()),
                None => (end, end),
            };
            if at.before(gap_end) {
                let part = chunk.slice((at - start) as usize..(gap_end - start) as usize);
                added += part.len() as u32;
                place += usize::from(self.put(pool, place, at, part));
            }
            at = next.later(gap_end);
            place += 1;
        }
        self.cover(start, end);
        added
    }

    /// Takes the first piece if it begins at `seq` or before, without what lies before.
    pub fn take(&mut self, seq: SeqNum) -> Option<Chunk> {
        loop {
            let first = self.pieces.front()?;
            if first.start.after(seq) {
                return None;
            }
            let Piece { start, mut chunk } = self.pieces.pop_front()?;
            self.pinned -= chunk.pinned();
            self.bytes -= chunk.len() as u32;
            let end = start + chunk.len() as u32;
            self.uncover_front(end);
            if end.after(seq) {
                chunk.trim_front((seq - start) as usize);
                return Some(chunk);
            }
        }
    }

    /// Drops what lies farthest ahead until no more than `pinned` bytes of memory and [`MAX_PIECES`] pieces are held;
    /// returns how many bytes of data that cost.
    pub fn prune(&mut self, pinned: usize) -> u32 {
        let before = self.bytes;
        while self.pinned > pinned || self.pieces.len() > MAX_PIECES {
            let Some(last) = self.pieces.pop_back() else { break };
            self.forget_last(&last);
        }
        before - self.bytes
    }

    /// Drops pieces from the last one on, as long as they begin at `seq` or beyond, until `bytes` bytes are gone; returns how many
    /// are.
    pub fn drop_last(&mut self, seq: SeqNum, bytes: u32) -> u32 {
        let before = self.bytes;
        while before - self.bytes < bytes
            && self.pieces.back().is_some_and(|last| last.start.after_eq(seq))
            && let Some(last) = self.pieces.pop_back()
        {
            self.forget_last(&last);
        }
        before - self.bytes
    }

    fn forget_last(&mut self, last: &Piece) {
        self.pinned -= last.chunk.pinned();
        self.bytes -= last.chunk.len() as u32;
        self.uncover_back(last.start);
    }

    /// Drops what lies at `end` or beyond.
    pub fn truncate(&mut self, end: SeqNum) {
        while let Some(last) = self.pieces.back_mut().filter(|p| p.end().after(end)) {
            let keep = end.offset_from(last.start).max(0) as usize;
            self.bytes -= (last.chunk.len() - keep) as u32;
            last.chunk.truncate(keep);
            if keep == 0 {
                self.pinned -= last.chunk.pinned();
                self.pieces.pop_back();
            }
        }
        while let Some(last) = self.ranges.pop() {
            if let Some(rest) = SackBlock::new(last.left(), last.right().earlier(end)) {
                self.ranges.push(rest);
                break;
            }
        }
        self.recent_still_held();
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Assembler::new();
    }

    /// Puts a piece at `place`, or joins it with a small neighbour before it. Returns true if it became a piece of its
    /// own.
    fn put(&mut self, pool: &mut FramePool, place: usize, start: SeqNum, chunk: Chunk) -> bool {
        self.bytes += chunk.len() as u32;
        let neighbour = place.checked_sub(1).and_then(|i| self.pieces.get_mut(i));
        let joins = |before: &&mut Piece| before.end() == start && before.chunk.len() + chunk.len() <= SMALL;
        if let Some(before) = neighbour.filter(joins) {
            let mut joined = pool.alloc(before.chunk.len() + chunk.len());
            let copied = joined.extend_from_slice(&before.chunk) + joined.extend_from_slice(&chunk);
            debug_assert_eq!(copied, before.chunk.len() + chunk.len());
            let joined = joined.freeze(pool);
            self.pinned = self.pinned - before.chunk.pinned() + joined.pinned();
            before.chunk = joined;
            return false;
        }
        let chunk = pool.compact(chunk);
        self.pinned += chunk.pinned();
        self.pieces.insert(place, Piece { start, chunk });
        true
    }

    /// Adds `start..end` to the ranges and joins those that it touches.
    fn cover(&mut self, start: SeqNum, end: SeqNum) {
        let first = self.ranges.partition_point(|r| r.right().before(start));
        let last = self.ranges.partition_point(|r| r.left().before_eq(end));
        let (mut left, mut right) = (start, end);
        for range in &self.ranges[first..last] {
            left = left.earlier(range.left());
            right = right.later(range.right());
        }
        let Some(whole) = SackBlock::new(left, right) else { return };
        if first < last {
            self.ranges[first] = whole;
            self.ranges.drain(first + 1..last);
        } else {
            self.ranges.insert(first, whole);
        }
        self.recent.retain(|seq| !seq.within(left, right));
        if self.recent.is_full() {
            self.recent.pop();
        }
        self.recent.insert(0, start);
    }

    fn uncover_front(&mut self, end: SeqNum) {
        if let Some(first) = self.ranges.first_mut() {
            match SackBlock::new(end.later(first.left()), first.right()) {
                Some(rest) => *first = rest,
                None => {
                    self.ranges.remove(0);
                }
            }
        }
        self.recent_still_held();
    }

    fn uncover_back(&mut self, start: SeqNum) {
        if let Some(last) = self.ranges.last_mut() {
            match SackBlock::new(last.left(), start.earlier(last.right())) {
                Some(rest) => *last = rest,
                None => {
                    self.ranges.pop();
                }
            }
        }
        self.recent_still_held();
    }

    /// Keeps the recent numbers inside what is held.
    fn recent_still_held(&mut self) {
        let ranges = &self.ranges;
        self.recent.retain(|seq| find_range(ranges, *seq).is_some());
    }

    fn range_of(&self, seq: SeqNum) -> Option<usize> {
        find_range(&self.ranges, seq)
    }
}

impl Default for Assembler {
    fn default() -> Assembler {
        Assembler::new()
    }
}

fn find_range(ranges: &[SackBlock], seq: SeqNum) -> Option<usize> {
    let at = ranges.partition_point(|r| r.right().before_eq(seq));
    ranges.get(at).filter(|r| r.left().before_eq(seq)).map(|_| at)
}
