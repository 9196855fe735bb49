//! A connection of a capture in sentences: from its figures, and from its packets where they are there.

mod data;
mod ending;
mod opening;
mod path;
mod pauses;

use super::{Answered, Exchanges, Explained, Limits};
use crate::flows::{End, EndFigures, Flow, Trouble, TroubleKind};
use crate::verdict::{self, Kind, Known, Verdict};
use crate::words;
use limpid_wire::Endpoint;
use std::collections::HashMap;

/// Sentences about single segments are told where there are no more of a kind than this; else the figures say it all.
const MAX_SINGLE: usize = 3;

/// What [`verdict::explain`] told of the packets of some connections, found by their endpoints.
#[derive(Clone, Debug, Default)]
pub struct CloseLook(HashMap<(Endpoint, Endpoint), Vec<Verdict>>);

impl FromIterator<Verdict> for CloseLook {
    fn from_iter<I: IntoIterator<Item = Verdict>>(verdicts: I) -> CloseLook {
        let mut by_ends: HashMap<_, Vec<Verdict>> = HashMap::new();
        for verdict in verdicts {
            let (one, other) = verdict.connection;
            by_ends.entry((one.min(other), one.max(other))).or_default().push(verdict);
        }
        CloseLook(by_ends)
    }
}

impl CloseLook {
    /// Of all connections between these endpoints.
    fn between(&self, one: Endpoint, other: Endpoint) -> &[Verdict] {
        self.0.get(&(one.min(other), one.max(other))).map_or(&[], Vec::as_slice)
    }
}

/// What happened to a connection: what is out of the ordinary first.
///
/// `close` is what [`verdict::explain`] told of the packets of this connection (and perhaps of others), if they are all at
/// hand: of single segments the survey knows no more than their figures.
pub fn verdicts(explained: &Explained, close: &CloseLook) -> Vec<Verdict> {
    let single = of_this(close, &explained.flow);
    let mut teller = Teller {
        flow: &explained.flow,
        exchanges: &explained.exchanges,
        limits: &explained.limits,
        answered: explained.answered.as_ref(),
        is_close: !single.is_empty(),
        verdicts: single,
    };
    opening::tell(&mut teller);
    data::tell(&mut teller);
    pauses::tell(&mut teller);
    path::tell(&mut teller);
    ending::tell(&mut teller);
    let mut verdicts = teller.verdicts;
    let told = told_by_engine(&verdicts);
    if explained.flow.is_one_way() && explained.flow.opening.is_open() && !explained.hidden {
        verdicts.retain(|verdict| verdict.kind.is_shown() || verdict.kind == Kind::MidStream);
    }
    if explained.hidden {
        verdicts.retain(|verdict| verdict.kind.is_shown());
        verdicts.insert(0, partly(explained));
        return verdicts;
    }
    verdict::in_order(&mut verdicts);
    verdicts.retain(|verdict| !told.contains(&verdict.kind) || verdict.known == Known::Inside);
    verdicts
}

/// What a filter let through of a connection of which it hid packets.
fn partly(explained: &Explained) -> Verdict {
    let flow = &explained.flow;
    let hid = if explained.perhaps_hidden { "may have hidden" } else { "hid" };
    let part = |end: End| {
        let figures = flow.end(end);
        let data = match figures.data_bytes {
            0 => String::new(),
            bytes => format!(" with {} of data", words::bytes(bytes)),
        };
        match figures.packets {
            0 => format!("nothing of {}", the(end)),
            count => format!("{} of {}{data}", words::count(count, "packet"), the(end)),
        }
    };
    let sentence = format!(
        "The filter {hid} packets of this connection: what is missing is not judged. It let through {}, and {}.",
        part(End::Client),
        part(End::Server)
    );
    let ends = flow.ends.each_ref().map(|end| end.endpoint);
    let packets = vec![flow.first_packet, flow.last_packet];
    Verdict { connection: (ends[0], ends[1]), kind: Kind::Capture, known: Known::Observed, sentence, packets }
}

/// What the packets one by one tell of this connection.
fn of_this(close: &CloseLook, flow: &Flow) -> Vec<Verdict> {
    let ends = flow.ends.each_ref().map(|end| end.endpoint);
    let numbers = flow.first_packet..=flow.last_packet;
    let is_ours = |v: &&Verdict| v.packets.iter().all(|number| numbers.contains(number));
    let mut verdicts: Vec<Verdict> = close.between(ends[0], ends[1]).iter().filter(is_ours).cloned().collect();
    for verdict in verdicts.iter_mut().filter(|v| v.kind == Kind::Reasons) {
        // Here it is known which end is the client.
        let end = if verdict.connection.0 == ends[0] { End::Client } else { End::Server };
        verdict.sentence = verdict.sentence.replacen(&verdict.connection.0.to_string(), &the_capital(end), 1);
    }
    let inside = |v: &Verdict| v.known == Known::Inside;
    // What the survey knows to have arrived is not said to be lost because nobody knew better at the time.
    let needless = flow.ends.iter().any(|end| end.needless > 0);
    let count = |kind: Kind, all: &[Verdict]| all.iter().filter(|v| v.kind == kind).count();
    let [losses, spurious, reordered] = [Kind::Loss, Kind::Spurious, Kind::Reordering].map(|k| count(k, &verdicts));
    verdicts.retain(|v| match v.kind {
        // The survey tells it with more behind it.
        Kind::Data | Kind::Capture => false,
        Kind::OpeningRetries => v.known != Known::Inferred,
        Kind::Reset => inside(v),
        Kind::Spurious => spurious <= MAX_SINGLE && v.known != Known::Inferred,
        Kind::Duplicate => v.known != Known::Inferred,
        Kind::Loss => losses <= MAX_SINGLE && (!needless || v.known != Known::Inferred),
        Kind::Reordering => reordered <= MAX_SINGLE,
        _ => true,
    });
    verdicts
}

/// Kinds of which the engine itself told: nothing is guessed about them.
fn told_by_engine(verdicts: &[Verdict]) -> Vec<Kind> {
    let told = |v: &&Verdict| v.known == Known::Inside && matches!(v.kind, Kind::Reset);
    verdicts.iter().filter(told).map(|v| v.kind).collect()
}

/// A connection about to be told of.
struct Teller<'a> {
    flow: &'a Flow,
    exchanges: &'a Exchanges,
    limits: &'a Limits,
    answered: Option<&'a Answered>,
    /// Its packets have been told of one by one.
    is_close: bool,
    verdicts: Vec<Verdict>,
}

impl<'a> Teller<'a> {
    fn say(&mut self, kind: Kind, known: Known, packets: &[u64], sentence: String) {
        let [client, server] = self.flow.ends.each_ref().map(|end| end.endpoint);
        let mut packets = packets.to_vec();
        packets.retain(|number| *number > 0);
        packets.dedup();
        self.verdicts.push(Verdict { connection: (client, server), kind, known, sentence, packets });
    }

    /// True if this end itself told why it sent each segment: nothing is guessed about that.
    fn has_told(&self, end: End) -> bool {
        let endpoint = self.end(end).endpoint;
        self.verdicts.iter().any(|verdict| verdict.kind == Kind::Reasons && verdict.connection.0 == endpoint)
    }

    /// True if a sentence of this kind is there already.
    fn has_said(&self, kind: Kind) -> bool {
        self.verdicts.iter().any(|verdict| verdict.kind == kind)
    }

    fn end(&self, end: End) -> &'a EndFigures {
        &self.flow.ends[end.index()]
    }

    fn trouble(&self, kind: TroubleKind, end: End) -> Option<&'a Trouble> {
        self.flow.troubles.find(kind, end)
    }
}

/// `the client`.
fn the(end: End) -> String {
    format!("the {}", end.text())
}

/// `The client`.
fn the_capital(end: End) -> String {
    format!("The {}", end.text())
}

/// ` (12, 15 and 40)`, or nothing.
fn seen(packets: &[u64]) -> String {
    if packets.is_empty() { String::new() } else { format!(" ({})", verdict::cited(packets)) }
}
