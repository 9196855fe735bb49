//! Local ports: who listens where, which ports connections hold, and when two binds are in each other's way.
//!
//! The rules are Linux's (`inet_csk_get_port`, `inet_rcv_saddr_equal`): two binds to one port conflict if their addresses
//! overlap, unless both have SO_REUSEADDR and neither listens, or both have SO_REUSEPORT: then several listen at one address and
//! port, and what arrives is spread over them by a hash of its 4-tuple. `::` overlaps every address, but only those of IPv6 with
//! V6ONLY; `0.0.0.0` overlaps every IPv4 address. What a connection leaves in TIME-WAIT holds its port like the
//! connection did.

use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};
use hashbrown::HashMap;
use limpid_wire::{Endpoint, IpAddr};

/// Whose listener it is: the socket's place.
pub(crate) type ListenerIndex = u32;

bitflags::bitflags! {
    /// Whom a bind tolerates at its address and port: those with the same flag.
    #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
    pub(crate) struct Reuse: u8 {
        /// SO_REUSEADDR: but no listener.
        const ADDR = 1;
        /// SO_REUSEPORT.
        const PORT = 2;
    }
}

/// A local address and port that somebody wants, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bind {
    /// Where; an unspecified address is a wildcard.
    pub(crate) local: Endpoint,
    /// IPV6_V6ONLY.
    pub(crate) v6_only: bool,
    /// SO_REUSEADDR, SO_REUSEPORT.
    pub(crate) reuse: Reuse,
}

impl Bind {
    /// Whether a packet to `addr` (not to a wildcard) is for this bind.
    fn covers(&self, addr: IpAddr) -> bool {
        if self.local.addr == IpAddr::UNSPECIFIED {
            !(self.v6_only && addr.is_v4())
        } else if self.local.addr == IpAddr::UNSPECIFIED_V4 {
            addr.is_v4()
        } else {
            self.local.addr == addr
        }
    }

    /// Whether some address is covered by both.
    fn overlaps(&self, other: &Bind) -> bool {
        let (a, b) = (self.local.addr, other.local.addr);
        match (a.is_unspecified(), b.is_unspecified()) {
            (false, _) => other.covers(a),
            (_, false) => self.covers(b),
            // Two wildcards: of the same version, or one of them takes both.
            (true, true) => a == b || [self, other].iter().all(|w| w.local.addr.is_v4() || !w.v6_only),
        }
    }
}

/// Connections that hold a local address and port.
#[derive(Clone, Copy)]
struct Held {
    addr: IpAddr,
    /// How many, by what they have of SO_REUSEADDR and SO_REUSEPORT.
    counts: [u32; 4],
}

impl Held {
    fn count(&mut self, reuse: Reuse) -> &mut u32 {
        &mut self.counts[usize::from(reuse.bits())]
    }

    fn tolerates(&self, reuse: Reuse) -> bool {
        let by_bits = self.counts.iter().zip(0..);
        by_bits.filter(|(count, _)| **count > 0).all(|(_, bits)| Reuse::from_bits_truncate(bits).intersects(reuse))
    }
}

/// Those that listen at one address and port: one, or several that all have SO_REUSEPORT.
struct Listening {
    bind: Bind,
    first: ListenerIndex,
    more: Vec<ListenerIndex>,
}

impl Listening {
    /// Whose a segment with this hash of its 4-tuple is, evenly.
    fn choose(&self, hash: impl FnOnce() -> u32) -> ListenerIndex {
        if self.more.is_empty() {
            return self.first;
        }
        let at = (u64::from(hash()) * (self.more.len() as u64 + 1)) >> 32;
        (at as usize).checked_sub(1).map_or(self.first, |at| self.more[at])
    }

    /// Takes one out. False if it was the last.
    fn remove(&mut self, owner: ListenerIndex) -> bool {
        self.more.retain(|o| *o != owner);
        if self.first != owner {
            return true;
        }
        if self.more.is_empty() {
            return false;
        }
        self.first = self.more.remove(0);
        true
    }
}

#[derive(Default)]
struct Port {
    listeners: Vec<(Bind, ListenerIndex)>,
    /// Sockets that were bound by their application and do not listen, by their places; connected ones, too.
    bound: Vec<(Bind, ListenerIndex)>,
    /// The address of most connections from a port; a host seldom has several.
    held: Option<Held>,
    held_elsewhere: Vec<Held>,
}

impl Port {
    fn held(&self) -> impl Iterator<Item = &Held> {
        self.held.iter().chain(&self.held_elsewhere)
    }

    fn held_mut(&mut self, addr: IpAddr) -> Option<&mut Held> {
        self.held.iter_mut().chain(&mut self.held_elsewhere).find(|h| h.addr == addr)
    }

    fn is_free(&self) -> bool {
        self.listeners.is_empty() && self.bound.is_empty() && self.held.is_none() && self.held_elsewhere.is_empty()
    }
}

/// The listeners, and the ports in use.
#[derive(Default)]
pub(crate) struct BindTable {
    ports: HashMap<u16, Port, BuildHasherDefault<OwnHasher>>,
    /// Listeners by address and port; the wildcards under `0.0.0.0`, `::` (both versions).
    listeners: HashMap<(IpAddr, u16), Listening, BuildHasherDefault<OwnHasher>>,
    /// `::` with V6ONLY, which may stand beside `0.0.0.0`.
    v6_only: HashMap<u16, Listening, BuildHasherDefault<OwnHasher>>,
    /// Those that take any address or port, the narrower first.
    transparent: Vec<(Bind, ListenerIndex)>,
}

impl BindTable {
    /// Whether a socket may have this address and port, to listen or to connect from; `own` is its place if it has them
    /// already.
    pub(crate) fn may_bind(&self, bind: &Bind, own: Option<ListenerIndex>) -> bool {
        self.ports.get(&bind.local.port).is_none_or(|port| {
            let mut others = port.bound.iter().filter(|(_, owner)| Some(*owner) != own);
            let shares = bind.reuse & Reuse::PORT;
            port.listeners.iter().all(|(other, _)| !bind.overlaps(other) || other.reuse.intersects(shares))
                && others.all(|(other, _)| !bind.overlaps(other) || other.reuse.intersects(bind.reuse))
                && port.held().all(|h| !bind.covers(h.addr) || h.tolerates(bind.reuse))
        })
    }

    /// Whether a connection may have this local address and port, its 4-tuple apart: nobody listens there.
    pub(crate) fn may_connect(&self, local: Endpoint) -> bool {
        self.ports.get(&local.port).is_none_or(|port| port.listeners.iter().all(|(l, _)| !l.covers(local.addr)))
    }

    /// Whether an ephemeral port may be this one: no application has asked for it.
    pub(crate) fn is_unasked(&self, port: u16) -> bool {
        self.ports.get(&port).is_none_or(|port| port.listeners.is_empty() && port.bound.is_empty())
    }

    /// Enters a socket that does not listen; `may_bind` said yes.
    pub(crate) fn bind(&mut self, bind: Bind, owner: ListenerIndex) {
        self.ports.entry(bind.local.port).or_default().bound.push((bind, owner));
    }

    /// Takes a socket out that does not listen.
    pub(crate) fn unbind(&mut self, port: u16, owner: ListenerIndex) {
        let Some(entry) = self.ports.get_mut(&port) else { return };
        entry.bound.retain(|(_, o)| *o != owner);
        if entry.is_free() {
            self.ports.remove(&port);
        }
    }

    /// A bound or listening socket's address, SO_REUSEADDR or SO_REUSEPORT is another now.
    pub(crate) fn rebind(&mut self, bind: Bind, owner: ListenerIndex) {
        let port = self.ports.get_mut(&bind.local.port);
        if let Some((old, _)) = port.and_then(|p| p.bound.iter_mut().chain(&mut p.listeners).find(|(_, o)| *o == owner))
        {
            *old = bind;
        }
    }

    /// Enters a listener; `may_listen` said yes.
    pub(crate) fn listen(&mut self, bind: Bind, owner: ListenerIndex) {
        let Endpoint { addr, port } = bind.local;
        self.ports.entry(port).or_default().listeners.push((bind, owner));
        let there = match bind.v6_only && addr == IpAddr::UNSPECIFIED {
            true => self.v6_only.get_mut(&port),
            false => self.listeners.get_mut(&(addr, port)),
        };
        if let Some(listening) = there {
            return listening.more.push(owner);
        }
        let listening = Listening { bind, first: owner, more: Vec::new() };
        if bind.v6_only && addr == IpAddr::UNSPECIFIED {
            self.v6_only.insert(port, listening);
        } else {
            self.listeners.insert((addr, port), listening);
        }
    }

    /// Enters a listener that takes what is addressed to others, too: any address if its own is unspecified, any port if
    /// its own is 0.
    pub(crate) fn listen_transparently(&mut self, bind: Bind, owner: ListenerIndex) -> bool {
        if self.transparent.iter().any(|(other, _)| other.local == bind.local && bind.overlaps(other)) {
            return false;
        }
        let width = |b: &Bind| (b.local.addr.is_unspecified(), b.local.port == 0, !b.local.addr.is_v4());
        let at = self.transparent.partition_point(|(other, _)| width(other) <= width(&bind));
        self.transparent.insert(at, (bind, owner));
        true
    }

    /// Takes a listener out.
    pub(crate) fn unlisten(&mut self, bind: &Bind, owner: ListenerIndex) {
        let before = self.transparent.len();
        self.transparent.retain(|&(_, o)| o != owner);
        if self.transparent.len() != before {
            return;
        }
        let Endpoint { addr, port } = bind.local;
        if bind.v6_only && addr == IpAddr::UNSPECIFIED {
            if self.v6_only.get_mut(&port).is_some_and(|listening| !listening.remove(owner)) {
                self.v6_only.remove(&port);
            }
        } else if self.listeners.get_mut(&(addr, port)).is_some_and(|listening| !listening.remove(owner)) {
            self.listeners.remove(&(addr, port));
        }
        let Some(entry) = self.ports.get_mut(&port) else { return };
        entry.listeners.retain(|(_, o)| *o != owner);
        if entry.is_free() {
            self.ports.remove(&port);
        }
    }

    /// The listener for what is addressed to `to`, one of our own addresses if `ours`: the exact address beats a
    /// wildcard, and a wildcard of the address's own version beats the one of both; a transparent one comes last. Among
    /// several at one place `hash` decides, of the 4-tuple.
    pub(crate) fn listener(&self, to: Endpoint, ours: bool, hash: impl FnOnce() -> u32) -> Option<ListenerIndex> {
        if ours && let Some(found) = self.own_listener(to) {
            return Some(found.choose(hash));
        }
        let wanted = |b: &Bind| b.covers(to.addr) && (b.local.port == 0 || b.local.port == to.port);
        self.transparent.iter().find(|(bind, _)| wanted(bind)).map(|&(_, owner)| owner)
    }

    fn own_listener(&self, to: Endpoint) -> Option<&Listening> {
        let at = |addr| self.listeners.get(&(addr, to.port)).filter(|listening| listening.bind.covers(to.addr));
        let own_wildcard = || if to.addr.is_v4() { at(IpAddr::UNSPECIFIED_V4) } else { self.v6_only.get(&to.port) };
        at(to.addr).or_else(own_wildcard).or_else(|| at(IpAddr::UNSPECIFIED))
    }

    /// A connection holds `local` from now on.
    pub(crate) fn hold(&mut self, local: Endpoint, reuse: Reuse) {
        let port = self.ports.entry(local.port).or_default();
        if let Some(held) = port.held_mut(local.addr) {
            *held.count(reuse) += 1;
            return;
        }
        let mut held = Held { addr: local.addr, counts: [0; 4] };
        *held.count(reuse) += 1;
        match &mut port.held {
            Some(_) => port.held_elsewhere.push(held),
            none => *none = Some(held),
        }
    }

    /// A connection that held `local` is gone.
    pub(crate) fn release(&mut self, local: Endpoint, reuse: Reuse) {
        let Some(port) = self.ports.get_mut(&local.port) else { return };
        let Some(held) = port.held_mut(local.addr) else { return };
        debug_assert!(*held.count(reuse) > 0, "released more often than held");
        *held.count(reuse) = held.count(reuse).saturating_sub(1);
        if held.counts == [0; 4] {
            port.held.take_if(|h| h.addr == local.addr);
            port.held_elsewhere.retain(|h| h.addr != local.addr);
        }
        if port.is_free() {
            self.ports.remove(&local.port);
        }
    }
}

/// A quick hash for keys that are our own addresses and ports: a peer can look them up but not add any.
#[derive(Clone, Default)]
pub(crate) struct OwnHasher(u64);

impl Hasher for OwnHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }

    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }

    fn write_u128(&mut self, n: u128) {
        self.write_u64(n as u64);
        self.write_u64((n >> 64) as u64);
    }

    fn write_u64(&mut self, n: u64) {
        let mixed = u128::from(self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (mixed >> 64) as u64 ^ mixed as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
