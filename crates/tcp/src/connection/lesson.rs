//! What a connection has learned of the path to its peer, for the next one (Linux's `tcp_update_metrics`).

use super::halves::SendHalf;
use super::{Connection, Snd};
use crate::OpenParams;
use crate::congestion::{Controller, SSTHRESH_UNKNOWN};
use crate::recovery::Phase;
use core::time::Duration;

/// What a connection teaches of the path to its peer (Linux's `tcp_update_metrics`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathLesson {
    /// Smoothed round-trip time and its mean deviation; `None` if the connection ended without a valid measurement.
    pub rtt: Option<(Duration, Duration)>,
    /// The congestion window, segments.
    pub cwnd: u32,
    /// The slow-start threshold, segments, if anything was ever lost.
    pub ssthresh: Option<u32>,
    /// It was in congestion avoidance, and nothing was wrong.
    pub avoids_congestion: bool,
    /// How many segments may overtake one that is not lost.
    pub reordering: u32,
}

impl Snd {
    /// What earlier connections have learned of the path (Linux's `tcp_init_metrics`).
    pub(super) fn heed_known(&mut self, params: &OpenParams) {
        self.rtt.on_known(params.known_rtt_micros);
        self.recovery.on_known_reordering(params.known_reordering);
        if params.known_ssthresh > 0 {
            let window = self.congestion.window();
            self.congestion.set_window(window, Some(params.known_ssthresh));
        }
    }
}

impl Connection {
    /// What this connection teaches of the path to its peer, at its end.
    pub fn path_lesson(&self) -> PathLesson {
        let (snd, phase) = (&self.snd, self.snd.recovery.phase());
        let ssthresh = snd.congestion.ssthresh();
        PathLesson {
            rtt: snd.rtt.srtt().filter(|_| snd.backoff == 0).map(|srtt| (srtt, snd.rtt.mdev())),
            cwnd: snd.cwnd(),
            ssthresh: (ssthresh != SSTHRESH_UNKNOWN).then_some(ssthresh),
            avoids_congestion: snd.cwnd() >= ssthresh && phase == Phase::Open,
            reordering: snd.recovery.reordering().degree(),
        }
    }

    /// Both ends have closed in peace: what was measured is worth remembering.
    pub fn has_closed(&self) -> bool {
        self.halves.send() == SendHalf::FinAcked
    }
}
