//! The thread that waits for a host's devices and timers.

use crate::shard::{Shard, Sleep};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts it. It ends when the shard says so, or when a device breaks.
pub(crate) fn start(shard: Arc<Shard>, name: String) -> io::Result<JoinHandle<()>> {
    let devices = shard.device_fds()?;
    std::thread::Builder::new().name(name).spawn(move || {
        let end = End { shard };
        if let Err(error) = run(&end.shard, &devices) {
            end.shard.fail(error.kind(), &error.to_string());
        }
    })
}

/// However the thread ends, nobody waits for it any longer.
struct End {
    shard: Arc<Shard>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.shard.fail(io::ErrorKind::NotConnected, "the host has gone down");
    }
}

fn run(shard: &Shard, devices: &[OwnedFd]) -> io::Result<()> {
    while let Some(sleep) = shard.drive()? {
        wait(shard, devices, &sleep)?;
        // It fails only if nobody has woken us.
        let _ = rustix::io::read(shard.waker(), &mut [0_u8; 8]);
    }
    Ok(())
}

fn wait(shard: &Shard, devices: &[OwnedFd], sleep: &Sleep) -> io::Result<()> {
    let waker = shard.waker();
    let mut fds = vec![PollFd::new(&waker, PollFlags::IN)];
    fds.extend(devices.iter().zip(&sleep.events).map(|(fd, events)| PollFd::new(fd, *events)));
    let timeout = sleep.timeout.map(|t| Timespec::try_from(t).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
