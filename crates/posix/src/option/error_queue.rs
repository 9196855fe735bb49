//! The error queue: recvmsg with MSG_ERRQUEUE (`man 7 ip`, IP_RECVERR; Linux's `networking/timestamping.rst` and
//! `msg_zerocopy.rst`).
//!
//! Three kinds of notices come there. *Stamps* of writes: when their last byte left, each time that it did, and when it
//! was acknowledged. They never hold the packet; without SOF_TIMESTAMPING_OPT_TSONLY, MSG_TRUNC says that it is missing, as it
//! does on Linux where there is no room for it. *Zero-copy writes* that are complete: a call's bytes are a value of their own, so they were copied, and SO_EE_CODE_ZEROCOPY_COPIED says so,
//! as Linux does of what goes by TUN or loopback. And the *ICMP error* that ended an open, with what it quoted, whether
//! IP_RECVERR is set or not.
//!
//! The queue itself is the stack's, bounded there ([`limpid_tcp::MAX_NOTICES`]). A socket with something in it is EPOLLERR.

use super::message::ControlRoom;
use crate::file::FileId;
use crate::process::Process;
use crate::socket::{Form, Socket};
use crate::{Errno, Message, Output, Return, abi};
use alloc::vec::Vec;
use limpid_event::{Instant, Observer};
use limpid_stack::{IcmpNotice, Notice, Readiness, Stamps};
use limpid_wire::Endpoint;

/// What the queue gives.
struct Entry {
    error: ExtendedError,
    /// Who told of it.
    offender: Option<Endpoint>,
    /// Where the packet was sent to that it is about.
    name: Option<Endpoint>,
    at: Option<Instant>,
    data: Vec<u8>,
    /// Linux would have given the packet, too.
    without_packet: bool,
}

/// `struct sock_extended_err`.
#[derive(Default)]
struct ExtendedError {
    errno: u32,
    origin: i32,
    kind: u8,
    code: u8,
    info: u32,
    data: u32,
}

impl<O: Observer> Process<O> {
    /// recvmsg with MSG_ERRQUEUE.
    pub(crate) fn receive_error(&mut self, file: FileId, len: usize, form: Form) -> Result<Return, Errno> {
        let entry = self.next_error(file)?.ok_or(Errno::EAGAIN)?;
        let socket = self.files.socket(file)?;
        let mut data = entry.data.clone();
        let mut flags = abi::MSG_ERRQUEUE;
        if data.len() > len || entry.without_packet {
            flags |= abi::MSG_TRUNC;
            data.truncate(len);
        }
        let value = Ok(data.len() as i64);
        let Form::Message { control_len } = form else {
            return Ok(Return { value, output: Output::Bytes(data) });
        };
        let mut room = ControlRoom::new(control_len);
        if let Some(at) = entry.at {
            socket.options.put_time(&mut room, at);
        }
        let (level, kind) =
            if socket.v6 { (abi::IPPROTO_IPV6, abi::IPV6_RECVERR) } else { (abi::IPPROTO_IP, abi::IP_RECVERR) };
        room.put(level, kind, entry.bytes(socket));
        let (control, more) = room.finish();
        let name = entry.name.map(|name| socket.sockaddr(name));
        let message = Message { name, bytes: data, control, flags: flags | more };
        Ok(Return { value, output: Output::Message(message) })
    }

    fn next_error(&mut self, file: FileId) -> Result<Option<Entry>, Errno> {
        let socket = self.files.socket(file)?;
        let (id, options) = (socket.id, &socket.options);
        let (timestamping, from) = (options.timestamping, options.timestamping_from);
        if let Ok(Some(notice)) = self.stack.take_notice(id) {
            return Ok(Some(Entry::of(notice, timestamping, from)));
        }
        let Ok(Some(icmp)) = self.stack.take_icmp_notice(id) else { return Ok(None) };
        // As on Linux, who has heard of it here need not be told again.
        let _ = self.take_error(file);
        Ok(Some(Entry::of_icmp(icmp)))
    }

    /// Whether the error queue holds something (EPOLLERR).
    pub(crate) fn has_queued_error(&self, file: FileId) -> bool {
        let Ok(socket) = self.files.socket(file) else { return false };
        self.stack.readiness(socket.id).is_ok_and(|ready| ready.contains(Readiness::NOTICE))
    }
}

impl Entry {
    fn of(notice: Notice, timestamping: u32, from: u64) -> Entry {
        let (error, at) = match notice {
            Notice::Stamp { what, offset, at } => {
                let counted = timestamping & abi::SOF_TIMESTAMPING_OPT_ID as u32 != 0;
                let error = ExtendedError {
                    errno: Errno::ENOMSG.0 as u32,
                    origin: abi::SO_EE_ORIGIN_TIMESTAMPING,
                    info: number_of(what) as u32,
                    data: if counted { offset.wrapping_sub(from) as u32 } else { 0 },
                    ..ExtendedError::default()
                };
                (error, Some(at))
            }
            Notice::ZeroCopy { first, last } => {
                let error = ExtendedError {
                    origin: abi::SO_EE_ORIGIN_ZEROCOPY,
                    code: abi::SO_EE_CODE_ZEROCOPY_COPIED as u8,
                    info: first,
                    data: last,
                    ..ExtendedError::default()
                };
                (error, None)
            }
        };
        let without_packet = at.is_some() && timestamping & abi::SOF_TIMESTAMPING_OPT_TSONLY as u32 == 0;
        Entry { error, offender: None, name: None, at, data: Vec::new(), without_packet }
    }

    fn of_icmp(notice: IcmpNotice) -> Entry {
        let IcmpNotice { origin, error, to, quote } = notice;
        let error = ExtendedError {
            errno: Errno::from(error).0 as u32,
            origin: if origin.from.is_v4() { abi::SO_EE_ORIGIN_ICMP } else { abi::SO_EE_ORIGIN_ICMP6 },
            kind: origin.kind,
            code: origin.code,
            ..ExtendedError::default()
        };
        let offender = Some(Endpoint::new(origin.from, 0));
        Entry { error, offender, name: Some(to), at: None, data: quote, without_packet: false }
    }

    /// `struct sock_extended_err` and the offender's address, which is of the socket's family, or zeros.
    fn bytes(&self, socket: &Socket) -> Vec<u8> {
        let ExtendedError { errno, origin, kind, code, info, data } = self.error;
        let mut bytes = Vec::new();
        bytes.extend(errno.to_ne_bytes());
        bytes.extend([origin as u8, kind, code, 0]);
        bytes.extend(info.to_ne_bytes());
        bytes.extend(data.to_ne_bytes());
        match self.offender {
            Some(offender) => bytes.extend(socket.sockaddr(offender).0),
            None => bytes.resize(bytes.len() + if socket.v6 { 28 } else { 16 }, 0),
        }
        bytes
    }
}

/// SCM_TSTAMP_SND and its kin.
fn number_of(stamp: Stamps) -> i32 {
    match stamp {
        Stamps::SCHEDULED => abi::SCM_TSTAMP_SCHED,
        Stamps::ACKED => abi::SCM_TSTAMP_ACK,
        _ => abi::SCM_TSTAMP_SND,
    }
}
