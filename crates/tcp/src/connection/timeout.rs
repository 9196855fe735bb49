//! What happens when a timer runs out (RFC 9293 §3.8, §3.10.8; RFC 6298 §5; RFC 5482), and when a connection is given up.
//!
//! Giving up is by time, as on Linux: after as long as `retries2` retransmissions would take that began at the least
//! timeout (200 ms), however long the timeouts really are. 15 of them are 924.6 s (RFC 9293 §3.8.3's R2 is "at least
//! 100 s").

use super::Connection;
use super::halves::SendHalf;
use crate::recovery::Rto;
use crate::{Cx, KeepAlive, Outcome};
use core::time::Duration;
use limpid_event::{Counter, Error, Event, Instant, Observer, TcpState, Timer, TxReason};

/// Retransmissions granted to an orphan where [`orphan_retries`](crate::Config::orphan_retries) is 0, as long as its timeout
/// has not reached the largest (Linux).
const ORPHAN_RETRIES: u8 = 8;

/// The least time that keepalive waits: a timer that waits for none would run out for ever.
const KEEPALIVE_MIN: Duration = Duration::from_millis(1);

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
                Timer::Persist => self.persist_timeout(cx),
                Timer::DelayedAck => self.delayed_ack_timeout(cx),
                Timer::KeepAlive => self.keepalive_timeout(cx),
                _ => self.lifetime_timeout(cx, timer),
            }
        }
        self.outcome()
    }

    /// The connect deadline or the user timeout: it is over.
    fn lifetime_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>, timer: Timer) {
        cx.emit(|| Event::TimerFired { timer, nth: 1 });
        self.give_up(cx);
    }

    /// RFC 6298 §5.4–5.7: all in flight counts as lost, the timeout doubles, the first is sent again.
    fn retransmission_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let nth = u32::from(self.snd.backoff) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::Rto, nth });
        if self.snd.records.is_empty() {
            return;
        }
        if self.must_give_up(cx.now) {
            return self.give_up(cx);
        }
        cx.count(Counter::TcpExtTCPTimeouts);
        if self.snd.retransmitting_since == Instant::MAX {
            self.snd.retransmitting_since = cx.now;
            self.start_user_timeout(cx);
        }
        self.on_rto(cx);
        self.snd.backoff = self.snd.backoff.saturating_add(1);
        self.timers.start(cx, Timer::Rto, self.snd.backed_off_rto());
    }

    /// Whether what is in flight has waited long enough (RFC 9293 §3.8.3; RFC 1122 §4.2.3.5's R2).
    fn must_give_up(&self, now: Instant) -> bool {
        if !self.halves.syn_acked() {
            return self.snd.backoff >= self.config.syn_ack_retries;
        }
        // A receiver that shrank its window to zero is not dead as long as it is heard; our retransmissions are probes.
        if self.snd.wnd == 0 && !self.app.gone && now.since(self.last_heard) <= Rto::MAX {
            return false;
        }
        let retries = self.retries(self.snd.backed_off_rto());
        let since = self.snd.retransmitting_since;
        since < Instant::MAX && now.since(since) >= time_of_retries(retries)
    }

    /// How many retransmissions, or probes, there are to be, where the next wait is `wait`.
    fn retries(&self, wait: Duration) -> u8 {
        match (self.app.gone, self.config.orphan_retries) {
            (false, _) => self.config.retries2,
            (true, 0) if wait < Rto::MAX => ORPHAN_RETRIES,
            (true, retries) => retries,
        }
    }

    /// Nobody answers any more. The error is what the path last complained of, if it did.
    fn give_up<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        cx.count(Counter::TcpExtTCPAbortOnTimeout);
        let error = self.app.soft_error.unwrap_or(Error::TimedOut);
        self.end(cx, Some(error));
    }

    /// TCP_USER_TIMEOUT counts from the first retransmission or probe, as on Linux, and goes on while a zero window is
    /// merely confirmed.
    fn start_user_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if let Some(limit) = self.config.user_timeout
            && self.halves.syn_acked()
            && !self.timers.runs(Timer::UserTimeout)
        {
            self.timers.start(cx, Timer::UserTimeout, limit);
        }
    }

    /// RFC 9293 §3.8.6.1: the window is still closed, or too small; ask again, less and less often. As long as the peer
    /// answers this goes on for ever, but not for an orphan: nobody would miss it, and a peer could collect them (RFC 6429).
    fn persist_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let nth = u32::from(self.snd.probe_backoff) + 1;
        cx.emit(|| Event::TimerFired { timer: Timer::Persist, nth });
        if !self.snd.records.is_empty() || !self.has_unsent() {
            return;
        }
        let wait = self.snd.probe_interval();
        let retries = self.retries(wait);
        let forsaken = self.app.gone && wait == Rto::MAX && self.snd.probe_backoff >= retries;
        if forsaken || self.probes_out >= retries {
            return self.give_up(cx);
        }
        self.start_user_timeout(cx);
        self.probes_out = self.probes_out.saturating_add(1);
        self.due.probe = Some(TxReason::ZeroWindowProbe);
        self.snd.probe_backoff = self.snd.probe_backoff.saturating_add(1).min(self.config.retries2);
        self.timers.start(cx, Timer::Persist, self.snd.probe_interval());
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

    /// Keepalive is switched on (or its figures changed): the first probe comes when the connection was idle so long.
    pub(super) fn start_keepalive<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        match self.keepalive() {
            Some(keepalive) if self.probes_out == 0 => {
                let idle = cx.now.since(self.last_heard);
                self.timers.start(cx, Timer::KeepAlive, keepalive.idle.saturating_sub(idle));
            }
            Some(_) => {}
            None => self.timers.stop(Timer::KeepAlive),
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
        let dead = match self.config.user_timeout {
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

    /// Data or a FIN that has not left yet.
    pub(super) fn has_unsent(&self) -> bool {
        match self.halves.send() {
            SendHalf::Open => self.snd.queue.end().after(self.snd.nxt()),
            SendHalf::FinQueued => true,
            SendHalf::FinSent | SendHalf::FinAcked => false,
        }
    }
}

/// How long `retries` retransmissions take that begin at the least timeout, with the wait after the last (Linux's
/// `tcp_model_timeout`).
fn time_of_retries(retries: u8) -> Duration {
    (0..=u32::from(retries)).map(|nth| Rto::new(Rto::MIN).backed_off(nth)).sum()
}

#[cfg(test)]
mod tests;
