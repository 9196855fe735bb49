//! What an option is, and which there are.
//!
//! Three levels, three rules for lengths. SOL_SOCKET and IPPROTO_TCP want four bytes at least to set an `int`, and cut what
//! they tell to the room there is. IPPROTO_IP also takes one byte, and none as 0, and tells one byte where there is no
//! room for four. IPPROTO_IPV6 is as strict as the first two, but each option for itself.

use super::subject::Subject;
use super::{auth, ip, ipv6, socket, tcp};
use crate::{Errno, abi};
use alloc::vec::Vec;

/// Who an option belongs to.
pub(super) type Of<'a> = &'a mut dyn Subject;

/// An option.
pub(super) struct Entry {
    pub(super) name: i32,
    pub(super) get: Get,
    pub(super) set: Set,
}

/// How an option is read.
pub(super) enum Get {
    /// It is an `int`.
    Int(fn(Of<'_>) -> i32),
    /// The same, where it can be told at all.
    Try(fn(Of<'_>) -> Result<i32, Errno>),
    /// It is a structure or a string, which is cut to the room there is.
    Bytes(fn(Of<'_>) -> Result<Vec<u8>, Errno>),
    /// The same, but its length depends on the room there is.
    Sized(fn(Of<'_>, usize) -> Result<Vec<u8>, Errno>),
    /// It can't be read.
    No(Errno),
}

/// How an option is set.
pub(super) enum Set {
    /// To any `int`: on for all but 0.
    Bool(fn(Of<'_>, bool) -> Result<(), Errno>),
    /// To an `int`.
    Int(fn(Of<'_>, i32) -> Result<(), Errno>),
    /// To a structure or string.
    Bytes(fn(Of<'_>, &[u8]) -> Result<(), Errno>),
    /// It can't be set.
    No(Errno),
}

/// An option that is not there to be set.
pub(super) const UNSETTABLE: Set = Set::No(Errno::ENOPROTOOPT);

/// An option that is not built: it tells `default`, and can't be set to anything else.
macro_rules! unbuilt {
    ($name:expr, $default:expr) => {
        Entry {
            name: $name,
            get: Get::Int(|_| $default),
            set: Set::Int(|_, value| if value == $default { Ok(()) } else { Err(Errno::ENOPROTOOPT) }),
        }
    };
}
pub(super) use unbuilt;

/// An option that is a flag of [`Options`](super::Options), kept for whoever asks.
macro_rules! flag {
    ($name:expr, $flag:expr) => {
        Entry {
            name: $name,
            get: Get::Int(|of| of.flag($flag).into()),
            set: Set::Bool(|of, on| {
                of.set_flag($flag, on);
                Ok(())
            }),
        }
    };
}
pub(super) use flag;

/// getsockopt
pub(super) fn get(of: Of<'_>, level: i32, name: i32, len: usize) -> Result<Vec<u8>, Errno> {
    let entry = match level {
        abi::SOL_SOCKET => find(socket::TABLE, name).ok_or(Errno::ENOPROTOOPT),
        abi::IPPROTO_TCP => find(tcp::TABLE, name).or_else(|| find(auth::TABLE, name)).ok_or(Errno::ENOPROTOOPT),
        abi::IPPROTO_IP => find(ip::TABLE, name).ok_or(Errno::ENOPROTOOPT),
        abi::IPPROTO_IPV6 if of.is_v6() => find(ipv6::TABLE, name).ok_or(Errno::ENOPROTOOPT),
        _ => Err(Errno::EOPNOTSUPP),
    }?;
    let mut value = match entry.get {
        Get::Int(get) => int_value(level, get(of), len),
        Get::Try(get) => int_value(level, get(of)?, len),
        Get::Bytes(get) => get(of)?,
        Get::Sized(get) => get(of, len)?,
        Get::No(errno) => return Err(errno),
    };
    value.truncate(len);
    Ok(value)
}

/// IPPROTO_IP tells what fits a byte as a byte, where there is no room for an `int`.
fn int_value(level: i32, value: i32, len: usize) -> Vec<u8> {
    match u8::try_from(value) {
        Ok(byte) if level == abi::IPPROTO_IP && (1..4).contains(&len) => [byte].to_vec(),
        _ => value.to_ne_bytes().to_vec(),
    }
}

/// setsockopt
pub(super) fn set(of: Of<'_>, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    match level {
        abi::SOL_SOCKET => set_strictly(of, socket::TABLE, name, value),
        abi::IPPROTO_TCP if find(auth::TABLE, name).is_some() => set_strictly(of, auth::TABLE, name, value),
        abi::IPPROTO_TCP => set_strictly(of, tcp::TABLE, name, value),
        abi::IPPROTO_IP => {
            let entry = find(ip::TABLE, name).ok_or(Errno::ENOPROTOOPT)?;
            let lenient = match value.first_chunk() {
                Some(bytes) => i32::from_ne_bytes(*bytes),
                None => value.first().copied().unwrap_or(0).into(),
            };
            apply(of, entry, lenient, value)
        }
        abi::IPPROTO_IPV6 if of.is_v6() => {
            let entry = find(ipv6::TABLE, name).ok_or(Errno::ENOPROTOOPT)?;
            // This one alone takes too little for 0.
            let short = value.len() < 4 && name != abi::IPV6_AUTOFLOWLABEL;
            if short && !matches!(entry.set, Set::No(_)) {
                return Err(Errno::EINVAL);
            }
            apply(of, entry, strict_int(value).unwrap_or(0), value)
        }
        _ => Err(Errno::ENOPROTOOPT),
    }
}

/// An option of SOL_SOCKET or IPPROTO_TCP: whatever is not a string has at least four bytes, known or not.
fn set_strictly(of: Of<'_>, table: &'static [Entry], name: i32, value: &[u8]) -> Result<(), Errno> {
    let entry = find(table, name);
    if let Some(Entry { set: Set::Bytes(set), .. }) = entry {
        return set(of, value);
    }
    let int = strict_int(value).ok_or(Errno::EINVAL)?;
    apply(of, entry.ok_or(Errno::ENOPROTOOPT)?, int, value)
}

fn apply(of: Of<'_>, entry: &Entry, int: i32, value: &[u8]) -> Result<(), Errno> {
    match entry.set {
        Set::Bool(set) => set(of, int != 0),
        Set::Int(set) => set(of, int),
        Set::Bytes(set) => set(of, value),
        Set::No(errno) => Err(errno),
    }
}

fn strict_int(value: &[u8]) -> Option<i32> {
    value.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
}

fn find(table: &'static [Entry], name: i32) -> Option<&'static Entry> {
    table.iter().find(|entry| entry.name == name)
}
