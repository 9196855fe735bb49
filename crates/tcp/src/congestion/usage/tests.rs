use super::*;

#[test]
fn a_full_window_counts_until_the_next_round_trip() {
    let mut usage = CwndUsage::new(SeqNum(0));
    assert!(!usage.is_limited(10_000, 5000));
    usage.on_sent(true, SeqNum(0), SeqNum(10_000));
    assert!(usage.is_limited(10_000, 5000));
    usage.on_sent(false, SeqNum(5000), SeqNum(12_000));
    assert!(usage.is_limited(10_000, 5000), "it was full in this round trip");
    usage.on_sent(false, SeqNum(10_000), SeqNum(12_000));
    assert!(!usage.is_limited(10_000, 5000), "a new round trip");
}

#[test]
fn in_slow_start_half_is_enough() {
    let mut usage = CwndUsage::new(SeqNum(0));
    usage.on_sent(false, SeqNum(0), SeqNum(6000));
    assert!(usage.is_limited(10_000, u32::MAX));
    assert!(!usage.is_limited(12_000, u32::MAX));
    assert!(!usage.is_limited(10_000, 10_000), "not in congestion avoidance");
    assert!(!usage.is_limited(u32::MAX - 1, u32::MAX), "no overflow");
}

#[test]
fn the_most_outstanding_counts() {
    let mut usage = CwndUsage::new(SeqNum(0));
    usage.on_sent(false, SeqNum(0), SeqNum(6000));
    usage.on_sent(false, SeqNum(5000), SeqNum(7000));
    assert!(usage.is_limited(10_000, u32::MAX));
}
