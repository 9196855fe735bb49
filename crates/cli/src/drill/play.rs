//! One script on one target.

use super::arguments::{Definition, Mode};
use super::scripts::Found;
use super::{Against, pool, read};
use crate::error::without_errno;
use limpid_drill::parse::{Definitions, parse};
use limpid_drill::run::{Settings, run};
use limpid_drill::script::Pos;
use limpid_drill::target::kernel::KernelTarget;
use limpid_drill::target::{Network, OurTarget};
use limpid_drill::{Report, Verdict};
use limpid_scope::trace::Trace;
use std::time::{Duration, Instant};

/// Decides what a target takes by chance. Scripts don't depend on it; runs can be repeated.
const SEED: u64 = 1;

/// A script in a mode.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) script: Found,
    pub(crate) mode: Option<Mode>,
}

/// How a script ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) job: Job,
    pub(crate) against: Against,
    pub(crate) report: Report,
    /// How long it took, all tries together, in real time.
    pub(crate) elapsed: Duration,
    /// How many runs it took.
    pub(crate) tries: u32,
}

/// How a script ended, in a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Pass,
    Fail,
    Unsupported,
    Invalid,
    Broken,
}

impl Kind {
    pub(crate) const ALL: [Kind; 5] = [Kind::Pass, Kind::Fail, Kind::Unsupported, Kind::Invalid, Kind::Broken];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Pass => "pass",
            Kind::Fail => "fail",
            Kind::Unsupported => "unsupported",
            Kind::Invalid => "invalid",
            Kind::Broken => "broken",
        }
    }
}

impl Done {
    pub(crate) fn kind(&self) -> Kind {
        match self.report.verdict {
            Verdict::Pass => Kind::Pass,
            Verdict::Fail(_) => Kind::Fail,
            Verdict::Unsupported { .. } => Kind::Unsupported,
            Verdict::Invalid { .. } => Kind::Invalid,
            Verdict::Broken(_) => Kind::Broken,
        }
    }

    /// It is not as it should be: it neither passed nor asked for what is not there.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self.kind(), Kind::Pass | Kind::Unsupported)
    }

    /// Where in the script it ended early, and why, in one line.
    pub(crate) fn why(&self) -> Option<(Option<Pos>, &str)> {
        match &self.report.verdict {
            Verdict::Pass => None,
            Verdict::Fail(failure) => Some((Some(failure.at), &failure.what)),
            Verdict::Unsupported { at, what } | Verdict::Invalid { at, what } => Some((Some(*at), what)),
            Verdict::Broken(what) => Some((None, what)),
        }
    }
}

/// Runs scripts.
#[derive(Debug)]
pub(crate) struct Player {
    against: Against,
    tries: u32,
    define: Vec<Definition>,
    options: Vec<(String, Option<String>)>,
}

impl Player {
    pub(crate) fn new(
        against: Against,
        tries: u32,
        define: &[Definition],
        options: Vec<(String, Option<String>)>,
    ) -> Player {
        Player { against, tries, define: define.to_vec(), options }
    }

    /// Runs a script; against Linux again and again, until it passes or has had its tries.
    pub(crate) fn play(&self, job: &Job) -> Done {
        let started = Instant::now();
        let mut tries = 0;
        let report = loop {
            tries += 1;
            let report = pool::caught(|| self.once(job)).unwrap_or_else(|panic| broken(format!("a defect: {panic}")));
            let may_be_chance = matches!(report.verdict, Verdict::Fail(_) | Verdict::Broken(_));
            if self.against == Against::Limpid || !may_be_chance || tries == self.tries {
                break report;
            }
        };
        Done { job: job.clone(), against: self.against, report, elapsed: started.elapsed(), tries }
    }

    fn once(&self, job: &Job) -> Report {
        let text = match read(&job.script.path) {
            Ok(text) => text,
            Err(why) => return broken(why),
        };
        let script = match parse(&text, &self.definitions(job.mode)) {
            Ok(script) => script,
            Err(error) => return ended(Verdict::Invalid { at: error.at, what: error.what }),
        };
        let settings = Settings { options: self.options(job.mode) };
        let network = match Network::of(&script, &settings) {
            Ok(network) => network,
            Err(verdict) => return ended(verdict),
        };
        match self.against {
            Against::Limpid => match OurTarget::new(&network, SEED) {
                Ok(mut target) => run(&script, &settings, &mut target),
                Err(error) => broken(format!("the stack refuses this network: {error}")),
            },
            Against::Kernel => match KernelTarget::new(&network) {
                Ok(mut target) => run(&script, &settings, &mut target),
                Err(error) => {
                    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                    broken(without_errno(&error.to_string()) + &hint)
                }
            },
        }
    }

    /// The mode's, and over them the command line's.
    fn definitions(&self, mode: Option<Mode>) -> Definitions {
        let of_mode = mode.map_or(&[][..], Mode::definitions).iter();
        let of_mode = of_mode.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let given = self.define.iter().map(|definition| (definition.name.clone(), definition.value.clone()));
        of_mode.chain(given).collect()
    }

    fn options(&self, mode: Option<Mode>) -> Vec<(String, Option<String>)> {
        let of_mode = mode.map_or(&[][..], Mode::options).iter();
        let of_mode = of_mode.map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
        of_mode.chain(self.options.iter().cloned()).collect()
    }
}

/// A run that did not come to play anything.
fn ended(verdict: Verdict) -> Report {
    Report { verdict, trace: Trace::default(), printed: String::new(), remarks: Vec::new() }
}

fn broken(why: String) -> Report {
    ended(Verdict::Broken(why))
}
