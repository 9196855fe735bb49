//! Neighbours: which MAC address an address on the link has, asked by ARP ([`arp`], RFC 826) or NDP ([`ndp`], RFC 4861).
//!
//! One cache and one life for both, that of RFC 4861 §7.3.2: INCOMPLETE (asked, not answered), REACHABLE (confirmed of
//! late), STALE (confirmed long ago: good until proven otherwise), DELAY and PROBE (used while stale, asked again). Frames
//! wait for the answer in a bounded queue; when three questions stay without one they are given back, and whoever sent
//! them is told that the host is unreachable.
//!
//! What is believed of whom: an answer to our question; a question to us, which also makes an entry, since we are about
//! to answer. What nobody asked for changes entries but never makes one, and never within a second of a confirmation.
//!
//! Left out: duplicate address detection, router advertisements and redirects (the routes are what the application
//! says).

mod arp;
mod ndp;

use crate::keys::Key;
use crate::wheel::{TimerId, Wheel};
use crate::{IfaceId, TxFrame};
use alloc::collections::VecDeque;
use core::time::Duration;
use hashbrown::HashTable;
use limpid_event::Instant;
use limpid_wire::{IpAddr, MacAddr};
use slab::Slab;

/// The bound on cache entries. A new one takes the place of one that is not REACHABLE.
pub(crate) const MAX_NEIGHBOURS: usize = 1024;
/// The bound on frames that wait for one neighbour; the oldest makes room (RFC 4861 §7.2.2).
pub(crate) const MAX_WAITING: usize = 16;
/// Questions before a neighbour is given up: MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT.
const MAX_SOLICITS: u8 = 3;
/// RETRANS_TIMER.
const RETRANSMIT: Duration = Duration::from_secs(1);
/// REACHABLE_TIME.
const REACHABLE: Duration = Duration::from_secs(30);
/// DELAY_FIRST_PROBE_TIME.
const DELAY: Duration = Duration::from_secs(5);
/// How long an entry stays stale without use before it is forgotten (Linux's `gc_stale_time`).
const STALE: Duration = Duration::from_secs(60);
/// For so long after a confirmation nothing unasked-for is believed (Linux's `locktime`).
const LOCKED: Duration = Duration::from_secs(1);

/// A place in the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NeighbourId(u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Incomplete { asked: u8 },
    Reachable,
    Stale,
    Delay,
    Probe { asked: u8 },
}

struct Neighbour {
    iface: IfaceId,
    addr: IpAddr,
    mac: MacAddr,
    state: State,
    confirmed: Instant,
    waiting: VecDeque<TxFrame>,
    timer: TimerId,
}

/// A question to send: to everybody, or to the one who answered before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    pub(crate) iface: IfaceId,
    pub(crate) target: IpAddr,
    pub(crate) to: Option<MacAddr>,
}

/// What a sender learns of its next hop.
pub(crate) enum Lookup {
    /// Send there.
    Known(MacAddr),
    /// Let the frame wait, after asking this, if there is something to ask.
    Wait(NeighbourId, Option<Question>),
    /// The cache is full of neighbours that are in use: drop the frame.
    Full,
}

/// How it was learned that an address is at a MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Learned {
    /// It answered our question.
    Answer,
    /// It asked us something.
    Question,
    /// It said so unasked; `overrides` if it wants to replace what we know.
    Unasked {
        /// The O flag of NDP; a gratuitous ARP always has it.
        overrides: bool,
    },
}

/// What a neighbour's timer brings.
pub(crate) enum Due {
    /// Nothing to do.
    Nothing,
    /// Ask again.
    Ask(Question),
    /// It does not answer: these frames can't be sent.
    Failed(VecDeque<TxFrame>),
}

/// The cache.
pub(crate) struct Neighbours {
    table: HashTable<u32>,
    entries: Slab<Neighbour>,
    key: Key,
    /// Where to look next for an entry to replace.
    hand: usize,
    /// Frames that went with a replaced entry, not yet counted.
    lost: u64,
}

impl Neighbours {
    pub(crate) fn new(key: Key) -> Neighbours {
        Neighbours { table: HashTable::new(), entries: Slab::new(), key, hand: 0, lost: 0 }
    }

    fn hash(key: Key, iface: IfaceId, addr: IpAddr) -> u64 {
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&addr.octets());
        bytes[16..].copy_from_slice(&iface.0.to_be_bytes());
        key.hash13(&bytes)
    }

    fn find(&self, iface: IfaceId, addr: IpAddr) -> Option<u32> {
        let is_it = |&i: &u32| self.entries.get(i as usize).is_some_and(|n| n.addr == addr && n.iface == iface);
        self.table.find(Self::hash(self.key, iface, addr), is_it).copied()
    }

    /// Where to send what has `addr` as next hop. `name` makes the timer's name from the entry's.
    pub(crate) fn lookup<T: Copy>(
        &mut self,
        now: Instant,
        wheel: &mut Wheel<T>,
        name: impl Fn(NeighbourId) -> T,
        iface: IfaceId,
        addr: IpAddr,
    ) -> Lookup {
        let Some(index) = self.find(iface, addr) else {
            let Some(index) = self.insert(wheel, name, iface, addr) else { return Lookup::Full };
            wheel.set(self.entries[index as usize].timer, Some(now + RETRANSMIT));
            return Lookup::Wait(NeighbourId(index), Some(Question { iface, target: addr, to: None }));
        };
        let entry = &mut self.entries[index as usize];
        match entry.state {
            State::Incomplete { .. } => return Lookup::Wait(NeighbourId(index), None),
            State::Stale => {
                entry.state = State::Delay;
                wheel.set(entry.timer, Some(now + DELAY));
            }
            State::Reachable | State::Delay | State::Probe { .. } => {}
        }
        Lookup::Known(entry.mac)
    }

    /// Lets a frame wait for its neighbour; the oldest is given back if too many do.
    pub(crate) fn wait(&mut self, neighbour: NeighbourId, frame: TxFrame) -> Option<TxFrame> {
        let waiting = &mut self.entries[neighbour.0 as usize].waiting;
        let oldest = if waiting.len() == MAX_WAITING { waiting.pop_front() } else { None };
        waiting.push_back(frame);
        oldest
    }

    /// How many frames were dropped since the last call because their neighbour's place was needed.
    pub(crate) fn take_lost(&mut self) -> u64 {
        core::mem::take(&mut self.lost)
    }

    /// It is known where an address is. Returns the frames that waited for that.
    pub(crate) fn learn<T: Copy>(
        &mut self,
        now: Instant,
        wheel: &mut Wheel<T>,
        name: impl Fn(NeighbourId) -> T,
        (iface, addr, mac): (IfaceId, IpAddr, MacAddr),
        how: Learned,
    ) -> VecDeque<TxFrame> {
        if mac.is_group() {
            return VecDeque::new();
        }
        let found = match self.find(iface, addr) {
            None if how == Learned::Question => self.insert(wheel, name, iface, addr),
            found => found,
        };
        let Some(index) = found else { return VecDeque::new() };
        let entry = &mut self.entries[index as usize];
        let incomplete = matches!(entry.state, State::Incomplete { .. });
        let believed = match how {
            // An answer that nobody waits for is as good as unasked for.
            Learned::Answer => incomplete || matches!(entry.state, State::Probe { .. }) || entry.is_free(now),
            Learned::Question => incomplete || entry.is_free(now),
            Learned::Unasked { overrides } => incomplete || (overrides && entry.is_free(now)),
        };
        if !believed {
            return VecDeque::new();
        }
        let confirms = how == Learned::Answer;
        if confirms {
            entry.state = State::Reachable;
            entry.confirmed = now;
            wheel.set(entry.timer, Some(now + REACHABLE));
        } else if incomplete || entry.mac != mac {
            entry.state = State::Stale;
            wheel.set(entry.timer, Some(now + STALE));
        }
        entry.mac = mac;
        core::mem::take(&mut entry.waiting)
    }

    /// The timer of an entry has run out.
    pub(crate) fn handle_timeout<T: Copy>(
        &mut self,
        now: Instant,
        wheel: &mut Wheel<T>,
        neighbour: NeighbourId,
    ) -> Due {
        let Some(entry) = self.entries.get_mut(neighbour.0 as usize) else { return Due::Nothing };
        let mut ask = |entry: &mut Neighbour, to| {
            wheel.set(entry.timer, Some(now + RETRANSMIT));
            Due::Ask(Question { iface: entry.iface, target: entry.addr, to })
        };
        let to = Some(entry.mac);
        match entry.state {
            State::Incomplete { asked } if asked < MAX_SOLICITS => {
                entry.state = State::Incomplete { asked: asked + 1 };
                ask(entry, None)
            }
            State::Probe { asked } if asked < MAX_SOLICITS => {
                entry.state = State::Probe { asked: asked + 1 };
                ask(entry, to)
            }
            State::Delay => {
                entry.state = State::Probe { asked: 1 };
                ask(entry, to)
            }
            State::Reachable => {
                entry.state = State::Stale;
                wheel.set(entry.timer, Some(now + STALE));
                Due::Nothing
            }
            State::Incomplete { .. } | State::Probe { .. } | State::Stale => {
                Due::Failed(self.remove(wheel, neighbour.0).waiting)
            }
        }
    }

    fn insert<T: Copy>(
        &mut self,
        wheel: &mut Wheel<T>,
        name: impl Fn(NeighbourId) -> T,
        iface: IfaceId,
        addr: IpAddr,
    ) -> Option<u32> {
        if self.entries.len() >= MAX_NEIGHBOURS {
            self.evict(wheel)?;
        }
        let slot = self.entries.vacant_entry();
        let index = slot.key() as u32;
        slot.insert(Neighbour {
            iface,
            addr,
            mac: MacAddr::default(),
            state: State::Incomplete { asked: 1 },
            confirmed: Instant::ZERO,
            waiting: VecDeque::new(),
            timer: wheel.insert(name(NeighbourId(index))),
        });
        let (key, entries) = (self.key, &self.entries);
        let rehash = |&i: &u32| {
            let n = &entries[i as usize];
            Self::hash(key, n.iface, n.addr)
        };
        self.table.insert_unique(Self::hash(key, iface, addr), index, rehash);
        Some(index)
    }

    /// Makes room by forgetting an entry that nobody has confirmed of late, unless all have been.
    fn evict<T: Copy>(&mut self, wheel: &mut Wheel<T>) -> Option<()> {
        for _ in 0..MAX_NEIGHBOURS {
            self.hand = (self.hand + 1) % MAX_NEIGHBOURS;
            let replaceable = |n: &Neighbour| !matches!(n.state, State::Reachable | State::Delay);
            if self.entries.get(self.hand).is_some_and(replaceable) {
                self.lost += self.remove(wheel, self.hand as u32).waiting.len() as u64;
                return Some(());
            }
        }
        None
    }

    fn remove<T: Copy>(&mut self, wheel: &mut Wheel<T>, index: u32) -> Neighbour {
        let entry = self.entries.remove(index as usize);
        wheel.remove(entry.timer);
        if let Ok(found) = self.table.find_entry(Self::hash(self.key, entry.iface, entry.addr), |&i| i == index) {
            found.remove();
        }
        entry
    }

    /// Number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Neighbour {
    /// Whether what nobody asked for may change it: it was not confirmed just now.
    fn is_free(&self, now: Instant) -> bool {
        self.confirmed == Instant::ZERO || self.confirmed + LOCKED <= now
    }
}

#[cfg(test)]
mod tests;
