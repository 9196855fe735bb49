//! Which numbers a connection's are printed relative to, and the bounded table of the connections seen.

use limpid_wire::Endpoint;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// The most connections that the numbers printed are relative to; those longest silent are forgotten.
pub const MAX_CONVERSATIONS: usize = 1 << 20;

/// The connections seen, and what their numbers are relative to: two tables, so that forgetting costs nothing. What is
/// used moves into the young one; when that is full, it becomes the old one, and the old one goes.
#[derive(Debug)]
pub(super) struct Conversations {
    young: Table,
    old: Table,
    /// [`MAX_CONVERSATIONS`]; less in tests.
    pub(super) most: usize,
}

type Table = HashMap<Pair, Bases, Seeded>;

impl Default for Conversations {
    fn default() -> Conversations {
        let seeded = Seeded(RandomState::new().hash_one(0));
        let table = || HashMap::with_hasher(seeded.clone());
        Conversations { young: table(), old: table(), most: MAX_CONVERSATIONS }
    }
}

/// What is subtracted from the numbers of a connection: `low` from those that the lower endpoint sends, `high` from
/// those it acknowledges.
#[derive(Clone, Copy, Debug)]
struct Bases {
    low: u32,
    high: u32,
}

/// What to subtract from a segment's numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Relative {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) sack: u32,
}

impl Conversations {
    /// The rule: the first segment with ACK of a connection, and each SYN with ACK, sets the bases and is itself printed
    /// absolute but for its SACK blocks; later segments with ACK are relative to them.
    pub(super) fn relative(&mut self, from: Endpoint, to: Endpoint, seq: u32, ack: u32, syn: bool) -> Relative {
        let is_low = (from.port, from.addr) <= (to.port, to.addr);
        let pair = if is_low { Pair(from, to) } else { Pair(to, from) };
        match self.find(&pair) {
            Some(bases) if !syn => {
                let (seq, ack) = if is_low { (bases.low, bases.high) } else { (bases.high, bases.low) };
                Relative { seq, ack, sack: ack }
            }
            _ => {
                let acked = ack.wrapping_sub(1);
                let (low, high) = if is_low { (seq, acked) } else { (acked, seq) };
                self.insert(pair, Bases { low, high });
                Relative { sack: acked, ..Relative::default() }
            }
        }
    }

    fn find(&mut self, pair: &Pair) -> Option<Bases> {
        if let Some(bases) = self.young.get(pair) {
            return Some(*bases);
        }
        let (pair, bases) = self.old.remove_entry(pair)?;
        self.insert(pair, bases);
        Some(bases)
    }

    fn insert(&mut self, pair: Pair, bases: Bases) {
        if self.young.len() >= (self.most / 2).max(1) {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(pair, bases);
    }
}

/// Both ends, the lower first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pair(Endpoint, Endpoint);

impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [self.0, self.1] {
            let octets = end.addr.octets();
            let [high, low] = [0, 8].map(|at| octets[at..].first_chunk().copied().unwrap_or_default());
            state.write_u64(u64::from_le_bytes(high));
            state.write_u64(u64::from_le_bytes(low));
        }
        state.write_u32(u32::from(self.0.port) << 16 | u32::from(self.1.port));
    }
}

/// Multiplies and folds, from a seed of its own: quick, and no capture can be made to collide.
#[derive(Clone, Debug)]
struct Seeded(u64);

struct Folding(u64);

impl BuildHasher for Seeded {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }

    #[inline]
    fn write_u64(&mut self, n: u64) {
        let product = u128::from(self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
