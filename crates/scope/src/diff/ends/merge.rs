//! One trace of both captures, by the client's clock.

use super::matching::{Crossing, Way};
use super::{Calls, Clock, Ends, Seen, Side};
use crate::trace::{Arrival, Packet, Trace, View};
use limpid_event::{FlowId, Instant, LinkFate};
use limpid_wire::{Endpoint, TcpFlags};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A packet of the merged trace, before it has its number.
struct Merged {
    /// When it left and when it came, by the client's clock in nanoseconds since 1970.
    left: i64,
    came: Option<i64>,
    from: usize,
    bytes: Vec<u8>,
    fate: Fate,
    /// Its numbers at the client's end and at the server's.
    numbers: [Option<u64>; 2],
    overtaken: bool,
    /// Half of the time that a packet takes.
    half_way: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Came,
    Lost,
    /// It arrived, but the capture there lacks it.
    Missed,
    /// It arrived, as its acknowledgement shows, while the other capture was not running.
    Acknowledged,
    /// The other capture was not running.
    Unknown,
    /// It was never seen to leave.
    Inserted,
    Copy,
}

pub(super) fn merge(ends: &mut Ends, ways: &[Way<'_>; 2], sides: [&Side; 2], calls: Calls<'_>) {
    let clock = ends.clock.unwrap_or(Clock { ahead: 0, at: 0, drift_ppm: 0.0 });
    let mut merged: Vec<Merged> = Vec::new();
    for (from, way) in ways.iter().enumerate() {
        let acknowledged = ways[1 - from].acknowledged();
        let mut pieces: Vec<Piece> = (way.crossings.iter())
            .filter_map(|c| way.range(c).map(|(start, end)| Piece { start, end, left: c.left, came: c.came.is_some() }))
            .collect();
        pieces.sort_unstable_by_key(|piece| (piece.start, piece.end));
        let one_way = one_way(way, from, clock);
        let mut merger = Merger { from, way, clock, sides, calls, one_way, acknowledged, pieces, misses: false };
        merger.misses =
            lacks_own(&ways[1 - from]) || way.crossings.iter().any(|crossing| merger.is_missed_there(crossing));
        merged.extend(merger.merge());
        ends.ways[from].recut = recut(way);
    }
    merged.sort_by_key(|packet| packet.left);
    let began = merged.first().map_or(0, |packet| packet.left);
    let instant =
        |time: i64| Instant::ZERO + Duration::from_nanos(u64::try_from(time.saturating_sub(began)).unwrap_or(0));
    let mut trace = Trace { epoch: u64::try_from(began).unwrap_or(0), ..Trace::default() };
    trace.add_host("client", vec![ends.connection[0].addr], View::Observed);
    trace.add_host("server", vec![ends.connection[1].addr], View::Observed);
    for (packet, number) in merged.into_iter().zip(1..) {
        let direction = &mut ends.ways[packet.from];
        match packet.fate {
            Fate::Came | Fate::Acknowledged => {}
            Fate::Lost => direction.lost.push(number),
            Fate::Missed => direction.missed.push(number),
            Fate::Unknown => direction.unknown.push(number),
            Fate::Inserted => direction.inserted.push(number),
            Fate::Copy => direction.copies.push(number),
        }
        if packet.overtaken {
            direction.overtaken.push(number);
        }
        let sent_at = instant(packet.left);
        let arrival = match (packet.came, packet.fate) {
            (Some(came), _) => Arrival::At(instant(came)),
            (None, Fate::Lost) => Arrival::Lost { at: sent_at + packet.half_way, fate: LinkFate::Lost },
            (None, Fate::Acknowledged) => Arrival::Estimated(sent_at + packet.half_way * 2),
            (None, _) => Arrival::Unknown,
        };
        let [client, server] = packet.numbers;
        ends.numbers.push(if ends.client_side == 0 { [client, server] } else { [server, client] });
        trace.packets.push(Packet {
            number,
            from: packet.from,
            to: 1 - packet.from,
            sent_at,
            arrival,
            bytes: packet.bytes,
            flow: FlowId::NONE,
            why: None,
            copy: packet.fate == Fate::Copy,
        });
    }
    trace.end = trace.last_moment();
    ends.trace = trace;
}

/// True if the sender's capture lacks packets of its own end that came to the other. Resets may be another's.
fn lacks_own(way: &Way<'_>) -> bool {
    let twins: HashSet<Twin> =
        way.crossings.iter().filter_map(|c| c.left.and(c.came)).map(|came| Twin::of(way.received[came])).collect();
    let mut strangers = way.crossings.iter().filter(|c| c.left.is_none()).filter_map(|c| c.came);
    strangers.any(|came| !way.received[came].tcp.is(TcpFlags::RST) && !twins.contains(&Twin::of(way.received[came])))
}

/// Segments whose pieces crossed one by one.
fn recut(way: &Way<'_>) -> u64 {
    let mut pieces: HashMap<usize, u32> = HashMap::new();
    let mut parts: HashMap<usize, u32> = HashMap::new();
    for (left, came) in way.crossings.iter().filter_map(|c| Some((c.left?, c.came?))) {
        *pieces.entry(left).or_default() += 1;
        *parts.entry(came).or_default() += 1;
    }
    let several = |map: &HashMap<usize, u32>| map.values().filter(|n| **n > 1).count() as u64;
    several(&pieces) + several(&parts)
}

/// The median time from one capture to the other, in nanoseconds.
fn one_way(way: &Way<'_>, from: usize, clock: Clock) -> i64 {
    let client = |seen: &Seen, end: usize| if end == 0 { seen.time } else { clock.to_client(seen.time) };
    let mut took: Vec<i64> =
        way.matched().map(|(left, came)| client(came, 1 - from).saturating_sub(client(left, from))).collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or(0).max(0)
}

/// A piece of the stream that either capture holds.
struct Piece {
    start: i64,
    end: i64,
    /// Its packet in the sender's capture.
    left: Option<usize>,
    /// The receiver's capture holds it.
    came: bool,
}

struct Merger<'m, 'c> {
    from: usize,
    way: &'m Way<'c>,
    clock: Clock,
    /// The client's and the server's.
    sides: [&'m Side; 2],
    calls: Calls<'m>,
    one_way: i64,
    /// Up to where the receiver ever acknowledged what this end sent.
    acknowledged: i64,
    /// What takes numbers, by where it begins.
    pieces: Vec<Piece>,
    /// The receiver's capture lacks some that arrived.
    misses: bool,
}

impl Merger<'_, '_> {
    /// A time of the capture at `end`, by the client's clock.
    fn time(&self, time: i64, end: usize) -> i64 {
        if end == 0 { time } else { self.clock.to_client(time) }
    }

    fn merge(&self) -> Vec<Merged> {
        let overtaken = self.overtaken();
        let mut first_of: HashMap<Twin, usize> = HashMap::new();
        for (left, came) in self.way.crossings.iter().filter_map(|c| Some((c.left?, c.came?))) {
            first_of.entry(Twin::of(self.way.received[came])).or_insert(left);
        }
        // Where the pieces of each packet that left begin.
        let mut starts: HashMap<usize, i64> = HashMap::new();
        for (left, start) in self.way.crossings.iter().filter_map(|c| Some((c.left?, c.start))) {
            starts.entry(left).and_modify(|first| *first = start.min(*first)).or_insert(start);
        }
        let known = Known { first_of, overtaken, starts };
        self.way.crossings.iter().filter_map(|crossing| self.merged(crossing, &known)).collect()
    }

    fn merged(&self, c: &Crossing, known: &Known) -> Option<Merged> {
        let far = 1 - self.from;
        let came = c.came.map(|came| self.way.received[came]);
        let came_at = came.map(|seen| self.time(seen.time, far));
        let (left, fate) = match (c.left, came) {
            (Some(left), Some(_)) => (Some(self.way.sent[left]), Fate::Came),
            (Some(left), None) => {
                let seen = self.way.sent[left];
                let fate = match self.way.range(c) {
                    Some(_) if !self.was_running(seen) && self.is_missed(c) => Fate::Acknowledged,
                    _ if !self.was_running(seen) => Fate::Unknown,
                    Some(_) if self.is_missed(c) => Fate::Missed,
                    None if self.misses => Fate::Unknown,
                    // Nobody needed it sent again: that tells nothing.
                    Some(_) if self.misses && !self.is_sent_again(c) => Fate::Unknown,
                    _ => Fate::Lost,
                };
                (Some(seen), fate)
            }
            (None, Some(seen)) => match known.first_of.get(&Twin::of(seen)) {
                Some(&left) => (Some(self.way.sent[left]), Fate::Copy),
                None => (None, Fate::Inserted),
            },
            (None, None) => return None,
        };
        let seen = left.or(came)?;
        let left_at = match left {
            Some(left) => self.time(left.time, self.from),
            None => came_at?.saturating_sub(self.one_way),
        };
        let mut numbers = [None; 2];
        numbers[self.from] = left.filter(|_| fate != Fate::Copy).map(|seen| seen.number);
        numbers[far] = came.map(|seen| seen.number);
        Some(Merged {
            left: left_at,
            // An estimate that is off must not let a packet come before it left.
            came: came_at.map(|at| at.max(left_at)),
            from: self.from,
            bytes: self.bytes(seen, c, left.is_none(), known),
            fate,
            numbers,
            overtaken: c.came.is_some_and(|came| known.overtaken.contains(&came)),
            half_way: Duration::from_nanos(u64::try_from(self.one_way / 2).unwrap_or(0)),
        })
    }

    /// True if the receiver's capture lacks it and all that was sent of the same bytes, and yet they were acknowledged: then
    /// the last sending arrived.
    fn is_missed(&self, c: &Crossing) -> bool {
        c.came.is_none()
            && self.way.range(c).is_some_and(|(_, end)| end <= self.acknowledged)
            && self.alike(c).all(|piece| !piece.came)
            && !self.is_sent_again(c)
    }

    /// The same while the other capture was running: it misses packets.
    fn is_missed_there(&self, c: &Crossing) -> bool {
        self.is_missed(c) && c.left.is_some_and(|left| self.was_running(self.way.sent[left]))
    }

    /// True if bytes of it left later. What its end's capture lacks left at another time, most likely later.
    fn is_sent_again(&self, c: &Crossing) -> bool {
        self.alike(c).any(|piece| piece.left.is_none() || piece.left > c.left)
    }

    /// What has bytes of it, itself too.
    fn alike(&self, c: &Crossing) -> impl Iterator<Item = &Piece> {
        let (start, end) = self.way.range(c).unwrap_or_default();
        // No piece is longer than a packet.
        let first = self.pieces.partition_point(|piece| piece.start < start - (1 << 16));
        self.pieces[first..].iter().take_while(move |piece| piece.start < end).filter(move |piece| piece.end > start)
    }

    /// True if the other end's capture holds packets from before and after this one would have come there.
    fn was_running(&self, seen: &Seen) -> bool {
        let far = self.sides[1 - self.from];
        let due = self.time(seen.time, self.from).saturating_add(self.one_way);
        let within = |first: i64| self.time(first, 1 - self.from) <= due && due <= self.time(far.last, 1 - self.from);
        far.first.is_some_and(within)
    }

    /// Arrivals, as indices, before which something that left later had come.
    fn overtaken(&self) -> HashSet<usize> {
        let mut order: Vec<(usize, usize)> =
            self.way.crossings.iter().filter_map(|c| Some((c.came?, c.left?))).collect();
        order.sort_unstable();
        let mut newest = 0;
        let mut late = HashSet::new();
        for (came, left) in order {
            if left < newest {
                late.insert(came);
            }
            newest = newest.max(left);
        }
        late
    }

    /// The packet as the client's end would name it: addresses, ports and numbers of its capture, and the piece's bytes alone.
    fn bytes(&self, seen: &Seen, c: &Crossing, is_far: bool, known: &Known) -> Vec<u8> {
        let own = if is_far { 1 - self.from } else { self.from };
        let mut bytes = seen.bytes.clone();
        if own == 1 {
            let [src, dst] = [self.from, 1 - self.from].map(|end| self.calls[0].ends[end]);
            let shift = |end: usize| match (self.calls[0].isn[end], self.calls[1].isn[end]) {
                (Some(here), Some(there)) => here.0.wrapping_sub(there.0),
                _ => 0,
            };
            let ack = if seen.tcp.is(TcpFlags::ACK) { shift(1 - self.from) } else { 0 };
            readdress(&mut bytes, src, dst, (shift(self.from), ack));
        }
        if c.len != seen.tcp.len {
            let start = c.left.and_then(|left| known.starts.get(&left).copied()).unwrap_or(c.start);
            cut(&mut bytes, u32::try_from(c.start - start).unwrap_or(0), seen.tcp.len, c.len);
        }
        bytes
    }
}

/// What is known of all crossings of one way together.
struct Known {
    /// The packet, by its place among those that left, of which others are copies.
    first_of: HashMap<Twin, usize>,
    /// See [`Merger::overtaken`].
    overtaken: HashSet<usize>,
    /// Where the first piece of each packet that left begins.
    starts: HashMap<usize, i64>,
}

/// What a packet and a copy of it share.
#[derive(PartialEq, Eq, Hash)]
struct Twin {
    numbers: (u32, u32, u32),
    flags: u16,
    id: Option<u16>,
    clock: Option<u32>,
}

impl Twin {
    fn of(seen: &Seen) -> Twin {
        let tcp = &seen.tcp;
        let clock = tcp.options.timestamps.map(|stamps| stamps.val);
        Twin { numbers: (tcp.seq.0, tcp.ack.0, tcp.len), flags: tcp.flags.bits(), id: seen.id, clock }
    }
}

/// Where the TCP header begins, in a packet without IPv6 extensions.
fn tcp_at(bytes: &[u8]) -> Option<usize> {
    Some(match bytes.first()? >> 4 {
        4 => usize::from(bytes[0] & 15) * 4,
        _ => 40,
    })
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + what.len()) {
        place.copy_from_slice(what);
    }
}

fn add(bytes: &mut [u8], at: usize, n: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        let old = u32::from_be_bytes([place[0], place[1], place[2], place[3]]);
        place.copy_from_slice(&old.wrapping_add(n).to_be_bytes());
    }
}

/// Gives a packet other endpoints of the same family, and moves its numbers. Its checksums are not mended: nobody asks.
fn readdress(bytes: &mut [u8], src: Endpoint, dst: Endpoint, (seq, ack): (u32, u32)) {
    let Some(tcp) = tcp_at(bytes) else { return };
    let (at, len) = if bytes[0] >> 4 == 4 { (12, 4) } else { (8, 16) };
    for (endpoint, nth) in [(src, 0), (dst, 1)] {
        let octets = endpoint.addr.octets();
        put(bytes, at + nth * len, &octets[16 - len..]);
        put(bytes, tcp + nth * 2, &endpoint.port.to_be_bytes());
    }
    add(bytes, tcp + 4, seq);
    add(bytes, tcp + 8, ack);
}

/// Makes a packet one of `len` bytes of payload instead of `had`, from `skip` on. Payload itself is not moved: a trace shows
/// headers.
fn cut(bytes: &mut [u8], skip: u32, had: u32, len: u32) {
    let Some(tcp) = tcp_at(bytes) else { return };
    add(bytes, tcp + 4, skip);
    if skip + len < had {
        // FIN and PSH go with the last piece.
        if let Some(flags) = bytes.get_mut(tcp + 13) {
            *flags &= !0b1001;
        }
    }
    let field = if bytes[0] >> 4 == 4 { 2 } else { 4 };
    let Some(place) = bytes.get_mut(field..field + 2) else { return };
    let old = u32::from(u16::from_be_bytes([place[0], place[1]]));
    let new = old.saturating_sub(had).saturating_add(len);
    if let Ok(new) = u16::try_from(new) {
        place.copy_from_slice(&new.to_be_bytes());
    }
}
