//! Ladders as Mermaid's sequence diagrams, which many wikis and repositories draw by themselves.
//!
//! What a sequence diagram has no sign for is said in words: times stand before the number, a fate or a cause after it.

use super::layout::*;
use super::terminal::{needs_micros, time_text};
use crate::trace::View;
use std::fmt::Write as _;

/// The diagram of one ladder.
pub fn draw(ladder: &Ladder, title: &str) -> String {
    let mut text = String::new();
    if !title.is_empty() {
        // A string of YAML in double quotes.
        let _ = write!(text, "---\ntitle: \"{}\"\n---\n", title.replace(['\\', '"'], "'").replace(['\n', '\r'], " "));
    }
    text.push_str("sequenceDiagram\n");
    for (name, head) in ["A", "B"].into_iter().zip(&ladder.heads) {
        let host =
            if head.endpoint.contains(&head.name) { String::new() } else { format!("{}<br/>", escaped(&head.name)) };
        let known = if head.view == View::Estimated { "<br/>(estimated)" } else { "" };
        let _ = writeln!(text, "    participant {name} as {host}{}{known}", escaped(&head.endpoint));
    }
    let micros = needs_micros(ladder);
    for (index, row) in ladder.rows.iter().enumerate() {
        if let Gap::Break(span) = row.gap {
            let _ = writeln!(text, "    Note over A,B: … {}", escaped(&crate::words::duration(span)));
        }
        for remark in ladder.remarks.iter().filter(|remark| remark.row == index) {
            let _ = writeln!(text, "    Note {}: {}", place(remark.side), escaped(&remark.text));
        }
        // The last of several says nothing of its own.
        let told = |arrow: &&Arrow| arrow.departs == index && !arrow.label.name.is_empty();
        for arrow in ladder.arrows.iter().filter(told) {
            let _ = writeln!(text, "    {}", message(arrow, &time_text(row, micros)));
        }
        for mark in ladder.states.iter().filter(|mark| mark.row == index) {
            let _ = writeln!(text, "    Note {}: {}", place(Some(mark.side)), mark.state.name());
        }
    }
    text
}

fn place(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Left) => "left of A",
        Some(Side::Right) => "right of B",
        None => "over A,B",
    }
}

fn message(arrow: &Arrow, time: &str) -> String {
    let (from, to) = match arrow.from {
        Side::Left => ("A", "B"),
        Side::Right => ("B", "A"),
    };
    let stroke = match (&arrow.end, arrow.line) {
        (Ending::Lost(_) | Ending::Dropped(_), Line::Solid) => "-x",
        (Ending::Lost(_) | Ending::Dropped(_), _) => "--x",
        (Ending::Unknown, Line::Solid) => "-)",
        (Ending::Unknown, _) => "--)",
        (Ending::Arrives, Line::Solid) => "->>",
        (Ending::Arrives, _) => "-->>",
    };
    let label = &arrow.label;
    let mut words = match (arrow.line, label.numbers()) {
        (Line::Ghost, _) => format!("({})", label.name),
        (_, Some(number)) => format!("{time} s  {number} {}", label.name),
        (_, None) => label.name.clone(),
    };
    for field in &label.fields {
        words.push(' ');
        words.push_str(field);
    }
    let mut lines = vec![words];
    match &arrow.end {
        Ending::Lost(why) => lines.push(format!("✕ {why}")),
        Ending::Dropped(why) => lines.push(format!("✕ thrown away: {why}")),
        Ending::Unknown | Ending::Arrives => {}
    }
    lines.extend(label.details.iter().cloned());
    lines.extend(arrow.origin.iter().map(|origin| format!("from {origin}")));
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    format!("{from}{stroke}{to}: {}", lines.join("<br/>"))
}

/// What Mermaid would take for its own is written as its entities.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' => out.push_str("#35;"),
            ';' => out.push_str("#59;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '%' => out.push_str("#37;"),
            '\n' | '\r' | '\t' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}
