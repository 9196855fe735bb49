use super::*;
use crate::report::Failure;
use crate::script::Pos;
use insta::assert_snapshot;
use limpid_scope::trace::Trace;
use std::time::Duration;

/// Steps from lines as `0.100 7 > . 1:1(0)`: seconds, the script's line, and what happened.
fn steps(text: &str) -> Vec<Step> {
    let step = |line: &str| {
        let mut words = line.trim().splitn(3, ' ');
        let at: f64 = words.next().unwrap().parse().unwrap();
        let event = Some(Pos { line: words.next().unwrap().parse().unwrap(), column: 1 });
        let what = words.next().unwrap();
        let what = match what.split_at(2) {
            ("< ", packet) => What::Injected(packet.to_owned()),
            ("> ", packet) => What::Sent(packet.to_owned()),
            _ => What::Called(what.to_owned()),
        };
        Step { at: Duration::from_secs_f64(at), event, what }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(step).collect()
}

fn failed(line: u32) -> Verdict {
    let at = Pos { line, column: 1 };
    let what = "bad value outbound TCP window".to_owned();
    Verdict::Fail(Failure { at, what, expected: None, actual: None, packet: None })
}

fn made(name: &'static str, verdict: Verdict, text: &str) -> Run {
    let (trace, printed, remarks) = (Trace::default(), String::new(), Vec::new());
    Run { name, report: Report { verdict, trace, printed, remarks }, steps: steps(text) }
}

fn between(ours: (Verdict, &str), linux: (Verdict, &str)) -> String {
    Difference::between(made("limpid", ours.0, ours.1), made("Linux", linux.0, linux.1)).to_string()
}

const HANDSHAKE: &str = "
    0.000 2 socket() = fd
    0.000 3 listen() = 0
    0.100 5 < S 0:0(0) win 32792 <mss 1000>
    0.100 6 > S. 0:0(0) ack 1 win 64240 <mss 1460>
    0.200 7 < . 1:1(0) ack 1 win 257
    0.200 8 accept() = fd
";

fn with(rest: &str) -> String {
    format!("{HANDSHAKE}{rest}")
}

#[test]
fn the_same_is_the_same() {
    // Real time is a little late, and what happens at one moment has no order.
    let ours = with("0.300 9 write(10) = 10\n0.300 10 > P. 1:11(10) ack 1 win 64240");
    let linux =
        with("0.300 10 > P. 1:11(10) ack 1 win 64240\n0.309 9 write(10) = 10\n1.3 10 > P. 1:11(10) ack 1 win 64240");
    assert_snapshot!(between((Verdict::Pass, &ours), (Verdict::Pass, &linux)));
}

#[test]
fn a_packet_differs() {
    let ours = with("0.300 9 write(10) = 10\n0.300 10 > P. 1:11(10) ack 1 win 64240\n0.4 11 close() = 0");
    let linux = with("0.300 9 write(10) = 10\n0.301 10 > . 1:11(10) ack 1 win 64240");
    assert_snapshot!(between((Verdict::Pass, &ours), (failed(10), &linux)));
}

#[test]
fn one_sends_what_the_other_does_not() {
    let ours = with("0.300 9 < P. 1:101(100) ack 1 win 257\n0.400 10 < . 101:201(100) ack 1 win 257");
    let linux = with(
        "0.300 9 < P. 1:101(100) ack 1 win 257\n0.340 10 > . 1:1(0) ack 101 win 64140\n0.400 10 < . 101:201(100) ack 1 win 257",
    );
    assert_snapshot!(between((failed(10), &ours), (Verdict::Pass, &linux)));
}

#[test]
fn a_call_returns_something_else() {
    let ours = with("0.300 9 read(100) = -1 EAGAIN\n0.300 10 close() = 0");
    let linux = with("0.300 9 read(100) = 0\n0.300 10 close() = 0");
    assert_snapshot!(between((failed(9), &ours), (Verdict::Pass, &linux)));
}

#[test]
fn a_run_that_ended_early_has_nothing_there() {
    let linux = with("0.300 9 write(10) = 10\n0.300 10 > P. 1:11(10) ack 1 win 64240");
    assert_snapshot!(between((failed(8), HANDSHAKE), (Verdict::Pass, &linux)));
    // Where both go to the end, what only one of them sends afterwards does no harm.
    assert!(between((Verdict::Pass, HANDSHAKE), (Verdict::Pass, &linux)).contains("Both did the same"));
}

#[test]
fn the_same_at_other_times() {
    let ours = with("1.200 9 > S. 0:0(0) ack 1 win 64240 <mss 1460>");
    let linux = with("1.260 9 > S. 0:0(0) ack 1 win 64240 <mss 1460>\n5 10 > R 1:1(0)");
    assert!(
        between((Verdict::Pass, &ours), (Verdict::Pass, &linux)).contains("same."),
        "an eighth of a second may pass"
    );
    let linux = with("3.200 9 > S. 0:0(0) ack 1 win 64240 <mss 1460>");
    assert_snapshot!(between((failed(9), &ours), (Verdict::Pass, &linux)));
}

#[test]
fn values_of_their_own_are_left_out() {
    let text = |segment: &str| log::without_own_values(&segment.parse().unwrap());
    assert_eq!(
        text("S 0:0(0) win 9 <mss 1460,sackOK,TS val 123 ecr 45,nop,wscale 7>"),
        "S 0:0(0) win 9 <mss 1460,sackOK,TS val ... ecr ...,nop,wscale 7>"
    );
    assert_eq!(text("S 0:0(0) win 9 <FO a1b2c3d4e5f60718>"), "S 0:0(0) win 9 <FO ...>");
    assert_eq!(text("S 0:0(0) win 9 <FO>"), "S 0:0(0) win 9 <FO>");
}

/// A script of every day on both. Skipped where there is no private network.
#[test]
fn both_do_the_same_with_a_plain_script() {
    let text = "\
0.000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0.010 < S 0:0(0) win 32792 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+0.010 < . 1:1(0) ack 1 win 32792
+0 accept(3, ..., ...) = 4
+0.010 write(4, ..., 100) = 100
+0 > P. 1:101(100) ack 1
+0.010 < . 1:1(0) ack 101 win 32792
+0.010 < R. 1:1(0) ack 101 win 0
+0.010 read(4, ..., 100) = -1 ECONNRESET (Connection reset by peer)
+0 close(4) = 0
";
    let script = crate::parse::parse(text, &Default::default()).unwrap();
    let run = move || match differential(&script, &Settings::default(), 1) {
        Ok(difference) => {
            assert_eq!(difference.ours.report.verdict, Verdict::Pass, "{difference}");
            assert!(difference.ours.steps.len() > 12, "{difference}");
            // A busy machine may be late, which is no difference of what is done.
            let late = matches!(difference.linux.report.verdict, Verdict::Fail(_));
            let parting = difference.parting.filter(|parting| parting.kind != Kind::Times);
            assert!(late || parting.is_none(), "{difference}");
        }
        Err(Trouble::Namespace(error)) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_none_or(|v| v != "1") => {
            println!("skipped: {error}");
        }
        Err(error) => panic!("{error}"),
    };
    std::thread::spawn(run).join().unwrap();
}
