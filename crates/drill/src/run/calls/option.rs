//! getsockopt, setsockopt, fcntl, ioctl.

use super::{Args, Bound, printable};
use crate::run::{Stop, values};
use crate::script::{Arg, Expr, Field};
use limpid_posix::{Call, Output, Return};

/// The longest option value that a script may ask for, bytes.
const MAX_VALUE: usize = 1 << 16;

/// What a script says of an option's value.
enum Value {
    /// `...`: any.
    Any,
    /// `[n]`.
    Int(i64),
    /// A string or a structure.
    Bytes(Vec<u8>),
    /// `"abc"...`: what begins so.
    Prefix(Vec<u8>),
}

fn value(arg: &Arg) -> Result<Value, Stop> {
    match &arg.value {
        Expr::Default => Ok(Value::Any),
        Expr::Text(text) => Ok(Value::Bytes(text.clone())),
        Expr::Prefix(text) => Ok(Value::Prefix(text.clone())),
        Expr::List(_) => values::number(values::bracketed(arg)?).map(Value::Int),
        Expr::Struct(fields) => structure(arg, fields).map(Value::Bytes),
        _ => Err(Stop::unsupported(arg.at, "an option's value of this form")),
    }
}

/// `struct linger`, `struct timeval`, `struct tcp_md5sig` and `struct tcp_ao_add`.
fn structure(arg: &Arg, fields: &[Field]) -> Result<Vec<u8>, Stop> {
    let number = |names: [&str; 2]| {
        let field = names.iter().find_map(|name| values::field(fields, name));
        field.map(|field| values::number(&field.value)).transpose()
    };
    if values::field(fields, "tcpm_addr").is_some() {
        return super::keys::md5sig(arg, fields);
    }
    if values::field(fields, "ao_addr").is_some() {
        return super::keys::ao_add(arg, fields);
    }
    if let Some(seconds) = number(["tv_sec", "tv_sec"])? {
        values::only_fields(fields, &["tv_sec", "tv_usec"])?;
        let micros = values::field_number(arg, fields, "tv_usec")?;
        return Ok([seconds.to_ne_bytes(), micros.to_ne_bytes()].concat());
    }
    values::only_fields(fields, &["onoff", "linger", "l_onoff", "l_linger"])?;
    let (Some(onoff), Some(linger)) = (number(["onoff", "l_onoff"])?, number(["linger", "l_linger"])?) else {
        return Err(Stop::invalid(arg.at, "expected {onoff=…, linger=…} or {tv_sec=…, tv_usec=…}"));
    };
    Ok([(onoff as i32).to_ne_bytes(), (linger as i32).to_ne_bytes()].concat())
}

fn length(arg: &Arg) -> Result<usize, Stop> {
    let len = values::size(arg)?;
    if len <= MAX_VALUE { Ok(len) } else { Err(Stop::invalid(arg.at, "no option is so long")) }
}

pub(super) fn setsockopt(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(5)?;
    let len = length(args.at(4)?)?;
    let mut bytes = match value(args.at(3)?)? {
        Value::Int(value) => value.to_le_bytes()[..if len == 8 { 8 } else { 4 }].to_vec(),
        Value::Bytes(bytes) | Value::Prefix(bytes) => bytes,
        Value::Any => vec![0; len],
    };
    bytes.resize(len, 0);
    Ok(Call::SetSockOpt { fd: args.fd(0)?, level: args.int(1)?, name: args.int(2)?, value: bytes }.into())
}

pub(super) fn getsockopt(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(5)?;
    let len = length(values::bracketed(args.at(4)?)?)?;
    let expected = value(args.at(3)?)?;
    match &expected {
        Value::Bytes(bytes) if bytes.len() != len => {
            let what = format!(
                "Bad getsockopt optval: expected optlen ({len} bytes) does not match length of expected optval {} ({} bytes)",
                printable(bytes),
                bytes.len()
            );
            return Err(Stop::invalid(args.at(4)?.at, what));
        }
        Value::Int(_) if !matches!(len, 1 | 2 | 4 | 8) => {
            return Err(Stop::invalid(args.at(4)?.at, format!("Unsupported getsockopt optlen: {len}")));
        }
        _ => {}
    }
    let call = Call::GetSockOpt { fd: args.fd(0)?, level: args.int(1)?, name: args.int(2)?, len };
    Ok(Bound::from(call).filled(move |gave, _| check_option(&expected, len, gave)))
}

fn check_option(expected: &Value, len: usize, gave: &Return) -> Result<(), String> {
    if gave.value.is_err() {
        return Ok(());
    }
    let bytes = match &gave.output {
        Output::Bytes(bytes) => bytes.as_slice(),
        _ => &[],
    };
    if bytes.len() != len {
        return Err(format!("Bad getsockopt optlen: expected: {len} actual: {}", bytes.len()));
    }
    match expected {
        Value::Any => Ok(()),
        Value::Bytes(expected) if expected == bytes => Ok(()),
        Value::Prefix(expected) if bytes.starts_with(expected) => Ok(()),
        Value::Bytes(expected) | Value::Prefix(expected) => {
            Err(format!("Bad getsockopt optval: expected: {} actual: {}", printable(expected), printable(bytes)))
        }
        Value::Int(expected) if expected.to_le_bytes()[..len] == *bytes => Ok(()),
        Value::Int(expected) => {
            let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
            let mut wide = [sign; 8];
            wide[..len].copy_from_slice(bytes);
            Err(format!("Bad getsockopt optval: expected: {expected} actual: {}", i64::from_le_bytes(wide)))
        }
    }
}

pub(super) fn fcntl(args: &Args<'_>) -> Result<Bound, Stop> {
    args.between(2, 3)?;
    let argument = if args.call.arguments.len() == 3 { args.number(2)? } else { 0 };
    Ok(Call::Fcntl { fd: args.fd(0)?, command: args.int(1)?, argument }.into())
}

pub(super) fn ioctl(args: &Args<'_>) -> Result<Bound, Stop> {
    args.between(2, 3)?;
    let fd = args.fd(0)?;
    let request = args.number(1)? as u64;
    if args.call.arguments.len() == 2 {
        return Ok(Call::Ioctl { fd, request, argument: 0 }.into());
    }
    let arg = args.at(2)?;
    if values::is_null(arg) {
        return Ok(Call::Ioctl { fd, request, argument: 0 }.into());
    }
    let value = values::bracketed(arg)?;
    let (argument, compared) = if values::is_default(value) { (0, false) } else { (values::number(value)?, true) };
    Ok(Bound::from(Call::Ioctl { fd, request, argument }).filled(move |gave, _| match gave.output {
        Output::Integer(actual) if compared && gave.value.is_ok() && actual != argument => {
            Err(format!("Bad ioctl optval: expected: {argument} actual: {actual}"))
        }
        _ => Ok(()),
    }))
}
