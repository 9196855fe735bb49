//! What lies beneath the connections: interfaces, addresses, routes, neighbours, and fragments waiting for each other.

use crate::icmp::limit::IcmpLimit;
use crate::iface::{Addresses, Interface, Looped, MIN_MTU_V4, MIN_MTU_V6, Path, RouteTable, Way};
use crate::ip::reassembly::Reassembler;
use crate::keys::Keys;
use crate::memory::Ledger;
use crate::neigh::Neighbours;
use crate::{IfaceId, TxFrame};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use limpid_event::{Counter, Counters, FlowId, Instant, Observer};
use limpid_tcp::Cx;
use limpid_wire::{FramePool, IpAddr};

/// What every call into the tcp crate needs, beside the time and the flow's name.
pub(crate) struct Env<O> {
    pub(crate) observer: O,
    pub(crate) counters: Counters,
    pub(crate) pool: FramePool,
    pub(crate) ledger: Ledger,
}

impl<O: Observer> Env<O> {
    /// The context of a call about `flow`.
    #[inline]
    pub(crate) fn cx(&mut self, now: Instant, flow: FlowId) -> Cx<'_, O> {
        let memory = self.ledger.now();
        Cx { now, flow, observer: &mut self.observer, counters: &mut self.counters, pool: &mut self.pool, memory }
    }
}

/// The network as the stack sees it.
pub(crate) struct Net {
    /// By number; the first is the loopback interface.
    ifaces: Vec<Interface>,
    pub(crate) addresses: Addresses,
    pub(crate) routes: RouteTable,
    pub(crate) neighbours: Neighbours,
    pub(crate) reassembler: Reassembler,
    pub(crate) icmp_limit: IcmpLimit,
    /// Segments from this host to itself that are not handled yet, at most as many as an interface has replies.
    pub(crate) looped: VecDeque<Looped>,
}

impl Net {
    /// With the loopback interface `lo` alone.
    pub(crate) fn new(keys: &Keys, lo: Interface) -> Net {
        Net {
            ifaces: vec![lo],
            addresses: Addresses::default(),
            routes: RouteTable::default(),
            neighbours: Neighbours::new(keys.demux),
            reassembler: Reassembler::default(),
            icmp_limit: IcmpLimit::new(keys.icmp),
            looped: VecDeque::new(),
        }
    }

    /// Adds an interface; `None` if there are 65,535 already.
    pub(crate) fn add(&mut self, iface: Interface) -> Option<IfaceId> {
        let id = u16::try_from(self.ifaces.len()).ok().filter(|&id| id < u16::MAX)?;
        self.ifaces.push(iface);
        Some(IfaceId(id))
    }

    /// Whether there is such an interface, and its link carries the smallest packets that `addr`'s IP version needs.
    pub(crate) fn carries(&self, iface: IfaceId, addr: IpAddr) -> bool {
        let least = if addr.is_v4() { MIN_MTU_V4 } else { MIN_MTU_V6 };
        self.ifaces.get(usize::from(iface.0)).is_some_and(|i| i.config.mtu >= least)
    }

    /// The numbers of all interfaces.
    pub(crate) fn iface_ids(&self) -> impl Iterator<Item = IfaceId> + use<> {
        (0..self.ifaces.len() as u16).map(IfaceId)
    }

    /// An interface, by a number that [`add`](Self::add) gave.
    pub(crate) fn iface(&self, iface: IfaceId) -> &Interface {
        &self.ifaces[usize::from(iface.0)]
    }

    /// The same, to change it.
    pub(crate) fn iface_mut(&mut self, iface: IfaceId) -> &mut Interface {
        &mut self.ifaces[usize::from(iface.0)]
    }

    /// The way to `dst`, over `scope` if it is an address of that link.
    pub(crate) fn path(&self, now: Instant, dst: IpAddr, scope: Option<IfaceId>) -> Option<Path> {
        if self.addresses.is_ours(dst) {
            return Some(Path::loopback(dst));
        }
        let on_link = |iface| Path::new(iface, dst, self.iface(iface).config.mtu);
        let mut path = match (self.routes.find(dst, scope), scope) {
            (Some(&(route, metrics)), _) => {
                let mut path = on_link(route.iface);
                path.way.next_hop = route.gateway.unwrap_or(dst);
                path.way.mtu = metrics.mtu.map_or(path.mtu, |mtu| mtu.min(path.mtu));
                path.way.mtu_locked = metrics.mtu_locked;
                path.way.fast_open_no_cookie = metrics.fast_open_no_cookie;
                path.metrics = metrics;
                path
            }
            (None, Some(iface)) => on_link(iface),
            (None, None) => return None,
        };
        let learned = self.routes.learned(now, dst).filter(|learned| learned.mtu < path.mtu);
        if path.mtu_locked {
            path.way.locked = true;
        } else if let Some(learned) = learned {
            path.way.mtu = learned.mtu;
            path.way.mtu_until = learned.expires;
            path.way.locked = learned.locked;
        }
        Some(path)
    }

    /// The largest super-segment on a path. Signed segments leave one by one: each has a signature of its own.
    pub(crate) fn max_burst(&self, path: &Way, signed: bool) -> u32 {
        if signed { 0 } else { self.iface(path.iface).config.gso_max }
    }

    /// Queues a frame that belongs to no connection.
    pub(crate) fn queue_reply<O>(&mut self, env: &mut Env<O>, iface: IfaceId, frame: TxFrame) {
        let counter = if self.iface_mut(iface).reply(frame) { Counter::IpOutRequests } else { Counter::IpOutDiscards };
        env.counters.bump(counter);
    }
}
