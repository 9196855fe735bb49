//! The memory that all connections share: what hostile peers and greedy applications can take of it, and that it comes back.

mod common;

use common::*;
use limpid_event::{Error, TcpState};
use limpid_stack::{Config, Medium, MemoryLevel, MemoryLimits, SocketId, StackConfig};
use std::sync::Arc;
use std::time::Duration;

const LIMITS: MemoryLimits = MemoryLimits { low: 1 << 20, pressure: 3 << 19, most: 2 << 20 };

/// Beyond the last bound each connection may have this: a segment where nothing is held.
const ALIVE: usize = 4096;

/// The piece that crosses the bound is taken whole, once: 64 KiB, and what its segments cost beside their data.
const PIECE: usize = 72 << 10;

fn world(tcp: Config) -> World {
    let config = StackConfig { memory: LIMITS, tcp: Arc::new(tcp), ..StackConfig::default() };
    let mut w = World::with(config, |_| Medium::Ip, 1500, 0);
    // What is measured is what frames pin.
    w.cut_frames = false;
    w.hosts.iter_mut().for_each(|h| *h.observer() = Log { off: true, ..Log::default() });
    w
}

/// Connections from A to B, with both of their ends.
fn connections(w: &mut World, count: usize) -> Vec<(SocketId, SocketId)> {
    let listener = w.listen(B, "10.0.0.2:80", count);
    let clients: Vec<SocketId> = (0..count).map(|_| w.connect(A, "10.0.0.2:80")).collect();
    w.run(Duration::from_millis(100));
    let mut pairs = Vec::new();
    while let Ok((server, _)) = w.hosts[B].accept(w.now, listener) {
        pairs.push((clients[pairs.len()], server));
    }
    assert_eq!(pairs.len(), count);
    pairs
}

/// Peers that leave the first segment out and send all the others: what is held out of order never passes the bound, whoever
/// sends it (SegmentSmack, CVE-2018-5390), and what is dropped is sent again in the end.
#[test]
fn many_connections_full_of_what_is_out_of_order() {
    let mut w = world(Config { recv_buffer: 1 << 20, ..Config::default() });
    // The attacker has all it wants.
    let rich = StackConfig { memory: MemoryLimits::default(), ..w.hosts[A].config().clone() };
    w.hosts[A].set_config(w.now, rich);
    let pairs = connections(&mut w, 40);
    // The first segment of each is lost as often as it comes.
    w.drop_if = Some(Box::new(|from, bytes| from == A && bytes.len() > 60 && bytes[52..60] == *b"firstone"));
    let mut data = vec![7; 200_000];
    data[..8].copy_from_slice(b"firstone");
    let mut left: Vec<&[u8]> = vec![&data; pairs.len()];
    let mut worst = 0;
    for _ in 0..200 {
        for ((client, _), left) in pairs.iter().zip(&mut left) {
            if let Ok(n) = w.write(A, *client, left) {
                *left = &left[n..];
            }
        }
        w.run(Duration::from_millis(10));
        worst = worst.max(w.hosts[B].memory());
    }
    assert!(worst > LIMITS.low, "it was a flood: {worst}");
    assert!(worst <= LIMITS.most + pairs.len() * ALIVE, "{worst}");
    assert!(w.counter(B, "TcpExtTCPMemoryPressures") > 0 && w.counter(B, "TcpExtOfoPruned") > 0);
    // The hole is filled, and all arrives.
    w.drop_if = None;
    let mut got = vec![0; pairs.len()];
    let arrived = w.run_until(Duration::from_secs(2000), |w| {
        for (at, (client, server)) in pairs.iter().enumerate() {
            got[at] += w.read(B, *server).map_or(0, |(bytes, _)| bytes.len());
            if let Ok(n) = w.write(A, *client, left[at]) {
                left[at] = &left[at][n..];
            }
        }
        got.iter().all(|&n| n == data.len())
    });
    assert!(arrived, "{got:?}");
    w.run(Duration::from_secs(10));
    assert_eq!((w.hosts[B].memory(), w.hosts[B].memory_level()), (0, MemoryLevel::Plenty));
    assert_eq!(w.hosts[A].memory(), 0, "all is acknowledged");
}

/// Applications that write what nobody reads: they are told to wait, and nobody starves once the others are gone.
#[test]
fn writers_wait_when_memory_is_exhausted() {
    let mut w = world(Config { send_buffer: 1 << 20, send_buffer_fixed: true, ..Config::default() });
    let pairs = connections(&mut w, 20);
    let data = vec![7; 1 << 20];
    for (client, _) in &pairs {
        let _ = w.write(A, *client, &data);
    }
    assert!(w.hosts[A].memory() <= LIMITS.most + PIECE, "{}", w.hosts[A].memory());
    assert_eq!(w.hosts[A].memory_level(), MemoryLevel::Exhausted);
    let refused = pairs.iter().filter(|(client, _)| w.write(A, *client, &data) == Err(Error::WouldBlock)).count();
    assert!(refused > 15, "{refused}");
    for (client, _) in &pairs[1..] {
        w.hosts[A].abort(w.now, *client).unwrap();
    }
    let (client, server) = pairs[0];
    let mut left: &[u8] = &data;
    let arrived = w.run_until(Duration::from_secs(100), |w| {
        while w.read(B, server).is_ok_and(|(bytes, _)| !bytes.is_empty()) {}
        if let Ok(n) = w.write(A, client, left) {
            left = &left[n..];
        }
        left.is_empty()
    });
    assert!(arrived, "{} left", left.len());
}

/// An orphan with much to say gives its memory back when there is none (`tcp_check_oom`).
#[test]
fn orphans_are_reset_when_memory_is_exhausted() {
    let mut w = world(Config { send_buffer: 1 << 20, send_buffer_fixed: true, ..Config::default() });
    let pairs = connections(&mut w, 20);
    let data = vec![7; 1 << 20];
    for (client, _) in &pairs {
        let _ = w.write(A, *client, &data);
    }
    assert_eq!(w.hosts[A].memory_level(), MemoryLevel::Exhausted);
    for (client, _) in &pairs {
        w.hosts[A].close(w.now, *client).unwrap();
    }
    let reset = w.counter(A, "TcpExtTCPAbortOnMemory");
    assert!((1..20).contains(&reset), "only as many as it takes: {reset}");
    assert!(w.hosts[A].memory() <= LIMITS.most);
    w.run(Duration::from_millis(100));
    let gone = pairs.iter().filter(|(_, server)| w.state(B, *server) == TcpState::Closed).count();
    assert_eq!(gone as u64, reset);
}

/// Nobody holds anything who has nothing.
#[test]
fn idle_connections_take_nothing() {
    let mut w = world(Config::default());
    let pairs = connections(&mut w, 100);
    assert_eq!((w.hosts[A].memory(), w.hosts[B].memory()), (0, 0));
    for (client, server) in pairs {
        w.write(A, client, b"hello").unwrap();
        w.run(Duration::from_millis(60));
        assert_eq!(w.read(B, server).unwrap().0, b"hello");
    }
    w.run(Duration::from_secs(1));
    assert_eq!((w.hosts[A].memory(), w.hosts[B].memory()), (0, 0));
}
