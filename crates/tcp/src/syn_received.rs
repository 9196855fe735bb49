//! SYN-RECEIVED of a passive open: embryonic, without a socket, at most 128 bytes (RFC 9293 §3.10.7.4).

use crate::syn_sent::OpenParams;
use crate::{Config, Connection, Cx, Transmit};
use alloc::boxed::Box;
use alloc::sync::Arc;
use limpid_event::{Instant, Observer, Timer};
use limpid_wire::Segment;

/// An embryonic connection.
pub struct SynReceived {
    _sketch: (),
}

/// What came of a segment to an embryonic connection.
#[must_use]
pub enum SynReceivedOutcome {
    /// Nothing more; an answer may be sent (SYN-ACK again, challenge ACK, reset).
    Stay(Option<Transmit>),
    /// The final ACK is good: if there is room in the accept queue call [`SynReceived::establish`] with the same
    /// segment, else drop it (the SYN-ACK's timer lives on, as on Linux).
    Complete,
    /// It is over: a good reset came.
    Reset,
}

impl SynReceived {
    /// Answers a SYN. The caller sends what [`syn_ack`](Self::syn_ack) gives.
    pub fn new<O: Observer>(_cx: &mut Cx<'_, O>, _config: &Config, _params: OpenParams, _syn: &Segment) -> SynReceived {
        todo!()
    }

    /// The SYN-ACK, to be sent now.
    pub fn syn_ack<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _config: &Config) -> Transmit {
        todo!()
    }

    /// A segment arrived.
    pub fn handle_segment<O: Observer>(
        &mut self,
        _cx: &mut Cx<'_, O>,
        _config: &Config,
        _segment: &Segment,
    ) -> SynReceivedOutcome {
        todo!()
    }

    /// The SYN-ACK's timer ran out: `Some` is the SYN-ACK again, `None` means give up and drop.
    pub fn handle_timeout<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _config: &Config) -> Option<Transmit> {
        todo!()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        todo!()
    }

    /// The connection, with the segment that completed the handshake already handled (data and FIN in it count).
    pub fn establish<O: Observer>(self, _cx: &mut Cx<'_, O>, _config: Arc<Config>, _ack: Segment) -> Box<Connection> {
        todo!()
    }
}
