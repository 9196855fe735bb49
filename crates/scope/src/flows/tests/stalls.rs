//! Whose fault it is that a connection stands still, paths that take no large packets, and what passes for trouble.

use super::super::{End, Fault, IcmpTrouble, Kind, Opening, TroubleKind};
use super::Wire;
use super::wire::{client, server};
use std::time::Duration;

/// Of the first stall: whose fault, of which end, from and to which packet.
fn fault(wire: &Wire) -> Option<(Fault, End, u64, u64)> {
    wire.flow().stalls.first().map(|stall| (stall.fault, stall.end, stall.from, stall.to))
}

#[test]
fn an_application_that_has_nothing_to_send() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10_000, server(".", 1, 0, 101));
    wire.after(2_000_000, server("P.", 1, 500, 101));
    assert_eq!(fault(&wire), Some((Fault::Application, End::Server, 5, 6)));
    assert_eq!(wire.flow().stalled[Fault::Application as usize], Duration::from_secs(2));
    assert!(wire.flow().troubles.is_empty(), "that is no trouble of TCP's");
}

#[test]
fn a_closed_window() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    wire.after(10_000, server(".", 1, 0, 1001).window(0));
    wire.after(1_000_000, server(".", 1, 0, 1001).window(500));
    assert_eq!(fault(&wire), Some((Fault::Window, End::Server, 5, 6)));
    let trouble = *wire.flow().troubles.find(TroubleKind::ZeroWindow, End::Server).expect("it was closed");
    assert_eq!((trouble.count, trouble.lasted, trouble.packets()), (1, Duration::from_secs(1), [5].as_slice()));
}

#[test]
fn a_loss_that_waits_for_the_timer() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    wire.after(220_000, client("P.", 1, 1000, 1));
    assert_eq!(fault(&wire), Some((Fault::Loss, End::Client, 4, 5)));
}

#[test]
fn a_network_that_takes_long() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    wire.after(900_000, server(".", 1, 0, 1001));
    assert_eq!(fault(&wire), Some((Fault::Network, End::Client, 4, 5)));
}

#[test]
fn a_path_that_drops_large_segments_silently() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 200, 1));
    wire.after(10_000, server("P.", 1, 300, 201));
    for wait in [1_000, 210_000, 420_000, 840_000] {
        wire.after(wait, client("P.", 201, 1448, 301));
    }
    assert!(wire.flow().troubles.find(TroubleKind::BlackHole, End::Client).is_some());
}

/// An ICMP error of the server about the client's segment.
fn icmp(kind: u8, code: u8, mtu: u16, about: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, (28 + 28) as u8, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
    packet.extend([kind, code, 0, 0, 0, 0]);
    packet.extend(mtu.to_be_bytes());
    packet.extend(&about[..28]);
    packet
}

#[test]
fn icmp_errors_belong_to_connections() {
    let mut wire = Wire::open();
    let large = client("P.", 1, 1448, 1);
    wire.after(1_000, large.clone());
    let seen = wire.bytes(&icmp(3, 4, 1400, &large.bytes())).expect("it is about a connection");
    assert_eq!((seen.kind, seen.from, seen.seq), (Kind::Icmp(IcmpTrouble::TooBig { mtu: 1400 }), End::Server, 1));
    assert_eq!(wire.flow().path_mtu, 1400);
    let again = wire.after(100, client(".", 1, 1348, 1)).again.expect("it is sent again");
    assert_eq!(again.cause, super::super::Cause::PathMtu);
    let nobody = client("P.", 1, 1448, 1).port(9);
    assert_eq!(wire.bytes(&icmp(3, 4, 1400, &nobody.bytes())), None);
}

#[test]
fn an_icmp_error_ends_a_connect() {
    let mut wire = Wire::new();
    let syn = client("S", 1, 0, 0).offers();
    wire.at(0, syn.clone());
    wire.bytes(&icmp(3, 13, 0, &syn.bytes())).expect("it is about a connection");
    let flow = wire.end();
    assert_eq!(flow.opening, Opening::Unreachable);
    assert_eq!(flow.refusal.map(|(_, trouble)| trouble), Some(IcmpTrouble::Prohibited));
}

#[test]
fn captures_that_miss_packets() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    let ack = wire.after(10_000, server(".", 1, 0, 3001));
    assert!(ack.acks_unseen);
    assert_eq!(wire.flow().end(End::Client).unseen_bytes, 2000);
    let next = wire.after(10, client("P.", 3001, 1000, 1));
    assert_eq!(next.again, None);
}

#[test]
fn a_window_that_is_filled() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10_000, server(".", 1, 0, 101).window(10));
    assert!(!wire.after(10, client("P.", 101, 1279, 1)).fills_window);
    assert!(wire.after(10, client("P.", 1380, 1, 1)).fills_window, "windows are scaled");
    let mut wire = Wire::new();
    wire.at(0, client("S", 0, 0, 0));
    wire.after(10, server("S.", 0, 0, 1));
    wire.after(10, client(".", 1, 0, 1));
    wire.after(10, server(".", 1, 0, 1).window(1000));
    assert!(wire.after(10, client("P.", 1, 1000, 1)).fills_window);
    assert_eq!(wire.flow().end(End::Server).window.full_count, 1);
}
