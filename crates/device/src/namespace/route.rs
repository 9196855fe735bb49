//! Routes on the kernel's side, and what Linux remembers of those at their ends.

use super::netlink::{Request, c_string, family_and_bytes};
use super::{Namespace, NamespaceError};
use limpid_wire::{Cidr, IpAddr};
use rustix::io::Errno;
use std::io;
use std::time::Duration;

const RTM_NEWROUTE: u16 = 24;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_METRICS: u16 = 8;
const RTAX_LOCK: u16 = 1;
const RTAX_MTU: u16 = 2;
const RTAX_ADVMSS: u16 = 8;
const RTAX_INITCWND: u16 = 11;
const RTAX_FEATURES: u16 = 12;
const RTAX_RTO_MIN: u16 = 13;
const RTAX_INITRWND: u16 = 14;
const RTAX_QUICKACK: u16 = 15;
const RTAX_CC_ALGO: u16 = 16;
const RTAX_FASTOPEN_NO_COOKIE: u16 = 17;
const RTAX_FEATURE_ECN: u32 = 1;

const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_SCOPE_LINK: u8 = 253;
const RTN_UNICAST: u8 = 1;

/// A route on the kernel's side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelRoute {
    /// Where to.
    pub destination: Cidr,
    /// Through whom; `None` if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Out of which link, by name.
    pub link: String,
    /// What connections over it start with.
    pub metrics: RouteMetrics,
}

/// What `ip route` may say of a route (`man 8 ip-route`); by default nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouteMetrics {
    /// Congestion control of connections over it: a route may choose one that a child namespace's sysctl may not.
    pub congctl: Option<String>,
    /// The path's MTU, bytes; true if ICMP may not change it (`lock`).
    pub mtu: Option<(u32, bool)>,
    /// The MSS to tell the peer, bytes.
    pub advmss: Option<u32>,
    /// Initial congestion window, segments.
    pub initcwnd: Option<u32>,
    /// Initial receive window, segments.
    pub initrwnd: Option<u32>,
    /// The least retransmission timeout, in whole milliseconds.
    pub rto_min: Option<Duration>,
    /// Never delay an ACK.
    pub quickack: Option<bool>,
    /// Ask for ECN (`features ecn`).
    pub ecn: Option<bool>,
    /// Fast Open without cookies.
    pub fastopen_no_cookie: Option<bool>,
}

impl RouteMetrics {
    /// As `RTA_METRICS` holds it.
    fn to_attributes(&self) -> Vec<u8> {
        let RouteMetrics { congctl, mtu, advmss, initcwnd, initrwnd, rto_min, quickack, ecn, fastopen_no_cookie } =
            self;
        let locked = mtu.filter(|(_, lock)| *lock).map(|_| 1 << RTAX_MTU);
        let millis = rto_min.map(|rto| u32::try_from(rto.as_millis()).unwrap_or(u32::MAX));
        let features = ecn.map(|ecn| if ecn { RTAX_FEATURE_ECN } else { 0 });
        let numbers = [
            (RTAX_LOCK, locked),
            (RTAX_MTU, mtu.map(|(mtu, _)| mtu)),
            (RTAX_ADVMSS, *advmss),
            (RTAX_INITCWND, *initcwnd),
            (RTAX_FEATURES, features),
            (RTAX_RTO_MIN, millis),
            (RTAX_INITRWND, *initrwnd),
            (RTAX_QUICKACK, quickack.map(u32::from)),
            (RTAX_FASTOPEN_NO_COOKIE, fastopen_no_cookie.map(u32::from)),
        ];
        let mut attributes = Request::empty();
        for (kind, value) in numbers {
            if let Some(value) = value {
                attributes.attribute(kind, &value.to_ne_bytes());
            }
        }
        if let Some(name) = congctl {
            attributes.attribute(RTAX_CC_ALGO, &c_string(name));
        }
        attributes.into_bytes()
    }
}

impl Namespace {
    /// Adds a route, or replaces the one to the same network.
    ///
    /// # Errors
    /// [`NamespaceError::Step`], with what the kernel said: there is no such link or congestion control, or its gateway is not
    /// on the link.
    pub fn add_route(&self, route: &KernelRoute) -> Result<(), NamespaceError> {
        let KernelRoute { destination, gateway, link, metrics } = route;
        let index = self.index(link)?;
        let (family, bytes) = family_and_bytes(destination.addr);
        let scope = if gateway.is_some() { RT_SCOPE_UNIVERSE } else { RT_SCOPE_LINK };
        let mut request = Request::replace(RTM_NEWROUTE);
        // rtmsg: family, lengths of destination and source, TOS, table, protocol, scope, type; then 32 bits of flags.
        request.bytes(&[family, destination.prefix, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST]);
        request.bytes(&0_u32.to_ne_bytes());
        request.attribute(RTA_DST, &bytes);
        request.attribute(RTA_OIF, &index.to_ne_bytes());
        if let Some(gateway) = gateway {
            request.attribute(RTA_GATEWAY, &family_and_bytes(*gateway).1);
        }
        let metrics = metrics.to_attributes();
        if !metrics.is_empty() {
            request.attribute(RTA_METRICS, &metrics);
        }
        let added = self.netlink.exchange(request).map(drop);
        added.map_err(NamespaceError::step(format!("route to {destination}")))
    }

    /// Forgets what is remembered of earlier connections: round-trip times, thresholds, Fast Open cookies
    /// (`ip tcp_metrics flush all`).
    ///
    /// # Errors
    /// [`NamespaceError::Left`] if the thread is no longer in the namespace; [`NamespaceError::Step`] with what the kernel said:
    /// only root of the whole machine may.
    pub fn flush_tcp_metrics(&self) -> Result<(), NamespaceError> {
        let what = "TCP metrics";
        self.check(what)?;
        flush_tcp_metrics().map_err(NamespaceError::step(what))
    }
}

/// Generic netlink (`linux/genetlink.h`): first which number the family has, then the request.
fn flush_tcp_metrics() -> io::Result<()> {
    const GENL_ID_CTRL: u16 = 16;
    const CTRL_CMD_GETFAMILY: u8 = 3;
    const CTRL_ATTR_FAMILY_ID: u16 = 1;
    const CTRL_ATTR_FAMILY_NAME: u16 = 2;
    const TCP_METRICS_CMD_DEL: u8 = 2;
    /// Length of `genlmsghdr`: command, version, and two bytes of padding.
    const HEADER: usize = 4;

    let netlink = super::Netlink::generic()?;
    let mut request = Request::new(GENL_ID_CTRL, 0);
    request.bytes(&[CTRL_CMD_GETFAMILY, 1, 0, 0]);
    request.attribute(CTRL_ATTR_FAMILY_NAME, b"tcp_metrics\0");
    let answer = netlink.exchange(request)?;
    let family = super::netlink::attribute(answer.get(HEADER..).unwrap_or_default(), CTRL_ATTR_FAMILY_ID);
    let family = family.and_then(|value| value.first_chunk()).ok_or(Errno::NOENT)?;
    let mut request = Request::acknowledged(u16::from_ne_bytes(*family));
    request.bytes(&[TCP_METRICS_CMD_DEL, 1, 0, 0]);
    netlink.exchange(request).map(drop)
}
