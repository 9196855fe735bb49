//! Transfer and answers between limpid and Linux over devices, beside smoltcp, a forwarder, and Linux itself, in private
//! networks. `cargo xtask bench tun --help`.

mod forward;
mod library;
mod linux;
mod net;
mod ours;
mod report;
mod run;
mod setups;
mod smol;

use clap::Parser;
use limpid_event::Silent;
use limpid_lab::Recorder;
use limpid_scope::trace::View;
use report::{Report, Unit};
use run::Bulk;
use setups::Way;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measure limpid over devices (TUN, packet sockets, AF_XDP): bulk transfer and answers, beside smoltcp, a plain forwarder, and Linux itself
///
/// Everything happens in private networks that are made for it and gone afterwards. One after the other sends or answers, over and
/// over: a round has each once, and what is told is the median over the rounds, of the figures and of each round's ratios.
/// Without the rights for private networks it says so and does nothing.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask bench tun",
    after_help = "Examples:\n  cargo xtask bench tun\n  cargo xtask bench tun --only bulk --rounds 9\n  cargo xtask bench tun --json devices.json"
)]
struct Args {
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// How long each measurement takes, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(50..=600_000))]
    span: u64,

    /// Only these
    #[arg(
        long,
        value_enum,
        value_name = "PARTS",
        value_delimiter = ',',
        default_value = "bulk,streams,shards,trace,answers"
    )]
    only: Vec<Part>,

    /// Write all figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A part of the measurements.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Part {
    /// One stream, both ways, beside smoltcp, a forwarder and a cable
    Bulk,
    /// Eight streams beside one
    Streams,
    /// One stream and eight of the library with a shard for each of two queues, beside one of each
    Shards,
    /// Recording all events beside none
    Trace,
    /// Questions of one byte
    Answers,
    /// limpid alone, to profile it: nothing is compared
    Profile,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Without root the whole process moves into a user namespace, which it may do before it has threads.
    let home = limpid_device::namespace::Namespace::enter();
    let home = match home {
        Ok(home) => home,
        Err(error) => {
            let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            println!("skipped: {error}{hint}");
            return ExitCode::SUCCESS;
        }
    };
    let done = run(&args);
    drop(home);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let span = Duration::from_millis(args.span);
    let mut report = Report::default();
    for round in 0..args.rounds {
        eprint!("\rround {} of {} ", round + 1, args.rounds);
        for part in &args.only {
            match part {
                Part::Bulk => bulk(&mut report, span)?,
                Part::Streams => streams(&mut report, span)?,
                Part::Shards => shards(&mut report, span)?,
                Part::Trace => trace(&mut report, span)?,
                Part::Answers => answers(&mut report, span)?,
                Part::Profile => profile(&mut report, span)?,
            }
        }
    }
    eprintln!();
    report.print();
    if let Some(path) = &args.json {
        std::fs::write(path, report.json())?;
    }
    Ok(())
}

const WAYS: [(Way, &str, f64); 2] = [(Way::ToLinux, "to Linux", 6.0), (Way::FromLinux, "from Linux", 4.0)];

fn bulk(report: &mut Report, span: Duration) -> io::Result<()> {
    let forwarder = setups::forwarder(span)?;
    let cable = setups::cable(span)?;
    for (way, name, aim) in WAYS {
        let ours = setups::ours(way, 1, Silent, span)?;
        let smoltcp = setups::smoltcp(way, span)?;
        note(report, &format!("one stream {name}, TUN"), ours, "smoltcp on TUN", smoltcp, aim);
        note(report, &format!("one stream {name}, TUN"), ours, "forwarder of two TUNs", forwarder, 1.0);
        note(report, &format!("one stream {name}, TUN"), ours, "Linux-Linux, veth", cable, 0.55);
        let packets = setups::ours_by_packets(way, span)?;
        note(report, &format!("one stream {name}, packets"), packets, "Linux-Linux, veth", cable, f64::INFINITY);
        let xdp = setups::ours_by_xdp(way, span)?;
        note(report, &format!("one stream {name}, AF_XDP copying"), xdp, "smoltcp on TUN", smoltcp, f64::INFINITY);
    }
    Ok(())
}

fn streams(report: &mut Report, span: Duration) -> io::Result<()> {
    for (way, name, _) in WAYS {
        let one = setups::ours(way, 1, Silent, span)?;
        let eight = setups::ours(way, 8, Silent, span)?;
        note(report, &format!("eight streams {name}, TUN"), eight, "one stream of ours", one, 1.0);
    }
    Ok(())
}

fn shards(report: &mut Report, span: Duration) -> io::Result<()> {
    for (way, name, _) in WAYS {
        for (streams, number) in [(1, "one stream"), (8, "eight streams")] {
            let one = setups::library(way, 1, streams, span)?;
            let two = setups::library(way, 2, streams, span)?;
            let what = format!("{number} {name}, TUN, library, 2 shards");
            note(report, &what, two, "1 shard", one, f64::INFINITY);
        }
    }
    Ok(())
}

fn trace(report: &mut Report, span: Duration) -> io::Result<()> {
    for (way, name, _) in WAYS {
        let silent = setups::ours(way, 1, Silent, span)?;
        let recorder = Recorder::new(0);
        let host = recorder.add_host("limpid", Vec::new(), View::Inside);
        let recorded = setups::ours(way, 1, recorder.observer(host), span)?;
        if recorder.left_out() > 0 {
            return Err(io::Error::other("the recorder was full: take a shorter --span"));
        }
        note(report, &format!("recorded, one stream {name}"), recorded, "silent", silent, 0.97);
    }
    Ok(())
}

fn note(report: &mut Report, what: &str, ours: Bulk, peer: &'static str, theirs: Bulk, aim: f64) {
    let figures = [(ours.by_clock, theirs.by_clock), (ours.by_processor, theirs.by_processor)];
    report.note(what, peer, Unit::BitsPerSecond, figures[0], aim, Some(figures[1]));
}

fn answers(report: &mut Report, span: Duration) -> io::Result<()> {
    let linux = setups::ask_linux(span)?;
    let contenders = [
        ("TUN, in the driver's thread", setups::ask_ours(span)?, true),
        ("packets, in the driver's thread", setups::ask_ours_by_packets(span)?, true),
        ("AF_XDP copying, in the driver's thread", setups::ask_ours_by_xdp(span)?, false),
        ("TUN, blocking sockets", setups::ask_ours_blocking(span)?, false),
        ("smoltcp on TUN", setups::ask_smoltcp(span)?, false),
    ];
    for (share, name, aim) in [(0.5, "p50", 1.2), (0.99, "p99", 1.5)] {
        for (who, times, counts) in &contenders {
            let figures = (report::quantile(times, share), report::quantile(&linux, share));
            let aim = if *counts { aim } else { f64::INFINITY };
            report.note(
                &format!("1-byte answer, {name}: {who}"),
                "Linux-Linux, veth",
                Unit::Seconds,
                figures,
                aim,
                None,
            );
        }
    }
    Ok(())
}

fn profile(report: &mut Report, span: Duration) -> io::Result<()> {
    for (way, name, _) in WAYS {
        let ours = setups::ours(way, 1, Silent, span)?;
        note(report, &format!("one stream {name}"), ours, "itself", ours, 1.0);
    }
    Ok(())
}
