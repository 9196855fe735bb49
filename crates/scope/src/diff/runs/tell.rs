//! What two runs come to, in sentences.

use super::Runs;
use super::course::{Course, Ending};
use super::parting::{Parting, Why};
use crate::diff::{Finding, Topic};
use crate::verdict::Known;
use crate::words;
use limpid_wire::TcpOptions;

const WHO: [&str; 2] = ["client", "server"];
const RUN: [&str; 2] = ["A", "B"];

pub(super) fn findings(runs: &Runs) -> Vec<Finding> {
    let mut told = vec![heading(runs)];
    told.push(match &runs.parting {
        Some(parting) => parted(runs, parting),
        None => Finding::new(Topic::Parting, Known::Observed, together(runs), Vec::new()),
    });
    let [a, b] = &runs.courses;
    for from in 0..2 {
        told.extend(options(from, &a.options[from], &b.options[from]));
    }
    told.extend(figures(a, b).into_iter().map(|text| Finding::new(Topic::Figures, Known::Observed, text, Vec::new())));
    told
}

fn heading(runs: &Runs) -> Finding {
    let [[ac, aserver], [bc, bserver]] = runs.connections;
    let sentence =
        format!("Two runs: A is {ac} > {aserver}, B is {bc} > {bserver}. Times count from each one's first packet.");
    Finding::new(Topic::Runs, Known::Inferred, sentence, Vec::new())
}

fn parted(runs: &Runs, parting: &Parting) -> Finding {
    let [at_a, at_b] = parting.at.map(words::duration);
    let place = match parting.numbers {
        [Some(a), Some(b)] => format!(" (A{a} at {at_a}, B{b} at {at_b})"),
        _ => String::new(),
    };
    let mut known = Known::Observed;
    let sentence = match &parting.why {
        Why::Opening { opened } => {
            let other = 1 - opened;
            let how = match runs.courses[other].ending {
                Ending::Reset { .. } => "was reset",
                _ => "never came about",
            };
            format!("They part at the opening: {} was connected, {} {how}.", RUN[*opened], RUN[other])
        }
        Why::Options { from } => format!("They part at the {}'s SYN: its options differ.", WHO[*from]),
        Why::Size { from, turn, bytes } => format!(
            "They part in turn {turn}{place}: the {} said {} in A and {} in B.",
            WHO[*from],
            words::bytes(bytes[0]),
            words::bytes(bytes[1])
        ),
        Why::Late { run, from, position, by, loss, zero_window, turn } => {
            let cause = match (loss, zero_window, turn) {
                (true, ..) => "something had been sent again just before: a loss",
                (_, true, _) => "the receiver's window was closed",
                (_, _, true) if *from == 1 => "the server took longer to answer",
                (_, _, true) => "the client took longer to go on",
                _ => "why, the packets before do not tell",
            };
            known = Known::Inferred;
            format!(
                "They part at byte {} of the {}'s stream{place}: {} falls {} behind there; {cause}.",
                words::number(u64::try_from(*position).unwrap_or(0)),
                WHO[*from],
                RUN[*run],
                words::duration(*by),
            )
        }
        Why::Ending => {
            format!("They part at the end: A {}, B {}.", ending(runs.courses[0].ending), ending(runs.courses[1].ending))
        }
    };
    Finding::new(Topic::Parting, known, sentence, Vec::new())
}

/// Nothing happens in one run alone.
fn together(runs: &Runs) -> String {
    let [a, b] = &runs.courses;
    match a.lasted.cmp(&b.lasted) {
        order if order.is_ne() && differ(a.lasted.as_nanos(), b.lasted.as_nanos(), 25) => {
            let slower = if order.is_gt() { "A" } else { "B" };
            format!("The runs part at no place in particular: {slower} is slower all along.")
        }
        _ => "The runs do not part: the same turns, at nearly the same times.".into(),
    }
}

fn ending(ending: Ending) -> String {
    match ending {
        Ending::Open => "is still open".into(),
        Ending::Closed { first } => format!("was closed by the {} first", WHO[first]),
        Ending::Reset { from } => format!("was reset by the {}", WHO[from]),
        Ending::Unanswered => "was never answered".into(),
    }
}

fn options(from: usize, a: &Option<TcpOptions>, b: &Option<TcpOptions>) -> Option<Finding> {
    let (a, b) = (a.as_ref()?, b.as_ref()?);
    let mut differ = Vec::new();
    let number = |n: Option<u32>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let mut compare = |name: &str, a: String, b: String| {
        if a != b {
            differ.push(format!("{name} {a} in A, {b} in B"));
        }
    };
    compare("MSS", number(a.mss.map(u32::from)), number(b.mss.map(u32::from)));
    compare("window scale", number(a.window_scale.map(u32::from)), number(b.window_scale.map(u32::from)));
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    compare("SACK", yes(a.sack_permitted), yes(b.sack_permitted));
    compare("timestamps", yes(a.timestamps.is_some()), yes(b.timestamps.is_some()));
    if differ.is_empty() {
        return None;
    }
    let sentence = format!("The options of the {}'s SYN differ: {}.", WHO[from], differ.join("; "));
    Some(Finding::new(Topic::Figures, Known::Observed, sentence, Vec::new()))
}

/// What differs, a sentence each.
fn figures(a: &Course, b: &Course) -> Vec<String> {
    let mut told = Vec::new();
    if let (Some((a_least, a_half)), Some((b_least, b_half))) = (a.rtt, b.rtt)
        && differ(a_half.as_nanos(), b_half.as_nanos(), 10)
    {
        told.push(format!(
            "Round trips: A {} at least and {} typically, B {} and {}.",
            words::duration(a_least),
            words::duration(a_half),
            words::duration(b_least),
            words::duration(b_half)
        ));
    }
    let repeated = |course: &Course| course.repeated[0] + course.repeated[1];
    let segments = |course: &Course| course.segments[0] + course.segments[1];
    if repeated(a) != repeated(b) {
        let part = |course: &Course| {
            format!("{} of {}", words::number(repeated(course)), words::count(segments(course), "data segment"))
        };
        told.push(format!("Sent again: A {}, B {}.", part(a), part(b)));
    }
    if a.sacks != b.sacks {
        let sum = |course: &Course| words::number(course.sacks[0] + course.sacks[1]);
        told.push(format!("ACKs with SACK blocks, which tell of gaps: A {}, B {}.", sum(a), sum(b)));
    }
    for (from, who) in WHO.iter().enumerate() {
        if a.bytes[from] != b.bytes[from] {
            told.push(format!(
                "The {} sent {} in A and {} in B.",
                who,
                words::bytes(a.bytes[from]),
                words::bytes(b.bytes[from])
            ));
        }
        if let (Some((a_least, a_most)), Some((b_least, b_most))) = (a.windows[from], b.windows[from])
            && (differ(a_most.into(), b_most.into(), 25) || (a_least == 0) != (b_least == 0))
        {
            told.push(format!(
                "The {}'s window: from {} to {} in A, from {} to {} in B.",
                who,
                words::bytes(a_least),
                words::bytes(a_most),
                words::bytes(b_least),
                words::bytes(b_most)
            ));
        }
    }
    if differ(a.lasted.as_nanos(), b.lasted.as_nanos(), 5) {
        told.push(format!("A took {} in all, B {}.", words::duration(a.lasted), words::duration(b.lasted)));
    }
    if a.ending != b.ending {
        told.push(format!("A {}, B {}.", ending(a.ending), ending(b.ending)));
    }
    told
}

/// True if the larger is more than `percent` larger.
fn differ(a: u128, b: u128, percent: u128) -> bool {
    a.max(b) * 100 > a.min(b) * (100 + percent)
}
