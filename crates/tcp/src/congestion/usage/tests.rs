use super::*;
use core::time::Duration;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

/// Sending stops, with so much outstanding, at SND.UNA and SND.NXT.
fn stopped(limited: bool, out: u32, una: u32, nxt: u32) -> Stopped {
    let (snd_una, snd_nxt) = (SeqNum(una), SeqNum(nxt));
    Stopped { now: ms(10), limited, snd_una, snd_nxt, out, cwnd: 10, ssthresh: 5 }
}

fn usage() -> CwndUsage {
    CwndUsage::new(SeqNum(0), ms(0))
}

#[test]
fn a_full_window_counts_until_the_next_round_trip() {
    let mut usage = usage();
    assert!(!usage.is_limited(10, 5));
    usage.on_stopped(stopped(true, 10, 0, 10_000));
    assert!(usage.is_limited(10, 5));
    usage.on_stopped(stopped(false, 7, 5000, 12_000));
    assert!(usage.is_limited(10, 5), "it was full in this round trip");
    usage.on_stopped(stopped(false, 2, 10_000, 12_000));
    assert!(!usage.is_limited(10, 5), "a new round trip");
}

#[test]
fn in_slow_start_half_is_enough() {
    let mut usage = usage();
    usage.on_stopped(stopped(false, 6, 0, 6000));
    assert!(usage.is_limited(10, u32::MAX));
    assert!(!usage.is_limited(12, u32::MAX));
    assert!(!usage.is_limited(10, 10), "not in congestion avoidance");
    assert!(!usage.is_limited(u32::MAX - 1, u32::MAX), "no overflow");
}

#[test]
fn the_most_outstanding_counts() {
    let mut usage = usage();
    usage.on_stopped(stopped(false, 6, 0, 6000));
    usage.on_stopped(stopped(false, 2, 5000, 7000));
    assert!(usage.is_limited(10, u32::MAX));
}

#[test]
fn what_was_used_is_told_after_a_timeout() {
    let mut usage = usage();
    let rto = Duration::from_millis(200);
    usage.on_stopped(stopped(false, 3, 0, 3000));
    assert_eq!(usage.unused_since(ms(199), rto), None);
    assert_eq!(usage.unused_since(ms(200), rto), Some(3));
    usage.on_stopped(stopped(true, 10, 0, 10_000));
    assert_eq!(usage.unused_since(ms(209), rto), None, "it was full");
}
