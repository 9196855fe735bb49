//! What sending remembers: the send sequence variables (RFC 9293 §3.3.1), the queue, the records, and what paces them.

use super::Birth;
use super::path_mtu::Path;
use super::segmentation::Burst;
use super::watch::Watched;
use crate::Config;
use crate::congestion::{CongestionControl, Controller, CwndUsage, Start};
use crate::delivery::Delivery;
use crate::pacing::{self, Pacing};
use crate::pack::{Pack, Packer, Unpacker};
use crate::recovery::{Phase, Recovery, Rto, RttEstimator};
use crate::send::{Nagle, NagleMode, SendQueue, SentRecords, Shape, Snapshot, sws};
use alloc::collections::VecDeque;
use core::time::Duration;
use limpid_event::Instant;
use limpid_wire::{FramePool, SeqNum};

/// Probes' timeouts are doubled so often at the most: from the least to the largest there is.
const MAX_PROBE_BACKOFF: u32 = 10;

/// See the module. In the order of the memory: what is seldom touched comes last.
#[repr(C)]
pub(super) struct Snd {
    /// SND.UNA, SND.NXT and what lies between, SYN and FIN included.
    pub(super) records: SentRecords,
    /// SND.WND, bytes.
    pub(super) wnd: u32,
    /// SND.WL1: the sequence number of the segment that last set it.
    pub(super) wl1: SeqNum,
    /// The largest window the peer ever offered.
    pub(super) max_wnd: u32,
    /// The end of urgent data, or SND.UNA at the latest (RFC 9293 §3.8.5's SND.UP).
    pub(super) up: SeqNum,
    /// Payload bytes of a full segment without SACK blocks.
    pub(super) mss: u16,
    /// What the last write said about small segments, until all that may go for its sake has gone.
    pub(super) write_mode: Option<NagleMode>,
    /// SACK was negotiated.
    sack: bool,
    /// Small segments go until something is written again (Linux's TCP_NAGLE_PUSH).
    pub(super) push_small: bool,
    /// Something happened for which Linux looks whether new data may leave: a write, a segment that came, a setting.
    pub(super) push_due: bool,
    /// Something was acknowledged, for which Linux looks whether there is room for more to be written.
    pub(super) space_due: bool,
    /// There was no memory for the last write: nobody is told of room before something is acknowledged.
    pub(super) refused: bool,
    /// Something left since sending stopped last.
    pub(super) sending: bool,
    /// Timeouts in a row without a valid round-trip sample (RFC 6298 §5.5, §3).
    pub(super) backoff: u8,
    /// Zero-window probes since the window closed, answered or not.
    pub(super) probe_backoff: u8,
    /// Retransmission timeouts since the last progress (`icsk_retransmits`).
    pub(super) retransmits: u8,
    pub(super) nagle: Nagle,
    /// Segments sent again in all (`tcpi_total_retrans`).
    pub(super) total_retrans: u32,
    /// When anything left last.
    pub(super) last_tx: Instant,
    /// When data left last.
    pub(super) last_sent: Instant,
    /// What the application wrote; its numbers begin after SYN and end where the FIN goes.
    pub(super) queue: SendQueue,
    pub(super) rtt: RttEstimator,
    /// The size of the send buffer.
    pub(super) buffer: usize,
    /// Bytes acknowledged in all (`tcpi_bytes_acked`).
    pub(super) bytes_acked: u64,
    /// What was delivered so far, and how fast.
    pub(super) delivery: Delivery,
    pub(super) pacing: Pacing,
    pub(super) usage: CwndUsage,
    /// What was cut and has not left as a whole, in order.
    pub(super) bursts: VecDeque<Burst>,
    pub(super) recovery: Recovery,
    pub(super) congestion: CongestionControl,
    /// When the first zero-window probe was due since the window closed; [`Instant::MAX`] if none was.
    pub(super) probing_since: Instant,
    /// What the application watches.
    pub(super) watch: Watched,
    /// What is found out, or doubted, of the path.
    pub(super) path: Path,
}

impl Snd {
    pub(super) fn new(birth: &Birth, syn_acked: bool) -> Snd {
        let isn = birth.params.isn;
        let mss = birth.negotiated.send_mss(&birth.config, &birth.params);
        let mut records = SentRecords::new(if syn_acked { isn + 1 } else { isn });
        if !syn_acked {
            records.on_sent(isn + 1, birth.syn_sent_at, Snapshot::default(), Shape::SINGLE);
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
            retransmits: 0,
            probing_since: Instant::MAX,
            last_sent: birth.syn_sent_at,
            last_tx: birth.syn_sent_at,
            rtt: RttEstimator::with_bounds(birth.config.rto_min, birth.config.rto_max),
            recovery: Recovery::with_reordering(birth.config.reordering.into()),
            congestion: new_congestion(birth),
            usage: CwndUsage::new(isn + 1, birth.syn_sent_at),
            nagle: Nagle::new(isn + 1),
            push_small: false,
            write_mode: None,
            push_due: false,
            space_due: false,
            refused: false,
            buffer: birth.config.send_buffer,
            sending: false,
            bursts: VecDeque::new(),
            up: if syn_acked { isn + 1 } else { isn },
            bytes_acked: 0,
            total_retrans: birth.syn_retransmissions.into(),
            delivery: Delivery::new(),
            pacing: Pacing::new(),
            watch: None,
            path: None,
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

    /// The size of a full segment beside so many bytes of SACK blocks (Linux's `tcp_current_mss`). `header` is the length of
    /// the TCP header without them.
    pub(super) fn cut_mss(&self, header: u32, sack_option: u32) -> u32 {
        let mss = sws::bound_to_half_window(u32::from(self.mss), self.max_wnd, header);
        mss.saturating_sub(sack_option).max(1)
    }

    /// What is held for sending costs so much, as Linux accounts for it or as it really is, whichever is more.
    pub(super) fn memory(&self) -> usize {
        self.queue.pinned().max(self.queue.memory(self.records.count()))
    }

    /// Segments in the network.
    pub(super) fn in_flight(&self) -> u32 {
        self.recovery.pipe(&self.records)
    }

    /// The congestion window, segments: recovery's while it reduces it, else the controller's.
    pub(super) fn cwnd(&self) -> u32 {
        self.recovery.window(&self.congestion)
    }

    /// Segments that arrived out of order, as far as known: by SACK, or by duplicate ACKs.
    pub(super) fn sacked_out(&self) -> u32 {
        if self.sack { self.records.segments_sacked() } else { self.recovery.reno_sacked() }
    }

    /// More is outstanding than the congestion window, because duplicate ACKs told that some of it has left the network, and
    /// not yet that something is lost (RFC 3042).
    pub(super) fn beyond_cwnd(&self) -> bool {
        let disorder = self.recovery.phase() == Phase::Disorder;
        disorder && self.sacked_out() > 0 && self.records.segments_out() >= self.cwnd()
    }

    /// Urgent data has not been acknowledged (Linux's `tcp_urg_mode`).
    pub(super) fn is_urgent(&self) -> bool {
        self.up != self.una()
    }

    /// How fast to send, bytes a second; [`u64::MAX`] before that is known (Linux's `sk_pacing_rate`).
    pub(super) fn pacing_rate(&self, config: &Config) -> u64 {
        self.congestion.pacing_rate().unwrap_or(self.pacing.rate).min(config.max_pacing_rate)
    }

    /// Segments are held back to that.
    pub(super) fn is_paced(&self, config: &Config) -> bool {
        config.pacing || config.max_pacing_rate < u64::MAX || self.congestion.paces()
    }

    /// Window and round trip have changed, with segments of `mss` bytes.
    pub(super) fn update_pacing_rate(&mut self, config: &Config, mss: u32) {
        let (cwnd, ssthresh) = (self.cwnd(), self.congestion.ssthresh());
        let percent = if cwnd < ssthresh / 2 { config.pacing_ss_ratio } else { config.pacing_ca_ratio };
        let window = cwnd.max(self.records.segments_out());
        self.pacing.rate = pacing::rate(mss, window, percent, self.rtt.srtt_eighths());
    }

    /// The retransmission timeout, not backed off.
    pub(super) fn rto(&self) -> Duration {
        self.rtt.rto().duration()
    }

    /// The timeout to wait now.
    pub(super) fn backed_off_rto(&self) -> Duration {
        self.rtt.backed_off(u32::from(self.backoff))
    }

    /// The time until the next zero-window probe (RFC 9293 §3.8.6.1; Linux's `tcp_probe0_when`).
    pub(super) fn probe_interval(&self) -> Duration {
        let wait = self.backed_off_rto().max(Rto::MIN);
        self.rtt.bounded(wait.saturating_mul(1 << u32::from(self.probe_backoff).min(MAX_PROBE_BACKOFF)))
    }

    /// New numbers left in one piece, up to `end`.
    pub(super) fn on_first_sent(&mut self, end: SeqNum, now: Instant, shape: Shape) {
        let segments = (end - self.nxt()).div_ceil(u32::from(shape.segment).max(1));
        let snapshot = self.snapshot(now, if shape.segment == 0 { 1 } else { segments });
        let out = self.records.segments_out();
        self.records.on_sent(end, now, snapshot, shape);
        self.recovery.on_sent(self.records.segments_out() - out);
        self.last_sent = now;
    }

    /// So many segments leave now.
    fn snapshot(&mut self, now: Instant, segments: u32) -> Snapshot {
        let in_flight = self.in_flight().saturating_add(segments);
        self.delivery.on_sent(now, self.records.is_empty(), in_flight, self.records.lost_so_far())
    }

    /// `start..end` leaves again, in segments of `mss` bytes; returns how often its first byte has left before.
    pub(super) fn on_retransmit(&mut self, start: SeqNum, end: SeqNum, now: Instant, mss: u16) -> u32 {
        let snapshot = self.snapshot(now, (end - start).div_ceil(u32::from(mss).max(1)));
        self.last_sent = now;
        self.probe_is_inconclusive();
        let nth = self.recovery.on_retransmit(&mut self.records, start, end, now, snapshot, mss);
        let segments = self.records.get(start).map_or(1, |record| record.segments());
        self.total_retrans = self.total_retrans.saturating_add(segments);
        nth
    }

    /// The same, as a tail loss probe: it does not count as in flight beside the original.
    pub(super) fn on_probe(&mut self, start: SeqNum, end: SeqNum, now: Instant, mss: u16) -> u32 {
        let snapshot = self.snapshot(now, 1);
        self.last_sent = now;
        self.total_retrans = self.total_retrans.saturating_add(1);
        self.records.on_probe(start, end, now, snapshot, mss)
    }

    /// The connection is over: nothing will be sent again.
    pub(super) fn forget(&mut self, pool: &mut FramePool) {
        let end = self.queue.end();
        self.queue.pieces.clear();
        self.queue.ack_to(pool, end);
        self.bursts.clear();
    }
}

/// RFC 6928's window, or one segment if the SYN had to be sent again (RFC 5681 §3.1). Linux forgives one repetition.
fn new_congestion(birth: &Birth) -> CongestionControl {
    let initial = u32::from(birth.config.initial_cwnd);
    let window = if birth.syn_retransmissions > 1 { 1 } else { initial };
    let mss = birth.negotiated.send_mss(&birth.config, &birth.params);
    let (now, seed) = (birth.syn_sent_at, birth.params.isn.0);
    let start = Start { now, window, mss: mss.into(), seed, ..Start::new(initial) };
    CongestionControl::new(&birth.config, &start)
}

/// Of a connection at rest: nothing waits, nothing is outstanding, nobody watches.
impl Pack for Snd {
    fn pack(&self, to: &mut Packer) {
        let Snd {
            records,
            queue,
            wnd,
            wl1,
            max_wnd,
            mss,
            sack,
            backoff,
            probe_backoff,
            retransmits,
            probing_since,
            last_sent,
            last_tx,
            rtt,
            recovery,
            congestion,
            usage,
            nagle,
            push_small,
            write_mode,
            push_due,
            space_due,
            refused,
            buffer,
            sending,
            bursts,
            up,
            bytes_acked,
            total_retrans,
            delivery,
            pacing,
            watch,
            path,
        } = self;
        debug_assert!(write_mode.is_none() && bursts.is_empty() && watch.is_none() && path.is_none(), "would be lost");
        records.pack_empty(to);
        (queue.end(), queue.pushed_to).pack(to);
        congestion.pack(to);
        wnd.pack(to);
        wl1.pack(to);
        max_wnd.pack(to);
        mss.pack(to);
        sack.pack(to);
        backoff.pack(to);
        probe_backoff.pack(to);
        retransmits.pack(to);
        probing_since.pack(to);
        last_sent.pack(to);
        last_tx.pack(to);
        rtt.pack(to);
        recovery.pack(to);
        usage.pack(to);
        nagle.pack(to);
        push_small.pack(to);
        push_due.pack(to);
        space_due.pack(to);
        refused.pack(to);
        buffer.pack(to);
        sending.pack(to);
        up.pack(to);
        bytes_acked.pack(to);
        total_retrans.pack(to);
        delivery.pack(to);
        pacing.pack(to);
    }

    fn unpack(from: &mut Unpacker<'_>) -> Snd {
        let records = SentRecords::unpack_empty(from);
        let (start, pushed_to) = Pack::unpack(from);
        let queue = SendQueue::emptied(start, pushed_to);
        let congestion = CongestionControl::unpack(from);
        let (write_mode, bursts, watch, path) = (None, VecDeque::new(), None, None);
        let wnd = Pack::unpack(from);
        let wl1 = Pack::unpack(from);
        let max_wnd = Pack::unpack(from);
        let mss = Pack::unpack(from);
        let sack = Pack::unpack(from);
        let backoff = Pack::unpack(from);
        let probe_backoff = Pack::unpack(from);
        let retransmits = Pack::unpack(from);
        let probing_since = Pack::unpack(from);
        let last_sent = Pack::unpack(from);
        let last_tx = Pack::unpack(from);
        let rtt = Pack::unpack(from);
        let recovery = Pack::unpack(from);
        let usage = Pack::unpack(from);
        let nagle = Pack::unpack(from);
        let push_small = Pack::unpack(from);
        let push_due = Pack::unpack(from);
        let space_due = Pack::unpack(from);
        let refused = Pack::unpack(from);
        let buffer = Pack::unpack(from);
        let sending = Pack::unpack(from);
        let up = Pack::unpack(from);
        let bytes_acked = Pack::unpack(from);
        let total_retrans = Pack::unpack(from);
        let delivery = Pack::unpack(from);
        let pacing = Pack::unpack(from);
        Snd {
            records,
            queue,
            wnd,
            wl1,
            max_wnd,
            mss,
            sack,
            backoff,
            probe_backoff,
            retransmits,
            probing_since,
            last_sent,
            last_tx,
            rtt,
            recovery,
            congestion,
            usage,
            nagle,
            push_small,
            write_mode,
            push_due,
            space_due,
            refused,
            buffer,
            sending,
            bursts,
            up,
            bytes_acked,
            total_retrans,
            delivery,
            pacing,
            watch,
            path,
        }
    }
}

impl Snd {
    /// Nothing waits and nothing is outstanding; recovery has nothing to do, and no part is kept that can't be packed.
    pub(super) fn is_at_rest(&self) -> bool {
        let empty = self.records.is_empty() && self.queue.is_empty() && self.bursts.is_empty();
        let usual = self.write_mode.is_none() && self.watch.is_none() && self.path.is_none();
        empty && usual && self.recovery.phase() == Phase::Open && self.congestion.can_be_packed()
    }
}
