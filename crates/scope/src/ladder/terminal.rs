//! Ladders as text, for terminals of any width, with or without colour, in UTF-8 or ASCII.
//!
//! Meaning never hangs on colour alone: what was sent again is dashed, what was lost ends in ✕, what did not happen is
//! dotted, estimates have a dashed lifeline. Nothing here looks at the environment: width, colour and character set are
//! arguments.

pub(crate) mod canvas;
mod glyphs;
mod paint;
mod plan;

pub use glyphs::Charset;
pub(super) use plan::{needs_micros, time_text};

use super::LadderOptions;
use super::layout::{Ending, Gap, Ladder, Line, Voice};
use crate::trace::View;
use canvas::Canvas;
use glyphs::Glyphs;
pub(crate) use glyphs::Style;

/// The narrowest and widest that a ladder is drawn, in columns.
const WIDTHS: std::ops::RangeInclusive<usize> = 60..=132;

/// How to draw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RenderOptions {
    /// Columns to fill: less than 60 is drawn as 60, more than 132 as 132.
    pub width: usize,
    /// Whether to colour, by ANSI escape sequences.
    pub color: bool,
    /// Which characters may be used.
    pub charset: Charset,
    /// Whether a legend stands below.
    pub legend: bool,
    /// What to show.
    pub ladder: LadderOptions,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        let ladder = LadderOptions::default();
        RenderOptions { width: 80, color: false, charset: Charset::Utf8, legend: true, ladder }
    }
}

/// `text` with the signs of `charset`.
pub(super) fn in_charset(text: &str, charset: Charset) -> std::borrow::Cow<'_, str> {
    Glyphs::of(charset).translate(text)
}

/// Draws ladders one below the other, and a legend of what they use.
pub fn draw(ladders: &[Ladder], options: &RenderOptions) -> String {
    let width = options.width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let glyphs = Glyphs::of(options.charset);
    let mut text = String::new();
    for ladder in ladders {
        text.push_str(&paint::paint(ladder, width, glyphs).print(options.color));
        text.push('\n');
    }
    if options.legend && !ladders.is_empty() {
        text.push_str(&legend(ladders, width, glyphs).print(options.color));
    }
    text
}

/// A ladder for a screen that scrolls: the text that [`draw`] prints, in pieces, and where its arrows are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Painted {
    /// The lines from the top, each in runs from the left.
    pub lines: Vec<Vec<Run>>,
    /// Of each arrow of the ladder, in its order: the lines that it leaves and arrives at.
    pub arrows: Vec<[usize; 2]>,
}

/// Text in one style.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// The text.
    pub text: String,
    /// The parameters of its SGR sequence (ECMA-48 §8.3.117), as `1;31`; empty for plain text.
    pub sgr: &'static str,
}

/// Paints one ladder for a screen of `width` columns, without a legend.
pub fn paint(ladder: &Ladder, width: usize, charset: Charset) -> Painted {
    let width = width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let (canvas, arrows) = paint::paint_and_place(ladder, width, Glyphs::of(charset));
    let run = |(text, style): (String, Style)| Run { text, sgr: style.sgr() };
    let lines = canvas.runs().into_iter().map(|line| line.into_iter().map(run).collect()).collect();
    Painted { lines, arrows }
}

/// What the signs mean: only those that were used.
fn legend(ladders: &[Ladder], width: usize, glyphs: &Glyphs) -> Canvas {
    let arrows = || ladders.iter().flat_map(|l| &l.arrows);
    let remarks = || ladders.iter().flat_map(|l| &l.remarks);
    let twice = |c: char| format!("{c}{c}{c}");
    let mut entries: Vec<String> = Vec::new();
    let mut add = |used: bool, sign: String, meaning: &str| {
        if used {
            entries.push(format!("{sign} {meaning}"));
        }
    };
    add(arrows().any(|a| a.line == Line::Solid), twice(glyphs.solid), "sent");
    let dashed: String = (0..3).map(|x| glyphs.line(Line::Dashed, x)).collect();
    add(arrows().any(|a| a.line == Line::Dashed), dashed, "sent again");
    add(arrows().any(|a| a.line == Line::Ghost), twice(glyphs.dotted), "did not happen");
    let lost = arrows().any(|a| matches!(a.end, Ending::Lost(_)));
    let dropped = arrows().any(|a| matches!(a.end, Ending::Dropped(_)));
    let fate = match (lost, dropped) {
        (true, true) => "lost, or thrown away",
        (true, false) => "lost",
        _ => "thrown away",
    };
    add(lost || dropped, glyphs.cross.into(), fate);
    add(arrows().any(|a| a.end == Ending::Unknown), "?".into(), "fate unknown");
    add(remarks().any(|r| r.voice == Voice::Application), glyphs.dot.into(), "the application");
    add(remarks().any(|r| r.voice == Voice::Engine), glyphs.ring.into(), "the TCP");
    add(remarks().any(|r| r.voice == Voice::Judge), glyphs.differs.into(), "differs");
    let broken = ladders.iter().flat_map(|l| &l.rows).any(|r| matches!(r.gap, Gap::Break(_)));
    add(broken, glyphs.gap.into(), "time passes");
    let estimated = ladders.iter().flat_map(|l| &l.heads).any(|h| h.view == View::Estimated);
    add(estimated, format!("{} ~", glyphs.estimated), "estimated");
    let mut canvas = Canvas::new(width);
    let mut lines: Vec<String> = vec![String::new()];
    for entry in entries {
        let line = lines.last_mut().expect("there is always a line");
        let separator = if line.is_empty() { "" } else { "   " };
        if canvas::width(line) + separator.len() + canvas::width(&entry) > width {
            lines.push(entry);
        } else {
            line.push_str(separator);
            line.push_str(&entry);
        }
    }
    if arrows().any(|a| a.label.number.is_some()) {
        lines.extend(canvas::wrap("seq and ack count from each side's SYN; win is in bytes, scaled", width));
    }
    for line in lines {
        let y = canvas.add_line();
        canvas.text(0, y, &glyphs.translate(&line), Style::Dim);
    }
    canvas
}
