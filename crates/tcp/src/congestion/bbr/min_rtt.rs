//! The smallest round-trip time of the last ten seconds (draft-ietf-ccwg-bbr §5.5.7, §5.3.4.3).

use super::super::in_micros;
use super::{Ack, Bbr, State};
use core::time::Duration;
use limpid_event::Instant;

/// How long a sample is believed (MinRTTFilterLen, ProbeRTTInterval).
const BELIEVED: Duration = Duration::from_secs(10);

/// The filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinRtt {
    /// µs; `u32::MAX` before the first sample.
    micros: u32,
    at: Instant,
    /// It is too old, and the queue must be emptied before a larger one is believed.
    pub(super) expired: bool,
}

impl MinRtt {
    pub(super) fn new(now: Instant) -> MinRtt {
        MinRtt { micros: u32::MAX, at: now, expired: false }
    }

    /// [`Duration::MAX`] before the first sample.
    pub(super) fn get(self) -> Duration {
        self.micros().map_or(Duration::MAX, |micros| Duration::from_micros(micros.into()))
    }

    pub(super) fn micros(self) -> Option<u32> {
        (self.micros < u32::MAX).then_some(self.micros)
    }

    /// The queue was emptied: it is good for another ten seconds.
    pub(super) fn renew(&mut self, now: Instant) {
        self.at = now;
    }
}

impl Bbr {
    pub(super) fn update_min_rtt(&mut self, ack: &Ack) {
        let expired = ack.now.since(self.min_rtt.at) > BELIEVED;
        self.min_rtt.expired = expired;
        if expired && self.state != State::ProbeRtt {
            // How far to empty the queue follows from the old one, not from what may be a full queue.
            self.save_probe_rtt_cwnd();
        }
        if let Some(rtt) = ack.rtt
            && (in_micros(rtt) < self.min_rtt.micros || expired)
        {
            self.min_rtt = MinRtt { micros: in_micros(rtt).max(1), at: ack.now, expired };
        }
    }
}
