use super::*;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use proptest::prelude::*;

mod model;

const ISS: u32 = 1000;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock::new(SeqNum(left), SeqNum(right)).unwrap()
}

/// Ten segments of 100 bytes, one each millisecond from 0 on.
fn ten() -> SentRecords {
    let mut records = SentRecords::new(SeqNum(ISS));
    for i in 0..10 {
        records.on_sent(SeqNum(ISS + 100 * (i + 1)), ms(u64::from(i)), Snapshot::default(), Shape::SINGLE);
    }
    records
}

fn shape(records: &SentRecords) -> Vec<(u32, u32, bool, bool, bool)> {
    let of = |r: &Record| (r.start.0, r.end.0, r.is_sacked(), r.is_lost(), r.is_resent());
    records.iter().map(of).collect()
}

#[test]
fn what_is_sent_in_one_piece_is_one_record_of_many_segments() {
    let mut records = SentRecords::new(SeqNum(ISS));
    let shape = Shape { segment: 1000, fin: true, ..Shape::SINGLE };
    records.on_sent(SeqNum(ISS + 4501), ms(5), Snapshot::default(), shape);
    records.on_sent(SeqNum(ISS + 4511), ms(5), Snapshot::default(), Shape::SINGLE);
    assert_eq!((records.count(), records.segments_out()), (2, 6));
    // As Linux, what is left of it is counted anew.
    let acked = records.on_ack(SeqNum(ISS + 2999), &[], ms(9));
    assert_eq!((acked.acked, acked.acked_segments, records.segments_out()), (2999, 3, 3));
    let acked = records.on_ack(SeqNum(ISS + 4501), &[], ms(9));
    assert_eq!((acked.acked_segments, records.segments_out()), (2, 1));
}

/// As Linux: an ACK that ends inside a segment tells no round trip.
#[test]
fn a_part_of_a_segment_is_no_sample() {
    let mut records = ten();
    let acked = records.on_ack(SeqNum(ISS + 50), &[], ms(50));
    assert_eq!((acked.acked, acked.acked_segments, acked.rtt()), (50, 0, None));
}

#[test]
fn small_segments_are_joined_for_a_retransmission() {
    let mut records = ten();
    records.on_ack(SeqNum(ISS), &[block(ISS + 700, ISS + 800)], ms(20));
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 100));
    records.collapse(SeqNum(ISS), 350, SeqNum(ISS + 900));
    assert_eq!(records.first().map(Record::seq_len), Some(300), "three fit");
    assert_eq!((records.segments_out(), records.lost(), records.segments_lost()), (8, 300, 1));
    records.collapse(SeqNum(ISS), 5000, SeqNum(ISS + 599));
    assert_eq!(records.first().map(Record::seq_len), Some(500), "up to the end of the window");
    records.collapse(SeqNum(ISS), 5000, SeqNum(ISS + 900));
    assert_eq!(records.first().map(Record::seq_len), Some(700), "not what is sacked");
    model::check(&records);
    let mut records = SentRecords::new(SeqNum(ISS));
    let shape = Shape { record_end: true, ..Shape::SINGLE };
    for i in 1..=3 {
        records.on_sent(SeqNum(ISS + i), ms(1), Snapshot::default(), if i == 2 { shape } else { Shape::SINGLE });
    }
    records.collapse(SeqNum(ISS), 5000, SeqNum(ISS + 900));
    assert_eq!(records.first().map(Record::seq_len), Some(2), "not across the end of a record");
}

#[test]
fn an_ack_tells_how_much_and_how_old() {
    let mut records = ten();
    let acked = records.on_ack(SeqNum(ISS + 300), &[], ms(50));
    assert_eq!((acked.acked, acked.delivered, acked.sacked), (300, 300, 0));
    assert_eq!(acked.rtt(), Some(millis(50)), "of the oldest");
    assert_eq!(acked.newest_rtt(), Some(millis(48)));
    assert_eq!(acked.newest.unwrap().end, SeqNum(ISS + 300));
    assert_eq!((records.snd_una(), records.in_flight()), (SeqNum(ISS + 300), 700));
}

#[test]
fn an_ack_may_end_inside_a_record() {
    let mut records = ten();
    let acked = records.on_ack(SeqNum(ISS + 150), &[], ms(50));
    assert_eq!((acked.acked, acked.newest_rtt()), (150, Some(millis(50))), "of the segment that it acknowledges");
    assert_eq!(records.first().unwrap().start(), SeqNum(ISS + 150));
}

#[test]
fn acks_of_nothing_new_or_of_the_future_change_nothing() {
    let mut records = ten();
    for una in [ISS, ISS - 1, ISS + 1001, ISS + (1 << 31)] {
        let acked = records.on_ack(SeqNum(una), &[], ms(50));
        assert_eq!((acked.acked, acked.delivered), (0, 0));
    }
    assert_eq!(records.outstanding(), 1000);
}

#[test]
fn no_round_trip_time_comes_from_what_was_sent_twice() {
    // RFC 6298 §3, Karn's algorithm.
    let mut records = ten();
    assert_eq!(records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 100), ms(20), Snapshot::default(), 100), 1);
    assert_eq!(records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 100), ms(30), Snapshot::default(), 100), 2);
    let acked = records.on_ack(SeqNum(ISS + 300), &[], ms(50));
    assert!(acked.retransmitted);
    assert_eq!((acked.rtt(), acked.newest_rtt()), (None, None));
    let newest = acked.newest.unwrap();
    assert_eq!((newest.sent_at, newest.retransmitted), (ms(30), true));
}

#[test]
fn a_sack_block_gives_a_round_trip_time_where_the_ack_can_not() {
    let mut records = ten();
    records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 100), ms(20), Snapshot::default(), 100);
    let acked = records.on_ack(SeqNum(ISS + 100), &[block(ISS + 300, ISS + 500)], ms(50));
    assert_eq!(acked.rtt(), Some(millis(47)));
    assert_eq!(acked.newest_rtt(), Some(millis(46)));
}

#[test]
fn a_block_inside_a_super_segment_cuts_it() {
    let mut records = SentRecords::new(SeqNum(ISS));
    records.on_sent(SeqNum(ISS + 60_000), ms(0), Snapshot::default(), Shape::SINGLE);
    let acked = records.on_ack(SeqNum(ISS), &[block(ISS + 10_000, ISS + 20_000)], ms(10));
    assert_eq!((acked.sacked, acked.delivered), (10_000, 10_000));
    let (a, b, c) = (ISS + 10_000, ISS + 20_000, ISS + 60_000);
    let expected = [(ISS, a, false, false, false), (a, b, true, false, false), (b, c, false, false, false)];
    assert_eq!(shape(&records), expected);
    assert_eq!(records.in_flight(), 50_000);
}

#[test]
fn islands_join() {
    let mut records = ten();
    let mut sack = |left, right| records.on_ack(SeqNum(ISS), &[block(ISS + left, ISS + right)], ms(20)).sacked;
    assert_eq!(sack(200, 300), 100);
    assert_eq!(sack(400, 500), 100);
    assert_eq!(sack(200, 500), 100, "the rest");
    assert_eq!(sack(250, 450), 0, "nothing new");
    assert_eq!(sack(150, 550), 100, "partly new on both sides");
    assert_eq!(records.count(), 2 + 1 + 5);
    assert_eq!(records.sacked(), 400);
}

#[test]
fn what_is_sacked_and_then_acknowledged_is_delivered_once() {
    let mut records = ten();
    let first = records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 1000)], ms(20));
    let second = records.on_ack(SeqNum(ISS + 1000), &[], ms(40));
    assert_eq!((first.delivered, second.delivered, second.acked), (900, 100, 1000));
    assert!(records.is_empty());
    assert_eq!((records.sacked(), records.in_flight(), records.count()), (0, 0, 0));
}

#[test]
fn impossible_blocks_are_ignored() {
    let mut records = ten();
    for (left, right) in [(ISS + 900, ISS + 1001), (ISS, ISS + 100), (ISS + 5000, ISS + 6000), (ISS - 50, ISS + 50)] {
        let acked = records.on_ack(SeqNum(ISS), &[block(ISS + 200, ISS + 300), block(left, right)], ms(20));
        assert!(acked.sacked <= 100);
        assert_eq!(records.sacked(), 100, "{left}..{right}");
    }
}

#[test]
fn d_sack_is_told_and_not_taken_for_sack() {
    let mut records = ten();
    // Below the cumulative ACK.
    let acked = records.on_ack(SeqNum(ISS + 300), &[block(ISS + 100, ISS + 200)], ms(20));
    assert_eq!((acked.dsack, acked.sacked), (Some(block(ISS + 100, ISS + 200)), 0));
    // Inside the second block.
    let blocks = [block(ISS + 600, ISS + 700), block(ISS + 500, ISS + 800)];
    let acked = records.on_ack(SeqNum(ISS + 300), &blocks, ms(20));
    assert_eq!((acked.dsack, acked.sacked), (Some(block(ISS + 600, ISS + 700)), 300));
    let acked = records.on_ack(SeqNum(ISS + 300), &[block(ISS + 500, ISS + 900)], ms(20));
    assert_eq!(acked.dsack, None);
}

#[test]
fn lost_ones_come_in_order_and_once() {
    let mut records = ten();
    records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 200)], ms(20));
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 350));
    assert_eq!(records.lost(), 250);
    assert_eq!(records.in_flight(), 1000 - 100 - 250);
    let mut order = Vec::new();
    while let Some(record) = records.next_lost() {
        let (start, end) = (record.start(), record.end());
        order.push((start.0 - ISS, end.0 - ISS));
        records.on_retransmit(start, end, ms(30), Snapshot::default(), 100);
    }
    assert_eq!(order, [(0, 100), (200, 300), (300, 350)]);
    assert_eq!(records.in_flight(), 900, "in flight again");
    // Lost again.
    records.mark_lost(SeqNum(ISS + 200), SeqNum(ISS + 300));
    assert_eq!(records.next_lost().map(|r| r.start().0), Some(ISS + 200));
}

#[test]
fn a_part_of_a_lost_record_can_be_sent_again() {
    let mut records = SentRecords::new(SeqNum(ISS));
    records.on_sent(SeqNum(ISS + 10_000), ms(0), Snapshot::default(), Shape::SINGLE);
    records.mark_all_lost();
    assert_eq!(records.in_flight(), 0);
    records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 1000), ms(300), Snapshot::default(), 100);
    assert_eq!((records.in_flight(), records.next_lost().unwrap().start()), (1000, SeqNum(ISS + 1000)));
    records.on_ack(SeqNum(ISS + 1000), &[], ms(320));
    assert_eq!((records.in_flight(), records.lost()), (0, 9000));
}

#[test]
fn a_timeout_spares_what_is_sacked() {
    let mut records = ten();
    records.on_ack(SeqNum(ISS), &[block(ISS + 500, ISS + 700)], ms(20));
    records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 100), ms(30), Snapshot::default(), 100);
    assert!(!records.mark_all_lost());
    assert_eq!((records.lost(), records.sacked(), records.in_flight()), (800, 200, 0));
}

#[test]
fn a_peer_that_reneges_is_not_believed() {
    // RFC 2018 §8: it told of the first bytes by SACK, but never acknowledged them.
    let mut records = ten();
    records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 700)], ms(20));
    records.on_ack(SeqNum(ISS + 100), &[], ms(30));
    assert!(records.mark_all_lost());
    assert_eq!((records.lost(), records.sacked(), records.in_flight()), (900, 0, 0));
    assert_eq!(records.next_lost().unwrap().start(), SeqNum(ISS + 100));
    assert_eq!(records.on_ack(SeqNum(ISS + 700), &[], ms(50)).rtt(), None, "send times were joined");
}

#[test]
fn three_segments_sacked_after_it_make_it_lost() {
    // RFC 6675 §4: more than (DupThresh − 1) · SMSS bytes.
    let mut records = ten();
    records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 300)], ms(20));
    assert!(!records.mark_lost_by_sack(100));
    records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 301)], ms(21));
    assert!(records.mark_lost_by_sack(100));
    assert_eq!(records.lost(), 100);
    assert!(!records.mark_lost_by_sack(100), "nothing new");
}

#[test]
fn three_islands_after_it_make_it_lost() {
    let mut records = ten();
    for left in [300, 500] {
        records.on_ack(SeqNum(ISS), &[block(ISS + left, ISS + left + 1)], ms(20));
        assert!(!records.mark_lost_by_sack(100));
    }
    records.on_ack(SeqNum(ISS), &[block(ISS + 700, ISS + 701)], ms(20));
    assert!(records.mark_lost_by_sack(100));
    assert_eq!(records.lost(), 300);
}

#[test]
fn syn_and_fin_are_records_like_others() {
    let mut records = SentRecords::new(SeqNum(u32::MAX));
    records.on_sent(SeqNum(0), ms(0), Snapshot::default(), Shape::SINGLE);
    records.on_sent(SeqNum(10), ms(1), Snapshot::default(), Shape::SINGLE);
    records.on_sent(SeqNum(11), ms(2), Snapshot::default(), Shape::SINGLE);
    assert_eq!(records.on_ack(SeqNum(11), &[], ms(9)).acked, 12);
    assert!(records.is_empty());
}

#[test]
fn they_are_found_by_send_time() {
    let mut records = ten();
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 200));
    records.on_retransmit(SeqNum(ISS + 100), SeqNum(ISS + 200), ms(20), Snapshot::default(), 100);
    records.on_retransmit(SeqNum(ISS + 700), SeqNum(ISS + 800), ms(21), Snapshot::default(), 100);
    records.on_ack(SeqNum(ISS), &[block(ISS + 300, ISS + 400)], ms(22));
    let until = |t| records.sent_until(ms(t)).map(|r| r.start().0 - ISS).collect::<Vec<_>>();
    assert_eq!(until(5), [200, 400, 500]);
    assert_eq!(until(20), [200, 400, 500, 600, 800, 900, 100]);
    assert_eq!(until(21), [200, 400, 500, 600, 800, 900, 100, 700]);
}

#[test]
fn sack_panic() {
    // A peer that tells of every other byte can make no more than the bound, and all still adds up.
    let mut records = SentRecords::new(SeqNum(ISS));
    records.on_sent(SeqNum(ISS + 1_000_000), ms(0), Snapshot::default(), Shape::SINGLE);
    for i in 0..100_000 {
        let left = ISS + 2 + (i * 9973 % 499_000) * 2;
        records.on_ack(SeqNum(ISS), &[block(left, left + 1)], ms(10));
    }
    assert!((MAX_RECORDS - 1..=MAX_RECORDS).contains(&records.count()), "{}", records.count());
    model::check(&records);
    assert!(records.mark_lost_by_sack(1000));

    // Sending all the pieces again cuts further, within the hard bound, and ends.
    let mut sent = 0;
    while let Some((start, end)) = records.next_lost().map(|r| (r.start(), r.end())) {
        records.on_retransmit(start, end.earlier(start + 100), ms(20 + sent), Snapshot::default(), 100);
        sent += 1;
        assert!(sent < 20_000);
    }
    assert!(records.count() <= HARD_MAX);
    model::check(&records);
    assert_eq!(records.on_ack(SeqNum(ISS + 1_000_000), &[], ms(90_000)).acked, 1_000_000);
    assert!(records.is_empty() && records.in_flight() == 0 && records.count() == 0);
}

#[test]
fn very_many_small_segments_share_records() {
    let mut records = SentRecords::new(SeqNum(ISS));
    for i in 0..20_000 {
        records.on_sent(records.snd_nxt() + 10, ms(i), Snapshot::default(), Shape::SINGLE);
        assert!(records.count() <= MAX_RECORDS);
    }
    model::check(&records);
    assert!(records.iter().zip(records.iter().skip(1)).all(|(a, b)| a.sent_at() < b.sent_at()));
    let longest = records.iter().map(Record::seq_len).max();
    assert!(longest <= Some(400), "precision is lost evenly: {longest:?}");
    let acked = records.on_ack(SeqNum(ISS + 10), &[], ms(20_000));
    assert_eq!((acked.acked, acked.rtt()), (10, None), "the send time is not known exactly");
}

#[test]
fn an_alternating_scoreboard_at_the_bound_still_takes_new_data() {
    let mut records = SentRecords::new(SeqNum(ISS));
    for i in 0..MAX_RECORDS as u64 {
        records.on_sent(records.snd_nxt() + 10, ms(i), Snapshot::default(), Shape::SINGLE);
    }
    for i in (1..MAX_RECORDS as u32).step_by(2) {
        records.on_ack(SeqNum(ISS), &[block(ISS + 10 * i, ISS + 10 * i + 10)], ms(5000));
    }
    for i in 0..1000 {
        records.on_sent(records.snd_nxt() + 10, ms(6000 + i), Snapshot::default(), Shape::SINGLE);
    }
    assert!(records.count() <= MAX_RECORDS + 1, "{}", records.count());
    model::check(&records);
}

#[test]
fn sizes() {
    assert!(size_of::<Record>() <= 56, "{}", size_of::<Record>());
    assert!(size_of::<SentRecords>() <= 120, "{}", size_of::<SentRecords>());
}
