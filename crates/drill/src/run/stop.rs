//! Why a run ends before its script does.

use crate::report::{Failure, Verdict};
use crate::script::Pos;
use crate::target::TargetError;

/// Why a run ends before its script does.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What happened is not what the script says.
    Fail(Box<Failure>),
    /// The script asks for something that is not there.
    Unsupported { at: Pos, what: String },
    /// The script makes no sense.
    Invalid { at: Pos, what: String },
    /// The target broke down.
    Broken(String),
}

impl Stop {
    /// A failure that one line tells.
    pub(crate) fn fail(at: Pos, what: impl Into<String>) -> Stop {
        Stop::Fail(Box::new(Failure { at, what: what.into(), expected: None, actual: None, packet: None }))
    }

    /// The script asks for something that is not there.
    pub(crate) fn unsupported(at: Pos, what: impl Into<String>) -> Stop {
        Stop::Unsupported { at, what: what.into() }
    }

    /// The script makes no sense.
    pub(crate) fn invalid(at: Pos, what: impl Into<String>) -> Stop {
        Stop::Invalid { at, what: what.into() }
    }

    /// What a target says of an event at `at`.
    pub(crate) fn target(error: TargetError, at: Pos) -> Stop {
        match error {
            TargetError::Unsupported(what) => Stop::Unsupported { at, what },
            TargetError::Refused(what) => Stop::fail(at, what),
            TargetError::TooLong(_) => Stop::fail(at, error.to_string()),
            TargetError::Broken(what) => Stop::Broken(what),
        }
    }
}

impl From<Stop> for Verdict {
    fn from(stop: Stop) -> Verdict {
        match stop {
            Stop::Fail(failure) => Verdict::Fail(*failure),
            Stop::Unsupported { at, what } => Verdict::Unsupported { at, what },
            Stop::Invalid { at, what } => Verdict::Invalid { at, what },
            Stop::Broken(what) => Verdict::Broken(what),
        }
    }
}
