//! What is sent again, and why.

use super::super::{Cause, End, Kind, Place, TroubleKind};
use super::Wire;
use super::wire::{client, server};
use std::time::Duration;

#[test]
fn new_data_and_its_acknowledgement() {
    let mut wire = Wire::open();
    let sent = wire.after(1_000, client("P.", 1, 100, 1));
    assert_eq!((sent.kind, sent.place, sent.seq, sent.len), (Kind::Data, Place::Next, 1, 100));
    assert_eq!(sent.in_flight, 100);
    let ack = wire.after(12_000, server(".", 1, 0, 101));
    assert_eq!((ack.kind, ack.ack, ack.newly_acked), (Kind::Ack, 101, 100));
    assert_eq!(ack.rtt, Some(Duration::from_millis(12)));
    assert_eq!(ack.window, 128_000);
    let figures = wire.flow().end(End::Client).clone();
    assert_eq!((figures.unique_bytes, figures.max_in_flight, figures.in_flight), (100, 100, 0));
}

#[test]
fn duplicate_acks_bring_a_fast_retransmission() {
    let mut wire = Wire::open();
    for n in 0..5 {
        wire.after(10, client(".", 1 + n * 1000, 1000, 1));
    }
    wire.after(10_000, server(".", 1, 0, 1001));
    for n in 1..=3 {
        let ack = wire.after(10, server(".", 1, 0, 1001).sack(&[(2001, 2001 + n * 1000)]));
        assert_eq!(ack.kind, Kind::DuplicateAck);
    }
    let sent = wire.after(10, client(".", 1001, 1000, 1));
    let again = sent.again.expect("it was sent before");
    assert_eq!((again.cause, again.original, again.nth), (Cause::Fast, Some(5), 1));
    assert_eq!(sent.place, Place::Again);
    let flow = wire.flow();
    assert_eq!(flow.end(End::Client).caused_by(Cause::Fast), 1);
    assert_eq!((flow.end(End::Server).duplicate_acks, flow.end(End::Server).sacks), (3, 3));
    assert_eq!(flow.end(End::Client).unique_bytes, 5000);
    assert!(flow.troubles.find(TroubleKind::Losses, End::Client).is_some());
}

#[test]
fn silence_brings_timeouts() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    let mut waits = Vec::new();
    // The only segment is the last, too: it goes as a probe first (RFC 8985 §7.2).
    for (wait, cause) in [(210, Cause::Probe), (420, Cause::Rto), (840, Cause::Rto)] {
        let sent = wire.after(wait * 1_000, client("P.", 1, 1000, 1));
        let again = sent.again.expect("it was sent before");
        assert_eq!((again.cause, again.original), (cause, Some(4)));
        waits.push((again.nth, again.after.as_millis()));
    }
    assert_eq!(waits, [(1, 210), (2, 420), (3, 840)]);
    let flow = wire.end();
    assert_eq!(flow.troubles.find(TroubleKind::Timeouts, End::Client).map(|t| t.count), Some(2));
    assert_eq!(flow.ending, super::super::Ending::Silent);
}

/// The timer sends one; the others that it took for lost go out on the ACKs that come then.
#[test]
fn what_a_timeout_left_behind_goes_again_on_acknowledgements() {
    let mut wire = Wire::open();
    for n in 0..4 {
        wire.after(10, client(".", 1 + n * 1000, 1000, 1));
    }
    let mut again = |micros, seq| wire.after(micros, client(".", seq, 1000, 1)).again.map(|again| again.cause);
    assert_eq!(again(250_000, 1), Some(Cause::Rto));
    assert_eq!(again(500_000, 1), Some(Cause::Rto));
    wire.after(10_000, server(".", 1, 0, 1001));
    let mut again = |micros, seq| wire.after(micros, client(".", seq, 1000, 1)).again.map(|again| again.cause);
    assert_eq!([again(10, 1001), again(10, 2001)], [Some(Cause::AfterRto); 2]);
    // Nothing comes back: the timer again.
    assert_eq!(again(500_000, 1001), Some(Cause::Rto));
    let flow = wire.end();
    assert_eq!(flow.troubles.find(TroubleKind::Timeouts, End::Client).map(|trouble| trouble.count), Some(3));
}

#[test]
fn a_tail_loss_probe_comes_before_the_timeout() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    wire.after(10, client("P.", 1001, 1000, 1));
    let sent = wire.after(30_000, client("P.", 1001, 1000, 1));
    assert_eq!(sent.again.map(|again| again.cause), Some(Cause::Probe));
}

#[test]
fn d_sack_tells_that_it_was_needless() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1));
    wire.after(300_000, client("P.", 1, 1000, 1));
    wire.after(10, server(".", 1, 0, 1001));
    let ack = wire.after(10_000, server(".", 1, 0, 1001).sack(&[(1, 1001)]));
    assert_eq!(ack.needless, None, "the ACK that came too soon had told");
    let flow = wire.flow();
    assert_eq!((flow.end(End::Client).needless, flow.end(End::Server).dsacks), (1, 1));
}

#[test]
fn an_older_timestamp_tells_that_it_was_needless() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1).stamps(100, 7));
    wire.after(300_000, client("P.", 1, 1000, 1).stamps(400, 7));
    let ack = wire.after(9_000, server(".", 1, 0, 1001).stamps(8, 100));
    assert_eq!(ack.needless, Some(5));
}

#[test]
fn what_was_overtaken_is_not_sent_again() {
    let mut wire = Wire::open();
    let ahead = wire.after(1_000, client("P.", 1001, 1000, 1).id(11));
    assert_eq!(ahead.place, Place::Ahead);
    let late = wire.after(20_000, client("P.", 1, 1000, 1).id(10));
    assert_eq!((late.place, late.again), (Place::Overtaken, None));
    assert_eq!(wire.flow().end(End::Client).overtaken, 1);
    assert_eq!(wire.flow().end(End::Client).unique_bytes, 2000);
}

#[test]
fn what_was_lost_before_the_vantage_point_is_sent_again() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1001, 1000, 1).id(11));
    wire.after(10, server(".", 1, 0, 1).sack(&[(1001, 2001)]));
    let sent = wire.after(20_000, client("P.", 1, 1000, 1).id(14));
    let again = sent.again.expect("its original was lost");
    assert_eq!((again.original, again.cause), (None, Cause::Fast));
    assert_eq!(wire.flow().end(End::Client).lost_before, 1);
}

#[test]
fn the_same_packet_twice_is_a_copy() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1).id(77));
    let copy = wire.after(5, client("P.", 1, 1000, 1).id(77));
    assert_eq!(copy.again.map(|again| again.cause), Some(Cause::Copy));
    let figures = wire.flow().end(End::Client).clone();
    assert_eq!((figures.retransmissions, figures.caused_by(Cause::Copy)), (0, 1));
}

#[test]
fn keepalives_and_probes_are_no_retransmissions() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10_000, server(".", 1, 0, 101));
    let probe = wire.after(75_000_000, client(".", 100, 0, 1));
    assert_eq!((probe.kind, probe.again), (Kind::KeepAlive, None));
    assert_eq!(wire.after(10_000, server(".", 1, 0, 101)).kind, Kind::ProbeAnswer);
    wire.after(10, server(".", 1, 0, 101).window(0));
    assert_eq!(wire.after(200_000, client(".", 100, 0, 1)).kind, Kind::WindowProbe);
    assert_eq!(wire.after(10, server(".", 1, 0, 101).window(0)).kind, Kind::ProbeAnswer);
    assert_eq!(wire.after(500_000, server(".", 1, 0, 101).window(50)).kind, Kind::WindowUpdate);
    let window = wire.flow().end(End::Server).window;
    assert_eq!((window.zero_count, window.zero_time), (1, Duration::from_micros(700_010)));
    assert_eq!(wire.flow().end(End::Client).retransmissions, 0);
}

#[test]
fn an_opening_twice_at_once_is_a_copy() {
    let mut wire = Wire::new();
    wire.at(0, client("S", 0, 0, 0).offers());
    let copy = wire.after(100, client("S", 0, 0, 0).offers());
    assert_eq!(copy.again.map(|again| again.cause), Some(Cause::Copy));
    let again = wire.after(1_000_000, client("S", 0, 0, 0).offers());
    assert_eq!(again.again.map(|again| again.cause), Some(Cause::NoAnswer));
    wire.after(10_000, server("S.", 0, 0, 1).offers());
    // The SYN was repeated: each may be answered.
    let answer = wire.after(10, server("S.", 0, 0, 1).offers());
    assert_eq!(answer.again.map(|again| again.cause), Some(Cause::NoAnswer));
}

/// Of a large segment, as a card takes it, a small part goes again: the rest was sent once.
#[test]
fn a_part_of_a_large_segment_goes_again() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 5000, 1));
    let again = wire.after(600_000, client(".", 1, 1000, 1)).again.expect("again");
    assert_eq!((again.original, again.nth), (Some(4), 1));
    let rest = wire.after(10, client(".", 1001, 1000, 1)).again.expect("again");
    assert_eq!((rest.original, rest.nth, rest.previous), (Some(4), 1, Some(4)));
    let twice = wire.after(10, client(".", 1, 1000, 1)).again.expect("again");
    assert_eq!((twice.original, twice.nth, twice.previous), (Some(4), 2, Some(5)));
}

/// As when both ends connect at once: the SYN-ACK has the SYN's number, and is no second sending of it.
#[test]
fn a_syn_ack_that_answers_a_crossed_syn_is_sent_once() {
    let mut wire = Wire::new();
    wire.at(0, client("S", 0, 0, 0).offers());
    wire.after(10, server("S", 0, 0, 0).offers());
    for answer in [client("S.", 0, 0, 1), server("S.", 0, 0, 1)] {
        assert_eq!(wire.after(10_000, answer.clone().offers()).again, None);
        let again = wire.after(1_000_000, answer.offers()).again;
        assert_eq!(again.map(|again| again.cause), Some(Cause::NoAnswer));
    }
}

/// One acknowledgement may show several retransmissions to be needless: they are told of one after the other.
#[test]
fn all_that_came_too_soon_was_needless() {
    let mut wire = Wire::open();
    for n in 0..5 {
        wire.after(10, client(".", 1 + n * 1000, 1000, 1));
    }
    for n in 0..5 {
        wire.after(if n == 0 { 1_500_000 } else { 10 }, client(".", 1 + n * 1000, 1000, 1));
    }
    let mut vain: Vec<u64> = wire.after(100, server(".", 1, 0, 5001)).needless.into_iter().collect();
    for n in 0..8 {
        vain.extend(wire.after(10_000, client(".", 5001 + n * 10, 10, 1)).needless);
    }
    assert_eq!(vain, [9, 10, 11, 12, 13]);
    assert_eq!(wire.end().end(End::Client).needless, 5);
}

/// What three duplicate ACKs ask for comes a round trip to the sender later, be it as late as a timeout.
#[test]
fn what_comes_when_it_was_asked_for_is_fast() {
    let mut wire = Wire::new();
    wire.at(0, client("S", 0, 0, 0).offers());
    wire.after(10, server("S.", 0, 0, 1).offers());
    // At the server: the client is 300 ms away.
    wire.after(300_000, client(".", 1, 0, 1));
    wire.after(10, client(".", 1001, 1000, 1));
    wire.after(10, server(".", 1, 0, 1));
    for n in 0..3 {
        wire.after(300_000, client(".", 2001 + n * 1000, 1000, 1));
        wire.after(10, server(".", 1, 0, 1));
    }
    let again = wire.after(300_000, client(".", 1, 1000, 1)).again.expect("again");
    assert_eq!(again.cause, Cause::Fast, "{again:?}");
}

#[test]
fn an_original_that_comes_after_its_retransmission_was_overtaken() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1001, 1000, 1).id(11));
    wire.after(10, server(".", 1, 0, 1).sack(&[(1001, 2001)]));
    assert_eq!(wire.after(20_000, client("P.", 1, 1000, 1).id(14)).place, Place::Again);
    wire.after(10, server(".", 1, 0, 2001));
    let late = wire.after(10, client("P.", 1, 1000, 1).id(10));
    assert_eq!((late.place, late.again, late.needless), (Place::Overtaken, None, Some(6)));
    let figures = wire.flow().end(End::Client).clone();
    assert_eq!((figures.retransmissions, figures.needless, figures.overtaken), (1, 1, 1));
}

#[test]
fn what_was_acknowledged_long_ago_is_sent_again_in_vain() {
    let mut wire = Wire::open();
    for n in 0..100 {
        wire.after(100, client(".", 1 + n * 1000, 1000, 1));
        wire.after(10_000, server(".", 1, 0, 1001 + n * 1000));
    }
    let sent = wire.after(100, client(".", 1, 1000, 1));
    assert_eq!((sent.place, sent.needless), (Place::Again, Some(sent.number)));
}

#[test]
fn an_acknowledgement_tells_of_data_that_was_lost_before() {
    let mut wire = Wire::open();
    wire.after(1_000, server("P.", 1, 1000, 1).id(20));
    wire.after(100, client("P.", 1, 200, 1001));
    // It stands behind a segment that was never seen.
    wire.after(10_000, server(".", 2001, 0, 201).id(22));
    let sent = wire.after(8_000, server("P.", 1001, 1000, 201).id(23));
    assert_eq!(sent.place, Place::Again);
    assert_eq!(sent.again.map(|again| again.original), Some(None));
    // What only was overtaken by the acknowledgement is sent for the first time.
    wire.after(10_000, server(".", 3001, 0, 201).id(25));
    let late = wire.after(8_000, server("P.", 2001, 1000, 201).id(24));
    assert_eq!((late.place, late.again), (Place::Next, None));
}

#[test]
fn a_d_sack_may_mean_a_copy() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1).id(77));
    wire.after(5, client("P.", 1, 1000, 1).id(77));
    wire.after(10_000, server(".", 1, 0, 1001));
    let ack = wire.after(5, server(".", 1, 0, 1001).sack(&[(1, 1001)]));
    assert_eq!(ack.needless, None);
    assert_eq!((wire.flow().end(End::Client).needless, wire.flow().end(End::Server).dsacks), (0, 1));
}

#[test]
fn a_partial_ack_brings_the_next_hole() {
    let mut wire = Wire::open();
    for n in 0..6 {
        wire.after(10, client(".", 1 + n * 1000, 1000, 1));
    }
    wire.after(10_000, server(".", 1, 0, 1001));
    for _ in 0..3 {
        wire.after(10, server(".", 1, 0, 1001));
    }
    let first = wire.after(10, client(".", 1001, 1000, 1));
    assert_eq!(first.again.map(|again| again.cause), Some(Cause::Fast));
    wire.after(10_000, server(".", 1, 0, 3001));
    let second = wire.after(10, client(".", 3001, 1000, 1));
    assert_eq!(second.again.map(|again| again.cause), Some(Cause::PartialAck));
}

#[test]
fn a_gap_that_explains_what_is_missing_is_no_lost_tail() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 1000, 1).id(10));
    wire.after(10_000, server(".", 1, 0, 1001));
    // Two were numbered between, and two are missing.
    let ahead = wire.after(400_000, client("P.", 3001, 1000, 1).id(13));
    assert_eq!((ahead.place, ahead.again), (Place::Ahead, None));
    // One was numbered between, and nothing is missing: it was this.
    wire.after(10_000, server(".", 1, 0, 4001));
    let tail = wire.after(400_000, client("P.", 4001, 1000, 1).id(15));
    assert_eq!((tail.place, tail.again.map(|again| again.original)), (Place::Again, Some(None)));
}

/// What the capture dropped was sent once, and so is what follows it.
#[test]
fn what_follows_a_hole_of_the_capture_is_new() {
    let data = |n: u32, ack| client(".", 1 + n * 1000, 1000, ack).id(100 + n as u16);
    // The hole swallowed data 1 to 9, and their ACKs but for the last.
    let mut wire = Wire::open();
    wire.after(10, data(0, 1));
    wire.after(10_000, server(".", 1, 0, 1001));
    let ack = wire.after(300_000, server(".", 1, 0, 10_001));
    assert!(ack.acks_unseen);
    let sent = wire.after(100, data(12, 1));
    assert_eq!((sent.again, sent.place), (None, Place::Ahead), "10 and 11 were dropped, too");
    let flow = wire.end();
    assert_eq!((flow.retransmissions(), flow.end(End::Client).unseen_bytes), (0, 9000));
    assert_eq!(flow.stall_count, 0, "something moved");
    // It swallowed a question and its answer, and pure ACKs of the client's, which are numbered, too.
    let mut wire = Wire::open();
    wire.after(10, data(0, 1));
    wire.after(10_000, server("P.", 1, 100, 1001));
    let next = wire.after(300_000, client("P.", 2001, 1000, 501).id(104));
    assert_eq!(next.again, None, "it acknowledges what was not seen");
}

/// Of several queues the ACK may be captured before what it acknowledges.
#[test]
fn data_captured_after_its_acknowledgement_is_no_repetition() {
    let mut wire = Wire::open();
    wire.after(10_000, server(".", 1, 0, 1001));
    let sent = wire.after(20, client("P.", 1, 1000, 1));
    assert_eq!((sent.again, sent.place, sent.needless), (None, Place::Next, None));
    let flow = wire.end();
    let figures = flow.end(End::Client);
    assert_eq!((figures.unique_bytes, figures.unseen_bytes, figures.retransmissions), (1000, 0, 0));
    assert!(flow.troubles.is_empty(), "{:?}", flow.troubles);
}

/// Nobody here knows whether the original arrived.
#[test]
fn what_repeats_data_from_before_the_capture_is_not_called_needless() {
    let mut wire = Wire::new();
    wire.at(0, client(".", 10_001, 1000, 1));
    let again = wire.after(100, client(".", 5_001, 1000, 1));
    assert_eq!((again.place, again.needless), (Place::Again, None));
    let figures = wire.end().ends[0].clone();
    assert_eq!((figures.retransmissions, figures.lost_before, figures.needless), (1, 0, 0));
}
