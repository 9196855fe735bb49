//! What is under way in a pipe, by when it arrives.

use super::Parcel;
use limpid_event::Instant;
use std::collections::{BTreeMap, VecDeque};

/// When, and which of those that arrive at the same time: the one that was put in first.
type Due = (Instant, u64);

/// Packets under way. Those that keep their order, nearly all, wait in a queue.
#[derive(Default)]
pub(super) struct Flight {
    in_order: VecDeque<(Due, Parcel)>,
    others: BTreeMap<Due, Parcel>,
    count: u64,
}

impl Flight {
    /// Adds a packet that arrives at `at`, and not before what was added so before.
    pub(super) fn push(&mut self, at: Instant, parcel: Parcel) {
        let due = (at, self.count);
        match self.in_order.back() {
            Some((last, _)) if *last > due => self.insert(at, parcel),
            _ => {
                self.in_order.push_back((due, parcel));
                self.count += 1;
            }
        }
    }

    /// Adds a packet that others may overtake.
    pub(super) fn insert(&mut self, at: Instant, parcel: Parcel) {
        self.others.insert((at, self.count), parcel);
        self.count += 1;
    }

    /// The next one, if it is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Parcel> {
        let (first, other) = self.first();
        let due = first.into_iter().chain(other).min().filter(|(at, _)| *at <= now)?;
        if first == Some(due) {
            return self.in_order.pop_front().map(|(_, parcel)| parcel);
        }
        self.others.pop_first().map(|(_, parcel)| parcel)
    }

    /// When the next one arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        let (first, other) = self.first();
        first.into_iter().chain(other).min().map(|(at, _)| at)
    }

    fn first(&self) -> (Option<Due>, Option<Due>) {
        (self.in_order.front().map(|(due, _)| *due), self.others.first_key_value().map(|(due, _)| *due))
    }
}
