use crate::analysis::Analysis;
use crate::capture::Reader;
use crate::trace::{Arrival, Trace};
use crate::verdict::{Kind, explain};
use limpid_event::TcpState::*;

/// iperf3's control connection through a queue that stood for 160 ms, captured at the client.
fn control() -> Trace {
    let path = format!("{}/../../tests/captures/iperf3.pcap", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    Trace::from_capture(Reader::new(file).expect("a capture").map(|p| p.expect("a packet")))
}

#[test]
fn what_came_twice_was_not_lost() {
    let trace = control();
    let analysis = Analysis::of(&trace);
    let fate = |number: u64| analysis.connections[0].numbered(number).expect("it is there").arrival;
    assert!(matches!(fate(450), Arrival::Estimated(_)), "{:?}", fate(450));
    let of_it = |kind: Kind| {
        let told = explain(&trace).into_iter().filter(move |v| v.kind == kind);
        told.map(|v| v.packets[0]).collect::<Vec<u64>>()
    };
    assert_eq!(of_it(Kind::Loss), [], "D-SACK told of each retransmission that it was needless");
    assert_eq!(of_it(Kind::Spurious), [448, 449, 450]);
}

#[test]
fn a_fin_comes_after_what_was_sent_without_having_heard_it() {
    let trace = control();
    let analysis = Analysis::of(&trace);
    let connection = &analysis.connections[0];
    let arrived = |number: u64| connection.numbered(number).and_then(|s| s.arrival.time()).expect("it arrived");
    let sent = |number: u64| connection.numbered(number).expect("it is there").sent_at;
    assert!(arrived(624) > sent(627), "FIN 627 does not acknowledge FIN 624");
    assert!(arrived(624) <= sent(629), "629 does");
    let states = connection.ends.each_ref().map(|end| end.states.iter().map(|s| s.to).collect::<Vec<_>>());
    assert_eq!(states[0], [SynSent, Established, FinWait1, Closing, TimeWait]);
    assert_eq!(states[1], [Listen, SynReceived, Established, FinWait1, Closing, TimeWait]);
}
