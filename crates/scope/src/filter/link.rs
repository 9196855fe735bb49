//! Where the link layers keep what a filter asks for: the payload's type and its beginning.

use super::lower::{Condition, Test};
use crate::capture::LinkType;
use limpid_wire::bpf::{self, Size};
use limpid_wire::ethernet::EtherType;

pub(super) const ETHERTYPE_IP: u32 = 0x0800;
pub(super) const ETHERTYPE_ARP: u32 = 0x0806;
pub(super) const ETHERTYPE_RARP: u32 = 0x8035;
pub(super) const ETHERTYPE_IP6: u32 = 0x86dd;
/// Greater ones are EtherTypes, others lengths of IEEE 802.2 frames.
const ETHERNET_MTU: u32 = 1500;
/// What stands for IEEE 802.2 in cooked headers.
const COOKED_802_2: u32 = 4;
/// Spanning tree's service access point.
pub(super) const LLC_STP: u32 = 0x42;

/// The address families in BSD loopback headers: IPv4's; IPv6's on BSD/OS and NetBSD, FreeBSD, and macOS.
const AF_INET: u32 = 2;
const AF_INET6: [u32; 3] = [24, 28, 30];

/// A VLAN tag's length, bytes.
const TAG: u32 = 4;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Ethernet,
    /// Linux cooked, of either version.
    Cooked,
    /// IP of either version, told apart by its first four bits.
    Raw,
    OnlyIp4,
    OnlyIp6,
    /// BSD loopback; of the capturing host's byte order, or of the network's.
    Null {
        network_order: bool,
    },
    Ppp,
}

/// A link layer, behind so many VLAN tags.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    kind: Kind,
    version2: bool,
    /// Where the payload's type is.
    type_at: u32,
    /// Where the payload begins.
    pub(super) payload: u32,
}

impl Link {
    pub(super) fn of(link_type: LinkType) -> Option<Link> {
        let link = |kind, type_at, payload| Some(Link { kind, version2: false, type_at, payload });
        match link_type {
            LinkType::ETHERNET => link(Kind::Ethernet, 12, 14),
            LinkType::LINUX_SLL => link(Kind::Cooked, 14, 16),
            LinkType::LINUX_SLL2 => Some(Link { kind: Kind::Cooked, version2: true, type_at: 0, payload: 20 }),
            // 12 and 14 are what some systems' DLT_RAW was written as.
            LinkType::RAW | LinkType(12 | 14) => link(Kind::Raw, 0, 0),
            LinkType::IPV4 => link(Kind::OnlyIp4, 0, 0),
            LinkType::IPV6 => link(Kind::OnlyIp6, 0, 0),
            LinkType::NULL => link(Kind::Null { network_order: false }, 0, 4),
            LinkType::LOOP => link(Kind::Null { network_order: true }, 0, 4),
            // PPP, and PPP in HDLC-like framing.
            LinkType(9 | 50) => link(Kind::Ppp, 2, 4),
            _ => None,
        }
    }

    pub(super) fn is_ethernet(&self) -> bool {
        self.kind == Kind::Ethernet
    }

    /// Whether the payload is of this EtherType.
    pub(super) fn carries(&self, ethertype: u32) -> Condition {
        let half = |value| Condition::equal(Size::Half, self.type_at, value);
        match self.kind {
            Kind::Ethernet if ethertype > ETHERNET_MTU => half(ethertype),
            Kind::Ethernet => {
                let is_type = Test::load(Size::Half, self.type_at).asks(bpf::Condition::Greater, ETHERNET_MTU);
                Condition::all([Condition::Test(is_type).negated(), self.llc(ethertype)])
            }
            // libpcap does not look into IEEE 802.2 behind version 2.
            Kind::Cooked if ethertype > ETHERNET_MTU || self.version2 => half(ethertype),
            Kind::Cooked => Condition::all([half(COOKED_802_2), self.llc(ethertype)]),
            Kind::Raw => match ethertype {
                ETHERTYPE_IP => Condition::masked(Size::Byte, 0, 0xf0, 0x40),
                ETHERTYPE_IP6 => Condition::masked(Size::Byte, 0, 0xf0, 0x60),
                _ => Condition::Never,
            },
            Kind::OnlyIp4 => Condition::constant(ethertype == ETHERTYPE_IP),
            Kind::OnlyIp6 => Condition::constant(ethertype == ETHERTYPE_IP6),
            Kind::Null { network_order } => null(ethertype, network_order),
            Kind::Ppp => half(match ethertype {
                ETHERTYPE_IP => 0x21,
                ETHERTYPE_IP6 => 0x57,
                LLC_STP => 0x31,
                // DECnet, AppleTalk, XNS, and OSI and IPX in IEEE 802.2.
                0x6003 => 0x27,
                0x809b => 0x29,
                0x0600 => 0x25,
                0xfe => 0x23,
                0xe0 => 0x2b,
                other => other,
            }),
        }
    }

    fn llc(&self, access_point: u32) -> Condition {
        Condition::equal(Size::Byte, self.payload, access_point)
    }

    /// The payload is a VLAN tag, and what follows it is looked at from now on; `None` if there are no such tags.
    pub(super) fn enter_vlan(&mut self, id: Option<u32>) -> Option<Condition> {
        if !matches!(self.kind, Kind::Ethernet | Kind::Cooked) {
            return None;
        }
        let tagged = Condition::any(EtherType::FILTER_TAGS.map(|tag| self.carries(u32::from(tag.0))));
        let numbered = id.map(|id| Condition::masked(Size::Half, self.payload, 0x0fff, id));
        self.type_at = self.payload + 2;
        self.payload += TAG;
        Some(Condition::all(std::iter::once(tagged).chain(numbered)))
    }

    /// Whether this machine sent the packet; `None` if the link layer does not say.
    pub(super) fn outgoing(&self) -> Option<Condition> {
        /// `PACKET_OUTGOING` of Linux.
        const OUTGOING: u32 = 4;
        match (self.kind, self.version2) {
            (Kind::Cooked, false) => Some(Condition::equal(Size::Half, 0, OUTGOING)),
            (Kind::Cooked, true) => Some(Condition::equal(Size::Byte, 10, OUTGOING)),
            _ => None,
        }
    }

    /// Which interface it was captured on; `None` if the link layer does not say.
    pub(super) fn interface(&self, index: u32) -> Option<Condition> {
        (self.kind == Kind::Cooked && self.version2).then(|| Condition::equal(Size::Word, 4, index))
    }
}

/// Who wrote the file is not known here: the host's byte order may be either.
fn null(ethertype: u32, network_order: bool) -> Condition {
    let families: &[u32] = match ethertype {
        ETHERTYPE_IP => &[AF_INET],
        ETHERTYPE_IP6 => &AF_INET6,
        _ => return Condition::Never,
    };
    let word = |value| Condition::equal(Size::Word, 0, value);
    Condition::any(families.iter().flat_map(|family| {
        let swapped = (!network_order).then(|| word(family.swap_bytes()));
        swapped.into_iter().chain(std::iter::once(word(*family)))
    }))
}
