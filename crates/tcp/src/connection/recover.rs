//! What recovery's verdicts mean for the connection: the controller hears of them, they are counted, and those who watch are
//! told why the window changed (RFC 5681 §3.2, RFC 6582, RFC 6298 §5.4, RFC 9937, RFC 4015).

use super::Connection;
use super::snd::Snd;
use crate::Cx;
use crate::congestion::{AckSample, Controller, LossSample};
use crate::delivery::Delivering;
use crate::recovery::{AckInput, AckVerdict, Echo, Phase, Undoing};
use crate::send::{Acked, more};
use limpid_event::{CongestionReason, Counter, Event, Instant, Observer, RecoveryReason, UndoReason};
use limpid_wire::Segment;

/// How sending stood before an ACK or a timeout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// The congestion window and its threshold, segments.
    cwnd: u32,
    ssthresh: u32,
    /// Segments in flight.
    in_flight: u32,
    /// Segments lost so far,
    lost_so_far: u32,
    /// and retransmissions that ever counted as lost.
    ever_lost_again: u32,
    /// The ACK says that our packets met congestion: so many segments.
    pub(super) ce: Option<u32>,
}

impl Before {
    pub(super) fn new(snd: &Snd) -> Before {
        Before {
            cwnd: snd.cwnd(),
            ssthresh: snd.congestion.ssthresh(),
            in_flight: snd.in_flight(),
            lost_so_far: snd.records.lost_so_far(),
            ever_lost_again: snd.records.ever_lost_again(),
            ce: None,
        }
    }

    /// What arrived shows that less was lost: not what is found lost from here on.
    pub(super) fn on_arrivals(&mut self, snd: &Snd) {
        self.lost_so_far = snd.records.lost_so_far();
    }

    /// Segments in flight.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }
}

impl Connection {
    /// The ACK goes through the state machine.
    pub(super) fn recover<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        segment: &Segment,
        acked: &Acked,
        duplicate: bool,
        before: &Before,
    ) -> AckVerdict {
        let input = AckInput {
            acked,
            duplicate: duplicate && acked.dsack.is_none() && acked.acked == 0,
            sack: self.negotiated.sack,
            ece: before.ce.is_some(),
            mtu_probe: self.is_probe_first(),
            echo: self.echo(segment),
            detect: self.detect_input(),
            may_send_new: self.has_unsent() && self.snd.right_edge().after(self.snd.nxt()),
            loss: LossSample::new(cx.now, before.in_flight, u32::from(self.snd.mss)),
        };
        let snd = &mut self.snd;
        let was_reducing = snd.recovery.is_reducing();
        let verdict = snd.recovery.on_ack(&mut snd.records, &mut snd.congestion, &input);
        if verdict.undone.is_some() {
            self.ecn.on_undone();
        } else if verdict.begun == Some(RecoveryReason::Ecn) || (verdict.begun.is_some() && !was_reducing) {
            self.ecn.on_reduced();
        }
        if verdict.mtu_probe_lost {
            self.mtu_probe_is_lost(cx);
        }
        self.tell_of_recovery(cx, &verdict, before);
        verdict
    }

    pub(super) fn echo(&self, segment: &Segment) -> Option<Echo> {
        let timestamps = segment.options.timestamps.filter(|_| self.negotiated.timestamps)?;
        Echo::new(timestamps.ecr, self.clock())
    }

    fn tell_of_recovery<O: Observer>(&mut self, cx: &mut Cx<'_, O>, verdict: &AckVerdict, before: &Before) {
        if verdict.reordered {
            cx.count(Counter::TcpExtTCPRenoReorder);
        }
        if verdict.reordered_by_time {
            cx.count(Counter::TcpExtTCPTSReorder);
        }
        self.count_lost(cx, before);
        if let Some(undone) = verdict.undone {
            cx.count(match undone.what {
                Undoing::Full => Counter::TcpExtTCPFullUndo,
                Undoing::Partial => Counter::TcpExtTCPPartialUndo,
                Undoing::Loss => Counter::TcpExtTCPLossUndo,
                Undoing::Dsack => Counter::TcpExtTCPDSACKUndo,
            });
            if undone.how == UndoReason::Frto {
                cx.count(Counter::TcpExtTCPSpuriousRTOs);
            }
            if undone.what == Undoing::Loss {
                self.snd.retransmits = 0;
            }
            cx.emit(|| Event::Undone { how: undone.how });
        }
        if verdict.left_loss {
            self.stats.on_loss_left(cx.now);
        }
        if verdict.ended {
            cx.emit(|| Event::RecoveryEnded);
        }
        let why = match verdict.begun {
            Some(RecoveryReason::Ecn) => Some(CongestionReason::Ecn),
            Some(_) => Some(CongestionReason::Loss),
            None if verdict.undone.is_some() => Some(CongestionReason::Undo),
            None if verdict.ended => Some(CongestionReason::Recovered),
            None => None,
        };
        if let Some(begun) = verdict.begun {
            self.count_recovery(cx, begun);
            cx.emit(|| Event::RecoveryBegan { why: begun });
        }
        if let Some(why) = why {
            self.snd.usage.on_considered(cx.now);
            self.tell_of_window(cx, before, why);
        }
    }

    /// What was lost that had been sent again.
    pub(super) fn count_lost<O: Observer>(&self, cx: &mut Cx<'_, O>, before: &Before) {
        let again = self.snd.records.ever_lost_again().wrapping_sub(before.ever_lost_again);
        cx.counters.add(Counter::TcpExtTCPLostRetransmit, again.into());
    }

    /// The window was reduced because of a loss.
    pub(super) fn tell_of_loss<O: Observer>(&self, cx: &mut Cx<'_, O>, before: &Before) {
        self.tell_of_window(cx, before, CongestionReason::Loss);
    }

    fn count_recovery<O: Observer>(&self, cx: &mut Cx<'_, O>, why: RecoveryReason) {
        match why {
            RecoveryReason::DuplicateAcks => cx.count(Counter::TcpExtTCPRenoRecovery),
            RecoveryReason::Sack => cx.count(Counter::TcpExtTCPSackRecovery),
            _ => {}
        }
    }

    /// So many segments were delivered by an ACK that is no sample.
    pub(super) fn count_delivered<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segments: u32) {
        cx.counters.add(Counter::TcpExtTCPDelivered, u64::from(segments));
        self.snd.delivery.on_old_ack(cx.now, segments);
    }

    /// What an ACK says of the window: recovery's while it reduces it, else the controller's.
    pub(super) fn tell_controller<O: Observer>(&mut self, cx: &mut Cx<'_, O>, acked: &Acked, before: &Before) {
        let now = Before::new(&self.snd);
        if acked.delivered_segments == 0 {
            return;
        }
        cx.counters.add(Counter::TcpExtTCPDelivered, u64::from(acked.delivered_segments));
        let lost = more(now.lost_so_far, before.lost_so_far);
        let snd = &mut self.snd;
        snd.recovery.reduce(&snd.records, &snd.congestion, acked.delivered_segments, lost, acked.acked > 0);
        let sample = self.ack_sample(cx.now, acked, before);
        let phase = self.snd.congestion.phase();
        self.snd.congestion.on_ack(&sample);
        if acked.acked_segments > 0 && !self.snd.recovery.is_reducing() {
            self.snd.usage.on_considered(cx.now);
        }
        if self.snd.congestion.sends_less() {
            self.snd.delivery.limit(sample.in_flight);
        }
        self.tell_of_phase(cx, phase);
        self.tell_of_window(
            cx,
            &now,
            match () {
                _ if phase.is_some() => CongestionReason::Model,
                _ if self.snd.recovery.is_reducing() => CongestionReason::Prr,
                _ if now.cwnd < now.ssthresh => CongestionReason::SlowStart,
                _ => CongestionReason::CongestionAvoidance,
            },
        );
    }

    fn ack_sample(&mut self, now: Instant, acked: &Acked, before: &Before) -> AckSample {
        let mss = self.snd.cut_mss(self.header_len(), 0);
        let burst = self.burst_segments(mss);
        let snd = &mut self.snd;
        let rate = snd.delivery.on_ack(Delivering {
            now,
            segments: acked.delivered_segments,
            ce: before.ce.unwrap_or(0),
            newest: acked.newest.as_ref(),
            lost: snd.records.lost_so_far(),
            min_rtt: snd.rtt.min(),
        });
        AckSample {
            rate,
            burst,
            losses: snd.records.take_losses(),
            selective: self.negotiated.sack,
            pacing_rate: snd.pacing_rate(&self.config),
            paced: snd.is_paced(&self.config),
            cwnd_full: snd.usage.was_full(),
            recovery: snd.recovery.phase(),
            overtaken: snd.recovery.reordering().degree() > self.config.reordering.into(),
            delivered: acked.delivered_segments,
            prior_in_flight: before.in_flight,
            in_flight: snd.in_flight(),
            rtt: acked.newest_rtt(),
            srtt: snd.rtt.srtt(),
            min_rtt: snd.rtt.min(),
            cwnd_limited: snd.usage.is_limited(snd.cwnd(), snd.congestion.ssthresh()),
            in_recovery: snd.recovery.is_reducing(),
            ece: before.ce.is_some(),
            ce: before.ce.unwrap_or(0),
            ..AckSample::new(now, acked.acked_segments, mss)
        }
    }

    pub(super) fn tell_of_window<O: Observer>(&self, cx: &mut Cx<'_, O>, before: &Before, why: CongestionReason) {
        let (cwnd, ssthresh) = (self.snd.cwnd(), self.snd.congestion.ssthresh());
        if (cwnd, ssthresh) != (before.cwnd, before.ssthresh) {
            let bytes = |segments: u32| segments.saturating_mul(u32::from(self.snd.mss));
            cx.emit(|| Event::Congestion { cwnd: bytes(cwnd), ssthresh: bytes(ssthresh), why });
        }
    }

    /// Tells of a controller's phase, if it is another than before.
    fn tell_of_phase<O: Observer>(&self, cx: &mut Cx<'_, O>, before: Option<&'static str>) {
        if let Some(phase) = self.snd.congestion.phase().filter(|phase| before != Some(phase)) {
            cx.emit(|| Event::ControllerPhase { phase });
        }
    }

    /// For whoever draws the window and what is in it.
    pub(super) fn tell_of_flight<O: Observer>(&self, cx: &mut Cx<'_, O>) {
        let snd = &self.snd;
        let bytes = |segments: u32| segments.saturating_mul(u32::from(snd.mss));
        cx.emit(|| Event::Flight {
            in_flight: bytes(snd.in_flight()),
            cwnd: bytes(snd.cwnd()),
            pacing_rate: snd.is_paced(&self.config).then(|| snd.pacing_rate(&self.config)),
        });
    }

    /// RFC 6298 §5.4: everything in flight counts as lost; the first of it goes again.
    pub(super) fn on_rto<O: Observer>(&mut self, cx: &mut Cx<'_, O>, repeated: bool) {
        let before = Before::new(&self.snd);
        let loss = LossSample::new(cx.now, before.in_flight, u32::from(self.snd.mss));
        let phase = self.snd.recovery.phase();
        let snd = &mut self.snd;
        let reordering = self.config.reordering.into();
        let reneged =
            snd.recovery.on_rto(&mut snd.records, &mut snd.congestion, loss, repeated, self.config.frto, reordering);
        snd.usage.on_considered(cx.now);
        self.ecn.on_reduced();
        if reneged {
            cx.count(Counter::TcpExtTCPSACKReneging);
        }
        if phase != Phase::Loss {
            let why = if reneged { RecoveryReason::Reneging } else { RecoveryReason::Rto };
            cx.emit(|| Event::RecoveryBegan { why });
        }
        self.count_lost(cx, &before);
        self.tell_of_window(cx, &before, CongestionReason::Rto);
        self.tell_of_flight(cx);
    }

    /// The first timeout in a row: what went on when it came (Linux's counters of failed recoveries).
    pub(super) fn count_failure<O: Observer>(&self, cx: &mut Cx<'_, O>) {
        let sack = self.negotiated.sack;
        let out_of_order = if sack { self.snd.records.sacked() } else { self.snd.recovery.reno_sacked() };
        cx.count(match (self.snd.recovery.phase(), sack) {
            (Phase::Recovery, true) => Counter::TcpExtTCPSackRecoveryFail,
            (Phase::Recovery, false) => Counter::TcpExtTCPRenoRecoveryFail,
            (Phase::Loss, _) => Counter::TcpExtTCPLossFailures,
            (phase, true) if phase == Phase::Disorder || out_of_order > 0 => Counter::TcpExtTCPSackFailures,
            (phase, false) if phase == Phase::Disorder || out_of_order > 0 => Counter::TcpExtTCPRenoFailures,
            _ => return,
        });
    }
}
