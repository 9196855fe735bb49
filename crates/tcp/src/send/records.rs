//! What was sent and is not acknowledged yet: a scoreboard in order of sequence numbers (RFC 6675 §3, RFC 8985 §5.2).
//!
//! A [`Record`] is what left in one piece, one segment or a super-segment, as Linux's skb: a range that was sent at one time
//! and shares one fate. It is cut where an ACK, a SACK block or a retransmission tells its parts apart, and what is small is
//! joined when it is sent again. They cover SND.UNA to SND.NXT without
//! gaps, SYN and FIN included, so a record is found by binary search; by send time they are found in order of sequence,
//! but for the retransmitted ones, which a second short list holds in order.
//!
//! Their number is bounded, whatever a peer sends in SACK blocks (the lesson of "SACK Panic", CVE-2019-11477 and
//! -11478): at the bound like neighbours are joined at the price of exact send times, and a block that would cut a
//! record is rounded inwards.

mod record;
mod sack;
#[cfg(test)]
mod tests;

pub use record::{Acked, Delivered, Record, Shape, Snapshot};

use alloc::collections::VecDeque;
use limpid_event::Instant;
use limpid_wire::SeqNum;
use limpid_wire::tcp::SackBlock;
use record::{Amount, Fate, join};

/// The most records that SACK blocks can make.
pub const MAX_RECORDS: usize = 2048;

/// The most records in all: our own retransmissions cut, too.
const HARD_MAX: usize = 2 * MAX_RECORDS;

/// The records. An idle connection's take no memory of their own.
#[derive(Debug)]
pub struct SentRecords {
    list: VecDeque<Record>,
    /// Retransmissions by send time, for records that are still there; others are skipped.
    resent: VecDeque<(Instant, SeqNum)>,
    una: SeqNum,
    nxt: SeqNum,
    /// What is outstanding, sacked, lost, and resent.
    out: Amount,
    sacked: Amount,
    lost: Amount,
    resent_out: Amount,
    /// The end of the highest sacked record.
    highest_sacked: SeqNum,
    /// No record before this is lost and waits for its retransmission.
    next_lost: SeqNum,
    /// Every record before this is sacked or lost already.
    judged: SeqNum,
}

impl SentRecords {
    /// Nothing is sent; the first sequence number will be `start`.
    pub fn new(start: SeqNum) -> SentRecords {
        SentRecords {
            list: VecDeque::new(),
            resent: VecDeque::new(),
            una: start,
            nxt: start,
            out: Amount::default(),
            sacked: Amount::default(),
            lost: Amount::default(),
            resent_out: Amount::default(),
            highest_sacked: start,
            next_lost: start,
            judged: start,
        }
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

    /// Number of records: [`MAX_RECORDS`] at most from what the peer does.
    pub fn count(&self) -> usize {
        self.list.len()
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
        self.list.front()
    }

    /// All records in order of sequence numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.list.iter()
    }

    /// The record that holds `seq`.
    pub fn get(&self, seq: SeqNum) -> Option<&Record> {
        self.list.get(self.find(seq)?)
    }

    /// Records sent last at `time` or before, oldest first, that may still be in flight: neither sacked, nor lost and
    /// waiting. Those sent once come first, then the others.
    pub fn sent_until(&self, time: Instant) -> impl Iterator<Item = &Record> {
        let once = self.list.iter().filter(|r| r.retransmissions == 0 && !r.is_sacked());
        let once = once.take_while(move |r| r.sent_at <= time);
        let again = self.resent.iter().take_while(move |(at, _)| *at <= time);
        let again = again.filter_map(|&(at, seq)| self.get(seq).filter(|r| r.start == seq && r.sent_at == at));
        once.chain(again).filter(|r| !r.is_sacked() && (!r.is_lost() || r.is_resent()))
    }

    /// New data (or SYN, or FIN) up to `end` left in one piece, from SND.NXT on.
    pub fn on_sent(&mut self, end: SeqNum, now: Instant, snapshot: Snapshot, shape: Shape) {
        debug_assert!(end.after(self.nxt));
        let fate = shape.fate();
        let mut record = Record {
            start: self.nxt,
            end,
            sent_at: now,
            snapshot,
            retransmissions: 0,
            fate,
            segment: shape.segment,
            segments: 1,
        };
        record.count();
        self.nxt = end;
        self.out.add(&record);
        if self.list.len() >= MAX_RECORDS {
            self.condense();
        }
        let full = self.list.len() >= MAX_RECORDS;
        match self.list.back_mut() {
            Some(last)
                if full && last.fate - Fate::BLURRED - Fate::AT_END == Fate::empty() && last.retransmissions == 0 =>
            {
                join(last, &record);
            }
            _ => self.list.push_back(record),
        }
    }

    /// What lies in `start..end` was sent again, in segments of `mss` bytes. Returns how often its first byte has been sent
    /// before, this not counted (1 for the first retransmission). What is sacked needs no retransmission and is left as it
    /// is.
    pub fn on_retransmit(&mut self, start: SeqNum, end: SeqNum, now: Instant, snapshot: Snapshot, mss: u16) -> u32 {
        let Some((first, last)) = self.cut_out(start, end, HARD_MAX) else { return 0 };
        for at in first..last {
            if self.list[at].is_sacked() {
                continue;
            }
            let known = self.list[at].retransmissions > 0 && self.list[at].sent_at == now;
            self.change(at, |record| {
                record.retransmissions = record.retransmissions.saturating_add(1);
                record.sent_at = now;
                record.snapshot = snapshot;
                record.fate |= Fate::RESENT;
                record.fate -= Fate::BLURRED;
                record.resize(mss);
            });
            if !known {
                self.resent.push_back((now, self.list[at].start));
            }
        }
        let times = self.list[first].retransmissions();
        self.tidy_resent();
        times
    }

    /// An ACK came: `una` acknowledges cumulatively, `blocks` selectively. Numbers outside what is outstanding are
    /// ignored, so the caller may check first or not.
    pub fn on_ack(&mut self, una: SeqNum, blocks: &[SackBlock], now: Instant) -> Acked {
        let mut acked = Acked::default();
        self.on_sack(una, blocks, now, &mut acked);
        if una.after(self.una) && una.before_eq(self.nxt) {
            self.advance(una, now, &mut acked);
        }
        acked
    }

    fn advance(&mut self, una: SeqNum, now: Instant, acked: &mut Acked) {
        acked.acked = una - self.una;
        while let Some(&record) = self.list.front() {
            if record.start.after_eq(una) {
                break;
            }
            let mut part = Record { end: record.end.earlier(una), ..record };
            self.take_from_totals(&record);
            let mut segments = record.segments();
            if record.end.after(una) {
                part.fate -= Fate::AT_END;
                self.rename_resent(&record, una);
                self.list[0].start = una;
                self.list[0].count();
                self.add_to_totals(0);
                // As Linux: what is left is counted anew.
                segments -= self.list[0].segments().min(segments);
            } else {
                self.list.pop_front();
            }
            acked.acked_segments += segments;
            acked.retransmitted |= part.retransmissions > 0;
            if part.is_sacked() {
                continue;
            }
            acked.deliver(&part, part.seq_len(), segments);
            if part.has_rtt() && segments > 0 {
                let rtt = now.since(part.sent_at);
                acked.cumulative = Some((acked.cumulative.map_or(rtt, |(oldest, _)| oldest), rtt));
            }
        }
        self.una = una;
        self.highest_sacked = self.highest_sacked.later(una);
        self.next_lost = self.next_lost.later(una);
        self.judged = self.judged.later(una);
        self.tidy_resent();
        if self.list.is_empty() && self.list.capacity() > 64 {
            self.list = VecDeque::new();
        }
    }

    /// Counts `start..end` as lost, but for what is sacked. What was sent again counts as lost again.
    pub fn mark_lost(&mut self, start: SeqNum, end: SeqNum) {
        let Some((first, last)) = self.cut_out(start, end, HARD_MAX) else { return };
        for at in first..last {
            self.mark_record_lost(at);
        }
    }

    /// The retransmission timer ran out: all that is not sacked counts as lost (RFC 6675 §5.1). If the *first* is
    /// sacked and still not acknowledged, the peer has thrown away what it told of (RFC 2018 §8): then no SACK is
    /// believed. Returns true in that case.
    pub fn mark_all_lost(&mut self) -> bool {
        let reneged = self.list.front().is_some_and(Record::is_sacked);
        for record in &mut self.list {
            if reneged {
                record.fate -= Fate::SACKED;
            }
            if !record.is_sacked() {
                record.fate -= Fate::RESENT;
                record.fate |= Fate::LOST;
            }
        }
        if reneged {
            self.highest_sacked = self.una;
        }
        (self.sacked, self.lost) = (Amount::default(), Amount::default());
        for record in &self.list {
            if record.is_sacked() { &mut self.sacked } else { &mut self.lost }.add(record);
        }
        self.resent_out = Amount::default();
        self.next_lost = self.una;
        self.judged = self.nxt;
        reneged
    }

    /// What is outstanding in segments of more than `mss` bytes counts as lost, but for what is sacked. True if there is such.
    pub fn mark_larger_lost(&mut self, mss: u32) -> bool {
        let mut any = false;
        for at in 0..self.list.len() {
            if self.list[at].segment_len() > mss && !self.list[at].is_sacked() {
                self.mark_record_lost(at);
                any = true;
            }
        }
        any
    }

    /// Takes all loss marks back: nothing was lost after all. What was sent again meanwhile stays in flight twice.
    pub fn unmark_lost(&mut self) {
        for at in 0..self.list.len() {
            self.change(at, |record| record.fate -= Fate::LOST);
        }
        self.judged = self.una;
        self.next_lost = self.nxt;
    }

    /// What follows the single segment at `start` is joined to it, as long as all is one segment of `space` bytes at most
    /// that ends at `limit` at the latest: fewer segments are sent again (Linux's `tcp_retrans_try_collapse`). What is
    /// sacked, or another record of the application, is not joined.
    pub fn collapse(&mut self, start: SeqNum, space: u32, limit: SeqNum) {
        let Some(at) = self.find(start) else { return };
        let single = |r: &Record| r.segments == 1 && !r.is_sacked();
        while let (Some(&first), Some(&next)) = (self.list.get(at), self.list.get(at + 1)) {
            let fits = first.data_len() + next.data_len() <= space && next.end.before_eq(limit);
            if !fits || !single(&first) || !single(&next) || first.fate.contains(Fate::RECORD_END) {
                return;
            }
            self.take_from_totals(&first);
            self.take_from_totals(&next);
            // What was pushed in one of them is pushed still.
            let fate = first.fate | (next.fate & Fate::AT_END);
            let retransmissions = first.retransmissions.max(next.retransmissions);
            self.list[at] = Record { end: next.end, fate, retransmissions, segment: 0, ..first };
            self.list.remove(at + 1);
            self.add_to_totals(at);
        }
    }

    /// The first record that is lost and was not sent again since.
    pub fn next_lost(&mut self) -> Option<&Record> {
        let from = self.find(self.next_lost).unwrap_or(self.list.len());
        let found = self.list.range(from..).position(|r| r.is_lost() && !r.is_resent());
        match found {
            Some(n) => {
                self.next_lost = self.list[from + n].start;
                self.list.get(from + n)
            }
            None => {
                self.next_lost = self.nxt;
                None
            }
        }
    }

    fn mark_record_lost(&mut self, at: usize) {
        if self.list[at].is_sacked() {
            return;
        }
        self.change(at, |record| {
            record.fate |= Fate::LOST;
            record.fate -= Fate::RESENT;
        });
        self.next_lost = self.next_lost.earlier(self.list[at].start);
    }

    /// The records that make up `start..end` exactly, as far as it is outstanding: cuts at both ends. Where the number
    /// of records forbids to cut, the whole record counts.
    fn cut_out(&mut self, start: SeqNum, end: SeqNum, max: usize) -> Option<(usize, usize)> {
        let (start, end) = (start.later(self.una), end.earlier(self.nxt));
        if !start.before(end) {
            return None;
        }
        let mut first = self.find(start)?;
        if self.cut(first, start, max) {
            first += 1;
        }
        let mut last = self.find(end - 1)?;
        self.cut(last, end, max);
        last += 1;
        Some((first, last))
    }

    /// Cuts a record in two at `seq`, if that is inside and the number of records allows it.
    fn cut(&mut self, at: usize, seq: SeqNum, max: usize) -> bool {
        let record = self.list[at];
        // An island stays whole: nothing that we do can change a part of it.
        let inside = seq.after(record.start) && seq.before(record.end);
        if !inside || record.is_sacked() || self.list.len() >= max {
            return false;
        }
        let mut first = Record { end: seq, fate: record.fate - Fate::AT_END, ..record };
        let mut second = Record { start: seq, ..record };
        first.count();
        second.count();
        self.take_from_totals(&record);
        self.list[at] = first;
        self.list.insert(at + 1, second);
        self.add_to_totals(at);
        self.add_to_totals(at + 1);
        if record.retransmissions > 0 {
            let place = self.resent.partition_point(|(at, _)| *at <= record.sent_at);
            self.resent.insert(place, (record.sent_at, seq));
        }
        true
    }

    /// Joins like neighbours as long as they stay short: half of the bound is left where nothing but length keeps them
    /// apart, so this costs little for each of the many records that follow.
    fn condense(&mut self) {
        let limit = (self.outstanding() / (MAX_RECORDS as u32 / 4)).max(1);
        let mut kept = 0;
        for at in 1..self.list.len() {
            let record = self.list[at];
            let last = &mut self.list[kept];
            if last.may_join(&record) && record.end - last.start <= limit {
                join(last, &record);
            } else {
                kept += 1;
                self.list[kept] = record;
            }
        }
        self.list.truncate(kept + 1);
    }

    fn find(&self, seq: SeqNum) -> Option<usize> {
        if !seq.within(self.una, self.nxt) {
            return None;
        }
        Some(self.list.partition_point(|r| r.end.before_eq(seq)))
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut Record)) {
        let before = self.list[at];
        self.take_from_totals(&before);
        change(&mut self.list[at]);
        self.add_to_totals(at);
    }

    fn take_from_totals(&mut self, record: &Record) {
        self.each_total(record.fate, |amount| amount.take(record));
    }

    fn add_to_totals(&mut self, at: usize) {
        let record = self.list[at];
        self.each_total(record.fate, |amount| amount.add(&record));
    }

    /// Does `change` to each total that a record of this fate is part of.
    fn each_total(&mut self, fate: Fate, change: impl Fn(&mut Amount)) {
        change(&mut self.out);
        let parts =
            [(Fate::SACKED, &mut self.sacked), (Fate::LOST, &mut self.lost), (Fate::RESENT, &mut self.resent_out)];
        for (part, amount) in parts {
            if fate.contains(part) {
                change(amount);
            }
        }
    }

    /// A record that was sent again begins at `start` from now on.
    fn rename_resent(&mut self, record: &Record, start: SeqNum) {
        let first = self.resent.partition_point(|(at, _)| *at < record.sent_at);
        let mut same_time = self.resent.range_mut(first..).take_while(|(at, _)| *at == record.sent_at);
        if let Some(entry) = same_time.find(|(_, seq)| *seq == record.start) {
            entry.1 = start;
        }
    }

    /// Forgets what the list by send time says of records that are gone or were sent again.
    fn tidy_resent(&mut self) {
        let list = &self.list;
        let live = |&(at, seq): &(Instant, SeqNum)| {
            let i = list.partition_point(|r| r.end.before_eq(seq));
            list.get(i).is_some_and(|r| r.start == seq && r.sent_at == at && !r.is_sacked())
        };
        while self.resent.front().is_some_and(|entry| !live(entry)) {
            self.resent.pop_front();
        }
        if self.resent.len() > 2 * list.len() + 16 {
            self.resent.retain(live);
        }
    }
}
