//! The survey: connections followed packet by packet, each packet once, in bounded memory.
//!
//! [`Flows`] takes packets in the order of a capture, live or from a file, any number of connections interleaved, and says
//! of each segment what it is and what it repeats ([`Sighting`]); each [`Flow`] holds the connection's figures and what is
//! wrong with it. It knows what one vantage point saw and no more: no engine's events, no second capture.
//!
//! # Bounds
//! A connection takes three KiB, and eleven at worst: lists within a [`Flow`] have the maxima that are documented with them.
//! Beside that, what each end has sent and not seen acknowledged is followed in at most 2,048 pieces (64 KiB, and as much
//! again if all of them were sent twice), and all connections together take at most [`FlowsOptions::max_detail`] for these:
//! beyond, those that were silent longest are
//! followed in one piece each way, which is counted. There are at most [`FlowsOptions::max_open`] connections; beyond, one that
//! was idle for long is pushed out, and counted. Those that ended are packed (less than a KiB as a rule) and leave after
//! [`FlowsOptions::linger`], idle ones after [`FlowsOptions::idle`], all times being the capture's. The memory of some that
//! left is kept for those to come: two and a half MiB at most. [`Flows::memory`] tells what is held.

mod acks;
mod classify;
mod closing;
mod data;
mod entry;
mod excerpt;
mod figures;
mod flow;
mod hidden;
pub(crate) mod key;
pub mod listing;
mod opening;
pub(crate) mod pack;
pub(crate) mod packet;
mod records;
mod rest;
pub(crate) mod sack;
mod sighting;
mod stall;
mod states;
mod stream;
mod table;
mod trouble;

#[cfg(test)]
mod tests;

pub use excerpt::{Excerpt, ExcerptOptions};
pub use figures::{
    EndFigures, Fin, MAX_STATE_CHANGES, MAX_SYNS, RttFigures, Sent, StateChange, SynOptions, WindowFigures,
};
pub(crate) use flow::span;
pub use flow::{Ending, Flow, Handshake, MAX_STALLS, Opening, Reset, ResetCause, Vantage};
pub use hidden::Hidden;
pub use sighting::{Again, Cause, End, FlowNumber, Kind, Place, Sighting};
pub use trouble::{Fault, IcmpTrouble, MAX_CITED, Stall, Trouble, TroubleKind, Troubles};

use crate::capture::PacketRef;
use entry::{At, Entry};
use excerpt::Kept;
use limpid_wire::TcpFlags;
use packet::{Content, Icmp, Segment};
use std::borrow::Cow;
use std::time::Duration;
use table::Table;

/// How connections are followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FlowsOptions {
    /// The most connections followed at once.
    pub max_open: usize,
    /// A connection that is silent for so long is let go.
    pub idle: Duration,
    /// One that ended is kept for so long, so that what is late finds it.
    pub linger: Duration,
    /// A silence this long (and of three round trips) is a stall.
    pub stall: Duration,
    /// Keep packets of each connection; `None` for figures alone.
    pub excerpt: Option<ExcerptOptions>,
    /// The most bytes for what is outstanding, piece by piece, of all connections together.
    pub max_detail: usize,
}

impl Default for FlowsOptions {
    /// A quarter of a million connections, idle for two hours and a quarter at most, without excerpts; 128 MiB of detail.
    fn default() -> FlowsOptions {
        FlowsOptions {
            max_open: 1 << 18,
            // Keepalives come every two hours.
            idle: Duration::from_secs(8_100),
            linger: Duration::from_secs(10),
            stall: Duration::from_millis(200),
            excerpt: None,
            max_detail: 128 << 20,
        }
    }
}

impl FlowsOptions {
    #[inline]
    fn stall_nanos(&self) -> u64 {
        u64::try_from(self.stall.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// What all connections together came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Packets handed in.
    pub packets: u64,
    /// Of these, TCP segments.
    pub segments: u64,
    /// Connections seen.
    pub flows: u64,
    /// Connections pushed out because there were too many at once.
    pub pushed_out: u64,
    /// Connections that ended and that nobody asked for: [`Flows::poll_ended`] was not called often enough.
    pub unread: u64,
    /// How often a connection let go of its detail, because all together had too much.
    pub let_go: u64,
}

/// What a survey holds, in bytes; what the allocator adds is not counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Memory {
    /// Figures of the connections that are followed, and of those that ended and were not polled.
    pub connections: usize,
    /// The tables in which connections are found and wait for their end.
    pub tables: usize,
    /// What is outstanding, piece by piece.
    pub detail: usize,
    /// The most that this ever was after a packet.
    pub most_detail: usize,
}

impl Memory {
    /// All that is held now.
    pub fn total(&self) -> usize {
        self.connections + self.tables + self.detail
    }
}

/// Follows connections.
#[derive(Debug)]
pub struct Flows {
    options: FlowsOptions,
    table: Table,
    /// What the newest packet means: lent, since copying it takes as long as half of finding it out.
    seen: Sighting,
    /// Where its connection is, and whether that has ended.
    slot: u32,
    is_over: bool,
}

impl Flows {
    /// Without connections yet.
    pub fn new(options: FlowsOptions) -> Flows {
        let table = Table::new(&options);
        Flows { options, table, seen: Sighting::blank(), slot: 0, is_over: false }
    }

    /// Takes the next packet. `None` if it is neither TCP nor an ICMP error about a connection that is known.
    pub fn handle_packet(&mut self, packet: &PacketRef<'_>) -> Option<Sighting> {
        self.follow(packet).copied()
    }

    /// Takes the next packet as [`Flows::handle_packet`] does, and lends what it means.
    #[inline]
    pub fn follow(&mut self, packet: &PacketRef<'_>) -> Option<&Sighting> {
        self.table.totals.packets += 1;
        let at = At { number: packet.number, time: packet.time, wire_len: packet.original_len };
        let content = packet::read(packet.link_type, packet.data, packet.original_len)?;
        self.table.age(packet.time);
        let slot = match content {
            Content::Tcp(tcp) => self.segment(&tcp, at),
            Content::Icmp(icmp) => self.icmp(&icmp, at)?,
        };
        self.slot = slot;
        if let Some(options) = self.options.excerpt {
            self.keep(&options, slot, packet);
        }
        Some(&self.seen)
    }

    #[cold]
    fn keep(&mut self, options: &ExcerptOptions, slot: u32, packet: &PacketRef<'_>) {
        let Some(entry) = self.table.entry_mut(slot) else { return };
        let &PacketRef { number, time, link_type, original_len, data, comment: _, interface } = packet;
        let kept = Kept { number, time, link_type, original_len, data, interface };
        entry.flow.excerpt.get_or_insert_default().keep(options, &kept);
    }

    #[inline]
    fn segment(&mut self, tcp: &Segment<'_>, at: At) -> u32 {
        self.table.totals.segments += 1;
        let (slot, new) = self.table.find_or_open(tcp, at);
        let (entry, rings) = self.table.known_mut(slot);
        if tcp.len > 0 || tcp.flags.intersects(TcpFlags::SYN | TcpFlags::FIN) {
            let from = entry.from(tcp.from_high);
            entry.stream_mut(from).records.make_room(rings);
        }
        entry.handle(tcp, at, &self.options, &mut self.seen);
        let ends = !new && entry.is_over() && !entry.lingers;
        self.is_over = ends || entry.lingers;
        if entry.detail() != entry.counted {
            self.table.count_detail(slot);
        }
        if ends {
            self.table.linger(slot, at.time);
        }
        slot
    }

    #[cold]
    fn icmp(&mut self, icmp: &Icmp, at: At) -> Option<u32> {
        let slot = self.table.find_awake(&icmp.key)?;
        let entry = self.table.entry_mut(slot)?;
        let to = entry.from(icmp.from_high);
        let stream = entry.stream(to);
        let seq = if stream.has_base { stream.relative(icmp.seq) } else { 0 };
        self.is_over = false;
        let trouble = entry.take_icmp(icmp, at, to);
        self.seen = entry.icmp_sighting(trouble, to, seq, at);
        Some(slot)
    }

    /// The next connection that has left: closed and quiet, reset, idle for too long, or pushed out.
    pub fn poll_ended(&mut self) -> Option<Flow> {
        self.table.poll_ended().map(|entry| entry.flow)
    }

    /// Looks at all that have left, as [`Flows::poll_ended`] tells of them, where they are. It is quicker where nearly all are
    /// looked at and dropped: a connection is not copied, and those to come take its memory.
    #[inline]
    pub fn for_each_ended(&mut self, mut look: impl FnMut(&Flow)) {
        while let Some(ended) = self.poll_ended_in_place() {
            look(ended.flow());
            self.recycle(ended);
        }
    }

    /// The next one that has left, where it is.
    #[inline]
    pub(crate) fn poll_ended_in_place(&mut self) -> Option<Ended> {
        self.table.poll_ended().map(Ended)
    }

    /// Takes back the memory of one that has left.
    #[inline]
    pub(crate) fn recycle(&mut self, Ended(entry): Ended) {
        self.table.recycle(entry);
    }

    /// What [`Flows::follow`] told last, and the number of the connection's place: from 0, fewer than there were ever
    /// connections at once.
    #[inline]
    pub(crate) fn newest(&self) -> (usize, &Sighting) {
        (self.slot as usize, &self.seen)
    }

    /// The connection of the packet that was told of last, if it has ended.
    #[inline]
    pub(crate) fn newest_over(&self) -> Option<&Flow> {
        if self.is_over { self.table.entry(self.slot).map(|entry| &entry.flow) } else { None }
    }

    /// The connections that are followed now, in no particular order.
    ///
    /// Those that ended are kept as few bytes, and made whole for the look.
    pub fn open(&self) -> impl Iterator<Item = Cow<'_, Flow>> {
        self.table.flows()
    }

    /// The connection of this number, while it is followed.
    pub fn flow(&self, number: FlowNumber) -> Option<Cow<'_, Flow>> {
        self.table.by_number(number)
    }

    /// What is held in memory now. It looks at every connection.
    pub fn memory(&self) -> Memory {
        self.table.memory()
    }

    /// What all connections together came to so far.
    pub fn totals(&self) -> Totals {
        self.table.totals
    }

    /// The end of the capture: all connections that have not been polled, in the order of their numbers.
    pub fn finish(self) -> impl Iterator<Item = Flow> {
        self.table.finish().map(|entry| entry.flow)
    }

    /// The same, each looked at and dropped: one takes the memory of another.
    pub fn finish_each(self, mut look: impl FnMut(&Flow)) {
        self.finish_in_place(|ended| {
            look(ended.flow());
            Some(ended)
        });
    }

    /// The same; what `look` gives back makes room for the next.
    pub(crate) fn finish_in_place(self, mut look: impl FnMut(Ended) -> Option<Ended>) {
        let mut left = self.table.finish();
        while let Some(entry) = left.next() {
            if let Some(Ended(entry)) = look(Ended(entry)) {
                left.recycle(entry);
            }
        }
    }
}

/// A connection that has left the survey.
pub(crate) struct Ended(Box<Entry>);

impl Ended {
    /// The number of its place, which another connection may have taken meanwhile.
    #[inline]
    pub(crate) fn place(&self) -> usize {
        self.0.slot as usize
    }

    #[inline]
    pub(crate) fn flow(&self) -> &Flow {
        &self.0.flow
    }

    pub(crate) fn into_flow(self) -> Flow {
        self.0.flow
    }
}
