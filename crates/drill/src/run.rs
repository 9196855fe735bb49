//! The runner.

pub mod command;

use crate::report::{Report, Verdict};
use crate::script::Script;
use crate::target::Target;
use limpid_scope::trace::Trace;

/// What the command line adds to a script; its settings win over the script's own options.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    /// `--name=value`, without dashes.
    pub options: Vec<(String, Option<String>)>,
}

/// Runs a script on a target made for its [network](crate::target::Network).
pub fn run(_script: &Script, _settings: &Settings, _target: &mut dyn Target) -> Report {
    Report {
        verdict: Verdict::Broken("nothing runs yet".to_owned()),
        trace: Trace::default(),
        printed: String::new(),
        remarks: Vec::new(),
    }
}
