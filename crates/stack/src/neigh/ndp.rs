//! NDP: who has this IPv6 address (RFC 4861 §7.2)? Router advertisements and redirects are ignored.

use super::{Learned, Question};
use crate::stack::Stack;
use crate::{IfaceId, TxFrame};
use limpid_event::{DropReason, Instant, Observer};
use limpid_wire::ethernet::{EtherType, EthernetHeader, HEADER_LEN};
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::ndp::{ALL_NODES, HOP_LIMIT, NdpMessage, solicited_node};
use limpid_wire::{IpAddr, IpHeader, IpPacket, IpProtocol, MacAddr};

impl<O: Observer> Stack<O> {
    /// A neighbour discovery message arrived, its checksum good.
    pub(crate) fn handle_ndp(&mut self, now: Instant, iface: IfaceId, packet: &IpPacket, message: &NdpMessage) {
        // Only a neighbour can send this hop limit (RFC 4861 §7.1).
        if packet.ttl != HOP_LIMIT {
            return self.drop_packet(now, DropReason::Malformed);
        }
        match *message {
            NdpMessage::NeighborSolicit { target, source_link } => {
                self.answer_solicit(now, iface, packet, target.into(), source_link);
            }
            NdpMessage::NeighborAdvert { solicited, overrides, target, target_link, .. } => {
                let target = IpAddr::from(target);
                if self.net.addresses.is_ours(target) {
                    return self.drop_packet(now, DropReason::BadSource);
                }
                let to_all = packet.dst.is_multicast();
                // A multicast answer can't be to our question (RFC 4861 §7.1.2).
                let how = if solicited && !to_all { Learned::Answer } else { Learned::Unasked { overrides } };
                if let Some(mac) = target_link {
                    self.learn_neighbour(now, (iface, target, mac), how);
                }
            }
            NdpMessage::RouterSolicit { .. } | NdpMessage::RouterAdvert(_) | NdpMessage::Redirect { .. } => {
                self.drop_packet(now, DropReason::Unsupported);
            }
        }
    }

    fn answer_solicit(
        &mut self,
        now: Instant,
        iface: IfaceId,
        packet: &IpPacket,
        target: IpAddr,
        source_link: Option<MacAddr>,
    ) {
        if !self.net.addresses.is_on(iface, target) {
            return self.drop_packet(now, DropReason::NotForUs);
        }
        // From the unspecified address it is a probe for duplicates: the answer goes to all (RFC 4861 §7.2.4).
        let probe = packet.src.is_unspecified();
        if probe && (source_link.is_some() || !packet.dst.is_multicast()) {
            return self.drop_packet(now, DropReason::Malformed);
        }
        if !probe && self.net.addresses.is_impossible_source(packet.src) {
            return self.drop_packet(now, DropReason::BadSource);
        }
        if let (Some(mac), false) = (source_link, probe) {
            self.learn_neighbour(now, (iface, packet.src, mac), Learned::Question);
        }
        if !self.speaks_for_host() {
            return;
        }
        let (dst, mac) = match (probe, source_link) {
            (true, _) => (IpAddr::from(ALL_NODES), None),
            (false, mac) => (packet.src, mac),
        };
        let advert = NdpMessage::NeighborAdvert {
            router: false,
            solicited: !probe,
            overrides: true,
            target: target.octets().into(),
            target_link: self.net.iface(iface).mac(),
        };
        self.send_ndp(now, iface, (target, dst), mac, advert);
    }

    /// Asks who has an IPv6 address.
    pub(crate) fn send_ndp_question(&mut self, now: Instant, question: Question) {
        let Question { iface, target, to } = question;
        let Some(src) = self.net.addresses.source(iface, target, target) else { return };
        let message =
            NdpMessage::NeighborSolicit { target: target.octets().into(), source_link: self.net.iface(iface).mac() };
        let dst = if to.is_some() { target } else { solicited_node(target.octets().into()).into() };
        self.send_ndp(now, iface, (src, dst), to, message);
    }

    /// Sends a message from `addrs.0` to `addrs.1`, who is at `mac` if it is nobody's group.
    fn send_ndp(
        &mut self,
        now: Instant,
        iface: IfaceId,
        addrs: (IpAddr, IpAddr),
        mac: Option<MacAddr>,
        message: NdpMessage,
    ) {
        let (src, dst) = addrs;
        let Some(our_mac) = self.net.iface(iface).mac() else { return };
        let message = Icmpv6Message::Ndp(message);
        let len = message.emitted_len(0);
        let mut packet = [0; 40 + 64];
        let header = IpHeader { ttl: HOP_LIMIT, ..IpHeader::new(src, dst, IpProtocol::ICMPV6) };
        let at = header.emit(len, &mut packet);
        message.emit(&[], src, dst, &mut packet[at..]);
        let mut frame = TxFrame::stateless();
        let known = mac.or_else(|| MacAddr::for_group(dst));
        let ethernet =
            EthernetHeader { dst: known.unwrap_or_default(), src: our_mac, vlan: None, ether_type: EtherType::IPV6 };
        let mut link = [0; HEADER_LEN];
        ethernet.emit(&mut link);
        frame.put(&link);
        frame.put(&packet[..at + len]);
        if known.is_some() {
            self.net.queue_reply(&mut self.env, iface, frame);
        } else {
            self.send_to_neighbour(now, iface, dst, frame);
        }
    }
}
