//! What the packets of one direction tell, and its sender's engine where it told: sequence numbers, acknowledgements,
//! windows and round trips over time.
//!
//! Times are those at the sender of the data, where both are known or seen; of a capture at the receiver, those there.
//! A round trip is measured where the data leaves (RFC 6298 §3): at the receiver there is none.

use super::gather::Flow;
use super::layout::{Cause, Mark, Point, Sign};
use crate::analysis::{Analysis, Connection, Segment};
use crate::flows::{self, Kind, sack};
use crate::trace::{Arrival, View};
use crate::words;
use limpid_event::Instant;
use limpid_wire::TcpFlags;
use limpid_wire::tcp::SackBlock;
use std::collections::{HashSet, VecDeque};

/// The most segments of one direction that wait for their acknowledgement; of more, the oldest give no round trip.
const MAX_PENDING: usize = 1 << 16;

/// One direction of a connection: data one way, acknowledgements the other.
#[derive(Debug, Default)]
pub(super) struct Direction {
    /// `client:49152`.
    pub(super) sender: String,
    /// `server:80`.
    pub(super) receiver: String,
    /// When its connection began and ended.
    pub(super) active: Option<(Instant, Instant)>,
    /// Times are those at the receiver.
    pub(super) at_receiver: bool,
    pub(super) marks: Vec<Mark>,
    /// What is acknowledged; holds until the next.
    pub(super) acked: Vec<Point>,
    /// Up to where the receiver allows; holds until the next.
    pub(super) allowed: Vec<Point>,
    /// The receiver's window, bytes; holds until the next.
    pub(super) window: Vec<Point>,
    /// Bytes that are neither acknowledged nor selectively so; holds until the next.
    pub(super) outstanding: Vec<Point>,
    /// Seconds, at this moment.
    pub(super) rtt: Vec<Point>,
    /// Data that passed, what was sent again included.
    pub(super) sent: Vec<(Instant, u64)>,
    /// What was newly acknowledged.
    pub(super) delivered: Vec<(Instant, u64)>,
    /// What the sender's engine told, if it did.
    pub(super) told: Option<Flow>,
    /// Data segments, and of them those sent again.
    pub(super) segments: u64,
    pub(super) again: u64,
    /// SYNs and FINs without data that were sent again.
    pub(super) signs_again: [u64; 2],
}

impl Direction {
    /// The direction of `connection` whose data `end` sends.
    pub(super) fn of(analysis: &Analysis<'_>, connection: &Connection, end: usize) -> Direction {
        let peer = Connection::peer(end);
        let views = [connection.ends[end].view, connection.ends[peer].view];
        let direction = Direction {
            sender: name(analysis, connection, end),
            receiver: name(analysis, connection, peer),
            active: Some((connection.began, connection.ended())),
            at_receiver: views[0] == View::Estimated && views[1] != View::Estimated,
            ..Direction::default()
        };
        let mut seen: Vec<(Instant, &Segment)> =
            connection.segments.iter().filter_map(|s| Some((direction.moment(s, end)?, s))).collect();
        seen.sort_by_key(|(at, _)| *at);
        let mut follower = Follower {
            direction,
            arrived: arrived(connection, end),
            fin: connection.ends[end].fin,
            ..Follower::default()
        };
        for (at, segment) in seen {
            match segment.from == end {
                true => follower.data(at, segment),
                false => follower.answer(at, segment),
            }
        }
        let mut direction = follower.direction;
        direction.told = Flow::told(analysis, connection, end);
        direction
    }

    /// When a segment passed the place that times are of; `None` if it never did.
    fn moment(&self, segment: &Segment, end: usize) -> Option<Instant> {
        match (segment.from == end) != self.at_receiver {
            true => Some(segment.sent_at),
            false => segment.arrival.time(),
        }
    }

    /// True if it has segments with data: there is something to draw.
    pub(super) fn carried_data(&self) -> bool {
        self.segments > 0
    }
}

/// `client:49152`, or the endpoint where the host has no name but its address.
fn name(analysis: &Analysis<'_>, connection: &Connection, end: usize) -> String {
    let end = &connection.ends[end];
    let host = analysis.trace.hosts.get(end.host).map(|host| words::tame(&host.name)).unwrap_or_default();
    match host.is_empty() || host == end.endpoint.addr.to_string() {
        true => end.endpoint.to_string(),
        false => format!("{host}:{}", end.endpoint.port),
    }
}

/// What `end` sent again although it arrived, as a trace of both ends tells.
fn arrived(connection: &Connection, end: usize) -> HashSet<u64> {
    let originals = connection.sent_by(end).filter_map(|s| s.facts.again?.original);
    let taken = |number: &u64| {
        connection.numbered(*number).is_some_and(|s| matches!(s.arrival, Arrival::At(_)) && s.dropped.is_none())
    };
    originals.filter(taken).collect()
}

/// The SACK blocks of a segment, relative as its acknowledgement is.
fn blocks(segment: &Segment) -> Vec<(i64, i64)> {
    let relative = |seq: limpid_wire::SeqNum| segment.facts.ack + i64::from(seq.offset_from(segment.tcp.ack));
    let pair = |block: &SackBlock| (relative(block.left()), relative(block.right()));
    segment.tcp.options.sack.iter().map(pair).collect()
}

/// Goes through a direction's segments in the order in which they pass.
#[derive(Default)]
struct Follower {
    direction: Direction,
    /// Numbers of segments that are known to have arrived, and were sent again.
    arrived: HashSet<u64>,
    /// Where all that passed ends.
    max: i64,
    acked: i64,
    /// Number of its FIN, if it sent one.
    fin: Option<i64>,
    sacked: i64,
    blocks: Vec<(i64, i64)>,
    window: Option<u64>,
    /// Where what was sent once ends, when, and as which packet.
    pending: VecDeque<(i64, Instant, bool)>,
}

impl Follower {
    fn data(&mut self, at: Instant, segment: &Segment) {
        let (low, len) = (segment.facts.seq, i64::from(segment.tcp.len));
        let mark =
            |low: i64, high: i64, sign| Mark { at, low: low as f64, high: high as f64, sign, segment: segment.number };
        let end = low + i64::from(segment.tcp.seq_len());
        let again = segment.facts.again;
        let mut marks = Vec::new();
        if segment.copy {
            return;
        }
        if segment.is(TcpFlags::RST) {
            marks.push(mark(low.max(self.max), low.max(self.max), Sign::Reset));
        } else if matches!(segment.facts.kind, Kind::KeepAlive) {
            marks.push(mark(low, low, Sign::KeepAlive));
        } else if matches!(segment.facts.kind, Kind::WindowProbe) {
            marks.push(mark(low, low + len, Sign::WindowProbe));
        } else if end > low {
            self.direction.segments += u64::from(len > 0);
            if let Some(again) = again {
                match (len > 0, segment.is(TcpFlags::SYN)) {
                    (true, _) => self.direction.again += 1,
                    (false, is_syn) => self.direction.signs_again[usize::from(!is_syn)] += 1,
                }
                let needless =
                    segment.facts.needless || again.original.is_some_and(|original| self.arrived.contains(&original));
                let sign = Sign::Again { cause: cause(again.cause), needless };
                marks.push(mark(low, end, sign));
            } else if len > 0 {
                let pushed = segment.is(TcpFlags::PSH);
                let sign = if segment.facts.late { Sign::OutOfOrder } else { Sign::Data { pushed } };
                // Data that a SYN carries comes after it.
                let begin = low + i64::from(segment.is(TcpFlags::SYN));
                marks.push(mark(begin, begin + len, sign));
            }
            if segment.is(TcpFlags::SYN) {
                marks.push(mark(low, low + 1, Sign::Syn));
            }
            if segment.is(TcpFlags::FIN) {
                marks.push(mark(low + len, end, Sign::Fin));
            }
            self.passed(at, segment, end, again.is_some());
        }
        if segment.arrival.is_lost() && end > low {
            marks.push(mark(end, end, Sign::Lost));
        }
        self.direction.marks.extend(marks);
    }

    /// Sequence numbers up to `end` passed.
    fn passed(&mut self, at: Instant, segment: &Segment, end: i64, again: bool) {
        if segment.tcp.len > 0 {
            self.direction.sent.push((at, u64::from(segment.tcp.len)));
        }
        if again {
            // An acknowledgement of what was sent twice may be of either (Karn).
            self.pending.iter_mut().filter(|(pending, ..)| *pending > segment.facts.seq).for_each(|p| p.2 = true);
        } else if end > self.max {
            self.pending.push_back((end, at, false));
            if self.pending.len() > MAX_PENDING {
                self.pending.pop_front();
            }
        }
        self.max = self.max.max(end);
        self.flight(at, segment.number);
    }

    fn flight(&mut self, at: Instant, number: u64) {
        let value = (self.max - self.acked - self.sacked).max(0) as f64;
        self.direction.outstanding.push(Point { at, value, segment: Some(number) });
    }

    fn answer(&mut self, at: Instant, segment: &Segment) {
        if !segment.is(TcpFlags::ACK) || segment.dropped.is_some() {
            return;
        }
        let (ack, number) = (segment.facts.ack, Some(segment.number));
        let mark =
            |low: i64, high: i64, sign| Mark { at, low: low as f64, high: high as f64, sign, segment: segment.number };
        if ack > self.acked {
            // The SYN's and the FIN's numbers are no data.
            let (before, now) = (self.acked.max(1), self.fin.map_or(ack, |fin| ack.min(fin)));
            if now > before {
                self.direction.delivered.push((at, (now - before) as u64));
            }
            self.acked = ack;
            self.round_trip(at, segment.number);
        } else if segment.facts.kind == Kind::DuplicateAck {
            self.direction.marks.push(mark(ack, ack, Sign::DuplicateAck));
        }
        self.direction.acked.push(Point { at, value: self.acked as f64, segment: number });
        if segment.is(TcpFlags::RST) {
            return;
        }
        self.window(at, segment);
        self.selective(at, segment);
        self.flight(at, segment.number);
    }

    fn window(&mut self, at: Instant, segment: &Segment) {
        let (window, number) = (segment.facts.window, Some(segment.number));
        // One of an ACK that others overtook is no news.
        let edge = (segment.facts.ack as f64 + window as f64).max(0.0);
        self.direction.allowed.push(Point { at, value: edge, segment: number });
        self.direction.window.push(Point { at, value: window as f64, segment: number });
        if window == 0 && self.window != Some(0) && !segment.is(TcpFlags::SYN) {
            let ack = segment.facts.ack as f64;
            self.direction.marks.push(Mark {
                at,
                low: ack,
                high: ack,
                sign: Sign::ZeroWindow,
                segment: segment.number,
            });
        }
        self.window = Some(window);
    }

    /// What SACK says that is new.
    fn selective(&mut self, at: Instant, segment: &Segment) {
        let mut blocks = blocks(segment);
        let mut marks = Vec::new();
        let mark = |(low, high): (i64, i64), sign| Mark {
            at,
            low: low as f64,
            high: high as f64,
            sign,
            segment: segment.number,
        };
        if let Some(twice) = sack::duplicate(segment.facts.ack, &blocks) {
            marks.push(mark(twice, Sign::DuplicateSack));
            blocks.remove(0);
        }
        let new = blocks.iter().filter(|block| !self.blocks.contains(block));
        marks.extend(new.map(|block| mark(*block, Sign::Sack)));
        self.sacked = blocks.iter().map(|(left, right)| (right - (*left).max(self.acked)).max(0)).sum();
        self.blocks = blocks;
        self.direction.marks.extend(marks);
    }

    /// The newest segment that is acknowledged, and was sent once, gives a round trip.
    fn round_trip(&mut self, at: Instant, number: u64) {
        let mut newest = None;
        while let Some(&(_, sent, doubtful)) = self.pending.front().filter(|(end, ..)| *end <= self.acked) {
            self.pending.pop_front();
            newest = (!doubtful).then_some(sent);
        }
        if let (Some(sent), false) = (newest, self.direction.at_receiver) {
            let value = at.since(sent).as_secs_f64();
            self.direction.rtt.push(Point { at, value, segment: Some(number) });
        }
    }
}

const fn cause(cause: flows::Cause) -> Cause {
    match cause {
        flows::Cause::NoAnswer | flows::Cause::Rto => Cause::Timeout,
        flows::Cause::Fast | flows::Cause::PartialAck | flows::Cause::Rack => Cause::Fast,
        flows::Cause::Probe => Cause::Probe,
        flows::Cause::AfterRto => Cause::AfterTimeout,
        flows::Cause::PathMtu | flows::Cause::Copy | flows::Cause::Unknown => Cause::Unknown,
    }
}
