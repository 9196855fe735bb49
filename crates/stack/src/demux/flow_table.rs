//! The 4-tuple and the table that it is looked up in.

use crate::IfaceId;
use crate::keys::Key;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use limpid_wire::Endpoint;

/// Names a connection on the wire: both ends, and the interface where an address is link-local.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FlowKey {
    /// Our end.
    pub(crate) local: Endpoint,
    /// The other end.
    pub(crate) remote: Endpoint,
    /// The interface plus one if either address means something on one link only, else 0.
    scope: u16,
}

impl FlowKey {
    /// The key of a connection over `iface`.
    pub(crate) fn new(local: Endpoint, remote: Endpoint, iface: IfaceId) -> FlowKey {
        // IPv4's 169.254/16 is left out: Linux does not scope it either.
        let scoped = |e: Endpoint| !e.addr.is_v4() && e.addr.is_link_local();
        let scope = if scoped(local) || scoped(remote) { iface.0 + 1 } else { 0 };
        FlowKey { local, remote, scope }
    }

    /// The interface, if the addresses mean something there only.
    pub(crate) fn scope(&self) -> Option<IfaceId> {
        self.scope.checked_sub(1).map(IfaceId)
    }

    /// All of it as bytes, for hashing.
    #[inline]
    pub(crate) fn bytes(&self) -> [u8; 38] {
        let mut b = [0; 38];
        b[..16].copy_from_slice(&self.local.addr.octets());
        b[16..32].copy_from_slice(&self.remote.addr.octets());
        b[32..34].copy_from_slice(&self.local.port.to_be_bytes());
        b[34..36].copy_from_slice(&self.remote.port.to_be_bytes());
        b[36..].copy_from_slice(&self.scope.to_be_bytes());
        b
    }
}

/// Where a connection's phase lives: a place in one of the stack's slabs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Handle {
    /// SYN-SENT, or a connection.
    Flow(u32),
    /// SYN-RECEIVED without a socket.
    Embryo(u32),
    /// A SYN that waits for the application's answer.
    Held(u32),
    /// TIME-WAIT, or an orphan's FIN-WAIT-2.
    TimeWait(u32),
}

/// Every connection by its 4-tuple.
pub(crate) struct FlowTable {
    table: HashTable<(FlowKey, Handle)>,
    key: Key,
    /// Entries looked at, for the tests: work, not time.
    #[cfg(test)]
    pub(crate) probes: core::cell::Cell<u64>,
}

impl FlowTable {
    pub(crate) fn new(key: Key) -> FlowTable {
        FlowTable {
            table: HashTable::new(),
            key,
            #[cfg(test)]
            probes: core::cell::Cell::new(0),
        }
    }

    /// Looks a connection up.
    #[inline]
    pub(crate) fn find(&self, key: &FlowKey) -> Option<Handle> {
        let hash = hash(self.key, key);
        self.table.find(hash, |(k, _)| self.is_it(k, key)).map(|&(_, handle)| handle)
    }

    #[inline]
    fn is_it(&self, entry: &FlowKey, key: &FlowKey) -> bool {
        #[cfg(test)]
        self.probes.set(self.probes.get() + 1);
        entry == key
    }

    /// Enters a connection, or the next phase of one.
    pub(crate) fn set(&mut self, key: FlowKey, handle: Handle) {
        let sip = self.key;
        match self.table.entry(hash(sip, &key), |(k, _)| *k == key, |(k, _)| hash(sip, k)) {
            Entry::Occupied(mut entry) => entry.get_mut().1 = handle,
            Entry::Vacant(entry) => {
                entry.insert((key, handle));
            }
        }
    }

    /// Takes a connection out, if it is still the one that `handle` names.
    pub(crate) fn remove(&mut self, key: &FlowKey, handle: Handle) {
        let hash = hash(self.key, key);
        if let Ok(entry) = self.table.find_entry(hash, |(k, h)| k == key && *h == handle) {
            entry.remove();
        }
    }
}

/// The hash of a 4-tuple: of IPv4 only what differs, a third of the bytes.
#[inline]
fn hash(sip: Key, key: &FlowKey) -> u64 {
    let FlowKey { local, remote, scope: _ } = key;
    match (local.addr.as_v4(), remote.addr.as_v4()) {
        (Some(ours), Some(theirs)) => {
            let [a, b] = local.port.to_be_bytes();
            let [c, d] = remote.port.to_be_bytes();
            let (o, t) = (ours, theirs);
            sip.hash13(&[o[0], o[1], o[2], o[3], t[0], t[1], t[2], t[3], a, b, c, d])
        }
        _ => sip.hash13(&key.bytes()),
    }
}
