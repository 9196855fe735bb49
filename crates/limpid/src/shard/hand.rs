//! What the shards of a host hand each other, by a bounded queue to each: frames that a device gave to a shard they
//! are not for, packets that were put together elsewhere, and, where a device has fewer queues than there are shards, frames to send.
//!
//! What finds a queue full is lost, as on a wire, and counted; only a frame to send waits instead, as it does for a device.

use super::bell::Bell;
use limpid_device::{Caps, Device};
use limpid_stack::{IfaceId, Parcel, RxFrame, TxFrame};
use limpid_wire::FramePool;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// So many frames may be under way from one shard to another, or fewer where there are many shards: however many come of one, there is
/// room for those of others.
const ARRIVALS: usize = 512;

/// So many at most may be under way to a shard from all: their places are allocated from the beginning.
const MOST_ARRIVALS: usize = 2048;

/// How many of them are for each of the others.
fn share(shards: usize) -> usize {
    (MOST_ARRIVALS / shards.saturating_sub(1).max(1)).clamp(1, ARRIVALS)
}

/// So many frames may wait for another shard to send them.
pub(super) const DEPARTURES: usize = 256;

/// What came to a shard and belongs to another.
pub(crate) enum Handed {
    Frame(IfaceId, RxFrame),
    Packet(Box<Parcel>),
}

/// How many frames and packets came to another shard than theirs ([`Host::handovers`](crate::Host::handovers)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Handovers {
    /// They were handed over.
    pub delivered: u64,
    /// They were lost: the other shard had too many to look at.
    pub lost: u64,
}

/// What was handed over, and by which shard.
struct Arrival {
    from: u16,
    what: Handed,
}

/// The way to another shard.
struct Way {
    to: SyncSender<Arrival>,
    /// What it has not taken yet of ours.
    under_way: Arc<AtomicUsize>,
    bell: Arc<Bell>,
    /// Something was handed over since its bell was rung.
    silent: bool,
}

/// The ways to all the others, and theirs to us.
pub(crate) struct Hands {
    shard: u16,
    /// By shard; none to ourselves.
    ways: Vec<Option<Way>>,
    arrivals: Receiver<Arrival>,
    /// What is under way to us, by shard.
    theirs: Vec<Arc<AtomicUsize>>,
    pub(crate) count: Handovers,
}

impl Hands {
    /// The hands of as many shards as there are bells.
    pub(crate) fn join(bells: &[Arc<Bell>]) -> Vec<Hands> {
        let room = share(bells.len()) * bells.len().saturating_sub(1);
        let (senders, receivers): (Vec<_>, Vec<_>) = bells.iter().map(|_| sync_channel(room)).unzip();
        // From each to each.
        let under_way: Vec<Vec<Arc<AtomicUsize>>> =
            bells.iter().map(|_| bells.iter().map(|_| Arc::default()).collect()).collect();
        let way = |from: usize, to: usize| {
            let under_way = under_way[from][to].clone();
            Way { to: senders[to].clone(), under_way, bell: bells[to].clone(), silent: false }
        };
        let ways = |from| (0..bells.len()).map(|to| (from != to).then(|| way(from, to))).collect();
        let hands = |(shard, arrivals): (usize, _)| {
            let theirs = under_way.iter().map(|from| from[shard].clone()).collect();
            // `Builder::shards` bounds the number.
            Hands { shard: shard as u16, ways: ways(shard), arrivals, theirs, count: Handovers::default() }
        };
        receivers.into_iter().enumerate().map(hands).collect()
    }

    /// Hands over; [`ring`](Self::ring) comes after.
    pub(crate) fn over(&mut self, shard: u16, what: Handed) {
        let share = share(self.ways.len());
        let Some(Some(way)) = self.ways.get_mut(usize::from(shard)) else { return };
        // Counted first: whoever takes it counts it off.
        let before = way.under_way.fetch_add(1, Ordering::Relaxed);
        if before < share && way.to.try_send(Arrival { from: self.shard, what }).is_ok() {
            way.silent = true;
            self.count.delivered += 1;
        } else {
            way.under_way.fetch_sub(1, Ordering::Relaxed);
            self.count.lost += 1;
        }
    }

    /// What was handed over to us first.
    pub(crate) fn take(&self) -> Option<Handed> {
        let Arrival { from, what } = self.arrivals.try_recv().ok()?;
        self.theirs[usize::from(from)].fetch_sub(1, Ordering::Relaxed);
        Some(what)
    }

    /// The same to all the others.
    pub(crate) fn over_to_all(&mut self, iface: IfaceId, frame: &RxFrame) {
        for shard in 0..self.ways.len() {
            self.over(shard as u16, Handed::Frame(iface, frame.clone()));
        }
    }

    /// Wakes those who have been handed something and sleep.
    pub(crate) fn ring(&mut self) {
        for way in self.ways.iter_mut().flatten() {
            if std::mem::take(&mut way.silent) {
                way.bell.ring_if_asleep();
            }
        }
    }
}

/// In the place of a device's queue, for a shard that has none: another shard sends its frames.
pub(crate) struct Relay {
    caps: Caps,
    to: SyncSender<TxFrame>,
    bell: Arc<Bell>,
    /// There was no room.
    refused: Arc<AtomicBool>,
    under_way: UnderWay,
}

/// How many frames were given to a [`Relay`] that the device has not taken yet.
#[derive(Clone, Default)]
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

/// The other end of a [`Relay`].
pub(crate) struct Relayed {
    pub(crate) frames: Receiver<TxFrame>,
    refused: Arc<AtomicBool>,
    sender: Arc<Bell>,
    under_way: UnderWay,
}

impl Relay {
    /// Between the shards of these bells, to a device with these capabilities.
    pub(crate) fn new(caps: Caps, sender: &Arc<Bell>, owner: &Arc<Bell>) -> (Relay, Relayed) {
        let (to, frames) = sync_channel(DEPARTURES);
        let refused = Arc::new(AtomicBool::new(false));
        let under_way = UnderWay::default();
        let relay = Relay { caps, to, bell: owner.clone(), refused: refused.clone(), under_way: under_way.clone() };
        (relay, Relayed { frames, refused, sender: sender.clone(), under_way })
    }

    /// What was given to it and has not left.
    pub(crate) fn under_way(&self) -> UnderWay {
        self.under_way.clone()
    }
}

impl Relayed {
    /// The device took so many of them.
    pub(crate) fn have_left(&self, frames: usize) {
        self.under_way.0.fetch_sub(frames, Ordering::Release);
    }

    /// Frames were taken: tells the sender if it waits for that.
    pub(crate) fn made_room(&self) {
        if self.refused.load(Ordering::SeqCst) && self.refused.swap(false, Ordering::SeqCst) {
            self.sender.ring();
        }
    }
}

impl Device for Relay {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn recv_batch(&mut self, _: &mut FramePool, _: &mut Vec<RxFrame>, _: usize) -> io::Result<usize> {
        Ok(0)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        let mut taken = 0;
        for frame in frames {
            self.under_way.0.fetch_add(1, Ordering::Relaxed);
            let mut offered = self.to.try_send(frame.clone());
            if let Err(TrySendError::Full(frame)) = offered {
                // Room that is made before the other end sees this is found by the second try.
                self.refused.store(true, Ordering::SeqCst);
                offered = self.to.try_send(frame);
            }
            if offered.is_err() {
                self.under_way.0.fetch_sub(1, Ordering::Relaxed);
            }
            if matches!(offered, Err(TrySendError::Full(_))) {
                break;
            }
            // If the other end is gone the frame is lost.
            taken += 1;
        }
        if taken > 0 {
            self.bell.ring_if_asleep();
        }
        Ok(taken)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests;
