//! `struct tcp_info` of Linux 6.18 as bytes.

use super::table::Of;
use crate::abi;
use alloc::vec::Vec;
use limpid_event::TcpState;
use limpid_stack::{ControllerInfo, TcpInfo};

/// Its length.
const LEN: usize = 280;

/// Linux's "no threshold" (TCP_INFINITE_SSTHRESH).
const NO_SSTHRESH: u32 = 0x7fff_ffff;

/// What TCP_INFO tells of a socket in whatever state.
pub(super) fn tcp_info(of: Of<'_>) -> Vec<u8> {
    let state = number_of(of.state());
    if of.state() == TcpState::Listen {
        let (waiting, backlog) = of.accept_queue();
        return listener_info(state, waiting, backlog);
    }
    match of.info() {
        Some(info) => connection_info(&info, state),
        None => connection_info(&TcpInfo::unconnected(&of.config()), state),
    }
}

/// A listener has an accept queue and its bound where a connection has segments in flight and sacked.
fn listener_info(state: u8, waiting: usize, backlog: usize) -> Vec<u8> {
    let mut bytes = alloc::vec![0; LEN];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let queue = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes();
    put(0, &[state]);
    put(24, &queue(waiting));
    put(28, &queue(backlog));
    put(80, &10_u32.to_ne_bytes());
    put(88, &3_u32.to_ne_bytes());
    put(104, &[0xff; 16]);
    bytes
}

/// Linux's number of a state.
fn number_of(state: TcpState) -> u8 {
    (match state {
        TcpState::Established => abi::TCP_ESTABLISHED,
        TcpState::SynSent => abi::TCP_SYN_SENT,
        TcpState::SynReceived => abi::TCP_SYN_RECV,
        TcpState::FinWait1 => abi::TCP_FIN_WAIT1,
        TcpState::FinWait2 => abi::TCP_FIN_WAIT2,
        TcpState::TimeWait => abi::TCP_TIME_WAIT,
        TcpState::Closed => abi::TCP_CLOSE,
        TcpState::CloseWait => abi::TCP_CLOSE_WAIT,
        TcpState::LastAck => abi::TCP_LAST_ACK,
        TcpState::Listen => abi::TCP_LISTEN,
        TcpState::Closing => abi::TCP_CLOSING,
    }) as u8
}

/// `union tcp_cc_info`: nothing, or `struct tcp_bbr_info`.
pub(super) fn cc_info(of: Of<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(ControllerInfo::Bbr { bw, min_rtt, pacing_gain, cwnd_gain }) = of.controller_info() {
        let min_rtt = u32::try_from(min_rtt.as_micros()).unwrap_or(u32::MAX);
        put64(&mut bytes, &[bw]);
        put32(&mut bytes, &[min_rtt, pacing_gain, cwnd_gain]);
    }
    bytes
}

fn options(info: &TcpInfo) -> u8 {
    let bit = |on: bool, bit: i32| if on { bit as u8 } else { 0 };
    let wscale = info.snd_wscale.is_some() || info.rcv_wscale.is_some();
    bit(info.timestamps, abi::TCPI_OPT_TIMESTAMPS)
        | bit(info.sack, abi::TCPI_OPT_SACK)
        | bit(wscale, abi::TCPI_OPT_WSCALE)
        | bit(info.ecn, abi::TCPI_OPT_ECN)
        | bit(info.ecn_seen, abi::TCPI_OPT_ECN_SEEN)
        | bit(info.syn_data, abi::TCPI_OPT_SYN_DATA)
        | bit(info.fast_open_child, abi::TCPI_OPT_TFO_CHILD)
}

fn connection_info(i: &TcpInfo, state: u8) -> Vec<u8> {
    let wscale = i.snd_wscale.unwrap_or(0) & 0xf | i.rcv_wscale.unwrap_or(0) << 4;
    let app_limited = u8::from(i.delivery_rate_app_limited) | (i.fast_open_failure as u8) << 1;
    let mut bytes = Vec::with_capacity(LEN);
    bytes.extend([state, i.ca_state, i.retransmits, i.probes, i.backoff, options(i), wscale, app_limited]);
    let ssthresh = i.snd_ssthresh.min(NO_SSTHRESH);
    put32(&mut bytes, &[i.rto, i.ato, i.snd_mss, i.rcv_mss, i.unacked, i.sacked, i.lost, i.retrans, 0]);
    put32(&mut bytes, &[i.last_data_sent, 0, i.last_data_recv, i.last_ack_recv, i.pmtu, i.rcv_ssthresh]);
    put32(&mut bytes, &[i.rtt, i.rttvar, ssthresh, i.snd_cwnd, i.advmss, i.reordering, i.rcv_rtt, i.rcv_space]);
    put32(&mut bytes, &[i.total_retrans]);
    put64(&mut bytes, &[i.pacing_rate, i.max_pacing_rate, i.bytes_acked, i.bytes_received]);
    put32(&mut bytes, &[i.segs_out, i.segs_in, i.notsent_bytes, i.min_rtt, i.data_segs_in, i.data_segs_out]);
    put64(&mut bytes, &[i.delivery_rate, i.busy_time, i.rwnd_limited, i.sndbuf_limited]);
    put32(&mut bytes, &[i.delivered, i.delivered_ce]);
    put64(&mut bytes, &[i.bytes_sent, i.bytes_retrans]);
    put32(&mut bytes, &[i.dsack_dups, i.reord_seen, i.rcv_ooopack, i.snd_wnd, i.rcv_wnd, i.rehash]);
    bytes.extend(i.total_rto.to_ne_bytes());
    bytes.extend(i.total_rto_recoveries.to_ne_bytes());
    put32(&mut bytes, &[i.total_rto_time]);
    let ecn = &i.accecn;
    put32(&mut bytes, &[ecn.received_ce, ecn.delivered_e1_bytes, ecn.delivered_e0_bytes, ecn.delivered_ce_bytes]);
    put32(&mut bytes, &[ecn.received_e1_bytes, ecn.received_e0_bytes, ecn.received_ce_bytes]);
    bytes.extend(u16::from(ecn.fail_mode.bits()).to_ne_bytes());
    bytes.extend((ecn.opt_seen as u16).to_ne_bytes());
    debug_assert_eq!(bytes.len(), LEN);
    bytes
}

fn put32(bytes: &mut Vec<u8>, values: &[u32]) {
    bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
}

fn put64(bytes: &mut Vec<u8>, values: &[u64]) {
    bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
}
