//! Two captures compared: the two [ends] of one connection, or two [runs] of the same exchange.
//!
//! [`Side::read`] takes a capture; [`compare`] finds out which case it is and answers a [`Diff`]: sentences, and a [`Trace`]
//! that ladders draw and verdicts judge. A connection that both hold (by its addresses and initial sequence numbers; through a
//! NAT by the latter, else by timestamps) makes them two ends.
//!
//! # Bounds
//! Of each capture [`MAX_PACKETS`] TCP packets are taken, and of each packet its headers.
//!
//! [`Trace`]: crate::trace::Trace

pub mod ends;
mod pairing;
pub mod runs;
mod side;

#[cfg(test)]
mod tests;

pub use side::{MAX_PACKETS, Side};

use crate::verdict::Known;
use ends::Ends;
use runs::Runs;

/// What two captures are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// The two ends of the same connections.
    Ends,
    /// Two runs of an exchange.
    Runs,
}

/// The result of comparing.
#[derive(Clone, Debug)]
pub enum Diff {
    /// For each connection that both captures hold.
    Ends(Vec<Ends>),
    /// For each pair of connections that look alike.
    Runs(Vec<Runs>),
}

/// Something that the comparison shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
    /// How it is known.
    pub known: Known,
    /// The sentence.
    pub sentence: String,
    /// Numbers of packets in the merged trace (two ends); empty for runs.
    pub packets: Vec<u64>,
}

/// What a [`Finding`] is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Topic {
    /// Which capture was taken where.
    Ends,
    /// What was lost between.
    Lost,
    /// What may have been lost.
    Unknown,
    /// What was overtaken.
    Reordered,
    /// What the path doubled.
    Copies,
    /// Resets that nobody at the ends sent.
    Forged,
    /// What one capture lacks, though it came by.
    Missed,
    /// What was cut or merged.
    Recut,
    /// What the path changed.
    Altered,
    /// What every router changes.
    Routed,
    /// The clocks' offset and drift.
    Clock,
    /// One-way delays.
    Delay,
    /// Which runs are compared.
    Runs,
    /// Where two runs part first.
    Parting,
    /// In what the figures of two runs differ.
    Figures,
}

impl Topic {
    /// A name for scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Ends => "ends",
            Topic::Lost => "lost",
            Topic::Unknown => "unknown",
            Topic::Reordered => "reordered",
            Topic::Copies => "copies",
            Topic::Forged => "forged",
            Topic::Missed => "missed",
            Topic::Recut => "recut",
            Topic::Altered => "altered",
            Topic::Routed => "routed",
            Topic::Clock => "clock",
            Topic::Delay => "delay",
            Topic::Runs => "runs",
            Topic::Parting => "parting",
            Topic::Figures => "figures",
        }
    }
}

impl Finding {
    fn new(topic: Topic, known: Known, sentence: String, packets: Vec<u64>) -> Finding {
        Finding { topic, known, sentence, packets }
    }
}

/// The sentence and how it is known.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.sentence, self.known.text())
    }
}

/// Compares two captures, as two ends if they share a connection, else as two runs; or as `relation` says.
///
/// There is nothing in the answer if the captures have nothing in common that way.
pub fn compare(a: &Side, b: &Side, relation: Option<Relation>) -> Diff {
    let pairs = match relation {
        Some(Relation::Runs) => Vec::new(),
        _ => pairing::same_connections(a, b),
    };
    if relation == Some(Relation::Ends) || !pairs.is_empty() {
        return Diff::Ends(pairs.into_iter().map(|pair| ends::compare(a, b, pair)).collect());
    }
    Diff::Runs(runs::compare(a, b))
}
