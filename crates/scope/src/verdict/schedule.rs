//! Which schedule the intervals between retransmitted SYNs fit: exponential (RFC 6298 §5.5), or Linux's from 6.5 on, linear
//! first.

use std::time::Duration;

/// How far an interval may be off: timers are coarse, and captures are taken on busy machines.
const TOLERANCE_PERCENT: u128 = 15;
/// Where Linux's backoff ends (TCP_RTO_MAX).
const LONGEST: Duration = Duration::from_secs(120);

/// How SYNs were repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Schedule {
    /// Fewer than two intervals tell nothing.
    TooShort,
    /// Each interval is twice the one before.
    Exponential { first: Duration },
    /// Equal intervals, then doubling ones: `linear` retransmissions come on top of the exponential ones.
    LinearThenExponential { first: Duration, linear: usize },
    /// All intervals are equal so far.
    Linear { first: Duration },
    /// Neither.
    Irregular,
}

/// Finds the schedule.
pub(super) fn fit(intervals: &[Duration]) -> Schedule {
    let [first, rest @ ..] = intervals else { return Schedule::TooShort };
    if rest.is_empty() {
        return Schedule::TooShort;
    }
    let equal = 1 + rest.iter().take_while(|wait| is_near(**wait, *first)).count();
    let doubles =
        |pair: &[Duration]| is_near(pair[1], pair[0] * 2) || (is_near(pair[0], LONGEST) && is_near(pair[1], LONGEST));
    let then_doubles = intervals[equal - 1..].windows(2).all(doubles);
    match equal {
        _ if !then_doubles => Schedule::Irregular,
        1 => Schedule::Exponential { first: *first },
        n if n == intervals.len() => Schedule::Linear { first: *first },
        n => Schedule::LinearThenExponential { first: *first, linear: n - 1 },
    }
}

/// True if the two are as good as equal.
pub(super) fn is_near(value: Duration, target: Duration) -> bool {
    let (value, target) = (value.as_nanos(), target.as_nanos());
    value.abs_diff(target) * 100 <= target * TOLERANCE_PERCENT
}

/// As people would say it: a twentieth off a whole or half second does not count.
pub(super) fn rounded(span: Duration) -> Duration {
    let halves = (span.as_millis() + 250) / 500;
    let round = Duration::from_millis((halves * 500).try_into().unwrap_or(u64::MAX));
    let near = round.abs_diff(span).as_nanos() * 20 <= span.as_nanos();
    if near && halves > 0 { round } else { span }
}
