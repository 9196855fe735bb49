//! What a connection tells about itself: Linux's `tcp_info`, same names and units.

use limpid_event::TcpState;

/// Linux's `tcp_info`: the fields that have a meaning so far, under Linux's names without `tcpi_`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpInfo {
    /// State.
    pub state: TcpState,
    /// Where loss recovery stands: 0 open, 1 disorder, 3 recovery, 4 loss (Linux's numbers).
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
    /// Time since data was sent last, ms.
    pub last_data_sent: u32,
    /// Time since data was received last, ms.
    pub last_data_recv: u32,
    /// Time since an acceptable segment came last, ms.
    pub last_ack_recv: u32,
    /// Smoothed round-trip time, µs.
    pub rtt: u32,
    /// Its mean deviation, µs.
    pub rttvar: u32,
    /// The smallest of the last minutes, µs.
    pub min_rtt: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// Slow-start threshold, segments; `u32::MAX` where none is known.
    pub snd_ssthresh: u32,
    /// The peer's window, bytes.
    pub snd_wnd: u32,
    /// What is left of our offer, bytes.
    pub rcv_wnd: u32,
    /// Bytes written and not sent.
    pub notsent_bytes: u32,
    /// Bytes acknowledged in all.
    pub bytes_acked: u64,
    /// Bytes received in order in all.
    pub bytes_received: u64,
    /// Segments sent again in all.
    pub total_retrans: u32,
    /// How fast the controller would send, bytes a second; 0 where that is unknown.
    pub pacing_rate: u64,
}
