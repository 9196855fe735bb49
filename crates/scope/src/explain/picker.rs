//! Picks the packets of a few connections out of a capture that is read again.

use super::Explained;
use crate::capture::PacketRef;
use crate::flows::key::{FlowKey, Secret};
use crate::flows::packet;
use crate::truth::MAX_PACKETS;
use hashbrown::HashTable;

/// A connection with more packets than this is told of by its figures alone.
pub const MAX_CLOSE: u64 = 4_000;

/// Knows which packets are wanted.
#[derive(Clone, Debug)]
pub struct Picker {
    /// Numbers of the first and the last packet of each connection, by its endpoints.
    wanted: HashTable<(FlowKey, Vec<(u64, u64)>)>,
    secret: Secret,
    range: (u64, u64),
    /// A mark for each pair of ports: nearly all others need no look at the table.
    ports: u64,
}

impl Picker {
    /// For those of `connections` that are short enough to be told of packet by packet, as many as a
    /// [`Collector`](crate::truth::Collector) keeps whole; the first go before.
    pub fn new(connections: &[Explained]) -> Picker {
        let mut picker = Picker { wanted: HashTable::new(), secret: Secret::new(), range: (u64::MAX, 0), ports: 0 };
        for flow in near(connections).map(|explained| &explained.flow) {
            let key = FlowKey::between(flow.ends[0].endpoint, flow.ends[1].endpoint);
            let (first, last) = (flow.first_packet, flow.last_packet);
            picker.add(key, (first, last));
            picker.range = (picker.range.0.min(first), picker.range.1.max(last));
        }
        picker
    }

    fn add(&mut self, key: FlowKey, range: (u64, u64)) {
        let secret = self.secret;
        self.ports |= port_mark(&key);
        let entry = self.wanted.entry(secret.hash(&key), |(other, _)| *other == key, |(other, _)| secret.hash(other));
        entry.or_insert_with(|| (key, Vec::new())).into_mut().1.push(range);
    }

    /// True if no packet is wanted.
    pub fn is_idle(&self) -> bool {
        self.wanted.is_empty()
    }

    /// True if the packet belongs to one of the connections.
    #[inline]
    pub fn wants(&self, packet: &PacketRef<'_>) -> bool {
        let (first, last) = self.range;
        if packet.number < first || packet.number > last {
            return false;
        }
        let Some(key) = packet::key(packet.link_type, packet.data, packet.original_len) else { return false };
        if self.ports & port_mark(&key) == 0 {
            return false;
        }
        let found = self.wanted.find(self.secret.hash(&key), |(other, _)| *other == key);
        let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&packet.number);
        found.is_some_and(|(_, ranges)| ranges.iter().any(within))
    }
}

/// One of 64, by the ports.
#[inline]
fn port_mark(key: &FlowKey) -> u64 {
    1 << (key.ports().wrapping_mul(0x9e37_79b9) >> 26)
}

/// Those that are short enough to be told of packet by packet.
pub(super) fn near(connections: &[Explained]) -> impl Iterator<Item = &Explained> {
    let mut room = MAX_PACKETS as u64;
    connections.iter().filter(move |explained| {
        let packets = explained.flow.packets();
        let fits = packets <= MAX_CLOSE && packets <= room;
        room -= if fits { packets } else { 0 };
        fits
    })
}
