//! Answering pings (RFC 1122 §3.2.2.6, RFC 4443 §4.2), and the way in for every ICMP message.
//!
//! What came by broadcast or multicast is not answered, as Linux does for IPv4; for IPv6 RFC 4443 allows either.

use super::error::Origin;
use crate::ip::input::Received;
use crate::stack::Stack;
use alloc::vec;
use limpid_event::{Counter, DropReason, Instant, Observer};
use limpid_wire::icmpv4::{self, Icmpv4Message};
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::{IpHeader, IpProtocol, checksum};

impl<O: Observer> Stack<O> {
    /// An ICMP message arrived.
    pub(crate) fn handle_icmpv4(&mut self, now: Instant, packet: &Received) {
        let bytes = packet.payload();
        self.env.counters.bump(Counter::IcmpInMsgs);
        if !icmpv4::checksum_is_valid(bytes) {
            return self.bad_icmp(now, Counter::IcmpInCsumErrors, DropReason::BadChecksum);
        }
        let Ok((message, body)) = Icmpv4Message::parse(bytes) else {
            return self.bad_icmp(now, Counter::IcmpInErrors, DropReason::Malformed);
        };
        match message {
            Icmpv4Message::EchoRequest { id, seq } => {
                self.env.counters.bump(Counter::IcmpInEchos);
                if !packet.is_unicast() {
                    return self.drop_packet(now, DropReason::Unsupported);
                }
                let mut out = vec![0; bytes.len()];
                Icmpv4Message::EchoReply { id, seq }.emit(&bytes[body], &mut out);
                self.send_echo_reply(now, packet, IpProtocol::ICMP, &out);
            }
            _ if message.is_error() => self.handle_icmpv4_error(now, origin_of(packet), message, &bytes[body]),
            _ => self.drop_packet(now, DropReason::Unsupported),
        }
    }

    /// An ICMPv6 message arrived.
    pub(crate) fn handle_icmpv6(&mut self, now: Instant, packet: &Received) {
        let bytes = packet.payload();
        self.env.counters.bump(Counter::IcmpInMsgs);
        if !checksum::verify(packet.ip.src, packet.ip.dst, IpProtocol::ICMPV6, bytes) {
            return self.bad_icmp(now, Counter::IcmpInCsumErrors, DropReason::BadChecksum);
        }
        let Ok((message, body)) = Icmpv6Message::parse(bytes) else {
            return self.bad_icmp(now, Counter::IcmpInErrors, DropReason::Malformed);
        };
        match message {
            Icmpv6Message::Ndp(message) => self.handle_ndp(now, packet.iface, &packet.ip, &message),
            Icmpv6Message::EchoRequest { id, seq } => {
                self.env.counters.bump(Counter::IcmpInEchos);
                if !packet.is_unicast() || packet.ip.src.is_unspecified() {
                    return self.drop_packet(now, DropReason::Unsupported);
                }
                let mut out = vec![0; bytes.len()];
                let (src, dst) = (packet.ip.dst, packet.ip.src);
                Icmpv6Message::EchoReply { id, seq }.emit(&bytes[body], src, dst, &mut out);
                self.send_echo_reply(now, packet, IpProtocol::ICMPV6, &out);
            }
            message if message.is_error() => self.handle_icmpv6_error(now, origin_of(packet), &message, &bytes[body]),
            _ => self.drop_packet(now, DropReason::Unsupported),
        }
    }

    fn bad_icmp(&mut self, now: Instant, counter: Counter, why: DropReason) {
        self.env.counters.bump(counter);
        if counter != Counter::IcmpInErrors {
            self.env.counters.bump(Counter::IcmpInErrors);
        }
        self.drop_packet(now, why);
    }

    fn send_echo_reply(&mut self, now: Instant, request: &Received, protocol: IpProtocol, message: &[u8]) {
        // A reassembled request may be larger than what leaves without fragments, which we do not send.
        let len = message.len() + if request.ip.src.is_v4() { 20 } else { 40 };
        if len > usize::from(self.net.iface(request.iface).config.mtu) {
            return self.drop_packet(now, DropReason::Unsupported);
        }
        self.env.counters.bump(Counter::IcmpOutEchoReps);
        let header = IpHeader {
            dscp: request.ip.dscp,
            dont_fragment: false,
            ..IpHeader::new(request.ip.dst, request.ip.src, protocol)
        };
        self.send_ip(now, request.scope(), &header, message);
    }
}

/// Who sent an ICMP message, and its type and code.
fn origin_of(packet: &Received) -> Origin {
    let field = |at: usize| packet.payload().get(at).copied().unwrap_or(0);
    Origin { from: packet.ip.src, kind: field(0), code: field(1) }
}
