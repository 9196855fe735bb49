//! Why a segment was sent, why one was dropped, and which timer ran.

use core::fmt;

/// Why a segment was sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TxReason {
    /// The first SYN of an active open.
    Syn,
    /// The same, with data (RFC 7413).
    SynData,
    /// A SYN again, because nobody answered.
    SynRetransmit,
    /// The answer to a SYN.
    SynAck,
    /// A SYN-ACK again: the final ACK did not come, or the SYN came again.
    SynAckRetransmit,
    /// The ACK that completes the three-way handshake.
    HandshakeAck,
    /// Data that was never sent before.
    NewData,
    /// Our FIN, with or without data before it.
    Fin,
    /// The retransmission timer ran out (RFC 6298).
    RtoRetransmit,
    /// What was outstanding when that timer ran out, on an acknowledgement that came since (RFC 5681 §3.1, slow start).
    AfterRtoRetransmit,
    /// Duplicate ACKs or SACK told of a loss (RFC 5681, 6582).
    FastRetransmit,
    /// A partial ACK during recovery told of the next loss (RFC 6582).
    PartialAckRetransmit,
    /// The path takes smaller packets than the one it was sent in (RFC 1191 §6.5).
    PathMtuRetransmit,
    /// The SYN-ACK did not acknowledge the data that went with the SYN (RFC 7413 §4.2.1).
    SynDataRetransmit,
    /// New data in a packet larger than is known to get through: does it? (RFC 4821)
    MtuProbe,
    /// RACK found it lost (RFC 8985).
    RackRetransmit,
    /// A tail loss probe (RFC 8985 §7).
    TailLossProbe,
    /// New data, though the window would not let it go, for the same end.
    TailLossProbeOfNew,
    /// One beyond the window, on a duplicate ACK (RFC 3042).
    LimitedTransmit,
    /// The peer's window is zero, and we ask whether it still is (RFC 9293 §3.8.6.1).
    ZeroWindowProbe,
    /// Is the idle peer alive? (RFC 9293 §3.8.4)
    KeepAlive,
    /// Enough data came that an ACK is due at once (RFC 9293 §3.8.6.3).
    Ack,
    /// An ACK at once because the connection is in quick-ACK mode, as Linux.
    QuickAck,
    /// What ECN has to tell or to answer does not wait (RFC 3168 §6.1.3, RFC 9768 §3.2.2.5.1).
    EcnFeedback,
    /// The delayed ACK's timer ran out.
    DelayedAck,
    /// An ACK of the peer's FIN.
    FinAck,
    /// A segment out of order, or old data, asks for an ACK at once (RFC 5681 §4.2).
    DuplicateAck,
    /// The reader made room, and the peer should know.
    WindowUpdate,
    /// An answer to a zero-window probe or a keepalive.
    ProbeAnswer,
    /// Is this reset or SYN really the peer's? (RFC 5961)
    ChallengeAck,
    /// TIME-WAIT answers a segment (RFC 9293 §3.10.7.4).
    TimeWaitAck,
    /// A reset, because no connection has this address and port pair (RFC 9293 §3.5.2).
    ResetNoConnection,
    /// A reset, because a segment acknowledges what was never sent during the handshake.
    ResetBadAck,
    /// A reset, because the application aborted, or closed with SO_LINGER zero.
    ResetAbort,
    /// A reset, because the application closed with data unread (RFC 2525 §2.17).
    ResetUnread,
    /// A reset, because data came after the application closed.
    ResetDataAfterClose,
    /// A reset, because a timeout ended the connection.
    ResetTimeout,
    /// A reset, because the listener refused the connection.
    ResetRefused,
}

impl TxReason {
    /// True if the segment (or part of it) was sent before.
    pub const fn is_retransmission(self) -> bool {
        matches!(
            self,
            TxReason::SynRetransmit
                | TxReason::SynAckRetransmit
                | TxReason::RtoRetransmit
                | TxReason::AfterRtoRetransmit
                | TxReason::FastRetransmit
                | TxReason::PartialAckRetransmit
                | TxReason::PathMtuRetransmit
                | TxReason::SynDataRetransmit
                | TxReason::RackRetransmit
                | TxReason::TailLossProbe
        )
    }

    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            TxReason::Syn => "open",
            TxReason::SynData => "open, with data",
            TxReason::SynRetransmit => "SYN again: no answer",
            TxReason::SynAck => "answer to SYN",
            TxReason::SynAckRetransmit => "SYN-ACK again",
            TxReason::HandshakeAck => "handshake complete",
            TxReason::NewData => "new data",
            TxReason::Fin => "close",
            TxReason::RtoRetransmit => "retransmission: RTO",
            TxReason::AfterRtoRetransmit => "retransmission: recovery after RTO",
            TxReason::FastRetransmit => "fast retransmit: duplicate ACKs",
            TxReason::PartialAckRetransmit => "retransmission: partial ACK",
            TxReason::MtuProbe => "path MTU probe",
            TxReason::PathMtuRetransmit => "retransmission: smaller path MTU",
            TxReason::SynDataRetransmit => "retransmission: the SYN's data was not taken",
            TxReason::RackRetransmit => "fast retransmit: RACK",
            TxReason::TailLossProbe => "tail loss probe",
            TxReason::TailLossProbeOfNew => "tail loss probe: new data",
            TxReason::LimitedTransmit => "limited transmit",
            TxReason::ZeroWindowProbe => "zero-window probe",
            TxReason::KeepAlive => "keepalive",
            TxReason::Ack => "ACK",
            TxReason::QuickAck => "quick ACK",
            TxReason::EcnFeedback => "ACK at once: ECN",
            TxReason::DelayedAck => "delayed ACK",
            TxReason::FinAck => "ACK of FIN",
            TxReason::DuplicateAck => "duplicate ACK",
            TxReason::WindowUpdate => "window update",
            TxReason::ProbeAnswer => "answer to probe",
            TxReason::ChallengeAck => "challenge ACK",
            TxReason::TimeWaitAck => "ACK from TIME-WAIT",
            TxReason::ResetNoConnection => "reset: no such connection",
            TxReason::ResetBadAck => "reset: unacceptable ACK",
            TxReason::ResetAbort => "reset: aborted",
            TxReason::ResetUnread => "reset: closed with data unread",
            TxReason::ResetDataAfterClose => "reset: data after close",
            TxReason::ResetTimeout => "reset: timeout",
            TxReason::ResetRefused => "reset: refused",
        }
    }
}

impl fmt::Display for TxReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// Why something that arrived was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DropReason {
    /// The bytes are no valid packet of their protocol.
    Malformed,
    /// The IP, ICMP or TCP checksum is wrong.
    BadChecksum,
    /// Not addressed to this host.
    NotForUs,
    /// The source address can't be a sender's (multicast, broadcast, v4-mapped on the wire).
    BadSource,
    /// No listener and no connection, and a reset would be wrong.
    NoConnection,
    /// The SYN queue is full.
    SynQueueFull,
    /// The accept queue is full.
    AcceptQueueFull,
    /// An ACK without data, where the listener waits for data before it accepts.
    AcceptDeferred,
    /// A SYN cookie did not check out.
    BadCookie,
    /// Outside the receive window (RFC 9293 §3.10.7.4, first check).
    OutsideWindow,
    /// The timestamp is too old (PAWS, RFC 7323 §5).
    Paws,
    /// No ACK bit where there must be one.
    NoAck,
    /// No SYN where there must be one: the peer's is awaited.
    NoSyn,
    /// Acknowledges what was never sent.
    AckTooHigh,
    /// Acknowledges what was acknowledged long ago (RFC 5961 §5.2).
    AckTooOld,
    /// A reset that is not exactly at RCV.NXT (RFC 5961 §3.2).
    BlindReset,
    /// A SYN inside a connection (RFC 5961 §4.2).
    SynInConnection,
    /// The receive buffer has no room.
    BufferFull,
    /// The out-of-order queue is at its bound.
    OutOfOrderFull,
    /// All of it was received before.
    Duplicate,
    /// The application is gone and the data has no reader.
    NoReader,
    /// TIME-WAIT does not take it.
    TimeWait,
    /// An ICMP error that does not match a segment in flight (RFC 5927 §4.1).
    IcmpNotOurs,
    /// The reassembly of fragments ran out of time or room.
    Reassembly,
    /// A neighbour did not answer, or too many packets wait for it.
    NeighbourUnreachable,
    /// No route.
    NoRoute,
    /// A bound on replies without a connection was reached.
    RateLimited,
    /// A protocol or packet type that this host does not speak.
    Unsupported,
    /// It came with a smaller TTL than its socket takes (RFC 5082 §3).
    MinTtl,
    /// Its TCP-MD5 or TCP-AO signature is missing, wrong, or not awaited (RFC 2385 §2.0, RFC 5925 §7.3).
    Signature,
}

impl DropReason {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            DropReason::Malformed => "malformed",
            DropReason::BadChecksum => "bad checksum",
            DropReason::NotForUs => "not for this host",
            DropReason::BadSource => "impossible source address",
            DropReason::NoConnection => "no connection",
            DropReason::SynQueueFull => "SYN queue full",
            DropReason::AcceptQueueFull => "accept queue full",
            DropReason::AcceptDeferred => "accepted only with data",
            DropReason::BadCookie => "bad SYN cookie",
            DropReason::OutsideWindow => "outside the window",
            DropReason::Paws => "old timestamp (PAWS)",
            DropReason::NoAck => "no ACK bit",
            DropReason::NoSyn => "no SYN",
            DropReason::AckTooHigh => "acknowledges data never sent",
            DropReason::AckTooOld => "acknowledgement too old",
            DropReason::BlindReset => "reset not at the expected number",
            DropReason::SynInConnection => "SYN in a live connection",
            DropReason::BufferFull => "receive buffer full",
            DropReason::OutOfOrderFull => "out-of-order queue full",
            DropReason::Duplicate => "duplicate",
            DropReason::NoReader => "no reader",
            DropReason::TimeWait => "in TIME-WAIT",
            DropReason::IcmpNotOurs => "ICMP error for nothing in flight",
            DropReason::Reassembly => "fragments incomplete",
            DropReason::NeighbourUnreachable => "neighbour unreachable",
            DropReason::NoRoute => "no route",
            DropReason::RateLimited => "rate limited",
            DropReason::Unsupported => "not supported",
            DropReason::MinTtl => "TTL too small for the socket",
            DropReason::Signature => "not signed as agreed",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// Why the congestion window or the slow-start threshold changed (RFC 5681).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum CongestionReason {
    /// An ACK, below the threshold (§3.1).
    SlowStart,
    /// An ACK, above it (§3.1).
    CongestionAvoidance,
    /// A loss was found without a timeout (§3.2).
    Loss,
    /// The recovery from a loss is over (RFC 6582 §3.2).
    Recovered,
    /// The retransmission timer ran out (§3.1).
    Rto,
    /// The peer says that a router has marked our packets (RFC 3168 §6.1.2, RFC 9768 §3.3).
    Ecn,
    /// The reduction goes on, by what arrived (RFC 9937).
    Prr,
    /// It had been needless, and is taken back (RFC 4015 §3.2).
    Undo,
    /// It follows from the controller's model of the path (draft-ietf-ccwg-bbr §5.6).
    Model,
    /// A probe of the path's MTU left, arrived or was lost: segments have another size, not the window (RFC 4821 §7.6.1).
    MtuProbe,
}

impl CongestionReason {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            CongestionReason::SlowStart => "slow start",
            CongestionReason::CongestionAvoidance => "congestion avoidance",
            CongestionReason::Loss => "loss",
            CongestionReason::Recovered => "recovered",
            CongestionReason::Rto => "RTO",
            CongestionReason::MtuProbe => "path MTU probe",
            CongestionReason::Ecn => "ECN",
            CongestionReason::Prr => "proportional rate reduction",
            CongestionReason::Undo => "reduction taken back",
            CongestionReason::Model => "model of the path",
        }
    }
}

impl fmt::Display for CongestionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// Why a recovery, or a reduction of the window, began.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RecoveryReason {
    /// Duplicate ACKs without SACK (RFC 6582).
    DuplicateAcks,
    /// SACK told what is missing (RFC 6675, RFC 8985).
    Sack,
    /// The retransmission timer ran out (RFC 6298 §5.4).
    Rto,
    /// A tail loss probe repaired a loss (RFC 8985 §7.4).
    TailLoss,
    /// The timer ran out, and the peer had thrown away what it had told of by SACK (RFC 2018 §8).
    Reneging,
    /// The peer says that a router has marked our packets (RFC 3168 §6.1.2, RFC 9768 §3.3).
    Ecn,
    /// The path takes smaller packets (RFC 1191 §6.5).
    SmallerPath,
}

impl RecoveryReason {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            RecoveryReason::DuplicateAcks => "duplicate ACKs",
            RecoveryReason::Sack => "SACK tells of a loss",
            RecoveryReason::Rto => "RTO",
            RecoveryReason::TailLoss => "a tail loss probe repaired a loss",
            RecoveryReason::Reneging => "the peer took SACKed data back",
            RecoveryReason::Ecn => "ECN",
            RecoveryReason::SmallerPath => "smaller path MTU",
        }
    }
}

impl fmt::Display for RecoveryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// How it is known that a recovery was needless.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum UndoReason {
    /// An echoed timestamp is older than the first retransmission (RFC 3522).
    Timestamps,
    /// Every retransmission came twice, by D-SACK (RFC 2883 §5).
    Dsack,
    /// After a timeout data arrived that was never sent again (RFC 5682).
    Frto,
    /// What was missing arrived before anything was sent again.
    NothingResent,
}

impl UndoReason {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            UndoReason::Timestamps => "the ACK echoes a timestamp from before the retransmission",
            UndoReason::Dsack => "every retransmission was a duplicate (D-SACK)",
            UndoReason::Frto => "data arrived that was never sent again (F-RTO)",
            UndoReason::NothingResent => "nothing had been sent again yet",
        }
    }
}

impl fmt::Display for UndoReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// Why what is known of a path's MTU is another now (RFC 1191, 8201, 4821, 5927).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PathMtuReason {
    /// A router said that no more fits.
    TooBig,
    /// A router said so, but as much has got through before: it is believed if the segment's timer runs out (RFC 5927 §7.2).
    Doubted,
    /// The route says so, or what a router said has expired.
    Route,
    /// A probe of this size left.
    Probing,
    /// It arrived.
    ProbeArrived,
    /// It was lost: less than this fits.
    ProbeLost,
    /// Segments vanish again and again, as in a black hole: this is tried instead.
    BlackHole,
    /// The path may be another after so long a time: the search goes on, up to this.
    SearchAgain,
}

impl PathMtuReason {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            PathMtuReason::TooBig => "a router says so",
            PathMtuReason::Doubted => "a router says so; not believed yet",
            PathMtuReason::Route => "by the route",
            PathMtuReason::Probing => "probing",
            PathMtuReason::ProbeArrived => "the probe arrived",
            PathMtuReason::ProbeLost => "the probe is lost",
            PathMtuReason::BlackHole => "a black hole: smaller segments",
            PathMtuReason::SearchAgain => "searching again",
        }
    }
}

impl fmt::Display for PathMtuReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// The timers of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Timer {
    /// SYN retransmission.
    Syn,
    /// SYN-ACK retransmission.
    SynAck,
    /// The application's own deadline for connecting.
    ConnectDeadline,
    /// Retransmission (RFC 6298).
    Rto,
    /// Tail loss probe (RFC 8985 §7).
    Tlp,
    /// RACK's reordering window (RFC 8985 §6).
    Reorder,
    /// Zero-window probe.
    Persist,
    /// Delayed ACK.
    DelayedAck,
    /// Pacing.
    Pace,
    /// Keepalive.
    KeepAlive,
    /// User timeout (RFC 5482, TCP_USER_TIMEOUT).
    UserTimeout,
    /// Orphaned FIN-WAIT-2.
    FinWait2,
    /// 2·MSL in TIME-WAIT.
    TimeWait,
    /// SO_LINGER ran out.
    Linger,
}

impl Timer {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            Timer::Syn => "SYN retransmission",
            Timer::SynAck => "SYN-ACK retransmission",
            Timer::ConnectDeadline => "connect deadline",
            Timer::Rto => "RTO",
            Timer::Tlp => "tail loss probe",
            Timer::Reorder => "reordering",
            Timer::Persist => "zero-window probe",
            Timer::DelayedAck => "delayed ACK",
            Timer::Pace => "pacing",
            Timer::KeepAlive => "keepalive",
            Timer::UserTimeout => "user timeout",
            Timer::FinWait2 => "FIN-WAIT-2 timeout",
            Timer::TimeWait => "2MSL",
            Timer::Linger => "linger",
        }
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}
