//! Which segments are drawn, and which disappear in a fold: long runs of ordinary data or of resets, and whatever is too much.

use super::LadderOptions;
use super::bundle::Bundles;
use crate::analysis::{Connection, Segment};
use crate::flows::{Cause, Kind};
use crate::words;
use limpid_event::{DropReason, Instant};
use limpid_wire::TcpFlags;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

/// How many segments of a run remain at each of its ends; and where there are many arrows.
const KEEP: usize = 2;
const KEEP_OF_MANY: usize = 1;
/// How many events of a kind are drawn where there are many arrows.
const EVENTS: usize = 2;
/// Longer folds say how long they lasted.
const LONG: Duration = Duration::from_millis(100);

/// How hard a ladder is folded: harder where too many arrows would remain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Effort {
    /// Long runs of what is ordinary.
    Usual,
    /// Short ones, too.
    Short,
    /// Of events of one kind the first few are drawn.
    Events,
}

/// A run of segments that is drawn as one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fold {
    /// Indices in the list that was folded.
    pub(crate) range: Range<usize>,
    pub(crate) from: Instant,
    pub(crate) until: Instant,
    /// The lowest packet number in it.
    pub(crate) first: u64,
    pub(crate) text: String,
}

/// Segments that fold together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Ordinary data and acknowledgements.
    Plain,
    /// Resets, and what found no connection any more.
    Reset,
    /// Worth a line of its own.
    Telling,
}

impl Sort {
    fn of(segment: &Segment) -> Sort {
        match segment {
            s if is_plain(s) => Sort::Plain,
            s if s.dropped == Some(DropReason::NoConnection) && !s.is_syn() => Sort::Reset,
            s if s.is(TcpFlags::RST) && !s.is_syn() && !s.arrival.is_lost() => Sort::Reset,
            _ => Sort::Telling,
        }
    }
}

/// Folds `segments`: long runs of ordinary data and acknowledgements, and of resets. If more than `options.many_arrows` would be
/// drawn, also short ones; then what happened a few times before; and if more than `options.max_arrows` lines remain, whatever
/// stands in the middle.
pub(super) fn folds(segments: &[(&Connection, &Segment)], options: &LadderOptions, bundles: &Bundles<'_>) -> Vec<Fold> {
    let lines = |ranges: &[Range<usize>]| {
        segments.len() - ranges.iter().map(ExactSizeIterator::len).sum::<usize>() + ranges.len()
    };
    let mut ranges = Vec::new();
    for effort in [Effort::Usual, Effort::Short, Effort::Events] {
        ranges = runs(segments, options, effort);
        if drawn(segments, &ranges, bundles) <= options.many_arrows {
            break;
        }
    }
    if lines(&ranges) > options.max_arrows {
        ranges = fold_middle(&ranges, segments.len(), options.max_arrows);
    }
    ranges.into_iter().map(|range| fold(segments, range)).collect()
}

/// How many arrows and folds are drawn: of a bundle two.
fn drawn(segments: &[(&Connection, &Segment)], ranges: &[Range<usize>], bundles: &Bundles<'_>) -> usize {
    let ends = ranges.iter().map(|range| range.start).chain([segments.len()]);
    let starts = [0].into_iter().chain(ranges.iter().map(|range| range.end));
    let mut count = ranges.len();
    for (mut at, end) in starts.zip(ends) {
        while at < end {
            let run = bundles.leading(&segments[at..end]);
            count += if run > 0 { 2 } else { 1 };
            at += run.max(1);
        }
    }
    count
}

/// Runs of segments that are folded.
fn runs(segments: &[(&Connection, &Segment)], options: &LadderOptions, effort: Effort) -> Vec<Range<usize>> {
    let sorts = sorts(segments, effort);
    let (keep, shorter) = match effort {
        Effort::Usual => (KEEP, 1),
        Effort::Short | Effort::Events => (KEEP_OF_MANY, 4),
    };
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < sorts.len() {
        let run = sorts[at..].iter().take_while(|sort| **sort == sorts[at]).count();
        let most = match sorts[at] {
            Sort::Plain => options.fold_from / shorter,
            // One says what all of them say.
            Sort::Reset => options.fold_from / 2 / shorter,
            Sort::Telling => usize::MAX,
        };
        if run > most.max(2 * keep) {
            ranges.push(at + keep..at + run - keep);
        }
        at += run;
    }
    ranges
}

/// The sort of each segment: the first reset of a connection ends it, and is always worth a line. With [`Effort::Events`], what
/// happened a few times is ordinary from then on.
fn sorts(segments: &[(&Connection, &Segment)], effort: Effort) -> Vec<Sort> {
    let mut seen: HashMap<Event, usize> = HashMap::new();
    let mut ended: HashSet<*const Connection> = HashSet::new();
    let mut sort = |connection: &Connection, segment: &Segment| {
        let is_reset = segment.is(TcpFlags::RST) && segment.dropped.is_none();
        if is_reset && ended.insert(std::ptr::from_ref(connection)) {
            return Sort::Telling;
        }
        let sort = match Sort::of(segment) {
            // What still comes when one end has gone alternates with what the other one says: together they are one run.
            Sort::Reset if effort == Effort::Events => Sort::Plain,
            sort => sort,
        };
        if effort != Effort::Events || sort != Sort::Telling || segment.flags_any(CONTROL) {
            return sort;
        }
        let times = seen.entry(Event::of(segment)).or_default();
        *times += 1;
        if *times > EVENTS { Sort::Plain } else { Sort::Telling }
    };
    segments.iter().map(|(connection, segment)| sort(connection, segment)).collect()
}

/// Never folded but with all that stands in the middle: how a connection opens and ends.
const CONTROL: TcpFlags = TcpFlags::SYN.union(TcpFlags::FIN).union(TcpFlags::RST).union(TcpFlags::URG);

/// What is special about a segment: two that share it tell the same.
#[derive(PartialEq, Eq, Hash)]
struct Event {
    from: usize,
    again: Option<Cause>,
    lost: bool,
    dropped: bool,
    late: bool,
    copy: bool,
    window_closed: bool,
    kind: std::mem::Discriminant<Kind>,
}

impl Event {
    fn of(segment: &Segment) -> Event {
        Event {
            from: segment.from,
            again: segment.facts.again.map(|again| again.cause),
            lost: segment.arrival.is_lost(),
            dropped: segment.dropped.is_some(),
            late: segment.facts.late,
            copy: segment.copy,
            window_closed: segment.tcp.window == 0,
            kind: std::mem::discriminant(&segment.facts.kind),
        }
    }
}

/// Replaces what stands in the middle, folds and all, by one fold, so that about `max` lines remain.
fn fold_middle(ranges: &[Range<usize>], len: usize, max: usize) -> Vec<Range<usize>> {
    let (head, tail) = (max * 2 / 3, max - max * 2 / 3);
    // Positions of the lines that remain, counting a fold as one.
    let from = nth_line(ranges, 0..len, head);
    let to = len - nth_line_back(ranges, len, tail);
    if from >= to {
        return ranges.to_vec();
    }
    let before = ranges.iter().filter(|r| r.end <= from).cloned();
    let after = ranges.iter().filter(|r| r.start >= to).cloned();
    before.chain(std::iter::once(from..to)).chain(after).collect()
}

/// The index at which line `n` begins.
fn nth_line(ranges: &[Range<usize>], within: Range<usize>, n: usize) -> usize {
    let (mut at, mut line) = (within.start, 0);
    let mut folds = ranges.iter().peekable();
    while line < n && at < within.end {
        match folds.next_if(|r| r.start == at) {
            Some(fold) => at = fold.end,
            None => at += 1,
        }
        line += 1;
    }
    at
}

/// How many indices the last `n` lines take.
fn nth_line_back(ranges: &[Range<usize>], len: usize, n: usize) -> usize {
    let mirrored: Vec<Range<usize>> = ranges.iter().rev().map(|r| len - r.end..len - r.start).collect();
    nth_line(&mirrored, 0..len, n)
}

/// Nothing about it is worth a line of its own.
pub(super) fn is_plain(segment: &Segment) -> bool {
    let tcp = &segment.tcp;
    let facts = &segment.facts;
    !tcp.flags.intersects(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::URG)
        && !segment.is_probe()
        && facts.again.is_none()
        && !facts.late
        && !segment.copy
        && segment.dropped.is_none()
        && !segment.arrival.is_lost()
        && tcp.window > 0
        // The ACK that completes the handshake.
        && !(tcp.is_pure_ack() && (facts.seq, facts.ack) == (1, 1))
}

fn fold(segments: &[(&Connection, &Segment)], range: Range<usize>) -> Fold {
    let inside = || segments[range.clone()].iter().map(|(_, s)| *s);
    let numbers = || inside().map(|s| s.number);
    let (first, last) = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
    let from = inside().map(|s| s.sent_at).min().unwrap_or_default();
    let until = inside().map(|s| s.sent_at).max().unwrap_or_default();
    let side = |end: usize| {
        let arrow = if end == 0 { "→" } else { "←" };
        let data = inside().filter(|s| s.from == end && s.tcp.len > 0);
        let (segments, bytes) = data.fold((0, 0), |(n, sum), s| (n + 1, sum + u64::from(s.tcp.len)));
        let others = || inside().filter(|s| s.from == end && s.tcp.len == 0);
        let count = |test: &dyn Fn(&Segment) -> bool| others().filter(|s| test(s)).count() as u64;
        let is_duplicate = |s: &Segment| s.facts.kind == Kind::DuplicateAck;
        let duplicates = count(&is_duplicate);
        let acks = count(&|s| s.tcp.is_pure_ack() && !is_duplicate(s) && !s.is(TcpFlags::RST));
        let resets = count(&|s| s.is(TcpFlags::RST));
        let rest = count(&|s| !s.tcp.is_pure_ack() && !is_duplicate(s) && !s.is(TcpFlags::RST));
        let mut parts = Vec::new();
        if segments > 0 {
            parts.push(format!("{}, {}", words::count(segments, "segment"), words::bytes(bytes)));
        }
        if acks > 0 {
            parts.push(words::count(acks, "ACK"));
        }
        if duplicates > 0 {
            parts.push(words::count(duplicates, "duplicate ACK"));
        }
        if resets > 0 {
            parts.push(words::count(resets, "reset"));
        }
        if rest > 0 {
            parts.push(words::count(rest, "other"));
        }
        (!parts.is_empty()).then(|| format!("{arrow} {}", parts.join(", ")))
    };
    let sides: Vec<String> = [side(0), side(1)].into_iter().flatten().collect();
    let lasted = until.since(from);
    let lasted = if lasted >= LONG { format!(" in {}", words::rough(lasted)) } else { String::new() };
    let text = format!("{first}–{last}{lasted}: {}{}", sides.join("; "), events(inside()));
    Fold { range, from, until, first, text }
}

/// What happened to segments of a fold, beside their being sent.
fn events<'s>(inside: impl Iterator<Item = &'s Segment>) -> String {
    let (mut lost, mut dropped, mut late) = (0, 0, 0);
    let mut again: BTreeMap<Cause, u64> = BTreeMap::new();
    for segment in inside {
        lost += u64::from(segment.arrival.is_lost());
        dropped += u64::from(segment.dropped.is_some());
        late += u64::from(segment.facts.late);
        if let Some(repeats) = segment.facts.again {
            *again.entry(repeats.cause).or_default() += 1;
        }
    }
    let mut text = String::new();
    for (cause, count) in again {
        text.push_str(&format!("; {} again ({})", words::number(count), cause.text()));
    }
    for (count, what) in [(lost, "lost"), (dropped, "not taken"), (late, "overtaken")] {
        if count > 0 {
            text.push_str(&format!("; {} {what}", words::number(count)));
        }
    }
    text
}
