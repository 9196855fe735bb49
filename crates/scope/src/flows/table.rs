//! Which connection a packet belongs to: a table with a bound. Its parts say what is in a place of it, which connections leave,
//! which ones rest, and what all of them hold.

mod detail;
mod leaving;
mod queues;
mod rest;
mod slot;

use super::entry::{At, Entry};
use super::flow::Flow;
use super::key::{FlowKey, Secret};
use super::pack::{Packer, Unpacker};
use super::packet::Segment;
use super::records::Rings;
use super::sighting::{FlowNumber, NumberMap};
use super::trouble::TroubleKind;
use super::{FlowsOptions, Totals};
use hashbrown::HashTable;
use slot::{Found, Left, Slot};
use std::borrow::Cow;
use std::collections::VecDeque;

/// How many of the queue are looked at for one that is idle, before any is pushed out.
const LOOKS: usize = 8;

/// How many connections' memory is kept for those to come.
const MAX_SPARE: usize = 64;
/// Of those that ended so many stay as they are before they [rest](super::rest): what is late comes soon.
const AWAKE: usize = 16;
/// Of those that something late woke so many stay awake: they may go on talking, and packing costs more than a packet.
const WOKEN: usize = 1024;

/// How many places are kept in mind by their keys' marks: more than connections say something at once, as a rule, and all of
/// it in the nearest cache.
const RECENT: usize = 1024;

/// A slot and the number of what was there when it was noted.
type Noted = (u32, FlowNumber);

#[derive(Debug)]
pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    map: HashTable<Found>,
    numbers: NumberMap<u32>,
    secret: Secret,
    /// Where the connection of the packet before is: packets come in trains.
    newest: u32,
    /// What was found last, by the low bits of marks.
    recent: Box<[Found; RECENT]>,
    /// Each connection once, with a time since which it may have been idle.
    idle: VecDeque<(i64, Noted)>,
    /// Those that ended, with the time when.
    over: VecDeque<(i64, Noted)>,
    /// Those that ended and do not rest yet, and the most of them.
    awake: VecDeque<Noted>,
    max_awake: usize,
    /// Those of them that rested already and were woken, and the most of them.
    woken: VecDeque<Noted>,
    max_woken: usize,
    /// How often one was packed.
    #[cfg(test)]
    pub(super) packed: usize,
    /// Those that left.
    ended: VecDeque<Left>,
    /// Memory of those that left and were looked at, for those to come.
    spare: VecDeque<Box<Entry>>,
    rings: Rings,
    packer: Packer,
    unpacker: Unpacker,
    /// Those with detail, with a time since which they may have been silent. One that was woken may stand there twice.
    detailed: VecDeque<(i64, Noted)>,
    /// Bytes of detail now, and the most there ever were.
    detail: usize,
    most_detail: usize,
    max_detail: usize,
    max_open: usize,
    /// [`FlowsOptions::linger`] and [`FlowsOptions::idle`], nanoseconds.
    linger: i64,
    idle_limit: i64,
    open: usize,
    pub(super) totals: Totals,
}

impl Table {
    pub(super) fn new(options: &FlowsOptions) -> Table {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
            map: HashTable::new(),
            numbers: NumberMap::default(),
            secret: Secret::new(),
            newest: 0,
            recent: Box::new([Found { mark: 0, slot: 0 }; RECENT]),
            idle: VecDeque::new(),
            over: VecDeque::new(),
            awake: VecDeque::new(),
            max_awake: AWAKE,
            woken: VecDeque::new(),
            max_woken: WOKEN,
            #[cfg(test)]
            packed: 0,
            ended: VecDeque::new(),
            spare: VecDeque::new(),
            rings: Rings::default(),
            packer: Packer::default(),
            unpacker: Unpacker::default(),
            detailed: VecDeque::new(),
            detail: 0,
            most_detail: 0,
            max_detail: options.max_detail,
            max_open: options.max_open.max(1),
            linger: as_nanos(options.linger),
            idle_limit: as_nanos(options.idle),
            open: 0,
            totals: Totals::default(),
        }
    }

    /// Where the connection of `key` is.
    #[inline]
    pub(super) fn find(&mut self, key: &FlowKey) -> Option<u32> {
        let slots = &self.slots;
        let is_it = |slot: &u32| slots.get(*slot as usize).is_some_and(|slot| slot.is_of(key));
        if !is_it(&self.newest) {
            let mark = self.secret.hash(key) as u32;
            let recent = &mut self.recent[mark as usize % RECENT];
            if recent.mark != mark || !is_it(&recent.slot) {
                *recent = *self.map.find(Found::spread(mark), |found| found.mark == mark && is_it(&found.slot))?;
            }
            self.newest = recent.slot;
        }
        Some(self.newest)
    }

    /// The same; it is woken if it rests.
    #[inline]
    pub(super) fn find_awake(&mut self, key: &FlowKey) -> Option<u32> {
        let slot = self.find(key)?;
        if let Some(Slot::Resting(_)) = self.slots.get(slot as usize) {
            self.wake(slot);
        }
        Some(slot)
    }

    /// Where the connection of a segment is, and whether it is new.
    #[inline]
    pub(super) fn find_or_open(&mut self, tcp: &Segment<'_>, at: At) -> (u32, bool) {
        let found = self.find_awake(&tcp.key);
        if let Some(slot) = found
            && let Some(entry) = self.entry_mut(slot)
            && !entry.is_opened_anew(tcp.from_high, tcp.seq, tcp.flags, at.time)
        {
            return (slot, false);
        }
        (self.open(found, tcp, at), true)
    }

    #[cold]
    fn open(&mut self, before: Option<u32>, tcp: &Segment<'_>, at: At) -> u32 {
        self.totals.flows += 1;
        let number = FlowNumber(self.totals.flows);
        let mut entry = match self.spare.pop_back() {
            Some(spare) => spare.renew(number, tcp, at),
            None => Box::new(Entry::new(number, tcp, at)),
        };
        if let Some(old) = before.and_then(|slot| self.entry_mut(slot).map(|entry| (slot, entry))) {
            let (slot, old) = old;
            // Not if it is of another recording, which begins where time goes back.
            let is_reused = at.time > old.flow.began;
            entry.flow.before = is_reused.then_some(old.flow.number);
            if is_reused && !old.is_done() {
                let end = entry.from(tcp.from_high);
                entry.trouble(TroubleKind::PortReused, end, at);
            }
            self.leave(slot);
        } else if self.open >= self.max_open {
            self.push_out(at.time);
        }
        let hash = self.secret.hash(&tcp.key);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot::Free);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        entry.slot = slot;
        self.slots[slot as usize] = Slot::Awake(entry);
        let found = Found { mark: hash as u32, slot };
        self.map.insert_unique(Found::spread(found.mark), found, |found| Found::spread(found.mark));
        self.numbers.insert(number, slot);
        self.newest = slot;
        self.idle.push_back((at.time, (slot, number)));
        self.open += 1;
        self.bound_queues();
        slot
    }

    #[inline]
    pub(super) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.slots.get(slot as usize)?.awake()
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.awake_mut()
    }

    /// The entry that [`find_or_open`](Self::find_or_open) told of.
    #[inline]
    pub(super) fn known_mut(&mut self, slot: u32) -> (&mut Entry, &mut Rings) {
        let entry = self.slots.get_mut(slot as usize).and_then(Slot::awake_mut);
        (entry.expect("a slot that was just found"), &mut self.rings)
    }

    pub(super) fn by_number(&self, number: FlowNumber) -> Option<Cow<'_, Flow>> {
        self.slots.get(*self.numbers.get(&number)? as usize)?.flow(&mut None)
    }

    pub(super) fn flows(&self) -> impl Iterator<Item = Cow<'_, Flow>> {
        let mut scratch = None;
        self.slots.iter().filter_map(move |slot| slot.flow(&mut scratch))
    }
}

fn as_nanos(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}
