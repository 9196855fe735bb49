//! The timers of a connection: five slots, the earliest of which is its one entry in the stack's timing wheel.
//!
//! Timers that exclude each other share a slot: retransmission (RFC 6298) and zero-window probes (RFC 9293 §3.8.6.1)
//! never run together. A deadline may be moved away without telling the wheel: an entry that comes too early finds
//! nothing due and is filed again (*lazy postponement*), so that restarting the retransmission timer on each ACK is free.

use crate::Cx;
use core::time::Duration;
use limpid_event::{Event, Instant, Observer, Timer};

const SLOTS: usize = 5;

/// The running timers of one connection. Where several are due at once, the order is that of the slots: what may end the
/// connection comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    /// [`Instant::MAX`] where none runs.
    at: [Instant; SLOTS],
    kind: [Timer; SLOTS],
}

const fn slot(timer: Timer) -> usize {
    match timer {
        // Lifetime.
        Timer::ConnectDeadline | Timer::UserTimeout | Timer::Linger | Timer::FinWait2 | Timer::TimeWait => 0,
        // Send.
        Timer::Rto | Timer::Tlp | Timer::Reorder | Timer::Persist => 1,
        Timer::DelayedAck => 2,
        Timer::Pace => 3,
        _ => 4,
    }
}

impl Timers {
    pub(crate) const fn new() -> Timers {
        Timers { at: [Instant::MAX; SLOTS], kind: [Timer::KeepAlive; SLOTS] }
    }

    /// Whether `timer` itself runs in its slot.
    pub(crate) fn runs(&self, timer: Timer) -> bool {
        self.deadline(timer).is_some()
    }

    /// When `timer` runs out, if it runs.
    pub(crate) fn deadline(&self, timer: Timer) -> Option<Instant> {
        let slot = slot(timer);
        (self.at[slot] < Instant::MAX && self.kind[slot] == timer).then_some(self.at[slot])
    }

    /// Starts `timer`, in place of whatever held its slot, and tells the observer.
    pub(crate) fn start<O: Observer>(&mut self, cx: &mut Cx<'_, O>, timer: Timer, after: Duration) {
        self.postpone(timer, cx.now + after);
        cx.emit(|| Event::TimerSet { timer, after });
    }

    /// Starts `timer` or moves its deadline; the observer is told only if it did not run.
    pub(crate) fn restart<O: Observer>(&mut self, cx: &mut Cx<'_, O>, timer: Timer, after: Duration) {
        if self.runs(timer) { self.postpone(timer, cx.now + after) } else { self.start(cx, timer, after) }
    }

    /// Moves a deadline without a word.
    pub(crate) fn postpone(&mut self, timer: Timer, at: Instant) {
        let slot = slot(timer);
        self.at[slot] = at;
        self.kind[slot] = timer;
    }

    /// Stops `timer`, if it is what runs in its slot.
    pub(crate) fn stop(&mut self, timer: Timer) {
        if self.runs(timer) {
            self.at[slot(timer)] = Instant::MAX;
        }
    }

    /// No other than `timer` runs.
    pub(crate) fn only_runs(&self, timer: Timer) -> bool {
        let running = (0..SLOTS).filter(|&slot| self.at[slot] < Instant::MAX);
        running.into_iter().all(|slot| self.kind[slot] == timer)
    }

    /// Stops everything.
    pub(crate) fn stop_all(&mut self) {
        self.at = [Instant::MAX; SLOTS];
    }

    /// The earliest deadline and its reason.
    #[inline]
    pub(crate) fn earliest(&self) -> Option<(Instant, Timer)> {
        let mut first = 0;
        for slot in 1..SLOTS {
            if self.at[slot] < self.at[first] {
                first = slot;
            }
        }
        (self.at[first] < Instant::MAX).then_some((self.at[first], self.kind[first]))
    }

    /// Takes the first timer that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let slot = (0..SLOTS).find(|&slot| self.at[slot] <= now && self.at[slot] < Instant::MAX)?;
        self.at[slot] = Instant::MAX;
        Some(self.kind[slot])
    }
}

#[cfg(test)]
mod tests;
