//! What the survey ([`Flows`]) says of each segment: relative numbers, what it is there for, what it repeats and why. Where an
//! engine told, its word counts.
//!
//! Of a run whose both ends are known each end's segments are surveyed as that end saw the connection: what it sent when it
//! left, what came when it came. Of a capture there is one place.

use super::connection::{Connection, Segment};
use crate::capture::{LinkType, PacketRef};
use crate::flows::{Again, Cause, Flows, FlowsOptions, Kind, Place, Sighting};
use crate::trace::{Trace, View};
use limpid_event::{DropReason, Instant, TxReason};
use limpid_wire::TcpFlags;
use std::time::Duration;

/// What comparison with the segments before tells about one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    /// Relative sequence number; the SYN's is 0.
    pub(crate) seq: i64,
    /// Relative acknowledgement number.
    pub(crate) ack: i64,
    /// The window in bytes, scaled.
    pub(crate) window: u64,
    pub(crate) kind: Kind,
    /// The segment that the same end sent before this one, as an index.
    pub(crate) previous: Option<usize>,
    /// Set for what was sent before.
    pub(crate) again: Option<Again>,
    /// Set for what was sent again, if something showed that it need not have been.
    pub(crate) needless: bool,
    /// Others, which were sent later, overtook it before it was seen.
    pub(crate) late: bool,
}

impl Default for Facts {
    fn default() -> Facts {
        let (seq, ack, window) = (0, 0, 0);
        Facts { seq, ack, window, kind: Kind::Ack, previous: None, again: None, needless: false, late: false }
    }
}

/// What an engine's reason for sending something again is called.
fn told_cause(why: TxReason) -> Option<Cause> {
    Some(match why {
        TxReason::SynRetransmit | TxReason::SynAckRetransmit => Cause::NoAnswer,
        TxReason::RtoRetransmit => Cause::Rto,
        TxReason::AfterRtoRetransmit => Cause::AfterRto,
        TxReason::FastRetransmit => Cause::Fast,
        TxReason::PartialAckRetransmit => Cause::PartialAck,
        TxReason::RackRetransmit => Cause::Rack,
        TxReason::TailLossProbe => Cause::Probe,
        TxReason::PathMtuRetransmit => Cause::PathMtu,
        _ => return None,
    })
}

/// What a segment is there for, as its engine told; `None` where its flags say it.
fn told_kind(why: TxReason) -> Option<Kind> {
    use TxReason::*;
    Some(match why {
        TxReason::KeepAlive => Kind::KeepAlive,
        ZeroWindowProbe => Kind::WindowProbe,
        TxReason::WindowUpdate => Kind::WindowUpdate,
        TxReason::DuplicateAck => Kind::DuplicateAck,
        TxReason::ProbeAnswer => Kind::ProbeAnswer,
        HandshakeAck | Ack | QuickAck | DelayedAck | FinAck | ChallengeAck | TimeWaitAck => Kind::Ack,
        _ => return None,
    })
}

/// Fills in each segment's [`Facts`], and each end's base and FIN.
pub(crate) fn examine(connection: &mut Connection, trace: &Trace) {
    for (place, judged) in places(connection) {
        survey(connection, trace, place, judged);
    }
    let mut last = [None; 2];
    for index in 0..connection.segments.len() {
        let answered_by_reset = is_answered_by_reset(connection, index);
        if connection.segments[index].copy {
            take_from_original(connection, index);
        }
        let segment = &mut connection.segments[index];
        segment.facts.previous = last[segment.from].replace(index);
        if segment.dropped.is_some_and(|why| is_expected(why, segment, answered_by_reset)) {
            segment.dropped = None;
        }
        if segment.is(TcpFlags::FIN) {
            let fin = segment.facts.seq + i64::from(segment.tcp.len);
            connection.ends[segment.from].fin.get_or_insert(fin);
        }
    }
}

/// From which end's place whose segments are judged.
fn places(connection: &Connection) -> Vec<(usize, [bool; 2])> {
    let is_estimated = |end: usize| connection.ends[end].view == View::Estimated;
    match (is_estimated(0), is_estimated(1)) {
        (true, false) => vec![(1, [true; 2])],
        (false, true) => vec![(0, [true; 2])],
        // Within one host there is one place.
        _ if connection.ends[0].host == connection.ends[1].host => vec![(0, [true; 2])],
        _ => vec![(0, [true, false]), (1, [false, true])],
    }
}

/// A packet as it came by a place: when, its index in the trace, and its segment's; `None` for an ICMP error.
type Seen = (Instant, usize, Option<usize>);

/// What came by `place`, in order. A link without delay delivers at the very instant; the order of the trace then tells
/// what came first.
fn seen_at(connection: &Connection, place: usize, sees_all: bool) -> Vec<Seen> {
    let moment = |segment: &Segment| match segment.from == place {
        true => (!segment.copy).then_some(segment.sent_at),
        false => segment.arrival.time().or(sees_all.then_some(segment.sent_at)),
    };
    let segments = connection.segments.iter().enumerate();
    let mut seen: Vec<Seen> =
        segments.filter_map(|(index, segment)| Some((moment(segment)?, segment.packet, Some(index)))).collect();
    let errors = connection.errors.iter().filter(|error| error.to == place || sees_all);
    seen.extend(errors.filter_map(|error| Some((error.arrival.time()?, error.packet, None))));
    seen.sort_by_key(|&(at, packet, _)| (at, packet));
    seen
}

/// Surveys the connection at `place`, and takes from it what it says of the segments of those ends that are `judged`.
fn survey(connection: &mut Connection, trace: &Trace, place: usize, judged: [bool; 2]) {
    let options = FlowsOptions { max_open: 4, idle: Duration::MAX, linger: Duration::MAX, ..FlowsOptions::default() };
    let mut flows = Flows::new(options);
    for (at, packet, index) in seen_at(connection, place, judged == [true; 2]) {
        let bytes = &trace.packets[packet].bytes;
        let packet = PacketRef {
            number: index.map_or(0, |index| index as u64 + 1),
            time: i64::try_from(trace.epoch.saturating_add(at.as_nanos())).unwrap_or(i64::MAX),
            link_type: LinkType::RAW,
            original_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            data: bytes,
            comment: None,
            interface: 0,
        };
        if let (Some(seen), Some(index)) = (flows.handle_packet(&packet), index) {
            take(connection, index, &seen, judged);
        }
    }
    for flow in flows.finish() {
        if judged == [true; 2] {
            connection.round_trip = connection.round_trip.or(flow.handshake_round_trip());
        }
        let reset = flow.reset.and_then(|reset| Some((connection.segments.get(at(reset.sent.number)?)?, reset.cause)));
        if let Some((segment, cause)) = reset.filter(|(segment, _)| judged[segment.from]) {
            connection.reset.get_or_insert((segment.number, cause));
        }
        for (end, figures) in connection.ends.iter_mut().enumerate() {
            let Some(known) = flow.ends.iter().find(|known| known.endpoint == figures.endpoint) else { continue };
            if judged[end] || figures.base.is_none() {
                figures.base = figures.base.or(known.base);
            }
        }
    }
}

/// The survey's numbers are indices from 1 here.
fn at(number: u64) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

/// Takes over what was found out about the segment at `index`.
fn take(connection: &mut Connection, index: usize, seen: &Sighting, judged: [bool; 2]) {
    if let Some(vain) = seen.needless.and_then(at).and_then(|index| connection.segments.get_mut(index))
        && judged[vain.from]
    {
        vain.facts.needless = true;
    }
    let number = |index: u64| Some(connection.segments.get(at(index)?)?.number);
    let again = seen.again.map(|again| Again {
        original: again.original.and_then(number),
        previous: again.previous.and_then(number),
        ..again
    });
    let segment = &mut connection.segments[index];
    if !judged[segment.from] {
        return;
    }
    let facts = &mut segment.facts;
    (facts.seq, facts.ack, facts.window) = (seen.seq, seen.ack, seen.window);
    facts.kind = segment.why.and_then(told_kind).filter(|_| !segment.tcp.is(TcpFlags::RST)).unwrap_or(seen.kind);
    facts.late = seen.place == Place::Overtaken;
    let told = segment.why.and_then(told_cause);
    match again.filter(|_| !matches!(facts.kind, Kind::KeepAlive | Kind::WindowProbe)) {
        Some(again) if told.is_none() && again.cause == Cause::Copy => segment.copy = true,
        again => facts.again = again.map(|again| Again { cause: told.unwrap_or(again.cause), ..again }),
    }
}

/// A copy says what its original says.
fn take_from_original(connection: &mut Connection, index: usize) {
    /// Copies come soon after their originals.
    const NEAR: usize = 256;
    let (before, rest) = connection.segments.split_at_mut(index);
    let Some(copy) = rest.first_mut() else { return };
    let is_it = |segment: &&Segment| segment.from == copy.from && segment.tcp == copy.tcp;
    let Some(original) = before.iter().rev().take(NEAR).find(is_it) else { return };
    let Facts { seq, ack, window, .. } = original.facts;
    copy.facts = Facts { seq, ack, window, ..Facts::default() };
}

/// True if a drop is what the sender was after: a probe is outside the window on purpose, and what a reset or TIME-WAIT
/// answers was not thrown away without a word.
fn is_expected(why: DropReason, segment: &Segment, answered_by_reset: bool) -> bool {
    match why {
        DropReason::NoConnection => answered_by_reset,
        DropReason::TimeWait => segment.is(TcpFlags::FIN),
        DropReason::OutsideWindow | DropReason::Duplicate => segment.is_probe(),
        _ => false,
    }
}

/// True if the receiver of the segment at `index` sent a reset as soon as it had come.
fn is_answered_by_reset(connection: &Connection, index: usize) -> bool {
    let segment = &connection.segments[index];
    let later = connection.segments[index + 1..].iter().filter(|s| s.from != segment.from);
    segment.dropped == Some(DropReason::NoConnection)
        && later.take(1).any(|s| s.is(TcpFlags::RST) && Some(s.sent_at) == segment.arrival.time())
}
