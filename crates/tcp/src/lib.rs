//! One TCP connection, sans I/O: RFC 9293 and the RFCs around it.
//!
//! A connection knows no addresses, no ports, no clock and no I/O. Its phases are types: [`SynSent`] (no peer known),
//! [`SynReceived`] (embryonic, no socket), [`Connection`] (the peer's SYN is known, an application may hold it) and
//! [`TimeWait`] (nothing left to send). Promotion consumes the phase before it.
//!
//! The parts of a connection (`send`, `recv`, `recovery`, `congestion`) are public for this crate's own tests alone, and
//! may change in any release.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

extern crate alloc;

mod byte_queue;
mod clock;
mod config;
#[doc(hidden)]
pub mod congestion;
pub(crate) mod connection;
pub mod cookie;
mod delivery;
mod ecn;
mod fast_open;
mod info;
mod memory;
mod negotiate;
mod outcome;
mod pacing;
mod pack;
#[doc(hidden)]
pub mod recovery;
#[doc(hidden)]
pub mod recv;
mod reply;
#[doc(hidden)]
pub mod send;
mod syn_received;
mod syn_sent;
#[cfg(test)]
mod testing;
mod time_wait;
mod timer;
mod user_timeout;

pub use config::{Config, KeepAlive, MtuProbing, SynSchedule};
pub use congestion::{Algorithm, ControllerFactory, ControllerInfo, Controllers, HyStart, Start};
pub use connection::{
    Connection, MAX_MARKS, MAX_NOTICES, Notice, PathLesson, RecvBounds, Remnant, Resting, Stamps, StreamPosition,
};
pub use ecn::{AccEcnFailure, AccEcnOptions, AccEcnSeen, EcnLevel, EcnPolicy};
pub use fast_open::{FastOpen, FastOpenAnswer, FastOpenFailure, FastOpenNews, RequestForm};
pub use info::{AccEcnInfo, TcpInfo};
pub use memory::{MemoryLevel, SharedMemory};
pub use outcome::{Cx, Next, Outcome, Readiness, Transmit};
pub use reply::reset_for;
pub use send::WriteFlags;
pub use syn_received::{SynReceived, SynReceivedOutcome, SynReceivedTimeout};
pub use syn_sent::{OpenParams, Signature, SynSent, SynSentOutcome};
pub use time_wait::{Takeover, TimeWait, TimeWaitOutcome};
