//! The window itself, and what every controller of Reno's family does with it alike: slow start, the arithmetic of congestion
//! avoidance, collapse, undo, idleness (RFC 5681 §3.1, §4.1; RFC 2861), in segments, as Linux has them. How deep a loss cuts,
//! and how fast the window grows afterwards, is the controller's; what follows from that for the window alone is written here once
//! (`as_its_cwnd`).

use super::{IdleSample, SSTHRESH_UNKNOWN, Start};
use crate::pack::packed;
use core::time::Duration;

/// The largest window in segments: of segments of a byte, TCP's own 65,535 << 14 (RFC 7323 §2.3).
pub(super) const MAX_WINDOW: u32 = 65_535 << 14;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Cwnd {
    segments: u32,
    /// Segments, or [`SSTHRESH_UNKNOWN`].
    ssthresh: u32,
    /// Segments acknowledged in congestion avoidance that have not opened the window yet (Linux's `snd_cwnd_cnt`).
    credit: u32,
    /// What the window began with, and where idleness stops to shrink it.
    initial: u32,
    /// Window and threshold before the last reduction.
    prior: Option<(u32, u32)>,
}

impl Cwnd {
    /// A connection's, which begins with `initial` segments (RFC 6928: 10; the bound of 14,600 bytes on large ones is not
    /// Linux's).
    pub(super) fn new(initial: u32) -> Cwnd {
        let initial = initial.clamp(1, MAX_WINDOW);
        Cwnd { segments: initial, ssthresh: SSTHRESH_UNKNOWN, credit: 0, initial, prior: None }
    }

    /// What another controller leaves, or a new connection's.
    pub(super) fn starting(start: &Start) -> Cwnd {
        Cwnd::new(start.initial).with_window(start.window).with_ssthresh(start.ssthresh)
    }

    /// The same with another window now.
    #[must_use]
    pub(super) fn with_window(self, window: u32) -> Cwnd {
        Cwnd { segments: window.clamp(1, MAX_WINDOW), ..self }
    }

    /// The same with a threshold that was learned already.
    #[must_use]
    pub(super) fn with_ssthresh(self, ssthresh: u32) -> Cwnd {
        Cwnd { ssthresh: ssthresh.max(2), ..self }
    }

    /// Another window now, and threshold.
    pub(super) fn set(&mut self, window: u32, ssthresh: Option<u32>) {
        self.segments = window.clamp(1, MAX_WINDOW);
        if let Some(ssthresh) = ssthresh {
            self.ssthresh = ssthresh;
            self.credit = 0;
        }
    }

    pub(super) fn segments(&self) -> u32 {
        self.segments
    }

    pub(super) fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    pub(super) fn in_slow_start(&self) -> bool {
        self.segments < self.ssthresh
    }

    /// Slow start ends here, without a loss.
    pub(super) fn leave_slow_start(&mut self) {
        self.ssthresh = self.segments;
    }

    /// Slow start, if it goes on: opens the window by what was acknowledged, up to the threshold; returns what is left over.
    pub(super) fn slow_start(&mut self, acked: u32) -> u32 {
        let opened =
            acked.min(self.ssthresh.saturating_sub(self.segments)).min(MAX_WINDOW.saturating_sub(self.segments));
        self.segments += opened;
        acked - opened
    }

    /// Congestion avoidance: one segment more for each `per_segment` acknowledged (Linux's `tcp_cong_avoid_ai`).
    pub(super) fn avoid(&mut self, acked: u32, per_segment: u32) {
        let per_segment = per_segment.max(1);
        // There was more credit than is needed now.
        if self.credit >= per_segment {
            self.credit = 0;
            self.segments += 1;
        }
        self.credit = self.credit.saturating_add(acked);
        let opened = self.credit / per_segment;
        self.credit -= opened * per_segment;
        self.segments = self.segments.saturating_add(opened).min(MAX_WINDOW);
    }

    /// A loss: the threshold is `ssthresh` from now on, two segments at least (RFC 5681 §3.1 equation 4). The window follows by
    /// [`restart_at_threshold`](Self::restart_at_threshold) or [`collapse`](Self::collapse).
    pub(super) fn reduce_to(&mut self, ssthresh: u32) {
        self.prior = Some((self.segments, self.ssthresh.max(self.three_quarters())));
        self.ssthresh = ssthresh.max(2);
    }

    /// The window is the threshold (RFC 5681 §3.2; RFC 6582 §3.2 step 3, whatever inflated it).
    pub(super) fn restart_at_threshold(&mut self) {
        self.segments = self.ssthresh.min(MAX_WINDOW);
        self.credit = 0;
    }

    /// After a timeout: one segment, beside those that are still in flight (RFC 5681 §3.1).
    pub(super) fn collapse(&mut self, in_flight: u32) {
        self.segments = in_flight.saturating_add(1).min(MAX_WINDOW);
        self.credit = 0;
    }

    /// The window is this now: it was being reduced by somebody else.
    pub(super) fn set_window(&mut self, window: u32) {
        self.segments = window.clamp(1, MAX_WINDOW);
    }

    /// The last reduction is taken back.
    pub(super) fn undo(&mut self) {
        if let Some((window, ssthresh)) = self.prior.take() {
            self.segments = self.segments.max(window);
            self.ssthresh = self.ssthresh.max(ssthresh);
        }
    }

    /// Half for each timeout that passed, but not below what a new connection has (RFC 2861, as Linux).
    pub(super) fn on_idle(&mut self, sample: &IdleSample) {
        let restart = self.initial.min(self.segments);
        self.remember();
        let rto = sample.rto.max(Duration::from_millis(1));
        let mut idle = sample.idle;
        while idle > rto && self.segments > restart {
            self.segments /= 2;
            idle -= rto;
        }
        self.segments = self.segments.max(restart);
    }

    /// Half way from the window to what was used of it (RFC 2861 §3.2; Linux's `tcp_cwnd_application_limited`).
    pub(super) fn on_unused(&mut self, used: u32) {
        let used = used.max(self.initial);
        if used < self.segments {
            self.remember();
            self.segments = (self.segments + used) / 2;
        }
    }

    /// The threshold remembers three quarters of a window that shrinks without a loss.
    fn remember(&mut self) {
        self.ssthresh = self.ssthresh.max(self.three_quarters());
    }

    fn three_quarters(&self) -> u32 {
        self.segments / 2 + self.segments / 4
    }
}

/// What a [`Controller`](super::Controller) does that has a [`Cwnd`], `cwnd`, and says in `reduce` how deep a loss cuts it.
macro_rules! as_its_cwnd {
    () => {
        fn on_loss(&mut self, sample: &$crate::congestion::LossSample) {
            self.reduce(sample);
            self.cwnd.restart_at_threshold();
        }

        fn on_undo(&mut self) {
            self.cwnd.undo();
        }

        fn on_reduction_left(&mut self, window: u32) {
            self.cwnd.set_window(window);
        }

        fn on_recovered(&mut self, _sample: &$crate::congestion::LossSample) {
            self.cwnd.restart_at_threshold();
        }

        fn on_idle(&mut self, sample: &$crate::congestion::IdleSample) {
            self.cwnd.on_idle(sample);
        }

        fn on_unused(&mut self, used: u32) {
            self.cwnd.on_unused(used);
        }

        fn set_window(&mut self, window: u32, ssthresh: Option<u32>) {
            self.cwnd.set(window, ssthresh);
        }

        fn window(&self) -> u32 {
            self.cwnd.segments()
        }

        fn ssthresh(&self) -> u32 {
            self.cwnd.ssthresh()
        }
    };
}

/// A controller with a [`Cwnd`], `cwnd`, that others have left.
macro_rules! with_cwnd {
    ($controller:ty) => {
        impl $controller {
            /// The same with another window now.
            #[must_use]
            pub fn with_window(self, window: u32) -> Self {
                Self { cwnd: self.cwnd.with_window(window), ..self }
            }

            /// The same with a threshold that was learned already.
            #[must_use]
            pub fn with_ssthresh(self, ssthresh: u32) -> Self {
                Self { cwnd: self.cwnd.with_ssthresh(ssthresh), ..self }
            }
        }
    };
}

pub(super) use {as_its_cwnd, with_cwnd};

packed!(struct Cwnd { segments, ssthresh, credit, initial, prior });
