//! The figures for machines.

use crate::Outcomes;
use crate::cell::{Cell, Loss};
use crate::check::Check;
use crate::play::{Contender, Outcome};
use crate::{table, theory};

/// One object: the cells with their outcomes, and the checks. All strings in it are plain ASCII without quotes.
pub(crate) fn text(grid: &[(Cell, Outcomes)], checks: &[Check], seed: u64, seeds: u64) -> String {
    let cells: Vec<String> = grid.iter().map(|(cell, outcomes)| of_cell(cell, outcomes)).collect();
    let checks: Vec<String> = checks.iter().map(of_check).collect();
    format!(
        "{{\"seed\":{seed},\"seeds\":{seeds},\"cells\":[\n{}\n],\"checks\":[\n{}\n]}}\n",
        cells.join(",\n"),
        checks.join(",\n")
    )
}

fn of_cell(cell: &Cell, outcomes: &Outcomes) -> String {
    let Cell { loss, rtt_ms, mbit, queue, reorder, flows } = cell;
    let bursts = *loss == Loss::Bursts;
    let outcomes: Vec<String> = outcomes.iter().map(|(who, outcome)| of_outcome(cell, *who, outcome)).collect();
    format!(
        "{{\"loss\":{},\"bursts\":{bursts},\"rtt_ms\":{rtt_ms},\"mbit\":{mbit},\"queue_bdp\":{queue},\"queue_packets\":{},\
         \"reorder\":{reorder},\"flows\":{flows},\"link_bps\":{:.0},\"outcomes\":{{{}}}}}",
        loss.share(),
        cell.queue_packets(),
        theory::link(cell),
        outcomes.join(",")
    )
}

fn of_outcome(cell: &Cell, who: Contender, outcome: &Outcome) -> String {
    let optional = |figure: Option<u64>| figure.map_or_else(|| "null".into(), |n| n.to_string());
    let flows: Vec<String> = outcome.goodputs.iter().map(|goodput| format!("{goodput:.0}")).collect();
    format!(
        "\"{}\":{{\"goodput_bps\":{:.0},\"share\":{:.4},\"expected_bps\":{:.0},\"flows_bps\":[{}],\"packets\":{},\"lost\":{},\
         \"queue_full\":{},\"retransmitted\":{},\"timeouts\":{}}}",
        who.name(),
        outcome.goodput(),
        table::share(cell, outcome.goodput()),
        theory::expected(cell, who),
        flows.join(","),
        outcome.packets,
        outcome.lost,
        outcome.queue_full,
        optional(outcome.again),
        optional(outcome.timeouts)
    )
}

fn of_check(check: &Check) -> String {
    let holds = check.holds.map_or("null", |holds| if holds { "true" } else { "false" });
    let figures = check.figures.replace(['"', '\\'], "'");
    format!("{{\"rule\":\"{}\",\"holds\":{holds},\"figures\":\"{figures}\"}}", check.rule)
}
