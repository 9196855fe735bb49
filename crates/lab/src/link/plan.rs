//! Plans: what an experiment has in mind for particular packets.

use super::{Glimpse, Unreachable};
use limpid_event::Instant;
use std::time::Duration;

/// Is asked about every packet of a pipe, in order.
pub type Plan = Box<dyn FnMut(&Glimpse<'_>) -> Verdict>;

/// What a plan decides for one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It goes on, to whatever chance has for it.
    Pass,
    /// It is lost.
    Lose,
    /// It takes so much longer; others overtake it.
    Hold(Duration),
    /// It arrives, and once more so much later.
    Copy(Duration),
    /// A router on the way drops it and tells the sender so.
    Reject(Unreachable),
}

/// Loses everything.
pub fn lose_all() -> Plan {
    Box::new(|_| Verdict::Lose)
}

/// Loses everything that is sent at `from` or later: a peer that dies, a cable that is cut.
pub fn lose_from(from: Instant) -> Plan {
    Box::new(move |packet| if packet.at >= from { Verdict::Lose } else { Verdict::Pass })
}

/// Has `verdict` for the `nth` packet (from 1) that `matches`, and lets all others pass.
pub fn nth(nth: u32, matches: impl Fn(&Glimpse<'_>) -> bool + 'static, verdict: Verdict) -> Plan {
    let mut seen = 0;
    Box::new(move |packet| {
        if !matches(packet) {
            return Verdict::Pass;
        }
        seen += 1;
        if seen == nth { verdict } else { Verdict::Pass }
    })
}

/// Loses the `nth` (from 1) segment with data.
pub fn lose_nth_data(count: u32) -> Plan {
    nth(count, |packet| packet.has_data(), Verdict::Lose)
}

/// Rejects everything.
pub fn reject_all(kind: Unreachable) -> Plan {
    Box::new(move |_| Verdict::Reject(kind))
}
