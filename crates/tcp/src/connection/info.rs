//! `tcp_info`, put together.

use super::Connection;
use crate::TcpInfo;
use crate::congestion::{Controller, SSTHRESH_UNKNOWN, in_segments};
use crate::negotiate::advertised_mss;
use crate::recovery::Phase;
use core::time::Duration;
use limpid_event::Instant;

impl Connection {
    /// Linux's `tcp_info`.
    pub fn info(&self, now: Instant) -> TcpInfo {
        let (snd, rcv) = (&self.snd, &self.rcv);
        let mss = u32::from(snd.mss).max(1);
        let since = |then: Instant| u32::try_from(now.since(then).as_millis()).unwrap_or(u32::MAX);
        let scaling = |shift: u8| self.negotiated.scaling.then_some(shift);
        let ssthresh = match snd.congestion.ssthresh() {
            SSTHRESH_UNKNOWN => u32::MAX,
            bytes => in_segments(bytes, mss),
        };
        TcpInfo {
            state: self.state(),
            ca_state: match snd.recovery.phase() {
                Phase::Open => 0,
                Phase::Disorder => 1,
                Phase::Recovery => 3,
                Phase::Loss => 4,
            },
            retransmits: snd.backoff,
            probes: self.probes_out,
            backoff: snd.backoff.max(snd.probe_backoff),
            timestamps: self.negotiated.timestamps,
            sack: self.negotiated.sack,
            snd_wscale: scaling(self.negotiated.snd_scale.shift()),
            rcv_wscale: scaling(rcv.window.scale().shift()),
            rto: micros(snd.backed_off_rto()),
            ato: micros(rcv.ack.ato()),
            snd_mss: mss,
            rcv_mss: rcv.ack.rcv_mss(),
            advmss: u32::from(advertised_mss(&self.config, &self.params)),
            unacked: snd.records.outstanding().div_ceil(mss),
            sacked: snd.records.sacked().div_ceil(mss),
            lost: snd.records.lost().div_ceil(mss),
            last_data_sent: since(snd.last_sent),
            last_data_recv: since(rcv.last_data),
            last_ack_recv: since(self.last_heard),
            rtt: micros(snd.rtt.srtt().unwrap_or_default()),
            rttvar: micros(snd.rtt.mdev()),
            min_rtt: micros(snd.rtt.min().unwrap_or_default()),
            snd_cwnd: in_segments(snd.cwnd(), mss),
            snd_ssthresh: ssthresh,
            snd_wnd: snd.wnd,
            rcv_wnd: rcv.window.current(self.rcv_nxt()).bytes(),
            notsent_bytes: snd.queue.end().offset_from(snd.nxt()).max(0) as u32,
            bytes_acked: snd.bytes_acked,
            bytes_received: rcv.bytes,
            total_retrans: snd.total_retrans,
            pacing_rate: snd.congestion.pacing_rate().unwrap_or(0),
            ..TcpInfo::unconnected(&self.config)
        }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}
