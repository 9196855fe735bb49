//! One TCP connection, sans I/O: RFC 9293 and the RFCs around it.
//!
//! A connection knows no addresses, no ports, no clock and no I/O. Its phases are types: [`SynSent`] (no peer known),
//! [`SynReceived`] (embryonic, no socket), [`Connection`] (the peer's SYN is known, an application may hold it) and
//! [`TimeWait`] (nothing left to send). Promotion consumes the phase before it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod byte_queue;
mod clock;
pub mod config;
pub mod congestion;
pub mod connection;
pub mod cookie;
pub mod info;
mod negotiate;
pub mod outcome;
pub mod recovery;
pub mod recv;
mod reply;
pub mod send;
pub mod syn_received;
pub mod syn_sent;
#[cfg(test)]
mod testing;
pub mod time_wait;
mod timer;

pub use config::{Config, KeepAlive, SynSchedule};
pub use connection::{Connection, Remnant};
pub use info::TcpInfo;
pub use outcome::{Cx, Next, Outcome, Readiness, Transmit};
pub use reply::reset_for;
pub use syn_received::{SynReceived, SynReceivedOutcome};
pub use syn_sent::{OpenParams, SynSent, SynSentOutcome};
pub use time_wait::{TimeWait, TimeWaitOutcome};
