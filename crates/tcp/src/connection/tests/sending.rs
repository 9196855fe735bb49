//! Sending: retransmission and its end, recovery, the peer's window, Nagle, what is cut how.

mod nagle;
mod window;

use crate::testing::{Host, Link, Pair, Phase, cx, plain};
use crate::{Config, Readiness, Transmit};
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_event::{Counter, Error, Instant, TcpState, Timer};
use limpid_wire::TcpFlags;

/// The times at which something leaves, in milliseconds from now, until nothing more happens.
fn departures(host: &mut Host) -> Vec<u64> {
    let (start, mut times) = (host.now, Vec::new());
    while let Some(at) = host.poll_timeout() {
        host.now = at;
        host.handle_timeout();
        times.extend(host.outbox.drain(..).map(|_| at.since(start).as_millis() as u64));
    }
    times
}

#[test]
fn the_timeout_doubles_until_it_is_given_up() {
    let mut host = Host::established_after(Config { retries2: 3, ..plain() }, 50);
    host.write(b"x").unwrap();
    host.forget();
    assert_eq!(departures(&mut host), [250, 750, 1_750]);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
    assert_eq!(host.now.as_millis(), 50 + 3_750);
    assert_eq!(host.counter(Counter::TcpExtTCPAbortOnTimeout), 1);
    assert_eq!(host.read(1), Err(Error::TimedOut));
}

#[test]
fn fifteen_retries_last_a_quarter_of_an_hour() {
    let mut host = Host::established_after(plain(), 1);
    host.write(b"x").unwrap();
    host.forget();
    assert_eq!(departures(&mut host).len(), 15);
    let seconds = host.now.as_millis() / 1000;
    assert!((924..930).contains(&seconds), "{seconds} s");
}

#[test]
fn the_user_timeout_counts_from_the_first_retransmission() {
    let timeout = Some(Duration::from_millis(1_500));
    let mut host = Host::established_after(Config { user_timeout: timeout, ..plain() }, 50);
    host.write(b"x").unwrap();
    host.forget();
    assert_eq!(departures(&mut host), [250, 750]);
    assert_eq!((host.now.as_millis(), host.ended), (50 + 250 + 1_500, Some(Some(Error::TimedOut))));
}

#[test]
fn progress_restarts_the_user_timeout() {
    let timeout = Some(Duration::from_millis(1_000));
    let mut host = Host::established_after(Config { user_timeout: timeout, no_delay: true, ..plain() }, 50);
    host.write(b"x").unwrap();
    host.write(b"y").unwrap();
    host.pass_ms(900);
    host.inject(". 1:1(0) ack 2 win 65535");
    assert_eq!(host.ended, None);
    host.pass_ms(300);
    assert_eq!(host.ended, None);
    host.pass_ms(20_000);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

#[test]
fn a_timeout_is_explained_by_what_the_path_said() {
    let mut host = Host::established_after(Config { retries2: 2, ..plain() }, 50);
    host.write(b"x").unwrap();
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    let outcome = connection.handle_icmp(cx!(host), Error::HostUnreachable);
    host.settle(outcome);
    assert_eq!(host.ended, None, "a soft error");
    host.pass_ms(60_000);
    assert_eq!(host.ended, Some(Some(Error::HostUnreachable)));
}

/// RFC 6069: that the timer ran out while a router had no way told nothing of congestion.
#[test]
fn a_router_without_a_way_takes_a_doubling_back() {
    let mut host = Host::established_after(plain(), 50);
    host.write(b"x").unwrap();
    host.pass_ms(250 + 500 + 600);
    host.forget();
    let una = host.connection().snd_nxt() - 1;
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.revert_backoff(cx!(host), una + 1);
    assert_eq!(host.poll_timeout(), Some(host.now + Duration::from_millis(400)), "it is about something else");
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.revert_backoff(cx!(host), una);
    host.drain();
    host.expect(&["P. 1:2(1) ack 1 win 64240  (retransmission: RTO)"]);
    // It is late by now, went at once, and that doubles again.
    assert_eq!(host.poll_timeout(), Some(host.now + Duration::from_millis(1_000)));
    host.pass_ms(100);
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.revert_backoff(cx!(host), una);
    host.expect(&[]);
    assert_eq!(host.poll_timeout(), Some(host.now + Duration::from_millis(400)), "500 ms after it left");
}

/// Nothing as a whole is acknowledged by a part of a segment, and the timer runs on (as Linux).
#[test]
fn a_part_of_a_segment_does_not_restart_the_timer() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1000]).unwrap();
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 301 win 65535");
    host.forget();
    assert_eq!(host.poll_timeout(), Some(host.now + Duration::from_millis(150)));
    host.pass_ms(150);
    host.expect(&["P. 301:1001(700) ack 1 win 64240  (retransmission: RTO)"]);
}

#[test]
fn many_small_segments_go_again_in_one() {
    let mut host = Host::established_after(Config { no_delay: true, ..plain() }, 50);
    for n in 0..9 {
        host.write(&[n; 100]).unwrap();
    }
    host.forget();
    host.pass_ms(250);
    let again = host.outbox.back().unwrap().segment.payload.clone();
    assert_eq!(again.len(), 900);
    assert!(again.iter().flat_map(|chunk| chunk.iter()).enumerate().all(|(at, &byte)| usize::from(byte) == at / 100));
    host.expect(&["P. 1:901(900) ack 1 win 64240  (retransmission: RTO)"]);
}

/// What was pushed stays so when something without PSH is joined to it.
#[test]
fn what_is_joined_to_be_sent_again_is_pushed_as_its_parts_were() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 100]).unwrap();
    host.close();
    host.forget();
    host.pass_ms(250);
    host.expect(&["FP. 1:101(100) ack 1 win 64240  (retransmission: RTO)"]);
}

/// IP_RECVERR: told at once, and the connection goes on.
#[test]
fn what_the_path_says_is_told_to_who_asks() {
    let mut host = Host::established_after(Config { recv_err: true, ..plain() }, 50);
    host.write(b"x").unwrap();
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    let outcome = connection.handle_icmp(cx!(host), Error::HostUnreachable);
    assert!(outcome.woke.contains(Readiness::ERROR));
    host.settle(outcome);
    assert_eq!(host.ended, None);
    assert_eq!(host.write(b"y"), Err(Error::HostUnreachable));
    assert_eq!(host.write(b"y"), Ok(1));
}

/// RFC 6298 §3 and §5.5: without a sample that counts the timeout stays backed off.
#[test]
fn karns_rule() {
    let mut host = Host::established_after(plain(), 50);
    host.write(b"x").unwrap();
    host.pass_ms(250);
    host.inject(". 1:1(0) ack 2 win 65535");
    let info = host.connection().info(START);
    assert_eq!((info.rtt, info.backoff, info.rto), (50_000, 1, 500_000), "no sample of what was sent twice");
    host.write(b"y").unwrap();
    host.pass_ms(90);
    host.inject(". 1:1(0) ack 3 win 65535");
    let info = host.connection().info(START);
    assert_eq!((info.rtt, info.backoff), (55_000, 0));
}

const START: Instant = Instant::ZERO;

#[test]
fn with_timestamps_what_was_sent_twice_is_measured_all_the_same() {
    let mut host = Host::listening(Config::default());
    host.params.ts_offset = 1_000;
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 10>");
    host.pass_ms(50);
    host.inject(". 1:1(0) ack 1 win 500 <nop,nop,TS val 2 ecr 1000>");
    host.write(b"x").unwrap();
    host.pass_ms(300);
    // The echo is of the retransmission, at 300 ms.
    host.inject(". 1:1(0) ack 2 win 500 <nop,nop,TS val 3 ecr 1300>");
    let info = host.connection().info(START);
    assert_eq!((info.backoff, info.rtt), (0, 50_000));
}

#[test]
fn a_timeout_begins_a_recovery_that_ends() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460 * 4]).unwrap();
    host.forget();
    host.pass_ms(250);
    host.inject(". 1:1(0) ack 1461 win 65535");
    host.inject(". 1:1(0) ack 5841 win 65535");
    insta::assert_snapshot!(host.story());
}

#[test]
fn three_duplicate_acks_bring_the_lost_segment_again() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460 * 5]).unwrap();
    host.forget();
    for _ in 0..3 {
        host.expect(&[]);
        host.inject(". 1:1(0) ack 1 win 65535");
    }
    host.expect(&[". 1:1461(1460) ack 1 win 64240  (fast retransmit: duplicate ACKs)"]);
    host.inject(". 1:1(0) ack 7301 win 65535");
    assert_eq!(host.counter(Counter::TcpExtTCPRenoRecovery), 1);
    insta::assert_snapshot!(host.story());
}

/// As Linux: an older ACK may have been overtaken, and its smaller window says nothing.
#[test]
fn duplicate_acks_may_have_smaller_windows_but_no_larger_ones() {
    let sent_again = |seq: u32, windows: [u32; 3], host: &mut Host| {
        host.outbox.clear();
        for window in windows {
            host.inject(&format!(". {seq}:{seq}(0) ack 1 win {window}"));
        }
        host.outbox.len()
    };
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460 * 10]).unwrap();
    assert_eq!(sent_again(1, [60_000, 50_000, 40_000], &mut host), 1);

    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460 * 10]).unwrap();
    host.inject("P. 1:2(1) ack 1 win 65535");
    host.inject(". 2:2(0) ack 1 win 30000");
    assert_eq!(sent_again(2, [40_000, 60_000, 65_535], &mut host), 0);
}

#[test]
fn a_partial_ack_brings_the_next_lost_segment() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460 * 6]).unwrap();
    for _ in 0..3 {
        host.inject(". 1:1(0) ack 1 win 65535");
    }
    host.forget();
    host.inject(". 1:1(0) ack 2921 win 65535");
    let sent = host.sent();
    assert_eq!(sent[0], ". 2921:4381(1460) ack 1 win 64240  (retransmission: partial ACK)");
}

#[test]
fn sack_blocks_tell_what_to_send_again() {
    let mut pair = Pair::new([Host::new(Config::default()), Host::listening(Config::default())], Link::default(), 1);
    pair.hosts[0].connect();
    pair.run_for(Duration::from_millis(50));
    // Departures 3 to 12 are the first ten data segments; two of them are lost.
    pair.plan = Some(|nth| nth == 4 || nth == 6);
    pair.hosts[0].write(&[7; 1448 * 10]).unwrap();
    pair.hosts[0].forget_story();
    pair.run_for(Duration::from_millis(150));
    assert_eq!(pair.hosts[1].read(20_000).unwrap().len(), 1448 * 10);
    assert_eq!(pair.hosts[0].counter(Counter::TcpRetransSegs), 2);
    assert_eq!(pair.hosts[0].counter(Counter::TcpExtTCPTimeouts), 0);
    insta::assert_snapshot!(pair.hosts[0].story());
}

#[test]
fn a_super_segment_is_whole_segments_within_the_devices_bound() {
    let mut host = Host::listening(plain());
    host.params.max_burst = 5_000;
    host.inject("S 0:0(0) win 65535 <mss 1460>");
    host.inject(". 1:1(0) ack 1 win 65535");
    host.forget();
    host.write(&[0; 20_000]).unwrap();
    let cut = |t: &Transmit| (t.segment.payload.len() / 1460, t.gso_size, t.segment.flags.contains(TcpFlags::PSH));
    let cuts: Vec<_> = host.outbox.iter().map(cut).collect();
    // The initial window is ten segments, half of it a super-segment, of which the device takes three at once.
    assert_eq!(cuts, [(3, 1460, false), (2, 1460, true), (3, 1460, false), (2, 1460, true)]);
}

#[test]
fn what_the_path_does_not_take_any_more_is_cut_anew_at_once() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 2920]).unwrap();
    host.forget();
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.handle_too_big(cx!(host), 1000);
    let cwnd = host.connection().info(START).snd_cwnd;
    host.drain();
    host.expect(&[
        ". 1:1001(1000) ack 1 win 64240  (retransmission: smaller path MTU)",
        "P. 1001:2001(1000) ack 1 win 64240  (retransmission: smaller path MTU)",
        "P. 2001:2921(920) ack 1 win 64240  (retransmission: smaller path MTU)",
    ]);
    assert_eq!(host.connection().info(START).snd_cwnd, cwnd, "no sign of congestion");
    host.inject(". 1:1(0) ack 2921 win 65535");
    assert_eq!(host.counter(Counter::TcpExtTCPTimeouts), 0);
}

/// Nor are the ACKs that come for it one by one, with SACK or without.
#[test]
fn the_acks_of_what_was_cut_anew_begin_no_recovery() {
    for sack in [true, false] {
        let mut host = Host::listening(Config { sack, ..plain() });
        host.inject("S 0:0(0) win 65535 <mss 1460,sackOK>");
        host.pass_ms(50);
        host.inject(". 1:1(0) ack 1 win 65535");
        host.write(&[0; 2920]).unwrap();
        host.forget();
        let cwnd = host.connection().info(START).snd_cwnd;
        let Phase::Connection(connection) = &mut host.phase else { panic!() };
        connection.handle_too_big(cx!(host), 1000);
        host.drain();
        assert_eq!(host.sent().len(), 3);
        for ack in [1001, 2001, 2921] {
            host.inject(&format!(". 1:1(0) ack {ack} win 65535"));
        }
        host.expect(&[]);
        assert!(host.connection().info(START).snd_cwnd >= cwnd, "SACK {sack}: no sign of congestion");
    }
}

#[test]
fn a_writer_is_told_of_room_when_a_third_is_free() {
    let mut host = Host::established_after(Config { send_buffer: 20_000, send_buffer_fixed: true, ..plain() }, 100);
    // As Linux 6.18: while it is written two segments leave five times, each of which makes room for two more.
    assert_eq!(host.write(&[0; 100_000]), Ok((22 + 10) * 1460));
    assert_eq!(host.outbox.len(), 10);
    assert_eq!(host.write(b"x"), Err(Error::WouldBlock));
    assert!(!host.connection().readiness().contains(Readiness::WRITABLE));
    host.forget();
    // Of 46,720 bytes 13,333 may be left, with what each two segments cost beside them.
    for ack in (1..33_581).step_by(2920) {
        host.inject(&format!(". 1:1(0) ack {ack} win 65535"));
        assert!(!host.woke.contains(Readiness::WRITABLE), "{ack}");
    }
    host.inject(". 1:1(0) ack 35041 win 65535");
    host.inject(". 1:1(0) ack 37961 win 65535");
    assert!(host.woke.contains(Readiness::WRITABLE));
    assert!(host.connection().readiness().contains(Readiness::WRITABLE));
}

#[test]
fn after_silence_the_window_shrinks_to_the_initial_one() {
    let mut host = Host::established_after(plain(), 50);
    for round in 0..6u32 {
        host.write(&[0; 14_600]).unwrap();
        host.pass_ms(50);
        host.inject(&alloc::format!(". 1:1(0) ack {} win 65535", 1 + (round + 1) * 14_600));
    }
    let before = host.connection().info(START).snd_cwnd;
    assert!(before > 10, "{before}");
    host.pass_ms(60_000);
    host.write(&[0; 100]).unwrap();
    assert_eq!(host.connection().info(START).snd_cwnd, 10);
}

/// Linux's thin streams: six timeouts in a row are as long as the first.
#[test]
fn a_thin_stream_backs_off_late() {
    let mut host = Host::established_after(Config { thin_linear_timeouts: true, ..plain() }, 50);
    host.write(b"x").unwrap();
    host.outbox.clear();
    let times = departures(&mut host);
    assert_eq!(times[..9], [250, 500, 750, 1000, 1250, 1500, 1750, 2250, 3250]);
}

/// As Linux 6.18, `what_the_path_does_not_take…` in larger pieces: PSH belongs to the end of a write, and to super-segments.
#[test]
fn what_is_cut_from_a_super_segment_is_pushed_only_at_its_end() {
    let mut host = Host::established_after(plain(), 20);
    host.write(&[0; 4000]).unwrap();
    host.expect(&[
        ". 1:1461(1460) ack 1 win 64240  (new data)",
        "P. 1461:2921(1460) ack 1 win 64240  (new data)",
        "P. 2921:4001(1080) ack 1 win 64240  (new data)",
    ]);
    let Phase::Connection(connection) = &mut host.phase else { panic!() };
    connection.handle_too_big(cx!(host), 1160);
    host.drain();
    host.expect(&[
        ". 1:1161(1160) ack 1 win 64240  (retransmission: smaller path MTU)",
        "P. 1161:2321(1160) ack 1 win 64240  (retransmission: smaller path MTU)",
        ". 2321:2921(600) ack 1 win 64240  (retransmission: smaller path MTU)",
    ]);
    let info = host.connection().info(START);
    assert_eq!((info.ca_state, info.unacked, info.lost, info.total_retrans, info.advmss), (4, 4, 3, 3, 1460));
    host.inject(". 1:1(0) ack 1461 win 65535");
    let info = host.connection().info(START);
    assert_eq!((info.unacked, info.lost), (3, 2));
    host.pass_ms(1000);
    assert_eq!(host.sent()[0], ". 1461:2321(860) ack 1 win 64240  (retransmission: RTO)");
}

/// As Linux 6.18.
#[test]
fn a_fin_is_sent_again_with_what_lies_before_it() {
    let mut host = Host::established_after(Config { no_delay: true, ..plain() }, 20);
    host.write(&[0; 100]).unwrap();
    host.write(&[0; 100]).unwrap();
    host.shutdown_write();
    host.forget();
    host.pass_ms(220);
    host.expect(&["FP. 1:201(200) ack 1 win 64240  (retransmission: RTO)"]);
}

mod user_timeout {
    use super::*;

    fn with(timeout: u64) -> Config {
        Config { user_timeout: Some(Duration::from_millis(timeout)), ..plain() }
    }

    /// As Linux 6.18: each is met exactly, but never before the first timeout.
    #[test]
    fn a_connect_ends_with_it() {
        for (timeout, syns, end) in [(1_500, 2, 1_500), (500, 2, 1_001), (3_000, 3, 3_000)] {
            let mut host = Host::new(with(timeout));
            host.connect();
            host.pass_ms(60_000);
            assert_eq!(host.ended, Some(Some(Error::TimedOut)), "{timeout}");
            assert_eq!(host.outbox.len(), syns, "{timeout}");
            let story = host.story();
            assert!(story.contains(&format!("{}.{:03}000   ended", end / 1000, end % 1000)), "{timeout}: {story}");
        }
    }
}

/// As Linux 6.18: SO_SNDBUF takes effect at once, and stays; else the buffer grows while its writer waits.
#[test]
fn the_send_buffer_grows_until_it_is_set() {
    let mut host = Host::established_after(plain(), 100);
    assert_eq!(host.connection().send_buffer(), 46_080, "made for ten segments, twice");
    assert_eq!(host.write(&[0; 500_000]), Ok(46_720));
    host.forget();
    host.inject(". 1:1(0) ack 14601 win 65535");
    host.inject(". 1:1(0) ack 43801 win 65535");
    let grown = host.connection().send_buffer();
    assert!(grown > 46_080, "{grown}");
    host.configure(|config| (config.send_buffer, config.send_buffer_fixed) = (10_000, true));
    assert_eq!(host.connection().send_buffer(), 10_000);
    host.inject(". 1:1(0) ack 46721 win 65535");
    assert_eq!(host.connection().send_buffer(), 10_000);
}

/// As Linux 6.18, whatever SO_SNDBUF says: what begins to leave while it is written makes room in its piece for more of the same
/// write, so that the congestion window is what ends it, and one whole piece stays behind.
#[test]
fn one_write_goes_beyond_a_fixed_send_buffer() {
    let fixed = Config { send_buffer: 131_072, send_buffer_fixed: true, initial_cwnd: 600, ..Config::default() };
    let mut host = Host::listening(fixed);
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,nop,nop,nop,wscale 10>");
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 1 win 10000");
    assert_eq!(host.write(&[0; 2_000_000]), Ok((600 + 44) * 1460));
    assert_eq!(host.connection().unsent(), 44 * 1460);
    assert_eq!(host.connection().send_buffer(), 131_072);
    assert_eq!(host.write(b"x"), Err(Error::WouldBlock));
    // What an ACK lets go makes room in that piece, and no more.
    host.inject(". 1:1(0) ack 14601 win 10000");
    assert_eq!(host.write(&[0; 2_000_000]), Ok(20 * 1460));
}

/// Writes that leave as a whole leave nothing to fill up: no more is in flight than the buffer holds, and one piece that was begun.
#[test]
fn a_fixed_send_buffer_bounds_the_flight() {
    let fixed = Config { send_buffer: 131_072, send_buffer_fixed: true, ..Config::default() };
    let mut host = Host::listening(fixed);
    host.inject("S 0:0(0) win 65535 <mss 1460,sackOK,nop,nop,nop,wscale 14>");
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 1 win 10000");
    let mut written = 0;
    let mut acked = 1;
    for _ in 0..400 {
        while let Ok(n) = host.write(&[0; 16_000]) {
            written += n as u32;
        }
        assert!(written + 1 - acked <= 131_072 + 65_536, "{}", written + 1 - acked);
        acked = (acked + 1460).min(written + 1);
        host.pass_ms(1);
        host.inject(&format!(". 1:1(0) ack {acked} win 10000"));
    }
}

/// RFC 8985 §6.2 step 5: what an overtaken ACK tells by SACK starts the reordering timer, too.
#[test]
fn an_overtaken_ack_starts_the_reordering_timer() {
    let mut host = Host::listening(Config { sack: true, initial_cwnd: 10, ..plain() });
    host.inject("S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>");
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 1 win 65535");
    host.write(&[7; 4 * 1460]).unwrap();
    host.pass_ms(100);
    host.inject(". 1:1(0) ack 1461 win 65535");
    host.forget();
    host.inject(". 1:1(0) ack 1 win 65535 <nop,nop,sack 4381:5841>");
    host.expect(&[]);
    host.pass_ms(40);
    let sent = host.sent();
    assert_eq!(sent, [". 1461:2921(1460) ack 1 win 64240  (fast retransmit: RACK)"]);
}

/// What arrives sooner after it was sent again than anything does was merely overtaken: for rates of loss it was never lost.
#[test]
fn what_was_overtaken_does_not_count_as_lost() {
    for (wait, lost) in [(20, 0), (100, 1)] {
        let mut host = Host::listening(Config { sack: true, ..plain() });
        host.inject("S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>");
        host.pass_ms(100);
        host.inject(". 1:1(0) ack 1 win 65535");
        host.write(&[7; 5 * 1460]).unwrap();
        host.drain();
        host.pass_ms(100);
        host.inject(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1461:7301>");
        host.drain();
        let records = &host.connection().snd.records;
        assert_eq!((records.lost_so_far(), records.segments_resent()), (1, 1));
        host.pass_ms(wait);
        host.inject(". 1:1(0) ack 7301 win 65535");
        assert_eq!(host.connection().snd.records.lost_so_far(), lost, "{wait} ms after it was sent again");
    }
}
