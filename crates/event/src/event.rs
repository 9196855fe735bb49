//! The events themselves.

use crate::{
    CongestionReason, DropReason, Error, OptionsView, PathMtuReason, RecoveryReason, TcpState, Timer, TxReason,
    UndoReason,
};
use core::time::Duration;
use limpid_wire::{Ecn, Endpoint, Segment, SeqNum, TcpFlags};

/// Names one connection in events, from SYN through TIME-WAIT. Never reused within a stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FlowId(pub u64);

impl FlowId {
    /// Of no connection: events of the stack, an interface or a link.
    pub const NONE: FlowId = FlowId(0);
}

/// A segment without its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentView {
    /// Sequence number of the first byte.
    pub seq: SeqNum,
    /// Acknowledgement number.
    pub ack: SeqNum,
    /// Control bits.
    pub flags: TcpFlags,
    /// The window field, unscaled.
    pub window: u16,
    /// The urgent pointer.
    pub urgent: u16,
    /// Options.
    pub options: OptionsView,
    /// ECN bits.
    pub ecn: Ecn,
    /// Payload length in bytes.
    pub len: u32,
}

impl From<&Segment> for SegmentView {
    #[inline]
    fn from(s: &Segment) -> SegmentView {
        SegmentView {
            seq: s.seq,
            ack: s.ack,
            flags: s.flags,
            window: s.window,
            urgent: s.urgent,
            options: OptionsView::from(&s.options),
            ecn: s.ecn,
            len: s.payload.len() as u32,
        }
    }
}

/// How a connection came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// By `connect`.
    Active,
    /// By a SYN to a listener.
    Passive,
    /// By a SYN cookie that came back.
    Cookie,
}

/// A socket command that the application gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Call {
    /// `connect` began.
    Connect,
    /// A connection was taken from the accept queue.
    Accept,
    /// So many bytes were taken for sending.
    Write(usize),
    /// So many bytes were read; 0 is the end of the stream.
    Read(usize),
    /// `shutdown` of the sending half.
    ShutdownWrite,
    /// `shutdown` of the receiving half.
    ShutdownRead,
    /// `close`.
    Close,
    /// `abort`.
    Abort,
}

/// Something about explicit congestion notification (RFC 3168, RFC 9768).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EcnEvent {
    /// The handshake has agreed on it.
    Agreed {
        /// On RFC 9768's; else on RFC 3168's.
        accurate: bool,
    },
    /// Packets came that a router had marked CE.
    MarkReceived {
        /// So many, merged in one segment.
        packets: u16,
    },
    /// From here on each segment says ECE (RFC 3168 §6.1.3).
    EchoBegins,
    /// The peer said CWR: no ECE any more.
    EchoEnds,
    /// The peer says that our packets were marked.
    Reported {
        /// So many; of classic ECN all that this ACK acknowledges.
        segments: u32,
    },
    /// Our CWR leaves, with the first new data after the reduction (RFC 3168 §6.1.2).
    Answered,
}

/// What became of a packet on a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LinkFate {
    /// It arrived.
    Delivered,
    /// It was lost at random, or by the experiment's plan.
    Lost,
    /// The queue was full.
    QueueFull,
    /// It arrived with a flipped bit.
    Corrupted,
    /// This is a second copy.
    Duplicated,
    /// The queue filled, and it was marked CE (RFC 3168 §5).
    Marked,
    /// The queue filled, and it was dropped before there was no room, since it is not ECN-capable.
    DroppedEarly,
}

impl LinkFate {
    /// A few words for people.
    pub const fn text(self) -> &'static str {
        match self {
            LinkFate::Delivered => "delivered",
            LinkFate::Lost => "lost on the link",
            LinkFate::QueueFull => "the link's queue was full",
            LinkFate::Corrupted => "corrupted",
            LinkFate::Duplicated => "doubled by the link",
            LinkFate::Marked => "marked CE",
            LinkFate::DroppedEarly => "dropped early by the link's queue",
        }
    }
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A flow began.
    Opened {
        /// Our end.
        local: Endpoint,
        /// The other end.
        remote: Endpoint,
        /// How.
        opening: Opening,
    },
    /// The connection's state changed.
    State {
        /// From.
        from: TcpState,
        /// To.
        to: TcpState,
    },
    /// A segment left.
    Sent {
        /// It.
        segment: SegmentView,
        /// Why.
        why: TxReason,
        /// How often its first byte has been sent before: 0 for new data and pure ACKs.
        retransmission: u32,
    },
    /// A segment came in and belongs to this flow.
    Received {
        /// It.
        segment: SegmentView,
    },
    /// A segment or packet was dropped, in whole.
    Dropped {
        /// Why.
        why: DropReason,
    },
    /// A timer was set where none ran, or moved to another deadline by a backoff.
    TimerSet {
        /// Which.
        timer: Timer,
        /// How long from now.
        after: Duration,
    },
    /// A timer ran out.
    TimerFired {
        /// Which.
        timer: Timer,
        /// Its how manyth time in a row, from 1.
        nth: u32,
    },
    /// A round-trip time was measured (RFC 6298 §2).
    RttSample {
        /// The sample.
        rtt: Duration,
        /// Smoothed.
        srtt: Duration,
        /// The timeout that follows.
        rto: Duration,
    },
    /// The congestion window or slow-start threshold changed.
    Congestion {
        /// Congestion window, bytes.
        cwnd: u32,
        /// Slow-start threshold, bytes.
        ssthresh: u32,
        /// Why.
        why: CongestionReason,
    },
    /// What the sender has in the network, after an ACK or a timer changed what it thinks of that. Until the next of these it
    /// grows by what is [`Sent`](Self::Sent).
    Flight {
        /// Bytes that are under way as far as the sender knows: neither acknowledged nor thought lost, and sent again.
        in_flight: u32,
        /// Congestion window in effect, bytes.
        cwnd: u32,
        /// How fast it may send, bytes a second, where the controller decides.
        pacing_rate: Option<u64>,
    },
    /// Loss recovery, or a reduction of the window, began.
    RecoveryBegan {
        /// Why.
        why: RecoveryReason,
    },
    /// It ended.
    RecoveryEnded,
    /// It had been needless, and its reduction of the window is taken back (RFC 4015).
    Undone {
        /// How it is known.
        how: UndoReason,
    },
    /// The congestion controller has gone on to another phase, as BBR does.
    ControllerPhase {
        /// Its name for people.
        phase: &'static str,
    },
    /// The application called.
    Call(Call),
    /// The connection is over for the application: `None` after an orderly close.
    Ended {
        /// Why.
        error: Option<Error>,
    },
    /// An ICMP error told this connection of trouble that did not end it.
    SoftError {
        /// It.
        error: Error,
    },
    /// Explicit congestion notification: something was agreed on, seen, echoed or answered.
    Ecn(EcnEvent),
    /// What is known of the path's MTU is another now, or is being found out.
    PathMtu {
        /// Bytes, with the IP header.
        mtu: u32,
        /// Why.
        why: PathMtuReason,
    },
    /// What became of a packet on a simulated link.
    Link {
        /// It.
        fate: LinkFate,
    },
}
