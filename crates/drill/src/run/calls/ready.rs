//! poll, select, epoll.

use super::{Args, Bound, Seen};
use crate::run::{Stop, values};
use crate::script::{Arg, Expr, Field};
use limpid_posix::{Call, EpollEvent, Output, PollFd, Return, Selected};
use std::time::Duration;

/// The names of poll's events, in the order they are printed.
const POLL: [(u32, &str); 11] = [
    (0x0001, "POLLIN"),
    (0x0002, "POLLPRI"),
    (0x0004, "POLLOUT"),
    (0x0008, "POLLERR"),
    (0x0010, "POLLHUP"),
    (0x0020, "POLLNVAL"),
    (0x0040, "POLLRDNORM"),
    (0x0080, "POLLRDBAND"),
    (0x0100, "POLLWRNORM"),
    (0x0200, "POLLWRBAND"),
    (0x2000, "POLLRDHUP"),
];

fn poll_names(bits: i16) -> String {
    let mut left = u32::from(bits as u16);
    let mut names = Vec::new();
    for (bit, name) in POLL {
        if left & bit != 0 {
            names.push(name.to_owned());
            left &= !bit;
        }
    }
    if left != 0 || names.is_empty() {
        names.push(format!("{left:#x}"));
    }
    names.join("|")
}

pub(super) fn poll(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    let list = values::list(args.at(0)?)?;
    let nfds = args.int(1)?;
    if usize::try_from(nfds) != Ok(list.len()) {
        let what = format!("nfds {nfds} does not match {}-element pollfd array", list.len());
        return Err(Stop::invalid(args.at(1)?.at, what));
    }
    let mut fds = Vec::new();
    let mut expected = Vec::new();
    for arg in list {
        let fields = values::fields(arg)?;
        values::only_fields(fields, &["fd", "events", "revents"])?;
        let fd = args.fds.live(int_field(arg, fields, "fd")?);
        fds.push(PollFd { fd, events: int_field(arg, fields, "events")? as i16, revents: 0 });
        expected.push(match values::field(fields, "revents") {
            Some(field) if !values::is_default(&field.value) => Some(values::int(&field.value)? as i16),
            _ => None,
        });
    }
    let call = Call::Poll { fds, timeout: args.int(2)? };
    Ok(Bound::from(call).filled(move |gave, _| check_polled(&expected, gave)))
}

fn int_field(arg: &Arg, fields: &[Field], name: &str) -> Result<i32, Stop> {
    let value = values::field_number(arg, fields, name)?;
    i32::try_from(value).map_err(|_| Stop::invalid(arg.at, format!("{name} does not fit an int")))
}

fn check_polled(expected: &[Option<i16>], gave: &Return) -> Result<(), String> {
    if gave.value.is_err() {
        return Ok(());
    }
    let Output::Polled(polled) = &gave.output else { return Err("poll gave no array".to_owned()) };
    for (nth, (expected, actual)) in expected.iter().zip(polled).enumerate() {
        if let Some(expected) = expected.filter(|expected| *expected != actual.revents) {
            let (expected, actual) = (poll_names(expected), poll_names(actual.revents));
            return Err(format!("Expected revents of {expected} but got {actual} for pollfd {nth}"));
        }
    }
    Ok(())
}

/// `select(nfds, [4, 5], NULL, NULL, {tv_sec=0, tv_usec=1000})`: the lists say what is asked for; how many are ready is the result.
pub(super) fn select(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(5)?;
    let nfds = args.int(0)?;
    let set = |nth| -> Result<Option<Vec<i32>>, Stop> {
        let arg = args.at(nth)?;
        if values::is_null(arg) {
            return Ok(None);
        }
        values::list(arg)?.iter().map(|fd| Ok(args.fds.live(values::int(fd)?))).collect::<Result<_, _>>().map(Some)
    };
    let sets = Selected { read: set(1)?, write: set(2)?, except: set(3)? };
    // The script's numbers are not those of the target.
    let highest = [&sets.read, &sets.write, &sets.except].into_iter().flatten().flatten().max();
    let nfds = highest.map_or(nfds, |highest| highest.saturating_add(1));
    Ok(Call::Select { nfds, sets, timeout: timeval(args.at(4)?)? }.into())
}

fn timeval(arg: &Arg) -> Result<Option<Duration>, Stop> {
    if values::is_null(arg) {
        return Ok(None);
    }
    let fields = values::fields(arg)?;
    values::only_fields(fields, &["tv_sec", "tv_usec"])?;
    let part = |name| {
        let value = values::field_number(arg, fields, name)?;
        u32::try_from(value).map_err(|_| Stop::invalid(arg.at, format!("bad {name}")))
    };
    Ok(Some(Duration::from_secs(part("tv_sec")?.into()) + Duration::from_micros(part("tv_usec")?.into())))
}

pub(super) fn epoll_create(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(1)?;
    // The size is not looked at, but one below 1 is an error: as bad flags are.
    let flags = if args.int(0)? > 0 { 0 } else { -1 };
    Ok(Bound::opens(Call::EpollCreate1 { flags }))
}

pub(super) fn epoll_create1(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(1)?;
    Ok(Bound::opens(Call::EpollCreate1 { flags: args.int(0)? }))
}

/// The caller's own word in an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Data {
    /// A descriptor: the script's number.
    Fd(i32),
    /// `u32`: the other half is not looked at.
    U32(u32),
    /// `u64` or `ptr`.
    U64(u64),
}

/// `{events=EPOLLIN|EPOLLET, fd=4}`.
fn event(arg: &Arg) -> Result<(u32, Data), Stop> {
    let fields = values::fields(arg)?;
    values::only_fields(fields, &["events", "fd", "u32", "u64", "ptr"])?;
    let events = values::field_number(arg, fields, "events")? as u32;
    let data = fields.iter().find(|field| field.name.as_deref() != Some("events"));
    let Some(Field { name: Some(name), value, .. }) = data else {
        return Err(Stop::invalid(arg.at, "epoll_event specified incorrectly"));
    };
    let data = match name.as_str() {
        "fd" => Data::Fd(values::int(value)?),
        "u32" => Data::U32(values::number(value)? as u32),
        _ => Data::U64(values::number(value)? as u64),
    };
    Ok((events, data))
}

pub(super) fn epoll_ctl(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(4)?;
    let arg = args.at(3)?;
    let event = if values::is_null(arg) || values::is_default(arg) {
        None
    } else {
        let (events, data) = event(arg)?;
        let data = match data {
            // What the kernel gives back are 64 bits, of which the descriptor is the lower half.
            Data::Fd(fd) => u64::from(args.fds.live(fd) as u32),
            Data::U32(value) => u64::from(value),
            Data::U64(value) => value,
        };
        Some(EpollEvent { events, data })
    };
    Ok(Call::EpollCtl { epfd: args.fd(0)?, operation: args.int(1)?, fd: args.fd(2)?, event }.into())
}

pub(super) fn epoll_wait(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(4)?;
    waiting(args)
}

/// `epoll_pwait` without a signal mask.
pub(super) fn epoll_pwait(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(5)?;
    if !values::is_null(args.at(4)?) && !values::is_default(args.at(4)?) {
        return Err(args.unsupported("a signal mask"));
    }
    waiting(args)
}

fn waiting(args: &Args<'_>) -> Result<Bound, Stop> {
    let arg = args.at(1)?;
    let expected = match &arg.value {
        Expr::Default => None,
        Expr::List(list) => Some(list.iter().map(event).collect::<Result<Vec<_>, _>>()?),
        // Nothing is expected.
        Expr::Struct(fields) if fields.is_empty() => Some(Vec::new()),
        _ => Some(vec![event(arg)?]),
    };
    let call = Call::EpollWait { epfd: args.fd(0)?, max: args.int(2)?, timeout: args.int(3)? };
    Ok(Bound::from(call).filled(move |gave, seen| match &expected {
        Some(expected) => check_events(expected, gave, seen),
        None => Ok(()),
    }))
}

/// The events that there are must be the script's, in their order. Where there is none, the script's can only be zero.
fn check_events(expected: &[(u32, Data)], gave: &Return, seen: &Seen<'_>) -> Result<(), String> {
    let actual: &[EpollEvent] = match &gave.output {
        Output::Events(events) => events,
        _ => &[],
    };
    if actual.len() > expected.len() && expected.len() != 1 {
        return Err(format!("got {} epoll_events, expected {}", actual.len(), expected.len()));
    }
    for (nth, (events, data)) in expected.iter().enumerate() {
        let got = actual.get(nth).copied();
        let got_events = got.map_or(0, |event| event.events);
        if *events != got_events {
            return Err(format!(
                "epoll_event->events does not match script: expected: {events:#x} actual: {got_events:#x}"
            ));
        }
        let Some(got) = got else { continue };
        let (expected, actual) = match *data {
            Data::Fd(fd) => (u64::from(seen.fds.live(fd) as u32), got.data & 0xffff_ffff),
            Data::U32(value) => (u64::from(value), got.data & 0xffff_ffff),
            Data::U64(value) => (value, got.data),
        };
        if expected != actual {
            let what = match *data {
                Data::Fd(fd) => match seen.fds.script(actual as i32) {
                    Some(other) => format!("expected: {fd} actual: {other}"),
                    None => format!("expected: {fd} actual: none of the script's descriptors"),
                },
                _ => format!("expected: {expected} actual: {actual}"),
            };
            return Err(format!("epoll_event->data does not match script: {what}"));
        }
    }
    Ok(())
}
