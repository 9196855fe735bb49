//! `limpid drill`: packetdrill's scripts, run and judged.
//!
//! | where | what |
//! |---|---|
//! | `arguments` | script options as packetdrill's users type them, definitions, modes |
//! | `scripts` | files and folders to scripts |
//! | `pool` | threads that run them; a panic is one script's result |
//! | `play` | one script on one target |
//! | `failure` | what a failure shows |
//! | `tally` | counts, and the table by folder |
//! | `json`, `junit` | for programs |

mod arguments;
mod failure;
mod json;
mod junit;
mod play;
mod pool;
mod scripts;
mod tally;

use crate::error::{CliError, plain};
use crate::report::Screen;
use arguments::{Definition, Mode, ScriptOptions};
use clap::ValueEnum;
use failure::Shown;
use indicatif::{ProgressBar, ProgressStyle};
use play::{Done, Job, Kind, Player};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tally::Tally;

/// Ladders that a run of many scripts draws; more would bury the table.
const MAX_LADDERS: usize = 3;

/// Run packetdrill's scripts, on our stack in virtual time or on this machine's Linux
///
/// A script says what a program calls and what is on the wire, and when. Folders are searched for *.pkt; a file that is named
/// is taken, whatever its name. A failure shows what the script says and what happened, and the ladder of the run.
///
/// A script that asks for what is not there is neither passed nor failed: it is counted as unsupported. The exit code is 0 if
/// nothing failed, 1 if something did, 2 if the command line or a file can't be used.
///
/// How to write a script: docs/packetdrill.md.
#[derive(clap::Args, Debug)]
pub(crate) struct DrillArgs {
    /// Scripts, and folders to search for *.pkt
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,

    /// What the scripts are run on
    #[arg(long, value_name = "TARGET", default_value = "limpid")]
    against: Against,

    /// Run each script on both, and show where they part
    #[arg(long, conflicts_with = "against")]
    differential: bool,

    /// Run only scripts with NAME in their path; given several times, any of them
    #[arg(long, value_name = "NAME")]
    filter: Vec<String>,

    /// Print the scripts that would run, and end
    #[arg(long)]
    list: bool,

    /// Run each script over each of these: ipv4, ipv6, ipv4-mapped-ipv6 [default: as the script says]
    #[arg(long, value_name = "MODE,…", value_delimiter = ',')]
    modes: Vec<Mode>,

    /// Scripts at a time, on our stack [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// Runs that a script gets on Linux until it passes: machines stall
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,

    /// How long a run on Linux may take: one that hangs fails where it is then [default: a minute more than the script's
    /// times say]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time_limit: Option<u64>,

    /// End at the first script that does not pass
    #[arg(long)]
    fail_fast: bool,

    /// Go on after a script that does not pass, which is what happens anyway
    #[arg(long, hide = true, conflicts_with = "fail_fast")]
    keep_going: bool,

    /// What is unsupported makes the exit code 1, too
    #[arg(long)]
    strict: bool,

    /// NAME stands for VALUE wherever it is a whole word in a script: a number, a word, a "string" or a `command`
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", help_heading = "What scripts are run with")]
    define: Vec<Definition>,

    /// An option that wins over a script's own, as if --NAME=VALUE stood in it
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "What scripts are run with")]
    set: Vec<String>,

    #[command(flatten)]
    script: ScriptOptions,

    #[command(flatten)]
    output: OutputArgs,
}

/// Here the exit code is a verdict: a reader that goes away before it does not make it a good one.
fn unread(error: CliError) -> CliError {
    match error {
        CliError::BrokenPipe => CliError::run("standard output", "its reader went away before all scripts were judged"),
        error => error,
    }
}

/// What is shown, and written.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// One JSON object a line and script, and one for all, instead of text
    #[arg(long)]
    json: bool,

    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Nothing but a line for each failure
    #[arg(long, short, conflicts_with_all = ["verbose", "ladder"])]
    quiet: bool,

    /// Every packet of every script, with the reason why it was sent
    #[arg(long, short)]
    verbose: bool,

    /// The ladder of scripts that pass, too, and of any number that fail
    #[arg(long)]
    ladder: bool,

    /// Leave ladders out
    #[arg(long, conflicts_with = "ladder")]
    no_ladder: bool,

    /// Say of each unsupported script what it asks for
    #[arg(long)]
    show_unsupported: bool,

    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
}

/// What scripts are run on.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Against {
    /// Our own stack, in virtual time
    Limpid,
    /// This machine's Linux in a private network, in real time, one script after the other
    Kernel,
}

/// What a run of scripts takes place on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    Limpid,
    Kernel,
    /// One after the other, and what they did is compared.
    Both,
}

impl On {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            On::Limpid => "limpid",
            On::Kernel => "kernel",
            On::Both => "both",
        }
    }
}

impl DrillArgs {
    /// Finds the scripts and runs them.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let scripts = scripts::find(&self.paths, &self.filter)?;
        if self.list {
            let list: String = scripts.iter().map(|script| format!("{}\n", script.name)).collect();
            return io::stdout().write_all(list.as_bytes()).map_err(CliError::stdout);
        }
        let on = match (self.differential, self.against) {
            (true, _) => On::Both,
            (false, Against::Limpid) => On::Limpid,
            (false, Against::Kernel) => On::Kernel,
        };
        let player =
            Player::new(on, (self.tries, self.time_limit.map(Duration::from_secs)), &self.define, self.options()?);
        let jobs = self.jobs_of(scripts);
        // Before anything is run for nothing.
        let junit = self.output.junit.as_deref().map(junit::create).transpose()?;
        let started = Instant::now();
        let mut session = Session::new(&self.output, on, jobs.len());
        let threads = match on {
            On::Limpid => match self.jobs {
                Some(jobs) => NonZeroUsize::new(jobs.into()),
                None => std::thread::available_parallelism().ok(),
            },
            // Real time bears no company, and a private network no other threads.
            On::Kernel | On::Both => None,
        };
        let mut written = Ok(());
        pool::run(
            &jobs,
            threads,
            |job| player.play(job),
            |done| {
                written = session.show(&done);
                let fails = done.is_failure();
                session.tally.add(&done);
                written.is_ok() && !(self.fail_fast && fails)
            },
        );
        session.bar.finish_and_clear();
        written.map_err(unread)?;
        session.tally.elapsed = started.elapsed();
        session.end().map_err(unread)?;
        if let Some((path, file)) = junit {
            let xml = junit::text(&session.tally);
            { file }.write_all(xml.as_bytes()).map_err(|e| CliError::run(path.display(), plain(&e)))?;
        }
        session.tally.verdict(self.strict)
    }

    /// Options of the command line.
    fn options(&self) -> Result<Vec<(String, Option<String>)>, CliError> {
        let mut options = self.script.0.clone();
        for text in &self.set {
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (text.as_str(), None),
            };
            let name = name.trim_start_matches('-');
            if name.is_empty() {
                return Err(
                    CliError::usage("--set", format!("'{text}' names no option")).hint("write --set name=value")
                );
            }
            options.push((name.to_owned(), value));
        }
        Ok(options)
    }

    fn jobs_of(&self, scripts: Vec<scripts::Found>) -> Vec<Job> {
        let modes: Vec<Option<Mode>> = match &self.modes[..] {
            [] => vec![None],
            modes => modes.iter().copied().map(Some).collect(),
        };
        let of_script = |script: scripts::Found| {
            modes.iter().map(move |mode| Job { script: script.clone(), mode: *mode }).collect::<Vec<_>>()
        };
        scripts.into_iter().flat_map(of_script).collect()
    }
}

/// What is shown of a run of many scripts, as it goes.
struct Session<'a> {
    output: &'a OutputArgs,
    screen: Screen,
    bar: ProgressBar,
    /// How many there are.
    count: usize,
    on: On,
    ladders: usize,
    tally: Tally,
}

impl<'a> Session<'a> {
    fn new(output: &'a OutputArgs, on: On, count: usize) -> Session<'a> {
        let bar = if count > 1 && io::stderr().is_terminal() && !output.quiet {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}").expect("a template that is whole");
            ProgressBar::new(count as u64).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        let screen = Screen::of_stdout();
        Session { output, screen, bar, count, on, ladders: 0, tally: Tally::default() }
    }

    /// Shows how a script ended.
    fn show(&mut self, done: &Done) -> Result<(), CliError> {
        self.bar.inc(1);
        self.bar.set_message(self.tally.so_far());
        let text = if self.output.json { json::script(done) } else { self.text(done) };
        if text.is_empty() {
            return Ok(());
        }
        self.bar.suspend(|| io::stdout().lock().write_all(text.as_bytes())).map_err(CliError::stdout)
    }

    fn text(&mut self, done: &Done) -> String {
        let alone = self.count == 1;
        let shown = Shown {
            screen: self.screen,
            ascii: self.output.ascii,
            remarks: alone || self.output.verbose,
            packets: self.output.verbose,
            ladder: self.ladder_of(done),
        };
        self.ladders += usize::from(shown.ladder);
        match (done.is_failure(), done.kind() == Kind::Unsupported) {
            (true, _) if self.output.quiet => failure::headline(done),
            (true, _) => shown.failure(done),
            (false, true) if alone || self.output.show_unsupported || self.output.verbose => failure::headline(done),
            (false, false) if self.output.quiet => String::new(),
            (false, false) if alone || self.output.verbose || self.output.ladder => shown.pass(done),
            _ => String::new(),
        }
    }

    fn ladder_of(&self, done: &Done) -> bool {
        let wanted = self.output.ladder || done.is_failure() && self.ladders < MAX_LADDERS;
        wanted && !self.output.no_ladder && !self.output.quiet
    }

    /// What stands below all.
    fn end(&self) -> Result<(), CliError> {
        let text = match (self.output.json, self.output.quiet, self.count) {
            (true, ..) => json::summary(&self.tally),
            (_, true, _) => String::new(),
            (_, _, 1) => self.tally.advice(self.on, true),
            _ => self.tally.table() + &self.tally.advice(self.on, self.output.show_unsupported),
        };
        io::stdout().lock().write_all(text.as_bytes()).map_err(CliError::stdout)
    }
}

/// A script's text. Comments may be in any encoding.
fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| plain(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
