//! The search for the largest packet that a path carries (RFC 4821 §7; Linux's `icsk_mtup`): a range of sizes, and the probe
//! that is on its way. Sizes are of IP packets, bytes.

#[cfg(test)]
mod tests;

use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MtuSearch {
    /// Packets so large get through.
    low: u32,
    /// Larger ones do not, or are not worth trying.
    high: u32,
    probe: Option<Probe>,
    /// When the range was set anew.
    since: Instant,
}

/// A probe that is neither acknowledged nor lost yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// As a packet, bytes.
    pub size: u32,
    /// Its first byte.
    pub start: SeqNum,
    /// The number after its last.
    pub end: SeqNum,
}

impl MtuSearch {
    /// Between packets that get through and those that can't.
    pub fn new(now: Instant, low: u32, high: u32) -> MtuSearch {
        MtuSearch { low, high, probe: None, since: now }
    }

    /// The largest that is known to get through.
    pub fn low(&self) -> u32 {
        self.low
    }

    /// The largest that may.
    pub fn high(&self) -> u32 {
        self.high
    }

    /// What a probe would have.
    pub fn middle(&self) -> u32 {
        (self.low + self.high) / 2
    }

    /// Whether there is too little left to find out.
    pub fn is_narrow(&self, threshold: u32) -> bool {
        self.high.saturating_sub(self.low) < threshold || self.high < self.low
    }

    /// Whether the range is so old that the path may be another (RFC 4821 §7.7).
    pub fn is_outdated(&self, now: Instant, interval: Duration) -> bool {
        now.since(self.since) >= interval
    }

    /// The path is known to carry no more than this.
    pub fn bound(&mut self, mtu: u32) {
        self.high = self.high.min(mtu);
    }

    /// Even what seemed to get through may not (RFC 4821 §7.7).
    pub fn lower(&mut self, low: u32) {
        self.low = low;
    }

    /// True while a probe is on its way: there is one at a time.
    pub fn is_probing(&self) -> bool {
        self.probe.is_some()
    }

    /// A probe has left.
    pub fn on_sent(&mut self, probe: Probe) {
        self.probe = Some(probe);
    }

    /// All before `una` has arrived. The probe's size, if that is part of it.
    pub fn on_ack(&mut self, una: SeqNum) -> Option<u32> {
        let probe = self.probe.take_if(|probe| probe.end.before_eq(una))?;
        self.low = probe.size;
        Some(probe.size)
    }

    /// Whether a loss of what begins at `una` is the probe's, and so no sign of congestion (RFC 4821 §7.6.2).
    pub fn would_lose(&self, una: SeqNum) -> bool {
        self.probe.is_some_and(|probe| probe.start == una)
    }

    /// The probe is lost, and nothing else. Its size.
    pub fn on_lost(&mut self) -> Option<u32> {
        let probe = self.probe.take()?;
        self.high = probe.size - 1;
        Some(probe.size)
    }

    /// Something was sent again: nothing follows from what becomes of the probe (RFC 4821 §7.6.4).
    pub fn on_inconclusive(&mut self) {
        self.probe = None;
    }
}
