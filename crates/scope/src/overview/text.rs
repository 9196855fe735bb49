//! An overview as lines for a terminal.

use super::{FATES, Fate, Overview, Row};
use crate::words;
use std::fmt::Write as _;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// The lines, `width` columns wide (80 at least), each ended by a newline.
pub fn text(overview: &Overview, width: usize) -> String {
    let width = width.clamp(80, 240);
    let mut out = summary(overview);
    out.push_str("\n\n");
    if !overview.density.is_empty() {
        out.push_str(&density(overview, width));
        out.push('\n');
    }
    rows(&mut out, &overview.rows, overview.length, width);
    if overview.rows_left_out > 0 {
        let _ = writeln!(out, "({} not shown)", words::count(overview.rows_left_out, "more group"));
    }
    if !overview.worst.is_empty() {
        out.push_str("\nThe worst:\n");
        rows(&mut out, &overview.worst, overview.length, width);
    }
    let used: Vec<String> = (Fate::ALL.iter().zip(overview.fates))
        .filter(|(_, n)| *n > 0)
        .map(|(fate, _)| format!("{} {}", fate.sign(), fate.text()))
        .collect();
    if !used.is_empty() {
        let _ = writeln!(out, "\n{}", used.join("   "));
    }
    out
}

/// How many, how they ended, how much and how long.
pub(super) fn summary(overview: &Overview) -> String {
    if overview.count == 0 {
        return "No TCP connections".into();
    }
    let fates: Vec<String> = (Fate::ALL.iter().zip(overview.fates))
        .filter(|(_, n)| *n > 0)
        .map(|(fate, n)| format!("{} {}", words::number(n), fate.text()))
        .collect();
    let span = words::duration(Duration::from_nanos(overview.length));
    let count = words::count(overview.count, "connection");
    format!("{count} in {span}: {}; {}", fates.join(", "), words::bytes(overview.bytes))
}

fn density(overview: &Overview, width: usize) -> String {
    let most = overview.density.iter().map(|step| step.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let line = blocks(&overview.density, overview.density.len().min(width - 16));
    format!("{line}  at most {} in {}\n", words::number(most), words::rough(overview.step()))
}

/// How many there were over time, in `columns` blocks that reach up to the most.
fn blocks(density: &[[u64; FATES]], columns: usize) -> String {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let totals: Vec<u64> = density.iter().map(|step| step.iter().sum()).collect();
    let most = totals.iter().copied().max().unwrap_or(0).max(1);
    (0..columns)
        .map(|column| {
            let (from, to) = (column * totals.len() / columns, ((column + 1) * totals.len() / columns).max(1));
            let n = totals[from..to.max(from + 1)].iter().copied().max().unwrap_or(0);
            BLOCKS[usize::try_from((n * 8).div_ceil(most)).unwrap_or(8).min(8)]
        })
        .collect()
}

fn rows(out: &mut String, rows: &[Row], length: u64, width: usize) {
    let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let number = |row: &Row| row.number.map(|n| n.to_string()).unwrap_or_default();
    let bytes = |row: &Row| words::bytes(row.bytes);
    let took = |row: &Row| words::rough(Duration::from_nanos(row.span.1.saturating_sub(row.span.0)));
    let (n, who) = (widest(&|row| number(row).len()), widest(&|row| row.who.width()).min(width * 2 / 5));
    let (size, long) = (widest(&|row| bytes(row).width()), widest(&|row| took(row).width()));
    let room = width.saturating_sub(n + who + size + long + 10);
    let note = widest(&|row| row.note.width()).min(room.saturating_sub(8));
    let bar = room.saturating_sub(note).clamp(8, 60);
    for row in rows {
        let mut name = row.who.clone();
        while name.width() > who {
            name.pop();
        }
        let pad = " ".repeat(who.saturating_sub(name.width()));
        let mut said = row.note.clone();
        while said.width() > note {
            said.pop();
        }
        let strip = strip(row, length, bar);
        let _ = writeln!(
            out,
            "{:>n$}  {name}{pad}  {strip}  {:>long$}  {:>size$}  {}",
            number(row),
            took(row),
            bytes(row),
            said
        );
    }
}

/// A bar over time that ends in the sign of the worst that happened.
fn strip(row: &Row, length: u64, width: usize) -> String {
    if !row.density.is_empty() {
        return blocks(&row.density, width);
    }
    let column = |at: u64| ((u128::from(at) * (width as u128 - 1)) / u128::from(length.max(1))) as usize;
    let (from, to) = (column(row.span.0).min(width - 1), column(row.span.1).min(width - 1));
    let fate = Fate::ALL.into_iter().rev().find(|fate| row.fates[*fate as usize] > 0).unwrap_or(Fate::Closed);
    (0..width)
        .map(|x| match x {
            x if x == to => fate.sign(),
            x if x >= from && x < to => '━',
            _ => '·',
        })
        .collect()
}
