//! A frame's way in: link header, IP header, whose it is, fragments, and on to the protocol that it carries.
//!
//! RFC 1122 §3.2.1 (what a host drops silently), RFC 6890 (addresses that never come over a wire), RFC 8200 §4, RFC 7126
//! §4.3 (source routes are dropped), RFC 1122 §4.2.3.10 (TCP by broadcast is dropped).

use super::reassembly::Reassembly;
use crate::iface::Kind;
use crate::stack::Stack;
use crate::{IfaceId, Medium, RxChecksum, RxFrame};
use alloc::vec::Vec;
use core::ops::Range;
use limpid_event::{Counter, DropReason, Event, FlowId, Instant, Observer};
use limpid_wire::ethernet::{EtherType, EthernetHeader, HEADER_LEN, VLAN_TAG_LEN};
use limpid_wire::ip::Fragment;
use limpid_wire::{Chunk, Chunks, IpPacket, IpProtocol, ParseError, TcpFlags, ipv4, ipv6};

/// A packet that is whole and ours to look at.
pub(crate) struct Received {
    pub(crate) iface: IfaceId,
    /// Its headers; `payload` lies in `bytes`.
    pub(crate) ip: IpPacket,
    /// The packet from its IP header on: all of it, or if there is a `rest`, the headers and what else is in one piece.
    pub(crate) bytes: Chunk,
    /// What follows `bytes`: TCP's alone.
    pub(crate) rest: Chunks,
    /// What its destination is to us.
    pub(crate) to: Kind,
    /// It came in a frame to a MAC group.
    pub(crate) by_group: bool,
    /// What is known of its transport checksum.
    pub(crate) checksum: RxChecksum,
    /// Payload of each segment if several were merged.
    pub(crate) gso_size: u16,
}

impl Received {
    /// The headers of IP and TCP, if it is a SYN.
    pub(crate) fn syn_headers(&self) -> Option<Vec<u8>> {
        let tcp = self.payload();
        let (length, flags) = (usize::from(*tcp.get(12)? >> 4) * 4, tcp.get(13)?);
        let is_syn = flags & (TcpFlags::SYN | TcpFlags::ACK).bits() as u8 == TcpFlags::SYN.bits() as u8;
        is_syn.then(|| self.bytes.get(..self.ip.payload.start + length).unwrap_or_default().to_vec())
    }

    /// What the IP header stands before, as far as it is in one piece with it.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.ip.payload.start..self.ip.payload.end.min(self.bytes.len())]
    }

    /// True if it was meant for us alone, by every address on it.
    pub(crate) fn is_unicast(&self) -> bool {
        self.to != Kind::Group && !self.by_group
    }
}

/// The header of a frame whose packet begins at `payload`, without tags.
fn link_header(bytes: &[u8], payload: usize) -> Option<[u8; HEADER_LEN]> {
    let mut header = [0; HEADER_LEN];
    let (addresses, kind) = header.split_at_mut(HEADER_LEN - 2);
    addresses.copy_from_slice(bytes.get(..addresses.len())?);
    kind.copy_from_slice(bytes.get(payload.checked_sub(2)?..payload)?);
    Some(header)
}

impl<O: Observer> Stack<O> {
    /// A frame arrived.
    ///
    /// # Panics
    /// If there is no such interface.
    pub fn handle_frame(&mut self, now: Instant, iface: IfaceId, mut frame: RxFrame) {
        let medium = self.net.iface(iface).config.medium;
        if !frame.payload.is_empty() && !has_tcp_headers(&frame, medium) {
            frame.bytes = self.env.pool.copy(&frame.contiguous());
            frame.payload.clear();
        }
        if self.saves_syns {
            self.arrived_link = None;
        }
        let Medium::Ethernet(our_mac) = medium else {
            return self.handle_packet(now, iface, frame, false);
        };
        let bytes = &frame.bytes;
        let Ok((header, payload)) = EthernetHeader::parse(bytes) else {
            return self.drop_packet(now, DropReason::Malformed);
        };
        // Tagged frames belong to networks that we have no interface on (one priority tag apart).
        let tagged = header.vlan.is_some_and(|tag| tag.id() != 0) || payload.start > HEADER_LEN + VLAN_TAG_LEN;
        if header.dst != our_mac && !header.dst.is_group() || tagged {
            return self.drop_packet(now, DropReason::NotForUs);
        }
        let version = bytes.get(payload.start).map(|b| b >> 4);
        match (header.ether_type, version) {
            (EtherType::ARP, _) => self.handle_arp(now, iface, &bytes[payload]),
            (EtherType::IPV4, Some(4)) | (EtherType::IPV6, Some(6)) => {
                if self.saves_syns {
                    self.arrived_link = link_header(bytes, payload.start);
                }
                frame.bytes = frame.bytes.into_slice(payload);
                self.handle_packet(now, iface, frame, header.dst.is_group());
            }
            (EtherType::IPV4 | EtherType::IPV6, _) => self.drop_packet(now, DropReason::Malformed),
            _ => self.drop_packet(now, DropReason::Unsupported),
        }
    }

    /// A packet arrived; what of it is not in one piece with its headers is TCP's payload.
    fn handle_packet(&mut self, now: Instant, iface: IfaceId, frame: RxFrame, by_group: bool) {
        let RxFrame { bytes, payload: mut rest, checksum, gso_size } = frame;
        self.env.counters.bump(Counter::IpInReceives);
        let ip = match IpPacket::parse_head(&bytes, bytes.len() + rest.len()) {
            Ok(ip) => ip,
            Err(error) => return self.refuse_header(now, iface, &bytes, by_group, error),
        };
        if ip.src.is_v4() && !ipv4::checksum_is_valid(header_of(&bytes)) {
            self.env.counters.bump(Counter::IpInHdrErrors);
            return self.drop_packet(now, DropReason::BadChecksum);
        }
        let to = match self.admit(iface, &ip) {
            Ok(to) => to,
            Err((counter, why)) => {
                self.env.counters.bump(counter);
                return self.drop_packet(now, why);
            }
        };
        rest.truncate(ip.payload.end.saturating_sub(bytes.len()));
        let fragment = ip.fragment;
        let packet = Received { iface, ip, bytes, rest, to, by_group, checksum, gso_size };
        match fragment {
            None => self.deliver(now, packet),
            Some(fragment) => self.handle_fragment(now, packet, fragment),
        }
    }

    /// A part of a packet arrived.
    fn handle_fragment(&mut self, now: Instant, part: Received, fragment: Fragment) {
        self.env.counters.bump(Counter::IpReasmReqds);
        let reassembly = self.net.reassembler.insert(now, &mut self.env.pool, &part.ip, fragment, &part.bytes);
        self.schedule_reassembly();
        match reassembly {
            Reassembly::Waiting => {}
            Reassembly::Dropped => {
                self.env.counters.bump(Counter::IpReasmFails);
                self.drop_packet(now, DropReason::Reassembly);
            }
            Reassembly::Whole(ip, bytes) => {
                self.env.counters.bump(Counter::IpReasmOKs);
                self.deliver_whole(now, Received { ip, bytes, checksum: RxChecksum::Unverified, ..part });
            }
        }
    }

    /// Decides by its addresses whether a packet may come in.
    fn admit(&mut self, iface: IfaceId, ip: &IpPacket) -> Result<Kind, (Counter, DropReason)> {
        if ip.source_route {
            return Err((Counter::IpInHdrErrors, DropReason::Unsupported));
        }
        if self.net.addresses.were_admitted(ip.src, ip.dst) {
            return Ok(Kind::Ours);
        }
        let kind = self.look_at_addresses(iface, ip)?;
        // What is asked from `::`, and what is sent to one link's address, may come in this time but not the next.
        if kind == Kind::Ours && !ip.src.is_unspecified() && !ip.dst.is_link_local() {
            self.net.addresses.admit(ip.src, ip.dst);
        }
        Ok(kind)
    }

    fn look_at_addresses(&self, iface: IfaceId, ip: &IpPacket) -> Result<Kind, (Counter, DropReason)> {
        let addresses = &self.net.addresses;
        // `::` asks whether an address is free (RFC 4862 §5.4.2).
        let probe = ip.protocol == IpProtocol::ICMPV6 && !ip.src.is_v4() && ip.src.is_unspecified();
        if (!probe && addresses.is_impossible_source(ip.src)) || addresses.is_ours(ip.src) {
            return Err((Counter::IpInAddrErrors, DropReason::BadSource));
        }
        let not_for_us = Err((Counter::IpInAddrErrors, DropReason::NotForUs));
        let link_local_elsewhere = !ip.dst.is_v4() && ip.dst.is_link_local() && !addresses.is_on(iface, ip.dst);
        if ip.dst.is_loopback() || ip.dst.is_unspecified() || link_local_elsewhere {
            return not_for_us;
        }
        match addresses.kind(ip.dst) {
            Kind::Foreign if ip.protocol != IpProtocol::TCP || ip.dst.is_multicast() => not_for_us,
            Kind::Foreign if !self.takes_foreign => not_for_us,
            kind => Ok(kind),
        }
    }

    pub(crate) fn deliver(&mut self, now: Instant, packet: Received) {
        self.env.counters.bump(Counter::IpInDelivers);
        let v4 = packet.ip.src.is_v4();
        match packet.ip.protocol {
            IpProtocol::TCP => self.handle_tcp(now, packet),
            IpProtocol::ICMP if v4 => self.handle_icmpv4(now, &packet),
            IpProtocol::ICMPV6 if !v4 => self.handle_icmpv6(now, &packet),
            IpProtocol::UDP => {
                self.drop_packet(now, DropReason::Unsupported);
                self.refuse_port(now, &packet);
            }
            _ => {
                self.env.counters.bump(Counter::IpInUnknownProtos);
                self.drop_packet(now, DropReason::Unsupported);
                self.refuse_protocol(now, &packet);
            }
        }
    }

    fn refuse_header(&mut self, now: Instant, iface: IfaceId, bytes: &Chunk, by_group: bool, error: ParseError) {
        let counter = match error {
            ParseError::Truncated { .. } => Counter::IpInTruncatedPkts,
            _ => Counter::IpInHdrErrors,
        };
        self.env.counters.bump(counter);
        self.drop_packet(now, DropReason::Malformed);
        if let ParseError::UnknownOption { kind, pointer, .. } = error {
            self.refuse_option(now, iface, bytes, by_group, kind, pointer);
        }
    }

    /// Tells that something was dropped that belongs to no connection.
    pub(crate) fn drop_packet(&mut self, now: Instant, why: DropReason) {
        self.env.cx(now, FlowId::NONE).emit(|| Event::Dropped { why });
    }
}

/// Whether the first piece of a frame holds the headers of TCP, whole, and the packet is no fragment: then the rest is
/// payload. What is hostile or rare is not looked into: it is read in one piece.
fn has_tcp_headers(frame: &RxFrame, medium: Medium) -> bool {
    let ip = match medium {
        Medium::Ip => &frame.bytes[..],
        Medium::Ethernet(_) => match frame.bytes.get(12..HEADER_LEN) {
            Some([0x08, 0x00] | [0x86, 0xdd]) => &frame.bytes[HEADER_LEN..],
            _ => return false,
        },
    };
    let tcp = match ip.first() {
        Some(0x45)
            if ip.len() > ipv4::MIN_HEADER_LEN && ip[9] == IpProtocol::TCP.0 && ip[6] & 0x3f == 0 && ip[7] == 0 =>
        {
            &ip[ipv4::MIN_HEADER_LEN..]
        }
        Some(first) if first >> 4 == 6 && ip.len() > ipv6::HEADER_LEN && ip[6] == IpProtocol::TCP.0 => {
            &ip[ipv6::HEADER_LEN..]
        }
        _ => return false,
    };
    tcp.get(12).is_some_and(|offset| tcp.len() >= usize::from(offset >> 4) * 4)
}

/// An IPv4 header with its options, by its own account of its length, which was checked.
fn header_of(packet: &[u8]) -> &[u8] {
    let len: Range<usize> = 0..usize::from(packet[0] & 0xf) * 4;
    packet.get(len).unwrap_or_default()
}
