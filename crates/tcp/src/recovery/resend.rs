//! What goes again, and when (Linux's `tcp_xmit_retransmit_queue`): an ACK or a timer lets the lost go, as far as the window
//! has room. What has to be sent again is found by [detection](super::machine); this orders it and knows what it is called.

use super::machine::{Phase, Recovery};
use crate::congestion::{CongestionControl, Controller, LossSample};
use crate::pack::packed;
use crate::send::{SentRecords, Snapshot};
use limpid_event::{Instant, TxReason};
use limpid_wire::SeqNum;

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

/// What limits retransmissions.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The congestion window, segments.
    pub cwnd: u32,
    /// SACK was negotiated.
    pub sack: bool,
    /// Losses are found by time.
    pub rack: bool,
    /// Bytes of a segment.
    pub mss: u32,
    /// So many segments in one piece at the most.
    pub max: u32,
}

/// What the last ACK or timeout lets go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Resend {
    /// Nothing that is lost.
    #[default]
    Nothing,
    /// What is lost, as far as the window goes.
    Lost,
    /// New data first, to see whether the timeout was needless; what is lost only if there is none to go.
    NewFirst,
    /// One segment, whatever the window says: the timer has just run out.
    Forced,
}

impl Recovery {
    /// The timer has just run out, and the first segment goes, whatever the window says.
    pub fn at_timeout(&self) -> bool {
        self.resend == Resend::Forced
    }

    /// New data is to go before anything that is lost (RFC 5682 §2.1 step 2.b).
    pub fn sends_new_first(&self) -> bool {
        self.resend == Resend::NewFirst
    }

    /// As much of it has left as could; SND.NXT is `nxt` by now.
    pub fn new_was_sent(&mut self, nxt: SeqNum) {
        let sent = nxt.after(self.high_seq);
        self.resend = if sent { Resend::Nothing } else { Resend::Lost };
        if !sent {
            self.frto.end();
        }
    }

    /// What is lost may go, as far as the window lets it: a timer found it.
    pub fn let_go(&mut self) {
        self.resend = Resend::Lost;
    }

    /// The retransmission timer ran out: all that is outstanding and not sacked is lost (RFC 6298 §5.4; `tcp_enter_loss`).
    /// `repeated` says that it did before, and nothing was acknowledged since; while the window is closed it does not count (as
    /// Linux). `frto` says whether [F-RTO](super::frto) is to watch, `reordering` what the degree of reordering usually is. Returns
    /// true if the peer threw away what it had told of (RFC 2018 §8).
    pub fn on_rto(
        &mut self,
        records: &mut SentRecords,
        congestion: &mut CongestionControl,
        loss: LossSample,
        repeated: bool,
        frto: bool,
        reordering: u32,
    ) -> bool {
        let again = match self.phase {
            Phase::Open | Phase::Disorder => false,
            Phase::Cwr | Phase::Recovery => self.high_seq.after(records.snd_una()),
            Phase::Loss => repeated && self.high_seq.after(records.snd_una()),
        };
        self.frto.begin(frto && (self.phase < Phase::Recovery || repeated));
        if self.is_reducing() {
            congestion.on_reduction_left(self.prr.window());
        }
        if self.phase <= Phase::Disorder {
            let sacked = records.segments_sacked() + self.new_reno.sacked();
            self.reordering.on_timeout(sacked, reordering);
        }
        let (rack, now) = (&self.rack, loss.now);
        let reneged = records.mark_lost_at_timeout(|record| rack.spares_at_timeout(record.sent_at(), now));
        self.new_reno.reset();
        congestion.on_rto(&LossSample { left: records.segments_in_flight(), ..loss }, again);
        if !again {
            self.begin_undo(records);
            self.undo.set_restores(true);
        }
        self.phase = Phase::Loss;
        self.high_seq = records.snd_nxt();
        self.tlp.end();
        self.resend = Resend::Forced;
        self.recut = false;
        reneged
    }

    /// The path takes less than it did: what is outstanding in segments of more than `mss` bytes is cut anew and goes again,
    /// which is no sign of congestion (RFC 1191 §6.5; Linux's `tcp_simple_retransmit`). False if there is nothing of that
    /// kind.
    pub fn on_smaller_path(&mut self, records: &mut SentRecords, mss: u32) -> bool {
        records.mark_larger_lost(mss);
        if records.lost() == 0 {
            return false;
        }
        self.new_reno.limit(records);
        self.recut = true;
        if self.phase != Phase::Loss {
            self.phase = Phase::Loss;
            self.high_seq = records.snd_nxt();
            self.undo.forget();
        }
        self.resend = Resend::Lost;
        true
    }

    /// What goes next of the lost, if `window` lets it. Whatever is sent of it, from its start on, is told by
    /// [`on_retransmit`](Self::on_retransmit).
    pub fn next(&mut self, records: &mut SentRecords, window: Window) -> Option<Retransmission> {
        let room = window.cwnd.saturating_sub(self.pipe(records));
        let allowed = match self.resend {
            Resend::Forced => true,
            Resend::Lost => room > 0 && records.segments_resent() < records.segments_lost(),
            Resend::NewFirst | Resend::Nothing => false,
        };
        let why = self.reason(window);
        let next = if allowed { records.next_lost() } else { None };
        let Some(record) = next else {
            if self.resend != Resend::NewFirst {
                self.resend = Resend::Nothing;
            }
            return None;
        };
        let segments = if self.resend == Resend::Forced { 1 } else { room.min(window.max).max(1) };
        let len = record.seq_len().min(segments.saturating_mul(window.mss.max(1)));
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
        if self.resend == Resend::Forced {
            self.resend = Resend::Nothing;
        }
        self.begun = true;
        let times = records.on_retransmit(start, end, now, snapshot, mss);
        let segments = records.get(start).map_or(1, |record| record.segments());
        self.undo.on_resent(segments, now);
        self.on_sent(segments);
        times
    }

    /// Segments left, for the first time or again.
    pub fn on_sent(&mut self, segments: u32) {
        if self.is_reducing() {
            self.prr.on_sent(segments);
        }
    }

    fn reason(&self, Window { sack, rack, .. }: Window) -> TxReason {
        match self.phase {
            Phase::Loss if self.recut => TxReason::PathMtuRetransmit,
            // The timer itself sends one segment; what follows waits for acknowledgements.
            Phase::Loss if self.at_timeout() => TxReason::RtoRetransmit,
            Phase::Loss => TxReason::AfterRtoRetransmit,
            _ if sack && rack => TxReason::RackRetransmit,
            _ if self.begun && !sack => TxReason::PartialAckRetransmit,
            _ => TxReason::FastRetransmit,
        }
    }
}

packed!(
    enum Resend {
        Nothing,
        Lost,
        NewFirst,
        Forced,
    }
);
