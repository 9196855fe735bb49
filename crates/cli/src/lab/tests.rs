//! Every experiment as a user sees it: lines, ladder and verdict, with the same seed as ever.

use super::*;
use crate::report::{Screen, text};
use limpid_event::Event;
use limpid_scope::trace::What;

/// What `limpid lab NAME` prints, but for the colours.
fn shown(name: &str, settings: &Settings) -> String {
    let experiment = experiment::find(name).expect("an experiment of this name");
    let runs = (experiment.run)(settings).expect("it runs");
    let screen = Screen { width: 100, color: false, utf8: true };
    let mut shown = String::new();
    for run in &runs {
        assert!(run.as_intended(), "{:?} {} {}", run.differences, name, run.title);
        if !run.title.is_empty() {
            let _ = writeln!(shown, "== {}\n", run.title);
        }
        shown.push_str(&text(&run.trace, &ReportOptions::default(), &screen));
        shown.push('\n');
    }
    shown
}

macro_rules! snapshots {
    ($($test:ident: $name:literal, $settings:expr;)+) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!(stringify!($test), shown($name, &$settings));
        })+
    };
}

snapshots! {
    handshake: "handshake", Settings::default();
    handshake_over_ipv6: "handshake", Settings { ipv6: true, ..Settings::default() };
    close_orders: "close-orders", Settings::default();
    half_close: "half-close", Settings::default();
    connect_timeout: "connect-timeout", Settings::default();
    connect_timeout_linear: "connect-timeout", Settings { linear: true, ..Settings::default() };
    connect_timeout_deadline: "connect-timeout",
        Settings { deadline: Some(Duration::from_secs(3)), ..Settings::default() };
    refused: "refused", Settings::default();
    unreachable: "unreachable", Settings::default();
    simultaneous_open: "simultaneous-open", Settings::default();
    simultaneous_close: "simultaneous-close", Settings::default();
    abort: "abort", Settings::default();
    time_wait: "time-wait", Settings::default();
    zero_window: "zero-window", Settings::default();
    lost_segment: "lost-segment", Settings::default();
    tail_loss: "tail-loss", Settings::default();
    sack_recovery: "sack-recovery", Settings::default();
    spurious_rto: "spurious-rto", Settings::default();
    backlog_full: "backlog-full", Settings::default();
    keepalive_dead_peer: "keepalive-dead-peer", Settings::default();
}

#[test]
fn every_experiment_that_sends_data_has_a_graph() {
    let options =
        ReportOptions { lines: false, ladder: false, verdict: false, graph: true, ..ReportOptions::default() };
    let screen = Screen { width: 80, color: false, utf8: true };
    for experiment in ALL {
        for run in (experiment.run)(&Settings::default()).expect("it runs") {
            let shown = text(&run.trace, &options, &screen);
            let sent = run
                .trace
                .notes
                .iter()
                .any(|note| matches!(&note.what, What::Event(Event::Sent { segment, .. }) if segment.len > 0));
            assert_eq!(shown.contains("cwnd"), sent, "{}: {shown}", experiment.name);
            assert!(shown.lines().all(|line| line.chars().count() <= 80), "{}: {shown}", experiment.name);
        }
    }
}

#[test]
fn ascii_is_ascii_throughout() {
    let screen = Screen { width: 80, color: false, utf8: true };
    for experiment in ALL {
        for run in (experiment.run)(&Settings::default()).expect("it runs") {
            let options = ReportOptions { ascii: true, graph: true, ..ReportOptions::default() };
            let shown = text(&run.trace, &options, &screen);
            assert!(shown.is_ascii(), "{}: {shown}", experiment.name);
        }
    }
}

#[test]
fn every_experiment_works_over_ipv6() {
    for experiment in ALL {
        let runs = (experiment.run)(&Settings { ipv6: true, ..Settings::default() }).expect("it runs");
        for run in runs {
            assert!(run.as_intended(), "{:?} {} {}", run.differences, experiment.name, run.title);
        }
    }
}

#[test]
fn what_is_left_out_is_said() {
    assert_eq!(left_out(0), None);
    let said = "(more happened than can be kept: 12,345 packets or events are left out)";
    assert_eq!(left_out(12_345).as_deref(), Some(said));
}

#[test]
fn the_list_names_all_and_is_no_wider_than_a_page() {
    let list = list();
    assert!(ALL.iter().all(|e| list.contains(e.name)));
    assert!(list.lines().all(|line| line.chars().count() <= 100));
}
