//! *How much* may be in flight and *how fast* it may leave: arithmetic over samples. A controller sees no segments and
//! decides nothing about losses; [recovery](crate::recovery) does that and tells it.
//!
//! Windows are in segments, as Linux counts them and as `tcp_info` and people want them. RFC 5681 is the frame, Linux's
//! habits fill it.
//!
//! | file | what | RFC |
//! |---|---|---|
//! | `cwnd` | the window and its arithmetic, for Reno and CUBIC alike | 5681, 2861 |
//! | `reno`, `cubic` | how deep a loss cuts, and how the window grows again | 5681, 9438, 8511 |
//! | `hystart` | when slow start ends before there is a loss | 9406 |
//! | `bbr` | a model of the path instead of losses | draft-ietf-ccwg-bbr |
//! | `usage` | whether the window is what holds sending back | 7661, 2861 |
//! | `choice` | which one, and one's own | |

mod bbr;
mod choice;
pub mod cubic;
mod cwnd;
mod hystart;
pub mod reno;
mod samples;
mod usage;

pub use bbr::Bbr;
pub use choice::{Algorithm, CongestionControl, ControllerFactory, Controllers, Start};
pub use cubic::Cubic;
pub use hystart::HyStart;
pub use reno::Reno;
pub use samples::{AckSample, IdleSample, LossSample, RateSample, SentSample};
pub use usage::{CwndUsage, Stopped};

use core::fmt;
use core::time::Duration;

/// No slow-start threshold is known: slow start until the first loss (RFC 5681 §3.1).
pub const SSTHRESH_UNKNOWN: u32 = u32::MAX;

/// In µs, at most some 71 minutes.
fn in_micros(time: Duration) -> u32 {
    time.as_micros().min(u128::from(u32::MAX)) as u32
}

/// What a controller tells of itself (TCP_CC_INFO).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ControllerInfo {
    /// BBR's model.
    Bbr {
        /// The bandwidth it reckons with, bytes a second.
        bw: u64,
        /// The smallest round-trip time; [`Duration::MAX`] if there is none yet.
        min_rtt: Duration,
        /// How fast it sends, in 1/256 of that bandwidth.
        pacing_gain: u32,
        /// How much it lets be in flight, in 1/256 of bandwidth times round trip.
        cwnd_gain: u32,
    },
}

/// A congestion controller.
pub trait Controller: Send + fmt::Debug {
    /// The handshake is over, and has measured this round trip, if it could.
    fn on_established(&mut self, _rtt: Option<Duration>) {}

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

    /// The window is this now, for a reason that is none of congestion: segments have another size (RFC 4821 §7.6.1). With a
    /// threshold, that too, and what was counted towards the next segment is forgotten.
    fn set_window(&mut self, _window: u32, _ssthresh: Option<u32>) {}

    /// The congestion window, segments: at least one. 0 counts as one, because nothing would come to open the window again.
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

    /// Segments are held back to the pacing rate, wherever the switch for it stands.
    fn paces(&self) -> bool {
        false
    }

    /// How many segments leave at once at the least, if not as many as `tcp_min_tso_segs` says.
    fn least_burst(&self) -> Option<u32> {
        None
    }

    /// It sends less than it could, on purpose: what is delivered now tells nothing of what the path carries.
    fn sends_less(&self) -> bool {
        false
    }

    /// It goes by what the path delivers: what is delivered while the peer's window holds sending back counts as limited, as if the
    /// application had nothing to send.
    fn goes_by_rate(&self) -> bool {
        false
    }

    /// Which phase it is in, in a few words for people.
    fn phase(&self) -> Option<&'static str> {
        None
    }

    /// What it tells of itself (TCP_CC_INFO).
    fn info(&self) -> Option<ControllerInfo> {
        None
    }

    /// Linux's name of it.
    fn name(&self) -> &'static str;
}
