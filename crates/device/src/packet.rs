//! Ethernet through a packet socket (packet(7)): any Ethernet device of Linux, real or virtual, with nothing of it set up.
//!
//! Frames cross behind a `virtio_net_hdr`, so that checksums are left out and TCP super-segments stay whole wherever Linux has
//! them so, both ways, many of them in one call ([`batch`]). A ring of shared memory (TPACKET_V3) is not used: its packets would be
//! copied a second time, into frames that outlive it, and it hands packets over by blocks, after a millisecond at best.
//!
//! The host on it has an Ethernet address of its own, which Linux does not have: to Linux, its packets are somebody else's,
//! so that nothing answers them but we. What Linux itself sends by the same device is not seen.

mod batch;
mod error;
#[cfg(test)]
mod tests;

pub use error::PacketError;

use crate::appetite::Appetite;
use crate::gso::GSO_MAX;
use crate::namespace::Netlink;
use crate::packet_socket::PacketSocket;
use crate::vnet::VnetHeader;
use crate::{Caps, Device};
use batch::{BATCH, Incoming, Outgoing};
use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::bpf::{Condition, Instruction, Operand, Program, Size};
use limpid_wire::{FrameMut, FramePool, MacAddr};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Room for what has arrived and was not taken yet, bytes of kernel memory.
const RECEIVE_BUFFER: usize = 32 << 20;
const VLAN_TAG: usize = 4;
const ADDRESSES: usize = 12;

/// How to open an Ethernet device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PacketConfig {
    /// The device's name: `eth0`.
    pub interface: String,
    /// The Ethernet address to have there; a random one of the locally administered, if none is given. Networks that allow one address
    /// to a port (Wi-Fi, most clouds) want the device's own: then keep Linux from answering by a firewall rule.
    pub ethernet: Option<MacAddr>,
    /// Leave checksums and the cutting of super-segments to Linux and the device. Received ones are taken either way.
    pub offload: bool,
}

impl PacketConfig {
    /// This device, with a random Ethernet address and offloads.
    pub fn new(interface: impl Into<String>) -> PacketConfig {
        PacketConfig { interface: interface.into(), ethernet: None, offload: true }
    }
}

/// An Ethernet device through a packet socket, or one queue of it. Merged frames beyond 64 KiB (BIG TCP) are refused.
pub struct Packet {
    socket: PacketSocket,
    interface: String,
    ethernet: MacAddr,
    mtu: u16,
    offload: bool,
    refused: u64,
    dropped: u64,
    /// Where packets are read to: kept where fewer came.
    spares: Vec<FrameMut>,
    /// About twice as many are asked for as came last: room for more would be made ready for nothing.
    came: usize,
    appetite: Appetite,
}

impl Packet {
    /// Opens a device.
    ///
    /// # Errors
    /// If there is no such device, it is no Ethernet, or the process lacks CAP_NET_RAW; the error's
    /// [`hint`](PacketError::hint) says what to do.
    pub fn open(config: &PacketConfig) -> Result<Packet, PacketError> {
        let ethernet = config.ethernet.map_or_else(random_address, Ok)?;
        Packet::open_as(config, ethernet)
    }

    /// Opens a device so many times, as the queues of one host: Linux spreads what arrives by a hash of addresses and ports that is the
    /// same for both directions of a flow (PACKET_FANOUT_HASH). What is neither TCP nor UDP (ARP, ICMP, neighbour discovery) and fragments go to one of them alone: a
    /// host with several shards (`limpid::Builder::shards`) hands them on to those that they concern.
    ///
    /// # Errors
    /// As [`open`](Self::open); and if `queues` is 0 or above 256.
    pub fn open_queues(config: &PacketConfig, queues: usize) -> Result<Vec<Packet>, PacketError> {
        /// PACKET_FANOUT_MAX was 256 for long.
        const MOST: usize = 256;
        if !(1..=MOST).contains(&queues) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, format!("{queues} queues: from 1 to {MOST}"));
            return Err(PacketError::step("a device's queues")(error));
        }
        let ethernet = config.ethernet.map_or_else(random_address, Ok)?;
        let all: Vec<Packet> = (0..queues).map(|_| Packet::open_as(config, ethernet)).collect::<Result<_, _>>()?;
        join(&all).map_err(PacketError::step("spreading over queues (PACKET_FANOUT)"))?;
        Ok(all)
    }

    fn open_as(config: &PacketConfig, ethernet: MacAddr) -> Result<Packet, PacketError> {
        let PacketConfig { interface, ethernet: _, offload } = config;
        let netlink = Netlink::open().map_err(PacketError::step("rtnetlink"))?;
        let link = netlink.link(interface).map_err(PacketError::step("looking for the device"))?;
        let link = link.ok_or_else(|| PacketError::UnknownInterface { name: interface.clone() })?;
        if link.ethernet.is_none() || !link.is_ethernet {
            return Err(PacketError::NotEthernet { name: interface.clone() });
        }
        let index = link.index.cast_signed();
        let socket = PacketSocket::new(false).map_err(PacketError::step("the packet socket"))?;
        socket.attach(&only(ethernet)).map_err(PacketError::step("the filter"))?;
        let numbers = [
            (libc::PACKET_VNET_HDR, "headers of offloads (PACKET_VNET_HDR)"),
            (libc::PACKET_AUXDATA, "tags beside frames (PACKET_AUXDATA)"),
            (libc::PACKET_IGNORE_OUTGOING, "leaving out what is sent (PACKET_IGNORE_OUTGOING)"),
        ];
        for (option, what) in numbers {
            socket.set_number(option, 1).map_err(PacketError::step(what))?;
        }
        let room = rustix::net::sockopt::set_socket_recv_buffer_size_force(socket.as_fd(), RECEIVE_BUFFER);
        // Without CAP_NET_ADMIN it is as much as net.core.rmem_max allows.
        room.or_else(|_| rustix::net::sockopt::set_socket_recv_buffer_size(socket.as_fd(), RECEIVE_BUFFER / 2))
            .map_err(|error| PacketError::step("the receive buffer")(error.into()))?;
        if link.ethernet != Some(ethernet.0) {
            socket.add_address(index, ethernet.0).map_err(PacketError::step("the Ethernet address"))?;
        }
        socket.add_groups(index).map_err(PacketError::step("the groups' addresses"))?;
        socket.bind(index).map_err(PacketError::step("binding to the device"))?;
        let mtu = u16::try_from(link.mtu).unwrap_or(u16::MAX);
        let (interface, offload, spares) = (interface.clone(), *offload, Vec::with_capacity(BATCH));
        Ok(Packet {
            socket,
            interface,
            ethernet,
            mtu,
            offload,
            refused: 0,
            dropped: 0,
            spares,
            came: 0,
            appetite: Appetite::default(),
        })
    }

    /// The device's name.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// The Ethernet address that the host on it has.
    pub fn ethernet(&self) -> MacAddr {
        self.ethernet
    }

    /// How many frames Linux did not take, because the device was down or had no room, or could not hand over, because they were no
    /// TCP and merged.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// How many frames were lost because what had arrived was not taken in time.
    ///
    /// # Errors
    /// With what the kernel said.
    pub fn dropped(&mut self) -> io::Result<u64> {
        let (_, dropped) = self.socket.take_statistics()?;
        self.dropped += u64::from(dropped);
        Ok(self.dropped)
    }

    /// What a batch brought, for the stack.
    fn take(&mut self, incoming: &Incoming, pool: &mut FramePool, frames: &mut Vec<RxFrame>) -> usize {
        let before = frames.len();
        for (at, mut frame) in self.spares.drain(..incoming.count()).enumerate() {
            let (Some(header), Some(length)) = (VnetHeader::parse(incoming.header(at)), incoming.length(at)) else {
                self.refused += 1;
                pool.recycle(frame);
                continue;
            };
            frame.advance(VLAN_TAG + length);
            let bytes = match incoming.vlan_tag(at).filter(|_| length >= ADDRESSES) {
                Some(tag) => {
                    // Where Linux has taken it out of the frame it is put back: another network's frame must not seem to be of this.
                    let bytes = frame.as_mut_slice();
                    bytes.copy_within(VLAN_TAG..VLAN_TAG + ADDRESSES, 0);
                    bytes[ADDRESSES..ADDRESSES + VLAN_TAG].copy_from_slice(&tag);
                    frame.freeze(pool)
                }
                None => frame.freeze(pool).into_slice(VLAN_TAG..VLAN_TAG + length),
            };
            let (checksum, gso_size) = (header.rx_checksum(), header.rx_gso_size());
            frames.push(RxFrame { checksum, gso_size, ..RxFrame::new(bytes) });
        }
        frames.len() - before
    }
}

impl Device for Packet {
    fn caps(&self) -> Caps {
        Caps {
            medium: Medium::Ethernet(self.ethernet),
            mtu: self.mtu,
            tx_checksum: self.offload,
            rx_checksum: true,
            gso_max: if self.offload { GSO_MAX } else { 0 },
        }
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        let mut total = 0;
        while total < max {
            let many = if self.appetite.is_keen() { 2 * self.came + 1 } else { 1 };
            let want = BATCH.min(max - total).min(many);
            while self.spares.len() < want {
                self.spares.push(pool.alloc(batch::ROOM));
            }
            match Incoming::receive(&self.socket, &mut self.spares[..want]) {
                Ok(incoming) => {
                    self.came = self.came.max(incoming.count());
                    total += self.take(&incoming, pool, frames);
                    if total == 1 && !self.appetite.goes_on() {
                        return Ok(1);
                    }
                    if incoming.count() < want {
                        self.came = incoming.count();
                        self.appetite.had(total);
                        break;
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // A frame that can't be described (merged, and no TCP), or the device went down: it may come up again.
                Err(Errno::INVAL | Errno::NETDOWN) => self.refused += 1,
                // What was received is not lost; the error comes again.
                Err(_) if total > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(total)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        let medium = Medium::Ethernet(self.ethernet);
        let (mut taken, mut again) = (0, None);
        while taken < frames.len() {
            let end = frames.len().min(taken + BATCH);
            match Outgoing::new(&frames[taken..end], medium).send(&self.socket) {
                Ok(count) => taken += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // It may be what was wrong with a frame that arrived, or that the device was down some time ago: the socket keeps an
                // error until the next call of any kind.
                Err(Errno::INVAL | Errno::NETDOWN) if again != Some(taken) => again = Some(taken),
                // Lost, as on a wire: no valid frame, the device is down, its queue is full.
                Err(Errno::INVAL | Errno::MSGSIZE | Errno::NETDOWN | Errno::NOBUFS) => {
                    self.refused += 1;
                    taken += 1;
                }
                // What was sent must be told; the error comes again with the next batch.
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(taken)
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Packet { socket: _, interface, ethernet, mtu, offload, refused, dropped, spares: _, came: _, appetite: _ } =
            self;
        f.debug_struct("Packet")
            .field("interface", interface)
            .field("ethernet", ethernet)
            .field("mtu", mtu)
            .field("offload", offload)
            .field("refused", refused)
            .field("dropped", dropped)
            .finish()
    }
}

/// Joins sockets to a group of their own, among which Linux spreads flows.
fn join(queues: &[Packet]) -> io::Result<()> {
    let hash = (libc::PACKET_FANOUT_HASH as libc::c_int) << 16;
    let [first, rest @ ..] = queues else { return Ok(()) };
    if rest.is_empty() {
        return Ok(());
    }
    let unique = (libc::PACKET_FANOUT_FLAG_UNIQUEID as libc::c_int) << 16;
    first.socket.set_number(libc::PACKET_FANOUT, hash | unique)?;
    let group = first.socket.number(libc::PACKET_FANOUT)? & 0xffff;
    rest.iter().try_for_each(|queue| queue.socket.set_number(libc::PACKET_FANOUT, hash | group))
}

/// Takes what is for this address or for a group.
fn only(MacAddr([a, b, c, d, e, f]): MacAddr) -> Program {
    let unless =
        |condition, k, then, otherwise| Instruction::Branch { condition, operand: Operand::K(k), then, otherwise };
    let program = vec![
        Instruction::Load(Size::Byte, 0),
        unless(Condition::AnyBit, 1, 4, 0),
        Instruction::Load(Size::Half, 0),
        unless(Condition::Equal, u16::from_be_bytes([a, b]).into(), 0, 3),
        Instruction::Load(Size::Word, 2),
        unless(Condition::Equal, u32::from_be_bytes([c, d, e, f]), 0, 1),
        Instruction::Return(u32::MAX),
        Instruction::Return(0),
    ];
    Program::new(program).expect("every jump leads to an instruction")
}

/// One that nobody else has: locally administered, for one station.
pub(crate) fn random_address() -> Result<MacAddr, PacketError> {
    let mut bytes = [0; 6];
    getrandom(&mut bytes, GetRandomFlags::empty()).map_err(|error| PacketError::step("random bytes")(error.into()))?;
    bytes[0] = bytes[0] & 0xfc | 0x02;
    Ok(MacAddr(bytes))
}
