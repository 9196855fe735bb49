//! Two runs of the same exchange: where they part first, and in what they differ.
//!
//! Runs are aligned by their openings and by positions in the streams: the same byte of the same direction is the same place
//! in both, whatever the numbers and the clocks say.

mod course;
mod parting;
mod tell;

pub use course::{Course, Turn};
pub use parting::{Parting, Why};

use super::Finding;
use super::side::{Call, Side};
use crate::capture::{CapturedPacket, LinkType};
use crate::trace::Trace;
use limpid_wire::Endpoint;
use std::collections::{HashMap, VecDeque};

/// The most pairs of connections that are compared.
const MAX_PAIRS: usize = 16;

/// Two connections that look like the same exchange.
#[derive(Clone, Debug)]
pub struct Runs {
    /// Client and server of each.
    pub connections: [[Endpoint; 2]; 2],
    /// What each did.
    pub courses: [Course; 2],
    /// Where they part first, if they do.
    pub parting: Option<Parting>,
    /// The trace of each, as its own capture has it.
    pub traces: [Trace; 2],
    /// A filter hid packets of one of them.
    pub filtered: bool,
    /// What it comes to, in sentences.
    pub findings: Vec<Finding>,
}

/// Compares connections in the order of their first packets, each with the next one to the same port.
pub(super) fn compare(a: &Side, b: &Side) -> Vec<Runs> {
    let mut by_port: HashMap<u16, VecDeque<&Call>> = HashMap::new();
    for call in b.connections.iter().filter(|call| is_call(call)) {
        by_port.entry(call.ends[1].port).or_default().push_back(call);
    }
    let of = |calls: [&Call; 2]| {
        let filtered = [a, b].iter().zip(calls).any(|(side, call)| side.hidden.of(call.ends[0], call.ends[1]));
        Runs::of(calls, filtered)
    };
    let mut runs = Vec::new();
    for call in a.connections.iter().filter(|call| is_call(call)) {
        let like = by_port.get_mut(&call.ends[1].port).and_then(VecDeque::pop_front);
        let Some(other) = like else { continue };
        runs.push(of([call, other]));
        if runs.len() == MAX_PAIRS {
            break;
        }
    }
    // Where ports tell nothing, the only connection of each is meant.
    if runs.is_empty()
        && let ([call], [other]) = (&a.connections[..], &b.connections[..])
    {
        runs.push(of([call, other]));
    }
    runs
}

fn is_call(call: &Call) -> bool {
    call.packets.len() > 1
}

impl Runs {
    fn of(calls: [&Call; 2], filtered: bool) -> Runs {
        let courses = calls.map(Course::of);
        let parting = parting::find(&courses);
        let mut runs = Runs {
            connections: calls.map(|call| call.ends),
            courses,
            parting,
            traces: calls.map(trace),
            filtered,
            findings: Vec::new(),
        };
        runs.findings = tell::findings(&runs);
        runs
    }
}

fn trace(call: &Call) -> Trace {
    Trace::from_capture(call.packets.iter().map(|seen| {
        let mut packet = CapturedPacket::whole(seen.number, seen.time, LinkType::RAW, seen.bytes.clone());
        packet.original_len = packet.original_len.saturating_add(seen.tcp.len);
        packet
    }))
}
