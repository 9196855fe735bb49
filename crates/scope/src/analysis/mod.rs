//! What a trace means, connection by connection: the one reading of it that pictures and verdicts share.
//!
//! [`packet`] reads bytes; [`connection`] and [`notes`] sort packets and notes into connections; [`sequence`] asks the survey
//! ([`crate::flows`]) what each segment is and what it repeats; [`arrivals`] mends what was estimated; [`states`] follows each end's state
//! (RFC 9293 §3.3.2), as its engine told or as the packets imply.

mod arrivals;
pub(crate) mod closing;
pub(crate) mod connection;
mod notes;
pub(crate) mod opening;
pub(crate) mod packet;
pub(crate) mod sequence;
pub(crate) mod states;

#[cfg(test)]
mod tests;

pub(crate) use connection::{Connection, IcmpSeen, Noted, Segment};
pub(crate) use packet::{Tcp, Trouble};
pub(crate) use states::StateChange;

use crate::trace::Trace;

/// A trace, read.
pub(crate) struct Analysis<'t> {
    pub(crate) trace: &'t Trace,
    /// In the order of their first packets. A port pair used again is a new connection.
    pub(crate) connections: Vec<Connection>,
}

impl<'t> Analysis<'t> {
    pub(crate) fn of(trace: &'t Trace) -> Analysis<'t> {
        let mut connections = connection::sort_out(trace);
        for connection in &mut connections {
            sequence::examine(connection, trace);
            arrivals::mend(connection);
            states::follow(connection, trace);
        }
        Analysis { trace, connections }
    }
}
