//! What a stack is made with.

use crate::{FastOpenConfig, IpConfig, MemoryLimits, PathMtu};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use limpid_tcp::Config;
use limpid_wire::Endpoint;

/// Keys that a peer must not know. The caller draws them from its source of randomness, once.
#[derive(Clone)]
pub struct Secrets {
    /// For ISNs (RFC 6528), timestamp offsets, ephemeral ports (RFC 6056), cookies and the demux hash, each derived.
    pub seed: [u8; 32],
}

/// Shows nothing of them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// When SYNs are answered with cookies (RFC 4987 §3.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SynCookies {
    /// Never: SYNs are dropped while the SYN queue is full.
    Never,
    /// When the SYN queue is full.
    WhenFull,
    /// Always: no SYN is remembered.
    Always,
}

/// When connect takes a 4-tuple that is in TIME-WAIT, where the peer's timestamps tell old segments from new ones (RFC 6191 §3;
/// `tcp_tw_reuse`). Who binds the port itself gets it in any case, as on Linux.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeWaitReuse {
    /// Never.
    Never,
    /// Always.
    Always,
    /// Where one of the ends is a loopback address.
    Loopback,
}

impl TimeWaitReuse {
    /// All, at Linux's numbers.
    pub const ALL: [TimeWaitReuse; 3] = [TimeWaitReuse::Never, TimeWaitReuse::Always, TimeWaitReuse::Loopback];
}

/// Settings of a stack.
#[derive(Clone, Debug)]
pub struct StackConfig {
    /// Which shard of its host it is: part of every [`SocketId`](crate::SocketId) and of every flow's name.
    pub shard: u16,
    /// How many shards the host has, each with the same addresses, routes and secrets: connections are spread over them
    /// ([`Steering`](crate::Steering)), and the first answers what concerns the host and no connection.
    pub shards: u16,
    /// What a new socket starts with.
    pub tcp: Arc<Config>,
    /// The most that an unprivileged program may ask of SO_SNDBUF, bytes (`net.core.wmem_max`); the buffer is twice that. SO_RCVBUF's
    /// bound is [`Config::recv_buffer_limit`].
    pub send_buffer_limit: u32,
    /// Ephemeral ports (`ip_local_port_range`).
    pub ephemeral_ports: core::ops::RangeInclusive<u16>,
    /// Timestamps of different pairs of hosts have different offsets (`tcp_timestamps` is 1, not 2; RFC 7323 §5.4), so that they do not
    /// tell how long the host is up.
    pub timestamp_offsets: bool,
    /// Bounds on the memory of all connections' buffers (`tcp_mem`).
    pub memory: MemoryLimits,
    /// Bound on connections in TIME-WAIT (`tcp_max_tw_buckets`).
    pub max_time_wait: usize,
    /// When connect takes a 4-tuple that is in TIME-WAIT (`tcp_tw_reuse`),
    pub time_wait_reuse: TimeWaitReuse,
    /// and for how long nothing may have been heard from it before (`tcp_tw_reuse_delay`).
    pub time_wait_reuse_delay: Duration,
    /// Bound on connections whose application is gone but that still have something to say (`tcp_max_orphans`); one more is
    /// reset.
    pub max_orphans: usize,
    /// A connection that nothing was heard of and nothing sent for so long is kept in little room until something happens. It shows in
    /// nothing but memory, and a microsecond to rouse it. [`Duration::MAX`] lets none rest.
    pub rest_after: Duration,
    /// Bound on embryonic connections of one listener (`tcp_max_syn_backlog`).
    pub max_syn_backlog: usize,
    /// When SYNs are answered with cookies (`tcp_syncookies`).
    pub syn_cookies: SynCookies,
    /// Round-trip times and windows of connections that close are remembered for the next to the same peer
    /// (`tcp_no_metrics_save` off),
    pub save_metrics: bool,
    /// and their slow-start thresholds, with which the next begins (`tcp_no_ssthresh_metrics_save` off).
    pub save_ssthresh: bool,
    /// Fast Open.
    pub fast_open: FastOpenConfig,
    /// Reset instead of dropping when the accept queue is full (`tcp_abort_on_overflow`).
    pub abort_on_overflow: bool,
    /// Whether the MTU of IPv4's paths is looked for (`ip_no_pmtu_disc`).
    pub path_mtu_discovery: PathMtuDiscovery,
    /// The least path MTU that is believed over IPv4, bytes (`net.ipv4.route.min_pmtu`). Less is taken for this, and routers may
    /// cut packets then.
    pub min_pmtu: u16,
    /// How long a path MTU that ICMP told holds, over IPv4 (`net.ipv4.route.mtu_expires`; RFC 1191 §6.3)
    pub mtu_expires: Duration,
    /// and over IPv6 (`net.ipv6.route.mtu_expires`; RFC 8201 §5.3).
    pub mtu_expires_v6: Duration,
    /// The least MSS that SYNs state, bytes, but for a route's own (`net.ipv4.route.min_adv_mss`).
    pub min_adv_mss: u16,
}

/// Whether the MTU of IPv4's paths is looked for (RFC 1191; `ip_no_pmtu_disc`). Of the four only the first is any good; the
/// others are Linux's answers to networks that lose or forge ICMP messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PathMtuDiscovery {
    /// It is (0).
    #[default]
    On,
    /// New sockets let packets be cut on their way, and an ICMP message makes the path's MTU the least there is (1).
    Off,
    /// New sockets let packets be cut on their way, and ICMP messages about it are not heard (2).
    Deaf,
    /// New sockets let packets be cut on their way. ICMP messages are believed of protocols that check them, as TCP does (3).
    Checked,
}

impl StackConfig {
    /// What a new socket's packets look like.
    pub(crate) fn ip(&self) -> IpConfig {
        let mut ip = IpConfig::new();
        if self.path_mtu_discovery != PathMtuDiscovery::On {
            ip.v4.path_mtu = PathMtu::Dont;
        }
        ip
    }
}

impl Default for StackConfig {
    /// Linux's defaults on a machine of some gigabytes.
    fn default() -> StackConfig {
        StackConfig {
            shard: 0,
            shards: 1,
            tcp: Arc::new(Config::default()),
            send_buffer_limit: 4_194_304,
            ephemeral_ports: 32_768..=60_999,
            timestamp_offsets: true,
            memory: MemoryLimits::default(),
            max_time_wait: 131_072,
            time_wait_reuse: TimeWaitReuse::Loopback,
            time_wait_reuse_delay: Duration::from_secs(1),
            max_orphans: 65_536,
            rest_after: Duration::from_secs(1),
            max_syn_backlog: 2048,
            syn_cookies: SynCookies::WhenFull,
            save_metrics: true,
            save_ssthresh: false,
            fast_open: FastOpenConfig::default(),
            abort_on_overflow: false,
            path_mtu_discovery: PathMtuDiscovery::On,
            min_pmtu: 552,
            mtu_expires: Duration::from_secs(600),
            mtu_expires_v6: Duration::from_secs(600),
            min_adv_mss: 256,
        }
    }
}

/// What a listener is made with.
#[derive(Clone, Debug)]
pub struct ListenConfig {
    /// Address and port; `::` with `v6_only` off takes IPv4 too; port 0 picks one.
    pub local: Endpoint,
    /// `listen`'s backlog; the accept queue holds one more, as on Linux.
    pub backlog: usize,
    /// IPV6_V6ONLY.
    pub v6_only: bool,
    /// SO_REUSEADDR.
    pub reuse_addr: bool,
    /// SO_REUSEPORT: others that have it, too, may listen at the same address and port, and connections are spread over them.
    pub reuse_port: bool,
    /// Accept connections to *any* address and port (transparent proxies, VPNs).
    pub transparent: bool,
    /// Let the application decide on each SYN before the SYN-ACK (`Stack::poll_syn`, `answer`, `refuse`).
    pub defer_syn_ack: bool,
    /// Settings of accepted connections; the stack's if `None`.
    pub tcp: Option<Arc<Config>>,
}

impl ListenConfig {
    /// An ordinary listener, with SO_REUSEADDR.
    pub fn new(local: Endpoint, backlog: usize) -> ListenConfig {
        ListenConfig {
            local,
            backlog,
            v6_only: false,
            reuse_addr: true,
            reuse_port: false,
            transparent: false,
            defer_syn_ack: false,
            tcp: None,
        }
    }
}

/// What a socket is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BindConfig {
    /// Address and port; port 0 picks one.
    pub local: Endpoint,
    /// IPV6_V6ONLY: `::` leaves IPv4 out.
    pub v6_only: bool,
    /// Any address will do, be it ours or not (IP_FREEBIND).
    pub foreign: bool,
}
