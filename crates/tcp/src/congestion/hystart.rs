//! HyStart: leave slow start before the first loss, when the queue on the path grows. In Linux's classic form (Ha and Rhee,
//! "Taming the elephants"), or HyStart++ (RFC 9406).
//!
//! Classic looks for two signs once the window has 16 segments: the ACKs of one round trip come closely one after another for
//! half of the smallest round-trip time ("ACK train": the path is full), or the first eight samples of a round trip are all
//! larger than the smallest by an eighth, but 4 to 16 ms ("delay": a queue builds up). Either ends slow start.
//!
//! HyStart++ looks at delay alone, from round to round, and does not trust it at once: the window grows by a quarter of what
//! slow start would for five rounds. If the delay was but jitter, slow start goes on (§4.2, §4.3).

#[cfg(test)]
mod tests;

use super::{AckSample, in_micros};
use crate::connection::GSO_MAX;
use crate::pack::packed;
use core::time::Duration;
use limpid_event::Instant;

/// How slow start may end without a loss.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum HyStart {
    /// Only by a loss.
    Off,
    /// As Linux's CUBIC.
    #[default]
    Classic,
    /// RFC 9406.
    PlusPlus,
}

/// Below this window the classic form does not look, segments.
const LOW_WINDOW: u32 = 16;
/// Samples of a round trip that the delay test takes (RFC 9406 §4.3's N_RTT_SAMPLE).
const MIN_SAMPLES: u8 = 8;
/// ACKs that follow one another within this belong to one train, µs.
const ACK_SPACING_US: u32 = 2000;
/// Bounds of what counts as more delay, µs (MIN_RTT_THRESH, MAX_RTT_THRESH).
const DELAY_MIN: u32 = 4_000;
const DELAY_MAX: u32 = 16_000;
/// How long super-segments on the way may stretch a train at the most, µs.
const MAX_ACK_DELAY_US: u64 = 1000;
/// Conservative slow start is slower by this (CSS_GROWTH_DIVISOR),
const CSS_DIVISOR: u32 = 4;
/// and lasts so many rounds (CSS_ROUNDS).
const CSS_ROUNDS: u8 = 5;
/// An ACK counts for so many segments at the most where nothing paces (L).
const MAX_ACKED: u32 = 8;

/// What one round trip has shown so far, and of HyStart++ the ones before.
#[derive(Clone, Debug)]
pub(super) struct Detector {
    kind: HyStart,
    /// It is over: nothing more to find.
    found: bool,
    start: Instant,
    /// The last ACK of the train, after `start`, in µs.
    last_ack: u32,
    /// The smallest round-trip time of this round, in µs; `u32::MAX` before one is measured.
    rtt: u32,
    /// Segments still to be acknowledged until the round is over: what was in flight when it began.
    left: u32,
    samples: u8,
    /// Of the round before.
    last_rtt: u32,
    css: Option<Css>,
}

/// Conservative slow start (RFC 9406 §4.2).
#[derive(Clone, Copy, Debug)]
struct Css {
    /// The round-trip time that began it, µs.
    baseline: u32,
    rounds: u8,
    /// Segments acknowledged that have not opened the window yet.
    credit: u32,
}

impl Detector {
    pub(super) fn new(kind: HyStart) -> Detector {
        Detector {
            kind,
            found: kind == HyStart::Off,
            start: Instant::ZERO,
            last_ack: 0,
            rtt: u32::MAX,
            left: 0,
            samples: 0,
            last_rtt: u32::MAX,
            css: None,
        }
    }

    /// After a timeout slow start begins anew.
    pub(super) fn reset(&mut self) {
        *self = Detector::new(self.kind);
    }

    /// An ACK in slow start, with a round-trip time. True if slow start should end now.
    pub(super) fn on_ack(&mut self, sample: &AckSample, rtt: Duration, min_rtt: u32, cwnd: u32) -> bool {
        if self.found || (self.kind == HyStart::Classic && cwnd < LOW_WINDOW) {
            return false;
        }
        let round_begins = self.left == 0;
        if round_begins {
            let last_rtt = self.rtt;
            self.start = sample.now;
            (self.last_ack, self.rtt, self.samples) = (0, u32::MAX, 0);
            (self.left, self.last_rtt) = (sample.in_flight, last_rtt);
        } else {
            self.left = self.left.saturating_sub(sample.acked);
        }
        self.found = match self.kind {
            HyStart::Off => false,
            HyStart::Classic => self.train(sample, min_rtt) | self.delayed(in_micros(rtt), min_rtt),
            HyStart::PlusPlus => self.plus_plus(in_micros(rtt), round_begins),
        };
        self.found
    }

    fn train(&mut self, sample: &AckSample, min_rtt: u32) -> bool {
        let after = in_micros(sample.now.since(self.start));
        if after - self.last_ack.min(after) > ACK_SPACING_US {
            return false;
        }
        self.last_ack = after;
        let in_hosts = (u64::from(GSO_MAX) * 4 * 1_000_000).checked_div(sample.pacing_rate).unwrap_or(0);
        let full = u64::from(min_rtt) + in_hosts.min(MAX_ACK_DELAY_US);
        // Pacing spreads what leaves over half of the round trip by itself.
        u64::from(after) > if sample.paced { full } else { full / 2 }
    }

    fn delayed(&mut self, rtt: u32, min_rtt: u32) -> bool {
        self.rtt = self.rtt.min(rtt);
        let enough = self.samples >= MIN_SAMPLES;
        self.samples += u8::from(!enough);
        enough && self.rtt > min_rtt.saturating_add((min_rtt / 8).clamp(DELAY_MIN, DELAY_MAX))
    }

    fn plus_plus(&mut self, rtt: u32, round_begins: bool) -> bool {
        self.rtt = self.rtt.min(rtt);
        self.samples = self.samples.saturating_add(1).min(MIN_SAMPLES);
        let enough = self.samples >= MIN_SAMPLES;
        match &mut self.css {
            // It was jitter.
            Some(css) if enough && self.rtt < css.baseline => self.css = None,
            Some(css) => {
                css.rounds += u8::from(round_begins);
                return css.rounds >= CSS_ROUNDS;
            }
            None if enough && self.last_rtt < u32::MAX => {
                let threshold = (self.last_rtt / 8).clamp(DELAY_MIN, DELAY_MAX);
                if self.rtt >= self.last_rtt.saturating_add(threshold) {
                    self.css = Some(Css { baseline: self.rtt, rounds: 0, credit: 0 });
                }
            }
            None => {}
        }
        false
    }

    /// How much of `acked` segments opens the window in slow start.
    pub(super) fn opens(&mut self, acked: u32, paced: bool) -> u32 {
        if self.kind != HyStart::PlusPlus {
            return acked;
        }
        let acked = if paced { acked } else { acked.min(MAX_ACKED) };
        let Some(css) = &mut self.css else { return acked };
        css.credit += acked;
        let opens = css.credit / CSS_DIVISOR;
        css.credit %= CSS_DIVISOR;
        opens
    }
}

packed!(struct Detector { kind, found, start, last_ack, rtt, left, samples, last_rtt, css });
packed!(struct Css { baseline, rounds, credit });
packed!(
    enum HyStart {
        Off,
        Classic,
        PlusPlus,
    }
);
