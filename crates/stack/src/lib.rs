//! A TCP/IP host, sans I/O: many connections over interfaces, for IPv4 and IPv6 alike.
//!
//! Frames go in with [`Stack::handle_frame`], time with [`Stack::handle_timeout`]; frames come out of
//! [`Stack::poll_transmit`], readiness out of [`Stack::poll_ready`]. Any number of inputs, then drain every `poll_*`
//! before sleeping until [`Stack::poll_timeout`].
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod command;
mod config;
mod demux;
mod flow;
mod frame;
mod icmp;
mod iface;
mod ip;
mod isn;
mod keys;
mod listen;
mod neigh;
mod net;
mod ports;
mod socket;
mod stack;
mod tcp_in;
mod tcp_out;
mod wheel;

pub use config::{ListenConfig, Secrets, StackConfig};
pub use frame::{MAX_HEAD, RxChecksum, RxFrame, TxBatch, TxChecksum, TxFrame};
pub use iface::{IfaceId, InterfaceConfig, Medium, Route};
pub use limpid_tcp::{Config, Readiness, TcpInfo};
pub use listen::{HOLD_LIMIT, IncomingSyn, Refusal, SynId};
pub use socket::{Shutdown, SocketId, Wakes};
pub use stack::Stack;
