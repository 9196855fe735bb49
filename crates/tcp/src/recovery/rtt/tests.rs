use super::*;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

/// Samples of one round trip each, in milliseconds.
fn after(samples: &[u64]) -> RttEstimator {
    let mut rtt = RttEstimator::new();
    let (mut now, mut seq) = (Instant::ZERO, SeqNum(0));
    for &ms in samples {
        now += Duration::from_millis(ms);
        seq += 1000;
        rtt.on_sample(now, Duration::from_millis(ms), seq, seq + 1000);
    }
    rtt
}

#[test]
fn before_any_sample_it_is_a_second_or_three_if_the_syn_was_lost() {
    let mut rtt = RttEstimator::new();
    assert_eq!(rtt.rto(), Rto::INITIAL);
    assert_eq!((rtt.srtt(), rtt.min(), rtt.is_measured()), (None, None, false));
    rtt.on_syn_loss();
    assert_eq!(rtt.rto().duration(), Duration::from_secs(3));
}

#[test]
fn the_first_sample_sets_all() {
    // RFC 6298 §2.2: SRTT = R, RTTVAR = R/2, so RTO = R + 4·R/2.
    let rtt = after(&[1000]);
    assert_eq!(rtt.srtt(), Some(Duration::from_secs(1)));
    assert_eq!(rtt.rto().duration(), Duration::from_secs(3));
    assert_eq!(rtt.mdev(), Duration::from_millis(500));
}

#[test]
fn the_floor_is_on_the_variance() {
    // As Linux: a steady path has SRTT + 200 ms, not max(…, 200 ms).
    assert_eq!(after(&[10; 100]).rto().duration(), Duration::from_millis(210));
    let steady = after(&[300; 200]).rto().duration().as_millis();
    assert!((500..=501).contains(&steady), "in whole milliseconds, rounded up: {steady}");
}

#[test]
fn a_jump_up_counts_at_once_and_fades_by_a_quarter_a_round_trip() {
    let steady = after(&[100; 100]);
    let jumped = after(&[&[100; 100][..], &[500]].concat());
    assert_eq!(steady.rto().duration(), Duration::from_millis(300));
    // SRTT 100 → 150; deviation (×4) ~0 → 400.
    assert_eq!(jumped.srtt(), Some(Duration::from_millis(150)));
    assert!((545..=551).contains(&jumped.rto().duration().as_millis()), "{}", jumped.rto());
    let later = after(&[&[100; 100][..], &[500], &[100; 60]].concat());
    assert!(later.rto().duration() < Duration::from_millis(330), "{}", later.rto());
}

#[test]
fn a_faster_path_hardly_raises_the_timeout() {
    let steady = after(&[400; 100]).rto().duration();
    let faster = after(&[&[400; 100][..], &[10]].concat()).rto().duration();
    assert!(faster < steady, "{faster:?} {steady:?}");
}

#[test]
fn within_a_round_trip_the_variance_does_not_fall() {
    let mut rtt = RttEstimator::new();
    let sample = |rtt: &mut RttEstimator, ms, una| {
        rtt.on_sample(Instant::ZERO, Duration::from_millis(ms), SeqNum(una), SeqNum(100_000));
    };
    sample(&mut rtt, 1000, 0);
    let first = rtt.rttvar4;
    for i in 1..50 {
        sample(&mut rtt, 1000, i * 1000);
    }
    assert_eq!(rtt.rttvar4, first);
    sample(&mut rtt, 1000, 100_001);
    assert!(rtt.rttvar4 <= first);
}

#[test]
fn the_minimum_is_forgotten_after_five_minutes() {
    let mut rtt = RttEstimator::new();
    let mut sample = |at_s: u64, ms: u64| {
        let now = Instant::from_nanos(at_s * 1000 * MS);
        rtt.on_sample(now, Duration::from_millis(ms), SeqNum(0), SeqNum(1));
        rtt.min().unwrap().as_millis()
    };
    assert_eq!(sample(1, 20), 20);
    assert_eq!(sample(2, 50), 20);
    assert_eq!(sample(301, 50), 20);
    assert_eq!(sample(302, 50), 50);
    assert_eq!(sample(303, 30), 30);
}

/// RFC 6298 §2.3 in floating point, with Linux's floor, for samples that never fall below SRTT and one a round trip.
#[test]
fn it_agrees_with_the_rfc_while_samples_rise() {
    let samples: Vec<u64> = (0..30).map(|i| 100 + i * i).collect();
    let (mut srtt, mut var) = (0.0f64, 0.0f64);
    for (i, &sample) in samples.iter().enumerate() {
        let r = sample as f64;
        if i == 0 {
            (srtt, var) = (r, r / 2.0);
        } else {
            var = 0.75 * var + 0.25 * (srtt - r).abs();
            srtt = 0.875 * srtt + 0.125 * r;
        }
    }
    let rtt = after(&samples);
    assert!((rtt.srtt().unwrap().as_secs_f64() * 1e3 - srtt).abs() < 0.1);
    assert!((rtt.mdev().as_secs_f64() * 1e3 - var).abs() < 0.5);
}

proptest! {
    #[test]
    fn it_stays_sane_whatever_comes(samples in proptest::collection::vec(0..=u64::MAX, 1..200)) {
        let mut rtt = RttEstimator::new();
        for (i, micros) in samples.into_iter().enumerate() {
            let una = SeqNum(i as u32 * 7);
            rtt.on_sample(Instant::from_millis(i as u64), Duration::from_micros(micros), una, una + 20);
            let (srtt, rto) = (rtt.srtt().unwrap(), rtt.rto().duration());
            prop_assert!(srtt >= Duration::ZERO && rto >= Rto::MIN && rto <= Rto::MAX);
            prop_assert!(rto >= (srtt + Rto::MIN).min(Rto::MAX));
            prop_assert!(rtt.min().unwrap() <= Duration::from_secs(500));
        }
    }
}

use alloc::vec::Vec;
