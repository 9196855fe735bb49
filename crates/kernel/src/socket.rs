//! Sockets: making, naming, connecting.

use crate::data::address;
use crate::process::{Process, returned};
use limpid_posix::{Call, Errno, Output, Return, Sockaddr};
use std::os::fd::{AsRawFd, RawFd};

pub(crate) fn call(process: &Process, call: Call) -> Return {
    match call {
        Call::Socket { domain, kind, protocol } => {
            // SAFETY: three integers.
            process.adopt_raw(unsafe { libc::socket(domain, kind, protocol) })
        }
        Call::Bind { fd, address } => with(process, fd, |fd| {
            // SAFETY: Linux reads as many bytes as said, of any alignment and content.
            unsafe { libc::bind(fd, address.0.as_ptr().cast(), address.0.len() as libc::socklen_t) }
        }),
        Call::Connect { fd, address } => with(process, fd, |fd| {
            // SAFETY: as for bind.
            unsafe { libc::connect(fd, address.0.as_ptr().cast(), address.0.len() as libc::socklen_t) }
        }),
        // SAFETY: two integers.
        Call::Listen { fd, backlog } => with(process, fd, |fd| unsafe { libc::listen(fd, backlog) }),
        // SAFETY: two integers.
        Call::Shutdown { fd, how } => with(process, fd, |fd| unsafe { libc::shutdown(fd, how) }),
        Call::Accept4 { fd, flags } => accept(process, fd, flags),
        Call::GetSockName { fd } => name(process, fd, |fd, name, len| {
            // SAFETY: `name` has room for `len` bytes, and Linux writes no more.
            unsafe { libc::getsockname(fd, name, len) }
        }),
        Call::GetPeerName { fd } => name(process, fd, |fd, name, len| {
            // SAFETY: as for getsockname.
            unsafe { libc::getpeername(fd, name, len) }
        }),
        _ => Return::error(Errno::ENOSYS),
    }
}

fn with(process: &Process, fd: i32, call: impl FnOnce(RawFd) -> i32) -> Return {
    process.file(fd).map_or_else(|error| error, |file| returned(call(file.as_raw_fd()).into()))
}

fn accept(process: &Process, fd: i32, flags: i32) -> Return {
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return error,
    };
    let (value, peer) = named(|name, len| {
        // SAFETY: `name` has room for `len` bytes, and Linux writes no more.
        unsafe { libc::accept4(file.as_raw_fd(), name, len, flags) }
    });
    let mut ended = process.adopt_raw(value);
    if let (Ok(_), Some(peer)) = (&ended.value, peer) {
        ended.output = Output::Address(peer);
    }
    ended
}

fn name(
    process: &Process,
    fd: i32,
    call: impl FnOnce(RawFd, *mut libc::sockaddr, *mut libc::socklen_t) -> i32,
) -> Return {
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return error,
    };
    let (value, name) = named(|name, len| call(file.as_raw_fd(), name, len));
    let mut ended = returned(value.into());
    if let (Ok(_), Some(name)) = (&ended.value, name) {
        ended.output = Output::Address(name);
    }
    ended
}

/// Makes a call that fills an address.
fn named(call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> i32) -> (i32, Option<Sockaddr>) {
    let mut room = [0_u8; size_of::<libc::sockaddr_storage>()];
    let mut len = room.len() as libc::socklen_t;
    let value = call(room.as_mut_ptr().cast(), &mut len);
    (value, (value >= 0).then(|| address(&room, len)).flatten())
}

#[cfg(test)]
mod tests;
