//! Graphs as text, for terminals of any width, with or without colour, in UTF-8 or ASCII.
//!
//! What holds over a time is an area of blocks, what limits it a line of braille dots (four rows and two columns of them in a
//! character). Meaning never hangs on colour alone: of several senders each line carries its sender's number.

mod plot;

use super::axis::Quantity;
use super::axis::{Axis, three_digits};
use super::layout::{Curve, Graph, Kind, Panel, Shape, Sign, Tone, Track};
use crate::ladder::Charset;
use crate::ladder::terminal::Style;
use crate::ladder::terminal::canvas::{Canvas, width as columns};
use crate::words;
use plot::Plot;
use std::collections::BTreeSet;
use std::time::Duration;

/// The narrowest and widest that a graph is drawn, in columns.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=200;
/// Rows of the first panel, of those below it, and of one with sequence numbers.
const ROWS: (usize, usize, usize) = (10, 5, 20);
/// Columns from tick to tick of the axis of time, at least.
const TICK_COLUMNS: usize = 12;

/// The colours of several senders, in their order.
const INKS: [&str; super::MAX_FLOWS] = ["36", "33", "35", "32", "34", "31"];

/// How to draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GraphOptions {
    /// Columns to fill: less than 40 is drawn as 40, more than 200 as 200.
    pub width: usize,
    /// Whether to colour, by ANSI escape sequences.
    pub color: bool,
    /// Which characters may be used.
    pub charset: Charset,
}

impl Default for GraphOptions {
    fn default() -> GraphOptions {
        GraphOptions { width: 80, color: false, charset: Charset::Utf8 }
    }
}

/// Draws a graph, each line ended by a newline.
pub fn draw(graph: &Graph, options: &GraphOptions) -> String {
    let painter = Painter::new(graph, options);
    painter.paint().print(options.color)
}

struct Painter<'g> {
    graph: &'g Graph,
    charset: Charset,
    /// Columns of everything.
    width: usize,
    /// Columns of what stands left of the plots, the axis included.
    margin: usize,
}

impl<'g> Painter<'g> {
    fn new(graph: &'g Graph, options: &GraphOptions) -> Painter<'g> {
        let width = options.width.clamp(*WIDTHS.start(), *WIDTHS.end());
        let labels = graph.panels.iter().flat_map(|panel| {
            let (unit, one) = panel.quantity.unit(panel.axis.top);
            panel.axis.ticks().map(move |tick| columns(&three_digits(tick / one))).chain([columns(unit)])
        });
        let names = graph.tracks.iter().map(|track| columns(&track_name(graph, track)));
        let margin = labels.chain(names).max().unwrap_or(0) + 2;
        Painter { graph, charset: options.charset, width, margin }
    }

    fn several(&self) -> bool {
        self.graph.senders.len() > 1
    }

    fn ink(&self, curve: &Curve) -> Style {
        match curve.tone {
            _ if self.several() => self.ink_of(curve.sender),
            Tone::Data => Style::Ink("34"),
            Tone::Ack | Tone::RoundTrip => Style::Ink("32"),
            Tone::Congestion => Style::Ink("1;36"),
            Tone::Window => Style::Ink("33"),
            Tone::Threshold => Style::Ink("35"),
        }
    }

    fn ink_of(&self, sender: usize) -> Style {
        Style::Ink(INKS[sender % INKS.len()])
    }

    fn paint(&self) -> Canvas {
        let mut canvas = Canvas::new(self.width);
        for (n, sender) in self.graph.senders.iter().enumerate() {
            let style = if self.several() { self.ink_of(n) } else { Style::Bold };
            let number = if self.several() { format!("{}  ", n + 1) } else { String::new() };
            let indent = columns(&number);
            for (at, line) in crate::ladder::terminal::canvas::wrap(sender, self.width - indent).iter().enumerate() {
                let y = canvas.add_line();
                canvas.text(0, y, if at == 0 { &number } else { "" }, style);
                canvas.text(indent, y, &self.translate(line), if self.several() { Style::Plain } else { style });
            }
        }
        if let Some(remark) = &self.graph.remark {
            for line in crate::ladder::terminal::canvas::wrap(remark, self.width) {
                let y = canvas.add_line();
                canvas.text(0, y, &self.translate(&line), Style::Dim);
            }
        }
        for (n, panel) in self.graph.panels.iter().enumerate() {
            canvas.add_line();
            let rows = match panel.quantity {
                Quantity::Sequence => ROWS.2,
                _ if n == 0 => ROWS.0,
                _ => ROWS.1,
            };
            self.panel(&mut canvas, panel, rows);
            if n + 1 == self.graph.panels.len() {
                self.times(&mut canvas);
            }
        }
        for track in &self.graph.tracks {
            self.track(&mut canvas, track);
        }
        canvas
    }

    fn translate(&self, text: &str) -> String {
        crate::ladder::in_charset(text, self.charset).into_owned()
    }

    fn panel(&self, canvas: &mut Canvas, panel: &Panel, rows: usize) {
        let (unit, one) = panel.quantity.unit(panel.axis.top);
        let head = canvas.add_line();
        canvas.text_before(self.margin - 1, head, &self.translate(unit), Style::Dim);
        self.legend(canvas, head, panel);
        let top = canvas.height();
        for _ in 0..rows {
            canvas.add_line();
        }
        let mut plot = Plot::new(self.graph, panel.axis, self.width - self.margin, rows, self.charset);
        for curve in &panel.curves {
            plot.curve(curve, self.ink(curve));
        }
        if self.several() {
            for curve in panel.curves.iter().filter(|curve| curve.shape == Shape::Line) {
                plot.number(curve, self.graph.senders.len(), self.ink(curve));
            }
        }
        plot.marks(&panel.marks);
        plot.onto(canvas, self.margin, top);
        let [bar, tee, ..] = self.strokes();
        for row in 0..rows {
            canvas.put(self.margin - 1, top + row, bar, Style::Dim);
        }
        for tick in panel.axis.ticks().filter(|tick| *tick > 0.0) {
            let row = plot::row_of(tick, panel.axis, rows);
            canvas.put(self.margin - 1, top + row, tee, Style::Dim);
            canvas.text_before(self.margin - 1, top + row, &three_digits(tick / one), Style::Dim);
        }
        self.baseline(canvas);
    }

    /// Bar, tick of an upright axis, corner, line, tick of the axis of time.
    fn strokes(&self) -> [char; 5] {
        match self.charset {
            Charset::Utf8 => ['│', '┤', '└', '─', '┬'],
            Charset::Ascii => ['|', '+', '+', '-', '+'],
        }
    }

    /// What the curves are, at the right of the unit.
    fn legend(&self, canvas: &mut Canvas, y: usize, panel: &Panel) {
        let mut x = self.margin + 1;
        if self.several() {
            let name = panel.curves.first().map_or("", |curve| curve.name);
            canvas.text(x, y, &format!("{name} of each sender"), Style::Dim);
            return;
        }
        let mut y = y;
        let mut item = |sample: &str, style: Style, name: &str| {
            if x + columns(sample) + 1 + columns(name) > self.width && x > self.margin + 1 {
                (x, y) = (self.margin + 1, canvas.add_line());
            }
            x = canvas.text(x, y, sample, style);
            x = canvas.text(x + 1, y, &self.translate(name), Style::Plain) + 3;
        };
        for curve in panel.seen() {
            item(plot::sample(curve.shape, self.charset), self.ink(curve), curve.name);
        }
        for (sample, style, name) in signs(panel, self.charset) {
            item(&sample, style, name);
        }
    }

    fn baseline(&self, canvas: &mut Canvas) {
        let [_, _, corner, line, tick] = self.strokes();
        let y = canvas.add_line();
        canvas.text_before(self.margin - 1, y, "0", Style::Dim);
        canvas.put(self.margin - 1, y, corner, Style::Dim);
        for x in self.margin..self.width {
            canvas.put(x, y, line, Style::Dim);
        }
        for at in self.time_axis().ticks() {
            canvas.put(self.margin + self.column(at), y, tick, Style::Dim);
        }
    }

    fn time_axis(&self) -> Axis {
        let ticks = ((self.width - self.margin) / TICK_COLUMNS).max(1);
        Axis::ending_at(self.graph.span().as_secs_f64(), ticks)
    }

    /// The column of a moment, seconds since the beginning, from the left edge of the plots.
    fn column(&self, at: f64) -> usize {
        let plots = self.width - self.margin;
        ((at / self.graph.span().as_secs_f64() * plots as f64) as usize).min(plots - 1)
    }

    /// The labels of the axis of time.
    fn times(&self, canvas: &mut Canvas) {
        let axis = self.time_axis();
        let (unit, one) = super::axis::Quantity::Time.unit(axis.top);
        let y = canvas.add_line();
        canvas.text_before(self.margin - 1, y, &self.translate(unit), Style::Dim);
        let mut free = self.margin;
        for at in axis.ticks() {
            let label = three_digits(at / one);
            let x = (self.margin + self.column(at)).saturating_sub(columns(&label) / 2).max(self.margin);
            if x >= free && x + columns(&label) <= self.width {
                free = canvas.text(x, y, &label, Style::Dim) + 1;
            }
        }
    }

    fn track(&self, canvas: &mut Canvas, track: &Track) {
        let y = canvas.add_line();
        let name = track_name(self.graph, track);
        canvas.text_before(self.margin - 1, y, &name, Style::Dim);
        let (sign, style) = self.sign(track.kind);
        let seconds = |span: Duration| self.column(span.as_secs_f64());
        for (from, to) in &track.spans {
            let columns = seconds(from.since(self.graph.from))..=seconds(to.since(self.graph.from));
            let (first, last) = (*columns.start(), *columns.end());
            columns.for_each(|x| canvas.put(self.margin + x, y, sign, style));
            let length = format!(" {} ", self.translate(&words::duration(to.since(*from))));
            let room = (last + 1).saturating_sub(first);
            if track.kind == Kind::Idle && crate::ladder::terminal::canvas::width(&length) + 2 <= room {
                canvas.text(
                    self.margin + first + (room - crate::ladder::terminal::canvas::width(&length)) / 2,
                    y,
                    &length,
                    style,
                );
            }
        }
    }

    fn sign(&self, kind: Kind) -> (char, Style) {
        let (utf8, ascii, sgr) = match kind {
            Kind::Lost => ('✕', 'x', "31"),
            Kind::Again => ('▪', 'r', "35"),
            Kind::Recovery => ('━', '=', "33"),
            Kind::Rto => ('▼', 'T', "1;31"),
            Kind::Marked => ('▲', '^', "33"),
            Kind::Undone => ('↶', 'u', "32"),
            Kind::Idle => ('┄', '.', "2"),
        };
        (if self.charset == Charset::Ascii { ascii } else { utf8 }, Style::Ink(sgr))
    }
}

/// The signs of a panel, each once, with what it means.
fn signs(panel: &Panel, charset: Charset) -> Vec<(String, Style, &'static str)> {
    let used: BTreeSet<Sign> = panel.marks.iter().map(|mark| mark.sign).collect();
    let mut signs: Vec<(String, Style, &'static str)> = Vec::new();
    for sign in used {
        let range = plot::range_sample(sign, charset).map(|(sample, style)| (sample.to_owned(), style));
        let single = || plot::sign(sign, charset).map(|(c, style)| (c.to_string(), style));
        let Some((sample, style)) = range.or_else(single) else { continue };
        // What looks the same is explained once.
        if signs.iter().all(|(other, ink, _)| (other, *ink) != (&sample, style)) {
            signs.push((sample, style, sign.name()));
        }
    }
    signs
}

/// The name of a track, with its sender's number if there are several.
fn track_name(graph: &Graph, track: &Track) -> String {
    match graph.senders.len() {
        0 | 1 => track.kind.name().into(),
        _ => format!("{} {}", track.sender + 1, track.kind.name()),
    }
}
