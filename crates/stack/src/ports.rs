//! Ephemeral ports (RFC 6056 §3.3.4, algorithm 4: double-hash port selection), as Linux's `__inet_hash_connect` has it.
//!
//! A keyed hash of the destination says where in the range to begin, and a small table of counters, found by another, how
//! far to go on from there: ports to one destination follow each other and come back late, while whoever watches one
//! destination learns nothing about another. As on Linux `connect` begins with one parity (that of the range's first) and
//! `listen` with port 0 with the other; unlike there, the search goes on where it last ended when one parity is used up,
//! so that many connections to one destination do not make the next one slow.

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
    pub(crate) fn new(range: RangeInclusive<u16>) -> Ports {
        Ports { range, table: Box::new([0; TABLE]) }
    }

    /// Chooses from another range from now on.
    pub(crate) fn set_range(&mut self, range: RangeInclusive<u16>) {
        self.range = range;
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
        // In this order: all of the first parity, then all of the other.
        let half = count.div_ceil(2);
        let hash = keys.port_offset.hash24(&bytes) as u32;
        let start = match purpose {
            Purpose::Listen if count > 1 => half + hash % (count - half),
            _ => hash % half,
        };
        for step in 0..count {
            let place = (start + self.table[index] + step) % count;
            let offset = if place < half { 2 * place } else { 2 * (place - half) + 1 };
            if is_free((low + offset) as u16) {
                self.table[index] = (self.table[index] + step + 1) % count;
                return Some((low + offset) as u16);
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
        Ports::new(range)
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
    fn many_that_are_taken_are_passed_once() {
        let mut ports = ports(32_768..=60_999);
        let mut taken = alloc::collections::BTreeSet::new();
        let mut asked = 0;
        for _ in 0..28_232 {
            let port = choose(&mut ports, Purpose::Connect, |p| {
                asked += 1;
                !taken.contains(&p)
            });
            assert!(taken.insert(port.unwrap()));
        }
        assert_eq!(asked, 28_232);
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
        assert_eq!(asked, 28_232);
    }
}
