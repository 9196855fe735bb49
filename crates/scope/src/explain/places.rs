//! Where in a file the packets of a connection stand, so that those of a few can be read again without all the others.

use super::{Explained, picker};
use crate::capture::{CapturedPacket, Reader};
use crate::truth::MAX_BYTES;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// The most packets of all connections together whose places are noted: 60 MB.
pub(super) const MAX_NOTED: usize = 5_000_000;
/// How many packets of a connection there is room for at first; then for four times as many as there are.
const FEW: usize = 8;
/// A file is read from its beginning on, unless a packet in so many bytes is wanted, or fewer.
const SPARSE: u64 = 8_192;
/// Bytes of a pcap file's own header.
const FILE_HEADER: usize = 24;

/// A packet's number and place, as differences to the one before.
#[derive(Clone, Copy, Debug)]
struct Step {
    number: u32,
    start: u32,
    len: u32,
}

/// The places of a connection's packets, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    steps: Vec<Step>,
    /// Number and start of the first one, and of the last.
    first: (u64, u64),
    last: (u64, u64),
    /// Not all of them are noted.
    is_incomplete: bool,
}

impl Places {
    /// Notes the next packet, if there is `room`.
    #[inline]
    pub(super) fn note(&mut self, number: u64, place: Option<Range<u64>>, room: &mut usize) {
        if self.is_incomplete {
            return;
        }
        if self.steps.is_empty() {
            self.first = (number, place.as_ref().map_or(0, |place| place.start));
            self.last = self.first;
        }
        let step = place.filter(|_| *room > 0 && (self.steps.len() as u64) < picker::MAX_CLOSE).and_then(|place| {
            let step = Step {
                number: u32::try_from(number.checked_sub(self.last.0)?).ok()?,
                start: u32::try_from(place.start.checked_sub(self.last.1)?).ok()?,
                len: u32::try_from(place.end.checked_sub(place.start)?).ok()?,
            };
            Some((step, place.start))
        });
        match step {
            Some((step, start)) => {
                *room -= 1;
                self.last = (number, start);
                if self.steps.len() == self.steps.capacity() {
                    self.grow();
                }
                self.steps.push(step);
            }
            None => self.give_up(room),
        }
    }

    /// In larger steps than usual: there are many connections that grow.
    #[cold]
    fn grow(&mut self) {
        self.steps.reserve_exact((self.steps.len() * 3).max(FEW));
    }

    #[cold]
    fn give_up(&mut self, room: &mut usize) {
        *room += self.steps.len();
        *self = Places { is_incomplete: true, ..Places::default() };
    }

    /// Begins anew, with the memory that there is.
    pub(super) fn clear(&mut self, room: &mut usize) {
        *room += self.steps.len();
        self.steps.clear();
        self.is_incomplete = false;
    }

    /// Numbers and places; `None` if not all are known.
    fn iter(&self) -> Option<impl Iterator<Item = (u64, Range<u64>)> + '_> {
        let mut last = self.first;
        (!self.is_incomplete).then(|| {
            self.steps.iter().map(move |step| {
                last = (last.0 + u64::from(step.number), last.1 + u64::from(step.start));
                (last.0, last.1..last.1 + u64::from(step.len))
            })
        })
    }
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
