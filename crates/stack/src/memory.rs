//! The memory that all connections share: three bounds, as Linux's `tcp_mem`, and what is used.
//!
//! Each connection's part is known, so that a change is an addition; nothing is ever summed up. A connection is told in every call how
//! things stand ([`SharedMemory`]) and holds itself back. The last bound is exceeded only by what keeps connections alive: a
//! segment each where nothing is held.

use crate::flow::{Over, Phase};
use crate::stack::Stack;
use limpid_event::{Counter, Counters, Observer};
use limpid_tcp::{MemoryLevel, SharedMemory};

/// Bounds on the memory that the buffers of all connections take, bytes (`tcp_mem`, which Linux counts in pages). They are
/// meant to rise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryLimits {
    /// Up to here buffers grow as they like. Pressure is over below.
    pub low: usize,
    /// From here on there is pressure: windows and buffers stay small, and who holds more than its share gets no more.
    pub pressure: usize,
    /// From here on nothing more is taken, and orphans with data are reset.
    pub most: usize,
}

impl Default for MemoryLimits {
    /// 384, 512 and 768 MiB.
    fn default() -> MemoryLimits {
        MemoryLimits { low: 384 << 20, pressure: 512 << 20, most: 768 << 20 }
    }
}

/// What is used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) limits: MemoryLimits,
    used: usize,
    holders: usize,
    pressed: bool,
}

impl Ledger {
    pub(crate) fn new(limits: MemoryLimits) -> Ledger {
        Ledger { limits, ..Ledger::default() }
    }

    /// Bytes in all.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// How things stand.
    #[inline]
    pub(crate) fn now(&self) -> SharedMemory {
        let level = if self.used > self.limits.most {
            MemoryLevel::Exhausted
        } else if self.pressed {
            MemoryLevel::Pressure
        } else if self.used >= self.limits.low {
            MemoryLevel::Moderate
        } else {
            MemoryLevel::Plenty
        };
        let left = self.limits.most.saturating_sub(self.used);
        SharedMemory { level, share: self.limits.most / self.holders.max(1), left }
    }

    /// Who held `before` bytes holds `after` now.
    #[inline]
    pub(crate) fn charge(&mut self, counters: &mut Counters, before: usize, after: usize) {
        if before == after {
            return;
        }
        self.used = self.used - before + after;
        self.holders = self.holders + usize::from(before == 0) - usize::from(after == 0);
        if self.used > self.limits.pressure && !self.pressed {
            self.pressed = true;
            counters.bump(Counter::TcpExtTCPMemoryPressures);
        } else if self.used <= self.limits.low {
            self.pressed = false;
        }
    }
}

impl<O: Observer> Stack<O> {
    /// Bytes of memory that the buffers of all connections take, as they count for [`MemoryLimits`].
    pub fn memory(&self) -> usize {
        self.env.ledger.used()
    }

    /// How things stand with it.
    pub fn memory_level(&self) -> MemoryLevel {
        self.env.ledger.now().level
    }

    /// A flow may hold more or less than before.
    #[inline]
    pub(crate) fn settle_memory(&mut self, index: u32) {
        let flow = &mut self.flows[index];
        let held = match &flow.phase {
            Phase::Connection(connection) => connection.memory(),
            Phase::Over(Over::Remnant(remnant)) => remnant.memory(),
            Phase::SynSent(_) | Phase::Resting(_) | Phase::Over(Over::Failed(_)) | Phase::Between => 0,
        };
        let before = core::mem::replace(&mut flow.charged, held);
        self.env.ledger.charge(&mut self.env.counters, before, held);
    }

    /// How much an orphan may hold for sending: next to nothing once memory is exhausted (Linux's `tcp_out_of_memory`).
    pub(crate) fn most_of_an_orphan(&self) -> usize {
        if self.memory_level() == MemoryLevel::Exhausted { MIN_SEND_BUFFER } else { usize::MAX }
    }
}

/// The smallest send buffer (SOCK_MIN_SNDBUF).
const MIN_SEND_BUFFER: usize = 4608;
