//! TCP-MD5 (RFC 2385) and TCP-AO (RFC 5925) between two stacks.

mod common;

use common::{A, B, World, end};
use limpid_event::{Counter, TcpState};
use limpid_stack::{AoAlgorithm, AoKey, KeyError, ListenConfig, Medium, Secret, Shutdown, SocketId, StackConfig};
use limpid_wire::Cidr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn peer(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes()).unwrap()
}

fn ao(peer_of: &str, ids: (u8, u8), algorithm: AoAlgorithm, key: &str) -> AoKey {
    AoKey {
        peer: peer(peer_of),
        send_id: ids.0,
        recv_id: ids.1,
        algorithm,
        mac_len: 12,
        exclude_options: false,
        secret: secret(key),
    }
}

/// A listener on B and a socket on A, each with keys as `arm` says.
fn sockets(world: &mut World, remote: &str, arm: impl Fn(&mut World, usize, SocketId)) -> [SocketId; 2] {
    let listener = world.hosts[B].listen(world.now, ListenConfig::new(end(remote), 4)).unwrap();
    let client = world.hosts[A].socket();
    arm(world, B, listener);
    arm(world, A, client);
    world.hosts[A].connect_on(world.now, client, end(remote)).unwrap();
    world.run(SECOND);
    [client, listener]
}

fn md5(keys: [&'static str; 2], prefix: &'static str) -> impl Fn(&mut World, usize, SocketId) {
    move |world, host, socket| {
        world.hosts[host].set_md5_key(socket, peer(prefix), secret(keys[host])).unwrap();
    }
}

/// Everything there is in a connection's life, TIME-WAIT included.
fn converse(world: &mut World, [client, listener]: [SocketId; 2]) {
    let (server, _) = world.hosts[B].accept(world.now, listener).unwrap();
    let bytes = vec![7; 100_000];
    let (mut sent, mut got) = (0, 0);
    for _ in 0..200 {
        sent += world.write(A, client, &bytes[sent..]).unwrap_or(0);
        world.run(Duration::from_millis(50));
        got += world.read(B, server).map_or(0, |(bytes, _)| bytes.len());
    }
    assert_eq!((sent, got), (bytes.len(), bytes.len()));
    assert_eq!(world.write(B, server, b"back"), Ok(4));
    world.run(SECOND);
    assert_eq!(world.read(A, client), Ok((b"back".to_vec(), false)));
    world.hosts[A].shutdown(world.now, client, Shutdown::Write).unwrap();
    world.run(SECOND);
    world.hosts[B].close(world.now, server).unwrap();
    world.run(SECOND);
    assert_eq!(world.state(A, client), TcpState::TimeWait);
}

fn count(world: &World, host: usize, counter: Counter) -> u64 {
    world.hosts[host].counters().value(counter)
}

#[test]
fn md5_signs_a_whole_conversation() {
    for (remote, prefix) in [("10.0.0.2:179", "10.0.0.0/24"), ("[2001:db8::2]:179", "2001:db8::/64")] {
        for gso in [0, 65_536] {
            let mut world = World::with(StackConfig::default(), |_| Medium::Ip, 1500, gso);
            let ends = sockets(&mut world, remote, md5(["same", "same"], prefix));
            converse(&mut world, ends);
            for host in [A, B] {
                for counter in
                    [Counter::TcpExtTCPMD5Failure, Counter::TcpExtTCPMD5NotFound, Counter::TcpExtTCPMD5Unexpected]
                {
                    assert_eq!(count(&world, host, counter), 0, "{remote} {host} {counter:?}");
                }
            }
            assert_eq!(world.super_segments, 0, "each segment has a digest of its own");
            assert!(world.largest_packet <= 1500);
        }
    }
}

#[test]
fn md5_refuses_strangers() {
    let arm = |keys| md5(keys, "10.0.0.0/24");
    let mut world = World::new();
    let [client, _] = sockets(&mut world, "10.0.0.2:179", arm(["right", "wrong"]));
    assert_eq!(world.state(A, client), TcpState::SynSent);
    assert!(count(&world, B, Counter::TcpExtTCPMD5Failure) > 0);

    let mut world = World::new();
    let [client, _] = sockets(&mut world, "10.0.0.2:179", |world, host, socket| {
        if host == B {
            md5(["", "key"], "10.0.0.1/32")(world, host, socket);
        }
    });
    assert_eq!(world.state(A, client), TcpState::SynSent, "no digest, no answer");
    assert!(count(&world, B, Counter::TcpExtTCPMD5NotFound) > 0);

    let mut world = World::new();
    let [client, _] = sockets(&mut world, "10.0.0.2:179", |world, host, socket| {
        if host == A {
            md5(["key", ""], "10.0.0.2/32")(world, host, socket);
        }
    });
    assert_eq!(world.state(A, client), TcpState::SynSent, "a digest that nobody asked for");
    assert!(count(&world, B, Counter::TcpExtTCPMD5Unexpected) > 0);
}

/// An attacker who knows the numbers but not the key (RFC 2385 §1).
#[test]
fn md5_refuses_a_forged_reset() {
    let mut world = World::new();
    let [client, listener] = sockets(&mut world, "10.0.0.2:179", md5(["k", "k"], "10.0.0.0/24"));
    let (server, _) = world.hosts[B].accept(world.now, listener).unwrap();
    // Without the key, what A sends from now on is as good as forged.
    world.hosts[A].remove_md5_key(client, peer("10.0.0.0/24")).unwrap();
    world.hosts[A].abort(world.now, client).unwrap();
    world.run(SECOND);
    assert_eq!(world.state(B, server), TcpState::Established);
    assert!(count(&world, B, Counter::TcpExtTCPMD5NotFound) > 0);
}

#[test]
fn ao_signs_a_whole_conversation() {
    for algorithm in [AoAlgorithm::HmacSha1, AoAlgorithm::CmacAes128, AoAlgorithm::HmacSha256] {
        for (remote, prefix) in [("10.0.0.2:179", "10.0.0.0/24"), ("[2001:db8::2]:179", "2001:db8::/64")] {
            let mut world = World::with(StackConfig::default(), |_| Medium::Ip, 1500, 65_536);
            let ends = sockets(&mut world, remote, |world, host, socket| {
                let ids = if host == A { (100, 101) } else { (101, 100) };
                world.hosts[host].add_ao_key(socket, ao(prefix, ids, algorithm, "secret")).unwrap();
            });
            converse(&mut world, ends);
            for host in [A, B] {
                for counter in [Counter::TcpExtTCPAOBad, Counter::TcpExtTCPAORequired, Counter::TcpExtTCPAOKeyNotFound]
                {
                    assert_eq!(count(&world, host, counter), 0, "{algorithm:?} {remote} {host} {counter:?}");
                }
                assert!(count(&world, host, Counter::TcpExtTCPAOGood) > 3);
            }
            assert_eq!(world.super_segments, 0);
        }
    }
}

#[test]
fn ao_refuses_strangers() {
    let try_with = |client_key: Option<(u8, u8)>, key: &str| {
        let mut world = World::new();
        let [client, _] = sockets(&mut world, "10.0.0.2:179", |world, host, socket| {
            let ids = if host == B { Some((1, 2)) } else { client_key };
            let key = if host == B { "right" } else { key };
            if let Some(ids) = ids {
                let key = ao("10.0.0.0/24", ids, AoAlgorithm::HmacSha1, key);
                world.hosts[host].add_ao_key(socket, key).unwrap();
            }
        });
        (world.state(A, client), world)
    };
    let (state, _) = try_with(Some((2, 1)), "right");
    assert_eq!(state, TcpState::Established);
    let (state, world) = try_with(Some((2, 1)), "wrong");
    assert_eq!(state, TcpState::SynSent);
    assert!(count(&world, B, Counter::TcpExtTCPAOBad) > 0);
    let (state, world) = try_with(Some((9, 1)), "right");
    assert_eq!(state, TcpState::SynSent);
    assert!(count(&world, B, Counter::TcpExtTCPAOKeyNotFound) > 0);
    let (state, world) = try_with(None, "");
    assert_eq!(state, TcpState::SynSent);
    assert!(count(&world, B, Counter::TcpExtTCPAORequired) > 0);
}

/// RFC 5925 §6.1: a new key is added on both sides, one asks for it, and both go over without losing a segment.
#[test]
fn ao_keys_roll_over() {
    let mut world = World::new();
    let both = |world: &mut World, host: usize, socket, n: u8, key: &str| {
        let ids = if host == A { (n, n + 100) } else { (n + 100, n) };
        let key = ao("10.0.0.0/24", ids, AoAlgorithm::HmacSha1, key);
        world.hosts[host].add_ao_key(socket, key).unwrap();
    };
    let [client, listener] =
        sockets(&mut world, "10.0.0.2:179", |world, host, socket| both(world, host, socket, 1, "old"));
    let (server, _) = world.hosts[B].accept(world.now, listener).unwrap();
    both(&mut world, A, client, 2, "new");
    both(&mut world, B, server, 2, "new");
    let state = |world: &World, host: usize, socket| world.hosts[host].ao_state(socket).unwrap().unwrap();
    assert_eq!(state(&world, A, client).current, Some(1));
    // A would like B to sign with the new key; B's answer makes A's choice known.
    world.hosts[A].choose_ao_keys(client, None, Some(102)).unwrap();
    world.write(A, client, b"x").unwrap();
    world.run(SECOND);
    assert_eq!(state(&world, B, server).current, Some(102), "B heeds what A asks for");
    world.hosts[B].choose_ao_keys(server, None, Some(2)).unwrap();
    world.write(B, server, b"y").unwrap();
    world.run(SECOND);
    assert_eq!(state(&world, A, client).current, Some(2));
    assert_eq!(
        world.hosts[A].remove_ao_key(client, peer("10.0.0.0/24"), (2, 102)),
        Err(KeyError::Busy),
        "what is in use stays"
    );
    world.hosts[A].remove_ao_key(client, peer("10.0.0.0/24"), (1, 101)).unwrap();
    world.hosts[B].remove_ao_key(server, peer("10.0.0.0/24"), (101, 1)).unwrap();
    world.write(A, client, b"z").unwrap();
    world.run(SECOND);
    assert_eq!(world.read(B, server), Ok((b"xz".to_vec(), false)));
    assert_eq!(count(&world, A, Counter::TcpExtTCPAOBad) + count(&world, B, Counter::TcpExtTCPAOBad), 0);
    assert!(state(&world, A, client).good > 0);
}

#[test]
fn a_peer_has_one_kind_of_key_and_numbers_of_its_own() {
    let mut world = World::new();
    let socket = world.hosts[A].socket();
    let host = &mut world.hosts[A];
    let key = |ids| ao("10.0.0.0/24", ids, AoAlgorithm::HmacSha1, "k");
    host.add_ao_key(socket, key((1, 2))).unwrap();
    assert_eq!(host.add_ao_key(socket, key((1, 3))), Err(KeyError::Exists));
    assert_eq!(host.add_ao_key(socket, key((3, 2))), Err(KeyError::Exists));
    assert_eq!(host.set_md5_key(socket, peer("10.0.0.7/32"), secret("k")), Err(KeyError::Rejected));
    host.set_md5_key(socket, peer("192.168.0.0/16"), secret("k")).unwrap();
    let clash = ao("192.168.1.1/32", (7, 8), AoAlgorithm::HmacSha1, "k");
    assert_eq!(host.add_ao_key(socket, clash), Err(KeyError::Rejected));
    assert_eq!(host.remove_md5_key(socket, peer("192.168.1.0/24")), Err(KeyError::NotFound));
    host.remove_md5_key(socket, peer("192.168.0.0/16")).unwrap();
    assert_eq!(host.remove_ao_key(socket, peer("10.0.0.0/24"), (1, 3)), Err(KeyError::NotFound));
    host.remove_ao_key(socket, peer("10.0.0.0/24"), (1, 2)).unwrap();
    let long = AoKey { mac_len: 17, ..ao("10.0.0.0/24", (1, 2), AoAlgorithm::HmacSha256, "k") };
    assert_eq!(host.add_ao_key(socket, long), Err(KeyError::Invalid));
}

/// TCP_AO_INFO's `ao_required`: a peer without a key is a stranger then.
#[test]
fn who_requires_ao_hears_nobody_without_a_key() {
    let key = || ao("10.0.0.7/32", (1, 2), AoAlgorithm::HmacSha256, "of another peer");
    for (required, expected) in [(false, TcpState::Established), (true, TcpState::SynSent)] {
        let mut world = World::new();
        let [client, listener] = sockets(&mut world, "10.0.0.2:179", |world, host, socket| {
            if host == B {
                world.hosts[B].add_ao_key(socket, key()).unwrap();
                world.hosts[B].require_ao(socket, required).unwrap();
            }
        });
        assert_eq!(world.state(A, client), expected);
        assert_eq!(count(&world, B, Counter::TcpExtTCPAORequired) > 0, required);
        let md5 = world.hosts[B].set_md5_key(listener, peer("10.0.0.1/32"), secret("k"));
        assert_eq!(md5, if required { Err(KeyError::Rejected) } else { Ok(()) });
        let late = world.hosts[A].require_ao(client, true);
        assert_eq!(late, Err(KeyError::Invalid), "it is connected without");
    }
    // Who connects hears no answer without a key, either.
    let mut world = World::new();
    let [client, _] = sockets(&mut world, "10.0.0.2:179", |world, host, socket| {
        if host == A {
            world.hosts[A].require_ao(socket, true).unwrap();
        }
    });
    assert_eq!(world.state(A, client), TcpState::SynSent);
    assert!(count(&world, A, Counter::TcpExtTCPAORequired) > 0);
}

/// The loopback interface carries segments that never were bytes.
#[test]
fn a_host_signs_what_it_sends_itself() {
    let mut world = World::new();
    let listener = world.hosts[A].listen(world.now, ListenConfig::new(end("127.0.0.1:179"), 4)).unwrap();
    let client = world.hosts[A].socket();
    for socket in [listener, client] {
        world.hosts[A].set_md5_key(socket, peer("127.0.0.0/8"), secret("k")).unwrap();
    }
    world.hosts[A].connect_on(world.now, client, end("127.0.0.1:179")).unwrap();
    world.run(SECOND);
    assert_eq!(world.state(A, client), TcpState::Established);
    let (server, _) = world.hosts[A].accept(world.now, listener).unwrap();
    world.write(A, client, &[1; 5000]).unwrap();
    world.run(SECOND);
    assert_eq!(world.read(A, server).unwrap().0.len(), 5000);
    assert_eq!(count(&world, A, Counter::TcpExtTCPMD5Failure), 0);
}
