use super::*;
use crate::congestion::in_segments;
use limpid_event::Instant;
use proptest::prelude::*;

const MSS: u32 = 1000;

fn ack(acked: u32) -> AckSample {
    AckSample {
        cwnd_limited: true,
        srtt: Some(Duration::from_millis(100)),
        ..AckSample::new(Instant::ZERO, acked, MSS)
    }
}

fn loss() -> LossSample {
    LossSample::new(Instant::ZERO, 10_000, MSS)
}

/// A whole window is acknowledged, two segments an ACK.
fn round_trip(reno: &mut Reno) {
    for _ in 0..reno.window() / (2 * MSS) {
        reno.on_ack(&ack(2 * MSS));
    }
}

#[test]
fn it_begins_with_ten_segments() {
    assert_eq!(Reno::new(1460).window(), 14_600);
    assert_eq!(Reno::new(536).window(), 5360);
    assert_eq!(Reno::new(9000).window(), 18_000, "two, where they are large (RFC 6928 §2)");
    assert_eq!(Reno::new(2000).window(), 14_600);
    assert_eq!(Reno::with_window(1460, 1460).window(), 1460);
    assert_eq!(Reno::new(1460).ssthresh(), SSTHRESH_UNKNOWN);
}

#[test]
fn slow_start_doubles_each_round_trip() {
    let mut reno = Reno::new(MSS);
    for segments in [20, 40, 80, 160] {
        round_trip(&mut reno);
        assert_eq!(in_segments(reno.window(), MSS), segments);
    }
}

#[test]
fn avoidance_adds_a_segment_each_round_trip() {
    let mut reno = Reno::with_window(MSS, 20 * MSS);
    reno.on_loss(&loss());
    assert_eq!((reno.window(), reno.ssthresh()), (10_000, 10_000));
    for segments in [11, 12, 13] {
        round_trip(&mut reno);
        if segments % 2 == 0 {
            reno.on_ack(&ack(MSS));
        }
        assert_eq!(in_segments(reno.window(), MSS), segments);
    }
}

#[test]
fn slow_start_ends_at_the_threshold_and_the_rest_counts_for_avoidance() {
    let mut reno = Reno::with_window(MSS, 20 * MSS);
    reno.on_rto(&loss(), false);
    assert_eq!((reno.window(), reno.ssthresh()), (1000, 10_000));
    reno.on_ack(&ack(14_000));
    assert_eq!((reno.window(), reno.acked), (10_000, 5000));
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let mut reno = Reno::new(MSS);
    reno.on_ack(&AckSample { cwnd_limited: false, ..ack(5000) });
    assert_eq!(reno.window(), 10_000);
    reno.on_ack(&AckSample { in_recovery: true, ..ack(5000) });
    assert_eq!(reno.window(), 10_000);
}

#[test]
fn a_timeout_leaves_one_segment_and_reduces_once() {
    let mut reno = Reno::with_window(MSS, 40 * MSS);
    reno.on_rto(&loss(), false);
    assert_eq!((reno.window(), reno.ssthresh()), (MSS, 20_000));
    reno.on_rto(&loss(), true);
    assert_eq!(reno.ssthresh(), 20_000, "the same loss (RFC 5681 §3.1)");
    reno.on_rto(&loss(), false);
    assert_eq!(reno.ssthresh(), 2 * MSS, "two segments at least");
}

#[test]
fn a_loss_that_was_none_is_taken_back() {
    let mut reno = Reno::with_window(MSS, 40 * MSS);
    reno.on_loss(&loss());
    reno.on_undo();
    assert_eq!((reno.window(), reno.ssthresh()), (40_000, SSTHRESH_UNKNOWN));
    reno.on_undo();
    assert_eq!(reno.window(), 40_000, "once");
}

#[test]
fn two_timeouts_in_a_row_are_taken_back_to_before_the_first() {
    let mut reno = Reno::with_window(MSS, 40 * MSS);
    reno.on_rto(&loss(), false);
    reno.on_rto(&loss(), true);
    reno.on_undo();
    assert_eq!((reno.window(), reno.ssthresh()), (40_000, SSTHRESH_UNKNOWN));
}

#[test]
fn idleness_halves_for_each_timeout_and_remembers_in_the_threshold() {
    let idle = |ms| {
        let mut reno = Reno::with_window(MSS, 80 * MSS);
        reno.on_loss(&loss());
        let (rto, idle) = (Duration::from_millis(200), Duration::from_millis(ms));
        reno.on_idle(&IdleSample::new(Instant::ZERO, idle, rto, MSS));
        (in_segments(reno.window(), MSS), in_segments(reno.ssthresh(), MSS))
    };
    assert_eq!(idle(200), (40, 40));
    assert_eq!(idle(201), (20, 40));
    assert_eq!(idle(401), (10, 40));
    assert_eq!(idle(60_000), (10, 40), "not below the initial window");
}

#[test]
fn the_rate_leaves_room_to_grow() {
    let mut reno = Reno::new(MSS);
    assert_eq!(reno.pacing_rate(), None);
    reno.on_ack(&AckSample { cwnd_limited: false, ..ack(1000) });
    assert_eq!(reno.pacing_rate(), Some(200_000), "twice 10 kB in 100 ms");
    reno.on_loss(&loss());
    assert_eq!(reno.pacing_rate(), Some(60_000), "1.2 times 5 kB");
}

proptest! {
    #[test]
    fn it_stays_within_bounds_whatever_comes(
        mss in 1..=65_535u32,
        events in proptest::collection::vec((0..6u8, any::<u32>()), 1..200),
    ) {
        let mut reno = Reno::new(mss);
        for (event, n) in events {
            match event {
                0 | 1 => reno.on_ack(&AckSample { mss, ..ack(n) }),
                2 => reno.on_loss(&LossSample::new(Instant::ZERO, n, mss)),
                3 => reno.on_rto(&LossSample::new(Instant::ZERO, n, mss), n % 2 == 0),
                4 => reno.on_undo(),
                _ => {
                    let idle = Duration::from_micros(n.into());
                    reno.on_idle(&IdleSample::new(Instant::ZERO, idle, Duration::from_millis(200), mss));
                }
            }
            prop_assert!(reno.window() >= mss && reno.window() <= MAX_WINDOW, "{}", reno.window());
            prop_assert!(reno.ssthresh() >= 2 * mss);
            prop_assert!(in_segments(reno.window(), mss) >= 1);
        }
    }
}
