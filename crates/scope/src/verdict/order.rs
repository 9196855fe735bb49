//! The order in which verdicts are told: what a trace is about first, its ordinary course after.

use super::{Kind, Known, Verdict};
use std::cmp::Reverse;

impl Kind {
    /// True if it follows from what is there, whatever else there was: of a connection of which a filter hid packets nothing
    /// else can be told.
    pub(crate) const fn is_shown(self) -> bool {
        matches!(
            self,
            Kind::Handshake
                | Kind::SimultaneousOpen
                | Kind::Refused
                | Kind::Unreachable
                | Kind::SoftError
                | Kind::Close
                | Kind::SimultaneousClose
                | Kind::PathMtu
                | Kind::Congestion
                | Kind::Options
                | Kind::Reasons
        )
    }

    /// How much a reader wants to hear of it: 2 for what is out of the ordinary, 1 for the shape of a close and what the
    /// link did, 0 for what every connection has.
    pub const fn weight(self) -> u8 {
        match self {
            Kind::SimultaneousOpen
            | Kind::OpeningRetries
            | Kind::SynSchedule
            | Kind::ConnectTimeout
            | Kind::Refused
            | Kind::Unreachable
            | Kind::BacklogFull
            | Kind::TimeWaitReuse
            | Kind::SoftError
            | Kind::Loss
            | Kind::Spurious
            | Kind::Undone
            | Kind::ZeroWindow
            | Kind::KeepAlive
            | Kind::SimultaneousClose
            | Kind::HalfClose
            | Kind::TimeWaitServed
            | Kind::Reset
            | Kind::TimedOut
            | Kind::Stall
            | Kind::PathMtu => 2,
            Kind::Options
            | Kind::Exchange
            | Kind::Congestion
            | Kind::PortReuse
            | Kind::Capture
            | Kind::Reasons
            | Kind::Limits
            | Kind::RoundTrips
            | Kind::MidStream
            | Kind::Reordering
            | Kind::Duplicate
            | Kind::MergedAck
            | Kind::SeparateAck => 1,
            Kind::Handshake | Kind::Data | Kind::Close | Kind::TimeWait => 0,
        }
    }

    /// Where in the life of a connection it belongs: 0 for the opening, 1 for what comes between, 2 for the end, 3 for what is
    /// to be said of the recording.
    const fn course(self) -> u8 {
        match self {
            Kind::MidStream
            | Kind::TimeWaitReuse
            | Kind::PortReuse
            | Kind::SimultaneousOpen
            | Kind::OpeningRetries
            | Kind::SynSchedule
            | Kind::ConnectTimeout
            | Kind::Refused
            | Kind::Unreachable
            | Kind::BacklogFull
            | Kind::Handshake => 0,
            Kind::Close
            | Kind::MergedAck
            | Kind::SeparateAck
            | Kind::SimultaneousClose
            | Kind::HalfClose
            | Kind::TimeWait
            | Kind::TimeWaitServed
            | Kind::Reset
            | Kind::TimedOut => 2,
            Kind::Capture => 3,
            _ => 1,
        }
    }
}

/// The weightiest first, and within each weight the course of a connection's life.
pub(crate) fn in_order(verdicts: &mut [Verdict]) {
    verdicts.sort_by_key(|verdict| (Reverse(verdict.kind.weight()), verdict.kind.course()));
}

/// Puts the weightiest first. Within each part the order of events stays.
pub(super) fn point_first(verdicts: &mut [Verdict]) {
    if let Some(most) = verdicts.iter().map(|v| v.kind.weight()).max() {
        verdicts.sort_by_key(|v| v.kind.weight() != most);
        // The outcome of a connect, then how it came about.
        verdicts.sort_by_key(|v| !(v.kind == Kind::ConnectTimeout && v.known == Known::Inside));
    }
}
