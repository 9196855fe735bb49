//! What a device lacks in offloads, done in software at its edge.

use crate::gro::Gro;
use crate::gso::{GSO_MAX, cut};
use crate::{Caps, Device};
use limpid_stack::{RxFrame, TxFrame};
use limpid_wire::FramePool;
use rustix::event::PollFlags;
use std::io;
use std::os::fd::BorrowedFd;

/// A device with software offloads: the stack before it sends and receives super-segments without checksums, and the device inside
/// sees wire segments.
///
/// A super-segment costs the stack what a segment costs, and what is left to do for each wire segment is done here at once: its
/// headers and one sum over its payload.
#[derive(Debug)]
pub struct Offload<D> {
    device: D,
    gro: Gro,
    /// The wire segments of the first frame that is not sent whole, and how many of them the device has taken already: the frame
    /// will be offered again.
    pieces: Vec<TxFrame>,
    taken: usize,
}

impl<D: Device> Offload<D> {
    /// Puts software offloads before `device`.
    pub fn new(device: D) -> Offload<D> {
        let gro = Gro::new(device.caps().medium);
        Offload { device, gro, pieces: Vec::new(), taken: 0 }
    }

    /// The device inside.
    pub fn device(&mut self) -> &mut D {
        &mut self.device
    }
}

impl<D: Device> Device for Offload<D> {
    fn caps(&self) -> Caps {
        Caps { tx_checksum: true, rx_checksum: true, gso_max: GSO_MAX, ..self.device.caps() }
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        let before = frames.len();
        let result = self.device.recv_batch(pool, frames, max);
        self.gro.merge(frames, before, pool);
        result.map(|_| frames.len() - before)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        let medium = self.device.caps().medium;
        for (sent, frame) in frames.iter().enumerate() {
            if self.pieces.is_empty() {
                self.pieces.extend(cut(frame, medium));
            }
            while self.taken < self.pieces.len() {
                match self.device.send_batch(&self.pieces[self.taken..]) {
                    Ok(0) => return Ok(sent),
                    // What was sent must be told; the error comes again with the next batch.
                    Err(_) if sent > 0 => return Ok(sent),
                    other => self.taken += other?,
                }
            }
            self.pieces.clear();
            self.taken = 0;
        }
        Ok(frames.len())
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
