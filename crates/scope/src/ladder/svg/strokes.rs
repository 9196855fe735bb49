//! The strokes of arrows: lines, heads, crosses.

use super::place::Path as Place;
use crate::ladder::layout::*;
use crate::picture::geometry::{Point, Quad};
use crate::picture::{Ink, Mark, Path, Svg};

/// How long the drawn end of a cut arrow is.
const STUB: f64 = 64.0;
/// How far on its way the beginning of a cut arrow is drawn.
const CUT_AT: f64 = 0.72;
/// How far before the lifeline the sign of what is thrown away there stands.
const THROWN_AT: f64 = 17.0;

/// Draws an arrow without its words.
pub(super) fn arrow(svg: &mut Svg, arrow: &Arrow, place: &Place) {
    let ink = Ink::from(arrow.tone);
    if place.is_cut {
        return cut(svg, arrow, place, ink);
    }
    let (from, end) = (place.from, place.end);
    let lost = matches!(arrow.end, Ending::Lost(_));
    let tip = if lost || arrow.end == Ending::Unknown { end } else { towards(end, from, head_length(arrow)) };
    line(svg, arrow, ink, from, tip);
    if arrow.origin.is_some() {
        let (x, y) = from;
        let diamond = Path::from((x, y - 4.5)).to((x + 4.5, y)).to((x, y + 4.5)).to((x - 4.5, y)).close();
        svg.path(&diamond).fill(ink).done();
    }
    match arrow.end {
        Ending::Lost(_) => {}
        Ending::Unknown => {
            // It goes on where nobody saw.
            let beyond = towards(end, from, 1.0);
            svg.circle(beyond, 2.6).class(format_args!("{} {}", Ink::Paper.fill(), ink.stroke())).done();
        }
        Ending::Arrives | Ending::Dropped(_) => head(svg, arrow, ink, from, end),
    }
}

/// Only the beginning and the end of what is under way for long.
fn cut(svg: &mut Svg, arrow: &Arrow, place: &Place, ink: Ink) {
    let (from, end) = (place.from, place.end);
    let way = if end.0 > from.0 { 1.0 } else { -1.0 };
    let length = (end.0 - from.0).abs() * CUT_AT;
    let leaves = (from.0 + way * length, from.1);
    line(svg, arrow, ink, from, leaves);
    dots(svg, ink, leaves, way);
    if matches!(arrow.end, Ending::Arrives | Ending::Dropped(_)) {
        let comes = (end.0 - way * STUB, end.1);
        line(svg, arrow, ink, comes, (end.0 - way * head_length(arrow), end.1));
        dots(svg, ink, (comes.0 - way * 16.0, comes.1), way);
        head(svg, arrow, ink, comes, end);
    }
}

/// Where the sign stands that an arrow's packet was lost, or thrown away.
pub(super) fn loss(arrow: &Arrow, place: &Place) -> Option<Point> {
    let (from, end) = (place.from, place.end);
    let way = if end.0 > from.0 { 1.0 } else { -1.0 };
    match (&arrow.end, place.is_cut) {
        (Ending::Lost(_), false) => Some(end),
        (Ending::Lost(_), true) => Some((from.0 + (end.0 - from.0) * CUT_AT + way * 22.0, from.1)),
        (Ending::Dropped(_), false) => Some(towards(end, from, THROWN_AT)),
        (Ending::Dropped(_), true) => Some((end.0 - way * THROWN_AT, end.1)),
        (Ending::Arrives | Ending::Unknown, _) => None,
    }
}

fn dots(svg: &mut Svg, ink: Ink, at: Point, way: f64) {
    for n in 1..=3 {
        svg.circle((at.0 + way * 5.0 * f64::from(n), at.1), 1.1).fill(ink).done();
    }
}

/// The classes of an arrow's line, and its width.
pub(super) fn line_style(line: Line, tone: Tone) -> (&'static str, f64) {
    match (line, tone) {
        (Line::Ghost, _) => (" ghost", 1.5),
        (Line::Dashed, _) => (" again", 1.6),
        (Line::Solid, Tone::Probe) => (" probe", 1.5),
        (Line::Solid, Tone::Ack) => ("", 1.1),
        (Line::Solid, _) => ("", 1.6),
    }
}

fn line(svg: &mut Svg, arrow: &Arrow, ink: Ink, from: Point, to: Point) {
    let (class, width) = line_style(arrow.line, arrow.tone);
    svg.line(from, to).class(format_args!("{}{class}", ink.stroke())).num("stroke-width", width).done();
    svg.mark(Mark::Stroke(from, to));
}

fn head_length(arrow: &Arrow) -> f64 {
    if arrow.tone == Tone::Ack && arrow.line == Line::Solid { 1.0 } else { 8.0 }
}

/// The head at the end of the line between two points: full; open for a bare acknowledgement; hollow for a ghost.
pub(super) fn head(svg: &mut Svg, arrow: &Arrow, ink: Ink, from: Point, tip: Point) {
    let (dx, dy) = direction(from, tip);
    let corner = |side: f64| (tip.0 - 9.5 * dx - side * 3.9 * dy, tip.1 - 9.5 * dy + side * 3.9 * dx);
    let open = Path::from(corner(1.0)).to(tip).to(corner(-1.0));
    match (arrow.line, arrow.tone) {
        (Line::Ghost, _) => {
            let classes = format!("{} {}", Ink::Paper.fill(), ink.stroke());
            svg.path(&open.close()).class(classes).num("stroke-width", 1.2).done();
        }
        (_, Tone::Ack) => svg.path(&open).stroke(ink, 1.2).done(),
        _ => svg.path(&open.close()).fill(ink).done(),
    }
}

/// Something was lost there.
pub(super) fn cross(svg: &mut Svg, (x, y): Point) {
    const R: f64 = 5.0;
    svg.mark(Mark::Sign(Quad::upright(x - R, y - R, 2.0 * R, 2.0 * R)));
    let cross = Path::from((x - R, y - R)).to((x + R, y + R)).jump((x - R, y + R)).to((x + R, y - R));
    svg.path(&cross).stroke(Ink::Paper, 6.0).done();
    svg.path(&cross).stroke(Ink::Trouble, 2.3).done();
}

fn direction(from: Point, to: Point) -> Point {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
    (dx / length, dy / length)
}

/// `by` pixels from `point` towards `other`.
pub(super) fn towards(point: Point, other: Point, by: f64) -> Point {
    let (dx, dy) = direction(point, other);
    (point.0 + dx * by, point.1 + dy * by)
}
