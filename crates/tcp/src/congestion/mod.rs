//! *How much* may be in flight and *how fast* it may leave: arithmetic over samples. A controller sees no segments and
//! decides nothing about losses; [recovery](crate::recovery) does that and tells it.
//!
//! Windows are in segments, as Linux counts them and as `tcp_info` and people want them. RFC 5681 is the frame, Linux's
//! habits fill it.

pub mod cubic;
mod cwnd;
mod hystart;
pub mod reno;
mod usage;

pub use cubic::Cubic;
pub use reno::Reno;
pub use usage::{CwndUsage, Stopped};

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;
use limpid_event::Instant;

/// No slow-start threshold is known: slow start until the first loss (RFC 5681 §3.1).
pub const SSTHRESH_UNKNOWN: u32 = u32::MAX;

/// In µs, at most some 71 minutes.
fn in_micros(time: Duration) -> u32 {
    time.as_micros().min(u128::from(u32::MAX)) as u32
}

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
    /// The window, not the application or the peer, held sending back ([`CwndUsage`]).
    pub cwnd_limited: bool,
    /// Fast recovery goes on: the window must not grow.
    pub in_recovery: bool,
    /// The ACK says that packets met congestion (RFC 3168, RFC 9768):
    pub ece: bool,
    /// so many of those delivered; of classic ECN all of them.
    pub ce: u32,
    /// What was delivered in which time, if it can be told.
    pub rate: Option<RateSample>,
}

/// A delivery rate sample (draft-ietf-ccwg-bbr, delivery rate estimation).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateSample {
    /// Bytes delivered in the interval.
    pub delivered: u64,
    /// Its length: the longer of how long sending took and how long the ACKs took.
    pub interval: Duration,
    /// All bytes delivered when the newest acknowledged segment was sent: tells round trips apart.
    pub prior_delivered: u64,
    /// The application had nothing to send: the path may be faster than this.
    pub app_limited: bool,
}

/// Recovery found a loss, once for each window (RFC 5681 §3.2).
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
    /// A sample.
    pub fn new(now: Instant, bytes: u32, in_flight: u32, mss: u32) -> SentSample {
        SentSample { now, bytes, in_flight, mss }
    }
}

impl AckSample {
    /// A sample of `acked` segments; the other fields are unknown or false and can be set.
    pub fn new(now: Instant, acked: u32, mss: u32) -> AckSample {
        AckSample {
            now,
            acked,
            delivered: acked,
            prior_in_flight: acked,
            in_flight: 0,
            mss,
            rtt: None,
            srtt: None,
            min_rtt: None,
            cwnd_limited: false,
            in_recovery: false,
            ece: false,
            ce: 0,
            rate: None,
        }
    }
}

impl LossSample {
    /// A sample.
    pub fn new(now: Instant, in_flight: u32, mss: u32) -> LossSample {
        LossSample { now, in_flight, left: 0, mss }
    }
}

impl IdleSample {
    /// A sample.
    pub fn new(now: Instant, idle: Duration, rto: Duration, mss: u32) -> IdleSample {
        IdleSample { now, idle, rto, mss }
    }
}

/// A congestion controller.
pub trait Controller: Send + fmt::Debug {
    /// Data left.
    fn on_sent(&mut self, _sample: &SentSample) {}

    /// Data was acknowledged.
    fn on_ack(&mut self, sample: &AckSample);

    /// A loss was found, without a timeout: the first of a window.
    fn on_loss(&mut self, sample: &LossSample);

    /// The retransmission timer ran out, and all in flight counts as lost. `again` says that it ran out before already
    /// for the same data.
    fn on_rto(&mut self, sample: &LossSample, again: bool);

    /// The last loss or timeout was none: take its reduction back.
    fn on_undo(&mut self);

    /// Whether [recovery](crate::recovery::Prr) brings the window down after a loss, in steps over a round trip, to
    /// [`ssthresh`](Self::ssthresh): until that is done, [`window`](Self::window) is not asked for. A controller that knows better
    /// answers `false`, and its window holds all the time.
    fn is_reduced_by_recovery(&self) -> bool {
        true
    }

    /// Recovery leaves its reduction early, with a window of `window` segments.
    fn on_reduction_left(&mut self, _window: u32) {}

    /// Fast recovery is over: all that was in flight when it began is acknowledged.
    fn on_recovered(&mut self, _sample: &LossSample) {}

    /// Sending goes on after at least one retransmission timeout of silence (RFC 5681 §4.1).
    fn on_idle(&mut self, _sample: &IdleSample) {}

    /// For at least a retransmission timeout no more than `used` segments of the window were used (RFC 2861 §3.2).
    fn on_unused(&mut self, _used: u32) {}

    /// The congestion window, segments.
    fn window(&self) -> u32;

    /// The slow-start threshold, segments; [`SSTHRESH_UNKNOWN`] before any loss, or where there is none.
    fn ssthresh(&self) -> u32 {
        SSTHRESH_UNKNOWN
    }

    /// How fast to send, bytes a second, if the controller decides; else it follows from window and round trip.
    fn pacing_rate(&self) -> Option<u64> {
        None
    }

    /// How many windows the send buffer should hold: one in flight and one to follow, unless the controller has more in flight
    /// than its window for a while (Linux's `sndbuf_expand`).
    fn buffered_windows(&self) -> u32 {
        2
    }

    /// Linux's name of it.
    fn name(&self) -> &'static str;
}

/// A connection's controller: inline for the usual ones, open for research.
#[derive(Debug)]
#[non_exhaustive]
pub enum CongestionControl {
    /// RFC 5681.
    Reno(Reno),
    /// RFC 9438.
    Cubic(Cubic),
    /// Anybody's.
    Custom(Box<dyn Controller>),
}

/// Which controller a socket uses (`tcp_congestion_control`, TCP_CONGESTION).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// RFC 5681.
    Reno,
    /// RFC 9438: Linux's default.
    #[default]
    Cubic,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Algorithm; 2] = [Algorithm::Reno, Algorithm::Cubic];

    /// Linux's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Reno => "reno",
            Algorithm::Cubic => "cubic",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl CongestionControl {
    /// A connection's, which begins with `initial` segments (RFC 6928: 10; the bound of 14,600 bytes on large ones is not
    /// Linux's), or with one if its SYN was lost (RFC 5681 §3.1).
    pub fn new(algorithm: Algorithm, initial: u32, syn_lost: bool) -> CongestionControl {
        let window = if syn_lost { 1 } else { initial };
        match algorithm {
            Algorithm::Reno => CongestionControl::Reno(Reno::new(initial).with_window(window)),
            Algorithm::Cubic => CongestionControl::Cubic(Cubic::new(initial).with_window(window)),
        }
    }

    /// Another algorithm goes on from this one's window and threshold, as on Linux.
    #[must_use]
    pub fn succeeded_by(&self, algorithm: Algorithm, initial: u32) -> CongestionControl {
        let (window, ssthresh) = (self.window(), self.ssthresh());
        match algorithm {
            Algorithm::Reno => CongestionControl::Reno(Reno::new(initial).with_window(window).with_ssthresh(ssthresh)),
            Algorithm::Cubic => {
                CongestionControl::Cubic(Cubic::new(initial).with_window(window).with_ssthresh(ssthresh))
            }
        }
    }
}

macro_rules! each {
    ($self:ident, $controller:ident => $call:expr) => {
        match $self {
            CongestionControl::Reno($controller) => $call,
            CongestionControl::Cubic($controller) => $call,
            CongestionControl::Custom($controller) => $call,
        }
    };
}

impl Controller for CongestionControl {
    fn on_sent(&mut self, sample: &SentSample) {
        each!(self, c => c.on_sent(sample))
    }

    fn on_ack(&mut self, sample: &AckSample) {
        each!(self, c => c.on_ack(sample))
    }

    fn on_loss(&mut self, sample: &LossSample) {
        each!(self, c => c.on_loss(sample))
    }

    fn on_rto(&mut self, sample: &LossSample, again: bool) {
        each!(self, c => c.on_rto(sample, again))
    }

    fn on_undo(&mut self) {
        each!(self, c => c.on_undo())
    }

    fn is_reduced_by_recovery(&self) -> bool {
        each!(self, c => c.is_reduced_by_recovery())
    }

    fn on_reduction_left(&mut self, window: u32) {
        each!(self, c => c.on_reduction_left(window))
    }

    fn on_recovered(&mut self, sample: &LossSample) {
        each!(self, c => c.on_recovered(sample))
    }

    fn on_idle(&mut self, sample: &IdleSample) {
        each!(self, c => c.on_idle(sample))
    }

    fn on_unused(&mut self, used: u32) {
        each!(self, c => c.on_unused(used))
    }

    fn window(&self) -> u32 {
        each!(self, c => c.window())
    }

    fn ssthresh(&self) -> u32 {
        each!(self, c => c.ssthresh())
    }

    fn pacing_rate(&self) -> Option<u64> {
        each!(self, c => c.pacing_rate())
    }

    fn name(&self) -> &'static str {
        each!(self, c => c.name())
    }
}
