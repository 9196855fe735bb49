//! One script on both targets, and where they part.
//!
//! Each target is wrapped in a log of what crosses its border: packets both ways and calls with what they returned. Numbers that
//! are a target's own are taken out (initial sequence numbers, ports and descriptors by order, timestamp values, cookies); what
//! is left is what a peer or a program can see, and the first place where it differs is told, in the script's notation.

mod compare;
mod log;
mod words;

pub use compare::{Kind, Parting, Place};
pub use log::{Step, What};

use crate::report::{Report, Verdict};
use crate::run::{Settings, run};
use crate::script::Script;
use crate::target::kernel::KernelTarget;

use crate::target::{Network, OurTarget, Target};
use limpid_device::namespace::NamespaceError;
use log::Log;
use std::fmt;

/// What a machine that does other things as well may be late by, unless the settings say otherwise.
pub const KERNEL_TOLERANCE: (&str, &str) = ("tolerance_usecs", "20000");
/// Steps shown before the place where they part.
const CONTEXT: usize = 8;
/// Steps of each shown from there on.
const BEYOND: usize = 4;

/// A script's two runs.
#[derive(Debug)]
pub struct Difference {
    /// On our stack.
    pub ours: Run,
    /// On Linux.
    pub linux: Run,
    /// Where they part first; `None` if they did the same.
    pub parting: Option<Parting>,
}

/// A run and what was seen of it.
#[derive(Debug)]
pub struct Run {
    /// The target's name.
    pub name: &'static str,
    /// How it ended.
    pub report: Report,
    /// What crossed the target's border, in order.
    pub steps: Vec<Step>,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The options make no sense, or ask for what is not there.
    #[error("{0}")]
    Script(Verdict),
    /// Our stack does not take the network's addresses or MTU.
    #[error("no host for this script: {0}")]
    Stack(limpid_event::Error),
    /// Linux can't be had as a target.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
}

/// Runs a script on our stack and on Linux, and finds where they part. `seed` is for our stack's secrets.
///
/// # Errors
/// [`Trouble`] if one of them can't be had at all; a run that fails is a result.
pub fn differential(script: &Script, settings: &Settings, seed: u64) -> Result<Difference, Trouble> {
    let network = Network::of(script, settings).map_err(Trouble::Script)?;
    let mut ours = OurTarget::new(&network, seed).map_err(Trouble::Stack)?;
    let ours = logged(script, settings, &mut ours);
    let mut linux = KernelTarget::new(&network)?.with_time_limit(settings.time_limit);
    let linux = logged(script, &settings.with_default(script, KERNEL_TOLERANCE), &mut linux);
    Ok(Difference::between(ours, linux))
}

fn logged(script: &Script, settings: &Settings, target: &mut dyn Target) -> Run {
    let name = target.name();
    let mut log = Log::new(target);
    let report = run(script, settings, &mut log);
    Run { name, report, steps: log.into_steps() }
}

impl Difference {
    /// Compares two runs.
    pub fn between(ours: Run, linux: Run) -> Difference {
        let both_passed = [&ours, &linux].iter().all(|run| run.report.verdict == Verdict::Pass);
        let parting = compare::part(&ours.steps, &linux.steps, both_passed);
        Difference { ours, linux, parting }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { ours, linux, parting } = self;
        let width = ours.name.len().max(linux.name.len());
        for run in [ours, linux] {
            writeln!(f, "{:width$}  {}", run.name, run.report.verdict)?;
        }
        let Some(Parting { kind, ours: place, linux: other }) = parting else {
            return writeln!(f, "Both did the same.");
        };
        writeln!(f, "{kind}:")?;
        let from = place.step.saturating_sub(CONTEXT);
        if from > 0 {
            writeln!(f, "  {:width$}  ⋮", "")?;
        }
        for step in &ours.steps[from..place.step.min(ours.steps.len())] {
            writeln!(f, "  {:width$}  {step}", "")?;
        }
        for (run, place) in [(ours, place), (linux, other)] {
            let rest = run.steps.get(place.step..).unwrap_or_default();
            if !place.there {
                writeln!(f, "> {:width$}  nothing", run.name)?;
            }
            for (index, step) in rest.iter().take(BEYOND).enumerate() {
                let mark = if index == 0 && place.there { '>' } else { ' ' };
                writeln!(f, "{mark} {:width$}  {step}", run.name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
