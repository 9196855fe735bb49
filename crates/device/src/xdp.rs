//! AF_XDP (`Documentation/networking/af_xdp.rst`): Ethernet frames exchanged with a device's driver through rings in shared memory,
//! past Linux's own stack, a socket for each queue of the device.
//!
//! A program in the driver ([`program`]) hands frames for our Ethernet address, and those for all, to the sockets; the rest goes its
//! way. What is received is copied out of the shared memory ([`umem`]), so that who holds on to bytes never starves the ring; what is
//! sent is copied into it and summed on the way. The mode is never changed silently: who asks for zero-copy gets that or an error,
//! and who asks for the best there is can ask which it was ([`Xdp::mode`]).
//!
//! Linux leaves checksums out on virtual cables, and nobody completes them for a socket here: switch that off at the other end
//! ([`Namespace::set_checksums`](crate::namespace::Namespace::set_checksums), `ethtool -K LINK tx off`).

mod program;
mod ring;
mod socket;
#[cfg(test)]
mod tests;
mod umem;

use crate::namespace::Netlink;
use crate::packet::{PacketError, random_address};
use crate::packet_socket::PacketSocket;
use crate::{Caps, Device};
use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::{FramePool, MacAddr};
use program::{Hook, Program};
use socket::XdpSocket;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use umem::{CHUNK, HEADROOM};

/// The largest that fits a chunk on its way in, behind its Ethernet header.
const LARGEST_PACKET: u16 = (CHUNK - HEADROOM - 14) as u16;

/// How frames get between the device and the shared memory.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum XdpMode {
    /// The device itself reads and writes the shared memory.
    ZeroCopy,
    /// The driver copies.
    Copy,
    /// Linux's network core copies, for drivers that know nothing of XDP.
    Generic,
}

impl XdpMode {
    const BEST_FIRST: [XdpMode; 3] = [XdpMode::ZeroCopy, XdpMode::Copy, XdpMode::Generic];

    fn hook(self) -> Hook {
        match self {
            XdpMode::ZeroCopy | XdpMode::Copy => Hook::Driver,
            XdpMode::Generic => Hook::Core,
        }
    }
}

impl fmt::Display for XdpMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            XdpMode::ZeroCopy => "zero-copy",
            XdpMode::Copy => "copy by the driver",
            XdpMode::Generic => "copy by Linux's network core (the driver has no XDP)",
        })
    }
}

/// How to open a device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct XdpConfig {
    /// The device's name: `eth0`.
    pub interface: String,
    /// The Ethernet address to have there; a random one of the locally administered, if none is given. With the device's own, all of
    /// its packets come here, and Linux gets none.
    pub ethernet: Option<MacAddr>,
    /// The mode to have, or an error; the best that the device has, if none is given.
    pub mode: Option<XdpMode>,
    /// Frames of 4 KiB in each queue's shared memory, half of them for each direction: a power of two, from 64 to 65,536.
    pub frames: u32,
}

impl XdpConfig {
    /// This device in the best mode that it has, with a random Ethernet address and 4,096 frames.
    pub fn new(interface: impl Into<String>) -> XdpConfig {
        XdpConfig { interface: interface.into(), ethernet: None, mode: None, frames: 4096 }
    }
}

/// A queue of an Ethernet device by AF_XDP.
///
/// **Linux is cut off from groups on this device**: broadcast and multicast frames come here alone, so that Linux gets no ARP, no
/// neighbour discovery, no DHCP and no router advertisements by it as long as this lives. Use a device that Linux can do without,
/// or [`Packet`](crate::Packet), which leaves Linux everything.
///
/// VLAN tags that a device takes out of frames are not seen here, and another network's frames seem to be of this one: switch that off
/// (`ethtool -K DEV rxvlan off`).
pub struct Xdp {
    socket: XdpSocket,
    interface: String,
    queue: u32,
    ethernet: MacAddr,
    mtu: u16,
    mode: XdpMode,
    refused: u64,
    /// Takes frames to us off the wire, and the program off the driver with the last queue.
    _shared: Arc<(Program, PacketSocket)>,
}

impl Xdp {
    /// Opens the first `queues` queues of a device: all it has, or what comes by the others goes to Linux (`ethtool -L eth0 combined
    /// 1` makes them fewer). What is neither TCP nor UDP (ARP, ICMP, neighbour discovery) and fragments come by one of them: a
    /// host with several shards (`limpid::Builder::shards`) hands them on to those that they concern.
    ///
    /// # Errors
    /// If there is no such device, it is no Ethernet, it does not have the mode asked for, or the process lacks CAP_NET_ADMIN and CAP_BPF;
    /// the error's [`hint`](PacketError::hint) says what to do.
    pub fn open_queues(config: &XdpConfig, queues: u32) -> Result<Vec<Xdp>, PacketError> {
        let XdpConfig { interface, ethernet, mode, frames } = config;
        let invalid = |what| PacketError::step(what)(io::ErrorKind::InvalidInput.into());
        if !(64..=65_536).contains(frames) || !frames.is_power_of_two() {
            return Err(invalid("frames of the shared memory: a power of two from 64 to 65536"));
        }
        if !(1..=256).contains(&queues) {
            return Err(invalid("queues: from 1 to 256"));
        }
        let netlink = Netlink::open().map_err(PacketError::step("rtnetlink"))?;
        let link = netlink.link(interface).map_err(PacketError::step("looking for the device"))?;
        let link = link.ok_or_else(|| PacketError::UnknownInterface { name: interface.clone() })?;
        if link.ethernet.is_none() || !link.is_ethernet {
            return Err(PacketError::NotEthernet { name: interface.clone() });
        }
        let ethernet = ethernet.map_or_else(random_address, Ok)?;
        let listed = PacketSocket::new(false).map_err(PacketError::step("the packet socket"))?;
        if link.ethernet != Some(ethernet.0) {
            let added = listed.add_address(link.index.cast_signed(), ethernet.0);
            added.map_err(PacketError::step("the Ethernet address"))?;
        }
        listed.add_groups(link.index.cast_signed()).map_err(PacketError::step("the groups' addresses"))?;
        let modes = mode.as_ref().map_or(&XdpMode::BEST_FIRST[..], std::slice::from_ref);
        let mut refused = None;
        for &mode in modes {
            match Program::attach(link.index, ethernet, queues, mode.hook())
                .and_then(|program| sockets(&program, link.index, queues, mode, *frames).map(|made| (program, made)))
            {
                Ok((program, sockets)) => {
                    let shared = Arc::new((program, listed));
                    let mtu = u16::try_from(link.mtu).unwrap_or(u16::MAX).min(LARGEST_PACKET);
                    let made = sockets.into_iter().zip(0..).map(|(socket, queue)| Xdp {
                        socket,
                        interface: interface.clone(),
                        queue,
                        ethernet,
                        mtu,
                        mode,
                        refused: 0,
                        _shared: shared.clone(),
                    });
                    return Ok(made.collect());
                }
                Err(error) => refused = Some((mode, error)),
            }
        }
        let (mode, error) = refused.ok_or_else(|| invalid("the mode"))?;
        Err(match error.kind() {
            io::ErrorKind::PermissionDenied => PacketError::NotAllowed { what: "AF_XDP" },
            _ => PacketError::NoMode { name: interface.clone(), mode, source: error },
        })
    }

    /// The same with the device's only queue, or its first: of a device with several, flows that it puts on others go to Linux and are
    /// lost to us. Have it use one (`ethtool -L DEV combined 1`), or open all.
    ///
    /// # Errors
    /// As [`open_queues`](Self::open_queues).
    pub fn open(config: &XdpConfig) -> Result<Xdp, PacketError> {
        Xdp::open_queues(config, 1).map(|mut queues| queues.swap_remove(0))
    }

    /// The mode that it has.
    pub fn mode(&self) -> XdpMode {
        self.mode
    }

    /// The device's name.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The Ethernet address that the host on it has.
    pub fn ethernet(&self) -> MacAddr {
        self.ethernet
    }

    /// How many frames were too long to send.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// How many frames were lost because what had arrived was not taken in time.
    ///
    /// # Errors
    /// With what the kernel said.
    pub fn dropped(&self) -> io::Result<u64> {
        self.socket.dropped()
    }
}

fn sockets(program: &Program, index: u32, queues: u32, mode: XdpMode, frames: u32) -> io::Result<Vec<XdpSocket>> {
    let open = |queue| {
        let socket = XdpSocket::new(index, queue, mode == XdpMode::ZeroCopy, frames)?;
        program.lead_to(queue, socket.as_fd())?;
        Ok(socket)
    };
    (0..queues).map(open).collect()
}

/// Which device, which queue, and in which mode: to be told to whoever runs the program.
impl fmt::Display for Xdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} queue {}: AF_XDP, {}", self.interface, self.queue, self.mode)
    }
}

impl fmt::Debug for Xdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Xdp { socket: _, interface, queue, ethernet, mtu, mode, refused, _shared: _ } = self;
        f.debug_struct("Xdp")
            .field("interface", interface)
            .field("queue", queue)
            .field("ethernet", ethernet)
            .field("mtu", mtu)
            .field("mode", mode)
            .field("refused", refused)
            .finish_non_exhaustive()
    }
}

impl Device for Xdp {
    fn caps(&self) -> Caps {
        let medium = Medium::Ethernet(self.ethernet);
        // The sum is made while the frame is copied.
        Caps { medium, mtu: self.mtu, tx_checksum: true, rx_checksum: false, gso_max: 0 }
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        self.socket.go_on()?;
        Ok(self.socket.receive(max, |bytes| frames.push(RxFrame::new(pool.copy(bytes)))))
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        let mut taken = 0;
        for frame in frames {
            if frame.len() > CHUNK {
                self.refused += 1;
            } else if !self.socket.send(frame) {
                break;
            }
            taken += 1;
        }
        self.socket.flush()?;
        Ok(taken)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}
