//! A connection whose peer is known: two one-way streams that close apart.

use crate::{Cx, Outcome, Readiness, TcpInfo, TimeWait, Transmit};
use limpid_event::{Error, Instant, Observer, TcpState, Timer};
use limpid_wire::{Chunk, Segment, SeqNum};

/// A TCP connection.
pub struct Connection {
    _sketch: (),
}

/// What an application has not read yet when its connection goes to TIME-WAIT: it stays with the socket.
pub struct Remnant {
    _sketch: (),
}

impl Connection {
    /// A segment of this connection arrived (RFC 9293 §3.10.7.4).
    pub fn handle_segment<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _segment: Segment) -> Outcome {
        todo!()
    }

    /// The deadline of `poll_timeout` has come.
    pub fn handle_timeout<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Outcome {
        todo!()
    }

    /// An ICMP unreachable or time-exceeded quoted a segment in flight (checked by the caller with `in_flight`): a soft
    /// error here (RFC 5927 §5.2, RFC 5461).
    pub fn handle_icmp<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _error: Error) -> Outcome {
        todo!()
    }

    /// The path's MSS became smaller or larger (route or path MTU).
    pub fn handle_mss<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _mss: u16) {
        todo!()
    }

    /// The next segment to send, if one is due; call until `None`.
    pub fn poll_transmit<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Option<Transmit> {
        todo!()
    }

    /// The earliest deadline, and which timer it is.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        todo!()
    }

    /// Takes bytes for sending; returns how many (0 never: `WouldBlock` instead).
    pub fn write<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _bytes: &[u8]) -> Result<usize, Error> {
        todo!()
    }

    /// Takes a chunk for sending without copying; gives the rest back if there is no room for all.
    pub fn write_chunk<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _chunk: Chunk) -> Result<Option<Chunk>, Error> {
        todo!()
    }

    /// Reads in order; `Ok(0)` is the end of the stream.
    pub fn read<O: Observer>(&mut self, _cx: &mut Cx<'_, O>, _buf: &mut [u8]) -> Result<usize, Error> {
        todo!()
    }

    /// Reads without taking (MSG_PEEK).
    pub fn peek(&self, _buf: &mut [u8]) -> Result<usize, Error> {
        todo!()
    }

    /// Closes the sending half: a FIN follows the data already written.
    pub fn shutdown_write<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Result<Outcome, Error> {
        todo!()
    }

    /// Closes the receiving half for the application, as Linux's SHUT_RD.
    pub fn shutdown_read<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Result<Outcome, Error> {
        todo!()
    }

    /// The application is gone: FIN, or a reset if data is unread or linger is zero. The connection lives on as an orphan
    /// until its `Outcome` ends it.
    pub fn close<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Outcome {
        todo!()
    }

    /// Ends it at once with a reset.
    pub fn abort<O: Observer>(&mut self, _cx: &mut Cx<'_, O>) -> Outcome {
        todo!()
    }

    /// After `Next::TimeWait`: the small phase that waits, and what the application may still read.
    pub fn into_time_wait<O: Observer>(self, _cx: &mut Cx<'_, O>) -> (TimeWait, Remnant) {
        todo!()
    }

    /// RFC 9293's name of the state, derived from the two halves.
    pub fn state(&self) -> TcpState {
        todo!()
    }

    /// What the application can do now.
    pub fn readiness(&self) -> Readiness {
        todo!()
    }

    /// True if `seq` is sent and not yet acknowledged: what an ICMP quote must name (RFC 5927 §4.1).
    pub fn in_flight(&self, _seq: SeqNum) -> bool {
        todo!()
    }

    /// Takes the pending error (SO_ERROR).
    pub fn take_error(&mut self) -> Option<Error> {
        todo!()
    }

    /// Linux's `tcp_info`.
    pub fn info(&self, _now: Instant) -> TcpInfo {
        todo!()
    }
}
