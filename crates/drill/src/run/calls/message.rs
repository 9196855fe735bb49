//! sendmsg and recvmsg, with control messages.

use super::data::{check_read_text, iovec, iovec_text, iovec_to_send};
use super::stats::Stats;
use super::{Args, Bound, Effect, Seen};
use crate::run::{Stop, values};
use crate::script::{Arg, Expr, Field};
use limpid_posix::abi::{
    IP_RECVERR, IPV6_RECVERR, SCM_TIMESTAMPING, SCM_TIMESTAMPING_OPT_STATS, SOL_IP, SOL_IPV6, SOL_SOCKET,
};
use limpid_posix::{Call, Control, Message, Output, Return};
use std::time::Duration;

/// `struct msghdr` as a literal.
struct Header<'a> {
    /// `msg_name` is there.
    name: Option<&'a Arg>,
    iov: &'a Arg,
    control: Vec<Cmsg>,
    flags: i32,
}

/// A control message as the script states it.
#[derive(Clone, PartialEq, Debug)]
struct Cmsg {
    level: i32,
    kind: i32,
    data: Data,
}

/// `cmsg_data`.
#[derive(Clone, PartialEq, Debug)]
enum Data {
    Int(i32),
    Bytes(Vec<u8>),
    /// The first of `struct scm_timestamping`'s three times, since the script's start; zero is not compared.
    Timestamp(Duration),
    /// `struct sock_extended_err`, without the address that follows it.
    Error(ExtendedError),
    /// What SCM_TIMESTAMPING_OPT_STATS tells.
    Stats(Stats),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ExtendedError {
    errno: u32,
    origin: u8,
    kind: u8,
    code: u8,
    info: u32,
    data: u32,
}

/// Lengths of Linux's structures, bytes.
const SCM_TIMESTAMPING_LEN: usize = 48;
const EXTENDED_ERROR_LEN: usize = 16;
const SOCKADDR_IN_LEN: usize = 16;
const SOCKADDR_IN6_LEN: usize = 28;
const CMSGHDR_LEN: usize = 16;

impl Cmsg {
    /// Length of the data.
    fn len(&self) -> usize {
        match &self.data {
            Data::Int(_) => 4,
            Data::Bytes(bytes) => bytes.len(),
            Data::Timestamp(_) => SCM_TIMESTAMPING_LEN,
            Data::Stats(stats) => stats.len(),
            // An address follows (`man 2 recvmsg`, `man 7 ip`).
            Data::Error(_) if self.level == SOL_IP => EXTENDED_ERROR_LEN + SOCKADDR_IN_LEN,
            Data::Error(_) => EXTENDED_ERROR_LEN + SOCKADDR_IN6_LEN,
        }
    }

    /// Room that it takes, as CMSG_SPACE.
    fn space(&self) -> usize {
        CMSGHDR_LEN + self.len().next_multiple_of(8)
    }

    fn of(arg: &Arg) -> Result<Cmsg, Stop> {
        let fields = values::fields(arg)?;
        values::only_fields(fields, &["cmsg_level", "cmsg_type", "cmsg_data"])?;
        let int = |name| {
            let value = values::field_number(arg, fields, name)?;
            i32::try_from(value).map_err(|_| Stop::invalid(arg.at, format!("{name} does not fit an int")))
        };
        let data = values::field(fields, "cmsg_data").ok_or_else(|| Stop::invalid(arg.at, "cmsg_data is missing"))?;
        Ok(Cmsg { level: int("cmsg_level")?, kind: int("cmsg_type")?, data: Data::of(&data.value)? })
    }
}

impl Data {
    fn of(arg: &Arg) -> Result<Data, Stop> {
        match &arg.value {
            Expr::Text(bytes) => Ok(Data::Bytes(bytes.clone())),
            Expr::Struct(fields) if values::field(fields, "scm_sec").is_some() => {
                values::only_fields(fields, &["scm_sec", "scm_nsec"])?;
                let part = |name| {
                    let value = values::field_number(arg, fields, name)?;
                    u32::try_from(value).map_err(|_| Stop::invalid(arg.at, format!("bad {name}")))
                };
                let nanos = Duration::from_nanos(part("scm_nsec")?.into());
                Ok(Data::Timestamp(Duration::from_secs(part("scm_sec")?.into()) + nanos))
            }
            Expr::Struct(fields) => ExtendedError::of(arg, fields).map(Data::Error),
            Expr::List(list) => Stats::of(list).map(Data::Stats),
            _ => values::int(arg).map(Data::Int),
        }
    }
}

impl ExtendedError {
    fn of(arg: &Arg, fields: &[Field]) -> Result<ExtendedError, Stop> {
        values::only_fields(fields, &["ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data"])?;
        let number = |name| values::field_number(arg, fields, name);
        Ok(ExtendedError {
            errno: number("ee_errno")? as u32,
            origin: number("ee_origin")? as u8,
            kind: number("ee_type")? as u8,
            code: number("ee_code")? as u8,
            info: number("ee_info")? as u32,
            data: number("ee_data")? as u32,
        })
    }

    fn read(bytes: &[u8]) -> Option<ExtendedError> {
        let bytes: &[u8; EXTENDED_ERROR_LEN] = bytes.first_chunk()?;
        let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let [_, _, _, _, origin, kind, code, ..] = *bytes;
        Some(ExtendedError { errno: word(0), origin, kind, code, info: word(8), data: word(12) })
    }
}

impl<'a> Header<'a> {
    fn of(arg: &'a Arg) -> Result<Header<'a>, Stop> {
        let fields = values::fields(arg)?;
        values::only_fields(fields, &["msg_name", "msg_iov", "msg_flags", "msg_control"])?;
        let Some(Field { size, value: iov, .. }) = values::field(fields, "msg_iov") else {
            return Err(Stop::invalid(arg.at, "msg_iov is missing"));
        };
        if let Some(size) = size {
            let (stated, given) = (values::size(size)?, values::list(iov)?.len());
            if stated != given {
                let what = format!("msg_iovlen {stated} does not match {given}-element iovec array");
                return Err(Stop::invalid(size.at, what));
            }
        }
        let control = match values::field(fields, "msg_control") {
            Some(field) => values::list(&field.value)?.iter().map(Cmsg::of).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let flags = values::field(fields, "msg_flags").map_or(Ok(0), |field| values::int(&field.value))?;
        Ok(Header { name: values::field(fields, "msg_name").map(|field| &field.value), iov, control, flags })
    }
}

pub(super) fn sendmsg(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    let fd = args.fd(0)?;
    let arg = args.at(1)?;
    let header = Header::of(arg)?;
    if header.flags != 0 {
        return Err(Stop::invalid(arg.at, "sendmsg ignores msg_flags field in msghdr"));
    }
    let (to, effect) = match header.name {
        None => (None, Effect::None),
        Some(name) if values::is_null(name) => (None, Effect::None),
        Some(name) => {
            let to = values::sockaddr(name)?.unwrap_or_else(|| args.options.connect_address());
            let port = to.endpoint().map(|endpoint| endpoint.port);
            (Some(to), Effect::Connect(fd, port))
        }
    };
    let control = header.control.iter().map(|cmsg| {
        let data = match &cmsg.data {
            Data::Int(value) => value.to_ne_bytes().to_vec(),
            Data::Bytes(bytes) => bytes.clone(),
            Data::Timestamp(_) | Data::Error(_) | Data::Stats(_) => {
                return Err(Stop::unsupported(arg.at, "such a control message to send"));
            }
        };
        Ok(Control { level: cmsg.level, kind: cmsg.kind, data })
    });
    let control = control.collect::<Result<_, _>>()?;
    let call = Call::SendMsg { fd, to, parts: iovec_to_send(header.iov)?, control, flags: args.int(2)? };
    Ok(Bound::from(call).effect(effect))
}

pub(super) fn recvmsg(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    let Header { name: _, iov, control, flags } = Header::of(args.at(1)?)?;
    let parts = iovec(iov)?;
    let check_text = check_read_text(iovec_text(&parts)?);
    let call = Call::RecvMsg {
        fd: args.fd(0)?,
        lens: parts.iter().map(|(_, len)| *len).collect(),
        // As much room as the messages take that the script expects.
        control_len: control.iter().map(Cmsg::space).sum(),
        flags: args.int(2)?,
    };
    Ok(Bound::from(call).filled(move |gave, seen| {
        check_text(gave)?;
        check_message(&control, flags, gave, seen)
    }))
}

fn check_message(expected: &[Cmsg], flags: i32, gave: &Return, seen: &Seen<'_>) -> Result<(), String> {
    if gave.value.is_err() {
        return Ok(());
    }
    let nothing = Message::default();
    let message = match &gave.output {
        Output::Message(message) => message,
        _ => &nothing,
    };
    if message.flags != flags {
        return Err(format!("Expected msg_flags 0x{flags:08X} but got 0x{:08X}", message.flags));
    }
    for (nth, (expected, actual)) in expected.iter().zip(&message.control).enumerate() {
        check_cmsg(nth, expected, actual, seen)?;
    }
    match (expected.len(), message.control.len()) {
        (expected, actual) if actual > expected => Err(format!("received more than {expected} cmsgs")),
        (expected, actual) if actual < expected => Err(format!("received only {actual} cmsgs")),
        _ => Ok(()),
    }
}

fn check_cmsg(nth: usize, expected: &Cmsg, actual: &Control, seen: &Seen<'_>) -> Result<(), String> {
    let same = |what: &str, expected: usize, actual: usize| {
        let differs = || format!("Bad {what} in cmsg {nth}: expected={expected} actual={actual}");
        if expected == actual { Ok(()) } else { Err(differs()) }
    };
    same("level", expected.level as usize, actual.level as usize)?;
    same("type", expected.kind as usize, actual.kind as usize)?;
    same("len", CMSGHDR_LEN + expected.len(), CMSGHDR_LEN + actual.data.len())?;
    match (&expected.data, expected.level, expected.kind) {
        (Data::Error(error), SOL_IP, IP_RECVERR) | (Data::Error(error), SOL_IPV6, IPV6_RECVERR) => {
            check_error(nth, error, &actual.data)
        }
        (Data::Timestamp(at), SOL_SOCKET, SCM_TIMESTAMPING) => check_timestamp(nth, *at, &actual.data, seen),
        (Data::Stats(stats), SOL_SOCKET, SCM_TIMESTAMPING_OPT_STATS) => {
            stats.check(nth, &actual.data, seen.options.tolerance)
        }
        (Data::Int(value), ..) if value.to_ne_bytes() == *actual.data => Ok(()),
        (Data::Bytes(bytes), ..) if *bytes == actual.data => Ok(()),
        (data, ..) => Err(format!("Bad data in cmsg {nth}: expected={data:?} actual={:02x?}", actual.data)),
    }
}

fn check_error(nth: usize, expected: &ExtendedError, actual: &[u8]) -> Result<(), String> {
    let Some(actual) = ExtendedError::read(actual) else { return Err(format!("Bad len in cmsg {nth}")) };
    let fields = [
        ("errno", expected.errno, actual.errno),
        ("origin", expected.origin.into(), actual.origin.into()),
        ("type", expected.kind.into(), actual.kind.into()),
        ("code", expected.code.into(), actual.code.into()),
        ("info", expected.info, actual.info),
        ("data", expected.data, actual.data),
    ];
    match fields.iter().find(|(_, expected, actual)| expected != actual) {
        Some((what, expected, actual)) => {
            Err(format!("Bad {what} in extended err {nth}: expected={expected} actual={actual}"))
        }
        None => Ok(()),
    }
}

fn check_timestamp(nth: usize, expected: Duration, actual: &[u8], seen: &Seen<'_>) -> Result<(), String> {
    if expected.is_zero() {
        return Ok(());
    }
    let word = |at: usize| actual.get(at..).and_then(|b| b.first_chunk::<8>()).map(|b| i64::from_ne_bytes(*b));
    let (Some(secs), Some(nanos)) = (word(0), word(8)) else { return Err(format!("Bad len in cmsg {nth}")) };
    let actual = i128::from(secs) * 1_000_000 + i128::from(nanos) / 1000;
    let wanted = (seen.wall_clock + expected).as_micros() as i128;
    if (wanted - actual).unsigned_abs() <= seen.options.tolerance.as_micros() {
        return Ok(());
    }
    let start = seen.wall_clock.as_micros() as i128;
    Err(format!(
        "Bad timestamp 0 in scm_timestamping {nth}: expected={} usec actual={} usec since the start",
        expected.as_micros(),
        actual - start
    ))
}
