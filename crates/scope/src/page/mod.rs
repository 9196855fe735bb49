//! A page: one file of HTML that shows everything about connections, with nothing to load from anywhere.
//!
//! Everything is in the markup, so that it can be read without scripts and printed: an overview, what happened in words, graphs,
//! ladder and list of segments of each connection. The script joins them: what is chosen in one is marked in all, graphs and
//! ladders zoom, keys step through segments. `page.css` and `page.js` are files of their own, included as they are.
//!
//! # Bounds
//! A page holds at most [`PageOptions::max_connections`] connections and [`PageOptions::max_segments`] segments of each; what
//! is left out is said.

mod connection;
mod segments;

#[cfg(test)]
mod tests;

use crate::analysis::Analysis;
use crate::graph;
use crate::graph::svg::SvgOptions;
use crate::overview::{self, Overview};
use crate::picture::{Theme, palette};
use crate::trace::Trace;
use crate::words;
use connection::Section;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// One trace of a page, as one run of an experiment or the connections of a capture.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// What to call it, where a page has several.
    pub title: &'a str,
    /// The number of its connection, where it is one of a capture's. Heeded if all parts have one, and one connection each.
    pub number: Option<usize>,
    /// What happened.
    pub trace: &'a Trace,
}

/// What a page shows.
#[derive(Clone, PartialEq, Debug)]
pub struct PageOptions {
    /// What it is about: a file's name.
    pub title: String,
    /// A line below it.
    pub subtitle: String,
    /// What is not on the page at all, in a sentence: "9,976 more connections".
    pub left_out: Option<String>,
    /// All connections of the capture, where not all have a place of their own on the page.
    pub overview: Option<Overview>,
    /// Dark, whatever the reader prefers; the switch on the page still changes it.
    pub dark: bool,
    /// The most connections.
    pub max_connections: usize,
    /// The most segments listed of one connection.
    pub max_segments: usize,
}

impl Default for PageOptions {
    fn default() -> PageOptions {
        PageOptions {
            title: "Connections".into(),
            subtitle: String::new(),
            left_out: None,
            overview: None,
            dark: false,
            max_connections: 24,
            max_segments: 1500,
        }
    }
}

/// Writes the page.
pub fn render(parts: &[Part<'_>], options: &PageOptions) -> String {
    let analyses: Vec<Analysis<'_>> = parts.iter().map(|part| Analysis::of(part.trace)).collect();
    let pairs = |analysis: &Analysis<'_>| analysis.connections.iter().map(|c| c.pair + 1).max().unwrap_or(0);
    let numbered = parts.iter().all(|part| part.number.is_some()) && analyses.iter().all(|a| pairs(a) <= 1);
    let mut sections = Vec::new();
    let mut hidden = 0;
    for (part, analysis) in parts.iter().zip(&analyses) {
        let first = part.number.filter(|_| numbered).unwrap_or(sections.len() + 1);
        let of_part = connection::sections(part, analysis, options.max_connections - sections.len(), first);
        hidden += pairs(analysis) - of_part.len();
        sections.extend(of_part);
    }
    let mut left_out: Vec<String> = options.left_out.iter().cloned().collect();
    if hidden > 0 {
        left_out.push(format!("{} not on this page.", words::count(hidden as u64, "connection")));
    }
    let page = html! {
        (DOCTYPE)
        html lang="en" data-theme=[options.dark.then_some("dark")] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content="limpid";
                title { (words::tame(&options.title)) }
                style { (PreEscaped(styles())) }
            }
            body {
                a.skip href="#connections" { "To the connections" }
                (header(options))
                main #connections {
                    (table(&sections, options.overview.as_ref(), &left_out))
                    @for section in &sections { (section.markup(options)) }
                    @for (n, part) in parts.iter().enumerate() { (told_alone(n, part)) }
                    @if sections.is_empty() && parts.iter().all(|part| part.trace.notes.is_empty()) { p.empty { "There is no TCP connection in this capture." } }
                }
                (furniture())
                script { (PreEscaped(include_str!("page.js"))) }
            }
        }
    };
    page.into_string()
}

/// The graph of a part of which only events were kept, no packets.
fn told_alone(n: usize, part: &Part<'_>) -> Markup {
    let graph = Some(part.trace).filter(|trace| trace.packets.is_empty()).and_then(graph::lay_out);
    html! {
        @if let Some(graph) = graph {
            section.pane.graphs.alone {
                h3 { @if part.title.is_empty() { "Over time" } @else { (words::tame(part.title)) } }
                (PreEscaped(graph::svg::draw(&[graph], &SvgOptions { theme: Theme::Page, id: usize::MAX - n, width: connection::GRAPH })))
            }
        }
    }
}

/// Nothing is loaded from anywhere.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

fn styles() -> String {
    format!("{}{}", palette::page_css(), include_str!("page.css"))
}

fn header(options: &PageOptions) -> Markup {
    html! {
        header.top {
            div.names {
                h1 { (words::tame(&options.title)) }
                @if !options.subtitle.is_empty() { p { (words::tame(&options.subtitle)) } }
            }
            div.tools role="toolbar" aria-label="Page" {
                input #search type="search" placeholder="Search segments  ( / )" aria-label="Search segments" autocomplete="off";
                output #found for="search" {}
                button #theme type="button" aria-label="Light or dark" title="Light or dark (t)" { "◐" }
                button #help type="button" aria-label="Help" title="Help (?)" { "?" }
            }
        }
    }
}

/// How wide the picture of all connections is.
const WIDTH: f64 = 1100.0;

/// Who, when, how long, how it ended.
fn table(sections: &[Section<'_>], all: Option<&Overview>, left_out: &[String]) -> Markup {
    let count = words::count(sections.len() as u64, "connection");
    let of_all =
        all.map(|all| format!("{} of {}", words::number(sections.len() as u64), words::count(all.count, "connection")));
    let whole = sections.iter().filter(|section| section.lasted.is_some()).map(|section| section.until()).max();
    html! {
        @if sections.len() > 1 || !left_out.is_empty() {
            details.overview open {
                summary { h2 { (of_all.unwrap_or(count)) } }
                @for text in left_out.iter().filter(|_| all.is_some()) { p.left-out { (text) } }
                @if let Some(all) = all {
                    div.wide { (PreEscaped(overview::draw(all, "All connections", WIDTH).document(Theme::Page))) }
                }
                div.wide {
                    table {
                        thead { tr {
                            th scope="col" { "#" } th scope="col" { "Who" } th scope="col" { "When" }
                            th.n scope="col" { "Lasted" } th.n scope="col" { "Segments" } th.n scope="col" { "Bytes →" }
                            th.n scope="col" { "Bytes ←" } th.n scope="col" { "Again" } th scope="col" { "End" }
                        } }
                        tbody { @for section in sections { (section.row(whole)) } }
                    }
                }
                @for text in left_out.iter().filter(|_| all.is_none()) { p.left-out { (text) } }
            }
        }
    }
}

/// What only the script shows.
fn furniture() -> Markup {
    const KEYS: [(&str, &str); 9] = [
        ("j  k", "next, previous segment"),
        ("g  G", "first, last segment"),
        ("[  ]", "previous, next connection; 1 to 9 go to one"),
        ("/", "search; Enter goes to the next that fits, Esc leaves"),
        ("+  −  0", "zoom graphs in, out, to all of it; or drag over a stretch of time, or turn the wheel with Ctrl"),
        ("←  →", "move graphs in time, as dragging does"),
        ("t", "light, dark, or as the system has it"),
        ("Esc", "choose nothing"),
        ("?", "this help"),
    ];
    html! {
        footer.chosen #chosen aria-live="polite" hidden {
            button #previous type="button" aria-label="Previous segment" { "‹" }
            button #next type="button" aria-label="Next segment" { "›" }
            code #line {}
            span #why {}
        }
        div #tip role="tooltip" hidden {}
        dialog #keys aria-label="Keys" {
            h2 { "Keys" }
            dl { @for (key, what) in KEYS { div { dt { kbd { (key) } } dd { (what) } } } }
            p { "What is chosen in the list, the ladder or a graph is marked in all of them." }
            form method="dialog" { button autofocus { "Close" } }
        }
    }
}
