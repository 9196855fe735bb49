//! Which addresses are ours, what an address means to us, and which of ours speaks to a destination (RFC 6724 §5,
//! RFC 1122 §3.3.4.3).

use super::IfaceId;
use alloc::vec::Vec;
use hashbrown::HashMap;
use limpid_wire::{Cidr, IpAddr, MacAddr, ndp};

/// What an address is to this host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// One of our own.
    Ours,
    /// A group that we are in, or a broadcast address of a network that we are on.
    Group,
    /// Somebody else's.
    Foreign,
}

/// The host's addresses.
#[derive(Default)]
pub(crate) struct Addresses {
    /// In the order they were given.
    list: Vec<(IfaceId, Cidr)>,
    /// Who has an address, and how many times.
    ours: HashMap<IpAddr, (IfaceId, u32), core::hash::BuildHasherDefault<crate::demux::OwnHasher>>,
    /// Directed broadcast and solicited-node addresses of `list`.
    groups: HashMap<IpAddr, u32, core::hash::BuildHasherDefault<crate::demux::OwnHasher>>,
    /// Source and destination of the packet that was let in last, the destination ours: the next is most often alike.
    admitted: Option<(IpAddr, IpAddr)>,
}

impl Addresses {
    /// Gives an interface an address; false if it has it already.
    pub(crate) fn add(&mut self, iface: IfaceId, address: Cidr) -> bool {
        if self.list.iter().any(|(i, a)| *i == iface && a.addr == address.addr) {
            return false;
        }
        self.admitted = None;
        self.list.push((iface, address));
        self.ours.entry(address.addr).or_insert((iface, 0)).1 += 1;
        if let Some(group) = group_of(address) {
            *self.groups.entry(group).or_insert(0) += 1;
        }
        true
    }

    /// Takes an address away; false if the interface did not have it.
    pub(crate) fn remove(&mut self, iface: IfaceId, addr: IpAddr) -> bool {
        let Some(at) = self.list.iter().position(|(i, a)| *i == iface && a.addr == addr) else { return false };
        self.admitted = None;
        let (_, address) = self.list.remove(at);
        self.ours.remove(&addr);
        for &(i, a) in self.list.iter().filter(|(_, a)| a.addr == addr) {
            self.ours.entry(a.addr).or_insert((i, 0)).1 += 1;
        }
        if let Some(group) = group_of(address)
            && let Some(count) = self.groups.get_mut(&group)
        {
            *count -= 1;
            if *count == 0 {
                self.groups.remove(&group);
            }
        }
        true
    }

    /// Remembers that a packet from `src` to `dst`, one of our addresses, was let in.
    pub(crate) fn admit(&mut self, src: IpAddr, dst: IpAddr) {
        self.admitted = Some((src, dst));
    }

    /// Whether the last packet that was let in had these addresses, and they mean the same still.
    #[inline]
    pub(crate) fn were_admitted(&self, src: IpAddr, dst: IpAddr) -> bool {
        self.admitted == Some((src, dst))
    }

    /// True if the address is one of our own: all of 127/8 is.
    #[inline]
    pub(crate) fn is_ours(&self, addr: IpAddr) -> bool {
        self.ours.contains_key(&addr) || addr.is_loopback()
    }

    /// An interface that has the address.
    pub(crate) fn interface_of(&self, addr: IpAddr) -> Option<IfaceId> {
        self.ours.get(&addr).map(|&(iface, _)| iface)
    }

    /// True if the interface itself has the address.
    pub(crate) fn is_on(&self, iface: IfaceId, addr: IpAddr) -> bool {
        self.of(iface).any(|a| a.addr == addr)
    }

    /// What the destination of a packet is to us.
    pub(crate) fn kind(&self, addr: IpAddr) -> Kind {
        if self.is_ours(addr) {
            Kind::Ours
        } else if addr.is_broadcast() || addr == IpAddr::from(ndp::ALL_NODES) || self.groups.contains_key(&addr) {
            Kind::Group
        } else {
            Kind::Foreign
        }
    }

    /// True if the address can't be a sender's or a peer's: unspecified, multicast, broadcast (RFC 1122 §3.2.1.3).
    pub(crate) fn is_impossible_source(&self, addr: IpAddr) -> bool {
        let zero_net = addr.as_v4().is_some_and(|o| o[0] == 0);
        let class_e = addr.as_v4().is_some_and(|o| o[0] >= 240);
        zero_net || class_e || addr.is_unspecified() || addr.is_multicast() || self.groups.contains_key(&addr)
    }

    /// The addresses of an interface.
    pub(crate) fn of(&self, iface: IfaceId) -> impl Iterator<Item = Cidr> + '_ {
        self.list.iter().filter(move |(i, _)| *i == iface).map(|&(_, a)| a)
    }

    /// The address that speaks to `dst` over `iface`, by way of `next_hop`.
    ///
    /// IPv4: the first on the network of the next hop, else the first of the interface, as Linux. IPv6: RFC 6724 §5,
    /// rules 1 (the destination itself), 2 (scope) and 8 (longest matching prefix).
    pub(crate) fn source(&self, iface: IfaceId, dst: IpAddr, next_hop: IpAddr) -> Option<IpAddr> {
        if iface == IfaceId::LOOPBACK {
            // To ourselves we speak from the address that we speak to, but from 127.0.0.1 to all of 127/8.
            return Some(if dst.is_v4() && dst.is_loopback() { IpAddr::LOCALHOST_V4 } else { dst });
        }
        if dst.is_v4() {
            let own = || self.of(iface).filter(|a| a.addr.is_v4());
            return own().find(|a| a.contains(next_hop)).or_else(|| own().next()).map(|a| a.addr);
        }
        let candidates = self.of(iface).filter(|a| !a.addr.is_v4());
        let rank = |a: IpAddr| (a == dst, a.is_link_local() == dst.is_link_local(), common_prefix(a, dst));
        // Of equals the first wins.
        candidates.map(|a| a.addr).reduce(|best, a| if rank(a) > rank(best) { a } else { best })
    }
}

/// The group that having an address makes us a member of.
fn group_of(address: Cidr) -> Option<IpAddr> {
    match address.addr.as_v4() {
        Some(_) => address.broadcast(),
        None => Some(ndp::solicited_node(address.addr.octets().into()).into()),
    }
}

/// How many leading bits two addresses have in common.
fn common_prefix(a: IpAddr, b: IpAddr) -> u32 {
    (u128::from_be_bytes(a.octets()) ^ u128::from_be_bytes(b.octets())).leading_zeros()
}

/// The link-local address that an interface makes from its MAC address (RFC 4291 appendix A).
pub(crate) fn link_local(mac: MacAddr) -> Cidr {
    let [a, b, c, d, e, f] = mac.0;
    let addr = IpAddr::v6([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Cidr { addr, prefix: 64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[(u16, &str)]) -> Addresses {
        let mut all = Addresses::default();
        for (iface, address) in list {
            assert!(all.add(IfaceId(*iface), address.parse().unwrap()));
        }
        all
    }

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[test]
    fn kinds() {
        let all = addresses(&[(1, "10.0.0.1/24"), (1, "2001:db8::abcd:1/64"), (2, "10.0.1.1/31")]);
        for (addr, kind) in [
            ("10.0.0.1", Kind::Ours),
            ("127.3.2.1", Kind::Ours),
            ("::1", Kind::Ours),
            ("10.0.0.255", Kind::Group),
            ("255.255.255.255", Kind::Group),
            ("ff02::1", Kind::Group),
            ("ff02::1:ffcd:1", Kind::Group),
            ("ff02::1:ffcd:2", Kind::Foreign),
            ("10.0.0.2", Kind::Foreign),
            ("10.0.1.255", Kind::Foreign),
            ("224.0.0.1", Kind::Foreign),
        ] {
            assert_eq!(all.kind(ip(addr)), kind, "{addr}");
        }
        for addr in ["0.0.0.0", "0.1.2.3", "240.0.0.1", "255.255.255.255", "224.0.0.5", "10.0.0.255", "::", "ff02::1"] {
            assert!(all.is_impossible_source(ip(addr)), "{addr}");
        }
        assert!(!all.is_impossible_source(ip("10.0.0.77")));
    }

    #[test]
    fn sources() {
        let all = addresses(&[
            (1, "192.0.2.1/24"),
            (1, "10.0.0.1/24"),
            (1, "fe80::1/64"),
            (1, "2001:db8:1::1/64"),
            (1, "2001:db8:2::1/64"),
        ]);
        for (dst, next_hop, src) in [
            ("10.0.0.9", "10.0.0.9", "10.0.0.1"),
            ("8.8.8.8", "10.0.0.254", "10.0.0.1"),
            ("8.8.8.8", "172.16.0.1", "192.0.2.1"),
            ("fe80::99", "fe80::99", "fe80::1"),
            ("2001:db8:2::7", "2001:db8:2::7", "2001:db8:2::1"),
            ("2001:db8:1::7", "fe80::99", "2001:db8:1::1"),
        ] {
            assert_eq!(all.source(IfaceId(1), ip(dst), ip(next_hop)), Some(ip(src)), "{dst}");
        }
        assert_eq!(all.source(IfaceId(2), ip("10.0.0.9"), ip("10.0.0.9")), None);
    }

    #[test]
    fn removal_leaves_what_another_interface_has() {
        let mut all = addresses(&[(1, "10.0.0.1/24"), (2, "10.0.0.1/24")]);
        assert!(!all.add(IfaceId(1), "10.0.0.1/8".parse().unwrap()));
        assert!(all.remove(IfaceId(1), ip("10.0.0.1")));
        assert_eq!(all.kind(ip("10.0.0.1")), Kind::Ours);
        assert_eq!(all.kind(ip("10.0.0.255")), Kind::Group);
        assert!(all.remove(IfaceId(2), ip("10.0.0.1")));
        assert!(!all.remove(IfaceId(2), ip("10.0.0.1")));
        assert_eq!(all.kind(ip("10.0.0.1")), Kind::Foreign);
        assert_eq!(all.kind(ip("10.0.0.255")), Kind::Foreign);
    }

    #[test]
    fn link_local_from_mac() {
        assert_eq!(link_local(MacAddr([2, 0, 0, 0, 0, 1])).addr, ip("fe80::ff:fe00:1"));
    }
}
