//! Socket options, as bytes.

use crate::process::{Process, Unsupported, returned, room};
use limpid_posix::abi::{SOL_IP, SOL_IPV6};
use limpid_posix::{Call, Output, Return};
use std::os::fd::AsRawFd;

/// The longest option value, bytes.
const MAX_VALUE: usize = 1 << 20;

pub(crate) fn call(process: &Process, call: Call) -> Result<Return, Unsupported> {
    match call {
        Call::GetSockOpt { fd, level, name, len } => value(process, fd, (level, name), len),
        Call::SetSockOpt { fd, level, name, value } => set(process, fd, (level, name), &value),
        other => Err(Unsupported(format!("{other:?}"))),
    }
}

fn value(process: &Process, fd: i32, option: (i32, i32), len: usize) -> Result<Return, Unsupported> {
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    let mut bytes = room(checked_len(len)?)?;
    let mut len = bytes.len() as libc::socklen_t;
    let (level, name) = option;
    // SAFETY: `bytes` has room for `len` bytes, and Linux writes no more. They are zeros, so an option that reads addresses
    // from them (TCP_ZEROCOPY_RECEIVE) finds none.
    let ended = unsafe { libc::getsockopt(file.as_raw_fd(), level, name, bytes.as_mut_ptr().cast(), &mut len) };
    let mut ended = returned(ended.into());
    if ended.value.is_ok() {
        bytes.truncate(len as usize);
        ended.output = Output::Bytes(bytes);
    }
    Ok(ended)
}

fn set(process: &Process, fd: i32, option: (i32, i32), value: &[u8]) -> Result<Return, Unsupported> {
    let (level, name) = option;
    if is_filter_table(level, name) {
        return Err(Unsupported(format!("option {name} of level {level}: packet filter tables")));
    }
    checked_len(value.len())?;
    let len = value.len() as libc::socklen_t;
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    // SAFETY: Linux reads as many bytes as said. No option that gets here has it write to an address found in them.
    Ok(returned(unsafe { libc::setsockopt(file.as_raw_fd(), level, name, value.as_ptr().cast(), len) }.into()))
}

/// IPT_SO_SET_REPLACE and its kin hold an address that Linux writes counters to.
fn is_filter_table(level: i32, name: i32) -> bool {
    (level == SOL_IP && name >= 64) || (level == SOL_IPV6 && (64..=65).contains(&name))
}

fn checked_len(len: usize) -> Result<usize, Unsupported> {
    if len <= MAX_VALUE {
        Ok(len)
    } else {
        Err(Unsupported(format!("an option of {len} bytes: more than {MAX_VALUE}")))
    }
}

#[cfg(test)]
mod tests;
