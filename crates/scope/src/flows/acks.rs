//! What a segment acknowledges, held against what was sent, and the window that it offers.

use super::classify;
use super::entry::{At, Entry, Read};
use super::flow::nanos;
use super::packet::MAX_SACKS;
use super::sack;
use super::sighting::{End, Kind, Sighting};
use super::stream::Pending;
use super::trouble::TroubleKind;
use limpid_wire::TcpFlags;
use std::time::Duration;

impl Entry {
    /// What it acknowledges.
    #[inline]
    pub(super) fn take_ack(&mut self, read: &Read<'_>, seen: &mut Sighting) {
        if !read.is(TcpFlags::ACK) {
            return;
        }
        let (from, peer) = (read.from, read.from.peer());
        let pure = read.seq_len() == 0;
        {
            let figures = self.flow.end_mut(from);
            figures.pure_acks += u64::from(pure);
            figures.duplicate_acks += u64::from(read.kind == Kind::DuplicateAck);
        }
        let own = self.stream_mut(from);
        own.acks = Some(own.acks.map_or(read.ack, |acks| acks.max(read.ack)));
        if read.options.has_sack() {
            self.take_sack(read, seen);
        }
        let stream = self.stream_mut(peer);
        if read.kind == Kind::DuplicateAck {
            stream.repeated = stream.repeated.saturating_sub(1);
            // A D-SACK alone tells of too much, not of too little.
            let tells = !read.options.has_sack() || stream.sacked_to > read.ack;
            if tells && stream.max > read.ack {
                stream.hints = stream.hints.saturating_add(1);
                if stream.hints == classify::DUP_THRESH {
                    stream.third_hint_at = Some(read.at.time);
                }
            }
        }
        if read.ack > stream.una || !stream.is_acked {
            self.advance(read, seen);
        }
    }

    /// It acknowledges something new.
    #[inline]
    fn advance(&mut self, read: &Read<'_>, seen: &mut Sighting) {
        let (peer, at) = (read.from.peer(), read.at);
        let stream = self.stream_mut(peer);
        let (una, first) = (stream.una, !stream.is_acked);
        let taken = stream.records.acknowledge(una, read.ack);
        stream.is_acked = true;
        stream.largest_acked = stream.largest_acked.max(taken.largest);
        stream.una = read.ack.max(una);
        (stream.hints, stream.fruitless, stream.probed_tail) = (0, 0, false);
        stream.third_hint_at = None;
        stream.advanced_at = Some(at.time);
        stream.recovery = stream.recovery.filter(|point| read.ack < *point);
        stream.timeout = stream.timeout.filter(|point| read.ack < *point);
        let mut unseen = taken.unseen;
        if read.ack > stream.max {
            stream.max = read.ack;
        }
        // What was out before the capture began is no gap of it.
        if first && !self.flow.opening.is_new() {
            unseen = 0;
        }
        seen.newly_acked = u32::try_from(read.ack - una).unwrap_or(0);
        if unseen > 0 && self.stream(peer).has_sent {
            seen.acks_unseen = true;
            self.flow.end_mut(peer).unseen_bytes += unseen;
            self.trouble(TroubleKind::CaptureMissed, peer, at);
        }
        let echo = read.options.timestamps.map(|(_, echo)| echo);
        let since = match taken.sent_once_at {
            Some(sent) => Some(sent),
            None if taken.repeated => self.told_apart(read, echo),
            None => None,
        };
        if let Some(sent) = since {
            self.sample(read, seen, sent);
        }
        // Of those that were acknowledged before nothing new is learned.
        if self.stream(peer).pending_to >= una {
            self.judge(read, seen, echo);
        }
    }

    fn sample(&mut self, read: &Read<'_>, seen: &mut Sighting, sent: i64) {
        let took = nanos(sent, read.at.time);
        seen.rtt = Some(Duration::from_nanos(took));
        self.flow.end_mut(read.from.peer()).rtt.sample(took);
    }

    /// When the retransmission was sent whose timestamp comes back.
    fn told_apart(&self, read: &Read<'_>, echo: Option<u32>) -> Option<i64> {
        let pending = self.stream(read.from.peer()).pending.iter();
        let echoed = |p: &&Pending| Some(p.tsval) == echo && p.tsval != p.earlier_tsval && p.tsval != 0;
        pending.rev().find(echoed).map(|p| p.at)
    }

    /// Whether retransmissions that are acknowledged now were needless: the timestamp that comes back is older (RFC 3522), or
    /// the acknowledgement comes too soon.
    fn judge(&mut self, read: &Read<'_>, seen: &mut Sighting, echo: Option<u32>) {
        let peer = read.from.peer();
        let shortest = self.flow.end(peer).rtt.min().map_or(0, |min| min.as_nanos() as u64);
        let (ack, time) = (read.ack, read.at.time);
        let newly_acked = seen.newly_acked;
        let una = ack - i64::from(newly_acked);
        let is_needless = |p: &Pending| {
            if p.start == 0 || p.is_settled {
                return false;
            }
            let older = |echo: u32| (echo.wrapping_sub(p.tsval) as i32) < 0;
            let by_echo = p.tsval != 0 && p.tsval != p.earlier_tsval && p.earlier_tsval != 0 && echo.is_some_and(older)
                // Of what came before it, and was to be acknowledged later, the oldest timestamp comes back (RFC 7323 §4.3).
                && p.start <= una;
            let too_soon = shortest > 1_000_000 && nanos(p.at, time) < shortest / 10 * 9;
            ack > p.start && newly_acked > 0 && p.start >= una && (by_echo || too_soon)
        };
        let mut at = 0;
        while let Some(next) = self.stream(peer).pending.iter().skip(at).position(is_needless) {
            let Some(pending) = self.stream(peer).pending.get(at + next) else { return };
            self.needless(peer, read.at, seen, pending.number);
            at += next + 1;
        }
    }

    /// What `end` sent again as packet `number` was needless, as the packet at `at` shows.
    pub(super) fn needless(&mut self, end: End, at: At, seen: &mut Sighting, number: u64) {
        match seen.needless {
            None => seen.needless = Some(number),
            Some(_) => self.stream_mut(end).tell_later(number),
        }
        if let Some(pending) = self.stream_mut(end).pending.iter_mut().find(|pending| pending.number == number) {
            pending.is_settled = true;
        }
        self.flow.end_mut(end).needless += 1;
        let trouble = self.flow.troubles.count(TroubleKind::Needless, end, at.time, number);
        trouble.cite(at.number);
    }

    /// SACK blocks, and D-SACK (RFC 2018, RFC 2883).
    fn take_sack(&mut self, read: &Read<'_>, seen: &mut Sighting) {
        let peer = read.from.peer();
        self.flow.end_mut(read.from).sacks += 1;
        let stream = self.stream(peer);
        let mut blocks = [(0, 0); MAX_SACKS];
        let mut count = 0;
        for (left, right) in read.options.sack() {
            let (left, right) = (stream.relative(left), stream.relative(right));
            if left < right && right <= stream.max.max(read.ack) {
                blocks[count] = (left, right);
                count += 1;
            }
        }
        let blocks = &blocks[..count];
        let twice = sack::duplicate(read.ack, blocks);
        if let Some((left, right)) = twice {
            self.flow.end_mut(read.from).dsacks += 1;
            let stream = self.stream_mut(peer);
            // Of several, the last came twice: one before it had arrived.
            if let Some(index) = stream.pending.iter().rposition(|p| p.start < right && p.end > left)
                && let Some(pending) = stream.pending.remove(index)
                && !pending.is_settled
            {
                self.needless(peer, read.at, seen, pending.number);
            }
        }
        let mut newest = None;
        let stream = self.stream_mut(peer);
        for &(left, right) in &blocks[usize::from(twice.is_some())..] {
            stream.sacked_to = stream.sacked_to.max(right);
            newest = newest.max(stream.records.sack(left, right));
        }
        if let Some(sent) = newest {
            self.sample(read, seen, sent);
        }
    }

    /// The window that it offers.
    #[inline]
    pub(super) fn take_window(&mut self, read: &Read<'_>) {
        if !read.is(TcpFlags::ACK) || read.is(TcpFlags::SYN) {
            return;
        }
        let (from, at) = (read.from, read.at);
        let stream = self.stream_mut(from.peer());
        stream.edge = stream.edge.max(read.ack.saturating_add(i64::try_from(read.window).unwrap_or(i64::MAX)));
        let window = &mut self.flow.end_mut(from).window;
        window.min = if window.updates == 0 { read.window } else { window.min.min(read.window) };
        window.max = window.max.max(read.window);
        window.updates += 1;
        window.last = read.window;
        match (window.zero_since, read.window) {
            (None, 0) => {
                window.zero_since = Some(at.time);
                window.zero_count += 1;
                self.trouble(TroubleKind::ZeroWindow, from, at);
            }
            (Some(since), 1..) => {
                window.zero_since = None;
                let span = Duration::from_nanos(nanos(since, at.time));
                window.zero_time += span;
                self.reopened = Some((from, at.number));
                if let Some(trouble) = self.flow.troubles.find_mut(TroubleKind::ZeroWindow, from) {
                    trouble.lasted += span;
                    trouble.last = at.time;
                }
            }
            _ => {}
        }
    }
}
