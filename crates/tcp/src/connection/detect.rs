//! Loss detection's timers and probes (RFC 8985 §6.3, §7): which of the three timers of what is in flight runs, the
//! reordering timer, and the tail loss probe (Linux's `tcp_rearm_rto`, `tcp_schedule_loss_probe`, `tcp_send_loss_probe`).

use super::Connection;
use super::halves::SendHalf;
use super::recover::Before;
use super::segmentation::Burst;
use crate::Cx;
use crate::congestion::LossSample;
use crate::recovery::tlp::{ProbeAck, probe_timeout, reordering_timeout};
use crate::recovery::{DetectInput, Phase};
use crate::send::{Acked, NagleMode, Record};
use core::time::Duration;
use limpid_event::{Counter, Event, Instant, Observer, RecoveryReason, Timer, TxReason};
use limpid_wire::tcp::SackBlock;
use limpid_wire::{Segment, SeqNum};

/// A timer waits at least so long.
const LEAST: Duration = Duration::from_micros(1);

impl Connection {
    pub(super) fn detect_input(&self) -> DetectInput {
        DetectInput { min_rtt: self.snd.rtt.min(), srtt: self.snd.rtt.srtt(), ..DetectInput::new(&self.config) }
    }

    /// Notes in the records what the segment acknowledges, and what that tells of losses and of reordering.
    pub(super) fn take_blocks<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> Acked {
        let sack = self.negotiated.sack;
        let blocks = if sack { segment.options.sack.as_slice() } else { &[] };
        if self.config.path_mtu_second_look {
            self.note_arrived(segment.ack);
        }
        let (now, input, echo) = (cx.now, self.detect_input(), self.echo(segment));
        let snd = &mut self.snd;
        let highest = if snd.records.sacked() > 0 { snd.records.highest_sacked() } else { snd.una() };
        let (records, recovery) = (&mut snd.records, &mut snd.recovery);
        // Whether it is an older transmission that arrived, as the echo tells.
        let is_original = |record: &Record, by_sack: bool| {
            !by_sack && record.retransmissions() > 0 && echo.is_some_and(|echo| echo.is_before(record.sent_at()))
        };
        let mut spared = 0;
        let mut acked = records.on_ack_telling(segment.ack, blocks, now, |record, by_sack| {
            let mut late = record.is_waiting();
            if sack {
                late |= is_original(record, by_sack) || !recovery.on_delivered(record, now, input.min_rtt);
            }
            if late && record.is_lost() {
                spared += record.segments();
            }
        });
        records.spare(spared);
        acked.dsack = acked.dsack.filter(|block| self.heed_dsack(cx, *block, segment.ack));
        acked.delivered_segments += acked.dsack.map_or(0, |block| self.duplicate_segments(block));
        let mss = u32::from(self.snd.mss);
        if sack {
            let snd = &mut self.snd;
            let times = snd.recovery.measure_reordering(&snd.records, &acked, highest, mss, &input);
            cx.counters.add(Counter::TcpExtTCPSACKReorder, times.into());
            if let Some(newest) = &acked.newest {
                let delivered = snd.delivery.delivered().wrapping_add(acked.delivered_segments);
                snd.records.note_delivered(delivered);
                snd.recovery.widen_window(newest.snapshot.delivered, delivered, &input);
            }
        }
        acked
    }

    /// Counts a D-SACK. False if it can't be honest: of more than the window, or of more than was sent again (Linux's
    /// `tcp_dsack_seen`; RFC 8985 §9, RFC 2883 §5).
    fn heed_dsack<O: Observer>(&mut self, cx: &mut Cx<'_, O>, block: SackBlock, ack: SeqNum) -> bool {
        let old = block.left().before(ack);
        cx.count(if old { Counter::TcpExtTCPDSACKRecv } else { Counter::TcpExtTCPDSACKOfoRecv });
        let len = block.right() - block.left();
        let segments = self.duplicate_segments(block);
        let credible = len <= self.snd.max_wnd && {
            self.stats.on_dsack(segments);
            self.stats.dsack_dups() <= self.snd.total_retrans
        };
        if !credible {
            cx.count(Counter::TcpExtTCPDSACKIgnoredDubious);
            return false;
        }
        cx.counters.add(Counter::TcpExtTCPDSACKRecvSegs, segments.into());
        let of_probe = segments == 1 && self.snd.recovery.tlp().is_probe_end(block.right());
        self.snd.recovery.on_dsack(of_probe);
        true
    }

    fn duplicate_segments(&self, block: SackBlock) -> u32 {
        (block.right() - block.left()).div_ceil(u32::from(self.snd.mss).max(1))
    }

    /// An ACK came that may end the episode of a probe; `moved` says that it moved the peer's window.
    pub(super) fn end_probe<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        segment: &Segment,
        acked: &Acked,
        moved: bool,
        before: &Before,
    ) {
        if !self.snd.recovery.tlp().is_out() {
            return;
        }
        let mss = u32::from(self.snd.mss);
        let probe_end = |block: SackBlock| block.right() - block.left() <= mss;
        let input = ProbeAck {
            duplicate_probe: acked
                .dsack
                .is_some_and(|block| probe_end(block) && self.snd.recovery.tlp().is_probe_end(block.right())),
            news: moved || acked.acked > 0 || !segment.payload.is_empty(),
            sacked: acked.sacked > 0,
        };
        let loss = LossSample::new(cx.now, before.in_flight(), mss);
        let snd = &mut self.snd;
        if snd.recovery.on_probe_ack(&snd.records, &mut snd.congestion, segment.ack, input, &loss) {
            self.ecn.on_reduced();
            cx.count(Counter::TcpExtTCPLossProbeRecovery);
            cx.emit(|| Event::RecoveryBegan { why: RecoveryReason::TailLoss });
            cx.emit(|| Event::RecoveryEnded);
            self.tell_of_loss(cx, before);
        }
    }

    /// What is in flight is watched by one timer: after an ACK with news, the one for probes, or for retransmission, begins anew.
    pub(super) fn restart_send_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if !self.schedule_probe(cx, true) {
            self.rearm_rto(cx);
        }
    }

    /// Nothing is in flight any more.
    pub(super) fn stop_send_timer(&mut self) {
        for timer in [Timer::Rto, Timer::Tlp, Timer::Reorder] {
            self.timers.stop(timer);
        }
    }

    /// RACK wants to wait for `wait`.
    pub(super) fn start_reordering_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, wait: Duration) {
        let wait = self.snd.rtt.bounded(reordering_timeout(wait));
        self.timers.restart(cx, Timer::Reorder, wait);
    }

    /// The retransmission timer takes the place of the others: what has passed since the first left counts then. Where a SYN-ACK
    /// waits for its answer it is that one's, and stays.
    pub(super) fn rearm_rto<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if self.request().is_some() {
            return;
        }
        if self.snd.records.is_empty() {
            return self.stop_send_timer();
        }
        let early = self.timers.runs(Timer::Tlp) || self.timers.runs(Timer::Reorder);
        let wait = if early { self.rto_left(cx.now).max(LEAST) } else { self.snd.backed_off_rto() };
        self.timers.restart(cx, Timer::Rto, wait);
    }

    /// How far away the timeout of the first outstanding is.
    fn rto_left(&self, now: Instant) -> Duration {
        let rto = self.snd.backed_off_rto();
        let left = self.snd.records.first().map_or(rto, |first| (first.sent_at() + rto).since(now));
        // As Linux, in its ticks.
        Duration::from_millis((left.as_micros() as u64).div_ceil(1000))
    }

    /// Starts the timer for a probe, unless something is known to be wrong already. `anew` says that the timeout would begin anew
    /// now.
    pub(super) fn schedule_probe<O: Observer>(&mut self, cx: &mut Cx<'_, O>, anew: bool) -> bool {
        let calm = matches!(self.snd.recovery.phase(), Phase::Open | Phase::Cwr);
        let useful = self.config.tail_loss_probe && self.negotiated.sack && self.halves.syn_acked();
        if !calm || !useful || self.snd.records.is_empty() {
            return false;
        }
        let rto = if anew { self.snd.backed_off_rto() } else { self.rto_left(cx.now) };
        let single = self.snd.records.segments_out() == 1;
        let wait = probe_timeout(self.snd.rtt.srtt(), single, self.config.rto_min, Some(rto));
        self.timers.restart(cx, Timer::Tlp, self.snd.rtt.bounded(wait));
        true
    }

    /// New data left; `first` of all that is outstanding.
    pub(super) fn on_new_sent<O: Observer>(&mut self, cx: &mut Cx<'_, O>, first: bool) {
        let watched = self.timers.runs(Timer::Rto) || self.timers.runs(Timer::Reorder);
        if first || !watched {
            self.rearm_rto(cx);
        }
        self.schedule_probe(cx, false);
    }

    /// The reordering timer ran out: what is late by now is lost (RFC 8985 §6.3).
    pub(super) fn reordering_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.emit(|| Event::TimerFired { timer: Timer::Reorder, nth: 1 });
        let before = Before::new(&self.snd);
        let loss = LossSample::new(cx.now, before.in_flight(), u32::from(self.snd.mss));
        let input = self.detect_input();
        let snd = &mut self.snd;
        let was_reducing = snd.recovery.is_reducing();
        if snd.recovery.on_reordering_timeout(&mut snd.records, &mut snd.congestion, &input, &loss) {
            if !was_reducing {
                self.ecn.on_reduced();
            }
            cx.count(Counter::TcpExtTCPSackRecovery);
            cx.emit(|| Event::RecoveryBegan { why: RecoveryReason::Sack });
            self.tell_of_loss(cx, &before);
        }
        self.count_lost(cx, &before);
        // It has just ended, but for Linux it is the one that runs.
        self.timers.postpone(Timer::Reorder, cx.now);
        self.rearm_rto(cx);
        self.tell_of_flight(cx);
    }

    /// No ACK came for two round trips (RFC 8985 §7.3): new data goes if there is some that the peer's window lets go, else the
    /// last segment again.
    pub(super) fn probe_tail<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.emit(|| Event::TimerFired { timer: Timer::Tlp, nth: 1 });
        self.timers.postpone(Timer::Tlp, cx.now);
        let free = !self.snd.recovery.tlp().is_out() && self.snd.bursts.is_empty();
        let burst = if free { self.cut_probe_of_tail(cx) } else { None };
        if let Some(burst) = burst {
            self.snd.recovery.tlp().on_sent(self.snd.records.snd_nxt(), burst.why == TxReason::TailLossProbe);
            cx.count(Counter::TcpExtTCPLossProbes);
            self.snd.bursts.push_back(burst);
            self.stop_send_timer();
        }
        self.rearm_rto(cx);
    }

    fn cut_probe_of_tail<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Burst> {
        let mss = self.current_mss();
        let pieces = &self.snd.queue.pieces;
        let fin = self.halves.send() == SendHalf::FinQueued;
        if pieces.is_empty() && !fin {
            return self.cut_last_again(cx, mss);
        }
        let first = pieces.first_len().unwrap_or(0);
        let alone = fin && pieces.count() <= 1 && first <= mss;
        let first_end = self.snd.nxt() + first.min(mss) + u32::from(alone);
        if first_end.after(self.snd.right_edge()) {
            return self.cut_last_again(cx, mss);
        }
        self.snd.write_mode = Some(NagleMode::OFF);
        let len = self.choose_probe(mss)?;
        Some(self.send_new(cx, mss, len, Some(TxReason::TailLossProbeOfNew)))
    }

    /// The last segment of what is outstanding, if the peer's window still takes it.
    fn cut_last_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>, mss: u32) -> Option<Burst> {
        let last = *self.snd.records.last()?;
        let before = last.segments().saturating_sub(1) * mss;
        let start = if before < last.data_len() { last.start() + before } else { last.start() };
        let room = match u32::try_from(self.snd.right_edge().offset_from(start)) {
            Ok(room @ 1..) => room,
            _ if start == self.snd.una() => mss,
            _ => return None,
        };
        let len = (last.end() - start).min(mss + u32::from(last.has_fin()));
        let end = self.end_again(start, start + len, room, mss);
        let nth = self.snd.on_probe(start, end, cx.now, mss as u16);
        let record = self.snd.records.get(start)?;
        let (fin, end, push) = (record.has_fin(), start + record.data_len(), record.pushes());
        let retransmission = nth.min(u32::from(u8::MAX)) as u8;
        Some(Burst { seq: start, end, mss: mss as u16, push, fin, why: TxReason::TailLossProbe, retransmission })
    }
}
