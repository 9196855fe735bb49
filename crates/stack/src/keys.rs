//! Keys that no peer may know, each derived from the one secret that the caller drew, and the keyed hash behind them.

use crate::demux::HASH_KEYS;
use crate::{FastOpenKey, Secrets};
use core::hash::Hasher;
use siphasher::sip::{SipHasher13, SipHasher24};

/// A key for one purpose.
#[derive(Clone, Copy)]
pub(crate) struct Key(u64, u64);

/// One key for each purpose, so that what one of them lets out says nothing about another.
#[derive(Clone)]
pub(crate) struct Keys {
    /// The hashes of connections and of neighbours.
    pub(crate) demux: Key,
    /// Initial sequence numbers (RFC 6528).
    pub(crate) isn: Key,
    /// Offsets of timestamps (RFC 7323 §5.4).
    pub(crate) timestamps: Key,
    /// Ephemeral ports: the offset, and the place in the table (RFC 6056 §3.3.4).
    pub(crate) port_offset: Key,
    /// See `port_offset`.
    pub(crate) port_table: Key,
    /// SYN cookies.
    pub(crate) cookie: Key,
    /// IPv6 flow labels and the first IPv4 identification of a flow.
    pub(crate) flow_label: Key,
    /// Fast Open's cookies, where nobody sets a key.
    fast_open: Key,
    /// Which bucket of the ICMP rate limit a destination has.
    pub(crate) icmp: Key,
    /// Which shard a connection belongs to.
    pub(crate) steering: Key,
}

impl Key {
    fn derive(secrets: &Secrets, purpose: u8) -> Key {
        let half = |n: u8| {
            let (key, rest) = secrets.seed.split_at(16);
            let mut word = [0; 8];
            word.copy_from_slice(&key[..8]);
            let k0 = u64::from_le_bytes(word);
            word.copy_from_slice(&key[8..]);
            let mut hasher = SipHasher24::new_with_keys(k0, u64::from_le_bytes(word));
            hasher.write(rest);
            hasher.write(&[purpose, n]);
            hasher.finish()
        };
        Key(half(0), half(1))
    }

    /// SipHash-1-3: for tables, where an attacker sees no output.
    #[inline]
    pub(crate) fn hash13(self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0, self.1).hash(bytes)
    }

    /// SipHash-2-4: for what goes out on the wire.
    #[inline]
    pub(crate) fn hash24(self, bytes: &[u8]) -> u64 {
        SipHasher24::new_with_keys(self.0, self.1).hash(bytes)
    }
}

/// SipHash-2-4 with a key of bytes.
pub(crate) fn siphash24(key: &[u8; 16], bytes: &[u8]) -> u64 {
    SipHasher24::new_with_key(key).hash(bytes)
}

impl Keys {
    pub(crate) fn new(secrets: &Secrets) -> Keys {
        let key = |purpose| Key::derive(secrets, purpose);
        Keys {
            demux: key(0),
            isn: key(1),
            timestamps: key(2),
            port_offset: key(3),
            port_table: key(4),
            cookie: key(5),
            flow_label: key(6),
            icmp: key(7),
            fast_open: key(8),
            steering: key(9),
        }
    }

    /// The numbers of the demux table's hash.
    pub(crate) fn demux_hash(&self) -> [u64; HASH_KEYS] {
        core::array::from_fn(|n| self.demux.hash24(&[n as u8]))
    }

    /// The key of Fast Open's cookies, where nobody sets one.
    pub(crate) fn fast_open_key(&self) -> FastOpenKey {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.fast_open.0.to_le_bytes());
        key[8..].copy_from_slice(&self.fast_open.1.to_le_bytes());
        FastOpenKey(key)
    }
}
