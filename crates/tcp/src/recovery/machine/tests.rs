use super::*;
use crate::Config;
use crate::clock::TsClock;
use crate::congestion::{AckSample, Reno};
use crate::recovery::Window;
use crate::send::{Shape, Snapshot};
use alloc::vec::Vec;
use limpid_event::TxReason;
use limpid_wire::tcp::SackBlock;

const MSS: u32 = 1000;

fn ms(n: u64) -> Instant {
    Instant::from_millis(n)
}

/// A sender of ten segments, the first with number 0, and what it does.
pub(in crate::recovery) struct Rig {
    pub(in crate::recovery) records: SentRecords,
    pub(in crate::recovery) recovery: Recovery,
    pub(in crate::recovery) congestion: CongestionControl,
    sack: bool,
    pub(in crate::recovery) now: u64,
    /// The timestamp that ACKs echo, ms.
    pub(in crate::recovery) echo: Option<u64>,
    pub(in crate::recovery) may_send_new: bool,
}

pub(in crate::recovery) fn rig(sack: bool) -> Rig {
    let mut records = SentRecords::new(SeqNum(0));
    for i in 1..=10 {
        records.on_sent(SeqNum(i * MSS), ms(u64::from(i)), Snapshot::default(), Shape::SINGLE);
    }
    let congestion = CongestionControl::Reno(Reno::new(10));
    Rig { records, recovery: Recovery::new(), congestion, sack, now: 100, echo: None, may_send_new: false }
}

impl Rig {
    /// An ACK of so many segments in all; SACK blocks in segments.
    pub(in crate::recovery) fn ack(&mut self, una: u32, blocks: &[(u32, u32)]) -> AckVerdict {
        self.ack_saying(una, blocks, false)
    }

    pub(in crate::recovery) fn ack_saying(&mut self, una: u32, blocks: &[(u32, u32)], ece: bool) -> AckVerdict {
        self.now += 1;
        let block = |&(l, r): &(u32, u32)| SackBlock::new(SeqNum(l * MSS), SeqNum(r * MSS)).unwrap();
        let blocks: Vec<SackBlock> = blocks.iter().map(block).collect();
        let duplicate = SeqNum(una * MSS) == self.records.snd_una() && !self.records.is_empty();
        let lost = self.records.lost_so_far();
        let acked = self.records.on_ack(SeqNum(una * MSS), &blocks, ms(self.now));
        let loss = LossSample::new(ms(self.now), self.pipe(), MSS);
        let clock = TsClock::new(7);
        let echo = self.echo.and_then(|at| Echo::new(clock.val(ms(at)), clock));
        let duplicate = duplicate && acked.dsack.is_none();
        let may_send_new = self.may_send_new;
        // These are about the machine; what RACK finds, its own tests know.
        let detect = DetectInput::new(&Config { rack: false, ..Config::default() });
        let input = AckInput {
            detect,
            acked: &acked,
            duplicate,
            sack: self.sack,
            ece,
            mtu_probe: false,
            echo,
            may_send_new,
            loss,
        };
        let verdict = self.recovery.on_ack(&mut self.records, &mut self.congestion, &input);
        let lost = self.records.lost_so_far().saturating_sub(lost);
        self.recovery.reduce(&self.records, &self.congestion, verdict.delivered, lost, acked.acked > 0);
        let mut sample = AckSample::new(ms(self.now), acked.acked_segments, MSS);
        sample.in_recovery = self.recovery.is_reducing();
        sample.delivered = verdict.delivered;
        sample.cwnd_limited = true;
        self.congestion.on_ack(&sample);
        verdict
    }

    /// The same ACK several times, without SACK.
    pub(in crate::recovery) fn acks(&mut self, times: usize, una: u32) {
        for _ in 0..times {
            self.ack(una, &[]);
        }
    }

    pub(in crate::recovery) fn cwnd(&self) -> u32 {
        self.recovery.window(&self.congestion)
    }

    pub(in crate::recovery) fn window(&self, max: u32) -> Window {
        Window { cwnd: self.cwnd(), sack: self.sack, mss: MSS, max, rack: false }
    }

    /// Sends again what it may; tells the first segment of each and why.
    pub(in crate::recovery) fn resend(&mut self) -> Vec<(u32, TxReason)> {
        let mut sent = Vec::new();
        loop {
            let window = self.window(1);
            let Some(next) = self.recovery.next(&mut self.records, window) else { return sent };
            self.now += 1;
            let (now, snapshot) = (ms(self.now), Snapshot::default());
            self.recovery.on_retransmit(&mut self.records, next.start, next.end, now, snapshot, MSS as u16);
            sent.push((next.start.0 / MSS, next.why));
            assert!(sent.len() < 100, "it ends");
        }
    }

    pub(in crate::recovery) fn rto(&mut self, repeated: bool) {
        self.rto_watched(repeated, false);
    }

    /// A timeout, with F-RTO.
    pub(in crate::recovery) fn rto_watched(&mut self, repeated: bool, frto: bool) {
        self.now += 300;
        let loss = LossSample::new(ms(self.now), 0, MSS);
        self.recovery.on_rto(&mut self.records, &mut self.congestion, loss, repeated, frto, 3);
    }

    pub(in crate::recovery) fn send_new(&mut self) {
        let end = self.records.snd_nxt() + MSS;
        self.records.on_sent(end, ms(self.now), Snapshot::default(), Shape::SINGLE);
        self.recovery.on_sent(1);
    }

    /// New segments, as many as the window lets go.
    pub(in crate::recovery) fn send_all(&mut self) -> u32 {
        let room = self.cwnd().saturating_sub(self.pipe());
        (0..room).for_each(|_| self.send_new());
        room
    }

    pub(in crate::recovery) fn pipe(&self) -> u32 {
        self.recovery.pipe(&self.records)
    }

    pub(in crate::recovery) fn phase(&self) -> Phase {
        self.recovery.phase()
    }
}

#[test]
fn three_duplicate_acks_bring_the_first_segment_again() {
    let mut r = rig(false);
    for _ in 0..2 {
        assert_eq!(r.ack(0, &[]), AckVerdict { delivered: 1, ..AckVerdict::default() });
        assert_eq!(r.phase(), Phase::Disorder);
        assert_eq!(r.resend(), []);
    }
    assert_eq!(r.ack(0, &[]).begun, Some(RecoveryReason::DuplicateAcks));
    assert_eq!(r.phase(), Phase::Recovery);
    assert_eq!(r.resend(), [(0, TxReason::FastRetransmit)], "whatever the window says, and only that");
    assert_eq!(r.ack(0, &[]).begun, None, "once");
    assert_eq!(r.resend(), []);
}

#[test]
fn each_duplicate_ack_tells_of_a_segment_that_left_the_network() {
    // RFC 3042 before recovery, RFC 5681 §3.2 step 4 in it.
    let mut r = rig(false);
    for left in [9, 8] {
        r.ack(0, &[]);
        assert_eq!(r.pipe(), left);
        assert_eq!(r.cwnd() - r.pipe(), 10 - left, "and lets a new one in");
    }
    r.ack(0, &[]);
    r.resend();
    assert_eq!(r.pipe(), 10 - 3 - 1 + 1, "three have arrived, one is lost, and it was sent again");
    for n in 4..=9 {
        r.ack(0, &[]);
        assert_eq!(r.pipe(), 10 - n);
    }
    let verdict = r.ack(0, &[]);
    assert_eq!((verdict.delivered, verdict.reordered), (0, true), "more than can be");
    assert_eq!(r.pipe(), 1, "the retransmission is there still");
}

#[test]
fn an_ack_of_all_is_the_end_only_when_more_is_acknowledged_without_sack() {
    let mut r = rig(false);
    r.acks(3, 0);
    r.resend();
    r.send_new();
    let high = r.ack(10, &[]);
    assert_eq!((high.ended, r.phase()), (false, Phase::Recovery), "RFC 6582 §4.1");
    assert!(r.ack(11, &[]).ended);
    assert_eq!((r.phase(), r.recovery.reno_sacked(), r.cwnd()), (Phase::Open, 0, 5));
}

#[test]
fn a_partial_ack_brings_the_next_hole() {
    // RFC 6582 §3.2 step 3: segments 0, 4 and 7 are lost.
    let mut r = rig(false);
    r.acks(7, 0);
    assert_eq!(r.resend(), [(0, TxReason::FastRetransmit)]);
    r.ack(4, &[]);
    assert_eq!(r.resend(), [(4, TxReason::PartialAckRetransmit)]);
    r.ack(7, &[]);
    assert_eq!(r.resend(), [(7, TxReason::PartialAckRetransmit)]);
    r.send_new();
    assert!(r.ack(11, &[]).ended);
}

#[test]
fn duplicate_acks_of_our_own_retransmissions_begin_no_second_recovery() {
    // RFC 6582 §3.2 step 2.
    let mut r = rig(false);
    r.acks(3, 0);
    r.resend();
    (0..4).for_each(|_| r.send_new());
    r.ack(10, &[]);
    for _ in 0..3 {
        assert_eq!(r.ack(10, &[]).begun, None);
    }
    assert_eq!(r.resend(), []);
    // Something beyond was acknowledged: now they count.
    assert!(r.ack(11, &[]).ended);
    r.acks(1, 11);
    assert_eq!(r.recovery.reordering().degree(), 3);
    r.send_new();
    r.send_new();
    r.acks(1, 11);
    assert!(r.ack(11, &[]).begun.is_some());
}

#[test]
fn with_sack_only_the_holes_go_again() {
    let mut r = rig(true);
    // 0 and 2 are lost.
    r.ack(0, &[(1, 2)]);
    r.ack(0, &[(3, 4), (1, 2)]);
    assert_eq!(r.ack(0, &[(3, 5), (1, 2)]).begun, Some(RecoveryReason::Sack));
    assert_eq!(r.resend(), [(0, TxReason::FastRetransmit)]);
    r.ack(0, &[(3, 10), (1, 2)]);
    assert_eq!(r.resend(), [(2, TxReason::FastRetransmit)]);
    r.ack(2, &[(3, 10)]);
    assert_eq!(r.resend(), [], "all holes were sent again");
    assert!(r.ack(10, &[]).ended);
}

#[test]
fn duplicate_acks_without_news_do_not_count_with_sack() {
    let mut r = rig(true);
    for _ in 0..5 {
        assert_eq!(r.ack(0, &[(1, 2)]).begun, None);
    }
    assert_eq!(r.phase(), Phase::Disorder);
}

#[test]
fn reordering_passes_without_a_loss() {
    for sack in [false, true] {
        let mut r = rig(sack);
        r.ack(0, &[(1, 2)]);
        r.ack(0, &[(1, 3)]);
        assert_eq!(r.phase(), Phase::Disorder);
        let verdict = r.ack(3, &[]);
        assert_eq!((verdict.begun, verdict.delivered), (None, 1));
        assert_eq!((r.phase(), r.recovery.reno_sacked()), (Phase::Open, 0));
    }
}

#[test]
fn a_timeout_sends_all_again_in_slow_start() {
    let mut r = rig(true);
    r.rto(false);
    assert_eq!((r.phase(), r.pipe(), r.cwnd()), (Phase::Loss, 0, 1));
    assert_eq!(r.resend(), [(0, TxReason::RtoRetransmit)]);
    r.ack(1, &[]);
    assert_eq!(r.resend(), [(1, TxReason::AfterRtoRetransmit), (2, TxReason::AfterRtoRetransmit)]);
    r.ack(3, &[]);
    let verdict = r.ack(10, &[]);
    assert!(verdict.ended && verdict.left_loss);
    assert_eq!(r.phase(), Phase::Open);
}

#[test]
fn a_timeout_spares_what_is_sacked_and_leaves_it_in_the_window() {
    let mut r = rig(true);
    r.ack(0, &[(4, 6)]);
    r.rto(false);
    assert_eq!(r.resend(), [(0, TxReason::RtoRetransmit)]);
    let mut segments = Vec::new();
    for una in [1, 2, 3, 6, 7, 8, 9] {
        r.ack(una, &[(4, 6)]);
        segments.extend(r.resend().into_iter().map(|(segment, _)| segment));
    }
    assert_eq!(segments, [1, 2, 3, 6, 7, 8, 9]);
}

#[test]
fn the_window_is_reduced_once_for_one_loss() {
    let mut r = rig(false);
    r.acks(3, 0);
    r.resend();
    assert_eq!(r.congestion.ssthresh(), 5);
    r.rto(false);
    r.rto(true);
    assert_eq!(r.congestion.ssthresh(), 5, "fast recovery did it, and it did not help");
    r.ack(4, &[]);
    r.rto(false);
    assert_eq!(r.congestion.ssthresh(), 2, "after progress, a new one");
}

#[test]
fn what_is_lost_of_the_data_sent_in_recovery_is_another_loss() {
    // RFC 6675 §5: losses above the recovery point begin another recovery.
    let mut r = rig(true);
    assert!(r.ack(0, &[(1, 10)]).begun.is_some());
    r.resend();
    (0..5).for_each(|_| r.send_new());
    r.ack(0, &[(11, 15), (1, 10)]);
    let verdict = r.ack(10, &[(11, 15)]);
    assert!(verdict.ended && verdict.begun.is_some());
    assert_eq!(r.resend(), [(10, TxReason::FastRetransmit)]);
    assert!(r.ack(15, &[]).ended);
}

/// Without SACK a duplicate ACK after a timeout may answer what was sent before it.
#[test]
fn duplicate_acks_after_a_timeout_count_only_when_something_new_was_sent() {
    let mut r = rig(false);
    r.rto(false);
    assert_eq!(r.resend().len(), 1);
    r.acks(3, 0);
    assert_eq!((r.pipe(), r.resend()), (1, Vec::new()));
    r.send_new();
    r.ack(0, &[]);
    assert_eq!(r.pipe(), 1, "two in the network, and one has left");
}

#[test]
fn a_super_segment_goes_again_in_one_as_far_as_the_window_lets() {
    let mut r = rig(true);
    r.records = SentRecords::new(SeqNum(0));
    r.records.on_sent(SeqNum(10 * MSS), ms(1), Snapshot::default(), Shape { segment: 1000, ..Shape::SINGLE });
    r.rto(false);
    let window = |cwnd, max| Window { cwnd, sack: true, mss: MSS, max, rack: false };
    let next = r.recovery.next(&mut r.records, window(0, 44)).unwrap();
    assert_eq!(next.end, SeqNum(MSS), "one goes at the timeout, whatever the window says");
    r.recovery.let_go();
    let next = r.recovery.next(&mut r.records, window(3, 44)).unwrap();
    assert_eq!((next.start, next.end), (SeqNum(0), SeqNum(3 * MSS)));
    r.recovery.on_retransmit(&mut r.records, next.start, next.end, ms(5), Snapshot::default(), MSS as u16);
    assert_eq!(r.recovery.next(&mut r.records, window(3, 44)), None);
    assert_eq!(r.recovery.next(&mut r.records, window(10, 4)), None, "until another ACK lets it");
    r.recovery.let_go();
    let next = r.recovery.next(&mut r.records, window(10, 4)).unwrap();
    assert_eq!(next.end, SeqNum(7 * MSS), "no more than the device's");
}

#[test]
fn ecn_reduces_once_a_window_and_ends_above_it() {
    // RFC 3168 §6.1.2.
    let mut r = rig(true);
    assert_eq!(r.ack_saying(1, &[], true).begun, Some(RecoveryReason::Ecn));
    assert_eq!((r.phase(), r.congestion.ssthresh()), (Phase::Cwr, 5));
    assert_eq!(r.ack_saying(2, &[], true).begun, None, "once");
    for una in 3..=9 {
        r.ack(una, &[]);
        r.send_all();
    }
    assert!(!r.ack(10, &[]).ended, "not before the peer can have seen CWR");
    assert!(r.ack(11, &[]).ended);
    assert_eq!((r.phase(), r.cwnd()), (Phase::Open, 5));
}

#[test]
fn a_loss_in_cwr_goes_on_with_the_same_reduction() {
    let mut r = rig(true);
    r.ack_saying(1, &[], true);
    let verdict = r.ack(1, &[(2, 5)]);
    assert_eq!((verdict.begun, verdict.ended), (Some(RecoveryReason::Sack), false));
    assert_eq!(r.congestion.ssthresh(), 5, "not reduced again");
    r.resend();
    assert!(r.ack(10, &[]).ended);
    assert_eq!(r.cwnd(), 5 + 1, "of which the last ACK opens one");
}

#[test]
fn the_window_comes_down_by_what_arrives() {
    // RFC 9937: half of what arrives lets something go, from 10 to 5.
    let mut r = rig(true);
    r.ack(0, &[(1, 4)]);
    r.resend();
    let mut sent = 0;
    for right in 5..=10 {
        r.ack(0, &[(1, right)]);
        r.resend();
        sent += r.send_all();
    }
    assert!(r.ack(10, &[]).ended);
    assert_eq!(sent, 4, "and one was sent again, of the five that the new window holds");
    assert_eq!(r.cwnd(), 5);
}

#[test]
fn a_peer_that_takes_back_gets_a_little_time() {
    let mut r = rig(true);
    r.ack(0, &[(2, 4)]);
    let verdict = r.ack(2, &[]);
    assert!(verdict.reneging, "RFC 2018 §8: what it told of is not acknowledged");
    let loss = LossSample::new(ms(500), 0, MSS);
    assert!(r.recovery.on_rto(&mut r.records, &mut r.congestion, loss, false, true, 3));
    assert_eq!((r.records.sacked(), r.records.segments_lost()), (0, 8), "nothing that it told is believed");
}

#[test]
fn a_recovery_ends_the_episode_of_a_probe() {
    // Its ACK must not reduce the window once more for the same loss (RFC 8985 §7.4).
    let mut r = rig(true);
    let nxt = r.records.snd_nxt();
    r.recovery.tlp().on_sent(nxt, true);
    assert_eq!(r.ack(0, &[(1, 4)]).begun, Some(RecoveryReason::Sack));
    assert!(!r.recovery.tlp().is_out());
}
