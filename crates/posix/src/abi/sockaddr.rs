//! `struct sockaddr_in` and `sockaddr_in6`.

use super::{AF_INET, AF_INET6};
use alloc::vec::Vec;
use core::fmt;
use limpid_wire::{Endpoint, IpAddr};

/// A socket address as the bytes that a program hands over; it may be anything.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sockaddr(pub Vec<u8>);

impl Sockaddr {
    /// The address of an endpoint in its own family.
    pub fn of(endpoint: Endpoint) -> Sockaddr {
        match endpoint.addr.as_v4() {
            Some(v4) => {
                let mut bytes = [0; 16];
                bytes[..2].copy_from_slice(&(AF_INET as u16).to_ne_bytes());
                bytes[2..4].copy_from_slice(&endpoint.port.to_be_bytes());
                bytes[4..8].copy_from_slice(&v4);
                Sockaddr(bytes.to_vec())
            }
            None => Sockaddr::v6(endpoint),
        }
    }

    /// The address of an endpoint as a `sockaddr_in6`: an IPv4 address is v4-mapped (RFC 4291 §2.5.5.2).
    pub fn v6(endpoint: Endpoint) -> Sockaddr {
        let mut bytes = [0; 28];
        bytes[..2].copy_from_slice(&(AF_INET6 as u16).to_ne_bytes());
        bytes[2..4].copy_from_slice(&endpoint.port.to_be_bytes());
        bytes[8..24].copy_from_slice(&endpoint.addr.octets());
        Sockaddr(bytes.to_vec())
    }

    /// `sa_family`, if the bytes hold one.
    pub fn family(&self) -> Option<i32> {
        let bytes = self.0.first_chunk::<2>()?;
        Some(i32::from(u16::from_ne_bytes(*bytes)))
    }

    /// The endpoint, if family and length are those of an IP address. Flow label and scope are passed over.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let port = u16::from_be_bytes(*self.0.get(2..)?.first_chunk()?);
        let addr = match self.family()? {
            AF_INET if self.0.len() >= 16 => IpAddr::v4(*self.0[4..].first_chunk()?),
            AF_INET6 if self.0.len() >= 24 => IpAddr::v6(*self.0[8..].first_chunk()?),
            _ => return None,
        };
        Some(Endpoint { addr, port })
    }
}

impl fmt::Debug for Sockaddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.endpoint() {
            Some(endpoint) => write!(f, "Sockaddr({endpoint})"),
            None => write!(f, "Sockaddr({:02x?})", self.0),
        }
    }
}
