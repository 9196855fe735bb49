//! The one place where a [`Trace`] comes from: links and taps tell of packets, engines of [`Event`]s, applications of
//! what they saw.
//!
//! A [`Recorder`] is a handle that can be cloned and sent to other threads: a virtual world uses it, and so does a live
//! run over a device. What it keeps is bounded ([`MAX_PACKETS`], [`MAX_NOTES`]); what comes after is left out and counted.

use limpid_device::Tap;
use limpid_event::{Event, FlowId, Instant, LinkFate, Observer, TxReason};
use limpid_scope::trace::{Arrival, PacketId, Trace, View, What};
use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::{Endpoint, IpAddr, IpPacket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Packets that a recorder keeps.
pub const MAX_PACKETS: usize = 200_000;
/// Events and remarks that a recorder keeps.
pub const MAX_NOTES: usize = 1_000_000;

/// Collects what happens. Clones write to the same trace.
#[derive(Clone, Default)]
pub struct Recorder {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    trace: Trace,
    left_out: u64,
    paused: bool,
    /// Packets are left out.
    events_only: bool,
}

/// A packet's place in the record; `None` if it was left out.
#[derive(Clone, Copy, Debug)]
pub struct Entry(Option<PacketId>);

impl Recorder {
    /// An empty record. `epoch` is the wall-clock time of [`Instant::ZERO`], in nanoseconds since the Unix epoch.
    pub fn new(epoch: u64) -> Recorder {
        let recorder = Recorder::default();
        recorder.state().trace.epoch = epoch;
        recorder
    }

    /// Adds a host at the right of those already there; its index names it from here on.
    pub fn add_host(&self, name: &str, addresses: Vec<IpAddr>, view: View) -> usize {
        self.state().trace.add_host(name, addresses, view)
    }

    /// An observer for the engine of `host`.
    pub fn observer(&self, host: usize) -> HostObserver {
        HostObserver { recorder: self.clone(), host }
    }

    /// Stops recording, or goes on with it: a long-running program may pause its own record.
    pub fn pause(&self, paused: bool) {
        self.state().paused = paused;
    }

    /// Keeps no packets from here on, only events, and that of those on the link that were lost: for long transfers.
    pub fn keep_events_only(&self) {
        self.state().events_only = true;
    }

    /// A packet left `from` for `to`. `bytes` begin with the IP header; `flow` and `why` are what the sender's engine told.
    pub fn sent(
        &self,
        at: Instant,
        (from, to): (usize, usize),
        bytes: &[u8],
        flow: FlowId,
        why: Option<TxReason>,
    ) -> Entry {
        let mut state = self.state();
        if state.events_only {
            return Entry(None);
        }
        if state.paused || state.trace.packets.len() >= MAX_PACKETS {
            state.left_out += 1;
            return Entry(None);
        }
        Entry(Some(state.trace.packet_sent(at, (from, to), bytes.to_vec(), flow, why)))
    }

    /// The link made a second copy of a packet, which goes on its own way from `at`.
    pub fn copied(&self, at: Instant, entry: Entry) -> Entry {
        let mut state = self.state();
        match entry.0 {
            Some(id) if !state.paused && state.trace.packets.len() < MAX_PACKETS => {
                Entry(Some(state.trace.packet_copied(at, id)))
            }
            _ => {
                state.left_out += u64::from(!state.events_only);
                Entry(None)
            }
        }
    }

    /// The packet arrived.
    pub fn arrived(&self, entry: Entry, at: Instant) {
        self.ended(entry, Arrival::At(at));
    }

    /// The packet never arrived.
    pub fn lost(&self, entry: Entry, at: Instant, fate: LinkFate) {
        self.ended(entry, Arrival::Lost { at, fate });
    }

    /// The packet of `host` that it sent at `at` never arrived; if it was left out of the record, that becomes a note.
    pub fn lost_of(&self, (host, flow): (usize, FlowId), entry: Entry, at: Instant, fate: LinkFate) {
        match entry.0 {
            Some(_) => self.lost(entry, at, fate),
            None => self.note(at, host, flow, What::Event(Event::Link { fate })),
        }
    }

    fn ended(&self, entry: Entry, arrival: Arrival) {
        if let Some(id) = entry.0 {
            self.state().trace.packet_ended(id, arrival);
        }
    }

    /// An application's words.
    pub fn remark(&self, at: Instant, host: usize, text: impl Into<String>) {
        self.note(at, host, FlowId::NONE, What::App(text.into()));
    }

    /// What the sender at an endpoint is called in pictures.
    pub fn label(&self, local: Endpoint, text: impl Into<String>) {
        self.state().trace.labels.insert(local, text.into());
    }

    /// Something that happened at a host.
    pub fn note(&self, at: Instant, host: usize, flow: FlowId, what: What) {
        let mut state = self.state();
        if state.paused || state.trace.notes.len() >= MAX_NOTES {
            state.left_out += 1;
            return;
        }
        state.trace.note(at, host, flow, what);
    }

    /// How many packets and notes were left out because of the bounds or a pause.
    pub fn left_out(&self) -> u64 {
        self.state().left_out
    }

    /// How many packets there are so far.
    pub fn packets(&self) -> usize {
        self.state().trace.packets.len()
    }

    /// The trace so far, closed at `end`. What is recorded afterwards is not in it.
    pub fn trace(&self, end: Instant) -> Trace {
        let mut trace = self.state().trace.clone();
        trace.finish(end);
        trace
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells a recorder what one host's engine tells.
#[derive(Clone)]
pub struct HostObserver {
    recorder: Recorder,
    host: usize,
}

impl Observer for HostObserver {
    fn observe(&mut self, at: Instant, flow: FlowId, event: &Event) {
        self.recorder.note(at, self.host, flow, What::Event(event.clone()));
    }
}

/// Records what passes a device that ends one host's side of a live run: what the host sends arrives at once, what the
/// peer sends is seen when it comes in.
#[derive(Clone)]
pub struct DeviceRecorder {
    recorder: Recorder,
    local: usize,
    peer: usize,
    /// Length of the link header before the IP header.
    link_header: usize,
}

impl DeviceRecorder {
    /// For a device of `medium` between `local`, whose engine is ours, and `peer`.
    pub fn new(recorder: Recorder, local: usize, peer: usize, medium: Medium) -> DeviceRecorder {
        DeviceRecorder { recorder, local, peer, link_header: link_header_len(medium) }
    }
}

impl Tap for DeviceRecorder {
    fn sent(&mut self, at: Instant, frame: &TxFrame) {
        let bytes = frame.to_vec();
        let ip = bytes.get(self.link_header..).unwrap_or_default();
        if is_tcp_or_icmp(ip) {
            let entry = self.recorder.sent(at, (self.local, self.peer), ip, frame.flow, frame.why);
            self.recorder.ended(entry, Arrival::Estimated(at));
        }
    }

    fn received(&mut self, at: Instant, frame: &RxFrame) {
        let bytes = frame.contiguous();
        let ip = bytes.get(self.link_header..).unwrap_or_default();
        if is_tcp_or_icmp(ip) {
            let entry = self.recorder.sent(at, (self.peer, self.local), ip, FlowId::NONE, None);
            self.recorder.arrived(entry, at);
        }
    }
}

/// Length of what stands before the IP header, bytes.
pub(crate) const fn link_header_len(medium: Medium) -> usize {
    match medium {
        Medium::Ip => 0,
        Medium::Ethernet(_) => 14,
    }
}

/// True for what a story about TCP needs. A kernel's own chatter (router solicitations, MLD, mDNS) is none of it.
pub(crate) fn is_tcp_or_icmp(bytes: &[u8]) -> bool {
    use limpid_wire::IpProtocol;
    /// ICMPv6 types below 128 are errors, 128 and 129 echo; the rest is neighbour discovery and multicast (RFC 4443 §2.1).
    const LAST_ECHO: u8 = 129;
    let Ok(packet) = IpPacket::parse(bytes) else { return false };
    match packet.protocol {
        IpProtocol::TCP | IpProtocol::ICMP => true,
        IpProtocol::ICMPV6 => bytes.get(packet.payload.start).is_some_and(|kind| *kind <= LAST_ECHO),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
