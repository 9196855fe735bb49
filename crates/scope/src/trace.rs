//! A trace: the one input of every picture and verdict.
//!
//! The lab makes it with full knowledge (both ends, the link, the reasons); a live run against the kernel knows one end
//! from inside; a capture file knows what one vantage point saw, and the far end is an estimate.
//!
//! Whoever records calls [`Trace::add_host`], [`Trace::packet_sent`], [`Trace::packet_ended`] and [`Trace::note`] as things
//! happen, in any order, and [`Trace::finish`] at the end. Packets get the numbers that `tcpdump -#` would give them.

mod from_capture;
mod vantage;

pub use vantage::{Sight, Vantage};

pub(crate) use from_capture::ip_packet;

use limpid_event::{Event, FlowId, Instant, LinkFate, TxReason};
use limpid_wire::{Endpoint, IpAddr};
use std::collections::BTreeMap;

/// Everything that was recorded of a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The hosts, in the order in which they should be drawn (left to right).
    pub hosts: Vec<Host>,
    /// Every packet that a host sent, in the order of `number`.
    pub packets: Vec<Packet>,
    /// Everything else, in order.
    pub notes: Vec<Note>,
    /// Wall-clock time of `Instant::ZERO`, nanoseconds since the Unix epoch.
    pub epoch: u64,
    /// What senders are called beside their addresses, as their congestion controllers, where somebody said so: by their
    /// endpoints.
    pub labels: BTreeMap<Endpoint, String>,
    /// A filter hid some of its packets: what is missing tells nothing.
    pub partial: bool,
    /// When the recording ended: nothing happened from the last packet or note up to here.
    pub end: Instant,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// Its name for people: "client", "server", "Linux".
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// How much is known of it.
    pub view: View,
}

/// How a host's side of the story is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum View {
    /// Its own engine told (events, reasons).
    Inside,
    /// Packets were seen at its own interface, nothing more.
    Observed,
    /// Inferred from what the other end saw: the times at which it sends and receives are estimates.
    Estimated,
}

/// A packet and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Its number for people, as `tcpdump -#` counts: from 1.
    pub number: u64,
    /// Index of the sending host.
    pub from: usize,
    /// Index of the host it was meant for.
    pub to: usize,
    /// When it left the sender; an estimate if the sender's view is [`View::Estimated`].
    pub sent_at: Instant,
    /// When and how it ended.
    pub arrival: Arrival,
    /// The IP packet, from the IP header on; a capture may have cut it short.
    pub bytes: Vec<u8>,
    /// The sender's connection, where its engine told.
    pub flow: FlowId,
    /// Why it was sent, where the sender's engine told.
    pub why: Option<TxReason>,
    /// True for a second copy that the link made: its host never sent it.
    pub copy: bool,
}

/// How a packet ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It arrived.
    At(Instant),
    /// It arrived, at a time that is only estimated.
    Estimated(Instant),
    /// It never arrived, or arrived unreadable.
    Lost {
        /// Where it ended, in time.
        at: Instant,
        /// Why.
        fate: LinkFate,
    },
    /// Nobody knows (a capture's last packets).
    Unknown,
}

impl Arrival {
    /// When it arrived, if it did.
    pub const fn time(self) -> Option<Instant> {
        match self {
            Arrival::At(at) | Arrival::Estimated(at) => Some(at),
            Arrival::Lost { .. } | Arrival::Unknown => None,
        }
    }

    /// True if it is known never to have arrived.
    pub const fn is_lost(self) -> bool {
        matches!(self, Arrival::Lost { .. })
    }
}

/// Something that happened at a host, told by its engine or its application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// When.
    pub at: Instant,
    /// Index of the host.
    pub host: usize,
    /// The connection, as that host's engine names it.
    pub flow: FlowId,
    /// What.
    pub what: What,
}

/// What a [`Note`] says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// The engine told.
    Event(Event),
    /// The application told, in words ("read returned 0: the peer has finished").
    App(String),
    /// Who compares the host with what it should do told, in words ("the script expected …"): that something differs.
    Differs(String),
}

/// Names a packet while it is under way, until [`Trace::finish`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PacketId(usize);

impl Trace {
    /// Adds a host at the right of those already there; its index names it in packets and notes.
    pub fn add_host(&mut self, name: impl Into<String>, addresses: Vec<IpAddr>, view: View) -> usize {
        self.hosts.push(Host { name: name.into(), addresses, view });
        self.hosts.len() - 1
    }

    /// The host that has `address`.
    pub fn host_of(&self, address: IpAddr) -> Option<usize> {
        self.hosts.iter().position(|host| host.addresses.contains(&address))
    }

    /// A packet left host `from` for host `to`; how it ends is not known yet. `flow` and `why` are what the sender's
    /// engine told, or [`FlowId::NONE`] and `None`.
    pub fn packet_sent(
        &mut self,
        at: Instant,
        (from, to): (usize, usize),
        bytes: Vec<u8>,
        flow: FlowId,
        why: Option<TxReason>,
    ) -> PacketId {
        let number = self.packets.len() as u64 + 1;
        self.packets.push(Packet {
            number,
            from,
            to,
            sent_at: at,
            arrival: Arrival::Unknown,
            bytes,
            flow,
            why,
            copy: false,
        });
        PacketId(self.packets.len() - 1)
    }

    /// The link made a second copy of a packet, which goes on from `at` and has its own end.
    ///
    /// # Panics
    /// If `id` is not from this trace.
    pub fn packet_copied(&mut self, at: Instant, id: PacketId) -> PacketId {
        let copy = Packet { sent_at: at, arrival: Arrival::Unknown, copy: true, ..self.packets[id.0].clone() };
        self.packets.push(copy);
        PacketId(self.packets.len() - 1)
    }

    /// How a packet ended.
    pub fn packet_ended(&mut self, id: PacketId, arrival: Arrival) {
        if let Some(packet) = self.packets.get_mut(id.0) {
            packet.arrival = arrival;
        }
    }

    /// Something happened at a host.
    pub fn note(&mut self, at: Instant, host: usize, flow: FlowId, what: What) {
        self.notes.push(Note { at, host, flow, what });
    }

    /// Brings packets and notes into order, numbers the packets from 1 and closes the recording at `end`, or at the last
    /// thing recorded if that is later. [`PacketId`]s mean nothing afterwards.
    pub fn finish(&mut self, end: Instant) {
        self.packets.sort_by_key(|packet| packet.sent_at);
        for (number, packet) in (1..).zip(&mut self.packets) {
            packet.number = number;
        }
        self.notes.sort_by_key(|note| note.at);
        self.end = end.max(self.last_moment());
    }

    /// The time of the last thing recorded; [`Instant::ZERO`] if there is none.
    pub fn last_moment(&self) -> Instant {
        let packets = self.packets.iter().map(|packet| match packet.arrival {
            Arrival::At(at) | Arrival::Estimated(at) | Arrival::Lost { at, .. } => packet.sent_at.max(at),
            Arrival::Unknown => packet.sent_at,
        });
        packets.chain(self.notes.iter().map(|note| note.at)).max().unwrap_or_default()
    }
}
