use super::*;

fn us(n: u64) -> Instant {
    Instant::from_nanos(n * 1000)
}

/// Paces from the first segment on.
fn warm() -> Pacing {
    Pacing { sent: FREE_SEGMENTS, ..Pacing::new() }
}

#[test]
fn the_first_ten_segments_are_free() {
    let mut pacing = Pacing::new();
    pacing.on_sent(us(5), 9000, 9, Some(1_000_000));
    assert_eq!(pacing.wait(us(5)), None);
    pacing.on_sent(us(5), 1000, 1, Some(1_000_000));
    assert_eq!(pacing.wait(us(5)), Some(Duration::from_millis(1)));
}

#[test]
fn each_segment_takes_its_time() {
    let mut pacing = warm();
    pacing.on_sent(us(0), 1000, 1, Some(1_000_000));
    assert_eq!(pacing.wait(us(400)), Some(Duration::from_micros(600)));
    assert_eq!(pacing.wait(us(1000)), None);
}

#[test]
fn a_clock_that_wakes_late_is_made_up_for_by_half_of_a_segment() {
    let mut pacing = warm();
    pacing.on_sent(us(0), 1000, 1, Some(1_000_000));
    pacing.on_sent(us(1200), 1000, 1, Some(1_000_000));
    assert_eq!(pacing.wait(us(1200)), Some(Duration::from_micros(800)));
    pacing.on_sent(us(9000), 1000, 1, Some(1_000_000));
    assert_eq!(pacing.wait(us(9000)), Some(Duration::from_micros(500)), "no burst after a pause");
}

#[test]
fn without_a_rate_nothing_waits() {
    let mut pacing = warm();
    for rate in [None, Some(0), Some(u64::MAX)] {
        pacing.on_sent(us(0), 60_000, 40, rate);
        assert_eq!(pacing.wait(us(0)), None, "{rate:?}");
    }
    pacing.on_sent(us(0), u32::MAX, 1, Some(1));
    assert!(pacing.wait(us(0)).is_some(), "no overflow");
}

#[test]
fn the_rate_is_the_window_in_a_round_trip() {
    assert_eq!(rate(1000, 10, 200, 8 * 100_000), 200_000);
    assert_eq!(rate(1000, 10, 120, 8 * 100_000), 120_000);
    assert_eq!(rate(1460, 10, 200, 0), 233_600_000_000);
    assert_eq!(rate(u32::MAX, u32::MAX, u16::MAX, 0), u64::MAX, "no overflow");
}
