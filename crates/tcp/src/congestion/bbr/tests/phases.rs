//! Each phase's rules (draft-ietf-ccwg-bbr, appendix A: the example test cases among them).

use super::path::MSS;
use super::*;

/// 10,000 segments a second, 50 ms: 500 segments.
fn path() -> Path {
    Path::new(10_000, 50, 2000)
}

/// One that tells of nothing.
fn ack(path: &Path) -> Ack {
    Ack {
        now: path.now,
        rate: 0,
        app_limited: true,
        newly_acked: 0,
        newly_marked: 0,
        delivered: 0,
        delivered_ce: 0,
        lost: 0,
        tx_in_flight: 0,
        prior_delivered: 0,
        in_flight: 0,
        cwnd_full: false,
        rtt: None,
        selective: true,
        fast_recovery: false,
    }
}

#[test]
fn startup_ends_on_a_plateau_and_knows_the_bandwidth() {
    let mut path = path();
    path.run_to(State::Drain);
    assert!(path.bbr.full.reached && path.bbr.full.now);
    let (bw, expected) = (path.bbr.max_bw.get(), path.bytes_per_second());
    assert!(bw.abs_diff(expected) <= expected / 50, "{bw}, not {expected}");
    assert_eq!(path.bbr.inflight_longterm, NO_BOUND, "no loss");
    // 500 segments from 10, doubling: six rounds, and three without growth.
    assert!(path.now < Instant::ZERO + 15 * path.rtt, "{:?}", path.now);
    assert!(path.now > Instant::ZERO + 8 * path.rtt, "{:?}", path.now);
}

#[test]
fn startup_ends_by_losses_in_a_shallow_queue() {
    let mut path = Path::new(10_000, 50, 50);
    path.run_to(State::Drain);
    assert!(path.bbr.full.reached && !path.bbr.full.now, "not by a plateau");
    assert!(path.bbr.inflight_longterm >= path.bdp() * 8 / 10, "{}", path.bbr.inflight_longterm);
    assert!(path.bbr.inflight_longterm <= 2 * path.bdp(), "{}", path.bbr.inflight_longterm);
}

#[test]
fn startup_goes_on_while_the_application_is_the_limit() {
    let mut path = path();
    path.app_rate = 1000;
    path.run_for(Duration::from_secs(4));
    assert_eq!(path.phases, [State::Startup]);
    path.app_rate = 0;
    path.run_to(State::Drain);
    let bw = path.bbr.max_bw.get();
    assert!(bw >= path.bytes_per_second() * 98 / 100, "{bw}");
}

#[test]
fn a_little_loss_does_not_end_startup() {
    let mut path = path();
    path.lose_every = 200;
    path.run_to(State::Drain);
    assert!(path.bbr.max_bw.get() >= path.bytes_per_second() * 95 / 100, "{}", path.bbr.max_bw.get());
}

/// Where segments are lost or overtaken, the one ACK that begins a round trip is often of a slow sample.
#[test]
fn growth_counts_at_any_ack_of_a_round_trip() {
    let mut bbr = path().bbr;
    let at = |bbr: &mut Bbr, rate, start| {
        bbr.rounds.start = start;
        bbr.check_full_pipe(&Ack { rate, app_limited: false, ..ack(&path()) });
    };
    for rate in [1000, 2000, 4000, 8000, 16_000] {
        at(&mut bbr, rate, false);
        at(&mut bbr, rate / 4, true);
    }
    assert_eq!((bbr.full.now, bbr.full.bw, bbr.full.count), (false, 16_000, 1));
    at(&mut bbr, 19_999, false);
    at(&mut bbr, 19_999, true);
    at(&mut bbr, 19_999, true);
    assert!(bbr.full.now && bbr.full.reached);
}

/// What gives no rate is perhaps the ACK of an original that was sent again: it ends no round trip.
#[test]
fn an_ack_without_a_rate_ends_no_round_trip() {
    let mut path = path();
    path.run_to(State::Cruise);
    let after = path.bbr.delivered.wrapping_add(10_000);
    let ack = Ack { prior_delivered: after, ..ack(&path) };
    path.bbr.update_latest_delivery_signals(&ack);
    path.bbr.update_round(&ack);
    assert!(!path.bbr.rounds.start && !path.bbr.latest.loss_round_start);
    let ack = Ack { rate: 1, ..ack };
    path.bbr.update_latest_delivery_signals(&ack);
    path.bbr.update_round(&ack);
    assert!(path.bbr.rounds.start && path.bbr.latest.loss_round_start);
}

#[test]
fn drain_is_slow_and_ends_when_the_queue_is_gone() {
    let mut path = path();
    path.run_to(State::Drain);
    assert_eq!(path.bbr.pacing_gain(), 128);
    assert!(path.bbr.ssthresh.abs_diff(path.bdp()) <= path.bdp() / 20, "{}", path.bbr.ssthresh);
    let began = path.now;
    path.run_out_of(State::Drain);
    assert!(path.now.since(began) <= 3 * path.rtt, "{:?}", path.now.since(began));
    assert_eq!(path.bbr.state, State::Cruise, "nothing is left to take back");
}

#[test]
fn drain_ends_after_three_rounds_if_the_queue_stays() {
    let mut path = path();
    path.run_to(State::Drain);
    let full = Ack { in_flight: 2 * path.bdp(), ..ack(&path) };
    for _ in 0..3 {
        path.bbr.rounds.count += 1;
        path.bbr.check_drain_done(&full);
        assert_eq!(path.bbr.state, State::Drain);
    }
    path.bbr.rounds.count += 1;
    path.bbr.check_drain_done(&full);
    assert_eq!(path.bbr.state, State::Down);
}

#[test]
fn the_cycle_is_down_cruise_refill_up() {
    let mut path = path();
    path.run_to(State::Up);
    path.run_to(State::Down);
    path.run_to(State::Up);
    let expected = [State::Startup, State::Drain, State::Cruise, State::Refill, State::Up];
    assert_eq!(path.phases[..5], expected);
    // Five seconds are over in the second.
    let expected = [State::Down, State::Cruise, State::ProbeRtt, State::Cruise, State::Refill, State::Up];
    assert_eq!(path.phases[5..], expected);
}

#[test]
fn down_is_slower_and_ends_when_no_queue_is_left() {
    let mut path = path();
    path.run_to(State::Up);
    path.run_to(State::Down);
    assert_eq!(path.bbr.pacing_gain(), 230);
    path.run_to(State::Cruise);
    assert_eq!(path.bbr.pacing_gain(), 256);
}

/// §5.3.3.5: two to three seconds, and not longer than Reno takes.
#[test]
fn it_probes_every_two_to_three_seconds_or_63_rounds() {
    let mut slow = Path::new(2000, 100, 1000);
    slow.run_to(State::Cruise);
    let began = slow.now;
    slow.run_to(State::Refill);
    let waited = slow.now.since(began);
    assert!((2000..=3100).contains(&waited.as_millis()), "{waited:?}");
    let mut fast = Path::new(10_000, 10, 1000);
    fast.run_to(State::Cruise);
    let (began, round) = (fast.now, fast.bbr.rounds.count);
    fast.run_to(State::Refill);
    assert!((62..=63).contains(&(fast.bbr.rounds.count - round)), "{}", fast.bbr.rounds.count - round);
    assert!(fast.now.since(began) < Duration::from_secs(1));
}

#[test]
fn refill_lasts_a_round_and_forgets_the_bounds_of_the_cycle() {
    let mut path = path();
    path.run_to(State::Cruise);
    path.bbr.inflight_shortterm = 100;
    path.bbr.bw_shortterm = 1_000_000;
    path.run_to(State::Refill);
    assert_eq!((path.bbr.inflight_shortterm, path.bbr.bw_shortterm), (NO_BOUND, NO_RATE_BOUND));
    let round = path.bbr.rounds.count;
    path.run_to(State::Up);
    assert_eq!(path.bbr.rounds.count - round, 1);
    assert_eq!((path.bbr.pacing_gain(), path.bbr.cwnd_gain()), (320, 576));
}

#[test]
fn more_bandwidth_is_found() {
    let mut path = path();
    path.run_to(State::Cruise);
    path.rate *= 2;
    path.run_for(Duration::from_secs(15));
    assert!(path.bbr.max_bw.get() >= path.bytes_per_second() * 95 / 100, "{}", path.bbr.max_bw.get());
}

#[test]
fn less_bandwidth_is_believed_after_two_cycles() {
    let mut path = path();
    path.run_to(State::Cruise);
    path.rate /= 2;
    path.run_for(Duration::from_secs(12));
    assert!(path.bbr.max_bw.get() <= path.bytes_per_second() * 105 / 100, "{}", path.bbr.max_bw.get());
}

#[test]
fn losses_of_a_probe_bound_what_is_in_flight() {
    let mut path = Path::new(10_000, 50, 50);
    path.run_to(State::Up);
    path.bbr.probing.too_high = false;
    path.bbr.inflight_longterm = 4 * path.bdp();
    path.run_to(State::Down);
    assert!(path.bbr.probing.too_high);
    assert!(path.bbr.inflight_longterm <= path.bdp() * 13 / 10, "{}", path.bbr.inflight_longterm);
    assert!(path.bbr.inflight_longterm >= path.bdp() * 7 / 10, "{}", path.bbr.inflight_longterm);
}

/// §5.3.3.5.1: by 1, 2, 4, 8 … segments a round trip.
#[test]
fn a_probe_raises_the_long_term_bound_faster_each_round() {
    let mut path = path();
    path.run_to(State::Up);
    path.bbr.inflight_longterm = path.bbr.cwnd;
    let mut grown = Vec::new();
    for _ in 0..4 {
        // A window is acknowledged that was full.
        let before = path.bbr.inflight_longterm;
        path.bbr.cwnd = before;
        path.bbr.rounds.start = true;
        path.bbr.update_probe_bw(&Ack { newly_acked: before, cwnd_full: true, ..ack(&path) });
        grown.push(path.bbr.inflight_longterm - before);
    }
    assert_eq!(grown, [1, 2, 4, 8]);
}

/// §5.5.10.2: what is more than 2 % is too much, and a probe is answered once.
#[test]
fn more_than_two_in_a_hundred_end_a_probe_once() {
    let losses = |path: &Path, in_flight, lost: u32| {
        let worst = WorstLoss { in_flight, lost, delivered: in_flight - lost, segments: 1, app_limited: false };
        let losses = Losses { ranges: 1, worst: Some(worst) };
        AckSample { selective: true, losses, ..AckSample::new(path.now, 1, MSS) }
    };
    for (lost, ends) in [(10, false), (11, true)] {
        let mut path = path();
        path.run_to(State::Up);
        let sample = losses(&path, 500, lost);
        path.bbr.handle_losses(&sample);
        assert_eq!((path.bbr.probing.too_high, path.bbr.state == State::Down), (ends, ends), "{lost} of 500");
        let bound = path.bbr.inflight_longterm;
        let more = losses(&path, 100, 50);
        if ends {
            path.bbr.handle_losses(&more);
            assert_eq!((path.bbr.inflight_longterm, bound), (499, 499));
        }
    }
}

/// A loss that is known late has seen more pass than was in flight, and more losses among it: the share is what counts.
#[test]
fn losses_that_are_known_late_are_a_share_of_all_that_passed() {
    for (passed, is_too_much) in [(500, true), (999, true), (1000, false)] {
        let mut path = path();
        path.run_to(State::Up);
        let worst = WorstLoss { in_flight: 500, lost: 20, delivered: passed - 20, segments: 1, app_limited: false };
        let losses = Losses { ranges: 1, worst: Some(worst) };
        let late = AckSample { losses, ..AckSample::new(path.now, 1, MSS) };
        let too_much = Ack { lost: 20, delivered: passed - 20, tx_in_flight: 500, ..ack(&path) };
        assert_eq!(path.bbr.is_inflight_too_high(&too_much), is_too_much, "20 of {passed} when it arrived");
        path.bbr.handle_losses(&late);
        assert_eq!(path.bbr.state == State::Down, is_too_much, "20 of {passed} when it was lost");
    }
}

/// §5.3.3.5.4: after a probe that was too much the next one ends at the bound; if that was safe, a whole one follows at once.
#[test]
fn a_careful_probe_is_followed_by_a_whole_one() {
    let mut path = path();
    path.run_to(State::Up);
    path.bbr.probing.too_high = true;
    path.bbr.inflight_longterm = path.bdp();
    let full = Ack { in_flight: path.bdp(), ..ack(&path) };
    path.bbr.update_probe_bw(&full);
    assert_eq!(path.bbr.state, State::Down);
    let down = path.now;
    path.run_to(State::Refill);
    assert!(path.now.since(down) <= 3 * path.rtt, "not seconds later: {:?}", path.now.since(down));
}

#[test]
fn no_bound_leaves_less_than_four_segments() {
    let mut path = path();
    path.run_to(State::Cruise);
    path.bbr.inflight_shortterm = 1;
    let none = ack(&path);
    path.bbr.set_cwnd(&none);
    assert_eq!(path.bbr.cwnd, 4);
}

/// §5.3.3.5.3: while the long-term bound is what limits, a rate that does not grow tells nothing of the path.
#[test]
fn a_bound_is_no_full_pipe() {
    let mut path = path();
    path.run_to(State::Up);
    path.bbr.inflight_longterm = path.bbr.cwnd;
    path.bbr.full.now = true;
    let full = Ack { cwnd_full: true, ..ack(&path) };
    path.bbr.update_probe_bw(&full);
    assert_eq!((path.bbr.state, path.bbr.full.now), (State::Up, false));
}

/// §5.3.4.3: a pause has emptied the queue as well as a probe would.
#[test]
fn after_a_pause_the_round_trip_is_not_probed() {
    let mut path = path();
    path.run_to(State::Cruise);
    let heard = Ack { delivered: 1, ..ack(&path) };
    path.bbr.min_rtt.expired = true;
    path.bbr.idle_restart = true;
    path.bbr.check_probe_rtt(&heard);
    assert_eq!((path.bbr.state, path.bbr.idle_restart), (State::Cruise, false));
    path.bbr.check_probe_rtt(&heard);
    assert_eq!(path.bbr.state, State::ProbeRtt);
}

/// §5.5.5: what the application limited tells nothing, if it is less than was known.
#[test]
fn a_low_rate_of_the_application_is_no_bandwidth() {
    let mut path = path();
    path.run_to(State::Cruise);
    let bw = path.bbr.max_bw.get();
    path.bbr.max_bw.advance();
    let low = Ack { rate: bw / 2, ..ack(&path) };
    path.bbr.update_max_bw(&low);
    path.bbr.max_bw.advance();
    assert_eq!(path.bbr.max_bw.get(), bw);
    path.bbr.update_max_bw(&Ack { app_limited: false, ..low });
    path.bbr.max_bw.advance();
    assert_eq!(path.bbr.max_bw.get(), bw / 2);
}

#[test]
fn cruise_leaves_headroom_below_the_long_term_bound() {
    let mut bbr = path().bbr;
    assert_eq!(bbr.inflight_with_headroom(), NO_BOUND);
    for (bound, expected) in [(100, 85), (3, 4), (10, 9)] {
        bbr.inflight_longterm = bound;
        assert_eq!(bbr.inflight_with_headroom(), expected);
    }
}

#[test]
fn losses_outside_of_probes_cut_by_three_tenths_at_the_most() {
    let mut path = path();
    path.run_to(State::Cruise);
    let bw = path.bbr.max_bw.get();
    path.lose_every = 10;
    while path.bbr.bw_shortterm == NO_RATE_BOUND {
        path.run_for(Duration::from_millis(1));
    }
    assert!(path.bbr.bw_shortterm < bw);
    assert!(path.bbr.bw_shortterm >= bw * 69 / 100, "{} of {bw}", path.bbr.bw_shortterm);
    assert!(path.bbr.bw <= path.bbr.bw_shortterm);
}

#[test]
fn every_five_seconds_the_queue_is_emptied_for_200_ms() {
    let mut path = path();
    path.run_to(State::ProbeRtt);
    let began = path.now;
    assert!((4_900..6_000).contains(&(began.as_millis())), "{began:?}");
    assert!(path.bbr.sends_less());
    let cwnd = path.bbr.cwnd;
    assert!(cwnd.abs_diff(path.bdp() / 2) <= path.bdp() / 20, "{cwnd}");
    let waits_for = path.bbr.probe_rtt.cwnd;
    assert!(waits_for.abs_diff(path.bdp() / 2) <= path.bdp() / 20, "the 200 ms begin there: {waits_for}");
    path.run_to(State::Cruise);
    let took = path.now.since(began);
    assert!((200..400).contains(&took.as_millis()), "{took:?}");
    assert!(path.bbr.cwnd > cwnd, "the window is back");
    let next = path.now;
    path.run_to(State::ProbeRtt);
    let next = path.now.since(next);
    assert!((4_900..6_000).contains(&next.as_millis()), "{next:?}");
}

#[test]
fn a_longer_path_is_believed_after_ten_seconds() {
    let mut path = path();
    path.run_to(State::Cruise);
    path.rtt *= 2;
    path.run_for(Duration::from_secs(8));
    assert!(path.phases.contains(&State::ProbeRtt));
    assert!(path.bbr.min_rtt.get() < Duration::from_millis(60), "the queue was emptied, and what was known is kept");
    path.run_for(Duration::from_secs(4));
    assert!(path.bbr.min_rtt.get() >= Duration::from_millis(100), "{:?}", path.bbr.min_rtt.get());
    assert!(path.bbr.min_rtt.get() < Duration::from_millis(110));
}

#[test]
fn after_a_pause_it_paces_at_the_bandwidth() {
    let mut path = path();
    path.run_to(State::Up);
    let pause =
        SentSample { idle: Some(Duration::from_secs(11)), app_limited: true, ..SentSample::new(path.now, MSS, 1, MSS) };
    path.bbr.on_sent(&pause);
    assert!(path.bbr.idle_restart);
    assert_eq!(path.bbr.pacing_rate, path.bbr.bw - path.bbr.bw / 100);
}

#[test]
fn a_timeout_leaves_one_segment_and_what_was_known_comes_back() {
    let mut path = path();
    path.run_to(State::Cruise);
    let window = path.bbr.cwnd;
    path.bbr.on_rto(&LossSample::new(path.now, 500, MSS), false);
    assert_eq!(path.bbr.window(), 1);
    path.bbr.follow_recovery(false);
    assert_eq!(path.bbr.window(), window);
}

#[test]
fn losses_that_were_none_are_taken_back() {
    let mut path = Path::new(10_000, 50, 50);
    path.run_to(State::Drain);
    assert_eq!(path.bbr.undo.state, Some(State::Startup));
    path.bbr.on_undo();
    assert_eq!((path.bbr.state, path.bbr.full.reached), (State::Startup, false));
    assert_eq!(path.bbr.inflight_longterm, NO_BOUND);
    path.run_to(State::Up);
    path.bbr.inflight_longterm = 2000;
    path.bbr.probing.too_high = false;
    path.run_to(State::Down);
    assert_eq!(path.bbr.undo.state, Some(State::Up));
    path.bbr.on_undo();
    assert_eq!(path.bbr.state, State::Refill);
}

#[test]
fn acks_that_come_bunched_widen_the_window() {
    let mut path = path();
    path.run_to(State::Cruise);
    let before = path.bbr.extra_acked.get();
    let bunch = Ack { newly_acked: 300, ..ack(&path) };
    path.bbr.rounds.start = false;
    path.bbr.update_ack_aggregation(&bunch);
    assert!(path.bbr.extra_acked.get() >= before.max(290), "{}", path.bbr.extra_acked.get());
}

/// What came before a pause is no surplus of what comes after it.
#[test]
fn after_a_pause_bunches_are_counted_anew() {
    let mut path = path();
    path.run_to(State::Cruise);
    let bunch = Ack { newly_acked: 300, ..ack(&path) };
    path.bbr.rounds.start = false;
    path.bbr.update_ack_aggregation(&bunch);
    path.bbr.extra_acked.max = [0; 2];
    // 10 ms are worth 100 segments.
    path.now += Duration::from_millis(10);
    let pause = SentSample {
        idle: Some(Duration::from_millis(5)),
        app_limited: true,
        ..SentSample::new(path.now, MSS, 1, MSS)
    };
    path.bbr.on_sent(&pause);
    path.bbr.update_ack_aggregation(&Ack { newly_acked: 2, now: path.now, ..ack(&path) });
    assert_eq!(path.bbr.extra_acked.get(), 2);
}

/// Google's version 3: a third of the share of marks, on short paths.
#[test]
fn marks_cut_on_short_paths_only() {
    let marked = |rtt_ms| {
        let mut path = Path::new(10_000, rtt_ms, 2000);
        path.run_to(State::Cruise);
        path.bbr.latest.loss = false;
        path.bbr.ecn = Ecn::default();
        let cwnd = path.bbr.cwnd;
        all_marked(&mut path);
        (cwnd, path.bbr.inflight_shortterm)
    };
    let (cwnd, bound) = marked(4);
    assert!(bound.abs_diff(cwnd * 2 / 3) <= 2, "{bound} of {cwnd}");
    assert_eq!(marked(50).1, NO_BOUND);
}

/// Google's version 3: a probe for bandwidth ends where half of what is delivered is marked, and its bound is remembered.
#[test]
fn marks_end_a_probe_on_short_paths_only() {
    let marked = |rtt_ms| {
        let mut path = Path::new(10_000, rtt_ms, 2000);
        path.run_to(State::Up);
        all_marked(&mut path);
        (path.bbr.probing.too_high, path.bbr.state, path.bbr.inflight_longterm, path.bdp())
    };
    let (too_high, state, bound, bdp) = marked(4);
    assert_eq!((too_high, state), (true, State::Down));
    assert!((bdp * 7 / 10..=bdp).contains(&bound), "{bound} of {bdp}");
    let (too_high, _, bound, _) = marked(50);
    assert_eq!((too_high, bound), (false, NO_BOUND));
}

/// Google's version 3: two round trips with half of the segments marked tell of a full pipe.
#[test]
fn marks_end_startup_on_short_paths_only() {
    for (rtt_ms, ends) in [(4, true), (50, false)] {
        let mut path = Path::new(100_000, rtt_ms, 2000);
        path.run_for(2 * path.rtt);
        assert_eq!(path.bbr.state, State::Startup);
        for round in 1..=4 {
            // The rate still grows: no plateau.
            let interval = path.rtt / (1000 << round);
            all_marked_in(&mut path, interval);
            path.delivered += 10;
        }
        assert_eq!((path.bbr.full.reached, path.bbr.inflight_longterm < NO_BOUND), (ends, ends), "{rtt_ms} ms");
    }
}

/// An ACK of ten segments, all with marks.
fn all_marked(path: &mut Path) {
    all_marked_in(path, path.rtt);
}

/// The same, of what took so long.
fn all_marked_in(path: &mut Path, interval: Duration) {
    let sample = AckSample {
        delivered: 10,
        ce: 10,
        in_flight: 10,
        rate: Some(RateSample {
            delivered: 10,
            delivered_ce: 10,
            lost: 0,
            in_flight: 20,
            prior_delivered: path.delivered,
            total_delivered: path.delivered + 10,
            interval,
            app_limited: false,
        }),
        ..AckSample::new(path.now, 10, MSS)
    };
    path.bbr.on_ack(&sample);
}

#[test]
fn what_is_told_of_it_is_in_linux_units() {
    let mut path = path();
    path.run_to(State::Cruise);
    let Some(ControllerInfo::Bbr { bw, min_rtt, pacing_gain, cwnd_gain }) = path.bbr.info() else { panic!() };
    assert_eq!((bw, pacing_gain, cwnd_gain), (path.bbr.bw, 256, 512));
    assert!((50..52).contains(&min_rtt.as_millis()), "{min_rtt:?}");
}

proptest::proptest! {
    #[test]
    fn any_course_of_events_is_survived(
        events in proptest::collection::vec((0_u8..6, 0_u32..u32::MAX, 0_u32..400_000, proptest::bool::ANY), 1..300),
    ) {
        let mut bbr = Bbr::new(&Start::new(10));
        let mut now = Instant::ZERO;
        for (what, n, micros, flag) in events {
            now += Duration::from_micros(micros.into());
            match what {
                0..=2 => bbr.on_ack(&AckSample {
                    rtt: flag.then(|| Duration::from_micros(micros.into())),
                    delivered: n % 100_000,
                    ce: n % 7,
                    in_flight: n >> 3,
                    cwnd_full: flag,
                    burst: n,
                    losses: Losses {
                        ranges: n % 3,
                        worst: (n % 3 > 0).then_some(WorstLoss {
                            in_flight: n >> 7,
                            lost: n % 50,
                            delivered: n.rotate_left(5),
                            segments: n % 70,
                            app_limited: flag,
                        }),
                    },
                    rate: (n % 5 > 0).then_some(RateSample {
                        delivered: n >> 4,
                        delivered_ce: n >> 9,
                        lost: n >> 20,
                        in_flight: n >> 2,
                        prior_delivered: n.rotate_left(9),
                        total_delivered: n.rotate_left(3),
                        interval: Duration::from_micros(u64::from(micros) % 1000),
                        app_limited: flag,
                    }),
                    ..AckSample::new(now, n % 100_000, n % 65_536)
                }),
                3 => bbr.on_loss(&LossSample::new(now, n, MSS)),
                4 => bbr.on_rto(&LossSample::new(now, n, MSS), flag),
                _ if flag => bbr.on_undo(),
                _ => bbr.on_sent(&SentSample { idle: Some(Duration::ZERO), app_limited: true, ..SentSample::new(now, n, n, n % 65_536) }),
            }
            proptest::prop_assert!(bbr.window() >= 1);
            proptest::prop_assert!(bbr.pacing_rate >= 1);
        }
    }
}
