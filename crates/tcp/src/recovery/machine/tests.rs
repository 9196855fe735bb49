use super::*;
use crate::send::Shape;
use alloc::vec::Vec;
use limpid_wire::tcp::SackBlock;

const MSS: u32 = 1000;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

/// A sender of ten segments, the first with number 0, and what it does.
struct Rig {
    records: SentRecords,
    reno: Recovery,
    sack: bool,
    cwnd: u32,
    now: u64,
}

fn rig(sack: bool) -> Rig {
    let mut records = SentRecords::new(SeqNum(0));
    for i in 1..=10 {
        records.on_sent(SeqNum(i * MSS), ms(u64::from(i)), Snapshot::default(), Shape::SINGLE);
    }
    Rig { records, reno: Recovery::new(), sack, cwnd: 10, now: 100 }
}

impl Rig {
    /// An ACK of so many segments in all; SACK blocks in segments.
    fn ack(&mut self, una: u32, blocks: &[(u32, u32)]) -> AckVerdict {
        self.now += 1;
        let block = |&(l, r): &(u32, u32)| SackBlock::new(SeqNum(l * MSS), SeqNum(r * MSS)).unwrap();
        let blocks: Vec<SackBlock> = blocks.iter().map(block).collect();
        let duplicate = SeqNum(una * MSS) == self.records.snd_una() && !self.records.is_empty();
        let acked = self.records.on_ack(SeqNum(una * MSS), &blocks, ms(self.now));
        let input = AckInput { acked: &acked, duplicate, sack: self.sack, mss: MSS };
        let verdict = self.reno.on_ack(&mut self.records, input);
        if verdict.entered {
            self.cwnd /= 2;
        }
        verdict
    }

    /// The same ACK several times, without SACK.
    fn acks(&mut self, times: usize, una: u32) {
        for _ in 0..times {
            self.ack(una, &[]);
        }
    }

    /// Sends again what it may; tells the first segment of each and why.
    fn resend(&mut self) -> Vec<(u32, TxReason)> {
        let mut sent = Vec::new();
        while let Some(next) = self.reno.next(&mut self.records, self.cwnd, self.sack, MSS, 1) {
            self.now += 1;
            self.reno.on_retransmit(
                &mut self.records,
                next.start,
                next.end,
                ms(self.now),
                Snapshot::default(),
                MSS as u16,
            );
            sent.push((next.start.0 / MSS, next.why));
            assert!(sent.len() < 100, "it ends");
        }
        sent
    }

    fn send_new(&mut self) {
        let end = self.records.snd_nxt() + MSS;
        self.records.on_sent(end, ms(self.now), Snapshot::default(), Shape::SINGLE);
    }

    fn pipe(&self) -> u32 {
        self.reno.pipe(&self.records, self.sack)
    }
}

#[test]
fn three_duplicate_acks_bring_the_first_segment_again() {
    let mut r = rig(false);
    for _ in 0..2 {
        assert_eq!(r.ack(0, &[]), AckVerdict::default());
        assert_eq!(r.reno.phase(), Phase::Disorder);
        assert_eq!(r.resend(), []);
    }
    assert!(r.ack(0, &[]).entered);
    assert_eq!(r.reno.phase(), Phase::Recovery);
    assert_eq!(r.resend(), [(0, TxReason::FastRetransmit)], "whatever the window says, and only that");
    assert!(!r.ack(0, &[]).entered, "once");
    assert_eq!(r.resend(), []);
}

#[test]
fn each_duplicate_ack_lets_a_new_segment_in() {
    // RFC 3042 before recovery, RFC 5681 §3.2 step 4 in it.
    let mut r = rig(false);
    for left in [9, 8] {
        r.ack(0, &[]);
        assert_eq!(r.pipe(), left);
    }
    r.ack(0, &[]);
    r.resend();
    assert_eq!(r.pipe(), 10 - 3 - 1 + 1, "three have arrived, one is lost, and it was sent again");
    for n in 4..=9 {
        r.ack(0, &[]);
        assert_eq!(r.pipe(), 10 - n);
    }
    r.ack(0, &[]);
    r.ack(0, &[]);
    assert_eq!(r.pipe(), 0, "never below zero");
}

#[test]
fn an_ack_of_all_ends_recovery() {
    let mut r = rig(false);
    r.acks(3, 0);
    r.resend();
    let verdict = r.ack(10, &[]);
    assert_eq!(verdict, AckVerdict { recovered: true, ..AckVerdict::default() });
    assert_eq!((r.reno.phase(), r.reno.dup_acks()), (Phase::Open, 0));
}

#[test]
fn a_partial_ack_brings_the_next_hole() {
    // RFC 6582 §3.2 step 3: segments 0, 4 and 7 are lost.
    let mut r = rig(false);
    r.acks(7, 0);
    assert_eq!(r.resend(), [(0, TxReason::FastRetransmit)]);
    assert!(r.ack(4, &[]).partial);
    assert_eq!(r.resend(), [(4, TxReason::PartialAckRetransmit)]);
    assert!(r.ack(7, &[]).partial);
    assert_eq!(r.resend(), [(7, TxReason::PartialAckRetransmit)]);
    assert!(r.ack(10, &[]).recovered);
}

#[test]
fn duplicate_acks_of_our_own_retransmissions_begin_no_second_recovery() {
    // RFC 6582 §3.2 step 2.
    let mut r = rig(false);
    r.acks(3, 0);
    r.resend();
    (0..3).for_each(|_| r.send_new());
    assert!(r.ack(10, &[]).recovered);
    for _ in 0..3 {
        assert!(!r.ack(10, &[]).entered);
    }
    assert_eq!(r.resend(), []);
    // Something beyond was acknowledged: now they count.
    r.ack(11, &[]);
    r.acks(2, 11);
    assert!(r.ack(11, &[]).entered);
}

#[test]
fn with_sack_only_the_holes_go_again() {
    let mut r = rig(true);
    // 0, 2 and 5 are lost.
    r.ack(0, &[(1, 2)]);
    r.ack(0, &[(3, 4), (1, 2)]);
    assert!(r.ack(0, &[(3, 5), (1, 2)]).entered);
    assert_eq!(r.resend(), [(0, TxReason::FastRetransmit)]);
    for right in 7..=10 {
        r.ack(0, &[(6, right), (3, 5), (1, 2)]);
    }
    assert_eq!(r.resend(), [(2, TxReason::FastRetransmit), (5, TxReason::FastRetransmit)]);
    assert_eq!(r.pipe(), 3);
    assert!(r.ack(2, &[(6, 10), (3, 5)]).partial);
    assert_eq!(r.resend(), [], "all holes were sent again");
    assert!(r.ack(10, &[]).recovered);
}

#[test]
fn one_sack_block_of_three_segments_is_enough() {
    let mut r = rig(true);
    assert!(r.ack(0, &[(1, 4)]).entered, "the ACKs before it were lost");
    assert_eq!(r.resend()[0].0, 0);
}

#[test]
fn three_tiny_segments_count_by_their_acks() {
    // RFC 6675 §5 step 1: too few bytes are sacked, but three duplicate ACKs came.
    let mut r = Rig { records: SentRecords::new(SeqNum(0)), ..rig(true) };
    for i in 1..=4 {
        r.records.on_sent(SeqNum(10 * i), ms(u64::from(i)), Snapshot::default(), Shape::SINGLE);
    }
    let mut sack = |right: u32| {
        let acked = r.records.on_ack(SeqNum(0), &[SackBlock::new(SeqNum(10), SeqNum(right)).unwrap()], ms(50));
        r.reno.on_ack(&mut r.records, AckInput { acked: &acked, duplicate: true, sack: true, mss: MSS }).entered
    };
    assert!(!sack(20) && !sack(30) && sack(40));
    let next = r.reno.next(&mut r.records, 0, true, MSS, 1).unwrap();
    assert_eq!((next.start, next.end), (SeqNum(0), SeqNum(10)), "up to what is sacked");
}

#[test]
fn duplicate_acks_without_news_do_not_count_with_sack() {
    let mut r = rig(true);
    for _ in 0..5 {
        assert!(!r.ack(0, &[(1, 2)]).entered);
    }
    assert_eq!(r.reno.phase(), Phase::Disorder);
}

#[test]
fn reordering_passes_without_a_loss() {
    for sack in [false, true] {
        let mut r = rig(sack);
        r.ack(0, &[(1, 2)]);
        r.ack(0, &[(1, 3)]);
        assert_eq!(r.reno.phase(), Phase::Disorder);
        assert_eq!(r.ack(3, &[]), AckVerdict::default());
        assert_eq!((r.reno.phase(), r.reno.dup_acks()), (Phase::Open, 0));
    }
}

#[test]
fn a_timeout_sends_all_again_in_slow_start() {
    let mut r = rig(false);
    assert!(!r.reno.on_rto(&mut r.records, false), "a new loss");
    r.cwnd = 1;
    assert_eq!((r.reno.phase(), r.pipe()), (Phase::Loss, 0));
    assert_eq!(r.resend(), [(0, TxReason::RtoRetransmit)]);
    r.ack(1, &[]);
    r.cwnd = 2;
    assert_eq!(r.resend(), [(1, TxReason::RtoRetransmit), (2, TxReason::RtoRetransmit)]);
    assert!(!r.ack(3, &[]).entered);
    assert_eq!(r.ack(10, &[]), AckVerdict::default(), "the window has grown meanwhile; nothing to restore");
    assert_eq!(r.reno.phase(), Phase::Open);
}

#[test]
fn a_timeout_spares_what_is_sacked() {
    let mut r = rig(true);
    r.ack(0, &[(4, 6)]);
    r.reno.on_rto(&mut r.records, false);
    r.cwnd = 20;
    let segments: Vec<u32> = r.resend().into_iter().map(|(segment, _)| segment).collect();
    assert_eq!(segments, [0, 1, 2, 3, 6, 7, 8, 9]);
}

#[test]
fn the_window_is_reduced_once_for_one_loss() {
    let mut r = rig(false);
    r.acks(3, 0);
    r.resend();
    assert!(r.reno.on_rto(&mut r.records, false), "fast recovery did it");
    assert!(r.reno.on_rto(&mut r.records, true), "and it did not help");
    r.ack(4, &[]);
    assert!(!r.reno.on_rto(&mut r.records, false), "after progress, a new one");
    // After everything was acknowledged, certainly.
    r.ack(10, &[]);
    r.send_new();
    assert!(!r.reno.on_rto(&mut r.records, false));
}

#[test]
fn what_is_lost_of_the_data_sent_in_recovery_is_another_loss() {
    // RFC 6675 §5: losses above the recovery point begin another recovery.
    let mut r = rig(true);
    assert!(r.ack(0, &[(1, 10)]).entered);
    r.resend();
    (0..5).for_each(|_| r.send_new());
    r.ack(0, &[(11, 15), (1, 10)]);
    assert!(r.ack(10, &[(11, 15)]).recovered);
    assert!(r.ack(10, &[(11, 15)]).entered);
    assert_eq!(r.resend(), [(10, TxReason::FastRetransmit)]);
    assert!(r.ack(15, &[]).recovered);
}

#[test]
fn the_window_holds_retransmissions_back() {
    let mut r = rig(true);
    r.reno.on_rto(&mut r.records, false);
    r.cwnd = 3;
    assert_eq!(r.resend().len(), 3);
    assert_eq!(r.pipe(), 3);
}

/// Without SACK a duplicate ACK after a timeout may answer what was sent before it.
#[test]
fn duplicate_acks_after_a_timeout_count_only_when_something_new_was_sent() {
    let mut r = rig(false);
    r.reno.on_rto(&mut r.records, false);
    r.cwnd = 1;
    assert_eq!(r.resend().len(), 1);
    r.acks(3, 0);
    assert_eq!((r.pipe(), r.resend()), (1, Vec::new()));
    r.records.on_sent(SeqNum(11 * MSS), ms(200), Snapshot::default(), Shape::SINGLE);
    r.ack(0, &[]);
    assert_eq!(r.pipe(), 1, "two in the network, and one has left");
}

#[test]
fn a_super_segment_goes_again_in_one_as_far_as_the_window_lets() {
    let mut r = rig(true);
    r.records = SentRecords::new(SeqNum(0));
    r.records.on_sent(SeqNum(10 * MSS), ms(1), Snapshot::default(), Shape { segment: 1000, ..Shape::SINGLE });
    r.reno.on_rto(&mut r.records, false);
    let next = r.reno.next(&mut r.records, 0, true, MSS, 44).unwrap();
    assert_eq!(next.end, SeqNum(MSS), "one goes at the timeout, whatever the window says");
    let next = r.reno.next(&mut r.records, 3, true, MSS, 44).unwrap();
    assert_eq!((next.start, next.end), (SeqNum(0), SeqNum(3 * MSS)));
    r.reno.on_retransmit(&mut r.records, next.start, next.end, ms(5), Snapshot::default(), MSS as u16);
    assert_eq!(r.reno.next(&mut r.records, 3, true, MSS, 44), None);
    assert_eq!(
        r.reno.next(&mut r.records, 10, true, MSS, 4).unwrap().end,
        SeqNum(7 * MSS),
        "no more than the device's"
    );
}
