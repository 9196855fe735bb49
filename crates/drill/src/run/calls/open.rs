//! Calls that make, name and end sockets.

use super::{Args, Bound, Effect, Kind, check_address};
use crate::run::options::IpVersion;
use crate::run::{Stop, values};
use limpid_posix::abi::{AF_INET, AF_INET6, AF_UNSPEC};
use limpid_posix::{Call, Sockaddr};

/// Length of `struct sockaddr_storage`, bytes.
const SOCKADDR_STORAGE: usize = 128;

pub(super) fn socket(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    let domain = match (values::is_default(args.at(0)?), args.options.ip_version) {
        (true, IpVersion::V4) => AF_INET,
        (true, IpVersion::V6 | IpVersion::V4MappedV6) => AF_INET6,
        (false, _) => args.int(0)?,
    };
    let call = Call::Socket { domain, kind: args.int(1)?, protocol: args.int(2)? };
    Ok(Bound::opens(call).effect(Effect::Socket))
}

pub(super) fn bind(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    args.address_len(2)?;
    let fd = args.fd(0)?;
    let address = values::sockaddr(args.at(1)?)?.unwrap_or_else(|| args.options.bind_address());
    let port = address.endpoint().map_or(0, |endpoint| endpoint.port);
    Ok(Bound::from(Call::Bind { fd, address }).effect(Effect::Bind(fd, port)))
}

pub(super) fn listen(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(2)?;
    let fd = args.fd(0)?;
    Ok(Bound::from(Call::Listen { fd, backlog: args.int(1)? }).effect(Effect::Listen(fd)))
}

pub(super) fn accept(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    accepting(args, 0)
}

pub(super) fn accept4(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(4)?;
    accepting(args, args.int(3)?)
}

fn accepting(args: &Args<'_>, flags: i32) -> Result<Bound, Stop> {
    args.address_len(2)?;
    let call = Call::Accept4 { fd: args.fd(0)?, flags };
    let bound = Bound { result: Kind::Descriptor, effect: Effect::Accept, ..Bound::from(call) };
    let address = args.at(1)?;
    if values::is_null(address) {
        return Ok(bound);
    }
    Ok(match values::sockaddr(address)? {
        Some(expected) => bound
            .filled(move |gave, _| if gave.value.is_ok() { check_address(&expected, &gave.output) } else { Ok(()) }),
        None => bound,
    })
}

pub(super) fn connect(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(3)?;
    args.address_len(2)?;
    let fd = args.fd(0)?;
    let (address, effect) = destination(args, 1, fd)?;
    Ok(Bound::from(Call::Connect { fd, address }).effect(effect))
}

/// Where a connect goes: a literal, `...`, or a family alone, which is AF_UNSPEC to disconnect (`man 2 connect`).
pub(super) fn destination(args: &Args<'_>, nth: usize, fd: i32) -> Result<(Sockaddr, Effect), Stop> {
    let arg = args.at(nth)?;
    let address = match values::sockaddr(arg) {
        Ok(Some(address)) => address,
        Ok(None) => args.options.connect_address(),
        Err(not_a_literal) => {
            let Ok(family) = values::number(arg) else { return Err(not_a_literal) };
            let family = u16::try_from(family).map_err(|_| Stop::invalid(arg.at, "an address family has 16 bits"))?;
            let mut bytes = family.to_ne_bytes().to_vec();
            bytes.resize(SOCKADDR_STORAGE, 0);
            Sockaddr(bytes)
        }
    };
    let effect = match (address.family(), address.endpoint()) {
        (Some(AF_UNSPEC), _) => Effect::Connect(fd, None),
        (_, Some(endpoint)) => Effect::Connect(fd, Some(endpoint.port)),
        (_, None) => Effect::None,
    };
    Ok((address, effect))
}

pub(super) fn close(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(1)?;
    Ok(Bound::from(Call::Close { fd: args.fd(0)? }).effect(Effect::Close(args.int(0)?)))
}

pub(super) fn shutdown(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(2)?;
    Ok(Call::Shutdown { fd: args.fd(0)?, how: args.int(1)? }.into())
}

pub(super) fn getsockname(args: &Args<'_>) -> Result<Bound, Stop> {
    named(args, Call::GetSockName { fd: args.fd(0)? })
}

pub(super) fn getpeername(args: &Args<'_>) -> Result<Bound, Stop> {
    named(args, Call::GetPeerName { fd: args.fd(0)? })
}

fn named(args: &Args<'_>, call: Call) -> Result<Bound, Stop> {
    args.count(3)?;
    args.address_len(2)?;
    let bound = Bound::from(call);
    Ok(match values::sockaddr(args.at(1)?)? {
        Some(expected) => bound
            .filled(move |gave, _| if gave.value.is_ok() { check_address(&expected, &gave.output) } else { Ok(()) }),
        None => bound,
    })
}
