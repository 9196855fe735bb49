//! Connections between two stacks, from SYN to TIME-WAIT, and within one.

mod common;

use common::{A, B, Log, World, end, ip};
use limpid_event::{Call, Error, Event, Instant, TcpState};
use limpid_stack::{
    Config, ListenConfig, Medium, Readiness, Route, RouteMetrics, Secrets, Shutdown, Stack, StackConfig,
};
use limpid_tcp::SynSchedule;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn data_both_ways(world: &mut World, remote: &str) {
    let (client, server) = world.connected(remote);
    assert_eq!(world.write(A, client, b"hello"), Ok(5));
    assert_eq!(world.write(B, server, b"world"), Ok(5));
    world.run(SECOND);
    assert_eq!(world.read(B, server), Ok((b"hello".to_vec(), false)));
    assert_eq!(world.read(A, client), Ok((b"world".to_vec(), false)));
    world.hosts[A].shutdown(world.now, client, Shutdown::Write).unwrap();
    world.run(SECOND);
    assert_eq!(world.state(A, client), TcpState::FinWait2);
    assert_eq!(world.state(B, server), TcpState::CloseWait);
    assert_eq!(world.read(B, server), Ok((vec![], true)));
    // The other half goes on.
    assert_eq!(world.write(B, server, b"still here"), Ok(10));
    world.run(SECOND);
    assert_eq!(world.read(A, client), Ok((b"still here".to_vec(), false)));
    world.hosts[B].close(world.now, server).unwrap();
    world.run(SECOND);
    assert_eq!(world.state(A, client), TcpState::TimeWait);
    assert_eq!(world.hosts[B].state(server), Err(Error::NoSuchSocket));
    assert_eq!(world.hosts[B].open_connections(), 0);
    assert_eq!(world.read(A, client), Ok((vec![], true)));
    let info = world.hosts[A].info(world.now, client).unwrap();
    // As on Linux, with SYN and FIN.
    assert_eq!((info.state, info.bytes_received, info.bytes_acked), (TcpState::TimeWait, 16, 7));
    world.run(61 * SECOND);
    assert_eq!(world.state(A, client), TcpState::Closed);
    world.hosts[A].close(world.now, client).unwrap();
    assert_eq!(world.hosts[A].open_connections(), 0);
    for host in [A, B] {
        world.hosts[host].handle_timeout(world.now);
    }
    world.run(200 * SECOND);
    assert_eq!(world.hosts[A].poll_timeout(), None);
    assert_eq!(world.hosts[B].poll_timeout(), None);
}

#[test]
fn ipv4() {
    data_both_ways(&mut World::new(), "10.0.0.2:80");
}

#[test]
fn ipv6() {
    data_both_ways(&mut World::new(), "[2001:db8::2]:80");
}

#[test]
fn ipv4_over_ethernet() {
    data_both_ways(&mut World::ethernet(), "10.0.0.2:80");
}

#[test]
fn ipv6_over_ethernet() {
    data_both_ways(&mut World::ethernet(), "[2001:db8::2]:80");
}

#[test]
fn loopback() {
    for addr in ["127.0.0.1:80", "[::1]:80", "10.0.0.1:80", "127.9.9.9:80"] {
        let mut world = World::new();
        let listener = world.listen(A, addr, 8);
        let client = world.connect(A, addr);
        world.drain();
        let (server, peer) = world.hosts[A].accept(world.now, listener).unwrap();
        assert_eq!(peer, world.hosts[A].local_endpoint(client).unwrap());
        let bytes = vec![7; 50_000];
        assert_eq!(world.write(A, client, &bytes), Ok(50_000));
        world.drain();
        assert_eq!(world.read(A, server), Ok((bytes, false)));
        world.hosts[A].close(world.now, server).unwrap();
        world.drain();
        assert_eq!(world.read(A, client), Ok((vec![], true)));
        world.hosts[A].close(world.now, client).unwrap();
        world.drain();
        assert_eq!(world.hosts[A].open_connections(), 0);
        assert!(world.carried.is_empty(), "nothing of it goes over the link");
    }
}

#[test]
fn a_socket_connects_to_itself() {
    let mut world = World::new();
    let local = end("127.0.0.1:4444");
    let socket = world.hosts[A].connect(world.now, Some(local), local, None).unwrap();
    world.drain();
    assert_eq!(world.state(A, socket), TcpState::Established);
    assert_eq!(world.write(A, socket, b"to myself"), Ok(9));
    world.drain();
    assert_eq!(world.read(A, socket), Ok((b"to myself".to_vec(), false)));
    world.hosts[A].close(world.now, socket).unwrap();
    world.drain();
    world.run(120 * SECOND);
    assert_eq!(world.hosts[A].open_connections(), 0);
}

#[test]
fn simultaneous_open() {
    let mut world = World::new();
    let a = world.hosts[A].connect(world.now, Some(end("10.0.0.1:5000")), end("10.0.0.2:6000"), None).unwrap();
    let b = world.hosts[B].connect(world.now, Some(end("10.0.0.2:6000")), end("10.0.0.1:5000"), None).unwrap();
    world.run(SECOND);
    assert_eq!(world.state(A, a), TcpState::Established);
    assert_eq!(world.state(B, b), TcpState::Established);
    assert_eq!(world.write(A, a, b"crossed"), Ok(7));
    world.run(SECOND);
    assert_eq!(world.read(B, b), Ok((b"crossed".to_vec(), false)));
}

#[test]
fn a_loopback_address_does_not_reach_others() {
    let mut world = World::new();
    let result = world.hosts[A].connect(world.now, Some(end("127.0.0.1:0")), end("10.0.0.2:80"), None);
    assert_eq!(result, Err(Error::InvalidArgument));
}

#[test]
fn nobody_listens() {
    let mut world = World::new();
    let client = world.connect(A, "10.0.0.2:81");
    world.run(SECOND);
    assert_eq!(world.ready(A, client) & Readiness::ERROR, Readiness::ERROR);
    assert_eq!(world.write(A, client, b"x"), Err(Error::ConnectionRefused));
    assert_eq!(world.write(A, client, b"x"), Err(Error::BrokenPipe));
    assert_eq!(world.read(A, client), Err(Error::NotConnected));
    assert_eq!(world.counter(B, "TcpOutRsts"), 1);
    assert_eq!(world.carried.len(), 2);
}

#[test]
fn nobody_answers() {
    let mut world = World::new();
    world.drop_if = Some(Box::new(|_, _| true));
    let config = Config { syn_retries: 4, syn_schedule: SynSchedule::Exponential, ..Config::default() };
    let client = world.hosts[A].connect(world.now, None, end("10.0.0.2:80"), Some(config.into())).unwrap();
    world.run(30 * SECOND);
    assert_eq!(world.state(A, client), TcpState::SynSent);
    assert_eq!(world.carried.len(), 5);
    world.run(2 * SECOND);
    assert_eq!(world.state(A, client), TcpState::Closed);
    assert_eq!(world.hosts[A].take_error(client), Ok(Some(Error::TimedOut)));
    assert_eq!(world.hosts[A].take_error(client), Ok(None));
}

#[test]
fn a_megabyte_each_way() {
    for (mtu, gso_max) in [(1500, 0), (576, 0), (9000, 0), (1500, 65_000)] {
        let mut world = World::with(StackConfig::default(), |_| Medium::Ip, mtu, gso_max);
        world.keep_carried = false;
        let (client, server) = world.connected("10.0.0.2:80");
        let bytes: Vec<u8> = (0..1_000_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
        let (mut written, mut received) = ([0, 0], [Vec::new(), Vec::new()]);
        let finished = world.run_until(60 * SECOND, |w| {
            for (host, socket) in [(A, client), (B, server)] {
                if let Ok(n) = w.write(host, socket, &bytes[written[host]..]) {
                    written[host] += n;
                }
                received[host].extend(w.read(host, socket).unwrap().0);
            }
            received.iter().all(|r| r.len() == bytes.len())
        });
        assert!(finished, "{:?} {:?}", written, received.each_ref().map(Vec::len));
        assert!(received.iter().all(|r| *r == bytes));
        assert_eq!(world.counter(A, "TcpRetransSegs"), 0);
        assert!(world.largest_packet <= usize::from(mtu), "{} {mtu}", world.largest_packet);
        assert_eq!(world.super_segments > 0, gso_max > 0);
    }
}

#[test]
fn events_tell_the_story_of_a_connection() {
    let mut world = World::new();
    let (client, server) = world.connected("10.0.0.2:80");
    world.hosts[A].close(world.now, client).unwrap();
    world.run(SECOND);
    world.hosts[B].close(world.now, server).unwrap();
    world.run(SECOND);
    let story = |log: &Log| {
        let mut lines = Vec::new();
        for (_, flow, event) in &log.events {
            assert_eq!(flow.0, 1, "{event:?}");
            match event {
                Event::Opened { opening, .. } => lines.push(format!("opened {opening:?}")),
                Event::State { from, to } => lines.push(format!("{from} -> {to}")),
                Event::Call(call) => lines.push(format!("{call:?}")),
                Event::Ended { error } => lines.push(format!("ended {error:?}")),
                _ => {}
            }
        }
        lines
    };
    assert_eq!(
        story(world.hosts[A].observer()),
        [
            "opened Active",
            "Connect",
            "CLOSED -> SYN-SENT",
            "SYN-SENT -> ESTABLISHED",
            "Close",
            "ESTABLISHED -> FIN-WAIT-1",
            "FIN-WAIT-1 -> FIN-WAIT-2",
            "FIN-WAIT-2 -> TIME-WAIT"
        ]
    );
    assert_eq!(
        story(world.hosts[B].observer()),
        [
            "opened Passive",
            "LISTEN -> SYN-RECEIVED",
            "SYN-RECEIVED -> ESTABLISHED",
            "Accept",
            "ESTABLISHED -> CLOSE-WAIT",
            "Close",
            "CLOSE-WAIT -> LAST-ACK",
            "LAST-ACK -> CLOSED",
            "ended None"
        ]
    );
    let calls = |log: &Log| log.events.iter().filter(|(_, _, e)| matches!(e, Event::Call(Call::Close))).count();
    assert_eq!(calls(world.hosts[A].observer()), 1);
}

#[test]
fn bad_arguments_are_errors() {
    let mut stack = Stack::new(StackConfig::default(), Secrets { seed: [1; 32] }, Log::default());
    let now = Instant::ZERO;
    let connect = |stack: &mut Stack<Log>, local: Option<&str>, remote| {
        stack.connect(now, local.map(end), end(remote), None).map(|_| ())
    };
    assert_eq!(connect(&mut stack, None, "10.0.0.1:80"), Err(Error::NetworkUnreachable));
    assert_eq!(connect(&mut stack, None, "224.0.0.1:80"), Err(Error::NetworkUnreachable));
    assert_eq!(connect(&mut stack, None, "255.255.255.255:80"), Err(Error::NetworkUnreachable));
    assert_eq!(connect(&mut stack, None, "127.0.0.1:0"), Err(Error::InvalidArgument));
    assert_eq!(connect(&mut stack, Some("[::1]:0"), "127.0.0.1:80"), Err(Error::InvalidArgument));
    assert_eq!(connect(&mut stack, Some("10.1.1.1:0"), "127.0.0.1:80"), Err(Error::AddressNotAvailable));
    assert_eq!(connect(&mut stack, None, "0.0.0.0:80"), Ok(()));
    let listener = stack.listen(now, ListenConfig::new(end("127.0.0.1:80"), 1)).unwrap();
    assert_eq!(connect(&mut stack, Some("127.0.0.1:80"), "127.0.0.1:81"), Err(Error::AddressInUse));
    assert_eq!(stack.read(now, listener, &mut [0]), Err(Error::InvalidArgument));
    assert_eq!(stack.write(now, listener, &[0]), Err(Error::InvalidArgument));
    assert_eq!(stack.peer_endpoint(listener), Err(Error::NotConnected));
    assert_eq!(stack.listen(now, ListenConfig::new(end("127.0.0.1:80"), 1)), Err(Error::AddressInUse));
    assert_eq!(stack.listen(now, ListenConfig::new(end("10.0.0.1:80"), 1)), Err(Error::AddressNotAvailable));
    stack.close(now, listener).unwrap();
    assert_eq!(stack.close(now, listener), Err(Error::NoSuchSocket));
    assert_eq!(stack.accept(now, listener), Err(Error::NoSuchSocket));
    let iface = limpid_stack::IfaceId(9);
    assert_eq!(stack.add_address(iface, "10.0.0.1/24".parse().unwrap()), Err(Error::InvalidArgument));
    assert_eq!(ip("::1"), ip("::1"));
}

/// What sysctl changes in the middle of things: new sockets have it, and old ones that Linux would see with it.
#[test]
fn settings_of_a_stack_can_change_while_it_runs() {
    let mut world = World::new();
    let (client, _) = world.connected("10.0.0.2:80");
    let mut config = world.hosts[A].config().clone();
    config.tcp = Config { retries2: 2, send_buffer: 4096, ..(*config.tcp).clone() }.into();
    config.shard = 7;
    config.ephemeral_ports = 5000..=5000;
    world.hosts[A].set_config(world.now, config);
    assert_eq!(world.hosts[A].config().tcp.retries2, 2);
    // The old socket keeps its buffer, but gives up after the new number of retries.
    assert_eq!(world.write(A, client, &[1; 8000]), Ok(8000));
    world.drop_if = Some(Box::new(|_, _| true));
    world.run(10 * SECOND);
    assert_eq!(world.hosts[A].take_error(client), Ok(Some(Error::TimedOut)));
    let newer = world.connect(A, "10.0.0.2:80");
    assert_eq!(newer.shard, client.shard, "a shard stays what it is");
    assert_eq!(world.hosts[A].local_endpoint(newer).unwrap().port, 5000);
}

/// What `ss` would show.
#[test]
fn what_there_is_is_listed() {
    let mut world = World::new();
    let (client, server) = world.connected("10.0.0.2:80");
    assert_eq!(world.write(A, client, &[1; 100]), Ok(100));
    world.run(SECOND);
    let rows = |world: &World, host: usize| -> Vec<_> {
        world.hosts[host].list().map(|row| (row.local.port, row.state, row.send_queue, row.recv_queue)).collect()
    };
    assert_eq!(rows(&world, B), [(80, TcpState::Established, 0, 100)]);
    world.listen(B, "10.0.0.2:80", 5);
    assert_eq!(rows(&world, B), [(80, TcpState::Listen, 0, 0), (80, TcpState::Established, 0, 100)]);
    let remote: Vec<_> = world.hosts[B].list().map(|row| row.remote.port).collect();
    assert_eq!(remote, [0, world.hosts[A].local_endpoint(client).unwrap().port]);
    world.drop_if = Some(Box::new(|from, _| from == B));
    world.connect(A, "10.0.0.2:80");
    assert_eq!(world.write(A, client, &[1; 50]), Ok(50));
    world.run(SECOND / 10);
    let states: Vec<_> = rows(&world, B).iter().map(|row| row.1).collect();
    assert_eq!(states, [TcpState::Listen, TcpState::Established, TcpState::SynReceived]);
    let queues: Vec<_> = rows(&world, A).iter().map(|row| (row.1, row.2)).collect();
    assert_eq!(queues, [(TcpState::Established, 50), (TcpState::SynSent, 0)]);
    world.drop_if = None;
    world.run(10 * SECOND);
    assert_eq!(world.read(B, server).unwrap().0.len(), 150);
    world.hosts[A].close(world.now, client).unwrap();
    world.run(SECOND / 10);
    world.hosts[B].close(world.now, server).unwrap();
    world.run(SECOND);
    assert!(rows(&world, A).iter().any(|row| row.1 == TcpState::TimeWait), "{:?}", rows(&world, A));
}

/// `ip route change … mtu lock 1000 advmss 900 initcwnd 2 rto_min 1s`.
#[test]
fn a_route_knows_its_paths() {
    let mut world = World::new();
    let route = Route { destination: "10.0.0.0/24".parse().unwrap(), gateway: None, iface: world.iface, metric: 0 };
    let metrics = RouteMetrics {
        mtu: Some(1000),
        mtu_locked: true,
        adv_mss: Some(900),
        initial_cwnd: Some(2),
        rto_min: Some(SECOND),
        ..RouteMetrics::default()
    };
    let nowhere = Route { metric: 7, ..route };
    assert_eq!(world.hosts[A].set_route_metrics(&nowhere, metrics), Err(Error::NetworkUnreachable));
    let tiny = RouteMetrics { mtu: Some(50), ..metrics };
    assert_eq!(world.hosts[A].set_route_metrics(&route, tiny), Err(Error::InvalidArgument));
    world.hosts[A].set_route_metrics(&route, metrics).unwrap();
    let (client, server) = world.connected("10.0.0.2:80");
    let info = world.hosts[A].info(world.now, client).unwrap();
    assert_eq!((info.advmss, info.snd_mss, info.snd_cwnd), (900 - 12, 948, 2), "timestamps taken off");
    assert!(info.rto > 1_000_000, "{}", info.rto);
    assert_eq!(world.hosts[B].info(world.now, server).unwrap().snd_mss, 888);
    // Taken back: the connection follows the MTU.
    world.hosts[A].set_route_metrics(&route, RouteMetrics::default()).unwrap();
    assert_eq!(world.write(A, client, &[1; 1000]), Ok(1000));
    world.drain();
    assert_eq!(world.hosts[A].info(world.now, client).unwrap().snd_mss, 1448);
}
