use super::*;
use alloc::string::String;
use core::fmt::Write;

type Step = (&'static str, fn(&mut Halves));

const CLOSE: Step = ("close", Halves::queue_fin);
const FIN_OUT: Step = ("FIN leaves", Halves::fin_sent);
const FIN_ACKED: Step = ("FIN is acknowledged", Halves::fin_acked);
const FIN_IN: Step = ("FIN arrives", Halves::fin_received);

/// The ways through RFC 9293's state diagram, each step with the state it leads to.
#[test]
fn every_way_to_close() {
    let ways: [(&str, &[Step]); 6] = [
        ("we close first", &[CLOSE, FIN_OUT, FIN_ACKED, FIN_IN]),
        ("the peer closes first", &[FIN_IN, CLOSE, FIN_OUT, FIN_ACKED]),
        ("both at once", &[CLOSE, FIN_OUT, FIN_IN, FIN_ACKED]),
        ("we close, the peer's FIN comes before ours could leave", &[CLOSE, FIN_IN, FIN_OUT, FIN_ACKED]),
        ("half-close by the peer", &[FIN_IN]),
        ("half-close by us", &[CLOSE, FIN_OUT, FIN_ACKED]),
    ];
    let mut table = String::new();
    for (way, steps) in ways {
        writeln!(table, "{way}").unwrap();
        let mut halves = Halves::new(false);
        writeln!(table, "  {:<21} {}", "", halves.state()).unwrap();
        halves.ack_syn();
        writeln!(table, "  {:<21} {}", "SYN is acknowledged", halves.state()).unwrap();
        for (name, step) in steps {
            step(&mut halves);
            writeln!(table, "  {name:<21} {}", halves.state()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn closing_before_our_syn_is_acknowledged_is_fin_wait_1() {
    let mut halves = Halves::new(false);
    halves.queue_fin();
    assert_eq!(halves.state(), TcpState::FinWait1);
}
