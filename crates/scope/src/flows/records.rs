//! What one end has sent of late: what is not acknowledged, and a little of what was, so that repetitions find their
//! originals. Bounded: beyond the bound neighbours are held as one.

use super::pack::{pack_fields, pack_in_place};
use std::collections::VecDeque;

/// The most pieces that are followed; what is sent beyond joins the last one.
pub(super) const MAX_RECORDS: usize = 2048;
/// How many acknowledged ones are remembered.
const HISTORY: usize = 24;
/// How many pieces there is room for at first, and then.
pub(super) const FEW: usize = 4;
const USUAL: usize = 32;
/// How many pieces of a connection that is over are remembered.
const LEFT: usize = 2;

/// A piece of a stream that was sent at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) start: i64,
    pub(super) end: i64,
    /// When it was sent first, and last.
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    /// In which packet first, and last.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Timestamp of its last sending; 0 without.
    pub(super) tsval: u32,
    /// IPv4's identification of its last sending; 0 for none.
    pub(super) ip_id: u16,
    /// How often it was sent.
    pub(super) times: u8,
    pub(super) marks: u8,
}

/// The other end has it, as SACK told.
pub(super) const SACKED: u8 = 1;
/// Several sendings are held as one: its times are those of the first and of the last of them, and no round trip is measured
/// by it.
pub(super) const JOINED: u8 = 2;
/// It came to fill a gap.
pub(super) const FILLED: u8 = 4;

impl Record {
    #[inline]
    pub(super) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

/// What an acknowledgement took off.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Taken {
    /// When the newest of them was sent, if all were sent once, in order, and none had been told of before.
    pub(super) sent_once_at: Option<i64>,
    /// At least one was sent again.
    pub(super) repeated: bool,
    /// Bytes that were never seen.
    pub(super) unseen: u64,
    /// The largest of them, bytes.
    pub(super) largest: u32,
}

/// The most rings of each size that wait for another connection.
const MAX_SPARE: usize = 1024;

/// Rings of connections that are over, for those to come. The one given back last goes first: it is in the cache, and there
/// are as many as connections that say something at once, not as many as there ever are.
#[derive(Debug, Default)]
pub(super) struct Rings {
    left: Vec<VecDeque<Record>>,
    few: Vec<VecDeque<Record>>,
    usual: Vec<VecDeque<Record>>,
}

impl Rings {
    fn of(&mut self, capacity: usize) -> Option<&mut Vec<VecDeque<Record>>> {
        match capacity {
            LEFT => Some(&mut self.left),
            FEW => Some(&mut self.few),
            USUAL => Some(&mut self.usual),
            _ => None,
        }
    }

    /// An empty one with room for exactly so many pieces, if there is one.
    fn take(&mut self, capacity: usize) -> Option<VecDeque<Record>> {
        self.of(capacity)?.pop()
    }

    fn give_back(&mut self, mut ring: VecDeque<Record>) {
        if let Some(spare) = self.of(ring.capacity())
            && spare.len() < MAX_SPARE
        {
            ring.clear();
            spare.push(ring);
        }
    }

    /// Bytes that they take.
    pub(super) fn size(&self) -> usize {
        let sizes = [(&self.left, LEFT), (&self.few, FEW), (&self.usual, USUAL)];
        let size = |(rings, room): (&Vec<VecDeque<Record>>, usize)| {
            rings.capacity() * size_of::<VecDeque<Record>>() + rings.len() * room * size_of::<Record>()
        };
        sizes.into_iter().map(size).sum()
    }
}

/// Pieces in the order of their numbers; they never overlap.
#[derive(Debug, Default)]
pub(super) struct Records {
    ring: VecDeque<Record>,
    /// So many at the front are acknowledged.
    acked: usize,
}

impl Records {
    /// Adds what comes after all that was sent.
    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        if self.ring.len() == self.ring.capacity() {
            self.grow();
        }
        if self.ring.len() >= MAX_RECORDS
            && let Some(last) = self.ring.back_mut()
        {
            (last.end, last.last_at, last.last) = (record.end, record.last_at, record.last);
            last.marks |= JOINED;
            return;
        }
        self.ring.push_back(record);
    }

    /// A connection that says little takes little; one that says more gets room for all that is usual at once.
    #[cold]
    fn grow(&mut self) {
        let len = self.ring.len();
        let room = match len {
            0..FEW => FEW,
            FEW..USUAL => USUAL,
            _ => (len * 2).min(MAX_RECORDS),
        };
        self.ring.reserve_exact(room.saturating_sub(len));
    }

    /// Makes room for the next piece out of what others gave back. Where nothing is there, [`push`](Self::push) makes it.
    #[inline]
    pub(super) fn make_room(&mut self, rings: &mut Rings) {
        if self.ring.len() == self.ring.capacity() {
            self.take_larger(rings);
        }
    }

    #[cold]
    fn take_larger(&mut self, rings: &mut Rings) {
        let room = match self.ring.len() {
            0 => FEW,
            FEW => USUAL,
            _ => return,
        };
        if let Some(mut larger) = rings.take(room) {
            larger.append(&mut self.ring);
            rings.give_back(std::mem::replace(&mut self.ring, larger));
        }
    }

    /// Gives back all.
    pub(super) fn give_back(&mut self, rings: &mut Rings) {
        rings.give_back(std::mem::take(&mut self.ring));
        self.acked = 0;
    }

    /// Where the newest piece that is remembered ends.
    #[inline]
    pub(super) fn end(&self) -> Option<i64> {
        self.ring.back().map(|record| record.end)
    }

    /// How many pieces there is room for.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Gives back what long windows took. The last pieces stay: a FIN whose acknowledgement was lost comes again.
    pub(super) fn shrink(&mut self, rings: &mut Rings) {
        if self.ring.capacity() <= LEFT {
            return;
        }
        let gone = self.ring.len().saturating_sub(LEFT);
        let mut left = rings.take(LEFT).unwrap_or_else(|| VecDeque::with_capacity(LEFT));
        left.extend(self.ring.drain(gone..));
        rings.give_back(std::mem::replace(&mut self.ring, left));
        self.acked = self.acked.saturating_sub(gone);
    }

    /// Joins all that is not acknowledged to one piece, and forgets the rest.
    pub(super) fn join(&mut self) {
        let mut outstanding = self.ring.range(self.acked..);
        let joined = outstanding.next().map(|first| {
            let last = outstanding.next_back().unwrap_or(first);
            let marks = JOINED | outstanding.fold(first.marks & last.marks & SACKED, |all, one| all & one.marks);
            Record { end: last.end, last_at: last.last_at, last: last.last, marks, ..*first }
        });
        self.ring = joined.into_iter().collect();
        self.acked = 0;
    }

    /// Where the piece with the byte at `seq` is, else where one would have to be put.
    pub(super) fn find(&self, seq: i64) -> Result<usize, usize> {
        let at = self.ring.partition_point(|record| record.end <= seq);
        match self.ring.get(at) {
            Some(record) if record.start <= seq => Ok(at),
            _ => Err(at),
        }
    }

    pub(super) fn at(&self, index: usize) -> Option<&Record> {
        self.ring.get(index)
    }

    pub(super) fn at_mut(&mut self, index: usize) -> Option<&mut Record> {
        self.ring.get_mut(index)
    }

    /// Puts a piece that fills a gap where [`find`](Self::find) said.
    pub(super) fn fill(&mut self, index: usize, record: Record, una: i64) {
        if self.ring.len() < MAX_RECORDS {
            if self.ring.len() == self.ring.capacity() {
                self.grow();
            }
            self.ring.insert(index, record);
            if index < self.acked || index == self.acked && record.end <= una {
                self.acked += 1;
                self.forget();
            }
        }
    }

    /// Makes two of the piece at `index`, of which the second begins at `at`; it stays whole where `at` is not inside, or there
    /// is no room.
    pub(super) fn split(&mut self, index: usize, at: i64) -> bool {
        if self.ring.len() >= MAX_RECORDS {
            return false;
        }
        let Some(front) = self.ring.get_mut(index).filter(|piece| piece.start < at && at < piece.end) else {
            return false;
        };
        let behind = Record { start: at, ..*front };
        front.end = at;
        self.ring.insert(index + 1, behind);
        self.acked += usize::from(index < self.acked);
        true
    }

    /// Everything up to `ack` is acknowledged; `una` was before.
    #[inline]
    pub(super) fn acknowledge(&mut self, una: i64, ack: i64) -> Taken {
        let mut taken = Taken::default();
        let (mut cursor, mut clean) = (una, true);
        while let Some(record) = self.ring.get(self.acked)
            && record.end <= ack
        {
            if record.start > cursor {
                taken.unseen += cursor.abs_diff(record.start);
            }
            cursor = cursor.max(record.end);
            taken.repeated |= record.times > 1;
            clean &= record.times == 1 && record.marks == 0;
            let len = if record.is(JOINED) { 0 } else { record.end - record.start };
            taken.largest = taken.largest.max(u32::try_from(len).unwrap_or(0));
            taken.sent_once_at = Some(record.last_at);
            self.acked += 1;
        }
        if cursor < ack {
            let known_from = self.ring.get(self.acked).map_or(ack, |record| record.start.min(ack));
            taken.unseen += if known_from > cursor { cursor.abs_diff(known_from) } else { 0 };
        }
        if !clean {
            taken.sent_once_at = None;
        }
        self.forget();
        taken
    }

    #[inline]
    fn forget(&mut self) {
        while self.acked > HISTORY {
            self.ring.pop_front();
            self.acked -= 1;
        }
    }

    /// Marks what lies in `left..right` as told of by SACK. Answers when the newest of what was told for the first time was
    /// sent, if it was sent once.
    pub(super) fn sack(&mut self, left: i64, right: i64) -> Option<i64> {
        let mut newest = None;
        let from = self.ring.partition_point(|record| record.end <= left);
        for record in self.ring.range_mut(from..) {
            if record.end > right {
                break;
            }
            if record.start >= left && !record.is(SACKED) {
                record.marks |= SACKED;
                newest = (record.times == 1 && !record.is(JOINED | FILLED)).then_some(record.first_at).or(newest);
            }
        }
        newest
    }
}

pack_in_place!(Records { value: acked; list: ring; });
pack_fields!(Record { value: start end first last tsval ip_id times marks; time: first_at last_at; });
