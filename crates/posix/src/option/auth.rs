//! TCP_MD5SIG and TCP_AO_*: keys that peers are authenticated with (RFC 2385, RFC 5925; `<linux/tcp.h>`).

use super::table::{Entry, Get, Of, Set};
use crate::{Errno, Sockaddr, abi};
use alloc::vec;
use alloc::vec::Vec;
use limpid_stack::{AoAlgorithm, AoKey, AoKeyState, MAX_KEY_LEN, Secret};
use limpid_wire::{Cidr, IpAddr};

/// `struct tcp_md5sig`: an address, flags, prefix, key length, interface, key.
const MD5SIG_LEN: usize = 128 + 8 + MAX_KEY_LEN;
const MD5SIG_FLAG_PREFIX: u8 = 1;
const MD5SIG_FLAG_IFINDEX: u8 = 2;

/// `struct tcp_ao_add`, `tcp_ao_del`, `tcp_ao_info_opt`, `tcp_ao_getsockopt`.
const AO_ADD_LEN: usize = 288;
const AO_DEL_LEN: usize = 144;
const AO_INFO_LEN: usize = 48;
const AO_GET_LEN: usize = 304;
const AO_SET_CURRENT: u32 = 1;
const AO_SET_RNEXT: u32 = 2;
const AO_REQUIRED: u32 = 4;
const AO_ACCEPT_ICMPS: u32 = 16;
const AO_DEL_ASYNC: u32 = 4;
const AO_KEYF_IFINDEX: u8 = 1;
const AO_KEYF_EXCLUDE_OPT: u8 = 2;

/// A MAC's length where none is named, bytes (RFC 5926 §2.1).
const DEFAULT_MAC_LEN: u8 = 12;

/// The options of this kind.
pub(super) const TABLE: &[Entry] = &[
    Entry {
        name: abi::TCP_MD5SIG,
        get: Get::No(Errno::ENOPROTOOPT),
        set: Set::Bytes(|of, value| set_md5(of, value, false)),
    },
    Entry {
        name: abi::TCP_MD5SIG_EXT,
        get: Get::No(Errno::ENOPROTOOPT),
        set: Set::Bytes(|of, value| set_md5(of, value, true)),
    },
    Entry { name: abi::TCP_AO_ADD_KEY, get: Get::No(Errno::ENOPROTOOPT), set: Set::Bytes(add_ao_key) },
    Entry { name: abi::TCP_AO_DEL_KEY, get: Get::No(Errno::ENOPROTOOPT), set: Set::Bytes(remove_ao_key) },
    Entry { name: abi::TCP_AO_INFO, get: Get::Bytes(ao_info), set: Set::Bytes(set_ao_info) },
    // All keys, as far as there is room; what is secret of them is left out.
    Entry { name: abi::TCP_AO_GET_KEYS, get: Get::Bytes(ao_keys), set: Set::No(Errno::ENOPROTOOPT) },
    // As if it were not permitted.
    Entry { name: abi::TCP_AO_REPAIR, get: Get::No(Errno::EPERM), set: Set::Bytes(|_, _| Err(Errno::EPERM)) },
];

/// The peers that an address and a prefix name, on a socket of this family. Without a prefix it is the address alone.
fn peers(of: &Of<'_>, value: &[u8], prefix: Option<u8>) -> Result<Cidr, Errno> {
    let addr = Sockaddr(value[..28].to_vec());
    let family = if of.is_v6() { abi::AF_INET6 } else { abi::AF_INET };
    if addr.family() != Some(family) {
        return Err(Errno::EINVAL);
    }
    let addr = addr.endpoint().ok_or(Errno::EINVAL)?.addr;
    let prefix = prefix.unwrap_or(addr.bits());
    if prefix > addr.bits() { Err(Errno::EINVAL) } else { Ok(Cidr { addr, prefix }) }
}

fn set_md5(of: Of<'_>, value: &[u8], extended: bool) -> Result<(), Errno> {
    let value = value.get(..MD5SIG_LEN).ok_or(Errno::EINVAL)?;
    let [flags, prefix, low, high] = [value[128], value[129], value[130], value[131]];
    let with_prefix = extended && flags & MD5SIG_FLAG_PREFIX != 0;
    let peer = peers(&of, value, with_prefix.then_some(prefix))?;
    // There are no devices of the third layer to bind keys to.
    if extended && flags & MD5SIG_FLAG_IFINDEX != 0 && value[132..136] != [0; 4] {
        return Err(Errno::EINVAL);
    }
    let len = usize::from(u16::from_ne_bytes([low, high]));
    if len == 0 {
        return of.remove_md5_key(peer);
    }
    let key = value[136..].get(..len).and_then(Secret::new).ok_or(Errno::EINVAL)?;
    of.set_md5_key(peer, key)
}

/// Of TCP-AO's keys the address must not say more than the prefix.
fn ao_peers(of: &Of<'_>, value: &[u8], prefix: u8) -> Result<Cidr, Errno> {
    let peer = peers(of, value, Some(prefix))?;
    if peer.network() == peer { Ok(peer) } else { Err(Errno::EINVAL) }
}

fn word(value: &[u8], at: usize) -> u32 {
    value[at..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn add_ao_key(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let value = value.get(..AO_ADD_LEN).ok_or(Errno::EINVAL)?;
    let (bits, key_flags) = (word(value, 196), value[206]);
    let unknown_bits = bits & !(AO_SET_CURRENT | AO_SET_RNEXT) != 0 || value[200..202] != [0, 0];
    if unknown_bits || key_flags & !(AO_KEYF_IFINDEX | AO_KEYF_EXCLUDE_OPT) != 0 || word(value, 192) != 0 {
        return Err(Errno::EINVAL);
    }
    let peer = ao_peers(&of, value, value[202])?;
    let name = value[128..192].split(|&byte| byte == 0).next().unwrap_or_default();
    let algorithm = core::str::from_utf8(name).ok().and_then(AoAlgorithm::named).ok_or(Errno::ENOENT)?;
    let len = usize::from(value[207]);
    let secret = value[208..].get(..len).and_then(Secret::new).ok_or(Errno::EINVAL)?;
    let mac_len = if value[205] == 0 { DEFAULT_MAC_LEN } else { value[205] };
    // More than that leaves no room for a SYN's options.
    if mac_len > 16 {
        return Err(Errno::EMSGSIZE);
    }
    let (send_id, recv_id) = (value[203], value[204]);
    let exclude_options = key_flags & AO_KEYF_EXCLUDE_OPT != 0;
    of.add_ao_key(AoKey { peer, send_id, recv_id, algorithm, mac_len, exclude_options, secret })?;
    choose(of, bits, send_id, recv_id)
}

/// The two choices, where they are asked for.
fn choose(of: Of<'_>, bits: u32, current: u8, next: u8) -> Result<(), Errno> {
    let current = (bits & AO_SET_CURRENT != 0).then_some(current);
    let next = (bits & AO_SET_RNEXT != 0).then_some(next);
    if current.is_none() && next.is_none() { Ok(()) } else { of.choose_ao_keys(current, next) }
}

fn remove_ao_key(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let value = value.get(..AO_DEL_LEN).ok_or(Errno::EINVAL)?;
    let bits = word(value, 132);
    if value[136..138] != [0, 0] || bits & !(AO_SET_CURRENT | AO_SET_RNEXT | AO_DEL_ASYNC) != 0 {
        return Err(Errno::EINVAL);
    }
    let peer = ao_peers(&of, value, value[138])?;
    choose(&mut *of, bits, value[141], value[142])?;
    of.remove_ao_key(peer, (value[139], value[140]))
}

fn set_ao_info(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let value = value.get(..AO_INFO_LEN).ok_or(Errno::EINVAL)?;
    let bits = word(value, 0);
    // ICMP is not heard.
    if bits & !(AO_SET_CURRENT | AO_SET_RNEXT | AO_REQUIRED) != 0 || value[4..6] != [0, 0] {
        return Err(if bits & AO_ACCEPT_ICMPS != 0 { Errno::ENOPROTOOPT } else { Errno::EINVAL });
    }
    choose(&mut *of, bits, value[6], value[7])?;
    of.require_ao(bits & AO_REQUIRED != 0)
}

fn ao_info(of: Of<'_>) -> Result<Vec<u8>, Errno> {
    let required = of.requires_ao();
    let state = of.ao_state().or(required.then(AoKeyState::default)).ok_or(Errno::ENOENT)?;
    let mut bytes = vec![0; AO_INFO_LEN];
    let flags =
        [(state.current.is_some(), AO_SET_CURRENT), (state.next.is_some(), AO_SET_RNEXT), (required, AO_REQUIRED)];
    let bits: u32 = flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
    bytes[..4].copy_from_slice(&bits.to_ne_bytes());
    (bytes[6], bytes[7]) = (state.current.unwrap_or(0), state.next.unwrap_or(0));
    for (at, count) in [(8, state.good), (16, state.bad), (24, state.key_not_found), (32, state.required)] {
        bytes[at..at + 8].copy_from_slice(&count.to_ne_bytes());
    }
    Ok(bytes)
}

fn ao_keys(of: Of<'_>) -> Result<Vec<u8>, Errno> {
    let keys = of.ao_keys();
    if keys.is_empty() {
        return Err(Errno::ENOENT);
    }
    let state = of.ao_state().unwrap_or_default();
    let mut bytes = Vec::new();
    for key in &keys {
        let mut entry = vec![0; AO_GET_LEN];
        let addr = address(key.peer.addr, of.is_v6());
        entry[..addr.len()].copy_from_slice(&addr);
        let name = key.algorithm.name().as_bytes();
        entry[128..128 + name.len()].copy_from_slice(name);
        entry[272..276].copy_from_slice(&(keys.len() as u32).to_ne_bytes());
        let current = state.current == Some(key.send_id);
        let next = state.next == Some(key.recv_id);
        entry[276] = u8::from(current) | u8::from(next) << 1;
        entry[278..283].copy_from_slice(&[
            key.send_id,
            key.recv_id,
            key.peer.prefix,
            key.mac_len,
            if key.exclude_options { AO_KEYF_EXCLUDE_OPT } else { 0 },
        ]);
        bytes.extend(entry);
    }
    Ok(bytes)
}

fn address(addr: IpAddr, v6: bool) -> Vec<u8> {
    let endpoint = limpid_wire::Endpoint { addr, port: 0 };
    if v6 { Sockaddr::v6(endpoint).0 } else { Sockaddr::of(endpoint).0 }
}
