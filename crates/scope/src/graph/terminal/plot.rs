//! One panel's plot: curves into characters.

use crate::graph::axis::Axis;
use crate::graph::layout::{Cause, Curve, Graph, Mark, Point, Shape, Sign};
use crate::ladder::Charset;
use crate::ladder::terminal::Style;
use crate::ladder::terminal::canvas::Canvas;

/// Braille dots in a character: columns and rows.
const DOTS: (usize, usize) = (2, 4);
/// The bit of each dot of a braille character (Unicode 15, §21.1), by row and column.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// Blocks by how many eighths of them are filled.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What a curve of this shape looks like.
pub(super) fn sample(shape: Shape, charset: Charset) -> &'static str {
    match (shape, charset) {
        (Shape::Area, Charset::Utf8) => "▄█",
        (Shape::Line, Charset::Utf8) => "⠤⠒",
        (Shape::Limit, Charset::Utf8) => "┈┈",
        (Shape::Dots, Charset::Utf8) => "⠂⠁",
        (Shape::Area, Charset::Ascii) => "::",
        (Shape::Line, Charset::Ascii) => "**",
        (Shape::Limit, Charset::Ascii) => "--",
        (Shape::Dots, Charset::Ascii) => "..",
    }
}

/// The row in which a figure stands, of `rows`.
pub(super) fn row_of(value: f64, axis: Axis, rows: usize) -> usize {
    dot_of(value, axis, rows) / DOTS.1
}

/// The row of dots in which a figure stands, from the top.
fn dot_of(value: f64, axis: Axis, rows: usize) -> usize {
    let dots = rows * DOTS.1;
    let above = (1.0 - (value / axis.top).clamp(0.0, 1.0)) * (dots - 1) as f64;
    above.round() as usize
}

/// What a segment out of the ordinary looks like.
pub(super) fn sign(sign: Sign, charset: Charset) -> Option<(char, Style)> {
    let (utf8, ascii, sgr) = match sign {
        Sign::Data { .. } | Sign::Sack | Sign::DuplicateSack | Sign::DuplicateAck => return None,
        Sign::OutOfOrder => ('o', 'o', "33"),
        Sign::KeepAlive => ('▫', 'k', "36"),
        Sign::WindowProbe => ('?', '?', "33"),
        Sign::ZeroWindow => ('Z', 'Z', "1;33"),
        Sign::Again { needless: true, .. } => ('r', 'r', "31"),
        Sign::Again { cause: Cause::Timeout, .. } => ('▼', 'T', "1;31"),
        Sign::Again { cause: Cause::Probe, .. } => ('▲', 'P', "1;31"),
        Sign::Again { .. } => ('R', 'R', "1;31"),
        Sign::Lost => ('✕', 'x', "31"),
        Sign::Syn => ('◇', 'S', "1"),
        Sign::Fin => ('□', 'F', "1"),
        Sign::Reset => ('⊗', 'X', "1;31"),
    };
    Some((if charset == Charset::Ascii { ascii } else { utf8 }, Style::Ink(sgr)))
}

/// What data and SACK blocks look like.
pub(super) fn range_sample(sign: Sign, charset: Charset) -> Option<(&'static str, Style)> {
    let text = if charset == Charset::Ascii { "|" } else { "⡇" };
    match sign {
        Sign::Data { .. } => Some((text, Style::Ink("34"))),
        Sign::Sack | Sign::DuplicateSack => Some((text, Style::Ink("35"))),
        _ => None,
    }
}

/// A grid of characters, not yet at its place.
pub(super) struct Plot {
    axis: Axis,
    columns: usize,
    rows: usize,
    charset: Charset,
    /// Begin and length, nanoseconds.
    time: (u64, f64),
    cells: Vec<Option<(char, Style)>>,
}

impl Plot {
    pub(super) fn new(graph: &Graph, axis: Axis, columns: usize, rows: usize, charset: Charset) -> Plot {
        let time = (graph.from.as_nanos(), graph.span().as_nanos() as f64);
        Plot { axis, columns, rows, charset, time, cells: vec![None; columns * rows] }
    }

    /// Draws a curve over what is there.
    pub(super) fn curve(&mut self, curve: &Curve, style: Style) {
        match curve.shape {
            Shape::Area => self.area(curve, style),
            Shape::Limit => self.limit(curve, style),
            Shape::Line => {
                let spans = self.spans(curve, self.columns * DOTS.0, true);
                self.dots(&spans, style, '*');
            }
            Shape::Dots => {
                let spans = self.spans(curve, self.columns * DOTS.0, false);
                self.dots(&spans, style, '.');
            }
        }
    }

    /// Draws segments over what is there: data and SACK as dots from their first number to their last, everything else as a
    /// sign; what matters more covers what matters less.
    pub(super) fn marks(&mut self, marks: &[Mark]) {
        for (ranges, ink) in [(false, "34"), (true, "35")] {
            let fits = |mark: &&Mark| match mark.sign {
                Sign::Data { .. } => !ranges,
                Sign::Sack | Sign::DuplicateSack => ranges,
                _ => false,
            };
            self.ranges(marks.iter().filter(fits), Style::Ink(ink));
        }
        let mut signs: Vec<&Mark> = marks.iter().filter(|mark| sign(mark.sign, self.charset).is_some()).collect();
        signs.sort_by_key(|mark| mark.sign);
        for mark in signs {
            let Some((c, style)) = sign(mark.sign, self.charset) else { continue };
            let column = self.part_of(mark.at.as_nanos(), self.columns);
            self.put(column, row_of(mark.high, self.axis, self.rows), c, style);
        }
    }

    fn ranges<'m>(&mut self, marks: impl Iterator<Item = &'m Mark>, style: Style) {
        let mut bits = vec![0u8; self.cells.len()];
        for mark in marks {
            let x = self.part_of(mark.at.as_nanos(), self.columns * DOTS.0);
            let (top, bottom) = (dot_of(mark.high, self.axis, self.rows), dot_of(mark.low, self.axis, self.rows));
            for y in top..=bottom {
                bits[y / DOTS.1 * self.columns + x / DOTS.0] |= BITS[y % DOTS.1][x % DOTS.0];
            }
        }
        self.braille(bits, style, '|');
    }

    /// Writes the sender's number on its line, here and there, each sender's at places of their own.
    pub(super) fn number(&mut self, curve: &Curve, senders: usize, style: Style) {
        const APART: usize = 6;
        let digit = char::from_digit(curve.sender as u32 + 1, 10).unwrap_or('?');
        let spans = self.spans(curve, self.columns, true);
        for (column, span) in spans.iter().enumerate().skip(3 + curve.sender * APART).step_by(APART * senders) {
            if let Some((_, high)) = span {
                let row = row_of(*high, self.axis, self.rows);
                self.put(column, row, digit, style);
            }
        }
    }

    /// Puts the plot with its upper left corner at `x`, `y`.
    pub(super) fn onto(&self, canvas: &mut Canvas, x: usize, y: usize) {
        for (at, cell) in self.cells.iter().enumerate() {
            if let Some((c, style)) = cell {
                canvas.put(x + at % self.columns, y + at / self.columns, *c, *style);
            }
        }
    }

    fn put(&mut self, column: usize, row: usize, c: char, style: Style) {
        if column < self.columns && row < self.rows {
            self.cells[row * self.columns + column] = Some((c, style));
        }
    }

    /// The lowest and highest figure in each of `parts` of the time. A figure that `holds` counts until the next.
    fn spans(&self, curve: &Curve, parts: usize, holds: bool) -> Vec<Option<(f64, f64)>> {
        let mut spans: Vec<Option<(f64, f64)>> = vec![None; parts];
        let mut add = |part: usize, value: f64| {
            let (low, high) = spans[part].unwrap_or((value, value));
            spans[part] = Some((low.min(value), high.max(value)));
        };
        for (n, Point { at, value, .. }) in curve.points.iter().enumerate() {
            let first = self.part_of(at.as_nanos(), parts);
            let next = curve.points.get(n + 1).filter(|_| holds);
            let last = match (next, holds) {
                (Some(next), _) => self.part_of(next.at.as_nanos(), parts),
                (None, true) => parts - 1,
                (None, false) => first,
            };
            (first..=last).for_each(|part| add(part, *value));
        }
        spans
    }

    fn part_of(&self, at: u64, parts: usize) -> usize {
        let since = at.saturating_sub(self.time.0) as f64;
        ((since / self.time.1 * parts as f64) as usize).min(parts - 1)
    }

    /// The mean over each column's time, where there is any.
    fn means(&self, curve: &Curve) -> Vec<Option<f64>> {
        let width = self.time.1 / self.columns as f64;
        // What the figures come to in each column, and for how long of it there were any.
        let mut sums = vec![(0.0, 0.0); self.columns];
        for (n, Point { at, value, .. }) in curve.points.iter().enumerate() {
            let from = at.as_nanos().saturating_sub(self.time.0) as f64 / width;
            let next = curve.points.get(n + 1);
            let to =
                next.map_or(self.columns as f64, |next| next.at.as_nanos().saturating_sub(self.time.0) as f64 / width);
            let last = (to as usize).min(self.columns - 1);
            for (column, sum) in sums.iter_mut().enumerate().take(last + 1).skip(from as usize) {
                let part = (to.min(column as f64 + 1.0) - from.max(column as f64)).max(0.0);
                *sum = (sum.0 + value * part, sum.1 + part);
            }
        }
        sums.iter().map(|(sum, time)| (*time > 0.0).then(|| sum / time)).collect()
    }

    fn area(&mut self, curve: &Curve, style: Style) {
        for (column, mean) in self.means(curve).into_iter().enumerate() {
            let Some(mean) = mean else { continue };
            let eighths = ((mean / self.axis.top).clamp(0.0, 1.0) * (self.rows * 8) as f64).round() as usize;
            for row in 0..self.rows {
                let filled = eighths.saturating_sub((self.rows - 1 - row) * 8).min(8);
                let c = match self.charset {
                    Charset::Utf8 => EIGHTHS[filled],
                    Charset::Ascii => {
                        if filled >= 4 {
                            ':'
                        } else {
                            ' '
                        }
                    }
                };
                if c != ' ' {
                    self.put(column, row, c, style);
                }
            }
        }
    }

    fn limit(&mut self, curve: &Curve, style: Style) {
        let c = if self.charset == Charset::Ascii { '-' } else { '┈' };
        for (column, span) in self.spans(curve, self.columns, true).into_iter().enumerate() {
            let Some((_, high)) = span.filter(|(_, high)| *high <= self.axis.top) else { continue };
            let row = row_of(high, self.axis, self.rows);
            self.put(column, row, c, style);
        }
    }

    fn dots(&mut self, spans: &[Option<(f64, f64)>], style: Style, ascii: char) {
        let mut bits = vec![0u8; self.cells.len()];
        for (x, span) in spans.iter().enumerate() {
            let Some((low, high)) = span else { continue };
            let (top, bottom) = (dot_of(*high, self.axis, self.rows), dot_of(*low, self.axis, self.rows));
            for y in top..=bottom {
                bits[y / DOTS.1 * self.columns + x / DOTS.0] |= BITS[y % DOTS.1][x % DOTS.0];
            }
        }
        self.braille(bits, style, ascii);
    }

    /// Puts dots into the characters, each eight of them.
    fn braille(&mut self, bits: Vec<u8>, style: Style, ascii: char) {
        for (at, bits) in bits.into_iter().enumerate().filter(|(_, bits)| *bits != 0) {
            let c = match self.charset {
                Charset::Utf8 => char::from_u32(0x2800 + u32::from(bits)).unwrap_or('?'),
                Charset::Ascii => ascii,
            };
            self.put(at % self.columns, at / self.columns, c, style);
        }
    }
}
