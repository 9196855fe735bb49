//! RACK: what was sent before something that has arrived, by more than a round trip and a little, is lost (RFC 8985 §5, §6).
//!
//! The reference is the newest transmission that is known to have arrived. A segment sent before it that has not been heard of
//! is lost once it is older than the reference's round trip and the *reordering window*; until then a timer waits. The
//! window is a quarter of the smallest round trip, and wider where the peer tells of duplicates (D-SACK): then what came late was
//! sent again for nothing. It is closed as long as nothing was ever seen out of order and enough of what came later has arrived.
//!
//! What Linux has otherwise than the RFC, and so have we: the window is never closed again by a rule of its own after
//! sixteen recoveries but when reordering has not been complained of for as many, and D-SACKs count once in a round trip that is
//! measured by what was delivered.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use crate::send::{Record, SentRecords};
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// Recoveries without a D-SACK after which the reordering window is as narrow as at first (Linux's
/// TCP_RACK_RECOVERY_THRESH; RFC 8985 §6.2 step 4).
const RECOVERY_THRESH: u8 = 16;

/// RACK's state.
#[derive(Clone, Debug)]
pub struct Rack {
    /// When the newest transmission left of those that have arrived (RFC 8985's RACK.xmit_ts).
    sent_at: Instant,
    /// Where it ends (RACK.end_seq).
    end: SeqNum,
    /// How long what arrived last was on its way, µs (RACK.rtt).
    rtt: u32,
    /// Something arrived since losses were looked for.
    advanced: bool,
    /// A D-SACK came since the window was widened last.
    dsack_seen: bool,
    /// The reordering window, in quarters of the smallest round trip.
    steps: u8,
    /// Recoveries for which it stays so.
    persist: u8,
    /// What was delivered when it was widened last, segments.
    widened_at: u32,
}

/// What the reordering window follows from (RFC 8985 §6.2 step 4).
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowInput {
    /// Something was seen out of order in this connection that was not lost.
    pub reordering_seen: bool,
    /// Fast recovery, or recovery from a timeout, is on.
    pub recovering: bool,
    /// So many segments were told by SACK that they tell of a loss by their number.
    pub threshold_reached: bool,
    /// The smallest round trip.
    pub min_rtt: Option<Duration>,
    /// The smoothed one, the most that is waited.
    pub srtt: Option<Duration>,
}

impl Rack {
    /// Nothing has arrived yet.
    pub fn new() -> Rack {
        Rack {
            sent_at: Instant::ZERO,
            end: SeqNum(0),
            rtt: 0,
            advanced: false,
            dsack_seen: false,
            steps: 1,
            persist: 0,
            widened_at: 0,
        }
    }

    /// `record` is newly known to have arrived. Of what left more than once nobody knows which one did: if that is less than the
    /// smallest round trip ago, it was an earlier one (RFC 8985 §6.2 steps 1 and 2): false.
    pub fn on_delivered(&mut self, record: &Record, now: Instant, min_rtt: Option<Duration>) -> bool {
        // Whole µs, upwards: of what left in one instant the later counts as sent a nanosecond later.
        let rtt = now.since(record.sent_at()).as_nanos().div_ceil(1000);
        if record.retransmissions() > 0 && min_rtt.is_none_or(|min| rtt < min.as_micros()) {
            return false;
        }
        self.advanced = true;
        self.rtt = rtt.min(u128::from(u32::MAX)) as u32;
        if is_after((record.sent_at(), record.end()), (self.sent_at, self.end)) {
            (self.sent_at, self.end) = (record.sent_at(), record.end());
        }
        true
    }

    /// The newest transmission that has arrived: when it left, and where it ends.
    pub fn reference(&self) -> (Instant, SeqNum) {
        (self.sent_at, self.end)
    }

    /// How long what arrived last was on its way.
    pub fn rtt(&self) -> Duration {
        Duration::from_micros(self.rtt.into())
    }

    /// The peer told of a duplicate that may come of a retransmission by this rule.
    pub fn on_dsack(&mut self) {
        self.dsack_seen = true;
    }

    /// A recovery is over that was not taken back.
    pub fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
    }

    /// An ACK came: `delivered` segments were delivered by now, `then` when the newest that it tells of was sent. Once in a
    /// round trip with D-SACKs the window is widened (RFC 8985 §6.2 step 4).
    pub fn widen_window(&mut self, delivered: u32, then: u32) {
        if (then.wrapping_sub(self.widened_at) as i32) < 0 {
            self.dsack_seen = false;
        }
        if self.dsack_seen {
            self.steps = self.steps.saturating_add(1);
            self.dsack_seen = false;
            self.widened_at = delivered;
            self.persist = RECOVERY_THRESH;
        } else if self.persist == 0 {
            self.steps = 1;
        }
    }

    /// How much longer than a round trip something may take and is not lost (RACK.reo_wnd).
    pub fn window(&self, input: &WindowInput) -> Duration {
        if !input.reordering_seen && (input.recovering || input.threshold_reached) {
            return Duration::ZERO;
        }
        let wanted = input.min_rtt.unwrap_or_default() / 4 * u32::from(self.steps);
        wanted.min(input.srtt.unwrap_or_default())
    }

    /// An ACK came: what is lost by this rule? It is marked; returns how long to wait until more may be.
    pub fn detect_on_ack(&mut self, records: &mut SentRecords, now: Instant, window: Duration) -> Option<Duration> {
        if !core::mem::take(&mut self.advanced) {
            return None;
        }
        self.detect(records, now, window)
    }

    /// The reordering timer ran out, or an ACK came (RFC 8985 §6.2 step 5, §6.3).
    pub fn detect(&mut self, records: &mut SentRecords, now: Instant, window: Duration) -> Option<Duration> {
        let patience = self.rtt() + window;
        let youngest = records.mark_lost_by_time(self.reference(), now, patience)?;
        Some((youngest + patience).since(now))
    }

    /// The retransmission timer ran out: whether what was sent at `sent_at` may still arrive (RFC 8985 §6.3; Linux's
    /// `tcp_timeout_mark_lost`).
    pub fn spares_at_timeout(&self, sent_at: Instant, now: Instant) -> bool {
        sent_at + self.rtt() > now
    }
}

impl Default for Rack {
    fn default() -> Rack {
        Rack::new()
    }
}

/// Whether the first transmission left after the second. Of what left at once, the end decides (RFC 8985's RACK_sent_after): so a coarse
/// clock orders as a fine one would. The [records](SentRecords) see to it that time and end are always in the order of sending.
pub fn is_after(a: (Instant, SeqNum), b: (Instant, SeqNum)) -> bool {
    a.0 > b.0 || a.0 == b.0 && a.1.after(b.1)
}

packed!(struct Rack { sent_at, end, rtt, advanced, dsack_seen, steps, persist, widened_at });
