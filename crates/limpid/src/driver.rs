//! The thread that waits for a shard's devices and timers.

use crate::shard::{Shard, Sleep};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts the driver of one of a host's shards. It ends when the shard says so, or when a device breaks: then the others end, too.
pub(crate) fn start(shards: Arc<[Arc<Shard>]>, which: usize, name: String) -> io::Result<JoinHandle<()>> {
    let devices = shards[which].device_fds()?;
    std::thread::Builder::new().name(name).spawn(move || {
        let end = End { shards, which };
        let shard = &end.shards[which];
        if let Err(error) = run(shard, &devices) {
            shard.fail(error.kind(), &error.to_string());
        }
    })
}

/// However the thread ends, nobody waits for it any longer.
struct End {
    shards: Arc<[Arc<Shard>]>,
    which: usize,
}

impl Drop for End {
    fn drop(&mut self) {
        let gone = (io::ErrorKind::NotConnected, "the host has gone down".to_owned());
        let (kind, text) = self.shards[self.which].failure().unwrap_or(gone);
        self.shards.iter().for_each(|shard| shard.fail(kind, &text));
    }
}

fn run(shard: &Shard, devices: &[OwnedFd]) -> io::Result<()> {
    while let Some(sleep) = shard.drive()? {
        wait(shard, devices, &sleep)?;
        shard.silence();
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
