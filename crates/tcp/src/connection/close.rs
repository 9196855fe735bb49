//! CLOSE, ABORT and the end of a connection (RFC 9293 §3.6, §3.10.4, §3.10.5).
//!
//! Each half closes apart. An application that goes away leaves an orphan, which sends what was written and its FIN; data
//! that it will never read is answered with a reset, whether it lies unread (RFC 2525 §2.17) or comes later
//! (RFC 9293 §3.6.1).

use super::halves::SendHalf;
use super::stats::Busy;
use super::{Connection, Remnant, Reset};
use crate::send::NagleMode;
use crate::time_wait::Rest;
use crate::{Cx, Outcome, Readiness, TimeWait};
use core::time::Duration;
use limpid_event::{Call, Counter, Error, Event, Instant, Observer, TcpState, TxReason};

impl Connection {
    /// Closes the sending half: a FIN follows the data already written.
    ///
    /// # Errors
    /// [`Error::NotConnected`] once the connection is over.
    pub fn shutdown_write<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Result<Outcome, Error> {
        if self.halves.over() {
            return Err(Error::NotConnected);
        }
        cx.emit(|| Event::Call(Call::ShutdownWrite));
        if self.shut_before_handshake() {
            self.woke |= Readiness::WRITABLE;
        } else {
            self.queue_fin(cx);
        }
        Ok(self.outcome())
    }

    /// Closes the receiving half for the application, as Linux's SHUT_RD: what has come and still comes can be read, and
    /// then there is the end of the stream. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::NotConnected`] once the connection is over.
    pub fn shutdown_read<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Result<Outcome, Error> {
        if self.halves.over() {
            return Err(Error::NotConnected);
        }
        cx.emit(|| Event::Call(Call::ShutdownRead));
        self.app.read_shut = true;
        self.woke |= Readiness::READABLE | Readiness::READ_CLOSED;
        Ok(self.outcome())
    }

    /// The application is gone: FIN, or a reset if data is unread, linger is zero, or it is in FIN-WAIT-2 and
    /// [`fin_timeout`](crate::Config::fin_timeout) leaves it no time there. The connection lives on as an orphan until its
    /// `Outcome` ends it.
    ///
    /// A linger time above zero only says how long the caller of `close` waits until [`unacknowledged`](Self::unacknowledged)
    /// is zero; waiting is for whoever can.
    pub fn close<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Outcome {
        cx.emit(|| Event::Call(Call::Close));
        self.app.gone = true;
        if self.halves.over() {
            return self.outcome();
        }
        if !self.rcv.queue.is_empty() {
            cx.count(Counter::TcpExtTCPAbortOnClose);
            self.reset(cx, TxReason::ResetUnread, None);
        } else if self.config.linger == Some(Duration::ZERO) {
            cx.count(Counter::TcpExtTCPAbortOnData);
            self.reset(cx, TxReason::ResetAbort, None);
        } else if self.state() == TcpState::FinWait2 && self.config.fin_timeout.is_zero() {
            cx.count(Counter::TcpExtTCPAbortOnLinger);
            self.reset(cx, TxReason::ResetAbort, None);
        } else {
            self.queue_fin(cx);
        }
        self.outcome()
    }

    /// Ends it at once with a reset (RFC 9293 §3.10.5).
    pub fn abort<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Outcome {
        cx.emit(|| Event::Call(Call::Abort));
        self.app.gone = true;
        if !self.halves.over() {
            self.reset(cx, TxReason::ResetAbort, None);
        }
        self.outcome()
    }

    pub(super) fn queue_fin<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        if self.halves.send() != SendHalf::Open {
            return;
        }
        self.change(cx, |halves| halves.queue_fin());
        self.chrono_start(cx.now, Busy::Sending);
        self.snd.write_mode = Some(NagleMode::OFF);
        self.snd.push_due = true;
        self.woke |= Readiness::WRITABLE;
        if self.halves.recv() == super::halves::RecvHalf::FinReceived {
            self.woke |= Readiness::CLOSED;
        }
    }

    /// Sends a reset in our own name and ends the connection. Where both have closed it just ends (RFC 9293 §3.10.5: CLOSING,
    /// LAST-ACK, TIME-WAIT), unless the peer would never hear that something is lost: what it sent lies unread, or what we
    /// wrote has not left (as Linux).
    pub(super) fn reset<O: Observer>(&mut self, cx: &mut Cx<'_, O>, why: TxReason, error: Option<Error>) {
        let wanted = matches!(
            self.state(),
            TcpState::SynReceived
                | TcpState::Established
                | TcpState::FinWait1
                | TcpState::FinWait2
                | TcpState::CloseWait
        );
        let lossy = why == TxReason::ResetUnread || self.has_unsent();
        if wanted || (lossy && self.state() != TcpState::TimeWait) {
            self.due.reset = Some(Reset { seq: self.acceptable_seq(), with_ack: true, why });
        }
        self.end(cx, error);
    }

    /// It is over. What was received stays readable.
    pub(super) fn end<O: Observer>(&mut self, cx: &mut Cx<'_, O>, error: Option<Error>) {
        match self.state() {
            TcpState::Established | TcpState::CloseWait => cx.count(Counter::TcpEstabResets),
            TcpState::SynReceived => cx.count(Counter::TcpAttemptFails),
            _ => {}
        }
        self.change(cx, |halves| halves.end());
        cx.emit(|| Event::Ended { error });
        self.app.error = error;
        self.timers.stop_all();
        self.snd.forget(cx.pool);
        self.watch_ended();
        self.stats.on_end(cx.now);
        self.due.only_reset();
        self.woke |= Readiness::READABLE | Readiness::WRITABLE | Readiness::READ_CLOSED | Readiness::CLOSED;
        if error.is_some() {
            self.woke |= Readiness::ERROR;
        }
    }

    /// After [`Next::TimeWait`](crate::Next::TimeWait): the small phase that waits, and what the application may still read.
    pub fn into_time_wait<O: Observer>(self, cx: &mut Cx<'_, O>) -> (TimeWait, Remnant) {
        let rest = Rest {
            snd_nxt: self.snd.nxt(),
            rcv_nxt: self.rcv_nxt(),
            rcv_wnd: self.rcv.right_edge() - self.rcv_nxt(),
            window: self.window_field(),
            fin_received: self.state() != TcpState::FinWait2,
            limit: self.limit,
            clock: self.clock(),
            ts_recent: self.rcv.ts_recent,
        };
        let time_wait = TimeWait::new(cx, &self.config, rest);
        (time_wait, self.into_remnant(cx.now))
    }

    /// After [`Next::Ended`](crate::Next::Ended): what the application may still read, and the error that waits for it.
    pub fn into_remnant(self, now: Instant) -> Remnant {
        let info = self.info(now);
        let (watch, last_data) = (self.snd.watch, self.rcv.last_data);
        Remnant { queue: self.rcv.queue, error: self.app.error, info, watch, last_data }
    }
}
