//! Errors that we send: port, protocol and option unknown, reassembly out of time (RFC 1122 §3.2.2, RFC 4443 §2.4, §3).
//!
//! Never about what came by broadcast or multicast, from an impossible source, as a later fragment, or about an ICMP
//! error; and no more than [`IcmpLimit`](super::limit::IcmpLimit) allows.

use crate::IfaceId;
use crate::iface::Kind;
use crate::ip::input::Received;
use crate::stack::Stack;
use alloc::vec;
use limpid_event::{Counter, DropReason, Instant, Observer};
use limpid_wire::icmpv4::{self, Icmpv4Message};
use limpid_wire::icmpv6::{self, Icmpv6Message};
use limpid_wire::ipv6::Ipv6Header;
use limpid_wire::{Chunk, IpAddr, IpHeader, IpPacket, IpProtocol};

/// An error of either version.
enum Refusal {
    V4(Icmpv4Message),
    V6(Icmpv6Message),
}

impl Received {
    /// The interface, if the sender's address means something only there.
    pub(crate) fn scope(&self) -> Option<IfaceId> {
        (!self.ip.src.is_v4() && self.ip.src.is_link_local()).then_some(self.iface)
    }
}

impl<O: Observer> Stack<O> {
    /// There is nobody at a UDP port: limpid speaks TCP.
    pub(crate) fn refuse_port(&mut self, now: Instant, packet: &Received) {
        let refusal = if packet.ip.src.is_v4() {
            Refusal::V4(Icmpv4Message::Unreachable(icmpv4::Unreachable::Port))
        } else {
            Refusal::V6(Icmpv6Message::Unreachable(icmpv6::Unreachable::Port))
        };
        self.refuse_packet(now, packet, refusal);
    }

    /// A protocol is not spoken here (RFC 1122 §3.2.2.1; RFC 4443 §3.4, code 1).
    pub(crate) fn refuse_protocol(&mut self, now: Instant, packet: &Received) {
        // Nothing follows, and nothing is wrong with that (RFC 8200 §4.7). An ICMP of the other version may be an error.
        if matches!(packet.ip.protocol, IpProtocol::NO_NEXT_HEADER | IpProtocol::ICMP | IpProtocol::ICMPV6) {
            return;
        }
        let refusal = if packet.ip.src.is_v4() {
            Refusal::V4(Icmpv4Message::Unreachable(icmpv4::Unreachable::Protocol))
        } else {
            Refusal::V6(Icmpv6Message::ParameterProblem { code: 1, pointer: packet.ip.protocol_at as u32 })
        };
        self.refuse_packet(now, packet, refusal);
    }

    /// An IPv6 option may not be skipped (RFC 8200 §4.2; RFC 4443 §3.4, code 2). The two high bits of its kind say whether
    /// the sender hears of it.
    pub(crate) fn refuse_option(
        &mut self,
        now: Instant,
        iface: IfaceId,
        bytes: &Chunk,
        by_group: bool,
        kind: u8,
        pointer: u32,
    ) {
        let Ok((header, payload)) = Ipv6Header::parse(bytes) else { return };
        let (src, dst) = (IpAddr::from(header.src), IpAddr::from(header.dst));
        let to = self.net.addresses.kind(dst);
        let wanted = match kind >> 6 {
            2 => to != Kind::Foreign,
            3 => to == Kind::Ours && !by_group,
            _ => false,
        };
        if !wanted || src.is_v4() || self.net.addresses.is_impossible_source(src) || self.net.addresses.is_ours(src) {
            return;
        }
        let message = Icmpv6Message::ParameterProblem { code: 2, pointer };
        let scope = src.is_link_local().then_some(iface);
        // To a group the answer comes from an address of ours, if there is one that can speak to the sender.
        let own = if to == Kind::Ours { Some(dst) } else { self.net.addresses.source(iface, src, src) };
        if let Some(own) = own {
            self.send_refusal(now, scope, (own, src), Refusal::V6(message), &bytes[..payload.end]);
        }
    }

    /// A packet never became whole, but its first fragment came (RFC 792, RFC 8200 §4.5).
    pub(crate) fn refuse_reassembly(&mut self, now: Instant, ip: &IpPacket, first: &Chunk) {
        if self.net.addresses.kind(ip.dst) != Kind::Ours || is_icmp_error(ip, first) {
            return;
        }
        let refusal = if ip.src.is_v4() {
            Refusal::V4(Icmpv4Message::TimeExceeded { in_reassembly: true })
        } else {
            Refusal::V6(Icmpv6Message::TimeExceeded { in_reassembly: true })
        };
        self.send_refusal(now, None, (ip.dst, ip.src), refusal, first);
    }

    fn refuse_packet(&mut self, now: Instant, packet: &Received, refusal: Refusal) {
        if packet.to != Kind::Ours || packet.by_group || packet.ip.src.is_unspecified() {
            return;
        }
        let quote = &packet.bytes[..packet.ip.payload.end];
        self.send_refusal(now, packet.scope(), (packet.ip.dst, packet.ip.src), refusal, quote);
    }

    fn send_refusal(
        &mut self,
        now: Instant,
        scope: Option<IfaceId>,
        (src, dst): (IpAddr, IpAddr),
        refusal: Refusal,
        quote: &[u8],
    ) {
        if !self.net.icmp_limit.allow(now, dst) {
            return self.drop_packet(now, DropReason::RateLimited);
        }
        let unreachable =
            matches!(refusal, Refusal::V4(Icmpv4Message::Unreachable(_)) | Refusal::V6(Icmpv6Message::Unreachable(_)));
        if unreachable {
            self.env.counters.bump(Counter::IcmpOutDestUnreachs);
        }
        let (protocol, message) = match refusal {
            Refusal::V4(message) => {
                let room = icmpv4::MAX_ERROR_LEN - 20 - icmpv4::HEADER_LEN;
                let quote = &quote[..quote.len().min(room)];
                let mut out = vec![0; icmpv4::HEADER_LEN + quote.len()];
                message.emit(quote, &mut out);
                (IpProtocol::ICMP, out)
            }
            Refusal::V6(message) => {
                let room = icmpv6::MAX_ERROR_LEN - 40 - icmpv6::HEADER_LEN;
                let quote = &quote[..quote.len().min(room)];
                let mut out = vec![0; icmpv6::HEADER_LEN + quote.len()];
                message.emit(quote, src, dst, &mut out);
                (IpProtocol::ICMPV6, out)
            }
        };
        let header = IpHeader { dont_fragment: false, ..IpHeader::new(src, dst, protocol) };
        self.send_ip(now, scope, &header, &message);
    }
}

/// Whether a packet is an ICMP error, which is never answered with another.
fn is_icmp_error(ip: &IpPacket, bytes: &[u8]) -> bool {
    let kind = bytes.get(ip.payload.start).copied().unwrap_or(0);
    match ip.protocol {
        IpProtocol::ICMP => !matches!(kind, 0 | 8),
        IpProtocol::ICMPV6 => kind < 128,
        _ => false,
    }
}
