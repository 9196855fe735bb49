//! What is lost, and how it is known: where [RACK](super::rack), [tail loss probes](super::tlp) and the degree of
//! [reordering](super::reordering) meet the state machine (RFC 8985; Linux's `tcp_identify_packet_loss`).

use super::machine::{Ack, Phase, Recovery};
use super::rack::WindowInput;
use super::tlp::{ProbeAck, ProbeVerdict, Tlp};
use crate::Config;
use crate::congestion::{CongestionControl, LossSample};
use crate::send::{Acked, Record, SentRecords, more};
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;

/// What losses are found by.
#[derive(Clone, Copy, Debug)]
pub struct DetectInput {
    /// By time ([`Config::rack`]); if not, by number alone.
    pub rack: bool,
    /// [`Config::rack_static_window`].
    pub static_window: bool,
    /// [`Config::rack_dup_thresh`].
    pub dup_thresh: bool,
    /// [`Config::reordering`].
    pub reordering: u32,
    /// [`Config::max_reordering`].
    pub max_reordering: u32,
    /// The smallest round trip.
    pub min_rtt: Option<Duration>,
    /// The smoothed one.
    pub srtt: Option<Duration>,
}

impl DetectInput {
    /// Linux's defaults; no round trip is known.
    pub fn new(config: &Config) -> DetectInput {
        DetectInput {
            rack: config.rack,
            static_window: config.rack_static_window,
            dup_thresh: config.rack_dup_thresh,
            reordering: config.reordering.into(),
            max_reordering: config.max_reordering.into(),
            min_rtt: None,
            srtt: None,
        }
    }
}

impl Recovery {
    /// `record` is newly known to have arrived, by SACK or cumulatively. False if that can only be an earlier transmission of it.
    pub fn on_delivered(&mut self, record: &Record, now: Instant, min_rtt: Option<Duration>) -> bool {
        self.rack.on_delivered(record, now, min_rtt)
    }

    /// The tail loss probe that is out, if one is.
    pub fn tlp(&mut self) -> &mut Tlp {
        &mut self.tlp
    }

    /// A D-SACK told that a segment came twice: of the probe, or of what was perhaps sent again for nothing.
    pub fn on_dsack(&mut self, of_probe: bool) {
        if self.reordering.seen() > 0 && !of_probe {
            self.rack.on_dsack();
        }
    }

    /// `then` segments had arrived when the newest left that the ACK tells of, `delivered` by now.
    pub fn widen_window(&mut self, then: u32, delivered: u32, input: &DetectInput) {
        if !input.static_window {
            self.rack.widen_window(delivered, then);
        }
    }

    /// What the ACK tells of was overtaken, perhaps: `highest` was the end of what had been told by SACK before. Returns how often
    /// that was seen (Linux's `tcp_check_sack_reordering`).
    pub fn measure_reordering(
        &mut self,
        records: &SentRecords,
        acked: &Acked,
        highest: SeqNum,
        mss: u32,
        input: &DetectInput,
    ) -> u32 {
        let mut times = 0;
        let mut late = |low: SeqNum, high: SeqNum| {
            times += u32::from(self.reordering.on_late(low, high, mss, input.max_reordering));
        };
        let trusted = self.phase != Phase::Loss || self.undo.is_possible();
        if let Some((low, high)) = acked.late_by_sack.filter(|_| trusted) {
            late(low, high);
        }
        if let Some(low) = acked.lowest_once.filter(|low| low.before(highest)) {
            late(low, if records.sacked() > 0 { records.highest_sacked() } else { records.snd_una() });
        }
        times
    }

    /// A partial ACK is of what was sent first: that was overtaken by what is told by SACK.
    pub(super) fn measure_reordering_by_time(&mut self, ack: &mut Ack<'_, '_>) {
        let low = ack.una() - ack.input.acked.acked;
        let high = if ack.records.sacked() > 0 { ack.records.highest_sacked() } else { ack.una() };
        let (mss, max) = (ack.input.loss.mss, ack.input.detect.max_reordering);
        ack.verdict.reordered_by_time = self.reordering.on_late(low, high, mss, max);
    }

    /// An ACK came while a probe is out (RFC 8985 §7.4). True if the probe repaired a loss.
    pub fn on_probe_ack(
        &mut self,
        records: &SentRecords,
        congestion: &mut CongestionControl,
        ack: SeqNum,
        input: ProbeAck,
        loss: &LossSample,
    ) -> bool {
        let repaired = self.tlp.on_ack(ack, input) == ProbeVerdict::Repaired;
        if repaired {
            self.reduce_at_once(records, congestion, loss);
        }
        repaired
    }

    /// Marks what is lost. True if that is something that was sent again.
    pub(super) fn identify_losses(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        if ack.records.is_empty() {
            return false;
        }
        let resent = ack.records.segments_resent();
        if !ack.input.sack {
            let mss = ack.input.loss.mss;
            self.mark_lost_without_sack(ack.records, mss, ack.input.advances());
        } else if ack.input.detect.rack {
            let window = self.reordering_window(ack.records, &ack.input.detect);
            ack.verdict.wait = self.rack.detect_on_ack(ack.records, ack.input.loss.now, window);
        } else {
            ack.records.mark_lost_by_sack(self.reordering.degree());
        }
        ack.records.segments_resent() < resent
    }

    /// The reordering timer ran out (RFC 8985 §6.3). Returns whether a recovery begins for it.
    pub fn on_reordering_timeout(
        &mut self,
        records: &mut SentRecords,
        congestion: &mut CongestionControl,
        input: &DetectInput,
        loss: &LossSample,
    ) -> bool {
        let (in_flight, lost) = (records.segments_in_flight(), records.lost_so_far());
        let window = self.reordering_window(records, input);
        self.rack.detect(records, loss.now, window);
        if records.segments_in_flight() == in_flight {
            return false;
        }
        let begins = self.phase != Phase::Recovery;
        if begins {
            self.begin_recovery(records, congestion, loss, false);
            self.reduce(records, congestion, 1, more(records.lost_so_far(), lost), false);
        }
        self.let_go();
        begins
    }

    fn reordering_window(&self, records: &SentRecords, input: &DetectInput) -> Duration {
        self.rack.window(&WindowInput {
            reordering_seen: self.reordering.seen() > 0,
            recovering: self.phase >= Phase::Recovery,
            threshold_reached: input.dup_thresh && records.segments_sacked() >= self.reordering.degree(),
            min_rtt: input.min_rtt,
            srtt: input.srtt,
        })
    }
}
