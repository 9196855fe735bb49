//! What one end has sent of late: what is not acknowledged, and a little of what was, so that repetitions find their
//! originals. Bounded: beyond the bound neighbours are held as one.

use super::pack::{Pack, Packer, Unpacker, pack_fields, pack_in_place};
use std::collections::VecDeque;

/// The most pieces that are followed; what is sent beyond joins the last one.
pub(super) const MAX_RECORDS: usize = 2048;
/// How many acknowledged ones are remembered.
const HISTORY: usize = 24;
/// How many pieces there is room for at first, and then.
pub(super) const FEW: usize = 8;
const USUAL: usize = 32;
/// How many pieces of a connection that is over are remembered.
const LEFT: usize = 2;

/// A piece of a stream that was sent at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
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

impl Piece {
    #[inline]
    pub(super) fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

/// A piece as it is kept: half a line of the cache, for most of what many connections have in it is pieces. When and in which
/// packet it was sent first stands apart, where that is not the last time, too ([`First`]).
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// When it was sent last.
    at: i64,
    /// The low and the high bits of where it starts: 48 of them, a hundred terabytes either way.
    start_low: u32,
    len: u32,
    tsval: u32,
    /// The number of the packet that it was sent in last: 48 bits, too.
    number_low: u32,
    start_high: i16,
    number_high: u16,
    ip_id: u16,
    times: u8,
    marks: u8,
}

const _: () = assert!(size_of::<Record>() == 32);

impl Record {
    /// Of a piece that was not sent before. One that is longer than 4 GiB forgets how it began.
    #[inline]
    fn new(piece: &Piece) -> Record {
        let start = piece.start.max(piece.end.saturating_sub(u32::MAX.into()));
        Record {
            at: piece.last_at,
            start_low: start as u32,
            start_high: (start >> 32) as i16,
            len: (piece.end - start) as u32,
            tsval: piece.tsval,
            number_low: piece.last as u32,
            number_high: (piece.last >> 32) as u16,
            ip_id: piece.ip_id,
            times: piece.times,
            marks: piece.marks,
        }
    }

    #[inline]
    fn start(&self) -> i64 {
        i64::from(self.start_high) << 32 | i64::from(self.start_low)
    }

    #[inline]
    fn end(&self) -> i64 {
        self.start() + i64::from(self.len)
    }

    #[inline]
    fn number(&self) -> u64 {
        u64::from(self.number_high) << 32 | u64::from(self.number_low)
    }

    #[inline]
    fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// Where it starts, if all from `before` on may be of it: one that forgot how it began began there.
    #[inline]
    fn start_after(&self, before: i64) -> i64 {
        if self.len == u32::MAX { self.start().min(before) } else { self.start() }
    }

    /// Several sendings of it are known.
    #[inline]
    fn has_first(&self) -> bool {
        self.times > 1 || self.is(JOINED)
    }
}

/// The first sending of pieces that were sent again, or that are several sendings in one.
#[derive(Clone, Copy, Debug)]
struct First {
    /// Which numbers it is of.
    start: i64,
    end: i64,
    at: i64,
    number: u64,
}

/// The other end has it, as SACK told.
pub(super) const SACKED: u8 = 1;
/// Several sendings are held as one: its times are those of the first and of the last of them, and no round trip is measured
/// by it.
pub(super) const JOINED: u8 = 2;
/// It came to fill a gap.
pub(super) const FILLED: u8 = 4;

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
    /// In their order; they never overlap.
    firsts: VecDeque<First>,
}

impl Records {
    /// Adds what comes after all that was sent.
    #[inline]
    pub(super) fn push(&mut self, piece: &Piece) {
        if self.ring.len() == self.ring.capacity() {
            self.grow();
        }
        if self.ring.len() >= MAX_RECORDS {
            return self.join_last(piece);
        }
        self.ring.push_back(Record::new(piece));
    }

    /// Makes the newest piece one with what follows it.
    #[cold]
    fn join_last(&mut self, piece: &Piece) {
        let Some(index) = self.ring.len().checked_sub(1) else { return };
        self.note_first(index);
        let Some(last) = self.ring.get_mut(index) else { return };
        let (start, marks, times) = (last.start(), last.marks | JOINED, last.times);
        let (tsval, ip_id) = (last.tsval, last.ip_id);
        *last = Record::new(&Piece { start, marks, times, tsval, ip_id, ..*piece });
        if let Some(first) = self.firsts.back_mut() {
            first.end = piece.end;
        }
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
        self.firsts = VecDeque::new();
    }

    /// Where the newest piece that is remembered ends.
    #[inline]
    pub(super) fn end(&self) -> Option<i64> {
        self.ring.back().map(Record::end)
    }

    /// How many pieces there is room for.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Bytes of what is remembered of first sendings.
    #[inline]
    pub(super) fn of_firsts(&self) -> usize {
        self.firsts.capacity() * size_of::<First>()
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
        self.forget_firsts();
        self.firsts.shrink_to_fit();
    }

    /// Joins all that is not acknowledged to one piece, and forgets the rest.
    pub(super) fn join(&mut self) {
        let piece = self.at(self.acked);
        let joined = piece.map(|first| {
            let outstanding = self.ring.range(self.acked..);
            let marks = JOINED | outstanding.fold(SACKED, |all, one| all & one.marks);
            let last = self
                .ring
                .back()
                .map_or((first.end, first.last_at, first.last), |last| (last.end(), last.at, last.number()));
            Piece { end: last.0, last_at: last.1, last: last.2, marks, ..first }
        });
        let noted =
            joined.map(|Piece { start, end, first_at, first, .. }| First { start, end, at: first_at, number: first });
        self.ring = joined.iter().map(Record::new).collect();
        self.firsts = noted.into_iter().collect();
        self.acked = 0;
    }

    /// Where the piece with the byte at `seq` is, else where one would have to be put.
    pub(super) fn find(&self, seq: i64) -> Result<usize, usize> {
        let at = self.ring.partition_point(|record| record.end() <= seq);
        match self.ring.get(at) {
            Some(record) if record.start() <= seq => Ok(at),
            _ => Err(at),
        }
    }

    pub(super) fn at(&self, index: usize) -> Option<Piece> {
        let record = self.ring.get(index)?;
        let (at, number) = (record.at, record.number());
        let first = if record.has_first() { self.first(record.start()) } else { None };
        Some(Piece {
            start: record.start(),
            end: record.end(),
            first_at: first.map_or(at, |first| first.at),
            last_at: at,
            first: first.map_or(number, |first| first.number),
            last: number,
            tsval: record.tsval,
            ip_id: record.ip_id,
            times: record.times,
            marks: record.marks,
        })
    }

    fn first(&self, start: i64) -> Option<&First> {
        let index = self.firsts.partition_point(|first| first.end <= start);
        self.firsts.get(index).filter(|first| first.start <= start)
    }

    /// Remembers the first sending of the piece at `index`, before another is noted of it.
    fn note_first(&mut self, index: usize) {
        let Some(record) = self.ring.get(index).filter(|record| !record.has_first()) else { return };
        let first = First { start: record.start(), end: record.end(), at: record.at, number: record.number() };
        let before = self.firsts.partition_point(|other| other.end <= first.start);
        self.firsts.insert(before, first);
    }

    /// The piece at `index` was sent again, in `new`.
    pub(super) fn repeat(&mut self, index: usize, new: &Piece) {
        self.note_first(index);
        let Some(old) = self.ring.get_mut(index) else { return };
        let Record { at, number_low, number_high, tsval, ip_id, .. } = Record::new(new);
        let times = old.times.saturating_add(1);
        *old = Record { at, number_low, number_high, tsval, ip_id, times, ..*old };
    }

    /// Lets go of first sendings whose pieces are forgotten.
    fn forget_firsts(&mut self) {
        let kept_from = self.ring.front().map_or(i64::MAX, Record::start);
        let gone = self.firsts.partition_point(|first| first.end <= kept_from);
        self.firsts.drain(..gone);
    }

    /// Puts a piece that fills a gap where [`find`](Self::find) said.
    pub(super) fn fill(&mut self, index: usize, piece: &Piece, una: i64) {
        if self.ring.len() < MAX_RECORDS {
            if self.ring.len() == self.ring.capacity() {
                self.grow();
            }
            self.ring.insert(index, Record::new(piece));
            if index < self.acked || index == self.acked && piece.end <= una {
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
        let Some(front) = self.ring.get_mut(index).filter(|piece| piece.start() < at && at < piece.end()) else {
            return false;
        };
        let (start, end) = (front.start(), front.end());
        let behind = Record { start_low: at as u32, start_high: (at >> 32) as i16, len: (end - at) as u32, ..*front };
        front.len = (at - start) as u32;
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
            && record.end() <= ack
        {
            let start = record.start_after(cursor);
            if start > cursor {
                taken.unseen += cursor.abs_diff(start);
            }
            cursor = cursor.max(record.end());
            taken.repeated |= record.times > 1;
            clean &= record.times == 1 && record.marks == 0;
            taken.largest = taken.largest.max(if record.is(JOINED) { 0 } else { record.len });
            taken.sent_once_at = Some(record.at);
            self.acked += 1;
        }
        if cursor < ack {
            let known_from = self.ring.get(self.acked).map_or(ack, |record| record.start_after(cursor).min(ack));
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
            if !self.firsts.is_empty() {
                self.forget_firsts();
            }
        }
    }

    /// Marks what lies in `left..right` as told of by SACK. Answers when the newest of what was told for the first time was
    /// sent, if it was sent once.
    pub(super) fn sack(&mut self, left: i64, right: i64) -> Option<i64> {
        let mut newest = None;
        let from = self.ring.partition_point(|record| record.end() <= left);
        for record in self.ring.range_mut(from..) {
            if record.end() > right {
                break;
            }
            if record.start() >= left && !record.is(SACKED) {
                record.marks |= SACKED;
                newest = (record.times == 1 && !record.is(JOINED | FILLED)).then_some(record.at).or(newest);
            }
        }
        newest
    }
}

pack_in_place!(Records { value: acked; list: ring firsts; });
pack_fields!(First { value: start end number; time: at; });

impl Pack for Record {
    /// In four words.
    fn pack(&self, to: &mut Packer) {
        to.time(self.at);
        to.word((self.start() as u64) << 16 | u64::from(self.ip_id));
        to.word(self.number() << 16 | u64::from(self.times) << 8 | u64::from(self.marks));
        to.word(u64::from(self.tsval) << 32 | u64::from(self.len));
    }
    fn unpack(from: &mut Unpacker) -> Record {
        let at = from.time();
        let [start, number, stamp] = [(); 3].map(|()| from.word());
        Record {
            at,
            start_low: (start >> 16) as u32,
            start_high: (start >> 48) as i16,
            ip_id: start as u16,
            number_low: (number >> 16) as u32,
            number_high: (number >> 48) as u16,
            times: (number >> 8) as u8,
            marks: number as u8,
            tsval: (stamp >> 32) as u32,
            len: stamp as u32,
        }
    }
}
