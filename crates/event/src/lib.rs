//! What happened, and why.
//!
//! The engine tells an [`Observer`] about every state change, timer, segment sent (with its [`TxReason`]), segment
//! received, and drop (with its [`DropReason`]). Ladders, graphs, verdicts, pcapng comments and logs all drink from this
//! one stream of [`Event`]s. With the observer [`Silent`] the compiler removes it.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

extern crate alloc;

pub mod codec;
pub mod counter;
mod error;
mod event;
mod observer;
mod options;
mod reason;
mod state;
mod time;

pub use counter::{Counter, Counters};
pub use error::Error;
pub use event::{Call, EcnEvent, Event, FlowId, LinkFate, Opening, SegmentView};
pub use observer::{Observer, Silent};
pub use options::OptionsView;
pub use reason::{CongestionReason, DropReason, PathMtuReason, RecoveryReason, Timer, TxReason, UndoReason};
pub use state::TcpState;
pub use time::Instant;
