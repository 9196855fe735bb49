//! Expressions of a script as numbers, bytes and addresses.

use super::Stop;
use crate::script::{Arg, Expr, Field};
use limpid_posix::abi::{self, AF_INET, AF_INET6};
use limpid_posix::{Errno, Sockaddr};
use limpid_wire::{Endpoint, IpAddr};

/// A number: a literal, a constant's name, several with `|` between them, `htons(…)`.
pub(crate) fn number(arg: &Arg) -> Result<i64, Stop> {
    match &arg.value {
        Expr::Integer(value, _) => Ok(*value),
        Expr::Word(name) => constant(arg, name),
        Expr::Or(parts) => parts.iter().try_fold(0, |bits, part| Ok(bits | number(part)?)),
        Expr::Function(name, arguments) => function(arg, name, arguments),
        other => Err(expected(arg, "a number", other)),
    }
}

/// An `int`: what does not fit is cut off, as a C compiler does with `0x80000000`.
pub(crate) fn int(arg: &Arg) -> Result<i32, Stop> {
    let value = number(arg)?;
    if (i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&value) {
        Ok(value as i32)
    } else {
        Err(Stop::invalid(arg.at, format!("{value} does not fit an int")))
    }
}

/// A `size_t`, small enough to be a buffer's.
pub(crate) fn size(arg: &Arg) -> Result<usize, Stop> {
    /// More than any script writes at a time, and still a buffer that can be had.
    const MAX_BUFFER: i64 = 1 << 30;
    let value = number(arg)?;
    if (0..=MAX_BUFFER).contains(&value) {
        Ok(value as usize)
    } else {
        Err(Stop::invalid(arg.at, format!("{value} is no size of a buffer")))
    }
}

/// `[n]`.
pub(crate) fn bracketed(arg: &Arg) -> Result<&Arg, Stop> {
    match &arg.value {
        Expr::List(list) => match list.as_slice() {
            [only] => Ok(only),
            _ => Err(Stop::invalid(arg.at, "expected one element in brackets")),
        },
        other => Err(expected(arg, "an element in brackets", other)),
    }
}

/// `[a, b, …]`.
pub(crate) fn list(arg: &Arg) -> Result<&[Arg], Stop> {
    match &arg.value {
        Expr::List(list) => Ok(list),
        other => Err(expected(arg, "a list", other)),
    }
}

/// `{name=value, …}`.
pub(crate) fn fields(arg: &Arg) -> Result<&[Field], Stop> {
    match &arg.value {
        Expr::Struct(fields) => Ok(fields),
        other => Err(expected(arg, "a structure", other)),
    }
}

/// The field with this name, if it is there.
pub(crate) fn field<'a>(fields: &'a [Field], name: &str) -> Option<&'a Field> {
    fields.iter().find(|field| field.name.as_deref() == Some(name))
}

/// Fails if there is a field of another name, so that nothing is passed over in silence.
pub(crate) fn only_fields(fields: &[Field], names: &[&str]) -> Result<(), Stop> {
    match fields.iter().find(|field| field.name.as_deref().is_none_or(|name| !names.contains(&name))) {
        Some(Field { name: Some(name), value, .. }) => Err(Stop::unsupported(value.at, format!("field {name}"))),
        Some(Field { value, .. }) => Err(Stop::invalid(value.at, "expected a field's name")),
        None => Ok(()),
    }
}

/// The number of a field that must be there.
pub(crate) fn field_number(arg: &Arg, fields: &[Field], name: &str) -> Result<i64, Stop> {
    match field(fields, name) {
        Some(field) => number(&field.value),
        None => Err(Stop::invalid(arg.at, format!("field {name} is missing"))),
    }
}

/// True for `...`.
pub(crate) fn is_default(arg: &Arg) -> bool {
    arg.value == Expr::Default
}

/// True for `NULL` and `0`.
pub(crate) fn is_null(arg: &Arg) -> bool {
    match &arg.value {
        Expr::Integer(0, _) => true,
        Expr::Word(word) => word == "NULL",
        _ => false,
    }
}

/// An address as a literal, `{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}`; `None` for `...`.
pub(crate) fn sockaddr(arg: &Arg) -> Result<Option<Sockaddr>, Stop> {
    if is_default(arg) {
        return Ok(None);
    }
    let fields = fields(arg)?;
    let family = field_number(arg, fields, "sa_family")?;
    let names: &[&str] = match i32::try_from(family) {
        Ok(AF_INET) => &["sa_family", "sin_port", "sin_addr"],
        Ok(AF_INET6) => &["sa_family", "sin6_port", "sin6_flowinfo", "sin6_addr", "sin6_scope_id"],
        _ => return Err(Stop::unsupported(arg.at, format!("address family {family}"))),
    };
    only_fields(fields, names)?;
    let prefix = if names.len() == 3 { "sin" } else { "sin6" };
    // The number is in network order, as htons() gives it.
    let port = field_number(arg, fields, &format!("{prefix}_port"))?;
    let port = u16::try_from(port).map_err(|_| Stop::invalid(arg.at, "a port has 16 bits"))?.to_be();
    let Some(addr) = field(fields, &format!("{prefix}_addr")) else {
        return Err(Stop::invalid(arg.at, format!("field {prefix}_addr is missing")));
    };
    let endpoint = Endpoint::new(address(&addr.value)?, port);
    let address = if prefix == "sin" { Sockaddr::of(endpoint) } else { Sockaddr::v6(endpoint) };
    match (prefix, address.family()) {
        ("sin", Some(AF_INET)) | ("sin6", Some(AF_INET6)) => Ok(Some(address)),
        _ => Err(Stop::invalid(addr.value.at, "the address is not of its family")),
    }
}

/// The value of an errno's name.
pub(crate) fn errno(at: crate::script::Pos, name: &str) -> Result<Errno, Stop> {
    Errno::named(name).ok_or_else(|| Stop::unsupported(at, format!("unknown errno {name}")))
}

/// `inet_addr("…")`, `inet_pton(…, "…")`, `in6addr_any`, INADDR_ANY, or a number in network order.
fn address(arg: &Arg) -> Result<IpAddr, Stop> {
    match &arg.value {
        Expr::Function(name, arguments) if matches!(name.as_str(), "inet_addr" | "inet_pton" | "inet6_addr") => {
            match arguments.last().map(|last| &last.value) {
                Some(Expr::Text(text)) => std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(|| Stop::invalid(arg.at, "no IP address")),
                _ => Err(Stop::invalid(arg.at, format!("{name}() takes an address in quotes"))),
            }
        }
        Expr::Word(word) if word == "in6addr_any" => Ok(IpAddr::UNSPECIFIED),
        Expr::Word(word) if word == "INADDR_ANY" => Ok(IpAddr::UNSPECIFIED_V4),
        _ => {
            let number =
                u32::try_from(number(arg)?).map_err(|_| Stop::invalid(arg.at, "an IPv4 address has 32 bits"))?;
            Ok(IpAddr::v4(number.to_ne_bytes()))
        }
    }
}

fn constant(arg: &Arg, name: &str) -> Result<i64, Stop> {
    match name {
        "NULL" => Ok(0),
        _ => abi::named(name)
            .or_else(|| Errno::named(name).map(|errno| i64::from(errno.0)))
            .ok_or_else(|| Stop::unsupported(arg.at, format!("unknown constant {name}"))),
    }
}

fn function(arg: &Arg, name: &str, arguments: &[Arg]) -> Result<i64, Stop> {
    let [argument] = arguments else {
        return Err(Stop::invalid(arg.at, format!("{name}() takes one argument")));
    };
    let narrow = |bits: u32| {
        let value = number(argument)?;
        u32::try_from(value)
            .ok()
            .filter(|value| bits == 32 || *value < 1 << bits)
            .ok_or_else(|| Stop::invalid(argument.at, format!("{value} does not fit {bits} bits")))
    };
    match name {
        "htons" | "ntohs" => Ok(i64::from((narrow(16)? as u16).to_be())),
        "htonl" | "ntohl" => Ok(i64::from(narrow(32)?.to_be())),
        "inet_addr" => match address(arg)?.as_v4() {
            Some(octets) => Ok(i64::from(u32::from_ne_bytes(octets))),
            None => Err(Stop::invalid(arg.at, "no IPv4 address")),
        },
        _ => Err(Stop::unsupported(arg.at, format!("unknown function {name}()"))),
    }
}

fn expected(arg: &Arg, what: &str, found: &Expr) -> Stop {
    let found = match found {
        Expr::Default => "...",
        Expr::Integer(..) | Expr::Word(_) | Expr::Or(_) | Expr::Function(..) => "a number",
        Expr::Decimal(_) => "a number with a fraction",
        Expr::Text(_) | Expr::Prefix(_) => "a string",
        Expr::Equals(..) => "an equation",
        Expr::Other(text) => return Stop::unsupported(arg.at, format!("{{{text}}}")),
        Expr::List(_) => "a list",
        Expr::Struct(_) => "a structure",
    };
    Stop::invalid(arg.at, format!("expected {what}, found {found}"))
}

#[cfg(test)]
mod tests;
