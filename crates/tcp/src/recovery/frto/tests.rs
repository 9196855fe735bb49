use super::super::machine::tests::rig;
use super::super::machine::{Phase, Undoing, Undone};
use crate::congestion::Controller;
use alloc::vec::Vec;
use limpid_event::UndoReason;

const FRTO: Undone = Undone { what: Undoing::Loss, how: UndoReason::Frto };

#[test]
fn the_originals_were_late() {
    // RFC 5682 §3.1 steps 1, 2.b, 3.b.
    for sack in [false, true] {
        let mut r = rig(sack);
        r.may_send_new = true;
        r.rto_watched(false, true);
        assert_eq!(r.resend().len(), 1);
        let verdict = r.ack(1, &[]);
        assert_eq!((verdict.undone, r.recovery.sends_new_first()), (None, true));
        assert_eq!(r.resend(), [], "new data goes first");
        assert_eq!(r.send_all(), 2);
        r.recovery.new_was_sent(r.records.snd_nxt());
        let verdict = r.ack(2, &[]);
        assert_eq!(verdict.undone, Some(FRTO), "sack {sack}");
        assert_eq!((r.phase(), r.records.lost()), (Phase::Open, 0));
        assert!(r.cwnd() >= 10 && r.congestion.ssthresh() > 10);
        assert_eq!(r.resend(), []);
    }
}

#[test]
fn sack_tells_of_an_original_at_once() {
    let mut r = rig(true);
    r.rto_watched(false, true);
    r.resend();
    assert_eq!(r.ack(0, &[(1, 2)]).undone, Some(FRTO));
}

#[test]
fn an_ack_of_more_than_what_went_again_is_of_originals_only_with_sack() {
    let mut r = rig(true);
    r.rto_watched(false, true);
    r.resend();
    assert_eq!(r.ack(2, &[]).undone, Some(FRTO));
    let mut r = rig(false);
    r.rto_watched(false, true);
    r.resend();
    assert_eq!(r.ack(2, &[]).undone, None, "without, the rest may have been received before");
}

#[test]
fn a_duplicate_after_new_data_says_that_the_loss_was_real() {
    // Step 3.a.
    for sack in [false, true] {
        let mut r = rig(sack);
        r.may_send_new = true;
        r.rto_watched(false, true);
        r.resend();
        r.ack(1, &[]);
        r.send_all();
        r.recovery.new_was_sent(r.records.snd_nxt());
        let blocks: Vec<(u32, u32)> = if sack { [(10, 11)].into() } else { Vec::new() };
        assert_eq!(r.ack(1, &blocks).undone, None);
        let first = r.resend().first().map(|(segment, _)| *segment);
        assert_eq!((r.phase(), first), (Phase::Loss, Some(1)), "sack {sack}");
        assert_eq!(r.ack(2, &blocks).undone, None, "it is not asked any more");
        assert_eq!(r.ack(9, &blocks).undone, None, "nor of what never went again");
    }
}

#[test]
fn without_new_data_the_usual_recovery_goes_on() {
    // Step 2.b, the other way.
    let mut r = rig(true);
    r.rto_watched(false, true);
    r.resend();
    r.ack(1, &[]);
    assert_eq!(r.resend().len(), 2);

    // There was some, but the window let none go.
    let mut r = rig(true);
    r.may_send_new = true;
    r.rto_watched(false, true);
    r.resend();
    r.ack(1, &[]);
    r.recovery.new_was_sent(r.records.snd_nxt());
    assert_eq!(r.resend().len(), 2);
}

#[test]
fn a_timeout_in_a_recovery_is_not_watched_but_one_after_a_timeout_is() {
    let mut r = rig(true);
    r.ack(0, &[(1, 4)]);
    r.resend();
    r.rto_watched(false, true);
    assert_eq!(r.ack(0, &[(1, 5)]).undone, None);

    let mut r = rig(true);
    r.rto_watched(false, true);
    r.resend();
    r.rto_watched(true, true);
    r.resend();
    assert_eq!(r.ack(0, &[(1, 2)]).undone, Some(FRTO));
}

#[test]
fn switched_off_it_watches_nothing() {
    let mut r = rig(true);
    r.rto(false);
    r.resend();
    assert_eq!(r.ack(0, &[(1, 2)]).undone, None);
}
