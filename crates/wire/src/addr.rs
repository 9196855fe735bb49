//! Addresses. IPv4 and IPv6 share one type of 16 bytes; IPv4 is v4-mapped inside (`::ffff:a.b.c.d`).

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);

    /// The address that multicast and broadcast packets to `addr` are sent to on Ethernet (RFC 1112 §6.4, RFC 2464 §7);
    /// `None` for a unicast address.
    pub fn for_group(addr: IpAddr) -> Option<MacAddr> {
        let [.., a, b, c, d] = addr.octets();
        if addr.is_broadcast() {
            Some(MacAddr::BROADCAST)
        } else if !addr.is_multicast() {
            None
        } else if addr.is_v4() {
            Some(MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d]))
        } else {
            Some(MacAddr([0x33, 0x33, a, b, c, d]))
        }
    }

    /// True for a multicast or broadcast address.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An IPv4 or IPv6 address in 16 bytes, IPv4 as v4-mapped IPv6.
///
/// A v4-mapped address never stands on the wire; a packet that carries one is dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IpAddr([u8; 16]);

impl core::hash::Hash for IpAddr {
    /// As one number: quicker for most hashers than a slice of bytes.
    #[inline]
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

impl IpAddr {
    /// `::`, which as a bind address means any address of both versions.
    pub const UNSPECIFIED: IpAddr = IpAddr([0; 16]);
    /// `0.0.0.0`.
    pub const UNSPECIFIED_V4: IpAddr = IpAddr::v4([0; 4]);
    /// `127.0.0.1`.
    pub const LOCALHOST_V4: IpAddr = IpAddr::v4([127, 0, 0, 1]);
    /// `::1`.
    pub const LOCALHOST_V6: IpAddr = IpAddr([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// An IPv4 address from its four bytes.
    #[inline]
    pub const fn v4(o: [u8; 4]) -> IpAddr {
        IpAddr([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, o[0], o[1], o[2], o[3]])
    }

    /// An IPv6 address from its sixteen bytes.
    pub const fn v6(octets: [u8; 16]) -> IpAddr {
        IpAddr(octets)
    }

    /// The sixteen bytes, v4-mapped for IPv4.
    #[inline]
    pub const fn octets(self) -> [u8; 16] {
        self.0
    }

    /// The four bytes, if this is an IPv4 address.
    #[inline]
    pub const fn as_v4(self) -> Option<[u8; 4]> {
        // As one number: compared at once, not byte by byte.
        let number = u128::from_be_bytes(self.0);
        if number >> 32 == 0xffff { Some((number as u32).to_be_bytes()) } else { None }
    }

    /// How many bits an address of this version has: 32 or 128.
    pub const fn bits(self) -> u8 {
        if self.is_v4() { 32 } else { 128 }
    }

    /// True for an IPv4 address.
    #[inline]
    pub const fn is_v4(self) -> bool {
        self.as_v4().is_some()
    }

    /// True for `0.0.0.0` and `::`.
    #[inline]
    pub fn is_unspecified(self) -> bool {
        self == IpAddr::UNSPECIFIED || self == IpAddr::UNSPECIFIED_V4
    }

    /// True for 127/8 and `::1`.
    #[inline]
    pub fn is_loopback(self) -> bool {
        match self.as_v4() {
            Some(o) => o[0] == 127,
            None => self == IpAddr::LOCALHOST_V6,
        }
    }

    /// True for 224/4 and ff00::/8.
    #[inline]
    pub fn is_multicast(self) -> bool {
        match self.as_v4() {
            Some(o) => o[0] >> 4 == 0xe,
            None => self.0[0] == 0xff,
        }
    }

    /// True for `255.255.255.255`.
    #[inline]
    pub fn is_broadcast(self) -> bool {
        self.as_v4() == Some([255; 4])
    }

    /// True for 169.254/16 and fe80::/10.
    #[inline]
    pub fn is_link_local(self) -> bool {
        match self.as_v4() {
            Some(o) => o[0] == 169 && o[1] == 254,
            None => self.0[0] == 0xfe && self.0[1] & 0xc0 == 0x80,
        }
    }
}

impl From<core::net::IpAddr> for IpAddr {
    fn from(a: core::net::IpAddr) -> IpAddr {
        match a {
            core::net::IpAddr::V4(a) => IpAddr::v4(a.octets()),
            core::net::IpAddr::V6(a) => IpAddr(a.octets()),
        }
    }
}

impl From<IpAddr> for core::net::IpAddr {
    fn from(a: IpAddr) -> core::net::IpAddr {
        match a.as_v4() {
            Some(o) => core::net::IpAddr::V4(Ipv4Addr::from(o)),
            None => core::net::IpAddr::V6(Ipv6Addr::from(a.0)),
        }
    }
}

impl From<Ipv4Addr> for IpAddr {
    fn from(a: Ipv4Addr) -> IpAddr {
        IpAddr::v4(a.octets())
    }
}

impl From<Ipv6Addr> for IpAddr {
    fn from(a: Ipv6Addr) -> IpAddr {
        IpAddr::v6(a.octets())
    }
}

impl fmt::Display for IpAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::net::IpAddr::from(*self).fmt(f)
    }
}

impl fmt::Debug for IpAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::str::FromStr for IpAddr {
    type Err = core::net::AddrParseError;
    fn from_str(s: &str) -> Result<IpAddr, Self::Err> {
        s.parse::<core::net::IpAddr>().map(IpAddr::from)
    }
}

/// An address and a port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port, 0 where none is chosen yet.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint from its parts.
    pub const fn new(addr: IpAddr, port: u16) -> Endpoint {
        Endpoint { addr, port }
    }
}

impl From<core::net::SocketAddr> for Endpoint {
    fn from(a: core::net::SocketAddr) -> Endpoint {
        Endpoint::new(a.ip().into(), a.port())
    }
}

impl From<Endpoint> for core::net::SocketAddr {
    fn from(e: Endpoint) -> core::net::SocketAddr {
        core::net::SocketAddr::new(e.addr.into(), e.port)
    }
}

impl core::str::FromStr for Endpoint {
    type Err = core::net::AddrParseError;

    /// From `10.0.0.1:80` or `[::1]:80`.
    fn from_str(s: &str) -> Result<Endpoint, Self::Err> {
        s.parse::<core::net::SocketAddr>().map(Endpoint::from)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::net::SocketAddr::from(*self).fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address with a prefix length: a network, or an interface's own address and the network it is on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cidr {
    /// The address, host bits kept.
    pub addr: IpAddr,
    /// Prefix length in bits: 0..=32 for IPv4, 0..=128 for IPv6.
    pub prefix: u8,
}

/// Why a text is no [`Cidr`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CidrParseError {
    /// What stands before the slash is no address.
    #[error("expected an IPv4 or IPv6 address before the '/'")]
    Address,
    /// What stands behind the slash is no number, or larger than the address has bits.
    #[error("expected a prefix length from 0 to {max} after the '/'")]
    Prefix {
        /// The bits that the address has.
        max: u8,
    },
}

impl Cidr {
    /// An address and its prefix length; `None` if the address has fewer bits than that.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Cidr> {
        (prefix <= addr.bits()).then_some(Cidr { addr, prefix })
    }

    /// True if `addr` is of the same version and on the same network.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let differing = u128::from_be_bytes(self.addr.octets()) ^ u128::from_be_bytes(addr.octets());
        let host_bits = self.addr.bits().saturating_sub(self.prefix);
        let outside = differing.checked_shr(host_bits.into()).unwrap_or(0);
        self.addr.is_v4() == addr.is_v4() && outside == 0
    }

    /// The network: the address with its host bits 0.
    pub fn network(&self) -> Cidr {
        Cidr { addr: self.masked(self.addr), prefix: self.prefix }
    }

    /// The directed broadcast address: IPv4 networks of more than two addresses have one (RFC 3021).
    pub fn broadcast(&self) -> Option<IpAddr> {
        let v4 = self.addr.as_v4()?;
        let host_bits = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
        (self.prefix < 31).then(|| IpAddr::v4((u32::from_be_bytes(v4) | host_bits).to_be_bytes()))
    }

    /// `addr` with its host bits 0.
    fn masked(&self, addr: IpAddr) -> IpAddr {
        let host_bits = addr.bits().saturating_sub(self.prefix);
        let mask = u128::MAX.checked_shl(u32::from(host_bits)).unwrap_or(0);
        // An IPv4 address stands in the low 32 bits, so that its mask leaves the v4-mapped prefix alone.
        IpAddr((u128::from_be_bytes(addr.0) & mask).to_be_bytes())
    }
}

impl core::str::FromStr for Cidr {
    type Err = CidrParseError;

    /// From `10.0.0.1/24` or `fe80::1/64`; an address alone stands for itself only.
    fn from_str(s: &str) -> Result<Cidr, CidrParseError> {
        let (addr, prefix) = s.split_once('/').map_or((s, None), |(addr, prefix)| (addr, Some(prefix)));
        let addr: IpAddr = addr.parse().map_err(|_| CidrParseError::Address)?;
        let max = addr.bits();
        let prefix = match prefix {
            None => max,
            Some(p) if p.bytes().all(|b| b.is_ascii_digit()) => {
                p.parse().map_err(|_| CidrParseError::Prefix { max })?
            }
            Some(_) => return Err(CidrParseError::Prefix { max }),
        };
        Cidr::new(addr, prefix).ok_or(CidrParseError::Prefix { max })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

#[cfg(test)]
mod tests;
