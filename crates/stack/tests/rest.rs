//! Connections at rest: whether they ever rested is seen in nothing but memory.

mod common;

use common::{A, B, Impairments, World};
use limpid_event::{Event, FlowId, Instant};
use limpid_stack::{Config, Medium, SocketId, StackConfig};
use std::sync::Arc;
use std::time::Duration;

/// What a run showed: every packet, every event, and what each end tells of itself at its end.
#[derive(PartialEq)]
struct Shown {
    carried: Vec<(usize, Vec<u8>)>,
    events: [Vec<(Instant, FlowId, Event)>; 2],
    infos: Vec<String>,
}

/// Connections that speak, pause and speak again over a bad link, some with keepalive; how often one was seen at rest.
fn play(rest_after: Duration, seed: u64) -> (Shown, usize) {
    let config = StackConfig { rest_after, ..StackConfig::default() };
    let mut w = World::with(config, |_| Medium::Ip, 1500, 0);
    w.rng = common::Rng::new(seed);
    let ends: Vec<(SocketId, SocketId)> = (0..5).map(|n| w.connected(&format!("10.0.0.2:{}", 80 + n))).collect();
    for &(client, server) in &ends[3..] {
        for (host, socket) in [(A, client), (B, server)] {
            let now = w.now;
            let keepalive = |config: &mut Config| config.keepalive = Some(config.keepalive_figures);
            w.hosts[host].configure(now, socket, keepalive).unwrap();
        }
    }
    w.impairments = Impairments { loss: 50, reordering: 50, ..Impairments::default() };
    let mut rested = 0;
    let mut infos = Vec::new();
    for round in 0..12u64 {
        for (n, &(client, server)) in ends.iter().enumerate() {
            let (host, from, to) =
                if (round + n as u64).is_multiple_of(3) { (B, server, client) } else { (A, client, server) };
            if n as u64 != round % 4 {
                let bytes = vec![round as u8; 1 + w.rng.below(40_000) as usize];
                w.write(host, from, &bytes).unwrap();
            }
            w.run_until(Duration::from_secs(60), |w| {
                let _ = w.read(1 - host, to);
                w.hosts[host].unacknowledged(from) == Ok(0)
            });
        }
        // Long enough for all, and at times for keepalive.
        w.run(Duration::from_secs(if round % 5 == 4 { 8000 } else { 3 }));
        for host in [A, B] {
            (0..100).for_each(|_| w.hosts[host].handle_timeout(w.now));
            rested += w.hosts[host].resting_connections();
        }
        for &(client, server) in &ends {
            for (host, socket) in [(A, client), (B, server)] {
                let stack = &w.hosts[host];
                infos.push(format!("{:?} {:?}", stack.info(w.now, socket), stack.readiness(socket)));
                infos.push(format!("{:?} {:?}", stack.recv_bounds(socket), stack.stream_position(socket)));
            }
        }
    }
    for &(client, server) in &ends {
        let now = w.now;
        w.hosts[A].close(now, client).unwrap();
        w.run(Duration::from_secs(5));
        let now = w.now;
        w.hosts[B].close(now, server).unwrap();
    }
    w.run(Duration::from_secs(400));
    let events = [A, B].map(|host| std::mem::take(&mut w.hosts[host].observer().events));
    (Shown { carried: w.carried, events, infos }, rested)
}

#[test]
fn nothing_shows_that_a_connection_rested() {
    for seed in 0..6 {
        let (awake, never) = play(Duration::MAX, seed);
        let (rested, often) = play(Duration::ZERO, seed);
        let (usual, sometimes) = play(StackConfig::default().rest_after, seed);
        assert_eq!(never, 0);
        assert!(often > 60 && sometimes > 40, "{often} {sometimes}");
        for (name, run) in [("at once", rested), ("usually", usual)] {
            for (n, (a, b)) in awake.infos.iter().zip(&run.infos).enumerate() {
                assert_eq!(a, b, "seed {seed}, rests {name}: {n}");
            }
            for (a, b) in awake.events.iter().zip(&run.events) {
                let differing = a.iter().zip(b).find(|(a, b)| a != b);
                assert_eq!(differing, None, "seed {seed}, rests {name}");
            }
            assert!(awake == run, "seed {seed}, rests {name}");
        }
    }
}

/// Settings reach who rests, and what only asks does not rouse.
#[test]
fn asking_does_not_rouse_and_settings_reach_it() {
    let mut w = World::new();
    let (client, _) = w.connected("10.0.0.2:80");
    w.run(Duration::from_secs(3));
    (0..10).for_each(|_| w.hosts[A].handle_timeout(w.now));
    assert_eq!(w.hosts[A].resting_connections(), 1);
    let now = w.now;
    assert!(w.hosts[A].info(now, client).is_ok());
    assert_eq!(w.hosts[A].list().count(), 1);
    assert_eq!(w.hosts[A].resting_connections(), 1);
    let tcp = Arc::new(Config { no_delay: true, ..Config::default() });
    w.hosts[A].set_config(now, StackConfig { tcp, ..StackConfig::default() });
    w.write(A, client, b"awake").unwrap();
    assert_eq!(w.hosts[A].resting_connections(), 0);
}
