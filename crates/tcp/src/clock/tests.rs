use super::*;

const INTERVAL: Duration = Duration::from_millis(500);

#[test]
fn timestamps_tick_each_millisecond_from_their_offset() {
    let clock = TsClock::new(u32::MAX - 4);
    assert_eq!(clock.val(Instant::from_millis(4)), u32::MAX);
    assert_eq!(clock.val(Instant::from_nanos(5_999_999)), 0);
}

#[test]
fn an_echo_tells_the_round_trip_unless_it_is_zero_or_of_the_future() {
    let clock = TsClock::new(100);
    let now = Instant::from_millis(1000);
    assert_eq!(clock.elapsed(now, 1080), Some(Duration::from_millis(20)));
    assert_eq!(clock.elapsed(now, 1100), Some(Duration::ZERO));
    assert_eq!(clock.elapsed(now, 1101), None);
    assert_eq!(clock.elapsed(now, 0), None);
}

#[test]
fn paws_rejects_the_past_across_the_wrap_but_not_after_24_days() {
    let recent = TsRecent::new(3, Instant::ZERO);
    assert!(!recent.rejects(3, Instant::ZERO));
    assert!(!recent.rejects(4, Instant::ZERO));
    assert!(recent.rejects(2, Instant::ZERO));
    assert!(recent.rejects(u32::MAX, Instant::ZERO), "4 ticks before 3, across the wrap");
    let day = 24 * 60 * 60 * 1000;
    assert!(recent.rejects(2, Instant::from_millis(24 * day - 1)));
    assert!(!recent.rejects(2, Instant::from_millis(24 * day)));
}

#[test]
fn one_answer_an_interval() {
    let mut limit = AnswerLimit::default();
    assert!(limit.allow(Instant::ZERO, INTERVAL));
    assert!(!limit.allow(Instant::ZERO, INTERVAL));
    assert!(!limit.allow(Instant::from_millis(499), INTERVAL));
    assert!(limit.allow(Instant::from_millis(500), INTERVAL));
    assert!(!limit.allow(Instant::from_millis(999), INTERVAL));
    assert!(limit.allow(Instant::from_millis(1000), INTERVAL));
}
