use super::*;

const MSS: u32 = 1000;

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

fn ack(now: Instant) -> AckSample {
    AckSample { in_flight: 30, ..AckSample::new(now, 1, MSS) }
}

#[test]
fn a_train_of_acks_for_half_a_round_trip_ends_slow_start() {
    let rtt = Duration::from_millis(40);
    let mut hystart = HyStart::default();
    let ends = (0..30).position(|n| hystart.on_ack(&ack(at(100 + 2 * n)), rtt, rtt, 20));
    assert_eq!(ends, Some(11), "more than 20 ms after the first");
}

#[test]
fn acks_with_gaps_are_no_train() {
    let rtt = Duration::from_millis(40);
    let mut hystart = HyStart::default();
    assert!((0..30).all(|n| !hystart.on_ack(&ack(at(100 + 3 * n)), rtt, rtt, 20)));
}

#[test]
fn a_round_trip_in_which_every_sample_is_late_ends_slow_start() {
    let min = Duration::from_millis(40);
    let run = |late| {
        let mut hystart = HyStart::default();
        (0..20).position(|n| hystart.on_ack(&ack(at(100 + 10 * n)), min + Duration::from_millis(late), min, 20))
    };
    assert_eq!(run(5), None, "an eighth is 5 ms");
    assert_eq!(run(6), Some(8));
}

#[test]
fn small_windows_are_left_alone() {
    let min = Duration::from_millis(40);
    let mut hystart = HyStart::default();
    assert!((0..30).all(|n| !hystart.on_ack(&ack(at(100 + n)), 2 * min, min, 15)));
}
