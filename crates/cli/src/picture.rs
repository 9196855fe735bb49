//! Pictures as files: which format, what they show, and writing them whole or not at all.

mod write;

use crate::error::CliError;
use crate::report;
use clap::ValueEnum;
use limpid_scope::graph::{self, GraphOptions};
use limpid_scope::ladder::svg::{self, SvgOptions};
use limpid_scope::ladder::{self, Charset, LadderOptions, RenderOptions, mermaid};
use limpid_scope::picture::{Drawing, Theme, png};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;
use std::collections::HashMap;
use std::path::PathBuf;
pub(crate) use write::Target;

/// Columns of a text, where none are given.
const COLUMNS: u32 = 100;
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

    /// How wide it is: pixels, or columns of a text
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(60..=4000))]
    width: Option<u32>,

    /// How time runs down a ladder [default: true]
    #[arg(long, value_name = "SPACING")]
    spacing: Option<Spacing>,

    /// Dark, whatever the reader prefers; a PNG is light otherwise
    #[arg(long)]
    dark: bool,
}

/// What a picture shows.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// Each segment between two lifelines
    Ladder,
    /// Windows, rates and round trips over time
    Graph,
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
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    pub(crate) trace: &'a Trace,
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

    /// Draws `subjects` and writes them: a file, or one for each with its number before the ending.
    pub(crate) fn write(&self, target: &Target, subjects: &[Subject<'_>], what: What) -> Result<(), CliError> {
        if target.format == Format::Txt {
            let texts: Vec<String> = subjects.iter().map(|subject| self.text(subject, what)).collect();
            return target.write(&[texts.join("\n").into_bytes()]);
        }
        let drawn: Result<Vec<Vec<u8>>, CliError> =
            subjects.iter().map(|subject| self.draw(target.format, subject, what)).collect();
        target.write(&drawn?)
    }

    fn text(&self, subject: &Subject<'_>, what: What) -> String {
        let width = self.width.unwrap_or(COLUMNS) as usize;
        let body = match what {
            What::Ladder => {
                let options = RenderOptions { width, charset: Charset::Utf8, ..RenderOptions::default() };
                ladder::render(subject.trace, &options)
            }
            What::Graph => graph::render(subject.trace, &GraphOptions { width, color: false, charset: Charset::Utf8 }),
        };
        if subject.title.is_empty() { body } else { format!("{}\n\n{body}", subject.title) }
    }

    fn draw(&self, format: Format, subject: &Subject<'_>, what: What) -> Result<Vec<u8>, CliError> {
        let theme = match (self.dark, format) {
            (true, _) => Theme::Dark,
            (false, Format::Png) => Theme::Light,
            (false, _) => Theme::Auto,
        };
        match format {
            Format::Svg => Ok(self.drawing(subject, what).document(theme).into_bytes()),
            Format::Png => {
                let document = self.drawing(subject, what).document(theme);
                png::render(&document, SCALE).map_err(|error| {
                    CliError::run(subject.title, error).hint("write .svg, or draw one connection with --connection")
                })
            }
            Format::Mmd => {
                let ladders = ladder::lay_out(subject.trace, &LadderOptions::default());
                let first = ladders.first().map(|ladder| mermaid::draw(ladder, subject.title));
                Ok(first.unwrap_or_default().into_bytes())
            }
            Format::Txt => Ok(self.text(subject, what).into_bytes()),
        }
    }

    fn drawing(&self, subject: &Subject<'_>, _what: What) -> Drawing {
        let trace = subject.trace;
        let lines: HashMap<u64, String> = (report::lines_with_reasons(trace).lines().map(str::to_owned))
            .zip(&trace.packets)
            .map(|(line, packet)| (packet.number, line))
            .collect();
        let options = SvgOptions {
            width: f64::from(self.width.unwrap_or(PIXELS)),
            spacing: match self.spacing {
                Some(Spacing::Even) => svg::Spacing::Even,
                Some(Spacing::True) | None => svg::Spacing::True,
            },
            title: subject.title.to_owned(),
            subtitle: subject.subtitle.to_owned(),
            lines,
            ..SvgOptions::default()
        };
        svg::draw(&ladder::lay_out(trace, &LadderOptions::default()), &verdict::groups(trace), &options)
    }
}

fn format_of(path: &std::path::Path) -> Result<Format, CliError> {
    if path.as_os_str() == "-" {
        return Err(CliError::usage("-o -", "standard output has no ending").hint("say --format svg, png, txt or mmd"));
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "svg" => Ok(Format::Svg),
        "png" => Ok(Format::Png),
        "txt" | "text" => Ok(Format::Txt),
        "mmd" | "mermaid" => Ok(Format::Mmd),
        _ => Err(CliError::usage(path.display(), "its ending is not of a picture")
            .hint("end it in .svg, .html, .png, .txt or .mmd, or say --format")),
    }
}
