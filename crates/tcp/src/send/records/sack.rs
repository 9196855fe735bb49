//! SACK blocks on the scoreboard (RFC 2018 §5, RFC 2883, RFC 6675 §4).

use super::record::{Acked, Fate, join};
use super::{MAX_RECORDS, SentRecords};
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;
use limpid_wire::tcp::SackBlock;

impl SentRecords {
    pub(super) fn on_sack(&mut self, una: SeqNum, blocks: &[SackBlock], now: Instant, acked: &mut Acked) {
        acked.dsack = dsack(una, blocks);
        let blocks = if acked.dsack.is_some() { &blocks[1..] } else { blocks };
        for &block in blocks {
            // A block can only tell of what was sent, and leaves the first outstanding number out, or it were no SACK.
            if block.right().after(self.nxt) || block.left().before_eq(self.una) {
                continue;
            }
            self.on_block(block, now, acked);
        }
    }

    fn on_block(&mut self, block: SackBlock, now: Instant, acked: &mut Acked) {
        let Some(mut first) = self.find(block.left()) else { return };
        // Cut at the edges, unless that is already sacked. At the bound, round inwards.
        if block.left().after(self.list[first].start) {
            if !self.list[first].is_sacked() {
                self.cut(first, block.left(), MAX_RECORDS);
            }
            first += 1;
        }
        let mut end = first;
        while end < self.list.len() && self.list[end].start.before(block.right()) {
            let record = self.list[end];
            if !record.is_sacked() {
                if record.end.after(block.right()) && !self.cut(end, block.right(), MAX_RECORDS) {
                    break;
                }
                self.sack_record(end, now, acked);
            }
            end += 1;
        }
        self.join_sacked(first, end);
    }

    fn sack_record(&mut self, at: usize, now: Instant, acked: &mut Acked) {
        let record = self.list[at];
        acked.sacked += record.seq_len();
        acked.deliver(&record, record.seq_len(), record.segments());
        if record.has_rtt() {
            let rtt = now.since(record.sent_at);
            acked.selective = Some(match acked.selective {
                None => (rtt, rtt),
                Some((oldest, newest)) => (Duration::max(oldest, rtt), Duration::min(newest, rtt)),
            });
        }
        self.change(at, |record| record.fate = (record.fate - Fate::LOST - Fate::RESENT) | Fate::SACKED);
        self.highest_sacked = self.highest_sacked.later(record.end);
    }

    /// Makes one record of `first..end` and of sacked neighbours on both sides: islands stay few, however many segments
    /// they were.
    fn join_sacked(&mut self, first: usize, end: usize) {
        let first = if first > 0 && self.list[first - 1].is_sacked() { first - 1 } else { first };
        let end = if self.list.get(end).is_some_and(|r| r.is_sacked()) { end + 1 } else { end };
        if end.saturating_sub(first) < 2 {
            return;
        }
        let mut whole = self.list[first];
        for record in self.list.range(first + 1..end) {
            whole.retransmissions = whole.retransmissions.max(record.retransmissions);
            join(&mut whole, record);
        }
        self.list[first] = whole;
        self.list.drain(first + 1..end);
    }

    /// Counts as lost what has enough sacked after it: more than two segments' bytes, or three islands (RFC 6675 §4,
    /// IsLost). What was sent again is not judged anew. Returns true if something new is lost.
    pub fn mark_lost_by_sack(&mut self, mss: u32) -> bool {
        let Some(limit) = self.sack_limit(mss) else { return false };
        let before = self.lost.bytes;
        let Some(from) = self.find(self.judged) else { return false };
        for at in from..self.list.len() {
            let record = self.list[at];
            if record.start.after_eq(limit) {
                break;
            }
            if !record.is_lost() && !record.is_resent() {
                self.mark_record_lost(at);
            }
        }
        self.judged = self.judged.later(limit);
        self.lost.bytes > before
    }

    /// Everything before this has enough sacked after it.
    fn sack_limit(&self, mss: u32) -> Option<SeqNum> {
        if self.sacked.bytes == 0 {
            return None;
        }
        let (mut bytes, mut islands) = (0, 0);
        let last = self.find(self.highest_sacked - 1)?;
        for record in self.list.range(..=last).rev().filter(|r| r.is_sacked()) {
            bytes += record.seq_len();
            islands += 1;
            if bytes > 2 * mss || islands >= 3 {
                return Some(record.start);
            }
        }
        None
    }
}

/// The first block tells of a duplicate if it lies before the cumulative ACK, or inside the second block (RFC 2883 §4).
fn dsack(una: SeqNum, blocks: &[SackBlock]) -> Option<SackBlock> {
    let first = *blocks.first()?;
    let acked = first.right().before_eq(una);
    let inside = blocks
        .get(1)
        .is_some_and(|second| second.left().before_eq(first.left()) && first.right().before_eq(second.right()));
    (acked || inside).then_some(first)
}
