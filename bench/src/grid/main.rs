//! The grid: goodput over loss, round trip, rate, queue and reordering, of every controller of ours and beside smoltcp, in
//! the lab's virtual time; and, with `--real`, beside Linux in real time. `cargo xtask bench grid --help`; docs/grid.md says how to read it.

mod cell;
mod check;
mod explain;
mod interval;
mod journal;
mod json;
mod play;
mod pool;
mod real;
mod smoltcp_host;
mod table;
mod theory;

use cell::Cell;
use clap::Parser;
use journal::Journal;
use play::{Contender, Outcome, Plan, Span};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measure goodput over bad links, in virtual time
///
/// A cell is a link (loss, round trip, rate, queue, reordering) and a number of flows. Each is played by every controller
/// of limpid and by smoltcp with its CUBIC, under the same losses. Goodput is shown as a share of what the link can carry,
/// beside what the response functions of RFC 5681 and RFC 9438 predict. At the end stands what must hold, and whether it does.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask bench grid",
    after_help = "Examples:\n  cargo xtask bench grid\n  cargo xtask bench grid --only cubic,smoltcp --json grid.json\n  cargo xtask bench grid --cell loss=1%,rtt=100,rate=100 --only bbr\n  sudo cargo xtask bench grid --real --seeds 5"
)]
struct Args {
    /// Play every cell there is: hours
    #[arg(long)]
    full: bool,

    /// A rougher picture, sooner: without 1 Gb/s, and fewer packets in each cell
    #[arg(long, conflicts_with_all = ["full", "cell", "real"])]
    quick: bool,

    /// Play one cell and explain it with graph and counters: loss=1%,rtt=100,rate=100,queue=1,reorder=0,flows=1, or a part
    /// of that (rtt in ms, rate in Mbit/s, queue in bandwidth-delay products)
    #[arg(long, value_name = "CELL", conflicts_with = "full")]
    cell: Option<Cell>,

    /// With --cell: write every event of every engine to a file, a line each
    #[arg(long, value_name = "FILE", requires = "cell")]
    events: Option<PathBuf>,

    /// Play these only: cubic, reno, bbr, smoltcp
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// Give our hosts network cards with offloads, which cut super-segments and merge what arrives within 50 µs
    #[arg(long, conflicts_with = "real")]
    offloads: bool,

    /// Decides what chance decides; with several seeds, the first
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// With how many seeds each cell is played (the mean counts), or with --real measured; a cell that is
    /// explained is played once [default: 1, with --real 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: Option<u64>,

    /// Threads
    #[arg(long, value_name = "N", default_value_t = threads(), value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,

    /// Measure limpid beside this machine's Linux in real time, over a relay between private namespaces: takes root
    #[arg(long, conflicts_with = "full")]
    real: bool,

    /// With --real: for how many seconds each run is measured, after 2 that are not
    #[arg(long, value_name = "N", default_value_t = 6, requires = "real", value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// Keep the outcome of each run in a file as it ends, and play nothing again that stands there: what was interrupted goes
    /// on. Of one build: figures of another engine don't belong in it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cell", "real"])]
    resume: Option<PathBuf>,

    /// Write all figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Packets that a cell is measured for, at most: what takes a second or two to compute; and where somebody is in a hurry.
pub(crate) const PACKETS: u32 = 600_000;
const QUICK_PACKETS: u32 = 100_000;

fn threads() -> u16 {
    std::thread::available_parallelism().map_or(1, |threads| u16::try_from(threads.get()).unwrap_or(u16::MAX).min(1024))
}

/// The outcomes of a cell, by whose they are.
pub(crate) type Outcomes = BTreeMap<Contender, Outcome>;

fn main() -> ExitCode {
    let args = Args::parse();
    let contenders: Vec<Contender> = (Contender::all().into_iter())
        .filter(|contender| args.only.is_empty() || args.only.iter().any(|name| name == contender.name()))
        .collect();
    let unknown = args.only.iter().find(|name| contenders.iter().all(|contender| contender.name() != name.as_str()));
    if let Some(unknown) = unknown {
        let names: Vec<&str> = Contender::all().into_iter().map(Contender::name).collect();
        eprintln!("error: --only {unknown}: there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let result = match args.cell {
        _ if args.real => in_real_time(&args),
        Some(cell) => {
            explain::explain(&cell, &contenders, (args.seed, args.offloads), args.events.as_deref()).map(|()| true)
        }
        None => whole(&args, &contenders),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures beside Linux; true if all that must hold does.
fn in_real_time(args: &Args) -> Result<bool, String> {
    let cells = args.cell.map_or_else(real::cells, |cell| vec![cell]);
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let known = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").unwrap_or_default();
    let (here, missing): (Vec<&str>, Vec<&str>) = ["cubic", "bbr"]
        .into_iter()
        .filter(|name| wanted(name))
        .partition(|name| known.split_whitespace().any(|k| k == *name));
    for name in missing {
        println!("This Linux has no {name} (modprobe tcp_{name} might help): it is left out.");
    }
    let (warm_up, measured) = (Duration::from_secs(2), Duration::from_secs(args.seconds));
    let settings = real::Settings { seed: args.seed, seeds: args.seeds.unwrap_or(3), warm_up, measured };
    let rows = real::measure(&cells, &here, &settings)?;
    let holds = real::print(&rows);
    if args.cell.is_some() {
        print!("{}", real::counters(&rows));
    }
    if let Some(file) = &args.json {
        std::fs::write(file, real::json(&rows)).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(holds)
}

/// Plays many cells; true if all that must hold does.
fn whole(args: &Args, contenders: &[Contender]) -> Result<bool, String> {
    let mut cells = if args.full { Cell::all() } else { Cell::representative() };
    if args.quick {
        cells.retain(|cell| cell.mbit < 1000);
    }
    let packets = if args.quick { QUICK_PACKETS } else { PACKETS };
    let runs = args.seeds.unwrap_or(1);
    let seeds = args.seed..args.seed.saturating_add(runs);
    let mut plans = Vec::new();
    for cell in &cells {
        for contender in contenders {
            let (cell, contender, span) = (*cell, *contender, Span::of(cell, *contender, packets));
            let of_seed =
                |seed| Plan { cell, contender, span, seed, mixed: None, record: false, offloads: args.offloads };
            plans.extend(seeds.clone().map(of_seed));
        }
    }
    let extra = check::plans(contenders, (args.seed, args.offloads));
    let journal = args.resume.as_deref().map(Journal::open).transpose()?.unwrap_or_default();
    let (count, started) = (plans.len(), std::time::Instant::now());
    let all: Vec<Plan> = plans.iter().chain(&extra).cloned().collect();
    let mut outcomes = pool::play_all(&all, args.jobs.into(), &journal)?;
    let extra: Vec<(Plan, Outcome)> = extra.into_iter().zip(outcomes.split_off(count)).collect();
    let mut grid: Vec<(Cell, Outcomes)> = cells.iter().map(|cell| (*cell, Outcomes::new())).collect();
    let each = runs as usize;
    for (at, (plan, of_seeds)) in plans.chunks(each).zip(outcomes.chunks(each)).enumerate() {
        let mean = Outcome::mean(of_seeds).expect("a seed at least");
        grid[at / contenders.len()].1.insert(plan[0].contender, mean);
    }
    let took = started.elapsed();
    print!("{}", table::table(&grid, contenders));
    print!("{}", table::heat_maps(&grid, contenders));
    let checks = check::checks(&grid, &extra);
    print!("{}", check::report(&checks));
    let last = args.seed.saturating_add(runs - 1);
    println!(
        "\n{} runs in {:.0} s on {} threads, seeds {} to {last}",
        all.len(),
        took.as_secs_f64(),
        args.jobs,
        args.seed
    );
    if let Some(file) = &args.json {
        std::fs::write(file, json::text(&grid, &checks, args.seed, runs))
            .map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(checks.iter().all(|check| check.holds != Some(false)))
}
