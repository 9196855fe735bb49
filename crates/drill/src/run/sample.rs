//! What snippets can ask for: TCP_INFO, TCP_CC_INFO and SO_MEMINFO of the socket under test, under the names that
//! packetdrill gives them.

use crate::eval::{Sample, Value};
use limpid_posix::abi;

/// A field of a structure: name, offset and size in bytes.
type Layout = &'static [(&'static str, usize, usize)];

/// `struct tcp_info` of `linux/tcp.h`, but for its bit fields ([`BITS`]). An older kernel's is shorter.
const TCP_INFO: Layout = &[
    ("tcpi_state", 0, 1),
    ("tcpi_ca_state", 1, 1),
    ("tcpi_retransmits", 2, 1),
    ("tcpi_probes", 3, 1),
    ("tcpi_backoff", 4, 1),
    ("tcpi_options", 5, 1),
    ("tcpi_rto", 8, 4),
    ("tcpi_ato", 12, 4),
    ("tcpi_snd_mss", 16, 4),
    ("tcpi_rcv_mss", 20, 4),
    ("tcpi_unacked", 24, 4),
    ("tcpi_sacked", 28, 4),
    ("tcpi_lost", 32, 4),
    ("tcpi_retrans", 36, 4),
    ("tcpi_fackets", 40, 4),
    ("tcpi_last_data_sent", 44, 4),
    ("tcpi_last_ack_sent", 48, 4),
    ("tcpi_last_data_recv", 52, 4),
    ("tcpi_last_ack_recv", 56, 4),
    ("tcpi_pmtu", 60, 4),
    ("tcpi_rcv_ssthresh", 64, 4),
    ("tcpi_rtt", 68, 4),
    ("tcpi_rttvar", 72, 4),
    ("tcpi_snd_ssthresh", 76, 4),
    ("tcpi_snd_cwnd", 80, 4),
    ("tcpi_advmss", 84, 4),
    ("tcpi_reordering", 88, 4),
    ("tcpi_rcv_rtt", 92, 4),
    ("tcpi_rcv_space", 96, 4),
    ("tcpi_total_retrans", 100, 4),
    ("tcpi_pacing_rate", 104, 8),
    ("tcpi_max_pacing_rate", 112, 8),
    ("tcpi_bytes_acked", 120, 8),
    ("tcpi_bytes_received", 128, 8),
    ("tcpi_segs_out", 136, 4),
    ("tcpi_segs_in", 140, 4),
    ("tcpi_notsent_bytes", 144, 4),
    ("tcpi_min_rtt", 148, 4),
    ("tcpi_data_segs_in", 152, 4),
    ("tcpi_data_segs_out", 156, 4),
    ("tcpi_delivery_rate", 160, 8),
    ("tcpi_busy_time", 168, 8),
    ("tcpi_rwnd_limited", 176, 8),
    ("tcpi_sndbuf_limited", 184, 8),
    ("tcpi_delivered", 192, 4),
    ("tcpi_delivered_ce", 196, 4),
    ("tcpi_bytes_sent", 200, 8),
    ("tcpi_bytes_retrans", 208, 8),
    ("tcpi_dsack_dups", 216, 4),
    ("tcpi_reord_seen", 220, 4),
    ("tcpi_rcv_ooopack", 224, 4),
    ("tcpi_snd_wnd", 228, 4),
    ("tcpi_rcv_wnd", 232, 4),
    ("tcpi_rehash", 236, 4),
    ("tcpi_total_rto", 240, 2),
    ("tcpi_total_rto_recoveries", 242, 2),
    ("tcpi_total_rto_time", 244, 4),
    ("tcpi_received_ce", 248, 4),
    ("tcpi_delivered_e1_bytes", 252, 4),
    ("tcpi_delivered_e0_bytes", 256, 4),
    ("tcpi_delivered_ce_bytes", 260, 4),
    ("tcpi_received_e1_bytes", 264, 4),
    ("tcpi_received_e0_bytes", 268, 4),
    ("tcpi_received_ce_bytes", 272, 4),
    ("tcpi_accecn_fail_mode", 276, 2),
    ("tcpi_accecn_opt_seen", 278, 2),
];

/// Bit fields of `struct tcp_info`: name, byte, first bit, number of bits.
const BITS: &[(&str, usize, u8, u8)] = &[
    ("tcpi_snd_wscale", 6, 0, 4),
    ("tcpi_rcv_wscale", 6, 4, 4),
    ("tcpi_delivery_rate_app_limited", 7, 0, 1),
    ("tcpi_fastopen_client_fail", 7, 1, 2),
];

/// Room for `struct tcp_info` of a kernel that knows more than is listed here, bytes.
pub(crate) const TCP_INFO_LEN: usize = 512;

/// `SO_MEMINFO`'s numbers, of 4 bytes each.
const MEMINFO: [&str; 9] = [
    "SK_MEMINFO_RMEM_ALLOC",
    "SK_MEMINFO_RCVBUF",
    "SK_MEMINFO_WMEM_ALLOC",
    "SK_MEMINFO_SNDBUF",
    "SK_MEMINFO_FWD_ALLOC",
    "SK_MEMINFO_WMEM_QUEUED",
    "SK_MEMINFO_OPTMEM",
    "SK_MEMINFO_BACKLOG",
    "SK_MEMINFO_DROPS",
];

/// Room for `SO_MEMINFO`, bytes.
pub(crate) const MEMINFO_LEN: usize = 4 * MEMINFO.len();

/// `struct tcp_bbr_info`, `struct tcpvegas_info` and `struct tcp_dctcp_info` of `linux/inet_diag.h`; which one it is, only its
/// length tells.
const BBR: Layout = &[
    ("bbr_bw_lo", 0, 4),
    ("bbr_bw_hi", 4, 4),
    ("bbr_bw", 0, 8),
    ("bbr_min_rtt", 8, 4),
    ("bbr_pacing_gain", 12, 4),
    ("bbr_cwnd_gain", 16, 4),
];
const DCTCP: Layout = &[
    ("dctcp_enabled", 0, 2),
    ("dctcp_ce_state", 2, 2),
    ("dctcp_alpha", 4, 4),
    ("dctcp_ab_ecn", 8, 4),
    ("dctcp_ab_tot", 12, 4),
];
const VEGAS: Layout = &[("tcpv_enabled", 0, 4), ("tcpv_rttcnt", 4, 4), ("tcpv_rtt", 8, 4), ("tcpv_minrtt", 12, 4)];

/// Room for `union tcp_cc_info`, bytes.
pub(crate) const CC_INFO_LEN: usize = 64;

/// Constants that come with `struct tcp_info`. Linux spells the states of loss recovery otherwise than its constants' kin.
const CONSTANTS: &[(&str, i32)] = &[
    ("TCP_ESTABLISHED", abi::TCP_ESTABLISHED),
    ("TCP_SYN_SENT", abi::TCP_SYN_SENT),
    ("TCP_SYN_RECV", abi::TCP_SYN_RECV),
    ("TCP_FIN_WAIT1", abi::TCP_FIN_WAIT1),
    ("TCP_FIN_WAIT2", abi::TCP_FIN_WAIT2),
    ("TCP_TIME_WAIT", abi::TCP_TIME_WAIT),
    ("TCP_CLOSE", abi::TCP_CLOSE),
    ("TCP_CLOSE_WAIT", abi::TCP_CLOSE_WAIT),
    ("TCP_LAST_ACK", abi::TCP_LAST_ACK),
    ("TCP_LISTEN", abi::TCP_LISTEN),
    ("TCP_CLOSING", abi::TCP_CLOSING),
    ("TCP_CA_Open", abi::TCP_CA_OPEN),
    ("TCP_CA_Disorder", abi::TCP_CA_DISORDER),
    ("TCP_CA_CWR", abi::TCP_CA_CWR),
    ("TCP_CA_Recovery", abi::TCP_CA_RECOVERY),
    ("TCP_CA_Loss", abi::TCP_CA_LOSS),
    ("TCPI_OPT_TIMESTAMPS", abi::TCPI_OPT_TIMESTAMPS),
    ("TCPI_OPT_SACK", abi::TCPI_OPT_SACK),
    ("TCPI_OPT_WSCALE", abi::TCPI_OPT_WSCALE),
    ("TCPI_OPT_ECN", abi::TCPI_OPT_ECN),
    ("TCPI_OPT_ECN_SEEN", abi::TCPI_OPT_ECN_SEEN),
    ("TCPI_OPT_SYN_DATA", abi::TCPI_OPT_SYN_DATA),
    ("TCPI_OPT_USEC_TS", abi::TCPI_OPT_USEC_TS),
];

/// Reads `struct tcp_info`.
pub(crate) fn tcp_info(bytes: &[u8], sample: &mut Sample) {
    fields(TCP_INFO, bytes, sample);
    for &(name, at, first, bits) in BITS {
        if let Some(byte) = bytes.get(at) {
            sample.insert(name.to_owned(), Value::from(byte >> first & ((1 << bits) - 1)));
        }
    }
    sample.extend(CONSTANTS.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
}

/// Reads `union tcp_cc_info`; empty if the congestion control has nothing to tell.
pub(crate) fn cc_info(bytes: &[u8], sample: &mut Sample) {
    for layout in [VEGAS, DCTCP, BBR] {
        fields(layout, bytes, sample);
    }
}

/// Reads `SO_MEMINFO`'s numbers.
pub(crate) fn meminfo(bytes: &[u8], sample: &mut Sample) {
    for (name, word) in MEMINFO.iter().zip(bytes.as_chunks::<4>().0) {
        sample.insert((*name).to_owned(), Value::from(u32::from_ne_bytes(*word)));
    }
}

fn fields(layout: Layout, bytes: &[u8], sample: &mut Sample) {
    for &(name, at, size) in layout {
        if let Some(field) = bytes.get(at..at + size) {
            let mut word = [0; 8];
            word[..size].copy_from_slice(field);
            sample.insert(name.to_owned(), Value::from(u64::from_le_bytes(word)));
        }
    }
}

#[cfg(test)]
mod tests;
