use super::super::SSTHRESH_UNKNOWN;
use super::super::cwnd::MAX_WINDOW;
use super::*;
use crate::congestion::IdleSample;
use core::time::Duration;
use limpid_event::Instant;
use proptest::prelude::*;

const MSS: u32 = 1000;

fn ack(acked: u32) -> AckSample {
    AckSample { cwnd_limited: true, ..AckSample::new(Instant::ZERO, acked, MSS) }
}

fn loss() -> LossSample {
    LossSample::new(Instant::ZERO, 10, MSS)
}

/// A whole window is acknowledged, two segments an ACK.
fn round_trip(reno: &mut Reno) {
    for _ in 0..reno.window() / 2 {
        reno.on_ack(&ack(2));
    }
}

#[test]
fn it_begins_with_what_it_is_told() {
    assert_eq!((Reno::new(10).window(), Reno::new(10).ssthresh()), (10, SSTHRESH_UNKNOWN));
    assert_eq!(Reno::new(10).with_window(1).window(), 1);
    assert_eq!(Reno::new(0).window(), 1);
}

#[test]
fn slow_start_doubles_each_round_trip() {
    let mut reno = Reno::new(10);
    for segments in [20, 40, 80, 160] {
        round_trip(&mut reno);
        assert_eq!(reno.window(), segments);
    }
}

#[test]
fn avoidance_adds_a_segment_each_round_trip() {
    let mut reno = Reno::new(20);
    reno.on_loss(&loss());
    assert_eq!((reno.window(), reno.ssthresh()), (10, 10));
    for segments in [11, 12, 13] {
        round_trip(&mut reno);
        if segments % 2 == 0 {
            reno.on_ack(&ack(1));
        }
        assert_eq!(reno.window(), segments);
    }
}

#[test]
fn slow_start_ends_at_the_threshold_and_the_rest_counts_for_avoidance() {
    let mut reno = Reno::new(20);
    reno.on_rto(&loss(), false);
    assert_eq!((reno.window(), reno.ssthresh()), (1, 10));
    reno.on_ack(&ack(14));
    assert_eq!(reno.window(), 10);
    reno.on_ack(&ack(5));
    assert_eq!(reno.window(), 11, "five of the fourteen counted already");
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let mut reno = Reno::new(10);
    reno.on_ack(&AckSample { cwnd_limited: false, ..ack(5) });
    reno.on_ack(&AckSample { in_recovery: true, ..ack(5) });
    reno.on_ack(&AckSample { acked: 0, ..ack(5) });
    assert_eq!(reno.window(), 10);
}

#[test]
fn a_timeout_leaves_one_segment_and_reduces_once() {
    let mut reno = Reno::new(40);
    reno.on_rto(&loss(), false);
    assert_eq!((reno.window(), reno.ssthresh()), (1, 20));
    reno.on_rto(&loss(), true);
    assert_eq!(reno.ssthresh(), 20, "the same loss (RFC 5681 §3.1)");
    reno.on_rto(&loss(), false);
    assert_eq!(reno.ssthresh(), 2, "two segments at least");
}

/// Where a mark is no loss (RFC 8511 §3.1).
#[test]
fn a_mark_cuts_less_if_asked_to() {
    let mut plain = Reno::new(40);
    plain.on_loss(&loss().by_ecn());
    assert_eq!(plain.window(), 20);
    let mut abe = Reno { abe: true, ..Reno::new(40) };
    abe.on_loss(&loss().by_ecn());
    assert_eq!(abe.window(), 32);
    abe.on_loss(&loss());
    assert_eq!(abe.window(), 16);
}

#[test]
fn a_loss_that_was_none_is_taken_back() {
    let mut reno = Reno::new(40);
    reno.on_loss(&loss());
    reno.on_undo();
    assert_eq!((reno.window(), reno.ssthresh()), (40, SSTHRESH_UNKNOWN));
    reno.on_undo();
    assert_eq!(reno.window(), 40, "once");
}

#[test]
fn two_timeouts_in_a_row_are_taken_back_to_before_the_first() {
    let mut reno = Reno::new(40);
    reno.on_rto(&loss(), false);
    reno.on_rto(&loss(), true);
    reno.on_undo();
    assert_eq!((reno.window(), reno.ssthresh()), (40, SSTHRESH_UNKNOWN));
}

#[test]
fn idleness_halves_for_each_timeout_and_remembers_in_the_threshold() {
    let idle = |ms| {
        let mut reno = Reno::new(10).with_window(40).with_ssthresh(30);
        let (rto, idle) = (Duration::from_millis(200), Duration::from_millis(ms));
        reno.on_idle(&IdleSample::new(Instant::ZERO, idle, rto, MSS));
        (reno.window(), reno.ssthresh())
    };
    assert_eq!(idle(200), (40, 30));
    assert_eq!(idle(201), (20, 30));
    assert_eq!(idle(401), (10, 30));
    assert_eq!(idle(60_000), (10, 30), "not below the initial window");
    let mut reno = Reno::new(10).with_window(40).with_ssthresh(20);
    reno.on_idle(&IdleSample::new(Instant::ZERO, Duration::from_secs(1), Duration::from_secs(1), MSS));
    assert_eq!(reno.ssthresh(), 30, "three quarters");
}

#[test]
fn what_is_not_used_is_given_up_by_half() {
    let mut reno = Reno::new(10).with_window(100).with_ssthresh(50);
    reno.on_unused(20);
    assert_eq!((reno.window(), reno.ssthresh()), (60, 75));
    reno.on_unused(1);
    assert_eq!(reno.window(), 35, "the initial window counts as used");
    reno.on_unused(40);
    assert_eq!(reno.window(), 35);
}

proptest! {
    #[test]
    fn it_stays_within_bounds_whatever_comes(
        initial in any::<u32>(),
        events in proptest::collection::vec((0..7u8, any::<u32>()), 1..200),
    ) {
        let mut reno = Reno::new(initial);
        for (event, n) in events {
            match event {
                0 | 1 => reno.on_ack(&ack(n)),
                2 => reno.on_loss(&loss()),
                3 => reno.on_rto(&loss(), n % 2 == 0),
                4 => reno.on_undo(),
                5 => reno.on_unused(n),
                _ => {
                    let idle = Duration::from_micros(n.into());
                    reno.on_idle(&IdleSample::new(Instant::ZERO, idle, Duration::from_millis(200), MSS));
                }
            }
            prop_assert!((1..=MAX_WINDOW).contains(&reno.window()), "{}", reno.window());
            prop_assert!(reno.ssthresh() >= 2);
        }
    }
}
