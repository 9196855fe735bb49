//! The segments between the bars of a state timeline, each with its number and name on its own line.

use super::draw::{Axis, BAR};
use super::{Cause, Timeline};
use crate::ladder::layout::{Ending, Side};
use crate::picture::geometry::{Point, Quad};
use crate::picture::{Anchor, Ink, Mark, Path, Svg, Text};

const SIZE: f64 = 10.0;
/// How far along its line a name may stand, the best place first.
const PLACES: [f64; 9] = [0.5, 0.36, 0.64, 0.28, 0.72, 0.2, 0.8, 0.44, 0.56];
/// How far along the way a loss is drawn.
const LOST_AT: f64 = 0.6;
/// From name to name.
const APART: f64 = 4.0;
/// Half the size of the sign of a loss.
const SIGN: f64 = 4.0;

/// A segment's line.
struct Stroke<'t> {
    cause: &'t Cause,
    from: Point,
    to: Point,
}

impl Stroke<'_> {
    fn at(&self, part: f64) -> Point {
        (self.from.0 + (self.to.0 - self.from.0) * part, self.from.1 + (self.to.1 - self.from.1) * part)
    }

    fn direction(&self) -> Point {
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let length = dx.hypot(dy).max(1.0);
        (dx / length, dy / length)
    }

    /// Where its fate is said to be unknown: a little beyond its end.
    fn question(&self) -> Point {
        let (dx, dy) = self.direction();
        (self.to.0 + 9.0 * dx, self.to.1 + 9.0 * dy)
    }

    /// Where it is marked as lost, or as thrown away at its end.
    fn cross(&self) -> Option<Point> {
        let (dx, dy) = self.direction();
        match self.cause.end {
            Ending::Lost(_) => Some(self.to),
            Ending::Dropped(_) => Some((self.to.0 - 15.0 * dx, self.to.1 - 15.0 * dy)),
            Ending::Arrives | Ending::Unknown => None,
        }
    }

    /// What stands at its end and must be seen.
    fn sign(&self) -> Option<Quad> {
        let end = if self.cause.end == Ending::Unknown { Some(self.question()) } else { self.cross() };
        end.map(|(x, y)| Quad::upright(x - SIGN, y - SIGN, 2.0 * SIGN, 2.0 * SIGN))
    }
}

/// Draws them between the bars whose upper edges are at `top`.
pub(super) fn draw(svg: &mut Svg, timeline: &Timeline, axis: &Axis, top: [f64; 2], edge: f64) {
    let (upper, lower) = (top[0] + BAR + 2.0, top[1] - 2.0);
    let strokes: Vec<Stroke<'_>> = (timeline.causes.iter())
        .map(|cause| {
            let (y0, y1) = if cause.from == Side::Left { (upper, lower) } else { (lower, upper) };
            let (x0, x1) = (axis.x(cause.span.0), axis.x(cause.span.1));
            let part = if matches!(cause.end, Ending::Arrives | Ending::Dropped(_)) { 1.0 } else { LOST_AT };
            Stroke { cause, from: (x0, y0), to: (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part) }
        })
        .collect();
    for stroke in &strokes {
        group(svg, stroke.cause);
        line(svg, stroke);
        svg.end();
    }
    let signs: Vec<Quad> = strokes.iter().filter_map(Stroke::sign).collect();
    let mut taken: Vec<Quad> = Vec::new();
    for (index, stroke) in strokes.iter().enumerate() {
        let Some(text) = name(stroke, index, &strokes, (&signs, &taken), edge) else { continue };
        taken.push(text.quad());
        group(svg, stroke.cause);
        svg.backdrop(&text);
        svg.text(&text);
        svg.end();
    }
}

fn group(svg: &mut Svg, cause: &Cause) {
    svg.group().class("segment").attr("data-segment", cause.number).done();
    svg.title(&format!("{} {}", cause.number, cause.name));
}

fn line(svg: &mut Svg, stroke: &Stroke<'_>) {
    let (ink, end) = (Ink::from(stroke.cause.tone), stroke.to);
    svg.mark(Mark::Stroke(stroke.from, end));
    svg.line(stroke.from, end).stroke(ink, 1.3).done();
    let (dx, dy) = stroke.direction();
    if matches!(stroke.cause.end, Ending::Arrives | Ending::Dropped(_)) {
        let corner = |side: f64| (end.0 - 8.0 * dx - side * 3.3 * dy, end.1 - 8.0 * dy + side * 3.3 * dx);
        svg.path(&Path::from(corner(1.0)).to(end).to(corner(-1.0)).close()).fill(ink).done();
    }
    if let Some((x, y)) = stroke.cross() {
        let cross = Path::from((x - SIGN, y - SIGN)).to((x + SIGN, y + SIGN));
        let cross = cross.jump((x - SIGN, y + SIGN)).to((x + SIGN, y - SIGN));
        svg.path(&cross).stroke(Ink::Trouble, 2.0).done();
        svg.mark(Mark::Sign(Quad::upright(x - SIGN, y - SIGN, 2.0 * SIGN, 2.0 * SIGN)));
    }
    if stroke.cause.end == Ending::Unknown {
        let (x, y) = stroke.question();
        svg.text(&Text::new((x, y + 4.5), "?", Ink::Muted).bold().size(12.0).anchor(Anchor::Middle));
    }
}

/// Its number and name at the best place that is free, or its number alone; none if there is no place at all.
fn name<'t>(
    stroke: &Stroke<'t>,
    index: usize,
    strokes: &[Stroke<'_>],
    (signs, taken): (&[Quad], &[Quad]),
    edge: f64,
) -> Option<Text<'t>> {
    let whole = format!("{} {}", stroke.cause.number, stroke.cause.name);
    let number = stroke.cause.number.to_string();
    let others = || strokes.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, other)| other);
    // Of two that take the same way one is seen.
    let crosses = |quad: &Quad| {
        let crossing = |other: &Stroke<'_>| (other.from, other.to) != (stroke.from, stroke.to);
        others().filter(|other| crossing(other)).any(|other| quad.is_crossed(other.from, other.to))
    };
    for (words, may_cross) in [(&whole, false), (&number, false), (&whole, true)] {
        for part in PLACES {
            let (x, y) = stroke.at(part);
            let text = Text::new((x, y + 3.5), words.clone(), Ink::from(stroke.cause.tone));
            let text = text.size(SIZE).anchor(Anchor::Middle);
            let quad = text.quad();
            let (left, right) = quad.horizontal();
            let (top, bottom) = quad.vertical();
            let wide = Quad::upright(left - APART, top, right - left + 2.0 * APART, bottom - top);
            let is_free = left >= 2.0
                && right <= edge
                && taken.iter().all(|other| wide.overlap(other) <= 0.0)
                && signs.iter().all(|sign| quad.overlap(sign) <= 0.0)
                && (may_cross || !crosses(&quad));
            if is_free {
                return Some(text);
            }
        }
    }
    None
}
