//! How many packets a second `limpid watch` holds, on the loopback of a private network. `cargo xtask bench watch --help`.

mod blast;
mod peer;

use blast::{Blast, Sent};
use clap::Parser;
use limpid_device::namespace::Namespace;
use peer::{Kind, Peer, Told};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measure how many packets a second 'limpid watch' holds without dropping any
///
/// TCP segments of many connections are sent at a steady rate over the loopback of a network namespace that nobody else
/// uses, while one 'limpid watch' after the other looks on: with --json, with --lines, and on a screen.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench watch")]
struct Args {
    /// Packets a second
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    rate: u64,

    /// For how long
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,

    /// Of how many connections they are
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    connections: u64,

    /// Only these
    #[arg(long, value_enum, value_name = "PEERS", value_delimiter = ',', default_value = "json,lines,screen")]
    peers: Vec<Kind>,

    /// Raise the rate until something is dropped, three seconds each time, and tell the highest without
    #[arg(long)]
    highest: bool,

    /// The limpid to measure
    #[arg(long, value_name = "FILE")]
    limpid: Option<PathBuf>,

    /// Write all figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What a run came to.
struct Figure {
    kind: Kind,
    rate: u64,
    sent: Sent,
    told: Told,
}

impl Figure {
    /// Packets that were sent and not seen.
    fn lost(&self) -> u64 {
        self.sent.packets.saturating_sub(self.told.seen)
    }

    fn json(&self) -> String {
        let Figure { kind, rate, sent, told } = self;
        let Sent { packets, took } = sent;
        let Told { seen, by_kernel, here, cpu } = told;
        let (name, lost, took) = (kind.name(), self.lost(), took.as_secs_f64());
        format!(
            "{{\"peer\":\"{name}\",\"rate\":{rate},\"sent\":{packets},\"seconds\":{took:.3},\"seen\":{seen},\"lost\":{lost},\
             \"told_dropped_by_kernel\":{by_kernel},\"told_dropped_here\":{here},\"cpu_seconds\":{cpu:.3}}}"
        )
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let beside = std::env::current_exe()?.with_file_name("limpid");
    let limpid = args.limpid.clone().unwrap_or(beside);
    // Before there is any thread: without root the whole process moves into it.
    let _network = Namespace::enter()?;
    let mut figures = Vec::new();
    println!(
        "{:<8} {:>10} {:>11} {:>11} {:>9} {:>15} {:>13} {:>10}",
        "", "a second", "sent", "seen", "lost", "told by kernel", "told as here", "processor"
    );
    for kind in &args.peers {
        let measure = |rate, seconds| one(&limpid, *kind, args.connections, rate, seconds);
        let first = measure(args.rate, args.seconds)?;
        let mut clean = first.lost() == 0;
        let mut highest = if clean { first.sent.per_second() } else { 0 };
        let mut kept_up = highest >= args.rate * 97 / 100;
        let mut rate = args.rate;
        figures.push(first);
        while args.highest && clean && kept_up {
            rate = rate * 5 / 4;
            let figure = measure(rate, 3)?;
            let achieved = figure.sent.per_second();
            clean = figure.lost() == 0;
            kept_up = achieved >= rate * 97 / 100;
            highest = highest.max(if clean { achieved } else { 0 });
            figures.push(figure);
        }
        if args.highest {
            let why = if clean { ": no more could be sent" } else { "" };
            println!("{:<8} without a drop: {highest} a second{why}", kind.name());
        }
    }
    if let Some(path) = &args.json {
        let lines: Vec<String> = figures.iter().map(Figure::json).collect();
        std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n")))?;
    }
    Ok(())
}

/// Runs one of them while packets are sent, and prints what came of it.
fn one(
    limpid: &std::path::Path,
    kind: Kind,
    connections: u64,
    rate: u64,
    seconds: u64,
) -> Result<Figure, Box<dyn Error>> {
    let peer = Peer::start(limpid, kind)?;
    let sent = Blast::new(connections)?.send(rate, Duration::from_secs(seconds))?;
    let told = peer.end()?;
    let figure = Figure { kind, rate, sent, told };
    println!(
        "{:<8} {:>10} {:>11} {:>11} {:>9} {:>15} {:>13} {:>8.2} s",
        kind.name(),
        figure.sent.per_second(),
        figure.sent.packets,
        figure.told.seen,
        figure.lost(),
        figure.told.by_kernel,
        figure.told.here,
        figure.told.cpu
    );
    Ok(figure)
}
