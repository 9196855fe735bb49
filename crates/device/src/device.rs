//! What a device can do.

use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::FramePool;
use rustix::event::PollFlags;
use std::io;
use std::os::fd::BorrowedFd;

/// What a device offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// Its medium.
    pub medium: Medium,
    /// Largest IP packet, bytes.
    pub mtu: u16,
    /// It completes checksums of frames marked partial.
    pub tx_checksum: bool,
    /// It says which received checksums are good.
    pub rx_checksum: bool,
    /// Largest super-segment's payload it cuts, bytes; 0 for none.
    pub gso_max: u32,
}

/// A device: batches in, batches out. It has no waker and no clock.
pub trait Device: Send {
    /// What it offers.
    fn caps(&self) -> Caps;

    /// Takes what has arrived, at most `max` frames, without waiting; returns how many were added to `frames`. If that is fewer than
    /// `max`, more may have arrived: [`poll_fd`](Self::poll_fd) tells. If it is none, none was there.
    ///
    /// # Errors
    /// The device is gone or broken.
    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize>;

    /// Sends frames in order, without waiting; returns how many it took, which may be fewer than offered. What it did
    /// not take has to be offered again, before anything else.
    ///
    /// # Errors
    /// The device is gone or broken. A frame that it alone finds unfit is dropped and counts as taken.
    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize>;

    /// A descriptor that tells by [`poll_events`](Self::poll_events) when frames arrive or there is room, if it has one.
    fn poll_fd(&self) -> Option<BorrowedFd<'_>>;

    /// What to wait for on [`poll_fd`](Self::poll_fd). `blocked` says that `send_batch` took fewer than offered.
    fn poll_events(&self, blocked: bool) -> PollFlags {
        if blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn caps(&self) -> Caps {
        (**self).caps()
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        (**self).recv_batch(pool, frames, max)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        (**self).send_batch(frames)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        (**self).poll_fd()
    }

    fn poll_events(&self, blocked: bool) -> PollFlags {
        (**self).poll_events(blocked)
    }
}
