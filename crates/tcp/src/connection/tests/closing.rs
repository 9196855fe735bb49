//! Closing: in every order, half, with data unread, by an orphan, by abort; and what TIME-WAIT does.

use crate::testing::{Host, Link, Pair, Phase, cx, plain};
use crate::{Config, Readiness};
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Counter, Error, TcpState};

const DELAY: Duration = Duration::from_millis(10);

fn pair(config: Config) -> Pair {
    let mut client = Host::new(config.clone());
    client.connect();
    let mut pair = Pair::new([client, Host::listening(config)], Link::default(), 1);
    pair.run_for(DELAY * 3);
    pair.hosts.iter_mut().for_each(Host::forget);
    pair
}

fn states(pair: &Pair) -> [TcpState; 2] {
    [pair.hosts[0].state(), pair.hosts[1].state()]
}

#[test]
fn half_closed_the_other_direction_goes_on() {
    let mut pair = pair(Config::default());
    pair.hosts[0].shutdown_write();
    pair.run_for(DELAY * 3);
    assert_eq!(states(&pair), [TcpState::FinWait2, TcpState::CloseWait]);
    assert_eq!(pair.hosts[1].read(10), Ok(Vec::new()), "the end of the stream");
    assert_eq!(pair.hosts[0].write(b"x"), Err(Error::BrokenPipe));
    for _ in 0..3 {
        pair.hosts[1].write(b"still here").unwrap();
        pair.run_for(DELAY * 3);
        assert_eq!(pair.hosts[0].read(100).unwrap(), b"still here");
    }
    pair.hosts[1].close();
    pair.run_for(DELAY * 3);
    assert_eq!(states(&pair), [TcpState::TimeWait, TcpState::Closed]);
    assert_eq!(pair.hosts[0].read(10), Ok(Vec::new()));
}

#[test]
fn both_close_at_once() {
    let mut pair = pair(Config::default());
    pair.hosts.iter_mut().for_each(Host::close);
    pair.run_for(DELAY * 3);
    assert_eq!(states(&pair), [TcpState::TimeWait; 2]);
    insta::assert_snapshot!(pair.hosts[0].story());
}

#[test]
fn the_fin_rides_on_the_last_data() {
    let mut host = Host::established(plain());
    // Nothing leaves in between, so that the FIN can join.
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.write(cx!(host), &[0; 100]).unwrap();
    host.close();
    host.expect(&["FP. 1:101(100) ack 1 win 64240  (close)"]);
}

/// As Linux: what the peer sends after its FIN is no data, but a repetition with more than there was is an error.
#[test]
fn more_data_in_what_was_closed_is_refused() {
    for state in [TcpState::CloseWait, TcpState::LastAck, TcpState::Closing] {
        let mut host = Host::established(plain());
        match state {
            TcpState::Closing => host.close(),
            _ => host.inject("F. 1:1(0) ack 1 win 65535"),
        }
        match state {
            TcpState::Closing => host.inject("F. 1:1(0) ack 1 win 65535"),
            TcpState::LastAck => host.close(),
            _ => {}
        }
        assert_eq!(host.state(), state);
        host.forget();
        host.inject("P. 2:12(10) ack 1 win 65535");
        assert_eq!(host.state(), state, "dropped");
        host.forget();
        host.inject("P. 1:12(11) ack 1 win 65535");
        host.expect(&["R 1:1(0) win 0  (reset: data after close)"]);
        let error = if state == TcpState::CloseWait { Error::BrokenPipe } else { Error::ConnectionReset };
        assert_eq!(host.ended, Some(Some(error)));
    }
}

#[test]
fn a_lost_fin_is_sent_again() {
    let mut host = Host::established(plain());
    host.close();
    host.expect(&["F. 1:1(0) ack 1 win 64240  (close)"]);
    host.pass_ms(650);
    // No round trip but the handshake's, of 0 ms: the timeouts are 200 and 400 ms.
    host.expect(&[
        "F. 1:1(0) ack 1 win 64240  (retransmission: RTO)",
        "F. 1:1(0) ack 1 win 64240  (retransmission: RTO)",
    ]);
    host.inject(". 1:1(0) ack 2 win 65535");
    assert_eq!(host.state(), TcpState::FinWait2);
}

#[test]
fn the_fin_waits_for_all_data_before_it() {
    let mut host = Host::established(plain());
    host.write(&[0; 40_000]).unwrap();
    host.close();
    assert_eq!(host.state(), TcpState::FinWait1);
    assert_eq!(host.outbox.len(), 10, "the initial window of ten segments, and no FIN");
    host.forget();
    host.inject(". 1:1(0) ack 14601 win 65535");
    host.inject(". 1:1(0) ack 40001 win 65535");
    let last = host.sent().pop().unwrap();
    assert!(last.starts_with("FP. "), "{last}");
    assert_eq!(host.connection().unacknowledged(), 1);
}

#[test]
fn closing_with_data_unread_resets() {
    let mut host = Host::established(plain());
    host.inject("P. 1:6(5) ack 1 win 65535");
    host.forget();
    host.close();
    host.expect(&["R. 1:1(0) ack 6 win 64235  (reset: closed with data unread)"]);
    assert_eq!((host.state(), host.counter(Counter::TcpExtTCPAbortOnClose)), (TcpState::Closed, 1));
}

#[test]
fn closing_with_linger_zero_resets_behind_what_was_sent() {
    let mut host = Host::established(Config { linger: Some(Duration::ZERO), ..plain() });
    host.write(&[0; 100]).unwrap();
    host.forget();
    host.close();
    host.expect(&["R. 101:101(0) ack 1 win 64240  (reset: aborted)"]);
}

#[test]
fn abort_resets_except_where_both_sides_have_closed() {
    let mut host = Host::established(plain());
    host.abort();
    host.expect(&["R. 1:1(0) ack 1 win 64240  (reset: aborted)"]);
    let mut host = Host::established(plain());
    host.inject("F. 1:1(0) ack 1 win 65535");
    host.shutdown_write();
    host.forget();
    assert_eq!(host.state(), TcpState::LastAck);
    host.abort();
    host.expect(&[]);
}

/// Else a peer that waits for the rest of our answer waits for ever: nobody would send it again.
#[test]
fn where_both_have_closed_data_that_is_lost_is_told_of_all_the_same() {
    for peer_first in [true, false] {
        let mut host = Host::established(plain());
        if !peer_first {
            host.shutdown_write();
        }
        host.inject("FP. 1:4(3) ack 1 win 65535");
        if peer_first {
            host.write(&[0; 100]).unwrap();
            host.shutdown_write();
        }
        host.forget();
        assert_eq!(host.state(), if peer_first { TcpState::LastAck } else { TcpState::Closing });
        host.close();
        let seq = if peer_first { 102 } else { 2 };
        host.expect(&[&format!("R. {seq}:{seq}(0) ack 5 win 64236  (reset: closed with data unread)")]);
    }
    // The window is closed, so that neither data nor FIN have left.
    let mut host = Host::established(plain());
    host.inject("F. 1:1(0) ack 1 win 0");
    host.write(&[0; 100]).unwrap();
    host.shutdown_write();
    host.forget();
    host.abort();
    host.expect(&["R. 1:1(0) ack 2 win 64239  (reset: aborted)"]);
}

#[test]
fn what_came_before_a_reset_can_still_be_read() {
    let mut host = Host::established(plain());
    host.inject("P. 1:4(3) ack 1 win 65535");
    host.inject("R. 4:4(0) ack 1 win 0");
    assert_eq!(host.state(), TcpState::Closed);
    assert_eq!(host.read(10), Ok(Vec::from([0; 3])));
    assert_eq!(host.read(10), Err(Error::ConnectionReset));
    assert_eq!(host.read(10), Ok(Vec::new()));
    let closed = Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED | Readiness::CLOSED;
    assert_eq!(host.remnant.unwrap().readiness(), closed);
}

#[test]
fn an_orphan_leaves_fin_wait_2_after_its_timeout() {
    let mut host = Host::established(plain());
    host.close();
    host.inject(". 1:1(0) ack 2 win 65535");
    assert!(matches!(host.phase, Phase::TimeWait(_)), "the small phase holds it");
    host.pass_ms(59_999);
    assert_eq!(host.state(), TcpState::FinWait2);
    host.pass_ms(1);
    assert_eq!(host.state(), TcpState::Closed);
}

#[test]
fn an_application_may_stay_in_fin_wait_2_for_ever() {
    let mut host = Host::established(plain());
    host.shutdown_write();
    host.inject(". 1:1(0) ack 2 win 65535");
    assert_eq!(host.poll_timeout(), None);
    // Closing now makes an orphan of it.
    host.close();
    assert!(matches!(host.phase, Phase::TimeWait(_)));
    assert_eq!(host.state(), TcpState::FinWait2);
}

/// As Linux with a negative TCP_LINGER2, whichever comes first: the end of its application or the ACK of its FIN.
#[test]
fn without_time_for_fin_wait_2_an_orphan_does_not_get_there() {
    let mut host = Host::established(Config { fin_timeout: Duration::ZERO, ..plain() });
    host.shutdown_write();
    host.inject(". 1:1(0) ack 2 win 65535");
    host.forget();
    host.close();
    host.expect(&["R. 2:2(0) ack 1 win 64240  (reset: aborted)"]);
    assert_eq!((host.state(), host.counter(Counter::TcpExtTCPAbortOnLinger)), (TcpState::Closed, 1));

    let mut host = Host::established(Config { fin_timeout: Duration::ZERO, ..plain() });
    host.close();
    host.forget();
    host.inject(". 1:1(0) ack 2 win 65535");
    host.expect(&["R 2:2(0) win 0  (reset: aborted)"]);
    assert_eq!((host.state(), host.counter(Counter::TcpExtTCPAbortOnData)), (TcpState::Closed, 1));
}

#[test]
fn an_orphan_that_nobody_answers_is_given_up_earlier() {
    let mut host = Host::established_after(plain(), 1);
    host.write(b"x").unwrap();
    host.close();
    while let Some(at) = host.poll_timeout() {
        host.now = at;
        host.handle_timeout();
    }
    // Linux's eight retries: 102.2 s from the first retransmission on, noticed by the timeout after it, the ninth.
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
    assert_eq!(host.now.as_millis(), 1 + 201 * 511);
}

/// As Linux: where the path has told that something is wrong, an orphan has no retries left once its timeout is the largest.
#[test]
fn an_orphan_that_the_path_complains_of_is_given_up_at_the_largest_timeout() {
    let end = |complains: bool| {
        let config = Config { orphan_retries: 15, rto_max: Duration::from_secs(2), ..plain() };
        let mut host = Host::established_after(config, 1);
        host.write(b"x").unwrap();
        host.close();
        if complains {
            let Phase::Connection(connection) = &mut host.phase else { panic!() };
            let outcome = connection.handle_icmp(cx!(host), Error::HostUnreachable);
            host.settle(outcome);
        }
        while let Some(at) = host.poll_timeout() {
            host.now = at;
            host.handle_timeout();
        }
        (host.now.as_millis() / 1000, host.ended)
    };
    // 0.2 + 0.4 + 0.8 + 1.6 s, and then 2 s each.
    let (long, _) = end(false);
    let (short, why) = end(true);
    assert!(long > 20 && short < 6, "{long} s and {short} s");
    assert_eq!(why, Some(Some(Error::HostUnreachable)));
}

#[test]
fn the_ack_of_a_fin_waits_a_moment_for_our_own() {
    let mut host = Host::established(plain());
    host.inject("F. 1:1(0) ack 1 win 65535");
    host.expect(&[]);
    host.close();
    host.expect(&["F. 1:1(0) ack 2 win 64239  (close)"]);

    let mut host = Host::established(plain());
    host.inject("F. 1:1(0) ack 1 win 65535");
    host.pass_ms(1);
    host.expect(&[". 1:1(0) ack 2 win 64239  (delayed ACK)"]);
    host.close();
    host.expect(&["F. 1:1(0) ack 2 win 64239  (close)"]);
}

#[test]
fn after_data_the_ack_of_a_fin_waits_40_milliseconds() {
    let mut host = Host::established(plain());
    host.inject("P. 1:6(5) ack 1 win 65535");
    host.read(10).unwrap();
    host.forget();
    host.inject("F. 6:6(0) ack 1 win 65535");
    host.pass_ms(39);
    host.expect(&[]);
    host.pass_ms(1);
    host.expect(&[". 1:1(0) ack 7 win 64234  (delayed ACK)"]);
}

#[test]
fn a_fin_before_its_data_counts_when_the_gap_is_filled() {
    let mut host = Host::established(plain());
    host.inject("F. 11:11(0) ack 1 win 65535");
    assert_eq!(host.state(), TcpState::Established);
    host.inject("P. 1:11(10) ack 1 win 65535");
    assert_eq!(host.state(), TcpState::CloseWait);
    assert_eq!(host.read(100).unwrap().len(), 10);
    assert_eq!(host.read(100), Ok(Vec::new()));
}

#[test]
fn shutting_down_reading_sends_nothing_and_data_can_still_be_read() {
    let mut host = Host::established(plain());
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    let outcome = connection.shutdown_read(cx!(host)).unwrap();
    host.settle(outcome);
    host.expect(&[]);
    assert_eq!(host.read(10), Ok(Vec::new()));
    host.inject("P. 1:3(2) ack 1 win 65535");
    assert_eq!(host.read(10).unwrap().len(), 2);
    // With both directions shut nobody can want it.
    host.shutdown_write();
    host.forget();
    host.inject("P. 3:5(2) ack 2 win 65535");
    host.expect(&["R 2:2(0) win 0  (reset: data after close)"]);
}

mod time_wait {
    use super::*;

    fn host(config: Config) -> Host {
        let mut host = Host::established(config);
        host.shutdown_write();
        host.inject("F. 1:1(0) ack 2 win 65535");
        assert_eq!(host.state(), TcpState::TimeWait);
        host.forget();
        host
    }

    #[test]
    fn it_lasts_a_minute_from_the_last_segment_that_it_took() {
        let mut host = host(plain());
        host.pass_ms(30_000);
        host.inject("F. 1:1(0) ack 2 win 65535");
        host.expect(&[". 2:2(0) ack 2 win 64239  (ACK from TIME-WAIT)"]);
        host.pass_ms(59_999);
        assert_eq!(host.state(), TcpState::TimeWait);
        host.pass_ms(1);
        assert_eq!((host.state(), host.counter(Counter::TcpExtTW)), (TcpState::Closed, 1));
    }

    #[test]
    fn a_reset_ends_it_unless_rfc_1337_is_obeyed() {
        let mut assassinated = host(plain());
        assassinated.inject("R 2:2(0) win 0");
        assert_eq!(assassinated.state(), TcpState::Closed);
        let mut careful = host(Config { rfc1337: true, ..plain() });
        careful.inject("R 2:2(0) win 0");
        assert_eq!(careful.state(), TcpState::TimeWait);
        careful.expect(&[]);
    }

    #[test]
    fn it_answers_twice_a_second_at_most() {
        let mut host = host(plain());
        for _ in 0..5 {
            host.inject(". 1:1(0) ack 2 win 65535");
            host.now += Duration::from_millis(125);
        }
        assert_eq!(host.outbox.len(), 2);
        assert_eq!(host.counter(Counter::TcpExtTCPACKSkippedTimeWait), 3);
        for _ in 0..5 {
            host.inject("F. 1:1(0) ack 2 win 65535");
        }
        assert_eq!(host.outbox.len(), 7, "but each FIN: that is how the peer gets on");
    }

    #[test]
    fn a_later_timestamp_reopens_where_the_number_does_not() {
        let mut host = Host::listening(Config::default());
        host.inject("S 5000:5000(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
        host.inject(". 5001:5001(0) ack 1 win 500 <nop,nop,TS val 101 ecr 0>");
        host.close();
        host.inject("F. 5001:5001(0) ack 2 win 500 <nop,nop,TS val 102 ecr 0>");
        assert_eq!(host.state(), TcpState::TimeWait);
        host.forget();
        host.inject("S 4000:4000(0) win 65535 <mss 1460,sackOK,TS val 102 ecr 0,nop,wscale 10>");
        assert_eq!(host.state(), TcpState::TimeWait, "neither is later");
        host.inject("S 4000:4000(0) win 65535 <mss 1460,sackOK,TS val 103 ecr 0,nop,wscale 10>");
        assert_eq!(host.state(), TcpState::SynReceived);
        assert_eq!(host.counter(Counter::TcpExtTWRecycled), 1);
    }

    #[test]
    fn an_old_timestamp_is_answered_and_not_believed() {
        let mut host = Host::listening(Config::default());
        host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 10>");
        host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 101 ecr 0>");
        host.close();
        host.inject("F. 1:1(0) ack 2 win 500 <nop,nop,TS val 102 ecr 0>");
        host.forget();
        host.inject("S 100:100(0) win 65535 <mss 1460,sackOK,TS val 50 ecr 0,nop,wscale 10>");
        host.expect(&[". 2:2(0) ack 2 win 64 <nop,nop,TS val 0 ecr 102>  (ACK from TIME-WAIT)"]);
    }

    #[test]
    fn what_was_not_read_stays_with_the_socket() {
        let mut host = Host::established(plain());
        host.shutdown_write();
        host.inject("FP. 1:6(5) ack 2 win 65535");
        assert_eq!(host.state(), TcpState::TimeWait);
        assert_eq!(host.read(3).unwrap().len(), 3);
        assert_eq!(host.read(3).unwrap().len(), 2);
        assert_eq!(host.read(3), Ok(Vec::new()));
    }
}

#[test]
fn an_orphan_does_not_wait_for_ever_for_a_window() {
    let mut host = Host::established(plain());
    host.write(&[0; 100]).unwrap();
    host.inject(". 1:1(0) ack 101 win 0");
    host.write(&[0; 100]).unwrap();
    host.close();
    host.forget();
    // The peer answers each probe, and keeps its window closed.
    while host.state() == TcpState::FinWait1 {
        host.pass(host.poll_timeout().unwrap().since(host.now));
        if !host.sent().is_empty() {
            host.inject(". 1:1(0) ack 101 win 0");
        }
        assert!(host.now.as_millis() < 600_000, "still there after ten minutes");
    }
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
    // From 200 ms on the wait is doubled until it is two minutes.
    assert_eq!(host.now.as_millis() / 1000, 204 + 120);
}

#[test]
fn an_application_may_wait_for_ever_for_a_window() {
    let mut host = Host::established(plain());
    host.write(&[0; 100]).unwrap();
    host.inject(". 1:1(0) ack 101 win 0");
    host.write(&[0; 100]).unwrap();
    while host.now.as_millis() < 24 * 3_600_000 {
        host.pass(host.poll_timeout().unwrap().since(host.now));
        if !host.sent().is_empty() {
            host.inject(". 1:1(0) ack 101 win 0");
        }
    }
    assert_eq!(host.state(), TcpState::Established);
}

/// As Linux: the stream's end is not taken back by a reset; whoever writes learns of it.
#[test]
fn a_reset_after_the_fin_is_an_error_of_writing_alone() {
    let mut host = Host::established(plain());
    host.inject("FP. 1:6(5) ack 1 win 65535");
    host.inject("R 7:7(0) win 0");
    assert_eq!(host.ended, Some(Some(Error::BrokenPipe)));
    assert_eq!(host.read(10).unwrap().len(), 5);
    assert_eq!(host.read(10).unwrap().len(), 0);
    assert_eq!(host.read(10).unwrap().len(), 0);
    assert_eq!(host.remnant.as_mut().unwrap().take_error(), Some(Error::BrokenPipe));
}
