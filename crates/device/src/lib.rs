//! Devices: where frames come from and go to; private networks for the kernel to be the peer in; and live capture.
//!
//! [`Namespace`](namespace::Namespace) makes a private network, [`Tun`] joins it to a stack of ours. The unsafe code of
//! limpid is here, behind safe types: two ioctls, `unshare`, what a child does between fork and exec, the packet socket
//! with its ring, `recvmmsg` and `sendmmsg`, `bpf` and the rings and memory of AF_XDP, and libpcap where there is one.
#![warn(missing_debug_implementations)]

mod appetite;
pub mod capture;
mod device;
pub mod gro;
pub mod gso;
mod memory;
pub mod namespace;
mod offload;
mod packet;
mod packet_socket;
mod tap;
#[cfg(test)]
mod testing;
mod tun;
pub mod vnet;
mod xdp;

pub use device::{Caps, Device};
pub use memory::{Memory, MemoryConfig};
pub use offload::Offload;
pub use packet::{Packet, PacketConfig, PacketError};
pub use tap::{Tap, Tapped};
pub use tun::{Tun, TunConfig};
pub use xdp::{Xdp, XdpConfig, XdpMode};
