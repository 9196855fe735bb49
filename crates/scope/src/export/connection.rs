//! A row a connection.

use super::{Column, Table, address};
use crate::flows::{Cause, End, EndFigures, Flow, Vantage};

fn end(flow: &Flow, index: usize) -> &EndFigures {
    &flow.ends[index]
}

/// Durations and times that are 0 where nothing happened.
fn known(time: i64) -> Option<i64> {
    (time != 0).then_some(time)
}

fn troubles(flow: &Flow) -> Option<String> {
    let all = flow.troubles.iter().map(|trouble| format!("{} ({})", trouble.kind.text(), trouble.end.text()));
    (!flow.troubles.is_empty()).then(|| all.collect::<Vec<_>>().join("; "))
}

fn vantage(vantage: Vantage) -> Option<&'static str> {
    match vantage {
        Vantage::Unknown => None,
        Vantage::Client => Some("client"),
        Vantage::Server => Some("server"),
        Vantage::Between => Some("between"),
    }
}

/// The columns of one end.
macro_rules! end_columns {
    ($name:literal, $index:literal) => {
        &[
            Column::int(concat!($name, "_packets"), "packets it sent", |f| end(f, $index).packets.into()),
            Column::int(concat!($name, "_wire_bytes"), "bytes of these on the link", |f| {
                end(f, $index).wire_bytes.into()
            }),
            Column::int(concat!($name, "_bytes"), "payload it sent, each byte once", |f| {
                end(f, $index).unique_bytes.into()
            }),
            Column::int(concat!($name, "_data_packets"), "packets with payload", |f| {
                end(f, $index).data_packets.into()
            }),
            Column::int(concat!($name, "_retransmissions"), "segments it sent again", |f| {
                end(f, $index).retransmissions.into()
            }),
            Column::int(concat!($name, "_retransmitted_bytes"), "payload it sent again", |f| {
                end(f, $index).retransmitted_bytes.into()
            }),
            Column::int(concat!($name, "_timeouts"), "of the retransmissions, those that a timer caused", |f| {
                let causes = end(f, $index).causes;
                Cause::ALL.iter().zip(causes).filter(|(cause, _)| cause.is_timer()).map(|(_, n)| n).sum::<u32>().into()
            }),
            Column::int(concat!($name, "_needless"), "retransmissions that turned out to be needless", |f| {
                end(f, $index).needless.into()
            }),
            Column::int(concat!($name, "_overtaken"), "its segments that others had overtaken", |f| {
                end(f, $index).overtaken.into()
            }),
            Column::int(concat!($name, "_duplicate_acks"), "its duplicate ACKs", |f| {
                end(f, $index).duplicate_acks.into()
            }),
            Column::int(concat!($name, "_rtt_samples"), "round trips of what it sent, from the vantage point", |f| {
                end(f, $index).rtt.samples.into()
            }),
            Column::int(concat!($name, "_rtt_min_ns"), "the shortest of them", |f| end(f, $index).rtt.min().into()),
            Column::int(concat!($name, "_rtt_avg_ns"), "their mean", |f| end(f, $index).rtt.average().into()),
            Column::int(concat!($name, "_rtt_max_ns"), "the longest", |f| end(f, $index).rtt.max().into()),
            Column::int(concat!($name, "_max_in_flight"), "the most it had under way", |f| {
                end(f, $index).max_in_flight.into()
            }),
            Column::int(concat!($name, "_window_min"), "the smallest window it offered, scaled", |f| {
                Some(end(f, $index).window.min).filter(|_| end(f, $index).window.updates > 0).into()
            }),
            Column::int(concat!($name, "_window_max"), "the largest", |f| {
                Some(end(f, $index).window.max).filter(|_| end(f, $index).window.updates > 0).into()
            }),
            Column::int(concat!($name, "_zero_windows"), "how often its window closed", |f| {
                end(f, $index).window.zero_count.into()
            }),
            Column::int(concat!($name, "_zero_window_ns"), "how long it was closed", |f| {
                end(f, $index).window.zero_time.into()
            }),
            Column::int(concat!($name, "_mss"), "the MSS of its SYN", |f| {
                end(f, $index).options.and_then(|options| options.mss).into()
            }),
            Column::int(concat!($name, "_window_scale"), "the window scale of its SYN", |f| {
                end(f, $index).options.and_then(|options| options.window_scale).into()
            }),
            Column::int(concat!($name, "_unseen_bytes"), "of its stream, what the capture missed", |f| {
                end(f, $index).unseen_bytes.into()
            }),
            Column::int(concat!($name, "_first_data_ns"), "when its first data was seen", |f| {
                end(f, $index).first_data_at.into()
            }),
            Column::int(concat!($name, "_last_data_ns"), "when its last data was seen", |f| {
                known(end(f, $index).last_data_at).into()
            }),
            Column::text(concat!($name, "_state"), "its state at the end", |f| end(f, $index).state.name().into()),
        ]
    };
}

const CLIENT: &[Column<Flow>] = end_columns!("client", 0);
const SERVER: &[Column<Flow>] = end_columns!("server", 1);

const BOTH: &[Column<Flow>] = &[
    Column::int("connection", "its number, from 1, in the order of first packets", |f| f.number.0.into()),
    Column::text("client", "the client's address", |f| address(f.end(End::Client).endpoint)),
    Column::int("client_port", "the client's port", |f| f.end(End::Client).endpoint.port.into()),
    Column::text("server", "the server's address", |f| address(f.end(End::Server).endpoint)),
    Column::int("server_port", "the server's port", |f| f.end(End::Server).endpoint.port.into()),
    Column::int("began_ns", "time of its first packet, since 1970", |f| f.began.into()),
    Column::int("last_ns", "time of its last packet, since 1970", |f| f.last.into()),
    Column::int("duration_ns", "from its first packet to its last", |f| f.duration().into()),
    Column::int("first_packet", "number of its first packet", |f| f.first_packet.into()),
    Column::int("last_packet", "number of its last packet", |f| f.last_packet.into()),
    Column::text("opening", "how it opened", |f| f.opening.text().into()),
    Column::text("ending", "how it ended, as far as was seen", |f| f.ending.text().into()),
    Column::text("closer", "who closed first", |f| f.closer.map(End::text).into()),
    Column::text("reset_by", "who reset it", |f| f.reset.map(|reset| reset.by.text()).into()),
    Column::text("reset_cause", "why, most likely", |f| f.reset.map(|reset| reset.cause.text()).into()),
    Column::int("rtt_ns", "round trip between the ends", |f| f.round_trip().into()),
    Column::int("handshake_ns", "the handshake's round trip", |f| f.handshake_round_trip().into()),
    Column::text("vantage", "where it was captured: client, server, between", |f| vantage(f.vantage).into()),
    Column::int("half_close_ns", "how long one direction stayed open after the other closed", |f| {
        f.half_close().into()
    }),
    Column::int("stalls", "how often it stood still", |f| f.stall_count.into()),
    Column::int("stalled_ns", "for how long in all", |f| f.stalled.iter().copied().sum::<std::time::Duration>().into()),
    Column::text("stalled_by", "what most of that was for: application, window, loss, network", |f| {
        let names = ["application", "window", "loss", "network"];
        let most = f.stalled.iter().zip(names).max_by_key(|(lasted, _)| **lasted);
        most.filter(|(lasted, _)| !lasted.is_zero()).map(|(_, name)| name).into()
    }),
    Column::int("path_mtu", "what a router said that the path takes", |f| {
        Some(f.path_mtu).filter(|mtu| *mtu > 0).into()
    }),
    Column::text("troubles", "what is wrong with it", |f| troubles(f).into()),
    Column::text(
        "hidden",
        "'filter' where one hid packets of it, or may have: what is missing then means nothing",
        |f| f.hidden.then_some("filter").into(),
    ),
];

/// A row a connection: what concerns both ends, then the client, then the server.
pub static CONNECTIONS: Table<Flow> = Table { groups: &[BOTH, CLIENT, SERVER] };
