//! The smallest round-trip time of the last ten seconds, and of the last five, after which the queue is emptied to see it again
//! (draft-ietf-ccwg-bbr §5.3.4.3, §5.5.7).

use super::super::in_micros;
use super::{Ack, Bbr, State};
use core::time::Duration;
use limpid_event::Instant;

/// How long a sample is believed (MinRTTFilterLen): longer than from one probe to the next, so that what the last one saw is
/// known during this one.
const BELIEVED: Duration = Duration::from_secs(10);
/// How long without a smaller sample until the queue is emptied (ProbeRTTInterval). The same for all, so that flows that share a
/// queue empty it together.
const INTERVAL: Duration = Duration::from_secs(5);

/// The filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinRtt {
    longer: Smallest,
    /// Of this interval of probing.
    recent: Smallest,
    /// The interval is over: the queue must be emptied.
    pub(super) expired: bool,
}

/// A sample, and when it was taken.
#[derive(Clone, Copy, Debug)]
struct Smallest {
    /// µs; `u32::MAX` before the first sample.
    micros: u32,
    at: Instant,
}

impl MinRtt {
    pub(super) fn new(now: Instant) -> MinRtt {
        let none = Smallest { micros: u32::MAX, at: now };
        MinRtt { longer: none, recent: none, expired: false }
    }

    /// [`Duration::MAX`] before the first sample.
    pub(super) fn get(self) -> Duration {
        self.micros().map_or(Duration::MAX, |micros| Duration::from_micros(micros.into()))
    }

    pub(super) fn micros(self) -> Option<u32> {
        (self.longer.micros < u32::MAX).then_some(self.longer.micros)
    }

    /// The queue was emptied: the next time is an interval away.
    pub(super) fn renew(&mut self, now: Instant) {
        self.recent.at = now;
    }

    fn is_interval_over(&self, now: Instant) -> bool {
        now.since(self.recent.at) > INTERVAL
    }

    fn update(&mut self, now: Instant, sample: Option<u32>) {
        self.expired = self.is_interval_over(now);
        if let Some(micros) = sample
            && (micros < self.recent.micros || self.expired)
        {
            self.recent = Smallest { micros, at: now };
        }
        if self.recent.micros < self.longer.micros || now.since(self.longer.at) > BELIEVED {
            self.longer = self.recent;
        }
    }
}

impl Bbr {
    pub(super) fn update_min_rtt(&mut self, ack: &Ack) {
        if self.min_rtt.is_interval_over(ack.now) && self.state != State::ProbeRtt {
            // How far to empty the queue follows from what was known, not from what may be a full queue.
            self.save_probe_rtt_cwnd();
        }
        self.min_rtt.update(ack.now, ack.rtt.map(|rtt| in_micros(rtt).max(1)));
    }
}
