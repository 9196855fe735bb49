//! System calls of a script: from its expressions to a [`Call`], and what the call gave compared with what the script says.
//!
//! Each call has an entry in [`TABLE`], which names the function that binds its arguments. `...` is what packetdrill puts
//! there: the script's own addresses, buffers of zeros.

mod data;
mod file;
mod keys;
mod message;
mod open;
mod option;
mod ready;
mod stats;

use super::options::Options;
use super::values;
use super::{Descriptors, Stop};
use crate::script::{Arg, SystemCall};
use limpid_posix::{Call, Output, Return};
use std::fmt;
use std::time::Duration;

/// A call with its arguments bound.
pub(crate) struct Bound {
    /// What is called.
    pub(crate) call: Call,
    /// What the result is compared as.
    pub(crate) result: Kind,
    /// What it does to sockets and descriptors as the runner knows them.
    pub(crate) effect: Effect,
    /// Compares what the call filled in; only asked if the result was as expected.
    pub(crate) filled: Option<Filled>,
}

/// Compares what a call filled in with what the script says.
pub(crate) type Filled = Box<dyn FnOnce(&Return, &Seen<'_>) -> Result<(), String>>;

/// How a result is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// As a number.
    Exact,
    /// As a new descriptor: any will do where the script expects one.
    Descriptor,
}

/// What a call does to sockets and descriptors as the runner knows them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Effect {
    /// Nothing.
    #[default]
    None,
    /// A descriptor is new, and no socket.
    Open,
    /// A socket is new: from here on it is the one under test.
    Socket,
    /// The socket with this live descriptor is bound to a port.
    Bind(i32, u16),
    /// The socket with this live descriptor listens.
    Listen(i32),
    /// A connection is accepted; its peer is in the output.
    Accept,
    /// The socket with this live descriptor connects, from before the call on, to this port; `None` if it disconnects.
    Connect(i32, Option<u16>),
    /// The script's descriptor is closed.
    Close(i32),
    /// Two descriptors are new: the script's numbers.
    Pipe([i32; 2]),
}

/// What comparisons of output need to know.
pub(crate) struct Seen<'a> {
    pub(crate) fds: &'a Descriptors,
    /// Wall-clock time of the script's start, since the Unix epoch.
    pub(crate) wall_clock: Duration,
    pub(crate) options: &'a Options,
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bound { call, result, effect, filled: _ } = self;
        f.debug_struct("Bound").field("call", call).field("result", result).field("effect", effect).finish()
    }
}

impl From<Call> for Bound {
    fn from(call: Call) -> Bound {
        Bound { call, result: Kind::Exact, effect: Effect::None, filled: None }
    }
}

impl Bound {
    fn opens(call: Call) -> Bound {
        Bound { result: Kind::Descriptor, effect: Effect::Open, ..Bound::from(call) }
    }

    fn effect(self, effect: Effect) -> Bound {
        Bound { effect, ..self }
    }

    fn filled(self, check: impl FnOnce(&Return, &Seen<'_>) -> Result<(), String> + 'static) -> Bound {
        Bound { filled: Some(Box::new(check)), ..self }
    }
}

type Binder = fn(&Args<'_>) -> Result<Bound, Stop>;

/// Every call by its name.
const TABLE: &[(&str, Binder)] = &[
    ("socket", open::socket),
    ("bind", open::bind),
    ("listen", open::listen),
    ("accept", open::accept),
    ("accept4", open::accept4),
    ("connect", open::connect),
    ("close", open::close),
    ("shutdown", open::shutdown),
    ("getsockname", open::getsockname),
    ("getpeername", open::getpeername),
    ("read", data::read),
    ("readv", data::readv),
    ("recv", data::recv),
    ("recvfrom", data::recvfrom),
    ("recvmsg", message::recvmsg),
    ("write", data::write),
    ("writev", data::writev),
    ("send", data::send),
    ("sendto", data::sendto),
    ("sendmsg", message::sendmsg),
    ("getsockopt", option::getsockopt),
    ("setsockopt", option::setsockopt),
    ("fcntl", option::fcntl),
    ("ioctl", option::ioctl),
    ("poll", ready::poll),
    ("select", ready::select),
    ("epoll_create", ready::epoll_create),
    ("epoll_create1", ready::epoll_create1),
    ("epoll_ctl", ready::epoll_ctl),
    ("epoll_wait", ready::epoll_wait),
    ("epoll_pwait", ready::epoll_pwait),
    ("pipe", file::pipe),
    ("pipe2", file::pipe2),
    ("open", file::open),
    ("sendfile", file::sendfile),
    ("splice", file::splice),
];

/// Binds the arguments of a call.
///
/// # Errors
/// [`Stop::Unsupported`] for a call, constant or form that is not known, [`Stop::Invalid`] for arguments that make no sense.
pub(crate) fn bind(call: &SystemCall, options: &Options, fds: &Descriptors) -> Result<Bound, Stop> {
    match TABLE.iter().find(|(name, _)| *name == call.name) {
        Some((_, binder)) => binder(&Args { call, options, fds }),
        None => Err(Stop::unsupported(call.at, format!("system call {}", call.name))),
    }
}

/// The arguments of a call.
struct Args<'a> {
    call: &'a SystemCall,
    options: &'a Options,
    fds: &'a Descriptors,
}

impl<'a> Args<'a> {
    /// Fails unless there are so many.
    fn count(&self, expected: usize) -> Result<(), Stop> {
        self.between(expected, expected)
    }

    fn between(&self, least: usize, most: usize) -> Result<(), Stop> {
        let given = self.call.arguments.len();
        if (least..=most).contains(&given) {
            return Ok(());
        }
        let expected = if least == most { least.to_string() } else { format!("{least}-{most}") };
        Err(Stop::invalid(self.call.at, format!("{}() takes {expected} arguments but got {given}", self.call.name)))
    }

    /// The `nth` argument, from 0.
    fn at(&self, nth: usize) -> Result<&'a Arg, Stop> {
        self.call
            .arguments
            .get(nth)
            .ok_or_else(|| Stop::invalid(self.call.at, format!("{}() needs more than {nth} arguments", self.call.name)))
    }

    fn int(&self, nth: usize) -> Result<i32, Stop> {
        values::int(self.at(nth)?)
    }

    fn number(&self, nth: usize) -> Result<i64, Stop> {
        values::number(self.at(nth)?)
    }

    fn size(&self, nth: usize) -> Result<usize, Stop> {
        values::size(self.at(nth)?)
    }

    /// The live descriptor.
    fn fd(&self, nth: usize) -> Result<i32, Stop> {
        Ok(self.fds.live(self.int(nth)?))
    }

    /// The length of an address: `...`, or a number that is not looked at, because the address has its own.
    fn address_len(&self, nth: usize) -> Result<(), Stop> {
        let arg = self.at(nth)?;
        if values::is_default(arg) || values::is_null(arg) {
            return Ok(());
        }
        let arg = if values::list(arg).is_ok() { values::bracketed(arg)? } else { arg };
        values::is_default(arg).then_some(()).map_or_else(|| values::size(arg).map(|_| ()), Ok)
    }

    fn unsupported(&self, what: impl fmt::Display) -> Stop {
        Stop::unsupported(self.call.at, format!("{}: {what}", self.call.name))
    }
}

/// Compares an address that a call filled in with the script's literal.
fn check_address(expected: &limpid_posix::Sockaddr, output: &Output) -> Result<(), String> {
    let actual = match output {
        Output::Address(address) => Some(address),
        Output::Message(message) => message.name.as_ref(),
        _ => None,
    };
    match actual {
        Some(actual) if actual.family() == expected.family() && actual.endpoint() == expected.endpoint() => Ok(()),
        Some(actual) => Err(format!("Bad address: expected: {expected:?} actual: {actual:?}")),
        None => Err(format!("Bad address: expected: {expected:?} but there is none")),
    }
}

/// Bytes as they stand in a script.
fn printable(bytes: &[u8]) -> String {
    format!("'{}'", bytes.escape_ascii())
}

/// What a call returned, compared with what the script says, in packetdrill's words.
///
/// # Errors
/// [`Stop::Invalid`] or [`Stop::Unsupported`] if the script's own side makes no sense; the inner error is the difference.
pub(crate) fn check_result(call: &SystemCall, kind: Kind, actual: &Return) -> Result<Result<(), String>, Stop> {
    let expected = values::number(&call.result)?;
    let got = || match actual.value {
        Ok(value) => format!("{value}"),
        Err(errno) => format!("-1 with errno {} ({errno})", errno.0),
    };
    if kind == Kind::Descriptor && expected >= 0 {
        if actual.value.is_err() {
            return Ok(Err(format!("Expected non-negative result but got {}", got())));
        }
    } else if actual.raw() != expected {
        return Ok(Err(format!("Expected result {expected} but got {}", got())));
    }
    let Some(name) = &call.errno else { return Ok(Ok(())) };
    let errno = values::errno(call.result.at, name)?;
    Ok(match actual.value {
        Err(actual) if actual == errno => Ok(()),
        Err(actual) => Err(format!("Expected errno {} ({errno}) but got {} ({actual})", errno.0, actual.0)),
        Ok(_) => Err(format!("Expected errno {} ({errno}) but got 0 (Success)", errno.0)),
    })
}

#[cfg(test)]
mod tests;
