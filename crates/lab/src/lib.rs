//! TCP experiments in deterministic virtual time, or against this machine's real TCP.
#![forbid(unsafe_code)]

pub mod clock;
pub mod error;
pub mod executor;
pub mod experiment;
pub mod experiments;
pub mod host;
pub mod link;
pub mod recorder;
pub mod rng;
#[cfg(test)]
mod testing;
pub mod world;

pub use error::LabError;
pub use recorder::Recorder;
pub use world::World;
