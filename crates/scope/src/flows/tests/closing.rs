//! How connections close, and why they are reset.

use super::super::{End, Ending, FlowNumber, Opening, ResetCause, TroubleKind};
use super::Wire;
use super::wire::{client, server};
use limpid_event::TcpState;
use std::time::Duration;

fn reset_cause(wire: Wire) -> Option<ResetCause> {
    wire.end().reset.map(|reset| reset.cause)
}

#[test]
fn half_close_and_its_length() {
    let mut wire = Wire::open();
    wire.after(1_000, client("F.", 1, 0, 1));
    wire.after(10_000, server(".", 1, 0, 2));
    assert_eq!(wire.flow().ending, Ending::HalfClosed);
    wire.after(500_000, server("P.", 1, 700, 2));
    wire.after(100, client(".", 2, 0, 701));
    wire.after(490_000, server("F.", 701, 0, 2));
    assert_eq!(wire.flow().ending, Ending::Closing);
    wire.after(100, client(".", 2, 0, 702));
    let flow = wire.end();
    assert_eq!((flow.ending, flow.closer), (Ending::Closed, Some(End::Client)));
    assert_eq!(flow.half_close(), Some(Duration::from_micros(1_000_100)));
    assert_eq!(flow.time_wait(), [End::Client]);
    assert!(!flow.end(End::Client).fin.expect("a FIN").acked_by_fin);
}

#[test]
fn both_close_at_once() {
    let mut wire = Wire::open();
    wire.after(1_000, client("F.", 1, 0, 1));
    wire.after(1_000, server("F.", 1, 0, 1));
    wire.after(1_000, client(".", 2, 0, 2));
    wire.after(1_000, server(".", 2, 0, 2));
    let flow = wire.end();
    assert!(flow.closed_at_once);
    assert_eq!(flow.time_wait(), End::BOTH);
    let states = |end: End| flow.end(end).states.iter().map(|change| change.to).collect::<Vec<_>>();
    use TcpState::*;
    assert_eq!(states(End::Client), [SynSent, Established, FinWait1, Closing, TimeWait]);
    assert_eq!(states(End::Server), [Listen, SynReceived, Established, FinWait1, Closing, TimeWait]);
}

#[test]
fn a_closed_port_refuses() {
    let mut wire = Wire::new();
    wire.at(0, client("S", 7, 0, 0).offers());
    wire.after(10_000, server("R.", 0, 0, 8));
    let flow = wire.end();
    assert_eq!((flow.opening, flow.ending), (Opening::Refused, Ending::Failed));
    assert_eq!(flow.reset.map(|reset| (reset.cause, reset.answers)), Some((ResetCause::Refused, Some(1))));
    assert_eq!(flow.troubles.worst().map(|t| (t.kind, t.end)), Some((TroubleKind::Refused, End::Client)));
}

#[test]
fn resets_and_their_causes() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server("R.", 1, 0, 101));
    assert_eq!(reset_cause(wire), Some(ResetCause::UnreadData));

    let mut wire = Wire::open();
    wire.after(1_000, client("R.", 1, 0, 1));
    assert_eq!(reset_cause(wire), Some(ResetCause::Aborted));

    // What it sent last does not tell whether it had read everything.
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server("P.", 1, 10, 101));
    wire.after(10, server("R.", 11, 0, 101));
    assert_eq!(reset_cause(wire), Some(ResetCause::AbortedOrUnread));

    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server("R", 1, 0, 0));
    assert_eq!(reset_cause(wire), Some(ResetCause::Unknown));

    // The data was on its way when the FIN left, and the ACK of the FIN found nobody.
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server("F.", 1, 0, 1));
    wire.after(10, client(".", 101, 0, 2));
    wire.after(10, server("R", 2, 0, 0));
    assert_eq!(reset_cause(wire), Some(ResetCause::AfterClose));

    // Closed for good, and more was in the queue than had been read.
    let mut wire = Wire::open();
    wire.after(1_000, server("F.", 1, 0, 1));
    wire.after(10, client(".", 1, 0, 2));
    wire.after(10, client("P.", 1, 100, 2));
    wire.after(10, server("R.", 2, 0, 101));
    assert_eq!(reset_cause(wire), Some(ResetCause::UnreadData));

    let mut wire = Wire::open();
    wire.after(300_000_000, client("P.", 1, 100, 1));
    wire.after(10, server("R", 1, 0, 0));
    assert_eq!(reset_cause(wire), Some(ResetCause::IdleMiddlebox));

    let mut wire = Wire::open();
    wire.after(1_000, server("F.", 1, 0, 1));
    wire.after(10, client(".", 1, 0, 2));
    wire.after(10, client("P.", 1, 100, 2));
    wire.after(10, server("R", 2, 0, 0));
    assert_eq!(reset_cause(wire), Some(ResetCause::AfterClose));

    // The FIN has been acknowledged; what it answers was sent before that, and acknowledged less.
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server("F.", 1, 0, 1));
    wire.after(10, client(".", 101, 0, 2));
    wire.after(10, server("R", 1, 0, 0));
    let reset = wire.flow().reset.expect("taken");
    wire.after(300_000, server("R", 2, 0, 0));
    assert_eq!(wire.flow().reset.map(|later| later.sent.number), Some(reset.sent.number));
    assert_eq!(reset_cause(wire), Some(ResetCause::AfterClose));

    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server("R.", 1, 0, 101).ttl(51));
    assert_eq!(reset_cause(wire), Some(ResetCause::Injected));
}

#[test]
fn a_reset_out_of_the_window_changes_nothing() {
    let mut wire = Wire::open();
    wire.after(1_000, client("P.", 1, 100, 1));
    wire.after(10, server(".", 1, 0, 101));
    wire.after(10, server("R", 900_000_000, 0, 0));
    wire.after(10, client("P.", 101, 100, 1));
    let flow = wire.end();
    assert_eq!((flow.ending, flow.reset), (Ending::Open, None));
    assert!(flow.troubles.find(TroubleKind::Stranger, End::Server).is_some());
}

#[test]
fn ports_that_are_used_again_are_another_connection() {
    let mut wire = Wire::open();
    wire.after(10, client(".", 1, 0, 1).port(40_001));
    let other = wire.after(1_000, client("S", 5_000, 0, 0).offers());
    assert_eq!((other.flow, other.opens), (FlowNumber(3), true));
    let old = wire.flows.poll_ended().expect("it is no more");
    assert_eq!(old.number, FlowNumber(1));
    let new = wire.flows.flow(FlowNumber(3)).expect("it is followed");
    assert_eq!(new.before, Some(FlowNumber(1)));
    assert!(new.troubles.find(TroubleKind::PortReused, End::Client).is_some());
}

/// Runs of an experiment begin alike: the same ports and numbers at the same time.
#[test]
fn another_recording_in_the_same_file_is_another_connection() {
    let mut wire = Wire::new();
    wire.at(0, client("S", 0, 0, 0).offers());
    wire.at(1_000, client("S", 0, 0, 0).offers());
    // A copy that is taken a little late is no new connection.
    assert_eq!(wire.at(0, client("S", 0, 0, 0).offers()).flow, FlowNumber(1));
    wire.at(10_000, server("S.", 0, 0, 1).offers());
    let again = wire.at(0, client("S", 0, 0, 0).offers());
    assert_eq!((again.flow, again.opens, again.again), (FlowNumber(2), true, None));
    let new = wire.flows.flow(FlowNumber(2)).expect("it is followed");
    assert_eq!((new.before, new.troubles.is_empty()), (None, true));
    assert_eq!(wire.flows.poll_ended().map(|flow| flow.number), Some(FlowNumber(1)));
}

/// Of an asymmetric path, or behind a filter, one direction is seen.
#[test]
fn what_only_an_answered_client_sends_shows_the_answer() {
    let mut wire = Wire::new();
    wire.at(0, client("S", 0, 0, 0).offers());
    wire.after(10, client(".", 1, 0, 1));
    wire.after(10, client("P.", 1, 100, 1));
    wire.after(10, client(".", 101, 0, 5001));
    let flow = wire.end();
    assert_eq!((flow.opening, flow.ending, flow.handshake), (Opening::Handshake, Ending::Open, None));
    assert!(flow.troubles.worst().is_none(), "{:?}", flow.troubles);
}

#[test]
fn what_only_a_connected_server_sends_shows_the_acknowledgement() {
    let mut wire = Wire::new();
    wire.at(0, server("S.", 0, 0, 1).offers());
    wire.after(1_000_000, server(".", 1, 0, 1));
    assert_eq!(wire.flow().opening, Opening::HalfOpen, "a challenge ACK, maybe");
    wire.after(10, server(".", 1, 0, 101));
    assert_eq!(wire.flow().opening, Opening::Handshake);
}
