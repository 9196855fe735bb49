//! The relay: the lab's link by the machine's clock, between two TUN devices.
//!
//! Each packet's fate and time are computed from when it came, not from when the relay got round to it, so that lateness
//! does not add up. The last moments before something is due are spent spinning, for a sleep ends too late. How late packets
//! left nevertheless is measured and told.

use super::end::Place;
use crate::cell::Cell;
use limpid_device::{Device, Tun};
use limpid_event::{FlowId, Instant};
use limpid_lab::Recorder;
use limpid_lab::link::{End, Link, Outgoing, Tally};
use limpid_lab::rng::Rng;
use limpid_stack::{RxFrame, TxFrame};
use limpid_wire::{Chunk, Chunks, FramePool};
use rustix::event::{PollFd, Timespec, poll};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// What is slept through, at most, before something is due; the rest is spun.
const SPIN: Duration = Duration::from_micros(80);
/// Packets read from a device at a time.
const BATCH: usize = 32;
/// How long the ends have to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How late packets left, counted by tens of microseconds.
const BUCKETS: usize = 2_000;
const BUCKET: Duration = Duration::from_micros(10);

pub(super) struct Relay {
    link: Link,
    /// At the client, at the server.
    tuns: [Tun; 2],
    started: std::time::Instant,
    pool: FramePool,
    frames: Vec<RxFrame>,
    late: Vec<u64>,
}

impl Relay {
    /// A relay between the devices that the two ends send.
    pub(super) fn between(cell: &Cell, seed: u64, tuns: Receiver<(Place, Tun)>) -> Result<Relay, String> {
        let recorder = Recorder::new(0);
        recorder.pause(true);
        let mut link = Link::new(&mut Rng::new(seed), &recorder, (0, 1), 0);
        link.from(End::A).conditions = cell.forth();
        link.from(End::B).conditions = cell.back();
        let mut ends = [None, None];
        while ends.iter().any(Option::is_none) {
            let (place, tun) = tuns.recv_timeout(PATIENCE).map_err(|_| "an end did not come up".to_owned())?;
            ends[place as usize] = Some(tun);
        }
        let tuns = ends.map(|tun| tun.expect("both have come"));
        let started = std::time::Instant::now();
        let late = vec![0; BUCKETS];
        Ok(Relay { link, tuns, started, pool: FramePool::default(), frames: Vec::new(), late })
    }

    /// What became of data.
    pub(super) fn tally(&mut self) -> Tally {
        self.link.from(End::A).tally()
    }

    /// One packet of a hundred left later than this after its time.
    pub(super) fn late(&self) -> Duration {
        let all: u64 = self.late.iter().sum();
        let mut left = all / 100;
        for (bucket, count) in self.late.iter().enumerate().rev() {
            if *count > left {
                return BUCKET * (bucket as u32 + 1);
            }
            left -= count;
        }
        Duration::ZERO
    }

    pub(super) fn run_for(&mut self, time: Duration) -> Result<(), String> {
        let end = self.now() + time;
        loop {
            let now = self.now();
            let moved = self.carry(now).map_err(|error| format!("the relay: {error}"))?;
            if now >= end {
                return Ok(());
            }
            if !moved {
                self.wait(end).map_err(|error| format!("the relay: {error}"))?;
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    /// Takes what has come and hands over what is due; true if there was any.
    fn carry(&mut self, now: Instant) -> std::io::Result<bool> {
        let mut moved = false;
        for (tun, end) in self.tuns.iter_mut().zip([End::A, End::B]) {
            self.frames.clear();
            moved |= tun.recv_batch(&mut self.pool, &mut self.frames, BATCH)? > 0;
            for frame in self.frames.drain(..) {
                let bytes = frame.contiguous().into_owned();
                self.link.send(now, end, Outgoing { bytes, flow: FlowId::NONE, why: None });
            }
        }
        for (tun, end) in self.tuns.iter_mut().zip([End::A, End::B]) {
            loop {
                let due = self.link.from(end.other()).next_arrival();
                let Some(bytes) = self.link.arrive(now, end) else { break };
                let late = now.since(due.unwrap_or(now)).as_nanos() / BUCKET.as_nanos();
                self.late[(late as usize).min(BUCKETS - 1)] += 1;
                // A device that takes no more loses it, as a full network card does.
                tun.send_batch(&[frame(bytes)])?;
                moved = true;
            }
        }
        Ok(moved)
    }

    /// Sleeps until something comes, or shortly before something is due.
    fn wait(&mut self, end: Instant) -> std::io::Result<()> {
        let due = self.link.next_arrival().map_or(end, |due| due.min(end));
        let wait = due.since(self.now());
        if wait <= SPIN {
            std::hint::spin_loop();
            return Ok(());
        }
        let wait = wait - SPIN;
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
        let fds = self.tuns.iter().filter_map(|tun| Some((tun.poll_fd()?, tun.poll_events(false))));
        let mut fds: Vec<PollFd<'_>> = fds.map(|(fd, events)| PollFd::from_borrowed_fd(fd, events)).collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// A frame of bytes that are complete.
fn frame(bytes: Vec<u8>) -> TxFrame {
    let mut payload = Chunks::new();
    // An empty list has room for one chunk.
    let _ = payload.push(Chunk::from_vec(bytes));
    TxFrame { payload, ..TxFrame::stateless() }
}
