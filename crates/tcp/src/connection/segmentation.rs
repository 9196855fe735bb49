//! How what was written is cut into segments, and which of them may leave now (RFC 9293 §3.8.6; RFC 5681 §3.1; Linux's
//! `tcp_write_xmit`).
//!
//! What leaves in one piece is a super-segment: as many segments as the round trip and the congestion window make sensible,
//! with PSH on the last. A device that cuts segments itself gets it whole; to another it goes segment by segment, and what the
//! peer sees is the same.

use super::Connection;
use super::halves::SendHalf;
use super::path_mtu::ProbeStep;
use super::stats::Busy;
use crate::Cx;
use crate::congestion::{Controller, IdleSample, SentSample, Stopped};
use crate::recovery::{Phase, Rto};
use crate::send::{Append, NagleMode, Shape};
use core::time::Duration;
use limpid_event::{Instant, Observer, Timer, TxReason};
use limpid_wire::SeqNum;

/// The largest super-segment, bytes: 64 KiB less the headers (Linux's `sk_gso_max_size`).
pub(crate) const GSO_MAX: u32 = 65_536 - 257;

/// Somebody who was busy so lately may wait a little for more (Linux's `tcp_tso_should_defer`).
const DEFER_TIME: Duration = Duration::from_millis(1);

/// Linux's `tcp_max_tso_deferred_mss`.
const DEFERRED_SEGMENTS: u32 = 3;

/// A super-segment that was cut and is on its way to the device, in as many steps as that needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    /// What comes next.
    pub(super) seq: SeqNum,
    /// The number after its last byte; a FIN lies there.
    pub(super) end: SeqNum,
    pub(super) mss: u16,
    pub(super) push: bool,
    pub(super) fin: bool,
    pub(super) why: TxReason,
    /// How often its first byte has left before.
    pub(super) retransmission: u8,
}

/// Why nothing (more) leaves now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    /// Nothing is there.
    Empty,
    /// The congestion window is full, or has so little room that it is worth waiting for the ACK that comes next.
    Congestion,
    /// The peer's window.
    Window,
    /// The rate of sending.
    Pacing,
    /// Nagle's algorithm or a cork; or more would make a better super-segment.
    Application,
}

impl Connection {
    /// A piece is full, and its write has more: segments leave, as far as they may (as Linux: where half a window was written
    /// since the last push, all; else one super-segment, if nothing waits before it). They wait for the device in
    /// `snd.bursts`, which the congestion window bounds.
    pub(super) fn piece_is_full<O: Observer>(&mut self, cx: &mut Cx<'_, O>, append: &Append) {
        self.snd.write_mode = Some(NagleMode::PUSH);
        if self.snd.queue.is_push_forced(append) {
            self.snd.queue.push();
            while let Some(burst) = self.cut_new(cx) {
                self.snd.bursts.push_back(burst);
            }
        } else if self.snd.queue.pieces.count() == 1 {
            let mss = self.current_mss();
            let held = match self.choose_new(cx.now, mss, true) {
                Ok(len) => {
                    let burst = self.send_new(cx, mss, len, None);
                    self.snd.bursts.push_back(burst);
                    Held::Application
                }
                Err(held) => held,
            };
            self.stopped(cx, held);
        }
    }

    /// Cuts off the next of what was never sent, if it may leave. Where sending begins, a probe of the path's MTU may be what
    /// leaves first.
    pub(super) fn cut_new<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Burst> {
        if !self.snd.sending && self.snd.path.is_some() {
            match self.send_mtu_probe(cx) {
                ProbeStep::Send(burst) => return Some(burst),
                ProbeStep::Wait => {
                    self.snd.write_mode = None;
                    self.snd.push_due = false;
                    return None;
                }
                ProbeStep::No => {}
            }
        }
        let mss = self.current_mss();
        match self.choose_new(cx.now, mss, false) {
            Ok(len) => Some(self.send_new(cx, mss, len, None)),
            Err(held) => {
                self.stopped(cx, held);
                None
            }
        }
    }

    /// How many bytes of the first piece leave now; `at_once` even if it were better to wait for more. 0 is a FIN for its own
    /// sake.
    fn choose_new(&mut self, now: Instant, mss: u32, at_once: bool) -> Result<u32, Held> {
        let fin_queued = self.halves.send() == SendHalf::FinQueued;
        if self.snd.queue.pieces.is_empty() && !fin_queued {
            return Err(Held::Empty);
        }
        if self.is_held_by_pace(now) {
            return Err(Held::Pacing);
        }
        let (in_flight, cwnd) = (self.snd.in_flight(), self.snd.cwnd());
        if in_flight >= cwnd || self.snd.records.is_full() {
            return Err(Held::Congestion);
        }
        let most = self.burst_segments(mss);
        // Half of the window at the most, so that there are two super-segments in flight.
        let quota = (cwnd / 2).max(1).min(cwnd - in_flight).min(most);
        let pieces = &mut self.snd.queue.pieces;
        pieces.grow_first((quota.saturating_mul(mss)).saturating_sub(pieces.first_len().unwrap_or(0)));
        let (len, last) = (pieces.first_len().unwrap_or(0), pieces.count() <= 1);
        let fin = fin_queued && last;
        let first_end = self.snd.nxt() + len.min(mss) + u32::from(fin && len <= mss);
        if first_end.after(self.snd.right_edge()) {
            return Err(Held::Window);
        }
        if len <= mss {
            let waits = last && !fin && len < mss && self.holds_small_segment();
            return if waits { Err(Held::Application) } else { Ok(len) };
        }
        if !at_once && let Some(held) = self.waits_for_more(now, len, most) {
            return Err(held);
        }
        Ok(if self.snd.is_urgent() { mss } else { len.min(self.split_point(len, last, mss, quota)) })
    }

    /// How many bytes of the first piece make a tail loss probe, which goes whatever the congestion window says, small or not.
    pub(super) fn choose_probe(&mut self, mss: u32) -> Option<u32> {
        if self.snd.records.is_full() {
            return None;
        }
        let (in_flight, cwnd) = (self.snd.in_flight(), self.snd.cwnd());
        let most = self.burst_segments(mss);
        let quota = (cwnd / 2).min(cwnd.saturating_sub(in_flight)).min(most).max(1);
        let pieces = &mut self.snd.queue.pieces;
        pieces.grow_first((quota.saturating_mul(mss)).saturating_sub(pieces.first_len().unwrap_or(0)));
        let (len, last) = (pieces.first_len().unwrap_or(0), pieces.count() <= 1);
        if len <= mss {
            return Some(len);
        }
        Some(if self.snd.is_urgent() { mss } else { len.min(self.split_point(len, last, mss, quota)) })
    }

    /// Whether a last segment that is not full has to wait (Linux's `tcp_nagle_test`).
    fn holds_small_segment(&self) -> bool {
        let mode = self.nagle_mode();
        let free = mode.contains(NagleMode::PUSH) || self.snd.is_urgent();
        !free && self.snd.nagle.holds(mode, self.snd.una(), self.snd.nxt())
    }

    /// Where a piece of `len` bytes is cut (Linux's `tcp_mss_split_point`).
    fn split_point(&self, len: u32, last: bool, mss: u32, quota: u32) -> u32 {
        let window = self.snd.usable_window();
        let most = quota.saturating_mul(mss);
        if most <= window && !last {
            return most;
        }
        let needed = len.min(window);
        if most <= needed {
            return most;
        }
        let partial = needed % mss;
        let held = self.snd.nagle.holds(self.nagle_mode(), self.snd.una(), self.snd.nxt());
        if partial > 0 && held { needed - partial } else { needed }
    }

    /// How many segments make a good super-segment: what the rate carries in a millisecond, and more where the round trip is
    /// short (Linux's `tcp_tso_autosize`).
    pub(super) fn burst_segments(&self, mss: u32) -> u32 {
        let rate = self.snd.pacing_rate(&self.config);
        let min_rtt = self.snd.rtt.min().map_or(u128::MAX, |rtt| rtt.as_micros());
        let halvings = min_rtt.checked_shr(u32::from(self.config.tso_rtt_log)).unwrap_or(0);
        let near = if halvings < 32 { GSO_MAX >> halvings } else { 0 };
        let bytes = (rate >> 10).saturating_add(u64::from(near)).min(u64::from(GSO_MAX)) as u32;
        let least = self.snd.congestion.least_burst().unwrap_or(self.config.min_tso_segs.into());
        (bytes / mss).max(least).max(1)
    }

    /// Window or round trip may have changed, and with them how fast to send.
    pub(super) fn update_pacing_rate(&mut self) {
        let mss = self.snd.cut_mss(self.header_len(), 0);
        self.snd.update_pacing_rate(&self.config, mss);
    }

    /// What is sent next waits for its time (Linux's `tcp_pacing_check`): the timer says when.
    pub(super) fn is_held_by_pace(&mut self, now: Instant) -> bool {
        if !self.snd.is_paced(&self.config) {
            return false;
        }
        let Some(wait) = self.snd.pacing.wait(now) else { return false };
        self.timers.postpone(Timer::Pace, now + wait);
        true
    }

    /// So many bytes leave in one piece: what comes next is to wait, if there is a pace.
    pub(super) fn paced(&mut self, now: Instant, bytes: u32, segments: u32) {
        let rate = self.snd.is_paced(&self.config).then(|| self.snd.pacing_rate(&self.config));
        self.snd.pacing.on_sent(now, bytes, segments, rate);
    }

    /// Whether it is better to wait for the next ACK than to send a small super-segment of the piece of `len` bytes (Linux's
    /// `tcp_tso_should_defer`).
    fn waits_for_more(&self, now: Instant, len: u32, most: u32) -> Option<Held> {
        let snd = &self.snd;
        let recovering = matches!(snd.recovery.phase(), Phase::Recovery | Phase::Loss);
        if recovering || now.since(snd.last_tx) > DEFER_TIME {
            return None;
        }
        let mss = u32::from(snd.mss);
        let by_window = snd.usable_window();
        let by_cwnd = (snd.cwnd() - snd.in_flight()).saturating_mul(mss);
        let limit = by_window.min(by_cwnd);
        let last = snd.queue.pieces.count() <= 1;
        if limit >= most.saturating_mul(mss) || (!last && limit >= len) || limit >= self.worthwhile(mss) {
            return None;
        }
        let head = snd.records.first()?;
        let srtt = snd.rtt.srtt().unwrap_or_default();
        // When the next ACK is far, there is no point in waiting for it.
        if (head.sent_at() + srtt).since(now) > (srtt / 2).min(DEFER_TIME) {
            return None;
        }
        if by_cwnd < by_window && by_cwnd <= len {
            return Some(Held::Congestion);
        }
        if by_cwnd >= by_window && by_window <= len {
            return Some(Held::Window);
        }
        let ends = snd.queue.pieces.first().is_some_and(|piece| piece.record_end);
        let complete = ends || (last && self.halves.send() == SendHalf::FinQueued);
        (!complete).then_some(Held::Application)
    }

    /// So much room is used at once.
    fn worthwhile(&self, mss: u32) -> u32 {
        let window = self.snd.wnd.min(self.snd.cwnd().saturating_mul(mss));
        match u32::from(self.config.tso_win_divisor) {
            0 => (DEFERRED_SEGMENTS * mss).saturating_add(1),
            divisor => window / divisor,
        }
    }

    /// Cuts `len` bytes off the first piece, which leave for the first time: with the FIN, if that is next and the window
    /// takes it. For a probe, `why` says so: what it carries is pushed.
    pub(super) fn send_new<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        mss: u32,
        len: u32,
        why: Option<TxReason>,
    ) -> Burst {
        let seq = self.snd.nxt();
        let piece = self.snd.queue.pieces.take(len);
        let end = seq + len;
        let next_is_fin = self.halves.send() == SendHalf::FinQueued && self.snd.queue.pieces.is_empty();
        // Only a super-segment's FIN may lie just beyond the window.
        let fin = next_is_fin && (len > mss || end.before(self.snd.right_edge()));
        // A super-segment always says PSH, but what is sent again of it in single segments does not.
        let probe = why == Some(TxReason::TailLossProbeOfNew);
        let marked = piece.push || (why.is_some() && !probe);
        let push = marked || len > mss;
        let shape =
            Shape { segment: if len > mss { mss as u16 } else { 0 }, push: marked, record_end: piece.record_end, fin };
        let why = why.unwrap_or(match (fin, self.snd.beyond_cwnd()) {
            (true, _) => TxReason::Fin,
            (false, true) => TxReason::LimitedTransmit,
            (false, false) => TxReason::NewData,
        });
        if fin {
            self.change(cx, |halves| halves.fin_sent());
        }
        self.leave_first(cx, (end + u32::from(fin), len), shape);
        if why == TxReason::ZeroWindowProbe {
            self.probing_is_over();
        }
        Burst { seq, end, mss: mss as u16, push, fin, why, retransmission: 0 }
    }

    /// So many bytes leave for the first time, up to `end`, where a FIN lies.
    pub(super) fn leave_first<O: Observer>(&mut self, cx: &mut Cx<'_, O>, (end, len): (SeqNum, u32), shape: Shape) {
        let mss = self.current_mss();
        self.snd.nagle.on_sent(len, mss, end);
        let idle = (self.snd.in_flight() == 0).then(|| cx.now.since(self.snd.last_sent));
        let first = self.snd.records.is_empty();
        self.snd.on_first_sent(end, cx.now, shape);
        self.snd.sending = true;
        let app_limited = self.snd.delivery.is_app_limited();
        let sample = SentSample::new(cx.now, len, self.snd.in_flight(), mss);
        let sample = SentSample { idle, app_limited, srtt: self.snd.rtt.srtt(), ..sample };
        self.snd.congestion.on_sent(&sample);
        self.paced(cx.now, len, len.div_ceil(mss));
        self.check_room(cx.now, cx.memory);
        self.timers.stop(Timer::Persist);
        self.on_new_sent(cx, first);
    }

    /// Nothing more may leave now. If nothing is in flight whose ACK would open the way, the window is what is closed, or
    /// the application holds back, and the persist timer must ask, or send (RFC 9293 §3.8.6.1).
    fn stopped<O: Observer>(&mut self, cx: &mut Cx<'_, O>, held: Held) {
        self.rests_from_sending(cx.now, held);
        // The SYN-ACK's timer, which has the same place, goes first: after the handshake it is looked at again.
        let waits = !matches!(held, Held::Empty | Held::Pacing) && self.request().is_none();
        if self.snd.records.is_empty() && waits && !self.timers.runs(Timer::Persist) {
            let after = self.snd.backed_off_rto().max(Rto::MIN);
            self.timers.start(cx, Timer::Persist, after);
        }
    }

    /// Nothing more is there to be sent.
    pub(super) fn ran_empty(&mut self, now: Instant) {
        self.rests_from_sending(now, Held::Empty);
    }

    fn rests_from_sending(&mut self, now: Instant, held: Held) {
        self.snd.write_mode = None;
        self.snd.push_due = false;
        let full = held == Held::Congestion || self.snd.in_flight() >= self.snd.cwnd();
        if held == Held::Window {
            self.chrono_start(now, Busy::Window);
            if !full && self.snd.congestion.goes_by_rate() {
                self.snd.delivery.limit(self.snd.in_flight());
            }
        } else {
            self.chrono_stop(now, Busy::Window);
        }
        // As Linux: where there is nothing to send, nobody looks.
        if core::mem::take(&mut self.snd.sending) || (full && held != Held::Empty) {
            self.validate_cwnd(now, full);
            if !full && self.starved_by_send_buffer() {
                self.chrono_start(now, Busy::SendBuffer);
            }
        }
    }

    /// Something is written, and there was room to send and too little to send (Linux's `tcp_rate_check_app_limited`).
    pub(super) fn check_app_limited(&mut self) {
        let snd = &mut self.snd;
        let in_flight = snd.in_flight();
        if snd.queue.end().offset_from(snd.records.snd_nxt()) < i32::from(snd.mss)
            && snd.bursts.is_empty()
            && in_flight < snd.congestion.window()
            && snd.records.segments_lost() <= snd.records.segments_resent()
        {
            snd.delivery.limit(in_flight);
        }
    }

    /// RFC 2861: a window that is not used is no window that the path is known to carry (Linux's `tcp_cwnd_validate`).
    fn validate_cwnd(&mut self, now: Instant, limited: bool) {
        let snd = &mut self.snd;
        let (cwnd, ssthresh) = (snd.congestion.window(), snd.congestion.ssthresh());
        snd.usage.on_stopped(Stopped {
            now,
            limited,
            snd_una: snd.records.snd_una(),
            snd_nxt: snd.records.snd_nxt(),
            out: snd.records.segments_out(),
            cwnd,
            ssthresh,
        });
        if !self.config.slow_start_after_idle || snd.recovery.phase() != Phase::Open || self.app.wants_room {
            return;
        }
        if let Some(used) = snd.usage.unused_since(now, snd.backed_off_rto()) {
            snd.congestion.on_unused(used);
            snd.usage.on_fitted(now);
        }
    }

    /// RFC 5681 §4.1: after a timeout's worth of silence the old window says nothing any more. Looked at when something is
    /// written.
    pub(super) fn restart_after_idle(&mut self, now: Instant) {
        if !self.config.slow_start_after_idle || !self.snd.records.is_empty() {
            return;
        }
        let (idle, rto) = (now.since(self.snd.last_sent), self.snd.backed_off_rto());
        if idle > rto {
            self.snd.congestion.on_idle(&IdleSample::new(now, idle, rto, u32::from(self.snd.mss)));
            self.snd.usage.on_fitted(now);
        }
    }

    /// How small segments are held back now.
    pub(super) fn nagle_mode(&self) -> NagleMode {
        let mut mode = NagleMode::empty();
        mode.set(NagleMode::OFF, self.config.no_delay);
        mode.set(NagleMode::CORK, self.config.cork);
        mode.set(NagleMode::PUSH, self.snd.push_small);
        self.snd.write_mode.unwrap_or(mode)
    }

    /// The size of a full segment now, with the options that it will have.
    pub(super) fn current_mss(&self) -> u32 {
        self.snd.cut_mss(self.header_len(), self.changing_options_len())
    }

    /// Length of the TCP header of a data segment without SACK blocks.
    pub(super) fn header_len(&self) -> u32 {
        u32::from(self.negotiated.signed) + if self.negotiated.timestamps { 32 } else { 20 }
    }

    /// How long a piece of what was written may become (Linux's `tcp_xmit_size_goal`).
    pub(super) fn size_goal(&self, mss: u32) -> u32 {
        let goal = crate::send::sws::bound_to_half_window(GSO_MAX, self.snd.max_wnd, self.header_len());
        (goal - goal % mss).max(mss)
    }
}
