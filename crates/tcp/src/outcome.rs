//! What goes into every call and what comes out of it.

use crate::SharedMemory;
use crate::clock::AnswerLimit;
use core::fmt;
use core::time::Duration;
use limpid_event::{
    Counter, Counters, DropReason, Error, Event, FlowId, Instant, Observer, SegmentView, TcpState, TxReason,
};
use limpid_wire::{FramePool, Segment, TcpFlags};

/// What a call needs from the world: the time, the memory, and who is told.
pub struct Cx<'a, O: Observer> {
    /// Now.
    pub now: Instant,
    /// The connection's name in events.
    pub flow: FlowId,
    /// Who is told.
    pub observer: &'a mut O,
    /// Linux's MIB counters of the whole stack.
    pub counters: &'a mut Counters,
    /// Where frames come from.
    pub pool: &'a mut FramePool,
    /// How much of the memory for all connections is used.
    pub memory: SharedMemory,
}

impl<O: Observer> fmt::Debug for Cx<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("now", &self.now).field("flow", &self.flow).finish_non_exhaustive()
    }
}

impl<O: Observer> Cx<'_, O> {
    /// Tells the observer, if anybody looks; the event is not even made otherwise.
    #[inline]
    pub fn emit(&mut self, event: impl FnOnce() -> Event) {
        if self.observer.enabled() {
            let event = event();
            self.observer.observe(self.now, self.flow, &event);
        }
    }

    /// Counts `counter` once.
    #[inline]
    pub fn count(&mut self, counter: Counter) {
        self.counters.bump(counter);
    }

    /// Counts and tells that `transmit` leaves; `retransmission` is how often its first byte left before. Everything that
    /// comes out of this crate has been through here; a stack does the same with the resets that it makes itself.
    pub fn sent(&mut self, transmit: &Transmit, retransmission: u32) {
        let counter = if retransmission > 0 { Counter::TcpRetransSegs } else { Counter::TcpOutSegs };
        self.counters.add(counter, u64::from(transmit.wire_segments()));
        if transmit.segment.flags.contains(TcpFlags::RST) {
            self.count(Counter::TcpOutRsts);
        }
        let why = transmit.why;
        self.emit(|| Event::Sent { segment: SegmentView::from(&transmit.segment), why, retransmission });
    }

    /// Tells that `segment` came in.
    #[inline]
    pub(crate) fn received(&mut self, segment: &Segment) {
        self.emit(|| Event::Received { segment: SegmentView::from(segment) });
    }

    /// Tells that what came in is dropped.
    pub(crate) fn dropped(&mut self, why: DropReason) {
        self.emit(|| Event::Dropped { why });
    }

    /// Tells of a new state, if it is one.
    pub(crate) fn state(&mut self, from: TcpState, to: TcpState) {
        if from != to {
            self.emit(|| Event::State { from, to });
        }
    }

    /// Tells that `segment` was dropped because of a number outside what is awaited, and decides whether it may be
    /// answered: data and FINs always, anything else once in each interval, so that two ends can't answer each other for ever
    /// (Linux's `tcp_oow_rate_limited`). `held_back` counts the answers that were not given.
    pub(crate) fn may_answer(
        &mut self,
        limit: &mut AnswerLimit,
        interval: Duration,
        segment: &Segment,
        held_back: Counter,
    ) -> bool {
        let text = segment.seq_len() > 0 && !segment.flags.contains(TcpFlags::SYN);
        let allowed = text || limit.allow(self.now, interval);
        if !allowed {
            self.count(held_back);
        }
        allowed
    }
}

/// A segment to send. It may be a super-segment: the device, or the software at its edge, cuts it.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// The segment.
    pub segment: Segment,
    /// Payload bytes of each wire segment, if it has to be cut; 0 if it leaves as it is.
    pub gso_size: u16,
    /// Why it is sent.
    pub why: TxReason,
}

impl Transmit {
    /// How many segments this is on the wire.
    pub fn wire_segments(&self) -> u32 {
        match self.gso_size {
            0 => 1,
            size => (self.segment.payload.len() as u32).div_ceil(u32::from(size)).max(1),
        }
    }
}

bitflags::bitflags! {
    /// What an application can do without waiting: the level, as epoll's bits.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Readiness: u8 {
        /// Data, the end of the stream or an error can be read; a listener has a connection to accept (EPOLLIN).
        const READABLE = 1;
        /// There is room to write, or writing fails at once (EPOLLOUT).
        const WRITABLE = 2;
        /// The peer has closed its half (EPOLLRDHUP).
        const READ_CLOSED = 4;
        /// Both halves are closed (EPOLLHUP).
        const CLOSED = 8;
        /// An error waits to be taken (EPOLLERR).
        const ERROR = 16;
        /// Urgent data (EPOLLPRI).
        const URGENT = 32;
        /// A notice of what was watched waits to be taken (EPOLLERR).
        const NOTICE = 64;
    }
}

/// What the owner of a connection has to do next with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Nothing; it goes on.
    Continue,
    /// It has just become established: a connect is complete.
    Established,
    /// Nothing is left to send: turn it into TIME-WAIT, or an orphan's FIN-WAIT-2 (once `poll_transmit` is drained).
    TimeWait,
    /// It is over: drain `poll_transmit` (a last reset or ACK may be there), then drop it.
    Ended(Option<Error>),
}

/// What came of an input. Everything a [`crate::Connection`] has to send is taken with `poll_transmit`.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What becomes of the connection.
    pub next: Next,
    /// Readiness events to report: set when something *newly* happened in this direction, as an edge (more data came,
    /// room was made), so that edge-triggered users wake.
    pub woke: Readiness,
}

impl Outcome {
    /// Nothing of note.
    pub const CONTINUE: Outcome = Outcome { next: Next::Continue, woke: Readiness::empty() };
}
