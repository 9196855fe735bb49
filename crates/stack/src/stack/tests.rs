//! Work, counted: what one connection costs must not depend on how many others there are.

use crate::{ListenConfig, Secrets, SocketId, Stack, StackConfig};
use alloc::vec::Vec;
use limpid_event::{Instant, Silent};
use limpid_wire::Endpoint;

fn end(s: &str) -> Endpoint {
    s.parse().unwrap()
}

const NOW: Instant = Instant::from_millis(1);

fn open(stack: &mut Stack<Silent>, listener: SocketId) -> (SocketId, SocketId) {
    let client = stack.connect(NOW, None, end("127.0.0.1:80"), None).unwrap();
    stack.handle_timeout(NOW);
    (client, stack.accept(NOW, listener).unwrap().0)
}

/// Table entries compared and timers moved by one connect and close, beside `idle` other sockets.
fn work(idle: usize) -> u64 {
    let config = StackConfig { ephemeral_ports: 1024..=65_535, ..StackConfig::default() };
    let mut stack = Stack::new(config, Secrets { seed: [5; 32] }, Silent);
    let listener = stack.listen(NOW, ListenConfig::new(end("127.0.0.1:80"), 8)).unwrap();
    let others: Vec<_> = (0..idle / 2).map(|_| open(&mut stack, listener)).collect();
    assert_eq!(stack.open_connections(), others.len() * 2);
    let looked_at = |stack: &Stack<Silent>| stack.table.probes.get() + stack.wheel.moves;
    let before = looked_at(&stack);
    let (client, server) = open(&mut stack, listener);
    stack.close(NOW, client).unwrap();
    stack.close(NOW, server).unwrap();
    stack.handle_timeout(NOW);
    assert!(stack.net.iface(crate::IfaceId::LOOPBACK).ready.is_empty());
    looked_at(&stack) - before
}

#[test]
fn forty_thousand_idle_sockets_do_not_slow_a_connect() {
    let (alone, crowded) = (work(0), work(40_000));
    assert!(alone < 50, "{alone}");
    // A few more comparisons where hashes share their first bits, and ports that are taken.
    assert!(crowded < alone + 20, "{crowded} against {alone}");
}
