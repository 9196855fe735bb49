//! `read`, `write` and their kin.

use crate::process::{MAX_LEN, Process, Unsupported, result, returned, room};
use limpid_posix::abi::MSG_ZEROCOPY;
use limpid_posix::{Call, Message, Output, Return, Sockaddr};
use rustix::io;
use rustix::net::{self, RecvFlags, SendFlags};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;

pub(crate) fn call(process: &Process, call: Call) -> Result<Return, Unsupported> {
    match call {
        Call::Read { fd, len } => fill(len, |bytes| match process.file(fd) {
            Ok(file) => result(io::read(file, bytes)),
            Err(error) => error,
        }),
        Call::Recv { fd, len, flags } => fill(len, |bytes| recv(process, fd, bytes, flags)),
        Call::Readv { fd, lens } => readv(process, fd, &lens),
        Call::RecvFrom { fd, len, flags } => recv_from(process, fd, len, flags),
        Call::Write { fd, bytes } => Ok(process.file(fd).map_or_else(|e| e, |file| result(io::write(file, &bytes)))),
        Call::Writev { fd, parts } => Ok(writev(process, fd, &parts)),
        Call::Send { fd, bytes, flags } => Ok(send_to(process, fd, bytes, flags, None)),
        Call::SendTo { fd, bytes, flags, to } => Ok(send_to(process, fd, bytes, flags, to.as_ref())),
        other => Err(Unsupported(format!("{other:?}"))),
    }
}

/// Makes a call that fills at most `len` bytes, and gives those it filled.
fn fill(len: usize, call: impl FnOnce(&mut [u8]) -> Return) -> Result<Return, Unsupported> {
    let mut bytes = room(len)?;
    let mut ended = call(&mut bytes);
    if let Ok(count) = ended.value {
        // With MSG_TRUNC a count may be more than there was room for.
        bytes.truncate(usize::try_from(count).unwrap_or(0));
        ended.output = Output::Bytes(bytes);
    }
    Ok(ended)
}

fn recv(process: &Process, fd: i32, bytes: &mut [u8], flags: i32) -> Return {
    let flags = RecvFlags::from_bits_retain(flags as u32);
    match process.file(fd) {
        Ok(file) => result(net::recv(file, bytes, flags).map(|(_, count)| count)),
        Err(error) => error,
    }
}

fn readv(process: &Process, fd: i32, lens: &[usize]) -> Result<Return, Unsupported> {
    fill(total(lens)?, |bytes| {
        let mut slices = Vec::with_capacity(lens.len());
        let mut rest = bytes;
        for len in lens {
            let (part, behind) = rest.split_at_mut(*len);
            slices.push(IoSliceMut::new(part));
            rest = behind;
        }
        process.file(fd).map_or_else(|e| e, |file| result(io::readv(file, &mut slices)))
    })
}

/// How many bytes the parts hold together.
pub(crate) fn total(lens: &[usize]) -> Result<usize, Unsupported> {
    let total = lens.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len));
    total.filter(|total| *total <= MAX_LEN).ok_or_else(|| Unsupported(format!("more than {MAX_LEN} bytes in one call")))
}

fn recv_from(process: &Process, fd: i32, len: usize, flags: i32) -> Result<Return, Unsupported> {
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    let mut bytes = room(len)?;
    let mut name = [0_u8; size_of::<libc::sockaddr_storage>()];
    let mut name_len = name.len() as libc::socklen_t;
    // SAFETY: both buffers are ours and as long as said; the address may be of any alignment, for Linux copies bytes.
    let count = unsafe {
        libc::recvfrom(
            file.as_raw_fd(),
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            flags,
            name.as_mut_ptr().cast(),
            &mut name_len,
        )
    };
    let mut ended = returned(count as i64);
    if let Ok(count) = ended.value {
        bytes.truncate(usize::try_from(count).unwrap_or(0));
        let name = address(&name, name_len);
        ended.output = Output::Message(Message { name, bytes, ..Message::default() });
    }
    Ok(ended)
}

/// The address that a call filled in, if it did.
pub(crate) fn address(room: &[u8], len: libc::socklen_t) -> Option<Sockaddr> {
    let bytes = &room[..room.len().min(len as usize)];
    (!bytes.is_empty()).then(|| Sockaddr(bytes.to_vec()))
}

fn writev(process: &Process, fd: i32, parts: &[Vec<u8>]) -> Return {
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    process.file(fd).map_or_else(|e| e, |file| result(io::writev(file, &slices)))
}

fn send_to(process: &Process, fd: i32, bytes: Vec<u8>, flags: i32, to: Option<&Sockaddr>) -> Return {
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return error,
    };
    let ended = match to {
        None => result(net::send(file, &bytes, SendFlags::from_bits_retain(flags as u32))),
        Some(Sockaddr(to)) => {
            // SAFETY: Linux reads both buffers, of the lengths said; an address may be of any alignment and content.
            let sent = unsafe {
                libc::sendto(
                    file.as_raw_fd(),
                    bytes.as_ptr().cast(),
                    bytes.len(),
                    flags,
                    to.as_ptr().cast(),
                    to.len() as libc::socklen_t,
                )
            };
            returned(sent as i64)
        }
    };
    if flags & MSG_ZEROCOPY != 0 {
        process.lend(bytes);
    }
    ended
}

#[cfg(test)]
mod tests;
