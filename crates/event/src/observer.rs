//! Who is told.

use crate::{Event, FlowId, Instant};
use alloc::boxed::Box;

/// Is told of every event.
pub trait Observer {
    /// Whether anybody looks. Where this is false no event is even made.
    #[inline]
    fn enabled(&self) -> bool {
        true
    }

    /// Something happened.
    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event);
}

/// Nobody looks: the compiler removes the making of events.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    #[inline(always)]
    fn enabled(&self) -> bool {
        false
    }

    #[inline(always)]
    fn observe(&mut self, _at: Instant, _flow: FlowId, _event: &Event) {}
}

/// An observer that can be switched on and off at run time.
impl<O: Observer + ?Sized> Observer for Option<Box<O>> {
    #[inline]
    fn enabled(&self) -> bool {
        self.is_some()
    }

    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        if let Some(observer) = self {
            observer.observe(at, flow, event);
        }
    }
}
