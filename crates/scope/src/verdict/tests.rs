use super::*;
use crate::analysis::packet::{Content, dissect};
use crate::story::{CLIENT, SERVER, Story, experiments, seg};
use insta::assert_snapshot;
use limpid_event::{DropReason, SegmentView, TxReason, UndoReason};
use limpid_wire::Ecn;
use std::fmt::Write;

fn told(trace: &Trace) -> String {
    let mut text = String::new();
    for verdict in explain(trace) {
        writeln!(text, "{:?} {:?}\n  {verdict}", verdict.kind, verdict.packets).expect("a string takes it");
    }
    text
}

#[test]
fn data_on_a_syn_is_told_of() {
    let told = |acknowledged: u32| {
        let mut s = Story::new([View::Inside; 2]);
        s.sends(0, seg(CLIENT, "S", 0, 0).len(6));
        s.sends(10, seg(SERVER, "S.", 0, acknowledged));
        s.sends(20, seg(CLIENT, ".", 7, 1));
        sentences(&s.end(40), Kind::Handshake)
    };
    const OPENED: &str = "Packets 1, 2 and 3 are the three-way handshake: SYN, SYN-ACK, ACK. The client was connected \
                          after 20 ms, one round trip.";
    assert_eq!(told(7), [format!("{OPENED} The SYN's 6 B were taken with it (Fast Open, RFC 7413). [observed]")]);
    assert_eq!(told(1), [format!("{OPENED} The SYN's 6 B were not taken. [observed]")]);
}

#[test]
fn every_experiment_is_explained() {
    for (name, trace) in experiments::all() {
        assert_snapshot!(name, told(&trace));
    }
}

#[test]
fn packets_cited_exist() {
    for (name, trace) in experiments::all() {
        for verdict in explain(&trace) {
            for number in &verdict.packets {
                assert!(trace.packets.iter().any(|p| p.number == *number), "{name}: {verdict}");
            }
        }
    }
}

/// What each experiment is about is among its verdicts.
#[test]
fn the_point_is_made() {
    let cases = [
        ("handshake", Kind::MergedAck),
        ("half-close", Kind::HalfClose),
        ("connect-timeout", Kind::SynSchedule),
        ("connect-timeout-linear", Kind::ConnectTimeout),
        ("refused", Kind::Refused),
        ("unreachable", Kind::Unreachable),
        ("no-route", Kind::Unreachable),
        ("simultaneous-open", Kind::SimultaneousOpen),
        ("simultaneous-close", Kind::SimultaneousClose),
        ("abort", Kind::Reset),
        ("time-wait-reuse", Kind::TimeWaitReuse),
        ("zero-window", Kind::ZeroWindow),
        ("lost-segment-fast", Kind::Loss),
        ("lost-segment-rto", Kind::Loss),
        ("backlog-full", Kind::BacklogFull),
        ("final-ack-refused-observed", Kind::BacklogFull),
        ("keepalive-dead-peer", Kind::KeepAlive),
        ("reordered-and-duplicated", Kind::Reordering),
        ("mid-stream", Kind::MidStream),
    ];
    let all = experiments::all();
    for (name, kind) in cases {
        let (_, trace) = all.iter().find(|(n, _)| *n == name).expect("an experiment of that name");
        assert!(explain(trace).iter().any(|v| v.kind == kind), "{name}: {}", told(trace));
    }
    let apart = explain(&experiments::close_apart());
    assert!(apart.iter().all(|v| v.kind != Kind::MergedAck));
}

#[test]
fn many_of_a_kind_are_counted() {
    let mut s = crate::story::Story::new([View::Inside; 2]);
    s.handshake(0);
    for n in 0..20u32 {
        let data = crate::story::seg(0, ".", 1 + n * 10, 1).len(10);
        s.loses(1000 + u64::from(n) * 1000, data.clone()).sends(1300 + u64::from(n) * 1000, data);
    }
    let losses: Vec<Verdict> = explain(&s.end(60_000)).into_iter().filter(|v| v.kind == Kind::Loss).collect();
    assert_eq!(losses.len(), MAX_OF_A_KIND + 1);
    assert_eq!(losses[MAX_OF_A_KIND].sentence, "16 more like these.");
}

/// The first sentence says what a trace is about.
#[test]
fn the_point_comes_first() {
    let cases = [
        ("handshake", Kind::MergedAck),
        ("close-apart", Kind::SeparateAck),
        ("half-close", Kind::HalfClose),
        ("connect-timeout", Kind::ConnectTimeout),
        ("connect-timeout-capture", Kind::OpeningRetries),
        ("simultaneous-open", Kind::SimultaneousOpen),
        ("simultaneous-close", Kind::SimultaneousClose),
        ("abort", Kind::Reset),
        ("time-wait-reuse", Kind::TimeWaitReuse),
        ("zero-window", Kind::ZeroWindow),
        ("lost-segment-fast", Kind::Loss),
        ("lost-segment-rto", Kind::Loss),
        ("backlog-full", Kind::BacklogFull),
        ("final-ack-refused", Kind::BacklogFull),
        ("keepalive-dead-peer", Kind::KeepAlive),
    ];
    let all = experiments::all();
    for (name, kind) in cases {
        let (_, trace) = all.iter().find(|(n, _)| *n == name).expect("an experiment of that name");
        assert_eq!(explain(trace)[0].kind, kind, "{name}: {}", told(trace));
    }
}

/// All sentences of a kind.
fn sentences(trace: &Trace, kind: Kind) -> Vec<String> {
    explain(trace).into_iter().filter(|v| v.kind == kind).map(|v| v.to_string()).collect()
}

#[test]
fn each_connection_has_its_caption() {
    let mut s = Story::new([View::Inside; 2]);
    for port in [40_001, 40_002] {
        s.ends[CLIENT].port = port;
        s.handshake(u64::from(port - 40_001) * 1000);
    }
    let groups = groups(&s.end(5000));
    let captions: Vec<_> = groups.iter().map(|g| g.caption.as_deref().unwrap_or_default()).collect();
    assert_eq!(captions, ["Connection 1 of 2", "Connection 2 of 2"]);
    assert!(groups.iter().all(|g| g.verdicts.len() == 2));
    assert_eq!(groups[1].verdicts[0].connection.0.port, 40_002);
    let alone = super::groups(&experiments::handshake([View::Inside; 2]));
    assert_eq!((alone.len(), alone[0].caption.as_deref()), (1, None));
}

/// How long Linux delays an ACK hangs on whether data came before; an engine says it itself.
#[test]
fn the_delayed_ack_that_did_not_come() {
    let close = |server: View, data: bool, told: bool, takes: u64| {
        let mut s = Story::new([View::Inside, server]);
        s.handshake(0);
        let mut end = 1;
        if data {
            s.sends(100, seg(CLIENT, "P.", 1, 1).data(b"bye")).sends(110, seg(SERVER, ".", 1, 4));
            end = 4;
        }
        s.sends(200, seg(CLIENT, "F.", end, 1));
        if told {
            let after = std::time::Duration::from_millis(25);
            s.event(210, SERVER, Event::TimerSet { timer: Timer::DelayedAck, after });
        }
        s.sends(210 + takes, seg(SERVER, "F.", 1, end + 1));
        s.sends(220 + takes, seg(CLIENT, ".", end + 1, 2));
        sentences(&s.end(1000), Kind::MergedAck).concat()
    };
    assert!(close(View::Observed, false, false, 0).contains("(on Linux one clock tick, as long as no data has come)"));
    assert!(close(View::Observed, true, false, 30).contains("before a delayed ACK was due (40 ms on Linux)"));
    assert!(!close(View::Observed, false, false, 30).contains("delayed"), "a tick has passed long since");
    assert!(!close(View::Observed, true, false, 70).contains("delayed"));
    // The last words and the FIN may come at once.
    let mut s = Story::new([View::Observed; 2]);
    s.handshake(0);
    s.sends(100, seg(CLIENT, "FP.", 1, 1).data(b"bye")).sends(110, seg(SERVER, "F.", 1, 5));
    assert!(sentences(&s.end(200), Kind::MergedAck).concat().contains("(40 ms on Linux)"));
    assert!(close(View::Inside, true, true, 5).contains("before its delayed ACK (25 ms) was due"));
}

#[test]
fn data_may_carry_the_ack_of_a_fin() {
    let mut s = Story::new([View::Inside, View::Observed]);
    s.handshake(0);
    s.sends(100, seg(CLIENT, "F.", 1, 1)).sends(110, seg(SERVER, "P.", 1, 2).data(b"+PONG"));
    s.sends(110, seg(SERVER, "F.", 6, 2)).sends(120, seg(CLIENT, ".", 2, 7));
    assert_eq!(
        sentences(&s.end(200), Kind::SeparateAck),
        ["FIN 4 was acknowledged by data (5) that was still to be sent, and the server's FIN (6) followed at once. \
          [observed]"]
    );
}

#[test]
fn some_keepalives_are_answered() {
    let mut s = Story::new([View::Inside; 2]);
    s.handshake(0);
    s.sends(10_020, seg(CLIENT, ".", 0, 1).why(TxReason::KeepAlive));
    s.sends(10_030, seg(SERVER, ".", 1, 1).why(TxReason::ProbeAnswer));
    for at in [20_040, 25_040, 30_040] {
        s.loses(at, seg(CLIENT, ".", 0, 1).why(TxReason::KeepAlive));
    }
    assert_eq!(
        sentences(&s.end(40_000), Kind::KeepAlive),
        ["The client probed the idle connection with 4 keepalives: 4 was answered; 6–8, 5 s apart, were not. \
          [known from inside]"]
    );
}

#[test]
fn proper_names_take_no_article() {
    let mut trace = experiments::handshake([View::Inside, View::Observed]);
    trace.hosts[CLIENT].name = "limpid".into();
    trace.hosts[SERVER].name = "Linux server".into();
    let close = sentences(&trace, Kind::Close).concat();
    assert!(close.starts_with("limpid closed first (FIN 4); the Linux server closed"), "{close}");
    assert!(sentences(&trace, Kind::MergedAck).concat().contains("rode on the Linux server's own FIN"));
}

/// A kernel tells nothing, but its application does.
#[test]
fn the_application_of_a_kernel_is_heard() {
    let mut s = Story::new([View::Observed, View::Inside]);
    for at in [0, 1000, 3000] {
        s.loses(at, seg(CLIENT, "S", 0, 0));
    }
    s.flow = limpid_event::FlowId::NONE;
    s.says(7000, CLIENT, "connect: connection timed out (ETIMEDOUT)");
    assert_eq!(
        sentences(&s.end(7000), Kind::ConnectTimeout),
        ["The connect failed after 2 retries: the application got ETIMEDOUT after 7 s, when the last wait of 4 s was \
          over. [known from inside]"]
    );
}

/// Our own TIME-WAIT is known; Linux's is what Linux does.
#[test]
fn time_wait_is_known_from_inside_or_inferred() {
    let ours = sentences(&experiments::handshake([View::Inside, View::Observed]), Kind::TimeWait);
    assert_eq!(ours, ["The client, which closed first, was in TIME-WAIT for 60 s (2MSL). [known from inside]"]);
    let theirs = sentences(&experiments::handshake([View::Observed, View::Inside]), Kind::TimeWait);
    assert_eq!(theirs, ["The client, which closed first, is left in TIME-WAIT; on Linux that lasts 60 s. [inferred]"]);
}

#[test]
fn resets_are_explained_where_nobody_tells() {
    let observed = || {
        let mut s = Story::new([View::Observed, View::Observed]);
        s.handshake(0);
        s
    };
    let why = |trace: &Trace| sentences(trace, Kind::Reset).concat();
    let mut s = observed();
    s.sends(100, seg(SERVER, "F.", 1, 1)).sends(110, seg(CLIENT, "P.", 1, 2).data(b"hello?"));
    s.sends(120, seg(SERVER, "R", 2, 0));
    assert!(why(&s.end(200)).contains("data came after its application had closed for good. [inferred]"));
    let mut s = observed();
    s.sends(100, seg(CLIENT, "P.", 1, 1).data(b"hello")).sends(300, seg(SERVER, "R.", 1, 6));
    assert!(why(&s.end(400)).contains("closed with data unread (or was killed), or aborted (SO_LINGER 0). [inferred]"));
    let mut s = observed();
    s.sends(300, seg(CLIENT, "R.", 1, 1));
    assert!(why(&s.end(400)).contains("its application aborted (SO_LINGER 0). [inferred]"));
    let mut s = observed();
    s.loses(1000, seg(CLIENT, ".", 0, 1)).loses(2000, seg(CLIENT, ".", 0, 1)).loses(3000, seg(CLIENT, "R.", 1, 1));
    assert!(why(&s.end(4000)).contains("it had repeated itself or probed in vain, and gave up. It was lost"));
}

/// A reset after a FIN is EPIPE to a writer on Linux; that is no giving up.
#[test]
fn a_reset_after_a_fin_breaks_the_pipe() {
    let mut s = Story::new([View::Inside; 2]);
    s.handshake(0);
    s.sends(100, seg(SERVER, "F.", 1, 1).why(TxReason::Fin));
    s.sends(110, seg(CLIENT, "P.", 1, 2).data(b"hello?").why(TxReason::NewData));
    s.sends(120, seg(SERVER, "R", 2, 0).why(TxReason::ResetDataAfterClose));
    s.event(130, CLIENT, Event::Ended { error: Some(Error::BrokenPipe) });
    let trace = s.end(200);
    assert_eq!(
        sentences(&trace, Kind::Reset),
        ["The server reset the connection (6): data came after its application had closed. The client heard of it as \
          EPIPE, not ECONNRESET, because the end of the stream had come before. [known from inside]"]
    );
    assert_eq!(sentences(&trace, Kind::TimedOut), [""; 0]);
}

/// A probe of a nearly closed window carries data that is counted like any other; one that asks in vain is not.
#[test]
fn every_byte_is_counted_once() {
    let mut s = Story::new([View::Inside; 2]);
    s.handshake(0);
    s.sends(100, seg(CLIENT, ".", 1, 1).len(100).why(TxReason::NewData));
    s.sends(400, seg(CLIENT, ".", 101, 1).len(28).why(TxReason::ZeroWindowProbe));
    s.sends(900, seg(CLIENT, ".", 128, 1).len(1).why(TxReason::ZeroWindowProbe));
    s.sends(1200, seg(CLIENT, ".", 129, 1).len(72).why(TxReason::NewData));
    let data = sentences(&s.end(2000), Kind::Data);
    assert_eq!(data, ["The client sent 200 B in 3 segments, the server no data. [observed]"]);
}

#[test]
fn errors_that_change_nothing_are_said_to() {
    let mut s = Story::new([View::Inside; 2]);
    let router = s.trace.add_host("router", Vec::new(), View::Observed);
    s.handshake(0);
    s.loses(100, seg(CLIENT, "P.", 1, 1).data(b"hello").why(TxReason::NewData));
    s.icmp_about_syn(105, router, "10.0.0.1".parse().expect("an address"), 1);
    s.event(115, CLIENT, Event::SoftError { error: Error::HostUnreachable });
    s.sends(320, seg(CLIENT, "P.", 1, 1).data(b"hello").why(TxReason::RtoRetransmit));
    assert_eq!(
        sentences(&s.end(500), Kind::SoftError),
        ["ICMP error 5 (host unreachable) was noted and ended nothing: the client was connected, and anybody can \
          forge such a message. [known from inside]"]
    );
}

/// Linux reverts its backoff when a router says that there is no way.
#[test]
fn a_timer_that_is_not_backed_off_is_noticed() {
    let said = |second: u64| {
        let mut s = Story::new([View::Observed; 2]);
        let router = s.trace.add_host("router", Vec::new(), View::Observed);
        s.handshake(0);
        for at in [100, 330, 555, second] {
            s.loses(at, seg(CLIENT, "P.", 1, 1).data(b"hello"));
            s.icmp_about_syn(at + 5, router, "10.0.0.1".parse().expect("an address"), 1);
        }
        sentences(&s.end(2000), Kind::SoftError).concat()
    };
    assert!(said(780).contains("RFC 6069"));
    assert!(!said(1010).contains("RFC 6069"));
}

/// What TIME-WAIT is for, and what cuts it short (RFC 1337).
#[test]
fn time_wait_answers_what_comes_late() {
    let closed = || {
        let mut s = Story::new([View::Observed; 2]);
        s.handshake(0);
        s.sends(100, seg(CLIENT, "F.", 1, 1)).sends(110, seg(SERVER, "F.", 1, 2));
        s
    };
    let mut s = closed();
    s.loses(120, seg(CLIENT, ".", 2, 2)).sends(330, seg(SERVER, "F.", 1, 2)).sends(340, seg(CLIENT, ".", 2, 2));
    let said = sentences(&s.end(400), Kind::TimeWaitServed);
    assert_eq!(
        said,
        [
            "The client answered the FIN that came again (7) from TIME-WAIT (8): this is what TIME-WAIT is for. [inferred]"
        ]
    );
}

mod schedules {
    use super::super::schedule::{Schedule, fit, rounded};
    use std::time::Duration;

    fn fitted(millis: &[u64]) -> Schedule {
        fit(&millis.iter().copied().map(Duration::from_millis).collect::<Vec<_>>())
    }

    #[test]
    fn are_recognised() {
        let first = Duration::from_secs(1);
        assert_eq!(fitted(&[1000]), Schedule::TooShort);
        assert_eq!(fitted(&[1000, 2000, 4000, 8000]), Schedule::Exponential { first });
        assert_eq!(
            fitted(&[1027, 2080, 4080, 8320]),
            Schedule::Exponential { first: Duration::from_millis(1027) },
            "the article's trace"
        );
        assert_eq!(
            fitted(&[1000, 1000, 1000, 1000, 1000, 2000, 4000]),
            Schedule::LinearThenExponential { first, linear: 4 }
        );
        assert_eq!(fitted(&[1000, 1000, 1000]), Schedule::Linear { first });
        assert_eq!(fitted(&[1000, 3000, 4000]), Schedule::Irregular);
        assert_eq!(fitted(&[0, 0]), Schedule::Linear { first: Duration::ZERO });
        // Linux's backoff ends at two minutes.
        assert_eq!(fitted(&[60_000, 120_000, 120_000]), Schedule::Exponential { first: Duration::from_secs(60) });
    }

    #[test]
    fn are_told_in_round_numbers() {
        assert_eq!(rounded(Duration::from_millis(1027)), Duration::from_secs(1));
        assert_eq!(rounded(Duration::from_millis(32_147)), Duration::from_secs(32));
        assert_eq!(rounded(Duration::from_millis(220)), Duration::from_millis(220));
        assert_eq!(rounded(Duration::ZERO), Duration::ZERO);
    }
}

/// The path stood still, the timer ran out, and both came at once: the second is the one that was thrown away.
#[test]
fn a_needless_timeout_is_called_one() {
    let mut s = Story::new([View::Inside, View::Inside]);
    s.handshake(0);
    let segment = || seg(CLIENT, "P.", 1, 1).len(1000);
    s.sends_until(100, 700, segment().why(TxReason::NewData));
    s.sends_until(320, 700, segment().why(TxReason::RtoRetransmit));
    let received = |packet: usize, trace: &Trace| {
        let Content::Tcp(tcp) = dissect(&trace.packets[packet].bytes) else { panic!("no TCP") };
        let (seq, ack, flags) = (tcp.seq, tcp.ack, tcp.flags);
        let view = SegmentView {
            seq,
            ack,
            flags,
            window: tcp.window,
            urgent: 0,
            options: tcp.options.into(),
            ecn: Ecn::NotEct,
            len: tcp.len,
        };
        Event::Received { segment: view }
    };
    let events = [received(3, &s.trace), received(4, &s.trace), Event::Dropped { why: DropReason::Duplicate }];
    for event in events {
        s.event(700, SERVER, event);
    }
    s.sends(700, seg(SERVER, ".", 1, 1001).why(TxReason::QuickAck));
    s.event(710, CLIENT, Event::Undone { how: UndoReason::Timestamps });
    let trace = s.end(1000);
    let analysis = Analysis::of(&trace);
    let dropped: Vec<u64> =
        (analysis.connections[0].segments.iter()).filter(|s| s.dropped.is_some()).map(|s| s.number).collect();
    assert_eq!(dropped, [5]);
    assert_snapshot!("needless-timeout", told(&trace));
}
