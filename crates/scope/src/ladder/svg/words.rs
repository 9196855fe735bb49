//! What a ladder means, in sentences below it.

use super::MARGIN;
use crate::picture::{Anchor, Ink, Run, Svg, Text, font};
use crate::verdict::{Group, Known};

const SIZE: f64 = 13.0;
const LINE: f64 = 18.0;
/// The most sentences below one ladder.
const MAX_SENTENCES: usize = 24;

/// Writes them, and answers where they end.
pub(super) fn verdicts(svg: &mut Svg, group: &Group, width: f64, top: f64) -> f64 {
    let mut y = top;
    let indent = MARGIN + 22.0;
    // Lines longer than this are hard to read.
    let room = (width - indent - MARGIN).min(860.0);
    for verdict in group.verdicts.iter().take(MAX_SENTENCES) {
        let known = format!(" [{}]", verdict.known.text());
        let lines = font::wrap(&format!("{}{known}", verdict.sentence), room, SIZE, false);
        sign(svg, verdict.known, (MARGIN + 9.0, y + LINE - 5.0));
        let numbers: Vec<String> = verdict.packets.iter().take(64).map(u64::to_string).collect();
        svg.group().class("verdict").attr("data-segments", numbers.join(" ")).done();
        // The last words tell how it is known.
        let mut left: usize = lines.iter().map(|l| l.chars().count()).sum();
        let tail = known.trim().chars().count();
        for line in lines {
            y += LINE;
            let count = line.chars().count();
            // How much of this line still is the sentence.
            let sentence = left.saturating_sub(tail).min(count);
            let cut = line.char_indices().nth(sentence).map_or(line.len(), |(at, _)| at);
            let run = |text: &str, ink| Run { text: text.to_owned().into(), ink, bold: false };
            let (said, how) = line.split_at(cut);
            let runs = [run(said, Ink::Text), run(how, Ink::Muted)].into_iter().filter(|r| !r.text.is_empty());
            svg.text(&Text::of((indent, y), runs.collect()).size(SIZE));
            left -= count;
        }
        svg.end();
        y += 5.0;
    }
    let more = group.verdicts.len().saturating_sub(MAX_SENTENCES);
    if more > 0 {
        y += LINE;
        let text = format!("{more} more sentences: limpid explain has them");
        svg.text(&Text::new((indent, y), text, Ink::Muted).size(SIZE));
    }
    y
}

/// Observed: full; inferred: hollow; told from inside: full with a ring.
pub(super) fn sign(svg: &mut Svg, known: Known, at: (f64, f64)) {
    match known {
        Known::Observed => svg.circle(at, 3.0).fill(Ink::Muted).done(),
        Known::Inferred => {
            svg.circle(at, 2.8).class(format_args!("{} {}", Ink::Paper.fill(), Ink::Muted.stroke())).done();
        }
        Known::Inside => {
            svg.circle(at, 4.6).class(format_args!("{} {}", Ink::Paper.fill(), Ink::Muted.stroke())).done();
            svg.circle(at, 2.2).fill(Ink::Muted).done();
        }
    }
}

/// A line of words of a margin, as [`Text`].
pub(super) fn note(at: (f64, f64), text: String, ink: Ink, anchor: Anchor) -> Text<'static> {
    Text::new(at, text, ink).size(11.0).anchor(anchor)
}
