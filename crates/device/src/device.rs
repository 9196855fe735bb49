//! What a device can do.

use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::FramePool;
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

    /// Takes what has arrived, at most `max` frames, without waiting; returns how many were added to `frames`.
    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize>;

    /// Sends frames in order, without waiting; returns how many it took, which may be fewer than offered.
    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize>;

    /// A descriptor that becomes readable when frames arrive (and writable when there is room), if it has one.
    fn poll_fd(&self) -> Option<BorrowedFd<'_>>;
}
