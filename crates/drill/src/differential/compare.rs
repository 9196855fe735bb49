//! Where two logs part.

use super::log::{Step, What};
use std::fmt;
use std::time::Duration;

/// Times between steps differ only if by more than this, and by more than this part of them: real time is not exact.
const TOLERANCE: Duration = Duration::from_millis(20);
const TOLERANCE_PART: u32 = 8;

/// Where two runs part first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parting {
    /// How.
    pub kind: Kind,
    /// Where our stack was.
    pub ours: Place,
    /// Where Linux was.
    pub linux: Place,
}

/// How two runs part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Packets.
    Packets,
    /// What a call returned, or that it was made.
    Calls,
    /// The same packets and calls, but at other times.
    Times,
}

/// A place in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Index of the step; the number of steps if there is none.
    pub step: usize,
    /// That step is what differs; false if the run has nothing that stands against the other's.
    pub there: bool,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Packets => "They part at a packet",
            Kind::Calls => "They part at a call",
            Kind::Times => "They do the same at different times",
        })
    }
}

/// Finds where two runs part first. Packets are compared with packets and calls with calls: in which order a call ends and a
/// packet leaves at the same moment is nobody's business. What comes after the shorter one's end counts only if a run failed.
pub(super) fn part(ours: &[Step], linux: &[Step], both_passed: bool) -> Option<Parting> {
    let packets = differing(ours, linux, is_packet, both_passed).map(|places| (Kind::Packets, places));
    let calls = differing(ours, linux, is_call, both_passed).map(|places| (Kind::Calls, places));
    let first =
        [packets, calls].into_iter().flatten().min_by_key(|(_, (a, b))| time_of(ours, a).min(time_of(linux, b)));
    let found = first.or_else(|| late(ours, linux).map(|places| (Kind::Times, places)));
    found.map(|(kind, (ours, linux))| Parting { kind, ours, linux })
}

fn is_packet(step: &Step) -> bool {
    !is_call(step)
}

fn is_call(step: &Step) -> bool {
    matches!(step.what, What::Called(_))
}

fn time_of(steps: &[Step], place: &Place) -> Duration {
    steps.get(place.step).map_or(Duration::MAX, |step| step.at)
}

/// The first steps of this sort that are not the same.
fn differing(ours: &[Step], linux: &[Step], sort: fn(&Step) -> bool, both_passed: bool) -> Option<(Place, Place)> {
    let of_sort =
        |steps: &[Step]| steps.iter().enumerate().filter(|(_, s)| sort(s)).map(|(i, _)| i).collect::<Vec<_>>();
    let (mine, theirs) = (of_sort(ours), of_sort(linux));
    let same = |(a, b): &(&usize, &usize)| ours[**a].what == linux[**b].what;
    let common = mine.iter().zip(&theirs).take_while(same).count();
    let place = |steps: &[Step], indices: &[usize], other: Duration| match indices.get(common) {
        Some(index) => Place { step: *index, there: true },
        // It would stand among what happened at that time.
        None => Place { step: steps.iter().take_while(|step| step.at <= other).count(), there: false },
    };
    let at = |steps: &[Step], indices: &[usize]| indices.get(common).map_or(Duration::MAX, |index| steps[*index].at);
    match (mine.get(common), theirs.get(common)) {
        (None, None) => None,
        (Some(_), Some(_)) => Some((place(ours, &mine, Duration::MAX), place(linux, &theirs, Duration::MAX))),
        _ if both_passed => None,
        _ => Some((place(ours, &mine, at(linux, &theirs)), place(linux, &theirs, at(ours, &mine)))),
    }
}

/// The first packet that the target sent much earlier or later than the other, counted from the packet before.
fn late(ours: &[Step], linux: &[Step]) -> Option<(Place, Place)> {
    let packets = |steps: &[Step]| {
        let mut before = Duration::ZERO;
        let gap = |(index, step): (usize, &Step)| {
            let gap = step.at.saturating_sub(std::mem::replace(&mut before, step.at));
            (index, gap, matches!(step.what, What::Sent(_)))
        };
        steps.iter().enumerate().filter(|(_, step)| is_packet(step)).map(gap).collect::<Vec<_>>()
    };
    let (mine, theirs) = (packets(ours), packets(linux));
    let differs = |((_, a, sent), (_, b, _)): &(&(usize, Duration, bool), &(usize, Duration, bool))| {
        *sent && a.abs_diff(*b) > TOLERANCE.max(*a.max(b) / TOLERANCE_PART)
    };
    let (mine, theirs) = mine.iter().zip(&theirs).find(differs)?;
    Some((Place { step: mine.0, there: true }, Place { step: theirs.0, there: true }))
}
