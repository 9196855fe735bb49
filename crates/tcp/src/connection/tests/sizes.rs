//! What each phase costs in memory: a table that shows when one grows.

use crate::connection::{rcv::Rcv, snd::Snd};
use crate::{Connection, SynReceived, SynSent, TimeWait, Transmit};
use alloc::string::String;
use core::fmt::Write;
use core::mem::size_of;

#[test]
fn sizes_in_bytes() {
    let mut table = String::new();
    let mut row = |name: &str, size: usize| writeln!(table, "{name:<12} {size:>4}").unwrap();
    row("SynReceived", size_of::<SynReceived>());
    row("SynSent", size_of::<SynSent>());
    row("Connection", size_of::<Connection>());
    row("  sending", size_of::<Snd>());
    row("  receiving", size_of::<Rcv>());
    row("TimeWait", size_of::<TimeWait>());
    row("Transmit", size_of::<Transmit>());
    insta::assert_snapshot!(table);
}

/// The bounds that a SYN flood and a busy server rely on.
#[test]
fn the_small_phases_are_small() {
    assert!(size_of::<SynReceived>() <= 128);
    assert!(size_of::<TimeWait>() <= 64);
}
