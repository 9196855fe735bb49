//! Bytes to meaning and back.
//!
//! Everything on the wire that limpid understands lives here, a file for each protocol: Ethernet II and VLAN
//! ([`ethernet`]), ARP ([`arp`]), IPv4 ([`ipv4`]), IPv6 and its extension headers ([`ipv6`]), ICMP for both
//! ([`icmpv4`], [`icmpv6`]), neighbour discovery ([`ndp`]) and TCP with its options ([`tcp`]).
//!
//! *Parse, don't validate*: hostile bytes become a checked value or a typed [`ParseError`], never a panic.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod addr;
pub mod chunk;
pub mod error;
pub mod segment;
pub mod seq;
pub mod tcp;

pub use addr::{Cidr, Endpoint, IpAddr, MacAddr};
pub use chunk::{Chunk, Chunks, FramePool};
pub use error::ParseError;
pub use segment::{Ecn, Segment};
pub use seq::SeqNum;
pub use tcp::{TcpFlags, TcpOptions};
