//! A TCP/IP host in your process: TCP that needs no kernel, and that you can watch.
//!
//! A [`Host`] owns a stack and its [devices](device), and a thread for each of its [shards](Builder::shards) that drives them. [`TcpStream`] and [`TcpListener`] are
//! shaped like std's, fail with the same [`std::io::ErrorKind`]s, and differ in one thing: `connect` and `bind` say
//! *which* host. A process may have several.
//!
//! What happens can be watched while it does: an [`Observer`] is told of every segment with the reason why it was sent,
//! every state, timer and drop; a [`Tap`](device::Tap) sees every frame.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod auth;
mod builder;
mod chunks;
mod clock;
mod driver;
mod error;
mod fast_open;
mod host;
mod listener;
mod shard;
mod socket;
mod stream;

pub use auth::{AoAlgorithm, AoKey, AoKeyState, AuthKey, Secret};
pub use builder::Builder;
pub use bytes::Bytes;
pub use clock::Clock;
pub use host::Host;
pub use listener::{Incoming, TcpListener};
pub use shard::Handovers;
pub use stream::TcpStream;

/// Congestion control: which there is, and what one of one's own needs
/// ([`Config::register_controller`]; `examples/controller.rs`).
pub mod congestion {
    pub use limpid_tcp::congestion::{
        AckSample, Algorithm, Controller, ControllerFactory, ControllerInfo, Controllers, HyStart, IdleSample,
        LossSample, RateSample, SSTHRESH_UNKNOWN, SentSample, Start,
    };
}

pub use limpid_device as device;
pub use limpid_event as event;
pub use limpid_event::{Counters, Event, FlowId, Instant, Observer, TcpState, TxReason};
/// The engine's own settings, and what devices and taps take and give: [`MemoryLimits`](stack::MemoryLimits),
/// [`SynCookies`](stack::SynCookies), [`TxFrame`](stack::TxFrame), [`RxFrame`](stack::RxFrame), [`Medium`](stack::Medium).
pub use limpid_stack as stack;
pub use limpid_stack::{FastOpenConfig, FastOpenFlags, FastOpenKey, FastOpenKeys, ListenConfig, StackConfig};
pub use limpid_tcp::{AccEcnOptions, Config, EcnLevel, EcnPolicy, KeepAlive, MtuProbing, SynSchedule, TcpInfo};
pub use limpid_wire as wire;
pub use limpid_wire::{Cidr, Endpoint, IpAddr};
