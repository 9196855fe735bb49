//! What a connection tells about itself: Linux's `tcp_info`, same names and units.

use crate::ecn::{AccEcnFailure, AccEcnSeen};
use crate::{Config, FastOpenFailure};
use limpid_event::TcpState;

/// Linux's `tcp_info`, under Linux's names without `tcpi_`; what is not computed has its default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpInfo {
    /// State.
    pub state: TcpState,
    /// Where loss recovery stands: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss (Linux's numbers).
    pub ca_state: u8,
    /// Retransmission timeouts in a row, or zero-window probes.
    pub retransmits: u8,
    /// Probes not answered.
    pub probes: u8,
    /// How often the timeout was doubled.
    pub backoff: u8,
    /// Timestamps are in use.
    pub timestamps: bool,
    /// SACK is in use.
    pub sack: bool,
    /// ECN was negotiated,
    pub ecn: bool,
    /// and an ECT packet was seen.
    pub ecn_seen: bool,
    /// The SYN carried data that was acknowledged with it.
    pub syn_data: bool,
    /// Fast Open made it of a SYN alone.
    pub fast_open_child: bool,
    /// Why Fast Open failed.
    pub fast_open_failure: FastOpenFailure,
    /// `delivery_rate` was measured while the application had too little to send.
    pub delivery_rate_app_limited: bool,
    /// Shift of the windows the peer states; `None` without scaling.
    pub snd_wscale: Option<u8>,
    /// Shift of the windows we state.
    pub rcv_wscale: Option<u8>,
    /// Retransmission timeout, backed off, µs.
    pub rto: u32,
    /// Delayed ACK timeout, µs.
    pub ato: u32,
    /// Sending MSS, bytes.
    pub snd_mss: u32,
    /// The peer's MSS as estimated, bytes.
    pub rcv_mss: u32,
    /// The MSS we stated, bytes.
    pub advmss: u32,
    /// Segments in flight, as SND.NXT − SND.UNA.
    pub unacked: u32,
    /// Segments told by SACK.
    pub sacked: u32,
    /// Segments that count as lost.
    pub lost: u32,
    /// Segments sent again that are still in flight.
    pub retrans: u32,
    /// Time since data was sent last, ms.
    pub last_data_sent: u32,
    /// Time since data was received last, ms.
    pub last_data_recv: u32,
    /// Time since an acceptable segment came last, ms.
    pub last_ack_recv: u32,
    /// Path MTU, bytes.
    pub pmtu: u32,
    /// The bound on the window that is offered, as it grows, bytes.
    pub rcv_ssthresh: u32,
    /// Smoothed round-trip time, µs.
    pub rtt: u32,
    /// Its mean deviation, µs; 250 ms before anything is measured.
    pub rttvar: u32,
    /// The smallest of the last minutes, µs; `u32::MAX` before anything is measured.
    pub min_rtt: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// Slow-start threshold, segments; `u32::MAX` where none is known.
    pub snd_ssthresh: u32,
    /// How many segments may overtake one that is not lost.
    pub reordering: u32,
    /// The receiver's estimate of the round-trip time, µs.
    pub rcv_rtt: u32,
    /// What is read in a round trip, bytes.
    pub rcv_space: u32,
    /// The peer's window, bytes.
    pub snd_wnd: u32,
    /// What is left of our offer, bytes.
    pub rcv_wnd: u32,
    /// Bytes written and not sent.
    pub notsent_bytes: u32,
    /// Sequence numbers acknowledged in all: data, our FIN, and our SYN if it began the connection.
    pub bytes_acked: u64,
    /// Sequence numbers received in order in all: data, and the peer's FIN.
    pub bytes_received: u64,
    /// Segments sent again in all.
    pub total_retrans: u32,
    /// How fast to send, bytes a second; [`u64::MAX`] where that is unknown.
    pub pacing_rate: u64,
    /// The bound on it (SO_MAX_PACING_RATE).
    pub max_pacing_rate: u64,
    /// Segments sent,
    pub segs_out: u32,
    /// and received.
    pub segs_in: u32,
    /// Those of them with data.
    pub data_segs_in: u32,
    /// Those of them with data.
    pub data_segs_out: u32,
    /// The newest rate at which data arrived, bytes a second.
    pub delivery_rate: u64,
    /// Time with something to send or not acknowledged, µs,
    pub busy_time: u64,
    /// of it held up by the peer's window,
    pub rwnd_limited: u64,
    /// and by a send buffer that was too small.
    pub sndbuf_limited: u64,
    /// Segments that arrived, as far as told.
    pub delivered: u32,
    /// Those of them that met congestion.
    pub delivered_ce: u32,
    /// What is counted for accurate ECN.
    pub accecn: AccEcnInfo,
    /// Data bytes sent, retransmissions included,
    pub bytes_sent: u64,
    /// and these alone.
    pub bytes_retrans: u64,
    /// DSACK blocks received.
    pub dsack_dups: u32,
    /// How often reordering was seen.
    pub reord_seen: u32,
    /// Segments received out of order.
    pub rcv_ooopack: u32,
    /// How often another path was tried, as after each retransmission timeout: Linux draws another flow hash then, from which
    /// routers choose.
    pub rehash: u32,
    /// Retransmission timeouts,
    pub total_rto: u16,
    /// how often sending recovered from a row of them,
    pub total_rto_recoveries: u16,
    /// and the time that took, ms.
    pub total_rto_time: u32,
}

/// The part of `tcp_info` about marks that arrive, and accurate ECN (RFC 9768), under Linux's names without `tcpi_`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AccEcnInfo {
    /// Packets that arrived CE.
    pub received_ce: u32,
    /// Payload bytes of ours that arrived ECT(1) at the peer, as it says,
    pub delivered_e1_bytes: u32,
    /// ECT(0),
    pub delivered_e0_bytes: u32,
    /// or CE.
    pub delivered_ce_bytes: u32,
    /// Payload bytes that arrived here ECT(1),
    pub received_e1_bytes: u32,
    /// ECT(0),
    pub received_e0_bytes: u32,
    /// or CE.
    pub received_ce_bytes: u32,
    /// What is wrong.
    pub fail_mode: AccEcnFailure,
    /// What was seen of the peer's options.
    pub opt_seen: AccEcnSeen,
}

impl TcpInfo {
    /// Of a socket without a connection.
    pub fn unconnected(config: &Config) -> TcpInfo {
        TcpInfo {
            rto: 1_000_000,
            snd_mss: 536,
            rttvar: 250_000,
            min_rtt: u32::MAX,
            snd_cwnd: config.initial_cwnd.into(),
            snd_ssthresh: u32::MAX,
            reordering: 3,
            pacing_rate: u64::MAX,
            max_pacing_rate: config.max_pacing_rate,
            delivery_rate_app_limited: true,
            ..TcpInfo::default()
        }
    }
}
