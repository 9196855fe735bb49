//! What is only counted: segments and bytes both ways, timeouts, and for how long what held sending up (RFC 4898's
//! statistics, under the names of Linux's `tcp_info`).

use super::Connection;
use super::halves::{RecvHalf, SendHalf};
use crate::pack::packed;
use crate::{Cx, TcpInfo, Transmit};
use limpid_event::{Instant, Observer};
use limpid_wire::Segment;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stats {
    segs_in: u32,
    segs_out: u32,
    data_segs_in: u32,
    data_segs_out: u32,
    bytes_sent: u64,
    bytes_retrans: u64,
    dsack_dups: u32,
    out_of_order: u32,
    total_rto: u16,
    rto_recoveries: u16,
    /// ms.
    rto_time: u32,
    /// When the first timeout since the last progress was; [`Instant::MAX`] if there was none.
    rto_since: Instant,
    chrono: Chrono,
    /// Our SYN's number counts in `bytes_acked`: the peer acknowledged it in an ordinary ACK.
    counts_syn: bool,
}

/// What sending is about, each for its time: the one that says most (Linux's `tcp_chrono`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Busy {
    /// Nothing to send.
    Idle,
    /// Data is there, or not acknowledged.
    Sending,
    /// The peer's window is in the way.
    Window,
    /// All was sent, and the send buffer is too small for more.
    SendBuffer,
}

/// How long it was what, µs.
#[derive(Clone, Copy, Debug)]
struct Chrono {
    now: Busy,
    since: Instant,
    sending: u64,
    window: u64,
    send_buffer: u64,
}

impl Chrono {
    fn set(&mut self, at: Instant, to: Busy) {
        *self = Chrono { now: to, since: at, ..self.until(at) };
    }

    /// With what runs at the moment.
    fn until(&self, at: Instant) -> Chrono {
        let mut all = *self;
        let time = u64::try_from(at.since(self.since).as_micros()).unwrap_or(u64::MAX);
        match self.now {
            Busy::Idle => {}
            Busy::Sending => all.sending += time,
            Busy::Window => all.window += time,
            Busy::SendBuffer => all.send_buffer += time,
        }
        all
    }
}

impl Stats {
    /// Of a connection that our SYN began, which left `syns` times, or the peer's.
    pub(super) fn new(now: Instant, active: bool, syns: u8) -> Stats {
        let timeouts = u16::from(syns.saturating_sub(1));
        Stats {
            // The peer's SYN, or its SYN-ACK.
            segs_in: 1,
            segs_out: if active { syns.into() } else { 0 },
            data_segs_in: 0,
            data_segs_out: 0,
            bytes_sent: 0,
            bytes_retrans: 0,
            dsack_dups: 0,
            out_of_order: 0,
            total_rto: if active { timeouts } else { 0 },
            rto_recoveries: u16::from(active && timeouts > 0),
            rto_time: 0,
            rto_since: Instant::MAX,
            chrono: Chrono { now: Busy::Idle, since: now, sending: 0, window: 0, send_buffer: 0 },
            counts_syn: active,
        }
    }

    /// Of a connection that is there although our SYN-ACK is not acknowledged.
    pub(super) fn of_fast_open(now: Instant) -> Stats {
        Stats::new(now, false, 0)
    }

    /// The peer's SYN, which is counted, had data.
    pub(super) fn on_syn_data(&mut self) {
        self.data_segs_in = 1;
    }

    /// Our SYN, which is counted, had data.
    pub(super) fn on_syn_data_sent(&mut self, len: u32) {
        self.data_segs_out = 1;
        self.bytes_sent = len.into();
    }

    /// So many segments that leave now do not count.
    pub(super) fn not_ours(&mut self, segments: u32) {
        self.segs_out = self.segs_out.wrapping_sub(segments);
    }

    /// Segments with data that came.
    pub(super) fn data_segs_in(&self) -> u32 {
        self.data_segs_in
    }

    #[inline]
    pub(super) fn on_received(&mut self, segment: &Segment) {
        let segments = u32::from(segment.merged.max(1));
        self.segs_in = self.segs_in.wrapping_add(segments);
        if !segment.payload.is_empty() {
            self.data_segs_in = self.data_segs_in.wrapping_add(segments);
        }
    }

    /// A segment came ahead of what is missing.
    pub(super) fn on_out_of_order(&mut self, segments: u16) {
        self.out_of_order = self.out_of_order.saturating_add(segments.max(1).into());
    }

    #[inline]
    pub(super) fn on_data_sent(&mut self, transmit: &Transmit, again: bool) {
        let len = transmit.segment.payload.len() as u64;
        if len > 0 {
            self.data_segs_out = self.data_segs_out.wrapping_add(transmit.wire_segments());
            self.bytes_sent += len;
            self.bytes_retrans += if again { len } else { 0 };
        }
    }

    /// Payload bytes sent, retransmissions included.
    pub(super) fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// A D-SACK told of so many segments.
    pub(super) fn on_dsack(&mut self, segments: u32) {
        self.dsack_dups = self.dsack_dups.saturating_add(segments);
    }

    pub(super) fn dsack_dups(&self) -> u32 {
        self.dsack_dups
    }

    /// The retransmission timer ran out; `first` says that something was acknowledged since it did before.
    pub(super) fn on_rto(&mut self, now: Instant, first: bool) {
        self.total_rto = self.total_rto.saturating_add(1);
        if first {
            self.rto_since = now;
            self.rto_recoveries = self.rto_recoveries.saturating_add(1);
        }
    }

    /// It is over: nothing is to be sent any more.
    pub(super) fn on_end(&mut self, now: Instant) {
        self.chrono.set(now, Busy::Idle);
    }

    /// The recovery from timeouts is over.
    pub(super) fn on_loss_left(&mut self, now: Instant) {
        if self.rto_since < Instant::MAX {
            let time = u32::try_from(now.since(self.rto_since).as_millis()).unwrap_or(u32::MAX);
            self.rto_time = self.rto_time.saturating_add(time);
            self.rto_since = Instant::MAX;
        }
    }
}

impl Connection {
    /// The next segment to send, if one is due; call until `None`.
    #[inline]
    pub fn poll_transmit<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> Option<Transmit> {
        let transmit = self.next_transmit(cx)?;
        self.stats.segs_out = self.stats.segs_out.wrapping_add(transmit.wire_segments());
        Some(transmit)
    }

    /// A reason to be busy begins; what says more goes on.
    pub(super) fn chrono_start(&mut self, now: Instant, reason: Busy) {
        if reason > self.stats.chrono.now {
            self.stats.chrono.set(now, reason);
        }
    }

    /// A reason to be busy ends.
    pub(super) fn chrono_stop(&mut self, now: Instant, reason: Busy) {
        let empty = self.snd.records.is_empty() && !self.has_unsent();
        if empty && self.stats.chrono.now != Busy::Idle {
            self.stats.chrono.set(now, Busy::Idle);
        } else if !empty && reason == self.stats.chrono.now {
            self.stats.chrono.set(now, Busy::Sending);
        }
    }

    /// All was sent, and who writes waits for room in the send buffer.
    pub(super) fn starved_by_send_buffer(&self) -> bool {
        self.app.wants_room && !self.has_unsent() && self.halves.send() == SendHalf::Open
    }

    /// The part of `tcp_info` that is counted here.
    pub(super) fn counted(&self, now: Instant) -> TcpInfo {
        let stats = &self.stats;
        let chrono = stats.chrono.until(now);
        // As on Linux, SYN and FIN count as the numbers that they take.
        let fin_acked = self.halves.send() == SendHalf::FinAcked;
        let fin_received = self.halves.recv() == RecvHalf::FinReceived;
        TcpInfo {
            bytes_acked: self.snd.bytes_acked + u64::from(stats.counts_syn) + u64::from(fin_acked),
            bytes_received: self.rcv.bytes + u64::from(fin_received),
            segs_in: stats.segs_in,
            segs_out: stats.segs_out,
            data_segs_in: stats.data_segs_in,
            data_segs_out: stats.data_segs_out,
            bytes_sent: stats.bytes_sent,
            bytes_retrans: stats.bytes_retrans,
            delivered: self.snd.delivery.delivered(),
            dsack_dups: stats.dsack_dups,
            rcv_ooopack: stats.out_of_order,
            rehash: stats.total_rto.into(),
            total_rto: stats.total_rto,
            total_rto_recoveries: stats.rto_recoveries,
            total_rto_time: stats.rto_time,
            busy_time: chrono.sending + chrono.window + chrono.send_buffer,
            rwnd_limited: chrono.window,
            sndbuf_limited: chrono.send_buffer,
            ..TcpInfo::unconnected(&self.config)
        }
    }
}

packed!(struct Stats { segs_in, segs_out, data_segs_in, data_segs_out, bytes_sent, bytes_retrans, dsack_dups, out_of_order, total_rto, rto_recoveries, rto_time, rto_since, chrono, counts_syn });
packed!(struct Chrono { now, since, sending, window, send_buffer });
packed!(
    enum Busy {
        Idle,
        Sending,
        Window,
        SendBuffer,
    }
);

#[cfg(test)]
mod tests;
