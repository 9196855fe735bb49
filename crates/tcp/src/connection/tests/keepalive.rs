//! Keepalive probes (RFC 9293 §3.8.4) beside TCP_USER_TIMEOUT.

use crate::testing::{Host, Phase, cx, plain};
use crate::{Config, KeepAlive};
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;
use limpid_event::{Counter, Error};

fn config() -> Config {
    let second = Duration::from_secs(1);
    Config { keepalive: Some(KeepAlive { idle: 10 * second, interval: second, count: 3 }), ..plain() }
}

/// As Linux 6.18: probes at idle time and each interval, then a reset.
#[test]
fn a_dead_peer_is_found() {
    let mut host = Host::established(config());
    host.pass_ms(9_999);
    host.expect(&[]);
    for _ in 0..3 {
        host.pass_ms(1);
        host.expect(&[". 0:0(0) ack 1 win 64240  (keepalive)"]);
        host.pass_ms(999);
    }
    host.pass_ms(1);
    host.expect(&["R. 1:1(0) ack 1 win 64240  (reset: timeout)"]);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
    assert_eq!(host.counter(Counter::TcpExtTCPKeepAlive), 3);
}

#[test]
fn an_answer_begins_the_idle_time_anew() {
    let mut host = Host::established(config());
    host.pass_ms(11_000);
    assert_eq!(host.sent().len(), 2);
    host.inject(". 1:1(0) ack 1 win 65535");
    host.pass_ms(9_999);
    host.expect(&[]);
    host.pass_ms(1);
    assert_eq!(host.sent().len(), 1);
    assert_eq!(host.ended, None);
}

#[test]
fn data_postpones_it() {
    let mut host = Host::established(config());
    host.pass_ms(6_000);
    host.inject("P. 1:2(1) ack 1 win 65535");
    host.forget();
    host.pass_ms(9_999);
    host.expect(&[]);
    host.pass_ms(1);
    assert_eq!(host.sent(), [". 0:0(0) ack 2 win 64239  (keepalive)"].map(String::from));
}

#[test]
fn it_can_be_switched_on_and_off_later() {
    let mut host = Host::established(plain());
    assert_eq!(host.poll_timeout(), None);
    for (config, runs) in [(config(), true), (plain(), false)] {
        let Phase::Connection(connection) = &mut host.phase else { panic!() };
        let _ = connection.configure(cx!(host), Arc::new(config));
        assert_eq!(host.poll_timeout().is_some(), runs);
    }
}

/// A timer that is due again at once would never let `handle_timeout` return.
#[test]
fn figures_of_zero_do_not_spin() {
    let keepalive = KeepAlive { idle: Duration::ZERO, interval: Duration::ZERO, count: 2 };
    let mut host = Host::established(Config { keepalive: Some(keepalive), ..plain() });
    // Data in flight: keepalive waits.
    host.write(&[0; 10]).unwrap();
    host.pass_ms(1);
    host.inject(". 1:1(0) ack 11 win 65535");
    host.pass_ms(10);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

#[test]
fn a_dead_peer_is_found_after_its_fin_too() {
    let mut host = Host::established(config());
    host.inject("F. 1:1(0) ack 1 win 65535");
    host.pass_ms(20_000);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

#[test]
fn the_user_timeout_decides_instead_of_the_count() {
    let mut host = Host::established(Config { user_timeout: Some(Duration::from_millis(10_500)), ..config() });
    host.pass_ms(11_000);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}
