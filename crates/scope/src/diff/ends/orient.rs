//! Which of two captures of a connection was taken nearer to the client.

use crate::diff::side::Call;
use limpid_wire::TcpFlags;
use std::cmp::Ordering;

/// 0 if the first was, else 1.
///
/// The client waits a round trip for the SYN-ACK, the server answers at once; else a packet has the greater TTL nearer to
/// its sender; else data is acknowledged at once where its receiver is.
pub(super) fn client_side(a: &Call, b: &Call) -> usize {
    let nearer = by(a, b, handshake).or_else(|| by_ttl(a, b)).or_else(|| by(a, b, answer));
    usize::from(nearer == Some(Ordering::Less))
}

/// Compares what both captures tell; `None` where they don't, or tell the same.
fn by(a: &Call, b: &Call, measure: impl Fn(&Call) -> Option<i64>) -> Option<Ordering> {
    Some(measure(a)?.cmp(&measure(b)?)).filter(|order| order.is_ne())
}

/// From the last SYN before the SYN-ACK to the SYN-ACK.
fn handshake(call: &Call) -> Option<i64> {
    let at = call.packets.iter().position(|seen| seen.from == 1 && seen.tcp.is(TcpFlags::SYN))?;
    let syn = call.packets[..at].iter().rev().find(|seen| seen.from == 0 && seen.tcp.is(TcpFlags::SYN))?;
    Some(call.packets[at].time.saturating_sub(syn.time))
}

fn by_ttl(a: &Call, b: &Call) -> Option<Ordering> {
    let of = |call: &Call, end: usize| call.find(end, |_| true).map(|seen| seen.ttl);
    let client = of(a, 0).zip(of(b, 0)).map(|(a, b)| a.cmp(&b)).filter(|order| order.is_ne());
    client.or_else(|| of(a, 1).zip(of(b, 1)).map(|(a, b)| b.cmp(&a)).filter(|order| order.is_ne()))
}

/// The shortest time in which the client's data was acknowledged: a round trip at the client's end.
fn answer(call: &Call) -> Option<i64> {
    let mut shortest: Option<i64> = None;
    let mut pending: Option<(limpid_wire::SeqNum, i64)> = None;
    for seen in &call.packets {
        if seen.from == 0 && seen.tcp.len > 0 {
            pending.get_or_insert((seen.tcp.seq + seen.tcp.seq_len(), seen.time));
        } else if seen.from == 1
            && let Some((end, at)) = pending
            && end.before_eq(seen.tcp.ack)
        {
            let took = seen.time.saturating_sub(at);
            shortest = Some(shortest.map_or(took, |shortest| shortest.min(took)));
            pending = None;
        }
    }
    shortest
}
