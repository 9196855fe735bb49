//! When to acknowledge (RFC 9293 §3.8.6.3, RFC 5681 §4.2), as Linux does it.
//!
//! A connection begins in *quick ACK mode*: up to 16 segments are acknowledged at once, since the peer is probably in
//! slow start. Then every second full-sized segment is, and anything less after the *ACK timeout* (ato, 40 to 200 ms),
//! which follows the time between segments. A connection that answers what it receives is in *pingpong mode*: its ACKs
//! wait for the answer to ride on.
//!
//! Data out of order is acknowledged at once, but only the first three times if SACK tells the peer what is there: after
//! that a few such ACKs make one (*compression*), which leaves after a small part of the round trip.

#[cfg(test)]
mod tests;

use crate::pack::packed;
use core::time::Duration;
use limpid_event::{Instant, TxReason};
use limpid_wire::SeqNum;

/// Segments acknowledged at once in quick ACK mode (Linux's TCP_MAX_QUICKACKS).
pub const MAX_QUICK_ACKS: u8 = 16;

/// The shortest delay (Linux's TCP_ATO_MIN, TCP_DELACK_MIN).
pub const ATO_MIN: Duration = Duration::from_millis(40);

/// Linux's clock of timers, at its finest (HZ = 1000).
const TICK: Duration = Duration::from_millis(1);

/// The longest delay (Linux's TCP_DELACK_MAX, less than the least retransmission timeout); RFC 9293 says below 500 ms.
pub const DELAY_MAX: Duration = Duration::from_millis(199);

/// So many ACKs of data out of order are never compressed: the peer counts them (RFC 5681 §3.2).
const DUPLICATE_ACKS: u8 = 3;

/// A compressed ACK may leave so much later than it should (`tcp_comp_sack_slack_ns`).
const COMPRESSION_SLACK: Duration = Duration::from_micros(100);

/// The smallest segment size that is believed (Linux's TCP_MIN_MSS).
const MIN_MSS: u16 = 88;

/// RFC 9293 §3.7.1's default.
const DEFAULT_MSS: u16 = 536;

/// What is known about data that arrived.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedData {
    /// When it came.
    pub now: Instant,
    /// Payload bytes of each wire segment: of the largest, if several were merged.
    pub len: u32,
    /// It said PSH.
    pub push: bool,
    /// The retransmission timeout.
    pub rto: Duration,
    /// The window that we offered last.
    pub window: u32,
}

/// How far ACKs of data out of order may be compressed.
#[derive(Clone, Copy, Debug)]
pub struct Compression {
    /// So many at most make one (`tcp_comp_sack_nr`); 0 is none.
    pub most: u8,
    /// Within this time (`tcp_comp_sack_delay_ns`),
    pub delay: Duration,
    /// and within a twentieth of this.
    pub rtt: Duration,
}

/// When an ACK is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AckDue {
    /// Now, and why.
    Now(TxReason),
    /// When this time has come, unless data leaves before.
    At(Instant),
}

/// What is remembered to decide it.
#[derive(Clone, Debug)]
pub struct DelayedAck {
    /// ACK timeout; zero before the first data.
    ato: Duration,
    /// When data came last.
    last_data: Instant,
    /// The pending delayed ACK's time.
    pending: Option<Instant>,
    /// The estimate of the peer's segment size.
    rcv_mss: u16,
    /// Our advertised MSS: no segment is larger.
    adv_mss: u16,
    /// The size of the last segment below `rcv_mss`.
    last_small: u16,
    /// So many ACKs more leave at once.
    quick: u8,
    pingpong: bool,
    /// An ACK waits so long at most, ms.
    longest: u8,
    /// None of them ever waits.
    at_once: bool,
    /// The next one does not.
    demanded: bool,
    pushed: Pushed,
    /// An ACK is owed (Linux's ICSK_ACK_SCHED).
    scheduled: bool,
    /// So many ACKs of data out of order wait to leave as one.
    compressed: u8,
    /// So many left at once for `duplicates_of`.
    duplicates: u8,
    duplicates_of: SeqNum,
}

/// Small or pushed segments since the last ACK: likely the end of what the peer has to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Pushed {
    No,
    Once,
    Again,
}

impl DelayedAck {
    /// A connection whose SYN told `adv_mss` and whose peer's told `peer_mss`.
    pub fn new(adv_mss: u16, peer_mss: u16, window: u32) -> DelayedAck {
        let half = u16::try_from(window / 2).unwrap_or(u16::MAX);
        let guess = adv_mss.min(peer_mss).min(half).clamp(MIN_MSS, DEFAULT_MSS);
        DelayedAck {
            ato: Duration::ZERO,
            last_data: Instant::ZERO,
            pending: None,
            rcv_mss: guess,
            adv_mss: adv_mss.max(MIN_MSS),
            last_small: 0,
            quick: 0,
            pingpong: false,
            longest: DELAY_MAX.as_millis() as u8,
            at_once: false,
            demanded: false,
            pushed: Pushed::No,
            scheduled: false,
            compressed: 0,
            duplicates: 0,
            duplicates_of: SeqNum(0),
        }
    }

    /// The same, whose ACKs never wait if `at_once` ([`Config::ack_at_once`](crate::Config::ack_at_once)).
    #[must_use]
    pub fn with_ack_at_once(self, at_once: bool) -> DelayedAck {
        DelayedAck { at_once, ..self }
    }

    /// ACKs wait no longer than `most`, and less than the peer's least retransmission timeout, if it has the one that we have
    /// (Linux's `tcp_delack_max`).
    pub fn set_longest(&mut self, most: Duration, rto_min: Duration) {
        self.longest = most.min(rto_min.max(2 * TICK) - TICK).as_millis().min(200) as u8;
    }

    /// The next ACK of data does not wait, and then no more: ECN's feedback, or its answer, is urgent (Linux's ICSK_ACK_NOW).
    pub fn demand(&mut self) {
        self.demanded = true;
    }

    /// True if the next ACK is not to wait.
    pub fn is_demanded(&self) -> bool {
        self.demanded
    }

    /// Quick ACK mode.
    fn is_quick(&self) -> bool {
        self.at_once || (self.quick > 0 && !self.pingpong)
    }

    /// The largest segment that the peer may send, bytes: what our SYN told, less the options of each segment.
    pub fn adv_mss(&self) -> u16 {
        self.adv_mss
    }

    /// The estimate of the peer's segment size, bytes.
    pub fn rcv_mss(&self) -> u32 {
        u32::from(self.rcv_mss)
    }

    /// The delay in force, for `tcp_info`.
    pub fn ato(&self) -> Duration {
        self.ato
    }

    /// When the delayed ACK is due, if one is pending.
    pub fn deadline(&self) -> Option<Instant> {
        self.pending
    }

    /// True if something is to be acknowledged, now or later.
    pub fn is_scheduled(&self) -> bool {
        self.scheduled
    }

    /// True if this connection answers what it receives.
    pub fn is_pingpong(&self) -> bool {
        self.pingpong
    }

    /// Data in order arrived. Then ask [`decide`](Self::decide). True if the peer's segments are larger than thought.
    pub fn on_data(&mut self, data: ReceivedData) -> bool {
        self.scheduled = true;
        let larger = self.measure(data);
        if self.ato.is_zero() {
            self.add_quick(data.window, MAX_QUICK_ACKS);
            self.ato = ATO_MIN;
        } else {
            let gap = data.now.since(self.last_data);
            if gap <= ATO_MIN / 2 {
                self.ato = self.ato / 2 + ATO_MIN / 2;
            } else if gap < self.ato {
                self.ato = (self.ato / 2 + gap).min(data.rto);
            } else if gap > data.rto {
                // The peer was silent for so long that it begins again in slow start.
                self.add_quick(data.window, MAX_QUICK_ACKS);
            }
        }
        self.last_data = data.now;
        larger
    }

    /// Data out of order arrived. Then ask [`decide_ahead`](Self::decide_ahead). True as from [`on_data`](Self::on_data).
    pub fn on_data_ahead(&mut self, data: ReceivedData) -> bool {
        self.scheduled = true;
        self.measure(data)
    }

    /// The window grows: the peer is in slow start, and its next segment is acknowledged at once.
    pub fn hurry(&mut self) {
        self.quick |= 1;
    }

    /// There is less room than half of the buffer: the peer need not be hurried any more.
    pub fn no_hurry(&mut self) {
        self.quick = 0;
    }

    /// Something that asks for ACKs at once arrived (out of order, old, or outside the window): the peer is in recovery
    /// or slow start.
    pub fn enter_quick(&mut self, window: u32, count: u8) {
        self.scheduled = true;
        self.add_quick(window, count);
        self.pingpong = false;
        self.ato = ATO_MIN;
    }

    /// The peer's FIN came: the ACK waits for our own FIN to ride on, if that comes soon.
    pub fn on_fin(&mut self) {
        self.scheduled = true;
        self.pingpong = true;
    }

    /// Waits for the answer to ride on: the application has said that it will write, or has written before (a client's
    /// first ACK, or TCP_QUICKACK switched off).
    pub fn enter_pingpong(&mut self) {
        self.pingpong = true;
    }

    /// ACKs no longer wait for an answer (TCP_QUICKACK). True if one is owed.
    pub fn leave_pingpong(&mut self) -> bool {
        self.pingpong = false;
        if self.scheduled && self.pushed == Pushed::No {
            self.pushed = Pushed::Once;
        }
        self.scheduled
    }

    /// The ACK that completes our connect waits for data to ride on, for as long as an ACK may.
    pub fn defer_handshake(&mut self, now: Instant, window: u32) -> Instant {
        self.enter_quick(window, MAX_QUICK_ACKS);
        let due = now + Duration::from_millis(200);
        self.pending = Some(due);
        due
    }

    /// When to acknowledge what was received in order. `unacked` is RCV.NXT less what the last ACK told; `keeps_up` is
    /// [`RecvWindow::keeps_up`](super::RecvWindow::keeps_up), or that the reader waits for more than there is.
    pub fn decide(&mut self, now: Instant, unacked: u32, keeps_up: bool, srtt: Option<Duration>) -> AckDue {
        if unacked > self.rcv_mss() && keeps_up {
            return AckDue::Now(TxReason::Ack);
        }
        if self.is_quick() {
            return AckDue::Now(TxReason::QuickAck);
        }
        if self.demanded {
            return AckDue::Now(TxReason::EcnFeedback);
        }
        self.delay(now, srtt)
    }

    /// When to acknowledge while something is out of order. In quick ACK mode, or if nothing may be compressed, at once.
    pub fn decide_ahead(&mut self, now: Instant, rcv_nxt: SeqNum, compression: Compression) -> AckDue {
        if self.is_quick() || self.demanded || self.compressed >= compression.most {
            return AckDue::Now(TxReason::DuplicateAck);
        }
        if self.duplicates_of != rcv_nxt {
            self.duplicates_of = rcv_nxt;
            self.duplicates = 0;
        }
        if self.duplicates < DUPLICATE_ACKS {
            self.duplicates += 1;
            return AckDue::Now(TxReason::DuplicateAck);
        }
        let due = now + compression.delay.min(compression.rtt / 20) + COMPRESSION_SLACK;
        if self.compressed > 0
            && let Some(pending) = self.pending
        {
            self.compressed += 1;
            return AckDue::At(pending);
        }
        self.compressed = 1;
        let due = self.pending.map_or(due, |pending| pending.min(due));
        self.pending = Some(due);
        AckDue::At(due)
    }

    /// So many ACKs of data out of order wait to leave as one.
    pub fn compressed(&self) -> u8 {
        self.compressed
    }

    /// The delay itself.
    fn delay(&mut self, now: Instant, srtt: Option<Duration>) -> AckDue {
        // No data has ever come, only a FIN: Linux's timer then runs out with the next tick of its clock.
        let mut ato = if self.ato.is_zero() { TICK } else { self.ato.max(ATO_MIN) };
        if ato > ATO_MIN {
            let patient = self.pingpong || self.pushed > Pushed::No;
            let mut max = if patient { DELAY_MAX } else { Duration::from_millis(500) };
            if let Some(srtt) = srtt {
                max = max.min(srtt.max(ATO_MIN));
            }
            ato = ato.min(max);
        }
        let mut due = now + ato.min(Duration::from_millis(self.longest.into()));
        if let Some(pending) = self.pending {
            if pending <= now + ato / 4 {
                return AckDue::Now(TxReason::DelayedAck);
            }
            due = due.min(pending);
        }
        self.pending = Some(due);
        AckDue::At(due)
    }

    /// The application read `copied` bytes: true if an ACK should leave now, because two segments' worth is waiting, or
    /// because the reader has taken all that a peer which is not answered soon had to say.
    pub fn on_read(&self, copied: usize, emptied: bool, unacked: u32) -> bool {
        if !self.scheduled {
            return false;
        }
        let said = self.pushed == Pushed::Again || (self.pushed == Pushed::Once && !self.pingpong);
        unacked > self.rcv_mss() || (copied > 0 && emptied && said)
    }

    /// The delayed ACK's time has come: true if it is to be sent.
    pub fn on_timeout(&mut self, now: Instant, rto: Duration) -> bool {
        let Some(pending) = self.pending else { return false };
        if pending > now {
            return false;
        }
        if self.compressed > 0 {
            self.pending = None;
            return true;
        }
        if self.pingpong {
            // No answer came to ride on.
            self.pingpong = false;
            self.ato = ATO_MIN;
        } else {
            self.ato = (self.ato * 2).min(rto);
        }
        self.pending = None;
        self.scheduled
    }

    /// A segment with ACK left, whatever else was in it.
    pub fn on_ack_sent(&mut self) {
        if self.scheduled {
            if self.quick == 1 {
                self.ato = ATO_MIN;
            }
            self.quick = self.quick.saturating_sub(1);
        }
        self.compressed = 0;
        self.demanded = false;
        self.pending = None;
        self.scheduled = false;
        self.pushed = Pushed::No;
    }

    /// A segment with data left: soon after data came it is an answer.
    pub fn on_data_sent(&mut self, now: Instant) {
        if now.since(self.last_data) < self.ato {
            self.pingpong = true;
        }
    }

    /// Half a window of ACKs, 2 if that is none, at most `max`.
    fn add_quick(&mut self, window: u32, max: u8) {
        let count = match window / (2 * self.rcv_mss()) {
            0 => 2,
            count => count,
        };
        self.quick = self.quick.max(count.min(u32::from(max)) as u8);
    }

    /// True if segments are larger than thought.
    fn measure(&mut self, data: ReceivedData) -> bool {
        let len = u16::try_from(data.len).unwrap_or(u16::MAX);
        let last_small = core::mem::take(&mut self.last_small);
        if len >= self.rcv_mss {
            let larger = len > self.rcv_mss;
            self.rcv_mss = len.min(self.adv_mss);
            if data.push && self.pushed == Pushed::No {
                self.pushed = Pushed::Once;
            }
            return larger;
        }
        // Two segments of the same smaller size tell that the peer's segments have become smaller.
        if len >= DEFAULT_MSS || (len >= MIN_MSS && !data.push) {
            self.last_small = len;
            if len == last_small {
                self.rcv_mss = len;
                return false;
            }
        }
        self.pushed = if self.pushed == Pushed::No { Pushed::Once } else { Pushed::Again };
        false
    }
}

packed!(struct DelayedAck { ato, last_data, pending, rcv_mss, adv_mss, last_small, quick, pingpong, longest, at_once, demanded, pushed, scheduled, compressed, duplicates, duplicates_of });
packed!(
    enum Pushed {
        No,
        Once,
        Again,
    }
);
