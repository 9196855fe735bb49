//! Calls that read and write.

use super::open::destination;
use super::{Args, Bound, check_address, printable};
use crate::run::{Stop, values};
use crate::script::{Arg, Expr};
use limpid_posix::{Call, Output, Return};

/// What a buffer of the script is.
enum Buffer {
    /// `...`
    Open,
    /// NULL.
    Null,
    /// A string.
    Text(Vec<u8>),
}

fn buffer(arg: &Arg) -> Result<Buffer, Stop> {
    match &arg.value {
        Expr::Default => Ok(Buffer::Open),
        Expr::Text(text) => Ok(Buffer::Text(text.clone())),
        _ if values::is_null(arg) => Ok(Buffer::Null),
        _ => Err(Stop::invalid(arg.at, "Expected ... or NULL for buffer")),
    }
}

/// The bytes to send: zeros, or a string, cut or filled up with zeros to the count that the call states.
fn to_send(arg: &Arg, count: usize) -> Result<Vec<u8>, Stop> {
    match buffer(arg)? {
        Buffer::Open => Ok(vec![0; count]),
        Buffer::Text(mut text) => {
            text.resize(count, 0);
            Ok(text)
        }
        // The call would have to fault; there is no pointer here that could.
        Buffer::Null if count == 0 => Ok(Vec::new()),
        Buffer::Null => Err(Stop::unsupported(arg.at, "a buffer that is NULL")),
    }
}

/// Adds the comparison with what a string says was read.
fn reads(bound: Bound, args: &Args<'_>, nth: usize) -> Result<Bound, Stop> {
    Ok(match buffer(args.at(nth)?)? {
        Buffer::Text(expected) => bound.filled(move |gave, _| check_read(&expected, gave)),
        // With NULL, what is read goes nowhere; TCP allows that with MSG_TRUNC.
        Buffer::Open | Buffer::Null => bound,
    })
}

/// A string of the script must be what was read, as far as the call says it read.
fn check_read(expected: &[u8], gave: &Return) -> Result<(), String> {
    let bytes = match &gave.output {
        Output::Bytes(bytes) => bytes.as_slice(),
        Output::Message(message) => &message.bytes,
        _ => &[],
    };
    if gave.value.is_err() || expected == bytes {
        return Ok(());
    }
    Err(format!("Bad data: expected: {} actual: {}", printable(expected), printable(bytes)))
}

/// `[{..., 100}, {"abc", 3}]`, and its number of elements, which the call states again.
fn parts(args: &Args<'_>) -> Result<Vec<(Arg, usize)>, Stop> {
    args.count(3)?;
    let parts = iovec(args.at(1)?)?;
    let count = args.int(2)?;
    if usize::try_from(count) != Ok(parts.len()) {
        let what = format!("iov_count {count} does not match {}-element iovec array", parts.len());
        return Err(Stop::invalid(args.at(2)?.at, what));
    }
    Ok(parts)
}

/// `[{..., 100}, {iov_base="abc", iov_len=3}]`: bases and lengths.
pub(super) fn iovec(arg: &Arg) -> Result<Vec<(Arg, usize)>, Stop> {
    let part = |arg: &Arg| {
        let fields = values::fields(arg)?;
        match fields {
            [base, len] => Ok((base.value.clone(), values::size(&len.value)?)),
            _ => Err(Stop::invalid(arg.at, "expected a base and a length")),
        }
    };
    values::list(arg)?.iter().map(part).collect()
}

/// The bytes of an iovec to send.
pub(super) fn iovec_to_send(arg: &Arg) -> Result<Vec<Vec<u8>>, Stop> {
    iovec(arg)?.iter().map(|(base, len)| to_send(base, *len)).collect()
}

/// What strings in an iovec say will be read; `None` if there is none.
pub(super) fn iovec_text(parts: &[(Arg, usize)]) -> Result<Option<Vec<u8>>, Stop> {
    let mut text = None;
    for (base, _) in parts {
        if let Buffer::Text(bytes) = buffer(base)? {
            text.get_or_insert_with(Vec::new).extend(bytes);
        }
    }
    Ok(text)
}

pub(super) fn check_read_text(expected: Option<Vec<u8>>) -> impl FnOnce(&Return) -> Result<(), String> {
    move |gave| expected.map_or(Ok(()), |expected| check_read(&expected, gave))
}

pub(super) fn read(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    reads(Call::Read { fd: args.fd(0)?, len: args.size(2)? }.into(), args, 1)
}

pub(super) fn readv(args: &Args<'_>) -> Result<Bound, Stop> {
    let parts = parts(args)?;
    let text = iovec_text(&parts)?;
    let call = Call::Readv { fd: args.fd(0)?, lens: parts.iter().map(|(_, len)| *len).collect() };
    let check = check_read_text(text);
    Ok(Bound::from(call).filled(move |gave, _| check(gave)))
}

pub(super) fn recv(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(4)?;
    reads(Call::Recv { fd: args.fd(0)?, len: args.size(2)?, flags: args.int(3)? }.into(), args, 1)
}

pub(super) fn recvfrom(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(6)?;
    args.address_len(5)?;
    let call = Call::RecvFrom { fd: args.fd(0)?, len: args.size(2)?, flags: args.int(3)? };
    let from = args.at(4)?;
    let from = if values::is_null(from) { None } else { values::sockaddr(from)? };
    let text = match buffer(args.at(1)?)? {
        Buffer::Text(text) => Some(text),
        Buffer::Open | Buffer::Null => None,
    };
    let check = check_read_text(text);
    Ok(Bound::from(call).filled(move |gave, _| {
        check(gave)?;
        match from {
            Some(from) if gave.value.is_ok() => check_address(&from, &gave.output),
            _ => Ok(()),
        }
    }))
}

pub(super) fn write(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    Ok(Call::Write { fd: args.fd(0)?, bytes: to_send(args.at(1)?, args.size(2)?)? }.into())
}

pub(super) fn writev(args: &Args<'_>) -> Result<Bound, Stop> {
    parts(args)?;
    Ok(Call::Writev { fd: args.fd(0)?, parts: iovec_to_send(args.at(1)?)? }.into())
}

pub(super) fn send(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(4)?;
    Ok(Call::Send { fd: args.fd(0)?, bytes: to_send(args.at(1)?, args.size(2)?)?, flags: args.int(3)? }.into())
}

pub(super) fn sendto(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(6)?;
    args.address_len(5)?;
    let fd = args.fd(0)?;
    let bytes = to_send(args.at(1)?, args.size(2)?)?;
    let flags = args.int(3)?;
    if values::is_null(args.at(4)?) && !values::is_default(args.at(5)?) {
        return Ok(Call::SendTo { fd, bytes, flags, to: None }.into());
    }
    let (to, effect) = destination(args, 4, fd)?;
    Ok(Bound::from(Call::SendTo { fd, bytes, flags, to: Some(to) }).effect(effect))
}
