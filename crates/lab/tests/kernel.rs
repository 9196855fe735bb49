//! Every experiment that this machine's Linux can take part in, in every part that it can play, for real.
//!
//! They need private network namespaces: without those they are skipped, and say why; LIMPID_REQUIRE_TOOLS=1 makes that a
//! failure. They compare shapes with our own stack's run (who sends what, in which order, with which numbers), not times.
//! A machine that is busy elsewhere for longer than a delayed ACK takes can spoil a run, so each may be tried three times.

use limpid_lab::LabError;
use limpid_lab::experiment::{Peer, Role, Run, Settings, find, story};

/// Tries of one form.
const TRIES: usize = 3;

/// Whether a run with Linux must look like our own, segment for segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// It must: every segment the same, numbers included.
    Same,
    /// Sizes of buffers and segments, or the order in which both ends act at the same moment, are each system's own: it
    /// is enough that the experiment ends as intended.
    OwnWay,
}

fn run(name: &str, peer: Peer, ipv6: bool) -> Result<Vec<Run>, LabError> {
    let experiment = find(name).expect("an experiment of this name");
    // One retransmission is enough, and takes three seconds instead of seven.
    let syn_retries = (name == "connect-timeout").then_some(1);
    (experiment.run)(&Settings { peer, syn_retries, ipv6, ..Settings::default() })
}

/// What happened, hosts called client and server whoever they are.
fn shape(run: &Run) -> Vec<String> {
    story(&run.trace).numbered().iter().map(|line| line.trim_start_matches("Linux ").to_owned()).collect()
}

/// What is wrong with these runs.
fn wrong(runs: &[Run], ours: &[Run], shape_of: Shape) -> Vec<String> {
    let mut wrong: Vec<String> = runs.iter().flat_map(|run| run.differences.clone()).collect();
    for (run, ours) in runs.iter().zip(ours) {
        if shape_of == Shape::Same && shape(run) != shape(ours) {
            wrong.push(format!("{}\n Linux: {:#?}\n  ours: {:#?}", run.title, shape(run), shape(ours)));
        } else if !run.differences.is_empty() {
            wrong.push(format!("{}\n {:#?}", run.title, shape(run)));
        }
    }
    wrong
}

fn check(name: &str, role: Role, shape_of: Shape, ipv6: bool) {
    let ours = run(name, Peer::Limpid, ipv6).unwrap();
    let mut last = Vec::new();
    for _ in 0..TRIES {
        let runs = match run(name, Peer::Kernel(role), ipv6) {
            Ok(runs) => runs,
            Err(LabError::Namespace(error)) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none_or(|v| v != "1") => {
                println!("skipped: {error}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!(runs.len(), ours.len());
        last = wrong(&runs, &ours, shape_of);
        if last.is_empty() {
            return;
        }
    }
    panic!("{}", last.join("\n"));
}

macro_rules! forms {
    ($($test:ident: $name:literal, $role:ident, $shape:ident;)+) => {
        $(#[test]
        fn $test() {
            check($name, Role::$role, Shape::$shape, false);
        })+

        /// No form is forgotten.
        #[test]
        fn every_form_is_tested() {
            let tested = [$(($name, Role::$role)),+];
            for experiment in limpid_lab::experiments::ALL {
                for role in experiment.kernel {
                    assert!(tested.contains(&(experiment.name, *role)), "{} {role:?}", experiment.name);
                }
            }
        }
    };
}

forms! {
    handshake_with_linux_as_server: "handshake", Server, Same;
    handshake_with_linux_as_client: "handshake", Client, Same;
    close_orders_with_linux_as_server: "close-orders", Server, Same;
    close_orders_with_linux_as_client: "close-orders", Client, Same;
    half_close_with_linux_as_server: "half-close", Server, Same;
    half_close_with_linux_as_client: "half-close", Client, Same;
    connect_timeout_with_linux_as_client: "connect-timeout", Client, Same;
    refused_by_linux: "refused", Server, Same;
    refused_to_linux: "refused", Client, Same;
    unreachable_for_linux: "unreachable", Client, OwnWay;
    simultaneous_open_with_linux_at_the_right: "simultaneous-open", Server, OwnWay;
    simultaneous_open_with_linux_at_the_left: "simultaneous-open", Client, OwnWay;
    simultaneous_close_with_linux_as_server: "simultaneous-close", Server, OwnWay;
    simultaneous_close_with_linux_as_client: "simultaneous-close", Client, OwnWay;
    abort_with_linux_as_server: "abort", Server, Same;
    abort_with_linux_as_client: "abort", Client, Same;
    time_wait_with_linux_as_server: "time-wait", Server, Same;
    time_wait_with_linux_as_client: "time-wait", Client, Same;
    zero_window_with_linux_as_server: "zero-window", Server, OwnWay;
    zero_window_with_linux_as_client: "zero-window", Client, OwnWay;
    lost_segment_with_linux_as_server: "lost-segment", Server, OwnWay;
    lost_segment_with_linux_as_client: "lost-segment", Client, OwnWay;
    backlog_full_with_linux_as_server: "backlog-full", Server, OwnWay;
    backlog_full_with_linux_as_client: "backlog-full", Client, OwnWay;
    keepalive_dead_peer_with_linux_as_client: "keepalive-dead-peer", Client, OwnWay;
}

#[test]
fn handshake_over_ipv6_with_linux_as_server() {
    check("handshake", Role::Server, Shape::Same, true);
}

#[test]
fn unreachable_over_ipv6_for_linux() {
    check("unreachable", Role::Client, Shape::OwnWay, true);
}
