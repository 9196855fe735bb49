//! Which packet of one end is which of the other, for one direction.
//!
//! First by all that no ordinary path changes (numbers, length, flags, timestamps, IP identification), then with less of it,
//! then by ranges: segmentation offload shows a sender's end segments that are cut on the way, and receive offload shows a
//! receiver's end several in one.

use crate::diff::side::{Call, Seen};
use limpid_wire::TcpFlags;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A piece of a packet (all of it, as a rule) that crossed from one capture to the other, or did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Crossing {
    /// Its packet in the sender's capture, as an index; `None` if that does not hold it.
    pub(super) left: Option<usize>,
    /// Its packet in the receiver's capture; `None` if that does not hold it.
    pub(super) came: Option<usize>,
    /// The bytes of the stream, relative numbers.
    pub(super) start: i64,
    pub(super) len: u32,
}

/// The two views of one direction.
pub(super) struct Way<'c> {
    pub(super) sent: Vec<&'c Seen>,
    pub(super) received: Vec<&'c Seen>,
    /// Relative numbers in each capture, of the sender and of the peer.
    bases: [[i64; 2]; 2],
    pub(super) crossings: Vec<Crossing>,
}

/// The most departures that one arrival is compared with when ranges are matched.
const MAX_LOOKED_AT: usize = 256;

impl<'c> Way<'c> {
    /// Matches what `from` sent, seen in `near` (its own capture) and `far`.
    pub(super) fn of(from: usize, near: &'c Call, far: &'c Call) -> Way<'c> {
        let of = |call: &'c Call| call.packets.iter().filter(|seen| seen.from == from).collect();
        let mut way = Way { sent: of(near), received: of(far), bases: [[0; 2]; 2], crossings: Vec::new() };
        for (at, call) in [near, far].into_iter().enumerate() {
            for (nth, end) in [from, 1 - from].into_iter().enumerate() {
                // Where one capture lacks the SYN, both count from the same place.
                let both = near.isn[end].is_some() && far.isn[end].is_some();
                let base = if both { call.base(end) } else { near.base(end).or(far.base(end)) };
                way.bases[at][nth] = base.map_or(0, |base| i64::from(base.0));
            }
        }
        way.match_all();
        way
    }

    fn relative(&self, at: usize, nth: usize, number: u32) -> i64 {
        // The nearest of all numbers that wrap to the same.
        let offset = number.wrapping_sub(self.bases[at][nth] as u32);
        if offset > u32::MAX - (1 << 20) { i64::from(offset) - (1 << 32) } else { i64::from(offset) }
    }

    fn seq(&self, at: usize, seen: &Seen) -> i64 {
        self.relative(at, 0, seen.tcp.seq.0)
    }

    fn ack(&self, at: usize, seen: &Seen) -> i64 {
        if seen.tcp.is(TcpFlags::ACK) { self.relative(at, 1, seen.tcp.ack.0) } else { 0 }
    }

    /// The sequence numbers that a piece takes; `None` if it takes none.
    pub(super) fn range(&self, c: &Crossing) -> Option<(i64, i64)> {
        let seen = c.left.map(|left| self.sent[left]).or(c.came.map(|came| self.received[came]))?;
        let flags = i64::from(seen.tcp.is(TcpFlags::SYN)) + i64::from(seen.tcp.is(TcpFlags::FIN));
        let len = i64::from(c.len) + flags;
        (len > 0 && !seen.tcp.is(TcpFlags::RST)).then_some((c.start, c.start + len))
    }

    /// Up to where the peer of this direction's sender ever acknowledged the other direction: of `self`, what its sender
    /// acknowledges of its peer.
    pub(super) fn acknowledged(&self) -> i64 {
        let sent = self.sent.iter().map(|seen| self.ack(0, seen));
        sent.chain(self.received.iter().map(|seen| self.ack(1, seen))).max().unwrap_or(0)
    }

    fn match_all(&mut self) {
        let mut partner: Vec<Option<usize>> = vec![None; self.received.len()];
        let mut taken = vec![false; self.sent.len()];
        let flags = |seen: &Seen| seen.tcp.flags & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::ACK);
        let stamps = |seen: &Seen| seen.tcp.options.timestamps.map(|stamps| (stamps.val, stamps.ecr));
        let plain =
            |way: &Way<'_>, at: usize, seen: &Seen| (way.seq(at, seen), seen.tcp.len, flags(seen), way.ack(at, seen));
        self.by_key(&mut partner, &mut taken, |way, at, seen| {
            Some((plain(way, at, seen), stamps(seen), Some(seen.id?)))
        });
        self.by_key(&mut partner, &mut taken, |way, at, seen| Some((plain(way, at, seen), stamps(seen), None::<u16>)));
        self.by_key(&mut partner, &mut taken, |way, at, seen| Some(plain(way, at, seen)));
        let whole = |left: Option<usize>, came: Option<usize>, way: &Way<'_>| {
            let (at, seen) = match (left, came) {
                (Some(left), _) => (0, way.sent[left]),
                (None, Some(came)) => (1, way.received[came]),
                (None, None) => return None,
            };
            Some(Crossing { left, came, start: way.seq(at, seen), len: seen.tcp.len })
        };
        let mut crossings: Vec<Crossing> = Vec::with_capacity(self.sent.len());
        for (came, left) in partner.iter().enumerate() {
            crossings.extend(left.and_then(|left| whole(Some(left), Some(came), self)));
        }
        let free_came: Vec<usize> = (0..partner.len()).filter(|came| partner[*came].is_none()).collect();
        let free_left: Vec<usize> = (0..taken.len()).filter(|left| !taken[*left]).collect();
        let (pieces, rest_left, rest_came) = self.by_range(&free_left, &free_came);
        crossings.extend(pieces);
        crossings.extend(rest_left.into_iter().chain(rest_came));
        // In the order of departure; what never left here, by when it came.
        let time = |c: &Crossing| match (c.left, c.came) {
            (Some(left), _) => (self.sent[left].number, c.start),
            (None, came) => (u64::MAX, came.map_or(0, |came| self.received[came].time)),
        };
        crossings.sort_by_key(time);
        self.crossings = crossings;
    }

    /// Pairs what has the same key, in the order of both captures.
    fn by_key<K: Hash + Eq>(
        &self,
        partner: &mut [Option<usize>],
        taken: &mut [bool],
        key: impl Fn(&Way<'_>, usize, &Seen) -> Option<K>,
    ) {
        let mut departures: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (left, seen) in self.sent.iter().enumerate().filter(|(left, _)| !taken[*left]) {
            if let Some(key) = key(self, 0, seen) {
                departures.entry(key).or_default().push_back(left);
            }
        }
        for (came, seen) in self.received.iter().enumerate() {
            if partner[came].is_some() {
                continue;
            }
            let Some(queue) = key(self, 1, seen).and_then(|key| departures.get_mut(&key)) else { continue };
            if let Some(left) = queue.pop_front() {
                partner[came] = Some(left);
                taken[left] = true;
            }
        }
    }

    /// What was cut or merged on the way: the pieces that crossed, what of the departures did not, and arrivals that never
    /// left.
    fn by_range(&self, free_left: &[usize], free_came: &[usize]) -> (Vec<Crossing>, Vec<Crossing>, Vec<Crossing>) {
        let stamp = |seen: &Seen| seen.tcp.options.timestamps.map(|stamps| stamps.val);
        let range = |at: usize, seen: &Seen| (self.seq(at, seen), self.seq(at, seen) + i64::from(seen.tcp.len));
        let with_data = |seen: &Seen| seen.tcp.len > 0 && !seen.tcp.is(TcpFlags::SYN);
        let mut departures: Vec<(i64, i64, usize)> = (free_left.iter())
            .filter(|left| with_data(self.sent[**left]))
            .map(|&left| (range(0, self.sent[left]).0, range(0, self.sent[left]).1, left))
            .collect();
        departures.sort_unstable();
        let longest = departures.iter().map(|(start, end, _)| end - start).max().unwrap_or(0);
        let mut covered: HashMap<usize, Vec<(i64, i64)>> = HashMap::new();
        let (mut pieces, mut strangers) = (Vec::new(), Vec::new());
        for &came in free_came {
            let seen = self.received[came];
            let (start, end) = range(1, seen);
            let mut met = false;
            if with_data(seen) {
                let from = departures.partition_point(|(s, ..)| *s < start - longest);
                for &(s, e, left) in departures[from..].iter().take_while(|(s, ..)| *s < end).take(MAX_LOOKED_AT) {
                    let (low, high) = (start.max(s), end.min(e));
                    let parts = covered.entry(left).or_default();
                    let again = parts.iter().any(|(a, b)| *a < high && low < *b);
                    if low < high && !again && stamp(seen) == stamp(self.sent[left]) {
                        parts.push((low, high));
                        met = true;
                        let len = u32::try_from(high - low).unwrap_or(0);
                        pieces.push(Crossing { left: Some(left), came: Some(came), start: low, len });
                    }
                }
            }
            if !met {
                strangers.push(Crossing { left: None, came: Some(came), start, len: seen.tcp.len });
            }
        }
        let mut rest = Vec::new();
        for &left in free_left {
            let (start, end) = range(0, self.sent[left]);
            let mut parts = covered.remove(&left).unwrap_or_default();
            parts.sort_unstable();
            if parts.is_empty() {
                rest.push(Crossing { left: Some(left), came: None, start, len: self.sent[left].tcp.len });
                continue;
            }
            let mut at = start;
            for (low, high) in parts.into_iter().chain([(end, end)]) {
                if let Ok(len @ 1..) = u32::try_from(low - at) {
                    rest.push(Crossing { left: Some(left), came: None, start: at, len });
                }
                at = at.max(high);
            }
        }
        (pieces, rest, strangers)
    }

    /// Packets that both captures hold, whole or in part.
    pub(super) fn matched(&self) -> impl Iterator<Item = (&'c Seen, &'c Seen)> {
        self.crossings.iter().filter_map(|c| Some((self.sent[c.left?], self.received[c.came?])))
    }
}
