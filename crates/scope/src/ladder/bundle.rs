//! Which segments are drawn as one broad arrow: a burst of data, its acknowledgements, duplicate ACKs.
//!
//! Of a bundle its first and its last segment are drawn, each at its own time; the first says what all of them are.

use super::LadderOptions;
use super::fold::is_plain;
use super::label::{self, number};
use super::layout::Label;
use crate::analysis::{Connection, Segment};
use crate::flows::Kind;
use crate::trace::{Arrival, Trace};
use crate::words;
use std::collections::HashSet;
use std::time::Duration;

/// Where no flight is known, segments further apart than this are no burst.
const NEAR: Duration = Duration::from_millis(10);

/// What segments have in common that share a bundle.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Data,
    Ack,
    DuplicateAck,
}

impl Sort {
    fn of(segment: &Segment) -> Option<Sort> {
        match segment.facts.kind {
            Kind::Data => Some(Sort::Data),
            Kind::Ack => Some(Sort::Ack),
            Kind::DuplicateAck => Some(Sort::DuplicateAck),
            _ => None,
        }
    }
}

/// Finds bundles among the segments of a ladder.
pub(super) struct Bundles<'a> {
    trace: &'a Trace,
    least: usize,
    /// What something was sent again of stands alone: lines lead to it.
    originals: HashSet<u64>,
}

impl<'a> Bundles<'a> {
    pub(super) fn of(trace: &'a Trace, connections: &[&Connection], options: &LadderOptions) -> Bundles<'a> {
        let again = connections.iter().flat_map(|c| &c.segments).filter_map(|s| s.facts.again);
        let originals = again.flat_map(|again| [again.original, again.previous]).flatten().collect();
        Bundles { trace, least: options.bundle_from.max(3), originals }
    }

    /// How many of `segments`, from the first on, are a bundle; 0 if they are none.
    pub(super) fn leading(&self, segments: &[(&Connection, &Segment)]) -> usize {
        let Some((first, sort)) = segments.first().and_then(|&(c, s)| Some(((c, s), self.sort(s)?))) else { return 0 };
        let alike = |pair: &&[(&Connection, &Segment)]| {
            let [(before_of, before), (of, segment)] = pair else { return false };
            std::ptr::eq(*before_of, *of) && self.sort(segment) == Some(sort) && follows(before, segment, sort)
        };
        let purpose = label::purpose(first.1);
        let run = 1 + segments.windows(2).take_while(alike).count();
        let run = segments[..run].iter().take_while(|(_, s)| label::purpose(s) == purpose).count();
        if run >= self.least { run } else { 0 }
    }

    fn sort(&self, segment: &Segment) -> Option<Sort> {
        let alone = !is_plain(segment)
            || self.originals.contains(&segment.number)
            || label::glimpse(self.trace, segment).is_some();
        Sort::of(segment).filter(|_| !alone)
    }
}

/// True if `segment` goes on where `before` ended, soon enough, and does not overtake it.
fn follows(before: &Segment, segment: &Segment, sort: Sort) -> bool {
    let arrivals = [before, segment].map(|s| s.arrival.time());
    let flight = arrivals[0].map(|at| at.since(before.sent_at)).filter(|flight| !flight.is_zero());
    let soon = segment.sent_at.since(before.sent_at) <= flight.unwrap_or(NEAR);
    let same_end = std::mem::discriminant(&before.arrival) == std::mem::discriminant(&segment.arrival)
        && !matches!(segment.arrival, Arrival::Lost { .. });
    let goes_on = match sort {
        Sort::Data => segment.facts.seq == before.facts.seq + i64::from(before.tcp.len),
        Sort::Ack => segment.facts.ack > before.facts.ack,
        Sort::DuplicateAck => segment.facts.ack == before.facts.ack,
    };
    before.from == segment.from && soon && same_end && arrivals[0] <= arrivals[1] && goes_on
}

/// The words on the first and on the last of `segments`, which are a bundle.
pub(super) fn labels(
    segments: &[(&Connection, &Segment)],
    absolute: bool,
    mut first_label: Label,
    mut last_label: Label,
) -> (Label, Label) {
    let (first, last) = (segments[0].1, segments[segments.len() - 1].1);
    let count = segments.len() as u64;
    let ack = |segment: &Segment| number(absolute, segment.tcp.ack, segment.facts.ack);
    let (name, fields) = match Sort::of(first) {
        Some(Sort::Data) => {
            let bytes = segments.iter().map(|(_, s)| u64::from(s.tcp.len)).sum();
            let start = number(absolute, first.tcp.seq, first.facts.seq);
            let end = number(absolute, last.tcp.seq + last.tcp.len, last.facts.seq + i64::from(last.tcp.len));
            (words::count(count, "segment"), vec![format!("seq {start}:{end}"), words::bytes(bytes)])
        }
        Some(Sort::DuplicateAck) => (words::count(count, "duplicate ACK"), vec![format!("ack {}", ack(first))]),
        _ => (words::count(count, "ACK"), vec![format!("ack {} to {}", ack(first), ack(last))]),
    };
    first_label.last = Some(last.number);
    first_label.name = name;
    first_label.fields = fields;
    first_label.details.clear();
    // What a duplicate ACK is, the bundle's name says.
    last_label.details.retain(|detail| detail != "duplicate ACK");
    let details = last_label.details;
    (first_label, Label { last: Some(last.number), details, ..Label::default() })
}
