//! Ephemeral ports (RFC 6056 §3.3.4, algorithm 4: double-hash port selection), as Linux's `__inet_hash_connect` has it.
//!
//! A keyed hash of the destination says where in the range to begin, and a small table of counters, found by another, how
//! far to go on from there: ports to one destination follow each other and come back late, while whoever watches one
//! destination learns nothing about another. As on Linux, half of the ports are tried first by `connect` (those of the
//! range's first parity) and the other half by `listen` with port 0.

use crate::keys::Keys;
use alloc::boxed::Box;
use core::ops::RangeInclusive;
use limpid_wire::{Endpoint, IpAddr};

/// Counters in the table (Linux: 2^16; RFC 6056 finds 10 enough).
const TABLE: usize = 256;

/// Chooses ephemeral ports.
pub(crate) struct Ports {
    range: RangeInclusive<u16>,
    table: Box<[u32; TABLE]>,
}

/// Which ports are tried first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Those of the parity of the range's first.
    Connect,
    /// The others.
    Listen,
}

impl Ports {
    /// Chooses from `range`.
    pub(crate) fn new(keys: &Keys, range: RangeInclusive<u16>) -> Ports {
        let counter = |i: usize| keys.port_table.hash24(&i.to_le_bytes()) as u32;
        Ports { range, table: Box::new(core::array::from_fn(counter)) }
    }

    /// A port for which `is_free` holds, or `None` if there is none: each is asked about once at the most.
    pub(crate) fn choose(
        &mut self,
        keys: &Keys,
        purpose: Purpose,
        local: IpAddr,
        remote: Endpoint,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let (low, high) = (u32::from(*self.range.start()), u32::from(*self.range.end()));
        let count = (high + 1).checked_sub(low).filter(|&c| c > 0)?;
        let mut bytes = [0; 34];
        bytes[..16].copy_from_slice(&local.octets());
        bytes[16..32].copy_from_slice(&remote.addr.octets());
        bytes[32..].copy_from_slice(&remote.port.to_be_bytes());
        let index = keys.port_table.hash24(&bytes) as usize % TABLE;
        let first = self.table[index].wrapping_add(keys.port_offset.hash24(&bytes) as u32);
        // Two rounds, one for each parity.
        let first = (first % count) & !1 | u32::from(purpose == Purpose::Listen && count > 1);
        for parity in [0, 1] {
            let rounds = (count + u32::from(first & 1 == parity)) / 2 + 1;
            for step in 0..rounds {
                let offset = ((first ^ parity) + 2 * step) % (count + (count & 1));
                if offset < count && is_free((low + offset) as u16) {
                    self.table[index] = self.table[index].wrapping_add(2 * step + 2);
                    return Some((low + offset) as u16);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secrets;
    use alloc::vec::Vec;

    fn choose(ports: &mut Ports, purpose: Purpose, free: impl FnMut(u16) -> bool) -> Option<u16> {
        let keys = Keys::new(&Secrets { seed: [3; 32] });
        let remote = Endpoint::new(IpAddr::v4([192, 0, 2, 1]), 443);
        ports.choose(&keys, purpose, IpAddr::v4([10, 0, 0, 1]), remote, free)
    }

    fn ports(range: RangeInclusive<u16>) -> Ports {
        Ports::new(&Keys::new(&Secrets { seed: [3; 32] }), range)
    }

    #[test]
    fn every_port_of_the_range_is_found() {
        for range in [32_768..=32_768, 32_768..=32_775, 40_001..=40_007, 65_530..=65_535, 1..=2] {
            for purpose in [Purpose::Connect, Purpose::Listen] {
                let mut ports = ports(range.clone());
                let mut taken = Vec::new();
                while let Some(port) = choose(&mut ports, purpose, |p| !taken.contains(&p)) {
                    taken.push(port);
                }
                let half = taken.len() / 2;
                if taken.len() % 2 == 0 {
                    assert!(taken[..half].iter().all(|p| p % 2 == taken[0] % 2), "{taken:?}");
                }
                taken.sort_unstable();
                assert_eq!(taken, range.clone().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn connect_and_listen_begin_with_other_parities() {
        let mut ports = ports(32_768..=60_999);
        for _ in 0..100 {
            assert_eq!(choose(&mut ports, Purpose::Connect, |_| true).unwrap() % 2, 0);
            assert_eq!(choose(&mut ports, Purpose::Listen, |_| true).unwrap() % 2, 1);
        }
    }

    #[test]
    fn a_port_is_not_used_again_at_once() {
        let mut ports = ports(32_768..=60_999);
        let chosen: Vec<_> = (0..1000).map(|_| choose(&mut ports, Purpose::Connect, |_| true).unwrap()).collect();
        let mut distinct = chosen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), chosen.len());
    }

    #[test]
    fn none_free_is_none_after_one_round() {
        let mut asked = 0;
        let mut ports = ports(32_768..=60_999);
        assert_eq!(
            choose(&mut ports, Purpose::Connect, |_| {
                asked += 1;
                false
            }),
            None
        );
        assert!(asked <= 28_232 + 2, "{asked}");
    }
}
