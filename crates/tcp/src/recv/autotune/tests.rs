use super::*;

const RTT: Duration = Duration::from_millis(50);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// A connection of Linux 6.18 over 50 ms, with what it reads in each round trip; the windows are its own, but for
/// the rounding of its memory (`tcp:tcp_rcvbuf_grow`).
#[test]
fn it_grows_as_linux_does() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 40_960);
    let mut read_to = SeqNum(0);
    let windows = [49_152, 86_016, 139_264, 307_200].map(|read| {
        read_to += read;
        let now = sizing.since + RTT;
        sizing.on_read(now, read_to, 0, RTT).expect("it grows").window(0, 0)
    });
    assert_eq!(windows, [137_624, 430_080, 623_372, 2_096_188]);
}

#[test]
fn less_than_a_round_trip_says_nothing() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    assert_eq!(sizing.on_read(at(49), SeqNum(50_000), 0, RTT), None);
    assert!(sizing.on_read(at(50), SeqNum(50_000), 0, RTT).is_some(), "it was measured from the beginning on");
    assert_eq!(sizing.on_read(at(99), SeqNum(150_000), 0, RTT), None, "and this is the next");
}

#[test]
fn without_an_estimate_nothing_is_measured() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    assert_eq!(sizing.on_read(at(5_000), SeqNum(50_000), 0, Duration::ZERO), None);
    assert_eq!(sizing.on_read(at(5_001), SeqNum(50_000), 0, RTT).unwrap().now, 50_000);
}

#[test]
fn what_lies_unread_does_not_count() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    assert_eq!(sizing.on_read(at(50), SeqNum(30_000), 20_000, RTT), None);
    assert_eq!(sizing.on_read(at(100), SeqNum(31_000), u32::MAX, RTT), None, "whatever the peer makes of it");
    assert_eq!(sizing.space(), 10_000);
}

#[test]
fn it_never_falls_but_with_the_window() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    assert!(sizing.on_read(at(50), SeqNum(40_000), 0, RTT).is_some());
    assert_eq!(sizing.on_read(at(100), SeqNum(50_000), 0, RTT), None);
    assert_eq!(sizing.space(), 40_000);
    sizing.bound(20_000);
    assert_eq!(sizing.space(), 20_000);
}

#[test]
fn what_is_out_of_order_needs_room_besides() {
    let sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    assert_eq!(sizing.unchanged().window(7_000, 3_000), 30_000);
}

/// A hole that takes three round trips to be filled: what comes behind it counts when it comes, at the rate at which it does.
#[test]
fn what_cannot_be_read_yet_counts_when_it_comes() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    let mut ahead = 0;
    for (round, came) in [20_000, 40_000, 80_000].into_iter().enumerate() {
        ahead += came;
        let growth = sizing.on_read(at(50 * (round as u64 + 1)), SeqNum(0) + ahead, 0, RTT);
        assert!(growth.is_some(), "the peer may double its rate though nothing could be read");
        assert_eq!(sizing.space(), came);
    }
    // The hole is filled and all is read: nothing comes twice.
    assert_eq!(sizing.on_read(at(200), SeqNum(0) + ahead + 1_000, 0, RTT), None);
    assert_eq!(sizing.space(), 80_000);
}

/// The hole is filled, but the application reads a round trip later.
#[test]
fn what_counted_when_it_came_does_not_count_when_it_is_read() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 10_000);
    assert_eq!(sizing.on_read(at(50), SeqNum(80_000), 0, RTT).unwrap().now, 80_000, "all of it behind a hole");
    assert_eq!(sizing.on_read(at(100), SeqNum(1), 81_000, RTT), None, "now it lies there to be read");
    assert_eq!(
        sizing.on_read(at(150), SeqNum(121_000), 0, RTT),
        None,
        "all was read, and 40,000 bytes of a round trip more"
    );
    assert_eq!(sizing.space(), 80_000);
}

#[test]
fn nothing_overflows() {
    let mut sizing = RightSizing::new(at(0), SeqNum(0), 0);
    let growth = sizing.on_read(at(50), SeqNum(i32::MAX as u32), 0, RTT).unwrap();
    assert_eq!(growth.window(u32::MAX, u32::MAX), u32::MAX);
}
