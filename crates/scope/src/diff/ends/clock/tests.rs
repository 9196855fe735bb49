use super::*;
use proptest::prelude::*;

const MS: i64 = 1_000_000;

/// Packets every 50 ms for `seconds`, out and back: `delay` each way and up to `jitter` more, by clocks `ahead` apart that
/// part by `ppm`.
fn transits(ahead: i64, ppm: f64, delay: i64, jitter: &[i64], seconds: i64) -> (Vec<Transit>, Vec<Transit>) {
    let offset = |at: i64| ahead + (ppm * at as f64 / 1e6) as i64;
    let (mut out, mut back) = (Vec::new(), Vec::new());
    for n in 0..seconds * 20 {
        let at = n * 50 * MS;
        let more = |k: usize| jitter[(n as usize * 2 + k) % jitter.len()];
        out.push(Transit { at, took: delay + more(0) + offset(at) });
        let left = at + 20 * MS;
        back.push(Transit { at: left, took: delay + more(1) - offset(left) });
    }
    (out, back)
}

proptest! {
    /// What the minima of both ways are off by is at most the jitter, so their half difference by half of it.
    #[test]
    fn the_offset_is_recovered_within_half_the_jitter(
        ahead in -5_000_000 * MS..5_000_000 * MS,
        delay in 0..200 * MS,
        jitter in prop::collection::vec(0..10 * MS, 1..300),
    ) {
        let (out, back) = transits(ahead, 0.0, delay, &jitter, 4);
        let clock = Clock::estimate(&out, &back).expect("both ways");
        let most = jitter.iter().max().expect("some");
        prop_assert!((clock.ahead - ahead).abs() <= most / 2 + 1, "{clock:?}");
        prop_assert_eq!(clock.drift_ppm, 0.0);
    }

    #[test]
    fn drift_is_seen_where_the_clocks_part_by_more_than_the_jitter(
        ahead in -1000 * MS..1000 * MS,
        ppm in prop_oneof![-200.0..-60.0, 60.0..200.0],
        jitter in prop::collection::vec(0..MS, 100..300),
    ) {
        let (out, back) = transits(ahead, ppm, 10 * MS, &jitter, 60);
        let clock = Clock::estimate(&out, &back).expect("both ways");
        prop_assert!((clock.drift_ppm - ppm).abs() < ppm.abs() / 3.0, "{clock:?}");
        for at in [0, 30_000 * MS, 60_000 * MS] {
            let truth = ahead + (ppm * at as f64 / 1e6) as i64;
            prop_assert!((clock.ahead_at(at) - truth).abs() <= MS, "{clock:?} at {at}");
        }
    }
}

#[test]
fn one_way_alone_tells_nothing() {
    let (out, _) = transits(5, 0.0, MS, &[0], 1);
    assert_eq!(Clock::estimate(&out, &[]), None);
    assert_eq!(Clock::estimate(&[], &out), None);
}

#[test]
fn times_go_back_and_forth() {
    let clock = Clock { ahead: 3_000 * MS, at: 1_000 * MS, drift_ppm: 100.0 };
    for at in [0, 1_000 * MS, 500_000 * MS] {
        let by_server = at + clock.ahead_at(at);
        assert!((clock.to_client(by_server) - at).abs() < 10_000, "{at}");
    }
}
