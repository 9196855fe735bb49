//! One observer, one tap for all shards: whoever calls it holds its lock meanwhile.

use limpid_device::Tap;
use limpid_event::{Event, FlowId, Instant, Observer};
use limpid_stack::{RxFrame, TxFrame};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module.
pub(crate) struct Shared<T: ?Sized>(Arc<Mutex<Box<T>>>);

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(self.0.clone())
    }
}

impl<T: ?Sized> Shared<T> {
    pub(crate) fn new(one: Box<T>) -> Shared<T> {
        Shared(Arc::new(Mutex::new(one)))
    }

    fn lock(&self) -> MutexGuard<'_, Box<T>> {
        // If it has panicked that was told when it happened.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Shared<dyn Observer + Send> {
    fn enabled(&self) -> bool {
        self.lock().enabled()
    }

    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        self.lock().observe(at, flow, event);
    }
}

impl Tap for Shared<dyn Tap> {
    fn sent(&mut self, at: Instant, frame: &TxFrame) {
        self.lock().sent(at, frame);
    }

    fn received(&mut self, at: Instant, frame: &RxFrame) {
        self.lock().received(at, frame);
    }
}

/// An observer for so many shards.
pub(crate) fn observers(one: Option<Box<dyn Observer + Send>>, count: usize) -> Vec<Option<Box<dyn Observer + Send>>> {
    let Some(one) = one else { return (0..count).map(|_| None).collect() };
    if count == 1 {
        return vec![Some(one)];
    }
    let shared = Shared::new(one);
    (0..count).map(|_| Some(Box::new(shared.clone()) as Box<dyn Observer + Send>)).collect()
}

/// A tap for so many queues.
pub(crate) fn taps(one: Option<Box<dyn Tap>>, count: usize) -> Vec<Option<Box<dyn Tap>>> {
    let Some(one) = one else { return (0..count).map(|_| None).collect() };
    if count == 1 {
        return vec![Some(one)];
    }
    let shared = Shared::new(one);
    (0..count).map(|_| Some(Box::new(shared.clone()) as Box<dyn Tap>)).collect()
}
