//! TCP experiments in deterministic virtual time, or against this machine's real TCP.
//!
//! A [`World`] has hosts, links between them, applications and one clock. Applications are `async fn`s over the
//! [`host::App`] that they are given; they can't tell whether their host's TCP is ours or Linux's. In virtual time a minute
//! takes a millisecond, and a seed decides everything; with a kernel among the hosts time is real. Whatever happens is
//! recorded once ([`recorder`]) as the trace that ladders, verdicts and captures are made from.
//!
//! [`experiments`] are worlds with a point: each stages one behaviour of TCP and checks that it came out as intended.
//!
//! ```
//! use limpid_lab::World;
//! use limpid_lab::link::Conditions;
//! use limpid_lab::world::{Aftermath, HostPlan};
//! use limpid_stack::{Medium, StackConfig};
//! use limpid_wire::{Cidr, Endpoint, IpAddr};
//! use std::time::Duration;
//!
//! let mut world = World::new(1, 0);
//! let mut host = |name, last| {
//!     let addresses = [Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 }];
//!     let config = StackConfig::default();
//!     world.add_host(HostPlan { name, addresses: &addresses, mtu: 1500, medium: Medium::Ip, config })
//! };
//! let (client, server) = (host("client", 1)?, host("server", 2)?);
//! // One packet in ten is lost.
//! let link = Conditions { loss: 0.1, ..Conditions::delay(Duration::from_millis(10)) };
//! world.connect(client, server, Medium::Ip, link);
//!
//! let at = Endpoint::new(IpAddr::v4([10, 0, 0, 2]), 7);
//! world.spawn(server, "server", move |app| async move {
//!     let (socket, _) = app.listen(at, 1).unwrap().accept().await.unwrap();
//!     socket.write_all(b"hello").await.unwrap();
//! });
//! let heard = world.spawn(client, "client", move |app| async move {
//!     app.connect(at).await.unwrap().read_to_end().await.unwrap()
//! });
//! world.run(Aftermath::Everything)?;
//! assert_eq!(heard.take().unwrap(), b"hello");
//! # Ok::<(), limpid_lab::LabError>(())
//! ```
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
