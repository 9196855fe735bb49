//! The 4-tuple and the table that it is looked up in.

use crate::IfaceId;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use limpid_wire::Endpoint;

/// Names a connection on the wire: both ends, and the interface where an address is link-local.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FlowKey {
    /// Our end.
    pub(crate) local: Endpoint,
    /// The other end.
    pub(crate) remote: Endpoint,
    /// The interface plus one if either address means something on one link only, else 0.
    scope: u16,
}

impl FlowKey {
    /// The key of a connection over `iface`.
    pub(crate) fn new(local: Endpoint, remote: Endpoint, iface: IfaceId) -> FlowKey {
        // IPv4's 169.254/16 is left out: Linux does not scope it either.
        let scoped = |e: Endpoint| !e.addr.is_v4() && e.addr.is_link_local();
        let scope = if scoped(local) || scoped(remote) { iface.0 + 1 } else { 0 };
        FlowKey { local, remote, scope }
    }

    /// The interface, if the addresses mean something there only.
    pub(crate) fn scope(&self) -> Option<IfaceId> {
        self.scope.checked_sub(1).map(IfaceId)
    }

    /// All of it as bytes, for hashing.
    #[inline]
    pub(crate) fn bytes(&self) -> [u8; 38] {
        let mut b = [0; 38];
        b[..16].copy_from_slice(&self.local.addr.octets());
        b[16..32].copy_from_slice(&self.remote.addr.octets());
        b[32..34].copy_from_slice(&self.local.port.to_be_bytes());
        b[34..36].copy_from_slice(&self.remote.port.to_be_bytes());
        b[36..].copy_from_slice(&self.scope.to_be_bytes());
        b
    }
}

/// Where a connection's phase lives: a place in one of the stack's slabs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handle {
    /// SYN-SENT, or a connection.
    Flow(u32),
    /// SYN-RECEIVED without a socket.
    Embryo(u32),
    /// A SYN that waits for the application's answer.
    Held(u32),
    /// TIME-WAIT, or an orphan's FIN-WAIT-2.
    TimeWait(u32),
}

impl Handle {
    /// In 32 bits: 2 of the kind, 30 of the place. A thousand million connections would not fit in memory.
    fn packed(self) -> u32 {
        let (kind, index) = match self {
            Handle::Flow(index) => (0, index),
            Handle::Embryo(index) => (1, index),
            Handle::Held(index) => (2, index),
            Handle::TimeWait(index) => (3, index),
        };
        debug_assert!(index < INDEX_MASK, "more places than the table can name");
        kind << INDEX_BITS | index & INDEX_MASK
    }

    fn unpacked(packed: u32) -> Handle {
        let index = packed & INDEX_MASK;
        match packed >> INDEX_BITS {
            0 => Handle::Flow(index),
            1 => Handle::Embryo(index),
            2 => Handle::Held(index),
            _ => Handle::TimeWait(index),
        }
    }
}

const INDEX_BITS: u32 = 30;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// Slots of a new segment.
const SLOTS: usize = 256;
/// Segments are told apart by so many bits of the hash at the most; from there on they grow instead.
const MAX_DEPTH: u32 = 20;
/// A slot without an entry: what no handle is packed to.
const EMPTY: u64 = u64::MAX;

/// Every connection by the hash of its 4-tuple: extendible hashing (Fagin and others, 1979). Segments of a fixed size are found by
/// the first bits of the hash; one that is full is split in two, so that no entry added ever moves more than its own
/// segment's. An entry has the hash and the handle, eight bytes; the 4-tuple itself is looked at where the handle leads.
pub(crate) struct FlowTable {
    /// The segment for each value of the hash's first `depth` bits.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
    hasher: FlowHasher,
    /// 4-tuples looked at, for the tests: work, not time.
    #[cfg(test)]
    pub(crate) probes: core::cell::Cell<u64>,
    /// The most entries that one insertion moved.
    #[cfg(test)]
    most_moved: usize,
}

/// Entries whose hashes begin with the same bits, by open addressing: each at its place by the last bits, or as soon behind as it fits.
struct Segment {
    /// How many bits they have in common.
    depth: u32,
    used: usize,
    /// The hash above the handle.
    slots: Box<[u64]>,
}

impl FlowTable {
    pub(crate) fn new(keys: [u64; HASH_KEYS]) -> FlowTable {
        FlowTable {
            directory: vec![0],
            depth: 0,
            segments: vec![Segment::new(0, SLOTS)],
            hasher: FlowHasher(keys),
            #[cfg(test)]
            probes: core::cell::Cell::new(0),
            #[cfg(test)]
            most_moved: 0,
        }
    }

    /// Looks a connection up; `is_it` says whether a handle's 4-tuple is the one.
    #[inline]
    pub(crate) fn find(&self, key: &FlowKey, is_it: impl Fn(Handle) -> bool) -> Option<Handle> {
        let hash = self.hasher.hash(key);
        let slots = &self.segments[self.segment(hash)].slots;
        let mut at = hash as usize & (slots.len() - 1);
        while slots[at] != EMPTY {
            if (slots[at] >> 32) as u32 == hash {
                #[cfg(test)]
                self.probes.set(self.probes.get() + 1);
                let handle = Handle::unpacked(slots[at] as u32);
                if is_it(handle) {
                    return Some(handle);
                }
            }
            at = (at + 1) & (slots.len() - 1);
        }
        None
    }

    /// Enters a connection that is not there yet.
    pub(crate) fn insert(&mut self, key: &FlowKey, handle: Handle) {
        let hash = self.hasher.hash(key);
        while self.segments[self.segment(hash)].is_full() {
            let index = self.segment(hash);
            #[cfg(test)]
            {
                self.most_moved = self.most_moved.max(self.segments[index].used);
            }
            if self.segments[index].depth < MAX_DEPTH {
                self.split(index, hash);
            } else {
                self.segments[index].grow();
            }
        }
        let index = self.segment(hash);
        self.segments[index].insert(entry(hash, handle));
    }

    /// The connection at `from` goes on at `to`.
    pub(crate) fn replace(&mut self, key: &FlowKey, from: Handle, to: Handle) {
        let hash = self.hasher.hash(key);
        let index = self.segment(hash);
        if let Some(at) = self.segments[index].position(entry(hash, from)) {
            self.segments[index].slots[at] = entry(hash, to);
        }
    }

    /// Takes a connection out, if it is still the one that `handle` names.
    pub(crate) fn remove(&mut self, key: &FlowKey, handle: Handle) {
        let hash = self.hasher.hash(key);
        let index = self.segment(hash);
        if let Some(at) = self.segments[index].position(entry(hash, handle)) {
            self.segments[index].remove(at);
        }
    }

    #[inline]
    fn segment(&self, hash: u32) -> usize {
        self.directory[(u64::from(hash) << self.depth >> 32) as usize] as usize
    }

    /// Splits the segment that `hash` belongs to by one bit more.
    fn split(&mut self, index: usize, hash: u32) {
        if self.segments[index].depth == self.depth {
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.depth += 1;
        }
        let depth = self.segments[index].depth + 1;
        let new = self.segments.len() as u32;
        let whole = core::mem::replace(&mut self.segments[index], Segment::new(depth, SLOTS));
        self.segments.push(Segment::new(depth, SLOTS));
        // The directory's entries for it are side by side; the second half of them is the new one's.
        let half = 1 << (self.depth - depth);
        let first = (u64::from(hash) << (depth - 1) >> 32) as usize * 2 * half;
        self.directory[first + half..first + 2 * half].fill(new);
        for &entry in whole.slots.iter().filter(|&&entry| entry != EMPTY) {
            let segment = self.segment((entry >> 32) as u32);
            self.segments[segment].insert(entry);
        }
    }
}

fn entry(hash: u32, handle: Handle) -> u64 {
    u64::from(hash) << 32 | u64::from(handle.packed())
}

impl Segment {
    fn new(depth: u32, slots: usize) -> Segment {
        Segment { depth, used: 0, slots: vec![EMPTY; slots].into_boxed_slice() }
    }

    fn is_full(&self) -> bool {
        self.used >= self.slots.len() / 8 * 7
    }

    fn home(&self, entry: u64) -> usize {
        (entry >> 32) as usize & (self.slots.len() - 1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    fn insert(&mut self, entry: u64) {
        let mut at = self.home(entry);
        while self.slots[at] != EMPTY {
            at = self.next(at);
        }
        self.slots[at] = entry;
        self.used += 1;
    }

    fn position(&self, entry: u64) -> Option<usize> {
        let mut at = self.home(entry);
        while self.slots[at] != EMPTY {
            if self.slots[at] == entry {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    /// Takes an entry out. What stands behind it for want of room moves up.
    fn remove(&mut self, mut hole: usize) {
        let mask = self.slots.len() - 1;
        let mut at = self.next(hole);
        while self.slots[at] != EMPTY {
            let from_home = at.wrapping_sub(self.home(self.slots[at])) & mask;
            if from_home >= at.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[at];
                hole = at;
            }
            at = self.next(at);
        }
        self.slots[hole] = EMPTY;
        self.used -= 1;
    }

    fn grow(&mut self) {
        let whole = core::mem::replace(self, Segment::new(self.depth, 2 * self.slots.len()));
        whole.slots.iter().filter(|&&entry| entry != EMPTY).for_each(|&entry| self.insert(entry));
    }
}

/// Numbers that a [`FlowHasher`] is made with.
pub(crate) const HASH_KEYS: usize = 15;

/// The hash of a 4-tuple: a sum of its 32-bit words, each times a secret number, of which the upper half counts (multilinear
/// hashing: Dietzfelbinger 1996, Lemire and Kaser 2014). Two different 4-tuples have the same hash with a probability of 2⁻³²
/// over the numbers drawn, whatever the 4-tuples: who does not know the numbers can't choose any that collide.
struct FlowHasher([u64; HASH_KEYS]);

impl FlowHasher {
    #[inline]
    fn hash(&self, key: &FlowKey) -> u32 {
        let FlowKey { local, remote, scope } = key;
        let ports = u32::from(local.port) << 16 | u32::from(remote.port);
        let times = |n: usize, word: u32| self.0[n].wrapping_mul(word.into());
        let sum = match (local.addr.as_v4(), remote.addr.as_v4()) {
            // IPv4's have no scope.
            (Some(ours), Some(theirs)) => self.0[0]
                .wrapping_add(times(1, u32::from_be_bytes(ours)))
                .wrapping_add(times(2, u32::from_be_bytes(theirs)))
                .wrapping_add(times(3, ports)),
            _ => {
                let mut sum = self.0[4].wrapping_add(times(5, ports)).wrapping_add(times(6, u32::from(*scope)));
                let octets = local.addr.octets().into_iter().chain(remote.addr.octets());
                let mut word = 0u32;
                for (n, octet) in octets.enumerate() {
                    word = word << 8 | u32::from(octet);
                    if n % 4 == 3 {
                        sum = sum.wrapping_add(times(7 + n / 4, word));
                    }
                }
                sum
            }
        };
        // One to one, so that last bits are as good as first ones.
        ((sum >> 32) as u32).wrapping_mul(0x9e37_79b1)
    }
}

#[cfg(test)]
mod tests;
