//! `tcp_info`, put together.

use super::Connection;
use crate::TcpInfo;
use crate::congestion::{Controller, ControllerInfo};
use core::time::Duration;
use limpid_event::Instant;

impl Connection {
    /// What the congestion controller tells of itself (TCP_CC_INFO).
    pub fn controller_info(&self) -> Option<ControllerInfo> {
        self.snd.congestion.info()
    }

    /// Linux's `tcp_info`.
    pub fn info(&self, now: Instant) -> TcpInfo {
        let (snd, rcv) = (&self.snd, &self.rcv);
        let mss = self.snd.cut_mss(self.header_len(), 0);
        let (delivery_rate, delivery_rate_app_limited) = snd.delivery.rate(mss);
        let since = |then: Instant| u32::try_from(now.since(then).as_millis()).unwrap_or(u32::MAX);
        let (syn_data, fast_open_child, fast_open_failure) = self.fast_open_info();
        let scaling = |shift: u8| self.negotiated.scaling.then_some(shift);
        TcpInfo {
            state: self.state(),
            ca_state: snd.recovery.phase() as u8,
            retransmits: snd.retransmits,
            probes: self.probes_out,
            backoff: snd.backoff.max(snd.probe_backoff),
            timestamps: self.negotiated.timestamps,
            sack: self.negotiated.sack,
            ecn: !self.ecn.is_off(),
            ecn_seen: self.ecn.has_seen(),
            delivered_ce: self.ecn.delivered_ce,
            accecn: self.ecn.accurate.as_ref().map(|accurate| accurate.info()).unwrap_or_default(),
            syn_data,
            fast_open_child,
            fast_open_failure,
            snd_wscale: scaling(self.negotiated.snd_scale.shift()),
            rcv_wscale: scaling(rcv.window.scale().shift()),
            rto: micros(snd.backed_off_rto()),
            ato: micros(rcv.ack.ato()),
            snd_mss: mss,
            rcv_mss: rcv.ack.rcv_mss(),
            advmss: u32::from(rcv.ack.adv_mss()) + self.options_not_agreed(),
            unacked: snd.records.segments_out(),
            sacked: snd.sacked_out(),
            lost: snd.records.segments_lost(),
            retrans: snd.records.segments_resent(),
            reordering: snd.recovery.reordering().degree(),
            reord_seen: snd.recovery.reordering().seen(),
            rcv_ssthresh: rcv.window.threshold(),
            rcv_rtt: micros(rcv.rtt.estimate()),
            rcv_space: rcv.sizing.space(),
            last_data_sent: since(snd.last_sent),
            last_data_recv: since(rcv.last_data),
            last_ack_recv: since(self.last_heard),
            rtt: micros(snd.rtt.srtt().unwrap_or_default()),
            rttvar: micros(snd.rtt.mdev()),
            min_rtt: snd.rtt.min().map_or(u32::MAX, micros),
            snd_cwnd: snd.cwnd(),
            snd_ssthresh: snd.congestion.ssthresh(),
            snd_wnd: snd.wnd,
            rcv_wnd: rcv.window.offered(),
            notsent_bytes: snd.queue.end().offset_from(snd.nxt()).max(0) as u32,
            total_retrans: snd.total_retrans,
            pacing_rate: snd.pacing_rate(&self.config),
            max_pacing_rate: self.config.max_pacing_rate,
            delivery_rate,
            delivery_rate_app_limited,
            ..self.counted(now)
        }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
