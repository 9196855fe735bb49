//! Verdicts: what a trace means, in sentences that cite packets and say how they are known.
//!
//! [`explain`] goes through a [`Trace`] connection by connection: how it opened, how its data fared, how it ended. What is
//! out of the ordinary comes first. [`groups`] sets them under the captions of their ladders.

mod data;
mod ending;
mod full_queue;
mod needless;
mod opening;
mod order;
mod reset;
mod schedule;
mod time_wait;

#[cfg(test)]
mod tests;

pub(crate) use opening::{UNANSWERED, nothing_came_back};
pub(crate) use order::in_order;

use crate::analysis::{Analysis, Connection, Segment};
use crate::ladder;
use crate::trace::{Trace, View, What};
use crate::words;
use limpid_event::{Error, Event, Instant, Timer};
use limpid_wire::{Endpoint, TcpFlags};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The most verdicts of one [`Kind`] about one connection; a last one counts the others.
const MAX_OF_A_KIND: usize = 4;
/// How many events a verdict cites at most that counts them.
const MAX_CITED: usize = 32;

/// A sentence about a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The connection: who opened it, and whom it called.
    pub connection: (Endpoint, Endpoint),
    /// What it is about.
    pub kind: Kind,
    /// How it is known.
    pub known: Known,
    /// The sentence.
    pub sentence: String,
    /// Numbers of the packets that show it, as `tcpdump -#` counts.
    pub packets: Vec<u64>,
}

/// How something is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Known {
    /// The packets show it.
    Observed,
    /// It follows from what was seen, but could be otherwise.
    Inferred,
    /// The engine or the application told.
    Inside,
}

/// What a verdict is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A three-way handshake.
    Handshake,
    /// Both ends sent SYN at once.
    SimultaneousOpen,
    /// The recording began after the connection.
    MidStream,
    /// SYN or SYN-ACK had to be repeated.
    OpeningRetries,
    /// By which schedule SYNs were repeated.
    SynSchedule,
    /// Nobody answered, and the connect failed.
    ConnectTimeout,
    /// A reset, or a closed port, answered the SYN.
    Refused,
    /// An ICMP error ended the connect.
    Unreachable,
    /// ICMP errors about an established connection changed nothing.
    SoftError,
    /// The listener had no room.
    BacklogFull,
    /// A connection in TIME-WAIT was opened anew.
    TimeWaitReuse,
    /// How much data went which way.
    Data,
    /// Something was lost, and how that was repaired.
    Loss,
    /// Something was sent again although it had arrived.
    Spurious,
    /// The sender found out that a recovery had been needless, and took its reduction of the window back.
    Undone,
    /// Packets overtook each other.
    Reordering,
    /// The link made copies.
    Duplicate,
    /// The receiver closed its window.
    ZeroWindow,
    /// Keepalive probes, and what became of them.
    KeepAlive,
    /// Who closed first, and how the FINs were acknowledged.
    Close,
    /// The ACK of a FIN rode on the other FIN.
    MergedAck,
    /// The FIN that came first was acknowledged on its own.
    SeparateAck,
    /// Both ends closed at once.
    SimultaneousClose,
    /// One direction stayed open after the other had closed.
    HalfClose,
    /// Who waits in TIME-WAIT, and how long.
    TimeWait,
    /// TIME-WAIT answered what came late.
    TimeWaitServed,
    /// A reset ended it.
    Reset,
    /// The connection was given up because the peer did not answer.
    TimedOut,
    /// It stood still, and whose fault that was.
    Stall,
    /// How long round trips took, and what made them longer.
    RoundTrips,
    /// What held the sender back.
    Limits,
    /// The path drops large packets, or tells how large they may be.
    PathMtu,
    /// What the ends agreed on, where that costs something.
    Options,
    /// How the ends took turns, and who thought long.
    Exchange,
    /// Routers marked congestion.
    Congestion,
    /// The ports were used before.
    PortReuse,
    /// Why an end sent each of its segments, as it told itself.
    Reasons,
    /// What the capture does not hold.
    Capture,
}

impl Kind {
    /// A name for scripts: `opening-retries`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }
}

impl Known {
    /// In words: "known from inside".
    pub const fn text(self) -> &'static str {
        match self {
            Known::Observed => "observed",
            Known::Inferred => "inferred",
            Known::Inside => "known from inside",
        }
    }
}

/// The sentence and how it is known.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.sentence, self.known.text())
    }
}

/// The verdicts about one pair of endpoints: what belongs to one ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// The ladder's caption: which connection this is of how many, where there are several.
    pub caption: Option<String>,
    /// The verdicts, the point first.
    pub verdicts: Vec<Verdict>,
}

/// Explains every connection of `trace`, in the order of their first packets; those between the same endpoints stay
/// together.
pub fn explain(trace: &Trace) -> Vec<Verdict> {
    groups(trace).into_iter().flat_map(|group| group.verdicts).collect()
}

/// The same, in the groups that the ladders make.
pub fn groups(trace: &Trace) -> Vec<Group> {
    let analysis = Analysis::of(trace);
    let pairs = analysis.connections.iter().map(|c| c.pair + 1).max().unwrap_or(0);
    let caption = |pair| ladder::caption(pair, pairs);
    let mut groups: Vec<Group> =
        (0..pairs).map(|pair| Group { caption: caption(pair), verdicts: Vec::new() }).collect();
    for connection in &analysis.connections {
        let mut story = Story::new(&analysis, connection);
        opening::explain(&mut story);
        data::explain(&mut story);
        ending::explain(&mut story);
        groups[connection.pair].verdicts.append(&mut story.verdicts);
    }
    for connection in &analysis.connections {
        if is_one_way(connection) {
            let keep = |verdict: &Verdict| verdict.kind.is_shown() || verdict.kind == Kind::MidStream;
            let ends = connection.ends.each_ref().map(|end| end.endpoint);
            let is_its = |verdict: &Verdict| {
                verdict.connection == (ends[0], ends[1]) || verdict.connection == (ends[1], ends[0])
            };
            groups[connection.pair].verdicts.retain(|verdict| !is_its(verdict) || keep(verdict));
        }
    }
    if trace.partial {
        groups.iter_mut().for_each(|group| group.verdicts.retain(|verdict| verdict.kind.is_shown()));
    }
    groups.iter_mut().for_each(|group| order::point_first(&mut group.verdicts));
    groups
}

/// True if only what one end sent is there, and it goes on as none does that has no answer.
fn is_one_way(connection: &Connection) -> bool {
    let mut froms = connection.segments.iter().map(|segment| segment.from);
    let Some(first) = froms.next() else { return false };
    let goes_on = |s: &Segment| s.is(TcpFlags::ACK) && !s.is_syn_ack() && !s.is(TcpFlags::RST);
    froms.all(|from| from == first) && connection.segments.iter().any(goes_on)
}

/// A connection about to be explained.
struct Story<'a> {
    analysis: &'a Analysis<'a>,
    connection: &'a Connection,
    verdicts: Vec<Verdict>,
    /// How many of a kind were too many.
    hidden: BTreeMap<Kind, u64>,
}

impl<'a> Story<'a> {
    fn new(analysis: &'a Analysis<'a>, connection: &'a Connection) -> Story<'a> {
        Story { analysis, connection, verdicts: Vec::new(), hidden: BTreeMap::new() }
    }

    /// Adds a verdict; beyond [`MAX_OF_A_KIND`] one more of its kind counts the others.
    fn say(&mut self, kind: Kind, known: Known, packets: &[u64], sentence: String) {
        let ends = &self.connection.ends;
        let opener = self.connection.opener;
        let connection = (ends[opener].endpoint, ends[Connection::peer(opener)].endpoint);
        let said = self.said(kind);
        if said < MAX_OF_A_KIND {
            self.verdicts.push(Verdict { connection, kind, known, sentence, packets: packets.to_vec() });
            return;
        }
        let hidden = self.hidden.entry(kind).or_default();
        *hidden += 1;
        let sentence = format!("{} more like these.", crate::words::number(*hidden));
        match self.verdicts.iter_mut().rev().find(|v| v.kind == kind) {
            Some(last) if said > MAX_OF_A_KIND => {
                last.packets.extend_from_slice(packets);
                last.sentence = sentence;
            }
            _ => self.verdicts.push(Verdict { connection, kind, known, sentence, packets: packets.to_vec() }),
        }
    }

    fn said(&self, kind: Kind) -> usize {
        self.verdicts.iter().filter(|v| v.kind == kind).count()
    }

    /// True if a further verdict of this kind would only be counted.
    fn is_full(&self, kind: Kind) -> bool {
        self.said(kind) >= MAX_OF_A_KIND
    }

    /// The host at `end`, in the middle of a sentence: "the client", "the Linux server", "Linux", "limpid".
    fn the(&self, end: usize) -> String {
        let host = self.connection.ends[end].host;
        if self.is_named_by_address(host) {
            return if end == self.connection.opener { "the client" } else { "the server" }.into();
        }
        let name = self.analysis.trace.hosts.get(host).map(|h| words::tame(&h.name)).unwrap_or_default();
        match name.is_empty() {
            true => self.connection.ends[end].endpoint.addr.to_string(),
            false => words::with_article(&name),
        }
    }

    /// True if nobody gave the host a name, as in captures.
    fn is_named_by_address(&self, host: usize) -> bool {
        let host = self.analysis.trace.hosts.get(host);
        host.is_some_and(|host| host.addresses.iter().any(|address| address.to_string() == host.name))
    }

    /// The host at `end`, at the beginning of a sentence. A proper name stays as its owner writes it.
    fn the_capital(&self, end: usize) -> String {
        let name = self.the(end);
        match name.strip_prefix("the ") {
            Some(noun) => format!("The {noun}"),
            None => name,
        }
    }

    fn segment(&self, index: usize) -> &'a Segment {
        &self.connection.segments[index]
    }

    /// True if the engine of `end` tells of itself.
    fn is_inside(&self, end: usize) -> bool {
        self.connection.ends[end].view == View::Inside
    }

    /// What the application at `end` was told when its connection failed, and when: by its engine's word, else by its own.
    fn ended(&self, end: usize) -> Option<(Instant, Error)> {
        let told = |(at, event): (Instant, &Event)| match event {
            Event::Ended { error: Some(error) } => Some((at, *error)),
            _ => None,
        };
        let said = |(at, what): (Instant, &What)| match what {
            What::App(text) => Some((at, words::errno(text)?)),
            What::Event(_) | What::Differs(_) => None,
        };
        let trace = self.analysis.trace;
        let by_engine = self.connection.events(trace, end).find_map(told);
        let by_itself = || self.connection.told(trace, end).find_map(said).filter(|_| !self.is_inside(end));
        by_engine.or_else(by_itself)
    }

    /// Whether a timer of `end` ran out.
    fn fired(&self, end: usize, which: Timer) -> bool {
        let fired = |event: &Event| matches!(event, Event::TimerFired { timer, .. } if *timer == which);
        self.connection.events(self.analysis.trace, end).any(|(_, event)| fired(event))
    }

    /// When, and for how long, `end` set a timer.
    fn set(&self, end: usize, which: Timer) -> impl Iterator<Item = (Instant, Duration)> {
        self.connection.events(self.analysis.trace, end).filter_map(move |(at, event)| match event {
            Event::TimerSet { timer, after } if *timer == which => Some((at, *after)),
            _ => None,
        })
    }

    /// True if one end is an estimate.
    fn is_estimated(&self) -> bool {
        self.connection.ends.iter().any(|end| end.view == View::Estimated)
    }

    /// From when one segment was seen until the other was: of a capture as it has them, so that no estimate is in it; else when
    /// they left.
    fn seen_between(&self, first: &Segment, second: &Segment) -> Duration {
        let seen = |segment: &Segment| match self.connection.ends[segment.from].view {
            View::Estimated => segment.arrival.time().unwrap_or(segment.sent_at),
            _ => segment.sent_at,
        };
        seen(second).since(seen(first))
    }

    /// Observed, where both ends' packets are; inferred, where one end is an estimate.
    fn seen(&self) -> Known {
        if self.is_estimated() { Known::Inferred } else { Known::Observed }
    }
}

/// Packet numbers as people cite them: `1`, `2 and 4`, `2–5`; of many, the first and last.
pub(crate) fn cited(numbers: &[u64]) -> String {
    match numbers {
        [first, .., last] if numbers.len() > 2 && numbers.windows(2).all(|w| w[1] == w[0] + 1) => {
            format!("{first}–{last}")
        }
        [first, .., last] if numbers.len() > 6 => format!("{first} to {last}"),
        _ => crate::words::list(numbers),
    }
}

fn numbers(segments: &[&Segment]) -> Vec<u64> {
    segments.iter().map(|s| s.number).collect()
}

/// The intervals between sendings.
fn intervals(segments: &[&Segment]) -> Vec<Duration> {
    segments.windows(2).map(|pair| pair[1].sent_at.since(pair[0].sent_at)).collect()
}

/// `once`, `twice`, `3 times`.
fn times(n: usize) -> String {
    match n {
        1 => "once".into(),
        2 => "twice".into(),
        n => format!("{n} times"),
    }
}

/// `1, 2 and 4 s`.
fn list_of(spans: &[Duration]) -> String {
    let spans: Vec<String> = spans.iter().map(|span| words::duration(*span)).collect();
    let unit = spans.last().and_then(|last| last.rsplit_once(' ')).map(|(_, unit)| unit.to_owned()).unwrap_or_default();
    // The unit stands once, if it is the same for all.
    let bare: Option<Vec<&str>> =
        spans.iter().map(|s| s.strip_suffix(unit.as_str())?.strip_suffix(' ').filter(|n| !n.contains(' '))).collect();
    match bare {
        Some(bare) if spans.len() > 1 => format!("{} {unit}", words::list(&bare)),
        _ => words::list(&spans),
    }
}

/// True if all of `spans` are as good as equal.
fn alike(spans: &[Duration]) -> bool {
    spans.windows(2).all(|pair| schedule::is_near(pair[1], pair[0]))
}

/// When something was repeated: `after 1 and 2 s`, `1 s apart`.
fn spaced(spans: &[Duration]) -> String {
    match spans {
        [first, _, ..] if alike(spans) => format!("{} apart", words::duration(schedule::rounded(*first))),
        _ => format!("after {}", list_of(spans)),
    }
}
