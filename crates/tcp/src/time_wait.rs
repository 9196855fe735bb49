//! TIME-WAIT, and an orphan's FIN-WAIT-2: at most 64 bytes, and nothing left to send but ACKs (RFC 9293 §3.10.7.4, RFC 6191).

use crate::{Config, Cx, Transmit};
use limpid_event::{Instant, Observer, TcpState, Timer};
use limpid_wire::{Segment, SeqNum};

/// A connection that only waits.
pub struct TimeWait {
    _sketch: (),
}

/// What came of a segment in TIME-WAIT.
#[must_use]
pub enum TimeWaitOutcome {
    /// Still waiting; an ACK may be sent.
    Stay(Option<Transmit>),
    /// A new SYN may reopen the connection (RFC 6191; RFC 9293 §3.10.7.4): drop this, and hand the SYN to the listener with
    /// an initial sequence number after `isn_above`.
    Reopen {
        /// The new ISN must be after this.
        isn_above: SeqNum,
    },
    /// It is over (a reset came, and RFC 1337's rule is off).
    Over(Option<Transmit>),
}

impl TimeWait {
    /// A segment arrived.
    pub fn handle_segment<O: Observer>(
        &mut self,
        _cx: &mut Cx<'_, O>,
        _config: &Config,
        _segment: &Segment,
    ) -> TimeWaitOutcome {
        todo!()
    }

    /// The timer: when it runs out this is over.
    pub fn poll_timeout(&self) -> (Instant, Timer) {
        todo!()
    }

    /// TIME-WAIT or FIN-WAIT-2.
    pub fn state(&self) -> TcpState {
        todo!()
    }
}
