//! Why each segment was sent, where the sender's engine told.

use crate::analysis::packet::{Content, dissect};
use crate::trace::{Packet, Trace};
use crate::verdict::{Kind, Known, Verdict};
use crate::words;
use limpid_event::TxReason;
use limpid_wire::Endpoint;
use std::collections::HashMap;

/// Segments sent for the same reason are named one by one up to so many.
const MAX_NAMED: usize = 4;

/// Sentences, one for each end that told: for what reasons it sent its segments, and which.
pub fn reasons(trace: &Trace) -> Vec<Verdict> {
    let mut ends: Vec<End> = Vec::new();
    let mut places: HashMap<(Endpoint, Endpoint), usize> = HashMap::new();
    for packet in trace.packets.iter().filter(|packet| !packet.copy) {
        let (Some(why), Content::Tcp(tcp)) = (packet.why, dissect(&packet.bytes)) else { continue };
        let ways = (tcp.src, tcp.dst);
        let at = *places.entry(ways).or_insert(ends.len());
        if at == ends.len() {
            ends.push(End { ways, reasons: Vec::new() });
        }
        ends[at].take(packet, why);
    }
    ends.iter().map(End::verdict).collect()
}

/// What one end sent to the other.
struct End {
    ways: (Endpoint, Endpoint),
    /// Packets by their reason, in the order in which reasons came up.
    reasons: Vec<(TxReason, Vec<u64>)>,
}

impl End {
    fn take(&mut self, packet: &Packet, why: TxReason) {
        match self.reasons.iter_mut().find(|(other, _)| *other == why) {
            Some((_, packets)) => packets.push(packet.number),
            None => self.reasons.push((why, vec![packet.number])),
        }
    }

    fn verdict(&self) -> Verdict {
        let part = |(why, packets): &(TxReason, Vec<u64>)| match packets.len() {
            ..=MAX_NAMED => format!("{} ({})", why.text(), words::list(packets)),
            count => format!("{} ({})", why.text(), words::count(count as u64, "segment")),
        };
        let parts: Vec<String> = self.reasons.iter().map(part).collect();
        let mut packets: Vec<u64> = self.reasons.iter().filter_map(|(_, packets)| packets.first().copied()).collect();
        packets.sort_unstable();
        Verdict {
            connection: self.ways,
            kind: Kind::Reasons,
            known: Known::Inside,
            sentence: format!("{} told why it sent each segment: {}.", self.ways.0, parts.join("; ")),
            packets,
        }
    }
}
