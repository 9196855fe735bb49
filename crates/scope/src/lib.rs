//! See what TCP did: tcpdump lines, ladders and verdicts, from captures and from inside the engine.
#![forbid(unsafe_code)]

pub mod trace;
