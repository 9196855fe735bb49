//! What is wrong with a connection, in words: what goes on now, else the worst that has happened.

use super::survey::{Live, end_at};
use super::words::{ordinal, short, span};
use limpid_scope::flows::{End, Flow, Opening, Trouble, TroubleKind};
use limpid_scope::words::count;
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
/// A SYN may be without an answer for so long before that is worth a word, nanoseconds.
const ANSWER: i64 = 300_000_000;
/// Repetitions come a little late, and later than that not at all: this share of the interval.
const LATE: i64 = 4;

/// Something wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Wrong {
    /// From 1, a trifle, to 9: it failed.
    pub(crate) severity: u8,
    pub(crate) what: What,
}

/// What is wrong. Times are nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum What {
    /// Nobody has answered the SYN yet.
    SynUnanswered {
        /// How often it was sent.
        sent: u32,
        first: i64,
        /// When it should be sent next, by the schedule so far.
        next: i64,
    },
    /// The window of `end` is closed.
    ZeroWindow { end: End, since: i64 },
    /// What `end` sends is not acknowledged.
    NotAcknowledged { end: End, sent: u32, first: i64, next: i64 },
    /// It has happened.
    Past { kind: TroubleKind, end: End, times: u64, lasted: Duration, again: u64, segments: u64 },
}

/// What is wrong with a connection now, if anything.
pub(super) fn now_wrong(flow: &Flow, live: &Live, now: i64) -> Option<Wrong> {
    if flow.opening == Opening::Unanswered {
        return syn_unanswered(flow, now);
    }
    let repeats = live.repeats.iter().enumerate().find_map(|(index, repeats)| {
        let repeats = repeats.filter(|repeats| repeats.sent > 2)?;
        let next = repeats.last.saturating_add(repeats.gap.saturating_mul(2));
        let what = What::NotAcknowledged { end: end_at(index), sent: repeats.sent, first: repeats.first, next };
        Some(Wrong { severity: 8, what })
    });
    let closed = || {
        End::BOTH.into_iter().find_map(|end| {
            let since = flow.end(end).window.zero_since?;
            let severity = if now - since > SECOND { 7 } else { 5 };
            Some(Wrong { severity, what: What::ZeroWindow { end, since } })
        })
    };
    repeats.or_else(closed)
}

/// The schedule of SYNs so far tells when the next is due: their intervals double, or, in newer Linux, stay the same for
/// the first few.
fn syn_unanswered(flow: &Flow, now: i64) -> Option<Wrong> {
    let client = flow.end(End::Client);
    let times: Vec<i64> = client.syns.iter().map(|syn| syn.at).collect();
    let (&first, &last) = (times.first()?, times.last()?);
    let sent = client.syn_count.max(1);
    // Beyond the times that are kept, the newest packet was the newest SYN.
    let last = last.max(client.last_at);
    let intervals: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let due = match intervals[..] {
        [] => vec![SECOND],
        [.., before, newest] if newest > before + before / 2 => vec![newest * 2],
        [.., newest] => vec![newest, newest * 2],
    };
    let allowance = |interval: &i64| last + interval + interval / LATE >= now;
    let interval = due.iter().find(|interval| allowance(interval)).or(due.last())?;
    if sent == 1 && now - first < ANSWER {
        return None;
    }
    let next = last + interval;
    // A little late is still due.
    let next = if allowance(interval) { next.max(now) } else { next };
    Some(Wrong { severity: if sent > 1 { 9 } else { 5 }, what: What::SynUnanswered { sent, first, next } })
}

impl Wrong {
    /// What has happened; of `segments` that its end sent, `again` were repetitions.
    pub(super) fn happened(trouble: &Trouble, again: u64, segments: u64) -> Wrong {
        let Trouble { kind, end, count: times, lasted, .. } = *trouble;
        // A loss in a thousand segments is how TCP finds out what the path takes.
        let is_rare = kind == TroubleKind::Losses && again.saturating_mul(1000) < segments;
        let severity = if is_rare { 2 } else { kind.severity() };
        Wrong { severity, what: What::Past { kind, end, times, lasted, again, segments } }
    }

    /// In words, at `now`.
    pub(crate) fn text(&self, now: i64) -> String {
        match self.what {
            What::SynUnanswered { sent, first, next } => match next - now {
                0 => format!("SYN unanswered, {} retry due now", ordinal(sent.into())),
                left if left > 0 => format!("SYN unanswered, {} retry in {}", ordinal(sent.into()), left_text(left)),
                _ if sent == 1 => format!("SYN unanswered for {}", short(now - first)),
                // It should have been sent again by now: whoever connected has given up.
                _ => format!("SYN unanswered for {}, given up after {}", short(now - first), retries(sent - 1)),
            },
            What::ZeroWindow { end, since } => {
                format!("zero window {}: the {} does not read", short(now - since), end.text())
            }
            What::NotAcknowledged { end, sent, first, next } => {
                let next = if next >= now { format!(", next in {}", left_text(next - now)) } else { String::new() };
                format!("{} data unacknowledged for {}, sent {sent} times{next}", end.text(), short(now - first))
            }
            What::Past { kind, end, times, lasted, again, segments } => {
                past(kind, end, times, lasted, (again, segments))
            }
        }
    }
}

fn retries(n: u32) -> String {
    if n == 1 { "1 retry".into() } else { format!("{n} retries") }
}

/// Whole seconds above one: a figure that counts down should not flicker.
fn left_text(nanos: i64) -> String {
    match nanos {
        0..1_000_000_000 => "less than 1 s".into(),
        _ => format!("{} s", (nanos + 500_000_000) / 1_000_000_000),
    }
}

fn past(kind: TroubleKind, end: End, times: u64, lasted: Duration, (again, segments): (u64, u64)) -> String {
    let (who, other) = (end.text(), end.peer().text());
    let share = || {
        let percent = again as f64 * 100.0 / segments.max(1) as f64;
        match percent {
            ..0.1 => "less than 0.1 % sent again".to_owned(),
            10.0.. => format!("{percent:.0} % sent again"),
            _ => format!("{percent:.1} % sent again"),
        }
    };
    let for_long = if lasted.is_zero() { String::new() } else { format!(" for {}", span(lasted)) };
    match kind {
        TroubleKind::Unanswered => format!("SYN never answered, {}", count(times, "try").replace("trys", "tries")),
        TroubleKind::Refused => format!("refused: the {other} answered the SYN with a reset"),
        TroubleKind::Unreachable => "unreachable: an ICMP error answered the SYN".into(),
        TroubleKind::OpeningRetried => format!("the {who} had to repeat its SYN {}", often(times)),
        TroubleKind::HalfOpen => format!("half-open: the {who}'s SYN-ACK was never acknowledged"),
        TroubleKind::Reset => format!("reset by the {who}"),
        TroubleKind::GaveUp => format!("the {who} gave up: nobody acknowledged its data"),
        TroubleKind::BlackHole => format!("MTU black hole: the {who}'s large segments vanish"),
        TroubleKind::Timeouts => format!("{} ({who}), {}", count(times, "timeout"), share()),
        TroubleKind::Losses => format!("{} ({who}), {again} of {segments}", share()),
        TroubleKind::Needless => format!("the {who} sent {} again in vain", count(times, "segment")),
        TroubleKind::ZeroWindow => format!("zero window {}{for_long} at the {who}", often(times)),
        TroubleKind::WindowFull => format!("the {who}'s window was full {}", often(times)),
        TroubleKind::Stalled => format!("stood still{for_long}"),
        _ => format!("{} ({who}), {}", kind.text(), often(times)),
    }
}

fn often(times: u64) -> String {
    match times {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}
