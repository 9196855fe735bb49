//! A connection as the survey knows it.

use super::excerpt::Excerpt;
use super::figures::{EndFigures, Sent};
use super::pack::{pack_fields, pack_in_place, pack_names};
use super::sighting::{End, FlowNumber};
use super::trouble::{Fault, IcmpTrouble, Stall, Troubles};
use limpid_wire::Endpoint;
use std::time::Duration;

/// The most stalls of a connection that are kept, the longest of them.
pub const MAX_STALLS: usize = 8;

/// A connection: from the first packet of a port pair until the pair is used again, or until it is quiet.
#[derive(Clone, PartialEq, Debug)]
pub struct Flow {
    /// Its number: from 1, in the order of first packets.
    pub number: FlowNumber,
    /// Client and server, by [`End::index`].
    pub ends: [EndFigures; 2],
    /// Time of its first packet: nanoseconds since 1970.
    pub began: i64,
    /// Time of its last packet: nanoseconds since 1970.
    pub last: i64,
    /// Number of its first packet.
    pub first_packet: u64,
    /// Number of its last packet.
    pub last_packet: u64,
    /// How it opened.
    pub opening: Opening,
    /// How it ended, as far as it has.
    pub ending: Ending,
    /// The handshake, if all of it was seen.
    pub handshake: Option<Handshake>,
    /// Where the capture was taken.
    pub vantage: Vantage,
    /// Who closes first, once somebody does.
    pub closer: Option<End>,
    /// Both FINs were under way at once.
    pub closed_at_once: bool,
    /// The reset that ended it.
    pub reset: Option<Reset>,
    /// The ICMP error that ended the connect.
    pub refusal: Option<(Sent, IcmpTrouble)>,
    /// What is wrong with it.
    pub troubles: Troubles,
    /// The longest stalls, [`MAX_STALLS`] at most, in order of time.
    pub stalls: Vec<Stall>,
    /// How many stalls there were.
    pub stall_count: u64,
    /// How long it stood still in all, by [`Fault`].
    pub stalled: [Duration; Fault::COUNT],
    /// The largest packet that the path takes, as a router said; 0 if none did.
    pub path_mtu: u32,
    /// Its first and last packets, where [`FlowsOptions::excerpt`](super::FlowsOptions::excerpt) asks for them.
    pub excerpt: Option<Box<Excerpt>>,
    /// The connection before it on the same ports, if it is that near.
    pub before: Option<FlowNumber>,
    /// What it had outstanding was followed as one piece for a while, because all connections together took more than
    /// [`FlowsOptions::max_detail`](super::FlowsOptions::max_detail): of repetitions then less is known.
    pub detail_let_go: bool,
    /// A filter is known to have hidden packets of it; set by who [knows](super::Hidden), not by the survey.
    pub hidden: bool,
}

/// How a connection opened.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Opening {
    /// A SYN, and no answer up to now.
    Unanswered,
    /// SYN and SYN-ACK, and no acknowledgement up to now.
    HalfOpen,
    /// The three-way handshake; also where one side of it is missing in the capture, and what follows shows that it was there.
    Handshake,
    /// Both ends sent SYN at once (RFC 9293 §3.5, figure 7).
    Simultaneous,
    /// A SYN with data that the SYN-ACK acknowledged (RFC 7413).
    FastOpen,
    /// A reset answered the SYN.
    Refused,
    /// An ICMP error answered the SYN.
    Unreachable,
    /// The capture began later.
    MidStream,
}

impl Opening {
    /// True if both ends agreed on a connection, as far as was seen.
    pub const fn is_open(self) -> bool {
        matches!(self, Opening::Handshake | Opening::Simultaneous | Opening::FastOpen | Opening::MidStream)
    }

    /// In a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Opening::Unanswered => "no answer",
            Opening::HalfOpen => "half-open",
            Opening::Handshake => "handshake",
            Opening::Simultaneous => "simultaneous open",
            Opening::FastOpen => "Fast Open",
            Opening::Refused => "refused",
            Opening::Unreachable => "unreachable",
            Opening::MidStream => "began before the capture",
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// It goes on, or its end was not seen.
    Open,
    /// One direction is closed, the other open.
    HalfClosed,
    /// Both ends closed; the second FIN's acknowledgement was not seen.
    Closing,
    /// Both ends closed, and both FINs were acknowledged.
    Closed,
    /// A reset.
    Reset,
    /// It never came about: no answer, a refusal, an ICMP error, a handshake that nobody completed.
    Failed,
    /// What was sent last was sent again and again, and nothing came back.
    Silent,
}

impl Ending {
    /// True if nothing more is to come.
    pub const fn is_over(self) -> bool {
        matches!(self, Ending::Closed | Ending::Reset)
    }

    /// In a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Ending::Open => "open",
            Ending::HalfClosed => "half-closed",
            Ending::Closing => "closing",
            Ending::Closed => "closed",
            Ending::Reset => "reset",
            Ending::Failed => "failed",
            Ending::Silent => "fell silent",
        }
    }
}

/// A three-way handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handshake {
    /// The SYN that was answered: its number.
    pub syn: u64,
    /// The SYN-ACK that was acknowledged: its number.
    pub syn_ack: u64,
    /// The packet that acknowledged it: its number.
    pub ack: u64,
    /// From the vantage point to the server and back: SYN to SYN-ACK.
    pub to_server: Duration,
    /// From the vantage point to the client and back: SYN-ACK to its acknowledgement.
    pub to_client: Duration,
}

/// Where the capture was taken, as round trips in the handshake tell, else TTLs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Vantage {
    /// Nothing tells.
    #[default]
    Unknown,
    /// At or near the client.
    Client,
    /// At or near the server.
    Server,
    /// Between them.
    Between,
}

/// A reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reset {
    /// Who sent it, or in whose name it was sent.
    pub by: End,
    /// The packet.
    pub sent: Sent,
    /// Why, as far as packets can tell.
    pub cause: ResetCause,
    /// The packet it most likely answers.
    pub answers: Option<u64>,
}

/// Why a reset was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ResetCause {
    /// Nobody listens on the port.
    Refused,
    /// The application closed with data unread (RFC 2525 §2.17), or aborted: the packets don't tell which.
    UnreadData,
    /// One of these two, too; it had answered what it had received.
    AbortedOrUnread,
    /// Data came after the application had closed for good.
    AfterClose,
    /// The application aborted, as with SO_LINGER 0.
    Aborted,
    /// Its sender knows of no such connection: it crashed, restarted or had given up.
    Unknown,
    /// Its sender had sent again and again, or probed, without an answer.
    GaveUp,
    /// It came after a long silence, from something between that had forgotten the connection.
    IdleMiddlebox,
    /// Its TTL tells that another machine than the end sent it.
    Injected,
    /// The client gave up the handshake.
    HandshakeAborted,
}

impl ResetCause {
    /// In a few words.
    pub const fn text(self) -> &'static str {
        match self {
            ResetCause::Refused => "nobody listens",
            ResetCause::UnreadData => "aborted, or data was not read",
            ResetCause::AbortedOrUnread => "aborted, or data was not read",
            ResetCause::AfterClose => "data came after the close",
            ResetCause::Aborted => "aborted",
            ResetCause::Unknown => "connection unknown",
            ResetCause::GaveUp => "gave up",
            ResetCause::IdleMiddlebox => "forgotten on the way",
            ResetCause::Injected => "sent by another machine",
            ResetCause::HandshakeAborted => "handshake aborted",
        }
    }

    /// As the second half of a sentence about the end that sent it.
    pub const fn explained(self) -> &'static str {
        match self {
            ResetCause::Refused => "nobody listens on the port",
            ResetCause::UnreadData => {
                "its application closed with data unread (or was killed), or aborted (SO_LINGER 0)"
            }
            ResetCause::AbortedOrUnread => {
                "its application aborted (SO_LINGER 0), or closed or was killed with data unread"
            }
            ResetCause::AfterClose => "data came after its application had closed for good",
            ResetCause::Aborted => "its application aborted (SO_LINGER 0)",
            ResetCause::Unknown => {
                "it answers what came as a host does that knows of no such connection: it has given up or been restarted, or \
                 a firewall rejects it"
            }
            ResetCause::GaveUp => "it had repeated itself or probed in vain, and gave up",
            ResetCause::IdleMiddlebox => {
                "it came after a long silence: a firewall or NAT between had forgotten the connection, or a timeout of the \
                 application's ran out"
            }
            ResetCause::Injected => {
                "its TTL differs from the end's: another machine sent it in its name (a firewall, a proxy)"
            }
            ResetCause::HandshakeAborted => {
                "the client gave up the handshake, or never asked for it (a spoofed SYN, a scan)"
            }
        }
    }
}

impl Flow {
    /// One whose first packet is at `at`; `opens` if that is a SYN.
    pub(super) fn new(number: FlowNumber, ends: [Endpoint; 2], opens: bool, at: i64, packet: u64) -> Flow {
        Flow {
            number,
            ends: ends.map(EndFigures::new),
            began: at,
            last: at,
            first_packet: packet,
            last_packet: packet,
            opening: if opens { Opening::Unanswered } else { Opening::MidStream },
            ending: Ending::Open,
            handshake: None,
            vantage: Vantage::Unknown,
            closer: None,
            closed_at_once: false,
            reset: None,
            refusal: None,
            troubles: Troubles::default(),
            stalls: Vec::new(),
            stall_count: 0,
            stalled: [Duration::ZERO; Fault::COUNT],
            path_mtu: 0,
            excerpt: None,
            before: None,
            detail_let_go: false,
            hidden: false,
        }
    }

    /// Becomes such a one in the memory of its lists.
    pub(super) fn renew(&mut self, of: FlowNumber, by: [Endpoint; 2], opens: bool, at: i64, packet: u64) {
        let Flow {
            number,
            ends,
            began,
            last,
            first_packet,
            last_packet,
            opening,
            ending,
            handshake,
            vantage,
            closer,
            closed_at_once,
            reset,
            refusal,
            troubles,
            stalls,
            stall_count,
            stalled,
            path_mtu,
            excerpt,
            before,
            detail_let_go,
            hidden,
        } = self;
        ends.iter_mut().zip(by).for_each(|(end, endpoint)| end.renew(endpoint));
        (*number, *began, *last, *first_packet, *last_packet) = (of, at, at, packet, packet);
        *opening = if opens { Opening::Unanswered } else { Opening::MidStream };
        (*ending, *handshake, *vantage) = (Ending::Open, None, Vantage::Unknown);
        (*closer, *closed_at_once, *reset, *refusal) = (None, false, None, None);
        troubles.clear();
        stalls.clear();
        (*stall_count, *stalled) = (0, [Duration::ZERO; Fault::COUNT]);
        (*path_mtu, *excerpt, *before, *detail_let_go, *hidden) = (0, None, None, false, false);
    }

    /// The figures of `end`.
    #[inline]
    pub fn end(&self, end: End) -> &EndFigures {
        &self.ends[end.index()]
    }

    #[inline]
    pub(super) fn end_mut(&mut self, end: End) -> &mut EndFigures {
        &mut self.ends[end.index()]
    }

    /// True if one end's packets are not in the capture, not one.
    pub fn is_one_way(&self) -> bool {
        self.ends.iter().any(|end| end.packets == 0)
    }

    /// From its first packet to its last.
    pub fn duration(&self) -> Duration {
        span(self.began, self.last)
    }

    /// Packets both ways.
    pub fn packets(&self) -> u64 {
        self.ends[0].packets + self.ends[1].packets
    }

    /// Payload both ways, each byte once.
    pub fn unique_bytes(&self) -> u64 {
        self.ends[0].unique_bytes + self.ends[1].unique_bytes
    }

    /// Retransmissions both ways.
    pub fn retransmissions(&self) -> u64 {
        self.ends[0].retransmissions + self.ends[1].retransmissions
    }

    /// The round trip between the ends: the handshake's, else the sum of the shortest ones on both sides of the vantage
    /// point, where both are known.
    pub fn round_trip(&self) -> Option<Duration> {
        let shortest = || Some(self.ends[0].rtt.min()? + self.ends[1].rtt.min()?);
        self.handshake_round_trip().or_else(shortest)
    }

    /// The round trip between the ends as the handshake shows it: from SYN to SYN-ACK at the client, from SYN-ACK to ACK at the
    /// server; between them both together. An end's own time is no part of it where it can be told apart.
    pub fn handshake_round_trip(&self) -> Option<Duration> {
        let handshake = self.handshake?;
        Some(match self.vantage {
            Vantage::Client => handshake.to_server,
            Vantage::Server => handshake.to_client,
            Vantage::Between | Vantage::Unknown => handshake.to_server + handshake.to_client,
        })
    }

    /// For how long one direction stayed open after the other had closed; `None` unless both closed.
    pub fn half_close(&self) -> Option<Duration> {
        let (first, second) = (self.end(self.closer?).fin?, self.end(self.closer?.peer()).fin?);
        Some(span(first.at, second.at))
    }

    /// Who waits in TIME-WAIT (RFC 9293 §3.6); both after a simultaneous close. Empty unless it closed.
    pub fn time_wait(&self) -> Vec<End> {
        match (self.ending, self.closer) {
            (Ending::Closed, Some(_)) if self.closed_at_once => End::BOTH.to_vec(),
            (Ending::Closed, Some(closer)) => vec![closer],
            _ => Vec::new(),
        }
    }
}

/// From `from` to `to`; nothing if the times run backwards, as in captures they may.
pub(crate) fn span(from: i64, to: i64) -> Duration {
    Duration::from_nanos(nanos(from, to))
}

#[inline]
pub(super) fn nanos(from: i64, to: i64) -> u64 {
    if to <= from { 0 } else { to.abs_diff(from) }
}

pack_in_place!(Flow {
    value: first_packet last_packet opening ending handshake vantage closer closed_at_once;
    time: began last;
    rare: reset stall_count stalled path_mtu before detail_let_go hidden;
    list: stalls;
    nested: troubles;
    left: number ends refusal excerpt;
});
pack_fields!(Handshake { value: syn syn_ack ack to_server to_client; });
pack_fields!(Reset { value: by sent cause answers; });
pack_names!(Opening: Unanswered HalfOpen Handshake Simultaneous FastOpen Refused Unreachable MidStream);
pack_names!(Ending: Open HalfClosed Closing Closed Reset Failed Silent);
pack_names!(Vantage: Unknown Client Server Between);
pack_names!(ResetCause: Refused UnreadData AbortedOrUnread AfterClose Aborted Unknown GaveUp IdleMiddlebox Injected HandshakeAborted);
