//! Interfaces and routes.

use alloc::string::String;
use limpid_wire::{Cidr, IpAddr, MacAddr};

/// An interface of a stack.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct IfaceId(pub u16);

impl IfaceId {
    /// The loopback interface that every stack has.
    pub const LOOPBACK: IfaceId = IfaceId(0);
}

/// What frames look like on an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Medium {
    /// IP packets without a link header (TUN).
    Ip,
    /// Ethernet frames; neighbours are found by ARP and NDP.
    Ethernet(MacAddr),
}

/// What an interface is.
#[derive(Clone, Debug)]
pub struct InterfaceConfig {
    /// Its name, for people.
    pub name: String,
    /// Its medium.
    pub medium: Medium,
    /// Largest IP packet, bytes.
    pub mtu: u16,
    /// Largest super-segment's payload the device (or software at its edge) cuts, bytes; 0 for none.
    pub gso_max: u32,
    /// The device completes TCP checksums.
    pub tx_checksum_offload: bool,
}

/// A route: the longest prefix wins, then the lowest metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Route {
    /// Where to.
    pub destination: Cidr,
    /// Through whom; `None` if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Out of which interface.
    pub iface: IfaceId,
    /// Preference among equals, lower first.
    pub metric: u32,
}
