//! SEGMENT ARRIVES in every synchronized state, in RFC 9293's order of checks (§3.10.7.4), with RFC 5961's answers to
//! what may be forged and RFC 7323's PAWS in front.
//!
//! Where Linux is more lenient than the RFC, so are we: a segment that ends at or after the last number we acknowledged
//! is not old, an empty one may lie just at the window's right edge, and one without timestamps is taken although they
//! were negotiated (switch: [`Config::require_timestamps`](crate::Config::require_timestamps)).

use super::{Connection, Reset};
use crate::clock::TsRecent;
use crate::user_timeout;
use crate::{Cx, Outcome, Readiness};
use core::ops::ControlFlow::{self, Break, Continue};
use limpid_event::{Counter, DropReason, Error, Instant, Observer, TcpState, TxReason};
use limpid_wire::{Segment, SeqNum, TcpFlags};

/// Goes on to the next check, or has dealt with the segment.
type Check = ControlFlow<()>;

impl Connection {
    /// A segment of this connection arrived (RFC 9293 §3.10.7.4). Its data is taken out of it.
    pub fn handle_segment<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &mut Segment) -> Outcome {
        cx.received(segment);
        self.stats.on_received(segment);
        if self.halves.over() {
            cx.dropped(DropReason::NoConnection);
            return self.outcome();
        }
        if !self.fast_path(cx, segment) {
            self.segment_arrives(cx, segment);
        }
        self.outcome()
    }

    /// The long way, in order. The `Received` event is out already.
    pub(super) fn segment_arrives<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &mut Segment) {
        // What becomes of the segment is in our state by now, either way.
        let _ = self.check_and_process(cx, segment);
    }

    fn check_and_process<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &mut Segment) -> Check {
        self.check_request(cx, segment)?;
        self.check_flags(cx, segment)?;
        self.check_paws(cx, segment)?;
        self.check_sequence(cx, segment)?;
        self.check_reset(cx, segment)?;
        self.check_syn(cx, segment)?;
        self.ecn_arrived(cx, segment);
        self.check_ack(cx, segment)?;
        self.last_heard = cx.now;
        self.keep_timestamp(cx.now, segment);
        if segment.options.user_timeout.is_some() {
            self.heed_user_timeout(segment);
        }
        self.check_urgent(segment);
        let check = self.process_text(cx, segment);
        self.ecn_acknowledge();
        check
    }

    /// The peer advises how long to keep what it does not acknowledge (RFC 5482); the newest advice counts.
    fn heed_user_timeout(&mut self, segment: &Segment) {
        let heeded = user_timeout::heeded(&self.config, segment.options.user_timeout);
        self.peer_user_timeout = heeded.or(self.peer_user_timeout);
    }

    /// A segment with neither ACK, RST nor SYN is of no connection (§3.10.7.4, fifth check; Linux looks first).
    fn check_flags<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Check {
        if segment.flags.intersects(TcpFlags::ACK | TcpFlags::RST | TcpFlags::SYN) {
            return Continue(());
        }
        self.drop(cx, DropReason::NoAck)
    }

    /// RFC 7323 §5.3 R1: an old timestamp makes an old segment, except for a reset.
    fn check_paws<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Check {
        let Some(recent) = self.rcv.ts_recent else { return Continue(()) };
        let flags = segment.flags;
        let rejected = match segment.options.timestamps {
            Some(timestamps) => {
                recent.rejects_in_connection(timestamps.val, cx.now)
                    && !self.is_overtaken_ack(segment, recent, timestamps.val)
                    && !self.is_overtaken_data(segment, timestamps.val)
            }
            None => self.config.require_timestamps && !flags.contains(TcpFlags::RST),
        };
        if !rejected || flags.contains(TcpFlags::RST) {
            return Continue(());
        }
        if flags.contains(TcpFlags::SYN) {
            return self.challenge_syn(cx);
        }
        // Bare ACKs that were overtaken by data are common, and nobody waits for an answer to them.
        let bare_ack = flags.contains(TcpFlags::ACK) && segment.seq_len() == 0;
        if bare_ack && segment.seq.before(self.rcv_nxt()) {
            cx.count(Counter::TcpExtPAWSOldAck);
        } else {
            cx.count(Counter::TcpExtPAWSEstab);
            self.answer_unacceptable(cx, segment, Counter::TcpExtTCPACKSkippedPAWS);
        }
        self.drop(cx, DropReason::Paws)
    }

    /// Data beyond a hole that left before what was sent again to fill one, and was overtaken by it. If it were dropped, it
    /// would have to be sent again itself, and would then overtake others: where packets are reordered one loss would bring
    /// the next for ever.
    fn is_overtaken_data(&self, segment: &Segment, tsval: u32) -> bool {
        let since = self.rcv.ts_before_hole.filter(|_| self.config.paws_spares_overtaken && self.rcv.queue.has_holes());
        since.is_some_and(|since| tsval.wrapping_sub(since) as i32 >= 0)
            && segment.seq_len() > 0
            && segment.seq.after_eq(self.rcv_nxt())
    }

    /// A bare ACK that changes nothing and was merely overtaken by others is no reason to answer (Linux's
    /// `tcp_disordered_ack`).
    fn is_overtaken_ack(&self, segment: &Segment, recent: TsRecent, tsval: u32) -> bool {
        let behind = u128::from(recent.val().wrapping_sub(tsval));
        segment.flags.contains(TcpFlags::ACK)
            && segment.seq == self.rcv_nxt()
            && segment.seq_len() == 0
            && segment.ack == self.snd.una()
            && !self.may_update_window(segment)
            // No peer's clock is known to tick faster than 1200 times a second.
            && behind <= self.snd.rto().as_millis() * 6 / 5
    }

    /// First check: sequence number (§3.10.7.4).
    fn check_sequence<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Check {
        if self.is_in_window(segment) {
            return Continue(());
        }
        let flags = segment.flags;
        if flags.contains(TcpFlags::RST) {
            // Some peers number a reset after their FIN as if the FIN had not been.
            if self.is_reset_below_fin(segment.seq) {
                self.reset_by_peer(cx);
                return Break(());
            }
            return self.drop(cx, DropReason::OutsideWindow);
        }
        if flags.contains(TcpFlags::SYN) {
            return self.challenge_syn(cx);
        }
        if segment.seq_end().after(self.rcv.right_edge()) {
            cx.count(Counter::TcpExtBeyondWindow);
        }
        self.answer_unacceptable(cx, segment, Counter::TcpExtTCPACKSkippedSeq);
        self.drop(cx, DropReason::OutsideWindow)
    }

    /// What ends beyond the window is as good as outside it, unless it is only the FIN that does, or nothing waits to be read:
    /// then there is room for one segment too much.
    fn is_in_window(&self, segment: &Segment) -> bool {
        let (end, right_edge) = (segment.seq_end(), self.rcv.right_edge());
        if end.before(self.rcv.last_ack()) {
            return false;
        }
        let data_end = end - u32::from(segment.flags.contains(TcpFlags::FIN));
        !data_end.after(right_edge) || (!segment.seq.after(right_edge) && self.rcv.queue.is_empty())
    }

    /// Second check: a reset counts only at exactly the expected number, or at the end of what SACK reported; any other
    /// in the window is asked about (RFC 5961 §3.2).
    fn check_reset<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Check {
        if !segment.flags.contains(TcpFlags::RST) {
            return Continue(());
        }
        let seq = segment.seq;
        let expected =
            seq == self.rcv_nxt() || self.is_reset_below_fin(seq) || self.rcv.queue.highest_end() == Some(seq);
        if expected {
            self.reset_by_peer(cx);
            return Break(());
        }
        self.suspect_reset();
        self.challenge(cx);
        self.drop(cx, DropReason::BlindReset)
    }

    fn is_reset_below_fin(&self, seq: SeqNum) -> bool {
        let closed = matches!(self.state(), TcpState::CloseWait | TcpState::LastAck | TcpState::Closing);
        closed && seq + 1 == self.rcv_nxt()
    }

    /// Fourth check: a SYN in a connection is never taken, only asked about (RFC 5961 §4.2). Crossed SYNs are the
    /// exception: there the peer's SYN-ACK repeats its SYN (RFC 9293 §3.5, figure 7).
    fn check_syn<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Check {
        if !segment.flags.contains(TcpFlags::SYN) {
            return Continue(());
        }
        let completes_crossed_open = !self.halves.syn_acked()
            && segment.flags.contains(TcpFlags::ACK)
            && segment.seq + 1 == self.rcv_nxt()
            && segment.seq_len() == 1
            && segment.ack == self.snd.nxt();
        self.ecn_syn_again(segment);
        if !completes_crossed_open {
            return self.challenge_syn(cx);
        }
        self.note_old(cx, segment);
        self.due.ack_now(TxReason::HandshakeAck);
        Continue(())
    }

    /// Fifth check: the ACK field. In SYN-RECEIVED it must acknowledge our SYN, else it is answered with a reset; later
    /// it must lie between an old window and SND.NXT (RFC 5961 §5.2).
    fn check_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Check {
        if !segment.flags.contains(TcpFlags::ACK) {
            return self.drop(cx, DropReason::NoAck);
        }
        let (ack, una, nxt) = (segment.ack, self.snd.una(), self.snd.nxt());
        if self.request().is_some() {
            if ack.before(una) || ack.after(nxt) {
                return self.refuse_opening_ack(cx, ack);
            }
            return self.complete_fast_open(cx, segment);
        }
        if !self.halves.syn_acked() {
            if !(ack.after(una) && ack.before_eq(nxt)) {
                self.due.reset = Some(Reset { seq: ack, with_ack: false, why: TxReason::ResetBadAck });
                return self.drop(cx, DropReason::AckTooHigh);
            }
            self.our_syn_is_acked(cx);
            self.ecn_crossed(cx, segment);
        }
        let acked = u32::try_from(self.snd.bytes_acked).unwrap_or(u32::MAX);
        let oldest = una - self.snd.max_wnd.min(acked);
        if ack.after(nxt) || ack.before(oldest) {
            self.challenge(cx);
            return self.drop(cx, if ack.after(nxt) { DropReason::AckTooHigh } else { DropReason::AckTooOld });
        }
        self.process_ack(cx, segment);
        if self.halves.over() { Break(()) } else { Continue(()) }
    }

    /// RFC 7323 §4.3: the timestamp to echo is that of the segment which the next ACK is for.
    pub(super) fn keep_timestamp(&mut self, now: Instant, segment: &Segment) {
        let (Some(recent), Some(timestamps)) = (self.rcv.ts_recent, segment.options.timestamps) else { return };
        if segment.seq.before_eq(self.rcv.last_ack()) && !recent.rejects(timestamps.val, now) {
            let before = self.rcv.ts_before_hole.unwrap_or(recent.val());
            self.rcv.ts_before_hole = self.rcv.queue.has_holes().then_some(before);
            self.rcv.ts_recent = Some(TsRecent::new(timestamps.val, now));
        }
    }

    /// Sixth check: the urgent pointer names the byte after the last urgent one, as every system has it (RFC 6093 §4); a pointer
    /// of zero means the first byte, as on Linux. The data itself stays in line.
    fn check_urgent(&mut self, segment: &Segment) {
        if !segment.flags.contains(TcpFlags::URG) {
            return;
        }
        let end = segment.seq + u32::from(segment.urgent.max(1));
        let newer = self.rcv.urgent_end.is_none_or(|known| end.after(known));
        if newer && end.after(self.rcv_nxt()) {
            self.rcv.urgent_end = Some(end);
            self.woke |= Readiness::URGENT;
        }
    }

    /// Drops the segment; its checks end here.
    pub(super) fn drop<O: Observer>(&mut self, cx: &mut Cx<'_, O>, why: DropReason) -> Check {
        cx.dropped(why);
        Break(())
    }

    /// What is not acceptable is answered with an ACK of what we have (§3.10.7.4, first check), within the limit.
    fn answer_unacceptable<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment, held_back: Counter) {
        let interval = self.config.invalid_ratelimit;
        if !cx.may_answer(&mut self.limit, interval, segment, held_back) {
            return;
        }
        self.note_old(cx, segment);
        let probe = segment.seq_end().before_eq(self.rcv_nxt()) && segment.seq + 1 == self.rcv_nxt();
        self.due.ack_now(if probe { TxReason::ProbeAnswer } else { TxReason::DuplicateAck });
    }

    /// What came before and comes again, a SYN or FIN too, is told by a D-SACK (RFC 2883 §4).
    fn note_old<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        if segment.seq_len() > 0 && segment.seq.before(self.rcv_nxt()) {
            cx.count(Counter::TcpExtDelayedACKLost);
            self.enter_quick_ack();
            self.rcv.queue.note_duplicate(segment.seq, segment.seq_end().earlier(self.rcv_nxt()));
        }
    }

    fn challenge_syn<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Check {
        cx.count(Counter::TcpExtTCPSYNChallenge);
        self.challenge(cx);
        self.drop(cx, DropReason::SynInConnection)
    }

    /// Asks the peer: an ACK that makes the real one repeat itself properly (RFC 5961 §3.2, §4.2, §5.2, §7).
    fn challenge<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if self.limit.allow(cx.now, self.config.invalid_ratelimit) {
            cx.count(Counter::TcpExtTCPChallengeACK);
            self.due.ack_now(TxReason::ChallengeAck);
        } else {
            cx.count(Counter::TcpExtTCPACKSkippedChallenge);
        }
    }

    /// The peer's reset is good: both halves end at once. What was received stays readable.
    pub(super) fn reset_by_peer<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let error = match self.state() {
            TcpState::CloseWait => Error::BrokenPipe,
            _ => Error::ConnectionReset,
        };
        self.end(cx, Some(error));
    }
}
