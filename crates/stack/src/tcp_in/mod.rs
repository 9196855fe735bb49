//! A TCP segment's way to its connection: checks that need addresses, demux, and what each phase makes of it
//! ([`phases`]); resets for what belongs to nobody ([`reset`], RFC 9293 §3.5.2).

mod phases;
mod reset;

use crate::demux::{FlowKey, Handle};
use crate::iface::{Header, Kind, Looped};
use crate::ip::input::Received;
use crate::stack::Stack;
use crate::{IfaceId, RxChecksum, SocketId};
use limpid_event::{Counter, DropReason, Event, FlowId, Instant, Observer, SegmentView, TxReason};
use limpid_wire::tcp::parse_segment;
use limpid_wire::{Chunks, Endpoint, IpProtocol, Segment, checksum};

/// How a segment came.
#[derive(Clone, Copy)]
struct Arrival {
    header: Header,
    iface: IfaceId,
    /// Its destination is one of our addresses.
    ours: bool,
}

impl<O: Observer> Stack<O> {
    /// A packet with TCP in it arrived.
    #[inline]
    pub(crate) fn handle_tcp(&mut self, now: Instant, packet: Received) {
        let counters = &mut self.env.counters;
        counters.bump(Counter::TcpInSegs);
        if !packet.is_unicast() {
            return self.drop_packet(now, DropReason::NotForUs);
        }
        let (src, dst) = (packet.ip.src, packet.ip.dst);
        let checked = packet.checksum == RxChecksum::Verified;
        if !checked && !checksum::verify_parts(src, dst, IpProtocol::TCP, packet.payload(), &packet.rest) {
            counters.bump(Counter::TcpInCsumErrors);
            counters.bump(Counter::TcpInErrs);
            return self.drop_packet(now, DropReason::BadChecksum);
        }
        self.arrived_syn = if self.saves_syns { packet.syn_headers() } else { None };
        // A signature is over the header as it came.
        let header = self.auth.is_in_use().then(|| {
            let bytes = packet.payload();
            let len = bytes.get(12).map_or(0, |offset| usize::from(offset >> 4) * 4);
            bytes.iter().take(len).copied().collect()
        });
        let end = packet.ip.payload.end.min(packet.bytes.len());
        let parsed = parse_segment(packet.bytes, packet.ip.payload.start..end, packet.ip.ecn);
        let Ok((from_port, to_port, mut segment)) = parsed else {
            counters.bump(Counter::TcpInErrs);
            return self.drop_packet(now, DropReason::Malformed);
        };
        self.auth.header.clear();
        if let Some(bytes) = header {
            self.auth.header = bytes;
        }
        if !packet.rest.is_empty() {
            self.append_rest(&mut segment, packet.rest);
        }
        if packet.gso_size > 0 {
            let merged = segment.payload.len().div_ceil(usize::from(packet.gso_size));
            segment.merged = merged.clamp(1, usize::from(u16::MAX)) as u16;
        }
        let key = FlowKey::new(Endpoint::new(dst, to_port), Endpoint::new(src, from_port), packet.iface);
        let header = Header { ttl: packet.ip.ttl, class: packet.ip.dscp << 2 };
        let arrival = Arrival { header, iface: packet.iface, ours: packet.to == Kind::Ours };
        self.handle_segment(now, key, segment, arrival);
        self.arrived_syn = None;
    }

    /// Adds to a segment's payload what was not in one piece with its headers.
    fn append_rest(&mut self, segment: &mut Segment, mut rest: Chunks) {
        if segment.payload.is_empty() {
            segment.payload = rest;
        } else if !segment.payload.append(&mut rest) {
            // Data beside the headers and a full list behind it: in one piece it fits.
            let appended = segment.payload.push(self.env.pool.copy(&rest.to_vec()));
            debug_assert!(appended.is_ok(), "two chunks fit");
        }
    }

    /// A segment from this host to itself arrived.
    pub(crate) fn handle_looped(&mut self, now: Instant, looped: Looped) {
        self.auth.header.clear();
        self.env.counters.bump(Counter::IpInReceives);
        self.env.counters.bump(Counter::IpInDelivers);
        self.env.counters.bump(Counter::TcpInSegs);
        let Looped { from, to, segment, header } = looped;
        let key = FlowKey::new(to, from, self.loopback_scope(to, from));
        self.handle_segment(now, key, segment, Arrival { header, iface: IfaceId::LOOPBACK, ours: true });
    }

    /// The interface whose link a link-local address of ours belongs to.
    fn loopback_scope(&self, to: Endpoint, from: Endpoint) -> IfaceId {
        let of = |addr| self.net.addresses.interface_of(addr);
        of(to.addr).or_else(|| of(from.addr)).unwrap_or(IfaceId::LOOPBACK)
    }

    /// A checked segment arrived: it goes to its connection, or to a listener, or is answered with a reset.
    #[inline]
    fn handle_segment(&mut self, now: Instant, key: FlowKey, segment: Segment, arrival: Arrival) {
        let signed = self.auth.is_in_use() || segment.options.auth.is_some();
        let handle = self.find(&key);
        if signed && !self.is_authentic(now, (&key, handle), &segment, arrival.ours) {
            return;
        }
        match handle {
            Some(Handle::Flow(index)) => {
                let flow = &self.flows[index];
                if arrival.header.ttl < flow.min_ttl {
                    return self.drop_from_afar(now, flow.id, &segment);
                }
                self.handle_at_flow(now, index, segment);
            }
            Some(Handle::Embryo(index)) => self.handle_at_embryo(now, index, segment, arrival.header),
            Some(Handle::TimeWait(index)) => self.handle_at_time_wait(now, index, segment, arrival.header),
            Some(Handle::Held(index)) => self.handle_at_held(now, index, &segment),
            None => self.handle_stranger(now, key, segment, arrival),
        }
    }

    /// A segment came with a smaller TTL than its socket takes (RFC 5082 §3).
    fn drop_from_afar(&mut self, now: Instant, flow: FlowId, segment: &Segment) {
        self.env.counters.bump(Counter::TcpExtTCPMinTTLDrop);
        self.drop_segment(now, flow, segment, DropReason::MinTtl);
    }

    /// Who listens for what comes with this 4-tuple, to an address of ours if `ours`.
    pub(crate) fn listener_of(&self, key: &FlowKey, ours: bool) -> Option<SocketId> {
        let hash = || self.keys.demux.hash13(&key.bytes()) as u32;
        self.binds.listener(key.local, ours, hash).map(|index| self.sockets.name(index))
    }

    /// A segment for no connection (RFC 9293 §3.10.7.1, §3.10.7.2).
    fn handle_stranger(&mut self, now: Instant, key: FlowKey, segment: Segment, arrival: Arrival) {
        let Arrival { header, iface, ours } = arrival;
        if let Some(listener) = self.listener_of(&key, ours) {
            let ip = *self.sockets.ip(listener);
            if header.ttl < ip.of_version(key.remote.addr.is_v4()).min_ttl {
                return self.drop_from_afar(now, FlowId::NONE, &segment);
            }
            if ip.iface.is_none_or(|bound| bound == iface) {
                return self.handle_at_listener(now, listener, key, segment, header, None);
            }
        }
        let why = if ours { DropReason::NoConnection } else { DropReason::NotForUs };
        self.drop_segment(now, FlowId::NONE, &segment, why);
        if ours {
            self.reset_stranger(now, &key, &segment, header, TxReason::ResetNoConnection);
        }
    }

    /// Tells of a segment that came and goes no further.
    pub(crate) fn drop_segment(&mut self, now: Instant, flow: FlowId, segment: &Segment, why: DropReason) {
        let mut cx = self.env.cx(now, flow);
        cx.emit(|| Event::Received { segment: SegmentView::from(segment) });
        cx.emit(|| Event::Dropped { why });
    }
}
