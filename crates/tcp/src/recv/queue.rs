//! The receive queue: what the application can read, and behind it what came out of order (RFC 9293 §3.10.7.4,
//! "seventh, process the segment text").
//!
//! It trims what was received before and what lies outside the window, finds where the peer's FIN is, and tells what an
//! ACK has to say. Memory is bounded: data in order is taken as long as it is inside the window that was offered; data
//! out of order gets what is left of the buffer, and is dropped for data in order, never the other way round.

#[cfg(test)]
mod tests;

use super::Assembler;
use crate::byte_queue::ByteQueue;
use alloc::boxed::Box;
use arrayvec::ArrayVec;
use limpid_wire::tcp::SackBlock;
use limpid_wire::{Chunk, Chunks, FramePool, SeqNum};

/// See the module.
#[derive(Debug)]
pub struct RecvQueue {
    ready: ByteQueue,
    /// Only while something is out of order.
    ahead: Option<Box<Assembler>>,
    /// The number of the peer's FIN.
    fin: Option<SeqNum>,
    /// RCV.NXT is after the FIN.
    fin_received: bool,
    /// What was received twice, to be told by the next ACK (RFC 2883).
    duplicate: Option<SackBlock>,
}

/// What came of received data.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Inserted {
    /// Bytes that became readable.
    pub ready: u32,
    /// RCV.NXT went over the FIN: nothing more will come.
    pub fin: bool,
    /// Bytes that are held out of order.
    pub ahead: u32,
    /// All of it, or a part, had been received before.
    pub duplicate: bool,
    /// A hole was filled, in whole or in part: acknowledge at once (RFC 5681 §4.2).
    pub filled: bool,
    /// Bytes out of order that were dropped at the bound.
    pub dropped: u32,
}

impl RecvQueue {
    /// An empty queue; the first byte will have number `start` (IRS + 1).
    pub fn new(start: SeqNum) -> RecvQueue {
        RecvQueue { ready: ByteQueue::new(start), ahead: None, fin: None, fin_received: false, duplicate: None }
    }

    /// Nothing is held, and nothing is known that an empty queue does not know.
    pub(crate) fn is_at_rest(&self) -> bool {
        let told = self.ahead.is_none() && self.fin.is_none() && self.duplicate.is_none();
        self.is_empty() && told && !self.fin_received
    }

    /// RCV.NXT: after the last byte in order, and after the FIN once it is reached.
    pub fn rcv_nxt(&self) -> SeqNum {
        self.ready.end() + u32::from(self.fin_received)
    }

    /// Number of the first byte not read.
    pub fn read_seq(&self) -> SeqNum {
        self.ready.start()
    }

    /// Bytes that can be read.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Bytes that came in one piece and are read next.
    pub fn first_len(&self) -> usize {
        self.ready.first_len()
    }

    /// True if nothing can be read.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// True if the peer's FIN was reached: after the bytes that can be read comes the end of the stream.
    pub fn is_finished(&self) -> bool {
        self.fin_received
    }

    /// Bytes of memory kept alive, in order and out of order.
    pub fn pinned(&self) -> usize {
        self.ready.pinned() + self.ahead.as_ref().map_or(0, |a| a.pinned())
    }

    /// True if something is held out of order, if only a FIN.
    pub fn has_holes(&self) -> bool {
        self.ahead.is_some() || (self.fin.is_some() && !self.fin_received)
    }

    /// The number after the last byte held out of order: the end of the highest SACK block.
    pub fn highest_end(&self) -> Option<SeqNum> {
        let ahead = self.ahead.as_ref().and_then(|a| a.ranges().last()).map(|range| range.right());
        self.fin_ahead().map(|fin| fin + 1).or(ahead)
    }

    /// The number of a FIN that has come before what is before it.
    fn fin_ahead(&self) -> Option<SeqNum> {
        self.fin.filter(|_| !self.fin_received)
    }

    /// A FIN has come before what is before it, and nothing else.
    pub fn is_only_fin_ahead(&self) -> bool {
        self.fin_ahead().is_some() && self.ahead() == 0
    }

    /// Bytes held out of order.
    pub fn ahead(&self) -> u32 {
        self.ahead.as_ref().map_or(0, |a| a.len())
    }

    /// Up to `max` blocks for the SACK option, the one that changed last first.
    pub fn sack_blocks(&self, max: usize) -> ArrayVec<SackBlock, 4> {
        let mut blocks = self.ahead.as_ref().map_or_else(ArrayVec::new, |a| a.sack_blocks(max));
        let Some(fin) = self.fin_ahead() else { return blocks };
        let Some(alone) = SackBlock::new(fin, fin + 1) else { return blocks };
        // A FIN takes a number, too.
        match blocks.iter_mut().find(|block| block.right() == fin) {
            Some(last) => *last = extended(*last, alone),
            None if self.ahead.as_ref().is_some_and(|a| a.ranges().last().is_some_and(|r| r.right() == fin)) => {}
            None => {
                blocks.truncate(max.saturating_sub(1));
                blocks.try_insert(0, alone).ok();
            }
        }
        blocks
    }

    /// `start..end` came again, in a segment that was not let as far as [`insert`](Self::insert).
    pub fn note_duplicate(&mut self, start: SeqNum, end: SeqNum) {
        self.duplicate = SackBlock::new(start, end.earlier(self.rcv_nxt()));
    }

    /// There is something to be told by SACK: what is out of order, or came twice.
    #[inline]
    pub fn tells_selectively(&self) -> bool {
        self.duplicate.is_some() || self.has_holes()
    }

    /// What was received twice since the last [`take_duplicate`](Self::take_duplicate).
    pub fn duplicate(&self) -> Option<SackBlock> {
        self.duplicate
    }

    /// What was received twice since the last call, for a D-SACK block.
    pub fn take_duplicate(&mut self) -> Option<SackBlock> {
        self.duplicate.take()
    }

    /// Takes a segment's data, which begins at `seq` (after SYN), and its FIN. What lies at `right_edge` or beyond is
    /// outside the window and dropped, with the FIN. `capacity` is the buffer's size.
    pub fn insert(
        &mut self,
        pool: &mut FramePool,
        seq: SeqNum,
        payload: Chunks,
        fin: bool,
        right_edge: SeqNum,
        capacity: usize,
    ) -> Inserted {
        let mut result = Inserted::default();
        // What was told to have come twice is forgotten if its ACK has not left by now.
        self.duplicate = None;
        let end = seq + payload.len() as u32;
        let fin_again = fin && self.fin_ahead() == Some(end);
        let whole = SackBlock::new(seq, end + u32::from(fin));
        let (seq, payload) = self.trim(seq, payload, right_edge, &mut result);
        if fin && end.before_eq(right_edge) {
            self.note_fin(end);
        }
        if !payload.is_empty() {
            if seq == self.ready.end() {
                self.insert_ready(pool, payload, &mut result);
            } else {
                self.insert_ahead(pool, seq, payload, &mut result);
            }
        }
        // All of it came before, with the FIN.
        if fin_again && result.ahead == 0 && result.ready == 0 {
            result.duplicate = true;
            self.duplicate = whole;
        }
        if let Some(ahead) = &mut self.ahead {
            result.dropped = ahead.prune(capacity.saturating_mul(2).saturating_sub(self.ready.pinned()));
            if ahead.is_empty() {
                self.ahead = None;
            }
        }
        if !self.fin_received && self.fin == Some(self.ready.end()) {
            self.fin_received = true;
            result.fin = true;
            // As Linux: with the FIN there is nothing left to be told selectively.
            self.duplicate = None;
        }
        result
    }

    /// Copies the first bytes to `buf` and takes them; returns how many.
    pub fn read(&mut self, pool: &mut FramePool, buf: &mut [u8]) -> usize {
        let n = self.peek(buf);
        self.ready.trim_front(pool, n);
        n
    }

    /// Copies the first bytes to `buf`; returns how many.
    pub fn peek(&self, buf: &mut [u8]) -> usize {
        self.ready.copy_to(self.ready.start(), buf)
    }

    /// Takes the first bytes, `max` at most, without copying.
    pub fn read_chunk(&mut self, pool: &mut FramePool, max: usize) -> Option<Chunk> {
        if max == 0 { None } else { self.ready.pop(pool, max) }
    }

    /// Takes `n` bytes unseen; returns how many there were.
    pub fn discard(&mut self, pool: &mut FramePool, n: usize) -> usize {
        let n = n.min(self.len());
        self.ready.trim_front(pool, n);
        n
    }

    /// Drops what lies farthest ahead, beyond `seq` at least, until `bytes` of it are gone; returns how many are.
    pub fn prune_ahead(&mut self, seq: SeqNum, bytes: u32) -> u32 {
        let Some(ahead) = &mut self.ahead else { return 0 };
        let dropped = ahead.drop_last(seq, bytes);
        if ahead.is_empty() {
            self.ahead = None;
        }
        dropped
    }

    /// Drops what is out of order: there is no memory, or no reader.
    pub fn drop_ahead(&mut self) {
        self.ahead = None;
    }

    /// Takes off what was received before, what lies beyond the FIN, and what is outside the window.
    fn trim(
        &mut self,
        mut seq: SeqNum,
        mut payload: Chunks,
        right_edge: SeqNum,
        result: &mut Inserted,
    ) -> (SeqNum, Chunks) {
        let nxt = self.ready.end();
        let end = seq + payload.len() as u32;
        if seq.before(nxt) && !payload.is_empty() {
            let old = ((nxt - seq) as usize).min(payload.len());
            self.duplicate = SackBlock::new(seq, end.earlier(nxt));
            result.duplicate = true;
            payload.trim_front(old);
            seq += old as u32;
        }
        let limit = self.fin.map_or(right_edge, |fin| fin.earlier(right_edge));
        if end.after(limit) {
            let keep = limit.offset_from(seq).max(0) as usize;
            payload.truncate(keep);
        }
        (seq, payload)
    }

    /// The peer's FIN has number `fin`. The first one counts; what was told to lie beyond it can't be data.
    fn note_fin(&mut self, fin: SeqNum) {
        if self.fin.is_none() && fin.after_eq(self.ready.end()) {
            self.fin = Some(fin);
            if let Some(ahead) = &mut self.ahead {
                ahead.truncate(fin);
            }
        }
    }

    fn insert_ready(&mut self, pool: &mut FramePool, payload: Chunks, result: &mut Inserted) {
        let before = self.ready.end();
        for chunk in payload {
            self.ready.push(pool, chunk);
        }
        if let Some(ahead) = &mut self.ahead {
            result.filled = true;
            let told = ahead.ranges().first().copied();
            if let Some(block) = told.and_then(|r| SackBlock::new(r.left(), r.right().earlier(self.ready.end()))) {
                self.duplicate = Some(self.duplicate.map_or(block, |before| extended(before, block)));
                result.duplicate = true;
            }
            while let Some(chunk) = ahead.take(self.ready.end()) {
                self.ready.push(pool, chunk);
            }
        }
        debug_assert!(self.fin.is_none_or(|fin| self.ready.end().before_eq(fin)), "data beyond FIN");
        result.ready = self.ready.end() - before;
    }

    fn insert_ahead(&mut self, pool: &mut FramePool, seq: SeqNum, payload: Chunks, result: &mut Inserted) {
        let ahead = self.ahead.get_or_insert_default();
        let overlap = ahead.overlap(seq, seq + payload.len() as u32);
        let (mut at, len) = (seq, payload.len() as u32);
        for chunk in payload {
            let next = at + chunk.len() as u32;
            result.ahead += ahead.insert(pool, at, chunk);
            at = next;
        }
        if result.ahead < len {
            result.duplicate = true;
            self.duplicate = overlap;
        }
    }
}

/// `block` made larger by another that touches it (RFC 2883 §4: one block tells of one range).
fn extended(block: SackBlock, other: SackBlock) -> SackBlock {
    let touches = !other.left().after(block.right()) && !block.left().after(other.right());
    let (left, right) = (block.left().earlier(other.left()), block.right().later(other.right()));
    SackBlock::new(left, right).filter(|_| touches).unwrap_or(block)
}
