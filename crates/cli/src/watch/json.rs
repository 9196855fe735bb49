//! Objects for scripts: one for each segment as it comes, or one for each connection when it is over.
//!
//! `docs/watch.md` documents the fields. Times are nanoseconds since 1970, spans are nanoseconds, amounts are bytes.

use limpid_scope::capture::PacketRef;
use limpid_scope::flows::{EndFigures, Flow, Flows, FlowsOptions, Sighting};
use limpid_wire::TcpFlags;
use serde::Serialize;
use std::time::Duration;

/// What an object is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(crate) enum Grain {
    /// A segment, as it comes
    Segments,
    /// A connection, when it is over
    Connections,
}

/// Makes objects of packets.
pub(crate) struct Json {
    grain: Grain,
    flows: Flows,
}

impl Json {
    pub(crate) fn new(grain: Grain) -> Json {
        Json { grain, flows: Flows::new(FlowsOptions::default()) }
    }

    /// Takes a packet in, and appends the objects that are due, a line each.
    pub(crate) fn packet(&mut self, packet: &PacketRef<'_>, to: &mut Vec<u8>) {
        let seen = self.flows.handle_packet(packet);
        if let (Grain::Segments, Some(seen)) = (self.grain, seen) {
            append(to, &SegmentRow::of(&seen, self.flows.flow(seen.flow)));
        }
        while let Some(flow) = self.flows.poll_ended() {
            if self.grain == Grain::Connections {
                append(to, &ConnectionRow::of(&flow));
            }
        }
    }

    /// Appends what is left at the end.
    pub(crate) fn finish(self, to: &mut Vec<u8>) {
        if self.grain == Grain::Connections {
            self.flows.finish().for_each(|flow| append(to, &ConnectionRow::of(&flow)));
        }
    }
}

fn append(to: &mut Vec<u8>, row: &impl Serialize) {
    // Writing to memory does not fail, and neither does what these rows are made of.
    if serde_json::to_writer(&mut *to, row).is_ok() {
        to.push(b'\n');
    }
}

/// A segment.
#[derive(Serialize)]
struct SegmentRow {
    number: u64,
    time: i64,
    connection: u64,
    from: &'static str,
    client: Option<String>,
    server: Option<String>,
    kind: &'static str,
    flags: String,
    seq: i64,
    ack: i64,
    window: u64,
    length: u32,
    in_flight: u32,
    rtt: Option<u64>,
    again: Option<AgainRow>,
}

/// Of a segment sent again.
#[derive(Serialize)]
struct AgainRow {
    original: Option<u64>,
    previous: Option<u64>,
    after: u64,
    nth: u32,
    cause: &'static str,
}

impl SegmentRow {
    fn of(seen: &Sighting, flow: Option<&Flow>) -> SegmentRow {
        let endpoint = |end: usize| flow.map(|flow| flow.ends[end].endpoint.to_string());
        SegmentRow {
            number: seen.number,
            time: seen.time,
            connection: seen.flow.0,
            from: seen.from.text(),
            client: endpoint(0),
            server: endpoint(1),
            kind: seen.kind.text(),
            flags: letters(seen.flags),
            seq: seen.seq,
            ack: seen.ack,
            window: seen.window,
            length: seen.len,
            in_flight: seen.in_flight,
            rtt: seen.rtt.map(nanos),
            again: seen.again.map(|again| AgainRow {
                original: again.original,
                previous: again.previous,
                after: nanos(again.after),
                nth: again.nth,
                cause: again.cause.text(),
            }),
        }
    }
}

/// Control bits as tcpdump has them: `S.`.
fn letters(flags: TcpFlags) -> String {
    const LETTERS: [(TcpFlags, char); 8] = [
        (TcpFlags::FIN, 'F'),
        (TcpFlags::SYN, 'S'),
        (TcpFlags::RST, 'R'),
        (TcpFlags::PSH, 'P'),
        (TcpFlags::ACK, '.'),
        (TcpFlags::URG, 'U'),
        (TcpFlags::ECE, 'E'),
        (TcpFlags::CWR, 'W'),
    ];
    LETTERS.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, letter)| letter).collect()
}

/// A connection.
#[derive(Serialize)]
struct ConnectionRow {
    connection: u64,
    began: i64,
    last: i64,
    opening: &'static str,
    ending: &'static str,
    closed_first: Option<&'static str>,
    round_trip: Option<u64>,
    client: EndRow,
    server: EndRow,
    troubles: Vec<TroubleRow>,
}

/// An end of a connection.
#[derive(Serialize)]
struct EndRow {
    endpoint: String,
    state: &'static str,
    packets: u64,
    wire_bytes: u64,
    bytes: u64,
    bytes_again: u64,
    retransmissions: u64,
    needless: u64,
    rtt_min: Option<u64>,
    rtt_max: Option<u64>,
    window_max: u64,
    zero_windows: u64,
}

/// Something wrong.
#[derive(Serialize)]
struct TroubleRow {
    what: &'static str,
    end: &'static str,
    count: u64,
    lasted: u64,
    packets: Vec<u64>,
}

impl ConnectionRow {
    fn of(flow: &Flow) -> ConnectionRow {
        let trouble = |t: &limpid_scope::flows::Trouble| TroubleRow {
            what: t.kind.text(),
            end: t.end.text(),
            count: t.count,
            lasted: nanos(t.lasted),
            packets: t.packets().to_vec(),
        };
        ConnectionRow {
            connection: flow.number.0,
            began: flow.began,
            last: flow.last,
            opening: flow.opening.text(),
            ending: flow.ending.text(),
            closed_first: flow.closer.map(|end| end.text()),
            round_trip: flow.round_trip().map(nanos),
            client: EndRow::of(&flow.ends[0]),
            server: EndRow::of(&flow.ends[1]),
            troubles: flow.troubles.iter().map(trouble).collect(),
        }
    }
}

impl EndRow {
    fn of(end: &EndFigures) -> EndRow {
        EndRow {
            endpoint: end.endpoint.to_string(),
            state: end.state.name(),
            packets: end.packets,
            wire_bytes: end.wire_bytes,
            bytes: end.unique_bytes,
            bytes_again: end.retransmitted_bytes,
            retransmissions: end.retransmissions,
            needless: end.needless,
            rtt_min: end.rtt.min().map(nanos),
            rtt_max: end.rtt.max().map(nanos),
            window_max: end.window.max,
            zero_windows: end.window.zero_count,
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
