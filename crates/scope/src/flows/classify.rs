//! Tells retransmissions apart by what packets show: the one place where that is decided.
//!
//! RFC 6298 (RTO), RFC 5681 §3.2 and RFC 6675 (fast retransmit), RFC 6582 (partial ACKs), RFC 8985 (RACK and tail loss
//! probes), RFC 1191 (path MTU). Nothing here knows where its [`Evidence`] comes from: the survey and the close look both
//! ask.

use super::sighting::Cause;
use std::time::Duration;

/// So many duplicate ACKs tell of a loss (RFC 5681 §3.2).
pub(crate) const DUP_THRESH: u32 = 3;
/// What Linux adds to the round trip, at least, before its retransmission timer runs out (RFC 6298 §2.4 has a second).
const LEAST_VARIANCE: Duration = Duration::from_millis(200);
/// So soon no sender repeats itself: the link or the capture made a copy.
const COPY_WITHIN: Duration = Duration::from_micros(50);
/// Packets that overtook each other are seldom further apart, where no round trip is known.
const USUAL_REORDERING: Duration = Duration::from_millis(3);

/// What is known of a segment that was sent before, when it is sent again. Times are those at the vantage point.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence {
    /// It has SYN.
    pub(crate) opening: bool,
    /// The other end repeated its SYN, which asks for an answer again.
    pub(crate) asked_again: bool,
    /// Since the sending before; where none was seen, since the gap was seen that it fills.
    pub(crate) after: Duration,
    /// Which retransmission it is: from 1.
    pub(crate) nth: u32,
    /// Duplicate ACKs, and ACKs with SACK blocks above it, that its sender had since its stream was last acknowledged anew.
    pub(crate) hints: u32,
    /// Since the third of them was seen.
    pub(crate) since_third_hint: Option<Duration>,
    /// Something above it was told of by SACK.
    pub(crate) sacked_above: bool,
    /// It begins where the acknowledgements stand.
    pub(crate) is_first: bool,
    /// It ends where all that was sent ends.
    pub(crate) is_tail: bool,
    /// A fast retransmission was made, and not all is acknowledged that was out then.
    pub(crate) in_recovery: bool,
    /// A timeout was, and not all is acknowledged that was out then.
    pub(crate) after_timeout: bool,
    /// A tail loss probe was, and nothing new is acknowledged since.
    pub(crate) after_probe: bool,
    /// The IP identification shows that it is the very same packet, or that it is another.
    pub(crate) same_packet: Option<bool>,
    /// Mean round trip of this stream from the vantage point to its receiver and back, and its deviation (RFC 6298).
    pub(crate) round_trip: Option<(Duration, Duration)>,
    /// Shortest round trip from the vantage point to its sender and back; zero at the sender itself.
    pub(crate) to_sender: Duration,
    /// Since something of the stream was acknowledged for the first time.
    pub(crate) since_progress: Option<Duration>,
    /// Both ends permit SACK. Without it nobody probes for tail losses (RFC 8985 §7.1).
    pub(crate) may_sack: bool,
    /// A router said since the sending before that it was too big.
    pub(crate) too_big: bool,
}

impl Evidence {
    /// The least that a sender waits for its timer, as far as the vantage point can tell.
    fn least_timeout(&self) -> Duration {
        let there = self.round_trip.map_or(Duration::ZERO, |(mean, _)| mean);
        // The clocks of timers tick, and what the sender takes for its round trip is another mean than ours.
        (there + self.to_sender + LEAST_VARIANCE).mul_f64(0.85)
    }

    /// True if it comes when what the third duplicate ACK causes must come: a round trip to its sender later.
    fn is_prompted(&self) -> bool {
        let late = self.to_sender / 4 + USUAL_REORDERING;
        self.since_third_hint
            .is_some_and(|since| since + USUAL_REORDERING >= self.to_sender && since <= self.to_sender + late)
    }

    /// Since what restarts the sender's timer: progress, or that it sent this.
    fn waited(&self) -> Duration {
        self.since_progress.map_or(self.after, |progress| progress.min(self.after))
    }
}

/// Why it was sent again.
pub(crate) fn cause(e: &Evidence) -> Cause {
    let told = e.hints > 0 || e.sacked_above;
    let is_copy = match e.same_packet {
        Some(same) => same && e.after < copy_span(e),
        // No SYN is repeated so soon unless it is asked for.
        None if e.opening => e.after < LEAST_VARIANCE && !e.asked_again,
        None => e.after < COPY_WITHIN && !told,
    };
    let timed_out = e.waited() >= e.least_timeout();
    // The last again, or the only one: once, as long as nothing tells of a loss (RFC 8985 §7.2).
    let may_probe =
        e.may_sack && e.is_tail && !e.after_probe && !e.after_timeout && !told && !e.in_recovery && e.nth == 1;
    match () {
        () if is_copy => Cause::Copy,
        () if e.opening => Cause::NoAnswer,
        () if e.too_big => Cause::PathMtu,
        // The timer again, if nothing came for so long; else what it left behind goes again as acknowledgements come.
        () if e.after_timeout && timed_out && e.is_first => Cause::Rto,
        () if e.after_timeout => Cause::AfterRto,
        () if may_probe => Cause::Probe,
        () if e.is_first && !e.in_recovery && e.is_prompted() => Cause::Fast,
        // The timer sends the first again that is outstanding (RFC 6298 §5.4).
        () if timed_out && e.is_first => Cause::Rto,
        () if told && !e.in_recovery => Cause::Fast,
        () if told || e.in_recovery => Cause::PartialAck,
        () if timed_out => Cause::Rto,
        // It goes with an acknowledgement that has just come: what that did not acknowledge counts as lost.
        () if e.waited() <= e.to_sender + USUAL_REORDERING => Cause::PartialAck,
        () if e.round_trip.is_none() && e.after >= LEAST_VARIANCE => Cause::Rto,
        () => Cause::Unknown,
    }
}

/// Within which time a packet that looks the same may be a copy: identifications come round again.
fn copy_span(e: &Evidence) -> Duration {
    e.round_trip.map_or(LEAST_VARIANCE, |(mean, _)| mean.max(USUAL_REORDERING))
}

/// What is known of a segment that fills a gap, and was not seen before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GapEvidence {
    /// Since the gap was seen.
    pub(crate) after: Duration,
    /// Its IP identification stands before that of the segment behind the gap, or after it.
    pub(crate) earlier_id: Option<bool>,
    /// Its timestamp is older than that of the segment behind the gap, or newer.
    pub(crate) older_timestamp: Option<bool>,
    /// Duplicate ACKs, and ACKs with SACK blocks above it, since the gap was seen.
    pub(crate) hints: u32,
    /// The shortest round trip from the vantage point to the receiver and back.
    pub(crate) shortest_round_trip: Option<Duration>,
}

/// True if it was overtaken: it left before what stands behind the gap. Else it is a retransmission, and its original was
/// lost before the vantage point.
pub(crate) fn is_overtaken(e: &GapEvidence) -> bool {
    if let Some(older) = e.older_timestamp {
        return older;
    }
    if let Some(earlier) = e.earlier_id {
        return earlier;
    }
    // Nobody hears of a loss sooner than the other end can tell.
    e.after < e.shortest_round_trip.unwrap_or(USUAL_REORDERING).max(USUAL_REORDERING / 3) && e.hints < 3
        || e.after < USUAL_REORDERING && e.hints == 0
}

/// True if data, seen so long after its acknowledgement, was sent before that: nobody repeats himself so soon.
pub(crate) fn is_captured_late(since_acked: Duration) -> bool {
    since_acked < USUAL_REORDERING
}

/// What is known of a segment that follows all that was seen of its sender so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TailEvidence {
    /// Packets that its sender numbered since the newest that was seen, by their IP identifications, but for those that
    /// the bytes explain which were not seen before it; 0 for none.
    pub(crate) unseen: u16,
    /// Data that was not seen is acknowledged, by it or of it: what is missing is missing in the capture.
    pub(crate) capture_missed: bool,
    /// Since the last packet that was seen of either end.
    pub(crate) pause: Duration,
    /// The other end sent new data since, which this may answer.
    pub(crate) asked: bool,
    /// There and back, from one end to the other.
    pub(crate) round_trip: Duration,
}

/// The most packets that can be lost at once; more is another count.
const MOST_UNSEEN: u16 = 64;

/// True if it was sent before, and its original was lost before the vantage point at the end of a flight: packets are missing,
/// and it took its sender a timer's time (RFC 8985 §7.2, RFC 6298) to go on, unasked.
pub(crate) fn is_lost_tail(e: &TailEvidence) -> bool {
    let waited = e.pause >= (e.round_trip * 3 / 2).max(LEAST_PROBE_WAIT);
    (1..=MOST_UNSEEN).contains(&e.unseen) && !e.asked && !e.capture_missed && waited
}

impl TailEvidence {
    /// How many segments its sender had sent behind what was seen, this one's original included: of what is missing, timers
    /// may have sent some (a tail loss probe, and RTOs that double).
    pub(crate) fn lost_originals(&self) -> u16 {
        let timeout = (self.round_trip + LEAST_VARIANCE).as_millis().max(1);
        let timers = 1 + (self.pause.as_millis() / timeout).checked_ilog2().unwrap_or(0);
        self.unseen.saturating_sub(u16::try_from(timers).unwrap_or(u16::MAX))
    }
}

/// No tail loss probe comes sooner.
const LEAST_PROBE_WAIT: Duration = Duration::from_millis(5);
