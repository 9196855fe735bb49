//! How a connection closes (RFC 9293 §3.6), and why it is reset (§3.5.2, RFC 2525 §2.17, RFC 5961).

use super::entry::{Entry, Read};
use super::figures::{Fin, Sent};
use super::flow::{Ending, Opening, Reset, ResetCause};
use super::sighting::{End, Kind};
use super::trouble::TroubleKind;
use limpid_wire::TcpFlags;

/// After so long a silence something between may have forgotten the connection.
const FORGOTTEN_AFTER: i64 = 60_000_000_000;
/// A reset answers what came no longer ago than this.
const ANSWERS_WITHIN: i64 = 3_000_000_000;
/// So many repetitions in vain make a sender give up, at the least.
const GIVES_UP_AFTER: u32 = 3;
/// What senders set the TTL or hop limit to.
const FIRST_TTLS: [u8; 4] = [32, 64, 128, 255];

impl Entry {
    /// Follows the FINs.
    #[inline]
    pub(super) fn take_closing(&mut self, read: &Read<'_>) {
        let (from, at) = (read.from, read.at);
        let sent = Sent { number: at.number, at: at.time };
        if read.is(TcpFlags::ACK)
            && let Some(fin) = &mut self.flow.ends[from.peer().index()].fin
            && fin.acked.is_none()
            && read.ack > fin.seq
        {
            (fin.acked, fin.acked_by_fin) = (Some(sent), read.is(TcpFlags::FIN));
            self.judge_ending();
        }
        if read.is(TcpFlags::FIN) && self.flow.end(from).fin.is_none() {
            let seq = read.end() - 1;
            self.flow.ends[from.index()].fin =
                Some(Fin { number: at.number, at: at.time, seq, acked: None, acked_by_fin: false });
            match self.flow.closer {
                None => self.flow.closer = Some(from),
                // It had not seen the other's FIN when it sent its own.
                Some(first) if first != from => {
                    let other = self.flow.end(first).fin;
                    self.flow.closed_at_once = other.is_some_and(|fin| read.ack <= fin.seq);
                }
                Some(_) => {}
            }
            self.judge_ending();
        }
    }

    fn judge_ending(&mut self) {
        if matches!(self.flow.ending, Ending::Reset | Ending::Failed) {
            return;
        }
        let [client, server] = &self.flow.ends;
        self.flow.ending = match (client.fin, server.fin) {
            (Some(client), Some(server)) if client.acked.is_some() && server.acked.is_some() => Ending::Closed,
            (Some(_), Some(_)) => Ending::Closing,
            (Some(_), None) | (None, Some(_)) => Ending::HalfClosed,
            (None, None) => Ending::Open,
        };
    }

    /// A reset.
    pub(super) fn take_reset(&mut self, read: &Read<'_>) {
        let (by, at) = (read.from, read.at);
        // Its receiver ignores or challenges what fits nothing (RFC 5961 §3).
        let Some(cause) = self.reset_cause(read) else {
            return self.trouble(TroubleKind::Stranger, by, at);
        };
        let answered = self.last_of[by.peer().index()];
        let near = at.time.saturating_sub(answered.time) <= ANSWERS_WITHIN && answered.number > 0;
        let answers = near.then_some(answered.number);
        let sent = Sent { number: at.number, at: at.time };
        let was_over = matches!(self.flow.ending, Ending::Closed | Ending::Reset | Ending::Failed);
        if self.flow.reset.is_none() {
            self.flow.reset = Some(Reset { by, sent, cause, answers });
        }
        if was_over {
            return;
        }
        if cause == ResetCause::Refused {
            self.flow.opening = Opening::Refused;
            self.flow.ending = Ending::Failed;
            return self.trouble(TroubleKind::Refused, by.peer(), at);
        }
        self.flow.ending = Ending::Reset;
        self.trouble(TroubleKind::Reset, by, at);
    }

    /// A reset without ACK answers a segment for which there is no connection, or none any more; one with ACK its sender has
    /// decided upon itself (RFC 9293 §3.5.2, §3.10.7.1). `None` if its numbers are not those that its receiver expects.
    fn reset_cause(&self, read: &Read<'_>) -> Option<ResetCause> {
        let (by, peer) = (read.from, read.from.peer());
        let (own, other) = (self.stream(by), self.stream(peer));
        let carries_ack = read.is(TcpFlags::ACK);
        match self.flow.opening {
            Opening::Unanswered if by == End::Server => return Some(ResetCause::Refused),
            Opening::HalfOpen | Opening::Unanswered if by == End::Client => return Some(ResetCause::HandshakeAborted),
            _ => {}
        }
        if self.is_foreign(read) {
            return Some(ResetCause::Injected);
        }
        // What its receiver expects is where its acknowledgements stand.
        let window = i64::try_from(self.flow.end(peer).window.last).unwrap_or(0);
        let (mine, theirs) = (self.flow.end(by), self.flow.end(peer));
        // With the number of the FIN before it, it answers what was under way when that came; Linux takes it but in TIME-WAIT.
        let stands_at_fin = self.flow.ending != Ending::Closed && mine.fin.is_some_and(|fin| fin.seq == read.seq);
        let is_old = read.seq < own.una && !stands_at_fin;
        if own.has_base && own.is_acked && (is_old || read.seq > own.max.max(own.una + window)) {
            return None;
        }
        let answered = self.last_of[peer.index()];
        let silence = answered.time.saturating_sub(self.progress_before(peer));
        Some(match () {
            () if own.fruitless >= GIVES_UP_AFTER || own.probed && mine.keepalives > 1 => ResetCause::GaveUp,
            () if carries_ack && theirs.last_data_at > mine.last_data_at => ResetCause::UnreadData,
            () if carries_ack && theirs.data_packets > 0 => ResetCause::AbortedOrUnread,
            () if carries_ack => ResetCause::Aborted,
            () if mine.fin.is_some_and(|fin| theirs.last_data_at > fin.at || other.in_flight() > 0) => {
                ResetCause::AfterClose
            }
            () if self.flow.ending == Ending::Closed => ResetCause::AfterClose,
            () if silence >= FORGOTTEN_AFTER => ResetCause::IdleMiddlebox,
            () => ResetCause::Unknown,
        })
    }

    /// When anything came before what `end` sent last.
    fn progress_before(&self, end: End) -> i64 {
        self.before_last_of[end.index()].max(self.last_of[end.peer().index()].time)
    }

    /// True if its TTL tells that it has come another way than what its end sent before.
    fn is_foreign(&self, read: &Read<'_>) -> bool {
        let figures = self.flow.end(read.from);
        let hops = |ttl: u8| FIRST_TTLS.iter().find(|first| ttl <= **first).map_or(0, |first| first - ttl);
        // This packet is counted already.
        figures.packets > 1 && hops(figures.ttl).abs_diff(hops(read.tcp.ttl)) > 1
    }

    /// True if nothing more is to come but what is late.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.flow.ending, Ending::Closed | Ending::Reset)
            || self.flow.ending == Ending::Failed && self.flow.opening == Opening::Refused
    }

    /// True if a segment would begin another connection on the same ports: a SYN with another number (RFC 9293 §3.6.1), or
    /// with the same one if time has gone back with it. Then another recording begins in the same file: runs of an
    /// experiment begin alike.
    pub(super) fn is_opened_anew(&self, from_high: bool, seq: u32, flags: TcpFlags, time: i64) -> bool {
        if !flags.contains(TcpFlags::SYN) || flags.intersects(TcpFlags::ACK | TcpFlags::RST) {
            return false;
        }
        let from = self.from(from_high);
        match self.flow.end(from).isn {
            Some(isn) => isn.0 != seq || self.is_before_its_time(time),
            // A crossed SYN belongs to the connection that is being opened.
            None => self.flow.opening != Opening::Unanswered,
        }
    }

    /// True if `time` is not after the first packet, and long before the newest: what was taken out of order, or twice, is
    /// not that late.
    fn is_before_its_time(&self, time: i64) -> bool {
        const LATE: i64 = 5_000_000;
        let is_late = self.flow.last.saturating_sub(time) > LATE || self.flow.opening == Opening::Unreachable;
        time <= self.flow.began && is_late
    }

    /// Nothing but SYNs that nobody answered, or it is over.
    pub(super) fn is_done(&self) -> bool {
        self.is_over()
            || matches!(self.flow.opening, Opening::Unanswered | Opening::Unreachable)
            || self.flow.ending == Ending::Closing
    }

    /// True if it is a keepalive, a probe, or an answer to one: no progress.
    pub(super) fn is_idle_talk(kind: Kind) -> bool {
        matches!(kind, Kind::KeepAlive | Kind::WindowProbe | Kind::ProbeAnswer)
    }
}
