//! How bad a connection fared, so that the worst can be told of first.

use super::exchange::Exchanges;
use crate::flows::{Ending, Fault, Flow, Opening, ResetCause, TroubleKind, span};
use std::time::Duration;

/// How bad, in points. They say which of two connections is to be looked at first, and nothing else.
///
/// | what | points |
/// |---|---|
/// | it never came about: no answer, refused, unreachable | 1,000 |
/// | it fell silent or was given up; the path drops its large packets | 900 |
/// | nobody completed the handshake | 600 |
/// | it was reset (an abort after both had closed, or one that everybody knows of: less) | 500 (150) |
/// | each second in which it stood still by a window, a loss or the network | 50, at most 500 |
/// | each second that its opening was late | 50, at most 300 |
/// | each per cent of its payload that was sent again | 5, at most 250 |
/// | each timeout | 20, at most 200 |
/// | each second that a window was closed | 30, at most 300 |
/// | each second that an application took to answer | 10, at most 100 |
/// | needless retransmissions, overtaken segments, ICMP errors, ports reused | 10 each kind |
/// | options that one end alone has, what the capture missed | 2 each kind |
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Badness(u32);

/// Fewer points than this have nothing to tell.
const ORDINARY: u32 = 5;

impl Badness {
    /// Of what a filter showed a part of nothing can be said.
    pub(super) const UNKNOWN: Badness = Badness(1);

    /// Judges a connection.
    pub fn of(flow: &Flow, exchanges: &Exchanges) -> Badness {
        let mut points = outcome(flow);
        let lost: Duration =
            [Fault::Window, Fault::Loss, Fault::Network].map(|f| flow.stalled[f as usize]).iter().sum();
        points += per_second(lost, 50, 500);
        points += per_second(opening_delay(flow), 50, 300);
        let again: u64 = flow.ends.iter().map(|end| end.retransmitted_bytes).sum();
        let sent: u64 = flow.ends.iter().map(|end| end.data_bytes).sum();
        points += capped(again.saturating_mul(500).checked_div(sent).unwrap_or(0), 250);
        points += capped(timeouts(flow).saturating_mul(20), 200);
        let closed: Duration = flow.ends.iter().map(|end| end.window.zero_time).sum();
        points += per_second(closed, 30, 300);
        points += per_second(exchanges.longest().map_or(Duration::ZERO, |pause| pause.lasted), 10, 100);
        points += flow.troubles.iter().map(|trouble| small(trouble.kind)).sum::<u32>();
        Badness(points)
    }

    /// The points.
    pub const fn points(self) -> u32 {
        self.0
    }

    /// True if there is nothing to tell but what every connection has.
    pub const fn is_ordinary(self) -> bool {
        self.0 < ORDINARY
    }
}

fn capped(points: u64, most: u32) -> u32 {
    u32::try_from(points).unwrap_or(most).min(most)
}

fn per_second(span: Duration, points: u64, most: u32) -> u32 {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    capped(millis.saturating_mul(points) / 1000, most)
}

fn timeouts(flow: &Flow) -> u64 {
    flow.troubles.iter().filter(|trouble| trouble.kind == TroubleKind::Timeouts).map(|trouble| trouble.count).sum()
}

fn outcome(flow: &Flow) -> u32 {
    let has = |kind| flow.troubles.iter().any(|trouble| trouble.kind == kind);
    match (flow.opening, flow.ending) {
        (Opening::Unanswered | Opening::Refused | Opening::Unreachable, _) => 1_000,
        (_, Ending::Silent) => 900,
        _ if has(TroubleKind::GaveUp) || has(TroubleKind::BlackHole) => 900,
        (Opening::HalfOpen, _) => 600,
        (_, Ending::Reset) => match flow.reset.map(|reset| reset.cause) {
            Some(ResetCause::AfterClose) => 150,
            _ if flow.closer.is_some() => 150,
            _ => 500,
        },
        _ => 0,
    }
}

/// From the first SYN to the one that was answered.
fn opening_delay(flow: &Flow) -> Duration {
    let syns = &flow.ends[0].syns;
    let answered = flow.handshake.and_then(|handshake| syns.iter().find(|syn| syn.number == handshake.syn));
    match (syns.first(), answered) {
        (Some(first), Some(syn)) => span(first.at, syn.at),
        _ => Duration::ZERO,
    }
}

fn small(kind: TroubleKind) -> u32 {
    use TroubleKind::*;
    match kind {
        Needless | Reordered | TooBig | IcmpError | PortReused | Stranger => 10,
        OptionRefused | CaptureMissed | Copies | CongestionMarked | WindowFull => 2,
        _ => 0,
    }
}
