//! Times in which a connection stood still, and whose fault that was.

use super::FlowsOptions;
use super::entry::{Entry, Read};
use super::flow::{MAX_STALLS, nanos};
use super::sighting::{End, Kind, Place, Sighting};
use super::trouble::{Fault, Stall, TroubleKind};
use std::time::Duration;

impl Entry {
    /// Judges the time since the packet before, if it was long.
    #[inline]
    pub(super) fn take_stall(&mut self, read: &Read<'_>, seen: &Sighting, options: &FlowsOptions) {
        if Entry::is_idle_talk(seen.kind) {
            return;
        }
        let before = std::mem::replace(&mut self.progress, read.at);
        let gap = nanos(before.time, read.at.time);
        if gap >= options.stall_nanos() && self.flow.opening.is_open() {
            self.note_stall(read, seen, before.number, before.time, gap);
        }
    }

    #[cold]
    fn note_stall(&mut self, read: &Read<'_>, seen: &Sighting, from: u64, at: i64, gap: u64) {
        let round_trip = self.flow.round_trip().unwrap_or_default();
        let lasted = Duration::from_nanos(gap);
        // What the capture missed moved unseen.
        let unseen = seen.acks_unseen || seen.place == Place::Ahead;
        if lasted < round_trip * 3 || read.kind == Kind::Reset || unseen {
            return;
        }
        let (fault, end) = self.fault(read, seen);
        let stall = Stall { from, to: read.at.number, at, lasted, fault, end };
        let flow = &mut self.flow;
        flow.stall_count += 1;
        flow.stalled[fault as usize] += lasted;
        if flow.stalls.len() >= MAX_STALLS {
            let shortest = (0..flow.stalls.len()).min_by_key(|index| flow.stalls[*index].lasted);
            match shortest {
                Some(index) if flow.stalls[index].lasted < lasted => drop(flow.stalls.remove(index)),
                _ => return,
            }
        }
        flow.stalls.push(stall);
        if fault != Fault::Application {
            let trouble = flow.troubles.count(TroubleKind::Stalled, end, at, from);
            trouble.cite(read.at.number);
            trouble.lasted += lasted;
        }
    }

    /// Whose fault it was that nothing went on until `read` came.
    fn fault(&self, read: &Read<'_>, seen: &Sighting) -> (Fault, End) {
        let (from, peer) = (read.from, read.from.peer());
        // The window that opens now was shut till now.
        let shut = |end: End| {
            let window = &self.flow.end(end).window;
            window.zero_since.is_some_and(|since| since < read.at.time) || self.reopened == Some((end, read.at.number))
        };
        for end in [from, peer] {
            if shut(end) && self.flow.end(end.peer()).data_packets > 0 {
                return (Fault::Window, end);
            }
        }
        if seen.again.is_some() {
            return (Fault::Loss, from);
        }
        match () {
            () if !read.quiet_before[peer.index()] && seen.newly_acked > 0 => (Fault::Network, peer),
            () if seen.kind == Kind::WindowUpdate => (Fault::Window, from),
            () => (Fault::Application, from),
        }
    }
}
