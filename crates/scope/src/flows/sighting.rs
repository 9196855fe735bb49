//! What one packet means in its connection.

use super::pack::{Pack, Packer, Unpacker, pack_names};
use super::trouble::IcmpTrouble;
use crate::words;
use limpid_wire::TcpFlags;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

/// Names a connection of a survey: from 1, in the order of first packets. Never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FlowNumber(pub u64);

/// Something for each connection of a survey.
pub(super) type NumberMap<T> = HashMap<FlowNumber, T, BuildHasherDefault<Counted>>;

/// Spreads numbers that the survey counts itself: nobody else chooses them, so that no secret is needed.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Counted(u64);

impl Hasher for Counted {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Display for FlowNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One of a connection's two ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// The one that opened it. Where the capture began later: the one with the ephemeral port, else the sender of the
    /// first packet.
    Client = 0,
    /// The other one.
    Server = 1,
}

impl End {
    /// Both, the client first.
    pub const BOTH: [End; 2] = [End::Client, End::Server];

    /// The other end.
    #[inline]
    pub const fn peer(self) -> End {
        match self {
            End::Client => End::Server,
            End::Server => End::Client,
        }
    }

    /// 0 for the client, 1 for the server: the index in [`Flow::ends`](super::Flow::ends).
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `client` or `server`.
    pub const fn text(self) -> &'static str {
        match self {
            End::Client => "client",
            End::Server => "server",
        }
    }
}

/// What a segment is there for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Asks for a connection.
    Syn,
    /// Grants it.
    SynAck,
    /// Carries data (and perhaps a FIN).
    Data,
    /// Closes a direction; without data.
    Fin,
    /// Resets the connection.
    Reset,
    /// Nothing but an acknowledgement of something new, or of nothing.
    Ack,
    /// An acknowledgement that says nothing new while data is outstanding (RFC 5681 §2).
    DuplicateAck,
    /// A new window, nothing else.
    WindowUpdate,
    /// Asks whether the window is still zero (RFC 9293 §3.8.6.1).
    WindowProbe,
    /// Asks whether the peer is alive (RFC 9293 §3.8.4).
    KeepAlive,
    /// Answers one of the two.
    ProbeAnswer,
    /// No TCP: an ICMP error about a segment that the other end sent.
    Icmp(IcmpTrouble),
}

impl Kind {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            Kind::Syn => "SYN",
            Kind::SynAck => "SYN-ACK",
            Kind::Data => "data",
            Kind::Fin => "FIN",
            Kind::Reset => "reset",
            Kind::Ack => "ACK",
            Kind::DuplicateAck => "duplicate ACK",
            Kind::WindowUpdate => "window update",
            Kind::WindowProbe => "zero-window probe",
            Kind::KeepAlive => "keepalive",
            Kind::ProbeAnswer => "answer to a probe",
            Kind::Icmp(trouble) => trouble.text(),
        }
    }
}

/// Where a segment stands in the stream of what its end sent before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// It follows what was sent so far, or takes no sequence numbers.
    Next,
    /// It leaves a gap: what is between was lost, overtaken, or not captured.
    Ahead,
    /// It fills a gap, and was sent before what stands behind the gap: packets overtook each other.
    Overtaken,
    /// It holds what was sent before: see [`Sighting::again`].
    Again,
    /// Its numbers have nothing to do with the stream: a stranger's, or a reset without any.
    Outside,
}

/// Why something was sent again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// Nobody answered the SYN or SYN-ACK.
    NoAnswer,
    /// The retransmission timer ran out (RFC 6298).
    Rto,
    /// It was outstanding when the retransmission timer ran out, and goes out on an acknowledgement in the recovery that began so.
    AfterRto,
    /// Duplicate ACKs or SACK (RFC 5681 §3.2, RFC 6675).
    Fast,
    /// A partial ACK in recovery, or another hole found in it (RFC 6582, RFC 6675).
    PartialAck,
    /// What came later had arrived for long enough (RFC 8985).
    Rack,
    /// Tail loss probe (RFC 8985 §7).
    Probe,
    /// A router said that it was too big (RFC 1191, RFC 8201).
    PathMtu,
    /// Its sender did not send it twice: the link made a copy, or the capture took it twice.
    Copy,
    /// The packets do not tell.
    Unknown,
}

impl Cause {
    /// How many there are.
    pub const COUNT: usize = 10;
    /// All of them, in order.
    pub const ALL: [Cause; Cause::COUNT] = [
        Cause::NoAnswer,
        Cause::Rto,
        Cause::AfterRto,
        Cause::Fast,
        Cause::PartialAck,
        Cause::Rack,
        Cause::Probe,
        Cause::PathMtu,
        Cause::Copy,
        Cause::Unknown,
    ];

    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            Cause::NoAnswer => "no answer",
            Cause::Rto => "RTO",
            Cause::AfterRto => "recovery after RTO",
            Cause::Fast => "duplicate ACKs",
            Cause::PartialAck => "partial ACK",
            Cause::Rack => "RACK",
            Cause::Probe => "tail loss probe",
            Cause::PathMtu => "path MTU",
            Cause::Copy => "copy",
            Cause::Unknown => "cause unknown",
        }
    }

    /// True for retransmissions that a timer caused, the probe's aside.
    pub const fn is_timer(self) -> bool {
        matches!(self, Cause::NoAnswer | Cause::Rto)
    }
}

/// Of a segment sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Again {
    /// Number of the packet that held its first byte first; `None` if that was never seen, or so much was on its way that it
    /// is not remembered.
    pub original: Option<u64>,
    /// Number of the packet that held it last before this one.
    pub previous: Option<u64>,
    /// Since that packet; where none was seen, since the gap was seen.
    pub after: Duration,
    /// Which retransmission this is: from 1.
    pub nth: u32,
    /// Why.
    pub cause: Cause,
}

impl Again {
    /// `1 again after 1.03 s: no answer`.
    pub fn text(&self) -> String {
        let cause = self.cause.text();
        match self.original {
            Some(original) => format!("{original} again after {}: {cause}", words::duration(self.after)),
            None => format!("sent again: {cause}"),
        }
    }
}

/// One packet, seen in its connection. Numbers are relative: the SYN's is 0, the first byte's 1; where no SYN was seen the
/// first byte seen is 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sighting {
    /// The connection.
    pub flow: FlowNumber,
    /// It is the first packet of its connection.
    pub opens: bool,
    /// Who sent it. An ICMP error counts as sent by the end that the segment it quotes did not reach.
    pub from: End,
    /// The packet's number in the capture.
    pub number: u64,
    /// When it was captured: nanoseconds since 1970.
    pub time: i64,
    /// The control bits; none for ICMP.
    pub flags: TcpFlags,
    /// Relative sequence number.
    pub seq: i64,
    /// Relative acknowledgement number; 0 without ACK.
    pub ack: i64,
    /// The window in bytes, scaled where both SYNs tell the scale.
    pub window: u64,
    /// Payload on the wire, bytes.
    pub len: u32,
    /// What it is there for.
    pub kind: Kind,
    /// Where it stands in its stream.
    pub place: Place,
    /// Set for what was sent before.
    pub again: Option<Again>,
    /// How long the other end (with the way there and back from the vantage point) took for what this acknowledges: from
    /// segments that were sent once (Karn), or that timestamps tell apart.
    pub rtt: Option<Duration>,
    /// Bytes that the sender of this packet has sent and the other end has not acknowledged, this packet included.
    pub in_flight: u32,
    /// Bytes that it acknowledges for the first time.
    pub newly_acked: u32,
    /// Number of a packet that was sent again in vain, as this one shows, or one before it that showed several: one of the
    /// other end (D-SACK, timestamp echo, an acknowledgement that comes too soon), or itself, if what it holds was acknowledged
    /// before.
    pub needless: Option<u64>,
    /// It acknowledges data that the capture has not seen.
    pub acks_unseen: bool,
    /// It has SACK blocks.
    pub sacks: bool,
    /// Its data fills the other end's window to the last byte.
    pub fills_window: bool,
}

impl Sighting {
    /// Before any packet.
    pub(super) const fn blank() -> Sighting {
        Sighting {
            flow: FlowNumber(0),
            opens: false,
            from: End::Client,
            number: 0,
            time: 0,
            flags: TcpFlags::empty(),
            seq: 0,
            ack: 0,
            window: 0,
            len: 0,
            kind: Kind::Ack,
            place: Place::Next,
            again: None,
            rtt: None,
            in_flight: 0,
            newly_acked: 0,
            needless: None,
            acks_unseen: false,
            sacks: false,
            fills_window: false,
        }
    }
}

pack_names!(End: Client Server);

impl Pack for FlowNumber {
    fn pack(&self, to: &mut Packer) {
        self.0.pack(to);
    }
    fn unpack(from: &mut Unpacker) -> FlowNumber {
        FlowNumber(u64::unpack(from))
    }
}
