use super::super::SSTHRESH_UNKNOWN;
use super::*;
use crate::congestion::IdleSample;

const MSS: u32 = 1000;
const RTT: Duration = Duration::from_millis(100);

fn ack(now: Instant, segments: u32) -> AckSample {
    AckSample { rtt: Some(RTT), srtt: Some(RTT), cwnd_limited: true, ..AckSample::new(now, segments, MSS) }
}

/// Acknowledges whole windows, one segment an ACK, evenly over each round trip, until `end`.
fn run(cubic: &mut Cubic, mut now: Instant, end: Instant) -> Instant {
    while now < end {
        let window = cubic.window();
        for _ in 0..window {
            now += RTT / window;
            cubic.on_ack(&ack(now, 1));
        }
    }
    now
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

#[test]
fn a_loss_leaves_seven_tenths() {
    let mut cubic = Cubic::new(10).with_window(1000);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    assert_eq!(cubic.window(), 700);
    assert_eq!(cubic.ssthresh(), 700);
}

/// RFC 9438 §4.2: W(t) = C (t − K)³ + W_max, K = cbrt((W_max − cwnd) / C).
#[test]
fn the_window_follows_the_cubic_function() {
    let mut cubic = Cubic::new(10).with_window(1000);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    let k = (300.0_f64 / 0.4).cbrt();
    let mut now = at(0);
    for seconds in [2, 5, 8, 9, 12, 15] {
        now = run(&mut cubic, now, at(seconds * 1000));
        let expected = 0.4 * (seconds as f64 - k).powi(3) + 1000.0;
        let got = f64::from(cubic.window());
        assert!((got - expected).abs() <= expected * 0.03, "{seconds} s: {got}, not {expected}");
    }
}

/// RFC 9438 §4.3: with small windows and short round trips Reno's rule is the faster one.
#[test]
fn a_small_window_grows_as_reno_would() {
    let mut cubic = Cubic::new(10).with_window(20);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    assert_eq!(cubic.window(), 14);
    run(&mut cubic, at(0), at(2000));
    // Six segments back to where the loss was at α = 0.53 a round trip, and one for each of the nine that are left; the cubic function
    // alone would be at 19.2.
    assert!((28..=30).contains(&cubic.window()), "{}", cubic.window());
}

/// RFC 9438 §4.7: a second loss below the first one's window gives room to others.
#[test]
fn fast_convergence_remembers_less() {
    let mut cubic = Cubic::new(10).with_window(1000);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    assert_eq!(cubic.w_max, 1000);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    assert_eq!(cubic.w_max, 595, "700 · (1 + β) / 2");
}

#[test]
fn slow_start_doubles_and_a_timeout_begins_again() {
    let mut cubic = Cubic::new(10);
    assert_eq!(cubic.window(), 10);
    cubic.on_ack(&ack(at(100), 5));
    assert_eq!(cubic.window(), 15);
    cubic.on_rto(&LossSample::new(at(300), 0, MSS), false);
    assert_eq!((cubic.window(), cubic.ssthresh()), (1, 10));
    cubic.on_rto(&LossSample::new(at(700), 0, MSS), true);
    assert_eq!(cubic.ssthresh(), 10, "the same loss does not reduce twice");
    cubic.on_undo();
    assert_eq!((cubic.window(), cubic.ssthresh()), (15, SSTHRESH_UNKNOWN));
}

#[test]
fn what_is_not_used_does_not_grow() {
    let mut cubic = Cubic::new(10);
    cubic.on_ack(&AckSample { cwnd_limited: false, ..ack(at(100), 5) });
    assert_eq!(cubic.window(), 10);
}

#[test]
fn silence_does_not_count() {
    let mut cubic = Cubic::new(10).with_window(1000);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    let now = run(&mut cubic, at(0), at(2000));
    let (before, idle) = (cubic.window(), Duration::from_millis(150));
    let began = cubic.epoch.as_ref().map(|e| e.start);
    cubic.on_sent(&SentSample { idle: Some(idle), ..SentSample::new(now + idle, 1000, 1, MSS) });
    assert_eq!(cubic.epoch.as_ref().map(|e| e.start), began.map(|start| start + idle));
    assert_eq!(cubic.window(), before);
    cubic.on_sent(&SentSample { idle: Some(now.since(at(0)) * 2), ..SentSample::new(now, 1000, 1, MSS) });
    assert_eq!(cubic.epoch.as_ref().map(|e| e.start), Some(now), "not in the future");
}

/// Where a mark is no loss (RFC 8511 §3.1).
#[test]
fn a_mark_cuts_less_if_asked_to() {
    let mark = LossSample::new(at(0), 0, MSS).by_ecn();
    let mut plain = Cubic::new(10).with_window(1000);
    plain.on_loss(&mark);
    assert_eq!(plain.window(), 700);
    let mut abe = Cubic { abe: true, ..Cubic::new(10).with_window(1000) };
    abe.on_loss(&mark);
    assert_eq!(abe.window(), 849);
    abe.on_loss(&LossSample::new(at(0), 0, MSS));
    assert_eq!(abe.window(), 594, "a loss is a loss");
}

/// As Linux: the queue of before is not empty yet, and would be taken for the path.
#[test]
fn right_after_a_loss_no_round_trip_is_believed() {
    let mut cubic = Cubic::new(10).with_window(100);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    cubic.on_ack(&ack(at(100), 1));
    assert_eq!(cubic.min_rtt, 100_000, "before the first ACK of the new period");
    let fast = |ms| AckSample { rtt: Some(Duration::from_millis(50)), ..ack(at(ms), 1) };
    cubic.on_ack(&fast(1000));
    assert_eq!(cubic.min_rtt, 100_000);
    cubic.on_ack(&fast(1100));
    assert_eq!(cubic.min_rtt, 50_000);
}

#[test]
fn cube_roots_are_whole() {
    for n in (0..5000_u64).chain([u64::MAX, 1 << 60, 999_999_999_999]) {
        let root = u128::from(cube_root(n));
        assert!(root.pow(3) <= u128::from(n) && u128::from(n) < (root + 1).pow(3), "{n}: {root}");
    }
}

proptest::proptest! {
    #[test]
    fn any_course_of_events_is_survived(events in proptest::collection::vec((0_u8..6, 0_u32..100_000, 0_u64..400_000), 1..200)) {
        let mut cubic = Cubic::new(10);
        let mut now = Instant::ZERO;
        for (what, segments, micros) in events {
            let step = Duration::from_micros(micros);
            now += step;
            match what {
                0..=2 => cubic.on_ack(&AckSample {
                    rtt: Some(step), cwnd_limited: true, in_flight: segments, ..AckSample::new(now, segments, MSS)
                }),
                3 => cubic.on_loss(&LossSample::new(now, segments, MSS)),
                4 => cubic.on_rto(&LossSample::new(now, segments, MSS), segments % 2 == 0),
                _ => cubic.on_idle(&IdleSample::new(now, step, Duration::from_millis(200), MSS)),
            }
            proptest::prop_assert!(cubic.window() >= 1);
            proptest::prop_assert!(cubic.ssthresh() >= 2);
        }
    }
}

/// Where a round trip is a millisecond, losses may come oftener than the cubic function is looked at.
#[test]
fn frequent_losses_do_not_keep_it_from_growing() {
    let mut cubic = Cubic::new(10).with_window(10).with_ssthresh(10);
    let (mut acked, mut sum) = (0, 0);
    for ms in 0..10_000 {
        for _ in 0..cubic.window() {
            acked += 1;
            if acked % 50 == 0 {
                cubic.on_loss(&LossSample::new(at(ms), 0, MSS));
            } else {
                cubic.on_ack(&ack(at(ms), 1));
            }
        }
        sum += cubic.window();
    }
    let reno = (1.5_f64 * 50.0).sqrt();
    assert!(f64::from(sum) / 10_000.0 > 0.75 * reno, "{} on average, Reno {reno}", f64::from(sum) / 10_000.0);
}

/// RFC 9438 §4.8: what a timeout leaves nothing of is W_max, too: the window grows from the threshold as if there had been no loss.
#[test]
fn a_timeout_forgets_where_the_loss_was() {
    let mut cubic = Cubic::new(10).with_window(1000);
    cubic.on_loss(&LossSample::new(at(0), 0, MSS));
    cubic.on_rto(&LossSample::new(at(0), 0, MSS), false);
    assert_eq!((cubic.window(), cubic.w_max), (1, 0));
}

#[test]
fn nothing_grows_while_a_recovery_goes_on() {
    for window in [20, 1000] {
        let mut cubic = Cubic::new(10).with_window(window);
        for nth in 0..window {
            cubic.on_ack(&AckSample { in_recovery: true, ..ack(at(nth.into()), 1) });
        }
        assert_eq!(cubic.window(), window);
    }
}

/// Linux, before the first loss in congestion avoidance: nothing is known of the path.
#[test]
fn before_any_loss_a_round_trip_adds_a_twentieth_at_least() {
    let mut cubic = Cubic::new(10).with_window(400).with_ssthresh(400);
    run(&mut cubic, at(0), at(1000));
    assert!(cubic.window() >= 400 + 10 * 20, "{}", cubic.window());
}
