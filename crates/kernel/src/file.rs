//! Files and pipes; `fcntl`, `ioctl`, `splice` and `sendfile`.

use crate::process::{MAX_LEN, Process, Unsupported, result, returned};
use limpid_posix::abi::{F_DUPFD, F_GETFD, F_GETFL, F_GETPIPE_SZ, F_SETFD, F_SETFL, F_SETPIPE_SZ};
use limpid_posix::abi::{FIONBIO, FIONREAD, SIOCATMARK, SIOCOUTQNSD, TIOCOUTQ};
use limpid_posix::{Call, Errno, Output, Return};
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};
use std::ffi::CString;
use std::os::fd::AsRawFd;

const F_DUPFD_CLOEXEC: i32 = 1030;

pub(crate) fn call(process: &Process, call: Call) -> Result<Return, Unsupported> {
    match call {
        Call::Fcntl { fd, command, argument } => fcntl(process, fd, command, argument),
        Call::Ioctl { fd, request, argument } => ioctl(process, fd, request, argument),
        Call::Pipe2 { flags } => Ok(pipe(process, flags)),
        Call::Open { path, flags, mode } => Ok(open(process, path, flags, mode)),
        Call::SendFile { out_fd, in_fd, offset, count } => Ok(send_file(process, (out_fd, in_fd), offset, count)),
        Call::Splice { fd_in, off_in, fd_out, off_out, len, flags } => {
            Ok(splice_call(process, (fd_in, off_in), (fd_out, off_out), len, flags))
        }
        other => Err(Unsupported(format!("{other:?}"))),
    }
}

fn fcntl(process: &Process, fd: i32, command: i32, argument: i64) -> Result<Return, Unsupported> {
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            // SAFETY: integers.
            Ok(process.adopt_raw(unsafe { libc::fcntl(file.as_raw_fd(), command, argument) }))
        }
        F_GETFD | F_SETFD | F_GETFL | F_SETFL | F_SETPIPE_SZ | F_GETPIPE_SZ => {
            // SAFETY: these commands take integers.
            Ok(returned(unsafe { libc::fcntl(file.as_raw_fd(), command, argument) }.into()))
        }
        _ => Err(Unsupported(format!("fcntl command {command}"))),
    }
}

fn ioctl(process: &Process, fd: i32, request: u64, argument: i64) -> Result<Return, Unsupported> {
    if ![FIONREAD, TIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, FIONBIO].contains(&request) {
        return Err(Unsupported(format!("ioctl request {request:#x}")));
    }
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    let mut value = argument as libc::c_int;
    // SAFETY: each of these requests has an `int` that Linux reads or writes, and `value` is one.
    let ended = unsafe { libc::ioctl(file.as_raw_fd(), request as libc::Ioctl, std::ptr::from_mut(&mut value)) };
    let mut ended = returned(ended.into());
    if ended.value.is_ok() && request != FIONBIO {
        ended.output = Output::Integer(value.into());
    }
    Ok(ended)
}

fn pipe(process: &Process, flags: i32) -> Return {
    match pipe_with(PipeFlags::from_bits_retain(flags as u32)) {
        Ok((read, write)) => {
            let ends = [process.adopt(read), process.adopt(write)];
            Return { value: Ok(0), output: Output::Pair(ends) }
        }
        Err(errno) => Return::error(Errno(errno.raw_os_error())),
    }
}

fn open(process: &Process, path: String, flags: i32, mode: u32) -> Return {
    // What Linux would see of it is a shorter name, and another file.
    let Ok(path) = CString::new(path) else { return Return::error(Errno::ENOENT) };
    // SAFETY: the path ends in NUL.
    process.adopt_raw(unsafe { libc::open(path.as_ptr(), flags, mode) })
}

fn send_file(process: &Process, (out_fd, in_fd): (i32, i32), offset: Option<i64>, count: usize) -> Return {
    let (out, input) = match (process.file(out_fd), process.file(in_fd)) {
        (Ok(out), Ok(input)) => (out, input),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    let mut offset = offset.map(|at| at as u64);
    let mut ended = result(rustix::fs::sendfile(out, input, offset.as_mut(), count.min(MAX_LEN)));
    if let (Ok(_), Some(offset)) = (&ended.value, offset) {
        ended.output = Output::Integer(offset as i64);
    }
    ended
}

fn splice_call(
    process: &Process,
    (fd_in, off_in): (i32, Option<i64>),
    (fd_out, off_out): (i32, Option<i64>),
    len: usize,
    flags: i32,
) -> Return {
    let (input, out) = match (process.file(fd_in), process.file(fd_out)) {
        (Ok(input), Ok(out)) => (input, out),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    let (mut off_in, mut off_out) = (off_in.map(|at| at as u64), off_out.map(|at| at as u64));
    let flags = SpliceFlags::from_bits_retain(flags as u32);
    result(splice(input, off_in.as_mut(), out, off_out.as_mut(), len, flags))
}

#[cfg(test)]
mod tests;
