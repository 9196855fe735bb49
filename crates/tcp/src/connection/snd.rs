//! What sending remembers: the send sequence variables (RFC 9293 §3.3.1), the queue, the records, and what paces them.

use super::Birth;
use super::watch::Watched;
use crate::congestion::{CongestionControl, Controller, CwndUsage, initial_window};
use crate::recovery::{NewReno, RttEstimator};
use crate::send::{Nagle, SendQueue, SentRecords, Snapshot, sws};
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::{FramePool, SeqNum};

/// See the module.
pub(super) struct Snd {
    /// SND.UNA, SND.NXT and what lies between, SYN and FIN included.
    pub(super) records: SentRecords,
    /// What the application wrote; its numbers begin after SYN and end where the FIN goes.
    pub(super) queue: SendQueue,
    /// SND.WND, bytes.
    pub(super) wnd: u32,
    /// SND.WL1: the sequence number of the segment that last set it.
    pub(super) wl1: SeqNum,
    /// The largest window the peer ever offered.
    pub(super) max_wnd: u32,
    /// Payload bytes of a full segment without SACK blocks.
    pub(super) mss: u16,
    /// SACK was negotiated.
    sack: bool,
    /// Timeouts in a row without a valid round-trip sample (RFC 6298 §5.5, §3).
    pub(super) backoff: u8,
    /// Zero-window probes since the window closed, answered or not.
    pub(super) probe_backoff: u8,
    /// When the first retransmission since the last progress left; [`Instant::MAX`] if there was none.
    pub(super) retransmitting_since: Instant,
    pub(super) last_sent: Instant,
    pub(super) rtt: RttEstimator,
    pub(super) recovery: NewReno,
    pub(super) congestion: CongestionControl,
    pub(super) usage: CwndUsage,
    pub(super) nagle: Nagle,
    /// Bytes acknowledged in all (`tcpi_bytes_acked`).
    pub(super) bytes_acked: u64,
    /// Segments sent again in all (`tcpi_total_retrans`).
    pub(super) total_retrans: u32,
    /// What was delivered so far, as it is noted in each record.
    pub(super) delivered: Snapshot,
    /// What the application watches.
    pub(super) watch: Watched,
}

impl Snd {
    pub(super) fn new(birth: &Birth, syn_acked: bool) -> Snd {
        let isn = birth.params.isn;
        let mss = birth.negotiated.send_mss(&birth.config, &birth.params);
        let mut records = SentRecords::new(if syn_acked { isn + 1 } else { isn });
        if !syn_acked {
            records.on_sent(isn + 1, birth.syn_sent_at, Snapshot::default());
        }
        let mut rtt = RttEstimator::new();
        if birth.syn_retransmissions > 0 {
            rtt.on_syn_loss();
        }
        Snd {
            records,
            queue: SendQueue::new(isn + 1),
            wnd: birth.snd_wnd,
            wl1: birth.irs,
            max_wnd: birth.snd_wnd,
            mss,
            sack: birth.negotiated.sack,
            backoff: 0,
            probe_backoff: 0,
            retransmitting_since: Instant::MAX,
            last_sent: birth.syn_sent_at,
            rtt,
            recovery: NewReno::new(),
            congestion: new_congestion(birth, u32::from(mss)),
            usage: CwndUsage::new(isn + 1),
            nagle: Nagle::new(isn + 1),
            bytes_acked: 0,
            total_retrans: 0,
            delivered: Snapshot::default(),
            watch: None,
        }
    }

    /// SND.UNA.
    #[inline]
    pub(super) fn una(&self) -> SeqNum {
        self.records.snd_una()
    }

    /// SND.NXT.
    #[inline]
    pub(super) fn nxt(&self) -> SeqNum {
        self.records.snd_nxt()
    }

    /// SND.UNA + SND.WND: the first number the peer will not take.
    #[inline]
    pub(super) fn right_edge(&self) -> SeqNum {
        self.una() + self.wnd
    }

    /// How much of the peer's window is unused (RFC 9293 §3.8.6.2.1's U). Nothing, if it shrank below what was sent.
    pub(super) fn usable_window(&self) -> u32 {
        self.right_edge().offset_from(self.nxt()).max(0) as u32
    }

    /// The size to cut by beside so many bytes of SACK blocks.
    pub(super) fn cut_mss(&self, sack_option: u32) -> u32 {
        let mss = u32::from(self.mss).saturating_sub(sack_option).max(1);
        sws::bound_to_half_window(mss, self.max_wnd).min(mss)
    }

    /// What is in the network.
    pub(super) fn in_flight(&self) -> u32 {
        self.recovery.pipe(&self.records, self.sack, u32::from(self.mss))
    }

    /// The congestion window, bytes.
    pub(super) fn cwnd(&self) -> u32 {
        self.congestion.window()
    }

    /// More is outstanding than the congestion window, because duplicate ACKs told that some of it has left the network.
    pub(super) fn beyond_cwnd(&self) -> bool {
        self.recovery.dup_acks() > 0 && self.records.outstanding() >= self.cwnd()
    }

    /// The retransmission timeout, not backed off.
    pub(super) fn rto(&self) -> Duration {
        self.rtt.rto().duration()
    }

    /// The timeout to wait now.
    pub(super) fn backed_off_rto(&self) -> Duration {
        self.rtt.rto().backed_off(u32::from(self.backoff))
    }

    /// The time until the next zero-window probe (RFC 9293 §3.8.6.1).
    pub(super) fn probe_interval(&self) -> Duration {
        self.rtt.rto().backed_off(u32::from(self.backoff) + u32::from(self.probe_backoff))
    }

    /// New numbers left, up to `end`.
    pub(super) fn on_first_sent(&mut self, end: SeqNum, now: Instant) {
        if self.records.is_empty() {
            self.delivered.first_sent_at = now;
            self.delivered.delivered_at = now;
        }
        self.records.on_sent(end, now, self.delivered);
        self.last_sent = now;
    }

    /// `start..end` leaves again; returns how often its first byte has left before.
    pub(super) fn on_retransmit(&mut self, start: SeqNum, end: SeqNum, now: Instant) -> u32 {
        let snapshot = self.delivered;
        self.last_sent = now;
        self.total_retrans = self.total_retrans.saturating_add(1);
        self.recovery.on_retransmit(&mut self.records, start, end, now, snapshot)
    }

    /// The connection is over: nothing will be sent again.
    pub(super) fn forget(&mut self, pool: &mut FramePool) {
        let end = self.queue.end();
        self.queue.ack_to(pool, end);
    }
}

/// RFC 6928's window, or one segment if the SYN had to be sent again (RFC 5681 §3.1). Linux forgives one repetition.
fn new_congestion(birth: &Birth, mss: u32) -> CongestionControl {
    let segments = u32::from(birth.config.initial_cwnd);
    let window = match birth.syn_retransmissions {
        0 | 1 if segments == 10 => initial_window(mss),
        0 | 1 => segments * mss,
        _ => mss,
    };
    CongestionControl::new(birth.config.congestion, mss, window)
}
