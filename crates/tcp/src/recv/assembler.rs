//! Data out of order: held until the hole before it is filled, and told to the peer by SACK blocks (RFC 9293 §3.10.7.4,
//! RFC 2018 §4).
//!
//! What came first stays; later copies are trimmed. Both the number of holes and the memory that is pinned are bounded:
//! small neighbours are copied together, and at the bound what lies farthest ahead is dropped. The work for a segment grows
//! with the number of holes alone, not with how much is held (the lesson of "SegmentSmack", CVE-2018-5390). Dropping what a
//! SACK block has told of is allowed (RFC 2018 §8): the peer has to keep it until it is acknowledged.

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use limpid_wire::tcp::SackBlock;
use limpid_wire::{Chunk, FramePool, SeqNum};

/// The most ranges that are held, each with a hole before it: what 1 Gb/s and 300 ms hold has not as many holes at 10 % of loss. Each new
/// range moves those behind it. How much lies in the ranges only memory bounds.
pub const MAX_RANGES: usize = 1 << 12;

/// Neighbours up to this length together are copied into one.
const SMALL: usize = 1024;

/// The most recently changed ranges that are remembered for SACK blocks.
const RECENT: usize = 4;

/// The chunks of a range, one behind the other without overlap.
type Run = VecDeque<Chunk>;

/// See the module.
#[derive(Debug, Default)]
pub struct Assembler {
    /// What is held: in order, with holes between.
    ranges: Vec<SackBlock>,
    /// The data of each range.
    runs: Vec<Run>,
    /// A number in each of the ranges that changed last, the newest first.
    recent: ArrayVec<SeqNum, RECENT>,
    /// Runs that are empty again: the next holes take them.
    spare: ArrayVec<Run, RECENT>,
    pinned: usize,
    bytes: u32,
}

impl Assembler {
    /// Nothing is held.
    pub fn new() -> Assembler {
        Assembler::default()
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Bytes held.
    pub fn len(&self) -> u32 {
        self.bytes
    }

    /// Bytes of memory kept alive.
    pub fn pinned(&self) -> usize {
        self.pinned
    }

    /// What is held, in order of sequence numbers: [`MAX_RANGES`] at most.
    pub fn ranges(&self) -> &[SackBlock] {
        &self.ranges
    }

    /// Up to `max` blocks for the SACK option: first the one that holds what came last, then the ones that changed
    /// before it (RFC 2018 §4).
    pub fn sack_blocks(&self, max: usize) -> ArrayVec<SackBlock, 4> {
        let blocks = self.recent.iter().filter_map(|&seq| self.ranges.get(find_range(&self.ranges, seq)?));
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
        while at.before(end) {
            // The first range that reaches beyond `at`.
            let place = self.ranges.partition_point(|r| r.right().before_eq(at));
            let (hole_end, next) = match self.ranges.get(place) {
                Some(range) => (range.left().earlier(end), range.right()),
                None => (end, end),
            };
            if at.before(hole_end) {
                let part = chunk.slice((at - start) as usize..(hole_end - start) as usize);
                added += part.len() as u32;
                self.fill(pool, place, at, part);
                at = hole_end;
            } else {
                at = next;
            }
        }
        self.remember(start);
        added
    }

    /// Takes the first chunk if it begins at `seq` or before, without what lies before.
    pub fn take(&mut self, seq: SeqNum) -> Option<Chunk> {
        loop {
            let first = self.ranges.first().filter(|range| range.left().before_eq(seq))?;
            let (left, right) = (first.left(), first.right());
            let mut chunk = self.runs.first_mut()?.pop_front()?;
            self.let_go(&chunk);
            let end = left + chunk.len() as u32;
            self.set_range(0, end, right);
            self.recent_still_held();
            if end.after(seq) {
                chunk.trim_front((seq - left) as usize);
                return Some(chunk);
            }
        }
    }

    /// Drops what lies farthest ahead until no more than `pinned` bytes of memory and [`MAX_RANGES`] ranges are held;
    /// returns how many bytes of data that cost.
    pub fn prune(&mut self, pinned: usize) -> u32 {
        let before = self.bytes;
        while (self.pinned > pinned || self.ranges.len() > MAX_RANGES) && self.drop_last_chunk() {}
        before - self.bytes
    }

    /// Drops chunks from the last one on, as long as they begin at `seq` or beyond, until `bytes` bytes are gone; returns how many
    /// are.
    pub fn drop_last(&mut self, seq: SeqNum, bytes: u32) -> u32 {
        let before = self.bytes;
        while before - self.bytes < bytes && self.last_begins().is_some_and(|last| last.after_eq(seq)) {
            self.drop_last_chunk();
        }
        before - self.bytes
    }

    /// Drops what lies at `end` or beyond.
    pub fn truncate(&mut self, end: SeqNum) {
        while self.last_begins().is_some_and(|last| last.after_eq(end)) {
            self.drop_last_chunk();
        }
        let Some(range) = self.ranges.last().copied().filter(|range| range.right().after(end)) else { return };
        if let Some(last) = self.runs.last_mut().and_then(Run::back_mut) {
            let beyond = range.right() - end;
            last.truncate(last.len() - beyond as usize);
            self.bytes -= beyond;
        }
        self.set_range(self.ranges.len() - 1, range.left(), end);
        self.recent_still_held();
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Assembler::new();
    }

    /// Puts `chunk`, which begins at `start` and fills a hole before the range at `place` or a part of it, where it belongs: ranges that
    /// it touches become longer, or one.
    fn fill(&mut self, pool: &mut FramePool, place: usize, start: SeqNum, chunk: Chunk) {
        let end = start + chunk.len() as u32;
        self.bytes += chunk.len() as u32;
        let before = place.checked_sub(1).filter(|&at| self.ranges[at].right() == start);
        let after = self.ranges.get(place).filter(|range| range.left() == end).map(|range| range.right());
        match (before, after) {
            (Some(at), after) => {
                self.append(pool, at, chunk);
                self.set_range(at, self.ranges[at].left(), after.unwrap_or(end));
                if after.is_some() {
                    self.join_next(at);
                }
            }
            (None, Some(right)) => {
                let chunk = self.hold(pool, chunk);
                self.runs[place].push_front(chunk);
                self.set_range(place, start, right);
            }
            (None, None) => {
                let Some(range) = SackBlock::new(start, end) else { return };
                let mut run = self.spare.pop().unwrap_or_default();
                run.push_back(self.hold(pool, chunk));
                self.ranges.insert(place, range);
                self.runs.insert(place, run);
            }
        }
    }

    /// Puts `chunk` at the end of a run, or joins it with a small one there.
    fn append(&mut self, pool: &mut FramePool, at: usize, chunk: Chunk) {
        let last = self.runs[at].back_mut().filter(|last| last.len() + chunk.len() <= SMALL);
        let Some(last) = last else {
            let chunk = self.hold(pool, chunk);
            self.runs[at].push_back(chunk);
            return;
        };
        let mut joined = pool.alloc(last.len() + chunk.len());
        let copied = joined.extend_from_slice(last) + joined.extend_from_slice(&chunk);
        debug_assert_eq!(copied, last.len() + chunk.len());
        let joined = joined.freeze(pool);
        self.pinned = self.pinned - last.pinned() + joined.pinned();
        *last = joined;
    }

    /// Copies `chunk` if it is small in a large frame, and counts what it pins.
    fn hold(&mut self, pool: &mut FramePool, chunk: Chunk) -> Chunk {
        let chunk = pool.compact(chunk);
        self.pinned += chunk.pinned();
        chunk
    }

    /// The run behind the one at `at` becomes part of it; the shorter one is moved, so that a chunk is moved a few times at most
    /// in whatever order holes are filled.
    fn join_next(&mut self, at: usize) {
        self.ranges.remove(at + 1);
        let mut next = self.runs.remove(at + 1);
        let run = &mut self.runs[at];
        if run.len() < next.len() {
            core::mem::swap(run, &mut next);
            next.drain(..).rev().for_each(|chunk| run.push_front(chunk));
        } else {
            run.extend(next.drain(..));
        }
        self.reuse(next);
    }

    /// The range at `at` is `left..right` from now on; it goes if that is nothing.
    fn set_range(&mut self, at: usize, left: SeqNum, right: SeqNum) {
        match SackBlock::new(left, right) {
            Some(range) => self.ranges[at] = range,
            None => {
                self.ranges.remove(at);
                let run = self.runs.remove(at);
                self.reuse(run);
            }
        }
    }

    fn reuse(&mut self, run: Run) {
        debug_assert!(run.is_empty());
        if !self.spare.is_full() {
            self.spare.push(run);
        }
    }

    /// Where the last chunk begins.
    fn last_begins(&self) -> Option<SeqNum> {
        Some(self.ranges.last()?.right() - self.runs.last()?.back()?.len() as u32)
    }

    /// False if there is nothing any more.
    fn drop_last_chunk(&mut self) -> bool {
        let Some((range, chunk)) = self.ranges.last().copied().zip(self.runs.last_mut().and_then(Run::pop_back)) else {
            return false;
        };
        self.let_go(&chunk);
        self.set_range(self.ranges.len() - 1, range.left(), range.right() - chunk.len() as u32);
        self.recent_still_held();
        true
    }

    fn let_go(&mut self, chunk: &Chunk) {
        self.pinned -= chunk.pinned();
        self.bytes -= chunk.len() as u32;
    }

    /// The range that holds `start` is the one that changed last.
    fn remember(&mut self, start: SeqNum) {
        let Some(range) = find_range(&self.ranges, start).map(|at| self.ranges[at]) else { return };
        self.recent.retain(|seq| !seq.within(range.left(), range.right()));
        if self.recent.is_full() {
            self.recent.pop();
        }
        self.recent.insert(0, start);
    }

    /// Keeps the recent numbers inside what is held.
    fn recent_still_held(&mut self) {
        let ranges = &self.ranges;
        self.recent.retain(|seq| find_range(ranges, *seq).is_some());
    }
}

fn find_range(ranges: &[SackBlock], seq: SeqNum) -> Option<usize> {
    let at = ranges.partition_point(|r| r.right().before_eq(seq));
    ranges.get(at).filter(|r| r.left().before_eq(seq)).map(|_| at)
}
