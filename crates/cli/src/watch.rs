//! `limpid watch`: connections as they live, on a terminal; or as lines, or as objects, for pipes.
//!
//! One thread reads packets (`feed`), the other keeps the survey of connections (`survey`, `keep`), takes keys (`update`)
//! and draws (`view`). `lines` and `json` are for what is no terminal.

mod app;
mod batch;
mod feed;
pub(crate) mod json;
mod keep;
mod ladder;
mod limits;
mod lines;
mod model;
mod rate;
mod replay;
mod row;
mod save;
mod screen;
mod summary;
mod survey;
mod trouble;
mod update;
mod view;
mod wire;
mod words;

use crate::error::{CliError, plain};
use crate::input::{FilterArgs, refuse_own_input};
use crate::lab::values;
use crate::report;
use crate::signals::Signals;
use app::App;
use clap::ArgAction;
use feed::Feed;
use json::{Grain, Json};
use limits::Limits;
use limpid_device::capture::ANY;
use limpid_scope::dump::{Names, Options, Printer, TimeFormat, Zone};
use limpid_scope::ladder::Charset;
use lines::Format;
use model::{Look, Model, Subject};
use replay::Replay;
use save::Everything;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;
use wire::Wire;

/// Bytes of a packet that are looked at unless -s or -w ask for more: headers, and how the data begins.
const SNAPLEN: usize = 256;
/// The most bytes of a packet, as in tcpdump.
const MAX_SNAPLEN: usize = 262_144;

/// Watch connections live: states, round trips, rates, what is wrong; Enter shows the ladder
///
/// Packets come from an interface (-i), from a capture (-r FILE, --speed 1 at its own pace) or from standard input (-r -).
/// What is no terminal gets lines (--lines), or objects (--json). Capturing needs the capability CAP_NET_RAW.
#[derive(clap::Args, Debug)]
#[command(disable_version_flag = true, after_help = EXAMPLES)]
pub(crate) struct WatchArgs {
    /// The interface; `any` is all of them
    #[arg(short = 'i', long, value_name = "IF", conflicts_with = "read")]
    interface: Option<String>,

    /// A capture instead: pcap or pcapng, also compressed; `-` is standard input
    #[arg(short = 'r', long, value_name = "FILE")]
    read: Option<PathBuf>,

    /// Seconds of the capture in a second: 1 is its own pace; without it everything comes at once
    #[arg(long, value_name = "N", requires = "read", value_parser = speed)]
    speed: Option<f64>,

    /// Print tcpdump's text as packets come
    #[arg(long, conflicts_with = "json")]
    lines: bool,

    /// Print an object for each segment as it comes, or for each connection when it is over
    #[arg(long, value_name = "WHAT", value_enum)]
    json: Option<Grain>,

    /// Save all packets as pcapng; `-` is standard output
    #[arg(short = 'w', value_name = "FILE")]
    write: Option<PathBuf>,

    /// Stop after so many packets
    #[arg(short = 'c', value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,

    /// Stop after so long: 10s, 500ms, 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = values::deadline)]
    span: Option<Duration>,

    /// Bytes taken of each packet; 0 for all [default: 256; with -w all]
    #[arg(short = 's', long = "snapshot-length", value_name = "BYTES")]
    snaplen: Option<usize>,

    /// Lines: addresses and ports as numbers
    #[arg(short = 'n', action = ArgAction::Count)]
    numeric: u8,

    /// Lines: sequence numbers as they are
    #[arg(short = 'S', long = "absolute-tcp-sequence-numbers")]
    absolute_seq: bool,

    /// Lines: the time, as in `limpid read`: -t to -ttttt
    #[arg(short = 't', action = ArgAction::Count)]
    time: u8,

    /// Lines: more; -vv still more
    #[arg(short = 'v', action = ArgAction::Count)]
    verbose: u8,

    /// Lines: the link layer's header
    #[arg(short = 'e')]
    link: bool,

    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,

    #[command(flatten)]
    filter: FilterArgs,
}

const EXAMPLES: &str = "\
Examples:
  limpid watch -i eth0 tcp port 6379      connections of redis on eth0
  limpid watch                            everything on all interfaces
  limpid watch -r trace.pcapng --speed 1  a capture at its own pace
  limpid watch -i lo --json connections --for 1m > connections.ndjson";

/// What is shown of the packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Screen,
    Lines,
    Json(Grain),
    /// Packets go to standard output by `-w -`.
    Nothing,
}

impl WatchArgs {
    /// Watches until there is nothing more, or the person has seen enough.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mode = self.mode();
        let subject = self.subject()?;
        let lines = (mode == Mode::Lines).then(|| self.printer()).transpose()?;
        if let (Some(read), Some(written)) = (&self.read, &self.write) {
            refuse_own_input(read, written)?;
        }
        let feed = self.feed()?;
        // Not before: a pipe that says nothing yet is waited for above, and Ctrl+C ends that.
        let ends = Signals::take().map_err(|error| CliError::run("signals", plain(&error)))?;
        let everything = self.write.as_ref().map(|path| Everything::create(path, &subject)).transpose()?;
        let limits = Limits::new(self.count, self.span);
        let format = match mode {
            Mode::Screen => return self.on_screen(subject, feed, ends, everything, limits),
            Mode::Lines => lines.map_or(Format::Nothing, |printer| Format::Text(Box::new(printer))),
            Mode::Json(grain) => Format::Json(Box::new(Json::new(grain))),
            Mode::Nothing => Format::Nothing,
        };
        lines::run(&feed, &ends, format, everything, limits)
    }

    fn mode(&self) -> Mode {
        let writes_stdout = self.write.as_ref().is_some_and(|path| path.as_os_str() == "-");
        let is_screen = io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        match self.json {
            _ if writes_stdout => Mode::Nothing,
            Some(grain) => Mode::Json(grain),
            None if self.lines => Mode::Lines,
            None if is_screen => Mode::Screen,
            None => {
                let _ = writeln!(
                    io::stderr(),
                    "limpid: standard output is no terminal that can be drawn on: printing lines"
                );
                Mode::Lines
            }
        }
    }

    fn subject(&self) -> Result<Subject, CliError> {
        let source = match (&self.read, &self.interface) {
            (Some(path), _) if path.as_os_str() == "-" => "standard input".to_owned(),
            (Some(path), _) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            (None, Some(interface)) => interface.clone(),
            (None, None) => ANY.to_owned(),
        };
        let filter = self.filter.text()?.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Subject { source, filter, is_live: self.read.is_none() })
    }

    fn snaplen(&self) -> usize {
        match self.snaplen {
            Some(0) => MAX_SNAPLEN,
            Some(bytes) => bytes.min(MAX_SNAPLEN),
            None if self.write.is_some() => MAX_SNAPLEN,
            None => SNAPLEN,
        }
    }

    fn feed(&self) -> Result<Feed, CliError> {
        let started = match &self.read {
            Some(path) => Feed::start(Replay::open(path, self.filter.compile()?, self.speed, self.snaplen())?),
            None => {
                let interface = self.interface.as_deref().unwrap_or(ANY);
                Feed::start(Wire::open(interface, self.filter.compile()?, self.snaplen())?)
            }
        };
        started.map_err(|error| CliError::run("reading packets", plain(&error)))
    }

    fn printer(&self) -> Result<Printer, CliError> {
        let time = TimeFormat::from_count(self.time).ok_or_else(|| {
            CliError::usage("-t", format!("given {} times", self.time)).hint("give it up to five times")
        })?;
        let numeric = self.numeric > 0;
        Ok(Printer::new(Options {
            numeric,
            absolute_seq: self.absolute_seq,
            time,
            link: self.link,
            verbose: self.verbose,
            names: if numeric { Names::of_interfaces() } else { Names::of_this_machine() },
            zone: Zone::local(),
            ..Options::default()
        }))
    }

    fn on_screen(
        &self,
        subject: Subject,
        feed: Feed,
        ends: Signals,
        everything: Option<Everything>,
        limits: Limits,
    ) -> Result<(), CliError> {
        let screen = report::Screen::of_stdout();
        let charset = if self.ascii || !screen.utf8 { Charset::Ascii } else { Charset::Utf8 };
        let model = Model::new(subject, Look { charset, color: screen.color });
        let app =
            App::new(model, feed, ends, everything, limits).map_err(|error| CliError::run("signals", plain(&error)))?;
        let (model, failure) = app.run()?;
        io::stdout().write_all(summary::text(&model).as_bytes()).map_err(CliError::stdout)?;
        failure.map_or(Ok(()), Err)
    }
}

/// A positive number.
fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1e-6..=1e9).contains(&speed) => Ok(speed),
        _ => Err("no speed: write 1, 0.1 or 10".into()),
    }
}
