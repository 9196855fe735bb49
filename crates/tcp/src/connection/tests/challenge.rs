//! Segments that can't be right are answered, but not without end (RFC 5961, RFC 9293 §3.10.7.4).

use crate::Config;
use crate::testing::{Host, plain};
use core::time::Duration;
use limpid_event::{Counter, Error, TcpState};

#[test]
fn one_in_half_a_second_for_each_connection() {
    let mut host = Host::established(plain());
    for _ in 0..10 {
        host.inject("R 100:100(0) win 0");
        host.now += Duration::from_millis(100);
    }
    assert_eq!(host.outbox.len(), 2);
    assert_eq!(host.counter(Counter::TcpExtTCPChallengeACK), 2);
    assert_eq!(host.counter(Counter::TcpExtTCPACKSkippedChallenge), 8);
    // Another connection of the same time is not affected: the limit is nobody's but its own.
    let mut other = Host::established(plain());
    other.now = host.now;
    other.inject("R 100:100(0) win 0");
    assert_eq!(other.outbox.len(), 1);
}

#[test]
fn the_real_peer_answers_it_with_the_right_reset() {
    let mut host = Host::established(plain());
    host.inject("S 500:500(0) win 65535 <mss 1460>");
    let challenge = host.outbox.pop_front().unwrap().segment;
    // The peer has restarted, knows nothing, and resets at our ACK number.
    let mut restarted = Host::new(plain());
    restarted.receive(challenge);
    let reset = restarted.outbox.pop_front().unwrap().segment;
    host.receive(reset);
    assert_eq!(host.state(), TcpState::Closed);
}

#[test]
fn a_reset_at_the_end_of_what_sack_told_counts() {
    let mut host = Host::listening(Config::default());
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK>");
    host.inject(". 1:1(0) ack 1 win 500");
    host.inject(". 11:21(10) ack 1 win 500");
    host.inject("R 21:21(0) win 0");
    assert_eq!(host.state(), TcpState::Closed);
}

#[test]
fn an_ack_of_what_was_acknowledged_within_a_window_is_still_good() {
    let mut host = Host::established(plain());
    host.write(&[0; 100]).unwrap();
    host.inject(". 1:1(0) ack 101 win 65535");
    host.forget();
    host.inject("P. 1:2(1) ack 51 win 65535");
    assert_eq!(host.read(10).unwrap().len(), 1);
    host.inject("P. 2:3(1) ack 4294967290 win 65535");
    assert_eq!(host.read(10), Err(Error::WouldBlock), "from before the connection");
}

#[test]
fn two_ends_never_answer_each_other_for_ever() {
    let mut host = Host::established(plain());
    for _ in 0..1000 {
        host.inject(". 100000:100000(0) ack 1 win 65535");
    }
    assert_eq!(host.outbox.len(), 1);
    assert_eq!(host.counter(Counter::TcpExtTCPACKSkippedSeq), 999);
}
