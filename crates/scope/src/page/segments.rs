//! The list of a connection's segments: tcpdump's line of each, and what is to be said of it.

use crate::analysis::Segment;
use crate::dump::{Options, Printer};
use crate::flows::Kind;
use crate::trace::{Arrival, Packet, Trace};
use crate::words;
use limpid_event::TxReason;
use limpid_wire::TcpFlags;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// tcpdump's line of each packet of a trace, without numbers looked up, in their order.
pub(super) fn lines(trace: &Trace) -> Vec<String> {
    let mut printer = Printer::new(Options { numeric: true, ..Options::default() });
    let captured = |packet: &Packet| trace.captured(packet.number, packet, trace.recorded_at(packet));
    trace.packets.iter().map(|packet| printer.print(&captured(packet))).collect()
}

/// One line of the list.
pub(super) struct Row<'a> {
    pub(super) segment: &'a Segment,
    pub(super) line: &'a str,
}

impl Row<'_> {
    /// True if it is worth a place where there is room for few.
    pub(super) fn is_special(&self) -> bool {
        let s = self.segment;
        s.facts.again.is_some()
            || s.facts.late
            || s.arrival.is_lost()
            || s.dropped.is_some()
            || s.flags_any(TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST)
            || s.is_probe()
            || (s.tcp.window == 0 && s.is(TcpFlags::ACK))
    }

    fn class(&self) -> &'static str {
        let s = self.segment;
        match () {
            () if s.facts.again.is_some() => "again",
            () if s.arrival.is_lost() || s.dropped.is_some() || s.is(TcpFlags::RST) => "trouble",
            () if s.is(TcpFlags::SYN) => "opening",
            () if s.is(TcpFlags::FIN) => "closing",
            () if s.is_probe() => "probe",
            () if s.tcp.len > 0 => "data",
            () => "ack",
        }
    }
}

/// Why a segment was sent, and what became of it, in a few words; empty if there is nothing to say.
pub(super) fn reason(segment: &Segment) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(again) = segment.facts.again {
        parts.push(again.text());
    } else if segment.facts.late {
        parts.push("overtaken on the way".into());
    }
    match segment.facts.kind {
        Kind::KeepAlive => parts.push("keepalive".into()),
        Kind::WindowProbe => parts.push("window probe".into()),
        Kind::DuplicateAck => parts.push("duplicate ACK".into()),
        Kind::WindowUpdate => parts.push("window update".into()),
        _ => {}
    }
    if let (Some(why), None) = (segment.why, segment.facts.again) {
        let why = TxReason::text(why).to_string();
        if !parts.contains(&why) {
            parts.push(why);
        }
    }
    if segment.copy {
        parts.push("a copy that the link made".into());
    }
    if let Arrival::Lost { .. } = segment.arrival {
        parts.push("never arrived".into());
    }
    if let Some(why) = segment.dropped {
        parts.push(format!("thrown away: {why}"));
    }
    parts.join("; ")
}

/// Which of `rows` are listed: all, or the special ones and as many at both ends as there is room for.
pub(super) fn chosen(rows: &[Row<'_>], most: usize) -> BTreeSet<usize> {
    if rows.len() <= most {
        return (0..rows.len()).collect();
    }
    let special = (0..rows.len()).filter(|at| rows[*at].is_special()).take(most / 2);
    let mut chosen: BTreeSet<usize> = special.collect();
    let ends = (0..rows.len()).flat_map(|at| [at, rows.len() - 1 - at]);
    for at in ends {
        if chosen.len() >= most {
            break;
        }
        chosen.insert(at);
    }
    chosen
}

/// The list.
pub(super) fn list(section: usize, rows: &[Row<'_>], most: usize) -> Markup {
    let chosen = chosen(rows, most);
    let mut before = None;
    html! {
        ol.segments {
            @for &at in &chosen {
                @let gap = before.replace(at).map_or(at, |before: usize| at - before - 1);
                @if gap > 0 {
                    li.gap { "… " (words::count(gap as u64, "segment")) " not listed" }
                }
                @let row = &rows[at];
                @let number = row.segment.number;
                @let why = reason(row.segment);
                li #{ "c" (section) "-" (number) } data-segment=(number) class=(row.class()) {
                    span.number { (number) }
                    span.way { @if row.segment.from == 0 { "→" } @else { "←" } }
                    code { (words::tame(row.line)) }
                    @if !why.is_empty() { small { (words::tame(&why)) } }
                }
            }
            @if let Some(last) = before {
                @if last + 1 < rows.len() {
                    li.gap { "… " (words::count((rows.len() - 1 - last) as u64, "segment")) " not listed" }
                }
            }
        }
    }
}
