//! Proportional rate reduction (RFC 9937 §6): while a reduction of the window runs, each ACK decides how many segments may leave
//! for those that arrived, so that the window comes down to its threshold within one round trip, without a pause and without
//! a burst.
//!
//! As Linux 6.18: below the threshold the slow-start bound (PRR-SSRB) holds for an ACK that advances SND.UNA and tells of no new
//! loss, the conservative one (PRR-CRB) for every other; the first segment of the reduction always goes.

#[cfg(test)]
mod tests;

use crate::pack::packed;

/// See the module. In segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prr {
    /// The window when the reduction began (RFC 9937's RecoverFS).
    prior: u32,
    /// Arrived since then (prr_delivered).
    delivered: u32,
    /// Sent since then (prr_out).
    out: u32,
    /// The window now.
    window: u32,
}

/// An ACK while a reduction runs.
#[derive(Clone, Copy, Debug)]
pub struct PrrAck {
    /// Segments that it newly told to have arrived (DeliveredData).
    pub delivered: u32,
    /// Segments in flight after it, without those that count as lost (inflight).
    pub in_flight: u32,
    /// Where the window is to end (ssthresh).
    pub ssthresh: u32,
    /// It advances SND.UNA, and nothing new is lost (SafeACK).
    pub safe: bool,
}

impl Prr {
    /// A reduction begins from a window of `window` segments.
    pub fn begin(window: u32) -> Prr {
        Prr { prior: window.max(1), delivered: 0, out: 0, window }
    }

    /// The window, segments.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// The window is this now.
    pub fn set_window(&mut self, window: u32) {
        self.window = window;
    }

    /// Segments left, new ones or again.
    pub fn on_sent(&mut self, segments: u32) {
        self.out = self.out.saturating_add(segments);
    }

    /// An ACK came. One that tells of no arrival lets nothing go.
    pub fn on_ack(&mut self, ack: &PrrAck) {
        if ack.delivered == 0 {
            return;
        }
        self.delivered = self.delivered.saturating_add(ack.delivered);
        let allowed = if ack.in_flight > ack.ssthresh {
            let share = u64::from(ack.ssthresh) * u64::from(self.delivered);
            let proportional = share.div_ceil(u64::from(self.prior)).min(u64::from(u32::MAX)) as u32;
            proportional.saturating_sub(self.out)
        } else {
            let conserved = self.delivered.saturating_sub(self.out).max(ack.delivered);
            conserved.saturating_add(u32::from(ack.safe)).min(ack.ssthresh - ack.in_flight)
        };
        let first = u32::from(self.out == 0);
        self.window = ack.in_flight.saturating_add(allowed.max(first));
    }
}

packed!(struct Prr { prior, delivered, out, window });
