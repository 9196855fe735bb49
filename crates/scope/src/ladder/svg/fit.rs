//! The words of an arrow, broken to the room it has.

use crate::ladder::layout::{Arrow, Ending, Line};
use crate::picture::{Ink, Run, font};

/// The size of the words on an arrow, and of those below it.
pub(super) const SIZE: f64 = 12.0;
pub(super) const SMALL: f64 = 10.5;
/// The most lines below an arrow.
const MAX_BELOW: usize = 4;

/// The words of an arrow.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Words {
    /// On it.
    pub(super) above: Vec<Run<'static>>,
    /// Below it, a line each.
    pub(super) below: Vec<(String, Ink)>,
}

/// Breaks the words of `arrow` to lines of at most `room` pixels.
pub(super) fn fit(arrow: &Arrow, room: f64, says_fate: bool) -> Words {
    let ink = Ink::from(arrow.tone);
    let label = &arrow.label;
    let is_ghost = arrow.line == Line::Ghost;
    let mut above: Vec<Run<'static>> = Vec::new();
    if let Some(numbers) = label.numbers() {
        above.push(Run { text: format!("{numbers}  ").into(), ink: Ink::Muted, bold: false });
    }
    let mut used: f64 = above.iter().map(|run| font::width(&run.text, SIZE, run.bold)).sum();
    let mut below: Vec<(String, Ink)> = Vec::new();
    // A name that is too long is a sentence: it goes on below.
    let mut names = font::wrap(&label.name, (room - used).max(40.0), SIZE, !is_ghost).into_iter();
    let first = names.next().unwrap_or_default();
    used += font::width(&first, SIZE, !is_ghost);
    if !first.is_empty() {
        above.push(Run { text: first.into(), ink, bold: !is_ghost });
    }
    below.extend(names.map(|line| (line, ink)));
    let words = if ink == Ink::Ack { Ink::Muted } else { Ink::Text };
    let mut rest: Vec<String> = Vec::new();
    let mut fields = String::new();
    for field in &label.fields {
        let wide = font::width("  ", SIZE, false) + font::width(field, SIZE, false);
        if rest.is_empty() && used + wide <= room {
            used += wide;
            fields.push_str("  ");
            fields.push_str(field);
        } else {
            rest.push(field.clone());
        }
    }
    if !fields.is_empty() {
        above.push(Run { text: fields.into(), ink: words, bold: false });
    }
    let mut add = |text: &str, ink| {
        let lines = font::wrap(text, room, SMALL, false).into_iter().filter(|line| !line.is_empty());
        below.extend(lines.map(|line| (line, ink)));
    };
    add(&rest.join("  "), words);
    if says_fate {
        match &arrow.end {
            Ending::Lost(why) => add(why, Ink::Trouble),
            Ending::Dropped(why) => add(&format!("thrown away: {why}"), Ink::Trouble),
            Ending::Unknown => add("whether it arrived is not known", Ink::Muted),
            Ending::Arrives => {}
        }
    }
    let again = if arrow.line == Line::Dashed { Ink::Again } else { Ink::Muted };
    for (at, detail) in label.details.iter().enumerate() {
        add(detail, if at == 0 { again } else { Ink::Muted });
    }
    if let Some(origin) = &arrow.origin {
        add(&format!("from {origin}"), Ink::Muted);
    }
    if below.len() > MAX_BELOW {
        below.truncate(MAX_BELOW);
        if let Some((last, _)) = below.last_mut() {
            *last = font::ellipsis(&format!("{last} …"), room, SMALL, false);
        }
    }
    Words { above, below }
}
