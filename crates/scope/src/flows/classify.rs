//! Tells retransmissions apart by what packets show: the one place where that is decided.
//!
//! RFC 6298 (RTO), RFC 5681 §3.2 and RFC 6675 (fast retransmit), RFC 6582 (partial ACKs), RFC 8985 (RACK and tail loss
//! probes), RFC 1191 (path MTU). Nothing here knows where its [`Evidence`] comes from: the survey and the close look both
//! ask.

use super::sighting::Cause;
use std::time::Duration;

/// The shortest that Linux lets the RTO become; a retransmission sooner had another cause.
const SHORTEST_RTO: Duration = Duration::from_millis(190);
/// So soon no sender repeats itself: the link or the capture made a copy.
const COPY_WITHIN: Duration = Duration::from_micros(50);
/// Packets that overtook each other are seldom further apart, where no round trip is known.
const USUAL_REORDERING: Duration = Duration::from_millis(3);

/// What is known of a segment that was sent before, when it is sent again. Times are those at the vantage point.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence {
    /// It has SYN.
    pub(crate) opening: bool,
    /// Since the sending before.
    pub(crate) after: Duration,
    /// Duplicate ACKs, and ACKs with SACK blocks above it, that its sender had since its stream was last acknowledged anew.
    pub(crate) hints: u32,
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
    /// The IP identification shows that it is the very same packet, or that it is another.
    pub(crate) same_packet: Option<bool>,
    /// Mean round trip of this stream, from the vantage point, and its deviation (RFC 6298).
    pub(crate) round_trip: Option<(Duration, Duration)>,
    /// A router said since the sending before that it was too big.
    pub(crate) too_big: bool,
}

/// Why it was sent again.
pub(crate) fn cause(e: &Evidence) -> Cause {
    let is_copy = match e.same_packet {
        Some(same) => same && e.after < copy_span(e),
        None => e.after < COPY_WITHIN && !e.sacked_above && e.hints == 0,
    };
    match () {
        () if is_copy => Cause::Copy,
        () if e.opening => Cause::NoAnswer,
        () if e.too_big => Cause::PathMtu,
        () if (e.hints > 0 || e.sacked_above) && e.after < SHORTEST_RTO => Cause::Fast,
        () if e.in_recovery && e.after < SHORTEST_RTO => Cause::PartialAck,
        // A timeout sends the first again that is outstanding, a probe the last (RFC 8985 §7.3).
        () if e.is_tail && !e.is_first && !e.after_timeout && e.hints == 0 => Cause::Probe,
        () if e.after >= SHORTEST_RTO => Cause::Rto,
        // What a timeout left behind goes again as acknowledgements come.
        () if e.after_timeout => Cause::Rto,
        // Nothing told of a loss, the RTO can't have run out, and it is the last segment (RFC 8985 §7.3).
        () if e.is_tail => Cause::Probe,
        () => Cause::Unknown,
    }
}

/// Within which time a packet that looks the same may be a copy: identifications come round again.
fn copy_span(e: &Evidence) -> Duration {
    e.round_trip.map_or(SHORTEST_RTO, |(mean, _)| mean.max(USUAL_REORDERING))
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
