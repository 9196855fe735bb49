//! A connection while its packets come: each is compared with those before it.
//!
//! RFC 9293 §3.4 (numbers), §3.8.4 (keepalive), §3.8.6.1 (zero-window probes); RFC 5681 §2 (duplicate ACK); RFC 7323 §2.2
//! (window scale).

use super::FlowsOptions;
use super::figures::{EndFigures, Sent, StateChange};
use super::flow::{Ending, Flow, Opening};
use super::key::FlowKey;
use super::pack::{pack_fields, pack_in_place};
use super::packet::{Options, Segment};
use super::records::{FEW, Record, Rings};
use super::sighting::{End, FlowNumber, Kind, Place, Sighting};
use super::stream::Stream;
use super::trouble::{IcmpTrouble, Stall, Trouble, TroubleKind};
use limpid_wire::{Endpoint, SeqNum, TcpFlags};
use std::collections::VecDeque;

/// A keepalive does not come sooner after what was sent before.
const KEEPALIVE_AFTER: i64 = 500_000_000;

/// A packet's place in the capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) number: u64,
    pub(super) time: i64,
    /// Its length on the link, bytes.
    pub(super) wire_len: u32,
}

/// A segment with what was found out about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'a> {
    pub(super) tcp: &'a Segment<'a>,
    pub(super) at: At,
    pub(super) from: End,
    pub(super) seq: i64,
    pub(super) ack: i64,
    pub(super) window: u64,
    pub(super) options: Options<'a>,
    pub(super) kind: Kind,
    /// Nothing in flight before it, by end.
    pub(super) quiet_before: [bool; 2],
}

impl Read<'_> {
    #[inline]
    pub(super) fn is(&self, flags: TcpFlags) -> bool {
        self.tcp.flags.contains(flags)
    }

    /// Sequence numbers that it takes.
    #[inline]
    pub(super) fn seq_len(&self) -> i64 {
        i64::from(self.tcp.len) + i64::from(self.is(TcpFlags::SYN)) + i64::from(self.is(TcpFlags::FIN))
    }

    #[inline]
    pub(super) fn end(&self) -> i64 {
        self.seq + self.seq_len()
    }
}

/// A connection that is followed.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: FlowKey,
    /// The key's higher endpoint is the client.
    client_is_high: bool,
    pub(super) streams: [Stream; 2],
    /// The last packet that was no probe, keepalive or answer to one.
    pub(super) progress: At,
    /// The last packet of each end.
    pub(super) last_of: [At; 2],
    /// When each end's packet before its last one was seen.
    pub(super) before_last_of: [i64; 2],
    /// Who opened its window last, and by which packet.
    pub(super) reopened: Option<(End, u64)>,
    /// It is over, and waits for what may still come.
    pub(super) lingers: bool,
    /// It waits for its turn to let go of its detail.
    pub(super) has_detail: bool,
    /// Where it is in the table.
    pub(super) slot: u32,
    /// Bytes of its detail, as the table has counted them.
    pub(super) counted: usize,
    pub(super) flow: Flow,
}

impl Entry {
    /// A connection whose first packet `tcp` is.
    pub(super) fn new(number: FlowNumber, tcp: &Segment<'_>, at: At) -> Entry {
        let client_is_high = client_is_high(tcp);
        let ends = endpoints(&tcp.key, client_is_high);
        let is_syn = tcp.flags.contains(TcpFlags::SYN);
        let flow = Flow::new(number, ends, is_syn, at.time, at.number);
        let nothing = At { number: 0, ..at };
        let last_of = [nothing; 2];
        Entry {
            key: tcp.key,
            client_is_high,
            streams: Default::default(),
            progress: at,
            last_of,
            before_last_of: [at.time; 2],
            reopened: None,
            lingers: false,
            has_detail: false,
            slot: 0,
            counted: 0,
            flow,
        }
    }

    /// Nobody's, to be made another.
    pub(super) fn blank() -> Entry {
        Entry::new(FlowNumber(0), &Segment::BLANK, At { number: 0, time: 0, wire_len: 0 })
    }

    /// The same in the memory of one that left, with its lists. Part by part: what is made apart and moved here as a whole is
    /// written twice.
    pub(super) fn renew(mut self: Box<Entry>, number: FlowNumber, tcp: &Segment<'_>, at: At) -> Box<Entry> {
        let Entry {
            key,
            client_is_high: is_high,
            streams,
            progress,
            last_of,
            before_last_of,
            reopened,
            lingers,
            has_detail,
            slot,
            counted,
            flow,
        } = &mut *self;
        (*key, *is_high) = (tcp.key, client_is_high(tcp));
        streams.iter_mut().for_each(|stream| *stream = Stream::default());
        (*progress, *last_of) = (at, [At { number: 0, ..at }; 2]);
        (*before_last_of, *reopened) = ([at.time; 2], None);
        (*lingers, *has_detail, *slot, *counted) = (false, false, 0, 0);
        flow.renew(number, endpoints(key, *is_high), tcp.flags.contains(TcpFlags::SYN), at.time, at.number);
        self
    }

    #[inline]
    pub(super) fn client_is_high(&self) -> bool {
        self.client_is_high
    }

    /// Who its ends are.
    pub(super) fn name_ends(&mut self, key: FlowKey, client_is_high: bool) {
        (self.key, self.client_is_high) = (key, client_is_high);
        let endpoints = endpoints(&key, client_is_high);
        self.flow.ends.iter_mut().zip(endpoints).for_each(|(end, endpoint)| end.endpoint = endpoint);
    }

    /// Gives back what takes room piece by piece.
    pub(super) fn free_detail(&mut self, rings: &mut Rings) {
        for stream in &mut self.streams {
            stream.records.give_back(rings);
            stream.pending = VecDeque::new();
        }
        self.counted = 0;
    }

    /// Bytes of its detail.
    #[inline]
    pub(super) fn detail(&self) -> usize {
        self.streams[0].detail() + self.streams[1].detail()
    }

    /// Bytes that it takes beside its detail and its excerpt.
    pub(super) fn size(&self) -> usize {
        let Flow { ends, stalls, troubles, .. } = &self.flow;
        let lists = |end: &EndFigures| {
            end.syns.capacity() * size_of::<Sent>() + end.states.capacity() * size_of::<StateChange>()
        };
        size_of::<Entry>()
            + self.streams.iter().map(|stream| stream.records.capacity().min(FEW) * size_of::<Record>()).sum::<usize>()
            + ends.iter().map(lists).sum::<usize>()
            + stalls.capacity() * size_of::<Stall>()
            + troubles.capacity() * size_of::<Trouble>()
    }

    /// Which end sent it.
    #[inline]
    pub(super) fn from(&self, from_high: bool) -> End {
        if from_high == self.client_is_high { End::Client } else { End::Server }
    }

    #[inline]
    pub(super) fn stream(&self, end: End) -> &Stream {
        &self.streams[end.index()]
    }

    #[inline]
    pub(super) fn stream_mut(&mut self, end: End) -> &mut Stream {
        &mut self.streams[end.index()]
    }

    pub(super) fn trouble(&mut self, kind: TroubleKind, end: End, at: At) {
        self.flow.troubles.count(kind, end, at.time, at.number);
    }

    /// Takes in its next packet; `seen` becomes what that means.
    pub(super) fn handle(&mut self, tcp: &Segment<'_>, at: At, options: &FlowsOptions, seen: &mut Sighting) {
        let from = self.from(tcp.from_high);
        let opens = self.flow.packets() == 0;
        self.count(tcp, at, from);
        let mut read = self.read(tcp, at, from);
        let strange = self.is_strange(&read);
        *seen = self.sighting(&read, opens);
        if strange {
            seen.place = Place::Outside;
            self.trouble(TroubleKind::Stranger, from, at);
        } else if read.kind != Kind::Reset {
            read.kind = self.kind(&read);
            seen.kind = read.kind;
            self.take_sent(&read, seen);
            self.take_ack(&read, seen);
            self.take_window(&read);
            self.take_opening(&read, seen);
            self.take_closing(&read);
        } else {
            self.take_reset(&read);
        }
        if seen.needless.is_none() {
            seen.needless = self.streams.iter_mut().find_map(|stream| stream.untold.pop_front());
        }
        self.take_states(&read, seen);
        self.take_stall(&read, seen, options);
        let in_flight = self.stream(from).in_flight();
        let figures = self.flow.end_mut(from);
        figures.in_flight = in_flight;
        figures.max_in_flight = figures.max_in_flight.max(in_flight);
        let peer_flight = self.stream(from.peer()).in_flight();
        self.flow.end_mut(from.peer()).in_flight = peer_flight;
        seen.in_flight = in_flight;
        let id = tcp.ip_id.unwrap_or(0);
        self.stream_mut(from).note_id(if read.is(TcpFlags::SYN) { 0 } else { id });
        if read.seq_len() == 0 {
            self.stream_mut(from).ack_id = id;
        }
        let before = std::mem::replace(&mut self.last_of[from.index()], at);
        self.before_last_of[from.index()] = before.time;
    }

    /// What is counted of every packet.
    #[inline]
    fn count(&mut self, tcp: &Segment<'_>, at: At, from: End) {
        self.flow.last = at.time;
        self.flow.last_packet = at.number;
        let figures = self.flow.end_mut(from);
        if figures.packets == 0 {
            figures.first_at = at.time;
            figures.ttl = tcp.ttl;
        }
        figures.packets += 1;
        figures.wire_bytes += u64::from(at.wire_len);
        figures.last_at = at.time;
        if tcp.ecn == 3 {
            figures.congestion_marks += 1;
            self.trouble(TroubleKind::CongestionMarked, from, at);
        }
    }

    /// Relative numbers and scaled window.
    #[inline]
    fn read<'a>(&mut self, tcp: &'a Segment<'a>, at: At, from: End) -> Read<'a> {
        let has = |flag: TcpFlags| tcp.flags.contains(flag);
        let (is_syn, is_ack, is_reset) = (has(TcpFlags::SYN), has(TcpFlags::ACK), has(TcpFlags::RST));
        let quiet_before = [0, 1].map(|end| self.streams[end].in_flight() == 0);
        if !is_reset {
            // Where no SYN was seen, the first byte seen counts as number 1.
            let stream = self.stream_mut(from);
            if !stream.has_base {
                stream.begin(if is_syn { tcp.seq } else { tcp.seq.wrapping_sub(1) }, i64::from(!is_syn));
                self.note_base(from, is_syn.then_some(tcp.seq));
            } else if is_syn && self.flow.end(from).isn.is_none() {
                self.note_base(from, Some(tcp.seq));
            }
            let peer = self.stream_mut(from.peer());
            if is_ack && !peer.has_base {
                peer.begin(tcp.ack.wrapping_sub(1), 1);
                peer.is_acked = true;
                self.note_base(from.peer(), None);
            }
        }
        let (own, peer) = (self.stream(from), self.stream(from.peer()));
        let seq = if own.has_base { own.relative(tcp.seq) } else { 0 };
        let ack = if is_ack && peer.has_base { peer.relative(tcp.ack) } else { 0 };
        let shift = if is_syn { 0 } else { self.flow.end(from).window.scale };
        let kind = match () {
            () if is_reset => Kind::Reset,
            () if is_syn && is_ack => Kind::SynAck,
            () if is_syn => Kind::Syn,
            () => Kind::Ack,
        };
        Read {
            tcp,
            at,
            from,
            seq,
            ack,
            window: u64::from(tcp.window) << shift,
            options: Options::read(tcp.options),
            kind,
            quiet_before,
        }
    }

    fn note_base(&mut self, end: End, isn: Option<u32>) {
        let base = SeqNum(self.stream(end).base);
        let figures = self.flow.end_mut(end);
        figures.base.get_or_insert(base);
        figures.isn = figures.isn.or(isn.map(SeqNum));
    }

    /// True if its numbers can't be meant for this connection.
    #[inline]
    fn is_strange(&self, read: &Read<'_>) -> bool {
        if read.kind == Kind::Reset {
            return false;
        }
        let peer = self.stream(read.from.peer());
        self.stream(read.from).is_far(read.seq) || read.is(TcpFlags::ACK) && peer.is_far(read.ack)
    }

    #[inline]
    fn sighting(&self, read: &Read<'_>, opens: bool) -> Sighting {
        Sighting {
            flow: self.flow.number,
            opens,
            from: read.from,
            number: read.at.number,
            time: read.at.time,
            flags: read.tcp.flags,
            seq: read.seq,
            ack: read.ack,
            window: read.window,
            len: read.tcp.len,
            kind: read.kind,
            sacks: read.options.has_sack(),
            ..Sighting::blank()
        }
    }

    /// What it is there for.
    #[inline]
    fn kind(&self, read: &Read<'_>) -> Kind {
        if read.is(TcpFlags::SYN) {
            return read.kind;
        }
        let (own, peer) = (self.stream(read.from), self.stream(read.from.peer()));
        let is_fin = read.is(TcpFlags::FIN);
        if !is_fin && read.tcp.len <= 1 && own.max > 0 {
            let shut = self.flow.end(read.from.peer()).window.zero_since.is_some();
            let all_acked = own.is_acked && own.una >= own.max;
            let rested = read.at.time.saturating_sub(self.last_of[read.from.index()].time) >= KEEPALIVE_AFTER;
            if read.seq == own.max - 1 && (read.tcp.len == 0 || all_acked && (rested || shut)) {
                return if shut { Kind::WindowProbe } else { Kind::KeepAlive };
            }
            if shut && read.tcp.len == 1 && read.seq >= own.max {
                return Kind::WindowProbe;
            }
        }
        match () {
            () if read.tcp.len > 0 => Kind::Data,
            () if is_fin => Kind::Fin,
            () if own.acks != Some(read.ack) => Kind::Ack,
            () if peer.probed => Kind::ProbeAnswer,
            () if self.is_same_ack(read) => Kind::Ack,
            () if self.opens_window(read) => Kind::WindowUpdate,
            () if peer.max > read.ack || peer.repeated > 0 || read.options.has_sack() => Kind::DuplicateAck,
            () => Kind::Ack,
        }
    }

    /// True for a copy that the link made of the acknowledgement before it.
    #[inline]
    fn is_same_ack(&self, read: &Read<'_>) -> bool {
        read.tcp.ip_id.is_some_and(|id| id != 0 && id == self.stream(read.from).ack_id)
    }

    /// True if it is there to tell of another window. What is received out of order changes windows a little, too.
    #[inline]
    fn opens_window(&self, read: &Read<'_>) -> bool {
        let (last, peer) = (self.flow.end(read.from).window.last, self.stream(read.from.peer()));
        let quiet = peer.max <= read.ack && peer.repeated == 0;
        !read.options.has_sack()
            && (read.window > last && read.window - last >= last / 2 || quiet && read.window != last)
    }

    /// How a flow ends that nothing more is known of.
    pub(super) fn conclude(&mut self) {
        let flow = &mut self.flow;
        let (last, number) = (flow.last, flow.last_packet);
        match flow.opening {
            Opening::Unanswered => {
                flow.ending = Ending::Failed;
                let client = flow.end(End::Client).syns.clone();
                for syn in client {
                    flow.troubles.count(TroubleKind::Unanswered, End::Client, syn.at, syn.number);
                }
            }
            Opening::HalfOpen if flow.ending == Ending::Open => {
                flow.ending = Ending::Failed;
                flow.troubles.count(TroubleKind::HalfOpen, End::Server, last, number);
            }
            _ => {}
        }
        for end in End::BOTH {
            let silent = !matches!(flow.ending, Ending::Closed | Ending::Reset | Ending::Failed);
            if silent && self.streams[end.index()].fruitless >= 3 {
                flow.ending = Ending::Silent;
                flow.troubles.count(TroubleKind::GaveUp, end, last, number);
            }
            if let Some(since) = flow.ends[end.index()].window.zero_since {
                flow.ends[end.index()].window.zero_time += super::flow::span(since, last);
            }
        }
    }
}

/// Client and server.
fn endpoints(key: &FlowKey, client_is_high: bool) -> [Endpoint; 2] {
    let [low, high] = key.endpoints();
    if client_is_high { [high, low] } else { [low, high] }
}

/// Whether the key's higher endpoint is the client: by the SYN, else by the port that looks ephemeral, else by who
/// speaks first.
fn client_is_high(tcp: &Segment<'_>) -> bool {
    if tcp.flags.contains(TcpFlags::SYN) {
        return tcp.from_high != tcp.flags.contains(TcpFlags::ACK);
    }
    let [low, high] = tcp.key.endpoints();
    /// Where Linux's ephemeral ports begin; and where those that only root may use end.
    const EPHEMERAL: u16 = 32_768;
    const WELL_KNOWN: u16 = 1_024;
    let class = |port: u16| u8::from(port >= WELL_KNOWN) + u8::from(port >= EPHEMERAL);
    match class(high.port).cmp(&class(low.port)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => tcp.from_high,
    }
}

impl Entry {
    /// An ICMP error about a segment of `to`, as something that the other end's side sent.
    pub(super) fn icmp_sighting(&self, trouble: IcmpTrouble, to: End, seq: i64, at: At) -> Sighting {
        Sighting {
            flow: self.flow.number,
            from: to.peer(),
            number: at.number,
            time: at.time,
            seq,
            kind: Kind::Icmp(trouble),
            place: Place::Outside,
            in_flight: self.stream(to.peer()).in_flight(),
            ..Sighting::blank()
        }
    }
}

pack_in_place!(Entry {
    value: progress last_of before_last_of reopened lingers;
    left: key client_is_high streams flow has_detail slot counted;
});
pack_fields!(At { value: number wire_len; time: time; });
