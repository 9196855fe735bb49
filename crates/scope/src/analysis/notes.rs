//! Gives each note of a trace to the connection that it speaks of.

use super::connection::{Connection, Noted, Segment};
use super::packet::Tcp;
use crate::trace::{Arrival, Note, Trace, What};
use limpid_event::{DropReason, Event, FlowId, Instant};
use limpid_wire::{SeqNum, TcpFlags};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// The most connections that one remark is shown at.
const MAX_SHARED: usize = 16;
/// The most remarks without a flow that are sorted out; those after are left out.
const MAX_LOOSE: usize = 2_000;

/// The most packets that arrive at one moment among which the one that was dropped is looked for.
const MAX_CANDIDATES: usize = 512;

/// A connection, and one of its ends.
type Place = (usize, usize);

/// Gives out all notes.
pub(super) fn attach(trace: &Trace, connections: &mut [Connection]) {
    let flows = flows(trace, connections);
    let arrivals = arrivals(connections);
    let spans: Vec<Span> = connections.iter().map(Span::of).collect();
    let taken = taken(trace, &flows);
    let mut loose = 0;
    let mut heard = Heard::default();
    for (index, note) in trace.notes.iter().enumerate() {
        let named = flows.get(&(note.host, note.flow)).copied();
        heard.note(note);
        if is_about_a_packet(note, named, &arrivals, (&heard, &taken), (trace, &mut *connections)) {
            continue;
        }
        match named {
            Some((at, end)) => connections[at].notes.push(Noted { end, note: index }),
            None if is_loose(note) && loose < MAX_LOOSE => {
                loose += 1;
                for (at, end) in concerned(&spans, note) {
                    connections[at].notes.push(Noted { end, note: index });
                }
            }
            None => {}
        }
    }
}

/// A remark, or a drop, of no connection in particular.
fn is_loose(note: &Note) -> bool {
    note.flow == FlowId::NONE
        && matches!(note.what, What::App(_) | What::Differs(_) | What::Event(Event::Dropped { .. }))
}

/// A packet that arrived at this very moment was thrown away: that is told of the packet.
fn is_about_a_packet(
    note: &Note,
    named: Option<Place>,
    arrivals: &HashMap<usize, Arrivals>,
    (heard, taken): (&Heard, &Taken),
    (trace, connections): (&Trace, &mut [Connection]),
) -> bool {
    let What::Event(Event::Dropped { why }) = note.what else { return false };
    let Some(candidates) = at_or_just_before(arrivals.get(&note.host), note.at) else { return false };
    let candidates = &candidates[..candidates.len().min(MAX_CANDIDATES)];
    let segment = |(at, segment): (usize, usize)| &connections[at].segments[segment];
    let addresses = trace.hosts.get(note.host).map_or(&[][..], |host| &host.addresses);
    let free = |&&(at, index): &&(usize, usize)| {
        let (connection, segment) = (&connections[at], &connections[at].segments[index]);
        let end = Connection::peer(segment.from);
        let is_another = match why {
            DropReason::NotForUs => addresses.contains(&connection.ends[end].endpoint.addr),
            DropReason::NoConnection => note.flow == FlowId::NONE && taken.contains(&(note.at, (at, end))),
            _ => false,
        };
        segment.dropped.is_none() && !is_another
    };
    let of_flow = |&&(at, _): &&(usize, usize)| named.is_some_and(|(named, _)| named == at);
    let told = heard.last(note);
    let alike = |looks: Looks| candidates.iter().filter(move |place| Looks::of(segment(**place)) == looks);
    if named.is_none() && told.is_some_and(|(looks, _)| alike(looks).next().is_none()) {
        // None of these: the packet is not in the trace.
        return false;
    }
    let received = told.and_then(|(looks, nth)| alike(looks).nth(nth - 1).filter(free));
    let found = received.or_else(|| candidates.iter().filter(free).find(of_flow));
    let found = found.or_else(|| candidates.iter().find(free)).copied();
    if let Some((at, segment)) = found {
        connections[at].segments[segment].dropped = Some(why);
    }
    found.is_some()
}

/// Which ends spoke of themselves at moments when something was dropped that belongs to no connection: they took what they got.
type Taken = HashSet<(Instant, Place)>;

fn taken(trace: &Trace, flows: &HashMap<(usize, FlowId), Place>) -> Taken {
    let is_drop = |note: &&Note| note.flow == FlowId::NONE && matches!(note.what, What::Event(Event::Dropped { .. }));
    let drops: HashSet<(usize, Instant)> =
        trace.notes.iter().filter(is_drop).map(|note| (note.host, note.at)).collect();
    let told = trace.notes.iter().filter(|note| matches!(note.what, What::Event(_)));
    let told = told.filter(|note| drops.contains(&(note.host, note.at)));
    told.filter_map(|note| Some((note.at, *flows.get(&(note.host, note.flow))?))).collect()
}

/// What tells one segment from others that come at the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Looks {
    seq: SeqNum,
    ack: SeqNum,
    flags: TcpFlags,
    len: u32,
}

impl Looks {
    fn of(segment: &Segment) -> Looks {
        let Tcp { seq, ack, flags, len, .. } = segment.tcp;
        Looks { seq, ack, flags, len }
    }
}

/// What engines have taken in at the present moment: of a drop, the segment taken last is meant.
#[derive(Default)]
struct Heard {
    at: Instant,
    /// How often each has come, of each host.
    times: HashMap<(usize, Looks), usize>,
    /// The last of each host and flow.
    last: HashMap<(usize, FlowId), Looks>,
}

impl Heard {
    fn note(&mut self, note: &Note) {
        let What::Event(Event::Received { segment }) = &note.what else { return };
        if self.at != note.at {
            *self = Heard { at: note.at, ..Heard::default() };
        }
        let looks = Looks { seq: segment.seq, ack: segment.ack, flags: segment.flags, len: segment.len };
        *self.times.entry((note.host, looks)).or_default() += 1;
        self.last.insert((note.host, note.flow), looks);
    }

    /// What a drop is about, and which of several that look the same, from 1.
    fn last(&self, drop: &Note) -> Option<(Looks, usize)> {
        let looks = *self.last.get(&(drop.host, drop.flow)).filter(|_| self.at == drop.at)?;
        Some((looks, *self.times.get(&(drop.host, looks))?))
    }
}

/// Which connection and end each flow of each host is.
fn flows(trace: &Trace, connections: &[Connection]) -> HashMap<(usize, FlowId), Place> {
    let mut flows = HashMap::new();
    let mut by_ends: HashMap<_, Vec<Place>> = HashMap::new();
    for (at, connection) in connections.iter().enumerate() {
        for segment in &connection.segments {
            let flow = trace.packets[segment.packet].flow;
            if flow != FlowId::NONE {
                flows.entry((connection.ends[segment.from].host, flow)).or_insert((at, segment.from));
            }
        }
        for end in 0..2 {
            let (own, peer) = (&connection.ends[end], &connection.ends[Connection::peer(end)]);
            by_ends.entry((own.host, own.endpoint, peer.endpoint)).or_default().push((at, end));
        }
    }
    // A flow that never sent a packet is found by its endpoints; of several, the first that began no earlier.
    for note in trace.notes.iter().filter(|note| note.flow != FlowId::NONE) {
        if let What::Event(Event::Opened { local, remote, .. }) = &note.what
            && !flows.contains_key(&(note.host, note.flow))
            && let Some(places) = by_ends.get(&(note.host, *local, *remote))
        {
            let later = places.partition_point(|(at, _)| connections[*at].began < note.at);
            flows.insert((note.host, note.flow), places[later.min(places.len() - 1)]);
        }
    }
    flows
}

/// The segments that arrived at an instant: connection and index.
type Arrivals = BTreeMap<Instant, Vec<(usize, usize)>>;

/// In real time an engine takes a packet a little after it was seen to arrive.
const JUST_BEFORE: Duration = Duration::from_millis(1);

fn at_or_just_before(arrivals: Option<&Arrivals>, at: Instant) -> Option<&Vec<(usize, usize)>> {
    let (when, segments) = arrivals?.range(..=at).next_back()?;
    (at.since(*when) <= JUST_BEFORE).then_some(segments)
}

/// Which segments arrived at a host, and when.
fn arrivals(connections: &[Connection]) -> HashMap<usize, Arrivals> {
    let mut arrivals: HashMap<usize, Arrivals> = HashMap::new();
    for (at, connection) in connections.iter().enumerate() {
        for (index, segment) in connection.segments.iter().enumerate() {
            if let Arrival::At(time) = segment.arrival {
                let to = connection.ends[Connection::peer(segment.from)].host;
                arrivals.entry(to).or_default().entry(time).or_default().push((at, index));
            }
        }
    }
    arrivals
}

/// When a connection lived, between whom.
struct Span {
    hosts: [usize; 2],
    ports: [u16; 2],
    began: Instant,
    ended: Instant,
}

impl Span {
    fn of(connection: &Connection) -> Span {
        let [left, right] = &connection.ends;
        Span {
            hosts: [left.host, right.host],
            ports: [left.endpoint.port, right.endpoint.port],
            began: connection.began,
            ended: connection.ended(),
        }
    }

    /// How far away from its life `at` is.
    fn distance(&self, at: Instant) -> std::time::Duration {
        self.began.since(at).max(at.since(self.ended))
    }
}

/// Which connections a note without a flow is about. A remark that begins with a port ("40001: connected") is about the
/// connection with that port; others are about all that live at its time, or else about the nearest in time.
fn concerned(spans: &[Span], note: &Note) -> Vec<Place> {
    let port = match &note.what {
        What::App(text) => text.split_once(':').and_then(|(port, _)| port.parse::<u16>().ok()),
        What::Event(_) | What::Differs(_) => None,
    };
    let of_host = || {
        let place = |(at, span): (usize, &Span)| Some((at, span.hosts.iter().position(|host| *host == note.host)?));
        spans.iter().enumerate().filter_map(place)
    };
    let has_port = |(at, _): &Place| port.is_some_and(|port| spans[*at].ports.contains(&port));
    let named = of_host().any(|place| has_port(&place));
    let pool = || of_host().filter(|place| !named || has_port(place));
    let living: Vec<Place> = pool().filter(|(at, _)| spans[*at].distance(note.at).is_zero()).take(MAX_SHARED).collect();
    if !living.is_empty() {
        return living;
    }
    pool().min_by_key(|(at, _)| spans[*at].distance(note.at)).into_iter().collect()
}
