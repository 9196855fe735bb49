use super::*;
use crate::story::experiments;
use insta::assert_snapshot;
use std::fmt::Write;

fn told(trace: &Trace) -> String {
    let mut text = String::new();
    for verdict in explain(trace) {
        writeln!(text, "{:?} {:?}\n  {verdict}", verdict.kind, verdict.packets).expect("a string takes it");
    }
    text
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
    assert_eq!(losses[MAX_OF_A_KIND].sentence, "12 more like these.");
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
