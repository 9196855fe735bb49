use super::*;
use limpid_wire::SeqNum;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

/// What was sent at `sent_at` with `snapshot` is delivered.
fn newest(sent_at: Instant, snapshot: Snapshot) -> Delivered {
    Delivered { sent_at, end: SeqNum(0), retransmitted: false, snapshot }
}

fn ack(now: Instant, segments: u32, newest: &Delivered) -> Delivering<'_> {
    Delivering { now, segments, ce: 0, newest: Some(newest), lost: 0, min_rtt: None }
}

#[test]
fn a_flight_is_delivered_in_a_round_trip() {
    let mut delivery = Delivery::new();
    let sent = delivery.on_sent(ms(100), true, 10, 0);
    let sample = delivery.on_ack(ack(ms(150), 10, &newest(ms(100), sent))).unwrap();
    assert_eq!((sample.delivered, sample.interval), (10, Duration::from_millis(50)));
    assert_eq!((sample.prior_delivered, sample.total_delivered, sample.in_flight), (1, 11, 10));
    assert_eq!(delivery.rate(1000), (200_000, false));
    assert_eq!(sample.rate(1000), 200_000);
}

/// ACKs that were bunched would tell of a rate at which nothing was sent.
#[test]
fn the_longer_of_sending_and_acknowledging_counts() {
    let mut delivery = Delivery::new();
    let first = delivery.on_sent(ms(0), true, 1, 0);
    let second = delivery.on_sent(ms(80), false, 2, 0);
    delivery.on_ack(ack(ms(100), 1, &newest(ms(0), first)));
    let sample = delivery.on_ack(ack(ms(101), 1, &newest(ms(80), second))).unwrap();
    assert_eq!(sample.interval, Duration::from_millis(101), "the ACKs took longer than 80 ms");
    let third = delivery.on_sent(ms(300), false, 1, 0);
    let sample = delivery.on_ack(ack(ms(301), 1, &newest(ms(300), third))).unwrap();
    assert_eq!(sample.interval, Duration::from_millis(220), "sent 220 ms after the one before");
}

#[test]
fn what_is_faster_than_the_path_is_no_rate() {
    let mut delivery = Delivery::new();
    let sent = delivery.on_sent(ms(0), true, 1, 0);
    let newest = newest(ms(0), sent);
    let fast = Delivering { min_rtt: Some(Duration::from_millis(50)), ..ack(ms(40), 1, &newest) };
    assert_eq!(delivery.on_ack(fast).unwrap().rate(1000), 0);
    assert_eq!(delivery.rate(1000), (0, true), "nothing is known yet");
}

/// 20 ms after it was sent again comes the ACK of what was sent first.
#[test]
fn what_arrives_soon_after_it_was_sent_again_is_no_rate() {
    for (arrives, rate) in [(120, 0), (150, 10_000)] {
        let mut delivery = Delivery::new();
        let first = delivery.on_sent(ms(0), true, 1, 0);
        delivery.on_ack(ack(ms(50), 1, &newest(ms(0), first)));
        let again = delivery.on_sent(ms(100), false, 1, 1);
        let again = Delivered { retransmitted: true, ..newest(ms(100), again) };
        let ack = Delivering { min_rtt: Some(Duration::from_millis(50)), ..ack(ms(arrives), 1, &again) };
        assert_eq!(delivery.on_ack(ack).unwrap().rate(1000), rate, "{arrives} ms");
    }
}

/// What is found not to be lost is taken off; what left in between has seen no loss, and not four milliards.
#[test]
fn losses_that_were_none_leave_no_trace() {
    let mut delivery = Delivery::new();
    let sent = delivery.on_sent(ms(0), true, 1, 3);
    let sample = |lost| delivery.clone().on_ack(Delivering { lost, ..ack(ms(50), 1, &newest(ms(0), sent)) }).unwrap();
    assert_eq!(sample(5).lost, 2);
    assert_eq!(sample(2).lost, 0);
}

#[test]
fn a_bubble_limits_until_it_is_gone() {
    let mut delivery = Delivery::new();
    delivery.limit(2);
    let sent = delivery.on_sent(ms(0), true, 3, 0);
    let sample = delivery.on_ack(ack(ms(50), 2, &newest(ms(0), sent))).unwrap();
    assert!(sample.app_limited && delivery.is_app_limited(), "the bubble is still in flight");
    delivery.on_ack(ack(ms(51), 1, &newest(ms(0), sent)));
    assert!(!delivery.is_app_limited());
}

#[test]
fn a_limited_sample_counts_only_if_it_is_faster() {
    let mut delivery = Delivery::new();
    let send = |delivery: &mut Delivery, at| newest(ms(at), delivery.on_sent(ms(at), true, 10, 0));
    let flight = send(&mut delivery, 0);
    delivery.on_ack(ack(ms(50), 10, &flight));
    delivery.limit(0);
    let little = send(&mut delivery, 100);
    delivery.on_ack(ack(ms(150), 2, &little));
    assert_eq!(delivery.rate(1000), (200_000, false));
    delivery.limit(0);
    let more = send(&mut delivery, 200);
    delivery.on_ack(ack(ms(250), 20, &more));
    assert_eq!(delivery.rate(1000), (400_000, true));
}

#[test]
fn marks_and_losses_are_counted_from_when_the_segment_left() {
    let mut delivery = Delivery::new();
    let before = newest(ms(0), delivery.on_sent(ms(0), true, 10, 7));
    delivery.on_ack(Delivering { ce: 3, ..ack(ms(10), 5, &before) });
    let sent = newest(ms(10), delivery.on_sent(ms(10), false, 10, 8));
    let sample = delivery.on_ack(Delivering { ce: 2, lost: 12, ..ack(ms(20), 5, &sent) }).unwrap();
    assert_eq!((sample.delivered_ce, sample.lost), (2, 4));
    assert_eq!(delivery.delivered_ce, 5);
}

#[test]
fn counts_wrap() {
    let mut delivery = Delivery { delivered: u32::MAX - 1, ..Delivery::new() };
    delivery.limit(4);
    let sent = newest(ms(1), delivery.on_sent(ms(1), true, 5, u32::MAX));
    let sample = delivery.on_ack(Delivering { lost: 1, ..ack(ms(2), 5, &sent) }).unwrap();
    assert_eq!((sample.delivered, sample.lost, sample.total_delivered), (5, 2, 3));
    assert!(!delivery.is_app_limited());
}
