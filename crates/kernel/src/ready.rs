//! `poll`, `select` and `epoll`.

use crate::process::{Process, Unsupported, returned};
use limpid_posix::{Call, EpollEvent, Errno, Output, PollFd, Return, Selected};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// The most events that `epoll_wait` gives at once; a larger room is as if it were this large.
const MAX_EVENTS: i32 = 4096;
/// The highest descriptor in one of `select`'s sets.
const MAX_SELECTED: i32 = 65_535;
/// Bits of a word in such a set.
const WORD_BITS: usize = libc::c_ulong::BITS as usize;

pub(crate) fn call(process: &Process, call: Call) -> Result<Return, Unsupported> {
    match call {
        Call::Poll { fds, timeout } => Ok(poll(process, fds, timeout)),
        Call::Select { nfds, sets, timeout } => select(process, nfds, &sets, timeout),
        Call::EpollCreate1 { flags } => {
            // SAFETY: one integer.
            Ok(process.adopt_raw(unsafe { libc::epoll_create1(flags) }))
        }
        Call::EpollCtl { epfd, operation, fd, event } => Ok(epoll_ctl(process, epfd, operation, fd, event)),
        Call::EpollWait { epfd, max, timeout } => Ok(epoll_wait(process, epfd, max, timeout)),
        other => Err(Unsupported(format!("{other:?}"))),
    }
}

fn poll(process: &Process, mut fds: Vec<PollFd>, timeout: i32) -> Return {
    let ask = |p: &PollFd| libc::pollfd { fd: process.visible(p.fd), events: p.events, revents: p.revents };
    let mut asked: Vec<libc::pollfd> = fds.iter().map(ask).collect();
    // SAFETY: the array is ours and has as many entries as said.
    let ended = unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, timeout) };
    let mut ended = returned(ended.into());
    if ended.value.is_ok() {
        fds.iter_mut().zip(asked).for_each(|(fd, asked)| fd.revents = asked.revents);
        ended.output = Output::Polled(fds);
    }
    ended
}

fn select(process: &Process, nfds: i32, sets: &Selected, timeout: Option<Duration>) -> Result<Return, Unsupported> {
    let Selected { read, write, except } = sets;
    let all = [read, write, except];
    let named = || all.into_iter().flatten().flatten().copied().filter(|fd| *fd < nfds);
    if let Some(fd) = named().find(|fd| !(0..=MAX_SELECTED).contains(fd)) {
        return Err(Unsupported(format!("descriptor {fd} in a set for select")));
    }
    if named().any(|fd| process.visible(fd) != fd) {
        return Ok(Return::error(Errno::EBADF));
    }
    // Above the highest that is named there is nothing.
    let highest = nfds.min(MAX_SELECTED + 1);
    let words = usize::try_from(highest).unwrap_or(0).div_ceil(WORD_BITS).max(size_of::<libc::fd_set>() / 8);
    let mut bits = all.map(|set| set.as_deref().map(|fds| to_bits(fds, nfds, words)));
    let pointers = bits.each_mut().map(|set| set.as_mut().map_or(std::ptr::null_mut(), |b| b.as_mut_ptr().cast()));
    let mut time = timeout.map(|t| libc::timeval {
        tv_sec: libc::time_t::try_from(t.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_usec: t.subsec_micros().into(),
    });
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: the sets are NULL or have at least `highest` bits, and are no shorter than an `fd_set`; the timeout is NULL
    // or ours.
    let ended = unsafe { libc::select(highest, pointers[0], pointers[1], pointers[2], time) };
    let mut ended = returned(ended.into());
    if ended.value.is_ok() {
        let [read, write, except] = bits.map(|set| set.map(|bits| from_bits(&bits)));
        ended.output = Output::Selected(Selected { read, write, except });
    }
    Ok(ended)
}

fn to_bits(fds: &[i32], nfds: i32, words: usize) -> Vec<libc::c_ulong> {
    let mut bits = vec![0; words];
    for fd in fds.iter().filter(|fd| **fd < nfds) {
        let fd = usize::try_from(*fd).unwrap_or(0);
        bits[fd / WORD_BITS] |= 1 << (fd % WORD_BITS);
    }
    bits
}

fn from_bits(bits: &[libc::c_ulong]) -> Vec<i32> {
    let is_set = |fd: &usize| bits[fd / WORD_BITS] & (1 << (fd % WORD_BITS)) != 0;
    (0..bits.len() * WORD_BITS).filter(is_set).map(|fd| fd as i32).collect()
}

fn epoll_ctl(process: &Process, epfd: i32, operation: i32, fd: i32, event: Option<EpollEvent>) -> Return {
    let epoll = match process.file(epfd) {
        Ok(file) => file,
        Err(error) => return error,
    };
    let mut event = event.map(|EpollEvent { events, data }| libc::epoll_event { events, u64: data });
    let event = event.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: the event is NULL or ours, and Linux only reads it.
    returned(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, process.visible(fd), event) }.into())
}

fn epoll_wait(process: &Process, epfd: i32, max: i32, timeout: i32) -> Return {
    let epoll = match process.file(epfd) {
        Ok(file) => file,
        Err(error) => return error,
    };
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64].to_vec();
    events.resize(usize::try_from(max.clamp(1, MAX_EVENTS)).unwrap_or(1), libc::epoll_event { events: 0, u64: 0 });
    // A number that is no count at all is Linux's to refuse, before it writes.
    let max = if max > 0 { max.min(MAX_EVENTS) } else { max };
    // SAFETY: there is room for `max` events, or `max` is not positive.
    let ended = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), max, timeout) };
    let mut ended = returned(ended.into());
    if let Ok(count) = ended.value {
        let count = usize::try_from(count).unwrap_or(0);
        let seen = |e: &libc::epoll_event| EpollEvent { events: e.events, data: e.u64 };
        ended.output = Output::Events(events.iter().take(count).map(seen).collect());
    }
    ended
}

#[cfg(test)]
mod tests;
