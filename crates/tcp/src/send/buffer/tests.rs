use super::*;

fn demand(mss: u32, cwnd: u32) -> Demand {
    Demand { mss, cwnd, reordering: 3, windows: 2 }
}

/// What SO_SNDBUF tells on Linux 6.18 right after connect, by the peer's MSS.
#[test]
fn the_sizes_that_linux_begins_with() {
    let of = |mss| expanded(16_384, demand(mss, 10), 4_194_304);
    assert_eq!([536, 1460, 1536, 1537, 65_483].map(of), [46_080, 46_080, 46_080, 87_040, 2_626_560]);
}

#[test]
fn it_follows_the_congestion_window_up_to_the_most() {
    let of = |cwnd| expanded(87_040, demand(1537, cwnd), 4_194_304);
    assert_eq!([1, 10, 20, 100, 1000, u32::MAX].map(of), [87_040, 87_040, 174_080, 870_400, 4_194_304, 4_194_304]);
}

#[test]
fn it_never_shrinks() {
    assert_eq!(expanded(500_000, demand(1537, 10), 4_194_304), 500_000);
    assert_eq!(expanded(16_384, demand(1537, 1000), 4096), 16_384, "although the most is less");
}

/// Deep reordering needs more than the window: what was overtaken is held, too.
#[test]
fn reordering_counts() {
    let deep = Demand { reordering: 299, ..demand(1537, 10) };
    assert_eq!(deep.memory(), 2 * 300 * 4352);
}

/// Where a round trip takes microseconds a buffer is as large as the rate asks for, and elsewhere nothing is changed.
#[test]
fn near_paths_need_little() {
    let micros = |n| Some(Duration::from_micros(n));
    let enough = 1 << 18;
    let near = |in_flight, srtt, least| near(enough, in_flight, micros(srtt), micros(least));
    assert_eq!(near(1 << 18, 400, 20), enough, "half of it waits");
    // 100 Gb/s over 200 µs are 2.5 MB: more than enough has to fit, and does.
    assert_eq!(near(1 << 18, 200, 200), (1 << 18) * 7 / 2);
    assert_eq!(near(2_500_000, 200, 200), 8_750_000);
    assert_eq!(near(2_500_000, 700, 200), 2_500_000, "it grows no further when what is more only waits");
    // Others have filled a queue, or the round trips vary by themselves.
    assert!(near(1 << 18, 750, 300) > (1 << 18) * 5 / 4, "it grows");
    assert_eq!(near(1 << 18, 2_500, 500), 1 << 20, "not near now");
    assert_eq!(near(1 << 18, 80_000, 300), usize::MAX, "once near: who answered was not who answers now");
    assert_eq!(near(u32::MAX, 1000, 1000), usize::MAX, "not near");
    assert_eq!(super::near(enough, 1 << 30, None, None), usize::MAX, "not measured yet");
    assert_eq!(near(0, 0, 0), enough);
}
