use super::*;

const MSS: u16 = 1460;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn data(at: u64, len: u32, push: bool) -> ReceivedData {
    ReceivedData { now: ms(at), len, push, rto: millis(201), window: 65_535 }
}

fn fresh() -> DelayedAck {
    DelayedAck::new(MSS, MSS, 65_535)
}

/// One that has left quick ACK mode, at `at`.
fn settled(at: u64) -> DelayedAck {
    let mut ack = fresh();
    for i in 0..40 {
        let _ = ack.on_data(data(at - 40 + i, u32::from(MSS), false));
        let _ = ack.decide(ms(at - 40 + i), u32::from(MSS), true, None);
        ack.on_ack_sent();
    }
    ack
}

#[test]
fn a_connection_begins_by_acknowledging_at_once() {
    let mut ack = fresh();
    for i in 0..u64::from(MAX_QUICK_ACKS) {
        ack.on_data(data(i, u32::from(MSS), false));
        assert_eq!(ack.decide(ms(i), u32::from(MSS), true, None), AckDue::Now(TxReason::QuickAck), "{i}");
        ack.on_ack_sent();
    }
    ack.on_data(data(16, u32::from(MSS), false));
    assert_eq!(ack.decide(ms(16), u32::from(MSS), true, None), AckDue::At(ms(56)));
}

#[test]
fn quick_acks_are_half_a_window_at_most() {
    let mut ack = DelayedAck::new(MSS, MSS, 4 * 536);
    ack.on_data(ReceivedData { window: 4 * 1460, ..data(0, 1460, false) });
    assert_eq!(ack.quick, 2);
}

#[test]
fn every_second_full_segment_is_acknowledged() {
    let mut ack = settled(100);
    ack.on_data(data(101, 1460, false));
    assert!(matches!(ack.decide(ms(101), 1460, true, None), AckDue::At(_)));
    ack.on_data(data(102, 1460, false));
    assert_eq!(ack.decide(ms(102), 2920, true, None), AckDue::Now(TxReason::Ack));
    ack.on_ack_sent();
    assert_eq!(ack.deadline(), None, "the timer went with it");
    assert!(!ack.is_scheduled());
}

#[test]
fn a_reader_that_does_not_keep_up_leaves_it_to_the_timer() {
    let mut ack = settled(100);
    ack.on_data(data(101, 1460, false));
    ack.on_data(data(102, 1460, false));
    assert!(matches!(ack.decide(ms(102), 2920, false, None), AckDue::At(_)));
}

#[test]
fn the_delay_runs_from_the_first_unacknowledged() {
    let mut ack = settled(100);
    ack.on_data(data(101, 100, true));
    assert_eq!(ack.decide(ms(101), 100, true, None), AckDue::At(ms(141)));
    ack.on_data(data(115, 100, true));
    assert_eq!(ack.decide(ms(115), 200, true, None), AckDue::At(ms(141)));
    // Nearly due: no use in waiting on.
    ack.on_data(data(132, 100, true));
    assert_eq!(ack.decide(ms(132), 300, true, None), AckDue::Now(TxReason::DelayedAck));
}

#[test]
fn the_timeout_sends_it_and_learns() {
    let mut ack = settled(100);
    ack.on_data(data(101, 100, true));
    let _ = ack.decide(ms(101), 100, true, None);
    assert!(!ack.on_timeout(ms(140), millis(500)), "too early");
    assert!(ack.on_timeout(ms(141), millis(500)));
    assert_eq!(ack.ato(), millis(80), "the peer is slower than thought");
    ack.on_ack_sent();
    assert!(!ack.on_timeout(ms(200), millis(500)), "none is pending");
}

#[test]
fn the_delay_follows_the_gap_between_segments_within_its_bounds() {
    let mut ack = settled(100);
    let mut now = 140;
    for _ in 0..10 {
        now += 30;
        ack.on_data(data(now, 100, false));
    }
    assert!((45..=60).contains(&ack.ato().as_millis()), "{:?}", ack.ato());
    // However slow the peer is, the delay is bounded.
    ack.ato = Duration::from_secs(1);
    let AckDue::At(due) = ack.decide(ms(now), 100, true, None) else { panic!("not now") };
    assert_eq!(due, ms(now) + DELAY_MAX);
    // A short round trip bounds it as well.
    ack.on_ack_sent();
    ack.ato = millis(150);
    assert_eq!(ack.decide(ms(now), 100, true, Some(millis(60))), AckDue::At(ms(now + 60)));
}

#[test]
fn an_answering_connection_waits_for_its_answer() {
    let mut ack = fresh();
    ack.on_data(data(0, 100, true));
    ack.on_data_sent(ms(5));
    assert!(ack.is_pingpong());
    ack.on_ack_sent();
    ack.on_data(data(10, 100, true));
    assert!(matches!(ack.decide(ms(10), 100, true, None), AckDue::At(_)), "quick ACKs are left, but an answer is near");
    // No answer came.
    assert!(ack.on_timeout(ms(60), millis(201)));
    assert!(!ack.is_pingpong());
    assert_eq!(ack.ato(), ATO_MIN);
}

#[test]
fn data_sent_long_after_is_no_answer() {
    let mut ack = fresh();
    ack.on_data(data(0, 100, true));
    ack.on_data_sent(ms(41));
    assert!(!ack.is_pingpong());
}

#[test]
fn trouble_brings_quick_acks_back() {
    let mut ack = settled(100);
    ack.enter_pingpong();
    ack.enter_quick(65_535, MAX_QUICK_ACKS);
    assert!(!ack.is_pingpong() && ack.is_scheduled());
    assert_eq!(ack.decide(ms(101), 0, true, None), AckDue::Now(TxReason::QuickAck));
}

#[test]
fn silence_brings_quick_acks_back() {
    let mut ack = settled(100);
    ack.on_data(data(1000, 1460, false));
    assert_eq!(ack.decide(ms(1000), 1460, true, None), AckDue::Now(TxReason::QuickAck));
}

const COMPRESSION: Compression =
    Compression { most: 44, delay: Duration::from_millis(1), rtt: Duration::from_millis(100) };

/// As Linux: three duplicate ACKs are what fast retransmit waits for; the rest of a burst may come as one.
#[test]
fn after_three_duplicate_acks_the_rest_is_compressed() {
    let mut ack = settled(100);
    let mut ahead = |at, compression| {
        let _ = ack.on_data_ahead(data(at, 1460, false));
        let due = ack.decide_ahead(ms(at), SeqNum(1), compression);
        if matches!(due, AckDue::Now(_)) {
            ack.on_ack_sent();
        }
        (due, ack.compressed())
    };
    for _ in 0..3 {
        assert_eq!(ahead(101, COMPRESSION), (AckDue::Now(TxReason::DuplicateAck), 0));
    }
    let due = AckDue::At(ms(102) + COMPRESSION_SLACK);
    assert_eq!(ahead(101, COMPRESSION), (due, 1));
    for nth in 2..=44 {
        assert_eq!(ahead(101, COMPRESSION), (due, nth), "its time does not move");
    }
    assert_eq!(ahead(101, COMPRESSION), (AckDue::Now(TxReason::DuplicateAck), 0), "they are bounded");
    let near = Compression { rtt: millis(1), ..COMPRESSION };
    assert_eq!(ahead(102, near).0, AckDue::At(ms(102) + Duration::from_micros(150)), "a twentieth of the round trip");
    let none = Compression { most: 0, ..COMPRESSION };
    assert_eq!(ahead(102, none), (AckDue::Now(TxReason::DuplicateAck), 0));
}

#[test]
fn progress_begins_the_count_of_duplicate_acks_anew() {
    let mut ack = settled(100);
    for rcv_nxt in 1..4 {
        for _ in 0..3 {
            assert_eq!(ack.decide_ahead(ms(101), SeqNum(rcv_nxt), COMPRESSION), AckDue::Now(TxReason::DuplicateAck));
        }
        assert!(matches!(ack.decide_ahead(ms(101), SeqNum(rcv_nxt), COMPRESSION), AckDue::At(_)));
        assert!(ack.on_timeout(ms(103), millis(201)), "the compressed ones leave");
        ack.on_ack_sent();
    }
    assert_eq!(ack.ato(), ATO_MIN, "which says nothing about the peer's answers");
}

#[test]
fn only_an_ack_that_was_owed_uses_a_quick_one_up() {
    let mut ack = fresh();
    let _ = ack.on_data(data(0, 1460, false));
    ack.on_ack_sent();
    ack.on_ack_sent();
    assert_eq!(ack.quick, MAX_QUICK_ACKS - 1);
    ack.no_hurry();
    ack.hurry();
    assert_eq!(ack.quick, 1);
}

#[test]
fn quick_acks_can_be_asked_for_and_done_without() {
    let mut ack = settled(100);
    ack.enter_pingpong();
    assert!(!ack.leave_pingpong(), "nothing is owed");
    let _ = ack.on_data(data(101, 1460, false));
    ack.enter_pingpong();
    assert!(ack.leave_pingpong());
    assert!(ack.on_read(1, true, 1460), "and it leaves as soon as nothing waits to be read");
    let mut ack = fresh();
    ack.enter_pingpong();
    assert_eq!(ack.defer_handshake(ms(0), 65_535), ms(200));
    assert!(ack.on_timeout(ms(200), millis(1000)));
}

#[test]
fn a_reader_that_takes_all_of_a_short_message_acknowledges() {
    let mut ack = settled(100);
    ack.on_data(data(101, 100, true));
    let _ = ack.decide(ms(101), 100, true, None);
    assert!(!ack.on_read(50, false, 100), "more is waiting");
    assert!(ack.on_read(50, true, 100));
    ack.enter_pingpong();
    assert!(!ack.on_read(50, true, 100), "an answer may come");
    ack.on_data(data(102, 100, true));
    assert!(ack.on_read(50, true, 200), "two messages without an answer");
    ack.on_ack_sent();
    assert!(!ack.on_read(50, true, 5000), "nothing is owed");
}

#[test]
fn the_segment_size_is_learnt() {
    let mut ack = fresh();
    assert_eq!(ack.rcv_mss(), 536, "careful at first");
    ack.on_data(data(0, 1448, false));
    assert_eq!(ack.rcv_mss(), 1448);
    ack.on_data(data(1, 60_000, false));
    assert_eq!(ack.rcv_mss(), 1460, "no larger than what we told");
    ack.on_data(data(2, 1000, false));
    assert_eq!(ack.rcv_mss(), 1460);
    ack.on_data(data(3, 1000, false));
    assert_eq!(ack.rcv_mss(), 1000, "twice the same");
    ack.on_data(data(4, 1, true));
    ack.on_data(data(5, 1, true));
    assert_eq!(ack.rcv_mss(), 1000, "keystrokes tell nothing");
    assert_eq!(DelayedAck::new(60, 60, 10).rcv_mss(), 88);
}

#[test]
fn it_is_small() {
    assert!(size_of::<DelayedAck>() <= 64, "{}", size_of::<DelayedAck>());
}
