//! A segment's way from its connection to a device: whose turn it is, by which path, with which headers.
//!
//! Connections that may have something to send stand in their interface's queue, each once; nobody else is looked at. They
//! take turns of [`TURN`] segments, and cut them only when the device has room. What belongs to no connection, or to one
//! that is about to go, waits in the interface's bounded queue of replies and goes first.

use crate::demux::FlowKey;
use crate::flow::Phase;
use crate::iface::{Header, Looped, MAX_REPLIES, Turn, Way};
use crate::ip::output::{Addressed, Marks};
use crate::listen::mss_of;
use crate::stack::Stack;
use crate::{IfaceId, TxBatch, TxFrame};
use limpid_event::{Counter, DropReason, Event, FlowId, Instant, Observer};
use limpid_tcp::Transmit;
use limpid_wire::tcp::header_len;

/// Segments (or super-segments) that a connection sends before the next has its turn.
const TURN: usize = 4;

/// Segments that the loopback interface carries in one call of `handle_timeout`; the rest is due at once again.
const LOOPBACK_BUDGET: usize = 4096;

impl<O: Observer> Stack<O> {
    /// Fills `batch` with frames due on `iface`, no more than it has room for. Nothing is cut before there is room.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn poll_transmit(&mut self, now: Instant, iface: IfaceId, batch: &mut TxBatch) {
        while batch.free() > 0 {
            // A turn may add replies: a question for a neighbour.
            if let Some(frame) = self.net.iface_mut(iface).next_reply() {
                batch.push(frame);
            } else if let Some(turn) = self.net.iface_mut(iface).ready.pop_front() {
                self.take_turn(now, iface, turn, batch);
            } else {
                return;
            }
        }
    }

    /// Lets a connection send, and stand in line again if it may have more.
    fn take_turn(&mut self, now: Instant, iface: IfaceId, turn: Turn, batch: &mut TxBatch) {
        if !self.begin_turn(now, iface, turn) {
            return;
        }
        for _ in 0..TURN {
            if batch.free() == 0 {
                break;
            }
            let Some(transmit) = self.next_segment(now, turn.index) else {
                return self.end_turn(now, turn, true);
            };
            let flow = &mut self.flows[turn.index];
            let (path, ends, marks) = (flow.path, (flow.key.local, flow.key.remote), flow.marks);
            flow.marks.ip_id = marks.ip_id.wrapping_add(transmit.wire_segments() as u16);
            let frame = batch.slot();
            frame.flow = turn.flow;
            self.net.put_tcp(frame, &path, ends, marks, transmit);
            self.settle_last(now, &path, batch);
            if self.finish_sending(now, turn.index) {
                return self.end_turn(now, turn, true);
            }
        }
        self.end_turn(now, turn, false);
    }

    /// Addresses the frame just put into a batch, or takes it out again.
    #[inline]
    fn settle_last(&mut self, now: Instant, path: &Way, batch: &mut TxBatch) {
        let Some(frame) = batch.last_mut() else { return };
        match self.address(now, path.iface, path.next_hop, frame) {
            Addressed::Ready => self.env.counters.bump(Counter::IpOutRequests),
            Addressed::Waits(neighbour) => {
                if let Some(frame) = batch.take_last() {
                    self.wait_for_neighbour(now, neighbour, frame);
                }
            }
            Addressed::Nowhere => {
                batch.take_last();
                self.drop_outgoing(now);
            }
        }
    }

    /// Whether a flow's turn is really due on this interface.
    fn begin_turn(&mut self, now: Instant, iface: IfaceId, turn: Turn) -> bool {
        let Some(flow) = self.flows.get(turn.index).filter(|f| f.id == turn.flow && f.queued) else {
            return false;
        };
        if flow.path_generation != self.net.routes.generation || flow.path.mtu_until <= now {
            self.refresh_path(now, turn.index);
        }
        let flow = &mut self.flows[turn.index];
        if flow.path.iface != iface {
            self.net.iface_mut(flow.path.iface).ready.push_back(turn);
            return false;
        }
        true
    }

    fn end_turn(&mut self, now: Instant, turn: Turn, idle: bool) {
        self.settle(now, turn.index);
        let flow = &mut self.flows[turn.index];
        flow.queued = !idle;
        if !idle {
            self.net.iface_mut(flow.path.iface).ready.push_back(turn);
        }
    }

    /// After a flow has sent what it may: its timer, its memory, and who waits for room.
    pub(crate) fn settle(&mut self, now: Instant, index: u32) {
        self.set_timer(index);
        self.settle_memory(index);
        let memory = self.env.ledger.now();
        if let Phase::Connection(connection) = &mut self.flows[index].phase {
            // Sending may be news to who watches it.
            let woke = connection.take_woke(now, memory);
            if !woke.is_empty() {
                self.wake_owner(index, woke);
            }
        }
    }

    /// A flow has nothing to send before something happens, as far as that is clear at a glance.
    #[inline]
    pub(crate) fn finish_sending(&mut self, now: Instant, index: u32) -> bool {
        match &mut self.flows[index].phase {
            Phase::Connection(connection) => connection.finish_sending(now),
            _ => false,
        }
    }

    /// The next segment of a flow, if one is due and fits its path.
    #[inline]
    fn next_segment(&mut self, now: Instant, index: u32) -> Option<Transmit> {
        loop {
            let flow = &mut self.flows[index];
            let mut cx = self.env.cx(now, flow.id);
            let mut transmit = match &mut flow.phase {
                Phase::SynSent(syn_sent) => syn_sent.poll_transmit(&mut cx),
                Phase::Connection(connection) => connection.poll_transmit(&mut cx),
                Phase::Resting(_) | Phase::Over(_) | Phase::Between => None,
            };
            if let (Some(auth), Some(transmit)) = (&mut flow.auth, &mut transmit) {
                auth.sign(&flow.key, &mut transmit.segment);
            }
            let (path, v4) = (flow.path, flow.key.remote.addr.is_v4());
            if transmit.as_ref().is_none_or(|t| self.fits(&path, v4, t)) {
                return transmit;
            }
            debug_assert!(false, "a segment larger than its path");
            self.env.counters.bump(Counter::IpOutDiscards);
        }
    }

    /// No segment larger than its path's MTU leaves, and no super-segment where nobody would cut it.
    fn fits(&self, path: &Way, v4: bool, transmit: &Transmit) -> bool {
        let gso_max = self.net.iface(path.iface).config.gso_max as usize;
        let len = transmit.segment.payload.len();
        let cut = match transmit.gso_size {
            0 => len,
            size => usize::from(size).min(len),
        };
        let headers = header_len(&transmit.segment) + if v4 { 20 } else { 40 };
        headers + cut <= usize::from(path.mtu) && (len == cut || len <= gso_max)
    }

    /// Sends a segment that is not cut from a flow in its turn: answers of the small phases, resets, last words. It waits
    /// among the replies of its interface.
    pub(crate) fn send_segment(
        &mut self,
        now: Instant,
        (key, id): (&FlowKey, FlowId),
        (marks, iface): (Marks, Option<IfaceId>),
        transmit: Transmit,
    ) {
        let Some(path) = self.net.path(now, key.remote.addr, key.scope().or(iface)) else {
            self.env.counters.bump(Counter::IpOutNoRoutes);
            return self.env.cx(now, id).emit(|| Event::Dropped { why: DropReason::NoRoute });
        };
        if path.iface == IfaceId::LOOPBACK {
            return self.loop_back(key, marks, transmit);
        }
        let mut frame = TxFrame::stateless();
        frame.flow = id;
        self.net.put_tcp(&mut frame, &path, (key.local, key.remote), marks, transmit);
        self.send_to_neighbour(now, path.iface, path.next_hop, frame);
    }

    /// Puts a segment on the loopback interface.
    fn loop_back(&mut self, key: &FlowKey, marks: Marks, transmit: Transmit) {
        if self.net.looped.len() >= MAX_REPLIES {
            return self.env.counters.bump(Counter::IpOutDiscards);
        }
        self.env.counters.bump(Counter::IpOutRequests);
        let merged = transmit.wire_segments().min(u32::from(u16::MAX)) as u16;
        let mut segment = transmit.segment;
        segment.merged = merged;
        let header = Header { ttl: marks.ttl, class: marks.class };
        self.net.looped.push_back(Looped { from: key.local, to: key.remote, segment, header });
    }

    /// Whether the loopback interface has something to carry.
    pub(crate) fn loopback_is_due(&self) -> bool {
        !self.net.looped.is_empty() || !self.net.iface(IfaceId::LOOPBACK).ready.is_empty()
    }

    /// Carries what waits on the loopback interface, and what comes of it.
    pub(crate) fn run_loopback(&mut self, now: Instant) {
        for _ in 0..LOOPBACK_BUDGET {
            if let Some(looped) = self.net.looped.pop_front() {
                self.handle_looped(now, looped);
                continue;
            }
            let Some(turn) = self.net.iface_mut(IfaceId::LOOPBACK).ready.pop_front() else { return };
            if !self.begin_turn(now, IfaceId::LOOPBACK, turn) {
                continue;
            }
            let next = self.next_segment(now, turn.index);
            self.end_turn(now, turn, next.is_none());
            if let Some(transmit) = next {
                let flow = &self.flows[turn.index];
                let (key, marks) = (flow.key, flow.marks);
                self.loop_back(&key, marks, transmit);
            }
        }
    }

    /// Looks a flow's path up anew, and tells the connection if its MSS is another now.
    pub(crate) fn refresh_path(&mut self, now: Instant, index: u32) {
        self.rouse(index);
        let flow = &mut self.flows[index];
        flow.path_generation = self.net.routes.generation;
        let (key, ip) = (flow.key, *flow.ip);
        let dst = key.remote.addr;
        // Without a route the old one stands: the next hop may come back, and the connection times out if it does not.
        let Some(path) = self.path_of(now, &key, &ip) else { return };
        let flow = &mut self.flows[index];
        let before = core::mem::replace(&mut flow.path, path.way);
        if before == path.way {
            return;
        }
        let (mss, max_burst) = (mss_of(path.mtu, dst.is_v4()), self.net.max_burst(&path, flow.auth.is_some()));
        match &mut flow.phase {
            Phase::SynSent(syn_sent) => syn_sent.handle_path(mss, max_burst),
            Phase::Connection(connection) => connection.handle_path(&mut self.env.cx(now, flow.id), mss, max_burst),
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => {}
        }
    }
}
