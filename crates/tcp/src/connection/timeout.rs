//! What happens when a timer runs out (RFC 9293 §3.8, §3.10.8; RFC 6298 §5; RFC 5482; RFC 6069), and when a connection is given up.
//!
//! Giving up is by time, as on Linux: after as long as `retries2` retransmissions would take that began at the least
//! timeout (200 ms), however long the timeouts really are. 15 of them are 924.6 s (RFC 9293 §3.8.3's R2 is "at least
//! 100 s"). A user timeout takes the place of that; the last wait before it is cut short so that it is met exactly.

use super::Connection;
use super::halves::SendHalf;
use crate::congestion::{Controller, SSTHRESH_UNKNOWN};
use crate::recovery::Rto;
use crate::user_timeout;
use crate::{Config, Cx, KeepAlive, Outcome};
use core::time::Duration;
use limpid_event::{Counter, Error, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::SeqNum;

/// Retransmissions granted to an orphan where [`orphan_retries`](crate::Config::orphan_retries) is 0, as long as its timeout
/// has not reached the largest (Linux).
const ORPHAN_RETRIES: u8 = 8;

/// So many timeouts in a row are linear, and so many segments are not thin any more (Linux's TCP_THIN_LINEAR_RETRIES and
/// `tcp_stream_is_thin`).
const THIN_LINEAR_RETRIES: u8 = 6;
const THIN_SEGMENTS: u32 = 4;

/// The least time that keepalive waits: a timer that waits for none would run out for ever.
const KEEPALIVE_MIN: Duration = Duration::from_millis(1);

/// The least wait of a retransmission timer that a user timeout has cut short.
const USER_TIMEOUT_RETRANSMIT_MIN: Duration = Duration::from_millis(1);

/// The same of a probe timer (Linux's TCP_TIMEOUT_MIN).
const USER_TIMEOUT_PROBE_MIN: Duration = Duration::from_millis(2);

impl Connection {
    /// The earliest deadline, and which timer it is.
    #[inline]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.earliest()
    }

    /// The deadline of `poll_timeout` has come. Does nothing before its time.
    pub fn handle_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Outcome {
        while let Some(timer) = self.timers.take_due(cx.now) {
            match timer {
                Timer::Rto => self.retransmission_timeout(cx),
                Timer::Tlp => self.probe_tail(cx),
                Timer::Reorder => self.reordering_timeout(cx),
                Timer::Persist => self.persist_timeout(cx),
                Timer::DelayedAck => self.delayed_ack_timeout(cx),
                Timer::KeepAlive => self.keepalive_timeout(cx),
                Timer::Pace => self.snd.push_due = true,
                _ => self.lifetime_timeout(cx, timer),
            }
        }
        self.outcome()
    }

    /// The connect deadline: it is over.
    fn lifetime_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>, timer: Timer) {
        cx.emit(|| Event::TimerFired { timer, nth: 1 });
        self.give_up(cx);
    }

    /// RFC 6298 §5.4–5.7: all in flight counts as lost, the timeout doubles, the first is sent again.
    fn retransmission_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let nth = u32::from(self.snd.backoff) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::Rto, nth });
        if self.request().is_some() {
            return self.request_timeout(cx);
        }
        if self.snd.records.is_empty() {
            return;
        }
        // A receiver that shrank its window to zero is not dead as long as it is heard; our retransmissions are probes.
        let probing = self.snd.wnd == 0 && !self.app.gone && self.halves.syn_acked();
        if !probing {
            cx.count(Counter::TcpExtTCPTimeouts);
        }
        if !probing && self.halves.syn_acked() {
            let again_and_again = self.has_retried(cx.now, self.config.retries1);
            self.doubt_path(cx, again_and_again);
        }
        let last = if probing { self.window_stays_shut(cx.now) } else { self.must_give_up(cx.now) };
        if !probing {
            self.suspect_black_hole(cx, last);
        }
        if last {
            return self.give_up(cx);
        }
        self.snd.bursts.clear();
        if self.halves.syn_acked() {
            if !probing && self.snd.retransmits == 0 {
                self.count_failure(cx);
            }
            self.on_rto(cx, self.snd.retransmits > 0);
        } else {
            self.due.syn_ack = Some(TxReason::SynAckRetransmit);
        }
        if !probing {
            self.stats.on_rto(cx.now, self.snd.retransmits == 0);
            self.snd.retransmits = self.snd.retransmits.saturating_add(1);
        }
        self.snd.backoff = if self.times_out_linearly() { 0 } else { self.snd.backoff.saturating_add(1) };
        let since = self.snd.recovery.first_resent_at().min(cx.now);
        let wait = self.within_user_timeout(cx.now, since, self.snd.backed_off_rto());
        self.timers.start(cx, Timer::Rto, wait.max(USER_TIMEOUT_RETRANSMIT_MIN));
    }

    /// Whether the next timeout is as long as this one (Linux's thin streams).
    fn times_out_linearly(&self) -> bool {
        let snd = &self.snd;
        self.config.thin_linear_timeouts
            && self.state() == TcpState::Established
            && snd.retransmits <= THIN_LINEAR_RETRIES
            && snd.records.segments_out() < THIN_SEGMENTS
            && snd.congestion.ssthresh() != SSTHRESH_UNKNOWN
    }

    /// A router had no way to the peer for the segment at `seq`, which is in flight: that its timer ran out told nothing of
    /// congestion, and the last doubling is taken back. The timer runs from when the segment left, so what is late by now goes
    /// at once (RFC 6069 §4; Linux's `tcp_ld_RTO_revert`).
    pub fn revert_backoff<O: Observer>(&mut self, cx: &mut Cx<'_, O>, seq: SeqNum) {
        let snd = &mut self.snd;
        let backed_off = seq == snd.una() && snd.retransmits > 0 && snd.backoff > 0;
        let Some(first) = snd.records.first().filter(|_| backed_off) else { return };
        let due = first.sent_at() + snd.rtt.backed_off(u32::from(snd.backoff) - 1);
        snd.backoff -= 1;
        if due > cx.now {
            return self.timers.restart(cx, Timer::Rto, due.since(cx.now));
        }
        self.timers.stop(Timer::Rto);
        self.retransmission_timeout(cx);
    }

    /// How long what nobody acknowledges is kept, if it was said: by the application, or by the peer (RFC 5482 §3.1).
    fn user_timeout(&self) -> Option<Duration> {
        user_timeout::in_force(&self.config, self.peer_user_timeout, self.snd.rto())
    }

    /// Whether retransmissions went on for as long as so many would take.
    fn has_retried(&self, now: Instant, retries: u8) -> bool {
        let limit = time_of_retries(&self.config, retries, Rto::MIN);
        self.snd.retransmits > 0 && now.since(self.snd.recovery.first_resent_at()) >= limit
    }

    /// Whether what is in flight has waited long enough (RFC 9293 §3.8.3; RFC 1122 §4.2.3.5's R2).
    fn must_give_up(&self, now: Instant) -> bool {
        let (retries, first) = if self.halves.syn_acked() {
            (self.retries(self.snd.backed_off_rto()), Rto::MIN)
        } else if self.snd.retransmits >= self.config.syn_retries {
            return true;
        } else {
            (self.config.syn_retries, Rto::INITIAL.duration())
        };
        let limit = self.user_timeout().unwrap_or_else(|| time_of_retries(&self.config, retries, first));
        self.snd.retransmits > 0 && now.since(self.snd.recovery.first_resent_at()) >= limit
    }

    /// The peer shrank its window to nothing and either is not heard any more, or the user timeout has passed (Linux's
    /// `tcp_rtx_probe0_timed_out`).
    fn window_stays_shut(&self, now: Instant) -> bool {
        let since = match self.snd.recovery.first_resent_at() {
            Instant::MAX => self.snd.records.first().map_or(now, |record| record.sent_at()),
            since => since,
        };
        let (user_timeout, waited) = (self.user_timeout().unwrap_or(Duration::MAX), now.since(since));
        let limit = user_timeout.min(self.config.rto_max.saturating_mul(2));
        waited > user_timeout || (now.since(self.last_heard) > limit && waited > limit)
    }

    /// `wait`, but not beyond the user timeout, which counts from `since`.
    fn within_user_timeout(&self, now: Instant, since: Instant, wait: Duration) -> Duration {
        match self.user_timeout() {
            Some(limit) => wait.min(limit.saturating_sub(now.since(since))),
            None => wait,
        }
    }

    /// How many retransmissions, or probes, there are to be, where the timeout is `wait` by now.
    fn retries(&self, wait: Duration) -> u8 {
        let alive = wait < self.config.rto_max;
        match (self.app.gone, self.config.orphan_retries) {
            (false, _) => self.config.retries2,
            // The path has told that something is wrong.
            (true, _) if self.app.soft_error.is_some() && !alive => 0,
            (true, 0) if alive => ORPHAN_RETRIES,
            (true, retries) => retries,
        }
    }

    /// Nobody answers any more. The error is what the path last complained of, if it did.
    pub(super) fn give_up<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.count(Counter::TcpExtTCPAbortOnTimeout);
        let error = self.app.soft_error.unwrap_or(Error::TimedOut);
        self.end(cx, Some(error));
    }

    /// RFC 9293 §3.8.6.1: the window is still closed, or too small; ask again, less and less often. As long as the peer
    /// answers this goes on for ever, but not for an orphan: nobody would miss it, and a peer could collect them (RFC 6429);
    /// nor beyond a user timeout.
    fn persist_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let nth = u32::from(self.snd.probe_backoff) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::Persist, nth });
        if !self.snd.records.is_empty() || !self.has_unsent() {
            return self.probing_is_over();
        }
        let wait = self.snd.probe_interval();
        let retries = self.retries(wait);
        let forsaken = self.app.gone && wait >= self.config.rto_max && self.snd.probe_backoff >= retries;
        let since = self.snd.probing_since.min(cx.now);
        let too_long = self.user_timeout().is_some_and(|limit| since < cx.now && cx.now.since(since) >= limit);
        if forsaken || too_long || self.probes_out >= retries {
            return self.give_up(cx);
        }
        self.snd.probing_since = since;
        self.probes_out = self.probes_out.saturating_add(1);
        self.due.probe = Some(TxReason::ZeroWindowProbe);
        self.snd.probe_backoff = self.snd.probe_backoff.saturating_add(1).min(self.config.retries2);
        let wait = self.probe_wait(cx.now);
        self.timers.start(cx, Timer::Persist, wait);
    }

    /// The time until the next zero-window probe.
    pub(super) fn probe_wait(&self, now: Instant) -> Duration {
        let wait = self.snd.probe_interval();
        if self.snd.probing_since == Instant::MAX {
            return wait;
        }
        self.within_user_timeout(now, self.snd.probing_since, wait).max(USER_TIMEOUT_PROBE_MIN).min(wait)
    }

    /// The window lets something go, or nothing is left that waits for it.
    pub(super) fn probing_is_over(&mut self) {
        self.probes_out = 0;
        self.snd.probe_backoff = 0;
        self.snd.probing_since = Instant::MAX;
    }

    fn delayed_ack_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.emit(|| Event::TimerFired { timer: Timer::DelayedAck, nth: 1 });
        let compressed = self.rcv.ack.compressed();
        if !self.rcv.ack.on_timeout(cx.now, self.snd.rto()) {
            return;
        }
        if compressed > 0 {
            cx.counters.add(Counter::TcpExtTCPAckCompressed, u64::from(compressed - 1));
            self.due.ack_now(TxReason::DuplicateAck);
        } else {
            cx.count(Counter::TcpExtDelayedACKs);
            self.due.ack_now(TxReason::DelayedAck);
        }
    }

    /// The connection is established: the first probe comes when it was idle so long.
    pub(super) fn start_keepalive<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if let Some(keepalive) = self.keepalive() {
            self.timers.start(cx, Timer::KeepAlive, keepalive.idle);
        }
    }

    /// Keepalive's figures were `before`. Switching it on counts from now, another idle time from when the peer was last
    /// heard of (as Linux).
    pub(super) fn keepalive_changed<O: Observer>(&mut self, cx: &mut Cx<'_, O>, before: Option<KeepAlive>) {
        match (before, self.keepalive()) {
            (_, None) => self.timers.stop(Timer::KeepAlive),
            (None, Some(_)) => self.start_keepalive(cx),
            (Some(before), Some(keepalive)) if before.idle != keepalive.idle => {
                let idle = cx.now.since(self.last_heard);
                self.timers.start(cx, Timer::KeepAlive, keepalive.idle.saturating_sub(idle));
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// Keepalive's figures, if it is on.
    fn keepalive(&self) -> Option<KeepAlive> {
        let KeepAlive { idle, interval, count } = self.config.keepalive?;
        Some(KeepAlive { idle: idle.max(KEEPALIVE_MIN), interval: interval.max(KEEPALIVE_MIN), count })
    }

    /// RFC 9293 §3.8.4. Whoever waits for acknowledgements anyway needs no keepalive: the retransmission timer watches.
    fn keepalive_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let Some(keepalive) = self.keepalive() else { return };
        if self.state() == TcpState::SynReceived {
            return self.timers.postpone(Timer::KeepAlive, cx.now + keepalive.idle);
        }
        let idle = cx.now.since(self.last_heard);
        if !self.snd.records.is_empty() || self.has_unsent() {
            return self.timers.postpone(Timer::KeepAlive, cx.now + keepalive.idle);
        }
        // It was not idle all the time: the deadline is only now moved to where it belongs.
        if idle < keepalive.idle {
            return self.timers.postpone(Timer::KeepAlive, cx.now + (keepalive.idle - idle));
        }
        let nth = u32::from(self.probes_out) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::KeepAlive, nth });
        let dead = match self.user_timeout() {
            Some(limit) => self.probes_out > 0 && idle >= limit,
            None => self.probes_out >= keepalive.count,
        };
        if dead {
            cx.count(Counter::TcpExtTCPAbortOnTimeout);
            let error = self.app.soft_error.unwrap_or(Error::TimedOut);
            return self.reset(cx, TxReason::ResetTimeout, Some(error));
        }
        self.probes_out = self.probes_out.saturating_add(1);
        self.due.probe = Some(TxReason::KeepAlive);
        self.timers.start(cx, Timer::KeepAlive, keepalive.interval);
    }

    /// Bytes of data that have not left yet.
    pub(super) fn unsent_data(&self) -> u32 {
        self.snd.queue.end().offset_from(self.snd.nxt()).max(0) as u32
    }

    /// Data or a FIN that has not left yet.
    pub(super) fn has_unsent(&self) -> bool {
        match self.halves.send() {
            SendHalf::Open => self.snd.queue.end().after(self.snd.nxt()),
            SendHalf::FinQueued => true,
            SendHalf::FinSent | SendHalf::FinAcked => false,
        }
    }
}

/// How long retransmissions of data go on where no user timeout is set.
pub(crate) fn time_of_data_retries(config: &Config) -> Duration {
    time_of_retries(config, config.retries2, Rto::MIN)
}

/// How long `retries` retransmissions take whose first wait is `first`, with the wait after the last (Linux's
/// `tcp_model_timeout`).
fn time_of_retries(config: &Config, retries: u8, first: Duration) -> Duration {
    let wait = |nth| Rto::bounded(first, config.rto_max).backed_off(nth, config.rto_max);
    (0..=u32::from(retries)).map(wait).sum()
}

#[cfg(test)]
mod tests;
