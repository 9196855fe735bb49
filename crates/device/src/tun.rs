//! TUN: IP packets exchanged with Linux through a file (`Documentation/networking/tuntap.rst`), each behind a
//! `virtio_net_hdr` that carries checksum and segmentation offloads both ways.

use crate::appetite::Appetite;
use crate::gso::GSO_MAX;
use crate::namespace::{NamespaceError, Netlink};
use crate::vnet::{VNET_HDR_LEN, VnetHeader};
use crate::{Caps, Device};
use limpid_stack::{Medium, RxFrame, TxFrame};
use limpid_wire::chunk::MAX_CHUNKS;
use limpid_wire::{Cidr, FrameMut, FramePool};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{self, IntegerSetter, Updater};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

const TUNSETIFF: ioctl::Opcode = ioctl::opcode::write::<i32>(b'T', 202);
const TUNSETOFFLOAD: ioctl::Opcode = ioctl::opcode::write::<u32>(b'T', 208);

const IFF_TUN: u16 = 0x0001;
const IFF_MULTI_QUEUE: u16 = 0x0100;
const IFF_NO_PI: u16 = 0x1000;
const IFF_VNET_HDR: u16 = 0x4000;
const IFF_TUN_EXCL: u16 = 0x8000;

const TUN_F_CSUM: usize = 0x01;
const TUN_F_TSO4: usize = 0x02;
const TUN_F_TSO6: usize = 0x04;

/// Longest interface name, bytes (IFNAMSIZ less the NUL).
const MAX_NAME: usize = 15;
/// `sizeof(struct ifreq)`: the name, then a union of 24 bytes (16 where pointers have 4).
const IFREQ: usize = if size_of::<usize>() == 8 { 40 } else { 32 };

/// How long Linux may take to notice that a device has somebody at its other end.
const CARRIER_PATIENCE: Duration = Duration::from_secs(2);

/// How to make a TUN device in a private network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TunConfig {
    /// Its name there, at most 15 bytes; a `%d` in it becomes the first free number.
    pub name: String,
    /// Largest IP packet, bytes: at least 1280 if there are IPv6 addresses.
    pub mtu: u16,
    /// The addresses that Linux has on it, each with its network.
    pub kernel_addresses: Vec<Cidr>,
    /// Let packets cross with checksums left out and TCP super-segments uncut. Fast; but then packets are not on the
    /// device as they would be on a wire.
    pub offload: bool,
}

impl Default for TunConfig {
    /// `limpid0`, an MTU of 1500, no addresses, no offload.
    fn default() -> TunConfig {
        TunConfig { name: "limpid0".into(), mtu: 1500, kernel_addresses: Vec::new(), offload: false }
    }
}

/// A TUN device. It is gone when this value is dropped, unless it was made persistent by somebody else.
pub struct Tun {
    fd: OwnedFd,
    name: String,
    mtu: u16,
    offload: bool,
    /// Frames that Linux refused to take (EINVAL: no valid packet; EIO: the link is down): lost, as on a wire.
    refused: u64,
    /// Where the next packet is read to: kept where a read found none.
    spare: Option<FrameMut>,
    appetite: Appetite,
}

impl Tun {
    /// Makes the device, with so many queues; its link is down and without addresses. Only a private namespace may.
    pub(crate) fn create(config: &TunConfig, queues: usize) -> Result<Vec<Tun>, NamespaceError> {
        let what = || format!("TUN device {}", config.name);
        check_queues(queues).map_err(NamespaceError::step(what()))?;
        let several = if queues > 1 { IFF_MULTI_QUEUE } else { 0 };
        let fd = open_clone_device()?;
        let name = set_interface(&fd, &config.name, IFF_TUN_EXCL | several).map_err(NamespaceError::step(what()))?;
        let first = Tun::new(fd, name.clone(), config.mtu, config.offload).map_err(NamespaceError::step(what()))?;
        let mut all = vec![first];
        while all.len() < queues {
            let fd = open_clone_device()?;
            let queue = set_interface(&fd, &name, IFF_MULTI_QUEUE)
                .and_then(|name| Tun::new(fd, name, config.mtu, config.offload))
                .map_err(NamespaceError::step(what()))?;
            all.push(queue);
        }
        Ok(all)
    }

    /// Attaches to a TUN device that already exists (`ip tuntap add dev NAME mode tun user $USER`), leaving its
    /// addresses, routes and state as they are.
    ///
    /// # Errors
    /// If there is no such device, it is in use or no TUN device, or this user may not attach to it.
    pub fn attach(name: &str, offload: bool) -> Result<Tun, NamespaceError> {
        let what = || format!("TUN device {name}");
        let netlink = Netlink::open().map_err(NamespaceError::step(what()))?;
        let find = || netlink.link(name)?.ok_or_else(|| io::Error::from(Errno::NODEV));
        // Asked first, because TUNSETIFF would make a device that is not there.
        let link = find().map_err(NamespaceError::step(what()))?;
        let fd = open_clone_device()?;
        let attached = match set_interface(&fd, name, 0) {
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                set_interface(&fd, name, IFF_MULTI_QUEUE)
            }
            other => other,
        };
        let attached = attached.map_err(NamespaceError::step(what()))?;
        // A link that is up gets its carrier by this; until Linux has seen to that it sends nothing.
        let deadline = Instant::now() + CARRIER_PATIENCE;
        while link.is_up && find().is_ok_and(|link| !link.is_running) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mtu = u16::try_from(link.mtu).unwrap_or(u16::MAX);
        Tun::new(fd, attached, mtu, offload).map_err(NamespaceError::step(what()))
    }

    /// Attaches so many times to a TUN device that already exists and has several queues (`ip tuntap add dev NAME mode tun
    /// multi_queue user $USER`): a queue for each thread.
    ///
    /// Linux hands a flow's packets to the queue that the flow's last packet was sent by; before that, and after three seconds
    /// without one, to the queue that a hash of addresses and ports names. It notes the queue once a packet has been dealt with: what
    /// is answered at once (a SYN by its SYN-ACK) still comes by the one before.
    ///
    /// # Errors
    /// As [`attach`](Self::attach); and if there are 0 queues or more than 256, or the device has one only (EINVAL).
    pub fn attach_queues(name: &str, offload: bool, queues: usize) -> Result<Vec<Tun>, NamespaceError> {
        check_queues(queues).map_err(NamespaceError::step(format!("TUN device {name}")))?;
        (0..queues).map(|_| Tun::attach(name, offload)).collect()
    }

    fn new(fd: OwnedFd, name: String, mtu: u16, offload: bool) -> io::Result<Tun> {
        let features = if offload { TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 } else { 0 };
        // SAFETY: TUNSETOFFLOAD takes a bit mask by value and no pointer.
        unsafe { ioctl::ioctl(&fd, IntegerSetter::<TUNSETOFFLOAD>::new_usize(features)) }?;
        Ok(Tun { fd, name, mtu, offload, refused: 0, spare: None, appetite: Appetite::default() })
    }

    /// The interface's name on the kernel's side.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many frames Linux refused, as no valid packets or because the link is down.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// One frame, if one waits.
    fn recv(&mut self, pool: &mut FramePool) -> io::Result<Option<RxFrame>> {
        let capacity = if self.offload { u16::MAX } else { self.mtu };
        loop {
            let mut frame = self.spare.take().unwrap_or_else(|| pool.alloc(capacity.into()));
            let mut header = [0; VNET_HDR_LEN];
            let mut slices = [IoSliceMut::new(&mut header), IoSliceMut::new(frame.spare())];
            let length = match rustix::io::retry_on_intr(|| rustix::io::readv(&self.fd, &mut slices)) {
                Ok(length) => length,
                Err(error) => {
                    self.spare = Some(frame);
                    return if error == Errno::AGAIN { Ok(None) } else { Err(error.into()) };
                }
            };
            let (Some(header), Some(length)) = (VnetHeader::parse(&header), length.checked_sub(VNET_HDR_LEN)) else {
                self.spare = Some(frame);
                continue;
            };
            frame.advance(length);
            let bytes = frame.freeze(pool);
            return Ok(Some(RxFrame {
                checksum: header.rx_checksum(),
                gso_size: header.rx_gso_size(),
                ..RxFrame::new(bytes)
            }));
        }
    }

    fn send(&mut self, frame: &TxFrame) -> rustix::io::Result<()> {
        let header = VnetHeader::for_frame(frame, Medium::Ip).to_bytes();
        let mut slices = arrayvec::ArrayVec::<_, { MAX_CHUNKS + 2 }>::new();
        slices.push(IoSlice::new(&header));
        slices.push(IoSlice::new(&frame.head));
        slices.extend(frame.payload.iter().map(|chunk| IoSlice::new(chunk.as_slice())));
        rustix::io::retry_on_intr(|| rustix::io::writev(&self.fd, &slices)).map(drop)
    }
}

impl fmt::Debug for Tun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tun { fd: _, name, mtu, offload, refused, spare: _, appetite: _ } = self;
        f.debug_struct("Tun")
            .field("name", name)
            .field("mtu", mtu)
            .field("offload", offload)
            .field("refused", refused)
            .finish()
    }
}

impl Device for Tun {
    fn caps(&self) -> Caps {
        Caps {
            medium: Medium::Ip,
            mtu: self.mtu,
            tx_checksum: self.offload,
            rx_checksum: self.offload,
            gso_max: if self.offload { GSO_MAX } else { 0 },
        }
    }

    fn recv_batch(&mut self, pool: &mut FramePool, frames: &mut Vec<RxFrame>, max: usize) -> io::Result<usize> {
        let mut count = 0;
        while count < max {
            let Some(frame) = self.recv(pool)? else { break };
            frames.push(frame);
            count += 1;
            if count == 1 && !self.appetite.goes_on() {
                return Ok(1);
            }
        }
        self.appetite.had(count);
        Ok(count)
    }

    fn send_batch(&mut self, frames: &[TxFrame]) -> io::Result<usize> {
        for (count, frame) in frames.iter().enumerate() {
            match self.send(frame) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Ok(count),
                Err(Errno::INVAL | Errno::IO) => self.refused += 1,
                // What was sent must be told; the error comes again with the next batch.
                Err(_) if count > 0 => return Ok(count),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(frames.len())
    }

    fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        Some(self.fd.as_fd())
    }
}

/// The kernel's MAX_TAP_QUEUES.
const MAX_QUEUES: usize = 256;

fn check_queues(queues: usize) -> io::Result<()> {
    match queues {
        1..=MAX_QUEUES => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{queues} queues: from 1 to {MAX_QUEUES}"))),
    }
}

fn open_clone_device() -> Result<OwnedFd, NamespaceError> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open("/dev/net/tun", flags, Mode::empty()).map_err(|e| NamespaceError::NoTun(e.into()))
}

/// TUNSETIFF: makes or attaches to the device `name`, and answers with the name it got.
fn set_interface(fd: &OwnedFd, name: &str, extra: u16) -> io::Result<String> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains(['/', '\0']) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an interface's name has 1 to 15 bytes"));
    }
    let mut request = [0_u8; IFREQ];
    request[..name.len()].copy_from_slice(name.as_bytes());
    request[16..18].copy_from_slice(&(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | extra).to_ne_bytes());
    // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, and `request` is as long as one, in bytes that the kernel
    // copies without asking for alignment.
    unsafe { ioctl::ioctl(fd, Updater::<TUNSETIFF, [u8; IFREQ]>::new(&mut request)) }?;
    let end = request[..16].iter().position(|b| *b == 0).unwrap_or(16);
    Ok(String::from_utf8_lossy(&request[..end]).into_owned())
}

#[cfg(test)]
mod tests;
