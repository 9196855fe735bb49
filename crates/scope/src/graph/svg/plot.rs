//! One panel's curves and marks as paths. Where more come than can be told apart, the lowest and the highest of each part of
//! a column stand for all; what is out of the ordinary always stays.

use super::{number, shapes};
use crate::graph::layout::{Curve, Graph, Mark, Panel, Point, Shape, Sign};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// Curves of more points, and signs that occur more often, are thinned out.
const MOST: usize = 3000;
/// Thinned-out curves and bars have so many parts in a unit of width.
const PARTS: f64 = 2.0;
/// Signs that occur more often are drawn small.
const MANY_SIGNS: usize = 60;

/// How near signs lie on each other.
const CROWDED: f64 = 6.0;

/// Where a figure stands, and the segment that tells it.
type Placed = (f64, f64, Option<u64>);

pub(super) struct Plot<'g> {
    panel: &'g Panel,
    several: bool,
    /// Nanoseconds: begin and length.
    time: (u64, f64),
    /// Left, top, width, height.
    area: (f64, f64, f64, f64),
}

impl<'g> Plot<'g> {
    pub(super) fn new(graph: &Graph, panel: &'g Panel, area: (f64, f64, f64, f64)) -> Plot<'g> {
        let time = (graph.from.as_nanos(), (graph.span().as_nanos() as f64).max(1.0));
        Plot { panel, several: graph.senders.len() > 1, time, area }
    }

    /// Draws it; `clip` names the area that curves stay in.
    pub(super) fn draw(&self, body: &mut String, clip: &str) {
        let _ = write!(body, r#"<g clip-path="url(#{clip})">"#);
        let placed: Vec<Vec<Placed>> = self.panel.curves.iter().map(|curve| self.place(curve)).collect();
        for (curve, placed) in self.panel.curves.iter().zip(&placed) {
            self.line(body, curve, placed);
        }
        body.push_str("</g>");
        for (curve, placed) in self.panel.curves.iter().zip(&placed) {
            self.points(body, curve, placed);
        }
        for (sign, marks) in signs(self.panel) {
            self.marks(body, sign, &marks);
        }
    }

    fn x(&self, at: limpid_event::Instant) -> f64 {
        self.area.0 + at.as_nanos().saturating_sub(self.time.0) as f64 / self.time.1 * self.area.2
    }

    /// Far outside is as good as just outside, and keeps numbers short.
    fn y(&self, value: f64) -> f64 {
        let part = (value / self.panel.axis.top).clamp(-1.0, 8.0);
        self.area.1 + (1.0 - part) * self.area.3
    }

    fn place(&self, curve: &Curve) -> Vec<Placed> {
        let placed: Vec<Placed> =
            thin(&curve.points).map(|point| (self.x(point.at), self.y(point.value), point.segment)).collect();
        if placed.len() > MOST { columns(&placed) } else { placed }
    }

    fn tone(&self, curve: &Curve) -> String {
        if self.several { format!("n{}", curve.sender) } else { shapes::tone(curve.tone).to_owned() }
    }

    /// A curve, but for its dots.
    fn line(&self, body: &mut String, curve: &Curve, placed: &[Placed]) {
        let (Some(first), tone) = (placed.first(), self.tone(curve)) else { return };
        let d = self.steps(placed);
        match curve.shape {
            Shape::Dots => {}
            Shape::Line => drop(write!(body, r#"<path class="curve line {tone}" d="{d}"/>"#)),
            Shape::Limit => drop(write!(body, r#"<path class="curve limit {tone}" d="{d}"/>"#)),
            Shape::Area => {
                let (from, base) = (number(first.0), number(self.area.1 + self.area.3));
                let _ = write!(body, r#"<path class="curve area {tone}" d="M{from} {base}L{}V{base}Z"/>"#, &d[1..]);
            }
        }
    }

    /// Its dots, if it has any.
    fn points(&self, body: &mut String, curve: &Curve, placed: &[Placed]) {
        let acks = curve.name == "acknowledged" && self.panel.title == "sequence numbers";
        match curve.shape {
            _ if placed.is_empty() => {}
            Shape::Dots => self.dots(body, "glyph dots", &self.tone(curve), placed),
            Shape::Line if acks => self.dots(body, "glyph dots small", &self.tone(curve), placed),
            Shape::Line | Shape::Limit | Shape::Area => {}
        }
    }

    /// Each figure holds until the next, and the last one to the end; of several at one moment the last one holds.
    fn steps(&self, placed: &[Placed]) -> String {
        let mut d = String::new();
        let mut last: Option<(f64, f64)> = None;
        let held = placed.chunk_by(|a, b| a.0 == b.0).filter_map(<[Placed]>::last);
        for &(x, y, _) in held {
            match last {
                None => drop(write!(d, "M{} {}", number(x), number(y))),
                // What stays the same is one line.
                Some((_, before)) if before == y => {}
                Some(_) => drop(write!(d, "H{}V{}", number(x), number(y))),
            }
            last = Some((x, y));
        }
        let _ = write!(d, "H{}", number(self.area.0 + self.area.2));
        d
    }

    fn dots(&self, body: &mut String, class: &str, tone: &str, placed: &[Placed]) {
        let known: Vec<&Placed> = placed.iter().collect();
        let d: String = known.iter().map(|(x, y, _)| format!("M{} {}h0", number(*x), number(*y))).collect();
        let numbers: Vec<u64> = known.iter().map(|(.., segment)| segment.unwrap_or(0)).collect();
        let _ = write!(body, r#"<path class="{class} {tone}"{} d="{d}"/>"#, names(&numbers));
    }

    /// A letter beside a place, within the graph: what stands out of it is not seen.
    fn letter(&self, x: f64, y: f64, right: &str) -> String {
        let (left_edge, top, width, _) = self.area;
        let (wide, tall) = shapes::LETTER_SIZE;
        let shape = if x + wide > left_edge + width { shapes::LETTER_LEFT } else { right };
        format!("M{} {}{shape}", number(x), number(if y >= top { y.max(top + tall) } else { y }))
    }

    fn marks(&self, body: &mut String, sign: Sign, marks: &[&Mark]) {
        let placed: Vec<(f64, f64, f64, u64)> =
            (marks.iter()).map(|mark| (self.x(mark.at), self.y(mark.low), self.y(mark.high), mark.segment)).collect();
        if shapes::is_bar(sign) {
            let bars = if placed.len() > MOST { merged(&placed) } else { placed.clone() };
            let bar = |&(x, low, high, _): &(f64, f64, f64, u64)| {
                format!("M{} {}V{}", number(x), number(low), number(high.min(low)))
            };
            let d: String = bars.iter().map(bar).collect();
            let numbers: Vec<u64> = bars.iter().map(|(.., segment)| *segment).collect();
            let class = shapes::sign(sign);
            let _ = write!(body, r#"<path class="bar {class}"{} d="{d}"/>"#, names(&numbers));
        }
        let glyphs = shapes::glyphs(sign);
        if glyphs.is_empty() {
            return;
        }
        let placed = if placed.len() > MOST { apart(&placed) } else { placed };
        let small = shapes::small(sign).filter(|_| placed.len() > MANY_SIGNS || are_crowded(&placed));
        // Of many, one shape each, and a small one, is enough.
        let glyphs = if small.is_some() { &glyphs[..1] } else { glyphs };
        for (n, glyph) in glyphs.iter().enumerate() {
            let shape = small.unwrap_or(glyph.d);
            let is_letter = glyph.class.starts_with("letter");
            let mark = |(x, _, high, _): &(f64, f64, f64, u64)| match is_letter {
                true => self.letter(*x, *high, shape),
                false => format!("M{} {}{shape}", number(*x), number(*high)),
            };
            let d: String = placed.iter().map(mark).collect();
            // Where there is a bar, it carries the numbers.
            let numbers: Vec<u64> = placed.iter().map(|(.., segment)| *segment).collect();
            let names = if n == 0 && !shapes::is_bar(sign) { names(&numbers) } else { String::new() };
            let class = if is_letter { format!("glyph {}", glyph.class) } else { glyph.class.into() };
            let _ = write!(body, r#"<path class="{class}"{names} d="{d}"/>"#);
        }
    }
}

/// The marks of a panel by what they are. Where pushes are many, they say nothing, and are data as all others.
pub(super) fn signs(panel: &Panel) -> BTreeMap<Sign, Vec<&Mark>> {
    const MANY: usize = 120;
    let mut by_sign: BTreeMap<Sign, Vec<&Mark>> = BTreeMap::new();
    for mark in &panel.marks {
        by_sign.entry(mark.sign).or_default().push(mark);
    }
    if let Some(pushed) = by_sign.remove(&Sign::Data { pushed: true }) {
        let as_data = Sign::Data { pushed: pushed.len() <= MANY };
        let data = by_sign.entry(as_data).or_default();
        data.extend(pushed);
        data.sort_by_key(|mark| mark.at);
    }
    by_sign
}

fn names(numbers: &[u64]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!(r#" data-n="{}""#, numbers.join(" "))
}

/// Figures that are none are not drawn.
fn thin(points: &[Point]) -> impl Iterator<Item = &Point> {
    points.iter().filter(|point| point.value.is_finite())
}

fn part_of(x: f64) -> i64 {
    (x * PARTS) as i64
}

/// The first, lowest, highest and last of each part of a column, in order.
fn columns(placed: &[Placed]) -> Vec<Placed> {
    let mut kept = Vec::new();
    for part in placed.chunk_by(|a, b| part_of(a.0) == part_of(b.0)) {
        let by_height = |a: &usize, b: &usize| part[*a].1.total_cmp(&part[*b].1);
        let lowest = (0..part.len()).max_by(by_height).unwrap_or(0);
        let highest = (0..part.len()).min_by(by_height).unwrap_or(0);
        let mut ends = [0, lowest, highest, part.len() - 1];
        ends.sort_unstable();
        let mut last = None;
        for at in ends {
            if last.replace(at) != Some(at) {
                kept.push(part[at]);
            }
        }
    }
    kept
}

/// Bars of one part of a column that touch are one.
fn merged(placed: &[(f64, f64, f64, u64)]) -> Vec<(f64, f64, f64, u64)> {
    /// Closer than this is touching.
    const NEAR: f64 = 0.5;
    let mut kept: Vec<(f64, f64, f64, u64)> = Vec::new();
    for bar in placed {
        match kept.last_mut() {
            Some(last) if part_of(last.0) == part_of(bar.0) && bar.1 >= last.2 - NEAR && bar.2 <= last.1 + NEAR => {
                last.1 = last.1.max(bar.1);
                last.2 = last.2.min(bar.2);
            }
            _ => kept.push(*bar),
        }
    }
    kept
}

/// True if many of them touch those beside them.
fn are_crowded(placed: &[(f64, f64, f64, u64)]) -> bool {
    /// So few are told apart all the same.
    const FEW: usize = 12;
    let near = |pair: &&[(f64, f64, f64, u64)]| (pair[1].0 - pair[0].0).hypot(pair[1].2 - pair[0].2) < CROWDED;
    placed.len() > FEW && placed.windows(2).filter(near).count() * 2 > placed.len()
}

/// Of signs that lie on each other, one.
fn apart(placed: &[(f64, f64, f64, u64)]) -> Vec<(f64, f64, f64, u64)> {
    let mut seen = HashSet::new();
    placed.iter().filter(|(x, _, high, _)| seen.insert((part_of(*x), part_of(*high)))).copied().collect()
}
