//! Initial sequence numbers (RFC 6528), timestamp offsets (RFC 7323 §5.4), and other numbers that differ from flow to
//! flow and that nobody outside may predict.

use crate::demux::FlowKey;
use crate::keys::Keys;
use limpid_event::Instant;
use limpid_wire::{IpAddr, SeqNum};

/// The initial sequence number of a connection: a clock of 4 µs plus a keyed hash of the 4-tuple (RFC 6528 §3). A later
/// incarnation of the same 4-tuple gets a later number; another 4-tuple's tells nothing about it.
pub(crate) fn initial_sequence_number(keys: &Keys, now: Instant, key: &FlowKey) -> SeqNum {
    let clock = (now.as_nanos() / 4_000) as u32;
    SeqNum(clock.wrapping_add(keys.isn.hash24(&key.bytes()) as u32))
}

/// The offset of the timestamp clock, the same for all connections between two addresses, so that what PAWS compares
/// stays monotonic from one to the next, as Linux's `secure_tcp_ts_off` (RFC 7323 §5.4).
pub(crate) fn timestamp_offset(keys: &Keys, local: IpAddr, remote: IpAddr) -> u32 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&local.octets());
    bytes[16..].copy_from_slice(&remote.octets());
    keys.timestamps.hash24(&bytes) as u32
}

/// IPv6's flow label (RFC 6437 §3), 20 bits and not 0, and the first IPv4 identification of a flow.
pub(crate) fn flow_label(keys: &Keys, key: &FlowKey) -> (u32, u16) {
    let hash = keys.flow_label.hash13(&key.bytes());
    ((hash as u32 & 0xf_ffff).max(1), (hash >> 32) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IfaceId, Secrets};
    use core::time::Duration;
    use limpid_wire::Endpoint;

    fn key(port: u16) -> FlowKey {
        let end = |last, port| Endpoint::new(IpAddr::v4([10, 0, 0, last]), port);
        FlowKey::new(end(1, port), end(2, 80), IfaceId(1))
    }

    #[test]
    fn a_later_incarnation_gets_a_later_number() {
        let keys = Keys::new(&Secrets { seed: [7; 32] });
        let first = initial_sequence_number(&keys, Instant::from_millis(5), &key(4000));
        let later = Instant::from_millis(5) + Duration::from_secs(1);
        assert_eq!(initial_sequence_number(&keys, later, &key(4000)) - first, 250_000);
    }

    #[test]
    fn flows_and_hosts_have_unrelated_numbers() {
        let keys = Keys::new(&Secrets { seed: [7; 32] });
        let others = Keys::new(&Secrets { seed: [8; 32] });
        let isn = |keys, port| initial_sequence_number(keys, Instant::ZERO, &key(port));
        assert_ne!(isn(&keys, 4000), isn(&keys, 4001));
        assert_ne!(isn(&keys, 4000), isn(&others, 4000));
        let (a, b) = (IpAddr::v4([10, 0, 0, 1]), IpAddr::v4([10, 0, 0, 2]));
        assert_ne!(timestamp_offset(&keys, a, b), timestamp_offset(&others, a, b));
        assert_ne!(timestamp_offset(&keys, a, b), timestamp_offset(&keys, b, a));
    }
}
