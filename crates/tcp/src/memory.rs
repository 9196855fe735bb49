//! What a connection has to know of the memory that all connections of a stack share (Linux's `tcp_mem`).
//!
//! The stack counts; a connection is told in each call how things stand, and holds itself back: its buffers stop growing, then its
//! windows stay small and what is out of order is dropped, and in the end nothing more is taken than keeps it alive.

/// How much of the memory for all connections is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum MemoryLevel {
    /// Less than the first of the three bounds.
    #[default]
    Plenty,
    /// More than that: send buffers grow no more, and receive buffers do not to take what is too much.
    Moderate,
    /// More than the second, and not yet less than the first again: windows stay small, and who holds more than its share gets
    /// no more.
    Pressure,
    /// More than the third: nothing more is taken.
    Exhausted,
}

/// The memory that all connections share, as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SharedMemory {
    /// How much is used.
    pub level: MemoryLevel,
    /// What each connection may hold under pressure, bytes: the whole by the number of connections.
    pub share: usize,
    /// How much is left until all is used, bytes.
    pub left: usize,
}

impl SharedMemory {
    /// Nobody else is there.
    pub const UNLIMITED: SharedMemory =
        SharedMemory { level: MemoryLevel::Plenty, share: usize::MAX, left: usize::MAX };

    /// Windows and buffers are kept small.
    pub fn is_pressed(self) -> bool {
        self.level >= MemoryLevel::Pressure
    }

    /// Whether a connection that holds `held` bytes in all, `queued` of them in the queue that is to grow, gets no more.
    /// `least` is what a queue may have unless nothing at all is left (`tcp_rmem[0]`, `tcp_wmem[0]`).
    pub fn refuses(self, held: usize, queued: usize, least: usize) -> bool {
        match self.level {
            MemoryLevel::Plenty | MemoryLevel::Moderate => false,
            MemoryLevel::Pressure => queued >= least && held >= self.share,
            MemoryLevel::Exhausted => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_pressure_the_large_ones_get_no_more() {
        let pressure = SharedMemory { level: MemoryLevel::Pressure, share: 100_000, left: 0 };
        assert!(pressure.refuses(100_000, 60_000, 4096));
        assert!(!pressure.refuses(99_999, 60_000, 4096), "it has less than its share");
        assert!(!pressure.refuses(100_000, 4095, 4096), "of this kind it has next to nothing");
    }

    #[test]
    fn at_the_end_nobody_does() {
        let exhausted = SharedMemory { level: MemoryLevel::Exhausted, share: 100_000, left: 0 };
        assert!(exhausted.refuses(0, 0, 4096));
        let moderate = SharedMemory { level: MemoryLevel::Moderate, share: 0, left: 0 };
        assert!(!moderate.refuses(usize::MAX, usize::MAX, 0));
        assert!(!SharedMemory::UNLIMITED.refuses(usize::MAX, usize::MAX, 0));
    }
}
