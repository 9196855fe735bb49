//! What is written and not sent yet, in the pieces that writes made of it (Linux's write queue of skbs).
//!
//! A piece is filled by one write after the other until it is as long as the largest super-segment; only the end of a record
//! closes it before. When it is its turn to leave it is cut to what may go, or takes from the next what is missing. Where
//! pieces end decides where PSH falls, and which small segment Nagle's algorithm may hold back.

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use limpid_wire::SeqNum;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The number after its last byte.
    end: SeqNum,
    /// Its end says PSH.
    pub push: bool,
    /// A record ends with it: nothing is added to it.
    pub record_end: bool,
}

/// The pieces, in order. Each costs something in the send buffer, which bounds their number.
#[derive(Debug)]
pub struct Pieces {
    list: VecDeque<Piece>,
    /// Where the first begins.
    start: SeqNum,
}

impl Pieces {
    /// There are none; the first byte will have number `start`.
    pub fn new(start: SeqNum) -> Pieces {
        Pieces { list: VecDeque::new(), start }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// Bytes in all.
    pub fn len(&self) -> u32 {
        self.end() - self.start
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number after the last byte.
    pub fn end(&self) -> SeqNum {
        self.list.back().map_or(self.start, |last| last.end)
    }

    /// Length of the first.
    pub fn first_len(&self) -> Option<u32> {
        Some(self.list.front()?.end - self.start)
    }

    /// The first.
    pub fn first(&self) -> Option<&Piece> {
        self.list.front()
    }

    /// The end of the first says PSH.
    pub fn push_first(&mut self) {
        if let Some(first) = self.list.front_mut() {
            first.push = true;
        }
    }

    /// The last.
    pub fn last_mut(&mut self) -> Option<&mut Piece> {
        self.list.back_mut()
    }

    /// How much the last one still takes, if it may be as long as `goal`.
    pub fn room(&self, goal: u32) -> u32 {
        match self.list.back() {
            Some(last) if !last.record_end => goal.saturating_sub(last.end - self.start_of_last()),
            _ => 0,
        }
    }

    fn start_of_last(&self) -> SeqNum {
        let before = self.list.len().checked_sub(2);
        before.map_or(self.start, |at| self.list[at].end)
    }

    /// Begins a new one, which is empty until something is added.
    pub fn open(&mut self) {
        self.list.push_back(Piece { end: self.end(), push: false, record_end: false });
    }

    /// Adds bytes to the last.
    pub fn extend(&mut self, len: u32) {
        if let Some(last) = self.list.back_mut() {
            last.end += len;
        }
    }

    /// The first takes up to `missing` bytes from the second (Linux's `tcp_grow_skb`).
    pub fn grow_first(&mut self, missing: u32) {
        let [first, second] = [self.list.front(), self.list.get(1)].map(|piece| piece.copied());
        let (Some(mut first), Some(second)) = (first, second) else { return };
        if first.record_end {
            return;
        }
        first.end += missing.min(second.end - first.end);
        if first.end == second.end {
            first.push |= second.push;
            first.record_end = second.record_end;
            self.list.remove(1);
        }
        self.list[0] = first;
    }

    /// Takes up to `len` bytes of the first, and says what their end is. What is left of it keeps its marks.
    pub fn take(&mut self, len: u32) -> Piece {
        let end = self.start + len;
        match self.list.front().copied() {
            Some(first) if end.before(first.end) => {
                self.start = end;
                Piece { end, push: false, record_end: false }
            }
            Some(first) => {
                self.start = first.end;
                self.list.pop_front();
                first
            }
            None => Piece { end: self.start, push: false, record_end: false },
        }
    }

    /// Whether the first `len` bytes may leave together: no record ends within them (Linux's
    /// `tcp_can_coalesce_send_queue_head`).
    pub fn can_join(&self, len: u32) -> bool {
        let end = self.start + len;
        let whole = self.list.iter().take_while(|piece| piece.end.before(end));
        self.len() >= len && whole.into_iter().all(|piece| !piece.record_end)
    }

    /// Takes `len` bytes off the front, from as many pieces as it needs, and says what their end is: pushed, if the end of any
    /// piece among them was.
    pub fn take_joined(&mut self, len: u32) -> Piece {
        let end = self.start + len;
        let mut joined = Piece { end, push: false, record_end: false };
        while let Some(first) = self.list.front().copied().filter(|piece| piece.end.before_eq(end)) {
            joined.push |= first.push;
            joined.record_end = first.record_end;
            self.list.pop_front();
        }
        self.start = end;
        joined
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.start = self.end();
        self.list.clear();
    }
}
