//! IPPROTO_IP (`man 7 ip`). On an AF_INET6 socket it is about its IPv4-mapped connections.

use super::Flags;
use super::table::{Entry, Get, Of, Set, UNSETTABLE, flag, unbuilt};
use crate::{Errno, abi};
use alloc::vec::Vec;
use limpid_stack::{DEFAULT_TTL, PathMtu};

/// The two bits of TOS and traffic class that are TCP's own (RFC 3168).
pub(super) const ECN_MASK: u8 = 3;

/// The options of this level.
pub(super) const TABLE: &[Entry] = &[
    // The TOS byte of what is sent, without the ECN bits; it sets SO_PRIORITY, too.
    Entry { name: abi::IP_TOS, get: Get::Int(|of| of.ip().v4.class.into()), set: Set::Int(set_tos) },
    // The TTL of what is sent; -1 is the default.
    Entry { name: abi::IP_TTL, get: Get::Int(|of| of.ip().v4.ttl.into()), set: Set::Bytes(set_ttl) },
    // Only for raw sockets.
    Entry { name: abi::IP_HDRINCL, get: Get::Int(|_| 0), set: UNSETTABLE },
    // Options in the header of what is sent are not built; there are none.
    Entry { name: abi::IP_OPTIONS, get: Get::Bytes(|_| Ok(Vec::new())), set: Set::Bytes(set_options) },
    // The four that follow ask for control messages, which Linux never gives to a TCP socket.
    flag!(abi::IP_RECVOPTS, Flags::RECV_OPTS),
    flag!(abi::IP_PKTINFO, Flags::PKT_INFO),
    flag!(abi::IP_RECVTTL, Flags::RECV_TTL),
    flag!(abi::IP_RECVTOS, Flags::RECV_TOS),
    // What is done about the path MTU.
    Entry {
        name: abi::IP_MTU_DISCOVER,
        get: Get::Int(|of| number_of(of.ip().v4.path_mtu)),
        set: Set::Int(|of, value| {
            let mode = path_mtu(value)?;
            of.configure_ip(&mut |ip| ip.v4.path_mtu = mode)
        }),
    },
    // ICMP errors of an established connection are errors at once.
    Entry {
        name: abi::IP_RECVERR,
        get: Get::Int(|of| of.flag(Flags::RECV_ERR).into()),
        set: Set::Bool(|of, on| {
            of.set_flag(Flags::RECV_ERR, on);
            follow_recv_err(of)
        }),
    },
    // The path MTU of a connection.
    Entry {
        name: abi::IP_MTU,
        get: Get::Try(|of| of.path_mtu().map(i32::from).ok_or(Errno::ENOTCONN)),
        set: UNSETTABLE,
    },
    // bind takes addresses that are not ours.
    Entry {
        name: abi::IP_FREEBIND,
        get: Get::Int(|of| of.options().freebind.into()),
        set: Set::Bytes(|of, value| {
            let on = at_least_a_byte(value)? != 0;
            of.options().freebind = on;
            Ok(())
        }),
    },
    // Connections from addresses that are not ours: as if it were not permitted.
    Entry {
        name: abi::IP_TRANSPARENT,
        get: Get::Int(|_| 0),
        set: Set::Bytes(|_, value| if at_least_a_byte(value)? == 0 { Ok(()) } else { Err(Errno::EPERM) }),
    },
    // RFC 5082.
    Entry {
        name: abi::IP_MINTTL,
        get: Get::Int(|of| of.ip().v4.min_ttl.into()),
        set: Set::Bytes(|of, value| {
            let least = u8::try_from(at_least_a_byte(value)?).map_err(|_| Errno::EINVAL)?;
            of.configure_ip(&mut |ip| ip.v4.min_ttl = least)
        }),
    },
    unbuilt!(abi::IP_BIND_ADDRESS_NO_PORT, 0),
    unbuilt!(abi::IP_RECVERR_RFC4884, 0),
    Entry { name: abi::IP_LOCAL_PORT_RANGE, get: Get::Int(|_| 0), set: Set::Bytes(set_port_range) },
];

/// IP_RECVERR is for IPv4, IPV6_RECVERR for IPv6; which of them a socket will have may not be known yet.
pub(super) fn follow_recv_err(of: Of<'_>) -> Result<(), Errno> {
    let on = of.flag(Flags::RECV_ERR) || of.flag(Flags::RECV_ERR_V6);
    of.configure(&mut |config| config.recv_err = on)
}

fn set_tos(of: Of<'_>, value: i32) -> Result<(), Errno> {
    let class = value as u8 & !ECN_MASK;
    let priority = priority_of_tos(class);
    of.configure_ip(&mut |ip| (ip.v4.class, ip.priority) = (class, priority))
}

/// Linux's `rt_tos2priority`: from the four TOS bits of RFC 1349.
fn priority_of_tos(class: u8) -> u32 {
    match class >> 1 & 0xf {
        0..=3 => 0,
        4..=7 => 2,
        8..=11 => 6,
        _ => 4,
    }
}

fn set_ttl(of: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    let ttl = match at_least_a_byte(value)? {
        -1 => DEFAULT_TTL,
        ttl @ 1..=255 => ttl as u8,
        _ => return Err(Errno::EINVAL),
    };
    of.configure_ip(&mut |ip| ip.v4.ttl = ttl)
}

/// What is told of a mode, and how it is called.
pub(super) fn number_of(mode: PathMtu) -> i32 {
    match mode {
        PathMtu::Dont => abi::IP_PMTUDISC_DONT,
        PathMtu::Want => abi::IP_PMTUDISC_WANT,
        PathMtu::Do => abi::IP_PMTUDISC_DO,
        PathMtu::Probe => abi::IP_PMTUDISC_PROBE,
        PathMtu::Interface => abi::IP_PMTUDISC_INTERFACE,
        PathMtu::Omit => abi::IP_PMTUDISC_OMIT,
    }
}

pub(super) fn path_mtu(value: i32) -> Result<PathMtu, Errno> {
    Ok(match value {
        abi::IP_PMTUDISC_DONT => PathMtu::Dont,
        abi::IP_PMTUDISC_WANT => PathMtu::Want,
        abi::IP_PMTUDISC_DO => PathMtu::Do,
        abi::IP_PMTUDISC_PROBE => PathMtu::Probe,
        abi::IP_PMTUDISC_INTERFACE => PathMtu::Interface,
        abi::IP_PMTUDISC_OMIT => PathMtu::Omit,
        _ => return Err(Errno::EINVAL),
    })
}

/// An `int`, or one byte; some options want that much.
fn at_least_a_byte(value: &[u8]) -> Result<i32, Errno> {
    match value.first_chunk() {
        Some(bytes) => Ok(i32::from_ne_bytes(*bytes)),
        None => value.first().map(|&byte| byte.into()).ok_or(Errno::EINVAL),
    }
}

/// No options is what there is.
fn set_options(_: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    match value {
        [] => Ok(()),
        value if value.len() > 40 => Err(Errno::EINVAL),
        _ => Err(Errno::ENOPROTOOPT),
    }
}

/// Ephemeral ports of one socket's own are not built.
fn set_port_range(_: Of<'_>, value: &[u8]) -> Result<(), Errno> {
    match <[u8; 4]>::try_from(value).map(u32::from_ne_bytes) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Errno::ENOPROTOOPT),
        Err(_) => Err(Errno::EINVAL),
    }
}
