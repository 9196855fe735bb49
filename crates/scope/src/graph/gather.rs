//! What each sender's engine told, as series of figures over time.

use super::MAX_FLOWS;
use crate::analysis::{Analysis, Connection};
use crate::trace::{Trace, What};
use crate::words;
use limpid_event::{Event, FlowId, Instant, LinkFate, Timer};
use limpid_wire::{Endpoint, SeqNum};
use std::collections::BTreeMap;

/// A figure and when it was so.
pub(super) type Sample = (Instant, f64);

/// A sender that sent less than this part of what the busiest one did is not drawn: it only answered.
const LEAST_PART: u64 = 20;

/// A slow-start threshold from here on is none, bytes.
const NO_THRESHOLD: u32 = 1 << 30;

/// One direction of a connection, as its sender knows it.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) host: String,
    /// What it is called beside, if anything.
    pub(super) label: Option<String>,
    pub(super) local: Option<Endpoint>,
    pub(super) peer: String,
    pub(super) remote: Option<Endpoint>,
    /// Bytes; holds until the next.
    pub(super) cwnd: Vec<Sample>,
    /// Bytes; holds until the next.
    pub(super) ssthresh: Vec<Sample>,
    /// Bytes; holds until the next.
    pub(super) in_flight: Vec<Sample>,
    /// Bytes a second, where the controller decides; holds until the next.
    pub(super) pacing: Vec<Sample>,
    /// Seconds, at this moment.
    pub(super) rtt: Vec<Sample>,
    /// Smoothed, seconds; holds until the next.
    pub(super) srtt: Vec<Sample>,
    /// Bytes that were acknowledged at this moment.
    pub(super) acked: Vec<(Instant, u64)>,
    pub(super) lost: Vec<Instant>,
    pub(super) again: Vec<Instant>,
    pub(super) rto: Vec<Instant>,
    pub(super) undone: Vec<Instant>,
    /// When the link marked a segment.
    pub(super) marked: Vec<Instant>,
    /// From where to where loss was being repaired.
    pub(super) recovery: Vec<(Instant, Instant)>,
    /// Bytes of data that left, those sent again included.
    pub(super) sent: u64,
    /// When the first and the last byte of data left.
    pub(super) active: Option<(Instant, Instant)>,
    una: Option<SeqNum>,
    recovering: Option<Instant>,
}

impl Flow {
    /// Bytes that got through.
    pub(super) fn delivered(&self) -> u64 {
        self.acked.iter().map(|(_, bytes)| bytes).sum()
    }

    /// What the engine of `end` told of its side of a connection; `None` if it told nothing.
    pub(super) fn told(analysis: &Analysis<'_>, connection: &Connection, end: usize) -> Option<Flow> {
        let mut flow = Flow::default();
        for (at, event) in connection.events(analysis.trace, end) {
            flow.on_event(at, event);
        }
        flow.recovery.extend(flow.recovering.take().map(|since| (since, analysis.trace.end)));
        (!flow.cwnd.is_empty() || !flow.rtt.is_empty()).then_some(flow)
    }

    fn on_event(&mut self, at: Instant, event: &Event) {
        match event {
            Event::Opened { local, remote, .. } => (self.local, self.remote) = (Some(*local), Some(*remote)),
            Event::Sent { segment, retransmission, .. } if segment.len > 0 => {
                self.sent += u64::from(segment.len);
                self.active = Some((self.active.map_or(at, |(first, _)| first), at));
                let before = self.in_flight.last().map_or(0.0, |(_, bytes)| *bytes);
                self.in_flight.push((at, before + f64::from(segment.len)));
                if *retransmission > 0 {
                    self.again.push(at);
                }
                self.una.get_or_insert(segment.seq);
            }
            Event::Received { segment } => {
                // An ACK below what is known, or of what was never sent, tells nothing here.
                let Some(una) = self.una.filter(|una| segment.ack.after(*una)) else { return };
                self.acked.push((at, u64::from(segment.ack - una)));
                self.una = Some(segment.ack);
            }
            Event::Flight { in_flight, cwnd, pacing_rate } => {
                self.in_flight.push((at, f64::from(*in_flight)));
                self.set_cwnd(at, *cwnd);
                self.pacing.extend(pacing_rate.map(|rate| (at, rate as f64)));
            }
            Event::Congestion { cwnd, ssthresh, .. } => {
                self.set_cwnd(at, *cwnd);
                if *ssthresh < NO_THRESHOLD {
                    self.ssthresh.push((at, f64::from(*ssthresh)));
                }
            }
            Event::RttSample { rtt, srtt, .. } => {
                self.rtt.push((at, rtt.as_secs_f64()));
                self.srtt.push((at, srtt.as_secs_f64()));
            }
            Event::TimerFired { timer: Timer::Rto, .. } => self.rto.push(at),
            Event::RecoveryBegan { .. } => self.recovering = self.recovering.or(Some(at)),
            Event::RecoveryEnded => self.recovery.extend(self.recovering.take().map(|since| (since, at))),
            Event::Undone { .. } => self.undone.push(at),
            Event::Link { fate: LinkFate::Marked } => self.marked.push(at),
            // Only told of packets that are not in the record.
            Event::Link { fate: LinkFate::Lost | LinkFate::QueueFull | LinkFate::DroppedEarly } => self.lost.push(at),
            _ => {}
        }
    }

    fn set_cwnd(&mut self, at: Instant, cwnd: u32) {
        let cwnd = f64::from(cwnd);
        if self.cwnd.last().is_none_or(|(_, before)| *before != cwnd) {
            self.cwnd.push((at, cwnd));
        }
    }
}

/// The senders of a trace, in the order in which they began: at most [`MAX_FLOWS`], those that sent most.
pub(super) fn flows(trace: &Trace) -> Vec<Flow> {
    let mut flows: BTreeMap<(usize, FlowId), Flow> = BTreeMap::new();
    for note in trace.notes.iter().filter(|note| note.flow != FlowId::NONE) {
        if let What::Event(event) = &note.what {
            flows.entry((note.host, note.flow)).or_default().on_event(note.at, event);
        }
    }
    for packet in trace.packets.iter().filter(|packet| packet.flow != FlowId::NONE) {
        let Some(flow) = flows.get_mut(&(packet.from, packet.flow)) else { continue };
        if packet.arrival.is_lost() {
            flow.lost.push(packet.sent_at);
        }
    }
    let busiest = flows.values().map(|flow| flow.sent).max().unwrap_or(0);
    let mut drawn: Vec<Flow> = (flows.into_iter())
        .filter(|(_, flow)| flow.sent > 0 && flow.sent >= busiest / LEAST_PART)
        .map(|((host, _), mut flow)| {
            flow.host = trace.hosts.get(host).map(|host| host.name.clone()).unwrap_or_default();
            flow.label = flow.local.and_then(|local| trace.labels.get(&local)).map(|label| words::tame(label));
            let peer = flow.remote.and_then(|remote| trace.host_of(remote.addr));
            flow.peer = peer.map(|peer| trace.hosts[peer].name.clone()).unwrap_or_default();
            flow.recovery.extend(flow.recovering.take().map(|since| (since, trace.end)));
            flow
        })
        .collect();
    drawn.sort_by_key(|flow| std::cmp::Reverse(flow.sent));
    drawn.truncate(MAX_FLOWS);
    drawn.sort_by_key(|flow| flow.active);
    drawn
}
