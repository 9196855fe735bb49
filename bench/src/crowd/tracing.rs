//! What it costs to keep every event.

use crate::limpid_pair::{Pair, Wire};
use crate::stopwatch::Stopwatch;
use limpid_event::{Event, FlowId, Instant, Observer};

/// Events that are kept; a new one takes the place of the oldest.
const KEPT: usize = 1 << 14;

/// Keeps the newest events in memory.
pub(crate) struct Memory {
    events: Vec<(Instant, FlowId, Event)>,
    seen: u64,
}

impl Memory {
    fn new() -> Memory {
        Memory { events: Vec::with_capacity(KEPT), seen: 0 }
    }
}

impl Observer for Memory {
    #[inline]
    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        let kept = (at, flow, event.clone());
        match self.events.get_mut(self.seen as usize % KEPT) {
            Some(oldest) => *oldest = kept,
            None => self.events.push(kept),
        }
        self.seen += 1;
    }
}

/// Nanoseconds of processor time that `bytes` take: without, and with all events kept; and how many events there were.
pub(crate) fn transfers(bytes: u64) -> (f64, f64, u64) {
    let mut silent = Pair::new(crate::BULK_BUFFER);
    let start = Stopwatch::start();
    silent.send(bytes);
    let without = start.elapsed();
    let mut traced = Pair::observed(crate::BULK_BUFFER, Wire::Plain, Memory::new);
    let start = Stopwatch::start();
    traced.send(bytes);
    let with = start.elapsed();
    let events = traced.client.stack.observer().seen + traced.server.stack.observer().seen;
    (without.as_nanos() as f64, with.as_nanos() as f64, events)
}
