//! How well retransmissions are labelled: worlds of the lab, whose engines tell why each segment was sent, captured at
//! several places; and what limpid, tshark and tcptrace say of these captures without being told.
//! `cargo xtask bench labels --help`; docs/labels.md says how to read it.

mod capture;
mod kind;
mod score;
mod table;
#[cfg(test)]
mod tests;
mod tools;
mod truth;
mod worlds;

use capture::{Capture, PLACES};
use clap::Parser;
use kind::{Kind, Labels};
use limpid_scope::trace::Trace;
use score::Score;
use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tools::Tool;
use worlds::{Trial, World};

/// The most seeds of a run: all captures of one place are held at once.
const MAX_SEEDS: u64 = 20;

/// Score the labels of retransmissions against the truth
///
/// The lab's engines say why they sent each segment. Captures of what they sent, taken at the sender, at the receiver and
/// half-way, go to limpid, tshark and tcptrace, which do not hear of that. For each kind of label stand precision (of what
/// a tool said, how much is true) and recall (of what is true, how much it said).
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask bench labels",
    after_help = "Examples:\n  cargo xtask bench labels\n  cargo xtask bench labels --seeds 5 --json > labels.json\n  cargo xtask bench labels --trial Standstill --wrong needless --place sender"
)]
struct Args {
    /// How many seeds each world is played with
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: u64,

    /// The first of them
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first_seed: u64,

    /// Only worlds of this trial, as Loss or Standstill
    #[arg(long, value_name = "NAME")]
    trial: Option<String>,

    /// Only captures taken there: sender, receiver, middle
    #[arg(long, value_name = "PLACE")]
    place: Option<String>,

    /// One JSON object instead of the table
    #[arg(long)]
    json: bool,

    /// List the packets that limpid labels wrongly in this respect, with what is true of them
    #[arg(long, value_name = "KIND")]
    wrong: Option<String>,

    /// Leave the captures there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// How each tool did at one place, by kind; `None` for a tool that is not there.
pub(crate) struct Scores {
    pub(crate) place: &'static str,
    pub(crate) packets: usize,
    pub(crate) tools: Vec<(Tool, Option<Vec<Score>>)>,
    /// The same for each seed.
    pub(crate) seeds: Vec<Vec<(Tool, Option<Vec<Score>>)>>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("limpid-labels: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let usage = |what: &str, word: &str| io::Error::other(format!("no such {what}: {word}"));
    let known = |name: &String| !Trial::ALL.iter().any(|trial| format!("{trial:?}") == *name);
    if let Some(name) = args.trial.as_ref().filter(|name| known(name)) {
        return Err(usage("trial", name));
    }
    let wrong = match &args.wrong {
        Some(name) => Some(Kind::of(name).ok_or_else(|| usage("kind", name))?),
        None => None,
    };
    let seeds = args.first_seed..args.first_seed.saturating_add(args.seeds.clamp(1, MAX_SEEDS));
    let worlds = worlds::all(seeds.clone());
    let wanted = |world: &World| args.trial.as_ref().is_none_or(|name| format!("{:?}", world.trial) == *name);
    let worlds: Vec<World> = worlds.into_iter().filter(wanted).collect();
    let traces = play(&worlds)?;
    let mut all = Vec::new();
    let there = |place: &str| args.place.as_ref().is_none_or(|wanted| wanted == place);
    for (place, vantage) in PLACES.into_iter().filter(|(place, _)| there(place)) {
        let capture = Capture::of(&traces, vantage);
        if let Some(kind) = wrong {
            explain(kind, place, &capture, &worlds)?;
            continue;
        }
        let dir = match &args.keep {
            Some(dir) => dir.join(place),
            None => std::env::temp_dir().join(format!("limpid-labels-{}-{place}", std::process::id())),
        };
        std::fs::create_dir_all(&dir)?;
        all.push(score(place, &capture, &worlds, seeds.clone(), &dir)?);
        if args.keep.is_none() {
            std::fs::remove_dir_all(&dir)?;
        }
    }
    if wrong.is_some() {
        return Ok(());
    }
    let text = if args.json { table::json(seeds, worlds.len(), &all) } else { table::text(worlds.len(), &all) };
    io::stdout().write_all(text.as_bytes())
}

/// Plays all worlds; how far it is stands on a terminal.
fn play(worlds: &[World]) -> io::Result<Vec<Trace>> {
    let bar = match io::stderr().is_terminal() {
        true => indicatif::ProgressBar::new(worlds.len() as u64),
        false => indicatif::ProgressBar::hidden(),
    };
    let play = |world: &World| {
        bar.inc(1);
        world.play().map_err(|error| io::Error::other(format!("{world}: {error}")))
    };
    let traces = worlds.iter().map(play).collect();
    bar.finish_and_clear();
    traces
}

fn score(
    place: &'static str,
    capture: &Capture,
    worlds: &[World],
    seeds: Range<u64>,
    dir: &Path,
) -> io::Result<Scores> {
    let said: Vec<(Tool, Option<Vec<Labels>>)> =
        Tool::ALL.into_iter().map(|tool| Ok((tool, tool.label(capture, dir)?))).collect::<io::Result<_>>()?;
    let of = |seed: Option<u64>| {
        let counts = |index: usize| seed.is_none_or(|seed| worlds[capture.world[index]].seed == seed);
        let scores = |said: &Vec<Labels>| Kind::ALL.map(|kind| Score::of(kind, said, &capture.truth, counts)).to_vec();
        said.iter().map(|(tool, said)| (*tool, said.as_ref().map(scores))).collect::<Vec<_>>()
    };
    let seeds = seeds.map(|seed| of(Some(seed))).collect();
    Ok(Scores { place, packets: capture.packets.len(), tools: of(None), seeds })
}

/// Lists limpid's mistakes.
fn explain(kind: Kind, place: &str, capture: &Capture, worlds: &[World]) -> io::Result<()> {
    let said = tools::limpid(&capture.packets);
    let mut out = io::stdout().lock();
    for (index, (said, truth)) in said.iter().zip(&capture.truth).enumerate() {
        if said.has(kind) != truth.has(kind) && !truth.hides(kind) {
            let world = &worlds[capture.world[index]];
            writeln!(out, "{place} packet {} of {world}: said {said:?}, is {truth:?}", index + 1)?;
        }
    }
    Ok(())
}
