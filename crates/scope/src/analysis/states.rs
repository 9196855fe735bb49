//! Follows each end's state (RFC 9293 §3.3.2): as its engine told, else as the packets it sent and took imply.

use super::connection::{Connection, Segment};
use crate::flows::Cause;
use crate::trace::{Trace, View};
use limpid_event::{Event, Instant, TcpState};
use limpid_wire::TcpFlags;
use std::collections::BTreeMap;

/// The most pieces of data out of order that are followed; those beyond count as received.
const MAX_PIECES: usize = 1024;

/// An end enters a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StateChange {
    pub(crate) at: Instant,
    pub(crate) to: TcpState,
    /// Its own engine told.
    pub(crate) told: bool,
}

/// Fills in the states of both ends.
pub(crate) fn follow(connection: &mut Connection, trace: &Trace) {
    for end in 0..2 {
        let told = told(connection, trace, end);
        connection.ends[end].states = match connection.ends[end].view {
            View::Inside if !told.is_empty() => told,
            _ => infer(connection, end),
        };
    }
}

fn told(connection: &Connection, trace: &Trace, end: usize) -> Vec<StateChange> {
    let mut changes = Vec::new();
    for (at, event) in connection.events(trace, end) {
        if let Event::State { from, to } = event {
            if changes.is_empty() && *from == TcpState::Listen {
                changes.push(StateChange { at: connection.began.min(at), to: *from, told: true });
            }
            // One segment may acknowledge our FIN and bring the peer's: nothing was ever in FIN-WAIT-2 then.
            let passing = |last: &mut StateChange| {
                last.at == at && *to == TcpState::TimeWait && matches!(last.to, TcpState::FinWait2 | TcpState::Closing)
            };
            changes.pop_if(passing);
            changes.push(StateChange { at, to: *to, told: true });
        }
    }
    changes
}

/// A moment in the life of a segment, at one end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Moment {
    Took,
    Sent,
}

struct Follower<'c> {
    connection: &'c Connection,
    end: usize,
    state: TcpState,
    changes: Vec<StateChange>,
    /// Up to where the peer's stream has been received without a gap.
    received: i64,
    pieces: BTreeMap<i64, i64>,
}

fn infer(connection: &Connection, end: usize) -> Vec<StateChange> {
    let mut moments: Vec<(Instant, Moment, usize)> = Vec::with_capacity(connection.segments.len());
    for (index, segment) in connection.segments.iter().enumerate() {
        if segment.from == end {
            moments.extend((!segment.copy).then_some((segment.sent_at, Moment::Sent, index)));
        } else if let Some(at) = segment.taken_at() {
            moments.push((at, Moment::Took, index));
        }
    }
    // A link without delay delivers at the very instant; the order of the trace then tells what came first.
    moments.sort_by_key(|&(at, _, index)| (at, index));
    let refusals = connection.errors.iter().filter(|e| e.to == end && e.error.trouble.is_unreachable());
    let refused_at = refusals.filter_map(|e| e.arrival.time()).min();
    let mut follower = Follower {
        connection,
        end,
        state: TcpState::Closed,
        changes: Vec::new(),
        received: 1,
        pieces: BTreeMap::new(),
    };
    follower.begin();
    for (at, moment, index) in moments {
        follower.refused(at, refused_at);
        let segment = &connection.segments[index];
        match moment {
            Moment::Sent => follower.sent(at, segment),
            Moment::Took => follower.took(at, segment),
        }
    }
    follower.refused(Instant::MAX, refused_at);
    follower.changes
}

impl Follower<'_> {
    /// The state before the first packet.
    fn begin(&mut self) {
        let segments = &self.connection.segments;
        let began = self.connection.began;
        let opened = segments.iter().any(|s| s.is(TcpFlags::SYN));
        let sends_syn_ack = self.connection.sent_by(self.end).any(Segment::is_syn_ack);
        if !opened && segments.iter().any(|s| !s.is(TcpFlags::RST)) {
            self.enter(began, TcpState::Established);
        } else if self.connection.opener != self.end && self.connection.sent_by(self.end).all(|s| s.is(TcpFlags::RST)) {
            // It refuses, or has never heard of it.
            let refuses = self.connection.sent_by(self.end).next().is_some();
            let change = StateChange { at: began, to: TcpState::Closed, told: false };
            self.changes.extend(refuses.then_some(change));
        } else if sends_syn_ack && self.connection.opener != self.end {
            let first_syn = self.connection.sent_by(self.end).find(|s| s.is(TcpFlags::SYN));
            if first_syn.is_some_and(Segment::is_syn_ack) {
                self.enter(began, TcpState::Listen);
            }
        }
    }

    fn enter(&mut self, at: Instant, to: TcpState) {
        if self.state != to {
            self.state = to;
            self.changes.push(StateChange { at, to, told: false });
        }
    }

    fn sent(&mut self, at: Instant, segment: &Segment) {
        use TcpState::*;
        if segment.is(TcpFlags::RST) {
            return self.reset_sent(at);
        }
        match self.state {
            Closed if segment.is_syn() => self.enter(at, SynSent),
            Closed | Listen if segment.is_syn_ack() => self.enter(at, SynReceived),
            Established | SynReceived if segment.is(TcpFlags::FIN) => self.enter(at, FinWait1),
            CloseWait if segment.is(TcpFlags::FIN) => self.enter(at, LastAck),
            _ => {}
        }
    }

    /// An ICMP unreachable at `refused_at` ends a connect, as on Linux (RFC 5461 §4.1), if it came before `now`.
    fn refused(&mut self, now: Instant, refused_at: Option<Instant>) {
        if let Some(at) = refused_at.filter(|at| *at < now && self.state == TcpState::SynSent) {
            self.enter(at, TcpState::Closed);
        }
    }

    /// A listener answers with RST and stays what it is; in TIME-WAIT the RST is another socket's.
    fn reset_sent(&mut self, at: Instant) {
        if !matches!(self.state, TcpState::Listen | TcpState::TimeWait) {
            self.enter(at, TcpState::Closed);
        }
    }

    /// A reset ends TIME-WAIT too, as on Linux unless it keeps to RFC 1337; a listener does not care.
    fn reset_taken(&mut self, at: Instant) {
        if self.state != TcpState::Listen {
            self.enter(at, TcpState::Closed);
        }
    }

    fn took(&mut self, at: Instant, segment: &Segment) {
        use TcpState::*;
        if segment.is(TcpFlags::RST) {
            return self.reset_taken(at);
        }
        self.receive(segment);
        let own_fin = self.connection.ends[self.end].fin;
        let fin_acked = segment.is(TcpFlags::ACK) && own_fin.is_some_and(|fin| segment.facts.ack > fin);
        let peer_fin = self.connection.ends[Connection::peer(self.end)].fin;
        let fin_received = peer_fin.is_some_and(|fin| self.received > fin);
        match self.state {
            Listen if segment.is_syn() && self.is_answered(at) => self.enter(at, SynReceived),
            SynSent if segment.is_syn_ack() => self.enter(at, Established),
            SynSent if segment.is_syn() => self.enter(at, SynReceived),
            SynReceived if segment.is(TcpFlags::ACK) && segment.facts.ack >= 1 && !self.is_in_vain(at) => {
                self.enter(at, Established);
            }
            _ => {}
        }
        let next = match (self.state, fin_acked, fin_received) {
            (Established, _, true) => CloseWait,
            (FinWait1, true, true) | (FinWait2, _, true) | (Closing, true, _) => TimeWait,
            (FinWait1, true, false) => FinWait2,
            (FinWait1, false, true) => Closing,
            (LastAck, true, _) => Closed,
            (state, ..) => state,
        };
        self.enter(at, next);
    }

    /// True if the SYN that came at `at` is the one that the SYN-ACK answers: none came between. A full queue throws SYNs
    /// away without a word.
    fn is_answered(&self, at: Instant) -> bool {
        let own = self.connection.sent_by(self.end).find(|s| s.sent_at >= at && s.is_syn_ack());
        let peer = Connection::peer(self.end);
        own.is_some_and(|syn_ack| {
            let between = |taken: Instant| taken > at && taken <= syn_ack.sent_at;
            !self.connection.sent_by(peer).any(|s| s.is_syn() && s.taken_at().is_some_and(between))
        })
    }

    /// True if an ACK that came at `at` did not complete the handshake: the SYN-ACK is sent again after it.
    fn is_in_vain(&self, at: Instant) -> bool {
        let mut own = self.connection.sent_by(self.end).rev();
        own.any(|s| {
            s.sent_at > at && s.is_syn_ack() && s.facts.again.is_some_and(|again| again.cause == Cause::NoAnswer)
        })
    }

    /// Moves `received` on over what `segment` brings, in or out of order.
    fn receive(&mut self, segment: &Segment) {
        let len = i64::from(segment.tcp.seq_len());
        if len == 0 {
            return;
        }
        let (start, end) = (segment.facts.seq, segment.facts.seq.saturating_add(len));
        let piece = self.pieces.entry(start).or_insert(end);
        *piece = end.max(*piece);
        if self.pieces.len() > MAX_PIECES {
            self.received = self.received.max(start);
        }
        while let Some(first) = self.pieces.first_entry()
            && *first.key() <= self.received
        {
            self.received = self.received.max(*first.get());
            first.remove();
        }
    }
}
