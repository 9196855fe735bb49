//! Compares each segment with those before it: relative numbers, retransmissions and their causes, duplicate ACKs,
//! window updates, zero-window probes and keepalives.
//!
//! RFC 9293 §3.4 (numbers), §3.8.4 (keepalive), §3.8.6.1 (zero-window probes); RFC 5681 §2 (duplicate ACK), §3.2 (fast
//! retransmit); RFC 6298 (RTO); RFC 7323 §2.2 (window scale).

use super::connection::{Connection, End, Segment};
use crate::trace::{Trace, View};
use limpid_event::{DropReason, TxReason};
use limpid_wire::{SeqNum, TcpFlags};
use std::collections::BTreeMap;
use std::time::Duration;

/// What comparison with the segments before tells about one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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
    /// It stands before data that was sent earlier, but was never seen: reordered, or a retransmission of what was lost
    /// before the vantage point.
    pub(crate) late: bool,
}

/// What a segment is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Kind {
    /// Data, SYN or FIN; or a reset.
    #[default]
    Ordinary,
    /// Nothing but an acknowledgement of something new.
    Ack,
    /// An acknowledgement that says nothing new while data is outstanding.
    DuplicateAck,
    /// A new window, nothing else.
    WindowUpdate,
    /// Asks whether the window is still zero.
    WindowProbe,
    /// Asks whether the peer is alive.
    KeepAlive,
}

/// Of a segment sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Again {
    /// Index of the first sending in the connection's segments.
    pub(crate) original: usize,
    /// Index of the sending before this one.
    pub(crate) previous: usize,
    /// Since the sending before this one.
    pub(crate) after: Duration,
    /// Which retransmission this is: from 1.
    pub(crate) nth: u32,
    pub(crate) cause: Cause,
}

/// Why something was sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// Nobody answered the SYN or SYN-ACK.
    NoAnswer,
    /// The retransmission timer ran out.
    Rto,
    /// Duplicate ACKs or SACK.
    Fast,
    /// A partial ACK in recovery.
    PartialAck,
    /// RACK.
    Rack,
    /// Tail loss probe.
    Probe,
    /// The trace does not tell.
    Unknown,
}

impl Cause {
    /// A few words for people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Cause::NoAnswer => "no answer",
            Cause::Rto => "RTO",
            Cause::Fast => "duplicate ACKs",
            Cause::PartialAck => "partial ACK",
            Cause::Rack => "RACK",
            Cause::Probe => "tail loss probe",
            Cause::Unknown => "cause unknown",
        }
    }

    /// True for retransmissions that a timer caused.
    pub(crate) const fn is_timer(self) -> bool {
        matches!(self, Cause::NoAnswer | Cause::Rto)
    }

    fn told(why: TxReason) -> Option<Cause> {
        Some(match why {
            TxReason::SynRetransmit | TxReason::SynAckRetransmit => Cause::NoAnswer,
            TxReason::RtoRetransmit => Cause::Rto,
            TxReason::FastRetransmit => Cause::Fast,
            TxReason::PartialAckRetransmit => Cause::PartialAck,
            TxReason::RackRetransmit => Cause::Rack,
            TxReason::TailLossProbe => Cause::Probe,
            _ => return None,
        })
    }
}

/// The shortest that Linux lets the RTO become; a retransmission sooner had another cause.
const SHORTEST_RTO: Duration = Duration::from_millis(190);

/// What is known of one end's stream so far.
#[derive(Default)]
struct Stream {
    base: Option<SeqNum>,
    /// Newest number sent, as it stood and unwrapped.
    newest: Option<(SeqNum, i64)>,
    /// Where all that was sent so far ends.
    max: i64,
    /// What was sent, by where it began: where it ended, and which segment sent it last.
    sent: BTreeMap<i64, Sending>,
    /// Highest acknowledgement this end sent.
    acked: Option<i64>,
    /// The window it announced last, but for those of SYNs: they are not scaled.
    window: Option<u64>,
    zero_window: bool,
    last_segment: Option<usize>,
    last_fast: Option<i64>,
    /// Where all that was sent so far ended when the retransmission timer ran out last.
    last_rto: Option<i64>,
}

#[derive(Clone, Copy)]
struct Sending {
    end: i64,
    original: usize,
    last: usize,
    times: u32,
}

impl Stream {
    fn relative(&mut self, seq: SeqNum, mid_stream_base: SeqNum) -> i64 {
        let base = *self.base.get_or_insert(mid_stream_base);
        let (near, unwrapped) = *self.newest.get_or_insert((base, 0));
        unwrapped + i64::from(seq.offset_from(near))
    }

    fn advance(&mut self, seq: SeqNum, relative: i64, len: u32) {
        if self.newest.is_none_or(|(_, newest)| relative > newest) {
            self.newest = Some((seq, relative));
        }
        self.max = self.max.max(relative + i64::from(len));
    }

    /// The sending that holds the byte at `seq`.
    fn sending(&self, seq: i64) -> Option<(i64, Sending)> {
        self.sent.range(..=seq).next_back().map(|(start, s)| (*start, *s)).filter(|(_, s)| s.end > seq)
    }
}

/// Fills in each segment's [`Facts`], and each end's base, scale and FIN.
pub(crate) fn examine(connection: &mut Connection, trace: &Trace) {
    let scales = scales(connection);
    let mut streams: [Stream; 2] = Default::default();
    for ((stream, end), scale) in streams.iter_mut().zip(&mut connection.ends).zip(scales) {
        stream.base = end.isn;
        end.scale = scale;
    }
    for index in 0..connection.segments.len() {
        let facts = facts(connection, trace, index, &mut streams);
        let answered_by_reset = is_answered_by_reset(connection, index);
        let segment = &mut connection.segments[index];
        if segment.dropped.is_some_and(|why| is_expected(why, segment, facts.kind, answered_by_reset)) {
            segment.dropped = None;
        }
        if segment.is(TcpFlags::FIN) {
            let fin = facts.seq + i64::from(segment.tcp.len);
            connection.ends[segment.from].fin.get_or_insert(fin);
        }
        segment.facts = facts;
    }
    for (stream, end) in streams.iter().zip(&mut connection.ends) {
        end.base = stream.base;
    }
}

/// True if a drop is what the sender was after: a probe is outside the window on purpose, and what a reset or TIME-WAIT
/// answers was not thrown away without a word.
fn is_expected(why: DropReason, segment: &Segment, kind: Kind, answered_by_reset: bool) -> bool {
    match why {
        DropReason::NoConnection => answered_by_reset,
        DropReason::TimeWait => segment.is(TcpFlags::FIN),
        DropReason::OutsideWindow | DropReason::Duplicate => matches!(kind, Kind::KeepAlive | Kind::WindowProbe),
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

/// Both SYNs must offer the option (RFC 7323 §2.2).
fn scales(connection: &Connection) -> [u8; 2] {
    let offered = |end: usize| {
        let syn = connection.sent_by(end).find(|s| s.is(TcpFlags::SYN))?;
        syn.tcp.options.window_scale
    };
    match (offered(0), offered(1)) {
        (Some(left), Some(right)) => [left, right],
        _ => [0, 0],
    }
}

fn facts(connection: &Connection, trace: &Trace, index: usize, streams: &mut [Stream; 2]) -> Facts {
    let segment = &connection.segments[index];
    let (from, peer) = (segment.from, Connection::peer(segment.from));
    let tcp = &segment.tcp;
    // Where no SYN was seen, the first byte seen counts as number 1.
    let seq = match tcp.is(TcpFlags::RST) && !tcp.is(TcpFlags::ACK) && tcp.seq == SeqNum(0) {
        true => 0,
        false => streams[from].relative(tcp.seq, tcp.seq - u32::from(!tcp.is(TcpFlags::SYN))),
    };
    let ack = if tcp.is(TcpFlags::ACK) { streams[peer].relative(tcp.ack, tcp.ack - 1) } else { 0 };
    let shift = if tcp.is(TcpFlags::SYN) { 0 } else { connection.ends[from].scale.min(14) };
    let previous = streams[from].last_segment.replace(index);
    let mut facts = Facts { seq, ack, window: u64::from(tcp.window) << shift, previous, ..Facts::default() };
    if segment.copy || tcp.is(TcpFlags::RST) {
        return facts;
    }
    facts.kind = kind(segment, &facts, streams, from);
    if tcp.seq_len() > 0 && !matches!(facts.kind, Kind::KeepAlive | Kind::WindowProbe) {
        facts.again = again(connection, index, &facts, streams);
        let end = &connection.ends[from];
        facts.late = facts.again.is_none() && facts.seq < streams[from].max && is_late(trace, end, segment);
        remember(&mut streams[from], index, &facts, tcp.seq_len());
    }
    if facts.kind != Kind::KeepAlive {
        streams[from].advance(tcp.seq, seq, tcp.seq_len());
    }
    acknowledge(segment, &facts, streams);
    facts
}

fn is_late(trace: &Trace, end: &End, segment: &Segment) -> bool {
    end.view == View::Estimated && trace.packets.get(segment.packet).is_some()
}

fn kind(segment: &Segment, facts: &Facts, streams: &[Stream; 2], from: usize) -> Kind {
    let (own, peer) = (&streams[from], &streams[Connection::peer(from)]);
    let tcp = &segment.tcp;
    match segment.why {
        Some(TxReason::KeepAlive) => return Kind::KeepAlive,
        Some(TxReason::ZeroWindowProbe) => return Kind::WindowProbe,
        Some(TxReason::WindowUpdate) => return Kind::WindowUpdate,
        Some(TxReason::DuplicateAck) => return Kind::DuplicateAck,
        _ => {}
    }
    if tcp.flags.intersects(TcpFlags::SYN | TcpFlags::FIN) || !tcp.is(TcpFlags::ACK) {
        return Kind::Ordinary;
    }
    let all_acked = peer.acked.is_some_and(|acked| acked >= own.max);
    if tcp.len <= 1 && facts.seq == own.max - 1 && own.max > 0 && (all_acked || tcp.len == 0) {
        return if peer.zero_window { Kind::WindowProbe } else { Kind::KeepAlive };
    }
    if peer.zero_window && tcp.len == 1 && facts.seq >= own.max {
        return Kind::WindowProbe;
    }
    if !tcp.is_pure_ack() {
        return Kind::Ordinary;
    }
    match own.acked {
        _ if segment.why.is_some_and(tells_of_an_ack) => Kind::Ack,
        Some(acked) if facts.ack == acked && own.window.is_some_and(|window| facts.window != window) => {
            Kind::WindowUpdate
        }
        Some(acked) if facts.ack == acked && peer.max > acked => Kind::DuplicateAck,
        _ => Kind::Ack,
    }
}

/// True if an engine that gives this reason sends nothing but an acknowledgement of something new.
fn tells_of_an_ack(why: TxReason) -> bool {
    use TxReason::*;
    matches!(why, HandshakeAck | Ack | QuickAck | DelayedAck | FinAck | ProbeAnswer | ChallengeAck | TimeWaitAck)
}

fn again(connection: &Connection, index: usize, facts: &Facts, streams: &[Stream; 2]) -> Option<Again> {
    let segment = &connection.segments[index];
    let (_, sending) = streams[segment.from].sending(facts.seq)?;
    // Crossed SYNs are answered by SYN-ACKs that repeat the SYN: that is no retransmission.
    if segment.is_syn_ack() && connection.segments[sending.last].is_syn() {
        return None;
    }
    let after = segment.sent_at.since(connection.segments[sending.last].sent_at);
    let cause = segment.why.and_then(Cause::told).unwrap_or_else(|| guess(connection, index, facts, streams, after));
    Some(Again { original: sending.original, previous: sending.last, after, nth: sending.times, cause })
}

/// Why a segment was sent again, from what its sender had received by then.
fn guess(connection: &Connection, index: usize, facts: &Facts, streams: &[Stream; 2], after: Duration) -> Cause {
    let segment = &connection.segments[index];
    if segment.is(TcpFlags::SYN) {
        return Cause::NoAnswer;
    }
    let peer = Connection::peer(segment.from);
    let heard = heard_before(connection, peer, index);
    let sacked = heard.filter(|s| !s.tcp.options.sack.is_empty() || s.facts.kind == Kind::DuplicateAck);
    let hints = sacked.filter(|s| s.facts.ack <= facts.seq && facts.seq - s.facts.ack <= 1 << 30).take(3).count();
    let stream = &streams[segment.from];
    let recovering = stream.last_fast.is_some_and(|high| facts.seq < high);
    let is_tail = facts.seq + i64::from(segment.tcp.seq_len()) >= stream.max;
    // A timeout sends the first again that is outstanding, a probe the last (RFC 8985 §7.3).
    let is_first = streams[peer].acked.is_none_or(|acked| facts.seq <= acked);
    let timed_out = stream.last_rto.is_some_and(|high| facts.seq < high);
    match () {
        () if hints > 0 && after < SHORTEST_RTO => Cause::Fast,
        () if recovering && after < SHORTEST_RTO => Cause::PartialAck,
        () if is_tail && !is_first && !timed_out && hints == 0 => Cause::Probe,
        () if after >= SHORTEST_RTO => Cause::Rto,
        // Nothing told of a loss, the RTO can't have run out, and it is the last segment (RFC 8985 §7.3).
        () if is_tail => Cause::Probe,
        () => Cause::Unknown,
    }
}

/// What `end` sent that had arrived when the segment at `index` left, newest first; the last few only.
fn heard_before(connection: &Connection, end: usize, index: usize) -> impl Iterator<Item = &Segment> {
    let at = connection.segments[index].sent_at;
    let recent = connection.segments[..index].iter().rev().take(64);
    recent.filter(move |s| s.from == end && s.arrival.time().is_some_and(|arrived| arrived <= at))
}

fn remember(stream: &mut Stream, index: usize, facts: &Facts, len: u32) {
    let end = facts.seq + i64::from(len);
    match facts.again {
        Some(again) => {
            if matches!(again.cause, Cause::Fast) {
                stream.last_fast = Some(stream.max);
            }
            if matches!(again.cause, Cause::Rto) {
                stream.last_rto = Some(stream.max);
            }
            let times = again.nth + 1;
            stream.sent.insert(facts.seq, Sending { end, original: again.original, last: index, times });
        }
        None => {
            stream.sent.insert(facts.seq, Sending { end, original: index, last: index, times: 1 });
        }
    }
}

fn acknowledge(segment: &Segment, facts: &Facts, streams: &mut [Stream; 2]) {
    if !segment.is(TcpFlags::ACK) {
        return;
    }
    let own = &mut streams[segment.from];
    own.acked = Some(own.acked.map_or(facts.ack, |acked| acked.max(facts.ack)));
    if !segment.is(TcpFlags::SYN) {
        own.window = Some(facts.window);
    }
    own.zero_window = segment.tcp.window == 0 && !segment.is(TcpFlags::SYN);
}
