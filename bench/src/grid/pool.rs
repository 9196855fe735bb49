//! Plays many plans on several threads, with a progress bar where somebody looks.

use crate::journal::Journal;
use crate::play::{Outcome, Plan, play};
use crate::theory;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Plays all that was not played before, the longest first; outcomes in the order of plans.
///
/// # Errors
/// The first that fails, in words.
pub(crate) fn play_all(plans: &[Plan], jobs: usize, journal: &Journal) -> Result<Vec<Outcome>, String> {
    let bar = ProgressBar::new(plans.iter().map(work).sum());
    let style = ProgressStyle::with_template("{bar:30} {percent}%  {elapsed} of {duration}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut order: Vec<usize> = (0..plans.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(work(&plans[*at])));
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<Vec<Option<Result<Outcome, String>>>> = Mutex::new(vec![None; plans.len()]);
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let plan = &plans[at];
                    bar.set_message(format!("{} {}", plan.contender.name(), plan.cell));
                    let outcome = play_one(plan, journal);
                    bar.inc(work(plan));
                    outcomes.lock().expect("no thread panicked with it")[at] = Some(outcome);
                }
            });
        }
    });
    bar.finish_and_clear();
    let outcomes = outcomes.into_inner().expect("no thread panicked with it");
    outcomes.into_iter().map(|outcome| outcome.expect("every plan was played")).collect()
}

fn play_one(plan: &Plan, journal: &Journal) -> Result<Outcome, String> {
    if let Some(outcome) = journal.find(plan) {
        return Ok(outcome.clone());
    }
    let outcome = play(plan).map_err(|e| format!("{} of {}: {e}", plan.contender.name(), plan.cell))?.outcome;
    journal.keep(plan, &outcome)?;
    Ok(outcome)
}

/// How much there is to do, in packets.
fn work(plan: &Plan) -> u64 {
    let rate = theory::expected(&plan.cell, plan.contender);
    let time = (plan.span.warm_up + plan.span.measured).as_secs_f64();
    (rate * time / (crate::cell::MSS as f64 * 8.0)) as u64 + 1
}
