//! Fast Open between two hosts (RFC 7413): cookies, the bound on what is pending, pauses, and what is remembered of peers.

mod common;

use common::{A, B, World, end, ip, mac, tcp_packet};
use limpid_event::Error;
use limpid_stack::{FastOpenFlags, FastOpenKey, FastOpenKeys, Medium, Secret, SocketFastOpen, SocketId, StackConfig};
use limpid_wire::tcp::FastOpenCookie;
use limpid_wire::{Chunks, Segment, SeqNum, TcpFlags, TcpOptions};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const KEY: FastOpenKey = FastOpenKey([7; 16]);
const SERVER: &str = "10.0.0.2:80";

fn world(change: impl FnOnce(&mut StackConfig)) -> World {
    let mut config = StackConfig::default();
    config.fast_open.flags = FastOpenFlags::CLIENT | FastOpenFlags::SERVER;
    config.fast_open.keys = Some(FastOpenKeys { primary: KEY, backup: None });
    change(&mut config);
    World::with(config, |_| Medium::Ip, 1500, 0)
}

fn listener(w: &mut World, queue: u32) -> SocketId {
    let listener = w.listen(B, SERVER, 16);
    w.hosts[B].set_fast_open(listener, SocketFastOpen { queue, ..SocketFastOpen::default() }).unwrap();
    listener
}

/// A connect with data; how much of it left with the SYN.
fn connect(w: &mut World, bytes: &[u8]) -> (SocketId, usize) {
    let socket = w.hosts[A].socket();
    let carried = w.hosts[A].connect_with_data(w.now, socket, end(SERVER), bytes).unwrap();
    (socket, carried)
}

/// Asks for a cookie, and closes.
fn ask(w: &mut World, listener: SocketId) {
    let (socket, carried) = connect(w, b"early");
    assert_eq!(carried, 0, "there was a cookie");
    w.run(200 * MS);
    let (accepted, _) = w.hosts[B].accept(w.now, listener).unwrap();
    w.hosts[A].close(w.now, socket).unwrap();
    w.run(200 * MS);
    w.hosts[B].close(w.now, accepted).unwrap();
    w.run(200 * MS);
}

#[test]
fn a_cookie_first_then_data_with_the_syn() {
    let mut w = world(|_| ());
    let listener = listener(&mut w, 5);
    ask(&mut w, listener);
    assert_eq!(w.counter(B, "TcpExtTCPFastOpenCookieReqd"), 1);
    let (client, carried) = connect(&mut w, b"hello");
    assert_eq!(carried, 5);
    w.run(200 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.read(B, server).unwrap().0, b"hello");
    assert_eq!((w.counter(B, "TcpExtTCPFastOpenPassive"), w.counter(A, "TcpExtTCPFastOpenActive")), (1, 1));
    let info = w.hosts[A].info(w.now, client).unwrap();
    assert!(info.syn_data && !info.fast_open_child);
    let info = w.hosts[B].info(w.now, server).unwrap();
    assert!(info.syn_data && info.fast_open_child);
}

/// Signed segments take no part: neither a cookie nor its lack is known of them.
#[test]
fn who_signs_asks_for_nothing_and_learns_nothing() {
    for without_cookies in [false, true] {
        let mut w = world(|config| {
            if without_cookies {
                config.fast_open.flags |= FastOpenFlags::CLIENT_NO_COOKIE;
            }
        });
        let open = listener(&mut w, 5);
        if !without_cookies {
            ask(&mut w, open);
        }
        let secret = || Secret::new(b"secret").unwrap();
        let keyed = w.listen(B, "10.0.0.2:179", 16);
        w.hosts[B].set_fast_open(keyed, SocketFastOpen { queue: 5, ..SocketFastOpen::default() }).unwrap();
        w.hosts[B].set_md5_key(keyed, "10.0.0.1/32".parse().unwrap(), secret()).unwrap();
        let client = w.hosts[A].socket();
        w.hosts[A].set_md5_key(client, "10.0.0.2/32".parse().unwrap(), secret()).unwrap();
        let carried = w.hosts[A].connect_with_data(w.now, client, end("10.0.0.2:179"), b"hello");
        assert_eq!(carried, Ok(0), "nothing leaves before the handshake");
        w.run(200 * MS);
        let (server, _) = w.hosts[B].accept(w.now, keyed).unwrap();
        assert_eq!(w.write(A, client, b"hello"), Ok(5));
        w.run(200 * MS);
        assert_eq!(w.read(B, server).unwrap().0, b"hello");
        assert_eq!(w.counter(A, "TcpExtTCPFastOpenActiveFail"), 0);
        assert!(!w.hosts[A].info(w.now, client).unwrap().syn_data);
        assert_eq!(connect(&mut w, b"hello").1, 5, "what was known of the peer still is");
    }
}

#[test]
fn what_does_not_fit_the_syn_is_for_the_caller() {
    let mut w = world(|_| ());
    let listener = listener(&mut w, 5);
    ask(&mut w, listener);
    assert_eq!(connect(&mut w, &[1; 5000]).1, 1420, "1460 less room for all options");
}

#[test]
fn a_listener_without_a_queue_takes_no_part() {
    let mut w = world(|config| config.fast_open.flags |= FastOpenFlags::CLIENT_NO_COOKIE);
    let listener = w.listen(B, SERVER, 16);
    let (client, carried) = connect(&mut w, b"hello");
    assert_eq!(carried, 5);
    w.run(500 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.read(B, server).unwrap().0, b"hello", "it came again");
    assert_eq!((w.counter(B, "TcpExtTCPFastOpenPassive"), w.counter(A, "TcpExtTCPFastOpenActiveFail")), (0, 1));
    assert!(!w.hosts[A].info(w.now, client).unwrap().syn_data);
}

/// A SYN with a good cookie and ten bytes, from this port of a host that is not there.
fn syn(port: u16) -> Vec<u8> {
    let from = end(&format!("10.0.0.77:{port}"));
    let cookie = KEY.cookie(from.addr, ip("10.0.0.2"));
    segment(from.port, 1000, TcpFlags::SYN, Some(cookie), vec![9; 10])
}

fn segment(port: u16, seq: u32, flags: TcpFlags, cookie: Option<FastOpenCookie>, payload: Vec<u8>) -> Vec<u8> {
    let options = TcpOptions { fast_open: cookie, ..TcpOptions::default() };
    let payload = Chunks::from(payload);
    let segment = Segment { seq: SeqNum(seq), flags, window: 1000, options, payload, ..Segment::default() };
    tcp_packet(end(&format!("10.0.0.77:{port}")), end(SERVER), &segment)
}

#[test]
fn no_more_are_pending_than_the_queue_takes_and_resets_count_for_a_minute() {
    let mut w = world(|_| ());
    let listener = listener(&mut w, 1);
    let opened =
        |w: &World| (w.counter(B, "TcpExtTCPFastOpenPassive"), w.counter(B, "TcpExtTCPFastOpenListenOverflow"));
    w.inject(B, syn(1));
    w.inject(B, syn(2));
    w.run(10 * MS);
    assert_eq!(opened(&w), (1, 1));
    // It is accepted, and then its sender, who sent no SYN, resets it.
    w.hosts[B].accept(w.now, listener).unwrap();
    w.inject(B, segment(1, 1011, TcpFlags::RST, None, Vec::new()));
    w.run(10 * MS);
    w.inject(B, syn(3));
    w.run(10 * MS);
    assert_eq!(opened(&w), (1, 2), "the reset one counts");
    w.run(61 * SECOND);
    w.inject(B, syn(4));
    w.run(10 * MS);
    assert_eq!(opened(&w), (2, 2));
}

#[test]
fn three_timeouts_make_fast_open_pause() {
    let mut w = world(|config| {
        config.fast_open.flags |= FastOpenFlags::CLIENT_NO_COOKIE;
        config.fast_open.black_hole_timeout = 30 * SECOND;
    });
    w.drop_if = Some(Box::new(|_, _| true));
    assert_eq!(connect(&mut w, b"lost").1, 4);
    w.run(5 * SECOND);
    assert_eq!(w.counter(A, "TcpExtTCPFastOpenBlackhole"), 1);
    assert_eq!(connect(&mut w, b"kept").1, 0);
    w.run(40 * SECOND);
    assert_eq!(connect(&mut w, b"again").1, 5);
}

/// The same where the handshake goes through, and nothing after it.
#[test]
fn timeouts_after_the_handshake_make_fast_open_pause() {
    let mut w = world(|config| {
        config.fast_open.flags |= FastOpenFlags::CLIENT_NO_COOKIE;
        config.fast_open.black_hole_timeout = 30 * SECOND;
    });
    let _listener = listener(&mut w, 5);
    let (socket, carried) = connect(&mut w, b"early");
    assert_eq!(carried, 5);
    w.run(SECOND);
    w.drop_if = Some(Box::new(|_, _| true));
    assert_eq!(w.write(A, socket, b"lost"), Ok(4));
    w.run(SECOND);
    assert_eq!(w.counter(A, "TcpExtTCPFastOpenBlackhole"), 0, "two timeouts are none");
    w.run(2 * SECOND);
    assert_eq!(w.counter(A, "TcpExtTCPFastOpenBlackhole"), 1);
    assert_eq!(connect(&mut w, b"kept").1, 0);
}

#[test]
fn fast_open_that_is_off_says_so() {
    let mut w = world(|config| config.fast_open.flags = FastOpenFlags::empty());
    let socket = w.hosts[A].socket();
    assert_eq!(w.hosts[A].connect_with_data(w.now, socket, end(SERVER), b"x"), Err(Error::NotSupported));
}

#[test]
fn a_syn_that_waits_leaves_with_the_first_write() {
    let mut w = world(|config| config.fast_open.flags |= FastOpenFlags::CLIENT_NO_COOKIE);
    let listener = listener(&mut w, 5);
    let socket = w.hosts[A].socket();
    assert_eq!(w.hosts[A].connect_deferred(w.now, socket, end(SERVER)), Ok(true));
    w.run(SECOND);
    assert!(w.hosts[A].is_deferred(socket) && w.carried.is_empty());
    assert_eq!(w.write(A, socket, b"hello"), Ok(5));
    w.run(200 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.read(B, server).unwrap().0, b"hello");
}

#[test]
fn what_a_connection_measured_is_remembered_until_it_is_forgotten() {
    let mut w = world(|_| ());
    let listener = listener(&mut w, 5);
    ask(&mut w, listener);
    let known = w.hosts[A].peer_metrics();
    assert_eq!(known.len(), 1);
    assert!(known[0].rtt.is_some() && known[0].fast_open.cookie.is_some() && known[0].fast_open.mss == Some(1460));
    assert!(w.hosts[A].forget_peer(ip("10.0.0.2")));
    assert!(w.hosts[A].peer_metrics().is_empty() && !w.hosts[A].forget_peer(ip("10.0.0.2")));
}

#[test]
fn the_headers_of_a_syn_are_kept_for_who_asks() {
    let mut w = world(|_| ());
    let listener = listener(&mut w, 5);
    w.hosts[B].set_save_syn(listener, 1).unwrap();
    w.inject(B, syn(1));
    w.run(10 * MS);
    let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
    assert_eq!(w.hosts[B].take_saved_syn(server, 10), Err(Error::InvalidArgument));
    let saved = w.hosts[B].take_saved_syn(server, 100).unwrap();
    assert_eq!((saved.len(), saved[0], saved[20 + 13]), (20 + 32, 0x45, 0x02), "headers without data");
    assert_eq!(w.hosts[B].take_saved_syn(server, 100), Ok(Vec::new()), "once");
}

/// A tag is no part of it: Linux has taken it off by then.
#[test]
fn the_header_of_the_link_is_kept_where_there_is_one() {
    for (save, from) in [(1, 0), (2, 14)] {
        let mut w = World::ethernet();
        let listener = w.listen(B, "10.0.0.2:80", 4);
        w.hosts[B].set_save_syn(listener, save).unwrap();
        let client = w.connect(A, "10.0.0.2:80");
        w.run(100 * MS);
        let (server, _) = w.hosts[B].accept(w.now, listener).unwrap();
        let saved = w.hosts[B].take_saved_syn(server, 200).unwrap();
        assert_eq!((saved.len(), saved[from]), (from + 20 + 40, 0x45), "TCP_SAVE_SYN {save}");
        if save == 2 {
            assert_eq!((&saved[..6], &saved[6..14]), (&mac(B).0[..], &[mac(A).0.as_slice(), &[8, 0]].concat()[..]));
        }
        w.hosts[A].close(w.now, client).unwrap();
    }
}
