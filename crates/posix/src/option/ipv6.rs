//! IPPROTO_IPV6 (`man 7 ipv6`, RFC 3493, RFC 3542), of AF_INET6 sockets.

use super::Flags;
use super::ip::{ECN_MASK, follow_recv_err, number_of, path_mtu};
use super::table::{Entry, Get, Set, UNSETTABLE, flag};
use crate::{Errno, abi};
use limpid_stack::DEFAULT_TTL;

/// The options of this level.
pub(super) const TABLE: &[Entry] = &[
    // No IPv4-mapped addresses; only before bind.
    Entry {
        name: abi::IPV6_V6ONLY,
        get: Get::Int(|of| of.options().v6_only.into()),
        set: Set::Bool(|of, on| {
            if of.is_bound() {
                return Err(Errno::EINVAL);
            }
            of.options().v6_only = on;
            Ok(())
        }),
    },
    // The hop limit of what is sent; -1 is the default.
    Entry {
        name: abi::IPV6_UNICAST_HOPS,
        get: Get::Int(|of| of.ip().v6.ttl.into()),
        set: Set::Int(|of, value| {
            let hops = if value == -1 { Ok(DEFAULT_TTL) } else { u8::try_from(value) };
            let hops = hops.map_err(|_| Errno::EINVAL)?;
            of.configure_ip(&mut |ip| ip.v6.ttl = hops)
        }),
    },
    // The traffic class of what is sent, without the ECN bits; -1 is 0.
    Entry {
        name: abi::IPV6_TCLASS,
        get: Get::Int(|of| of.ip().v6.class.into()),
        set: Set::Int(|of, value| {
            let class = if value == -1 { Ok(0) } else { u8::try_from(value) };
            let class = class.map_err(|_| Errno::EINVAL)? & !ECN_MASK;
            of.configure_ip(&mut |ip| ip.v6.class = class)
        }),
    },
    // The next two ask for control messages, which Linux never gives to a TCP socket.
    flag!(abi::IPV6_RECVTCLASS, Flags::RECV_TCLASS),
    flag!(abi::IPV6_FLOWINFO_SEND, Flags::FLOW_INFO_SEND),
    // What is done about the path MTU.
    Entry {
        name: abi::IPV6_MTU_DISCOVER,
        get: Get::Int(|of| number_of(of.ip().v6.path_mtu)),
        set: Set::Int(|of, value| {
            let mode = path_mtu(value)?;
            of.configure_ip(&mut |ip| ip.v6.path_mtu = mode)
        }),
    },
    // The path MTU of a connection. To set it is about fragments, which TCP does not send.
    Entry {
        name: abi::IPV6_MTU,
        get: Get::Try(|of| of.path_mtu().map(i32::from).ok_or(Errno::ENOTCONN)),
        set: UNSETTABLE,
    },
    // ICMP errors of an established connection are errors at once.
    Entry {
        name: abi::IPV6_RECVERR,
        get: Get::Int(|of| of.flag(Flags::RECV_ERR_V6).into()),
        set: Set::Bool(|of, on| {
            of.set_flag(Flags::RECV_ERR_V6, on);
            follow_recv_err(of)
        }),
    },
    // Packets have a flow label (RFC 6437).
    Entry {
        name: abi::IPV6_AUTOFLOWLABEL,
        get: Get::Int(|of| of.ip().flow_label.into()),
        set: Set::Bool(|of, on| of.configure_ip(&mut |ip| ip.flow_label = on)),
    },
    // RFC 5082.
    Entry {
        name: abi::IPV6_MINHOPCOUNT,
        get: Get::Int(|of| of.ip().v6.min_ttl.into()),
        set: Set::Int(|of, value| {
            let least = u8::try_from(value).map_err(|_| Errno::EINVAL)?;
            of.configure_ip(&mut |ip| ip.v6.min_ttl = least)
        }),
    },
    // bind takes addresses that are not ours: the same as IP_FREEBIND.
    Entry {
        name: abi::IPV6_FREEBIND,
        get: Get::Int(|of| of.options().freebind.into()),
        set: Set::Bool(|of, on| {
            of.options().freebind = on;
            Ok(())
        }),
    },
];
