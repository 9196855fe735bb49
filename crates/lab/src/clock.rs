//! Time in the lab: virtual (it jumps from event to event) or real (where the kernel takes part), behind one handle.
//!
//! Everything in a world reads [`Clock::now`], which stands still while a step is computed, in both modes. Timers of
//! applications ([`Clock::sleep`]) are kept here, ordered by deadline and then by the order in which they were set.

use limpid_event::Instant;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A world's clock; clones are handles of the same clock.
#[derive(Clone)]
pub struct Clock {
    shared: Rc<Shared>,
}

struct Shared {
    now: Cell<Instant>,
    /// When the clock is real: the moment that is [`Instant::ZERO`].
    started: Option<std::time::Instant>,
    timers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next_timer: Cell<u64>,
}

impl Clock {
    /// A clock that moves only when told to.
    pub fn virtual_time() -> Clock {
        Clock::new(None)
    }

    /// A clock that follows the machine's monotonic clock.
    pub fn real_time() -> Clock {
        Clock::new(Some(std::time::Instant::now()))
    }

    fn new(started: Option<std::time::Instant>) -> Clock {
        Clock {
            shared: Rc::new(Shared {
                now: Cell::new(Instant::ZERO),
                started,
                timers: RefCell::default(),
                next_timer: Cell::new(0),
            }),
        }
    }

    /// True if the clock follows the machine's.
    pub fn is_real(&self) -> bool {
        self.shared.started.is_some()
    }

    /// The time of the current step.
    pub fn now(&self) -> Instant {
        self.shared.now.get()
    }

    /// Begins a step at `at`: a virtual clock jumps there, a real one reads the machine's clock instead. Never backwards.
    pub(crate) fn step_to(&self, at: Instant) {
        let at = match self.shared.started {
            Some(started) => Instant::ZERO + started.elapsed(),
            None => at,
        };
        self.shared.now.set(at.max(self.now()));
    }

    /// When the earliest timer runs out.
    pub(crate) fn next_timer(&self) -> Option<Instant> {
        self.shared.timers.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    /// Wakes everybody whose timer has run out, in order.
    pub(crate) fn fire_timers(&self) {
        loop {
            let due = {
                let mut timers = self.shared.timers.borrow_mut();
                match timers.first_entry() {
                    Some(first) if first.key().0 <= self.now() => first.remove(),
                    _ => return,
                }
            };
            due.wake();
        }
    }

    /// Completes after `duration`.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Completes at `deadline`, at once if that is past.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { clock: self.clone(), deadline, timer: None }
    }

    /// `future`'s output, or `None` if `limit` passes before it is there.
    pub async fn timeout<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut sleep = self.sleep(limit);
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            Pin::new(&mut sleep).poll(cx).map(|()| None)
        })
        .await
    }
}

/// The future of [`Clock::sleep`].
pub struct Sleep {
    clock: Clock,
    deadline: Instant,
    timer: Option<(Instant, u64)>,
}

impl Sleep {
    fn cancel(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.clock.shared.timers.borrow_mut().remove(&timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.cancel();
        if self.clock.now() >= self.deadline {
            return Poll::Ready(());
        }
        let shared = self.clock.shared.clone();
        let timer = (self.deadline, shared.next_timer.replace(shared.next_timer.get() + 1));
        shared.timers.borrow_mut().insert(timer, cx.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests;
