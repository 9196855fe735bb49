//! ARP: who has this IPv4 address (RFC 826; what to believe: RFC 5227, RFC 1122 §2.3.2)?

use super::{Learned, Question};
use crate::stack::Stack;
use crate::{IfaceId, TxFrame};
use core::net::Ipv4Addr;
use limpid_event::{DropReason, Instant, Observer};
use limpid_wire::arp::{ArpOperation, ArpPacket, PACKET_LEN};
use limpid_wire::ethernet::{EtherType, EthernetHeader, HEADER_LEN};
use limpid_wire::{IpAddr, MacAddr};

impl<O: Observer> Stack<O> {
    /// An ARP packet arrived.
    pub(crate) fn handle_arp(&mut self, now: Instant, iface: IfaceId, bytes: &[u8]) {
        let Ok(arp) = ArpPacket::parse(bytes) else { return self.drop_packet(now, DropReason::Malformed) };
        let Some(our_mac) = self.net.iface(iface).mac() else { return };
        let (sender, target) = (IpAddr::from(arp.sender), IpAddr::from(arp.target));
        let for_us = self.net.addresses.is_on(iface, target);
        // A probe (sender 0.0.0.0) is answered, but there is nothing to learn from it. Who claims to be us is not believed.
        let believable = !self.net.addresses.is_impossible_source(sender) && !self.net.addresses.is_ours(sender);
        if believable {
            let how = match arp.operation {
                ArpOperation::Request if for_us => Learned::Question,
                ArpOperation::Reply if for_us => Learned::Answer,
                _ => Learned::Unasked { overrides: sender == target || arp.operation == ArpOperation::Reply },
            };
            self.learn_neighbour(now, (iface, sender, arp.sender_mac), how);
        }
        let asks_us = for_us && arp.operation == ArpOperation::Request && !self.net.addresses.is_ours(sender);
        if asks_us && self.speaks_for_host() {
            let answer = ArpPacket {
                operation: ArpOperation::Reply,
                sender_mac: our_mac,
                sender: arp.target,
                target_mac: arp.sender_mac,
                target: arp.sender,
            };
            self.send_arp(iface, arp.sender_mac, answer);
        }
    }

    /// Asks who has an IPv4 address.
    pub(crate) fn send_arp_question(&mut self, question: Question, target: [u8; 4]) {
        let Some(our_mac) = self.net.iface(question.iface).mac() else { return };
        let from = self.net.addresses.source(question.iface, question.target, question.target);
        let sender = from.and_then(IpAddr::as_v4).unwrap_or_default();
        let request = ArpPacket {
            operation: ArpOperation::Request,
            sender_mac: our_mac,
            sender: Ipv4Addr::from(sender),
            target_mac: MacAddr::default(),
            target: Ipv4Addr::from(target),
        };
        self.send_arp(question.iface, question.to.unwrap_or(MacAddr::BROADCAST), request);
    }

    fn send_arp(&mut self, iface: IfaceId, dst: MacAddr, packet: ArpPacket) {
        let header = EthernetHeader { dst, src: packet.sender_mac, vlan: None, ether_type: EtherType::ARP };
        let mut frame = TxFrame::stateless();
        let mut bytes = [0; HEADER_LEN + PACKET_LEN];
        header.emit(&mut bytes);
        packet.emit(&mut bytes[HEADER_LEN..]);
        frame.put(&bytes);
        self.net.queue_reply(&mut self.env, iface, frame);
    }
}
