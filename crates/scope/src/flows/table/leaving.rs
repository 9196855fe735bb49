//! Connections leave, and their memory serves those to come.

use super::super::entry::Entry;
use super::super::sighting::FlowNumber;
use super::slot::{Found, Left, Slot};
use super::{MAX_SPARE, Table};

impl Table {
    /// Takes a connection out.
    pub(super) fn leave(&mut self, slot: u32) {
        let Some(mut what) = self.slots.get_mut(slot as usize).map(std::mem::take) else { return };
        let (number, key) = match &mut what {
            Slot::Free => return,
            Slot::Awake(entry) => {
                self.detail -= entry.counted;
                entry.free_detail(&mut self.rings);
                (entry.flow.number, entry.key)
            }
            Slot::Resting(resting) => (resting.number(), resting.key()),
        };
        let hash = self.secret.hash(&key);
        if let Ok(found) = self.map.find_entry(Found::spread(hash as u32), |other| other.slot == slot) {
            found.remove();
        }
        self.numbers.remove(&number);
        self.free.push(slot);
        self.open -= 1;
        if self.ended.len() >= self.max_open {
            self.ended.pop_front();
            self.totals.unread += 1;
        }
        self.ended.push_back(Left { slot, what });
    }

    #[inline]
    pub(in crate::flows) fn poll_ended(&mut self) -> Option<Box<Entry>> {
        let left = self.ended.pop_front()?;
        self.conclude(left)
    }

    /// What is to be said of one that left.
    pub(super) fn conclude(&mut self, left: Left) -> Option<Box<Entry>> {
        let mut entry = match left.what {
            Slot::Free => return None,
            Slot::Awake(entry) => entry,
            Slot::Resting(resting) => {
                let mut entry = self.spare.pop_back().unwrap_or_else(|| Box::new(Entry::blank()));
                resting.wake_figures(&mut entry, &mut self.unpacker);
                entry.slot = left.slot;
                entry
            }
        };
        entry.conclude();
        Some(entry)
    }

    /// Takes back the memory of one that left.
    #[inline]
    pub(in crate::flows) fn recycle(&mut self, mut entry: Box<Entry>) {
        entry.free_detail(&mut self.rings);
        if self.spare.len() < MAX_SPARE {
            self.spare.push_back(entry);
        }
    }

    /// All that is left, in order.
    pub(in crate::flows) fn finish(mut self) -> Finish {
        let open = self.slots.drain(..).zip(0..).map(|(what, slot)| Left { slot, what });
        // With their numbers beside them: to sort them without looking at each again and again.
        let numbered = self.ended.drain(..).chain(open).filter_map(|left| Some((left.what.number()?, left)));
        let mut numbered: Vec<(FlowNumber, Left)> = numbered.collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        Finish { table: self, left: numbered.into_iter() }
    }
}

/// Hands out all that are left at the end, and may have their memory back.
pub(in crate::flows) struct Finish {
    table: Table,
    left: std::vec::IntoIter<(FlowNumber, Left)>,
}

impl Finish {
    pub(in crate::flows) fn recycle(&mut self, entry: Box<Entry>) {
        self.table.recycle(entry);
    }
}

impl Iterator for Finish {
    type Item = Box<Entry>;

    fn next(&mut self) -> Option<Box<Entry>> {
        let (_, left) = self.left.next()?;
        self.table.conclude(left)
    }
}
