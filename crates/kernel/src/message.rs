//! `sendmsg` and `recvmsg`, with control messages (`man 3 cmsg`).

use crate::data::{address, total};
use crate::process::{Process, Unsupported, returned, room};
use limpid_posix::abi::{MSG_ZEROCOPY, SOL_SOCKET};
use limpid_posix::{Call, Control, Message, Output, Return, Sockaddr};
use std::os::fd::AsRawFd;

/// The longest room for control messages, bytes; Linux's own bound (`net.core.optmem_max`) is far lower.
const MAX_CONTROL: usize = 1 << 20;
/// `SCM_RIGHTS`: descriptors as a message.
const SCM_RIGHTS: i32 = 1;
/// `sizeof(struct cmsghdr)`: the length as a word, then level and type.
const HEADER: usize = size_of::<libc::cmsghdr>();
const WORD: usize = size_of::<usize>();

pub(crate) fn call(process: &Process, call: Call) -> Result<Return, Unsupported> {
    match call {
        Call::RecvMsg { fd, lens, control_len, flags } => recv(process, fd, &lens, control_len, flags),
        Call::SendMsg { fd, to, parts, control, flags } => send(process, fd, to.as_ref(), (parts, &control), flags),
        other => Err(Unsupported(format!("{other:?}"))),
    }
}

fn recv(process: &Process, fd: i32, lens: &[usize], control_len: usize, flags: i32) -> Result<Return, Unsupported> {
    let mut bytes = room(total(lens)?)?;
    let mut name = [0_u8; size_of::<libc::sockaddr_storage>()];
    let mut control = control_room(control_len)?;
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    let mut parts = split(&mut bytes, lens);
    let mut header = header(&mut parts, control.as_mut_ptr().cast(), control_len);
    header.msg_name = name.as_mut_ptr().cast();
    header.msg_namelen = name.len() as libc::socklen_t;
    // SAFETY: every pointer in `header` is to a buffer of ours that lives on and has the length said beside it; the control
    // buffer is aligned as a word.
    let count = unsafe { libc::recvmsg(file.as_raw_fd(), &mut header, flags) };
    let mut ended = returned(count as i64);
    if let Ok(count) = ended.value {
        bytes.truncate(usize::try_from(count).unwrap_or(0));
        let filled: Vec<u8> = control.iter().flat_map(|word| word.to_ne_bytes()).collect();
        ended.output = Output::Message(Message {
            name: address(&name, header.msg_namelen),
            bytes,
            control: parse(&filled[..filled.len().min(control_filled(&header))]),
            flags: header.msg_flags,
        });
    }
    Ok(ended)
}

fn send(
    process: &Process,
    fd: i32,
    to: Option<&Sockaddr>,
    (parts, control): (Vec<Vec<u8>>, &[Control]),
    flags: i32,
) -> Result<Return, Unsupported> {
    if control.iter().any(|c| (c.level, c.kind) == (SOL_SOCKET, SCM_RIGHTS)) {
        return Err(Unsupported("SCM_RIGHTS: descriptors that may be anybody's".to_owned()));
    }
    let file = match process.file(fd) {
        Ok(file) => file,
        Err(error) => return Ok(error),
    };
    let mut control = emit(control)?;
    let control_len = control.len() * WORD;
    // `iovec` has no pointer to const; Linux only reads.
    let mut slices: Vec<libc::iovec> =
        parts.iter().map(|p| libc::iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() }).collect();
    let mut header = header(&mut slices, control.as_mut_ptr().cast(), control_len);
    if let Some(Sockaddr(to)) = to {
        header.msg_name = to.as_ptr().cast_mut().cast();
        header.msg_namelen = to.len() as libc::socklen_t;
    }
    // SAFETY: Linux reads from buffers that live on, each as long as said.
    let ended = returned(unsafe { libc::sendmsg(file.as_raw_fd(), &header, flags) } as i64);
    if flags & MSG_ZEROCOPY != 0 {
        parts.into_iter().for_each(|part| process.lend(part));
    }
    Ok(ended)
}

/// A `msghdr` without a name.
fn header(parts: &mut [libc::iovec], control: *mut libc::c_void, control_len: usize) -> libc::msghdr {
    libc::msghdr {
        msg_name: std::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: parts.as_mut_ptr(),
        msg_iovlen: parts.len() as _,
        msg_control: if control_len == 0 { std::ptr::null_mut() } else { control },
        msg_controllen: control_len as _,
        msg_flags: 0,
    }
}

#[allow(clippy::unnecessary_cast, reason = "it is no usize in every libc")]
fn control_filled(header: &libc::msghdr) -> usize {
    header.msg_controllen as usize
}

/// One piece of memory as parts of these lengths, which are together no longer.
fn split(bytes: &mut [u8], lens: &[usize]) -> Vec<libc::iovec> {
    let mut rest = bytes;
    let part = |len: &usize| {
        let (part, behind) = std::mem::take(&mut rest).split_at_mut(*len);
        rest = behind;
        libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() }
    };
    lens.iter().map(part).collect()
}

/// Zeroed room for control messages, aligned as they must be.
fn control_room(len: usize) -> Result<Vec<usize>, Unsupported> {
    if len > MAX_CONTROL {
        return Err(Unsupported(format!("{len} bytes of control messages: more than {MAX_CONTROL}")));
    }
    Ok(vec![0; len.div_ceil(WORD)])
}

/// Control messages as words: each begins at a word and says its length without padding.
fn emit(control: &[Control]) -> Result<Vec<usize>, Unsupported> {
    let mut bytes = Vec::new();
    for Control { level, kind, data } in control {
        bytes.extend((HEADER + data.len()).to_ne_bytes());
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(WORD), 0);
        if bytes.len() > MAX_CONTROL {
            return Err(Unsupported(format!("more than {MAX_CONTROL} bytes of control messages")));
        }
    }
    Ok(bytes.as_chunks().0.iter().map(|word| usize::from_ne_bytes(*word)).collect())
}

/// The control messages that Linux wrote; the last may have been cut short.
fn parse(bytes: &[u8]) -> Vec<Control> {
    let mut control = Vec::new();
    let mut rest = bytes;
    while let Some((header, data)) = rest.split_at_checked(HEADER) {
        let (len, level_and_kind) = header.split_at(WORD);
        let len = len.first_chunk().map_or(0, |b| usize::from_ne_bytes(*b));
        let (level, kind) = level_and_kind.split_at(4);
        let Some(data_len) = len.checked_sub(HEADER) else { break };
        let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |b| i32::from_ne_bytes(*b));
        control.push(Control {
            level: number(level),
            kind: number(kind),
            data: data[..data_len.min(data.len())].to_vec(),
        });
        rest = len.checked_next_multiple_of(WORD).and_then(|len| rest.get(len..)).unwrap_or_default();
    }
    control
}

#[cfg(test)]
mod tests;
