//! A plain forwarder: what it reads from one offloading TUN device it writes to another, headers of offloads and all.

use crate::run::{Run, wait};
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The largest packet with its header of offloads, and some.
const ROOM: usize = 66_000;
/// Packets in one direction before the other has its turn.
const TURN: usize = 64;

/// Forwards until the run is over.
pub(crate) fn drive(left: &OwnedFd, right: &OwnedFd, run: &Run) -> io::Result<()> {
    let mut buffer = vec![0; ROOM];
    while !run.is_over() {
        let more = [turn(left, right, &mut buffer)?, turn(right, left, &mut buffer)?];
        if more == [false, false] {
            wait([left.as_fd(), right.as_fd()], PollFlags::IN, None)?;
        }
    }
    Ok(())
}

/// True if there may be more.
fn turn(from: &OwnedFd, to: &OwnedFd, buffer: &mut [u8]) -> io::Result<bool> {
    for _ in 0..TURN {
        match rustix::io::read(from, &mut *buffer) {
            Ok(length) => {
                // What Linux does not take is lost, as on a wire.
                let _ = rustix::io::write(to, &buffer[..length]);
            }
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}
