//! Which segments are drawn, and which disappear in a fold: long runs of ordinary data or of resets, and whatever is too much.

use super::LadderOptions;
use crate::analysis::{Connection, Segment};
use crate::flows::Kind;
use crate::words;
use limpid_event::Instant;
use limpid_wire::TcpFlags;
use std::ops::Range;

/// How many segments of a run remain at each of its ends.
const KEEP: usize = 2;

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
    /// Resets that this end sent.
    Reset(usize),
    /// Worth a line of its own.
    Telling,
}

impl Sort {
    fn of(segment: &Segment) -> Sort {
        match segment {
            s if is_plain(s) => Sort::Plain,
            s if s.is(TcpFlags::RST) && !s.is_syn() && !s.arrival.is_lost() => Sort::Reset(s.from),
            _ => Sort::Telling,
        }
    }
}

/// Folds `segments`: first runs of ordinary data and acknowledgements, and of resets, then, if still more than `options.max_arrows`
/// remain, whatever stands in the middle.
pub(crate) fn folds(segments: &[(&Connection, &Segment)], options: &LadderOptions) -> Vec<Fold> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < segments.len() {
        let sort = Sort::of(segments[at].1);
        let run = segments[at..].iter().take_while(|(_, s)| Sort::of(s) == sort).count();
        let most = match sort {
            Sort::Plain => options.fold_from,
            // One says what all of them say.
            Sort::Reset(_) => options.fold_from / 2,
            Sort::Telling => usize::MAX,
        };
        if run > most.max(2 * KEEP) {
            ranges.push(at + KEEP..at + run - KEEP);
        }
        at += run;
    }
    let hidden: usize = ranges.iter().map(ExactSizeIterator::len).sum();
    if segments.len() - hidden + ranges.len() > options.max_arrows {
        ranges = fold_middle(&ranges, segments.len(), options.max_arrows);
    }
    ranges.into_iter().map(|range| fold(segments, range)).collect()
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
    let lost = inside().filter(|s| s.arrival.is_lost()).count() as u64;
    let lost = if lost > 0 { format!("; {} lost", words::number(lost)) } else { String::new() };
    let text = format!("{first}–{last}: {}{lost}", sides.join("; "));
    Fold { range, from, until, first, text }
}
