//! What two captures of one connection come to, in sentences.

use super::{Direction, Ends};
use crate::diff::{Finding, Topic};
use crate::verdict::Known;
use crate::words;
use std::time::Duration;

/// The most packets that one sentence names.
const MAX_NAMED: usize = 6;

pub(super) fn findings(ends: &Ends, renumbered: bool) -> Vec<Finding> {
    let mut told = Vec::new();
    told.extend(who(ends, renumbered));
    for from in 0..2 {
        // What a filter hid is not judged.
        if !ends.filtered || ends.ways[from].sent > 0 {
            crossed(ends, from, &mut told);
        }
        strange(ends, from, &mut told);
        altered(ends, from, &mut told);
    }
    told.extend(clock(ends));
    told.extend(delays(ends));
    told
}

fn sender(from: usize) -> [&'static str; 2] {
    if from == 0 { ["client", "server"] } else { ["server", "client"] }
}

fn who(ends: &Ends, renumbered: bool) -> Vec<Finding> {
    let [client, server] = ends.connection;
    let (near, far) = if ends.client_side == 0 { ("A", "B") } else { ("B", "A") };
    let mut sentence = format!("{near} was taken at the client's end of {client} > {server}, {far} at the server's.");
    if let Some([client, server]) = ends.translated {
        sentence.push_str(&format!(
            " {far} has it as {client} > {server}: a NAT is between; {} the same connection.",
            if renumbered { "the timestamps show that it is" } else { "the initial sequence numbers show that it is" }
        ));
    }
    vec![Finding::new(Topic::Ends, Known::Inferred, sentence, Vec::new())]
}

/// `14 (A12), 15 (A13) and 2 more`.
fn named(ends: &Ends, numbers: &[u64]) -> String {
    let mut names: Vec<String> = numbers.iter().take(MAX_NAMED).map(|number| ends.cite(*number)).collect();
    if numbers.len() > MAX_NAMED {
        names.push(format!("{} more", words::number((numbers.len() - MAX_NAMED) as u64)));
    }
    words::list(&names)
}

fn crossed(ends: &Ends, from: usize, told: &mut Vec<Finding>) {
    let way = &ends.ways[from];
    let [sender, receiver] = sender(from);
    let sent = words::count(way.sent, "packet");
    let sentence = match &way.lost[..] {
        [] if way.sent == 0 => format!("The {sender} sent nothing that was captured."),
        [] if way.unknown.is_empty() && way.missed.is_empty() => {
            format!("Nothing that the {sender} sent was lost: {sent}.")
        }
        [] => format!("Of what the {sender} sent nothing is known to be lost: {sent}."),
        // What left in large segments is lost in small ones: no share of the other.
        lost if way.recut > 0 => format!(
            "{} of what the {sender} sent in {sent} {} lost before the {receiver}: {}.",
            words::count(lost.len() as u64, "segment"),
            if lost.len() == 1 { "was" } else { "were" },
            named(ends, lost)
        ),
        [one] => format!("Of {sent} that the {sender} sent, 1 was lost before the {receiver}: {}.", ends.cite(*one)),
        many => format!(
            "Of {sent} that the {sender} sent, {} ({}) were lost before the {receiver}: {}.",
            many.len(),
            words::percent(many.len() as u64, way.sent),
            named(ends, many)
        ),
    };
    told.push(Finding::new(Topic::Lost, Known::Observed, sentence, way.lost.clone()));
    if !way.missed.is_empty() {
        let capture = if (ends.client_side == 0) == (from == 0) { "B" } else { "A" };
        let them = if way.missed.len() == 1 { "it" } else { "them" };
        let sentence = format!(
            "{} of the {sender} {} not in {capture}, and yet the {receiver} acknowledged {them}, without a further sending: \
             the capture missed {them}: {}.",
            words::count(way.missed.len() as u64, "packet"),
            if way.missed.len() == 1 { "is" } else { "are" },
            named(ends, &way.missed)
        );
        told.push(Finding::new(Topic::Missed, Known::Inferred, sentence, way.missed.clone()));
    }
    if !way.unknown.is_empty() {
        let misses =
            !way.missed.is_empty() || ends.ways[1 - from].inserted.iter().any(|number| !ends.is_reset(*number));
        let why = if misses { "missed packets, had not begun, or was over" } else { "had not begun, or was over" };
        let sentence = format!(
            "Whether {} of the {sender} arrived is not known: the other capture {why}.",
            named(ends, &way.unknown)
        );
        told.push(Finding::new(Topic::Unknown, Known::Observed, sentence, way.unknown.clone()));
    }
    if !way.overtaken.is_empty() {
        let of = words::percent(way.overtaken.len() as u64, way.sent);
        let sentence = format!(
            "{} of the {sender} ({of}) came after something that had left later: {}.",
            words::count(way.overtaken.len() as u64, "packet"),
            named(ends, &way.overtaken)
        );
        told.push(Finding::new(Topic::Reordered, Known::Observed, sentence, way.overtaken.clone()));
    }
    if way.recut > 0 {
        let sentence = format!(
            "{} of the {sender} arrived cut or merged: offload at the ends (TSO, GRO), or a proxy.",
            words::count(way.recut, "segment")
        );
        told.push(Finding::new(Topic::Recut, Known::Inferred, sentence, Vec::new()));
    }
}

fn strange(ends: &Ends, from: usize, told: &mut Vec<Finding>) {
    let way = &ends.ways[from];
    let [sender, receiver] = sender(from);
    if !way.copies.is_empty() {
        let sentence = format!(
            "{} reached the {receiver} that the {sender} had not sent twice: {}.",
            words::plural(way.copies.len() as u64, "copy", "copies"),
            named(ends, &way.copies)
        );
        told.push(Finding::new(Topic::Copies, Known::Observed, sentence, way.copies.clone()));
    }
    let (resets, others): (Vec<u64>, Vec<u64>) = way.inserted.iter().partition(|number| ends.is_reset(**number));
    if !resets.is_empty() {
        let sentence = format!(
            "The {receiver} got {} in the {sender}'s name that the {sender} never sent: {}. A firewall or another box \
             between made it.",
            words::count(resets.len() as u64, "reset"),
            named(ends, &resets)
        );
        told.push(Finding::new(Topic::Forged, Known::Inferred, sentence, resets));
    }
    if !others.is_empty() {
        let sentence = format!(
            "{} of the {sender} came that its own end's capture does not hold: {}. That capture missed them, or somebody \
             between made them.",
            words::count(others.len() as u64, "packet"),
            named(ends, &others)
        );
        told.push(Finding::new(Topic::Missed, Known::Inferred, sentence, others));
    }
}

fn altered(ends: &Ends, from: usize, told: &mut Vec<Finding>) {
    let [sender, receiver] = sender(from);
    let (ordinary, odd): (Vec<_>, Vec<_>) = ends.ways[from].altered.iter().partition(|altered| altered.ordinary);
    let ends_of = |first: (u64, u64)| if (ends.client_side == 0) == (from == 0) { first } else { (first.1, first.0) };
    for altered in odd {
        let (a, b) = ends_of(altered.first);
        let often = if altered.count > 1 { format!(", {} times", words::number(altered.count)) } else { String::new() };
        let sentence = format!("From {sender} to {receiver} {} (A{a}, B{b}{often}).", altered.what);
        let number = ends.numbers.iter().position(|n| *n == [Some(a), Some(b)]).map(|at| at as u64 + 1);
        told.push(Finding::new(Topic::Altered, Known::Observed, sentence, number.into_iter().collect()));
    }
    if !ordinary.is_empty() {
        let what: Vec<&str> = ordinary.iter().map(|altered| altered.what.as_str()).collect();
        let sentence = format!("From {sender} to {receiver} {}.", words::list(&what));
        told.push(Finding::new(Topic::Routed, Known::Observed, sentence, Vec::new()));
    }
}

fn clock(ends: &Ends) -> Vec<Finding> {
    let Some(clock) = ends.clock else {
        let sentence =
            "No clock offset can be estimated: packets of one direction only are in both captures. Times are \
                        those of each capture's own clock."
                .into();
        return vec![Finding::new(Topic::Clock, Known::Inferred, sentence, Vec::new())];
    };
    let (near, far) = if ends.client_side == 0 { ("A", "B") } else { ("B", "A") };
    let apart = words::duration(Duration::from_nanos(clock.ahead.unsigned_abs()));
    let way = if clock.ahead < 0 { "behind" } else { "ahead of" };
    let drift = match clock.drift_ppm {
        0.0 => String::new(),
        ppm => format!(" and {} {:.0} µs a second", if ppm < 0.0 { "loses" } else { "gains" }, ppm.abs()),
    };
    let sentence = format!(
        "{far}'s clock is {apart} {way} {near}'s{drift}: an estimate, which takes the quickest packets of both ways to be \
         equally quick."
    );
    vec![Finding::new(Topic::Clock, Known::Inferred, sentence, Vec::new())]
}

fn delays(ends: &Ends) -> Vec<Finding> {
    let one = |from: usize| {
        let delay = ends.ways[from].delay?;
        let [sender, receiver] = sender(from);
        let span = words::duration;
        Some(format!(
            "from {sender} to {receiver} {} at least, {} typically, {} at most",
            span(delay.least),
            span(delay.median),
            span(delay.greatest)
        ))
    };
    let Some((out, back)) = one(0).zip(one(1)) else { return Vec::new() };
    let sentence = format!("By that clock packets took {out}; {back}.");
    vec![Finding::new(Topic::Delay, Known::Inferred, sentence, Vec::new())]
}

impl Ends {
    fn is_reset(&self, number: u64) -> bool {
        let index = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
        let packet = self.trace.packets.get(index);
        packet.is_some_and(|packet| match crate::analysis::packet::dissect(&packet.bytes) {
            crate::analysis::packet::Content::Tcp(tcp) => tcp.is(limpid_wire::TcpFlags::RST),
            _ => false,
        })
    }
}

impl Direction {
    /// True if everything that was sent arrived, once and in order.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.inserted.is_empty() && self.copies.is_empty() && self.overtaken.is_empty()
    }
}
