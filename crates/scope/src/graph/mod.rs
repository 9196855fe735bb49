//! Graphs over time of what senders knew and did: sequence numbers, window and flight, how fast data got through, how long a
//! round trip took, and what went wrong.
//!
//! `gather` reads the engine's events, one history for each sender, and `packets` what the packets of one direction tell;
//! [`layout`] says what stands where, without a medium; [`terminal`] and [`svg`] draw it. [`lay_out`] puts all senders whose
//! engines told into one graph; [`of_connections`] makes one of each direction of each connection, captures included.

pub(crate) mod axis;
mod direction;
mod gather;
pub mod layout;
mod packets;
mod sign;
pub mod svg;
pub mod terminal;

#[cfg(test)]
mod packet_tests;
#[cfg(test)]
mod tests;

pub use layout::Graph;
pub use terminal::GraphOptions;

use crate::analysis::{Analysis, Connection};
use crate::trace::Trace;
use crate::words;

/// The most senders that are drawn together; of more, those that sent most.
pub const MAX_FLOWS: usize = 6;

/// What graphs show.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Show {
    /// Data, acknowledgements and the window over time, as tcptrace draws them.
    Sequence,
    /// Round trips.
    Rtt,
    /// What is in flight, the receiver's window, and the congestion window where the sender told.
    Flight,
    /// Throughput and goodput.
    Throughput,
    /// All of them over one axis of time.
    #[default]
    All,
}

impl Show {
    fn has(self, part: Show) -> bool {
        self == part || self == Show::All
    }
}

/// The graphs of the first `most` connections of a trace, in the order of their first packets: one for each direction that
/// carried data, both over the same time; where neither did, that of who opened it. The last one says how many more
/// connections there are.
pub fn of_connections(trace: &Trace, show: Show, most: usize) -> Vec<Vec<Graph>> {
    let analysis = Analysis::of(trace);
    let drawn = analysis.connections.iter().take(most);
    let mut graphs: Vec<_> = drawn.map(|connection| of_connection(&analysis, connection, show)).collect();
    let more = analysis.connections.len().saturating_sub(most);
    if let (Some(last), true) = (graphs.iter_mut().flatten().last(), more > 0) {
        let more = format!("{} not drawn", words::count(more as u64, "more connection"));
        last.remark = Some(last.remark.take().map_or_else(|| more.clone(), |remark| format!("{remark}; {more}")));
    }
    graphs
}

/// The same of one connection.
pub(crate) fn of_connection(analysis: &Analysis<'_>, connection: &Connection, show: Show) -> Vec<Graph> {
    let ends = [connection.opener, Connection::peer(connection.opener)];
    let directions = ends.map(|end| packets::Direction::of(analysis, connection, end));
    let none = directions.iter().all(|direction| !direction.carried_data());
    let drawn = directions.iter().enumerate().filter(|(n, direction)| direction.carried_data() || (none && *n == 0));
    drawn.filter_map(|(_, direction)| direction::lay_out(direction, show)).collect()
}

/// Draws graphs as text, one after the other.
pub fn draw_all<'g>(graphs: impl IntoIterator<Item = &'g Graph>, options: &GraphOptions) -> String {
    let drawn: Vec<String> = graphs.into_iter().map(|graph| terminal::draw(graph, options)).collect();
    drawn.join("\n")
}

/// Lays out the graph of a trace; `None` if no engine told of data that it sent.
pub fn lay_out(trace: &Trace) -> Option<Graph> {
    let flows = gather::flows(trace);
    layout::lay_out(&flows)
}

/// Draws the graph of a trace as text, each line ended by a newline. Empty if there is none.
pub fn render(trace: &Trace, options: &GraphOptions) -> String {
    lay_out(trace).map_or_else(String::new, |graph| terminal::draw(&graph, options))
}
