//! Who has been silent or over for long leaves: queues of times, which never grow beyond what is open.

use super::super::entry::Entry;
use super::slot::Slot;
use super::{LOOKS, Noted, Table};

/// How many connections a single packet may let go, so that one wrong time does not let all of them go.
const AGED_AT_ONCE: usize = 2;
/// So many entries of connections that left may stand in a queue, beside twice as many as are open.
const SLACK: usize = 1024;

/// True if more than `limit` has gone by since then. A time as far in the future is a wrong one: who waited for it would hold
/// up all that stand behind.
#[inline]
fn is_past(now: i64, since: i64, limit: i64) -> bool {
    now.saturating_sub(since) > limit || since.saturating_sub(now) > limit
}

impl Table {
    /// The queues hold entries of connections that left already: many, where one endpoint is opened anew and again. What is
    /// left of a queue is no more than is open, so that as much has to happen before it is swept again.
    #[inline]
    pub(super) fn bound_queues(&mut self) {
        if self.idle.len().max(self.over.len()).max(self.detailed.len()) > 2 * self.open + SLACK {
            self.sweep_queues();
        }
    }

    #[cold]
    pub(super) fn sweep_queues(&mut self) {
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

    /// That connection, if it is still there and does not rest.
    pub(super) fn noted_mut(&mut self, (slot, number): Noted) -> Option<&mut Entry> {
        self.entry_mut(slot).filter(|entry| entry.flow.number == number)
    }

    pub(super) fn is_there(&self, (slot, number): Noted) -> bool {
        self.slots.get(slot as usize).and_then(Slot::number) == Some(number)
    }

    /// Lets go of connections that ended or were silent for long.
    #[inline]
    pub(in crate::flows) fn age(&mut self, now: i64) {
        let is_due =
            |front: Option<&(i64, Noted)>, limit: i64| front.is_some_and(|(since, _)| is_past(now, *since, limit));
        if is_due(self.over.front(), self.linger) || is_due(self.idle.front(), self.idle_limit) {
            self.age_some(now, self.linger, self.idle_limit);
        }
    }

    #[cold]
    pub(super) fn age_some(&mut self, now: i64, linger: i64, idle: i64) {
        for _ in 0..AGED_AT_ONCE {
            if let Some(&(since, noted)) = self.over.front()
                && is_past(now, since, linger)
            {
                self.over.pop_front();
                if self.is_there(noted) {
                    self.leave(noted.0);
                }
            }
            if let Some(&(since, noted)) = self.idle.front()
                && is_past(now, since, idle)
            {
                self.idle.pop_front();
                match self.slots.get(noted.0 as usize).and_then(|slot| slot.last_of(noted.1)) {
                    Some(last) if is_past(now, last, idle) => self.leave(noted.0),
                    Some(last) => self.idle.push_back((last, noted)),
                    None => {}
                }
            }
        }
    }

    /// Makes room: one that has ended, else one that has been idle for long.
    pub(super) fn push_out(&mut self, now: i64) {
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
}
