//! Which connection a packet belongs to, and which ones leave: a table with a bound, and two queues of times.

use super::entry::{At, Entry};
use super::flow::Flow;
use super::key::{FlowKey, Secret};
use super::pack::{Packer, Unpacker};
use super::packet::Segment;
use super::records::Rings;
use super::rest::Resting;
use super::sighting::{FlowNumber, NumberMap};
use super::stream::Stream;
use super::trouble::TroubleKind;
use super::{FlowsOptions, Memory, Totals};
use hashbrown::HashTable;
use std::borrow::Cow;
use std::collections::VecDeque;

/// How many connections a single packet may let go, so that one wrong time does not let all of them go.
const AGED_AT_ONCE: usize = 2;
/// So many entries of connections that left may stand in a queue, beside twice as many as are open.
const SLACK: usize = 1024;
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

/// A connection's place as the map of keys has it: with a part of its key's hash, so that neither a search nor the map's
/// growth looks at other connections.
#[derive(Clone, Copy, Debug)]
struct Found {
    mark: u32,
    slot: u32,
}

impl Found {
    /// What the map takes for a hash: it needs all bits to be spread.
    #[inline]
    fn spread(mark: u32) -> u64 {
        u64::from(mark).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// What is in a place.
#[derive(Debug, Default)]
enum Slot {
    #[default]
    Free,
    Awake(Box<Entry>),
    /// It ended, and nothing came for a while.
    Resting(Resting),
}

impl Slot {
    fn number(&self) -> Option<FlowNumber> {
        match self {
            Slot::Free => None,
            Slot::Awake(entry) => Some(entry.flow.number),
            Slot::Resting(resting) => Some(resting.number()),
        }
    }

    /// When the last packet came of the connection that has this number.
    fn last_of(&self, of: FlowNumber) -> Option<i64> {
        match self {
            Slot::Awake(entry) if entry.flow.number == of => Some(entry.flow.last),
            Slot::Resting(resting) if resting.number() == of => Some(resting.last()),
            _ => None,
        }
    }

    #[inline(always)]
    fn is_of(&self, key: &FlowKey) -> bool {
        match self {
            Slot::Awake(entry) => entry.key == *key,
            other => other.is_resting_of(key),
        }
    }

    #[cold]
    #[inline(never)]
    fn is_resting_of(&self, key: &FlowKey) -> bool {
        matches!(self, Slot::Resting(resting) if resting.key() == *key)
    }

    #[inline]
    fn awake(&self) -> Option<&Entry> {
        match self {
            Slot::Awake(entry) => Some(entry),
            _ => None,
        }
    }

    #[inline]
    fn awake_mut(&mut self) -> Option<&mut Entry> {
        match self {
            Slot::Awake(entry) => Some(entry),
            _ => None,
        }
    }

    /// Its connection, woken for a look if it rests: `scratch` is made when the first does.
    fn flow(&self, scratch: &mut Option<Scratch>) -> Option<Cow<'_, Flow>> {
        match self {
            Slot::Free => None,
            Slot::Awake(entry) => Some(Cow::Borrowed(&entry.flow)),
            Slot::Resting(resting) => {
                let Scratch { entry, unpacker } = scratch.get_or_insert_with(Scratch::new);
                resting.wake_figures(entry, unpacker);
                Some(Cow::Owned(entry.flow.clone()))
            }
        }
    }

    /// Bytes that it takes beside its place in the table.
    fn size(&self) -> usize {
        match self {
            Slot::Free => 0,
            Slot::Awake(entry) => entry.size(),
            Slot::Resting(resting) => resting.size(),
        }
    }
}

/// Where connections that rest are woken for a look.
struct Scratch {
    entry: Box<Entry>,
    unpacker: Unpacker,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch { entry: Box::new(Entry::blank()), unpacker: Unpacker::default() }
    }
}

/// A connection that left: as it was when it did, and with the number of its place.
#[derive(Debug)]
struct Left {
    slot: u32,
    what: Slot,
}

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

    #[cold]
    fn wake(&mut self, slot: u32) {
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
    pub(super) fn keep_awake(&mut self, most: usize) {
        (self.max_awake, self.max_woken) = (most, most);
    }

    /// What ended rests when so many others have ended since.
    fn rest_later(&mut self, noted: Noted) {
        self.awake.push_back(noted);
        if self.awake.len() > self.max_awake
            && let Some(first) = self.awake.pop_front()
            && first != noted
        {
            self.rest(first);
        }
    }

    fn rest(&mut self, noted: Noted) {
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

    /// The queues hold entries of connections that left already: many, where one endpoint is opened anew and again. What is
    /// left of a queue is no more than is open, so that as much has to happen before it is swept again.
    #[inline]
    fn bound_queues(&mut self) {
        if self.idle.len().max(self.over.len()).max(self.detailed.len()) > 2 * self.open + SLACK {
            self.sweep_queues();
        }
    }

    #[cold]
    fn sweep_queues(&mut self) {
        let slots = &self.slots;
        let is_there =
            |&(_, (slot, number)): &(i64, Noted)| slots.get(slot as usize).and_then(Slot::number) == Some(number);
        self.idle.retain(is_there);
        self.over.retain(is_there);
        // Each once: of what stands there twice the first takes the mark.
        let slots = &mut self.slots;
        let mut has_detail = |(slot, number): Noted, from: bool, to: bool| {
            let entry = slots.get_mut(slot as usize).and_then(Slot::awake_mut);
            let entry = entry.filter(|entry| entry.flow.number == number && entry.has_detail == from);
            entry.map(|entry| entry.has_detail = to).is_some()
        };
        self.detailed.retain(|(_, noted)| has_detail(*noted, true, false));
        for (_, noted) in &self.detailed {
            has_detail(*noted, false, true);
        }
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

    /// That connection, if it is still there and does not rest.
    fn noted_mut(&mut self, (slot, number): Noted) -> Option<&mut Entry> {
        self.entry_mut(slot).filter(|entry| entry.flow.number == number)
    }

    fn is_there(&self, (slot, number): Noted) -> bool {
        self.slots.get(slot as usize).and_then(Slot::number) == Some(number)
    }

    /// The connection at `slot` has ended.
    pub(super) fn linger(&mut self, slot: u32, now: i64) {
        if let Some(entry) = self.slots.get_mut(slot as usize).and_then(Slot::awake_mut) {
            entry.lingers = true;
            entry.streams.iter_mut().for_each(|stream| stream.records.shrink(&mut self.rings));
            let number = entry.flow.number;
            self.over.push_back((now, (slot, number)));
            self.count_detail(slot);
            self.rest_later((slot, number));
        }
    }

    /// The detail of the connection at `slot` takes more or less than before.
    #[cold]
    pub(super) fn count_detail(&mut self, slot: u32) {
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
    fn save_detail(&mut self) {
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
    pub(super) fn memory(&self) -> Memory {
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

    /// Lets go of connections that ended or were silent for long.
    #[inline]
    pub(super) fn age(&mut self, now: i64) {
        let is_due = |front: Option<&(i64, Noted)>, limit: i64| {
            front.is_some_and(|(since, _)| now.saturating_sub(*since) > limit)
        };
        if is_due(self.over.front(), self.linger) || is_due(self.idle.front(), self.idle_limit) {
            self.age_some(now, self.linger, self.idle_limit);
        }
    }

    #[cold]
    fn age_some(&mut self, now: i64, linger: i64, idle: i64) {
        for _ in 0..AGED_AT_ONCE {
            if let Some(&(since, noted)) = self.over.front()
                && now.saturating_sub(since) > linger
            {
                self.over.pop_front();
                if self.is_there(noted) {
                    self.leave(noted.0);
                }
            }
            if let Some(&(since, noted)) = self.idle.front()
                && now.saturating_sub(since) > idle
            {
                self.idle.pop_front();
                match self.slots.get(noted.0 as usize).and_then(|slot| slot.last_of(noted.1)) {
                    Some(last) if now.saturating_sub(last) > idle => self.leave(noted.0),
                    Some(last) => self.idle.push_back((last, noted)),
                    None => {}
                }
            }
        }
    }

    /// Makes room: one that has ended, else one that has been idle for long.
    fn push_out(&mut self, now: i64) {
        while let Some((_, noted)) = self.over.pop_front() {
            if self.is_there(noted) {
                return self.leave(noted.0);
            }
        }
        let mut looks = 0;
        while let Some((since, noted)) = self.idle.pop_front() {
            let last = self.slots.get(noted.0 as usize).and_then(|slot| slot.last_of(noted.1));
            let Some(last) = last else { continue };
            looks += 1;
            if last > since && last >= since.max(now.saturating_sub(1_000_000_000)) && looks < LOOKS {
                self.idle.push_back((last, noted));
                continue;
            }
            self.totals.pushed_out += 1;
            return self.leave(noted.0);
        }
    }

    /// Takes a connection out.
    fn leave(&mut self, slot: u32) {
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
    pub(super) fn poll_ended(&mut self) -> Option<Box<Entry>> {
        let left = self.ended.pop_front()?;
        self.conclude(left)
    }

    /// What is to be said of one that left.
    fn conclude(&mut self, left: Left) -> Option<Box<Entry>> {
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
    pub(super) fn recycle(&mut self, mut entry: Box<Entry>) {
        entry.free_detail(&mut self.rings);
        if self.spare.len() < MAX_SPARE {
            self.spare.push_back(entry);
        }
    }

    /// All that is left, in order.
    pub(super) fn finish(mut self) -> Finish {
        let open = self.slots.drain(..).zip(0..).map(|(what, slot)| Left { slot, what });
        // With their numbers beside them: to sort them without looking at each again and again.
        let numbered = self.ended.drain(..).chain(open).filter_map(|left| Some((left.what.number()?, left)));
        let mut numbered: Vec<(FlowNumber, Left)> = numbered.collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        Finish { table: self, left: numbered.into_iter() }
    }
}

/// Hands out all that are left at the end, and may have their memory back.
pub(super) struct Finish {
    table: Table,
    left: std::vec::IntoIter<(FlowNumber, Left)>,
}

impl Finish {
    pub(super) fn recycle(&mut self, entry: Box<Entry>) {
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

/// Makes one that rested what it was, in memory that is there if any is.
fn wake(from: &Resting, spare: &mut VecDeque<Box<Entry>>, rings: &mut Rings, unpacker: &mut Unpacker) -> Box<Entry> {
    let mut entry = spare.pop_back().unwrap_or_else(|| Box::new(Entry::blank()));
    entry.streams.iter_mut().for_each(|stream| stream.records.make_room(rings));
    from.wake(&mut entry, unpacker);
    entry
}

fn as_nanos(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}
