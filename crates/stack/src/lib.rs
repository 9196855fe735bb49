//! A TCP/IP host, sans I/O: many connections over interfaces, for IPv4 and IPv6 alike.
//!
//! Frames go in with [`Stack::handle_frame`], time with [`Stack::handle_timeout`]; frames come out of
//! [`Stack::poll_transmit`], readiness out of [`Stack::poll_ready`], SYNs that ask for the application's say out of
//! [`Stack::poll_syn`]. Any number of inputs, then drain every `poll_*` before sleeping until [`Stack::poll_timeout`].
//!
//! | where | what | RFC |
//! |---|---|---|
//! | `demux` | the 4-tuple by keyed hash; binds and their conflicts | 9293 §3.3.1 |
//! | `wheel` | every timer, exact, one entry a connection | |
//! | `flow` | what is kept of each phase, and how one follows another | 9293 §3.3.2 |
//! | `listen` | SYN queue, accept queue, cookies, held SYNs | 9293 §3.10.7.2, 4987 |
//! | `tcp_in` | checksum, demux, each phase's segments; resets to nobody | 9293 §3.5.2, §3.10.7 |
//! | `tcp_out` | whose turn it is to send; the loopback interface | |
//! | `command` | connect, listen, accept, read, write, shutdown, close, abort | 9293 §3.9.1, §3.10 |
//! | `ports`, `isn` | ephemeral ports; sequence numbers, timestamp offsets, flow labels | 6056; 6528, 7323 §5.4, 6437 |
//! | `iface` | interfaces, addresses, source selection, routes, path MTUs | 1122 §3.3, 6724, 1191, 8201 |
//! | `neigh` | ARP, NDP | 826, 4861 |
//! | `ip` | packets in and out, reassembly | 791, 8200, 5722 |
//! | `icmp` | echo, errors sent and heard | 792, 4443, 5927, 5461 |
//! | `steer` | a host of several shards: whose a connection is, whom a frame is for | |
//! | `socket` | names of sockets, and what newly happened to them | |
//!
//! ```
//! use limpid_event::{Instant, Silent};
//! use limpid_stack::{ListenConfig, Secrets, Stack, StackConfig};
//!
//! let mut host = Stack::new(StackConfig::default(), Secrets { seed: [42; 32] }, Silent);
//! let now = Instant::ZERO;
//! let end = "127.0.0.1:7".parse()?;
//! let listener = host.listen(now, ListenConfig::new(end, 16))?;
//! let client = host.connect(now, None, end, None)?;
//! host.handle_timeout(now); // what a host sends itself moves here
//! let (server, peer) = host.accept(now, listener)?;
//! assert_eq!(peer, host.local_endpoint(client)?);
//! host.write(now, client, b"hello")?;
//! host.handle_timeout(now);
//! let mut buf = [0; 16];
//! assert_eq!(host.read(now, server, &mut buf)?, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

extern crate alloc;

mod auth;
mod command;
mod config;
mod demux;
mod fast_open;
mod flow;
mod frame;
mod icmp;
mod iface;
mod ip;
mod isn;
mod keys;
mod listen;
mod memory;
mod metrics;
mod neigh;
mod net;
mod ports;
mod slab;
mod socket;
mod stack;
mod steer;
mod tcp_in;
mod tcp_out;
mod wheel;

pub use auth::{AoAlgorithm, AoKey, AoKeyState, KeyError, MAX_AO_KEYS, MAX_KEY_LEN, MAX_MD5_KEYS, Secret};
pub use command::Listed;
pub use config::{BindConfig, ListenConfig, PathMtuDiscovery, Secrets, StackConfig, SynCookies, TimeWaitReuse};
pub use fast_open::{FastOpenConfig, FastOpenFlags, FastOpenKey, FastOpenKeys, SocketFastOpen};
pub use frame::{MAX_HEAD, RxChecksum, RxFrame, TxBatch, TxChecksum, TxFrame};
pub use icmp::error::{IcmpNotice, MAX_QUOTE, Origin};
pub use iface::{IfaceId, InterfaceConfig, Medium, Route, RouteMetrics};
pub use ip::config::{DEFAULT_TTL, IpConfig, IpHeaderConfig, PathMtu};
pub use limpid_tcp::{
    Config, ControllerInfo, EcnLevel, EcnPolicy, FastOpenFailure, MemoryLevel, Notice, Readiness, RecvBounds, Stamps,
    StreamPosition, TcpInfo, WriteFlags,
};
pub use listen::{HOLD_LIMIT, IncomingSyn, Refusal, SynId};
pub use memory::MemoryLimits;
pub use metrics::{FastOpenMetrics, MAX_PEERS, PeerMetrics};
pub use socket::{Shutdown, SocketId, Wakes};
pub use stack::Stack;
pub use steer::{Parcel, Place, Steering};
