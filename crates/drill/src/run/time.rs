//! When events are due, and whether they came in time.

use super::Stop;
use super::options::Options;
use crate::script::{Direction, Event, EventKind, Packet, Time};
use limpid_event::Instant;
use std::time::Duration;

/// How long past its time an outbound packet is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for one that may come at any time: longer than the longest RTO (RFC 6298 §2.5).
const LONG_PATIENCE: Duration = Duration::from_secs(130);

/// When an event is due, since the script's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    /// The time, or a range's begin.
    pub(crate) at: Duration,
    /// A range's end.
    until: Option<Duration>,
    /// What relative times count from.
    pub(crate) base: Duration,
    /// As written.
    time: Time,
    /// When the event before was due.
    previous: Option<Duration>,
}

/// What is kept of the events before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Past {
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    due: Duration,
    absolute: bool,
    inbound: bool,
}

impl Past {
    /// When `event` is due, if it is `now`; it is the past from then on.
    pub(crate) fn next(&mut self, event: &Event, now: Duration) -> Result<Due, Stop> {
        let inbound = matches!(event.kind, EventKind::Packet(Packet { direction: Direction::Inbound, .. }));
        let outbound = matches!(event.kind, EventKind::Packet(Packet { direction: Direction::Outbound, .. }));
        // Errors of several inbound packets in a row must not add up.
        let base = match self.last {
            Some(last) if last.inbound && inbound => last.due,
            _ => now,
        };
        let (at, until, absolute) = match event.time {
            Time::Absolute(at) => (at, None, true),
            Time::Relative(after) => (base.saturating_add(after), None, false),
            Time::Any => (now, None, false),
            Time::AbsoluteRange(from, to) => (from, Some(to), true),
            Time::RelativeRange(from, to) => (base.saturating_add(from), Some(base.saturating_add(to)), false),
        };
        if !outbound && !matches!(event.time, Time::Absolute(_) | Time::Relative(_)) {
            return Err(Stop::invalid(
                event.at,
                "only an outbound packet may come at any time or within a range of times",
            ));
        }
        match self.last {
            None if at != Duration::ZERO => return Err(Stop::invalid(event.at, "first event should be at time 0")),
            Some(last) if last.absolute && absolute && at < last.due => {
                let what = format!(
                    "time goes backward in script from {} usec to {} usec",
                    last.due.as_micros(),
                    at.as_micros()
                );
                return Err(Stop::invalid(event.at, what));
            }
            _ => {}
        }
        let previous = self.last.map(|last| last.due);
        self.last = Some(Last { due: at, absolute, inbound });
        Ok(Due { at, until, base, time: event.time, previous })
    }
}

impl Due {
    /// When a blocking call is due that ends at `end`, counted as its event's time is.
    pub(crate) fn end_of_call(&self, end: Duration) -> Due {
        let at = if matches!(self.time, Time::Relative(_)) { self.base.saturating_add(end) } else { end };
        Due { at, previous: Some(self.at), ..*self }
    }

    /// True if this is the script's first event.
    pub(crate) fn is_first(&self) -> bool {
        self.previous.is_none()
    }

    /// Until when an outbound packet, or the end of a call, is waited for.
    pub(crate) fn deadline(&self, options: &Options) -> Duration {
        match self.time {
            Time::Any => self.at.saturating_add(LONG_PATIENCE),
            _ => self.until.unwrap_or(self.at).saturating_add(self.tolerance(options)).saturating_add(PATIENCE),
        }
    }

    fn tolerance(&self, options: &Options) -> Duration {
        let gap = self.previous.map_or(Duration::ZERO, |previous| self.at.saturating_sub(previous));
        let part = Duration::try_from_secs_f64(gap.as_secs_f64() * options.tolerance_percent / 100.0);
        options.tolerance.max(part.unwrap_or(Duration::MAX))
    }

    /// Whether `what` ("outbound packet") came in time.
    ///
    /// # Errors
    /// What packetdrill says.
    pub(crate) fn check(&self, happened: Duration, what: &str, options: &Options) -> Result<(), String> {
        if self.time == Time::Any {
            return Ok(());
        }
        let tolerance = self.tolerance(options);
        let end = self.until.unwrap_or(self.at);
        if happened.saturating_add(tolerance) >= self.at && happened <= end.saturating_add(tolerance) {
            return Ok(());
        }
        Err(match self.time {
            Time::AbsoluteRange(..) => format!(
                "timing error: expected {what} in time range {}~{} sec but happened at {} sec",
                Secs(self.at),
                Secs(end),
                Secs(happened)
            ),
            Time::RelativeRange(..) => {
                let (sign, since_base) = match happened.checked_sub(self.base) {
                    Some(after) => ('+', after),
                    None => ('-', self.base - happened),
                };
                format!(
                    "timing error: expected {what} in relative time range +{}~+{} sec but happened at {sign}{} sec",
                    Secs(self.at - self.base),
                    Secs(end - self.base),
                    Secs(since_base)
                )
            }
            _ => format!(
                "timing error: expected {what} at {} sec but happened at {} sec; tolerance {} sec",
                Secs(self.at),
                Secs(happened),
                Secs(tolerance)
            ),
        })
    }
}

/// Seconds with six digits, as packetdrill prints them.
pub(crate) struct Secs(pub(crate) Duration);

impl std::fmt::Display for Secs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

/// Between the target's time and the script's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(pub(crate) Instant);

impl Epoch {
    /// The script's time.
    pub(crate) fn script(self, at: Instant) -> Duration {
        at.since(self.0)
    }

    /// The target's.
    pub(crate) fn live(self, at: Duration) -> Instant {
        self.0 + at
    }
}

#[cfg(test)]
mod tests;
