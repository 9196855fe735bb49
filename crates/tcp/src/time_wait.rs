//! TIME-WAIT, and an orphan's FIN-WAIT-2: at most 64 bytes, and nothing left to send but ACKs (RFC 9293 §3.10.7.4,
//! RFC 6191, RFC 1337).
//!
//! What comes is checked as Linux's minisock does: a segment outside the window is answered with an ACK, at most once in
//! each [`Config::invalid_ratelimit`]; a SYN with a larger sequence number or a later timestamp reopens.

use crate::clock::{AnswerLimit, TsClock, TsRecent};
use crate::reply::{ack, reset_for};
use crate::{Config, Cx, Transmit};
use core::time::Duration;
use limpid_event::{Counter, DropReason, Error, Event, Instant, Observer, TcpState, Timer, TxReason};
use limpid_wire::tcp::Timestamps;
use limpid_wire::{Segment, SeqNum, TcpFlags, TcpOptions};

/// A connection that only waits.
#[derive(Clone, Debug)]
pub struct TimeWait {
    until: Instant,
    snd_nxt: SeqNum,
    rcv_nxt: SeqNum,
    /// The window we stated last, in bytes.
    rcv_wnd: u32,
    /// The window field we stated last.
    window: u16,
    fin_received: bool,
    limit: AnswerLimit,
    clock: TsClock,
    ts_recent: Option<TsRecent>,
}

/// What a [`TimeWait`] keeps of its connection.
pub(crate) struct Rest {
    pub(crate) snd_nxt: SeqNum,
    pub(crate) rcv_nxt: SeqNum,
    pub(crate) rcv_wnd: u32,
    pub(crate) window: u16,
    pub(crate) fin_received: bool,
    pub(crate) limit: AnswerLimit,
    pub(crate) clock: TsClock,
    pub(crate) ts_recent: Option<TsRecent>,
}

/// What came of a segment in TIME-WAIT.
#[must_use]
#[derive(Clone, Debug)]
pub enum TimeWaitOutcome {
    /// Still waiting; an ACK may be sent.
    Stay(Option<Transmit>),
    /// A new SYN may reopen the connection (RFC 6191; RFC 9293 §3.10.7.4): drop this, and hand the SYN to the listener with
    /// an initial sequence number after `isn_above`.
    Reopen {
        /// The new ISN must be after this.
        isn_above: SeqNum,
    },
    /// It is over (a reset came, and RFC 1337's rule is off); a reset may be sent.
    Over(Option<Transmit>),
}

/// What a connection begins with that [takes over](TimeWait::takeover) a 4-tuple.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Takeover {
    /// Its initial sequence number: beyond all that the old one can have sent.
    pub isn: SeqNum,
    /// The peer's newest timestamp, which the SYN echoes.
    pub echo: u32,
}

/// How far above the old connection's numbers a reopened one starts: no window of the old one reaches there
/// (Linux: 65535 + 2).
const REOPEN_DISTANCE: u32 = 65_535 + 1;

impl TimeWait {
    /// Begins the wait: 2·MSL if the peer's FIN has come, else an orphan's FIN-WAIT-2.
    pub(crate) fn new<O: Observer>(cx: &mut Cx<'_, O>, config: &Config, rest: Rest) -> TimeWait {
        let mut time_wait = TimeWait {
            until: cx.now,
            snd_nxt: rest.snd_nxt,
            rcv_nxt: rest.rcv_nxt,
            rcv_wnd: rest.rcv_wnd,
            window: rest.window,
            fin_received: rest.fin_received,
            limit: rest.limit,
            clock: rest.clock,
            ts_recent: rest.ts_recent,
        };
        time_wait.restart(cx, config);
        time_wait
    }

    /// The time starts again, as for each acceptable segment.
    fn restart<O: Observer>(&mut self, cx: &mut Cx<'_, O>, config: &Config) {
        let after = if self.fin_received { config.time_wait } else { config.fin_timeout };
        self.until = cx.now + after;
        let timer = self.timer();
        cx.emit(|| Event::TimerSet { timer, after });
    }

    fn timer(&self) -> Timer {
        if self.fin_received { Timer::TimeWait } else { Timer::FinWait2 }
    }

    /// A segment arrived. `listening` says that a listener would take a SYN that reopens; if there is none, it is answered
    /// with an ACK, like any other, and the wait goes on.
    pub fn handle_segment<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
        listening: bool,
    ) -> TimeWaitOutcome {
        cx.received(segment);
        let paws = match (self.ts_recent, segment.options.timestamps) {
            (Some(recent), Some(timestamps)) => recent.rejects(timestamps.val, cx.now),
            _ => false,
        };
        if paws {
            cx.count(Counter::TcpExtPAWSEstab);
        }
        if self.fin_received {
            self.in_time_wait(cx, config, segment, (paws, listening))
        } else {
            self.in_fin_wait_2(cx, config, segment, paws)
        }
    }

    /// FIN-WAIT-2 without an application: only the peer's FIN is awaited, and data is answered with a reset
    /// (RFC 9293 §3.6.1).
    fn in_fin_wait_2<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
        paws: bool,
    ) -> TimeWaitOutcome {
        let flags = segment.flags;
        let end = segment.seq_end();
        if paws || !self.in_window(segment) {
            return TimeWaitOutcome::Stay(self.answer(cx, config, segment, paws));
        }
        if flags.contains(TcpFlags::RST) {
            return self.over(cx, Some(Error::ConnectionReset), None);
        }
        if flags.contains(TcpFlags::SYN) && segment.seq.after_eq(self.rcv_nxt) {
            return self.reset(cx, segment);
        }
        let nothing_new = !end.after(self.rcv_nxt) || segment.seq_len() == 0;
        if nothing_new || !flags.contains(TcpFlags::ACK) {
            cx.dropped(if flags.contains(TcpFlags::ACK) { DropReason::Duplicate } else { DropReason::NoAck });
            return TimeWaitOutcome::Stay(None);
        }
        if !flags.contains(TcpFlags::FIN) || end != self.rcv_nxt + 1 {
            cx.count(Counter::TcpExtTCPAbortOnData);
            return self.reset(cx, segment);
        }
        self.rcv_nxt = end;
        self.fin_received = true;
        self.remember(cx.now, segment);
        cx.state(TcpState::FinWait2, TcpState::TimeWait);
        self.restart(cx, config);
        TimeWaitOutcome::Stay(Some(self.ack(cx, TxReason::FinAck)))
    }

    fn in_time_wait<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
        (paws, listening): (bool, bool),
    ) -> TimeWaitOutcome {
        let flags = segment.flags;
        let rst = flags.contains(TcpFlags::RST);
        // Exactly in place there can be only a reset or a bare ACK.
        if !paws && segment.seq == self.rcv_nxt && (segment.seq_len() == 0 || rst) {
            if rst && !config.rfc1337 {
                return self.over(cx, None, None);
            }
            if rst {
                cx.dropped(DropReason::TimeWait);
            } else {
                self.restart(cx, config);
            }
            self.remember(cx.now, segment);
            return TimeWaitOutcome::Stay(None);
        }
        if !paws && listening && self.reopens(segment) {
            cx.count(Counter::TcpExtTWRecycled);
            cx.state(TcpState::TimeWait, TcpState::Closed);
            cx.emit(|| Event::Ended { error: None });
            return TimeWaitOutcome::Reopen { isn_above: self.snd_nxt + REOPEN_DISTANCE };
        }
        if rst {
            cx.dropped(if paws { DropReason::Paws } else { DropReason::BlindReset });
            return TimeWaitOutcome::Stay(None);
        }
        // A SYN that may be new, only with a smaller number, must not make us wait longer.
        if paws || flags.contains(TcpFlags::ACK) {
            self.restart(cx, config);
        }
        TimeWaitOutcome::Stay(self.answer(cx, config, segment, paws))
    }

    /// A SYN that can't be an old duplicate (RFC 6191 §2; RFC 9293 §3.10.7.4, fourth check, TIME-WAIT).
    fn reopens(&self, segment: &Segment) -> bool {
        let later = match (self.ts_recent, segment.options.timestamps) {
            (Some(recent), Some(timestamps)) => (recent.val().wrapping_sub(timestamps.val) as i32) < 0,
            _ => false,
        };
        let kind = segment.flags & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST);
        kind == TcpFlags::SYN && (segment.seq.after(self.rcv_nxt) || later)
    }

    /// What a new connection of ours begins with, if it may take the 4-tuple over (RFC 6191 §3; Linux's `tcp_tw_reuse`): the peer has
    /// closed, timestamps tell the old segments from the new, and nothing was heard for longer than `quiet`.
    pub fn takeover(&self, now: Instant, config: &Config, quiet: Duration) -> Option<Takeover> {
        let recent = self.ts_recent.filter(|_| self.fin_received)?;
        let began = self.until - config.time_wait;
        let isn = self.snd_nxt + REOPEN_DISTANCE + 1;
        (quiet.is_zero() || now.since(began) > quiet).then_some(Takeover { isn, echo: recent.val() })
    }

    /// A new connection takes the 4-tuple over: drop this.
    pub fn taken_over<O: Observer>(&self, cx: &mut Cx<'_, O>) {
        cx.count(Counter::TcpExtTWRecycled);
        cx.state(self.state(), TcpState::Closed);
        cx.emit(|| Event::Ended { error: None });
    }

    fn in_window(&self, segment: &Segment) -> bool {
        let (low, high) = (self.rcv_nxt, self.rcv_nxt + self.rcv_wnd);
        let (seq, end) = (segment.seq, segment.seq_end());
        seq == low || (end.after(low) && high.after(seq)) || (seq == high && seq == end)
    }

    fn remember(&mut self, now: Instant, segment: &Segment) {
        if let (Some(recent), Some(timestamps)) = (&mut self.ts_recent, segment.options.timestamps) {
            *recent = TsRecent::new(timestamps.val, now);
        }
    }

    /// Drops the segment, and acknowledges what we have, unless that was just done.
    fn answer<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        config: &Config,
        segment: &Segment,
        paws: bool,
    ) -> Option<Transmit> {
        let (why, answer) = match self.state() {
            TcpState::FinWait2 => (DropReason::OutsideWindow, TxReason::DuplicateAck),
            _ => (DropReason::TimeWait, TxReason::TimeWaitAck),
        };
        cx.dropped(if paws { DropReason::Paws } else { why });
        let held_back = Counter::TcpExtTCPACKSkippedTimeWait;
        let allowed = cx.may_answer(&mut self.limit, config.invalid_ratelimit, segment, held_back);
        // In FIN-WAIT-2 a reset that does not fit is answered, too (as Linux; RFC 5961 §3.2).
        let silent = self.fin_received && segment.flags.contains(TcpFlags::RST);
        (allowed && !silent).then(|| self.ack(cx, answer))
    }

    fn ack<O: Observer>(&self, cx: &mut Cx<'_, O>, why: TxReason) -> Transmit {
        let timestamps = self.ts_recent.map(|recent| Timestamps { val: self.clock.val(cx.now), ecr: recent.val() });
        let options = TcpOptions { timestamps, ..TcpOptions::default() };
        let transmit = ack(self.snd_nxt, self.rcv_nxt, self.window, options, why);
        cx.sent(&transmit, 0);
        transmit
    }

    fn reset<O: Observer>(&mut self, cx: &mut Cx<'_, O>, segment: &Segment) -> TimeWaitOutcome {
        let reset = reset_for(segment, TxReason::ResetDataAfterClose);
        if let Some(reset) = &reset {
            cx.sent(reset, 0);
        }
        self.over(cx, None, reset)
    }

    fn over<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        error: Option<Error>,
        reset: Option<Transmit>,
    ) -> TimeWaitOutcome {
        cx.state(self.state(), TcpState::Closed);
        cx.emit(|| Event::Ended { error });
        TimeWaitOutcome::Over(reset)
    }

    /// The time is over: drop it after this. True if it was; false if it was called too early, and waits on.
    pub fn handle_timeout<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> bool {
        if self.until > cx.now {
            return false;
        }
        let timer = self.timer();
        cx.emit(|| Event::TimerFired { timer, nth: 1 });
        if self.fin_received {
            cx.count(Counter::TcpExtTW);
        }
        cx.state(self.state(), TcpState::Closed);
        cx.emit(|| Event::Ended { error: None });
        true
    }

    /// The timer: when it runs out this is over.
    pub fn poll_timeout(&self) -> (Instant, Timer) {
        (self.until, self.timer())
    }

    /// TIME-WAIT or FIN-WAIT-2.
    pub fn state(&self) -> TcpState {
        if self.fin_received { TcpState::TimeWait } else { TcpState::FinWait2 }
    }

    /// The next sequence number we would send, to check ICMP quotes and to choose a later ISN.
    pub fn snd_nxt(&self) -> SeqNum {
        self.snd_nxt
    }
}

const _: () = assert!(core::mem::size_of::<TimeWait>() <= 64);
