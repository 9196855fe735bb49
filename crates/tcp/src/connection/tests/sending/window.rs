//! The window that the peer offers: what it lets go, what happens while it is shut, what a smaller one means.

use super::*;
use crate::Algorithm;

fn closed(bytes: usize) -> Host {
    let mut host = Host::established_after(plain(), 50);
    host.inject(". 1:1(0) ack 1 win 0");
    host.write(&alloc::vec![0; bytes]).unwrap();
    host.expect(&[]);
    host
}

/// As Linux: a timeout while the window is closed is no repetition of the one before, and reduces again.
#[test]
fn timeouts_of_a_window_that_shrank_to_nothing_end_slow_start() {
    let mut host = Host::established_after(plain(), 50);
    host.write(&[0; 1460 * 8]).unwrap();
    host.inject(". 1:1(0) ack 2921 win 0");
    host.pass_ms(2_000);
    host.inject(". 1:1(0) ack 2921 win 5000");
    host.forget();
    let now = host.now;
    assert_eq!(host.connection().info(now).snd_ssthresh, 2);
    host.inject(". 1:1(0) ack 7301 win 20000");
    assert_eq!(host.outbox.len(), 2);
}

#[test]
fn a_closed_window_is_probed_less_and_less_often_while_it_is_answered() {
    let mut host = closed(3_000);
    assert_eq!(host.poll_timeout(), Some(host.now + Duration::from_millis(250)));
    for (nth, wait) in
        [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000, 120_000].iter().enumerate()
    {
        host.pass_ms(wait - 1);
        host.expect(&[]);
        host.pass_ms(1);
        host.expect(&[". 0:0(0) ack 1 win 64240  (zero-window probe)"]);
        host.inject(". 1:1(0) ack 1 win 0");
        assert_eq!(host.ended, None, "after probe {nth}");
    }
}

/// What is delivered while the peer's window holds sending back says nothing of what the path carries: BBR's startup goes on.
#[test]
fn where_the_peers_window_holds_back_bbr_learns_no_rate() {
    for (congestion, limited) in [(Algorithm::Bbr, true), (Algorithm::Cubic, false)] {
        let mut host = Host::established_after(Config { congestion, ..plain() }, 50);
        host.write(&[0; 1460]).unwrap();
        host.pass_ms(20);
        host.inject(". 1:1(0) ack 1461 win 2920");
        host.write(&[0; 1460 * 8]).unwrap();
        host.pass_ms(20);
        host.inject(". 1:1(0) ack 2921 win 2920");
        host.pass_ms(20);
        assert_eq!(host.connection().snd.in_flight(), 2, "of ten that the congestion window allows");
        assert_eq!(host.connection().snd.delivery.is_app_limited(), limited, "{congestion:?}");
        host.inject(". 1:1(0) ack 5841 win 65535");
        host.pass_ms(20);
        host.inject(". 1:1(0) ack 13141 win 65535");
        assert!(!host.connection().snd.delivery.is_app_limited(), "as much as was in flight then has arrived");
    }
}

#[test]
fn an_open_window_is_used_at_once() {
    let mut host = closed(3_000);
    host.pass_ms(250);
    host.forget();
    host.inject(". 1:1(0) ack 1 win 65535");
    assert_eq!(host.outbox.len(), 3);
    assert_eq!(host.connection().poll_timeout().unwrap().1, Timer::Rto);
}

#[test]
fn probes_that_nobody_answers_end_it() {
    let mut host = Host::established_after(Config { retries2: 4, ..plain() }, 50);
    host.inject(". 1:1(0) ack 1 win 0");
    host.write(b"x").unwrap();
    host.forget();
    assert_eq!(departures(&mut host), [250, 750, 1_750, 3_750]);
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

#[test]
fn the_user_timeout_ends_even_probes_that_are_answered() {
    let timeout = Some(Duration::from_secs(5));
    let mut host = Host::established_after(Config { user_timeout: timeout, ..plain() }, 50);
    host.inject(". 1:1(0) ack 1 win 0");
    host.write(b"x").unwrap();
    for _ in 0..20 {
        host.pass_ms(300);
        if host.ended.is_none() {
            host.inject(". 1:1(0) ack 1 win 0");
        }
    }
    assert_eq!(host.ended, Some(Some(Error::TimedOut)));
}

/// As Linux 6.18: 100 bytes are less than a segment and less than half of what the peer once offered.
#[test]
fn a_small_window_waits_for_the_probe_and_is_then_filled() {
    let mut host = closed(3_000);
    host.pass_ms(250);
    host.forget();
    host.inject(". 1:1(0) ack 1 win 100");
    host.expect(&[]);
    host.pass_ms(500);
    host.expect(&["P. 1:101(100) ack 1 win 64240  (zero-window probe)"]);
    assert_eq!(host.connection().poll_timeout().unwrap().1, Timer::Rto);
}

#[test]
fn a_fin_waits_for_the_window_like_data() {
    let mut host = Host::established_after(plain(), 50);
    host.inject(". 1:1(0) ack 1 win 0");
    host.shutdown_write();
    host.expect(&[]);
    host.pass_ms(250);
    host.expect(&[". 0:0(0) ack 1 win 64240  (zero-window probe)"]);
    host.inject(". 1:1(0) ack 1 win 1000");
    host.expect(&["F. 1:1(0) ack 1 win 64240  (close)"]);
}

/// As Linux 6.18: segments are half of the largest window, so that two fit.
#[test]
fn a_peer_with_small_windows_gets_segments_of_half_of_them() {
    let mut host = Host::listening(plain());
    host.inject("S 0:0(0) win 1000 <mss 1460>");
    host.inject(". 1:1(0) ack 1 win 1000");
    host.forget();
    host.write(&[0; 3_000]).unwrap();
    host.expect(&[". 1:501(500) ack 1 win 64240  (new data)", "P. 501:1001(500) ack 1 win 64240  (new data)"]);
}

#[test]
fn a_window_that_is_no_multiple_is_filled_if_nagle_lets_a_small_segment_go() {
    let mut host = Host::listening(plain());
    host.inject("S 0:0(0) win 3620 <mss 1460>");
    host.pass_ms(20);
    host.inject(". 1:1(0) ack 1 win 3620");
    host.forget();
    host.write(&[0; 8_000]).unwrap();
    // As Linux 6.18: first the two segments that the round trip makes a super-segment, then a part of one.
    host.expect(&[". 1:1461(1460) ack 1 win 64240  (new data)", "P. 1461:2921(1460) ack 1 win 64240  (new data)"]);
    host.inject(". 1:1(0) ack 1461 win 3620");
    host.expect(&[". 2921:4381(1460) ack 1 win 64240  (new data)", "P. 4381:5081(700) ack 1 win 64240  (new data)"]);
}

#[test]
fn an_older_segment_does_not_set_the_window_back() {
    let mut host = Host::established_after(plain(), 50);
    host.inject("P. 1:11(10) ack 1 win 65535");
    host.inject("P. 11:12(1) ack 1 win 30000");
    assert_eq!(host.connection().info(START).snd_wnd, 30_000);
    host.inject(". 1:1(0) ack 1 win 100");
    assert_eq!(host.connection().info(START).snd_wnd, 30_000);
    host.inject(". 11:11(0) ack 1 win 100");
    assert_eq!(host.connection().info(START).snd_wnd, 30_000, "not newer, and smaller");
    host.inject("P. 12:13(1) ack 1 win 100");
    assert_eq!(host.connection().info(START).snd_wnd, 100);
}

#[test]
fn a_window_that_shrinks_below_what_was_sent_is_survived() {
    let mut host = Host::established_after(Config { no_delay: true, ..plain() }, 50);
    host.write(&[0; 1460 * 3]).unwrap();
    host.forget();
    host.inject(". 1:1(0) ack 1 win 0");
    host.write(&[0; 100]).unwrap();
    host.expect(&[]);
    host.pass_ms(260);
    host.expect(&[". 1:1461(1460) ack 1 win 64240  (retransmission: RTO)"]);
    host.inject(". 1:1(0) ack 1461 win 65535");
    host.inject(". 1:1(0) ack 4381 win 65535");
    assert_eq!(host.sent().last().unwrap(), "P. 4381:4481(100) ack 1 win 64240  (new data)");
}

/// RFC 9293 §3.8.6, SHLD-17.
#[test]
fn what_lies_beyond_a_window_that_shrank_is_no_reason_to_give_up() {
    let mut host = Host::established(plain());
    host.write(&[0; 1460 * 3]).unwrap();
    host.forget();
    while host.now.as_millis() < 10 * 3_600_000 {
        host.inject(". 1:1(0) ack 1 win 0");
        host.pass(host.poll_timeout().unwrap().since(host.now));
        assert!(host.sent().iter().all(|s| s.contains("1:1461(1460)")), "only the first goes");
    }
    assert_eq!(host.state(), TcpState::Established);
}
