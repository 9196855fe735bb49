//! What must hold of the grid, and whether it does.

use crate::Outcomes;
use crate::cell::{Cell, Loss, MSS};
use crate::interval::Interval;
use crate::play::{Contender, Outcome, Plan, Span};
use crate::{table, theory};
use std::fmt::Write as _;
use std::time::Duration;

const CUBIC: Contender = Contender::Limpid("cubic");
/// Payload of a full segment of smoltcp's, which has no timestamps, bytes.
const SMOLTCP_MSS: u64 = 1460;
const BBR: Contender = Contender::Limpid("bbr");

/// One rule.
pub(crate) struct Check {
    pub(crate) rule: &'static str,
    /// `None` if nothing was played that could tell.
    pub(crate) holds: Option<bool>,
    pub(crate) figures: String,
}

/// So many cells that do not hold are told with their figures.
const TOLD: usize = 8;

/// The cells that do not hold, with their figures.
struct Search {
    looked_at: usize,
    worst: Option<(f64, String)>,
    /// How far each is from holding: below 1.
    broken: Vec<(f64, String)>,
}

impl Search {
    fn new() -> Search {
        Search { looked_at: 0, worst: None, broken: Vec::new() }
    }

    /// A cell whose figure should lie within `bounds`.
    fn look(&mut self, cell: &Cell, figure: f64, bounds: (f64, f64)) {
        self.look_at_mean(cell, Interval { mean: figure, half: f64::INFINITY }, bounds);
    }

    /// The same of a mean over seeds. Its interval is told, and does not excuse it.
    fn look_at_mean(&mut self, cell: &Cell, figure: Interval, bounds: (f64, f64)) {
        self.looked_at += 1;
        let Interval { mean, half } = figure;
        let interval = if half.is_finite() { format!(" ± {half:.2}") } else { String::new() };
        let figure = format!("{mean:.2}{interval} at {cell}");
        // How far from being broken; below 1 it is.
        let margin = (mean / bounds.0).min(bounds.1 / mean);
        if !(bounds.0..=bounds.1).contains(&mean) {
            self.broken.push((margin, figure.clone()));
        }
        if self.worst.as_ref().is_none_or(|(worst, _)| margin < *worst) {
            self.worst = Some((margin, figure));
        }
    }

    fn check(mut self, rule: &'static str) -> Check {
        let holds = (self.looked_at > 0).then_some(self.broken.is_empty());
        self.broken.sort_by(|a, b| a.0.total_cmp(&b.0));
        let count = self.looked_at - self.broken.len();
        let told: Vec<String> = match self.broken.len() {
            0 => self.worst.into_iter().map(|(_, worst)| format!("; worst {worst}")).collect(),
            _ => self.broken.into_iter().take(TOLD).map(|(_, cell)| format!("; {cell}")).collect(),
        };
        Check { rule, holds, figures: format!("{count} of {} cells{}", self.looked_at, told.concat()) }
    }
}

/// What is played besides the grid: two flows that share a link for a minute.
pub(crate) fn plans(contenders: &[Contender], (seed, offloads): (u64, bool)) -> Vec<Plan> {
    let span = Span { warm_up: Duration::from_secs(10), measured: Duration::from_secs(60) };
    let pair = |contender, cell, mixed| Plan { cell, contender, span, seed, mixed, record: false, offloads };
    let two = Cell { flows: 2, rtt_ms: 40, mbit: 20, ..Cell::middle() };
    // Small enough that CUBIC is in its Reno-friendly region.
    let small = Cell { flows: 2, rtt_ms: 20, mbit: 10, ..Cell::middle() };
    let all = [pair(CUBIC, two, None), pair(BBR, two, None), pair(CUBIC, small, Some(["cubic", "reno"]))];
    all.into_iter().filter(|plan| contenders.contains(&plan.contender)).collect()
}

/// All rules.
pub(crate) fn checks(grid: &[(Cell, Outcomes)], extra: &[(Plan, Outcome)]) -> Vec<Check> {
    let mut checks = vec![fills_the_link(grid), follows_the_response_function(grid), bbr_bears_loss(grid)];
    checks.extend(beats_smoltcp(grid));
    checks.push(shares(extra));
    checks.extend(bears_reordering(grid));
    checks
}

fn of(grid: &[(Cell, Outcomes)], who: Contender) -> impl Iterator<Item = (&Cell, &Outcome)> {
    grid.iter().filter_map(move |(cell, outcomes)| Some((cell, outcomes.get(&who)?)))
}

fn fills_the_link(grid: &[(Cell, Outcomes)]) -> Check {
    let mut search = Search::new();
    for (cell, outcome) in of(grid, CUBIC) {
        if cell.loss == Loss::Random(0.0) && cell.reorder == 0.0 && cell.queue >= 0.5 {
            search.look(cell, table::share(cell, outcome.goodput()), (0.9, f64::MAX));
        }
    }
    search.check("1. CUBIC has 0.9 of the link without loss, where the queue holds half a BDP")
}

fn follows_the_response_function(grid: &[(Cell, Outcomes)]) -> Check {
    let mut search = Search::new();
    for (cell, outcome) in of(grid, CUBIC) {
        if theory::is_loss_limited(cell, CUBIC) {
            search.look(cell, outcome.goodput() / theory::expected(cell, CUBIC), (0.75, 1.25));
        }
    }
    search.check("1. CUBIC is within 25 % of its response function, where that predicts a window of 10")
}

fn bbr_bears_loss(grid: &[(Cell, Outcomes)]) -> Check {
    let mut search = Search::new();
    for (cell, outcome) in of(grid, BBR) {
        if cell.loss == Loss::Random(0.01) && cell.reorder == 0.0 {
            search.look(cell, table::share(cell, outcome.goodput()), (0.8, f64::MAX));
        }
    }
    search.check("1. BBR has 0.8 of the link at 1 % random loss")
}

fn beats_smoltcp(grid: &[(Cell, Outcomes)]) -> [Check; 2] {
    let mut search = Search::new();
    let mut lossy = Vec::new();
    // Of the whole grid, or of an even sample of it.
    let whole = grid.len() >= Cell::all().len();
    let sample = Cell::sample();
    for (cell, outcomes) in grid {
        let Some(ratio) = table::ratio_to_smoltcp(outcomes) else { continue };
        // In bytes on the link: our timestamps take 12 of 1460, which is no better or worse a recovery. What lies within a
        // hundredth is the same: the last packet of the time, say.
        let on_link = SMOLTCP_MSS as f64 / MSS as f64;
        let half = table::spread_to_smoltcp(outcomes) * on_link;
        search.look_at_mean(cell, Interval { mean: ratio * on_link, half }, (0.99, f64::INFINITY));
        if cell.loss.share() > 0.0 && (whole || sample.contains(cell)) {
            lossy.push(ratio);
        }
    }
    lossy.sort_by(f64::total_cmp);
    let median = lossy.get(lossy.len() / 2).copied();
    [
        search.check("1. never below smoltcp, in bytes on the link"),
        Check {
            rule: "1. three times smoltcp in the median lossy cell",
            holds: median.map(|median| median >= 3.0),
            figures: median
                .map_or_else(String::new, |median| format!("{median:.2} times, of {} even cells", lossy.len())),
        },
    ]
}

fn shares(extra: &[(Plan, Outcome)]) -> Check {
    let mut search = Search::new();
    let mut figures = Vec::new();
    for (plan, outcome) in extra {
        search.look(&plan.cell, outcome.fairness(), (0.9, f64::MAX));
        let name = plan.mixed.map_or_else(|| plan.contender.name().to_owned(), |pair| pair.join(" and "));
        figures.push(format!("{name} {:.3}", outcome.fairness()));
    }
    let check = search.check("3. two flows share a link over 60 s: Jain's index 0.9");
    Check { figures: figures.join(", "), ..check }
}

fn bears_reordering(grid: &[(Cell, Outcomes)]) -> [Check; 2] {
    let (mut cost, mut timeouts) = (Search::new(), Search::new());
    for (cell, outcome) in of(grid, CUBIC) {
        if cell.reorder != 0.1 || cell.loss != Loss::Random(0.0) {
            continue;
        }
        let plain = Cell { reorder: 0.0, ..*cell };
        if let Some((_, plain)) = of(grid, CUBIC).find(|(other, _)| **other == plain) {
            cost.look(cell, outcome.goodput() / plain.goodput(), (0.9, f64::MAX));
        }
        // 1 if there is none, and less with each.
        timeouts.look(cell, 1.0 / (1.0 + outcome.timeouts.unwrap_or(0) as f64), (1.0, 1.0));
    }
    [
        cost.check("4. reordering of 10 % by up to a round trip costs less than 10 % of goodput"),
        timeouts.check("4. and brings no timeout (1 is none)"),
    ]
}

/// The rules for people.
pub(crate) fn report(checks: &[Check]) -> String {
    let mut text = String::from("\nWhat must hold\n\n");
    for Check { rule, holds, figures } in checks {
        let verdict = match holds {
            Some(true) => "PASS",
            Some(false) => "FAIL",
            None => "  - ",
        };
        let _ = writeln!(text, "  {verdict}  {rule}: {figures}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(goodput: f64) -> Outcome {
        Outcome {
            goodputs: vec![goodput],
            by_seed: Vec::new(),
            packets: 0,
            lost: 0,
            queue_full: 0,
            again: Some(3),
            timeouts: Some(0),
            took: Duration::ZERO,
        }
    }

    /// One seed whose losses hurt us more than them decides nothing.
    #[test]
    fn the_mean_of_the_seeds_is_compared_and_its_interval_told() {
        for (theirs, holds, told) in [([1.2, 0.9, 0.6], true, "1.12 ± "), ([1.2, 0.9, 1.1], false, "0.95 ± ")] {
            let cell = Cell { loss: Loss::Random(0.0001), ..Cell::middle() };
            let mean = |of_seeds: [f64; 3]| Outcome::mean(&of_seeds.map(outcome)).unwrap();
            let outcomes = Outcomes::from([(CUBIC, mean([1.0; 3])), (Contender::Smoltcp, mean(theirs))]);
            let [check, _] = beats_smoltcp(&[(cell, outcomes)]);
            assert_eq!(check.holds, Some(holds), "{}", check.figures);
            assert!(check.figures.contains(told), "{}", check.figures);
        }
    }

    #[test]
    fn a_timeout_with_any_seed_counts() {
        let timeout = Outcome { timeouts: Some(2), ..outcome(3.0) };
        let mean = Outcome::mean(&[outcome(1.0), timeout, outcome(2.0)]).unwrap();
        assert_eq!((mean.goodput(), mean.timeouts, mean.again), (2.0, Some(2), Some(3)));
        assert_eq!(mean.by_seed, [1.0, 3.0, 2.0]);
        assert_eq!(Outcome::mean(&[]), None);
    }
}
