//! Graphs as SVG: panels with curves and marks, to be shown alone or inside a page.
//!
//! Everything in a panel's plot is a path of one of three kinds, so that a script can draw it anew for another stretch of time:
//! a `curve` has only absolute commands (M, L, H, V, Z); a `bar` is `M x y V y`; a `glyph` is `M x y` and relative commands,
//! the same for all of its path. `data-n` names the segment of each bar or glyph, in their order.

mod plot;
mod shapes;

use super::axis::{Axis, Quantity, three_digits};
use super::layout::{Graph, Kind, Panel, Shape, Sign, Tone, Track};
use crate::picture::geometry::Quad;
use crate::picture::{Anchor, Ink, Text, Theme, escaped, font, legible};
use crate::words;
use plot::Plot;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// Width of the picture, in its own units: usual, and least.
const WIDTHS: (f64, f64) = (960.0, 420.0);
/// Room left and right of the plots.
const MARGINS: (f64, f64) = (70.0, 16.0);
/// Height of a plot of sequence numbers, of another first one, and of those below.
const HEIGHTS: (f64, f64, f64) = (320.0, 180.0, 110.0);
/// From baseline to baseline of text.
const LINE: f64 = 18.0;
/// Letters of a reader's own font may be wider than those that are measured with.
const SYSTEM_FONT: f64 = 1.12;
/// From tick to tick of the axis of time, at least.
const TICK: f64 = 90.0;

/// How to draw.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SvgOptions {
    /// For whom it is coloured; a part of a page has no styles and no ground of its own.
    pub theme: Theme,
    /// Begins the names of its parts: different ones for all pictures of a page.
    pub id: usize,
    /// How wide, in pixels; less than some 400 is too little to draw in.
    pub width: f64,
}

impl Default for SvgOptions {
    fn default() -> SvgOptions {
        SvgOptions { theme: Theme::Auto, id: 0, width: WIDTHS.0 }
    }
}

/// The styles of graphs; colours are the palette's variables ([`Ink::name`]).
pub(crate) const STYLE: &str = include_str!("svg/graph.css");

/// Draws graphs one below the other. Empty if there are none.
pub fn draw(graphs: &[Graph], options: &SvgOptions) -> String {
    if graphs.is_empty() {
        return String::new();
    }
    let picture = Picture::of(graphs, options);
    let width = picture.width;
    let (height, label) = (number(picture.y), escape(&graphs[0].senders.join("; ")));
    let size =
        if options.theme != Theme::Page { format!(r#" width="{width}" height="{height}""#) } else { String::new() };
    let alone = options.theme != Theme::Page;
    let style = style(options.theme);
    let ground = if alone { r#"<rect class="ground" width="100%" height="100%"/>"# } else { "" };
    let body = picture.body;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" class="graph" viewBox="0 0 {width} {height}"{size} role="img" aria-label="Graph over time: {label}">{style}{ground}{body}</svg>"#
    )
}

/// What a reader of the same picture can't make out, a sentence each: words on words, and words beside the picture.
pub fn illegible(graphs: &[Graph], options: &SvgOptions) -> Vec<String> {
    let Picture { words, width, y, .. } = Picture::of(graphs, options);
    legible::words_on_words(&words).chain(legible::outside(&words, (width, y))).collect()
}

/// Styles for a picture alone: colours as such, for those that follow no variables.
fn style(theme: Theme) -> String {
    let (light, dark) = (|ink: Ink| ink.colors().0, |ink: Ink| ink.colors().1);
    let css = match theme {
        Theme::Auto => format!("{}@media (prefers-color-scheme:dark){{{}}}", coloured(light), coloured(dark)),
        Theme::Light => coloured(light),
        Theme::Dark => coloured(dark),
        Theme::Page => return String::new(),
    };
    format!("<style>{css}</style>")
}

fn coloured(color: impl Fn(Ink) -> &'static str) -> String {
    let set = |css: String, ink: &Ink| css.replace(&format!("var(--{})", ink.name()), color(*ink));
    Ink::ALL.iter().fold(STYLE.to_owned(), set)
}

/// Text of whoever is named, safe in markup: control characters become `·`.
pub(crate) fn escape(text: &str) -> String {
    escaped(&words::tame(text))
}

/// A coordinate in as few digits as a thousandth needs.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

struct Picture {
    body: String,
    /// How far down it is drawn.
    y: f64,
    width: f64,
    id: usize,
    plots: usize,
    /// All words, each in its box.
    words: Vec<(Quad, String)>,
}

impl Picture {
    fn of(graphs: &[Graph], options: &SvgOptions) -> Picture {
        let width = options.width.max(WIDTHS.1);
        let mut picture = Picture { body: String::new(), y: 8.0, width, id: options.id, plots: 0, words: Vec::new() };
        for graph in graphs {
            picture.graph(graph);
        }
        picture
    }

    fn graph(&mut self, graph: &Graph) {
        let (from, span) = (graph.from.as_nanos(), graph.span().as_nanos());
        self.put(format_args!(r#"<g class="over-time" data-from="{from}" data-span="{span}">"#));
        for (n, sender) in graph.senders.iter().enumerate() {
            let text = if graph.senders.len() > 1 { format!("{}  {sender}", n + 1) } else { sender.clone() };
            let class = if graph.senders.len() > 1 { format!("sender n{n}") } else { "sender".into() };
            self.paragraph(&text, &class);
        }
        if let Some(remark) = &graph.remark {
            self.paragraph(remark, "dim");
        }
        for (n, panel) in graph.panels.iter().enumerate() {
            let height = match (panel.quantity, n) {
                // Without data there is little to see.
                (Quantity::Sequence, _) if panel.axis.top < 4.0 => HEIGHTS.2,
                (Quantity::Sequence, _) => HEIGHTS.0,
                (_, 0) => HEIGHTS.1,
                _ => HEIGHTS.2,
            };
            self.panel(graph, panel, height);
        }
        self.times(graph);
        for track in &graph.tracks {
            self.track(graph, track);
        }
        self.y += LINE;
        self.put(format_args!("</g>"));
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.body.write_fmt(text);
    }

    fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let has = |name: &str| class.split(' ').any(|class| class == name);
        let size = if has("sender") {
            13.0
        } else if has("dim") || has("tick") {
            11.0
        } else {
            12.0
        };
        let anchor = if has("y") {
            Anchor::End
        } else if has("x") {
            Anchor::Middle
        } else {
            Anchor::Start
        };
        let placed = Text::new((x, y), text, Ink::Text).size(size).anchor(anchor);
        let placed = if has("sender") || has("title") { placed.bold() } else { placed };
        self.words.push((placed.quad(), text.to_owned()));
        let (x, y, text) = (number(x), number(y), escape(text));
        self.put(format_args!(r#"<text x="{x}" y="{y}" class="{class}">{text}</text>"#));
    }

    /// Text over the whole width, in as many lines as it takes.
    fn paragraph(&mut self, text: &str, class: &str) {
        for line in font::wrap(text, (self.width - 24.0) / SYSTEM_FONT, 13.0, class != "dim") {
            self.y += LINE;
            self.text((12.0, self.y), class, &line);
        }
    }

    fn panel(&mut self, graph: &Graph, panel: &Panel, height: f64) {
        let (unit, one) = panel.quantity.unit(panel.axis.top);
        let left = MARGINS.0;
        self.text((left - 8.0, self.y + LINE + 8.0), "tick y unit", unit);
        self.legend(graph, panel);
        let (left, right, top) = (MARGINS.0, self.width - MARGINS.1, self.y + 12.0);
        let name = format!("g{}-{}", self.id, self.plots);
        self.plots += 1;
        let (width, span) = (right - left, number(panel.axis.top));
        let kind = format!("{:?}", panel.quantity).to_lowercase();
        self.put(format_args!(
            r#"<g class="panel" data-box="{left} {top} {width} {height}" data-top="{span}" data-one="{one}" data-kind="{kind}" data-title="{}"><clipPath id="{name}c"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath><clipPath id="{name}"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath><g class="grid">"#,
            panel.title,
            number(left - 1.0),
            number(top - 1.0),
            number(width + 2.0),
            number(height + 2.0),
            number(left - 7.0),
            number(top - 6.0),
            number(width + 14.0),
            number(height + 13.0),
        ));
        for tick in panel.axis.ticks() {
            let y = top + height - tick / panel.axis.top * height;
            let class = if tick == 0.0 { "base" } else { "rule" };
            self.put(format_args!(r#"<path class="{class}" d="M{left} {y}H{right}"/>"#, y = number(y)));
            self.text((left - 8.0, y + 4.0), "tick y", &three_digits(tick / one));
        }
        for at in self.time_axis(graph).ticks() {
            let x = left + at / graph.span().as_secs_f64() * width;
            let (x, bottom) = (number(x), number(top + height));
            self.put(format_args!(r#"<path class="rule" d="M{x} {}V{bottom}"/>"#, number(top)));
        }
        self.put(format_args!(r#"</g><g class="plot" clip-path="url(#{name})">"#));
        let plot = Plot::new(graph, panel, (left, top, width, height));
        plot.draw(&mut self.body, &format!("{name}c"));
        self.put(format_args!("</g></g>"));
        self.y = top + height;
    }

    /// Title and what the curves and signs mean, in as many lines as it takes.
    fn legend(&mut self, graph: &Graph, panel: &Panel) {
        self.y += LINE + 8.0;
        self.text((MARGINS.0, self.y), "title", panel.title);
        let begin = MARGINS.0 + font::width(panel.title, 12.0, true) * SYSTEM_FONT + 16.0;
        let mut x = begin;
        let mut items: Vec<(Item, String)> = Vec::new();
        if graph.senders.len() > 1 {
            items.extend(panel.curves.iter().map(|curve| {
                (Item::Sender(curve.sender, curve.shape), format!("{} {}", curve.name, curve.sender + 1))
            }));
        } else {
            items.extend(panel.seen().map(|curve| (Item::Curve(curve.tone, curve.shape), curve.name.to_owned())));
        }
        let signs: BTreeSet<Sign> = plot::signs(panel).into_keys().collect();
        items.extend(signs.into_iter().map(|sign| (Item::Sign(sign), sign.name().to_owned())));
        for (item, name) in items {
            let width = 24.0 + font::width(&name, 12.0, false) * SYSTEM_FONT + 12.0;
            if x + width > self.width - MARGINS.1 && x > begin {
                (x, self.y) = (MARGINS.0, self.y + LINE);
            }
            let sample = item.sample(x, self.y - 4.0);
            self.put(format_args!(r#"<g class="legend">{sample}</g>"#));
            self.text((x + 24.0, self.y), "legend", &name);
            x += width;
        }
    }

    /// The labels of the axis of time.
    fn times(&mut self, graph: &Graph) {
        let axis = self.time_axis(graph);
        let (unit, one) = Quantity::Time.unit(axis.top);
        let (left, width) = (MARGINS.0, self.width - MARGINS.0 - MARGINS.1);
        self.y += LINE;
        self.put(format_args!(r#"<g class="times" data-box="{left} {} {width} 0">"#, number(self.y)));
        self.text((left - 16.0, self.y), "tick y unit", unit);
        for at in axis.ticks() {
            let x = left + at / graph.span().as_secs_f64() * width;
            let label = three_digits(at / one);
            // The last one may have no room on both sides.
            let half = font::width(&label, 11.0, false) * SYSTEM_FONT / 2.0;
            self.text((x.min(self.width - 1.0 - half), self.y), "tick x", &label);
        }
        self.put(format_args!("</g>"));
        self.y += 4.0;
    }

    fn time_axis(&self, graph: &Graph) -> Axis {
        let ticks = ((self.width - MARGINS.0 - MARGINS.1) / TICK) as usize;
        Axis::ending_at(graph.span().max(Duration::from_nanos(1)).as_secs_f64(), ticks)
    }

    fn track(&mut self, graph: &Graph, track: &Track) {
        /// The shortest that a stretch is drawn.
        const SHORTEST: f64 = 0.6;
        self.y += 16.0;
        let (left, width) = (MARGINS.0, self.width - MARGINS.0 - MARGINS.1);
        let several = graph.senders.len() > 1;
        let name =
            if several { format!("{} {}", track.sender + 1, track.kind.name()) } else { track.kind.name().into() };
        let class = match track.kind {
            Kind::Lost => "trouble",
            Kind::Again | Kind::Rto => "again",
            Kind::Marked | Kind::Recovery => "window",
            Kind::Undone => "ack",
            Kind::Idle => "idle",
        };
        self.put(format_args!(r#"<g class="track" data-box="{left} {} {width} 12">"#, number(self.y - 12.0)));
        self.text((left - 8.0, self.y - 2.0), "tick y", &name);
        let x =
            |at: limpid_event::Instant| left + at.since(graph.from).as_secs_f64() / graph.span().as_secs_f64() * width;
        let mut path = String::new();
        let mut last = f64::NEG_INFINITY;
        for (from, to) in &track.spans {
            let (from, to) = (x(*from), x(*to));
            // Two waits are two.
            let apart = if track.kind == Kind::Idle { 0.75 } else { 0.0 };
            let (from, to) = (from + apart, to - apart);
            // What lies on one that is drawn adds nothing.
            if to.max(from + SHORTEST) <= last {
                continue;
            }
            last = to.max(from + SHORTEST);
            let _ = write!(
                path,
                "M{} {}H{}V{}H{}Z",
                number(from),
                number(self.y - 11.0),
                number(last),
                number(self.y - 2.0),
                number(from)
            );
        }
        self.put(format_args!(r#"<path class="curve band {class}" d="{path}"/>"#));
        for (from, to) in track.spans.iter().filter(|_| track.kind == Kind::Idle) {
            let label = words::duration(to.since(*from));
            if x(*to) - x(*from) > font::width(&label, 11.0, false) * SYSTEM_FONT + 8.0 {
                self.text(((x(*from) + x(*to)) / 2.0, self.y - 3.0), "tick x length", &label);
            }
        }
        self.put(format_args!("</g>"));
    }
}

/// Something that a legend explains.
enum Item {
    Sender(usize, Shape),
    Curve(Tone, Shape),
    Sign(Sign),
}

impl Item {
    fn sample(&self, x: f64, y: f64) -> String {
        let (from, to, middle) = (number(x), number(x + 18.0), number(x + 8.0));
        let (at, up, down) = (number(y), number(y - 4.0), number(y + 4.0));
        match self {
            Item::Sender(n, Shape::Dots) => {
                format!(r#"<path class="dots n{n}" d="M{from} {at}h0m6-3h0m6 4h0m6-3h0"/>"#)
            }
            Item::Sender(n, _) => format!(r#"<path class="line n{n}" d="M{from} {at}H{to}"/>"#),
            Item::Curve(tone, Shape::Area) => {
                format!(r#"<path class="area {}" d="M{from} {up}H{to}V{down}H{from}Z"/>"#, shapes::tone(*tone))
            }
            Item::Curve(tone, Shape::Dots) => {
                format!(r#"<path class="dots {}" d="M{from} {at}h0m6-3h0m6 4h0m6-3h0"/>"#, shapes::tone(*tone))
            }
            Item::Curve(tone, shape) => {
                let class = if *shape == Shape::Limit { "limit" } else { "line" };
                format!(r#"<path class="{class} {}" d="M{from} {down}H{middle}V{up}H{to}"/>"#, shapes::tone(*tone))
            }
            Item::Sign(sign) => {
                let mut text = String::new();
                // A sign stands on the top of its bar.
                let top = if matches!(sign, Sign::Data { .. } | Sign::Sack) { y - 6.0 } else { y - 1.0 };
                if shapes::is_bar(*sign) {
                    let (up, down) = (number(top), number(y + 6.0));
                    let _ = write!(text, r#"<path class="bar {}" d="M{middle} {down}V{up}"/>"#, shapes::sign(*sign));
                }
                for glyph in shapes::glyphs(*sign).iter().filter(|glyph| !glyph.class.starts_with("letter")) {
                    let at = match sign {
                        Sign::Data { .. } => y - 5.0,
                        Sign::ZeroWindow => y + 8.0,
                        _ if shapes::is_bar(*sign) => top,
                        _ => y,
                    };
                    let at = number(at);
                    let _ = write!(text, r#"<path class="{}" d="M{middle} {at}{}"/>"#, glyph.class, glyph.d);
                }
                text
            }
        }
    }
}
