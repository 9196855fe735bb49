//! SACK blocks on the scoreboard (RFC 2018 §5, RFC 2883, RFC 6675 §4).
//!
//! As on Linux a block tells of whole segments: part of one changes nothing, so that no peer can make more records than there are
//! segments (the lesson of "SACK Panic", CVE-2019-11477 and -11478). What is sacked already is passed over island by island,
//! not record by record: each of its records knows one further on, and who asks shortens the way (a disjoint set), so that blocks
//! which say the same again and again cost next to nothing ("SegmentSmack").

use super::record::{Acked, Fate, Record};
use super::store::Slot;
use super::{MAX_RECORDS, SentRecords};
use arrayvec::ArrayVec;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;
use limpid_wire::tcp::SackBlock;

/// Records that a D-SACK is looked up in: an honest one tells of a segment.
const MAX_DSACKED: usize = 64;

impl SentRecords {
    pub(super) fn on_sack(
        &mut self,
        una: SeqNum,
        blocks: &[SackBlock],
        now: Instant,
        acked: &mut Acked,
        tell: &mut impl FnMut(&Record, bool),
    ) {
        acked.dsack = dsack(una, blocks);
        let una = self.una.later(una);
        if let Some(block) = acked.dsack {
            self.on_dsack(una, block, acked);
        }
        // A block can only tell of what was sent, and leaves the first outstanding number out, or it were no SACK.
        let valid = |block: &SackBlock| block.left().after(una) && !block.right().after(self.nxt);
        let mut in_order: ArrayVec<SackBlock, 8> = blocks.iter().copied().filter(valid).take(8).collect();
        in_order.sort_unstable_by(|a, b| a.left().offset_from(b.left()).cmp(&0));
        for block in in_order {
            self.on_block(block, now, acked, tell);
        }
        if let Some((_, highest)) = &mut acked.late_by_sack {
            *highest = self.highest_sacked;
        }
    }

    /// A duplicate arrived: a retransmission that is told of is in flight no more.
    fn on_dsack(&mut self, una: SeqNum, block: SackBlock, acked: &mut Acked) {
        let mut at = self.find(block.left().later(self.una));
        for _ in 0..MAX_DSACKED {
            let Some(slot) = at else { return };
            let record = self.store[slot];
            if record.end.after(block.right()) {
                return;
            }
            at = self.store.next(slot);
            if record.start.before(block.left()) || record.retransmissions == 0 {
                continue;
            }
            acked.dsack_resent += record.segments();
            if record.is_sacked() {
                acked.late(record.start);
            }
            if record.end.after(una) && record.is_resent() && !record.is_lost() {
                self.change(slot, |record| record.fate -= Fate::RESENT);
            }
        }
    }

    fn on_block(&mut self, block: SackBlock, now: Instant, acked: &mut Acked, tell: &mut impl FnMut(&Record, bool)) {
        let mut at = self.find(block.left());
        while let Some(slot) = at {
            if self.store[slot].start.after_eq(block.right()) {
                return;
            }
            if self.store[slot].is_sacked() {
                let last = self.end_of_island(slot);
                at = self.store.next(last);
                continue;
            }
            match self.part_in(slot, block) {
                Part::Whole => {}
                Part::None => {
                    at = self.store.next(slot);
                    continue;
                }
                Part::From(seq) => {
                    at = if self.cut(slot, seq, MAX_RECORDS) { self.store.next(slot) } else { None };
                    continue;
                }
                Part::Until(seq) if self.cut(slot, seq, MAX_RECORDS) => {}
                Part::Until(_) => return,
            }
            self.sack_record(slot, now, acked, tell);
            at = self.store.next(slot);
        }
    }

    /// How much of a record the block tells of, in whole segments (Linux's `tcp_match_skb_to_sack`).
    fn part_in(&self, slot: Slot, block: SackBlock) -> Part {
        let record = &self.store[slot];
        let (from_start, to_end) = (block.left().before_eq(record.start), block.right().after_eq(record.end));
        let size = u32::from(record.segment);
        match (from_start, to_end) {
            (true, true) => Part::Whole,
            _ if record.segments == 1 || size == 0 => Part::None,
            (true, false) => match (block.right() - record.start) / size {
                0 => Part::None,
                segments => Part::Until(record.start + segments * size),
            },
            (false, _) => {
                let before = (block.left() - record.start).div_ceil(size) * size;
                let segment_end = (record.start + before + size).earlier(record.end);
                let none = before >= record.data_len() || block.right().before(segment_end);
                if none { Part::None } else { Part::From(record.start + before) }
            }
        }
    }

    fn sack_record(&mut self, slot: Slot, now: Instant, acked: &mut Acked, tell: &mut impl FnMut(&Record, bool)) {
        let record = self.store[slot];
        tell(&record, true);
        acked.sacked += record.seq_len();
        acked.deliver(&record, record.seq_len(), record.segments());
        if record.retransmissions == 0 {
            acked.original(&record);
            if record.start.before(self.highest_sacked) {
                acked.late(record.start);
            }
            let rtt = now.since(record.sent_at);
            acked.selective = Some(match acked.selective {
                None => (rtt, rtt),
                Some((oldest, newest)) => (Duration::max(oldest, rtt), Duration::min(newest, rtt)),
            });
        }
        self.change(slot, |record| {
            if record.is_lost() {
                record.fate -= Fate::LOST | Fate::RESENT;
            }
            record.fate |= Fate::SACKED;
        });
        if record.start.before(self.judged) {
            self.sacked_judged += record.segments();
        }
        self.highest_sacked = self.highest_sacked.later(record.end);
        self.join_islands(slot);
    }

    /// `slot` is sacked now, and one island with its neighbours that are.
    fn join_islands(&mut self, slot: Slot) {
        if let Some(next) = self.store.next(slot).filter(|next| self.store[*next].is_sacked()) {
            self.store.node_mut(slot).onward = next;
        }
        if let Some(prev) = self.store.prev(slot).filter(|prev| self.store[*prev].is_sacked()) {
            self.store.node_mut(prev).onward = slot;
        }
    }

    /// The last record of the island that `slot` is in. The way is shorter the next time.
    fn end_of_island(&mut self, slot: Slot) -> Slot {
        let mut last = slot;
        while let Some(further) = self.store.node(last).onward.some() {
            last = further;
        }
        let mut at = slot;
        while let Some(further) = self.store.node(at).onward.some() {
            self.store.node_mut(at).onward = last;
            at = further;
        }
        last
    }
}

/// How much of a record a block tells of.
enum Part {
    None,
    Whole,
    /// Of what lies from there on, another look tells.
    From(SeqNum),
    /// What lies before that.
    Until(SeqNum),
}

/// The first block tells of a duplicate if it begins before the cumulative ACK, or lies inside the second block (RFC 2883 §4).
pub(super) fn dsack(una: SeqNum, blocks: &[SackBlock]) -> Option<SackBlock> {
    let first = *blocks.first()?;
    let acked = first.left().before(una);
    let inside = blocks
        .get(1)
        .is_some_and(|second| second.left().before_eq(first.left()) && first.right().before_eq(second.right()));
    (acked || inside).then_some(first)
}
