//! What a connection tells about itself: Linux's `tcp_info`, same names and units.

use limpid_event::TcpState;

/// Linux's `tcp_info`. (Sketch: the fields that have a meaning so far.)
#[derive(Clone, Debug)]
pub struct TcpInfo {
    /// State.
    pub state: TcpState,
    /// Retransmission timeout, µs.
    pub rto: u32,
    /// Smoothed round-trip time, µs.
    pub rtt: u32,
    /// Its mean deviation, µs.
    pub rttvar: u32,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// Slow-start threshold, segments.
    pub snd_ssthresh: u32,
    /// Sending MSS, bytes.
    pub snd_mss: u32,
    /// Retransmissions in all.
    pub total_retrans: u32,
}
