//! Benchmarks of limpid beside smoltcp, in one process, over devices in memory.
//!
//! `cargo xtask bench` runs them all. Every figure is the median of several interleaved runs, and what counts is the ratio:
//! both sides pay for the application's copies, into the stack and out of it, and for every checksum; frames go from host to
//! host without being copied. Time is the thread's processor time.

mod acks;
mod copies;
mod crowd;
mod heap;
mod limpid_pair;
mod report;
mod smoltcp_pair;
mod stopwatch;

use clap::{Parser, Subcommand};
use crowd::{flood, idle, linux, tracing};
use limpid_pair::{Pair, Wire};
use report::{Figure, Peer, Table, median};
use smoltcp_pair::Link;
use std::time::Duration;

#[global_allocator]
static HEAP: heap::CountingAlloc = heap::CountingAlloc;

/// Measures limpid beside smoltcp in memory.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench bulk --bytes 4000000000\n  cargo xtask bench connect --others 0,1000,40000\n  cargo xtask bench memory --json"
)]
struct Args {
    /// What to measure; all of it if left out.
    #[command(subcommand)]
    what: Option<What>,
    /// Runs of each measurement; the median counts.
    #[arg(long, global = true, default_value_t = 3)]
    runs: usize,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// One connection sends as fast as it can, MTU 1500, checksums on.
    Bulk {
        /// Bytes to send.
        #[arg(long, default_value_t = BULK_BYTES)]
        bytes: u64,
    },
    /// Connect, exchange a byte and close, one after the other, beside others and beside Linux on loopback.
    Connect {
        /// How many idle listeners of smoltcp and idle connections of limpid stand beside, as a list.
        #[arg(long, value_delimiter = ',', default_values_t = OTHERS)]
        others: Vec<usize>,
    },
    /// The same rate beside idle connections, and beside none.
    Beside {
        /// How many idle connections, as a list.
        #[arg(long, value_delimiter = ',', default_values_t = BESIDE)]
        others: Vec<usize>,
    },
    /// A request and an answer of a byte on each of many connections in turn, beside the same on few.
    Turns {
        /// How many connections, as a list.
        #[arg(long, value_delimiter = ',', default_values_t = TURNS)]
        connections: Vec<usize>,
    },
    /// Memory of an idle connection, and the longest step on the way to so many.
    Memory {
        /// Connections to open.
        #[arg(long, default_value_t = IDLE_CONNECTIONS)]
        connections: usize,
    },
    /// What a connection gets through while SYNs come from everywhere.
    Flood {
        /// SYNs for each second of processor time.
        #[arg(long, default_value_t = 100_000)]
        rate: u64,
    },
    /// What it costs to keep every event in memory.
    Tracing,
    /// What an ACK costs with 10 to 10,000 segments in flight.
    Acks,
    /// limpid alone, by a clock of its own, for callgrind and perf: no table, and each run does exactly the same.
    Profile {
        /// What the wire carries.
        #[arg(long, value_enum, default_value = "plain")]
        wire: Wire,
        /// Bytes to send over one connection.
        #[arg(long, default_value_t = 0)]
        bytes: u64,
        /// Connections to open and close.
        #[arg(long, default_value_t = 0)]
        connects: usize,
        /// Connections on each of which something is asked and answered in turn, ten times.
        #[arg(long, default_value_t = 0)]
        turns: usize,
    },
}

const BULK_BYTES: u64 = 2_000_000_000;
const OTHERS: [usize; 3] = [0, 1_000, 40_000];
const BESIDE: [usize; 2] = [40_000, 1_000_000];
const TURNS: [usize; 3] = [1_000, 10_000, 100_000];
/// What these stand beside: as many as one batch serves.
const FEW: usize = limpid_pair::BATCH;
const IDLE_CONNECTIONS: usize = 1_000_000;
/// As many as smoltcp opens in a moment; each of its connections costs the same.
const SMOLTCP_CONNECTIONS: usize = 1_000;
/// Bytes that a connection sends beside a flood, and with every event kept.
const BESIDE_BYTES: u64 = 1_000_000_000;
/// Resident bytes that an idle connection may have.
const MOST_MEMORY: f64 = 700.0;
/// The longest step may take so many milliseconds.
const LONGEST_STEP: f64 = 10.0;
/// And keeping an event so many nanoseconds.
const MOST_PER_EVENT: f64 = 15.0;
/// Send and receive buffer of each socket of limpid in the bulk transfer.
pub(crate) const BULK_BUFFER: usize = 256 * 1024;
/// The same of smoltcp's, whose throughput needs more.
const SMOLTCP_BUFFER: usize = 1024 * 1024;
/// How long one connect-and-close measurement lasts.
const CONNECT_TIME: Duration = Duration::from_millis(700);

fn main() {
    let args = Args::parse();
    let runs = args.runs.max(1);
    let mut table = Table::new();
    match args.what {
        Some(What::Bulk { bytes }) => bulk(&mut table, runs, bytes),
        Some(What::Connect { others }) => connect(&mut table, runs, &others),
        Some(What::Beside { others }) => beside(&mut table, runs, &others),
        Some(What::Turns { connections }) => turns(&mut table, runs, &connections),
        Some(What::Memory { connections }) => memory(&mut table, connections),
        Some(What::Flood { rate }) => under_flood(&mut table, runs, rate),
        Some(What::Tracing) => traced(&mut table, runs),
        Some(What::Acks) => return acks::print(runs),
        Some(What::Profile { wire, bytes, connects, turns }) => return profile(wire, bytes, connects, turns),
        None => {
            // Memory first, as long as the allocator has nothing from before to give again.
            memory(&mut table, IDLE_CONNECTIONS);
            bulk(&mut table, runs, BULK_BYTES);
            connect(&mut table, runs, &OTHERS);
            beside(&mut table, runs, &BESIDE);
            turns(&mut table, runs, &TURNS);
            under_flood(&mut table, runs, 100_000);
            traced(&mut table, runs);
            if !args.json {
                acks::print(runs);
            }
        }
    }
    table.print(args.json);
}

fn bulk(table: &mut Table, runs: usize, bytes: u64) {
    let gigabits = |time: Duration| bytes as f64 * 8.0 / time.as_secs_f64() / 1e9;
    let ours = |wire| move || gigabits(Pair::over(wire, BULK_BUFFER).bulk(bytes));
    let theirs = |link| move || gigabits(smoltcp_pair::Pair::over(link).bulk(bytes, SMOLTCP_BUFFER));
    let mut row = |what: &str, wire, link, aim| {
        let figures = Figure::interleaved(runs, ours(wire), theirs(link));
        table.row(what, "Gb/s", Peer::SMOLTCP.to_reach(aim), figures);
    };
    row("bulk transfer, MTU 1500, checksums", Wire::Software, Link::PLAIN, 3.0);
    row("the same, each segment on its own", Wire::Plain, Link::PLAIN, 1.5);
    row("bulk transfer, super-segments of 64 KiB, offloaded", Wire::Offloaded, Link::SUPER, 1.2);
    let copies = || gigabits(copies::twice(bytes));
    let figures = Figure::interleaved(runs, ours(Wire::Offloaded), copies);
    table.row("the same, beside copying everything twice", "Gb/s", Peer::COPIES.to_reach(0.6), figures);
    for (what, wire) in [("super-segments of 64 KiB", Wire::Offloaded), ("MTU 1500", Wire::Software)] {
        let chunks = move || gigabits(Pair::over(wire, BULK_BUFFER).bulk_of_chunks(bytes));
        let figures = Figure::interleaved(runs, chunks, ours(wire));
        table.row(&format!("chunks written and read, {what}, beside copying"), "Gb/s", Peer::OURSELVES, figures);
    }
}

fn connect(table: &mut Table, runs: usize, others: &[usize]) {
    for &others in others {
        let mut ours = Pair::new(BULK_BUFFER);
        ours.open_idle(others);
        let mut theirs = smoltcp_pair::Pair::new();
        theirs.listen_idle(others);
        let figures = Figure::interleaved(runs, || ours.connects(CONNECT_TIME), || theirs.connects(CONNECT_TIME));
        let peer = if others == 0 { Peer::SMOLTCP.to_reach(2.0) } else { Peer::SMOLTCP };
        table.row(&format!("connect, a byte each way, close, beside {others} sockets"), "/s", peer, figures);
    }
    let mut ours = Pair::new(BULK_BUFFER);
    let figures = Figure::interleaved(runs, || ours.connects(CONNECT_TIME), || linux::connects(CONNECT_TIME));
    table.row("the same, beside Linux on loopback", "/s", Peer::LINUX.to_reach(20.0), figures);
}

fn beside(table: &mut Table, runs: usize, others: &[usize]) {
    for &others in others {
        let mut crowded = Pair::new(BULK_BUFFER);
        crowded.open_resting(others);
        let mut alone = Pair::new(BULK_BUFFER);
        let figures = Figure::interleaved(runs, || crowded.connects(CONNECT_TIME), || alone.connects(CONNECT_TIME));
        let aim = if others > 40_000 { 0.6 } else { 0.8 };
        let what = format!("connect, a byte each way, close, beside {others} idle");
        table.row(&what, "/s", Peer::OURSELVES.to_reach(aim), figures);
    }
}

fn turns(table: &mut Table, runs: usize, connections: &[usize]) {
    for &connections in connections {
        let mut many = Pair::new(BULK_BUFFER);
        many.open_idle(connections);
        let mut few = Pair::new(BULK_BUFFER);
        few.open_idle(FEW);
        let figures = Figure::interleaved(runs, || many.turns(CONNECT_TIME), || few.turns(CONNECT_TIME));
        let what = format!("a byte each way on each of {connections} connections in turn, beside {FEW}");
        table.row(&what, "/s", Peer::OURSELVES, figures);
    }
}

fn memory(table: &mut Table, connections: usize) {
    let mut bound = |what: &str, unit, ours, bound| {
        table.row(what, unit, Peer::BOUND, Figure { ours, theirs: bound, lower_is_better: true });
    };
    let mut crowd = idle::Crowd::new(connections);
    let cost = crowd.open(connections, 0);
    eprintln!("allocated: {:.0} bytes a connection", cost.allocated);
    bound(&format!("{connections} idle connections: resident, each"), "bytes", cost.resident, MOST_MEMORY);
    bound("longest step on the way there", "ms", cost.longest.as_secs_f64() * 1e3, LONGEST_STEP);
    drop(crowd);
    let theirs = heap::live_growth(|| {
        let mut pair = smoltcp_pair::Pair::new();
        let before = heap::live();
        pair.open_idle(SMOLTCP_CONNECTIONS);
        ((heap::live() - before) as f64 / SMOLTCP_CONNECTIONS as f64 / 2.0, pair)
    });
    let figure = Figure { ours: cost.resident, theirs, lower_is_better: true };
    table.row("memory of an idle connection, one end", "bytes", Peer::SMOLTCP, figure);
    let mut crowd = idle::Crowd::new(connections);
    let used = crowd.open(connections, 1);
    eprintln!("allocated after an exchange: {:.0} bytes a connection", used.allocated);
    let figure = Figure { ours: used.allocated, theirs, lower_is_better: true };
    table.row("the same after a byte each way, as allocated", "bytes", Peer::SMOLTCP, figure);
}

fn under_flood(table: &mut Table, runs: usize, rate: u64) {
    let mut attacker = flood::Attacker::new();
    let (mut memory, mut usual, mut syns) = (0, 0, 0);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let flooded = flood::transfer(&mut attacker, BESIDE_BYTES, rate);
        (memory, syns) = (memory.max(flooded.memory), syns.max(flooded.syns));
        with.push(flooded.goodput);
        let quiet = flood::transfer(&mut attacker, BESIDE_BYTES, 0);
        usual = usual.max(quiet.memory);
        without.push(quiet.goodput);
    }
    eprintln!("{syns} SYNs; at most {memory} bytes were allocated for all, {usual} without them");
    let figure = Figure { ours: median(with), theirs: median(without), lower_is_better: false };
    table.row(&format!("bulk transfer, {rate} SYNs a second"), "Gb/s", Peer::OURSELVES.to_reach(0.9), figure);
}

fn traced(table: &mut Table, runs: usize) {
    let costs = (0..runs).map(|_| {
        let (without, with, events) = tracing::transfers(BESIDE_BYTES);
        (with - without) / events as f64
    });
    let figure = Figure { ours: median(costs.collect()), theirs: MOST_PER_EVENT, lower_is_better: true };
    table.row("keeping an event in memory", "ns", Peer::BOUND, figure);
}

fn profile(wire: Wire, bytes: u64, connects: usize, turns: usize) {
    let mut pair = Pair::stepped(wire, BULK_BUFFER);
    if bytes > 0 {
        pair.send(bytes);
    }
    (0..connects).for_each(|_| pair.connect_and_close());
    if turns > 0 {
        pair.open_idle(turns);
        (0..10 * turns).step_by(limpid_pair::BATCH).for_each(|first| pair.turn(first));
    }
}
