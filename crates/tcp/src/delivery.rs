//! Delivery-rate samples: how fast the path delivers, told by each ACK (draft-ietf-ccwg-bbr §4.1, "Delivery Rate Samples";
//! Linux's `tcp_rate.c`).
//!
//! Each [record](crate::send::Record) remembers what was delivered when it left ([`Snapshot`]). When it is delivered itself,
//! what came in between, over the time that took, is a sample of the rate; of the time of sending and the time of the ACKs the
//! longer one counts, since ACKs may come bunched. As on Linux samples count segments, and a sample is *application-limited*
//! if at some time in it there was room to send and nothing to send: the path may be faster than that.

#[cfg(test)]
mod tests;

use crate::congestion::RateSample;
use crate::pack::packed;
use crate::send::{Delivered, Snapshot, more};
use core::time::Duration;
use limpid_event::Instant;

/// What a connection remembers of its deliveries.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Segments delivered so far, our SYN or SYN-ACK included.
    delivered: u32,
    /// Those of them that met congestion on the path.
    delivered_ce: u32,
    /// Samples are application-limited until more than this was delivered; 0 if none are.
    app_limited: u32,
    /// When something was delivered last.
    delivered_at: Instant,
    /// When what was delivered last was sent.
    first_sent_at: Instant,
    latest: Latest,
}

/// The newest sample that the application did not limit, or a higher one that it did.
#[derive(Clone, Copy, Debug)]
struct Latest {
    segments: u32,
    /// 0 before the first one.
    micros: u32,
    app_limited: bool,
}

/// What an ACK says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivering<'a> {
    /// When it came.
    pub(crate) now: Instant,
    /// Segments newly delivered,
    pub(crate) segments: u32,
    /// those of them that met congestion on the path,
    pub(crate) ce: u32,
    /// and the newest of them.
    pub(crate) newest: Option<&'a Delivered>,
    /// Segments lost so far ([`SentRecords::lost_so_far`](crate::send::SentRecords::lost_so_far)).
    pub(crate) lost: u32,
    /// The smallest round-trip time.
    pub(crate) min_rtt: Option<Duration>,
}

impl Delivery {
    /// Our SYN or SYN-ACK is delivered.
    pub(crate) fn new() -> Delivery {
        Delivery {
            delivered: 1,
            delivered_ce: 0,
            app_limited: 0,
            delivered_at: Instant::ZERO,
            first_sent_at: Instant::ZERO,
            latest: Latest { segments: 0, micros: 0, app_limited: true },
        }
    }

    /// Fast Open: our SYN-ACK is not delivered yet,
    pub(crate) fn before_handshake(&mut self) {
        self.delivered = 0;
    }

    /// and now it is.
    pub(crate) fn after_handshake(&mut self) {
        self.delivered = self.delivered.wrapping_add(1);
    }

    /// Segments delivered so far (`tcpi_delivered`).
    pub(crate) fn delivered(&self) -> u32 {
        self.delivered
    }

    /// Samples are application-limited at present.
    pub(crate) fn is_app_limited(&self) -> bool {
        self.app_limited != 0
    }

    /// Something leaves: `idle` says that nothing was outstanding, `in_flight` and `lost` count segments, with what leaves.
    pub(crate) fn on_sent(&mut self, now: Instant, idle: bool, in_flight: u32, lost: u32) -> Snapshot {
        if idle {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        let mut snapshot = Snapshot::default().with_in_flight(in_flight, self.is_app_limited());
        (snapshot.delivered, snapshot.delivered_ce, snapshot.lost) = (self.delivered, self.delivered_ce, lost);
        (snapshot.delivered_at, snapshot.first_sent_at) = (self.delivered_at, self.first_sent_at);
        snapshot
    }

    /// There is room to send and nothing to send, or less is sent than could be: what is in flight tells too little of the path.
    pub(crate) fn limit(&mut self, in_flight: u32) {
        self.app_limited = self.delivered.wrapping_add(in_flight).max(1);
    }

    /// An ACK that gives no sample told of deliveries.
    pub(crate) fn on_old_ack(&mut self, now: Instant, segments: u32) {
        self.on_ack(Delivering { now, segments, ce: 0, newest: None, lost: 0, min_rtt: None });
    }

    /// An ACK told of deliveries. `None` if it gives no sample.
    pub(crate) fn on_ack(&mut self, ack: Delivering<'_>) -> Option<RateSample> {
        self.delivered = self.delivered.wrapping_add(ack.segments);
        self.delivered_ce = self.delivered_ce.wrapping_add(ack.ce);
        if self.app_limited != 0 && before(self.app_limited, self.delivered) {
            self.app_limited = 0;
        }
        if ack.segments > 0 {
            self.delivered_at = ack.now;
        }
        let newest = ack.newest?;
        let then = newest.snapshot;
        if !then.is_taken() {
            return None;
        }
        self.first_sent_at = newest.sent_at;
        let sending = micros_between(then.first_sent_at, newest.sent_at);
        let acking = micros_between(then.delivered_at, ack.now);
        let micros = sending.max(acking);
        // Faster than the path's round trip nothing is delivered: what was sent again was perhaps there before. As RACK (RFC 8985
        // §6.2 step 2), and unlike Linux, we look also at when it was sent again itself.
        let since = micros_between(newest.sent_at, ack.now);
        let least = if newest.retransmitted { micros.min(since) } else { micros };
        let reliable = ack.min_rtt.is_none_or(|rtt| u128::from(least) >= rtt.as_micros());
        let delivered = self.delivered.wrapping_sub(then.delivered);
        if reliable {
            self.latest.take(delivered, micros, then.is_app_limited());
        }
        Some(RateSample {
            delivered,
            delivered_ce: self.delivered_ce.wrapping_sub(then.delivered_ce),
            lost: more(ack.lost, then.lost),
            in_flight: then.in_flight(),
            prior_delivered: then.delivered,
            total_delivered: self.delivered,
            interval: if reliable { Duration::from_micros(micros.into()) } else { Duration::ZERO },
            app_limited: then.is_app_limited(),
        })
    }

    /// The newest rate, bytes a second, of segments of `mss` bytes, and whether the application limited it
    /// (`tcpi_delivery_rate`, `tcpi_delivery_rate_app_limited`).
    pub(crate) fn rate(&self, mss: u32) -> (u64, bool) {
        let Latest { segments, micros, app_limited } = self.latest;
        (per_second(segments, mss, micros.into()), app_limited)
    }
}

impl Latest {
    fn take(&mut self, segments: u32, micros: u32, app_limited: bool) {
        let faster = u64::from(segments) * u64::from(self.micros) >= u64::from(self.segments) * u64::from(micros);
        if !app_limited || faster {
            *self = Latest { segments, micros, app_limited };
        }
    }
}

/// Of two counts that wrap.
pub(crate) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// Bytes a second, of so many segments of `mss` bytes; 0 in no time.
pub(crate) fn per_second(segments: u32, mss: u32, micros: u64) -> u64 {
    let bytes = u64::from(segments) * u64::from(mss);
    bytes.saturating_mul(1_000_000).checked_div(micros).unwrap_or(0)
}

/// On a clock of whole µs, as Linux's stamps are.
fn micros_between(from: Instant, to: Instant) -> u32 {
    let micros = |at: Instant| at.as_nanos() / 1000;
    u32::try_from(micros(to).saturating_sub(micros(from))).unwrap_or(u32::MAX)
}

packed!(struct Delivery { delivered, delivered_ce, app_limited, delivered_at, first_sent_at, latest });
packed!(struct Latest { segments, micros, app_limited });
