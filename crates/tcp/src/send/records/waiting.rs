//! What is lost and waits to be sent again, lowest number first: a heap, in which what is waiting no more is passed over when it
//! comes to the top.

use super::SentRecords;
use super::record::Record;
use super::store::{Slot, Store};
use alloc::vec::Vec;
use limpid_wire::SeqNum;

/// Entries beyond two for each record, after which those that mean nothing any more are thrown out.
const SLACK: usize = 32;

/// A binary heap; see the module.
#[derive(Debug)]
pub(super) struct Waiting {
    heap: Vec<(SeqNum, Slot)>,
}

impl Waiting {
    pub(super) const fn new() -> Waiting {
        Waiting { heap: Vec::new() }
    }

    pub(super) fn push(&mut self, store: &Store, slot: Slot) {
        if self.heap.len() > 2 * store.len() + SLACK {
            self.tidy(store);
        }
        self.heap.push((store[slot].start, slot));
        self.rise(self.heap.len() - 1);
    }

    /// The lowest of those that wait.
    pub(super) fn first(&mut self, store: &Store) -> Option<Slot> {
        while let Some(&entry) = self.heap.first() {
            if is_waiting(store, entry) {
                return Some(entry.1);
            }
            self.pop();
        }
        None
    }

    fn pop(&mut self) {
        self.heap.swap_remove(0);
        self.sink(0);
    }

    /// What is before `una` waits for nothing: its entries go, or numbers that have come round would be compared with them.
    pub(super) fn forget_before(&mut self, una: SeqNum) {
        while self.heap.first().is_some_and(|(start, _)| start.before(una)) {
            self.pop();
        }
    }

    /// Nobody waits. The memory goes, too.
    pub(super) fn clear(&mut self) {
        self.heap = Vec::new();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    fn tidy(&mut self, store: &Store) {
        self.heap.retain(|entry| is_waiting(store, *entry));
        // A sorted list is a heap.
        self.heap.sort_unstable_by(|a, b| a.0.offset_from(b.0).cmp(&0));
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 && self.is_before(at, (at - 1) / 2) {
            self.heap.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.is_before(child, least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        self.heap[a].0.before(self.heap[b].0)
    }
}

fn is_waiting(store: &Store, (start, slot): (SeqNum, Slot)) -> bool {
    store.get(slot).is_some_and(|record| record.start == start && record.is_waiting())
}

impl SentRecords {
    /// The first record that is lost and was not sent again since.
    pub fn next_lost(&mut self) -> Option<&Record> {
        let slot = self.waiting.first(&self.store)?;
        Some(&self.store[slot])
    }
}
