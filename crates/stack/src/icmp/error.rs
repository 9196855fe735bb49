//! Errors that we hear, and what they do to a connection.
//!
//! An error must quote a segment of ours that is in flight, or it is not believed (RFC 5927 §4.1): an attacker has to guess
//! ports and sequence number. In SYN-SENT any unreachable then ends the connect; in an embryonic connection network and
//! host unreachable do; an established connection only remembers it, since it may heal, and tells it as the reason when it
//! times out (RFC 5461 §4, RFC 5927 §5.2; all as Linux). The exception is a packet too big: it lowers the path MTU, never
//! below [`min_pmtu`](crate::StackConfig::min_pmtu) over IPv4 and 1280 bytes over IPv6 (RFC 8201 §4), and what was lost is sent
//! again.

use crate::IfaceId;
use crate::PathMtuDiscovery;
use crate::Readiness;
use crate::demux::{FlowKey, Handle};
use crate::flow::Phase;
use crate::iface::{LearnedMtu, MIN_MTU_V6};
use crate::listen::mss_of;
use crate::stack::Stack;
use alloc::vec::Vec;
use limpid_event::{Counter, DropReason, Error, Event, Instant, Observer};
use limpid_wire::icmpv4::{Icmpv4Message, Unreachable};
use limpid_wire::icmpv6::{self, Icmpv6Message};
use limpid_wire::quote::QuotedPacket;
use limpid_wire::{Endpoint, IpAddr, IpProtocol, SeqNum};

/// What an ICMP error says of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Report {
    /// It can't be reached.
    Unreachable {
        /// As whom the application sees it.
        error: Error,
        /// It is about the network on the way, which also ends embryonic connections (Linux's `tcp_req_err`).
        of_path: bool,
    },
    /// What was sent is too big.
    TooBig {
        /// What fits; 0 if the router does not say.
        mtu: u32,
    },
}

/// Who sent an ICMP error, and what it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The sender.
    pub from: IpAddr,
    /// ICMP's type,
    pub kind: u8,
    /// and code.
    pub code: u8,
}

impl Origin {
    /// What a connection with TCP-AO does not hear, since nobody signs it (RFC 5925 §7.8): protocol and port unreachable and
    /// fragmentation needed, over IPv6 a policy and port unreachable.
    fn is_about_reachability(&self) -> bool {
        match self.from.is_v4() {
            true => self.kind == 3 && matches!(self.code, 2..=4),
            false => self.kind == 1 && matches!(self.code, 1 | 4),
        }
    }

    /// A router, or the last hop, has no way to the destination now: what RFC 6069 §3 calls a connectivity disruption (Linux:
    /// network and host unreachable over IPv4, no route over IPv6).
    fn has_no_way(&self) -> bool {
        match self.from.is_v4() {
            true => self.kind == 3 && self.code <= 1,
            false => self.kind == 1 && self.code == 0,
        }
    }
}

/// The ICMP error that ended an open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IcmpNotice {
    /// Who sent it.
    pub origin: Origin,
    /// As whom the application sees it.
    pub error: Error,
    /// Where the quoted packet was sent to.
    pub to: Endpoint,
    /// What was quoted of it, from its TCP header on: at most [`MAX_QUOTE`] bytes.
    pub quote: Vec<u8>,
}

/// The most that is kept of a quote, bytes.
pub const MAX_QUOTE: usize = 128;

impl<O: Observer> Stack<O> {
    /// An ICMP error arrived, quoting `quote`.
    pub(crate) fn handle_icmpv4_error(&mut self, now: Instant, origin: Origin, message: Icmpv4Message, quote: &[u8]) {
        let path = |error| Some(Report::Unreachable { error, of_path: true });
        let host = |error| Some(Report::Unreachable { error, of_path: false });
        if matches!(message, Icmpv4Message::Unreachable(_)) {
            self.env.counters.bump(Counter::IcmpInDestUnreachs);
        }
        // Linux's icmp_err_convert.
        let report = match message {
            Icmpv4Message::Unreachable(why) => match why {
                Unreachable::Net => path(Error::NetworkUnreachable),
                Unreachable::Host => path(Error::HostUnreachable),
                Unreachable::Protocol => host(Error::ProtocolUnreachable),
                Unreachable::Port => host(Error::ConnectionRefused),
                Unreachable::FragmentationNeeded { mtu } => Some(Report::TooBig { mtu: u32::from(mtu) }),
                Unreachable::NetUnknown | Unreachable::NetProhibited | Unreachable::NetForTos => {
                    host(Error::NetworkUnreachable)
                }
                Unreachable::Other(_) => None,
                _ => host(Error::HostUnreachable),
            },
            Icmpv4Message::TimeExceeded { in_reassembly: false } => path(Error::HostUnreachable),
            _ => None,
        };
        self.handle_report(now, origin, report, quote);
    }

    /// The same for ICMPv6.
    pub(crate) fn handle_icmpv6_error(&mut self, now: Instant, origin: Origin, message: &Icmpv6Message, quote: &[u8]) {
        let path = |error| Some(Report::Unreachable { error, of_path: true });
        let host = |error| Some(Report::Unreachable { error, of_path: false });
        let report = match message {
            Icmpv6Message::Unreachable(why) => {
                self.env.counters.bump(Counter::IcmpInDestUnreachs);
                // Linux's icmpv6_err_convert.
                match why {
                    icmpv6::Unreachable::NoRoute => path(Error::NetworkUnreachable),
                    icmpv6::Unreachable::Address | icmpv6::Unreachable::BeyondScope => path(Error::HostUnreachable),
                    icmpv6::Unreachable::Port => host(Error::ConnectionRefused),
                    icmpv6::Unreachable::Prohibited
                    | icmpv6::Unreachable::SourcePolicy
                    | icmpv6::Unreachable::RejectRoute => host(Error::Prohibited),
                    _ => None,
                }
            }
            Icmpv6Message::PacketTooBig { mtu } => Some(Report::TooBig { mtu: *mtu }),
            Icmpv6Message::TimeExceeded { in_reassembly: false } => path(Error::HostUnreachable),
            Icmpv6Message::ParameterProblem { code: 1, .. } => host(Error::ProtocolUnreachable),
            _ => None,
        };
        self.handle_report(now, origin, report, quote);
    }

    /// Nobody on the link answered for the next hop of a packet of ours: the same as if a router had told us, as Linux's
    /// `ipv4_link_failure`.
    pub(crate) fn host_unreachable(&mut self, now: Instant, packet: &[u8]) {
        let report = Report::Unreachable { error: Error::HostUnreachable, of_path: true };
        let from = QuotedPacket::parse(packet).map_or(IpAddr::UNSPECIFIED, |quoted| quoted.src);
        // Destination unreachable, host: as the host itself would have said it.
        let (kind, code) = if from.is_v4() { (3, 1) } else { (1, 3) };
        self.handle_report(now, Origin { from, kind, code }, Some(report), packet);
    }

    fn handle_report(&mut self, now: Instant, origin: Origin, report: Option<Report>, quote: &[u8]) {
        let Some(report) = report else { return self.drop_packet(now, DropReason::Unsupported) };
        let Ok(quoted) = QuotedPacket::parse(quote) else {
            self.env.counters.bump(Counter::IcmpInErrors);
            return self.drop_packet(now, DropReason::Malformed);
        };
        let (Some((local_port, remote_port)), Some(seq), IpProtocol::TCP) = (quoted.ports, quoted.seq, quoted.protocol)
        else {
            return self.drop_packet(now, DropReason::IcmpNotOurs);
        };
        let local = Endpoint::new(quoted.src, local_port);
        let remote = Endpoint::new(quoted.dst, remote_port);
        let quote = quote.get(quoted.transport_at..).unwrap_or_default();
        self.report(now, origin, (local, remote), (seq, quote), report);
    }

    fn report(
        &mut self,
        now: Instant,
        origin: Origin,
        (local, remote): (Endpoint, Endpoint),
        (seq, quote): (SeqNum, &[u8]),
        report: Report,
    ) {
        let handle = self.find_any_scope(local, remote);
        let in_flight = match handle {
            Some(Handle::Flow(index)) => match self.flows[index].phase.awake(&mut None) {
                Phase::SynSent(syn_sent) => syn_sent.isn() == seq,
                Phase::Connection(connection) => connection.in_flight(seq),
                _ => false,
            },
            Some(Handle::Embryo(index)) => self.embryos[index].syn.isn() == seq,
            // Nothing is in flight in TIME-WAIT, or before the SYN is answered.
            Some(Handle::TimeWait(_) | Handle::Held(_)) | None => false,
        };
        let Some(handle) = handle.filter(|_| in_flight) else {
            self.env.counters.bump(Counter::TcpExtOutOfWindowIcmps);
            return self.drop_packet(now, DropReason::IcmpNotOurs);
        };
        if let Handle::Flow(index) = handle {
            self.rouse(index);
        }
        if let Handle::Flow(index) = handle
            && self.flows[index].auth.as_deref().is_some_and(|auth| auth.ao().is_some())
            && origin.is_about_reachability()
        {
            self.env.counters.bump(Counter::TcpExtTCPAODroppedIcmps);
            return self.drop_packet(now, DropReason::IcmpNotOurs);
        }
        match (report, handle) {
            (Report::Unreachable { error, .. }, Handle::Flow(index)) => {
                let flow = &mut self.flows[index];
                if flow.is_opening() {
                    let quote = quote[..quote.len().min(MAX_QUOTE)].into();
                    flow.rare.get_or_insert_default().icmp = Some(IcmpNotice { origin, error, to: remote, quote });
                    self.wake_owner(index, Readiness::NOTICE);
                }
                let flow = &mut self.flows[index];
                if let (true, Phase::Connection(connection)) = (origin.has_no_way(), &mut flow.phase) {
                    connection.revert_backoff(&mut self.env.cx(now, flow.id), seq);
                }
                self.flow_unreachable(now, index, error);
            }
            (Report::Unreachable { of_path: true, error }, Handle::Embryo(index)) => {
                self.env.counters.bump(Counter::TcpAttemptFails);
                let flow = self.embryos[index].id;
                self.env.cx(now, flow).emit(|| Event::Ended { error: Some(error) });
                self.remove_embryo(index);
            }
            (Report::TooBig { mtu }, Handle::Flow(index)) => self.flow_too_big(now, index, (seq, mtu)),
            _ => {}
        }
    }

    /// The quote does not tell the interface: link-local flows are tried on each.
    fn find_any_scope(&self, local: Endpoint, remote: Endpoint) -> Option<Handle> {
        let key = FlowKey::new(local, remote, IfaceId::LOOPBACK);
        if key.scope().is_none() {
            return self.find(&key);
        }
        self.net.iface_ids().find_map(|iface| self.find(&FlowKey::new(local, remote, iface)))
    }

    /// The path takes no more than `mtu` bytes (RFC 1191 §6.3, RFC 8201 §5.2), says a message about the segment at `seq`. What
    /// does not say anything new is not believed (RFC 5927 §7.2).
    fn flow_too_big(&mut self, now: Instant, index: u32, (seq, mtu): (SeqNum, u32)) {
        let flow = &mut self.flows[index];
        let v4 = flow.key.remote.addr.is_v4();
        let heeds = flow.ip.of_version(v4).path_mtu.heeds_icmp(v4);
        let deaf = v4 && self.config.path_mtu_discovery == PathMtuDiscovery::Deaf;
        // Over IPv6 who does not heed it does not hear it either.
        if flow.path.mtu_locked || deaf || (!v4 && !heeds) {
            return self.drop_packet(now, DropReason::IcmpNotOurs);
        }
        // An old router states none, which is 0: the least then, as on Linux, where RFC 1191 §5 would guess.
        let off = v4 && self.config.path_mtu_discovery == PathMtuDiscovery::Off;
        let stated = if off { 0 } else { u16::try_from(mtu).unwrap_or(u16::MAX) };
        // Below IPv6's minimum a router asks for what no longer exists (RFC 8201 §4).
        if stated >= flow.path.mtu || (!v4 && stated < MIN_MTU_V6) {
            self.env.counters.bump(Counter::TcpExtOutOfWindowIcmps);
            return self.drop_packet(now, DropReason::IcmpNotOurs);
        }
        if let Phase::Connection(connection) = &mut flow.phase
            && !connection.believes_mtu(&mut self.env.cx(now, flow.id), seq, stated)
        {
            return;
        }
        self.learn_mtu(now, index, stated);
        if heeds {
            self.schedule(index);
        }
    }

    /// Remembers for all what is believed of the path to a flow's peer. The flow's own segments in flight that are larger go again;
    /// others learn of it when they send next.
    pub(crate) fn learn_mtu(&mut self, now: Instant, index: u32, stated: u16) {
        let flow = &self.flows[index];
        let (dst, before, header) =
            (flow.key.remote.addr, flow.path.mtu, flow.ip.of_version(flow.key.remote.addr.is_v4()));
        let v4 = dst.is_v4();
        let heeds = header.path_mtu.heeds_icmp(v4);
        let (least, holds) = match v4 {
            true => (self.config.min_pmtu, self.config.mtu_expires),
            false => (MIN_MTU_V6, self.config.mtu_expires_v6),
        };
        let mtu = stated.max(least.min(before));
        self.net.routes.learn_mtu(now, LearnedMtu { dst, mtu, locked: v4 && stated < least, expires: now + holds });
        if !heeds {
            return;
        }
        let (key, ip, signed) = (flow.key, *flow.ip, flow.auth.is_some());
        let Some(path) = self.path_of(now, &key, &ip).filter(|path| path.mtu < before) else {
            return self.refresh_path(now, index);
        };
        let flow = &mut self.flows[index];
        (flow.path, flow.path_generation) = (path.way, self.net.routes.generation);
        let (mss, max_burst) = (mss_of(path.mtu, v4), self.net.max_burst(&path, signed));
        match &mut flow.phase {
            Phase::SynSent(syn_sent) => syn_sent.handle_path(mss, max_burst),
            Phase::Connection(connection) => connection.handle_too_big(&mut self.env.cx(now, flow.id), mss),
            Phase::Resting(_) | Phase::Over(_) | Phase::Between => {}
        }
    }
}
