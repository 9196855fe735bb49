//! When to stop by itself: after so many packets, after so long.

use std::time::{Duration, Instant};

/// What `-c` and `--for` ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    packets: u64,
    until: Option<Instant>,
}

impl Limits {
    /// After `count` packets, or after `span` from now.
    pub(crate) fn new(count: Option<u64>, span: Option<Duration>) -> Limits {
        let until = span.and_then(|span| Instant::now().checked_add(span));
        Limits { packets: count.unwrap_or(u64::MAX), until }
    }

    /// One more packet; false if that is one too many.
    pub(crate) fn take(&mut self) -> bool {
        let is_one = self.packets > 0;
        self.packets = self.packets.saturating_sub(1);
        is_one
    }

    /// True once it is time to stop.
    pub(crate) fn is_over(&self) -> bool {
        self.packets == 0 || self.until.is_some_and(|until| until <= Instant::now())
    }

    /// How long it may go on, if that is bounded.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }
}
