//! Keys: TCP-MD5's (RFC 2385 §4.5) and TCP-AO's master key tuples (RFC 5925 §3.1).

use super::check::Held;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use limpid_wire::{Cidr, IpAddr};

/// The longest key, bytes (Linux's TCP_MD5SIG_MAXKEYLEN and TCP_AO_MAXKEYLEN).
pub const MAX_KEY_LEN: usize = 80;

/// The most MD5 keys of a socket; Linux bounds them by memory.
pub const MAX_MD5_KEYS: usize = 4096;

/// The most master keys of a socket.
pub const MAX_AO_KEYS: usize = 4096;

/// A key: shown by nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Of these bytes; `None` if there are too many, or none.
    pub fn new(bytes: &[u8]) -> Option<Secret> {
        (1..=MAX_KEY_LEN).contains(&bytes.len()).then(|| Secret(bytes.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a key was not taken, or not taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no such socket (EBADF).
    #[error("no such socket")]
    NoSuchSocket,
    /// The peer has a key of the other kind (EKEYREJECTED).
    #[error("the peer has a key of the other kind")]
    Rejected,
    /// SendID or RecvID are in use (EEXIST).
    #[error("the key's numbers are in use")]
    Exists,
    /// There is no such key, or no connection (ENOENT).
    #[error("no such key")]
    NotFound,
    /// A connection uses it (EBUSY).
    #[error("the key is in use")]
    Busy,
    /// It makes no sense (EINVAL).
    #[error("the key makes no sense here")]
    Invalid,
    /// A bound is reached (ENOBUFS).
    #[error("there are too many keys")]
    TooMany,
}

/// How TCP-AO makes MACs and traffic keys (RFC 5926 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum AoAlgorithm {
    /// HMAC-SHA-1-96.
    HmacSha1,
    /// AES-128-CMAC-96.
    CmacAes128,
    /// HMAC-SHA-256, as Linux takes it, too.
    HmacSha256,
}

impl AoAlgorithm {
    /// Linux's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            AoAlgorithm::HmacSha1 => "hmac(sha1)",
            AoAlgorithm::CmacAes128 => "cmac(aes128)",
            AoAlgorithm::HmacSha256 => "hmac(sha256)",
        }
    }

    /// The one with this name; `cmac(aes)` is AES-128's.
    pub fn named(name: &str) -> Option<AoAlgorithm> {
        Some(match name {
            "hmac(sha1)" => AoAlgorithm::HmacSha1,
            "cmac(aes128)" | "cmac(aes)" => AoAlgorithm::CmacAes128,
            "hmac(sha256)" => AoAlgorithm::HmacSha256,
            _ => return None,
        })
    }
}

/// A master key tuple (RFC 5925 §3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AoKey {
    /// Which peers it is for.
    pub peer: Cidr,
    /// SendID: what our segments say.
    pub send_id: u8,
    /// RecvID: what the peer's segments say.
    pub recv_id: u8,
    /// How MACs are made.
    pub algorithm: AoAlgorithm,
    /// The length of a MAC, bytes: 1 to 16, 12 by the RFC.
    pub mac_len: u8,
    /// Options other than TCP-AO's own are not covered.
    pub exclude_options: bool,
    /// The master key.
    pub secret: Secret,
}

/// The current state of a socket's keys (RFC 5925 §5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AoKeyState {
    /// SendID of the key that we sign with now.
    pub current: Option<u8>,
    /// RecvID of the key that we would like the peer to sign with.
    pub next: Option<u8>,
    /// Segments with a good MAC,
    pub good: u64,
    /// with a bad one,
    pub bad: u64,
    /// that named a key we do not have,
    pub key_not_found: u64,
    /// and without one where there had to be one.
    pub required: u64,
}

/// A socket's keys.
#[derive(Clone, Default, Debug)]
pub(crate) struct KeyRing {
    pub(crate) md5: Vec<(Cidr, Secret)>,
    pub(crate) ao: Vec<AoKey>,
    /// Nobody is heard whom there is no TCP-AO key for.
    pub(crate) ao_required: bool,
    pub(super) held: Held,
}

impl KeyRing {
    pub(super) fn new(held: Held) -> KeyRing {
        KeyRing { held, ..KeyRing::default() }
    }

    /// It is as if there were none.
    pub(crate) fn is_empty(&self) -> bool {
        self.md5.is_empty() && self.ao.is_empty() && !self.ao_required
    }

    /// The MD5 key for a peer: that of the longest prefix.
    pub(crate) fn md5_for(&self, peer: IpAddr) -> Option<&Secret> {
        let fits = self.md5.iter().filter(|(prefix, _)| prefix.contains(peer));
        fits.max_by_key(|(prefix, _)| prefix.prefix).map(|(_, secret)| secret)
    }

    /// Those of a connection with this peer.
    pub(crate) fn for_peer(&self, peer: IpAddr) -> KeyRing {
        let md5 = self.md5_for(peer).map(|secret| (Cidr { addr: peer, prefix: peer.bits() }, secret.clone()));
        let ao = self.ao_for(peer).cloned().collect();
        let held = self.held.clone();
        KeyRing { md5: md5.into_iter().collect(), ao, ao_required: self.ao_required, held }
    }

    /// The master keys for a peer.
    pub(crate) fn ao_for(&self, peer: IpAddr) -> impl Iterator<Item = &AoKey> {
        self.ao.iter().filter(move |key| key.peer.contains(peer))
    }

    pub(crate) fn set_md5(&mut self, peer: Cidr, secret: Secret) -> Result<(), KeyError> {
        let peer = peer.network();
        // A peer is authenticated by one or the other (RFC 5925 §6).
        if self.ao_required || self.ao.iter().any(|key| overlap(key.peer, peer)) {
            return Err(KeyError::Rejected);
        }
        let full = self.md5.len() >= MAX_MD5_KEYS;
        match self.md5.iter_mut().find(|(prefix, _)| *prefix == peer) {
            Some((_, known)) => *known = secret,
            None if full => return Err(KeyError::TooMany),
            None => self.md5.push((peer, secret)),
        }
        Ok(())
    }

    /// True if there was one.
    pub(crate) fn remove_md5(&mut self, peer: Cidr) -> bool {
        let before = self.md5.len();
        self.md5.retain(|(prefix, _)| *prefix != peer.network());
        self.md5.len() < before
    }

    pub(crate) fn require_ao(&mut self, required: bool) -> Result<(), KeyError> {
        if required && !self.md5.is_empty() {
            return Err(KeyError::Rejected);
        }
        self.ao_required = required;
        Ok(())
    }

    pub(crate) fn add_ao(&mut self, key: AoKey) -> Result<(), KeyError> {
        let key = AoKey { peer: key.peer.network(), ..key };
        if !(1..=16).contains(&key.mac_len) {
            return Err(KeyError::Invalid);
        }
        if self.md5.iter().any(|(prefix, _)| overlap(*prefix, key.peer)) {
            return Err(KeyError::Rejected);
        }
        // Neither number may name two keys of one peer (RFC 5925 §3.1).
        let clash = |known: &AoKey| {
            overlap(known.peer, key.peer) && (known.send_id == key.send_id || known.recv_id == key.recv_id)
        };
        if self.ao.iter().any(clash) {
            return Err(KeyError::Exists);
        }
        if self.ao.len() >= MAX_AO_KEYS {
            return Err(KeyError::TooMany);
        }
        self.ao.push(key);
        Ok(())
    }

    /// True if there was one.
    pub(crate) fn remove_ao(&mut self, peer: Cidr, send_id: u8, recv_id: u8) -> bool {
        let before = self.ao.len();
        let gone = |k: &AoKey| k.peer == peer.network() && k.send_id == send_id && k.recv_id == recv_id;
        self.ao.retain(|key| !gone(key));
        self.ao.len() < before
    }
}

/// Whether an address can be in both.
fn overlap(a: Cidr, b: Cidr) -> bool {
    a.addr.is_v4() == b.addr.is_v4() && (a.contains(b.addr) || b.contains(a.addr))
}
