//! A tap on a device: somebody who is shown every frame that passes.

use crate::{Caps, Device};
use limpid_event::Instant;
use limpid_stack::{RxFrame, TxFrame};
use limpid_wire::FramePool;
use rustix::event::PollFlags;
use std::io;
use std::os::fd::BorrowedFd;

/// Is shown every frame that passes.
pub trait Tap: Send {
    /// The device took a frame. It is shown as it stands on the wire: a super-segment in its wire segments, checksums
    /// complete. Its [`flow`](TxFrame::flow) and [`why`](TxFrame::why) tell whose it is and why it was sent.
    fn sent(&mut self, at: Instant, frame: &TxFrame);

    /// A frame arrived. It is shown as the device gave it: with receive offloads, several segments may be merged in it,
    /// and its checksum may be left out.
    fn received(&mut self, at: Instant, frame: &RxFrame);
}

impl<T: Tap + ?Sized> Tap for Box<T> {
    fn sent(&mut self, at: Instant, frame: &TxFrame) {
        (**self).sent(at, frame);
    }

    fn received(&mut self, at: Instant, frame: &RxFrame) {
        (**self).received(at, frame);
    }
}

/// A device with a tap on it. `C` tells the time, for a device has no clock.
#[derive(Debug)]
pub struct Tapped<D, T, C> {
    device: D,
    tap: T,
    clock: C,
}

impl<D: Device, T: Tap, C: FnMut() -> Instant + Send> Tapped<D, T, C> {
    /// Puts a tap on `device`.
    pub fn new(device: D, tap: T, clock: C) -> Tapped<D, T, C> {
        Tapped { device, tap, clock }
    }

    /// The tap.
    pub fn tap(&mut self) -> &mut T {
        &mut self.tap
    }
}

impl<D: Device, T: Tap, C: FnMut() -> Instant + Send> Device for Tapped<D, T, C> {
    fn caps(&self) -> Caps {
        self.device.caps()
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        let before = frames.len();
        let result = self.device.recv_batch(pool, frames, max);
        if frames.len() > before {
            let at = (self.clock)();
            frames[before..].iter().for_each(|frame| self.tap.received(at, frame));
        }
        result
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        if frames.is_empty() {
            return self.device.send_batch(frames);
        }
        // The time before the device has them: an answer must not seem older than its question.
        let at = (self.clock)();
        let taken = self.device.send_batch(frames)?;
        let medium = self.device.caps().medium;
        for frame in frames[..taken].iter().flat_map(|frame| crate::gso::cut(frame, medium)) {
            self.tap.sent(at, &frame);
        }
        Ok(taken)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.device.poll_fd()
    }

    fn poll_events(&self, blocked: bool) -> PollFlags {
        self.device.poll_events(blocked)
    }
}

#[cfg(test)]
mod tests;
