//! SYN-SENT: an active open whose peer has not yet answered (RFC 9293 §3.10.7.3).

use crate::{Config, Connection, Cx, Transmit};
use alloc::boxed::Box;
use alloc::sync::Arc;
use limpid_event::{Error, Instant, Observer, Timer};
use limpid_wire::{Segment, SeqNum};

/// What the stack chooses for a new connection: all that depends on addresses, secrets and routes.
#[derive(Clone, Copy, Debug)]
pub struct OpenParams {
    /// Initial sequence number (RFC 6528).
    pub isn: SeqNum,
    /// Offset of the timestamp clock, keyed by the address pair (RFC 7323 §5.4).
    pub ts_offset: u32,
    /// The largest MSS the route allows in either direction: MTU less headers without options.
    pub mss: u16,
    /// Super-segments up to so many payload bytes may be given to the device; at most one MSS means none.
    pub max_burst: u32,
}

/// A connection in SYN-SENT.
pub struct SynSent {
    _sketch: (),
}

/// What came of an input in SYN-SENT.
#[must_use]
pub enum SynSentOutcome {
    /// Nothing changed; still waiting (the reason of a drop was told to the observer).
    Waiting(SynSent),
    /// The SYN-ACK came (ESTABLISHED), or a SYN crossed ours (SYN-RECEIVED); the ACK is in its `poll_transmit`.
    Connection(Box<Connection>),
    /// The open failed.
    Failed(Error),
}

impl SynSent {
    /// Starts an active open. The SYN is in `poll_transmit`.
    pub fn new<O: Observer>(_cx: &mut Cx<'_, O>, _config: Arc<Config>, _params: OpenParams) -> SynSent {
        todo!()
    }

    /// A segment arrived. A reset to answer with, if any, is returned beside the outcome.
    pub fn handle_segment<O: Observer>(
        self,
        _cx: &mut Cx<'_, O>,
        _segment: Segment,
    ) -> (SynSentOutcome, Option<Transmit>) {
        todo!()
    }

    /// A timer ran out.
    pub fn handle_timeout<O: Observer>(self, _cx: &mut Cx<'_, O>) -> SynSentOutcome {
        todo!()
    }

    /// An ICMP error quoted our SYN (its sequence number was checked by the caller). Any unreachable ends the connect.
    pub fn handle_icmp<O: Observer>(self, _cx: &mut Cx<'_, O>, _error: Error) -> SynSentOutcome {
        todo!()
    }

    /// The SYN to send, if one is due.
    pub fn poll_transmit<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Option<Transmit> {
        todo!()
    }

    /// When to call `handle_timeout`, and for which timer.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        todo!()
    }

    /// Our initial sequence number, to check ICMP quotes.
    pub fn isn(&self) -> SeqNum {
        todo!()
    }
}
