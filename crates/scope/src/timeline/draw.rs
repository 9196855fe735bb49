//! A state timeline as a drawing.

use super::names::{Names, ROW};
use super::{Timeline, arrows};
use crate::ladder::layout::Ending;
use crate::picture::{Anchor, Drawing, Ink, Path, Svg, Text, font};
use crate::trace::View;
use crate::words;
use std::time::Duration;

const MARGIN: f64 = 20.0;
/// The height of a bar.
pub(super) const BAR: f64 = 24.0;
/// From bar to bar.
const BETWEEN: f64 = 110.0;
/// The least that lies between two moments, and what a long wait is cut to.
const STEP: (f64, f64) = (16.0, 84.0);
/// From title to title of several.
const APART: f64 = 26.0;

/// Draws it, `width` pixels wide.
pub fn draw(timeline: &Timeline, title: &str, width: f64) -> Drawing {
    draw_all(&[(None, timeline)], title, width)
}

/// Draws several, one below the other, each under its caption, and one legend for all.
pub fn draw_all(timelines: &[(Option<&str>, &Timeline)], title: &str, width: f64) -> Drawing {
    let width = width.clamp(640.0, 4000.0);
    let mut svg = Svg::new();
    let room = width - 2.0 * MARGIN;
    let mut y = MARGIN + 18.0;
    if !title.is_empty() {
        svg.text(&Text::new((MARGIN, y), font::ellipsis(title, room, 19.0, true), Ink::Text).bold().size(19.0));
    }
    let mut is_cut = false;
    for (index, (caption, timeline)) in timelines.iter().enumerate() {
        if let Some(caption) = caption {
            y += if index == 0 { 26.0 } else { APART };
            svg.text(&Text::new((MARGIN, y), font::ellipsis(caption, room, 14.0, true), Ink::Text).bold().size(14.0));
        }
        (y, is_cut) = lanes(&mut svg, timeline, y, width, is_cut);
    }
    y = legend(&mut svg, timelines, y + 28.0, width, is_cut);
    Drawing { svg, width, height: y + MARGIN, title: title.to_owned() }
}

/// Both ends of one, below `y`; where it ends, and whether a wait was cut.
fn lanes(svg: &mut Svg, timeline: &Timeline, y: f64, width: f64, is_cut: bool) -> (f64, bool) {
    if timeline.spans.iter().all(Vec::is_empty) {
        let said = "Neither end changed its state, as far as is known.";
        svg.text(&Text::new((MARGIN, y + 22.0), said, Ink::Muted).size(11.0).italic());
        return (y + 28.0, is_cut);
    }
    let edge = width - MARGIN;
    let left = MARGIN + timeline.heads.iter().map(head_width).fold(80.0, f64::max).min(width * 0.25) + 14.0;
    let axis = Axis::of(&timeline.moments, left, edge - 10.0);
    let names = [0, 1].map(|side| Names::of(timeline, side, &axis, edge));
    let above = y + 20.0 + if names[0].rows > 0 { 14.0 + ROW * (names[0].rows - 1) as f64 } else { 0.0 };
    let top = [above, above + BAR + BETWEEN];
    for (side, y) in top.into_iter().enumerate() {
        heading(svg, &timeline.heads[side], (MARGIN, y + BAR / 2.0), left - MARGIN - 8.0);
        svg.group().class("states").attr("data-side", side).done();
        names[side].draw(svg, &axis, y, side == 0);
        svg.end();
        if timeline.spans[side].is_empty() {
            let said = Text::new((left, y + BAR / 2.0 + 4.0), "nothing is known of its states", Ink::Muted);
            svg.text(&said.size(11.0).italic());
        }
    }
    let below = ROW * names[1].rows as f64;
    let bottom = top[1] + BAR + 26.0 + below;
    times(svg, timeline, &axis, bottom, top);
    arrows::draw(svg, timeline, &axis, top, edge);
    (bottom + 18.0, is_cut || !axis.cuts.is_empty())
}

fn head_width((name, endpoint, _): &(String, String, View)) -> f64 {
    let first = if endpoint.contains(name.as_str()) { endpoint } else { name };
    font::width(first, 13.0, true).max(font::width(endpoint, 11.0, false)) + 2.0
}

fn heading(svg: &mut Svg, (name, endpoint, view): &(String, String, View), (x, y): (f64, f64), room: f64) {
    let bare = endpoint.contains(name.as_str());
    let first = if bare { endpoint } else { name };
    svg.text(&Text::new((x, y - 1.0), font::ellipsis(first, room, 13.0, true), Ink::Text).bold().size(13.0));
    let second = match view {
        View::Estimated => "estimated",
        _ if bare => "",
        _ => endpoint,
    };
    svg.text(&Text::new((x, y + 14.0), font::ellipsis(second, room, 11.0, false), Ink::Muted).size(11.0));
}

/// Where moments stand: in proportion where that leaves room, long waits cut short.
pub(super) struct Axis {
    places: Vec<(Duration, f64)>,
    pub(super) cuts: Vec<(f64, Duration)>,
}

impl Axis {
    fn of(moments: &[Duration], left: f64, right: f64) -> Axis {
        let mut gaps: Vec<Duration> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps.sort_unstable();
        let usual = gaps.get(gaps.len() / 2).copied().unwrap_or_default().as_secs_f64().max(1e-9);
        let wide = |gap: Duration| (gap.as_secs_f64() / usual * 40.0).clamp(STEP.0, STEP.1);
        let total: f64 = moments.windows(2).map(|pair| wide(pair[1] - pair[0])).sum();
        // The last state goes on for a little.
        let scale = (right - left - 30.0) / total.max(1.0);
        let (mut x, mut places, mut cuts) = (left, Vec::new(), Vec::new());
        for (index, moment) in moments.iter().enumerate() {
            if let Some(before) = index.checked_sub(1).map(|before| moments[before]) {
                let gap = *moment - before;
                let step = wide(gap) * scale;
                if gap.as_secs_f64() / usual * 40.0 > STEP.1 * 1.5 {
                    cuts.push((x + step / 2.0, gap));
                }
                x += step;
            }
            places.push((*moment, x));
        }
        Axis { places, cuts }
    }

    pub(super) fn x(&self, at: Duration) -> f64 {
        let index = self.places.partition_point(|(moment, _)| *moment < at);
        self.places.get(index).or(self.places.last()).map_or(0.0, |(_, x)| *x)
    }
}

/// The line of time at `y`, with its cuts, which go through the bars as well.
fn times(svg: &mut Svg, timeline: &Timeline, axis: &Axis, y: f64, top: [f64; 2]) {
    let Some((&(_, left), &(_, right))) = axis.places.first().zip(axis.places.last()) else { return };
    svg.line((left, y), (right + 24.0, y)).stroke(Ink::Rule, 1.0).done();
    let (unit, one, digits) = unit(&timeline.moments);
    svg.text(&Text::new((left - 12.0, y + 4.0), unit, Ink::Muted).size(10.0).anchor(Anchor::End).italic());
    let mut free = f64::NEG_INFINITY;
    for &at in &timeline.moments {
        let x = axis.x(at);
        svg.line((x, y), (x, y + 4.0)).stroke(Ink::Rule, 1.0).done();
        let text = format!("{:.digits$}", at.as_secs_f64() * one);
        let half = font::width(&text, 10.0, false) / 2.0;
        if x - half > free + 6.0 {
            svg.text(&Text::new((x, y + 16.0), text, Ink::Muted).size(10.0).anchor(Anchor::Middle));
            free = x + half;
        }
    }
    let mut free = f64::NEG_INFINITY;
    for (x, gap) in &axis.cuts {
        for (line, half) in top.map(|top| (top + BAR / 2.0, BAR / 2.0 + 2.0)).into_iter().chain([(y, 5.0)]) {
            let hole = Path::from((x - 4.0, line + half))
                .to((*x, line - half))
                .to((x + 4.0, line - half))
                .to((*x, line + half));
            svg.path(&hole.close()).fill(Ink::Paper).done();
        }
        // Where cuts are near each other, not each has room for its words; the times tell.
        let text = Text::new((*x, y - 6.0), format!("⋯ {}", words::duration(*gap)), Ink::Muted);
        let text = text.size(10.0).anchor(Anchor::Middle).italic();
        if x - text.width() / 2.0 > free + 6.0 {
            free = x + text.width() / 2.0;
            svg.text(&text);
        }
    }
}

/// In which unit moments are told, how many of it make a second, and with how many digits: as many as set them apart.
pub(super) fn unit(moments: &[Duration]) -> (&'static str, f64, usize) {
    let (unit, one, digits) = match moments.last().copied().unwrap_or_default().as_nanos() {
        0..1_000_000 => ("time, µs", 1e6, [0, 1, 3]),
        1_000_000..1_000_000_000 => ("time, ms", 1e3, [1, 3, 6]),
        _ => ("time, s", 1.0, [3, 6, 9]),
    };
    let text = |at: &Duration, digits: usize| format!("{:.digits$}", at.as_secs_f64() * one);
    let apart = |digits: &usize| {
        moments.windows(2).all(|pair| pair[0] == pair[1] || text(&pair[0], *digits) != text(&pair[1], *digits))
    };
    let count = digits.into_iter().find(apart).unwrap_or(digits[2]);
    // Tenths are for who needs them.
    let is_whole = count == 1 && moments.iter().all(|at| text(at, 1).ends_with(".0"));
    (unit, one, if is_whole { 0 } else { count })
}

/// What the bars mean, and whatever else occurs.
fn legend(svg: &mut Svg, timelines: &[(Option<&str>, &Timeline)], mut y: f64, width: f64, is_cut: bool) -> f64 {
    let mut x = MARGIN;
    let told = |told: bool| timelines.iter().flat_map(|(_, t)| t.spans.iter().flatten()).any(|span| span.told == told);
    for (told, meaning) in
        [(true, "as the TCP told"), (false, "as the packets imply")].into_iter().filter(|(t, _)| told(*t))
    {
        if told {
            svg.rect((x, y - 9.0), (26.0, 11.0)).fill(Ink::Open).done();
        } else {
            svg.rect((x, y - 9.0), (26.0, 11.0)).class(format!("{} wash", Ink::Open.fill())).done();
            let class = format!("{} guess", Ink::Open.stroke());
            svg.rect((x, y - 9.0), (26.0, 11.0)).attr("fill", "none").class(class).done();
        }
        svg.text(&Text::new((x + 32.0, y), meaning, Ink::Muted).size(11.0));
        x += 32.0 + font::width(meaning, 11.0, false) + 22.0;
    }
    let said = meaning(timelines, is_cut);
    let edge = width - MARGIN;
    if x > MARGIN && x + font::width(&said, 11.0, false) > edge {
        (x, y) = (MARGIN, y + 17.0);
    }
    for (n, line) in font::wrap(&said, edge - x, 11.0, false).into_iter().enumerate() {
        y += if n > 0 { 15.0 } else { 0.0 };
        svg.text(&Text::new((x, y), line, Ink::Muted).size(11.0).italic());
    }
    y
}

/// What is between the bars, in words; of signs only those that occur.
fn meaning(timelines: &[(Option<&str>, &Timeline)], is_cut: bool) -> String {
    let causes = || timelines.iter().flat_map(|(_, timeline)| &timeline.causes);
    let mut said = String::new();
    if causes().next().is_some() {
        said.push_str("Between the bars: segments that changed a state");
        said.push_str(if causes().any(|cause| cause.again && cause.name.starts_with("SYN")) {
            ", and SYNs sent again."
        } else {
            "."
        });
    }
    let mut add = |occurs: bool, meaning: &str| {
        if occurs {
            said.push_str(if said.is_empty() { "" } else { " " });
            said.push_str(meaning);
        }
    };
    add(causes().any(|cause| matches!(cause.end, Ending::Lost(_))), "✕ on the way: lost.");
    add(causes().any(|cause| matches!(cause.end, Ending::Dropped(_))), "✕ at the end: thrown away there.");
    add(causes().any(|cause| cause.end == Ending::Unknown), "?: nothing tells whether it arrived.");
    add(is_cut, "Long waits are cut short.");
    said
}
