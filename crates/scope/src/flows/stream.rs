//! One direction of a connection while packets come: what was sent, what is acknowledged, what is being repaired.

use super::pack::{pack_fields, pack_in_place};
use super::records::{FEW, Record, Records};
use std::collections::VecDeque;

/// The most retransmissions that are remembered until something shows whether they were needed.
const MAX_PENDING: usize = 32;
/// Numbers further off than this have nothing to do with the stream.
const FAR: i64 = 1 << 30;

/// What is known of one end as a sender.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// What relative numbers count from.
    pub(super) base: u32,
    pub(super) has_base: bool,
    /// An acknowledgement was seen.
    pub(super) is_acked: bool,
    /// It sent something that takes sequence numbers.
    pub(super) has_sent: bool,
    /// It sent a SYN-ACK.
    pub(super) granted: bool,
    /// Where all that was sent ends.
    pub(super) max: i64,
    /// When it sent something new last.
    pub(super) fresh_at: Option<i64>,
    /// Up to where it is acknowledged.
    pub(super) una: i64,
    /// Up to where its peer's window reached.
    pub(super) edge: i64,
    pub(super) records: Records,
    /// Duplicate ACKs and SACKs since `una` moved.
    pub(super) hints: u32,
    /// When the third of them was seen.
    pub(super) third_hint_at: Option<i64>,
    /// The highest number that SACK told of.
    pub(super) sacked_to: i64,
    /// What a segment without data told to have been sent before it.
    pub(super) told: Option<Told>,
    /// Where all that was sent ended when a fast retransmission was made.
    pub(super) recovery: Option<i64>,
    /// Where all that was sent ended when the timer ran out.
    pub(super) timeout: Option<i64>,
    /// A tail loss probe was made since `una` moved.
    pub(super) probed_tail: bool,
    /// When `una` moved last.
    pub(super) advanced_at: Option<i64>,
    /// Repetitions that its peer has not answered by an ACK.
    pub(super) repeated: u32,
    /// IPv4's identification: the newest that was seen, and that of what it sent last without data. 0 for none.
    pub(super) newest_id: u16,
    pub(super) ack_id: u16,
    /// When the newest gap was seen.
    pub(super) gap_at: i64,
    /// When the capture saw an ICMP "too big" about it.
    pub(super) too_big_at: Option<i64>,
    /// The newest acknowledgement that this end sent.
    pub(super) acks: Option<i64>,
    /// It sent a probe or keepalive that nobody has answered.
    pub(super) probed: bool,
    /// The largest piece that was acknowledged, bytes.
    pub(super) largest_acked: u32,
    /// How often what is first was sent again since `una` moved.
    pub(super) fruitless: u32,
    /// Retransmissions that may yet turn out needless.
    pub(super) pending: VecDeque<Pending>,
    /// The highest number that one of those began with.
    pub(super) pending_to: i64,
    /// Numbers of retransmissions that are known to be needless; as several may be known at once, they are told of later.
    pub(super) untold: VecDeque<u64>,
    /// How many of its SYNs came by, copies that the link made included: each is answered.
    pub(super) syns: u32,
}

/// A segment without data whose sequence number stands behind data that was not seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Told {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) tsval: u32,
    pub(super) ip_id: u16,
}

/// A retransmission, until it is known whether it was needed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) number: u64,
    pub(super) at: i64,
    /// Its timestamp, and that of the sending before; equal where they tell nothing.
    pub(super) tsval: u32,
    pub(super) earlier_tsval: u32,
    /// Nothing more is to be said of it: it is a copy, or known to be needless. A D-SACK may yet come that means it.
    pub(super) is_settled: bool,
}

impl Stream {
    /// Where numbers begin, unless that is known: at `base`, of which the stream has seen `start` numbers.
    #[inline]
    pub(super) fn begin(&mut self, base: u32, start: i64) {
        if !self.has_base {
            (self.base, self.has_base) = (base, true);
            (self.max, self.una) = (start, start);
        }
    }

    /// A number of this stream, unwrapped and relative.
    #[inline]
    pub(super) fn relative(&self, seq: u32) -> i64 {
        let near = self.base.wrapping_add(self.max as u32);
        self.max + i64::from(seq.wrapping_sub(near) as i32)
    }

    /// True if `seq` can't be meant for this stream.
    #[inline]
    pub(super) fn is_far(&self, seq: i64) -> bool {
        self.has_sent && (seq - self.max).abs() > FAR
    }

    /// Takes note of a packet's IP identification. Those of SYN-ACKs may be another count's: zero.
    #[inline]
    pub(super) fn note_id(&mut self, id: u16) {
        let is_newer = self.newest_id == 0 || id == 0 || (id.wrapping_sub(self.newest_id) as i16) > 0;
        if is_newer {
            self.newest_id = id;
        }
    }

    /// How many packets were numbered between the newest that was seen and the one with this IP identification; `None` where
    /// they are not counted.
    #[inline]
    pub(super) fn unseen_before(&self, id: Option<u16>) -> Option<u16> {
        let id = id.filter(|id| *id != 0 && self.newest_id != 0)?;
        Some(id.wrapping_sub(self.newest_id).wrapping_sub(1)).filter(|between| *between < 1 << 15)
    }

    /// Bytes sent and not acknowledged.
    #[inline]
    pub(super) fn in_flight(&self) -> u32 {
        u32::try_from((self.max - self.una).max(0)).unwrap_or(u32::MAX)
    }

    /// Of so many as are remembered at once.
    pub(super) fn tell_later(&mut self, number: u64) {
        if self.untold.len() < MAX_PENDING {
            self.untold.push_back(number);
        }
    }

    pub(super) fn remember(&mut self, pending: Pending) {
        self.pending_to = self.pending_to.max(pending.start);
        if self.pending.len() >= MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(pending);
    }

    /// Bytes that its detail takes: more than a few pieces of what is outstanding, and what was sent again.
    #[inline]
    pub(super) fn detail(&self) -> usize {
        let pieces = self.records.capacity();
        let pieces = if pieces > FEW { pieces } else { 0 };
        pieces * size_of::<Record>() + self.records.of_firsts() + self.pending.capacity() * size_of::<Pending>()
    }

    /// Lets go of the detail: what is outstanding becomes one piece.
    pub(super) fn let_go(&mut self) {
        self.records.join();
        self.pending = VecDeque::new();
    }
}

pack_in_place!(Stream {
    value: base has_base is_acked has_sent max fresh_at una edge advanced_at newest_id ack_id acks largest_acked syns;
    rare: granted hints third_hint_at sacked_to told recovery timeout probed_tail repeated gap_at too_big_at probed fruitless
        pending_to;
    list: pending untold;
    nested: records;
});
pack_fields!(Pending { value: start end number tsval earlier_tsval is_settled; time: at; });
pack_fields!(Told { value: seq tsval ip_id; time: at; });
