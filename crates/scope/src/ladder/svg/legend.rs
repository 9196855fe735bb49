//! What the signs of ladders mean: only those that occur.

use super::paint::{sign, state_bar};
use super::strokes::{cross, head, line_style};
use super::words;
use super::{MARGIN, Spacing, SvgOptions};
use crate::ladder::layout::*;
use crate::picture::{Ink, Path, Svg, Text, font};
use crate::trace::View;
use crate::verdict::{Group, Known};

const SIZE: f64 = 11.0;
const LINE: f64 = 19.0;
/// Room for a sign.
const SAMPLE: f64 = 34.0;

/// A sign, drawn with its left end's middle at a point.
type Sample = Box<dyn Fn(&mut Svg, (f64, f64))>;

/// Draws it from `top` down; answers where it ends.
pub(super) fn draw(
    svg: &mut Svg,
    ladders: &[Ladder],
    groups: &[Group],
    options: &SvgOptions,
    width: f64,
    top: f64,
) -> f64 {
    svg.group().class("legend").done();
    svg.line((MARGIN, top), (width - MARGIN, top)).stroke(Ink::Rule, 1.0).done();
    let (mut x, mut y) = (MARGIN, top + LINE);
    for (sample, room, meaning) in entries(ladders, groups) {
        let wide = room + 6.0 + font::width(&meaning, SIZE, false);
        if x > MARGIN && x + wide > width - MARGIN {
            (x, y) = (MARGIN, y + LINE);
        }
        sample(svg, (x, y));
        svg.text(&Text::new((x + room + 6.0, y + 3.8), meaning, Ink::Muted).size(SIZE));
        x += wide + 20.0;
    }
    let mut said = String::from("seq and ack count from each side’s SYN; win is in bytes, scaled. ");
    said.push_str(match options.spacing {
        Spacing::True => "Time runs down in proportion; where words need more room, rows stand further apart.",
        Spacing::Even => "Rows are evenly spaced: times stand at the sides.",
    });
    let is_folded = ladders.iter().flat_map(|ladder| &ladder.remarks).any(|remark| remark.voice == Voice::Fold);
    if is_folded {
        said.push_str(" Grey bands stand for segments that are not drawn");
        if !options.unfold.is_empty() {
            said.push_str(": ");
            said.push_str(options.unfold);
        }
        said.push('.');
    }
    for line in font::wrap(&said, width - 2.0 * MARGIN, SIZE, false) {
        y += LINE - 2.0;
        svg.text(&Text::new((MARGIN, y + 3.8), line, Ink::Muted).size(SIZE).italic());
    }
    svg.end();
    y + 8.0
}

fn entries(ladders: &[Ladder], groups: &[Group]) -> Vec<(Sample, f64, String)> {
    let arrows = || ladders.iter().flat_map(|ladder| &ladder.arrows);
    let mut entries: Vec<(Sample, f64, String)> = Vec::new();
    let tones = [
        (Tone::Opening, "SYN"),
        (Tone::Data, "data"),
        (Tone::Ack, "acknowledgement"),
        (Tone::Closing, "FIN"),
        (Tone::Probe, "probe"),
        (Tone::Trouble, "reset or error"),
    ];
    for (tone, meaning) in tones {
        if arrows().any(|arrow| arrow.tone == tone && arrow.line == Line::Solid) {
            entries.push((stroke(Line::Solid, tone), SAMPLE, meaning.into()));
        }
    }
    let linked = if arrows().any(|arrow| arrow.again.is_some()) { ", tied to its original" } else { "" };
    for (line, tone, meaning) in [
        (Line::Dashed, Tone::Again, format!("sent again{linked}")),
        (Line::Ghost, Tone::Ghost, "did not happen".into()),
    ] {
        if arrows().any(|arrow| arrow.line == line) {
            entries.push((stroke(line, tone), SAMPLE, meaning));
        }
    }
    let lost = arrows().any(|arrow| matches!(arrow.end, Ending::Lost(_)));
    let dropped = arrows().any(|arrow| matches!(arrow.end, Ending::Dropped(_)));
    if lost || dropped {
        let meaning = match (lost, dropped) {
            (true, true) => "lost, or thrown away",
            (true, false) => "lost",
            _ => "thrown away",
        };
        entries.push((Box::new(|svg, (x, y)| cross(svg, (x + 6.0, y))), 12.0, meaning.into()));
    }
    if arrows().any(|arrow| arrow.end == Ending::Unknown) {
        let ring = |svg: &mut Svg, (x, y): (f64, f64)| {
            svg.circle((x + 5.0, y), 2.6).class(format_args!("{} {}", Ink::Paper.fill(), Ink::Muted.stroke())).done();
        };
        entries.push((Box::new(ring), 10.0, "fate unknown".into()));
    }
    beside(ladders, groups, &mut entries);
    entries
}

/// What stands beside the lifelines.
fn beside(ladders: &[Ladder], groups: &[Group], entries: &mut Vec<(Sample, f64, String)>) {
    let states = || ladders.iter().flat_map(|ladder| &ladder.states);
    for (told, meaning) in [(true, "state, as the TCP told"), (false, "state, as the packets imply")] {
        if states().any(|mark| mark.told == told) {
            let bar =
                move |svg: &mut Svg, (x, y): (f64, f64)| state_bar(svg, Ink::Open, told, (x, y - 6.0), (9.0, 12.0));
            entries.push((Box::new(bar), 9.0, meaning.into()));
        }
    }
    if ladders.iter().flat_map(|ladder| &ladder.arrows).any(|arrow| arrow.bundle.is_some()) {
        let sample = |svg: &mut Svg, (x, y): (f64, f64)| {
            let band = Path::from((x, y - 6.0)).to((x + SAMPLE, y - 1.0)).to((x + SAMPLE, y + 6.0)).to((x, y + 1.0));
            svg.path(&band.close()).class(format_args!("{} wash", Ink::Data.fill())).done();
            for (from, to) in [(-6.0, -1.0), (1.0, 6.0)] {
                svg.line((x, y + from), (x + SAMPLE, y + to)).stroke(Ink::Data, 1.3).done();
            }
        };
        entries.push((Box::new(sample), SAMPLE, "several alike: the first and the last".into()));
    }
    if ladders.iter().any(|ladder| !ladder.brackets.is_empty()) {
        let bracket = |svg: &mut Svg, (x, y): (f64, f64)| {
            let path =
                Path::from((x + 7.0, y - 6.0)).to((x + 3.0, y - 6.0)).to((x + 3.0, y + 6.0)).to((x + 7.0, y + 6.0));
            svg.path(&path).stroke(Ink::Timer, 1.3).done();
        };
        entries.push((Box::new(bracket), 8.0, "timer".into()));
    }
    let voices = [(Voice::Application, "the application"), (Voice::Engine, "the TCP"), (Voice::Judge, "differs")];
    for (voice, meaning) in voices {
        if ladders.iter().flat_map(|ladder| &ladder.remarks).any(|remark| remark.voice == voice) {
            let dot = move |svg: &mut Svg, (x, y): (f64, f64)| sign(svg, voice, (x + 4.0, y));
            entries.push((Box::new(dot), 8.0, meaning.into()));
        }
    }
    if ladders.iter().flat_map(|ladder| &ladder.heads).any(|head| head.view == View::Estimated) {
        let line = |svg: &mut Svg, (x, y): (f64, f64)| {
            let class = format!("{} guess", Ink::Muted.stroke());
            svg.line((x + 4.0, y - 7.0), (x + 4.0, y + 7.0)).class(class).num("stroke-width", 1.2).done();
        };
        entries.push((Box::new(line), 8.0, "~ estimated end".into()));
    }
    for (known, meaning) in
        [(Known::Inside, "known from inside"), (Known::Observed, "observed"), (Known::Inferred, "inferred")]
    {
        if groups.iter().flat_map(|group| &group.verdicts).any(|verdict| verdict.known == known) {
            let dot = move |svg: &mut Svg, (x, y): (f64, f64)| words::sign(svg, known, (x + 5.0, y));
            entries.push((Box::new(dot), 10.0, meaning.into()));
        }
    }
}

fn stroke(line: Line, tone: Tone) -> Sample {
    Box::new(move |svg, (x, y)| {
        let arrow = Arrow {
            from: Side::Left,
            origin: None,
            departs: 0,
            arrives: 0,
            end: Ending::Arrives,
            line,
            tone,
            label: Label::default(),
            again: None,
            bundle: None,
        };
        let ink = Ink::from(tone);
        let (class, width) = line_style(line, tone);
        let tip = (x + SAMPLE, y);
        svg.line((x, y), (x + SAMPLE - 7.0, y))
            .class(format_args!("{}{class}", ink.stroke()))
            .num("stroke-width", width)
            .done();
        head(svg, &arrow, ink, (x, y), tip);
    })
}
