//! What each packet of a capture really is, by the words of the engine that sent it and of the link that carried it.

use crate::kind::{Kind, Labels};
use limpid_scope::trace::{Arrival, Packet, Sight, Trace};
use limpid_wire::{IpPacket, IpProtocol, TcpFlags};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A segment's place in its stream: the sender, where it begins and ends.
#[derive(Clone, Copy)]
struct Span {
    from: usize,
    start: u32,
    len: u32,
    syn: bool,
}

/// The labels of what was seen, in its order.
pub(crate) fn of(trace: &Trace, seen: &[Sight]) -> Vec<Labels> {
    let spans: Vec<Option<Span>> = trace.packets.iter().map(span).collect();
    let needless = needless(trace, &spans);
    // How far each sender's stream has been seen.
    let mut newest: HashMap<usize, u32> = HashMap::new();
    let mut opened = HashSet::new();
    (seen.iter())
        .map(|sight| {
            let packet = &trace.packets[sight.packet];
            let mut labels = packet.why.map(Labels::of_reason).unwrap_or_default();
            let Some(span) = spans[sight.packet].filter(|span| span.len > 0) else { return labels };
            if packet.copy {
                labels = Labels::default();
                labels.add(Kind::Copy);
            } else if labels.has(Kind::Again) && needless[sight.packet] {
                labels.add(Kind::Needless);
            }
            if labels.has(Kind::KeepAlive) || labels.has(Kind::WindowProbe) {
                return labels;
            }
            // A SYN looks like the first, unless one before it came by here.
            if span.syn && labels.has(Kind::Syn) && !opened.contains(&span.from) {
                labels.hide();
            }
            opened.extend(span.syn.then_some(span.from));
            let end = span.start.wrapping_add(span.len);
            let newest = newest.entry(span.from).or_insert(span.start);
            let is_late = (newest.wrapping_sub(span.start) as i32) > 0;
            if is_late && !labels.has(Kind::Again) && !labels.has(Kind::Copy) {
                labels.add(Kind::Overtaken);
            }
            if (end.wrapping_sub(*newest) as i32) > 0 {
                *newest = end;
            }
            labels
        })
        .collect()
}

fn span(packet: &Packet) -> Option<Span> {
    let ip = IpPacket::parse(&packet.bytes).ok().filter(|ip| ip.protocol == IpProtocol::TCP)?;
    let tcp = packet.bytes.get(ip.payload.clone())?;
    let header = tcp.get(..20)?;
    let start = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let flags = TcpFlags::from_bits_truncate(u16::from(header[13]));
    let data = tcp.len().saturating_sub(usize::from(header[12] >> 4) * 4);
    let phantom = [TcpFlags::SYN, TcpFlags::FIN].into_iter().filter(|flag| flags.contains(*flag)).count();
    if flags.contains(TcpFlags::RST) {
        return None;
    }
    Some(Span { from: packet.from, start, len: (data + phantom) as u32, syn: flags.contains(TcpFlags::SYN) })
}

/// Whether all of each packet was carried there by one that was sent before it.
fn needless(trace: &Trace, spans: &[Option<Span>]) -> Vec<bool> {
    // What of each stream arrived, whenever that was: where it begins, and where it ends.
    let mut carried: HashMap<usize, BTreeMap<i64, i64>> = HashMap::new();
    let mut bases: HashMap<usize, u32> = HashMap::new();
    (trace.packets.iter().zip(spans))
        .map(|(packet, span)| {
            let Some(span) = span.filter(|span| span.len > 0) else { return false };
            let base = *bases.entry(span.from).or_insert(span.start);
            let start = i64::from(span.start.wrapping_sub(base) as i32);
            let end = start + i64::from(span.len);
            let stream = carried.entry(span.from).or_default();
            let had = !span.syn && stream.range(..=start).next_back().is_some_and(|(_, until)| *until >= end);
            if matches!(packet.arrival, Arrival::At(_)) {
                merge(stream, start, end);
            }
            had
        })
        .collect()
}

/// Adds a stretch, and joins it with those that it touches.
fn merge(stream: &mut BTreeMap<i64, i64>, mut start: i64, mut end: i64) {
    while let Some((&s, &e)) = stream.range(..=end).next_back().filter(|(_, e)| **e >= start) {
        stream.remove(&s);
        (start, end) = (start.min(s), end.max(e));
    }
    stream.insert(start, end);
}
