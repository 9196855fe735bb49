//! The path's MTU as it becomes known: by routes and ICMP (RFC 1191 §6, RFC 8201 §5, RFC 5927 §7.2), by probes, and by black
//! holes (RFC 4821; Linux's `tcp_sync_mss`, `tcp_mtu_probe`, `tcp_mtu_probing`).
//!
//! A probe is ordinary data in one segment that is larger than the others, sent where its loss would show soon and cost
//! little: the window is open and has room, nothing is out of order, and enough follows to make duplicate ACKs. Its loss alone
//! says that it was too large, and nothing of congestion (RFC 4821 §7.6.2). What is rare of all this is in a box.

use super::Connection;
use super::recover::Before;
use super::segmentation::Burst;
use crate::congestion::{Controller, SSTHRESH_UNKNOWN};
use crate::recovery::Phase;
use crate::send::{MtuSearch, Probe, Shape};
use crate::{Cx, MtuProbing};
use alloc::boxed::Box;
use limpid_event::{CongestionReason, Counter, Event, Observer, PathMtuReason, RecoveryReason, Timer, TxReason};
use limpid_wire::SeqNum;

/// The least congestion window in which a probe is sent, segments (Linux).
const LEAST_CWND: u32 = 11;

/// What few connections have: a search for the path's MTU, or a doubt about what a router said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathState {
    search: Option<MtuSearch>,
    claim: Option<Claim>,
    /// The timer of what a claim is about ran out: it is believed.
    believed: Option<u16>,
    /// The largest packet that is known to have arrived, as far as that is looked at.
    arrived: u32,
}

/// A router said that a segment was too large; that is not believed yet.
#[derive(Clone, Copy, Debug)]
struct Claim {
    mtu: u16,
    /// The segment begins here.
    seq: SeqNum,
}

/// What comes of the wish to send a probe.
pub(super) enum ProbeStep {
    /// This leaves.
    Send(Burst),
    /// Nothing leaves until there is room for a probe.
    Wait,
    /// There is nothing to find out now, or no way.
    No,
}

impl Connection {
    /// The path is another now (route or path MTU): a larger or smaller MSS, super-segments up to `max_burst` bytes. It counts
    /// for what is cut from now on, for the first time or again.
    pub fn handle_path<O: Observer>(&mut self, cx: &mut Cx<'_, O>, mss: u16, max_burst: u32) {
        // What was stated stays so.
        self.params.adv_mss.get_or_insert(self.params.mss);
        self.params.max_burst = max_burst;
        // What is known of the path stays, too, until it says something new (as Linux).
        if core::mem::replace(&mut self.params.mss, mss) != mss {
            let mtu = u32::from(mss + self.params.headers_len());
            cx.emit(|| Event::PathMtu { mtu, why: PathMtuReason::Route });
            self.sync_mss();
        }
    }

    /// ICMP said, and was believed, that the path takes no more than `mss` bytes behind the plain headers. What is in flight in
    /// larger segments is cut anew and sent again at once, which is no sign of congestion (RFC 1191 §6.5).
    pub fn handle_too_big<O: Observer>(&mut self, cx: &mut Cx<'_, O>, mss: u16) {
        self.params.adv_mss.get_or_insert(self.params.mss);
        self.params.mss = mss;
        let mtu = u32::from(mss + self.params.headers_len());
        cx.emit(|| Event::PathMtu { mtu, why: PathMtuReason::TooBig });
        self.sync_mss();
        if self.halves.syn_acked() && !self.halves.over() {
            self.send_larger_again(cx);
        }
    }

    /// Whether what a router said of the segment at `seq`, that no more than `mtu` bytes fit, is to be believed now. If not, it may
    /// be later: see [`take_believed_mtu`](Self::take_believed_mtu).
    pub fn believes_mtu<O: Observer>(&mut self, cx: &mut Cx<'_, O>, seq: SeqNum, mtu: u16) -> bool {
        if !self.config.path_mtu_second_look {
            return true;
        }
        let state = self.snd.path.get_or_insert_default();
        // What is as large has never got through: there is nothing to lose.
        if u32::from(mtu) >= state.arrived {
            return true;
        }
        state.claim = Some(Claim { mtu, seq });
        cx.emit(|| Event::PathMtu { mtu: mtu.into(), why: PathMtuReason::Doubted });
        false
    }

    /// The path MTU that a router told before and that is believed by now, after a timeout; once.
    pub fn take_believed_mtu(&mut self) -> Option<u16> {
        self.snd.path.as_mut()?.believed.take()
    }

    /// The open succeeded: the search begins, if it is to (Linux's `tcp_mtup_init`). Who connected begins with small segments;
    /// who accepted, with what the path is said to take, until something changes (as Linux).
    pub(super) fn begin_mtu_search<O: Observer>(&mut self, cx: &mut Cx<'_, O>, active: bool) {
        if self.config.mtu_probing != MtuProbing::Always {
            return;
        }
        if active {
            // The options of its SYN count, whatever became of them.
            let options = if self.config.timestamps { crate::negotiate::TIMESTAMPS_LEN } else { 0 };
            let most = self.config.base_mss.saturating_add(options);
            self.snd.mss = self.negotiated.send_mss_within(&self.config, &self.params, most);
        }
        self.set_search(cx);
    }

    fn set_search<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let (low, high) = (self.packet_len(self.config.base_mss.into()), self.largest_packet());
        self.snd.path.get_or_insert_default().search = Some(MtuSearch::new(cx.now, low, high));
    }

    fn search(&self) -> Option<&MtuSearch> {
        self.snd.path.as_ref()?.search.as_ref()
    }

    fn search_mut(&mut self) -> Option<&mut MtuSearch> {
        self.snd.path.as_mut()?.search.as_mut()
    }

    /// A packet with so many bytes of data (Linux's `tcp_mss_to_mtu`).
    fn packet_len(&self, data: u32) -> u32 {
        data + self.header_len() - 20 + u32::from(self.params.headers_len())
    }

    /// What data a packet carries (Linux's `tcp_mtu_to_mss`).
    fn data_len(&self, packet: u32) -> u32 {
        let most = packet.saturating_sub(self.params.headers_len().into());
        let most = u16::try_from(most).unwrap_or(u16::MAX);
        self.negotiated.send_mss_within(&self.config, &self.params, most).into()
    }

    /// The largest packet that the two ends allow.
    fn largest_packet(&self) -> u32 {
        u32::from(self.negotiated.mss_clamp(&self.config)) + u32::from(self.params.headers_len())
    }

    /// The MSS follows what is known of the path (Linux's `tcp_sync_mss`).
    pub(super) fn sync_mss(&mut self) {
        let path = u32::from(self.params.mss) + u32::from(self.params.headers_len());
        let low = self.search_mut().map(|search| {
            search.bound(path);
            search.low()
        });
        self.snd.mss = self.data_len(low.unwrap_or(u32::MAX).min(path)) as u16;
    }

    /// The largest segment that the path takes, with the options it would have now: no segment is larger, whatever else is
    /// wanted.
    pub(super) fn path_mss(&self) -> u32 {
        let mss = u32::from(self.negotiated.send_mss(&self.config, &self.params));
        mss.saturating_sub(self.changing_options_len()).max(1)
    }

    /// Segments in flight that are too large now count as lost, and leave again (Linux's `tcp_simple_retransmit`).
    fn send_larger_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let mss = self.current_mss();
        let was_lost = self.snd.recovery.phase() == Phase::Loss;
        if !self.snd.recovery.on_smaller_path(&mut self.snd.records, mss) {
            return;
        }
        if !was_lost {
            cx.emit(|| Event::RecoveryBegan { why: RecoveryReason::SmallerPath });
            let ssthresh = self.remembered_ssthresh();
            self.snd.congestion.set_window(self.snd.congestion.window(), Some(ssthresh));
        }
        self.timers.restart(cx, Timer::Rto, self.snd.backed_off_rto());
    }

    /// The threshold that remembers a window which is not one of congestion (Linux's `tcp_current_ssthresh`).
    fn remembered_ssthresh(&self) -> u32 {
        let (cwnd, ssthresh) = (self.snd.congestion.window(), self.snd.congestion.ssthresh());
        if ssthresh == SSTHRESH_UNKNOWN || self.snd.recovery.is_reducing() {
            return ssthresh;
        }
        ssthresh.max(cwnd / 2 + cwnd / 4)
    }

    /// Sends a probe, if it is time for one and it may leave (Linux's `tcp_mtu_probe`).
    pub(super) fn send_mtu_probe<O: Observer>(&mut self, cx: &mut Cx<'_, O>) -> ProbeStep {
        let cwnd = self.snd.cwnd();
        let Some(&search) = self.search() else { return ProbeStep::No };
        let calm = self.snd.recovery.phase() == Phase::Open && self.sack_blocks().is_empty();
        if search.is_probing() || !calm || cwnd < LEAST_CWND {
            return ProbeStep::No;
        }
        let mss = self.current_mss();
        let len = self.data_len(search.middle());
        // So much must follow that a loss shows without a timeout.
        let behind = self.snd.recovery.reordering().degree() + 1;
        let needed = len.saturating_add(behind.saturating_mul(mss));
        let threshold = u32::from(self.config.probe_threshold);
        if len > self.data_len(search.high()) || search.is_narrow(threshold) {
            self.search_again(cx, mss);
            return ProbeStep::No;
        }
        if self.unsent_data() < needed || self.snd.wnd < needed {
            return ProbeStep::No;
        }
        if (self.snd.nxt() + needed).after(self.snd.right_edge()) {
            return ProbeStep::Wait;
        }
        let in_flight = self.snd.in_flight();
        if in_flight + 2 > cwnd {
            return if in_flight == 0 { ProbeStep::No } else { ProbeStep::Wait };
        }
        if !self.snd.queue.pieces.can_join(len) || self.is_held_by_pace(cx.now) {
            return ProbeStep::No;
        }
        ProbeStep::Send(self.cut_mtu_probe(cx, len))
    }

    fn cut_mtu_probe<O: Observer>(&mut self, cx: &mut Cx<'_, O>, len: u32) -> Burst {
        let seq = self.snd.nxt();
        let end = seq + len;
        let piece = self.snd.queue.pieces.take_joined(len);
        let before = Before::new(&self.snd);
        self.leave_first(
            cx,
            (end, len),
            Shape { segment: 0, push: piece.push, record_end: piece.record_end, fin: false },
        );
        // What is sent is worth two segments.
        self.snd.congestion.set_window(self.snd.congestion.window() - 1, None);
        let size = self.packet_len(len);
        if let Some(search) = self.search_mut() {
            search.on_sent(Probe { size, start: seq, end });
        }
        cx.emit(|| Event::PathMtu { mtu: size, why: PathMtuReason::Probing });
        self.tell_of_window(cx, &before, CongestionReason::MtuProbe);
        let why = TxReason::MtuProbe;
        Burst { seq, end, mss: len as u16, push: piece.push, fin: false, why, retransmission: 0 }
    }

    /// There is nothing left to find out, but the path may be another by now (RFC 4821 §7.7; Linux's `tcp_mtu_check_reprobe`).
    fn search_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>, mss: u32) {
        let (low, high, interval) = (self.packet_len(mss), self.largest_packet(), self.config.probe_interval);
        let Some(search) = self.search_mut() else { return };
        if search.is_outdated(cx.now, interval) {
            *search = MtuSearch::new(cx.now, low, high);
            cx.emit(|| Event::PathMtu { mtu: high, why: PathMtuReason::SearchAgain });
        }
    }

    /// Segments up to `una` are acknowledged.
    pub(super) fn path_carried<O: Observer>(&mut self, cx: &mut Cx<'_, O>, una: SeqNum) {
        let Some(state) = &mut self.snd.path else { return };
        state.claim.take_if(|claim| una.after(claim.seq));
        let Some(size) = state.search.as_mut().and_then(|search| search.on_ack(una)) else { return };
        // As many bytes as before, in larger segments.
        let before = Before::new(&self.snd);
        let bytes = u64::from(self.snd.congestion.window()) * u64::from(self.packet_len(self.snd.mss.into()));
        let window = (bytes / u64::from(size)).max(1) as u32;
        self.snd.congestion.set_window(window, None);
        let ssthresh = self.remembered_ssthresh();
        self.snd.congestion.set_window(window, Some(ssthresh));
        self.sync_mss();
        cx.count(Counter::TcpExtTCPMTUPSuccess);
        cx.emit(|| Event::PathMtu { mtu: size, why: PathMtuReason::ProbeArrived });
        self.tell_of_window(cx, &before, CongestionReason::MtuProbe);
    }

    /// What [`believes_mtu`](Self::believes_mtu) wants to know of what an ACK up to `ack` acknowledges.
    pub(super) fn note_arrived(&mut self, ack: SeqNum) {
        let acked = self.snd.records.iter().take_while(|record| record.end().before_eq(ack));
        let Some(largest) = acked.map(|record| record.segment_len()).max() else { return };
        let packet = self.packet_len(largest);
        let state = self.snd.path.get_or_insert_default();
        state.arrived = state.arrived.max(packet);
    }

    /// Whether the loss of what is outstanding first would be that of a probe.
    pub(super) fn is_probe_first(&self) -> bool {
        self.search().is_some_and(|search| search.would_lose(self.snd.una()))
    }

    /// A probe is lost, and nothing else: the window is as it was, and what the probe carried goes again in smaller segments.
    pub(super) fn mtu_probe_is_lost<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let Some(size) = self.search_mut().and_then(MtuSearch::on_lost) else { return };
        cx.count(Counter::TcpExtTCPMTUPFail);
        cx.emit(|| Event::PathMtu { mtu: size, why: PathMtuReason::ProbeLost });
        let before = Before::new(&self.snd);
        self.snd.congestion.set_window(self.snd.congestion.window().saturating_add(1), None);
        self.send_larger_again(cx);
        self.tell_of_window(cx, &before, CongestionReason::MtuProbe);
    }

    /// The retransmission timer ran out. What a router said of the path is believed now, and after several times in a row the
    /// path is one that swallows what is too large without a word (RFC 4821 §7.7; Linux's `tcp_mtu_probing`).
    pub(super) fn doubt_path<O: Observer>(&mut self, cx: &mut Cx<'_, O>, again_and_again: bool) {
        if let Some(state) = &mut self.snd.path
            && let Some(claim) = state.claim.take()
        {
            state.believed = Some(claim.mtu);
        }
        if !again_and_again || self.config.mtu_probing == MtuProbing::Off {
            return;
        }
        match self.search().copied() {
            None => self.set_search(cx),
            Some(search) => {
                let half = self.data_len(search.low()) / 2;
                let least = self.config.mtu_probe_floor.max(self.config.min_snd_mss);
                let low = self.packet_len(half.min(self.config.base_mss.into()).max(least.into()));
                if let Some(search) = self.search_mut() {
                    search.lower(low);
                }
            }
        }
        self.sync_mss();
        let mtu = self.packet_len(self.snd.mss.into());
        cx.emit(|| Event::PathMtu { mtu, why: PathMtuReason::BlackHole });
    }
}

impl super::snd::Snd {
    /// Something leaves again: what becomes of a probe tells nothing any more.
    pub(super) fn probe_is_inconclusive(&mut self) {
        if let Some(search) = self.path.as_mut().and_then(|state| state.search.as_mut()) {
            search.on_inconclusive();
        }
    }
}

/// Nothing of this is there by default.
pub(super) type Path = Option<Box<PathState>>;
