//! The table against a map.

use super::*;
use alloc::collections::BTreeMap;
use limpid_wire::IpAddr;

fn key(n: u32) -> FlowKey {
    let local = Endpoint::new(IpAddr::v4([10, 0, 0, 1]), 80);
    FlowKey::new(local, Endpoint::new(IpAddr::v4((n >> 14).to_be_bytes()), (n & 0x3fff) as u16), IfaceId(1))
}

fn secrets(seed: u64) -> [u64; HASH_KEYS] {
    core::array::from_fn(|n| (seed + n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23))
}

fn find(table: &FlowTable, n: u32) -> Option<Handle> {
    table.find(&key(n), |handle| match handle {
        Handle::Flow(index) | Handle::Embryo(index) | Handle::Held(index) | Handle::TimeWait(index) => index == n,
    })
}

#[test]
fn what_is_put_in_is_found_until_it_is_taken_out() {
    let mut table = FlowTable::new(secrets(1));
    let mut model = BTreeMap::new();
    let mut random = 1u64;
    for _ in 0..60_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let n = (random >> 40) as u32 % 8192;
        match model.get(&n).copied() {
            None => {
                table.insert(&key(n), Handle::Flow(n));
                model.insert(n, Handle::Flow(n));
            }
            Some(Handle::Flow(_)) if random & 1 << 20 != 0 => {
                table.replace(&key(n), Handle::Flow(n), Handle::TimeWait(n));
                model.insert(n, Handle::TimeWait(n));
            }
            Some(handle) => {
                table.remove(&key(n), handle);
                model.remove(&n);
            }
        }
        assert_eq!(find(&table, n), model.get(&n).copied());
    }
    assert!(model.len() > 1000);
    assert!((0..8192).all(|n| find(&table, n) == model.get(&n).copied()));
    assert_eq!(table.segments.iter().map(|segment| segment.used).sum::<usize>(), model.len());
}

#[test]
fn only_the_one_that_is_named_is_taken_out() {
    let mut table = FlowTable::new(secrets(2));
    table.insert(&key(5), Handle::Flow(5));
    table.remove(&key(5), Handle::TimeWait(5));
    assert_eq!(find(&table, 5), Some(Handle::Flow(5)));
}

#[test]
fn no_insertion_moves_more_than_a_segment() {
    let mut table = FlowTable::new(secrets(3));
    for n in 0..300_000 {
        table.insert(&key(n), Handle::Flow(n));
    }
    assert!(table.most_moved <= SLOTS, "{}", table.most_moved);
    // Eight bytes an entry, and room for twice as many.
    assert!(table.segments.len() * SLOTS < 3 * 300_000, "{}", table.segments.len());
    assert!((0..300_000).step_by(997).all(|n| find(&table, n) == Some(Handle::Flow(n))));
}

/// A hash that tells nothing makes it slow and not wrong.
#[test]
fn equal_hashes_are_borne() {
    let mut table = FlowTable::new([0; HASH_KEYS]);
    for n in 0..1000 {
        table.insert(&key(n), Handle::Flow(n));
    }
    assert!((0..1000).all(|n| find(&table, n) == Some(Handle::Flow(n))));
    (0..1000).for_each(|n| table.remove(&key(n), Handle::Flow(n)));
    assert!((0..1000).all(|n| find(&table, n).is_none()));
}
