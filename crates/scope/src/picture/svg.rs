//! A writer of SVG: elements, groups and text, escaped, with the boxes of all text kept for who wants to know that
//! nothing overlaps.
//!
//! [`Svg::tag`] begins an element without content and [`Svg::group`] one with; both take attributes until they are
//! dropped. [`Svg::finish`] closes what is open and puts size and stylesheet around it.

use super::escape::escape_onto;
use super::font;
use super::geometry::{Point, Quad};
use super::legible::{self, Mark};
use super::palette::{self, Ink, Theme};
use super::path::{Num, Path};
use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// The smallest box that text is given in checks is so much smaller than its letters: letters may touch.
const TOUCH: f64 = 0.5;

/// A drawing in the making.
#[derive(Clone, Debug, Default)]
pub struct Svg {
    body: String,
    open: Vec<&'static str>,
    boxes: Vec<(Quad, String)>,
    marks: Vec<Mark>,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// A piece of a line of text.
#[derive(Clone, PartialEq, Debug)]
pub struct Run<'a> {
    /// The words.
    pub text: Cow<'a, str>,
    /// Their colour.
    pub ink: Ink,
    /// Whether they are bold.
    pub bold: bool,
}

/// A line of text.
#[derive(Clone, PartialEq, Debug)]
pub struct Text<'a> {
    /// Its pieces, one after the other.
    pub runs: Vec<Run<'a>>,
    /// Where its baseline is.
    pub at: Point,
    /// The font's size, in pixels.
    pub size: f64,
    /// How it stands at that point.
    pub anchor: Anchor,
    /// Turned by so many degrees around that point, clockwise.
    pub angle: f64,
    /// Whether the paper's colour surrounds the letters, where lines pass behind.
    pub halo: bool,
    /// Slanted.
    pub italic: bool,
}

impl<'a> Text<'a> {
    /// Words in one colour that begin at a point.
    pub fn new(at: Point, text: impl Into<Cow<'a, str>>, ink: Ink) -> Text<'a> {
        Text::of(at, vec![Run { text: text.into(), ink, bold: false }])
    }

    /// Pieces that begin at a point.
    pub fn of(at: Point, runs: Vec<Run<'a>>) -> Text<'a> {
        Text { runs, at, size: 12.0, anchor: Anchor::Start, angle: 0.0, halo: false, italic: false }
    }

    /// In bold.
    #[must_use]
    pub fn bold(mut self) -> Text<'a> {
        self.runs.iter_mut().for_each(|run| run.bold = true);
        self
    }

    /// Slanted.
    #[must_use]
    pub fn italic(self) -> Text<'a> {
        Text { italic: true, ..self }
    }

    /// In a size, in pixels.
    #[must_use]
    pub fn size(self, size: f64) -> Text<'a> {
        Text { size, ..self }
    }

    /// Standing otherwise at its point.
    #[must_use]
    pub fn anchor(self, anchor: Anchor) -> Text<'a> {
        Text { anchor, ..self }
    }

    /// Turned around its point.
    #[must_use]
    pub fn angle(self, angle: f64) -> Text<'a> {
        Text { angle, ..self }
    }

    /// With a halo.
    #[must_use]
    pub fn halo(self) -> Text<'a> {
        Text { halo: true, ..self }
    }

    /// How long it is, in pixels.
    pub fn width(&self) -> f64 {
        self.runs.iter().map(|run| font::width(&run.text, self.size, run.bold)).sum()
    }

    /// The box around its letters.
    pub fn quad(&self) -> Quad {
        let width = self.width();
        let x = match self.anchor {
            Anchor::Start => self.at.0,
            Anchor::Middle => self.at.0 - width / 2.0,
            Anchor::End => self.at.0 - width,
        };
        let (above, below) = (font::ASCENT * self.size - TOUCH, font::DESCENT * self.size - TOUCH);
        Quad::upright(x, self.at.1 - above, width, above + below).turned(self.angle, self.at)
    }
}

impl Svg {
    /// Nothing yet.
    pub fn new() -> Svg {
        Svg::default()
    }

    /// An element without content; what it is like is said until it is dropped.
    pub fn tag(&mut self, name: &'static str) -> Tag<'_> {
        let _ = write!(self.body, "<{name}");
        Tag { svg: self, end: "/>" }
    }

    /// Begins a group, which ends at [`end`](Self::end).
    pub fn group(&mut self) -> Tag<'_> {
        self.begin("g")
    }

    /// Begins an element with content, which ends at [`end`](Self::end).
    pub fn begin(&mut self, name: &'static str) -> Tag<'_> {
        let _ = write!(self.body, "<{name}");
        self.open.push(name);
        Tag { svg: self, end: ">" }
    }

    /// Ends what was begun last.
    pub fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = write!(self.body, "</{name}>");
        }
    }

    /// What is shown when the pointer rests on what was begun last, and read aloud.
    pub fn title(&mut self, text: &str) {
        self.body.push_str("<title>");
        escape_onto(&mut self.body, text);
        self.body.push_str("</title>");
    }

    /// A straight line.
    pub fn line(&mut self, from: Point, to: Point) -> Tag<'_> {
        self.tag("line").num("x1", from.0).num("y1", from.1).num("x2", to.0).num("y2", to.1)
    }

    /// A rectangle.
    pub fn rect(&mut self, (x, y): Point, (width, height): (f64, f64)) -> Tag<'_> {
        self.tag("rect").num("x", x).num("y", y).num("width", width.max(0.0)).num("height", height.max(0.0))
    }

    /// A circle.
    pub fn circle(&mut self, (x, y): Point, radius: f64) -> Tag<'_> {
        self.tag("circle").num("cx", x).num("cy", y).num("r", radius)
    }

    /// A path, in SVG's letters; see [`Path`].
    pub fn path(&mut self, path: &Path) -> Tag<'_> {
        self.tag("path").attr("d", path.commands())
    }

    /// Words. Their box is kept.
    pub fn text(&mut self, text: &Text<'_>) {
        let whole: String = text.runs.iter().map(|run| &*run.text).collect();
        if whole.trim().is_empty() {
            return;
        }
        self.marks.push(Mark::Words(self.boxes.len()));
        self.boxes.push((text.quad(), whole));
        let mut tag = self.begin("text").num("x", text.at.0).num("y", text.at.1);
        if (text.size - 12.0).abs() > 0.01 {
            // A rule of the stylesheet would win over an attribute.
            tag = tag.attr("style", format_args!("font-size:{}px", Num(text.size)));
        }
        tag = match text.anchor {
            Anchor::Start => tag,
            Anchor::Middle => tag.attr("text-anchor", "middle"),
            Anchor::End => tag.attr("text-anchor", "end"),
        };
        if text.angle.abs() > 0.01 {
            let (x, y) = text.at;
            tag = tag.attr("transform", format_args!("rotate({} {} {})", Num(text.angle), Num(x), Num(y)));
        }
        let shape = match (text.halo, text.italic) {
            (true, true) => " halo italic",
            (true, false) => " halo",
            (false, true) => " italic",
            (false, false) => "",
        };
        let class = |run: &Run<'_>| format!("{}{}", run.ink.fill(), if run.bold { " bold" } else { "" });
        if let [run] = &text.runs[..] {
            drop(tag.attr("class", format_args!("{}{shape}", class(run))));
            escape_onto(&mut self.body, &run.text);
        } else {
            drop(if shape.is_empty() { tag } else { tag.attr("class", shape.trim_start()) });
            for run in &text.runs {
                let _ = write!(self.body, "<tspan class=\"{}\">", class(run));
                escape_onto(&mut self.body, &run.text);
                self.body.push_str("</tspan>");
            }
        }
        self.end();
    }

    /// Paper behind words, so that lines fade there.
    pub fn backdrop(&mut self, text: &Text<'_>) {
        let upright = Text { angle: 0.0, ..text.clone() }.quad();
        let ((left, right), (top, bottom)) = (upright.horizontal(), upright.vertical());
        self.marks.push(Mark::Cover(text.quad()));
        let mut tag = self.rect((left - 1.5, top), (right - left + 3.0, bottom - top)).class("f-paper veil");
        if text.angle.abs() > 0.01 {
            let (x, y) = text.at;
            tag = tag.attr("transform", format_args!("rotate({} {} {})", Num(text.angle), Num(x), Num(y)));
        }
        tag.done();
    }

    /// The boxes of all text so far, with the text.
    pub fn text_boxes(&self) -> &[(Quad, String)] {
        &self.boxes
    }

    /// Remembers what was just drawn, for [`illegible`](Self::illegible).
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.marks.push(mark);
    }

    /// What a reader can't make out, a sentence each: words on words, lines through words, signs that something covers. Empty
    /// in a good picture.
    pub fn illegible(&self) -> Vec<String> {
        legible::faults(&self.marks, &self.boxes)
    }

    /// Takes in what another drawing has, moved.
    pub fn insert(&mut self, mut other: Svg, (x, y): Point) {
        while !other.open.is_empty() {
            other.end();
        }
        let moved = |quad: Quad| Quad { corners: quad.corners.map(|(px, py)| (px + x, py + y)) };
        let first = self.boxes.len();
        self.marks.extend(other.marks.into_iter().map(|mark| match mark {
            Mark::Words(index) => Mark::Words(first + index),
            Mark::Stroke(from, to) => Mark::Stroke((from.0 + x, from.1 + y), (to.0 + x, to.1 + y)),
            Mark::Sign(quad) => Mark::Sign(moved(quad)),
            Mark::Cover(quad) => Mark::Cover(moved(quad)),
        }));
        self.boxes.extend(other.boxes.into_iter().map(|(quad, text)| (moved(quad), text)));
        let _ = write!(self.body, "<g transform=\"translate({} {})\">{}</g>", Num(x), Num(y), other.body);
    }

    /// The whole document, `width` × `height` pixels, called `title`.
    pub fn finish(mut self, (width, height): (f64, f64), theme: Theme, title: &str) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        let mut name = String::new();
        escape_onto(&mut name, title);
        let (w, h) = (Num(width.ceil()), Num(height.ceil()));
        let css = palette::stylesheet(theme);
        let style = if css.is_empty() { css } else { format!("<style>{css}</style>") };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"limpid\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             role=\"img\"><title>{name}</title>{style}\
             <rect class=\"f-paper\" width=\"{w}\" height=\"{h}\"/>{}</svg>\n",
            self.body
        )
    }
}

/// A finished drawing and its size.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// What is drawn.
    pub svg: Svg,
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
    /// What it is called.
    pub title: String,
}

impl Drawing {
    /// The same, at most `height` pixels tall: what is below is cut off, and a band at the bottom says so.
    #[must_use]
    pub fn at_most(mut self, height: f64) -> Drawing {
        const BAND: f64 = 38.0;
        if self.height <= height {
            return self;
        }
        while !self.svg.open.is_empty() {
            self.svg.end();
        }
        let pixels = |height: f64| crate::words::number(height as u64);
        let said = format!(
            "Cut off here: {} of {} pixels are shown. As .svg or .html it is whole.",
            pixels(height - BAND),
            pixels(self.height)
        );
        self.svg.rect((0.0, height - BAND), (self.width, BAND)).fill(Ink::Panel).done();
        self.svg.line((0.0, height - BAND), (self.width, height - BAND)).stroke(Ink::Trouble, 1.5).done();
        self.svg.text(&Text::new((self.width / 2.0, height - 14.0), said, Ink::Text).size(13.0).anchor(Anchor::Middle));
        self.height = height;
        self
    }

    /// What a reader can't make out ([`Svg::illegible`]), and what is cut off at the picture's edges; a sentence each.
    pub fn illegible(&self) -> Vec<String> {
        let outside = legible::outside(&self.svg.boxes, (self.width, self.height));
        self.svg.illegible().into_iter().chain(outside).collect()
    }

    /// The document.
    pub fn document(self, theme: Theme) -> String {
        self.svg.finish((self.width, self.height), theme, &self.title)
    }
}

/// An element that still takes attributes.
#[derive(Debug)]
#[must_use]
pub struct Tag<'s> {
    svg: &'s mut Svg,
    end: &'static str,
}

impl Tag<'_> {
    /// An attribute.
    pub fn attr(self, name: &str, value: impl Display) -> Self {
        let _ = write!(self.svg.body, " {name}=\"");
        escape_onto(&mut self.svg.body, &value.to_string());
        self.svg.body.push('"');
        self
    }

    /// An attribute that is a number.
    pub fn num(self, name: &str, value: f64) -> Self {
        let _ = write!(self.svg.body, " {name}=\"{}\"", Num(value));
        self
    }

    /// Its classes.
    pub fn class(self, classes: impl Display) -> Self {
        self.attr("class", classes)
    }

    /// Its colour and width, as a line.
    pub fn stroke(self, ink: Ink, width: f64) -> Self {
        self.class(ink.stroke()).num("stroke-width", width)
    }

    /// Its colour, as a shape.
    pub fn fill(self, ink: Ink) -> Self {
        self.class(ink.fill())
    }

    /// That is all.
    pub fn done(self) {}
}

impl Drop for Tag<'_> {
    fn drop(&mut self) {
        self.svg.body.push_str(self.end);
    }
}
