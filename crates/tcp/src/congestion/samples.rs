//! What controllers are told: numbers, no segments.

use crate::delivery::per_second;
use crate::recovery::Phase;
use crate::send::Losses;
use core::time::Duration;
use limpid_event::Instant;

/// New or retransmitted data left.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SentSample {
    /// When.
    pub now: Instant,
    /// Payload bytes.
    pub bytes: u32,
    /// Segments in flight, with these.
    pub in_flight: u32,
    /// The MSS, bytes.
    pub mss: u32,
    /// Nothing was in flight before, for so long since data left last.
    pub idle: Option<Duration>,
    /// The smoothed round-trip time.
    pub srtt: Option<Duration>,
    /// The application had too little to send before this.
    pub app_limited: bool,
}

/// An ACK that acknowledged something, cumulatively or by SACK.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AckSample {
    /// When it came.
    pub now: Instant,
    /// Segments that it newly acknowledged cumulatively.
    pub acked: u32,
    /// Segments that it newly told to have arrived, cumulatively or by SACK, or by being a duplicate.
    pub delivered: u32,
    /// Segments overtake each other on this path: what SACK tells is as good as an ACK in order.
    pub overtaken: bool,
    /// Segments in flight before it.
    pub prior_in_flight: u32,
    /// Segments in flight now.
    pub in_flight: u32,
    /// The MSS, bytes.
    pub mss: u32,
    /// The round-trip time of the newest segment acknowledged, if none of the acknowledged was retransmitted.
    pub rtt: Option<Duration>,
    /// Smoothed.
    pub srtt: Option<Duration>,
    /// Smallest.
    pub min_rtt: Option<Duration>,
    /// The window, not the application or the peer, held sending back ([`CwndUsage`](super::CwndUsage)).
    pub cwnd_limited: bool,
    /// The window was full at some time in this round trip.
    pub cwnd_full: bool,
    /// Fast recovery, or another reduction, goes on: the window must not grow.
    pub in_recovery: bool,
    /// Where recovery stands after it.
    pub recovery: Phase,
    /// The ACK says that packets met congestion (RFC 3168, RFC 9768):
    pub ece: bool,
    /// so many of those delivered; of classic ECN all of them.
    pub ce: u32,
    /// What was delivered in which time, if it can be told.
    pub rate: Option<RateSample>,
    /// What newly counts as lost since the ACK before.
    pub losses: Losses,
    /// The peer tells of more than one loss in a round trip (SACK).
    pub selective: bool,
    /// The biggest piece that leaves at once at the present rate, segments.
    pub burst: u32,
    /// The rate of sending before this ACK, bytes a second.
    pub pacing_rate: u64,
    /// Segments are held back to it.
    pub paced: bool,
}

/// A delivery-rate sample (draft-ietf-ccwg-bbr §4.1), of the newest segment that an ACK told to have arrived. Counts are of
/// segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct RateSample {
    /// Delivered in the interval,
    pub delivered: u32,
    /// of them those that met congestion on the path,
    pub delivered_ce: u32,
    /// and what counted as lost in it.
    pub lost: u32,
    /// In flight when the segment left, itself among them.
    pub in_flight: u32,
    /// All that was delivered when it left: tells round trips apart. Wraps.
    pub prior_delivered: u32,
    /// All that is delivered now. Wraps.
    pub total_delivered: u32,
    /// The longer of how long sending took and how long the ACKs took; zero if that gives no rate.
    pub interval: Duration,
    /// The application had nothing to send: the path may be faster than this.
    pub app_limited: bool,
}

impl RateSample {
    /// Bytes a second, of segments of `mss` bytes; 0 if it can't be told.
    pub fn rate(&self, mss: u32) -> u64 {
        let micros = u64::try_from(self.interval.as_micros()).unwrap_or(u64::MAX);
        per_second(self.delivered, mss, micros)
    }
}

/// Recovery found a loss, or the path told of congestion, once for each window (RFC 5681 §3.2, RFC 3168 §6.1.2).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LossSample {
    /// When.
    pub now: Instant,
    /// Segments in flight before the loss was known,
    pub in_flight: u32,
    /// and those that are believed to be still.
    pub left: u32,
    /// The MSS.
    pub mss: u32,
    /// Nothing is lost: an ECN-Echo told of congestion.
    pub ecn: bool,
}

/// The connection sends again after it was idle.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct IdleSample {
    /// When.
    pub now: Instant,
    /// How long nothing was sent.
    pub idle: Duration,
    /// The retransmission timeout.
    pub rto: Duration,
    /// The MSS.
    pub mss: u32,
}

impl SentSample {
    /// A sample; the other fields are unknown or false and can be set.
    pub fn new(now: Instant, bytes: u32, in_flight: u32, mss: u32) -> SentSample {
        SentSample { now, bytes, in_flight, mss, idle: None, srtt: None, app_limited: false }
    }
}

impl AckSample {
    /// A sample of `acked` segments; the other fields are unknown or false and can be set.
    pub fn new(now: Instant, acked: u32, mss: u32) -> AckSample {
        AckSample {
            now,
            acked,
            delivered: acked,
            overtaken: false,
            prior_in_flight: acked,
            in_flight: 0,
            mss,
            rtt: None,
            srtt: None,
            min_rtt: None,
            cwnd_limited: false,
            cwnd_full: false,
            in_recovery: false,
            recovery: Phase::Open,
            ece: false,
            ce: 0,
            rate: None,
            losses: Losses::default(),
            selective: true,
            burst: 1,
            pacing_rate: u64::MAX,
            paced: false,
        }
    }

    /// Whether the window may grow by it: something was acknowledged in order, or that means nothing here (Linux's
    /// `tcp_may_raise_cwnd`).
    pub fn may_raise(&self) -> bool {
        self.acked > 0 || (self.overtaken && self.delivered > 0)
    }

    /// Whether a window that grows by what is acknowledged does so now: not in recovery, and not if it was not used.
    pub(super) fn opens_window(&self) -> bool {
        !self.in_recovery && self.cwnd_limited && self.may_raise()
    }
}

impl LossSample {
    /// A sample.
    pub fn new(now: Instant, in_flight: u32, mss: u32) -> LossSample {
        LossSample { now, in_flight, left: 0, mss, ecn: false }
    }

    /// The same, of congestion that ECN told of.
    #[must_use]
    pub fn by_ecn(self) -> LossSample {
        LossSample { ecn: true, ..self }
    }
}

impl IdleSample {
    /// A sample.
    pub fn new(now: Instant, idle: Duration, rto: Duration, mss: u32) -> IdleSample {
        IdleSample { now, idle, rto, mss }
    }
}
