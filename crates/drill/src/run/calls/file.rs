//! Pipes, files, and what moves data between descriptors.

use super::{Args, Bound, Effect};
use crate::run::{Stop, values};
use crate::script::{Arg, Expr};
use limpid_posix::Call;

pub(super) fn pipe(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(1)?;
    piped(args, 0)
}

pub(super) fn pipe2(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(2)?;
    piped(args, args.int(1)?)
}

fn piped(args: &Args<'_>, flags: i32) -> Result<Bound, Stop> {
    let arg = args.at(0)?;
    let [read, write] = values::list(arg)? else {
        return Err(Stop::invalid(arg.at, "expected two descriptors"));
    };
    let ends = [values::int(read)?, values::int(write)?];
    Ok(Bound::from(Call::Pipe2 { flags }).effect(Effect::Pipe(ends)))
}

pub(super) fn open(args: &Args<'_>) -> Result<Bound, Stop> {
    args.between(2, 3)?;
    let arg = args.at(0)?;
    let Expr::Text(path) = &arg.value else { return Err(Stop::invalid(arg.at, "expected a path in quotes")) };
    let path = String::from_utf8(path.clone()).map_err(|_| Stop::invalid(arg.at, "the path is no UTF-8"))?;
    let mode = if args.call.arguments.len() == 3 { args.int(2)? as u32 } else { 0 };
    Ok(Bound::opens(Call::Open { path, flags: args.int(1)?, mode }))
}

pub(super) fn sendfile(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(4)?;
    let offset = offset(args.at(2)?)?;
    Ok(Call::SendFile { out_fd: args.fd(0)?, in_fd: args.fd(1)?, offset, count: args.size(3)? }.into())
}

pub(super) fn splice(args: &Args<'_>) -> Result<Bound, Stop> {
    args.count(6)?;
    let call = Call::Splice {
        fd_in: args.fd(0)?,
        off_in: offset(args.at(1)?)?,
        fd_out: args.fd(2)?,
        off_out: offset(args.at(3)?)?,
        len: args.size(4)?,
        flags: args.int(5)?,
    };
    Ok(call.into())
}

/// `[n]`, or NULL.
fn offset(arg: &Arg) -> Result<Option<i64>, Stop> {
    if values::is_null(arg) { Ok(None) } else { values::number(values::bracketed(arg)?).map(Some) }
}
