//! SOL_SOCKET (`man 7 socket`), but for what is about time.

use super::Flags;
use super::socket_time as time;
use super::table::{Entry, Get, Of, Set, UNSETTABLE, flag, unbuilt};
use crate::{Errno, abi};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::TcpState;

/// The smallest buffers that are set (Linux's SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF), bytes.
const MIN_SEND_BUFFER: i32 = 4608;
const MIN_RECV_BUFFER: i32 = 2304;

/// The longest name of an interface, with its NUL (IFNAMSIZ).
const MAX_DEVICE_NAME: usize = 16;

/// The options of this level.
pub(super) const TABLE: &[Entry] = &[
    // Nothing is told about a socket that is debugged, on Linux neither.
    flag!(abi::SO_DEBUG, Flags::DEBUG),
    Entry {
        name: abi::SO_REUSEADDR,
        get: Get::Int(|of| of.reuse_addr().into()),
        set: Set::Bool(|of, on| of.set_reuse_addr(on)),
    },
    // Several listeners on one port, if all of them have it.
    Entry {
        name: abi::SO_REUSEPORT,
        get: Get::Int(|of| of.reuse_port().into()),
        set: Set::Bool(|of, on| of.set_reuse_port(on)),
    },
    Entry { name: abi::SO_TYPE, get: Get::Int(|_| abi::SOCK_STREAM), set: UNSETTABLE },
    // The pending error, which is taken.
    Entry { name: abi::SO_ERROR, get: Get::Int(|of| of.take_error().map_or(0, |errno| errno.0)), set: UNSETTABLE },
    unbuilt!(abi::SO_DONTROUTE, 0),
    // Both mean nothing to TCP.
    flag!(abi::SO_BROADCAST, Flags::BROADCAST),
    flag!(abi::SO_NO_CHECK, Flags::NO_CHECK),
    // The send buffer: twice what is asked for, within `wmem_max`; it no longer grows by itself.
    Entry { name: abi::SO_SNDBUF, get: Get::Int(|of| int(of.send_buffer())), set: Set::Int(set_send_buffer) },
    // The receive buffer likewise, within `rmem_max`.
    Entry {
        name: abi::SO_RCVBUF,
        get: Get::Int(|of| int(of.recv_bounds().buffer as usize)),
        set: Set::Int(set_recv_buffer),
    },
    // Without those bounds.
    Entry {
        name: abi::SO_SNDBUFFORCE,
        get: Get::No(Errno::ENOPROTOOPT),
        set: Set::Int(|of, value| resize_send_buffer(of, value.max(0))),
    },
    Entry {
        name: abi::SO_RCVBUFFORCE,
        get: Get::No(Errno::ENOPROTOOPT),
        set: Set::Int(|of, value| resize_recv_buffer(of, value.max(0))),
    },
    // Asks a silent peer whether it is still there (RFC 9293 §3.8.4).
    Entry {
        name: abi::SO_KEEPALIVE,
        get: Get::Int(|of| of.config().keepalive.is_some().into()),
        set: Set::Bool(|of, on| {
            let figures = of.keepalive();
            of.configure(&mut |config| config.keepalive = on.then_some(figures))
        }),
    },
    // Urgent data stays in line (RFC 6093 §4).
    Entry {
        name: abi::SO_OOBINLINE,
        get: Get::Int(|of| of.options().oob_inline.into()),
        set: Set::Bool(|of, on| {
            of.options().oob_inline = on;
            Ok(())
        }),
    },
    // Told to the device with each frame.
    Entry {
        name: abi::SO_PRIORITY,
        get: Get::Int(|of| of.ip().priority as i32),
        set: Set::Int(|of, value| of.configure_ip(&mut |ip| ip.priority = value as u32)),
    },
    Entry {
        name: abi::SO_MARK,
        get: Get::Int(|of| of.ip().mark as i32),
        set: Set::Int(|of, value| of.configure_ip(&mut |ip| ip.mark = value as u32)),
    },
    // What close does with what is not sent (RFC 9293 §3.6).
    Entry { name: abi::SO_LINGER, get: Get::Bytes(linger), set: Set::Bytes(set_linger) },
    // Credentials are for UNIX sockets.
    Entry { name: abi::SO_PASSCRED, get: Get::No(Errno::EOPNOTSUPP), set: Set::Int(|_, _| Err(Errno::EOPNOTSUPP)) },
    Entry { name: abi::SO_PEERCRED, get: Get::Bytes(|_| Ok(bytes_of_ints(&[0, -1, -1]))), set: UNSETTABLE },
    // So many bytes make a socket readable.
    Entry {
        name: abi::SO_RCVLOWAT,
        get: Get::Int(|of| int(of.options().recv_low_water)),
        set: Set::Int(set_recv_low_water),
    },
    Entry { name: abi::SO_SNDLOWAT, get: Get::Int(|_| 1), set: UNSETTABLE },
    Entry {
        name: abi::SO_RCVTIMEO,
        get: Get::Bytes(|of| Ok(time::timeval(of.options().recv_timeout))),
        set: Set::Bytes(|of, value| {
            of.options().recv_timeout = time::timeout(value)?;
            Ok(())
        }),
    },
    Entry {
        name: abi::SO_SNDTIMEO,
        get: Get::Bytes(|of| Ok(time::timeval(of.options().send_timeout))),
        set: Set::Bytes(|of, value| {
            of.options().send_timeout = time::timeout(value)?;
            Ok(())
        }),
    },
    // Packets go and come by one interface alone.
    Entry { name: abi::SO_BINDTODEVICE, get: Get::Sized(device), set: Set::Bytes(set_device) },
    Entry {
        name: abi::SO_TIMESTAMP,
        get: Get::Int(|of| (of.flag(Flags::TIMESTAMP) && !of.flag(Flags::TIMESTAMP_NS)).into()),
        set: Set::Bool(|of, on| time::set_timestamp(of, on, false)),
    },
    Entry {
        name: abi::SO_TIMESTAMPNS,
        get: Get::Int(|of| of.flag(Flags::TIMESTAMP_NS).into()),
        set: Set::Bool(|of, on| time::set_timestamp(of, on, true)),
    },
    Entry { name: abi::SO_TIMESTAMPING, get: Get::Bytes(time::timestamping), set: Set::Bytes(time::set_timestamping) },
    Entry { name: abi::SO_ACCEPTCONN, get: Get::Int(|of| (of.state() == TcpState::Listen).into()), set: UNSETTABLE },
    Entry { name: abi::SO_PROTOCOL, get: Get::Int(|_| abi::IPPROTO_TCP), set: UNSETTABLE },
    Entry {
        name: abi::SO_DOMAIN,
        get: Get::Int(|of| if of.is_v6() { abi::AF_INET6 } else { abi::AF_INET }),
        set: UNSETTABLE,
    },
    // A stream has no datagrams to lose: nothing comes of it, as on Linux.
    flag!(abi::SO_RXQ_OVFL, Flags::RXQ_OVFL),
    // Where MSG_PEEK begins; it moves on with what was peeked at, and back with what is read.
    Entry {
        name: abi::SO_PEEK_OFF,
        get: Get::Int(|of| of.options().peek_off),
        set: Set::Int(|of, value| {
            of.options().peek_off = value;
            Ok(())
        }),
    },
    unbuilt!(abi::SO_BUSY_POLL, 0),
    // No bound is what there is: segments are not held back to a rate.
    Entry { name: abi::SO_MAX_PACING_RATE, get: Get::Sized(max_pacing_rate), set: Set::Bytes(set_max_pacing_rate) },
    unbuilt!(abi::SO_INCOMING_CPU, -1),
    Entry { name: abi::SO_INCOMING_NAPI_ID, get: Get::Int(|_| 0), set: UNSETTABLE },
    // Linux's SK_MEMINFO: what lies in the buffers, and their sizes.
    Entry { name: abi::SO_MEMINFO, get: Get::Bytes(meminfo), set: UNSETTABLE },
    // A number that no other socket has.
    Entry { name: abi::SO_COOKIE, get: Get::Sized(cookie), set: UNSETTABLE },
    // MSG_ZEROCOPY has a meaning.
    Entry {
        name: abi::SO_ZEROCOPY,
        get: Get::Int(|of| of.flag(Flags::ZEROCOPY).into()),
        set: Set::Int(|of, value| {
            of.set_flag(Flags::ZEROCOPY, zero_or_one(value)?);
            Ok(())
        }),
    },
    Entry {
        name: abi::SO_TXTIME,
        get: Get::Bytes(|_| Ok(bytes_of_ints(&[0, 0]))),
        set: Set::Bytes(|_, value| Err(if value.len() == 8 { Errno::ENOPROTOOPT } else { Errno::EINVAL })),
    },
];

/// Options that take nothing but 0 and 1.
pub(super) fn zero_or_one(value: i32) -> Result<bool, Errno> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::EINVAL),
    }
}

/// A length as an `int`.
pub(super) fn int(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

pub(super) fn bytes_of_ints(ints: &[i32]) -> Vec<u8> {
    ints.iter().flat_map(|int| int.to_ne_bytes()).collect()
}

/// A structure of two `int`s; more bytes are passed over.
fn two_ints(value: &[u8]) -> Option<(i32, i32)> {
    let bytes: &[u8; 8] = value.first_chunk()?;
    let (first, second) = bytes.split_at(4);
    Some((i32::from_ne_bytes(first.try_into().ok()?), i32::from_ne_bytes(second.try_into().ok()?)))
}

/// What is negative counts as very much: Linux compares without sign.
fn set_send_buffer(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let value = (value as u32).min(of.stack_config().send_buffer_limit);
    resize_send_buffer(of, value as i32)
}

fn set_recv_buffer(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let value = (value as u32).min(u32::try_from(of.config().recv_buffer_limit).unwrap_or(u32::MAX));
    resize_recv_buffer(of, value as i32)
}

/// Twice the value, for what frames cost beside their data.
fn doubled(value: i32, least: i32) -> usize {
    value.clamp(0, i32::MAX / 2).saturating_mul(2).max(least) as usize
}

fn resize_send_buffer(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let bytes = doubled(value, MIN_SEND_BUFFER);
    of.configure(&mut |config| (config.send_buffer, config.send_buffer_fixed) = (bytes, true))
}

fn resize_recv_buffer(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let bytes = doubled(value, MIN_RECV_BUFFER);
    of.configure(&mut |config| (config.recv_buffer, config.recv_buffer_fixed) = (bytes, true))
}

/// At most half of what the receive buffer may become.
fn set_recv_low_water(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let config = of.config();
    let most = if config.recv_buffer_fixed { config.recv_buffer } else { config.recv_buffer_max };
    let bytes = usize::try_from(value).unwrap_or(usize::MAX).min(most / 2).max(1);
    of.options().recv_low_water = bytes;
    of.configure(&mut |config| config.recv_lowat = u32::try_from(bytes).unwrap_or(u32::MAX))
}

fn linger(of: Of<'_>) -> Result<Vec<u8>, Errno> {
    let on = of.config().linger.is_some();
    Ok(bytes_of_ints(&[on.into(), of.options().linger_seconds]))
}

fn set_linger(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let (on, seconds) = two_ints(value).ok_or(Errno::EINVAL)?;
    if on != 0 {
        of.options().linger_seconds = seconds;
    }
    // Without sign, as Linux: what is negative is for ever.
    let time = Duration::from_secs(u64::from(seconds as u32));
    of.configure(&mut |config| config.linger = (on != 0).then_some(time))
}

fn device(of: Of<'_>, len: usize) -> Result<Vec<u8>, Errno> {
    let Some(name) = of.device() else { return Ok(Vec::new()) };
    if len < MAX_DEVICE_NAME {
        return Err(Errno::EINVAL);
    }
    Ok(name.into_bytes().into_iter().chain([0]).collect())
}

fn set_device(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let name = &value[..value.len().min(MAX_DEVICE_NAME - 1)];
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = core::str::from_utf8(name).map_err(|_| Errno::ENODEV)?;
    of.bind_to_device((!name.is_empty()).then_some(name))
}

/// In bytes a second: a 64-bit number for who asks for as much, else a 32-bit one. All ones are no bound.
fn max_pacing_rate(of: Of<'_>, len: usize) -> Result<Vec<u8>, Errno> {
    let rate = of.config().max_pacing_rate;
    let short = u32::try_from(rate).unwrap_or(u32::MAX);
    Ok(if len >= 8 { rate.to_ne_bytes().to_vec() } else { short.to_ne_bytes().to_vec() })
}

fn set_max_pacing_rate(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let rate = match (value.first_chunk::<8>(), value.first_chunk::<4>()) {
        (Some(long), _) => u64::from_ne_bytes(*long),
        (None, Some(short)) => match u32::from_ne_bytes(*short) {
            u32::MAX => u64::MAX,
            rate => rate.into(),
        },
        (None, None) => return Err(Errno::EINVAL),
    };
    of.configure(&mut |config| config.max_pacing_rate = rate)
}

/// SK_MEMINFO_RMEM_ALLOC, RCVBUF, WMEM_ALLOC, SNDBUF, FWD_ALLOC, WMEM_QUEUED, OPTMEM, BACKLOG, DROPS. The stack has nothing
/// in reserve for a socket (FWD_ALLOC) and no backlog, and what has left is the device's.
fn meminfo(of: Of<'_>) -> Result<Vec<u8>, Errno> {
    let (bounds, queued) = (of.recv_bounds(), int(of.send_memory()));
    let (used, buffer) = (int(bounds.used as usize), int(bounds.buffer as usize));
    let ints = [used, buffer, 0, int(of.send_buffer()), 0, queued, 0, 0, 0];
    Ok(bytes_of_ints(&ints))
}

fn cookie(of: Of<'_>, len: usize) -> Result<Vec<u8>, Errno> {
    let id = of.id();
    let cookie = (u64::from(id.shard) << 48 | u64::from(id.generation) << 24 | u64::from(id.index)) + 1;
    if len < 8 { Err(Errno::EINVAL) } else { Ok(cookie.to_ne_bytes().to_vec()) }
}
