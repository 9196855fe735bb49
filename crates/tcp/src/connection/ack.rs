//! Fifth check, the rest: what an acceptable ACK does (RFC 9293 §3.10.7.4; RFC 5681, 6298, 6582, 7323 §4).

use super::halves::SendHalf;
use super::stats::Busy;
use super::{Connection, Reset};
use crate::congestion::{AckSample, Controller, LossSample};
use crate::recovery::{AckInput, AckVerdict, Phase};
use crate::send::Acked;
use crate::{Cx, Readiness};
use core::time::Duration;
use limpid_event::{CongestionReason, Counter, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::{Segment, TcpFlags};

impl Connection {
    /// SYN-RECEIVED, and our SYN is acknowledged: ESTABLISHED.
    pub(super) fn our_syn_is_acked<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        self.change(cx, |halves| halves.ack_syn());
        self.timers.stop(Timer::ConnectDeadline);
        self.due.syn_ack = None;
        // As Linux: what the SYN-ACK went through tells nothing of data; the timeout starts anew.
        self.snd.rtt.on_syn_loss();
        self.snd.backoff = 0;
        self.just_established = true;
        self.woke |= Readiness::WRITABLE;
        self.start_keepalive(cx);
    }

    /// The ACK field and SACK blocks of a segment that passed all checks.
    pub(super) fn process_ack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        self.probes_out = 0;
        self.snd.push_due = true;
        let duplicate = self.is_duplicate_ack(segment);
        self.update_send_window(cx, segment);
        let prior_in_flight = self.snd.in_flight();
        let prior_dup_acks = self.snd.recovery.dup_acks();
        let blocks = if self.negotiated.sack { segment.options.sack.as_slice() } else { &[] };
        let mut acked = self.snd.records.on_ack(segment.ack, blocks, cx.now);
        if !self.negotiated.sack && acked.acked_segments > 0 {
            // The hole was one segment; the rest was counted as duplicate ACKs came.
            acked.delivered_segments = acked.acked_segments.saturating_sub(prior_dup_acks).max(1);
        }
        if acked.dsack.is_some() {
            self.stats.on_dsack();
        }
        if acked.acked > 0 {
            self.on_progress(cx, segment, &acked);
        }
        let input = AckInput { acked: &acked, duplicate, sack: self.negotiated.sack, mss: u32::from(self.snd.mss) };
        let was_recovering = self.is_recovering();
        let verdict = self.snd.recovery.on_ack(&mut self.snd.records, input);
        if was_recovering && !self.is_recovering() {
            cx.emit(|| Event::Recovery { begin: false });
        }
        self.tell_controller(cx, verdict, &acked, prior_in_flight);
        self.rearm_rto(cx, acked.acked_segments > 0);
        if self.snd.recovery.phase() == Phase::Open {
            self.snd.retransmitting_since = Instant::MAX;
        }
        self.tell_of_flight(cx);
        self.advance_state(cx);
    }

    /// For whoever draws the window and what is in it.
    pub(super) fn tell_of_flight<O: Observer>(&self, cx: &mut Cx<'_, O>) {
        let snd = &self.snd;
        let bytes = |segments: u32| segments.saturating_mul(u32::from(snd.mss));
        cx.emit(|| Event::Flight {
            in_flight: bytes(snd.in_flight()),
            cwnd: bytes(snd.cwnd()),
            pacing_rate: snd.congestion.pacing_rate(),
        });
    }

    fn is_recovering(&self) -> bool {
        matches!(self.snd.recovery.phase(), Phase::Recovery | Phase::Loss)
    }

    /// RFC 5681 §2. With SACK it is the blocks that count, so the window does not matter; without, a window that is not believed
    /// does not, either (as Linux).
    fn is_duplicate_ack(&self, segment: &Segment) -> bool {
        segment.ack == self.snd.una()
            && !self.snd.records.is_empty()
            && segment.payload.is_empty()
            && !segment.flags.intersects(TcpFlags::SYN | TcpFlags::FIN)
            && (self.negotiated.sack || !self.may_update_window(segment))
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

    fn update_send_window<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) {
        if self.may_update_window(segment) {
            self.snd.wl1 = segment.seq;
            self.snd.wnd = self.window_of(segment);
            self.snd.max_wnd = self.snd.max_wnd.max(self.snd.wnd);
        }
        if self.timers.runs(Timer::Persist) {
            self.probe_is_answered(cx);
        }
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
    fn on_progress<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment, acked: &Acked) {
        let una = self.snd.una();
        let freed = self.snd.queue.ack_to(cx.pool, una);
        self.snd.bytes_acked += freed as u64;
        self.watch_acked(cx);
        self.app.soft_error = None;
        self.snd.retransmits = 0;
        self.stats.on_progress(cx.now);
        if self.snd.records.is_empty() {
            self.chrono_stop(cx.now, Busy::Sending);
        }
        if self.snd.up.before_eq(una) {
            self.snd.up = una;
        }
        let by_echo = || self.rtt_by_timestamp(cx.now, segment).filter(|_| acked.acked_segments > 0);
        if let Some(rtt) = acked.rtt().or_else(by_echo) {
            self.take_rtt_sample(cx, rtt);
        }
        self.tell_of_room();
        if !self.app.wants_room {
            self.chrono_stop(cx.now, Busy::SendBuffer);
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

    fn tell_controller<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        verdict: AckVerdict,
        acked: &Acked,
        prior_in_flight: u32,
    ) {
        let before = (self.snd.cwnd(), self.snd.congestion.ssthresh());
        let mss = u32::from(self.snd.mss);
        if verdict.entered {
            cx.count(if self.negotiated.sack {
                Counter::TcpExtTCPSackRecovery
            } else {
                Counter::TcpExtTCPRenoRecovery
            });
            cx.emit(|| Event::Recovery { begin: true });
            self.snd.congestion.on_loss(&LossSample::new(cx.now, prior_in_flight, mss));
        }
        if verdict.recovered {
            let in_flight = self.snd.in_flight();
            self.snd.congestion.on_recovered(&LossSample::new(cx.now, in_flight, mss));
        }
        if acked.delivered > 0 {
            cx.counters.add(Counter::TcpExtTCPDelivered, u64::from(acked.delivered_segments));
            self.stats.on_delivered(acked.delivered_segments);
            self.snd.delivered.delivered += u64::from(acked.delivered);
            self.snd.delivered.delivered_at = cx.now;
            let sample = self.ack_sample(cx.now, acked, prior_in_flight);
            self.snd.congestion.on_ack(&sample);
        }
        let why = match (verdict.entered, verdict.recovered) {
            (true, _) => CongestionReason::Loss,
            (_, true) => CongestionReason::Recovered,
            _ if before.0 < before.1 => CongestionReason::SlowStart,
            _ => CongestionReason::CongestionAvoidance,
        };
        self.tell_of_window(cx, before, why);
    }

    /// The path is congested, though nothing is lost: the window is reduced, once for each window of data (RFC 3168 §6.1.2; Linux's
    /// `tcp_enter_cwr`). `why` is for those who watch. True if a reduction begins.
    pub(super) fn enter_cwr<O: Observer>(&mut self, cx: &mut Cx<'_, O>, why: CongestionReason) -> bool {
        let before = (self.snd.cwnd(), self.snd.congestion.ssthresh());
        let sample = LossSample::new(cx.now, self.snd.in_flight(), u32::from(self.snd.mss));
        let begins = self.snd.recovery.enter_cwr(&self.snd.records);
        if begins {
            self.snd.congestion.on_loss(&sample);
            self.tell_of_window(cx, before, why);
        }
        begins
    }

    /// The host's own queue had no room for what this connection sent: as if the path had said so (Linux's local congestion).
    pub fn handle_local_congestion<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        self.enter_cwr(cx, CongestionReason::LocalCongestion);
    }

    fn ack_sample(&self, now: Instant, acked: &Acked, prior_in_flight: u32) -> AckSample {
        let snd = &self.snd;
        AckSample {
            delivered: acked.delivered_segments,
            prior_in_flight,
            in_flight: snd.in_flight(),
            rtt: acked.newest_rtt(),
            srtt: snd.rtt.srtt(),
            min_rtt: snd.rtt.min(),
            cwnd_limited: snd.usage.is_limited(snd.cwnd(), snd.congestion.ssthresh()),
            in_recovery: snd.recovery.is_reducing(),
            ..AckSample::new(now, acked.acked_segments, u32::from(snd.mss))
        }
    }

    fn tell_of_window<O: Observer>(&self, cx: &mut Cx<'_, O>, before: (u32, u32), why: CongestionReason) {
        let (cwnd, ssthresh) = (self.snd.cwnd(), self.snd.congestion.ssthresh());
        if (cwnd, ssthresh) != before {
            let bytes = |segments: u32| segments.saturating_mul(u32::from(self.snd.mss));
            cx.emit(|| Event::Congestion { cwnd: bytes(cwnd), ssthresh: bytes(ssthresh), why });
        }
    }

    /// RFC 6298 §5.2, §5.3: stopped when nothing is in flight, restarted whenever something new is acknowledged: a segment as
    /// a whole (as Linux), not a part of one.
    fn rearm_rto<O: Observer>(&mut self, cx: &mut Cx<'_, O>, progress: bool) {
        if self.snd.records.is_empty() {
            self.timers.stop(Timer::Rto);
        } else if progress {
            self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
        }
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

    /// RFC 6298 §5.4: everything in flight counts as lost; the first of it goes again.
    pub(super) fn on_rto<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if !self.halves.syn_acked() {
            self.due.syn_ack = Some(TxReason::SynAckRetransmit);
            return;
        }
        let before = (self.snd.cwnd(), self.snd.congestion.ssthresh());
        let (in_flight, mss) = (self.snd.in_flight(), u32::from(self.snd.mss));
        let was_recovering = self.is_recovering();
        let again = self.snd.recovery.on_rto(&mut self.snd.records, self.snd.retransmits > 0);
        self.snd.congestion.on_rto(&LossSample::new(cx.now, in_flight, mss), again);
        if !was_recovering {
            cx.emit(|| Event::Recovery { begin: true });
        }
        self.tell_of_window(cx, before, CongestionReason::Rto);
        self.tell_of_flight(cx);
    }
}
