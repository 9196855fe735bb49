//! What a capture taken at one place of a recorded run would hold.

use super::{Arrival, Packet, Trace, View};
use crate::capture::{CapturedPacket, LinkType};
use limpid_event::{Instant, LinkFate};

/// Where a capture is taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Vantage {
    /// At each host's own interface, where packets leave: every packet once, when it was sent.
    Senders,
    /// At the interface of the host with this index: what it sends when it leaves, what arrives when it arrives.
    Host(usize),
    /// Half-way. Of the packets that the link loses every second or so (by their numbers) got so far.
    Middle,
}

/// A packet of a run as it is seen from somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// Its index in [`Trace::packets`].
    pub packet: usize,
    /// When it was seen.
    pub at: Instant,
}

impl Trace {
    /// What is seen from `vantage`, in the order of time. What arrived corrupted is seen by its sender alone: the trace does
    /// not know which bit was flipped.
    pub fn seen_from(&self, vantage: Vantage) -> Vec<Sight> {
        let mut seen: Vec<Sight> = (self.packets.iter().enumerate())
            .filter_map(|(index, packet)| Some(Sight { packet: index, at: seen_at(packet, vantage)? }))
            .collect();
        seen.sort_by_key(|sight| sight.at);
        seen
    }

    /// The same as a capture holds it, numbered from 1.
    pub fn captured_from(&self, vantage: Vantage) -> Vec<CapturedPacket> {
        let sights = self.seen_from(vantage);
        (1..).zip(&sights).map(|(number, sight)| self.captured(number, &self.packets[sight.packet], sight.at)).collect()
    }

    /// When a packet was recorded: where it left, or where it arrived if its departure is an estimate.
    pub fn recorded_at(&self, packet: &Packet) -> Instant {
        let is_estimated = |host: usize| self.hosts.get(host).is_some_and(|host| host.view == View::Estimated);
        match packet.arrival {
            Arrival::At(at) if is_estimated(packet.from) && !is_estimated(packet.to) => at,
            _ => packet.sent_at,
        }
    }

    /// A packet as a capture holds it that was seen at `at`.
    pub fn captured(&self, number: u64, packet: &Packet, at: Instant) -> CapturedPacket {
        let nanos = self.epoch.saturating_add(at.as_nanos());
        let time = i64::try_from(nanos).unwrap_or(i64::MAX);
        let whole = CapturedPacket::whole(number, time, LinkType::RAW, packet.bytes.clone());
        CapturedPacket { original_len: whole.original_len.max(stated_len(&packet.bytes)), ..whole }
    }
}

/// How long an IP header says that its packet is: a capture with a snap length holds less. 0 without a header.
fn stated_len(packet: &[u8]) -> u32 {
    let word = |at: usize| packet.get(at..at + 2).map_or(0, |bytes| u32::from(bytes[0]) << 8 | u32::from(bytes[1]));
    match packet.first().map(|first| first >> 4) {
        Some(4) => word(2),
        // The payload's alone (RFC 8200 §3).
        Some(6) => 40 + word(4),
        _ => 0,
    }
}

fn seen_at(packet: &Packet, vantage: Vantage) -> Option<Instant> {
    match vantage {
        Vantage::Senders => (!packet.copy).then_some(packet.sent_at),
        Vantage::Host(host) if host == packet.from => (!packet.copy).then_some(packet.sent_at),
        Vantage::Host(host) if host == packet.to => packet.arrival.time(),
        Vantage::Host(_) => None,
        Vantage::Middle => match packet.arrival {
            Arrival::At(at) | Arrival::Estimated(at) => Some(packet.sent_at + at.since(packet.sent_at) / 2),
            Arrival::Lost { at, fate: LinkFate::Lost } => got_half_way(packet.number).then_some(at),
            Arrival::Lost { .. } | Arrival::Unknown => None,
        },
    }
}

/// A coin that falls as the number wills (Fibonacci hashing).
fn got_half_way(number: u64) -> bool {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 63 == 0
}
