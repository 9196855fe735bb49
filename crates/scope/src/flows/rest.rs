//! Connections that ended wait for what may still come late: as few bytes, for there are many times as many of them as are
//! under way, and hardly one is ever looked at before it leaves. Whatever comes wakes them as they were.

use super::entry::Entry;
use super::key::FlowKey;
use super::pack::{Packer, Unpacker};
use super::sighting::FlowNumber;

/// Bytes of the number, the time of the last packet and the key, which are told without unpacking.
const HEADER: usize = size_of::<u64>() + size_of::<i64>() + FlowKey::LEN;

/// A connection that rests: number, time, key, and the packed rest.
#[derive(Debug)]
pub(super) struct Resting(Box<[u8]>);

impl Resting {
    /// Packs a connection; `None` if it has what can't be packed.
    pub(super) fn of(entry: &Entry, packer: &mut Packer) -> Option<Resting> {
        if entry.flow.excerpt.is_some() || entry.flow.refusal.is_some() {
            return None;
        }
        let mut header = [0; HEADER];
        let (number, rest) = header.split_at_mut(size_of::<u64>());
        let (last, key) = rest.split_at_mut(size_of::<i64>());
        number.copy_from_slice(&entry.flow.number.0.to_le_bytes());
        last.copy_from_slice(&entry.flow.last.to_le_bytes());
        key.copy_from_slice(&entry.key.to_bytes());
        packer.begin(&header, entry.flow.last);
        // First what is told of it, then what the next packet is compared with.
        entry.flow.pack_all(packer);
        entry.flow.ends.iter().for_each(|end| end.pack_all(packer));
        entry.streams.iter().for_each(|stream| packer.word(stream.fruitless.into()));
        packer.word(entry.client_is_high().into());
        packer.end_part()?;
        entry.pack_all(packer);
        entry.streams.iter().for_each(|stream| stream.pack_all(packer));
        packer.end_part()?;
        Some(Resting(packer.finish()))
    }

    /// Makes an entry what was packed.
    pub(super) fn wake(&self, entry: &mut Entry, unpacker: &mut Unpacker) {
        let rest = self.wake_figures(entry, unpacker);
        unpacker.next_part(rest);
        entry.unpack_all(unpacker);
        entry.streams.iter_mut().for_each(|stream| stream.unpack_all(unpacker));
    }

    /// The same without what only further packets need, which stands in what this answers.
    pub(super) fn wake_figures(&self, entry: &mut Entry, unpacker: &mut Unpacker) -> &[u8] {
        let rest = unpacker.begin(self.0.get(HEADER..).unwrap_or_default());
        let flow = &mut entry.flow;
        flow.unpack_all(unpacker);
        flow.ends.iter_mut().for_each(|end| end.unpack_all(unpacker));
        (flow.number, flow.excerpt, flow.refusal) = (self.number(), None, None);
        entry.streams.iter_mut().for_each(|stream| stream.fruitless = unpacker.word() as u32);
        entry.name_ends(self.key(), unpacker.word() != 0);
        rest
    }

    pub(super) fn number(&self) -> FlowNumber {
        FlowNumber(self.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    /// When its last packet came.
    pub(super) fn last(&self) -> i64 {
        let bytes = self.0.get(size_of::<u64>()..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| i64::from_le_bytes(*bytes))
    }

    pub(super) fn key(&self) -> FlowKey {
        let bytes = self.0.get(size_of::<u64>() + size_of::<i64>()..).and_then(<[u8]>::first_chunk);
        FlowKey::from_bytes(bytes.unwrap_or(&[0; FlowKey::LEN]))
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        self.0.len()
    }
}
