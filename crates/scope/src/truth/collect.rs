//! Reading.

use super::record::{Record, Run, Truth};
use super::{MAX_RUNS, Most};
use crate::capture::{CaptureError, CapturedPacket, PacketRef, Reader};
use crate::trace::{Packet, Trace, ip_packet};
use limpid_event::FlowId;
use std::collections::HashSet;
use std::io::Read;

/// Makes traces of what a file holds, in the file's order: give it each of our blocks and each packet.
///
/// Each run becomes a trace that equals the recorded one, but for packet numbers: they are the file's. Packets that nobody
/// told of, as in a file of another program, become one trace more ([`Trace::from_capture`]).
#[derive(Debug, Default)]
pub struct Collector {
    most: Most,
    runs: Vec<Trace>,
    /// About the packet that comes next.
    next: Option<Truth>,
    /// What nobody told of.
    plain: Vec<CapturedPacket>,
    packets: usize,
    bytes: usize,
    notes: usize,
    left_out: u64,
    /// Some packets were not wanted, nor what was told of their connections.
    is_excerpt: bool,
}

/// What [`Collector::read`] found.
#[derive(Debug)]
pub struct Found {
    /// A trace for each run, then one of what nobody told of.
    pub traces: Vec<Trace>,
    /// Packets, notes and blocks that were left out, because of the bounds or because they can't be read.
    pub left_out: u64,
    /// Why the file could not be read to its end.
    pub error: Option<CaptureError>,
}

impl Collector {
    /// Nothing yet.
    pub fn new() -> Collector {
        Collector::default()
    }

    /// Nothing yet, and never more than this.
    pub fn bounded(most: Most) -> Collector {
        Collector { most, ..Collector::default() }
    }

    /// Reads what is left of a capture, and of it those packets that `keep` wants, with what was told of their connections.
    pub fn read<R: Read>(reader: &mut Reader<R>, keep: impl FnMut(&PacketRef<'_>) -> bool) -> Found {
        Collector::new().read_all(reader, keep)
    }

    /// [`Collector::read`] by a collector with other bounds.
    pub fn read_all<R: Read>(self, reader: &mut Reader<R>, mut keep: impl FnMut(&PacketRef<'_>) -> bool) -> Found {
        let mut collector = self;
        reader.keep_blocks(super::BLOCK_KIND);
        let error = loop {
            let advanced = reader.advance();
            reader.take_blocks().iter().for_each(|body| collector.block(body));
            match (advanced, reader.current()) {
                (Err(error), _) => break Some(error),
                (Ok(_), None) => break None,
                (Ok(_), Some(packet)) if keep(&packet) => collector.packet(packet.to_owned()),
                (Ok(_), Some(_)) => collector.skip(),
            }
        };
        let left_out = collector.left_out();
        Found { traces: collector.finish(), left_out, error }
    }

    /// The next packet is not wanted.
    pub fn skip(&mut self) {
        self.next = None;
        self.is_excerpt = true;
    }

    /// The body of a block of [`BLOCK_KIND`](super::BLOCK_KIND).
    pub fn block(&mut self, body: &[u8]) {
        match Record::read(body) {
            Some(Record::Run(run)) => self.run(run),
            Some(Record::Packet(truth)) => self.next = Some(truth),
            Some(Record::Notes(notes)) => notes.for_each(|note| match (note, self.runs.last_mut()) {
                (Some(note), Some(trace)) if note.host < trace.hosts.len() && self.notes < self.most.notes => {
                    self.notes += 1;
                    trace.notes.push(note);
                }
                _ => self.left_out += 1,
            }),
            None => self.left_out += 1,
        }
    }

    fn run(&mut self, run: Run) {
        self.next = None;
        if self.runs.len() >= MAX_RUNS {
            self.left_out += 1;
            return;
        }
        let Run { epoch, end, hosts } = run;
        self.runs.push(Trace { hosts, epoch, end, ..Trace::default() });
    }

    /// A packet.
    pub fn packet(&mut self, packet: CapturedPacket) {
        if self.packets >= self.most.packets || self.bytes >= self.most.bytes {
            self.left_out += 1;
            return;
        }
        self.packets += 1;
        self.bytes += packet.data.len() + packet.comment.as_ref().map_or(0, String::len);
        let told = self.next.take().zip(self.runs.last_mut());
        let told = told.filter(|(truth, trace)| truth.from.max(truth.to) < trace.hosts.len());
        let (Some((truth, trace)), Some(bytes)) = (told, ip_packet(packet.link_type, &packet.data)) else {
            return self.plain.push(packet);
        };
        let Truth { from, to, sent_at, arrival, flow, why, copy } = truth;
        let bytes = bytes.to_vec();
        trace.packets.push(Packet { number: packet.number, from, to, sent_at, arrival, bytes, flow, why, copy });
    }

    /// How many packets, notes and blocks were left out, because of the bounds or because they can't be read.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The traces: one for each run, then one of what nobody told of, if there is any.
    pub fn finish(self) -> Vec<Trace> {
        let mut traces = self.runs;
        for trace in &mut traces {
            if self.is_excerpt {
                keep_what_concerns(trace);
            }
            // As they were written, unless somebody has been at them.
            trace.packets.sort_by_key(|packet| packet.sent_at);
            trace.notes.sort_by_key(|note| note.at);
            trace.end = trace.end.max(trace.last_moment());
        }
        traces.retain(|trace| !trace.packets.is_empty() || !trace.notes.is_empty());
        if !self.plain.is_empty() || traces.is_empty() {
            traces.push(Trace::from_capture(self.plain));
        }
        traces
    }
}

/// Of an excerpt: what was told of the connections whose packets are there, or of none in particular.
fn keep_what_concerns(trace: &mut Trace) {
    let flows: HashSet<(usize, FlowId)> = trace.packets.iter().map(|packet| (packet.from, packet.flow)).collect();
    trace.notes.retain(|note| note.flow == FlowId::NONE || flows.contains(&(note.host, note.flow)));
    let hosts: HashSet<usize> = trace.packets.iter().flat_map(|packet| [packet.from, packet.to]).collect();
    trace.notes.retain(|note| hosts.contains(&note.host));
}
