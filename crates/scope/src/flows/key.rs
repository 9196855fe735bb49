//! Which connection a packet belongs to: its two endpoints, in an order that both directions share, and their keyed hash.

use limpid_wire::{Endpoint, IpAddr};
use std::hash::{BuildHasher, RandomState};

/// Two endpoints, the lower one first. VLANs and interfaces are no part of it: a capture on several interfaces sees one
/// connection more than once, and it stays one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FlowKey {
    low: u128,
    high: u128,
    /// The lower endpoint's port, then the other's.
    ports: u32,
}

impl FlowKey {
    /// The key of a packet, and whether its sender is the higher endpoint.
    #[inline]
    pub(super) fn of(src: u128, src_port: u16, dst: u128, dst_port: u16) -> (FlowKey, bool) {
        let swapped = (src, src_port) > (dst, dst_port);
        let (low, low_port, high, high_port) =
            if swapped { (dst, dst_port, src, src_port) } else { (src, src_port, dst, dst_port) };
        (FlowKey { low, high, ports: u32::from(low_port) << 16 | u32::from(high_port) }, swapped)
    }

    /// The same of an IPv4 packet.
    #[inline]
    pub(super) fn of_v4(src: u32, src_port: u16, dst: u32, dst_port: u16) -> (FlowKey, bool) {
        let end = |address: u32, port: u16| u64::from(address) << 16 | u64::from(port);
        let (from, to) = (end(src, src_port), end(dst, dst_port));
        let (low, high) = (from.min(to), from.max(to));
        let ports = (low as u32) << 16 | high as u32 & 0xffff;
        (FlowKey { low: mapped((low >> 16) as u32), high: mapped((high >> 16) as u32), ports }, from > to)
    }

    /// The key of a connection between two endpoints.
    pub(crate) fn between(a: Endpoint, b: Endpoint) -> FlowKey {
        let number = |end: Endpoint| u128::from_be_bytes(end.addr.octets());
        FlowKey::of(number(a), a.port, number(b), b.port).0
    }

    /// Nobody's.
    pub(super) const NONE: FlowKey = FlowKey { low: 0, high: 0, ports: 0 };
    /// Bytes of [`to_bytes`](Self::to_bytes).
    pub(super) const LEN: usize = 2 * size_of::<u128>() + size_of::<u32>();

    pub(super) fn to_bytes(self) -> [u8; FlowKey::LEN] {
        let mut bytes = [0; FlowKey::LEN];
        bytes[..16].copy_from_slice(&self.low.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.high.to_le_bytes());
        bytes[32..].copy_from_slice(&self.ports.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; FlowKey::LEN]) -> FlowKey {
        let address = |from: usize| u128::from_le_bytes(std::array::from_fn(|at| bytes[from + at]));
        let ports = u32::from_le_bytes(std::array::from_fn(|at| bytes[32 + at]));
        FlowKey { low: address(0), high: address(16), ports }
    }

    /// Both ports in one number.
    #[inline]
    pub(crate) fn ports(&self) -> u32 {
        self.ports
    }

    /// The lower endpoint and the higher one.
    pub(super) fn endpoints(&self) -> [Endpoint; 2] {
        let address = |number: u128| IpAddr::v6(number.to_be_bytes());
        [
            Endpoint::new(address(self.low), (self.ports >> 16) as u16),
            Endpoint::new(address(self.high), self.ports as u16),
        ]
    }
}

/// An IPv4 address as the number that [`FlowKey`] takes.
#[inline]
fn mapped(address: u32) -> u128 {
    0xffff_0000_0000 | u128::from(address)
}

/// The secret of a table. Who writes a capture can't choose connections that fall together without knowing it.
#[derive(Clone, Copy)]
pub(crate) struct Secret([u64; 4]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A new one from the standard library's source of randomness.
    pub(crate) fn new() -> Secret {
        let random = RandomState::new();
        Secret([0u8, 1, 2, 3].map(|n| random.hash_one(n)))
    }

    #[inline]
    pub(crate) fn hash(&self, key: &FlowKey) -> u64 {
        let [k0, k1, k2, k3] = self.0;
        let low = fold(key.low as u64 ^ k0, key.high as u64 ^ k1);
        let high = fold((key.low >> 64) as u64 ^ k2, (key.high >> 64) as u64 ^ k3 ^ u64::from(key.ports));
        fold(low ^ k3, high ^ k0)
    }
}

/// Both halves of the product in one: each bit of the result depends on nearly all bits of both factors.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
