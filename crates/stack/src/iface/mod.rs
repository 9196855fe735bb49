//! Interfaces: their addresses ([`address`]), the routes through them ([`route`]), and what waits to leave by them.
//!
//! The loopback interface is always there, with 127/8 and `::1`. As on Linux, an address belongs to the host, not to the
//! interface (the weak host model of RFC 1122 §3.3.4.2): a packet to one of our addresses is ours whichever way it came.

mod address;
mod route;

pub(crate) use address::{Addresses, Kind, link_local};
pub(crate) use route::{LearnedMtu, Path, RouteTable, Way};

use crate::TxFrame;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;
use limpid_event::FlowId;
use limpid_tcp::congestion::Algorithm;
use limpid_wire::{Cidr, Endpoint, IpAddr, MacAddr, Segment};

/// The bound on frames that wait to leave by an interface and belong to no connection: resets, SYN-ACKs, ARP, ICMP. What
/// comes while it is reached is dropped and counted (`IpOutDiscards`).
pub(crate) const MAX_REPLIES: usize = 1024;

/// The MTU of the loopback interface: the largest packet there is.
pub(crate) const LOOPBACK_MTU: u16 = u16::MAX;

/// The smallest MTU of an interface: IPv4's and TCP's headers, and the smallest segment that is sent (`TCP_MIN_SND_MSS`:
/// all options, and 8 bytes). RFC 791 asks for 68, which Linux fills with fragments; we send none.
pub(crate) const MIN_MTU_V4: u16 = 20 + 20 + 48;

/// The smallest MTU of an interface with IPv6 (RFC 8200 §5).
pub(crate) const MIN_MTU_V6: u16 = 1280;

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
    /// Largest IP packet, bytes: at least 88, and 1280 for IPv6.
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

/// What is known of the paths that a route leads to (`ip route … mtu lock 1000 advmss 900 initcwnd 20 …`); `None` for what
/// follows from the interface or the stack's settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouteMetrics {
    /// The largest packet, bytes, if it is less than the interface's.
    pub mtu: Option<u16>,
    /// Nothing that is learned of a path's MTU is believed (`mtu lock`).
    pub mtu_locked: bool,
    /// The MSS that SYNs state.
    pub adv_mss: Option<u16>,
    /// The initial congestion window, segments.
    pub initial_cwnd: Option<u16>,
    /// The initial receive window, segments.
    pub initial_rwnd: Option<u16>,
    /// The least variance term of the retransmission timeout.
    pub rto_min: Option<Duration>,
    /// No ACK is delayed (`quickack 1`).
    pub ack_at_once: Option<bool>,
    /// The congestion controller.
    pub congestion: Option<Algorithm>,
    /// Classic ECN is asked for and granted, whatever the stack's settings (`features ecn`).
    pub ecn: bool,
    /// Fast Open without cookies, both ways (`fastopen_no_cookie 1`).
    pub fast_open_no_cookie: bool,
}

impl RouteMetrics {
    /// Connections have other settings than the stack's because of it.
    pub(crate) fn configures(&self) -> bool {
        let RouteMetrics { initial_cwnd, initial_rwnd, rto_min, ack_at_once, congestion, ecn, .. } = *self;
        let windows = initial_cwnd.is_some() || initial_rwnd.is_some();
        windows || rto_min.is_some() || ack_at_once.is_some() || congestion.is_some() || ecn
    }
}

/// A place in the queue of connections that have something to send. The flow's name tells whether the place in the slab
/// still is the one that was meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) index: u32,
    pub(crate) flow: FlowId,
}

/// An interface.
pub(crate) struct Interface {
    pub(crate) config: InterfaceConfig,
    /// Frames without a connection, at most [`MAX_REPLIES`].
    replies: VecDeque<TxFrame>,
    /// Connections that may have something to send, each at most once.
    pub(crate) ready: VecDeque<Turn>,
}

impl Interface {
    pub(crate) fn new(config: InterfaceConfig) -> Interface {
        Interface { config, replies: VecDeque::new(), ready: VecDeque::new() }
    }

    /// The MAC address, if it has one.
    pub(crate) fn mac(&self) -> Option<MacAddr> {
        match self.config.medium {
            Medium::Ethernet(mac) => Some(mac),
            Medium::Ip => None,
        }
    }

    /// Queues a frame; false if the queue is full.
    pub(crate) fn reply(&mut self, frame: TxFrame) -> bool {
        let room = self.replies.len() < MAX_REPLIES;
        if room {
            self.replies.push_back(frame);
        }
        room
    }

    /// The oldest queued frame.
    pub(crate) fn next_reply(&mut self) -> Option<TxFrame> {
        self.replies.pop_front()
    }
}

/// A TCP segment on its way from this host to itself: it never becomes bytes.
pub(crate) struct Looped {
    pub(crate) from: Endpoint,
    pub(crate) to: Endpoint,
    pub(crate) segment: Segment,
    pub(crate) header: Header,
}

/// What TCP wants to know of the IP header that a segment came with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// TOS or traffic class without its ECN bits.
    pub(crate) class: u8,
}
