//! Graphs over time of what senders knew and did: window and flight, how fast data got through, how long a round trip took,
//! and what went wrong.
//!
//! `gather` reads the engine's events, one history for each sender; [`layout`] says what stands where, without a medium;
//! [`terminal`] draws it. [`render`] does all three. What no engine told (a capture, Linux at the other end) has no graph.

mod axis;
mod gather;
pub mod layout;
pub mod terminal;

#[cfg(test)]
mod tests;

pub use layout::Graph;
pub use terminal::GraphOptions;

use crate::trace::Trace;

/// The most senders that are drawn together; of more, those that sent most.
pub const MAX_FLOWS: usize = 6;

/// Lays out the graph of a trace; `None` if no engine told of data that it sent.
pub fn lay_out(trace: &Trace) -> Option<Graph> {
    let flows = gather::flows(trace);
    layout::lay_out(&flows)
}

/// Draws the graph of a trace as text, each line ended by a newline. Empty if there is none.
pub fn render(trace: &Trace, options: &GraphOptions) -> String {
    lay_out(trace).map_or_else(String::new, |graph| terminal::draw(&graph, options))
}
