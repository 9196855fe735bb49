//! What ended is packed, and wakes when something comes.

use super::super::entry::Entry;
use super::super::pack::Unpacker;
use super::super::records::Rings;
use super::super::rest::Resting;
use super::slot::Slot;
use super::{Noted, Table};
use std::collections::VecDeque;

impl Table {
    #[cold]
    pub(super) fn wake(&mut self, slot: u32) {
        let Some(place) = self.slots.get_mut(slot as usize) else { return };
        let Slot::Resting(resting) = place else { return };
        let mut entry = wake(resting, &mut self.spare, &mut self.rings, &mut self.unpacker);
        let number = entry.flow.number;
        (entry.slot, entry.has_detail, entry.counted) = (slot, false, 0);
        *place = Slot::Awake(entry);
        self.woken.push_back((slot, number));
        if self.woken.len() > self.max_woken
            && let Some(first) = self.woken.pop_front()
            && first.0 != slot
        {
            self.rest(first);
        }
    }

    /// With another number of those that ended and do not rest.
    #[cfg(test)]
    pub(in crate::flows) fn keep_awake(&mut self, most: usize) {
        (self.max_awake, self.max_woken) = (most, most);
    }

    /// What ended rests when so many others have ended since.
    pub(super) fn rest_later(&mut self, noted: Noted) {
        self.awake.push_back(noted);
        if self.awake.len() > self.max_awake
            && let Some(first) = self.awake.pop_front()
            && first != noted
        {
            self.rest(first);
        }
    }

    pub(super) fn rest(&mut self, noted: Noted) {
        let Some(place) = self.slots.get_mut(noted.0 as usize) else { return };
        let Some(entry) = place.awake().filter(|entry| entry.flow.number == noted.1) else { return };
        let Some(resting) = Resting::of(entry, &mut self.packer) else { return };
        #[cfg(test)]
        (self.packed += 1);
        if let Slot::Awake(entry) = std::mem::replace(place, Slot::Resting(resting)) {
            self.detail -= entry.counted;
            self.recycle(entry);
        }
    }

    /// The connection at `slot` has ended.
    pub(in crate::flows) fn linger(&mut self, slot: u32, now: i64) {
        if let Some(entry) = self.slots.get_mut(slot as usize).and_then(Slot::awake_mut) {
            entry.lingers = true;
            entry.streams.iter_mut().for_each(|stream| stream.records.shrink(&mut self.rings));
            let number = entry.flow.number;
            self.over.push_back((now, (slot, number)));
            self.count_detail(slot);
            self.rest_later((slot, number));
        }
    }
}

/// Makes one that rested what it was, in memory that is there if any is.
fn wake(from: &Resting, spare: &mut VecDeque<Box<Entry>>, rings: &mut Rings, unpacker: &mut Unpacker) -> Box<Entry> {
    let mut entry = spare.pop_back().unwrap_or_else(|| Box::new(Entry::blank()));
    entry.streams.iter_mut().for_each(|stream| stream.records.make_room(rings));
    from.wake(&mut entry, unpacker);
    entry
}
