//! The arguments of a live run, and the addresses that follow from them.

use crate::error::CliError;
use limpid::{Cidr, IpAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Ports that make sense.
pub(crate) const PORT_RANGE: std::ops::RangeInclusive<i64> = 1..=65535;

/// How the article's client and server end, in its network 10.0.0.0/24.
const CLIENT: u8 = 103;
const SERVER: u8 = 199;
/// Prefix lengths of addresses that are given without one.
const PREFIX_V4: u8 = 24;
const PREFIX_V6: u8 = 64;

/// Where the other end is, and what becomes of the record
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct LiveArgs {
    /// Run COMMAND (with sh, in the foreground) on the kernel's side of a private network, made for this run and gone after it
    #[arg(long, value_name = "COMMAND")]
    pub(crate) spawn: Option<String>,

    /// Use a TUN device that you have set up, instead of a private network
    #[arg(long, value_name = "NAME", requires = "address", conflicts_with_all = ["spawn", "peer_address"])]
    tun: Option<String>,

    /// Use an existing device: tun:NAME, as --tun does; packet:NAME for an Ethernet device, on which we have an address of our own
    /// beside Linux (needs CAP_NET_RAW); xdp:NAME for the same by AF_XDP, its first queue (needs root): Linux then
    /// gets no broadcast and multicast (ARP, neighbour discovery, DHCP) by that device, and of several queues the others' flows are lost
    /// (ethtool -L NAME combined 1)
    #[arg(long, value_name = "KIND:NAME", requires = "address", conflicts_with_all = ["spawn", "peer_address", "tun"])]
    device: Option<DeviceName>,

    /// Our address, e.g. 10.0.0.103 or 10.0.0.103/24
    #[arg(long, value_name = "ADDRESS")]
    address: Option<Address>,

    /// The kernel's address in the private network, e.g. 10.0.0.199
    #[arg(long, value_name = "ADDRESS")]
    peer_address: Option<Address>,

    /// Write the packets to a pcapng file, each of ours with the reason why it was sent
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,

    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,

    /// Don't show the trace, the ladder and the verdict at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// A device that the user has set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DeviceName {
    /// A TUN device.
    Tun(String),
    /// An Ethernet device, by a packet socket.
    Packet(String),
    /// An Ethernet device, by AF_XDP.
    Xdp(String),
}

impl FromStr for DeviceName {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<DeviceName, &'static str> {
        match s.split_once(':') {
            Some((_, "")) | None => Err("a kind and a name: tun:NAME, packet:NAME or xdp:NAME"),
            Some(("tun", name)) => Ok(DeviceName::Tun(name.to_owned())),
            Some(("packet", name)) => Ok(DeviceName::Packet(name.to_owned())),
            Some(("xdp", name)) => Ok(DeviceName::Xdp(name.to_owned())),
            Some(_) => Err("there are the kinds tun, packet and xdp"),
        }
    }
}

/// An address with or without a prefix length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Address {
    cidr: Cidr,
}

impl FromStr for Address {
    type Err = <Cidr as FromStr>::Err;

    fn from_str(s: &str) -> Result<Address, Self::Err> {
        let mut cidr: Cidr = s.parse()?;
        if !s.contains('/') {
            cidr.prefix = default_prefix(cidr.addr);
        }
        Ok(Address { cidr })
    }
}

/// The addresses of both ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ends {
    /// Our host's.
    pub(crate) ours: Cidr,
    /// Linux's.
    pub(crate) peer: Cidr,
}

impl LiveArgs {
    /// The device that the user has set up, if one was named.
    pub(crate) fn device(&self) -> Option<DeviceName> {
        self.tun.clone().map(DeviceName::Tun).or_else(|| self.device.clone())
    }

    /// The addresses of both ends: as given, else the article's, else beside the one that was given. `named` is the
    /// peer's address where the command line names it otherwise.
    pub(crate) fn ends(&self, named: Option<IpAddr>) -> Result<Ends, CliError> {
        if self.spawn.is_none() && self.device().is_none() {
            return Err(CliError::usage("network", "this host's own network is never touched").hint(
                "run the other end in a private network with --spawn 'COMMAND', or set a TUN device up (ip tuntap add \
                 limpid0 mode tun user $USER; ip address add 10.0.0.199/24 dev limpid0; ip link set limpid0 up) and give \
                 --tun limpid0 --address 10.0.0.103",
            ));
        }
        let explicit = self.peer_address.map(|a| a.cidr);
        let peer = match (explicit, named) {
            (Some(peer), Some(named)) if peer.addr != named && self.spawn.is_some() => {
                return Err(CliError::usage("--peer-address", format!("{} is not {named}", peer.addr))
                    .hint("in a private network the server has one address: give it once"));
            }
            (Some(peer), _) => Some(peer),
            (None, named) => named.map(|addr| Cidr { addr, prefix: default_prefix(addr) }),
        };
        let ours = self.address.map(|a| a.cidr);
        let ends = match (ours, peer) {
            (Some(ours), Some(peer)) => Ends { ours, peer },
            (Some(ours), None) => Ends { ours, peer: beside(ours, SERVER, CLIENT) },
            (None, Some(peer)) => Ends { ours: beside(peer, CLIENT, SERVER), peer },
            (None, None) => {
                let end = |last| Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: PREFIX_V4 };
                Ends { ours: end(CLIENT), peer: end(SERVER) }
            }
        };
        if ends.ours.addr == ends.peer.addr {
            return Err(CliError::usage("--address", format!("{} is both ends", ends.ours.addr)));
        }
        if ends.ours.addr.is_v4() != ends.peer.addr.is_v4() {
            return Err(CliError::usage("--address", "one end has IPv4 and the other IPv6")
                .hint("give both ends addresses of the same version"));
        }
        Ok(ends)
    }
}

fn default_prefix(addr: IpAddr) -> u8 {
    if addr.is_v4() { PREFIX_V4 } else { PREFIX_V6 }
}

/// An address in the same network that ends like `wanted`, or like `other` if that is taken.
fn beside(neighbour: Cidr, wanted: u8, other: u8) -> Cidr {
    let with_last = |last: u8| {
        let addr = match neighbour.addr.as_v4() {
            Some([a, b, c, _]) => IpAddr::v4([a, b, c, last]),
            None => {
                let mut octets = neighbour.addr.octets();
                // So that it reads the same: fd00::103.
                octets[14] = last / 100;
                octets[15] = last / 10 % 10 * 16 + last % 10;
                IpAddr::v6(octets)
            }
        };
        Cidr { addr, prefix: neighbour.prefix }
    };
    let first = with_last(wanted);
    if first.addr == neighbour.addr { with_last(other) } else { first }
}

#[cfg(test)]
mod tests;
