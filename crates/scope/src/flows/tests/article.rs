//! The article's two captures.

use super::super::{End, Ending, Flow, Flows, FlowsOptions, Opening, TroubleKind};
use crate::capture::Reader;
use limpid_event::TcpState;
use std::time::Duration;

fn survey(capture: &[u8]) -> Vec<Flow> {
    let mut reader = Reader::new(capture).expect("a capture");
    let mut flows = Flows::new(FlowsOptions::default());
    while let Some(packet) = reader.next_ref().expect("a whole capture") {
        flows.handle_packet(&packet);
    }
    flows.finish().collect()
}

#[test]
fn one_that_opens_and_closes() {
    let flows = survey(include_bytes!("../../../../../tests/article/article-close.pcap"));
    let [flow] = flows.as_slice() else { panic!("{flows:#?}") };
    assert_eq!((flow.opening, flow.ending), (Opening::Handshake, Ending::Closed));
    assert_eq!((flow.unique_bytes(), flow.packets()), (0, 6));
    assert_eq!(flow.closer, Some(End::Client));
    assert_eq!(flow.time_wait(), [End::Client]);
    let fin = flow.end(End::Client).fin.expect("it closed");
    assert!(fin.acked_by_fin, "the ACK rode on the other FIN: {fin:?}");
    let states: Vec<TcpState> = flow.end(End::Client).states.iter().map(|change| change.to).collect();
    use TcpState::*;
    assert_eq!(states, [SynSent, Established, FinWait1, TimeWait]);
    let states: Vec<TcpState> = flow.end(End::Server).states.iter().map(|change| change.to).collect();
    assert_eq!(states, [Listen, SynReceived, Established, CloseWait, LastAck, Closed]);
    assert!(flow.troubles.is_empty(), "{:?}", flow.troubles);
}

#[test]
fn one_that_nobody_answers() {
    let flows = survey(include_bytes!("../../../../../tests/article/article-syn-timeout.pcap"));
    let [flow] = flows.as_slice() else { panic!("{flows:#?}") };
    assert_eq!((flow.opening, flow.ending), (Opening::Unanswered, Ending::Failed));
    let syns = &flow.end(End::Client).syns;
    let waits: Vec<u64> = syns.windows(2).map(|s| (s[1].at - s[0].at) as u64 / 1_000_000_000).collect();
    assert_eq!(waits, [1, 2, 4, 8]);
    assert_eq!(flow.end(End::Client).retransmissions, 4);
    assert!(flow.duration() > Duration::from_secs(15));
    let worst = flow.troubles.worst().expect("it failed");
    assert_eq!((worst.kind, worst.packets()), (TroubleKind::Unanswered, [1, 2, 3, 4, 5].as_slice()));
}
