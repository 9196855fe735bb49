//! What an ACK takes off the scoreboard (RFC 9293 §3.10.7.4; Linux's `tcp_clean_rtx_queue`).

use super::SentRecords;
use super::record::{Acked, Fate, Record};
use super::store::Slot;
use limpid_event::Instant;
use limpid_wire::SeqNum;
use limpid_wire::tcp::SackBlock;

impl SentRecords {
    /// An ACK came: `una` acknowledges cumulatively, `blocks` selectively. Numbers outside what is outstanding are
    /// ignored, so the caller may check first or not.
    pub fn on_ack(&mut self, una: SeqNum, blocks: &[SackBlock], now: Instant) -> Acked {
        self.on_ack_telling(una, blocks, now, |_, _| {})
    }

    /// The same; `tell` is told of each record that newly arrived, and whether SACK said so: those come first.
    pub fn on_ack_telling(
        &mut self,
        una: SeqNum,
        blocks: &[SackBlock],
        now: Instant,
        mut tell: impl FnMut(&Record, bool),
    ) -> Acked {
        let mut acked = Acked::default();
        if !blocks.is_empty() {
            self.on_sack(una, blocks, now, &mut acked, &mut tell);
        }
        if una.after(self.una) && una.before_eq(self.nxt) {
            self.advance(una, now, &mut acked, &mut tell);
        }
        acked
    }

    fn advance(&mut self, una: SeqNum, now: Instant, acked: &mut Acked, tell: &mut impl FnMut(&Record, bool)) {
        acked.acked = una - self.una;
        while let Some(slot) = self.store.first().filter(|slot| self.store[*slot].start.before(una)) {
            let mut part = self.store[slot];
            let whole = part.end.before_eq(una);
            let segments = if whole { self.remove_first(slot) } else { self.trim_first(slot, una) };
            if !whole {
                (part.end, part.segments) = (una, segments);
                part.fate -= Fate::AT_END;
            }
            acked.acked_segments += segments;
            acked.retransmitted |= part.retransmissions > 0;
            if part.is_sacked() {
                continue;
            }
            acked.deliver(&part, part.seq_len(), segments);
            if segments > 0 {
                self.arrived(&part, now, acked, tell);
            }
        }
        self.una = una;
        self.highest_sacked = self.highest_sacked.later(una);
        self.judged = self.judged.later(una);
        self.waiting.forget_before(una);
        if self.store.len() == 0 && !self.waiting.is_empty() {
            self.waiting.clear();
        }
    }

    /// A segment or more of `part` arrived that was not told by SACK.
    fn arrived(&self, part: &Record, now: Instant, acked: &mut Acked, tell: &mut impl FnMut(&Record, bool)) {
        tell(part, false);
        if part.retransmissions > 0 {
            return;
        }
        acked.original(part);
        acked.lowest_once.get_or_insert(part.start);
        let rtt = now.since(part.sent_at);
        acked.cumulative = Some((acked.cumulative.map_or(rtt, |(oldest, _)| oldest), rtt));
    }

    /// All of the first is acknowledged. Returns its segments.
    fn remove_first(&mut self, slot: Slot) -> u32 {
        let record = self.store[slot];
        self.each_total(record.fate, |amount| amount.take(&record));
        if record.is_in_flight() {
            self.by_time.remove(&mut self.store, slot);
        }
        self.unjudge(&record, record.segments());
        self.store.pop_front();
        record.segments()
    }

    /// Part of the first is acknowledged. As Linux, what is left is counted anew. Returns how many segments are gone.
    fn trim_first(&mut self, slot: Slot, una: SeqNum) -> u32 {
        let before = self.store[slot];
        self.change(slot, |record| {
            record.start = una;
            record.count();
        });
        if before.is_waiting() {
            self.waiting.push(&self.store, slot);
        }
        let gone = before.segments().saturating_sub(self.store[slot].segments());
        self.unjudge(&before, gone);
        gone
    }

    /// `segments` of a record are gone that may have been counted as sacked before where judgement stands.
    fn unjudge(&mut self, record: &Record, segments: u32) {
        if record.is_sacked() && record.start.before(self.judged) {
            self.sacked_judged -= segments;
        }
    }
}
