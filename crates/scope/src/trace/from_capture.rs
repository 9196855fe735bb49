//! A trace from a capture: what one vantage point saw, and an estimate of the rest.
//!
//! Of the two hosts of each conversation the near one is found by the handshake (at the client's side the SYN-ACK takes a
//! round trip to come back, at the server's side the ACK does), else by TTL (a packet that has passed no router still has
//! its first one). The far host is estimated to be half of the shortest round trip away. Whether a near host's segment
//! arrived is known from the acknowledgements that came back.

use super::{Arrival, Packet, Trace, View};
use crate::analysis::connection::{Pair, pair_of};
use crate::analysis::packet::{Content, Tcp, addresses, dissect, ttl};
use crate::capture::CapturedPacket;
pub(crate) use crate::frame::ip_packet;
use limpid_event::{FlowId, Instant};
use limpid_wire::{Endpoint, IpAddr, SeqNum, TcpFlags};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

/// What senders set the TTL or hop limit to.
const FIRST_TTLS: [u8; 3] = [64, 128, 255];

impl Trace {
    /// What the packets of a capture tell. Those that are not IP are left out; the others keep their numbers.
    ///
    /// Hosts are named by their addresses. The near ones are [`View::Observed`], the far ones [`View::Estimated`].
    pub fn from_capture(packets: impl IntoIterator<Item = CapturedPacket>) -> Trace {
        let seen: Vec<Seen> = packets.into_iter().filter_map(Seen::of).collect();
        let mut trace = Trace::default();
        let mut hosts: HashMap<IpAddr, usize> = HashMap::new();
        let mut host = |address: IpAddr| {
            let new = || trace.add_host(address.to_string(), vec![address], View::Estimated);
            *hosts.entry(address).or_insert_with(new)
        };
        let ends: Vec<(usize, usize)> = seen.iter().map(|s| (host(s.src), host(s.dst))).collect();
        let mut pairs: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for (index, &(from, to)) in ends.iter().enumerate() {
            pairs.entry((from.min(to), from.max(to))).or_default().push(index);
        }
        let conversations: HashMap<(usize, usize), Conversation> =
            pairs.into_iter().map(|(pair, indices)| (pair, Conversation::of(pair, &indices, &seen, &ends))).collect();
        for conversation in conversations.values() {
            trace.hosts[conversation.near].view = View::Observed;
        }
        // Estimated departures lie before the first packet seen.
        let lead = conversations.values().flat_map(|c| c.one_way.values().copied()).max().unwrap_or_default();
        let began = seen.iter().map(|s| s.time).min().unwrap_or_default();
        let instant = |time: i64| Instant::ZERO + lead + Duration::from_nanos(time.abs_diff(began));
        trace.epoch = u64::try_from(began).unwrap_or(0).saturating_sub(lead.as_nanos().try_into().unwrap_or(u64::MAX));
        for (index, (seen, (from, to))) in seen.into_iter().zip(ends).enumerate() {
            let conversation = &conversations[&(from.min(to), from.max(to))];
            let at = instant(seen.time);
            let one_way = conversation.one_way(&seen.bytes);
            let (sent_at, arrival) = match from == conversation.near {
                true if conversation.missing.contains(&index) => (at, Arrival::Unknown),
                true => (at, Arrival::Estimated(at + one_way)),
                false => (at - one_way, Arrival::At(at)),
            };
            let Seen { number, bytes, .. } = seen;
            let flow = FlowId::NONE;
            trace.packets.push(Packet { number, from, to, sent_at, arrival, bytes, flow, why: None, copy: false });
        }
        trace.end = trace.last_moment();
        trace
    }
}

/// An IP packet of the capture.
struct Seen {
    number: u64,
    time: i64,
    src: IpAddr,
    dst: IpAddr,
    bytes: Vec<u8>,
}

impl Seen {
    fn of(packet: CapturedPacket) -> Option<Seen> {
        let bytes = ip_packet(packet.link_type, &packet.data)?;
        let (src, dst) = addresses(bytes)?;
        Some(Seen { number: packet.number, time: packet.time, src, dst, bytes: bytes.to_vec() })
    }
}

/// All that two hosts said to each other.
struct Conversation {
    /// The host at the vantage point.
    near: usize,
    /// How long a packet of each connection is under way. What one connection tells is not taken for another: a picture of it
    /// is the same whether the others are drawn or not.
    one_way: HashMap<Pair, Duration>,
    /// Packets of the near host of which nothing shows that they arrived.
    missing: HashSet<usize>,
}

impl Conversation {
    fn of(pair: (usize, usize), indices: &[usize], seen: &[Seen], ends: &[(usize, usize)]) -> Conversation {
        let segments: Vec<Sighting> = (indices.iter())
            .filter_map(|&index| match dissect(&seen[index].bytes) {
                Content::Tcp(tcp) => Some(Sighting { index, from: ends[index].0, time: seen[index].time, tcp }),
                _ => None,
            })
            .collect();
        let near = near_by_handshake(&segments)
            .or_else(|| near_by_ttl(pair, indices, seen, ends))
            .unwrap_or_else(|| indices.first().map_or(pair.0, |&first| ends[first].0));
        let (shortest, missing) = answers(&segments, near);
        let one_way = shortest.into_iter().filter(|_| pair.0 != pair.1).map(|(pair, took)| (pair, took / 2)).collect();
        Conversation { near, one_way, missing }
    }

    /// How long the packet was under way; nothing where that is not known.
    fn one_way(&self, bytes: &[u8]) -> Duration {
        let pair = match dissect(bytes) {
            Content::Tcp(tcp) => pair_of(tcp.src, tcp.dst),
            Content::Icmp(error) => pair_of(error.about.0, error.about.1),
            Content::Other => return Duration::ZERO,
        };
        self.one_way.get(&pair).copied().unwrap_or_default()
    }
}

/// A TCP segment of a conversation.
struct Sighting {
    index: usize,
    from: usize,
    time: i64,
    tcp: Tcp,
}

/// Where the answer takes longer to come, the vantage point is not.
fn near_by_handshake(segments: &[Sighting]) -> Option<usize> {
    let syn_ack = segments.iter().position(|s| s.tcp.is(TcpFlags::SYN | TcpFlags::ACK))?;
    let answer = &segments[syn_ack];
    let ports = (answer.tcp.dst, answer.tcp.src);
    let same = |s: &&Sighting| (s.tcp.src, s.tcp.dst) == ports;
    let syn = segments[..syn_ack].iter().rev().filter(same).find(|s| s.tcp.is(TcpFlags::SYN))?;
    let ack = segments[syn_ack..].iter().filter(same).find(|s| s.tcp.is(TcpFlags::ACK))?;
    let (out, back) = (answer.time.abs_diff(syn.time), ack.time.abs_diff(answer.time));
    Some(if out >= back { syn.from } else { answer.from })
}

fn near_by_ttl(
    (left, right): (usize, usize),
    indices: &[usize],
    seen: &[Seen],
    ends: &[(usize, usize)],
) -> Option<usize> {
    let fresh = |host: usize| {
        let first = indices.iter().find(|&&index| ends[index].0 == host)?;
        Some(FIRST_TTLS.contains(&ttl(&seen[*first].bytes)?))
    };
    match (fresh(left), fresh(right)) {
        (Some(true), Some(false)) => Some(left),
        (Some(false), Some(true)) => Some(right),
        _ => None,
    }
}

/// What a near host sent and nobody has acknowledged yet.
struct Pending {
    index: usize,
    time: i64,
    end: SeqNum,
    /// It was sent again: an acknowledgement may be of either.
    repeated: bool,
}

/// The shortest round trip of each connection from near to far, and which near segments were never seen to have arrived.
fn answers(segments: &[Sighting], near: usize) -> (HashMap<Pair, Duration>, HashSet<usize>) {
    /// The most segments of one stream that are followed at once; older ones count as arrived.
    const MAX_PENDING: usize = 4096;
    let mut pending: HashMap<(Endpoint, Endpoint), VecDeque<Pending>> = HashMap::new();
    let mut missing = HashSet::new();
    let mut shortest: HashMap<Pair, Duration> = HashMap::new();
    for s in segments {
        if s.from == near && s.tcp.seq_len() > 0 {
            let stream = pending.entry((s.tcp.src, s.tcp.dst)).or_default();
            let end = s.tcp.seq + s.tcp.seq_len();
            let mut repeated = false;
            if stream.back().is_some_and(|last| end.before_eq(last.end)) {
                for earlier in stream.iter_mut().filter(|earlier| earlier.end == end) {
                    missing.insert(earlier.index);
                    (repeated, earlier.repeated) = (true, true);
                }
            }
            stream.push_back(Pending { index: s.index, time: s.time, end, repeated });
            if stream.len() > MAX_PENDING {
                stream.pop_front();
            }
        }
        // Only the near host's streams are there; of a connection within one host that is both.
        if s.tcp.is(TcpFlags::ACK) {
            let Some(stream) = pending.get_mut(&(s.tcp.dst, s.tcp.src)) else { continue };
            while stream.front().is_some_and(|sent| sent.end.before_eq(s.tcp.ack)) {
                let Some(sent) = stream.pop_front() else { break };
                if !sent.repeated {
                    let took = Duration::from_nanos(s.time.abs_diff(sent.time));
                    let shortest = shortest.entry(pair_of(s.tcp.src, s.tcp.dst)).or_insert(took);
                    *shortest = took.min(*shortest);
                }
            }
        }
    }
    missing.extend(pending.into_values().flatten().map(|sent| sent.index));
    (shortest, missing)
}

#[cfg(test)]
mod tests;
