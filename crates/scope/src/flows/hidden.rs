//! Which connections a filter showed a part of: from what is not there nothing follows about them.

use super::Flow;
use super::key::{FlowKey, Secret};
use super::packet;
use crate::capture::PacketRef;
use limpid_wire::Endpoint;
use std::collections::HashSet;

/// The most connections that are remembered.
const MAX_HIDDEN: usize = 1 << 20;

/// Connections of which a filter refused packets (or ICMP errors about them). Bounded: of those beyond a million that were
/// refused something nothing is known.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// The keyed hashes of their endpoints: that two fall together is as good as impossible.
    refused: HashSet<u64>,
    secret: Secret,
    everything: bool,
}

impl Default for Hidden {
    fn default() -> Hidden {
        Hidden { refused: HashSet::new(), secret: Secret::new(), everything: false }
    }
}

impl Hidden {
    /// Takes note of a packet that the filter refused.
    pub fn note(&mut self, packet: &PacketRef<'_>) {
        if self.refused.len() < MAX_HIDDEN
            && let Some(key) = packet::key(packet.link_type, packet.data, packet.original_len)
        {
            self.refused.insert(self.secret.hash(&key));
        }
    }

    /// A filter of which nothing else is known may have hidden packets of any connection.
    pub fn note_all(&mut self) {
        self.everything = true;
    }

    /// True if packets of this connection were hidden, or may have been.
    pub fn has(&self, flow: &Flow) -> bool {
        self.of(flow.ends[0].endpoint, flow.ends[1].endpoint)
    }

    /// True if packets between these endpoints were hidden, or may have been.
    pub fn of(&self, one: Endpoint, other: Endpoint) -> bool {
        self.everything
            || !self.refused.is_empty() && self.refused.contains(&self.secret.hash(&FlowKey::between(one, other)))
    }

    /// True if any connection's packets may be hidden.
    pub fn is_all(&self) -> bool {
        self.everything
    }

    /// True if nothing was hidden, as far as is known.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.refused.is_empty()
    }
}
