//! A trace: the one input of every picture and verdict.
//!
//! The lab makes it with full knowledge (both ends, the link, the reasons); a live run against the kernel knows one end
//! from inside; a capture file knows what one vantage point saw, and the far end is an estimate.

use limpid_event::{Event, FlowId, Instant, LinkFate, TxReason};

/// Everything that was recorded of a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The hosts, in the order in which they should be drawn (left to right).
    pub hosts: Vec<Host>,
    /// Every packet that a host sent, in the order of `sent_at`; its index + 1 is its number.
    pub packets: Vec<Packet>,
    /// Everything else, in order.
    pub notes: Vec<Note>,
    /// Wall-clock time of `Instant::ZERO`, nanoseconds since the Unix epoch.
    pub epoch: u64,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Host {
    /// Its name for people: "client", "server", "Linux".
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<limpid_wire::IpAddr>,
    /// How much is known of it.
    pub view: View,
}

/// How a host's side of the story is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// Its own engine told (events, reasons).
    Inside,
    /// Packets were seen at its own interface, nothing more.
    Observed,
    /// Inferred from what the other end saw.
    Estimated,
}

/// A packet and what became of it.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Index of the sending host.
    pub from: usize,
    /// Index of the host it was meant for.
    pub to: usize,
    /// When it left the sender (or was seen by the only vantage point).
    pub sent_at: Instant,
    /// When and how it ended.
    pub arrival: Arrival,
    /// The IP packet, from the IP header on.
    pub bytes: Vec<u8>,
    /// The sender's connection, where its engine told.
    pub flow: FlowId,
    /// Why it was sent, where the sender's engine told.
    pub why: Option<TxReason>,
}

/// How a packet ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It arrived.
    At(Instant),
    /// It arrived, at a time that is only estimated.
    Estimated(Instant),
    /// It never arrived.
    Lost {
        /// Where it ended, in time.
        at: Instant,
        /// Why.
        fate: LinkFate,
    },
    /// Nobody knows (a capture's last packets).
    Unknown,
}

/// Something that happened at a host, told by its engine or its application.
#[derive(Clone, Debug)]
pub struct Note {
    /// When.
    pub at: Instant,
    /// Index of the host.
    pub host: usize,
    /// The connection.
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
}
