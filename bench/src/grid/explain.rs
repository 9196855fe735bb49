//! One cell, explained: figures, graph, counters.

use crate::cell::Cell;
use crate::play::{Contender, Plan, Played, Span, play};
use crate::{table, theory};
use limpid_scope::graph::{self, GraphOptions};
use limpid_scope::trace::Trace;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

/// Plays the cell by each, one after the other, and prints what there is to tell; events are written to a file.
pub(crate) fn explain(
    cell: &Cell,
    contenders: &[Contender],
    (seed, offloads): (u64, bool),
    events: Option<&Path>,
) -> Result<(), String> {
    let mut file = match events {
        Some(path) => Some((path, File::create(path).map_err(|e| format!("{}: {e}", path.display()))?)),
        None => None,
    };
    println!("{cell}");
    println!(
        "  a link that carries {:.1} Mbit/s of payload; {:.0} packets fill it, {} may wait",
        theory::link(cell) / 1e6,
        cell.bdp_packets(),
        cell.queue_packets()
    );
    for contender in contenders {
        let span = Span::of(cell, *contender, crate::PACKETS);
        let plan = Plan { cell: *cell, contender: *contender, span, seed, mixed: None, record: true, offloads };
        let played = play(&plan).map_err(|e| e.to_string())?;
        print_one(&plan, &played);
        if let (Some((path, file)), Some(trace)) = (&mut file, &played.trace) {
            write_events(file, contender.name(), trace).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    Ok(())
}

fn write_events(file: &mut File, who: &str, trace: &Trace) -> std::io::Result<()> {
    let mut out = BufWriter::new(file);
    for note in &trace.notes {
        let host = &trace.hosts[note.host].name;
        writeln!(out, "{} {who} {host} {} {:?}", note.at, note.flow.0, note.what)?;
    }
    out.flush()
}

fn print_one(Plan { cell, contender, span, .. }: &Plan, played: &Played) {
    let outcome = &played.outcome;
    let (measured, warm_up) = (span.measured.as_secs_f64(), span.warm_up.as_secs_f64());
    println!("\n== {}, measured for {measured:.1} s after {warm_up:.1} s, in virtual time", contender.name());
    println!(
        "  {:.3} Mbit/s, {:.1} % of the link{}{}",
        outcome.goodput() / 1e6,
        100.0 * table::share(cell, outcome.goodput()),
        theory::window(cell, *contender).filter(|window| window.is_finite()).map_or_else(String::new, |window| {
            let expected = theory::expected(cell, *contender);
            format!(
                "; {:.2} of what its response function predicts (a window of {window:.0})",
                outcome.goodput() / expected
            )
        }),
        if cell.flows > 1 { format!("; fairness {:.3}", outcome.fairness()) } else { String::new() },
    );
    println!(
        "  {} packets sent, {} lost by chance, {} at the queue{}{}; {:.2} s to compute",
        outcome.packets,
        outcome.lost,
        outcome.queue_full,
        outcome.again.map_or_else(String::new, |n| format!(", {n} sent again")),
        outcome.timeouts.map_or_else(String::new, |n| format!(", {n} timeouts")),
        outcome.took.as_secs_f64()
    );
    if let Some(trace) = &played.trace {
        let color =
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(120);
        let drawn = graph::render(trace, &GraphOptions { width, color, ..GraphOptions::default() });
        if !drawn.is_empty() {
            println!("\n{drawn}");
        }
    }
    for (whose, counters) in ["sender", "receiver"].into_iter().zip(&played.counters) {
        if !counters.is_empty() {
            println!("  {whose}:");
        }
        for (name, value) in counters {
            println!("    {name:<28} {value}");
        }
    }
}
