//! One TCP connection, sans I/O: RFC 9293 and the RFCs around it.
//!
//! A connection knows no addresses, no ports, no clock and no I/O. Its phases are types: [`SynSent`] (no peer known),
//! [`SynReceived`] (embryonic, no socket), [`Connection`] (the peer's SYN is known, an application may hold it) and
//! [`TimeWait`] (nothing left to send). Promotion consumes the phase before it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod byte_queue;
pub mod config;
pub mod congestion;
pub mod connection;
pub mod info;
pub mod outcome;
pub mod recovery;
pub mod recv;
pub mod send;
pub mod syn_received;
pub mod syn_sent;
pub mod time_wait;

pub use config::{Config, SynSchedule};
pub use connection::Connection;
pub use info::TcpInfo;
pub use outcome::{Cx, Next, Outcome, Readiness, Transmit};
pub use syn_received::SynReceived;
pub use syn_sent::SynSent;
pub use time_wait::TimeWait;
