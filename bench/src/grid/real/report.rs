//! What came of it, for people and machines.

use super::{Counters, Measured, Pair, Row};
use crate::interval::Interval;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// From so much lateness on, of one packet in a hundred, the machine was too busy for the cell's figures to mean much.
const TOO_LATE: Duration = Duration::from_millis(2);

/// Ours over Linux's, seed by seed: in each the same segments were lost.
fn ratios(ours: &[Measured], theirs: &[Measured]) -> Vec<f64> {
    ours.iter().zip(theirs).filter(|(_, theirs)| theirs.goodput > 0.0).map(|(o, t)| o.goodput / t.goodput).collect()
}

fn mean(runs: &[Measured]) -> f64 {
    runs.iter().map(|run| run.goodput).sum::<f64>() / runs.len().max(1) as f64
}

/// Prints the table and what must hold; true if that holds.
pub(crate) fn print(rows: &[Row]) -> bool {
    let mut text = String::from(
        "\nIn real time: Mbit/s of Linux to Linux, and limpid in either place over that (mean of seeds, 95 % interval)\n\n",
    );
    let _ = writeln!(text, "{:<60} {:>9} {:>16} {:>16} {:>8}", "", "Linux", "limpid sends", "limpid receives", "late");
    for row in rows {
        let name = format!("{} {}", row.algorithm, row.cell);
        let late = row.runs.iter().flatten().map(|run| run.late).max().unwrap_or_default();
        let _ = write!(text, "{name:<60} {:>9.2}", mean(&row.runs[0]) / 1e6);
        for ours in &row.runs[1..] {
            let shown = Interval::of(&ratios(ours, &row.runs[0]))
                .map_or_else(|| "-".into(), |i| format!("{:.2} ±{:.2}", i.mean, i.half));
            let _ = write!(text, " {shown:>16}");
        }
        let mark = if late > TOO_LATE { "!" } else { " " };
        let _ = writeln!(text, " {:>5.2} ms{mark}", late.as_secs_f64() * 1e3);
    }
    text.push_str(
        "\n(late: of a hundred packets one left the relay so much after its time; ! is too much to mean anything)\n",
    );
    let holds = verdicts(&mut text, rows);
    print!("{text}");
    holds
}

fn verdicts(text: &mut String, rows: &[Row]) -> bool {
    let mut all = true;
    for (place, name) in [(1, "sends"), (2, "receives")] {
        let cubic: Vec<(&Row, Interval)> = (rows.iter().filter(|row| row.algorithm == "cubic"))
            .filter_map(|row| Some((row, Interval::of(&ratios(&row.runs[place], &row.runs[0]))?)))
            .collect();
        let mut means: Vec<f64> = cubic.iter().map(|(_, interval)| interval.mean).collect();
        means.sort_by(f64::total_cmp);
        let Some(median) = means.get(means.len() / 2).copied() else { continue };
        let below: Vec<&Row> = cubic.iter().filter(|(_, i)| i.mean + i.half < 0.8).map(|(row, _)| *row).collect();
        all &= median >= 1.0 && below.is_empty();
        let _ = writeln!(
            text,
            "\n  {}  2. limpid {name}: in the median cell at least Linux's goodput: {median:.2}",
            if median >= 1.0 { "PASS" } else { "FAIL" }
        );
        let _ = writeln!(
            text,
            "  {}  2. limpid {name}: in no cell the 95 % interval is below 0.8 of it: {} of {} cells",
            if below.is_empty() { "PASS" } else { "FAIL" },
            cubic.len() - below.len(),
            cubic.len()
        );
        for row in below {
            let _ = writeln!(text, "        below: {}", row.cell);
        }
    }
    all
}

/// The rows as a JSON array.
pub(crate) fn json(rows: &[Row]) -> String {
    let run = |run: &Measured| {
        format!(
            "{{\"goodput_bps\":{:.0},\"late_us\":{},\"lost\":{},\"queue_full\":{}}}",
            run.goodput,
            run.late.as_micros(),
            run.lost,
            run.queue_full
        )
    };
    let runs = |runs: &[Measured]| runs.iter().map(run).collect::<Vec<_>>().join(",");
    let row = |row: &Row| {
        let [linux, sends, receives] = &row.runs;
        format!(
            "{{\"cell\":\"{}\",\"algorithm\":\"{}\",\"linux\":[{}],\"limpid_sends\":[{}],\"limpid_receives\":[{}]}}",
            row.cell,
            row.algorithm,
            runs(linux),
            runs(sends),
            runs(receives)
        )
    };
    format!("[\n{}\n]\n", rows.iter().map(row).collect::<Vec<_>>().join(",\n"))
}

/// What both ends counted in a cell's runs, of the last seed: each counter, and beside it each pair's client and server.
pub(crate) fn counters(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let last: Vec<&Measured> = row.runs.iter().filter_map(|runs| runs.last()).collect();
        let names: BTreeSet<&String> = last.iter().flat_map(|run| &run.counters).flat_map(|end| end.keys()).collect();
        let heads = Pair::ALL.map(|pair| format!("{:>10} {:>10}", pair.client.name(), pair.server.name()));
        let _ = writeln!(text, "\n{} {}\n{:<32}{}", row.algorithm, row.cell, "", heads.join("  "));
        for name in names {
            let value = |end: &Counters| end.get(name).copied().unwrap_or(0);
            let pairs =
                last.iter().map(|run| format!("{:>10} {:>10}", value(&run.counters[0]), value(&run.counters[1])));
            let _ = writeln!(text, "{name:<32}{}", pairs.collect::<Vec<_>>().join("  "));
        }
    }
    text
}
