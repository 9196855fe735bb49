//! What each phase costs in memory, in bytes: who adds to one meets its bound here.

use crate::connection::{rcv::Rcv, snd::Snd};
use crate::{Connection, SynReceived, SynSent, TimeWait, Transmit};
use core::mem::size_of;

/// What a busy server keeps of each of its peers.
#[test]
fn a_connection_is_small() {
    let sizes = [size_of::<Connection>(), size_of::<Snd>(), size_of::<Rcv>(), size_of::<Transmit>()];
    let bounds = [1424, 848, 304, 232];
    assert!(sizes.iter().zip(bounds).all(|(size, bound)| *size <= bound), "{sizes:?}, of at most {bounds:?}");
}

/// The bounds that a SYN flood and a busy server rely on.
#[test]
fn the_small_phases_are_small() {
    assert!(size_of::<SynSent>() <= 256);
    assert!(size_of::<SynReceived>() <= 128);
    assert!(size_of::<TimeWait>() <= 64);
}
