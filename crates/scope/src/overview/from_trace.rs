//! An overview of what was recorded, rather than captured.

use super::{Connection, MAX_CONNECTIONS, Overview};
use crate::capture::{LinkType, PacketRef};
use crate::flows::{Flow, Flows, FlowsOptions};
use crate::trace::Trace;

/// All connections of a trace, as its packets show them.
pub fn of_trace(trace: &Trace) -> Overview {
    let mut flows = Flows::new(FlowsOptions::default());
    let (mut connections, mut more) = (Vec::new(), 0);
    let mut add = |flow: &Flow| match connections.len() < MAX_CONNECTIONS {
        true => connections.push(Connection::from(flow)),
        false => more += 1,
    };
    for packet in &trace.packets {
        let time = trace.epoch.saturating_add(packet.sent_at.as_nanos());
        flows.handle_packet(&PacketRef {
            number: packet.number,
            time: i64::try_from(time).unwrap_or(i64::MAX),
            link_type: LinkType::RAW,
            original_len: u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX),
            data: &packet.bytes,
            comment: None,
            interface: 0,
        });
        while let Some(flow) = flows.poll_ended() {
            add(&flow);
        }
    }
    flows.finish().for_each(|flow| add(&flow));
    Overview::of(&connections, more)
}
