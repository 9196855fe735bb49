//! HyStart, Linux's classic form: leave slow start before the first loss, when the queue on the path grows (Ha and Rhee,
//! "Taming the elephants"; the idea of RFC 9406's delay test, with Linux's bounds).
//!
//! Two signs, looked for once the window has 16 segments: the ACKs of one round trip come closely one after another for half
//! of the smallest round-trip time ("ACK train": the path is full), or the first eight samples of a round trip are all
//! larger than the smallest by an eighth, but 4 to 16 ms ("delay": a queue builds up).

#[cfg(test)]
mod tests;

use super::AckSample;
use core::time::Duration;
use limpid_event::Instant;

/// Below this window it does not look, segments.
const LOW_WINDOW: u32 = 16;
/// Samples of a round trip that the delay test takes.
const MIN_SAMPLES: u8 = 8;
/// ACKs that follow one another within this belong to one train.
const ACK_SPACING: Duration = Duration::from_millis(2);
/// Bounds of what counts as more delay.
const DELAY_MIN: Duration = Duration::from_millis(4);
const DELAY_MAX: Duration = Duration::from_millis(16);

/// What one round trip has shown so far.
#[derive(Clone, Debug, Default)]
pub(super) struct HyStart {
    round: Option<Round>,
}

#[derive(Clone, Debug)]
struct Round {
    start: Instant,
    last_ack: Instant,
    /// Bytes still to be acknowledged until the round is over: what was in flight when it began.
    left: u32,
    samples: u8,
    /// The smallest of the round.
    rtt: Duration,
}

impl HyStart {
    /// An ACK in slow start, with a round-trip time. True if slow start should end now.
    pub(super) fn on_ack(&mut self, sample: &AckSample, rtt: Duration, min_rtt: Duration, cwnd: u32) -> bool {
        let now = sample.now;
        let over = self.round.as_ref().is_none_or(|round| round.left == 0);
        if over {
            let round = Round { start: now, last_ack: now, left: sample.in_flight, samples: 0, rtt: Duration::MAX };
            self.round = Some(round);
        }
        let Some(round) = &mut self.round else { return false };
        if !over {
            round.left = round.left.saturating_sub(sample.acked);
        }
        let in_train = now.since(round.last_ack) <= ACK_SPACING;
        if in_train {
            round.last_ack = now;
        }
        let train = in_train && now.since(round.start) > min_rtt / 2;
        round.rtt = round.rtt.min(rtt);
        let delayed = round.samples >= MIN_SAMPLES && round.rtt > min_rtt + (min_rtt / 8).clamp(DELAY_MIN, DELAY_MAX);
        round.samples = round.samples.saturating_add(1).min(MIN_SAMPLES);
        cwnd >= LOW_WINDOW && (train || delayed)
    }
}
