//! Opening: SYN and SYN-ACK schedules, deadlines, crossed SYNs, what does not fit.

use crate::testing::{Host, Link, Pair, Phase, plain};
use crate::{Config, SynSchedule};
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Counter, Error, Instant, TcpState};

fn exponential(retries: u8) -> Config {
    Config { syn_retries: retries, syn_schedule: SynSchedule::Exponential, ..plain() }
}

/// Connects to nobody until the open fails; the times of the SYNs and of the failure, in milliseconds.
fn unanswered(config: Config) -> (Vec<u64>, u64, Error) {
    let mut host = Host::new(config);
    host.connect();
    let mut sent = Vec::from([0]);
    host.outbox.clear();
    while let Some(at) = host.poll_timeout() {
        host.now = at;
        host.handle_timeout();
        sent.extend(host.outbox.drain(..).map(|_| at.as_millis()));
    }
    let Some(Some(error)) = host.ended else { panic!("the open did not fail") };
    (sent, host.now.as_millis(), error)
}

#[test]
fn a_syn_is_repeated_at_1_2_4_8_seconds_and_given_up_after_31() {
    let expected = (Vec::from([0, 1_000, 3_000, 7_000, 15_000]), 31_000, Error::TimedOut);
    assert_eq!(unanswered(exponential(4)), expected);
}

#[test]
fn linear_retries_come_on_top_and_take_35_seconds() {
    let schedule = SynSchedule::LinearThenExponential { linear: 4 };
    let config = Config { syn_schedule: schedule, ..exponential(4) };
    let times = Vec::from([0, 1_000, 2_000, 3_000, 4_000, 5_000, 7_000, 11_000, 19_000]);
    assert_eq!(unanswered(config), (times, 35_000, Error::TimedOut));
}

#[test]
fn linear_retries_end_when_exponential_ones_would_have() {
    let schedule = SynSchedule::LinearThenExponential { linear: 4 };
    let given_up = |retries| unanswered(Config { syn_schedule: schedule, ..exponential(retries) });
    assert_eq!(given_up(1), (Vec::from([0, 1_000, 2_000]), 3_000, Error::TimedOut));
    let times = Vec::from([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    assert_eq!(given_up(2), (times, 7_000, Error::TimedOut));
}

#[test]
fn the_applications_deadline_ends_the_open_without_a_last_syn() {
    let config = Config { connect_deadline: Some(Duration::from_secs(3)), ..exponential(6) };
    assert_eq!(unanswered(config), (Vec::from([0, 1_000]), 3_000, Error::TimedOut));
}

#[test]
fn no_retries_is_one_syn() {
    assert_eq!(unanswered(exponential(0)), (Vec::from([0]), 1_000, Error::TimedOut));
}

#[test]
fn a_repeated_syn_keeps_its_number_and_has_a_fresh_timestamp() {
    let mut host = Host::new(Config { syn_schedule: SynSchedule::Exponential, ..Config::default() });
    host.connect();
    host.pass_ms(1_000);
    host.expect(&[
        "S 0:0(0) win 64240 <mss 1460,sackOK,TS val 0 ecr 0,nop,wscale 10>  (open)",
        "S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 10>  (SYN again: no answer)",
    ]);
    assert_eq!(host.counter(Counter::TcpExtTCPSynRetrans), 1);
}

#[test]
fn a_syn_ack_is_repeated_five_times_and_dropped_after_63_seconds() {
    let mut host = Host::listening(plain());
    host.inject("S 0:0(0) win 65535 <mss 1460>");
    let mut sent = Vec::new();
    host.outbox.clear();
    while let Some(at) = host.poll_timeout() {
        host.now = at;
        host.handle_timeout();
        sent.extend(host.outbox.drain(..).map(|_| at.as_millis()));
    }
    assert_eq!(sent, [1_000, 3_000, 7_000, 15_000, 31_000]);
    assert_eq!((host.now, host.state()), (Instant::from_millis(63_000), TcpState::Listen));
}

#[test]
fn a_full_accept_queue_drops_the_final_ack_and_the_syn_ack_comes_again() {
    let mut host = Host::listening(plain());
    host.accepts = false;
    host.inject("S 0:0(0) win 65535 <mss 1460>");
    host.inject(". 1:1(0) ack 1 win 65535");
    assert_eq!(host.state(), TcpState::SynReceived);
    host.accepts = true;
    host.pass_ms(1_000);
    host.inject(". 1:1(0) ack 1 win 65535");
    assert_eq!(host.state(), TcpState::Established);
    host.expect(&[
        "S. 0:0(0) ack 1 win 64240 <mss 1460>  (answer to SYN)",
        "S. 0:0(0) ack 1 win 64240 <mss 1460>  (SYN-ACK again)",
    ]);
}

#[test]
fn a_repeated_syn_is_answered_twice_a_second_at_most() {
    let mut host = Host::listening(plain());
    for _ in 0..4 {
        host.inject("S 0:0(0) win 65535 <mss 1460>");
        host.now += Duration::from_millis(200);
    }
    // The first, its repetition at 200 ms, and not before 700 ms again.
    assert_eq!(host.outbox.len(), 2);
    assert_eq!(host.counter(Counter::TcpExtTCPACKSkippedSynRecv), 2);
}

#[test]
fn without_a_measured_round_trip_the_first_timeout_is_three_seconds() {
    let mut host = Host::new(exponential(4));
    host.connect();
    host.pass_ms(1_000);
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    assert_eq!(host.connection().info(Instant::ZERO).rto, 3_000_000);
}

#[test]
fn after_a_second_lost_syn_sending_begins_with_one_segment() {
    for (lost, segments) in [(0, 10), (1, 10), (2, 1)] {
        let mut host = Host::new(exponential(6));
        host.connect();
        host.pass_ms([0, 1_000, 3_000][lost]);
        host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
        assert_eq!(host.connection().info(Instant::ZERO).snd_cwnd, segments, "{lost} lost");
    }
}

#[test]
fn a_timestamp_measures_the_round_trip_of_a_repeated_syn() {
    let mut host = Host::new(Config { syn_schedule: SynSchedule::Exponential, ..Config::default() });
    host.connect();
    host.pass_ms(1_040);
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 7 ecr 1000,nop,wscale 10>");
    let info = host.connection().info(Instant::ZERO);
    assert_eq!((info.rtt, info.rto), (40_000, 240_000));
}

#[test]
fn crossed_syns_open_one_connection() {
    let mut hosts = [Host::new(Config::default()), Host::new(Config::default())];
    hosts.iter_mut().for_each(Host::connect);
    let mut pair = Pair::new(hosts, Link::default(), 1);
    pair.run_for(Duration::from_millis(100));
    assert_eq!(pair.hosts[1].state(), TcpState::Established);
    insta::assert_snapshot!(pair.hosts[0].story());
}

#[test]
fn a_lost_syn_ack_of_crossed_syns_is_repeated() {
    let mut hosts = [Host::new(Config::default()), Host::new(Config::default())];
    hosts.iter_mut().for_each(Host::connect);
    let mut pair = Pair::new(hosts, Link::default(), 1);
    // Of SYN, SYN, SYN-ACK, SYN-ACK the last two are lost.
    pair.plan = Some(|nth| nth == 2 || nth == 3);
    pair.run_for(Duration::from_millis(1_100));
    assert_eq!([pair.hosts[0].state(), pair.hosts[1].state()], [TcpState::Established; 2]);
}

#[test]
fn crossed_syns_obey_the_deadline() {
    let mut host = Host::new(Config { connect_deadline: Some(Duration::from_millis(2_500)), ..plain() });
    host.connect();
    host.inject("S 0:0(0) win 65535 <mss 1460>");
    assert_eq!(host.state(), TcpState::SynReceived);
    host.pass_ms(2_500);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

#[test]
fn an_icmp_error_ends_the_open() {
    let mut host = Host::new(plain());
    host.connect();
    let Phase::SynSent(syn_sent) = core::mem::replace(&mut host.phase, Phase::Closed) else { panic!() };
    let outcome = syn_sent.handle_icmp(crate::testing::cx!(host), Error::HostUnreachable);
    assert!(matches!(outcome, crate::SynSentOutcome::Failed(Error::HostUnreachable)));
}

#[test]
fn closing_before_any_answer_sends_nothing() {
    let mut host = Host::new(plain());
    host.connect();
    host.forget();
    host.close();
    host.expect(&[]);
    assert_eq!(host.state(), TcpState::Closed);
}

/// Linux takes no data from a SYN-ACK without Fast Open, and neither does a listener from a SYN (asked of Linux 6.18).
#[test]
fn data_with_a_syn_is_left_to_be_sent_again() {
    let mut client = Host::new(plain());
    client.connect();
    client.forget();
    client.inject("S. 0:5(5) ack 1 win 65535 <mss 1460>");
    client.expect(&[". 1:1(0) ack 1 win 64240  (handshake complete)"]);
    assert_eq!(client.read(10), Err(Error::WouldBlock));
    let mut server = Host::listening(plain());
    server.inject("S 0:5(5) win 65535 <mss 1460>");
    server.expect(&["S. 0:0(0) ack 1 win 64240 <mss 1460>  (answer to SYN)"]);
}

#[test]
fn an_echo_of_a_timestamp_that_was_never_sent_is_refused() {
    let mut client = Host::new(Config::default());
    client.params.ts_offset = 5_000;
    client.connect();
    client.pass_ms(10);
    client.forget();
    client.inject("S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS val 7 ecr 4999>");
    client.expect(&["R 1:1(0) win 0  (reset: unacceptable ACK)"]);
    assert_eq!((client.state(), client.counter(Counter::TcpExtPAWSActive)), (TcpState::SynSent, 1));
    let mut server = Host::listening(Config::default());
    server.params.ts_offset = 5_000;
    server.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 7 ecr 0,nop,wscale 10>");
    server.inject(". 1:1(0) ack 1 win 65535 <nop,nop,TS val 8 ecr 5001>");
    assert_eq!(server.state(), TcpState::SynReceived);
    server.inject(". 1:1(0) ack 1 win 65535 <nop,nop,TS val 8 ecr 5000>");
    assert_eq!(server.state(), TcpState::Established);
}

#[test]
fn options_that_the_peer_did_not_offer_are_not_used() {
    let mut server = Host::listening(Config::default());
    server.inject("S 0:0(0) win 65535 <mss 1000>");
    server.inject(". 1:1(0) ack 1 win 65535");
    server.forget();
    server.write(&[0; 1_500]).unwrap();
    server.expect(&[". 1:1001(1000) ack 1 win 64240  (new data)", "P. 1001:1501(500) ack 1 win 64240  (new data)"]);
}

#[test]
fn the_mss_is_clamped_in_both_directions() {
    let mut host = Host::new(Config { max_seg: Some(500), ..Config::default() });
    host.connect();
    assert!(host.sent()[0].contains("<mss 500,"));
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    assert_eq!(host.connection().info(Instant::ZERO).snd_mss, 500);
}

/// RFC 9293 §3.5, figure 7 taken to its end: a socket that connects to its own address crosses SYNs with itself.
#[test]
fn a_connection_to_itself_opens_and_echoes() {
    let mut host = Host::new(Config::default());
    host.connect();
    let loop_back = |host: &mut Host| {
        while let Some(transmit) = host.outbox.pop_front() {
            host.receive(transmit.segment);
        }
    };
    loop_back(&mut host);
    assert_eq!(host.state(), TcpState::Established);
    host.write(b"to myself").unwrap();
    loop_back(&mut host);
    assert_eq!(host.read(100).unwrap(), b"to myself");
}

/// As Linux with TCP_QUICKACK off before connect.
#[test]
fn the_last_ack_may_wait_for_data() {
    let mut host = Host::connecting(Config { quick_ack: false, ..plain() });
    host.forget();
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    host.expect(&[]);
    host.write(b"hello").unwrap();
    host.expect(&["P. 1:6(5) ack 1 win 64240  (new data)"]);
    host.pass_ms(190);
    host.forget();
    let mut host = Host::connecting(Config { quick_ack: false, ..plain() });
    host.forget();
    host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
    host.pass_ms(199);
    host.expect(&[]);
    host.pass_ms(1);
    host.expect(&[". 1:1(0) ack 1 win 64240  (delayed ACK)"]);
}

/// TCP_DEFER_ACCEPT of 3 s, as Linux 6.18: two SYN-ACKs' time.
mod deferred_accept {
    use super::*;

    fn host(syn_ack_retries: u8) -> Host {
        let mut host = Host::listening(Config { defer_accept: 2, syn_ack_retries, ..plain() });
        host.inject("S 0:0(0) win 65535 <mss 1460>");
        host.forget();
        host.inject(". 1:1(0) ack 1 win 65535");
        assert_eq!(host.counter(Counter::TcpExtTCPDeferAcceptDrop), 1);
        host
    }

    #[test]
    fn data_makes_the_connection() {
        let mut host = host(5);
        host.pass_ms(500);
        assert_eq!(host.state(), TcpState::SynReceived);
        host.inject("P. 1:11(10) ack 1 win 65535");
        assert_eq!((host.state(), host.connection().readable_len()), (TcpState::Established, 10));
    }

    #[test]
    fn so_does_a_fin() {
        let mut host = host(5);
        host.inject("F. 1:1(0) ack 1 win 65535");
        assert_eq!(host.state(), TcpState::CloseWait);
    }

    #[test]
    fn in_the_end_a_last_ack_is_asked_for_and_is_good_enough() {
        let mut host = host(5);
        host.pass_ms(2_999);
        host.expect(&[]);
        host.pass_ms(1);
        host.expect(&["S. 0:0(0) ack 1 win 64240 <mss 1460>  (SYN-ACK again)"]);
        host.inject(". 1:1(0) ack 1 win 65535");
        assert_eq!(host.state(), TcpState::Established);
    }

    #[test]
    fn it_lasts_longer_than_the_retries_if_need_be_and_then_ends() {
        let mut host = host(1);
        host.pass_ms(3_000);
        host.expect(&["S. 0:0(0) ack 1 win 64240 <mss 1460>  (SYN-ACK again)"]);
        host.pass_ms(4_000);
        host.expect(&[]);
        assert!(matches!(host.phase, Phase::Listen));
    }

    #[test]
    fn who_connects_with_it_waits_with_the_last_ack() {
        let mut host = Host::connecting(Config { defer_accept: 1, ..plain() });
        host.forget();
        host.inject("S. 0:0(0) ack 1 win 65535 <mss 1460>");
        host.expect(&[]);
        host.pass_ms(200);
        assert_eq!(host.outbox.len(), 1);
    }
}

#[test]
fn an_ack_of_something_else_brings_the_syn_again_at_once_but_only_once() {
    let mut host = Host::new(plain());
    host.connect();
    host.forget();
    host.pass_ms(50);
    host.inject("S. 0:0(0) ack 2 win 65535 <mss 1460>");
    host.pass_ms(2);
    let sent = host.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].contains("R 2:2(0)") && sent[1].contains("S 0:0(0)"), "{sent:?}");
    host.inject("S. 0:0(0) ack 2 win 65535 <mss 1460>");
    host.pass_ms(900);
    assert_eq!(host.sent().len(), 1, "the reset alone");
}

/// RFC 9293 §3.10.7.4 as Linux goes through it.
mod syn_received {
    use super::*;

    fn answered(syn: &str) -> Host {
        let mut host = Host::listening(Config::default());
        host.inject(syn);
        host.forget();
        host
    }

    #[test]
    fn a_reset_is_judged_by_its_number_whatever_it_acknowledges() {
        let mut host = answered("S 0:0(0) win 65535 <mss 1460>");
        host.inject("R. 1:1(0) ack 7 win 0");
        host.inject(". 1:1(0) ack 1 win 65535");
        assert_ne!(host.state(), TcpState::Established);
    }

    #[test]
    fn a_reset_in_the_window_that_is_not_exact_is_asked_about() {
        let mut host = answered("S 0:0(0) win 65535 <mss 1460>");
        host.inject("R. 2:2(0) ack 7 win 0");
        host.expect(&[". 1:1(0) ack 1 win 64240  (challenge ACK)"]);
    }

    #[test]
    fn a_forged_echo_makes_a_reset_worthless() {
        let mut host = answered("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 700 ecr 0>");
        host.inject("R 1:1(0) win 0 <nop,nop,TS val 701 ecr 5000>");
        assert!(host.sent().is_empty());
        host.inject("F 1:1(0) win 0 <nop,nop,TS val 701 ecr 5000>");
        assert_eq!(host.sent().len(), 1, "anything else is answered with an ACK");
        host.inject(". 1:1(0) ack 1 win 65535 <nop,nop,TS val 701 ecr 0>");
        assert_eq!(host.state(), TcpState::Established);
    }

    #[test]
    fn a_fin_on_the_repeated_syn_does_not_count() {
        let mut host = answered("S 0:0(0) win 65535 <mss 1460>");
        host.inject("SF 0:0(0) win 65535 <mss 1460>");
        host.expect(&["S. 0:0(0) ack 1 win 64240 <mss 1460>  (SYN-ACK again)"]);
    }

    #[test]
    fn the_last_acks_window_counts_even_if_its_number_is_old() {
        let mut host = answered("S 0:0(0) win 65535 <mss 1000>");
        host.inject("P. 0:101(101) ack 1 win 100");
        let now = host.now;
        let info = host.connection().info(now);
        assert_eq!((info.snd_wnd, info.snd_mss, info.bytes_received), (100, 100, 100));
    }

    #[test]
    fn a_syn_ack_sent_twice_measures_nothing_and_makes_the_timeout_three_seconds() {
        let mut host = answered("S 0:0(0) win 65535 <mss 1000>");
        host.inject("S 0:0(0) win 65535 <mss 1000>");
        host.inject(". 1:1(0) ack 1 win 65535");
        let now = host.now;
        let info = host.connection().info(now);
        assert_eq!((info.rto, info.rtt, info.total_retrans), (3_000_000, 0, 1));
    }
}

#[test]
fn the_round_trip_of_crossed_syns_is_the_syn_acks() {
    let mut host = Host::new(plain());
    host.connect();
    host.pass_ms(100);
    host.inject("S 0:0(0) win 5792 <mss 1000>");
    host.pass_ms(50);
    host.inject(". 1:1(0) ack 1 win 5792");
    let now = host.now;
    let info = host.connection().info(now);
    assert_eq!((info.rtt, info.total_retrans, info.bytes_acked), (50_000, 0, 1));
}
