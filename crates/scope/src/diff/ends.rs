//! The two ends of one connection on one clock: what was lost between, altered, delayed and overtaken.

mod altered;
mod clock;
mod matching;
mod merge;
mod orient;
mod tell;

pub use altered::Altered;
pub use clock::Clock;

use super::Finding;
use super::pairing::{How, Pair};
use super::side::{Call, Seen, Side};
use crate::trace::Trace;
use clock::Transit;
use limpid_wire::Endpoint;
use matching::Way;
use std::time::Duration;

/// One connection, captured at both ends.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Client and server, as the client's end sees them.
    pub connection: [Endpoint; 2],
    /// The same, as the server's end sees them, where a NAT is between.
    pub translated: Option<[Endpoint; 2]>,
    /// Which capture is the client's: 0 for the first, 1 for the second.
    pub client_side: usize,
    /// The clocks, where packets of both directions are in both captures.
    pub clock: Option<Clock>,
    /// What the client sent, and what the server sent.
    pub ways: [Direction; 2],
    /// Both ends on the client's clock: what ladders draw and verdicts judge. Packets are numbered by departure.
    pub trace: Trace,
    /// Of each packet of `trace`, in order: its number in the first capture and in the second.
    pub numbers: Vec<[Option<u64>; 2]>,
    /// A filter hid packets of it in one of the captures: what is missing is not judged.
    pub filtered: bool,
    /// What it comes to, in sentences.
    pub findings: Vec<Finding>,
}

/// One direction between the two ends.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// Packets that the sender's capture holds.
    pub sent: u64,
    /// Numbers in `trace` of what was sent and never arrived.
    pub lost: Vec<u64>,
    /// Numbers in `trace` of what the other capture lacks although it arrived: it was acknowledged, and not sent again.
    pub missed: Vec<u64>,
    /// Numbers in `trace` of what was sent when the other capture had not begun or was over, or missed others and
    /// nothing else decides.
    pub unknown: Vec<u64>,
    /// Numbers in `trace` of what came and was never seen to leave.
    pub inserted: Vec<u64>,
    /// Numbers in `trace` of copies that the path made.
    pub copies: Vec<u64>,
    /// Numbers in `trace` of what arrived after something that had left later.
    pub overtaken: Vec<u64>,
    /// Segments that left in one piece and arrived in several, or the reverse.
    pub recut: u64,
    /// One-way delays: least, median, greatest; by the estimated clock.
    pub delay: Option<Delay>,
    /// What was changed on the way.
    pub altered: Vec<Altered>,
}

/// How long packets were under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay {
    /// The least.
    pub least: Duration,
    /// Half of them took no longer.
    pub median: Duration,
    /// The greatest.
    pub greatest: Duration,
}

/// Puts the two captures of a connection together.
pub(super) fn compare(a: &Side, b: &Side, pair: Pair) -> Ends {
    let (in_a, in_b) = (&a.connections[pair.a], &b.connections[pair.b]);
    let client_side = orient::client_side(in_a, in_b);
    let (sides, calls) = match client_side {
        0 => ([a, b], [in_a, in_b]),
        _ => ([b, a], [in_b, in_a]),
    };
    let ways = [Way::of(0, calls[0], calls[1]), Way::of(1, calls[1], calls[0])];
    let transits = [transits(&ways[0]), transits(&ways[1])];
    let clock = Clock::estimate(&transits[0], &transits[1]);
    let mut ends = Ends {
        connection: calls[0].ends,
        translated: (calls[0].ends != calls[1].ends).then_some(calls[1].ends),
        client_side,
        clock,
        ways: Default::default(),
        trace: Trace::default(),
        numbers: Vec::new(),
        filtered: [(a, in_a), (b, in_b)].iter().any(|(side, call)| side.hidden.of(call.ends[0], call.ends[1])),
        findings: Vec::new(),
    };
    merge::merge(&mut ends, &ways, sides, calls);
    for (direction, (way, transits)) in ends.ways.iter_mut().zip(ways.iter().zip(&transits)) {
        direction.sent = way.sent.len() as u64;
        direction.altered = altered::find(way);
        direction.delay = clock.and_then(|clock| delay(way, transits, clock));
    }
    ends.findings = tell::findings(&ends, pair.how == How::Renumbered);
    ends
}

/// Of whole packets that both captures hold, in the order of departure.
fn transits(way: &Way<'_>) -> Vec<Transit> {
    let whole = |(left, came): &(&Seen, &Seen)| left.tcp.len == came.tcp.len;
    let transit = |(left, came): (&Seen, &Seen)| Transit { at: left.time, took: came.time.saturating_sub(left.time) };
    let mut transits: Vec<Transit> = way.matched().filter(whole).map(transit).collect();
    transits.sort_by_key(|transit| transit.at);
    transits
}

fn delay(way: &Way<'_>, transits: &[Transit], clock: Clock) -> Option<Delay> {
    let to_server = way.sent.first()?.from == 0;
    let mut took: Vec<i64> = (transits.iter())
        .map(|transit| match to_server {
            true => transit.took.saturating_sub(clock.ahead_at(transit.at)),
            false => transit.took.saturating_add(clock.ahead_at(clock.to_client(transit.at))),
        })
        .collect();
    took.sort_unstable();
    let nanos = |at: usize| Duration::from_nanos(u64::try_from(took[at]).unwrap_or(0));
    let last = took.len().checked_sub(1)?;
    Some(Delay { least: nanos(0), median: nanos(last / 2), greatest: nanos(last) })
}

impl Ends {
    /// How a packet of `trace` is cited: its number there, and in the captures: `14 (A12)`.
    pub(super) fn cite(&self, number: u64) -> String {
        let index = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
        let Some(numbers) = self.numbers.get(index) else { return number.to_string() };
        let of: Vec<String> = (["A", "B"].iter().zip(numbers))
            .filter_map(|(name, number)| number.map(|number| format!("{name}{number}")))
            .collect();
        format!("{number} ({})", of.join(", "))
    }
}

/// The call that a capture's end is nearer to.
type Calls<'c> = [&'c Call; 2];
