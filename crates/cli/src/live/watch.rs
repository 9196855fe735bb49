//! Knows how many connections are not closed yet.

use limpid::{Event, FlowId, Instant, Observer, TcpState};
use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The connections that are open or closing. Clones are the same watch.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    open: Mutex<BTreeSet<FlowId>>,
    changed: Condvar,
}

impl Watch {
    /// An observer that keeps this watch and passes every event on.
    pub(crate) fn observer<O: Observer>(&self, next: O) -> Watching<O> {
        Watching { watch: self.clone(), next }
    }

    /// Waits until no connection is open: each is in TIME-WAIT or gone. No longer than `timeout`.
    pub(crate) fn wait_until_closed(&self, timeout: Duration) {
        let result = self.shared.changed.wait_timeout_while(self.open(), timeout, |open| !open.is_empty());
        drop(result);
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<FlowId>> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Watch::observer`].
pub(crate) struct Watching<O> {
    watch: Watch,
    next: O,
}

impl<O: Observer> Observer for Watching<O> {
    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        self.next.observe(at, flow, event);
        match event {
            Event::Opened { .. } => drop(self.watch.open().insert(flow)),
            Event::State { to: TcpState::TimeWait | TcpState::Closed, .. } | Event::Ended { .. } => {
                self.watch.open().remove(&flow);
                self.watch.shared.changed.notify_all();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
