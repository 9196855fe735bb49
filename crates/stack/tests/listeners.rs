//! Listeners: queues and their bounds, cookies, who hears a SYN, TIME-WAIT, transparent and deferred opening.

mod common;

use common::{A, B, World, end, tcp};
use limpid_event::{DropReason, Error, Event, Opening, TcpState};
use limpid_stack::{
    Config, HOLD_LIMIT, ListenConfig, Medium, Readiness, Refusal, Route, StackConfig, SynCookies, TimeWaitReuse,
};
use limpid_tcp::SynSchedule;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn world(change: impl FnOnce(&mut StackConfig)) -> World {
    let mut config = StackConfig::default();
    let tcp = Config { syn_schedule: SynSchedule::Exponential, ..Config::default() };
    config.tcp = Arc::new(tcp);
    change(&mut config);
    World::with(config, |_| Medium::Ip, 1500, 0)
}

fn drops(world: &mut World, host: usize, why: DropReason) -> usize {
    let events = &world.hosts[host].observer().events;
    events.iter().filter(|(_, _, e)| *e == Event::Dropped { why }).count()
}

#[test]
fn the_accept_queue_holds_one_more_than_the_backlog_and_drops_syns_beyond() {
    let mut w = world(|_| ());
    let listener = w.listen(B, "10.0.0.2:80", 1);
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let c = w.connect(A, "10.0.0.2:80");
            w.run(100 * MS);
            c
        })
        .collect();
    let states: Vec<_> = clients.iter().map(|&c| w.state(A, c)).collect();
    assert_eq!(states, [TcpState::Established, TcpState::Established, TcpState::SynSent]);
    assert_eq!(w.counter(B, "TcpExtListenOverflows"), 1);
    assert_eq!(w.counter(B, "TcpExtListenDrops"), 1);
    assert_eq!(drops(&mut w, B, DropReason::AcceptQueueFull), 1);
    assert_eq!(w.counter(B, "TcpOutRsts"), 0, "dropped, not reset");
    // The SYN comes again, and by then there is room.
    w.hosts[B].accept(w.now, listener).unwrap();
    w.run(SECOND);
    assert_eq!(w.state(A, clients[2]), TcpState::Established);
    assert_eq!(w.ready(B, listener), Readiness::READABLE);
    for _ in 0..2 {
        w.hosts[B].accept(w.now, listener).unwrap();
    }
    assert_eq!(w.hosts[B].accept(w.now, listener), Err(Error::WouldBlock));
    assert_eq!(w.ready(B, listener), Readiness::empty());
}

/// Two clients whose SYNs are both answered before either final ACK arrives, where one connection fits.
fn final_ack_finds_the_queue_full(
    abort_on_overflow: bool,
) -> (World, [limpid_stack::SocketId; 2], limpid_stack::SocketId) {
    let mut w = world(|c| c.abort_on_overflow = abort_on_overflow);
    let first = w.listen(B, "10.0.0.2:80", 0);
    w.hosts[B].close(w.now, first).unwrap();
    let listener = w.listen(B, "10.0.0.2:80", 1);
    let early = w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    assert_eq!(w.state(A, early), TcpState::Established);
    let clients = [w.connect(A, "10.0.0.2:80"), w.connect(A, "10.0.0.2:80")];
    w.run(100 * MS);
    (w, clients, listener)
}

#[test]
fn a_final_ack_is_dropped_while_the_accept_queue_is_full_and_completes_later() {
    let (mut w, clients, listener) = final_ack_finds_the_queue_full(false);
    // Both clients believe to be connected; one of them is still embryonic on the other side.
    assert!(clients.iter().all(|&c| w.state(A, c) == TcpState::Established));
    assert_eq!(drops(&mut w, B, DropReason::AcceptQueueFull), 1);
    assert_eq!(w.write(A, clients[1], b"early"), Ok(5));
    w.run(100 * MS);
    w.hosts[B].accept(w.now, listener).unwrap();
    w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.hosts[B].accept(w.now, listener), Err(Error::WouldBlock));
    // The data, or the SYN-ACK, comes again: now there is room.
    w.run(3 * SECOND);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.read(B, server), Ok((b"early".to_vec(), false)));
    assert_eq!(w.counter(B, "TcpOutRsts"), 0);
}

#[test]
fn a_switch_resets_what_does_not_fit() {
    let (mut w, clients, _) = final_ack_finds_the_queue_full(true);
    w.run(SECOND);
    let reset: Vec<_> = clients.iter().map(|&c| w.hosts[A].take_error(c).unwrap()).collect();
    assert_eq!(reset, [None, Some(Error::ConnectionReset)]);
    assert_eq!(w.counter(B, "TcpOutRsts"), 1);
}

#[test]
fn without_cookies_the_syn_queue_drops() {
    let mut w = world(|c| c.syn_cookies = SynCookies::Never);
    w.listen(B, "10.0.0.2:80", 3);
    // Final ACKs are lost: SYNs stay embryonic.
    w.drop_if = Some(Box::new(|from, bytes| from == A && bytes[33] & 2 == 0));
    for _ in 0..6 {
        w.connect(A, "10.0.0.2:80");
    }
    w.run(100 * MS);
    assert_eq!(w.counter(B, "TcpExtTCPReqQFullDrop"), 2);
    assert_eq!(drops(&mut w, B, DropReason::SynQueueFull), 2);
}

#[test]
fn cookies_connect_when_the_syn_queue_is_full() {
    for timestamps in [true, false] {
        for remote in ["10.0.0.2:80", "[2001:db8::2]:80"] {
            cookie(timestamps, remote);
        }
    }
}

#[test]
fn cookies_can_be_the_rule() {
    let mut w = world(|c| c.syn_cookies = SynCookies::Always);
    let listener = w.listen(B, "10.0.0.2:80", 50);
    for n in 1..4 {
        let client = w.connect(A, "10.0.0.2:80");
        w.run(100 * MS);
        assert_eq!((w.state(A, client), w.counter(B, "TcpExtSyncookiesRecv")), (TcpState::Established, n));
        w.hosts[B].accept(w.now, listener).unwrap();
    }
}

fn cookie(timestamps: bool, remote: &str) {
    let mut w = world(|c| c.max_syn_backlog = 2);
    let listener = w.listen(B, remote, 50);
    let lost = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = lost.clone();
    w.drop_if = Some(Box::new(move |from, _| from == B && switch.load(std::sync::atomic::Ordering::Relaxed)));
    let stuck: Vec<_> = (0..2).map(|_| w.connect(A, remote)).collect();
    w.run(100 * MS);
    lost.store(false, std::sync::atomic::Ordering::Relaxed);
    let config = Config { timestamps, ..Config::default() };
    let client = w.hosts[A].connect(w.now, None, end(remote), Some(Arc::new(config))).unwrap();
    w.run(100 * MS);
    assert_eq!(w.counter(B, "TcpExtSyncookiesSent"), 1);
    assert_eq!(w.counter(B, "TcpExtSyncookiesRecv"), 1);
    assert_eq!(w.state(A, client), TcpState::Established);
    let (server, peer) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(peer, w.hosts[A].local_endpoint(client).unwrap());
    let cookie = |(_, _, e): &(_, _, Event)| matches!(e, Event::Opened { opening: Opening::Cookie, .. });
    assert_eq!(w.hosts[B].observer().events.iter().filter(|e| cookie(e)).count(), 1);
    let bytes = vec![9; 200_000];
    let (mut written, mut got) = (0, 0);
    assert!(w.run_until(60 * SECOND, |w| {
        written += w.write(A, client, &bytes[written..]).unwrap_or(0);
        got += w.read(B, server).unwrap().0.len();
        got == bytes.len()
    }));
    drop(stuck);
    // A forged ACK gets a reset.
    let resets = w.counter(B, "TcpOutRsts");
    let strangers = w.counter(B, "TcpExtSyncookiesFailed");
    let forged = common::tcp(end(remote), 5555, 1000, 77_777, 0x10);
    w.inject(B, forged);
    assert_eq!(w.counter(B, "TcpExtSyncookiesFailed"), strangers + 1);
    assert_eq!(w.counter(B, "TcpOutRsts"), resets + 1);
}

#[test]
fn a_closed_listener_resets_what_nobody_accepted() {
    let mut w = world(|_| ());
    let listener = w.listen(B, "10.0.0.2:80", 5);
    let clients: Vec<_> = (0..3).map(|_| w.connect(A, "10.0.0.2:80")).collect();
    w.run(100 * MS);
    w.hosts[B].close(w.now, listener).unwrap();
    w.run(100 * MS);
    for client in clients {
        assert_eq!(w.hosts[A].take_error(client), Ok(Some(Error::ConnectionReset)));
    }
    assert_eq!(w.hosts[B].open_connections(), 0);
    let late = w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    assert_eq!(w.hosts[A].take_error(late), Ok(Some(Error::ConnectionRefused)));
}

#[test]
fn embryonic_connections_of_a_closed_listener_are_forgotten() {
    let mut w = world(|_| ());
    let listener = w.listen(B, "10.0.0.2:80", 5);
    w.drop_if = Some(Box::new(|from, bytes| from == A && bytes[33] & 2 == 0));
    w.connect(A, "10.0.0.2:80");
    w.run(100 * MS);
    w.hosts[B].close(w.now, listener).unwrap();
    w.drop_if = Some(Box::new(|_, _| true));
    w.run(2 * SECOND);
    assert_eq!(w.hosts[B].poll_timeout(), None, "its SYN-ACK timer is gone");
}

#[test]
fn who_hears_a_syn() {
    /// Where listeners are and with V6ONLY or not, where the SYN goes, and which of them hears it.
    type Row = (&'static [(&'static str, bool)], &'static str, Option<usize>);
    let table: [Row; 8] = [
        (&[("0.0.0.0:80", false)], "10.0.0.2:80", Some(0)),
        (&[("0.0.0.0:80", false)], "[2001:db8::2]:80", None),
        (&[("[::]:80", false)], "10.0.0.2:80", Some(0)),
        (&[("[::]:80", true)], "10.0.0.2:80", None),
        (&[("[::]:80", true), ("0.0.0.0:80", false)], "10.0.0.2:80", Some(1)),
        (&[("[::]:80", true), ("0.0.0.0:80", false)], "[2001:db8::2]:80", Some(0)),
        (&[("127.0.0.1:80", false)], "10.0.0.2:80", None),
        (&[("10.0.0.2:81", false), ("10.0.0.2:80", false)], "10.0.0.2:80", Some(1)),
    ];
    for (listeners, remote, heard) in table {
        let mut w = world(|_| ());
        let ids: Vec<_> = listeners
            .iter()
            .map(|(local, v6_only)| {
                let config = ListenConfig { v6_only: *v6_only, ..ListenConfig::new(end(local), 5) };
                w.hosts[B].listen(w.now, config).unwrap()
            })
            .collect();
        w.connect(A, remote);
        w.run(SECOND);
        let found = ids.iter().position(|&l| w.hosts[B].accept(w.now, l).is_ok());
        assert_eq!(found, heard, "{listeners:?} {remote}");
    }
}

#[test]
fn a_port_in_time_wait_can_be_listened_on_only_with_reuse_addr() {
    for (reuse_before, reuse_after) in [(true, true), (true, false), (false, true)] {
        let mut w = world(|_| ());
        let config = |reuse_addr| ListenConfig { reuse_addr, ..ListenConfig::new(end("10.0.0.2:80"), 5) };
        let listener = w.hosts[B].listen(w.now, config(reuse_before)).unwrap();
        let client = w.connect(A, "10.0.0.2:80");
        w.run(100 * MS);
        let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
        w.hosts[B].close(w.now, listener).unwrap();
        w.hosts[B].close(w.now, server).unwrap();
        w.run(100 * MS);
        w.hosts[A].close(w.now, client).unwrap();
        w.run(100 * MS);
        let again = w.hosts[B].listen(w.now, config(reuse_after));
        assert_eq!(again.is_ok(), reuse_before && reuse_after);
        w.run(61 * SECOND);
        assert!(again.is_ok() || w.hosts[B].listen(w.now, config(reuse_after)).is_ok());
    }
}

/// SO_REUSEPORT: connections are spread over all who listen, and those who are left take over what comes later.
#[test]
fn listeners_that_share_a_port_share_its_connections() {
    let mut w = world(|_| ());
    let config = ListenConfig { reuse_port: true, ..ListenConfig::new(end("10.0.0.2:80"), 100) };
    let listeners: Vec<_> = (0..4).map(|_| w.hosts[B].listen(w.now, config.clone()).unwrap()).collect();
    let alone = ListenConfig { reuse_port: false, ..config };
    assert_eq!(w.hosts[B].listen(w.now, alone).unwrap_err(), Error::AddressInUse);
    let connect = |w: &mut World, count: usize| {
        for _ in 0..count {
            w.connect(A, "10.0.0.2:80");
        }
        w.run(SECOND);
    };
    let accept = |w: &mut World, listener| (0..).take_while(|_| w.hosts[B].accept(w.now, listener).is_ok()).count();
    connect(&mut w, 80);
    let got: Vec<usize> = listeners.iter().map(|listener| accept(&mut w, *listener)).collect();
    assert_eq!(got.iter().sum::<usize>(), 80);
    assert!(got.iter().all(|n| (5..=40).contains(n)), "{got:?}");
    w.hosts[B].close(w.now, listeners[0]).unwrap();
    w.hosts[B].close(w.now, listeners[2]).unwrap();
    connect(&mut w, 40);
    assert_eq!([1, 3].map(|n| accept(&mut w, listeners[n])).iter().sum::<usize>(), 40);
}

#[test]
fn a_listener_on_port_0_gets_one() {
    let mut w = world(|_| ());
    let listener = w.listen(B, "10.0.0.2:0", 5);
    let local = w.hosts[B].local_endpoint(listener).unwrap();
    assert!((32_768..=60_999).contains(&local.port));
    let client = w.hosts[A].connect(w.now, None, local, None).unwrap();
    w.run(100 * MS);
    assert_eq!(w.state(A, client), TcpState::Established);
}

/// Connects from a fixed port, and closes from the server's side, so that TIME-WAIT is there.
fn connect_and_wait(w: &mut World, listener: limpid_stack::SocketId, port: u16) -> TcpState {
    let local = format!("10.0.0.1:{port}");
    let client = w.hosts[A].connect(w.now, Some(end(&local)), end("10.0.0.2:80"), None).unwrap();
    w.run(100 * MS);
    let state = w.state(A, client);
    if let Ok((server, _)) = w.hosts[B].accept(w.now, listener) {
        w.hosts[B].close(w.now, server).unwrap();
        w.run(100 * MS);
    }
    w.hosts[A].close(w.now, client).unwrap();
    w.run(100 * MS);
    state
}

#[test]
fn a_new_syn_reopens_time_wait() {
    let mut w = world(|_| ());
    let listener = w.listen(B, "10.0.0.2:80", 5);
    for round in 0..5 {
        assert_eq!(connect_and_wait(&mut w, listener, 7777), TcpState::Established, "{round}");
    }
    assert_eq!(w.counter(B, "TcpExtTWRecycled"), 4);
}

/// Most connections that wait have no listener beside them: a SYN, which anybody can forge, does not end the wait.
#[test]
fn without_a_listener_a_new_syn_does_not_end_time_wait() {
    let mut w = World::new();
    let (client, server) = w.connected("10.0.0.2:80");
    w.hosts[B].close(w.now, server).unwrap();
    w.run(100 * MS);
    w.hosts[A].close(w.now, client).unwrap();
    w.run(SECOND);
    let port = w.hosts[B].observer().events.iter().find_map(|(_, _, e)| match e {
        Event::Opened { remote, .. } => Some(remote.port),
        _ => None,
    });
    let fin = w.carried.iter().rev().find_map(|(from, packet)| (*from == A).then(|| packet.clone())).unwrap();
    let seq = u32::from_be_bytes(fin[24..28].try_into().unwrap());
    w.carried.clear();
    let syn = tcp(end("10.0.0.2:80"), port.unwrap(), seq.wrapping_add(1_000_000), 0, 0x02);
    w.inject(B, syn);
    w.run(SECOND);
    let answers: Vec<_> = w.carried.iter().map(|(_, packet)| packet[33]).collect();
    assert_eq!(answers, [0x10, 0x04], "an ACK; the host that did not send the SYN answers with a reset");
    assert_eq!(w.counter(B, "TcpExtTWRecycled"), 0);
}

/// RFC 6191 §3, `tcp_tw_reuse`: who closed first and has one port alone connects again after a second, and not sooner, nor where the
/// peer's FIN is still to come.
#[test]
fn connect_takes_over_what_waits() {
    use TimeWaitReuse::{Always, Loopback, Never};
    let again = |reuse, both_close: bool, wait: Duration| {
        let mut w = world(|c| {
            c.ephemeral_ports = 7000..=7000;
            c.time_wait_reuse = reuse;
        });
        let (client, server) = w.connected("10.0.0.2:80");
        w.hosts[A].close(w.now, client).unwrap();
        w.run(100 * MS);
        if both_close {
            w.hosts[B].close(w.now, server).unwrap();
        }
        w.run(wait);
        w.hosts[A].connect(w.now, None, end("10.0.0.2:80"), None).map(|client| {
            let listener = w.listen(B, "10.0.0.2:80", 1);
            w.run(5 * SECOND);
            assert_eq!(w.state(A, client), TcpState::Established);
            assert_eq!(w.counter(A, "TcpExtTWRecycled"), 1);
            let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
            assert_eq!(w.write(A, client, b"anew"), Ok(4));
            w.run(SECOND);
            assert_eq!(w.read(B, server), Ok((b"anew".to_vec(), false)));
        })
    };
    assert_eq!(again(Always, true, 1200 * MS), Ok(()));
    for (reuse, both_close, wait) in
        [(Always, true, 800 * MS), (Always, false, 3 * SECOND), (Never, true, 3 * SECOND), (Loopback, true, 3 * SECOND)]
    {
        let refused = again(reuse, both_close, wait);
        assert_eq!(refused, Err(Error::AddressNotAvailable), "{reuse:?}, {both_close}, {wait:?}");
    }
}

#[test]
fn time_wait_is_bounded() {
    let mut w = world(|c| c.max_time_wait = 3);
    let listener = w.listen(B, "10.0.0.2:80", 5);
    for port in 0..5 {
        assert_eq!(connect_and_wait(&mut w, listener, 7000 + port), TcpState::Established);
    }
    assert_eq!(w.counter(B, "TcpExtTCPTimeWaitOverflow"), 2);
    w.run(120 * SECOND);
    assert_eq!(w.counter(B, "TcpExtTW"), 3);
    assert_eq!(w.hosts[B].poll_timeout(), None);
}

#[test]
fn orphans_are_bounded() {
    let mut w = world(|c| c.max_orphans = 2);
    let listener = w.listen(B, "10.0.0.2:80", 10);
    let clients: Vec<_> = (0..4).map(|_| w.connect(A, "10.0.0.2:80")).collect();
    w.run(100 * MS);
    w.drop_if = Some(Box::new(|_, _| true));
    for client in clients {
        w.hosts[A].close(w.now, client).unwrap();
    }
    w.drain();
    assert_eq!(w.counter(A, "TcpExtTCPAbortOnMemory"), 2);
    assert_eq!(w.counter(A, "TcpOutRsts"), 2);
    assert_eq!(w.hosts[A].open_connections(), 2);
    assert!(w.hosts[B].accept(w.now, listener).is_ok());
}

#[test]
fn connect_avoids_tuples_in_time_wait_and_finds_no_port_when_all_are_taken() {
    let mut w = world(|c| c.ephemeral_ports = 40_000..=40_003);
    let listener = w.listen(B, "10.0.0.2:80", 10);
    for _ in 0..4 {
        let client = w.connect(A, "10.0.0.2:80");
        w.run(100 * MS);
        let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
        w.hosts[A].close(w.now, client).unwrap();
        w.run(100 * MS);
        w.hosts[B].close(w.now, server).unwrap();
        w.run(100 * MS);
    }
    let (now, remote) = (w.now, end("10.0.0.2:80"));
    assert_eq!(w.hosts[A].connect(now, None, remote, None), Err(Error::AddressNotAvailable));
    assert_eq!(w.hosts[A].connect(now, Some(end("10.0.0.1:40001")), remote, None), Err(Error::AddressNotAvailable));
    // Another destination is another 4-tuple.
    assert!(w.hosts[A].connect(now, None, end("10.0.0.2:81"), None).is_ok());
    w.run(61 * SECOND);
    assert!(w.hosts[A].connect(w.now, None, remote, None).is_ok());
}

fn transparent(w: &mut World, defer_syn_ack: bool) -> limpid_stack::SocketId {
    for host in [A, B] {
        for any in ["0.0.0.0/0", "::/0"] {
            let route = Route { destination: any.parse().unwrap(), gateway: None, iface: w.iface, metric: 0 };
            w.hosts[host].add_route(route).unwrap();
        }
    }
    let config = ListenConfig { transparent: true, defer_syn_ack, ..ListenConfig::new(end("[::]:0"), 10) };
    w.hosts[B].listen(w.now, config).unwrap()
}

#[test]
fn a_transparent_listener_takes_any_address_and_port() {
    let mut w = world(|_| ());
    let listener = transparent(&mut w, false);
    for remote in ["93.184.216.34:443", "[2606:2800::1]:8080", "10.0.0.2:22"] {
        let client = w.connect(A, remote);
        w.run(100 * MS);
        assert_eq!(w.state(A, client), TcpState::Established, "{remote}");
        let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
        assert_eq!(w.hosts[B].local_endpoint(server), Ok(end(remote)));
        assert_eq!(w.write(A, client, b"hi"), Ok(2));
        w.run(100 * MS);
        assert_eq!(w.read(B, server), Ok((b"hi".to_vec(), false)));
    }
    // An ordinary listener comes first.
    let own = w.listen(B, "10.0.0.2:99", 1);
    w.connect(A, "10.0.0.2:99");
    w.run(100 * MS);
    assert!(w.hosts[B].accept(w.now, own).is_ok());
}

#[test]
fn foreign_packets_are_dropped_without_a_transparent_listener() {
    let mut w = world(|_| ());
    let listener = transparent(&mut w, false);
    w.hosts[B].close(w.now, listener).unwrap();
    w.connect(A, "93.184.216.34:443");
    w.run(100 * MS);
    assert_eq!(w.counter(B, "TcpOutRsts"), 0);
    assert_eq!(drops(&mut w, B, DropReason::NotForUs), 1);
}

#[test]
fn a_held_syn_is_answered_when_the_application_says_so() {
    let mut w = world(|_| ());
    let listener = transparent(&mut w, true);
    let client = w.connect(A, "93.184.216.34:443");
    w.run(2500 * MS);
    assert_eq!(w.state(A, client), TcpState::SynSent);
    assert_eq!(w.hosts[B].poll_ready(), Some((listener, Readiness::READABLE)));
    let syn = w.hosts[B].poll_syn().expect("a SYN is shown once");
    assert!(w.hosts[B].poll_syn().is_none(), "its repetition is not another");
    assert_eq!((syn.listener, syn.local), (listener, end("93.184.216.34:443")));
    assert_eq!(syn.remote, w.hosts[A].local_endpoint(client).unwrap());
    assert_eq!(syn.segment.options.all().mss, Some(1460));
    w.hosts[B].answer(w.now, syn.id).unwrap();
    w.run(100 * MS);
    assert_eq!(w.state(A, client), TcpState::Established);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.hosts[B].flow_id(server), Ok(syn.flow));
    assert_eq!(w.hosts[B].answer(w.now, syn.id), Err(Error::NoSuchSocket));
}

#[test]
fn a_held_syn_is_refused_or_forgotten() {
    let mut w = world(|_| ());
    transparent(&mut w, true);
    let refused = w.connect(A, "93.184.216.34:443");
    let silent = w.connect(A, "93.184.216.34:444");
    let waiting = w.connect(A, "93.184.216.34:445");
    w.run(100 * MS);
    let syns: Vec<_> = std::iter::from_fn(|| w.hosts[B].poll_syn()).collect();
    assert_eq!(syns.len(), 3);
    w.hosts[B].refuse(w.now, syns[0].id, Refusal::Reset).unwrap();
    w.hosts[B].refuse(w.now, syns[1].id, Refusal::Silent).unwrap();
    w.run(100 * MS);
    assert_eq!(w.hosts[A].take_error(refused), Ok(Some(Error::ConnectionRefused)));
    assert_eq!(w.state(A, silent), TcpState::SynSent);
    assert_eq!(w.state(A, waiting), TcpState::SynSent);
    w.drop_if = Some(Box::new(|_, _| true));
    w.run(HOLD_LIMIT);
    assert_eq!(w.hosts[B].answer(w.now, syns[2].id), Err(Error::NoSuchSocket));
    assert_eq!(w.hosts[B].poll_timeout(), None);
}

#[test]
fn a_held_syn_may_reopen_time_wait() {
    let mut w = world(|_| ());
    let config = ListenConfig { defer_syn_ack: true, ..ListenConfig::new(end("10.0.0.2:80"), 5) };
    let listener = w.hosts[B].listen(w.now, config).unwrap();
    for round in 0..3 {
        let client = w.hosts[A].connect(w.now, Some(end("10.0.0.1:7777")), end("10.0.0.2:80"), None).unwrap();
        w.run(100 * MS);
        let syn = w.hosts[B].poll_syn().unwrap();
        w.hosts[B].answer(w.now, syn.id).unwrap();
        w.run(100 * MS);
        assert_eq!(w.state(A, client), TcpState::Established, "{round}");
        let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
        w.hosts[B].close(w.now, server).unwrap();
        w.run(100 * MS);
        w.hosts[A].close(w.now, client).unwrap();
        w.run(100 * MS);
    }
    assert_eq!(w.counter(B, "TcpExtTWRecycled"), 2);
}

#[test]
fn held_syns_count_against_the_syn_queue() {
    let mut w = world(|c| {
        c.max_syn_backlog = 2;
        c.syn_cookies = SynCookies::Never;
    });
    transparent(&mut w, true);
    for port in 1..5 {
        w.connect(A, &format!("93.184.216.34:{port}"));
    }
    w.run(100 * MS);
    assert_eq!(std::iter::from_fn(|| w.hosts[B].poll_syn()).count(), 2);
    assert_eq!(w.counter(B, "TcpExtTCPReqQFullDrop"), 2);
}
