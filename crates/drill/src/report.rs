//! How a run ended.

use crate::script::Pos;
use limpid_scope::trace::Trace;
use std::fmt;

/// How a run ended, and what there is to show of it.
#[derive(Debug)]
pub struct Report {
    /// How.
    pub verdict: Verdict,
    /// Every packet and event up to the end; packets that the script sent are host 1's, the target's host 0's.
    pub trace: Trace,
    /// What the script printed.
    pub printed: String,
    /// What was accepted without any effect on the wire (settings such as `tcp_tso_win_divisor`), each once.
    pub remarks: Vec<String>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As the script says.
    Pass,
    /// Otherwise.
    Fail(Failure),
    /// The script asks for something that is not there: neither pass nor fail.
    Unsupported {
        /// Where.
        at: Pos,
        /// What.
        what: String,
    },
    /// The text is no script, or its options make no sense.
    Invalid {
        /// Where.
        at: Pos,
        /// What.
        what: String,
    },
    /// The run could not be made or finished (no right to open TUN, the machine stalled).
    Broken(String),
}

impl fmt::Display for Verdict {
    /// In one line: `fail at 12:1: bad value outbound TCP option 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Pass => f.write_str("pass"),
            Verdict::Fail(Failure { at, what, .. }) => write!(f, "fail at {}:{}: {what}", at.line, at.column),
            Verdict::Unsupported { at, what } => write!(f, "unsupported at {}:{}: {what}", at.line, at.column),
            Verdict::Invalid { at, what } => write!(f, "invalid at {}:{}: {what}", at.line, at.column),
            Verdict::Broken(what) => write!(f, "broken: {what}"),
        }
    }
}

/// Where a run parted from its script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The event.
    pub at: Pos,
    /// In one line: `bad value outbound TCP option 3`.
    pub what: String,
    /// What the script says.
    pub expected: Option<String>,
    /// What happened.
    pub actual: Option<String>,
    /// The number in the trace of the packet that differs, if it is one.
    pub packet: Option<u64>,
}
