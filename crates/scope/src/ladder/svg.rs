//! Ladders as SVG: two lifelines with their states, sloped arrows with their words, timers, and what hosts said beside.
//!
//! `fit` says what words each arrow has, `place` where everything stands, `apart` that no words overlap, `paint` draws it with `time` and `lanes` beside it, and
//! `legend` explains what was drawn. Each arrow is a group with the segment's number in `data-segment`.

mod apart;
mod fit;
mod lanes;
mod legend;
mod margin;
mod measure;
mod numbers;
mod paint;
mod place;
mod strokes;
mod time;
mod words;

#[cfg(test)]
mod tests;

use super::layout::Ladder;
use crate::picture::{Drawing, Ink, Svg, Text, font};
use crate::verdict::Group;
use std::collections::HashMap;

/// Around everything, in pixels.
const MARGIN: f64 = 20.0;
/// The narrowest and widest that a ladder is drawn, in pixels.
pub const WIDTHS: std::ops::RangeInclusive<f64> = 640.0..=4000.0;

/// How time runs down a ladder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Spacing {
    /// In proportion, so that slopes show how long packets are under way; long waits are broken, and what leaves at once
    /// is set apart as far as its words need.
    #[default]
    True,
    /// As many pixels from each moment to the next.
    Even,
}

/// How to draw.
#[derive(Clone, PartialEq, Debug)]
pub struct SvgOptions {
    /// In pixels: kept within [`WIDTHS`].
    pub width: f64,
    /// How time runs.
    pub spacing: Spacing,
    /// What stands at the top; nothing if empty.
    pub title: String,
    /// Below it.
    pub subtitle: String,
    /// Whether a legend stands at the bottom.
    pub legend: bool,
    /// What the legend says of where each of the segments that were folded is to be seen; nothing if empty.
    pub unfold: &'static str,
    /// A line about each packet, by its number, as tcpdump prints it: shown when the pointer rests on it.
    pub lines: HashMap<u64, String>,
}

impl Default for SvgOptions {
    fn default() -> SvgOptions {
        SvgOptions {
            width: 1100.0,
            spacing: Spacing::True,
            title: String::new(),
            subtitle: String::new(),
            legend: true,
            unfold: "",
            lines: HashMap::new(),
        }
    }
}

/// Draws ladders one below the other, each with what `groups` say of its pair (by position; there may be fewer), and a legend.
pub fn draw(ladders: &[Ladder], groups: &[Group], options: &SvgOptions) -> Drawing {
    let width = options.width.clamp(*WIDTHS.start(), *WIDTHS.end());
    let mut svg = Svg::new();
    let mut y = heading(&mut svg, options, width);
    for (index, ladder) in ladders.iter().enumerate() {
        svg.group().class("ladder").attr("data-ladder", index).done();
        y = paint::ladder(&mut svg, ladder, options, width, y);
        if let Some(group) = groups.get(ladder.pair) {
            y = words::verdicts(&mut svg, group, width, y + 10.0);
        }
        svg.end();
        y += 26.0;
    }
    if options.legend && !ladders.is_empty() {
        y = legend::draw(&mut svg, ladders, groups, options, width, y);
    }
    let title = if options.title.is_empty() { "Ladder".into() } else { options.title.clone() };
    Drawing { svg, width, height: y + MARGIN - 6.0, title }
}

/// Title and subtitle; answers where they end.
fn heading(svg: &mut Svg, options: &SvgOptions, width: f64) -> f64 {
    let mut y = MARGIN;
    for line in font::wrap(&options.title, width - 2.0 * MARGIN, 19.0, true).iter().filter(|line| !line.is_empty()) {
        y += 18.0;
        svg.text(&Text::new((MARGIN, y), line.as_str(), Ink::Text).bold().size(19.0));
        y += 6.0;
    }
    for line in font::wrap(&options.subtitle, width - 2.0 * MARGIN, 13.0, false).iter().filter(|l| !l.is_empty()) {
        y += 15.0;
        svg.text(&Text::new((MARGIN, y), line.as_str(), Ink::Muted).size(13.0));
        y += 3.0;
    }
    y + if y > MARGIN { 10.0 } else { 0.0 }
}
