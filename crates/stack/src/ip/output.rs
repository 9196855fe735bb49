//! A packet's way out: headers in front of it, a neighbour to send it to, a queue to wait in.

use crate::iface::{Interface, Way};
use crate::neigh::{Learned, Lookup, NeighbourId, Question};
use crate::net::Net;
use crate::stack::{Stack, Wake};
use crate::{IfaceId, TxChecksum, TxFrame};
use limpid_event::{Counter, DropReason, Instant, Observer};
use limpid_tcp::Transmit;
use limpid_wire::ethernet::{EtherType, EthernetHeader, HEADER_LEN};
use limpid_wire::tcp::header::CHECKSUM_OFFSET;
use limpid_wire::tcp::{emit_header, put_checksum};
use limpid_wire::{Endpoint, IpAddr, IpHeader, IpProtocol, MacAddr};

/// What tells a flow's packets apart from another's in the IP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Marks {
    /// IPv6's flow label; 0 for none.
    pub(crate) flow_label: u32,
    /// IPv4's identification; counted on by the sender.
    pub(crate) ip_id: u16,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// TOS or traffic class, its ECN bits empty.
    pub(crate) class: u8,
    /// IPv4's DF.
    pub(crate) dont_fragment: DontFragment,
    /// For the device, beside the packet.
    pub(crate) mark: u32,
    pub(crate) priority: u32,
}

/// Whether packets may be cut on their way (Linux's `ip_dont_fragment`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DontFragment {
    /// They may.
    Never,
    /// They may only where the path's MTU is fixed, or is less than we cut segments for.
    UnlessLocked,
    /// They may not.
    Always,
}

impl DontFragment {
    fn on(self, path: &Way) -> bool {
        match self {
            DontFragment::Never => false,
            DontFragment::UnlessLocked => !path.locked,
            DontFragment::Always => true,
        }
    }
}

/// What became of a frame that needed an address.
pub(crate) enum Addressed {
    /// It can leave.
    Ready,
    /// It has to wait for this neighbour.
    Waits(NeighbourId),
    /// There is no way.
    Nowhere,
}

impl Interface {
    /// Puts the link header before an IP packet; the neighbour's address is left open.
    fn put_link(&self, frame: &mut TxFrame, v4: bool) {
        let Some(src) = self.mac() else { return };
        let ether_type = if v4 { EtherType::IPV4 } else { EtherType::IPV6 };
        let mut bytes = [0; HEADER_LEN];
        EthernetHeader { dst: MacAddr::default(), src, vlan: None, ether_type }.emit(&mut bytes);
        frame.put(&bytes);
    }
}

impl Net {
    /// Makes an empty frame a TCP segment's, out of `path`'s interface.
    pub(crate) fn put_tcp(
        &self,
        frame: &mut TxFrame,
        path: &Way,
        (from, to): (Endpoint, Endpoint),
        marks: Marks,
        transmit: Transmit,
    ) {
        let segment = &transmit.segment;
        let iface = self.iface(path.iface);
        iface.put_link(frame, from.addr.is_v4());
        let ip = IpHeader {
            ttl: marks.ttl,
            ecn: segment.ecn,
            dscp: marks.class >> 2,
            id: marks.ip_id,
            dont_fragment: marks.dont_fragment.on(path),
            flow_label: marks.flow_label,
            ..IpHeader::new(from.addr, to.addr, IpProtocol::TCP)
        };
        let mut bytes = [0; 40 + 60];
        let at = ip.header_len();
        let tcp_len = emit_header(segment, (from.port, to.port), &mut bytes[at..]);
        ip.emit(tcp_len + segment.payload.len(), &mut bytes);
        let header = &mut bytes[at..at + tcp_len];
        let partial = iface.config.tx_checksum_offload;
        put_checksum(from.addr, to.addr, header, &segment.payload, partial);
        if partial {
            let start = (frame.head.len() + at) as u16;
            frame.checksum = TxChecksum::Partial { start, offset: CHECKSUM_OFFSET as u16 };
        }
        frame.put(&bytes[..at + tcp_len]);
        frame.payload = transmit.segment.payload;
        frame.gso_size = transmit.gso_size;
        frame.why = Some(transmit.why);
        frame.mark = marks.mark;
        frame.priority = marks.priority;
    }

    /// An IP packet without a connection as a frame.
    pub(crate) fn ip_frame(&self, iface: IfaceId, ip: &IpHeader, payload: &[u8]) -> TxFrame {
        let mut frame = TxFrame::stateless();
        self.iface(iface).put_link(&mut frame, ip.src.is_v4());
        let mut bytes = [0; 40];
        let len = ip.emit(payload.len(), &mut bytes);
        frame.put(&bytes[..len]);
        frame.payload = payload.into();
        frame
    }
}

impl<O: Observer> Stack<O> {
    /// Sends a packet that belongs to no connection, or drops it if there is no way.
    pub(crate) fn send_ip(&mut self, now: Instant, scope: Option<IfaceId>, ip: &IpHeader, payload: &[u8]) {
        let Some(path) = self.net.path(now, ip.dst, scope) else {
            self.env.counters.bump(Counter::IpOutNoRoutes);
            return self.drop_packet(now, DropReason::NoRoute);
        };
        if path.iface == IfaceId::LOOPBACK {
            return; // We do not send ourselves anything but TCP.
        }
        let frame = self.net.ip_frame(path.iface, ip, payload);
        self.send_to_neighbour(now, path.iface, path.next_hop, frame);
    }

    /// Queues a frame for a neighbour among the replies of an interface.
    pub(crate) fn send_to_neighbour(&mut self, now: Instant, iface: IfaceId, next_hop: IpAddr, mut frame: TxFrame) {
        match self.address(now, iface, next_hop, &mut frame) {
            Addressed::Ready => self.net.queue_reply(&mut self.env, iface, frame),
            Addressed::Waits(neighbour) => self.wait_for_neighbour(now, neighbour, frame),
            Addressed::Nowhere => self.drop_outgoing(now),
        }
    }

    /// Writes the neighbour's MAC address into a frame, if it is known; if not, asks for it.
    #[inline]
    pub(crate) fn address(&mut self, now: Instant, iface: IfaceId, next_hop: IpAddr, frame: &mut TxFrame) -> Addressed {
        if self.net.iface(iface).mac().is_none() {
            return Addressed::Ready;
        }
        let mac = match MacAddr::for_group(next_hop) {
            Some(mac) => mac,
            None => match self.net.neighbours.lookup(now, &mut self.wheel, Wake::Neighbour, iface, next_hop) {
                Lookup::Known(mac) => mac,
                Lookup::Wait(neighbour, question) => {
                    if let Some(question) = question {
                        let lost = self.net.neighbours.take_lost();
                        self.env.counters.add(Counter::IpOutDiscards, lost);
                        self.ask(now, question);
                    }
                    return Addressed::Waits(neighbour);
                }
                Lookup::Full => return Addressed::Nowhere,
            },
        };
        frame.head[..6].copy_from_slice(&mac.0);
        Addressed::Ready
    }

    /// Lets a frame wait until its neighbour is known.
    pub(crate) fn wait_for_neighbour(&mut self, now: Instant, neighbour: NeighbourId, frame: TxFrame) {
        if self.net.neighbours.wait(neighbour, frame).is_some() {
            self.drop_outgoing(now);
        }
    }

    /// Tells of a frame that can't be sent.
    pub(crate) fn drop_outgoing(&mut self, now: Instant) {
        self.env.counters.bump(Counter::IpOutDiscards);
        self.drop_packet(now, DropReason::NeighbourUnreachable);
    }

    /// It was heard where an address is: what waited for that may leave.
    pub(crate) fn learn_neighbour(&mut self, now: Instant, what: (IfaceId, IpAddr, MacAddr), how: Learned) {
        let (iface, _, mac) = what;
        let waiting = self.net.neighbours.learn(now, &mut self.wheel, Wake::Neighbour, what, how);
        for mut frame in waiting {
            frame.head[..6].copy_from_slice(&mac.0);
            self.net.queue_reply(&mut self.env, iface, frame);
        }
    }

    /// Sends a question for a neighbour.
    pub(crate) fn ask(&mut self, now: Instant, question: Question) {
        match question.target.as_v4() {
            Some(target) => self.send_arp_question(question, target),
            None => self.send_ndp_question(now, question),
        }
    }

    /// A neighbour's timer ran out.
    pub(crate) fn neighbour_timeout(&mut self, now: Instant, neighbour: NeighbourId) {
        match self.net.neighbours.handle_timeout(now, &mut self.wheel, neighbour) {
            crate::neigh::Due::Nothing => {}
            crate::neigh::Due::Ask(question) => self.ask(now, question),
            crate::neigh::Due::Failed(frames) => {
                for frame in frames {
                    self.drop_outgoing(now);
                    self.host_unreachable(now, &frame.head[HEADER_LEN..]);
                }
            }
        }
    }
}
