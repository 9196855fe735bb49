//! HyStart, Linux's classic form: leave slow start before the first loss, when the queue on the path grows (Ha and Rhee,
//! "Taming the elephants"; the idea of RFC 9406's delay test, with Linux's bounds).
//!
//! Two signs, looked for once the window has 16 segments: the ACKs of one round trip come closely one after another for half
//! of the smallest round-trip time ("ACK train": the path is full), or the first eight samples of a round trip are all
//! larger than the smallest by an eighth, but 4 to 16 ms ("delay": a queue builds up).

#[cfg(test)]
mod tests;

use super::{AckSample, in_micros};
use core::time::Duration;
use limpid_event::Instant;

/// Below this window it does not look, segments.
const LOW_WINDOW: u32 = 16;
/// Samples of a round trip that the delay test takes.
const MIN_SAMPLES: u8 = 8;
/// ACKs that follow one another within this belong to one train, µs.
const ACK_SPACING_US: u32 = 2000;
/// Bounds of what counts as more delay.
const DELAY_MIN: Duration = Duration::from_millis(4);
const DELAY_MAX: Duration = Duration::from_millis(16);

/// What one round trip has shown so far.
#[derive(Clone, Debug, Default)]
pub(super) struct HyStart {
    start: Instant,
    /// The last ACK of the train, after `start`, in µs.
    last_ack: u32,
    /// The smallest round-trip time of this round, in µs.
    rtt: u32,
    /// Segments still to be acknowledged until the round is over: what was in flight when it began.
    left: u32,
    samples: u8,
}

impl HyStart {
    /// An ACK in slow start, with a round-trip time. True if slow start should end now.
    pub(super) fn on_ack(&mut self, sample: &AckSample, rtt: Duration, min_rtt: Duration, cwnd: u32) -> bool {
        if self.left == 0 {
            *self = HyStart { start: sample.now, rtt: u32::MAX, left: sample.in_flight, last_ack: 0, samples: 0 };
        } else {
            self.left = self.left.saturating_sub(sample.acked);
        }
        let since_start = sample.now.since(self.start);
        let after = in_micros(since_start);
        let in_train = after - self.last_ack.min(after) <= ACK_SPACING_US;
        if in_train {
            self.last_ack = after;
        }
        let train = in_train && since_start > min_rtt / 2;
        self.rtt = self.rtt.min(in_micros(rtt));
        let threshold = min_rtt + (min_rtt / 8).clamp(DELAY_MIN, DELAY_MAX);
        let delayed = self.samples >= MIN_SAMPLES && self.rtt > in_micros(threshold);
        self.samples = self.samples.saturating_add(1).min(MIN_SAMPLES);
        cwnd >= LOW_WINDOW && (train || delayed)
    }
}
