//! A queue of a device as a shard has it.

use super::hand::UnderWay;
use super::{BATCH, DEPARTURES, Engine, Relay, Relayed};
use limpid_device::Device;
use limpid_event::Instant;
use limpid_stack::{IfaceId, Medium, RxFrame, TxBatch, TxFrame};
use limpid_wire::FramePool;
use rustix::event::PollFlags;
use std::io;
use std::os::fd::BorrowedFd;

/// Rounds in which each shard that sends by a queue may send a batch, before others get the lock: enough for all that may wait at a time.
const ROUNDS: usize = 2 * DEPARTURES / BATCH;

/// A queue of a device, and what it has not taken yet: its own shard's or another's, never both, for that has to come first.
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
    /// What one of them sent and was not taken,
    pending: Vec<TxFrame>,
    /// and which.
    pending_of: usize,
    /// What another shard has to send for us by this queue.
    under_way: Option<UnderWay>,
    /// Whose turn it is to send: our own, or that of the relayed one with the number below.
    turn: usize,
    /// There may be more to send: it stopped for the others' sake.
    more: bool,
}

impl Link {
    pub(crate) fn new(iface: IfaceId, device: Box<dyn Device>, sends: bool) -> Link {
        let (medium, unsent) = (device.caps().medium, TxBatch::with_capacity(BATCH));
        Link {
            iface,
            medium,
            device,
            sends,
            unsent,
            blocked: false,
            relayed: Vec::new(),
            pending: Vec::new(),
            pending_of: 0,
            under_way: None,
            turn: 0,
            more: false,
        }
    }

    /// In the place of a queue, for a shard that has none.
    pub(crate) fn relaying(iface: IfaceId, relay: Relay) -> Link {
        let under_way = Some(relay.under_way());
        Link { under_way, ..Link::new(iface, Box::new(relay), true) }
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

    /// It takes more at once, and there may be more.
    pub(crate) fn has_more(&self) -> bool {
        self.more
    }

    /// Nothing waits to be sent, by another shard neither.
    pub(crate) fn is_empty(&self) -> bool {
        let left = self.under_way.as_ref().is_none_or(UnderWay::is_empty);
        left && !self.more && self.unsent.frames().is_empty() && self.pending.is_empty()
    }

    /// Takes what has arrived, a batch at most.
    pub(crate) fn receive(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>) -> io::Result<usize> {
        self.device.recv_batch(pool, frames, BATCH)
    }

    /// Sends until neither the stack nor another shard has more, the device takes no more, or it has gone on for long. They take turns.
    pub(crate) fn send(&mut self, stack: &mut Engine, now: Instant) -> io::Result<()> {
        let sources = 1 + self.relayed.len();
        let (mut idle, mut turns) = (0, 0);
        self.more = false;
        loop {
            self.blocked = !self.offer()?;
            if self.blocked || idle == sources {
                return Ok(());
            }
            if turns == ROUNDS * sources && sources > 1 {
                self.more = true;
                return Ok(());
            }
            let filled = self.fill(stack, now);
            idle = if filled { 0 } else { idle + 1 };
            turns += 1;
            self.turn = (self.turn + 1) % sources;
        }
    }

    /// Takes a batch to send from whose turn it is; false if there is none.
    fn fill(&mut self, stack: &mut Engine, now: Instant) -> bool {
        match self.turn.checked_sub(1) {
            None => {
                if self.sends {
                    stack.poll_transmit(now, self.iface, &mut self.unsent);
                }
                !self.unsent.frames().is_empty()
            }
            Some(relayed) => {
                self.pending_of = relayed;
                let relayed = &self.relayed[relayed];
                self.pending.extend(relayed.frames.try_iter().take(BATCH));
                relayed.made_room();
                !self.pending.is_empty()
            }
        }
    }

    /// Sends what was taken; false if the device takes no more.
    fn offer(&mut self) -> io::Result<bool> {
        let offered = self.unsent.frames().len();
        if offered > 0 {
            let taken = self.device.send_batch(self.unsent.frames())?;
            self.unsent.sent(taken);
            return Ok(taken == offered);
        }
        let offered = self.pending.len();
        if offered > 0 {
            let taken = self.device.send_batch(&self.pending)?;
            self.pending.drain(..taken);
            self.relayed[self.pending_of].have_left(taken);
            return Ok(taken == offered);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
