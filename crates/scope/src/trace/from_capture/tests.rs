use super::*;
use crate::capture::{LinkType, Reader};
use crate::ladder::{RenderOptions, render};
use crate::verdict::{Kind, explain};
use insta::assert_snapshot;

fn article(name: &str) -> Trace {
    let path = format!("{}/../../tests/article/{name}", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    Trace::from_capture(Reader::new(file).expect("a capture").map(|p| p.expect("a packet")))
}

fn shown(trace: &Trace) -> String {
    let verdicts: Vec<String> = explain(trace).iter().map(ToString::to_string).collect();
    format!("{}\n{}\n", render(trace, &RenderOptions::default()), verdicts.join("\n"))
}

#[test]
fn the_article_closes_in_three_segments() {
    let trace = article("article-close.pcap");
    assert_snapshot!(shown(&trace));
    assert!(explain(&trace).iter().any(|v| v.kind == Kind::MergedAck && v.packets == [4, 5]));
}

#[test]
fn the_article_waits_for_an_answer() {
    let trace = article("article-syn-timeout.pcap");
    assert_snapshot!(shown(&trace));
    assert!(trace.packets.iter().all(|p| p.arrival == Arrival::Unknown));
}

#[test]
fn within_one_host_what_was_acknowledged_has_arrived() {
    let packets = article("article-close.pcap").packets.into_iter().map(|packet| {
        let mut bytes = packet.bytes;
        bytes[12..20].copy_from_slice(&[127, 0, 0, 1, 127, 0, 0, 1]);
        CapturedPacket::whole(packet.number, packet.sent_at.as_nanos() as i64, LinkType::RAW, bytes)
    });
    let trace = Trace::from_capture(packets);
    assert_eq!(trace.packets.len(), 6);
    assert!(trace.packets.iter().all(|p| p.arrival != Arrival::Unknown), "{:?}", trace.packets);
}

#[test]
fn the_near_host_is_found_on_either_side() {
    let trace = article("article-close.pcap");
    let packets = || trace.packets.iter().map(|p| (p.number, p.bytes.clone()));
    let capture = |times: [i64; 6]| {
        let packets = packets().zip(times);
        Trace::from_capture(packets.map(|((n, b), t)| CapturedPacket::whole(n, t * 1_000_000, LinkType::RAW, b)))
    };
    let views = |trace: &Trace| trace.hosts.iter().map(|h| h.view).collect::<Vec<_>>();
    let at_client = capture([0, 10, 10, 100, 110, 110]);
    assert_eq!(views(&at_client), [View::Observed, View::Estimated]);
    assert_eq!(at_client.packets[0].arrival, Arrival::Estimated(at_client.packets[1].sent_at));
    let at_server = capture([0, 0, 10, 100, 100, 110]);
    assert_eq!(views(&at_server), [View::Estimated, View::Observed]);
    assert_eq!(at_server.packets[0].sent_at, Instant::ZERO, "half a round trip before it was seen");
    assert_eq!(at_server.packets[0].arrival, Arrival::At(Instant::from_millis(5)));
}

/// A picture of one connection is the same whether another one of the same hosts is drawn beside it or not.
#[test]
fn each_connection_tells_of_its_own_way() {
    let packets = |port: u16, times: [i64; 6]| {
        let packets = article("article-close.pcap").packets.into_iter().zip(times);
        packets.map(move |(packet, time)| {
            let mut bytes = packet.bytes;
            let at = if bytes[20..22] == 6379u16.to_be_bytes() { 22 } else { 20 };
            bytes[at..at + 2].copy_from_slice(&port.to_be_bytes());
            CapturedPacket::whole(packet.number, time * 1_000_000, LinkType::RAW, bytes)
        })
    };
    let flights = |trace: Trace| -> Vec<Duration> {
        let near = trace.packets.into_iter().filter(|packet| packet.from == 0);
        near.filter_map(|packet| Some(packet.arrival.time()?.since(packet.sent_at))).collect()
    };
    let slow = || packets(40_000, [0, 10, 10, 100, 110, 110]);
    let fast = || packets(40_001, [200, 204, 204, 300, 304, 304]);
    let (alone, both) = (flights(Trace::from_capture(slow())), flights(Trace::from_capture(slow().chain(fast()))));
    assert_eq!(alone, both[..alone.len()]);
    assert_eq!((both[0], both[alone.len()]), (Duration::from_millis(5), Duration::from_millis(2)));
}

#[test]
fn an_empty_capture_is_an_empty_trace() {
    let trace = Trace::from_capture([]);
    assert!(trace.packets.is_empty() && trace.hosts.is_empty());
    assert_eq!(trace.end, Instant::ZERO);
}
