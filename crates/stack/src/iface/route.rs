//! Where a packet goes: the longest prefix wins, then the lowest metric, then the older route (RFC 1122 §3.3.1).
//!
//! A lookup walks along the routes, which a host has few of; connections keep its result until the table changes.

use super::{IfaceId, LOOPBACK_MTU, Route, RouteMetrics};
use alloc::vec::Vec;
use core::ops::Deref;
use limpid_event::Instant;
use limpid_wire::IpAddr;

/// How a packet leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Way {
    /// Out of this interface,
    pub(crate) iface: IfaceId,
    /// to this neighbour,
    pub(crate) next_hop: IpAddr,
    /// and no larger than this, IP header included,
    pub(crate) mtu: u16,
    /// until then: what was learned of the path holds for a time. [`Instant::MAX`] if nothing was.
    pub(crate) mtu_until: Instant,
    /// Packets may be cut on their way: the MTU is fixed, or the path takes less than we cut segments for.
    pub(crate) locked: bool,
    /// The MTU is fixed.
    pub(crate) mtu_locked: bool,
    /// Fast Open needs no cookie.
    pub(crate) fast_open_no_cookie: bool,
}

/// The same with all that its route says of it, which only openings ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Path {
    pub(crate) way: Way,
    pub(crate) metrics: RouteMetrics,
}

impl Deref for Path {
    type Target = Way;

    fn deref(&self) -> &Way {
        &self.way
    }
}

impl Path {
    /// Of which nothing is known but its interface.
    pub(crate) fn new(iface: IfaceId, next_hop: IpAddr, mtu: u16) -> Path {
        let way = Way {
            iface,
            next_hop,
            mtu,
            mtu_until: Instant::MAX,
            locked: false,
            mtu_locked: false,
            fast_open_no_cookie: false,
        };
        Path { way, metrics: RouteMetrics::default() }
    }

    /// To ourselves.
    pub(crate) fn loopback(dst: IpAddr) -> Path {
        Path::new(IfaceId::LOOPBACK, dst, LOOPBACK_MTU)
    }
}

/// The routes, and what was learned about the MTU of paths.
#[derive(Default)]
pub(crate) struct RouteTable {
    /// The best first, each with what it says of its paths.
    routes: Vec<(Route, RouteMetrics)>,
    /// Destinations whose path takes less than their route's interface, the latest learned last.
    learned: Vec<LearnedMtu>,
    /// Counts changes: what was looked up before may be different now.
    pub(crate) generation: u32,
}

/// What ICMP told of the path to a destination (Linux's `fib_nh_exception`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LearnedMtu {
    pub(crate) dst: IpAddr,
    pub(crate) mtu: u16,
    /// The path takes even less, and its routers may cut packets.
    pub(crate) locked: bool,
    pub(crate) expires: Instant,
}

/// The bound on learned path MTUs; the one learned longest ago makes room.
pub(crate) const MAX_LEARNED_MTUS: usize = 256;

impl RouteTable {
    /// Adds a route; false if it is there already.
    pub(crate) fn add(&mut self, route: Route) -> bool {
        let route = Route { destination: route.destination.network(), ..route };
        if self.routes.iter().any(|(r, _)| *r == route) {
            return false;
        }
        let rank = |r: &Route| (core::cmp::Reverse(r.destination.prefix), r.metric);
        let at = self.routes.partition_point(|(r, _)| rank(r) <= rank(&route));
        self.routes.insert(at, (route, RouteMetrics::default()));
        self.generation += 1;
        true
    }

    /// Takes a route away; false if it was not there.
    pub(crate) fn remove(&mut self, route: &Route) -> bool {
        let route = Route { destination: route.destination.network(), ..*route };
        let before = self.routes.len();
        self.routes.retain(|(r, _)| *r != route);
        self.generation += 1;
        self.routes.len() != before
    }

    /// Says something of a route's paths; false if there is no such route.
    pub(crate) fn set_metrics(&mut self, route: &Route, metrics: RouteMetrics) -> bool {
        let route = Route { destination: route.destination.network(), ..*route };
        let Some(found) = self.routes.iter_mut().find(|(r, _)| *r == route) else { return false };
        found.1 = metrics;
        self.generation += 1;
        true
    }

    /// The best route to `dst`, over `iface` if the address means something only there.
    pub(crate) fn find(&self, dst: IpAddr, iface: Option<IfaceId>) -> Option<&(Route, RouteMetrics)> {
        self.routes.iter().find(|(r, _)| r.destination.contains(dst) && iface.is_none_or(|i| i == r.iface))
    }

    /// What was learned of the path to `dst`, as far as it still holds (RFC 1191 §6.3, RFC 8201 §5.3).
    pub(crate) fn learned(&self, now: Instant, dst: IpAddr) -> Option<&LearnedMtu> {
        self.learned.iter().find(|l| l.dst == dst && l.expires > now)
    }

    /// Remembers what ICMP told.
    pub(crate) fn learn_mtu(&mut self, now: Instant, learned: LearnedMtu) {
        self.learned.retain(|l| l.dst != learned.dst && l.expires > now);
        if self.learned.len() == MAX_LEARNED_MTUS {
            self.learned.remove(0);
        }
        self.learned.push(learned);
        self.generation += 1;
    }

    /// Forgets all that was learned (`ip route flush cache`).
    pub(crate) fn forget_mtus(&mut self) {
        self.learned.clear();
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(destination: &str, gateway: Option<&str>, iface: u16, metric: u32) -> Route {
        let gateway = gateway.map(|g| g.parse().unwrap());
        Route { destination: destination.parse().unwrap(), gateway, iface: IfaceId(iface), metric }
    }

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_then_the_lowest_metric() {
        let mut table = RouteTable::default();
        for r in [
            route("0.0.0.0/0", Some("10.0.0.254"), 1, 100),
            route("0.0.0.0/0", Some("10.0.1.254"), 2, 50),
            route("10.0.0.7/24", None, 1, 0),
            route("10.0.0.128/25", Some("10.0.0.3"), 1, 900),
            route("::/0", Some("fe80::1"), 1, 0),
            route("fe80::/64", None, 1, 0),
            route("fe80::/64", None, 2, 0),
        ] {
            assert!(table.add(r));
        }
        assert!(!table.add(route("10.0.0.99/24", None, 1, 0)));
        let via = |dst, iface| table.find(ip(dst), iface).map(|(r, _)| (r.iface.0, r.gateway));
        assert_eq!(via("8.8.8.8", None), Some((2, Some(ip("10.0.1.254")))));
        assert_eq!(via("8.8.8.8", Some(IfaceId(1))), Some((1, Some(ip("10.0.0.254")))));
        assert_eq!(via("10.0.0.5", None), Some((1, None)));
        assert_eq!(via("10.0.0.200", None), Some((1, Some(ip("10.0.0.3")))));
        assert_eq!(via("2001:db8::1", None), Some((1, Some(ip("fe80::1")))));
        assert_eq!(via("fe80::5", Some(IfaceId(2))), Some((2, None)));
        assert!(table.remove(&route("0.0.0.0/0", Some("10.0.1.254"), 2, 50)));
        assert_eq!(table.find(ip("8.8.8.8"), None).unwrap().0.iface, IfaceId(1));
    }

    #[test]
    fn learned_mtus_expire_and_are_bounded() {
        let mut table = RouteTable::default();
        let generation = table.generation;
        let known = |dst, mtu| LearnedMtu { dst, mtu, locked: false, expires: Instant::from_millis(600_000) };
        table.learn_mtu(Instant::ZERO, known(ip("10.9.9.9"), 1400));
        assert_ne!(table.generation, generation);
        let mtu = |table: &RouteTable, millis| {
            table.learned(Instant::from_millis(millis), ip("10.9.9.9")).map(|learned| learned.mtu)
        };
        assert_eq!(mtu(&table, 599_999), Some(1400));
        assert_eq!(mtu(&table, 600_000), None);
        for i in 0..MAX_LEARNED_MTUS as u32 {
            table.learn_mtu(Instant::ZERO, known(IpAddr::v4(i.to_be_bytes()), 1300));
        }
        assert_eq!(table.learned.len(), MAX_LEARNED_MTUS);
        assert_eq!(mtu(&table, 0), None);
        table.forget_mtus();
        assert!(table.learned.is_empty());
    }
}
