//! Segments that are not cut from a send queue: resets (RFC 9293 §3.5.2) and ACKs of the small phases.

use crate::Transmit;
use limpid_event::TxReason;
use limpid_wire::{Segment, SeqNum, TcpFlags, TcpOptions};

/// The reset that answers `segment` where no connection wants it; `None` for a reset, which is never answered
/// (RFC 9293 §3.5.2 group 1, §3.10.7.1).
pub fn reset_for(segment: &Segment, why: TxReason) -> Option<Transmit> {
    if segment.flags.contains(TcpFlags::RST) {
        return None;
    }
    let reset = if segment.flags.contains(TcpFlags::ACK) {
        Segment { seq: segment.ack, flags: TcpFlags::RST, ..Segment::default() }
    } else {
        Segment { ack: segment.seq_end(), flags: TcpFlags::RST | TcpFlags::ACK, ..Segment::default() }
    };
    Some(control(reset, why))
}

/// A segment without data, `<SEQ=seq><ACK=ack>`, with this window field and these options.
pub(crate) fn ack(seq: SeqNum, ack: SeqNum, window: u16, options: TcpOptions, why: TxReason) -> Transmit {
    control(Segment { seq, ack, flags: TcpFlags::ACK, window, options, ..Segment::default() }, why)
}

/// A segment that leaves as it is.
pub(crate) fn control(segment: Segment, why: TxReason) -> Transmit {
    Transmit { segment: Segment { merged: 1, ..segment }, gso_size: 0, why }
}
