//! What was sent and is not acknowledged yet: a scoreboard in order of sequence numbers and of send times (RFC 6675 §3,
//! RFC 8985 §5.2).
//!
//! A [`Record`] is what left in one piece, one segment or a super-segment, as Linux's skb: a range that was sent at one time
//! and shares one fate. It is cut where an ACK, a SACK block or a retransmission tells its segments apart, and what is small is
//! joined when it is sent again. They cover SND.UNA to SND.NXT without gaps, SYN and FIN included.
//!
//! | file | what | cost |
//! |---|---|---|
//! | `store` | where they lie; found by number | O(log n) |
//! | `by_time` | oldest first, for RACK | O(1) for each ACK and for each loss |
//! | `waiting` | the lowest that is lost and waits | O(log n) |
//! | `ack`, `sack` | what an ACK tells | O(log n) for each block, O(1) for each record that arrives |
//! | `mark` | what is lost | O(1) for each |
//!
//! Only what concerns all that is outstanding looks at all of it: a timeout, its undoing, a smaller path MTU. The number of
//! records is bounded: whoever sends more than [`MAX_RECORDS`] waits, and SACK blocks cut no further then.

mod ack;
mod by_time;
mod mark;
mod record;
mod sack;
mod store;
#[cfg(test)]
mod tests;
mod waiting;

pub use record::{Acked, Delivered, Losses, Record, Shape, Snapshot, WorstLoss};
pub(crate) use record::{more, passed};

use crate::pack::{Pack, Packer, Unpacker};
use by_time::ByTime;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;
use record::{Amount, Fate};
use store::{Slot, Store};
use waiting::Waiting;

/// The most records that sending and SACK blocks can make: ten times what 1 Gb/s and 300 ms hold, each segment a record of its
/// own, for all that is sacked behind a hole stays. The send buffer pays for each, and ends sooner unless it is very large.
pub const MAX_RECORDS: usize = 1 << 18;

/// The most records in all: our own retransmissions cut, too.
const HARD_MAX: usize = Store::CAPACITY;

/// The records. An idle connection's take next to no memory of their own, and none before something was sent.
#[derive(Debug)]
pub struct SentRecords {
    store: Store,
    by_time: ByTime,
    waiting: Waiting,
    una: SeqNum,
    nxt: SeqNum,
    /// What is outstanding, sacked, lost, and resent.
    out: Amount,
    sacked: Amount,
    lost: Amount,
    resent_out: Amount,
    /// The end of the highest sacked record.
    highest_sacked: SeqNum,
    /// Every record before this is sacked, lost, or was sent again, by the number of what is sacked after it.
    judged: SeqNum,
    /// Segments sacked before that.
    sacked_judged: u32,
    lost_so_far: u32,
    ever_lost_again: u32,
    newly_lost: Losses,
    /// Segments delivered by now, as far as told.
    delivered: u32,
}

impl SentRecords {
    /// Nothing is sent; the first sequence number will be `start`.
    pub fn new(start: SeqNum) -> SentRecords {
        SentRecords {
            store: Store::new(),
            by_time: ByTime::new(),
            waiting: Waiting::new(),
            una: start,
            nxt: start,
            out: Amount::default(),
            sacked: Amount::default(),
            lost: Amount::default(),
            resent_out: Amount::default(),
            highest_sacked: start,
            judged: start,
            sacked_judged: 0,
            lost_so_far: 0,
            ever_lost_again: 0,
            newly_lost: Losses::default(),
            delivered: 0,
        }
    }

    /// Packs what is left to know when nothing is outstanding.
    pub(crate) fn pack_empty(&self, to: &mut Packer) {
        debug_assert!(self.is_empty(), "records would be lost");
        (self.una, self.highest_sacked).pack(to);
        (self.judged, self.sacked_judged).pack(to);
        (self.lost_so_far, self.ever_lost_again).pack(to);
    }

    /// The same again.
    pub(crate) fn unpack_empty(from: &mut Unpacker<'_>) -> SentRecords {
        let (una, highest_sacked) = Pack::unpack(from);
        let (judged, sacked_judged) = Pack::unpack(from);
        let (lost_so_far, ever_lost_again) = Pack::unpack(from);
        SentRecords { highest_sacked, judged, sacked_judged, lost_so_far, ever_lost_again, ..SentRecords::new(una) }
    }

    /// SND.UNA: the first number not acknowledged.
    pub fn snd_una(&self) -> SeqNum {
        self.una
    }

    /// SND.NXT: the number after the last one sent.
    pub fn snd_nxt(&self) -> SeqNum {
        self.nxt
    }

    /// True if all that was sent is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.una == self.nxt
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.store.len()
    }

    /// There are so many records that nothing new may be sent before some are acknowledged.
    pub fn is_full(&self) -> bool {
        self.store.len() >= MAX_RECORDS
    }

    /// Sequence numbers sent and not acknowledged cumulatively: FlightSize.
    pub fn outstanding(&self) -> u32 {
        self.nxt - self.una
    }

    /// Sequence numbers told by SACK.
    pub fn sacked(&self) -> u32 {
        self.sacked.bytes
    }

    /// Sequence numbers that count as lost.
    pub fn lost(&self) -> u32 {
        self.lost.bytes
    }

    /// The end of the highest that is sacked; SND.UNA if nothing is.
    pub fn highest_sacked(&self) -> SeqNum {
        self.highest_sacked
    }

    /// What is in the network, as far as known, in sequence numbers: RFC 6675's pipe.
    pub fn in_flight(&self) -> u32 {
        self.out.bytes - self.sacked.bytes - self.lost.bytes + self.resent_out.bytes
    }

    /// The same in segments (Linux's `tcp_packets_in_flight`).
    pub fn segments_in_flight(&self) -> u32 {
        self.out.segments - self.sacked.segments - self.lost.segments + self.resent_out.segments
    }

    /// Segments sent and not acknowledged cumulatively (Linux's `packets_out`).
    pub fn segments_out(&self) -> u32 {
        self.out.segments
    }

    /// Segments told by SACK (`sacked_out`).
    pub fn segments_sacked(&self) -> u32 {
        self.sacked.segments
    }

    /// Segments that count as lost (`lost_out`).
    pub fn segments_lost(&self) -> u32 {
        self.lost.segments
    }

    /// Segments sent again and in flight (`retrans_out`).
    pub fn segments_resent(&self) -> u32 {
        self.resent_out.segments
    }

    /// The oldest record.
    pub fn first(&self) -> Option<&Record> {
        Some(&self.store[self.store.first()?])
    }

    /// The one sent first most lately.
    pub fn last(&self) -> Option<&Record> {
        Some(&self.store[self.store.last()?])
    }

    /// All records in order of sequence numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        let next = |slot: &Slot| self.store.next(*slot);
        core::iter::successors(self.store.first(), next).map(|slot| &self.store[slot])
    }

    /// The record that holds `seq`.
    pub fn get(&self, seq: SeqNum) -> Option<&Record> {
        seq.within(self.una, self.nxt).then(|| self.store.find(seq))?.map(|slot| &self.store[slot])
    }

    /// New data (or SYN, or FIN) up to `end` left in one piece, from SND.NXT on. The caller asks first whether there
    /// [is room](Self::is_full).
    pub fn on_sent(&mut self, end: SeqNum, now: Instant, snapshot: Snapshot, shape: Shape) {
        debug_assert!(end.after(self.nxt));
        let start = core::mem::replace(&mut self.nxt, end);
        let mut record = Record {
            start,
            end,
            sent_at: self.stamp(now, end),
            snapshot,
            retransmissions: 0,
            fate: shape.fate(),
            segment: shape.segment,
            segments: 1,
        };
        record.count();
        match self.store.last() {
            Some(last) if self.store.len() >= HARD_MAX => self.lengthen(last, end),
            _ => {
                self.out.add(&record);
                let slot = self.store.push_back(record);
                self.by_time.push(&mut self.store, slot);
            }
        }
    }

    /// When what ends at `end` leaves, so that time and end order what was sent as it left (RFC 8985 §5.2 goes by the end where times are
    /// equal). What is sent again after new data in one instant, as happens where ACKs come in batches, counts as sent a nanosecond later.
    fn stamp(&self, now: Instant, end: SeqNum) -> Instant {
        let Some(newest) = self.by_time.newest().map(|slot| &self.store[slot]) else { return now };
        let at = now.max(newest.sent_at);
        if at == newest.sent_at && !end.after(newest.end) { at + Duration::from_nanos(1) } else { at }
    }

    /// There is no room for another record, and nobody asked: the last takes the numbers.
    fn lengthen(&mut self, last: Slot, end: SeqNum) {
        self.change(last, |record| record.end = end);
    }

    /// What lies in `start..end` was sent again, in segments of `mss` bytes. Returns how often its first byte has been sent
    /// before, this not counted (1 for the first retransmission). What is sacked needs no retransmission and is left as it
    /// is.
    pub fn on_retransmit(&mut self, start: SeqNum, end: SeqNum, now: Instant, snapshot: Snapshot, mss: u16) -> u32 {
        self.send_again(start, end, now, snapshot, mss, Fate::RESENT)
    }

    /// The same as a probe, which does not count as a retransmission in flight beside the original (RFC 8985 §7.3, Linux).
    pub fn on_probe(&mut self, start: SeqNum, end: SeqNum, now: Instant, snapshot: Snapshot, mss: u16) -> u32 {
        self.send_again(start, end, now, snapshot, mss, Fate::empty())
    }

    fn send_again(
        &mut self,
        start: SeqNum,
        end: SeqNum,
        now: Instant,
        snapshot: Snapshot,
        mss: u16,
        fate: Fate,
    ) -> u32 {
        let Some((first, end)) = self.cut_out(start, end) else { return 0 };
        let mut at = Some(first);
        while let Some(slot) = at.filter(|slot| self.store[*slot].start.before(end)) {
            at = self.store.next(slot);
            if self.store[slot].is_sacked() {
                continue;
            }
            let was_in_flight = self.store[slot].is_in_flight();
            if was_in_flight {
                self.by_time.remove(&mut self.store, slot);
            }
            let sent_at = self.stamp(now, self.store[slot].end);
            self.change(slot, |record| {
                record.retransmissions = record.retransmissions.saturating_add(1);
                record.sent_at = sent_at;
                record.snapshot = snapshot;
                record.fate |= fate;
                record.resize(mss);
            });
            if was_in_flight {
                self.by_time.push(&mut self.store, slot);
            }
        }
        self.store[first].retransmissions()
    }

    /// What follows the single segment at `start` is joined to it, as long as all is one segment of `space` bytes at most
    /// that ends at `limit` at the latest: fewer segments are sent again (Linux's `tcp_retrans_try_collapse`). What is
    /// sacked, or another record of the application, is not joined.
    pub fn collapse(&mut self, start: SeqNum, space: u32, limit: SeqNum) {
        let Some(slot) = self.find(start) else { return };
        let single = |r: &Record| r.segments == 1 && !r.is_sacked();
        while let Some(gone) = self.store.next(slot) {
            let (first, next) = (self.store[slot], self.store[gone]);
            let fits = first.data_len() + next.data_len() <= space && next.end.before_eq(limit);
            if !fits || !single(&first) || !single(&next) || first.fate.contains(Fate::RECORD_END) {
                return;
            }
            if next.is_in_flight() {
                self.by_time.remove(&mut self.store, gone);
            }
            self.each_total(next.fate, |amount| amount.take(&next));
            self.store.absorb_next(slot);
            self.change(slot, |record| {
                // What was pushed in one of them is pushed still.
                record.fate |= next.fate & Fate::AT_END;
                record.retransmissions = record.retransmissions.max(next.retransmissions);
                record.end = next.end;
                record.segment = 0;
            });
            if first.start.before(self.judged) {
                self.judged = self.judged.later(next.end);
            }
        }
    }

    /// The first of the records that make up `start..end` exactly, as far as it is outstanding, and where the last of them ends: cuts
    /// at both ends. Where the number of records forbids to cut, the whole record counts.
    fn cut_out(&mut self, start: SeqNum, end: SeqNum) -> Option<(Slot, SeqNum)> {
        let (start, end) = (start.later(self.una), end.earlier(self.nxt));
        if !start.before(end) {
            return None;
        }
        let mut first = self.find(start)?;
        if self.cut(first, start, HARD_MAX) {
            first = self.store.next(first)?;
        }
        let last = self.find(end - 1)?;
        self.cut(last, end, HARD_MAX);
        Some((first, end))
    }

    /// Cuts a record in two at `seq`, if that is inside and the number of records allows it.
    fn cut(&mut self, slot: Slot, seq: SeqNum, max: usize) -> bool {
        let record = self.store[slot];
        // What has arrived stays whole: nothing that we do can change a part of it.
        let inside = seq.after(record.start) && seq.before(record.end);
        if !inside || record.is_sacked() || self.store.len() >= max {
            return false;
        }
        let mut second = Record { start: seq, ..record };
        second.count();
        self.each_total(record.fate, |amount| amount.add(&second));
        self.change(slot, |record| {
            record.end = seq;
            record.fate -= Fate::AT_END;
            record.count();
        });
        let new = self.store.insert_after(slot, second);
        if second.is_in_flight() {
            self.by_time.insert_after(&mut self.store, slot, new);
        } else {
            self.waiting.push(&self.store, new);
        }
        true
    }

    fn find(&mut self, seq: SeqNum) -> Option<Slot> {
        seq.within(self.una, self.nxt).then(|| self.store.find_mut(seq))?
    }
}
