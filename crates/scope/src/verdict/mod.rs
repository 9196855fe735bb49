//! Verdicts: what a trace means, in sentences that cite packets and say how they are known.
//!
//! [`explain`] goes through a [`Trace`] connection by connection: how it opened, how its data fared, how it ended.

mod data;
mod ending;
mod opening;
mod schedule;

#[cfg(test)]
mod tests;

use crate::analysis::{Analysis, Connection, Segment};
use crate::trace::{Trace, View};
use limpid_wire::Endpoint;
use std::collections::BTreeMap;
use std::fmt;

/// The most verdicts of one [`Kind`] about one connection; a last one counts the others.
const MAX_OF_A_KIND: usize = 8;

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
    /// Both ends closed at once.
    SimultaneousClose,
    /// One direction stayed open after the other had closed.
    HalfClose,
    /// Who waits in TIME-WAIT, and how long.
    TimeWait,
    /// A reset ended it.
    Reset,
    /// The connection was given up because the peer did not answer.
    TimedOut,
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

/// Explains every connection of `trace`, in the order of their first packets.
pub fn explain(trace: &Trace) -> Vec<Verdict> {
    let analysis = Analysis::of(trace);
    let mut verdicts = Vec::new();
    for connection in &analysis.connections {
        let mut story = Story::new(&analysis, connection);
        opening::explain(&mut story);
        data::explain(&mut story);
        ending::explain(&mut story);
        verdicts.append(&mut story.verdicts);
    }
    verdicts
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

    /// The host at `end`, in the middle of a sentence: "the client", "Linux".
    fn the(&self, end: usize) -> String {
        let host = self.connection.ends[end].host;
        let name = self.analysis.trace.hosts.get(host).map(|h| crate::words::tame(&h.name)).unwrap_or_default();
        match name.chars().next() {
            None => self.connection.ends[end].endpoint.addr.to_string(),
            Some(c) if c.is_lowercase() && !name.contains([':', '.']) => format!("the {name}"),
            Some(_) => name,
        }
    }

    /// The host at `end`, at the beginning of a sentence.
    fn the_capital(&self, end: usize) -> String {
        capital(&self.the(end))
    }

    fn segment(&self, index: usize) -> &'a Segment {
        &self.connection.segments[index]
    }

    /// True if the engine of `end` tells of itself.
    fn is_inside(&self, end: usize) -> bool {
        self.connection.ends[end].view == View::Inside
    }

    /// Observed, where both ends' packets are; inferred, where one end is an estimate.
    fn seen(&self) -> Known {
        let estimated = self.connection.ends.iter().any(|end| end.view == View::Estimated);
        if estimated { Known::Inferred } else { Known::Observed }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Packet numbers as people cite them: `1`, `2 and 4`, `2–5`; of many, the first and last.
fn cited(numbers: &[u64]) -> String {
    match numbers {
        [first, .., last] if numbers.len() > 2 && numbers.windows(2).all(|w| w[1] == w[0] + 1) => {
            format!("{first}–{last}")
        }
        [first, .., last] if numbers.len() > 6 => format!("{first} to {last}"),
        _ => crate::words::list(numbers),
    }
}
