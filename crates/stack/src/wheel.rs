//! The timing wheel: every timer of the stack, one entry for each connection.
//!
//! Hierarchical, as in Varghese and Lauck's scheme 7: nine levels of 64 slots, the lowest 1.024 µs wide, each level 64
//! times as coarse as the one below. A timer sits at the level of the highest digit (base 64) in which its deadline
//! differs from the wheel's time, so that everything in a lower level is due before everything in a higher one, and the
//! earliest slot is found by counting zeros. A timer sinks at most one level each time the wheel reaches its slot: all
//! operations are O(1), amortised.
//!
//! What makes it fit for TCP:
//! * **Exact.** Slots only sort; each timer keeps its deadline in nanoseconds and never fires before it.
//! * **Fixed order.** Timers due together fire by deadline, then in the order in which they were set.
//! * **Lazy.** Postponing a timer, or stopping it, only writes its new deadline; it moves when the wheel comes to its old
//!   place. Setting the RTO anew on each ACK (RFC 6298 §5.3) costs a comparison and a store.

use crate::slab::Slab;
use alloc::boxed::Box;
use alloc::vec::Vec;
use limpid_event::Instant;

const TICK_BITS: u32 = 10;
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = (u64::BITS - TICK_BITS).div_ceil(DIGIT_BITS) as usize;
/// No node, in the links between nodes.
const NIL: u32 = u32::MAX;
/// The deadline of a timer that does not run.
const NEVER: u64 = u64::MAX;
/// How many timers [`Wheel::next`] looks at to make a bound exact.
const TIDY_LIMIT: usize = 64;

/// A timer in a [`Wheel`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerId(u32);

impl TimerId {
    /// No timer's.
    pub(crate) const NONE: TimerId = TimerId(NIL);
}

/// A timing wheel whose timers carry a `T`.
pub(crate) struct Wheel<T> {
    /// The wheel's time in ticks: no slot before it is occupied.
    elapsed: u64,
    levels: Box<[Level; LEVELS]>,
    nodes: Slab<Node<T>>,
    /// Timers taken out of their slot because they are due, the next one last.
    due: Vec<Due>,
    /// How many times a timer was set: the order among equal deadlines.
    orders: u64,
    /// Timers moved, for the tests: work, not time.
    #[cfg(test)]
    pub(crate) moves: u64,
}

#[derive(Clone, Copy)]
struct Level {
    /// A bit for each slot that has a timer in it.
    occupied: u64,
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    /// A lower bound on the deadlines in this slot, in nanoseconds; exact unless `stale`.
    earliest: u64,
    /// The timer that `earliest` came from was postponed, stopped or removed.
    stale: bool,
}

struct Node<T> {
    what: T,
    /// Nanoseconds, or [`NEVER`].
    deadline: u64,
    order: u64,
    place: Place,
    prev: u32,
    next: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// In a slot, put there for the deadline `by`, which is never after the timer's own.
    Slot {
        level: u8,
        slot: u8,
        by: u64,
    },
    Due,
}

/// What [`Wheel::due`] holds. Valid only while the timer still has this order.
struct Due {
    deadline: u64,
    order: u64,
    node: u32,
}

impl Slot {
    const EMPTY: Slot = Slot { head: NIL, earliest: NEVER, stale: false };
}

impl<T: Copy> Wheel<T> {
    /// A wheel without timers.
    pub(crate) fn new() -> Wheel<T> {
        Wheel {
            elapsed: 0,
            levels: Box::new([Level { occupied: 0, slots: [Slot::EMPTY; SLOTS] }; LEVELS]),
            nodes: Slab::new(),
            due: Vec::new(),
            orders: 0,
            #[cfg(test)]
            moves: 0,
        }
    }

    /// A new timer that does not run yet.
    pub(crate) fn insert(&mut self, what: T) -> TimerId {
        let node = Node { what, deadline: NEVER, order: 0, place: Place::Nowhere, prev: NIL, next: NIL };
        TimerId(self.nodes.insert(node))
    }

    /// Forgets a timer.
    pub(crate) fn remove(&mut self, timer: TimerId) {
        self.unlink(timer.0);
        self.nodes.remove(timer.0);
    }

    /// Changes what a timer carries: its owner went on to its next phase.
    pub(crate) fn rename(&mut self, timer: TimerId, what: T) {
        self.nodes[timer.0].what = what;
    }

    /// Sets a timer to a deadline, or stops it.
    pub(crate) fn set(&mut self, timer: TimerId, deadline: Option<Instant>) {
        let deadline = deadline.map_or(NEVER, Instant::as_nanos);
        let node = &mut self.nodes[timer.0];
        if node.deadline == deadline {
            return;
        }
        node.deadline = deadline;
        node.order = self.orders;
        self.orders += 1;
        match node.place {
            Place::Slot { level, slot, by } if deadline >= by => {
                let slot = &mut self.levels[usize::from(level)].slots[usize::from(slot)];
                slot.stale |= by == slot.earliest;
            }
            _ => {
                self.unlink(timer.0);
                self.place(timer.0);
            }
        }
    }

    /// The earliest deadline. Where more than a few timers share a slot and one of them was stopped or postponed, it may
    /// be earlier than that: then [`pop`](Self::pop) finds nothing due, and knows better the next time.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        if let Some(due) = self.due.last() {
            return Some(Instant::from_nanos(due.deadline));
        }
        loop {
            let (level, slot) = self.first_slot()?;
            let Slot { earliest, stale, .. } = self.levels[level].slots[slot];
            if !stale || !self.tidy(level, slot) {
                return Some(Instant::from_nanos(earliest));
            }
        }
    }

    /// Takes the next timer that is due at `now`; it does not run any more. Call until `None`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<T> {
        let now = now.as_nanos().min(NEVER - 1);
        let now_tick = now >> TICK_BITS;
        loop {
            if let Some(what) = self.pop_due() {
                return Some(what);
            }
            let first = self.first_slot().map(|(level, slot)| (level, slot, self.slot_start(level, slot)));
            let Some((level, slot, start)) = first.filter(|&(_, _, start)| start <= now_tick) else {
                self.elapsed = self.elapsed.max(now_tick);
                return None;
            };
            self.elapsed = start;
            self.empty(level, slot, now);
            let waiting = self.levels[0].occupied & 1 << slot != 0;
            if level == 0 && start == now_tick && self.due.is_empty() && waiting {
                return None; // what is left falls due later in this tick
            }
        }
    }

    fn pop_due(&mut self) -> Option<T> {
        while let Some(due) = self.due.pop() {
            if let Some(node) = self.nodes.get_mut(due.node)
                && node.place == Place::Due
                && node.order == due.order
            {
                node.place = Place::Nowhere;
                node.deadline = NEVER;
                return Some(node.what);
            }
        }
        None
    }

    /// The occupied slot that comes first: the lowest in the lowest level.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.levels.iter().position(|l| l.occupied != 0)?;
        Some((level, self.levels[level].occupied.trailing_zeros() as usize))
    }

    /// The tick at which a slot begins.
    fn slot_start(&self, level: usize, slot: usize) -> u64 {
        let shift = DIGIT_BITS * level as u32;
        let above = self.elapsed.checked_shr(shift + DIGIT_BITS).unwrap_or(0);
        above.checked_shl(shift + DIGIT_BITS).unwrap_or(0) | (slot as u64) << shift
    }

    /// Empties a slot that the wheel has reached: what is due goes to `due`, the rest sinks to where it belongs.
    fn empty(&mut self, level: usize, slot: usize, now: u64) {
        let mut at = self.take_slot(level, slot);
        while at != NIL {
            let node = &mut self.nodes[at];
            let (this, next) = (at, node.next);
            // What was postponed goes to its own place first, so that order holds across slots.
            if level == 0 && node.deadline <= now && node.deadline >> TICK_BITS <= self.elapsed {
                node.place = Place::Due;
                self.due.push(Due { deadline: node.deadline, order: node.order, node: this });
            } else {
                self.place(this);
            }
            at = next;
        }
        self.due.sort_unstable_by_key(|due| core::cmp::Reverse((due.deadline, due.order)));
    }

    /// Puts every timer of a slot where it belongs now, unless they are many. True if it did.
    fn tidy(&mut self, level: usize, slot: usize) -> bool {
        let mut count = 0;
        let mut at = self.levels[level].slots[slot].head;
        while at != NIL {
            count += 1;
            if count > TIDY_LIMIT {
                return false;
            }
            at = self.nodes[at].next;
        }
        let mut at = self.take_slot(level, slot);
        while at != NIL {
            let next = self.nodes[at].next;
            self.place(at);
            at = next;
        }
        true
    }

    /// Takes a slot's list of nodes away; they still believe to be in it.
    fn take_slot(&mut self, level: usize, slot: usize) -> u32 {
        let level = &mut self.levels[level];
        level.occupied &= !(1 << slot);
        core::mem::replace(&mut level.slots[slot], Slot::EMPTY).head
    }

    /// Puts a node that is in no list into the slot of its deadline, or nowhere if it does not run.
    fn place(&mut self, index: u32) {
        #[cfg(test)]
        {
            self.moves += 1;
        }
        let node = &mut self.nodes[index];
        if node.deadline == NEVER {
            node.place = Place::Nowhere;
            return;
        }
        let tick = (node.deadline >> TICK_BITS).max(self.elapsed);
        let differing = (self.elapsed ^ tick) | (SLOTS as u64 - 1);
        let level = (u64::BITS - 1 - differing.leading_zeros()) / DIGIT_BITS;
        let slot = (tick >> (DIGIT_BITS * level)) as usize % SLOTS;
        node.place = Place::Slot { level: level as u8, slot: slot as u8, by: node.deadline };
        let list = &mut self.levels[level as usize];
        list.occupied |= 1 << slot;
        let list = &mut list.slots[slot];
        if node.deadline < list.earliest {
            list.earliest = node.deadline;
            list.stale = false;
        }
        node.prev = NIL;
        node.next = core::mem::replace(&mut list.head, index);
        let next = node.next;
        if next != NIL {
            self.nodes[next].prev = index;
        }
    }

    /// Takes a node out of the list it is in.
    fn unlink(&mut self, index: u32) {
        let node = &mut self.nodes[index];
        let place = core::mem::replace(&mut node.place, Place::Nowhere);
        let Place::Slot { level, slot, by } = place else { return };
        let (prev, next) = (node.prev, node.next);
        let level = &mut self.levels[usize::from(level)];
        let list = &mut level.slots[usize::from(slot)];
        if prev == NIL {
            list.head = next;
        } else {
            self.nodes[prev].next = next;
        }
        if next != NIL {
            self.nodes[next].prev = prev;
        }
        if list.head == NIL {
            *list = Slot::EMPTY;
            level.occupied &= !(1 << slot);
        } else {
            list.stale |= by == list.earliest;
        }
    }
}

#[cfg(test)]
mod tests;
