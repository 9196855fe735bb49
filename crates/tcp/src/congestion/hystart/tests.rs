use super::*;
use alloc::vec::Vec;

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
    let mut hystart = Detector::new(HyStart::Classic);
    let ends = (0..30).position(|n| hystart.on_ack(&ack(at(100 + 2 * n)), rtt, in_micros(rtt), 20));
    assert_eq!(ends, Some(11), "more than 20 ms after the first");
    // A super-segment takes its time, too: 4 · 65,279 bytes at 522 MB/s are 0.5 ms.
    let mut hystart = Detector::new(HyStart::Classic);
    let slow = |n: u64| AckSample { pacing_rate: 4 * 65_279 * 2000, ..ack(at(100 + n)) };
    assert_eq!((0..60).position(|n| hystart.on_ack(&slow(n), rtt, 40_000, 20)), Some(21));
    let mut hystart = Detector::new(HyStart::Classic);
    let paced = |n: u64| AckSample { paced: true, ..ack(at(100 + n)) };
    assert_eq!((0..60).position(|n| hystart.on_ack(&paced(n), rtt, 40_000, 20)), None, "30 segments are a round");
}

#[test]
fn acks_with_gaps_are_no_train() {
    let rtt = Duration::from_millis(40);
    let mut hystart = Detector::new(HyStart::Classic);
    assert!((0..30).all(|n| !hystart.on_ack(&ack(at(100 + 3 * n)), rtt, in_micros(rtt), 20)));
}

#[test]
fn a_round_trip_in_which_every_sample_is_late_ends_slow_start() {
    let min = Duration::from_millis(40);
    let run = |late| {
        let mut hystart = Detector::new(HyStart::Classic);
        (0..20)
            .position(|n| hystart.on_ack(&ack(at(100 + 10 * n)), min + Duration::from_millis(late), in_micros(min), 20))
    };
    assert_eq!(run(5), None, "an eighth is 5 ms");
    assert_eq!(run(6), Some(8));
}

#[test]
fn small_windows_are_left_alone() {
    let min = Duration::from_millis(40);
    let mut hystart = Detector::new(HyStart::Classic);
    assert!((0..30).all(|n| !hystart.on_ack(&ack(at(100 + n)), 2 * min, in_micros(min), 15)));
}

/// Rounds of ten ACKs of one segment each; the round-trip times are `rtts`, a round each. Tells in which round it ends slow start,
/// and what ten segments open in each.
fn rounds(rtts: &[u64]) -> (Option<usize>, Vec<u32>) {
    let mut hystart = Detector::new(HyStart::PlusPlus);
    let mut opened = Vec::new();
    for (round, rtt) in rtts.iter().enumerate() {
        let rtt = Duration::from_millis(*rtt);
        let mut opens = 0;
        for n in 0..11 {
            let sample = AckSample { in_flight: 10, ..ack(at(1000 * round as u64 + n)) };
            if hystart.on_ack(&sample, rtt, 40_000, 100) {
                return (Some(round), opened);
            }
            opens += hystart.opens(1, false);
        }
        opened.push(opens);
    }
    (None, opened)
}

/// RFC 9406 §4.2: five rounds of slower growth, then the end.
#[test]
fn plus_plus_is_conservative_first() {
    let (ended, opened) = rounds(&[40, 40, 45, 46, 47, 48, 49, 50, 51]);
    assert_eq!(ended, Some(7));
    assert_eq!(opened[..2], [11, 11]);
    assert!(opened[3..].iter().all(|&opens| (2..=3).contains(&opens)), "a quarter of eleven: {opened:?}");
}

/// RFC 9406 §4.3: a round that is as fast as before it was jitter.
#[test]
fn plus_plus_takes_jitter_back() {
    let (ended, opened) = rounds(&[40, 46, 40, 40, 40, 40, 40, 40, 40]);
    assert_eq!(ended, None);
    assert_eq!(opened[4..], [11, 11, 11, 11, 11]);
}

#[test]
fn plus_plus_ignores_less_than_the_threshold() {
    assert_eq!(rounds(&[40, 44, 48, 52, 57]).1, [11; 5], "an eighth is 5 ms and more");
}

#[test]
fn off_is_off() {
    let mut hystart = Detector::new(HyStart::Off);
    assert!((0..60).all(|n| !hystart.on_ack(&ack(at(n)), Duration::from_secs(1), 40_000, 100)));
}

/// RFC 9406 §4.2: where nothing paces, an ACK counts for eight segments at the most.
#[test]
fn plus_plus_bounds_what_one_ack_opens() {
    let mut hystart = Detector::new(HyStart::PlusPlus);
    assert_eq!([hystart.opens(20, false), hystart.opens(8, false), hystart.opens(20, true)], [8, 8, 20]);
    let mut classic = Detector::new(HyStart::Classic);
    assert_eq!(classic.opens(20, false), 20);
}
