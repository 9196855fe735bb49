//! What `limpid diff --json` prints.

use super::Pair;
use limpid_scope::diff::Finding;
use limpid_scope::diff::ends::{Direction, Ends};
use limpid_scope::diff::runs::{Course, Runs};
use limpid_scope::verdict::Known;
use serde_json::{Value, json};
use std::time::Duration;

/// A pair of connections as one object.
pub(super) fn object(pair: &Pair) -> Value {
    match pair {
        Pair::Ends(pair) => ends(pair),
        Pair::Runs(pair) => runs(pair),
    }
}

fn known(known: Known) -> &'static str {
    match known {
        Known::Observed => "observed",
        Known::Inferred => "inferred",
        Known::Inside => "inside",
    }
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

fn findings(list: &[Finding]) -> Value {
    let one = |f: &Finding| json!({"topic": f.topic.name(), "known": known(f.known), "sentence": f.sentence, "packets": f.packets});
    list.iter().map(one).collect()
}

fn ends(ends: &Ends) -> Value {
    let [client, server] = ends.connection.map(|end| end.to_string());
    // Each packet of the merged trace, with its numbers in the captures.
    let number = |numbers: &[u64]| -> Value {
        let one = |n: &u64| {
            let index = usize::try_from(*n).unwrap_or(0).wrapping_sub(1);
            let [a, b] = ends.numbers.get(index).copied().unwrap_or_default();
            json!({"number": n, "a": a, "b": b})
        };
        numbers.iter().map(one).collect()
    };
    let way = |way: &Direction| {
        json!({
            "sent": way.sent,
            "lost": number(&way.lost),
            "missed": number(&way.missed),
            "unknown": number(&way.unknown),
            "overtaken": number(&way.overtaken),
            "copies": number(&way.copies),
            "inserted": number(&way.inserted),
            "recut": way.recut,
            "delay_s": way.delay.map(|delay| json!({
                "least": seconds(delay.least), "median": seconds(delay.median), "greatest": seconds(delay.greatest),
            })),
            "altered": way.altered.iter().map(|altered| json!({
                "what": altered.what, "count": altered.count, "ordinary": altered.ordinary,
            })).collect::<Value>(),
        })
    };
    json!({
        "relation": "ends",
        "client": client,
        "server": server,
        "translated": ends.translated.map(|ends| ends.map(|end| end.to_string())),
        "client_side": if ends.client_side == 0 { "a" } else { "b" },
        "clock": ends.clock.map(|clock| json!({
            "server_ahead_s": clock.ahead as f64 / 1e9, "drift_ppm": clock.drift_ppm,
        })),
        "client_to_server": way(&ends.ways[0]),
        "server_to_client": way(&ends.ways[1]),
        "filtered": ends.filtered,
        "findings": findings(&ends.findings),
    })
}

fn runs(runs: &Runs) -> Value {
    let course = |course: &Course| {
        json!({
            "opened_s": course.opened.map(seconds),
            "syns": course.syns,
            "turns": course.turns.len(),
            "bytes": course.bytes,
            "data_segments": course.segments,
            "sent_again": course.repeated,
            "acks_with_sack": course.sacks,
            "windows": course.windows,
            "rtt_s": course.rtt.map(|(least, median)| json!({"least": seconds(least), "median": seconds(median)})),
            "lasted_s": seconds(course.lasted),
        })
    };
    json!({
        "relation": "runs",
        "connections": runs.connections.map(|ends| ends.map(|end| end.to_string())),
        "a": course(&runs.courses[0]),
        "b": course(&runs.courses[1]),
        "parting": runs.parting.as_ref().map(|parting| json!({
            "at_s": parting.at.map(seconds), "packets": parting.numbers,
        })),
        "filtered": runs.filtered,
        "findings": findings(&runs.findings),
    })
}
