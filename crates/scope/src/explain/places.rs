//! Where in a file the packets of a connection stand, so that those of a few can be read again without all the others.

use super::{Explained, picker};
use crate::capture::{CapturedPacket, Reader};
use crate::truth::MAX_BYTES;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// The most bytes for the places of all connections' packets together, as much as is allocated for them.
pub(super) const MAX_NOTED: usize = 60_000_000;
/// How many bytes there is room for at first, and how many times as many then.
const FEW: usize = 96;
const GROWTH: usize = 3;
/// The most bytes of one step.
const MAX_STEP: usize = 3 * 5;
/// A file is read from its beginning on, unless a packet in so many bytes is wanted, or fewer.
const SPARSE: u64 = 8_192;
/// Bytes of a pcap file's own header.
const FILE_HEADER: usize = 24;

/// The places of a connection's packets, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// For each packet how far its number and its start are from those of the one before, and its length: seven bits to a byte,
    /// the low ones first, the highest bit where more follow. Most packets take six bytes.
    steps: Vec<u8>,
    count: u64,
    /// Number and start of the first one, and of the last.
    first: (u64, u64),
    last: (u64, u64),
    /// Not all of them are noted.
    is_incomplete: bool,
}

impl Places {
    /// Notes the next packet, if there is `room`: bytes.
    #[inline]
    pub(super) fn note(&mut self, number: u64, place: Option<Range<u64>>, room: &mut usize) {
        if self.is_incomplete {
            return;
        }
        if self.count == 0 {
            self.first = (number, place.as_ref().map_or(0, |place| place.start));
            self.last = self.first;
        }
        if self.try_note(number, place, room).is_none() {
            self.give_up(room);
        }
    }

    #[inline]
    fn try_note(&mut self, number: u64, place: Option<Range<u64>>, room: &mut usize) -> Option<()> {
        let place = place?;
        let step = [number.checked_sub(self.last.0)?, place.start.checked_sub(self.last.1)?];
        let len = place.end.checked_sub(place.start)?;
        if self.count >= picker::MAX_CLOSE || self.steps.capacity() - self.steps.len() < MAX_STEP && !self.grow(room) {
            return None;
        }
        for value in [step[0], step[1], len] {
            push(&mut self.steps, u32::try_from(value).ok()?);
        }
        self.last = (number, place.start);
        self.count += 1;
        Some(())
    }

    /// In larger steps than usual: there are many connections that grow.
    #[cold]
    fn grow(&mut self, room: &mut usize) -> bool {
        let before = self.steps.capacity();
        if *room < (before * GROWTH).max(FEW) {
            return false;
        }
        self.steps.reserve_exact((before * GROWTH).max(FEW) - self.steps.len());
        *room = room.saturating_sub(self.steps.capacity() - before);
        true
    }

    #[cold]
    fn give_up(&mut self, room: &mut usize) {
        self.give_back(room);
        self.is_incomplete = true;
    }

    /// Frees its memory.
    pub(super) fn give_back(&mut self, room: &mut usize) {
        *room += self.steps.capacity();
        *self = Places::default();
    }

    pub(super) fn has_memory(&self) -> bool {
        self.steps.capacity() > 0
    }

    /// Of a connection of which nothing was noted.
    pub(super) fn unknown() -> Places {
        Places { is_incomplete: true, ..Places::default() }
    }

    /// Knows none from now on; answers its memory, for another connection.
    pub(super) fn forget(&mut self) -> Places {
        let mut steps = std::mem::replace(self, Places::unknown()).steps;
        steps.clear();
        Places { steps, ..Places::default() }
    }

    /// Numbers and places; `None` if not all are known.
    fn iter(&self) -> Option<impl Iterator<Item = (u64, Range<u64>)> + '_> {
        let (mut last, mut rest) = (self.first, self.steps.as_slice());
        (!self.is_incomplete).then(|| {
            (0..self.count).map(move |_| {
                let [number, start, len] = [0; 3].map(|_: u8| pull(&mut rest));
                last = (last.0 + number, last.1 + start);
                (last.0, last.1..last.1 + len)
            })
        })
    }
}

#[inline]
fn push(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn pull(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

/// The packets of those connections that are short enough to be told of packet by packet, as a
/// [`Picker`](super::Picker) finds them, read from their places in a plain pcap file.
///
/// `None` where not all places are known, or so many are wanted that reading the file from its beginning on is quicker.
///
/// # Errors
/// If the file can't be read.
pub fn packets_at_places<F: Read + Seek>(
    connections: &[Explained],
    file: &mut F,
) -> io::Result<Option<Vec<CapturedPacket>>> {
    let mut places = Vec::new();
    for explained in picker::near(connections) {
        let Some(known) = explained.places.iter() else { return Ok(None) };
        places.extend(known);
    }
    let bytes: u64 = places.iter().map(|(_, place)| place.end - place.start).sum();
    if places.len() as u64 > file.seek(SeekFrom::End(0))? / SPARSE || bytes > MAX_BYTES as u64 {
        return Ok(None);
    }
    places.sort_by_key(|(number, _)| *number);
    // A file of its own, of nothing but these.
    let mut excerpt = vec![0; FILE_HEADER];
    file.rewind()?;
    file.read_exact(&mut excerpt)?;
    for (_, place) in &places {
        file.seek(SeekFrom::Start(place.start))?;
        let start = excerpt.len();
        excerpt.resize(start + usize::try_from(place.end - place.start).unwrap_or(0), 0);
        file.read_exact(&mut excerpt[start..])?;
    }
    let Ok(mut reader) = Reader::new(&excerpt[..]) else { return Ok(None) };
    let mut packets = Vec::with_capacity(places.len());
    for (number, _) in places {
        let Ok(Some(packet)) = reader.next_packet() else { return Ok(None) };
        packets.push(CapturedPacket { number, ..packet });
    }
    Ok(Some(packets))
}
