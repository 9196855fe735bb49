//! Which connection of one capture is which of the other.

use super::side::{Call, Side};
use limpid_wire::{Endpoint, SeqNum};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A connection that both captures hold: its index in each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Pair {
    pub(super) a: usize,
    pub(super) b: usize,
    pub(super) how: How,
}

/// What shows that it is the same connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// Addresses, ports and numbers are the same.
    Same,
    /// Addresses or ports differ, the initial sequence numbers do not: NAT.
    Translated,
    /// The initial sequence numbers differ too; timestamps tell.
    Renumbered,
}

/// The most connections of the second capture that are held against one of the first.
const MAX_TRIED: usize = 256;

/// Connections of the second capture that may be a given one of the first, of those that are free.
type Candidates<'c> = &'c mut dyn FnMut(&Call, &[bool]) -> Vec<usize>;

/// The connections that are in both captures, each once.
pub(super) fn same_connections(a: &Side, b: &Side) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut free: Vec<bool> = vec![true; b.connections.len()];
    let mut by_ends = Index::of(b, |call| Some(sorted(call.ends)));
    let mut by_isn = Index::of(b, |call| call.isn[0]);
    let mut by_clock = Index::of(b, first_clock);
    let tries: [(How, Candidates<'_>); 3] = [
        (How::Same, &mut |call, free| by_ends.free(Some(sorted(call.ends)), free)),
        (How::Translated, &mut |call, free| by_isn.free(call.isn[0], free)),
        (How::Renumbered, &mut |call, free| by_clock.free(first_clock(call), free)),
    ];
    let mut open: Vec<usize> = (0..a.connections.len()).collect();
    for (how, candidates) in tries {
        open.retain(|&at| {
            let call = &a.connections[at];
            let fits = |other: &usize| agree(call, &b.connections[*other], how);
            let Some(other) = candidates(call, &free).into_iter().find(fits) else { return true };
            free[other] = false;
            pairs.push(Pair { a: at, b: other, how });
            false
        });
    }
    pairs.sort_by_key(|pair| pair.a);
    pairs
}

/// Connections by what they may have in common with another.
struct Index<K>(HashMap<K, VecDeque<usize>>);

impl<K: Hash + Eq> Index<K> {
    fn of(side: &Side, key: impl Fn(&Call) -> Option<K>) -> Index<K> {
        let mut map: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (at, call) in side.connections.iter().enumerate() {
            if let Some(key) = key(call) {
                map.entry(key).or_default().push_back(at);
            }
        }
        Index(map)
    }

    /// The first few of this key that are free. Those before them that are not will not be asked about again.
    fn free(&mut self, key: Option<K>, free: &[bool]) -> Vec<usize> {
        let Some(all) = key.and_then(|key| self.0.get_mut(&key)) else { return Vec::new() };
        while all.front().is_some_and(|at| !free[*at]) {
            all.pop_front();
        }
        all.iter().take(MAX_TRIED).copied().filter(|at| free[*at]).collect()
    }
}

fn sorted([x, y]: [Endpoint; 2]) -> [Endpoint; 2] {
    if x <= y { [x, y] } else { [y, x] }
}

/// The client's clock in its SYN: 32 bits that no NAT touches.
fn first_clock(call: &Call) -> Option<u32> {
    let [syn, _] = call.syns();
    syn?.tcp.options.timestamps.map(|stamps| stamps.val)
}

/// True if nothing speaks against the two being one.
fn agree(a: &Call, b: &Call, how: How) -> bool {
    let same = |x: Option<SeqNum>, y: Option<SeqNum>| x.is_none() || y.is_none() || x == y;
    match how {
        How::Same => same(a.isn[0], b.isn[0]) && same(a.isn[1], b.isn[1]) && overlap(a, b),
        How::Translated => same(a.isn[1], b.isn[1]),
        How::Renumbered => lengths(a) == lengths(b),
    }
}

/// True if the numbers of both lie in the same part of the space; for connections whose SYNs are missing in one.
fn overlap(a: &Call, b: &Call) -> bool {
    const FAR: i32 = 1 << 30;
    if a.isn[0].is_some() && b.isn[0].is_some() {
        return true;
    }
    (0..2).all(|end| {
        let of = |call: &Call| call.find(end, |_| true).map(|seen| seen.tcp.seq);
        match (of(a), of(b)) {
            (Some(x), Some(y)) => x.offset_from(y).abs() < FAR,
            _ => true,
        }
    })
}

/// The sizes of the first few pieces of data each way.
fn lengths(call: &Call) -> Vec<u32> {
    (call.packets.iter()).filter(|seen| seen.from == 0 && seen.tcp.len > 0).map(|seen| seen.tcp.len).take(2).collect()
}
