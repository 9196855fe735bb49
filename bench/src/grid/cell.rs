//! Cells of the grid: what the link does, and how many flows share it.

use limpid_lab::link::{Bursts, Conditions};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Largest IP packet, bytes.
pub(crate) const MTU: u16 = 1500;
/// Payload of a full segment with timestamps, bytes.
pub(crate) const MSS: u64 = 1448;
/// The shortest queue, packets.
const LEAST_QUEUE: u64 = 10;
/// The share of packets that bursts lose, and how many in a row on average.
const BURSTS: (f64, f64) = (0.01, 5.0);

/// What befalls packets of data by chance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Loss {
    /// Each is lost with this probability.
    Random(f64),
    /// 1 % are lost, in bursts of 5 on average (Gilbert's model).
    Bursts,
}

/// One cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Cell {
    pub(crate) loss: Loss,
    pub(crate) rtt_ms: u64,
    pub(crate) mbit: u64,
    /// Of the product of bandwidth and round trip.
    pub(crate) queue: f64,
    /// The share of packets that are held, each by up to one round trip.
    pub(crate) reorder: f64,
    pub(crate) flows: usize,
}

impl Loss {
    pub(crate) const ALL: [Loss; 8] = [
        Loss::Random(0.0),
        Loss::Random(0.0001),
        Loss::Random(0.001),
        Loss::Random(0.01),
        Loss::Random(0.02),
        Loss::Random(0.05),
        Loss::Random(0.1),
        Loss::Bursts,
    ];

    /// The share of packets lost.
    pub(crate) fn share(self) -> f64 {
        match self {
            Loss::Random(p) => p,
            Loss::Bursts => BURSTS.0,
        }
    }

    /// How often losses begin, a packet: what a controller answers to.
    pub(crate) fn events(self) -> f64 {
        match self {
            Loss::Random(p) => p,
            Loss::Bursts => BURSTS.0 / BURSTS.1,
        }
    }
}

pub(crate) const RTTS: [u64; 4] = [1, 20, 100, 300];
pub(crate) const RATES: [u64; 3] = [10, 100, 1000];
pub(crate) const QUEUES: [f64; 3] = [0.25, 1.0, 4.0];
pub(crate) const REORDERS: [f64; 3] = [0.0, 0.01, 0.1];
pub(crate) const FLOWS: [usize; 2] = [1, 4];

impl Cell {
    /// The middle of the grid, from which the representative set varies one thing or two at a time.
    pub(crate) const fn middle() -> Cell {
        Cell { loss: Loss::Random(0.0), rtt_ms: 100, mbit: 100, queue: 1.0, reorder: 0.0, flows: 1 }
    }

    pub(crate) fn rtt(&self) -> Duration {
        Duration::from_millis(self.rtt_ms)
    }

    /// Full packets that fill the link for a round trip.
    pub(crate) fn bdp_packets(&self) -> f64 {
        self.mbit as f64 * 1e6 * self.rtt_ms as f64 / 1e3 / 8.0 / f64::from(MTU)
    }

    /// Packets that may wait.
    pub(crate) fn queue_packets(&self) -> u64 {
        ((self.queue * self.bdp_packets()).round() as u64).max(LEAST_QUEUE)
    }

    /// Bytes that are under way when the queue is full.
    pub(crate) fn full_bytes(&self) -> usize {
        (self.bdp_packets().ceil() as usize + self.queue_packets() as usize) * usize::from(MTU)
    }

    /// What the link does to data.
    pub(crate) fn forth(&self) -> Conditions {
        let (loss, bursts) = match self.loss {
            Loss::Random(p) => (p, None),
            Loss::Bursts => (0.0, Some(Bursts::of(BURSTS.0, BURSTS.1))),
        };
        Conditions { loss, bursts, reorder: self.reorder, reorder_by: self.rtt(), ..self.back() }
    }

    /// What it does to acknowledgements: they take their time, and are never lost.
    pub(crate) fn back(&self) -> Conditions {
        let queue = self.queue_packets() as usize;
        Conditions { rate: Some(self.mbit * 1_000_000), queue, ..Conditions::delay(self.rtt() / 2) }
    }

    /// Every cell there is.
    pub(crate) fn all() -> Vec<Cell> {
        let mut cells = Vec::new();
        for flows in FLOWS {
            for reorder in REORDERS {
                for queue in QUEUES {
                    for mbit in RATES {
                        for rtt_ms in RTTS {
                            for loss in Loss::ALL {
                                cells.push(Cell { loss, rtt_ms, mbit, queue, reorder, flows });
                            }
                        }
                    }
                }
            }
        }
        cells
    }

    /// One in so many of all cells with loss, evenly over all their figures.
    pub(crate) fn sample() -> Vec<Cell> {
        /// No divisor of how many values anything has.
        const ONE_IN: usize = 23;
        let lossy = Cell::all().into_iter().filter(|cell| cell.loss.share() > 0.0);
        lossy.step_by(ONE_IN).collect()
    }

    /// A set of cells that takes minutes: an even sample of those with loss; rates and round trips with and without loss; and
    /// around the middle everything else.
    pub(crate) fn representative() -> Vec<Cell> {
        let middle = Cell::middle();
        let mut cells = Cell::sample();
        let mut add = |cell: Cell| {
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        };
        for mbit in RATES {
            for rtt_ms in RTTS {
                for loss in [0.0, 0.001, 0.01].map(Loss::Random) {
                    add(Cell { mbit, rtt_ms, loss, ..middle });
                }
            }
        }
        for loss in Loss::ALL {
            for rtt_ms in [20, 100] {
                add(Cell { loss, rtt_ms, ..middle });
            }
        }
        for queue in QUEUES {
            for (mbit, rtt_ms) in [(10, 100), (100, 20), (100, 100), (1000, 20)] {
                for loss in [0.0, 0.001].map(Loss::Random) {
                    add(Cell { queue, mbit, rtt_ms, loss, ..middle });
                }
            }
        }
        for reorder in REORDERS {
            for (mbit, rtt_ms) in [(10, 20), (10, 100), (100, 20), (100, 100)] {
                add(Cell { reorder, mbit, rtt_ms, ..middle });
            }
            add(Cell { reorder, loss: Loss::Random(0.01), ..middle });
        }
        for loss in [0.0, 0.001, 0.01].map(Loss::Random) {
            for rtt_ms in [20, 100] {
                add(Cell { flows: 4, loss, rtt_ms, ..middle });
            }
        }
        cells
    }
}

/// `1%`, `0.01%`, `0`.
fn percent(share: f64) -> String {
    if share == 0.0 { "0".into() } else { format!("{}%", (share * 1e6).round() / 1e4) }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Random(p) => f.pad(&percent(*p)),
            Loss::Bursts => f.pad("bursts"),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { loss, rtt_ms, mbit, queue, reorder, flows } = self;
        write!(f, "loss={loss},rtt={rtt_ms},rate={mbit},queue={queue},reorder={},flows={flows}", percent(*reorder))
    }
}

impl FromStr for Cell {
    type Err = String;

    /// What [`Display`](fmt::Display) prints; what is left out is as in the middle of the grid.
    fn from_str(text: &str) -> Result<Cell, String> {
        let mut cell = Cell::middle();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("'{part}': write it as rtt=100"))?;
            let wrong = || format!("'{value}' is no {name}");
            let number = || value.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(wrong);
            let share = || {
                let share = match value.strip_suffix('%') {
                    Some(number) => number.parse::<f64>().map(|n| n / 100.0),
                    None => value.parse(),
                };
                share.ok().filter(|p| (0.0..=0.9).contains(p)).ok_or_else(wrong)
            };
            let whole = |most: u64| value.parse::<u64>().ok().filter(|n| (1..=most).contains(n)).ok_or_else(wrong);
            match name {
                "loss" if value == "bursts" => cell.loss = Loss::Bursts,
                "loss" => cell.loss = Loss::Random(share()?),
                "rtt" => cell.rtt_ms = whole(10_000)?,
                "rate" => cell.mbit = whole(10_000)?,
                "queue" => cell.queue = number()?.min(100.0),
                "reorder" => cell.reorder = share()?,
                "flows" => cell.flows = whole(100)? as usize,
                _ => return Err(format!("no such thing as '{name}': loss, rtt, rate, queue, reorder, flows")),
            }
        }
        Ok(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_it_is_printed() {
        for cell in Cell::all() {
            assert_eq!(cell.to_string().parse(), Ok(cell));
        }
        assert_eq!("".parse(), Ok(Cell::middle()));
        for wrong in ["rtt", "rtt=0", "loss=2", "loss=x", "colour=red", "flows=0", "queue=-1"] {
            assert!(wrong.parse::<Cell>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        let cell = Cell { mbit: 1000, rtt_ms: 300, ..Cell::middle() };
        assert_eq!(cell.bdp_packets(), 25_000.0);
        assert_eq!(cell.queue_packets(), 25_000);
        assert_eq!(Cell { mbit: 10, rtt_ms: 1, ..cell }.queue_packets(), 10);
    }

    #[test]
    fn the_representative_set_has_every_figure() {
        let set = Cell::representative();
        assert!(set.iter().all(|cell| Cell::all().contains(cell)));
        assert!(RTTS.iter().all(|rtt| set.iter().any(|cell| cell.rtt_ms == *rtt)));
        assert!(Loss::ALL.iter().all(|loss| set.iter().any(|cell| cell.loss == *loss)));
        assert!(QUEUES.iter().all(|queue| set.iter().any(|cell| cell.queue == *queue)));
        assert!(REORDERS.iter().all(|share| set.iter().any(|cell| cell.reorder == *share)));
    }

    #[test]
    fn the_sample_is_even() {
        let sample = Cell::sample();
        let count = |is: &dyn Fn(&Cell) -> bool| sample.iter().filter(|cell| is(cell)).count();
        for loss in &Loss::ALL[1..] {
            let n = count(&|cell| cell.loss == *loss);
            assert!((sample.len() / 7 - 1..=sample.len() / 7 + 2).contains(&n), "{loss}: {n} of {}", sample.len());
        }
        for reorder in REORDERS {
            let n = count(&|cell| cell.reorder == reorder);
            assert!((sample.len() / 3 - 2..=sample.len() / 3 + 2).contains(&n), "{reorder}: {n} of {}", sample.len());
        }
    }
}
