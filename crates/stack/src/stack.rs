//! The stack: what it holds, how it is set up, and what drives it.

use crate::auth::Authentication;
use crate::demux::{BindTable, FlowTable};
use crate::fast_open::BlackHole;
use crate::flow::{Embryo, Flow, HeldSyn, Phase, Quiet, RESTS_BY_TIME};
use crate::iface::{Interface, LOOPBACK_MTU, MIN_MTU_V4, MIN_MTU_V6, Turn, link_local};
use crate::keys::Keys;
use crate::listen::SynId;
use crate::memory::Ledger;
use crate::metrics::MetricsCache;
use crate::neigh::NeighbourId;
use crate::net::{Env, Net};
use crate::ports::Ports;
use crate::slab::Slab;
use crate::socket::SocketTable;
use crate::steer::Parcel;
use crate::wheel::{TimerId, Wheel};
use crate::{
    IfaceId, InterfaceConfig, Medium, PeerMetrics, Readiness, Route, RouteMetrics, RxFrame, Secrets, SocketId,
    StackConfig,
};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use limpid_event::{Counter, Counters, DropReason, Error, Instant, Observer, Silent};
use limpid_wire::ethernet::HEADER_LEN;
use limpid_wire::{Cidr, FramePool, IpAddr};

/// A TCP/IP host.
pub struct Stack<O: Observer = Silent> {
    pub(crate) config: StackConfig,
    pub(crate) keys: Keys,
    pub(crate) env: Env<O>,
    pub(crate) wheel: Wheel<Wake>,
    pub(crate) net: Net,
    pub(crate) table: FlowTable,
    pub(crate) binds: BindTable,
    pub(crate) ports: Ports,
    pub(crate) sockets: SocketTable,
    pub(crate) flows: Slab<Flow>,
    pub(crate) embryos: Slab<Embryo>,
    pub(crate) held: Slab<HeldSyn>,
    /// Held SYNs that the application has not been shown; may name some that are gone.
    pub(crate) held_reports: VecDeque<SynId>,
    pub(crate) quiet: Slab<Quiet>,
    pub(crate) last_flow: u64,
    /// Flows on the wire: those that are not over.
    pub(crate) open_flows: usize,
    /// Flows without an application.
    pub(crate) orphans: usize,
    /// Flows that are awake, each once, in the order in which they are looked at whether they may rest; may name some that are gone.
    pub(crate) awake: VecDeque<Turn>,
    /// What is remembered of peers.
    pub(crate) metrics: MetricsCache,
    /// Which sockets and segments are signed.
    pub(crate) auth: Authentication,
    /// Whether Fast Open pauses.
    pub(crate) black_hole: BlackHole,
    /// Connections that Fast Open began whose handshake is not complete, each with its listener.
    pub(crate) fast_openings: BTreeMap<u32, SocketId>,
    /// Some socket keeps SYNs' headers,
    pub(crate) saves_syns: bool,
    /// and these are those of the SYN that is being handled.
    pub(crate) arrived_syn: Option<Vec<u8>>,
    /// The same of its frame, where the link has headers.
    pub(crate) arrived_link: Option<[u8; HEADER_LEN]>,
    /// There was a transparent listener: connections may have local addresses that are not ours.
    pub(crate) takes_foreign: bool,
    /// Packets that were put together here and belong to other shards.
    pub(crate) handovers: VecDeque<(u16, Parcel)>,
    reassembly_timer: TimerId,
}

impl<O: Observer> fmt::Debug for Stack<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("Stack");
        s.field("flows", &self.flows.len()).field("embryos", &self.embryos.len()).field("time_wait", &self.quiet.len());
        s.finish_non_exhaustive()
    }
}

/// What a timer in the wheel wakes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    Flow(u32),
    Embryo(u32),
    Held(u32),
    TimeWait(u32),
    Neighbour(NeighbourId),
    Reassembly,
}

impl<O: Observer> Stack<O> {
    /// A host with a loopback interface.
    pub fn new(config: StackConfig, secrets: Secrets, observer: O) -> Stack<O> {
        let keys = Keys::new(&secrets);
        let mut wheel = Wheel::new();
        let lo = Interface::new(InterfaceConfig {
            name: String::from("lo"),
            medium: Medium::Ip,
            mtu: LOOPBACK_MTU,
            gso_max: 0,
            tx_checksum_offload: true,
        });
        let mut net = Net::new(&keys, lo);
        for (addr, prefix) in [(IpAddr::LOCALHOST_V4, 8), (IpAddr::LOCALHOST_V6, 128)] {
            net.addresses.add(IfaceId::LOOPBACK, Cidr { addr, prefix });
        }
        Stack {
            table: FlowTable::new(keys.demux_hash()),
            ports: Ports::new(config.ephemeral_ports.clone()),
            sockets: SocketTable::new(config.shard),
            reassembly_timer: wheel.insert(Wake::Reassembly),
            env: Env {
                observer,
                counters: Counters::default(),
                pool: FramePool::new(),
                ledger: Ledger::new(config.memory),
            },
            config,
            keys,
            wheel,
            net,
            binds: BindTable::default(),
            flows: Slab::new(),
            embryos: Slab::new(),
            held: Slab::new(),
            held_reports: VecDeque::new(),
            quiet: Slab::new(),
            last_flow: 0,
            open_flows: 0,
            orphans: 0,
            awake: VecDeque::new(),
            metrics: MetricsCache::default(),
            auth: Authentication::default(),
            black_hole: BlackHole::default(),
            fast_openings: BTreeMap::new(),
            saves_syns: false,
            arrived_syn: None,
            arrived_link: None,
            takes_foreign: false,
            handovers: VecDeque::new(),
        }
    }

    // ---- set-up

    /// Adds an interface.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an MTU below 88; [`Error::NoBuffers`] if there are 65,535 already.
    pub fn add_interface(&mut self, config: InterfaceConfig) -> Result<IfaceId, Error> {
        if config.mtu < MIN_MTU_V4 {
            return Err(Error::InvalidArgument);
        }
        self.net.add(Interface::new(config)).ok_or(Error::NoBuffers)
    }

    /// Gives an interface an address; its network becomes reachable. The first IPv6 address of an Ethernet interface
    /// brings its link-local address with it, made from its MAC address, without asking whether it is free.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an address that can't be a host's, a bad prefix, an unknown interface, or an IPv6
    /// address where the MTU is below 1280 (RFC 8200 §5); [`Error::AddressInUse`] if the interface has it.
    pub fn add_address(&mut self, iface: IfaceId, address: Cidr) -> Result<(), Error> {
        let usable = Cidr::new(address.addr, address.prefix).is_some() && self.net.carries(iface, address.addr);
        let impossible = address.addr.is_unspecified() || address.addr.is_multicast() || address.addr.is_broadcast();
        if !usable || impossible || Some(address.addr) == address.broadcast() {
            return Err(Error::InvalidArgument);
        }
        let first_v6 = !address.addr.is_v4() && self.net.addresses.of(iface).all(|a| a.addr.is_v4());
        if !self.net.addresses.add(iface, address) {
            return Err(Error::AddressInUse);
        }
        let on_link = Route { destination: address.network(), gateway: None, iface, metric: 0 };
        self.net.routes.add(on_link);
        if let Some(mac) = self.net.iface(iface).mac().filter(|_| first_v6 && !address.addr.is_link_local()) {
            let own = link_local(mac);
            self.net.addresses.add(iface, own);
            self.net.routes.add(Route { destination: own.network(), ..on_link });
        }
        Ok(())
    }

    /// Takes an address away from an interface. Connections that use it go on until they find that nobody answers.
    ///
    /// # Errors
    /// [`Error::AddressNotAvailable`] if the interface does not have it.
    pub fn remove_address(&mut self, iface: IfaceId, address: Cidr) -> Result<(), Error> {
        if !self.net.addresses.remove(iface, address.addr) {
            return Err(Error::AddressNotAvailable);
        }
        let on_link = Route { destination: address.network(), gateway: None, iface, metric: 0 };
        if !self.net.addresses.of(iface).any(|a| a.network() == on_link.destination) {
            self.net.routes.remove(&on_link);
        }
        Ok(())
    }

    /// Adds a route.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if interface, prefix or gateway make no sense; [`Error::AddressInUse`] if it is there
    /// already; [`Error::NetworkUnreachable`] if the gateway itself is not on the interface's link.
    pub fn add_route(&mut self, route: Route) -> Result<(), Error> {
        let v4 = route.destination.addr.is_v4();
        let sound = Cidr::new(route.destination.addr, route.destination.prefix).is_some()
            && self.net.carries(route.iface, route.destination.addr);
        if !sound || route.gateway.is_some_and(|g| g.is_v4() != v4 || g.is_unspecified() || g.is_multicast()) {
            return Err(Error::InvalidArgument);
        }
        if let Some(gateway) = route.gateway {
            let link_local = !gateway.is_v4() && gateway.is_link_local();
            let on_link = self.net.routes.find(gateway, Some(route.iface)).is_some_and(|(r, _)| r.gateway.is_none());
            if !on_link && !link_local {
                return Err(Error::NetworkUnreachable);
            }
        }
        if self.net.routes.add(route) { Ok(()) } else { Err(Error::AddressInUse) }
    }

    /// Says what is known of the paths that a route leads to. Connections that are there follow a new MTU; the rest is for
    /// those to come.
    ///
    /// # Errors
    /// [`Error::NetworkUnreachable`] if there is no such route; [`Error::InvalidArgument`] for an MTU that carries no segment.
    pub fn set_route_metrics(&mut self, route: &Route, metrics: RouteMetrics) -> Result<(), Error> {
        let least = if route.destination.addr.is_v4() { MIN_MTU_V4 } else { MIN_MTU_V6 };
        if metrics.mtu.is_some_and(|mtu| mtu < least) {
            return Err(Error::InvalidArgument);
        }
        if self.net.routes.set_metrics(route, metrics) { Ok(()) } else { Err(Error::NetworkUnreachable) }
    }

    /// Takes a route away.
    ///
    /// # Errors
    /// [`Error::NetworkUnreachable`] if there is no such route.
    pub fn remove_route(&mut self, route: &Route) -> Result<(), Error> {
        if self.net.routes.remove(route) { Ok(()) } else { Err(Error::NetworkUnreachable) }
    }

    /// The settings in force.
    pub fn config(&self) -> &StackConfig {
        &self.config
    }

    /// Other settings (what `sysctl` does), for what comes from now on. Of sockets that are there, those settings change that
    /// were still the stack's, and that Linux looks up each time it needs them ([`Config::follow`](limpid_tcp::Config::follow)). What is already beyond a
    /// new bound stays. [`StackConfig::shard`] and [`shards`](StackConfig::shards) can't change and are ignored.
    pub fn set_config(&mut self, now: Instant, config: StackConfig) {
        let before = core::mem::replace(&mut self.config, config);
        (self.config.shard, self.config.shards) = (before.shard, before.shards);
        self.env.ledger.limits = self.config.memory;
        self.ports.set_range(self.config.ephemeral_ports.clone());
        if before.tcp != self.config.tcp {
            let after = self.config.tcp.clone();
            self.follow(now, &before.tcp, &after);
        }
    }

    /// The addresses of an interface, in the order they were given.
    pub fn addresses(&self, iface: IfaceId) -> impl Iterator<Item = Cidr> + '_ {
        self.net.addresses.of(iface)
    }

    /// The observer.
    pub fn observer(&mut self) -> &mut O {
        &mut self.env.observer
    }

    /// Where received frames should be made.
    pub fn pool(&mut self) -> &mut FramePool {
        &mut self.env.pool
    }

    /// What is remembered of peers, the newest use first (`ip tcp_metrics show`).
    pub fn peer_metrics(&self) -> Vec<PeerMetrics> {
        self.metrics.all()
    }

    /// Forgets what is remembered of peers (`ip tcp_metrics flush`).
    pub fn flush_peer_metrics(&mut self) {
        self.metrics.flush();
    }

    /// Forgets what is remembered of one peer (`ip tcp_metrics delete`); true if there was something.
    pub fn forget_peer(&mut self, remote: IpAddr) -> bool {
        self.metrics.forget(remote)
    }

    /// Linux's MIB counters.
    pub fn counters(&self) -> &Counters {
        &self.env.counters
    }

    // ---- what drives it

    /// Frames arrived.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn handle_frames(&mut self, now: Instant, iface: IfaceId, frames: impl IntoIterator<Item = RxFrame>) {
        frames.into_iter().for_each(|frame| self.handle_frame(now, iface, frame));
    }

    /// The time of `poll_timeout` has come (early calls do no harm). What this host sends itself moves here, too.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(wake) = self.wheel.pop(now) {
            match wake {
                Wake::Flow(index) => self.flow_timeout(now, index),
                Wake::Embryo(index) => self.embryo_timeout(now, index),
                Wake::Held(index) => self.held_timeout(now, index),
                Wake::TimeWait(index) => self.time_wait_timeout(now, index),
                Wake::Neighbour(neighbour) => self.neighbour_timeout(now, neighbour),
                Wake::Reassembly => self.reassembly_timeout(now),
            }
        }
        self.run_loopback(now);
        self.rest_some(now, RESTS_BY_TIME);
    }

    /// When `handle_timeout` must be called next. A time that is past means at once: the loopback interface has something
    /// to carry. It may be somewhat early where many timers are close together, and is then better known after the call.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        if self.loopback_is_due() { Some(Instant::ZERO) } else { self.wheel.next() }
    }

    /// A socket for which something newly happened, and what, coalesced: one entry a socket. [`Stack::readiness`] is the
    /// level.
    pub fn poll_ready(&mut self) -> Option<(SocketId, Readiness)> {
        self.sockets.next_report()
    }

    /// How many connections still have something to say or to hear: all that are neither embryonic nor in TIME-WAIT (an
    /// orphan's FIN-WAIT-2 counts as that). When it is 0 a host can go down without breaking off anything.
    pub fn open_connections(&self) -> usize {
        self.open_flows
    }

    /// How many of them are [at rest](crate::StackConfig::rest_after) now.
    pub fn resting_connections(&self) -> usize {
        self.flows.iter().filter(|(_, flow)| matches!(flow.phase, Phase::Resting(_))).count()
    }

    /// Sets the timer of packets in pieces.
    pub(crate) fn schedule_reassembly(&mut self) {
        let next = self.net.reassembler.next_timeout();
        self.wheel.set(self.reassembly_timer, next);
    }

    fn reassembly_timeout(&mut self, now: Instant) {
        while let Some(first) = self.net.reassembler.expire(now) {
            self.env.counters.bump(Counter::IpReasmTimeout);
            self.env.counters.bump(Counter::IpReasmFails);
            self.drop_packet(now, DropReason::Reassembly);
            if let Some((ip, packet)) = first {
                self.refuse_reassembly(now, &ip, &packet);
            }
        }
        self.schedule_reassembly();
    }
}

#[cfg(test)]
mod tests;
