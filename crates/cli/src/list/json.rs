//! A connection as an object for scripts.

use limpid_scope::flows::End;
use limpid_scope::flows::listing::Row;
use serde::Serialize;

#[derive(Serialize)]
struct Object {
    number: u64,
    client: Address,
    server: Address,
    /// Seconds since 1970.
    began: f64,
    duration_seconds: f64,
    first_packet: u64,
    packets: u64,
    packets_from_client: u64,
    packets_from_server: u64,
    bytes_from_client: u64,
    bytes_from_server: u64,
    retransmissions: u64,
    retransmissions_from_client: u64,
    retransmissions_from_server: u64,
    rtt_seconds: Option<f64>,
    opening: &'static str,
    ending: &'static str,
    ended_by: Option<&'static str>,
    reset: Option<&'static str>,
    trouble: Option<Trouble>,
    other_troubles: usize,
}

#[derive(Serialize)]
struct Address {
    address: String,
    port: u16,
}

/// The worst one.
#[derive(Serialize)]
struct Trouble {
    kind: &'static str,
    end: &'static str,
    count: u64,
    severity: u8,
}

/// The object, and a newline.
pub(super) fn line(row: &Row) -> String {
    let object = Object {
        number: row.number,
        client: Address { address: row.client.addr.to_string(), port: row.client.port },
        server: Address { address: row.server.addr.to_string(), port: row.server.port },
        began: row.began as f64 / 1e9,
        duration_seconds: row.lasted.as_secs_f64(),
        first_packet: row.first_packet,
        packets: row.packets.iter().sum(),
        packets_from_client: row.packets[0],
        packets_from_server: row.packets[1],
        bytes_from_client: row.bytes[0],
        bytes_from_server: row.bytes[1],
        retransmissions: row.retransmissions.iter().sum(),
        retransmissions_from_client: row.retransmissions[0],
        retransmissions_from_server: row.retransmissions[1],
        rtt_seconds: row.round_trip.map(|span| span.as_secs_f64()),
        opening: row.opening.text(),
        ending: row.ending.text(),
        ended_by: row.ended_by.map(End::text),
        reset: row.reset.map(|cause| cause.text()),
        trouble: row.worst.map(|(kind, end, count)| Trouble {
            kind: kind.text(),
            end: end.text(),
            count,
            severity: kind.severity(),
        }),
        other_troubles: row.more_troubles,
    };
    serde_json::to_string(&object).map_or_else(|_| String::new(), |text| text + "\n")
}
