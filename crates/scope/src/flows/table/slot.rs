//! What is in a place of the table.

use super::super::entry::Entry;
use super::super::flow::Flow;
use super::super::key::FlowKey;
use super::super::pack::Unpacker;
use super::super::rest::Resting;
use super::super::sighting::FlowNumber;
use std::borrow::Cow;

/// A connection's place as the map of keys has it: with a part of its key's hash, so that neither a search nor the map's
/// growth looks at other connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) mark: u32,
    pub(super) slot: u32,
}

impl Found {
    /// What the map takes for a hash: it needs all bits to be spread.
    #[inline]
    pub(super) fn spread(mark: u32) -> u64 {
        u64::from(mark).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// What is in a place.
#[derive(Debug, Default)]
pub(super) enum Slot {
    #[default]
    Free,
    Awake(Box<Entry>),
    /// It ended, and nothing came for a while.
    Resting(Resting),
}

impl Slot {
    pub(super) fn number(&self) -> Option<FlowNumber> {
        match self {
            Slot::Free => None,
            Slot::Awake(entry) => Some(entry.flow.number),
            Slot::Resting(resting) => Some(resting.number()),
        }
    }

    /// When the last packet came of the connection that has this number.
    pub(super) fn last_of(&self, of: FlowNumber) -> Option<i64> {
        match self {
            Slot::Awake(entry) if entry.flow.number == of => Some(entry.flow.last),
            Slot::Resting(resting) if resting.number() == of => Some(resting.last()),
            _ => None,
        }
    }

    #[inline(always)]
    pub(super) fn is_of(&self, key: &FlowKey) -> bool {
        match self {
            Slot::Awake(entry) => entry.key == *key,
            other => other.is_resting_of(key),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn is_resting_of(&self, key: &FlowKey) -> bool {
        matches!(self, Slot::Resting(resting) if resting.key() == *key)
    }

    #[inline]
    pub(super) fn awake(&self) -> Option<&Entry> {
        match self {
            Slot::Awake(entry) => Some(entry),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn awake_mut(&mut self) -> Option<&mut Entry> {
        match self {
            Slot::Awake(entry) => Some(entry),
            _ => None,
        }
    }

    /// Its connection, woken for a look if it rests: `scratch` is made when the first does.
    pub(super) fn flow(&self, scratch: &mut Option<Scratch>) -> Option<Cow<'_, Flow>> {
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
    pub(super) fn size(&self) -> usize {
        match self {
            Slot::Free => 0,
            Slot::Awake(entry) => entry.size(),
            Slot::Resting(resting) => resting.size(),
        }
    }
}

/// Where connections that rest are woken for a look.
pub(super) struct Scratch {
    pub(super) entry: Box<Entry>,
    pub(super) unpacker: Unpacker,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch { entry: Box::new(Entry::blank()), unpacker: Unpacker::default() }
    }
}

/// A connection that left: as it was when it did, and with the number of its place.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) slot: u32,
    pub(super) what: Slot,
}
