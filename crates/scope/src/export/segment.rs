//! A row a segment.

use super::{Column, Table, Value, address};
use crate::analysis::packet::{Content, dissect};
use crate::capture::PacketRef;
use crate::flows::{Flow, Kind, Place, Sighting};
use crate::frame::ip_packet;
use limpid_wire::{Endpoint, SeqNum, TcpFlags, TcpOptions};

/// One segment in its connection.
#[derive(Clone, Debug)]
pub struct SegmentRow {
    sighting: Sighting,
    src: Endpoint,
    dst: Endpoint,
    /// What relative numbers count from, of the sender and of the other end.
    bases: [Option<SeqNum>; 2],
    options: TcpOptions,
    wire_len: u32,
    captured_len: u32,
}

impl SegmentRow {
    /// The row of a packet that the survey has just taken.
    pub fn new(packet: &PacketRef<'_>, sighting: Sighting, flow: &Flow) -> SegmentRow {
        let (from, to) = (flow.end(sighting.from), flow.end(sighting.from.peer()));
        let options = match ip_packet(packet.link_type, packet.data).map(dissect) {
            Some(Content::Tcp(tcp)) => tcp.options,
            _ => TcpOptions::default(),
        };
        SegmentRow {
            sighting,
            src: from.endpoint,
            dst: to.endpoint,
            bases: [from.base, to.base],
            options,
            wire_len: packet.original_len,
            captured_len: u32::try_from(packet.data.len()).unwrap_or(u32::MAX),
        }
    }

    fn is_tcp(&self) -> bool {
        !matches!(self.sighting.kind, Kind::Icmp(_))
    }

    /// `value` for segments, null for ICMP errors.
    fn of_tcp<'a>(&self, value: impl Into<Value<'a>>) -> Value<'a> {
        if self.is_tcp() { value.into() } else { Value::Null }
    }

    fn ack(&self) -> Option<i64> {
        self.sighting.flags.contains(TcpFlags::ACK).then_some(self.sighting.ack)
    }

    /// As in the header: 32 bits.
    fn absolute(base: Option<SeqNum>, relative: i64) -> Option<u32> {
        Some((base? + relative as u32).0)
    }

    /// tcpdump's letters.
    fn flags(&self) -> String {
        const LETTERS: [char; 8] = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];
        let bits = self.sighting.flags.bits();
        LETTERS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, letter)| letter).collect()
    }

    /// `5:10 20:30`, relative to the other end's stream.
    fn sack(&self) -> Option<String> {
        let base = self.bases[1]?;
        let blocks = self.options.sack.iter().map(|block| format!("{}:{}", block.left() - base, block.right() - base));
        (!self.options.sack.is_empty()).then(|| blocks.collect::<Vec<_>>().join(" "))
    }
}

/// A row a segment, and a row an ICMP error about one.
pub static SEGMENTS: Table<SegmentRow> = Table { groups: &[COLUMNS] };

const COLUMNS: &[Column<SegmentRow>] = &[
    Column::int("packet", "number in the capture, from 1", |r| r.sighting.number.into()),
    Column::int("time_ns", "when it was captured, since 1970", |r| r.sighting.time.into()),
    Column::int("connection", "number of the connection, from 1", |r| r.sighting.flow.0.into()),
    Column::text("sender", "client or server (of an ICMP error: whom the segment it quotes did not reach)", |r| {
        r.sighting.from.text().into()
    }),
    Column::text("src", "the sender's address", |r| address(r.src)),
    Column::int("src_port", "the sender's port", |r| r.src.port.into()),
    Column::text("dst", "the receiver's address", |r| address(r.dst)),
    Column::int("dst_port", "the receiver's port", |r| r.dst.port.into()),
    Column::text("kind", "what it is there for", |r| r.sighting.kind.text().into()),
    Column::text("flags", "tcpdump's letters; the dot is ACK", |r| r.of_tcp(r.flags())),
    Column::int("seq", "relative sequence number: the SYN's is 0", |r| r.sighting.seq.into()),
    Column::int("ack", "relative acknowledgement number", |r| r.ack().into()),
    Column::int("seq_raw", "sequence number as in the header", |r| {
        SegmentRow::absolute(r.bases[0], r.sighting.seq).into()
    }),
    Column::int("ack_raw", "acknowledgement number as in the header", |r| {
        r.ack().and_then(|ack| SegmentRow::absolute(r.bases[1], ack)).into()
    }),
    Column::int("len", "payload on the wire, bytes", |r| r.sighting.len.into()),
    Column::int("window", "window in bytes, scaled", |r| r.of_tcp(r.sighting.window)),
    Column::int("in_flight", "what its sender has sent and the other end not acknowledged, this included", |r| {
        r.of_tcp(r.sighting.in_flight)
    }),
    Column::int("newly_acked", "bytes that it acknowledges for the first time", |r| r.sighting.newly_acked.into()),
    Column::int("rtt_ns", "round trip of what it acknowledges, from the vantage point", |r| r.sighting.rtt.into()),
    Column::text("place", "next, ahead (of a gap), overtaken, again, outside", |r| {
        r.of_tcp(match r.sighting.place {
            Place::Next => "next",
            Place::Ahead => "ahead",
            Place::Overtaken => "overtaken",
            Place::Again => "again",
            Place::Outside => "outside",
        })
    }),
    Column::text("again_cause", "of what is sent again: why", |r| {
        r.sighting.again.map(|again| again.cause.text()).into()
    }),
    Column::int("again_original", "the packet that held it first", |r| {
        r.sighting.again.and_then(|again| again.original).into()
    }),
    Column::int("again_previous", "the packet that held it last before", |r| {
        r.sighting.again.and_then(|again| again.previous).into()
    }),
    Column::int("again_after_ns", "since that packet", |r| r.sighting.again.map(|again| again.after).into()),
    Column::int("again_nth", "which retransmission it is, from 1", |r| r.sighting.again.map(|again| again.nth).into()),
    Column::int("needless", "the retransmission that this shows to have been needless", |r| r.sighting.needless.into()),
    Column::bool("acks_unseen", "it acknowledges what the capture has not seen", |r| r.sighting.acks_unseen.into()),
    Column::bool("fills_window", "its data fills the other end's window", |r| r.sighting.fills_window.into()),
    Column::int("mss", "option: maximum segment size", |r| r.options.mss.into()),
    Column::int("window_scale", "option: window scale", |r| r.options.window_scale.into()),
    Column::bool("sack_permitted", "option: SACK permitted", |r| r.of_tcp(r.options.sack_permitted)),
    Column::int("ts_val", "option: timestamp", |r| r.options.timestamps.map(|t| t.val).into()),
    Column::int("ts_ecr", "option: timestamp echoed", |r| r.options.timestamps.map(|t| t.ecr).into()),
    Column::text("sack", "option: SACK blocks, relative, as left:right", |r| r.sack().into()),
    Column::int("wire_len", "length of the packet on the link, bytes", |r| r.wire_len.into()),
    Column::int("captured_len", "how much of it was captured, bytes", |r| r.captured_len.into()),
];
