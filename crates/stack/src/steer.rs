//! Which shard of a host a connection belongs to, and which of them a frame is for.
//!
//! A host may have a stack for each core. They share nothing but their secrets: a connection belongs to the shard that a keyed hash of
//! its 4-tuple names, the same whichever way a segment goes. Who receives a frame asks [`Steering::place`] and gives it to that
//! shard's stack; `connect` chooses a port that keeps the connection where it was asked for. Fragments do not tell ports: the shard
//! that a hash of the addresses names puts them together, and hands the packet on ([`Stack::poll_handover`]).

use crate::ip::input::Received;
use crate::keys::Key;
use crate::stack::Stack;
use crate::{Medium, RxFrame};
use limpid_event::{DropReason, Error, Instant, Observer};
use limpid_wire::ethernet::{EtherType, EthernetHeader};
use limpid_wire::icmpv4::Icmpv4Message;
use limpid_wire::icmpv6::Icmpv6Message;
use limpid_wire::quote::QuotedPacket;
use limpid_wire::{Endpoint, IpAddr, IpPacket, IpProtocol};

/// The rule by which a host's connections are spread over its shards: the same for all of them.
#[derive(Clone, Copy)]
pub struct Steering {
    key: Key,
    shards: u16,
}

/// Whom a frame is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// This shard.
    Shard(u16),
    /// All of them: what it tells of neighbours each has to know.
    Every,
}

/// A packet that was put together of fragments, and belongs to another shard of the host.
pub struct Parcel(Received);

impl Steering {
    pub(crate) fn new(key: Key, shards: u16) -> Steering {
        Steering { key, shards: shards.max(1) }
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// The shard of a connection between two ends, in whichever order.
    pub fn owner(&self, one: Endpoint, other: Endpoint) -> u16 {
        if self.shards == 1 {
            return 0;
        }
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let mut bytes = [0; 36];
        bytes[..16].copy_from_slice(&low.addr.octets());
        bytes[16..32].copy_from_slice(&high.addr.octets());
        bytes[32..34].copy_from_slice(&low.port.to_be_bytes());
        bytes[34..].copy_from_slice(&high.port.to_be_bytes());
        self.spread(&bytes)
    }

    /// Whom a frame is for that came to shard `arrived`. What makes no sense stays there.
    pub fn place(&self, medium: Medium, frame: &RxFrame, arrived: u16) -> Place {
        if self.shards == 1 {
            return Place::Shard(0);
        }
        let in_one_piece = frame.payload.is_empty();
        let at_first_sight = self.place_bytes(medium, &frame.bytes, frame.len());
        let place = match at_first_sight {
            None if !in_one_piece => self.place_bytes(medium, &frame.contiguous(), frame.len()),
            place => place,
        };
        place.unwrap_or(Place::Shard(arrived))
    }

    /// The same of the first bytes of a frame that has `len`; `None` if they make no sense, or do not tell.
    fn place_bytes(&self, medium: Medium, bytes: &[u8], len: usize) -> Option<Place> {
        let at = match medium {
            Medium::Ip => 0,
            Medium::Ethernet(_) => match EthernetHeader::parse(bytes).ok()? {
                (EthernetHeader { ether_type: EtherType::ARP, .. }, _) => return Some(Place::Every),
                (_, payload) => payload.start,
            },
        };
        let packet = &bytes[at..];
        let ip = IpPacket::parse_head(packet, len - at).ok()?;
        if ip.fragment.is_some() {
            return Some(Place::Shard(self.of_addresses(ip.src, ip.dst)));
        }
        if bytes.len() < len && ip.protocol != IpProtocol::TCP {
            return None;
        }
        self.of_payload(&ip, packet.get(ip.payload.start..ip.payload.end.min(packet.len()))?)
    }

    /// Whom a packet is for; `None` if its ports are missing.
    fn of_payload(&self, ip: &IpPacket, payload: &[u8]) -> Option<Place> {
        Some(match ip.protocol {
            IpProtocol::TCP => Place::Shard(self.of_segment(ip, payload)?),
            IpProtocol::ICMP if ip.src.is_v4() => match Icmpv4Message::parse(payload) {
                Ok((message, body)) if message.is_error() => Place::Shard(self.of_quote(&payload[body])),
                _ => Place::Shard(0),
            },
            IpProtocol::ICMPV6 if !ip.src.is_v4() => match Icmpv6Message::parse(payload) {
                Ok((Icmpv6Message::Ndp(_), _)) => Place::Every,
                Ok((message, body)) if message.is_error() => Place::Shard(self.of_quote(&payload[body])),
                _ => Place::Shard(0),
            },
            _ => Place::Shard(0),
        })
    }

    fn of_segment(&self, ip: &IpPacket, segment: &[u8]) -> Option<u16> {
        let [a, b, c, d] = *segment.first_chunk()?;
        let (src, dst) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        Some(self.owner(Endpoint::new(ip.src, src), Endpoint::new(ip.dst, dst)))
    }

    /// The shard of the connection that an ICMP error tells of; the first, if of none.
    fn of_quote(&self, quote: &[u8]) -> u16 {
        match QuotedPacket::parse(quote) {
            Ok(QuotedPacket { src, dst, protocol: IpProtocol::TCP, ports: Some((from, to)), .. }) => {
                self.owner(Endpoint::new(src, from), Endpoint::new(dst, to))
            }
            _ => 0,
        }
    }

    /// The shard that puts packets from `src` to `dst` together.
    fn of_addresses(&self, src: IpAddr, dst: IpAddr) -> u16 {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&src.octets());
        bytes[16..].copy_from_slice(&dst.octets());
        self.spread(&bytes)
    }

    fn spread(&self, bytes: &[u8]) -> u16 {
        // The upper bits of a product: as even as the hash, without a division.
        ((u64::from(self.key.hash13(bytes) as u32) * u64::from(self.shards)) >> 32) as u16
    }
}

impl<O: Observer> Stack<O> {
    /// The rule by which connections are spread over the host's shards.
    pub fn steering(&self) -> Steering {
        Steering::new(self.keys.steering, self.config.shards)
    }

    /// The shard that a connection from `local` to `remote` belongs to: it has to be opened there. `local`'s address may be open
    /// (unspecified), its port not.
    ///
    /// # Errors
    /// As [`connect`](Self::connect) for ends that make no sense.
    pub fn owner_of(&self, now: Instant, local: Endpoint, remote: Endpoint) -> Result<u16, Error> {
        let (addr, remote) = self.ends_of(now, local, remote)?;
        Ok(self.steering().owner(Endpoint::new(addr, local.port), remote))
    }

    /// A packet that belongs to another shard, and which: give it to [`handle_parcel`](Self::handle_parcel) there.
    pub fn poll_handover(&mut self) -> Option<(u16, Parcel)> {
        self.handovers.pop_front()
    }

    /// A packet came from another shard of this host.
    pub fn handle_parcel(&mut self, now: Instant, parcel: Parcel) {
        self.arrived_link = None;
        self.deliver(now, parcel.0);
    }

    /// True if it is for this shard to answer what concerns the host.
    pub(crate) fn speaks_for_host(&self) -> bool {
        self.config.shards <= 1 || self.config.shard == 0
    }

    /// Delivers a packet that was put together of fragments, here or to the shard that its connection belongs to.
    pub(crate) fn deliver_whole(&mut self, now: Instant, packet: Received) {
        let here = self.config.shard;
        match self.steering().of_payload(&packet.ip, packet.payload()) {
            Some(Place::Shard(other)) if other != here && self.config.shards > 1 => {
                if self.handovers.len() < MAX_HANDOVERS {
                    self.handovers.push_back((other, Parcel(packet)));
                } else {
                    self.drop_packet(now, DropReason::Reassembly);
                }
            }
            _ => self.deliver(now, packet),
        }
    }
}

/// So many packets may wait to be handed over; what comes beyond is lost, as on a wire.
pub(crate) const MAX_HANDOVERS: usize = 64;

impl core::fmt::Debug for Steering {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Steering").field("shards", &self.shards).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Parcel").field("bytes", &self.0.bytes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
