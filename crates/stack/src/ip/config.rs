//! What a socket can say of its packets' IP headers, and of those it takes (RFC 9293 §3.8.1, §3.9.1.9; RFC 2474, 5082,
//! 6437; RFC 1191 and 8201 for the path MTU).

use crate::IfaceId;
use crate::demux::FlowKey;
use crate::iface::Path;
use crate::ip::output::{DontFragment, Marks};
use crate::isn;
use crate::stack::Stack;
use limpid_event::Observer;

/// The TTL, and hop limit, where a socket has none of its own (Linux's `ip_default_ttl`; RFC 9293 §3.8.1 asks for 60
/// or more).
pub const DEFAULT_TTL: u8 = 64;

/// Settings of a socket at the level of IP. Those of IPv4 and of IPv6 are kept apart, as Linux does; a connection has
/// one version and uses that one's. A connection accepted from a listener begins with the listener's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpConfig {
    /// IPv4's.
    pub v4: IpHeaderConfig,
    /// IPv6's: traffic class, hop limit, IPV6_MINHOPCOUNT.
    pub v6: IpHeaderConfig,
    /// IPv6 packets carry a flow label (RFC 6437; IPV6_AUTOFLOWLABEL).
    pub flow_label: bool,
    /// Told to the device with each frame (SO_MARK); the stack's own routes do not look at it.
    pub mark: u32,
    /// Told to the device with each frame (SO_PRIORITY).
    pub priority: u32,
    /// Packets go and come by this interface alone (SO_BINDTODEVICE).
    pub iface: Option<IfaceId>,
}

/// Those of one IP version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IpHeaderConfig {
    /// Time to live, or hop limit (IP_TTL, IPV6_UNICAST_HOPS).
    pub ttl: u8,
    /// TOS byte, or traffic class, without the two ECN bits, which are TCP's (IP_TOS, IPV6_TCLASS; RFC 2474).
    pub class: u8,
    /// Packets that come with less are dropped (IP_MINTTL, IPV6_MINHOPCOUNT; RFC 5082's GTSM). 0 takes all.
    pub min_ttl: u8,
    /// What is done about the path's MTU.
    pub path_mtu: PathMtu,
}

/// What a socket does about the path MTU (IP_MTU_DISCOVER, IPV6_MTU_DISCOVER).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PathMtu {
    /// Packets may be fragmented on their way, and over IPv4 ICMP makes nothing go again. What is sent later is as small as the
    /// path is known to be, as on Linux.
    Dont,
    /// It is discovered: DF is set, and segments follow what ICMP tells.
    #[default]
    Want,
    /// The same: a TCP never sends more than the path takes.
    Do,
    /// DF is not set on TCP's packets (as Linux has it), the path MTU is followed.
    Probe,
    /// DF is not set, and ICMP makes nothing go again. What is sent later is as small as the path is known to be, as on Linux.
    Interface,
    /// The same.
    Omit,
}

impl IpConfig {
    /// Linux's defaults.
    pub const fn new() -> IpConfig {
        let header = IpHeaderConfig::new();
        IpConfig { v4: header, v6: header, flow_label: true, mark: 0, priority: 0, iface: None }
    }
}

impl IpHeaderConfig {
    /// Linux's defaults.
    pub const fn new() -> IpHeaderConfig {
        IpHeaderConfig { ttl: DEFAULT_TTL, class: 0, min_ttl: 0, path_mtu: PathMtu::Want }
    }
}

impl Default for IpConfig {
    fn default() -> IpConfig {
        IpConfig::new()
    }
}

impl Default for IpHeaderConfig {
    fn default() -> IpHeaderConfig {
        IpHeaderConfig::new()
    }
}

impl PathMtu {
    /// Whether routers are kept from fragmenting.
    fn dont_fragment(self) -> DontFragment {
        match self {
            PathMtu::Want => DontFragment::UnlessLocked,
            PathMtu::Do => DontFragment::Always,
            PathMtu::Dont | PathMtu::Probe | PathMtu::Interface | PathMtu::Omit => DontFragment::Never,
        }
    }

    /// Whether ICMP makes what is in flight go again, in smaller segments (Linux's `tcp_v4_mtu_reduced`, `tcp_v6_err`).
    pub(crate) fn heeds_icmp(self, v4: bool) -> bool {
        match self {
            PathMtu::Want | PathMtu::Do | PathMtu::Probe => true,
            PathMtu::Dont => !v4,
            PathMtu::Interface | PathMtu::Omit => false,
        }
    }
}

impl IpConfig {
    /// The part for this IP version.
    pub(crate) fn of_version(&self, v4: bool) -> &IpHeaderConfig {
        if v4 { &self.v4 } else { &self.v6 }
    }

    /// The interface that packets of `key` are bound to: by its addresses, or by setting.
    pub(crate) fn scope(&self, key: &FlowKey) -> Option<IfaceId> {
        key.scope().or(self.iface)
    }
}

impl<O: Observer> Stack<O> {
    /// What marks the packets of a flow with these settings: as Linux, a flow label by hash and an identification that
    /// counts from a hashed start.
    pub(crate) fn marks(&self, key: &FlowKey, ip: &IpConfig) -> Marks {
        let (flow_label, ip_id) = isn::flow_label(&self.keys, key);
        let flow_label = if ip.flow_label { flow_label } else { 0 };
        Marks { flow_label, ip_id, ..unnumbered(key, ip) }
    }

    /// The same for a segment that is not cut from a connection: as Linux, with no identification where none is needed.
    pub(crate) fn stateless_marks(&self, key: &FlowKey, ip: &IpConfig) -> Marks {
        let plain = unnumbered(key, ip);
        let fragments = plain.dont_fragment == DontFragment::Never;
        if key.remote.addr.is_v4() && !fragments {
            return plain; // IPv4 has no flow label.
        }
        let marks = self.marks(key, ip);
        Marks { ip_id: if fragments { marks.ip_id } else { 0 }, ..marks }
    }

    /// Of an answer to a segment of nobody: its class is what came, without the ECN bits (Linux). It has a flow label.
    pub(crate) fn answer_marks(&self, key: &FlowKey, class: u8) -> Marks {
        let marks = self.stateless_marks(key, &IpConfig::default());
        Marks { class: class & !3, ..marks }
    }

    /// The path of a flow with these settings.
    pub(crate) fn path_of(&self, now: limpid_event::Instant, key: &FlowKey, ip: &IpConfig) -> Option<Path> {
        self.net.path(now, key.remote.addr, ip.scope(key))
    }
}

/// What marks packets, without what is drawn for each flow.
fn unnumbered(key: &FlowKey, ip: &IpConfig) -> Marks {
    let header = ip.of_version(key.remote.addr.is_v4());
    Marks {
        flow_label: 0,
        ip_id: 0,
        ttl: header.ttl,
        class: header.class,
        dont_fragment: header.path_mtu.dont_fragment(),
        mark: ip.mark,
        priority: ip.priority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `man 7 ip`, and what Linux 6.18 sends.
    #[test]
    fn df_is_set_where_linux_sets_it() {
        use PathMtu::{Do, Dont, Interface, Omit, Probe, Want};
        for (mode, df, heeds) in [
            (Dont, DontFragment::Never, [false, true]),
            (Want, DontFragment::UnlessLocked, [true, true]),
            (Do, DontFragment::Always, [true, true]),
            (Probe, DontFragment::Never, [true, true]),
            (Interface, DontFragment::Never, [false, false]),
            (Omit, DontFragment::Never, [false, false]),
        ] {
            assert_eq!((mode.dont_fragment(), [true, false].map(|v4| mode.heeds_icmp(v4))), (df, heeds), "{mode:?}");
        }
    }
}
