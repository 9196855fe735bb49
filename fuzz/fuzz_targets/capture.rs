//! A file of any bytes as a capture: read, surveyed, explained, drawn and compared with itself, never a panic; and what a survey
//! holds stays within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_scope::capture::{CapturedPacket, Reader};
use limpid_scope::diff::{Relation, Side, compare};
use limpid_scope::explain::{CloseLook, ExplainOptions, Explainer, verdicts};
use limpid_scope::flows::{Flows, FlowsOptions};
use limpid_scope::ladder::{RenderOptions, render};
use limpid_scope::trace::Trace;
use limpid_scope::verdict;

/// More packets than this show nothing new.
const MOST: usize = 256;

fuzz_target!(|file: &[u8]| {
    let Ok(mut reader) = Reader::new(file) else { return };
    let mut flows = Flows::new(FlowsOptions { max_open: 8, max_detail: 8_192, ..FlowsOptions::default() });
    let mut explainer = Explainer::new(&ExplainOptions::default());
    let mut sides = [Side::default(), Side::default()];
    let mut packets: Vec<CapturedPacket> = Vec::new();
    while let Ok(Some(packet)) = reader.next_packet() {
        let lent = packet.lend();
        flows.handle_packet(&lent);
        flows.for_each_ended(|_| {});
        explainer.handle_packet(&lent);
        sides[packets.len() % 2].take(&lent);
        packets.push(packet);
        if packets.len() == MOST {
            break;
        }
    }
    assert!(flows.open().count() <= 8 && flows.memory().detail <= 8_192);
    for relation in [None, Some(Relation::Ends), Some(Relation::Runs)] {
        let _ = compare(&sides[0], &sides[1], relation);
    }
    let trace = Trace::from_capture(packets);
    let close: CloseLook = verdict::explain(&trace).into_iter().collect();
    for explained in explainer.finish().worst {
        let _ = verdicts(&explained, &close);
    }
    let _ = render(&trace, &RenderOptions::default());
});
