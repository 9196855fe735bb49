//! One script on one target.

use super::arguments::{Definition, Mode};
use super::scripts::Found;
use super::{On, pool, read};
use crate::error::without_errno;
use limpid_device::namespace::NamespaceError;
use limpid_drill::differential::{self, Difference, KERNEL_TOLERANCE};
use limpid_drill::parse::{Definitions, parse};
use limpid_drill::run::{Settings, run};
use limpid_drill::script::{Pos, Script};
use limpid_drill::target::kernel::KernelTarget;
use limpid_drill::target::{Network, OurTarget};
use limpid_drill::{Report, Verdict};
use limpid_scope::trace::Trace;
use std::time::{Duration, Instant};

/// Decides what a target takes by chance. Scripts don't depend on it; runs can be repeated.
const SEED: u64 = 1;

/// A run on Linux that takes so much longer than its script's times say hangs.
const TOO_LATE: Duration = Duration::from_secs(60);

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
    pub(crate) on: On,
    /// How its run ended; of two runs, ours.
    pub(crate) report: Report,
    /// What Linux did beside us.
    pub(crate) beside: Option<Beside>,
    /// How long it took, all tries together, in real time.
    pub(crate) elapsed: Duration,
    /// How many runs it took.
    pub(crate) tries: u32,
}

/// What Linux did with the same script, and whether it is the same.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) report: Report,
    /// Where the two part, in words.
    pub(crate) parting: Option<String>,
    /// Both runs, side by side up to there.
    pub(crate) text: String,
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
    fn of(verdict: &Verdict) -> Kind {
        match verdict {
            Verdict::Pass => Kind::Pass,
            Verdict::Fail(_) => Kind::Fail,
            Verdict::Unsupported { .. } => Kind::Unsupported,
            Verdict::Invalid { .. } => Kind::Invalid,
            Verdict::Broken(_) => Kind::Broken,
        }
    }

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
    /// Of two runs: whether they did the same, unless one of them could not be judged.
    pub(crate) fn kind(&self) -> Kind {
        match (&self.beside, Kind::of(self.decisive())) {
            (Some(Beside { parting: None, .. }), Kind::Pass | Kind::Fail) => Kind::Pass,
            (Some(Beside { parting: Some(_), .. }), Kind::Pass | Kind::Fail) => Kind::Fail,
            (_, kind) => kind,
        }
    }

    /// The verdict that decides: ours, unless only Linux has none on the script.
    fn decisive(&self) -> &Verdict {
        let is_none = |verdict: &Verdict| !matches!(verdict, Verdict::Pass | Verdict::Fail(_));
        match &self.beside {
            Some(beside) if is_none(&beside.report.verdict) && !is_none(&self.report.verdict) => &beside.report.verdict,
            _ => &self.report.verdict,
        }
    }

    /// It is not as it should be: it neither passed nor asked for what is not there.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self.kind(), Kind::Pass | Kind::Unsupported)
    }

    /// Where in the script it ended early, and why, in one line.
    pub(crate) fn why(&self) -> Option<(Option<Pos>, &str)> {
        if let (Some(beside), Kind::Pass | Kind::Fail) = (&self.beside, self.kind()) {
            return beside.parting.as_deref().map(|parting| (None, parting));
        }
        match self.decisive() {
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
    on: On,
    tries: u32,
    time_limit: Option<Duration>,
    define: Vec<Definition>,
    options: Vec<(String, Option<String>)>,
}

impl Player {
    /// On Linux a script gets so many tries, and each so long.
    pub(crate) fn new(
        on: On,
        (tries, time_limit): (u32, Option<Duration>),
        define: &[Definition],
        options: Vec<(String, Option<String>)>,
    ) -> Player {
        Player { on, tries, time_limit, define: define.to_vec(), options }
    }

    /// Runs a script; where Linux takes part again and again, until it passes or has had its tries.
    pub(crate) fn play(&self, job: &Job) -> Done {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let (report, beside) = pool::caught(|| self.once(job))
                .unwrap_or_else(|panic| (broken(format!("a defect of limpid: {panic}")), None));
            let done = Done { job: job.clone(), on: self.on, report, beside, elapsed: started.elapsed(), tries };
            let may_be_chance = matches!(done.kind(), Kind::Fail | Kind::Broken);
            if self.on == On::Limpid || !may_be_chance || tries == self.tries {
                return done;
            }
        }
    }

    fn once(&self, job: &Job) -> (Report, Option<Beside>) {
        let text = match read(&job.script.path) {
            Ok(text) => text,
            Err(why) => return (broken(why), None),
        };
        let script = match parse(&text, &self.definitions(job.mode)) {
            Ok(script) => script,
            Err(error) => return (ended(Verdict::Invalid { at: error.at, what: error.what }), None),
        };
        let settings = Settings { options: self.options(job.mode), time_limit: Some(self.time_limit(&script)) };
        match self.on {
            On::Limpid => (on_limpid(&script, &settings), None),
            On::Kernel => (on_kernel(&script, &settings), None),
            On::Both => on_both(&script, &settings),
        }
    }

    /// How long a script may run where time is real.
    fn time_limit(&self, script: &Script) -> Duration {
        self.time_limit.unwrap_or_else(|| script.duration().saturating_add(TOO_LATE))
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

fn on_limpid(script: &Script, settings: &Settings) -> Report {
    let network = match Network::of(script, settings) {
        Ok(network) => network,
        Err(verdict) => return ended(verdict),
    };
    match OurTarget::new(&network, SEED) {
        Ok(mut target) => run(script, settings, &mut target),
        Err(error) => no_stack(error),
    }
}

fn on_kernel(script: &Script, settings: &Settings) -> Report {
    let network = match Network::of(script, settings) {
        Ok(network) => network,
        Err(verdict) => return ended(verdict),
    };
    match KernelTarget::new(&network) {
        Ok(target) => {
            let mut target = target.with_time_limit(settings.time_limit);
            run(script, &settings.with_default(script, KERNEL_TOLERANCE), &mut target)
        }
        Err(error) => no_namespace(&error),
    }
}

fn on_both(script: &Script, settings: &Settings) -> (Report, Option<Beside>) {
    match differential::differential(script, settings, SEED) {
        Ok(difference) => {
            let text = difference.to_string();
            let Difference { ours, linux, parting } = difference;
            let parting = parting.map(|parting| parting.kind.to_string().replacen("They", "limpid and Linux", 1));
            (ours.report, Some(Beside { report: linux.report, parting, text }))
        }
        Err(differential::Trouble::Script(verdict)) => (ended(verdict), None),
        Err(differential::Trouble::Stack(error)) => (no_stack(error), None),
        Err(differential::Trouble::Namespace(error)) => (no_namespace(&error), None),
    }
}

fn no_stack(error: limpid_event::Error) -> Report {
    broken(format!("the stack refuses this network: {error}"))
}

fn no_namespace(error: &NamespaceError) -> Report {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    broken(without_errno(&error.to_string()) + &hint)
}

/// A run that did not come to play anything.
fn ended(verdict: Verdict) -> Report {
    Report { verdict, trace: Trace::default(), printed: String::new(), remarks: Vec::new() }
}

fn broken(why: String) -> Report {
    ended(Verdict::Broken(why))
}
