//! What a run shows of itself: what packetdrill prints, and the ladder up to where it parted from its script.

use super::play::{Done, Kind};
use super::read;
use crate::report::{self, Screen};
use limpid_drill::Verdict;
use limpid_drill::report::Failure;
use limpid_event::FlowId;
use limpid_scope::trace::{Trace, What};
use std::fmt::Write as _;

/// The target in a run's trace.
const TARGET: usize = 0;

/// What is shown of a script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) screen: Screen,
    pub(crate) ascii: bool,
    /// What was taken without any effect.
    pub(crate) remarks: bool,
    /// Every packet, as tcpdump prints it.
    pub(crate) packets: bool,
    pub(crate) ladder: bool,
}

/// How a script ended, in one line: `a.pkt:12: error handling packet: …`.
pub(crate) fn headline(done: &Done) -> String {
    let name = &done.job.script.name;
    let mode = done.job.mode.map(|mode| format!("[{}] ", mode.name())).unwrap_or_default();
    let Some((at, what)) = done.why() else {
        let word = if done.beside.is_some() { "the same on both" } else { "pass" };
        return format!("{name}: {mode}{word}{}\n", tries(done));
    };
    let place = match (done.kind(), at) {
        (Kind::Fail, Some(at)) => format!("{}:", at.line),
        (_, Some(at)) => format!("{}:{}:", at.line, at.column),
        (_, None) => String::new(),
    };
    // What failed needs no word for it: packetdrill has none either.
    let word = match done.kind() {
        Kind::Unsupported => "unsupported: ",
        Kind::Invalid => "invalid: ",
        Kind::Broken => "broken: ",
        Kind::Fail | Kind::Pass => "",
    };
    let place = place.trim_end_matches(':');
    let separator = if place.is_empty() { "" } else { ":" };
    format!("{name}{separator}{place}: {mode}{word}{what}{}\n", tries(done))
}

fn tries(done: &Done) -> String {
    if done.tries > 1 { format!(" (at try {})", done.tries) } else { String::new() }
}

/// What the script says and what happened, in the script's notation; both runs, where there are two.
pub(crate) fn details(done: &Done) -> String {
    let mut text = done.beside.as_ref().map(|beside| beside.text.clone()).unwrap_or_default();
    let Verdict::Fail(failure) = &done.report.verdict else { return text };
    let line = match (&failure.expected, &failure.actual) {
        (None, None) => line_of(done, failure),
        _ => None,
    };
    let parts = [("script", &line), ("script packet", &failure.expected), ("actual packet", &failure.actual)];
    for (name, part) in parts {
        if let Some(part) = part {
            let _ = writeln!(text, "{name}: {part}");
        }
    }
    text
}

impl Shown {
    /// A script that passed.
    pub(crate) fn pass(&self, done: &Done) -> String {
        headline(done) + &self.screen.show(details(done), self.ascii) + &self.run(done, &done.report.trace)
    }

    /// A script that did not.
    pub(crate) fn failure(&self, done: &Done) -> String {
        let text = headline(done) + &self.screen.show(details(done), self.ascii);
        match &done.report.verdict {
            Verdict::Fail(failure) => text + &self.run(done, &marked(&done.report.trace, failure)),
            _ => text + &self.run(done, &done.report.trace),
        }
    }

    /// What happened in a run.
    fn run(&self, done: &Done, trace: &Trace) -> String {
        let mut text = String::new();
        for remark in done.report.remarks.iter().filter(|_| self.remarks) {
            let _ = writeln!(text, "remark: {remark}");
        }
        if !done.report.printed.is_empty() {
            text.push_str(&done.report.printed);
            text.push_str(if done.report.printed.ends_with('\n') { "" } else { "\n" });
        }
        if self.packets {
            text.push_str(&report::lines_with_reasons(trace));
        }
        if self.ladder {
            let ladder = report::ladder(trace, self.ascii, &self.screen);
            let blank = if ladder.is_empty() { "" } else { "\n" };
            let _ = write!(text, "{blank}{ladder}{blank}");
            if let Some(beside) = &done.beside {
                let ladder = match &beside.report.verdict {
                    Verdict::Fail(failure) => {
                        report::ladder(&marked(&beside.report.trace, failure), self.ascii, &self.screen)
                    }
                    _ => report::ladder(&beside.report.trace, self.ascii, &self.screen),
                };
                let _ = write!(text, "{ladder}{blank}");
            }
        }
        self.screen.show(text, self.ascii)
    }
}

/// The line of the script where it failed.
fn line_of(done: &Done, failure: &Failure) -> Option<String> {
    let text = read(&done.job.script.path).ok()?;
    let line = text.lines().nth((failure.at.line as usize).checked_sub(1)?)?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The trace with a remark where it parted from the script: at the packet that differs, else at the end.
fn marked(trace: &Trace, failure: &Failure) -> Trace {
    let mut trace = trace.clone();
    if trace.hosts.is_empty() {
        return trace;
    }
    let packet = trace.packets.iter().find(|packet| Some(packet.number) == failure.packet);
    let (at, flow) = packet.map_or((trace.end, FlowId::NONE), |packet| (packet.sent_at, packet.flow));
    let text = match &failure.expected {
        Some(expected) => {
            format!("the script expected {}", expected.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        None => failure.what.clone(),
    };
    trace.note(at, TARGET, flow, What::Differs(text));
    trace.notes.sort_by_key(|note| note.at);
    trace
}
