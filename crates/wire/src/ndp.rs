//! Neighbour discovery for IPv6 over Ethernet (RFC 4861 §4, RFC 2464 §6): solicitations, advertisements, redirects.
//!
//! Parsing checks what RFC 4861 §6.1 and §7.1 ask of the message alone. That the hop limit is [`HOP_LIMIT`] and the
//! addresses fit is the receiver's to check, who sees the IPv6 header.

use core::net::Ipv6Addr;

use arrayvec::ArrayVec;

use crate::bytes::{array, at_least, be16, be32, put16, put32};
use crate::{MacAddr, ParseError};

/// The hop limit of every message, sent and accepted: nothing from beyond the link has it (RFC 4861 §6.1.1).
pub const HOP_LIMIT: u8 = 255;
/// The most prefixes taken from one router advertisement; more are left out.
pub const MAX_PREFIXES: usize = 4;

const WHAT: &str = "NDP";

/// `ff02::1`: all nodes on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// `ff02::2`: all routers on the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// The solicited-node multicast address of `addr` (RFC 4291 §2.7.1).
pub fn solicited_node(addr: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = addr.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// A neighbour discovery message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NdpMessage {
    /// Routers, advertise yourselves!
    RouterSolicit {
        /// The sender's MAC address.
        source_link: Option<MacAddr>,
    },
    /// A router, its prefixes and parameters.
    RouterAdvert(RouterAdvert),
    /// Who has the target?
    NeighborSolicit {
        /// The address asked for.
        target: Ipv6Addr,
        /// The sender's MAC address; absent when it probes for duplicates.
        source_link: Option<MacAddr>,
    },
    /// The sender has the target.
    NeighborAdvert {
        /// R: it is a router.
        router: bool,
        /// S: this answers a solicitation.
        solicited: bool,
        /// O: what is cached may be overwritten.
        overrides: bool,
        /// The address.
        target: Ipv6Addr,
        /// Its MAC address.
        target_link: Option<MacAddr>,
    },
    /// A better first hop is known.
    Redirect {
        /// The better first hop, or the destination itself if it is on the link.
        target: Ipv6Addr,
        /// For packets to this address.
        destination: Ipv6Addr,
        /// The target's MAC address.
        target_link: Option<MacAddr>,
    },
}

/// A router advertisement (RFC 4861 §4.2). Where a field is 0, the router does not say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouterAdvert {
    /// The hop limit to use.
    pub hop_limit: u8,
    /// M: addresses come by DHCPv6.
    pub managed: bool,
    /// O: other settings come by DHCPv6.
    pub other_config: bool,
    /// How long it is a default router, in seconds; 0: it is none.
    pub lifetime_secs: u16,
    /// How long a neighbour counts as reachable after a confirmation, in milliseconds.
    pub reachable_ms: u32,
    /// Time between solicitations, in milliseconds.
    pub retransmit_ms: u32,
    /// The router's MAC address.
    pub source_link: Option<MacAddr>,
    /// The link's MTU, in bytes.
    pub mtu: Option<u32>,
    /// The link's prefixes.
    pub prefixes: ArrayVec<PrefixInfo, MAX_PREFIXES>,
}

/// A prefix of the link (RFC 4861 §4.6.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrefixInfo {
    /// The prefix; bits beyond its length mean nothing.
    pub prefix: Ipv6Addr,
    /// Its length in bits: 0 to 128.
    pub prefix_len: u8,
    /// L: addresses of the prefix are on the link.
    pub on_link: bool,
    /// A: it may be used to make addresses (RFC 4862).
    pub autonomous: bool,
    /// How long it is valid, in seconds; all ones: for ever.
    pub valid_secs: u32,
    /// How long addresses made from it are preferred, in seconds; all ones: for ever.
    pub preferred_secs: u32,
}

/// The options that limpid reads, taken together; the last of several wins.
#[derive(Default)]
struct Options {
    source_link: Option<MacAddr>,
    target_link: Option<MacAddr>,
    mtu: Option<u32>,
    prefixes: ArrayVec<PrefixInfo, MAX_PREFIXES>,
}

mod option_kind {
    pub(super) const SOURCE_LINK: u8 = 1;
    pub(super) const TARGET_LINK: u8 = 2;
    pub(super) const PREFIX: u8 = 3;
    pub(super) const MTU: u8 = 5;
}

impl NdpMessage {
    /// Parses the ICMPv6 message that takes all of `bytes`, header included.
    ///
    /// # Errors
    /// If it is no neighbour discovery message, its code is not 0, it is not all there, an option has the length 0 (the
    /// whole message is then void, RFC 4861 §4.6), or a target is multicast.
    pub fn parse(bytes: &[u8]) -> Result<NdpMessage, ParseError> {
        at_least(bytes, 8, WHAT)?;
        if bytes[1] != 0 {
            return Err(ParseError::BadField { what: WHAT, field: "code", value: u32::from(bytes[1]) });
        }
        match bytes[0] {
            133 => {
                let Options { source_link, .. } = Options::parse(&bytes[8..])?;
                Ok(NdpMessage::RouterSolicit { source_link })
            }
            134 => RouterAdvert::parse(bytes).map(NdpMessage::RouterAdvert),
            135 => {
                at_least(bytes, 24, WHAT)?;
                let Options { source_link, .. } = Options::parse(&bytes[24..])?;
                Ok(NdpMessage::NeighborSolicit { target: unicast(bytes, 8)?, source_link })
            }
            136 => {
                at_least(bytes, 24, WHAT)?;
                let Options { target_link, .. } = Options::parse(&bytes[24..])?;
                let flags = bytes[4];
                Ok(NdpMessage::NeighborAdvert {
                    router: flags & 0x80 != 0,
                    solicited: flags & 0x40 != 0,
                    overrides: flags & 0x20 != 0,
                    target: unicast(bytes, 8)?,
                    target_link,
                })
            }
            137 => {
                at_least(bytes, 40, WHAT)?;
                let Options { target_link, .. } = Options::parse(&bytes[40..])?;
                Ok(NdpMessage::Redirect { target: unicast(bytes, 8)?, destination: unicast(bytes, 24)?, target_link })
            }
            kind => Err(ParseError::BadField { what: WHAT, field: "type", value: u32::from(kind) }),
        }
    }

    /// The ICMPv6 type.
    pub fn kind(&self) -> u8 {
        match self {
            NdpMessage::RouterSolicit { .. } => 133,
            NdpMessage::RouterAdvert(_) => 134,
            NdpMessage::NeighborSolicit { .. } => 135,
            NdpMessage::NeighborAdvert { .. } => 136,
            NdpMessage::Redirect { .. } => 137,
        }
    }

    /// Length of the message that [`emit`](Self::emit) writes, in bytes: at most 192.
    pub fn emitted_len(&self) -> usize {
        let link = |mac: &Option<MacAddr>| if mac.is_some() { 8 } else { 0 };
        match self {
            NdpMessage::RouterSolicit { source_link } => 8 + link(source_link),
            NdpMessage::RouterAdvert(advert) => {
                let mtu = if advert.mtu.is_some() { 8 } else { 0 };
                16 + link(&advert.source_link) + mtu + 32 * advert.prefixes.len()
            }
            NdpMessage::NeighborSolicit { source_link, .. } => 24 + link(source_link),
            NdpMessage::NeighborAdvert { target_link, .. } => 24 + link(target_link),
            NdpMessage::Redirect { target_link, .. } => 40 + link(target_link),
        }
    }

    /// Writes the message, its checksum 0, to the start of `out`, and returns its length.
    /// [`Icmpv6Message::emit`](crate::icmpv6::Icmpv6Message::emit) adds the checksum.
    ///
    /// # Panics
    /// If `out` is shorter than [`emitted_len`](Self::emitted_len).
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let len = self.emitted_len();
        let out = &mut out[..len];
        out.fill(0);
        out[0] = self.kind();
        match self {
            NdpMessage::RouterSolicit { source_link } => {
                put_link(out, 8, option_kind::SOURCE_LINK, *source_link);
            }
            NdpMessage::RouterAdvert(advert) => advert.emit(out),
            NdpMessage::NeighborSolicit { target, source_link } => {
                out[8..24].copy_from_slice(&target.octets());
                put_link(out, 24, option_kind::SOURCE_LINK, *source_link);
            }
            NdpMessage::NeighborAdvert { router, solicited, overrides, target, target_link } => {
                out[4] = u8::from(*router) << 7 | u8::from(*solicited) << 6 | u8::from(*overrides) << 5;
                out[8..24].copy_from_slice(&target.octets());
                put_link(out, 24, option_kind::TARGET_LINK, *target_link);
            }
            NdpMessage::Redirect { target, destination, target_link } => {
                out[8..24].copy_from_slice(&target.octets());
                out[24..40].copy_from_slice(&destination.octets());
                put_link(out, 40, option_kind::TARGET_LINK, *target_link);
            }
        }
        len
    }
}

impl RouterAdvert {
    fn parse(bytes: &[u8]) -> Result<RouterAdvert, ParseError> {
        at_least(bytes, 16, WHAT)?;
        let Options { source_link, mtu, prefixes, .. } = Options::parse(&bytes[16..])?;
        Ok(RouterAdvert {
            hop_limit: bytes[4],
            managed: bytes[5] & 0x80 != 0,
            other_config: bytes[5] & 0x40 != 0,
            lifetime_secs: be16(bytes, 6),
            reachable_ms: be32(bytes, 8),
            retransmit_ms: be32(bytes, 12),
            source_link,
            mtu,
            prefixes,
        })
    }

    fn emit(&self, out: &mut [u8]) {
        out[4] = self.hop_limit;
        out[5] = u8::from(self.managed) << 7 | u8::from(self.other_config) << 6;
        put16(out, 6, self.lifetime_secs);
        put32(out, 8, self.reachable_ms);
        put32(out, 12, self.retransmit_ms);
        let mut at = put_link(out, 16, option_kind::SOURCE_LINK, self.source_link);
        if let Some(mtu) = self.mtu {
            out[at..at + 2].copy_from_slice(&[option_kind::MTU, 1]);
            put32(out, at + 4, mtu);
            at += 8;
        }
        for prefix in &self.prefixes {
            prefix.emit(&mut out[at..at + 32]);
            at += 32;
        }
    }
}

impl PrefixInfo {
    /// Parses a whole prefix information option of 32 bytes.
    fn parse(option: &[u8]) -> PrefixInfo {
        PrefixInfo {
            prefix_len: option[2],
            on_link: option[3] & 0x80 != 0,
            autonomous: option[3] & 0x40 != 0,
            valid_secs: be32(option, 4),
            preferred_secs: be32(option, 8),
            prefix: Ipv6Addr::from(array::<16>(option, 16)),
        }
    }

    fn emit(&self, out: &mut [u8]) {
        let flags = u8::from(self.on_link) << 7 | u8::from(self.autonomous) << 6;
        out[..4].copy_from_slice(&[option_kind::PREFIX, 4, self.prefix_len, flags]);
        put32(out, 4, self.valid_secs);
        put32(out, 8, self.preferred_secs);
        out[16..32].copy_from_slice(&self.prefix.octets());
    }
}

impl Options {
    fn parse(mut rest: &[u8]) -> Result<Options, ParseError> {
        let mut options = Options::default();
        while let [kind, units, ..] = *rest {
            let len = usize::from(units) * 8;
            if len == 0 || len > rest.len() {
                return Err(ParseError::Option { what: WHAT, kind });
            }
            let (option, after) = rest.split_at(len);
            match (kind, len) {
                (option_kind::SOURCE_LINK, 8) => options.source_link = Some(MacAddr(array(option, 2))),
                (option_kind::TARGET_LINK, 8) => options.target_link = Some(MacAddr(array(option, 2))),
                (option_kind::MTU, 8) => options.mtu = Some(be32(option, 4)),
                (option_kind::PREFIX, 32) if option[2] <= 128 => {
                    // Full: the bound is documented.
                    let _ = options.prefixes.try_push(PrefixInfo::parse(option));
                }
                _ => {}
            }
            rest = after;
        }
        match rest {
            [] => Ok(options),
            &[kind, ..] => Err(ParseError::Option { what: WHAT, kind }),
        }
    }
}

/// Writes a link-layer address option, if there is one, at `at`; returns where the next option goes.
fn put_link(out: &mut [u8], at: usize, kind: u8, mac: Option<MacAddr>) -> usize {
    let Some(mac) = mac else { return at };
    out[at..at + 2].copy_from_slice(&[kind, 1]);
    out[at + 2..at + 8].copy_from_slice(&mac.0);
    at + 8
}

/// The address at `at`, which must not be multicast.
fn unicast(bytes: &[u8], at: usize) -> Result<Ipv6Addr, ParseError> {
    let addr = Ipv6Addr::from(array::<16>(bytes, at));
    if addr.is_multicast() {
        return Err(ParseError::BadField { what: WHAT, field: "target", value: u32::from(bytes[at]) << 24 });
    }
    Ok(addr)
}

#[cfg(test)]
mod tests;
