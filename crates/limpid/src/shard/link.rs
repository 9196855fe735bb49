//! A queue of a device as a shard has it.

use super::{BATCH, Engine, Relayed};
use limpid_device::Device;
use limpid_event::Instant;
use limpid_stack::{IfaceId, Medium, RxFrame, TxBatch, TxFrame};
use limpid_wire::FramePool;
use rustix::event::PollFlags;
use std::io;
use std::os::fd::BorrowedFd;

/// A queue of a device, and what it has not taken yet.
pub(crate) struct Link {
    pub(crate) iface: IfaceId,
    pub(crate) medium: Medium,
    device: Box<dyn Device>,
    /// The shard sends by this queue: of several that it has of a device, by the first.
    sends: bool,
    unsent: TxBatch,
    /// It took fewer than were offered.
    blocked: bool,
    /// Shards that have no queue of this device.
    relayed: Vec<Relayed>,
    /// What they sent and was not taken.
    pending: Vec<TxFrame>,
}

impl Link {
    pub(crate) fn new(iface: IfaceId, device: Box<dyn Device>, sends: bool) -> Link {
        let (medium, unsent) = (device.caps().medium, TxBatch::with_capacity(BATCH));
        Link { iface, medium, device, sends, unsent, blocked: false, relayed: Vec::new(), pending: Vec::new() }
    }

    /// Sends for another shard, too.
    pub(crate) fn relay(&mut self, relayed: Relayed) {
        self.relayed.push(relayed);
    }

    pub(crate) fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        self.device.poll_fd()
    }

    pub(crate) fn poll_events(&self) -> PollFlags {
        self.device.poll_events(self.blocked)
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Nothing waits to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.unsent.frames().is_empty() && self.pending.is_empty()
    }

    /// Takes what has arrived, a batch at most.
    pub(crate) fn receive(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>) -> io::Result<usize> {
        self.device.recv_batch(pool, frames, BATCH)
    }

    /// Sends until the stack has no more, or the device takes no more.
    pub(crate) fn send(&mut self, stack: &mut Engine, now: Instant) -> io::Result<()> {
        self.blocked = !self.send_relayed()?;
        while !self.blocked && self.sends {
            stack.poll_transmit(now, self.iface, &mut self.unsent);
            let offered = self.unsent.frames().len();
            if offered == 0 {
                return Ok(());
            }
            let taken = self.device.send_batch(self.unsent.frames())?;
            self.unsent.sent(taken);
            self.blocked = taken < offered;
        }
        Ok(())
    }

    /// Sends what other shards have to send; false if the device takes no more.
    fn send_relayed(&mut self) -> io::Result<bool> {
        for relayed in &self.relayed {
            loop {
                if self.pending.is_empty() {
                    self.pending.extend(relayed.frames.try_iter().take(BATCH));
                    relayed.made_room();
                }
                let offered = self.pending.len();
                if offered == 0 {
                    break;
                }
                let taken = self.device.send_batch(&self.pending)?;
                self.pending.drain(..taken);
                if taken < offered {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
