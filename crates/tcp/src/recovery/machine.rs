//! The state machine of recovery over the sent records (Linux's `tcp_fastretrans_alert`, `tcp_ca_state`): when a reduction of the
//! window begins and ends, what is sent again, and when all of it was needless (RFC 5681 §3.2, RFC 6582, RFC 6675 §5, RFC 5682).
//!
//! It decides *what* is lost and what goes next, and tells the [controller](crate::congestion::Controller) of losses and their
//! ends. What became of an ACK is told by [`AckVerdict`], for counters and those who watch.

#[cfg(test)]
pub(super) mod tests;

use super::frto::Frto;
use super::prr::PrrAck;
use super::resend::Resend;
use super::undo::any_resent;
use super::{DetectInput, Echo, NewReno, Prr, Rack, Reordering, Tlp, Undo};
use crate::congestion::{CongestionControl, Controller, LossSample};
use crate::pack::packed;
use crate::send::{Acked, SentRecords};
use core::time::Duration;
use limpid_event::{Instant, RecoveryReason, UndoReason};
use limpid_wire::SeqNum;

/// Segments that may overtake one before it counts as lost: the duplicate ACKs that tell of a loss (RFC 5681 §3.2).
pub const DUP_THRESH: u32 = 3;

/// Where recovery stands: Linux's `tcp_ca_state`, `tcpi_ca_state` under the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub enum Phase {
    /// Nothing unusual.
    #[default]
    Open,
    /// Duplicate ACKs or SACK blocks came, but not enough to tell of a loss.
    Disorder,
    /// The window is being reduced though nothing is lost: the path said ECN-Echo, or our own host was congested.
    Cwr,
    /// Fast recovery: something is lost, and ACKs still come.
    Recovery,
    /// The retransmission timer ran out.
    Loss,
}

/// An ACK as recovery sees it.
#[derive(Clone, Copy, Debug)]
pub struct AckInput<'a> {
    /// What it brought.
    pub acked: &'a Acked,
    /// A duplicate: it carries no data, no SYN or FIN, acknowledges nothing new, tells of no duplicate, and leaves the window as
    /// it was, while data is outstanding (RFC 5681 §2).
    pub duplicate: bool,
    /// SACK was negotiated.
    pub sack: bool,
    /// It says ECN-Echo.
    pub ece: bool,
    /// What is outstanding first is a probe of the path's MTU, whose loss is none by congestion (RFC 4821 §7.6.2).
    pub mtu_probe: bool,
    /// The timestamp that it echoes.
    pub echo: Option<Echo>,
    /// There is new data, and the peer's window lets some of it go.
    pub may_send_new: bool,
    /// What losses are found by.
    pub detect: DetectInput,
    /// What a loss would be told with: the time, and what was in flight before this ACK.
    pub loss: LossSample,
}

impl AckInput<'_> {
    /// Data below `high_seq` arrived that was sent only once, so that the original is what arrived (RFC 5682 §3.1 step 3.b).
    pub(super) fn tells_of_original(&self, high_seq: SeqNum) -> bool {
        // Without SACK it can't be told which of the acknowledged had arrived.
        let known = self.sack || !self.acked.retransmitted;
        known && self.acked.original_end.is_some_and(|end| end.before_eq(high_seq))
    }

    /// In Open there is nothing to think about.
    fn is_usual(&self) -> bool {
        !self.duplicate && self.acked.sacked == 0 && self.acked.dsack.is_none() && !self.ece
    }

    pub(super) fn advances(&self) -> bool {
        self.acked.acked > 0
    }
}

/// What came of an ACK.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AckVerdict {
    /// A recovery or a reduction of the window begins.
    pub begun: Option<RecoveryReason>,
    /// One that ran is over.
    pub ended: bool,
    /// It had been needless, all or some of it.
    pub undone: Option<Undone>,
    /// The phase was Loss, and is not any more.
    pub left_loss: bool,
    /// Segments that it newly told to have arrived, duplicate ACKs counted.
    pub delivered: u32,
    /// The peer seems to have thrown away what it had told of (RFC 2018 §8): a short timeout will tell.
    pub reneging: bool,
    /// The probe of the path's MTU is lost, and no recovery begins.
    pub mtu_probe_lost: bool,
    /// What is late now may be lost after this time, if nothing is heard of it.
    pub wait: Option<Duration>,
    /// A partial ACK was of an original that was overtaken, as its timestamp tells.
    pub reordered_by_time: bool,
    /// More duplicate ACKs came than segments were missing: segments overtook each other.
    pub reordered: bool,
}

/// What was taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Undone {
    /// Which.
    pub what: Undoing,
    /// How it is known.
    pub how: UndoReason,
}

/// Which undo it was: Linux counts each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undoing {
    /// A fast recovery, when all was acknowledged.
    Full,
    /// A fast recovery, in its midst.
    Partial,
    /// What followed a timeout.
    Loss,
    /// A recovery, or one before, by D-SACK.
    Dsack,
}

/// An ACK, and all that it changes.
pub(super) struct Ack<'a, 'b> {
    pub(super) records: &'a mut SentRecords,
    pub(super) congestion: &'a mut CongestionControl,
    pub(super) input: &'a AckInput<'b>,
    pub(super) verdict: &'a mut AckVerdict,
    /// The phase before it.
    pub(super) before: Phase,
}

impl Ack<'_, '_> {
    pub(super) fn una(&self) -> SeqNum {
        self.records.snd_una()
    }
}

/// The state of recovery.
#[derive(Clone, Debug)]
pub struct Recovery {
    pub(super) phase: Phase,
    /// SND.NXT when recovery or loss began, or when anything unusual did (RFC 6582's recover).
    pub(super) high_seq: SeqNum,
    pub(super) new_reno: NewReno,
    pub(super) prr: Prr,
    pub(super) undo: Undo,
    pub(super) frto: Frto,
    pub(super) resend: Resend,
    /// The first retransmission of this recovery has left.
    pub(super) begun: bool,
    /// What is outstanding had to be cut anew.
    pub(super) recut: bool,
    /// How many segments may overtake one.
    pub(super) reordering: Reordering,
    pub(super) rack: Rack,
    pub(super) tlp: Tlp,
}

impl Default for Recovery {
    fn default() -> Recovery {
        Recovery::new()
    }
}

impl Recovery {
    /// Nothing is lost yet; Linux's usual degree of reordering.
    pub fn new() -> Recovery {
        Recovery::with_reordering(DUP_THRESH)
    }

    /// Nothing is lost yet, and so many segments may overtake one.
    pub fn with_reordering(degree: u32) -> Recovery {
        Recovery {
            phase: Phase::Open,
            high_seq: SeqNum(0),
            new_reno: NewReno::default(),
            prr: Prr::default(),
            undo: Undo::new(),
            frto: Frto::default(),
            resend: Resend::Nothing,
            begun: false,
            recut: false,
            reordering: Reordering::new(degree),
            rack: Rack::new(),
            tlp: Tlp::default(),
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// True while a reduction runs: the window is [`window`](Self::window), and must not grow.
    pub fn is_reducing(&self) -> bool {
        matches!(self.phase, Phase::Cwr | Phase::Recovery)
    }

    /// The congestion window, if recovery is reducing it; the controller's otherwise. Never 0: nothing would come to open it again.
    pub fn window(&self, congestion: &CongestionControl) -> u32 {
        let reduced = self.is_reducing() && congestion.is_reduced_by_recovery();
        if reduced { self.prr.window().max(1) } else { congestion.window() }
    }

    /// Segments that arrived out of order, as far as duplicate ACKs tell, without SACK.
    pub fn reno_sacked(&self) -> u32 {
        self.new_reno.sacked()
    }

    /// How far the path reorders.
    pub fn reordering(&self) -> &Reordering {
        &self.reordering
    }

    /// An earlier connection on this path has seen this degree of reordering; 0 says nothing.
    pub fn on_known_reordering(&mut self, degree: u16) {
        self.reordering.on_known(degree);
    }

    /// When the first retransmission of this recovery left; [`Instant::MAX`] if there was none.
    pub fn first_resent_at(&self) -> Instant {
        self.undo.first_resent_at()
    }

    /// Segments in the network: without SACK each duplicate ACK tells of one that has left it.
    pub fn pipe(&self, records: &SentRecords) -> u32 {
        records.segments_in_flight().saturating_sub(self.new_reno.sacked())
    }

    /// An ACK came and the records know it. What it says of the window follows by [`reduce`](Self::reduce).
    pub fn on_ack(
        &mut self,
        records: &mut SentRecords,
        congestion: &mut CongestionControl,
        input: &AckInput<'_>,
    ) -> AckVerdict {
        let mut verdict = AckVerdict { delivered: input.acked.delivered_segments, ..AckVerdict::default() };
        if !input.sack {
            verdict.delivered = 0;
            if input.acked.acked_segments > 0 {
                let counted = self.new_reno.remove(input.acked.acked_segments, records);
                let max = input.detect.max_reordering;
                self.on_counted(counted, input.acked.acked_segments, records, &mut verdict, max);
            }
        }
        self.note_duplicates(records, input);
        if self.phase == Phase::Open && input.is_usual() {
            return verdict;
        }
        let before = self.phase;
        self.alert(&mut Ack { records, congestion, input, verdict: &mut verdict, before });
        verdict.ended |= before >= Phase::Cwr && self.phase < Phase::Cwr;
        verdict.left_loss = before == Phase::Loss && self.phase != Phase::Loss;
        self.recut &= self.phase == Phase::Loss;
        verdict
    }

    /// A D-SACK tells what came twice (RFC 2883 §5): of what was outstanding exactly, of what is gone by its length.
    fn note_duplicates(&mut self, records: &SentRecords, input: &AckInput<'_>) {
        if let Some(block) = input.acked.dsack {
            let prior_una = records.snd_una() - input.acked.acked;
            let gone = block.right().before_eq(prior_una);
            let by_length = (block.right() - block.left()).div_ceil(input.loss.mss.max(1));
            self.undo.on_duplicate(block.right(), if gone { by_length } else { input.acked.dsack_resent });
        }
    }

    /// Duplicate ACKs told of arrivals, or of more than can be.
    fn on_counted(
        &mut self,
        (delivered, reordered): (u32, bool),
        addend: u32,
        records: &SentRecords,
        verdict: &mut AckVerdict,
        max: u32,
    ) {
        verdict.delivered += delivered;
        if reordered {
            let out = records.segments_out().saturating_add(addend);
            self.reordering.on_too_many_duplicates(out, max);
            verdict.reordered = true;
        }
    }

    fn alert(&mut self, ack: &mut Ack<'_, '_>) {
        if ack.input.ece {
            self.undo.set_restores(false);
        }
        if ack.input.advances() && ack.records.first().is_some_and(|record| record.is_sacked()) {
            ack.verdict.reneging = true;
            return;
        }
        if self.phase == Phase::Open {
            self.undo.forget_resent();
        } else if ack.una().after_eq(self.high_seq) && self.reaches_high_seq(ack) {
            return;
        }
        let goes_on = match self.phase {
            Phase::Recovery => self.on_ack_recovery(ack),
            Phase::Loss => self.on_ack_loss(ack) && self.on_ack_calm(ack),
            Phase::Open | Phase::Disorder | Phase::Cwr => self.on_ack_calm(ack),
        };
        if goes_on {
            self.resend = Resend::Lost;
        }
    }

    /// What was outstanding is acknowledged. True if that is all there is to do.
    fn reaches_high_seq(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        match self.phase {
            // Held until something above is acknowledged, so that the peer sees CWR (RFC 3168 §6.1.2).
            Phase::Cwr if ack.una() != self.high_seq => {
                self.end_reduction(ack);
                self.phase = Phase::Open;
            }
            Phase::Recovery => {
                if !ack.input.sack {
                    self.new_reno.reset();
                }
                if self.undo_recovery(ack) {
                    return true;
                }
                self.end_reduction(ack);
            }
            _ => {}
        }
        false
    }

    fn on_ack_recovery(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        if !ack.input.advances() {
            self.add_duplicates(ack);
        } else if self.undo_partial(ack) {
            return false;
        }
        if self.undo_by_dsack(ack) {
            self.try_to_open(ack);
        }
        self.identify_losses(ack);
        if self.phase != Phase::Recovery {
            if ack.records.lost() == 0 {
                return false;
            }
            self.enter_recovery(ack);
        }
        true
    }

    /// True if it is as if nothing special had been, from here on.
    fn on_ack_loss(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        self.process_loss(ack);
        let resent_is_lost = self.identify_losses(ack);
        self.phase == Phase::Open || resent_is_lost
    }

    /// In Open, Disorder and CWR. True if recovery begins.
    fn on_ack_calm(&mut self, ack: &mut Ack<'_, '_>) -> bool {
        if !ack.input.sack {
            if ack.input.advances() {
                self.new_reno.reset();
            }
            self.add_duplicates(ack);
        }
        if self.phase <= Phase::Disorder {
            self.undo_by_dsack(ack);
        }
        self.identify_losses(ack);
        if ack.records.lost() == 0 {
            self.try_to_open(ack);
            return false;
        }
        if ack.input.mtu_probe && self.phase < Phase::Cwr {
            ack.verdict.mtu_probe_lost = true;
            return false;
        }
        self.enter_recovery(ack);
        true
    }

    pub(super) fn add_duplicates(&mut self, ack: &mut Ack<'_, '_>) {
        if !ack.input.sack && ack.input.duplicate {
            let counted = self.new_reno.add(1, ack.records);
            self.on_counted(counted, 0, ack.records, ack.verdict, ack.input.detect.max_reordering);
        }
    }

    fn enter_recovery(&mut self, ack: &mut Ack<'_, '_>) {
        ack.verdict.ended = ack.before >= Phase::Cwr && self.phase < Phase::Cwr;
        self.begin_recovery(ack.records, ack.congestion, &ack.input.loss, ack.input.ece);
        ack.verdict.begun = Some(if ack.input.sack { RecoveryReason::Sack } else { RecoveryReason::DuplicateAcks });
    }

    pub(super) fn begin_recovery(
        &mut self,
        records: &SentRecords,
        congestion: &mut CongestionControl,
        loss: &LossSample,
        ece: bool,
    ) {
        self.forget_resent_if_done(records);
        self.begin_undo(records);
        self.undo.set_restores(false);
        if !self.is_reducing() {
            self.undo.set_restores(!ece);
            self.begin_reduction(records, congestion, loss);
        }
        self.phase = Phase::Recovery;
        self.begun = false;
    }

    /// What was sent again and is in flight, the probe too, may come twice.
    pub(super) fn begin_undo(&mut self, records: &SentRecords) {
        let probe = u32::from(self.tlp.is_retransmission_out());
        self.undo.begin(records.snd_una(), records.segments_resent() + probe);
    }

    pub(super) fn begin_reduction(
        &mut self,
        records: &SentRecords,
        congestion: &mut CongestionControl,
        loss: &LossSample,
    ) {
        self.high_seq = records.snd_nxt();
        self.tlp.end();
        self.prr = Prr::begin(congestion.window());
        congestion.on_loss(loss);
    }

    /// The window is what it was to become, unless the reduction was taken back: then what it is by now.
    fn end_reduction(&mut self, ack: &mut Ack<'_, '_>) {
        if self.phase == Phase::Cwr || self.undo.is_possible() {
            ack.congestion.on_recovered(&ack.input.loss);
        } else if ack.verdict.undone.is_none() {
            ack.congestion.on_reduction_left(self.prr.window());
        }
    }

    fn try_to_open(&mut self, ack: &mut Ack<'_, '_>) {
        self.forget_resent_if_done(ack.records);
        if ack.input.ece && self.enter_cwr(ack.records, ack.congestion, &ack.input.loss) {
            ack.verdict.begun = Some(RecoveryReason::Ecn);
        }
        if self.phase != Phase::Cwr {
            self.keep_open(ack.records);
        }
    }

    /// Open, or Disorder if anything is out of order or was sent again.
    pub(super) fn keep_open(&mut self, records: &SentRecords) {
        let left = records.segments_lost() + records.segments_sacked() + self.new_reno.sacked();
        let phase = if left > 0 || any_resent(records) { Phase::Disorder } else { Phase::Open };
        if self.phase != phase {
            self.phase = phase;
            self.high_seq = records.snd_nxt();
        }
    }

    pub(super) fn forget_resent_if_done(&mut self, records: &SentRecords) {
        if !any_resent(records) {
            self.undo.forget_resent();
        }
    }

    /// The path is congested, though nothing is lost (RFC 3168 §6.1.2; Linux's `tcp_enter_cwr`): the window is to be reduced, once
    /// for each window of data. False if a reduction runs already.
    pub fn enter_cwr(&mut self, records: &SentRecords, congestion: &mut CongestionControl, loss: &LossSample) -> bool {
        self.undo.set_restores(false);
        if self.phase >= Phase::Cwr {
            return false;
        }
        self.undo.forget();
        self.begin_reduction(records, congestion, loss);
        self.phase = Phase::Cwr;
        true
    }

    /// A loss is known that has been repaired: the window is reduced at once, and that is all (Linux's answer to a tail loss probe
    /// that was needed).
    pub fn reduce_at_once(&mut self, records: &SentRecords, congestion: &mut CongestionControl, loss: &LossSample) {
        self.begin_reduction(records, congestion, loss);
        congestion.on_recovered(loss);
        self.keep_open(records);
    }

    /// The ACK's part in a reduction that runs (RFC 9937): `delivered` segments arrived, `lost` are newly lost.
    pub fn reduce(
        &mut self,
        records: &SentRecords,
        congestion: &CongestionControl,
        delivered: u32,
        lost: u32,
        advances: bool,
    ) {
        if self.is_reducing() {
            self.prr.on_ack(&PrrAck {
                delivered,
                in_flight: self.pipe(records),
                ssthresh: congestion.ssthresh(),
                safe: advances && lost == 0,
            });
        }
    }
}

packed!(struct Recovery { phase, high_seq, new_reno, prr, undo, frto, resend, begun, recut, reordering, rack, tlp });
packed!(
    enum Phase {
        Open,
        Disorder,
        Cwr,
        Recovery,
        Loss,
    }
);
