//! A pair of devices joined in memory, for tests, examples and several stacks in one process.

use crate::{Caps, Device};
use limpid_stack::{Medium, RxChecksum, RxFrame, TxFrame};
use limpid_wire::FramePool;
use rustix::event::{EventfdFlags, PollFlags, eventfd};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// What a pair of memory devices is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryConfig {
    /// The medium.
    pub medium: Medium,
    /// Largest IP packet, bytes.
    pub mtu: u16,
    /// Bound on the frames under way in each direction. At the bound [`Device::send_batch`] takes no more; nothing is
    /// dropped.
    pub queue: usize,
    /// Take super-segments and partial checksums, and hand them over as they are.
    pub offload: bool,
}

impl Default for MemoryConfig {
    /// IP packets of 1500 bytes, 1024 of them under way, no offload.
    fn default() -> MemoryConfig {
        MemoryConfig { medium: Medium::Ip, mtu: 1500, queue: 1024, offload: false }
    }
}

/// One end of a pair. When the other end is gone, what is sent is lost, as on a pulled cable.
#[derive(Debug)]
pub struct Memory {
    config: MemoryConfig,
    /// Rings when frames arrive, and when a full queue towards the peer has room again.
    bell: Arc<Bell>,
    incoming: Arc<Queue>,
    outgoing: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    inner: Mutex<Inner>,
    receiver: Arc<Bell>,
    sender: Arc<Bell>,
}

struct Inner {
    frames: VecDeque<TxFrame>,
    /// The sender was refused room since the receiver last took frames.
    refused: bool,
}

impl Memory {
    /// Two devices, each the other's peer.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn pair(config: MemoryConfig) -> io::Result<(Memory, Memory)> {
        let (left, right) = (Arc::new(Bell::new()?), Arc::new(Bell::new()?));
        let to_left = Queue::new(&left, &right);
        let to_right = Queue::new(&right, &left);
        Ok((
            Memory { config, bell: left, incoming: to_left.clone(), outgoing: to_right.clone() },
            Memory { config, bell: right, incoming: to_right, outgoing: to_left },
        ))
    }
}

impl Memory {
    /// Two devices with so many queues: what is sent by one of them comes out of the other's of the same number, as if it had been
    /// steered by somebody who knows nothing of the receiver's connections.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn pair_of_queues(config: MemoryConfig, queues: usize) -> io::Result<(Vec<Memory>, Vec<Memory>)> {
        (0..queues).map(|_| Memory::pair(config)).collect()
    }
}

impl Queue {
    fn new(receiver: &Arc<Bell>, sender: &Arc<Bell>) -> Arc<Queue> {
        let inner = Mutex::new(Inner { frames: VecDeque::new(), refused: false });
        Arc::new(Queue { inner, receiver: receiver.clone(), sender: sender.clone() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Every change leaves the queue whole, so a panic elsewhere does no harm to it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Device for Memory {
    fn caps(&self) -> Caps {
        let MemoryConfig { medium, mtu, queue: _, offload } = self.config;
        let gso_max = if offload { crate::gso::GSO_MAX } else { 0 };
        Caps { medium, mtu, tx_checksum: offload, rx_checksum: true, gso_max }
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        self.bell.silence();
        let mut inner = self.incoming.lock();
        let count = inner.frames.len().min(max);
        frames.extend(inner.frames.drain(..count).map(|frame| arrive(frame, pool)));
        if inner.refused && count > 0 {
            inner.refused = false;
            self.incoming.sender.ring();
        }
        if !inner.frames.is_empty() {
            self.bell.ring();
        }
        Ok(count)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        // This end holds one reference to each queue, the other end the second.
        if Arc::strong_count(&self.outgoing) == 1 {
            return Ok(frames.len());
        }
        let mut inner = self.outgoing.lock();
        let count = frames.len().min(self.config.queue.saturating_sub(inner.frames.len()));
        inner.frames.extend(frames[..count].iter().cloned());
        inner.refused |= count < frames.len();
        if count > 0 {
            self.outgoing.receiver.ring();
        }
        Ok(count)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.bell.0.as_fd())
    }

    /// The bell is always writable: readable is what counts, for arrivals and for room.
    fn poll_events(&self, _blocked: bool) -> PollFlags {
        PollFlags::IN
    }
}

/// What the receiver sees of a frame: the payload by reference. The bytes never left the machine.
fn arrive(frame: TxFrame, pool: &mut FramePool) -> RxFrame {
    let TxFrame { head, payload, gso_size, .. } = frame;
    RxFrame { bytes: pool.copy(&head), payload, checksum: RxChecksum::Verified, gso_size }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("frames", &self.frames.len()).field("refused", &self.refused).finish()
    }
}

/// A descriptor that is readable once rung, until it is silenced.
#[derive(Debug)]
struct Bell(OwnedFd);

impl Bell {
    fn new() -> io::Result<Bell> {
        Ok(Bell(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    fn ring(&self) {
        // It fails only if the counter is at its end: then it rings already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    fn silence(&self) {
        // It fails only if it does not ring.
        let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }
}

#[cfg(test)]
mod tests;
