//! Sorts a trace's packets and notes into connections.

use super::packet::{Content, IcmpError, Tcp, dissect};
use super::sequence::Facts;
use super::states::StateChange;
use crate::flows::{Kind, ResetCause};
use crate::trace::{Arrival, Trace, View, What};
use limpid_event::{DropReason, Event, FlowId, Instant, Opening, TxReason};
use limpid_wire::{Endpoint, SeqNum, TcpFlags};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// One connection: from the first SYN of a port pair until it is used again.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Left and right, in the order of the hosts.
    pub(crate) ends: [End; 2],
    /// When its first packet left.
    pub(crate) began: Instant,
    /// Which end sent the first SYN; where none was seen, the first packet.
    pub(crate) opener: usize,
    /// In the order of the trace.
    pub(crate) segments: Vec<Segment>,
    /// Places of the segments in the order of their numbers, where that is another one: a trace that knows when packets left
    /// has them in that order, though the capture saw them in its own.
    by_number: Vec<usize>,
    /// Number of its first reset that counts, and why it was sent, as far as packets tell.
    pub(crate) reset: Option<(u64, ResetCause)>,
    /// The handshake's round trip, as the survey of one place tells it; `None` where both ends' packets are known.
    pub(crate) round_trip: Option<Duration>,
    /// ICMP errors about it.
    pub(crate) errors: Vec<IcmpSeen>,
    /// What its hosts told about it, in order.
    pub(crate) notes: Vec<Noted>,
    /// The connection before it on the same endpoints, as an index.
    pub(crate) before: Option<usize>,
    /// Connections with the same endpoints have the same number.
    pub(crate) pair: usize,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) host: usize,
    pub(crate) view: View,
    pub(crate) endpoint: Endpoint,
    /// Its initial sequence number, if the SYN was seen.
    pub(crate) isn: Option<SeqNum>,
    /// What relative sequence numbers count from.
    pub(crate) base: Option<SeqNum>,
    /// Relative sequence number of its FIN.
    pub(crate) fin: Option<i64>,
    pub(crate) states: Vec<StateChange>,
}

/// A segment of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Index in the trace's packets.
    pub(crate) packet: usize,
    /// Number for people.
    pub(crate) number: u64,
    /// Index of the sending end.
    pub(crate) from: usize,
    pub(crate) sent_at: Instant,
    pub(crate) arrival: Arrival,
    pub(crate) tcp: Tcp,
    pub(crate) why: Option<TxReason>,
    pub(crate) copy: bool,
    /// The receiver threw it away.
    pub(crate) dropped: Option<DropReason>,
    pub(crate) facts: Facts,
}

/// An ICMP error about a connection.
#[derive(Clone, Debug)]
pub(crate) struct IcmpSeen {
    /// Index in the trace's packets.
    pub(crate) packet: usize,
    pub(crate) number: u64,
    /// Index of the end it went to.
    pub(crate) to: usize,
    /// Index of the end that sent it; `None` for somebody else, as a router.
    pub(crate) from: Option<usize>,
    pub(crate) sent_at: Instant,
    pub(crate) arrival: Arrival,
    pub(crate) error: IcmpError,
}

/// A note that belongs to a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted {
    /// Index of the end.
    pub(crate) end: usize,
    /// Index in the trace's notes.
    pub(crate) note: usize,
}

impl Connection {
    /// The other end.
    pub(crate) fn peer(end: usize) -> usize {
        1 - end
    }

    /// The segments that `end` sent.
    pub(crate) fn sent_by(&self, end: usize) -> impl DoubleEndedIterator<Item = &Segment> {
        self.segments.iter().filter(move |s| s.from == end)
    }

    /// Where the segment with this number is.
    pub(crate) fn index_of(&self, number: u64) -> Option<usize> {
        if self.by_number.is_empty() {
            return self.segments.binary_search_by_key(&number, |segment| segment.number).ok();
        }
        let at = self.by_number.binary_search_by_key(&number, |at| self.segments[*at].number).ok()?;
        Some(self.by_number[at])
    }

    /// To be called when all segments are there.
    fn note_order(&mut self) {
        if !self.segments.is_sorted_by_key(|segment| segment.number) {
            self.by_number = (0..self.segments.len()).collect();
            self.by_number.sort_by_key(|at| self.segments[*at].number);
        }
    }

    /// The segment with this number.
    pub(crate) fn numbered(&self, number: u64) -> Option<&Segment> {
        self.segments.get(self.index_of(number)?)
    }

    /// The notes of `end`, as recorded.
    pub(crate) fn told<'t>(&self, trace: &'t Trace, end: usize) -> impl Iterator<Item = (Instant, &'t What)> {
        self.notes.iter().filter(move |n| n.end == end).map(|n| (trace.notes[n.note].at, &trace.notes[n.note].what))
    }

    /// The engine's events of `end`.
    pub(crate) fn events<'t>(&self, trace: &'t Trace, end: usize) -> impl Iterator<Item = (Instant, &'t Event)> {
        self.told(trace, end).filter_map(|(at, what)| match what {
            What::Event(event) => Some((at, event)),
            What::App(_) | What::Differs(_) => None,
        })
    }

    /// When its last packet ended.
    pub(crate) fn ended(&self) -> Instant {
        self.segments.iter().map(|s| s.arrival.time().unwrap_or(s.sent_at).max(s.sent_at)).max().unwrap_or(self.began)
    }
}

impl Segment {
    pub(crate) fn is(&self, flags: TcpFlags) -> bool {
        self.tcp.is(flags)
    }

    /// True if any of `flags` is set.
    pub(crate) fn flags_any(&self, flags: TcpFlags) -> bool {
        self.tcp.flags.intersects(flags)
    }

    /// True for a keepalive or a zero-window probe.
    pub(crate) fn is_probe(&self) -> bool {
        matches!(self.facts.kind, Kind::KeepAlive | Kind::WindowProbe)
    }

    pub(crate) fn is_syn(&self) -> bool {
        self.is(TcpFlags::SYN) && !self.is(TcpFlags::ACK)
    }

    pub(crate) fn is_syn_ack(&self) -> bool {
        self.is(TcpFlags::SYN | TcpFlags::ACK)
    }

    /// When it reached its receiver and was taken.
    pub(crate) fn taken_at(&self) -> Option<Instant> {
        self.arrival.time().filter(|_| self.dropped.is_none())
    }
}

/// The endpoints of a connection, the lower one first.
pub(crate) type Pair = (Endpoint, Endpoint);

pub(crate) fn pair_of(a: Endpoint, b: Endpoint) -> Pair {
    if a <= b { (a, b) } else { (b, a) }
}

/// Sorts all packets and notes of `trace`.
pub(crate) fn sort_out(trace: &Trace) -> Vec<Connection> {
    let mut sorter = Sorter { trace, connections: Vec::new(), current: HashMap::new(), pairs: 0 };
    for index in 0..trace.packets.len() {
        sorter.packet(index);
    }
    sorter.silent_failures();
    let mut connections = sorter.connections;
    connections.iter_mut().for_each(Connection::note_order);
    super::notes::attach(trace, &mut connections);
    connections
}

struct Sorter<'t> {
    trace: &'t Trace,
    connections: Vec<Connection>,
    /// The newest connection of each port pair.
    current: HashMap<Pair, usize>,
    pairs: usize,
}

impl Sorter<'_> {
    fn packet(&mut self, index: usize) {
        match dissect(&self.trace.packets[index].bytes) {
            Content::Tcp(tcp) => self.segment(index, tcp),
            Content::Icmp(error) => self.icmp(index, error),
            Content::Other => {}
        }
    }

    fn segment(&mut self, index: usize, tcp: Tcp) {
        let packet = &self.trace.packets[index];
        let key = pair_of(tcp.src, tcp.dst);
        let at = match self.current.get(&key).copied() {
            Some(at) if !opens_anew(&self.connections[at], &tcp) => at,
            earlier => self.open(index, key, &tcp, earlier),
        };
        let connection = &mut self.connections[at];
        let from = usize::from(connection.ends[0].endpoint != tcp.src);
        if tcp.is(TcpFlags::SYN) {
            if connection.segments.iter().all(|s| !s.is(TcpFlags::SYN)) && !tcp.is(TcpFlags::ACK) {
                connection.opener = from;
            }
            connection.ends[from].isn.get_or_insert(tcp.seq);
        }
        connection.began = connection.began.min(packet.sent_at);
        connection.segments.push(Segment {
            packet: index,
            number: packet.number,
            from,
            sent_at: packet.sent_at,
            arrival: packet.arrival,
            tcp,
            why: packet.why,
            copy: packet.copy,
            dropped: None,
            facts: Facts::default(),
        });
    }

    /// Adds a connection whose first segment this is; `earlier` had the same endpoints.
    fn open(&mut self, index: usize, key: Pair, tcp: &Tcp, earlier: Option<usize>) -> usize {
        let packet = &self.trace.packets[index];
        let (src, dst) = (self.end(packet.from, tcp.src), self.end(packet.to, tcp.dst));
        // What the peer of a SYN-ACK seen first sent is not here, but it opened.
        let opens = !tcp.is(TcpFlags::SYN | TcpFlags::ACK);
        self.add(key, packet.sent_at, if opens { [src, dst] } else { [dst, src] }, earlier)
    }

    fn end(&self, host: usize, endpoint: Endpoint) -> End {
        let view = self.trace.hosts.get(host).map_or(View::Estimated, |h| h.view);
        End { host, view, endpoint, isn: None, base: None, fin: None, states: Vec::new() }
    }

    /// Adds a connection that the first of `ends` opened.
    fn add(&mut self, key: Pair, began: Instant, ends: [End; 2], earlier: Option<usize>) -> usize {
        let pair = earlier.map_or(self.pairs, |at| self.connections[at].pair);
        self.pairs += usize::from(earlier.is_none());
        let in_order = ends[0].host <= ends[1].host;
        let [first, second] = ends;
        self.connections.push(Connection {
            ends: if in_order { [first, second] } else { [second, first] },
            began,
            opener: usize::from(!in_order),
            segments: Vec::new(),
            by_number: Vec::new(),
            reset: None,
            round_trip: None,
            errors: Vec::new(),
            notes: Vec::new(),
            before: earlier,
            pair,
        });
        let at = self.connections.len() - 1;
        self.current.insert(key, at);
        at
    }

    /// Connects that failed before a packet could leave, as without a route: engines alone can tell of them.
    fn silent_failures(&mut self) {
        let trace = self.trace;
        let failed: HashSet<(usize, FlowId)> = (trace.notes.iter())
            .filter(|n| n.flow != FlowId::NONE && matches!(n.what, What::Event(Event::Ended { error: Some(_) })))
            .map(|n| (n.host, n.flow))
            .collect();
        for note in trace.notes.iter().filter(|n| failed.contains(&(n.host, n.flow))) {
            let What::Event(Event::Opened { local, remote, opening: Opening::Active }) = note.what else { continue };
            let key = pair_of(local, remote);
            if !self.current.contains_key(&key) {
                let peer = trace.host_of(remote.addr).unwrap_or(note.host);
                let ends = [self.end(note.host, local), self.end(peer, remote)];
                self.add(key, note.at, ends, None);
            }
        }
    }

    fn icmp(&mut self, index: usize, error: IcmpError) {
        let Some(&at) = self.current.get(&pair_of(error.about.0, error.about.1)) else { return };
        let packet = &self.trace.packets[index];
        let connection = &mut self.connections[at];
        let to = usize::from(connection.ends[0].endpoint != error.about.0);
        let peer = Connection::peer(to);
        let from = (connection.ends[peer].endpoint.addr == error.reporter).then_some(peer);
        connection.errors.push(IcmpSeen {
            packet: index,
            number: packet.number,
            to,
            from,
            sent_at: packet.sent_at,
            arrival: packet.arrival,
            error,
        });
    }
}

/// True if `tcp` begins another connection on the endpoints of `old`: a SYN with a new number after the old one ended
/// (RFC 9293 §3.6.1), or before it ever came about.
fn opens_anew(old: &Connection, tcp: &Tcp) -> bool {
    if !tcp.is(TcpFlags::SYN) || tcp.is(TcpFlags::ACK) {
        return false;
    }
    let from = usize::from(old.ends[0].endpoint != tcp.src);
    if old.ends[from].isn == Some(tcp.seq) {
        return false;
    }
    let any = |flags, end| old.sent_by(end).any(|s| s.is(flags));
    let reset = any(TcpFlags::RST, 0) || any(TcpFlags::RST, 1);
    let closed = any(TcpFlags::FIN, 0) && any(TcpFlags::FIN, 1);
    let never_opened = old.ends[from].isn.is_some() && old.segments.iter().all(Segment::is_syn);
    reset || closed || never_opened
}
