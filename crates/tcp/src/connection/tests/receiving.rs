//! Receiving: when ACKs leave, what the window says, PAWS, challenge ACKs, keepalive, urgent data.

use crate::testing::{Host, Phase, cx, plain, segment};
use crate::{Config, KeepAlive, Readiness};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Counter, Error, Instant, TcpState};

/// Takes so many full segments from the peer and reads them, which ends the quick ACKs of the beginning.
fn warm_up(host: &mut Host, segments: u32) -> u32 {
    for nth in 0..segments {
        let seq = 1 + nth * 1460;
        host.inject(&format!(". {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        let _ = host.read(2_000);
        host.pass_ms(10);
    }
    host.forget();
    1 + segments * 1460
}

#[test]
fn the_first_segments_are_acknowledged_at_once() {
    let mut host = Host::established(plain());
    host.inject("P. 1:11(10) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 11 win 64230  (quick ACK)"]);
}

#[test]
fn later_a_lone_segment_waits_40_milliseconds() {
    let mut host = Host::established(plain());
    let seq = warm_up(&mut host, 40);
    host.inject(&format!("P. {seq}:{}(10) ack 1 win 65535", seq + 10));
    host.expect(&[]);
    let wait = host.poll_timeout().unwrap().since(host.now).as_millis();
    assert!((40..=200).contains(&wait), "{wait} ms");
    host.pass_ms(200);
    assert_eq!(host.sent().len(), 1);
    assert!(host.counter(Counter::TcpExtDelayedACKs) >= 1);
}

#[test]
fn every_second_full_segment_is_acknowledged() {
    let mut host = Host::established(plain());
    let mut seq = warm_up(&mut host, 40);
    for nth in 0..6 {
        host.inject(&format!(". {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        host.transcript.lines.clear();
        seq += 1460;
        assert_eq!(host.outbox.len(), nth / 2 + nth % 2, "after segment {nth}");
        let _ = host.read(2_000);
    }
}

/// RFC 9293 §3.10.7.4: all that has come is handled before anything is acknowledged.
#[test]
fn segments_that_come_together_are_acknowledged_together() {
    let mut host = Host::established(plain());
    for nth in 0..8 {
        let seq = 1 + nth * 1460;
        let mut segment = segment(&format!(". {seq}:{}(1460) ack 1 win 65535", seq + 1460));
        let Phase::Connection(connection) = &mut host.phase else { panic!() };
        let _ = connection.handle_segment(cx!(host), &mut segment);
    }
    host.drain();
    assert_eq!(host.sent().len(), 1);
}

/// RFC 9293 §3.5.3, SHLD-2.
#[test]
fn a_reset_may_carry_data() {
    let mut host = Host::established(plain());
    host.inject("R 1:6(5) win 0");
    assert_eq!(host.ended, Some(Some(Error::ConnectionReset)));
    assert_eq!(host.read(10), Err(Error::ConnectionReset), "what it says is not the stream's");
}

#[test]
fn an_answer_carries_the_ack() {
    let mut host = Host::established(plain());
    let seq = warm_up(&mut host, 40);
    host.inject(&format!("P. {seq}:{}(10) ack 1 win 65535", seq + 10));
    host.write(b"answer").unwrap();
    host.expect(&[&format!("P. 1:7(6) ack {} win 65535  (new data)", seq + 10)]);
    host.pass_ms(150);
    host.expect(&[]);
}

#[test]
fn each_segment_after_a_gap_is_answered_and_the_gap_once_filled() {
    let mut host = Host::established(Config { sack: true, ..plain() });
    host.inject(". 11:21(10) ack 1 win 65535");
    host.inject(". 21:31(10) ack 1 win 65535");
    host.inject(". 1:11(10) ack 1 win 65535");
    host.expect(&[
        ". 1:1(0) ack 1 win 64240  (duplicate ACK)",
        ". 1:1(0) ack 1 win 64240  (duplicate ACK)",
        ". 1:1(0) ack 31 win 64210  (ACK)",
    ]);
}

/// The peer counts duplicate ACKs (RFC 5681 §3.2), so those that fell due together leave one by one.
#[test]
fn duplicate_acks_are_not_merged() {
    let mut host = Host::established(plain());
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    for seq in [11, 21, 31] {
        let mut segment = crate::testing::segment(&format!(". {seq}:{}(10) ack 1 win 65535", seq + 10));
        let _ = connection.handle_segment(cx!(host), &mut segment);
    }
    host.drain();
    assert_eq!(host.outbox.len(), 3);
}

#[test]
fn sack_blocks_name_the_newest_first_and_three_fit_beside_timestamps() {
    let mut host = Host::listening(Config::default());
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>");
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1 ecr 0>");
    for seq in [11, 31, 51, 71] {
        host.inject(&format!(". {seq}:{}(10) ack 1 win 500 <nop,nop,TS val 1 ecr 0>", seq + 10));
    }
    let last = host.sent().pop().unwrap();
    assert!(last.contains("sack 71:81 51:61 31:41>"), "{last}");
}

/// RFC 2883 §4: the first block names what came twice.
#[test]
fn what_came_twice_is_told_once() {
    let mut host = Host::listening(Config { timestamps: false, ..Config::default() });
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK>");
    host.inject(". 1:1(0) ack 1 win 500");
    host.inject("P. 1:11(10) ack 1 win 500");
    host.inject(". 21:31(10) ack 1 win 500");
    host.forget();
    host.inject("P. 1:11(10) ack 1 win 500");
    host.expect(&[". 1:1(0) ack 11 win 64230 <nop,nop,sack 1:11 21:31>  (duplicate ACK)"]);
    host.inject("P. 21:31(10) ack 1 win 500");
    host.expect(&[". 1:1(0) ack 11 win 64230 <nop,nop,sack 21:31 21:31>  (duplicate ACK)"]);
    host.inject("P. 11:21(10) ack 1 win 500");
    host.expect(&[". 1:1(0) ack 31 win 64210  (ACK)"]);
}

mod window {
    use super::*;

    fn small() -> Host {
        Host::established(Config { recv_buffer: 8_000, recv_buffer_fixed: true, ..plain() })
    }

    /// The last window that was told.
    fn told(host: &mut Host) -> u16 {
        host.outbox.drain(..).next_back().expect("something left").segment.window
    }

    /// Three segments that nobody reads; as Linux 6.18 with SO_RCVBUF 4000, which it doubles.
    fn fill(host: &mut Host) {
        host.inject(". 1:1461(1460) ack 1 win 65535");
        assert_eq!(told(host), 2920, "segments are worth more of their memory than was thought");
        host.inject(". 1461:2921(1460) ack 1 win 65535");
        host.pass_ms(300);
        assert_eq!(told(host), 1460);
        host.inject("P. 2921:4381(1460) ack 1 win 65535");
        host.pass_ms(300);
        assert_eq!(told(host), 0);
    }

    #[test]
    fn it_closes_as_data_lies_unread_and_opens_when_there_is_room_worth_telling() {
        let mut host = small();
        fill(&mut host);
        assert_eq!(host.read(100).unwrap().len(), 100);
        host.expect(&[]);
        assert_eq!(host.read(1_900).unwrap().len(), 1_900);
        host.expect(&[". 1:1(0) ack 4381 win 1460  (window update)"]);
    }

    #[test]
    fn a_probe_of_a_closed_window_is_answered() {
        let mut host = small();
        fill(&mut host);
        host.inject(". 4380:4380(0) ack 1 win 65535");
        host.expect(&[". 1:1(0) ack 4381 win 0  (answer to probe)"]);
        host.pass_ms(600);
        host.inject("P. 4381:4382(1) ack 1 win 65535");
        host.expect(&[". 1:1(0) ack 4381 win 0  (duplicate ACK)"]);
        assert_eq!(host.counter(Counter::TcpExtBeyondWindow), 1);
    }

    #[test]
    fn resets_acks_and_urgent_pointers_count_while_it_is_closed() {
        let mut host = small();
        fill(&mut host);
        host.write(&[0; 10]).unwrap();
        host.inject(".U 4381:4381(0) ack 11 win 65535 urg 5");
        assert!(host.woke.contains(Readiness::URGENT));
        assert_eq!(host.connection().unacknowledged(), 0);
        host.inject("R 4381:4381(0) win 0");
        assert_eq!(host.ended, Some(Some(Error::ConnectionReset)));
    }

    #[test]
    fn a_fin_fits_into_a_closed_window() {
        let mut host = small();
        fill(&mut host);
        host.inject("F. 4381:4381(0) ack 1 win 65535");
        assert_eq!(host.state(), TcpState::CloseWait);
    }

    #[test]
    fn the_right_edge_never_moves_left() {
        let mut host = small();
        let mut edge = 0;
        let mut seq = 1;
        for len in [100, 700, 1, 1, 900, 33, 500, 1, 80] {
            host.inject(&format!("P. {seq}:{}({len}) ack 1 win 65535", seq + len));
            seq += len;
            host.pass_ms(250);
            if len % 2 == 0 {
                let _ = host.read(len as usize / 2);
            }
            for transmit in host.outbox.drain(..) {
                let told = transmit.segment.ack.0 + u32::from(transmit.segment.window);
                assert!(told >= edge, "{told} is left of {edge}");
                edge = told;
            }
        }
    }

    /// As Linux from 6.17 on.
    #[test]
    fn what_ends_beyond_the_window_is_taken_only_if_nothing_waits_to_be_read() {
        let mut host = small();
        host.inject(". 1:1461(1460) ack 1 win 65535");
        assert_eq!(told(&mut host), 2920);
        host.inject(". 1461:4462(3001) ack 1 win 65535");
        host.expect(&[". 1:1(0) ack 1461 win 2920  (duplicate ACK)"]);
        assert_eq!(host.connection().readable_len(), 1460);
        assert_eq!(host.read(3_000).unwrap().len(), 1460);
        host.forget();
        host.inject(". 1461:8462(7001) ack 1 win 65535");
        assert_eq!(host.connection().readable_len(), 7001);
        host.pass_ms(300);
        assert_eq!(told(&mut host), 0);
    }

    #[test]
    fn nothing_is_taken_into_a_closed_window() {
        let mut host = small();
        host.inject(". 1:7001(7000) ack 1 win 65535");
        host.pass_ms(300);
        assert_eq!(told(&mut host), 0);
        host.inject("P. 7001:7002(1) ack 1 win 65535");
        assert_eq!(told(&mut host), 0);
        assert_eq!(host.connection().readable_len(), 7000);
    }

    /// With SO_RCVLOWAT a reader is woken when there is as much as it wants, or when no more will come before it reads.
    #[test]
    fn a_reader_is_woken_when_there_is_enough() {
        let mut host = Host::established(Config { recv_lowat: 1000, ..plain() });
        host.woke = Readiness::empty();
        host.inject("P. 1:501(500) ack 1 win 65535");
        assert!(!host.woke.contains(Readiness::READABLE));
        assert!(!host.connection().readiness().contains(Readiness::READABLE));
        host.inject("P. 501:1001(500) ack 1 win 65535");
        assert!(host.woke.contains(Readiness::READABLE) && host.connection().readiness().contains(Readiness::READABLE));
    }
}

mod paws {
    use super::*;

    fn host() -> Host {
        let mut host = Host::listening(Config::default());
        host.now = Instant::from_millis(1_000);
        host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7>");
        host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1000 ecr 1000>");
        host.forget();
        host
    }

    #[test]
    fn an_old_timestamp_is_dropped_and_answered() {
        let mut host = host();
        host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 998 ecr 1000>");
        host.expect(&[". 1:1(0) ack 1 win 510 <nop,nop,TS val 1000 ecr 1000>  (duplicate ACK)"]);
        assert_eq!(host.counter(Counter::TcpExtPAWSEstab), 1);
        assert_eq!(host.read(10), Err(Error::WouldBlock));
    }

    /// As Linux; what is echoed stays.
    #[test]
    fn one_tick_too_old_is_still_good() {
        let mut host = host();
        host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 999 ecr 1000>");
        host.expect(&[". 1:1(0) ack 11 win 509 <nop,nop,TS val 1000 ecr 1000>  (quick ACK)"]);
    }

    #[test]
    fn a_bare_ack_that_was_overtaken_is_not_answered() {
        let mut host = host();
        // By another bare ACK,
        host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1010 ecr 1000>");
        host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1005 ecr 1000>");
        host.expect(&[]);
        // by data,
        host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 1020 ecr 1000>");
        host.forget();
        host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 1015 ecr 1000>");
        host.expect(&[]);
        // but not one that came much too late to be that.
        host.inject(". 11:11(0) ack 1 win 500 <nop,nop,TS val 500 ecr 1000>");
        assert_eq!(host.sent().len(), 1);
    }

    #[test]
    fn after_24_days_of_silence_any_timestamp_is_taken() {
        let mut host = host();
        host.now += Duration::from_secs(24 * 24 * 3600);
        host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 5 ecr 1000>");
        assert_eq!(host.read(10).unwrap().len(), 10);
    }

    #[test]
    fn a_reset_needs_no_timestamp() {
        let mut host = host();
        host.inject("R. 1:1(0) ack 1 win 0 <nop,nop,TS val 5 ecr 1000>");
        assert_eq!(host.state(), TcpState::Closed);
    }

    /// RFC 7323 §3.2 would drop it; some peers forget the option in keepalives or after a reboot, and Linux takes it.
    #[test]
    fn a_segment_without_timestamps_is_taken_unless_they_are_required() {
        let mut lenient = host();
        lenient.inject("P. 1:11(10) ack 1 win 500");
        assert_eq!(lenient.read(10).unwrap().len(), 10);
        let mut strict = host();
        let config = Arc::new(Config { require_timestamps: true, ..Config::default() });
        let Phase::Connection(connection) = &mut strict.phase else { panic!() };
        let _ = connection.configure(cx!(strict), config);
        strict.inject("P. 1:11(10) ack 1 win 500");
        assert_eq!(strict.read(10), Err(Error::WouldBlock));
    }

    #[test]
    fn the_echo_is_of_the_segment_that_the_ack_is_for() {
        let mut host = host();
        host.inject(". 11:21(10) ack 1 win 500 <nop,nop,TS val 1005 ecr 1000>");
        assert!(host.sent()[0].contains("ecr 1000"), "after a gap it does not count");
        host.inject("P. 1:11(10) ack 1 win 500 <nop,nop,TS val 1007 ecr 1000>");
        assert!(host.sent()[0].contains("ecr 1007"));
    }
}

mod challenge {
    use super::*;

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
}

mod keepalive {
    use super::*;

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
}

/// RFC 6093 §4, §5: the pointer names the byte after, and the data stays in line.
#[test]
fn urgent_data_is_told_of_and_read_in_line() {
    let mut host = Host::established(plain());
    host.inject("PU. 1:6(5) ack 1 win 65535 urg 3");
    assert!(host.woke.contains(Readiness::URGENT));
    assert_eq!(host.connection().urgent(), Some(3));
    assert_eq!(host.read(2).unwrap().len(), 2);
    assert_eq!(host.connection().urgent(), Some(1));
    assert_eq!(host.read(10).unwrap().len(), 3);
    assert_eq!(host.connection().urgent(), None);
    assert!(!host.connection().readiness().contains(Readiness::URGENT));
}

#[test]
fn urgent_data_once_read_does_not_come_back_when_the_numbers_wrap() {
    let mut host = Host::established(plain());
    host.inject("PU. 1:6(5) ack 1 win 65535 urg 3");
    assert_eq!(host.read(10).unwrap().len(), 5);
    // Nothing is left to compare with numbers that are half the circle on.
    assert_eq!(host.connection().rcv.urgent_end, None);
}

#[test]
fn reading_tells_data_end_and_nothing_yet_apart() {
    let mut host = Host::established(plain());
    assert_eq!(host.read(10), Err(Error::WouldBlock));
    host.inject("FP. 1:4(3) ack 1 win 65535");
    let mut buf = [0; 10];
    assert_eq!(host.connection().peek(&mut buf), Ok(3));
    assert_eq!(host.read(2).unwrap().len(), 2);
    assert_eq!(host.read(2).unwrap().len(), 1);
    assert_eq!(host.read(2), Ok(Vec::new()));
    assert_eq!(host.connection().peek(&mut buf), Ok(0));
}

/// As Linux: whoever has set it owes it once; an answer that comes, or not, decides what follows.
#[test]
fn quick_acks_can_be_switched() {
    let mut host = Host::established(plain());
    host.connection().set_quick_ack(false);
    assert!(!host.connection().quick_ack());
    host.inject("P. 1:11(10) ack 1 win 65535");
    host.expect(&[]);
    host.connection().set_quick_ack(true);
    host.drain();
    host.expect(&[]);
    let _ = host.read(100);
    host.connection().set_quick_ack(true);
    host.drain();
    host.expect(&[". 1:1(0) ack 11 win 64230  (ACK)"]);
    host.inject("P. 11:21(10) ack 1 win 65535");
    host.expect(&[". 1:1(0) ack 21 win 64220  (quick ACK)"]);
}

/// Linux takes a pointer of zero for one to the first byte.
#[test]
fn an_urgent_pointer_of_zero_names_the_first_byte() {
    let mut host = Host::established(plain());
    host.inject("P.U 1:3(2) ack 1 win 65535 urg 0");
    assert_eq!(host.connection().urgent(), Some(1));
    let _ = host.read(1);
    assert_eq!(host.connection().urgent(), None);
}
