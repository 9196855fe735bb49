//! How a connection closes (RFC 9293 §3.6): which FIN came first, and what acknowledged it.

use super::connection::{Connection, Segment};
use limpid_wire::TcpFlags;

/// The first sending of `end`'s FIN, as an index.
pub(crate) fn first_fin(connection: &Connection, end: usize) -> Option<usize> {
    connection.segments.iter().position(|s| s.from == end && s.is(TcpFlags::FIN) && !s.copy)
}

/// Both first FINs, the one that was sent first in front; `None` unless both ends closed.
pub(crate) fn both_fins(connection: &Connection) -> Option<(usize, usize)> {
    let (left, right) = (first_fin(connection, 0)?, first_fin(connection, 1)?);
    let sent_at = |index: usize| connection.segments[index].sent_at;
    Some(if (sent_at(left), left) <= (sent_at(right), right) { (left, right) } else { (right, left) })
}

/// True if both FINs were under way at once: neither end had seen the other's when it sent its own.
pub(crate) fn is_simultaneous(connection: &Connection) -> bool {
    both_fins(connection).is_some_and(|(first, second)| {
        let fin = connection.ends[connection.segments[first].from].fin.unwrap_or(i64::MAX);
        connection.segments[second].facts.ack <= fin
    })
}

/// The segment by which the receiver of the FIN at index `fin` first acknowledged it.
pub(crate) fn ack_of_fin(connection: &Connection, fin: usize) -> Option<usize> {
    let sender = connection.segments[fin].from;
    let number = connection.ends[sender].fin?;
    let acks = |s: &Segment| s.from != sender && s.is(TcpFlags::ACK) && !s.is(TcpFlags::RST) && s.facts.ack > number;
    connection.segments.iter().position(acks)
}

/// A FIN, and the other end's FIN that carried its acknowledgement because none was sent before; as indices. Where the capture
/// holds not all that came before them, nobody can say that.
pub(crate) fn merged_ack(connection: &Connection) -> Option<(usize, usize)> {
    let (first, second) = both_fins(connection)?;
    let rides = ack_of_fin(connection, first)? == second;
    (rides && [first, second].iter().all(|fin| is_all_there_before(connection, *fin))).then_some((first, second))
}

/// True if the data of a segment goes on where what its end sent before it ended, as far as the capture tells.
fn is_all_there_before(connection: &Connection, index: usize) -> bool {
    let segment = &connection.segments[index];
    let before = connection.segments[..index].iter().filter(|s| s.from == segment.from);
    let end_of = |s: &Segment| s.facts.seq + i64::from(s.tcp.len) + i64::from(s.is(TcpFlags::SYN));
    before.map(end_of).max().is_none_or(|end| segment.facts.seq <= end)
}
