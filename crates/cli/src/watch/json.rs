//! Objects for scripts: one for each segment as it comes, or one for each connection when it is over; rows of
//! [`limpid_scope::export`], as `limpid export` writes them.

use crate::export::segment;
use limpid_scope::capture::PacketRef;
use limpid_scope::export::{CONNECTIONS, SEGMENTS, json_line};
use limpid_scope::flows::{Flows, FlowsOptions};

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
        match self.grain {
            Grain::Segments => {
                if let Some(row) = segment(&mut self.flows, packet) {
                    json_line(&SEGMENTS, &row, to);
                }
            }
            Grain::Connections => {
                self.flows.handle_packet(packet);
            }
        }
        while let Some(flow) = self.flows.poll_ended() {
            if self.grain == Grain::Connections {
                json_line(&CONNECTIONS, &flow, to);
            }
        }
    }

    /// Appends what is left at the end.
    pub(crate) fn finish(self, to: &mut Vec<u8>) {
        if self.grain == Grain::Connections {
            self.flows.finish().for_each(|flow| json_line(&CONNECTIONS, &flow, to));
        }
    }
}
