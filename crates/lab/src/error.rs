//! Why a world could not be built or run to its end.

use limpid_device::namespace::NamespaceError;
use limpid_event::{Error, Instant};
use std::fmt;

/// Why a world could not be built or run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The kernel can't take part.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// A device failed.
    #[error("device: {0}")]
    Device(#[from] std::io::Error),
    /// A stack refused its set-up.
    #[error("set-up: {0}")]
    SetUp(#[from] Error),
    /// The world did not come to its end.
    #[error("{0}")]
    Stuck(Box<Stuck>),
}

/// A world that did not come to its end: where it stood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// What happened, or did not.
    pub why: Why,
    /// When.
    pub at: Instant,
    /// Applications that have not ended, with what each waits for.
    pub waiting: Vec<String>,
}

/// Why a world is given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// Applications wait, but nothing will ever happen again.
    Deadlock,
    /// A task never comes to rest.
    Restless(String),
    /// Events follow one another without time going on.
    NoProgress,
    /// The bound on events was reached.
    TooManyEvents(u64),
    /// The bound on time was reached.
    TooLong,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stuck at {} s: ", self.at)?;
        match &self.why {
            Why::Deadlock => f.write_str("nothing will ever happen again")?,
            Why::Restless(task) => write!(f, "task '{task}' never comes to rest")?,
            Why::NoProgress => f.write_str("events follow one another without time going on")?,
            Why::TooManyEvents(n) => write!(f, "more than {n} events")?,
            Why::TooLong => f.write_str("the bound on time is reached")?,
        }
        if !self.waiting.is_empty() {
            write!(f, "; still waiting: {}", self.waiting.join(", "))?;
        }
        Ok(())
    }
}

impl From<Stuck> for LabError {
    fn from(stuck: Stuck) -> LabError {
        LabError::Stuck(Box::new(stuck))
    }
}
