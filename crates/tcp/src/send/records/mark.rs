//! What counts as lost (RFC 6675 §4, RFC 8985 §6.2 step 5, RFC 6298 §5.4), and what does not after all.

use super::SentRecords;
use super::record::{Amount, Fate, Losses, Record};
use super::store::Slot;
use alloc::vec::Vec;
use limpid_wire::SeqNum;

impl SentRecords {
    /// Segments found lost so far (Linux's `tp->lost`); those that were sent again and lost again count anew. Less those that had
    /// arrived after all, or were taken back (unlike Linux): it may shrink. Wraps.
    pub fn lost_so_far(&self) -> u32 {
        self.lost_so_far
    }

    /// Segments ever found lost that were retransmissions (`TCPLostRetransmit`).
    pub fn ever_lost_again(&self) -> u32 {
        self.ever_lost_again
    }

    /// So many segments that were found lost have arrived as they were sent first.
    pub fn spare(&mut self, segments: u32) {
        self.lost_so_far = self.lost_so_far.wrapping_sub(segments);
    }

    /// So many segments are delivered by now, what found no place in a snapshot among them: losses are a share of that. Wraps.
    pub fn note_delivered(&mut self, segments: u32) {
        self.delivered = segments;
    }

    /// What newly counts as lost since this was asked last.
    pub fn take_losses(&mut self) -> Losses {
        core::mem::take(&mut self.newly_lost)
    }

    /// Counts `start..end` as lost, but for what is sacked. What was sent again counts as lost again.
    pub fn mark_lost(&mut self, start: SeqNum, end: SeqNum) {
        let Some((mut slot, end)) = self.cut_out(start, end) else { return };
        while self.store[slot].start.before(end) {
            self.mark_record_lost(slot);
            match self.store.next(slot) {
                Some(next) => slot = next,
                None => return,
            }
        }
    }

    /// The retransmission timer ran out: all that is not sacked counts as lost (RFC 6675 §5.1), but for what is sent again or was
    /// sent so lately that it may still arrive, as `spared` says. If the *first* is sacked and still not acknowledged, the peer
    /// has thrown away what it told of (RFC 2018 §8): then no SACK is believed, and all is lost. Returns true in that case.
    pub fn mark_lost_at_timeout(&mut self, spared: impl Fn(&Record) -> bool) -> bool {
        let reneged = self.first().is_some_and(Record::is_sacked);
        let mut at = self.store.first();
        while let Some(slot) = at {
            at = self.store.next(slot);
            let first = self.store.first() == Some(slot);
            if reneged {
                self.change(slot, |record| record.fate -= Fate::SACKED);
                self.store.node_mut(slot).onward = Slot::NONE;
            } else if !first && spared(&self.store[slot]) {
                continue;
            }
            self.mark_record_lost(slot);
        }
        if reneged {
            self.highest_sacked = self.una;
            self.forget_judgement();
        }
        reneged
    }

    /// The same where all is lost.
    pub fn mark_all_lost(&mut self) -> bool {
        self.mark_lost_at_timeout(|_| false)
    }

    /// What is outstanding in segments of more than `mss` bytes counts as lost, but for what is sacked. True if there is such.
    pub fn mark_larger_lost(&mut self, mss: u32) -> bool {
        let mut any = false;
        let mut at = self.store.first();
        while let Some(slot) = at {
            at = self.store.next(slot);
            if self.store[slot].segment_len() > mss && !self.store[slot].is_sacked() {
                self.mark_record_lost(slot);
                any = true;
            }
        }
        any
    }

    /// Takes all loss marks back: nothing was lost after all. What was sent again meanwhile stays in flight twice.
    pub fn unmark_lost(&mut self) {
        self.waiting.clear();
        let mut waited = Vec::new();
        let mut at = self.store.first();
        while let Some(slot) = at {
            at = self.store.next(slot);
            if self.store[slot].is_waiting() {
                waited.push(slot);
            }
            if self.store[slot].is_lost() {
                self.spare(self.store[slot].segments());
            }
            self.change_fate(slot, |record| record.fate -= Fate::LOST);
        }
        self.by_time.insert_all(&mut self.store, waited);
        self.forget_judgement();
    }

    /// Counts as lost what `threshold` segments or more were sacked after (RFC 6675 §4's IsLost, in segments, as Linux counted
    /// before RACK). What was sent again is not judged anew. Returns true if something new is lost.
    pub fn mark_lost_by_sack(&mut self, threshold: u32) -> bool {
        let before = self.lost.bytes;
        if self.judged.before(self.highest_sacked) && self.sacked.segments >= threshold {
            let mut at = self.find(self.judged);
            while let Some(slot) = at {
                let record = self.store[slot];
                if record.start.after_eq(self.highest_sacked) {
                    break;
                }
                if record.is_sacked() {
                    self.sacked_judged += record.segments();
                } else if self.sacked.segments - self.sacked_judged < threshold.max(1) {
                    break;
                } else if !record.is_lost() && !record.is_resent() {
                    self.mark_record_lost(slot);
                }
                self.judged = record.end;
                at = self.store.next(slot);
            }
        }
        self.lost.bytes > before
    }

    /// All is to be judged anew by number.
    fn forget_judgement(&mut self) {
        self.judged = self.una;
        self.sacked_judged = 0;
    }

    pub(super) fn mark_record_lost(&mut self, slot: Slot) {
        let record = self.store[slot];
        if record.is_sacked() || record.is_waiting() {
            return;
        }
        self.change(slot, |record| {
            record.fate |= Fate::LOST;
            record.fate -= Fate::RESENT;
        });
        self.lost_so_far = self.lost_so_far.wrapping_add(record.segments());
        if record.is_lost() {
            self.ever_lost_again = self.ever_lost_again.wrapping_add(record.segments());
        }
        self.newly_lost.note(&record, self.lost_so_far, self.delivered);
        self.waiting.push(&self.store, slot);
    }

    /// Changes a record, and everything that follows from what it is: the totals, and whether it is in the order of send times.
    pub(super) fn change(&mut self, slot: Slot, change: impl FnOnce(&mut Record)) {
        let before = self.store[slot].is_in_flight();
        self.change_fate(slot, change);
        match (before, self.store[slot].is_in_flight()) {
            (true, false) => self.by_time.remove(&mut self.store, slot),
            (false, true) => self.by_time.push(&mut self.store, slot),
            _ => {}
        }
    }

    /// The same without the order of send times.
    fn change_fate(&mut self, slot: Slot, change: impl FnOnce(&mut Record)) {
        let before = self.store[slot];
        self.each_total(before.fate, |amount| amount.take(&before));
        change(&mut self.store[slot]);
        let after = self.store[slot];
        self.each_total(after.fate, |amount| amount.add(&after));
    }

    /// Does `change` to each total that a record of this fate is part of.
    pub(super) fn each_total(&mut self, fate: Fate, change: impl Fn(&mut Amount)) {
        change(&mut self.out);
        let parts =
            [(Fate::SACKED, &mut self.sacked), (Fate::LOST, &mut self.lost), (Fate::RESENT, &mut self.resent_out)];
        for (part, amount) in parts {
            if fate.contains(part) {
                change(amount);
            }
        }
    }
}
