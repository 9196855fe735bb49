//! One connection's part of the page: what happened in words, graphs, ladder, list.

use super::segments::{self, Row};
use super::{PageOptions, Part};
use crate::analysis::{Analysis, Connection, Segment};
use crate::graph::{self, svg as graph_svg};
use crate::ladder::{self, LadderOptions, svg as ladder_svg};
use crate::picture::Theme;
use crate::verdict::{self, Group};
use crate::words;
use limpid_event::Instant;
use limpid_wire::TcpFlags;
use maud::{Markup, PreEscaped, html};
use std::time::Duration;

/// The most segments that are linked behind one sentence.
const CITED: usize = 8;
/// The most arrows of a ladder that shows every segment by itself.
const UNFOLDED: usize = 200;
/// How wide ladders are drawn, in pixels.
const LADDER: f64 = 760.0;
/// The width of graphs: that of their pane on a usual screen, so that words are of usual size.
pub(super) const GRAPH: f64 = 720.0;
/// A ladder that is at most so much taller than wide is printed on one sheet; a taller one goes on overleaf.
const MOST_ON_A_SHEET: f64 = 2.0;

/// Everything between two endpoints.
pub(super) struct Section<'a> {
    /// Its number on the page: the part's own, or from 1.
    number: usize,
    part: String,
    analysis: &'a Analysis<'a>,
    /// One, or several one after the other.
    connections: Vec<&'a Connection>,
    verdicts: Group,
    lines: Vec<String>,
    ladder: Option<ladder::Ladder>,
    /// The same with every segment by itself, if the other has them together.
    unfolded: Option<ladder::Ladder>,
    began: Instant,
    pub(super) lasted: Option<Duration>,
}

/// The sections of a part, at most `most`, numbered from `first` on.
pub(super) fn sections<'a>(part: &Part<'a>, analysis: &'a Analysis<'a>, most: usize, first: usize) -> Vec<Section<'a>> {
    let pairs = ladder::drawn_pairs_of(analysis, most);
    let options = LadderOptions { max_ladders: most, ..LadderOptions::default() };
    let mut ladders = ladder::lay_out(part.trace, &options).into_iter();
    let mut unfolded = ladder::lay_out(
        part.trace,
        &LadderOptions { max_ladders: most, max_arrows: UNFOLDED, ..LadderOptions::unfolded() },
    )
    .into_iter();
    let mut groups: Vec<Option<Group>> = verdict::groups(part.trace).into_iter().map(Some).collect();
    let lines = if !pairs.is_empty() { segments::lines(part.trace) } else { Vec::new() };
    let section = |(nth, pair): (usize, usize)| {
        let connections: Vec<&Connection> = analysis.connections.iter().filter(|c| c.pair == pair).collect();
        let began = connections.iter().map(|c| c.began).min().unwrap_or_default();
        let ended = connections.iter().map(|c| c.ended()).max();
        let of_packet = |segment: &Segment| lines.get(segment.packet).cloned().unwrap_or_default();
        Section {
            number: first + nth,
            part: words::tame(part.title),
            analysis,
            lines: connections.iter().flat_map(|c| &c.segments).map(of_packet).collect(),
            connections,
            verdicts: groups
                .get_mut(pair)
                .and_then(Option::take)
                .unwrap_or(Group { caption: None, verdicts: Vec::new() }),
            unfolded: unfolded.next(),
            ladder: ladders.next(),
            began,
            lasted: ended.map(|ended| ended.since(began)),
        }
    };
    pairs.into_iter().enumerate().map(section).collect()
}

impl Section<'_> {
    fn first(&self) -> Option<&Connection> {
        self.connections.first().copied()
    }

    /// Who opened, and to whom: `client:49152`, `server:80`.
    fn ends(&self) -> [String; 2] {
        let Some(first) = self.first() else { return Default::default() };
        [first.opener, Connection::peer(first.opener)].map(|end| {
            let end = &first.ends[end];
            let host = self.analysis.trace.hosts.get(end.host).map(|host| words::tame(&host.name)).unwrap_or_default();
            match host.is_empty() || host == end.endpoint.addr.to_string() {
                true => end.endpoint.to_string(),
                false => format!("{host} ({})", end.endpoint),
            }
        })
    }

    fn segments(&self) -> impl Iterator<Item = (usize, &Segment)> {
        self.connections.iter().enumerate().flat_map(|(n, connection)| connection.segments.iter().map(move |s| (n, s)))
    }

    /// Bytes of data that `opener` or its peer sent, those sent again left out.
    fn bytes(&self, by_opener: bool) -> u64 {
        let of = |connection: &&Connection| -> u64 {
            let end = if by_opener { connection.opener } else { Connection::peer(connection.opener) };
            let new = connection.sent_by(end).filter(|s| s.facts.again.is_none() && !s.copy);
            new.map(|s| u64::from(s.tcp.len)).sum()
        };
        self.connections.iter().map(of).sum()
    }

    fn again(&self) -> u64 {
        self.segments().filter(|(_, segment)| segment.facts.again.is_some()).count() as u64
    }

    /// In a word or two, what came last.
    fn ending(&self) -> &'static str {
        let Some(last) = self.connections.last() else { return "" };
        let sent = |flags, end| last.sent_by(end).any(|s| s.is(flags));
        let answered = last.segments.iter().any(|s| !s.is_syn());
        match () {
            () if sent(TcpFlags::RST, 0) || sent(TcpFlags::RST, 1) => "reset",
            () if sent(TcpFlags::FIN, 0) && sent(TcpFlags::FIN, 1) => "closed",
            () if sent(TcpFlags::FIN, 0) || sent(TcpFlags::FIN, 1) => "half closed",
            () if !answered && !last.segments.is_empty() => "no answer",
            () => "open",
        }
    }

    /// When it ends.
    pub(super) fn until(&self) -> Instant {
        self.began + self.lasted.unwrap_or_default()
    }

    /// Its line of the overview; `whole` is where the last of all ends.
    pub(super) fn row(&self, whole: Option<Instant>) -> Markup {
        let [from, to] = self.ends();
        let (number, lasted) = (self.number, self.lasted.unwrap_or_default());
        let whole = whole.unwrap_or_default().as_nanos().max(1) as f64;
        let share = |nanos: u64| format!("{:.2}", nanos as f64 / whole * 100.0);
        let (left, width) = (share(self.began.as_nanos()), share(lasted.as_nanos() as u64));
        let ending = self.ending();
        html! {
            tr data-connection=(number) {
                th scope="row" { a href={ "#c" (number) } { (number) } }
                td { a href={ "#c" (number) } { @if !self.part.is_empty() { b { (self.part) } " " } (from) " → " (to) } }
                td.when {
                    svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img"
                        aria-label={ "from " (words::duration(self.began.since(Instant::ZERO))) } {
                        rect x=(left) y="1" width=(width) height="6" {}
                    }
                }
                td.n { (words::duration(lasted)) }
                td.n { (words::number(self.segments().count() as u64)) }
                td.n { (words::number(self.bytes(true))) }
                td.n { (words::number(self.bytes(false))) }
                td.n.some[self.again() > 0] { (words::number(self.again())) }
                td.ending.(ending.replace(' ', "-")) { (ending) }
            }
        }
    }

    pub(super) fn markup(&self, options: &PageOptions) -> Markup {
        let [from, to] = self.ends();
        html! {
            details.connection #{ "c" (self.number) } data-connection=(self.number) open {
                summary {
                    h2 { span.which { (self.number) } " " @if !self.part.is_empty() { (self.part) ": " } (from) " → " (to) }
                }
                (self.said())
                div.panes {
                    section.pane.ladder aria-label="Ladder" {
                        h3 { "Ladder" (zoom("ladder")) }
                        div.scroll tabindex="0" role="region" aria-label="Ladder" { (self.drawn_ladder()) }
                    }
                    section.pane.graphs aria-label="Graphs" {
                        h3 { "Over time" (zoom("graph")) }
                        div.scroll tabindex="0" role="region" aria-label="Graphs" { (self.graphs()) }
                    }
                    section.pane.list aria-label="Segments" {
                        h3 { "Segments" }
                        div.scroll tabindex="0" role="region" aria-label="Segments" { (self.list(options.max_segments)) }
                    }
                }
            }
        }
    }

    /// What happened, in words.
    fn said(&self) -> Markup {
        let cite =
            |number: &u64| html! { a.cite href={ "#c" (self.number) "-" (number) } data-cite=(number) { (number) } };
        html! {
            ul.said {
                @for verdict in &self.verdicts.verdicts {
                    li {
                        (words::tame(&verdict.sentence)) " "
                        span.known { (verdict.known.text()) }
                        @if !verdict.packets.is_empty() {
                            span.cites aria-label="Segments" {
                                @for number in verdict.packets.iter().take(CITED) { " " (cite(number)) }
                                @if verdict.packets.len() > CITED {
                                    " … " (cite(&verdict.packets[verdict.packets.len() - 1]))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn drawn_ladder(&self) -> Markup {
        let Some(ladder) = &self.ladder else { return html! { p.empty { "No ladder." } } };
        let drawn = |ladder: &ladder::Ladder, unfold| {
            let options = ladder_svg::SvgOptions { width: LADDER, unfold, ..ladder_svg::SvgOptions::default() };
            let drawing = ladder_svg::draw(std::slice::from_ref(ladder), &[], &options);
            let fits = drawing.height <= drawing.width * MOST_ON_A_SHEET;
            html! { div.drawn.sheet[fits] { (PreEscaped(drawing.document(Theme::Page))) } }
        };
        let whole = self.unfolded.as_ref().filter(|whole| whole.arrows.len() > ladder.arrows.len());
        html! {
            (drawn(ladder, if whole.is_some() { "each is in “Every segment by itself”, below" } else { "" }))
            @if let Some(whole) = whole {
                details.whole {
                    summary { "Every segment by itself" }
                    (drawn(whole, ""))
                }
            }
        }
    }

    fn graphs(&self) -> Markup {
        let drawn = self.connections.iter().enumerate().map(|(n, connection)| {
            let graphs = graph::of_connection(self.analysis, connection, graph::Show::All);
            let options = graph_svg::SvgOptions { theme: Theme::Page, id: self.number * 1000 + n, width: GRAPH };
            graph_svg::draw(&graphs, &options)
        });
        let drawn: Vec<String> = drawn.filter(|svg| !svg.is_empty()).collect();
        html! {
            @for svg in &drawn { figure { (PreEscaped(svg)) } }
            @if drawn.is_empty() { p.empty { "Nothing to draw over time." } }
        }
    }

    fn list(&self, most: usize) -> Markup {
        let rows: Vec<Row<'_>> =
            self.segments().zip(&self.lines).map(|((_, segment), line)| Row { segment, line }).collect();
        segments::list(self.number, &rows, most)
    }
}

/// Buttons that only the script shows.
fn zoom(of: &str) -> Markup {
    html! {
        span.zoom {
            button type="button" data-zoom=(of) data-by="in" aria-label={ "Zoom " (of) " in" } { "+" }
            button type="button" data-zoom=(of) data-by="out" aria-label={ "Zoom " (of) " out" } { "−" }
            button type="button" data-zoom=(of) data-by="all" aria-label={ "All of the " (of) } { "⤢" }
        }
    }
}
