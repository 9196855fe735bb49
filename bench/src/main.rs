//! Benchmarks of limpid beside smoltcp, in one process, over devices in memory.
//!
//! `cargo xtask bench` runs them all. Every figure is the median of several interleaved runs, and what counts is the ratio:
//! both sides pay for the same copies (the application's into the stack and out of it, the device's from host to host) and
//! for every checksum. Time is the thread's processor time.

mod acks;
mod heap;
mod limpid_pair;
mod report;
mod smoltcp_pair;
mod stopwatch;

use clap::{Parser, Subcommand};
use report::{Figure, Table};
use std::time::Duration;

#[global_allocator]
static HEAP: heap::CountingAlloc = heap::CountingAlloc;

/// Measures limpid beside smoltcp in memory.
#[derive(Parser)]
#[command(
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench bulk --bytes 4000000000\n  cargo xtask bench connect --others 0,1000,40000"
)]
struct Args {
    /// What to measure; all of it if left out.
    #[command(subcommand)]
    what: Option<What>,
    /// Runs of each measurement; the median counts.
    #[arg(long, global = true, default_value_t = 3)]
    runs: usize,
}

#[derive(Subcommand)]
enum What {
    /// One connection sends as fast as it can, MTU 1500, checksums on.
    Bulk {
        /// Bytes to send.
        #[arg(long, default_value_t = BULK_BYTES)]
        bytes: u64,
    },
    /// Connect and close, one after the other, beside other sockets.
    Connect {
        /// How many other sockets stand beside, as a list.
        #[arg(long, value_delimiter = ',', default_values_t = OTHERS)]
        others: Vec<usize>,
    },
    /// Memory of an idle connection.
    Memory {
        /// Connections to open.
        #[arg(long, default_value_t = IDLE_CONNECTIONS)]
        connections: usize,
    },
    /// What an ACK costs with 10 to 10,000 segments in flight.
    Acks,
    /// limpid alone, by a clock of its own, for callgrind and perf: no table, and each run does exactly the same.
    Profile {
        /// Bytes to send over one connection.
        #[arg(long, default_value_t = 0)]
        bytes: u64,
        /// Connections to open and close.
        #[arg(long, default_value_t = 0)]
        connects: usize,
    },
}

const BULK_BYTES: u64 = 2_000_000_000;
const OTHERS: [usize; 3] = [0, 1_000, 40_000];
const IDLE_CONNECTIONS: usize = 1_000;
/// Send and receive buffer of each socket in the bulk transfer, on both sides.
pub(crate) const BULK_BUFFER: usize = 256 * 1024;
/// How long one connect-and-close measurement lasts.
const CONNECT_TIME: Duration = Duration::from_millis(700);

fn main() {
    let args = Args::parse();
    let runs = args.runs.max(1);
    let mut table = Table::new();
    match args.what {
        Some(What::Bulk { bytes }) => bulk(&mut table, runs, bytes),
        Some(What::Connect { others }) => connect(&mut table, runs, &others),
        Some(What::Memory { connections }) => memory(&mut table, connections),
        Some(What::Acks) => return acks::print(runs),
        Some(What::Profile { bytes, connects }) => return profile(bytes, connects),
        None => {
            bulk(&mut table, runs, BULK_BYTES);
            connect(&mut table, runs, &OTHERS);
            memory(&mut table, IDLE_CONNECTIONS);
            acks::print(runs);
        }
    }
    table.print();
}

fn bulk(table: &mut Table, runs: usize, bytes: u64) {
    let gigabits = |time: Duration| bytes as f64 * 8.0 / time.as_secs_f64() / 1e9;
    let figures = Figure::interleaved(
        runs,
        || gigabits(limpid_pair::Pair::new(BULK_BUFFER).bulk(bytes)),
        || gigabits(smoltcp_pair::Pair::new().bulk(bytes)),
    );
    table.row("bulk transfer, MTU 1500, checksums", "Gb/s", figures);
}

fn connect(table: &mut Table, runs: usize, others: &[usize]) {
    for &others in others {
        let mut ours = limpid_pair::Pair::new(BULK_BUFFER);
        ours.open_idle(others);
        let mut theirs = smoltcp_pair::Pair::new();
        theirs.listen_idle(others);
        let figures = Figure::interleaved(runs, || ours.connects(CONNECT_TIME), || theirs.connects(CONNECT_TIME));
        table.row(&format!("connect + close beside {others} sockets"), "/s", figures);
    }
}

fn memory(table: &mut Table, connections: usize) {
    let ours = heap::live_growth(|| {
        let mut pair = limpid_pair::Pair::new(BULK_BUFFER);
        let before = heap::live();
        pair.open_idle(connections);
        ((heap::live() - before) as f64 / connections as f64 / 2.0, pair)
    });
    let theirs = heap::live_growth(|| {
        let mut pair = smoltcp_pair::Pair::new();
        let before = heap::live();
        pair.open_idle(connections);
        ((heap::live() - before) as f64 / connections as f64 / 2.0, pair)
    });
    table.row("memory of an idle connection, one end", "bytes", Figure { ours, theirs, lower_is_better: true });
}

fn profile(bytes: u64, connects: usize) {
    let mut pair = limpid_pair::Pair::stepped(BULK_BUFFER);
    if bytes > 0 {
        pair.send(bytes);
    }
    (0..connects).for_each(|_| pair.connect_and_close());
}
