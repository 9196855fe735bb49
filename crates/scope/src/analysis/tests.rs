use super::packet::{Content, dissect};
use super::*;
use crate::flows::{Cause, Kind};
use crate::story::{CLIENT, SERVER, Story, experiments, seg};
use crate::trace::{View, What};
use limpid_event::TcpState::*;
use limpid_event::{Event, FlowId};

const OBSERVED: [View; 2] = [View::Observed; 2];

fn states(trace: &Trace, end: usize) -> Vec<limpid_event::TcpState> {
    Analysis::of(trace).connections[0].ends[end].states.iter().map(|change| change.to).collect()
}

#[test]
fn states_follow_from_packets() {
    let trace = experiments::handshake(OBSERVED);
    assert_eq!(states(&trace, CLIENT), [SynSent, Established, FinWait1, TimeWait]);
    assert_eq!(states(&trace, SERVER), [Listen, SynReceived, Established, CloseWait, LastAck, Closed]);
    let trace = experiments::simultaneous_open();
    assert_eq!(states(&trace, CLIENT), [SynSent, SynReceived, Established]);
    let trace = experiments::simultaneous_close();
    assert_eq!(states(&trace, CLIENT)[2..], [FinWait1, Closing, TimeWait]);
    let trace = experiments::close_apart();
    assert_eq!(states(&trace, CLIENT)[2..], [FinWait1, FinWait2, TimeWait]);
    assert_eq!(states(&experiments::refused(), CLIENT), [SynSent, Closed]);
    assert_eq!(states(&experiments::unreachable(), CLIENT), [SynSent, Closed]);
    assert_eq!(states(&experiments::mid_stream(), CLIENT), [Established]);
}

/// Numbers are the capture's, the order is that of departure.
#[test]
fn segments_are_found_by_numbers_in_any_order() {
    let mut trace = experiments::handshake(OBSERVED);
    let count = trace.packets.len() as u64;
    trace.packets.iter_mut().for_each(|packet| packet.number = (packet.number * 5) % (count + 1));
    let analysis = Analysis::of(&trace);
    let connection = &analysis.connections[0];
    assert!(!connection.segments.is_sorted_by_key(|segment| segment.number));
    for segment in &connection.segments {
        assert_eq!(connection.numbered(segment.number).map(|found| found.number), Some(segment.number));
    }
    assert!(connection.numbered(count + 1).is_none());
}

#[test]
fn a_syn_counts_only_when_it_is_answered() {
    // A full queue threw the first away.
    let mut s = Story::new(OBSERVED);
    s.sends(0, seg(CLIENT, "S", 0, 0)).sends(1000, seg(CLIENT, "S", 0, 0));
    s.sends(1010, seg(SERVER, "S.", 0, 1));
    let trace = s.end(2000);
    let analysis = Analysis::of(&trace);
    let received = analysis.connections[0].ends[SERVER].states.iter().find(|change| change.to == SynReceived);
    assert_eq!(received.map(|change| change.at.as_millis()), Some(1010));
}

#[test]
fn a_reset_that_arrives_ends_time_wait() {
    let mut trace = experiments::handshake(OBSERVED);
    assert_eq!(states(&trace, CLIENT).last(), Some(&TimeWait));
    let mut reset = trace.packets.iter().rev().find(|p| p.from == SERVER).expect("the server's FIN").clone();
    // FIN and ACK become RST and ACK.
    reset.bytes[33] = 0x14;
    reset.number = trace.packets.len() as u64 + 1;
    reset.sent_at = trace.end;
    reset.arrival = crate::trace::Arrival::At(trace.end);
    trace.packets.push(reset);
    assert_eq!(states(&trace, CLIENT).last(), Some(&Closed));
}

#[test]
fn a_fin_counts_only_when_all_before_it_has_come() {
    let mut s = Story::new(OBSERVED);
    s.handshake(0);
    s.sends_until(100, 200, seg(CLIENT, ".", 1, 1).len(1000));
    s.sends_until(101, 111, seg(CLIENT, "F.", 1001, 1));
    let trace = s.end(300);
    let analysis = Analysis::of(&trace);
    let change = analysis.connections[0].ends[SERVER].states.last().copied().expect("a state");
    assert_eq!((change.to, change.at.as_millis()), (CloseWait, 200));
}

#[test]
fn a_port_pair_used_again_is_another_connection() {
    let trace = experiments::time_wait_reuse();
    let analysis = Analysis::of(&trace);
    assert_eq!(analysis.connections.len(), 2);
    assert_eq!(analysis.connections[0].pair, analysis.connections[1].pair);
    // A SYN inside a living connection is none: it is answered by a challenge ACK (RFC 5961 §4).
    let mut s = Story::new(OBSERVED);
    s.handshake(0);
    s.isn[CLIENT] += 77_777;
    s.sends(100, seg(CLIENT, "S", 0, 0));
    assert_eq!(Analysis::of(&s.end(200)).connections.len(), 1);
}

/// The causes and numbers of all retransmissions.
fn repeats(trace: &Trace) -> Vec<(u64, Cause, u32)> {
    let analysis = Analysis::of(trace);
    let segments = analysis.connections[0].segments.iter();
    segments.filter_map(|s| s.facts.again.map(|again| (s.number, again.cause, again.nth))).collect()
}

#[test]
fn causes_are_guessed_where_nobody_tells() {
    let without_reasons = |mut trace: Trace| {
        trace.packets.iter_mut().for_each(|p| p.why = None);
        trace
    };
    assert_eq!(repeats(&without_reasons(experiments::lost_segment_fast())), [(15, Cause::Fast, 1)]);
    assert_eq!(repeats(&without_reasons(experiments::lost_segment_rto())), [(5, Cause::Probe, 1), (6, Cause::Rto, 2)]);
    let timeout = experiments::connect_timeout(OBSERVED, &[0, 1000, 3000], None);
    assert_eq!(repeats(&timeout), [(2, Cause::NoAnswer, 1), (3, Cause::NoAnswer, 2)]);
    assert_eq!(repeats(&experiments::simultaneous_open()), [], "a SYN-ACK that answers a crossed SYN repeats nothing");
}

#[test]
fn a_tail_loss_probe_is_guessed_where_nothing_else_can_be() {
    let mut s = Story::new(OBSERVED);
    s.handshake(0);
    s.loses(100, seg(CLIENT, "P.", 1, 1).len(40)).sends(155, seg(CLIENT, "P.", 1, 1).len(40));
    assert_eq!(repeats(&s.end(300)), [(5, Cause::Probe, 1)]);
    // Behind the one that came again there is more: it was no tail.
    let mut s = Story::new(OBSERVED);
    s.handshake(0);
    s.loses(100, seg(CLIENT, ".", 1, 1).len(40)).sends(101, seg(CLIENT, "P.", 41, 1).len(40));
    s.sends(155, seg(CLIENT, ".", 1, 1).len(40));
    assert_eq!(repeats(&s.end(300)), [(6, Cause::Unknown, 1)]);
}

/// As late as a timeout, but of the last segment where there is an earlier one: only a probe does that.
#[test]
fn a_late_probe_of_several_segments_is_no_timeout() {
    let flight = |resent: &[(u64, u32)]| {
        let mut s = Story::new(OBSERVED);
        s.handshake(0);
        for i in 0..3 {
            s.loses(100 + i, seg(CLIENT, ".", 1 + 40 * i as u32, 1).len(40));
        }
        for &(at, start) in resent {
            s.sends(at, seg(CLIENT, ".", start, 1).len(40));
        }
        repeats(&s.end(2000)).into_iter().map(|(_, cause, _)| cause).collect::<Vec<_>>()
    };
    assert_eq!(flight(&[(402, 81)]), [Cause::Probe]);
    assert_eq!(flight(&[(402, 1)]), [Cause::Rto]);
    assert_eq!(
        flight(&[(402, 1), (700, 41), (700, 81)]),
        [Cause::Rto, Cause::AfterRto, Cause::AfterRto],
        "what follows a timeout"
    );
}

/// In real time an engine speaks of a packet a little after it was seen.
#[test]
fn drops_find_the_packet_that_came_just_before() {
    let dropped = |late_micros: u64| {
        let mut s = Story::new([View::Observed, View::Inside]);
        s.handshake(0);
        s.sends(100, seg(CLIENT, "P.", 1, 1).len(40));
        let at = limpid_event::Instant::from_nanos((110_000 + late_micros) * 1000);
        let why = limpid_event::DropReason::Paws;
        s.trace.note(at, SERVER, FlowId::NONE, What::Event(Event::Dropped { why }));
        let trace = s.end(300);
        let analysis = Analysis::of(&trace);
        let connection = &analysis.connections[0];
        (connection.segments[3].dropped.is_some(), connection.notes.len())
    };
    assert_eq!(dropped(0), (true, 0));
    assert_eq!(dropped(120), (true, 0));
    assert_eq!(dropped(5_000), (false, 1), "too late: it is told as a remark");
}

#[test]
fn a_listener_without_room_stays_in_syn_received() {
    let trace = experiments::final_ack_refused(OBSERVED);
    let analysis = Analysis::of(&trace);
    let server = &analysis.connections[0].ends[SERVER].states;
    let established = server.iter().find(|change| change.to == Established).expect("it gets there at last");
    assert_eq!(established.at.as_millis(), 1040);
}

#[test]
fn probes_are_told_from_data() {
    let kinds = |trace: &Trace| -> Vec<(u64, Kind)> {
        let analysis = Analysis::of(trace);
        let segments = analysis.connections[0].segments.iter();
        let kinds = segments.map(|s| (s.number, s.facts.kind));
        kinds
            .filter(|(_, kind)| {
                matches!(kind, Kind::WindowProbe | Kind::KeepAlive | Kind::WindowUpdate | Kind::DuplicateAck)
            })
            .collect()
    };
    let mut zero_window = experiments::zero_window();
    zero_window.packets.iter_mut().for_each(|p| p.why = None);
    assert_eq!(kinds(&zero_window), [(6, Kind::WindowProbe), (8, Kind::WindowProbe), (10, Kind::WindowUpdate)]);
    let mut keepalive = experiments::keepalive_dead_peer(OBSERVED);
    keepalive.packets.iter_mut().for_each(|p| p.why = None);
    assert_eq!(kinds(&keepalive), [6, 7, 8, 9].map(|n| (n, Kind::KeepAlive)));
    // Nor does a keepalive need data before it: it stands on the SYN's number.
    let mut s = Story::new(OBSERVED);
    s.handshake(0);
    s.sends(1000, seg(CLIENT, ".", 0, 1)).sends(1010, seg(SERVER, ".", 1, 1).win(65_160 >> 7));
    assert_eq!(kinds(&s.end(2000)), [(4, Kind::KeepAlive)], "the window of a SYN is not scaled: nothing was updated");
    // A single byte that comes again unacknowledged is no keepalive.
    let mut s = Story::new(OBSERVED);
    s.handshake(0);
    s.loses(100, seg(CLIENT, "P.", 1, 1).len(1)).sends(400, seg(CLIENT, "P.", 1, 1).len(1));
    let trace = s.end(500);
    assert_eq!(kinds(&trace), []);
    assert_eq!(repeats(&trace), [(5, Cause::Probe, 1)]);
}

#[test]
fn numbers_are_relative_across_the_wrap() {
    let mut s = Story::new(OBSERVED);
    s.isn = [u32::MAX - 1, u32::MAX];
    s.handshake(0);
    s.sends(100, seg(CLIENT, "P.", 1, 1).len(10));
    s.sends(110, seg(SERVER, ".", 1, 11));
    let trace = s.end(200);
    let analysis = Analysis::of(&trace);
    let numbers: Vec<(i64, i64)> =
        analysis.connections[0].segments.iter().map(|s| (s.facts.seq, s.facts.ack)).collect();
    assert_eq!(numbers, [(0, 0), (0, 1), (1, 1), (1, 1), (1, 11)]);
}

#[test]
fn cut_packets_tell_what_is_left_of_them() {
    let mut s = Story::new(OBSERVED);
    s.sends(0, seg(CLIENT, "P.", 1, 1).len(1000));
    let bytes = s.end(0).packets.remove(0).bytes;
    for len in 0..bytes.len() {
        match dissect(&bytes[..len]) {
            Content::Tcp(tcp) => {
                assert!(len >= 40, "{len}");
                assert_eq!(tcp.len, 1000, "the length is the packet's, not the capture's");
                assert!(tcp.data.end <= len.max(tcp.data.start));
            }
            Content::Other => assert!(len < 40, "{len}"),
            Content::Icmp(_) => panic!("no ICMP"),
        }
    }
}

#[test]
fn icmp_errors_name_their_segment() {
    for (reporter, ends) in [
        ("10.0.0.1", ["10.0.0.103:55570", "10.0.0.199:6379"]),
        ("2001:db8::1", ["[2001:db8::103]:55570", "[2001:db8::199]:6379"]),
    ] {
        let mut s = Story::between(ends, OBSERVED);
        s.sends(0, seg(CLIENT, "S", 0, 0));
        let code = if reporter.contains(':') { 3 } else { 1 };
        s.icmp_about_syn(5, SERVER, reporter.parse().expect("an address"), code);
        let trace = s.end(100);
        let analysis = Analysis::of(&trace);
        let errors = &analysis.connections[0].errors;
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].error.trouble, Trouble::HostUnreachable);
        assert_eq!((errors[0].to, errors[0].from), (CLIENT, None));
    }
}

/// Several packets come at one moment: what a connection took was not the one that was thrown away, nor was one to the host
/// itself when another's was.
#[test]
fn drops_of_no_connection_leave_alone_what_was_taken() {
    let dropped = |why, is_taken: bool, is_another: bool| {
        let mut s = Story::new([View::Observed, View::Inside]);
        s.handshake(0);
        let data = seg(CLIENT, "P.", 1, 1).len(40);
        s.sends(100, data);
        let tcp = Analysis::of(&s.trace).connections[0].segments[3].tcp.clone();
        let at = limpid_event::Instant::from_nanos(110_000_000);
        let segment = limpid_event::SegmentView {
            seq: tcp.seq,
            ack: tcp.ack,
            flags: tcp.flags,
            window: 502,
            urgent: 0,
            options: limpid_wire::TcpOptions::default().into(),
            ecn: limpid_wire::Ecn::default(),
            len: tcp.len,
        };
        if is_another {
            // The engine tells what it threw away, and that is not in the trace.
            let segment = limpid_event::SegmentView { seq: tcp.seq + 1, ..segment.clone() };
            s.trace.note(at, SERVER, FlowId::NONE, What::Event(Event::Received { segment }));
        }
        if is_taken {
            s.trace.note(at, SERVER, s.flow, What::Event(Event::Received { segment }));
        }
        s.trace.note(at, SERVER, FlowId::NONE, What::Event(Event::Dropped { why }));
        let trace = s.end(300);
        let analysis = Analysis::of(&trace);
        analysis.connections[0].segments[3].dropped.is_some()
    };
    assert!(dropped(limpid_event::DropReason::NoConnection, false, false));
    assert!(!dropped(limpid_event::DropReason::NoConnection, true, false));
    assert!(!dropped(limpid_event::DropReason::NoConnection, false, true));
    assert!(!dropped(limpid_event::DropReason::NotForUs, false, false));
}
