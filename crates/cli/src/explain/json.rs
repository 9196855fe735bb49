//! What `limpid explain --json` prints.

use limpid_scope::explain::{CloseLook, Explained, Explanation, Group, verdicts};
use limpid_scope::flows::{Cause, EndFigures, Fault, Flow};
use limpid_scope::verdict::Known;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// An object for each connection, then one for each group.
pub(super) fn objects<'e>(explanation: &'e Explanation, single: &'e CloseLook) -> impl Iterator<Item = Value> + 'e {
    let connections = explanation.worst.iter().map(|explained| connection(explained, single));
    connections.chain(explanation.groups.iter().map(group))
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

fn known(known: Known) -> &'static str {
    match known {
        Known::Observed => "observed",
        Known::Inferred => "inferred",
        Known::Inside => "inside",
    }
}

fn connection(explained: &Explained, single: &CloseLook) -> Value {
    let flow = &explained.flow;
    let verdicts: Value = (verdicts(explained, single).iter())
        .map(|v| json!({"kind": v.kind.name(), "known": known(v.known), "sentence": v.sentence, "packets": v.packets}))
        .collect();
    json!({
        "connection": flow.number.0,
        "client": flow.ends[0].endpoint.to_string(),
        "server": flow.ends[1].endpoint.to_string(),
        "badness": explained.badness.points(),
        "opening": flow.opening.text(),
        "ending": flow.ending.text(),
        "first_packet": flow.first_packet,
        "last_packet": flow.last_packet,
        "began_unix_s": flow.began as f64 / 1e9,
        "lasted_s": seconds(flow.duration()),
        "round_trip_s": flow.round_trip().map(seconds),
        "closed_first": flow.closer.map(|end| end.text()),
        "stalled_s": stalled(flow),
        "from_client": figures(&flow.ends[0]),
        "from_server": figures(&flow.ends[1]),
        "filter_hid_packets": explained.hidden,
        "verdicts": verdicts,
    })
}

fn stalled(flow: &Flow) -> Value {
    json!({
        "application": seconds(flow.stalled[Fault::Application as usize]),
        "window": seconds(flow.stalled[Fault::Window as usize]),
        "loss": seconds(flow.stalled[Fault::Loss as usize]),
        "network": seconds(flow.stalled[Fault::Network as usize]),
    })
}

fn figures(end: &EndFigures) -> Value {
    let causes: Map<String, Value> = Cause::ALL
        .into_iter()
        .filter(|cause| end.caused_by(*cause) > 0)
        .map(|cause| (cause.text().replace(' ', "_"), end.caused_by(cause).into()))
        .collect();
    json!({
        "packets": end.packets,
        "bytes": end.unique_bytes,
        "data_segments": end.data_packets,
        "retransmissions": end.retransmissions,
        "causes": causes,
        "needless": end.needless,
        "overtaken": end.overtaken,
        "duplicate_acks": end.duplicate_acks,
        "zero_windows": end.window.zero_count,
        "zero_window_s": seconds(end.window.zero_time),
        "rtt_s": {
            "samples": end.rtt.samples,
            "least": end.rtt.min().map(seconds),
            "mean": end.rtt.average().map(seconds),
            "greatest": end.rtt.max().map(seconds),
        },
    })
}

fn group(group: &Group) -> Value {
    json!({
        "group": group.trouble.map_or("ordinary", |trouble| trouble.text()),
        "ending": group.ending.text(),
        "port": (group.port != 0).then_some(group.port),
        "connections": group.count,
        "packets": group.packets,
        "bytes": group.bytes,
        "lasted_s": [seconds(group.lasted.0), seconds(group.lasted.1)],
        "round_trip_s": group.round_trip.map(|(least, most)| [seconds(least), seconds(most)]),
        "filter_hid_packets": group.hidden,
        "numbers": group.numbers,
    })
}
