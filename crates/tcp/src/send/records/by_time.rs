//! The order of send times (RFC 8985 §5.2; Linux's `tsorted_sent_queue`): what is in flight as far as known, oldest first.
//!
//! What is sent goes to the end of the list, the first time and each time again; what is sacked or lost leaves it. A mark stands
//! where the newest that has arrived would be: it only ever moves on, so that to look for losses costs no more than there
//! are, however many records were overtaken and may yet arrive.

use super::SentRecords;
use super::record::Record;
use super::store::{Slot, Store};
use crate::recovery::rack;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

#[derive(Debug)]
pub(super) struct ByTime {
    oldest: Slot,
    newest: Slot,
    /// The last one that left before the newest that has arrived.
    passed: Slot,
}

impl ByTime {
    pub(super) const fn new() -> ByTime {
        ByTime { oldest: Slot::NONE, newest: Slot::NONE, passed: Slot::NONE }
    }

    pub(super) fn oldest(&self) -> Option<Slot> {
        self.oldest.some()
    }

    pub(super) fn newest(&self) -> Option<Slot> {
        self.newest.some()
    }

    /// It has just been sent.
    pub(super) fn push(&mut self, store: &mut Store, slot: Slot) {
        self.link(store, slot, self.newest, Slot::NONE);
    }

    /// It was cut off the one at `before`, with which it was sent.
    pub(super) fn insert_after(&mut self, store: &mut Store, before: Slot, slot: Slot) {
        let later = store.node(before).later;
        self.link(store, slot, before, later);
        if self.passed == before {
            self.passed = slot;
        }
    }

    /// They were sent between the ones that are here: each goes before all that left after it. One pass, in whatever order they
    /// come.
    pub(super) fn insert_all(&mut self, store: &mut Store, mut slots: Vec<Slot>) {
        slots.sort_unstable_by(|a, b| {
            let (a, b) = (&store[*a], &store[*b]);
            a.sent_at.cmp(&b.sent_at).then(a.end.offset_from(b.end).cmp(&0))
        });
        let (mut earlier, mut later) = (Slot::NONE, self.oldest);
        for slot in slots {
            let left = (store[slot].sent_at, store[slot].end);
            let stays = |next: &Slot| !rack::is_after((store[*next].sent_at, store[*next].end), left);
            while let Some(next) = later.some().filter(stays) {
                (earlier, later) = (next, store.node(next).later);
            }
            self.link(store, slot, earlier, later);
            earlier = slot;
        }
    }

    fn link(&mut self, store: &mut Store, slot: Slot, earlier: Slot, later: Slot) {
        let node = store.node_mut(slot);
        (node.earlier, node.later) = (earlier, later);
        match earlier.some() {
            Some(earlier) => store.node_mut(earlier).later = slot,
            None => self.oldest = slot,
        }
        match later.some() {
            Some(later) => store.node_mut(later).earlier = slot,
            None => self.newest = slot,
        }
    }

    pub(super) fn remove(&mut self, store: &mut Store, slot: Slot) {
        let (earlier, later) = (store.node(slot).earlier, store.node(slot).later);
        match earlier.some() {
            Some(earlier) => store.node_mut(earlier).later = later,
            None => self.oldest = later,
        }
        match later.some() {
            Some(later) => store.node_mut(later).earlier = earlier,
            None => self.newest = earlier,
        }
        if self.passed == slot {
            self.passed = earlier;
        }
    }

    /// `reference` has arrived: the mark moves past what left before it.
    fn pass(&mut self, store: &Store, reference: (Instant, SeqNum)) {
        loop {
            let next = self.passed.some().map_or(self.oldest, |passed| store.node(passed).later);
            let Some(next) = next.some() else { return };
            let record = &store[next];
            if !rack::is_after(reference, (record.sent_at, record.end)) {
                return;
            }
            self.passed = next;
        }
    }
}

impl SentRecords {
    /// Marks as lost what left before `reference`, which has arrived, and at least `patience` ago. Returns when the youngest
    /// left that did so before it and is not that old: when it will be, it is lost as well.
    pub fn mark_lost_by_time(
        &mut self,
        reference: (Instant, SeqNum),
        now: Instant,
        patience: Duration,
    ) -> Option<Instant> {
        self.by_time.pass(&self.store, reference);
        while let (Some(passed), Some(oldest)) = (self.by_time.passed.some(), self.by_time.oldest()) {
            if self.store[oldest].sent_at + patience > now {
                return Some(self.store[passed].sent_at);
            }
            self.mark_record_lost(oldest);
        }
        None
    }

    /// What is in flight, neither sacked nor lost and waiting, oldest first.
    pub fn in_order_of_time(&self) -> impl Iterator<Item = &Record> {
        let next = |slot: &Slot| self.store.node(*slot).later.some();
        core::iter::successors(self.by_time.oldest(), next).map(|slot| &self.store[slot])
    }
}
