//! What hosts told: remarks, states and timers.

use super::rows::{Item, Rows};
use super::{Builder, Place};
use crate::analysis::{Connection, Noted};
use crate::ladder::layout::*;
use crate::trace::What;
use crate::words;
use limpid_event::{Call, CongestionReason, EcnEvent, Error, Event, Instant, LinkFate, TcpState, Timer};
use limpid_wire::TcpFlags;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What was said when, at which side, and by whom.
type Said = (Instant, Side, Voice, String);

/// How often an engine says the same one after the other before it is said once for all.
const MOST_ALIKE: usize = 3;
/// How often at most while segments are folded, of which a line tells already.
const MOST_FOLDED: usize = 1;
/// Fewer remarks are all shown.
const FEW: usize = 6;

impl Builder<'_> {
    /// Remarks of applications, and what engines told that is worth a line.
    pub(super) fn notes(&mut self) {
        let trace = self.analysis.trace;
        let mut lines: Vec<Said> = Vec::new();
        let mut differs: Vec<(Instant, Side, String)> = Vec::new();
        for connection in self.connections {
            let app_spoke = (connection.notes.iter())
                .filter(|n| matches!(trace.notes[n.note].what, What::App(_)))
                .map(|n| (trace.notes[n.note].at, n.end));
            // Who resets knows that it is over.
            let resets = connection.segments.iter().filter(|s| s.is(TcpFlags::RST)).map(|s| (s.sent_at, s.from));
            let spoken_for: HashSet<(Instant, usize)> = app_spoke.chain(resets).collect();
            // The last time that the application at each end said an error.
            let mut heard: HashMap<(usize, &str), Instant> = HashMap::new();
            for Noted { end, note } in &connection.notes {
                let note = &trace.notes[*note];
                if let What::App(text) = &note.what
                    && let Some(error) = words::errno(text)
                {
                    let last = heard.entry((*end, error.errno())).or_insert(note.at);
                    *last = (*last).max(note.at);
                }
            }
            let reported = |end: usize, from: Instant, error: Error| {
                heard.get(&(end, error.errno())).is_some_and(|last| *last >= from)
            };
            for Noted { end, note } in &connection.notes {
                let note = &trace.notes[*note];
                let said = match &note.what {
                    What::App(text) => Some((Voice::Application, words::tame(text))),
                    // The application says it itself, when it hears of it.
                    What::Event(Event::Ended { error: Some(error) }) if reported(*end, note.at, *error) => None,
                    What::Event(event) if !spoken_for.contains(&(note.at, *end)) => told(event),
                    What::Event(_) => None,
                    What::Differs(text) => {
                        differs.push((note.at, Side::of(*end), words::tame(text)));
                        None
                    }
                };
                lines.extend(said.map(|(voice, text)| (note.at, Side::of(*end), voice, text)));
            }
        }
        lines.sort_by_key(|(at, ..)| *at);
        let mut lines = together(lines);
        let said = lines.len();
        self.leave_repeated(&mut lines);
        let more = said - lines.len().min(self.options.max_remarks);
        let last = lines.last().map(|(at, ..)| *at).unwrap_or_default();
        for (at, side, voice, text) in lines.into_iter().take(self.options.max_remarks) {
            self.remark(at, Some(side), voice, text);
        }
        for (at, side, text) in differs {
            self.items.push(Item::verdict(at, self.remarks.len(), Some(side)));
            self.remarks.push(Remark { side: Some(side), row: 0, voice: Voice::Judge, text });
        }
        if more > 0 {
            self.remark(last, None, Voice::Fold, format!("{} not shown", words::count(more as u64, "remark")));
        }
    }

    /// Where there are many remarks: what an engine said before, and says again while segments are folded, is left out.
    fn leave_repeated(&self, lines: &mut Vec<Said>) {
        if lines.len() <= FEW {
            return;
        }
        let mut times: HashMap<(Side, String), usize> = HashMap::new();
        lines.retain(|(at, side, voice, text)| {
            let words: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
            let times = times.entry((*side, words)).or_default();
            *times += 1;
            *voice != Voice::Engine || *times <= MOST_FOLDED || !self.is_folded(*at)
        });
    }

    /// True within the time of a fold. Folds are in order of time, as good as always: those before end before.
    fn is_folded(&self, at: Instant) -> bool {
        let next = self.folded.partition_point(|(_, until)| *until <= at);
        self.folded.get(next).is_some_and(|(from, _)| *from < at)
    }

    /// Gives every change of state its row.
    pub(super) fn states(&self, rows: &mut Rows) {
        for (index, connection) in self.connections.iter().enumerate() {
            for (end, side) in [(0, Side::Left), (1, Side::Right)] {
                let successor = self.connections.get(index + 1);
                let reopened = successor.and_then(|c| c.ends[end].states.iter().map(|change| change.at).min());
                for change in connection.ends[end].states.iter().take(self.options.max_remarks) {
                    // A pair of ports used again neither closes nor listens in between.
                    let passing = match change.to {
                        TcpState::Listen => index > 0,
                        TcpState::Closed => reopened == Some(change.at),
                        _ => false,
                    };
                    if !passing {
                        rows.enter(change.at, side, change.to, change.told, &self.arrows);
                    }
                }
            }
        }
    }

    /// Timers: retransmissions, and what engines told of the others.
    pub(super) fn brackets(&self, rows: &Rows) -> Vec<Bracket> {
        let mut brackets = Vec::new();
        for (index, connection) in self.connections.iter().enumerate() {
            for (place, segment) in connection.segments.iter().enumerate() {
                let Some(again) = segment.facts.again.filter(|again| again.cause.is_timer()) else { continue };
                let row = |place: Place| self.drawn.get(&place).map(|arrow| self.arrows[*arrow].departs);
                let previous = again.previous.and_then(|number| connection.index_of(number));
                let from = previous.and_then(|previous| row((index, previous)));
                if let (Some(from), Some(to)) = (from, row((index, place))) {
                    let text = timer_text("RTO", again.after);
                    brackets.push(Bracket { side: Side::of(segment.from), from, to, text });
                }
            }
            for end in 0..2 {
                self.told_timers(connection, end, rows, &mut brackets);
            }
        }
        brackets.retain(|b| b.from < b.to);
        brackets.sort_by_key(|b| (b.from, b.to, b.side));
        brackets
    }

    fn told_timers(&self, connection: &Connection, end: usize, rows: &Rows, brackets: &mut Vec<Bracket>) {
        let mut set: HashMap<Timer, Instant> = HashMap::new();
        let side = Side::of(end);
        for (at, event) in connection.events(self.analysis.trace, end) {
            match event {
                Event::TimerSet { timer, .. } => {
                    set.insert(*timer, at);
                }
                Event::TimerFired { timer, .. } => {
                    let Some(since) = set.remove(timer) else { continue };
                    // Its rows would be those at the fold's ends, further apart than it ran.
                    if self.is_folded(since) || self.is_folded(at) {
                        continue;
                    }
                    // Timers that wait for the sender of something start where it left, the others where it came.
                    let from = match timer {
                        Timer::Syn | Timer::SynAck | Timer::Rto | Timer::Tlp => rows.at_or_before(since),
                        _ => rows.first_at(since),
                    };
                    let (Some(from), Some(to)) = (from, rows.at_or_after(at)) else { continue };
                    // A retransmission has its bracket already.
                    let known = brackets.iter().any(|b| b.side == side && b.from <= from && to <= b.to);
                    if !known {
                        let text = timer_text(short_name(*timer), at.since(since));
                        brackets.push(Bracket { side, from, to, text });
                    }
                }
                _ => {}
            }
        }
    }
}

/// Says once, and how often, what an engine says more than [`MOST_ALIKE`] times without anything else in between at its
/// side. `lines` are in order.
fn together(lines: Vec<Said>) -> Vec<Said> {
    let mut runs: Vec<Vec<Said>> = Vec::new();
    let mut latest: [Option<usize>; 2] = [None; 2];
    for line in lines {
        let (_, side, voice, ref text) = line;
        let alike = latest[side.index()].filter(|run| {
            let (_, _, before, said) = &runs[*run][0];
            voice == Voice::Engine && (*before, said) == (voice, text)
        });
        match alike {
            Some(run) => runs[run].push(line),
            None => {
                latest[side.index()] = Some(runs.len());
                runs.push(vec![line]);
            }
        }
    }
    let once = |mut run: Vec<Said>| {
        if run.len() > MOST_ALIKE {
            let more = words::count(run.len() as u64 - 1, "time");
            let within = run[run.len() - 1].0.since(run[0].0);
            run.truncate(1);
            run[0].3.push_str(&format!(", and {more} more within {}", words::duration(within)));
        }
        run
    };
    let mut lines: Vec<Said> = runs.into_iter().flat_map(once).collect();
    lines.sort_by_key(|(at, ..)| *at);
    lines
}

/// The most columns that a timer's words take: as many as the longest state.
const TIMER_WIDTH: usize = 12;

/// A timer and how long it ran, as precisely as there is room.
fn timer_text(name: &str, span: Duration) -> String {
    let whole = words::duration(span);
    // Two digits, or the larger of two units.
    let rough = words::rough(span);
    let texts = [format!("{name} {whole}"), format!("{name} {rough}")];
    texts.into_iter().find(|text| text.chars().count() <= TIMER_WIDTH).unwrap_or_else(|| name.to_owned())
}

/// A timer's name where there is little room.
fn short_name(timer: Timer) -> &'static str {
    match timer {
        Timer::Syn | Timer::SynAck | Timer::Rto => "RTO",
        Timer::Tlp => "TLP",
        Timer::Persist => "probe",
        Timer::DelayedAck => "delay",
        Timer::KeepAlive => "alive",
        Timer::ConnectDeadline | Timer::UserTimeout => "limit",
        Timer::TimeWait => "2MSL",
        Timer::FinWait2 => "wait",
        _ => "timer",
    }
}

/// What ECN did, in words; `None` for what the packets show.
fn ecn(event: EcnEvent) -> Option<&'static str> {
    match event {
        EcnEvent::MarkReceived { .. } => Some("arrived with a mark: congestion experienced"),
        EcnEvent::EchoBegins => Some("echoes the mark: ECE on each segment until CWR comes"),
        EcnEvent::EchoEnds => Some("CWR came: no more ECE"),
        EcnEvent::Answered => Some("CWR: tells that the window was reduced"),
        _ => None,
    }
}

/// What an engine told, in words, if it is worth a line.
fn told(event: &Event) -> Option<(Voice, String)> {
    let text = match event {
        Event::Call(Call::Read(0)) => "read returned 0: the peer has finished".into(),
        Event::Call(Call::ShutdownWrite) => "shutdown of the sending half".into(),
        Event::Call(Call::Close) => "close".into(),
        Event::Call(Call::Abort) => "abort".into(),
        Event::Ended { error: Some(error) } => format!("{error} ({})", error.errno()),
        Event::SoftError { error } => format!("noted, but no end: {error}"),
        Event::Dropped { why } => format!("dropped: {why}"),
        Event::Link { fate: LinkFate::Marked } => "the queue fills: marked CE instead of dropped".into(),
        Event::Ecn(event) => ecn(*event)?.into(),
        Event::Congestion { cwnd, ssthresh, why: CongestionReason::Ecn } => {
            // While recovery goes on, it comes down there step by step (RFC 6937).
            let target = u64::from(*cwnd.min(ssthresh));
            format!("ECN: the window comes down as for a loss, to {}", words::bytes(target))
        }
        Event::RecoveryBegan { why } => format!("recovery begins: {why}"),
        Event::RecoveryEnded => "recovery ends".into(),
        Event::Undone { how } => format!("it was needless, and is taken back: {how}"),
        Event::PathMtu { mtu, why } => format!("path MTU {mtu}: {why}"),
        _ => return None,
    };
    let voice = if matches!(event, Event::Call(_)) { Voice::Application } else { Voice::Engine };
    Some((voice, text))
}
