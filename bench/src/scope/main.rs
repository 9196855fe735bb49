//! How fast captures are read, listed and explained, beside tcpdump, tshark and tcptrace. `cargo xtask bench scope --help`.

mod generate;
mod measure;

use clap::Parser;
use generate::Plan;
use measure::{Took, Tool};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measure how fast captures are read, listed and explained, beside tcpdump, tshark and tcptrace
///
/// Captures are generated: connections that shake hands, ask, answer, lose, repair and close, interleaved. All tools are
/// run in turn, several times, with their output thrown away; the medians count. Packets per second are those of processor
/// time, for a busy machine takes the same of it.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench scope")]
struct Args {
    /// Packets of each capture
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    packets: u64,

    /// Connections: a capture for each number
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "100,10000")]
    connections: Vec<u64>,

    /// Bytes kept of each packet, as 'tcpdump -s' has it
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    snaplen: usize,

    /// How often each tool is run on each capture
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,

    /// Only those tools whose name holds one of these: limpid, tcpdump, tshark, tcptrace
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// Decides what chance decides
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// The limpid to measure
    #[arg(long, value_name = "FILE")]
    limpid: Option<PathBuf>,

    /// Write the capture of the first number of connections to a file, and measure nothing
    #[arg(long, value_name = "FILE")]
    generate: Option<PathBuf>,

    /// Write all figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The figures of a tool on a capture.
struct Figure {
    tool: &'static str,
    connections: u64,
    took: Took,
}

/// What is to be reached: which of ours, beside whom, how many times as fast.
const AIMS: [(&str, &str, f64); 5] = [
    ("limpid read", "tcpdump", 5.0),
    ("limpid list", "tshark", 20.0),
    ("limpid list", "tcptrace", 2.0),
    ("limpid explain", "tshark", 20.0),
    ("limpid explain", "tcptrace", 2.0),
];

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let plan = |connections: u64| Plan {
        packets: args.packets,
        connections: connections.clamp(1, args.packets / 10),
        snaplen: args.snaplen.max(54),
        seed: args.seed,
    };
    if let Some(file) = &args.generate {
        return generate(&plan(args.connections.first().copied().unwrap_or(100)), file).map(|_| ());
    }
    let tools = tools(args);
    let folder = std::env::temp_dir().join(format!("limpid-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut figures = Vec::new();
    for connections in &args.connections {
        let file = folder.join(format!("{connections}.pcap"));
        let outcome = generate(&plan(*connections), &file).and_then(|packets| {
            println!("\n{packets} packets in {connections} connections, {} bytes of each", args.snaplen);
            let measured = measure(&tools, &file, *connections, args.runs)?;
            print(&measured, packets);
            figures.extend(measured);
            Ok(())
        });
        std::fs::remove_file(&file)?;
        outcome?;
    }
    std::fs::remove_dir(&folder)?;
    aims(&figures, args.packets);
    match &args.json {
        Some(path) => std::fs::write(path, json(&figures, args.packets)),
        None => Ok(()),
    }
}

fn generate(plan: &Plan, file: &Path) -> io::Result<u64> {
    let mut output = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let packets = generate::write(plan, &mut output)?;
    output.flush()?;
    Ok(packets)
}

/// The tools that there are; those that are missing are said.
fn tools(args: &Args) -> Vec<Tool> {
    let own = args.limpid.clone().or_else(|| Some(std::env::current_exe().ok()?.with_file_name("limpid")));
    let own = own.map_or_else(|| "limpid".to_owned(), |path| path.display().to_string());
    let foreign = |name: &str| name.to_owned();
    let all = [
        Tool { name: "limpid read -n", program: own.clone(), args: &["read", "-n", "FILE"] },
        Tool { name: "tcpdump -n", program: foreign("tcpdump"), args: &["-r", "FILE", "-n"] },
        Tool { name: "limpid list", program: own.clone(), args: &["list", "FILE"] },
        Tool { name: "limpid explain", program: own, args: &["explain", "FILE"] },
        Tool {
            name: "tshark conv,tcp",
            program: foreign("tshark"),
            args: &["-r", "FILE", "-n", "-q", "-z", "conv,tcp"],
        },
        Tool { name: "tcptrace -n", program: foreign("tcptrace"), args: &["-n", "FILE"] },
    ];
    let wanted = |tool: &Tool| args.only.is_empty() || args.only.iter().any(|name| tool.name.contains(name.as_str()));
    all.into_iter().filter(wanted).collect()
}

/// Runs all tools in turn.
fn measure(tools: &[Tool], file: &Path, connections: u64, runs: u64) -> io::Result<Vec<Figure>> {
    let mut all: Vec<Vec<Took>> = tools.iter().map(|_| Vec::new()).collect();
    for _ in 0..runs {
        for (tool, took) in tools.iter().zip(&mut all) {
            match tool.run(file) {
                Ok(one) => took.push(one),
                Err(error) if took.is_empty() => eprintln!("{}: left out: {error}", tool.name),
                Err(error) => return Err(error),
            }
        }
    }
    let figure = |(tool, took): (&Tool, Vec<Took>)| {
        let took = Took {
            wall: median(took.iter().map(|t| t.wall))?,
            cpu: median(took.iter().map(|t| t.cpu))?,
            peak: median(took.iter().map(|t| t.peak as f64))? as u64,
        };
        Some(Figure { tool: tool.name, connections, took })
    };
    Ok(tools.iter().zip(all).filter_map(figure).collect())
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn print(figures: &[Figure], packets: u64) {
    println!("{:<18} {:>14} {:>10} {:>10} {:>10}", "", "packets/s", "processor", "wall", "memory");
    for Figure { tool, took, .. } in figures {
        let rate = packets as f64 / took.cpu.max(1e-6);
        let (cpu, wall, peak) = (took.cpu, took.wall, took.peak as f64 / f64::from(1 << 20));
        println!("{tool:<18} {:>14} {cpu:>8.2} s {wall:>8.2} s {peak:>6.0} MiB", thousands(rate));
    }
}

fn find<'f>(figures: &'f [Figure], name: &str, connections: u64) -> Option<&'f Figure> {
    figures.iter().find(|figure| figure.tool.starts_with(name) && figure.connections == connections)
}

/// How far the aims are reached, and how flat the cost is.
fn aims(figures: &[Figure], packets: u64) {
    let mut counts: Vec<u64> = figures.iter().map(|figure| figure.connections).collect();
    counts.sort_unstable();
    counts.dedup();
    println!();
    for connections in &counts {
        for (ours, theirs, aim) in AIMS {
            let both = find(figures, ours, *connections).zip(find(figures, theirs, *connections));
            let Some((ours_took, theirs_took)) = both else { continue };
            let ratio = theirs_took.took.cpu / ours_took.took.cpu.max(1e-6);
            let reached = if ratio >= aim { "" } else { "  (not reached)" };
            println!("{connections:>6} connections: {ours} is {ratio:.1}× as fast as {theirs}; aim {aim}×{reached}");
        }
    }
    if let [few, .., many] = counts.as_slice() {
        for name in ["limpid read", "limpid list", "limpid explain"] {
            let Some((a, b)) = find(figures, name, *few).zip(find(figures, name, *many)) else { continue };
            let nanos = |figure: &Figure| figure.took.cpu * 1e9 / packets as f64;
            println!("{name}: {:.0} ns a packet in {few} connections, {:.0} ns in {many}", nanos(a), nanos(b));
        }
    }
}

fn json(figures: &[Figure], packets: u64) -> String {
    let one = |figure: &Figure| {
        let Took { wall, cpu, peak } = figure.took;
        let (tool, connections) = (figure.tool, figure.connections);
        format!(
            "{{\"tool\":\"{tool}\",\"connections\":{connections},\"packets\":{packets},\"cpu_seconds\":{cpu:.4},\
             \"wall_seconds\":{wall:.4},\"peak_bytes\":{peak}}}"
        )
    };
    format!("[\n{}\n]\n", figures.iter().map(one).collect::<Vec<_>>().join(",\n"))
}

/// Thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
