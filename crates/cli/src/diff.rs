//! `limpid diff`: two captures compared, as two ends of a connection or as two runs of an exchange.

mod json;

use crate::error::{CliError, plain};
use crate::input::{Capture, FilterArgs};
use crate::report::{self, Screen};
use limpid_scope::diff::ends::Ends;
use limpid_scope::diff::runs::Runs;
use limpid_scope::diff::{Diff, MAX_PACKETS, Relation, Side, compare};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Compare two captures: the two ends of one connection, or a good and a bad run
///
/// Captures that hold the same connection (through a NAT, too) are put on one clock: what was lost between them, what was
/// changed on the way, how long packets took each way, what overtook what. Other captures are two runs of an exchange:
/// where they part first, and in what they differ.
///
/// A12 is packet 12 of the first capture, B12 of the second; the ladder of two ends counts packets as they left.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  limpid diff client.pcap server.pcap
  limpid diff client.pcap server.pcap -o between.txt
  limpid diff --as runs yesterday.pcap today.pcap tcp port 5432")]
pub(crate) struct DiffArgs {
    /// The first capture, called A
    #[arg(value_name = "A")]
    a: PathBuf,

    /// The second capture, called B
    #[arg(value_name = "B")]
    b: PathBuf,

    #[command(flatten)]
    filter: FilterArgs,

    /// What the captures are to each other; found out if not given
    #[arg(long = "as", value_name = "WHAT", value_enum)]
    relation: Option<As>,

    /// Write the ladder to a file; `-` is standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,

    /// Compare only the Nth pair of connections, as they are counted without this
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    connection: Option<u64>,

    /// Print one object of JSON for each pair of connections
    #[arg(long)]
    json: bool,

    /// Columns to fill; the terminal's if not given
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..))]
    width: Option<u16>,

    /// Use only ASCII characters
    #[arg(long)]
    ascii: bool,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum As {
    /// The two ends of the same connections
    Ends,
    /// Two runs of an exchange
    Runs,
}

/// The most pairs of connections that are told of without being asked for.
const MAX_TOLD: usize = 10;

/// A pair of connections, compared.
enum Pair {
    Ends(Box<Ends>),
    Runs(Box<Runs>),
}

impl DiffArgs {
    pub(crate) fn run(self) -> Result<(), CliError> {
        let (a, damage_a) = self.side(&self.a)?;
        let (b, damage_b) = self.side(&self.b)?;
        let relation = self.relation.map(|relation| match relation {
            As::Ends => Relation::Ends,
            As::Runs => Relation::Runs,
        });
        let mut pairs: Vec<Pair> = match compare(&a, &b, relation) {
            Diff::Ends(all) => all.into_iter().map(|ends| Pair::Ends(Box::new(ends))).collect(),
            Diff::Runs(all) => all.into_iter().map(|runs| Pair::Runs(Box::new(runs))).collect(),
        };
        let count = pairs.len();
        if let Some(nth) = self.connection {
            let at = usize::try_from(nth - 1).unwrap_or(usize::MAX);
            if at >= count {
                return Err(CliError::usage("--connection", format!("there are {count} pairs of connections")));
            }
            pairs = pairs.drain(at..=at).collect();
        }
        let damage = damage_a.or(damage_b);
        if pairs.is_empty() {
            return Err(damage.unwrap_or_else(|| self.nothing(&a, &b)));
        }
        let mut out = io::stdout().lock();
        if self.json {
            for pair in &pairs {
                writeln!(out, "{}", json::object(pair)).map_err(CliError::stdout)?;
            }
        } else {
            out.write_all(self.text(&pairs, [&a, &b]).as_bytes()).map_err(CliError::stdout)?;
        }
        if let Some(path) = &self.output {
            self.draw(path, &pairs, &mut out)?;
        }
        out.flush().map_err(CliError::stdout)?;
        damage.map_or(Ok(()), Err)
    }

    /// Reads a capture; what stands before damage is compared all the same.
    fn side(&self, path: &Path) -> Result<(Side, Option<CliError>), CliError> {
        let mut capture = Capture::open(path, &self.filter)?;
        let mut side = Side::default();
        loop {
            match capture.next() {
                Ok(Some(packet)) => side.take(&packet),
                Ok(None) => return Ok((side, None)),
                Err(error) => return Ok((side, Some(error))),
            }
        }
    }

    fn nothing(&self, a: &Side, b: &Side) -> CliError {
        let (what, hint) = match (a.connections(), b.connections(), self.relation) {
            (0, ..) => (&self.a, "there is no TCP in it"),
            (_, 0, _) => (&self.b, "there is no TCP in it"),
            (.., Some(As::Ends)) => (&self.b, "no connection of the first capture is in it; try --as runs"),
            _ => (&self.b, "no connection in it is to a port that the first capture has"),
        };
        CliError::run(what.display(), format!("nothing to compare: {hint}"))
    }

    fn text(&self, pairs: &[Pair], sides: [&Side; 2]) -> String {
        let screen = Screen::of_stdout();
        let width = self.width.map_or(screen.width.min(100), usize::from);
        let mut text = String::new();
        for (nth, pair) in pairs.iter().enumerate().take(MAX_TOLD) {
            if pairs.len() > 1 {
                let _ = writeln!(text, "{}Pair {} of {}", if nth > 0 { "\n" } else { "" }, nth + 1, pairs.len());
            }
            match pair {
                Pair::Ends(ends) => {
                    ends.findings.iter().for_each(|finding| text.push_str(&report::wrap(&finding.to_string(), width)));
                    text.push_str("What that did to the connection, packets numbered as they left:\n");
                    let verdicts = verdict::explain(&ends.trace);
                    verdicts.iter().for_each(|verdict| text.push_str(&report::wrap(&verdict.to_string(), width)));
                }
                Pair::Runs(runs) => {
                    runs.findings.iter().for_each(|finding| text.push_str(&report::wrap(&finding.to_string(), width)));
                }
            }
        }
        if pairs.len() > MAX_TOLD {
            let _ = writeln!(text, "({} more pairs; --connection N shows one)", pairs.len() - MAX_TOLD);
        }
        for (name, side) in ["A", "B"].iter().zip(sides).filter(|(_, side)| side.left_out > 0) {
            let _ =
                writeln!(text, "(of {name} the first {MAX_PACKETS} TCP packets; {} more were left out)", side.left_out);
        }
        screen.show(text, self.ascii)
    }

    fn draw(&self, path: &Path, pairs: &[Pair], out: &mut impl io::Write) -> Result<(), CliError> {
        let traces: Vec<&Trace> = (pairs.iter().take(MAX_TOLD))
            .flat_map(|pair| match pair {
                Pair::Ends(ends) => vec![&ends.trace],
                Pair::Runs(runs) => runs.traces.iter().collect(),
            })
            .collect();
        let to_stdout = path.as_os_str() == "-";
        let screen = Screen::of_stdout();
        let screen = Screen { width: self.width.map_or(screen.width, usize::from), ..screen };
        let screen = if to_stdout { screen } else { Screen { color: false, utf8: true, ..screen } };
        let text: String = traces.iter().map(|trace| report::ladder(trace, self.ascii, &screen)).collect();
        if to_stdout {
            return out.write_all(text.as_bytes()).map_err(CliError::stdout);
        }
        fs::write(path, text)
            .map_err(|error| CliError::run(path.display(), plain(&error)).hint("give a file that can be written"))
    }
}
