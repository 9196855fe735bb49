//! See what TCP did: tcpdump lines, ladders and verdicts, from captures and from inside the engine.
#![forbid(unsafe_code)]

mod analysis;
pub mod ladder;
#[cfg(test)]
mod story;
pub mod trace;
pub mod verdict;
mod words;
