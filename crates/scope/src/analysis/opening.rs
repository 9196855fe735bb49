//! How a connection opens (RFC 9293 §3.5).

use super::connection::{Connection, Segment};
use limpid_wire::TcpFlags;

/// True if SYNs went out, and nothing at all came back.
pub(crate) fn is_unanswered(connection: &Connection) -> bool {
    let opener = connection.opener;
    connection.sent_by(opener).any(Segment::is_syn)
        && connection.sent_by(opener).all(Segment::is_syn)
        && connection.sent_by(Connection::peer(opener)).next().is_none()
        && connection.errors.iter().all(|e| !e.error.trouble.is_unreachable())
}

/// True if both ends sent a SYN before either had seen the other's (RFC 9293 §3.5, figure 7).
pub(crate) fn is_simultaneous(connection: &Connection) -> bool {
    (0..2).all(|end| connection.sent_by(end).any(|s| s.is_syn() && !s.copy))
}

/// The packets that make up a completed handshake: SYN, SYN-ACK, ACK, as indices. The SYN and SYN-ACK are those that were
/// taken, if some were sent more than once; the ACK is one that goes on where the SYN ended, so that what comes after a hole of
/// the capture is none.
pub(crate) fn handshake(connection: &Connection) -> Option<[usize; 3]> {
    let (opener, peer) = (connection.opener, Connection::peer(connection.opener));
    let find = |from: usize, test: &dyn Fn(&Segment) -> bool| {
        connection.segments.iter().position(|s| s.from == from && !s.copy && !s.is(TcpFlags::RST) && test(s))
    };
    // What it says of data on the SYN: none was there or taken, or all of it (RFC 7413).
    let with_syn = connection.sent_by(opener).find(|s| s.is_syn() && !s.copy).map_or(0, |s| i64::from(s.tcp.len));
    let syn_ack = find(peer, &|s| s.is_syn_ack() && [1, 1 + with_syn].contains(&s.facts.ack))?;
    let syn = (0..syn_ack).rev().find(|&i| {
        let s = &connection.segments[i];
        s.from == opener
            && s.is_syn()
            && !s.copy
            && s.taken_at().is_some_and(|at| at <= connection.segments[syn_ack].sent_at)
    });
    let syn = syn.or_else(|| find(opener, &Segment::is_syn))?;
    let next = 1 + i64::from(connection.segments[syn].tcp.len);
    let ack =
        find(opener, &|s| s.is(TcpFlags::ACK) && !s.is(TcpFlags::SYN) && s.facts.ack >= 1 && s.facts.seq <= next)?;
    Some([syn, syn_ack, ack])
}
