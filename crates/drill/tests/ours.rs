//! Small scripts on our own stack, whole: those that hold, and those that must not.

use limpid_drill::run::{Settings, run};
use limpid_drill::target::{Network, OurTarget};
use limpid_drill::{Report, Verdict, parse};

fn play(text: &str) -> Report {
    let script = parse::parse(text, &Default::default()).unwrap_or_else(|e| panic!("{e}"));
    let settings = Settings::default();
    let network = Network::of(&script, &settings).unwrap_or_else(|verdict| panic!("{verdict:?}"));
    let mut target = OurTarget::new(&network, 1).unwrap();
    run(&script, &settings, &mut target)
}

fn passes(text: &str) {
    let report = play(text);
    assert_eq!(report.verdict, Verdict::Pass, "{:#?}", report.trace.packets.len());
}

/// A passive open, without options but the MSS.
const OPEN: &str = "
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < S 0:0(0) win 65535 <mss 1000>
+0  > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0  accept(3, ..., ...) = 4
";

#[test]
fn a_passive_open_data_both_ways_and_a_close() {
    passes(&format!(
        "{OPEN}
+0  < P. 1:501(500) ack 1 win 65535
+0  > . 1:1(0) ack 501
+0  read(4, ..., 1000) = 500
+0  write(4, ..., 3000) = 3000
+0  > P. 1:3001(3000) ack 501
+.1 < . 501:501(0) ack 3001 win 65535
+0  close(4) = 0
+0  > F. 3001:3001(0) ack 501
+.1 < F. 501:501(0) ack 3002 win 65535
+0  > . 3002:3002(0) ack 502
"
    ));
}

#[test]
fn a_blocking_connect() {
    passes(
        "
0        socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.1 connect(3, ..., ...) = 0
+0  > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>
+.1 < S. 1000:1000(0) ack 1 win 5792 <mss 1460,sackOK,TS val 700 ecr 100,nop,wscale 7>
+0  > . 1:1(0) ack 1 <nop,nop,TS val 200 ecr 700>
+0  write(3, ..., 10) = 10
+0  > P. 1:11(10) ack 1 <nop,nop,TS val 200 ecr 700>
",
    );
}
