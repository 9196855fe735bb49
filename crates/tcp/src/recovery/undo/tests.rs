use super::super::machine::tests::{Rig, rig};
use super::*;
use alloc::vec::Vec;

fn segments(sent: Vec<(u32, limpid_event::TxReason)>) -> Vec<u32> {
    sent.into_iter().map(|(segment, _)| segment).collect()
}

/// In fast recovery since 104 ms, when segment 0 went again.
fn in_recovery(sack: bool) -> Rig {
    let mut r = rig(sack);
    if sack {
        r.ack(0, &[(1, 4)]);
    } else {
        r.acks(3, 0);
    }
    assert_eq!(segments(r.resend()), [0]);
    assert_eq!((r.phase(), r.congestion.ssthresh()), (Phase::Recovery, 5));
    r
}

#[test]
fn an_older_echo_takes_the_recovery_back() {
    // RFC 3522 §3.2: the ACK of all answers originals.
    let mut r = in_recovery(true);
    r.echo = Some(50);
    let verdict = r.ack(10, &[]);
    assert_eq!(verdict.undone, Some(Undone { what: Undoing::Full, how: UndoReason::Timestamps }));
    assert!(verdict.ended);
    assert_eq!((r.phase(), r.cwnd() >= 10), (Phase::Open, true));
    assert_eq!(r.congestion.ssthresh(), u32::MAX, "RFC 4015 §3.2");
}

#[test]
fn an_echo_of_the_same_tick_proves_nothing() {
    let mut r = in_recovery(true);
    r.echo = Some(r.now);
    assert_eq!(r.ack(10, &[]).undone, None);
    assert!(r.cwnd() < 10);
}

#[test]
fn without_timestamps_nothing_is_known_from_an_ack() {
    let mut r = in_recovery(true);
    assert_eq!(r.ack(10, &[]).undone, None);
}

#[test]
fn nothing_was_sent_again_yet() {
    // The device had no room for the retransmission, and its original arrived.
    let mut r = rig(true);
    r.ack(0, &[(1, 4)]);
    let verdict = r.ack(4, &[]);
    assert_eq!(verdict.undone, Some(Undone { what: Undoing::Partial, how: UndoReason::NothingResent }));
    assert_eq!((r.phase(), r.records.lost(), r.cwnd()), (Phase::Open, 0, 11), "and the ACK opens it");
}

#[test]
fn a_partial_ack_with_an_older_echo_stops_what_goes_again() {
    let mut r = in_recovery(false);
    r.echo = Some(50);
    let verdict = r.ack(2, &[]);
    assert_eq!(verdict.undone, Some(Undone { what: Undoing::Partial, how: UndoReason::Timestamps }));
    assert!(verdict.ended);
    assert_eq!(r.resend(), []);
    assert_eq!(
        (r.phase(), r.cwnd() >= 10),
        (Phase::Disorder, true),
        "duplicate ACKs still tell of segments out of order"
    );
}

#[test]
fn while_retransmissions_are_in_flight_a_partial_undo_waits() {
    // Segments 0 and 4 are lost; 0 was not after all.
    let mut r = rig(true);
    r.ack(0, &[(1, 4)]);
    r.ack(0, &[(5, 9), (1, 4)]);
    assert_eq!(segments(r.resend()), [0, 4]);
    r.echo = Some(50);
    let verdict = r.ack(4, &[(5, 9)]);
    assert_eq!((verdict.undone, verdict.ended), (None, false));
    assert_eq!(r.phase(), Phase::Recovery);
}

#[test]
fn every_retransmission_came_twice() {
    // RFC 2883 §5, RFC 3708: the D-SACK comes in the recovery, or after it.
    let mut r = in_recovery(true);
    r.ack(4, &[]);
    let verdict = r.ack(4, &[(0, 1)]);
    assert_eq!(verdict.undone, Some(Undone { what: Undoing::Dsack, how: UndoReason::Dsack }));
    assert_eq!((verdict.ended, r.phase(), r.cwnd()), (true, Phase::Open, 10));

    let mut r = in_recovery(true);
    assert!(r.ack(10, &[]).ended);
    assert!(r.cwnd() < 10);
    let verdict = r.ack(10, &[(0, 1)]);
    assert_eq!(verdict.undone, Some(Undone { what: Undoing::Dsack, how: UndoReason::Dsack }));
    assert!(r.cwnd() >= 10);
}

#[test]
fn one_duplicate_of_two_retransmissions_is_not_enough() {
    let mut r = rig(true);
    r.ack(0, &[(1, 4)]);
    r.ack(0, &[(5, 9), (1, 4)]);
    assert_eq!(r.resend().len(), 2);
    r.ack(9, &[]);
    assert_eq!(r.ack(9, &[(0, 1)]).undone, None);
    assert!(r.ack(9, &[(4, 5)]).undone.is_some());
}

#[test]
fn duplicates_of_before_this_recovery_do_not_count() {
    let mut r = rig(true);
    r.ack(2, &[]);
    r.ack(2, &[(3, 6)]);
    assert_eq!(segments(r.resend()), [2]);
    r.ack(6, &[]);
    assert_eq!(r.ack(6, &[(0, 1)]).undone, None);
    assert!(r.ack(6, &[(2, 3)]).undone.is_some());
}

#[test]
fn what_the_path_says_itself_is_not_taken_back() {
    // RFC 4015 §3.2: not if it said ECN-Echo.
    let mut r = in_recovery(true);
    r.ack_saying(0, &[(1, 5)], true);
    r.echo = Some(50);
    assert!(r.ack(10, &[]).undone.is_some());
    assert_eq!((r.congestion.ssthresh(), r.cwnd() < 10), (5, true));

    // Nor if the ACK said so that the recovery began with.
    let mut r = rig(true);
    assert!(r.ack_saying(0, &[(1, 4)], true).begun.is_some());
    r.resend();
    r.echo = Some(50);
    assert!(r.ack(10, &[]).undone.is_some());
    assert_eq!((r.congestion.ssthresh(), r.cwnd() < 10), (5, true));
}

#[test]
fn a_timeout_is_taken_back_by_timestamps() {
    for sack in [false, true] {
        let mut r = rig(sack);
        r.rto(false);
        assert_eq!(r.resend().len(), 1);
        assert_eq!(r.cwnd(), 1);
        r.echo = Some(50);
        let verdict = r.ack(1, &[]);
        assert_eq!(verdict.undone, Some(Undone { what: Undoing::Loss, how: UndoReason::Timestamps }));
        assert_eq!((r.records.lost(), r.cwnd() >= 10), (0, true));
        assert_eq!(verdict.left_loss, sack, "without SACK the phase is held");
    }
}

#[test]
fn an_echo_of_zero_says_nothing() {
    assert_eq!(Echo::new(0, TsClock::new(5)), None);
}
