//! A state timeline as a drawing.

use super::{Cause, Span, Timeline};
use crate::ladder::layout::Side;
use crate::picture::{Anchor, Drawing, Ink, Path, Svg, Text, font};
use crate::trace::View;
use crate::words;
use limpid_event::TcpState;
use std::time::Duration;

const MARGIN: f64 = 20.0;
/// The height of a bar.
const BAR: f64 = 24.0;
/// From bar to bar.
const BETWEEN: f64 = 110.0;
/// The least that lies between two moments, and what a long wait is cut to.
const STEP: (f64, f64) = (16.0, 84.0);

/// Draws it, `width` pixels wide.
pub fn draw(timeline: &Timeline, title: &str, width: f64) -> Drawing {
    let width = width.clamp(640.0, 4000.0);
    let mut svg = Svg::new();
    let name = font::ellipsis(title, width - 2.0 * MARGIN, 19.0, true);
    svg.text(&Text::new((MARGIN, MARGIN + 18.0), name, Ink::Text).bold().size(19.0));
    let left = MARGIN + timeline.heads.iter().map(head_width).fold(80.0, f64::max).min(width * 0.25) + 14.0;
    let axis = Axis::of(&timeline.moments, left, width - MARGIN - 10.0);
    let top = [MARGIN + 66.0, MARGIN + 66.0 + BAR + BETWEEN];
    for (side, y) in top.into_iter().enumerate() {
        heading(&mut svg, &timeline.heads[side], (MARGIN, y + BAR / 2.0), left - MARGIN - 8.0);
        svg.group().class("states").attr("data-side", side).done();
        let mut free = f64::NEG_INFINITY;
        let edge = width - MARGIN;
        for (index, span) in timeline.spans[side].iter().enumerate() {
            let goes_on = index + 1 == timeline.spans[side].len();
            state(&mut svg, span, &axis, Place { y, above: side == 0, goes_on, edge }, &mut free);
        }
        svg.end();
    }
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for cause in &timeline.causes {
        arrow(&mut svg, cause, &axis, top, &mut taken);
    }
    let bottom = top[1] + BAR + 26.0;
    times(&mut svg, timeline, &axis, bottom, top[0]);
    let y = legend(&mut svg, timeline, bottom + 44.0);
    Drawing { svg, width, height: y + MARGIN, title: title.to_owned() }
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
struct Axis {
    places: Vec<(Duration, f64)>,
    cuts: Vec<(f64, Duration)>,
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

    fn x(&self, at: Duration) -> f64 {
        let index = self.places.partition_point(|(moment, _)| *moment < at);
        self.places.get(index).or(self.places.last()).map_or(0.0, |(_, x)| *x)
    }
}

/// Where a state's bar is.
struct Place {
    y: f64,
    /// It is the upper one.
    above: bool,
    /// It is the last state, which goes on beyond the end.
    goes_on: bool,
    /// Nothing stands further to the right.
    edge: f64,
}

fn state(svg: &mut Svg, span: &Span, axis: &Axis, place: Place, free: &mut f64) {
    let Place { y, above, goes_on, edge } = place;
    let (from, to) = (axis.x(span.from), axis.x(span.to) + if goes_on { 24.0 } else { 0.0 });
    let ink = Ink::from(span.state);
    if span.state == TcpState::Closed {
        let (middle, class) = (y + BAR / 2.0, format!("{} guess", Ink::Rule.stroke()));
        svg.line((from, middle), (to, middle)).class(class).num("stroke-width", 1.2).done();
    } else if to - from > 0.5 {
        let fill = if span.told { ink.fill().to_owned() } else { format!("{} wash", ink.fill()) };
        svg.rect((from, y), (to - from - 1.0, BAR)).num("rx", 2.0).class(fill).done();
        if !span.told {
            let class = format!("{} guess", ink.stroke());
            svg.rect((from, y), (to - from - 1.0, BAR)).num("rx", 2.0).attr("fill", "none").class(class).done();
        }
    }
    let name = span.state.name();
    let wide = font::width(name, 10.5, true);
    if wide + 10.0 <= to - from && span.state != TcpState::Closed {
        let ink = if span.told { Ink::Paper } else { ink };
        svg.text(&Text::new((from + 6.0, y + BAR / 2.0 + 4.0), name, ink).bold().size(10.5));
        return;
    }
    // What does not fit stands outside, as far to the right as others let it.
    let x = from.min(edge - wide).max(*free + 8.0);
    let (base, near) = if above { (y - 16.0, y - 1.0) } else { (y + BAR + 20.0, y + BAR + 1.0) };
    let lead = Path::from((from + 2.0, near)).to((x + 2.0, if above { base + 4.0 } else { base - 9.0 }));
    svg.path(&lead).class(format!("{} faint", Ink::Muted.stroke())).num("stroke-width", 0.8).done();
    let ink = if span.state == TcpState::Closed { Ink::Muted } else { ink };
    svg.text(&Text::new((x, base), name, ink).bold().size(10.5));
    *free = x + wide;
}

/// A segment between the bars, with its number and name where there is room.
fn arrow(svg: &mut Svg, cause: &Cause, axis: &Axis, top: [f64; 2], taken: &mut Vec<(f64, f64)>) {
    let (upper, lower) = (top[0] + BAR + 2.0, top[1] - 2.0);
    let (y0, y1) = if cause.from == Side::Left { (upper, lower) } else { (lower, upper) };
    let (x0, x1) = (axis.x(cause.span.0), axis.x(cause.span.1));
    let part = if cause.arrives { 1.0 } else { 0.6 };
    let end = (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part);
    let ink = Ink::from(cause.tone);
    svg.group().class("segment").attr("data-segment", cause.number).done();
    svg.title(&format!("{} {}", cause.number, cause.name));
    svg.line((x0, y0), end).stroke(ink, 1.3).done();
    let (dx, dy) = (end.0 - x0, end.1 - y0);
    let length = dx.hypot(dy).max(1.0);
    let (dx, dy) = (dx / length, dy / length);
    let corner = |side: f64| (end.0 - 8.0 * dx - side * 3.3 * dy, end.1 - 8.0 * dy + side * 3.3 * dx);
    if cause.arrives {
        svg.path(&Path::from(corner(1.0)).to(end).to(corner(-1.0)).close()).fill(ink).done();
    } else if cause.unknown {
        svg.text(&Text::new((end.0, end.1 + 4.0), "?", Ink::Muted).bold().size(12.0).anchor(Anchor::Middle));
    } else {
        let cross = Path::from((end.0 - 4.0, end.1 - 4.0)).to((end.0 + 4.0, end.1 + 4.0));
        let cross = cross.jump((end.0 - 4.0, end.1 + 4.0)).to((end.0 + 4.0, end.1 - 4.0));
        svg.path(&cross).stroke(Ink::Trouble, 2.0).done();
    }
    let label = format!("{} {}", cause.number, cause.name);
    let wide = font::width(&label, 10.0, false);
    let x = (x0 + end.0) / 2.0 - wide / 2.0;
    let middle = (upper + lower) / 2.0;
    // Three lines of names, whichever is free.
    for y in [middle + 3.5, middle - 16.0, middle + 23.0] {
        let free = taken.iter().all(|&(right, line)| line != y || right + 6.0 < x);
        if free {
            taken.push((x + wide, y));
            let text = Text::new((x, y), label, ink).size(10.0);
            svg.backdrop(&text);
            svg.text(&text);
            break;
        }
    }
    svg.end();
}

fn times(svg: &mut Svg, timeline: &Timeline, axis: &Axis, y: f64, top: f64) {
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
    for (x, gap) in &axis.cuts {
        for line in [top + BAR / 2.0, top + BAR * 1.5 + BETWEEN, y] {
            let (x, half) = (*x, if line == y { 5.0 } else { BAR / 2.0 + 2.0 });
            let hole =
                Path::from((x - 4.0, line + half)).to((x, line - half)).to((x + 4.0, line - half)).to((x, line + half));
            svg.path(&hole.close()).fill(Ink::Paper).done();
        }
        let text = Text::new((*x, y - 6.0), format!("⋯ {}", words::duration(*gap)), Ink::Muted);
        svg.text(&text.size(10.0).anchor(Anchor::Middle).italic());
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

fn legend(svg: &mut Svg, timeline: &Timeline, y: f64) -> f64 {
    let mut x = MARGIN;
    let told = |told: bool| timeline.spans.iter().flatten().any(|span| span.told == told);
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
    svg.text(
        &Text::new(
            (x, y),
            "the segments between are those that changed a state, and SYNs sent again; long waits are cut",
            Ink::Muted,
        )
        .size(11.0)
        .italic(),
    );
    y
}
