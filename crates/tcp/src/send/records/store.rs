//! Where records lie: a slab, in which lists lead from one to the next by sequence numbers and by send time, and an index by
//! sequence numbers.
//!
//! The index has an entry for each record that was sent. Those that were cut off it later follow it in the list, and have an entry
//! where the way would be long. So what arrives in order costs the same however much is in flight, and what is asked for by
//! its number a binary search. No record is ever moved.

use super::record::{Fate, Record};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};
use limpid_wire::SeqNum;

/// Memory that an empty store keeps, in records.
const KEPT: usize = 64;

/// So many records are passed on the way from an entry of the index, before there is another entry.
const LONG_WAY: usize = 16;

/// The place of a record in its slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slot(u32);

impl Slot {
    pub(super) const NONE: Slot = Slot(u32::MAX);

    pub(super) fn is_none(self) -> bool {
        self == Slot::NONE
    }

    /// Itself, if it is a place.
    pub(super) fn some(self) -> Option<Slot> {
        (!self.is_none()).then_some(self)
    }
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) record: Record,
    /// By sequence numbers. Of a place that is free, the next free one.
    next: Slot,
    prev: Slot,
    /// By send time, if it is in that list.
    pub(super) later: Slot,
    pub(super) earlier: Slot,
    /// If it is sacked, another one of its island that lies further on: the way to the island's end.
    pub(super) onward: Slot,
}

/// Where to begin the search for a number.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: SeqNum,
    /// A record that begins there, or before.
    slot: Slot,
}

#[derive(Debug)]
pub(super) struct Store {
    nodes: Vec<Node>,
    index: VecDeque<Entry>,
    free: Slot,
    first: Slot,
    last: Slot,
    count: u32,
}

impl Store {
    /// The most it can hold.
    pub(super) const CAPACITY: usize = 1 << 19;

    pub(super) const fn new() -> Store {
        Store {
            nodes: Vec::new(),
            index: VecDeque::new(),
            free: Slot::NONE,
            first: Slot::NONE,
            last: Slot::NONE,
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    pub(super) fn first(&self) -> Option<Slot> {
        self.first.some()
    }

    pub(super) fn last(&self) -> Option<Slot> {
        self.last.some()
    }

    /// The one that follows by sequence numbers.
    pub(super) fn next(&self, slot: Slot) -> Option<Slot> {
        self.node(slot).next.some()
    }

    /// The one before it.
    pub(super) fn prev(&self, slot: Slot) -> Option<Slot> {
        self.node(slot).prev.some()
    }

    /// The record at `slot`, if the slab reaches that far.
    pub(super) fn get(&self, slot: Slot) -> Option<&Record> {
        self.nodes.get(slot.0 as usize).map(|node| &node.record)
    }

    pub(super) fn node(&self, slot: Slot) -> &Node {
        &self.nodes[slot.0 as usize]
    }

    pub(super) fn node_mut(&mut self, slot: Slot) -> &mut Node {
        &mut self.nodes[slot.0 as usize]
    }

    /// The record that holds `seq`, which is not before the first nor after the last.
    pub(super) fn find(&self, seq: SeqNum) -> Option<Slot> {
        self.walk(self.search(seq), seq).map(|(slot, _)| slot)
    }

    /// The same; where the way was long it is shorter the next time.
    pub(super) fn find_mut(&mut self, seq: SeqNum) -> Option<Slot> {
        let after = self.search(seq);
        let (slot, steps) = self.walk(after, seq)?;
        if steps > LONG_WAY {
            self.index.insert(after, Entry { start: self[slot].start, slot });
        }
        Some(slot)
    }

    /// How many entries of the index begin at `seq` or before. Segments are of one length most of the time, so it is looked for where
    /// it would be then, and around that in steps twice as long each time.
    fn search(&self, seq: SeqNum) -> usize {
        let index = &self.index;
        let (Some(front), Some(back)) = (index.front(), index.back()) else { return 0 };
        let (ahead, span) = (seq.offset_from(front.start), back.start.offset_from(front.start));
        if ahead < 0 {
            return 0;
        } else if ahead >= span {
            return index.len();
        }
        // The entry at `low` begins before or there, the one at `high` after.
        let mut low = (ahead as u64 * (index.len() as u64 - 1) / span as u64) as usize;
        let begins_after = |at: usize| index[at].start.after(seq);
        let (mut high, mut step) = (low + 1, 1);
        while begins_after(low) {
            (high, low) = (low, low.saturating_sub(step));
            step *= 2;
        }
        while high < index.len() && !begins_after(high) {
            (low, high) = (high, high + step);
            step *= 2;
        }
        let mut high = high.min(index.len());
        while high - low > 1 {
            let middle = low.midpoint(high);
            *(if begins_after(middle) { &mut high } else { &mut low }) = middle;
        }
        high
    }

    /// From the entry before `after` on to the record that holds `seq`, and how many were passed.
    fn walk(&self, after: usize, seq: SeqNum) -> Option<(Slot, usize)> {
        let mut slot = after.checked_sub(1).map_or(self.first, |at| self.index[at].slot);
        let mut steps = 0;
        while let Some(found) = slot.some() {
            if self[found].end.after(seq) {
                return Some((found, steps));
            }
            slot = self.node(found).next;
            steps += 1;
        }
        None
    }

    /// Adds what was sent last. There must be room.
    pub(super) fn push_back(&mut self, record: Record) -> Slot {
        let slot = self.take_place(record);
        self.index.push_back(Entry { start: record.start, slot });
        self.node_mut(slot).prev = self.last;
        match self.last.some() {
            Some(last) => self.node_mut(last).next = slot,
            None => self.first = slot,
        }
        self.last = slot;
        slot
    }

    /// Adds what was cut off the record at `before`. There must be room.
    pub(super) fn insert_after(&mut self, before: Slot, record: Record) -> Slot {
        let slot = self.take_place(record);
        let next = self.node(before).next;
        let node = self.node_mut(slot);
        (node.prev, node.next) = (before, next);
        self.node_mut(before).next = slot;
        match next.some() {
            Some(next) => self.node_mut(next).prev = slot,
            None => self.last = slot,
        }
        // Entries lead to the record that holds their numbers.
        let from = self.index.partition_point(|entry| entry.start.before(record.start));
        let led_there = self.index.range_mut(from..).take_while(|entry| entry.slot == before);
        led_there.for_each(|entry| entry.slot = slot);
        slot
    }

    /// Forgets the first.
    pub(super) fn pop_front(&mut self) {
        let Some(first) = self.first.some() else { return };
        let next = self.node(first).next;
        self.first = next;
        match next.some() {
            Some(next) => self.node_mut(next).prev = Slot::NONE,
            None => self.last = Slot::NONE,
        }
        self.give_back(first);
        while self.index.front().is_some_and(|entry| entry.slot == first) {
            let begins = next.some().map(|next| self[next].start);
            let covered = self.index.get(1).zip(begins).is_some_and(|(entry, begins)| entry.start.before_eq(begins));
            match begins {
                Some(start) if !covered => self.index[0] = Entry { start, slot: next },
                _ => drop(self.index.pop_front()),
            }
        }
        if self.count == 0 {
            self.release();
        }
    }

    /// Forgets the record after the one at `slot`, which holds its numbers from now on.
    pub(super) fn absorb_next(&mut self, slot: Slot) {
        let Some(gone) = self.next(slot) else { return };
        let after = self.node(gone).next;
        let start = self[gone].start;
        self.node_mut(slot).next = after;
        match after.some() {
            Some(after) => self.node_mut(after).prev = slot,
            None => self.last = slot,
        }
        let from = self.index.partition_point(|entry| entry.start.before(start));
        let led_there = self.index.range_mut(from..).take_while(|entry| entry.slot == gone);
        led_there.for_each(|entry| entry.slot = slot);
        self.give_back(gone);
    }

    fn take_place(&mut self, record: Record) -> Slot {
        let (none, count) = (Slot::NONE, self.count);
        let node = Node { record, next: none, prev: none, later: none, earlier: none, onward: none };
        self.count = count + 1;
        match self.free.some() {
            Some(slot) => {
                self.free = self.node(slot).next;
                *self.node_mut(slot) = node;
                slot
            }
            None => {
                self.nodes.push(node);
                Slot((self.nodes.len() - 1) as u32)
            }
        }
    }

    fn give_back(&mut self, slot: Slot) {
        let free = core::mem::replace(&mut self.free, slot);
        let node = self.node_mut(slot);
        // Whoever still has the number of its place sees that nothing is there.
        node.record.fate = Fate::empty();
        node.next = free;
        self.count -= 1;
    }

    /// Bytes of memory.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.index.capacity() * size_of::<Entry>()
    }

    /// Nothing is left: an idle connection keeps next to no memory for it.
    fn release(&mut self) {
        self.nodes.clear();
        self.index.clear();
        self.free = Slot::NONE;
        self.nodes.shrink_to(KEPT);
        self.index.shrink_to(KEPT);
    }
}

impl Index<Slot> for Store {
    type Output = Record;
    fn index(&self, slot: Slot) -> &Record {
        &self.node(slot).record
    }
}

impl IndexMut<Slot> for Store {
    fn index_mut(&mut self, slot: Slot) -> &mut Record {
        &mut self.node_mut(slot).record
    }
}
