//! Pictures as files: which format, what they show, and writing them whole or not at all.

mod write;

use crate::draw::MAX_DRAWN;
use crate::error::CliError;
use crate::report;
use clap::ValueEnum;
use limpid_scope::graph::{self, Graph, GraphOptions, Show};
use limpid_scope::ladder::svg::{self, SvgOptions};
use limpid_scope::ladder::{self, Charset, LadderOptions, RenderOptions, mermaid};
use limpid_scope::overview::{self, Overview};
use limpid_scope::page::{self, PageOptions, Part};
use limpid_scope::picture::{Drawing, Theme, escaped, palette, png};
use limpid_scope::timeline::{self, Timeline};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;
use std::collections::HashMap;
use std::path::PathBuf;
pub(crate) use write::Target;

/// Columns of a text, where none are given.
const COLUMNS: u32 = 100;
/// What a width may be, in columns or pixels.
const MIN_WIDTH: u32 = 40;
const MAX_WIDTH: u32 = 4000;
/// Pixels of a drawing, where none are given.
const PIXELS: u32 = 1100;
/// Pixels of a PNG for each of the drawing: sharp on screens of today.
const SCALE: f32 = 2.0;

/// What is drawn, and where it is written.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Picture")]
pub(crate) struct PictureArgs {
    /// Write a picture: the ending decides the format (.svg, .html, .png, .txt, .mmd); `-` is standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// The format, whatever the ending says
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    /// What it shows
    #[arg(long, value_name = "WHAT")]
    pub(crate) what: Option<What>,

    /// How wide it is: pixels, or columns of a text (else COLUMNS, or 100)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(MIN_WIDTH)..=i64::from(MAX_WIDTH)))]
    pub(crate) width: Option<u32>,

    /// How time runs down a ladder [default: true]
    #[arg(long, value_name = "SPACING")]
    spacing: Option<Spacing>,

    /// Draw every segment of a ladder by itself: bursts are one broad arrow otherwise, and long runs are folded
    #[arg(long)]
    unfold: bool,

    /// Dark, whatever the reader prefers; a PNG is light otherwise
    #[arg(long)]
    dark: bool,
}

/// What a picture shows.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// Each segment between two lifelines
    Ladder,
    /// The states of both ends over time
    States,
    /// All connections: who, when, how long, how they ended
    Overview,
    /// Data and acknowledgements, windows, rates and round trips over time
    Graph,
    /// Data and acknowledgements over time, as tcptrace draws them
    Sequence,
    /// Round trips over time
    Rtt,
    /// What is in flight, and the windows that bound it
    Flight,
    /// Throughput and goodput over time
    Throughput,
}

impl What {
    /// What of a graph it is, if it is one.
    const fn graph(self) -> Option<Show> {
        match self {
            What::Graph => Some(Show::All),
            What::Sequence => Some(Show::Sequence),
            What::Rtt => Some(Show::Rtt),
            What::Flight => Some(Show::Flight),
            What::Throughput => Some(Show::Throughput),
            What::Ladder | What::States | What::Overview => None,
        }
    }
}

impl What {
    /// True if segments are drawn, and not what engines told of themselves.
    pub(crate) const fn needs_packets(self) -> bool {
        matches!(self, What::Ladder | What::States | What::Overview)
    }

    /// What to say where there is nothing to draw of it.
    const fn missing(self) -> &'static str {
        match self {
            What::Rtt => "nothing in it was acknowledged, so that there is no round trip",
            What::Throughput => "no data was sent, so that there is no throughput",
            What::Flight => "no data was sent, so that nothing was in flight",
            _ => "there is nothing to draw over time",
        }
    }
}

/// How time runs down a ladder.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Spacing {
    /// In proportion, long waits broken
    True,
    /// As far from each moment to the next
    Even,
}

/// A file format.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// A drawing that scales, light and dark
    Svg,
    /// A page of its own with all drawings
    Html,
    /// A drawing of pixels
    Png,
    /// The drawing of a terminal
    #[value(alias = "text")]
    Txt,
    /// A Mermaid sequence diagram
    #[value(alias = "mermaid")]
    Mmd,
}

/// One picture's worth: what happened, and what to call it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// What its file is numbered by, where there are several.
    pub(crate) number: u64,
    pub(crate) title: &'a str,
    /// What a page of it is called.
    pub(crate) page: &'a str,
    /// Which run it is, where a page has several.
    pub(crate) run: Option<&'a str>,
    pub(crate) subtitle: &'a str,
    pub(crate) trace: &'a Trace,
    /// How each segment of what is folded is had, in words.
    pub(crate) unfold: &'static str,
}

impl PictureArgs {
    /// Where to; checks that format and subject go together before anything is done for nothing.
    pub(crate) fn target(&self) -> Result<Option<Target>, CliError> {
        let Some(path) = &self.output else {
            return Ok(None);
        };
        let format = match self.format {
            Some(format) => format,
            None => format_of(path)?,
        };
        if format == Format::Mmd && self.what.is_some_and(|what| what != What::Ladder) {
            return Err(
                CliError::usage("--what", "Mermaid has sequence diagrams only").hint("write .svg, .png or .txt")
            );
        }
        Ok(Some(Target { path: path.clone(), format }))
    }

    /// True if it is a sequence diagram, whatever it is of.
    pub(crate) fn is_diagram(&self) -> bool {
        self.target().is_ok_and(|target| target.is_some_and(|target| target.format == Format::Mmd))
    }

    /// True if the format is given apart from the file's ending.
    pub(crate) const fn has_format(&self) -> bool {
        self.format.is_some()
    }

    /// Draws `subjects` and writes them: one file, or one for each with its number before the ending.
    pub(crate) fn write(&self, target: &Target, subjects: &[Subject<'_>], what: What) -> Result<(), CliError> {
        match target.format {
            Format::Txt => {
                let texts: Vec<String> = subjects.iter().map(|subject| self.text(subject, what)).collect();
                target.write_one(texts.join("\n").as_bytes())
            }
            Format::Html if self.what.is_none() => self.write_page(target, subjects, None, None),
            Format::Html => {
                let drawings: Vec<String> =
                    subjects.iter().map(|subject| self.document(subject, what, Theme::Page)).collect();
                let title = subjects.first().map_or("limpid", |subject| subject.title);
                target.write_one(self.page(title, &drawings).as_bytes())
            }
            format => {
                let draw = |subject: &Subject<'_>| Ok((subject.number, self.draw(format, subject, what)?));
                let drawn: Result<Vec<(u64, Vec<u8>)>, CliError> = subjects.iter().map(draw).collect();
                target.write_each(&drawn?)
            }
        }
    }

    /// Writes all there is about `subjects` as one page; `left_out` says what is not on it, `overview` shows it.
    pub(crate) fn write_page(
        &self,
        target: &Target,
        subjects: &[Subject<'_>],
        left_out: Option<String>,
        overview: Option<Overview>,
    ) -> Result<(), CliError> {
        let first = subjects.first();
        let several = subjects.len() > 1;
        let parts: Vec<Part<'_>> = (subjects.iter())
            .map(|subject| Part {
                title: subject.run.unwrap_or_default(),
                number: usize::try_from(subject.number).ok().filter(|_| subject.run.is_none()),
                trace: subject.trace,
            })
            .collect();
        let options = PageOptions {
            title: first.map_or("limpid", |subject| subject.page).to_owned(),
            subtitle: first
                .filter(|subject| !several && subject.subtitle != subject.page)
                .map_or("", |subject| subject.subtitle)
                .to_owned(),
            left_out,
            overview,
            dark: self.dark,
            ..PageOptions::default()
        };
        target.write_one(page::render(&parts, &options).as_bytes())
    }

    /// Draws all connections together.
    pub(crate) fn write_overview(&self, target: &Target, overview: &Overview, title: &str) -> Result<(), CliError> {
        let document = |theme| overview::draw(overview, title, self.pixels()).document(theme);
        match target.format {
            Format::Txt => target.write_one(overview::text(overview, self.columns()).as_bytes()),
            Format::Html => target.write_one(self.page(title, &[document(Theme::Page)]).as_bytes()),
            Format::Png => target.write_one(&png_of(&document(self.theme(Format::Png)), title)?),
            Format::Svg | Format::Mmd => target.write_one(document(self.theme(Format::Svg)).as_bytes()),
        }
    }

    fn ladder_options(&self) -> LadderOptions {
        if self.unfold { LadderOptions::unfolded() } else { LadderOptions::default() }
    }

    fn columns(&self) -> usize {
        let told = || std::env::var("COLUMNS").ok()?.parse().ok();
        let columns = self.width.or_else(|| told().filter(|columns| MIN_WIDTH <= *columns && *columns <= MAX_WIDTH));
        columns.unwrap_or(COLUMNS) as usize
    }

    fn pixels(&self) -> f64 {
        f64::from(self.width.unwrap_or(PIXELS))
    }

    fn theme(&self, format: Format) -> Theme {
        match (self.dark, format) {
            (true, _) => Theme::Dark,
            (false, Format::Png) => Theme::Light,
            (false, _) => Theme::Auto,
        }
    }

    /// What is drawn of `subject`: where nobody chose, and its connections are many, all of them together.
    fn shows(&self, subject: &Subject<'_>, what: What) -> What {
        let are_many = || overview::of_trace(subject.trace).count > MAX_DRAWN as u64;
        if self.what.is_none() && are_many() { What::Overview } else { what }
    }

    fn text(&self, subject: &Subject<'_>, what: What) -> String {
        let (width, charset) = (self.columns(), Charset::Utf8);
        let body = match self.shows(subject, what) {
            What::Overview => overview::text(&overview::of_trace(subject.trace), width),
            What::Ladder => {
                let ladder = self.ladder_options();
                ladder::render(subject.trace, &RenderOptions { width, charset, ladder, ..RenderOptions::default() })
            }
            What::Graph | What::Sequence | What::Rtt | What::Flight | What::Throughput => {
                let graphs = graph::of_connections(subject.trace, what.graph().unwrap_or_default(), MAX_DRAWN);
                if graphs.iter().flatten().next().is_none() {
                    return format!("{}: {}\n", subject.title, what.missing());
                }
                graph::draw_all(graphs.iter().flatten(), &GraphOptions { width, color: false, charset })
            }
            What::States => {
                let ladders = ladder::lay_out(subject.trace, &LadderOptions::default());
                let texts: Vec<String> = ladders.iter().map(|l| timeline::text(&Timeline::of(l), width)).collect();
                texts.join("\n")
            }
        };
        let head = [subject.title, subject.subtitle].into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>();
        if head.is_empty() { body } else { format!("{}\n\n{body}", head.join("\n")) }
    }

    fn draw(&self, format: Format, subject: &Subject<'_>, what: What) -> Result<Vec<u8>, CliError> {
        match format {
            Format::Png => png_of(&self.document_of(subject, what, self.theme(format), png::MAX_HEIGHT), subject.title),
            Format::Mmd => {
                let ladders = ladder::lay_out(subject.trace, &self.ladder_options());
                let first = ladders.first().map(|ladder| mermaid::draw(ladder, subject.title));
                Ok(first.unwrap_or_else(|| "sequenceDiagram\n".into()).into_bytes())
            }
            Format::Svg | Format::Html | Format::Txt => {
                Ok(self.document(subject, what, self.theme(format)).into_bytes())
            }
        }
    }

    /// The drawing as a document.
    fn document(&self, subject: &Subject<'_>, what: What, theme: Theme) -> String {
        self.document_of(subject, what, theme, f64::INFINITY)
    }

    /// The same, at most `height` pixels tall.
    fn document_of(&self, subject: &Subject<'_>, what: What, theme: Theme, height: f64) -> String {
        match self.shows(subject, what) {
            What::Ladder => self.ladders(subject).at_most(height).document(theme),
            What::States => self.states(subject).at_most(height).document(theme),
            What::Overview => {
                let overview = overview::of_trace(subject.trace);
                overview::draw(&overview, subject.title, self.pixels()).at_most(height).document(theme)
            }
            What::Graph | What::Sequence | What::Rtt | What::Flight | What::Throughput => {
                let show = what.graph().unwrap_or_default();
                let graphs = graph::of_connections(subject.trace, show, MAX_DRAWN).into_iter();
                let mut graphs: Vec<Graph> = graphs.flatten().collect();
                if graphs.is_empty() {
                    // Where only events were kept, they tell.
                    graphs.extend(graph::lay_out(subject.trace));
                }
                match graphs.is_empty() {
                    true => {
                        eprintln!("limpid: {}: {}; its ladder is drawn instead", subject.title, what.missing());
                        self.ladders(subject).at_most(height).document(theme)
                    }
                    false => graph::svg::draw(
                        &graphs,
                        &graph::svg::SvgOptions {
                            theme,
                            id: subject.number as usize,
                            width: self.width.map_or(graph::svg::SvgOptions::default().width, f64::from),
                        },
                    ),
                }
            }
        }
    }

    fn ladders(&self, subject: &Subject<'_>) -> Drawing {
        let trace = subject.trace;
        let lines: HashMap<u64, String> = (report::lines_with_reasons(trace).lines().map(str::to_owned))
            .zip(&trace.packets)
            .map(|(line, packet)| (packet.number, line))
            .collect();
        let options = SvgOptions {
            width: self.pixels(),
            spacing: match self.spacing {
                Some(Spacing::Even) => svg::Spacing::Even,
                Some(Spacing::True) | None => svg::Spacing::True,
            },
            title: subject.title.to_owned(),
            subtitle: subject.subtitle.to_owned(),
            lines,
            // What is still folded then is too much for any picture.
            unfold: if self.unfold { "" } else { subject.unfold },
            ..SvgOptions::default()
        };
        svg::draw(&ladder::lay_out(trace, &self.ladder_options()), &verdict::groups(trace), &options)
    }

    /// The states of each connection, one below the other.
    fn states(&self, subject: &Subject<'_>) -> Drawing {
        let ladders = ladder::lay_out(subject.trace, &LadderOptions::default());
        let timelines: Vec<(Option<&str>, Timeline)> =
            ladders.iter().map(|ladder| (ladder.caption.as_deref(), Timeline::of(ladder))).collect();
        let timelines: Vec<(Option<&str>, &Timeline)> = timelines.iter().map(|(c, timeline)| (*c, timeline)).collect();
        timeline::draw_all(&timelines, subject.title, self.pixels())
    }

    /// A page that holds drawings, and nothing that is elsewhere.
    fn page(&self, title: &str, drawings: &[String]) -> String {
        let theme = if self.dark { " data-theme=\"dark\"" } else { "" };
        let title = escaped(title);
        let css = palette::page_css();
        format!(
            "<!doctype html>\n<html lang=\"en\"{theme}><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
             <style>{css}body{{margin:0;background:var(--paper)}}svg{{display:block;margin:0 auto 2rem;max-width:100%;height:auto}}</style>\
             </head><body>\n{}</body></html>\n",
            drawings.concat()
        )
    }
}

fn png_of(document: &str, title: &str) -> Result<Vec<u8>, CliError> {
    png::render(document, SCALE)
        .map_err(|error| CliError::run(title, error).hint("write .svg, or draw one connection with --connection"))
}

fn format_of(path: &std::path::Path) -> Result<Format, CliError> {
    if path.as_os_str() == "-" {
        return Err(
            CliError::usage("-o -", "standard output has no ending").hint("say --format svg, html, png, txt or mmd")
        );
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "svg" => Ok(Format::Svg),
        "png" => Ok(Format::Png),
        "html" | "htm" => Ok(Format::Html),
        "txt" | "text" => Ok(Format::Txt),
        "mmd" | "mermaid" => Ok(Format::Mmd),
        _ => Err(CliError::usage(path.display(), "its ending is not of a picture")
            .hint("end it in .svg, .html, .png, .txt or .mmd, or say --format")),
    }
}
