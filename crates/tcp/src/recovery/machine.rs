//! The state machine of recovery over the sent records (Linux's `tcp_ca_state`): fast retransmit and fast recovery, NewReno (RFC 5681 §3.2, RFC 6582), and with SACK the parts
//! of RFC 6675 that tell what is lost. Limited transmit (RFC 3042) follows from counting: a duplicate ACK tells that a
//! segment has left the network, so the window lets a new one in.
//!
//! This decides *what* is lost and what goes next. What a loss does to the window is told to the
//! [controller](crate::congestion::Controller) by the connection, as [`AckVerdict`] says.

#[cfg(test)]
mod tests;

use crate::send::{Acked, SentRecords, Snapshot};
use limpid_event::{Instant, TxReason};
use limpid_wire::SeqNum;

/// Duplicate ACKs that tell of a loss (RFC 5681 §3.2).
pub const DUP_THRESH: u32 = 3;

/// Where recovery stands: Linux's `tcp_ca_state`, `tcpi_ca_state` under the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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
    /// A duplicate: it carries no data, no SYN or FIN, acknowledges nothing new, and leaves the window as it was, while
    /// data is outstanding (RFC 5681 §2).
    pub duplicate: bool,
    /// SACK was negotiated.
    pub sack: bool,
    /// The sending MSS.
    pub mss: u32,
}

/// What came of an ACK.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AckVerdict {
    /// Recovery begins: tell the controller of a loss.
    pub entered: bool,
    /// All that was outstanding when recovery began is acknowledged: tell the controller that it is over.
    pub recovered: bool,
    /// It acknowledges some, but not all of that (a partial ACK): restart the retransmission timer.
    pub partial: bool,
}

/// What to send again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retransmission {
    /// First sequence number.
    pub start: SeqNum,
    /// The number after the last.
    pub end: SeqNum,
    /// Why.
    pub why: TxReason,
}

/// The state of recovery.
#[derive(Clone, Debug)]
pub struct Recovery {
    phase: Phase,
    /// SND.NXT when recovery, or loss, began (Linux's high_seq).
    recover: SeqNum,
    /// A recovery has been; `recover` means something.
    has_recovered: bool,
    /// Segments that have left the network, by duplicate ACKs without SACK; duplicate ACKs in a row otherwise.
    dup_acks: u32,
    /// One segment goes whatever the window says.
    forced: bool,
    /// The first retransmission of this recovery has left.
    begun: bool,
    /// What was outstanding up to here when it had to be cut anew.
    recut: Option<SeqNum>,
}

impl Recovery {
    /// Nothing is lost yet.
    pub fn new() -> Recovery {
        Recovery {
            phase: Phase::Open,
            recover: SeqNum(0),
            has_recovered: false,
            dup_acks: 0,
            forced: false,
            begun: false,
            recut: None,
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// True while a reduction runs: the window must not grow.
    pub fn is_reducing(&self) -> bool {
        matches!(self.phase, Phase::Cwr | Phase::Recovery)
    }

    /// True in fast recovery.
    pub fn in_recovery(&self) -> bool {
        self.phase == Phase::Recovery
    }

    /// The timer has just run out, and the first segment goes, whatever the window says.
    pub fn at_timeout(&self) -> bool {
        self.phase == Phase::Loss && self.forced
    }

    /// Duplicate ACKs in a row.
    pub fn dup_acks(&self) -> u32 {
        self.dup_acks
    }

    /// Segments in the network: without SACK each duplicate ACK tells of one that has left it.
    pub fn pipe(&self, records: &SentRecords, sack: bool) -> u32 {
        let left = if sack { 0 } else { self.dup_acks };
        records.segments_in_flight().saturating_sub(left)
    }

    /// An ACK came and the records know it.
    pub fn on_ack(&mut self, records: &mut SentRecords, input: AckInput<'_>) -> AckVerdict {
        let advanced = input.acked.acked > 0;
        self.count(records, &input, advanced);
        match self.phase {
            Phase::Open | Phase::Disorder | Phase::Cwr => self.on_ack_open(records, input),
            _ if records.snd_una().after_eq(self.recover) => self.finish(records),
            Phase::Recovery => self.on_ack_recovery(records, input, advanced),
            Phase::Loss => AckVerdict { partial: advanced, ..AckVerdict::default() },
        }
    }

    fn count(&mut self, records: &SentRecords, input: &AckInput<'_>, advanced: bool) {
        if advanced {
            // Without SACK, a partial ACK acknowledges the hole and what lay behind it: that has been counted already.
            let behind = input.acked.acked_segments.saturating_sub(1);
            let in_recovery = self.phase == Phase::Recovery && !input.sack;
            self.dup_acks = if in_recovery { self.dup_acks.saturating_sub(behind) } else { 0 };
        } else if input.duplicate && if input.sack { input.acked.sacked > 0 } else { self.tells_of_departure(records) }
        {
            // No more can have left than was sent: a peer that makes duplicate ACKs up gains nothing by it.
            let max = records.segments_out().max(DUP_THRESH);
            self.dup_acks = (self.dup_acks + 1).min(max);
        }
    }

    /// Whether a duplicate ACK without SACK says that a segment has left the network. After a timeout it may be the answer to
    /// what arrived before it; only something new that was sent since makes it worth counting (Linux's `tcp_process_loss`).
    fn tells_of_departure(&self, records: &SentRecords) -> bool {
        self.phase != Phase::Loss || records.snd_nxt().after(self.recover)
    }

    fn on_ack_open(&mut self, records: &mut SentRecords, input: AckInput<'_>) -> AckVerdict {
        // What was sent during the last recovery may have been found lost in it: that is another loss.
        let left_over = records.lost() > 0;
        let lost = input.sack && (records.mark_lost_by_sack(DUP_THRESH) || left_over);
        if lost || self.dup_acks >= DUP_THRESH && self.may_enter(records, input.sack) {
            self.enter(records, input.mss);
            return AckVerdict { entered: true, ..AckVerdict::default() };
        }
        if self.phase == Phase::Cwr {
            if !records.snd_una().after(self.recover) && !records.is_empty() {
                return AckVerdict::default();
            }
            return self.finish(records);
        }
        self.phase = self.calm(records);
        AckVerdict::default()
    }

    /// Duplicate ACKs that our own needless retransmissions cause must not begin another recovery: without SACK
    /// something beyond the last one has to be acknowledged first (RFC 6582 §3.2 step 2).
    fn may_enter(&self, records: &SentRecords, sack: bool) -> bool {
        sack || !self.has_recovered || records.snd_una().after(self.recover)
    }

    fn enter(&mut self, records: &mut SentRecords, mss: u32) {
        self.phase = Phase::Recovery;
        self.recover = records.snd_nxt();
        self.has_recovered = true;
        self.forced = true;
        self.begun = false;
        self.mark_first_lost(records, mss);
    }

    fn on_ack_recovery(&mut self, records: &mut SentRecords, input: AckInput<'_>, advanced: bool) -> AckVerdict {
        if input.sack {
            records.mark_lost_by_sack(DUP_THRESH);
        }
        if advanced && !input.sack {
            // The ACK stops at the next hole (RFC 6582 §3.2 step 3).
            self.mark_first_lost(records, input.mss);
            self.forced = true;
        }
        AckVerdict { partial: advanced, ..AckVerdict::default() }
    }

    fn mark_first_lost(&mut self, records: &mut SentRecords, mss: u32) {
        if records.first().is_some_and(|r| !r.is_lost() && !r.is_sacked() && !r.is_resent()) {
            let una = records.snd_una();
            records.mark_lost(una, una + mss);
        }
    }

    fn finish(&mut self, records: &SentRecords) -> AckVerdict {
        let recovered = matches!(self.phase, Phase::Recovery | Phase::Cwr);
        self.dup_acks = 0;
        self.forced = false;
        self.recut = None;
        self.phase = self.calm(records);
        AckVerdict { recovered, ..AckVerdict::default() }
    }

    /// Open, or Disorder if something is out of order.
    fn calm(&self, records: &SentRecords) -> Phase {
        if self.dup_acks > 0 || records.sacked() > 0 { Phase::Disorder } else { Phase::Open }
    }

    /// The path is congested, though nothing is lost (RFC 3168 §6.1.2; Linux's `tcp_enter_cwr`): the window is to be reduced, once
    /// for each window of data. False if a reduction runs already.
    pub fn enter_cwr(&mut self, records: &SentRecords) -> bool {
        if !matches!(self.phase, Phase::Open | Phase::Disorder) {
            return false;
        }
        self.phase = Phase::Cwr;
        self.recover = records.snd_nxt();
        true
    }

    /// The retransmission timer ran out: all that is outstanding and not sacked is lost. `repeated` says that it did before, and
    /// nothing was acknowledged since; while the window is closed it does not count (as Linux). Returns true if the same loss
    /// has reduced the window already: fast recovery did, or the timeout before.
    pub fn on_rto(&mut self, records: &mut SentRecords, repeated: bool) -> bool {
        let again = match self.phase {
            Phase::Open | Phase::Disorder => false,
            Phase::Cwr | Phase::Recovery => true,
            Phase::Loss => repeated,
        };
        records.mark_all_lost();
        self.phase = Phase::Loss;
        self.recover = records.snd_nxt();
        self.has_recovered = true;
        self.dup_acks = 0;
        // Sent at once, whatever the window says.
        self.forced = true;
        self.recut = None;
        again
    }

    /// The path takes less than it did: what is outstanding in segments of more than `mss` bytes is cut anew and goes again,
    /// which is no sign of congestion (RFC 1191 §6.5; Linux's `tcp_simple_retransmit`). False if there is nothing of that
    /// kind.
    pub fn on_smaller_path(&mut self, records: &mut SentRecords, mss: u32) -> bool {
        if !records.mark_larger_lost(mss) {
            return false;
        }
        let nxt = records.snd_nxt();
        self.recut = Some(nxt);
        if self.phase != Phase::Loss {
            self.phase = Phase::Loss;
            self.recover = nxt;
            self.has_recovered = true;
        }
        true
    }

    /// What goes next of the lost, in segments of `mss` bytes, `max` of them at most, if `cwnd` lets it, in segments. Whatever
    /// is sent of it, from its start on, is told by [`on_retransmit`](Self::on_retransmit).
    pub fn next(&self, records: &mut SentRecords, cwnd: u32, sack: bool, mss: u32, max: u32) -> Option<Retransmission> {
        let room = cwnd.saturating_sub(self.pipe(records, sack));
        if room == 0 && !self.forced {
            return None;
        }
        let why = self.reason();
        let record = records.next_lost()?;
        let segments = room.min(max).max(1);
        let len = record.seq_len().min(segments.saturating_mul(mss.max(1)));
        // The FIN goes with the last byte before it.
        let len = if len == record.data_len() { record.seq_len() } else { len };
        Some(Retransmission { start: record.start(), end: record.start() + len, why })
    }

    /// What [`next`](Self::next) gave was sent, up to `end`. Returns how often its first byte was sent before.
    pub fn on_retransmit(
        &mut self,
        records: &mut SentRecords,
        start: SeqNum,
        end: SeqNum,
        now: Instant,
        snapshot: Snapshot,
        mss: u16,
    ) -> u32 {
        self.forced = false;
        self.begun = true;
        records.on_retransmit(start, end, now, snapshot, mss)
    }

    fn reason(&self) -> TxReason {
        match self.phase {
            Phase::Loss if self.recut.is_some() => TxReason::PathMtuRetransmit,
            Phase::Loss => TxReason::RtoRetransmit,
            _ if self.begun && self.forced => TxReason::PartialAckRetransmit,
            _ => TxReason::FastRetransmit,
        }
    }
}

impl Default for Recovery {
    fn default() -> Recovery {
        Recovery::new()
    }
}
