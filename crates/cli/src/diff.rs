//! `limpid diff`: two captures compared, as two ends of a connection or as two runs of an exchange.

mod json;

use crate::error::CliError;
use crate::input::{Capture, FilterArgs, refuse_own_input};
use crate::picture::{Format, PictureArgs, Subject, Target, What};
use crate::report::{self, Screen};
use limpid_scope::diff::ends::Ends;
use limpid_scope::diff::runs::Runs;
use limpid_scope::diff::{Diff, MAX_PACKETS, Relation, Side, compare};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;
use limpid_wire::Endpoint;
use std::fmt::Write as _;
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
  limpid diff client.pcap server.pcap -o between.svg
  limpid diff client.pcap server.pcap -o -
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

    /// Compare only the Nth pair of connections, as they are counted without this
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    connection: Option<u64>,

    /// Print one object of JSON for each pair of connections
    #[arg(long)]
    json: bool,

    /// Use only ASCII characters
    #[arg(long)]
    ascii: bool,

    #[command(flatten)]
    picture: PictureArgs,
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
        let target = self.target()?;
        if let Some(target) = &target {
            [&self.a, &self.b].into_iter().try_for_each(|input| refuse_own_input(input, &target.path))?;
        }
        let (a, damage_a) = self.side(&self.a)?;
        let (b, damage_b) = self.side(&self.b)?;
        let is_plain = self.relation.is_none() && self.connection.is_none() && target.is_none();
        if is_plain && a.connections() > 0 && a.is_same(&b) {
            let text = if self.json {
                "{\"relation\":\"same\"}"
            } else {
                "A and B hold the same packets at the same times: nothing differs."
            };
            writeln!(io::stdout(), "{text}").map_err(CliError::stdout)?;
            return damage_a.or(damage_b).map_or(Ok(()), Err);
        }
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
                let pairs = if count == 1 { "is only 1 pair" } else { &format!("are {count} pairs") };
                return Err(CliError::usage("--connection", format!("there {pairs} of connections")));
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
            out.write_all(self.text(&pairs, [&a, &b])?.as_bytes()).map_err(CliError::stdout)?;
        }
        out.flush().map_err(CliError::stdout)?;
        drop(out);
        if let Some(target) = target {
            self.draw(&target, &pairs)?;
        }
        damage.map_or(Ok(()), Err)
    }

    /// Reads a capture; what stands before damage is compared all the same.
    fn side(&self, path: &Path) -> Result<(Side, Option<CliError>), CliError> {
        let mut capture = Capture::open(path, &self.filter)?;
        let mut side = Side::default();
        let damage = loop {
            match capture.next() {
                Ok(Some(packet)) => side.take(&packet),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        side.hidden = capture.hidden();
        if side.connections() == 0 && damage.is_none() {
            let name = if path.as_os_str() == "-" { "standard input".into() } else { path.display().to_string() };
            return Err(CliError::run(name, format!("nothing to compare: {}", capture.nothing("TCP"))));
        }
        Ok((side, damage))
    }

    fn nothing(&self, a: &Side, b: &Side) -> CliError {
        let (what, hint) = match (a.connections(), b.connections(), self.relation) {
            (0, ..) => (&self.a, "there is no TCP in what could be read"),
            (_, 0, _) => (&self.b, "there is no TCP in what could be read"),
            (.., Some(As::Ends)) => (&self.b, "no connection of the first capture is in it; try --as runs"),
            _ => (&self.b, "no connection in it is to a port that the first capture has"),
        };
        let name = if what.as_os_str() == "-" { "standard input".into() } else { what.display().to_string() };
        CliError::run(name, format!("nothing to compare: {hint}"))
    }

    fn text(&self, pairs: &[Pair], sides: [&Side; 2]) -> Result<String, CliError> {
        let screen = Screen::of_stdout();
        let width = self.picture.width.map_or(screen.width.min(100), |width| width as usize);
        let mut text = String::new();
        if sides.iter().any(|side| !side.hidden.is_empty()) {
            let given = self.filter.text()?;
            let by = if given.is_empty() { String::new() } else { format!(" ({given})") };
            let sentence = format!(
                "A filter was given{by}: of connections of which it hid packets what is missing is not judged."
            );
            text.push_str(&report::wrap(&sentence, width));
            text.push('\n');
        }
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
        Ok(screen.show(text, self.ascii))
    }

    /// Where the picture goes; standard output gets a text unless told otherwise.
    fn target(&self) -> Result<Option<Target>, CliError> {
        match &self.picture.output {
            Some(path) if path.as_os_str() == "-" && !self.picture.has_format() => {
                Ok(Some(Target { path: path.clone(), format: Format::Txt }))
            }
            _ => self.picture.target(),
        }
    }

    fn draw(&self, target: &Target, pairs: &[Pair]) -> Result<(), CliError> {
        let what = self.picture.what.unwrap_or(What::Ladder);
        if what == What::Overview {
            return Err(CliError::usage("--what overview", "two captures are compared a connection at a time")
                .hint("'limpid draw' draws all connections of one capture"));
        }
        let drawn: Vec<Drawn<'_>> = pairs.iter().take(MAX_TOLD).flat_map(|pair| self.drawn(pair)).collect();
        if target.format == Format::Txt && what == What::Ladder {
            let screen = Screen::of_stdout();
            let screen = Screen { width: self.width(&screen), ..screen };
            let screen = if target.is_stdout() { screen } else { Screen { color: false, utf8: true, ..screen } };
            let text: String = drawn.iter().map(|drawn| report::ladder(drawn.trace, self.ascii, &screen)).collect();
            return target.write_one(text.as_bytes());
        }
        let page = format!("{} ≠ {}", base(&self.a), base(&self.b));
        let subjects: Vec<Subject<'_>> = (drawn.iter().zip(1..))
            .map(|(drawn, number)| Subject {
                number,
                title: &drawn.title,
                page: &page,
                run: drawn.run.as_deref(),
                subtitle: &drawn.subtitle,
                trace: drawn.trace,
                unfold: "limpid diff --unfold draws each",
            })
            .collect();
        self.picture.write(target, &subjects, what)
    }

    /// A pair's pictures: both ends are on one, two runs have one each.
    fn drawn<'a>(&self, pair: &'a Pair) -> Vec<Drawn<'a>> {
        let title = |ends: &[Endpoint; 2]| format!("{} → {}", ends[0], ends[1]);
        match pair {
            Pair::Ends(ends) => vec![Drawn {
                title: title(&ends.connection),
                subtitle: format!("both ends: {} and {}", base(&self.a), base(&self.b)),
                run: None,
                trace: &ends.trace,
            }],
            Pair::Runs(runs) => (runs.traces.iter().zip(&runs.connections).zip([("A", &self.a), ("B", &self.b)]))
                .map(|((trace, ends), (name, path))| Drawn {
                    title: title(ends),
                    subtitle: format!("{name}: {}", base(path)),
                    run: Some(format!("{name}: {}", base(path))),
                    trace,
                })
                .collect(),
        }
    }

    fn width(&self, screen: &Screen) -> usize {
        self.picture.width.map_or(screen.width, |width| width as usize)
    }
}

/// One picture of a comparison.
struct Drawn<'a> {
    title: String,
    subtitle: String,
    run: Option<String>,
    trace: &'a Trace,
}

/// A file's name without its folder.
fn base(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
