//! Accurate ECN's counters (RFC 9768 §2.2, §3.2): what arrived here, to be told, and what the peer tells of what we sent.
//!
//! Every segment carries the number of CE-marked packets that arrived, modulo 8, in its ACE field; the option carries three
//! counters of payload bytes, modulo 2^24. The arithmetic that makes numbers of them again, and is careful where an ACK may
//! stand for more packets than 8, is Linux's (RFC 9768 appendix A.1 and A.2 are its models).

use super::handshake::{self, EcnHandshake};
use super::{AccEcnFailure, AccEcnSeen};
use crate::AccEcnInfo;
use limpid_event::Instant;
use limpid_wire::tcp::AccEcnOption;
use limpid_wire::{Ecn, Segment, SeqNum, TcpFlags};

/// The ACE field of a connection without marks (RFC 9768 §3.2.1).
const CEP_BEGIN: u32 = 5;

/// What the ACE field holds.
const ACE_MASK: u32 = 7;

/// So many marks that no ACK has told of yet are as many as an ACE field can make clear (RFC 9768 §3.2.2.5).
const MAX_PENDING: u8 = 6;

/// The byte counters of an option are modulo this.
const BYTES_MODULUS: u32 = 1 << 24;

/// The option is due when a counter has grown by so many bytes, whatever else (RFC 9768 §3.2.3.3).
const BYTES_BETWEEN_OPTIONS: u32 = 1 << 22;

/// If the peer's option was not seen before so many bytes were sent, it is too late for it: counters may have wrapped.
const TOO_LATE: u64 = (1 << 23) - 1;

/// The ACE field that says `ce` marks.
pub(super) fn ace_of(ce: u32) -> TcpFlags {
    TcpFlags::from_ace((ce.wrapping_add(CEP_BEGIN) & ACE_MASK) as u8)
}

/// Counters of bytes by ECN field: ECT(1), ECT(0), CE.
type ByField = [u32; 3];

/// Where a field's counter is; Not-ECT has none.
fn index(field: Ecn) -> Option<usize> {
    usize::from(field.bits()).checked_sub(1)
}

/// What a counter of an option begins with: not all with zero, so that it is seen if somebody zeroes them (RFC 9768 §3.2.1).
fn begins_at(field: Ecn) -> u32 {
    u32::from(matches!(field, Ecn::Ect0 | Ecn::Ect1))
}

/// How many counters an option needs to tell of this field: we write ECT(1), CE, ECT(0).
fn counters_for(field: Ecn) -> u8 {
    match field {
        Ecn::NotEct => 0,
        Ecn::Ect1 => 1,
        Ecn::Ce => 2,
        Ecn::Ect0 => 3,
    }
}

/// The counters. Boxed: most connections have none.
#[derive(Debug)]
pub(crate) struct Accurate {
    /// Packets that arrived CE (`tcpi_received_ce`),
    pub(crate) received_ce: u32,
    /// and payload bytes by their field (`tcpi_received_e1_bytes`, …).
    pub(crate) received: ByField,
    /// What the peer tells to have received of ours (`tcpi_delivered_e1_bytes`, …).
    pub(crate) delivered: ByField,
    /// What is wrong with the path.
    pub(crate) failure: AccEcnFailure,
    /// What was seen of the peer's options.
    pub(crate) seen: AccEcnSeen,
    /// How the peer's latest SYN or SYN-ACK arrived.
    pub(crate) syn_field: Ecn,
    /// Marks that no segment has told of yet.
    pending: u8,
    /// The option needs so many counters at least to tell what is new.
    needed: u8,
    /// The next so many segments carry an option.
    demand: u8,
    /// The field of the packet before.
    last_field: Ecn,
    /// The counter that the bytes of an ACK without option most likely belong to.
    guess: Option<Ecn>,
    /// An option left together with a D-SACK of what begins here: if that comes once more, the ACK was lost.
    sent_with_dsack: Option<SeqNum>,
    /// When an option left last.
    option_at: Instant,
}

/// What an ACK brought, as the counters see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// Segments and bytes that it newly told to have arrived.
    pub(crate) segments: u32,
    pub(crate) bytes: u32,
    /// It acknowledged or SACKed something, or is newer by its timestamp: else it may have been overtaken, and says nothing.
    pub(crate) is_news: bool,
    /// Our own SYN was acknowledged by it: its ACE field is no counter yet.
    pub(crate) syn: bool,
    /// No doubt about what was delivered: SACK, or nothing lost.
    pub(crate) exact: bool,
    pub(crate) mss: u32,
    /// Payload bytes sent so far.
    pub(crate) bytes_sent: u64,
    /// What was known to have met congestion before.
    pub(crate) delivered_ce: u32,
}

impl Accurate {
    pub(crate) fn new(handshake: EcnHandshake) -> Accurate {
        let EcnHandshake { level: _, syn_field, seen, failure } = handshake;
        Accurate {
            received_ce: 0,
            received: [0; 3],
            delivered: [0; 3],
            failure,
            seen,
            syn_field,
            pending: 0,
            needed: 0,
            demand: 0,
            last_field: Ecn::NotEct,
            guess: None,
            sent_with_dsack: None,
            option_at: Instant::ZERO,
        }
    }

    /// Our SYN was answered. An option on the SYN-ACK asks for ours; a CE mark counts, unless the field is not to be trusted.
    pub(crate) fn on_connected(&mut self, fallback: bool, syn_ack: &Segment) {
        if self.seen > AccEcnSeen::Nothing {
            self.demand = 2;
        }
        if syn_ack.ecn != Ecn::Ce {
            return;
        }
        let ace = syn_ack.flags.ace();
        // Reserved: it tells nothing of how our SYN arrived.
        let trusted = ace == 0b101 || !fallback || ace == handshake::reflecting(Ecn::NotEct).ace();
        if trusted {
            (self.received_ce, self.pending) = (1, 1);
        } else {
            self.failure |= AccEcnFailure::ACE_RECEIVE;
        }
    }

    /// The ACK of our SYN-ACK came.
    pub(crate) fn on_accepted(&mut self) {
        self.last_field = self.syn_field;
        self.demand = 1;
    }

    /// The handshake of a connection that Fast Open began is over, and shows more than its SYN did.
    pub(crate) fn on_fast_opened(&mut self, handshake: &EcnHandshake) {
        self.syn_field = handshake.syn_field;
        self.seen = self.seen.max(handshake.seen);
        self.failure |= handshake.failure;
    }

    /// A SYN came again, whatever it is: it may bring the first option.
    pub(crate) fn on_syn_again(&mut self, syn: &Segment) {
        self.syn_field = syn.ecn;
        if let Some(option) = &syn.options.acc_ecn
            && self.seen < AccEcnSeen::Counters
        {
            self.look_at(option);
            self.demand = self.demand.max(1);
        }
    }

    /// A packet arrived: counts it. True if its field is another than that of the one before.
    pub(crate) fn on_received(&mut self, field: Ecn, packets: u32, len: u32) -> bool {
        if field == Ecn::Ce {
            self.received_ce = self.received_ce.wrapping_add(packets);
            self.pending = (u32::from(self.pending) + packets).min(15) as u8;
        }
        if let Some(nth) = index(field).filter(|_| len > 0) {
            let before = self.received[nth];
            self.received[nth] = before.wrapping_add(len);
            self.needed = self.needed.max(counters_for(field));
            if (self.received[nth] ^ before) & !(BYTES_BETWEEN_OPTIONS - 1) != 0 {
                self.demand = self.demand.max(1);
            }
        }
        let changed = field != self.last_field;
        self.last_field = field;
        if changed || field == Ecn::Ce {
            // The second of two tells beyond doubt which field the later packets had.
            self.demand = 2;
        }
        changed
    }

    /// Marks have come that an ACK should tell of before there are more than its field can make clear.
    pub(crate) fn must_tell(&self) -> bool {
        self.pending >= MAX_PENDING
    }

    /// The ACE field as it is now.
    pub(crate) fn ace(&self) -> TcpFlags {
        ace_of(self.received_ce)
    }

    /// The ACE field of a segment that leaves.
    pub(crate) fn tell(&mut self) -> TcpFlags {
        self.pending = 0;
        self.ace()
    }

    /// True if packets may be ECT: nobody is known to change their fields.
    pub(crate) fn is_sound(&self) -> bool {
        !self.failure.intersects(AccEcnFailure::ACE_SEND | AccEcnFailure::ACE_RECEIVE)
    }

    /// The option that tells all, and how many of its counters are needed at least.
    pub(crate) fn option(&self) -> (AccEcnOption, usize) {
        let of = |field: Ecn| index(field).map_or(0, |nth| self.received[nth]).wrapping_add(begins_at(field));
        (AccEcnOption::order_1(&[of(Ecn::Ect1), of(Ecn::Ce), of(Ecn::Ect0)]), self.needed.into())
    }

    /// The option of a SYN-ACK: its counters have not begun.
    pub(crate) fn first_option() -> AccEcnOption {
        AccEcnOption::order_1(&[begins_at(Ecn::Ect1), begins_at(Ecn::Ce), begins_at(Ecn::Ect0)])
    }

    /// Something has changed since the last option.
    pub(crate) fn is_demanded(&self) -> bool {
        self.demand > 0
    }

    /// When an option left last.
    pub(crate) fn option_at(&self) -> Instant {
        self.option_at
    }

    /// The part of `tcp_info`.
    pub(crate) fn info(&self) -> AccEcnInfo {
        let ([received_e1_bytes, received_e0_bytes, received_ce_bytes], delivered) = (self.received, self.delivered);
        let [delivered_e1_bytes, delivered_e0_bytes, delivered_ce_bytes] = delivered;
        AccEcnInfo {
            received_ce: self.received_ce,
            delivered_e1_bytes,
            delivered_e0_bytes,
            delivered_ce_bytes,
            received_e1_bytes,
            received_e0_bytes,
            received_ce_bytes,
            fail_mode: self.failure,
            opt_seen: self.seen,
        }
    }

    /// A segment leaves, with the option or without.
    pub(crate) fn on_sent(&mut self, now: Instant, option: bool, dsack: Option<SeqNum>) {
        self.sent_with_dsack = dsack.filter(|_| option);
        if option {
            self.needed = 0;
            self.demand = self.demand.saturating_sub(1);
            self.option_at = now;
        }
    }

    /// Data came again. If our last D-SACK has told of it, that ACK did not arrive; if it had an option, that may be why
    /// (RFC 9768 §3.2.3.2.2).
    pub(crate) fn on_old_text(&mut self, seq: SeqNum) {
        if self.sent_with_dsack == Some(seq) {
            self.failure |= AccEcnFailure::OPTION_SEND;
        }
    }

    fn look_at(&mut self, option: &AccEcnOption) {
        self.seen = handshake::seen_in(option);
        if self.seen == AccEcnSeen::Zeroed {
            self.failure |= AccEcnFailure::OPTION_RECEIVE;
        }
    }

    /// An ACK came: how many more of our packets met congestion, as far as it can be told (RFC 9768 §3.2.2.5.2).
    pub(crate) fn on_ack(&mut self, ace: u8, option: Option<&AccEcnOption>, delivery: Delivery) -> u32 {
        if !delivery.is_news {
            return 0;
        }
        let ce_index = index(Ecn::Ce).unwrap_or_default();
        let before = self.delivered[ce_index];
        let by_bytes = self.read_option(option, &delivery);
        if delivery.syn {
            return 0;
        }
        let told = u32::from(ace).wrapping_sub(CEP_BEGIN);
        let least = told.wrapping_sub(delivery.delivered_ce) & ACE_MASK;
        if delivery.segments <= ACE_MASK {
            return least;
        }
        // As many as there may be: all that the field can't tell apart.
        let most = delivery.segments - (delivery.segments.wrapping_sub(least) & ACE_MASK);
        if !by_bytes {
            return most;
        }
        choose(least, most, self.delivered[ce_index].wrapping_sub(before), &delivery)
    }

    /// Takes the peer's counters, or guesses them where there is no option. True if they tell how many bytes were marked.
    fn read_option(&mut self, option: Option<&AccEcnOption>, delivery: &Delivery) -> bool {
        if self.failure.contains(AccEcnFailure::OPTION_RECEIVE) {
            return false;
        }
        let Some(option) = option else { return self.guess_counters(delivery) };
        if self.seen < AccEcnSeen::Counters {
            self.look_at(option);
        }
        if self.seen == AccEcnSeen::Zeroed {
            return false;
        }
        let guess = self.guess;
        let (mut exact, mut ambiguous, mut changed) = (guess.is_some(), false, false);
        for (field, value) in option.counters() {
            let Some(nth) = index(field) else { continue };
            let delta = self.advance(nth, value.wrapping_sub(begins_at(field)));
            if delta < 0 {
                (exact, ambiguous) = (false, true);
            }
            if delta != 0 && guess != Some(field) {
                if changed {
                    (exact, ambiguous) = (false, true);
                } else {
                    self.guess = Some(field);
                    changed = true;
                }
            }
        }
        if ambiguous {
            self.guess = None;
        }
        exact
    }

    fn guess_counters(&mut self, delivery: &Delivery) -> bool {
        if self.seen == AccEcnSeen::Nothing {
            if delivery.bytes_sent >= TOO_LATE {
                self.seen = AccEcnSeen::Zeroed;
                self.failure |= AccEcnFailure::OPTION_RECEIVE;
            }
            return false;
        }
        let Some(nth) = self.guess.and_then(index) else { return false };
        self.delivered[nth] = self.delivered[nth].wrapping_add(delivery.bytes);
        true
    }

    /// A counter is now `value`, modulo 2^24: by how much it has grown, or shrunk.
    fn advance(&mut self, nth: usize, value: u32) -> i32 {
        let delta = value.wrapping_sub(self.delivered[nth]) & (BYTES_MODULUS - 1);
        let delta = ((delta << 8) as i32) >> 8;
        self.delivered[nth] = self.delivered[nth].wrapping_add_signed(delta);
        delta
    }
}

/// Between the least and the most number of marks, by the number of bytes that were marked.
fn choose(least: u32, most: u32, bytes: u32, delivery: &Delivery) -> u32 {
    if bytes == 0 {
        return least;
    }
    if delivery.segments >= 2 * (ACE_MASK + 1) && delivery.exact {
        if delivery.bytes <= bytes {
            return most;
        }
        let estimate = (u64::from(bytes) * u64::from(delivery.segments)).div_ceil(u64::from(delivery.bytes)) as u32;
        return most.min(least + (estimate & !ACE_MASK));
    }
    if bytes > least.saturating_mul(delivery.mss) {
        return most;
    }
    if bytes < most.saturating_mul(delivery.mss) / 2 { least } else { most }
}
