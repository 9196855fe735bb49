//! See what TCP did: tcpdump lines, ladders and verdicts, from captures and from inside the engine.
//!
//! [`capture`] reads and writes pcap and pcapng files, [`filter`] chooses their packets; [`frame`] finds IP in frames;
//! [`dump`] prints packets as tcpdump does; [`flows`] follows connections packet by packet; [`trace`] is what [`ladder`]
//! and [`graph`] draw with [`picture`] and [`verdict`] judges; [`truth`] keeps what engines told in a capture.
//! [`explain`] says in sentences what happened to the connections of a capture, [`diff`] what differs between two captures,
//! [`timeline`] draws states and [`overview`] many connections; [`page`] joins it all in one HTML file. [`export`] makes rows of segments
//! and connections. [`figures`] and [`words`] say numbers as people do.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod analysis;
pub mod capture;
pub mod diff;
pub mod dump;
pub mod explain;
pub mod export;
pub mod figures;
pub mod filter;
pub mod flows;
pub mod frame;
pub mod graph;
pub mod ladder;
pub mod overview;
pub mod page;
pub mod picture;
#[cfg(test)]
mod story;
pub mod timeline;
pub mod trace;
pub mod truth;
pub mod verdict;
pub mod words;
