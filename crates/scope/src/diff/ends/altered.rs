//! What the path changed in packets on their way.

use super::matching::Way;
use crate::diff::side::Seen;
use limpid_wire::TcpFlags;

/// Something that arrived otherwise than it left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Altered {
    /// What, as a clause: `the MSS was lowered from 1460 to 1360`.
    pub what: String,
    /// How many packets show it.
    pub count: u64,
    /// The first that does: its number in the sender's capture and in the receiver's.
    pub first: (u64, u64),
    /// It happens on ordinary paths and means no harm, as a router's step of the TTL.
    pub ordinary: bool,
}

/// All that one direction shows.
pub(super) fn find(way: &Way<'_>) -> Vec<Altered> {
    let mut found: Vec<Altered> = Vec::new();
    let mut add = |what: String, ordinary: bool, left: &Seen, came: &Seen| {
        if let Some(altered) = found.iter_mut().find(|altered| altered.what == what) {
            altered.count += 1;
        } else if found.len() < MAX_KINDS {
            found.push(Altered { what, count: 1, first: (left.number, came.number), ordinary });
        }
    };
    for (left, came) in way.matched() {
        if left.tcp.is(TcpFlags::SYN) {
            syn_options(left, came, &mut |what| add(what, false, left, came));
            let moved = came.tcp.seq.0.wrapping_sub(left.tcp.seq.0);
            if moved != 0 {
                add("sequence numbers were rewritten".into(), false, left, came);
            }
        } else {
            every_packet(left, came, &mut |what| add(what, false, left, came));
        }
        let hops = left.ttl.checked_sub(came.ttl);
        match hops {
            Some(0) => {}
            Some(1) => add("the TTL fell by 1: one router forwards".into(), true, left, came),
            Some(n) => add(format!("the TTL fell by {n}: {n} routers forward"), true, left, came),
            None => add(format!("the TTL was raised from {} to {}", left.ttl, came.ttl), false, left, came),
        }
        // Cut or merged on the way, a packet has its own identification.
        if left.tcp.len == came.tcp.len && left.id != came.id && left.id.is_some() {
            add("the IP identification was rewritten".into(), true, left, came);
        }
        dscp_and_ecn(left, came, &mut |what| add(what, false, left, came));
    }
    found
}

/// The most different things that are told of one direction.
const MAX_KINDS: usize = 24;

fn syn_options(left: &Seen, came: &Seen, say: &mut impl FnMut(String)) {
    let (x, y) = (&left.tcp.options, &came.tcp.options);
    match (x.mss, y.mss) {
        (Some(from), Some(to)) if to < from => say(format!("the MSS was lowered from {from} to {to} (clamped)")),
        (Some(from), Some(to)) if to > from => say(format!("the MSS was raised from {from} to {to}")),
        (Some(from), None) => say(format!("the MSS option ({from}) was taken out: 536 counts instead")),
        (None, Some(to)) => say(format!("an MSS option ({to}) was put in")),
        _ => {}
    }
    match (x.window_scale, y.window_scale) {
        (Some(from), None) => {
            say(format!("the window scale option ({from}) was taken out: no window can be larger than 65,535 B"))
        }
        (Some(from), Some(to)) if from != to => say(format!("the window scale was changed from {from} to {to}")),
        (None, Some(to)) => say(format!("a window scale option ({to}) was put in")),
        _ => {}
    }
    match (x.sack_permitted, y.sack_permitted) {
        (true, false) => say("SACK-permitted was taken out: losses are repaired without SACK".into()),
        (false, true) => say("SACK-permitted was put in".into()),
        _ => {}
    }
    match (x.timestamps, y.timestamps) {
        (Some(_), None) => say("timestamps were taken out".into()),
        (None, Some(_)) => say("timestamps were put in".into()),
        (Some(from), Some(to)) if from != to => say("timestamps were rewritten".into()),
        _ => {}
    }
    if x.fast_open.is_some() && y.fast_open.is_none() {
        say("the Fast Open option was taken out".into());
    }
    let ecn = TcpFlags::ECE | TcpFlags::CWR;
    if left.tcp.flags & ecn != came.tcp.flags & ecn {
        say("the flags that negotiate ECN were changed".into());
    }
}

fn every_packet(left: &Seen, came: &Seen, say: &mut impl FnMut(String)) {
    match (left.tcp.options.timestamps, came.tcp.options.timestamps) {
        (Some(_), None) => say("timestamps were taken out after the handshake".into()),
        (Some(from), Some(to)) if from != to => say("timestamps were rewritten after the handshake".into()),
        _ => {}
    }
    if left.tcp.len == came.tcp.len {
        if left.tcp.window != came.tcp.window {
            say("the window field was rewritten".into());
        }
        if left.tcp.options.sack.len() > came.tcp.options.sack.len() {
            say("SACK blocks were taken out".into());
        }
    }
}

/// The second byte of an IPv4 header, or its twin in IPv6's.
fn traffic_class(seen: &Seen) -> Option<u8> {
    match seen.bytes.first()? >> 4 {
        4 => seen.bytes.get(1).copied(),
        _ => Some(seen.bytes.first()? << 4 | seen.bytes.get(1)? >> 4),
    }
}

fn dscp_and_ecn(left: &Seen, came: &Seen, say: &mut impl FnMut(String)) {
    let (Some(x), Some(y)) = (traffic_class(left), traffic_class(came)) else { return };
    if x >> 2 != y >> 2 {
        say(format!("the DSCP was changed from {} to {}", x >> 2, y >> 2));
    }
    match (x & 3, y & 3) {
        (from, 3) if from != 3 => say("congestion was marked on the way (ECN's CE)".into()),
        (from, 0) if from != 0 => say("the ECN bits of the IP header were cleared".into()),
        _ => {}
    }
}
