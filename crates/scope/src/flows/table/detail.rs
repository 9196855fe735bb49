//! What is outstanding piece by piece, bounded for all connections together; and what the table holds in all.

use super::super::Memory;
use super::super::entry::Entry;
use super::super::sighting::FlowNumber;
use super::super::stream::Stream;
use super::slot::{Found, Left, Slot};
use super::{LOOKS, Noted, RECENT, Table};

impl Table {
    /// The detail of the connection at `slot` takes more or less than before.
    #[cold]
    pub(in crate::flows) fn count_detail(&mut self, slot: u32) {
        let Some(entry) = self.slots.get_mut(slot as usize).and_then(Slot::awake_mut) else { return };
        let bytes = entry.detail();
        self.detail = self.detail + bytes - entry.counted;
        entry.counted = bytes;
        if bytes > 0 && !entry.has_detail {
            entry.has_detail = true;
            self.detailed.push_back((entry.flow.last, (slot, entry.flow.number)));
            self.bound_queues();
        }
        if self.detail > self.max_detail {
            self.save_detail();
        }
        self.most_detail = self.most_detail.max(self.detail);
    }

    /// Makes those that were silent longest let go, until there is room.
    pub(super) fn save_detail(&mut self) {
        let mut looks = 0;
        while self.detail > self.max_detail
            && let Some((since, noted)) = self.detailed.pop_front()
        {
            let entry = self.noted_mut(noted).filter(|entry| entry.has_detail);
            let Some(last) = entry.map(|entry| entry.flow.last) else { continue };
            looks += 1;
            if last > since && looks < LOOKS {
                self.detailed.push_back((last, noted));
                continue;
            }
            self.totals.let_go += 1;
            if let Some(entry) = self.noted_mut(noted) {
                (entry.has_detail, entry.flow.detail_let_go) = (false, true);
                entry.streams.iter_mut().for_each(Stream::let_go);
                let (before, bytes) = (entry.counted, entry.detail());
                entry.counted = bytes;
                self.detail = self.detail + bytes - before;
            }
        }
    }

    /// What is held now.
    pub(in crate::flows) fn memory(&self) -> Memory {
        let slots = self.slots.iter().chain(self.ended.iter().map(|left| &left.what)).map(Slot::size);
        let spare = self.spare.iter().map(|entry| entry.size());
        let queues = [&self.idle, &self.over, &self.detailed].map(|queue| queue.capacity() * size_of::<(i64, Noted)>());
        let tables = [
            self.slots.capacity() * size_of::<Slot>(),
            self.ended.capacity() * size_of::<Left>(),
            (self.awake.capacity() + self.woken.capacity()) * size_of::<Noted>(),
            self.packer.size() + self.unpacker.size() + RECENT * size_of::<Found>(),
            self.free.capacity() * size_of::<u32>(),
            self.map.allocation_size(),
            self.spare.capacity() * size_of::<Box<Entry>>(),
            self.rings.size(),
            self.numbers.capacity() * (size_of::<(FlowNumber, u32)>() + 1),
        ];
        Memory {
            connections: slots.chain(spare).sum(),
            tables: tables.iter().chain(&queues).sum(),
            detail: self.detail,
            most_detail: self.most_detail,
        }
    }
}
