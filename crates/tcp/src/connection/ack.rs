//! Fifth check, the rest: what an acceptable ACK does (RFC 9293 §3.10.7.4; RFC 5681, 6298, 6582, 7323 §4).

use super::halves::SendHalf;
use super::recover::Before;
use super::stats::Busy;
use super::{Connection, Reset};
use crate::recovery::AckVerdict;
use crate::send::Acked;
use crate::{Cx, Readiness};
use core::time::Duration;
use limpid_event::{Counter, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::{Segment, TcpFlags};

/// A peer that seems to have thrown away what it told of has at least so long to put it right.
const RENEGING_WAIT: Duration = Duration::from_millis(10);

impl Connection {
    /// SYN-RECEIVED, and our SYN is acknowledged: ESTABLISHED.
    pub(super) fn our_syn_is_acked<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        self.change(cx, |halves| halves.ack_syn());
        self.timers.stop(Timer::ConnectDeadline);
        self.due.syn_ack = None;
        // As Linux: what the SYN-ACK went through tells nothing of data; the timeout starts anew.
        self.snd.rtt.on_syn_loss();
        if self.request().is_none() {
            self.snd.heed_known(&self.params);
        }
        self.snd.backoff = 0;
        self.update_pacing_rate();
        self.just_established = true;
        self.begin_mtu_search(cx, false);
        self.woke |= Readiness::WRITABLE;
        self.expand_send_buffer();
        self.start_keepalive(cx);
    }

    /// The ACK field and SACK blocks of a segment that passed all checks (Linux's `tcp_ack`).
    pub(super) fn process_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        self.snd.push_due = true;
        if segment.ack.before(self.snd.una()) {
            return self.process_old_ack(cx, segment);
        }
        self.probes_out = 0;
        self.snd.space_due = true;
        let duplicate = self.is_duplicate_ack(segment);
        let moved = self.update_send_window(cx, segment);
        let mut before = Before::new(&self.snd);
        let idle = self.snd.records.is_empty();
        let mut acked = self.take_blocks(cx, segment);
        before.on_arrivals(&self.snd);
        if acked.acked > 0 {
            self.on_progress(cx);
        }
        self.sample_round_trip(cx, segment, &acked);
        self.ecn_accept_cwr(cx, segment);
        before.ce = self.ecn_feedback(cx, segment, &acked, idle);
        self.end_probe(cx, segment, &acked, moved, &before);
        if idle && acked.dsack.is_none() {
            self.tell_of_flight(cx);
            return self.advance_state(cx);
        }
        let verdict = self.recover(cx, segment, &acked, duplicate, &before);
        acked.delivered_segments = verdict.delivered;
        self.ecn_count_echo(cx, &mut before.ce, verdict.delivered);
        self.set_send_timer(cx, &acked, &verdict);
        self.tell_controller(cx, &acked, &before);
        self.update_pacing_rate();
        self.tell_of_flight(cx);
        self.advance_state(cx);
    }

    /// An ACK that was overtaken: its SACK blocks may still be news.
    fn process_old_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        if !self.negotiated.sack || segment.options.sack.is_empty() {
            return;
        }
        let before = Before::new(&self.snd);
        let acked = self.take_blocks(cx, segment);
        let verdict = self.recover(cx, segment, &acked, false, &before);
        if let Some(wait) = verdict.wait {
            self.start_reordering_timer(cx, wait);
        }
        self.count_delivered(cx, verdict.delivered);
    }

    /// RFC 5681 §2. A window that is not believed makes no ACK less of a duplicate (as Linux).
    fn is_duplicate_ack(&self, segment: &Segment) -> bool {
        segment.ack == self.snd.una()
            && !self.snd.records.is_empty()
            && segment.payload.is_empty()
            && !segment.flags.intersects(TcpFlags::SYN | TcpFlags::FIN)
            && !self.may_update_window(segment)
    }

    fn window_of(&self, segment: &Segment) -> u32 {
        // A SYN's window is never scaled (RFC 7323 §2.2).
        let syn = segment.flags.contains(TcpFlags::SYN);
        let shift = if syn { 0 } else { self.negotiated.snd_scale.shift() };
        u32::from(segment.window) << shift
    }

    /// Whether the segment is newer than the one that set the window last. Among equals Linux believes the larger window, or
    /// zero; the RFC the later segment.
    pub(super) fn may_update_window(&self, segment: &Segment) -> bool {
        let window = self.window_of(segment);
        segment.ack.after(self.snd.una())
            || segment.seq.after(self.snd.wl1)
            || (segment.seq == self.snd.wl1 && (window > self.snd.wnd || window == 0))
    }

    /// True if the segment may have moved the window.
    fn update_send_window<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> bool {
        let moved = self.may_update_window(segment);
        if moved {
            self.snd.wl1 = segment.seq;
            self.snd.wnd = self.window_of(segment);
            self.snd.max_wnd = self.snd.max_wnd.max(self.snd.wnd);
        }
        if self.timers.runs(Timer::Persist) {
            self.probe_is_answered(cx);
        }
        moved
    }

    /// An ACK came while the persist timer ran: the window may have opened for what is there, or the peer is at least there
    /// (Linux's `tcp_ack_probe`).
    fn probe_is_answered<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let first = self.snd.queue.pieces.first_len().unwrap_or(0);
        let fin = self.halves.send() == SendHalf::FinQueued && self.snd.queue.pieces.count() <= 1;
        if (self.snd.nxt() + first + u32::from(fin)).after(self.snd.right_edge()) {
            let wait = self.probe_wait(cx.now);
            return self.timers.restart(cx, Timer::Persist, wait);
        }
        self.timers.stop(Timer::Persist);
        self.snd.probe_backoff = 0;
        self.snd.probing_since = Instant::MAX;
    }

    /// SND.UNA moved: bytes are freed, time was measured, and what went wrong before is over.
    fn on_progress<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let una = self.snd.una();
        let freed = self.snd.queue.ack_to(cx.pool, una);
        self.path_carried(cx, una);
        self.snd.bytes_acked += freed as u64;
        self.watch_acked(cx);
        self.app.soft_error = None;
        self.snd.retransmits = 0;
        if self.snd.records.is_empty() {
            self.chrono_stop(cx.now, Busy::Sending);
        }
        if self.snd.up.before_eq(una) {
            self.snd.up = una;
        }
    }

    /// RFC 6298 §3: what the ACK tells of the round trip, selectively, too.
    fn sample_round_trip<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment, acked: &Acked) {
        let by_echo = || self.rtt_by_timestamp(cx.now, segment).filter(|_| acked.acked_segments > 0);
        if let Some(rtt) = acked.rtt().or_else(by_echo) {
            self.take_rtt_sample(cx, rtt);
            if let Some(newest) = acked.newest_rtt() {
                self.snd.rtt.on_newest(cx.now, newest);
            }
        }
    }

    /// What was sent more than once still has a round trip, if the echo tells which of the times is answered (RFC 7323 §4).
    fn rtt_by_timestamp(&self, now: Instant, segment: &Segment) -> Option<Duration> {
        let timestamps = segment.options.timestamps.filter(|_| self.negotiated.timestamps)?;
        self.clock().elapsed(now, timestamps.ecr)
    }

    /// RFC 6298 §2, §5.5's remark: a valid sample also ends the backoff.
    pub(super) fn take_rtt_sample<O: Observer>(&mut self, cx: &mut Cx<'_, O>, rtt: Duration) {
        let (una, nxt) = (self.snd.una(), self.snd.nxt());
        self.snd.rtt.on_sample(cx.now, rtt, una, nxt);
        self.snd.backoff = 0;
        let (srtt, rto) = (self.snd.rtt.srtt().unwrap_or(rtt), self.snd.rto());
        cx.emit(|| Event::RttSample { rtt, srtt, rto });
    }

    /// RFC 6298 §5.2, §5.3: stopped when nothing is in flight, restarted whenever something new is acknowledged: a segment as
    /// a whole (as Linux), not a part of one; or sacked that left before the first outstanding one did. RACK's timer goes first.
    fn set_send_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, acked: &Acked, verdict: &AckVerdict) {
        if self.request().is_some() {
            // It is the SYN-ACK's.
        } else if self.snd.records.is_empty() {
            self.stop_send_timer();
        } else if verdict.reneging {
            // Linux's `tcp_check_sack_reneging`: half a round trip, for ACKs that may still put it right.
            let wait = (self.snd.rtt.srtt().unwrap_or_default() / 2).max(RENEGING_WAIT);
            self.timers.restart(cx, Timer::Rto, wait);
        } else if let Some(wait) = verdict.wait {
            self.start_reordering_timer(cx, wait);
        } else if acked.acked_segments > 0 || self.sacked_before_first(cx.now, acked) {
            self.restart_send_timer(cx);
        }
    }

    /// The SACK blocks tell of what left before the first outstanding segment did (last).
    fn sacked_before_first(&self, now: Instant, acked: &Acked) -> bool {
        let first = self.snd.records.first().map(|record| now.since(record.sent_at()));
        first.is_some_and(|since| acked.sacked_rtt().is_some_and(|rtt| rtt > since))
    }

    /// Our FIN is acknowledged: FIN-WAIT-2, TIME-WAIT, or the end (RFC 9293 §3.10.7.4, fifth check, state by state).
    fn advance_state<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if self.halves.send() != SendHalf::FinSent || !self.snd.records.is_empty() {
            return;
        }
        self.change(cx, |halves| halves.fin_acked());
        // Who lingers in closing waits for this (Linux: sk_state_change).
        self.woke |= Readiness::WRITABLE;
        match self.state() {
            TcpState::Closed => self.end(cx, None),
            // Nobody is left to wait for the peer's FIN, and no time for it (as Linux).
            TcpState::FinWait2 if self.app.gone && self.config.fin_timeout.is_zero() => {
                cx.count(Counter::TcpExtTCPAbortOnData);
                self.due.reset = Some(Reset { seq: self.snd.nxt(), with_ack: false, why: TxReason::ResetAbort });
                self.end(cx, None);
            }
            _ => {}
        }
    }
}
