//! Picks the packets of a few connections out of a capture that is read again.

use super::Explained;
use crate::analysis::packet::{Content, dissect};
use crate::capture::PacketRef;
use crate::trace::ip_packet;
use limpid_wire::Endpoint;
use std::collections::HashMap;

/// A connection with more packets than this is told of by its figures alone.
pub const MAX_CLOSE: u64 = 4_000;

/// Knows which packets are wanted.
#[derive(Clone, Debug)]
pub struct Picker {
    /// Numbers of the first and the last packet of each connection, by its endpoints.
    wanted: HashMap<(Endpoint, Endpoint), Vec<(u64, u64)>>,
    range: (u64, u64),
}

impl Picker {
    /// For those of `connections` that are short enough to be told of packet by packet.
    pub fn new(connections: &[Explained]) -> Picker {
        let mut picker = Picker { wanted: HashMap::new(), range: (u64::MAX, 0) };
        for flow in connections.iter().map(|explained| &explained.flow).filter(|flow| flow.packets() <= MAX_CLOSE) {
            let [client, server] = flow.ends.each_ref().map(|end| end.endpoint);
            let range = (flow.first_packet, flow.last_packet);
            picker.wanted.entry(sorted(client, server)).or_default().push(range);
            picker.range = (picker.range.0.min(range.0), picker.range.1.max(range.1));
        }
        picker
    }

    /// True if no packet is wanted.
    pub fn is_idle(&self) -> bool {
        self.wanted.is_empty()
    }

    /// True if the packet belongs to one of the connections.
    pub fn wants(&self, packet: &PacketRef<'_>) -> bool {
        let (first, last) = self.range;
        if packet.number < first || packet.number > last {
            return false;
        }
        let Some(bytes) = ip_packet(packet.link_type, packet.data) else { return false };
        let key = match dissect(bytes) {
            Content::Tcp(tcp) => sorted(tcp.src, tcp.dst),
            Content::Icmp(error) => sorted(error.about.0, error.about.1),
            Content::Other => return false,
        };
        let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&packet.number);
        self.wanted.get(&key).is_some_and(|ranges| ranges.iter().any(within))
    }
}

fn sorted(a: Endpoint, b: Endpoint) -> (Endpoint, Endpoint) {
    if a <= b { (a, b) } else { (b, a) }
}
