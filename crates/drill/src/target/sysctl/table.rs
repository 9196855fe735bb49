//! A row for each sysctl that is known.

use super::fast_open::{fast_open_keys, set_fast_open_keys};
use Meaning::{Flag, Name, NoEffect, Number, Numbers, Only, Text};
use limpid_stack::{Config, FastOpenFlags, MemoryLimits, PathMtuDiscovery, StackConfig, SynCookies, TimeWaitReuse};
use limpid_tcp::congestion::Algorithm;
use limpid_tcp::{AccEcnOptions, EcnPolicy, MtuProbing, SynSchedule};
use std::sync::Arc;
use std::time::Duration;

/// A sysctl.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) meaning: Meaning,
}

/// What a sysctl means for our stack.
pub(super) enum Meaning {
    /// A number that is a setting.
    Number { least: i64, most: i64, read: fn(&StackConfig) -> i64, write: fn(&mut StackConfig, i64) },
    /// On or off: any number up to 255 that is not 0 is on.
    Flag { read: fn(&StackConfig) -> bool, write: fn(&mut StackConfig, bool) },
    /// Several numbers that are settings.
    Numbers {
        least: i64,
        read: fn(&StackConfig) -> Vec<i64>,
        write: fn(&mut StackConfig, &[i64]) -> Result<(), &'static str>,
    },
    /// A name of something that the stack has, or has not.
    Name { read: fn(&StackConfig) -> &'static str, write: fn(&mut StackConfig, &str) -> bool, why: &'static str },
    /// Text that is a setting.
    Text { read: fn(&StackConfig) -> String, write: fn(&mut StackConfig, &str) -> Result<(), &'static str> },
    /// Nothing that a peer could see depends on it.
    NoEffect { default: &'static str, why: &'static str },
    /// The stack always does what these values say; the first is the default.
    Only { values: &'static [&'static str], why: &'static str },
}

/// The row of a name.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// A small number that is a field of [`Config`].
macro_rules! count {
    ($least:literal, $most:literal, $field:ident) => {
        Number { least: $least, most: $most, read: |c| c.tcp.$field.into(), write: |c, n| tcp(c).$field = n as u8 }
    };
}

/// A number of bytes that is a field of [`Config`].
macro_rules! size {
    ($field:ident) => {
        Number { least: 0, most: 65_535, read: |c| c.tcp.$field.into(), write: |c, n| tcp(c).$field = n as u16 }
    };
}

macro_rules! rows {
    ($($name:literal => $meaning:expr,)*) => {
        &[$(Row { name: $name, meaning: $meaning }),*]
    };
}

const NO_PACING: &str = "nothing is paced";
const NO_QUEUE: &str = "no queue of the host stands before the device: a connection sends when the device has room";
const NO_PLB: &str = "the stack has no PLB";
const NOT_TCP: &str = "TCP does not look at it";
const ONE_STACK: &str = "it is about how Linux works inside";

/// Every sysctl that is known.
pub(super) const TABLE: &[Row] = rows! {
    // What the handshake offers.
    "net.ipv4.tcp_timestamps" => Number { least: 0, most: 2, read: timestamps, write: set_timestamps },
    "net.ipv4.tcp_sack" => flag(|c| c.tcp.sack, |c, on| tcp(c).sack = on),
    "net.ipv4.tcp_dsack" => flag(|c| c.tcp.dsack, |c, on| tcp(c).dsack = on),
    "net.ipv4.tcp_window_scaling" => flag(|c| c.tcp.window_scaling, |c, on| tcp(c).window_scaling = on),
    "net.ipv4.tcp_ecn" => Number { least: 0, most: 5, read: ecn, write: set_ecn },
    "net.ipv4.tcp_ecn_option" => Number { least: 0, most: 3, read: ecn_option, write: set_ecn_option },
    "net.ipv4.tcp_ecn_option_beacon" => count!(0, 63, accecn_beacon),
    "net.ipv4.tcp_ecn_fallback" => flag(|c| c.tcp.ecn_fallback, |c, on| tcp(c).ecn_fallback = on),
    "net.ipv4.tcp_fastopen" => Number {
        least: 0, most: MOST, read: |c| c.fast_open.flags.bits().into(), write: |c, n| c.fast_open.flags = FastOpenFlags::from_bits_retain(n as u32),
    },
    "net.ipv4.tcp_fastopen_key" => Text { read: fast_open_keys, write: set_fast_open_keys },
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec" => Number {
        least: 0,
        most: MOST,
        read: |c| c.fast_open.black_hole_timeout.as_secs() as i64,
        write: |c, n| c.fast_open.black_hole_timeout = Duration::from_secs(n.unsigned_abs()),
    },
    "net.ipv4.tcp_syncookies" => Number { least: 0, most: 255, read: cookies, write: set_cookies },
    "net.ipv4.tcp_max_syn_backlog" => Number {
        least: 0, most: MOST, read: |c| c.max_syn_backlog as i64, write: |c, n| c.max_syn_backlog = n as usize,
    },
    "net.ipv4.tcp_abort_on_overflow" => flag(|c| c.abort_on_overflow, |c, on| c.abort_on_overflow = on),
    "net.core.somaxconn" => Only { values: &["4096"], why: "the stack has no such bound" },
    "net.ipv4.tcp_child_ehash_entries" => NoEffect { default: "0", why: ONE_STACK },
    "net.ipv4.tcp_migrate_req" => Only { values: &["0"], why: "listeners do not hand requests over" },
    "net.ipv4.ip_local_port_range" => Numbers { least: 1, read: port_range, write: set_port_range },

    // Retries and timers.
    "net.ipv4.tcp_syn_retries" => count!(1, 127, syn_retries),
    "net.ipv4.tcp_synack_retries" => count!(0, 255, syn_ack_retries),
    "net.ipv4.tcp_syn_linear_timeouts" => Number { least: 0, most: 127, read: linear, write: set_linear },
    "net.ipv4.tcp_retries1" => count!(0, 255, retries1),
    "net.ipv4.tcp_retries2" => count!(0, 255, retries2),
    "net.ipv4.tcp_orphan_retries" => count!(0, 255, orphan_retries),
    "net.ipv4.tcp_fin_timeout" => Number {
        least: 0,
        most: MOST / 1000,
        read: |c| c.tcp.fin_timeout.as_secs() as i64,
        write: |c, n| tcp(c).fin_timeout = Duration::from_secs(n.unsigned_abs()),
    },
    "net.ipv4.tcp_rto_max_ms" => Number { least: 1000, most: 120_000, read: |c| c.tcp.rto_max.as_millis() as i64, write: |c, n| tcp(c).rto_max = Duration::from_millis(n.unsigned_abs()) },
    "net.ipv4.tcp_rto_min_us" => Number { least: 1, most: 120_000_000, read: |c| c.tcp.rto_min.as_micros() as i64, write: |c, n| tcp(c).rto_min = Duration::from_micros(n.unsigned_abs()) },
    "net.ipv4.tcp_keepalive_time" => Number {
        least: 1,
        most: MOST / 1000,
        read: |c| c.tcp.keepalive_figures.idle.as_secs() as i64,
        write: |c, n| tcp(c).keepalive_figures.idle = Duration::from_secs(n.unsigned_abs()),
    },
    "net.ipv4.tcp_keepalive_intvl" => Number {
        least: 1,
        most: MOST / 1000,
        read: |c| c.tcp.keepalive_figures.interval.as_secs() as i64,
        write: |c, n| tcp(c).keepalive_figures.interval = Duration::from_secs(n.unsigned_abs()),
    },
    "net.ipv4.tcp_keepalive_probes" => Number {
        least: 0,
        most: 255,
        read: |c| c.tcp.keepalive_figures.count.into(),
        write: |c, n| tcp(c).keepalive_figures.count = n as u8,
    },
    "net.ipv4.tcp_thin_linear_timeouts" => flag(|c| c.tcp.thin_linear_timeouts, |c, on| tcp(c).thin_linear_timeouts = on),
    "net.ipv4.tcp_invalid_ratelimit" => Number {
        least: 0,
        most: MOST,
        read: |c| c.tcp.invalid_ratelimit.as_millis() as i64,
        write: |c, n| tcp(c).invalid_ratelimit = Duration::from_millis(n.unsigned_abs()),
    },
    "net.ipv4.tcp_challenge_ack_limit" => Only {
        values: &["2147483647", "1000", "0"], why: "challenge ACKs are limited for each connection apart",
    },
    "net.ipv4.tcp_rfc1337" => flag(|c| c.tcp.rfc1337, |c, on| tcp(c).rfc1337 = on),
    "net.ipv4.tcp_tw_reuse" => Number {
        least: 0,
        most: 2,
        read: |c| place(&TimeWaitReuse::ALL, &c.time_wait_reuse),
        write: |c, n| c.time_wait_reuse = TimeWaitReuse::ALL[n as usize],
    },
    "net.ipv4.tcp_tw_reuse_delay" => Number {
        least: 1,
        most: 60_000,
        read: |c| c.time_wait_reuse_delay.as_millis() as i64,
        write: |c, n| c.time_wait_reuse_delay = Duration::from_millis(n.unsigned_abs()),
    },
    "net.ipv4.tcp_max_tw_buckets" => Number {
        least: 0, most: MOST, read: |c| c.max_time_wait as i64, write: |c, n| c.max_time_wait = n as usize,
    },
    "net.ipv4.tcp_max_orphans" => Number {
        least: 0, most: MOST, read: |c| c.max_orphans as i64, write: |c, n| c.max_orphans = n as usize,
    },

    // Buffers.
    "net.ipv4.tcp_mem" => Numbers { least: 0, read: shared_memory, write: set_shared_memory },
    "net.ipv4.tcp_rmem" => Numbers { least: 1, read: recv_memory, write: set_recv_memory },
    "net.ipv4.tcp_wmem" => Numbers { least: 1, read: send_memory, write: set_send_memory },
    "net.ipv4.tcp_moderate_rcvbuf" => flag(|c| c.tcp.recv_buffer_auto, |c, on| tcp(c).recv_buffer_auto = on),
    "net.ipv4.tcp_adv_win_scale" => NoEffect { default: "1", why: "Linux does not look at it any more either" },
    "net.ipv4.tcp_app_win" => Only { values: &["31"], why: "no part of the buffer is set apart" },
    "net.ipv4.tcp_shrink_window" => flag(|c| c.tcp.shrink_window, |c, on| tcp(c).shrink_window = on),
    "net.ipv4.tcp_notsent_lowat" => Number { least: 0, most: u32::MAX as i64, read: |c| c.tcp.notsent_lowat.into(), write: |c, n| tcp(c).notsent_lowat = n as u32 },
    "net.core.rmem_max" => Number {
        least: 2304, most: MOST, read: |c| c.tcp.recv_buffer_limit as i64, write: |c, n| tcp(c).recv_buffer_limit = n as usize,
    },
    "net.core.wmem_max" => Number {
        least: 4608, most: MOST, read: |c| c.send_buffer_limit.into(), write: |c, n| c.send_buffer_limit = n as u32,
    },
    "net.core.rmem_default" => NoEffect { default: "212992", why: NOT_TCP },
    "net.core.wmem_default" => NoEffect { default: "212992", why: NOT_TCP },

    // ACKs.
    "net.ipv4.tcp_comp_sack_nr" => count!(0, 255, comp_sack_nr),
    "net.ipv4.tcp_comp_sack_delay_ns" => Number { least: 0, most: MOST, read: |c| c.tcp.comp_sack_delay.as_nanos() as i64, write: |c, n| tcp(c).comp_sack_delay = Duration::from_nanos(n.unsigned_abs()) },
    "net.ipv4.tcp_comp_sack_slack_ns" => NoEffect { default: "100000", why: "timers are exact" },
    "net.ipv4.tcp_pingpong_thresh" => Only { values: &["1"], why: "there is no such setting" },
    "net.ipv4.tcp_backlog_ack_defer" => NoEffect { default: "1", why: ONE_STACK },

    // Loss and congestion.
    "net.ipv4.tcp_congestion_control" => Name {
        read: |c| c.tcp.congestion.name(),
        write: |c, name| Algorithm::named(name).map(|known| tcp(c).congestion = known).is_some(),
        why: "the stack has reno, bbr and cubic",
    },
    "net.ipv4.tcp_available_congestion_control" => Only { values: &["reno bbr cubic"], why: "it lists what there is" },
    "net.ipv4.tcp_allowed_congestion_control" => NoEffect { default: "reno", why: "it is about who may choose" },
    "net.ipv4.tcp_slow_start_after_idle" => flag(|c| c.tcp.slow_start_after_idle, |c, on| tcp(c).slow_start_after_idle = on),
    "net.ipv4.tcp_recovery" => Number { least: 0, most: 255, read: recovery, write: set_recovery },
    "net.ipv4.tcp_early_retrans" => Number {
        least: 0, most: 4,
        read: |c| if c.tcp.tail_loss_probe { 3 } else { 0 },
        write: |c, n| tcp(c).tail_loss_probe = n == 3 || n == 4,
    },
    "net.ipv4.tcp_frto" => flag(|c| c.tcp.frto, |c, on| tcp(c).frto = on),
    "net.ipv4.tcp_retrans_collapse" => flag(|c| c.tcp.retrans_collapse, |c, on| tcp(c).retrans_collapse = on),
    "net.ipv4.tcp_reordering" => Number {
        least: 0, most: 65_535, read: |c| c.tcp.reordering.into(), write: |c, n| tcp(c).reordering = n as u16,
    },
    "net.ipv4.tcp_max_reordering" => Number {
        least: 0, most: 65_535, read: |c| c.tcp.max_reordering.into(), write: |c, n| tcp(c).max_reordering = n as u16,
    },
    "net.ipv4.tcp_fack" => NoEffect { default: "0", why: "Linux has no FACK any more either" },
    "net.ipv4.tcp_low_latency" => NoEffect { default: "0", why: "Linux does not look at it any more either" },
    "net.ipv4.tcp_no_metrics_save" => flag(|c| !c.save_metrics, |c, on| c.save_metrics = !on),
    "net.ipv4.tcp_no_ssthresh_metrics_save" => flag(|c| !c.save_ssthresh, |c, on| c.save_ssthresh = !on),
    "net.ipv4.tcp_plb_enabled" => Only { values: &["0"], why: NO_PLB },
    "net.ipv4.tcp_plb_cong_thresh" => NoEffect { default: "128", why: NO_PLB },
    "net.ipv4.tcp_plb_idle_rehash_rounds" => NoEffect { default: "3", why: NO_PLB },
    "net.ipv4.tcp_plb_rehash_rounds" => NoEffect { default: "12", why: NO_PLB },
    "net.ipv4.tcp_plb_suspend_rto_sec" => NoEffect { default: "60", why: NO_PLB },

    // What leaves together, and how fast.
    "net.ipv4.tcp_tso_win_divisor" => count!(0, 255, tso_win_divisor),
    "net.ipv4.tcp_tso_rtt_log" => count!(0, 255, tso_rtt_log),
    "net.ipv4.tcp_min_tso_segs" => count!(1, 255, min_tso_segs),
    "net.ipv4.tcp_limit_output_bytes" => NoEffect { default: "4194304", why: NO_QUEUE },
    "net.ipv4.tcp_autocorking" => NoEffect { default: "1", why: "what is sent leaves at once" },
    "net.ipv4.tcp_pacing_ss_ratio" => Number { least: 0, most: 1000, read: |c| c.tcp.pacing_ss_ratio.into(), write: |c, n| tcp(c).pacing_ss_ratio = n as u16 },
    "net.ipv4.tcp_pacing_ca_ratio" => Number { least: 0, most: 1000, read: |c| c.tcp.pacing_ca_ratio.into(), write: |c, n| tcp(c).pacing_ca_ratio = n as u16 },
    "net.core.default_qdisc" => Only { values: &["pfifo_fast", "pfifo", "fq_codel"], why: NO_PACING },

    // Segments' size.
    "net.ipv4.tcp_mtu_probing" => Number { least: 0, most: 255, read: mtu_probing, write: set_mtu_probing },
    "net.ipv4.tcp_base_mss" => size!(base_mss),
    "net.ipv4.tcp_mtu_probe_floor" => size!(mtu_probe_floor),
    "net.ipv4.tcp_probe_interval" => Number { least: 0, most: u32::MAX as i64, read: |c| c.tcp.probe_interval.as_secs() as i64, write: |c, n| tcp(c).probe_interval = Duration::from_secs(n.unsigned_abs()) },
    "net.ipv4.tcp_probe_threshold" => size!(probe_threshold),
    "net.ipv4.tcp_min_snd_mss" => Number { least: 48, most: 65_535, read: |c| c.tcp.min_snd_mss.into(), write: |c, n| tcp(c).min_snd_mss = n as u16 },
    "net.ipv4.ip_no_pmtu_disc" => Number { least: 0, most: 255, read: path_mtu_discovery, write: set_path_mtu_discovery },
    "net.ipv4.route.min_pmtu" => Number { least: 68, most: 65_535, read: |c| c.min_pmtu.into(), write: |c, n| c.min_pmtu = n as u16 },
    "net.ipv4.route.mtu_expires" => Number { least: 0, most: MOST / 1000, read: |c| c.mtu_expires.as_secs() as i64, write: |c, n| c.mtu_expires = Duration::from_secs(n.unsigned_abs()) },
    "net.ipv4.route.min_adv_mss" => Number { least: 0, most: 65_535, read: |c| c.min_adv_mss.into(), write: |c, n| c.min_adv_mss = n as u16 },
    "net.ipv6.route.mtu_expires" => Number { least: 0, most: MOST / 1000, read: |c| c.mtu_expires_v6.as_secs() as i64, write: |c, n| c.mtu_expires_v6 = Duration::from_secs(n.unsigned_abs()) },

    // The rest.
    "net.ipv4.tcp_stdurg" => Only { values: &["0"], why: "urgent data is read as BSD reads it" },
    "net.ipv4.tcp_reflect_tos" => Only { values: &["0"], why: "the peer's TOS is not used" },
    "net.ipv4.tcp_workaround_signed_windows" => Only { values: &["0"], why: "there is no such workaround" },
    "net.ipv4.ip_default_ttl" => Only { values: &["64"], why: "packets leave with a TTL of 64" },
    "net.ipv4.tcp_early_demux" => NoEffect { default: "1", why: ONE_STACK },
    "net.ipv4.ip_early_demux" => NoEffect { default: "1", why: ONE_STACK },
    "net.ipv4.ip_forward" => NoEffect { default: "0", why: "there is one interface" },
};

/// The most that a sysctl of an `int` takes.
const MOST: i64 = i32::MAX as i64;

const fn flag(read: fn(&StackConfig) -> bool, write: fn(&mut StackConfig, bool)) -> Meaning {
    Flag { read, write }
}

/// The settings of new sockets.
fn tcp(config: &mut StackConfig) -> &mut Config {
    Arc::make_mut(&mut config.tcp)
}

/// Which of Linux's numbers stands for a value: its place among all there are.
fn place<T: PartialEq>(all: &[T], value: &T) -> i64 {
    all.iter().position(|one| one == value).map_or(0, |place| place as i64)
}

fn ecn(config: &StackConfig) -> i64 {
    place(&EcnPolicy::ALL, &config.tcp.ecn)
}

fn set_ecn(config: &mut StackConfig, number: i64) {
    tcp(config).ecn = EcnPolicy::ALL[number as usize];
}

fn ecn_option(config: &StackConfig) -> i64 {
    place(&AccEcnOptions::ALL, &config.tcp.accecn_option)
}

fn set_ecn_option(config: &mut StackConfig, number: i64) {
    tcp(config).accecn_option = AccEcnOptions::ALL[number as usize];
}

/// Linux's bits of `tcp_recovery`. The first means nothing any more: RACK is always on.
fn recovery(config: &StackConfig) -> i64 {
    1 | i64::from(config.tcp.rack_static_window) << 1 | i64::from(!config.tcp.rack_dup_thresh) << 2
}

fn set_recovery(config: &mut StackConfig, bits: i64) {
    tcp(config).rack_static_window = bits & 2 != 0;
    tcp(config).rack_dup_thresh = bits & 4 == 0;
}

/// 2 is with timestamps that have no offset of their own.
fn timestamps(config: &StackConfig) -> i64 {
    match (config.tcp.timestamps, config.timestamp_offsets) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    }
}

fn set_timestamps(config: &mut StackConfig, number: i64) {
    config.timestamp_offsets = number != 2;
    tcp(config).timestamps = number != 0;
}

fn cookies(config: &StackConfig) -> i64 {
    match config.syn_cookies {
        SynCookies::Never => 0,
        SynCookies::WhenFull => 1,
        SynCookies::Always => 2,
    }
}

fn set_cookies(config: &mut StackConfig, number: i64) {
    config.syn_cookies = match number {
        0 => SynCookies::Never,
        2 => SynCookies::Always,
        _ => SynCookies::WhenFull,
    };
}

fn mtu_probing(config: &StackConfig) -> i64 {
    match config.tcp.mtu_probing {
        MtuProbing::Off => 0,
        MtuProbing::AfterBlackHole => 1,
        MtuProbing::Always => 2,
    }
}

fn set_mtu_probing(config: &mut StackConfig, number: i64) {
    tcp(config).mtu_probing = match number {
        0 => MtuProbing::Off,
        1 => MtuProbing::AfterBlackHole,
        _ => MtuProbing::Always,
    };
}

fn path_mtu_discovery(config: &StackConfig) -> i64 {
    match config.path_mtu_discovery {
        PathMtuDiscovery::On => 0,
        PathMtuDiscovery::Off => 1,
        PathMtuDiscovery::Deaf => 2,
        PathMtuDiscovery::Checked => 3,
    }
}

/// As Linux, what has no meaning of its own is 1.
fn set_path_mtu_discovery(config: &mut StackConfig, number: i64) {
    config.path_mtu_discovery = match number {
        0 => PathMtuDiscovery::On,
        2 => PathMtuDiscovery::Deaf,
        3 => PathMtuDiscovery::Checked,
        _ => PathMtuDiscovery::Off,
    };
}

fn linear(config: &StackConfig) -> i64 {
    match config.tcp.syn_schedule {
        SynSchedule::Exponential => 0,
        SynSchedule::LinearThenExponential { linear } => linear.into(),
    }
}

fn set_linear(config: &mut StackConfig, number: i64) {
    tcp(config).syn_schedule = match number {
        0 => SynSchedule::Exponential,
        linear => SynSchedule::LinearThenExponential { linear: linear as u8 },
    };
}

fn port_range(config: &StackConfig) -> Vec<i64> {
    vec![i64::from(*config.ephemeral_ports.start()), i64::from(*config.ephemeral_ports.end())]
}

fn set_port_range(config: &mut StackConfig, numbers: &[i64]) -> Result<(), &'static str> {
    let ports = |numbers: &[i64]| match numbers {
        [from, to] if from <= to => Some(u16::try_from(*from).ok()?..=u16::try_from(*to).ok()?),
        _ => None,
    };
    config.ephemeral_ports = ports(numbers).ok_or("two port numbers are expected, the lower first")?;
    Ok(())
}

/// Least, default and most bytes.
fn recv_memory(config: &StackConfig) -> Vec<i64> {
    vec![config.tcp.recv_buffer_min as i64, config.tcp.recv_buffer as i64, config.tcp.recv_buffer_max as i64]
}

fn set_recv_memory(config: &mut StackConfig, numbers: &[i64]) -> Result<(), &'static str> {
    let (least, default, most) = memory(numbers)?;
    let tcp = tcp(config);
    (tcp.recv_buffer_min, tcp.recv_buffer, tcp.recv_buffer_max) = (least, default, most);
    Ok(())
}

fn send_memory(config: &StackConfig) -> Vec<i64> {
    vec![config.tcp.send_buffer_min as i64, config.tcp.send_buffer as i64, config.tcp.send_buffer_max as i64]
}

fn set_send_memory(config: &mut StackConfig, numbers: &[i64]) -> Result<(), &'static str> {
    let (least, default, most) = memory(numbers)?;
    let tcp = tcp(config);
    (tcp.send_buffer_min, tcp.send_buffer, tcp.send_buffer_max) = (least, default, most);
    Ok(())
}

/// Linux counts in pages.
const PAGE: usize = 4096;

fn shared_memory(config: &StackConfig) -> Vec<i64> {
    let MemoryLimits { low, pressure, most } = config.memory;
    [low, pressure, most].map(|bytes| (bytes / PAGE) as i64).to_vec()
}

fn set_shared_memory(config: &mut StackConfig, numbers: &[i64]) -> Result<(), &'static str> {
    let (low, pressure, most) = memory(numbers)?;
    let bytes = |pages: usize| pages.saturating_mul(PAGE);
    config.memory = MemoryLimits { low: bytes(low), pressure: bytes(pressure), most: bytes(most) };
    Ok(())
}

/// The least, the default and the most of three numbers.
fn memory(numbers: &[i64]) -> Result<(usize, usize, usize), &'static str> {
    match numbers {
        [least, default, most] => Ok((*least as usize, *default as usize, *most as usize)),
        _ => Err("three numbers are expected: least, default and most bytes"),
    }
}
