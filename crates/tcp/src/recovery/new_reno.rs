//! Duplicate ACKs without SACK (RFC 5681 §3.2, RFC 6582): each tells that one segment has arrived, though not which. They are
//! counted as if each had sacked a segment (Linux's `sacked_out` of `tcp_add_reno_sack`), so that one in flight less lets a new
//! one in: limited transmit (RFC 3042) and the inflation of RFC 5681 §3.2 step 4 follow by themselves.

#[cfg(test)]
mod tests;

use super::machine::{Phase, Recovery};
use crate::pack::packed;
use crate::send::SentRecords;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NewReno {
    /// Segments that arrived out of order, by duplicate ACKs.
    sacked: u32,
}

impl NewReno {
    /// Segments that arrived out of order, as far as duplicate ACKs tell.
    pub fn sacked(&self) -> u32 {
        self.sacked
    }

    /// They say nothing any more.
    pub(super) fn reset(&mut self) {
        self.sacked = 0;
    }

    /// `duplicates` ACKs came twice. Returns how many segments that tells to have arrived, and whether there were more of them
    /// than can be: then segments overtook each other.
    pub(super) fn add(&mut self, duplicates: u32, records: &SentRecords) -> (u32, bool) {
        let before = self.sacked;
        self.sacked = self.sacked.saturating_add(duplicates);
        let reordered = self.limit(records);
        (self.sacked.saturating_sub(before), reordered)
    }

    /// `acked` segments were acknowledged: one filled the hole, the others had been counted. Returns as [`add`](Self::add).
    pub(super) fn remove(&mut self, acked: u32, records: &SentRecords) -> (u32, bool) {
        let delivered = acked.saturating_sub(self.sacked).max(1);
        self.sacked = self.sacked.saturating_sub(acked.saturating_sub(1));
        (delivered, self.limit(records))
    }

    /// At least one outstanding segment is missing, and what is lost has not arrived: a peer that makes duplicate ACKs up gains
    /// nothing by it (`tcp_limit_reno_sacked`).
    pub(super) fn limit(&mut self, records: &SentRecords) -> bool {
        let out = records.segments_out();
        let most = out - records.segments_lost().max(1).min(out);
        let over = self.sacked > most;
        self.sacked = self.sacked.min(most);
        over
    }
}

impl Recovery {
    /// Enough duplicate ACKs came, or a partial ACK stops at the next hole (RFC 6582 §3.2 steps 2 and 3).
    pub(super) fn mark_lost_without_sack(&mut self, records: &mut SentRecords, mss: u32, advances: bool) {
        let begins = self.phase < Phase::Recovery && self.new_reno.sacked() >= self.reordering.degree();
        if begins || (self.phase == Phase::Recovery && advances) {
            mark_first_lost(records, mss);
        }
    }
}

/// The first outstanding segment is lost, if nothing else is known of it.
fn mark_first_lost(records: &mut SentRecords, mss: u32) {
    if records.first().is_some_and(|first| !first.is_lost() && !first.is_sacked()) {
        let una = records.snd_una();
        // A single segment is lost as a whole, be it larger than they are now.
        let single = records.first().filter(|first| first.segments() == 1).map(|first| first.end());
        records.mark_lost(una, single.unwrap_or(una + mss));
    }
}

packed!(struct NewReno { sacked });
