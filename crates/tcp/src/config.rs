//! What can be set, for a stack and for each socket, with Linux's names beside ours.

use crate::congestion::{Algorithm, Controllers, HyStart};
use crate::ecn::{AccEcnOptions, EcnPolicy};
use crate::recovery::Rto;
use core::time::Duration;

/// How SYNs are spaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SynSchedule {
    /// 1, 2, 4, 8 s … (RFC 6298 §5.5–5.7).
    Exponential,
    /// So many retransmissions 1 s apart first, on top of the others, as Linux from 6.5 on
    /// (`net.ipv4.tcp_syn_linear_timeouts`).
    LinearThenExponential {
        /// How many linear ones; Linux's default is 4.
        linear: u8,
    },
}

/// Whether the path's MTU is found out without ICMP (RFC 4821; `tcp_mtu_probing`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MtuProbing {
    /// It is not (0).
    #[default]
    Off,
    /// Once segments are lost again and again, as where routers drop what is too large and say nothing (1).
    AfterBlackHole,
    /// From the beginning (2).
    Always,
}

/// A connection's settings. The default is what Linux does; each deviation from an RFC's MUST or SHOULD is a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// SYN retransmissions before connect fails (`tcp_syn_retries`, TCP_SYNCNT); linear ones come on top, within
    /// [`SynSchedule::patience`].
    pub syn_retries: u8,
    /// The schedule.
    pub syn_schedule: SynSchedule,
    /// SYN-ACK retransmissions (`tcp_synack_retries`).
    pub syn_ack_retries: u8,
    /// The application's own deadline for connect, if any.
    pub connect_deadline: Option<Duration>,
    /// Retransmissions of data before giving up (`tcp_retries2`).
    pub retries2: u8,
    /// The same for orphans (`tcp_orphan_retries`; Linux's 0 means 8).
    pub orphan_retries: u8,
    /// Offer and use timestamps (`tcp_timestamps`).
    pub timestamps: bool,
    /// Offer and use SACK (`tcp_sack`).
    pub sack: bool,
    /// Tell the peer of what came twice, by a first SACK block (RFC 2883; `tcp_dsack`).
    pub dsack: bool,
    /// Offer and use window scaling (`tcp_window_scaling`).
    pub window_scaling: bool,
    /// Which ECN is granted and asked for (`tcp_ecn`; RFC 3168, RFC 9768).
    pub ecn: EcnPolicy,
    /// A SYN that is not answered asks for no ECN any more, and a path that changes the IP field gets none
    /// (`tcp_ecn_fallback`; RFC 3168 §6.1.1.1, RFC 9768 §3.1.4, §3.2.2.3).
    pub ecn_fallback: bool,
    /// When the AccECN option is sent (`tcp_ecn_option`; RFC 9768 §3.2.3.3).
    pub accecn_option: AccEcnOptions,
    /// The AccECN option is sent so often in a round trip at least (`tcp_ecn_option_beacon`); 0 is off.
    pub accecn_beacon: u8,
    /// Receive buffer in bytes at first (what SO_RCVBUF tells, `tcp_rmem[1]`). It counts memory, as Linux does: about half of it is
    /// offered as window at first, and later as much as segments are worth what they cost.
    pub recv_buffer: usize,
    /// The application has set SO_RCVBUF: the buffer does not grow, and the window scale is for its size.
    pub recv_buffer_fixed: bool,
    /// What a connection may hold of received data although memory is short (`tcp_rmem[0]`).
    pub recv_buffer_min: usize,
    /// The receive buffer grows with what the application reads in a round trip (`tcp_moderate_rcvbuf`).
    pub recv_buffer_auto: bool,
    /// The most the receive buffer may grow to by itself (`tcp_rmem[2]`).
    pub recv_buffer_max: usize,
    /// The most that is offered as window at first, in segments of our MSS (a route's `initrwnd`); 0 is no bound.
    pub initial_rwnd: u16,
    /// The most that SO_RCVBUF may ask for (`net.core.rmem_max`). The larger of this and `recv_buffer_max` decides the window
    /// scale we offer.
    pub recv_buffer_limit: usize,
    /// The right edge of the window may move left when memory runs out (`tcp_shrink_window`), which RFC 9293 §3.8.6 says it SHOULD
    /// NOT; only where windows are scaled.
    pub shrink_window: bool,
    /// The most that is offered as window, bytes (TCP_WINDOW_CLAMP); 0 is no bound.
    pub window_clamp: u32,
    /// ACKs do not wait for an answer to ride on (TCP_QUICKACK), until one was seen to come. Off, a connect's last ACK waits for
    /// data.
    pub quick_ack: bool,
    /// No ACK waits for anything (a route's `quickack`).
    pub ack_at_once: bool,
    /// A connection is not there to be accepted before data has come with its last ACK or behind it, or so many SYN-ACKs would
    /// have been sent (TCP_DEFER_ACCEPT); 0 is off. Of one who connects, the last ACK waits for data, as with `quick_ack` off.
    pub defer_accept: u8,
    /// The longest that an ACK waits for data to ride on (TCP_DELACK_MAX_US). RFC 9293 §3.8.6.3 wants less than 500 ms.
    pub delack_max: Duration,
    /// So many bytes make a socket readable, and an ACK due early while there are fewer (SO_RCVLOWAT).
    pub recv_lowat: u32,
    /// So many ACKs of data out of order at most make one (`tcp_comp_sack_nr`).
    pub comp_sack_nr: u8,
    /// They leave within this time (`tcp_comp_sack_delay_ns`), and a twentieth of the round trip.
    pub comp_sack_delay: Duration,
    /// Send buffer in bytes at first (what SO_SNDBUF tells, `tcp_wmem[1]`); with the connection it becomes as large as the
    /// congestion window needs.
    pub send_buffer: usize,
    /// The application has set SO_SNDBUF: the buffer does not grow. As on Linux that does not bound what is in flight: as long as a
    /// write goes on, or small segments wait, what has left is filled up, as far as the congestion window goes.
    pub send_buffer_fixed: bool,
    /// What a connection may hold for sending although memory is short (`tcp_wmem[0]`).
    pub send_buffer_min: usize,
    /// The most the send buffer may grow to by itself (`tcp_wmem[2]`). Linux's default of 4 MiB is less than 1 Gb/s needs over
    /// 100 ms; here it is as large as the receive buffer's.
    pub send_buffer_max: usize,
    /// How far the send buffer grows by itself where the shortest round trip is less than a millisecond, unless the rate needs more (four times as
    /// far where round trips are longer now, and as far as any where they take 10 ms): nothing but
    /// queues would fill, here and at the peer, and what is written would have left the processor's cache before it is sent. Linux has no such bound.
    pub send_buffer_near: usize,
    /// Nagle's algorithm off (TCP_NODELAY). Switching it off sends what waits, cork or no cork.
    pub no_delay: bool,
    /// Segments that are not full wait (TCP_CORK) until it is pulled, or until the persist timer runs out (200 ms at least).
    pub cork: bool,
    /// A socket with so many bytes that have not left takes no more, and is writable with less than half of that
    /// (TCP_NOTSENT_LOWAT, `tcp_notsent_lowat`).
    pub notsent_lowat: u32,
    /// The congestion controller (`tcp_congestion_control`, TCP_CONGESTION).
    pub congestion: Algorithm,
    /// Controllers of one's own ([`register_controller`](Config::register_controller)).
    pub controllers: Controllers,
    /// How CUBIC leaves slow start before a loss (its module parameters `hystart`, `hystart_detect`).
    pub hystart: HyStart,
    /// A mark of ECN cuts the window of Reno and CUBIC less than a loss (RFC 8511). Linux has no such switch, so it is off.
    pub abe: bool,
    /// Segments are held back to the rate of sending whatever the controller, as behind a queue of Linux's `fq`. BBR always does
    /// so.
    pub pacing: bool,
    /// The bound on that rate, bytes a second (SO_MAX_PACING_RATE): less than [`u64::MAX`] holds segments back, too.
    pub max_pacing_rate: u64,
    /// Initial congestion window in segments (RFC 6928).
    pub initial_cwnd: u16,
    /// The congestion window shrinks while nothing is sent, or less than it allows (`tcp_slow_start_after_idle`; RFC 2861).
    pub slow_start_after_idle: bool,
    /// Super-segments hold so many segments at least, if there are as many (`tcp_min_tso_segs`).
    pub min_tso_segs: u8,
    /// The part of the window that is worth a super-segment of its own while ACKs keep coming: 3 is a third; 0 always waits
    /// for a few segments' room (`tcp_tso_win_divisor`).
    pub tso_win_divisor: u8,
    /// Super-segments shrink by half for each 2^so many µs of round trip (`tcp_tso_rtt_log`).
    pub tso_rtt_log: u8,
    /// The rate that sizes super-segments, as per cent of window over round trip, in slow start (`tcp_pacing_ss_ratio`),
    pub pacing_ss_ratio: u16,
    /// and later (`tcp_pacing_ca_ratio`).
    pub pacing_ca_ratio: u16,
    /// A small segment that is sent again takes what follows along, as far as it fits (`tcp_retrans_collapse`).
    pub retrans_collapse: bool,
    /// Losses are found by time (RFC 8985): what was sent before something that has arrived, by more than a round trip and a little, is
    /// lost. Linux from 6.17 on always does. Off, by number alone: so many segments sacked after it as `reordering` says (RFC 6675).
    pub rack: bool,
    /// RACK's reordering window stays a quarter of the smallest round trip, whatever D-SACKs tell (`tcp_recovery`, 2).
    pub rack_static_window: bool,
    /// RACK does not wait where so many segments were sacked as `reordering` says, as long as nothing was ever seen out of order
    /// (`tcp_recovery` without 4).
    pub rack_dup_thresh: bool,
    /// After two round trips without an ACK a probe goes (RFC 8985 §7; `tcp_early_retrans`, 3).
    pub tail_loss_probe: bool,
    /// So many segments may overtake one that is not lost, as long as nothing else was seen (`tcp_reordering`; RFC 5681 §3.2),
    pub reordering: u16,
    /// and so many at the most, whatever was seen (`tcp_max_reordering`).
    pub max_reordering: u16,
    /// After a timeout, look whether it was needless (RFC 5682; `tcp_frto`).
    pub frto: bool,
    /// The least variance term of the retransmission timeout (`tcp_rto_min_us`, a route's `rto_min`; RFC 6298 §2.4).
    pub rto_min: Duration,
    /// The largest timeout (`tcp_rto_max_ms`; RFC 6298 §2.5).
    pub rto_max: Duration,
    /// The smallest segment that is sent, options included (`tcp_min_snd_mss`).
    pub min_snd_mss: u16,
    /// Retransmissions after which the path is doubted, before the connection is given up (`tcp_retries1`; RFC 9293 §3.8.3's R1).
    pub retries1: u8,
    /// Whether the path's MTU is found out without ICMP (`tcp_mtu_probing`; RFC 4821).
    pub mtu_probing: MtuProbing,
    /// The MSS that such a search begins with, and the most that a black hole leaves (`tcp_base_mss`).
    pub base_mss: u16,
    /// The least that a black hole leaves (`tcp_mtu_probe_floor`).
    pub mtu_probe_floor: u16,
    /// After this time a search begins anew: the path may be another (`tcp_probe_interval`).
    pub probe_interval: Duration,
    /// A search ends where so few bytes are left to find out (`tcp_probe_threshold`).
    pub probe_threshold: u16,
    /// An ICMP message that makes the path's MTU less than what has got through already is believed only when the segment that
    /// it quotes is not acknowledged until its timer runs out (RFC 5927 §7.2). Linux believes it at once.
    pub path_mtu_second_look: bool,
    /// ICMP errors are pending errors also once connected (IP_RECVERR).
    pub recv_err: bool,
    /// Least time between two challenge ACKs, or two ACKs of segments outside the window, of one connection
    /// (`tcp_invalid_ratelimit`; RFC 5961 §7). It is kept for each connection apart, so that nothing can be learned from
    /// it about another one (CVE-2016-5696).
    pub invalid_ratelimit: Duration,
    /// Drop segments without timestamps once these are negotiated (RFC 7323 §3.2's SHOULD). Linux takes them.
    pub require_timestamps: bool,
    /// Data out of order that left before what filled a hole last, and arrives after it, is taken though its timestamp is older
    /// (RFC 7323 §5.3 R1 drops it, and so does Linux): as long as it is no older than what was there when the hole began.
    pub paws_spares_overtaken: bool,
    /// Clamp on the MSS in both directions (TCP_MAXSEG).
    pub max_seg: Option<u16>,
    /// A stream with less than four segments in flight backs off only after six timeouts in a row
    /// (`tcp_thin_linear_timeouts`, TCP_THIN_LINEAR_TIMEOUTS). Not RFC 6298 §5.5's doubling, so it is off.
    pub thin_linear_timeouts: bool,
    /// TCP_USER_TIMEOUT.
    pub user_timeout: Option<Duration>,
    /// The peer is told of our user timeout, and its own is obeyed where the application has set none (RFC 5482). Linux has no such
    /// option, so it is off.
    pub user_timeout_option: bool,
    /// A user timeout that follows the peer's advice is no shorter than this (RFC 5482 §3.1's L_LIMIT),
    pub user_timeout_min: Duration,
    /// and no longer than this (U_LIMIT), which bounds what peers can make us keep.
    pub user_timeout_max: Duration,
    /// The figures of SO_KEEPALIVE where a socket has not set its own (`tcp_keepalive_time`, `tcp_keepalive_intvl`,
    /// `tcp_keepalive_probes`).
    pub keepalive_figures: KeepAlive,
    /// SO_KEEPALIVE with its three figures; `None` is off.
    pub keepalive: Option<KeepAlive>,
    /// SO_LINGER: `None` off, `Some(0)` close resets.
    pub linger: Option<Duration>,
    /// How long an orphan may stay in FIN-WAIT-2 (`tcp_fin_timeout`, TCP_LINGER2). Zero: none
    /// stays there, it is reset.
    pub fin_timeout: Duration,
    /// TIME-WAIT's length (2·MSL; Linux: 60 s).
    pub time_wait: Duration,
    /// RFC 1337: ignore resets in TIME-WAIT (`tcp_rfc1337`).
    pub rfc1337: bool,
}

/// Takes over, from `after`, each of the named settings in which `mine` is still as `before`.
macro_rules! follow {
    ($mine:ident, $before:ident, $after:ident: $($field:ident),*) => {
        $(if $mine.$field == $before.$field {
            $mine.$field.clone_from(&$after.$field);
        })*
    };
}

impl Config {
    /// The settings that this one was made from were `before` and are `after` now. What was not set otherwise follows, as far
    /// as Linux looks the setting up whenever it needs it. Others it copies into a socket when it makes it, or has them for
    /// sockets alone; they stay.
    pub fn follow(&mut self, before: &Config, after: &Config) {
        follow!(self, before, after: syn_retries, syn_schedule, syn_ack_retries, retries2, orphan_retries);
        follow!(self, before, after: timestamps, sack, dsack, window_scaling, initial_cwnd);
        follow!(self, before, after: controllers, hystart, abe, pacing);
        follow!(self, before, after: notsent_lowat, slow_start_after_idle, min_tso_segs, tso_win_divisor, tso_rtt_log);
        follow!(self, before, after: pacing_ss_ratio, pacing_ca_ratio, retrans_collapse, frto, rto_min, rto_max);
        follow!(self, before, after: min_snd_mss, retries1, mtu_probing, base_mss, mtu_probe_floor);
        follow!(self, before, after: thin_linear_timeouts, probe_interval, probe_threshold, path_mtu_second_look);
        follow!(self, before, after: recv_buffer_min, recv_buffer_auto, recv_buffer_max, recv_buffer_limit);
        follow!(self, before, after: send_buffer_min, send_buffer_max, send_buffer_near, shrink_window, keepalive_figures);
        follow!(self, before, after: rack, rack_static_window, rack_dup_thresh, tail_loss_probe, max_reordering);
        follow!(self, before, after: ecn, ecn_fallback, accecn_option, accecn_beacon);
        follow!(self, before, after: comp_sack_nr, comp_sack_delay);
        follow!(self, before, after: invalid_ratelimit, require_timestamps, paws_spares_overtaken, keepalive, fin_timeout);
        follow!(self, before, after: time_wait, rfc1337, user_timeout_option, user_timeout_min, user_timeout_max);
    }
}

impl SynSchedule {
    /// How many retransmissions there are in all where `retries` are configured: linear ones come on top, as on Linux.
    pub const fn retransmissions(self, retries: u8) -> u8 {
        match self {
            SynSchedule::Exponential => retries,
            SynSchedule::LinearThenExponential { linear } => retries.saturating_add(linear),
        }
    }

    /// How long after its first SYN a connect with `retries` fails at the next timeout even if there would be more: as long as
    /// exponential ones alone would have taken, as on Linux. So `retries` of 1 and 2 leave no room for all the linear ones.
    pub fn patience(retries: u8) -> Duration {
        (0..=u32::from(retries)).map(|nth| Rto::INITIAL.backed_off(nth, Rto::MAX)).sum()
    }

    /// The wait after the `nth` SYN; 0 is the first.
    pub fn wait(self, nth: u8) -> Duration {
        let linear = match self {
            SynSchedule::Exponential => 0,
            SynSchedule::LinearThenExponential { linear } => linear,
        };
        Rto::INITIAL.backed_off(u32::from(nth.saturating_sub(linear)), Rto::MAX)
    }
}

/// Keepalive's figures. Times below 1 ms count as 1 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepAlive {
    /// Idle time before the first probe (TCP_KEEPIDLE, 7200 s).
    pub idle: Duration,
    /// Between probes (TCP_KEEPINTVL, 75 s).
    pub interval: Duration,
    /// Unanswered probes before the connection is given up (TCP_KEEPCNT, 9).
    pub count: u8,
}

impl Default for KeepAlive {
    /// Linux's defaults: two hours, then nine probes 75 s apart.
    fn default() -> KeepAlive {
        KeepAlive { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), count: 9 }
    }
}

impl Default for Config {
    /// Linux's defaults.
    fn default() -> Config {
        Config {
            syn_retries: 6,
            syn_schedule: SynSchedule::LinearThenExponential { linear: 4 },
            syn_ack_retries: 5,
            connect_deadline: None,
            retries2: 15,
            orphan_retries: 0,
            timestamps: true,
            sack: true,
            dsack: true,
            window_scaling: true,
            ecn: EcnPolicy::default(),
            ecn_fallback: true,
            accecn_option: AccEcnOptions::default(),
            accecn_beacon: 3,
            recv_buffer: 131_072,
            recv_buffer_fixed: false,
            initial_rwnd: 0,
            recv_buffer_min: 4096,
            recv_buffer_auto: true,
            recv_buffer_max: 33_554_432,
            recv_buffer_limit: 4_194_304,
            shrink_window: false,
            window_clamp: 0,
            quick_ack: true,
            ack_at_once: false,
            defer_accept: 0,
            delack_max: Duration::from_millis(200),
            recv_lowat: 1,
            comp_sack_nr: 44,
            comp_sack_delay: Duration::from_millis(1),
            send_buffer: 16_384,
            send_buffer_fixed: false,
            send_buffer_min: 4096,
            send_buffer_max: 33_554_432,
            send_buffer_near: 262_144,
            no_delay: false,
            cork: false,
            notsent_lowat: u32::MAX,
            congestion: Algorithm::Cubic,
            controllers: Controllers::default(),
            hystart: HyStart::Classic,
            abe: false,
            pacing: false,
            max_pacing_rate: u64::MAX,
            initial_cwnd: 10,
            slow_start_after_idle: true,
            min_tso_segs: 2,
            tso_win_divisor: 3,
            tso_rtt_log: 9,
            pacing_ss_ratio: 200,
            pacing_ca_ratio: 120,
            retrans_collapse: true,
            rack: true,
            rack_static_window: false,
            rack_dup_thresh: true,
            tail_loss_probe: true,
            reordering: 3,
            max_reordering: 300,
            frto: true,
            rto_min: Rto::MIN,
            rto_max: Rto::MAX,
            min_snd_mss: 48,
            retries1: 3,
            mtu_probing: MtuProbing::Off,
            base_mss: 1024,
            mtu_probe_floor: 48,
            probe_interval: Duration::from_secs(600),
            probe_threshold: 8,
            path_mtu_second_look: false,
            recv_err: false,
            invalid_ratelimit: Duration::from_millis(500),
            require_timestamps: false,
            paws_spares_overtaken: true,
            max_seg: None,
            thin_linear_timeouts: false,
            user_timeout: None,
            user_timeout_option: false,
            user_timeout_min: Duration::from_secs(100),
            user_timeout_max: Duration::from_secs(3600),
            keepalive_figures: KeepAlive::default(),
            keepalive: None,
            linger: None,
            fin_timeout: Duration::from_secs(60),
            time_wait: Duration::from_secs(60),
            rfc1337: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_set_otherwise_follows() {
        let before = Config::default();
        let mut mine = Config { retries2: 4, ..before.clone() };
        let after = Config { retries2: 8, syn_retries: 2, send_buffer: 1, ..before.clone() };
        mine.follow(&before, &after);
        assert_eq!(mine, Config { retries2: 4, syn_retries: 2, ..before });
    }
}
