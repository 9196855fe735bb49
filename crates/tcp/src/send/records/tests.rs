extern crate std;

use super::*;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use limpid_wire::tcp::SackBlock;
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

/// Linux's `tcp_match_skb_to_sack`: only whole segments count.
#[test]
fn a_block_inside_a_super_segment_cuts_it_between_segments() {
    let mut records = SentRecords::new(SeqNum(ISS));
    records.on_sent(SeqNum(ISS + 60_500), ms(0), Snapshot::default(), Shape { segment: 1000, ..Shape::SINGLE });
    let acked = records.on_ack(SeqNum(ISS), &[block(ISS + 9_001, ISS + 20_999)], ms(10));
    assert_eq!((acked.sacked, acked.delivered_segments), (10_000, 10));
    let (a, b, c) = (ISS + 10_000, ISS + 20_000, ISS + 60_500);
    let expected = [(ISS, a, false, false, false), (a, b, true, false, false), (b, c, false, false, false)];
    assert_eq!(shape(&records), expected);
    let acked = records.on_ack(SeqNum(ISS), &[block(ISS + 59_001, ISS + 60_500)], ms(10));
    assert_eq!((acked.sacked, records.count()), (500, 4), "the last may be short");
    let acked = records.on_ack(SeqNum(ISS), &[block(ISS + 30_001, ISS + 30_999)], ms(10));
    assert_eq!((acked.sacked, records.in_flight()), (0, 50_000), "no segment as a whole");
    model::check(&records);
}

#[test]
fn islands_join() {
    let mut records = ten();
    let mut sack = |left, right| records.on_ack(SeqNum(ISS), &[block(ISS + left, ISS + right)], ms(20)).sacked;
    assert_eq!(sack(200, 300), 100);
    assert_eq!(sack(400, 500), 100);
    assert_eq!(sack(200, 500), 100, "the rest");
    assert_eq!(sack(250, 450), 0, "nothing new");
    assert_eq!(sack(150, 550), 0, "parts of segments");
    assert_eq!(sack(100, 600), 200, "new on both sides");
    assert_eq!(sack(100, 700), 100);
    assert_eq!((records.count(), records.sacked(), records.highest_sacked()), (10, 600, SeqNum(ISS + 700)));
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
    assert!(records.mark_lost_at_timeout(|_| true), "none is spared");
    assert_eq!((records.lost(), records.sacked(), records.in_flight()), (900, 0, 0));
    assert_eq!(records.next_lost().unwrap().start(), SeqNum(ISS + 100));
    assert_eq!(records.on_ack(SeqNum(ISS + 700), &[], ms(50)).rtt(), Some(millis(49)));
}

/// RFC 8985 §6.3: what was sent a moment ago is not given up with the rest; the first always is.
#[test]
fn a_timeout_spares_what_may_still_arrive() {
    let mut records = ten();
    records.mark_lost_at_timeout(|record| record.sent_at() >= ms(4));
    assert_eq!((records.lost(), records.in_flight()), (400, 600));
    let mut records = ten();
    records.mark_lost_at_timeout(|_| true);
    assert_eq!((records.lost(), records.lost_so_far()), (100, 1));
}

#[test]
fn three_segments_sacked_after_it_make_it_lost() {
    // RFC 6675 §4.
    let mut records = ten();
    records.on_ack(SeqNum(ISS), &[block(ISS + 300, ISS + 500)], ms(20));
    assert!(!records.mark_lost_by_sack(3));
    records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 200)], ms(21));
    assert!(records.mark_lost_by_sack(3));
    assert_eq!(records.lost(), 100, "the second hole has but two after it");
    assert!(!records.mark_lost_by_sack(3), "nothing new");
    records.on_ack(SeqNum(ISS), &[block(ISS + 800, ISS + 900)], ms(22));
    assert!(records.mark_lost_by_sack(3));
    assert_eq!(records.lost(), 200);
    assert!(records.mark_lost_by_sack(1));
    assert_eq!(records.lost(), 500);
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
fn what_was_found_lost_and_taken_back_does_not_count() {
    let mut records = ten();
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 300));
    assert_eq!(records.lost_so_far(), 3);
    records.spare(1);
    assert_eq!(records.lost_so_far(), 2);
    let mut records = ten();
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 300));
    records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 100), ms(20), Snapshot::default(), 100);
    records.unmark_lost();
    records.unmark_lost();
    assert_eq!(records.lost_so_far(), 0, "once each");
}

/// The worst loss is the one by which most was lost of what passed: a loss that is known late has seen much pass.
#[test]
fn the_worst_loss_is_the_largest_share_of_what_passed() {
    let mut records = SentRecords::new(SeqNum(ISS));
    let snapshot = |delivered, in_flight| {
        let mut snapshot = Snapshot::default().with_in_flight(in_flight, false);
        snapshot.delivered = delivered;
        snapshot
    };
    records.on_sent(SeqNum(ISS + 100), ms(0), snapshot(100, 10), Shape::SINGLE);
    records.on_sent(SeqNum(ISS + 200), ms(1), snapshot(140, 50), Shape::SINGLE);
    records.note_delivered(150);
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 200));
    let losses = records.take_losses();
    let worst = losses.worst.unwrap();
    assert_eq!((losses.ranges, worst.in_flight, worst.lost, worst.delivered, worst.passed()), (2, 50, 2, 10, 50));
    assert_eq!(records.take_losses(), Losses::default());
}

fn by_time(records: &SentRecords) -> Vec<u32> {
    records.in_order_of_time().map(|r| r.start().0 - ISS).collect()
}

#[test]
fn they_are_found_by_send_time() {
    let mut records = ten();
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 200));
    assert_eq!(by_time(&records), [200, 300, 400, 500, 600, 700, 800, 900], "what is lost is not in flight");
    records.on_retransmit(SeqNum(ISS + 100), SeqNum(ISS + 200), ms(20), Snapshot::default(), 100);
    records.on_probe(SeqNum(ISS + 700), SeqNum(ISS + 800), ms(21), Snapshot::default(), 100);
    records.on_ack(SeqNum(ISS), &[block(ISS + 300, ISS + 400)], ms(22));
    assert_eq!(by_time(&records), [200, 400, 500, 600, 800, 900, 100, 700]);
    records.unmark_lost();
    assert_eq!(by_time(&records), [0, 200, 400, 500, 600, 800, 900, 100, 700], "it was not lost after all");
    model::check(&records);
}

/// A peer chooses what is lost and when it is sent again, and so the order of send times: undoing costs no square of that.
#[test]
fn undoing_costs_no_more_where_send_times_alternate() {
    const COUNT: u32 = 32_768;
    let undoing = |alternating: bool| {
        let mut records = SentRecords::new(SeqNum(ISS));
        for _ in 0..COUNT {
            records.on_sent(records.snd_nxt() + 100, ms(1), Snapshot::default(), Shape::SINGLE);
        }
        // Each second half of them left later.
        let late = |i: u32| if alternating { i % 2 == 1 } else { i >= COUNT / 2 };
        records.mark_all_lost();
        for i in (0..COUNT).filter(|i| late(*i)) {
            let start = SeqNum(ISS + 100 * i);
            records.on_retransmit(start, start + 100, ms(20), Snapshot::default(), 100);
        }
        records.mark_all_lost();
        let begin = std::time::Instant::now();
        records.unmark_lost();
        let took = begin.elapsed();
        let times: Vec<_> = records.in_order_of_time().map(|r| (r.sent_at(), r.end().0)).collect();
        assert!(times.len() == COUNT as usize && times.is_sorted());
        assert_eq!(records.in_flight(), 100 * COUNT);
        took
    };
    let least = |alternating| (0..3).map(|_| undoing(alternating)).min().unwrap();
    let (alternating, in_order) = (least(true), least(false));
    // Quadratic work would be thousands of times as much.
    assert!(alternating < 200 * in_order, "{alternating:?}, in order {in_order:?}");
}

#[test]
fn a_probe_is_no_retransmission_in_flight() {
    let mut records = ten();
    records.on_probe(SeqNum(ISS + 900), SeqNum(ISS + 1000), ms(40), Snapshot::default(), 100);
    assert_eq!((records.in_flight(), records.segments_resent()), (1000, 0));
    assert_eq!(records.last().map(|r| (r.retransmissions(), r.sent_at())), Some((1, ms(40))));
    assert!(records.on_ack(SeqNum(ISS + 1000), &[], ms(50)).retransmitted);
}

#[test]
fn the_mark_of_what_has_arrived_moves_on() {
    let mut records = ten();
    let mut lost = |reference: u32, now, patience| {
        let reference = (ms(u64::from(reference)), SeqNum(ISS + 100 * (reference + 1)));
        let wait = records.mark_lost_by_time(reference, ms(now), millis(patience));
        (wait.map(|at| at.as_millis()), records.lost())
    };
    assert_eq!(lost(4, 10, 20), (Some(3), 0), "the fifth arrived: four were sent before it");
    assert_eq!(lost(6, 22, 20), (Some(5), 300), "three are old enough");
    assert_eq!(lost(4, 23, 20), (Some(5), 400), "it never moves back");
    assert_eq!(lost(6, 40, 20), (None, 600));
    assert_eq!(lost(6, 90, 20), (None, 600), "what left at the same time or later is not judged");
    assert_eq!((records.lost_so_far(), records.ever_lost_again()), (6, 0));
}

/// RFC 8985 §6.2 step 5: retransmissions are judged by the same rule.
#[test]
fn a_retransmission_is_lost_again() {
    let mut records = ten();
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 200));
    records.on_retransmit(SeqNum(ISS), SeqNum(ISS + 100), ms(20), Snapshot::default(), 100);
    records.on_retransmit(SeqNum(ISS + 100), SeqNum(ISS + 200), ms(21), Snapshot::default(), 100);
    records.mark_lost_by_time((ms(21), SeqNum(ISS + 200)), ms(41), millis(20));
    assert_eq!((records.lost_so_far(), records.ever_lost_again()), (11, 1));
    assert_eq!(records.next_lost().map(|r| r.start().0), Some(ISS));
    assert_eq!(records.segments_resent(), 1, "the other retransmission left as the reference did");
}

#[test]
fn reordering_is_told() {
    let mut records = ten();
    let sack = |records: &mut SentRecords, left, right| {
        records
            .on_ack(SeqNum(ISS), &[block(ISS + left, ISS + right)], ms(20))
            .late_by_sack
            .map(|(low, high)| (low.0 - ISS, high.0 - ISS))
    };
    assert_eq!(sack(&mut records, 300, 400), None);
    assert_eq!(sack(&mut records, 300, 600), None, "what comes later was not overtaken");
    assert_eq!(sack(&mut records, 100, 200), Some((100, 600)));
    records.on_retransmit(SeqNum(ISS + 200), SeqNum(ISS + 300), ms(15), Snapshot::default(), 100);
    assert_eq!(sack(&mut records, 100, 600), None, "what was sent again may be the second");
    let blocks = [block(ISS + 900, ISS + 1000), block(ISS + 700, ISS + 800)];
    assert_eq!(records.on_ack(SeqNum(ISS), &blocks, ms(20)).late_by_sack, None, "in one ACK no order is told");
    let acked = records.on_ack(SeqNum(ISS + 700), &[], ms(21));
    assert_eq!((acked.lowest_once, acked.original_end), (Some(SeqNum(ISS)), Some(SeqNum(ISS + 100))));
}

#[test]
fn a_d_sack_takes_a_needless_retransmission_off() {
    let mut records = ten();
    records.mark_lost(SeqNum(ISS + 100), SeqNum(ISS + 300));
    records.on_retransmit(SeqNum(ISS + 100), SeqNum(ISS + 300), ms(20), Snapshot::default(), 100);
    records.unmark_lost();
    assert_eq!((records.segments_resent(), records.in_flight()), (2, 1200));
    records.on_ack(SeqNum(ISS), &[block(ISS + 100, ISS + 300)], ms(30));
    assert_eq!(records.segments_resent(), 2, "the second may still be on its way");
    let blocks = [block(ISS + 100, ISS + 200), block(ISS + 100, ISS + 300)];
    let acked = records.on_ack(SeqNum(ISS), &blocks, ms(31));
    assert_eq!((acked.dsack_resent, records.segments_resent(), records.in_flight()), (1, 1, 900));
    model::check(&records);
    records.on_ack(SeqNum(ISS + 400), &[], ms(32));
    assert_eq!(records.segments_resent(), 0);
}

/// CVE-2019-11477 and -11478: a peer that tells of every other byte makes no more records than there are segments.
#[test]
fn sack_panic() {
    let mut records = SentRecords::new(SeqNum(ISS));
    let shape = Shape { segment: 50, ..Shape::SINGLE };
    records.on_sent(SeqNum(ISS + 1_000_000), ms(0), Snapshot::default(), shape);
    for i in 0..100_000 {
        let left = ISS + 2 + (i * 9973 % 499_000) * 2;
        records.on_ack(SeqNum(ISS), &[block(left, left + 1)], ms(10));
    }
    assert_eq!(records.count(), 1, "no segment has arrived as a whole");
    // Now of every other segment.
    for i in 0..40_000 {
        let left = ISS + 50 + (i * 9973 % 9_990) * 100;
        records.on_ack(SeqNum(ISS), &[block(left, left + 50)], ms(10));
    }
    assert!((19_000..=20_000).contains(&records.count()), "{}", records.count());
    model::check(&records);
    assert!(records.mark_lost_by_sack(3));

    let mut sent = 0;
    while let Some((start, end)) = records.next_lost().map(|r| (r.start(), r.end())) {
        records.on_retransmit(start, end.earlier(start + 20), ms(20 + sent), Snapshot::default(), 20);
        sent += 1;
        assert!(sent < 60_000);
    }
    assert!(records.count() <= HARD_MAX);
    model::check(&records);
    assert_eq!(records.on_ack(SeqNum(ISS + 1_000_000), &[], ms(90_000)).acked, 1_000_000);
    assert!(records.is_empty() && records.in_flight() == 0 && records.count() == 0);
}

#[test]
fn cuts_end_at_the_bound() {
    let mut records = SentRecords::new(SeqNum(ISS));
    for i in 1..=80 {
        let shape = Shape { segment: 1, ..Shape::SINGLE };
        records.on_sent(SeqNum(ISS + i * 10_000), ms(i.into()), Snapshot::default(), shape);
    }
    for i in 0..400_000 {
        let left = ISS + 1 + 2 * i;
        records.on_ack(SeqNum(ISS), &[block(left, left + 1)], ms(20));
    }
    assert!(records.is_full() && records.count() <= MAX_RECORDS, "{}", records.count());
    records.mark_all_lost();
    for i in 0..800_000 {
        records.on_retransmit(SeqNum(ISS + i), SeqNum(ISS + i + 1), ms(30), Snapshot::default(), 1);
    }
    assert_eq!(records.count(), HARD_MAX);
    // Nobody should send now; it ends well all the same.
    records.on_sent(records.snd_nxt() + 7, ms(40), Snapshot::default(), Shape::SINGLE);
    model::check(&records);
    records.on_ack(records.snd_nxt(), &[], ms(50));
    assert!(records.is_empty() && records.count() == 0);
}

/// Else they would be there still when the numbers have come round, and seem to lie ahead.
#[test]
fn what_is_acknowledged_leaves_the_heap() {
    let mut records = ten();
    records.mark_lost(SeqNum(ISS), SeqNum(ISS + 400));
    records.on_ack(SeqNum(ISS + 250), &[], ms(20));
    assert_eq!(records.waiting.len(), 2, "the rest of one, and one");
    assert_eq!(records.next_lost().map(|r| r.start().0), Some(ISS + 250));
    // Sent again and nothing else asked for: their entries mean nothing.
    records.on_retransmit(SeqNum(ISS + 250), SeqNum(ISS + 400), ms(21), Snapshot::default(), 100);
    records.on_ack(SeqNum(ISS + 400), &[], ms(40));
    assert_eq!((records.waiting.len(), records.count()), (0, 6));
}

#[test]
fn nothing_is_kept_when_nothing_is_out() {
    let mut records = SentRecords::new(SeqNum(ISS));
    for _ in 0..3 {
        for i in 0..5000 {
            records.on_sent(records.snd_nxt() + 10, ms(i), Snapshot::default(), Shape::SINGLE);
        }
        records.mark_all_lost();
        records.on_ack(records.snd_nxt(), &[], ms(6000));
        assert!(records.store.memory() <= 64 * 88, "{} bytes", records.store.memory());
        assert_eq!(records.waiting.len(), 0);
    }
}

#[test]
fn sizes() {
    assert!(size_of::<Record>() <= 56, "{}", size_of::<Record>());
    assert!(size_of::<SentRecords>() <= 200, "{}", size_of::<SentRecords>());
}
