//! One record, and what an ACK tells.

use crate::recovery::rack;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::SeqNum;
use limpid_wire::tcp::SackBlock;

bitflags::bitflags! {
    /// The fate of a range.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(super) struct Fate: u8 {
        /// The peer has it, but told so by SACK alone: it may take that back.
        const SACKED = 1;
        /// It counts as lost.
        const LOST = 2;
        /// It was retransmitted, and that is in flight.
        const RESENT = 4;
        /// Its last segment says PSH.
        const PUSH = 16;
        /// A record of the application ends with it (MSG_EOR): nothing is joined to it.
        const RECORD_END = 32;
        /// Its last number is the FIN's.
        const FIN = 64;
        /// What belongs to its end alone.
        const AT_END = Fate::PUSH.bits() | Fate::RECORD_END.bits() | Fate::FIN.bits();
    }
}

/// What a range is, beside its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape {
    /// Payload bytes of each of its segments but the last; 0 for a single one, however long.
    pub segment: u16,
    /// Its last segment says PSH.
    pub push: bool,
    /// A record of the application ends with it.
    pub record_end: bool,
    /// Its last number is the FIN's.
    pub fin: bool,
}

/// Numbers of bytes and of segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Amount {
    pub(super) bytes: u32,
    pub(super) segments: u32,
}

impl Amount {
    pub(super) fn add(&mut self, record: &Record) {
        self.bytes += record.seq_len();
        self.segments += record.segments();
    }

    pub(super) fn take(&mut self, record: &Record) {
        self.bytes -= record.seq_len();
        self.segments -= record.segments();
    }
}

/// What was known of deliveries when a segment left: what a delivery rate is computed from (draft-ietf-ccwg-bbr §4.1.2).
/// Counts are of segments and wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Delivered until then;
    pub delivered: u32,
    /// of them those that met congestion on the path.
    pub delivered_ce: u32,
    /// Lost until then, as far as known ([`SentRecords::lost_so_far`](super::SentRecords::lost_so_far)).
    pub lost: u32,
    /// In flight with the segment, and in the highest bit whether the application had nothing more to send.
    flight: u32,
    /// When something was delivered last. Never [`Instant::ZERO`] of a snapshot that was taken.
    pub delivered_at: Instant,
    /// When the first segment of the current sending interval left.
    pub first_sent_at: Instant,
}

impl Snapshot {
    const APP_LIMITED: u32 = 1 << 31;

    /// The same with so many segments in flight, the ones that leave among them.
    #[must_use]
    pub fn with_in_flight(self, in_flight: u32, app_limited: bool) -> Snapshot {
        let flag = if app_limited { Snapshot::APP_LIMITED } else { 0 };
        Snapshot { flight: in_flight.min(Snapshot::APP_LIMITED - 1) | flag, ..self }
    }

    /// Segments in flight with the ones that left.
    pub fn in_flight(&self) -> u32 {
        self.flight & !Snapshot::APP_LIMITED
    }

    /// The application had nothing more to send.
    pub fn is_app_limited(&self) -> bool {
        self.flight & Snapshot::APP_LIMITED != 0
    }

    /// Somebody took it: it is not the default.
    pub fn is_taken(&self) -> bool {
        self.delivered > 0 || self.delivered_at > Instant::ZERO
    }
}

/// What newly counts as lost, as congestion control sees it: numbers, no segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Losses {
    /// How many ranges newly count as lost,
    pub ranges: u32,
    /// and the one of them with the largest share of losses since it left.
    pub worst: Option<WorstLoss>,
}

/// See [`Losses::worst`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorstLoss {
    /// Segments in flight when it left, itself among them.
    pub in_flight: u32,
    /// Segments that counted as lost from then on until it did, itself among them.
    pub lost: u32,
    /// Segments delivered from then on until it did.
    pub delivered: u32,
    /// Segments of the range.
    pub segments: u32,
    /// The application had nothing more to send when it left.
    pub app_limited: bool,
}

impl Losses {
    /// `record` counts as lost, as the last of so many segments that do, when so many are delivered.
    pub(super) fn note(&mut self, record: &Record, lost: u32, delivered: u32) {
        let (segments, then) = (record.segments(), record.snapshot);
        self.ranges += 1;
        let this = WorstLoss {
            in_flight: then.in_flight(),
            lost: more(lost, then.lost),
            delivered: more(delivered, then.delivered),
            segments,
            app_limited: then.is_app_limited(),
        };
        let share = |loss: &WorstLoss, of: &WorstLoss| u64::from(loss.lost) * of.passed();
        if self.worst.is_none_or(|worst| share(&this, &worst) > share(&worst, &this)) {
            self.worst = Some(this);
        }
    }
}

impl WorstLoss {
    /// What its losses are a share of, segments.
    pub fn passed(&self) -> u64 {
        passed(self.in_flight, self.lost, self.delivered)
    }
}

/// What the `lost` are a share of, segments: as a rule what was in flight. But a loss that is known only late, since the path reorders
/// and RACK waits, or something overtaken that arrives late, has seen more than that pass, with more losses among it. (The draft and
/// Google's version 3 hold all of them against what was in flight, and see twice the share where RACK waits for a round trip.)
pub(crate) fn passed(in_flight: u32, lost: u32, delivered: u32) -> u64 {
    u64::from(in_flight).max(u64::from(lost) + u64::from(delivered))
}

/// How many more are lost, or delivered, now than then: none, if some of the lost have arrived after all.
pub(crate) fn more(now: u32, then: u32) -> u32 {
    (now.wrapping_sub(then) as i32).max(0) as u32
}

/// A range of sequence numbers that was sent together.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub(super) start: SeqNum,
    pub(super) end: SeqNum,
    pub(super) sent_at: Instant,
    pub(super) snapshot: Snapshot,
    pub(super) retransmissions: u8,
    pub(super) fate: Fate,
    /// As [`Shape::segment`].
    pub(super) segment: u16,
    /// How many segments it is.
    pub(super) segments: u32,
}

impl Shape {
    /// One segment with nothing special about it.
    pub const SINGLE: Shape = Shape { segment: 0, push: false, record_end: false, fin: false };

    pub(super) fn fate(self) -> Fate {
        let mut fate = Fate::empty();
        fate.set(Fate::PUSH, self.push);
        fate.set(Fate::RECORD_END, self.record_end);
        fate.set(Fate::FIN, self.fin);
        fate
    }
}

impl Record {
    /// How many segments it is on the wire (Linux's `tcp_skb_pcount`).
    pub fn segments(&self) -> u32 {
        self.segments
    }

    /// Payload bytes of its largest segment (Linux's `tcp_skb_seglen`).
    pub fn segment_len(&self) -> u32 {
        if self.segment == 0 { self.data_len() } else { u32::from(self.segment).min(self.data_len()) }
    }

    /// Payload bytes: its length without the FIN.
    pub fn data_len(&self) -> u32 {
        self.seq_len() - u32::from(self.fate.contains(Fate::FIN))
    }

    /// Its last segment says PSH.
    pub fn pushes(&self) -> bool {
        self.fate.contains(Fate::PUSH)
    }

    /// Its last number is the FIN's.
    pub fn has_fin(&self) -> bool {
        self.fate.contains(Fate::FIN)
    }

    /// Its segments are of `mss` bytes from now on.
    pub(super) fn resize(&mut self, mss: u16) {
        self.segment = if self.data_len() > u32::from(mss) { mss.max(1) } else { 0 };
        self.count();
    }

    /// Counts its segments anew, after its length or the size of its segments changed.
    pub(super) fn count(&mut self) {
        self.segments = match self.segment {
            0 => 1,
            size => self.data_len().div_ceil(u32::from(size)).max(1),
        };
    }

    /// First sequence number.
    pub fn start(&self) -> SeqNum {
        self.start
    }

    /// The number after the last.
    pub fn end(&self) -> SeqNum {
        self.end
    }

    /// Length in sequence numbers.
    pub fn seq_len(&self) -> u32 {
        self.end - self.start
    }

    /// When it was sent last.
    pub fn sent_at(&self) -> Instant {
        self.sent_at
    }

    /// How often it was sent again; 255 means more.
    pub fn retransmissions(&self) -> u32 {
        u32::from(self.retransmissions)
    }

    /// What was delivered when it was sent last.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The peer has it, by SACK.
    pub fn is_sacked(&self) -> bool {
        self.fate.contains(Fate::SACKED)
    }

    /// It counts as lost, sent again or not.
    pub fn is_lost(&self) -> bool {
        self.fate.contains(Fate::LOST)
    }

    /// It was sent again and that is in flight.
    pub fn is_resent(&self) -> bool {
        self.fate.contains(Fate::RESENT)
    }

    /// It is lost, and was not sent again since.
    pub fn is_waiting(&self) -> bool {
        self.fate.contains(Fate::LOST) && !self.fate.intersects(Fate::RESENT | Fate::SACKED)
    }

    /// It is in the network, as far as known.
    pub fn is_in_flight(&self) -> bool {
        !self.is_sacked() && !self.is_waiting()
    }
}

/// The newest of what an ACK told to have arrived, by send time: what RACK and the delivery rate go by.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
    /// When it was sent last.
    pub sent_at: Instant,
    /// Where it ends.
    pub end: SeqNum,
    /// It had been sent more than once.
    pub retransmitted: bool,
    /// What was delivered when it was sent.
    pub snapshot: Snapshot,
}

/// What an ACK brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acked {
    /// Sequence numbers newly acknowledged cumulatively.
    pub acked: u32,
    /// Sequence numbers newly told by SACK.
    pub sacked: u32,
    /// Sequence numbers newly known to have arrived, either way.
    pub delivered: u32,
    /// Segments newly acknowledged cumulatively in whole, sacked before or not.
    pub acked_segments: u32,
    /// Segments newly known to have arrived, either way.
    pub delivered_segments: u32,
    /// Some of the cumulatively acknowledged had been sent more than once (Karn: no round-trip time).
    pub retransmitted: bool,
    /// A block told of data received twice (D-SACK, RFC 2883).
    pub dsack: Option<SackBlock>,
    /// Segments outstanding until now that were sent more than once and are told by it.
    pub dsack_resent: u32,
    /// The lowest number newly told by SACK that was sent once and overtaken by what was told before, and the end of that.
    pub late_by_sack: Option<(SeqNum, SeqNum)>,
    /// The lowest number newly acknowledged cumulatively that was sent once and not told by SACK.
    pub lowest_once: Option<SeqNum>,
    /// The least end of what newly arrived and was sent once (Linux's FLAG_ORIG_SACK_ACKED, if it is not after `high_seq`).
    pub original_end: Option<SeqNum>,
    /// The newest of what arrived.
    pub newest: Option<Delivered>,
    /// Round-trip times of the oldest and the newest cumulatively acknowledged that was sent once.
    pub(super) cumulative: Option<(Duration, Duration)>,
    /// The same of what was told by SACK.
    pub(super) selective: Option<(Duration, Duration)>,
}

impl Acked {
    /// The round-trip time for the retransmission timeout: of the *oldest* acknowledged, so that the peer's delay in
    /// acknowledging counts. `None` where Karn forbids it (RFC 6298 §3); timestamps may still tell one.
    pub fn rtt(&self) -> Option<Duration> {
        match self.cumulative {
            Some((oldest, _)) if !self.retransmitted => Some(oldest),
            _ => self.selective.map(|(oldest, _)| oldest),
        }
    }

    /// The round-trip time for congestion control: of the *newest*, without the peer's delay.
    pub fn newest_rtt(&self) -> Option<Duration> {
        match (self.selective, self.cumulative) {
            (Some((_, newest)), _) => Some(newest),
            (None, Some((_, newest))) if !self.retransmitted => Some(newest),
            _ => None,
        }
    }

    /// The round-trip time of the oldest that was newly told by SACK and sent once.
    pub fn sacked_rtt(&self) -> Option<Duration> {
        self.selective.map(|(oldest, _)| oldest)
    }

    /// What begins at `start` was overtaken.
    pub(super) fn late(&mut self, start: SeqNum) {
        let low = self.late_by_sack.map_or(start, |(low, _)| low.earlier(start));
        self.late_by_sack = Some((low, start));
    }

    /// `record` newly arrived, by its only transmission.
    pub(super) fn original(&mut self, record: &Record) {
        self.original_end = Some(self.original_end.map_or(record.end, |end| end.earlier(record.end)));
    }

    pub(super) fn deliver(&mut self, record: &Record, len: u32, segments: u32) {
        self.delivered += len;
        self.delivered_segments += segments;
        let sent = (record.sent_at, record.end);
        if self.newest.is_none_or(|newest| rack::is_after(sent, (newest.sent_at, newest.end))) {
            self.newest = Some(Delivered {
                sent_at: record.sent_at,
                end: record.end,
                retransmitted: record.retransmissions > 0,
                snapshot: record.snapshot,
            });
        }
    }
}
