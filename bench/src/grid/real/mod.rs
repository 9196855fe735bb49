//! The real thing: Linux and limpid in real time, over the same impairments.
//!
//! Two private network namespaces, each with a TUN device; between them our own [`relay`], which is the lab's link by the
//! machine's clock: the same loss of the same segments by number, the same delay, rate and queue, whoever sends. In either
//! namespace is Linux's TCP, or limpid as a product of its users: a host over a TUN device of its own, whose packets Linux
//! forwards to the relay. Nothing is left when it ends: devices and namespaces die with the threads that made them.

mod end;
mod priority;
mod relay;
mod report;

use crate::cell::{Cell, Loss};
use end::{Counters, Side, Stop};
use indicatif::{ProgressBar, ProgressStyle};
use relay::Relay;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

pub(crate) use report::{counters, json, print};

/// How it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The first seed, and how many follow.
    pub(crate) seed: u64,
    pub(crate) seeds: u64,
    /// What is not measured at the beginning of a run, and what is.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// Who sends to whom.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Pair {
    pub(crate) client: Side,
    pub(crate) server: Side,
}

impl Pair {
    /// Linux among itself, which the others are held against; ours as sender; ours as receiver.
    pub(crate) const ALL: [Pair; 3] = [
        Pair { client: Side::Linux, server: Side::Linux },
        Pair { client: Side::Limpid, server: Side::Linux },
        Pair { client: Side::Linux, server: Side::Limpid },
    ];
}

/// One run.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Measured {
    /// Bits a second.
    pub(crate) goodput: f64,
    /// How late packets left the relay: of a hundred, one was later.
    pub(crate) late: Duration,
    /// What the link lost, by chance and at its queue.
    pub(crate) lost: u64,
    pub(crate) queue_full: u64,
    /// What the client and the server counted.
    pub(crate) counters: [Counters; 2],
}

/// All runs of a cell with one controller, by pair; one of each for a seed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    pub(crate) algorithm: &'static str,
    pub(crate) runs: [Vec<Measured>; 3],
}

/// What is measured unless somebody names cells: rates that a relay in user space holds on a busy machine.
pub(crate) fn cells() -> Vec<Cell> {
    let plain = Cell { rtt_ms: 20, mbit: 50, ..Cell::middle() };
    let far = Cell { rtt_ms: 100, mbit: 20, ..plain };
    vec![
        plain,
        far,
        Cell { queue: 0.25, ..plain },
        Cell { loss: Loss::Random(0.001), ..plain },
        Cell { loss: Loss::Random(0.01), ..plain },
        Cell { loss: Loss::Random(0.01), ..far },
        Cell { loss: Loss::Random(0.05), ..plain },
        Cell { loss: Loss::Bursts, ..plain },
        Cell { reorder: 0.1, ..plain },
        Cell { loss: Loss::Random(0.02), rtt_ms: 1, ..plain },
    ]
}

/// Measures all cells with each controller.
///
/// # Errors
/// What a person must know to make it work, as that it takes root.
pub(crate) fn measure(cells: &[Cell], algorithms: &[&'static str], settings: &Settings) -> Result<Vec<Row>, String> {
    let runs = cells.len() as u64 * algorithms.len() as u64 * settings.seeds * Pair::ALL.len() as u64;
    let bar = ProgressBar::new(runs);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed} of {duration}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if let Err(error) = priority::before_all_others() {
        println!("This process may not run before all others ({error}): on a busy machine everything is late.");
    }
    let mut rows = Vec::new();
    for cell in cells {
        for algorithm in algorithms {
            let mut row = Row { cell: *cell, algorithm, runs: Default::default() };
            for seed in settings.seed..settings.seed + settings.seeds {
                // One after the other, so that all meet the same moods of the machine.
                for (pair, runs) in Pair::ALL.into_iter().zip(&mut row.runs) {
                    bar.set_message(format!("{algorithm} {}-{} {cell}", pair.client.name(), pair.server.name()));
                    runs.push(run(cell, pair, algorithm, seed, settings)?);
                    bar.inc(1);
                }
            }
            rows.push(row);
        }
    }
    bar.finish_and_clear();
    Ok(rows)
}

/// One transfer in one direction.
fn run(cell: &Cell, pair: Pair, algorithm: &'static str, seed: u64, settings: &Settings) -> Result<Measured, String> {
    let received = Arc::new(AtomicU64::new(0));
    let stop = Stop::default();
    let (to_relay, tuns) = mpsc::channel();
    let (ready, is_ready) = mpsc::channel();
    std::thread::scope(|scope| {
        let server = {
            let (to_relay, received, stop) = (to_relay.clone(), received.clone(), stop.clone());
            scope.spawn(move || end::serve(pair.server, algorithm, to_relay, ready, &received, &stop))
        };
        let client = {
            let stop = stop.clone();
            scope.spawn(move || end::send(pair.client, algorithm, to_relay, is_ready, &stop))
        };
        let measured = relayed(cell, seed, settings, tuns, &received);
        stop.stop();
        // What went wrong at an end is the cause of whatever went wrong here.
        let join = |end: ScopedJoinHandle<'_, Result<Counters, String>>| {
            end.join().unwrap_or_else(|_| Err("an end has panicked".into()))
        };
        let (server, client) = (join(server)?, join(client)?);
        Ok(Measured { counters: [client, server], ..measured? })
    })
}

/// Carries packets for as long as is measured.
fn relayed(
    cell: &Cell,
    seed: u64,
    settings: &Settings,
    tuns: mpsc::Receiver<(end::Place, limpid_device::Tun)>,
    received: &AtomicU64,
) -> Result<Measured, String> {
    let mut relay = Relay::between(cell, seed, tuns)?;
    relay.run_for(settings.warm_up)?;
    let (before, began) = (received.load(Ordering::Relaxed), std::time::Instant::now());
    relay.run_for(settings.measured)?;
    let (bytes, took) = (received.load(Ordering::Relaxed) - before, began.elapsed());
    let tally = relay.tally();
    Ok(Measured {
        goodput: bytes as f64 * 8.0 / took.as_secs_f64(),
        late: relay.late(),
        lost: tally.lost,
        queue_full: tally.queue_full,
        counters: Default::default(),
    })
}
