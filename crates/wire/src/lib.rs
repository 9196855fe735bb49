//! Bytes to meaning and back.
//!
//! Everything on the wire that limpid understands lives here, a file for each protocol: Ethernet II and VLAN
//! ([`ethernet`]), ARP ([`arp`]), IPv4 ([`ipv4`]), IPv6 and its extension headers ([`ipv6`]), both as one ([`ip`]), ICMP
//! for both ([`icmpv4`], [`icmpv6`]) with the packets it quotes ([`quote`]), neighbour discovery ([`ndp`]), and TCP with
//! its options ([`tcp`]). [`notation`] is the text for segments; [`checksum`] sums; [`chunk`] holds frames; [`bpf`] has the
//! programs that choose packets.
//!
//! The shapes are the same everywhere. `Header::parse(bytes)` gives the header and the *range* of its payload in `bytes`,
//! so that the payload can stay in its frame; checksums are verified apart, since a device may have done it.
//! `header.emit(out)` writes to the start of `out` and gives the length; it panics only if `out` is too short.
//!
//! *Parse, don't validate*: hostile bytes become a checked value or a typed [`ParseError`], never a panic.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

extern crate alloc;

pub mod addr;
pub mod arp;
pub mod bpf;
mod bytes;
pub mod checksum;
pub mod chunk;
pub mod error;
pub mod ethernet;
pub mod icmpv4;
pub mod icmpv6;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod ndp;
pub mod notation;
pub mod quote;
pub mod segment;
pub mod seq;
pub mod tcp;

pub use addr::{Cidr, Endpoint, IpAddr, MacAddr};
pub use checksum::Checksum;
pub use chunk::{Chunk, Chunks, FrameMut, FramePool, Part, Parts};
pub use error::ParseError;
pub use ip::{IpHeader, IpPacket, IpProtocol};
pub use segment::{Ecn, Segment};
pub use seq::SeqNum;
pub use tcp::{TcpFlags, TcpOption, TcpOptions};
